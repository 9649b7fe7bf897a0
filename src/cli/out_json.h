/*
 * out_json.h - writing JSON into the stdout buffer, field by field. For the
 * streams, where a document tree per line would cost more than the line;
 * documents of the daemon go through jansson.
 */
#ifndef LAN_CLI_OUT_JSON_H
#define LAN_CLI_OUT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out;

/* A string with its quotes; `s` is valid UTF-8. */
void out_json_string(struct out *o, const char *s, size_t n);
/* One field, with the comma in front of it unless it is the first. */
void out_json_text(struct out *o, const char *name, const char *value, bool first);
void out_json_bytes(struct out *o, const char *name, const char *value, size_t n, bool first);
/* The same as base64. */
void out_json_base64(struct out *o, const char *name, const void *value, size_t n, bool first);
/* `json` is JSON already. */
void out_json_value(struct out *o, const char *name, const char *json, bool first);
void out_json_number(struct out *o, const char *name, uint64_t value, bool first);
void out_json_bool(struct out *o, const char *name, bool value, bool first);
/* "time":"2026-03-01T12:00:00.123Z", now, in UTC. */
void out_json_now(struct out *o, const char *name, bool first);

#endif
