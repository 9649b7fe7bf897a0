/*
 * sensor_master_request.c - requests: their options, the cache in front of the slaves, and identical requests
 * that are one for the slave (sos.md section 15, rule 6). Only GETs without a body are cached or shared.
 */
#include <stdlib.h>
#include <string.h>
#include "api/sensor_master_int.h"

#define EXTRA_MAX 32 /* options an application may add */

static uint32_t id_of(const struct call *c)
{
	return c->generation << 16 | c->index;
}

static struct call *find(struct lan_sensor_master *m, uint64_t id)
{
	struct call *c = (id & 0xffff) < m->used_calls ? &m->calls[id & 0xffff] : NULL;
	return c && c->used && id_of(c) == id ? c : NULL;
}

/* ---- options ------------------------------------------------------------------------ */

struct extra {
	uint32_t number;
	const uint8_t *value;
	size_t len;
};

/* The application's further options, in order of number; false: too many, or no options. */
static bool extras(const struct lan_sensor_master_request *r, struct extra *out, size_t *n)
{
	struct coap_options o = {.p = r->options, .end = r->options + r->options_len};
	*n = 0;
	if (!r->options_len)
		return true;
	while (coap_options_next(&o)) {
		if (*n == EXTRA_MAX)
			return false;
		out[(*n)++] = (struct extra){.number = o.number, .value = o.value, .len = o.len};
	}
	return o.p == o.end;
}

static void put_below(struct coap_wr *w, const struct extra *x, size_t n, size_t *at, uint32_t number)
{
	for (; *at < n && x[*at].number < number; ++*at)
		coap_put(w, x[*at].number, x[*at].value, x[*at].len);
}

static enum lan_err options_of(
	const struct lan_sensor_master_request *r, uint8_t *buf, size_t cap, uint16_t *len)
{
	struct extra x[EXTRA_MAX];
	size_t n, at = 0;
	if (!r->path || !extras(r, x, &n))
		return LAN_ERR_INVAL;
	struct coap_wr w = coap_begin_options(buf, cap);
	put_below(&w, x, n, &at, COAP_URI_PATH);
	enum lan_err e = coap_put_path(&w, COAP_URI_PATH, r->path, strlen(r->path));
	put_below(&w, x, n, &at, COAP_CONTENT_FORMAT);
	if (r->content_format >= 0)
		coap_put_uint(&w, COAP_CONTENT_FORMAT, (uint64_t)r->content_format);
	put_below(&w, x, n, &at, COAP_URI_QUERY);
	if (!e && r->query)
		e = coap_put_query(&w, COAP_URI_QUERY, r->query, strlen(r->query));
	put_below(&w, x, n, &at, COAP_ACCEPT);
	if (r->accept >= 0)
		coap_put_uint(&w, COAP_ACCEPT, (uint64_t)r->accept);
	put_below(&w, x, n, &at, UINT32_MAX);
	if (e)
		return e;
	*len = (uint16_t)coap_end(&w);
	return w.w.bad ? LAN_ERR_TOOBIG : LAN_OK;
}

/* The options with an ETag of ours among them: to ask whether a stored answer is still right. */
static size_t with_etag(const struct call *c, const struct sos_cache_answer *a, uint8_t *buf, size_t cap)
{
	struct coap_wr w = coap_begin_options(buf, cap);
	struct coap_options o = {.p = c->options, .end = c->options + c->options_len};
	bool put = false;
	while (coap_options_next(&o)) {
		if (!put && o.number > COAP_ETAG)
			coap_put(&w, COAP_ETAG, a->etag, a->etag_len), put = true;
		coap_put(&w, o.number, o.value, o.len);
	}
	if (!put)
		coap_put(&w, COAP_ETAG, a->etag, a->etag_len);
	return coap_end(&w);
}

static bool has_option(const struct call *c, uint32_t number)
{
	struct coap_options o = {.p = c->options, .end = c->options + c->options_len};
	while (coap_options_next(&o))
		if (o.number == number)
			return true;
	return false;
}

/* ---- calls -------------------------------------------------------------------------- */

static struct call **flight(struct lan_sensor_master *m, const struct call *c)
{
	return &m->flights[c->slave * 31 & (FLIGHTS - 1)];
}

static void land(struct lan_sensor_master *m, struct call *c)
{
	struct call **at = flight(m, c);
	if (!c->flying)
		return;
	while (*at != c)
		at = &(*at)->flight_next;
	*at = c->flight_next;
	c->flying = false;
}

static void release(struct lan_sensor_master *m, struct call *c)
{
	land(m, c);
	free(c->newest);
	c->newest = NULL;
	c->used = false;
	c->generation = c->generation == 0xffff ? 1 : c->generation + 1;
	c->next = m->free_calls;
	m->free_calls = c;
}

static struct sos_cache_key key_of(const struct call *c)
{
	return (struct sos_cache_key){
		.slave = c->slave, .code = c->code, .options = c->options, .options_len = c->options_len};
}

/* The call on its way whose answer is the one to `c`, too. */
static struct call *leader(struct lan_sensor_master *m, const struct call *c)
{
	struct sos_cache_key wanted = key_of(c);
	for (struct call *l = *flight(m, c); l; l = l->flight_next) {
		struct sos_cache_key flying = key_of(l);
		if (l->observe == c->observe && sos_cache_same(&flying, &wanted))
			return l;
	}
	return NULL;
}

static bool shareable(const struct lan_sensor_master_request *r)
{
	return r->code == COAP_GET && !r->len && !r->observe;
}

/* A slave may have room for one observer of a resource, and the master is one. */
static bool observes(const struct lan_sensor_master_request *r)
{
	return r->code == COAP_GET && !r->len && r->observe;
}

static enum lan_err take(struct lan_sensor_master *m, const struct lan_sensor_master_request *r,
	struct sensor_tap *t, struct call **out)
{
	bool fresh = !m->free_calls; /* memory that was never needed is not touched */
	if (fresh && m->used_calls == m->n_calls)
		return LAN_ERR_FULL;
	struct call *c = fresh ? &m->calls[m->used_calls] : m->free_calls;
	uint16_t n;
	enum lan_err e = options_of(r, c->options, sizeof c->options, &n);
	if (e)
		return e;
	if (fresh)
		c->index = m->used_calls++, c->generation = 1;
	else
		m->free_calls = c->next;
	c->used = true;
	c->abandoned = c->validating = c->flying = c->due = c->joined = false;
	c->core = 0, c->followers = c->next = c->leader = NULL;
	c->tap = t, c->slave = r->slave, c->code = r->code, c->tag = r->tag, c->observe = r->observe;
	c->options_len = n;
	*out = c;
	return LAN_OK;
}

static enum lan_err dispatch(struct lan_sensor_master *m, struct call *c,
	const struct lan_sensor_master_request *r, const struct sos_cache_answer *stale)
{
	uint8_t options[OPTIONS_MAX + 16];
	struct coap_request q = {.code = c->code,
		.observe = c->observe,
		.options = c->options,
		.options_len = c->options_len,
		.payload = r->payload,
		.len = r->len,
		.give_up = r->give_up,
		.tag = id_of(c)};
	if (stale && stale->etag_len && !has_option(c, COAP_ETAG)) {
		q.options = options;
		q.options_len = with_etag(c, stale, options, sizeof options);
		c->validating = q.options_len > 0;
		if (!c->validating)
			return LAN_ERR_TOOBIG;
	}
	enum lan_err e = sos_master_request(m->core, lan_loop_stamp(m->loop), c->slave, &q, &c->core);
	if (e)
		return e;
	if (shareable(r) || observes(r)) {
		struct call **at = flight(m, c);
		c->flight_next = *at, *at = c, c->flying = true;
	}
	lan_nets_kick(m->drv);
	return LAN_OK;
}

/* ---- answers of the cache ----------------------------------------------------------- */

static void fill_cached(struct lan_sensor_master *m, const struct call *c, const struct sos_cache_answer *a,
	struct lan_sensor_master_event *out)
{
	struct coap_msg msg = {.code = a->code,
		.options = a->options,
		.options_len = a->options_len,
		.payload = a->payload,
		.len = a->len};
	*out = (struct lan_sensor_master_event){.kind = LAN_MASTER_RESPONSE,
		.slave = c->slave,
		.id = id_of(c),
		.tag = c->tag,
		.cached = true,
		.age = a->age,
		.reason = "",
		.at = lan_loop_recent(m->loop)};
	master_fill(m, out, &msg);
	out->max_age = a->max_age;
}

/* ---- observations that are shared -------------------------------------------------------- */

struct kept_answer {
	struct coap_msg msg; /* views into data */
	lan_time at;
	uint8_t data[];
};

/* What the slave told last, for who joins; where there is no memory, he waits for the next. */
static void remember(struct call *c, const struct sos_master_event *ev)
{
	const struct coap_msg *m = &ev->coap.msg;
	free(c->newest);
	struct kept_answer *k = c->newest = malloc(sizeof *k + m->options_len + m->len);
	if (!k)
		return;
	k->at = ev->at;
	k->msg = (struct coap_msg){.code = m->code,
		.options = k->data,
		.options_len = m->options_len,
		.payload = k->data + m->options_len,
		.len = m->len};
	if (m->options_len)
		memcpy(k->data, m->options, m->options_len);
	if (m->len)
		memcpy(k->data + m->options_len, m->payload, m->len);
}

static void tell_newest(struct lan_sensor_master *m, const struct call *c)
{
	const struct kept_answer *k = c->leader->newest;
	lan_time now = lan_loop_stamp(m->loop);
	struct lan_sensor_master_event ev = {.kind = LAN_MASTER_RESPONSE,
		.slave = c->slave,
		.id = id_of(c),
		.tag = c->tag,
		.observing = true,
		.cached = true,
		.age = now > k->at ? (uint32_t)((now - k->at) / LAN_SEC(1)) : 0,
		.reason = "",
		.at = now};
	struct sos_member_status s;
	master_fill(m, &ev, &k->msg);
	if (!sos_master_find(m->core, c->slave, &s))
		master_place(m, &s.ep, &ev);
	master_deliver(m, c->tap, &ev);
}

/* Who joined since the last turn is told; in the call that joined he would not know yet what it is about. */
void master_tell_joined(void *ctx)
{
	struct lan_sensor_master *m = ctx;
	for (uint32_t i = 0; i < m->used_calls; i++) {
		struct call *c = &m->calls[i];
		if (!c->used || !c->joined)
			continue;
		c->joined = false;
		if (c->leader && c->leader->newest)
			tell_newest(m, c);
	}
}

static void join(struct lan_sensor_master *m, struct call *l, struct call *c)
{
	c->leader = l;
	c->next = l->followers, l->followers = c;
	c->joined = l->newest;
	if (c->joined)
		lan_task_queue(m->loop, &m->tell_joined);
}

/* The last one that leaves ends it at the slave. */
static void leave(struct lan_sensor_master *m, struct call *c)
{
	struct call *l = c->leader, **at = &l->followers;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	release(m, c);
	if (l->followers || !l->abandoned)
		return;
	sos_master_cancel(m->core, lan_loop_stamp(m->loop), l->core);
	release(m, l);
	lan_nets_kick(m->drv);
}

/* ---- asking ------------------------------------------------------------------------- */

enum lan_err sensor_master_ask(struct lan_sensor_master *m, const struct lan_sensor_master_request *r,
	struct sensor_tap *t, uint32_t *id)
{
	struct call *c, *l;
	struct sos_cache_answer a;
	enum sos_cache_found found = SOS_CACHE_MISS;
	struct sos_member_status s;
	enum lan_err e = sos_master_find(m->core, r->slave, &s);
	if (!e && s.state != SOS_ASSOCIATED && !r->observe && !s.ep.len)
		e = LAN_ERR_CLOSED;
	if (!e)
		e = take(m, r, t, &c);
	if (e)
		return e;
	*id = id_of(c);
	struct sos_cache_key k = key_of(c);
	if (m->cache && shareable(r) && !r->no_cache)
		found = sos_cache_find(m->cache, lan_loop_stamp(m->loop), &k, &a);
	if (found == SOS_CACHE_FRESH && s.state == SOS_ASSOCIATED) {
		struct lan_sensor_master_event ev;
		fill_cached(m, c, &a, &ev);
		release(m, c);
		master_deliver(m, t, &ev);
		return LAN_OK;
	}
	if (shareable(r) && !r->no_cache && (l = leader(m, c))) {
		c->next = l->followers, l->followers = c;
		return LAN_OK;
	}
	if (observes(r) && (l = leader(m, c))) {
		join(m, l, c);
		return LAN_OK;
	}
	e = dispatch(m, c, r, found == SOS_CACHE_STALE ? &a : NULL);
	if (e)
		release(m, c);
	return e;
}

enum lan_err lan_sensor_master_request(
	struct lan_sensor_master *m, const struct lan_sensor_master_request *r, uint32_t *id)
{
	if (r->size != sizeof *r || !r->code || r->code > 31)
		return LAN_ERR_INVAL;
	return sensor_master_ask(m, r, NULL, id);
}

void master_calls_free(struct lan_sensor_master *m)
{
	for (uint32_t i = 0; i < m->used_calls; i++)
		free(m->calls[i].newest);
	free(m->calls);
}

void lan_sensor_master_cancel(struct lan_sensor_master *m, uint32_t id)
{
	struct call *c = find(m, id);
	if (!c || c->abandoned)
		return;
	if (c->leader) {
		leave(m, c);
		return;
	}
	if (!c->core || c->followers) { /* others want the answer, or it goes with its leader's */
		c->abandoned = true;
		return;
	}
	sos_master_cancel(m->core, lan_loop_stamp(m->loop), c->core);
	release(m, c);
	lan_nets_kick(m->drv);
}

/* ---- the core's answers ------------------------------------------------------------- */

/* The views of an event die with the next call; several are to get it. */
static bool keep(struct lan_sensor_master *m, struct lan_sensor_master_event *ev)
{
	size_t n = ev->len + ev->options_len;
	if (n > m->kept_cap) {
		uint8_t *p = realloc(m->kept, n);
		if (!p)
			return false;
		m->kept = p, m->kept_cap = n;
	}
	if (ev->len)
		memcpy(m->kept, ev->payload, ev->len);
	if (ev->options_len)
		memcpy(m->kept + ev->len, ev->options, ev->options_len);
	if (ev->etag_len)
		ev->etag = m->kept + ev->len + (ev->etag - ev->options);
	ev->payload = ev->len ? m->kept : NULL;
	ev->options = m->kept + ev->len;
	return true;
}

/* A state of an observation, for those who share it; each may leave, or let others leave, when he is told. */
static void to_viewers(struct lan_sensor_master *m, uint32_t leader, struct lan_sensor_master_event *ev)
{
	struct call *l = find(m, leader), *f;
	for (f = l ? l->followers : NULL; f; f = f->next)
		f->due = true;
	while ((l = find(m, leader))) {
		for (f = l->followers; f && !f->due; f = f->next)
			;
		if (!f)
			return;
		f->due = f->joined = false;
		ev->id = id_of(f), ev->tag = f->tag;
		master_deliver(m, f->tap, ev);
	}
}

static void to_followers(struct lan_sensor_master *m, struct call *f, struct lan_sensor_master_event *ev)
{
	while (f) {
		struct call *next = f->next;
		bool wanted = !f->abandoned;
		struct sensor_tap *t = f->tap;
		ev->id = id_of(f), ev->tag = f->tag;
		release(m, f);
		if (wanted)
			master_deliver(m, t, ev);
		f = next;
	}
}

/* What came, or what the cache makes of it. */
static void fill_answer(struct lan_sensor_master *m, struct call *c, const struct sos_master_event *ev,
	struct lan_sensor_master_event *out)
{
	struct sos_cache_key k = key_of(c);
	struct sos_cache_answer a;
	/* A notification is the newest answer to a GET, too. */
	if (m->cache && sos_cache_store(m->cache, ev->at, &k, &ev->coap.msg, &a) && c->validating) {
		fill_cached(m, c, &a, out);
	} else {
		master_fill(m, out, &ev->coap.msg);
	}
}

void master_answer(struct lan_sensor_master *m, const struct sos_master_event *ev)
{
	struct call *c = find(m, ev->tag);
	if (!c)
		return;
	bool failed = ev->kind == SOS_MASTER_EV_FAILED;
	struct lan_sensor_master_event out = {.kind = failed                            ? LAN_MASTER_FAILED
						      : ev->coap.kind == COAP_EV_NOTIFY ? LAN_MASTER_NOTIFY
											: LAN_MASTER_RESPONSE,
		.slave = ev->slave,
		.id = id_of(c),
		.tag = c->tag,
		.content_format = -1,
		.max_age = -1,
		.media_type = "",
		.location = "",
		.code_text = "",
		.err = ev->coap.err,
		.reason = failed ? ev->coap.text : "",
		.at = ev->at};
	if (!failed)
		fill_answer(m, c, ev, &out);
	master_place(m, &ev->ep, &out);
	out.observing = ev->coap.observing;
	out.observe = ev->coap.observe_value;
	if (!failed && ev->at > ev->coap.sent)
		out.rtt = ev->at - ev->coap.sent;
	struct call *followers = c->followers;
	bool wanted = !c->abandoned, over = failed || !out.observing;
	struct sensor_tap *t = c->tap;
	bool whole = !followers || failed || keep(m, &out);
	if (!over && whole)
		remember(c, ev);
	if (over || !whole) { /* they are on their own from here */
		c->followers = NULL;
		for (struct call *f = followers; f; f = f->next)
			f->leader = NULL;
	}
	if (over)
		release(m, c);
	if (wanted)
		master_deliver(m, t, &out);
	if (!over && whole) {
		to_viewers(m, out.id, &out);
		return;
	}
	if (!whole) {
		out.kind = LAN_MASTER_FAILED, out.err = LAN_ERR_NOMEM,
		out.reason = lan_err_text(LAN_ERR_NOMEM);
		out.payload = NULL, out.len = 0, out.options = NULL, out.options_len = 0, out.etag_len = 0;
	}
	to_followers(m, followers, &out);
}
