/*
 * big.c - see big.h. Schoolbook arithmetic, a word of 32 bits at a time.
 */
#include "base/big.h"

#include <string.h>

static void trim(struct lan_big *b)
{
	while (b->n && !b->w[b->n - 1])
		b->n--;
}

struct lan_big lan_big_of(uint64_t v, unsigned shift)
{
	struct lan_big b = {.n = shift / 32 + 3};
	uint32_t *w = b.w + shift / 32;
	unsigned bits = shift % 32;

	w[0] = (uint32_t)(v << bits);
	w[1] = (uint32_t)(v << bits >> 32);
	w[2] = bits ? (uint32_t)(v >> (64 - bits)) : 0;
	trim(&b);
	return b;
}

void lan_big_times(struct lan_big *b, uint32_t by)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < b->n; i++, carry >>= 32)
		b->w[i] = (uint32_t)(carry += (uint64_t)b->w[i] * by);
	if (carry)
		b->w[b->n++] = (uint32_t)carry;
}

static bool divide(struct lan_big *b, uint32_t by)
{
	uint64_t left = 0;

	for (size_t i = b->n; i-- > 0; left %= by) {
		left = left << 32 | b->w[i];
		b->w[i] = (uint32_t)(left / by);
	}
	trim(b);
	return left != 0;
}

/* 10^n, n at most 9: what fits a word. */
static uint32_t ten_to(unsigned n)
{
	uint32_t v = 1;

	while (n-- > 0)
		v *= 10;
	return v;
}

void lan_big_times_ten(struct lan_big *b, unsigned n)
{
	for (; n > 9; n -= 9)
		lan_big_times(b, ten_to(9));
	lan_big_times(b, ten_to(n));
}

bool lan_big_divide_ten(struct lan_big *b, unsigned n)
{
	bool left = false;

	for (; n > 9; n -= 9)
		left |= divide(b, ten_to(9));
	return divide(b, ten_to(n)) || left;
}

void lan_big_add(struct lan_big *b, const struct lan_big *more)
{
	uint64_t carry = 0;

	for (; b->n < more->n; b->n++)
		b->w[b->n] = 0;
	for (size_t i = 0; i < b->n; i++, carry >>= 32)
		b->w[i] = (uint32_t)(carry += (uint64_t)b->w[i] + (i < more->n ? more->w[i] : 0));
	if (carry)
		b->w[b->n++] = (uint32_t)carry;
}

void lan_big_subtract(struct lan_big *b, const struct lan_big *less)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint64_t d = (uint64_t)b->w[i] - (i < less->n ? less->w[i] : 0) - borrow;
		b->w[i] = (uint32_t)d;
		borrow = d >> 63;
	}
	trim(b);
}

int lan_big_compare(const struct lan_big *a, const struct lan_big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (size_t i = a->n; i-- > 0;)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

double lan_real_nearest(uint64_t v, bool rest, int64_t exponent)
{
	int shift = v ? __builtin_clzll(v) : 0, keep = 53;
	uint64_t bits = UINT64_C(0x7ff) << 52;
	double f;

	if (!v)
		return 0;
	v <<= shift;
	exponent += 63 - shift; /* of the highest bit */
	if (exponent < -1022)   /* subnormal: bits below 2^-1074 have no place; -1: not even the half of it */
		keep = exponent < -1075 ? -1 : 53 + 1022 + (int)exponent;
	if (keep < 0)
		return 0;
	if (exponent <= 1023) {
		uint64_t lost = v << keep, half = UINT64_C(1) << 63;
		bits = keep ? v >> (64 - keep) : 0;
		bits += lost > half || (lost == half && (rest || bits & 1));
		/* the highest bit, still in its place, and a carry beyond it pass into the exponent */
		if (exponent >= -1022)
			bits += (uint64_t)(exponent + 1022) << 52;
	}
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* The k-th word from the top; zeros below. */
static uint32_t from_top(const struct lan_big *b, size_t k)
{
	return k < b->n ? b->w[b->n - 1 - k] : 0;
}

double lan_big_nearest(const struct lan_big *b, bool rest, int64_t exponent)
{
	if (!b->n)
		return 0;
	int room = __builtin_clz(from_top(b, 0)); /* of 64 bits, for those of the third word */
	uint64_t v = (uint64_t)from_top(b, 0) << 32 | from_top(b, 1), third = (uint64_t)from_top(b, 2)
									      << room;
	v = v << room | third >> 32;
	rest |= (uint32_t)third != 0;
	for (size_t k = 3; k < b->n; k++)
		rest |= from_top(b, k) != 0;
	return lan_real_nearest(v, rest, exponent + 32 * ((int64_t)b->n - 2) - room);
}
