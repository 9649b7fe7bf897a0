/*
 * conns.h - what a verb keeps for each connection of a stream, in order of their
 * numbers. New ones have the highest number, so they go to the end; they are
 * found by halving.
 */
#ifndef LAN_CLI_CONNS_H
#define LAN_CLI_CONNS_H

#include <stddef.h>
#include <stdint.h>

/* The first member of what is kept. */
struct conn {
	uint64_t id;
	char *peer; /* its address, if it was given */
};

struct conns {
	struct conn **list; /* by id, ascending */
	size_t n, cap;
};

/* `size` bytes, all zero but for id and peer (NULL: not wanted); the one that is there, if it is. NULL: out
 * of memory. */
struct conn *conns_add(struct conns *c, size_t size, uint64_t id, const char *peer);
struct conn *conns_find(const struct conns *c, uint64_t id);
/* The first with an id of at least this. */
struct conn *conns_from(const struct conns *c, uint64_t id);
/* Frees one. */
void conns_remove(struct conns *c, uint64_t id);
/* Frees the list, which must be empty. */
void conns_fini(struct conns *c);

#endif
