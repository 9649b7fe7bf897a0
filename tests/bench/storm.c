/*
 * storm.c - the clients of the storm: -n of them in one process, speaking as
 * little of the wire as a client can: connect, id line, a keepalive each T/4; or
 * with -y of a stream: connect, one serpy2 message, which an echo answers; or
 * with -x: connect, and say nothing. They all start at once, as after a restart of the server.
 *
 * Against the server -B PID on port -P it measures: the time until the last
 * client has had its first line from the server; what the server's resident
 * memory grew by; its processor time over -d seconds afterwards. With -g one
 * connection that never says a word is open from the beginning (and again
 * whenever the server ends it), and 500 more come with the others and send
 * garbage. At the end it counts the clients that are still connected: fewer than
 * all means that this process was kept from speaking in time, or that the
 * server is wrong.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GARBAGE 500
#define BURST   64  /* connections begun before looking at the answers */
#define SETTLE  5.0 /* seconds after admission before anything is read off */

static int ep;
static int *fds; /* of the clients */

static int dial(const struct bench_opt *o)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(o->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		bench_die("connect");
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		bench_die("fcntl");
	return fd;
}

static void say(int fd, const char *what, size_t n)
{
	if (send(fd, what, n, MSG_NOSIGNAL) != (ssize_t)n)
		bench_die("send");
}

/* As serpy2 sends it. Returns its length. */
static size_t integer(char *out, uint8_t number)
{
	memset(out, 0, 22);
	memcpy(out, "\xde\xca\xfe\xca\xfe\x01", 6);
	out[6] = out[14] = (char)number; /* the checksum is the sum of the bytes, here of one */
	out[10] = 8;
	return 22;
}

static void hello(const struct bench_opt *o, int fd, unsigned i)
{
	char id[24];
	if (o->stream) /* an integer of 8 bytes: its number */
		say(fd, id, integer(id, (uint8_t)i));
	else
		say(fd, id, (size_t)snprintf(id, sizeof id, "c%05u\n", i));
}

/* 500 different nuisances: no LF for ever or a frame of 4 GiB, bytes that are no text, lines that are none.
 */
static void garbage(const struct bench_opt *o, unsigned i)
{
	char buf[1024];
	for (size_t k = 0; k < sizeof buf; k++)
		buf[k] = (char)(i % 3 ? rand() : 'x');
	if (i % 3 == 0 && o->stream) {
		integer(buf, 0);
		memset(buf + 10, 0xff, 4);
	}
	if (i % 3 == 1)
		memcpy(buf, "x\nzzzz\n", 7);
	(void)!send(dial(o), buf, sizeof buf, MSG_NOSIGNAL);
}

/* How many of the clients heard their first byte now. */
static unsigned admitted(int wait_ms)
{
	struct epoll_event ev[256];
	char buf[64];
	unsigned heard = 0;
	int n = epoll_wait(ep, ev, 256, wait_ms);
	for (int i = 0; i < n; i++) {
		int fd = fds[ev[i].data.u32];
		if (recv(fd, buf, sizeof buf, 0) <= 0)
			bench_die("a client was turned away");
		if (epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL))
			bench_die("epoll_ctl");
		heard++;
	}
	return heard;
}

static uint64_t storm(const struct bench_opt *o)
{
	uint64_t start = bench_now();
	unsigned heard = o->reverse ? o->n : 0;
	for (unsigned i = 0; i < o->n; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
		fds[i] = dial(o);
		if (!o->reverse)
			hello(o, fds[i], i);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e))
			bench_die("epoll_ctl");
		if (o->hostile && i % (o->n / GARBAGE) == 0)
			garbage(o, i);
		if (i % BURST == BURST - 1 && !o->reverse)
			heard += admitted(0);
	}
	while (heard < o->n) {
		heard += admitted(1000);
		if (bench_now() - start > UINT64_C(60000000000))
			bench_die("not all were admitted within a minute");
	}
	return bench_now() - start;
}

/* A keepalive of each client every T/4, evenly spread, for `seconds`. */
static void live(const struct bench_opt *o, double seconds, uint64_t *phase, int *silent)
{
	uint64_t step = o->timeout_ms * UINT64_C(250000) / o->n;
	uint64_t end = bench_now() + (uint64_t)(seconds * 1e9), now;
	char c;
	static uint64_t due;
	due = due ? due : bench_now();
	while ((now = bench_now()) < end) {
		for (; due <= now && !o->stream;
			due += step) /* whether it is still wanted, alive() will tell */
			(void)!send(fds[(*phase)++ % o->n], "\n", 1, MSG_NOSIGNAL);
		if (*silent >= 0 && recv(*silent, &c, 1, MSG_DONTWAIT) == 0) {
			close(*silent);
			*silent = dial(o);
		}
		bench_sleep(0.002);
	}
}

/* Clients whose connection is still there. What the server sent is thrown away. */
static unsigned alive(const struct bench_opt *o)
{
	char buf[4096];
	unsigned n = 0;
	for (unsigned i = 0; i < o->n; i++) {
		ssize_t got = recv(fds[i], buf, sizeof buf, 0);
		n += got > 0 || (got < 0 && errno == EAGAIN);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct rlimit r;
	bench_options(argc, argv, &o);
	if (getrlimit(RLIMIT_NOFILE, &r) || (r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r)) ||
		r.rlim_max < o.n + GARBAGE + 64)
		bench_die("RLIMIT_NOFILE");
	ep = epoll_create1(EPOLL_CLOEXEC);
	fds = calloc(o.n, sizeof *fds);
	if (ep < 0 || !fds)
		bench_die("epoll_create1");

	int silent = o.hostile ? dial(&o) : -1;
	bench_sleep(0.3);
	uint64_t rss = bench_rss_of(o.pid), cpu_up = bench_cpu_of(o.pid);
	uint64_t took = storm(&o), phase = 0;
	cpu_up = bench_cpu_of(o.pid) - cpu_up;
	live(&o, SETTLE, &phase, &silent);
	rss = bench_rss_of(o.pid) - rss;
	uint64_t cpu = bench_cpu_of(o.pid), start = bench_now();
	live(&o, o.seconds, &phase, &silent);
	cpu = bench_cpu_of(o.pid) - cpu;
	double share = 100.0 * (double)cpu / (double)(bench_now() - start);
	unsigned left = alive(&o);
	printf("{\"what\":\"storm\",\"n\":%u,\"seconds\":%.4f,\"cpu_us_each\":%.2f,\"rss_each\":%.1f,"
	       "\"cpu_percent\":%.2f,\"left\":%u}\n",
		o.n, (double)took / 1e9, (double)cpu_up / 1e3 / o.n, (double)rss / o.n, share, left);
	return 0;
}
