/*
 * rng.h - the randomness of the simulator: xoshiro256**, seeded by splitmix64
 * (Blackman, Vigna: "Scrambled linear pseudorandom number generators").
 *
 * Own code rather than libc's, so that a seed means the same run on every
 * machine and in every year. Not for anything secret.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

static inline uint64_t rng_splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline void rng_init(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_splitmix(&seed);
}

static inline uint64_t rng_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t out = rng_rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rng_rotl(r->s[3], 45);
	return out;
}

/* 0 .. n-1; 0 for n == 0. The bias of the modulus does not matter here. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return n ? rng_next(r) % n : 0;
}

/* True in `ppm` of a million cases. Draws nothing for 0, so that a rate that
 * is switched off does not shift the rest of the run. */
static inline bool rng_ppm(struct rng *r, uint32_t ppm)
{
	return ppm && rng_next(r) % 1000000 < ppm;
}

#endif
