/*
 * flags.c - the flags octet of an entry. The two dialects put the same flags on different bits, so they share
 * nothing here. Reserved bits are sent as 0 and ignored.
 *
 * docs/protocols/lsoe.md, section 1.6 (LSOE-01), section 2.5 (L3DL).
 */
#include "proto/lsoe/dialect.h"

enum { LSOE_01_PRIMARY = 0x80, LSOE_01_LOOPBACK = 0x40 };
enum { L3DL_ANNOUNCE = 0x80, L3DL_PRIMARY = 0x40, L3DL_UNDERLAY = 0x20, L3DL_LOOPBACK = 0x10 };

/* The value of the bit that says announce, and of the one that says underlay (section 4). */
#define L3DL_ANNOUNCE_IS 1
#define L3DL_UNDERLAY_IS 1

uint8_t lsoe_flags_encode(enum lsoe_dialect d, unsigned flags)
{
	bool announce = !(flags & LSOE_F_WITHDRAW), underlay = !(flags & LSOE_F_OVERLAY);
	bool primary = flags & LSOE_F_PRIMARY, loopback = flags & LSOE_F_LOOPBACK;

	if (d == LSOE_01)
		return (uint8_t)((primary ? LSOE_01_PRIMARY : 0) | (loopback ? LSOE_01_LOOPBACK : 0));
	return (uint8_t)((announce == L3DL_ANNOUNCE_IS ? L3DL_ANNOUNCE : 0) |
			 (underlay == L3DL_UNDERLAY_IS ? L3DL_UNDERLAY : 0) | (primary ? L3DL_PRIMARY : 0) |
			 (loopback ? L3DL_LOOPBACK : 0));
}

unsigned lsoe_flags_decode(enum lsoe_dialect d, uint8_t octet)
{
	if (d == LSOE_01)
		return (octet & LSOE_01_PRIMARY ? LSOE_F_PRIMARY : 0) |
		       (octet & LSOE_01_LOOPBACK ? LSOE_F_LOOPBACK : 0);
	return (!!(octet & L3DL_ANNOUNCE) == L3DL_ANNOUNCE_IS ? 0 : LSOE_F_WITHDRAW) |
	       (!!(octet & L3DL_UNDERLAY) == L3DL_UNDERLAY_IS ? 0 : LSOE_F_OVERLAY) |
	       (octet & L3DL_PRIMARY ? LSOE_F_PRIMARY : 0) | (octet & L3DL_LOOPBACK ? LSOE_F_LOOPBACK : 0);
}
