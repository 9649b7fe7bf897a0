/*
 * sim_stream.c - streams: TCP as an application sees it.
 *
 * Ordered bytes under a window; an end in good order arrives behind them, a
 * reset overtakes them and destroys what was not read. As the kernel does,
 * bytes that arrive at a closed end, or a close with unread bytes, reset the
 * other end. A stream whose relay is `dead` carries nothing more, but an end
 * that was not told goes on filling its window.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_impl.h"

struct stream *stream_of(struct sim *s, uint32_t id)
{
	return s->streams[id];
}

void sim_stream_nodes(const struct sim *s, uint32_t stream, int nodes[2])
{
	nodes[0] = s->streams[stream]->end[0].node;
	nodes[1] = s->streams[stream]->end[1].node;
}

uint32_t stream_find(struct sim *s, int node, uint32_t conn, int *end)
{
	struct node *d = s->nodes[node];

	for (size_t i = 0; i < d->n_streams; i++) {
		struct stream *t = s->streams[d->streams[i]];

		for (int e = 0; e < 2; e++)
			if (t->end[e].open && t->end[e].node == node && t->end[e].conn == conn) {
				*end = e;
				return d->streams[i];
			}
	}
	return UINT32_MAX;
}

/* The core of an end learns that its stream is over. */
static void tell_lost(struct sim *s, uint32_t id, int end, enum lan_err why)
{
	struct stream *t = s->streams[id];
	struct node *nd = s->nodes[t->end[end].node];
	const struct dir *d = &t->dir[end];

	if (nd->spec.ops->unreached)
		nd->spec.ops->unreached(
			nd->core, t->end[end].conn, d->fly.len - d->head - d->ready + d->lost);
	nd->spec.ops->lost(nd->core, s->now, t->end[end].conn, why);
	node_dirty(s, t->end[end].node);
}

static lan_time latency(struct sim *s)
{
	return s->cfg.latency + rng_below(&s->rng, s->cfg.jitter);
}

static uint32_t stream_new(struct sim *s)
{
	struct stream *t;

	if (!s->n_free) {
		uint32_t n = s->n_streams + 1;

		s->streams = xrealloc(s->streams, n * sizeof(struct stream *));
		s->free_streams = xrealloc(s->free_streams, n * sizeof *s->free_streams);
		s->streams[s->n_streams] = xrealloc(NULL, sizeof *t);
		memset(s->streams[s->n_streams], 0, sizeof *t);
		s->free_streams[s->n_free++] = s->n_streams++;
	}
	uint32_t id = s->free_streams[--s->n_free];

	t = s->streams[id];
	t->gen++;
	t->stall_until = t->broken_since = 0;
	t->dead = false;
	for (int i = 0; i < 2; i++) {
		struct dir *d = &t->dir[i];

		t->end[i] = (struct end){.conn = LAN_NO_CONN};
		d->line.len = d->fly.len = d->swapped.len = 0;
		d->head = d->ready = d->lost = d->p_head = d->p_len = 0;
		for (size_t h = 0; h < d->n_held; h++)
			d->held[h].id = 0;
		d->last_at = 0;
		d->armed = LAN_NEVER;
		d->fin_ready = false;
	}
	return id;
}

void stream_free(struct stream *t)
{
	for (int i = 0; i < 2; i++) {
		for (size_t h = 0; h < t->dir[i].n_held; h++)
			free(t->dir[i].held[h].line.p);
		free(t->dir[i].held);
		free(t->dir[i].line.p);
		free(t->dir[i].fly.p);
		free(t->dir[i].swapped.p);
		free(t->dir[i].pieces);
	}
	free(t);
}

/* Nobody is left who knows of the stream: its number is free again. */
static void release(struct sim *s, uint32_t id)
{
	struct stream *t = s->streams[id];

	if (t->end[0].open || t->end[1].open || t->dialling)
		return;
	t->gen++;
	s->free_streams[s->n_free++] = id;
}

static bool reachable(struct sim *s, int a, int b)
{
	return s->nodes[a]->group == s->nodes[b]->group;
}

/* Can this end not reach the system of the other? */
static bool out_of_reach(struct sim *s, const struct stream *t, int end)
{
	return t->end[end].untold || t->stall_until > s->now || !reachable(s, t->end[0].node, t->end[1].node);
}

static void probe(struct sim *s, uint32_t id, int end, lan_time at)
{
	if (s->cfg.dead_after && s->streams[id]->end[end].open)
		ev_push(s, at, EV_DEAD, id, (uint32_t)end, s->streams[id]->gen, 0);
}

static void attach(struct sim *s, uint32_t id, int end, uint32_t conn)
{
	struct stream *t = s->streams[id];
	struct node *d = s->nodes[t->end[end].node];

	if (d->n_streams == d->cap_streams) {
		d->cap_streams = d->cap_streams ? 2 * d->cap_streams : 4;
		d->streams = xrealloc(d->streams, d->cap_streams * sizeof *d->streams);
	}
	d->streams[d->n_streams++] = id;
	t->end[end].conn = conn;
	t->end[end].open = true;
	if (out_of_reach(s, t, end) || t->end[1 - end].gone)
		probe(s, id, end, s->now + s->cfg.dead_after);
	if (s->cfg.stream)
		s->cfg.stream(s->cfg.ctx, id, t->end[end].node, t->end[1 - end].node, true);
}

void stream_forget(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];
	struct node *d = s->nodes[t->end[end].node];

	if (!t->end[end].open)
		return;
	t->end[end].open = false;
	for (size_t i = 0; i < d->n_streams; i++)
		if (d->streams[i] == id) {
			d->streams[i] = d->streams[--d->n_streams];
			break;
		}
	if (s->cfg.stream)
		s->cfg.stream(s->cfg.ctx, id, t->end[end].node, t->end[1 - end].node, false);
	release(s, id);
}

static void dial_failed(struct sim *s, int node, enum lan_err why, lan_time after)
{
	ev_push(s, s->now + after, EV_DIALLED, UINT32_MAX, (uint32_t)node, s->nodes[node]->inc, why);
}

void stream_dial(struct sim *s, int node)
{
	ev_push(s, s->now + latency(s), EV_DIAL, (uint32_t)node, 0, s->nodes[node]->inc, 0);
}

void stream_dial_arrives(struct sim *s, int node, uint32_t inc)
{
	struct node *d = s->nodes[node], *to;
	uint32_t id, conn = LAN_NO_CONN;
	char peer[32];

	if (!d->core || d->inc != inc || d->spec.dials < 0)
		return;
	to = s->nodes[d->spec.dials];
	if (!reachable(s, node, d->spec.dials)) {
		dial_failed(s, node, LAN_ERR_TIMEOUT, s->cfg.dial_timeout);
		return;
	}
	if (!to->core) {
		dial_failed(s, node, LAN_ERR_REFUSED, latency(s));
		return;
	}
	id = stream_new(s);
	s->streams[id]->end[0].node = node;
	s->streams[id]->end[1].node = d->spec.dials;
	s->streams[id]->dialling = true;
	if (s->cfg.bytes)
		snprintf(peer, sizeof peer, "sim:%s.%u#%u.%u", d->spec.name, inc, id, s->streams[id]->gen);
	else
		snprintf(peer, sizeof peer, "sim:%s#%u", d->spec.name, (unsigned)id);
	if (to->spec.ops->open(to->core, s->now, LAN_OK, peer, &conn) == LAN_OK)
		attach(s, id, 1, conn);
	else
		stream_tell(s, id, 0, SIM_FIN);
	node_dirty(s, d->spec.dials);
	ev_push(s, s->now + latency(s), EV_DIALLED, id, inc, s->streams[id]->gen, 0);
}

/* The dialler hears that its stream is up - or is not there any more. */
void stream_dialled(struct sim *s, uint32_t id, uint32_t inc)
{
	struct stream *t = s->streams[id];
	int node = t->end[0].node;
	struct node *d = s->nodes[node];
	uint32_t conn = LAN_NO_CONN;
	char peer[32] = "sim:server";

	if (s->cfg.bytes)
		snprintf(peer, sizeof peer, "sim:server#%u.%u", id, t->gen);
	t->dialling = false;
	node_dirty(s, node);
	if (d->core && d->inc == inc && d->spec.ops->open(d->core, s->now, LAN_OK, peer, &conn) == LAN_OK) {
		attach(s, id, 0, conn);
		stream_read(s, id, 0);
		return;
	}
	stream_tell(s, id, 1, SIM_RST);
	release(s, id);
}

static void push_piece(struct sim *s, uint32_t id, int from, lan_time at, uint32_t len, bool fin)
{
	struct dir *d = &s->streams[id]->dir[from];

	if (d->p_head && d->p_head + d->p_len == d->p_cap) {
		memmove(d->pieces, d->pieces + d->p_head, d->p_len * sizeof *d->pieces);
		d->p_head = 0;
	}
	if (d->p_len == d->p_cap) {
		d->p_cap = d->p_cap ? 2 * d->p_cap : 8;
		d->pieces = xrealloc(d->pieces, d->p_cap * sizeof *d->pieces);
	}
	if (at < d->last_at)
		at = d->last_at;
	d->last_at = at;
	d->pieces[d->p_head + d->p_len++] = (struct piece){.at = at, .len = len, .fin = fin};
}

void carry(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n, lan_time late)
{
	struct stream *t = s->streams[id];
	struct dir *d = &t->dir[from];
	lan_time at = s->now + latency(s) + late;
	uint32_t first = (uint32_t)n;

	if (t->dead) {
		d->lost += n;
		return;
	}
	if (d->head && d->fly.len + n > d->fly.cap) {
		memmove(d->fly.p, d->fly.p + d->head, d->fly.len - d->head);
		d->fly.len -= d->head;
		d->head = 0;
	}
	buf_put(&d->fly, p, n);
	if (n > 1 && rng_ppm(&s->rng, s->cfg.split_ppm)) {
		first = 1 + (uint32_t)rng_below(&s->rng, n - 1);
		push_piece(s, id, from, at, first, false);
		at += rng_below(&s->rng, 2 * s->cfg.jitter + 1);
		first = (uint32_t)n - first;
	}
	push_piece(s, id, from, at, first, false);
	stream_rearm(s, id);
}

static void carry_fin(struct sim *s, uint32_t id, int from)
{
	push_piece(s, id, from, s->now + latency(s), 0, true);
	stream_rearm(s, id);
}

/* Arm each direction for its next piece, unless the stream stands still. */
void stream_rearm(struct sim *s, uint32_t id)
{
	struct stream *t = s->streams[id];

	if (t->stall_until == LAN_NEVER || !reachable(s, t->end[0].node, t->end[1].node))
		return;
	for (int i = 0; i < 2; i++) {
		struct dir *d = &t->dir[i];
		lan_time at = d->p_len ? d->pieces[d->p_head].at : LAN_NEVER;

		if (at < t->stall_until)
			at = t->stall_until;
		if (at < s->now)
			at = s->now;
		if (!d->p_len || at >= d->armed)
			continue;
		d->armed = at;
		ev_push(s, at, EV_ARRIVE, id, (uint32_t)i, t->gen, 0);
	}
}

static void freed_window(struct sim *s, uint32_t id, int from)
{
	struct stream *t = s->streams[id];

	if (t->end[from].open && t->end[from].blocked)
		ev_push(s, s->now, EV_FLUSH, id, (uint32_t)from, t->gen, 0);
}

/* Nobody reads any more what arrives, but its system takes it all the same. */
static void discard(struct sim *s, uint32_t id, int from)
{
	struct dir *d = &s->streams[id]->dir[from];

	d->head += d->ready;
	d->ready = 0;
	if (d->head == d->fly.len)
		d->head = d->fly.len = 0;
	freed_window(s, id, from);
}

void stream_arrive(struct sim *s, uint32_t id, int from)
{
	struct stream *t = s->streams[id];
	struct dir *d = &t->dir[from];
	size_t arrived = 0;

	d->armed = LAN_NEVER;
	if (s->now < t->stall_until || !reachable(s, t->end[0].node, t->end[1].node)) {
		stream_rearm(s, id);
		return;
	}
	while (d->p_len && d->pieces[d->p_head].at <= s->now) {
		arrived += d->pieces[d->p_head].len;
		d->fin_ready |= d->pieces[d->p_head].fin;
		d->p_head++;
		d->p_len--;
	}
	if (!d->p_len)
		d->p_head = 0;
	d->ready += arrived;
	stream_rearm(s, id);
	if (t->end[1 - from].open)
		stream_read(s, id, 1 - from);
	else if (t->end[1 - from].lingers)
		discard(s, id, from);
	else if (arrived && t->end[1 - from].conn != LAN_NO_CONN && !t->dead)
		stream_tell(s, id, from, SIM_RST);
}

void stream_read(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];
	struct dir *d = &t->dir[1 - end];
	struct node *nd = s->nodes[t->end[end].node];
	uint32_t conn = t->end[end].conn, gen = t->gen;
	enum lan_err err = LAN_OK;

	node_dirty(s, t->end[end].node);
	while (d->ready && err == LAN_OK) {
		size_t n = 0;
		uint8_t *to = nd->spec.ops->room(nd->core, conn, &n);

		if (!n)
			break;
		if (n > d->ready)
			n = d->ready;
		if (!s->cfg.plain && rng_below(&s->rng, 16) == 0)
			n = 1 + rng_below(&s->rng, n);
		memcpy(to, d->fly.p + d->head, n);
		d->head += n;
		d->ready -= n;
		err = nd->spec.ops->commit(nd->core, s->now, conn, n);
		freed_window(s, id, 1 - end);
	}
	if (d->head == d->fly.len)
		d->head = d->fly.len = 0;
	if (!d->ready && d->fin_ready && err == LAN_OK && t->gen == gen) {
		tell_lost(s, id, end, LAN_ERR_CLOSED);
		stream_forget(s, id, end);
		if (t->gen == gen && !t->dead) /* the driver closes its side, too */
			stream_tell(s, id, 1 - end, SIM_FIN);
	}
}

void stream_flush(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];
	struct dir *d = &t->dir[end];
	struct node *nd = s->nodes[t->end[end].node];

	t->end[end].blocked = false;
	node_dirty(s, t->end[end].node);
	for (;;) {
		size_t n = 0, used = d->fly.len - d->head + d->lost;
		const uint8_t *p = nd->spec.ops->pending(nd->core, t->end[end].conn, &n);

		if (!n)
			return;
		if (used >= s->cfg.window) {
			t->end[end].blocked = true;
			return;
		}
		if (n > s->cfg.window - used)
			n = s->cfg.window - used;
		if (!s->cfg.plain && rng_below(&s->rng, 32) == 0)
			n = 1 + rng_below(&s->rng, n);
		relay_feed(s, id, end, p, n);
		nd->spec.ops->sent(nd->core, s->now, t->end[end].conn, n);
	}
}

void stream_closed(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];
	bool unread = t->dir[1 - end].ready > 0;

	if (!t->dead) {
		relay_finish(s, id, end);
		stream_tell(s, id, 1 - end, unread ? SIM_RST : SIM_FIN);
	}
	stream_forget(s, id, end);
}

void stream_finished(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];

	t->end[end].lingers = true;
	discard(s, id, 1 - end);
	if (!t->dead) {
		relay_finish(s, id, end);
		stream_tell(s, id, 1 - end, SIM_FIN);
	}
	stream_forget(s, id, end);
}

void stream_tell(struct sim *s, uint32_t id, int end, enum sim_how how)
{
	struct stream *t = s->streams[id];

	if (how == SIM_RST) { /* should it get lost: asked again, the other system says it again */
		t->end[1 - end].gone = true;
		probe(s, id, end, s->now + s->cfg.dead_after);
	}
	if (how == SIM_FIN)
		carry_fin(s, id, 1 - end);
	else if (how == SIM_RST && t->stall_until != LAN_NEVER)
		ev_push(s, s->now + latency(s), EV_END, id, (uint32_t)end, t->gen, 0);
}

void stream_reset(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];

	if (!reachable(s, t->end[0].node, t->end[1].node))
		return;
	tell_lost(s, id, end, LAN_ERR_RESET);
	stream_forget(s, id, end);
}

void stream_breaks(struct sim *s, uint32_t id)
{
	struct stream *t = s->streams[id];

	if (!out_of_reach(s, t, 0) && !out_of_reach(s, t, 1))
		t->broken_since = s->now;
	for (int end = 0; end < 2; end++)
		probe(s, id, end, t->broken_since + s->cfg.dead_after);
}

void stream_silent(struct sim *s, uint32_t id, int end)
{
	stream_breaks(s, id);
	s->streams[id]->dead = s->streams[id]->end[end].untold = true;
}

/* As keepalive and the retransmission timer of a kernel find out: the other
 * system does not answer, or it answers that it knows of no such stream. */
void stream_dead(struct sim *s, uint32_t id, int end)
{
	struct stream *t = s->streams[id];

	if (!out_of_reach(s, t, end)) {
		if (t->end[1 - end].gone)
			stream_reset(s, id, end);
		return;
	}
	if (s->now < t->broken_since + s->cfg.dead_after) {
		probe(s, id, end, t->broken_since + s->cfg.dead_after);
		return;
	}
	sim_note(s, "#%u: %s gives up", id, s->nodes[t->end[end].node]->spec.name);
	tell_lost(s, id, end, LAN_ERR_TIMEOUT);
	t->end[end].gone = true;
	probe(s, id, 1 - end, s->now + s->cfg.dead_after);
	stream_forget(s, id, end);
}

void sim_group(struct sim *s, int node, int group)
{
	for (size_t i = 0; i < s->nodes[node]->n_streams; i++)
		stream_breaks(s, s->nodes[node]->streams[i]);
	s->nodes[node]->group = group;
	sim_note(s, "%s moves to network group %d", s->nodes[node]->spec.name, group);
	for (uint32_t i = 0; i < s->n_streams; i++)
		if (s->streams[i]->end[0].open || s->streams[i]->end[1].open)
			stream_rearm(s, i);
}

void sim_cut(struct sim *s, int node, enum sim_how near, enum sim_how far)
{
	struct node *d = s->nodes[node];

	for (size_t i = 0; i < d->n_streams; i++) {
		uint32_t id = d->streams[i];
		int end = s->streams[id]->end[0].node == node ? 0 : 1;

		stream_tell(s, id, end, near);
		stream_tell(s, id, 1 - end, far);
		for (int e = 0; e < 2; e++)
			if ((e == end ? near : far) == SIM_SILENT)
				stream_silent(s, id, e);
		s->streams[id]->dead = true;
	}
}

void sim_stall(struct sim *s, int node, lan_time d)
{
	struct node *nd = s->nodes[node];

	for (size_t i = 0; i < nd->n_streams; i++) {
		stream_breaks(s, nd->streams[i]);
		s->streams[nd->streams[i]]->stall_until = d == LAN_NEVER ? d : s->now + d;
	}
}
