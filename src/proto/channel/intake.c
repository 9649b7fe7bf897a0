/*
 * intake.c - from a sender's frames to messages. Best effort: a frame counts
 * once and goes on at once. Ordered and reliable: frames wait in their blocks
 * until the one before them was delivered, recovered, or given up; what was
 * given up is reported by exact message numbers, and nothing is both delivered
 * and reported.
 *
 * `next_msg` is the smallest message that was neither delivered nor reported
 * lost. Everything about gaps follows from keeping that true.
 * docs/protocols/channel.md sections 5 and 6.
 */
#include "proto/channel/group_int.h"

#include <string.h>

#define HOLD_TIME LAN_SEC(3)
#define FORGET    LAN_SEC(60)

static bool in_order(const struct chan *c)
{
	return c->mode != CHAN_BEST_EFFORT;
}

static void set_stuck(struct chan *c, struct chan_rx *rx, bool stuck)
{
	c->n_stuck += (uint32_t)stuck - (uint32_t)rx->stuck;
	rx->stuck = stuck;
}

void chan_rx_reset(struct chan *c, struct chan_peer *p)
{
	set_stuck(c, &p->rx, false);
	chan_blocks_free(c, &p->rx);
	chan_reasm_drop(c->reasm, p->id, 0);
	p->rx = (struct chan_rx){.hold_until = LAN_NEVER,
		.late_at = LAN_NEVER,
		.gap_at = LAN_NEVER,
		.nack_at = LAN_NEVER,
		.report_at = LAN_NEVER,
		.budget = 3 * 1024};
	lan_seqwin_init(&p->rx.seen, 0);
	lan_seqwin_init(&p->rx.told, 0);
}

/* --- in order ------------------------------------------------------------------- */

/* Message `msg` cannot be had whole any more: over with it. */
static void damaged(struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const char *why)
{
	struct chan_rx *rx = &p->rx;
	if (rx->next_msg)
		chan_rx_lost(c, p, now, msg, msg, why);
	rx->skip_msg = msg;
	rx->next_msg = msg + 1;
	rx->asm_msg = 0;
	chan_reasm_drop(c->reasm, p->id, 0);
}

static bool take_fragment(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	uint64_t msg = f->u.data.msg;
	uint32_t end = f->u.data.offset + (uint32_t)f->u.data.len;
	if (f->u.data.offset != (rx->asm_msg == msg ? rx->asm_at : 0)) {
		damaged(c, p, now, msg, "gap");
		return true;
	}
	if (end == f->u.data.total && !chan_inbox_fits(&c->inbox, end))
		return false;
	struct chan_fragment frag = chan_rx_fragment(p, f);
	const uint8_t *whole = NULL;
	enum lan_err e = chan_reasm_add(c->reasm, now, &frag, &whole);
	if (e || (end == f->u.data.total && !whole)) {
		if (e == LAN_ERR_NOMEM)
			chan_count(c, CHAN_C_NOMEM);
		damaged(c, p, now, msg, e == LAN_ERR_NOMEM ? "no memory" : "broken");
		return true;
	}
	rx->asm_msg = whole ? 0 : msg;
	rx->asm_at = end;
	if (!whole)
		return true;
	if (!chan_rx_deliver(c, p, now, msg, whole, end)) {
		chan_count(c, CHAN_C_NOMEM);
		damaged(c, p, now, msg, "no memory");
		return true;
	}
	rx->next_msg = msg + 1;
	return true;
}

/* The next frame in order. False: no room for what it completes. */
static bool take_ordered(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	uint64_t msg = f->u.data.msg;
	if (msg < rx->next_msg || msg == rx->skip_msg)
		return true;
	if (rx->asm_msg && rx->asm_msg != msg) { /* the rest of it was passed over, or never sent */
		rx->asm_msg = 0;
		chan_reasm_drop(c->reasm, p->id, 0);
	}
	if (rx->next_msg && msg > rx->next_msg) {
		chan_rx_lost(c, p, now, rx->next_msg, msg - 1, rx->why ? rx->why : "gap");
		rx->next_msg = msg;
	}
	if (f->u.data.total > c->max_message) {
		chan_count(c, CHAN_C_TOOBIG);
		damaged(c, p, now, msg, "too big");
		return true;
	}
	if (f->flags & CHAN_DATA_FRAG) {
		if (!rx->next_msg && f->u.data.offset == 0)
			rx->next_msg = msg;
		return take_fragment(c, p, now, f);
	}
	if (!chan_rx_deliver(c, p, now, msg, f->u.data.data, f->u.data.len))
		return false;
	rx->next_msg = msg + 1;
	return true;
}

/* Deliver what stands next, as far as it is there. */
static void release(struct chan *c, struct chan_peer *p, lan_time now)
{
	struct chan_rx *rx = &p->rx;
	while (rx->state == CHAN_RX_RUN) {
		struct chan_rxblock *b = chan_block_of(rx, rx->next);
		unsigned i = b ? (unsigned)(rx->next - b->first) : 0;
		struct chan_frame f;
		if (!b || !(b->have >> i & 1))
			break;
		if (chan_frame_decode(b->frame[i]->bytes, b->frame[i]->len, &f) == LAN_OK &&
			!take_ordered(c, p, now, &f)) {
			set_stuck(c, rx, true);
			return;
		}
		rx->next++;
		if (i + 1 == rx->block)
			chan_blocks_slide(c, rx, rx->next);
	}
	set_stuck(c, rx, false);
}

static void skip_to(struct chan *c, struct chan_peer *p, uint64_t seq)
{
	p->rx.next = seq;
	if (p->rx.asm_msg) {
		p->rx.asm_msg = 0;
		chan_reasm_drop(c->reasm, p->id, 0);
	}
	chan_blocks_slide(c, &p->rx, seq);
}

/* The first frame at or after `next` that is there; `until` if none before that. */
static uint64_t next_held(struct chan_rx *rx, uint64_t until)
{
	struct chan_rxblock *b = rx->next < until ? chan_block_of(rx, rx->next) : NULL;
	if (!b)
		return until;
	uint64_t first = b->first, bits = b->have & UINT64_MAX << (rx->next - first);
	uint64_t end = rx->base + (uint64_t)rx->n_ring * rx->block;
	/* Block by block without a division or a store: there may be many, none of them in use. */
	for (end = until < end ? until : end; !bits; bits = b->have) {
		first += rx->block;
		if (first >= end)
			return until;
		b = b + 1 < rx->ring + rx->n_ring ? b + 1 : rx->ring;
	}
	first += (unsigned)__builtin_ctzll(bits);
	return first < until ? first : until;
}

/* What is missing below `until` will not come any more; `msg` (0: not known) is the first message that begins
 * there. False: the inbox is full, to be continued. */
static bool give_up(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t until, uint64_t msg, const char *why)
{
	struct chan_rx *rx = &p->rx;
	rx->why = why;
	while (rx->next < until) {
		release(c, p, now);
		if (rx->stuck)
			return false;
		if (rx->next < until)
			skip_to(c, p, next_held(rx, until));
	}
	release(c, p, now);
	if (rx->next == until && msg > rx->next_msg && rx->next_msg && !rx->asm_msg) {
		chan_rx_lost(c, p, now, rx->next_msg, msg - 1, why);
		rx->next_msg = msg;
	}
	return !rx->stuck;
}

/* Where to begin with a sender: seq, and the first message to deliver (0: whichever begins first). */
static void begin(struct chan *c, struct chan_peer *p, lan_time now, uint64_t seq, uint64_t msg)
{
	struct chan_rx *rx = &p->rx;
	rx->state = CHAN_RX_RUN;
	rx->next = seq;
	rx->next_msg = msg;
	rx->hold_until = rx->late_at = LAN_NEVER;
	rx->reported = seq;
	rx->budget_seq = seq;
	if (rx->ring && seq < rx->base)
		chan_blocks_free(c, rx);
	chan_blocks_slide(c, rx, seq);
	release(c, p, now);
}

static uint64_t lowest_held(struct chan_rx *rx)
{
	struct chan_rx from = *rx;
	from.next = rx->base;
	return rx->ring ? next_held(&from, rx->highest + 1) : rx->highest + 1;
}

static bool room_for(struct chan *c, struct chan_peer *p, lan_time now, uint64_t seq)
{
	struct chan_rx *rx = &p->rx;
	uint64_t base = rx->state == CHAN_RX_RUN ? rx->next : seq > c->history / 2 ? seq - c->history / 2 : 1;
	bool gap = rx->state != CHAN_RX_RUN || seq != rx->next;
	if (!rx->ring && (gap ? chan_blocks_want(c, rx, base) : chan_blocks_make(c, rx, base)) != LAN_OK) {
		chan_count(c, CHAN_C_NOMEM);
		return false;
	}
	if (chan_block_of(rx, seq))
		return true;
	uint64_t span = (uint64_t)(rx->n_ring - 1) * rx->block, first = seq - (seq - 1) % rx->block;
	if (seq < rx->base) {
		chan_count(c, CHAN_C_DUPLICATE);
		return false;
	}
	/* So far ahead that the sender cannot have the oldest of what is missing any more. */
	if (rx->state == CHAN_RX_RUN && !give_up(c, p, now, first - span, 0, "history")) {
		chan_count(c, CHAN_C_BEYOND);
		return false;
	}
	chan_blocks_slide(c, rx, first - span);
	return true;
}

/* No memory to keep it, but it is the very next: then it need not be kept. */
static bool straight_on(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	if (rx->state != CHAN_RX_RUN || rx->stuck || f->u.data.seq != rx->next || !take_ordered(c, p, now, f))
		return false;
	rx->next++;
	chan_blocks_slide(c, rx, rx->next);
	release(c, p, now);
	return true;
}

static void data_ordered(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n)
{
	struct chan_rx *rx = &p->rx;
	uint64_t seq = f->u.data.seq;
	if (rx->state == CHAN_RX_NEW && c->mode == CHAN_RELIABLE) {
		rx->state = CHAN_RX_HOLD;
		rx->hold_until = now + HOLD_TIME;
	} else if (rx->state == CHAN_RX_NEW) {
		begin(c, p, now, seq, 0);
	}
	if (rx->state == CHAN_RX_RUN && seq < rx->next) {
		chan_count(c, CHAN_C_DUPLICATE);
		return;
	}
	if (!room_for(c, p, now, seq)) {
		if (!rx->ring)
			(void)straight_on(c, p, now, f);
		return;
	}
	struct chan_rxblock *b = chan_block_of(rx, seq);
	enum lan_err e = b ? chan_block_keep(c, b, seq, raw, n) : LAN_ERR_EXISTS;
	if (e == LAN_ERR_NOMEM && straight_on(c, p, now, f))
		return;
	if (e) {
		chan_count(c, e == LAN_ERR_EXISTS ? CHAN_C_DUPLICATE : CHAN_C_NOMEM);
		return;
	}
	p->repaired += (f->flags & CHAN_DATA_AGAIN) != 0;
	if (b->n_parity)
		chan_rx_recovered(c, p, chan_block_decode(c, rx, b));
	release(c, p, now);
}

/* --- what comes in ----------------------------------------------------------------- */

/* After anything that moved `next` or `highest`. */
static void look_for_gaps(struct chan *c, struct chan_peer *p, lan_time now)
{
	struct chan_rx *rx = &p->rx;
	bool gap = rx->state == CHAN_RX_RUN && rx->next <= rx->highest && !rx->stuck;
	bool repairs = c->mode == CHAN_RELIABLE && rx->history;
	if (repairs)
		chan_nack_plan(c, p, now);
	if (repairs || !gap)
		rx->gap_at = LAN_NEVER;
	else if (rx->gap_at == LAN_NEVER) /* whether it repairs is told by its first announcement */
		rx->gap_at =
			now + (c->mode == CHAN_RELIABLE && p->opened == LAN_NEVER ? HOLD_TIME : c->reorder);
	chan_peer_arm(c, p);
}

void chan_rx_data(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n)
{
	struct chan_rx *rx = &p->rx;
	if (rx->block && rx->block != f->u.data.block) {
		chan_count(c, CHAN_C_CHANGED); /* it is authentic, and its counter used up: not a refusal */
		return;
	}
	rx->block = f->u.data.block;
	rx->confirm = (f->flags & CHAN_DATA_CONFIRM) != 0;
	rx->last_data = now;
	if (f->u.data.msg >= rx->sent_msg)
		rx->sent_msg = f->u.data.msg + 1;
	if (f->u.data.seq > rx->highest) {
		rx->highest = f->u.data.seq;
	} else if (!(f->flags & CHAN_DATA_AGAIN)) {
		p->reordered++;
	}
	if (!in_order(c)) {
		chan_rx_unordered(c, p, now, f, raw, n);
		return;
	}
	uint64_t had = rx->next;
	data_ordered(c, p, now, f, raw, n);
	if (rx->next != had)
		rx->gap_at = LAN_NEVER; /* another gap has its own time */
	look_for_gaps(c, p, now);
}

void chan_rx_parity(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	uint64_t first = f->u.parity.first, last = first + f->u.parity.k - 1;
	if (rx->block && rx->block != f->u.parity.block) {
		chan_count(c, CHAN_C_CHANGED);
		return;
	}
	rx->block = f->u.parity.block;
	if (last > rx->highest && (!in_order(c) || rx->state != CHAN_RX_NEW))
		rx->highest = last;
	if (in_order(c) ? rx->state == CHAN_RX_NEW || last < rx->next || !room_for(c, p, now, last)
			: !rx->ring && chan_blocks_make(c, rx, first) != LAN_OK)
		return;
	struct chan_rxblock *b = in_order(c) ? chan_block_of(rx, first) : chan_rx_kept_block(c, rx, first);
	uint64_t covered = f->u.parity.k == 64 ? UINT64_MAX : (UINT64_C(1) << f->u.parity.k) - 1;
	if (!b || (b->have & covered) == covered)
		return;
	enum lan_err e =
		chan_block_parity(c, b, f->u.parity.k, f->u.parity.row, f->u.parity.symbol, f->u.parity.len);
	if (e == LAN_ERR_NOMEM)
		chan_count(c, CHAN_C_NOMEM);
	uint64_t got = e ? 0 : chan_block_decode(c, rx, b);
	chan_rx_recovered(c, p, got);
	if (in_order(c)) {
		release(c, p, now);
		look_for_gaps(c, p, now);
	} else {
		chan_rx_take_recovered(c, p, now, b, got);
	}
}

/* Reliable, and nothing delivered yet: can it be told now where to begin? */
static void decide(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	if (p->opened != LAN_NEVER && p->opened > c->opened) {
		begin(c, p, now, 1, 1);
	} else if (c->late && rx->history && !c->silent && rx->late_tries < CHAN_LATE_TRIES) {
		rx->state = CHAN_RX_HOLD;
		if (rx->hold_until == LAN_NEVER)
			rx->hold_until = now + HOLD_TIME;
		if (rx->late_at == LAN_NEVER)
			rx->late_at = now;
	} else {
		uint64_t from = lowest_held(rx);
		/* an announcement that was overtaken does not tell which message begins there */
		begin(c, p, now, from, from == f->u.presence.highest + 1 ? f->u.presence.next_msg : 0);
	}
}

void chan_rx_presence(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	if (rx->block && rx->block != f->u.presence.block) {
		chan_count(c, CHAN_C_CHANGED);
		return;
	}
	rx->block = f->u.presence.block;
	rx->history = (f->flags & CHAN_PRES_HISTORY) != 0;
	if (f->flags & CHAN_PRES_UNCONFIRMED) {
		rx->confirm = true;
		rx->report_tries = 0;
	}
	if (f->u.presence.highest > rx->highest)
		rx->highest = f->u.presence.highest;
	if (f->u.presence.next_msg > rx->sent_msg)
		rx->sent_msg = f->u.presence.next_msg;
	if (!in_order(c))
		return;
	if (rx->state != CHAN_RX_RUN && c->mode == CHAN_RELIABLE)
		decide(c, p, now, f);
	else if (rx->state == CHAN_RX_NEW)
		begin(c, p, now, f->u.presence.highest + 1, f->u.presence.next_msg);
	if (rx->state == CHAN_RX_RUN && rx->history && f->u.presence.oldest > rx->next)
		give_up(c, p, now, f->u.presence.oldest, f->u.presence.oldest_msg, "history");
	if (rx->state == CHAN_RX_RUN && rx->next == f->u.presence.highest + 1 && !rx->stuck)
		give_up(c, p, now, rx->next, f->u.presence.next_msg,
			"gap"); /* passed over before its number was known */
	look_for_gaps(c, p, now);
}

void chan_rx_start(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	if (rx->state != CHAN_RX_HOLD || !rx->late_tries || f->u.start.n != c->late)
		return; /* not asked for: it may be an answer to another member */
	begin(c, p, now, f->u.start.seq, f->u.start.msg);
	look_for_gaps(c, p, now);
}

/* Nothing more will come of this instance. False: the inbox is full, to be continued. */
static bool finish(struct chan *c, struct chan_peer *p, lan_time now, const char *why)
{
	struct chan_rx *rx = &p->rx;
	if (!give_up(c, p, now, rx->highest + 1, rx->sent_msg, why))
		return false;
	if (rx->asm_msg)
		damaged(c, p, now, rx->asm_msg, why);
	return true;
}

void chan_rx_leave(struct chan *c, struct chan_peer *p, lan_time now)
{
	if (!in_order(c))
		return;
	(void)chan_rx_finish(c, p, now, "left");
	look_for_gaps(c, p, now);
}

bool chan_rx_finish(struct chan *c, struct chan_peer *p, lan_time now, const char *why)
{
	if (!in_order(c))
		return true;
	if (p->rx.state == CHAN_RX_HOLD)
		begin(c, p, now, lowest_held(&p->rx), 0);
	return p->rx.state != CHAN_RX_RUN || finish(c, p, now, why);
}

void chan_rx_remember(const struct chan *c, const struct chan_peer *p, uint64_t *next, uint64_t *next_msg)
{
	const struct chan_rx *rx = &p->rx;
	if (in_order(c) && rx->state != CHAN_RX_RUN)
		return;
	*next = in_order(c) ? rx->next : rx->seen.highest + 1;
	*next_msg = in_order(c) ? rx->next_msg : rx->told.highest + 1;
}

void chan_rx_go_on(struct chan *c, struct chan_peer *p, lan_time now, uint64_t next, uint64_t next_msg)
{
	if (in_order(c)) {
		begin(c, p, now, next, next_msg);
		return;
	}
	lan_seqwin_init(&p->rx.seen, next - 1);
	lan_seqwin_init(&p->rx.told, next_msg - 1);
}

bool chan_rx_restart(struct chan *c, struct chan_peer *p, lan_time now)
{
	if (!chan_rx_finish(c, p, now, "restarted"))
		return false;
	chan_rx_reset(c, p);
	return true;
}

void chan_rx_resume(struct chan *c, lan_time now)
{
	for (uint32_t i = 0; i < c->peers.n && c->n_stuck; i++) {
		struct chan_peer *p = &c->peers.peer[i];
		if (!p->rx.stuck || !chan_inbox_fits(&c->inbox, 0))
			continue;
		release(c, p, now);
		look_for_gaps(c, p, now);
	}
}

/* --- time ------------------------------------------------------------------------- */

/* When an absent sender's missing messages are given up. */
static lan_time forget_at(const struct chan *c, const struct chan_peer *p)
{
	const struct chan_rx *rx = &p->rx;
	bool open = rx->next <= rx->highest || rx->asm_msg || (rx->next_msg && rx->next_msg < rx->sent_msg);
	open = open && in_order(c) && rx->state == CHAN_RX_RUN && !rx->stuck;
	return open && !p->present ? p->since + FORGET : LAN_NEVER;
}

void chan_rx_tick(struct chan *c, struct chan_peer *p, lan_time now)
{
	struct chan_rx *rx = &p->rx;
	if (now >= rx->hold_until ||
		(rx->state == CHAN_RX_HOLD && rx->late_tries == CHAN_LATE_TRIES && now >= rx->late_at))
		begin(c, p, now, lowest_held(rx), 0);
	if (now >= rx->gap_at && !rx->stuck && chan_inbox_fits(&c->inbox, 0)) {
		uint64_t to = next_held(rx, rx->highest + 1);
		give_up(c, p, now, to, to > rx->highest ? rx->sent_msg : 0, "gap");
		rx->gap_at = LAN_NEVER;
	}
	if (now >= forget_at(c, p))
		finish(c, p, now, "gone");
	look_for_gaps(c, p, now);
}

lan_time chan_rx_deadline(const struct chan *c, const struct chan_peer *p)
{
	const struct chan_rx *rx = &p->rx;
	lan_time at = forget_at(c, p);
	lan_time more[] = {
		rx->hold_until, rx->late_at, rx->stuck ? LAN_NEVER : rx->gap_at, rx->nack_at, rx->report_at};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if (more[i] < at)
			at = more[i];
	return at;
}
