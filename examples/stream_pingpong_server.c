/*
 * stream_pingpong_server.c - sends every value back to whom it came from, on the
 * wire of serpy2, whose ping-pong client gets along with it. It ends at the
 * str /KTHXBYE.
 *
 *      stream_pingpong_server [ADDR:PORT]      0.0.0.0:8000 by default
 */
#include "stream_demo.h"

static void show(const struct lan_stream_value *v)
{
	printf("%s", lan_stream_type_name(v->type));
	if (v->type == LAN_STREAM_INT && !v->wide)
		printf(" %lld", (long long)v->integer);
	if (v->type == LAN_STREAM_FLOAT)
		printf(" %.17g", v->real);
	if (v->type == LAN_STREAM_STR)
		printf(" %.*s", (int)v->len, (const char *)v->data);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_event ev;
	bool stop = false;

	cfg.address = argc > 1 ? argv[1] : NULL;
	cfg.dialect = LAN_STREAM_SERPY2;
	struct lan_loop *loop = open_loop();
	struct lan_stream *s = open_streams(loop, &cfg);
	while (!stop) {
		lan_loop_run(loop, LAN_NEVER);
		while (!stop && lan_stream_event(s, &ev)) {
			if (ev.kind != LAN_STREAM_MESSAGE)
				continue;
			show(&ev.value);
			stop = is_str(&ev.value, GOODBYE);
			/* who does not read its answers is sent away: here a megabyte waits for nobody */
			uint64_t conn = ev.conn;
			if (!stop && !put(s, conn, &ev.value) && lan_stream_drop(s, conn))
				fprintf(stderr, "it has gone already\n");
		}
	}
	say_goodbye(loop, s);
	return 0;
}
