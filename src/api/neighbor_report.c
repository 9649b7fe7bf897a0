/*
 * neighbor_report.c - see neighbor_report.h.
 *
 * A row is a session the collector knows, or is to know. Rows with something to
 * say stand in a queue; the first says one thing at a time. A session that ended
 * stays as a row until its four empty lists were taken, and is not heard of any
 * more if nothing of it was ever sent. Requests begin at the end of a turn of the
 * loop, so that a session that ends and is resumed in it is not withdrawn.
 *
 * When a request fails for lack of an answer, everything waits and one request is
 * tried after 0.25 to 10 s. When one gets through, all that is up is said again:
 * the collector may have lost its memory. The same when the connection was closed
 * in between and the next request is refused, which is what a restart looks like;
 * that request is made at once. An answer that is no success is different: the
 * collector is there and does not want this list. It is tried twice more, if the
 * collector is to blame (5xx), and then dropped until the list changes.
 */
#include "api/neighbor_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/key_int.h"
#include "io/http.h"

#define TIMEOUT     LAN_SEC(5)  /* of one request */
#define PAUSE_FIRST LAN_MS(250) /* after the first failure */
#define PAUSE_MOST  LAN_SEC(10)
#define QUIET       LAN_SEC(1) /* after which a new session's list is reported though it is empty */
#define TRIES       3          /* of a list that is answered with 5xx */
#define ALL         15u        /* a bit for each of the four types */

#define COUNTERS(X)                                                                   \
	X(report_sent, "reports the collector took")                                  \
	X(report_failed, "reports that got no answer")                                \
	X(report_refused, "reports answered with an error")                           \
	X(report_dropped, "reports given up, as they were answered with an error")    \
	X(report_resyncs, "times all was reported again, as the collector came back") \
	X(report_memory, "reports put off: out of memory")

enum counter {
#define X(name, help) C_##name,
	COUNTERS(X)
#undef X
		C_N
};

struct row {
	struct neighbor_report_session s; /* texts and attributes are ours */
	bool up, sent;                    /* sent: the collector may know of it */
	uint8_t dirty, quiet;             /* lists to report; and to report when quiet_at has come */
	uint8_t from;                     /* lists before this one have had their turn */
	uint8_t refused[4];               /* answers with an error in a row */
	lan_time quiet_at;
	bool queued;
	struct row *prev, *next;
};

struct neighbor_report {
	struct neighbor_report_config cfg;
	struct lan_http *http;
	struct row **row; /* in order of link, MAC address and id */
	size_t n, cap;
	struct row *first, *last; /* the queue */
	struct row *under_way;
	uint8_t under_way_bit;
	bool busy;
	struct lan_deadline due;
	struct lan_task soon;                  /* pump */
	lan_time retry_at, quiet_at, probe_at; /* LAN_NEVER: not */
	lan_time pause, probe;
	lan_time answered; /* when the last answer came */
	uint64_t base;     /* of session numbers */
	bool reached, failing, flushing;
	bool told, news;
	struct neighbor_report_event event;
	char reason[300];
	uint64_t counter[C_N];
};

/* --- rows ----------------------------------------------------------------------------------- */

static int compare(const struct row *a, uint32_t link, const uint8_t mac[6], const char *peer_id)
{
	if (a->s.link != link)
		return a->s.link < link ? -1 : 1;
	int c = memcmp(a->s.mac, mac, 6);
	return c || !peer_id ? c : strcmp(a->s.peer_id, peer_id);
}

/* The first row that is not before; peer_id NULL: the first of this link and address. */
static size_t place(const struct neighbor_report *r, uint32_t link, const uint8_t mac[6], const char *peer_id)
{
	size_t low = 0, high = r->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare(r->row[mid], link, mac, peer_id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct row *find_up(const struct neighbor_report *r, uint32_t link, const uint8_t mac[6])
{
	for (size_t i = place(r, link, mac, NULL); i < r->n && compare(r->row[i], link, mac, NULL) == 0; i++)
		if (r->row[i]->up)
			return r->row[i];
	return NULL;
}

static void row_free(struct row *w)
{
	free((char *)w->s.ifname); /* one block: see row_new */
	free(w);
}

static struct row *row_new(const struct neighbor_report_session *s)
{
	size_t a = strlen(s->ifname) + 1, b = strlen(s->my_id) + 1, c = strlen(s->peer_id) + 1;
	struct row *w = calloc(1, sizeof *w);
	char *text = malloc(a + b + c + s->n_attrs);
	if (!w || !text) {
		free(w);
		free(text);
		return NULL;
	}
	w->s = *s;
	w->s.ifname = memcpy(text, s->ifname, a);
	w->s.my_id = memcpy(text + a, s->my_id, b);
	w->s.peer_id = memcpy(text + a + b, s->peer_id, c);
	w->s.attrs = (uint8_t *)text + a + b + c;
	if (s->n_attrs)
		memcpy(text + a + b + c, s->attrs, s->n_attrs);
	return w;
}

static void unqueue(struct neighbor_report *r, struct row *w)
{
	if (!w->queued)
		return;
	w->queued = false;
	*(w->prev ? &w->prev->next : &r->first) = w->next;
	*(w->next ? &w->next->prev : &r->last) = w->prev;
}

static void queue(struct neighbor_report *r, struct row *w)
{
	if (w->queued || !w->dirty)
		return;
	w->queued = true;
	w->next = NULL;
	w->prev = r->last;
	*(r->last ? &r->last->next : &r->first) = w;
	r->last = w;
}

static void forget(struct neighbor_report *r, struct row *w)
{
	size_t at = place(r, w->s.link, w->s.mac, w->s.peer_id);
	while (r->row[at] != w) /* an interface that was renamed: the same key twice */
		at++;
	unqueue(r, w);
	if (r->under_way == w)
		r->under_way = NULL;
	r->n--;
	memmove(&r->row[at], &r->row[at + 1], (r->n - at) * sizeof *r->row);
	row_free(w);
}

/* --- sending -------------------------------------------------------------------------------- */

static void arm(struct neighbor_report *r)
{
	lan_time at = r->retry_at < r->quiet_at ? r->retry_at : r->quiet_at;
	at = r->probe_at < at ? r->probe_at : at;
	lan_deadline_arm(r->cfg.loop, &r->due, at);
}

static void tell(struct neighbor_report *r, bool up, enum lan_err e, const char *reason)
{
	if (r->told && r->reached == up)
		return;
	r->told = true;
	r->reached = up;
	r->news = true;
	snprintf(r->reason, sizeof r->reason, "%s", reason);
	r->event = (struct neighbor_report_event){.up = up, .err = e, .reason = r->reason};
	if (r->cfg.ready && !r->flushing)
		r->cfg.ready(r->cfg.ctx);
}

static void wait_more(struct neighbor_report *r)
{
	r->retry_at = lan_loop_now(r->cfg.loop) + r->pause;
	r->pause = r->pause * 2 < PAUSE_MOST ? r->pause * 2 : PAUSE_MOST;
	arm(r);
}

/* The next thing to say, if it is time. */
static void pump(struct neighbor_report *r)
{
	struct row *w = r->first;
	size_t n;
	if (!w || r->busy || r->retry_at != LAN_NEVER)
		return;
	unsigned bit = w->dirty >> w->from ? w->from : 0;
	while (!(w->dirty & 1u << bit))
		bit++;
	uint8_t type = (uint8_t)(LSOE_IPV4 + bit);
	const struct lsoe_list *list = w->up ? r->cfg.heard(r->cfg.ctx, w->s.link, w->s.mac, type) : NULL;
	char *body = neighbor_report_body(&w->s, type, list, &n);
	enum lan_err e = body ? lan_http_post(r->http, "application/json", body, n, TIMEOUT) : LAN_ERR_NOMEM;
	free(body);
	if (e) {
		r->counter[C_report_memory]++;
		wait_more(r);
		return;
	}
	w->dirty &= (uint8_t) ~(1u << bit);
	w->from = (uint8_t)(bit + 1);
	w->sent = true;
	r->probe_at = LAN_NEVER; /* this is one */
	r->under_way = w;
	r->under_way_bit = (uint8_t)bit;
	r->busy = true;
}

/* Everything that is up once more; what went down meanwhile is dirty already. */
static void resync(struct neighbor_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		r->row[i]->dirty |= ALL;
		r->row[i]->quiet = 0;
		queue(r, r->row[i]);
	}
	r->counter[C_report_resyncs]++;
}

static void no_answer(struct neighbor_report *r, enum lan_err e, const char *why)
{
	struct row *w = r->under_way;
	r->counter[C_report_failed]++;
	r->failing = true;
	if (w)
		w->dirty |= (uint8_t)(1u << r->under_way_bit);
	tell(r, false, e, why);
	wait_more(r);
}

static void not_wanted(struct neighbor_report *r, int status)
{
	struct row *w = r->under_way;
	char why[64];
	r->counter[C_report_refused]++;
	snprintf(why, sizeof why, "the collector answered with status %d", status);
	tell(r, false, LAN_ERR_REFUSED, why);
	wait_more(r);
	if (!w)
		return;
	if (status >= 500 && ++w->refused[r->under_way_bit] < TRIES)
		w->dirty |= (uint8_t)(1u << r->under_way_bit);
	else
		r->counter[C_report_dropped]++;
}

static void taken(struct neighbor_report *r)
{
	if (r->under_way)
		r->under_way->refused[r->under_way_bit] = 0;
	r->counter[C_report_sent]++;
	r->pause = PAUSE_FIRST;
	tell(r, true, LAN_OK, "");
	if (r->failing) {
		r->failing = false;
		struct row *w = r->under_way;
		uint8_t bit = (uint8_t)(1u << r->under_way_bit);
		bool again = w && (w->dirty & bit);
		resync(r);
		if (w && !again)
			w->dirty &= (uint8_t)~bit; /* this one has just been said */
	}
}

static void on_done(void *ctx, enum lan_err err, int status, const char *why)
{
	struct neighbor_report *r = ctx;
	r->busy = false;
	r->answered = lan_loop_now(r->cfg.loop);
	if (err)
		no_answer(r, err, why);
	else if (status < 200 || status > 299)
		not_wanted(r, status);
	else
		taken(r);
	struct row *w = r->under_way;
	r->under_way = NULL;
	if (w && (!(w->dirty >> w->from) || err || status > 299)) { /* else it stays in front */
		w->from = 0;
		unqueue(r, w);
		queue(r, w);
	}
	if (w && !w->dirty && !w->up)
		forget(r, w);
	if (!r->flushing || !r->failing)
		pump(r);
}

/* The collector has gone, or only the connection: the next request tells, so one is made at once; by and by
 * if connections do not live long here. If one is under way it went by a new connection: to whom? */
static void on_lost(void *ctx)
{
	struct neighbor_report *r = ctx;
	lan_time now = lan_loop_now(r->cfg.loop);
	if (r->busy) {
		r->failing = true;
		return;
	}
	if (now - r->answered >= LAN_SEC(1))
		r->probe = 0;
	else
		r->probe = !r->probe ? PAUSE_FIRST : r->probe * 2 < PAUSE_MOST ? r->probe * 2 : PAUSE_MOST;
	r->probe_at = now + r->probe;
	arm(r);
}

/* Something to say, if there is nothing. */
static void probe(struct neighbor_report *r)
{
	r->probe_at = LAN_NEVER;
	for (size_t i = 0; !r->first && i < r->n; i++)
		if (r->row[i]->up) {
			r->row[i]->dirty |= 1u;
			queue(r, r->row[i]);
		}
}

static void quiet_lists(struct neighbor_report *r, lan_time now)
{
	r->quiet_at = LAN_NEVER;
	for (size_t i = 0; i < r->n; i++) {
		struct row *w = r->row[i];
		if (!w->quiet)
			continue;
		if (w->quiet_at > now) {
			r->quiet_at = w->quiet_at < r->quiet_at ? w->quiet_at : r->quiet_at;
			continue;
		}
		w->dirty |= w->quiet;
		w->quiet = 0;
		queue(r, w);
	}
}

static void on_soon(void *ctx)
{
	pump(ctx);
}

static void on_due(void *ctx)
{
	struct neighbor_report *r = ctx;
	lan_time now = lan_loop_now(r->cfg.loop);
	if (r->quiet_at <= now)
		quiet_lists(r, now);
	if (r->retry_at <= now)
		r->retry_at = LAN_NEVER;
	if (r->probe_at <= now)
		probe(r);
	arm(r);
	pump(r);
}

/* --- what is told of sessions ------------------------------------------------------------------ */

static enum lan_err insert(struct neighbor_report *r, const struct neighbor_report_session *s, size_t at)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct row **more = realloc(r->row, cap * sizeof *more);
		if (!more)
			return LAN_ERR_NOMEM;
		r->row = more;
		r->cap = cap;
	}
	struct row *w = row_new(s);
	if (!w)
		return LAN_ERR_NOMEM;
	memmove(&r->row[at + 1], &r->row[at], (r->n - at) * sizeof *r->row);
	r->row[at] = w;
	r->n++;
	return LAN_OK;
}

enum lan_err neighbor_report_up(struct neighbor_report *r, const struct neighbor_report_session *s)
{
	bool sent = false;
	size_t at = place(r, s->link, s->mac, s->peer_id);
	if (at < r->n && compare(r->row[at], s->link, s->mac, s->peer_id) == 0) {
		struct row *old = r->row[at];
		if (strcmp(old->s.ifname, s->ifname) == 0 && strcmp(old->s.my_id, s->my_id) == 0) {
			sent = old->sent;
			forget(r, old); /* the new one takes its place, also in what the collector knows */
		} else {
			neighbor_report_down(r, s->link, s->mac);
			at = place(r, s->link, s->mac, s->peer_id);
		}
	}
	enum lan_err e = insert(r, s, at);
	if (e)
		return e;
	struct row *w = r->row[at];
	w->s.session += r->base;
	w->up = true;
	w->sent = sent;
	w->quiet = ALL;
	w->quiet_at = lan_loop_now(r->cfg.loop) + QUIET;
	r->quiet_at = w->quiet_at < r->quiet_at ? w->quiet_at : r->quiet_at;
	arm(r);
	return LAN_OK;
}

void neighbor_report_changed(struct neighbor_report *r, uint32_t link, const uint8_t mac[6], uint8_t type)
{
	struct row *w = find_up(r, link, mac);
	if (!w || type < LSOE_IPV4 || type > LSOE_MPLS6)
		return;
	w->dirty |= (uint8_t)(1u << (type - LSOE_IPV4));
	w->quiet &= (uint8_t)~w->dirty;
	w->refused[type - LSOE_IPV4] = 0;
	queue(r, w);
	lan_task_queue(r->cfg.loop, &r->soon);
}

void neighbor_report_down(struct neighbor_report *r, uint32_t link, const uint8_t mac[6])
{
	struct row *w = find_up(r, link, mac);
	if (!w)
		return;
	w->up = false;
	w->quiet = 0;
	w->dirty = ALL;
	if (!w->sent) {
		forget(r, w);
		return;
	}
	queue(r, w);
	lan_task_queue(r->cfg.loop, &r->soon);
}

bool neighbor_report_event(struct neighbor_report *r, struct neighbor_report_event *out)
{
	if (!r->news)
		return false;
	r->news = false;
	*out = r->event;
	return true;
}

bool neighbor_report_counter(
	const struct neighbor_report *r, size_t i, const char **name, const char **help, uint64_t *value)
{
	static const char *const text[][2] = {
#define X(name, help) {#name, help},
		COUNTERS(X)
#undef X
	};
	if (i >= C_N)
		return false;
	*name = text[i][0];
	*help = text[i][1];
	*value = r ? r->counter[i] : 0;
	return true;
}

/* --- open, flush, close ------------------------------------------------------------------------ */

enum lan_err neighbor_report_open(
	const struct neighbor_report_config *cfg, struct neighbor_report **out, const char **why)
{
	struct neighbor_report *r = calloc(1, sizeof *r);
	if (!r || lan_deadline_init(cfg->loop, &r->due, on_due, r)) {
		free(r);
		return key_why(why, LAN_ERR_NOMEM, "out of memory");
	}
	r->cfg = *cfg;
	r->cfg.url = NULL;
	r->soon = (struct lan_task){.fn = on_soon, .ctx = r};
	r->retry_at = r->quiet_at = r->probe_at = LAN_NEVER;
	r->pause = PAUSE_FIRST;
	r->base = (uint64_t)time(NULL) << 20; /* another one after each start; small enough for every JSON */
	enum lan_err e = lan_http_open(cfg->loop, cfg->url, on_done, r, &r->http);
	if (!e) {
		lan_http_on_lost(r->http, on_lost);
		*out = r;
		return LAN_OK;
	}
	lan_deadline_fini(cfg->loop, &r->due);
	free(r);
	if (e == LAN_ERR_NOTSUP)
		return key_why(why, e, "reports need libcurl: install libcurl4, or set no report_url");
	if (e == LAN_ERR_ADDR)
		return key_why(why, LAN_ERR_INVAL,
			"%s: not a URL to report to; e.g. http://127.0.0.1:8080/mutate", cfg->url);
	return key_why(why, e, "%s: out of memory", cfg->url);
}

void neighbor_report_flush(struct neighbor_report *r, lan_time until)
{
	r->flushing = true;
	for (size_t i = r->n; i-- > 0;) {
		struct row *w = r->row[i];
		w->up = false;
		w->quiet = 0;
		w->dirty = ALL;
		if (w->sent)
			queue(r, w);
		else
			forget(r, w);
	}
	r->retry_at = LAN_NEVER;
	r->failing = false;
	pump(r);
	lan_http_wait(r->http, until);
}

void neighbor_report_close(struct neighbor_report *r)
{
	if (!r)
		return;
	lan_http_close(r->http);
	lan_task_cancel(r->cfg.loop, &r->soon);
	lan_deadline_fini(r->cfg.loop, &r->due);
	for (size_t i = 0; i < r->n; i++)
		row_free(r->row[i]);
	free(r->row);
	free(r);
}
