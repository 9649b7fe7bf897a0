/*
 * seen.h - which lines of a peer were received already.
 *
 * The wire has 8-bit ids, no epoch, and one restart signal: id 00, used once
 * per process life. The record is a FIFO of the last 127 ids received, each
 * with a keyed hash of its payload, because a retransmission repeats id *and*
 * bytes: an id that comes back with other bytes is a new line of a peer that
 * started again unnoticed, and is not swallowed (the original swallows it).
 *
 * Id 00 that comes back is a retransmission on the same stream. As the first
 * line of a new stream it means a restart, unless it is byte-identical, nothing
 * else was received since, and it arrived so shortly before the old stream fell
 * silent that its sender may have missed the acknowledgement (within 1.5
 * timeouts: a sender that misses it repeats the line after one). A peer that
 * restarts within that time with the same single line is indistinguishable
 * from one that repeats it; the wire cannot tell them apart.
 */
#ifndef LAN_PROTO_IOT_SEEN_H
#define LAN_PROTO_IOT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/base.h>

#define IOT_SEEN_MAX 127

struct iot_seen {
	uint32_t bits[8]; /* ids in the FIFO */
	uint8_t head, len;
	uint8_t on_stream; /* of the newest entries, how many came on the current stream (saturating) */
	bool any_on_stream;
	lan_time zero_at;   /* when the last copy of the 00 in the FIFO arrived */
	lan_time silent_at; /* when the stream before the current one last delivered a byte */
	uint64_t rx_lines, rx_dups;
	struct iot_seen_entry {
		uint32_t hash;
		uint8_t mid;
	} fifo[IOT_SEEN_MAX + 1]; /* a power of two; one stays unused */
};

enum iot_verdict {
	IOT_SEEN_NEW,
	IOT_SEEN_DUP,
	IOT_SEEN_RESTART /* new, and the peer's process is a new one */
};

/* A new stream begins; the old one last delivered a byte at `silent_at`. */
void iot_seen_stream(struct iot_seen *s, lan_time silent_at);

/* Judge a line and remember it. `hash` is keyed, over the payload. */
enum iot_verdict iot_seen_line(
	struct iot_seen *s, lan_time now, lan_time timeout, uint8_t mid, uint32_t hash);

#endif
