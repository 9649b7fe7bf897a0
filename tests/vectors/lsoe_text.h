/*
 * lsoe_text.h - captured frames of the neighbour family taken apart by our codecs, and written as
 * the files describe them.
 */
#ifndef LSOE_TEXT_H
#define LSOE_TEXT_H

#include <jansson.h>
#include "book.h"
#include "proto/lsoe/pdu.h"
#include "proto/lsoe/reasm.h"

#define ETHER 14 /* octets before the content of a frame */

/* A PDU as `decoded` of the file has it, keys sorted; LSOE-01. To be freed. */
char *lsoe_decoded(const struct lsoe_pdu *pdu, size_t n);
/* "OPEN nonce=.. id=..", "IPV4 count=3", "ACK of OPEN etc=0x0000 hint=0"; L3DL: more. To be freed. */
char *lsoe_summary(enum lsoe_dialect d, const struct lsoe_pdu *pdu);
/* What the codecs make of a frame after the ones before: "dropped: checksum", "kept", the summary of a whole
 * PDU. To be freed. */
char *lsoe_heard_of(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, enum lsoe_dialect d,
	const struct buf *content, struct lsoe_pdu *pdu);
/* The content of frames as hex joined by blanks: a PDU cut as the original does. To be freed. */
char *lsoe_cut(enum lsoe_dialect d, uint16_t tsn, const uint8_t *pdu, size_t n);

#endif
