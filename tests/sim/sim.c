/*
 * sim.c - the simulator's clock, its nodes and the pump that plays driver.
 *
 * Every event touches at most one node's core; then that node is pumped: its
 * events are pulled, its wants served, its next tick armed. No core is ever
 * called from inside another core's call, as with real drivers. Unless `plain`,
 * ticks also come late and without reason: proto.h says that is harmless.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_impl.h"

#define SPIN_LIMIT 1000

void *xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n);

	if (!q) {
		fputs("sim: out of memory\n", stderr);
		abort();
	}
	return q;
}

static bool ev_before(const struct ev *a, const struct ev *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void ev_new(struct sim *s, const struct ev *e)
{
	if (s->n_ev == s->cap_ev) {
		s->cap_ev = s->cap_ev ? 2 * s->cap_ev : 64;
		s->heap = xrealloc(s->heap, s->cap_ev * sizeof *s->heap);
	}
	size_t i = s->n_ev++;

	while (i > 0 && ev_before(e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = *e;
}

static struct ev ev_pop(struct sim *s)
{
	struct ev top = s->heap[0], last = s->heap[--s->n_ev];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= s->n_ev)
			break;
		if (c + 1 < s->n_ev && ev_before(&s->heap[c + 1], &s->heap[c]))
			c++;
		if (!ev_before(&s->heap[c], &last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	if (s->n_ev)
		s->heap[i] = last;
	return top;
}

void ev_push(
	struct sim *s, lan_time at, enum ev_kind kind, uint32_t a, uint32_t b, uint32_t gen, uint64_t arg)
{
	ev_new(s, &(struct ev){
			  .at = at, .seq = s->seq++, .kind = kind, .a = a, .b = b, .gen = gen, .arg = arg});
}

void sim_at(struct sim *s, lan_time at, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg)
{
	ev_new(s, &(struct ev){.at = at < s->now ? s->now : at,
			  .seq = s->seq++,
			  .kind = EV_CALL,
			  .fn = fn,
			  .ctx = ctx,
			  .arg = arg});
}

struct sim *sim_new(const struct sim_config *cfg)
{
	struct sim *s = xrealloc(NULL, sizeof *s);

	memset(s, 0, sizeof *s);
	s->cfg = *cfg;
	s->now = LAN_SEC(1); /* 0 is a value cores may use for "never happened" */
	s->hash = 0xcbf29ce484222325u;
	rng_init(&s->rng, cfg->seed);
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i]->core)
			s->nodes[i]->spec.bury(s->nodes[i]->spec.ctx, s->nodes[i]->core);
		free(s->nodes[i]->streams);
		free(s->nodes[i]);
	}
	for (uint32_t i = 0; i < s->n_streams; i++)
		stream_free(s->streams[i]);
	free(s->nodes);
	free(s->streams);
	free(s->free_streams);
	free(s->dirty);
	free(s->heap);
	free(s->failure);
	free(s);
}

static void node_entropy(void *ctx, void *buf, size_t n)
{
	struct node *d = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)rng_next(&d->rng);
}

static void node_trace(void *ctx, const struct lan_trace *t)
{
	struct node *d = ctx;

	if (t->kind == LAN_TRACE_STATE)
		sim_note(d->sim, "%s: %s %s -> %s (%.*s)", d->spec.name, t->what, t->from ? t->from : "-",
			t->to ? t->to : "-", (int)t->a_len, t->a ? (const char *)t->a : "");
	else if (t->kind == LAN_TRACE_REFUSED)
		sim_note(d->sim, "%s: refused: %s", d->spec.name, t->what);
}

int sim_add(struct sim *s, const struct sim_node_spec *spec)
{
	struct node *d = xrealloc(NULL, sizeof *d);

	memset(d, 0, sizeof *d);
	d->spec = *spec;
	d->sim = s;
	d->armed = LAN_NEVER;
	d->env = (struct lan_env){
		.ctx = d, .entropy = node_entropy, .trace = s->cfg.verbose ? node_trace : NULL};
	rng_init(&d->rng, rng_next(&s->rng));
	s->nodes = xrealloc(s->nodes, (size_t)(s->n_nodes + 1) * sizeof(struct node *));
	s->dirty = xrealloc(s->dirty, (size_t)(s->n_nodes + 1) * sizeof *s->dirty);
	s->nodes[s->n_nodes] = d;
	return s->n_nodes++;
}

void node_dirty(struct sim *s, int node)
{
	if (s->nodes[node]->dirty || !s->nodes[node]->core)
		return;
	s->nodes[node]->dirty = true;
	s->dirty[s->n_dirty++] = node;
}

void sim_poke(struct sim *s, int node)
{
	node_dirty(s, node);
}

void sim_start(struct sim *s, int node)
{
	struct node *d = s->nodes[node];

	if (d->core)
		return;
	d->inc++;
	d->armed = LAN_NEVER;
	d->core = d->spec.boot(d->spec.ctx, &d->env);
	sim_note(s, "%s starts", d->spec.name);
	if (!d->core && !s->cfg.boot_may_fail)
		sim_fail(s, "%s could not be created", d->spec.name);
	node_dirty(s, node);
}

void sim_crash(struct sim *s, int node, enum sim_how how)
{
	struct node *d = s->nodes[node];

	if (!d->core)
		return;
	sim_note(s, "%s ends", d->spec.name);
	while (d->n_streams) {
		uint32_t id = d->streams[d->n_streams - 1];
		int end = stream_of(s, id)->end[0].node == node ? 0 : 1;

		if (how == SIM_SILENT)
			stream_silent(s, id, 1 - end);
		else if (how == SIM_FIN)
			relay_finish(s, id, end);
		stream_tell(s, id, 1 - end, how);
		stream_forget(s, id, end);
	}
	d->spec.bury(d->spec.ctx, d->core);
	d->core = NULL;
}

static void serve_want(struct sim *s, int node, const struct lan_want *w)
{
	int end = 0;
	uint32_t id;

	if (w->kind == LAN_WANT_DIAL) {
		stream_dial(s, node);
		return;
	}
	id = stream_find(s, node, w->conn, &end);
	if (id == UINT32_MAX) {
		sim_fail(s, "%s wants something (%d) of conn %u, which is not open",
			s->nodes[node]->spec.name, (int)w->kind, w->conn);
		return;
	}
	switch (w->kind) {
	case LAN_WANT_SEND:
		stream_flush(s, id, end);
		break;
	case LAN_WANT_READ:
		stream_read(s, id, end);
		break;
	case LAN_WANT_CLOSE:
		stream_closed(s, id, end);
		break;
	case LAN_WANT_FINISH:
		stream_finished(s, id, end);
		break;
	case LAN_WANT_DIAL:
		break;
	}
}

static void arm(struct sim *s, int node)
{
	struct node *d = s->nodes[node];
	lan_time at = d->spec.ops->deadline(d->core);

	if (at == LAN_NEVER)
		return;
	if (at < s->now)
		at = s->now;
	if (!s->cfg.plain && rng_below(&s->rng, 8) == 0)
		at += rng_below(&s->rng, LAN_US(500));
	if (at >= d->armed)
		return;
	d->armed = at;
	ev_push(s, at, EV_TICK, (uint32_t)node, 0, d->inc, 0);
}

static void pump(struct sim *s, int node)
{
	struct node *d = s->nodes[node];
	struct lan_want w;

	if (!s->cfg.plain && rng_below(&s->rng, 256) == 0)
		d->spec.ops->tick(d->core, s->now);
	for (bool more = true; more && d->core;) {
		more = false;
		d->spec.drain(d->spec.ctx, s->now);
		while (d->core && d->spec.ops->want(d->core, &w)) {
			more = true;
			serve_want(s, node, &w);
		}
	}
	if (d->core)
		arm(s, node);
}

static void tick(struct sim *s, const struct ev *e)
{
	struct node *d = s->nodes[e->a];

	if (!d->core || e->gen != d->inc || e->at != d->armed)
		return;
	d->armed = LAN_NEVER;
	d->ticks_at_once = d->last_tick == s->now ? d->ticks_at_once + 1 : 0;
	d->last_tick = s->now;
	if (d->ticks_at_once > SPIN_LIMIT) {
		sim_fail(s, "%s spins: its deadline stays in the past", d->spec.name);
		return;
	}
	if (d->spec.ops->deadline(d->core) <= s->now)
		d->spec.ops->tick(d->core, s->now);
	node_dirty(s, (int)e->a);
}

static void handle(struct sim *s, const struct ev *e)
{
	struct stream *t = NULL;

	switch (e->kind) {
	case EV_TICK:
		tick(s, e);
		return;
	case EV_CALL:
		e->fn(e->ctx, e->arg);
		return;
	case EV_DIAL:
		stream_dial_arrives(s, (int)e->a, e->gen);
		return;
	case EV_ARRIVE:
	case EV_FLUSH:
	case EV_RELEASE:
	case EV_END:
	case EV_DEAD:
	case EV_DIALLED:
		break;
	}
	if (e->kind == EV_DIALLED && e->a == UINT32_MAX) { /* a dial failed: nothing to look up */
		struct node *d = s->nodes[e->b];

		if (d->core && d->inc == e->gen) {
			uint32_t conn = LAN_NO_CONN;

			(void)d->spec.ops->open(d->core, s->now, (enum lan_err)e->arg, "sim", &conn);
			node_dirty(s, (int)e->b);
		}
		return;
	}
	t = stream_of(s, e->a);
	if (t->gen != e->gen)
		return;
	if (e->kind == EV_ARRIVE && t->dir[e->b].armed == e->at)
		stream_arrive(s, e->a, (int)e->b);
	else if (e->kind == EV_FLUSH && t->end[e->b].open)
		stream_flush(s, e->a, (int)e->b);
	else if (e->kind == EV_RELEASE)
		relay_release(s, e->a, (int)e->b, (uint32_t)e->arg);
	else if (e->kind == EV_END && t->end[e->b].open)
		stream_reset(s, e->a, (int)e->b);
	else if (e->kind == EV_DEAD && t->end[e->b].open)
		stream_dead(s, e->a, (int)e->b);
	else if (e->kind == EV_DIALLED)
		stream_dialled(s, e->a, e->b);
}

static void pump_all(struct sim *s)
{
	while (s->n_dirty && !s->failure) {
		int node = s->dirty[--s->n_dirty];

		s->nodes[node]->dirty = false;
		if (s->nodes[node]->core)
			pump(s, node);
	}
}

void sim_run(struct sim *s, lan_time until)
{
	s->stop = false;
	pump_all(s);
	while (s->n_ev && s->heap[0].at <= until && !s->stop && !s->failure) {
		struct ev e = ev_pop(s);

		s->now = e.at;
		s->handled++;
		handle(s, &e);
		pump_all(s);
	}
	if (!s->stop && !s->failure && s->now < until && until != LAN_NEVER)
		s->now = until;
}

void sim_stop(struct sim *s)
{
	s->stop = true;
}

void *sim_core(const struct sim *s, int node)
{
	return s->nodes[node]->core;
}

const char *sim_name(const struct sim *s, int node)
{
	return s->nodes[node]->spec.name;
}

lan_time sim_now(const struct sim *s)
{
	return s->now;
}

struct rng *sim_rng(struct sim *s)
{
	return &s->rng;
}

uint64_t sim_hash(const struct sim *s)
{
	return s->hash;
}

uint64_t sim_events(const struct sim *s)
{
	return s->handled;
}
