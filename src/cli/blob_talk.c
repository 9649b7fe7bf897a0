/*
 * blob_talk.c - the messages between two Lanyard ends about a file: see blob.h
 * and docs/protocols/serpy-blob.md. What comes in is data of a stranger: what is
 * not exactly one of them is none.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cli/blob.h"

static const char *const words[] = {NULL, "blob?", "blob", "stored", "refused"};
static const char beginning[] = "{\"lanyard\":";

static uint64_t whole(const json_t *doc, const char *name)
{
	json_int_t i = json_integer_value(json_object_get(doc, name));
	return i > 0 ? (uint64_t)i : 0;
}

void talk_read(const struct lan_stream_value *v, struct talk *t)
{
	*t = (struct talk){0};
	if (v->type != LAN_STREAM_STR || v->len < sizeof beginning || v->len > 8192 ||
		memcmp(v->data, beginning, sizeof beginning - 1) != 0)
		return;
	json_t *doc = json_loadb(v->data, v->len, JSON_REJECT_DUPLICATES, NULL);
	const char *word = json_string_value(json_object_get(doc, "lanyard"));
	for (size_t i = TALK_WHO; word && i <= TALK_REFUSED; i++)
		if (strcmp(word, words[i]) == 0)
			t->kind = (enum talk_kind)i;
	const char *text = json_string_value(json_object_get(doc, t->kind == TALK_REFUSED ? "why" : "name"));
	/* What does not fit is longer than any name may be, and refused as such. */
	if (text)
		strncpy(t->text, text, sizeof t->text - 1);
	t->named = text;
	t->size = whole(doc, "size");
	t->parts = whole(doc, "parts");
	json_decref(doc);
}

enum lan_err talk_send(struct lan_stream *s, uint64_t conn, const struct talk *t)
{
	json_t *doc = json_pack("{s:s}", "lanyard", words[t->kind]);
	if (t->kind == TALK_REFUSED)
		json_object_set_new(doc, "why", json_string(t->text));
	if (t->named)
		json_object_set_new(doc, "name", json_string(t->text));
	if (t->kind == TALK_BLOB || t->kind == TALK_STORED)
		json_object_set_new(doc, "size", json_integer((json_int_t)t->size));
	if (t->parts)
		json_object_set_new(doc, "parts", json_integer((json_int_t)t->parts));
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	enum lan_err err = LAN_ERR_NOMEM;
	if (text) {
		struct lan_stream_value v = lan_stream_str(text, strlen(text));
		err = lan_stream_send(s, conn, &v, NULL, NULL);
	}
	free(text);
	json_decref(doc);
	return err;
}
