/*
 * stream_instrument_client.c - ten times: connect to an instrument
 * (stream_instrument_server, or the one of serpy2), ask for three images among
 * values that it ignores, take them for arrays and check every pixel. In the
 * end it tells the server to end.
 *
 *      stream_instrument_client [HOST:PORT]      127.0.0.1:8000 by default
 */
#include "stream_demo.h"
#include "stream_image.h"

#define CYCLES 10

static const int64_t asked[] = {1, 12, 30};

/* Send the questions; how many errors. */
static void ask(struct lan_stream *s)
{
	const char *text = "yes éµù utf8";
	const struct lan_stream_value values[] = {lan_stream_int(asked[0]), lan_stream_str("hello", 5),
		lan_stream_float(12.35), lan_stream_float(-1e6), lan_stream_int(asked[1]),
		lan_stream_int(asked[2]), lan_stream_str(text, strlen(text))};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		put(s, 0, &values[i]);
}

static unsigned cycle(struct lan_loop *loop, struct lan_stream_config *cfg, uint64_t *bytes)
{
	static float got[IMAGE_SIDE][IMAGE_SIDE], wanted[IMAGE_SIDE][IMAGE_SIDE];
	struct lan_stream *s = open_stream(loop, cfg);
	struct lan_stream_event ev;
	unsigned errors = 0;

	ask(s);
	for (int i = 0; i < 3; i++) {
		enum lan_err e = LAN_ERR_TIMEOUT;
		if (next_value(loop, s, &ev, LAN_SEC(10)))
			e = lan_stream_as_array(&ev.value, IMAGE_DTYPE, image_shape, 2, got, sizeof got);
		image_make(wanted, asked[i]);
		if (e || !image_same(got, wanted)) {
			printf("image %lld: %s\n", (long long)asked[i],
				e ? lan_err_text(e) : "other content");
			errors++;
		} else
			*bytes += sizeof got;
	}
	lan_stream_close(s);
	return errors;
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_value bye = lan_stream_str(GOODBYE, strlen(GOODBYE));
	unsigned errors = 0;
	uint64_t bytes = 0;

	cfg.address = argc > 1 ? argv[1] : "127.0.0.1:8000";
	cfg.dialect = LAN_STREAM_SERPY2;
	cfg.once = true;
	struct lan_loop *loop = open_loop();
	lan_time start = lan_loop_now(loop);
	for (unsigned i = 0; i < CYCLES; i++)
		errors += cycle(loop, &cfg, &bytes);
	double seconds = (double)(lan_loop_now(loop) - start) / 1e9;
	printf("received %llu bytes in %.3f seconds\n", (unsigned long long)bytes, seconds);
	printf("%.1f MB/s, %.1f frames/s\n", (double)bytes / 1e6 / seconds,
		(double)bytes / (IMAGE_SIDE * IMAGE_SIDE * 4) / seconds);
	printf("%u errors\n", errors);
	struct lan_stream *s = open_stream(loop, &cfg);
	put(s, 0, &bye);
	say_goodbye(loop, s);
	return errors != 0;
}
