/*
 * Unit tests of the erasure code: its rows as the wire defines them, by an
 * arithmetic of our own; every combination of small blocks, chance for the
 * large ones; a block that grows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fec/fec.h"

#define LEN_MAX 1500

static uint8_t data[FEC_DATA_MAX][LEN_MAX], parity[FEC_PARITY_MAX][LEN_MAX], out[FEC_DATA_MAX][LEN_MAX];
static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)seed * below) >> 32);
}

static void new_data(void)
{
	for (size_t i = 0; i < FEC_DATA_MAX; i++)
		for (size_t j = 0; j < LEN_MAX; j++)
			data[i][j] = (uint8_t)draw(256);
}

/* Multiplication in GF(2^8) modulo 0x11d, the slow way. */
static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned product = 0;
	for (unsigned bit = 0; bit < 8; bit++)
		product ^= b >> bit & 1 ? (unsigned)a << bit : 0;
	for (unsigned bit = 14; bit >= 8; bit--)
		product ^= product >> bit & 1 ? 0x11du << (bit - 8) : 0;
	return (uint8_t)product;
}

static uint8_t inverse(uint8_t a)
{
	for (unsigned b = 1; b < 256; b++)
		if (times(a, (uint8_t)b) == 1)
			return (uint8_t)b;
	fail();
	return 0;
}

static void encode(unsigned k, const uint8_t *rows, unsigned n, size_t len)
{
	const uint8_t *in[FEC_DATA_MAX];
	uint8_t *to[FEC_PARITY_MAX];
	for (unsigned i = 0; i < k; i++)
		in[i] = data[i];
	for (unsigned r = 0; r < n; r++)
		to[r] = parity[r];
	lan_fec_encode(in, k, rows, n, to, len);
}

/* Take these away, decode, compare. */
static void recover(unsigned k, const uint8_t *missing, unsigned n, const uint8_t *rows, size_t len)
{
	const uint8_t *in[FEC_DATA_MAX];
	uint8_t *from[FEC_DATA_MAX] = {0}, *to[FEC_DATA_MAX] = {0};
	for (unsigned i = 0; i < k; i++)
		in[i] = data[i];
	for (unsigned i = 0; i < n; i++) {
		in[missing[i]] = NULL;
		from[i] = parity[i];
		to[i] = out[i];
		memset(out[i], '#', LEN_MAX);
	}
	assert_true(lan_fec_decode(in, k, missing, n, rows, from, to, len));
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(out[i], data[missing[i]], len);
		for (size_t j = len; j < LEN_MAX; j++)
			assert_int_equal(out[i][j], '#');
	}
}

static void each_row_is_the_sum_that_the_wire_defines(void **state)
{
	uint8_t rows[FEC_PARITY_MAX];
	new_data();
	for (unsigned r = 0; r < FEC_PARITY_MAX; r++)
		rows[r] = (uint8_t)(FEC_PARITY_MAX - 1 - r);
	encode(FEC_DATA_MAX, rows, FEC_PARITY_MAX, 40);
	for (unsigned r = 0; r < FEC_PARITY_MAX; r++) {
		uint8_t coefficient[FEC_DATA_MAX];
		for (unsigned i = 0; i < FEC_DATA_MAX; i++)
			coefficient[i] = inverse((uint8_t)((64 + rows[r]) ^ i));
		for (size_t j = 0; j < 40; j++) {
			uint8_t sum = 0;
			for (unsigned i = 0; i < FEC_DATA_MAX; i++)
				sum ^= times(coefficient[i], data[i][j]);
			assert_int_equal(parity[r][j], sum);
		}
	}
}

/* All ways to lose n of k symbols, with all ways to have n of six rows. */
static void every_loss_in_small_blocks_is_recovered(void **state)
{
	new_data();
	for (unsigned k = 1; k <= 6; k++)
		for (unsigned lost = 0; lost < 1u << k; lost++)
			for (unsigned had = 0; had < 64; had++) {
				uint8_t missing[6], rows[6];
				unsigned n = 0, m = 0;
				for (unsigned i = 0; i < 6; i++) {
					if (lost >> i & 1)
						missing[n++] = (uint8_t)i;
					if (had >> i & 1)
						rows[m++] = (uint8_t)(i * 25);
				}
				if (n == m) {
					encode(k, rows, n, 33);
					recover(k, missing, n, rows, 33);
				}
			}
}

/* n different ones below `below`, in random order. */
static void choose(uint8_t *to, unsigned n, unsigned below)
{
	uint8_t all[FEC_PARITY_MAX];
	for (unsigned i = 0; i < below; i++)
		all[i] = (uint8_t)i;
	for (unsigned i = 0; i < n; i++) {
		unsigned j = i + draw(below - i);
		to[i] = all[j];
		all[j] = all[i];
	}
}

static int ascending(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

static void random_losses_in_large_blocks_are_recovered(void **state)
{
	for (unsigned round = 0; round < 400; round++) {
		uint8_t missing[FEC_DATA_MAX], rows[FEC_DATA_MAX];
		unsigned k = 1 + draw(FEC_DATA_MAX), n = round % 40 == 0 ? k : draw(k + 1);
		size_t len = round % 7 == 0 ? LEN_MAX : draw(LEN_MAX);
		new_data();
		choose(missing, n, k);
		choose(rows, n, FEC_PARITY_MAX);
		qsort(missing, n, 1, ascending);
		encode(k, rows, n, len);
		recover(k, missing, n, rows, len);
	}
}

static void a_row_of_a_growing_block_is_the_same_with_zeros_behind_it(void **state)
{
	static uint8_t small[LEN_MAX];
	uint8_t row = 5, missing[2] = {1, 2}, rows[2] = {5, 9};
	new_data();
	for (unsigned i = 3; i < FEC_DATA_MAX; i++)
		memset(data[i], 0, LEN_MAX);
	encode(3, &row, 1, 100);
	memcpy(small, parity[0], 100);
	for (unsigned k = 4; k <= FEC_DATA_MAX; k++) {
		encode(k, &row, 1, 100);
		assert_memory_equal(parity[0], small, 100);
	}
	encode(3, rows, 2, 100); /* parity of three symbols, used when there are more */
	recover(20, missing, 2, rows, 100);
}

static void what_does_not_fit_is_refused(void **state)
{
	const uint8_t *in[FEC_DATA_MAX];
	uint8_t *from[3] = {parity[0], parity[1], parity[2]}, *to[3] = {out[0], out[1], out[2]};
	uint8_t two[2] = {1, 3}, falling[2] = {3, 1}, far[2] = {1, 8}, present[2] = {1, 2}, rows[2] = {0, 1},
		same[2] = {7, 7}, high[2] = {1, FEC_PARITY_MAX};
	for (unsigned i = 0; i < FEC_DATA_MAX; i++)
		in[i] = data[i];
	in[1] = in[3] = NULL;
	assert_true(lan_fec_decode(in, 8, two, 2, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 8, falling, 2, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 8, far, 2, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 8, present, 2, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 8, two, 1, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 8, two, 2, same, from, to, 10));
	assert_false(lan_fec_decode(in, 8, two, 2, high, from, to, 10));
	assert_false(lan_fec_decode(in, FEC_DATA_MAX + 1, two, 2, rows, from, to, 10));
	assert_false(lan_fec_decode(in, 1, two, 2, rows, from, to, 10));
	in[1] = in[3] = data[0];
	assert_true(lan_fec_decode(in, 8, NULL, 0, NULL, NULL, NULL, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_the_sum_that_the_wire_defines),
		cmocka_unit_test(every_loss_in_small_blocks_is_recovered),
		cmocka_unit_test(random_losses_in_large_blocks_are_recovered),
		cmocka_unit_test(a_row_of_a_growing_block_is_the_same_with_zeros_behind_it),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
