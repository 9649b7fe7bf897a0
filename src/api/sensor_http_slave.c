/*
 * sensor_http_slave.c - one request to a slave and its answer (RFC 8075 sections 5 to 8). What is cached
 * comes at once; for the rest the HTTP request waits. A client that leaves takes its request with it.
 *
 * In the original's style (HTTP_STYLE_COMPAT) whatever a slave answers is a 200 with its payload, and no
 * answer is 408; what the original lost on the way (bodies, queries, octets that are no text) is carried.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"
#include "base/utf8.h"

#define OPTIONS_CAP 128
#define RETRY_AFTER "1"
#define DEFAULT_AGE 60 /* seconds an answer is fresh that does not say (RFC 7252 section 5.10.5) */

/* ---- saying no ------------------------------------------------------------------------- */

static const char *what_of(enum lan_err e)
{
	switch (e) {
	case LAN_ERR_NOTFOUND:
		return "there is no such slave";
	case LAN_ERR_CLOSED:
		return "the slave is not running";
	case LAN_ERR_TIMEOUT:
		return "the slave did not answer";
	case LAN_ERR_FULL:
		return "too many requests wait for the slave";
	case LAN_ERR_INVAL:
		return "the request cannot be said in CoAP";
	case LAN_ERR_TOOBIG:
		return "the request is too long for the slave";
	default:
		return "the slave could not be asked";
	}
}

void http_slave_failed(struct lan_sensor_http *h, struct lan_httpd_req *r, enum http_style style,
	uint32_t slave, enum lan_err e, const char *reason)
{
	struct lan_slave_status s;
	struct lan_httpd_header retry = {"Retry-After", RETRY_AFTER};
	unsigned status = http_map_error(e);
	if (status == 404)
		h->counters[HTTP_refused_path]++;
	else
		h->counters[HTTP_failed]++;
	if (status == 504 && style == HTTP_STYLE_COMPAT)
		status = 408;
	const char *hint = status == 404 || status == 504 ? lan_sensor_master_why(h->master, slave)
			   : reason && *reason            ? reason
							  : lan_err_text(e);
	/* Gone while it was asked: that is not "no such slave". */
	if (e == LAN_ERR_NOTFOUND && lan_sensor_master_find(h->master, slave, &s) == LAN_OK)
		e = LAN_ERR_CLOSED;
	http_problem_with(r, status, what_of(e), hint, &retry, status == 503);
}

static void refuse(const struct http_call *c, unsigned status, const char *what, const char *hint)
{
	c->h->counters[HTTP_refused_request]++;
	http_problem(c->r, status, what, hint);
}

/* ---- a slave's answer -------------------------------------------------------------------- */

struct out {
	struct lan_httpd_header h[6];
	size_t n;
	char cache[40], age[24], retry[24], etag[HTTP_ETAG_TEXT], media[48], location[512];
};

static void put(struct out *o, const char *name, const char *value)
{
	o->h[o->n++] = (struct lan_httpd_header){name, value};
}

/* printf is a tenth of an answer from the cache. */
static void decimal(char *to, uint64_t n)
{
	char digits[20];
	size_t len = 0;
	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	while (len)
		*to++ = digits[--len];
	*to = '\0';
}

static void put_freshness(struct out *o, const struct lan_sensor_master_event *ev)
{
	memcpy(o->cache, "max-age=", 8);
	decimal(o->cache + 8, ev->max_age < 0 ? DEFAULT_AGE : (uint64_t)ev->max_age);
	put(o, "Cache-Control", o->cache);
	if (!ev->cached)
		return;
	decimal(o->age, ev->age);
	put(o, "Age", o->age);
}

/* Under the prefix by which we were asked. */
static void put_location(struct out *o, struct lan_sensor_http *h, enum http_style style,
	const struct lan_sensor_master_event *ev)
{
	const char *prefix = style == HTTP_STYLE_API ? HTTP_API : h->casan;
	if (!ev->location || !*ev->location)
		return;
	int n = snprintf(o->location, sizeof o->location, "%s/%u%s", prefix, ev->slave, ev->location);
	if (n > 0 && (size_t)n < sizeof o->location)
		put(o, "Location", o->location);
}

/* What a slave can do, it does not say: what was not tried. */
static const char *others(enum http_method method)
{
	switch (method) {
	case HTTP_POST:
		return "GET, HEAD, PUT, DELETE";
	case HTTP_PUT:
		return "GET, HEAD, POST, DELETE";
	case HTTP_DELETE:
		return "GET, HEAD, POST, PUT";
	default:
		return "POST, PUT, DELETE";
	}
}

static void put_headers(struct out *o, struct lan_sensor_http *h, enum http_style style,
	enum http_method method, unsigned status, const struct lan_sensor_master_event *ev)
{
	bool get = method == HTTP_GET || method == HTTP_HEAD;
	if (get && (status == 200 || status == 304))
		put_freshness(o, ev);
	if (ev->etag_len && status < 400) {
		http_etag_text(ev->etag, ev->etag_len, o->etag);
		put(o, "ETag", o->etag);
	}
	if (status == 201)
		put_location(o, h, style, ev);
	if ((status == 503 || status == 429) && ev->max_age >= 0) {
		snprintf(o->retry, sizeof o->retry, "%lld", (long long)ev->max_age);
		put(o, "Retry-After", o->retry);
	}
	if (status == 405)
		put(o, "Allow", others(method));
	if (get)
		put(o, "Vary", "Accept");
}

/* What a slave says of its refusal is text (RFC 7252 section 5.5.2), if it says anything. */
static void refused_by_slave(struct lan_httpd_req *r, unsigned status, const struct out *o,
	const struct lan_sensor_master_event *ev)
{
	char what[200];
	bool text = ev->len && ev->len < 120 && lan_utf8_valid(ev->payload, ev->len);
	snprintf(what, sizeof what, "the slave answered %s", ev->code_text);
	struct text hint = {0};
	if (text)
		text_add(&hint, ev->payload, ev->len);
	http_problem_with(r, status, what, text_str(&hint), o->h, o->n);
	text_fini(&hint);
}

void http_slave_answer(struct lan_sensor_http *h, struct lan_httpd_req *r, enum http_style style,
	enum http_method method, const struct lan_sensor_master_event *ev)
{
	struct out o = {.n = 0};
	unsigned status = http_map_status(ev->code, ev->len > 0);
	h->counters[HTTP_answered]++;
	if (style == HTTP_STYLE_COMPAT) {
		http_send(r, 200, NULL, ev->payload, ev->len, NULL, 0);
		return;
	}
	if (ev->code == COAP_CONTENT && (method == HTTP_GET || method == HTTP_HEAD) && ev->etag_len &&
		http_map_not_modified(lan_httpd_header(r, "If-None-Match"), ev->etag, ev->etag_len))
		status = 304;
	put_headers(&o, h, style, method, status, ev);
	/* Errors with a content format are the slave's own documents; the others are told as ours are. */
	if (status >= 400 && ev->content_format < 0) {
		refused_by_slave(r, status, &o, ev);
		return;
	}
	bool body = ev->len > 0 && status != 304 && status != 204;
	http_send(r, status, body ? http_map_media(ev->content_format, ev->payload, ev->len, o.media) : NULL,
		ev->payload, body ? ev->len : 0, o.h, o.n);
}

/* ---- the request ---------------------------------------------------------------------------- */

static struct http_ask *take(struct lan_sensor_http *h)
{
	struct http_ask *a = h->free_asks;
	if (a)
		h->free_asks = a->next;
	else
		a = malloc(sizeof *a);
	return a;
}

static void give(struct http_ask *a)
{
	a->next = a->h->free_asks;
	a->h->free_asks = a;
}

/* The path of the slave's resource, in the request's own URI. */
static const char *path_of(const struct http_ask *a)
{
	const char *p = lan_httpd_path(a->r), *rest = NULL;
	const char *prefix = a->style == HTTP_STYLE_API ? HTTP_API : a->h->casan;
	uint32_t id;
	return http_map_id(p + strlen(prefix), &id, &rest) && rest ? rest : "";
}

static bool no_cache(const struct lan_httpd_req *r)
{
	const char *v = lan_httpd_header(r, "Cache-Control");
	return v && strcasestr(v, "no-cache");
}

/* Asks; the answer may come before it returns, or the error is told here. */
static void ask(struct http_ask *a, int32_t accept)
{
	struct lan_sensor_http *h = a->h;
	struct lan_httpd_req *r = a->r;
	struct lan_sensor_master_request q = LAN_SENSOR_MASTER_REQUEST_INIT;
	uint8_t options[OPTIONS_CAP];
	uint8_t code = http_map_method(a->method);
	enum http_style style = a->style;
	unsigned status = http_map_conditions(code, lan_httpd_header(r, "If-Match"),
		lan_httpd_header(r, "If-None-Match"), options, sizeof options, &q.options_len);
	if (status) {
		h->counters[HTTP_refused_request]++;
		give(a);
		http_problem(r, status,
			status == 412 ? "no such version of the resource"
				      : "this condition cannot be said in CoAP",
			"entity tags are those of earlier answers; a PUT or POST can only say If-None-Match: "
			"*");
		return;
	}
	q.slave = a->slave, q.path = path_of(a), q.query = lan_httpd_query(r), q.code = code;
	q.payload = lan_httpd_body(r, &q.len);
	q.options = options;
	q.content_format = q.len ? http_map_format(lan_httpd_header(r, "Content-Type")) : -1;
	if (q.content_format == -2) /* of the original's URLs, which said nothing of it */
		q.content_format = -1;
	q.accept = accept;
	q.no_cache = no_cache(r);
	q.tag = (uintptr_t)a;
	lan_httpd_set_user(r, a);
	enum lan_err e = sensor_master_ask(h->master, &q, &h->tap, &a->id);
	if (!e) /* `a` may be over */
		return;
	give(a);
	http_slave_failed(h, r, style, q.slave, e, "");
}

/* False: it is answered. */
static bool body_ok(const struct http_call *c, enum http_style style)
{
	size_t n;
	lan_httpd_body(c->r, &n);
	const char *encoding = n ? lan_httpd_header(c->r, "Content-Encoding") : NULL;
	if (encoding && strcasecmp(encoding, "identity") != 0) {
		refuse(c, 415, "a slave takes no encoded content", "send it without Content-Encoding");
		return false;
	}
	if (n && style == HTTP_STYLE_API && http_map_format(lan_httpd_header(c->r, "Content-Type")) == -2) {
		refuse(c, 415, "this Content-Type has no number in CoAP",
			"text/plain, application/json, application/octet-stream and application/cbor have");
		return false;
	}
	return true;
}

/* False: it is answered. */
static bool accept_ok(const struct http_call *c, enum http_style style, struct http_accept *a)
{
	http_map_accept(lan_httpd_header(c->r, "Accept"), a);
	if (style == HTTP_STYLE_COMPAT)
		*a = (struct http_accept){.format = -1, .any = true};
	if (!a->nothing)
		return true;
	refuse(c, 406, "nothing of what Accept lists can come from a slave", "leave it out, or add */*");
	return false;
}

void http_slave(const struct http_call *c, enum http_style style, uint32_t slave, const char *path)
{
	struct lan_sensor_http *h = c->h;
	struct http_accept accept;
	bool get = c->method == HTTP_GET || c->method == HTTP_HEAD;
	/* What comes most often needs no look into a list. */
	if (c->method != HTTP_GET &&
		!http_allowed(c, style == HTTP_STYLE_COMPAT ? "GET, POST, PUT, DELETE, OPTIONS"
							    : "GET, HEAD, POST, PUT, DELETE, OPTIONS"))
		return;
	if (!get && !http_may_change(c))
		return;
	if (!http_map_path_ok(path) || (c->query && !http_map_query_ok(c->query))) {
		refuse(c, 400, "this is no path of a resource", "segments are UTF-8, not empty, not . or ..");
		return;
	}
	if (!body_ok(c, style) || !accept_ok(c, style, &accept))
		return;
	if (style == HTTP_STYLE_API && accept.events && get) {
		http_view(c, slave, path, -1);
		return;
	}
	struct http_ask *a = take(h);
	if (!a) {
		http_problem(c->r, 503, "out of memory", "");
		return;
	}
	*a = (struct http_ask){.kind = HTTP_ASK,
		.h = h,
		.r = c->r,
		.slave = slave,
		.style = style,
		.method = c->method,
		.wish = accept.any && accept.format >= 0 && get};
	h->counters[HTTP_asked]++;
	ask(a, accept.format);
}

void http_slave_event(struct http_ask *a, const struct lan_sensor_master_event *ev)
{
	struct lan_sensor_http *h = a->h;
	struct lan_httpd_req *r = a->r;
	enum http_style style = a->style;
	enum http_method method = a->method;
	if (ev->kind != LAN_MASTER_FAILED && ev->code == COAP_NOT_ACCEPTABLE && a->wish) {
		a->wish = false;
		ask(a, -1);
		return;
	}
	lan_httpd_set_user(r, NULL);
	uint32_t slave = a->slave;
	give(a);
	if (ev->kind == LAN_MASTER_FAILED)
		http_slave_failed(h, r, style, slave, ev->err, ev->reason);
	else
		http_slave_answer(h, r, style, method, ev);
}

void http_slave_gone(struct http_ask *a)
{
	lan_sensor_master_cancel(a->h->master, a->id);
	give(a);
}

void http_slave_fini(struct lan_sensor_http *h)
{
	while (h->free_asks) {
		struct http_ask *a = h->free_asks;
		h->free_asks = a->next;
		free(a);
	}
}
