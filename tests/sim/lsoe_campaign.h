/*
 * lsoe_campaign.h - one seeded run of neighbours under faults, from the first
 * HELLO to silence. See lsoe_campaign.c for the recipe.
 */
#ifndef LSOE_CAMPAIGN_H
#define LSOE_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum lsoe_story {
	LS_BY_SEED,
	LS_CALM,     /* no fault */
	LS_WILD,     /* everything at once */
	LS_ORIGINAL, /* LSOE-01 with originals among the nodes */
	LS_KEYS,     /* L3DL, most sign, all policies, keys roll */
	LS_N
};

struct lsoe_campaign {
	enum lsoe_story story;
	int dialect;                       /* -1: by seed */
	bool verbose, memory_fails, small; /* small: two nodes, one cable, short lists */
	unsigned dump;                     /* log records printed on a failure */
};

struct lsoe_sum {
	uint64_t runs, failed, first_failed, hash;
	uint64_t ups, downs, lists, given, events, restarts, excused, refused, wire[16];
	uint64_t slowest; /* ns from the last fault to agreement, at most */
	double virtual_s;
};

/* True: every promise held. */
bool lsoe_campaign_run(const struct lsoe_campaign *c, uint64_t seed, struct lsoe_sum *sum);

#endif
