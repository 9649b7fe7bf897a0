/*
 * lsoe_hostile.c - somebody on every segment of lsoe_world.h who hears all and
 * sends anything from any address: OPENs of others with another nonce, HELLOs and
 * OPENs of nobody, fragments that belong nowhere, noise, noise with a true
 * checksum, what was said before.
 *
 * What the wire has no means against he leaves alone, for nothing could be asked
 * of a receiver then: LSOE-01 believes every acknowledgement and every list that
 * comes from the right address. Where the world is not `pure` he says such things
 * too, and all announce anew after he is gone. Nor does he refuse somebody in
 * another's name (an ACK with an error is obeyed). Originals he only sends what
 * does not end them.
 */
#include <stdlib.h>
#include <string.h>
#include "lsoe_world.h"
#include "proto/lsoe/frame.h"

#define KEPT 128

struct lhostile {
	struct lworld *w;
	struct frame_packet *kept[KEPT];
	uint64_t heard;
	lan_time pause;
	bool stopped;
};

static void noise(struct lworld *w, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)rng_next(&w->rng);
}

static const struct lw_port *any_port(struct lworld *w)
{
	return &w->port[rng_below(&w->rng, (uint64_t)w->n_port)];
}

/* The other end of one of its segments; itself if it is alone. */
static const struct lw_port *other(struct lworld *w, const struct lw_port *p)
{
	for (int k = 0; k < 2 * w->n_port; k++) {
		const struct lw_port *q = any_port(w);

		if (q != p && q->segment == p->segment)
			return q;
	}
	return p;
}

static bool original(const struct lworld *w, const struct lw_port *p)
{
	return w->node[p->node].model;
}

static void stranger(struct lworld *w, uint8_t mac[6])
{
	noise(w, mac, 6);
	mac[0] = (uint8_t)((mac[0] & 0xf0) | 6); /* none of ours */
}

static size_t header(const struct lworld *w)
{
	return w->dialect == LSOE_01 ? 8 : 12;
}

/* A datagram around n octets that stand at buf + header. */
static size_t seal(struct lworld *w, uint32_t number, bool last, uint8_t *buf, size_t n)
{
	return lsoe_frame_finish(w->dialect, (uint16_t)rng_next(&w->rng), number, last, buf, n);
}

static void send_pdu(
	struct lworld *w, int segment, const uint8_t src[6], const uint8_t to[6], const struct lsoe_pdu *pdu)
{
	uint8_t buf[FRAME_MAX];
	struct lan_wr wr = lan_wr_of(buf + header(w), 400);

	lsoe_pdu_encode(&wr, w->dialect, pdu, 0, 0);
	if (!wr.bad)
		frame_inject(w->net, segment, src, to, buf, seal(w, 0, true, buf, wr.off));
}

static void forged_open(struct lhostile *h, bool of_somebody)
{
	struct lworld *w = h->w;
	const struct lw_port *to = any_port(w), *as = other(w, to);
	struct lsoe_pdu pdu = {.type = LSOE_OPEN};
	uint8_t mac[6], id[12], len;

	noise(w, id, sizeof id);
	noise(w, pdu.u.open.nonce, 4);
	pdu.u.open.id = id;
	pdu.u.open.id_len = w->dialect == LSOE_01 ? LSOE_ID_01 : 12;
	if (of_somebody && rng_below(&w->rng, 2)) {
		pdu.u.open.id = lworld_id(w, as, &len);
		pdu.u.open.id_len = len;
	}
	if (w->dialect == LSOE_L3DL && rng_below(&w->rng, 3) == 0)
		pdu.u.open.serial = 1 + (uint32_t)rng_below(&w->rng, 50);
	stranger(w, mac);
	send_pdu(w, to->segment, of_somebody ? as->mac : mac, to->mac, &pdu);
}

static void hello_storm(struct lhostile *h)
{
	struct lworld *w = h->w;
	const struct lw_port *to = any_port(w);
	uint8_t mac[6], all[6] = {1, 0x80, 0xc2, 0, 0, 0xe};
	uint64_t n = 1 + rng_below(&w->rng, rng_below(&w->rng, 10) ? 5 : 150);

	for (; n; n--) {
		struct lsoe_pdu pdu = {.type = rng_below(&w->rng, 5) ? LSOE_HELLO : LSOE_KEEPALIVE};

		stranger(w, mac);
		send_pdu(w, to->segment, mac, rng_below(&w->rng, 2) ? all : to->mac, &pdu);
	}
}

/* Of nobody, or (where lists may be spoilt) of a neighbour. */
static void stray_fragment(struct lhostile *h)
{
	struct lworld *w = h->w;
	const struct lw_port *to = any_port(w), *as = other(w, to);
	uint8_t mac[6], buf[FRAME_MAX];
	size_t n = rng_below(&w->rng, 4) ? 1 + rng_below(&w->rng, 100) : FRAME_MAX - header(w);
	bool far = w->pure || w->dialect == LSOE_L3DL;
	uint32_t number = (uint32_t)(far ? 60 + rng_below(&w->rng, 60) : rng_below(&w->rng, 128));

	if (original(w, to) && rng_below(&w->rng, 20))
		return;
	noise(w, buf + header(w), n);
	stranger(w, mac);
	frame_inject(w->net, to->segment, rng_below(&w->rng, 2) && !w->pure ? as->mac : mac, to->mac, buf,
		seal(w, number, rng_below(&w->rng, 3) == 0, buf, n));
}

static void garbage(struct lhostile *h)
{
	struct lworld *w = h->w;
	const struct lw_port *to = any_port(w), *as = other(w, to);
	uint8_t mac[6], buf[FRAME_MAX];
	size_t n = rng_below(&w->rng, 200), at = header(w);
	bool sealed = rng_below(&w->rng, 2);

	if (original(w, to))
		return;
	stranger(w, mac);
	noise(w, buf, at + n);
	if (sealed && n && buf[at] % 12 == LSOE_ACK)
		buf[at] = LSOE_HELLO;
	else if (sealed && n)
		buf[at] %= 12;
	if (sealed && n >= 5 && w->dialect == LSOE_01)
		buf[at + 1] = 0, buf[at + 2] = (uint8_t)n;
	if (sealed)
		n = seal(w, 0, true, buf, n);
	else
		n += at;
	frame_inject(w->net, to->segment, !sealed || !w->pure ? as->mac : mac, to->mac, buf, n);
}

static void again(struct lhostile *h)
{
	struct lworld *w = h->w;
	uint64_t n = h->heard < KEPT ? h->heard : KEPT;
	struct frame_packet *p = n ? h->kept[rng_below(&w->rng, n)] : NULL;

	if (p && !p->single)
		frame_replay(w->net, p, rng_below(&w->rng, 3) ? 0 : rng_below(&w->rng, LAN_MS(500)));
}

/* The receiver's own address, heard back. */
static void mirror(struct lhostile *h)
{
	struct lworld *w = h->w;
	const struct lw_port *to = any_port(w);
	struct lsoe_pdu pdu = {.type = rng_below(&w->rng, 2) ? LSOE_HELLO : LSOE_KEEPALIVE};

	if (!original(w, to))
		send_pdu(w, to->segment, to->mac, to->mac, &pdu);
}

static void act(void *ctx, uint64_t arg)
{
	struct lhostile *h = ctx;
	struct lworld *w = h->w;

	if (h->stopped)
		return;
	switch (rng_below(&w->rng, 16)) {
	case 0:
		hello_storm(h);
		break;
	case 1:
	case 2:
	case 3:
		forged_open(h, true);
		break;
	case 4:
	case 5:
		forged_open(h, false);
		break;
	case 6:
	case 7:
		stray_fragment(h);
		break;
	case 8:
	case 9:
		garbage(h);
		break;
	case 10:
		if (rng_below(&w->rng, 8) == 0)
			mirror(h);
		break;
	default:
		again(h);
	}
	sim_at(w->sim, sim_now(w->sim) + rng_below(&w->rng, 2 * h->pause), act, h, 0);
}

void lhostile_heard(struct lhostile *h, const struct frame_packet *p)
{
	uint64_t at = h->heard < KEPT ? h->heard : rng_below(&h->w->rng, 8 * KEPT);

	if (h->stopped || p->port < 0 || at >= KEPT)
		return;
	if (h->heard < KEPT)
		h->heard++;
	else
		frame_release(h->kept[at]);
	h->kept[at] = frame_hold(p);
}

struct lhostile *lhostile_new(struct lworld *w, uint32_t rate_per_s)
{
	struct lhostile *h = calloc(1, sizeof *h);

	if (!h)
		abort();
	h->w = w;
	h->pause = LAN_SEC(1) / rate_per_s;
	sim_at(w->sim, sim_now(w->sim) + h->pause, act, h, 0);
	return h;
}

void lhostile_stop(struct lhostile *h)
{
	h->stopped = true;
}

void lhostile_free(struct lhostile *h)
{
	for (size_t i = 0; h && i < KEPT && i < h->heard; i++)
		frame_release(h->kept[i]);
	free(h);
}
