/*
 * members.c - see members.h. Failures stay in the text (text.h).
 */
#include "daemon/members.h"

#include <stdlib.h>
#include <string.h>
#include "base/base64.h"

void member_bytes(struct text *t, const char *key, const char *value, size_t n)
{
	text_printf(t, ",\"%s\":", key);
	text_json(t, value, n);
}

void member_text(struct text *t, const char *key, const char *value)
{
	if (said(value))
		member_bytes(t, key, value, strlen(value));
}

void member_base64(struct text *t, const char *key, const void *data, size_t n)
{
	char *buf = malloc(lan_base64_len(n) + 1);
	t->bad |= !buf;
	if (!buf)
		return;
	lan_base64_encode(data, n, buf);
	text_printf(t, ",\"%s\":\"", key);
	text_add(t, buf, lan_base64_len(n));
	text_puts(t, "\"");
	free(buf);
}

void member_number(struct text *t, const char *key, uint64_t value)
{
	text_printf(t, ",\"%s\":%llu", key, (unsigned long long)value);
}

void member_json(struct text *t, const char *key, const char *json)
{
	text_printf(t, ",\"%s\":", key);
	text_puts(t, json);
}
