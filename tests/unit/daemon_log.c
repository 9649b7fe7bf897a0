/*
 * Unit tests of the daemon's log and of its text: that nothing a stranger says
 * can end a line, start a field or move a cursor, in any of the three forms;
 * that records of one kind are limited and none is lost uncounted; times.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "daemon/log.h"

#define HOSTILE "a\"b\\c\nlevel=error\x1b[2J\x7f\r\t \xc2\x9b \xe2\x80\xae \xff\xc3"

static void as_text(struct text *t, const char *value)
{
	const struct log_field f[] = {LOG_S("link", "boards"), LOG_S("id", value), LOG_U("n", 7)};
	const struct log_record r = {LOG_L_INFO, "peer-state", f, 3};
	text_clear(t);
	log_as_text(t, &r);
}

static void plain_values_stand_as_they_are(void **state)
{
	struct text t = {0};
	as_text(&t, "1");
	assert_string_equal(t.p, "event=peer-state link=boards id=1 n=7");
	as_text(&t, "");
	assert_string_equal(t.p, "event=peer-state link=boards id=\"\" n=7");
	as_text(&t, "a b");
	assert_string_equal(t.p, "event=peer-state link=boards id=\"a b\" n=7");
	as_text(&t, "a=b");
	assert_string_equal(t.p, "event=peer-state link=boards id=\"a=b\" n=7");
	text_fini(&t);
}

static void fields_that_do_not_apply_are_left_out(void **state)
{
	const struct log_field f[] = {LOG_S("id", NULL), LOG_U("n", 0), LOG_S("peer", NULL)};
	const struct log_record r = {LOG_L_INFO, "refused", f, 3};
	struct text t = {0};
	log_as_text(&t, &r);
	assert_string_equal(t.p, "event=refused n=0");
	text_clear(&t);
	log_as_json(&t, &r, "T");
	assert_string_equal(t.p, "{\"time\":\"T\",\"level\":\"info\",\"event\":\"refused\",\"n\":0}");
	text_clear(&t);
	log_as_journal(&t, &r);
	assert_null(strstr(t.p, "LANYARD_PEER"));
	text_fini(&t);
}

static void hostile_values_are_escaped(void **state)
{
	struct text t = {0};
	as_text(&t, HOSTILE);
	assert_string_equal(t.p,
		"event=peer-state link=boards id=\"a\\\"b\\\\c\\nlevel=error\\x1b[2J\\x7f\\r\\t \\xc2\\x9b "
		"\\xe2\\x80\\xae \\xff\\xc3\" n=7");
	text_fini(&t);
}

static void no_byte_leaves_a_record_that_is_not_harmless_text(void **state)
{
	struct text t = {0};
	for (int a = 1; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char value[] = {(char)a, (char)b, 0};
			as_text(&t, value);
			assert_true(lan_utf8_valid(t.p, t.len));
			for (size_t i = 0; i < t.len; i++)
				assert_true((unsigned char)t.p[i] >= ' ' && t.p[i] != 0x7f);
			/* The last field is still the last: the quote was not closed early. */
			assert_string_equal(t.p + t.len - 4, " n=7");
		}
	text_fini(&t);
}

static void json_keeps_the_value_and_escapes_what_is_dangerous(void **state)
{
	const struct log_field f[] = {LOG_S("id", HOSTILE), LOG_U("n", UINT64_MAX)};
	const struct log_record r = {LOG_L_WARN, "refused", f, 2};
	struct text t = {0};
	log_as_json(&t, &r, "2026-03-01T12:00:00.123Z");
	assert_string_equal(t.p,
		"{\"time\":\"2026-03-01T12:00:00.123Z\",\"level\":\"warn\",\"event\":\"refused\",\"id\":"
		"\"a\\\"b\\\\c\\nlevel=error\\u001b[2J\\u007f\\r\\t \\u009b \\u202e \\ufffd\\ufffd\","
		"\"n\":18446744073709551615}");
	text_fini(&t);
}

/* The native protocol as journald reads it: NAME=value\n or NAME\n<le64><bytes>\n. */
static size_t next_field(const char *p, size_t n, char *name, char *value, size_t cap)
{
	const char *end = memchr(p, '\n', n), *eq = memchr(p, '=', n);
	uint64_t len;
	assert_non_null(end);
	if (eq && eq < end) {
		assert_true((size_t)(end - eq) < cap);
		memcpy(name, p, (size_t)(eq - p));
		name[eq - p] = 0;
		memcpy(value, eq + 1, (size_t)(end - eq - 1));
		value[end - eq - 1] = 0;
		return (size_t)(end - p) + 1;
	}
	memcpy(name, p, (size_t)(end - p));
	name[end - p] = 0;
	memcpy(&len, end + 1, 8);
	len = le64toh(len);
	assert_true(len < cap && (size_t)(end - p) + 9 + len < n);
	memcpy(value, end + 9, len);
	value[len] = 0;
	assert_int_equal(end[9 + len], '\n');
	return (size_t)(end - p) + 10 + len;
}

static void the_journal_gets_fields_that_cannot_be_forged(void **state)
{
	static const char *const expect[][2] = {
		{"MESSAGE", "event=down id=\"x\\nPRIORITY=0\" reason=timeout link=boards"}, {"PRIORITY", "6"},
		{"SYSLOG_IDENTIFIER", "lanyardd"}, {"LANYARD_EVENT", "down"},
		{"LANYARD_PEER", "x\nPRIORITY=0"}, {"LANYARD_REASON", "timeout"}, {"LANYARD_LINK", "boards"}};
	const struct log_field f[] = {
		LOG_S("id", "x\nPRIORITY=0"), LOG_S("reason", "timeout"), LOG_S("link", "boards")};
	const struct log_record r = {LOG_L_INFO, "down", f, 3};
	struct text t = {0};
	char name[64], value[256];
	size_t at = 0;
	log_as_journal(&t, &r);
	for (size_t i = 0; i < sizeof expect / sizeof *expect; i++) {
		at += next_field(t.p + at, t.len - at, name, value, sizeof value);
		assert_string_equal(name, expect[i][0]);
		assert_string_equal(value, expect[i][1]);
	}
	assert_int_equal(at, t.len);
	text_fini(&t);
}

static void a_long_value_is_cut_between_characters(void **state)
{
	struct text t = {0};
	text_quoted(&t, "abc\xc3\xa9z", 6, 4);
	assert_string_equal(t.p, "\"abc\"...");
	text_clear(&t);
	text_quoted(&t, "abc\xc3\xa9", 5, 5);
	assert_string_equal(t.p, "\"abc\xc3\xa9\"");
	text_fini(&t);
}

static void a_kind_is_written_five_times_a_minute_and_then_counted(void **state)
{
	static struct log_limit l;
	char key[96];
	uint64_t n;
	lan_time t0 = LAN_SEC(1000);
	for (int i = 0; i < 12; i++)
		assert_int_equal(log_limit_take(&l, "refused link=a", t0 + LAN_SEC(i)), i < LIMIT_BURST);
	assert_true(log_limit_take(&l, "refused link=b", t0));
	assert_false(log_limit_ended(&l, t0 + LAN_SEC(59), key, sizeof key, &n));
	assert_true(log_limit_ended(&l, t0 + LAN_SEC(60), key, sizeof key, &n));
	assert_string_equal(key, "refused link=a");
	assert_int_equal(n, 7);
	assert_false(log_limit_ended(&l, t0 + LAN_SEC(60), key, sizeof key, &n));
	assert_true(log_limit_take(&l, "refused link=a", t0 + LAN_SEC(61)));
}

static void more_kinds_than_places_share_one_and_none_is_lost(void **state)
{
	static struct log_limit l;
	char key[96];
	uint64_t n, written = 0, counted = 0, asked = 0;
	for (int k = 0; k < 500; k++)
		for (int i = 0; i < 10; i++) {
			snprintf(key, sizeof key, "kind-%d", k);
			written += log_limit_take(&l, key, LAN_SEC(1));
			asked++;
		}
	assert_true(written <= LIMIT_KINDS * LIMIT_BURST);
	while (log_limit_ended(&l, LAN_SEC(61), key, sizeof key, &n))
		counted += n;
	assert_int_equal(written + counted, asked);
	assert_true(log_limit_take(&l, "kind-499", LAN_SEC(62)));
}

static void times_are_rfc3339_and_read_back(void **state)
{
	static const char *const bad[] = {"", "2026-03-01", "2026-03-01T12:00:00",
		"2026-03-01T12:00:00+01:00", "2026-13-01T12:00:00Z", "2026-03-01T12:00:00.Zx", "now"};
	struct timespec ts = {1772366400, 123456789};
	char buf[64];
	uint64_t ns = 7;
	assert_string_equal(text_time(ts, buf, sizeof buf), "2026-03-01T12:00:00.123Z");
	assert_true(text_parse_time("2026-03-01T12:00:00.123Z", &ns));
	assert_true(ns == 1772366400123000000u);
	assert_true(text_parse_time("2026-03-01T12:00:00Z", &ns));
	assert_true(ns == 1772366400000000000u);
	assert_true(text_parse_time("2026-03-01T12:00:00.123456789Z", &ns));
	assert_true(ns == 1772366400123456789u);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_parse_time(bad[i], &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_values_stand_as_they_are),
		cmocka_unit_test(fields_that_do_not_apply_are_left_out),
		cmocka_unit_test(hostile_values_are_escaped),
		cmocka_unit_test(no_byte_leaves_a_record_that_is_not_harmless_text),
		cmocka_unit_test(json_keeps_the_value_and_escapes_what_is_dangerous),
		cmocka_unit_test(the_journal_gets_fields_that_cannot_be_forged),
		cmocka_unit_test(a_long_value_is_cut_between_characters),
		cmocka_unit_test(a_kind_is_written_five_times_a_minute_and_then_counted),
		cmocka_unit_test(more_kinds_than_places_share_one_and_none_is_lost),
		cmocka_unit_test(times_are_rfc3339_and_read_back),
	};
	return cmocka_run_group_tests_name("the log of the daemon", tests, NULL, NULL);
}
