/*
 * serpy_world.c - the parties of the world and their lives, and what the network
 * does to their streams: each slice of bytes may be the last one, or be late, or
 * stand still; and a stream may be doomed from the beginning to end behind a
 * certain byte, so that every byte of a conversation gets its turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serpy_world.h"

#define ULL(x) ((unsigned long long)(x))

/* --- lives ---------------------------------------------------------------------------------- */

static void start_later(void *world, uint64_t party)
{
	sworld_start(world, (int)party);
}

static void new_life(struct sparty *p)
{
	struct slink *l;

	p->n_links = 0;
	p->leaving = p->held_once = false;
	p->ups = p->downs = 0;
	p->got = p->told_lost = p->told_doubled = p->told_acked = p->told_expired = 0;
	p->nap_until = 0;
	p->napping = false;
	if (p->server)
		return;
	l = slink_new(p, 0);
	l->peer = 0;
	l->flow = sledger_flow(p->w, p->self, 0, 0);
	l->to_send = p->to_send;
	swrite_from(p, l, sim_now(p->w->sim) + rng_below(&p->w->rng, p->gap));
}

static void *boot(void *ctx, const struct lan_env *env)
{
	struct sparty *p = ctx;
	struct serpy *s = NULL;

	if (p->raw)
		return p->raw;
	p->life++; /* as the simulator counts, the stillborn included */
	if (serpy_new(env, &p->cfg, &s) != LAN_OK) {
		if (p->w->memory_fails)
			sim_at(p->w->sim, sim_now(p->w->sim) + LAN_MS(1), start_later, p->w,
				(uint64_t)p->self);
		return NULL;
	}
	p->core = s;
	new_life(p);
	return s;
}

static void bury(void *ctx, void *core)
{
	struct sparty *p = ctx;

	if (p->raw)
		return;
	sledger_died(p);
	for (uint32_t i = 0; i < p->n_links; i++)
		swrite_blob_over(&p->link[i]);
	serpy_give_up(core);
	sapp_release(p);
	serpy_free(core);
	p->core = NULL;
	p->n_links = 0;
	if (p->refs)
		sim_fail(p->w->sim, "%s: %llu pieces of lent memory were not given back", p->name,
			ULL(p->refs));
}

void sworld_init(struct sworld *w, const struct sim_config *net, uint64_t seed)
{
	struct sim_config cfg = *net;

	memset(w, 0, sizeof *w);
	cfg.bytes = true;
	cfg.seed = seed;
	cfg.relay = sworld_relay;
	cfg.stream = sworld_stream;
	cfg.ctx = w;
	w->sim = sim_new(&cfg);
	rng_init(&w->rng, seed ^ 0x7365727079u);
	w->encoding = "utf-8";
	w->only_mode = -1;
	w->expect_of = -1;
	w->scratch = malloc(SW_LONGEST);
	w->expect = malloc(SW_LONGEST);
	if (!w->scratch || !w->expect)
		abort();
}

void sworld_fini(struct sworld *w)
{
	sim_free(w->sim);
	for (int i = 0; i < w->n_p; i++)
		free(w->p[i].link);
	for (int i = 0; i < w->n_flows; i++) {
		free(w->flow[i].msg);
		free(w->flow[i].span);
	}
	for (int i = 0; i < w->n_recvs; i++)
		free(w->recv[i].got);
	free(w->flow);
	free(w->recv);
	free(w->scratch);
	free(w->expect);
}

static struct sparty *add(struct sworld *w, const struct lan_stream_ops *ops, const char *name, int dials)
{
	struct sparty *p = &w->p[w->n_p];
	struct sim_node_spec spec = {.name = p->name,
		.ops = ops,
		.ctx = p,
		.boot = boot,
		.bury = bury,
		.drain = sapp_pull,
		.dials = dials};

	p->w = w;
	p->self = w->n_p++;
	p->gap = LAN_MS(1);
	snprintf(p->name, sizeof p->name, "%s%d", name, p->self);
	p->node = sim_add(w->sim, &spec);
	return p;
}

struct sparty *sworld_party(struct sworld *w, bool server, const struct serpy_config *cfg)
{
	struct sparty *p = add(w, &serpy_ops, server ? "server" : "c", server ? -1 : 0);

	p->server = server;
	p->cfg = *cfg;
	p->cfg.server = server;
	p->cfg.dialect = w->dialect;
	p->cfg.encoding = w->encoding;
	return p;
}

struct sparty *sworld_stranger(struct sworld *w, struct raw_peer *raw)
{
	struct sparty *p = add(w, &raw_peer_ops, "x", 0);

	p->raw = raw;
	return p;
}

void sworld_start(struct sworld *w, int party)
{
	sim_start(w->sim, w->p[party].node);
}

void sworld_crash(struct sworld *w, int party, enum sim_how how)
{
	sim_crash(w->sim, w->p[party].node, how);
}

/* --- the network ------------------------------------------------------------------------------ */

static enum sim_how any_how(struct rng *g)
{
	return (enum sim_how)rng_below(g, 3);
}

/* At least one end learns of a cut; the other may find out by itself. */
static struct sim_verdict cut_at(struct rng *g, uint64_t at, const char *why)
{
	struct sim_verdict v = {.cut = true, .cut_at = (uint32_t)at, .why = why};

	v.tell_sender = any_how(g);
	v.tell_receiver = any_how(g);
	return v;
}

static struct sim_verdict random_fault(struct sworld *w, size_t n)
{
	const struct sfaults *m = &w->im;
	struct rng *g = &w->rng;
	uint64_t x = rng_below(g, 1000000);

#define HIT(ppm) (x < (ppm) || (x -= (ppm), false))
	if (HIT(m->cut))
		return cut_at(g, rng_below(g, n + 1), "cut");
	if (HIT(m->half))
		return (struct sim_verdict){.cut = true,
			.cut_at = (uint32_t)rng_below(g, n + 1),
			.tell_sender = rng_below(g, 2) ? SIM_SILENT : SIM_RST,
			.tell_receiver = SIM_SILENT,
			.why = "half open from here"};
	if (HIT(m->hole))
		return (struct sim_verdict){.stall = LAN_NEVER, .why = "black hole from here"};
	if (HIT(m->stall))
		return (struct sim_verdict){.stall = 1 + rng_below(g, m->stall_max), .why = "stall"};
	if (HIT(m->delay))
		return (struct sim_verdict){.delay = 1 + rng_below(g, m->delay_max), .why = "late"};
#undef HIT
	return (struct sim_verdict){0};
}

struct sim_verdict sworld_relay(void *ctx, uint32_t stream, int from, const uint8_t *p, size_t n)
{
	struct sworld *w = ctx;
	int nodes[2];

	(void)p;
	w->wire_bytes += n;
	sim_stream_nodes(w->sim, stream, nodes);
	if (!w->faults || w->p[nodes[0]].raw)
		return (struct sim_verdict){0};
	for (uint32_t i = 0; i < w->n_doom; i++) {
		struct sdoom *d = &w->doom[i];

		if (d->stream != stream || d->from != from)
			continue;
		d->passed += n;
		if (d->passed < d->at)
			continue;
		d->v.cut_at = (uint32_t)(n - (d->passed - d->at));
		struct sim_verdict v = d->v;

		*d = w->doom[--w->n_doom];
		return v;
	}
	return random_fault(w, n);
}

/* A new stream may be doomed; what was meant for an old one of its number is void. */
void sworld_stream(void *ctx, uint32_t stream, int node, int peer, bool up)
{
	struct sworld *w = ctx;
	struct rng *g = &w->rng;

	(void)peer;
	if (up && !w->p[node].server) /* the accepting end is first to know */
		return;
	for (uint32_t i = 0; i < w->n_doom;)
		if (w->doom[i].stream == stream)
			w->doom[i] = w->doom[--w->n_doom];
		else
			i++;
	if (!up || !w->faults || !rng_ppm(g, w->doom_ppm) || w->n_doom == sizeof w->doom / sizeof *w->doom)
		return;
	w->doom[w->n_doom++] = (struct sdoom){.stream = stream,
		.from = (int)rng_below(g, 2),
		.at = rng_below(g, w->doom_max),
		.v = cut_at(g, 0, "cut, as meant from the beginning")};
}
