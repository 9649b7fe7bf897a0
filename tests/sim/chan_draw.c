/*
 * chan_draw.c - see chan_draw.h. Runs are kept small (some thousand datagrams
 * received), so that ten thousand of them fit into a minute or two; what is
 * rare in one is common in all.
 */
#include <string.h>
#include "chan_draw.h"

static uint32_t pick(struct rng *g, const uint32_t *from, size_t n)
{
	return from[rng_below(g, n)];
}
#define PICK(g, ...) \
	pick(g, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static enum chan_story story_of(const struct chan_campaign *c, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (c->story != CS_BY_SEED)
		return c->story;
	return x < 10 ? CS_CALM : x < 22 ? CS_FLOW : x < 25 ? CS_SMALL : CS_WILD;
}

static int members_of(const struct crun *r, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (r->c->members)
		return r->c->members;
	if (r->story == CS_CROWD)
		return 101;
	if (r->story == CS_SMALL)
		return 5 + (int)rng_below(g, 4);
	return 2 + (int)(x < 85 ? rng_below(g, 4) : x < 97 ? rng_below(g, 10) : rng_below(g, 19));
}

static void draw_network(struct crun *r, struct dgram_config *net, struct rng *g)
{
	memset(net, 0, sizeof *net);
	net->seed = rng_next(g);
	net->verbose = r->c->verbose;
	net->latency = LAN_US(50) + rng_below(g, LAN_MS(2));
	net->jitter = r->story == CS_CALM ? 0
		      : rng_below(g, 2)   ? rng_below(g, LAN_US(200))
					  : rng_below(g, LAN_MS(5));
	net->queue = r->story == CS_WILD ? PICK(g, 32, 256, 4096) : 65536;
	net->loopback = rng_below(g, 2);
	net->cap = 1472;
}

static void draw_faults(struct crun *r, struct rng *g)
{
	struct cworld *w = &r->w;
	uint32_t worst = (uint32_t)rng_below(g, 300001);
	struct dgram_faults f = {.dup = (uint32_t)rng_below(g, 50000),
		.delay = (uint32_t)rng_below(g, 50000),
		.flip = (uint32_t)rng_below(g, 20000),
		.delay_max = rng_below(g, LAN_MS(60))};

	if (r->story == CS_CALM)
		return;
	if (r->story == CS_CROWD)
		f = (struct dgram_faults){0};
	dgram_set_faults(w->net, &f);
	for (int i = 0; i < w->n_m; i++)
		dgram_set_loss(w->net, i,
			r->story == CS_CROWD ? 200000 + (uint32_t)rng_below(g, 100001)
					     : (uint32_t)rng_below(g, worst + 1));
}

/* What all members have in common, then what each has to itself. */
static void draw_config(struct crun *r, struct chan_config *cfg, uint32_t max_len, struct rng *g)
{
	*cfg = (struct chan_config){.mode = r->w.mode, .presence = r->presence, .max_message = max_len + 1};
	cfg->history = r->story == CS_FLOW ? PICK(g, 64, 64, 128, 4096) : PICK(g, 64, 128, 4096);
	cfg->late = r->story == CS_WILD || r->story == CS_CALM ? PICK(g, 0, 0, 1, 5, 20) : 0;
	cfg->max_datagram = PICK(g, 512, 1000, 1472, 1472);
	cfg->reorder = LAN_MS(5) + rng_below(g, LAN_MS(40));
	cfg->flow = r->story == CS_FLOW || rng_below(g, 3) == 0;
	cfg->max_senders = r->story == CS_SMALL ? 3 : 128;
	if (r->story == CS_CROWD) {
		cfg->history = 4096;
		cfg->max_datagram = 1472;
		cfg->flow = false;
	}
}

static void draw_own(struct crun *r, struct chan_config *cfg, struct rng *g)
{
	cfg->parity = rng_below(g, 2) ? (uint32_t)rng_below(g, 5) : 0;
	cfg->block = PICK(g, 1, 2, 8, 16, 32, 32, 64);
	cfg->hear_self = rng_below(g, 8) == 0;
	cfg->rate = rng_below(g, 3) ? 0 : 50000 + rng_below(g, 1000000);
	if (rng_below(g, 4) == 0)
		cfg->max_queue = 1000 + (uint32_t)rng_below(g, 20000);
	if (rng_below(g, 4) == 0)
		cfg->max_events = 8192 + (uint32_t)rng_below(g, 20000);
	if (r->story == CS_CROWD) {
		cfg->parity = 0;
		cfg->block = 32;
		cfg->rate = 0;
		cfg->max_events = cfg->max_queue = 0;
	}
}

static uint32_t largest(struct crun *r, struct rng *g)
{
	return r->story == CS_CROWD ? 1400 : rng_below(g, 12) ? 7000 : 200 << 10;
}

static void draw_application(struct crun *r, struct cmember *m, bool writes, uint32_t max_len, struct rng *g)
{
	uint32_t n = (24 + (uint32_t)rng_below(g, 70)) * r->c->size / 100;

	m->max_len = max_len;
	m->large = max_len < 8000 && r->large;
	m->step = 30 + rng_below(g, 3) * 2000;
	m->keeps = r->story != CS_SMALL && rng_below(g, 2);
	if (r->naps && rng_below(g, 4) == 0) {
		m->sips = 1 + (unsigned)rng_below(g, 3);
		m->sip_pause = 1 + rng_below(g, LAN_MS(20));
	}
	if (!writes)
		return;
	m->to_send = 1 + n / (uint32_t)(r->w.n_m > 6 ? r->w.n_m / 3 : 2);
	m->gap = r->length / (m->to_send + 1) / 2;
}

static void draw_members(struct crun *r, int n, struct rng *g)
{
	struct chan_config common;
	uint32_t max_len = largest(r, g);
	r->large = r->story != CS_CROWD && n < 6 && rng_below(g, 5) == 0;
	bool sign = r->story != CS_CROWD && n < 7 && rng_below(g, 8) == 0;

	draw_config(r, &common, max_len, g);
	for (int i = 0; i < n; i++) {
		struct chan_config cfg = common;
		bool writes = r->story == CS_CROWD ? i == 0 : i == 0 || rng_below(g, 2);

		draw_own(r, &cfg, g);
		cfg.silent = !writes && r->story == CS_WILD && rng_below(g, 10) == 0;
		struct cmember *m = cworld_member(&r->w, &cfg);
		draw_application(r, m, writes, max_len, g);
		m->signs = sign && rng_below(g, 3);
	}
	cworld_ready(&r->w, sign && rng_below(g, 2));
}

static void draw_story(struct crun *r, struct rng *g)
{
	r->w.calm = r->story == CS_CALM;
	r->w.small_table = r->story == CS_SMALL;
	r->w.flow_strict = r->story == CS_FLOW;
	r->w.memory_fails = r->c->memory_fails;
	if (r->w.memory_fails) /* once: then things may be lost, but only those */
		r->w.calm = r->w.flow_strict = false;
	r->comings = r->story == CS_WILD || r->story == CS_SMALL;
	r->naps = r->story != CS_CALM && r->story != CS_CROWD && rng_below(g, 2);
	r->nap_max = r->story == CS_FLOW ? LAN_MS(800) : LAN_SEC(3);
	r->patient = rng_below(g, 2);
	if (!r->w.calm && r->story != CS_CROWD && rng_below(g, 3) == 0)
		r->attack_rate = 20 + (uint32_t)rng_below(g, 200);
	if (rng_below(g, 3) == 0)
		r->w.cipher = LAN_AEAD_AES256GCM;
	r->w.mode = rng_below(g, 2) ? CHAN_RELIABLE : (enum chan_mode)rng_below(g, 3);
	if (r->story == CS_FLOW || r->story == CS_CROWD)
		r->w.mode = CHAN_RELIABLE;
}

/* Where nothing may be lost, all know each other before the first message. */
static void draw_beginning(struct crun *r)
{
	for (int i = 0; i < r->w.n_m; i++)
		if (r->story == CS_FLOW || r->story == CS_CROWD)
			r->w.m[i].write_at = sim_now(r->w.sim) + LAN_SEC(2) + 4 * r->presence;
}

void chan_draw(struct crun *r, uint64_t seed)
{
	struct sim_config sc = {.seed = seed, .verbose = r->c->verbose, .boot_may_fail = r->c->memory_fails};
	struct dgram_config net;
	struct rng g;

	rng_init(&g, seed);
	r->story = story_of(r->c, &g);
	r->presence = LAN_MS(PICK(&g, 200, 500, 1000));
	r->length = LAN_SEC(1) + rng_below(&g, LAN_SEC(3));
	draw_network(r, &net, &g);
	cworld_init(&r->w, &sc, &net, seed);
	draw_story(r, &g);
	draw_members(r, members_of(r, &g), &g);
	draw_faults(r, &g);
	draw_beginning(r);
	sim_note(r->w.sim, "%d members, mode %d, story %d, history %u", r->w.n_m, (int)r->w.mode,
		(int)r->story, r->w.m[0].cfg.history);
}
