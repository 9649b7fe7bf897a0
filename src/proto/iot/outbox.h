/*
 * outbox.h - the lines one process has for one peer, from write() to acknowledgement.
 *
 * Lines keep their order of writing. Line number `seq` (0, 1, 2, ...) of the
 * outbox's life has the mid 00, 01..ff, 01..ff, ...; at most `window` lines are
 * on their way, counted from the oldest unfinished one, so that the receiver's
 * record of the last ids (120..127 of the original, 150 of ours) always covers a
 * retransmission.
 *
 * Three rules make the 8-bit ids safe between two of our ends and cost nothing
 * on the wire:
 * - line 00, the restart signal, is always sent with qos and is alone on its
 *   way until it is acknowledged;
 * - a line with WAIT is alone on its way;
 * - lines without qos that got lost are counted over the last 255 ids: the
 *   receiver recognises a new line by the ids it has *not* seen lately, so when
 *   too many were lost, the following ones are sent with qos until enough of
 *   them are known to have arrived.
 *
 * Where streams do not live for a whole window, the window as one burst would
 * be repeated for ever: it dies with its stream, and what was taken of it is
 * not acknowledged any more. Therefore a stream of which nothing came back
 * makes the next one carry a quarter of the lines at once; each
 * acknowledgement lets one more on their way, up to the window.
 */
#ifndef LAN_PROTO_IOT_OUTBOX_H
#define LAN_PROTO_IOT_OUTBOX_H

#include <stdbool.h>
#include "base/ring.h"

struct iot_slot {              /* a line on its way */
	uint64_t pos;          /* of its record in the queue */
	lan_time first_at, at; /* first and last sent */
	uint8_t state;
	bool aloft; /* sent on the present stream */
};

struct iot_outbox {
	struct lan_ring queue;         /* records: 4 bytes (length | flags), payload */
	uint64_t first, next_tx, next; /* seq: oldest unfinished, next to send, next to be written */
	uint64_t again;        /* seq: after a new stream, lines below next_tx from here on are sent again */
	uint64_t tx_pos;       /* position of the record of next_tx */
	lan_time again_at;     /* no retransmission is due before */
	struct iot_slot *slot; /* by seq & mask, for first..next_tx */
	uint32_t mask, window;
	uint32_t inflight; /* slots not finished .. */
	uint32_t aloft;    /* .. of them those sent on the present stream, */
	uint32_t burst;    /* and how many these may be */
	uint32_t unseen_n; /* ids of the last 255 not known to have arrived */
	uint32_t unseen[8];
	bool carried, heard; /* the present stream: lines went out, one was acknowledged */
	bool waiting, want_room;
	lan_time rtt;
	uint64_t tx_lines, tx_again, tx_lost;
};

LAN_WUR enum lan_err iot_outbox_init(struct iot_outbox *o, uint32_t window, uint32_t max_queue);
void iot_outbox_fini(struct iot_outbox *o);

/* Queue a checked payload. LAN_ERR_FULL, LAN_ERR_NOMEM, LAN_ERR_TOOBIG (would never fit). */
LAN_WUR enum lan_err iot_outbox_write(
	struct iot_outbox *o, const char *p, size_t n, unsigned flags, uint64_t *seq);

/* Encode into `out` what may be sent now; stops at `high` bytes there. Lines
 * sent again after `timeout`. False: out of memory, the stream has to end (a
 * line may be cut short). */
LAN_WUR bool iot_outbox_pump(
	struct iot_outbox *o, lan_time now, lan_time timeout, struct lan_ring *out, size_t high);

/* Which line does an acknowledgement end? False: none. Changes nothing. */
bool iot_outbox_find(const struct iot_outbox *o, uint8_t mid, uint64_t *seq);
/* The line is acknowledged. */
void iot_outbox_ack(struct iot_outbox *o, lan_time now, uint64_t seq);

/* The next line without qos that got lost: by `all` (its stream ended) or by
 * time. Said once per line. */
bool iot_outbox_lost(struct iot_outbox *o, lan_time now, lan_time timeout, bool all, uint64_t *seq);

/* A new stream: what is unfinished goes first, in order. */
void iot_outbox_stream(struct iot_outbox *o);

/* When pump() or lost() will have something to do by time alone. */
static inline lan_time iot_outbox_deadline(const struct iot_outbox *o)
{
	return o->inflight ? o->again_at : LAN_NEVER;
}

/* Lines not finished. */
static inline uint64_t iot_outbox_pending(const struct iot_outbox *o)
{
	return o->next - o->next_tx + o->inflight;
}

/* What it contributes to a peer's status. */
struct iot_status;
void iot_outbox_status(const struct iot_outbox *o, struct iot_status *out);

/* Once after a FULL, when half of the queue is free again. */
bool iot_outbox_has_room(struct iot_outbox *o);

#endif
