/*
 * stream.h - one TCP stream of either role: bytes in, cut into lines; lines,
 * acknowledgements and keepalives out; and the clocks of both directions.
 * Shared by server and client. An idle stream owns no buffer.
 */
#ifndef LAN_PROTO_IOT_STREAM_H
#define LAN_PROTO_IOT_STREAM_H

#include <stdbool.h>
#include "base/ring.h"

/* Before our sender repeats a line 00 on a new stream it sends this many
 * keepalives at once: a mark. More than half of them may get lost on the way. */
#define IOT_MARK 64
#define IOT_SURE 24

#define IOT_SCRATCH  (64u << 10) /* bytes read at once */
#define IOT_OUT_HIGH (64u << 10) /* no new message is encoded above this many unsent bytes */

struct iot_stream {
	struct lan_ring out;
	uint8_t *part; /* bytes received and not yet consumed: the start of a line, or, when stalled, more */
	uint32_t part_len, part_cap;
	lan_time rx_at, tx_at; /* last byte received, sent */
	lan_time moved_at;     /* last time `out` made progress or was empty */
	uint16_t keepalives;   /* received */
	bool keepalive;        /* a LF is due and `out` is empty */
	bool stalled;          /* `part` holds lines the inbox had no room for */
};

void iot_stream_init(struct iot_stream *s, lan_time now, uint32_t max_line);
void iot_stream_fini(struct iot_stream *s);

/* What the consumer of a line makes of it. */
enum iot_take { IOT_TAKE_OK, IOT_TAKE_STALL /* come back later */, IOT_TAKE_END /* the stream ends */ };

/* Feed `n` bytes to `take`, line by line without LF. What is left over is kept
 * in `part`. LAN_ERR_TOOBIG: a line over max_line; LAN_ERR_NOMEM; LAN_ERR_CLOSED:
 * `take` said END (and closed the stream by itself). */
LAN_WUR enum lan_err iot_stream_feed(struct iot_stream *s, const uint8_t *p, size_t n, uint32_t max_line,
	enum iot_take (*take)(void *ctx, const uint8_t *line, size_t n), void *ctx);
/* Feed what a stall left over. Same errors. */
LAN_WUR enum lan_err iot_stream_resume(struct iot_stream *s, uint32_t max_line,
	enum iot_take (*take)(void *ctx, const uint8_t *line, size_t n), void *ctx);

/* Append an acknowledgement. LAN_ERR_NOMEM, LAN_ERR_FULL. */
LAN_WUR enum lan_err iot_stream_ack(struct iot_stream *s, uint8_t mid);

/* Was there a mark? SURE keepalives came beyond those that are due since the
 * stream began, `age` ago: four in a timeout, or a little more. */
bool iot_stream_marked(const struct iot_stream *s, lan_time age, lan_time timeout);

const uint8_t *iot_stream_pending(const struct iot_stream *s, size_t *n);
/* Bytes left this end; true if they were a keepalive. */
bool iot_stream_sent(struct iot_stream *s, lan_time now, size_t n);

/* When the next keepalive is due: a quarter of the timeout after the last byte
 * sent, rounded down a little so that many streams share wake-ups. LAN_NEVER
 * while unsent bytes will do instead. */
lan_time iot_stream_keepalive_at(const struct iot_stream *s, lan_time timeout);

/* Are there unsent bytes? */
static inline bool iot_stream_unsent(const struct iot_stream *s)
{
	return s->keepalive || lan_ring_len(&s->out) > 0;
}

/* When unsent bytes have waited too long; LAN_NEVER if there are none. The
 * quarter makes up for `moved_at` being as old as the last keepalive. */
static inline lan_time iot_stream_stall_at(const struct iot_stream *s, lan_time timeout)
{
	return iot_stream_unsent(s) ? s->moved_at + timeout + timeout / 4 : LAN_NEVER;
}

#endif
