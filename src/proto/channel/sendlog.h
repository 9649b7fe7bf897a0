/*
 * sendlog.h - own frames: what waits to be sent, and behind it the history that
 * can be sent again (sendlog.c); and how fast they go (pace.c).
 */
#ifndef CHAN_SENDLOG_H
#define CHAN_SENDLOG_H

#include "base/ring.h"
#include "proto/channel/frame.h"

struct chan_sent {
	uint64_t pos; /* of the frame in `bytes` */
	uint64_t msg;
	uint16_t len;
	bool start; /* a message begins here */
};

struct chan_sendlog {
	struct lan_ring bytes;
	struct chan_sent *entry;        /* circular, by seq */
	uint32_t cap;                   /* of entry, a power of two */
	uint64_t oldest, next_tx, next; /* seq: [oldest, next_tx) sent, [next_tx, next) queued */
	uint64_t next_msg;
	uint32_t keep; /* sent frames that are kept */
	uint32_t max_queue;
	size_t queued_bytes; /* of frames in [next_tx, next) */
	uint16_t room;       /* most bytes of a frame */
	uint8_t block;
	bool was_full;
};

/* room: bytes a frame may have. LAN_ERR_NOMEM never: memory comes with the first message. */
void chan_log_init(struct chan_sendlog *g, uint32_t max_queue, uint32_t keep, uint16_t room, uint8_t block);
void chan_log_fini(struct chan_sendlog *g);
/* All of a message or nothing. flags of DATA go into each frame. LAN_ERR_FULL, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err chan_log_put(
	struct chan_sendlog *g, uint8_t flags, const void *data, size_t n, uint64_t *msg);
/* The frame of a seq in [oldest, next): view. */
const uint8_t *chan_log_frame(const struct chan_sendlog *g, uint64_t seq, size_t *n);
const struct chan_sent *chan_log_at(const struct chan_sendlog *g, uint64_t seq);
/* The frame next_tx was sent. */
void chan_log_sent(struct chan_sendlog *g);
/* The first message that begins at or after seq. */
uint64_t chan_log_msg(const struct chan_sendlog *g, uint64_t seq);
/* Where the last n messages that were begun to be sent begin. */
void chan_log_last(const struct chan_sendlog *g, uint32_t n, uint64_t *seq, uint64_t *msg);

/* --- pace.c ------------------------------------------------------------------ */

struct chan_pace {
	uint64_t rate;  /* bytes a second; 0: no limit */
	uint64_t limit; /* the configured one; 0: none */
	bool adapt;
	int64_t tokens;
	lan_time at;      /* tokens are of this moment */
	lan_time down_at; /* last went down */
	uint64_t since_up;
};

void chan_pace_init(struct chan_pace *p, uint64_t limit, bool adapt, lan_time now);
/* May n bytes go now? */
bool chan_pace_ready(struct chan_pace *p, lan_time now);
void chan_pace_spend(struct chan_pace *p, size_t n);
/* When chan_pace_ready will be true. */
lan_time chan_pace_when(const struct chan_pace *p);
void chan_pace_overrun(struct chan_pace *p, lan_time now);

#endif
