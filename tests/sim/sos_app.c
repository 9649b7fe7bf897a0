/*
 * sos_app.c - see sos_world.h: the applications of the slaves. Both kinds of slave give the same values.
 *
 *      v   GET   the version; changes when the world says so, and at every boot
 *      u   GET   the serial in the query "q=SERIAL"; ours may answer late
 *      c   GET   the version, fresh for a while, with an ETag; PUT makes a new one
 *      p   POST  the serial in the payload: counted as run
 *      b   GET   2,000 octets of which each depends on the version (ours only)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sos_world.h"

#define BIG 2000

const char *const sw_names[SW_RESOURCES] = {"v", "u", "c", "p", "b"};

/* --- values ------------------------------------------------------------------------ */

static void next_version(struct sw_value *v, lan_time now)
{
	if (v->version + 2 > v->cap) {
		v->cap = v->cap ? 2 * v->cap : 16;
		v->until = realloc(v->until, v->cap * sizeof *v->until);
		if (!v->until)
			abort();
	}
	v->until[v->version] = now;
	v->until[++v->version] = LAN_NEVER;
}

bool sapp_was_current(const struct sw_value *v, uint32_t version, lan_time since)
{
	return version && version <= v->version && v->until[version] >= since;
}

static struct sw_value *value_of(struct sw_slave *s, enum sw_resource res)
{
	return res == SW_V ? &s->v : res == SW_C ? &s->c : res == SW_B ? &s->b : NULL;
}

static size_t text_of(const struct sw_slave *s, enum sw_resource res, uint64_t number, char *to, size_t cap)
{
	return (size_t)snprintf(
		to, cap, "%u.%u.%s.%llu", s->id, s->boot, sw_names[res], (unsigned long long)number);
}

void sapp_boot(struct sw_slave *s)
{
	s->boot++;
	for (enum sw_resource r = 0; r < SW_RESOURCES; r++)
		if (value_of(s, r))
			next_version(value_of(s, r), sim_now(s->w->sim));
}

void sapp_change(struct sw_slave *s, enum sw_resource res)
{
	if (ep_paused(s->w->net, s->node))
		return;
	next_version(value_of(s, res), sim_now(s->w->sim));
	if (s->core)
		sos_slave_changed(s->core, sim_now(s->w->sim), res);
	else if (s->model)
		casan_changed(s->model, sim_now(s->w->sim), res);
	sworld_poke_slave(s);
}

/* What a request carries: behind "q=" in its query, or its payload. 0: nothing. */
static uint64_t serial_of(const uint8_t *p, size_t n, const char *prefix)
{
	char text[24];
	size_t k = strlen(prefix);

	if (n < k + 1 || n - k >= sizeof text || memcmp(p, prefix, k) != 0)
		return 0;
	memcpy(text, p + k, n - k);
	text[n - k] = 0;
	return strtoull(text, NULL, 10);
}

/* The answer of both kinds; code and text. */
static uint8_t answer(struct sw_slave *s, enum sw_resource res, uint8_t code, uint64_t query,
	uint64_t payload, char *text, size_t cap, size_t *len)
{
	*len = 0;
	if (res == SW_P && code == COAP_POST) {
		sledger_ran(s, payload, res);
		*len = text_of(s, res, payload, text, cap);
		return COAP_CHANGED;
	}
	if (res == SW_C && code == COAP_PUT) {
		sledger_ran(s, payload, res);
		sapp_change(s, SW_C);
		*len = text_of(s, res, s->c.version, text, cap);
		return COAP_CHANGED;
	}
	if (res == SW_P || code != COAP_GET)
		return COAP_METHOD_NOT_ALLOWED;
	*len = text_of(s, res, res == SW_U ? query : value_of(s, res)->version, text, cap);
	return COAP_CONTENT;
}

/* --- the original ------------------------------------------------------------------- */

uint8_t sapp_model_handle(void *slave, const struct casan_request *q, struct casan_reply *r)
{
	struct sw_slave *s = slave;
	uint8_t code =
		answer(s, (enum sw_resource)q->resource, q->code, serial_of(q->query, q->query_len, "q="),
			serial_of(q->payload, q->len, ""), (char *)r->value, sizeof r->value, &r->len);

	if (code == COAP_METHOD_NOT_ALLOWED) {
		r->len = 0;
		return COAP_BAD_REQUEST;
	}
	r->max_age = q->resource == SW_C ? s->max_age : q->resource == SW_U ? 0 : UINT32_MAX;
	return code;
}

/* --- ours --------------------------------------------------------------------------- */

static void must(struct sw_slave *s, enum lan_err e)
{
	if (e != LAN_OK && e != LAN_ERR_NOTFOUND && !(e == LAN_ERR_NOMEM && s->w->memory_fails))
		sim_fail(s->w->sim, "%s: sos_slave_respond says %s", s->name, lan_err_name(e));
}

static void answer_late(void *slave, uint64_t arg)
{
	struct sw_slave *s = slave;
	struct sw_late *l = &s->late[arg];
	char text[64];
	struct coap_response r = {.code = COAP_CONTENT, .payload = text};

	if (ep_paused(s->w->net, s->node)) {
		sim_at(s->w->sim, sim_now(s->w->sim) + LAN_MS(500), answer_late, s, arg);
		return;
	}
	if (s->core && s->boot == l->boot) {
		r.len = text_of(s, SW_U, l->serial, text, sizeof text);
		must(s, sos_slave_respond(s->core, sim_now(s->w->sim), l->id, &r));
		sworld_poke_slave(s);
	}
	l->used = false;
}

/* False: it has left enough for later already. */
static bool leave_for_later(struct sw_slave *s, const struct coap_event *q, uint64_t serial)
{
	for (size_t i = 0; i < SW_LATE; i++)
		if (!s->late[i].used) {
			s->late[i] = (struct sw_late){
				.used = true, .boot = s->boot, .id = q->id, .serial = serial};
			sim_at(s->w->sim, sim_now(s->w->sim) + rng_below(&s->w->rng, LAN_SEC(2)), answer_late,
				s, i);
			return true;
		}
	return false;
}

static void big(const struct sw_slave *s, char *to)
{
	size_t n = text_of(s, SW_B, s->b.version, to, BIG);

	memset(to + n, 'a' + (int)(s->b.version % 26), BIG - n);
}

static bool same_etag(const struct coap_msg *m, const uint8_t etag[4])
{
	const uint8_t *v;
	size_t n;

	for (size_t i = 0; coap_find(m, COAP_ETAG, i, &v, &n); i++)
		if (n == 4 && !memcmp(v, etag, 4))
			return true;
	return false;
}

static void respond(struct sw_slave *s, const struct sos_slave_event *ev)
{
	enum sw_resource res = (enum sw_resource)ev->resource;
	const struct coap_event *q = &ev->req;
	char text[BIG + 64];
	uint8_t opts[24], etag[4] = {0};
	const uint8_t *query = NULL;
	size_t query_len = 0;
	struct coap_wr w = coap_begin_options(opts, sizeof opts);
	struct coap_response r = {.payload = text,
		.observe = (q->observing || q->notifying) && res == SW_V,
		.resource = 1 + res};
	uint64_t serial;

	(void)coap_find(&q->msg, COAP_URI_QUERY, 0, &query, &query_len);
	serial = serial_of(query, query_len, "q=");
	if (res == SW_U && s->lazy && q->code == COAP_GET && leave_for_later(s, q, serial))
		return;
	r.code = answer(s, res, q->code, serial, serial_of(q->msg.payload, q->msg.len, ""), text, sizeof text,
		&r.len);
	if (res == SW_B && r.code == COAP_CONTENT)
		big(s, text), r.len = BIG;
	if (value_of(s, res) && r.code == COAP_CONTENT) {
		memcpy(etag, &value_of(s, res)->version, 4);
		if (same_etag(&q->msg, etag))
			r.code = COAP_VALID, r.len = 0;
		coap_put(&w, COAP_ETAG, etag, 4);
	}
	if (res == SW_C || res == SW_U)
		coap_put_uint(&w, COAP_MAX_AGE, res == SW_C ? s->max_age : 0);
	r.options = opts;
	r.options_len = coap_end(&w);
	must(s, sos_slave_respond(s->core, sim_now(s->w->sim), q->id, &r));
}

void sapp_pull(void *slave, lan_time now)
{
	struct sw_slave *s = slave;
	struct sos_slave_event ev;
	unsigned left = 100000;

	while (s->core && !sim_failure(s->w->sim) && sos_slave_event(s->core, now, &ev)) {
		if (!--left)
			sim_fail(s->w->sim, "%s has events without an end", s->name);
		if (ev.kind == SOS_SLAVE_EV_STATE && s->w->verbose)
			sim_note(s->w->sim, "%s is %s (%s)", s->name, sos_slave_state_name(ev.state),
				ev.text ? ev.text : "");
		else if (ev.kind == SOS_SLAVE_EV_REQUEST && ev.resource < SW_RESOURCES)
			respond(s, &ev);
		else if (ev.kind == SOS_SLAVE_EV_REQUEST)
			sim_fail(s->w->sim, "%s: a request for no resource of its own", s->name);
	}
}
