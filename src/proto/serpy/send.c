/*
 * send.c - the application's messages on their way into a queue, and what it
 * may do to a connection.
 */
#include "proto/serpy/out.h"

#include <string.h>

/* The application put something into a queue. */
void serpy_queued(struct serpy *s, lan_time now, struct serpy_out *o)
{
	serpy_used(s, now);
	o->used_at = now;
	if (o->conn)
		out_pump(s, now, o->conn);
}

enum lan_err send_room(struct serpy *s, struct serpy_out *o, size_t n, uint8_t **to)
{
	bool forget;
	*to = NULL;
	enum lan_err e = out_room(s, o, n, &forget);
	if (e || forget)
		return e;
	e = lan_ring_room(&o->data, n, to);
	if (!e)
		e = out_reserve(o, false);
	if (e)
		*to = NULL;
	return e;
}

void send_commit(struct serpy_out *o, size_t n, uint8_t mode, uint8_t flags)
{
	lan_ring_commit(&o->data, n);
	out_add(o, (struct out_mark){.len = (uint32_t)n, .mode = mode, .flags = flags}, NULL);
}

/* May anything be sent to `conn` now? */
enum lan_err serpy_open_out(struct serpy *s, uint64_t conn, struct serpy_out **o, const char **why)
{
	*why = "";
	enum lan_err e = serpy_out_of(s, conn, o);
	if (e)
		return e;
	if ((*o)->blob)
		*why = "a blob is being sent";
	else if ((*o)->asking)
		*why = "the peer was asked and has not answered";
	else if ((*o)->conn ? (*o)->conn->finishing : s->finishing)
		return LAN_ERR_CLOSED;
	return **why ? LAN_ERR_AGAIN : LAN_OK;
}

static enum lan_err remember_timeout(struct serpy *s, lan_time now, struct serpy_out *o, lan_time timeout)
{
	struct out_timeout t = {o->last + 1, now + timeout};
	return timeout ? lan_ring_put(&o->times, &t, sizeof t) : LAN_OK;
}

enum lan_err serpy_send(struct serpy *s, lan_time now, uint64_t conn, const struct serpy_value *v,
	const struct serpy_how *how, uint64_t *token, const char **why)
{
	static const struct serpy_how plain;
	struct serpy_out *o;
	enum lan_err e = serpy_open_out(s, conn, &o, why);
	if (e)
		return e;
	uint64_t before = o->last, times = o->times.tail;
	if (!how)
		how = &plain;
	if (s->cfg.dialect == SERPY2 && how->mode) {
		*why = "serpy2 has no modes";
		return LAN_ERR_INVAL;
	}
	if (how->timeout && remember_timeout(s, now, o, how->timeout))
		return LAN_ERR_NOMEM;
	e = s->cfg.dialect == SERPY2 ? send2(s, o, v, why) : send1(s, o, v, how, why);
	/* Refused, dropped by the queue's policy, or of a kind that nobody acknowledges. */
	if (o->last == before || !SERPY_MODE_ACKED(out_at(o, o->last)->mode))
		o->times.tail = times;
	else if (how->timeout)
		out_arm(s, o);
	if (e)
		return e;
	if (token)
		*token = o->last == before ? 0 : o->last;
	serpy_queued(s, now, o);
	return LAN_OK;
}

/* --- the connection --------------------------------------------------------------------------- */

/* Section 3.7: bytes that an original keeps and never understands. */
enum lan_err serpy_ask(struct serpy *s, lan_time now, uint64_t conn)
{
	struct serpy_out *o;
	const char *why;
	uint8_t *to;
	if (s->cfg.dialect != SERPY2)
		return LAN_ERR_NOTSUP;
	enum lan_err e = serpy_open_out(s, conn, &o, &why);
	if (!e)
		e = lan_ring_room(&o->data, SERPY_ASK_LEN, &to) ? LAN_ERR_NOMEM : out_reserve(o, false);
	if (e)
		return e;
	memcpy(to, SERPY_ASK, SERPY_ASK_LEN);
	send_commit(o, SERPY_ASK_LEN, 0, OUT_NOTE);
	o->asking = true;
	serpy_queued(s, now, o);
	return LAN_OK;
}

/* Do `act` to one connection, or (a server's 0) to all. */
static enum lan_err each(struct serpy *s, lan_time now, uint64_t conn,
	void (*act)(struct serpy *s, lan_time now, struct serpy_conn *c))
{
	if (s->cfg.server && conn) {
		struct serpy_conn *c = serpy_find(s, conn);
		if (!c || c->state != CONN_OPEN)
			return LAN_ERR_NOTFOUND;
		act(s, now, c);
		return LAN_OK;
	}
	if (!s->cfg.server && conn)
		return LAN_ERR_NOTFOUND;
	for (uint32_t i = 0; i < s->n_conns; i++)
		if (s->conns[i].c && s->conns[i].c->state == CONN_OPEN)
			act(s, now, s->conns[i].c);
	return LAN_OK;
}

static void finish(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	c->finishing = true;
	conn_check_finished(s, now, c);
}

enum lan_err serpy_finish(struct serpy *s, lan_time now, uint64_t conn)
{
	if (!s->cfg.server && !conn) {
		s->finishing = true;
		if (s->state != CLIENT_UP && !s->out->conn && !out_queued(s->out))
			client_stop(s);
	}
	return each(s, now, conn, finish);
}

static void drop(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	conn_end(s, now, c, SERPY_C_end_closed, LAN_OK);
}

enum lan_err serpy_drop(struct serpy *s, lan_time now, uint64_t conn)
{
	return each(s, now, conn, drop);
}
