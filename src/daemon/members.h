/*
 * members.h - members of an event, one after the other as JSON text, each with a
 * comma in front: what struct event_fields takes as `members`.
 */
#ifndef LANYARDD_MEMBERS_H
#define LANYARDD_MEMBERS_H

#include <stdint.h>
#include "api/text.h"

/* NULL, which leaves a field out, for what an event does not say. */
static inline const char *said(const char *s)
{
	return s && *s ? s : NULL;
}

/* Left out if there is nothing said. */
void member_text(struct text *t, const char *key, const char *value);
/* UTF-8, maybe empty. */
void member_bytes(struct text *t, const char *key, const char *value, size_t n);
void member_base64(struct text *t, const char *key, const void *data, size_t n);
void member_number(struct text *t, const char *key, uint64_t value);
/* Ready JSON. */
void member_json(struct text *t, const char *key, const char *json);

#endif
