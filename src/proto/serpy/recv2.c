/*
 * recv2.c - the wire of serpy2, received: section 2.
 *
 * The original takes at most one message each 10 ms, throws away all it has after
 * a header that is none, and goes deaf at a type or text it does not know. Ours
 * ends the connection with a reason instead, drops one message for a wrong
 * checksum, as the original does, and says so; or, with `resync`, looks for the next message.
 */
#include "proto/serpy/out.h"

#include <string.h>

#include "base/utf8.h"
#include "proto/serpy/hexfloat.h"
#include "proto/serpy/sum.h"
#include "proto/serpy/wire2.h"

#define INT_MAX_BYTES   1786 /* 4300 digits, the limit of Python itself */
#define FLOAT_MAX_BYTES 1024

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static enum recv_step more(struct serpy_conn *c, uint32_t need)
{
	c->in.need = need;
	return RECV_MORE;
}

static struct serpy_event message(struct serpy *s, struct serpy_conn *c, enum serpy_event_kind kind)
{
	c->in.need = 0;
	if (c->out)
		c->out->asking = false;
	serpy_count(s, kind == SERPY_PIECE ? SERPY_C_rx_pieces : SERPY_C_rx_messages);
	return (struct serpy_event){.kind = kind, .conn = c->id, .peer = c->name};
}

/* --- long messages, in pieces ----------------------------------------------------------------- */

static enum recv_step bad_piece(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev)
{
	*ev = message(s, c, SERPY_PIECE);
	ev->value.type = SERPY_BYTES;
	ev->offset = c->rx.offset;
	ev->total = c->rx.total;
	ev->last = true;
	ev->err = LAN_ERR_PROTO;
	ev->reason = "checksum";
	c->rx.piecing = c->rx.open_piece = false;
	serpy_count(s, SERPY_C_rx_checksum);
	return RECV_EVENT;
}

static enum recv_step piece(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev)
{
	struct serpy_rx *rx = &c->rx;
	uint32_t n = in_have(&c->in);
	if (!rx->left)
		return bad_piece(s, c, ev);
	if (!n)
		return more(c, 0);
	n = n < rx->left ? n : (uint32_t)rx->left;
	const uint8_t *p = c->in.buf + c->in.head;
	rx->sum = serpy_sum(rx->sum, p, n);
	rx->left -= n;
	*ev = message(s, c, SERPY_PIECE);
	ev->value = (struct serpy_value){.type = SERPY_BYTES, .data = p, .len = n};
	ev->offset = rx->offset;
	ev->total = rx->total;
	rx->offset += n;
	rx->open_piece = true;
	c->in.head += n;
	if (rx->left || rx->sum != rx->want_sum)
		return RECV_EVENT;
	ev->last = true;
	rx->piecing = rx->open_piece = false;
	c->rx_messages++;
	serpy_count(s, SERPY_C_rx_messages);
	return RECV_EVENT;
}

/* --- whole ones --------------------------------------------------------------------------------- */

/* Two's complement, little-endian, of any length; none is 0. */
static void take_int(struct serpy_value *v, const uint8_t *p, uint32_t n)
{
	uint8_t sign = n && p[n - 1] & 0x80 ? 0xff : 0;
	uint64_t x = sign ? UINT64_MAX : 0;
	for (uint32_t i = n < 8 ? n : 8; i-- > 0;)
		x = x << 8 | p[i];
	for (uint32_t i = 8; i < n; i++)
		v->wide |= p[i] != sign;
	v->wide |= n > 8 && (p[7] ^ sign) & 0x80;
	v->integer = (int64_t)x;
}

static enum recv_step value(struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t type,
	const uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	struct serpy_value v = {.data = p, .len = n};
	switch (type) {
	case WIRE2_INT:
		v.type = SERPY_INT;
		take_int(&v, p, n);
		break;
	case WIRE2_FLOAT:
		v.type = SERPY_FLOAT;
		if (hexfloat_parse(p, n, &v.real))
			return recv_end(s, now, c, SERPY_C_end_number, LAN_ERR_PROTO);
		break;
	case WIRE2_STR:
		v.type = SERPY_STR;
		if (!lan_utf8_valid(p, n))
			return recv_end(s, now, c, SERPY_C_end_utf8, LAN_ERR_UTF8);
		in_mark(&c->in, c->in.head + SERPY_HEAD + n);
		break;
	default:
		v.type = SERPY_BYTES;
	}
	c->in.head += SERPY_HEAD + n;
	c->rx_messages++;
	*ev = message(s, c, SERPY_MESSAGE);
	ev->value = v;
	return RECV_EVENT;
}

static enum recv_step damaged(
	struct serpy_conn *c, struct serpy_event *ev, const char *reason, uint64_t bytes)
{
	c->in.need = 0;
	*ev = (struct serpy_event){
		.kind = SERPY_DAMAGED, .conn = c->id, .peer = c->name, .reason = reason, .bytes = bytes};
	return RECV_EVENT;
}

static bool known(uint8_t type)
{
	return type == WIRE2_INT || type == WIRE2_FLOAT || type == WIRE2_STR || type == WIRE2_BYTES;
}

static enum recv_step frame(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	const uint8_t *h = c->in.buf + c->in.head;
	uint8_t type = h[5];
	uint32_t sum = le32(h + 6), n = le32(h + 10);
	if (!known(type))
		return recv_end(s, now, c, SERPY_C_end_type, LAN_ERR_PROTO);
	if (type == WIRE2_BYTES && s->cfg.pieces && n > s->cfg.piece) {
		c->in.head += SERPY_HEAD;
		c->rx.piecing = true;
		c->rx.offset = c->rx.sum = 0;
		c->rx.left = c->rx.total = n;
		c->rx.want_sum = sum;
		return piece(s, c, ev);
	}
	if (n > s->cfg.max_message)
		return recv_end(s, now, c, SERPY_C_end_too_long, LAN_ERR_TOOBIG);
	if ((type == WIRE2_INT && n > INT_MAX_BYTES) || (type == WIRE2_FLOAT && n > FLOAT_MAX_BYTES))
		return recv_end(s, now, c, SERPY_C_end_number, LAN_ERR_TOOBIG);
	if (in_have(&c->in) < SERPY_HEAD + n)
		return more(c, SERPY_HEAD + n);
	if (serpy_sum(0, h + SERPY_HEAD, n) == sum)
		return value(s, now, c, type, h + SERPY_HEAD, n, ev);
	c->in.head += SERPY_HEAD + n;
	serpy_count(s, SERPY_C_rx_checksum);
	return damaged(c, ev, "checksum", n);
}

/* --- what is no message ------------------------------------------------------------------------------ */

static bool begins(const uint8_t *p, uint32_t n, const void *with, uint32_t len)
{
	return memcmp(p, with, n < len ? n : len) == 0;
}

/* Skip to where a message may begin. */
static enum recv_step skip(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	if (!s->cfg.resync)
		return recv_end(s, now, c, SERPY_C_end_garbage, LAN_ERR_PROTO);
	const uint8_t *from = c->in.buf + c->in.head, *p = from + 1;
	uint32_t n = in_have(&c->in) - 1;
	while (n && !begins(p, n, WIRE2_MAGIC, WIRE2_MAGIC_LEN)) {
		const uint8_t *at = memchr(p + 1, 0xde, n - 1);
		n = at ? n - (uint32_t)(at - p) : 0;
		p = at ? at : p;
	}
	uint32_t skipped = in_have(&c->in) - n;
	c->in.head += skipped;
	c->rx.skipped += skipped;
	s->count.v[SERPY_C_rx_garbage_bytes] += skipped;
	return RECV_MORE;
}

enum recv_step recv2_next(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	for (;;) {
		if (c->rx.piecing)
			return piece(s, c, ev);
		uint32_t n = in_have(&c->in);
		if (!n)
			return more(c, 0);
		const uint8_t *p = c->in.buf + c->in.head;
		if (begins(p, n, WIRE2_MAGIC, WIRE2_MAGIC_LEN)) {
			if (n < SERPY_HEAD)
				return more(c, SERPY_HEAD);
			if (c->rx.skipped) {
				uint64_t skipped = c->rx.skipped;
				c->rx.skipped = 0;
				return damaged(c, ev, "garbage", skipped);
			}
			return frame(s, now, c, ev);
		}
		if (!c->rx.skipped && begins(p, n, SERPY_ASK, SERPY_ASK_LEN)) { /* not amid garbage */
			if (n < SERPY_ASK_LEN)
				return more(c, SERPY_ASK_LEN);
			c->in.head += SERPY_ASK_LEN;
			c->in.need = 0;
			serpy_count(s, SERPY_C_rx_asked);
			*ev = (struct serpy_event){.kind = SERPY_ASKED, .conn = c->id, .peer = c->name};
			return RECV_EVENT;
		}
		if (skip(s, now, c) == RECV_END)
			return RECV_END;
	}
}
