/*
 * conn.c - one TCP connection, whatever its bytes say: coming up, what the
 * driver is to do (wants), its clock, and its end.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>
#include <string.h>

/* --- lists ------------------------------------------------------------------------------- */

void conn_want(struct serpy *s, struct serpy_conn *c, uint8_t bits)
{
	if (c->slot == LAN_NO_CONN)
		return;
	c->wants |= bits;
	if (c->wanted)
		return;
	c->wanted = true;
	c->want_next = NULL;
	if (s->want_tail)
		s->want_tail->want_next = c;
	else
		s->want_head = c;
	s->want_tail = c;
}

void conn_pullable(struct serpy *s, struct serpy_conn *c)
{
	if (c->listed || c->held)
		return;
	c->listed = true;
	c->next = NULL;
	c->prev = s->pull_tail;
	if (s->pull_tail)
		s->pull_tail->next = c;
	else
		s->pull_head = c;
	s->pull_tail = c;
}

void conn_unlist(struct serpy *s, struct serpy_conn *c)
{
	if (!c->listed)
		return;
	c->listed = false;
	*(c->prev ? &c->prev->next : &s->pull_head) = c->next;
	*(c->next ? &c->next->prev : &s->pull_tail) = c->prev;
}

void conn_pause(struct serpy *s, struct serpy_conn *c, bool on)
{
	if (c->paused == on)
		return;
	c->paused = on;
	if (on) {
		c->paused_next = NULL;
		c->paused_prev = s->paused_tail;
		*(s->paused_tail ? &s->paused_tail->paused_next : &s->paused_head) = c;
		s->paused_tail = c;
		return;
	}
	*(c->paused_prev ? &c->paused_prev->paused_next : &s->paused_head) = c->paused_next;
	*(c->paused_next ? &c->paused_next->paused_prev : &s->paused_tail) = c->paused_prev;
	if (c->state == CONN_OPEN)
		conn_want(s, c, WANT_READ_BIT);
}

/* Everything was pulled: read on, and let those read on who waited for room. */
void conn_idle(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	conn_unlist(s, c);
	if (c->paused) {
		c->rx_at = now; /* until now it was not read: its silence proves nothing */
		conn_pause(s, c, false);
	}
	if (s->in_bucket[BUCKET_HELD] > s->cfg.max_events / 2)
		return;
	for (struct serpy_conn *p = s->paused_head, *next; p; p = next) {
		next = p->paused_next;
		if (!p->unparsed) {
			p->rx_at = now;
			conn_pause(s, p, false);
		}
	}
}

bool serpy_want(void *core, struct lan_want *w)
{
	struct serpy *s = core;
	if (s->want_dial) {
		s->want_dial = false;
		*w = (struct lan_want){LAN_WANT_DIAL, LAN_NO_CONN};
		return true;
	}
	for (struct serpy_conn *c; (c = s->want_head);) {
		w->conn = c->slot;
		bool ends = c->slot != LAN_NO_CONN && c->wants & (WANT_CLOSE_BIT | WANT_FINISH_BIT);
		if (c->slot != LAN_NO_CONN && !ends && c->wants) {
			bool send = c->wants & WANT_SEND_BIT;
			w->kind = send ? LAN_WANT_SEND : LAN_WANT_READ;
			c->wants &= (uint8_t) ~(send ? WANT_SEND_BIT : WANT_READ_BIT);
			return true;
		}
		w->kind = c->wants & WANT_FINISH_BIT ? LAN_WANT_FINISH : LAN_WANT_CLOSE;
		s->want_head = c->want_next;
		if (!s->want_head)
			s->want_tail = NULL;
		c->wanted = false;
		if (ends)
			conn_detach(s, c);
		if (c->dead)
			free(c);
		if (ends)
			return true;
	}
	return false;
}

/* --- clocks -------------------------------------------------------------------------------- */

void serpy_arm(struct serpy *s, struct serpy_timer *t, lan_time at)
{
	if (at < lan_timers_at(&s->timers, &t->t))
		lan_timers_set(&s->timers, &t->t, at);
}

/* A message has begun: something of it has to come. */
static void conn_tick(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	if (c->state != CONN_OPEN || s->cfg.frame_timeout == LAN_NEVER)
		return;
	if (c->unparsed || c->paused)
		c->rx_at = now;
	else if (!recv_midway(c))
		return;
	if (now >= c->rx_at + s->cfg.frame_timeout) {
		conn_end(s, now, c, SERPY_C_end_frame_timeout, LAN_ERR_TIMEOUT);
		return;
	}
	serpy_arm(s, &c->timer, c->rx_at + s->cfg.frame_timeout);
}

void conn_watch_frame(struct serpy *s, struct serpy_conn *c)
{
	if (!lan_timer_armed(&c->timer.t) && s->cfg.frame_timeout != LAN_NEVER && recv_midway(c))
		lan_timers_set(&s->timers, &c->timer.t, c->rx_at + s->cfg.frame_timeout);
}

void serpy_tick(void *core, lan_time now)
{
	struct serpy *s = core;
	struct lan_timer *t;
	while ((t = lan_timers_due(&s->timers, now)))
		switch ((enum timer_of)((struct serpy_timer *)t)->what) {
		case TIMER_CONN:
			conn_tick(s, now,
				(struct serpy_conn *)((char *)t - offsetof(struct serpy_conn, timer)));
			break;
		case TIMER_OUT:
			out_tick(s, now, (struct serpy_out *)((char *)t - offsetof(struct serpy_out, timer)));
			break;
		case TIMER_DIAL:
			client_tick(s, now);
			break;
		case TIMER_REST:
			serpy_rest(s, now);
			break;
		}
}

/* --- its life -------------------------------------------------------------------------------- */

static enum lan_err make_slot(struct serpy *s)
{
	if (s->n_free || s->n_slots < s->cap_slots)
		return LAN_OK;
	uint32_t cap = s->cap_slots ? s->cap_slots * 2 : 4;
	struct serpy_conn **slots = realloc(s->slots, cap * sizeof *slots);
	if (!slots)
		return LAN_ERR_NOMEM;
	s->slots = slots;
	uint32_t *free_slots = realloc(s->free_slots, cap * sizeof *free_slots);
	if (!free_slots)
		return LAN_ERR_NOMEM;
	s->free_slots = free_slots;
	s->cap_slots = cap;
	return LAN_OK;
}

enum lan_err conn_new(struct serpy *s, lan_time now, const char *peer, struct serpy_conn **out)
{
	size_t n = strlen(peer) + 1;
	enum lan_err e = make_slot(s);
	if (!e)
		e = lan_timers_reserve(&s->timers, s->n_conns + s->n_outs + 3);
	struct serpy_conn *c = e ? NULL : calloc(1, sizeof *c + n);
	if (!c)
		return LAN_ERR_NOMEM;
	memcpy(c->name, peer, n);
	c->id = s->cfg.server ? s->next_id + 1 : 0;
	e = serpy_enroll(s, c);
	if (e) {
		free(c);
		return e;
	}
	s->next_id++;
	c->slot = s->n_free ? s->free_slots[--s->n_free] : s->n_slots++;
	s->slots[c->slot] = c;
	c->since = c->rx_at = now;
	c->timer.what = TIMER_CONN;
	c->owe_up = true;
	c->held = s->held;
	conn_pullable(s, c);
	*out = c;
	return LAN_OK;
}

void conn_detach(struct serpy *s, struct serpy_conn *c)
{
	s->slots[c->slot] = NULL;
	s->free_slots[s->n_free++] = c->slot;
	c->slot = LAN_NO_CONN;
	c->wants = 0;
}

static void over(struct serpy *s, lan_time now, struct serpy_conn *c, enum lan_err err, const char *reason)
{
	c->state = CONN_ENDED;
	c->err = (uint8_t)err;
	c->reason = reason;
	lan_timers_unset(&s->timers, &c->timer.t);
	conn_pause(s, c, false);
	conn_pullable(s, c);
	if (s->env.trace)
		s->env.trace(s->env.ctx, &(struct lan_trace){.now = now,
						 .kind = LAN_TRACE_STATE,
						 .proto = "serpy",
						 .what = "connection",
						 .from = "up",
						 .to = "down",
						 .n1 = c->id,
						 .a = reason,
						 .a_len = strlen(reason),
						 .peer = c->name});
	if (!s->cfg.server)
		client_lost(s, now, c);
}

/* What is left makes no sense any more. */
static void forget_input(struct serpy *s, struct serpy_conn *c)
{
	c->cut += in_have(&c->in);
	in_drop(s, c);
}

void conn_end(struct serpy *s, lan_time now, struct serpy_conn *c, enum serpy_counter why, enum lan_err err)
{
	bool ours = why == SERPY_C_end_closed;
	if (c->state != CONN_OPEN) {
		if (!ours) /* the other end was faster, but what is left makes no sense either */
			forget_input(s, c);
		return;
	}
	serpy_count(s, why);
	c->quiet = ours;
	if (!ours)
		forget_input(s, c);
	conn_want(s, c, ours ? WANT_FINISH_BIT : WANT_CLOSE_BIT);
	over(s, now, c, err, serpy_reason(why));
}

void serpy_lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct serpy *s = core;
	struct serpy_conn *c = s->slots[conn];
	bool closed = why == LAN_ERR_CLOSED;
	conn_detach(s, c);
	if (c->state != CONN_OPEN)
		return; /* the core asked for it, and the driver did not know yet */
	serpy_count(s, closed ? SERPY_C_closed_by_peer : SERPY_C_end_broken);
	over(s, now, c, why, closed ? "closed by the peer" : lan_err_text(why));
}

/* Who waits for room on it waits no longer: it will hear that the connection is none any more. */
void serpy_broke(void *core, lan_time now, uint32_t conn)
{
	struct serpy *s = core;
	struct serpy_conn *c = s->slots[conn];
	(void)now;
	c->broken = true;
	if (!c->out || !c->out->full || !(s->cfg.server || c->out->blob))
		return;
	c->out->full = false;
	serpy_tell(s, (struct serpy_note){.kind = SERPY_WRITABLE, .conn = c->id}, NULL);
}

void serpy_unreached(void *core, uint32_t conn, uint64_t bytes)
{
	struct serpy *s = core;
	s->slots[conn]->unreached_bytes = bytes;
}

void conn_check_finished(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	const struct serpy_out *o = c->out;
	if (!o && !s->cfg.server)
		return; /* its queue is still with the connection before */
	if (o && (out_queued(o) || o->off || o->blob || lan_ring_len(&o->waits) || lan_ring_len(&o->ctl)))
		return;
	conn_end(s, now, c, SERPY_C_end_closed, LAN_OK);
}

void conn_free(struct serpy *s, struct serpy_conn *c)
{
	in_drop(s, c);
	recv1_fini(c);
	in_account(s, c);
	conn_unlist(s, c);
	c->state = CONN_ENDED; /* it wants nothing any more */
	conn_pause(s, c, false);
	lan_timers_unset(&s->timers, &c->timer.t);
	serpy_expel(s, c);
	if (s->cfg.server) {
		out_free(s, c->out);
		c->out = NULL;
	}
	if (s->scratch_of == c)
		s->scratch_of = NULL;
	if (c->wanted)
		c->dead = true;
	else
		free(c);
}
