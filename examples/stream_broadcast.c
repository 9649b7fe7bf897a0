/*
 * stream_broadcast.c - whatever one connection says, all the others hear. It
 * ends when somebody says /KTHXBYE. stream_chat is its client, and so are the
 * chat clients of serpy and serpy2.
 *
 *      stream_broadcast [ADDR:PORT [serpy1]]      0.0.0.0:8000 and serpy2 by default
 *
 * Who does not read fast enough misses the oldest messages, and nobody else
 * notices.
 */
#include "stream_demo.h"

static void relay(struct lan_stream *s, const struct lan_stream_event *ev)
{
	struct lan_stream_status st;
	struct lan_stream_value v = ev->value;
	struct lan_stream_how how = LAN_STREAM_HOW_INIT;

	how.mode = ev->mode;
	if (v.type == LAN_STREAM_BYTES && ev->mode < 2 && lan_stream_is_text(&v))
		v.type = LAN_STREAM_STR; /* came as text, goes as text: not in base85 */
	for (size_t i = 0; lan_stream_conn(s, i, &st); i++) {
		enum lan_err e = st.conn == ev->conn ? LAN_OK : lan_stream_send(s, st.conn, &v, &how, NULL);
		if (e)
			fprintf(stderr, "not sent: %s %s\n", lan_err_text(e), lan_stream_why());
	}
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_event ev;
	bool stop = false;

	cfg.address = argc > 1 ? argv[1] : NULL;
	cfg.dialect = argc > 2 && !strcmp(argv[2], "serpy1") ? LAN_STREAM_SERPY1 : LAN_STREAM_SERPY2;
	cfg.full = LAN_STREAM_FULL_DROP_OLD;
	struct lan_loop *loop = open_loop();
	struct lan_stream *s = open_streams(loop, &cfg);
	while (!stop) {
		lan_loop_run(loop, LAN_NEVER);
		while (!stop && lan_stream_event(s, &ev)) {
			const struct lan_stream_value *v = &ev.value;
			if (ev.kind == LAN_STREAM_UP)
				printf("%s has come\n", ev.peer);
			if (ev.kind == LAN_STREAM_DOWN)
				printf("%s has gone: %s\n", ev.peer, ev.reason);
			if (ev.kind == LAN_STREAM_LOST)
				printf("%llu has missed %llu: %s\n", (unsigned long long)ev.conn,
					(unsigned long long)ev.lost, ev.reason);
			if (ev.kind != LAN_STREAM_MESSAGE)
				continue;
			if (v->len && lan_stream_is_text(v))
				printf("%.*s\n", (int)v->len, (const char *)v->data);
			stop = v->len == strlen(GOODBYE) && !memcmp(v->data, GOODBYE, v->len);
			if (!stop)
				relay(s, &ev);
		}
	}
	say_goodbye(loop, s);
	return 0;
}
