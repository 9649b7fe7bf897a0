/*
 * sos_draw.c - see sos_draw.h. Times are short (an association of some seconds, not an hour) so that ten
 * thousand runs fit into a minute; those of the originals are theirs.
 */
#include "sos_draw.h"

#include <string.h>

#define ABOUT(g, least, most) ((least) + rng_below(g, (most) - (least) + 1))

static enum sos_story story_of(const struct sos_campaign *c, uint64_t seed, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (c->story != SS_BY_SEED)
		return c->story;
	if (!c->small && seed % 500 == 7)
		return SS_CROWD;
	return x < 8 ? SS_CALM : x < 50 ? SS_WILD : x < 70 ? SS_ORIGINAL : x < 88 ? SS_KEYS : SS_MASTERS;
}

static void draw_master(struct srun *r, struct rng *g)
{
	struct sos_master_config *c = &r->cfg;

	c->first_hello = 1 + rng_below(g, LAN_SEC(3));
	c->hello = LAN_MS(ABOUT(g, 1500, 8000));
	c->give_up = LAN_MS(ABOUT(g, 3000, 12000));
	c->queue = (uint32_t)ABOUT(g, 2, 16);
	c->unlisted = rng_below(g, 2) ? SOS_UNLISTED_LIST : SOS_UNLISTED_IGNORE;
	c->max_candidates = 8;
	c->coap = (struct coap_config){.ack_timeout = LAN_MS(ABOUT(g, 300, 2000)),
		.max_requests = r->story == SS_CROWD ? 1024 : 128,
		.max_peers = r->story == SS_CROWD ? 512 : 64,
		.max_incoming = 4,
		.max_dedup = 4,
		.max_observers = 1,
		.max_bodies = (uint32_t)ABOUT(g, 2, 8),
		.max_body = 4096};
}

static void draw_faults(struct srun *r, struct rng *g)
{
	uint32_t worst = (uint32_t)rng_below(g, 300001);
	bool calm = r->story == SS_CALM;

	r->faults = (struct ep_faults){.loss = (uint32_t)rng_below(g, worst + 1),
		.dup = (uint32_t)rng_below(g, 80000),
		.delay = (uint32_t)rng_below(g, 80000),
		.refuse = rng_below(g, 3) ? 0 : (uint32_t)rng_below(g, 30000),
		.delay_max = LAN_MS(ABOUT(g, 1, 3000))};
	if (calm)
		r->faults = (struct ep_faults){0};
	ep_set_faults(r->w.net, &r->faults);
	r->w.calm = calm;
	r->w.memory_fails = r->c->memory_fails;
	r->lives = !calm && rng_below(g, 3);
	r->moves = !calm && rng_below(g, 2);
	r->flaps = !calm && rng_below(g, 2);
	r->pauses = !calm && rng_below(g, 3) == 0;
	r->restarts = !calm && rng_below(g, 2);
	if (r->story == SS_KEYS || (!calm && r->story != SS_CROWD && rng_below(g, 5) == 0))
		r->hostile_rate = (uint32_t)ABOUT(g, 1, 12);
}

static enum sw_kind kind_of(const struct srun *r, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (r->story == SS_ORIGINAL)
		return x < 60 ? SW_MODEL : x < 80 ? SW_MODEL_SOS : x < 90 ? SW_OURS : SW_COMPAT;
	if (r->story == SS_KEYS)
		return x < 70 ? SW_KEYED : x < 85 ? SW_OURS : SW_MODEL;
	return x < 35 ? SW_OURS : x < 50 ? SW_KEYED : x < 65 ? SW_COMPAT : x < 90 ? SW_MODEL : SW_MODEL_SOS;
}

static void draw_segments(struct srun *r, struct rng *g)
{
	int n = r->c->small ? 1 : 1 + (int)rng_below(g, 2);

	for (int i = 0; i < n; i++) {
		bool radio = rng_below(g, 2);
		lan_time latency = radio ? LAN_MS(ABOUT(g, 2, 15)) : LAN_US(ABOUT(g, 20, 500));
		lan_time jitter = r->story == SS_CALM ? 0 : rng_below(g, 2 * latency);

		sworld_segment(&r->w, radio, radio ? 111 : 1518, latency, jitter);
	}
}

static void draw_slaves(struct srun *r, struct rng *g)
{
	int n = 1 + (int)rng_below(g, rng_below(g, 4) ? 6 : 12);

	if (r->c->small)
		n = 2;
	if (r->story == SS_CROWD)
		n = (int)ABOUT(g, 60, SW_SLAVES);
	for (int i = 0; i < n; i++) {
		/* now and then an id of so many digits that the original cannot say it right (S1) */
		uint32_t id = (rng_below(g, 8) ? 100 : 12345000) + (uint32_t)i;
		struct sw_slave *s =
			sworld_slave(&r->w, kind_of(r, g), id, (int)rng_below(g, (uint64_t)r->w.n_seg));

		s->ttl = (uint32_t)ABOUT(g, 6, 25);
		s->max_age = (uint32_t)ABOUT(g, 1, 10);
		s->lazy =
			rng_below(g, 3) == 0 && r->story != SS_CALM; /* who waits behind it may be given up */
		r->max_ttl = s->ttl > r->max_ttl ? s->ttl : r->max_ttl;
	}
}

void sos_draw(struct srun *r, uint64_t seed)
{
	struct sim_config sc = {.seed = seed, .verbose = r->c->verbose, .boot_may_fail = r->c->memory_fails};
	struct ep_config ec;
	struct rng g;

	rng_init(&g, seed);
	r->story = story_of(r->c, seed, &g);
	r->length = LAN_SEC(ABOUT(&g, 5, 40));
	if (r->c->small || r->story == SS_CROWD)
		r->length = LAN_SEC(10);
	ec = (struct ep_config){.seed = rng_next(&g),
		.queue = rng_below(&g, 3) || r->story == SS_CROWD ? 512 : (uint32_t)ABOUT(&g, 8, 64),
		.verbose = r->c->verbose};
	sworld_init(&r->w, &sc, &ec, seed);
	draw_master(r, &g);
	draw_faults(r, &g);
	draw_segments(r, &g);
	draw_slaves(r, &g);
	sworld_master(&r->w, &r->cfg);
	if (r->story == SS_MASTERS)
		sworld_master(&r->w, &r->cfg);
	r->asks = (uint32_t)ABOUT(&g, 4, 40);
	r->bound = LAN_SEC(r->max_ttl) + 2 * r->cfg.hello + r->cfg.give_up + LAN_SEC(45);
	sim_note(r->w.sim,
		"story %d: %d masters, %d slaves on %d networks, loss %u, hello %llu ms, give up %llu ms, "
		"queue %u%s",
		(int)r->story, r->w.n_master, r->w.n_slave, r->w.n_seg, r->faults.loss,
		(unsigned long long)(r->cfg.hello / LAN_MS(1)),
		(unsigned long long)(r->cfg.give_up / LAN_MS(1)), r->cfg.queue,
		r->hostile_rate ? ", an attacker" : "");
}
