/*
 * api_http_map.c - what HTTP says, in the words of CoAP and back: each row of RFC 8075's table 2, paths,
 * queries, media types, preferences, entity tags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/http_map.h"

static void codes_are_those_of_the_table(void **state)
{
	static const struct {
		unsigned class, detail, with, without;
	} rows[] = {
		{2, 1, 201, 201},
		{2, 2, 200, 204},
		{2, 3, 304, 304},
		{2, 4, 200, 204},
		{2, 5, 200, 200},
		{2, 31, 502, 502},
		{4, 0, 400, 400},
		{4, 1, 403, 403},
		{4, 2, 400, 400},
		{4, 3, 403, 403},
		{4, 4, 404, 404},
		{4, 5, 405, 405},
		{4, 6, 406, 406},
		{4, 8, 400, 400},
		{4, 9, 409, 409},
		{4, 12, 412, 412},
		{4, 13, 413, 413},
		{4, 15, 415, 415},
		{4, 22, 422, 422},
		{4, 29, 429, 429},
		{4, 30, 400, 400},
		{5, 0, 500, 500},
		{5, 1, 501, 501},
		{5, 2, 502, 502},
		{5, 3, 503, 503},
		{5, 4, 504, 504},
		{5, 5, 502, 502},
		{5, 8, 508, 508},
		{5, 9, 502, 502},
		{0, 0, 502, 502},
		{0, 1, 502, 502},
		{3, 1, 502, 502},
		{7, 1, 502, 502},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t code = COAP_CODE(rows[i].class, rows[i].detail);
		assert_int_equal(http_map_status(code, true), rows[i].with);
		assert_int_equal(http_map_status(code, false), rows[i].without);
	}
	assert_int_equal(http_map_error(LAN_ERR_TIMEOUT), 504);
	assert_int_equal(http_map_error(LAN_ERR_RESET), 502);
	assert_int_equal(http_map_error(LAN_ERR_PROTO), 502);
	assert_int_equal(http_map_error(LAN_ERR_FULL), 503);
	assert_int_equal(http_map_error(LAN_ERR_CLOSED), 404);
	assert_int_equal(http_map_error(LAN_ERR_NOTFOUND), 404);
	assert_int_equal(http_map_error(LAN_ERR_TOOBIG), 413);
}

static void methods_are_those_coap_has(void **state)
{
	assert_int_equal(http_map_method(http_method_of("GET")), COAP_GET);
	assert_int_equal(http_map_method(http_method_of("HEAD")), COAP_GET);
	assert_int_equal(http_map_method(http_method_of("PUT")), COAP_PUT);
	assert_int_equal(http_map_method(http_method_of("POST")), COAP_POST);
	assert_int_equal(http_map_method(http_method_of("DELETE")), COAP_DELETE);
	assert_int_equal(http_map_method(http_method_of("PATCH")), 0);
	assert_int_equal(http_map_method(http_method_of("get")), 0);
}

static void ids_are_digits_within_range(void **state)
{
	uint32_t id;
	const char *rest;
	assert_true(http_map_id("/169/t1/x", &id, &rest));
	assert_int_equal(id, 169);
	assert_string_equal(rest, "t1/x");
	assert_true(http_map_id("/2147483647", &id, &rest));
	assert_int_equal(id, 2147483647);
	assert_null(rest);
	assert_true(http_map_id("/1/", &id, &rest));
	assert_string_equal(rest, "");
	static const char *const bad[] = {"", "/", "169", "/0", "/2147483648", "/99999999999999999999",
		"/12x/t", "/-1", "/+1", "/ 1", "//1", "/0x10/t"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(http_map_id(bad[i], &id, &rest));
}

static void paths_are_checked_before_a_slave_sees_them(void **state)
{
	char s255[256], s256[257];
	memset(s255, 'a', 255), s255[255] = 0;
	memset(s256, 'a', 256), s256[256] = 0;
	static const char *const good[] = {"t1", "a/b", "a%2Fb", "a/", "%C3%A9", "a..b", "...", "a,b;c=d"};
	static const char *const bad[] = {
		"", "/", "a//b", ".", "..", "a/../b", "%2e%2E/x", "a%2", "a%zz", "%ff", "a/%"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(http_map_path_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(http_map_path_ok(bad[i]));
	assert_true(http_map_path_ok(s255));
	assert_false(http_map_path_ok(s256));
	assert_true(http_map_query_ok("a=1&b=2"));
	assert_true(http_map_query_ok(""));
	assert_true(http_map_query_ok("a=..&&/"));
	assert_false(http_map_query_ok("a=%"));
	assert_false(http_map_query_ok("a=%ff"));
}

static void parameters_are_found_and_unescaped(void **state)
{
	char v[8];
	assert_true(http_map_param("since=5&src=a+b%21", "src", v, sizeof v));
	assert_string_equal(v, "a b!");
	assert_true(http_map_param("since=5&src=a", "since", v, sizeof v));
	assert_string_equal(v, "5");
	assert_true(http_map_param("x=", "x", v, sizeof v));
	assert_string_equal(v, "");
	assert_true(http_map_param("x=1234567", "x", v, sizeof v));
	assert_false(http_map_param("x=12345678", "x", v, sizeof v));
	assert_false(http_map_param("x=%00", "x", v, sizeof v));
	assert_false(http_map_param("x=%4", "x", v, sizeof v));
	assert_false(http_map_param("xx=1", "x", v, sizeof v));
	assert_false(http_map_param("x", "x", v, sizeof v));
	assert_false(http_map_param(NULL, "x", v, sizeof v));
}

static void media_types_become_content_formats_and_back(void **state)
{
	char buf[48];
	assert_int_equal(http_map_format(NULL), -1);
	assert_int_equal(http_map_format("  "), -1);
	assert_int_equal(http_map_format("text/plain"), 0);
	assert_int_equal(http_map_format("Text/Plain; Charset=UTF-8"), 0);
	assert_int_equal(http_map_format(" application/json "), 50);
	assert_int_equal(http_map_format("application/cbor"), 60);
	assert_int_equal(http_map_format("application/x-www-form-urlencoded"), -1); /* curl -d */
	assert_int_equal(http_map_format("application/x-of-nobody"), -2);
	assert_int_equal(http_map_format("application/coap-payload;cf=4711"), 4711);
	assert_int_equal(http_map_format("application/coap-payload; cf=65535"), 65535);
	assert_int_equal(http_map_format("application/coap-payload;cf=65536"), -2);
	assert_int_equal(http_map_format("application/coap-payload;cf="), -2);
	assert_int_equal(http_map_format("application/coap-payload"), -2);
	assert_string_equal(http_map_media(50, "", 0, buf), "application/json");
	assert_string_equal(http_map_media(0, "x", 1, buf), "text/plain;charset=utf-8");
	assert_string_equal(http_map_media(4711, "x", 1, buf), "application/coap-payload;cf=4711");
	assert_string_equal(http_map_media(-1, "caf\xc3\xa9", 5, buf), "text/plain;charset=utf-8");
	assert_string_equal(http_map_media(-1, "\xff", 1, buf), "application/octet-stream");
}

static struct http_accept accept(const char *value)
{
	struct http_accept a;
	http_map_accept(value, &a);
	return a;
}

static void what_is_liked_best_and_can_be_had_is_asked_for(void **state)
{
	assert_int_equal(accept("application/json").format, 50);
	assert_false(accept("application/json").any);
	assert_int_equal(
		accept("text/plain;q=0.5, application/json;q=0.8, application/cbor;q=0.1").format, 50);
	assert_int_equal(accept("text/plain, application/json").format, 0); /* the first of equals */
	assert_int_equal(accept("application/json;q=0, text/plain;q=0.001").format, 0);
	assert_int_equal(accept("text/html, application/xml;q=0.9").format, 41);
	assert_int_equal(accept("application/coap-payload;cf=70").format, 70);
	assert_true(accept("text/html").nothing);
	assert_true(accept("application/json;q=0").nothing);
	assert_false(accept("application/json").nothing);
	assert_int_equal(accept("text/html;x=\"a,application/json\", text/plain").format, 0);
}

static void who_takes_anything_is_asked_for_nothing(void **state)
{
	const char *browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
	assert_int_equal(accept(browser).format, -1);
	assert_true(accept(browser).any);
	assert_false(accept(browser).nothing);
	assert_int_equal(accept(NULL).format, -1);
	assert_true(accept(NULL).any);
	assert_true(accept("").any);
	assert_true(accept("*/*").any);
	assert_false(accept("text/*").nothing);
	struct http_accept a = accept("application/json, */*;q=0.1"); /* a wish, not a demand */
	assert_int_equal(a.format, 50);
	assert_true(a.any);
}

static void streams_and_lists_are_told_apart(void **state)
{
	assert_true(accept("text/event-stream").events);
	assert_false(accept("text/event-stream").nothing);
	assert_false(accept("text/plain, text/event-stream;q=0.5").events);
	assert_true(accept("application/link-format").links);
	assert_false(accept("application/json, application/link-format;q=0.9").links);
}

static void entity_tags_go_both_ways(void **state)
{
	char text[HTTP_ETAG_TEXT];
	struct http_etag t;
	const char *at = "\"00ff\", W/\"ab\" ,\"other\",*";
	http_etag_text((const uint8_t *)"\x00\xff\x12\x34\x56\x78\x9a\xbc", 8, text);
	assert_string_equal(text, "\"00ff123456789abc\"");
	assert_true(http_etag_next(&at, &t));
	assert_true(t.ours && !t.weak && t.len == 2 && t.value[1] == 0xff);
	assert_true(http_etag_next(&at, &t));
	assert_true(t.ours && t.weak && t.len == 1 && t.value[0] == 0xab);
	assert_true(http_etag_next(&at, &t));
	assert_false(t.ours || t.star);
	assert_true(http_etag_next(&at, &t));
	assert_true(t.star);
	assert_false(http_etag_next(&at, &t));
	assert_non_null(at);
	at = "\"open";
	assert_false(http_etag_next(&at, &t));
	assert_null(at);
}

static unsigned conditions(uint8_t code, const char *match, const char *none, const char *expected)
{
	uint8_t buf[64];
	char hex[130] = "";
	size_t n;
	unsigned status = http_map_conditions(code, match, none, buf, sizeof buf, &n);
	for (size_t i = 0; !status && i < n; i++)
		sprintf(hex + 2 * i, "%02x", buf[i]);
	assert_string_equal(hex, expected);
	return status;
}

static void conditions_become_options(void **state)
{
	assert_int_equal(conditions(COAP_GET, NULL, NULL, ""), 0);
	assert_int_equal(conditions(COAP_PUT, "\"0102\"", NULL, "120102"), 0);
	assert_int_equal(conditions(COAP_PUT, "*", NULL, "10"), 0);
	assert_int_equal(conditions(COAP_PUT, "\"01\", \"02\"", NULL, "11010102"), 0);
	assert_int_equal(conditions(COAP_PUT, "W/\"01\"", NULL, ""), 412); /* weak ones match nothing */
	assert_int_equal(conditions(COAP_PUT, "\"not of ours\"", NULL, ""), 412);
	assert_int_equal(conditions(COAP_PUT, "nonsense", NULL, ""), 400);
	assert_int_equal(conditions(COAP_GET, NULL, "\"0102\", W/\"03\"",
				 "42010201"
				 "03"),
		0);
	assert_int_equal(conditions(COAP_GET, NULL, "\"theirs\"", ""), 0);
	assert_int_equal(conditions(COAP_GET, NULL, "*", ""), 0);
	assert_int_equal(conditions(COAP_PUT, NULL, "*", "50"), 0);
	assert_int_equal(conditions(COAP_PUT, NULL, "\"01\"", ""), 400);
	assert_int_equal(conditions(COAP_GET, "\"01\"", "\"02\"", "11013102"), 0);
}

static void a_tag_that_is_known_is_not_modified(void **state)
{
	assert_true(http_map_not_modified("\"ab\", \"0102\"", (const uint8_t *)"\1\2", 2));
	assert_true(http_map_not_modified("W/\"0102\"", (const uint8_t *)"\1\2", 2));
	assert_true(http_map_not_modified("*", (const uint8_t *)"\1\2", 2));
	assert_false(http_map_not_modified("\"01\"", (const uint8_t *)"\1\2", 2));
	assert_false(http_map_not_modified("*", NULL, 0));
	assert_false(http_map_not_modified(NULL, (const uint8_t *)"\1\2", 2));
}

static void other_sites_are_told_from_ours(void **state)
{
	assert_true(http_map_same_site("http://sensors:8080", "sensors:8080", false));
	assert_true(http_map_same_site("http://Sensors", "sensors:80", false));
	assert_true(http_map_same_site("https://sensors:443", "sensors", true));
	assert_false(http_map_same_site("http://sensors:8081", "sensors:8080", false));
	assert_false(http_map_same_site("https://sensors", "sensors", false));
	assert_false(http_map_same_site("http://sensors", "sensors", true));
	assert_false(http_map_same_site("http://evil.sensors", "sensors", false));
	assert_false(http_map_same_site("http://sensors.evil", "sensors", false));
	assert_false(http_map_same_site("null", "sensors", false));
	assert_false(http_map_same_site("http://sensors", NULL, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_those_of_the_table),
		cmocka_unit_test(methods_are_those_coap_has),
		cmocka_unit_test(ids_are_digits_within_range),
		cmocka_unit_test(paths_are_checked_before_a_slave_sees_them),
		cmocka_unit_test(parameters_are_found_and_unescaped),
		cmocka_unit_test(media_types_become_content_formats_and_back),
		cmocka_unit_test(what_is_liked_best_and_can_be_had_is_asked_for),
		cmocka_unit_test(who_takes_anything_is_asked_for_nothing),
		cmocka_unit_test(streams_and_lists_are_told_apart),
		cmocka_unit_test(entity_tags_go_both_ways),
		cmocka_unit_test(conditions_become_options),
		cmocka_unit_test(a_tag_that_is_known_is_not_modified),
		cmocka_unit_test(other_sites_are_told_from_ours),
	};
	return cmocka_run_group_tests_name("api_http_map", tests, NULL, NULL);
}
