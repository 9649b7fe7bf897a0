/*
 * lsoed_session.c - what a session of the original says and does: see lsoed_model.h.
 */
#include "lsoed_int.h"

/* --- sending -------------------------------------------------------------------- */

static void put_frame(
	struct lsoed *m, uint32_t link, const uint8_t to[6], uint8_t second, const uint8_t *p, size_t n)
{
	struct out *o;
	uint8_t f[CHUNK + 8] = {0, second, (uint8_t)((n + 8) >> 8), (uint8_t)(n + 8)};
	uint32_t sum;

	memcpy(f + 8, p, n);
	sum = lsoe_checksum(f, n + 8, 4);
	for (int i = 0; i < 4; i++)
		f[4 + i] = (uint8_t)(sum >> (24 - 8 * i));
	m->out = grow(m->out, (m->n_out + 1) * sizeof *m->out);
	o = &m->out[m->n_out++];
	*o = (struct out){.link = link};
	memcpy(o->to, to, 6);
	set(&o->b, f, n + 8);
}

void lsoed_write(struct lsoed *m, uint32_t link, const uint8_t to[6], const uint8_t *p, size_t n)
{
	uint8_t number = 0;

	if (!m->link[link]) { /* ENETDOWN ends it; the world keeps it from sending there */
		return;
	}
	for (; n > CHUNK; p += CHUNK, n -= CHUNK)
		put_frame(m, link, to, number++, p, CHUNK);
	put_frame(m, link, to, number | 0x80, p, n);
}

void lsoed_send(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n)
{
	struct waiting *w = p[0] < 8 ? &b->w[p[0]] : NULL;

	if (!w || p[0] == HELLO || p[0] == KEEPALIVE || p[0] == ACK) {
		lsoed_write(m, b->link, b->mac, p, n);
		return;
	}
	if (w->out) {
		set(&w->deferred, p, n);
		return;
	}
	set(&w->pdu, p, n);
	w->out = true;
	w->interval = m->cfg.retransmit;
	w->left = m->cfg.tries;
	w->timeout = now + w->interval;
	lsoed_write(m, b->link, b->mac, p, n);
}

static void send_ack(struct lsoed *m, struct neighbour *b, uint8_t type)
{
	uint8_t p[8] = {ACK, 0, 8, type};

	lsoed_write(m, b->link, b->mac, p, sizeof p);
}

static void send_open_maybe(struct lsoed *m, lan_time now, struct neighbour *b)
{
	uint8_t p[20] = {OPEN, 0, 20};

	if (b->acked || b->w[OPEN].out)
		return;
	m->env.entropy(m->env.ctx, p + 3, 4);
	memcpy(p + 7, m->cfg.id, 10);
	lsoed_send(m, now, b, p, sizeof p);
}

void lsoed_send_list(struct lsoed *m, lan_time now, struct neighbour *b, uint8_t type)
{
	static const uint8_t none[2] = {0, 0};
	const struct bytes *l = type <= IPV6 ? &m->list[type - IPV4] : NULL;
	size_t n = l && l->n ? l->n : 2;
	uint8_t *p = grow(NULL, n + 3);

	p[0] = type;
	p[1] = (uint8_t)((n + 3) >> 8);
	p[2] = (uint8_t)(n + 3);
	memcpy(p + 3, l && l->n ? l->p : none, n);
	lsoed_send(m, now, b, p, n + 3);
	free(p);
}

/* --- a session --------------------------------------------------------------------- */

void lsoed_close(struct neighbour *b)
{
	for (int i = 0; i < 8; i++) {
		clear(&b->w[i].pdu);
		clear(&b->w[i].deferred);
		b->w[i].out = false;
		clear(&b->heard[i]);
	}
	b->session = b->acked = b->have_nonce = false;
	b->send_next = 0;
}

static void saw(struct neighbour *b, lan_time now)
{
	if (established(b))
		b->saw = now;
}

/* True: the session is over, the same PDU begins the next one. */
static bool take_open(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n)
{
	if (n < 18 || n < 18u + p[17] + 2) {
		m->died = "a truncated OPEN";
		return false;
	}
	if (p[18 + p[17]] || p[19 + p[17]]) /* authentication */
		return false;
	if (b->have_nonce && memcmp(b->nonce, p + 3, 4) == 0)
		return false; /* its fault: no ACK */
	if (b->have_nonce) {
		lsoed_close(b);
		return true;
	}
	memcpy(b->nonce, p + 3, 4);
	b->have_nonce = true;
	send_ack(m, b, OPEN);
	send_open_maybe(m, now, b);
	saw(b, now);
	return false;
}

static void take_ack(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n)
{
	unsigned etype, code, hint;
	struct waiting *w;

	if (n < 8) {
		m->died = "a truncated ACK";
		return;
	}
	etype = p[4] >> 4;
	code = (p[4] & 15u) << 8 | p[5];
	hint = (unsigned)p[6] << 8 | p[7];
	if ((p[3] != OPEN && (p[3] < IPV4 || p[3] > MPLS6)) || etype > 3 || (!etype && (code || hint)) ||
		(etype && code != 1 && code != 2))
		return;
	w = &b->w[p[3]];
	if (!w->out)
		return;
	w->out = false;
	clear(&w->pdu);
	if (p[3] == OPEN) {
		b->acked = true;
		saw(b, now);
	} else if (w->deferred.p) {
		struct bytes next = w->deferred;

		w->deferred = (struct bytes){0};
		lsoed_send(m, now, b, next.p, next.n);
		free(next.p);
	}
}

static bool entries_whole(struct lsoed *m, const uint8_t *p, size_t n)
{
	size_t off = 5, count;
	unsigned fixed = p[0] == IPV4 ? 6 : p[0] == IPV6 ? 18 : p[0] == MPLS4 ? 7 : 19;

	if (n < 5) {
		m->died = "a truncated encapsulation";
		return false;
	}
	for (count = (size_t)p[3] << 8 | p[4]; count; count--) {
		if (n - off < fixed) {
			m->died = "a truncated entry";
			return false;
		}
		if (p[0] >= MPLS4 && p[off + 1]) {
			m->died = "a label";
			return false;
		}
		off += fixed;
	}
	return true;
}

static void take_encaps(struct lsoed *m, struct neighbour *b, const uint8_t *p, size_t n)
{
	if (!entries_whole(m, p, n) || !established(b))
		return;
	send_ack(m, b, p[0]);
	set(&b->heard[p[0]], p + 3, n - 3);
}

static bool take_pdu(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n)
{
	if (n < 3) {
		m->died = "a PDU without a header";
		return false;
	}
	if (p[0] > MPLS6 && p[0] != 255) {
		m->died = "a PDU type it does not know";
		return false;
	}
	if (n != ((size_t)p[1] << 8 | p[2]))
		return false;
	switch (p[0]) {
	case HELLO:
		if (n == 3)
			send_open_maybe(m, now, b);
		break;
	case OPEN:
		return take_open(m, now, b, p, n);
	case KEEPALIVE:
		if (n == 3 && established(b))
			saw(b, now);
		else if (n == 3)
			send_open_maybe(m, now, b);
		break;
	case ACK:
		take_ack(m, now, b, p, n);
		break;
	case 255:
		if (established(b))
			m->died = "VENDOR on an open session";
		break;
	default:
		take_encaps(m, b, p, n);
	}
	return false;
}

void lsoed_deliver(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n)
{
	bool again = true;

	while (again && !m->died) {
		bool was = established(b);

		b->session = true;
		again = take_pdu(m, now, b, p, n);
		if (!was && established(b))
			for (uint8_t t = IPV4; t <= MPLS6; t++)
				lsoed_send_list(m, now, b, t);
	}
}
