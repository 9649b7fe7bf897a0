/*
 * big.h - whole numbers large enough to write and read floating point numbers
 * exactly, and the last step of reading one: the nearest double. Whole-number
 * arithmetic only: no dependence on locale or rounding mode.
 */
#ifndef LAN_BASE_BIG_H
#define LAN_BASE_BIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAN_BIG_WORDS 40 /* the smallest double times 10^324, and some */

/* Nothing here looks for too many words: the caller knows how large its numbers get. */
struct lan_big {
	uint32_t w[LAN_BIG_WORDS]; /* little endian */
	size_t n;                  /* words in use: the last is not zero */
};

/* v * 2^shift; shift: at most 32 * (LAN_BIG_WORDS - 3) */
struct lan_big lan_big_of(uint64_t v, unsigned shift);
void lan_big_times(struct lan_big *b, uint32_t by);
void lan_big_times_ten(struct lan_big *b, unsigned n); /* * 10^n */
/* / 10^n; true: something was left over. */
bool lan_big_divide_ten(struct lan_big *b, unsigned n);
void lan_big_add(struct lan_big *b, const struct lan_big *more);
void lan_big_subtract(struct lan_big *b, const struct lan_big *less); /* less <= b */
int lan_big_compare(const struct lan_big *a, const struct lan_big *b);

/* The double nearest to v * 2^exponent, or to a little more than that (`rest`: to less than v + 1), ties to
 * even; infinity if it is too large. With `rest`, v must have 54 bits or more. */
double lan_real_nearest(uint64_t v, bool rest, int64_t exponent);
/* The same of a big number. */
double lan_big_nearest(const struct lan_big *b, bool rest, int64_t exponent);

#endif
