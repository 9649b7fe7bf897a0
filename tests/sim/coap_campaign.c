/*
 * coap_campaign.c - one run: two to eight engines ask each other for states, for work to be done and for
 * changes to be told, while messages are lost, doubled, delayed and refused, processes stop, crash and
 * restart, tables are small and owners slow.
 *
 * The ledger checks at every event what must never happen. Here is what must happen in the end: within the
 * time that repetition and re-registration take after the last fault, every request has its one outcome and
 * every observer knows the last state; and when all observations are cancelled, nobody waits for anything.
 */
#include <stdio.h>
#include <string.h>
#include "coap_campaign.h"
#include "coap_world.h"

/* MAX_TRANSMIT_WAIT, Max-Age, its allowance, MAX_TRANSMIT_WAIT; and once more for an answer by blocks. */
#define SETTLED LAN_SEC(2 * (93 + 60 + 15 + 93))
#define STILL   LAN_SEC(250)

struct crun {
	struct cworld w;
	const struct coap_campaign *c;
	bool wild, lives, pauses;
	lan_time length;
	uint64_t restarts;
};

static uint32_t some_of(struct rng *g, uint32_t few, uint32_t many)
{
	return (uint32_t)(rng_below(g, 3) ? many : few + rng_below(g, few));
}

static struct coap_config config(struct crun *r)
{
	struct rng *g = &r->w.rng;
	struct coap_config c = {.max_requests = 32,
		.max_peers = 16,
		.max_incoming = 16,
		.max_dedup = 32,
		.max_observers = 32,
		.max_bodies = 8,
		.max_body = CW_BODY};

	if (!r->wild)
		c.max_bodies = c.max_incoming = c.max_requests = 64; /* nothing is ever full */
	if (r->wild && rng_below(g, 2)) {
		c.max_requests = some_of(g, 4, 32);
		c.max_incoming = some_of(g, 2, 16);
		c.max_dedup = some_of(g, 4, 32);
		c.max_observers = some_of(g, 2, 32);
		c.max_bodies = some_of(g, 2, 8);
		c.max_peers = some_of(g, 4, 16);
	}
	c.nstart = (uint32_t)(1 + (rng_below(g, 2) ? 0 : rng_below(g, 4)));
	c.szx = (uint8_t)(rng_below(g, 3) ? 0 : 1 + rng_below(g, 6));
	c.confirm_every = (uint32_t)(1 + rng_below(g, 16));
	c.echo = rng_below(g, 3) == 0;
	if (rng_below(g, 3) == 0)
		c.ack_timeout = LAN_MS(200) + rng_below(g, LAN_SEC(2));
	if (rng_below(g, 3) == 0)
		c.separate = LAN_MS(1) + rng_below(g, LAN_SEC(1));
	return c;
}

static void draw(struct crun *r, uint64_t seed)
{
	struct rng *g = &r->w.rng;
	int nodes, segment;
	uint32_t mtu;

	cworld_init(&r->w, seed, r->c->verbose);
	r->wild = r->c->story == CS_BY_SEED ? rng_below(g, 4) != 0 : r->c->story == CS_WILD;
	nodes = (int)(2 + rng_below(g, rng_below(g, 2) ? 2 : 7));
	r->length = LAN_SEC(20 + rng_below(g, 100));
	r->w.slow = rng_below(g, 2) ? 0 : rng_below(g, LAN_SEC(3));
	r->w.never = r->wild && rng_below(g, 4) == 0 ? 50000 : 0;
	r->lives = r->wild && rng_below(g, 3) == 0;
	r->pauses = r->wild && rng_below(g, 3) == 0;
	r->w.calm = !r->wild;
	mtu = (uint32_t)(rng_below(g, 3) ? COAP_DATAGRAM : 100 + rng_below(g, 400));
	segment = ep_segment(
		r->w.net, LAN_MS(1 + rng_below(g, 20)), rng_below(g, LAN_MS(30)), mtu, rng_below(g, 3) == 0);
	for (int i = 0; i < nodes; i++) {
		struct coap_config c = config(r);

		(void)cworld_add(&r->w, &c, mtu, rng_below(g, 2));
		cworld_join(&r->w, i, segment);
	}
	if (r->wild)
		ep_set_faults(r->w.net,
			&(struct ep_faults){.loss = (uint32_t)rng_below(g, rng_below(g, 4) ? 150000 : 500000),
				.dup = (uint32_t)rng_below(g, 100000),
				.delay = (uint32_t)rng_below(g, 100000),
				.refuse = rng_below(g, 4) ? 0 : 20000,
				.delay_max = rng_below(g, 3) ? LAN_MS(500) : LAN_SEC(20)});
}

/* --- what happens to them ------------------------------------------------------------ */

static void start(void *ctx, uint64_t node)
{
	struct crun *r = ctx;

	if (!ep_up(r->w.net, (int)node))
		ep_start(r->w.net, (int)node);
}

static void crash(void *ctx, uint64_t node)
{
	struct crun *r = ctx;

	if (r->w.over || !ep_up(r->w.net, (int)node))
		return;
	cworld_crash(&r->w, (int)node);
	r->restarts++;
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(10)), start, r, node);
}

static void stop(void *ctx, uint64_t node)
{
	struct crun *r = ctx;

	if (!r->w.over && ep_up(r->w.net, (int)node))
		ep_pause(r->w.net, (int)node, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(8)));
}

static void change(void *ctx, uint64_t what)
{
	struct crun *r = ctx;

	cworld_change(&r->w, (int)(what / CW_RESOURCES), (int)(what % CW_RESOURCES));
}

static void ask(void *ctx, uint64_t node)
{
	static const enum cw_kind kinds[] = {
		CW_GET, CW_GET, CW_GET, CW_POST, CW_POST, CW_OBSERVE, CW_PING, CW_GROUP};
	struct crun *r = ctx;

	cworld_ask(&r->w, (int)node, kinds[rng_below(&r->w.rng, 8)]);
}

static void cancel(void *ctx, uint64_t node)
{
	struct crun *r = ctx;

	if (ep_up(r->w.net, (int)node) && !ep_paused(r->w.net, (int)node))
		cworld_cancel(&r->w, (int)node, false);
}

static void some(struct crun *r, uint64_t n, void (*what)(void *, uint64_t), uint64_t of)
{
	struct rng *g = &r->w.rng;

	while (n--)
		sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(g, r->length), what, r, rng_below(g, of));
}

static void plan(struct crun *r)
{
	struct rng *g = &r->w.rng;
	uint64_t nodes = (uint64_t)r->w.n_node;

	for (uint64_t i = 0; i < nodes; i++)
		start(r, i);
	some(r, nodes * (5 + rng_below(g, 20)), ask, nodes);
	some(r, rng_below(g, 8 * nodes), change, nodes * CW_RESOURCES);
	some(r, rng_below(g, nodes), cancel, nodes);
	if (r->lives)
		some(r, rng_below(g, nodes), crash, nodes);
	if (r->pauses)
		some(r, rng_below(g, nodes), stop, nodes);
}

/* --- how it must end --------------------------------------------------------------------- */

static void end_faults(struct crun *r)
{
	static const struct ep_faults none = {0};
	struct cworld *w = &r->w;

	sim_run(w->sim, sim_now(w->sim) + r->length);
	w->over = true;
	w->never = 0;
	ep_set_faults(w->net, &none);
	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(21)); /* more than any delay, stop or restart */
	sim_note(w->sim, "faults are over");
	for (int i = 0; i < w->n_node && !sim_failure(w->sim); i++) {
		start(r, (uint64_t)i);
		for (int k = 0; k < CW_RESOURCES; k++)
			if (rng_below(&w->rng, 2))
				cworld_change(w, i, k);
	}
}

static void settle(struct crun *r)
{
	struct sim *s = r->w.sim;
	lan_time end = sim_now(s) + SETTLED;

	while (!sim_failure(s) && !cledger_settled(&r->w, sim_now(s) > end))
		sim_run(s, sim_now(s) + LAN_SEC(5));
}

static void silence(struct crun *r)
{
	struct cworld *w = &r->w;

	for (int i = 0; i < w->n_node; i++)
		if (ep_up(w->net, i))
			cworld_cancel(w, i, true);
	sim_run(w->sim, sim_now(w->sim) + STILL);
	if (!sim_failure(w->sim))
		cledger_quiet(w);
}

static void add_up(struct crun *r, struct coap_sum *sum)
{
	struct cworld *w = &r->w;

	sum->runs++;
	sum->hash = (sum->hash ^ ep_hash(w->net)) * 0x100000001b3u;
	sum->requests += w->n_req;
	sum->answered += w->answered;
	sum->given_up += w->failed;
	sum->told += w->told;
	sum->executed += w->executed;
	sum->given += ep_given(w->net);
	sum->events += sim_events(w->sim);
	sum->restarts += r->restarts;
	sum->virtual_s += (double)sim_now(w->sim) / 1e9;
}

bool coap_campaign_run(const struct coap_campaign *c, uint64_t seed, struct coap_sum *sum)
{
	struct crun r = {.c = c};
	bool ok;

	draw(&r, seed);
	plan(&r);
	end_faults(&r);
	if (!sim_failure(r.w.sim))
		settle(&r);
	if (!sim_failure(r.w.sim))
		silence(&r);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		fprintf(stderr, "replay: sim_coap --seed %llu --verbose\n", (unsigned long long)seed);
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	add_up(&r, sum);
	cworld_fini(&r.w);
	return ok;
}
