/*
 * frame.h - the header of a datagram, the content of one Ethernet frame
 * (docs/protocols/lsoe.md, sections 1.3 and 2.1).
 */
#ifndef LAN_LSOE_FRAME_H
#define LAN_LSOE_FRAME_H

#include <stddef.h>
#include "proto/lsoe/dialect.h"

struct lsoe_frame {
	uint16_t tsn;    /* L3DL: number of the PDU, wraps; 0 with LSOE-01 */
	uint32_t number; /* of the datagram in its PDU, from 0 */
	bool last;
	const uint8_t *payload; /* view */
	size_t len;             /* may be 0 */
	const uint8_t *padding; /* what followed the datagram in the frame, view */
	size_t padding_len;
};

enum lsoe_frame_fault {
	LSOE_FRAME_OK,
	LSOE_FRAME_SHORT,   /* shorter than a header */
	LSOE_FRAME_VERSION, /* not 0 */
	LSOE_FRAME_LENGTH,  /* Datagram Length less than a header, or more than came */
	LSOE_FRAME_CHECKSUM,
	LSOE_FRAME_FAULTS
};

/* Read a frame's content (Ethernet header not included, padding allowed). `out` untouched but for
 * LSOE_FRAME_OK. */
enum lsoe_frame_fault lsoe_frame_decode(
	enum lsoe_dialect d, const uint8_t *p, size_t n, struct lsoe_frame *out);

/* Write header and checksum around a payload that stands at buf + header already. Returns the datagram's
 * length, header + len. buf has room for it; header + len <= 65535. */
size_t lsoe_frame_finish(
	enum lsoe_dialect d, uint16_t tsn, uint32_t number, bool last, uint8_t *buf, size_t len);

#endif
