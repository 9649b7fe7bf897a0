/*
 * pickle.h - the safe subset of Python's pickle, both ways, and a dump of the
 * rest. Never executes anything: None, booleans, integers, floats, text, bytes,
 * tuples, lists and dictionaries become a flat list of tokens (a tree in
 * pre-order); anything beyond (classes, reductions, persistent ids) makes the
 * whole pickle opaque, and `pickle_dump` shows its structure as text without
 * evaluating it. Protocols 0 to 5 are read; protocol 4 is written, to the byte as
 * Python itself writes it.
 *
 * Bounded: depth, tokens and memo are limited; shared objects (memo) are
 * expanded only as far as the limit of tokens allows (a "billion laughs" pickle
 * is refused). Self-reference is refused.
 *
 * Used by the channel family and by the stream family. Source: Python's
 * pickletools documentation; docs/protocols/multisock.md section 4.
 */
#ifndef LAN_PICKLE_H
#define LAN_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

enum pickle_kind {
	PICKLE_NONE = 1,
	PICKLE_BOOL,
	PICKLE_INT,    /* i if it fits 64 bits */
	PICKLE_BIGINT, /* bytes: little-endian two's complement */
	PICKLE_FLOAT,
	PICKLE_TEXT,  /* bytes: UTF-8 */
	PICKLE_BYTES, /* also bytearray */
	PICKLE_TUPLE, /* n items follow */
	PICKLE_LIST,
	PICKLE_DICT /* n pairs follow: key, value, .., as written: of equal keys the last counts */
};

struct pickle_token {
	enum pickle_kind kind;
	bool b;
	int64_t i;
	double f;
	const uint8_t *bytes; /* view into the pickle, or into the tree's own memory */
	size_t n;             /* bytes, items or pairs */
};

struct pickle_tree {
	struct pickle_token *token;
	size_t n;
	void *memory; /* decoded text of protocol 0 */
};

/* Limits; the deepest nesting and the number of tokens. */
#define PICKLE_DEPTH_MAX  64
#define PICKLE_TOKENS_MAX 65536
#define PICKLE_INT_MAX    1786 /* bytes of a whole number: 4300 digits, the limit of Python itself */

/* LAN_ERR_NOTSUP: well-formed as far as read, but beyond the subset: use pickle_dump. LAN_ERR_PROTO:
 * not a pickle. LAN_ERR_TOOBIG: limits. LAN_ERR_NOMEM. *why: static text. `in` must outlive the tree. */
LAN_WUR enum lan_err pickle_decode(const uint8_t *in, size_t n, struct pickle_tree *out, const char **why);
void pickle_tree_fini(struct pickle_tree *t);

/* The opcodes as text, "at 12: STACK_GLOBAL 'os' 'system'" lines separated by LF, at most cap - 1
 * bytes and a NUL; text from the pickle is escaped. Never fails; returns the length. */
size_t pickle_dump(const uint8_t *in, size_t n, char *out, size_t cap);

/* Write a tree as a pickle. Returns the length it needs; writes only if cap suffices. 0: malformed tree. */
size_t pickle_encode(const struct pickle_token *token, size_t n, uint8_t *out, size_t cap);

#endif
