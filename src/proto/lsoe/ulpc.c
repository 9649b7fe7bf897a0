/*
 * ulpc.c - upper-layer protocol configuration: the parameters of a BGP session
 * (docs/protocols/lsoe.md, section 2.8).
 *
 * Refused: another upper layer than BGP, attributes that are unknown, repeated or
 * of a wrong length, no ASN (or 0), no address, impossible prefix lengths.
 * Reserved flag bits are sent as 0 and ignored.
 */
#include "proto/lsoe/parts.h"

#include <assert.h>

#define BGP  1
#define GTSM 0x8000

enum { ASN = 1, ADDR4, ADDR6, AUTH, FLAGS, KINDS };

/* Octets of the value; 0: any number but none. */
static const uint8_t size_of[KINDS] = {[ASN] = 4, [ADDR4] = 5, [ADDR6] = 17, [FLAGS] = 2};

static void take(struct lan_rd *v, uint8_t kind, struct lsoe_ulpc *out)
{
	switch (kind) {
	case ASN:
		out->asn = lan_rd_be32(v);
		break;
	case ADDR4:
		out->have4 = true;
		memcpy(out->addr4, lan_rd_take(v, 4), 4);
		out->prefix4 = lan_rd_u8(v);
		break;
	case ADDR6:
		out->have6 = true;
		memcpy(out->addr6, lan_rd_take(v, 16), 16);
		out->prefix6 = lan_rd_u8(v);
		break;
	case AUTH:
		out->auth_len = (uint8_t)v->len;
		out->auth = v->buf;
		break;
	default:
		out->gtsm = lan_rd_be16(v) & GTSM;
	}
}

bool lsoe_ulpc_read(struct lan_rd *r, struct lsoe_ulpc *out)
{
	bool seen[KINDS] = {false};
	uint8_t bgp = lan_rd_u8(r), n = lan_rd_u8(r);

	*out = (struct lsoe_ulpc){0};
	if (r->bad || bgp != BGP)
		return false;
	while (n--) {
		uint8_t kind = lan_rd_u8(r), len = lan_rd_u8(r);
		if (r->bad || kind < ASN || kind >= KINDS || seen[kind] || len <= 2)
			return false;
		struct lan_rd v = lan_rd_sub(r, len - 2u);
		if (v.bad || (size_of[kind] && size_of[kind] != v.len))
			return false;
		seen[kind] = true;
		take(&v, kind, out);
	}
	return out->asn && (out->have4 || out->have6) && out->prefix4 <= 32 && out->prefix6 <= 128;
}

static void head(struct lan_wr *w, uint8_t kind, size_t len)
{
	lan_wr_u8(w, kind);
	lan_wr_u8(w, (uint8_t)(2 + len));
}

void lsoe_ulpc_write(struct lan_wr *w, const struct lsoe_ulpc *u)
{
	assert(u->auth_len <= 253);
	lan_wr_u8(w, BGP);
	lan_wr_u8(w, (uint8_t)(1 + u->have4 + u->have6 + !!u->auth_len + u->gtsm));
	head(w, ASN, size_of[ASN]);
	lan_wr_be32(w, u->asn);
	if (u->have4) {
		head(w, ADDR4, size_of[ADDR4]);
		lan_wr_bytes(w, u->addr4, 4);
		lan_wr_u8(w, u->prefix4);
	}
	if (u->have6) {
		head(w, ADDR6, size_of[ADDR6]);
		lan_wr_bytes(w, u->addr6, 16);
		lan_wr_u8(w, u->prefix6);
	}
	if (u->auth_len) {
		head(w, AUTH, u->auth_len);
		lan_wr_bytes(w, u->auth, u->auth_len);
	}
	if (u->gtsm) {
		head(w, FLAGS, size_of[FLAGS]);
		lan_wr_be16(w, GTSM);
	}
}
