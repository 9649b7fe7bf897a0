/*
 * pdu.c - read a PDU (docs/protocols/lsoe.md, sections 1.6 and 2.2 to 2.8); see pdu.h.
 *
 * The frame around the payload is taken off first, and its lengths must be those
 * of the PDU to the octet. Then each type reads its payload straight through;
 * that nothing is missing or left over is asked once, at the end.
 */
#include "proto/lsoe/pdu.h"

#include "proto/lsoe/parts.h"

const char *lsoe_pdu_fault_text(enum lsoe_pdu_fault f)
{
	static const char *const texts[] = {
#define X(name, text) text,
		LSOE_PDU_FAULTS(X)
#undef X
	};
	return texts[f];
}

/* What stands between the PDU's header and its end, or trailer. */
static enum lsoe_pdu_fault unwrap_01(const uint8_t *p, size_t n, struct lsoe_pdu *out, struct lan_rd *payload)
{
	if (n < 3)
		return LSOE_PDU_truncated;
	if (lan_get_be16(p + 1) != n)
		return LSOE_PDU_length;
	out->type = p[0];
	out->signed_len = n;
	*payload = lan_rd_of(p + 3, n - 3);
	return LSOE_PDU_none;
}

static enum lsoe_pdu_fault unwrap_l3dl(
	const uint8_t *p, size_t n, struct lsoe_pdu *out, struct lan_rd *payload)
{
	struct lan_rd r = lan_rd_of(p, n);

	out->type = lan_rd_u8(&r);
	uint32_t len = lan_rd_be32(&r);
	if (r.bad)
		return LSOE_PDU_truncated;
	if (n > LSOE_PDU_MAX_L3DL || len > n - 5)
		return LSOE_PDU_length;
	*payload = lan_rd_sub(&r, len);
	out->sig_type = lan_rd_u8(&r);
	out->sig_len = lan_rd_be16(&r);
	if (r.bad)
		return LSOE_PDU_truncated;
	if (lan_rd_left(&r) != out->sig_len)
		return LSOE_PDU_length;
	if (!out->sig_type != !out->sig_len || out->sig_len > LSOE_SIG_MAX ||
		(out->sig_type && out->type == LSOE_HELLO))
		return LSOE_PDU_signature;
	out->signed_len = r.off;
	out->sig = lan_rd_take(&r, out->sig_len);
	return LSOE_PDU_none;
}

/* A length and so many octets, at most `max`. */
static const uint8_t *block(struct lan_rd *r, uint16_t *len)
{
	*len = lan_rd_be16(r);
	const uint8_t *p = lan_rd_take(r, *len);
	return *len ? p : NULL;
}

/* Section 1.6: octets behind an Auth Length of 0 are ignored, as the original does. */
static enum lsoe_pdu_fault auth_01(struct lan_rd *r, struct lsoe_open *o)
{
	o->auth = block(r, &o->auth_len);
	if (!o->auth_len)
		lan_rd_take(r, lan_rd_left(r));
	return LSOE_PDU_none;
}

/* Section 2.3; the certificate is there only if there is a key (section 4). */
static enum lsoe_pdu_fault auth_l3dl(struct lan_rd *r, struct lsoe_open *o)
{
	o->auth_type = lan_rd_u8(r);
	o->key = block(r, &o->key_len);
	if (o->auth_type)
		o->cert = block(r, &o->cert_len);
	o->serial = lan_rd_be32(r);
	if (r->bad)
		return LSOE_PDU_truncated;
	if (!o->auth_type != !o->key_len || o->key_len > LSOE_KEY_MAX || o->cert_len > LSOE_SIG_MAX)
		return LSOE_PDU_auth;
	return LSOE_PDU_none;
}

static enum lsoe_pdu_fault read_open(struct lan_rd *r, enum lsoe_dialect d, struct lsoe_open *o)
{
	*o = (struct lsoe_open){0};
	const uint8_t *nonce = lan_rd_take(r, sizeof o->nonce);
	if (nonce)
		memcpy(o->nonce, nonce, sizeof o->nonce);
	o->id_len = d == LSOE_01 ? LSOE_ID_01 : lan_rd_u8(r);
	o->id = lan_rd_take(r, o->id_len);
	o->n_attrs = lan_rd_u8(r);
	o->attrs = lan_rd_take(r, o->n_attrs);
	return d == LSOE_01 ? auth_01(r, o) : auth_l3dl(r, o);
}

static enum lsoe_pdu_fault read_ack(struct lan_rd *r, enum lsoe_dialect d, struct lsoe_ack *a)
{
	a->type = lan_rd_u8(r);
	uint16_t error = lan_rd_be16(r);
	a->etype = (uint8_t)(error >> 12);
	a->code = error & 0xfff;
	a->hint = lan_rd_be16(r);
	if (r->bad)
		return LSOE_PDU_truncated;
	if (!lsoe_acked(d, a->type) || a->etype > LSOE_ACK_HOPELESS)
		return LSOE_PDU_ack;
	if (!a->etype)
		return a->code || a->hint ? LSOE_PDU_ack : LSOE_PDU_none;
	return a->code && a->code <= (d == LSOE_01 ? 2 : 4) ? LSOE_PDU_none : LSOE_PDU_ack;
}

static void read_vendor(struct lan_rd *r, enum lsoe_dialect d, struct lsoe_vendor *v)
{
	v->serial = lsoe_rules[d].incremental ? lan_rd_be32(r) : 0;
	v->enterprise = lan_rd_be32(r);
	v->type = lan_rd_u8(r);
	v->len = lan_rd_left(r);
	v->data = lan_rd_take(r, v->len);
}

static enum lsoe_pdu_fault read_newkey(struct lan_rd *r, struct lsoe_newkey *k)
{
	k->type = lan_rd_u8(r);
	k->key = block(r, &k->key_len);
	k->cert = block(r, &k->cert_len);
	if (r->bad)
		return LSOE_PDU_truncated;
	if (!k->type || !k->key_len || k->key_len > LSOE_KEY_MAX || k->cert_len > LSOE_SIG_MAX)
		return LSOE_PDU_auth;
	return LSOE_PDU_none;
}

static enum lsoe_pdu_fault read_payload(struct lan_rd *r, enum lsoe_dialect d, struct lsoe_pdu *out)
{
	switch (out->type) {
	case LSOE_HELLO:
	case LSOE_KEEPALIVE:
		return lan_rd_left(r) ? LSOE_PDU_payload : LSOE_PDU_none;
	case LSOE_OPEN:
		return read_open(r, d, &out->u.open);
	case LSOE_ACK:
		return read_ack(r, d, &out->u.ack);
	case LSOE_NEWKEY:
		return read_newkey(r, &out->u.newkey);
	case LSOE_ULPC:
		return lsoe_ulpc_read(r, &out->u.ulpc) ? LSOE_PDU_none : LSOE_PDU_ulpc;
	case LSOE_VENDOR:
		read_vendor(r, d, &out->u.vendor);
		return LSOE_PDU_none;
	default:
		lsoe_entries_read(r, d, out->type, &out->u.entries);
		return LSOE_PDU_none;
	}
}

enum lsoe_pdu_fault lsoe_pdu_decode(enum lsoe_dialect d, const uint8_t *p, size_t n, struct lsoe_pdu *out)
{
	struct lsoe_pdu pdu = {0};
	struct lan_rd r;

	enum lsoe_pdu_fault f =
		lsoe_rules[d].trailer ? unwrap_l3dl(p, n, &pdu, &r) : unwrap_01(p, n, &pdu, &r);
	if (f)
		return f;
	if (!lsoe_known(d, pdu.type))
		return LSOE_PDU_type;
	f = read_payload(&r, d, &pdu);
	if (r.bad)
		return LSOE_PDU_truncated;
	if (f)
		return f;
	if (lan_rd_left(&r))
		return LSOE_PDU_trailing;
	*out = pdu;
	return LSOE_PDU_none;
}
