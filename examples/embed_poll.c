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
#include <stdbool.h>
#include <unistd.h>
#include "demo.h"

/* Send each complete line in buf, keep the rest. */
static size_t send_lines(struct lan_link *link, char *buf, size_t len)
{
	char *from = buf, *lf;
	while ((lf = memchr(from, '\n', len - (size_t)(from - buf)))) {
		if (lf > from)
			send_line(link, NULL, LAN_LINK_QOS, "%.*s", (int)(lf - from), from);
		from = lf + 1;
	}
	size_t rest = len - (size_t)(from - buf);
	memmove(buf, from, rest);
	return rest;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s HOST:PORT ID\n", argv[0]);
		return 2;
	}
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_client(loop, argv[1], argv[2]);
	struct lan_link_event ev;
	char buf[256];
	size_t have = 0;
	bool input = true;

	while (input || lan_link_pending(link) > 0) {
		struct pollfd fds[] = {
			{.fd = lan_loop_fd(loop), .events = POLLIN},
			{.fd = input ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, 2, lan_loop_timeout(loop)) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents) {
			ssize_t n = read(STDIN_FILENO, buf + have, sizeof buf - have);
			input = n > 0;
			have = send_lines(link, buf, have + (n > 0 ? (size_t)n : 0));
			if (have == sizeof buf)
				have = 0; /* too long for this demo: dropped */
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
