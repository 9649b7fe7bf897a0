/*
 * out.c - messages on their way out of one connection.
 *
 * `data` holds wire bytes, message behind message, so that thousands of small
 * ones leave in one system call; `marks` says where each ends. Large data lent
 * by the application (REF) and blobs (BLOB) have a long mark beside. Control
 * words go between two messages, before all that waits.
 *
 * A message that was sent in part when its connection ended cannot have been
 * delivered: the receiver throws unfinished messages away. So it stays until its
 * last byte is sent, and is sent from its beginning on the next connection.
 */
#include "proto/serpy/out.h"

#include <assert.h>
#include <string.h>

#define LEND_MAX (256u << 10) /* bytes looked through for one call of pending */
#define RUNS_MAX (64u << 10)

struct out_mark *out_at(const struct serpy_out *o, uint64_t token)
{
	return (struct out_mark *)lan_ring_at(
		&o->marks, o->marks.head + (token - o->first) * sizeof(struct out_mark));
}

static struct out_long *front_long(const struct serpy_out *o)
{
	return (struct out_long *)lan_ring_at(&o->longs, o->longs.head);
}

uint64_t out_used(const struct serpy_out *o)
{
	return lan_ring_len(&o->data) + o->long_bytes;
}

enum lan_err out_reserve(struct serpy_out *o, bool is_long)
{
	uint8_t *to;
	enum lan_err e = lan_ring_room(&o->marks, sizeof(struct out_mark), &to);
	if (!e && is_long)
		e = lan_ring_room(&o->longs, sizeof(struct out_long), &to);
	return e ? LAN_ERR_NOMEM : LAN_OK;
}

void out_add(struct serpy_out *o, struct out_mark m, const struct out_long *l)
{
	uint8_t *to;
	enum lan_err e = lan_ring_room(&o->marks, sizeof m, &to);
	assert(!e);
	memcpy(to, &m, sizeof m);
	lan_ring_commit(&o->marks, sizeof m);
	if (l) {
		e = lan_ring_room(&o->longs, sizeof *l, &to);
		assert(!e);
		memcpy(to, l, sizeof *l);
		lan_ring_commit(&o->longs, sizeof *l);
		if (m.kind == OUT_REF)
			o->long_bytes += l->len - SERPY_HEAD;
	}
	o->last++;
	(void)e;
}

/* What is sent and not kept to be sent again leaves the queue. */
static void release_front(const struct serpy *s, struct serpy_out *o)
{
	while (o->first < o->next) {
		struct out_mark *m = out_at(o, o->first);
		if (m->flags & OUT_WAITS && s->cfg.resend)
			return;
		lan_ring_drop(&o->data, m->len);
		lan_ring_drop(&o->marks, sizeof *m);
		o->first++;
	}
	if (o->next <= o->last && out_at(o, o->next)->kind == OUT_BLOB)
		lan_ring_drop(&o->data, (size_t)(o->next_pos - o->data.head));
}

static bool skip_voids(struct serpy_out *o)
{
	bool any = false;
	while (o->off == 0 && o->next <= o->last && out_at(o, o->next)->flags & OUT_VOID) {
		o->next_pos += out_at(o, o->next)->len;
		o->next++;
		o->n_void--;
		any = true;
	}
	return any;
}

static void pass_voids(const struct serpy *s, struct serpy_out *o)
{
	if (o->n_void && skip_voids(o))
		release_front(s, o);
}

void out_pass(struct serpy *s, struct serpy_out *o)
{
	pass_voids(s, o);
	out_writable(s, o);
}

/* --- what to send next ------------------------------------------------------------------ */

/* May the message be sent in the mode the wire has? serpy2 has one mode for all. */
static bool open_for(const struct serpy *s, const struct serpy_out *o, const struct out_mark *m, size_t more)
{
	if (s->cfg.dialect == SERPY2)
		return true;
	if (m->mode != o->mode ||
		(o->mode_wait && o->asked != o->mode)) /* whom the change was for may be dropped */
		return false;
	return !SERPY_MODE_ACKED(m->mode) || out_waiting(o) + more < s->cfg.window;
}

/* Bytes from `next` on, over as many plain messages as may go now. */
static size_t plain_run(const struct serpy *s, const struct serpy_out *o)
{
	if (s->cfg.dialect == SERPY2 && !lan_ring_len(&o->longs))
		return (size_t)(o->data.tail - o->next_pos - o->off);
	size_t n = 0, acked = 0;
	for (uint64_t t = o->next; t <= o->last && n < LEND_MAX; t++) {
		const struct out_mark *m = out_at(o, t);
		bool started = t == o->next && o->off > 0;
		if (m->kind != OUT_PLAIN || m->flags & OUT_VOID || (!started && !open_for(s, o, m, acked)))
			break;
		n += m->len;
		acked += SERPY_MODE_ACKED(m->mode);
	}
	return n > o->off ? n - (size_t)o->off : 0;
}

static const uint8_t *lend(const struct lan_ring *r, uint64_t pos, size_t n, size_t *out)
{
	*out = n;
	return n ? lan_ring_at(r, pos) : NULL;
}

const uint8_t *out_pending(const struct serpy *s, const struct serpy_out *o, size_t *n)
{
	size_t ctl = lan_ring_len(&o->ctl);
	if (ctl && o->off == 0)
		return lend(&o->ctl, o->ctl.head, ctl, n);
	*n = 0;
	if (o->next > o->last)
		return NULL;
	const struct out_mark *m = out_at(o, o->next);
	const struct out_long *l = m->kind == OUT_PLAIN ? NULL : front_long(o);
	if (m->flags & OUT_VOID || (o->off == 0 && !open_for(s, o, m, 0)))
		return NULL;
	if (m->kind == OUT_PLAIN)
		return lend(
			&o->data, o->next_pos + o->off, ctl ? m->len - (size_t)o->off : plain_run(s, o), n);
	if (m->kind == OUT_BLOB) {
		uint64_t have = o->data.tail - o->next_pos, left = l->len - o->off;
		return lend(&o->data, o->next_pos, (size_t)(have < left ? have : left), n);
	}
	if (o->off < SERPY_HEAD)
		return lend(&o->data, o->next_pos + o->off, SERPY_HEAD - (size_t)o->off, n);
	*n = (size_t)(l->len - o->off);
	return l->data + (o->off - SERPY_HEAD);
}

/* --- what was sent -------------------------------------------------------------------------- */

/* Only to tell how much of it did not reach the peer; without memory that is told less exactly. */
static void remember(struct serpy_out *o, uint32_t len, bool control)
{
	struct out_run *r;
	uint8_t *to;
	if (lan_ring_len(&o->runs)) {
		r = (struct out_run *)lan_ring_at(&o->runs, o->runs.tail - sizeof *r);
		if (r->len == len && r->control == control && r->count < UINT32_MAX) {
			r->count++;
			return;
		}
	}
	if (lan_ring_len(&o->runs) >= RUNS_MAX * sizeof *r) {
		lan_ring_drop(&o->runs, sizeof *r);
		o->runs_cut = true;
	}
	if (lan_ring_room(&o->runs, sizeof *r, &to)) {
		lan_ring_drop(&o->runs, lan_ring_len(&o->runs)); /* no gaps */
		o->runs_cut = true;
		return;
	}
	memcpy(to, &(struct out_run){len, 1, control}, sizeof *r);
	lan_ring_commit(&o->runs, sizeof *r);
}

static void long_sent(struct serpy *s, struct serpy_conn *c, struct serpy_out *o, struct out_mark *m)
{
	struct out_long l = *front_long(o);
	lan_ring_drop(&o->longs, sizeof l);
	if (m->kind == OUT_REF)
		o->long_bytes -= l.len - SERPY_HEAD;
	else
		m->len = (uint32_t)(o->first == o->next ? o->next_pos - o->data.head : o->off);
	remember(o, l.len < UINT32_MAX ? (uint32_t)l.len : UINT32_MAX, false);
	out_release(s, &l);
	serpy_tell(s, (struct serpy_note){.kind = SERPY_SENT, .conn = c->id, .token = o->next}, NULL);
}

static void message_sent(struct serpy *s, lan_time now, struct serpy_out *o)
{
	o->sent++;
	o->tx_messages++;
	serpy_count(s, SERPY_C_tx_messages);
	if (s->cfg.confirm && o->confirm_at == LAN_NEVER)
		o->confirm_at = now + s->cfg.confirm;
}

/* The last byte of message `next` was taken by the system. */
static void whole(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_out *o)
{
	struct out_mark *m = out_at(o, o->next);
	if (m->kind != OUT_BLOB)
		o->next_pos += m->len;
	if (m->kind == OUT_PLAIN)
		remember(o, m->len, m->flags & OUT_NOTE);
	else
		long_sent(s, c, o, m);
	if (!(m->flags & OUT_NOTE))
		message_sent(s, now, o);
	if (s->cfg.dialect == SERPY1 && SERPY_MODE_ACKED(m->mode)) {
		struct out_wait w = {o->next, o->sent, m->flags & OUT_TOLD};
		m->flags |= OUT_WAITS;
		(void)!lan_ring_put(&o->waits, &w, sizeof w); /* reserved by out_new */
	}
	o->off = 0;
	o->next++;
}

static uint64_t wire_len(const struct serpy_out *o)
{
	const struct out_mark *m = out_at(o, o->next);
	return m->kind == OUT_PLAIN ? m->len : front_long(o)->len;
}

void out_sent(struct serpy *s, lan_time now, struct serpy_conn *c, size_t n)
{
	struct serpy_out *o = c->out;
	o->used_at = now;
	if (o->off == 0 && lan_ring_len(&o->ctl)) {
		remember(o, (uint32_t)n, true);
		lan_ring_drop(&o->ctl, n);
		if (lan_ring_len(&o->ctl) <= SERPY_ANSWERS)
			conn_pause(s, c, false);
		return;
	}
	while (n > 0) {
		if (o->n_void)
			skip_voids(o);
		uint64_t left = wire_len(o) - o->off;
		size_t k = n < left ? n : (size_t)left;
		if (out_at(o, o->next)->kind == OUT_BLOB)
			o->next_pos += k;
		o->off += k;
		n -= k;
		if (k == left)
			whole(s, now, c, o);
	}
	release_front(s, o);
	out_pass(s, o);
}

/* --- control words and acknowledgements ----------------------------------------------------- */

enum lan_err out_control(struct serpy_conn *c, const char *word, size_t n)
{
	return lan_ring_put(&c->out->ctl, word, n) ? LAN_ERR_NOMEM : LAN_OK;
}

bool out_ack(struct serpy *s, struct serpy_conn *c, uint64_t *token)
{
	struct serpy_out *o = c->out;
	struct out_wait w;
	*token = 0;
	if (!o || !lan_ring_len(&o->waits))
		return false;
	memcpy(&w, lan_ring_at(&o->waits, o->waits.head), sizeof w);
	lan_ring_drop(&o->waits, sizeof w);
	if (o->confirmed < w.sent) /* the peer takes messages in order */
		o->confirmed = w.sent;
	if (w.token >= o->first)
		out_at(o, w.token)->flags &= (uint8_t)~OUT_WAITS;
	release_front(s, o);
	*token = w.told ? 0 : w.token;
	return true;
}

/* Section 1.2: SETMODE, digit, end of block. Section 1.1: the digit is in the connection's encoding. */
static enum lan_err set_mode(struct serpy *s, struct serpy_conn *c, uint8_t mode)
{
	struct serpy_out *o = c->out;
	char word[16] = "\x01SETMODE", digit = (char)('0' + mode);
	size_t n = 8, k = 0;
	enum lan_err e = encoding_encode(s->encoding, &digit, 1, (uint8_t *)word + n, &k);
	n += k;
	word[n++] = 0x1f;
	if (!e)
		e = out_control(c, word, n);
	if (e)
		return e;
	s->moded |= s->cfg.server && mode != 0;
	o->mode_wait = true;
	o->asked = mode;
	o->barrier = o->sent;
	return LAN_OK;
}

void out_mode_acked(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	struct serpy_out *o = c->out;
	if (!o || !o->mode_wait)
		return;
	o->mode_wait = false;
	o->mode = o->asked;
	/* The peer answers in order; if one does not, what it owes an acknowledgement of has not arrived. */
	uint64_t upto = o->barrier;
	if (lan_ring_len(&o->waits)) {
		struct out_wait w;
		memcpy(&w, lan_ring_at(&o->waits, o->waits.head), sizeof w);
		upto = w.sent - 1 < upto ? w.sent - 1 : upto;
	}
	if (o->confirmed < upto)
		o->confirmed = upto;
	/* What was sent since the question: to be asked about, too. */
	o->confirm_at = s->cfg.confirm && o->confirmed < o->sent ? now + s->cfg.confirm : LAN_NEVER;
}

/* When the peer is to be asked whether all has arrived: not while it is being asked, nor within a message. */
static lan_time ask_at(const struct serpy_out *o)
{
	bool can = o->conn && o->conn->state == CONN_OPEN && !o->mode_wait && o->off == 0;
	return can && o->confirmed < o->sent ? o->confirm_at : LAN_NEVER;
}

static enum lan_err ask_mode(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	struct serpy_out *o = c->out;
	if (o->mode_wait || o->off > 0)
		return LAN_OK;
	if (o->next <= o->last && out_at(o, o->next)->mode != o->mode) {
		serpy_count(s, SERPY_C_tx_mode_changes);
		return set_mode(s, c, out_at(o, o->next)->mode);
	}
	if (ask_at(o) == LAN_NEVER || now < o->confirm_at)
		return LAN_OK;
	serpy_count(s, SERPY_C_tx_confirms);
	return set_mode(s, c, o->mode);
}

void out_pump(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	size_t n;
	if (c->state != CONN_OPEN || !c->out)
		return;
	out_pass(s, c->out);
	if (s->cfg.dialect == SERPY1 && ask_mode(s, now, c)) {
		conn_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
		return;
	}
	serpy_arm(s, &c->out->timer, ask_at(c->out));
	out_pending(s, c->out, &n);
	if (n)
		conn_want(s, c, WANT_SEND_BIT);
	if (c->finishing)
		conn_check_finished(s, now, c);
}

lan_time out_deadline(const struct serpy_out *o)
{
	lan_time at = ask_at(o);
	for (uint64_t pos = o->times.head; pos < o->times.tail; pos += sizeof(struct out_timeout)) {
		struct out_timeout t;
		memcpy(&t, lan_ring_at(&o->times, pos), sizeof t);
		at = t.at < at ? t.at : at;
	}
	return at;
}
