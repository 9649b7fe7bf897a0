/*
 * stream_send.c - the sending half of <lanyard/stream.h>.
 *
 * Many messages written in a row are handed to the kernel each time so many bytes
 * have come together: the receiver begins while the sender goes on writing.
 */
#include "api/stream_int.h"
#include "api/take.h"

#include <stdlib.h>

#define FLUSH_AT (60u << 10)

static _Thread_local const char *last_why = "";

const char *lan_stream_why(void)
{
	return last_why;
}

void stream_why(const char *why)
{
	last_why = why ? why : "";
}

static void sent(struct lan_stream *s, size_t n)
{
	s->queued += n;
	if (s->queued < FLUSH_AT) {
		lan_sdrv_kick(s->drv);
		return;
	}
	s->queued = 0;
	lan_sdrv_flush(s->drv);
	lan_sdrv_kick(s->drv);
	stream_release(s);
}

static enum lan_err take_how(const struct lan_stream_how *user, struct serpy_how *how)
{
	struct lan_stream_how h;
	enum lan_err e = user ? lan_take_config(user, &h, sizeof h) : LAN_OK;
	*how = (struct serpy_how){0};
	if (!e && user)
		*how = (struct serpy_how){.mode = h.mode, .force = h.force, .timeout = h.timeout};
	return e;
}

enum lan_err lan_stream_send(struct lan_stream *s, uint64_t conn, const struct lan_stream_value *value,
	const struct lan_stream_how *user, uint64_t *token)
{
	struct serpy_how how;
	struct serpy_value v;
	uint8_t *pickle;
	last_why = "";
	enum lan_err e = value ? take_how(user, &how) : LAN_ERR_INVAL;
	if (!e)
		e = stream_core_value(s, value, how.mode, &v, &pickle, &last_why);
	if (e)
		return e;
	e = serpy_send(s->core, lan_loop_stamp(s->loop), conn, &v, &how, token, &last_why);
	free(pickle);
	if (!e)
		sent(s, v.len);
	return e;
}

enum lan_err lan_stream_send_ref(struct lan_stream *s, uint64_t conn, const void *data, size_t len,
	void (*release)(void *ctx), void *ctx, uint64_t *token)
{
	last_why = "";
	enum lan_err e = serpy_send_ref(
		s->core, lan_loop_stamp(s->loop), conn, data, len, release, ctx, token, &last_why);
	if (!e)
		sent(s, len);
	return e;
}

enum lan_err lan_stream_blob_begin(struct lan_stream *s, uint64_t conn, uint64_t size, uint32_t sum,
	const struct lan_stream_how *user, uint64_t *token)
{
	struct serpy_how how;
	last_why = "";
	enum lan_err e = take_how(user, &how);
	if (e)
		return e;
	if (user && s->dialect == LAN_STREAM_SERPY1 && how.mode == 0)
		how.mode = 2;
	e = serpy_blob_begin(s->core, lan_loop_stamp(s->loop), conn, size, sum, &how, token, &last_why);
	if (!e)
		sent(s, 0);
	return e;
}

enum lan_err lan_stream_blob_write(
	struct lan_stream *s, uint64_t conn, const void *data, size_t n, size_t *took)
{
	enum lan_err e = serpy_blob_write(s->core, lan_loop_stamp(s->loop), conn, data, n, took);
	if (!e)
		sent(s, *took);
	return e;
}

enum lan_err lan_stream_blob_end(struct lan_stream *s, uint64_t conn)
{
	enum lan_err e = serpy_blob_end(s->core, lan_loop_stamp(s->loop), conn);
	if (!e)
		sent(s, 0);
	return e;
}

enum lan_err lan_stream_ask(struct lan_stream *s, uint64_t conn)
{
	enum lan_err e = serpy_ask(s->core, lan_loop_stamp(s->loop), conn);
	if (!e)
		sent(s, 0);
	return e;
}
