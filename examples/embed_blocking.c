/*
 * embed_blocking.c - the link in a plain program that has no event loop of its
 * own: say something, wait until it has arrived, leave.
 *
 *      embed_blocking HOST:PORT ID LINE..
 *
 * Each line is sent with qos, so exit code 0 means that the server's
 * application has taken every one of them, whatever the network did meanwhile.
 * Lines that come from the server are printed.
 */
#include <lanyard/link.h>
#include <stdio.h>
#include <string.h>

static int give_up(const char *what, enum lan_err e)
{
	fprintf(stderr, "%s: %s\n", what, lan_err_text(e));
	return 1;
}

int main(int argc, char **argv)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	struct lan_link_event ev;
	struct lan_loop *loop;
	struct lan_link *link;
	enum lan_err e;

	if (argc < 4) {
		fprintf(stderr, "usage: %s HOST:PORT ID LINE..\n", argv[0]);
		return 2;
	}
	cfg.address = argv[1];
	cfg.id = argv[2];
	if ((e = lan_loop_new(&loop)))
		return give_up("event loop", e);
	if ((e = lan_link_connect(loop, &cfg, &link))) {
		lan_loop_free(loop);
		return give_up(argv[1], e);
	}
	const unsigned flags = LAN_LINK_QOS | LAN_LINK_WAIT;
	for (int i = 3; i < argc && !e; i++)
		if ((e = lan_link_write(link, NULL, argv[i], strlen(argv[i]), flags, NULL)))
			give_up(argv[i], e);

	while (!e && lan_link_pending(link) > 0) {
		lan_loop_run(loop, LAN_NEVER); /* blocks until something has happened */
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_MESSAGE)
				printf("%s\n", ev.line);
			if (ev.kind == LAN_LINK_RETRY || ev.kind == LAN_LINK_FIRST_FAILED)
				fprintf(stderr, "%s: %s, trying again\n", ev.peer, ev.reason);
		}
	}
	lan_link_close(link);
	lan_loop_free(loop);
	return e != LAN_OK;
}
