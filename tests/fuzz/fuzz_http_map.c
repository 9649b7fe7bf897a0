/*
 * fuzz_http_map.c - what HTTP says in the words of CoAP, under any text. The input: an octet that chooses the
 * method and the code of an answer, then texts that end in a NUL: path, query, Accept, Content-Type,
 * If-Match, If-None-Match, Origin, Host.
 *
 * Checked: a path or query that is fine becomes options, and these the same path again; what is refused is
 * not half taken; an Accept asks for something it names, or for nothing; conditions are options in order; an
 * entity tag of ours is one again; a status is one of HTTP's; nothing is read beyond a text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/http_map.h"
#include "fuzz_script.h"

enum { TEXTS = 8 };

/* Each in memory of its own, so that one octet too far is seen. */
static char *cut(const uint8_t **p, size_t *n)
{
	const uint8_t *end = *n ? memchr(*p, 0, *n) : NULL;
	size_t len = end ? (size_t)(end - *p) : *n;
	char *text = malloc(len + 1);
	memcpy(text, *p, len);
	text[len] = '\0';
	*p += len + (end != NULL);
	*n -= len + (end != NULL);
	return text;
}

static size_t options_of(struct coap_wr *w, enum lan_err e)
{
	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_INVAL || w->w.bad, "error %d", e);
	return e ? 0 : coap_end(w);
}

/* A path that is fine is one to CoAP, and comes back as it would be written. */
static void path(const char *text)
{
	static uint8_t buf[8192], again[8192];
	static char back[32768];
	uint32_t id;
	const char *rest;
	if (http_map_id(text, &id, &rest))
		FUZZ_CHECK(id && id <= 0x7fffffff && (!rest || rest[-1] == '/'), "id %u", id);
	if (!http_map_path_ok(text) || strlen(text) > 4000)
		return;
	struct coap_wr w = coap_begin_options(buf, sizeof buf);
	size_t n = options_of(&w, coap_put_path(&w, COAP_URI_PATH, text, strlen(text)));
	FUZZ_CHECK(n, "'%s' is fine and no path of CoAP", text);
	struct coap_msg m = {.options = buf, .options_len = n};
	FUZZ_CHECK(
		coap_path(&m, COAP_URI_PATH, back, sizeof back) == LAN_OK, "'%s' does not come back", text);
	w = coap_begin_options(again, sizeof again);
	size_t n2 = options_of(&w, coap_put_path(&w, COAP_URI_PATH, back, strlen(back)));
	FUZZ_CHECK(n == n2 && memcmp(buf, again, n) == 0, "'%s' became '%s'", text, back);
}

static void query(const char *text)
{
	static uint8_t buf[8192];
	char value[64];
	memset(value, 'v', sizeof value);
	if (http_map_param(text, "src", value, sizeof value))
		FUZZ_CHECK(memchr(value, 0, sizeof value), "a parameter without end");
	if (!http_map_query_ok(text) || strlen(text) > 4000)
		return;
	struct coap_wr w = coap_begin_options(buf, sizeof buf);
	enum lan_err e = coap_put_query(&w, COAP_URI_QUERY, text, strlen(text));
	FUZZ_CHECK(e == LAN_OK && !w.w.bad, "'%s' is fine and no query of CoAP", text);
}

static void media(const char *accept, const char *type)
{
	struct http_accept a;
	char buf[48];
	http_map_accept(accept, &a);
	FUZZ_CHECK(a.format >= -1 && a.format <= 65535, "format %d", a.format);
	FUZZ_CHECK(!(a.nothing && (a.any || a.events || a.format >= 0)), "nothing and something of '%s'",
		accept);
	int32_t format = http_map_format(type);
	FUZZ_CHECK(format >= -2 && format <= 65535, "format %d", format);
	const char *back = http_map_media(format < 0 ? -1 : format, type, strlen(type), buf);
	FUZZ_CHECK(format < 0 || http_map_format(back) == format, "%d became '%s'", format, back);
}

static void conditions(uint8_t code, const char *match, const char *none)
{
	uint8_t buf[128];
	char text[HTTP_ETAG_TEXT];
	size_t n = 0;
	unsigned status =
		http_map_conditions(code, *match ? match : NULL, *none ? none : NULL, buf, sizeof buf, &n);
	FUZZ_CHECK(status == 0 || status == 400 || status == 412, "status %u", status);
	struct coap_options o = {.p = buf, .end = buf + n};
	while (!status && coap_options_next(&o))
		FUZZ_CHECK(o.len <= 8 && (o.number == COAP_IF_MATCH || o.number == COAP_ETAG ||
						 o.number == COAP_IF_NONE_MATCH),
			"option %u of %zu", o.number, o.len);
	FUZZ_CHECK(status || o.p == o.end, "no options");
	struct http_etag t;
	for (const char *at = none; at && http_etag_next(&at, &t);) {
		if (!t.ours)
			continue;
		http_etag_text(t.value, t.len, text);
		FUZZ_CHECK(http_map_not_modified(text, t.value, t.len), "%s is not itself", text);
		FUZZ_CHECK(http_map_not_modified(none, t.value, t.len), "%s is not in '%s'", text, none);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];
	if (size == 0)
		return 0;
	uint8_t first = data[0];
	const uint8_t *p = data + 1;
	size_t n = size - 1;
	for (size_t i = 0; i < TEXTS; i++)
		text[i] = cut(&p, &n);
	unsigned status = http_map_status(first, first & 1);
	FUZZ_CHECK(status >= 200 && status < 600, "status %u", status);
	FUZZ_CHECK(COAP_CLASS(first) != 4 || status / 100 == 4, "%u of a client's error", status);
	FUZZ_CHECK(COAP_CLASS(first) != 5 || status / 100 == 5, "%u of a server's error", status);
	(void)http_method_of(text[0]);
	path(text[0]);
	query(text[1]);
	media(text[2], text[3]);
	conditions(first % 4 + 1, text[4], text[5]);
	(void)http_map_same_site(text[6], text[7], first & 1);
	for (size_t i = 0; i < TEXTS; i++)
		free(text[i]);
	return 0;
}
