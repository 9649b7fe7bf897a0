/*
 * Unit tests of bytes.h: a reader or writer that was asked for one byte too
 * many has failed for good, gives zeros, and never touches memory outside.
 * Buffers are malloc'ed to their exact size, so the sanitizer build sees the
 * first byte too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"

/* Not inlined: gcc would see the sizes and warn of the very overflows that the code refuses. */
__attribute__((noinline)) static uint8_t *exactly(size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i + 1);
	return p;
}

static void numbers_are_read_in_network_order(void **state)
{
	uint8_t *p = exactly(15);
	struct lan_rd r = lan_rd_of(p, 15);
	assert_int_equal(lan_rd_u8(&r), 0x01);
	assert_int_equal(lan_rd_be16(&r), 0x0203);
	assert_int_equal(lan_rd_be32(&r), 0x04050607);
	assert_true(lan_rd_be64(&r) == 0x08090a0b0c0d0e0fu);
	assert_false(r.bad);
	assert_int_equal(lan_rd_left(&r), 0);
	free(p);
}

static void a_number_with_its_high_bit_set_keeps_its_sign_out_of_it(void **state)
{
	const uint8_t ff[15] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct lan_rd r = lan_rd_of(ff, sizeof ff);
	assert_int_equal(lan_rd_u8(&r), 0xff);
	assert_int_equal(lan_rd_be16(&r), 0xffff);
	assert_true(lan_rd_be32(&r) == UINT32_MAX);
	assert_true(lan_rd_be64(&r) == UINT64_MAX);
}

/* Every length short of the 15 bytes of u8, be16, be32, be64 must fail somewhere, for good. */
static void every_truncation_fails_for_good_and_reads_zeros(void **state)
{
	for (size_t n = 0; n < 15; n++) {
		uint8_t *p = exactly(n);
		struct lan_rd r = lan_rd_of(p, n);
		lan_rd_u8(&r);
		lan_rd_be16(&r);
		lan_rd_be32(&r);
		uint64_t last = lan_rd_be64(&r);
		assert_true(r.bad);
		assert_true((last & UINT32_MAX) == 0);
		assert_int_equal(lan_rd_left(&r), 0);
		assert_int_equal(lan_rd_u8(&r), 0);
		assert_null(lan_rd_take(&r, 0));
		free(p);
	}
}

static void a_take_of_more_than_is_left_fails_even_near_the_end_of_the_number_range(void **state)
{
	uint8_t *p = exactly(4);
	const size_t huge[] = {5, SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 2};
	for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
		struct lan_rd r = lan_rd_of(p, 4);
		assert_ptr_equal(lan_rd_take(&r, 3), p);
		assert_null(lan_rd_take(&r, huge[i]));
		assert_true(r.bad);
	}
	free(p);
}

static void until_returns_a_piece_with_its_end_mark_and_none_is_no_failure(void **state)
{
	const char text[] = "one\ntwo\nthr";
	struct lan_rd r = lan_rd_of(text, sizeof text - 1);
	size_t n = 0;
	const uint8_t *p = lan_rd_until(&r, '\n', &n);
	assert_int_equal(n, 4);
	assert_memory_equal(p, "one\n", 4);
	p = lan_rd_until(&r, '\n', &n);
	assert_int_equal(n, 4);
	assert_memory_equal(p, "two\n", 4);
	assert_null(lan_rd_until(&r, '\n', &n));
	assert_false(r.bad);
	assert_int_equal(lan_rd_left(&r), 3);
	assert_memory_equal(lan_rd_take(&r, 3), "thr", 3);
	assert_null(lan_rd_until(&r, '\n', &n));
	assert_false(r.bad);
}

static void until_after_a_failure_finds_nothing(void **state)
{
	struct lan_rd r = lan_rd_of("a\nb\n", 4);
	size_t n = 77;
	assert_null(lan_rd_take(&r, 5));
	assert_null(lan_rd_until(&r, '\n', &n));
	assert_int_equal(n, 77);
	struct lan_rd none = lan_rd_of(NULL, 0);
	assert_null(lan_rd_until(&none, '\n', &n));
}

static void a_sub_reader_cannot_leave_its_bounds_nor_hurt_its_parent(void **state)
{
	uint8_t *p = exactly(6);
	struct lan_rd r = lan_rd_of(p, 6), sub;
	assert_int_equal(lan_rd_u8(&r), 1);
	sub = lan_rd_sub(&r, 2);
	assert_int_equal(lan_rd_left(&sub), 2);
	lan_rd_be32(&sub);
	assert_true(sub.bad);
	assert_false(r.bad);
	assert_int_equal(lan_rd_u8(&r), 4);
	sub = lan_rd_sub(&r, 3);
	assert_true(sub.bad);
	assert_true(r.bad);
	assert_int_equal(lan_rd_u8(&sub), 0);
	free(p);
}

static void a_written_number_reads_back(void **state)
{
	uint8_t *p = exactly(15);
	struct lan_wr w = lan_wr_of(p, 15);
	lan_wr_u8(&w, 0xfe);
	lan_wr_be16(&w, 0xfdfc);
	lan_wr_be32(&w, 0xfbfaf9f8);
	lan_wr_be64(&w, 0xf7f6f5f4f3f2f1f0u);
	assert_false(w.bad);
	assert_int_equal(w.off, 15);
	for (size_t i = 0; i < 15; i++)
		assert_int_equal(p[i], 0xfe - i);
	free(p);
}

static void a_write_that_does_not_fit_fails_for_good(void **state)
{
	for (size_t cap = 0; cap < 15; cap++) {
		uint8_t *p = exactly(cap);
		struct lan_wr w = lan_wr_of(p, cap);
		lan_wr_u8(&w, 1);
		lan_wr_be16(&w, 2);
		lan_wr_be32(&w, 3);
		lan_wr_be64(&w, 4);
		assert_true(w.bad);
		size_t off = w.off;
		lan_wr_u8(&w, 1);
		assert_int_equal(w.off, off);
		assert_true(off <= cap);
		free(p);
	}
}

static void writing_nothing_from_nowhere_is_fine(void **state)
{
	uint8_t one = 9;
	struct lan_wr w = lan_wr_of(&one, 1);
	lan_wr_bytes(&w, NULL, 0);
	assert_false(w.bad);
	assert_int_equal(w.off, 0);
	assert_ptr_equal(lan_wr_room(&w, 1), &one);
	assert_null(lan_wr_room(&w, SIZE_MAX));
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_network_order),
		cmocka_unit_test(a_number_with_its_high_bit_set_keeps_its_sign_out_of_it),
		cmocka_unit_test(every_truncation_fails_for_good_and_reads_zeros),
		cmocka_unit_test(a_take_of_more_than_is_left_fails_even_near_the_end_of_the_number_range),
		cmocka_unit_test(until_returns_a_piece_with_its_end_mark_and_none_is_no_failure),
		cmocka_unit_test(until_after_a_failure_finds_nothing),
		cmocka_unit_test(a_sub_reader_cannot_leave_its_bounds_nor_hurt_its_parent),
		cmocka_unit_test(a_written_number_reads_back),
		cmocka_unit_test(a_write_that_does_not_fit_fails_for_good),
		cmocka_unit_test(writing_nothing_from_nowhere_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
