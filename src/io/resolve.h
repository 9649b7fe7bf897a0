/*
 * resolve.h - a host name to its addresses without ever blocking the loop.
 *
 * getaddrinfo blocks, sometimes for half a minute, and cannot be interrupted.
 * It runs in a thread of its own here rather than in libuv's pool: a pool
 * thread would keep a loop from being freed until the name server answers, and
 * four slow names would hold up everybody's.
 */
#ifndef LAN_IO_RESOLVE_H
#define LAN_IO_RESOLVE_H

#include <netdb.h>
#include "io/addr.h"
#include "io/loop.h"

struct lan_resolve;

/* Look up hp. fn is called once, from the loop, never from within this call;
 * `list` is fn's to free with freeaddrinfo; `e` LAN_OK, LAN_ERR_ADDR (no such
 * name), LAN_ERR_UNREACH (no name server), LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_WUR enum lan_err lan_resolve_start(struct lan_loop *l, const struct lan_hostport *hp,
	void (*fn)(void *ctx, enum lan_err e, struct addrinfo *list), void *ctx, struct lan_resolve **out);

/* The first address of hp, while the caller waits. LAN_ERR_ADDR, LAN_ERR_UNREACH,
 * LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_WUR enum lan_err lan_resolve_now(const struct lan_hostport *hp, union lan_sockaddr *out);

/* fn will not be called; returns at once. Not after fn was called. NULL is fine. */
void lan_resolve_cancel(struct lan_resolve *r);

#endif
