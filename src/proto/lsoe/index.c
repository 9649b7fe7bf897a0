/*
 * index.c - open addressing over the offsets of a list's entries, see index.h.
 */
#include "proto/lsoe/index.h"

#include <stdlib.h>
#include "base/map.h"

static void at_offset(const struct lsoe_index *x, size_t at, struct lsoe_entry *out)
{
	(void)lsoe_list_next(x->list, x->type, &at, out);
}

/* The slot of a prefix, or the empty one where it would go. */
static uint32_t *place(const struct lsoe_index *x, const struct lsoe_entry *e)
{
	uint8_t key[17];
	size_t n = lsoe_addr_len(x->type);
	memcpy(key, e->addr, n);
	key[n] = e->prefix;
	uint32_t i = (uint32_t)lan_siphash(x->seed, key, n + 1) & (x->cap - 1);
	for (; x->slot[i]; i = (i + 1) & (x->cap - 1)) {
		struct lsoe_entry o;
		at_offset(x, x->slot[i] - 1, &o);
		if (o.prefix == e->prefix && !memcmp(o.addr, e->addr, n))
			break;
	}
	return &x->slot[i];
}

void lsoe_index_put(struct lsoe_index *x, size_t at)
{
	struct lsoe_entry e;
	at_offset(x, at, &e);
	*place(x, &e) = (uint32_t)at + 1;
}

bool lsoe_index_find(const struct lsoe_index *x, const struct lsoe_entry *e, size_t *at)
{
	uint32_t slot = *place(x, e);
	*at = slot ? slot - 1 : 0;
	return slot != 0;
}

enum lan_err lsoe_index_init(
	struct lsoe_index *x, const uint64_t seed[2], const struct lsoe_list *l, uint8_t type, uint32_t more)
{
	*x = (struct lsoe_index){.seed = seed, .list = l, .type = type, .cap = 8};
	while (x->cap / 2 < (uint64_t)l->count + more)
		x->cap *= 2;
	x->slot = calloc(x->cap, sizeof *x->slot);
	if (!x->slot)
		return LAN_ERR_NOMEM;
	struct lsoe_entry e;
	for (size_t at = 0, was = 0; lsoe_list_next(l, type, &at, &e); was = at)
		lsoe_index_put(x, was);
	return LAN_OK;
}

void lsoe_index_fini(struct lsoe_index *x)
{
	free(x->slot);
	x->slot = NULL;
}
