/*
 * stream_pingpong_client.c - ten times: connect, send six values of all kinds at
 * once, and see that the server (stream_pingpong_server, or the one of serpy2)
 * sends the same back. In the end it tells the server to end.
 *
 *      stream_pingpong_client [HOST:PORT]      127.0.0.1:8000 by default
 */
#include "stream_demo.h"

#define CYCLES 10

static bool same(const struct lan_stream_value *a, const struct lan_stream_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == LAN_STREAM_INT)
		return !a->wide && a->integer == b->integer;
	if (a->type == LAN_STREAM_FLOAT)
		return a->real == b->real;
	return a->len == b->len && !memcmp(a->data, b->data, b->len);
}

static unsigned cycle(struct lan_loop *loop, struct lan_stream_config *cfg)
{
	const struct lan_stream_value values[] = {lan_stream_int(123), lan_stream_str("hello", 5),
		lan_stream_float(12.35), lan_stream_float(-1e6), lan_stream_int(600000),
		lan_stream_str("yes µù", strlen("yes µù"))};
	const size_t n = sizeof values / sizeof values[0];
	struct lan_stream *s = open_stream(loop, cfg);
	struct lan_stream_event ev;
	unsigned errors = 0;

	for (size_t i = 0; i < n; i++)
		put(s, 0, &values[i]);
	for (size_t i = 0; i < n; i++)
		if (!next_value(loop, s, &ev, LAN_SEC(10)) || !same(&ev.value, &values[i])) {
			printf("ping pong error, value %zu\n", i);
			errors++;
		}
	lan_stream_close(s);
	return errors;
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_value bye = lan_stream_str(GOODBYE, strlen(GOODBYE));
	unsigned errors = 0;

	cfg.address = argc > 1 ? argv[1] : "127.0.0.1:8000";
	cfg.dialect = LAN_STREAM_SERPY2;
	cfg.once = true;
	struct lan_loop *loop = open_loop();
	lan_time start = lan_loop_now(loop);
	for (unsigned i = 0; i < CYCLES; i++)
		errors += cycle(loop, &cfg);
	printf("%d cycles in %.3f seconds\n", CYCLES, (double)(lan_loop_now(loop) - start) / 1e9);
	printf("%u ping-pong errors\n", errors);
	struct lan_stream *s = open_stream(loop, &cfg);
	put(s, 0, &bye);
	say_goodbye(loop, s);
	return errors != 0;
}
