/*
 * embed_uv.c - the link inside your own libuv loop: lan_loop_new_on_uv, and a
 * callback that says when there are events to pull. Nothing else changes, and
 * uv_run stays yours.
 *
 *      embed_uv [ADDR:PORT [PERIOD]]
 *
 * A server. Every PERIOD seconds (default 1) a timer of ours sends the time of
 * day to everybody; what anybody sends is sent back to them.
 */
#include <time.h>
#include <uv.h>
#include "demo.h"
#include "values.h"

static void on_ready(void *ctx)
{
	struct lan_link *link = ctx;
	struct lan_link_event ev;
	while (lan_link_event(link, &ev)) {
		if (ev.kind == LAN_LINK_UP)
			printf("%s is up from %s\n", ev.id, ev.peer);
		if (ev.kind == LAN_LINK_DOWN)
			printf("%s is down: %s\n", ev.id, ev.reason);
		if (ev.kind == LAN_LINK_MESSAGE) {
			char *line = strdup(ev.line), *id = strdup(ev.id); /* views die at the next call */
			if (line && id && lan_link_write(link, id, line, ev.len, LAN_LINK_QOS, NULL))
				fprintf(stderr, "%s does not get its line back\n", id);
			free(line);
			free(id);
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct lan_link *link = timer->data;
	struct lan_link_status peer;
	char text[64], id[256];
	time_t now = time(NULL);
	strftime(text, sizeof text, "it is %H:%M:%S", localtime(&now));
	for (size_t i = 0; lan_link_peer(link, i, &peer); i++) {
		strcpy(id, peer.id);
		if (peer.up)
			send_line(link, id, 0, "%s", text);
	}
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

int main(int argc, char **argv)
{
	struct lan_loop *loop;
	uv_timer_t timer;
	uv_signal_t signal;
	enum lan_err e = lan_loop_new_on_uv(&loop, uv_default_loop());
	if (e)
		give_up("event loop", e);
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct lan_link *link = open_server(loop, argc > 1 ? argv[1] : NULL, NULL, 0);
	lan_link_on_ready(link, on_ready, link);

	uint64_t ms = period_of(argc > 2 ? argv[2] : NULL, 1) / LAN_MS(1);
	uv_timer_init(uv_default_loop(), &timer);
	timer.data = link;
	uv_timer_start(&timer, on_timer, ms, ms);
	uv_signal_init(uv_default_loop(), &signal);
	uv_signal_start(&signal, on_signal, SIGTERM);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);

	lan_link_close(link);
	lan_loop_free(loop);
	return 0;
}
