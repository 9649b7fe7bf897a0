/*
 * Unit tests of the checksum of serpy2, against adding up one byte after the
 * other: every alignment and length, the largest sums a lane can be asked for,
 * and sums that begin again at zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/serpy/sum.h"

#define BLOCK 16256 /* after so many bytes the lanes are folded */

static uint32_t plain(uint32_t sum, const uint8_t *p, size_t n)
{
	while (n--)
		sum += *p++;
	return sum;
}

/* What this processor does best, and what every one can. */
static uint32_t both(uint32_t sum, const void *p, size_t n)
{
	uint32_t lanes = serpy_sum_lanes(sum, p, n);

	assert_int_equal(serpy_sum(sum, p, n), lanes);
	return lanes;
}

/* A block of exactly n bytes behind a beginning at any address; kind: random, or all of one value. */
static void same(size_t n, size_t offset, int kind)
{
	uint8_t *p = calloc(1, offset + n);

	for (size_t i = 0; i < offset + n; i++)
		p[i] = kind < 0 ? (uint8_t)rand() : (uint8_t)kind;
	if (both(77, p + offset, n) != plain(77, p + offset, n))
		fail_msg("%zu bytes at %zu, kind %d", n, offset, kind);
	free(p);
}

static void it_is_the_sum_of_all_bytes_at_any_address_and_length(void **state)
{
	srand(1);
	for (size_t n = 0; n < 200; n++)
		for (size_t offset = 0; offset < 17; offset++)
			same(n, offset, -1);
}

static void the_largest_bytes_do_not_overflow_where_blocks_begin_and_end(void **state)
{
	for (size_t blocks = 1; blocks < 5; blocks++)
		for (size_t n = blocks * BLOCK - 70; n < blocks * BLOCK + 260; n++) {
			same(n, n % 16, 0xff);
			if (n % 16 == 0)
				same(n + blocks, n % 16, -1);
		}
	for (int kind = 0; kind < 256; kind++)
		same(3 * BLOCK, 0, kind);
	/* one of two bytes of a lane alone */
	uint8_t *p = calloc(1, 2 * BLOCK);
	for (size_t odd = 0; odd < 2; odd++) {
		for (size_t i = 0; i < 2 * BLOCK; i++)
			p[i] = i % 2 == odd ? 0xff : 0;
		assert_int_equal(both(0, p, 2 * BLOCK), BLOCK * 0xff);
	}
	free(p);
}

static void it_begins_again_at_zero(void **state)
{
	size_t n = 17u << 20;
	uint8_t *p = malloc(n);

	memset(p, 0xff, n);
	assert_int_equal(both(0, p, n), (uint32_t)(n * 255 - (UINT64_C(1) << 32)));
	assert_int_equal(both(UINT32_MAX, p, 1), 254);
	assert_int_equal(both(UINT32_MAX, "\1", 1), 0);
	assert_int_equal(both(UINT32_MAX, NULL, 0), UINT32_MAX);
	free(p);
}

static void parts_add_up_to_the_whole(void **state)
{
	size_t n = 3 * BLOCK + 5;
	uint8_t *p = malloc(n);

	srand(2);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
	for (size_t cut = 0; cut < n; cut += 97)
		assert_int_equal(both(both(9, p, cut), p + cut, n - cut), plain(9, p, n));
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_sum_of_all_bytes_at_any_address_and_length),
		cmocka_unit_test(the_largest_bytes_do_not_overflow_where_blocks_begin_and_end),
		cmocka_unit_test(it_begins_again_at_zero),
		cmocka_unit_test(parts_add_up_to_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
