/*
 * sos_draw.h - what a seed decides about a run, before it begins.
 */
#ifndef SOS_DRAW_H
#define SOS_DRAW_H

#include "sos_campaign.h"
#include "sos_world.h"

struct srun {
	struct sworld w;
	const struct sos_campaign *c;
	enum sos_story story;
	struct sos_master_config cfg;
	struct ep_faults faults;
	lan_time length; /* of the faults */
	lan_time bound;  /* within which all agree once the faults are over */
	uint32_t max_ttl, asks, hostile_rate;
	bool lives, moves, flaps, pauses, restarts;
	uint64_t n_restarts;
};

/* Makes the world, its networks, masters and slaves; starts none. */
void sos_draw(struct srun *r, uint64_t seed);

#endif
