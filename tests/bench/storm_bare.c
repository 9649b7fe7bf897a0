/*
 * storm_bare.c - the limit for the storm: the least that any server on this
 * wire must do, in bare system calls. It accepts, reads the id line (without
 * looking at it), answers with a keepalive, reads what comes and writes one
 * keepalive every T/4 to each client. No ids, no timeouts, no lines.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Clients in the order in which their next keepalive is due: all have the same period. */
static struct client {
	uint64_t due;
	int fd, next;
} clients[20000];
static int head = -1, tail = -1;

static void later(int i, uint64_t due)
{
	clients[i].due = due;
	clients[i].next = -1;
	if (tail < 0)
		head = i;
	else
		clients[tail].next = i;
	tail = i;
}

static void keepalive(int i, uint64_t next)
{
	(void)!send(clients[i].fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	later(i, next);
}

static void keepalives(uint64_t period)
{
	uint64_t now = bench_now();
	while (head >= 0 && clients[head].due <= now) {
		int i = head;
		head = clients[i].next;
		if (head < 0)
			tail = -1;
		if (clients[i].fd < 0)
			continue;
		keepalive(i, now + period);
	}
}

static void take(int ep, int lfd)
{
	int fd;
	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
		if (fd >= (int)(sizeof clients / sizeof *clients) || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
			bench_die("epoll_ctl");
		clients[fd] = (struct client){.fd = fd};
	}
}

static void hear(int fd, uint64_t period)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof buf, 0);
	if (n <= 0) {
		close(fd);
		clients[fd].fd = -1;
	} else if (!clients[fd].due)
		keepalive(fd, bench_now() + period);
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct rlimit r;
	uint16_t port;
	uint64_t period;
	bench_options(argc, argv, &o);
	period = o.timeout_ms * UINT64_C(250000);
	if (getrlimit(RLIMIT_NOFILE, &r) || (r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r)))
		bench_die("RLIMIT_NOFILE");
	int lfd = bench_listen(&port), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[256], l = {.events = EPOLLIN, .data.fd = -1};
	if (fcntl(lfd, F_SETFL, O_NONBLOCK) || ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &l))
		bench_die("epoll");
	printf("%u\n", port);
	fflush(stdout);
	for (;;) {
		uint64_t now = bench_now();
		int wait = head < 0                   ? -1
			   : clients[head].due <= now ? 0
						      : (int)((clients[head].due - now) / 1000000) + 1;
		int n = epoll_wait(ep, ev, 256, wait);
		for (int i = 0; i < n; i++)
			if (ev[i].data.fd < 0)
				take(ep, lfd);
			else
				hear(ev[i].data.fd, period);
		keepalives(period);
	}
}
