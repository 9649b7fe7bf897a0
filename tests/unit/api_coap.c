/*
 * Unit tests of the handle of CoAP: URIs taken apart, options in order, what is refused before anything is
 * sent, and lists of resources. What goes over a network is in tests/e2e/test_coap.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "api/coap_int.h"
#include "api/coap_json.h"

static void uris_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		enum talk_scheme scheme;
		const char *host, *peer;
		unsigned port;
		const char *path, *query;
	} good[] = {
		{"coap://192.0.2.1/a/b?c=1&d", TALK_UDP, "192.0.2.1", "", 5683, "a/b", "c=1&d"},
		{"COAP://[2001:db8::1]:61616", TALK_UDP, "2001:db8::1", "", 61616, "", ""},
		{"coap://[::1]?q", TALK_UDP, "::1", "", 5683, "", "q"},
		{"coap://plc.local/%41", TALK_UDP, "plc.local", "", 5683, "%41", ""},
		{"coap+eth://eth0/02:00:00:00:00:0b/t1", TALK_ETHERNET, "eth0", "02:00:00:00:00:0b", 0, "t1",
			""},
		{"coap+eth://eth0.5/02:00:00:00:00:0b", TALK_ETHERNET, "eth0.5", "02:00:00:00:00:0b", 0, "",
			""},
		{"coap+xbee://ttyUSB0/45:67/a/b?x=/", TALK_XBEE, "ttyUSB0", "45:67", 0, "a/b", "x=/"},
		{"coap+xbee://%2Fdev%2fpts%2F5/45:67/t", TALK_XBEE, "/dev/pts/5", "45:67", 0, "t", ""},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct talk_uri u;
		const char *why = NULL;
		if (talk_uri(good[i].text, &u, &why))
			fail_msg("%s: %s", good[i].text, why);
		assert_int_equal(u.scheme, good[i].scheme);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.peer, good[i].peer);
		assert_int_equal(u.port, good[i].port);
		assert_int_equal(u.path_len, strlen(good[i].path));
		assert_memory_equal(u.path, good[i].path, u.path_len);
		assert_int_equal(u.query_len, strlen(good[i].query));
		assert_memory_equal(u.query, good[i].query, u.query_len);
	}
}

static void what_is_no_uri_says_why(void **state)
{
	static const char *const bad[] = {"", "coap:/x", "coaps://h/", "http://h/", "coap://", "coap:///x",
		"coap://:5683/", "coap://h:0/", "coap://h:65536/", "coap://[::1/x", "coap://u@h/x",
		"coap://h/x#y", "coap://h%00/x", "coap://%4/x", "coap+eth://", "coap+eth://eth0",
		"coap+eth://eth0/", "coap+eth:///02/x", "coap+xbee://%zz/45:67/x",
		"coap+eth://eth0/a-very-very-very-long-address-here/x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct talk_uri u = {.port = 77};
		const char *why = NULL;
		if (talk_uri(bad[i], &u, &why) != LAN_ERR_ADDR || !why || !*why)
			fail_msg("%s", bad[i]);
		assert_int_equal(u.port, 77); /* untouched */
	}
	struct talk_uri u;
	const char *why;
	assert_int_equal(talk_uri(NULL, &u, &why), LAN_ERR_ADDR);
}

/* ---- a handle --------------------------------------------------------------------------------------------
 */

static struct lan_loop *loop;
static struct lan_coap *coap;

static int open_handle(void **state)
{
	struct lan_coap_config cfg = LAN_COAP_CONFIG_INIT;
	cfg.max_requests = 2;
	cfg.max_body = 100;
	return lan_loop_new(&loop) || lan_coap_open(loop, &cfg, &coap, NULL);
}

static int close_handle(void **state)
{
	lan_coap_close(coap);
	lan_loop_free(loop);
	return 0;
}

static void requests_that_cannot_be_are_refused_before_anything_is_sent(void **state)
{
	static const struct lan_coap_option mine[] = {{1, "x", 1}}, engines[] = {{6, "", 0}};
	struct lan_coap_request r = LAN_COAP_REQUEST_INIT;
	const char *why = NULL;
	uint32_t id = 4711;
	r.uri = "coap://127.0.0.1:9/x";
	r.options = engines;
	r.n_options = 1;
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_INVAL);
	r.options = mine;
	r.n_options = TALK_EXTRA + 1;
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_INVAL);
	r.n_options = 1;
	r.len = 101;
	r.payload = "";
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_TOOBIG);
	r.len = 0;
	r.observe = true;
	r.code = LAN_COAP_PUT;
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_INVAL);
	r.observe = false;
	r.uri = "coap://127.0.0.1:9/%4";
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_ADDR);
	assert_non_null(strstr(why, "path"));
	r.uri = "coap://127.0.0.1:9/?%4";
	assert_int_equal(lan_coap_request(coap, &r, &id, &why), LAN_ERR_ADDR);
	assert_non_null(strstr(why, "query"));
	r.size = 3;
	assert_int_equal(lan_coap_request(coap, &r, &id, NULL), LAN_ERR_INVAL);
	assert_int_equal(id, 4711);
}

static void so_many_are_open_and_no_more_until_one_is_cancelled(void **state)
{
	struct lan_coap_request r = LAN_COAP_REQUEST_INIT;
	uint32_t a, b, c;
	r.uri = "coap://127.0.0.1:9/x";
	assert_int_equal(lan_coap_request(coap, &r, &a, NULL), LAN_OK);
	assert_int_equal(lan_coap_request(coap, &r, &b, NULL), LAN_OK);
	assert_int_not_equal(a, b);
	assert_int_equal(lan_coap_request(coap, &r, &c, NULL), LAN_ERR_FULL);
	lan_coap_cancel(coap, a);
	assert_int_equal(lan_coap_request(coap, &r, &c, NULL), LAN_OK);
	lan_coap_cancel(coap, 987654); /* nobody's */
}

static void a_configuration_that_cannot_be_is_refused(void **state)
{
	struct lan_coap_config cfg = LAN_COAP_CONFIG_INIT;
	const char *const bad[] = {"token:ring"}, *why = NULL;
	struct lan_coap *other = NULL;
	cfg.block = 100;
	assert_int_equal(lan_coap_open(loop, &cfg, &other, &why), LAN_ERR_INVAL);
	assert_non_null(strstr(why, "a block has"));
	cfg.block = 64;
	cfg.nets = bad;
	cfg.n_nets = 1;
	assert_int_equal(lan_coap_open(loop, &cfg, &other, &why), LAN_ERR_INVAL);
	assert_null(other);
}

/* ---- names, lists, JSON
 * ------------------------------------------------------------------------------------ */

static void codes_and_formats_have_names(void **state)
{
	assert_string_equal(lan_coap_code_text(LAN_COAP_CODE(2, 5)), "2.05 Content");
	assert_string_equal(lan_coap_code_text(LAN_COAP_CODE(4, 4)), "4.04 Not Found");
	assert_string_equal(lan_coap_code_text(LAN_COAP_CODE(7, 31)), "7.31");
	assert_string_equal(lan_coap_media_type(50), "application/json");
	assert_null(lan_coap_media_type(65000));
	assert_int_equal(lan_coap_content_format("Application/JSON"), 50);
	assert_int_equal(lan_coap_content_format("text/plain"), 0);
	assert_int_equal(lan_coap_content_format("text/nonsense"), -1);
}

static void lists_of_resources_become_json(void **state)
{
	static const char list[] = "</t1>;title=\"a, b\";rt=\"x\";obs;rt=y;path=p,<led>;ct=0,";
	json_t *j = coap_json_links(list, sizeof list - 1);
	char *text = json_dumps(j, JSON_COMPACT);
	assert_string_equal(text, "[{\"path\":\"/t1\",\"title\":\"a, b\",\"rt\":\"x\",\"obs\":true},"
				  "{\"path\":\"led\",\"ct\":\"0\"}]");
	free(text);
	json_decref(j);
	j = coap_json_links("", 0);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
	assert_null(coap_json_links("<t1", 3));
	assert_null(coap_json_links("t1", 2));
}

static void an_answer_as_json_is_text_or_base64(void **state)
{
	static const uint8_t etag[] = {0xbe, 0xef};
	struct coap_answer a = {.code = LAN_COAP_CODE(2, 5),
		.code_text = "2.05 Content",
		.media_type = "",
		.location = "/a",
		.payload = "\0\xff",
		.len = 2,
		.content_format = -1,
		.max_age = 7,
		.etag = etag,
		.etag_len = 2};
	json_t *j = coap_json_answer(&a);
	char *text = json_dumps(j, JSON_COMPACT);
	assert_string_equal(text, "{\"schema\":1,\"code\":\"2.05\",\"code_text\":\"2.05 Content\",\"size\":2,"
				  "\"base64\":\"AP8=\",\"etag\":\"beef\",\"max_age\":7,\"location\":\"/a\"}");
	free(text);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_taken_apart),
		cmocka_unit_test(what_is_no_uri_says_why),
		cmocka_unit_test_setup_teardown(requests_that_cannot_be_are_refused_before_anything_is_sent,
			open_handle, close_handle),
		cmocka_unit_test_setup_teardown(
			so_many_are_open_and_no_more_until_one_is_cancelled, open_handle, close_handle),
		cmocka_unit_test_setup_teardown(
			a_configuration_that_cannot_be_is_refused, open_handle, close_handle),
		cmocka_unit_test(codes_and_formats_have_names),
		cmocka_unit_test(lists_of_resources_become_json),
		cmocka_unit_test(an_answer_as_json_is_text_or_base64),
	};
	return cmocka_run_group_tests_name("requests of CoAP", tests, NULL, NULL);
}
