/*
 * ends.c - see ends.h.
 *
 * The loops are made after the fork (an epoll descriptor must not be shared),
 * so the server tells its port through a pipe. The link's options are its
 * defaults but for the window that is being measured.
 */
#include "ends.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(enum lan_err e, const char *what)
{
	if (e) {
		fprintf(stderr, "%s: %s\n", what, lan_err_text(e));
		exit(1);
	}
}

static struct lan_link_config config(const struct bench_opt *o)
{
	struct lan_link_config c = LAN_LINK_CONFIG_INIT;
	c.timeout = LAN_MS(o->timeout_ms);
	c.window = o->window;
	return c;
}

struct lan_link *bench_serve(struct lan_loop *loop, const struct bench_opt *o)
{
	struct lan_link_config c = config(o);
	struct lan_link *l;
	c.address = "127.0.0.1:0";
	must(lan_link_serve(loop, &c, &l), "serve");
	return l;
}

struct lan_link *bench_dial(struct lan_loop *loop, const struct bench_opt *o, uint16_t port)
{
	struct lan_link_config c = config(o);
	struct lan_link *l;
	char address[32];
	snprintf(address, sizeof address, "127.0.0.1:%u", port);
	c.address = address;
	c.id = BENCH_ID;
	must(lan_link_connect(loop, &c, &l), "connect");
	return l;
}

uint16_t bench_port(const struct lan_link *server)
{
	return (uint16_t)atoi(strrchr(lan_link_address(server), ':') + 1);
}

static void open_end(struct bench_end *e, const struct bench_opt *o, bool server, const int pipes[2])
{
	uint16_t port;
	must(lan_loop_new(&e->loop), "loop");
	if (server) {
		e->link = bench_serve(e->loop, o);
		port = bench_port(e->link);
		if (write(pipes[1], &port, sizeof port) != sizeof port)
			bench_die("pipe");
		return;
	}
	if (read(pipes[0], &port, sizeof port) != sizeof port)
		bench_die("pipe");
	e->link = bench_dial(e->loop, o, port);
}

/* Counted before the next pull: that one sends the acknowledgement, and the
 * parent looks at the count as soon as it has it. */
static _Noreturn void receive(struct bench_end *e, const struct bench_opt *o, struct bench_shared *sh)
{
	struct lan_link_event ev;
	uint64_t n = 0;
	for (;;) {
		lan_loop_run(e->loop, LAN_NEVER);
		while (lan_link_event(e->link, &ev)) {
			if (ev.kind != LAN_LINK_MESSAGE)
				continue;
			if (!bench_is(ev.line, ev.len, o->size, n++))
				sh->bad++;
			atomic_store_explicit(&sh->done, n, memory_order_release);
		}
	}
}

void bench_ends(struct bench_end *e, const struct bench_opt *o, struct bench_shared *sh)
{
	int pipes[2];
	struct lan_link_event ev = {0};
	memset(e, 0, sizeof *e);
	bench_fill(e->line, o->size);
	if (pipe(pipes))
		bench_die("pipe");
	e->child = bench_fork(o);
	open_end(e, o, o->reverse == (e->child != 0), pipes);
	if (!e->child)
		receive(e, o, sh);
	while (ev.kind != LAN_LINK_UP) {
		lan_loop_run(e->loop, LAN_NEVER);
		while (ev.kind != LAN_LINK_UP && lan_link_event(e->link, &ev))
			;
	}
	e->to = o->reverse ? BENCH_ID : NULL;
	bench_write(e, o, LAN_LINK_QOS);
	while (!bench_acked(e))
		;
}

void bench_write(struct bench_end *e, const struct bench_opt *o, unsigned flags)
{
	bench_number(e->line, e->number++);
	must(lan_link_write(e->link, e->to, e->line, o->size, flags, NULL), "write");
}

size_t bench_acked(struct bench_end *e)
{
	struct lan_link_event ev;
	size_t n = 0;
	lan_loop_run(e->loop, LAN_NEVER);
	while (lan_link_event(e->link, &ev)) {
		if (ev.kind == LAN_LINK_DOWN)
			bench_die(ev.reason);
		n += ev.kind == LAN_LINK_ACKED;
	}
	return n;
}
