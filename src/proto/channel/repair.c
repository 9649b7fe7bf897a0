/*
 * repair.c - what a sender sends again. Requests for a block are gathered for a
 * moment, then answered once: with the missing frames where that is as good,
 * else with parity rows that were not sent before, which mend different losses
 * at different receivers. From what recent blocks needed it learns to send as much
 * parity without being asked. All of it within a budget of bytes.
 * docs/protocols/channel.md sections 6 and 7.
 */
#include "proto/channel/group_int.h"

#include <stdlib.h>
#include <string.h>
#include "fec/fec.h"

#define GATHER      LAN_MS(1)
#define SAME        LAN_MS(5)
#define FLUSH       LAN_MS(5)
#define BUDGET_MAX  (UINT64_C(8) << 20)
#define BUDGET_RATE 4000000 /* bytes a second beside new data */
#define LAG         16      /* blocks after which one that was not asked for counts as fine */
#define STALL       LAN_SEC(2)
#define GREETING    LAN_MS(300) /* for anybody who is there to tell, before frames leave the history unheard */
#define GREETED     LAN_MS(100) /* for the others, once somebody has */

enum lan_err chan_repair_init(struct chan *c)
{
	struct chan_repair *r = &c->repair;
	uint32_t n = 4;
	r->flush_at = LAN_NEVER;
	r->budget = BUDGET_MAX;
	if (!c->log.keep)
		return LAN_OK;
	while ((uint64_t)(n - 2) * c->block < c->log.keep)
		n *= 2;
	r->n_ring = n;
	r->ring = calloc(n, sizeof *r->ring);
	r->queue = calloc(n, sizeof *r->queue);
	return r->ring && r->queue ? LAN_OK : LAN_ERR_NOMEM;
}

void chan_repair_fini(struct chan *c)
{
	free(c->repair.ring);
	free(c->repair.queue);
	free(c->repair.symbols);
}

static struct chan_txblock *block_of(struct chan *c, uint64_t seq)
{
	struct chan_repair *r = &c->repair;
	uint64_t first = seq - (seq - 1) % c->block;
	struct chan_txblock *b = &r->ring[(first - 1) / c->block & (r->n_ring - 1)];
	if (b->first != first && !b->queued)
		*b = (struct chan_txblock){.first = first, .due = LAN_NEVER};
	return b->first == first ? b : NULL;
}

/* Bits of the frames of a block that were sent and are still there. */
static uint64_t kept(const struct chan *c, uint64_t first)
{
	uint64_t end = c->log.next_tx - first, bits;
	if (c->log.next_tx <= first)
		return 0;
	bits = end >= 64 ? UINT64_MAX : (UINT64_C(1) << end) - 1;
	if (c->block < 64)
		bits &= (UINT64_C(1) << c->block) - 1;
	if (c->log.oldest > first)
		bits &= c->log.oldest - first >= 64 ? 0 : UINT64_MAX << (c->log.oldest - first);
	return bits;
}

static void queue(struct chan *c, struct chan_txblock *b, lan_time due)
{
	struct chan_repair *r = &c->repair;
	if (!b->queued) {
		b->queued = true;
		b->due = due;
		r->queue[(r->q_head + r->q_len++) & (r->n_ring - 1)] = (uint32_t)(b - r->ring);
	} else if (due < b->due) {
		b->due = due;
	}
}

/* --- what receivers ask for --------------------------------------------------- */

static void confirm(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	uint32_t more = f->u.feedback.overruns - p->overruns;
	if (p->overruns_known && more && more < UINT32_MAX / 2)
		chan_pace_overrun(&c->pace, now);
	p->overruns = f->u.feedback.overruns;
	p->overruns_known = true;
	uint64_t upto = f->u.feedback.next ? f->u.feedback.next - 1 : 0;
	if (upto >= c->log.next_tx)
		return; /* it cannot know: not what we sent */
	if (!p->listens || upto > p->confirmed) {
		p->confirmed = upto > p->confirmed ? upto : p->confirmed;
		p->moved = now;
		p->stalled = false;
	}
	p->listens = true;
	c->flow_dirty = true;
}

static void learn(struct chan_repair *r, uint32_t needed)
{
	uint32_t now = needed * 256;
	r->loss = now > r->loss ? r->loss + (now - r->loss + 7) / 8 : r->loss - (r->loss - now) / 8;
}

void chan_repair_feedback(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	if (!c->repair.ring)
		return;
	confirm(c, p, now, f);
	for (unsigned i = 0; i < f->u.feedback.n; i++) {
		const struct chan_entry *e = &f->u.feedback.entry[i];
		if (e->first % c->block != 1 % c->block || e->first >= c->log.next_tx ||
			e->first + c->block <= c->log.oldest)
			continue;
		struct chan_txblock *b = block_of(c, e->first);
		uint64_t missing = e->missing & kept(c, e->first);
		if (!b || !missing || (b->last && now < b->last + SAME))
			continue;
		unsigned n = (unsigned)__builtin_popcountll(missing);
		uint8_t need = (uint8_t)(e->need < n ? e->need : n);
		b->missing |= missing;
		if (need > b->need)
			b->need = need;
		queue(c, b, now + GATHER);
	}
}

/* --- a round: the repair of one block -------------------------------------------- */

static bool scratch(struct chan *c)
{
	struct chan_repair *r = &c->repair;
	size_t symbol = chan_symbol_len(c->log.room);
	if (!r->symbols)
		r->symbols = malloc(symbol * (CHAN_BLOCK_MAX + CHAN_ROWS_AT_ONCE));
	r->parity = r->symbols ? r->symbols + symbol * CHAN_BLOCK_MAX : NULL;
	return r->symbols != NULL;
}

/* Parity rows row0 .. row0 + rows - 1 over the k frames from `first`. */
static void encode(struct chan *c)
{
	struct chan_repair *r = &c->repair;
	const uint8_t *data[CHAN_BLOCK_MAX];
	uint8_t *parity[CHAN_ROWS_AT_ONCE], rows[CHAN_ROWS_AT_ONCE];
	size_t len = 0, n;
	for (unsigned i = 0; i < r->k; i++) {
		chan_log_frame(&c->log, r->first + i, &n);
		len = chan_symbol_len(n) > len ? chan_symbol_len(n) : len;
	}
	for (unsigned i = 0; i < r->k; i++) {
		const uint8_t *frame = chan_log_frame(&c->log, r->first + i, &n);
		uint8_t *to = r->symbols + i * len;
		size_t used = chan_symbol_put(frame, n, to);
		memset(to + used, 0, len - used);
		data[i] = to;
	}
	for (unsigned i = 0; i < r->rows; i++) {
		rows[i] = (uint8_t)(r->row0 + i);
		parity[i] = r->parity + i * len;
	}
	r->symbol = len;
	lan_fec_encode(data, r->k, rows, r->rows, parity, len);
}

static bool parity_can(const struct chan *c, const struct chan_txblock *b, unsigned rows)
{
	return c->log.oldest <= b->first && b->next_row + rows <= CHAN_ROWS_MAX && rows <= CHAN_ROWS_AT_ONCE;
}

/* Decide how to mend the block at the head of the queue. */
static void begin_round(struct chan *c, struct chan_txblock *b)
{
	struct chan_repair *r = &c->repair;
	uint64_t there = kept(c, b->first);
	b->missing &= there;
	unsigned missing = (unsigned)__builtin_popcountll(b->missing), rows = b->extra;
	r->asked = b->missing != 0;
	r->first = b->first;
	r->exact = 0;
	r->rows = r->row_at = 0;
	if (r->asked && missing > b->need)
		rows += b->need + b->need / 4u;
	else if (r->asked)
		r->exact = b->missing;
	if (rows > CHAN_ROWS_AT_ONCE)
		rows = CHAN_ROWS_AT_ONCE;
	if (there && rows && parity_can(c, b, rows) && scratch(c)) {
		r->rows = (uint8_t)rows;
		r->row0 = b->next_row;
		r->k = (uint8_t)__builtin_popcountll(there);
		b->next_row = (uint8_t)(b->next_row + rows);
		encode(c);
	} else if (r->asked) {
		r->exact = b->missing;
	}
	if (r->asked && !b->last && b->need)
		learn(r, b->need + r->row0);
}

static void end_round(struct chan *c, struct chan_txblock *b, lan_time now)
{
	struct chan_repair *r = &c->repair;
	b->queued = false;
	if (r->asked)
		b->last = now;
	b->missing = b->need = b->extra = 0;
	b->due = LAN_NEVER;
	r->first = 0;
	r->q_head++;
	r->q_len--;
}

static size_t write_again(struct chan *c, uint8_t *buf, size_t cap)
{
	struct chan_repair *r = &c->repair;
	unsigned i = (unsigned)__builtin_ctzll(r->exact);
	size_t n;
	r->exact &= r->exact - 1;
	if (r->first + i < c->log.oldest)
		return 0; /* it left the history meanwhile */
	const uint8_t *frame = chan_log_frame(&c->log, r->first + i, &n);
	if (n > cap)
		return 0;
	memcpy(buf, frame, n);
	buf[1] |= CHAN_DATA_AGAIN;
	c->stats.tx_repairs++;
	return n;
}

static size_t write_parity(struct chan *c, uint8_t *buf, size_t cap)
{
	struct chan_repair *r = &c->repair;
	struct chan_frame f = {.type = CHAN_F_PARITY};
	f.u.parity.block = c->block;
	f.u.parity.k = r->k;
	f.u.parity.row = (uint8_t)(r->row0 + r->row_at);
	f.u.parity.first = r->first;
	f.u.parity.symbol = r->parity + r->row_at++ * r->symbol;
	f.u.parity.len = r->symbol;
	c->stats.tx_parity++;
	return chan_frame_encode(&f, buf, cap);
}

static void refill(struct chan_repair *r, lan_time now)
{
	lan_time passed = now > r->budget_at ? now - r->budget_at : 0;
	if (passed < LAN_US(100))
		return;
	r->budget += (passed > LAN_SEC(10) ? LAN_SEC(10) : passed) / 1000 * BUDGET_RATE / 1000000;
	if (r->budget > BUDGET_MAX)
		r->budget = BUDGET_MAX;
	r->budget_at = now;
}

size_t chan_repair_output(struct chan *c, lan_time now, uint8_t *buf, size_t cap)
{
	struct chan_repair *r = &c->repair;
	while (r->q_len) {
		struct chan_txblock *b = &r->ring[r->queue[r->q_head & (r->n_ring - 1)]];
		if (!r->first && b->due > now)
			return 0;
		if (!r->first)
			begin_round(c, b);
		refill(r, now);
		if (r->asked && r->budget < cap)
			return 0;
		size_t n = 0;
		if (r->exact)
			n = write_again(c, buf, cap);
		else if (r->row_at < r->rows)
			n = write_parity(c, buf, cap);
		if (!r->exact && r->row_at >= r->rows)
			end_round(c, b, now);
		if (n && r->asked)
			r->budget -= n < r->budget ? n : r->budget;
		if (n)
			return n;
	}
	return 0;
}

/* --- parity without being asked ----------------------------------------------------- */

static unsigned extra_rows(const struct chan *c)
{
	unsigned learned = c->mode == CHAN_RELIABLE && c->block >= 8
				   ? (c->repair.loss + c->repair.loss / 8 + 64) / 256
				   : 0;
	unsigned rows = c->parity > learned ? c->parity : learned;
	return rows < CHAN_ROWS_AT_ONCE ? rows : CHAN_ROWS_AT_ONCE;
}

/* A block that nobody asked for a while ago needed no more than it got. */
static void unlearn(struct chan *c, uint64_t seq)
{
	if (seq <= (uint64_t)LAG * c->block || c->log.keep < (LAG + 1u) * c->block)
		return;
	struct chan_txblock *b = block_of(c, seq - (uint64_t)LAG * c->block);
	if (b && !b->last && !b->queued)
		c->repair.loss -= (c->repair.loss + 31) / 32;
}

void chan_repair_sent(struct chan *c, lan_time now, uint64_t seq, size_t bytes)
{
	struct chan_repair *r = &c->repair;
	if (!r->ring)
		return;
	r->budget = r->budget + bytes < BUDGET_MAX ? r->budget + bytes : BUDGET_MAX;
	if (seq % c->block) {
		if (c->parity)
			r->flush_at = now + FLUSH;
		return;
	}
	r->flush_at = LAN_NEVER;
	unlearn(c, seq);
	struct chan_txblock *b = extra_rows(c) ? block_of(c, seq) : NULL;
	if (!b)
		return;
	b->extra = (uint8_t)extra_rows(c);
	queue(c, b, now);
}

void chan_repair_tick(struct chan *c, lan_time now)
{
	struct chan_repair *r = &c->repair;
	if (now < r->flush_at)
		return;
	r->flush_at = LAN_NEVER;
	struct chan_txblock *b = c->log.next_tx > 1 ? block_of(c, c->log.next_tx - 1) : NULL;
	if (!b || !c->parity || b->next_row + c->parity > CHAN_ROWS_MAX / 2)
		return;
	b->extra = c->parity;
	queue(c, b, now);
}

lan_time chan_repair_deadline(const struct chan *c)
{
	const struct chan_repair *r = &c->repair;
	if (!r->q_len)
		return r->flush_at;
	const struct chan_txblock *b = &r->ring[r->queue[r->q_head & (r->n_ring - 1)]];
	lan_time at = b->due;
	if (r->first)
		at = r->asked && r->budget < CHAN_FRAME_CAP ? r->budget_at + LAN_MS(1) : 0;
	return at < r->flush_at ? at : r->flush_at;
}

/* --- flow ------------------------------------------------------------------------------ */

uint64_t chan_flow_min(struct chan *c)
{
	if (!c->flow_dirty)
		return c->flow_min;
	c->flow_dirty = false;
	c->flow_min = UINT64_MAX;
	for (uint32_t i = 0; i < c->peers.n; i++) {
		const struct chan_peer *p = &c->peers.peer[i];
		if (p->present && p->listens && !p->stalled && p->confirmed < c->flow_min)
			c->flow_min = p->confirmed;
	}
	return c->flow_min;
}

static void stall(struct chan *c, lan_time now)
{
	for (uint32_t i = 0; i < c->peers.n; i++) {
		struct chan_peer *p = &c->peers.peer[i];
		lan_time since = p->moved > c->blocked_at ? p->moved : c->blocked_at;
		if (!p->present || !p->listens || p->stalled || p->confirmed > c->flow_min ||
			now < since + STALL)
			continue;
		p->stalled = true;
		chan_count(c, CHAN_C_STALLED);
		c->flow_dirty = true;
	}
}

bool chan_flow_ready(struct chan *c, lan_time now)
{
	if (!c->flow)
		return true;
	for (;;) {
		uint64_t min = chan_flow_min(c);
		lan_time greeting = min == UINT64_MAX ? GREETING : GREETED;
		if (c->log.next_tx > c->log.keep && now < c->opened + greeting)
			return false; /* who was there before us cannot be known yet */
		if (min == UINT64_MAX || c->log.next_tx <= min + c->log.keep) {
			c->blocked_at = 0;
			return true;
		}
		if (!c->blocked_at)
			c->blocked_at = now;
		stall(c, now);
		if (!c->flow_dirty)
			return false;
	}
}
