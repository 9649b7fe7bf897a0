/*
 * board.c - what a board of the four-client demo does, on a PC: good for trying
 * a server without soldering anything.
 *
 *      board HOST:PORT ID [PERIOD]
 *
 * Every PERIOD seconds (default 5) it sends a JSON list with qos: [connections
 * so far, count, free memory in kB]. What it receives it prints.
 */
#include "demo.h"
#include "values.h"

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s HOST:PORT ID [PERIOD]\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], argv[2]);
	lan_time period = period_of(argc > 3 ? argv[3] : NULL, 5), next = lan_loop_now(loop);
	struct lan_link_event ev;
	unsigned connects = 0;
	long count = 0;

	for (;;) {
		lan_time now = lan_loop_now(loop);
		if (now < next)
			lan_loop_run(loop, next - now);
		while (lan_link_event(link, &ev))
			switch (ev.kind) {
			case LAN_LINK_UP:
				connects = ev.connects;
				printf("up: %s\n", ev.peer);
				break;
			case LAN_LINK_DOWN:
			case LAN_LINK_RETRY:
			case LAN_LINK_FIRST_FAILED:
				printf("down: %s\n", ev.reason);
				break;
			case LAN_LINK_MESSAGE:
				printf("server: %s\n", ev.line);
				break;
			default:
				break;
			}
		if (lan_loop_now(loop) < next)
			continue;
		next += period;
		/* Also while the link is down: the line waits and arrives later. */
		send_line(link, NULL, LAN_LINK_QOS | LAN_LINK_WAIT, "[%u, %ld, %ld]", connects, count++,
			free_memory_kb());
	}
}
