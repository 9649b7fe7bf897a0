/*
 * stream.c - see stream.h. Complete lines are consumed straight from the bytes
 * received; only the rest of a chunk is copied. Newlines are looked for first
 * and empty lines dropped afterwards, so that a chunk that begins with the LF of
 * the line before it glues nothing (the original does).
 */
#include "proto/iot/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/iot/line.h"

void iot_stream_init(struct iot_stream *s, lan_time now, uint32_t max_line)
{
	*s = (struct iot_stream){.rx_at = now, .tx_at = now, .moved_at = now};
	lan_ring_init(&s->out, max_line + (1u << 20));
}

void iot_stream_fini(struct iot_stream *s)
{
	lan_ring_fini(&s->out);
	free(s->part);
	s->part = NULL;
	s->part_len = s->part_cap = 0;
}

static enum lan_err keep(struct iot_stream *s, const uint8_t *p, size_t n)
{
	if (s->part_len + n > s->part_cap) {
		size_t cap = s->part_len + n;
		cap = cap < 64 ? 64 : cap + cap / 4;
		uint8_t *part = realloc(s->part, cap);
		if (!part)
			return LAN_ERR_NOMEM;
		s->part = part;
		s->part_cap = (uint32_t)cap;
	}
	memcpy(s->part + s->part_len, p, n);
	s->part_len += (uint32_t)n;
	return LAN_OK;
}

static void drop_part(struct iot_stream *s)
{
	free(s->part);
	s->part = NULL;
	s->part_len = s->part_cap = 0;
}

/* Keep the rest of a chunk: bytes from the line that stalled on, or the start
 * of a line whose LF has not come yet. */
static enum lan_err keep_rest(struct iot_stream *s, const uint8_t *p, size_t n, uint32_t max_line)
{
	if (!s->stalled && s->part_len + n > (size_t)max_line + 2)
		return LAN_ERR_TOOBIG;
	return n ? keep(s, p, n) : LAN_OK;
}

enum lan_err iot_stream_feed(struct iot_stream *s, const uint8_t *p, size_t n, uint32_t max_line,
	enum iot_take (*take)(void *ctx, const uint8_t *line, size_t n), void *ctx)
{
	struct lan_rd r = lan_rd_of(p, n);
	size_t len;
	const uint8_t *line;
	while ((line = lan_rd_until(&r, '\n', &len))) {
		const uint8_t *whole = line;
		size_t whole_len = len - 1;
		if (s->part_len) {
			if (s->part_len + whole_len > (size_t)max_line + 2)
				return LAN_ERR_TOOBIG;
			if (keep(s, line, whole_len))
				return LAN_ERR_NOMEM;
			whole = s->part;
			whole_len = s->part_len;
		} else if (whole_len > (size_t)max_line + 2)
			return LAN_ERR_TOOBIG;
		switch (take(ctx, whole, whole_len)) {
		case IOT_TAKE_OK:
			if (s->part_len)
				drop_part(s);
			continue;
		case IOT_TAKE_STALL:
			s->stalled = true;
			if (whole == s->part) { /* put its LF back; the bytes are in part already */
				if (keep(s, (const uint8_t *)"\n", 1))
					return LAN_ERR_NOMEM;
			} else
				r.off -= len;
			return keep_rest(s, r.buf + r.off, r.len - r.off, max_line);
		case IOT_TAKE_END:
			return LAN_ERR_CLOSED;
		}
	}
	return keep_rest(s, r.buf + r.off, r.len - r.off, max_line);
}

enum lan_err iot_stream_resume(struct iot_stream *s, uint32_t max_line,
	enum iot_take (*take)(void *ctx, const uint8_t *line, size_t n), void *ctx)
{
	uint8_t *bytes = s->part;
	uint32_t n = s->part_len;
	s->part = NULL;
	s->part_len = s->part_cap = 0;
	s->stalled = false;
	enum lan_err e = n ? iot_stream_feed(s, bytes, n, max_line, take, ctx) : LAN_OK;
	free(bytes);
	return e;
}

enum lan_err iot_stream_ack(struct iot_stream *s, uint8_t mid)
{
	uint8_t *to;
	enum lan_err e = lan_ring_room(&s->out, 3, &to);
	if (e)
		return e;
	iot_mid_encode(mid, to);
	to[2] = '\n';
	lan_ring_commit(&s->out, 3);
	return LAN_OK;
}

bool iot_stream_marked(const struct iot_stream *s, lan_time age, lan_time timeout)
{
	return s->keepalives >= IOT_SURE + age / (2 * timeout / 9);
}

const uint8_t *iot_stream_pending(const struct iot_stream *s, size_t *n)
{
	*n = lan_ring_len(&s->out);
	if (*n)
		return lan_ring_at(&s->out, s->out.head);
	*n = s->keepalive;
	return s->keepalive ? (const uint8_t *)"\n" : NULL;
}

bool iot_stream_sent(struct iot_stream *s, lan_time now, size_t n)
{
	bool keepalive = lan_ring_len(&s->out) == 0;
	if (n == 0)
		return false;
	if (!keepalive)
		lan_ring_drop(&s->out, n);
	s->keepalive = false;
	s->tx_at = s->moved_at = now;
	return keepalive;
}

lan_time iot_stream_keepalive_at(const struct iot_stream *s, lan_time timeout)
{
	lan_time at = s->tx_at + timeout / 4, slack = timeout / 64;
	return iot_stream_unsent(s) ? LAN_NEVER : at - at % slack;
}
