/*
 * stream.c - core <-> TCP, see stream.h.
 *
 * A connection is one small allocation: thousands of idle clients are the
 * normal case. The core's number of a connection indexes `conns`. A connection
 * may end inside any call (its own reading, a want of the core); it then leaves
 * the table at once, and its memory when libuv lets go of the handle, so
 * functions that may end one say whether it is still there.
 */
#include "drv/stream.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "io/dial.h"
#include "io/tcp.h"

/* Reads of one connection per wake-up: the rest is reported again, after the others. */
#define READ_BURST 4

struct conn {
	struct lan_watch watch;
	struct lan_sdrv *drv;
	uint32_t id;
	enum lan_err broken;  /* sending failed: what the peer said before is still being read */
	lan_time waits_since; /* dead_after: the peer's system owes an answer; 0: not known to */
	bool sending;         /* dead_after: something was sent since none waited */
	bool blocked;         /* the socket took no more: waiting for it to become writable */
	bool paused;          /* the core had no room: waiting for LAN_WANT_READ */
};

struct lan_sdrv {
	struct lan_loop *loop;
	const struct lan_stream_ops *ops;
	void *core;
	void (*ready)(void *ctx);
	void *ctx;
	struct conn **conns;
	uint32_t n_conns; /* length of the table */
	struct lan_listener *listener;
	struct lan_dial *dial;
	struct lan_hostport target;
	lan_time dial_timeout, dead_after;
	struct lan_deadline due, sweep;
	bool sweeping;
	bool breaks; /* sending failed on some connection, which is yet to be read to its end */
	struct lan_task task;
	bool input;   /* the core was told something since `ready` was last considered */
	bool in_task; /* a pump follows anyway */
	uint64_t refused;
	char target_text[sizeof(struct lan_hostport) + 8];
};

static lan_time now(const struct lan_sdrv *d)
{
	return lan_loop_stamp(d->loop);
}

static void touched(struct lan_sdrv *d)
{
	d->input = true;
	if (!d->in_task)
		lan_task_queue(d->loop, &d->task);
}

static void interest(struct conn *c)
{
	lan_watch_set(
		&c->watch, (c->paused ? 0 : LAN_READABLE) | (c->blocked && !c->broken ? LAN_WRITABLE : 0));
}

static void on_conn_closed(struct lan_watch *w)
{
	free(w); /* the watch is the first member */
}

/* Out of the table, out of the loop; returns the descriptor, still open. */
static int detach(struct conn *c)
{
	int fd = lan_watch_fd(&c->watch);
	c->drv->conns[c->id] = NULL;
	lan_watch_close(&c->watch, on_conn_closed);
	return fd;
}

static void lost(struct conn *c, enum lan_err why)
{
	struct lan_sdrv *d = c->drv;
	uint32_t id = c->id;
	int fd = detach(c);
	if (d->ops->unreached)
		d->ops->unreached(d->core, id, lan_tcp_outstanding(fd));
	close(fd);
	d->ops->lost(d->core, now(d), id, why);
	touched(d);
}

/* Read up to `burst` times. False: the connection is gone. */
static bool receive(struct conn *c, int burst)
{
	struct lan_sdrv *d = c->drv;
	int fd = lan_watch_fd(&c->watch);
	for (; burst > 0; burst--) {
		size_t room, got;
		uint8_t *to = d->ops->room(d->core, c->id, &room);
		if (room == 0) {
			c->paused = true;
			break;
		}
		enum lan_err e = lan_tcp_recv(fd, to, room, &got);
		if (e == LAN_ERR_AGAIN && !c->broken)
			break;
		if (e) {
			lost(c, e == LAN_ERR_AGAIN ? c->broken : e);
			return false;
		}
		touched(d);
		if (d->ops->commit(d->core, now(d), c->id, got)) {
			c->paused = true; /* LAN_WANT_CLOSE follows */
			break;
		}
		if (got < room && !c->broken)
			break; /* the socket is empty; if not, it is reported again */
	}
	interest(c);
	return true;
}

/* The stream broke: what the peer said before it went away may still be there to read. While the core has no
 * room for it, it stays there: LAN_WANT_READ comes back to it. */
static void broken(struct conn *c, enum lan_err why)
{
	c->broken = c->broken ? c->broken : why;
	(void)receive(c, INT_MAX);
}

/* Sending failed, perhaps in the middle of the application's work: see to it at the end of the turn. */
static void broke(struct conn *c, enum lan_err why)
{
	c->broken = why;
	c->drv->breaks = true;
	touched(c->drv);
}

static void serve_breaks(struct lan_sdrv *d)
{
	d->breaks = false;
	for (uint32_t i = 0; i < d->n_conns; i++)
		if (d->conns[i] && d->conns[i]->broken && !d->conns[i]->paused)
			broken(d->conns[i], d->conns[i]->broken);
}

/* --- peers that do not answer ------------------------------------------------------------- */

static void start_sweeping(struct lan_sdrv *d)
{
	d->sweeping = true;
	lan_deadline_arm(d->loop, &d->sweep, now(d) + d->dead_after / 4);
}

/* Something is on its way to the peer, or waits for it to have room: does its system acknowledge anything? */
static bool is_dead(struct lan_sdrv *d, struct conn *c)
{
	int fd = lan_watch_fd(&c->watch);
	uint64_t bytes = lan_tcp_outstanding(fd);
	bool asked;
	lan_time silent, at = now(d);
	lan_tcp_answers(fd, &asked, &silent);
	if (!bytes)
		c->sending = c->blocked;
	if (!bytes || !asked) { /* a peer without room may live */
		c->waits_since = 0;
		return false;
	}
	if (!c->waits_since)
		c->waits_since = at;
	return silent >= d->dead_after && at >= c->waits_since + d->dead_after;
}

static void on_sweep(void *ctx)
{
	struct lan_sdrv *d = ctx;
	bool more = false;
	for (uint32_t i = 0; i < d->n_conns; i++) {
		struct conn *c = d->conns[i];
		if (!c || !c->sending || c->broken)
			continue;
		if (is_dead(d, c))
			broken(c, LAN_ERR_TIMEOUT);
		else
			more |= c->sending;
	}
	d->sweeping = false;
	if (more)
		start_sweeping(d);
}

/* Write until the core has nothing or the socket takes no more. */
static void flush(struct conn *c)
{
	struct lan_sdrv *d = c->drv;
	int fd = lan_watch_fd(&c->watch);
	const uint8_t *from;
	size_t n, took;
	c->blocked = false;
	while (!c->broken && ((from = d->ops->pending(d->core, c->id, &n)), n > 0)) {
		enum lan_err e = lan_tcp_send(fd, from, n, &took);
		if (e == LAN_ERR_AGAIN) {
			c->blocked = true;
			break;
		}
		if (e) {
			broke(c, e);
			break;
		}
		d->ops->sent(d->core, now(d), c->id, took);
		d->input |= d->ops->ready != NULL;
		c->sending = true;
	}
	if (c->sending && d->dead_after && !d->sweeping)
		start_sweeping(d);
	interest(c);
}

static void on_conn(void *ctx, int events)
{
	struct conn *c = ctx;
	struct lan_sdrv *d = c->drv;
	if (events & LAN_BROKEN) {
		broken(c, LAN_ERR_RESET);
		return;
	}
	if (events & LAN_READABLE && !receive(c, READ_BURST))
		return;
	if (events & LAN_WRITABLE) {
		flush(c);
		lan_task_queue(d->loop, &d->task);
	}
}

/* Room in the table for connection number `id`. */
static bool reserve(struct lan_sdrv *d, uint32_t id)
{
	if (id < d->n_conns)
		return true;
	uint32_t n = id + 1 + id / 2;
	struct conn **t = realloc(d->conns, n * sizeof *t);
	if (!t)
		return false;
	for (uint32_t i = d->n_conns; i < n; i++)
		t[i] = NULL;
	d->conns = t;
	d->n_conns = n;
	return true;
}

/* A stream came up: hand it to the core, then watch it. */
static void adopt(struct lan_sdrv *d, int fd, const char *peer)
{
	uint32_t id = LAN_NO_CONN;
	struct conn *c = malloc(sizeof *c);
	if (c)
		*c = (struct conn){.drv = d};
	if (!c || lan_watch_init(&c->watch, d->loop, fd, on_conn, c)) {
		free(c);
		close(fd);
		d->refused++;
		if (!d->listener)
			(void)!d->ops->open(d->core, now(d), LAN_ERR_NOMEM, peer, &id);
		return;
	}
	enum lan_err e = d->ops->open(d->core, now(d), LAN_OK, peer, &id);
	touched(d);
	if (!e && !reserve(d, id)) {
		d->refused++;
		d->ops->lost(d->core, now(d), id, LAN_ERR_NOMEM);
		e = LAN_ERR_NOMEM;
	}
	if (e) {
		lan_watch_close(&c->watch, on_conn_closed);
		close(fd);
		return;
	}
	c->id = id;
	d->conns[id] = c;
	if (d->dead_after)
		lan_tcp_keepalive(fd, d->dead_after);
	interest(c);
}

static void on_accept(void *ctx, int fd, const char *peer)
{
	adopt(ctx, fd, peer);
}

static void on_dialled(void *ctx, enum lan_err e, int fd, const char *peer)
{
	struct lan_sdrv *d = ctx;
	uint32_t none;
	d->dial = NULL;
	if (e)
		(void)!d->ops->open(d->core, now(d), e, peer, &none);
	else
		adopt(d, fd, peer);
	touched(d);
}

static void dial(struct lan_sdrv *d)
{
	uint32_t none;
	lan_dial_cancel(d->dial);
	d->dial = NULL;
	enum lan_err e = lan_dial_start(d->loop, &d->target, d->dial_timeout, on_dialled, d, &d->dial);
	if (e) {
		(void)!d->ops->open(d->core, now(d), e, d->target_text, &none);
		touched(d);
	}
}

static void read_on(struct conn *c)
{
	c->paused = false;
	if (c->broken)
		broke(c, c->broken);
	else
		interest(c);
}

static void serve_wants(struct lan_sdrv *d)
{
	struct lan_want w;
	while (d->ops->want(d->core, &w)) {
		struct conn *c = w.kind != LAN_WANT_DIAL && w.conn < d->n_conns ? d->conns[w.conn] : NULL;
		switch (w.kind) {
		case LAN_WANT_SEND:
			if (c && !c->blocked && !c->broken)
				flush(c);
			break;
		case LAN_WANT_READ:
			if (c)
				read_on(c);
			break;
		case LAN_WANT_CLOSE:
			if (c)
				close(detach(c));
			break;
		case LAN_WANT_FINISH:
			if (c)
				lan_tcp_close_gently(detach(c));
			break;
		case LAN_WANT_DIAL:
			dial(d);
			break;
		}
	}
	lan_deadline_arm(d->loop, &d->due, d->ops->deadline(d->core));
}

/* Whether the application should look for events. Asked once per input. */
static bool events_wait(struct lan_sdrv *d)
{
	bool yes = d->input && (!d->ops->ready || d->ops->ready(d->core));
	d->input = false;
	return yes;
}

static void on_task(void *ctx)
{
	struct lan_sdrv *d = ctx;
	d->in_task = true;
	if (d->breaks)
		serve_breaks(d);
	if (events_wait(d)) {
		lan_loop_note(d->loop);
		d->ready(d->ctx);
	}
	serve_wants(d);
	d->in_task = false;
	if (events_wait(d) || d->breaks) /* serving a want made news, e.g. a connection broke */
		touched(d);
}

static void on_due(void *ctx)
{
	struct lan_sdrv *d = ctx;
	d->ops->tick(d->core, now(d));
	touched(d);
}

void lan_sdrv_kick(struct lan_sdrv *d)
{
	d->input |= d->ops->ready != NULL;
	if (!d->in_task)
		lan_task_queue(d->loop, &d->task);
}

void lan_sdrv_pump(struct lan_sdrv *d)
{
	if (d->in_task)
		return;
	serve_wants(d);
	if (events_wait(d) || d->breaks)
		touched(d);
	else
		lan_task_cancel(d->loop, &d->task);
}

void lan_sdrv_flush(struct lan_sdrv *d)
{
	serve_wants(d);
	d->input |= d->ops->ready != NULL;
}

static enum lan_err init(const struct lan_sdrv_config *cfg, struct lan_sdrv **out)
{
	struct lan_hostport target;
	enum lan_err e = lan_hostport_parse(cfg->address, cfg->default_port, &target);
	if (e)
		return e;
	struct lan_sdrv *d = calloc(1, sizeof *d);
	if (!d)
		return LAN_ERR_NOMEM;
	e = lan_deadline_init(cfg->loop, &d->due, on_due, d);
	if (e)
		goto no_due;
	e = lan_deadline_init(cfg->loop, &d->sweep, on_sweep, d);
	if (e)
		goto no_sweep;
	d->loop = cfg->loop;
	d->ops = cfg->ops;
	d->core = cfg->core;
	d->ready = cfg->ready;
	d->ctx = cfg->ctx;
	d->dial_timeout = cfg->dial_timeout;
	d->dead_after = cfg->dead_after == LAN_NEVER ? 0 : cfg->dead_after;
	d->target = target;
	d->task = (struct lan_task){.fn = on_task, .ctx = d};
	lan_hostport_text(&target, d->target_text, sizeof d->target_text);
	lan_task_queue(d->loop, &d->task);
	*out = d;
	return LAN_OK;
no_sweep:
	lan_deadline_fini(cfg->loop, &d->due);
no_due:
	free(d);
	return e;
}

enum lan_err lan_sdrv_listen(const struct lan_sdrv_config *cfg, struct lan_sdrv **out)
{
	struct lan_sdrv *d;
	enum lan_err e = init(cfg, &d);
	if (e)
		return e;
	e = lan_listener_open(d->loop, &d->target, on_accept, d, &d->listener);
	if (e) {
		lan_sdrv_close(d);
		return e;
	}
	*out = d;
	return LAN_OK;
}

enum lan_err lan_sdrv_dial(const struct lan_sdrv_config *cfg, struct lan_sdrv **out)
{
	struct lan_sdrv *d;
	enum lan_err e = init(cfg, &d);
	if (e)
		return e;
	if (!*d->target.host || !d->target.port) {
		lan_sdrv_close(d);
		return LAN_ERR_ADDR;
	}
	*out = d;
	return LAN_OK;
}

void lan_sdrv_close(struct lan_sdrv *d)
{
	if (!d)
		return;
	lan_listener_close(d->listener);
	lan_dial_cancel(d->dial);
	for (uint32_t i = 0; i < d->n_conns; i++) {
		struct conn *c = d->conns[i];
		size_t n, took;
		const uint8_t *from = c && !c->blocked ? d->ops->pending(d->core, i, &n) : NULL;
		if (!c)
			continue;
		int fd = detach(c);
		if (from && n > 0)
			(void)!lan_tcp_send(fd, from, n, &took);
		lan_tcp_close_gently(fd);
	}
	lan_task_cancel(d->loop, &d->task);
	lan_deadline_fini(d->loop, &d->due);
	lan_deadline_fini(d->loop, &d->sweep);
	free(d->conns);
	free(d);
}

void lan_sdrv_stop(struct lan_sdrv *d)
{
	d->refused = lan_sdrv_refused(d);
	if (d->listener)
		snprintf(d->target_text, sizeof d->target_text, "%s", lan_listener_address(d->listener));
	lan_listener_close(d->listener);
	d->listener = NULL;
}

const char *lan_sdrv_address(const struct lan_sdrv *d)
{
	return d->listener ? lan_listener_address(d->listener) : d->target_text;
}

uint64_t lan_sdrv_refused(const struct lan_sdrv *d)
{
	return d->refused + (d->listener ? lan_listener_refused(d->listener) : 0);
}

uint64_t lan_sdrv_under_way(const struct lan_sdrv *d)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < d->n_conns; i++)
		if (d->conns[i])
			sum += lan_tcp_outstanding(lan_watch_fd(&d->conns[i]->watch));
	return sum;
}
