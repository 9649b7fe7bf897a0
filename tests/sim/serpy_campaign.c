/*
 * serpy_campaign.c - one run: clients and a server exchange values and blobs
 * while streams are cut behind any byte, stand still, are half open, parties
 * crash and come back, applications nap, hold, finish and drop.
 *
 * The ledger checks what must never happen at every step. Here is what must
 * happen in the end: once the faults are over, every client is up again within
 * the time its configuration says; then all that is queued arrives; then the wire
 * is silent. A last cut of all connections then finds nothing to complain about.
 * The seed decides all else (serpy_draw.c).
 */
#include <stdio.h>
#include <string.h>
#include "serpy_draw.h"
#include "serpy_hostile.h"

#define ULL(x) ((unsigned long long)(x))

/* --- what happens to parties ------------------------------------------------------------------- */

static void back(void *ctx, uint64_t party)
{
	struct srun *r = ctx;

	sworld_start(&r->w, (int)party);
}

static void crash(void *ctx, uint64_t party)
{
	struct srun *r = ctx;
	struct rng *g = &r->w.rng;

	if (r->over || !r->w.p[party].core)
		return;
	sworld_crash(&r->w, (int)party, (enum sim_how)rng_below(g, 3));
	r->n_restarts++;
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(g, LAN_SEC(2)), back, r, party);
}

static void nap(void *ctx, uint64_t party)
{
	struct srun *r = ctx;

	if (!r->over && r->w.p[party].core)
		sapp_nap(&r->w.p[party], sim_now(r->w.sim) + rng_below(&r->w.rng, r->nap_max));
}

static uint64_t any_link(struct srun *r, struct sparty *p)
{
	return p->n_links ? p->link[rng_below(&r->w.rng, p->n_links)].conn : UINT64_MAX;
}

static void hold(void *ctx, uint64_t party)
{
	struct srun *r = ctx;
	struct sparty *p = &r->w.p[party];

	if (!r->over && p->core)
		sapp_hold(p, any_link(r, p), sim_now(r->w.sim) + rng_below(&r->w.rng, r->nap_max));
}

static void finish(void *ctx, uint64_t party)
{
	struct srun *r = ctx;
	struct sparty *p = &r->w.p[party];

	if (!r->over && p->core)
		sapp_finish(p, any_link(r, p));
}

static void drop(void *ctx, uint64_t party)
{
	struct srun *r = ctx;
	struct sparty *p = &r->w.p[party];

	if (!r->over && p->core)
		sapp_drop(p, any_link(r, p));
}

static void cut(void *ctx, uint64_t party)
{
	struct srun *r = ctx;
	struct rng *g = &r->w.rng;

	if (!r->over)
		sim_cut(r->w.sim, r->w.p[party].node, (enum sim_how)rng_below(g, 3),
			(enum sim_how)rng_below(g, 3));
}

static void heal(void *ctx, uint64_t arg)
{
	struct srun *r = ctx;

	(void)arg;
	for (int i = 0; i < r->w.n_p; i++)
		sim_group(r->w.sim, r->w.p[i].node, 0);
}

static void part(void *ctx, uint64_t party)
{
	struct srun *r = ctx;

	if (r->over)
		return;
	sim_group(r->w.sim, r->w.p[party].node, 1);
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(6)), heal, r, 0);
}

/* At most so many times, to one of the first `of` parties each. */
static void some_of(struct srun *r, uint64_t most, void (*what)(void *, uint64_t), uint64_t of)
{
	struct rng *g = &r->w.rng;

	for (uint64_t n = rng_below(g, most + 1); n; n--)
		sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(g, r->length), what, r, rng_below(g, of));
}

static void some(struct srun *r, uint64_t most, void (*what)(void *, uint64_t))
{
	some_of(r, most, what, (uint64_t)r->w.n_p);
}

static void plan(struct srun *r)
{
	uint64_t n = (uint64_t)r->w.n_p;

	for (int i = 0; i < r->w.n_p; i++)
		sworld_start(&r->w, i);
	if (r->story == SS_HOSTILE) /* who is timed must not dawdle: the server alone naps */
		some_of(r, 2, nap, 1);
	else if (r->story != SS_EDGE)
		some(r, n, nap);
	if (r->story == SS_WILD) {
		some(r, 2, cut);
		some(r, 1, part);
	}
	if (r->restarts)
		some(r, n, crash);
	if (r->rude) {
		some(r, 2 * n, hold);
		some(r, 2, finish);
		some(r, 2, drop);
	}
}

/* --- the end -------------------------------------------------------------------------------------- */

static void end_faults(struct srun *r)
{
	struct sworld *w = &r->w;

	r->over = true;
	w->faults = false;
	sim_note(w->sim, "faults are over");
	heal(r, 0);
	hostile_stop(w);
	for (int i = 0; i < w->n_p; i++) {
		w->p[i].sips = 0;
		if (!w->p[i].raw)
			sworld_start(w, i);
	}
}

/* A client gave up or left in the end: it is made anew, and has its time. */
static void all_up(struct srun *r)
{
	struct sworld *w = &r->w;
	struct serpy_status st;

	sim_run(w->sim, sim_now(w->sim) + r->up_time);
	for (int i = 1; i < w->n_p && !sim_failure(w->sim); i++) {
		if (w->p[i].raw)
			continue;
		if (!w->p[i].core || serpy_status(w->p[i].core, 0, &st) != LAN_OK || !st.up)
			sim_fail(w->sim, "%s is not up %u ms after the last fault", w->p[i].name,
				(unsigned)(r->up_time / LAN_MS(1)));
	}
}

static bool settled(struct srun *r, bool say)
{
	struct sworld *w = &r->w;

	for (int i = 0; i < w->n_p; i++) {
		struct sparty *p = &w->p[i];
		uint64_t pending = p->core ? serpy_pending(p->core) : 0;

		if (p->raw)
			continue;
		if (say && pending)
			sim_fail(w->sim, "unfinished: %s says that %llu messages are pending", p->name,
				ULL(pending));
		if (pending || sim_now(w->sim) < p->nap_until)
			return false;
		for (uint32_t k = 0; k < p->n_links; k++) {
			struct slink *l = &p->link[k];

			if ((!l->to_send && !l->blob && !l->held) || l->raw)
				continue;
			if (say)
				sim_fail(w->sim, "unfinished: %s has %u messages to send on %llu%s%s%s",
					p->name, l->to_send, ULL(l->conn), l->blob ? ", a blob" : "",
					l->full ? ", waits for WRITABLE" : "", l->held ? ", held" : "");
			return false;
		}
	}
	return true;
}

static void settle(struct srun *r)
{
	struct sim *sim = r->w.sim;
	lan_time bound = sim_now(sim) + LAN_SEC(200);

	while (!sim_failure(sim) && !settled(r, sim_now(sim) > bound))
		sim_run(sim, sim_now(sim) + LAN_MS(100));
}

static void to_silence(struct srun *r)
{
	struct sworld *w = &r->w;
	uint64_t events;

	sim_run(w->sim,
		sim_now(w->sim) + LAN_SEC(5)); /* acknowledgements, the last question, timeouts, memory */
	w->wire_bytes = 0;
	events = sim_events(w->sim);
	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(60));
	if (w->wire_bytes)
		sim_fail(w->sim, "not quiet: %llu bytes in a minute in which nobody had anything to say",
			ULL(w->wire_bytes));
	if (sim_events(w->sim) - events > 20u * (unsigned)w->n_p)
		sim_fail(w->sim, "not quiet: %llu events in such a minute", ULL(sim_events(w->sim) - events));
}

/* One more end of every connection, when all has long arrived. */
static void last_cut(struct srun *r)
{
	struct sworld *w = &r->w;

	w->settled = true;
	w->calm = false;
	sim_cut(w->sim, w->p[0].node, SIM_RST, SIM_RST);
	all_up(r);
	if (!sim_failure(w->sim) && !settled(r, true))
		sim_fail(w->sim, "something is left to do after the last cut");
}

static void same(struct sparty *p, const char *what, uint64_t counted, uint64_t told)
{
	if (counted != told && !p->w->memory_fails)
		sim_fail(p->w->sim, "%s counts %llu %s and told of %llu", p->name, ULL(counted), what,
			ULL(told));
}

/* Counters and what the application was told are of one mind. */
static void check_counters(struct sparty *p)
{
	const uint64_t *v = serpy_counters(p->core)->v;
	uint64_t ends = 0;

	for (int c = SERPY_C_closed_by_peer; c <= SERPY_C_end_memory; c++)
		ends += v[c];
	same(p, "ends of connections", ends, p->downs);
	same(p, "messages received", v[SERPY_C_rx_messages], p->got);
	same(p, "messages lost", v[SERPY_C_tx_lost] + v[SERPY_C_tx_dropped], p->told_lost);
	same(p, "messages sent again", v[SERPY_C_tx_doubled], p->told_doubled);
	same(p, "timeouts", v[SERPY_C_tx_expired], p->told_expired);
	if (v[SERPY_C_rx_acks] < p->told_acked)
		sim_fail(p->w->sim, "%s counts %llu acknowledgements and told of %llu", p->name,
			ULL(v[SERPY_C_rx_acks]), ULL(p->told_acked));
}

static void check_status(struct sparty *p)
{
	const struct sflow *f = &p->w->flow[p->link[0].flow];
	struct serpy_status st;
	bool told;

	if (serpy_status(p->core, 0, &st) != LAN_OK)
		return;
	told = st.lost == f->lost || (p->w->memory_fails && st.lost > f->lost);
	if (!told || st.doubled != f->doubled || st.queued || st.queued_bytes || st.unacked)
		sim_fail(p->w->sim,
			"%s: status says %llu lost, %llu doubled, %llu queued; told were %llu and %llu",
			p->name, ULL(st.lost), ULL(st.doubled), ULL(st.queued), ULL(f->lost),
			ULL(f->doubled));
}

static void check_books(struct sworld *w)
{
	for (int i = 0; i < w->n_p; i++) {
		if (!w->p[i].core)
			continue;
		check_counters(&w->p[i]);
		if (!w->p[i].server)
			check_status(&w->p[i]);
	}
}

static void add_up(struct srun *r, struct serpy_sum *sum)
{
	struct sworld *w = &r->w;

	sum->runs++;
	sum->hash = (sum->hash ^ sim_hash(w->sim)) * 0x100000001b3u;
	sum->sent += w->sent;
	sum->delivered += w->delivered;
	sum->pieces += w->pieces;
	sum->acked += w->acked;
	sum->lost += w->lost;
	sum->doubled += w->doubled;
	sum->downs += w->downs;
	sum->connects += w->connects;
	sum->restarts += r->n_restarts;
	sum->attacks += hostile_attacks(w);
	sum->events += sim_events(w->sim);
	sum->virtual_s += (double)sim_now(w->sim) / 1e9;
}

static void to_the_end(struct srun *r)
{
	void (*const steps[])(struct srun *) = {end_faults, all_up, settle, to_silence, last_cut};

	sim_run(r->w.sim, sim_now(r->w.sim) + r->length);
	for (size_t i = 0; i < sizeof steps / sizeof *steps && !sim_failure(r->w.sim); i++)
		steps[i](r);
	if (!sim_failure(r->w.sim))
		check_books(&r->w);
	if (!sim_failure(r->w.sim))
		sledger_final(&r->w);
}

bool serpy_campaign_run(const struct serpy_campaign *c, uint64_t seed, struct serpy_sum *sum)
{
	static struct srun r;
	bool ok;

	memset(&r, 0, sizeof r);
	r.c = c;
	sdraw(&r, seed);
	plan(&r);
	to_the_end(&r);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", ULL(seed), sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		fprintf(stderr, "replay: sim_serpy --seed %llu --verbose\n", ULL(seed));
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	add_up(&r, sum);
	sworld_fini(&r.w);
	hostile_free(&r.w);
	return ok;
}
