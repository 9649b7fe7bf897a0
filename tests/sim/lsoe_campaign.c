/*
 * lsoe_campaign.c - one run: neighbours find each other and change what they
 * announce while frames are lost, doubled, delayed, damaged and cut, carriers go
 * and come at one end or both, directions die, processes stop, crash and restart,
 * keys roll, and somebody sends what he likes.
 *
 * Ledger and tap check what must never happen at every step. Here is what must
 * happen in the end: within r->bound after the last fault (two dead intervals,
 * three HELLO intervals, three cycles of retransmission, twice the time in which
 * an OPEN is doubted, and the little that is configured beside) both ends of every link agree, nobody is
 * known who is not there, and then there is nothing but HELLO, KEEPALIVE and measurements, no more of them
 * than the timers say. The seed decides all else (lsoe_draw.c).
 */
#include <stdio.h>
#include <string.h>
#include "lsoe_draw.h"

static void back(void *ctx, uint64_t node)
{
	struct lrun *r = ctx;

	lworld_start(&r->w, (int)node);
}

static void crash(void *ctx, uint64_t node)
{
	struct lrun *r = ctx;
	struct lw_node *d = &r->w.node[node];

	if (r->w.over || !frame_up(r->w.net, (int)node))
		return;
	lworld_crash(&r->w, (int)node);
	if (rng_below(&r->w.rng, 4) == 0)
		lworld_forget(d);
	r->restarts++;
	sim_at(r->w.sim,
		sim_now(r->w.sim) + rng_below(&r->w.rng, rng_below(&r->w.rng, 3) ? LAN_MS(200) : LAN_SEC(4)),
		back, r, node);
}

static void stop(void *ctx, uint64_t node)
{
	struct lrun *r = ctx;
	lan_time d = rng_below(&r->w.rng, rng_below(&r->w.rng, 3) ? LAN_MS(200) : 2 * r->cfg.dead);

	if (r->w.over || !frame_up(r->w.net, (int)node) || frame_paused(r->w.net, (int)node))
		return;
	sim_note(r->w.sim, "%s is stopped for %llu ms", r->w.node[node].name,
		(unsigned long long)(d / LAN_MS(1)));
	frame_pause(r->w.net, (int)node, sim_now(r->w.sim) + d);
}

static void plug(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;

	lworld_carrier(&r->w, (int)port, true);
}

/* One end, or both as with a cable that is pulled. */
static void unplug(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;
	struct rng *g = &r->w.rng;
	lan_time pause = rng_below(g, rng_below(g, 2) ? LAN_MS(50) : LAN_SEC(2));
	bool both = rng_below(g, 2);

	if (r->w.over)
		return;
	for (int i = 0; i < r->w.n_port; i++)
		if (i == (int)port || (both && r->w.port[i].segment == r->w.port[port].segment)) {
			lworld_carrier(&r->w, i, false);
			sim_at(r->w.sim, sim_now(r->w.sim) + pause + rng_below(g, LAN_MS(20)), plug, r,
				(uint64_t)i);
		}
}

static void block(struct lrun *r, int port, bool out, bool in)
{
	r->w.port[port].dumb = out;
	r->w.port[port].deaf = in;
	frame_block(r->w.net, port, out, in);
	sim_note(r->w.sim, "%s link %u:%s%s%s", r->w.node[r->w.port[port].node].name, r->w.port[port].link,
		out ? " nothing leaves" : "", in ? " nothing comes" : "",
		out || in ? "" : " both ways are free");
}

static void unblock(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;

	if (r->w.port[port].dumb || r->w.port[port].deaf)
		block(r, (int)port, false, false);
}

static void half(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;
	bool out = rng_below(&r->w.rng, 2);

	if (r->w.over)
		return;
	block(r, (int)port, out, !out);
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(3)), unblock, r, port);
}

static void change(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;

	lworld_change(&r->w, (int)port, false);
}

static void roll(void *ctx, uint64_t node)
{
	struct lrun *r = ctx;

	if (!r->w.over)
		lworld_roll(&r->w, (int)node);
}

static void vendor(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;
	struct lw_port *p = &r->w.port[port];
	struct lw_node *d = &r->w.node[p->node];
	uint8_t data[64] = {0};
	enum lan_err e;

	if (!d->core || frame_paused(r->w.net, p->node))
		return;
	for (int i = 0; i < r->w.n_port; i++) {
		if (i == (int)port || r->w.port[i].segment != p->segment)
			continue;
		e = lsoe_vendor(
			d->core, sim_now(r->w.sim), p->link, r->w.port[i].mac, LW_ENTERPRISE, 7, data, 64);
		if (e != LAN_OK && e != LAN_ERR_NOTFOUND && e != LAN_ERR_AGAIN && e != LAN_ERR_FULL &&
			e != LAN_ERR_NOTSUP)
			lworld_must(d, "lsoe_vendor", e);
	}
	frame_poke(r->w.net, p->node);
}

static void reset(void *ctx, uint64_t port)
{
	struct lrun *r = ctx;
	struct lw_port *p = &r->w.port[port];
	struct lw_node *d = &r->w.node[p->node];

	if (r->w.over || !d->core || !p->told || frame_paused(r->w.net, p->node))
		return;
	lworld_must(d, "lsoe_reset", lsoe_reset(d->core, sim_now(r->w.sim), p->link, NULL));
	frame_poke(r->w.net, p->node);
}

static void some(struct lrun *r, uint64_t most, void (*what)(void *, uint64_t), uint64_t of)
{
	struct rng *g = &r->w.rng;

	for (uint64_t n = rng_below(g, most + 1); n; n--)
		sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(g, r->length), what, r, rng_below(g, of));
}

static void plan(struct lrun *r)
{
	struct rng *g = &r->w.rng;
	uint64_t nodes = (uint64_t)r->w.n_node, ports = (uint64_t)r->w.n_port;

	for (uint64_t i = 0; i < nodes; i++)
		sim_at(r->w.sim,
			sim_now(r->w.sim) +
				(r->story != LS_CALM && rng_below(g, 3) == 0 ? rng_below(g, r->length) : 0),
			back, r, i);
	some(r, 6, change, ports);
	some(r, 3, vendor, ports);
	if (r->lives)
		some(r, nodes, crash, nodes);
	if (r->flaps) {
		some(r, ports / 2 + 1, unplug, ports);
		some(r, 2, half, ports);
		some(r, 1, reset, ports);
	}
	if (r->pauses)
		some(r, nodes, stop, nodes);
	if (r->rolls)
		some(r, 3, roll, nodes);
	if (r->hostile_rate)
		r->w.hostile = lhostile_new(&r->w, r->hostile_rate);
}

/* The last of them are those still under way. */
static void end_faults(struct lrun *r)
{
	static const struct frame_faults none = {0};
	struct lworld *w = &r->w;

	sim_run(w->sim, sim_now(w->sim) + r->length);
	w->over = true;
	if (w->hostile)
		lhostile_stop(w->hostile);
	frame_set_faults(w->net, &none);
	frame_in_order(w->net);
	sim_run(w->sim, sim_now(w->sim) + LAN_MS(1000)); /* more than any delay */
	sim_note(w->sim, "faults are over");
	for (int i = 0; i < w->n_port; i++) {
		unblock(r, (uint64_t)i);
		lworld_carrier(w, i, true);
	}
	for (int i = 0; i < w->n_node; i++) {
		if (frame_paused(w->net, i))
			frame_pause(w->net, i, sim_now(w->sim));
		lworld_start(w, i);
	}
	if (sim_failure(w->sim))
		return;
	sim_run(w->sim, sim_now(w->sim) + LAN_MS(50));
	for (int i = 0; i < w->n_port && !w->pure; i++)
		lworld_change(w, i, true);
}

static void settle(struct lrun *r, struct lsoe_sum *sum)
{
	struct sim *sim = r->w.sim;
	lan_time begin = sim_now(sim);

	r->w.limit = 20 + 60 * (unsigned)r->w.n_port;
	while (!sim_failure(sim) && !lledger_agreed(&r->w, sim_now(sim) > begin + r->bound))
		sim_run(sim, sim_now(sim) + LAN_MS(100));
	if (sum->slowest < sim_now(sim) - begin)
		sum->slowest = sim_now(sim) - begin;
}

/* So many neighbours, each with its timers; those who cannot agree try again and again. */
static void to_silence(struct lrun *r)
{
	struct lworld *w = &r->w;
	lan_time span = 2 * r->cfg.hello + r->cfg.dead + LAN_SEC(1);
	uint64_t before[16], ports = (uint64_t)w->n_port, pairs = 0;

	sim_run(w->sim, sim_now(w->sim) + r->cycle); /* a last measurement, a last repetition */
	memcpy(before, w->wire, sizeof before);
	for (int i = 0; i < w->n_port; i++)
		for (int k = 0; k < w->n_port; k++)
			pairs += i != k && w->port[i].segment == w->port[k].segment;
	w->quiet = true;
	sim_run(w->sim, sim_now(w->sim) + span);
	if (sim_failure(w->sim))
		return;
	if (w->wire[LSOE_HELLO] - before[LSOE_HELLO] > ports * (span / r->cfg.hello + 2))
		sim_fail(w->sim, "%llu HELLOs in the silence",
			(unsigned long long)(w->wire[LSOE_HELLO] - before[LSOE_HELLO]));
	/* fast ones come after three quarters of the interval at the earliest, and one more answers each
	 * HELLO */
	if (w->wire[LSOE_KEEPALIVE] - before[LSOE_KEEPALIVE] >
		pairs * (span * 4 / 3 / r->cfg.keepalive + span / r->cfg.hello + 5))
		sim_fail(w->sim, "%llu KEEPALIVEs in the silence",
			(unsigned long long)(w->wire[LSOE_KEEPALIVE] - before[LSOE_KEEPALIVE]));
	if (r->cfg.measure == LAN_NEVER && w->wire[14] != before[14])
		sim_fail(w->sim, "measurements, though there are to be none");
	else if (r->cfg.measure != LAN_NEVER &&
		 w->wire[14] - before[14] > pairs * (2 * span / r->cfg.measure + 3))
		sim_fail(w->sim, "%llu measurements in the silence",
			(unsigned long long)(w->wire[14] - before[14]));
	if (!sim_failure(w->sim))
		(void)lledger_agreed(w, true);
}

static void add_up(struct lrun *r, struct lsoe_sum *sum)
{
	struct lworld *w = &r->w;

	sum->runs++;
	sum->hash = (sum->hash ^ frame_hash(w->net)) * 0x100000001b3u;
	sum->ups += w->ups;
	sum->downs += w->downs;
	sum->lists += w->lists;
	sum->given += frame_given(w->net);
	sum->events += sim_events(w->sim);
	sum->restarts += r->restarts;
	sum->excused += w->excused;
	sum->refused += w->refused;
	for (int i = 0; i < 16; i++)
		sum->wire[i] += w->wire[i];
	sum->virtual_s += (double)sim_now(w->sim) / 1e9;
}

bool lsoe_campaign_run(const struct lsoe_campaign *c, uint64_t seed, struct lsoe_sum *sum)
{
	struct lrun r = {.c = c};
	bool ok;

	lsoe_draw(&r, seed);
	plan(&r);
	end_faults(&r);
	if (!sim_failure(r.w.sim))
		settle(&r, sum);
	if (!sim_failure(r.w.sim)) { /* who doubts an OPEN begins anew a while later */
		sim_run(r.w.sim, sim_now(r.w.sim) + LAN_SEC(7));
		settle(&r, sum);
	}
	if (!sim_failure(r.w.sim))
		to_silence(&r);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		fprintf(stderr, "replay: sim_lsoe --seed %llu --verbose\n", (unsigned long long)seed);
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	add_up(&r, sum);
	lhostile_free(r.w.hostile);
	lworld_fini(&r.w);
	return ok;
}
