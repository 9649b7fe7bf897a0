/*
 * serpy_app.c - the applications of the world as far as they pull events: all
 * at once, or little by little, or not at all for a while; connections are held
 * and let go, finished, dropped. A server says who is at the other end of a
 * connection by the name the simulator gave it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serpy_world.h"

#define ULL(x) ((unsigned long long)(x))
#define BUFFER (256u << 10) /* what one read may bring beyond a limit */

struct slink *slink_find(struct sparty *p, uint64_t conn)
{
	for (uint32_t i = p->n_links; i--;)
		if (p->link[i].conn == conn)
			return &p->link[i];
	return NULL;
}

struct slink *slink_new(struct sparty *p, uint64_t conn)
{
	if (p->n_links == p->cap_links) {
		p->cap_links = p->cap_links ? 2 * p->cap_links : 4;
		p->link = realloc(p->link, p->cap_links * sizeof *p->link);
		if (!p->link)
			abort();
	}
	p->link[p->n_links] = (struct slink){
		.conn = conn, .recv = -1, .flow = -1, .peer = -1, .send_at = LAN_NEVER, .last_mode = -1};
	return &p->link[p->n_links++];
}

void sapp_poke(void *world, uint64_t party)
{
	struct sworld *w = world;

	sim_poke(w->sim, w->p[party].node);
}

void sapp_nap(struct sparty *p, lan_time until)
{
	if (p->nap_until <= sim_now(p->w->sim)) {
		p->rx_at_nap = serpy_counters(p->core)->v[SERPY_C_rx_bytes];
		p->napping = true;
	}
	p->nap_until = until;
	sim_at(p->w->sim, until, sapp_poke, p->w, (uint64_t)p->self);
}

/* --- what is done to connections -------------------------------------------------------- */

struct let_go {
	struct sparty *p;
	uint32_t life;
	uint64_t conn;
};

static void let_go(struct sparty *p, uint32_t life, uint64_t conn)
{
	struct slink *l = p->core && p->life == life ? slink_find(p, conn) : NULL;

	if (!l || !l->held)
		return;
	l->held = false;
	if (serpy_hold(p->core, sim_now(p->w->sim), conn, false) != LAN_OK && l->up && p->server)
		sim_fail(p->w->sim, "%s cannot let go of connection %llu", p->name, ULL(conn));
	sim_poke(p->w->sim, p->node);
}

static void let_go_at(void *world, uint64_t arg)
{
	struct sworld *w = world;

	let_go(&w->p[arg & 0xff], (uint32_t)(arg >> 8 & 0xffff), arg >> 24);
}

void sapp_hold(struct sparty *p, uint64_t conn, lan_time until)
{
	struct slink *l = slink_find(p, conn);

	if (!l || l->held || serpy_hold(p->core, sim_now(p->w->sim), conn, true) != LAN_OK)
		return;
	sim_note(p->w->sim, "%s holds connection %llu", p->name, ULL(conn));
	l->held = p->held_once = true;
	sim_at(p->w->sim, until, let_go_at, p->w, (uint64_t)p->self | (uint64_t)p->life << 8 | conn << 24);
}

void sapp_finish(struct sparty *p, uint64_t conn)
{
	struct slink *l = slink_find(p, conn);

	if (!l || l->finishing || l->blob)
		return;
	l->finishing = true;
	l->to_send = 0;
	if (serpy_finish(p->core, sim_now(p->w->sim), conn) == LAN_OK) {
		sim_note(p->w->sim, "%s finishes connection %llu", p->name, ULL(conn));
		p->leaving |= !p->server;
	} else {
		l->finishing = false;
	}
	sim_poke(p->w->sim, p->node);
}

void sapp_drop(struct sparty *p, uint64_t conn)
{
	struct slink *l = slink_find(p, conn);

	if (!l || !l->up || l->dropped)
		return;
	l->dropped = serpy_drop(p->core, sim_now(p->w->sim), conn) == LAN_OK;
	if (l->dropped)
		sim_note(p->w->sim, "%s drops connection %llu", p->name, ULL(conn));
	sim_poke(p->w->sim, p->node);
}

/* --- events ------------------------------------------------------------------------------- */

/* "sim:NAME.LIFE#STREAM.USE" */
static void meet(struct sparty *p, struct slink *l, const char *peer)
{
	struct sworld *w = p->w;
	unsigned life = 0;
	char name[16] = "";

	if (sscanf(peer, "sim:%15[^.].%u#%31s", name, &life, l->key) != 3) {
		sim_fail(w->sim, "%s: a connection of \"%s\"", p->name, peer);
		return;
	}
	for (int i = 0; i < w->n_p; i++)
		if (strcmp(w->p[i].name, name) == 0)
			l->peer = i;
	l->raw = l->peer >= 0 && w->p[l->peer].raw;
	l->flow = sledger_flow(w, p->self, l->peer, l->conn);
	snprintf(w->flow[l->flow].key, sizeof w->flow[l->flow].key, "%s", l->key);
	l->recv = sledger_recv(w, -1);
	w->recv[l->recv].ordinal = (uint64_t)p->life << 32 | l->conn;
	for (int f = 0; f < w->n_flows; f++)
		if (w->flow[f].from == l->peer && w->flow[f].life == life)
			w->recv[l->recv].flow = f;
	l->to_send = (uint32_t)rng_below(&w->rng, p->to_send + 1);
}

static void on_up(struct sparty *p, const struct serpy_event *ev)
{
	struct slink *l = slink_find(p, ev->conn);
	struct sworld *w = p->w;

	if (p->server) {
		if (l || (p->n_links && ev->conn <= p->link[p->n_links - 1].conn)) {
			sim_fail(w->sim, "%s: connection %llu is new and has been there", p->name,
				ULL(ev->conn));
			return;
		}
		l = slink_new(p, ev->conn);
		meet(p, l, ev->peer);
	} else {
		if (l->up || ev->connects != p->ups + 1)
			sim_fail(w->sim, "%s is up again without having been down (%u connects)", p->name,
				ev->connects);
		l->recv = sledger_recv(w, -1);
		w->recv[l->recv].ordinal = ++w->ordinals;
		snprintf(
			l->key, sizeof l->key, "%s", strchr(ev->peer, '#') ? strchr(ev->peer, '#') + 1 : "?");
		p->ups++;
		w->connects++;
	}
	l->up = true;
	sim_note(w->sim, "%s: connection %llu is up (%s)", p->name, ULL(l->conn), ev->peer);
	if (l->to_send && !l->full)
		swrite_from(p, l, sim_now(w->sim) + rng_below(&w->rng, p->gap));
}

static void start_again(void *world, uint64_t arg)
{
	struct sworld *w = world;
	struct sparty *p = &w->p[arg & 0xff];

	if (p->life != arg >> 8)
		return;
	if (p->core && p->leaving &&
		serpy_pending(p->core)) { /* its connection ended, but it is not done yet */
		sim_at(w->sim, sim_now(w->sim) + LAN_MS(50), start_again, w, arg);
		return;
	}
	if (p->core)
		sworld_crash(w, p->self, SIM_FIN);
	sworld_start(w, p->self);
}

static void on_down(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;

	if (!l->up)
		sim_fail(w->sim, "%s: connection %llu ends that was not up", p->name, ULL(ev->conn));
	sim_note(w->sim, "%s: connection %llu is down: %s (%s)", p->name, ULL(ev->conn), ev->reason,
		lan_err_name(ev->err));
	if (w->calm && !l->raw && ev->err != LAN_OK && !w->polite)
		sim_fail(w->sim, "%s: connection %llu ended (%s), and nothing had happened", p->name,
			ULL(ev->conn), ev->reason);
	sledger_down(p, l, ev);
	l->up = false;
	l->asking = false;
	if (p->server) {
		l->to_send = 0;
		swrite_blob_over(l);
	} else if (p->leaving || p->cfg.once) {
		sim_at(w->sim, sim_now(w->sim) + 1 + rng_below(&w->rng, LAN_SEC(1)), start_again, w,
			(uint64_t)p->life << 8 | (uint64_t)p->self);
	}
	if (ev->err == LAN_OK)
		l->dropped = false;
}

static void on_writable(struct sparty *p, struct slink *l)
{
	if (!l->full && !p->w->memory_fails)
		sim_fail(p->w->sim, "%s is told WRITABLE without having been told FULL", p->name);
	l->full = false;
	swrite_from(p, l, sim_now(p->w->sim));
}

static void on_message(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;

	if (l->asking && (l->to_send || l->blob) && !l->full)
		swrite_from(p, l, sim_now(w->sim));
	l->asking = false;
	p->got += ev->kind == SERPY_MESSAGE || (ev->last && ev->err == LAN_OK);
	if (l->raw)
		return;
	if (ev->kind == SERPY_PIECE)
		sledger_piece(p, l, ev);
	else
		sledger_value(p, l, ev);
	if ((ev->kind == SERPY_PIECE && !ev->last) || !rng_ppm(&w->rng, p->reply_ppm) || l->finishing ||
		(p->server && !l->up))
		return;
	l->to_send++;
	if (l->send_at == LAN_NEVER && !l->full)
		swrite_from(p, l, sim_now(w->sim));
}

/* Events that are about no connection that the application knows. */
static bool about_none(struct sparty *p, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	const struct slink *l;

	switch (ev->kind) {
	case SERPY_UP:
		on_up(p, ev);
		return true;
	case SERPY_RETRY:
		l = slink_find(p, 0);
		if (p->server || (l->up && !p->held_once) || !ev->reason || ev->err == LAN_OK ||
			!ev->attempts)
			sim_fail(w->sim,
				"%s is told of an attempt that failed, in a wrong way (%s, %s, %u, up %d)",
				p->name, ev->reason ? ev->reason : "no reason", lan_err_name(ev->err),
				ev->attempts, l->up);
		return true;
	case SERPY_GAVE_UP:
		if (!p->cfg.retries && !p->cfg.once && !p->leaving)
			sim_fail(w->sim, "%s gave up and should not", p->name);
		sim_at(w->sim, sim_now(w->sim) + LAN_MS(1), start_again, w,
			(uint64_t)p->life << 8 | (uint64_t)p->self);
		return true;
	case SERPY_REFUSED:
		if (!p->server || !ev->reason || !ev->peer)
			sim_fail(w->sim, "%s is told of a refusal, in a wrong way", p->name);
		return true;
	default:
		return false;
	}
}

static void on_event(struct sparty *p, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct slink *l;

	if (about_none(p, ev))
		return;
	l = slink_find(p, ev->conn);
	if (!l) {
		sim_fail(w->sim, "%s: event %d of connection %llu, which is not known", p->name,
			(int)ev->kind, ULL(ev->conn));
		return;
	}
	switch (ev->kind) {
	case SERPY_DOWN:
		on_down(p, l, ev);
		break;
	case SERPY_MESSAGE:
	case SERPY_PIECE:
		on_message(p, l, ev);
		break;
	case SERPY_ACKED:
	case SERPY_EXPIRED:
	case SERPY_SENT:
		p->told_acked += ev->kind == SERPY_ACKED;
		p->told_expired += ev->kind == SERPY_EXPIRED;
		sledger_token(p, l, ev);
		break;
	case SERPY_LOST:
		sim_note(w->sim, "%s: %llu lost, %llu doubled, %llu unreached: %s", p->name, ULL(ev->lost),
			ULL(ev->doubled), ULL(ev->unreached), ev->reason);
		p->told_lost += ev->lost;
		p->told_doubled += ev->doubled;
		sledger_lost(p, l, ev);
		break;
	case SERPY_DAMAGED:
		if (!l->raw)
			sim_fail(w->sim, "%s: %llu bytes of one of ours were thrown away (%s)", p->name,
				ULL(ev->bytes), ev->reason);
		break;
	case SERPY_WRITABLE:
		on_writable(p, l);
		break;
	case SERPY_ASKED: /* the one who asked says nothing until it hears something */
		l->to_send++;
		swrite_from(p, l, sim_now(w->sim));
		break;
	default:
		sim_fail(w->sim, "%s: event %d", p->name, (int)ev->kind);
	}
}

/* A held connection may be pulled all the same, when it is asked for by its number. */
static void pull_held(struct sparty *p, lan_time now)
{
	struct serpy_event ev;

	for (uint32_t i = 0; i < p->n_links; i++) {
		uint64_t conn = p->link[i].conn;

		bool more = p->link[i].held && rng_below(&p->w->rng, 8) == 0;
		while (more && serpy_next(p->core, now, conn, &ev)) {
			more = ev.kind == SERPY_DOWN; /* with its account, or a crash may come in between */
			if (ev.conn != conn)
				sim_fail(p->w->sim, "%s asked for connection %llu and got %llu", p->name,
					ULL(conn), ULL(ev.conn));
			on_event(p, &ev);
		}
	}
}

/* What a connection that is held must not hand out; the rest is about what is sent. */
static bool is_input(enum serpy_event_kind kind)
{
	return kind == SERPY_UP || kind == SERPY_DOWN || kind == SERPY_MESSAGE || kind == SERPY_PIECE ||
	       kind == SERPY_ACKED || kind == SERPY_DAMAGED || kind == SERPY_ASKED;
}

/* Who does not pull does not read: no more than the configuration says. */
static void check_nap(struct sparty *p)
{
	uint64_t most = (p->cfg.max_events ? p->cfg.max_events : 4u << 20) + BUFFER;
	uint64_t came = serpy_counters(p->core)->v[SERPY_C_rx_bytes] - p->rx_at_nap;

	if (p->napping && came > most)
		sim_fail(p->w->sim, "%s: %llu bytes were read while it pulled nothing", p->name, ULL(came));
	p->napping = false;
}

static void pull_events(struct sparty *p, lan_time now)
{
	struct serpy_event ev;
	unsigned n = 0;

	if (now < p->nap_until)
		return;
	check_nap(p);
	while (!sim_failure(p->w->sim)) {
		bool ready = serpy_ops.ready(p->core), got;

		if (p->sips && n++ == p->sips) {
			if (ready)
				sapp_nap(p, now + 1 + rng_below(&p->w->rng, p->sip_pause));
			return;
		}
		got = serpy_event(p->core, now, &ev);
		if (got && !ready)
			sim_fail(p->w->sim, "%s: ready() says %d, serpy_event gives %d", p->name, ready, got);
		if (!got) {
			sledger_told(p);
			return;
		}
		if (is_input(ev.kind) && slink_find(p, ev.conn) && slink_find(p, ev.conn)->held)
			sim_fail(p->w->sim, "%s: event %d of connection %llu, which is held", p->name,
				(int)ev.kind, ULL(ev.conn));
		on_event(p, &ev);
	}
}

void sapp_release(struct sparty *p)
{
	void (*release)(void *ctx);
	void *ctx;

	while (serpy_released(p->core, &release, &ctx))
		release(ctx);
}

void sapp_pull(void *party, lan_time now)
{
	struct sparty *p = party;

	if (p->raw)
		return;
	pull_events(p, now);
	if (now >= p->nap_until)
		pull_held(p, now);
	swrite_due(p, now);
	sapp_release(p);
}
