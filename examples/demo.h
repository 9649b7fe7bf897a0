/*
 * demo.h - what the examples share so that each can show one thing: giving up
 * with a reason, opening either end, sending a formatted line. values.h has
 * the rest.
 */
#ifndef DEMO_H
#define DEMO_H

#include <lanyard/link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void give_up(const char *what, enum lan_err e)
{
	fprintf(stderr, "%s: %s\n", what, lan_err_text(e));
	exit(1);
}

static inline struct lan_loop *open_loop(void)
{
	struct lan_loop *loop;
	enum lan_err e = lan_loop_new(&loop);
	if (e)
		give_up("event loop", e);
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, also into a pipe */
	return loop;
}

/* Serve on `address` (NULL: the default), expecting `n` ids. */
static inline struct lan_link *open_server(
	struct lan_loop *loop, const char *address, const char *const *ids, size_t n)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	struct lan_link *link;
	cfg.address = address;
	cfg.expect = ids;
	cfg.n_expect = n;
	enum lan_err e = lan_link_serve(loop, &cfg, &link);
	if (e)
		give_up(address ? address : "listening", e);
	printf("listening on %s\n", lan_link_address(link));
	return link;
}

static inline struct lan_link *open_client(struct lan_loop *loop, const char *address, const char *id)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	struct lan_link *link;
	cfg.address = address;
	cfg.id = id;
	enum lan_err e = lan_link_connect(loop, &cfg, &link);
	if (e)
		give_up(address, e);
	return link;
}

/* Queue a formatted line. If it cannot be queued (the other end has been away
 * for long and the queue is full, or it was never there) these demos skip it:
 * they will have fresher news later. */
static inline void send_line(struct lan_link *link, const char *id, unsigned flags, const char *format, ...)
{
	char line[256];
	va_list args;
	va_start(args, format);
	size_t n = (size_t)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	enum lan_err e = n < sizeof line ? lan_link_write(link, id, line, n, flags, NULL) : LAN_ERR_TOOBIG;
	if (e)
		fprintf(stderr, "not sent: %s\n", lan_err_text(e));
}

#endif
