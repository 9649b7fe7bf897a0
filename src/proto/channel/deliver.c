/*
 * deliver.c - the last step: a whole message into the inbox, or the report that
 * it is lost. And the short way there, without order: a frame counts once and
 * goes on at once, with parity from the last few blocks where the sender gives
 * some. docs/protocols/channel.md section 5.
 */
#include "proto/channel/group_int.h"

#include <string.h>
#include "base/utf8.h"

#define KEPT_BLOCKS 8 /* for parity where there is no order */

/* --- messages to the application ------------------------------------------- */

void chan_rx_lost(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t first, uint64_t last, const char *why)
{
	if (!first || last < first)
		return;
	p->lost_messages += last - first + 1;
	c->stats.lost_messages += last - first + 1;
	chan_tell(c, p,
		&(struct chan_event){.kind = CHAN_LOST,
			.at = now,
			.first = first,
			.last = last,
			.count = last - first + 1,
			.reason = why});
}

bool chan_put_message(struct chan *c, struct chan_event *ev, const void *data, size_t n)
{
	uint8_t *to = chan_inbox_fits(&c->inbox, n) ? chan_inbox_room(&c->inbox, n) : NULL;
	if (!to)
		return false;
	if (n)
		memcpy(to, data, n);
	ev->len = n;
	ev->text = !(n && memchr(data, 0, n)) && lan_utf8_valid(data, n); /* the quicker question first */
	return chan_inbox_put(&c->inbox, ev);
}

bool chan_rx_deliver(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const uint8_t *data, size_t n)
{
	struct chan_event ev = {.kind = CHAN_MESSAGE,
		.sender = p->id,
		.from = p->from,
		.name = p->name,
		.verified = p->verified,
		.seq = msg,
		.epoch = p->epoch,
		.at = now};
	if (!chan_put_message(c, &ev, data, n))
		return false;
	p->rx_messages++;
	p->rx_bytes += n;
	c->stats.rx_messages++;
	c->stats.rx_bytes += n;
	return true;
}

struct chan_fragment chan_rx_fragment(const struct chan_peer *p, const struct chan_frame *f)
{
	return (struct chan_fragment){.owner = p->id,
		.msg = f->u.data.msg,
		.offset = f->u.data.offset,
		.total = f->u.data.total,
		.data = f->u.data.data,
		.len = f->u.data.len};
}

/* --- without order ------------------------------------------------------------ */

void chan_rx_lost_one(struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const char *why)
{
	if (lan_seqwin_check(&p->rx.told, msg) != LAN_SEQWIN_NEW)
		return;
	lan_seqwin_mark(&p->rx.told, msg);
	chan_rx_lost(c, p, now, msg, msg, why);
}

/* What was given up stays so, whatever part of it comes late. */
static void take_unordered(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	const uint8_t *data = f->u.data.data;
	size_t n = f->u.data.total;
	if (lan_seqwin_check(&p->rx.told, f->u.data.msg) != LAN_SEQWIN_NEW)
		return;
	if (n > c->max_message) {
		chan_count(c, CHAN_C_TOOBIG);
		chan_rx_lost_one(c, p, now, f->u.data.msg, "too big");
		return;
	}
	if (f->flags & CHAN_DATA_FRAG) {
		struct chan_fragment frag = chan_rx_fragment(p, f);
		const uint8_t *whole = NULL;
		enum lan_err e = chan_reasm_add(c->reasm, now, &frag, &whole);
		if (e == LAN_ERR_NOMEM)
			chan_count(c, CHAN_C_NOMEM);
		if (e || !whole)
			return;
		data = whole;
	}
	if (chan_rx_deliver(c, p, now, f->u.data.msg, data, n)) {
		lan_seqwin_mark(&p->rx.told, f->u.data.msg);
	} else {
		chan_count(c, CHAN_C_EVENTS);
		chan_rx_lost_one(c, p, now, f->u.data.msg, "not pulled");
	}
}

/* Take what parity gave back. */
void chan_rx_take_recovered(
	struct chan *c, struct chan_peer *p, lan_time now, struct chan_rxblock *b, uint64_t got)
{
	for (unsigned i = 0; i < CHAN_BLOCK_MAX && got >> i; i++) {
		struct chan_frame f;
		uint64_t seq = b->first + i;
		if (!(got >> i & 1) || lan_seqwin_check(&p->rx.seen, seq) != LAN_SEQWIN_NEW ||
			chan_frame_decode(b->frame[i]->bytes, b->frame[i]->len, &f) != LAN_OK)
			continue;
		lan_seqwin_mark(&p->rx.seen, seq);
		take_unordered(c, p, now, &f);
	}
}

void chan_rx_recovered(struct chan *c, struct chan_peer *p, uint64_t got)
{
	unsigned n = (unsigned)__builtin_popcountll(got);
	p->repaired += n;
	c->counters[CHAN_C_DECODED] += n;
}

/* The block of seq, if frames are kept at all: only the last few blocks are. */
struct chan_rxblock *chan_rx_kept_block(struct chan *c, struct chan_rx *rx, uint64_t seq)
{
	uint64_t span = (uint64_t)(KEPT_BLOCKS - 1) * rx->block, first = seq - (seq - 1) % rx->block;
	if (rx->ring && first > rx->base + span)
		chan_blocks_slide(c, rx, first - span);
	return chan_block_of(rx, seq);
}

void chan_rx_unordered(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n)
{
	struct chan_rx *rx = &p->rx;
	uint64_t seq = f->u.data.seq;
	if (lan_seqwin_check(&rx->seen, seq) != LAN_SEQWIN_NEW) {
		chan_count(c, CHAN_C_DUPLICATE);
		return;
	}
	lan_seqwin_mark(&rx->seen, seq);
	take_unordered(c, p, now, f);
	struct chan_rxblock *b = rx->ring ? chan_rx_kept_block(c, rx, seq) : NULL;
	if (!b || chan_block_keep(c, b, seq, raw, n) != LAN_OK || !b->n_parity)
		return;
	uint64_t got = chan_block_decode(c, rx, b);
	chan_rx_recovered(c, p, got);
	chan_rx_take_recovered(c, p, now, b, got);
}
