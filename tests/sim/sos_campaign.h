/*
 * sos_campaign.h - one seeded run of masters and slaves under faults, from the first Hello to silence. See
 * sos_campaign.c for the recipe.
 */
#ifndef SOS_CAMPAIGN_H
#define SOS_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum sos_story {
	SS_BY_SEED,
	SS_CALM,     /* no fault */
	SS_WILD,     /* everything at once */
	SS_ORIGINAL, /* most slaves are originals */
	SS_KEYS,     /* most slaves have a key, and somebody attacks */
	SS_MASTERS,  /* two masters list the same slaves */
	SS_CROWD,    /* up to 200 slaves */
	SS_N
};

struct sos_campaign {
	enum sos_story story;
	bool verbose, memory_fails, small; /* small: one master, two slaves */
	unsigned dump;                     /* log records printed on a failure */
};

struct sos_sum {
	uint64_t runs, failed, first_failed, hash;
	uint64_t slaves, asked, answered, failures, cached, validated, notified, associated, wire, given,
		events, restarts;
	uint64_t slowest; /* ns from the last fault to agreement, at most */
	double virtual_s;
};

/* True: every promise held. */
bool sos_campaign_run(const struct sos_campaign *c, uint64_t seed, struct sos_sum *sum);

#endif
