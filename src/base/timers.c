/*
 * timers.c - the heap of timers.h. Four children a node: half the levels of a
 * binary heap and one cache line of keys per level.
 */
#include "base/timers.h"

#include <assert.h>
#include <stdlib.h>

void lan_timers_init(struct lan_timers *t)
{
	*t = (struct lan_timers){0};
}

void lan_timers_fini(struct lan_timers *t)
{
	free(t->heap);
	*t = (struct lan_timers){0};
}

enum lan_err lan_timers_reserve(struct lan_timers *t, uint32_t n)
{
	if (n <= t->cap)
		return LAN_OK;
	uint32_t cap = t->cap < 8 ? 8 : t->cap;
	while (cap < n)
		cap += cap / 2;
	struct lan_timer_entry *heap = realloc(t->heap, cap * sizeof *heap);
	if (!heap)
		return LAN_ERR_NOMEM;
	t->heap = heap;
	t->cap = cap;
	return LAN_OK;
}

static void put(struct lan_timers *t, uint32_t i, struct lan_timer_entry e)
{
	t->heap[i] = e;
	e.node->at = i + 1;
}

static void sift_up(struct lan_timers *t, uint32_t i, struct lan_timer_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;
		if (t->heap[parent].key <= e.key)
			break;
		put(t, i, t->heap[parent]);
		i = parent;
	}
	put(t, i, e);
}

static void sift_down(struct lan_timers *t, uint32_t i, struct lan_timer_entry e)
{
	for (;;) {
		uint32_t first = 4 * i + 1, best = i;
		lan_time key = e.key;
		for (uint32_t c = first; c < first + 4 && c < t->len; c++)
			if (t->heap[c].key < key) {
				key = t->heap[c].key;
				best = c;
			}
		if (best == i)
			break;
		put(t, i, t->heap[best]);
		i = best;
	}
	put(t, i, e);
}

void lan_timers_set(struct lan_timers *t, struct lan_timer *node, lan_time at)
{
	if (at == LAN_NEVER) {
		lan_timers_unset(t, node);
		return;
	}
	struct lan_timer_entry e = {at, node};
	if (!node->at) {
		assert(t->len < t->cap);
		sift_up(t, t->len++, e);
		return;
	}
	uint32_t i = node->at - 1;
	if (at < t->heap[i].key)
		sift_up(t, i, e);
	else
		sift_down(t, i, e);
}

void lan_timers_unset(struct lan_timers *t, struct lan_timer *node)
{
	if (!node->at)
		return;
	uint32_t i = node->at - 1;
	node->at = 0;
	struct lan_timer_entry last = t->heap[--t->len];
	if (i == t->len)
		return;
	if (i > 0 && last.key < t->heap[(i - 1) / 4].key)
		sift_up(t, i, last);
	else
		sift_down(t, i, last);
}

lan_time lan_timers_at(const struct lan_timers *t, const struct lan_timer *node)
{
	return node->at ? t->heap[node->at - 1].key : LAN_NEVER;
}

struct lan_timer *lan_timers_due(struct lan_timers *t, lan_time now)
{
	if (!t->len || t->heap[0].key > now)
		return NULL;
	struct lan_timer *node = t->heap[0].node;
	lan_timers_unset(t, node);
	return node;
}
