/*
 * machine.h - the values a pickle makes while it is read, before they are known
 * to be a tree: containers that still grow, values that several containers
 * share, and the names of the few callables whose calls mean bytes. Used by
 * decode.c (opcodes), call.c (names and calls) and tree.c (values to tokens).
 *
 * All memory is counted in opcodes read, so it is bounded by the length of the
 * pickle; text that has to be rewritten goes to `text`, which is bounded too.
 */
#ifndef LAN_PICKLE_MACHINE_H
#define LAN_PICKLE_MACHINE_H

#include "proto/pickle/op.h"

#define PICKLE_CALLABLE  100                     /* a node's kind besides those of tokens */
#define PICKLE_THINGS    (4 * PICKLE_TOKENS_MAX) /* most nodes, cells, memo entries, .. */
#define PICKLE_NOTHING   UINT32_MAX
#define PICKLE_TEXT_EACH 4 /* bytes of rewritten text for each byte of the pickle */

enum pickle_callable { PICKLE_CALL_ENCODE, PICKLE_CALL_BYTES, PICKLE_CALL_BYTEARRAY };

struct pickle_node {
	uint8_t kind;    /* enum pickle_kind or PICKLE_CALLABLE */
	bool changeable; /* list, dict, bytearray: no key of a dict */
	bool entered;    /* while its items are written */
	union {
		int64_t i; /* also bool, and enum pickle_callable */
		double f;
		struct {
			const uint8_t *p;
			size_t n;
		} bytes;
		struct {
			uint32_t first, last; /* cells */
			uint32_t n;           /* items; with a dict keys and values */
		} items;
	} u;
};

struct pickle_cell {
	uint32_t node, next;
};

struct pickle_machine {
	struct pickle_node *node;
	struct pickle_cell *cell;
	uint32_t *stack, *mark, *memo; /* memo: number of the node + 1 */
	uint32_t n_node, n_cell, n_stack, n_mark, n_memo, cap_node, cap_cell, cap_stack, cap_mark, cap_memo;
	uint32_t memoized;
	uint8_t *text;
	size_t n_text, max_text;
	enum lan_err err; /* the first failure stays */
	const char *why;
};

/* The first failure is kept. Always false. */
bool pickle_fail(struct pickle_machine *m, enum lan_err err, const char *why);

/* Room for one more in an array of n. */
bool pickle_room(struct pickle_machine *m, void **array, uint32_t *cap, uint32_t n, size_t size);
/* A new value; PICKLE_NOTHING: failed, which pickle_push passes on. */
uint32_t pickle_new(struct pickle_machine *m, struct pickle_node node);
bool pickle_push(struct pickle_machine *m, uint32_t node);
bool pickle_push_int(struct pickle_machine *m, uint8_t kind, int64_t i);
bool pickle_push_bytes(struct pickle_machine *m, uint8_t kind, const uint8_t *p, size_t n);
/* Whether n values lie above the last mark; if not, that is a failure. */
bool pickle_needs(struct pickle_machine *m, uint32_t n);
/* The value on top, or so many below it. */
struct pickle_node *pickle_top(struct pickle_machine *m, uint32_t below);
bool pickle_mark(struct pickle_machine *m);
/* Remove the last mark; *n: how many values lie above where it was. */
bool pickle_unmark(struct pickle_machine *m, uint32_t *n);
/* n bytes at text + n_text, of which what is used is to be added to n_text; NULL: failed. */
uint8_t *pickle_text_room(struct pickle_machine *m, size_t n);

/* GLOBAL, STACK_GLOBAL and REDUCE. */
struct pickle_view {
	const uint8_t *p;
	size_t n;
};
bool pickle_push_named(struct pickle_machine *m, struct pickle_view module, struct pickle_view name);
bool pickle_stack_global(struct pickle_machine *m);
bool pickle_reduce(struct pickle_machine *m);

/* The tree below a node as tokens. LAN_ERR_* of pickle_decode; tokens and their number. */
bool pickle_flatten(struct pickle_machine *m, uint32_t root, struct pickle_token **out, size_t *n);

#endif
