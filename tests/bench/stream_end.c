/* stream_end.c - see stream_end.h. */
#include "stream_end.h"

#include <stdlib.h>
#include <string.h>

void stream_must(enum lan_err e, const char *what)
{
	if (e) {
		fprintf(stderr, "%s: %s %s\n", what, lan_err_text(e), lan_stream_why());
		exit(1);
	}
}

static struct lan_stream_config config(struct stream_end *e, stream_more *more)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	cfg.dialect = LAN_STREAM_SERPY2;
	if (more)
		more(&cfg);
	stream_must(lan_loop_new(&e->loop), "loop");
	return cfg;
}

uint16_t stream_serve(struct stream_end *e, stream_more *more)
{
	struct lan_stream_config cfg = config(e, more);
	cfg.address = "127.0.0.1:0";
	stream_must(lan_stream_serve(e->loop, &cfg, &e->s), "serve");
	return (uint16_t)atoi(strrchr(lan_stream_address(e->s), ':') + 1);
}

void stream_dial(struct stream_end *e, uint16_t port, stream_more *more)
{
	struct lan_stream_config cfg = config(e, more);
	struct lan_stream_event ev = {0};
	char address[32];
	snprintf(address, sizeof address, "127.0.0.1:%u", port);
	cfg.address = address;
	stream_must(lan_stream_connect(e->loop, &cfg, &e->s), "connect");
	while (ev.kind != LAN_STREAM_UP) {
		lan_loop_run(e->loop, LAN_NEVER);
		while (ev.kind != LAN_STREAM_UP && lan_stream_event(e->s, &ev))
			;
	}
}

void stream_nothing(struct stream_end *e)
{
	struct lan_stream_event ev;
	while (lan_stream_event(e->s, &ev))
		if (ev.kind != LAN_STREAM_WRITABLE && ev.kind != LAN_STREAM_SENT) {
			fprintf(stderr, "%s: %s\n", lan_stream_event_name(ev.kind),
				ev.reason ? ev.reason : "");
			exit(1);
		}
}

void stream_close(struct stream_end *e)
{
	lan_stream_close(e->s);
	lan_loop_free(e->loop);
}
