/*
 * watch.c - uv_poll with one habit taken away: starting a poll that waits for
 * the same events already costs two system calls, so it is not done.
 */
#include "io/watch.h"

#include "io/errno_map.h"

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct lan_watch *w = (struct lan_watch *)p;
	if (status < 0) {
		/* libuv has stopped the poll: POLLERR without a reader in sight. */
		events = LAN_BROKEN | w->events;
		w->events = 0;
	}
	w->fn(p->data, events);
}

enum lan_err lan_watch_init(
	struct lan_watch *w, struct lan_loop *l, int fd, void (*fn)(void *ctx, int events), void *ctx)
{
	int rc = uv_poll_init(lan_loop_uv(l), &w->poll, fd);
	if (rc)
		return lan_err_from_errno(rc);
	w->poll.data = ctx;
	w->fn = fn;
	w->events = 0;
	return LAN_OK;
}

void lan_watch_set(struct lan_watch *w, int events)
{
	if (events == w->events)
		return;
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, events, on_poll);
	else
		uv_poll_stop(&w->poll);
}

int lan_watch_fd(const struct lan_watch *w)
{
	uv_os_fd_t fd = -1;
	uv_fileno((const uv_handle_t *)&w->poll, &fd);
	return fd;
}

static void on_closed(uv_handle_t *h)
{
	void (*closed)(struct lan_watch * w) = h->data;
	if (closed)
		closed((struct lan_watch *)h);
}

void lan_watch_close(struct lan_watch *w, void (*closed)(struct lan_watch *w))
{
	w->events = 0;
	w->poll.data = (void *)closed;
	uv_close((uv_handle_t *)&w->poll, on_closed);
}
