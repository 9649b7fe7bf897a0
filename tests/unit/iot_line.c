/*
 * iot_line.c - the codec of the micropython-iot line: what is a keepalive, an
 * acknowledgement, a message, and that everything else is refused; what may be
 * sent; what may be an id. docs/protocols/iot.md, "Lines".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "proto/iot/line.h"

static enum lan_err decode(const char *text, struct iot_line *out)
{
	return iot_line_decode((const uint8_t *)text, strlen(text), out);
}

static void an_empty_line_is_a_keepalive(void **state)
{
	struct iot_line l;
	assert_int_equal(decode("", &l), LAN_OK);
	assert_int_equal(l.kind, IOT_LINE_KEEPALIVE);
}

static void two_hex_digits_are_an_acknowledgement_of_each_of_the_256_ids(void **state)
{
	for (unsigned mid = 0; mid < 256; mid++) {
		struct iot_line l;
		char text[3];
		uint8_t digits[2];
		snprintf(text, sizeof text, "%02x", mid);
		iot_mid_encode((uint8_t)mid, digits);
		assert_memory_equal(digits, text, 2);
		assert_int_equal(decode(text, &l), LAN_OK);
		assert_int_equal(l.kind, IOT_LINE_ACK);
		assert_int_equal(l.mid, mid);
	}
}

static void anything_behind_the_id_is_the_payload(void **state)
{
	struct iot_line l;
	assert_int_equal(decode("fe[1, 2]", &l), LAN_OK);
	assert_int_equal(l.kind, IOT_LINE_MESSAGE);
	assert_int_equal(l.mid, 0xfe);
	assert_int_equal(l.len, 6);
	assert_memory_equal(l.payload, "[1, 2]", 6);
	assert_int_equal(decode("05\r", &l), LAN_OK); /* a CR is payload, not line end */
	assert_int_equal(l.len, 1);
}

static void what_does_not_start_with_two_lower_case_hex_digits_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"g0", "0g", "5", " 5", "5 ", "+6", "-1", "0x", "A0x", "aFx", "hello", "\xc3\xa9"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct iot_line l = {.mid = 77};
		assert_int_equal(decode(bad[i], &l), LAN_ERR_PROTO);
		assert_int_equal(l.mid, 77);
	}
}

static void a_payload_that_is_not_text_is_refused(void **state)
{
	struct iot_line l;
	assert_int_equal(decode("01\xff", &l), LAN_ERR_UTF8);
	assert_int_equal(decode("01\xc3", &l), LAN_ERR_UTF8);
	assert_int_equal(decode("01\xc3\xa9", &l), LAN_OK);
}

static void only_what_the_wire_carries_unharmed_may_be_sent(void **state)
{
	assert_int_equal(iot_payload_check("x", 1), LAN_OK);
	assert_int_equal(iot_payload_check("", 0), LAN_ERR_INVAL); /* would look like an acknowledgement */
	assert_int_equal(iot_payload_check("a\nb", 3), LAN_ERR_INVAL);
	assert_int_equal(iot_payload_check("a\rb", 3), LAN_ERR_INVAL);
	assert_int_equal(iot_payload_check("a\0b", 3), LAN_ERR_INVAL);
	assert_int_equal(iot_payload_check("\xed\xa0\x80", 3), LAN_ERR_UTF8);
}

static void an_id_is_short_text_without_control_characters(void **state)
{
	char longest[256];
	memset(longest, 'i', sizeof longest);
	assert_true(iot_id_valid((const uint8_t *)"node 7", 6));
	assert_true(iot_id_valid((const uint8_t *)"\xc3\xa9t\xc3\xa9", 5));
	assert_true(iot_id_valid((const uint8_t *)longest, 255));
	assert_false(iot_id_valid((const uint8_t *)longest, 256));
	assert_false(iot_id_valid((const uint8_t *)"", 0));
	assert_false(iot_id_valid((const uint8_t *)"1\r", 2));
	assert_false(iot_id_valid((const uint8_t *)"a\tb", 3));
	assert_false(iot_id_valid((const uint8_t *)"\x7f", 1));
	assert_false(iot_id_valid((const uint8_t *)"\xc2\x85", 2)); /* C1: next line */
	assert_false(iot_id_valid((const uint8_t *)"\xff", 1));
}

static void ids_of_lines_start_at_00_and_never_come_back_to_it(void **state)
{
	assert_int_equal(iot_mid_of(0), 0);
	assert_int_equal(iot_mid_of(1), 1);
	assert_int_equal(iot_mid_of(255), 255);
	assert_int_equal(iot_mid_of(256), 1);
	assert_int_equal(iot_mid_of(510), 255);
	for (uint64_t seq = 1; seq < 2000; seq++)
		assert_int_not_equal(iot_mid_of(seq), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_line_is_a_keepalive),
		cmocka_unit_test(two_hex_digits_are_an_acknowledgement_of_each_of_the_256_ids),
		cmocka_unit_test(anything_behind_the_id_is_the_payload),
		cmocka_unit_test(
			what_does_not_start_with_two_lower_case_hex_digits_is_refused_and_changes_nothing),
		cmocka_unit_test(a_payload_that_is_not_text_is_refused),
		cmocka_unit_test(only_what_the_wire_carries_unharmed_may_be_sent),
		cmocka_unit_test(an_id_is_short_text_without_control_characters),
		cmocka_unit_test(ids_of_lines_start_at_00_and_never_come_back_to_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
