/*
 * blocks.c - frames of a sender that are kept: because one before them is
 * missing, or because parity may need them to recover another of their block. A
 * ring of blocks as long as the configured history; the frames' bytes count
 * against `max_partial` over all senders.
 * docs/protocols/channel.md section 4, PARITY.
 */
#include "proto/channel/group_int.h"

#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "fec/fec.h"

/* What is known of a DATA frame by its place in the block (type, K, seq) is not in its symbol:
 * length (2), flags (1), the rest of the frame from its message number on. */
#define SYMBOL_HEAD 3
#define FRAME_HEAD  11
#define PARITY_SIZE (CHAN_BLOCK_MAX * sizeof(struct chan_held *))

static uint64_t first_of(const struct chan_rx *rx, uint64_t seq)
{
	return seq - (seq - 1) % rx->block;
}

struct chan_rxblock *chan_block_of(struct chan_rx *rx, uint64_t seq)
{
	if (!rx->ring || seq < rx->base || seq - rx->base >= (uint64_t)rx->n_ring * rx->block)
		return NULL;
	uint64_t first = first_of(rx, seq);
	struct chan_rxblock *b = &rx->ring[(first - 1) / rx->block & (rx->n_ring - 1)];
	b->first = first;
	return b;
}

/* Of a ring: the blocks, and behind them the places of their frames. */
static size_t ring_size(const struct chan_rx *rx, uint32_t n)
{
	return n * (sizeof *rx->ring + rx->block * sizeof(struct chan_held *));
}

enum lan_err chan_blocks_make(struct chan *c, struct chan_rx *rx, uint64_t base)
{
	uint32_t n = 4;
	while ((uint64_t)(n - 1) * rx->block < c->history)
		n *= 2;
	size_t size = ring_size(rx, n);
	if (size > c->max_partial - c->partial)
		return LAN_ERR_NOMEM;
	rx->ring = calloc(1, size);
	if (!rx->ring)
		return LAN_ERR_NOMEM;
	struct chan_held **frames = (struct chan_held **)(rx->ring + n);
	for (uint32_t i = 0; i < n; i++)
		rx->ring[i].frame = frames + (size_t)i * rx->block;
	rx->n_ring = n;
	rx->base = first_of(rx, base);
	c->partial += (uint32_t)size;
	return LAN_OK;
}

static void drop(struct chan *c, struct chan_held **h)
{
	if (!*h)
		return;
	c->partial -= (uint32_t)sizeof **h + (*h)->len;
	free(*h);
	*h = NULL;
}

void chan_block_clear(struct chan *c, struct chan_rxblock *b)
{
	for (int i = 0; i < CHAN_BLOCK_MAX && b->have >> i; i++)
		drop(c, &b->frame[i]);
	for (int i = 0; i < b->n_parity; i++)
		drop(c, &b->parity[i]);
	if (b->parity)
		c->partial -= (uint32_t)PARITY_SIZE;
	free(b->parity);
	*b = (struct chan_rxblock){.frame = b->frame};
}

void chan_blocks_free(struct chan *c, struct chan_rx *rx)
{
	if (!rx->ring)
		return;
	for (uint32_t i = 0; i < rx->n_ring; i++)
		chan_block_clear(c, &rx->ring[i]);
	c->partial -= (uint32_t)ring_size(rx, rx->n_ring);
	free(rx->ring);
	rx->ring = NULL;
	rx->n_ring = 0;
}

void chan_blocks_slide(struct chan *c, struct chan_rx *rx, uint64_t base)
{
	if (!rx->ring)
		return; /* and the size of blocks need not be known yet */
	uint64_t to = first_of(rx, base);
	if (to <= rx->base)
		return;
	uint64_t blocks = (to - rx->base) / rx->block, from = (rx->base - 1) / rx->block;
	for (uint64_t i = 0; i < blocks && i < rx->n_ring; i++) {
		struct chan_rxblock *b = &rx->ring[(from + i) & (rx->n_ring - 1)];
		if (b->first) /* a sender that leaps ahead passes over many that were never in use */
			chan_block_clear(c, b);
	}
	rx->base = to;
}

enum lan_err chan_blocks_want(struct chan *c, struct chan_rx *rx, uint64_t base)
{
	enum lan_err e = chan_blocks_make(c, rx, base);
	for (uint32_t i = 0; e && c->mode != CHAN_BEST_EFFORT && i < c->peers.n; i++) {
		struct chan_rx *other = &c->peers.peer[i].rx;
		if (!other->ring || other->state != CHAN_RX_RUN || other->stuck ||
			other->next <= other->highest)
			continue;
		chan_blocks_free(c, other);
		e = chan_blocks_make(c, rx, base);
	}
	return e;
}

static struct chan_held *hold(struct chan *c, const void *bytes, size_t n)
{
	struct chan_held *h = sizeof *h + n > c->max_partial - c->partial ? NULL : malloc(sizeof *h + n);
	if (!h)
		return NULL;
	h->len = (uint16_t)n;
	memcpy(h->bytes, bytes, n);
	c->partial += (uint32_t)(sizeof *h + n);
	return h;
}

enum lan_err chan_block_keep(
	struct chan *c, struct chan_rxblock *b, uint64_t seq, const uint8_t *frame, size_t n)
{
	unsigned i = (unsigned)(seq - b->first);
	if (b->have >> i & 1)
		return LAN_ERR_EXISTS;
	b->frame[i] = hold(c, frame, n);
	if (!b->frame[i])
		return LAN_ERR_NOMEM;
	b->frame[i]->bytes[1] &= (uint8_t)~CHAN_DATA_AGAIN; /* as it is in symbols */
	b->have |= UINT64_C(1) << i;
	return LAN_OK;
}

enum lan_err chan_block_parity(
	struct chan *c, struct chan_rxblock *b, uint8_t k, uint8_t row, const uint8_t *symbol, size_t n)
{
	for (int i = 0; i < b->n_parity; i++)
		if (b->parity[i]->row == row && b->parity[i]->k == k)
			return LAN_ERR_EXISTS;
	if (b->n_parity == CHAN_BLOCK_MAX)
		return LAN_ERR_EXISTS;
	if (!b->parity) {
		b->parity = PARITY_SIZE > c->max_partial - c->partial ? NULL : calloc(1, PARITY_SIZE);
		if (!b->parity)
			return LAN_ERR_NOMEM;
		c->partial += (uint32_t)PARITY_SIZE;
	}
	struct chan_held *h = hold(c, symbol, n);
	if (!h)
		return LAN_ERR_NOMEM;
	h->k = k;
	h->row = row;
	b->parity[b->n_parity++] = h;
	return LAN_OK;
}

size_t chan_symbol_put(const uint8_t *frame, size_t n, uint8_t *to)
{
	lan_put_be16(to, (uint16_t)n);
	to[2] = frame[1] & (uint8_t)~CHAN_DATA_AGAIN;
	memcpy(to + SYMBOL_HEAD, frame + FRAME_HEAD, n - FRAME_HEAD);
	return chan_symbol_len(n);
}

/* A recovered symbol is a frame again (written to `frame`), if it is the one that is missing. */
static bool put_back(struct chan *c, struct chan_rx *rx, struct chan_rxblock *b, unsigned i,
	const uint8_t *symbol, size_t len, uint8_t *frame)
{
	size_t n = len < SYMBOL_HEAD ? 0 : lan_get_be16(symbol);
	struct chan_frame f;
	if (n < CHAN_DATA_HEAD || chan_symbol_len(n) > len)
		return false;
	frame[0] = CHAN_F_DATA;
	frame[1] = symbol[2];
	frame[2] = rx->block;
	lan_put_be64(frame + 3, b->first + i);
	memcpy(frame + FRAME_HEAD, symbol + SYMBOL_HEAD, n - FRAME_HEAD);
	return chan_frame_decode(frame, n, &f) == LAN_OK &&
	       chan_block_keep(c, b, b->first + i, frame, n) == LAN_OK;
}

/* The parity that covers k frames, as far as `need` goes; all of one length. */
static unsigned gather(const struct chan_rxblock *b, uint8_t k, unsigned need, uint8_t *rows,
	const struct chan_held **held, size_t *len)
{
	unsigned n = 0;
	for (int i = 0; i < b->n_parity && n < need; i++) {
		if (b->parity[i]->k != k || (n && b->parity[i]->len != *len))
			continue;
		*len = b->parity[i]->len;
		rows[n] = b->parity[i]->row;
		held[n++] = b->parity[i];
	}
	return n;
}

static uint64_t decode(struct chan *c, struct chan_rx *rx, struct chan_rxblock *b, uint8_t k,
	const uint8_t *missing, unsigned n)
{
	const uint8_t *data[CHAN_BLOCK_MAX];
	uint8_t rows[CHAN_BLOCK_MAX], *parity[CHAN_BLOCK_MAX], *out[CHAN_BLOCK_MAX];
	const struct chan_held *held[CHAN_BLOCK_MAX];
	size_t len = 0;
	if (gather(b, k, n, rows, held, &len) < n)
		return 0;
	/* Scratch: k symbols, n of parity, n of answers, a frame. */
	uint8_t *mem = calloc(k + 2u * n + 1, len + FRAME_HEAD);
	if (!mem)
		return 0;
	bool fits = true;
	for (unsigned i = 0; i < k; i++) {
		const struct chan_held *h = b->frame[i];
		data[i] = h ? mem + i * len : NULL;
		if (!h)
			continue;
		if (chan_symbol_len(h->len) > len) {
			fits = false;
			break;
		}
		(void)chan_symbol_put(h->bytes, h->len, mem + i * len);
	}
	for (unsigned i = 0; i < n; i++) {
		parity[i] = mem + (k + i) * len;
		out[i] = mem + (k + n + i) * len;
		memcpy(parity[i], held[i]->bytes, len);
	}
	uint8_t *frame = mem + (k + 2u * n) * len;
	uint64_t got = 0;
	if (fits && lan_fec_decode(data, k, missing, n, rows, parity, out, len))
		for (unsigned i = 0; i < n; i++)
			got |= put_back(c, rx, b, missing[i], out[i], len, frame) ? UINT64_C(1) << missing[i]
										  : 0;
	free(mem);
	return got;
}

/* Every coverage there is parity of is tried, the largest first. */
uint64_t chan_block_decode(struct chan *c, struct chan_rx *rx, struct chan_rxblock *b)
{
	uint64_t got = 0;
	for (unsigned k = rx->block; k > 0 && b->n_parity; k--) {
		unsigned rows = 0, n = 0;
		uint8_t missing[CHAN_BLOCK_MAX];
		for (int i = 0; i < b->n_parity; i++)
			rows += b->parity[i]->k == k;
		if (!rows)
			continue;
		for (unsigned i = 0; i < k; i++)
			if (!(b->have >> i & 1))
				missing[n++] = (uint8_t)i;
		if (n && n <= rows)
			got |= decode(c, rx, b, (uint8_t)k, missing, n);
	}
	return got;
}
