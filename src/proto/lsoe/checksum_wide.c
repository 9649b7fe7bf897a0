/*
 * checksum_wide.c - the sums of checksum.c, 64 octets at once, on processors that look up 128 table values
 * with one instruction (x86 with AVX-512 VBMI). Elsewhere the file is empty but for the answer that it
 * cannot.
 *
 * The table stands in four registers: the index's lower seven bits choose in each half, its highest bit
 * between the halves. Accounts are 16 bits wide, so they are folded before the largest values could overflow
 * them. The upper halves of the registers are cleared at the end: else everything after it is slow.
 */
#include "proto/lsoe/checksum.h"

#ifdef __x86_64__

#include <immintrin.h>

#define STEP  64
#define STEPS 257 /* 257 * 255 fits into 16 bits */
#define WIDE  __attribute__((target("avx512f,avx512bw,avx512vbmi")))

/* Accounts of 16 bits of two lanes that alternate, so the first of each pair is the lower lane's. */
WIDE static inline void fold(__m512i account, uint32_t *lower, uint32_t *upper)
{
	__m512i low = _mm512_and_si512(account, _mm512_set1_epi32(0xffff));

	*lower += (uint32_t)_mm512_reduce_add_epi32(low);
	*upper += (uint32_t)_mm512_reduce_add_epi32(_mm512_srli_epi32(account, 16));
}

WIDE static void add_all(const uint8_t table[256], const uint8_t *p, size_t n, uint32_t sum[4])
{
	__m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
	__m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
	const __m512i even = _mm512_set1_epi16(0xff);

	while (n) {
		__m512i s02 = _mm512_setzero_si512(), s13 = s02;
		for (size_t k = 0; k < STEPS && n; k++) {
			size_t take = n < STEP ? n : STEP;
			__mmask64 there = ~UINT64_C(0) >> (STEP - take);
			__m512i v = _mm512_maskz_loadu_epi8(there, p);
			__m512i low = _mm512_maskz_permutex2var_epi8(there, t0, v, t1);
			__m512i high = _mm512_maskz_permutex2var_epi8(there, t2, v, t3);
			__m512i f = _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(v), high);
			s02 = _mm512_add_epi16(s02, _mm512_and_si512(f, even));
			s13 = _mm512_add_epi16(s13, _mm512_srli_epi16(f, 8));
			p += take;
			n -= take;
		}
		fold(s02, &sum[0], &sum[2]);
		fold(s13, &sum[1], &sum[3]);
	}
	_mm256_zeroupper();
}

bool lsoe_checksum_wide(const uint8_t table[256], const uint8_t *p, size_t n, uint32_t sum[4])
{
	if (!__builtin_cpu_supports("avx512vbmi") || !__builtin_cpu_supports("avx512bw"))
		return false;
	add_all(table, p, n, sum);
	return true;
}

#else

bool lsoe_checksum_wide(const uint8_t table[256], const uint8_t *p, size_t n, uint32_t sum[4])
{
	return false;
}

#endif
