/*
 * dialect.h - the two dialects of the neighbour family, and all in which they
 * differ that fits into a table. Behaviour that differs asks for a field of the
 * table, not for the dialect's name.
 *
 * docs/protocols/lsoe.md: part 1 LSOE-01, part 2 L3DL; section 2.10 is this table.
 */
#ifndef LAN_LSOE_DIALECT_H
#define LAN_LSOE_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

enum lsoe_dialect { LSOE_01 = 0, LSOE_L3DL = 1 };

enum lsoe_type {
	LSOE_HELLO = 0,
	LSOE_OPEN = 1,
	LSOE_KEEPALIVE = 2,
	LSOE_ACK = 3,
	LSOE_IPV4 = 4,
	LSOE_IPV6 = 5,
	LSOE_MPLS4 = 6,
	LSOE_MPLS6 = 7,
	LSOE_NEWKEY = 8, /* L3DL only */
	LSOE_ULPC = 9,   /* L3DL only */
	LSOE_VENDOR = 255
};

#define LSOE_MTU          1500 /* octets of the largest datagram, header included (section 1.2) */
#define LSOE_PDU_MAX_01   65535
#define LSOE_PDU_MAX_L3DL (1u << 20) /* our bound; the wire allows 2^32 (section 2.2) */

/* Flags of an entry, the same for both dialects once decoded. */
enum { LSOE_F_PRIMARY = 1, LSOE_F_LOOPBACK = 2, LSOE_F_OVERLAY = 4, LSOE_F_WITHDRAW = 8 };

enum lsoe_fault {
	LSOE_FAULT_NONE,
	LSOE_FAULT_CHECKSUM,
	LSOE_FAULT_CONFLICT,
	LSOE_FAULT_AUTH,
	LSOE_FAULT_ANNOUNCE
};

struct lsoe_rules {
	const char *name;   /* "lsoe", "l3dl" */
	uint16_t ethertype; /* the default */
	uint8_t header;     /* octets of the datagram header */
	uint32_t numbers;   /* datagram numbers: 0 .. numbers - 1 */
	uint32_t fragments; /* datagrams accepted of one PDU */
	uint32_t pdu_max;   /* octets of the longest PDU accepted */
	bool numbered;      /* datagrams say of which PDU they are (TSN) */
	bool incremental;   /* encapsulations announce and withdraw, with serial numbers */
	bool one_in_flight; /* one unacknowledged PDU in all; else one of each type */
	bool any_is_alive;  /* any PDU counts as liveness; else KEEPALIVE, OPEN, ACK(OPEN) */
	bool trailer;       /* PDUs end with a signature */
	lan_time dead;      /* default */
	uint16_t code_conflict, code_auth, code_announce; /* error codes of ACK; 0: has none */
};
extern const struct lsoe_rules lsoe_rules[2];

/* Is a PDU of this type acknowledged? Is there such a type in the dialect? */
bool lsoe_acked(enum lsoe_dialect d, uint8_t type);
bool lsoe_known(enum lsoe_dialect d, uint8_t type);
const char *lsoe_type_name(uint8_t type); /* "HELLO", "IPV4", ..; "type" for others. Static text. */

/* Of the entries of an encapsulation type: octets of the address, and whether labels come before it. */
static inline size_t lsoe_addr_len(uint8_t type)
{
	return type == LSOE_IPV4 || type == LSOE_MPLS4 ? 4 : 16;
}

static inline bool lsoe_has_labels(uint8_t type)
{
	return type == LSOE_MPLS4 || type == LSOE_MPLS6;
}

/* The flags octet of an entry (sections 1.6 and 2.5). Announce and underlay are 1, as the text of the draft
 * has it, against its table; both are constants in flags.c. */
uint8_t lsoe_flags_encode(enum lsoe_dialect d, unsigned flags);
unsigned lsoe_flags_decode(enum lsoe_dialect d, uint8_t octet);

#endif
