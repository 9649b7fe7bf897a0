/*
 * iot_replay.c - see iot_replay.h.
 *
 * A capture is a list of lines with time, connection and direction. One
 * direction is fed to our core at the captured times; the other is what the
 * original answered. The application's writes are taken from there: a line is
 * written when the original first sent it. Keepalives are not compared line by
 * line, only that there is never a long silence.
 */
#include "iot_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS 8
#define START LAN_SEC(100)

enum what { OPENED, LINE, PEER_CLOSED, BOTH_CLOSED, NOBODY, DIED, DROP, WRITE, CLOSED };

struct item {
	lan_time at;
	int conn, order;
	enum what what;
	uint8_t *p;
	size_t n;
	bool lost; /* sent and swallowed by the path */
};

struct list {
	struct item *i;
	int n;
};

struct log {
	FILE *f;
	int conn;
	char *text;
	size_t len;
};

struct replay {
	bool server;
	void *core;
	const struct lan_stream_ops *ops;
	struct iot_config cfg;
	lan_time now, T;
	uint32_t conn[CONNS]; /* LAN_NO_CONN: not open */
	lan_time last_out[CONNS];
	uint8_t part[CONNS][70000];
	size_t n_part[CONNS];
	bool spoke[CONNS], dials;
	unsigned flags;
	struct log acks, messages, delivered, closed, opening;
	double max_gap;
};

static void log_open(struct log *l)
{
	l->conn = -1;
	l->f = open_memstream(&l->text, &l->len);
}

static void log_add(struct log *l, int conn, const void *p, size_t n)
{
	if (conn >= 0 && conn != l->conn)
		fprintf(l->f, "%s#%d", ftell(l->f) ? " " : "", conn);
	l->conn = conn;
	if (n)
		fprintf(l->f, "%s", ftell(l->f) ? " " : "");
	if (n <= 40)
		fwrite(p, 1, n, l->f);
	else
		fprintf(l->f, "%.20s..%zu..%.3s", (const char *)p, n, (const char *)p + n - 3);
}

/* A text the application got. Captures keep only the beginning of long ones. */
static void log_text(struct log *l, const char *p, size_t n)
{
	if (n <= 40)
		log_add(l, -1, p, n);
	else
		fprintf(l->f, "%s%.20s..", ftell(l->f) ? " " : "", p);
}

static char *log_close(struct log *l)
{
	fclose(l->f);
	return l->text;
}

void outcome_fini(struct outcome *o)
{
	free(o->acks);
	free(o->messages);
	free(o->delivered);
	free(o->closed);
	free(o->opening);
}

/* --- reading a capture ----------------------------------------------------------- */

static uint8_t *unhex(const char *hex, size_t *n)
{
	uint8_t *p = malloc(strlen(hex) / 2 + 1);

	for (*n = 0; hex[0] && hex[1] && sscanf(hex, "%2hhx", &p[*n]) == 1; hex += 2)
		++*n;
	p[*n] = 0;
	return p;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static struct item *add(struct list *l, lan_time at, int conn, enum what what)
{
	l->i = realloc(l->i, (size_t)(l->n + 1) * sizeof *l->i);
	l->i[l->n] = (struct item){.at = at, .conn = conn, .order = l->n, .what = what};
	return &l->i[l->n++];
}

static lan_time when(const json_t *e)
{
	return START + (lan_time)(json_number_value(json_object_get(e, "t_ms")) * 1e6);
}

/* The lines one direction carried, as its receiver got them (or its sender sent them). */
static void read_lines(struct list *l, const json_t *e, bool as_sent)
{
	const char *meaning = str(e, "meaning"), *full = strstr(meaning, "full line was hex ");
	const char *delay = strstr(meaning, "[delayed ");
	int conn = (int)json_integer_value(json_object_get(e, "conn"));
	struct item *i;

	if (as_sent && strstr(meaning, "[DUPLICATED"))
		return; /* the path's copy */
	if (strcmp(meaning, "sender closed its side") == 0) {
		add(l, when(e), conn, PEER_CLOSED);
		return;
	}
	i = add(l, when(e) - (as_sent && delay ? LAN_MS(strtoul(delay + 9, NULL, 10)) : 0), conn, LINE);
	i->p = unhex(as_sent && full ? full + 18 : str(e, "hex"), &i->n);
	i->lost = !as_sent && strstr(meaning, "[DROPPED");
}

static void read_event(struct list *l, const json_t *e)
{
	const char *meaning = str(e, "meaning");
	int conn = (int)json_integer_value(json_object_get(e, "conn"));

	if (strncmp(meaning, "TCP connection opened", 21) == 0)
		add(l, when(e), conn, OPENED);
	else if (strcmp(meaning, "proxy closed both sides") == 0)
		add(l, when(e), conn, BOTH_CLOSED);
	else if (strncmp(meaning, "server not listening", 20) == 0)
		add(l, when(e), conn, NOBODY);
	else
		add(l, when(e), conn, CLOSED);
}

static int in_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->order - y->order;
}

/* dir: "c2s" or "s2c" */
static struct list read_capture(const json_t *scenario, const char *dir, bool as_sent)
{
	struct list l = {0};
	size_t k;
	json_t *e;
	int seen = -1;

	json_array_foreach(json_object_get(scenario, "events"), k, e)
	{
		const char *d = str(e, "dir");
		int conn = (int)json_integer_value(json_object_get(e, "conn"));

		/* a scripted client's connections have no event of their own */
		if (conn > seen && strcmp(d, "event") != 0)
			add(&l, when(e) - 1, conn, OPENED);
		seen = conn > seen ? conn : seen;
		if (strcmp(d, "event") == 0)
			read_event(&l, e);
		else if (strcmp(d, dir) == 0)
			read_lines(&l, e, as_sent);
	}
	qsort(l.i, (size_t)l.n, sizeof *l.i, in_time);
	return l;
}

static void list_fini(struct list *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->i[i].p);
	free(l->i);
}

static bool is_message(const struct item *i)
{
	return i->what == LINE && i->n > 3;
}

/* One line as sent, LF included, into the logs; false: it was the id line. */
static void log_line(struct log *acks, struct log *messages, int conn, const uint8_t *p, size_t n)
{
	if (n == 3)
		log_add(acks, conn, p, 2);
	else if (n > 3)
		log_add(messages, conn, p, n - 1);
}

/* --- what the original did ---------------------------------------------------------- */

/* Captured texts are as Python prints them: \n and \xHH, the latter Latin-1. */
static void log_printed(struct log *l, const char *p)
{
	char out[200];
	size_t n = 0;
	unsigned c;

	for (; *p && n < sizeof out - 2; p++) {
		if (p[0] == '\\' && p[1] == 'n') {
			p++;
		} else if (sscanf(p, "\\x%2x", &c) == 1) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 63));
			p += 3;
		} else if (*p != '\n') {
			out[n++] = *p;
		}
	}
	log_text(l, out, n);
}

static void log_strings(struct log *l, const json_t *texts)
{
	const json_t *t;
	size_t k;

	json_array_foreach(texts, k, t)
	{
		if (json_is_array(t))
			log_strings(l, t);
		else
			log_printed(l, json_string_value(t));
	}
}

void outcome_captured(const json_t *scenario, bool server, struct outcome *o)
{
	struct list l = read_capture(scenario, server ? "s2c" : "c2s", true);
	struct log acks, messages, delivered, closed, opening;
	bool spoke[CONNS] = {0};

	log_open(&acks);
	log_open(&messages);
	log_open(&delivered);
	log_open(&closed);
	log_open(&opening);
	for (int i = 0; i < l.n; i++) {
		const struct item *it = &l.i[i];

		if (it->what == CLOSED || (it->what == PEER_CLOSED && server))
			log_add(&closed, it->conn, "", 0);
		if (it->what != LINE || !it->n)
			continue;
		if (!spoke[it->conn])
			log_add(&opening, it->conn, it->p, it->n - 1);
		if (spoke[it->conn] || server)
			log_line(&acks, &messages, it->conn, it->p, it->n);
		spoke[it->conn] = true;
	}
	log_strings(&delivered,
		json_object_get(scenario, server ? "server_app_received" : "client_app_received"));
	*o = (struct outcome){.acks = log_close(&acks),
		.messages = log_close(&messages),
		.delivered = log_close(&delivered),
		.closed = log_close(&closed),
		.opening = log_close(&opening)};
	list_fini(&l);
}

/* --- what ours does ------------------------------------------------------------------- */

static void entropy(void *ctx, void *buf, size_t n)
{
	memset(buf, 42, n);
}

static void make_core(struct replay *r)
{
	static const struct lan_env env = {.entropy = entropy};
	enum lan_err err;

	if (r->server) {
		struct iot_server *s = NULL;

		err = iot_server_new(&env, &r->cfg, &s);
		r->core = s;
	} else {
		struct iot_client *c = NULL;

		err = iot_client_new(&env, &r->cfg, &c);
		r->core = c;
	}
	if (err != LAN_OK)
		abort();
	for (int k = 0; k < CONNS; k++)
		r->conn[k] = LAN_NO_CONN;
	r->dials = false;
}

static void free_core(struct replay *r)
{
	if (r->server)
		iot_server_free(r->core);
	else
		iot_client_free(r->core);
}

static int conn_no(const struct replay *r, uint32_t conn)
{
	for (int k = 0; k < CONNS; k++)
		if (r->conn[k] == conn)
			return k;
	abort();
}

static void took(struct replay *r, int k, const uint8_t *p, size_t n)
{
	double gap = (double)(r->now - r->last_out[k]) / ((double)r->T / 4);

	r->max_gap = gap > r->max_gap ? gap : r->max_gap;
	r->last_out[k] = r->now;
	for (; n; p++, n--) {
		r->part[k][r->n_part[k]++] = *p;
		if (*p != '\n' && r->n_part[k] < sizeof r->part[k])
			continue;
		if (!r->spoke[k])
			log_add(&r->opening, k, r->part[k], r->n_part[k] - 1);
		if (r->spoke[k] || r->server)
			log_line(&r->acks, &r->messages, k, r->part[k], r->n_part[k]);
		r->spoke[k] = true;
		r->n_part[k] = 0;
	}
}

static void send_all(struct replay *r, uint32_t conn)
{
	const uint8_t *p;
	size_t n;

	while ((p = r->ops->pending(r->core, conn, &n)), n) {
		took(r, conn_no(r, conn), p, n);
		r->ops->sent(r->core, r->now, conn, n);
	}
}

static void pull(struct replay *r)
{
	struct iot_event ev;

	while (r->server ? iot_server_event(r->core, r->now, &ev) : iot_client_event(r->core, r->now, &ev))
		if (ev.kind == IOT_MESSAGE)
			log_text(&r->delivered, ev.line, ev.len);
}

static void settle(struct replay *r)
{
	struct lan_want w;

	pull(r);
	while (r->ops->want(r->core, &w)) {
		switch (w.kind) {
		case LAN_WANT_DIAL:
			r->dials = true;
			break;
		case LAN_WANT_SEND:
			send_all(r, w.conn);
			break;
		case LAN_WANT_CLOSE:
		case LAN_WANT_FINISH:
			log_add(&r->closed, conn_no(r, w.conn), "", 0);
			r->conn[conn_no(r, w.conn)] = LAN_NO_CONN;
			break;
		case LAN_WANT_READ:
			break;
		}
		pull(r);
	}
}

static void run_until(struct replay *r, lan_time at)
{
	for (;;) {
		lan_time next = r->ops->deadline(r->core);

		if (next > at)
			break;
		r->now = next > r->now ? next : r->now + 1;
		r->ops->tick(r->core, r->now);
		settle(r);
	}
	r->now = at;
}

static void feed(struct replay *r, uint32_t conn, const uint8_t *p, size_t n)
{
	while (n) {
		size_t room = 0;
		uint8_t *to = r->ops->room(r->core, conn, &room);

		room = room < n ? room : n;
		if (!room)
			abort();
		memcpy(to, p, room);
		p += room;
		n -= room;
		if (r->ops->commit(r->core, r->now, conn, room) != LAN_OK)
			break;
		pull(r);
	}
}

static void do_open(struct replay *r, int k)
{
	if (!r->server && !r->dials)
		return; /* it gave up an attempt the original was still waiting for */
	r->dials = false;
	r->spoke[k] = false;
	r->n_part[k] = 0;
	r->last_out[k] = r->now;
	if (r->ops->open(r->core, r->now, LAN_OK, "replay", &r->conn[k]) != LAN_OK)
		r->conn[k] = LAN_NO_CONN;
}

static void do_lost(struct replay *r, int k)
{
	if (r->conn[k] == LAN_NO_CONN)
		return;
	r->ops->lost(r->core, r->now, r->conn[k], LAN_ERR_CLOSED);
	r->conn[k] = LAN_NO_CONN;
}

static void do_write(struct replay *r, const struct item *i)
{
	const char *text = (const char *)i->p + 2;
	size_t n = i->n - 3;
	uint64_t token;
	enum lan_err err =
		r->server ? iot_server_write(r->core, r->now, r->cfg.expect[0], text, n, r->flags, &token)
			  : iot_client_write(r->core, r->now, text, n, r->flags, &token);

	if (err != LAN_OK)
		abort();
}

static void do_item(struct replay *r, const struct item *i)
{
	switch (i->what) {
	case OPENED:
		do_open(r, i->conn);
		break;
	case LINE:
		if (!i->lost && i->n && r->conn[i->conn] != LAN_NO_CONN)
			feed(r, r->conn[i->conn], i->p, i->n);
		break;
	case PEER_CLOSED:
	case BOTH_CLOSED:
		do_lost(r, i->conn);
		break;
	case NOBODY:
		if (!r->server) {
			do_lost(r, i->conn);
			break;
		}
		/* the process of the server was not there, a new one will be */
		__attribute__((fallthrough));
	case DIED:
		free_core(r);
		make_core(r);
		break;
	case DROP:
		if (r->conn[i->conn] != LAN_NO_CONN)
			(void)!iot_client_drop(r->core, r->now);
		break;
	case WRITE:
		do_write(r, i);
		break;
	case CLOSED:
		break;
	}
	settle(r);
}

/* The writes of the application: each line the original sent for the first time. */
static void add_writes(struct list *to, const json_t *scenario, bool server)
{
	struct list l = read_capture(scenario, server ? "s2c" : "c2s", true);
	char last[5000] = "";
	bool spoke[CONNS] = {0};

	for (int i = 0; i < l.n; i++) {
		struct item *it = &l.i[i];
		bool id = !server && it->what == LINE && !spoke[it->conn];

		spoke[it->conn] |= it->what == LINE;
		if (it->what == PEER_CLOSED && !server)
			add(to, it->at, it->conn,
				strcmp(str(scenario, "name"), "client_restart") ? DROP : DIED);
		if (!is_message(it) || id || strstr(last, (const char *)it->p) == last)
			continue;
		snprintf(last, sizeof last, "%s", (const char *)it->p);
		struct item *w = add(to, it->at, it->conn, WRITE);

		w->p = it->p;
		w->n = it->n;
		it->p = NULL;
	}
	list_fini(&l);
	qsort(to->i, (size_t)to->n, sizeof *to->i, in_time);
}

static unsigned flags_of(const json_t *scenario, bool server)
{
	const char *app = str(json_object_get(scenario, "config"), server ? "server_app" : "client_app");

	if (strstr(app, "qos 0") || strstr(app, "qos=0"))
		return 0;
	return strstr(app, "wait 0") || strstr(app, "wait=0") ? IOT_QOS : IOT_QOS | IOT_WAIT;
}

static const char *id_of(const json_t *scenario)
{
	return strcmp(str(scenario, "name"), "unknown_id") == 0 ? "x" : "1";
}

void outcome_ours(const json_t *scenario, bool server, struct outcome *o)
{
	const char *expect[] = {id_of(scenario)};
	struct list l = read_capture(scenario, server ? "c2s" : "s2c", false);
	struct replay *r = calloc(1, sizeof *r);

	add_writes(&l, scenario, server);
	*r = (struct replay){.server = server,
		.ops = server ? &iot_server_ops : &iot_client_ops,
		.now = START,
		.flags = flags_of(scenario, server)};
	r->T = LAN_MS(json_integer_value(json_object_get(json_object_get(scenario, "config"), "timeout_ms")));
	r->cfg = (struct iot_config){.timeout = r->T, .id = expect[0], .expect = expect, .n_expect = 1};
	make_core(r);
	log_open(&r->acks);
	log_open(&r->messages);
	log_open(&r->delivered);
	log_open(&r->closed);
	log_open(&r->opening);
	settle(r);
	for (int i = 0; i < l.n; i++) {
		run_until(r, l.i[i].at);
		do_item(r, &l.i[i]);
	}
	*o = (struct outcome){.acks = log_close(&r->acks),
		.messages = log_close(&r->messages),
		.delivered = log_close(&r->delivered),
		.closed = log_close(&r->closed),
		.opening = log_close(&r->opening),
		.max_gap = r->max_gap};
	free_core(r);
	free(r);
	list_fini(&l);
}
