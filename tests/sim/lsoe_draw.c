/*
 * lsoe_draw.c - see lsoe_draw.h. Times are short (a dead neighbour is noticed
 * after some seconds, not a minute) so that ten thousand runs fit into minutes.
 */
#include <string.h>
#include "lsoe_draw.h"

#define ABOUT(g, least, most) ((least) + rng_below(g, (most) - (least) + 1))

static enum lsoe_story story_of(const struct lsoe_campaign *c, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (c->story != LS_BY_SEED)
		return c->story;
	return x < 8 ? LS_CALM : x < 60 ? LS_WILD : x < 80 ? LS_ORIGINAL : LS_KEYS;
}

static enum lsoe_dialect dialect_of(const struct lrun *r, struct rng *g)
{
	uint64_t x = rng_below(g, 2);

	if (r->c->dialect >= 0)
		return (enum lsoe_dialect)r->c->dialect;
	return r->story == LS_ORIGINAL ? LSOE_01 : r->story == LS_KEYS ? LSOE_L3DL : (enum lsoe_dialect)x;
}

static void draw_times(struct lrun *r, struct rng *g)
{
	struct lsoe_config *c = &r->cfg;

	c->dialect = r->w.dialect;
	c->hello = LAN_MS(ABOUT(g, 500, 3000));
	c->keepalive = LAN_MS(ABOUT(g, 50, 500));
	c->dead = 4 * c->keepalive + LAN_MS(ABOUT(g, 200, 3000));
	c->retransmit = LAN_MS(ABOUT(g, 50, 300));
	c->no_backoff = rng_below(g, 3) == 0;
	c->tries = (uint32_t)ABOUT(g, 3, 6);
	c->reassembly = LAN_MS(ABOUT(g, 100, 1000));
	c->open_jitter = rng_below(g, 4) ? 0 : LAN_MS(ABOUT(g, 1, 200));
	c->measure = rng_below(g, 3) ? LAN_MS(ABOUT(g, 300, 2000)) : LAN_NEVER;
	c->multi_link = rng_below(g, 2);
	c->max_half_open = rng_below(g, 3) ? 0 : (uint32_t)ABOUT(g, 6, 10);
	c->max_peers = rng_below(g, 6) ? 0 : (uint32_t)ABOUT(g, 12, 40);
	c->resume = LAN_SEC(ABOUT(g, 1, 20));
	c->key_overlap = LAN_SEC(ABOUT(g, 1, 10));
	c->auth_failures = rng_below(g, 2) ? 0 : (uint32_t)ABOUT(g, 2, 8);
	c->sign_keepalive = rng_below(g, 3) == 0;
	r->cycle = c->no_backoff ? c->retransmit * c->tries : c->retransmit * ((1u << c->tries) - 1);
	r->bound =
		2 * c->dead + 3 * c->hello + 3 * r->cycle + 2 * c->open_jitter + c->reassembly + LAN_SEC(8);
}

static void draw_faults(struct lrun *r, struct rng *g)
{
	uint32_t worst = (uint32_t)rng_below(g, 300001);

	r->faults = (struct frame_faults){.loss = (uint32_t)rng_below(g, worst + 1),
		.dup = (uint32_t)rng_below(g, 80000),
		.delay = (uint32_t)rng_below(g, 80000),
		.flip = (uint32_t)rng_below(g, 20000),
		.cut = (uint32_t)rng_below(g, 10000),
		.refuse = rng_below(g, 3) ? 0 : (uint32_t)rng_below(g, 30000),
		.full = rng_below(g, 2) ? 0 : (uint32_t)rng_below(g, 100000),
		.delay_max = LAN_MS(ABOUT(g, 1, 400))};
	if (r->story == LS_CALM)
		r->faults = (struct frame_faults){0};
	frame_set_faults(r->w.net, &r->faults);
}

static void draw_story(struct lrun *r, struct rng *g)
{
	bool calm = r->story == LS_CALM;

	r->w.memory_fails = r->c->memory_fails;
	r->w.small = r->c->small;
	r->w.models = r->story == LS_ORIGINAL && r->w.dialect == LSOE_01;
	r->w.pure = r->story == LS_CALM || (r->story != LS_ORIGINAL && rng_below(g, 2));
	r->lives = !calm && rng_below(g, 3);
	r->flaps = !calm && rng_below(g, 2);
	r->pauses = !calm && rng_below(g, 3) == 0;
	r->rolls = r->story == LS_KEYS && rng_below(g, 2);
	if (!calm && rng_below(g, 2))
		r->hostile_rate = (uint32_t)ABOUT(g, 2, 60);
}

static void draw_node(struct lrun *r, struct rng *g, int i)
{
	struct lw_node *d = lworld_node(&r->w, &r->cfg);

	d->keeps = r->w.dialect == LSOE_L3DL && rng_below(g, 2);
	d->model = r->w.models && (i == 0 || rng_below(g, 4) == 0);
	d->model_cfg = (struct lsoed_config){.hello = r->cfg.hello,
		.keepalive = r->cfg.keepalive,
		.dead = r->cfg.dead,
		.retransmit = r->cfg.retransmit,
		.no_backoff = r->cfg.no_backoff,
		.tries = r->cfg.tries,
		.hello_to = {1, 0x80, 0xc2, 0, 0, 0xe}};
	memcpy(d->model_cfg.id, d->id, 10);
	if (r->w.dialect == LSOE_01)
		return;
	if (rng_below(g, 4) == 0)
		d->id_len = 0;
	d->asn = rng_below(g, 4) ? 0 : 64512 + (uint32_t)i;
	d->signs = r->story == LS_KEYS ? rng_below(g, 5) != 0 : rng_below(g, 6) == 0;
	d->certified = rng_below(g, 4) != 0;
	if (r->story == LS_KEYS)
		d->cfg.trust = (enum lsoe_trust)(rng_below(g, 2) ? 0 : rng_below(g, 3));
	lworld_key(d);
}

static int segment_new(struct lrun *r, struct rng *g)
{
	lan_time jitter = r->story == LS_CALM ? 0
			  : rng_below(g, 2)   ? rng_below(g, LAN_US(100))
					      : rng_below(g, LAN_MS(5));

	r->w.n_seg++;
	return frame_segment(r->w.net, LAN_US(20) + rng_below(g, LAN_MS(2)), jitter, rng_below(g, 2));
}

static bool room(const struct lrun *r, int node)
{
	return r->w.n_port < LW_PORTS - 1 && r->w.node[node].n_port < LSOED_LINKS;
}

/* Cables: a chain, so that nobody is alone, and some more, also double ones. The far end of a second cable
 * may have the same address as that of the first: another interface of the same MAC (a VLAN, a bond). */
static void draw_cables(struct lrun *r, struct rng *g, int n)
{
	int more = r->c->small ? 0 : (int)rng_below(g, 3), cables = n - 1 + more;

	for (int i = 0; i < cables; i++) {
		int a = i < n - 1 ? i : (int)rng_below(g, (uint64_t)n),
		    b = i < n - 1 ? i + 1 : (int)rng_below(g, (uint64_t)n);
		bool same = !r->w.models && rng_below(g, 4) == 0;

		if (!room(r, a) || !room(r, b) || (a == b && (r->w.models || rng_below(g, 2))))
			continue;
		if (r->w.node[a].model && r->w.node[b].model)
			continue;
		int seg = segment_new(r, g);

		for (int end = 0; end < 2; end++) {
			struct lw_node *d = &r->w.node[end ? b : a];
			const uint8_t *mac = same && d->n_port && a != b ? r->w.port[d->port[0]].mac : NULL;
			uint8_t copy[6];

			if (mac)
				memcpy(copy, mac, 6);
			lworld_port(&r->w, end ? b : a, seg, mac ? copy : NULL);
		}
	}
}

/* A switch, and all on it. Originals do not meet there: what they do to each other is theirs. */
static void draw_shared(struct lrun *r, struct rng *g, int n)
{
	int seg = segment_new(r, g), models = 0;

	for (int i = 0; i < n; i++) {
		models += r->w.node[i].model;
		if (room(r, i) && !(r->w.node[i].model && models > 1))
			lworld_port(&r->w, i, seg, NULL);
	}
}

static void draw_topology(struct lrun *r, struct rng *g)
{
	int n = 2 + (int)(rng_below(g, 3) ? rng_below(g, 2) : rng_below(g, 5));
	bool shared = n > 2 && !r->c->small && rng_below(g, 2), cables = !shared || rng_below(g, 2);

	if (r->c->small)
		n = 2;
	if (shared)
		r->cfg.multi_link = true; /* else who is served falls silent before the last one is there */
	for (int i = 0; i < n; i++)
		draw_node(r, g, i);
	if (shared)
		draw_shared(r, g, n);
	if (cables)
		draw_cables(r, g, n);
	for (int i = 0; i < n; i++) /* alone, with an end of a cable */
		if (!r->w.node[i].n_port)
			lworld_port(&r->w, i, segment_new(r, g), NULL);
	for (int p = 0; p < r->w.n_port; p++)
		lworld_change(&r->w, p, true);
}

void lsoe_draw(struct lrun *r, uint64_t seed)
{
	struct sim_config sc = {.seed = seed, .verbose = r->c->verbose, .boot_may_fail = r->c->memory_fails};
	struct frame_config fc;
	struct rng g;

	rng_init(&g, seed);
	r->story = story_of(r->c, &g);
	r->length = LAN_SEC(1) + rng_below(&g, LAN_SEC(6));
	if (r->c->small)
		r->length = LAN_SEC(1);
	fc = (struct frame_config){.seed = rng_next(&g),
		.queue = rng_below(&g, 3) ? 4096 : (uint32_t)ABOUT(&g, 8, 64),
		.verbose = r->c->verbose};
	lworld_init(&r->w, &sc, &fc, seed, dialect_of(r, &g));
	draw_story(r, &g);
	draw_times(r, &g);
	draw_topology(r, &g);
	draw_faults(r, &g);
	if (r->w.pure && r->w.dialect == LSOE_01)
		frame_in_order(r->w.net);
	sim_note(r->w.sim,
		"%d nodes, %d links, %s, story %d%s, loss %u, hello %llu, keepalive %llu, dead %llu, "
		"retransmit %llu ms, tries %u%s",
		r->w.n_node, r->w.n_port, lsoe_rules[r->w.dialect].name, (int)r->story,
		r->w.pure ? ", pure" : "", r->faults.loss, (unsigned long long)(r->cfg.hello / LAN_MS(1)),
		(unsigned long long)(r->cfg.keepalive / LAN_MS(1)),
		(unsigned long long)(r->cfg.dead / LAN_MS(1)),
		(unsigned long long)(r->cfg.retransmit / LAN_MS(1)), r->cfg.tries,
		r->cfg.no_backoff ? ", no backoff" : "");
}
