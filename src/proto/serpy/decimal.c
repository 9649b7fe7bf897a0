/*
 * decimal.c - numbers as Python's str() writes them, see hexfloat.h. The digits
 * of a double come out one at a time by long division, exactly, until what is
 * written reads back as this double and no other (Steele and White, "How to
 * print floating-point numbers accurately", 1990).
 */
#include "proto/serpy/hexfloat.h"

#include <string.h>
#include "base/big.h"

#define DIGITS_MAX 17 /* that many always tell a double from all others */

/* What is left to write is rest / unit. All from `down` below to `up` above it reads back as the same double;
 * the two ends, too, if it is even, for a tie goes to the even one. */
struct division {
	struct lan_big rest, unit, up, down;
	bool even;
};

static bool down_is_enough(const struct division *d)
{
	int c = lan_big_compare(&d->rest, &d->down);

	return c < 0 || (c == 0 && d->even);
}

static bool up_is_enough(const struct division *d)
{
	struct lan_big top = d->rest;

	lan_big_add(&top, &d->up);
	int c = lan_big_compare(&top, &d->unit);
	return c > 0 || (c == 0 && d->even);
}

/* Is the next digit nearer than this one? */
static bool round_up(const struct division *d, char digit)
{
	struct lan_big twice = d->rest;

	lan_big_times(&twice, 2);
	int c = lan_big_compare(&twice, &d->unit);
	return c > 0 || (c == 0 && digit % 2);
}

/* f * 2^e as a division, in quarters of the distance between two doubles: halfway down to the double before
 * it is one of them if that is nearer (f is a power of two), and two otherwise. The result is below one after
 * dividing by 10^point. */
static void divide(struct division *d, uint64_t f, int e, bool nearer, int *point)
{
	unsigned left = e > 0 ? (unsigned)e : 0, right = e < 0 ? (unsigned)-e : 0;
	int top = e + 63 - __builtin_clzll(f), tens = (top * 78913) >> 18; /* log10(2) * 2^18; at most true */

	d->even = f % 2 == 0;
	d->rest = lan_big_of(f, left + 2);
	d->up = lan_big_of(2, left);
	d->down = lan_big_of(nearer ? 1 : 2, left);
	d->unit = lan_big_of(4, right);
	if (tens > 0)
		lan_big_times_ten(&d->unit, (unsigned)tens);
	else {
		lan_big_times_ten(&d->rest, (unsigned)-tens);
		lan_big_times_ten(&d->up, (unsigned)-tens);
		lan_big_times_ten(&d->down, (unsigned)-tens);
	}
	for (; up_is_enough(d); tens++)
		lan_big_times(&d->unit, 10);
	*point = tens;
}

/* The digits of 0.ddd * 10^point. */
static size_t shortest(struct division *d, char digits[DIGITS_MAX])
{
	bool down, up;
	size_t n = 0;

	do {
		char digit = '0';
		lan_big_times(&d->rest, 10);
		lan_big_times(&d->up, 10);
		lan_big_times(&d->down, 10);
		for (; lan_big_compare(&d->rest, &d->unit) >= 0; digit++)
			lan_big_subtract(&d->rest, &d->unit);
		down = down_is_enough(d);
		up = up_is_enough(d);
		digits[n++] = digit;
	} while (!down && !up);
	if (up && (!down || round_up(d, digits[n - 1])))
		digits[n - 1]++; /* never beyond 9: one digit less would have been enough */
	return n;
}

static char *put(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

static char *put_zeros(char *p, int n)
{
	for (; n > 0; n--)
		*p++ = '0';
	return p;
}

/* 1.5e-07 */
static char *put_scientific(char *p, const char *digits, size_t n, int exponent)
{
	char text[DECIMAL_TEXT];

	*p++ = digits[0];
	if (n > 1) {
		*p++ = '.';
		p = put(p, digits + 1, n - 1);
	}
	*p++ = 'e';
	*p++ = exponent < 0 ? '-' : '+';
	exponent = exponent < 0 ? -exponent : exponent;
	if (exponent < 10)
		*p++ = '0';
	return put(p, text, decimal_int_format(exponent, text));
}

static char *put_plain(char *p, const char *digits, size_t n, int point)
{
	size_t whole = point < 0 ? 0 : (size_t)point < n ? (size_t)point : n;

	p = put(p, digits, whole);
	p = put_zeros(p, point > 0 ? point - (int)whole : 1);
	*p++ = '.';
	p = put_zeros(p, whole == n ? 1 : -point);
	return put(p, digits + whole, n - whole);
}

size_t decimal_format(double v, char out[DECIMAL_TEXT])
{
	char digits[DIGITS_MAX] = "0", *p = out;
	size_t n = 1;
	int point = 1;
	struct division d;
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	uint64_t f = bits & ((UINT64_C(1) << 52) - 1);
	int e = (int)(bits >> 52 & 0x7ff);
	if (bits >> 63 && v == v)
		*p++ = '-';
	if (e == 0x7ff)
		p = put(p, f ? "nan" : "inf", 3);
	else {
		if (e || f) {
			divide(&d, e ? f | UINT64_C(1) << 52 : f, (e ? e : 1) - 1075, e > 1 && !f, &point);
			n = shortest(&d, digits);
		}
		if (point > -4 && point <= 16)
			p = put_plain(p, digits, n, point);
		else
			p = put_scientific(p, digits, n, point - 1);
	}
	*p = 0;
	return (size_t)(p - out);
}

size_t decimal_int_format(int64_t v, char out[DECIMAL_TEXT])
{
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char text[20];
	size_t at = sizeof text, sign = v < 0;

	do
		text[--at] = (char)('0' + left % 10);
	while (left /= 10);
	out[0] = '-';
	memcpy(out + sign, text + at, sizeof text - at);
	out[sign + sizeof text - at] = 0;
	return sign + sizeof text - at;
}
