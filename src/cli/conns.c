/*
 * conns.c - what a verb keeps for each connection of a stream: see conns.h.
 */
#include "cli/conns.h"

#include <stdlib.h>
#include <string.h>

/* Where a number is, or would be. */
static size_t place(const struct conns *c, uint64_t id)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->list[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct conn *conns_from(const struct conns *c, uint64_t id)
{
	size_t at = place(c, id);
	return at < c->n ? c->list[at] : NULL;
}

struct conn *conns_find(const struct conns *c, uint64_t id)
{
	struct conn *found = conns_from(c, id);
	return found && found->id == id ? found : NULL;
}

struct conn *conns_add(struct conns *c, size_t size, uint64_t id, const char *peer)
{
	struct conn *new = conns_find(c, id);
	if (new) /* a client's connection, made again */
		return new;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct conn **list = realloc(c->list, cap * sizeof *list);
		if (!list)
			return NULL;
		c->list = list;
		c->cap = cap;
	}
	new = calloc(1, size);
	if (new &&peer)
		new->peer = strdup(peer);
	if (!new || (peer && !new->peer)) {
		free(new);
		return NULL;
	}
	size_t at = place(c, id);
	memmove(&c->list[at + 1], &c->list[at], (c->n - at) * sizeof *c->list);
	c->list[at] = new;
	c->n++;
	new->id = id;
	return new;
}

void conns_remove(struct conns *c, uint64_t id)
{
	size_t at = place(c, id);
	if (at == c->n || c->list[at]->id != id)
		return;
	free(c->list[at]->peer);
	free(c->list[at]);
	memmove(&c->list[at], &c->list[at + 1], (c->n - at - 1) * sizeof *c->list);
	c->n--;
}

void conns_fini(struct conns *c)
{
	free(c->list);
	*c = (struct conns){0};
}
