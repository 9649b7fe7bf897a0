/*
 * serpy_campaign.h - one seeded run of serpy under faults, from the first
 * connection to silence. See serpy_campaign.c for the recipe.
 */
#ifndef SERPY_CAMPAIGN_H
#define SERPY_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum serpy_story {
	SS_BY_SEED,
	SS_CALM,    /* no fault: all arrives, nothing is called lost */
	SS_WILD,    /* everything at once */
	SS_EDGE,    /* a short conversation, every connection of it cut behind some byte */
	SS_HOSTILE, /* strangers send rubbish, the others are calm */
	SS_FLOOD,   /* large blobs, readers that sleep */
	SS_N
};

struct serpy_campaign {
	enum serpy_story story;
	int clients;   /* 0: by seed */
	uint32_t size; /* how much a run carries, 100: as usual */
	bool verbose, memory_fails;
	unsigned dump; /* log records printed on a failure */
};

struct serpy_sum {
	uint64_t runs, failed, first_failed, hash;
	uint64_t sent, delivered, pieces, acked, lost, doubled, downs, connects, restarts, attacks, events;
	double virtual_s;
};

/* True: every promise held. */
bool serpy_campaign_run(const struct serpy_campaign *c, uint64_t seed, struct serpy_sum *sum);

#endif
