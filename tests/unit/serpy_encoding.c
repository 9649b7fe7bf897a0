/*
 * Unit tests of the text encodings: what Python's str.encode writes or refuses
 * is what we write or refuse, and what its bytes.decode takes is what we take.
 *
 *      unit-serpy-encoding PYTHON serpy_oracle.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "oracle.h"
#include "proto/serpy/encoding.h"

#define CASES 3000

static const char *python, *oracle;

struct seen {
	int taken[2], valid[2]; /* yes, no */
};

static void written_like(enum serpy_encoding e, const uint8_t *text, size_t n, const char *want_hex)
{
	uint8_t *want;
	size_t want_len = oracle_unhex(want_hex, &want), len = 0;
	uint8_t *out = malloc(want_len);

	assert_int_equal(encoding_encode(e, text, n, NULL, &len), LAN_OK);
	assert_int_equal(len, want_len);
	len = 0;
	assert_int_equal(encoding_encode(e, text, n, out, &len), LAN_OK);
	assert_int_equal(len, want_len);
	assert_memory_equal(out, want, len);
	assert_true(encoding_valid(e, out, len));
	free(out);
	free(want);
}

static void one_line(void *ctx, char *line)
{
	struct seen *seen = ctx;
	char kind = *oracle_field(&line), *name = oracle_field(&line), *hex = oracle_field(&line);
	enum serpy_encoding e;
	size_t len;
	uint8_t *in;
	size_t n = oracle_unhex(hex, &in);

	assert_true(encoding_find(name, &e));
	if (kind == 'v') {
		if (encoding_valid(e, in, n) != (*line == '1'))
			fail_msg("%s %s: want %s", name, hex, line);
		seen->valid[*line == '0']++;
	} else if (*line == '-') {
		assert_int_equal(encoding_encode(e, in, n, NULL, &len), LAN_ERR_UTF8);
		seen->taken[1]++;
	} else {
		written_like(e, in, n, line);
		seen->taken[0]++;
	}
	free(in);
}

static void python_and_we_write_and_take_the_same(void **state)
{
	char command[4096];
	struct seen seen = {0};

	snprintf(command, sizeof command, "%s %s encoding 13 %d", python, oracle, CASES);
	oracle_ask(command, one_line, &seen);
	print_message("# %d written, %d not; %d valid, %d not\n", seen.taken[0], seen.taken[1], seen.valid[0],
		seen.valid[1]);
	assert_int_equal(seen.valid[0] + seen.valid[1], 4 * CASES);
	assert_true(seen.taken[0] > CASES && seen.taken[1] > CASES && seen.valid[1] > CASES / 2);
}

static void names_are_found_in_any_case(void **state)
{
	static const struct {
		const char *name;
		enum serpy_encoding encoding;
	} good[] = {{"utf-8", ENCODING_UTF8}, {"utf8", ENCODING_UTF8}, {"UTF-8", ENCODING_UTF8},
		{"Utf_8", ENCODING_UTF8}, {"ascii", ENCODING_ASCII}, {"US-ASCII", ENCODING_ASCII},
		{"us_ascii", ENCODING_ASCII}, {"latin-1", ENCODING_LATIN1}, {"latin1", ENCODING_LATIN1},
		{"LATIN_1", ENCODING_LATIN1}, {"iso-8859-1", ENCODING_LATIN1},
		{"ISO_8859_1", ENCODING_LATIN1}, {"utf-16", ENCODING_UTF16}, {"UTF16", ENCODING_UTF16}};
	static const char *const bad[] = {"", "utf", "utf-8 ", " utf-8", "utf-88", "utf-32", "utf-16-le",
		"cp1252", "iso-8859-15", "-", "utf--8", "\xff"};
	enum serpy_encoding e;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		e = (enum serpy_encoding)99;
		assert_true(encoding_find(good[i].name, &e));
		assert_int_equal(e, good[i].encoding);
	}
	e = (enum serpy_encoding)99;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(encoding_find(bad[i], &e));
	assert_int_equal(e, 99);
}

static void marks_and_pairs_of_utf16(void **state)
{
	written_like(ENCODING_UTF16, (const uint8_t *)"", 0, "fffe");
	written_like(ENCODING_UTF16, (const uint8_t *)"\0A", 2, "fffe00004100");
	written_like(ENCODING_UTF16, (const uint8_t *)"\xf0\x9f\x98\x80", 4, "fffe3dd800de");
	written_like(ENCODING_UTF16, (const uint8_t *)"\xf4\x8f\xbf\xbf", 4, "fffeffdbffdf");
	assert_true(encoding_valid(ENCODING_UTF16, (const uint8_t *)"\xfe\xff\xd8\x3d\xde\x00", 6));
	assert_false(
		encoding_valid(ENCODING_UTF16, (const uint8_t *)"\xfe\xff\xde\x00", 4)); /* the second half */
	assert_false(encoding_valid(ENCODING_UTF16, (const uint8_t *)"\x3d\xd8", 2));    /* half a pair */
	assert_false(encoding_valid(ENCODING_UTF16, (const uint8_t *)"A", 1));
	assert_true(encoding_valid(ENCODING_UTF16, NULL, 0));
}

static void every_byte_is_latin1_and_half_of_them_are_ascii(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t b = (uint8_t)c;
		assert_true(encoding_valid(ENCODING_LATIN1, &b, 1));
		assert_int_equal(encoding_valid(ENCODING_ASCII, &b, 1), c < 128);
		assert_int_equal(encoding_valid(ENCODING_UTF8, &b, 1), c < 128);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_and_we_write_and_take_the_same),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(marks_and_pairs_of_utf16),
		cmocka_unit_test(every_byte_is_latin1_and_half_of_them_are_ascii),
	};

	if (argc != 3)
		return 2;
	python = argv[1];
	oracle = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
