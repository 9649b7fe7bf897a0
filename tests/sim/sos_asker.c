/*
 * sos_asker.c - see sos_world.h: the applications of the masters. Each request has a tag, and one outcome;
 * what may be cached goes through the cache as the library's own master does it: found fresh it is answered
 * at once, stale it is asked for with its ETag, and what comes is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sos_world.h"

#define ULL(x) ((unsigned long long)(x))

static struct sw_req *req_new(struct sw_master *m, int slave, enum sw_resource res, uint8_t code)
{
	struct sworld *w = m->w;

	if (w->n_req == w->cap_req) {
		w->cap_req = w->cap_req ? 2 * w->cap_req : 256;
		w->req = realloc(w->req, w->cap_req * sizeof *w->req);
		if (!w->req)
			abort();
	}
	w->req[w->n_req] = (struct sw_req){.slave = slave,
		.res = res,
		.code = code,
		.boot = m->boot,
		.master = m->index,
		.at = sim_now(w->sim),
		.least = m->least_c[slave]};
	return &w->req[w->n_req++];
}

static uint64_t tag_of(const struct sworld *w, const struct sw_req *r)
{
	return (uint64_t)(r - w->req) + 1;
}

/* The options of a request, without an ETag: also its key in the cache. */
static size_t options_of(const struct sworld *w, const struct sw_req *r, uint8_t *buf, size_t cap)
{
	struct coap_wr o = coap_begin_options(buf, cap);
	char query[24];

	coap_put_text(&o, COAP_URI_PATH, sw_names[r->res]);
	if (r->res == SW_U) {
		snprintf(query, sizeof query, "q=%llu", ULL(tag_of(w, r)));
		coap_put_text(&o, COAP_URI_QUERY, query);
	}
	return coap_end(&o);
}

static size_t with_etag(uint8_t *buf, size_t cap, const struct sos_cache_answer *stale)
{
	struct coap_wr o = coap_begin_options(buf, cap);

	coap_put(&o, COAP_ETAG, stale->etag, stale->etag_len);
	coap_put_text(&o, COAP_URI_PATH, sw_names[SW_C]);
	return coap_end(&o);
}

static void over(struct sw_master *m, struct sw_req *r)
{
	r->done = sim_now(m->w->sim);
	m->open--;
}

/* May a request be refused so? */
static void refused(struct sw_master *m, struct sw_req *r, enum lan_err e)
{
	struct sworld *w = m->w;
	bool fine = (e == LAN_ERR_CLOSED && !r->watch && m->state[r->slave] != SOS_ASSOCIATED) ||
		    e == LAN_ERR_FULL || (e == LAN_ERR_NOMEM && w->memory_fails);

	if (!fine)
		sim_fail(w->sim, "%s: a request to %s is refused with %s", m->name, w->slave[r->slave].name,
			lan_err_name(e));
	w->failed++;
	over(m, r);
}

void sask(struct sw_master *m, int slave, enum sw_resource res, uint8_t code)
{
	struct sworld *w = m->w;
	uint8_t opts[64], asked[64];
	char payload[24];
	struct sos_cache_answer hit;
	struct sw_req *r;
	struct sos_cache_key key = {.slave = w->slave[slave].id, .code = code, .options = opts};
	enum sos_cache_found found = SOS_CACHE_MISS;
	enum lan_err e;

	if (!m->core || ep_paused(w->net, m->node) || (res == SW_B && !sworld_is_ours(&w->slave[slave])))
		return;
	r = req_new(m, slave, res, code);
	m->open++;
	w->asked++;
	struct coap_request q = {.code = code, .options = opts, .tag = tag_of(w, r), .payload = payload};

	q.options_len = key.options_len = options_of(w, r, opts, sizeof opts);
	if (code != COAP_GET)
		q.len = (size_t)snprintf(payload, sizeof payload, "%llu", ULL(q.tag));
	else if (res == SW_C)
		found = sos_cache_find(m->cache, sim_now(w->sim), &key, &hit);
	if (found == SOS_CACHE_FRESH) {
		w->cached++;
		over(m, r);
		sledger_answer(m, r, hit.code, hit.payload, hit.len, true, sim_now(w->sim));
		return;
	}
	if (found == SOS_CACHE_STALE && hit.etag) {
		q.options_len = with_etag(asked, sizeof asked, &hit);
		q.options = asked;
	}
	e = sos_master_request(m->core, sim_now(w->sim), w->slave[slave].id, &q, &r->id);
	if (w->verbose)
		sim_note(w->sim, "%s asks %s %s %u, tag %llu: %s", m->name, w->slave[slave].name,
			sw_names[res], code, ULL(q.tag), lan_err_name(e));
	if (e != LAN_OK)
		refused(m, r, e);
	sworld_poke_master(m);
}

void sask_watch(struct sw_master *m, int slave)
{
	struct sworld *w = m->w;
	struct sw_watch *o = &m->watch[slave];
	uint8_t opts[64];
	struct sw_req *r;
	enum lan_err e;

	if (!m->core || o->on || ep_paused(w->net, m->node) || w->slave[slave].kind == SW_MODEL_SOS)
		return;
	r = req_new(m, slave, SW_V, COAP_GET);
	r->watch = true;
	*o = (struct sw_watch){.on = true, .tag = tag_of(w, r)};
	struct coap_request q = {.code = COAP_GET, .observe = true, .options = opts, .tag = o->tag};

	q.options_len = options_of(w, r, opts, sizeof opts);
	e = sos_master_request(m->core, sim_now(w->sim), w->slave[slave].id, &q, &r->id);
	if (w->verbose)
		sim_note(w->sim, "%s observes %s, tag %llu: %s", m->name, w->slave[slave].name, ULL(o->tag),
			lan_err_name(e));
	if (e != LAN_OK) {
		o->on = false;
		m->open++;
		refused(m, r, e);
	}
	sworld_poke_master(m);
}

void sask_unwatch(struct sw_master *m, int slave)
{
	struct sw_watch *o = &m->watch[slave];

	if (!m->core || !o->on || ep_paused(m->w->net, m->node))
		return;
	sos_master_cancel(m->core, sim_now(m->w->sim), m->w->req[o->tag - 1].id);
	m->w->req[o->tag - 1].done = sim_now(m->w->sim);
	o->on = false;
	sworld_poke_master(m);
}

void sask_void(struct sw_master *m)
{
	memset(m->watch, 0, sizeof m->watch);
	memset(m->least_c, 0, sizeof m->least_c);
	memset(m->state, 0, sizeof m->state);
	m->open = 0;
}

/* --- events ---------------------------------------------------------------------------- */

static struct sw_req *req_of(struct sw_master *m, const struct sos_master_event *ev)
{
	struct sworld *w = m->w;
	struct sw_req *r = ev->tag && ev->tag <= w->n_req ? &w->req[ev->tag - 1] : NULL;

	if (!r || r->master != m->index || r->boot != m->boot || w->slave[r->slave].id != ev->slave)
		sim_fail(w->sim, "%s: an event for tag %llu, slave %u, which nobody asked", m->name,
			ULL(ev->tag), ev->slave);
	else if (r->done)
		sim_fail(w->sim, "%s: request %llu has two outcomes", m->name, ULL(ev->tag));
	else
		return r;
	return NULL;
}

/* What the cache says about a response; it may be the answer itself (2.03). */
static void take_cacheable(struct sw_master *m, struct sw_req *r, const struct coap_event *c, lan_time now)
{
	struct sworld *w = m->w;
	uint8_t opts[64];
	struct sos_cache_key key = {.slave = w->slave[r->slave].id, .code = r->code, .options = opts};
	struct sos_cache_answer a;

	key.options_len = options_of(w, r, opts, sizeof opts);
	if (sos_cache_store(m->cache, now, &key, &c->msg, &a)) {
		w->validated++;
		sledger_answer(m, r, a.code, a.payload, a.len, false, now);
	} else {
		sledger_answer(m, r, c->code, c->msg.payload, c->msg.len, false, now);
	}
}

static void take_response(struct sw_master *m, const struct sos_master_event *ev, lan_time now)
{
	struct sw_req *r = req_of(m, ev);
	const struct coap_event *c = &ev->coap;

	if (!r)
		return;
	if (r->watch) {
		if (!c->observing) {
			m->watch[r->slave].on = false;
			r->done = now;
		}
		sledger_notify(m, r, c->code, c->msg.payload, c->msg.len);
		return;
	}
	if (c->kind != COAP_EV_RESPONSE || c->observing) {
		sim_fail(
			m->w->sim, "%s: request %llu is answered with a notification", m->name, ULL(ev->tag));
		return;
	}
	over(m, r);
	if (r->res == SW_C)
		take_cacheable(m, r, c, now);
	else
		sledger_answer(m, r, c->code, c->msg.payload, c->msg.len, false, now);
}

static void take_failed(struct sw_master *m, const struct sos_master_event *ev)
{
	struct sw_req *r = req_of(m, ev);

	if (!r)
		return;
	if (m->w->verbose)
		sim_note(m->w->sim, "%s: request %llu failed: %s", m->name, ULL(ev->tag),
			lan_err_name(ev->coap.err));
	/* more long answers at once than there is room for may be refused; one may change under way */
	if ((m->w->calm &&
		    !(r->res == SW_B && (ev->coap.err == LAN_ERR_FULL || ev->coap.err == LAN_ERR_PROTO))) ||
		r->watch)
		sim_fail(m->w->sim, "%s: %s %llu of %s failed with %s (%s)", m->name,
			r->watch ? "observation" : "request", ULL(ev->tag), m->w->slave[r->slave].name,
			lan_err_name(ev->coap.err), ev->coap.text ? ev->coap.text : "");
	m->w->failed++;
	over(m, r);
}

/* As the library's master: whoever comes back may be another, and what it said is not to be given again. */
static void take_state(struct sw_master *m, const struct sos_master_event *ev)
{
	struct sw_slave *s = sworld_by_id(m->w, ev->slave);
	struct sos_member_status st;

	if (!s) {
		sim_fail(m->w->sim, "%s: slave %u has a state, and is not listed", m->name, ev->slave);
		return;
	}
	if (m->w->verbose)
		sim_note(m->w->sim, "%s: %s is %d, was %d (%s)", m->name, s->name, (int)ev->state,
			(int)ev->was, ev->reason ? ev->reason : "");
	m->state[s->index] = ev->state;
	if (s->kind == SW_KEYED && !sos_master_find(m->core, s->id, &st) && strstr(st.resources, "forged"))
		sim_fail(
			m->w->sim, "%s believes what somebody says of %s, which has a key", m->name, s->name);
	m->w->associated += ev->state == SOS_ASSOCIATED;
	if (ev->state != SOS_ASSOCIATED || ev->was != SOS_ASSOCIATED || strcmp(ev->reason, "renewed") != 0)
		sos_cache_forget(m->cache, s->id);
}

void sask_pull(void *master, lan_time now)
{
	struct sw_master *m = master;
	struct sos_master_event ev;
	unsigned left = 100000;

	while (m->core && !sim_failure(m->w->sim) && sos_master_event(m->core, now, &ev)) {
		if (!--left)
			sim_fail(m->w->sim, "%s has events without an end", m->name);
		if (ev.kind == SOS_MASTER_EV_STATE)
			take_state(m, &ev);
		else if (ev.kind == SOS_MASTER_EV_RESPONSE)
			take_response(m, &ev, now);
		else if (ev.kind == SOS_MASTER_EV_FAILED)
			take_failed(m, &ev);
	}
}
