/*
 * chan_campaign.h - one seeded run of a sealed channel under faults, from the
 * first member to silence. See chan_campaign.c for the recipe.
 */
#ifndef CHAN_CAMPAIGN_H
#define CHAN_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum chan_story {
	CS_BY_SEED,
	CS_CALM,  /* no fault: all arrives, in every mode */
	CS_WILD,  /* everything at once */
	CS_FLOW,  /* flow on, nobody away: nothing is lost, whatever the network does */
	CS_SMALL, /* more senders than the table holds */
	CS_CROWD, /* one sender, a hundred receivers, 20 to 30 % loss */
	CS_N
};

struct chan_campaign {
	enum chan_story story;
	int members;   /* 0: by seed */
	uint32_t size; /* how much a run carries, 100: as usual */
	bool verbose, memory_fails;
	unsigned dump; /* log records printed on a failure */
};

struct chan_sum {
	uint64_t runs, failed, first_failed, hash;
	uint64_t sent, delivered, lost, taken, events, restarts, rotations, wire[8];
	double virtual_s;
};

/* True: every promise held. */
bool chan_campaign_run(const struct chan_campaign *c, uint64_t seed, struct chan_sum *sum);

#endif
