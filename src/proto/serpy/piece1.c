/*
 * piece1.c - long messages of serpy in pieces, in constant memory: modes 0 to 3.
 * The wire does not tell a message's length, so the last piece is known by its end:
 * 0x1F in modes 0 and 2, 0x04 in modes 1 and 3, where a 0x1F in between is no part
 * of it (section 1.3, rule 3). Base85 comes in groups of five characters.
 */
#include "proto/serpy/serpy_int.h"

#include <string.h>

#include "proto/serpy/base85.h"

void recv1_begin_pieces(struct serpy_conn *c)
{
	c->rx.piecing = true;
	c->rx.offset = 0;
	c->rx.total = SERPY_UNKNOWN;
	c->in.scan = 0;
}

static void forget_block_ends(struct serpy_conn *c)
{
	uint8_t *p = c->in.buf + c->in.head, *to = p;
	uint32_t n = in_have(&c->in);
	for (uint32_t i = 0; i < n; i++) {
		if (p[i] == 0x04) { /* what is behind belongs to the next message */
			memmove(to, p + i, n - i);
			to += n - i;
			break;
		}
		if (p[i] != 0x1f)
			*to++ = p[i];
	}
	c->in.tail = c->in.head + (uint32_t)(to - p);
}

static struct serpy_event piece_of(const struct serpy_conn *c, const uint8_t *p, uint32_t n)
{
	return (struct serpy_event){.kind = SERPY_PIECE,
		.conn = c->id,
		.peer = c->name,
		.mode = c->rx.mode,
		.value = {.type = SERPY_BYTES, .data = p, .len = n},
		.offset = c->rx.offset,
		.total = SERPY_UNKNOWN};
}

/* The end of the message is at `end`, behind n bytes of it. */
static enum recv_step last(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *end, uint32_t n, struct serpy_event *ev)
{
	if (*end == 0x04 && recv1_ack(s, now, c) == RECV_END)
		return RECV_END; /* what was handed out of it will not be completed */
	c->in.head += n + 1;
	c->rx.piecing = c->rx.open_piece = false;
	c->rx_messages++;
	serpy_count(s, SERPY_C_rx_messages);
	serpy_count(s, SERPY_C_rx_pieces);
	ev->last = true;
	return RECV_EVENT;
}

enum recv_step recv1_piece(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	bool acked = SERPY_MODE_ACKED(c->rx.mode), base85 = c->rx.mode >= 2;
	c->in.need = 0;
	if (!in_have(&c->in))
		return RECV_MORE;
	if (acked)
		forget_block_ends(c);
	uint8_t *p = c->in.buf + c->in.head;
	uint32_t n = in_have(&c->in), take;
	uint8_t *end = n ? memchr(p, acked ? 0x04 : 0x1f, n) : NULL;
	take = end ? (uint32_t)(end - p) : base85 ? n - n % 5 : n;
	if (!take && !end)
		return RECV_MORE;
	if (base85 && base85_decode(p, take, p)) {
		conn_end(s, now, c, SERPY_C_end_base85, LAN_ERR_PROTO);
		return RECV_END;
	}
	uint32_t len = base85 ? (uint32_t)base85_decoded(take) : take;
	*ev = piece_of(c, p, len);
	if (end)
		return last(s, now, c, end, take, ev);
	c->rx.offset += len;
	c->rx.open_piece = true;
	serpy_count(s, SERPY_C_rx_pieces);
	c->in.head += take;
	return RECV_EVENT;
}
