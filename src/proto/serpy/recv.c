/*
 * recv.c - bytes in, events out: the core as a stream core, and the order in
 * which the application learns of things.
 *
 * Of one connection: UP, what came, DOWN, LOST. Between connections: in turns on a
 * server; on a client all of the old one before anything of the new one.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>

#define TURN 64 /* events of one connection before the next one's */

/* --- the core as a stream core ------------------------------------------------------------- */

static enum lan_err accept_conn(struct serpy *s, lan_time now, const char *peer, struct serpy_conn **c)
{
	struct serpy_note note = {.kind = SERPY_REFUSED, .err = LAN_ERR_LIMIT};
	serpy_count(s, SERPY_C_accepted);
	if (s->n_conns - s->n_gaps >= s->cfg.max_conns) {
		serpy_count(s, SERPY_C_conns_full);
		note.reason = serpy_reason(SERPY_C_conns_full);
		serpy_tell(s, note, peer);
		return LAN_ERR_LIMIT;
	}
	return conn_new(s, now, peer, c);
}

static enum lan_err open_conn(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct serpy *s = core;
	struct serpy_conn *c;
	enum lan_err e = result;
	if (s->cfg.server) {
		if (!e)
			e = accept_conn(s, now, peer, &c);
	} else {
		if (s->state != CLIENT_DIALLING)
			return LAN_ERR_CLOSED;
		if (!e)
			e = conn_new(s, now, peer, &c);
		if (e)
			client_failed(s, now, e, peer);
	}
	if (e)
		return e;
	*conn = c->slot;
	if (!s->cfg.server)
		client_connected(s, now, c);
	return LAN_OK;
}

static uint8_t *room(void *core, uint32_t conn, size_t *n)
{
	struct serpy *s = core;
	return in_room(s, s->slots[conn]->rx_at, s->slots[conn], n);
}

static enum lan_err commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct serpy *s = core;
	struct serpy_conn *c = s->slots[conn];
	if (c->state != CONN_OPEN)
		return LAN_ERR_CLOSED;
	s->count.v[SERPY_C_rx_bytes] += n;
	c->rx_bytes += n;
	c->rx_at = now;
	in_commit(s, c, n);
	conn_pullable(s, c);
	serpy_used(s, now);
	return LAN_OK;
}

static const uint8_t *pending(void *core, uint32_t conn, size_t *n)
{
	struct serpy *s = core;
	struct serpy_conn *c = s->slots[conn];
	*n = 0;
	return c->state == CONN_OPEN && c->out ? out_pending(s, c->out, n) : NULL;
}

/* A header goes with the data behind it. */
static bool more(void *core, uint32_t conn)
{
	const struct serpy_conn *c = ((struct serpy *)core)->slots[conn];
	return c->out && out_is_head(c->out);
}

static void sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct serpy *s = core;
	struct serpy_conn *c = s->slots[conn];
	if (c->state != CONN_OPEN || !c->out)
		return;
	s->count.v[SERPY_C_tx_bytes] += n;
	c->tx_bytes += n;
	out_sent(s, now, c, n);
	out_pump(s, now, c);
	serpy_used(s, now);
}

static lan_time deadline(const void *core)
{
	return lan_timers_next(&((const struct serpy *)core)->timers);
}

static bool ready(const void *core)
{
	const struct serpy *s = core;
	return s->pull_head || lan_ring_len(&s->notes) || lan_ring_len(&s->done) || s->n_rested;
}

const struct lan_stream_ops serpy_ops = {
	.name = "serpy",
	.open = open_conn,
	.room = room,
	.commit = commit,
	.pending = pending,
	.more = more,
	.sent = sent,
	.broke = serpy_broke,
	.unreached = serpy_unreached,
	.lost = serpy_lost,
	.tick = serpy_tick,
	.deadline = deadline,
	.want = serpy_want,
	.ready = ready,
};

enum recv_step recv_end(
	struct serpy *s, lan_time now, struct serpy_conn *c, enum serpy_counter why, enum lan_err err)
{
	conn_end(s, now, c, why, err);
	return RECV_END;
}

/* --- unfinished messages ------------------------------------------------------------------------ */

bool recv_midway(const struct serpy_conn *c)
{
	return in_have(&c->in) > 0 || c->rx.piecing || (c->rx.acc && c->rx.acc->len);
}

/* Too much is unfinished: whoever holds most is ended. */
static void check_partial(struct serpy *s, lan_time now)
{
	struct serpy_conn *hog = NULL;
	if (s->in_bucket[BUCKET_PARTIAL] <= s->cfg.max_partial)
		return;
	for (uint32_t i = 0; i < s->n_conns; i++) {
		struct serpy_conn *c = s->conns[i].c;
		if (c && c->state == CONN_OPEN && c->bucket == BUCKET_PARTIAL &&
			(!hog || c->counted > hog->counted))
			hog = c;
	}
	if (hog)
		conn_end(s, now, hog, SERPY_C_end_partial_budget, LAN_ERR_LIMIT);
}

/* The bytes there are give no event. */
static void wait_for_more(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	c->unparsed = false;
	if (!in_have(&c->in) && c->in.buf)
		in_drop(s, c);
	in_account(s, c);
	if (c->state != CONN_OPEN || !recv_midway(c))
		return;
	conn_watch_frame(s, c);
	check_partial(s, now);
}

/* --- pulling ---------------------------------------------------------------------------------------- */

static bool decode(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	enum recv_step step;
	in_unmark(&c->in);
	step = s->cfg.dialect == SERPY2 ? recv2_next(s, now, c, ev) : recv1_next(s, now, c, ev);
	if (step == RECV_EVENT)
		return true;
	if (step == RECV_MORE)
		wait_for_more(s, now, c);
	return false;
}

static struct serpy_event event_of(const struct serpy_conn *c, enum serpy_event_kind kind)
{
	return (struct serpy_event){.kind = kind, .conn = c->id, .peer = c->name, .connects = c->connects};
}

/* The peer closed in good order, its system has all, no acknowledgement is missing and nothing waits: what
 * the wire does not confirm has most likely arrived all the same. */
static bool ended_well(const struct serpy *s, const struct serpy_conn *c)
{
	const struct serpy_out *o = c->out;
	if (c->err != LAN_ERR_CLOSED || c->unreached_bytes)
		return false;
	return !o || (!o->off && !out_waiting(o) && !(s->cfg.server && out_queued(o)));
}

/* Its stream is over and all that came is pulled. False: all is said. */
static bool take_leave(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	if (c->rx.skipped) {
		*ev = event_of(c, SERPY_DAMAGED);
		ev->reason = "garbage";
		ev->bytes = c->rx.skipped;
		c->rx.skipped = 0;
		return true;
	}
	if (c->rx.open_piece) {
		*ev = event_of(c, SERPY_PIECE);
		ev->value = (struct serpy_value){.type = SERPY_BYTES};
		ev->offset = c->rx.offset;
		ev->total = c->rx.total;
		ev->last = true;
		ev->err = c->err ? (enum lan_err)c->err : LAN_ERR_CLOSED;
		ev->reason = c->reason;
		ev->mode = c->rx.mode;
		c->rx.open_piece = false;
		return true;
	}
	if (!c->told_down) {
		*ev = event_of(c, SERPY_DOWN);
		ev->err = (enum lan_err)c->err;
		ev->reason = c->reason;
		ev->cut = c->cut + in_have(&c->in) + (c->rx.acc ? c->rx.acc->len : 0);
		s->count.v[SERPY_C_rx_cut] += ev->cut > 0 || c->rx.piecing;
		c->told_down = true;
		return true;
	}
	if (c->settled)
		return false;
	*ev = event_of(c, SERPY_LOST);
	ev->reason = c->reason;
	ev->err = ended_well(s, c) ? LAN_OK : c->err ? (enum lan_err)c->err : LAN_ERR_CLOSED;
	if (c->out)
		out_broken(s, c, ev);
	else
		kept_broken(s, c, ev);
	c->settled = true;
	if (!s->cfg.server)
		client_settled(s, now, c);
	return ev->lost || ev->doubled;
}

static void bury(struct serpy *s, struct serpy_conn *c)
{
	conn_unlist(s, c);
	conn_free(s, c);
}

/* The next event of a connection. False: none now; it is in no list any more, or gone. */
static bool pull(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	if (c->owe_up) {
		c->owe_up = false;
		*ev = event_of(c, SERPY_UP);
		return true;
	}
	if (c->unparsed && decode(s, now, c, ev))
		return true;
	if (c->state == CONN_OPEN) {
		conn_idle(s, now, c);
		return false;
	}
	if (take_leave(s, now, c, ev))
		return true;
	bury(s, c);
	return false;
}

bool serpy_event(struct serpy *s, lan_time now, struct serpy_event *ev)
{
	if (lan_ring_len(&s->notes) && serpy_note(s, ev))
		return true;
	while (s->pull_head) {
		struct serpy_conn *c = s->pull_head;
		if (s->cfg.server && c->next && ++s->turn > TURN) {
			s->turn = 0;
			conn_unlist(s, c);
			conn_pullable(s, c);
			c = s->pull_head;
		}
		if (pull(s, now, c, ev))
			return true;
		s->turn = 0;
		if (lan_ring_len(&s->notes) && serpy_note(s, ev))
			return true;
	}
	return false;
}

bool serpy_next(struct serpy *s, lan_time now, uint64_t conn, struct serpy_event *ev)
{
	struct serpy_conn *c;
	if (s->cfg.server) {
		c = serpy_find(s, conn);
		return c && pull(s, now, c, ev);
	}
	if (conn)
		return false;
	if (lan_ring_len(&s->notes) && serpy_note(s, ev))
		return true;
	while ((c = serpy_oldest(s))) {
		if (pull(s, now, c, ev))
			return true;
		if (c == serpy_oldest(s))
			return false;
	}
	return lan_ring_len(&s->notes) && serpy_note(s, ev);
}

static void hold(struct serpy *s, struct serpy_conn *c, bool on)
{
	c->held = on;
	if (on)
		conn_unlist(s, c);
	else if (c->owe_up || c->unparsed || c->state != CONN_OPEN)
		conn_pullable(s, c);
}

/* A client's connections are one to the application: the one that ended waits with the next one. */
enum lan_err serpy_hold(struct serpy *s, lan_time now, uint64_t conn, bool on)
{
	struct serpy_conn *c = s->cfg.server ? serpy_find(s, conn) : NULL;
	(void)now;
	if (s->cfg.server ? !c : conn != 0)
		return LAN_ERR_NOTFOUND;
	if (c)
		hold(s, c, on);
	s->held = !c && on;
	for (uint32_t i = 0; !c && i < s->n_conns; i++)
		if (s->conns[i].c)
			hold(s, s->conns[i].c, on);
	return LAN_OK;
}
