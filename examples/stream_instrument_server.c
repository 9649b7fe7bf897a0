/*
 * stream_instrument_server.c - a camera for exercise: answers each int with an
 * image (stream_image.h), an array that travels as bytes on the wire of serpy2.
 * Other values are ignored; the str /KTHXBYE ends it. The instrument client of
 * serpy2 gets along with it.
 *
 *      stream_instrument_server [ADDR:PORT]      0.0.0.0:8000 by default
 */
#include "stream_demo.h"
#include "stream_image.h"

static void answer(struct lan_stream *s, uint64_t conn, int64_t p)
{
	static float image[IMAGE_SIDE][IMAGE_SIDE];
	struct lan_stream_value v = {.type = LAN_STREAM_ARRAY,
		.data = image,
		.len = sizeof image,
		.dtype = IMAGE_DTYPE,
		.shape = image_shape,
		.ndim = 2};
	image_make(image, p);
	if (!put(s, conn, &v) && lan_stream_drop(s, conn)) /* it asks faster than it reads */
		fprintf(stderr, "it has gone already\n");
}

int main(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct lan_stream_event ev;
	bool stop = false;

	cfg.address = argc > 1 ? argv[1] : NULL;
	cfg.dialect = LAN_STREAM_SERPY2;
	cfg.max_queue = 16 << 20; /* images of a megabyte: some may wait */
	struct lan_loop *loop = open_loop();
	struct lan_stream *s = open_streams(loop, &cfg);
	while (!stop) {
		lan_loop_run(loop, LAN_NEVER);
		while (!stop && lan_stream_event(s, &ev)) {
			if (ev.kind != LAN_STREAM_MESSAGE)
				continue;
			stop = is_str(&ev.value, GOODBYE);
			if (ev.value.type == LAN_STREAM_INT && !ev.value.wide) {
				printf("image %lld\n", (long long)ev.value.integer);
				answer(s, ev.conn, ev.value.integer);
			} else
				printf("%s\n", stop ? "goodbye" : "data ignored");
		}
	}
	say_goodbye(loop, s);
	return 0;
}
