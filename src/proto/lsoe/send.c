/*
 * send.c - what goes out. A PDU that is acknowledged waits in `flight` until it is: repeated with the same
 * octets, after 1, 2, 4 .. of the first pause (section 1.8). Everything else (ACK, KEEPALIVE, HELLO,
 * measurement) is written when the driver asks for it. Nothing goes between the fragments of a PDU
 * (section 1.5).
 *
 * Who has no session with us gets no more frames than came in by the link, but for a small constant rate: a
 * flood of HELLOs with forged sources is not multiplied.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

void lsoe_want(struct lsoe *n, struct lsoe_link *l)
{
	if (l->in_want || !l->up)
		return;
	l->in_want = true;
	l->want_next = NULL;
	if (n->want_last)
		n->want_last->want_next = l;
	else
		n->want_first = l;
	n->want_last = l;
}

void lsoe_want_peer(struct lsoe *n, struct lsoe_peer *p)
{
	struct lsoe_link *l = p->link;
	if (!p->in_out) {
		p->in_out = true;
		p->out_next = NULL;
		if (l->out_last)
			l->out_last->out_next = p;
		else
			l->out_first = p;
		l->out_last = p;
	}
	lsoe_want(n, l);
}

struct lan_signer *lsoe_signer(const struct lsoe *n, const struct lsoe_peer *p)
{
	return p && p->old_signer && n->old_signer ? n->old_signer : n->signer;
}

/* ---- acknowledgements ---------------------------------------------------------------------------- */

/* One that waits already is not doubled; when too many wait the newest is left out: the sender repeats its
 * PDU. */
void lsoe_ack(struct lsoe *n, struct lsoe_peer *p, uint8_t type, unsigned etype, unsigned code, unsigned hint)
{
	struct lsoe_ack a = {
		.type = type, .etype = (uint8_t)etype, .code = (uint16_t)code, .hint = (uint16_t)hint};
	for (unsigned i = 0; i < p->n_acks; i++)
		if (p->acks[i].type == type) {
			p->acks[i] = a;
			return;
		}
	if (p->n_acks < LSOE_ACKS)
		p->acks[p->n_acks++] = a;
	lsoe_want_peer(n, p);
}

/* ---- what is under way ------------------------------------------------------------------------------ */

struct lsoe_out *lsoe_outstanding(const struct lsoe_peer *p, uint8_t type)
{
	for (struct lsoe_out *o = p->flight; o; o = o->next)
		if (o->type == type && !o->acked)
			return o;
	return NULL;
}

static size_t pdu_bound(const struct lsoe_pdu *pdu)
{
	size_t n = 5 + 3 + LSOE_SIG_MAX + 64;
	if (pdu->type == LSOE_OPEN)
		return n + pdu->u.open.id_len + pdu->u.open.n_attrs + pdu->u.open.key_len +
		       pdu->u.open.cert_len;
	if (pdu->type == LSOE_NEWKEY)
		return n + pdu->u.newkey.key_len + pdu->u.newkey.cert_len;
	if (pdu->type == LSOE_VENDOR)
		return n + pdu->u.vendor.len;
	if (pdu->type == LSOE_ULPC)
		return n + 300;
	return n + (pdu->type == LSOE_ACK ? 0 : pdu->u.entries.len);
}

/* Encode and sign. The length, 0: it does not fit or cannot be signed. */
static size_t encode(
	struct lsoe *n, const struct lsoe_peer *p, const struct lsoe_pdu *pdu, uint8_t *buf, size_t cap)
{
	struct lan_wr w = lan_wr_of(buf, cap);
	struct lan_signer *s = n->rules->trailer ? lsoe_signer(n, p) : NULL;
	if (pdu->type == LSOE_HELLO || (pdu->type == LSOE_KEEPALIVE && !n->cfg.sign_keepalive))
		s = NULL;
	size_t sig = s ? lan_signer_size(s) : 0;
	lsoe_pdu_encode(&w, n->d, pdu, s ? lan_signer_alg(s) : 0, (uint16_t)sig);
	if (w.bad)
		return 0;
	if (s && lan_signer_sign(s, buf, w.off - sig, buf + w.off - sig))
		return 0;
	return w.off;
}

bool lsoe_sign_again(struct lsoe *n, struct lsoe_out *o)
{
	size_t at = o->len >= 8 ? 5 + (size_t)lan_get_be32(o->bytes + 1) : SIZE_MAX; /* of the trailer */
	if (at > o->len - 3u)
		return false;
	size_t sig = (size_t)o->bytes[at + 1] << 8 | o->bytes[at + 2];
	if (sig != (n->signer ? lan_signer_size(n->signer) : 0) || at + 3 + sig != o->len)
		return false;
	if (!n->signer)
		return true;
	o->bytes[at] = lan_signer_alg(n->signer);
	return lan_signer_sign(n->signer, o->bytes, at + 3, o->bytes + at + 3) == LAN_OK;
}

enum lan_err lsoe_put(struct lsoe *n, struct lsoe_peer *p, const struct lsoe_pdu *pdu, uint32_t serial)
{
	size_t cap = pdu_bound(pdu);
	struct lsoe_out *o = malloc(sizeof *o + cap);
	if (!o)
		return LAN_ERR_NOMEM;
	size_t len = encode(n, p, pdu, o->bytes, cap);
	if (!len || len > n->rules->pdu_max) {
		free(o);
		return len ? LAN_ERR_TOOBIG : LAN_ERR_NOMEM;
	}
	struct lsoe_out *fit = realloc(o, sizeof *o + len);
	if (fit)
		o = fit;
	o->next = NULL;
	o->type = pdu->type;
	o->due = true;
	o->acked = o->once = false;
	o->held = 0;
	o->tsn = 0;
	o->serial = serial;
	o->tries = 0;
	o->again = LAN_NEVER;
	o->len = (uint32_t)len;
	struct lsoe_out **at = &p->flight;
	while (*at)
		at = &(*at)->next;
	*at = o;
	lsoe_want_peer(n, p);
	return LAN_OK;
}

void lsoe_out_drop(struct lsoe_peer *p, struct lsoe_out *o)
{
	struct lsoe_out **at = &p->flight;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	if (p->cur == o)
		p->cur = NULL;
	free(o);
}

/* ACKs name a type only (section 1.6). One of a PDU that was given up, or was sent twice, must not be taken
 * for that of the next, which goes out a little later. */
void lsoe_acks_may_come(const struct lsoe *n, struct lsoe_peer *p)
{
	lan_time wait = n->cfg.retransmit / 4;
	p->fill_after = n->now + (wait < LAN_MS(100) ? wait : LAN_MS(100));
}

static void given_up(const struct lsoe *n, struct lsoe_peer *p, const struct lsoe_out *o)
{
	if (o->tries && o->type >= LSOE_IPV4)
		lsoe_acks_may_come(n, p);
}

void lsoe_out_drop_all(const struct lsoe *n, struct lsoe_peer *p)
{
	while (p->flight) {
		given_up(n, p, p->flight);
		lsoe_out_drop(p, p->flight);
	}
	p->n_acks = 0;
	p->keepalive_due = false;
}

void lsoe_out_drop_data(const struct lsoe *n, struct lsoe_peer *p)
{
	for (struct lsoe_out *o = p->flight, *next; o; o = next) {
		next = o->next;
		if (o->type == LSOE_OPEN)
			continue;
		given_up(n, p, o);
		if (o == p->cur)
			o->acked = true;
		else
			lsoe_out_drop(p, o);
	}
}

lan_time lsoe_pause_before(const struct lsoe *n, uint32_t tries)
{
	return n->cfg.no_backoff || tries < 2 ? n->cfg.retransmit : n->cfg.retransmit << (tries - 1);
}

/* ---- frames ---------------------------------------------------------------------------------------------
 */

static void sent(struct lsoe_peer *p, lan_time now, uint8_t type)
{
	p->last_tx = now;
	p->last_tx_type = type;
	p->tx_frames++;
	lsoe_count(p->link, LSOE_C_tx_frames);
}

/* A PDU that fits one datagram, written in place. */
static size_t write_small(struct lsoe *n, struct lsoe_link *l, const struct lsoe_peer *p,
	const struct lsoe_pdu *pdu, uint8_t *buf)
{
	size_t len = encode(n, p, pdu, buf + n->rules->header, l->mtu - n->rules->header);
	if (!len)
		return 0;
	return lsoe_frame_finish(n->d, n->rules->trailer ? l->tsn++ : 0, 0, true, buf, len);
}

static size_t send_hello(struct lsoe *n, lan_time now, struct lsoe_link *l, uint8_t to[6], uint8_t *buf)
{
	l->hello_due = false;
	l->last_hello = now;
	memcpy(to, l->hello_to, 6);
	lsoe_count(l, LSOE_C_tx_hello);
	lsoe_count(l, LSOE_C_tx_frames);
	return write_small(n, l, NULL, &(struct lsoe_pdu){.type = LSOE_HELLO}, buf);
}

static size_t send_ack(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t *buf)
{
	struct lsoe_pdu pdu = {.type = LSOE_ACK, .u.ack = p->acks[0]};
	memmove(p->acks, p->acks + 1, --p->n_acks * sizeof p->acks[0]);
	lsoe_count(p->link, pdu.u.ack.etype ? LSOE_C_tx_error_ack : LSOE_C_tx_ack);
	sent(p, now, LSOE_ACK);
	return write_small(n, p->link, p, &pdu, buf);
}

/* Section 3: eight octets of padding behind an OPEN say who we are. */
static size_t mark(const struct lsoe *n, uint8_t *buf, size_t len)
{
	static const uint8_t lany[8] = {'L', 'A', 'N', 'Y', 1, 0, 0, 0};
	memcpy(buf + len, lany, 8);
	buf[len + 5] = n->cfg.measure != LAN_NEVER;
	return len + 8;
}

static void begin(struct lsoe *n, struct lsoe_peer *p, struct lsoe_out *o)
{
	if (o->tries == 0 && n->rules->trailer)
		o->tsn = p->link->tsn++; /* the same again when it is repeated (section 2.1) */
	if (o->tries) {
		p->tx_retransmits++;
		lsoe_count(p->link, LSOE_C_tx_retransmit);
	}
	o->tries++;
	o->due = false;
	p->cur = o;
	p->cur_off = p->cur_number = 0;
	if (o->type == LSOE_OPEN)
		lsoe_count(p->link, LSOE_C_tx_open);
	else if (o->type >= LSOE_IPV4 && o->type <= LSOE_MPLS6)
		lsoe_count(p->link, LSOE_C_tx_encaps);
}

static size_t send_fragment(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t *buf, size_t cap)
{
	struct lsoe_out *o = p->cur;
	size_t room = p->link->mtu - n->rules->header, left = o->len - p->cur_off;
	/* The mark must fit behind the last datagram. */
	if (o->type == LSOE_OPEN && left <= room && left + 8 > room && left > 16)
		room = left - 8;
	size_t take = left < room ? left : room;
	bool last = take == left;
	memcpy(buf + n->rules->header, o->bytes + p->cur_off, take);
	size_t len = lsoe_frame_finish(n->d, o->tsn, p->cur_number, last, buf, take);
	p->cur_off += (uint32_t)take;
	p->cur_number++;
	sent(p, now, o->type);
	if (last) {
		p->cur = NULL;
		o->again = now + lsoe_pause_before(n, o->tries);
		if (o->type == LSOE_OPEN && len + 8 <= p->link->mtu && len + 8 <= cap)
			len = mark(n, buf, len);
		if (o->acked)
			lsoe_out_drop(p, o);
		lsoe_arm_peer(n, p);
	}
	return len;
}

static size_t send_keepalive(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t *buf)
{
	p->keepalive_due = false;
	if (p->measure)
		p->measure->ka_sent++;
	lsoe_count(p->link, LSOE_C_tx_keepalive);
	sent(p, now, LSOE_KEEPALIVE);
	return write_small(n, p->link, p, &(struct lsoe_pdu){.type = LSOE_KEEPALIVE}, buf);
}

static size_t send_measure(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t *buf)
{
	uint8_t data[40];
	struct lsoe_pdu pdu = {.type = LSOE_VENDOR,
		.u.vendor = {.enterprise = LSOE_ENTERPRISE,
			.type = LSOE_MEASURE,
			.data = data,
			.len = lsoe_measure_write(n, now, p, data)}};
	sent(p, now, LSOE_VENDOR);
	return write_small(n, p->link, p, &pdu, buf);
}

/* Whether one more frame may go to somebody without a session. */
static bool credit(struct lsoe_link *l, lan_time now)
{
	uint64_t steps = now > l->credit_at ? (now - l->credit_at) / LSOE_CREDIT_STEP : 0;
	if (steps) {
		l->credit_at += steps * LSOE_CREDIT_STEP;
		if (l->credit < LSOE_CREDIT_MIN)
			l->credit += steps < LSOE_CREDIT_MIN - l->credit ? (uint32_t)steps
									 : LSOE_CREDIT_MIN - l->credit;
	}
	if (!l->credit)
		return false;
	l->credit--;
	return true;
}

static void hold_back(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	lsoe_count(p->link, LSOE_C_tx_held);
	p->n_acks = 0;
	for (struct lsoe_out *o = p->flight; o; o = o->next)
		if (o->due) {
			o->due = false;
			o->held += o->held < UINT8_MAX;
			o->again = now + n->cfg.retransmit;
		}
	lsoe_arm_peer(n, p);
}

static struct lsoe_out *due_out(const struct lsoe_peer *p)
{
	struct lsoe_out *o = p->flight;
	while (o && !o->due)
		o = o->next;
	return o;
}

static size_t peer_output(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t *buf, size_t cap)
{
	if (p->cur)
		return send_fragment(n, now, p, buf, cap);
	struct lsoe_out *o = due_out(p);
	bool measure = p->established && p->measure && p->measure->due;
	if (!p->n_acks && !o && !p->keepalive_due && !measure)
		return 0;
	if (!p->established && !credit(p->link, now)) {
		hold_back(n, now, p);
		return 0;
	}
	if (p->n_acks)
		return send_ack(n, now, p, buf);
	if (o) {
		begin(n, p, o);
		return send_fragment(n, now, p, buf, cap);
	}
	return p->keepalive_due ? send_keepalive(n, now, p, buf) : send_measure(n, now, p, buf);
}

size_t lsoe_output(void *core, lan_time now, uint32_t link, uint8_t to[6], uint8_t *buf, size_t cap)
{
	struct lsoe *n = core;
	n->now = now;
	struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l || !l->up)
		return 0;
	if (l->hello_due)
		return send_hello(n, now, l, to, buf);
	struct lsoe_peer *p;
	while ((p = l->out_first)) {
		size_t len = peer_output(n, now, p, buf, cap);
		if (len) {
			memcpy(to, p->mac, 6);
			return len;
		}
		l->out_first = p->out_next;
		if (!l->out_first)
			l->out_last = NULL;
		p->in_out = false;
	}
	return 0;
}
