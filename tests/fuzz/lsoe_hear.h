/*
 * lsoe_hear.h - what the fuzz targets of the neighbour core hold against every frame it puts out: a whole
 * datagram of the dialect in a row with those before it to the same address, nothing between the fragments
 * of a PDU, a PDU that can be read, and to a node that did not say that it is Lanyard nothing that ends the
 * original (docs/protocols/lsoe.md, section 1.14).
 */
#ifndef FUZZ_LSOE_HEAR_H
#define FUZZ_LSOE_HEAR_H

#include <string.h>
#include "fuzz_script.h"
#include "proto/lsoe/frame.h"
#include "proto/lsoe/lsoe.h"

#define HEAR_MACS 16

struct hear_from { /* one destination */
	bool used;
	uint8_t to[6];
	uint32_t next; /* number of the datagram expected, 0: a new PDU */
	uint16_t tsn;
};

struct hear {
	enum lsoe_dialect d;
	struct hear_from from[HEAR_MACS];
};

/* Reads a PDU that is whole. True if `to` may be sent it even if it is not Lanyard. */
static inline bool hear_pdu(enum lsoe_dialect d, const uint8_t *p, size_t n, struct lsoe_pdu *pdu)
{
	enum lsoe_pdu_fault fault = lsoe_pdu_decode(d, p, n, pdu);
	struct lsoe_entry e;
	size_t at = 0;

	FUZZ_CHECK(fault == LSOE_PDU_none, "sent a PDU of %zu octets, type %u: %s", n, n ? p[0] : 0,
		lsoe_pdu_fault_text(fault));
	if (d == LSOE_L3DL || pdu->type <= LSOE_ACK)
		return true;
	if (pdu->type == LSOE_VENDOR)
		return false;
	while (pdu->type >= LSOE_MPLS4 && lsoe_entry_next(&pdu->u.entries, &at, &e))
		if (e.n_labels)
			return false;
	return true;
}

/* A frame to `to`, which said (`lanyard`) or did not that it is Lanyard. True: a PDU is whole, and in *out.
 */
static inline bool hear_frame(
	struct hear *h, const uint8_t to[6], const uint8_t *buf, size_t n, bool lanyard, struct lsoe_pdu *out)
{
	struct hear_from *f = NULL;
	struct lsoe_frame fr;

	FUZZ_CHECK(lsoe_frame_decode(h->d, buf, n, &fr) == LSOE_FRAME_OK, "sent a frame that is none");
	FUZZ_CHECK(n - fr.padding_len <= LSOE_MTU, "sent a datagram of %zu octets", n);
	FUZZ_CHECK(fr.len, "sent a datagram without payload");
	for (int i = 0; i < HEAR_MACS && !f; i++)
		if (!h->from[i].used || memcmp(h->from[i].to, to, 6) == 0)
			f = &h->from[i];
	FUZZ_CHECK(f, "sent to somebody who is not there");
	f->used = true;
	memcpy(f->to, to, 6);
	FUZZ_CHECK(fr.number == f->next, "datagram %u where %u belongs", fr.number, f->next);
	FUZZ_CHECK(!fr.number || h->d == LSOE_01 || fr.tsn == f->tsn, "another TSN within a PDU");
	f->tsn = fr.tsn;
	f->next = fr.last ? 0 : fr.number + 1;
	if (fr.last && !fr.number) {
		FUZZ_CHECK(hear_pdu(h->d, fr.payload, fr.len, out) || lanyard,
			"sent what ends the original: type %u", out->type);
		return true;
	}
	FUZZ_CHECK(h->d == LSOE_L3DL || fr.number < 44, "a PDU in more than 44 datagrams");
	return false;
}

/* A link went: what was not sent of a PDU is not owed any more. */
static inline void hear_forget(struct hear *h)
{
	memset(h->from, 0, sizeof h->from);
}

#endif
