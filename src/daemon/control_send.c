/*
 * control_send.c - the verb link.send: a line for a peer, answered when the peer
 * has acknowledged it.
 *
 * Three ways out of waiting: the acknowledgement, the timeout (then the line is
 * still queued, and the answer says so, because sending it again would deliver
 * it twice), the end of the link.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/control_conn.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard link list";

struct pending {
	struct pending *prev, *next;
	struct control *c;
	struct conn *conn;
	json_int_t id;
	char *name;
	uint32_t timeout_ms;
	struct send_wait *wait;
};

bool sends_has(const struct conn *conn, json_int_t id)
{
	for (const struct pending *p = conn->sends; p; p = p->next)
		if (p->id == id)
			return true;
	return false;
}

static void pending_free(struct pending *p)
{
	*(p->prev ? &p->prev->next : &p->conn->sends) = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->conn->n_sends--;
	free(p->name);
	free(p);
}

void sends_cancel(struct conn *conn)
{
	while (conn->sends) {
		send_wait_cancel(conn->sends->wait);
		pending_free(conn->sends);
	}
}

static void send_done(void *ctx, enum lan_err result, lan_time took)
{
	struct pending *p = ctx;
	struct request r = {.c = p->c, .conn = p->conn, .id = p->id, .has_id = true};
	if (result == LAN_OK)
		reply_result(&r, json_pack("{s:i, s:b, s:f}", "schema", 1, "acked", 1, "ms",
					 (double)(took / LAN_US(1)) / 1000.0));
	else if (result == LAN_ERR_TIMEOUT)
		reply_error(&r, "timeout",
			"the line stays queued and is delivered when the peer answers: do not send it again",
			json_pack("{s:b}", "queued", 1), "no acknowledgement from %s within %u ms", p->name,
			p->timeout_ms);
	else
		reply_error(&r, "failed", NULL, NULL,
			"the link was closed before %s acknowledged the line: it may or may not have arrived",
			p->name);
	pending_free(p);
}

/* The peer a link name stands for: its only one. NULL: answered. */
static char *only_peer(struct request *r, const struct link *k)
{
	struct lan_link_status st;
	char *id = NULL;
	size_t n = 0;
	for (; k->l && lan_link_peer(k->l, n, &st); n++)
		if (n == 0)
			id = strdup(st.id);
	if (n == 1 && id)
		return id;
	free(id);
	if (n == 0)
		reply_error(r, "not-found", listing, NULL, "link \"%s\" has no peer yet", link_name(k));
	else
		reply_error(
			r, "usage", "name one: LINK/ID", NULL, "link \"%s\" has %zu peers", link_name(k), n);
	return NULL;
}

static void reply_send_error(struct request *r, const struct link *k, const char *id, enum lan_err e)
{
	struct text q = {0};
	text_quoted(&q, id, strlen(id), 300);
	if (e == LAN_ERR_NOTFOUND)
		reply_error(r, "not-found", listing, NULL, "link \"%s\" has never seen a peer %s",
			link_name(k), text_str(&q));
	else if (e == LAN_ERR_FULL)
		reply_error(r, "failed", "wait until earlier lines are acknowledged: lanyard link show", NULL,
			"the queue for %s on link \"%s\" is full", text_str(&q), link_name(k));
	else if (e == LAN_ERR_INVAL || e == LAN_ERR_UTF8)
		reply_error(r, "usage", "a line is not empty and has no LF, CR or NUL inside", NULL,
			"the line cannot be sent: %s", lan_err_text(e));
	else if (e == LAN_ERR_TOOBIG)
		reply_error(r, "usage", NULL, NULL, "the line is longer than max_line of link \"%s\" (%s)",
			link_name(k), k->cfg->max_line);
	else
		reply_error(r, "failed", NULL, NULL, "link \"%s\": %s", link_name(k),
			lan_err_text(k->l ? e : k->error));
	text_fini(&q);
}

/* With acknowledgement: answered by send_done. */
static void send_and_wait(
	struct request *r, struct link *k, const char *id, unsigned flags, uint32_t timeout_ms)
{
	json_t *line = json_object_get(r->args, "line");
	struct conn *conn = r->conn;
	struct pending *p = calloc(1, sizeof *p);
	struct text name = {0};
	enum lan_err e;
	text_printf(&name, "\"%s/", link_name(k));
	text_escaped(&name, id, strlen(id));
	text_puts(&name, "\"");
	if (p)
		*p = (struct pending){.c = r->c,
			.conn = conn,
			.id = r->id,
			.name = text_take(&name),
			.timeout_ms = timeout_ms};
	text_fini(&name);
	e = p && p->name ? link_send(k, id, json_string_value(line), json_string_length(line), flags,
				   LAN_MS(timeout_ms), send_done, p, &p->wait)
			 : LAN_ERR_NOMEM;
	if (e != LAN_OK) {
		if (p)
			free(p->name);
		free(p);
		reply_send_error(r, k, id, e);
		return;
	}
	p->next = conn->sends;
	if (p->next)
		p->next->prev = p;
	conn->sends = p;
	conn->n_sends++;
}

static bool arg_bool(const struct request *r, const char *name, bool otherwise)
{
	json_t *v = json_object_get(r->args, name);
	return v ? json_is_true(v) : otherwise;
}

void verb_link_send(struct request *r)
{
	json_t *line = json_object_get(r->args, "line"), *ms = json_object_get(r->args, "timeout_ms");
	json_int_t timeout_ms = ms ? json_integer_value(ms) : 10000;
	struct link *k = NULL;
	char *id = NULL;
	if (timeout_ms < 1 || timeout_ms > 3600000) {
		reply_error(r, "usage", NULL, NULL, "timeout_ms is 1 to 3600000");
		return;
	}
	if (r->conn->n_sends >= CONTROL_SENDS_MAX) {
		reply_error(r, "failed", "wait for answers first", NULL,
			"%d lines of this connection wait for their acknowledgement already",
			CONTROL_SENDS_MAX);
		return;
	}
	if (!request_find(r, &k, &id) || (!id && !(id = only_peer(r, k))))
		return;
	if (arg_bool(r, "qos", true)) {
		unsigned flags = LAN_LINK_QOS | (arg_bool(r, "wait", true) ? LAN_LINK_WAIT : 0);
		send_and_wait(r, k, id, flags, (uint32_t)timeout_ms);
	} else {
		enum lan_err e = link_send(
			k, id, json_string_value(line), json_string_length(line), 0, 0, NULL, NULL, NULL);
		if (e == LAN_OK)
			reply_result(r, json_pack("{s:i, s:b}", "schema", 1, "sent", 1));
		else
			reply_send_error(r, k, id, e);
	}
	free(id);
}
