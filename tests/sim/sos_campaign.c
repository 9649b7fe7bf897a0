/*
 * sos_campaign.c - one run: masters and slaves on networks that lose, double and delay; slaves reboot, move
 * and lose their carrier, masters restart, processes stop, somebody forges. Meanwhile the applications ask,
 * set and observe. The ledger checks what must never happen at every step. Here is what must happen in the
 * end: all are associated within a bounded time, every request has its outcome, every observer knows the last
 * value, every slave answers everything; then the networks fall silent but for Hello and renewals. The seed
 * decides all else.
 */
#include <stdio.h>
#include <string.h>
#include "sos_draw.h"

static lan_time within(struct srun *r, lan_time d)
{
	return sim_now(r->w.sim) + rng_below(&r->w.rng, d);
}

/* --- lives -------------------------------------------------------------------------- */

static void slave_back(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	sworld_start_slave(&r->w, (int)i);
}

static void master_back(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	if (!r->w.over || i == 0)
		sworld_start_master(&r->w, (int)i);
}

static void slave_reboots(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	if (r->w.over)
		return;
	sworld_crash_slave(&r->w, (int)i);
	r->n_restarts++;
	if (r->moves && rng_below(&r->w.rng, 2))
		sworld_move(&r->w, (int)i);
	sim_at(r->w.sim, within(r, rng_below(&r->w.rng, 2) ? LAN_MS(100) : LAN_SEC(20)), slave_back, r, i);
}

static void master_restarts(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	if (r->w.over)
		return;
	sworld_crash_master(&r->w, (int)i);
	r->n_restarts++;
	sim_at(r->w.sim, within(r, rng_below(&r->w.rng, 2) ? LAN_MS(100) : LAN_SEC(20)), master_back, r, i);
}

static void slave_moves(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	if (!r->w.over)
		sworld_move(&r->w, (int)i);
}

static void joins(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	ep_group(r->w.net, r->w.slave[i].port, 0);
}

/* Out of reach, and nobody is told. */
static void leaves(void *ctx, uint64_t i)
{
	struct srun *r = ctx;

	if (r->w.over)
		return;
	ep_group(r->w.net, r->w.slave[i].port, 1);
	sim_at(r->w.sim, within(r, LAN_SEC(20)), joins, r, i);
}

static void carrier(struct srun *r, int m, int seg, bool up)
{
	struct sw_master *d = &r->w.master[m];
	const struct sw_segment *s = &r->w.seg[seg];
	enum lan_err e;

	ep_carrier(r->w.net, d->port[seg], up);
	if (!d->core)
		return;
	e = sos_master_link(d->core, sim_now(r->w.sim), (uint32_t)seg + 1, s->mtu, s->overhead, up);
	if (e)
		sim_fail(r->w.sim, "%s: sos_master_link says %s", d->name, lan_err_name(e));
	sim_note(r->w.sim, "%s: network %d is %s", d->name, seg + 1, up ? "up" : "down");
	sworld_poke_master(d);
}

static void plugged(void *ctx, uint64_t arg)
{
	struct srun *r = ctx;
	int m = (int)(arg >> 8);

	if (ep_paused(r->w.net, r->w.master[m].node)) /* it will hear of it */
		sim_at(r->w.sim, sim_now(r->w.sim) + LAN_MS(500), plugged, r, arg);
	else
		carrier(r, m, (int)(arg & 255), true);
}

static void unplugged(void *ctx, uint64_t m)
{
	struct srun *r = ctx;
	uint64_t seg = rng_below(&r->w.rng, (uint64_t)r->w.n_seg);

	if (r->w.over || ep_paused(r->w.net, r->w.master[m].node))
		return;
	carrier(r, (int)m, (int)seg, false);
	sim_at(r->w.sim, within(r, LAN_SEC(10)), plugged, r, m << 8 | seg);
}

static void stops(void *ctx, uint64_t node)
{
	struct srun *r = ctx;

	if (!r->w.over && ep_up(r->w.net, (int)node))
		ep_pause(r->w.net, (int)node, within(r, LAN_SEC(8)));
}

/* --- applications ---------------------------------------------------------------------- */

static void asks(void *ctx, uint64_t m)
{
	static const struct {
		enum sw_resource res;
		uint8_t code;
	} what[] = {{SW_U, COAP_GET}, {SW_U, COAP_GET}, {SW_C, COAP_GET}, {SW_C, COAP_GET}, {SW_C, COAP_GET},
		{SW_C, COAP_PUT}, {SW_P, COAP_POST}, {SW_P, COAP_POST}, {SW_B, COAP_GET}};
	struct srun *r = ctx;
	int slave = (int)rng_below(&r->w.rng, (uint64_t)r->w.n_slave);
	uint64_t n = rng_below(&r->w.rng, 4) ? 1 : 1 + rng_below(&r->w.rng, 6);

	for (; n; n--) {
		uint64_t x = rng_below(&r->w.rng, sizeof what / sizeof *what);

		sask(&r->w.master[m], slave, what[x].res, what[x].code);
	}
}

static void watches(void *ctx, uint64_t slave)
{
	struct srun *r = ctx;
	struct sw_master *m = &r->w.master[rng_below(&r->w.rng, (uint64_t)r->w.n_master)];

	if (m->watch[slave].on && rng_below(&r->w.rng, 2))
		sask_unwatch(m, (int)slave);
	else
		sask_watch(m, (int)slave);
}

static void changes(void *ctx, uint64_t slave)
{
	struct srun *r = ctx;

	sapp_change(&r->w.slave[slave], rng_below(&r->w.rng, 4)   ? SW_V
					: rng_below(&r->w.rng, 2) ? SW_C
								  : SW_B);
}

static void some(struct srun *r, uint64_t most, void (*what)(void *, uint64_t), uint64_t of)
{
	for (uint64_t n = rng_below(&r->w.rng, most + 1); n; n--)
		sim_at(r->w.sim, within(r, r->length), what, r, rng_below(&r->w.rng, of));
}

static void plan(struct srun *r)
{
	uint64_t slaves = (uint64_t)r->w.n_slave, masters = (uint64_t)r->w.n_master;
	bool calm = r->story == SS_CALM;

	for (uint64_t i = 0; i < masters; i++)
		sim_at(r->w.sim, within(r, calm ? LAN_SEC(1) : LAN_SEC(8)), master_back, r, i);
	for (uint64_t i = 0; i < slaves; i++)
		sim_at(r->w.sim, within(r, calm ? LAN_SEC(1) : r->length / 2), slave_back, r, i);
	some(r, 2 * r->asks, asks, masters);
	some(r, slaves + 2, watches, slaves);
	some(r, 3 * slaves + 10, changes, slaves);
	if (r->lives)
		some(r, slaves + 1, slave_reboots, slaves);
	if (r->moves)
		some(r, slaves, slave_moves, slaves);
	if (r->restarts)
		some(r, 3, master_restarts, masters);
	if (r->flaps) {
		some(r, slaves, leaves, slaves);
		some(r, 2, unplugged, masters);
	}
	if (r->pauses)
		some(r, slaves, stops, slaves + masters);
	if (r->hostile_rate)
		r->w.hostile = shostile_new(&r->w, r->hostile_rate);
}

/* --- the end ------------------------------------------------------------------------------ */

static void end_faults(struct srun *r)
{
	static const struct ep_faults none = {0};
	struct sworld *w = &r->w;

	sim_run(w->sim, sim_now(w->sim) + r->length);
	w->over = true;
	if (w->hostile)
		shostile_stop(w->hostile);
	ep_set_faults(w->net, &none);
	ep_in_order(w->net);
	sim_note(w->sim, "faults are over");
	for (int i = 1; i < w->n_master; i++) /* who has two masters has none in peace */
		sworld_crash_master(w, i);
	for (int i = 0; i < w->n_slave; i++)
		ep_group(w->net, w->slave[i].port, 0);
	for (int i = 0; i < w->n_slave + w->n_master; i++)
		if (ep_paused(w->net, i))
			ep_pause(w->net, i, sim_now(w->sim));
	for (int i = 0; i < w->n_seg; i++)
		carrier(r, 0, i, true);
	sworld_start_master(w, 0);
	for (int i = 0; i < w->n_slave; i++)
		sworld_start_slave(w, i);
	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(6)); /* more than any delay */
}

static void settle(struct srun *r, bool (*done)(struct sworld *, bool), lan_time bound, struct sos_sum *sum)
{
	struct sim *sim = r->w.sim;
	lan_time begin = sim_now(sim);

	while (!sim_failure(sim) && !done(&r->w, sim_now(sim) > begin + bound))
		sim_run(sim, sim_now(sim) + LAN_MS(200));
	if (done == sledger_agreed && sum->slowest < sim_now(sim) - begin)
		sum->slowest = sim_now(sim) - begin;
}

/* Whoever was observed is, and everything changes once more in half of the runs. */
static void observe_all(struct srun *r)
{
	bool more = rng_below(&r->w.rng, 2);

	for (int i = 0; i < r->w.n_slave; i++) {
		if (rng_below(&r->w.rng, 2))
			sask_watch(&r->w.master[0], i);
		if (more)
			sim_at(r->w.sim, within(r, LAN_SEC(3)), changes, r, (uint64_t)i);
	}
	sim_run(r->w.sim, sim_now(r->w.sim) + LAN_SEC(3));
}

/* Nothing is lost any more: what changes is known at once. */
static void tell_all(struct srun *r)
{
	for (int i = 0; i < r->w.n_slave; i++)
		sapp_change(&r->w.slave[i], SW_V);
	sim_run(r->w.sim, sim_now(r->w.sim) + LAN_SEC(5));
	if (!sim_failure(r->w.sim))
		(void)sledger_observed(&r->w, true);
}

/* Everybody answers everything, now that there are no faults. */
static void ask_all(struct srun *r)
{
	struct sworld *w = &r->w;

	w->calm = true;
	for (int i = 0; i < w->n_slave; i++) {
		sask(&w->master[0], i, SW_U, COAP_GET);
		sask(&w->master[0], i, SW_P, COAP_POST);
	}
	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(3));
	for (int i = 0; i < w->n_slave && i < 10; i++) {
		sask(&w->master[0], i, SW_C, COAP_GET);
		sask(&w->master[0], i, SW_B, COAP_GET);
	}
}

static void to_silence(struct srun *r)
{
	struct sworld *w = &r->w;
	lan_time span = 2 * r->cfg.hello + LAN_SEC(20);
	uint64_t hellos, discovers = 0, models = 0, watched = 0, lists = 0, noise;

	sim_run(w->sim, sim_now(w->sim) + LAN_SEC(5));
	for (int i = 0; i < w->n_slave; i++) {
		uint64_t renewals = 2 * span / LAN_SEC(w->slave[i].ttl) + 2;

		discovers += renewals;
		models += !sworld_is_ours(&w->slave[i]);
		lists += w->seg[w->slave[i].segment].radio ? 6 * renewals : 0; /* fetched by blocks */
		watched += w->master[0].watch[i].on ? 2 * renewals : 0;        /* observed anew */
	}
	hellos = 2 * (uint64_t)w->n_seg * (span / r->cfg.hello + 2);
	noise = 2 * (discovers + watched + lists) + hellos * models;
	w->hellos = w->discovers = w->noise = 0;
	w->quiet = true;
	sim_run(w->sim, sim_now(w->sim) + span);
	if (w->hellos > hellos || w->discovers > discovers || w->noise > noise)
		sim_fail(w->sim,
			"not quiet: %llu Hellos (%llu), %llu Discovers (%llu), %llu other messages (%llu)",
			(unsigned long long)w->hellos, (unsigned long long)hellos,
			(unsigned long long)w->discovers, (unsigned long long)discovers,
			(unsigned long long)w->noise, (unsigned long long)noise);
	if (w->hellos < 2 * (uint64_t)w->n_seg * (span / r->cfg.hello - 1))
		sim_fail(w->sim, "too quiet: %llu Hellos", (unsigned long long)w->hellos);
	if (!sim_failure(w->sim) && sledger_agreed(w, true) && sledger_answered(w, true))
		(void)sledger_observed(w, true);
}

static void add_up(struct srun *r, struct sos_sum *sum)
{
	struct sworld *w = &r->w;

	sum->runs++;
	sum->hash = (sum->hash ^ ep_hash(w->net)) * 0x100000001b3u;
	sum->slaves += (uint64_t)w->n_slave;
	sum->asked += w->asked;
	sum->answered += w->answered;
	sum->failures += w->failed;
	sum->cached += w->cached;
	sum->validated += w->validated;
	sum->notified += w->notified;
	sum->associated += w->associated;
	sum->wire += w->wire;
	sum->given += ep_given(w->net);
	sum->events += sim_events(w->sim);
	sum->restarts += r->n_restarts;
	sum->virtual_s += (double)sim_now(w->sim) / 1e9;
}

static void run(struct srun *r, struct sos_sum *sum)
{
	struct sim *sim = r->w.sim;
	lan_time answers = (r->cfg.queue + 2) * r->cfg.give_up;

	plan(r);
	end_faults(r);
	settle(r, sledger_agreed, r->bound, sum);
	/* what an attacker or another master said holds until all are associated anew */
	if ((r->w.hostile || r->w.n_master > 1) && !sim_failure(sim)) {
		sim_run(sim, sim_now(sim) + LAN_SEC(r->max_ttl));
		settle(r, sledger_agreed, r->bound, sum);
	}
	settle(r, sledger_answered, answers, sum);
	if (!sim_failure(sim))
		observe_all(r);
	settle(r, sledger_observed, r->bound + LAN_SEC(60), sum);
	if (!sim_failure(sim))
		tell_all(r);
	if (!sim_failure(sim))
		ask_all(r);
	settle(r, sledger_answered, answers, sum);
	if (!sim_failure(sim))
		to_silence(r);
	sledger_tables(&r->w);
}

bool sos_campaign_run(const struct sos_campaign *c, uint64_t seed, struct sos_sum *sum)
{
	static struct srun r; /* large */
	bool ok;

	memset(&r, 0, sizeof r);
	r.c = c;
	sos_draw(&r, seed);
	run(&r, sum);
	ok = !sim_failure(r.w.sim);
	if (!ok && c->dump) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, sim_failure(r.w.sim));
		if (!c->verbose)
			sim_dump(r.w.sim, c->dump);
		else
			sledger_dump(&r.w);
		fprintf(stderr, "replay: sim_sos --seed %llu --verbose\n", (unsigned long long)seed);
	}
	if (!ok && !sum->failed++)
		sum->first_failed = seed;
	add_up(&r, sum);
	shostile_free(r.w.hostile);
	sworld_fini(&r.w);
	return ok;
}
