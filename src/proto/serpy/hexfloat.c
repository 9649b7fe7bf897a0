/*
 * hexfloat.c - see hexfloat.h. A double is written digit for digit as it is
 * stored. Reading keeps the first 64 bits of the digits and whether anything
 * came after them, which is all that rounding needs; so neither the number of
 * digits nor the exponent has a bound.
 */
#include "proto/serpy/hexfloat.h"

#include <string.h>
#include "base/big.h"

#define MANTISSA     52
#define EXPONENT_FAR (INT64_MAX / 4) /* beyond what any number of digits could make good */

size_t hexfloat_format(double v, char out[HEXFLOAT_TEXT])
{
	char number[DECIMAL_TEXT], *p = out;
	uint64_t bits;
	size_t n;

	memcpy(&bits, &v, sizeof bits);
	uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA) - 1);
	int exponent = (int)(bits >> MANTISSA & 0x7ff);
	if (exponent == 0x7ff) {
		const char *word = mantissa ? "nan" : bits >> 63 ? "-inf" : "inf";
		n = strlen(word);
		memcpy(out, word, n + 1);
		return n;
	}
	if (bits >> 63)
		*p++ = '-';
	*p++ = '0';
	*p++ = 'x';
	*p++ = exponent ? '1' : '0';
	*p++ = '.';
	if (exponent || mantissa)
		for (int shift = MANTISSA - 4; shift >= 0; shift -= 4)
			*p++ = "0123456789abcdef"[mantissa >> shift & 15];
	else
		*p++ = '0';
	*p++ = 'p';
	exponent = exponent ? exponent - 1023 : mantissa ? -1022 : 0;
	if (exponent >= 0)
		*p++ = '+';
	n = decimal_int_format(exponent, number);
	memcpy(p, number, n + 1);
	return (size_t)(p - out) + n;
}

/* --- reading ----------------------------------------------------------------- */

struct text {
	const uint8_t *p, *end;
};

static bool blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next character if it is one of these. */
static char take(struct text *t, const char *of)
{
	return t->p < t->end && *t->p && strchr(of, *t->p) ? (char)*t->p++ : 0;
}

/* A word in small letters, written in any. */
static bool take_word(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(t->end - t->p) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (t->p[i] != word[i] && (word[i] < 'a' || t->p[i] != word[i] - 'a' + 'A'))
			return false;
	t->p += n;
	return true;
}

/* -1: none */
static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct digits {
	uint64_t first; /* v of v * 2^exponent, rounded down */
	int64_t exponent;
	bool rest;
};

/* Digits with at most one point. False: no digit at all. */
static bool take_digits(struct text *t, struct digits *d)
{
	bool any = false, point = false;

	for (; t->p < t->end; t->p++) {
		int digit = hex_digit(*t->p);
		if (*t->p == '.' && !point) {
			point = true;
			continue;
		}
		if (digit < 0)
			break;
		any = true;
		d->exponent -= point ? 4 : 0;
		if (d->first >> 60) { /* no room for another */
			d->rest |= digit > 0;
			d->exponent += 4;
		} else
			d->first = d->first << 4 | (unsigned)digit;
	}
	return any;
}

/* False: a "p" without a number. */
static bool take_exponent(struct text *t, int64_t *exponent)
{
	int64_t v = 0;
	char c;

	if (!take(t, "pP"))
		return true;
	bool minus = take(t, "+-") == '-', any = false;
	for (; (c = take(t, "0123456789")); any = true)
		v = v > EXPONENT_FAR / 10 ? EXPONENT_FAR : v * 10 + (c - '0');
	*exponent += minus ? -v : v;
	return any;
}

static bool take_number(struct text *t, double *v)
{
	struct digits d = {0};

	if (take_word(t, "inf")) {
		(void)take_word(t, "inity");
		*v = __builtin_inf();
		return true;
	}
	if (take_word(t, "nan")) {
		*v = __builtin_nan("");
		return true;
	}
	(void)take_word(t, "0x");
	if (!take_digits(t, &d) || !take_exponent(t, &d.exponent))
		return false;
	*v = lan_real_nearest(d.first, d.rest, d.exponent);
	return *v <= 0x1.fffffffffffffp+1023;
}

enum lan_err hexfloat_parse(const uint8_t *in, size_t n, double *out)
{
	struct text t = {in, in + n};
	double v;

	while (t.p < t.end && blank(*t.p))
		t.p++;
	while (t.p < t.end && blank(t.end[-1]))
		t.end--;
	bool minus = take(&t, "+-") == '-';
	if (!take_number(&t, &v) || t.p < t.end)
		return LAN_ERR_PROTO;
	*out = minus ? -v : v;
	return LAN_OK;
}
