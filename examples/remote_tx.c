/*
 * remote_tx.c - the sending end of the remote control: a switch.
 *
 *      remote_tx HOST:PORT
 *
 * The switch is the standard input: a line 1 or 0 is its new position. A change
 * is sent as [1] or [0], without qos, when the position has been the same for
 * 50 ms: switches bounce.
 */
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>
#include "demo.h"

#define DEBOUNCE LAN_MS(50)

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s HOST:PORT\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], "tx");
	struct lan_link_event ev;
	lan_time since = 0;
	int raw = -1, stable = -1;
	bool input = true, up = false;

	while (input || raw != stable || lan_link_pending(link) > 0) {
		struct pollfd fds[] = {
			{.fd = lan_loop_fd(loop), .events = POLLIN},
			{.fd = input ? STDIN_FILENO : -1, .events = POLLIN},
		};
		int ms = lan_loop_timeout(loop);
		if (raw != stable && (ms < 0 || ms > 10))
			ms = 10; /* a position waits to become stable */
		poll(fds, 2, ms);
		char buf[64];
		ssize_t n = fds[1].revents ? read(STDIN_FILENO, buf, sizeof buf) : 1;
		input = input && n > 0;
		for (ssize_t i = 0; fds[1].revents && i < n; i++)
			if ((buf[i] == '0' || buf[i] == '1') && buf[i] - '0' != raw) {
				raw = buf[i] - '0';
				since = lan_loop_now(loop);
			}
		lan_loop_process(loop);
		while (lan_link_event(link, &ev))
			if (ev.kind == LAN_LINK_UP || ev.kind == LAN_LINK_DOWN)
				up = ev.kind == LAN_LINK_UP;
		if (up && raw != stable && lan_loop_now(loop) - since >= DEBOUNCE) {
			stable = raw;
			send_line(link, NULL, 0, "[%d]", stable);
		}
	}
	lan_link_close(link);
	lan_loop_free(loop);
	return 0;
}
