/*
 * stream_bare.c - the limits for streams, in bare blocking calls on one TCP
 * connection: messages behind a length of 4 bytes, copied into batches of just
 * under 64 KiB; or with flag s, each message one call of send, without a length,
 * as one sends a blob that lies ready. The receiver reads up to 256 KiB at once
 * and looks at the number in each message. No checksum, no queue, no types.
 */
#include "mcast.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH (64 * 1024 - 772) /* one segment of the loopback holds it */
#define READ  (256 * 1024)

static int accepted(struct bench_shared *mine)
{
	uint16_t port;
	int lfd = bench_listen(&port);
	mine->port = port;
	mcast_ready(mine);
	int fd = accept(lfd, NULL, NULL);
	if (fd < 0)
		bench_die("accept");
	return fd;
}

static size_t some(int fd, void *buf)
{
	ssize_t n = recv(fd, buf, READ, 0);
	if (n < 0)
		bench_die("recv");
	if (n == 0) /* the sender is done; it ends this process when it has looked at the counts */
		pause();
	return (size_t)n;
}

static void receive_framed(int fd, const struct mcast_opt *o, struct bench_shared *mine)
{
	static uint8_t buf[READ + BENCH_MAX];
	size_t have = 0;
	for (uint64_t seen = 0;; mine->done = seen) {
		have += some(fd, buf + have);
		size_t at = 0;
		uint32_t len;
		while (have - at >= 4 && (memcpy(&len, buf + at, 4), have - at - 4 >= len)) {
			if (!mcast_is(buf + at + 4, len, o->size, seen++))
				mine->bad++;
			at += 4 + len;
		}
		memmove(buf, buf + at, have -= at);
	}
}

/* The blobs are not collected, as somebody who writes them to a file would not; `at` is the place in the
 * current one. */
static void receive_blobs(int fd, const struct mcast_opt *o, struct bench_shared *mine)
{
	static uint8_t buf[READ];
	uint8_t number[8];
	size_t at = 0;
	for (uint64_t seen = 0;; mine->done = seen) {
		size_t n = some(fd, buf), used = 0;
		while (used < n) {
			size_t take = o->size - at < n - used ? o->size - at : n - used;
			if (at < sizeof number) {
				take = take < sizeof number - at ? take : sizeof number - at;
				memcpy(number + at, buf + used, take);
			}
			at += take;
			used += take;
			if (at == o->size) {
				if (!mcast_is(number, at, o->size, seen++))
					mine->bad++;
				at = 0;
			}
		}
	}
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	int fd = accepted(mine);
	if (mcast_flag(o, 's'))
		receive_blobs(fd, o, mine);
	receive_framed(fd, o, mine);
}

struct sender {
	const struct mcast_opt *o;
	int fd;
	uint8_t message[MCAST_BUFFERS][BENCH_MAX], batch[BATCH + BENCH_MAX + 4];
};

static void put(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, 0) != (ssize_t)n)
		bench_die("send");
}

static unsigned send_blob(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	if (!room)
		return 0;
	uint8_t *blob = s->message[next % MCAST_BUFFERS];
	mcast_number(blob, next);
	put(s->fd, blob, s->o->size);
	return 1;
}

static unsigned send_framed(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	uint32_t len = (uint32_t)s->o->size;
	size_t n = 0;
	unsigned k = 0;
	for (; k < room && (k == 0 || n + len + 4 <= BATCH); k++) {
		memcpy(s->batch + n, &len, 4);
		mcast_number(s->message[0], next + k);
		memcpy(s->batch + n + 4, s->message[0], len);
		n += 4 + len;
	}
	if (n)
		put(s->fd, s->batch, n);
	return k;
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	mcast_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(o.receivers);
	mcast_receivers(&o, sh, child, receive);
	s.o = &o;
	for (unsigned i = 0; i < MCAST_BUFFERS; i++)
		bench_fill((char *)s.message[i], o.size);
	s.fd = bench_connect((uint16_t)sh->port);
	bool blobs = mcast_flag(&o, 's');
	mcast_race(
		&o, sh, child[0], blobs ? "bare send" : "bare framed", blobs ? send_blob : send_framed, &s);
	return 0;
}
