/*
 * frames.c - the limit for pipelined lines: a bare framed TCP stream with
 * acknowledgements, the best that plain blocking calls do.
 *
 * Frames are a 4-byte length and the payload. The sender copies as many as the
 * window allows into one buffer, sends it, and blocks for an acknowledgement;
 * the receiver reads up to 256 KiB at once, checks every frame, and answers
 * each read with the count so far (4 bytes). Nothing is kept for resending,
 * nothing has an id, nothing can time out: a lower bound of the work.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH (64 * 1024 - 100) /* just under one loopback segment */

static void receiver(int fd, const struct bench_opt *o, struct bench_shared *sh)
{
	static char buf[256 * 1024 + BENCH_MAX];
	size_t have = 0;
	uint64_t count = 0, bad = 0;
	for (;;) {
		ssize_t n = recv(fd, buf + have, 256 * 1024, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
		size_t at = 0;
		uint32_t len;
		while (have - at >= 4 && (memcpy(&len, buf + at, 4), have - at - 4 >= len)) {
			bad += !bench_is(buf + at + 4, len, o->size, count++);
			at += 4 + len;
		}
		memmove(buf, buf + at, have -= at);
		uint32_t ack = (uint32_t)count;
		if (send(fd, &ack, sizeof ack, 0) != sizeof ack)
			break;
	}
	sh->bad = bad;
	sh->done = count;
	_exit(0);
}

/* Acknowledged in all, after blocking for at least one more. */
static uint64_t acknowledged(int fd, uint64_t acked)
{
	static char buf[4096];
	static size_t have;
	uint32_t last;
	ssize_t n = recv(fd, buf + have, sizeof buf - have, 0);
	if (n <= 0)
		bench_die("recv");
	have += (size_t)n;
	size_t whole = have & ~(size_t)3;
	if (whole) {
		memcpy(&last, buf + whole - 4, 4);
		acked += (uint32_t)(last - (uint32_t)acked);
		memmove(buf, buf + whole, have -= whole);
	}
	return acked;
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	uint16_t port;
	int lfd = bench_listen(&port);
	pid_t child = bench_fork(&o);
	if (!child)
		receiver(bench_connect(port), &o, sh);
	int fd = accept(lfd, NULL, NULL);
	if (fd < 0)
		bench_die("accept");
	bench_nodelay(fd);

	static char buf[BATCH + BENCH_MAX + 4], payload[BENCH_MAX];
	bench_fill(payload, o.size);
	uint32_t len = (uint32_t)o.size;
	uint64_t sent = 0, acked = 0, start = bench_now(), cpu = bench_cpu();
	uint64_t end = start + (uint64_t)(o.seconds * 1e9), now, cpu_rx = bench_cpu_of(child);
	while ((now = bench_now()) < end) {
		size_t n = 0;
		for (; sent - acked < o.window && n < BATCH - o.size; sent++) {
			memcpy(buf + n, &len, 4);
			bench_number(payload, sent);
			memcpy(buf + n + 4, payload, len);
			n += 4 + len;
		}
		if (n && send(fd, buf, n, 0) != (ssize_t)n)
			bench_die("send");
		acked = acknowledged(fd, acked);
	}
	cpu = bench_cpu() - cpu;
	cpu_rx = bench_cpu_of(child) - cpu_rx;
	while (acked < sent)
		acked = acknowledged(fd, acked);
	close(fd);
	bench_await(child);
	if (sh->bad || sh->done != sent)
		bench_die("frames were lost");
	bench_print_rate("frames", sent, now - start, cpu, cpu_rx);
	return 0;
}
