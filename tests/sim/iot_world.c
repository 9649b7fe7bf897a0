/*
 * iot_world.c - parties: the real cores of src/proto/iot with an application
 * around each that writes lines, pulls events at its own pace and tells the
 * ledger about both.
 *
 * Writing without success is part of the model: FULL waits for WRITABLE,
 * NOTFOUND (a server that has not met the client) for UP, a dead party for its
 * restart. Nobody polls, so a forgotten event shows as a run that never ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "iot_world.h"

static void resume(struct world *w, int flow);

static void start_again(void *ctx, uint64_t party)
{
	world_start(ctx, (int)party);
}

static void *boot(void *ctx, const struct lan_env *env)
{
	struct party *p = ctx;
	enum lan_err err;

	p->inc++;
	p->asleep = false;
	p->up = 0;
	if (p->raw) {
		p->core = p->raw;
		err = LAN_OK;
	} else if (p->server) {
		struct iot_server *s = NULL;

		err = iot_server_new(env, &p->cfg, &s);
		p->core = s;
	} else {
		struct iot_client *c = NULL;

		err = iot_client_new(env, &p->cfg, &c);
		p->core = c;
	}
	if (err != LAN_OK) {
		sim_note(p->w->sim, "%s: %s", p->name, lan_err_text(err));
		p->core = NULL;
	}
	if (!p->core && p->w->oom)
		sim_at(p->w->sim, sim_now(p->w->sim) + LAN_MS(1), start_again, p->w, (uint64_t)p->self);
	return p->core;
}

static void bury(void *ctx, void *core)
{
	struct party *p = ctx;

	p->core = NULL;
	if (p->raw)
		raw_peer_fini(p->raw);
	else if (p->server)
		iot_server_free(core);
	else
		iot_client_free(core);
}

/* The client an event of party p is about; -1: none that exists. */
static int client_of_event(struct party *p, const struct iot_event *ev)
{
	if (!p->server)
		return p->self;
	for (int i = 0; i < p->w->n_p; i++)
		if (!p->w->p[i].server && p->w->p[i].of == p->self && strcmp(p->w->p[i].id, ev->id) == 0)
			return i;
	return -1;
}

static void about_link(struct party *p, struct party *c, const struct iot_event *ev)
{
	bool up = ev->kind == IOT_UP;

	sim_note(p->w->sim, "%s: %s %s%s%s", p->name, up ? "up" : "down", ev->id, up ? "" : ": ",
		up || !ev->reason ? "" : ev->reason);
	p->ups += up;
	p->downs += !up;
	if (p->server)
		c->server_sees_up = up;
	else
		c->up = up;
	if (up && p->server)
		resume(p->w, c->in);
}

static void event(struct party *p, const struct iot_event *ev)
{
	struct world *w = p->w;
	int ci = client_of_event(p, ev);
	struct party *c = ci < 0 ? NULL : &w->p[ci];

	p->refused += ev->kind == IOT_REFUSED;
	p->retries += ev->kind == IOT_RETRY;
	p->lost += ev->kind == IOT_LOST;
	p->all_up += ev->kind == IOT_ALL_UP;
	p->first_failed += ev->kind == IOT_FIRST_FAILED;
	p->writable += ev->kind == IOT_WRITABLE;
	if (w->on_event)
		w->on_event(w->ctx, p, ev);
	if (!c) {
		if (!w->oom && (ev->kind == IOT_MESSAGE || ev->kind == IOT_ACKED || ev->kind == IOT_LOST))
			sim_fail(w->sim, "%s: an event of an unknown id \"%s\"", p->name, ev->id);
		return;
	}
	if (ev->kind == IOT_UP || ev->kind == IOT_DOWN)
		about_link(p, c, ev);
	else if (ev->kind == IOT_MESSAGE)
		ledger_seen(&w->f[p->server ? c->out : c->in], ev->line, ev->len);
	else if (ev->kind == IOT_ACKED)
		ledger_acked(&w->f[p->server ? c->in : c->out], ev->token);
	else if (ev->kind == IOT_LOST)
		ledger_lost(&w->f[p->server ? c->in : c->out], ev->token);
	else if (ev->kind == IOT_WRITABLE)
		resume(w, p->server ? c->in : c->out);
}

static void drain(void *ctx, lan_time now)
{
	struct party *p = ctx;
	struct iot_event ev;

	while (!p->asleep && p->core && !p->raw) {
		memset(&ev, 0, sizeof ev);
		if (p->server ? !iot_server_event(p->core, now, &ev) : !iot_client_event(p->core, now, &ev))
			return;
		event(p, &ev);
		if (p->sips && rng_below(&p->w->rng, 64) == 0)
			world_nap(p->w, p->self, rng_below(&p->w->rng, p->w->T / 4));
	}
}

static void wake(void *ctx, uint64_t arg)
{
	struct party *p = &((struct world *)ctx)->p[arg >> 32];

	if ((uint32_t)p->naps != (uint32_t)arg)
		return;
	p->asleep = false;
	if (p->core)
		sim_poke(p->w->sim, p->node);
}

void world_nap(struct world *w, int party, lan_time d)
{
	struct party *p = &w->p[party];

	p->asleep = true;
	p->naps++;
	sim_at(w->sim, sim_now(w->sim) + d, wake, w, (uint64_t)party << 32 | (uint32_t)p->naps);
}

static void on_stream(void *ctx, uint32_t stream, int node, int peer, bool up)
{
	struct world *w = ctx;

	w->streams_up += up;
	w->p[node].streams += up;
	w->streams_down += !up;
	if (up && !w->p[node].server)
		w->p[node].id_sent = false;
}

void world_init(struct world *w, const struct sim_config *net, uint64_t seed, lan_time T)
{
	struct sim_config cfg = *net;

	memset(w, 0, sizeof *w);
	cfg.relay = cfg.relay ? cfg.relay : iot_relay;
	cfg.stream = on_stream;
	cfg.ctx = w;
	cfg.seed = seed;
	w->seed = seed;
	w->T = T;
	w->sim = sim_new(&cfg);
	rng_init(&w->rng, seed ^ 0x1057c0de);
}

void world_fini(struct world *w)
{
	sim_free(w->sim);
	for (int i = 0; i < w->n_f; i++)
		ledger_fini(&w->f[i]);
	for (int i = 0; i < w->n_p; i++) {
		free((void *)w->p[i].cfg.expect);
		if (w->p[i].raw)
			raw_peer_fini(w->p[i].raw);
		free(w->p[i].raw);
	}
	free(w->p);
	free(w->f);
	free(w->rules);
	free(w->wire);
	free(w->wire_text);
}

static struct party *party_new(struct world *w, const char *name, const struct iot_config *cfg)
{
	struct party *p;

	w->p = realloc(w->p, (size_t)(w->n_p + 1) * sizeof *w->p);
	if (!w->p)
		abort();
	p = &w->p[w->n_p];
	memset(p, 0, sizeof *p);
	p->w = w;
	p->self = w->n_p++;
	p->cfg = *cfg;
	p->of = p->in = p->out = -1;
	snprintf(p->name, sizeof p->name, "%s", name);
	return p;
}

int world_server(struct world *w, const char *name, const struct iot_config *cfg)
{
	struct party *p = party_new(w, name, cfg);

	p->server = true;
	return p->self;
}

int world_client(struct world *w, const char *name, const char *id, int server, const struct iot_config *cfg)
{
	struct party *p = party_new(w, name, cfg);

	snprintf(p->id, sizeof p->id, "%s", id);
	p->of = server;
	return p->self;
}

int world_raw(struct world *w, const char *name, int of)
{
	struct party *p = party_new(w, name, &(struct iot_config){0});

	p->raw = calloc(1, sizeof *p->raw);
	if (!p->raw)
		abort();
	p->of = of;
	p->server = of < 0;
	return p->self;
}

static void expect_clients(struct world *w, struct party *s)
{
	const char **ids = calloc((size_t)w->n_p, sizeof *ids);

	if (!ids)
		abort();
	for (int i = 0; i < w->n_p; i++)
		if (w->p[i].of == s->self && !w->p[i].raw)
			ids[s->cfg.n_expect++] = w->p[i].id;
	s->cfg.expect = ids;
}

void world_ready(struct world *w, bool expect_all)
{
	w->f = calloc((size_t)w->n_p * 2, sizeof *w->f);
	if (!w->f)
		abort();
	for (int i = 0; i < w->n_p; i++) {
		struct party *p = &w->p[i];
		struct sim_node_spec spec = {.name = p->name,
			.ops = p->raw      ? &raw_peer_ops
			       : p->server ? &iot_server_ops
					   : &iot_client_ops,
			.ctx = p,
			.boot = boot,
			.bury = bury,
			.drain = drain,
			.dials = p->of};

		p->node = sim_add(w->sim, &spec);
		if (p->server) {
			if (expect_all && !p->raw)
				expect_clients(w, p);
			continue;
		}
		p->cfg.id = p->id;
		p->out = w->n_f++;
		p->in = w->n_f++;
		w->f[p->out] = (struct flow){.w = w, .from = i, .to = p->of, .last_seen = -1};
		w->f[p->in] = (struct flow){.w = w, .from = p->of, .to = i, .last_seen = -1};
	}
}

void world_start(struct world *w, int party)
{
	sim_start(w->sim, w->p[party].node);
	for (int i = 0; i < w->n_f && w->p[party].core; i++)
		if (w->f[i].from == party)
			resume(w, i);
}

void world_crash(struct world *w, int party, enum sim_how how)
{
	struct party *p = &w->p[party];

	if (!p->core)
		return;
	for (int i = 0; i < w->n_f; i++) {
		if (w->f[i].from == party)
			ledger_sender_died(&w->f[i]);
		if (w->f[i].to == party)
			ledger_receiver_died(&w->f[i]);
	}
	for (int i = 0; i < w->n_p; i++)
		if (w->p[i].of == party)
			w->p[i].server_sees_up = false;
	p->up = 0;
	sim_crash(w->sim, p->node, how);
}

enum lan_err world_write(struct world *w, int flow, const char *text, size_t len, unsigned flags)
{
	struct flow *f = &w->f[flow];
	struct party *p = &w->p[f->from];
	uint64_t token = 0;
	enum lan_err err;

	if (!p->core || p->raw)
		return LAN_ERR_CLOSED;
	err = p->server ? iot_server_write(p->core, sim_now(w->sim), w->p[f->to].id, text, len, flags, &token)
			: iot_client_write(p->core, sim_now(w->sim), text, len, flags, &token);
	if (err == LAN_OK)
		ledger_wrote(f, text, len, flags, token);
	sim_poke(w->sim, p->node);
	return err;
}

/* A line of its own for each number: tag, number, life, filler. */
static size_t make_line(struct flow *f, char *buf, size_t max)
{
	struct rng *g = &f->w->rng;
	int n = snprintf(buf, max, "%c%u/%u ", f->tag, f->n, f->w->p[f->from].inc);
	size_t more = rng_below(g, 100) == 0 ? rng_below(g, f->max_len) : rng_below(g, 12);
	size_t len = (size_t)n;

	for (; more && len < max - 1; more--, len++)
		buf[len] = "0123456789abcdef{}[]\", x"[(f->n + len) % 24];
	buf[len] = 0;
	return len;
}

static void writer(void *ctx, uint64_t flow)
{
	struct world *w = ctx;
	struct flow *f = &w->f[flow];
	uint64_t burst = 1 + rng_below(&w->rng, f->burst_max);
	char buf[9000];

	f->writer_waits = false;
	while (f->to_write && burst--) {
		unsigned flags = f->mode(&w->rng);
		size_t len = make_line(f, buf, sizeof buf);
		enum lan_err err = world_write(w, (int)flow, buf, len, flags);

		if (err == LAN_ERR_FULL || err == LAN_ERR_NOTFOUND || err == LAN_ERR_CLOSED) {
			f->writer_waits = true;
			return;
		}
		if (err != LAN_OK && !(err == LAN_ERR_NOMEM && w->oom)) {
			sim_fail(w->sim, "%s: write: %s", w->p[f->from].name, lan_err_text(err));
			return;
		}
		f->to_write -= err == LAN_OK;
	}
	if (f->to_write)
		sim_at(w->sim, sim_now(w->sim) + rng_below(&w->rng, f->gap), writer, w, flow);
}

void world_write_from(struct world *w, int flow, lan_time at)
{
	sim_at(w->sim, at, writer, w, (uint64_t)flow);
}

static void resume(struct world *w, int flow)
{
	if (!w->f[flow].writer_waits)
		return;
	w->f[flow].writer_waits = false;
	sim_at(w->sim, sim_now(w->sim), writer, w, (uint64_t)flow);
}

struct iot_status world_status(struct world *w, int client, bool of_server)
{
	struct party *c = &w->p[client], *s = &w->p[c->of];
	struct iot_status st = {0};

	if (c->raw || s->raw)
		return st;
	if (!of_server && c->core)
		iot_client_status(c->core, &st);
	else if (of_server && s->core && iot_server_status(s->core, c->id, &st) != LAN_OK)
		st.up = false;
	return st;
}

size_t world_pending(struct world *w, int party)
{
	struct party *p = &w->p[party];

	return !p->core || p->raw ? 0 : p->server ? iot_server_pending(p->core) : iot_client_pending(p->core);
}

bool world_agree_up(struct world *w, int client)
{
	return world_status(w, client, false).up && world_status(w, client, true).up && w->p[client].up &&
	       w->p[client].server_sees_up;
}
