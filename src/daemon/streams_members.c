/*
 * streams_members.c - what an event of a stream says, as members of its JSON. The
 * names are those `lanyard stream serve -J` has.
 *
 * A message says its type, and its value as far as JSON has words for it: bytes
 * are base64, and text beside it if they are; numbers beyond JSON (nan, inf,
 * integers wider than 64 bits) are strings. The pieces of long bytes say where
 * they belong, without their content.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "api/number.h"
#include "daemon/members.h"
#include "daemon/streams.h"

static void add_int(struct text *t, const struct lan_stream_value *v)
{
	char *wide;
	if (!v->wide) {
		text_printf(t, ",\"value\":%" PRId64, v->integer);
		return;
	}
	wide = number_wide(v->data, v->len);
	t->bad |= !wide;
	member_text(t, "value", wide);
	free(wide);
}

static void add_float(struct text *t, double real)
{
	char buf[NUMBER_FLOAT];
	number_float(real, buf);
	if (isfinite(real))
		member_json(t, "value", buf);
	else
		member_text(t, "value", buf);
}

static void add_value(struct text *t, const struct lan_stream_value *v)
{
	member_text(t, "type", lan_stream_type_name(v->type));
	switch (v->type) {
	case LAN_STREAM_STR:
		member_bytes(t, "value", v->data, v->len);
		return;
	case LAN_STREAM_INT:
		add_int(t, v);
		return;
	case LAN_STREAM_FLOAT:
		add_float(t, v->real);
		return;
	case LAN_STREAM_OBJECT:
		member_number(t, "size", v->len);
		if (v->json)
			member_json(t, "value", v->json);
		else
			member_base64(t, "opaque", v->data, v->len);
		return;
	case LAN_STREAM_BYTES:
	case LAN_STREAM_ARRAY:
		break;
	}
	member_number(t, "size", v->len);
	member_base64(t, "base64", v->data, v->len);
	if (lan_stream_is_text(v))
		member_bytes(t, "text", v->data, v->len);
}

static void add_piece(struct text *t, const struct lan_stream_event *ev)
{
	member_number(t, "offset", ev->offset);
	member_number(t, "size", ev->value.len);
	if (ev->total != LAN_STREAM_UNKNOWN)
		member_number(t, "total", ev->total);
	text_printf(t, ",\"last\":%s", ev->last ? "true" : "false");
}

static void add_mode(struct text *t, const struct lan_stream_event *ev)
{
	member_number(t, "mode", (uint64_t)ev->mode);
	if (ev->stale)
		text_puts(t, ",\"stale\":true");
}

static void add_rest(struct text *t, const struct lan_stream_event *ev)
{
	switch (ev->kind) {
	case LAN_STREAM_UP:
		member_number(t, "connects", ev->connects);
		return;
	case LAN_STREAM_DOWN:
		member_number(t, "cut", ev->cut);
		return;
	case LAN_STREAM_LOST:
		member_number(t, "lost", ev->lost);
		member_number(t, "doubled", ev->doubled);
		member_number(t, "unreached", ev->unreached);
		member_json(t, "orderly", ev->err ? "false" : "true");
		return;
	case LAN_STREAM_ACKED:
	case LAN_STREAM_EXPIRED:
	case LAN_STREAM_SENT:
		member_number(t, "token", ev->token);
		return;
	case LAN_STREAM_DAMAGED:
		member_number(t, "bytes", ev->bytes);
		return;
	case LAN_STREAM_RETRY:
		member_number(t, "pause_ms", ev->pause / LAN_MS(1));
		member_number(t, "attempts", ev->attempts);
		return;
	case LAN_STREAM_GAVE_UP:
		member_number(t, "attempts", ev->attempts);
		return;
	default:
		return;
	}
}

static bool has_conn(enum lan_stream_event_kind kind)
{
	return kind != LAN_STREAM_REFUSED && kind != LAN_STREAM_RETRY && kind != LAN_STREAM_GAVE_UP;
}

void stream_members(struct text *t, const struct lan_stream_event *ev, bool modes)
{
	if (has_conn(ev->kind))
		member_number(t, "conn", ev->conn);
	member_text(t, "peer", ev->peer);
	if (ev->kind == LAN_STREAM_MESSAGE)
		add_value(t, &ev->value);
	else if (ev->kind == LAN_STREAM_PIECE)
		add_piece(t, ev);
	else
		add_rest(t, ev);
	if (modes && (ev->kind == LAN_STREAM_MESSAGE || ev->kind == LAN_STREAM_PIECE))
		add_mode(t, ev);
}
