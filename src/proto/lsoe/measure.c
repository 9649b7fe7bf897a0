/*
 * measure.c - loss, round trip and jitter between two Lanyards (docs/protocols/lsoe.md, section 3): now and
 * then a VENDOR PDU of ours tells how many KEEPALIVEs were sent and received, and carries times back and
 * forth. Sent only to who said by its OPEN that it is Lanyard and measures; never acknowledged, never
 * repeated.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

void lsoe_measure_begin(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	free(p->measure);
	p->measure = NULL;
	if (n->cfg.measure == LAN_NEVER || !p->measures)
		return;
	p->measure = calloc(1, sizeof *p->measure);
	if (!p->measure)
		return; /* nothing depends on it */
	p->measure->due = true;
	p->measure->at = now + n->cfg.measure;
}

size_t lsoe_measure_write(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t data[40])
{
	struct lsoe_measure_state *m = p->measure;
	(void)n;
	m->due = false;
	struct lan_wr w = lan_wr_of(data, 40);
	lan_wr_be32(&w, 1u << 24); /* version 1 */
	lan_wr_be32(&w, ++m->seq);
	lan_wr_be64(&w, now);
	lan_wr_be64(&w, m->have_echo ? m->echo : 0);
	lan_wr_be64(&w, m->have_echo ? now - m->echo_at : 0);
	lan_wr_be32(&w, m->ka_sent);
	lan_wr_be32(&w, m->ka_heard);
	return w.off;
}

/* RFC 6298, section 2: smoothed round trip and its mean deviation. */
static void round_trip(struct lsoe_measure_state *m, lan_time rtt)
{
	if (!m->measured) {
		m->rtt = rtt;
		m->jitter = 0;
		m->measured = true;
		return;
	}
	lan_time off = rtt > m->rtt ? rtt - m->rtt : m->rtt - rtt;
	m->jitter += off / 4 > m->jitter / 4 ? off / 4 - m->jitter / 4 : 0 - (m->jitter / 4 - off / 4);
	m->rtt = m->rtt - m->rtt / 8 + rtt / 8;
}

static uint32_t lost(uint32_t sent, uint32_t heard)
{
	return sent > heard ? sent - heard : 0;
}

/* Between this report and the one before: what the peer sent and we heard, and what we sent and it heard. */
static void losses(struct lsoe_measure_state *m, uint32_t peer_sent, uint32_t peer_heard)
{
	if (m->based) {
		m->of_rx = peer_sent - m->base_peer_sent;
		m->lost_rx = lost(m->of_rx, m->ka_heard - m->base_heard);
		m->of_tx = m->ka_sent - m->base_sent;
		m->lost_tx = lost(m->of_tx, peer_heard - m->base_peer_heard);
	}
	m->base_peer_sent = peer_sent;
	m->base_heard = m->ka_heard;
	m->base_sent = m->ka_sent;
	m->base_peer_heard = peer_heard;
	m->based = true;
}

void lsoe_measure_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_vendor *v)
{
	struct lsoe_measure_state *m = p->measure;
	struct lan_rd r = lan_rd_of(v->data, v->len);
	uint32_t version = lan_rd_be32(&r) >> 24, seq = lan_rd_be32(&r);
	uint64_t time = lan_rd_be64(&r), echo = lan_rd_be64(&r), held = lan_rd_be64(&r);
	uint32_t sent = lan_rd_be32(&r), heard = lan_rd_be32(&r);
	if (!m || r.bad || version != 1 || (m->peer_seq && (int32_t)(seq - m->peer_seq) <= 0))
		return;
	m->peer_seq = seq;
	if (echo && echo <= now && held <= now - echo)
		round_trip(m, now - echo - held);
	losses(m, sent, heard);
	bool first = !m->have_echo;
	m->echo = time;
	m->echo_at = now;
	m->have_echo = true;
	/* The first one is answered at once, so that both know the round trip without waiting. */
	if (first || (!echo && !m->answer)) {
		m->answer = true;
		m->due = true;
		lsoe_want_peer(n, p);
	}
}
