/*
 * out_fate.c - what becomes of messages that cannot simply be sent: the queue is
 * full, the connection ends, an acknowledgement does not come. Every message
 * that is not sent for good is counted, exactly once.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX 1024

enum lan_err out_new(struct serpy *s, uint64_t id, struct serpy_out **out)
{
	struct serpy_out *o = calloc(1, sizeof *o);
	uint8_t *to;
	if (!o)
		return LAN_ERR_NOMEM;
	/* A text in base85, and for a moment the text it is made from. */
	uint64_t longest = 9 * (uint64_t)s->cfg.max_message / 4 + (1u << 16);
	uint64_t max = longest + s->cfg.max_queue;
	lan_ring_init(&o->data, max < UINT32_MAX ? (uint32_t)max : UINT32_MAX);
	lan_ring_init(&o->marks, UINT32_MAX / 2);
	lan_ring_init(&o->longs, UINT32_MAX / 2);
	lan_ring_init(&o->ctl, UINT32_MAX / 2);
	lan_ring_init(&o->runs, UINT32_MAX / 2);
	lan_ring_init(&o->times, UINT32_MAX / 2);
	lan_ring_init(&o->waits, (uint32_t)(WINDOW_MAX * sizeof(struct out_wait)));
	if (lan_timers_reserve(&s->timers, s->n_conns + s->n_outs + 3) ||
		(s->cfg.dialect == SERPY1 &&
			lan_ring_room(&o->waits, s->cfg.window * sizeof(struct out_wait), &to))) {
		free(o);
		return LAN_ERR_NOMEM;
	}
	s->n_outs++;
	o->id = id;
	o->timer.what = TIMER_OUT;
	o->first = o->next = 1;
	o->confirm_at = LAN_NEVER;
	/* Section 5.3: a client of the original that comes back reads in the mode it was told before. */
	o->mode = s->moded ? MODE_UNSURE : 0;
	*out = o;
	return LAN_OK;
}

void out_release(struct serpy *s, const struct out_long *l)
{
	struct out_done d = {l->release, l->ctx};
	if (!l->release)
		return;
	s->n_refs--;
	(void)!lan_ring_put(&s->done, &d, sizeof d); /* there is room since it was queued */
}

static void release_longs(struct serpy *s, struct serpy_out *o)
{
	while (lan_ring_len(&o->longs)) {
		struct out_long l;
		memcpy(&l, lan_ring_at(&o->longs, o->longs.head), sizeof l);
		lan_ring_drop(&o->longs, sizeof l);
		out_release(s, &l);
	}
}

void out_free(struct serpy *s, struct serpy_out *o)
{
	if (!o)
		return;
	release_longs(s, o);
	lan_timers_unset(&s->timers, &o->timer.t);
	s->n_outs--;
	lan_ring_fini(&o->data);
	lan_ring_fini(&o->marks);
	lan_ring_fini(&o->longs);
	lan_ring_fini(&o->ctl);
	lan_ring_fini(&o->runs);
	lan_ring_fini(&o->waits);
	lan_ring_fini(&o->times);
	free(o);
}

/* Memory of an empty queue goes back. */
void out_trim(struct serpy_out *o)
{
	lan_ring_trim(&o->data);
	lan_ring_trim(&o->marks);
	lan_ring_trim(&o->longs);
	lan_ring_trim(&o->ctl);
	lan_ring_trim(&o->times);
}

/* --- a full queue --------------------------------------------------------------------------- */

/* Take the oldest message that is not under way out of the queue. What lies before its bytes moves up. */
static bool drop_oldest(struct serpy_out *o)
{
	uint64_t t = o->off > 0 ? o->next + 1 : o->next, pos = o->next_pos;
	if (o->off > 0 && (o->next > o->last || out_at(o, o->next)->kind == OUT_BLOB))
		return false; /* a blob's bytes are not all there */
	if (o->off > 0)
		pos += out_at(o, o->next)->len;
	while (t <= o->last && out_at(o, t)->flags & (OUT_VOID | OUT_NOTE))
		pos += out_at(o, t++)->len;
	if (t > o->last || out_at(o, t)->kind != OUT_PLAIN)
		return false;
	struct out_mark *m = out_at(o, t);
	uint32_t len = m->len;
	size_t before = (size_t)(pos - o->data.head);
	if (before)
		memmove(lan_ring_at(&o->data, o->data.head + len), lan_ring_at(&o->data, o->data.head),
			before);
	lan_ring_drop(&o->data, len);
	o->next_pos += len;
	m->len = 0;
	m->flags |= OUT_VOID;
	o->n_void++;
	return true;
}

static void tell_dropped(struct serpy *s, struct serpy_out *o, uint64_t count)
{
	struct serpy_note note = {.kind = SERPY_LOST,
		.conn = o->id,
		.lost = count,
		.err = LAN_ERR_FULL,
		.reason = "the queue is full"};
	if (!count)
		return;
	o->lost += count;
	s->count.v[SERPY_C_tx_dropped] += count;
	serpy_tell(s, note, NULL);
}

enum lan_err out_room(struct serpy *s, struct serpy_out *o, uint64_t n, bool *forget)
{
	uint64_t dropped = 0;
	*forget = false;
	while (out_used(o) && out_used(o) + n > s->cfg.max_queue) {
		if (s->cfg.full == SERPY_FULL_REFUSE) {
			o->full = true;
			return LAN_ERR_FULL;
		}
		if (s->cfg.full == SERPY_FULL_DROP_NEW || !drop_oldest(o)) {
			*forget = true;
			break;
		}
		dropped++;
	}
	tell_dropped(s, o, dropped + *forget);
	return LAN_OK;
}

void out_writable(struct serpy *s, struct serpy_out *o)
{
	if (!o->full || out_used(o) > s->cfg.max_queue / 2)
		return;
	o->full = false;
	serpy_tell(s, (struct serpy_note){.kind = SERPY_WRITABLE, .conn = o->id}, NULL);
}

/* --- the end of a connection --------------------------------------------------------------- */

/* How many of the messages sent last have bytes among the last `bytes`. */
static uint64_t count_unreached(const struct serpy_out *o, uint64_t bytes)
{
	uint64_t n = 0, k, under_way = o->off < bytes ? o->off : bytes;
	bytes -= under_way; /* of the message that was being sent */
	for (uint64_t pos = o->runs.tail; pos > o->runs.head && bytes; n += k) {
		struct out_run r;
		pos -= sizeof r;
		memcpy(&r, lan_ring_at(&o->runs, pos), sizeof r);
		uint64_t most = r.len ? bytes / r.len + (bytes % r.len != 0) : r.count;
		k = most < r.count ? most : r.count;
		bytes -= k * r.len < bytes ? k * r.len : bytes;
		if (r.control)
			k = 0;
	}
	return bytes && o->runs_cut ? UINT64_MAX : n; /* at most all */
}

/* A blob of which something was sent cannot be sent again: its first bytes are gone. */
static bool blob_under_way(const struct serpy_out *o)
{
	return o->off > 0 && o->next <= o->last && out_at(o, o->next)->kind == OUT_BLOB;
}

static void void_blob(struct serpy_out *o)
{
	struct out_mark *m = out_at(o, o->next);
	struct out_long l;
	memcpy(&l, lan_ring_at(&o->longs, o->longs.head), sizeof l);
	lan_ring_drop(&o->longs, sizeof l);
	uint64_t begin = o->first == o->next ? o->data.head : o->next_pos - o->off;
	uint64_t end = o->blob && o->next == o->last ? o->data.tail : o->next_pos + (l.len - o->off);
	*m = (struct out_mark){
		.kind = OUT_PLAIN, .mode = m->mode, .flags = OUT_VOID, .len = (uint32_t)(end - begin)};
	o->n_void++;
	o->next_pos = begin;
	if (o->blob && o->next == o->last) {
		o->blob = false;
		o->blob_failed = true;
	}
}

/* Go back to the oldest message that is kept; only those that wait for their acknowledgement are sent again.
 */
static uint64_t rewind_kept(struct serpy_out *o)
{
	uint64_t again = 0;
	for (uint64_t t = o->first; t < o->next; t++) {
		struct out_mark *m = out_at(o, t);
		if (m->flags & OUT_WAITS && m->kind == OUT_PLAIN) {
			m->flags &= OUT_TOLD;
			again++;
		} else {
			m->kind = OUT_PLAIN;
			m->flags = OUT_VOID;
			o->n_void++;
		}
	}
	o->next = o->first;
	o->next_pos = o->data.head;
	return again;
}

static void forget_connection(struct serpy_out *o)
{
	lan_ring_drop(&o->ctl, lan_ring_len(&o->ctl));
	lan_ring_drop(&o->runs, lan_ring_len(&o->runs));
	lan_ring_drop(&o->waits, lan_ring_len(&o->waits));
	lan_ring_trim(&o->runs);
	o->off = o->sent = o->confirmed = o->barrier = 0;
	o->mode = o->asked =
		0; /* section 1.2: every connection starts in mode 0; the original forgets this */
	o->mode_wait = o->asking = o->runs_cut = false;
	o->confirm_at = LAN_NEVER;
}

/* What was sent whole and nobody confirmed. An application that closes the connection itself knows that it is
 * on its way; only messages it was to hear an acknowledgement of are then lost. */
static uint64_t doubtful(const struct serpy_out *o, const struct serpy_conn *c)
{
	return c->quiet ? out_waiting(o) : o->sent - o->confirmed;
}

void out_broken(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev)
{
	struct serpy_out *o = c->out;
	uint64_t doubt = doubtful(o, c), unreached = count_unreached(o, c->unreached_bytes);
	ev->unreached = c->quiet ? 0 : unreached < doubt ? unreached : doubt;
	if (blob_under_way(o)) {
		void_blob(o);
		ev->lost++;
		ev->unreached++;
	}
	if (s->cfg.resend && !s->cfg.server)
		ev->doubled = rewind_kept(o);
	ev->lost += doubt - ev->doubled;
	forget_connection(o);
	if (s->cfg.server)
		ev->lost += out_give_up(s, o);
	o->lost += ev->lost;
	o->doubled += ev->doubled;
	s->count.v[SERPY_C_tx_lost] += ev->lost;
	s->count.v[SERPY_C_tx_doubled] += ev->doubled;
	if (!s->cfg.server)
		out_pass(s, o);
}

uint64_t out_give_up(struct serpy *s, struct serpy_out *o)
{
	uint64_t n = 0;
	for (uint64_t t = o->next; t <= o->last; t++)
		n += !(out_at(o, t)->flags & (OUT_VOID | OUT_NOTE));
	release_longs(s, o);
	o->long_bytes = o->n_void = 0;
	o->blob_failed |= o->blob;
	o->blob = false;
	o->off = 0;
	lan_ring_drop(&o->data, lan_ring_len(&o->data));
	lan_ring_drop(&o->marks, lan_ring_len(&o->marks));
	lan_ring_drop(&o->times, lan_ring_len(&o->times));
	o->first = o->next = o->last + 1;
	o->next_pos = o->data.head;
	return n;
}

/* --- timeouts of acknowledgements ------------------------------------------------------------- */

/* Is there still a word to come about it? If so it is said now, and never again. */
static bool tell_expired(struct serpy_out *o, uint64_t token)
{
	for (uint64_t pos = o->waits.head; pos < o->waits.tail; pos += sizeof(struct out_wait)) {
		struct out_wait *w = (struct out_wait *)lan_ring_at(&o->waits, pos);
		if (w->token != token)
			continue;
		w->told = true;
		if (token >= o->first) /* should it be sent again */
			out_at(o, token)->flags |= OUT_TOLD;
		return true;
	}
	if (token < o->next || out_at(o, token)->flags & OUT_VOID)
		return false;
	out_at(o, token)->flags |= OUT_TOLD;
	return true;
}

/* The next message whose timeout has passed. What was acknowledged meanwhile is forgotten on the way. */
static bool expired(struct serpy_out *o, lan_time now, uint64_t *token)
{
	size_t n = lan_ring_len(&o->times) / sizeof(struct out_timeout);
	for (size_t i = 0; i < n; i++) {
		struct out_timeout *front = (struct out_timeout *)lan_ring_at(&o->times, o->times.head);
		struct out_timeout it = front[i];
		if (now < it.at)
			continue;
		front[i] = *front;
		lan_ring_drop(&o->times, sizeof it);
		if (tell_expired(o, it.token)) {
			*token = it.token;
			return true;
		}
		return expired(o, now, token);
	}
	return false;
}

void out_arm(struct serpy *s, struct serpy_out *o)
{
	serpy_arm(s, &o->timer, out_deadline(o));
}

void out_tick(struct serpy *s, lan_time now, struct serpy_out *o)
{
	uint64_t token;
	while (expired(o, now, &token)) {
		serpy_count(s, SERPY_C_tx_expired);
		serpy_tell(
			s, (struct serpy_note){.kind = SERPY_EXPIRED, .conn = o->id, .token = token}, NULL);
	}
	if (o->conn)
		out_pump(s, now, o->conn);
	out_arm(s, o);
}
