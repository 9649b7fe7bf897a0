/*
 * channel_talk.c - talk to a group: open, send, next event. What is typed is
 * said, what others say is printed, on the plain old dialect (insecure; multisock
 * programs hear it, too).
 *
 *      channel_talk [GROUP:PORT [IFACE]]      224.1.1.1:1234 by default
 */
#include <lanyard/channel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	struct lan_channel_event ev;
	struct lan_channel *ch;
	struct lan_loop *loop;
	const char *why = "out of memory";
	char line[1000];

	cfg.address = argc > 1 ? argv[1] : "224.1.1.1:1234";
	cfg.ifaces = (const char *const *)&argv[2];
	cfg.n_ifaces = argc > 2;
	if (lan_loop_new(&loop) || lan_channel_open(loop, &cfg, &ch, &why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("talk\n");
	for (;;) {
		struct pollfd p[2] = {
			{.fd = lan_loop_fd(loop), .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
		poll(p, 2, lan_loop_timeout(loop));
		lan_loop_process(loop);
		while (lan_channel_event(ch, &ev))
			if (ev.kind == LAN_CHANNEL_MESSAGE && ev.text)
				printf("%s: %s\n", ev.from, (const char *)ev.data);
		if (!p[1].revents)
			continue;
		ssize_t n = read(STDIN_FILENO, line, sizeof line);
		if (n <= 0)
			break;
		n -= line[n - 1] == '\n';
		if (n > 0 && lan_channel_send(ch, line, (size_t)n, 0, NULL))
			fprintf(stderr, "not sent\n");
	}
	lan_channel_close(ch);
	lan_loop_free(loop);
	return 0;
}
