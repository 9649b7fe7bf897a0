/*
 * stream_chat.c - talk over a stream_broadcast server, or one of serpy2 (or
 * serpy): what is typed is sent as "NAME : text", what the others type is
 * printed. Also how to watch standard input beside the loop.
 *
 *      stream_chat [HOST:PORT [serpy1]]      127.0.0.1:8000 and serpy2 by default
 *
 *      /name=NAME   be called that       /stop       leave
 *      /KTHXBYE     end the server
 */
#include <poll.h>
#include "lines.h"
#include "stream_demo.h"

static char name[64] = "no name (use /name=NAME)";

/* What was typed; false: leave. */
static bool typed(struct lan_stream *s, const char *line)
{
	char text[1200];
	if (!strcmp(line, "/stop"))
		return false;
	if (!strncmp(line, "/name=", 6))
		snprintf(name, sizeof name, "%s", line + 6);
	else if (*line == '/' && strcmp(line, GOODBYE))
		printf("there is no such command\n");
	else if (*line) {
		int n = *line == '/' ? snprintf(text, sizeof text, "%s", line)
				     : snprintf(text, sizeof text, "%s : %s", name, line);
		struct lan_stream_value v = lan_stream_str(text, (size_t)n);
		put(s, 0, &v);
	}
	return true;
}

static void show(const struct lan_stream_event *ev)
{
	const struct lan_stream_value *v = &ev->value;
	if (ev->kind == LAN_STREAM_UP)
		printf("-------------- Connected --------------\n");
	if (ev->kind == LAN_STREAM_DOWN)
		printf("------------- Disconnected: %s\n", ev->reason);
	if (ev->kind == LAN_STREAM_LOST) /* nobody else says that: the wire cannot tell */
		printf("------------- %llu of your lines may be lost\n", (unsigned long long)ev->lost);
	if (ev->kind == LAN_STREAM_MESSAGE && v->len && lan_stream_is_text(v))
		printf(">>> %.*s\n", (int)v->len, (const char *)v->data);
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_event ev;
	struct lines in = {.have = 0};
	bool stay = true;

	cfg.address = argc > 1 ? argv[1] : "127.0.0.1:8000";
	cfg.dialect = argc > 2 && !strcmp(argv[2], "serpy1") ? LAN_STREAM_SERPY1 : LAN_STREAM_SERPY2;
	struct lan_loop *loop = open_loop();
	struct lan_stream *s = open_stream(loop, &cfg);
	while (stay) {
		struct pollfd p[2] = {
			{.fd = lan_loop_fd(loop), .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
		poll(p, 2, lan_loop_timeout(loop));
		if (p[1].revents) {
			stay = lines_read(&in);
			for (const char *line; stay && (line = lines_next(&in));)
				stay = typed(s, line);
		}
		lan_loop_process(loop);
		while (lan_stream_event(s, &ev))
			show(&ev);
	}
	say_goodbye(loop, s);
	return 0;
}
