/*
 * control.c - the connections of the control socket: accepting, reading lines,
 * writing what is due, closing what is slow or idle.
 *
 * Everything a connection has to do happens in one place, conn_run, in a task
 * at the end of a turn: take lines while there is room for answers, flush,
 * report what watchers missed, decide what to wait for. Who asks much gets a
 * bounded number of lines per turn.
 */
#include "daemon/control_conn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "daemon/control_socket.h"

#define CHUNK          65536u
#define LINES_PER_TURN 64
#define ACCEPT_PAUSE   LAN_MS(200)

size_t conn_waiting(const struct conn *conn)
{
	return conn->out.len - conn->out_off;
}

static void conn_freed(struct lan_watch *w)
{
	struct conn *conn = (struct conn *)((char *)w - offsetof(struct conn, watch));
	conn->c->closing--;
	text_fini(&conn->in);
	text_fini(&conn->out);
	free(conn);
}

void conn_close(struct conn *conn, const char *reason)
{
	struct control *c = conn->c;
	int fd = lan_watch_fd(&conn->watch);
	if (conn->dead)
		return;
	conn->dead = true;
	log_event(LOG_L_DEBUG, "control-closed", LOG_U("fd", (uint64_t)fd), LOG_S("reason", reason));
	sends_cancel(conn);
	asks_cancel(conn);
	watchers_fini(conn);
	lan_task_cancel(c->loop, &conn->more);
	lan_deadline_fini(c->loop, &conn->stall);
	*(conn->prev ? &conn->prev->next : &c->first) = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	c->n--;
	c->closing++;
	lan_watch_close(&conn->watch, conn_freed);
	close(fd);
}

void conn_put(struct conn *conn, const char *json, size_t len)
{
	if (conn->dead)
		return;
	if (conn->out_off && conn->out_off >= conn->out.len / 2) {
		memmove(conn->out.p, conn->out.p + conn->out_off, conn_waiting(conn));
		conn->out.len -= conn->out_off;
		conn->out_off = 0;
	}
	text_add(&conn->out, json, len);
	text_add(&conn->out, "\n", 1);
	lan_task_queue(conn->c->loop, &conn->more);
}

void conn_flush(struct conn *conn)
{
	int fd = lan_watch_fd(&conn->watch);
	lan_time now = lan_loop_now(conn->c->loop);
	bool progress = false;
	while (conn_waiting(conn)) {
		ssize_t n = send(fd, conn->out.p + conn->out_off, conn_waiting(conn), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			conn_close(conn, strerror(errno));
			return;
		}
		if (n < 0)
			break;
		conn->out_off += (size_t)n;
		progress = true;
	}
	if (!conn_waiting(conn)) {
		/* A big answer does not keep its memory. */
		if (conn->out.cap > 2 * CHUNK)
			text_fini(&conn->out);
		else
			text_clear(&conn->out);
		conn->out_off = 0;
		lan_deadline_arm(conn->c->loop, &conn->stall, LAN_NEVER);
	} else if (progress || !lan_timer_armed(&conn->stall.t)) {
		lan_deadline_arm(conn->c->loop, &conn->stall, now + CONTROL_STALL_MAX);
	}
}

static void on_stall(void *ctx)
{
	struct conn *conn = ctx;
	log_event(LOG_L_WARN, "control-closed", LOG_S("reason", "takes no output"), LOG_U("uid", conn->uid),
		LOG_U("bytes", conn_waiting(conn)));
	conn_close(conn, "takes no output");
}

static bool may_take(const struct conn *conn)
{
	return !conn->dead && !conn->closing && conn_waiting(conn) <= CONTROL_OUTPUT_MAX;
}

/* Takes lines out of `in`; true if more are there. */
static bool take_lines(struct conn *conn)
{
	size_t at = 0, lines = 0;
	bool more = false;
	while (may_take(conn) && at < conn->in.len) {
		char *line = conn->in.p + at, *end = memchr(line, '\n', conn->in.len - at);
		size_t len = end ? (size_t)(end - line) : conn->in.len - at;
		if (len <= CONTROL_LINE_MAX && !end && !conn->eof)
			break;
		if (lines++ == LINES_PER_TURN) {
			more = true;
			break;
		}
		at += len + (end != NULL);
		control_line(conn->c, conn, line, len);
	}
	if (conn->dead)
		return false;
	memmove(conn->in.p, conn->in.p + at, conn->in.len - at);
	conn->in.len -= at;
	if (!conn->in.len && conn->in.cap > 2 * CHUNK)
		text_fini(&conn->in);
	return more;
}

static void conn_run(void *ctx)
{
	struct conn *conn = ctx;
	int wanted;
	bool more = conn->in.len && take_lines(conn);
	if (!conn->dead)
		conn_flush(conn);
	if (!conn->dead && conn->watchers) {
		watchers_report_dropped(conn);
		conn_flush(conn);
	}
	if (conn->dead)
		return;
	if (conn->out.bad || conn->in.bad) {
		conn_close(conn, "out of memory");
		return;
	}
	if (!conn_waiting(conn) && (conn->closing || (conn->eof && !conn->in.len && !conn->n_sends))) {
		conn_close(conn, conn->closing ? "error" : "end of requests");
		return;
	}
	lan_task_cancel(conn->c->loop, &conn->more);
	if (more)
		lan_task_queue(conn->c->loop, &conn->more);
	wanted = (may_take(conn) && !conn->eof ? LAN_READABLE : 0) | (conn_waiting(conn) ? LAN_WRITABLE : 0);
	lan_watch_set(&conn->watch, wanted ? wanted : LAN_GONE);
}

static void on_readable(struct conn *conn)
{
	static char chunk[CHUNK];
	ssize_t n = recv(lan_watch_fd(&conn->watch), chunk, sizeof chunk, 0);
	if (n > 0) {
		text_add(&conn->in, chunk, (size_t)n);
		conn->last_active = lan_loop_now(conn->c->loop);
	} else if (n == 0) {
		conn->eof = true;
		watchers_fini(conn);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_close(conn, strerror(errno));
	}
}

static void on_conn(void *ctx, int events)
{
	struct conn *conn = ctx;
	if (events & (LAN_BROKEN | LAN_GONE)) {
		conn_close(conn, "gone"); /* its lines stay queued, its answers interest nobody */
		return;
	}
	if ((events & LAN_READABLE) && !conn->eof)
		on_readable(conn);
	if (!conn->dead)
		conn_run(conn);
}

static void refuse(int fd, const char *what)
{
	struct text t = {0};
	text_printf(&t, "{\"error\":{\"code\":\"failed\",\"what\":\"%s\"}}\n", what);
	(void)!send(fd, text_str(&t), t.len, MSG_NOSIGNAL);
	text_fini(&t);
	close(fd);
}

/* Whoever has been idle longest makes place for a newcomer. */
static bool make_place(struct control *c)
{
	struct conn *idle = NULL;
	lan_time now = lan_loop_now(c->loop);
	if (c->n < CONTROL_CLIENTS_MAX)
		return true;
	for (struct conn *k = c->first; k; k = k->next)
		if (!k->watchers && !k->n_sends && !conn_waiting(k) && !k->in.len &&
			now - k->last_active >= CONTROL_IDLE_MIN &&
			(!idle || k->last_active < idle->last_active))
			idle = k;
	if (idle)
		conn_close(idle, "idle, made place");
	return idle != NULL;
}

static bool conn_start(struct control *c, struct conn *conn, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return false;
	*conn = (struct conn){.c = c, .uid = cred.uid, .more = {.fn = conn_run, .ctx = conn}};
	conn->admin = cred.uid == 0 || cred.uid == geteuid();
	conn->last_active = lan_loop_now(c->loop);
	if (lan_deadline_init(c->loop, &conn->stall, on_stall, conn) != LAN_OK)
		return false;
	if (lan_watch_init(&conn->watch, c->loop, fd, on_conn, conn) != LAN_OK) {
		lan_deadline_fini(c->loop, &conn->stall);
		return false;
	}
	return true;
}

static void conn_open(struct control *c, int fd)
{
	struct text hello = {0};
	struct conn *conn = make_place(c) ? malloc(sizeof *conn) : NULL;
	if (!conn || !conn_start(c, conn, fd)) {
		refuse(fd, conn ? "out of resources" : "too many control connections (64)");
		free(conn);
		c->refused++;
		return;
	}
	conn->next = c->first;
	if (c->first)
		c->first->prev = conn;
	c->first = conn;
	c->n++;
	c->accepted++;
	text_printf(&hello, "{\"lanyard\":%d,\"version\":\"%s\",\"pid\":%ld}", CONTROL_VERSION, lan_version(),
		(long)getpid());
	conn_put(conn, text_str(&hello), hello.len);
	text_fini(&hello);
}

static void accept_again(void *ctx)
{
	struct control *c = ctx;
	lan_watch_set(&c->accept, LAN_READABLE);
}

static void on_accept(void *ctx, int events)
{
	struct control *c = ctx;
	(void)events;
	for (int i = 0; i < 16; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			conn_open(c, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* Out of descriptors or memory: the newcomer waits in the queue of the
		 * kernel, and we do not spin on it. */
		log_event(LOG_L_WARN, "control-accept", LOG_S("reason", strerror(errno)));
		lan_watch_set(&c->accept, 0);
		lan_deadline_arm(c->loop, &c->again, lan_loop_now(c->loop) + ACCEPT_PAUSE);
		return;
	}
}

bool control_open(struct control *c, struct lan_loop *loop, const char *path, struct text *what)
{
	enum lan_err e;
	c->loop = loop;
	c->path = strdup(path);
	c->fd = c->path ? control_socket_open(path, &c->lock, what) : -1;
	if (c->fd < 0)
		return false;
	e = lan_deadline_init(loop, &c->again, accept_again, c);
	if (e == LAN_OK && (e = lan_watch_init(&c->accept, loop, c->fd, on_accept, c)) != LAN_OK)
		lan_deadline_fini(loop, &c->again);
	if (e != LAN_OK) {
		text_printf(what, "%s: %s", path, lan_err_text(e));
		control_socket_close(path, c->fd, c->lock);
		return false;
	}
	lan_watch_set(&c->accept, LAN_READABLE);
	c->open = true;
	return true;
}

static void accept_closed(struct lan_watch *w)
{
	struct control *c = (struct control *)((char *)w - offsetof(struct control, accept));
	c->closing--;
}

void control_drain(struct control *c)
{
	if (!c->open || c->draining)
		return;
	c->draining = true;
	c->closing++;
	lan_deadline_fini(c->loop, &c->again);
	lan_watch_close(&c->accept, accept_closed);
	unlink(c->path);
	close(c->fd);
	c->fd = -1;
	for (struct conn *conn = c->first; conn; conn = conn->next)
		watchers_end(conn, "shutdown");
}

void control_close(struct control *c)
{
	if (!c->open) {
		free(c->path);
		return;
	}
	control_drain(c);
	for (struct conn *conn = c->first, *next; conn; conn = next) {
		next = conn->next;
		conn_flush(conn);
		conn_close(conn, "shutdown");
	}
	for (int i = 0; i < 10 && c->closing; i++)
		lan_loop_run(c->loop, LAN_MS(10));
	control_socket_close(c->path, c->fd, c->lock);
	free(c->path);
	c->open = false;
}
