/*
 * pingpong.c - the limit for `qos, wait`: a bare TCP ping-pong of the bytes
 * that one line and its acknowledgement are on the wire (payload + 3, then 3);
 * or with -y that of a stream's messages there and back (payload + 14 each).
 *
 * Plain blocking send and recv; with -e each side waits in epoll first, as any
 * program with more than one connection must.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int ep = -1;
static size_t there, back; /* bytes */

static void use_epoll(int fd)
{
	struct epoll_event e = {.events = EPOLLIN};
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		bench_die("epoll");
}

/* False: the other end is gone. */
static bool get(int fd, char *buf, size_t want)
{
	for (size_t have = 0; have < want;) {
		struct epoll_event e;
		if (ep >= 0 && epoll_wait(ep, &e, 1, -1) != 1)
			bench_die("epoll_wait");
		ssize_t n = recv(fd, buf + have, want - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static void put(int fd, const char *buf, size_t n)
{
	if (send(fd, buf, n, 0) != (ssize_t)n)
		bench_die("send");
}

static void pong(int fd, const struct bench_opt *o, char *buf)
{
	if (o->epoll)
		use_epoll(fd);
	while (get(fd, buf, there))
		put(fd, buf, back);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	bench_options(argc, argv, &o);
	static char buf[BENCH_MAX + 14];
	there = o.size + (o.stream ? 14 : 3);
	back = o.stream ? there : 3;
	uint16_t port;
	int lfd = bench_listen(&port);
	pid_t child = bench_fork(&o);
	if (!child)
		pong(bench_connect(port), &o, buf);
	int fd = accept(lfd, NULL, NULL);
	if (fd < 0)
		bench_die("accept");
	bench_nodelay(fd);
	if (o.epoll)
		use_epoll(fd);

	size_t n = 0, room = (size_t)(o.seconds * 1e6) + 1000;
	uint64_t *times = calloc(room, sizeof *times);
	uint64_t now = bench_now(), end = now + (uint64_t)(o.seconds * 1e9);
	while (now < end && n < room) {
		put(fd, buf, there);
		if (!get(fd, buf, back))
			bench_die("recv");
		uint64_t then = now;
		now = bench_now();
		times[n++] = now - then;
	}
	bench_reap(child);
	bench_print_times(o.epoll ? "pingpong epoll" : "pingpong", times, n);
	free(times);
	return 0;
}
