/*
 * qos_fast.c - bursts: four lines at a time, with qos but without waiting for
 * one before the next is sent. All of them arrive, once each; in an outage they
 * may overtake each other, which the checker shows as out of order.
 *
 *      qos_fast serve [ADDR:PORT [PERIOD]]      bursts every 3.95 s
 *      qos_fast connect HOST:PORT [PERIOD]      bursts every 5 s
 *
 * Lines are [n, connects, free memory, duplicates, missing], n counting up.
 */
#include <stdbool.h>
#include "check.h"
#include "demo.h"
#include "values.h"

int main(int argc, char **argv)
{
	static const char *const ids[] = {"qos"};
	bool serve = argc > 1 && strcmp(argv[1], "serve") == 0;
	if (!serve && (argc < 3 || strcmp(argv[1], "connect") != 0)) {
		fprintf(stderr, "usage: %s serve [ADDR:PORT [PERIOD]] | connect HOST:PORT [PERIOD]\n",
			argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = serve ? open_server(loop, argc > 2 ? argv[2] : NULL, ids, 1)
				      : open_client(loop, argv[2], "qos");
	lan_time period = period_of(argc > 3 ? argv[3] : NULL, serve ? 3.95 : 5);
	lan_time next = lan_loop_now(loop) + period;
	struct lan_link_event ev;
	struct check check = {0};
	unsigned connects = 0;
	long got[5];

	for (long n = 0;;) {
		lan_time now = lan_loop_now(loop);
		if (now < next)
			lan_loop_run(loop, next - now);
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_UP)
				connects = ev.connects;
			if (ev.kind == LAN_LINK_MESSAGE && numbers(ev.line, got, 5) == 5)
				check_number(&check, got[0]);
		}
		if (lan_loop_now(loop) < next)
			continue;
		next += period;
		for (int i = 0; i < 4; i++)
			send_line(link, serve ? "qos" : NULL, LAN_LINK_QOS, "[%ld, %u, %ld, %ld, %ld]", n++,
				connects, free_memory_kb(), check.duplicates, check.missing);
		printf("sent %ld received %ld duplicates %ld missing %ld out-of-order %ld waiting %zu\n", n,
			check.total, check.duplicates, check.missing, check.out_of_order,
			lan_link_pending(link));
	}
}
