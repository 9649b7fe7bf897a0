/*
 * seen.h - which lines of a peer were received already.
 *
 * The wire has 8-bit ids, no epoch, and one restart signal: id 00, used once
 * per process life. The record is a FIFO of the last 150 ids received, each
 * with a keyed hash of its payload, because a retransmission repeats id *and*
 * bytes: an id that comes back with other bytes is a new line of a peer that
 * started again unnoticed, and is not swallowed (the original swallows it).
 *
 * Id 00 that comes back on its stream is a retransmission. As the first line of
 * a new stream it means that the peer started again, even if it says the same
 * as before (a sensor that wakes, says one line and sleeps does), unless the
 * stream was marked as one that repeats it: our senders send a burst of
 * keepalives before a 00 that they repeat on a new stream (stream.h).
 */
#ifndef LAN_PROTO_IOT_SEEN_H
#define LAN_PROTO_IOT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOT_SEEN_MAX 150

struct iot_seen {
	uint32_t bits[8]; /* ids in the FIFO */
	uint8_t head, len;
	uint8_t on_stream; /* of the newest entries, how many came on the current stream */
	bool any_on_stream;
	uint64_t rx_lines, rx_dups;
	uint8_t fifo[256];  /* ids by age, from head on, around the end */
	uint32_t hash[256]; /* of the last line with that id */
};

enum iot_verdict {
	IOT_SEEN_NEW,
	IOT_SEEN_DUP,
	IOT_SEEN_RESTART /* new, and the peer's process is a new one */
};

/* A stream begins. */
void iot_seen_stream(struct iot_seen *s);

/* Judge a line and remember it. `hash` is keyed, over the payload; `marked`: the
 * stream's first line repeats one of the stream before. */
enum iot_verdict iot_seen_line(struct iot_seen *s, uint8_t mid, uint32_t hash, bool marked);

#endif
