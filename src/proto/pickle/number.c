/*
 * number.c - numbers in the text of protocols 0 to 2, and the size of those in
 * two's complement. The text comes from a stranger: what is not the plain
 * decimal that Python's repr writes is refused. Floats are rounded to the
 * nearest, ties to even, with whole-number arithmetic: no dependence on locale
 * or rounding mode.
 */
#include <string.h>
#include "base/big.h"
#include "proto/pickle/op.h"

#define DIGITS_MAX 19 /* of a float: what fits 64 bits; repr writes at most 17 */
#define WORDS_MAX  37 /* below the digits of the smallest float: 1074 bits and 66 more, and some */

bool pickle_number_i64(const uint8_t *p, size_t n, int64_t *out)
{
	bool minus = n && p[0] == '-';
	uint64_t v = 0, max = (uint64_t)INT64_MAX + minus;

	if (n == (size_t)minus)
		return false;
	for (size_t i = minus; i < n; i++) {
		unsigned d = p[i] - (unsigned)'0';

		if (d > 9 || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = (int64_t)(minus ? 0 - v : v);
	return true;
}

size_t pickle_number_big(const uint8_t *p, size_t n, uint8_t *out)
{
	bool minus = n && p[0] == '-';
	size_t len = 0;

	if (n == (size_t)minus)
		return 0;
	for (size_t i = minus; i < n; i++) {
		unsigned carry = p[i] - (unsigned)'0';

		if (carry > 9)
			return 0;
		for (size_t k = 0; k < len; k++, carry >>= 8)
			out[k] = (uint8_t)(carry += out[k] * 10u);
		if (carry)
			out[len++] = (uint8_t)carry;
	}
	out[len++] = 0; /* room for the sign */
	for (size_t k = 0, carry = 1; minus && k < len; k++, carry >>= 8)
		out[k] = (uint8_t)(carry += (uint8_t)~out[k]);
	return pickle_int_len(out, len);
}

size_t pickle_int_len(const uint8_t *p, size_t n)
{
	while (n > 1 && ((p[n - 1] == 0 && p[n - 2] < 0x80) || (p[n - 1] == 0xff && p[n - 2] >= 0x80)))
		n--;
	return n;
}

int64_t pickle_int_value(const uint8_t *p, size_t n)
{
	uint64_t v = n && p[n - 1] >= 0x80 ? UINT64_MAX : 0;

	while (n--)
		v = v << 8 | p[n];
	return (int64_t)v;
}

/* --- floats ------------------------------------------------------------------ */

static double scaled(uint64_t digits, int exponent)
{
	unsigned tens = (unsigned)(exponent < 0 ? -exponent : exponent), up;
	struct lan_big b;

	if (digits == 0 || exponent < -400)
		return 0;
	if (exponent > 310)
		return __builtin_inf();
	if (exponent >= 0) {
		b = lan_big_of(digits, 0);
		lan_big_times_ten(&b, tens);
		return lan_big_nearest(&b, false, 0);
	}
	up = tens * 10 / 96 + 4; /* words that the division gets to work on: 66 bits and more stay */
	up = up > WORDS_MAX ? WORDS_MAX : up;
	b = lan_big_of(digits, 32 * up);
	bool rest = lan_big_divide_ten(&b, tens);
	return lan_big_nearest(&b, rest, -32 * (int)up);
}

static bool word(const uint8_t *p, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(p, name, n) == 0;
}

/* Digits with at most one point: their value, and how many stand behind the point. Stops at anything else. */
static size_t mantissa(const uint8_t *p, size_t n, uint64_t *digits, int *behind)
{
	size_t i = 0, seen = 0, counted = 0;
	bool point = false;

	for (; i < n; i++) {
		unsigned d = p[i] - (unsigned)'0';

		if (p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (d > 9)
			break;
		seen++;
		counted += counted || d;
		if (counted > DIGITS_MAX)
			return 0;
		*digits = *digits * 10 + d;
		*behind += point;
	}
	return seen ? i : 0;
}

bool pickle_number_float(const uint8_t *p, size_t n, double *out)
{
	bool minus = n && p[0] == '-';
	uint64_t digits = 0;
	int behind = 0;
	int64_t e = 0;
	double f;

	p += minus;
	n -= minus;
	if (word(p, n, "inf"))
		f = __builtin_inf();
	else if (word(p, n, "nan"))
		f = __builtin_nan("");
	else {
		size_t used = mantissa(p, n, &digits, &behind);
		if (!used)
			return false;
		if (used < n) {
			size_t at = used + 1 + (used + 1 < n && p[used + 1] == '+');
			bool signs = at == used + 2 && at < n && p[at] == '-';
			if ((p[used] | 0x20) != 'e' || signs || !pickle_number_i64(p + at, n - at, &e) ||
				e > 9999 || e < -9999)
				return false;
		}
		f = scaled(digits, (int)e - behind);
	}
	*out = minus ? -f : f;
	return true;
}
