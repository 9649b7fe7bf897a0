/*
 * timers.h - a 4-ary heap of deadlines with the key inline in the entry.
 *
 * Each timer belongs to a caller-owned node that knows its place in the heap,
 * so that re-arming and cancelling are O(log n) without search. The caller
 * maps a node back to its object with offsetof.
 */
#ifndef LAN_BASE_TIMERS_H
#define LAN_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

struct lan_timer {
	uint32_t at; /* place in the heap + 1; 0: not armed */
};

struct lan_timers {
	struct lan_timer_entry {
		lan_time key;
		struct lan_timer *node;
	} * heap;
	uint32_t len, cap;
};

void lan_timers_init(struct lan_timers *t);
void lan_timers_fini(struct lan_timers *t);

/* Make room for n armed timers in all; then arming up to n never fails. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_timers_reserve(struct lan_timers *t, uint32_t n);

/* Arm, or move if armed; LAN_NEVER disarms. Needs reserved room (asserted). */
void lan_timers_set(struct lan_timers *t, struct lan_timer *node, lan_time at);
void lan_timers_unset(struct lan_timers *t, struct lan_timer *node);

static inline bool lan_timer_armed(const struct lan_timer *node)
{
	return node->at != 0;
}

/* The moment a node is armed for; LAN_NEVER if it is not. */
lan_time lan_timers_at(const struct lan_timers *t, const struct lan_timer *node);

/* The earliest moment, LAN_NEVER if none. */
static inline lan_time lan_timers_next(const struct lan_timers *t)
{
	return t->len ? t->heap[0].key : LAN_NEVER;
}

/* Disarm and return the earliest node that is due at `now`; NULL if none is. */
struct lan_timer *lan_timers_due(struct lan_timers *t, lan_time now);

#endif
