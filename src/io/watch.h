/*
 * watch.h - "tell me when this descriptor is readable or writable": sockets,
 * pipes, terminals, unix sockets. The system calls stay with the caller, which
 * is the point: it reads into memory it chose and copies nothing.
 *
 * The storage is the caller's and must live until `closed` has been called:
 * libuv lets go of a handle only at the end of a turn. Level-triggered: what is
 * not read is reported again. Regular files are always ready and cannot be
 * watched (LAN_ERR_PERM): read them from a task (io/loop.h) instead.
 * Watching makes the descriptor non-blocking.
 */
#ifndef LAN_IO_WATCH_H
#define LAN_IO_WATCH_H

#include "io/loop.h"

enum {
	LAN_READABLE = UV_READABLE,
	LAN_WRITABLE = UV_WRITABLE,
	LAN_GONE = UV_PRIORITIZED, /* the other end of a local socket has closed both directions.
				      For when neither of the others is waited for (also out-of-band data) */
	LAN_BROKEN = 1 << 15       /* only reported: an error is pending on the descriptor.
				      Read and write will name it; the watch is off now */
};

struct lan_watch {
	uv_poll_t poll; /* poll.data is the ctx of fn */
	void (*fn)(void *ctx, int events);
	int events; /* what is being waited for */
};

/* Nothing is waited for yet. LAN_ERR_PERM (regular file), LAN_ERR_EXISTS (the
 * loop watches this descriptor already), LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_WUR enum lan_err lan_watch_init(
	struct lan_watch *w, struct lan_loop *l, int fd, void (*fn)(void *ctx, int events), void *ctx);

/* Wait for LAN_READABLE, LAN_WRITABLE, both or (0) nothing. */
void lan_watch_set(struct lan_watch *w, int events);

int lan_watch_fd(const struct lan_watch *w);

/* Stop for good; fn is not called any more. The descriptor may be closed right
 * after. `closed` (may be NULL) is called later, once: then the storage is free. */
void lan_watch_close(struct lan_watch *w, void (*closed)(struct lan_watch *w));

#endif
