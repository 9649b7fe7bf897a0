/*
 * coap_campaign.h - one seeded run of engines of CoAP under faults, from the first request to silence. See
 * coap_campaign.c for the recipe.
 */
#ifndef COAP_CAMPAIGN_H
#define COAP_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum coap_story {
	CS_BY_SEED,
	CS_CALM, /* no fault: everything is answered */
	CS_WILD, /* loss, copies, disorder, stops, restarts, small tables */
	CS_N
};

struct coap_campaign {
	enum coap_story story;
	bool verbose;
	unsigned dump; /* log records printed on a failure */
};

struct coap_sum {
	uint64_t runs, failed, first_failed, hash;
	uint64_t requests, answered, given_up, told, executed, given, events, restarts;
	double virtual_s;
};

/* True: every promise held. */
bool coap_campaign_run(const struct coap_campaign *c, uint64_t seed, struct coap_sum *sum);

#endif
