/*
 * tcp.c - the listener and the two system calls, see tcp.h.
 */
#include "io/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"

/* The kernel caps it at net.core.somaxconn (4096 on Debian): a site that
 * reconnects at once must not lose its SYNs. */
#define BACKLOG 4096

/* Accepted per wake-up; the rest is reported again, after other descriptors. */
#define ACCEPT_BURST 64

/* Pause after a failure that only time can mend. */
#define ACCEPT_PAUSE LAN_MS(100)

struct lan_listener {
	struct lan_watch watch;
	struct lan_loop *loop;
	struct lan_deadline resume;
	void (*fn)(void *ctx, int fd, const char *peer);
	void *ctx;
	int reserve; /* a descriptor to give up when there is none left; -1: given up */
	uint64_t refused;
	char address[LAN_ADDR_TEXT_MAX];
};

void lan_tcp_tune(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void lan_tcp_keepalive(int fd, lan_time dead_after)
{
	int on = 1, probes = 4,
	    secs = (int)(dead_after / LAN_SEC(1) < 32767 ? dead_after / LAN_SEC(1) : 32767);
	int pause = secs / 8 > 0 ? secs / 8 : 1, idle = secs - probes * pause > 0 ? secs - probes * pause : 1;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

uint64_t lan_tcp_outstanding(int fd)
{
	int queued = 0;
	ioctl(fd, SIOCOUTQ, &queued);
	return queued > 0 ? (uint64_t)queued : 0;
}

void lan_tcp_answers(int fd, bool *asked, lan_time *silent)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	*asked = info.tcpi_unacked || info.tcpi_probes;
	*silent = LAN_MS(info.tcpi_last_ack_recv);
}

enum lan_err lan_tcp_recv(int fd, void *buf, size_t n, size_t *got)
{
	ssize_t r;
	do
		r = recv(fd, buf, n, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return lan_err_from_errno(errno);
	if (r == 0)
		return LAN_ERR_CLOSED;
	*got = (size_t)r;
	return LAN_OK;
}

static enum lan_err send_with(int fd, const void *buf, size_t n, int flags, size_t *took)
{
	ssize_t r;
	do
		r = send(fd, buf, n, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return lan_err_from_errno(errno);
	*took = (size_t)r;
	return LAN_OK;
}

enum lan_err lan_tcp_send(int fd, const void *buf, size_t n, size_t *took)
{
	return send_with(fd, buf, n, 0, took);
}

enum lan_err lan_tcp_send_more(int fd, const void *buf, size_t n, size_t *took)
{
	return send_with(fd, buf, n, MSG_MORE, took);
}

void lan_tcp_close_gently(int fd)
{
	shutdown(fd, SHUT_WR);
	/* MSG_TRUNC on TCP drops received bytes without copying them. */
	for (int i = 0; i < 4 && recv(fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) == 1 << 20; i++)
		;
	close(fd);
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Out of descriptors: give up the reserve for the moment it takes to turn the
 * next in line away. accept4 looks for a free descriptor before it looks at the
 * queue, so the queue may well turn out to be empty (EAGAIN). 0 or errno. */
static int turn_away(struct lan_listener *s, int lfd)
{
	if (s->reserve < 0)
		return EMFILE;
	close(s->reserve);
	int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), err = fd < 0 ? errno : 0;
	if (fd >= 0) {
		close(fd);
		s->refused++;
	}
	s->reserve = open_reserve();
	return err;
}

static void pause_accepting(struct lan_listener *s)
{
	lan_watch_set(&s->watch, 0);
	lan_deadline_arm(s->loop, &s->resume, lan_loop_now(s->loop) + ACCEPT_PAUSE);
}

static void on_resume(void *ctx)
{
	struct lan_listener *s = ctx;
	if (s->reserve < 0)
		s->reserve = open_reserve();
	lan_watch_set(&s->watch, LAN_READABLE);
}

static void on_readable(void *ctx, int events)
{
	struct lan_listener *s = ctx;
	int lfd = lan_watch_fd(&s->watch);
	(void)events;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		union lan_sockaddr from;
		socklen_t len = sizeof from;
		int fd = accept4(lfd, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			char peer[LAN_ADDR_TEXT_MAX];
			lan_tcp_tune(fd);
			s->fn(s->ctx, fd, lan_sockaddr_text(&from, peer));
			continue;
		}
		int err = errno;
		if (err == EMFILE || err == ENFILE)
			err = turn_away(s, lfd);
		if (err == EAGAIN)
			return;
		if (err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS || err == EINVAL) {
			pause_accepting(s);
			return;
		}
		/* Everything else (ECONNABORTED, EPROTO, ...) is about one newcomer. */
	}
}

static enum lan_err open_socket(const union lan_sockaddr *a, int *out)
{
	int on = 1, fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return lan_err_from_errno(errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, &a->any, lan_sockaddr_len(a)) < 0 || listen(fd, BACKLOG) < 0) {
		int err = errno;
		close(fd);
		return lan_err_from_errno(err);
	}
	*out = fd;
	return LAN_OK;
}

enum lan_err lan_listener_open(struct lan_loop *l, const struct lan_hostport *hp,
	void (*fn)(void *ctx, int fd, const char *peer), void *ctx, struct lan_listener **out)
{
	union lan_sockaddr a;
	struct lan_hostport local = {.host = "127.0.0.1", .port = hp->port};
	enum lan_err e = lan_sockaddr_numeric(strcmp(hp->host, "localhost") == 0 ? &local : hp, &a);
	if (e)
		return e;
	struct lan_listener *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	int fd = -1;
	e = open_socket(&a, &fd);
	if (e)
		goto no_socket;
	e = lan_deadline_init(l, &s->resume, on_resume, s);
	if (e)
		goto no_deadline;
	e = lan_watch_init(&s->watch, l, fd, on_readable, s);
	if (e)
		goto no_watch;
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	s->reserve = open_reserve();
	socklen_t len = sizeof a;
	if (getsockname(fd, &a.any, &len) == 0)
		lan_sockaddr_text(&a, s->address);
	lan_watch_set(&s->watch, LAN_READABLE);
	*out = s;
	return LAN_OK;
no_watch:
	lan_deadline_fini(l, &s->resume);
no_deadline:
	close(fd);
no_socket:
	free(s);
	return e;
}

static void on_closed(struct lan_watch *w)
{
	free(w); /* the watch is the first member */
}

void lan_listener_close(struct lan_listener *s)
{
	if (!s)
		return;
	int fd = lan_watch_fd(&s->watch);
	lan_deadline_fini(s->loop, &s->resume);
	lan_watch_close(&s->watch, on_closed);
	close(fd);
	if (s->reserve >= 0)
		close(s->reserve);
}

const char *lan_listener_address(const struct lan_listener *s)
{
	return s->address;
}

uint64_t lan_listener_refused(const struct lan_listener *s)
{
	return s->refused;
}
