/*
 * embed_poll.c - the link inside somebody else's poll(2) loop. Three calls are
 * all there is to it: lan_loop_fd (a descriptor to poll), lan_loop_timeout (how
 * long poll may sleep) and lan_loop_process (afterwards, always).
 *
 *      embed_poll HOST:PORT ID
 *
 * Lines typed are sent to the server, lines from the server are printed. At the
 * end of the input it leaves when the last line has arrived.
 */
#include <errno.h>
#include <poll.h>
#include "demo.h"
#include "lines.h"

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s HOST:PORT ID\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], argv[2]);
	struct lan_link_event ev;
	struct lines in = {.have = 0};
	bool input = true;

	while (input || lan_link_pending(link) > 0) {
		struct pollfd fds[] = {
			{.fd = lan_loop_fd(loop), .events = POLLIN},
			{.fd = input ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, 2, lan_loop_timeout(loop)) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents) {
			input = lines_read(&in);
			for (const char *line; (line = lines_next(&in));)
				if (*line)
					send_line(link, NULL, LAN_LINK_QOS, "%s", line);
		}
		lan_loop_process(loop);
		while (lan_link_event(link, &ev))
			if (ev.kind == LAN_LINK_MESSAGE)
				printf("%s\n", ev.line);
	}
	lan_link_close(link);
	lan_loop_free(loop);
	return 0;
}
