/*
 * input.c - a frame becomes a datagram, datagrams a PDU, and the PDU goes where its type belongs. Whatever is
 * wrong ends here with a counter.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

static enum lan_err drop(struct lsoe_link *l, enum lsoe_counter why)
{
	lsoe_count(l, why);
	return LAN_ERR_PROTO;
}

static enum lan_err frame_fault(struct lsoe_link *l, enum lsoe_frame_fault f)
{
	switch (f) {
	case LSOE_FRAME_SHORT:
		return drop(l, LSOE_C_drop_short);
	case LSOE_FRAME_VERSION:
		return drop(l, LSOE_C_drop_version);
	case LSOE_FRAME_LENGTH:
		return drop(l, LSOE_C_drop_length);
	case LSOE_FRAME_CHECKSUM:
		return drop(l, LSOE_C_drop_checksum);
	case LSOE_FRAME_OK:
	case LSOE_FRAME_FAULTS:
		break;
	}
	return LAN_OK;
}

static enum lan_err pdu_fault(struct lsoe_link *l, enum lsoe_pdu_fault f)
{
	if (f == LSOE_PDU_length)
		return drop(l, LSOE_C_drop_pdu_length);
	if (f == LSOE_PDU_type)
		return drop(l, LSOE_C_drop_pdu_type);
	return drop(l, f == LSOE_PDU_auth ? LSOE_C_drop_pdu_auth : LSOE_C_drop_pdu_malformed);
}

/* ---- a VENDOR PDU ---------------------------------------------------------------------------- */

static bool wanted(const struct lsoe *n, uint32_t enterprise)
{
	for (uint32_t i = 0; i < n->n_vendors; i++)
		if (n->vendors[i] == enterprise)
			return true;
	return false;
}

enum lan_err lsoe_accept_vendor(struct lsoe *n, uint32_t enterprise, bool yes)
{
	uint32_t at = 0;
	while (at < n->n_vendors && n->vendors[at] != enterprise)
		at++;
	if (at < n->n_vendors && !yes)
		n->vendors[at] = n->vendors[--n->n_vendors];
	if (at < n->n_vendors || !yes)
		return LAN_OK;
	uint32_t *p = realloc(n->vendors, (n->n_vendors + 1) * sizeof *p);
	if (!p)
		return LAN_ERR_NOMEM;
	n->vendors = p;
	p[n->n_vendors++] = enterprise;
	return LAN_OK;
}

static void vendor_event(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_vendor *v)
{
	if (!wanted(n, v->enterprise)) {
		lsoe_count(p->link, LSOE_C_drop_vendor);
		return;
	}
	struct lsoe_misc *m = lsoe_tell(n, now, p->link, p, LSOE_EV_VENDOR, NULL);
	uint8_t *bytes = m ? realloc(m->bytes, m->ev.id_len + v->len + 1) : NULL;
	if (!m || !bytes) {
		lsoe_count(p->link, LSOE_C_events_dropped);
		return;
	}
	memcpy(bytes + m->ev.id_len, v->data, v->len);
	m->bytes = bytes;
	m->ev.id = bytes;
	m->ev.vendor = *v;
	m->ev.vendor.data = bytes + m->ev.id_len;
}

static void vendor_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_vendor *v)
{
	lsoe_count(p->link, LSOE_C_rx_vendor);
	if (v->enterprise == LSOE_ENTERPRISE && v->type == LSOE_MEASURE) {
		lsoe_measure_heard(n, now, p, v); /* never acknowledged (section 3) */
		return;
	}
	bool fresh = !n->rules->incremental || lsoe_serial_new(p, v->serial);
	if (fresh || v->serial == p->serial_rx)
		lsoe_ack(n, p, LSOE_VENDOR, 0, 0, 0);
	if (!fresh) {
		lsoe_count(p->link, LSOE_C_drop_serial);
		return;
	}
	if (n->rules->incremental)
		p->serial_rx = v->serial, p->sum_rx = 1; /* no list has this number */
	vendor_event(n, now, p, v);
}

/* ---- PDUs -------------------------------------------------------------------------------------- */

/* Sections 1.7 and 2.3: everything but the handshake needs an established session; no answer, the sender
 * repeats. */
static bool needs_session(uint8_t type)
{
	return type >= LSOE_IPV4;
}

static void dispatch(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, size_t len, unsigned mark)
{
	switch (pdu->type) {
	case LSOE_HELLO:
		lsoe_hello_heard(n, now, p);
		break;
	case LSOE_OPEN:
		lsoe_open_heard(n, now, p, pdu, raw, mark);
		break;
	case LSOE_KEEPALIVE:
		lsoe_keepalive_heard(n, now, p);
		break;
	case LSOE_ACK:
		lsoe_ack_heard(n, now, p, &pdu->u.ack);
		break;
	case LSOE_NEWKEY:
		lsoe_newkey_heard(n, now, p, &pdu->u.newkey);
		break;
	case LSOE_ULPC:
		lsoe_ulpc_heard(n, now, p, &pdu->u.ulpc, raw, len);
		break;
	case LSOE_VENDOR:
		vendor_heard(n, now, p, &pdu->u.vendor);
		break;
	default:
		lsoe_entries_heard(n, now, p, &pdu->u.entries);
		break;
	}
}

static void count_pdu(struct lsoe_link *l, uint8_t type)
{
	lsoe_count(l, LSOE_C_rx_pdus);
	switch (type) {
	case LSOE_HELLO:
		lsoe_count(l, LSOE_C_rx_hello);
		break;
	case LSOE_OPEN:
		lsoe_count(l, LSOE_C_rx_open);
		break;
	case LSOE_KEEPALIVE:
		lsoe_count(l, LSOE_C_rx_keepalive);
		break;
	case LSOE_ACK:
		lsoe_count(l, LSOE_C_rx_ack);
		break;
	default:
		if (type <= LSOE_MPLS6)
			lsoe_count(l, LSOE_C_rx_encaps);
		break;
	}
}

/* Who is not known and says something that makes no sense from a stranger gets no place in the table. */
static enum lan_err stranger(struct lsoe_link *l, uint8_t type)
{
	return drop(l, type == LSOE_ACK ? LSOE_C_drop_unexpected_ack : LSOE_C_drop_not_open);
}

static bool begins(uint8_t type)
{
	return type == LSOE_HELLO || type == LSOE_OPEN || type == LSOE_KEEPALIVE;
}

static enum lan_err pdu_in(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p,
	const uint8_t mac[6], const uint8_t *raw, size_t len, unsigned mark)
{
	struct lsoe_pdu pdu;
	enum lsoe_pdu_fault f = lsoe_pdu_decode(n->d, raw, len, &pdu);
	if (f)
		return pdu_fault(l, f);
	count_pdu(l, pdu.type);
	if (!p && !begins(pdu.type))
		return stranger(l, pdu.type);
	if (!p && !(p = lsoe_make_peer(n, now, l, mac)))
		return LAN_ERR_FULL;
	p->last_rx = now;
	p->last_rx_type = pdu.type;
	bool held =
		p->held || p->auth_failures >= n->cfg.auth_failures; /* left alone: no OPEN for its HELLOs */
	if ((held || p->ourself) && pdu.type != LSOE_OPEN)
		return drop(l, held ? LSOE_C_drop_held : LSOE_C_self_heard);
	if (needs_session(pdu.type) && !p->established) {
		p->evidence |= pdu.type <= LSOE_MPLS6;
		lsoe_reap(n, p);
		return drop(l, LSOE_C_drop_not_open);
	}
	if (pdu.type != LSOE_OPEN && !lsoe_pdu_allowed(n, now, p, &pdu, raw))
		return LAN_ERR_PROTO;
	/* Not what anybody may say, nor an OPEN that may be refused yet: a neighbour that is not believed any
	 * more would keep the session alive that it has lost. */
	if (n->rules->any_is_alive && pdu.type != LSOE_HELLO && pdu.type != LSOE_OPEN)
		lsoe_alive(n, now, p);
	dispatch(n, now, p, &pdu, raw, len, mark);
	lsoe_arm_peer(n, p);
	lsoe_reap(n, p);
	return LAN_OK;
}

/* ---- datagrams ------------------------------------------------------------------------------------ */

/* The eight octets by which Lanyard knows itself (section 3). */
static unsigned read_mark(const struct lsoe_frame *f)
{
	if (f->padding_len < 8 || memcmp(f->padding, "LANY\x01", 5))
		return 0;
	return LSOE_IS_LANYARD | (f->padding[5] & 1 ? LSOE_MEASURES : 0);
}

static enum lan_err reassemble(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p,
	const uint8_t mac[6], const struct lsoe_frame *f)
{
	if (!p && !(p = lsoe_make_peer(n, now, l, mac)))
		return LAN_ERR_FULL;
	const uint8_t *pdu;
	size_t len;
	enum lsoe_reasm_result r =
		lsoe_reasm_add(&p->reasm, &l->budget, n->d, now, n->cfg.reassembly, f, &pdu, &len);
	if (r == LSOE_REASM_PDU)
		return pdu_in(n, now, l, p, mac, pdu, len, read_mark(f));
	lsoe_arm_peer(n, p);
	lsoe_reap(n, p);
	switch (r) {
	case LSOE_REASM_MORE:
		return LAN_OK;
	case LSOE_REASM_REPEATED:
		return drop(l, LSOE_C_drop_repeated);
	case LSOE_REASM_FULL:
		return drop(l, LSOE_C_drop_reassembly_full);
	case LSOE_REASM_RESTART:
	case LSOE_REASM_OLD:
	case LSOE_REASM_NUMBER:
	case LSOE_REASM_TOO_LONG:
	case LSOE_REASM_PDU:
		break;
	}
	return drop(l, LSOE_C_drop_fragment);
}

enum lan_err lsoe_input(
	void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *buf, size_t n_octets)
{
	struct lsoe *n = core;
	n->now = now;
	struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l || !l->up)
		return LAN_ERR_NOTFOUND;
	lsoe_credit_pause(n, now); /* before anybody is heard, so that what was heard is not credited, too */
	lsoe_count(l, LSOE_C_rx_frames);
	if (l->credit < LSOE_CREDIT_MAX)
		l->credit++;
	struct lsoe_frame f;
	enum lan_err e = frame_fault(l, lsoe_frame_decode(n->d, buf, n_octets, &f));
	if (e)
		return e;
	if (src[0] & 1 || !memcmp(src, "\0\0\0\0\0", 6))
		return drop(l, LSOE_C_drop_source);
	if (!memcmp(src, l->mac, 6)) {
		lsoe_count(l, LSOE_C_self_heard);
		if (l->self_told == LAN_NEVER || now - l->self_told > LAN_SEC(60))
			(void)lsoe_tell(
				n, now, l, NULL, LSOE_EV_SELF, "frames of this interface come back to it");
		l->self_told = now;
		return LAN_ERR_PROTO;
	}
	struct lsoe_peer *p = lsoe_find_peer(n, l, src);
	if (p)
		p->rx_frames++;
	if (f.number == 0 && f.last)
		return pdu_in(n, now, l, p, src, f.payload, f.len, read_mark(&f));
	return reassemble(n, now, l, p, src, &f);
}
