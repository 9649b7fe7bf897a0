/*
 * Unit tests of units.h: what people type, exactly, at the edges of 64 bits,
 * and that what is printed reads back as the same number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/units.h"

struct sample {
	const char *text;
	uint64_t value;
};

static void durations_mean_what_people_mean(void **state)
{
	static const struct sample samples[] = {{"0", 0}, {"2", 2000000000u}, {"1ns", 1}, {"100us", 100000},
		{"250ms", 250000000}, {"2s", 2000000000u}, {"5m", 300000000000u}, {"1h", 3600000000000u},
		{"1d", 86400000000000u}, {"1.5s", 1500000000u}, {"0.25", 250000000}, {"1.5m", 90000000000u},
		{"0.000000001s", 1}, {"2.5ms", 2500000}, {"007s", 7000000000u}, {"0.9999999999ns", 0}};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		lan_time t = 77;
		assert_int_equal(lan_parse_duration(samples[i].text, &t), LAN_OK);
		assert_true(t == samples[i].value);
	}
}

static void sizes_are_powers_of_1024(void **state)
{
	static const struct sample samples[] = {{"0", 0}, {"17", 17}, {"17B", 17}, {"64K", 65536},
		{"64k", 65536}, {"64KiB", 65536}, {"10M", 10485760}, {"1MiB", 1048576}, {"1G", 1073741824},
		{"2GiB", 2147483648u}, {"1T", 1099511627776u}, {"1.5K", 1536}, {"0.5M", 524288}};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		uint64_t v = 77;
		assert_int_equal(lan_parse_size(samples[i].text, &v), LAN_OK);
		assert_true(v == samples[i].value);
	}
}

static void what_is_no_number_with_a_known_unit_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "s", "-1", "+1", " 1", "1 ", "1 s", "1x", "1.s", ".5s",
		"1..5", "1.5.5s", "1e3", "0x10", "1mss", "1S", "1MS", "ms", "1,5s", "1\xc2\xb5s"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		lan_time t = 77;
		uint64_t v = 77;
		assert_int_equal(lan_parse_duration(bad[i], &t), LAN_ERR_INVAL);
		assert_true(t == 77);
		assert_int_equal(lan_parse_size(bad[i], &v), LAN_ERR_INVAL);
		assert_true(v == 77);
	}
	uint64_t v = 77;
	assert_int_equal(lan_parse_size("1ms", &v), LAN_ERR_INVAL);
	assert_int_equal(lan_parse_duration("1K", &v), LAN_ERR_INVAL);
	assert_true(v == 77);
}

static void the_largest_number_fits_and_the_next_is_too_big(void **state)
{
	uint64_t v = 77;
	assert_int_equal(lan_parse_size("18446744073709551615", &v), LAN_OK);
	assert_true(v == UINT64_MAX);
	v = 77;
	assert_int_equal(lan_parse_size("18446744073709551616", &v), LAN_ERR_TOOBIG);
	assert_int_equal(lan_parse_size("99999999999999999999999999", &v), LAN_ERR_TOOBIG);
	assert_int_equal(lan_parse_size("16777216T", &v), LAN_ERR_TOOBIG);
	assert_int_equal(lan_parse_duration("18446744074s", &v), LAN_ERR_TOOBIG);
	assert_int_equal(lan_parse_duration("18446744073.709551616s", &v), LAN_ERR_TOOBIG);
	assert_true(v == 77);
	assert_int_equal(lan_parse_duration("18446744073.709551615s", &v), LAN_OK);
	assert_true(v == UINT64_MAX);
}

static void a_duration_is_printed_in_its_shortest_exact_form(void **state)
{
	static const struct sample samples[] = {{"0s", 0}, {"1ns", 1}, {"250ms", 250000000},
		{"2s", 2000000000u}, {"90s", 90000000000u}, {"5m", 300000000000u}, {"1h", 3600000000000u},
		{"1500us", 1500000}, {"18446744073709551615ns", UINT64_MAX}};
	char buf[24];
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		assert_ptr_equal(lan_format_duration(samples[i].value, buf, sizeof buf), buf);
		assert_string_equal(buf, samples[i].text);
	}
}

static void what_is_printed_reads_back(void **state)
{
	uint64_t rng = 1;
	char buf[24];
	for (int i = 0; i < 100000; i++) {
		static const uint64_t unit[] = {1, 1000, 1000000, 1000000000, 60000000000, 3600000000000};
		rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
		lan_time t = (rng >> (rng % 60)) / unit[i % 6] * unit[i % 6], back;
		assert_int_equal(lan_parse_duration(lan_format_duration(t, buf, sizeof buf), &back), LAN_OK);
		assert_true(back == t);
	}
}

static void a_short_buffer_is_never_overrun(void **state)
{
	for (size_t cap = 0; cap <= 6; cap++) {
		char buf[8] = "#######";
		lan_format_duration(250000000, buf, cap);
		if (cap)
			assert_int_equal(strlen(buf), cap - 1 < 5 ? cap - 1 : 5);
		for (size_t i = cap; i < 7; i++)
			assert_int_equal(buf[i], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_mean_what_people_mean),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(what_is_no_number_with_a_known_unit_is_refused),
		cmocka_unit_test(the_largest_number_fits_and_the_next_is_too_big),
		cmocka_unit_test(a_duration_is_printed_in_its_shortest_exact_form),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(a_short_buffer_is_never_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
