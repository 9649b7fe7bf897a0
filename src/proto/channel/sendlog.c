/*
 * sendlog.c - own frames, from the application's message to the history: one
 * queue in seq order. In front of `next_tx` lies what was sent and is kept for
 * repair and parity, behind it what waits to be sent. A message goes in whole
 * or not at all; its frames are encoded once and sent as they are.
 * docs/protocols/channel.md section 4, DATA.
 */
#include "proto/channel/group_int.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ENTRIES 64

void chan_log_init(struct chan_sendlog *g, uint32_t max_queue, uint32_t keep, uint16_t room, uint8_t block)
{
	/* A message that finds nothing queued is always taken, however long. */
	uint64_t longest =
		CHAN_MESSAGE_MAX + (CHAN_MESSAGE_MAX / (room - CHAN_FRAG_HEAD) + 1u) * CHAN_FRAG_HEAD;
	uint64_t max = (max_queue > longest ? max_queue : longest) + (uint64_t)keep * room;
	*g = (struct chan_sendlog){.oldest = 1,
		.next_tx = 1,
		.next = 1,
		.next_msg = 1,
		.keep = keep,
		.max_queue = max_queue,
		.room = room,
		.block = block};
	lan_ring_init(&g->bytes, max < UINT32_MAX / 4 ? (uint32_t)max : UINT32_MAX / 4);
}

void chan_log_fini(struct chan_sendlog *g)
{
	lan_ring_fini(&g->bytes);
	free(g->entry);
}

const struct chan_sent *chan_log_at(const struct chan_sendlog *g, uint64_t seq)
{
	return &g->entry[seq & (g->cap - 1)];
}

static enum lan_err entries(struct chan_sendlog *g, uint64_t more)
{
	uint64_t want = g->next - g->oldest + more;
	if (want <= g->cap)
		return LAN_OK;
	uint32_t cap = g->cap ? g->cap : FIRST_ENTRIES;
	while (cap < want)
		cap *= 2;
	struct chan_sent *to = malloc(cap * sizeof *to);
	if (!to)
		return LAN_ERR_NOMEM;
	for (uint64_t s = g->oldest; s < g->next; s++)
		to[s & (cap - 1)] = *chan_log_at(g, s);
	free(g->entry);
	g->entry = to;
	g->cap = cap;
	return LAN_OK;
}

static void put_frame(struct chan_sendlog *g, uint8_t flags, const uint8_t *data, size_t n, size_t offset,
	size_t total, uint8_t *to)
{
	bool frag = n != total;
	struct chan_frame f = {.type = CHAN_F_DATA, .flags = (uint8_t)(flags | (frag ? CHAN_DATA_FRAG : 0))};
	f.u.data.block = g->block;
	f.u.data.seq = g->next;
	f.u.data.msg = g->next_msg;
	f.u.data.offset = (uint32_t)offset;
	f.u.data.total = (uint32_t)total;
	f.u.data.data = data;
	f.u.data.len = n;
	size_t len = chan_frame_encode(&f, to, g->room);
	g->entry[g->next & (g->cap - 1)] = (struct chan_sent){
		.pos = g->bytes.tail, .msg = g->next_msg, .len = (uint16_t)len, .start = offset == 0};
	lan_ring_commit(&g->bytes, len);
	g->queued_bytes += len;
	g->next++;
}

enum lan_err chan_log_put(struct chan_sendlog *g, uint8_t flags, const void *data, size_t n, uint64_t *msg)
{
	size_t whole = g->room - CHAN_DATA_HEAD, part = g->room - CHAN_FRAG_HEAD;
	size_t count = n <= whole ? 1 : (n + part - 1) / part;
	size_t need = n + count * (count == 1 ? CHAN_DATA_HEAD : CHAN_FRAG_HEAD);
	uint8_t *to;
	if (g->queued_bytes &&
		need > g->max_queue - (g->queued_bytes < g->max_queue ? g->queued_bytes : g->max_queue)) {
		g->was_full = true;
		return LAN_ERR_FULL;
	}
	enum lan_err e = entries(g, count);
	if (!e)
		e = lan_ring_room(&g->bytes, need, &to);
	if (e) {
		g->was_full |= e == LAN_ERR_FULL;
		return e;
	}
	for (size_t at = 0, i = 0; i < count; i++) {
		size_t len = count == 1 ? n : n - at < part ? n - at : part;
		put_frame(g, flags, (const uint8_t *)data + at, len, at, n,
			lan_ring_at(&g->bytes, g->bytes.tail));
		at += len;
	}
	if (msg)
		*msg = g->next_msg;
	g->next_msg++;
	return LAN_OK;
}

const uint8_t *chan_log_frame(const struct chan_sendlog *g, uint64_t seq, size_t *n)
{
	const struct chan_sent *s = chan_log_at(g, seq);
	*n = s->len;
	return lan_ring_at(&g->bytes, s->pos);
}

void chan_log_sent(struct chan_sendlog *g)
{
	g->queued_bytes -= chan_log_at(g, g->next_tx)->len;
	g->next_tx++;
	while (g->next_tx - g->oldest > g->keep) {
		lan_ring_drop(&g->bytes, chan_log_at(g, g->oldest)->len);
		g->oldest++;
	}
}

uint64_t chan_log_msg(const struct chan_sendlog *g, uint64_t seq)
{
	if (seq >= g->next)
		return g->next_msg;
	const struct chan_sent *s = chan_log_at(g, seq);
	return s->start ? s->msg : s->msg + 1;
}

void chan_log_last(const struct chan_sendlog *g, uint32_t n, uint64_t *seq, uint64_t *msg)
{
	*seq = g->next_tx;
	*msg = chan_log_msg(g, g->next_tx);
	for (uint64_t s = g->next_tx; s > g->oldest && n > 0;) {
		const struct chan_sent *e = chan_log_at(g, --s);
		if (!e->start)
			continue;
		*seq = s;
		*msg = e->msg;
		n--;
	}
}
