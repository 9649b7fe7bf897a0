/*
 * qos_check_client.c - the client's half of the check, see qos_check_server.c.
 *
 *      qos_check_client HOST:PORT [PERIOD]
 *
 * Every PERIOD seconds (default 7.5, so that both sides drift against each
 * other) it sends its own count and what it thinks of the server's.
 */
#include "check.h"
#include "demo.h"
#include "values.h"

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s HOST:PORT [PERIOD]\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], "qos");
	lan_time period = period_of(argc > 2 ? argv[2] : NULL, 7.5);
	lan_time start = lan_loop_now(loop), next = start;
	struct lan_link_event ev;
	struct check check = {0};
	unsigned connects = 0;
	long got[2];

	for (long n = 0;;) {
		lan_time now = lan_loop_now(loop);
		if (now < next)
			lan_loop_run(loop, next - now);
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_UP)
				connects = ev.connects;
			if (ev.kind == LAN_LINK_MESSAGE && numbers(ev.line, got, 2) == 2) {
				check_number(&check, got[0]);
				printf("got %s\n", ev.line);
			}
		}
		if (lan_loop_now(loop) < next)
			continue;
		next += period;
		send_line(link, NULL, LAN_LINK_QOS | LAN_LINK_WAIT, "[%ld, %u, %ld, %ld, %ld, %ld, %ld]", n++,
			connects, free_memory_kb(), check.duplicates, check.missing, check.out_of_order,
			(long)((lan_loop_now(loop) - start) / LAN_SEC(1)));
	}
}
