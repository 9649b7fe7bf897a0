/*
 * chan_campaign.c - one run: members of a sealed channel talk while datagrams
 * are lost, doubled, delayed, damaged and replayed, members come, go, crash and
 * come back, keys rotate, partitions open and close, applications nap.
 *
 * Ledger and tap check what must never happen at every step. Here is what must
 * happen in the end: once the faults are over, everybody who is there knows
 * everybody, every message is settled at every receiver, budgets were kept, and
 * nothing but presence is on the wire. The seed decides all else (chan_draw.c).
 */
#include <stdio.h>
#include <string.h>
#include "chan_draw.h"

static void back(void *ctx, uint64_t member)
{
	struct crun *r = ctx;

	cworld_start(&r->w, (int)member);
}

/* One member goes, in good order or not, and comes back later. */
static void go(void *ctx, uint64_t member)
{
	struct crun *r = ctx;

	if (r->over || !cworld_alive(&r->w, (int)member))
		return;
	if (rng_below(&r->w.rng, 3) == 0)
		cworld_leave(&r->w, (int)member);
	else
		cworld_crash(&r->w, (int)member);
	r->restarts++;
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(3)), back, r, member);
}

static void nap(void *ctx, uint64_t member)
{
	struct crun *r = ctx;

	if (!r->over)
		capp_nap(&r->w.m[member], sim_now(r->w.sim) + rng_below(&r->w.rng, r->nap_max));
}

static void heal(void *ctx, uint64_t arg)
{
	struct crun *r = ctx;

	for (int i = 0; i < r->w.n_m; i++)
		dgram_set_group(r->w.net, i, 0);
	sim_note(r->w.sim, "one network again");
}

static void part(void *ctx, uint64_t arg)
{
	struct crun *r = ctx;

	if (r->over)
		return;
	for (int i = 0; i < r->w.n_m; i++)
		dgram_set_group(r->w.net, i, (int)rng_below(&r->w.rng, 2));
	sim_note(r->w.sim, "the network falls apart");
	sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(&r->w.rng, LAN_SEC(6)), heal, r, 0);
}

static void rotate(void *ctx, uint64_t arg)
{
	struct crun *r = ctx;

	if (r->over)
		return;
	r->rotations++;
	sim_note(r->w.sim, "keys rotate");
	cworld_rotate(&r->w, LAN_MS(50) + rng_below(&r->w.rng, LAN_SEC(1)), rng_below(&r->w.rng, LAN_SEC(1)));
}

static void some(struct crun *r, uint64_t most, void (*what)(void *, uint64_t), bool of_members)
{
	struct rng *g = &r->w.rng;

	for (uint64_t n = rng_below(g, most + 1); n; n--)
		sim_at(r->w.sim, sim_now(r->w.sim) + rng_below(g, r->length), what, r,
			of_members ? rng_below(g, (uint64_t)r->w.n_m) : 0);
}

static void plan(struct crun *r)
{
	struct rng *g = &r->w.rng;
	lan_time now = sim_now(r->w.sim);

	for (int i = 0; i < r->w.n_m; i++) {
		bool later = r->comings && rng_below(g, 3) == 0;

		if (later)
			sim_at(r->w.sim, now + rng_below(g, r->length), back, r, (uint64_t)i);
		else
			cworld_start(&r->w, i);
	}
	if (r->comings) {
		some(r, rng_below(g, 2) ? (uint64_t)r->w.n_m : 0, go, true);
		some(r, rng_below(g, 3) ? 0 : 2, part, false);
	}
	if (r->naps)
		some(r, (uint64_t)r->w.n_m, nap, true);
	if (!r->w.calm && rng_below(g, 3) == 0)
		some(r, 3, rotate, false);
	if (r->attack_rate)
		r->w.attack = cattack_new(&r->w, r->attack_rate);
}

static void end_faults(struct crun *r)
{
	static const struct dgram_faults none = {0};
	struct sim *sim = r->w.sim;

	r->over = true;
	sim_note(sim, "faults are over");
	heal(r, 0);
	if (r->w.attack)
		cattack_stop(r->w.attack);
	dgram_set_faults(r->w.net, &none);
	for (int i = 0; i < r->w.n_m; i++) {
		dgram_set_loss(r->w.net, i, 0);
		r->w.m[i].sips = 0;
		cworld_start(&r->w, i);
	}
}

static bool all_sent(struct crun *r)
{
	for (int i = 0; i < r->w.n_m; i++)
		if (r->w.m[i].to_send)
			return false;
	return true;
}

/* Members that are gone are given up after a minute: that long it may take. */
static void settle_debts(struct crun *r)
{
	struct sim *sim = r->w.sim;
	lan_time bound = sim_now(sim) + LAN_SEC(100);

	while (!sim_failure(sim) && !cledger_done(&r->w, sim_now(sim) > bound))
		sim_run(sim, sim_now(sim) + LAN_MS(200));
}

static void to_the_end(struct crun *r)
{
	struct sim *sim = r->w.sim;
	lan_time end = sim_now(sim) + r->length;

	sim_run(sim, end);
	while (!sim_failure(sim) && r->patient && !all_sent(r) && sim_now(sim) < end + LAN_SEC(60))
		sim_run(sim, sim_now(sim) + LAN_MS(100));
	end_faults(r);
	if (r->w.attack) /* what he has sent for later */
		sim_run(sim, sim_now(sim) + LAN_SEC(5));
	settle_debts(r);
}

static void to_silence(struct crun *r)
{
	struct cworld *w = &r->w;
	lan_time pause = r->presence * (w->n_m > 16 ? (uint64_t)w->n_m : 16) / 16;
	uint64_t talkers = 0, most;

	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(4) + 2 * pause);
	if (w->small_table) /* who is not heard confirms for nothing, again and again */
		return;
	w->quiet = true;
	sim_run(w->sim, sim_now(w->sim) + 4 * pause);
	for (int i = 0; i < w->n_m; i++)
		talkers += !w->m[i].cfg.silent;
	most = talkers * 6 + 1; /* jittered by a quarter */
	if (sim_failure(w->sim))
		return;
	if (w->quiet_presence > most || w->quiet_presence < 3 * talkers)
		sim_fail(w->sim, "%llu announcements of %llu members in four pauses",
			(unsigned long long)w->quiet_presence, (unsigned long long)talkers);
	w->quiet = false;
	settle_debts(r); /* of a former life that was replayed: its end is noticed late */
	if (!sim_failure(w->sim))
		ctap_budgets(w);
}

static void add_up(struct crun *r, struct chan_sum *sum)
{
	struct cworld *w = &r->w;

	sum->runs++;
	sum->hash = (sum->hash ^ dgram_hash(w->net)) * 0x100000001b3u;
	sum->sent += w->sent;
	sum->delivered += w->delivered;
	sum->lost += w->lost;
	sum->taken += dgram_taken(w->net);
	sum->events += sim_events(w->sim);
	sum->restarts += r->restarts;
	sum->rotations += r->rotations;
	for (int i = 0; i < 8; i++)
		sum->wire[i] += w->wire[i];
	sum->virtual_s += (double)sim_now(w->sim) / 1e9;
}

bool chan_campaign_run(const struct chan_campaign *c, uint64_t seed, struct chan_sum *sum)
{
	struct crun r = {.c = c};
	bool ok;

	chan_draw(&r, seed);
	plan(&r);
	to_the_end(&r);
	if (!sim_failure(r.w.sim))
		to_silence(&r);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		fprintf(stderr, "replay: sim_channel --seed %llu --verbose\n", (unsigned long long)seed);
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	add_up(&r, sum);
	cattack_free(r.w.attack);
	cworld_fini(&r.w);
	return ok;
}
