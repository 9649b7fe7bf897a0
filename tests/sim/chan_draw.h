/*
 * chan_draw.h - what a seed decides about a run, before it begins.
 */
#ifndef CHAN_DRAW_H
#define CHAN_DRAW_H

#include "chan_campaign.h"
#include "chan_world.h"

struct crun {
	struct cworld w;
	const struct chan_campaign *c;
	enum chan_story story;
	lan_time length, presence, nap_max;
	bool over;    /* the faults are */
	bool comings; /* members come late, go, come back; partitions */
	bool naps;
	bool large;   /* messages of all lengths */
	bool patient; /* the faults last until all is sent */
	uint32_t attack_rate;
	uint64_t restarts, rotations;
};

/* Makes the world and its members; starts none. */
void chan_draw(struct crun *r, uint64_t seed);

#endif
