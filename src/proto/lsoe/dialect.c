/*
 * dialect.c - the table of the two dialects (docs/protocols/lsoe.md, section 2.10) and their types.
 */
#include "proto/lsoe/dialect.h"

const struct lsoe_rules lsoe_rules[2] = {
	[LSOE_01] =
		{
			.name = "lsoe",
			.ethertype = 0x8885,
			.header = 8,
			.numbers = 128,
			.fragments = 128,
			.pdu_max = LSOE_PDU_MAX_01,
			.dead = LAN_SEC(60),
			.code_conflict = 1,
			.code_auth = 2,
		},
	[LSOE_L3DL] =
		{
			.name = "l3dl",
			.ethertype = 0x88b5,
			.header = 12,
			.numbers = 1u << 23,
			.fragments = 4096,
			.pdu_max = LSOE_PDU_MAX_L3DL,
			.numbered = true,
			.incremental = true,
			.one_in_flight = true,
			.any_is_alive = true,
			.trailer = true,
			.dead = LAN_SEC(30),
			.code_conflict = 2,
			.code_auth = 3,
			.code_announce = 4,
		},
};

bool lsoe_known(enum lsoe_dialect d, uint8_t type)
{
	return type <= LSOE_MPLS6 || type == LSOE_VENDOR ||
	       (d == LSOE_L3DL && (type == LSOE_NEWKEY || type == LSOE_ULPC));
}

/* Sections 1.6 and 2.2; of ULPC the drafts leave it open (section 4). */
bool lsoe_acked(enum lsoe_dialect d, uint8_t type)
{
	return lsoe_known(d, type) && type != LSOE_HELLO && type != LSOE_KEEPALIVE && type != LSOE_ACK;
}

const char *lsoe_type_name(uint8_t type)
{
	static const char *const names[] = {
		"HELLO", "OPEN", "KEEPALIVE", "ACK", "IPV4", "IPV6", "MPLS4", "MPLS6", "NEWKEY", "ULPC"};

	if (type == LSOE_VENDOR)
		return "VENDOR";
	return type <= LSOE_ULPC ? names[type] : "type";
}
