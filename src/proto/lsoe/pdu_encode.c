/*
 * pdu_encode.c - write a PDU; the mirror of pdu.c.
 *
 * The length is not known before the payload is there, so its place is left open
 * and filled in at the end. What cannot be said in the dialect (an id of another
 * length, a type it has not) is a mistake of the caller; what is too long for
 * the length field fails like a buffer that is too small.
 */
#include "proto/lsoe/pdu.h"

#include <assert.h>

#include "proto/lsoe/parts.h"

static void block(struct lan_wr *w, const uint8_t *p, uint16_t len)
{
	lan_wr_be16(w, len);
	lan_wr_bytes(w, p, len);
}

static void write_open(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_open *o)
{
	lan_wr_bytes(w, o->nonce, sizeof o->nonce);
	if (d == LSOE_01)
		assert(o->id_len == LSOE_ID_01);
	else
		lan_wr_u8(w, o->id_len);
	lan_wr_bytes(w, o->id, o->id_len);
	lan_wr_u8(w, o->n_attrs);
	lan_wr_bytes(w, o->attrs, o->n_attrs);
	if (d == LSOE_01) {
		block(w, o->auth, o->auth_len);
		return;
	}
	assert(!o->auth_type == !o->key_len && (o->auth_type || !o->cert_len));
	lan_wr_u8(w, o->auth_type);
	block(w, o->key, o->key_len);
	if (o->auth_type)
		block(w, o->cert, o->cert_len);
	lan_wr_be32(w, o->serial);
}

static void write_ack(struct lan_wr *w, const struct lsoe_ack *a)
{
	assert(a->etype <= LSOE_ACK_HOPELESS && a->code <= 0xfff);
	lan_wr_u8(w, a->type);
	lan_wr_be16(w, (uint16_t)(a->etype << 12 | a->code));
	lan_wr_be16(w, a->hint);
}

static void write_vendor(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_vendor *v)
{
	if (lsoe_rules[d].incremental)
		lan_wr_be32(w, v->serial);
	lan_wr_be32(w, v->enterprise);
	lan_wr_u8(w, v->type);
	lan_wr_bytes(w, v->data, v->len);
}

static void write_payload(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_pdu *pdu)
{
	switch (pdu->type) {
	case LSOE_HELLO:
	case LSOE_KEEPALIVE:
		break;
	case LSOE_OPEN:
		write_open(w, d, &pdu->u.open);
		break;
	case LSOE_ACK:
		write_ack(w, &pdu->u.ack);
		break;
	case LSOE_NEWKEY:
		lan_wr_u8(w, pdu->u.newkey.type);
		block(w, pdu->u.newkey.key, pdu->u.newkey.key_len);
		block(w, pdu->u.newkey.cert, pdu->u.newkey.cert_len);
		break;
	case LSOE_ULPC:
		lsoe_ulpc_write(w, &pdu->u.ulpc);
		break;
	case LSOE_VENDOR:
		write_vendor(w, d, &pdu->u.vendor);
		break;
	default:
		lsoe_entries_write(w, d, &pdu->u.entries);
	}
}

/* From the payload's end on: lengths, and the trailer. */
static void finish(struct lan_wr *w, enum lsoe_dialect d, size_t start, uint8_t sig_type, uint16_t sig_len)
{
	size_t header = lsoe_rules[d].trailer ? 5 : 3;
	size_t n = w->off - start;

	if (lsoe_rules[d].trailer) {
		lan_wr_u8(w, sig_type);
		lan_wr_be16(w, sig_len);
		uint8_t *sig = lan_wr_room(w, sig_len);
		if (sig)
			memset(sig, 0, sig_len);
	}
	w->bad |= w->off - start > lsoe_rules[d].pdu_max;
	if (w->bad)
		return;
	if (lsoe_rules[d].trailer)
		lan_put_be32(w->buf + start + 1, (uint32_t)(n - header));
	else
		lan_put_be16(w->buf + start + 1, (uint16_t)n);
}

void lsoe_pdu_encode(
	struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_pdu *pdu, uint8_t sig_type, uint16_t sig_len)
{
	size_t start = w->off;

	assert(lsoe_known(d, pdu->type) && !sig_type == !sig_len);
	lan_wr_u8(w, pdu->type);
	lan_wr_room(w, lsoe_rules[d].trailer ? 4 : 2);
	write_payload(w, d, pdu);
	finish(w, d, start, sig_type, sig_len);
}
