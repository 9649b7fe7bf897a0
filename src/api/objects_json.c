/*
 * objects_json.c - a received pickle as JSON text: see objects.h. Tokens are
 * written straight into the text; no tree is built in between.
 *
 * What JSON has no word for is an object with one key: {"tuple":[..]},
 * {"base64":".."}, {"int":"1267650600228229401496703205376"}, {"float":"nan"},
 * {"dict":[[key,value],..]}. A genuine dict that looks like one of these is
 * written in the last form, so nothing is ambiguous. Refused: nothing; what is
 * beyond the subset becomes {"opaque":".."} with the structure of the pickle as
 * text, never evaluated.
 */
#include "api/objects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/utf8.h"
#include "proto/pickle/pickle.h"

#define DUMP_MAX (64u << 10)

/* Where the writer stands in the list of tokens. */
struct walk {
	const struct pickle_token *at, *end;
	struct lan_object_text *out;
	const char *opaque; /* why it cannot be shown as JSON */
};

static char *room(struct lan_object_text *o, size_t n)
{
	if (o->failed)
		return NULL;
	if (n >= o->cap - o->len || !o->cap) {
		size_t cap = o->cap ? o->cap : 256;
		while (cap <= o->len + n)
			cap *= 2;
		char *buf = realloc(o->buf, cap);
		if (!buf) {
			o->failed = true;
			return NULL;
		}
		o->buf = buf;
		o->cap = cap;
	}
	return o->buf + o->len;
}

static void put(struct lan_object_text *o, const char *s, size_t n)
{
	char *to = room(o, n);
	if (!to)
		return;
	memcpy(to, s, n);
	to[n] = '\0';
	o->len += n;
}

static void puts_(struct lan_object_text *o, const char *s)
{
	put(o, s, strlen(s));
}

static void put_string(struct lan_object_text *o, const uint8_t *s, size_t n)
{
	size_t from = 0;
	put(o, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		char code[8];
		if (s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f)
			continue;
		put(o, (const char *)s + from, i - from);
		if (s[i] == '"' || s[i] == '\\')
			snprintf(code, sizeof code, "\\%c", s[i]);
		else if (s[i] == '\n')
			snprintf(code, sizeof code, "\\n");
		else
			snprintf(code, sizeof code, "\\u%04x", s[i]);
		puts_(o, code);
		from = i + 1;
	}
	put(o, (const char *)s + from, n - from);
	put(o, "\"", 1);
}

static void put_base64(struct lan_object_text *o, const uint8_t *s, size_t n)
{
	puts_(o, "{\"base64\":\"");
	char *to = room(o, lan_base64_len(n));
	if (to) {
		lan_base64_encode(s, n, to);
		o->len += lan_base64_len(n);
		o->buf[o->len] = '\0';
	}
	puts_(o, "\"}");
}

/* The shortest decimal that is the same double again. */
static void put_float(struct lan_object_text *o, double f)
{
	char text[40];
	if (!isfinite(f)) {
		snprintf(text, sizeof text, "{\"float\":\"%s\"}", isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
		puts_(o, text);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, f);
		if (strtod(text, NULL) == f)
			break;
	}
	for (char *c = text; *c; c++)
		if (*c == ',') /* the application's locale */
			*c = '.';
	if (!strpbrk(text, ".e"))
		strcat(text, ".0");
	puts_(o, text);
}

/* Little-endian two's complement to decimal, nine digits at a time. */
static void put_bigint(struct lan_object_text *o, const uint8_t *bytes, size_t n)
{
	uint32_t limb[LAN_OBJECT_INT_BITS / 32 + 1] = {0}, group[LAN_OBJECT_INT_BITS / 29 + 2];
	bool negative = n && bytes[n - 1] & 0x80;
	size_t limbs = n / 4 + 1, groups = 0;
	unsigned carry = negative;
	for (size_t i = 0; i < limbs * 4; i++) {
		unsigned b = i < n ? bytes[i] : negative ? 0xff : 0;
		if (negative) {
			b = (~b & 0xff) + carry;
			carry = b >> 8;
		}
		limb[i / 4] |= (uint32_t)(b & 0xff) << i % 4 * 8;
	}
	while (limbs) {
		uint64_t rest = 0;
		for (size_t i = limbs; i-- > 0;) {
			rest = rest << 32 | limb[i];
			limb[i] = (uint32_t)(rest / 1000000000u);
			rest %= 1000000000u;
		}
		group[groups++] = (uint32_t)rest;
		while (limbs && !limb[limbs - 1])
			limbs--;
	}
	puts_(o, negative ? "{\"int\":\"-" : "{\"int\":\"");
	for (size_t i = groups; i-- > 0;) {
		char text[16];
		snprintf(text, sizeof text, i + 1 == groups ? "%u" : "%09u", group[i]);
		puts_(o, text);
	}
	puts_(o, "\"}");
}

static void put_value(struct walk *w);

static void put_items(struct walk *w, size_t n)
{
	put(w->out, "[", 1);
	for (size_t i = 0; i < n; i++) {
		if (i)
			put(w->out, ",", 1);
		put_value(w);
	}
	put(w->out, "]", 1);
}

static const struct pickle_token *skip(const struct pickle_token *t, const struct pickle_token *end)
{
	for (size_t left = 1; left && t < end; t++) {
		left--;
		if (t->kind == PICKLE_TUPLE || t->kind == PICKLE_LIST)
			left += t->n;
		else if (t->kind == PICKLE_DICT)
			left += 2 * t->n;
	}
	return t;
}

static bool marker(const struct pickle_token *key)
{
	static const char *const words[] = {"int", "float", "dict", "tuple", "base64", "opaque"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (key->n == strlen(words[i]) && memcmp(key->bytes, words[i], key->n) == 0)
			return true;
	return false;
}

/* Can a dict with these pairs be a JSON object? */
static bool plain_dict(const struct walk *w, size_t pairs)
{
	const struct pickle_token *t = w->at;
	for (size_t i = 0; i < pairs; i++) {
		if (t->kind != PICKLE_TEXT || memchr(t->bytes ? (const void *)t->bytes : "", '\0', t->n) ||
			(pairs == 1 && marker(t)))
			return false;
		t = skip(t + 1, w->end);
	}
	return true;
}

static void put_dict(struct walk *w, size_t pairs)
{
	bool plain = plain_dict(w, pairs);
	puts_(w->out, plain ? "{" : "{\"dict\":[");
	for (size_t i = 0; i < pairs; i++) {
		if (i)
			put(w->out, ",", 1);
		if (!plain)
			put(w->out, "[", 1);
		put_value(w);
		put(w->out, plain ? ":" : ",", 1);
		put_value(w);
		if (!plain)
			put(w->out, "]", 1);
	}
	puts_(w->out, plain ? "}" : "]}");
}

/* The decoder bounds the depth. */
static void put_value(struct walk *w)
{
	const struct pickle_token *t = w->at++;
	char number[24];
	switch (t->kind) {
	case PICKLE_NONE:
		puts_(w->out, "null");
		break;
	case PICKLE_BOOL:
		puts_(w->out, t->b ? "true" : "false");
		break;
	case PICKLE_INT:
		snprintf(number, sizeof number, "%lld", (long long)t->i);
		puts_(w->out, number);
		break;
	case PICKLE_BIGINT:
		if (t->n > LAN_OBJECT_INT_BITS / 8)
			w->opaque = "an integer of more than 4096 bits";
		else
			put_bigint(w->out, t->bytes, t->n);
		break;
	case PICKLE_FLOAT:
		put_float(w->out, t->f);
		break;
	case PICKLE_TEXT:
		if (!lan_utf8_valid(t->bytes, t->n))
			w->opaque = "text with lone surrogates";
		put_string(w->out, t->bytes, t->n);
		break;
	case PICKLE_BYTES:
		put_base64(w->out, t->bytes, t->n);
		break;
	case PICKLE_TUPLE:
		puts_(w->out, "{\"tuple\":");
		put_items(w, t->n);
		put(w->out, "}", 1);
		break;
	case PICKLE_LIST:
		put_items(w, t->n);
		break;
	case PICKLE_DICT:
		put_dict(w, t->n);
		break;
	}
}

static enum lan_err opaque(const uint8_t *in, size_t n, struct lan_object_text *out)
{
	char *dump = malloc(DUMP_MAX);
	if (!dump)
		return LAN_ERR_NOMEM;
	size_t len = pickle_dump(in, n, dump, DUMP_MAX);
	out->len = 0;
	puts_(out, "{\"opaque\":");
	put_string(out, (const uint8_t *)dump, len);
	put(out, "}", 1);
	free(dump);
	return out->failed ? LAN_ERR_NOMEM : LAN_OK;
}

enum lan_err lan_object_to_json(const uint8_t *in, size_t n, struct lan_object_text *out, const char **reason)
{
	struct pickle_tree tree = {0};
	const char *why = NULL;
	out->len = 0;
	out->failed = false;
	enum lan_err e = pickle_decode(in, n, &tree, &why);
	if (e == LAN_ERR_NOTSUP || e == LAN_ERR_TOOBIG) {
		*reason = why;
		return opaque(in, n, out);
	}
	if (e) {
		*reason = why;
		return e;
	}
	struct walk w = {.at = tree.token, .end = tree.token + tree.n, .out = out};
	put_value(&w);
	pickle_tree_fini(&tree);
	*reason = w.opaque;
	if (w.opaque)
		return opaque(in, n, out);
	return out->failed ? LAN_ERR_NOMEM : LAN_OK;
}
