/*
 * session_time.c - what time does to a session: PDUs that are repeated and given up, KEEPALIVEs, silence that
 * is death, doubts that are resolved, what is remembered of who was refused (docs/protocols/lsoe.md,
 * sections 1.8, 1.9 and 2.6).
 */
#include "proto/lsoe/lsoe_int.h"

#define HELD_FOR LAN_SEC(600) /* a neighbour that is left alone is forgotten then */

/* How long silence lasts before it is death: what was configured, and half an interval more when that is
 * short, for a peer that was not run for the time of two KEEPALIVEs. */
static lan_time patience(const struct lsoe *n)
{
	return n->cfg.dead + (n->cfg.keepalive < LAN_SEC(1) ? n->cfg.keepalive / 2 : 0);
}

/* The pause to the next KEEPALIVE. Fast ones vary as in RFC 5880, section 6.8.7, and slow ones are drawn
 * together so that one wake-up serves many; never later than configured. */
lan_time lsoe_next_keepalive(struct lsoe *n, lan_time now)
{
	lan_time k = n->cfg.keepalive;
	if (k < LAN_SEC(1))
		return now + k * 3 / 4 + lsoe_jitter(n, k * 3 / 20);
	lan_time grain = k / 16 < LAN_MS(500) ? k / 16 : LAN_MS(500), at = now + k;
	return at - at % grain;
}

static lan_time earlier(lan_time a, lan_time b)
{
	return a < b ? a : b;
}

/* How long it is remembered that a neighbour was refused, or refused us. */
static lan_time left_alone(const struct lsoe *n, const struct lsoe_peer *p)
{
	if (p->held || p->ourself || p->auth_failures >= n->cfg.auth_failures)
		return HELD_FOR;
	return n->cfg.dead + 2 * n->cfg.hello; /* it had its chances to try again */
}

void lsoe_arm_peer(struct lsoe *n, struct lsoe_peer *p)
{
	lan_time at = earlier(earlier(p->open_at, p->prove_at), earlier(p->stall_at, p->dormant_until));
	at = earlier(at, p->retry_at);
	at = earlier(at, p->reasm.until);
	for (const struct lsoe_out *o = p->flight; o; o = o->next)
		if (!o->due && o != p->cur)
			at = earlier(at, o->again);
	if (p->established) {
		at = earlier(at, p->keepalive_at);
		at = earlier(at, p->heard + patience(n) + n->paused);
		if (p->measure)
			at = earlier(at, p->measure->at);
	}
	if (p->held || p->ourself || p->auth_failures)
		at = earlier(at, p->since + left_alone(n, p));
	if (!p->have_own && !p->have_nonce && !p->held && !p->ourself && !p->told_up && !p->in_news)
		at = earlier(at, p->since + n->cfg.dead); /* nothing came of it */
	lan_timers_set(&n->timers, &p->timed.t, at);
}

/* An OPEN that was not acknowledged although the neighbour behaves as if established: it is one that ignores
 * what it has seen (section 1.8), and only another nonce is news to it. */
static bool ignores_repetition(const struct lsoe_peer *p, const struct lsoe_out *o, lan_time now)
{
	return o->type == LSOE_OPEN && p->evidence && p->have_nonce && !p->lanyard &&
	       now - p->nonce_at >= LSOE_HOLD_DOWN;
}

/* False: the session ended. */
static bool repeat(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	for (struct lsoe_out *o = p->flight, *next; o; o = next) {
		next = o->next;
		if (o->due || o == p->cur || o->again > now)
			continue;
		if (o->once) {
			lsoe_out_drop(p, o);
			lsoe_fill(n, p); /* behind the rest */
			continue;
		}
		if (o->tries + o->held >= n->cfg.tries) {
			lsoe_close(n, now, p, LSOE_C_down_unacked, "no acknowledgement");
			return false;
		}
		if (ignores_repetition(p, o, now)) {
			lsoe_renew(n, now, p);
			return true;
		}
		o->due = true;
		lsoe_want_peer(n, p);
	}
	return true;
}

static bool established_due(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (now >= p->heard + patience(n) + n->paused) {
		lsoe_close(n, now, p, LSOE_C_down_dead, "silence");
		return false;
	}
	if (now >= p->keepalive_at) {
		p->keepalive_due = true;
		p->keepalive_at = lsoe_next_keepalive(n, now);
		lsoe_want_peer(n, p);
	}
	if (p->measure && now >= p->measure->at) {
		p->measure->due = true;
		p->measure->at = now + n->cfg.measure;
		lsoe_want_peer(n, p);
	}
	return true;
}

static void over(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (p->dormant_until <= now) {
		bool asked = p->resuming;
		p->resuming = false;
		lsoe_out_drop_data(n, p);
		lsoe_forget_data(p);
		if (asked)
			lsoe_renew(n, now, p);
	}
	if ((p->held || p->ourself || p->auth_failures) && now >= p->since + left_alone(n, p)) {
		p->held = p->ourself = false;
		p->auth_failures = 0;
	}
}

void lsoe_peer_due(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (lsoe_reasm_expire(&p->reasm, &p->link->budget, now))
		lsoe_count(p->link, LSOE_C_drop_reassembly_time);
	bool goes_on = repeat(n, now, p);
	if (goes_on && p->established)
		goes_on = established_due(n, now, p);
	if (goes_on && p->stall_at <= now)
		lsoe_close(
			n, now, p, LSOE_C_down_unacked, "our OPEN was acknowledged, but its own never came");
	if (p->prove_at <= now) {
		p->kin = false;
		lsoe_close(n, now, p, LSOE_C_down_restart, "what it announces did not come");
		lsoe_renew(n, now, p);
	}
	if (p->open_at <= now)
		lsoe_send_open(n, now, p);
	if (p->retry_at <= now) {
		p->retry_at = LAN_NEVER;
		lsoe_fill(n, p);
	}
	over(n, now, p);
	lsoe_arm_peer(n, p);
	if (lan_timers_at(&n->timers, &p->timed.t) <= now) /* kept by something else: look again later */
		lan_timers_set(&n->timers, &p->timed.t, now + LAN_MS(10));
	lsoe_reap(n, p);
}

enum lan_err lsoe_reset(struct lsoe *n, lan_time now, uint32_t link, const uint8_t *mac)
{
	struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l || (mac && !lsoe_find_peer(n, l, mac)))
		return LAN_ERR_NOTFOUND;
	n->now = now;
	for (struct lsoe_peer *p = l->first, *next; p; p = next) {
		next = p->link_next;
		if (mac && memcmp(p->mac, mac, 6))
			continue;
		p->held = p->ourself = false;
		p->auth_failures = 0;
		lsoe_close(n, now, p, LSOE_C_down_asked, "reset by the operator");
		p->reason = "reset by the operator";
		lsoe_send_open(n, now, p);
	}
	l->hello_at = now;
	lsoe_arm_link(n, l);
	return LAN_OK;
}
