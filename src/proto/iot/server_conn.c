/*
 * server_conn.c - what the server core does with a stream whatever its bytes
 * say: telling the driver (wants), watching the clocks, and taking leave.
 */
#include "proto/iot/server.h"

#define NAME_MAX_TOLD 64 /* of a stream's name ("[2001:db8::1]:49152"), in a refusal */

#include <stdlib.h>
#include <string.h>

static void count(struct iot_server *s, enum iot_counter c)
{
	s->count.v[c]++;
}

/* --- wants ---------------------------------------------------------------------- */

void iot_conn_want(struct iot_server *s, struct iot_conn *c, uint8_t bits)
{
	c->wants |= bits;
	if (c->listed)
		return;
	c->listed = true;
	c->next = LAN_NO_CONN;
	if (s->want_tail == LAN_NO_CONN)
		s->want_head = c->index;
	else
		s->conns[s->want_tail]->next = c->index;
	s->want_tail = c->index;
}

void iot_conn_free(struct iot_server *s, struct iot_conn *c)
{
	s->conns[c->index] = NULL;
	s->free_conns[s->n_free++] = c->index;
	free(c);
}

static void pop_want(struct iot_server *s, struct iot_conn *c)
{
	s->want_head = c->next;
	if (s->want_head == LAN_NO_CONN)
		s->want_tail = LAN_NO_CONN;
	c->listed = false;
}

bool iot_server_want(void *core, struct lan_want *w)
{
	struct iot_server *s = core;
	while (s->want_head != LAN_NO_CONN) {
		struct iot_conn *c = s->conns[s->want_head];
		w->conn = c->index;
		if (c->state == CONN_GONE) {
			pop_want(s, c);
			iot_conn_free(s, c);
		} else if (c->wants & WANT_CLOSE_BIT) {
			w->kind = LAN_WANT_CLOSE;
			pop_want(s, c);
			iot_conn_free(s, c);
			return true;
		} else if (c->wants & WANT_SEND_BIT) {
			w->kind = LAN_WANT_SEND;
			c->wants &= (uint8_t)~WANT_SEND_BIT;
			return true;
		} else if (c->wants & WANT_READ_BIT) {
			w->kind = LAN_WANT_READ;
			c->wants &= (uint8_t)~WANT_READ_BIT;
			return true;
		} else
			pop_want(s, c);
	}
	return false;
}

/* --- clocks ----------------------------------------------------------------------- */

static lan_time earlier(lan_time a, lan_time b)
{
	return a < b ? a : b;
}

lan_time iot_conn_deadline(const struct iot_server *s, const struct iot_conn *c)
{
	lan_time t = s->cfg.timeout;
	lan_time at = c->stream.rx_at + t + 1;
	if (c->state == CONN_HANDSHAKE)
		return at;
	at = earlier(at, iot_stream_keepalive_at(&c->stream, t));
	at = earlier(at, iot_stream_stall_at(&c->stream, t));
	if (c->hold == HOLD_UNTIL_TIME)
		at = earlier(at, c->hold_at);
	const struct iot_outbox *o = s->peers[c->peer]->outbox;
	if (c->hold == HOLD_OPEN && o)
		at = earlier(at, iot_outbox_deadline(o));
	return at;
}

/* A deadline that moved later is found out when the old one comes. */
void iot_conn_arm(struct iot_server *s, struct iot_conn *c)
{
	lan_time at = iot_conn_deadline(s, c);
	if (at < lan_timers_at(&s->timers, &c->timer))
		lan_timers_set(&s->timers, &c->timer, at);
}

static void conn_tick(struct iot_server *s, lan_time now, struct iot_conn *c)
{
	lan_time t = s->cfg.timeout;
	if (c->paused && c->state == CONN_ATTACHED) /* we do not read, so silence proves nothing */
		c->stream.rx_at = now;
	if (c->state == CONN_HANDSHAKE) {
		if (now > c->stream.rx_at + t) {
			iot_conn_end(s, now, c, IOT_C_id_timeout, LAN_ERR_TIMEOUT);
			return;
		}
	} else {
		if (now > c->stream.rx_at + t) {
			iot_conn_end(s, now, c, IOT_C_end_timeout, LAN_ERR_TIMEOUT);
			return;
		}
		if (now >= iot_stream_stall_at(&c->stream, t)) {
			iot_conn_end(s, now, c, IOT_C_end_stalled, LAN_ERR_TIMEOUT);
			return;
		}
		if (c->hold == HOLD_UNTIL_TIME && now >= c->hold_at)
			c->hold = HOLD_OPEN;
		iot_peer_lost(s, now, c->peer, false);
		iot_conn_pump(s, now, c);
		if (c->state != CONN_ATTACHED)
			return;
		if (now >= iot_stream_keepalive_at(&c->stream, t)) {
			lan_ring_trim(&c->stream.out);
			c->stream.keepalive = true;
			iot_conn_want(s, c, WANT_SEND_BIT);
		}
	}
	lan_time at = iot_conn_deadline(s, c);
	lan_timers_set(&s->timers, &c->timer, at > now ? at : now + 1);
}

void iot_server_tick(void *core, lan_time now)
{
	struct iot_server *s = core;
	struct lan_timer *t;
	while ((t = lan_timers_due(&s->timers, now)))
		conn_tick(s, now, (struct iot_conn *)((char *)t - offsetof(struct iot_conn, timer)));
}

lan_time iot_server_deadline(const void *core)
{
	return lan_timers_next(&((const struct iot_server *)core)->timers);
}

/* --- streams ------------------------------------------------------------------------ */

void iot_conn_await_id(struct iot_server *s, struct iot_conn *c)
{
	c->older = s->newest;
	c->newer = LAN_NO_CONN;
	if (s->newest == LAN_NO_CONN)
		s->oldest = c->index;
	else
		s->conns[s->newest]->newer = c->index;
	s->newest = c->index;
	s->n_handshakes++;
}

void iot_conn_have_id(struct iot_server *s, struct iot_conn *c)
{
	if (c->older == LAN_NO_CONN)
		s->oldest = c->newer;
	else
		s->conns[c->older]->newer = c->newer;
	if (c->newer == LAN_NO_CONN)
		s->newest = c->older;
	else
		s->conns[c->newer]->older = c->older;
	s->n_handshakes--;
}

static void conn_fini(struct iot_server *s, struct iot_conn *c)
{
	s->partial -= c->charged;
	s->n_paused -= c->paused;
	c->paused = false;
	c->stream.keepalive = false;
	iot_stream_fini(&c->stream);
	lan_timers_unset(&s->timers, &c->timer);
}

/* Leave the peer or the handshake list; the stream's memory goes. */
void iot_conn_leave(
	struct iot_server *s, lan_time now, struct iot_conn *c, const char *reason, enum lan_err err)
{
	if (c->state == CONN_ATTACHED)
		iot_peer_down(s, now, c->peer, reason, err);
	else
		iot_conn_have_id(s, c);
	conn_fini(s, c);
}

static void trace(struct iot_server *s, lan_time now, const struct iot_conn *c, const char *why)
{
	if (s->env.trace)
		s->env.trace(s->env.ctx, &(struct lan_trace){.now = now,
						 .kind = LAN_TRACE_REFUSED,
						 .proto = "iot-server",
						 .what = why,
						 .n1 = c->index,
						 .peer = c->name});
}

/* The bytes of the note are the stream's name and, behind its NUL, the id it gave. */
static void tell_refused(struct iot_server *s, const struct iot_conn *c, const char *reason, enum lan_err err)
{
	char text[NAME_MAX_TOLD + 1 + IOT_ID_MAX];
	size_t name = strlen(c->name), id = strlen(s->claimed);
	name = name < NAME_MAX_TOLD ? name : NAME_MAX_TOLD;
	memcpy(text, c->name, name);
	text[name] = 0;
	memcpy(text + name + 1, s->claimed, id);
	iot_inbox_hint(&s->inbox,
		(struct iot_note){
			.kind = IOT_REFUSED, .who = IOT_NOBODY, .reason = reason, .err = (uint8_t)err},
		text, name + 1 + id);
}

void iot_conn_end(
	struct iot_server *s, lan_time now, struct iot_conn *c, enum iot_counter why, enum lan_err err)
{
	count(s, why);
	trace(s, now, c, iot_counter_name(why));
	if (c->state == CONN_HANDSHAKE)
		tell_refused(s, c, iot_counter_name(why), err);
	iot_conn_leave(s, now, c, iot_counter_name(why), err);
	c->state = CONN_CLOSING;
	iot_conn_want(s, c, WANT_CLOSE_BIT);
}
