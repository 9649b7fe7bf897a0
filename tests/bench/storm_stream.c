/*
 * storm_stream.c - the server of the storm of streams: a lanyard stream with
 * its defaults, whose application sends each message back. Prints its port, then
 * pulls events until it is killed.
 */
#include "stream_end.h"

#include <sys/resource.h>

int main(void)
{
	struct stream_end e;
	struct rlimit r;
	struct lan_stream_event ev;
	if (getrlimit(RLIMIT_NOFILE, &r) || (r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r)))
		bench_die("RLIMIT_NOFILE");
	printf("%u\n", stream_serve(&e, NULL));
	fflush(stdout);
	for (;;) {
		lan_loop_run(e.loop, LAN_NEVER);
		while (lan_stream_event(e.s, &ev))
			if (ev.kind == LAN_STREAM_MESSAGE)
				stream_must(lan_stream_send(e.s, ev.conn, &ev.value, NULL, NULL), "echo");
	}
}
