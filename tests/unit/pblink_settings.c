/*
 * pblink_settings.c - the configuration line: what boards send is understood,
 * everything else is refused with a sentence, at every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/iot/pblink.h"

static struct pblink_settings s;
static const char *reason;

static enum lan_err parse(const char *text)
{
	reason = NULL;
	return pblink_settings_parse(text, strlen(text), &s, &reason);
}

static void what_the_original_sends_is_understood(void **state)
{
	assert_int_equal(
		parse("[\"1\\n\", 25656, \"127.0.0.1\", 2000, 3, \"ssid\", \"pw\", \"cfg\"]"), LAN_OK);
	assert_string_equal(s.id, "1");
	assert_int_equal(s.port, 25656);
	assert_string_equal(s.server, "127.0.0.1");
	assert_int_equal(s.timeout, LAN_MS(2000));
	assert_int_equal(s.report, LAN_SEC(3));
}

static void lists_may_be_tight_or_wide_and_longer_than_needed(void **state)
{
	assert_int_equal(parse("[\"a\",1,\"h\",100,0,\"\",\"\"]"), LAN_OK);
	assert_int_equal(s.report, 0);
	assert_int_equal(parse(" [ \"a\" , 65535 , \"h\" , 3600000 , 0.25 , \"\" , \"\" , null , true , -1.5 "
			       ", \"cfg\" ] "),
		LAN_OK);
	assert_int_equal(s.report, LAN_MS(250));
	assert_int_equal(s.timeout, LAN_SEC(3600));
}

static void escapes_become_the_text_they_stand_for(void **state)
{
	assert_int_equal(
		parse("[\"\\\"\\\\\\/\\u00e9\\u20ac\\ud83d\\ude00\\n\",1,\"h\",100,0,\"\",\"\"]"), LAN_OK);
	assert_string_equal(s.id, "\"\\/\u00e9\u20ac\U0001f600");
}

static void what_is_not_a_configuration_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"[", "not a JSON list"},
		{"[]", "not a JSON list"},
		{"{}", "not a JSON list"},
		{"[\"a\"]", "fewer than seven"},
		{"[\"a\",1,\"h\",100,0,\"\"]", "fewer than seven"},
		{"[\"a\",1,\"h\",100,0,\"\",\"\"", "not a JSON list"},
		{"[\"a\",1,\"h\",100,0,\"\",\"\",]", "not a JSON list"},
		{"[\"a\",1,\"h\",100,0,\"\",\"\"]x", "not a JSON list"},
		{"[\"a\",1,\"h\",100,0,\"\",[1]]", "not a JSON list"},
		{"[\"a,1,\"h\",100,0,\"\",\"\"]", "not a JSON list"},
		{"[\"\\ud800\",1,\"h\",100,0,\"\",\"\"]", "not a JSON list"},
		{"[\"\\q\",1,\"h\",100,0,\"\",\"\"]", "not a JSON list"},
		{"[\"\\", "not a JSON list"},
		{"['a',1,'h',100,0,'','']", "not a JSON list"},
		{"[1,1,\"h\",100,0,\"\",\"\"]", "id is not a text"},
		{"[\"\",1,\"h\",100,0,\"\",\"\"]", "id is empty"},
		{"[\"\\n\",1,\"h\",100,0,\"\",\"\"]", "id is empty"},
		{"[\"a\\nb\",1,\"h\",100,0,\"\",\"\"]", "control character"},
		{"[\"a\\u0000b\",1,\"h\",100,0,\"\",\"\"]", "control character"},
		{"[\"a\",0,\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",65536,\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",99999999999999999999999,\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",-1,\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",1.5,\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",\"1\",\"h\",100,0,\"\",\"\"]", "port"},
		{"[\"a\",1,\"\",100,0,\"\",\"\"]", "server"},
		{"[\"a\",1,\"h x\",100,0,\"\",\"\"]", "server"},
		{"[\"a\",1,null,100,0,\"\",\"\"]", "server"},
		{"[\"a\",1,\"h\",99,0,\"\",\"\"]", "timeout"},
		{"[\"a\",1,\"h\",3600001,0,\"\",\"\"]", "timeout"},
		{"[\"a\",1,\"h\",100,86401,\"\",\"\"]", "report"},
		{"[\"a\",1,\"h\",100,\"0\",\"\",\"\"]", "report"},
		{"[\"a\",1,\"h\",100,0,0,\"\"]", "WLAN"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (parse(bad[i].line) != LAN_ERR_CONFIG || !strstr(reason, bad[i].says))
			fail_msg("%s: %s", bad[i].line, reason);
	}
}

static void every_truncation_is_refused(void **state)
{
	static const char good[] =
		"[\"\\u20ac\\n\", 8123, \"127.0.0.1\", 2000, 1.5, \"ssid\", \"pw\", \"cfg\"]";
	for (size_t n = 0; n < sizeof good - 1; n++) {
		char *exact = malloc(n + 1); /* so that a sanitizer sees one byte too far */
		memcpy(exact, good, n);
		assert_int_equal(pblink_settings_parse(exact, n, &s, &reason), LAN_ERR_CONFIG);
		free(exact);
	}
	assert_int_equal(parse(good), LAN_OK);
}

static void a_text_longer_than_a_buffer_is_refused(void **state)
{
	char line[600] = "[\"";
	memset(line + 2, 'x', 400);
	strcpy(line + 402, "\",1,\"h\",100,0,\"\",\"\"]");
	assert_int_equal(parse(line), LAN_ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_original_sends_is_understood),
		cmocka_unit_test(lists_may_be_tight_or_wide_and_longer_than_needed),
		cmocka_unit_test(escapes_become_the_text_they_stand_for),
		cmocka_unit_test(what_is_not_a_configuration_is_refused_with_a_sentence),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_text_longer_than_a_buffer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
