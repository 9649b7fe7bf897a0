/*
 * reasm.h - PDUs out of datagrams, for one sender on one link (docs/protocols/lsoe.md, section 1.5 "our
 * receiver", and 2.1). A datagram that is a whole PDU is delivered at once and leaves an assembly alone.
 * Memory exists only while something is unfinished, and for `wait` after it was
 * finished, and is taken from a budget of the link.
 *
 * LSOE-01 has no number of the PDU: a fragment whose number is filled with the same octets is a repetition,
 * with others it begins a new assembly; so does a second last one elsewhere. L3DL: another TSN begins a new
 * assembly if it is newer (RFC 1982), and is old otherwise.
 *
 * For `wait` after a PDU of several datagrams was delivered its fragments are known again. One that comes
 * late must not be taken for part of the next PDU; a PDU that is sent again as a whole, because our
 * acknowledgement was lost, must be delivered again. So a fragment known from before is kept only if,
 * LSOE-01, all that go before it are there, and gives way to any new one with its number or a lower one.
 */
#ifndef LAN_LSOE_REASM_H
#define LAN_LSOE_REASM_H

#include "proto/lsoe/frame.h"

struct lsoe_reasm_budget {
	size_t used, max; /* octets held for one link, and at most */
};

struct lsoe_reasm {
	struct lsoe_parts *parts; /* NULL: nothing unfinished */
	struct lsoe_told *told;   /* what is known of the PDU delivered last; NULL: nothing */
	lan_time until;           /* when lsoe_reasm_expire has something to do; LAN_NEVER: never */
};

enum lsoe_reasm_result {
	LSOE_REASM_MORE,     /* kept, or known already: wait */
	LSOE_REASM_PDU,      /* *pdu is whole: a view until the next call for this sender or link */
	LSOE_REASM_REPEATED, /* a fragment of what was delivered or is there already */
	LSOE_REASM_RESTART, /* did not fit what was there, which is gone: counted as lost; this one is kept */
	LSOE_REASM_OLD,     /* L3DL: of an older PDU */
	LSOE_REASM_NUMBER,  /* a number that no PDU can have */
	LSOE_REASM_TOO_LONG, /* and what was there is gone */
	LSOE_REASM_FULL      /* the link's budget is used up, or out of memory */
};

void lsoe_reasm_init(struct lsoe_reasm *r);
void lsoe_reasm_fini(struct lsoe_reasm *r, struct lsoe_reasm_budget *b);
/* `wait`: how long fragments wait for the rest, from the first. */
enum lsoe_reasm_result lsoe_reasm_add(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, enum lsoe_dialect d,
	lan_time now, lan_time wait, const struct lsoe_frame *f, const uint8_t **pdu, size_t *n);
/* Give up what waited too long. True if something was lost. */
bool lsoe_reasm_expire(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, lan_time now);

#endif
