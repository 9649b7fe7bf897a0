/*
 * remote_server.c - the middle of a remote control: what the client "tx" says
 * is passed on to the client "rx".
 *
 *      remote_server [ADDR:PORT]
 *
 * The lines go without qos: the position of a switch a second ago is not worth
 * sending again. Nothing is passed on before both have been seen once.
 */
#include <stdbool.h>
#include "demo.h"

int main(int argc, char **argv)
{
	static const char *const ids[] = {"tx", "rx"};
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_server(loop, argc > 1 ? argv[1] : NULL, ids, 2);
	struct lan_link_event ev;
	bool complete = false;

	for (;;) {
		lan_loop_run(loop, LAN_NEVER);
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_UP)
				printf("%s is up\n", ev.id);
			if (ev.kind == LAN_LINK_DOWN)
				printf("%s is down: %s\n", ev.id, ev.reason);
			if (ev.kind == LAN_LINK_ALL_UP) {
				complete = true;
				printf("both are there\n");
			}
			if (ev.kind == LAN_LINK_MESSAGE && complete && strcmp(ev.id, "tx") == 0) {
				printf("tx says %s\n", ev.line);
				send_line(link, "rx", 0, "%s", ev.line); /* copies the view first */
			}
		}
	}
}
