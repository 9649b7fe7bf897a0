/*
 * dial.c - see dial.h. Everything that happens, happens in step(): it is called
 * by the deadline (armed for "now" at the start and whenever the next address
 * is to be tried, else for the time-out) and by the socket. One address at a
 * time; a failed one costs nothing, a silent one its time-out.
 */
#include "io/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/resolve.h"
#include "io/tcp.h"

struct attempt {
	struct lan_watch watch;
	int fd;
};

struct lan_dial {
	struct lan_loop *loop;
	struct lan_deadline timer;
	lan_time timeout;
	struct lan_hostport hp;
	struct lan_resolve *resolve;
	struct addrinfo *list, *next; /* of a name */
	union lan_sockaddr numeric;   /* of an address; list is NULL */
	bool numeric_left;
	struct attempt *attempt; /* the one under way */
	enum lan_err err;        /* of the last one */
	char peer[sizeof(struct lan_hostport) + 8];
	void (*fn)(void *ctx, enum lan_err e, int fd, const char *peer);
	void *ctx;
};

static void on_attempt_closed(struct lan_watch *w)
{
	free(w); /* the watch is the first member */
}

/* Let go of the attempt under way; its descriptor, still open, is the result. */
static int detach(struct lan_dial *d)
{
	struct attempt *a = d->attempt;
	d->attempt = NULL;
	int fd = a->fd;
	lan_watch_close(&a->watch, on_attempt_closed);
	return fd;
}

void lan_dial_cancel(struct lan_dial *d)
{
	if (!d)
		return;
	if (d->attempt)
		close(detach(d));
	lan_resolve_cancel(d->resolve);
	if (d->list)
		freeaddrinfo(d->list);
	lan_deadline_fini(d->loop, &d->timer);
	free(d);
}

static void finish(struct lan_dial *d, enum lan_err e, int fd)
{
	void (*fn)(void *, enum lan_err, int, const char *) = d->fn;
	void *ctx = d->ctx;
	char peer[sizeof d->peer];
	memcpy(peer, d->peer, sizeof peer);
	lan_dial_cancel(d);
	fn(ctx, e, fd, peer);
}

static void on_socket(void *ctx, int events)
{
	struct lan_dial *d = ctx;
	int err = 0;
	socklen_t len = sizeof err;
	(void)events;
	if (getsockopt(d->attempt->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	int fd = detach(d);
	if (err == 0) {
		lan_tcp_tune(fd);
		finish(d, LAN_OK, fd);
		return;
	}
	close(fd);
	d->err = lan_err_from_errno(err);
	lan_deadline_arm(d->loop, &d->timer, lan_loop_now(d->loop));
}

/* Start connecting to `a`. */
static enum lan_err try(struct lan_dial *d, const union lan_sockaddr *a)
{
	lan_sockaddr_text(a, d->peer);
	struct attempt *at = calloc(1, sizeof *at);
	if (!at)
		return LAN_ERR_NOMEM;
	enum lan_err e;
	at->fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (at->fd < 0) {
		e = lan_err_from_errno(errno);
		free(at);
		return e;
	}
	e = LAN_OK;
	if (connect(at->fd, &a->any, lan_sockaddr_len(a)) < 0 && errno != EINPROGRESS)
		e = lan_err_from_errno(errno);
	if (!e)
		e = lan_watch_init(&at->watch, d->loop, at->fd, on_socket, d);
	if (e) {
		close(at->fd);
		free(at);
		return e;
	}
	d->attempt = at;
	lan_watch_set(&at->watch, LAN_WRITABLE);
	lan_deadline_arm(d->loop, &d->timer, lan_loop_now(d->loop) + d->timeout);
	return LAN_OK;
}

/* The next address, if there is one left. */
static bool next_address(struct lan_dial *d, union lan_sockaddr *out)
{
	if (d->numeric_left) {
		d->numeric_left = false;
		*out = d->numeric;
		return true;
	}
	for (; d->next; d->next = d->next->ai_next) {
		if (d->next->ai_addrlen > sizeof *out)
			continue;
		memcpy(out, d->next->ai_addr, d->next->ai_addrlen);
		d->next = d->next->ai_next;
		return true;
	}
	return false;
}

static void on_resolved(void *ctx, enum lan_err e, struct addrinfo *list)
{
	struct lan_dial *d = ctx;
	d->resolve = NULL;
	d->err = e;
	d->list = d->next = list;
	lan_deadline_arm(d->loop, &d->timer, lan_loop_now(d->loop));
}

static void step(void *ctx)
{
	struct lan_dial *d = ctx;
	union lan_sockaddr a;
	if (d->attempt) {
		close(detach(d));
		d->err = LAN_ERR_TIMEOUT;
	} else if (d->resolve) {
		finish(d, LAN_ERR_TIMEOUT, -1);
		return;
	}
	while (next_address(d, &a)) {
		d->err = try(d, &a);
		if (!d->err)
			return;
	}
	finish(d, d->err ? d->err : LAN_ERR_ADDR, -1);
}

enum lan_err lan_dial_start(struct lan_loop *l, const struct lan_hostport *hp, lan_time timeout,
	void (*fn)(void *ctx, enum lan_err e, int fd, const char *peer), void *ctx, struct lan_dial **out)
{
	struct lan_dial *d = calloc(1, sizeof *d);
	if (!d)
		return LAN_ERR_NOMEM;
	enum lan_err e = lan_deadline_init(l, &d->timer, step, d);
	if (e) {
		free(d);
		return e;
	}
	d->loop = l;
	d->timeout = timeout;
	d->hp = *hp;
	d->fn = fn;
	d->ctx = ctx;
	lan_hostport_text(hp, d->peer, sizeof d->peer);
	lan_time at = lan_loop_now(l);
	if (lan_sockaddr_numeric(hp, &d->numeric) == LAN_OK)
		d->numeric_left = true;
	else if ((d->err = lan_resolve_start(l, hp, on_resolved, d, &d->resolve)) == LAN_OK)
		at += timeout;
	lan_deadline_arm(l, &d->timer, at);
	*out = d;
	return LAN_OK;
}
