/*
 * master_assoc.c - how a slave becomes and stays associated (sos.md section 2.2, section 15 rule 2): each
 * Discover is answered by an AssocRequest, which the engine repeats; the AssocAnswer makes the association,
 * and only it moves a slave to another address. While one attempt runs, others are remembered by lot, so that
 * who floods with Discovers of a slave's id cannot shut it out; one from where the slave is associated goes
 * first.
 */
#include "proto/sos/master_int.h"

#include <stdlib.h>

/* A Discover from the same place this soon after an association is one of the same wish. */
#define DISCOVER_AGAIN LAN_MS(100)
/* A candidate not heard for so long gives way to another. */
#define CANDIDATE_STALE LAN_SEC(60)

static const struct net *net_of(const struct sos_master *m, uint32_t link)
{
	for (uint32_t i = 0; i < m->n_nets; i++)
		if (m->nets[i].link == link)
			return &m->nets[i];
	return NULL;
}

uint32_t sos_datagram(const struct sos_master *m, const struct member *s)
{
	const struct net *n = net_of(m, s->ep.link);
	uint32_t overhead = (n ? n->overhead : 0) + (s->secret ? SOS_SEAL_OVERHEAD : 0);
	return s->mtu > overhead ? s->mtu - overhead : 1;
}

static void enter(struct sos_master *m, lan_time now, struct member *s, enum sos_member_state state,
	const char *reason, const struct lan_ep *old)
{
	enum sos_member_state was = s->state;
	s->state = state;
	if (was != state)
		s->since = now;
	sos_tell_state(m, now, s, was, reason, old);
}

static void stop_trying(struct sos_master *m, lan_time now, struct member *s)
{
	if (s->assoc)
		coap_cancel(m->coap, now, s->assoc, false);
	s->assoc = 0;
	sos_place(m, s, AT_TRY, NULL);
}

/* Another place for the same id while an attempt runs: each that was heard has the same chance. */
static void remember(
	struct sos_master *m, struct member *s, const struct lan_ep *ep, enum sos_epoch epoch, uint32_t mtu)
{
	if (sos_random(m) % ++s->later_seen == 0)
		s->later = *ep, s->later_epoch = epoch, s->later_mtu = mtu;
}

static enum lan_err ask_to_associate(
	struct sos_master *m, lan_time now, struct member *s, const struct lan_ep *ep)
{
	struct sos_control c = {.kind = SOS_ASSOC_REQUEST,
		.epoch = s->try_epoch,
		.ttl = s->try_ttl,
		.mtu = s->try_mtu,
		.keyed = s->secret != NULL};
	if (s->secret) {
		m->env.entropy(m->env.ctx, c.nonce, sizeof c.nonce);
		sos_proof(c.proof, s->secret->key, &c, s->secret->nonce_s, c.nonce, s->id);
		sos_seal_begin(s->secret->try_seal, s->secret->key, s->id, s->secret->nonce_s, c.nonce, true);
		s->secret->old_session = false;
	}
	uint8_t options[128];
	size_t n = sos_assoc_options(options, sizeof options, &c);
	struct coap_request r = {.to = *ep,
		.code = COAP_POST,
		.urgent = true,
		.no_blocks = true,
		.options = options,
		.options_len = n,
		.token = (const uint8_t *)"",
		.give_up = ASSOC_TIME,
		.tag = TAG_ASSOC | s->id};
	return n ? coap_request(m->coap, now, &r, &s->assoc) : LAN_ERR_TOOBIG;
}

void sos_try(struct sos_master *m, lan_time now, struct member *s, const struct lan_ep *ep,
	enum sos_epoch epoch, uint32_t mtu)
{
	const struct net *n = net_of(m, ep->link);
	if (!n)
		return;
	if (s->assoc && !s->secret && sos_same(&s->try, ep))
		return;
	if (s->assoc && !sos_same(&s->try, ep) && !(s->ep.len && sos_same(&s->ep, ep))) {
		remember(m, s, ep, epoch, mtu);
		return;
	}
	stop_trying(m, now, s);
	s->try_ttl = s->conf_ttl ? s->conf_ttl : m->cfg.ttl;
	s->try_mtu = sos_mtu_master(n->mtu, s->conf_mtu, mtu);
	s->try_epoch = epoch;
	sos_place(m, s, AT_TRY, ep);
	if (ask_to_associate(m, now, s, ep)) {
		s->assoc = 0;
		sos_place(m, s, AT_TRY, NULL);
		count(m, SOS_MASTER_C_assoc_failed);
		if (s->state == SOS_ASSOCIATING)
			enter(m, now, s, SOS_INACTIVE, "no room for its AssocRequest", NULL);
		return;
	}
	count(m, SOS_MASTER_C_tx_assoc_request);
	if (s->state == SOS_INACTIVE)
		enter(m, now, s, SOS_ASSOCIATING, "Discover heard", NULL);
}

/* ---- Discover ----------------------------------------------------------------------- */

/* A place for one more candidate, if there is one or an old one gives way. */
static bool make_place(struct sos_master *m, lan_time now)
{
	if (m->n_unlisted < m->cfg.max_candidates)
		return true;
	struct member *oldest = NULL;
	for (uint32_t i = 0; i < m->n_unlisted; i++) {
		struct member *s = m->unlisted[i];
		if (s->state == SOS_INACTIVE && !s->asks &&
			(!oldest || s->last_discover < oldest->last_discover))
			oldest = s;
	}
	if (!oldest || now - oldest->last_discover < CANDIDATE_STALE)
		return false;
	sos_member_drop(m, oldest);
	return true;
}

/* What the policy makes of a slave that is not listed; NULL: nothing. */
static struct member *candidate(struct sos_master *m, lan_time now, const struct lan_ep *from,
	const struct sos_control *c, struct member *s)
{
	if (m->cfg.unlisted == SOS_UNLISTED_IGNORE) {
		count(m, SOS_MASTER_C_drop_unlisted);
		sos_tell_refused(m, now, c->slave, from, REFUSED_UNLISTED);
		return NULL;
	}
	bool is_new = !s;
	if (is_new && (!make_place(m, now) || !(s = sos_member_new(m, c->slave, false)))) {
		count(m, SOS_MASTER_C_drop_candidates);
		sos_tell_refused(m, now, c->slave, from, REFUSED_CANDIDATES);
		return NULL;
	}
	if (is_new)
		sos_tell_candidate(m, now, s, from, c->epoch);
	if (m->cfg.unlisted == SOS_UNLISTED_ADMIT)
		return s;
	s->last_discover = s->last_rx = now;
	s->epoch = c->epoch;
	if (!sos_same(&s->try, from))
		sos_place(m, s, AT_TRY, from);
	return NULL;
}

static bool proved(const struct member *s, const struct sos_control *c)
{
	if ((s->secret != NULL) != c->keyed)
		return false;
	uint8_t want[SOS_PROOF];
	if (s->secret)
		sos_proof(want, s->secret->key, c, c->nonce, NULL, s->id);
	return !s->secret || lan_equal(want, c->proof, sizeof want);
}

void sos_on_discover(
	struct sos_master *m, lan_time now, const struct lan_ep *from, const struct sos_control *c)
{
	count(m, SOS_MASTER_C_rx_discover);
	if (!m->cfg.epochs[c->epoch]) {
		count(m, SOS_MASTER_C_drop_control);
		return;
	}
	struct member *s = sos_member(m, c->slave);
	if ((!s || !s->listed) && !(s = candidate(m, now, from, c, s)))
		return;
	if (!proved(s, c)) {
		count(m, SOS_MASTER_C_drop_key);
		sos_tell_refused(m, now, c->slave, from, REFUSED_KEY);
		return;
	}
	bool here = s->ep.len && sos_same(&s->ep, from);
	if (here && s->state == SOS_ASSOCIATED && s->last_here && now - s->last_here < DISCOVER_AGAIN) {
		count(m, SOS_MASTER_C_drop_rate);
		return;
	}
	s->last_discover = now;
	if (here)
		s->last_rx = s->last_here = now;
	if (s->secret && (!s->assoc || sos_same(&s->try, from) || here))
		memcpy(s->secret->nonce_s, c->nonce, sizeof s->secret->nonce_s);
	sos_try(m, now, s, from, c->epoch, c->mtu);
}

/* ---- the AssocAnswer ---------------------------------------------------------------- */

static void try_later(struct sos_master *m, lan_time now, struct member *s)
{
	struct lan_ep ep = s->later;
	s->later_seen = 0;
	s->later = (struct lan_ep){0};
	/* A keyed one has to be heard again: its nonce was not kept. */
	if (ep.len && !s->secret)
		sos_try(m, now, s, &ep, s->later_epoch, s->later_mtu);
}

static void failed(struct sos_master *m, lan_time now, struct member *s)
{
	count(m, SOS_MASTER_C_assoc_failed);
	sos_place(m, s, AT_TRY, NULL);
	if (s->state == SOS_ASSOCIATING)
		enter(m, now, s, SOS_INACTIVE, "AssocRequest without answer", NULL);
	try_later(m, now, s);
}

static bool take_list(struct member *s, const struct coap_msg *msg)
{
	size_t n, bad;
	const char *text = msg->len ? (const char *)msg->payload : "";
	if (msg->len > LIST_MAX || memchr(text, 0, msg->len) || !coap_links_ok(text, msg->len, &n, &bad))
		return false;
	char *list = realloc(s->list, msg->len + 1);
	if (!list) { /* what it has said before stays; it is associated all the same */
		s->list_tag = 0;
		return true;
	}
	memcpy(list, text, msg->len);
	list[msg->len] = 0;
	s->list = list, s->list_len = msg->len;
	return true;
}

/* A slave of ours whose list did not fit into the answer has all of it at /.well-known/core; its answer says
 * how long that is, and by an ETag of four octets which it is. */
static bool is_cut(const struct coap_msg *msg)
{
	uint64_t whole;
	return coap_find_uint(msg, COAP_SIZE2, &whole) && whole > msg->len;
}

static uint32_t tag_of(const struct coap_msg *msg)
{
	const uint8_t *v;
	size_t n;
	return is_cut(msg) && coap_find(msg, COAP_ETAG, 0, &v, &n) && n == 4 ? lan_get_be32(v) : 0;
}

/* Is the list of which the answer has the beginning here already, or on its way? A slow radio is not to carry
 * it again with each renewal. */
static bool has_list(const struct member *s, const struct coap_msg *msg)
{
	return s->state == SOS_ASSOCIATED && s->list_tag && s->list_tag == tag_of(msg) &&
	       (!s->listing || sos_same(&s->ep, &s->try));
}

static void stop_listing(struct sos_master *m, lan_time now, struct member *s)
{
	if (s->listing)
		coap_cancel(m->coap, now, s->listing, false);
	s->listing = 0;
}

static void ask_for_list(struct sos_master *m, lan_time now, struct member *s)
{
	uint8_t options[32];
	struct coap_wr w = coap_begin_options(options, sizeof options);
	coap_put_text(&w, COAP_URI_PATH, ".well-known");
	coap_put_text(&w, COAP_URI_PATH, "core");
	struct coap_request r = {.to = s->ep,
		.code = COAP_GET,
		.options = options,
		.options_len = coap_end(&w),
		.datagram = sos_datagram(m, s),
		.tag = TAG_LIST | s->id};
	if (coap_request(m->coap, now, &r, &s->listing))
		s->listing = s->list_tag = 0;
}

void sos_on_list(struct sos_master *m, lan_time now, struct member *s, const struct coap_event *ev)
{
	s->listing = 0;
	if (ev->kind != COAP_EV_RESPONSE || ev->code != COAP_CONTENT || !take_list(s, &ev->msg)) {
		s->list_tag = 0;
		count(m, SOS_MASTER_C_drop_list);
		sos_tell_refused(m, now, s->id, &s->ep, REFUSED_LIST);
	}
}

/* Whoever was associated at this place is not any more. */
static void displace(struct sos_master *m, lan_time now, struct member *s)
{
	enum place which;
	struct member *other = sos_member_at(m, &s->try, &which);
	if (other && other != s && which == AT_EP)
		sos_expire(m, now, other, "another slave is at its address");
}

static void associate(
	struct sos_master *m, lan_time now, struct member *s, const struct coap_msg *msg, bool listed)
{
	struct lan_ep old = s->ep;
	bool was = s->state == SOS_ASSOCIATED, moved = was && !sos_same(&old, &s->try);
	uint64_t format;
	displace(m, now, s);
	if (moved) {
		s->moves++;
		count(m, SOS_MASTER_C_moved);
		sos_asks_fail(m, now, s, "the slave moved to another address", false);
		coap_forget(m->coap, now, &old);
	}
	struct lan_ep ep = s->try;
	sos_place(m, s, AT_TRY, NULL);
	sos_place(m, s, AT_EP, &ep);
	s->ttl = s->try_ttl, s->mtu = s->try_mtu, s->epoch = s->try_epoch;
	s->modern = coap_find_uint(msg, COAP_CONTENT_FORMAT, &format) && format == 40;
	s->last_rx = now;
	s->expires = now + LAN_SEC(s->ttl);
	lan_timers_set(&m->timers, &s->timer, s->expires);
	if (s->secret) {
		struct secret *k = s->secret;
		struct sos_seal *t = k->seal;
		k->seal = k->try_seal, k->try_seal = t;
		k->old_session = was;
	}
	if (was)
		s->renewals++;
	else
		s->associations++;
	count(m, was ? SOS_MASTER_C_renewed : SOS_MASTER_C_associated);
	enter(m, now, s, SOS_ASSOCIATED,
		moved ? "moved"
		: was ? "renewed"
		      : "associated",
		moved ? &old : NULL);
	if (!listed)
		stop_listing(m, now, s);
	if (!listed && s->modern && is_cut(msg))
		ask_for_list(m, now, s);
	sos_asks_again(m, now, s);
}

void sos_on_assoc(struct sos_master *m, lan_time now, struct member *s, const struct coap_event *ev)
{
	s->assoc = 0;
	if (ev->kind != COAP_EV_RESPONSE || COAP_CLASS(ev->code) != 2) {
		failed(m, now, s);
		return;
	}
	bool listed = has_list(s, &ev->msg);
	s->list_tag = tag_of(&ev->msg);
	if (!listed && !take_list(s, &ev->msg)) {
		s->list_tag = 0;
		count(m, SOS_MASTER_C_drop_list);
		sos_tell_refused(m, now, s->id, &s->try, REFUSED_LIST);
		failed(m, now, s);
		return;
	}
	count(m, SOS_MASTER_C_rx_assoc_answer);
	s->later_seen = 0;
	s->later = (struct lan_ep){0};
	associate(m, now, s, &ev->msg, listed);
}

void sos_expire(struct sos_master *m, lan_time now, struct member *s, const char *why)
{
	struct lan_ep old = s->ep;
	stop_trying(m, now, s);
	stop_listing(m, now, s);
	lan_timers_unset(&m->timers, &s->timer);
	sos_asks_fail(m, now, s, "the slave is not associated any more", false);
	sos_place(m, s, AT_EP, NULL);
	if (old.len)
		coap_forget(m->coap, now, &old);
	free(s->list);
	s->list = NULL, s->list_len = s->list_tag = 0;
	s->ttl = s->mtu = 0, s->expires = LAN_NEVER;
	if (s->secret)
		s->secret->old_session = false;
	if (s->state == SOS_ASSOCIATED) {
		s->losses++;
		count(m, SOS_MASTER_C_expired);
	}
	if (s->state != SOS_INACTIVE)
		enter(m, now, s, SOS_INACTIVE, why, &old);
}
