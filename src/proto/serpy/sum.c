/*
 * sum.c - see sum.h. Sixteen bytes a step.
 *
 * On x86 one instruction adds up eight bytes, and nothing can overflow.
 * Elsewhere they are eight lanes of 16 bits of two bytes each. Adding up whole lanes (modulo 2^16) and their
 * upper bytes gives the lower bytes as the difference, with one operation less than masking. Both stay below
 * 2^16 for 257 steps; before that they are folded. Which byte of a lane is the upper one does not matter to a
 * sum.
 */
#include "proto/serpy/sum.h"

#include <string.h>

typedef uint16_t lanes __attribute__((vector_size(16)));

#define STEP  sizeof(lanes)
#define BLOCK (4 * 254 * STEP) /* 254 steps in each of four accounts, and what is left over in one */
#define AHEAD 1024             /* bytes asked for from memory in advance */

/* Of p + AHEAD: a third faster from memory; beyond the end of the data it does nothing. */
static inline void ahead(const uint8_t *p)
{
	__builtin_prefetch((const void *)((uintptr_t)p + AHEAD));
}

struct account {
	lanes whole, upper;
};

static inline void add(struct account *a, const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof v); /* any alignment */
	a->whole += v;
	a->upper += v >> 8;
}

static uint32_t fold(const struct account *a)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < STEP / sizeof(uint16_t); i++)
		sum += a->upper[i] + (uint16_t)(a->whole[i] - (a->upper[i] << 8));
	return sum;
}

/* n: whole steps, a block at most. Four accounts, because one addition must wait for the one before it. */
static uint32_t block(const uint8_t *p, size_t n)
{
	struct account a = {0}, b = {0}, c = {0}, d = {0};

	for (; n >= 4 * STEP; p += 4 * STEP, n -= 4 * STEP) {
		ahead(p);
		add(&a, p);
		add(&b, p + STEP);
		add(&c, p + 2 * STEP);
		add(&d, p + 3 * STEP);
	}
	for (; n; p += STEP, n -= STEP)
		add(&a, p);
	return fold(&a) + fold(&b) + fold(&c) + fold(&d);
}

uint32_t serpy_sum_lanes(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n >= STEP) {
		size_t take = n < BLOCK ? n - n % STEP : BLOCK;
		sum += block(p, take);
		p += take;
		n -= take;
	}
	for (; n; n--)
		sum += *p++;
	return sum;
}

#ifdef __SSE2__

typedef char octets __attribute__((vector_size(16)));
typedef long long sums __attribute__((vector_size(16)));

/* The sums of the first and of the last eight bytes. */
static inline sums step(const uint8_t *p)
{
	octets v, zero = {0};

	memcpy(&v, p, sizeof v);
	return (sums)__builtin_ia32_psadbw128(v, zero);
}

uint32_t serpy_sum(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;
	sums a = {0}, b = {0}, c = {0}, d = {0};

	for (; n >= 4 * STEP; p += 4 * STEP, n -= 4 * STEP) {
		ahead(p);
		a += step(p);
		b += step(p + STEP);
		c += step(p + 2 * STEP);
		d += step(p + 3 * STEP);
	}
	for (; n >= STEP; p += STEP, n -= STEP)
		a += step(p);
	a += b + c + d;
	sum += (uint32_t)(a[0] + a[1]);
	for (; n; n--)
		sum += *p++;
	return sum;
}

#else

uint32_t serpy_sum(uint32_t sum, const void *data, size_t n)
{
	return serpy_sum_lanes(sum, data, n);
}

#endif
