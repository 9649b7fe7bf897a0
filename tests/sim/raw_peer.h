/*
 * raw_peer.h - a party without a protocol: it connects (or accepts) when told,
 * writes the bytes it is told to write and keeps what it receives. With it a
 * scenario says to a real core what no real core would say.
 */
#ifndef RAW_PEER_H
#define RAW_PEER_H

#include "proto/proto.h"

struct raw_peer {
	bool open, want_dial, want_send, want_close, deaf;
	unsigned opened, failed, ended;
	enum lan_err why; /* of the last end */
	uint8_t *out, *in;
	size_t n_out, n_in;
	uint8_t part[512];
};

void raw_peer_fini(struct raw_peer *r);
void raw_peer_write(struct raw_peer *r, const void *p, size_t n);
extern const struct lan_stream_ops raw_peer_ops;

#endif
