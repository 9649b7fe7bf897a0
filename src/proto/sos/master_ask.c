/*
 * master_ask.c - requests of the owner to slaves. The engine has one on its way at each endpoint and lets the
 * others wait; here they are counted against the slave's bound, tied to the slave whatever happens to it, and
 * observations are made again whenever it associates anew (another boot has forgotten them).
 */
#include "proto/sos/master_int.h"

#include <stdlib.h>
#include "base/map.h"

static uint32_t id_of(const struct ask *a)
{
	return a->generation << 16 | a->index;
}

static struct ask *find(struct sos_master *m, uint64_t id)
{
	struct ask *a = (id & 0xffff) < m->n_asks ? &m->asks[id & 0xffff] : NULL;
	return a && (a->m || a->failed) && id_of(a) == id ? a : NULL;
}

void sos_asks_init(struct sos_master *m)
{
	for (uint32_t i = m->n_asks; i-- > 0;) {
		m->asks[i] = (struct ask){.index = i, .generation = 1, .next = m->free_asks};
		m->free_asks = &m->asks[i];
	}
}

static struct ask *take(struct sos_master *m, struct member *s)
{
	struct ask *a = m->free_asks;
	if (!a)
		return NULL;
	m->free_asks = a->next;
	*a = (struct ask){.index = a->index, .generation = a->generation, .m = s, .next = s->asks};
	if (s->asks)
		s->asks->prev = a;
	s->asks = a;
	return a;
}

static void settle(struct ask *a)
{
	if (a->pending)
		a->m->waiting--;
	a->pending = false;
}

/* Not its member's any more. */
static void untie(struct sos_master *m, struct ask *a)
{
	settle(a);
	if (a->observe)
		a->m->observed--;
	if (a->prev)
		a->prev->next = a->next;
	else
		a->m->asks = a->next;
	if (a->next)
		a->next->prev = a->prev;
	lan_timers_unset(&m->timers, &a->timer);
	free(a->options);
	a->options = NULL;
	a->m = NULL, a->prev = a->next = NULL;
}

static void release(struct sos_master *m, struct ask *a)
{
	if (a->m)
		untie(m, a);
	a->failed = false;
	a->generation = (a->generation + 1) & 0xffff;
	a->generation = a->generation ? a->generation : 1;
	a->next = m->free_asks;
	m->free_asks = a;
}

/* Of the path alone: whom a request to the original slave disturbs. */
static uint32_t path_of(const struct sos_master *m, const uint8_t *options, size_t len)
{
	struct coap_options o = {.p = options, .end = options + len};
	uint64_t h = 0;
	while (len && coap_options_next(&o))
		if (o.number == COAP_URI_PATH)
			h = h * 31 + lan_siphash(m->seed, o.value, o.len);
	return (uint32_t)(h >> 32);
}

static enum lan_err post(struct sos_master *m, lan_time now, struct ask *a, const struct coap_request *r)
{
	struct coap_request q = *r;
	q.to = a->m->ep;
	q.tag = id_of(a);
	q.no_blocks |= !a->m->modern;
	q.datagram = sos_datagram(m, a->m);
	q.give_up = a->give_up;
	enum lan_err e = coap_request(m->coap, now, &q, &a->coap);
	if (e) {
		a->coap = 0;
		return e;
	}
	a->m->requests++;
	if (!a->pending)
		a->m->waiting++;
	a->pending = true;
	return LAN_OK;
}

static void again_at(struct sos_master *m, lan_time now, struct ask *a)
{
	settle(a);
	a->coap = 0;
	lan_timers_set(&m->timers, &a->timer, a->m->ep.len ? now + OBSERVE_AGAIN : LAN_NEVER);
}

/* Each time under another token, of the engine's: what is still on its way of the last registration is not
 * news.
 */
static void observe(struct sos_master *m, lan_time now, struct ask *a)
{
	struct coap_request r = {
		.code = a->code, .observe = true, .options = a->options, .options_len = a->options_len};
	lan_timers_unset(&m->timers, &a->timer);
	if (a->coap) /* the registration that this one replaces */
		coap_cancel(m->coap, now, a->coap, false);
	a->coap = 0;
	if (post(m, now, a, &r))
		again_at(m, now, a);
}

static enum lan_err keep(struct ask *a, const struct coap_request *r)
{
	a->options = malloc(r->options_len + 1);
	if (!a->options)
		return LAN_ERR_NOMEM;
	if (r->options_len)
		memcpy(a->options, r->options, r->options_len);
	a->options_len = (uint32_t)r->options_len;
	return LAN_OK;
}

static enum lan_err may_ask(struct sos_master *m, const struct member *s, const struct coap_request *r)
{
	if (!s)
		return LAN_ERR_NOTFOUND;
	if (!s->ep.len)
		return r->observe ? LAN_OK : LAN_ERR_CLOSED;
	if (!s->modern && r->code > COAP_DELETE) /* the original slave dies of it (section 14, S6) */
		return LAN_ERR_NOTSUP;
	if (s->waiting > m->cfg.queue) {
		count(m, SOS_MASTER_C_refused_full);
		return LAN_ERR_FULL;
	}
	return LAN_OK;
}

enum lan_err sos_master_request(
	struct sos_master *m, lan_time now, uint32_t slave, const struct coap_request *r, uint32_t *id)
{
	struct member *s = sos_member(m, slave);
	enum lan_err e = may_ask(m, s, r);
	if (e)
		return e;
	struct ask *a = take(m, s);
	if (!a) {
		count(m, SOS_MASTER_C_refused_full);
		return LAN_ERR_FULL;
	}
	a->path = path_of(m, r->options, r->options_len);
	a->tag = r->tag, a->code = r->code, a->give_up = r->give_up ? r->give_up : m->cfg.give_up;
	if (r->observe) {
		a->observe = true;
		s->observed++;
		e = keep(a, r);
		if (!e && s->ep.len)
			observe(m, now, a);
	} else {
		e = post(m, now, a, r);
	}
	if (e) {
		release(m, a);
		return e;
	}
	*id = id_of(a);
	return LAN_OK;
}

/* An observation is over. The original slave registers anew whatever the value of Observe, and forgets at a
 * request without it (section 9); all others are told as RFC 7641 has it. */
static void end_observation(struct sos_master *m, lan_time now, struct ask *a)
{
	coap_cancel(m->coap, now, a->coap, a->m->modern);
	if (a->m->modern)
		return;
	struct coap_request r = {.to = a->m->ep,
		.code = COAP_GET,
		.options = a->options,
		.options_len = a->options_len,
		.no_blocks = true,
		.tag = TAG_END};
	uint32_t id;
	if (coap_request(m->coap, now, &r, &id)) /* it goes on notifying, and nobody listens */
		count(m, SOS_MASTER_C_refused_full);
}

void sos_master_cancel(struct sos_master *m, lan_time now, uint32_t id)
{
	struct ask *a = find(m, id);
	if (!a)
		return;
	if (a->failed) { /* told by no event any more */
		struct ask **at = &m->failed;
		m->failed_last = NULL;
		while (*at != a)
			m->failed_last = *at, at = &(*at)->next;
		*at = a->next;
		while (m->failed_last && m->failed_last->next)
			m->failed_last = m->failed_last->next;
	} else if (a->coap && a->observe) {
		end_observation(m, now, a);
	} else if (a->coap) {
		coap_cancel(m->coap, now, a->coap, false);
	}
	release(m, a);
}

void sos_asks_again(struct sos_master *m, lan_time now, struct member *s)
{
	for (struct ask *a = s->asks; a; a = a->next)
		if (a->observe)
			observe(m, now, a);
}

/* The original slave ended its observation of this resource when it was asked something else (section 9). */
static void disturbed(struct sos_master *m, lan_time now, struct member *s, uint32_t path)
{
	if (s->modern || !s->observed)
		return;
	for (struct ask *a = s->asks; a; a = a->next) {
		/* Later: the engine must not be called while the owner looks at the answer. */
		if (a->observe && a->coap && a->path == path)
			lan_timers_set(&m->timers, &a->timer, now);
	}
}

void sos_ask_due(struct sos_master *m, lan_time now, struct ask *a)
{
	if (a->m && a->m->ep.len)
		observe(m, now, a);
}

void sos_asks_fail(struct sos_master *m, lan_time now, struct member *s, const char *why, bool all)
{
	for (struct ask *a = s->asks, *next; a; a = next) {
		next = a->next;
		if (a->coap)
			coap_cancel(m->coap, now, a->coap, false);
		a->coap = 0;
		lan_timers_unset(&m->timers, &a->timer);
		settle(a);
		if (a->observe && !all)
			continue;
		s->failures++;
		untie(m, a);
		a->failed = true, a->text = why, a->err = LAN_ERR_NOTFOUND;
		a->code = 0;
		a->give_up = s->id; /* all that is left to tell of the slave */
		if (m->failed)
			m->failed_last->next = a;
		else
			m->failed = a;
		m->failed_last = a;
	}
}

bool sos_failed(struct sos_master *m, lan_time now, struct sos_master_event *out)
{
	struct ask *a = m->failed;
	if (!a)
		return false;
	m->failed = a->next;
	*out = (struct sos_master_event){.kind = SOS_MASTER_EV_FAILED,
		.slave = (uint32_t)a->give_up,
		.id = id_of(a),
		.tag = a->tag,
		.reason = a->text,
		.at = now};
	out->coap = (struct coap_event){.kind = COAP_EV_FAILED, .err = a->err, .text = a->text, .at = now};
	release(m, a);
	return true;
}

/* ---- what the engine says ----------------------------------------------------------- */

static void fill(struct sos_master_event *out, const struct ask *a, const struct coap_event *ev)
{
	*out = (struct sos_master_event){
		.kind = ev->kind == COAP_EV_FAILED ? SOS_MASTER_EV_FAILED : SOS_MASTER_EV_RESPONSE,
		.slave = a->m->id,
		.id = id_of(a),
		.tag = a->tag,
		.ep = ev->from,
		.epoch = a->m->epoch,
		.state = a->m->state,
		.reason = ev->text,
		.coap = *ev,
		.at = ev->at};
}

/* Of an observation: is it over for good with this answer? An error of the server's own may pass. */
static bool over(const struct coap_event *ev)
{
	return !ev->observing && COAP_CLASS(ev->code) != 5;
}

static bool on_observed(struct sos_master *m, lan_time now, struct ask *a, const struct coap_event *ev,
	struct sos_master_event *out)
{
	if (ev->kind == COAP_EV_FAILED) { /* not told: it goes on when the slave can be reached */
		a->m->failures++;
		again_at(m, now, a);
		return false;
	}
	fill(out, a, ev);
	out->coap.kind = a->answered ? COAP_EV_NOTIFY : COAP_EV_RESPONSE;
	a->answered = true;
	settle(a);
	if (over(ev)) {
		release(m, a);
		return true;
	}
	out->coap.observing = true;
	if (!ev->observing)
		again_at(m, now, a);
	return true;
}

bool sos_on_answer(
	struct sos_master *m, lan_time now, const struct coap_event *ev, struct sos_master_event *out)
{
	struct ask *a = find(m, ev->tag);
	if (!a || !a->m || a->coap != ev->id)
		return false;
	if (ev->kind == COAP_EV_RESPONSE && ev->at > ev->sent)
		a->m->rtt = ev->at - ev->sent;
	if (a->observe)
		return on_observed(m, now, a, ev, out);
	fill(out, a, ev);
	if (ev->kind == COAP_EV_FAILED)
		a->m->failures++;
	disturbed(m, now, a->m, a->path);
	release(m, a);
	return true;
}
