/*
 * serpy_draw.h - what a seed means: the network, the parties, their
 * configurations and what will happen to them.
 */
#ifndef SERPY_DRAW_H
#define SERPY_DRAW_H

#include "serpy_campaign.h"
#include "serpy_world.h"

struct srun {
	struct sworld w;
	const struct serpy_campaign *c;
	enum serpy_story story;
	lan_time length;  /* of the part with faults */
	lan_time up_time; /* after which every client has to be up again */
	lan_time nap_max;
	bool restarts, rude; /* parties crash; applications drop, finish, hold */
	bool over;
	uint64_t n_restarts;
};

void sdraw(struct srun *r, uint64_t seed);

#endif
