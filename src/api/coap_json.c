/*
 * coap_json.c - see coap_json.h.
 */
#include "api/coap_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lanyard/coap.h>
#include "base/base64.h"
#include "base/utf8.h"

static bool is_text(const char *s, size_t n)
{
	return lan_utf8_valid(s, n) && !memchr(s, '\0', n);
}

void coap_json_payload(json_t *o, const void *payload, size_t len)
{
	const char *p = payload ? payload : "";
	char *text;
	if (is_text(p, len)) {
		json_object_set_new(o, "payload", json_stringn(p, len));
		return;
	}
	text = malloc(lan_base64_len(len) + 1);
	if (!text)
		return;
	lan_base64_encode(p, len, text);
	json_object_set_new(o, "base64", json_stringn(text, lan_base64_len(len)));
	free(text);
}

static void put_etag(json_t *o, const uint8_t *etag, size_t n)
{
	char hex[17] = "";
	for (size_t i = 0; i < n && i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", etag[i]);
	json_object_set_new(o, "etag", json_string(hex));
}

json_t *coap_json_answer(const struct coap_answer *a)
{
	char code[8];
	snprintf(code, sizeof code, "%u.%02u", a->code >> 5, a->code & 31u);
	json_t *o = json_pack("{s:i,s:s,s:s}", "schema", 1, "code", code, "code_text", a->code_text);
	if (a->content_format >= 0)
		json_object_set_new(o, "content_format", json_integer(a->content_format));
	if (a->media_type && *a->media_type)
		json_object_set_new(o, "media_type", json_string(a->media_type));
	json_object_set_new(o, "size", json_integer((json_int_t)a->len));
	coap_json_payload(o, a->payload, a->len);
	if (a->etag_len)
		put_etag(o, a->etag, a->etag_len);
	if (a->max_age >= 0)
		json_object_set_new(o, "max_age", json_integer(a->max_age));
	if (a->location && *a->location && is_text(a->location, strlen(a->location)))
		json_object_set_new(o, "location", json_string(a->location));
	if (a->rtt)
		json_object_set_new(o, "rtt_ms", json_real((double)(a->rtt / LAN_US(1)) / 1000.0));
	return o;
}

/* What is not UTF-8 becomes "?". */
static json_t *text_json(const char *s, size_t n)
{
	return is_text(s, n) ? json_stringn(s, n) : json_string("?");
}

/* In the looser form of the originals a target has no '/'. Of attributes with one name the first counts (RFC
 * 6690 section 3), and none replaces the path. */
static json_t *link_json(const struct lan_coap_link *l)
{
	json_t *o = json_object();
	struct lan_coap_attribute a;
	size_t at = 0;
	json_object_set_new(o, "path", text_json(l->target, l->target_len));
	while (lan_coap_link_attribute(l, &at, &a)) {
		json_t *name = text_json(a.name, a.name_len);
		if (!json_object_get(o, json_string_value(name)))
			json_object_set_new(o, json_string_value(name),
				a.value ? text_json(a.value, a.value_len) : json_true());
		json_decref(name);
	}
	return o;
}

json_t *coap_json_links(const char *text, size_t len)
{
	struct lan_coap_links l = {.text = text, .len = len};
	struct lan_coap_link one;
	json_t *list = json_array();
	while (lan_coap_link(&l, &one))
		json_array_append_new(list, link_json(&one));
	if (!l.bad)
		return list;
	json_decref(list);
	return NULL;
}
