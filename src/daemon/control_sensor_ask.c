/*
 * control_sensor_ask.c - the verbs that ask a slave: sensor.get, put, post, delete, answered when it has
 * answered, and sensor.observe, an open stream of values.
 *
 * Ways out of waiting: the answer (whatever its code), the time the configuration or timeout_ms gives, the
 * end of the master or of the connection. What does not fit into the output of an observer that is slow is
 * not sent: the next value is newer, and the count of what was left out goes before it.
 */
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/control_sensor.h"
#include "daemon/daemon.h"

#define BODY_MAX (1u << 20)

struct asking {
	struct sensors_ask ask; /* first */
	struct asking *prev, *next;
	struct conn *conn;
	json_int_t id;
	uint32_t slave;
	char *path;
	bool observe;
	uint64_t dropped;
};

bool asks_has(const struct conn *conn, json_int_t id)
{
	for (const struct asking *a = conn->asks; a; a = a->next)
		if (a->id == id)
			return true;
	return false;
}

static void end(struct asking *a)
{
	*(a->prev ? &a->prev->next : &a->conn->asks) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->conn->n_asks--;
	sensors_ask_end(&a->ask);
	free(a->path);
	free(a);
}

void asks_cancel(struct conn *conn)
{
	while (conn->asks)
		end(conn->asks);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void tell_value(struct asking *a, const struct lan_sensor_master_event *ev)
{
	json_t *j = json_of_answer(ev, a->path);
	char *text, *lost;
	json_object_set_new(j, "event", json_string(ev->kind == LAN_MASTER_NOTIFY ? "notify" : "response"));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (!text || !watch_fits(a->conn, strlen(text) + 256)) {
		a->dropped++;
		a->conn->c->dropped++;
		free(text);
		return;
	}
	lost = a->dropped ? event_dropped_json(a->dropped) : NULL;
	if (lost)
		watch_put(a->conn, a->id, "event", lost, strlen(lost));
	a->dropped = 0;
	watch_put(a->conn, a->id, "event", text, strlen(text));
	free(lost);
	free(text);
}

static void reply_failed(struct asking *a, const struct lan_sensor_master_event *ev)
{
	struct request r = {.c = a->conn->c, .conn = a->conn, .id = a->id, .has_id = true};
	enum lan_err e = ev ? ev->err : LAN_ERR_CLOSED;
	const char *why = ev && ev->reason && *ev->reason ? ev->reason : lan_err_text(e);
	reply_error(&r,
		e == LAN_ERR_TIMEOUT    ? "timeout"
		: e == LAN_ERR_NOTFOUND ? "not-found"
					: "failed",
		"lanyard sensor show tells when it was last heard", NULL, "slave %u, %s: %s",
		(unsigned)a->slave, a->path, ev ? why : "the master was closed");
}

static void reply_answer(struct asking *a, const struct lan_sensor_master_event *ev)
{
	struct request r = {.c = a->conn->c, .conn = a->conn, .id = a->id, .has_id = true};
	json_t *j = json_of_answer(ev, a->path);
	reply_result(&r, j);
}

/* It was observed and is not any more. */
static void reply_over(struct asking *a, const struct lan_sensor_master_event *ev)
{
	struct request r = {.c = a->conn->c, .conn = a->conn, .id = a->id, .has_id = true};
	bool missing = ev->code == 0x84; /* 4.04 */
	reply_error(&r, missing ? "not-found" : "failed", NULL, NULL, "slave %u, %s: %s", (unsigned)a->slave,
		a->path, ev->code >> 5 == 2 ? "it is not observable" : ev->code_text);
}

static void on_answer(struct sensors_ask *ask, const struct lan_sensor_master_event *ev)
{
	struct asking *a = (struct asking *)ask;
	if (!ev || ev->kind == LAN_MASTER_FAILED) {
		reply_failed(a, ev);
	} else if (!a->observe) {
		reply_answer(a, ev);
	} else {
		tell_value(a, ev);
		if (ev->observing)
			return;
		reply_over(a, ev);
	}
	end(a);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void reply_refused(struct request *r, const struct sensors *k, uint32_t slave, enum lan_err e)
{
	static const char show[] = "lanyard sensor show tells why";
	const char *name = sensors_name(k);
	if (e == LAN_ERR_NOTFOUND)
		reply_error(r, "not-found", "see what there is: lanyard sensor list", NULL,
			"sensor \"%s\" has no slave %u", name, (unsigned)slave);
	else if (e == LAN_ERR_CLOSED)
		reply_error(r, "failed", show, NULL, "slave %u is not associated", (unsigned)slave);
	else if (e == LAN_ERR_FULL)
		reply_error(r, "failed", "wait for answers first", NULL,
			"too many requests wait for slave %u, or for all of \"%s\"", (unsigned)slave, name);
	else if (e == LAN_ERR_INVAL || e == LAN_ERR_TOOBIG)
		reply_error(r, "usage", NULL, NULL, "the request cannot be sent: %s", lan_err_text(e));
	else
		reply_error(r, "failed", NULL, NULL, "slave %u: %s", (unsigned)slave, lan_err_text(e));
}

/* The body in memory of its own, or NULL; false: answered. */
static bool take_body(struct request *r, struct lan_sensor_master_request *q, char **body)
{
	json_t *text = json_object_get(r->args, "payload"), *base64 = json_object_get(r->args, "base64");
	size_t n = json_string_length(base64);
	*body = NULL;
	if (text && base64) {
		reply_error(r, "usage", NULL, NULL, "\"payload\" or \"base64\", not both");
		return false;
	}
	if (text) {
		q->payload = json_string_value(text);
		q->len = json_string_length(text);
	} else if (base64) {
		*body = malloc(n + 1);
		if (!*body || lan_base64_decode(json_string_value(base64), n, *body, &q->len) != LAN_OK) {
			reply_error(r, "usage", NULL, NULL, "argument \"base64\" is not base64");
			free(*body);
			return false;
		}
		q->payload = *body;
	}
	if (q->len <= BODY_MAX)
		return true;
	reply_error(r, "usage", NULL, NULL, "a body has at most %u bytes", BODY_MAX);
	free(*body);
	return false;
}

/* A number of the registry of content formats; false: answered. */
static bool take_format(struct request *r, const char *name, int32_t *out)
{
	const json_t *v = json_object_get(r->args, name);
	json_int_t n = json_integer_value(v);
	if (!v)
		return true;
	*out = (int32_t)n;
	if (n >= 0 && n <= 65535)
		return true;
	reply_error(r, "usage", NULL, NULL, "\"%s\" is 0 to 65535", name);
	return false;
}

static void send_ask(struct request *r, struct sensors *k, struct lan_sensor_master_request *q)
{
	struct conn *conn = r->conn;
	struct asking *a = calloc(1, sizeof *a);
	char *path = strdup(q->path);
	enum lan_err e = LAN_ERR_NOMEM;
	if (a && path) {
		*a = (struct asking){.ask.fn = on_answer,
			.conn = conn,
			.id = r->id,
			.slave = q->slave,
			.path = path,
			.observe = q->observe};
		e = sensors_ask(k, q, &a->ask);
	}
	if (e != LAN_OK) {
		free(path);
		free(a);
		reply_refused(r, k, q->slave, e);
		return;
	}
	a->next = conn->asks;
	if (a->next)
		a->next->prev = a;
	conn->asks = a;
	conn->n_asks++;
}

static void ask(struct request *r, uint8_t code, bool observe)
{
	const json_t *ms = json_object_get(r->args, "timeout_ms");
	json_int_t timeout_ms = ms ? json_integer_value(ms) : 0;
	struct lan_sensor_master_request q = LAN_SENSOR_MASTER_REQUEST_INIT;
	struct sensors *k;
	char *body;
	if ((ms && timeout_ms < 1) || timeout_ms > 3600000) {
		reply_error(r, "usage", NULL, NULL, "timeout_ms is 1 to 3600000");
		return;
	}
	if (r->conn->n_asks >= CONTROL_SENDS_MAX) {
		reply_error(r, "failed", "wait for answers first", NULL,
			"%d requests of this connection wait for an answer already", CONTROL_SENDS_MAX);
		return;
	}
	if (!sensor_slave(r, &q.slave) || !take_format(r, "accept", &q.accept) ||
		!take_format(r, "content_format", &q.content_format) || !(k = sensor_of(r, q.slave)) ||
		!take_body(r, &q, &body))
		return;
	q.path = json_string_value(json_object_get(r->args, "path"));
	q.path += q.path[0] == '/';
	q.query = json_string_value(json_object_get(r->args, "query"));
	q.code = code;
	q.observe = observe;
	q.no_cache = json_is_true(json_object_get(r->args, "no_cache"));
	q.give_up = LAN_MS((uint64_t)timeout_ms);
	send_ask(r, k, &q);
	free(body);
}

void verb_sensor_get(struct request *r)
{
	ask(r, 1, false);
}

void verb_sensor_post(struct request *r)
{
	ask(r, 2, false);
}

void verb_sensor_put(struct request *r)
{
	ask(r, 3, false);
}

void verb_sensor_delete(struct request *r)
{
	ask(r, 4, false);
}

void verb_sensor_observe(struct request *r)
{
	ask(r, 1, true);
}
