/*
 * outbox.c - see outbox.h. A record is written once into the queue and leaves
 * it when it and all before it are finished; sending copies it behind its mid
 * into the stream's buffer, always as a whole line.
 */
#include "proto/iot/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iot/iot.h"
#include "proto/iot/line.h"
#include "proto/iot/stream.h"

enum { DONE, SENT_ONCE, SENT_QOS, SENT_WAIT }; /* states of a slot */

#define IDS        255 /* in use after 00 */
#define UNSEEN_QOS 80  /* from here on, lost lines are made up for by qos */
#define UNSEEN_MAX 104 /* 254 ids since the same id was used, 150 of them in the receiver's record */
#define CAREFUL    4   /* a stream of which nothing came back: the next carries so many times fewer lines */

struct record {
	uint32_t len;
	unsigned flags;
};

static struct record record_at(const struct iot_outbox *o, uint64_t pos)
{
	uint32_t word;
	memcpy(&word, lan_ring_at(&o->queue, pos), sizeof word);
	return (struct record){word >> 2, word & 3};
}

static struct iot_slot *slot(const struct iot_outbox *o, uint64_t seq)
{
	return &o->slot[seq & o->mask];
}

enum lan_err iot_outbox_init(struct iot_outbox *o, uint32_t window, uint32_t max_queue)
{
	uint32_t n = 1;
	while (n < window)
		n *= 2;
	*o = (struct iot_outbox){.window = window, .burst = window, .mask = n - 1, .again_at = LAN_NEVER};
	lan_ring_init(&o->queue, max_queue);
	o->slot = calloc(n, sizeof *o->slot);
	return o->slot ? LAN_OK : LAN_ERR_NOMEM;
}

void iot_outbox_fini(struct iot_outbox *o)
{
	lan_ring_fini(&o->queue);
	free(o->slot);
	o->slot = NULL;
}

enum lan_err iot_outbox_write(struct iot_outbox *o, const char *p, size_t n, unsigned flags, uint64_t *seq)
{
	uint32_t word = (uint32_t)n << 2 | (flags & 3);
	uint8_t *to;
	if (n + sizeof word > o->queue.max)
		return LAN_ERR_TOOBIG;
	enum lan_err e = lan_ring_room(&o->queue, n + sizeof word, &to);
	if (e) {
		o->want_room |= e == LAN_ERR_FULL;
		return e;
	}
	memcpy(to, &word, sizeof word);
	memcpy(to + sizeof word, p, n);
	lan_ring_commit(&o->queue, n + sizeof word);
	*seq = o->next++;
	return LAN_OK;
}

/* Of a slot that is filled in. */
static bool encode(struct iot_outbox *o, uint64_t seq, struct lan_ring *out)
{
	struct iot_slot *s = slot(o, seq);
	struct record rec = record_at(o, s->pos);
	uint8_t *to;
	if (lan_ring_room(out, rec.len + 3, &to))
		return false;
	iot_mid_encode(iot_mid_of(seq), to);
	memcpy(to + 2, lan_ring_at(&o->queue, s->pos + 4), rec.len);
	to[rec.len + 2] = '\n';
	lan_ring_commit(out, rec.len + 3);
	o->aloft += !s->aloft;
	s->aloft = o->carried = true;
	return true;
}

/* --- ids not known to have arrived ------------------------------------------ */

static bool unseen(const struct iot_outbox *o, uint8_t mid)
{
	return o->unseen[mid >> 5] >> (mid & 31) & 1;
}

static void set_unseen(struct iot_outbox *o, uint8_t mid, bool on)
{
	if (unseen(o, mid) == on)
		return;
	o->unseen[mid >> 5] ^= 1u << (mid & 31);
	o->unseen_n += on ? 1u : UINT32_MAX;
}

/* How many lines may be on their way at once, given those lost for good. */
static uint32_t allowance(const struct iot_outbox *o)
{
	uint32_t lost = o->unseen_n - o->inflight;
	uint32_t left = lost < UNSEEN_MAX ? UNSEEN_MAX - lost : 1;
	return left < o->window ? left : o->window;
}

/* --- sending ------------------------------------------------------------------ */

static bool may_send_next(const struct iot_outbox *o)
{
	if (o->next_tx == o->next || o->waiting || o->aloft >= o->burst)
		return false;
	if (o->next_tx - o->first >= o->window || o->inflight >= allowance(o))
		return false;
	if (o->first == 0 && o->next_tx > 0)
		return false; /* 00 travels alone */
	struct record rec = record_at(o, o->tx_pos);
	return (rec.flags & (IOT_QOS | IOT_WAIT)) != (IOT_QOS | IOT_WAIT) || o->inflight == 0;
}

static bool send_next(struct iot_outbox *o, lan_time now, struct lan_ring *out)
{
	struct record rec = record_at(o, o->tx_pos);
	uint64_t seq = o->next_tx;
	uint32_t lost = o->unseen_n - o->inflight;
	bool qos = rec.flags & IOT_QOS || seq == 0 || lost >= UNSEEN_QOS;
	bool wait = qos && rec.flags & IOT_WAIT;
	*slot(o, seq) = (struct iot_slot){.pos = o->tx_pos,
		.first_at = now,
		.at = now,
		.state = wait  ? SENT_WAIT
			 : qos ? SENT_QOS
			       : SENT_ONCE};
	if (!encode(o, seq, out))
		return false;
	set_unseen(o, iot_mid_of(seq), true);
	o->inflight++;
	o->waiting = wait;
	o->tx_pos += rec.len + 4;
	o->next_tx++;
	o->again = o->next_tx;
	o->tx_lines++;
	return true;
}

/* Tell a receiver of ours that the 00 that follows is the one of before, not that
 * of a new process. Others see keepalives. */
static bool mark(struct lan_ring *out)
{
	uint8_t *to;
	if (lan_ring_room(out, IOT_MARK, &to))
		return false;
	memset(to, '\n', IOT_MARK);
	lan_ring_commit(out, IOT_MARK);
	return true;
}

/* Send lines of first..next_tx again: those from `again` on, and those whose time is up. */
static bool send_again(
	struct iot_outbox *o, lan_time now, lan_time timeout, struct lan_ring *out, size_t high)
{
	lan_time next = LAN_NEVER;
	for (uint64_t seq = o->first; seq < o->next_tx; seq++) {
		struct iot_slot *s = slot(o, seq);
		if (s->state == DONE)
			continue;
		if (seq >= o->again && o->aloft >= o->burst) {
			o->again = seq;
			o->again_at = next;
			return true;
		}
		if (s->state != SENT_ONCE && (seq >= o->again || now - s->at >= timeout)) {
			if (lan_ring_len(out) >= high) {
				o->again = seq < o->again ? o->again : seq;
				o->again_at = now + timeout; /* until then the stream says sent() or stalls */
				return true;
			}
			if ((seq == 0 && o->again == 0 && !mark(out)) || !encode(o, seq, out))
				return false;
			s->at = now;
			o->tx_again++;
		}
		next = s->at + timeout < next ? s->at + timeout : next;
	}
	o->again = o->next_tx;
	o->again_at = next;
	return true;
}

bool iot_outbox_pump(struct iot_outbox *o, lan_time now, lan_time timeout, struct lan_ring *out, size_t high)
{
	bool more = o->again < o->next_tx && o->aloft < o->burst;
	if (o->inflight && (more || now >= o->again_at)) {
		/* By time alone only when the stream has taken all before: a repeat
		 * queued behind the original helps nobody. */
		if (!more && lan_ring_len(out) > 0)
			o->again_at = now + timeout;
		else if (!send_again(o, now, timeout, out, high))
			return false;
	}
	while (o->again == o->next_tx && lan_ring_len(out) < high && may_send_next(o)) {
		if (!send_next(o, now, out))
			return false;
		if (now + timeout < o->again_at)
			o->again_at = now + timeout;
	}
	return true;
}

/* --- finishing ------------------------------------------------------------------ */

static void finish(struct iot_outbox *o, uint64_t seq)
{
	struct iot_slot *s = slot(o, seq);
	o->waiting = s->state == SENT_WAIT ? false : o->waiting;
	s->state = DONE;
	o->inflight--;
	o->aloft -= s->aloft;
	s->aloft = false;
	while (o->first < o->next_tx && slot(o, o->first)->state == DONE)
		o->first++;
	uint64_t keep = o->first < o->next_tx ? slot(o, o->first)->pos : o->tx_pos;
	lan_ring_drop(&o->queue, (size_t)(keep - o->queue.head));
	if (!o->inflight)
		o->again_at = LAN_NEVER;
}

bool iot_outbox_find(const struct iot_outbox *o, uint8_t mid, uint64_t *seq)
{
	uint64_t base = o->first, at;
	if (mid == 0) {
		at = 0;
		if (base > 0)
			return false;
	} else {
		base = base ? base : 1;
		at = base + (uint64_t)((mid - 1 + IDS - (int)((base - 1) % IDS)) % IDS);
	}
	if (at >= o->next_tx || slot(o, at)->state == DONE)
		return false;
	*seq = at;
	return true;
}

void iot_outbox_ack(struct iot_outbox *o, lan_time now, uint64_t seq)
{
	o->rtt = now - slot(o, seq)->first_at;
	set_unseen(o, iot_mid_of(seq), false);
	finish(o, seq);
	o->heard = true;
	o->burst += o->burst < o->window;
}

bool iot_outbox_lost(struct iot_outbox *o, lan_time now, lan_time timeout, bool all, uint64_t *seq)
{
	if (!o->inflight || (!all && now < o->again_at))
		return false;
	for (uint64_t i = o->first; i < o->next_tx; i++) {
		struct iot_slot *s = slot(o, i);
		if (s->state != SENT_ONCE || (!all && now - s->at < timeout))
			continue;
		finish(o, i);
		o->tx_lost++;
		*seq = i;
		return true;
	}
	return false;
}

void iot_outbox_stream(struct iot_outbox *o)
{
	if (o->carried && !o->heard)
		o->burst = o->burst > CAREFUL ? o->burst / CAREFUL : 1;
	for (uint64_t seq = o->first; seq < o->next_tx; seq++)
		slot(o, seq)->aloft = false;
	o->aloft = 0;
	o->carried = o->heard = false;
	o->again = o->first;
}

bool iot_outbox_has_room(struct iot_outbox *o)
{
	if (!o->want_room || lan_ring_len(&o->queue) > o->queue.max / 2)
		return false;
	o->want_room = false;
	return true;
}

void iot_outbox_status(const struct iot_outbox *o, struct iot_status *out)
{
	out->queued = (uint32_t)iot_outbox_pending(o);
	out->unacked = o->inflight;
	out->queued_bytes = lan_ring_len(&o->queue);
	out->tx_lines = o->tx_lines;
	out->tx_again = o->tx_again;
	out->tx_lost = o->tx_lost;
	out->rtt = o->rtt;
}
