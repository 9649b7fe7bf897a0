/*
 * Unit tests of base85: what Python's base64.b85encode writes is what we write,
 * and what its b85decode takes or refuses is what we take or refuse, in place
 * as well as not, in pieces as well as whole.
 *
 *      unit-serpy-base85 PYTHON serpy_oracle.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "oracle.h"
#include "proto/serpy/base85.h"

#define CASES 3000

static const char *python, *oracle;

struct seen {
	int written, taken, refused;
};

static void written_like(const uint8_t *in, size_t n, const char *want_hex)
{
	uint8_t *want;
	size_t len = oracle_unhex(want_hex, &want);
	char *out = malloc(len);

	assert_int_equal(base85_encoded(n), len);
	base85_encode(in, n, out);
	assert_memory_equal(out, want, len);
	free(out);
	free(want);
}

/* `want`: "-" is a refusal. The input dies: it is decoded in place, too. */
static void read_like(uint8_t *in, size_t n, const char *want_hex)
{
	uint8_t *want, *out = malloc(base85_decoded(n));
	enum lan_err e = base85_decode(in, n, out);

	if ((e != LAN_OK) != (*want_hex == '-'))
		fail_msg("%s: %.*s", lan_err_name(e), (int)n, (char *)in);
	if (e) {
		assert_int_equal(e, LAN_ERR_PROTO);
		assert_int_equal(base85_decode(in, n, in), LAN_ERR_PROTO);
	} else {
		size_t len = oracle_unhex(want_hex, &want);
		assert_int_equal(base85_decoded(n), len);
		assert_memory_equal(out, want, len);
		assert_int_equal(base85_decode(in, n, in), LAN_OK);
		assert_memory_equal(in, want, len);
		free(want);
	}
	free(out);
}

static void one_line(void *ctx, char *line)
{
	struct seen *seen = ctx;
	char kind = *oracle_field(&line), *hex = oracle_field(&line);
	uint8_t *in;
	size_t n = oracle_unhex(hex, &in);

	if (kind == 'e') {
		written_like(in, n, line);
		seen->written++;
	} else {
		*(*line == '-' ? &seen->refused : &seen->taken) += 1;
		read_like(in, n, line);
	}
	free(in);
}

static void python_and_we_write_and_read_the_same(void **state)
{
	char command[4096];
	struct seen seen = {0};

	snprintf(command, sizeof command, "%s %s base85 11 %d", python, oracle, CASES);
	oracle_ask(command, one_line, &seen);
	print_message("# %d written, %d read, %d refused\n", seen.written, seen.taken, seen.refused);
	assert_int_equal(seen.written, CASES + 16);
	assert_int_equal(seen.taken + seen.refused, 2 * CASES + 256 * 21 + 9);
	assert_true(seen.taken > CASES && seen.refused > CASES);
}

static enum lan_err take(const char *text, uint8_t *out)
{
	return base85_decode((const uint8_t *)text, strlen(text), out);
}

static void the_examples_of_the_specification(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} sample[] = {{"\0\0\0\0", 4, "00000"}, {"\xff\xff\xff\xff", 4, "|NsC0"}, {"abc", 3, "VPaz"},
		{"hello", 5, "Xk~0{Zv"}, {"\0\1\4\x1f\xff", 5, "009Ia{{"}, {"", 0, ""}};
	char text[16];
	uint8_t bytes[16];

	for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
		memset(text, 0, sizeof text);
		base85_encode((const uint8_t *)sample[i].bytes, sample[i].n, text);
		assert_string_equal(text, sample[i].text);
		assert_int_equal(take(text, bytes), LAN_OK);
		assert_memory_equal(bytes, sample[i].bytes, sample[i].n);
	}
}

static void a_single_character_left_over_is_looked_at_and_gives_nothing(void **state)
{
	uint8_t out[5] = {7, 7, 7, 7, 7};

	for (int c = 0; c < 256; c++) {
		bool digit = c && strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "!#$%&()*+-;<=>?@^_`{",
					  c);
		assert_int_equal(
			base85_decode(&(uint8_t){(uint8_t)c}, 1, out), digit ? LAN_OK : LAN_ERR_PROTO);
	}
	assert_int_equal(out[0], 7);
	assert_int_equal(take("000000", out), LAN_OK);
	assert_int_equal(out[4], 7);
}

static void one_bad_character_anywhere_in_a_long_text_is_found(void **state)
{
	enum { N = 203 };
	char text[N];
	uint8_t out[N];

	for (size_t at = 0; at < N; at++) {
		memset(text, '0', N);
		assert_int_equal(base85_decode((uint8_t *)text, N, out), LAN_OK);
		text[at] = '\x1f';
		assert_int_equal(base85_decode((uint8_t *)text, N, out), LAN_ERR_PROTO);
		text[at] = '~'; /* the first of a group: above 2^32-1 */
		assert_int_equal(base85_decode((uint8_t *)text, N, out), at % 5 ? LAN_OK : LAN_ERR_PROTO);
	}
}

static void pieces_of_whole_groups_make_the_same_text(void **state)
{
	uint8_t bytes[123], back[123];
	char whole[155], parts[155];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + i * i);
	assert_int_equal(base85_encoded(sizeof bytes), 154);
	base85_encode(bytes, sizeof bytes, whole);
	for (size_t cut = 0; cut <= 120; cut += 4) {
		size_t at = base85_encoded(cut);
		base85_encode(bytes, cut, parts);
		base85_encode(bytes + cut, sizeof bytes - cut, parts + at);
		assert_memory_equal(parts, whole, 154);
		assert_int_equal(base85_decode((uint8_t *)whole, at, back), LAN_OK);
		assert_int_equal(base85_decode((uint8_t *)whole + at, 154 - at, back + cut), LAN_OK);
		assert_memory_equal(back, bytes, sizeof bytes);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_and_we_write_and_read_the_same),
		cmocka_unit_test(the_examples_of_the_specification),
		cmocka_unit_test(a_single_character_left_over_is_looked_at_and_gives_nothing),
		cmocka_unit_test(one_bad_character_anywhere_in_a_long_text_is_found),
		cmocka_unit_test(pieces_of_whole_groups_make_the_same_text),
	};

	if (argc != 3)
		return 2;
	python = argv[1];
	oracle = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
