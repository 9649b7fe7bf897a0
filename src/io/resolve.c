/*
 * resolve.c - one detached thread per look-up, see resolve.h.
 *
 * Thread and loop share `struct shared`, which goes when both have let go of
 * it. The eventfd that carries the news belongs to it as well, so that a thread
 * that comes late can never write into a descriptor that is somebody else's by
 * then.
 */
#include "io/resolve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"
#include "io/thread.h"

struct shared {
	atomic_int holders;
	int news; /* eventfd: becomes readable when the rest is filled in */
	struct lan_hostport name;
	enum lan_err err;
	struct addrinfo *list;
};

struct lan_resolve {
	struct lan_watch watch;
	struct shared *shared;
	void (*fn)(void *ctx, enum lan_err e, struct addrinfo *list);
	void *ctx;
};

static void let_go(struct shared *s)
{
	if (atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	if (s->list)
		freeaddrinfo(s->list);
	close(s->news);
	free(s);
}

/* *list is NULL on failure. */
static enum lan_err ask(const struct lan_hostport *name, struct addrinfo **list)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char port[8];
	snprintf(port, sizeof port, "%u", name->port);
	int rc = getaddrinfo(name->host, port, &hints, list), err = errno;
	if (rc)
		*list = NULL;
	return lan_err_from_eai(rc, err);
}

enum lan_err lan_resolve_now(const struct lan_hostport *hp, union lan_sockaddr *out)
{
	struct addrinfo *list = NULL;
	enum lan_err e = ask(hp, &list);
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		if (a->ai_family == AF_INET || a->ai_family == AF_INET6) {
			memcpy(out, a->ai_addr, a->ai_family == AF_INET ? sizeof out->v4 : sizeof out->v6);
			freeaddrinfo(list);
			return LAN_OK;
		}
	if (list)
		freeaddrinfo(list);
	return e ? e : LAN_ERR_ADDR;
}

static void *look_up(void *arg)
{
	struct shared *s = arg;
	s->err = ask(&s->name, &s->list);
	eventfd_write(s->news, 1);
	let_go(s);
	return NULL;
}

static void on_closed(struct lan_watch *w)
{
	free(w); /* the watch is the first member */
}

static void on_news(void *ctx, int events)
{
	struct lan_resolve *r = ctx;
	eventfd_t count;
	(void)events;
	if (eventfd_read(r->shared->news, &count) < 0)
		return;
	void (*fn)(void *, enum lan_err, struct addrinfo *) = r->fn;
	void *fn_ctx = r->ctx;
	enum lan_err e = r->shared->err;
	struct addrinfo *list = r->shared->list;
	r->shared->list = NULL;
	lan_resolve_cancel(r);
	fn(fn_ctx, e, list);
}

enum lan_err lan_resolve_start(struct lan_loop *l, const struct lan_hostport *hp,
	void (*fn)(void *ctx, enum lan_err e, struct addrinfo *list), void *ctx, struct lan_resolve **out)
{
	enum lan_err e = LAN_ERR_NOMEM;
	struct lan_resolve *r = calloc(1, sizeof *r);
	struct shared *s = calloc(1, sizeof *s);
	if (!r || !s)
		goto no_memory;
	atomic_init(&s->holders, 1);
	s->name = *hp;
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->news < 0) {
		e = lan_err_from_errno(errno);
		goto no_memory;
	}
	e = lan_watch_init(&r->watch, l, s->news, on_news, r);
	if (e)
		goto no_watch;
	r->shared = s;
	r->fn = fn;
	r->ctx = ctx;
	atomic_fetch_add(&s->holders, 1);
	int rc = lan_thread_start(look_up, s);
	if (rc) {
		atomic_fetch_sub(&s->holders, 1);
		lan_resolve_cancel(r);
		return rc == EAGAIN ? LAN_ERR_LIMIT : lan_err_from_errno(rc);
	}
	lan_watch_set(&r->watch, LAN_READABLE);
	*out = r;
	return LAN_OK;
no_watch:
	close(s->news);
no_memory:
	free(r);
	free(s);
	return e;
}

void lan_resolve_cancel(struct lan_resolve *r)
{
	if (!r)
		return;
	lan_watch_close(&r->watch, on_closed);
	let_go(r->shared);
}
