/*
 * wait.c - the round trip of a `qos, wait` line: from the write to the event
 * that says it was acknowledged, that is, pulled by the other application.
 */
#include "ends.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	struct bench_opt o;
	static struct bench_end e;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	bench_ends(&e, &o, sh);

	size_t n = 0, room = (size_t)(o.seconds * 1e6) + 1000;
	uint64_t *times = calloc(room, sizeof *times);
	uint64_t now = bench_now(), end = now + (uint64_t)(o.seconds * 1e9);
	while (now < end && n < room) {
		bench_write(&e, &o, LAN_LINK_QOS | LAN_LINK_WAIT);
		while (!bench_acked(&e))
			;
		uint64_t then = now;
		now = bench_now();
		times[n++] = now - then;
	}
	bench_reap(e.child);
	if (sh->bad || sh->done != e.number)
		bench_die("lines were lost");
	lan_link_close(e.link);
	lan_loop_free(e.loop);
	bench_print_times("lanyard", times, n);
	free(times);
	return 0;
}
