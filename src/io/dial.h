/*
 * dial.h - make a TCP connection without blocking: numeric addresses at once,
 * names through io/resolve.h, then each address of the name in turn until one
 * answers.
 */
#ifndef LAN_IO_DIAL_H
#define LAN_IO_DIAL_H

#include "io/addr.h"
#include "io/loop.h"

struct lan_dial;

/* fn is called once, from the loop, never from within this call. LAN_OK: `fd` is
 * connected, non-blocking, TCP_NODELAY set, and fn's to close; `peer` is
 * borrowed text. Otherwise fd is -1, `e` the failure of the last address tried
 * and `peer` that address, or HOST:PORT if there was none. `timeout` bounds the
 * look-up, and then each address. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_dial_start(struct lan_loop *l, const struct lan_hostport *hp, lan_time timeout,
	void (*fn)(void *ctx, enum lan_err e, int fd, const char *peer), void *ctx, struct lan_dial **out);

/* fn will not be called. Not after fn was called. NULL is fine. */
void lan_dial_cancel(struct lan_dial *d);

#endif
