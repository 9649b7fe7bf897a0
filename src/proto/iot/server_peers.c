/*
 * server_peers.c - the ids of the server core: their lines in and out, the
 * events the application pulls, and what it can ask.
 */
#include "proto/iot/server.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iot/line.h"

#define GREETING 2 /* keepalives right after the id line by which our own client is known */

struct iot_conn *iot_peer_conn(const struct iot_server *s, const struct iot_peer *p)
{
	return p->conn == LAN_NO_CONN ? NULL : s->conns[p->conn];
}

enum lan_err iot_peer_add(struct iot_server *s, const char *id, size_t n, uint32_t *index)
{
	if (s->n_peers == s->cap_peers) {
		uint32_t cap = s->cap_peers ? s->cap_peers * 2 : 16;
		struct iot_peer **peers = realloc(s->peers, cap * sizeof *peers);
		if (!peers)
			return LAN_ERR_NOMEM;
		s->peers = peers;
		s->cap_peers = cap;
	}
	struct iot_peer *p = malloc(sizeof *p + n + 1);
	if (!p)
		return LAN_ERR_NOMEM;
	*p = (struct iot_peer){.conn = LAN_NO_CONN};
	memcpy(p->id, id, n);
	p->id[n] = 0;
	if (lan_map_add(&s->ids, p->id, s->n_peers)) {
		free(p);
		return LAN_ERR_NOMEM;
	}
	*index = s->n_peers;
	s->peers[s->n_peers++] = p;
	return LAN_OK;
}

static void trace_state(
	struct iot_server *s, lan_time now, const struct iot_peer *p, bool up, const char *cause)
{
	if (s->env.trace)
		s->env.trace(s->env.ctx, &(struct lan_trace){.now = now,
						 .kind = LAN_TRACE_STATE,
						 .proto = "iot-server",
						 .what = "link",
						 .from = up ? "down" : "up",
						 .to = up ? "up" : "down",
						 .a = cause,
						 .a_len = strlen(cause),
						 .peer = p->id});
}

enum lan_err iot_peer_up(struct iot_server *s, lan_time now, uint32_t index, struct iot_conn *c)
{
	struct iot_peer *p = s->peers[index];
	struct iot_note note = {.kind = IOT_UP, .who = index, .connects = p->connects + 1};
	enum lan_err e = iot_inbox_put(&s->inbox, note, c->name, strlen(c->name));
	if (e)
		return e;
	s->n_owed -= p->owe_down;
	p->owe_down = false;
	s->count.v[IOT_C_admitted]++;
	p->conn = c->index;
	p->gen = ++s->gen;
	p->since = now;
	if (!p->expected && s->cfg.n_expect)
		s->count.v[IOT_C_id_unexpected]++;
	if (p->connects++ == 0 && p->expected && --s->missing == 0)
		iot_inbox_tell(&s->inbox, (struct iot_note){.kind = IOT_ALL_UP, .who = IOT_NOBODY}, NULL, 0);
	if (p->outbox)
		iot_outbox_stream(p->outbox);
	if (p->seen)
		iot_seen_stream(p->seen);
	trace_state(s, now, p, true, c->name);
	return LAN_OK;
}

/* Who got FULL waits for this: where there is no memory to say it, it is said later. */
void iot_peer_room(struct iot_server *s, uint32_t index)
{
	struct iot_outbox *o = s->peers[index]->outbox;
	if (o && iot_outbox_has_room(o) &&
		iot_inbox_put(&s->inbox, (struct iot_note){.kind = IOT_WRITABLE, .who = index}, NULL, 0))
		o->want_room = true;
}

void iot_peer_lost(struct iot_server *s, lan_time now, uint32_t index, bool all)
{
	struct iot_peer *p = s->peers[index];
	uint64_t seq;
	while (p->outbox && iot_outbox_lost(p->outbox, now, s->cfg.timeout, all, &seq)) {
		s->count.v[IOT_C_tx_lost]++;
		iot_inbox_tell(
			&s->inbox, (struct iot_note){.kind = IOT_LOST, .who = index, .token = seq}, NULL, 0);
	}
	iot_peer_room(s, index);
}

void iot_peer_down(struct iot_server *s, lan_time now, uint32_t index, const char *reason, enum lan_err err)
{
	struct iot_peer *p = s->peers[index];
	struct iot_conn *c = s->conns[p->conn];
	struct iot_note note = {.kind = IOT_DOWN,
		.who = index,
		.reason = reason,
		.err = (uint8_t)err,
		.connects = p->connects};
	p->conn = LAN_NO_CONN;
	p->since = now;
	p->rx_at = c->stream.rx_at;
	iot_peer_lost(s, now, index, true);
	if (iot_inbox_put(&s->inbox, note, c->name, strlen(c->name))) {
		p->owe_down = true;
		s->n_owed++;
	}
	trace_state(s, now, p, false, reason);
}

/* --- lines in ------------------------------------------------------------------- */

static enum iot_take end(
	struct iot_server *s, lan_time now, struct iot_conn *c, enum iot_counter why, enum lan_err err)
{
	iot_conn_end(s, now, c, why, err);
	return IOT_TAKE_END;
}

static void take_keepalive(struct iot_server *s, lan_time now, struct iot_conn *c)
{
	s->count.v[IOT_C_rx_keepalives]++;
	c->stream.keepalives += c->stream.keepalives < UINT16_MAX;
	if (s->cfg.heartbeat)
		iot_inbox_hint(&s->inbox, (struct iot_note){.kind = IOT_HEARTBEAT, .who = c->peer}, c->name,
			strlen(c->name));
	if (c->greeting < GREETING && ++c->greeting == GREETING &&
		now - s->peers[c->peer]->since <= s->cfg.timeout / 8)
		c->hold = HOLD_OPEN;
}

static enum iot_take take_ack(struct iot_server *s, lan_time now, struct iot_conn *c, uint8_t mid)
{
	struct iot_outbox *o = s->peers[c->peer]->outbox;
	uint64_t seq;
	s->count.v[IOT_C_rx_acks]++;
	c->greeting = GREETING;
	if (!o || !iot_outbox_find(o, mid, &seq)) {
		s->count.v[IOT_C_rx_stray_acks]++;
		return IOT_TAKE_OK;
	}
	if (iot_inbox_put(
		    &s->inbox, (struct iot_note){.kind = IOT_ACKED, .who = c->peer, .token = seq}, NULL, 0))
		return end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	iot_outbox_ack(o, now, seq);
	return IOT_TAKE_OK;
}

static enum iot_take take_message(
	struct iot_server *s, lan_time now, struct iot_conn *c, const struct iot_line *line)
{
	struct iot_peer *p = s->peers[c->peer];
	if (!iot_inbox_open(&s->inbox)) {
		if (!c->paused) {
			c->paused = true;
			s->n_paused++;
		}
		return IOT_TAKE_STALL;
	}
	c->greeting = GREETING;
	if (!p->seen && !(p->seen = calloc(1, sizeof *p->seen)))
		return end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	if (iot_inbox_reserve(&s->inbox, line->len)) /* so that what is remembered is also delivered */
		return end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	uint32_t hash = (uint32_t)lan_siphash(s->seed, line->payload, line->len);
	bool marked = iot_stream_marked(&c->stream, now - p->since, s->cfg.timeout);
	enum iot_verdict v = iot_seen_line(p->seen, line->mid, hash, marked);
	bool dup = v == IOT_SEEN_DUP;
	struct iot_note note = {
		.kind = dup ? IOT_ACK_AGAIN : IOT_MESSAGE, .who = c->peer, .gen = p->gen, .mid = line->mid};
	s->count.v[dup ? IOT_C_rx_dups : IOT_C_rx_lines]++;
	s->count.v[IOT_C_rx_restarts] += v == IOT_SEEN_RESTART;
	if (iot_inbox_put(&s->inbox, note, line->payload, dup ? 0 : line->len))
		return end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	return IOT_TAKE_OK;
}

enum iot_take iot_peer_line(
	struct iot_server *s, lan_time now, struct iot_conn *c, const uint8_t *p, size_t n)
{
	struct iot_line line;
	enum lan_err e = iot_line_decode(p, n, &line);
	if (e)
		return end(s, now, c, e == LAN_ERR_UTF8 ? IOT_C_end_utf8 : IOT_C_end_bad_line, e);
	switch (line.kind) {
	case IOT_LINE_KEEPALIVE:
		take_keepalive(s, now, c);
		return IOT_TAKE_OK;
	case IOT_LINE_ACK:
		return take_ack(s, now, c, line.mid);
	case IOT_LINE_MESSAGE:
		return take_message(s, now, c, &line);
	}
	return IOT_TAKE_OK;
}

/* --- events out ------------------------------------------------------------------- */

/* The application has the line: now its sender may know. */
static void acknowledge(struct iot_server *s, lan_time now, const struct iot_note *note)
{
	struct iot_peer *p = s->peers[note->who];
	struct iot_conn *c = iot_peer_conn(s, p);
	if (!c || p->gen != note->gen)
		return; /* its stream is gone; the peer will send the line again */
	if (iot_stream_ack(&c->stream, note->mid)) {
		iot_conn_end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
		return;
	}
	s->count.v[IOT_C_tx_acks]++;
	iot_conn_want(s, c, WANT_SEND_BIT);
}

static void fill(
	const struct iot_server *s, const struct iot_note *note, const char *bytes, struct iot_event *ev)
{
	bool message = note->kind == IOT_MESSAGE;
	const struct iot_peer *p = note->who == IOT_NOBODY ? NULL : s->peers[note->who];
	const struct iot_conn *c = p && message ? iot_peer_conn(s, p) : NULL;
	*ev = (struct iot_event){.kind = (enum iot_event_kind)note->kind,
		.id = p                           ? p->id
		      : note->kind == IOT_REFUSED ? bytes + strlen(bytes) + 1
						  : "",
		.peer = !message ? bytes
			: c      ? c->name
				 : "",
		.line = message ? bytes : "",
		.len = message ? note->len : 0,
		.token = note->token,
		.err = (enum lan_err)note->err,
		.reason = note->reason ? note->reason : "",
		.connects = note->connects,
		.expected = p && p->expected,
		.mid = note->mid};
}

static bool owed(struct iot_server *s, struct iot_event *ev)
{
	for (uint32_t i = 0; s->n_owed && i < s->n_peers; i++)
		if (s->peers[i]->owe_down) {
			s->peers[i]->owe_down = false;
			s->n_owed--;
			*ev = (struct iot_event){.kind = IOT_DOWN,
				.id = s->peers[i]->id,
				.peer = "",
				.line = "",
				.err = LAN_ERR_NOMEM,
				.reason = "out of memory",
				.connects = s->peers[i]->connects};
			return true;
		}
	return false;
}

bool iot_server_event(struct iot_server *s, lan_time now, struct iot_event *ev)
{
	struct iot_note note;
	const char *bytes;
	for (;;) {
		if (iot_inbox_low(&s->inbox)) {
			s->since_resume = 0;
			if (s->n_paused)
				iot_server_resume(s, now);
		}
		/* A neighbour that keeps pace with the application would keep it full for ever. */
		s->since_resume += s->n_paused > 0;
		if (!iot_inbox_peek(&s->inbox, &note, &bytes)) {
			iot_inbox_rest(&s->inbox);
			return owed(s, ev);
		}
		if (note.kind == IOT_MESSAGE || note.kind == IOT_ACK_AGAIN) {
			acknowledge(s, now, &note); /* may move the inbox */
			(void)iot_inbox_peek(&s->inbox, &note, &bytes);
		}
		iot_inbox_next(&s->inbox);
		if (note.kind == IOT_ACK_AGAIN)
			continue;
		fill(s, &note, bytes, ev);
		return true;
	}
}

/* --- lines out --------------------------------------------------------------------- */

enum lan_err iot_server_write(struct iot_server *s, lan_time now, const char *id, const char *line,
	size_t len, unsigned flags, uint64_t *token)
{
	uint32_t who;
	uint64_t seq;
	enum lan_err e = len > s->cfg.max_line ? LAN_ERR_TOOBIG : iot_payload_check(line, len);
	if (e)
		return e;
	if (!id || !lan_map_get(&s->ids, id, &who))
		return LAN_ERR_NOTFOUND;
	struct iot_peer *p = s->peers[who];
	if (!p->outbox) {
		struct iot_outbox *o = malloc(sizeof *o);
		if (!o)
			return LAN_ERR_NOMEM;
		e = iot_outbox_init(o, s->cfg.window, s->cfg.max_queue);
		if (e) {
			free(o);
			return e;
		}
		p->outbox = o;
	}
	e = iot_outbox_write(p->outbox, line, len, flags, &seq);
	if (e)
		return e;
	if (token)
		*token = seq;
	struct iot_conn *c = iot_peer_conn(s, p);
	if (c)
		iot_conn_pump(s, now, c);
	return LAN_OK;
}

enum lan_err iot_server_drop(struct iot_server *s, lan_time now, const char *id)
{
	uint32_t who;
	if (!id || !lan_map_get(&s->ids, id, &who))
		return LAN_ERR_NOTFOUND;
	struct iot_conn *c = iot_peer_conn(s, s->peers[who]);
	if (c)
		iot_conn_end(s, now, c, IOT_C_end_dropped, LAN_ERR_CLOSED);
	return LAN_OK;
}

/* --- questions ----------------------------------------------------------------------- */

size_t iot_server_pending(const struct iot_server *s)
{
	size_t n = 0;
	for (uint32_t i = 0; i < s->n_peers; i++)
		if (s->peers[i]->outbox)
			n += iot_outbox_pending(s->peers[i]->outbox);
	return n;
}

bool iot_server_peer(const struct iot_server *s, size_t i, struct iot_status *out)
{
	if (i >= s->n_peers)
		return false;
	const struct iot_peer *p = s->peers[i];
	const struct iot_conn *c = iot_peer_conn(s, p);
	*out = (struct iot_status){.id = p->id,
		.peer = c ? c->name : "",
		.up = c != NULL,
		.expected = p->expected,
		.connects = p->connects,
		.since = p->since,
		.last_rx = c ? c->stream.rx_at : p->rx_at,
		.rx_bytes = p->rx_bytes,
		.tx_bytes = p->tx_bytes};
	if (p->seen) {
		out->rx_lines = p->seen->rx_lines;
		out->rx_dups = p->seen->rx_dups;
	}
	if (p->outbox)
		iot_outbox_status(p->outbox, out);
	return true;
}

enum lan_err iot_server_status(const struct iot_server *s, const char *id, struct iot_status *out)
{
	uint32_t who;
	if (!id || !lan_map_get(&s->ids, id, &who))
		return LAN_ERR_NOTFOUND;
	iot_server_peer(s, who, out);
	return LAN_OK;
}

size_t iot_server_missing(const struct iot_server *s)
{
	return s->missing;
}

const struct iot_counters *iot_server_counters(const struct iot_server *s)
{
	return &s->count;
}
