/*
 * qos_check_server.c - is what arrives complete, in order and without doubles?
 * The server's half of the check; the other is qos_check_client.c.
 *
 *      qos_check_server [ADDR:PORT [PERIOD]]
 *
 * Every PERIOD seconds (default 5) it sends the client [n, n], n counting up.
 * The client sends [n, connects, free memory, duplicates, missing, out of
 * order, uptime] about its own side. Every 6 periods both sides' results are
 * printed. Interrupt the network as you like.
 */
#include "check.h"
#include "demo.h"
#include "values.h"

static struct check check;
static long theirs[7];

static void handle(const struct lan_link_event *ev)
{
	if (ev->kind == LAN_LINK_UP)
		printf("client is up, connection %u\n", ev->connects);
	if (ev->kind == LAN_LINK_DOWN)
		printf("client is down: %s\n", ev->reason);
	if (ev->kind == LAN_LINK_MESSAGE && numbers(ev->line, theirs, 7) == 7)
		check_number(&check, theirs[0]);
}

static void report(void)
{
	printf("received %ld: duplicates %ld missing %ld out-of-order %ld reboots %ld\n", check.total,
		check.duplicates, check.missing, check.out_of_order, check.reboots);
	printf("the client after %ld s, %ld connections: duplicates %ld missing %ld out-of-order %ld\n",
		theirs[6], theirs[1], theirs[3], theirs[4], theirs[5]);
}

int main(int argc, char **argv)
{
	static const char *const ids[] = {"qos"};
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_server(loop, argc > 1 ? argv[1] : NULL, ids, 1);
	lan_time period = period_of(argc > 2 ? argv[2] : NULL, 5), next = lan_loop_now(loop) + period;
	struct lan_link_event ev;

	for (long n = 0;;) {
		lan_time now = lan_loop_now(loop);
		if (now < next)
			lan_loop_run(loop, next - now);
		while (lan_link_event(link, &ev))
			handle(&ev);
		if (lan_loop_now(loop) < next)
			continue;
		next += period;
		send_line(link, "qos", LAN_LINK_QOS | LAN_LINK_WAIT, "[%ld, %ld]", n, n);
		if (++n % 6 == 0)
			report();
	}
}
