/*
 * campaign.c - one run: a server and its clients write lines to each other
 * while the relay loses, doubles, delays, swaps and cuts them, streams die in
 * every way a stream can, applications stop reading, and one side is restarted.
 *
 * The ledger checks what must never happen at every step. Here is what must
 * happen in the end: once the faults are over, all is written, acknowledged or
 * reported lost within a bounded time; then the wire falls silent but for
 * keepalives, and both ends agree that they are up. The seed decides all else.
 */
#include <stdio.h>
#include <string.h>
#include "campaign.h"
#include "iot_world.h"

struct run {
	struct world w;
	const struct campaign *c;
	enum campaign_mode mode;
	uint64_t restarts;
};

static lan_time pick_time(struct rng *g, const lan_time *from, size_t n)
{
	return from[rng_below(g, n)];
}

static unsigned always_wait(struct rng *g)
{
	return IOT_QOS | IOT_WAIT;
}

static unsigned never_wait(struct rng *g)
{
	return IOT_QOS;
}

static unsigned any_flags(struct rng *g)
{
	uint64_t x = rng_below(g, 10);

	return x < 4 ? IOT_QOS : x < 7 ? IOT_QOS | IOT_WAIT : 0;
}

static void set_network(struct sim_config *net, lan_time T, struct rng *g)
{
	memset(net, 0, sizeof *net);
	net->latency = 1 + rng_below(g, T / 40);
	net->jitter = 1 + rng_below(g, T / 40);
	net->dial_timeout = T / 2 + rng_below(g, 2 * T);
	net->window = rng_below(g, 4) ? 65536 : 64 + (uint32_t)rng_below(g, 4000);
	net->split_ppm = rng_below(g, 2) ? 150000 : 10000;
}

static void set_faults(struct run *r, lan_time T, struct rng *g)
{
	uint32_t mean = rng_below(g, 4) ? 1 : 3; /* a quarter of the runs is meaner */

	r->w.im = (struct impair){.lose_msg = r->c->loss,
		.lose_ack = r->c->loss,
		.lose_other = r->c->loss / 2,
		.dup = 30000 * mean,
		.delay = 20000 * mean,
		.swap = 20000 * mean,
		.cut = 4000 * mean,
		.swallow = 3000 * mean,
		.hole = 2000 * mean,
		.half = 2000 * mean,
		.stall = 2000 * mean,
		.hold_max = 2 * T};
	r->w.faults = true;
}

static struct iot_config set_core(lan_time T, struct rng *g)
{
	struct iot_config cfg = {.timeout = T, .retry_max = T};

	if (rng_below(g, 3) == 0)
		cfg.window = 1 + (uint32_t)rng_below(g, IOT_WINDOW_MAX);
	if (rng_below(g, 3) == 0)
		cfg.max_queue = 600 + (uint32_t)rng_below(g, 2000);
	if (rng_below(g, 3) == 0)
		cfg.max_events = 600 + (uint32_t)rng_below(g, 2000);
	if (cfg.max_queue || cfg.max_events)
		cfg.max_line = 500;
	if (rng_below(g, 2))
		cfg.hold_off = LAN_NEVER;
	return cfg;
}

static void set_writers(struct run *r, lan_time T, struct rng *g, uint32_t lines)
{
	for (int i = 0; i < r->w.n_f; i++) {
		struct flow *f = &r->w.f[i];
		bool wait = r->mode == M_WAIT || (r->mode == M_CROWD && rng_below(g, 2));

		f->tag = i % 2 ? 's' : 'c';
		f->to_write = lines;
		f->mode = r->mode == M_MIXED ? any_flags : wait ? always_wait : never_wait;
		f->burst_max = rng_below(g, 4) ? 1 + (uint32_t)rng_below(g, 20) : lines;
		f->gap = 1 + rng_below(g, T / 2);
		f->max_len = 400;
		world_write_from(&r->w, i, sim_now(r->w.sim) + rng_below(g, 2 * T));
	}
}

static void restart_later(void *ctx, uint64_t party)
{
	struct run *r = ctx;

	world_start(&r->w, (int)party);
}

static void restart(void *ctx, uint64_t arg)
{
	struct run *r = ctx;
	int party = (int)(arg & 0xff);
	enum sim_how how = (enum sim_how)(arg >> 8);

	if (!r->w.p[party].core || !r->w.faults)
		return;
	world_crash(&r->w, party, how);
	r->restarts++;
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, 3 * r->w.T), restart_later, r,
		(uint64_t)party);
}

static void nap(void *ctx, uint64_t arg)
{
	struct run *r = ctx;

	if (r->w.p[arg].core && r->w.faults)
		world_nap(&r->w, (int)arg, rng_below(&r->w.rng, 4 * r->w.T));
}

/* Only one side is restarted in a run, as often as it may be: when both forget
 * within one exchange nobody can say what was delivered. */
static void plan(struct run *r, lan_time T, struct rng *g)
{
	lan_time now = sim_now(r->w.sim);
	uint64_t party = rng_below(g, (uint64_t)r->w.n_p);

	if (r->c->restarts && rng_below(g, 2))
		for (uint64_t n = 1 + rng_below(g, 3); n; n--)
			sim_at(r->w.sim, now + T / 2 + rng_below(g, 60 * T), restart, r,
				party | rng_below(g, 3) << 8);
	for (int i = 0; i < r->w.n_p; i++) {
		r->w.p[i].sips = rng_below(g, 8) == 0;
		for (uint64_t n = rng_below(g, 4); n; n--)
			sim_at(r->w.sim, now + rng_below(g, 60 * T), nap, r, (uint64_t)i);
	}
}

static void set_world(struct run *r, uint64_t seed)
{
	static const lan_time timeouts[] = {LAN_MS(100), LAN_MS(200), LAN_MS(500), LAN_SEC(2)};
	struct sim_config net;
	struct rng g;
	char name[16];
	int clients = 1;
	lan_time T;

	rng_init(&g, seed);
	T = pick_time(&g, timeouts, 4);
	set_network(&net, T, &g);
	net.verbose = r->c->verbose;
	world_init(&r->w, &net, seed, T);
	if (r->mode == M_CROWD)
		clients = 2 + (int)rng_below(&g, 49);
	struct iot_config cfg = set_core(T, &g);

	world_server(&r->w, "server", &cfg);
	for (int i = 0; i < clients; i++) {
		struct iot_config one = set_core(T, &g);

		snprintf(name, sizeof name, "c%d", i);
		world_client(&r->w, name, name, 0, &one);
	}
	world_ready(&r->w, rng_below(&g, 2));
	set_faults(r, T, &g);
	/* a sixth of the runs is long enough for the ids to wrap, twice */
	set_writers(r, T, &g,
		clients > 1 ? 1 + r->c->lines / (uint32_t)clients
			    : r->c->lines * (rng_below(&g, 6) == 0 ? 3 : 1));
	plan(r, T, &g);
	sim_note(r->w.sim, "T %u ms, latency %u us, %d clients, mode %d", (unsigned)(T / LAN_MS(1)),
		(unsigned)(net.latency / LAN_US(1)), clients, (int)r->mode);
	for (int i = 0; i < r->w.n_p; i++)
		world_start(&r->w, i);
}

static bool all_done(struct run *r)
{
	for (int i = 0; i < r->w.n_f; i++)
		if (r->w.f[i].to_write || r->w.f[i].open)
			return false;
	for (int i = 0; i < r->w.n_p; i++)
		if (!r->w.p[i].core || world_pending(&r->w, i))
			return false;
	return true;
}

static bool all_up(struct run *r)
{
	for (int i = 0; i < r->w.n_p; i++)
		if (!r->w.p[i].server && !world_agree_up(&r->w, i))
			return false;
	return true;
}

static void fail_unfinished(struct run *r)
{
	for (int i = 0; i < r->w.n_f; i++) {
		struct flow *f = &r->w.f[i];
		uint32_t k = f->base;

		while (k < f->n && (f->lines[k].acked || (!(f->lines[k].flags & IOT_QOS) &&
								 (f->lines[k].seen || f->lines[k].lost))))
			k++;
		if (f->to_write || f->open)
			sim_fail(r->w.sim,
				"unfinished: %s has %u lines to write%s, %u open, first %u (flags %u, seen "
				"%u)",
				r->w.p[f->from].name, f->to_write, f->writer_waits ? " and waits" : "",
				f->open, k, k < f->n ? f->lines[k].flags : 0,
				k < f->n ? f->lines[k].seen : 0);
	}
	for (int i = 0; i < r->w.n_p; i++)
		if (world_pending(&r->w, i))
			sim_fail(r->w.sim, "unfinished: %s says %zu lines are pending", r->w.p[i].name,
				world_pending(&r->w, i));
	sim_fail(r->w.sim, "unfinished: the two ends do not agree that they are up");
}

/* Faults last until a moment of the seed's choice or until all is done. */
static void to_the_end(struct run *r)
{
	struct sim *sim = r->w.sim;
	lan_time T = r->w.T, off = sim_now(sim) + 70 * T + rng_below(&r->w.rng, 60 * T), bound;

	while (sim_now(sim) < off && !sim_failure(sim) &&
		!(all_done(r) && sim_now(sim) > LAN_SEC(1) + 60 * T))
		sim_run(sim, sim_now(sim) + T);
	r->w.faults = false;
	sim_note(sim, "faults are over");
	bound = sim_now(sim) + 60 * T + 2 * r->c->lines * T;
	while (!sim_failure(sim) && !(all_done(r) && all_up(r))) {
		if (sim_now(sim) > bound)
			fail_unfinished(r);
		else
			sim_run(sim, sim_now(sim) + T / 2);
	}
}

static void to_silence(struct run *r)
{
	struct world *w = &r->w;
	lan_time from = sim_now(w->sim), T = w->T;

	sim_run(w->sim, from + 4 * T);
	w->wire_msgs = w->wire_acks = w->wire_keepalives = w->streams_up = w->streams_down = 0;
	sim_run(w->sim, sim_now(w->sim) + 8 * T);
	if (w->wire_msgs || w->wire_acks)
		sim_fail(w->sim, "not quiet: %llu messages, %llu acknowledgements after the end",
			(unsigned long long)w->wire_msgs, (unsigned long long)w->wire_acks);
	if (w->streams_up || w->streams_down)
		sim_fail(w->sim, "not quiet: streams come and go after the end");
	if (w->wire_keepalives < 2 * 16 * (uint64_t)(w->n_p - 1))
		sim_fail(w->sim, "too quiet: %llu keepalives in 8 timeouts",
			(unsigned long long)w->wire_keepalives);
	if (!all_up(r) || !all_done(r))
		fail_unfinished(r);
}

bool campaign_run(const struct campaign *c, uint64_t seed, struct campaign_sum *sum)
{
	struct run r = {.c = c, .mode = c->mode};
	bool ok;

	if (r.mode == M_BY_SEED)
		r.mode = seed % 50 == 49 ? M_CROWD : (enum campaign_mode)(seed % 3);
	set_world(&r, seed);
	to_the_end(&r);
	if (!sim_failure(r.w.sim))
		to_silence(&r);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		fprintf(stderr, "replay: sim_iot --seed %llu --verbose\n", (unsigned long long)seed);
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	sum->runs++;
	for (int i = 0; i < r.w.n_f; i++)
		sum->lines += r.w.f[i].n;
	sum->events += sim_events(r.w.sim);
	sum->restarts += r.restarts;
	sum->virtual_s += (double)sim_now(r.w.sim) / 1e9;
	world_fini(&r.w);
	return ok;
}
