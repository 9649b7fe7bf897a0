/*
 * tcp.h - TCP on plain system calls: a listener that never stops serving, and
 * recv/send that speak enum lan_err. Connections are descriptors; who owns one
 * watches it with io/watch.h. Dialling is in io/dial.h.
 *
 * What is refused: running out of descriptors never stops the listener and
 * never makes it spin. One descriptor is kept in reserve to accept the newcomer
 * and close it at once, so that it learns quickly and is counted.
 */
#ifndef LAN_IO_TCP_H
#define LAN_IO_TCP_H

#include "io/addr.h"
#include "io/watch.h"

struct lan_listener;

/* Listen on a numeric address, "" (any, IPv4) or "localhost" (127.0.0.1: no name
 * is looked up). fn is called with each new connection: non-blocking, TCP_NODELAY set,
 * and now fn's to close; `peer` is borrowed text. LAN_ERR_ADDR (another
 * name, or not an address of this host), LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_listener_open(struct lan_loop *l, const struct lan_hostport *hp,
	void (*fn)(void *ctx, int fd, const char *peer), void *ctx, struct lan_listener **out);
void lan_listener_close(struct lan_listener *s); /* NULL is fine */

/* Own address with the real port, e.g. "0.0.0.0:8123". View. */
const char *lan_listener_address(const struct lan_listener *s);

/* Connections closed at once because the process had no descriptor left. */
uint64_t lan_listener_refused(const struct lan_listener *s);

/* LAN_OK: *got bytes, at least 1. LAN_ERR_AGAIN: none right now. LAN_ERR_CLOSED:
 * the peer has ended the stream. Anything else: it broke. */
LAN_WUR enum lan_err lan_tcp_recv(int fd, void *buf, size_t n, size_t *got);

/* LAN_OK: *took bytes, at least 1. LAN_ERR_AGAIN: none right now. Never SIGPIPE. */
LAN_WUR enum lan_err lan_tcp_send(int fd, const void *buf, size_t n, size_t *took);
/* The same for bytes behind which more follow at once: they may wait for those. */
LAN_WUR enum lan_err lan_tcp_send_more(int fd, const void *buf, size_t n, size_t *took);

/* Close for good while what was sent still gets through: without this, bytes
 * left unread would make the kernel reset the connection and discard it. */
void lan_tcp_close_gently(int fd);

/* Have the system ask a silent peer whether it is there: the stream breaks (LAN_ERR_TIMEOUT) when there was
 * no answer for about `dead_after`. Only while nothing is on its way to it: see lan_tcp_answers. */
void lan_tcp_keepalive(int fd, lan_time dead_after);

/* Bytes that were sent and that the peer's system has not acknowledged. */
uint64_t lan_tcp_outstanding(int fd);

/* *asked: the peer's system owes an answer, to data or to the question whether it has room; not so while a
 * peer without room is left in peace between two such questions, which the system asks up to 2 minutes apart.
 * *silent: how long ago it last acknowledged anything at all. */
void lan_tcp_answers(int fd, bool *asked, lan_time *silent);

/* Small lines must leave at once: TCP_NODELAY. */
void lan_tcp_tune(int fd);

#endif
