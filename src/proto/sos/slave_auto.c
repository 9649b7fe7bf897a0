/*
 * slave_auto.c - the automaton of a slave (sos.md section 2.1): who the master is, when Discover is sent, how
 * long an association lasts. Its times are those of the original to the millisecond.
 *
 * Two things are not as in the original unless `compat`. A Hello that only tells the hello id of the master
 * we have just associated with leaves the negotiated mtu alone (S5). And a Hello of another master right
 * after an association makes it look for that master, instead of answering to it without being known there.
 *
 * With a key (docs/protocols/sos.md, section 17) nobody is believed who has not proved it: a Hello, which
 * cannot, is only a reason to send Discover; an association ends by its ttl alone.
 */
#include "proto/sos/slave_int.h"

#define WAIT_STEP  LAN_SEC(1)
#define WAIT_MOST  LAN_SEC(10)
#define WAIT_KNOWN LAN_SEC(30)
#define RENEW_MIN  LAN_MS(500)
#define POKE_PAUSE LAN_SEC(5)

/* ---- states ---------------------------------------------------------------------------------------------
 */

static void enter(struct sos_slave *s, lan_time now, enum sos_slave_state state, const char *why)
{
	bool was = slave_associated(s);
	s->state = state;
	s->why = why;
	s->news = true;
	if (!was || !slave_associated(s))
		s->since = now;
}

static void wait_init(struct sos_slave *s, lan_time now)
{
	s->step = WAIT_STEP;
	s->next = now + s->step;
	s->limit = now + WAIT_KNOWN;
}

/* Whole milliseconds, as the original counts. */
static lan_time half(lan_time t)
{
	return t / 2 / LAN_MS(1) * LAN_MS(1);
}

static void renew_init(struct sos_slave *s, lan_time now)
{
	s->step = half(LAN_SEC(s->ttl));
	s->next = now + s->step;
	s->limit = now + LAN_SEC(s->ttl);
}

/* The next of a series of moments; those that were missed are passed over. */
static void step_on(struct sos_slave *s, lan_time now, lan_time step)
{
	s->step = step;
	s->next += step;
	if (s->next <= now)
		s->next = now + step;
}

/* The master knows nothing of what was between us, or is no master of ours any more. */
static void forget_peer(struct sos_slave *s, lan_time now)
{
	if (!s->have_master)
		return;
	coap_unobserve_peer(s->coap, now, &s->master);
	coap_forget(s->coap, now, &s->master);
	s->n_open = 0;
}

static void forget_master(struct sos_slave *s, lan_time now)
{
	forget_peer(s, now);
	s->session = s->old_session = s->use_old = false;
	s->have_master = s->epoch_known = false;
	s->hello = -1;
	s->n_answers = 0;
	slave_set_mtu(s, s->cfg.mtu);
}

static void adopt(
	struct sos_slave *s, lan_time now, const struct lan_ep *from, enum sos_epoch epoch, int64_t hello)
{
	if (s->have_master && !slave_same(from, &s->master)) {
		forget_peer(s, now);
		slave_count(s, SOS_SLAVE_C_masters);
	}
	s->master = *from;
	s->have_master = s->epoch_known = true;
	s->epoch = epoch;
	s->hello = hello;
}

void slave_begin(struct sos_slave *s, lan_time now, const char *why)
{
	if (!s->up)
		return;
	forget_master(s, now);
	wait_init(s, now);
	slave_discover(s, NULL);
	enter(s, now, SOS_WAITING_UNKNOWN, why);
}

void slave_end(struct sos_slave *s, lan_time now, const char *why)
{
	forget_master(s, now);
	s->discover = false;
	if (s->state != SOS_COLDSTART)
		enter(s, now, SOS_COLDSTART, why);
}

void slave_lost(struct sos_slave *s, lan_time now, const char *why)
{
	slave_begin(s, now, why);
}

/* ---- time -----------------------------------------------------------------------------------------------
 */

static void wait_tick(struct sos_slave *s, lan_time now)
{
	if (s->state == SOS_WAITING_KNOWN && now >= s->limit) {
		slave_begin(s, now, "the master did not associate");
	} else if (now >= s->next) {
		step_on(s, now, s->step < WAIT_MOST ? s->step + WAIT_STEP : WAIT_MOST);
		slave_discover(s, NULL);
	}
}

static void renew_tick(struct sos_slave *s, lan_time now)
{
	if (now >= s->limit) {
		slave_count(s, SOS_SLAVE_C_expired);
		slave_begin(s, now, "the association was not renewed");
		return;
	}
	if (now < s->next)
		return;
	lan_time step = half(s->step);
	step_on(s, now, step < RENEW_MIN ? RENEW_MIN : step);
	slave_discover(s, NULL);
	if (s->state == SOS_RUNNING)
		enter(s, now, SOS_RENEW, "half of the ttl is over");
}

void slave_timers(struct sos_slave *s, lan_time now)
{
	if (slave_associated(s))
		renew_tick(s, now);
	else if (s->state != SOS_COLDSTART)
		wait_tick(s, now);
}

/* ---- Hello ----------------------------------------------------------------------------------------------
 */

/* Somebody says that there is another master, or that ours began anew, and cannot prove it. */
static void poke(struct sos_slave *s, lan_time now, const struct lan_ep *from)
{
	if (s->poked != LAN_NEVER && now - s->poked < POKE_PAUSE)
		return;
	s->poked = now;
	slave_discover(s, from);
}

static void hello_associated(
	struct sos_slave *s, lan_time now, const struct lan_ep *from, const struct sos_control *c)
{
	bool same = slave_same(from, &s->master), fresh = s->hello < 0;
	if (same && s->hello == c->hello)
		return;
	if (same && fresh) {
		s->hello = c->hello;
		if (s->cfg.compat)
			slave_set_mtu(s, s->cfg.mtu); /* S5 */
		return;
	}
	if (s->seal) {
		poke(s, now, from);
		return;
	}
	adopt(s, now, from, c->epoch, c->hello);
	slave_set_mtu(s, s->cfg.mtu);
	if (fresh && s->cfg.compat)
		return;
	if (same)
		forget_peer(s, now);
	wait_init(s, now);
	enter(s, now, SOS_WAITING_KNOWN, same ? "the master began anew" : "another master");
}

static void hello(struct sos_slave *s, lan_time now, const struct lan_ep *from, const struct sos_control *c)
{
	slave_count(s, SOS_SLAVE_C_rx_hello);
	/* A master that speaks both epochs says Hello in each: the first that was heard is spoken. */
	if (s->epoch_known && c->epoch != s->epoch)
		return;
	if (slave_associated(s)) {
		hello_associated(s, now, from, c);
		return;
	}
	adopt(s, now, from, c->epoch, c->hello);
	if (s->state != SOS_WAITING_UNKNOWN)
		return;
	wait_init(s, now);
	enter(s, now, SOS_WAITING_KNOWN, "a master was heard");
}

/* ---- AssocRequest ---------------------------------------------------------------------------------------
 */

static void associate(struct sos_slave *s, lan_time now, const struct lan_ep *from, uint16_t mid,
	const struct sos_control *c)
{
	bool renewal = slave_associated(s) && slave_same(from, &s->master);
	/* A Hello proves nothing: what one has said is forgotten when a key has proved something. */
	int64_t known = renewal && !s->seal ? s->hello : -1;
	adopt(s, now, from, c->epoch, known);
	if (!renewal)
		forget_peer(s, now);
	s->ttl = c->ttl;
	slave_set_mtu(s, sos_mtu_slave(s->cfg.mtu, c->mtu));
	s->discover = false; /* one that has not left yet would only ask for the same again */
	slave_answer(s, from, mid);
	renew_init(s, now);
	enter(s, now, SOS_RUNNING, renewal ? "renewed" : "associated");
}

static void assoc_request(struct sos_slave *s, lan_time now, const struct lan_ep *from, uint16_t mid,
	const struct sos_control *c)
{
	bool again = false;
	slave_count(s, SOS_SLAVE_C_rx_assoc_request);
	if (s->seal && !slave_key_ok(s, from, c, &again)) {
		slave_count(s, SOS_SLAVE_C_drop_key);
	} else if (!s->seal && slave_associated(s) && !slave_same(from, &s->master)) {
		slave_count(s, SOS_SLAVE_C_drop_other_master);
	} else if (again) {
		slave_answer(s, from, mid);
	} else {
		associate(s, now, from, mid, c);
	}
}

void slave_control(struct sos_slave *s, lan_time now, const struct lan_ep *from, uint16_t mid,
	const struct sos_control *c)
{
	if (c->kind == SOS_HELLO)
		hello(s, now, from, c);
	else if (c->kind == SOS_ASSOC_REQUEST && c->ttl)
		assoc_request(s, now, from, mid, c);
	else if (c->kind == SOS_ASSOC_REQUEST)
		slave_count(s, SOS_SLAVE_C_drop_control);
	/* Discover: another slave's */
}
