/*
 * master.c - the master: its networks and their Hellos, what comes in and goes out, time, and the operations
 * of the contract. sos.md section 2.2. A message is the master's own business if it is a control message;
 * everything else is the engine's (coap.h), which knows whose answer it is.
 */
#include "proto/sos/master_int.h"

#include <stdlib.h>

/* Between the first Hello and the one with the number that lasts. */
#define HELLO_SECOND LAN_MS(200)

uint32_t sos_random(struct sos_master *m)
{
	uint8_t b[4];
	m->env.entropy(m->env.ctx, b, sizeof b);
	return lan_get_be32(b);
}

static lan_time random_below(struct sos_master *m, lan_time max)
{
	return max / 65536 * (sos_random(m) & 0xffff);
}

static void set_defaults(struct sos_master_config *c)
{
	c->first_hello = c->first_hello ? c->first_hello : LAN_SEC(3);
	c->hello = c->hello ? c->hello : LAN_SEC(10);
	c->ttl = c->ttl ? c->ttl : 3600;
	if (!c->epochs[SOS_EPOCH_CASAN] && !c->epochs[SOS_EPOCH_SOS])
		c->epochs[SOS_EPOCH_CASAN] = c->epochs[SOS_EPOCH_SOS] = true;
	c->max_candidates = c->max_candidates ? c->max_candidates : 256;
	c->queue = c->queue ? c->queue : 16;
	c->give_up = c->give_up ? c->give_up : LAN_SEC(23);
	c->coap.sos_client = c->coap.no_server = true;
	c->coap.shared = UINT64_MAX;
	c->coap.max_requests = c->coap.max_requests ? c->coap.max_requests : 1024;
	c->coap.ack_timeout = c->coap.ack_timeout ? c->coap.ack_timeout : LAN_SEC(1);
	c->coap.nstart = 1;
	c->coap.give_up = c->give_up;
}

enum lan_err sos_master_new(
	const struct lan_env *env, const struct sos_master_config *cfg, struct sos_master **out)
{
	struct sos_master *m = calloc(1, sizeof *m);
	if (!m)
		return LAN_ERR_NOMEM;
	m->env = *env;
	m->cfg = *cfg;
	set_defaults(&m->cfg);
	m->env.entropy(m->env.ctx, m->seed, sizeof m->seed);
	m->hello_id = cfg->hello_id ? cfg->hello_id : 1 + sos_random(m) % 999;
	lan_timers_init(&m->timers);
	/* The owner's requests, and for each of them at most one of our own: an AssocRequest or a list. */
	struct coap_config engine = m->cfg.coap;
	engine.max_requests = m->cfg.coap.max_requests * 2;
	m->n_asks = m->cfg.coap.max_requests;
	m->asks = calloc(m->n_asks, sizeof *m->asks);
	m->states = calloc(MAX_STATES, sizeof *m->states);
	enum lan_err e = m->asks && m->states ? lan_crypto_init() : LAN_ERR_NOMEM;
	if (!e)
		e = lan_timers_reserve(&m->timers, m->n_asks);
	if (!e)
		e = coap_new(env, &engine, &m->coap);
	if (e) {
		sos_master_free(m);
		return e;
	}
	sos_asks_init(m);
	*out = m;
	return LAN_OK;
}

void sos_master_free(struct sos_master *m)
{
	if (!m)
		return;
	while (m->n_listed)
		sos_member_drop(m, m->listed[m->n_listed - 1]);
	while (m->n_unlisted)
		sos_member_drop(m, m->unlisted[m->n_unlisted - 1]);
	for (uint32_t i = 0; m->asks && i < m->n_asks; i++)
		free(m->asks[i].options);
	coap_free(m->coap);
	lan_timers_fini(&m->timers);
	free(m->listed);
	free(m->unlisted);
	free(m->by_id);
	free(m->by_ep);
	free(m->asks);
	free(m->states);
	free(m);
}

enum lan_err sos_master_link(
	struct sos_master *m, lan_time now, uint32_t link, uint32_t mtu, uint32_t overhead, bool up)
{
	struct net *n = m->nets, *end = m->nets + m->n_nets;
	while (n < end && n->link != link)
		n++;
	bool is_new = n == end;
	if (is_new && m->n_nets == MAX_LINKS)
		return LAN_ERR_LIMIT;
	if (mtu <= overhead)
		return LAN_ERR_INVAL;
	enum lan_err e = coap_link(m->coap, link, mtu - overhead, true);
	if (e)
		return e;
	if (is_new)
		m->n_nets++;
	bool was_up = !is_new && n->up, greeted = !is_new && n->greeted;
	lan_time next = n->hello;
	*n = (struct net){.link = link,
		.mtu = mtu,
		.overhead = overhead,
		.up = up,
		.greeted = greeted,
		.hello = LAN_NEVER};
	if (up && !was_up)
		coap_hurry(m->coap, now, link);
	if (up)
		n->hello = is_new ? now + random_below(m, m->cfg.first_hello) : was_up ? next : now;
	return LAN_OK;
}

/* Every network has its moment; a Hello goes in each epoch that is spoken. The first one on a network has
 * another number than all that follow: a slave that was associated before this master started, but had not
 * heard a Hello since, takes the first number for its master's and would see no change (section 2.1). */
static void say_hello(struct sos_master *m, lan_time now, struct net *n)
{
	struct lan_ep all = {.link = n->link};
	uint32_t number = n->greeted ? m->hello_id : m->hello_id % 999 + 1;
	for (enum sos_epoch e = 0; e < SOS_EPOCHS; e++) {
		if (!m->cfg.epochs[e])
			continue;
		struct sos_control c = {.kind = SOS_HELLO, .epoch = e, .hello = number};
		uint8_t buf[64];
		size_t len = sos_control_write(buf, sizeof buf, coap_next_mid(m->coap, &all), &c);
		if (len && !coap_send_raw(m->coap, now, &all, buf, len))
			count(m, SOS_MASTER_C_tx_hello);
	}
	n->hello = now + (n->greeted ? m->cfg.hello : HELLO_SECOND);
	n->greeted = true;
}

enum lan_err sos_master_poke(struct sos_master *m, lan_time now, uint32_t id)
{
	if (!id) {
		for (uint32_t i = 0; i < m->n_nets; i++)
			if (m->nets[i].up)
				m->nets[i].hello = now;
		return LAN_OK;
	}
	struct member *s = sos_member(m, id);
	if (!s || !s->ep.len)
		return LAN_ERR_NOTFOUND;
	sos_try(m, now, s, &s->ep, s->epoch, s->mtu);
	return LAN_OK;
}

/* ---- what comes in ------------------------------------------------------------------ */

/* The message inside a sealed one; 0: refused. The session that is beginning is tried too; or, until one is,
 * the one before: the slave may have sealed by it what crossed our AssocRequest. */
static size_t unseal(struct sos_master *m, struct member *s, const uint8_t *buf, size_t n)
{
	size_t len = 0;
	const struct secret *k = s ? s->secret : NULL;
	if (k && (s->assoc || k->old_session))
		len = sos_seal_open(k->try_seal, buf, n, m->plain, sizeof m->plain);
	if (!len && k)
		len = sos_seal_open(k->seal, buf, n, m->plain, sizeof m->plain);
	return len;
}

static bool is_request(const struct coap_msg *msg)
{
	return COAP_CLASS(msg->code) == 0 && msg->code != COAP_EMPTY;
}

/* True: it was a control message, well formed or not. */
static bool control(struct sos_master *m, lan_time now, const struct lan_ep *from, const struct coap_msg *msg)
{
	struct sos_control c;
	if (sos_control_read(msg, &c)) {
		count(m, SOS_MASTER_C_drop_control);
		sos_tell_refused(m, now, 0, from, REFUSED_CONTROL);
		return true;
	}
	if (c.kind == SOS_OTHER)
		return false;
	if (c.kind == SOS_DISCOVER)
		sos_on_discover(m, now, from, &c);
	else
		sos_tell_other(m, now, from, c.kind == SOS_HELLO ? "Hello" : "AssocRequest");
	return true;
}

static enum lan_err input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	struct sos_master *m = core;
	enum place which;
	struct member *s = sos_member_at(m, from, &which);
	bool sealed = n && buf[0] == SOS_SEALED;
	if (sealed) {
		n = unseal(m, s, buf, n);
		buf = m->plain;
		if (!n) {
			count(m, SOS_MASTER_C_drop_sealed);
			return LAN_ERR_PROTO;
		}
	}
	struct coap_msg msg;
	enum coap_fault f = coap_decode(buf, n, &msg);
	if (f && f >= COAP_FAULT_OPTION_RESERVED && n <= sizeof m->scratch)
		f = coap_decode_s1(buf, n, m->scratch, &msg);
	if (!f && is_request(&msg) && control(m, now, from, &msg))
		return LAN_OK;
	if (!f && !s) { /* perhaps another program's of this host: not even a RST */
		count(m, SOS_MASTER_C_drop_unknown);
		return LAN_ERR_PROTO;
	}
	if (!f && s->secret && !sealed) {
		count(m, SOS_MASTER_C_drop_sealed);
		return LAN_ERR_PROTO;
	}
	if (!f)
		s->last_rx = now;
	if (f) /* the engine counts it */
		return coap_ops.input(m->coap, now, from, group, buf, n);
	return coap_input_msg(m->coap, now, from, group, &msg, n);
}

/* ---- what goes out ------------------------------------------------------------------ */

/* Seals a message to a keyed member in place; the AssocRequest itself is proved, not sealed. */
static size_t seal(struct sos_master *m, const struct lan_ep *to, uint8_t *buf, size_t n, size_t cap)
{
	enum place which;
	struct member *s = to->len ? sos_member_at(m, to, &which) : NULL;
	struct coap_msg msg;
	struct sos_control c;
	if (!s || !s->secret || n > sizeof m->plain)
		return n;
	if (!coap_decode(buf, n, &msg) && is_request(&msg) && !sos_control_read(&msg, &c) &&
		c.kind == SOS_ASSOC_REQUEST)
		return n;
	memcpy(m->plain, buf, n);
	return sos_seal_close(s->secret->seal, m->plain, n, buf, cap);
}

static size_t output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct sos_master *m = core;
	for (;;) {
		size_t n = coap_ops.output(m->coap, now, to, buf, cap);
		if (!n)
			return 0;
		n = seal(m, to, buf, n, cap);
		if (n)
			return n; /* 0: nothing may leave that is not sealed; the engine asks again or gives
				     up */
	}
}

static void unsent(void *core, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	struct sos_master *m = core;
	coap_ops.unsent(m->coap, now, to, why);
}

/* ---- time --------------------------------------------------------------------------- */

static bool have_room(const struct sos_master *m)
{
	return m->state_len + RESERVE <= MAX_STATES;
}

static void tick(void *core, lan_time now)
{
	struct sos_master *m = core;
	for (uint32_t i = 0; i < m->n_nets; i++)
		if (m->nets[i].hello <= now)
			say_hello(m, now, &m->nets[i]);
	coap_ops.tick(m->coap, now);
	struct lan_timer *t;
	while (have_room(m) && (t = lan_timers_due(&m->timers, now))) {
		uintptr_t p = (uintptr_t)t, first = (uintptr_t)m->asks;
		if (p >= first && p < (uintptr_t)(m->asks + m->n_asks))
			sos_ask_due(m, now, (struct ask *)(p - offsetof(struct ask, timer)));
		else
			sos_expire(m, now, (struct member *)(p - offsetof(struct member, timer)), "expired");
	}
}

static lan_time deadline(const void *core)
{
	const struct sos_master *m = core;
	lan_time at = coap_ops.deadline(m->coap), hello = sos_master_next_hello(m);
	at = hello < at ? hello : at;
	lan_time next = have_room(m) ? lan_timers_next(&m->timers) : LAN_NEVER;
	return next < at ? next : at;
}

static bool ready(const void *core)
{
	const struct sos_master *m = core;
	return m->state_len || m->failed || coap_ops.ready(m->coap);
}

static bool open_(const void *core)
{
	const struct sos_master *m = core;
	return have_room(m) && (!coap_ops.open || coap_ops.open(m->coap));
}

const struct lan_ep_ops sos_master_ops = {
	.name = "sos-master",
	.input = input,
	.output = output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.open = open_,
};

uint32_t sos_master_hello_id(const struct sos_master *m)
{
	return m->hello_id;
}

const struct coap *sos_master_coap(const struct sos_master *m)
{
	return m->coap;
}

lan_time sos_master_next_hello(const struct sos_master *m)
{
	lan_time at = LAN_NEVER;
	for (uint32_t i = 0; i < m->n_nets; i++)
		at = m->nets[i].hello < at ? m->nets[i].hello : at;
	return at;
}
