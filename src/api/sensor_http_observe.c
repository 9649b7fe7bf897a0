/*
 * sensor_http_observe.c - observations (RFC 7641) as server-sent events: one observation of a resource,
 * however many view it. A viewer that comes later gets the last value at once; one that does not read is cut
 * off and may come back with Last-Event-ID. While a slave answers an observation for the first time the
 * request waits, so that a refusal is a status; afterwards an end is an event "end".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"
#include "api/sensor_json.h"
#include "base/base64.h"
#include "base/utf8.h"

#define RETRY_MS "5000"

/* ---- the text of an event ---------------------------------------------------------------- */

static void put_value(json_t *j, const uint8_t *p, size_t n)
{
	if (lan_utf8_valid(p, n) && !memchr(p, 0, n)) {
		json_t *value =
			json_loadb((const char *)p, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (value) /* a number, mostly */
			json_object_set_new(j, "value", value);
		json_object_set_new(j, "text", json_stringn((const char *)p, n));
		return;
	}
	char *text = malloc(lan_base64_len(n) + 1);
	if (!text)
		return;
	lan_base64_encode(p, n, text);
	json_object_set_new(j, "base64", json_stringn(text, lan_base64_len(n)));
	free(text);
}

/* "id: ..\n[event: ..\n]data: ..\n\n"; takes j. False: no memory. */
static bool put_event(struct lan_sensor_http *h, struct text *t, const char *name, json_t *j, char id[32])
{
	char *data = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!data)
		return false;
	snprintf(id, 32, "%s-%llu", h->boot, (unsigned long long)++h->seq);
	text_printf(t, "id: %s\n", id);
	if (name)
		text_printf(t, "event: %s\n", name);
	text_printf(t, "data: %s\n\n", data); /* JSON has no line breaks of its own */
	free(data);
	return !t->bad;
}

/* ---- viewers ------------------------------------------------------------------------------ */

static struct http_viewer **list_of(struct http_viewer *v)
{
	return v->of ? &v->of->viewers : &v->h->watchers;
}

/* Out of its list; what it viewed may go with it. */
static void forget(struct http_viewer *v)
{
	struct http_viewer **at = list_of(v);
	struct http_observation *o = v->of;
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	if (--v->h->n_viewers == 0)
		lan_deadline_arm(v->h->loop, &v->h->heartbeat, LAN_NEVER);
	free(v);
	if (o)
		http_observation_release(o);
}

void http_viewer_gone(struct http_viewer *v)
{
	forget(v);
}

static void end(struct http_viewer *v)
{
	struct lan_httpd_req *r = v->r;
	lan_httpd_set_user(r, NULL);
	lan_httpd_end(r);
	forget(v);
}

/* A text for a viewer whose stream has begun. */
static void push(struct http_viewer *v, const char *p, size_t n)
{
	if (n && lan_httpd_push(v->r, p, n))
		end(v);
}

static bool begin(struct http_viewer *v)
{
	static const struct lan_httpd_header headers[] = {{"Content-Type", "text/event-stream"},
		{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"},
		{"X-Accel-Buffering", "no"}};
	static const char hello[] = "retry: " RETRY_MS "\n\n";
	v->begun = true;
	if (lan_httpd_stream(v->r, headers, 4) || lan_httpd_push(v->r, hello, sizeof hello - 1)) {
		forget(v);
		return false;
	}
	v->h->counters[HTTP_viewers]++;
	return true;
}

/* NULL: it is answered. */
static struct http_viewer *viewer(const struct http_call *c, struct http_observation *o)
{
	struct lan_sensor_http *h = c->h;
	struct lan_httpd_header retry = {"Retry-After", "30"};
	struct http_viewer *v = h->n_viewers < h->max_viewers ? calloc(1, sizeof *v) : NULL;
	if (!v) {
		h->counters[HTTP_refused_viewers]++;
		http_problem_with(
			c->r, 503, "too many streams", "close one, or raise max_viewers", &retry, 1);
		return NULL;
	}
	*v = (struct http_viewer){.kind = HTTP_VIEWER, .h = h, .of = o, .r = c->r};
	struct http_viewer **at = list_of(v);
	v->next = *at;
	*at = v;
	if (h->n_viewers++ == 0)
		lan_deadline_arm(h->loop, &h->heartbeat, lan_loop_recent(h->loop) + HTTP_HEARTBEAT);
	lan_httpd_set_user(c->r, v);
	return v;
}

static void beat(struct http_viewer *v)
{
	for (struct http_viewer *next; v; v = next) {
		next = v->next;
		if (v->begun)
			push(v, ":\n\n", 3);
	}
}

/* So that proxies keep the stream, and clients that are gone are noticed. */
void http_heartbeat(void *ctx)
{
	struct lan_sensor_http *h = ctx;
	lan_deadline_arm(h->loop, &h->heartbeat, lan_loop_recent(h->loop) + HTTP_HEARTBEAT);
	beat(h->watchers);
	for (struct http_observation *o = h->observations, *next; o; o = next) {
		next = o->next;
		beat(o->viewers);
	}
}

/* ---- what happens to slaves ----------------------------------------------------------------- */

void http_watch(const struct http_call *c)
{
	struct http_viewer *v;
	if (http_allowed(c, "GET, OPTIONS") && (v = viewer(c, NULL)))
		begin(v);
}

static const char *to_text(const char *s)
{
	return s ? s : "";
}

static void set_text(json_t *j, const char *key, const char *s)
{
	if (s && *s)
		json_object_set_new(j, key, http_json_text(s, strlen(s)));
}

void http_watch_event(struct lan_sensor_http *h, const struct lan_sensor_master_event *ev)
{
	struct text t = {0};
	char id[32];
	if (!h->watchers)
		return;
	json_t *j = json_pack("{s:s, s:o}", "event", lan_sensor_master_event_name(ev->kind), "time",
		sensor_json_moment(lan_loop_now(h->loop), ev->at));
	if (ev->slave)
		json_object_set_new(j, "slave", json_integer(ev->slave));
	if (ev->kind == LAN_MASTER_SLAVE) {
		json_object_set_new(j, "state", json_string(lan_slave_state_name(ev->state)));
		json_object_set_new(j, "was", json_string(lan_slave_state_name(ev->was)));
	}
	if (ev->kind == LAN_MASTER_NET)
		json_object_set_new(j, "up", json_boolean(ev->err == LAN_OK));
	set_text(j, "net", ev->net);
	set_text(j, "address", ev->address);
	set_text(j, "reason", to_text(ev->reason));
	if (put_event(h, &t, lan_sensor_master_event_name(ev->kind), j, id))
		for (struct http_viewer *v = h->watchers, *next; v; v = next) {
			next = v->next;
			push(v, text_str(&t), t.len);
		}
	text_fini(&t);
}

/* ---- observations ---------------------------------------------------------------------------- */

static void drop(struct http_observation *o)
{
	struct http_observation **at = &o->h->observations;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	if (o->live)
		lan_sensor_master_cancel(o->h->master, o->id);
	free(o->path);
	free(o->query);
	free(o->payload);
	text_fini(&o->event);
	free(o);
}

void http_observation_release(struct http_observation *o)
{
	if (!o->viewers && !o->tokens)
		drop(o);
}

static bool is(
	const struct http_observation *o, uint32_t slave, const char *path, const char *query, int32_t accept)
{
	return o->slave == slave && o->accept == accept && strcmp(o->path, path) == 0 &&
	       strcmp(o->query, query) == 0;
}

static enum lan_err observe(struct http_observation *o)
{
	struct lan_sensor_master_request q = LAN_SENSOR_MASTER_REQUEST_INIT;
	q.slave = o->slave, q.path = o->path, q.query = o->query, q.accept = o->accept;
	q.observe = true;
	q.tag = (uintptr_t)o;
	enum lan_err e = sensor_master_ask(o->h->master, &q, &o->h->tap, &o->id);
	o->live = !e;
	if (!e)
		o->h->counters[HTTP_asked]++;
	return e;
}

enum lan_err http_observation(struct lan_sensor_http *h, uint32_t slave, const char *path, const char *query,
	int32_t accept, struct http_observation **out)
{
	struct http_observation *o = h->observations;
	query = to_text(query);
	while (o && !is(o, slave, path, query, accept))
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			return LAN_ERR_NOMEM;
		*o = (struct http_observation){.kind = HTTP_OBSERVATION,
			.h = h,
			.next = h->observations,
			.slave = slave,
			.accept = accept,
			.path = strdup(path),
			.query = strdup(query)};
		h->observations = o;
		if (!o->path || !o->query) {
			drop(o);
			return LAN_ERR_NOMEM;
		}
	}
	enum lan_err e = o->live ? LAN_OK : observe(o);
	if (e) {
		http_observation_release(o);
		return e;
	}
	*out = o;
	return LAN_OK;
}

static void keep(struct http_observation *o, const struct lan_sensor_master_event *ev)
{
	uint8_t *p = realloc(o->payload, ev->len ? ev->len : 1);
	if (!p)
		return;
	if (ev->len)
		memcpy(p, ev->payload, ev->len);
	o->payload = p, o->len = ev->len;
	o->format = ev->content_format, o->max_age = ev->max_age;
	o->at = lan_loop_now(o->h->loop);
	o->have = true;
	json_t *j = json_object();
	put_value(j, p, ev->len);
	json_object_set_new(
		j, "content_format", ev->content_format < 0 ? json_null() : json_integer(ev->content_format));
	json_object_set_new(j, "observe", ev->observing ? json_integer(ev->observe) : json_null());
	json_object_set_new(j, "time", sensor_json_moment(lan_loop_now(o->h->loop), o->at));
	text_clear(&o->event);
	if (!put_event(o->h, &o->event, NULL, j, o->event_id))
		text_clear(&o->event);
}

/* A value for all: requests that waited for the first one become streams. */
static void spread(struct http_observation *o)
{
	for (struct http_viewer *v = o->viewers, *next; v; v = next) {
		next = v->next;
		if (v->begun || begin(v))
			push(v, text_str(&o->event), o->event.len);
	}
}

/* The observation is over: with a status where nothing was said yet, else with an event. */
static void finish(struct http_observation *o, const struct lan_sensor_master_event *ev, const char *why)
{
	struct text t = {0};
	char id[32];
	struct lan_sensor_http *h = o->h;
	bool failed = ev->kind == LAN_MASTER_FAILED;
	if (!put_event(h, &t, "end",
		    json_pack("{s:o, s:o}", "code",
			    failed ? json_null() : http_json_text(ev->code_text, strlen(ev->code_text)),
			    "reason", http_json_text(why, strlen(why))),
		    id))
		text_clear(&t);
	o->tokens++; /* stays until all of them are told */
	while (o->viewers) {
		struct http_viewer *v = o->viewers;
		struct lan_httpd_req *r = v->r;
		if (v->begun) {
			if (t.len) /* without room for it there is just the end */
				(void)!lan_httpd_push(r, text_str(&t), t.len);
			end(v);
			continue;
		}
		lan_httpd_set_user(r, NULL);
		forget(v);
		if (failed)
			http_slave_failed(h, r, HTTP_STYLE_API, o->slave, ev->err, ev->reason);
		else
			http_slave_answer(h, r, HTTP_STYLE_API, HTTP_GET, ev);
	}
	o->tokens--;
	text_fini(&t);
}

void http_observe_event(struct http_observation *o, const struct lan_sensor_master_event *ev)
{
	bool good = ev->kind != LAN_MASTER_FAILED && COAP_CLASS(ev->code) == 2;
	if (ev->kind == LAN_MASTER_FAILED || !ev->observing)
		o->live = false;
	if (good) {
		o->tokens++;
		keep(o, ev);
		spread(o);
		o->tokens--;
	}
	if (!o->live)
		finish(o, ev,
			ev->kind == LAN_MASTER_FAILED ? to_text(ev->reason)
			: good                        ? "this resource cannot be observed"
						      : "the slave has ended the observation");
	http_observation_release(o);
}

void http_view(const struct http_call *c, uint32_t slave, const char *path, int32_t accept)
{
	struct lan_slave_status s;
	struct http_observation *o;
	const char *last = lan_httpd_header(c->r, "Last-Event-ID");
	enum lan_err e = http_observation(c->h, slave, path, c->query, accept, &o);
	if (e) {
		http_slave_failed(c->h, c->r, HTTP_STYLE_API, slave, e, "");
		return;
	}
	o->tokens++;
	struct http_viewer *v = viewer(c, o);
	bool runs = lan_sensor_master_find(c->h->master, slave, &s) == LAN_OK && s.state == LAN_SLAVE_RUNNING;
	/* Without a slave that runs the first answer may be long in coming. */
	if (v && (o->have || !runs) && begin(v) && o->have && (!last || strcmp(last, o->event_id) != 0))
		push(v, text_str(&o->event), o->event.len);
	o->tokens--;
	http_observation_release(o);
}

void http_observe_fini(struct lan_sensor_http *h)
{
	while (h->observations) {
		h->observations->viewers = NULL; /* they went with the server */
		drop(h->observations);
	}
}
