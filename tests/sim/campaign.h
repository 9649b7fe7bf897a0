/*
 * campaign.h - one seeded run of the line link under faults, from first write
 * to silence. See campaign.c for the recipe.
 */
#ifndef CAMPAIGN_H
#define CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum campaign_mode { M_WAIT, M_NOWAIT, M_MIXED, M_CROWD, M_BY_SEED };

struct campaign {
	enum campaign_mode mode;
	uint32_t lines; /* each way */
	uint32_t loss;  /* ppm of the lines and of the acknowledgements */
	bool restarts;
	bool verbose;
	unsigned dump; /* log records printed on a failure */
};

struct campaign_sum {
	uint64_t runs, failed, first_failed, lines, events, restarts;
	double virtual_s;
};

/* True: every promise held. */
bool campaign_run(const struct campaign *c, uint64_t seed, struct campaign_sum *sum);

#endif
