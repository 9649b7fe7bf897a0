/*
 * Unit tests of numbers as text: what Python's float.hex, repr and str write is
 * what we write, and what its float.fromhex takes, to the last bit, or refuses
 * is what we take or refuse.
 *
 *      unit-serpy-hexfloat PYTHON serpy_oracle.py
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
#include "proto/serpy/hexfloat.h"

#define CASES 3000

static const char *python, *oracle;

struct seen {
	int floats, integers, taken, refused;
};

static double of_bits(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	return bits;
}

static void written_like(double v, const char *hex, const char *repr)
{
	char *text = malloc(HEXFLOAT_TEXT), *decimal = malloc(DECIMAL_TEXT);
	double back = 0;

	assert_int_equal(hexfloat_format(v, text), strlen(hex));
	assert_string_equal(text, hex);
	assert_int_equal(decimal_format(v, decimal), strlen(repr));
	assert_string_equal(decimal, repr);
	assert_int_equal(hexfloat_parse((uint8_t *)text, strlen(text), &back), LAN_OK);
	if (v == v)
		assert_int_equal(bits_of(back), bits_of(v));
	free(text);
	free(decimal);
}

static void read_like(const uint8_t *text, size_t n, const char *bits)
{
	double v = 12.5;
	enum lan_err e = hexfloat_parse(text, n, &v);

	if ((e != LAN_OK) != (*bits == '-'))
		fail_msg("%s: \"%.*s\", want %s", lan_err_name(e), (int)n, (const char *)text, bits);
	if (e) {
		assert_int_equal(e, LAN_ERR_PROTO);
		assert_true(v == 12.5);         /* untouched */
	} else if (strcmp(bits, "6e616e") == 0) /* "nan" */
		assert_true(v != v);
	else if (bits_of(v) != strtoull(bits, NULL, 16))
		fail_msg("\"%.*s\": %a, want %s", (int)n, (const char *)text, v, bits);
}

static void one_line(void *ctx, char *line)
{
	struct seen *seen = ctx;
	char kind = *oracle_field(&line), *what = oracle_field(&line);
	char number[DECIMAL_TEXT];
	uint8_t *text;

	if (kind == 'f') {
		const char *hex = oracle_field(&line);
		written_like(of_bits(strtoull(what, NULL, 16)), hex, line);
		seen->floats++;
	} else if (kind == 'i') {
		assert_int_equal(decimal_int_format(strtoll(what, NULL, 10), number), strlen(line));
		assert_string_equal(number, line);
		seen->integers++;
	} else {
		size_t n = oracle_unhex(what, &text);
		*(*line == '-' ? &seen->refused : &seen->taken) += 1;
		read_like(text, n, line);
		free(text);
	}
}

static void python_and_we_write_and_read_the_same(void **state)
{
	char command[4096];
	struct seen seen = {0};

	snprintf(command, sizeof command, "%s %s hexfloat 12 %d", python, oracle, CASES);
	oracle_ask(command, one_line, &seen);
	print_message("# %d floats and %d integers written, %d floats read, %d refused\n", seen.floats,
		seen.integers, seen.taken, seen.refused);
	assert_true(seen.floats > 3 * CASES + 3 * 2047);
	assert_int_equal(seen.integers, CASES + 8);
	assert_true(seen.taken > 3 * 2047 * 4 + CASES && seen.refused > CASES);
}

static void read_is(const char *text, double want)
{
	double v;

	assert_int_equal(hexfloat_parse((const uint8_t *)text, strlen(text), &v), LAN_OK);
	assert_int_equal(bits_of(v), bits_of(want));
}

static void refused(const char *text)
{
	double v;

	assert_int_equal(hexfloat_parse((const uint8_t *)text, strlen(text), &v), LAN_ERR_PROTO);
}

static void numbers_are_read_to_the_last_bit(void **state)
{
	read_is("0x1.8p+0", 1.5);
	read_is(" -0X.8P1\n", -1);
	read_is("0x0.0p+0", 0);
	read_is("-0x0p999999999999999999999", -0.0);
	read_is("12.35", 0x12.35p0);
	read_is("1e5", 485);
	read_is("INFINITY", __builtin_inf());
	read_is("-inf", -__builtin_inf());
	/* ties go to the even one, the least beyond a tie goes up */
	read_is("0x1.00000000000008p0", 1);
	read_is("0x1.00000000000018p0", 0x1.0000000000002p0);
	read_is("0x1.00000000000008000000000000000000000001p0", 0x1.0000000000001p0);
	read_is("0x0.8p-1074", 0);
	read_is("0x0.8000000000000000000000000000000000001p-1074", 0x1p-1074);
	read_is("0x1.8p-1074", 0x1p-1073);
	read_is("0x1p-9999999999999999999999", 0);
	read_is("0x1.fffffffffffff8p-1023", 0x1p-1022); /* a subnormal rounds up to a normal */
	read_is("0x1.fffffffffffff7ffffffp1023", 0x1.fffffffffffffp1023);
	refused("0x1.fffffffffffff8p1023");
	refused("0x1p1024");
	refused("0x1p9999999999999999999999");
	refused("");
	refused("0x");
	refused("0xp1");
	refused("1p");
	refused("1 1");
	refused("+-1");
}

/* A megabyte of digits, made good by the exponent. */
static void digits_without_end_are_read(void **state)
{
	enum { N = 1 << 20 };
	char *text = malloc(N + 32);
	double v;

	memset(text, '0', N);
	text[0] = '1';
	sprintf(text + N, "1p-%d", 4 * N);
	assert_int_equal(hexfloat_parse((uint8_t *)text, strlen(text), &v), LAN_OK);
	assert_true(v == 1);
	text[0] = '0', text[1] = '.';
	sprintf(text + N, "1p%d", 4 * (N - 1));
	assert_int_equal(hexfloat_parse((uint8_t *)text, strlen(text), &v), LAN_OK);
	assert_true(v == 1);
	free(text);
}

static void decimals_switch_to_exponents_where_python_does(void **state)
{
	written_like(1e16, "0x1.1c37937e08000p+53", "1e+16");
	written_like(9007199254740992, "0x1.0000000000000p+53", "9007199254740992.0");
	written_like(0.0001, "0x1.a36e2eb1c432dp-14", "0.0001");
	written_like(0.00001, "0x1.4f8b588e368f1p-17", "1e-05");
	written_like(-100000, "-0x1.86a0000000000p+16", "-100000.0");
	written_like(5e-324, "0x0.0000000000001p-1022", "5e-324");
	written_like(-0.0, "-0x0.0p+0", "-0.0");
	written_like(-__builtin_nan(""), "nan", "nan");
	written_like(-__builtin_inf(), "-inf", "-inf");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_and_we_write_and_read_the_same),
		cmocka_unit_test(numbers_are_read_to_the_last_bit),
		cmocka_unit_test(digits_without_end_are_read),
		cmocka_unit_test(decimals_switch_to_exponents_where_python_does),
	};

	if (argc != 3)
		return 2;
	python = argv[1];
	oracle = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
