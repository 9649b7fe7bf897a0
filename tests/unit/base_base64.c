/*
 * Unit tests of base64: the answers of RFC 4648, both ways in place, and that
 * nothing but exactly that form is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/base64.h"

static const struct {
	const char *bytes, *text;
} answers[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"}};

static void the_answers_of_the_standard_hold_both_ways(void **state)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		size_t n = strlen(answers[i].bytes), len = 99;
		char text[16], back[16];
		assert_int_equal(lan_base64_len(n), strlen(answers[i].text));
		lan_base64_encode(answers[i].bytes, n, text);
		assert_memory_equal(text, answers[i].text, lan_base64_len(n));
		assert_int_equal(lan_base64_decode(text, lan_base64_len(n), back, &len), LAN_OK);
		assert_int_equal(len, n);
		assert_memory_equal(back, answers[i].bytes, n);
	}
}

static void every_byte_survives_decoding_in_place(void **state)
{
	unsigned char all[256];
	char text[344];
	size_t len = 0;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (unsigned char)i;
	assert_int_equal(lan_base64_len(sizeof all), sizeof text);
	lan_base64_encode(all, sizeof all, text);
	assert_int_equal(lan_base64_decode(text, sizeof text, text, &len), LAN_OK);
	assert_int_equal(len, sizeof all);
	assert_memory_equal(text, all, sizeof all);
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Zm8 ", "Zm\n8",
		"====", "Z===", "=Zm8", "Zm-_", "Zm8=\n", "Zg==="};
	char out[16];
	size_t len = 99;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(lan_base64_decode(bad[i], strlen(bad[i]), out, &len), LAN_ERR_INVAL);
	assert_int_equal(len, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answers_of_the_standard_hold_both_ways),
		cmocka_unit_test(every_byte_survives_decoding_in_place),
		cmocka_unit_test(anything_else_is_refused),
	};
	return cmocka_run_group_tests_name("base64 is read exactly as it is written", tests, NULL, NULL);
}
