/*
 * number.c - numbers in the text of protocols 0 to 2, and the size of those in
 * two's complement. The text comes from a stranger: what is not the plain
 * decimal that Python's repr writes is refused. Floats are rounded to the
 * nearest, ties to even, with whole-number arithmetic: no dependence on locale
 * or rounding mode.
 */
#include <string.h>
#include "proto/pickle/op.h"

#define DIGITS_MAX 19 /* of a float: what fits 64 bits; repr writes at most 17 */
#define WORDS      40 /* 64 + 1074 bits and some */

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

struct big {
	uint32_t w[WORDS]; /* little endian */
	size_t n;          /* words in use */
	bool rest;         /* something was left over by divisions */
};

static void times(struct big *b, uint32_t by)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < b->n; i++, carry >>= 32)
		b->w[i] = (uint32_t)(carry += (uint64_t)b->w[i] * by);
	if (carry)
		b->w[b->n++] = (uint32_t)carry;
}

static void divide(struct big *b, uint32_t by)
{
	uint64_t left = 0;

	for (size_t i = b->n; i-- > 0; left %= by) {
		left = left << 32 | b->w[i];
		b->w[i] = (uint32_t)(left / by);
	}
	while (b->n && !b->w[b->n - 1])
		b->n--;
	b->rest |= left != 0;
}

static int top_bit(const struct big *b) /* -1: zero */
{
	for (int i = (int)b->n; i-- > 0;)
		if (b->w[i])
			return i * 32 + 31 - __builtin_clz(b->w[i]);
	return -1;
}

static bool bit(const struct big *b, int i)
{
	return i >= 0 && b->w[i / 32] >> (i % 32) & 1;
}

static bool any_below(const struct big *b, int i)
{
	while (--i >= 0)
		if (bit(b, i))
			return true;
	return b->rest;
}

/* b * 2^-shift to the nearest double. */
static double rounded(const struct big *b, int shift)
{
	int top = top_bit(b), exponent = top - shift, keep = exponent < -1022 ? 53 + exponent + 1022 : 53;
	uint64_t m = 0;

	if (top < 0 || keep < 0)
		return 0;
	for (int i = 0; i < keep; i++)
		m = m << 1 | bit(b, top - i);
	if (bit(b, top - keep) && (any_below(b, top - keep) || m & 1))
		m++;
	/* Adding the exponent to a mantissa that still has its first bit lets a carry pass into it. */
	if (exponent >= -1022)
		m += (uint64_t)(exponent + 1022) << 52;
	if (exponent > 1023 || m >= UINT64_C(0x7ff) << 52)
		m = UINT64_C(0x7ff) << 52;
	double f;
	memcpy(&f, &m, sizeof f);
	return f;
}

/* 10^9 at a time: what fits a word. */
static uint32_t ten_to(int n)
{
	uint32_t v = 1;

	while (n-- > 0)
		v *= 10;
	return v;
}

static double scaled(uint64_t digits, int exponent)
{
	struct big b = {.w = {(uint32_t)digits, (uint32_t)(digits >> 32)}, .n = 2};
	int up = 0; /* words that the division gets to work on: 66 bits and more stay */

	if (digits == 0 || exponent < -400)
		return 0;
	if (exponent > 310)
		return __builtin_inf();
	for (int left = exponent; left > 0; left -= 9)
		times(&b, ten_to(left < 9 ? left : 9));
	if (exponent < 0) {
		up = -exponent * 10 / 96 + 4;
		up = up > WORDS - 2 ? WORDS - 2 : up;
		memmove(b.w + up, b.w, 2 * sizeof *b.w);
		memset(b.w, 0, (size_t)up * sizeof *b.w);
		b.n = (size_t)up + 2;
	}
	for (int left = -exponent; left > 0; left -= 9)
		divide(&b, ten_to(left < 9 ? left : 9));
	return rounded(&b, 32 * up);
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
