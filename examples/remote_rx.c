/*
 * remote_rx.c - the receiving end of the remote control: a lamp, which here is
 * a line of text.
 *
 *      remote_rx HOST:PORT
 */
#include "demo.h"
#include "values.h"

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s HOST:PORT\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], "rx");
	struct lan_link_event ev;
	long lamp;

	for (;;) {
		lan_loop_run(loop, LAN_NEVER);
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_UP)
				printf("link up\n");
			if (ev.kind == LAN_LINK_DOWN)
				printf("link down, the lamp stays as it is\n");
			if (ev.kind == LAN_LINK_MESSAGE && numbers(ev.line, &lamp, 1) == 1)
				printf("lamp %s\n", lamp ? "on" : "off");
		}
	}
}
