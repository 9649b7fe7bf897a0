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
 * a new stream it means a restart, unless it is byte-identical, nothing else was
 * received since, and we have listened to the peer for less than 4.5 timeouts
 * since: a sender that missed the acknowledgement repeats the line after every
 * timeout, so over so much listening it would have been heard. (One timeout
 * would do on TCP; the rest is for relays that lose single lines.) A peer that
 * restarts within that time and begins with the very line that was all it had
 * said is indistinguishable from one that repeats it.
 */
#ifndef LAN_PROTO_IOT_SEEN_H
#define LAN_PROTO_IOT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/base.h>

#define IOT_SEEN_MAX 150

struct iot_seen {
	uint32_t bits[8]; /* ids in the FIFO */
	uint8_t head, len;
	uint8_t on_stream; /* of the newest entries, how many came on the current stream */
	bool any_on_stream;
	lan_time zero_at; /* when the last copy of the 00 in the FIFO arrived */
	lan_time heard;   /* time we listened to the peer since, on streams that have ended */
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

/* A stream ended that was listened to from its first to its last byte. */
void iot_seen_heard(struct iot_seen *s, lan_time from, lan_time until);

/* We did not listen until now: what was repeated meanwhile may be lost. */
void iot_seen_deaf(struct iot_seen *s, lan_time now);

/* Judge a line and remember it. `hash` is keyed, over the payload. */
enum iot_verdict iot_seen_line(
	struct iot_seen *s, lan_time now, lan_time timeout, uint8_t mid, uint32_t hash);

#endif
