/*
 * session_open.c - the neighbour's OPEN (docs/protocols/lsoe.md, sections 1.7, 1.9 and 2.3): is it ours,
 * known, replayed, a beginning, or a beginning that has to be repeated to be believed? How a session that
 * began anew is answered without two ends restarting one another for ever is in `new_nonce`.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

static bool known_past(const struct lsoe_peer *p, const uint8_t nonce[4])
{
	for (unsigned i = 0; i < p->n_past; i++)
		if (!memcmp(p->past[i], nonce, 4))
			return true;
	return false;
}

static bool take_open(struct lsoe_peer *p, const struct lsoe_open *o)
{
	uint8_t *id = malloc((size_t)o->id_len + o->n_attrs + 1);
	if (!id)
		return false;
	memcpy(id, o->id, o->id_len);
	if (o->n_attrs)
		memcpy(id + o->id_len, o->attrs, o->n_attrs);
	free(p->id);
	p->id = id, p->id_len = o->id_len, p->n_attrs = o->n_attrs;
	if (p->have_nonce) { /* the one before is known from now on, should it come again */
		if (p->n_past == LSOE_NONCES)
			memmove(p->past[0], p->past[1], --p->n_past * 4u);
		memcpy(p->past[p->n_past++], p->peer_nonce, 4);
	}
	memcpy(p->peer_nonce, o->nonce, 4);
	p->have_nonce = true;
	p->doubted = false;
	return true;
}

/* Section 2.3: a serial number that is not 0 asks to go on after it. Not possible: the peer comes again with
 * 0. */
static bool go_on(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint32_t serial)
{
	if (!n->rules->incremental)
		return true;
	/* One PDU is under way at most: who is further behind has written down too late what it sent. */
	if (serial && p->dormant_until != LAN_NEVER &&
		(p->serial_rx == serial || p->serial_rx == lsoe_next_serial(serial))) {
		p->may_skip = true;
		return true;
	}
	bool asked = p->resuming;
	lsoe_out_drop_data(n, p);
	lsoe_forget_data(p);
	p->resuming = false;
	if (asked) /* we asked to go on, and now have nothing to go on from: ask anew, from nothing */
		lsoe_renew(n, now, p);
	if (serial) {
		lsoe_ack(n, p, LSOE_OPEN, LSOE_ACK_RESTART, LSOE_CODE_NO_RESUME, 0);
		if (!p->established) /* it comes again, or both begin anew */
			p->prove_at = now + lsoe_patience_for_theirs(n);
	}
	return !serial;
}

static void is_ourself(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (!p->ourself)
		(void)lsoe_tell(n, now, p->link, p, LSOE_EV_SELF, "both ends of this link are ours");
	lsoe_close(n, now, p, LSOE_C_self_heard, "both ends of this link are ours");
	p->ourself = true;
	p->since = now;
}

/* Both nodes are this one (section 1.7: the original does not notice). */
static bool ourself(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o)
{
	uint8_t len;
	const uint8_t *id = lsoe_own_id(n, p->link, &len);
	bool same = n->cfg.id_len && o->id_len == len && !memcmp(o->id, id, len);
	if (!lsoe_own_mac(n, p->mac, p->link) || (n->cfg.id_len && !same && !p->ourself))
		return false; /* once it is known to be ours, another id is a lie */
	lsoe_count(p->link, LSOE_C_self_heard);
	is_ourself(n, now, p);
	/* The other end is on this side of the cable as well, and may never hear an OPEN. */
	struct lsoe_link *other = lsoe_own_mac(n, p->mac, p->link);
	struct lsoe_peer *q = other ? lsoe_find_peer(n, other, p->link->mac) : NULL;
	if (other && !q)
		q = lsoe_make_peer(n, now, other, p->link->mac);
	if (q && !q->ourself) {
		is_ourself(n, now, q);
		lsoe_arm_peer(n, q);
	}
	return true;
}

/* An OPEN is not believed. Who sent it repeats it, unless it takes the ACK of a forged one for its own; then
 * both ends are to begin anew (prove_at). True: it is the repetition, so long after that it is not the
 * network which doubled it. */
static bool repeated(const struct lsoe *n, lan_time now, struct lsoe_peer *p, const uint8_t nonce[4])
{
	bool same = p->doubted && !memcmp(p->doubt, nonce, 4);
	if (same && now - p->doubt_at >= n->cfg.retransmit / 4)
		return true;
	if (p->prove_at == LAN_NEVER)
		p->prove_at = now + lsoe_patience_for_theirs(n);
	if (!same)
		p->doubt_at = now;
	memcpy(p->doubt, nonce, 4);
	p->doubted = true;
	return false;
}

/* An earlier nonce. LSOE signs nothing, so who replays an OPEN could as well make one up; but a neighbour
 * that has one nonce for all its life would be shut out for good after a single forged OPEN, its KEEPALIVEs
 * keeping up the session of who forged it. So it is believed when it is repeated. A delayed copy ends
 * nothing. */
static bool insists(const struct lsoe *n, lan_time now, struct lsoe_peer *p, const uint8_t nonce[4])
{
	if (p->doubted && !memcmp(p->doubt, nonce, 4))
		return now - p->doubt_at >= n->cfg.retransmit / 4;
	memcpy(p->doubt, nonce, 4);
	p->doubt_at = now;
	p->doubted = true;
	return false;
}

/* A nonce that is not the one we have. True: go on as with a first OPEN. */
static bool new_nonce(struct lsoe *n, lan_time now, struct lsoe_peer *p, const uint8_t nonce[4])
{
	lan_time age = now - p->nonce_at;
	if (p->answer_due && p->have_own && age < LSOE_DOUBT) {
		/* If they knew another nonce of ours, the new one made them begin anew, and this is their
		 * answer. Another one of ours would make another of theirs. But it may be one more of who
		 * forged the first: it has to be repeated, as the neighbour does with what is not
		 * acknowledged. */
		lsoe_count(p->link, LSOE_C_damped);
		if (!repeated(n, now, p, nonce))
			return false;
		p->answer_due = false;
		p->prove_at = LAN_NEVER;
		lsoe_out_drop_data(n, p);
		lsoe_lists_clear(p);
		lsoe_not_established(n, now, p);
		p->session = ++n->sessions;
		return true;
	}
	if (p->have_own && p->nonce_at != LAN_NEVER && age < LSOE_HOLD_DOWN) {
		/* No more than one new nonce a second. Who really began anew repeats its OPEN; who forged it
		 * does not. */
		lsoe_count(p->link, LSOE_C_damped);
		(void)repeated(n, now, p, nonce);
		return false;
	}
	return true;
}

static void began_anew(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o)
{
	bool resume = n->rules->incremental && o->serial && p->established && p->told && p->serial_acked;
	if (resume)
		p->dormant_until = now + n->cfg.resume;
	lsoe_not_established(n, now, p);
	p->prove_at = LAN_NEVER;
	p->restarts++;
	p->reason = "the neighbour began anew";
	lsoe_count(p->link, LSOE_C_down_restart);
	if (resume)
		lsoe_keep_data(p);
	else
		lsoe_out_drop_all(n, p), lsoe_forget_data(p);
	p->have_own = p->open_acked = false;
}

/* Our OPEN was acknowledged a while ago, and only now theirs comes. They may have begun anew in between and
 * not know ours any more, and each would wait for the other. The same OPEN once more: who knows it
 * acknowledges it again, or ignores it. */
static void remind(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	struct lsoe_out *o;
	lsoe_send_open(n, now, p);
	if ((o = lsoe_outstanding(p, LSOE_OPEN)))
		o->once = true;
}

static void first_or_new(
	struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o, struct lsoe_key *key)
{
	if (!go_on(n, now, p, o->serial))
		return;
	if (!take_open(p, o)) {
		lsoe_count(p->link, LSOE_C_drop_memory);
		return;
	}
	lsoe_key_taken(n, p, o, key);
	p->stall_at = LAN_NEVER;
	lsoe_ack(n, p, LSOE_OPEN, 0, 0, 0);
	if (p->open_acked && now - p->acked_at >= n->cfg.retransmit / 2)
		remind(n, now, p);
	lsoe_want_open(n, now, p);
	lsoe_establish(n, now, p);
}

/* Whether a session begins with this OPEN. Not: it is known, was replayed, or is not believed yet. */
static bool begins(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o)
{
	if (p->have_nonce && !memcmp(o->nonce, p->peer_nonce, 4)) {
		/* Always acknowledged again: the ACK may have been lost (section 1.8). */
		lsoe_count(p->link, LSOE_C_rx_duplicate_open);
		lsoe_alive(n, now, p);
		lsoe_ack(n, p, LSOE_OPEN, 0, 0, 0);
		lsoe_want_open(n, now, p);
		return false;
	}
	if (known_past(p, o->nonce) && (n->rules->incremental || !insists(n, now, p, o->nonce))) {
		lsoe_count(p->link, LSOE_C_drop_replay);
		return false;
	}
	if (!p->have_nonce)
		return true;
	bool answer = p->answer_due;
	if (!new_nonce(n, now, p, o->nonce))
		return false;
	if (!answer || p->answer_due)
		began_anew(n, now, p, o);
	return true;
}

void lsoe_open_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, unsigned mark)
{
	const struct lsoe_open *o = &pdu->u.open;
	if (p->held && !memcmp(o->nonce, p->held_nonce, 4)) {
		lsoe_count(p->link, LSOE_C_drop_held);
		return;
	}
	if (ourself(n, now, p, o))
		return;
	p->ourself = false;
	struct lsoe_key key = {0};
	if (!lsoe_open_allowed(n, now, p, pdu, raw, &key))
		return;
	if (p->held)
		p->held = false, p->since = now;
	if (begins(n, now, p, o)) {
		lsoe_alive(n, now, p);
		p->lanyard = mark & LSOE_IS_LANYARD;
		p->measures = mark & LSOE_MEASURES;
		p->kin |= p->lanyard;
		first_or_new(n, now, p, o, &key);
	}
	lsoe_key_fini(&key);
}
