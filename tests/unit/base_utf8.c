/*
 * Unit tests of utf8.h: the verdict is Python's on every string of one, two
 * and three bytes and on the edges of four (utf8.py beside this file made the
 * digests), whatever stands around it: the eight-bytes-a-step path must not
 * step over a fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "utf8_answers.inc"

static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
enum { EDGES = sizeof edges };

static uint64_t digest_of(uint64_t value, const uint8_t *text, size_t n)
{
	return (value ^ (uint64_t)lan_utf8_valid(text, n)) * 0x100000001b3u;
}

static const uint64_t start = 0xcbf29ce484222325u;

static void every_single_byte_is_judged_as_python_does(void **state)
{
	for (unsigned a = 0; a < 256; a++)
		assert_true(digest_of(start, (uint8_t[]){(uint8_t)a}, 1) == utf8_of_1[a]);
}

static void every_pair_of_bytes_is_judged_as_python_does(void **state)
{
	for (unsigned a = 0; a < 256; a++) {
		uint64_t digest = start;
		for (unsigned b = 0; b < 256; b++)
			digest = digest_of(digest, (uint8_t[]){(uint8_t)a, (uint8_t)b}, 2);
		assert_true(digest == utf8_of_2[a]);
	}
}

static void every_three_bytes_are_judged_as_python_does(void **state)
{
	for (unsigned a = 0; a < 256; a++) {
		uint64_t digest = start;
		for (unsigned bc = 0; bc < 65536; bc++)
			digest = digest_of(
				digest, (uint8_t[]){(uint8_t)a, (uint8_t)(bc >> 8), (uint8_t)bc}, 3);
		assert_true(digest == utf8_of_3[a]);
	}
}

static void four_bytes_at_the_edges_are_judged_as_python_does(void **state)
{
	for (unsigned a = 0; a < 256; a++) {
		uint64_t digest = start;
		for (unsigned i = 0; i < 256 * EDGES * EDGES; i++)
			digest = digest_of(digest,
				(uint8_t[]){(uint8_t)a, (uint8_t)(i / (EDGES * EDGES)),
					edges[i / EDGES % EDGES], edges[i % EDGES]},
				4);
		assert_true(digest == utf8_of_4[a]);
	}
}

/* Puts a piece at every offset of a line of letters, in memory that ends where the line ends. */
static void judge_everywhere(const char *piece, size_t n, bool expect)
{
	for (size_t before = 0; before < 20; before++)
		for (size_t after = 0; after < 20; after++) {
			size_t len = before + n + after;
			uint8_t *text = malloc(len);
			assert_non_null(text);
			memset(text, 'a', len);
			memcpy(text + before, piece, n);
			assert_int_equal(lan_utf8_valid(text, len), expect);
			free(text);
		}
}

static void a_good_sequence_is_good_at_every_place_of_a_line(void **state)
{
	judge_everywhere("\xc3\xa9", 2, true);
	judge_everywhere("\xe2\x82\xac", 3, true);
	judge_everywhere("\xf0\x9f\x98\x80", 4, true);
	judge_everywhere("\xc3\xa9\xf4\x8f\xbf\xbf\xc2\x80", 8, true);
	judge_everywhere("\0", 1, true);
}

static void a_fault_is_found_at_every_place_of_a_line(void **state)
{
	judge_everywhere("\x80", 1, false);
	judge_everywhere("\xff", 1, false);
	judge_everywhere("\xc3", 1, false);
	judge_everywhere("\xe2\x82", 2, false);
	judge_everywhere("\xf0\x9f\x98", 3, false);
	judge_everywhere("\xc0\xaf", 2, false);
	judge_everywhere("\xed\xa0\x80", 3, false);
	judge_everywhere("\xf4\x90\x80\x80", 4, false);
	judge_everywhere("\xf8\x88\x80\x80\x80", 5, false);
}

static void nothing_is_text(void **state)
{
	assert_true(lan_utf8_valid("", 0));
	assert_true(lan_utf8_valid("\xff", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_single_byte_is_judged_as_python_does),
		cmocka_unit_test(every_pair_of_bytes_is_judged_as_python_does),
		cmocka_unit_test(every_three_bytes_are_judged_as_python_does),
		cmocka_unit_test(four_bytes_at_the_edges_are_judged_as_python_does),
		cmocka_unit_test(a_good_sequence_is_good_at_every_place_of_a_line),
		cmocka_unit_test(a_fault_is_found_at_every_place_of_a_line),
		cmocka_unit_test(nothing_is_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
