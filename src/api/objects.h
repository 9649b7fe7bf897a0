/*
 * objects.h - Python objects of the multisock dialect as JSON, both ways. The
 * mapping is in lanyard-channel(7), OBJECTS; the safe subset of pickle is
 * proto/pickle.
 */
#ifndef LAN_API_OBJECTS_H
#define LAN_API_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

/* A growing text with a NUL behind it; `failed`: out of memory, the rest was left out. */
struct lan_object_text {
	char *buf;
	size_t len, cap;
	bool failed;
};

/* A pickle as JSON into `out` (its memory is used again; free out->buf in the end). Beyond the subset:
 * {"opaque":"<structure>"} and *reason says what, else *reason is NULL. LAN_ERR_PROTO: not a pickle
 * (*reason says why), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_object_to_json(
	const uint8_t *in, size_t n, struct lan_object_text *out, const char **reason);

/* A JSON text as a pickle: *out is malloc'ed. LAN_ERR_INVAL (*why: static or thread-local text),
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_object_from_json(const char *json, uint8_t **out, size_t *n, const char **why);

/* The largest integer either way, in bits: a longer one costs more to print than it is worth. */
#define LAN_OBJECT_INT_BITS 4096

#endif
