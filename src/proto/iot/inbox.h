/*
 * inbox.h - events on their way from a core to the application, in order.
 *
 * Received lines wait here until they are pulled; only then is their
 * acknowledgement sent. A duplicate of a line leaves a silent record that is
 * acknowledged in its turn, so that no acknowledgement overtakes a delivery.
 */
#ifndef LAN_PROTO_IOT_INBOX_H
#define LAN_PROTO_IOT_INBOX_H

#include "base/ring.h"
#include "proto/iot/iot.h"

#define IOT_NOBODY UINT32_MAX

/* A duplicate to be acknowledged: kept beside the kinds of enum iot_event_kind. */
enum { IOT_ACK_AGAIN = 100 };

struct iot_note {
	const char *reason; /* static text */
	uint64_t token;
	uint32_t len; /* of the bytes behind the note, without the NUL that follows them */
	uint32_t who; /* index of the peer, IOT_NOBODY */
	uint32_t gen; /* of the stream it came from */
	uint32_t connects;
	uint8_t kind, mid, err;
};

struct iot_inbox {
	struct lan_ring ring;
	uint32_t soft; /* bytes over which lines stall and events that may be dropped are */
	uint64_t *dropped;
};

/* `dropped` counts the events iot_inbox_hint drops; borrowed until fini. */
void iot_inbox_init(struct iot_inbox *b, uint32_t max_events, uint32_t max_line, uint64_t *dropped);
void iot_inbox_fini(struct iot_inbox *b);

/* Is there room for a line? False: stall. */
static inline bool iot_inbox_open(const struct iot_inbox *b)
{
	return lan_ring_len(&b->ring) < b->soft;
}

/* Make sure that the next put of n bytes succeeds. LAN_ERR_NOMEM, LAN_ERR_FULL. */
LAN_WUR enum lan_err iot_inbox_reserve(struct iot_inbox *b, size_t n);

/* So far drained that those who were stopped may go on. */
static inline bool iot_inbox_low(const struct iot_inbox *b)
{
	return lan_ring_len(&b->ring) <= b->soft / 2;
}

/* Append a note and its bytes. LAN_ERR_NOMEM, LAN_ERR_FULL (far over the bound). */
LAN_WUR enum lan_err iot_inbox_put(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n);

/* Append one that may be dropped when the application does not pull. */
void iot_inbox_hint(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n);

/* Append one that is bounded in number: dropped, and counted, only for lack of memory. */
void iot_inbox_tell(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n);

/* The oldest note; its bytes (NUL-terminated) are a view. False: none. */
bool iot_inbox_peek(const struct iot_inbox *b, struct iot_note *note, const char **bytes);
/* Forget the oldest note; the view of its bytes stays good until the next put. */
void iot_inbox_next(struct iot_inbox *b);
/* Nothing is left: give large memory back. */
void iot_inbox_rest(struct iot_inbox *b);

#endif
