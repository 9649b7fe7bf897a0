/*
 * sensor_http_log.c - the event log: /api/v1/sensor/log, and the original's /evlog (sos.md sections 7 and
 * 10), where `get` lists and `add` adds, by GET in the original, which is a request that changes something
 * and is taken for one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/sensor_http_int.h"

#define LIMIT     1000
#define LIMIT_MAX 10000

/* A number of a query: digits alone, a fraction passed over; `otherwise` if it is not there. False: it is
 * none.
 */
static bool number(const struct http_call *c, const char *name, int64_t otherwise, int64_t max, int64_t *out)
{
	char text[24], *end;
	*out = otherwise;
	if (!c->query || !strstr(c->query, name) || !http_map_param(c->query, name, text, sizeof text))
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	unsigned long long v = strtoull(text, &end, 10);
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (*end || v > (unsigned long long)max)
		return false;
	*out = (int64_t)v;
	return true;
}

static void bad_number(const struct http_call *c, const char *hint)
{
	c->h->counters[HTTP_refused_request]++;
	http_problem(c->r, 400, "an argument is no number", hint);
}

/* ---- ours --------------------------------------------------------------------------------- */

static void list(const struct http_call *c)
{
	int64_t since, after, tail, limit;
	struct lan_sensor_log_entry e;
	if (!number(c, "since", 0, INT64_MAX / 1000, &since) || !number(c, "after", 0, INT64_MAX, &after) ||
		!number(c, "tail", -1, LIMIT_MAX, &tail) || !number(c, "limit", LIMIT, LIMIT_MAX, &limit)) {
		bad_number(c, "since=SECONDS, after=ID, tail=N, limit=N");
		return;
	}
	uint64_t at = tail >= 0 ? lan_sensor_log_tail(c->h->master, (size_t)tail) : 0;
	at = at > (uint64_t)after ? at : (uint64_t)after;
	json_t *all = json_array();
	for (int64_t n = 0; n < limit && lan_sensor_log_next(c->h->master, since * 1000, at, &e); n++) {
		char when[40];
		at = e.id;
		text_time((struct timespec){(time_t)(e.date_ms / 1000), (long)(e.date_ms % 1000) * 1000000},
			when, sizeof when);
		json_array_append_new(all,
			json_pack("{s:I, s:s, s:I, s:o, s:o}", "id", (json_int_t)e.id, "time", when, "date",
				(json_int_t)(e.date_ms / 1000), "src", http_json_text(e.src, strlen(e.src)),
				"msg", http_json_text(e.msg, strlen(e.msg))));
	}
	http_json(c->r, 200, json_pack("{s:i, s:o}", "schema", 1, "events", all));
}

static void added(const struct http_call *c, enum lan_err e)
{
	if (e == LAN_ERR_TOOBIG || e == LAN_ERR_UTF8) {
		c->h->counters[HTTP_refused_request]++;
		http_problem(c->r, 400, "the event is too long, or no text",
			"src has at most 64 octets, msg at most 1024");
	} else
		http_problem(c->r, 503, "the event is not on the disk",
			e == LAN_ERR_FULL ? "its disk is full: make room" : lan_err_text(e));
}

static bool may_add(const struct http_call *c)
{
	if (c->h->evlog_add)
		return true;
	c->h->counters[HTTP_refused_request]++;
	http_problem(c->r, c->h->compat ? 401 : 403, "events are not added by HTTP here", "set evlog_add");
	return false;
}

static void add(const struct http_call *c)
{
	size_t n;
	const char *body = lan_httpd_body(c->r, &n), *src = NULL, *msg = NULL;
	json_int_t date = 0;
	if (!may_add(c))
		return;
	json_t *j = n ? json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!j || json_unpack(j, "{s:s, s:s, s?I}", "src", &src, "msg", &msg, "date", &date) || date < 0 ||
		date > INT64_MAX / 1000) {
		c->h->counters[HTTP_refused_request]++;
		http_problem(c->r, 400, "this is no event",
			"{\"src\": \"..\", \"msg\": \"..\", \"date\": SECONDS}");
	} else {
		enum lan_err e = lan_sensor_log_add(c->h->master, src, msg, date * 1000);
		if (e)
			added(c, e);
		else
			http_send(c->r, 204, NULL, "", 0, NULL, 0);
	}
	json_decref(j);
}

void http_log(const struct http_call *c)
{
	if (!http_allowed(c, "GET, HEAD, POST, OPTIONS"))
		return;
	if (c->method != HTTP_POST)
		list(c);
	else if (http_may_change(c))
		add(c);
}

/* ---- the original's -------------------------------------------------------------------------- */

static void get(const struct http_call *c)
{
	int64_t since;
	struct lan_sensor_log_entry e;
	struct text t = {0};
	if (!number(c, "since", 0, INT64_MAX / 1000, &since)) {
		bad_number(c, "since=SECONDS");
		return;
	}
	uint64_t at = since ? 0 : lan_sensor_log_tail(c->h->master, LIMIT_MAX);
	text_puts(&t, "[");
	for (int n = 0; n < LIMIT_MAX && lan_sensor_log_next(c->h->master, since * 1000, at, &e); n++) {
		at = e.id;
		text_printf(&t, "%s{\"date\": %lld, \"src\": ", n ? ", " : "", (long long)(e.date_ms / 1000));
		text_json(&t, e.src, strlen(e.src));
		text_puts(&t, ", \"msg\": ");
		text_json(&t, e.msg, strlen(e.msg));
		text_puts(&t, "}");
	}
	text_puts(&t, "]");
	http_text(c->r, "application/json", &t);
}

static void add_by_query(const struct http_call *c)
{
	static const char done[] = "<html><body>done</body></html>\n";
	char src[65], msg[1025];
	int64_t date;
	if (!may_add(c))
		return;
	if (!http_map_param(c->query, "src", src, sizeof src) ||
		!http_map_param(c->query, "msg", msg, sizeof msg) ||
		!number(c, "date", 0, INT64_MAX / 1000, &date)) {
		c->h->counters[HTTP_refused_request]++;
		http_problem(
			c->r, 400, "an argument is missing or wrong", "?src=TEXT&msg=TEXT[&date=SECONDS]");
		return;
	}
	enum lan_err e = lan_sensor_log_add(c->h->master, src, msg, date * 1000);
	if (e)
		added(c, e);
	else
		http_send(c->r, 200, "text/html;charset=utf-8", done, sizeof done - 1, NULL, 0);
}

void http_evlog(const struct http_call *c)
{
	if (strcmp(c->path, "/get") == 0) {
		if (http_allowed(c, "GET, HEAD, OPTIONS"))
			get(c);
	} else if (strcmp(c->path, "/add") == 0) {
		if (http_allowed(c, c->h->compat ? "GET, POST, OPTIONS" : "POST, OPTIONS") &&
			http_may_change(c))
			add_by_query(c);
	} else
		http_not_found(c);
}
