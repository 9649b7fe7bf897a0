/*
 * session.c - the state machine of a session, the same for both dialects (docs/protocols/lsoe.md,
 * sections 1.7 to 1.9 and 2.3): HELLO is answered with OPEN, OPEN with ACK, and who has both the other's OPEN
 * and the ACK of its own is established. An OPEN with another nonce says that the neighbour began anew. How
 * that is answered is in session_open.c.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

/* ---- the end of a session ------------------------------------------------------------------------ */

static void forget_open(struct lsoe_peer *p)
{
	p->have_own = p->open_acked = p->have_nonce = p->answer_due = p->evidence = false;
	p->resuming = p->doubted = false;
	p->open_at = p->stall_at = p->prove_at = p->keepalive_at = LAN_NEVER;
}

/* L3DL: what both sides know of each other can be gone on from for a while (section 2.3). */
static bool can_resume(const struct lsoe *n, const struct lsoe_peer *p, enum lsoe_counter why)
{
	return n->rules->incremental && p->told && p->serial_acked &&
	       (why == LSOE_C_down_dead || why == LSOE_C_down_link || why == LSOE_C_down_unacked);
}

void lsoe_forget_data(struct lsoe_peer *p)
{
	lsoe_lists_clear(p);
	lsoe_told_free(p);
	p->serial_rx = p->serial_tx = p->serial_acked = 0;
	p->may_skip = false;
	p->sum_rx = 0;
	p->dormant_until = LAN_NEVER;
	p->conflict_type = 0;
}

/* A data PDU that was not acknowledged may have been received: it is sent again, as it is, when the session
 * goes on. */
void lsoe_keep_data(struct lsoe_peer *p)
{
	for (struct lsoe_out *o = p->flight, *next; o; o = next) {
		next = o->next;
		if (o->type < LSOE_IPV4 || o->type > LSOE_MPLS6 || o->acked)
			lsoe_out_drop(p, o);
		else
			o->due = false, o->tries = 0, o->held = 0, o->again = LAN_NEVER;
	}
	p->cur = NULL;
	p->n_acks = 0;
	p->keepalive_due = false;
}

void lsoe_not_established(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (!p->established)
		return;
	p->established = false;
	p->have_ulpc = false, p->n_ulpc = 0;
	p->link->established--;
	p->since = now;
	lsoe_half(p, true);
	free(p->measure);
	p->measure = NULL;
	lsoe_news(n, p);
	lsoe_hello_soon(n, now, p->link);
	lsoe_arm_link(n, p->link);
}

void lsoe_close(struct lsoe *n, lan_time now, struct lsoe_peer *p, enum lsoe_counter why, const char *reason)
{
	bool was = p->established, begun = p->have_own || p->have_nonce;
	if (begun) {
		p->restarts++;
		p->reason = reason;
		lsoe_count(p->link, why);
	}
	bool resume = can_resume(n, p, why);
	lsoe_not_established(n, now, p);
	if (resume)
		lsoe_keep_data(p);
	else
		lsoe_out_drop_all(n, p);
	if (!resume)
		lsoe_forget_data(p);
	else if (was)
		p->dormant_until = now + n->cfg.resume;
	if (!was && p->have_nonce)
		lsoe_hello_soon(n, now, p->link);
	forget_open(p);
	/* Fragments end by themselves; the PDU that is being handled may be a view into them. */
	lsoe_arm_peer(n, p);
}

/* What keeps a peer in the table: a session, fragments, a message not told, data to resume, or that it is
 * left alone. */
void lsoe_reap(struct lsoe *n, struct lsoe_peer *p)
{
	if (p->have_own || p->have_nonce || p->in_news || p->told_up || p->n_acks || p->held || p->ourself)
		return;
	if (p->reasm.parts || p->open_at != LAN_NEVER || p->dormant_until != LAN_NEVER || p->auth_failures)
		return;
	lsoe_drop_peer(n, p);
}

void lsoe_hold(struct lsoe *n, lan_time now, struct lsoe_peer *p, const char *reason)
{
	memcpy(p->held_nonce, p->peer_nonce, 4);
	lsoe_close(n, now, p, LSOE_C_down_error, reason);
	p->reason = reason;
	p->held = true;
	p->since = now;
	lsoe_arm_peer(n, p);
}

/* ---- OPEN, ours ---------------------------------------------------------------------------------- */

/* What is under way was signed with the key of then. False: nothing to go on from. */
static bool data_is_mine(struct lsoe *n, struct lsoe_peer *p)
{
	for (struct lsoe_out *o = p->flight; o; o = o->next)
		if (o->type >= LSOE_IPV4 && o->type <= LSOE_MPLS6 && !lsoe_sign_again(n, o)) {
			lsoe_out_drop_data(n, p);
			lsoe_forget_data(p);
			return false;
		}
	return true;
}

void lsoe_send_open(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	struct lsoe_link *l = p->link;
	p->open_at = LAN_NEVER;
	if (!l->up) /* it would wait for ever */
		return;
	if (!p->have_own) {
		n->env.entropy(n->env.ctx, p->nonce, 4);
		p->nonce_at = now;
		p->have_own = p->answer_due = true;
		p->session = ++n->sessions;
	}
	struct lsoe_open o = {.attrs = n->cfg.attrs, .n_attrs = n->cfg.n_attrs};
	memcpy(o.nonce, p->nonce, 4);
	o.id = lsoe_own_id(n, l, &o.id_len);
	size_t key_len = 0;
	if (n->rules->trailer && n->signer) {
		o.auth_type = lan_signer_alg(n->signer);
		o.key = lan_signer_public(n->signer, &key_len);
		o.key_len = (uint16_t)key_len;
		o.cert = n->cfg.cert, o.cert_len = n->cfg.cert_len;
	}
	if (n->rules->incremental && p->told && p->serial_acked && p->dormant_until != LAN_NEVER &&
		data_is_mine(n, p)) {
		o.serial = p->serial_acked;
		p->resuming = true;
	}
	p->old_signer = false;
	p->evidence = false;
	if (lsoe_put(n, p, &(struct lsoe_pdu){.type = LSOE_OPEN, .u.open = o}, 0)) {
		lsoe_count(l, LSOE_C_drop_memory);
		p->open_at = now + n->cfg.retransmit;
	}
	lsoe_arm_peer(n, p);
}

void lsoe_want_open(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (!p->open_acked && !lsoe_outstanding(p, LSOE_OPEN))
		lsoe_send_open(n, now, p);
}

/* Our OPEN with another nonce: the peer is to begin anew too. */
void lsoe_renew(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (p->dormant_until != LAN_NEVER)
		lsoe_keep_data(p);
	else
		lsoe_out_drop_all(n, p);
	p->have_own = p->open_acked = false;
	lsoe_send_open(n, now, p);
}

/* ---- established ------------------------------------------------------------------------------------- */

void lsoe_alive(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	p->heard = now - n->paused;
}

/* As long as all repetitions of a PDU take, ours or those of somebody with the default pauses. */
lan_time lsoe_patience_for_theirs(const struct lsoe *n)
{
	lan_time ours = lsoe_pause_before(n, 1) * 7;
	return ours > LSOE_DOUBT ? ours : LSOE_DOUBT;
}

/* Lanyard, once established, sends its lists, or at least a first PDU; the original sends all four (section
 * 1.7), others what they like. If they do not come from one that is known to send them, it did not begin a
 * session when we did: we were told lies, and both have to begin anew. */
static void wait_for_lists(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	p->listed = 0;
	if (!p->kin || (n->rules->incremental && p->serial_rx))
		return;
	p->unproved = 0xf;
	if (p->prove_at == LAN_NEVER)
		p->prove_at = now + lsoe_patience_for_theirs(n);
}

void lsoe_establish(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (p->established || !p->open_acked || !p->have_nonce)
		return;
	p->established = true;
	p->since = now;
	p->stall_at = LAN_NEVER;
	p->auth_failures = 0;
	p->link->established++;
	lsoe_half(p, false);
	lsoe_arm_link(n, p->link);
	lsoe_count(p->link, LSOE_C_session_up);
	lsoe_alive(n, now, p);
	bool resumed = p->resuming && p->dormant_until != LAN_NEVER;
	p->resuming = false;
	p->dormant_until = LAN_NEVER;
	if (resumed)
		lsoe_count(p->link, LSOE_C_resumed);
	else
		lsoe_told_free(p), p->serial_tx = p->serial_acked = 0;
	p->stale = 0xf; /* section 1.7: all four types at once, empty ones too */
	p->ulpc_due = n->ulpc.asn != 0;
	for (struct lsoe_out *o = p->flight; o; o = o->next)
		if (o->again == LAN_NEVER && !o->tries)
			o->due = true; /* went unacknowledged before the session was resumed */
	p->keepalive_due = true;
	p->keepalive_at = lsoe_next_keepalive(n, now);
	wait_for_lists(n, now, p);
	lsoe_measure_begin(n, now, p);
	lsoe_key_established(n, p);
	lsoe_news(n, p);
	lsoe_fill(n, p);
	lsoe_want_peer(n, p);
}

/* ---- what comes in --------------------------------------------------------------------------------------
 */

void lsoe_hello_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	if (p->established) {
		/* Ignored (section 1.7); but if it was started again it takes a KEEPALIVE for a HELLO, and
		 * need not wait for the next one. */
		p->keepalive_due = true;
		lsoe_want_peer(n, p);
		return;
	}
	if (p->open_acked || p->open_at != LAN_NEVER || lsoe_outstanding(p, LSOE_OPEN))
		return;
	if (!n->cfg.open_jitter) {
		lsoe_send_open(n, now, p);
		return;
	}
	p->open_at = now + lsoe_jitter(n, n->cfg.open_jitter);
	lsoe_arm_peer(n, p);
}

void lsoe_keepalive_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	p->last_keepalive = now;
	if (p->established) {
		if (p->measure)
			p->measure->ka_heard++;
		lsoe_alive(n, now, p);
		return;
	}
	p->evidence = true;
	lsoe_hello_heard(n, now, p); /* section 1.7, measured */
}

/* ---- ACK ------------------------------------------------------------------------------------------------
 */

static void acked_open(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	p->open_acked = true;
	p->acked_at = now;
	lsoe_alive(n, now, p);
	if (p->have_nonce) {
		lsoe_establish(n, now, p);
		lsoe_fill(n, p); /* it waited for the ACK of an OPEN that was sent once more */
		return;
	}
	/* Theirs is missing, and nothing would make them send it (section 1.7, half-open stalls). */
	p->stall_at = now + lsoe_patience_for_theirs(n);
	lsoe_arm_peer(n, p);
}

static void error_ack(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ack *a)
{
	lsoe_count(p->link, LSOE_C_error_acks);
	struct lsoe_misc *m = lsoe_tell(n, now, p->link, p, LSOE_EV_ERROR, "");
	if (m)
		m->ev.ack = *a, m->ev.type = a->type;
	if (a->etype == LSOE_ACK_WARNING)
		return;
	if (a->etype == LSOE_ACK_HOPELESS) {
		lsoe_hold(
			n, now, p, "the neighbour says that it is hopeless: error acknowledgement of type 3");
		return;
	}
	if (a->type == LSOE_OPEN && p->resuming) { /* cannot go on: from the beginning, then */
		lsoe_forget_data(p);
		p->resuming = false;
		lsoe_renew(n, now, p);
		return;
	}
	if (a->type == LSOE_OPEN && a->code == n->rules->code_auth &&
		++p->auth_failures >= n->cfg.auth_failures) {
		lsoe_hold(n, now, p, "the neighbour does not believe our OPEN");
		return;
	}
	lsoe_close(n, now, p, LSOE_C_down_error,
		"the neighbour asked for a restart: error acknowledgement of type 2");
	lsoe_hello_soon(n, now, p->link);
}

static void acked_data(struct lsoe *n, struct lsoe_peer *p, uint8_t type, uint32_t serial)
{
	if (serial) {
		p->serial_acked = serial;
		p->news_save = true;
		if (n->cfg.want_saved)
			lsoe_news(n, p);
	}
	if (type == LSOE_NEWKEY)
		p->old_signer = false;
	lsoe_fill(n, p);
}

void lsoe_ack_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ack *a)
{
	struct lsoe_out *o = lsoe_outstanding(p, a->type);
	if (n->cfg.want_acks) {
		struct lsoe_misc *m = lsoe_tell(n, now, p->link, p, LSOE_EV_ACK, "");
		if (m)
			m->ev.ack = *a, m->ev.type = a->type;
	}
	if (!o || !o->tries) {
		lsoe_count(p->link, LSOE_C_drop_unexpected_ack);
		return;
	}
	if (a->etype) {
		error_ack(n, now, p, a);
		if (a->etype != LSOE_ACK_WARNING)
			return;
		o = lsoe_outstanding(p, a->type);
	}
	uint8_t type = o->type;
	uint32_t serial = o->serial;
	if (o->tries > 1 && type >= LSOE_IPV4)
		lsoe_acks_may_come(n, p);
	if (p->cur == o)
		o->acked = true; /* its fragments are sent to the end: half a PDU would hurt the original */
	else
		lsoe_out_drop(p, o);
	if (type == LSOE_OPEN)
		acked_open(n, now, p);
	else
		acked_data(n, p, type, serial);
}
