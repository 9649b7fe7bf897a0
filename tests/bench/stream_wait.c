/*
 * stream_wait.c - the round trip of a message of bytes: sent by a client,
 * pulled and sent back by a server's application, pulled by the client's.
 */
#include "stream_end.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void echo(int tell)
{
	struct stream_end e;
	struct lan_stream_event ev;
	uint16_t port = stream_serve(&e, NULL);
	if (write(tell, &port, sizeof port) != sizeof port)
		bench_die("pipe");
	for (;;) {
		lan_loop_run(e.loop, LAN_NEVER);
		while (lan_stream_event(e.s, &ev))
			if (ev.kind == LAN_STREAM_MESSAGE)
				stream_must(lan_stream_send(e.s, ev.conn, &ev.value, NULL, NULL), "echo");
	}
}

static void answer(struct stream_end *e, const struct bench_opt *o, uint64_t number)
{
	struct lan_stream_event ev = {0};
	while (ev.kind != LAN_STREAM_MESSAGE) {
		lan_loop_run(e->loop, LAN_NEVER);
		while (ev.kind != LAN_STREAM_MESSAGE && lan_stream_event(e->s, &ev))
			;
	}
	if (!bench_is(ev.value.data, ev.value.len, o->size, number))
		bench_die("another message came back");
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct stream_end e;
	static char message[BENCH_MAX];
	int tell[2];
	uint16_t port;
	bench_options(argc, argv, &o);
	if (pipe(tell))
		bench_die("pipe");
	pid_t child = bench_fork(&o);
	if (!child)
		echo(tell[1]);
	if (read(tell[0], &port, sizeof port) != sizeof port)
		bench_die("pipe");
	stream_dial(&e, port, NULL);
	bench_fill(message, o.size);

	size_t n = 0, room = (size_t)(o.seconds * 1e6) + 1000;
	uint64_t *times = calloc(room, sizeof *times);
	uint64_t now = bench_now(), end = now + (uint64_t)(o.seconds * 1e9);
	struct lan_stream_value v = lan_stream_bytes(message, o.size);
	while (now < end && n < room) {
		bench_number(message, n);
		stream_must(lan_stream_send(e.s, 0, &v, NULL, NULL), "send");
		answer(&e, &o, n);
		uint64_t then = now;
		now = bench_now();
		times[n++] = now - then;
	}
	bench_reap(child);
	stream_close(&e);
	bench_print_times("lanyard", times, n);
	free(times);
	return 0;
}
