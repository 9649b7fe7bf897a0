/*
 * parts.h - the payloads that have a file of their own: entries.c and ulpc.c
 * for pdu.c and pdu_encode.c. Not for others.
 */
#ifndef LAN_LSOE_PARTS_H
#define LAN_LSOE_PARTS_H

#include "proto/lsoe/pdu.h"

/* Failure of the reader: it ended too early. */
void lsoe_entries_read(struct lan_rd *r, enum lsoe_dialect d, uint8_t type, struct lsoe_entries *out);
void lsoe_entries_write(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_entries *e);

/* Section 2.8. False: not understood. */
bool lsoe_ulpc_read(struct lan_rd *r, struct lsoe_ulpc *out);
void lsoe_ulpc_write(struct lan_wr *w, const struct lsoe_ulpc *u);

#endif
