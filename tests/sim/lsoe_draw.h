/*
 * lsoe_draw.h - what a seed decides about a run, before it begins.
 */
#ifndef LSOE_DRAW_H
#define LSOE_DRAW_H

#include "lsoe_campaign.h"
#include "lsoe_world.h"

struct lrun {
	struct lworld w;
	const struct lsoe_campaign *c;
	enum lsoe_story story;
	struct lsoe_config cfg; /* what all nodes have in common */
	struct frame_faults faults;
	lan_time length;
	lan_time cycle; /* from the first transmission to giving up */
	lan_time bound; /* within which all agree once the faults are over */
	uint32_t hostile_rate;
	bool lives, flaps, pauses, rolls;
	uint64_t restarts;
};

/* Makes the world, its nodes and links; starts none. */
void lsoe_draw(struct lrun *r, uint64_t seed);

#endif
