/*
 * stream_demo.h - what the stream examples share: opening either end, sending or
 * saying why not, the next value within a time, an end that loses nothing.
 */
#ifndef STREAM_DEMO_H
#define STREAM_DEMO_H

#include <lanyard/stream.h>
#include "demo.h"

#define GOODBYE "/KTHXBYE" /* as a str: ends the servers of the examples */

static inline struct lan_stream *open_streams(struct lan_loop *loop, struct lan_stream_config *cfg)
{
	struct lan_stream *s;
	enum lan_err e = lan_stream_serve(loop, cfg, &s);
	if (e)
		give_up(cfg->address ? cfg->address : "listening", e);
	printf("listening on %s\n", lan_stream_address(s));
	return s;
}

static inline struct lan_stream *open_stream(struct lan_loop *loop, struct lan_stream_config *cfg)
{
	struct lan_stream *s;
	enum lan_err e = lan_stream_connect(loop, cfg, &s);
	if (e)
		give_up(cfg->address, e);
	return s;
}

/* Queue a value. False: said why not. */
static inline bool put(struct lan_stream *s, uint64_t conn, const struct lan_stream_value *value)
{
	enum lan_err e = lan_stream_send(s, conn, value, NULL, NULL);
	if (e)
		fprintf(stderr, "not sent to %llu: %s %s\n", (unsigned long long)conn, lan_err_text(e),
			lan_stream_why());
	return !e;
}

static inline bool is_str(const struct lan_stream_value *v, const char *text)
{
	return v->type == LAN_STREAM_STR && v->len == strlen(text) && !memcmp(v->data, text, v->len);
}

/* The next value that comes, or false: none within `limit`, or nobody is there. */
static inline bool next_value(
	struct lan_loop *loop, struct lan_stream *s, struct lan_stream_event *ev, lan_time limit)
{
	for (lan_time end = lan_loop_now(loop) + limit, now;;) {
		while (lan_stream_event(s, ev)) {
			if (ev->kind == LAN_STREAM_GAVE_UP)
				give_up(lan_stream_address(s), ev->err);
			if (ev->kind == LAN_STREAM_MESSAGE || ev->kind == LAN_STREAM_DOWN)
				return ev->kind == LAN_STREAM_MESSAGE;
		}
		if ((now = lan_loop_now(loop)) >= end)
			return false;
		lan_loop_run(loop, end - now);
	}
}

/* Close when all has left, and a third of a second later: when a connection ends, the originals forget what
 * they have read and not yet handed out. */
static inline void say_goodbye(struct lan_loop *loop, struct lan_stream *s)
{
	struct lan_stream_event ev;
	lan_time now = lan_loop_now(loop), limit = now + LAN_SEC(5), end = limit;
	while (now < end && now < limit) {
		lan_loop_run(loop, LAN_MS(50));
		while (lan_stream_event(s, &ev))
			;
		now = lan_loop_now(loop);
		if (end == limit && lan_stream_pending(s) == 0)
			end = now + LAN_MS(333);
	}
	lan_stream_close(s);
	lan_loop_free(loop);
}

#endif
