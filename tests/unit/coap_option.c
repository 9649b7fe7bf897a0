/*
 * Unit tests of coap/option.h: the registry and what it makes of a message's options, paths and queries as
 * text, URIs, content formats, blocks, and which of two notifications is newer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/coap/option.h"

/* A message with the options written so far. */
static struct coap_msg message(const struct coap_wr *w)
{
	assert_false(w->w.bad);
	return (struct coap_msg){.options = w->w.buf, .options_len = w->w.off};
}

static uint8_t room[4096];

static struct coap_msg with(uint32_t number, size_t len)
{
	static const uint8_t zeros[2000];
	struct coap_wr w = coap_begin_options(room, sizeof room);

	coap_put(&w, number, zeros, len);
	return message(&w);
}

static void the_registry_is_that_of_the_rfcs(void **state)
{
	static const struct {
		uint32_t number;
		const char *name;
		int critical, unsafe, no_cache_key, repeatable;
		enum coap_option_format format;
		unsigned min, max;
	} rows[] = {
		/* RFC 7252 table 4; then 7641, 8613, 8768, 7959, 9175, 7967 */
		{1, "If-Match", 1, 0, 0, 1, COAP_F_OPAQUE, 0, 8},
		{3, "Uri-Host", 1, 1, 0, 0, COAP_F_STRING, 1, 255},
		{4, "ETag", 0, 0, 0, 1, COAP_F_OPAQUE, 1, 8},
		{5, "If-None-Match", 1, 0, 0, 0, COAP_F_EMPTY, 0, 0},
		{7, "Uri-Port", 1, 1, 0, 0, COAP_F_UINT, 0, 2},
		{8, "Location-Path", 0, 0, 0, 1, COAP_F_STRING, 0, 255},
		{11, "Uri-Path", 1, 1, 0, 1, COAP_F_STRING, 0, 255},
		{12, "Content-Format", 0, 0, 0, 0, COAP_F_UINT, 0, 2},
		{14, "Max-Age", 0, 1, 0, 0, COAP_F_UINT, 0, 4},
		{15, "Uri-Query", 1, 1, 0, 1, COAP_F_STRING, 0, 255},
		{17, "Accept", 1, 0, 0, 0, COAP_F_UINT, 0, 2},
		{20, "Location-Query", 0, 0, 0, 1, COAP_F_STRING, 0, 255},
		{35, "Proxy-Uri", 1, 1, 0, 0, COAP_F_STRING, 1, 1034},
		{39, "Proxy-Scheme", 1, 1, 0, 0, COAP_F_STRING, 1, 255},
		{60, "Size1", 0, 0, 1, 0, COAP_F_UINT, 0, 4},
		{6, "Observe", 0, 1, 0, 0, COAP_F_UINT, 0, 3},
		{9, "OSCORE", 1, 0, 0, 0, COAP_F_OPAQUE, 0, 255},
		{16, "Hop-Limit", 0, 0, 0, 0, COAP_F_UINT, 1, 1},
		{23, "Block2", 1, 1, 0, 0, COAP_F_UINT, 0, 3},
		{27, "Block1", 1, 1, 0, 0, COAP_F_UINT, 0, 3},
		{28, "Size2", 0, 0, 1, 0, COAP_F_UINT, 0, 4},
		{252, "Echo", 0, 0, 1, 0, COAP_F_OPAQUE, 1, 40},
		{258, "No-Response", 0, 1, 0, 0, COAP_F_UINT, 0, 1},
		{292, "Request-Tag", 0, 0, 0, 1, COAP_F_OPAQUE, 0, 8},
	};
	unsigned known = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct coap_option_info *info = coap_option_info(rows[i].number);
		assert_non_null(info);
		assert_int_equal(info->number, rows[i].number);
		assert_string_equal(info->name, rows[i].name);
		assert_int_equal(coap_is_critical(rows[i].number), rows[i].critical);
		assert_int_equal(coap_is_unsafe(rows[i].number), rows[i].unsafe);
		if (!rows[i].unsafe)
			assert_int_equal(!coap_is_cache_key(rows[i].number), rows[i].no_cache_key);
		assert_int_equal(info->repeatable, rows[i].repeatable);
		assert_int_equal(info->format, rows[i].format);
		assert_int_equal(info->min, rows[i].min);
		assert_int_equal(info->max, rows[i].max);
	}
	for (uint32_t number = 0; number < 70000; number++)
		known += coap_option_info(number) != NULL;
	assert_int_equal(known, sizeof rows / sizeof *rows);
}

static void a_length_outside_its_range_makes_an_option_unknown(void **state)
{
	for (uint32_t number = 0; number < 300; number++) {
		const struct coap_option_info *info = coap_option_info(number);
		for (size_t len = 0; len <= 1036; len++) {
			struct coap_msg m = with(number, len);
			bool ok = info && len >= info->min && len <= info->max;
			bool bad = coap_is_critical(number) && (!ok || number == COAP_OSCORE);
			const uint8_t *p;
			size_t n;
			assert_int_equal(coap_bad_option(&m), bad ? number : 0);
			assert_int_equal(coap_find(&m, number, 0, &p, &n), ok || !info);
			assert_false(coap_find(&m, number, 1, &p, &n));
			assert_false(coap_find(&m, number + 1, 0, &p, &n));
			if (len == 45)
				len = 250;
			if (len == 260)
				len = 1030;
		}
	}
}

static void a_critical_option_that_comes_too_often_is_bad(void **state)
{
	for (uint32_t number = 1; number < 300; number++) {
		const struct coap_option_info *info = coap_option_info(number);
		if (!info || number == COAP_OSCORE)
			continue;
		struct coap_wr w = coap_begin_options(room, sizeof room);
		coap_put(&w, number, "12345678", info->min);
		coap_put(&w, number, "abcdefgh", info->min);
		struct coap_msg m = message(&w);
		const uint8_t *p;
		size_t n;
		assert_int_equal(
			coap_bad_option(&m), coap_is_critical(number) && !info->repeatable ? number : 0);
		assert_true(coap_find(&m, number, 0, &p, &n));
		if (n)
			assert_int_equal(*p, '1');
		assert_int_equal(coap_find(&m, number, 1, &p, &n), info->repeatable);
	}
	struct coap_wr w = coap_begin_options(room, sizeof room);
	coap_put_text(&w, COAP_URI_PATH, "a");
	coap_put_text(&w, 13, "what"); /* elective would be 12 */
	coap_put_text(&w, 19, "ever");
	struct coap_msg m = message(&w);
	assert_int_equal(coap_bad_option(&m), 13);
}

static void what_is_not_valid_is_passed_over_when_looking(void **state)
{
	struct coap_wr w = coap_begin_options(room, sizeof room);
	const uint8_t *p;
	uint64_t v = 7;
	size_t n;

	coap_put(&w, COAP_ETAG, "123456789", 9);
	coap_put(&w, COAP_ETAG, "abc", 3);
	coap_put(&w, COAP_ETAG, "", 0);
	coap_put(&w, COAP_ETAG, "d", 1);
	coap_put(&w, COAP_CONTENT_FORMAT, "\0\0\50", 3);
	coap_put(&w, COAP_MAX_AGE, "\0\0\1\2", 4); /* zeros in front are allowed to be read */
	coap_put(&w, 65000, "\1\2\3\4\5\6\7\10", 8);
	coap_put(&w, 65001, "\1\2\3\4\5\6\7\10\11", 9);
	struct coap_msg m = message(&w);
	assert_true(coap_find(&m, COAP_ETAG, 0, &p, &n) && n == 3);
	assert_true(coap_find(&m, COAP_ETAG, 1, &p, &n) && n == 1);
	assert_false(coap_find(&m, COAP_ETAG, 2, &p, &n));
	assert_false(coap_find_uint(&m, COAP_CONTENT_FORMAT, &v));
	assert_false(coap_find_uint(&m, 65001, &v));
	assert_int_equal(v, 7);
	assert_true(coap_find_uint(&m, COAP_MAX_AGE, &v) && v == 258);
	assert_true(coap_find_uint(&m, 65000, &v) && v == 0x0102030405060708);
}

/* --- paths and queries -------------------------------------------------------------------- */

static void paths_are_text_and_options_and_text_again(void **state)
{
	static const struct {
		const char *text, *options, *again; /* options: values between bars; again: NULL the text */
	} paths[] = {
		{"", "", NULL},
		{"/", "", ""},
		{"t1", "t1|", NULL},
		{"/t1", "t1|", "t1"},
		{"a/b/c", "a|b|c|", NULL},
		{"a/", "a||", NULL},
		{"a//b", "a||b|", NULL},
		{"//a", "|a|", NULL},
		{"//", "||", NULL},
		{"a%2Fb/c", "a/b|c|", NULL},
		{"a%2fb%25", "a/b%|", "a%2Fb%25"},
		{"%41%7e-._~", "A~-._~|", "A~-._~"},
		{"!$&'()*+,;=:@", "!$&'()*+,;=:@|", NULL},
		{"a b?c#d", "a b?c#d|", "a%20b%3Fc%23d"},
		{"%E2%82%AC", "\xe2\x82\xac|", NULL},
		{"\xe2\x82\xac", "\xe2\x82\xac|", "%E2%82%AC"},
		{"...", "...|", NULL},
		{"a/.b/c.", "a|.b|c.|", NULL},
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char values[100] = "", text[100];
		struct coap_wr w = coap_begin_options(room, sizeof room);
		assert_int_equal(
			coap_put_path(&w, COAP_URI_PATH, paths[i].text, strlen(paths[i].text)), LAN_OK);
		struct coap_msg m = message(&w);
		struct coap_options o = coap_options_of(&m);
		while (coap_options_next(&o))
			sprintf(values + strlen(values), "%.*s|", (int)o.len, (const char *)o.value);
		assert_string_equal(values, paths[i].options);
		assert_int_equal(coap_path(&m, COAP_URI_PATH, text, sizeof text), LAN_OK);
		assert_string_equal(text, paths[i].again ? paths[i].again : paths[i].text);
		size_t len = strlen(text);
		for (size_t cap = 0; cap <= len; cap++)
			assert_int_equal(coap_path(&m, COAP_URI_PATH, text, cap), LAN_ERR_TOOBIG);
		assert_int_equal(coap_path(&m, COAP_URI_PATH, text, len + 1), LAN_OK);
		assert_int_equal(coap_path(&m, COAP_LOCATION_PATH, text, 1), LAN_OK);
		assert_string_equal(text, "");
	}
}

static void a_path_that_no_option_holds_is_refused(void **state)
{
	static const char *const wrong[] = {"%", "a%4", "%4g", "%g4", "a/%", "%%%", ".", "..", "a/./b",
		"a/..", "%2e", "%2E%2e/b", "../a"};
	char text[3 * 300];
	uint8_t octets[300];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct coap_wr w = coap_begin_options(room, sizeof room);
		assert_int_equal(coap_put_path(&w, COAP_URI_PATH, wrong[i], strlen(wrong[i])), LAN_ERR_INVAL);
		assert_int_equal(coap_end(&w), 0); /* no half of it is taken for the whole */
	}
	memset(text, 'x', sizeof text);
	for (size_t len = 250; len < 260; len++) {
		struct coap_wr w = coap_begin_options(room, sizeof room);
		assert_int_equal(
			coap_put_path(&w, COAP_URI_PATH, text, len), len <= 255 ? LAN_OK : LAN_ERR_INVAL);
	}
	for (int i = 0; i < 256; i++) /* 255 octets, each escaped */
		memcpy(text + 3 * i, "%00", 3);
	struct coap_wr w = coap_begin_options(octets, sizeof octets);
	assert_int_equal(coap_put_path(&w, COAP_URI_PATH, text, 3 * 255), LAN_OK);
	assert_int_equal(coap_end(&w), 2 + 255);
	struct coap_msg m = message(&w);
	char back[3 * 255 + 1];
	assert_int_equal(coap_path(&m, COAP_URI_PATH, back, sizeof back), LAN_OK);
	assert_memory_equal(back, text, 3 * 255);
	w = coap_begin_options(octets, sizeof octets);
	assert_int_equal(coap_put_path(&w, COAP_URI_PATH, text, 3 * 256), LAN_ERR_INVAL);
	w = coap_begin_options(octets, 2);
	assert_int_equal(coap_put_path(&w, COAP_URI_PATH, "abc", 3), LAN_OK); /* the writer says so */
	assert_int_equal(coap_end(&w), 0);
}

static void queries_are_text_and_options_and_text_again(void **state)
{
	static const struct {
		const char *text, *options, *again;
	} queries[] = {
		{"", "", NULL},
		{"x=1", "x=1|", NULL},
		{"x=1&y", "x=1|y|", NULL},
		{"a%26b=c&d", "a&b=c|d|", NULL},
		{"a&&b&", "a||b||", NULL},
		{"a/b?c:d@e", "a/b?c:d@e|", NULL},
		{"a%2Fb", "a/b|", "a/b"},
		{"q=a+b c", "q=a+b c|", "q=a+b%20c"},
		{".&..", ".|..|", NULL},
	};

	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		char values[100] = "", text[100];
		struct coap_wr w = coap_begin_options(room, sizeof room);
		assert_int_equal(
			coap_put_query(&w, COAP_URI_QUERY, queries[i].text, strlen(queries[i].text)), LAN_OK);
		struct coap_msg m = message(&w);
		struct coap_options o = coap_options_of(&m);
		while (coap_options_next(&o))
			sprintf(values + strlen(values), "%.*s|", (int)o.len, (const char *)o.value);
		assert_string_equal(values, queries[i].options);
		assert_int_equal(coap_query(&m, COAP_URI_QUERY, text, sizeof text), LAN_OK);
		assert_string_equal(text, queries[i].again ? queries[i].again : queries[i].text);
	}
	struct coap_wr w = coap_begin_options(room, sizeof room);
	assert_int_equal(coap_put_query(&w, COAP_URI_QUERY, "a=%zz", 5), LAN_ERR_INVAL);
}

/* Every octet, alone in a segment: what comes out goes in again. */
static void every_octet_comes_back(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		struct coap_wr w = coap_begin_options(room, sizeof room);
		uint8_t octets[2] = {'a', (uint8_t)c}, out[64];
		char path[20], query[20];
		coap_put(&w, COAP_URI_PATH, octets, 2);
		coap_put(&w, COAP_URI_QUERY, octets, 2);
		struct coap_msg m = message(&w);
		assert_int_equal(coap_path(&m, COAP_URI_PATH, path, sizeof path), LAN_OK);
		assert_int_equal(coap_query(&m, COAP_URI_QUERY, query, sizeof query), LAN_OK);
		for (const char *p = path; *p; p++)
			assert_true(*p > ' ' && *p < 127 && !strchr("\"<>\\^`{|}#?/", *p));
		for (const char *p = query; *p; p++)
			assert_true(*p > ' ' && *p < 127 && !strchr("\"<>\\^`{|}#&", *p));
		struct coap_wr back = coap_begin_options(out, sizeof out);
		assert_int_equal(coap_put_path(&back, COAP_URI_PATH, path, strlen(path)), LAN_OK);
		assert_int_equal(coap_put_query(&back, COAP_URI_QUERY, query, strlen(query)), LAN_OK);
		assert_int_equal(coap_end(&back), m.options_len);
		assert_memory_equal(out, m.options, m.options_len);
	}
}

static void uris_are_cut_into_their_pieces(void **state)
{
	static const struct {
		const char *uri, *pieces; /* scheme host port path query between bars; NULL: refused */
	} uris[] = {
		{"coap://h", "coap|h|0||"},
		{"coap://h/", "coap|h|0|/|"},
		{"coap://192.0.2.1:5683/a/b?c=d&e", "coap|192.0.2.1|5683|/a/b|c=d&e"},
		{"coaps://[2001:db8::1]:61616/x", "coaps|2001:db8::1|61616|/x|"},
		{"coap+tcp://[::1]", "coap+tcp|::1|0||"},
		{"coap://[fe80::1%25eth0]/x", "coap|fe80::1%25eth0|0|/x|"},
		{"coap://h:/x", "coap|h|0|/x|"},
		{"coap://h?q", "coap|h|0||q"},
		{"coap://h/?a/b?c", "coap|h|0|/|a/b?c"},
		{"CoAP://EXAMPLE.com/%7E", "CoAP|EXAMPLE.com|0|/%7E|"},
		{"sensor://169/t1", "sensor|169|0|/t1|"},
		{"coap://h/\xc3\xa9", "coap|h|0|/\xc3\xa9|"},
		{"", NULL},
		{"coap", NULL},
		{"coap:/h/x", NULL},
		{"//h/x", NULL},
		{"/a/b", NULL},
		{"1coap://h", NULL},
		{"co ap://h", NULL},
		{"coap://", NULL},
		{"coap:///x", NULL},
		{"coap://:5683/x", NULL},
		{"coap://[]/x", NULL},
		{"coap://[::1", NULL},
		{"coap://[::1]x/", NULL},
		{"coap://[[::1]]/", NULL},
		{"coap://h:0/", NULL},
		{"coap://h:65536/", NULL},
		{"coap://h:99999999999999999999/", NULL},
		{"coap://h:5a/", NULL},
		{"coap://h:-1/", NULL},
		{"coap://h:1:2/", NULL},
		{"coap://u@h/", NULL},
		{"coap://h/a b", NULL},
		{"coap://h/a\n", NULL},
		{"coap://h/\x7f", NULL},
		{"coap://h/a#b", NULL},
		{"coap://<h>/", NULL},
	};

	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
		struct coap_uri u = {.port = 7};
		char text[100];
		enum lan_err e = coap_uri_split(uris[i].uri, &u);
		if (!uris[i].pieces) {
			if (!e)
				print_message("taken: %s\n", uris[i].uri);
			assert_int_equal(e, LAN_ERR_INVAL);
			assert_int_equal(u.port, 7);
			continue;
		}
		assert_int_equal(e, LAN_OK);
		snprintf(text, sizeof text, "%.*s|%.*s|%u|%.*s|%.*s", (int)u.scheme_len, u.scheme,
			(int)u.host_len, u.host, u.port, (int)u.path_len, u.path, (int)u.query_len, u.query);
		assert_string_equal(text, uris[i].pieces);
	}
}

/* --- formats, codes, blocks, observe ------------------------------------------------------ */

static void media_types_are_content_formats(void **state)
{
	static const struct {
		const char *type;
		int format; /* -1: none */
	} types[] = {
		{"text/plain;charset=utf-8", 0},
		{"text/plain", 0},
		{"Text/Plain ; Charset=\"UTF-8\"", 0},
		{"text/plain;charset=us-ascii", 0},
		{"text/plain;format=flowed", 0},
		{"text/plain; charset=iso-8859-1", -1},
		{"text/plain;format=fixed;charset=utf-16", -1},
		{"application/json", 50},
		{"APPLICATION/JSON; charset=utf-8", 50},
		{"application/link-format", 40},
		{"application/xml", 41},
		{"application/octet-stream", 42},
		{"application/exi", 47},
		{"application/cbor", 60},
		{"application/cbor-seq", 63},
		{"application/senml+json", 110},
		{"application/cose", -1},
		{"application/cose; cose-type=\"cose-mac\"", 97},
		{"application/cose;cose-type=cose-mac0", 17},
		{"application/yang-data+cbor", 340},
		{"application/yang-data+cbor; id=sid", 140},
		{"application/yang-data+cbor; id=name", 341},
		{"image/svg+xml", 30000},
		{"", -1},
		{";", -1},
		{"application", -1},
		{"application/jsonx", -1},
		{"application/jso", -1},
		{"text/html", -1},
	};
	unsigned known = 0;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		uint32_t format = 7;
		bool ok = coap_content_format(types[i].type, strlen(types[i].type), &format);
		if (ok != (types[i].format >= 0))
			print_message("%s\n", types[i].type);
		assert_int_equal(ok, types[i].format >= 0);
		assert_int_equal(format, ok ? types[i].format : 7);
	}
	for (uint32_t format = 0; format < 70000; format++) {
		const char *type = coap_media_type(format);
		uint32_t back = 99999;
		if (!type)
			continue;
		known++;
		assert_true(coap_content_format(type, strlen(type), &back));
		assert_int_equal(back, format);
	}
	assert_true(known > 40);
	assert_string_equal(coap_media_type(0), "text/plain;charset=utf-8");
	assert_null(coap_media_type(1));
}

static void codes_have_names(void **state)
{
	assert_string_equal(coap_code_name(COAP_GET), "GET");
	assert_string_equal(coap_code_name(COAP_IPATCH), "iPATCH");
	assert_string_equal(coap_code_name(0x45), "Content");
	assert_string_equal(coap_code_name(COAP_CODE(4, 4)), "Not Found");
	assert_string_equal(coap_code_name(COAP_CODE(5, 8)), "Hop Limit Reached");
	assert_string_equal(coap_code_name(COAP_EMPTY), "");
	assert_string_equal(coap_code_name(COAP_CODE(2, 30)), "");
}

static void blocks_are_read_as_they_are_written(void **state)
{
	static const uint32_t nums[] = {0, 1, 15, 16, 4095, 4096, (1u << 20) - 1};

	for (size_t i = 0; i < sizeof nums / sizeof *nums; i++)
		for (uint8_t szx = 0; szx < 8; szx++)
			for (int more = 0; more < 2; more++) {
				struct coap_wr w = coap_begin_options(room, sizeof room);
				struct coap_block b = {.num = nums[i], .more = more, .szx = szx}, back;
				coap_put_block(&w, COAP_BLOCK1, &b);
				assert_int_equal(coap_end(&w) == 0, szx == 7);
				if (szx == 7)
					continue;
				struct coap_msg m = message(&w);
				assert_true(coap_block_of(&m, COAP_BLOCK1, &back));
				assert_int_equal(back.num, nums[i]);
				assert_int_equal(back.more, more);
				assert_int_equal(back.szx, szx);
				assert_false(coap_block_of(&m, COAP_BLOCK2, &back));
			}
	struct coap_wr w = coap_begin_options(room, sizeof room);
	coap_put_block(&w, COAP_BLOCK2, &(struct coap_block){.num = 1u << 20});
	assert_int_equal(coap_end(&w), 0);
	struct coap_block b;
	w = coap_begin_options(room, sizeof room);
	coap_put(&w, COAP_BLOCK2, "\x07", 1);
	struct coap_msg m = message(&w);
	assert_false(coap_block_of(&m, COAP_BLOCK2, &b));
	m = with(COAP_BLOCK2, 4);
	assert_false(coap_block_of(&m, COAP_BLOCK2, &b));
	m = with(COAP_BLOCK2, 0);
	assert_true(coap_block_of(&m, COAP_BLOCK2, &b));
	assert_true(b.num == 0 && !b.more && b.szx == 0);
	assert_int_equal(COAP_BLOCK_SIZE(6), 1024);
}

static void notifications_are_newer_as_rfc_7641_says(void **state)
{
	static const struct {
		uint32_t last, value;
		int newer; /* soon after */
	} values[] = {
		{1, 2, 1}, {2, 1, 0}, {5, 5, 0}, {0, 0x7fffff, 1}, {0, 0x800000, 0}, {0x7fffff, 0, 0},
		{0x800000, 0, 0}, {0x800001, 0, 1}, {0xffffff, 0, 1}, {0xffffff, 0xfffffe, 0},
		{0xfffff0, 5, 1}, {5, 0xfffff0, 0}, {255, 256, 1}, /* where the original master stops */
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		lan_time then = LAN_SEC(1000), soon = then + LAN_SEC(128);
		assert_int_equal(
			coap_observe_newer(values[i].last, then, values[i].value, then), values[i].newer);
		assert_int_equal(
			coap_observe_newer(values[i].last, then, values[i].value, soon), values[i].newer);
		assert_true(coap_observe_newer(values[i].last, then, values[i].value, soon + 1));
		assert_int_equal(
			coap_observe_newer(values[i].last, then, values[i].value, then - 1), values[i].newer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_registry_is_that_of_the_rfcs),
		cmocka_unit_test(a_length_outside_its_range_makes_an_option_unknown),
		cmocka_unit_test(a_critical_option_that_comes_too_often_is_bad),
		cmocka_unit_test(what_is_not_valid_is_passed_over_when_looking),
		cmocka_unit_test(paths_are_text_and_options_and_text_again),
		cmocka_unit_test(a_path_that_no_option_holds_is_refused),
		cmocka_unit_test(queries_are_text_and_options_and_text_again),
		cmocka_unit_test(every_octet_comes_back),
		cmocka_unit_test(uris_are_cut_into_their_pieces),
		cmocka_unit_test(media_types_are_content_formats),
		cmocka_unit_test(codes_have_names),
		cmocka_unit_test(blocks_are_read_as_they_are_written),
		cmocka_unit_test(notifications_are_newer_as_rfc_7641_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
