/*
 * stream_print.c - one received value as a line of text, or as fields of JSON.
 *
 * Text is printed as it is, but for what would break the line or move a cursor:
 * a line feed is \n, other control characters \xNN. Bytes that are text look the
 * same; others are shown with \xNN for every byte that is no printable ASCII
 * character. Numbers look as Python prints them. Numbers JSON has no words for
 * (nan, inf, integers beyond 64 bits) are strings there.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/channel.h"
#include "api/number.h"
#include "cli/out_json.h"
#include "cli/stream.h"

static void wide(struct out *o, const struct lan_stream_value *v, bool quoted)
{
	char *text = number_wide(v->data, v->len);
	if (!text) {
		o->no_memory = true;
		return;
	}
	if (quoted)
		out_json_text(o, "value", text, false);
	else
		out_text(o, text);
	free(text);
}

void value_text(struct out *o, const struct lan_stream_value *v)
{
	char buf[NUMBER_FLOAT];
	switch (v->type) {
	case LAN_STREAM_INT:
		if (v->wide)
			wide(o, v, false);
		else
			out_printf(o, "%" PRId64, v->integer);
		out_char(o, '\n');
		return;
	case LAN_STREAM_FLOAT:
		out_text(o, number_float(v->real, buf));
		out_char(o, '\n');
		return;
	case LAN_STREAM_OBJECT:
		if (v->json) {
			channel_print_line(o, v->json, strlen(v->json), true);
			return;
		}
		break;
	default:
		break;
	}
	channel_print_line(o, v->data, v->len, v->type == LAN_STREAM_STR || lan_stream_is_text(v));
}

static void float_json(struct out *o, double real)
{
	char buf[NUMBER_FLOAT];
	number_float(real, buf);
	if (isfinite(real))
		out_json_value(o, "value", buf, false);
	else
		out_json_text(o, "value", buf, false);
}

void value_json(struct out *o, const struct lan_stream_value *v)
{
	out_json_text(o, "type", lan_stream_type_name(v->type), false);
	switch (v->type) {
	case LAN_STREAM_STR:
		out_json_bytes(o, "value", v->data, v->len, false);
		return;
	case LAN_STREAM_INT:
		if (v->wide)
			wide(o, v, true);
		else
			out_printf(o, ",\"value\":%" PRId64, v->integer);
		return;
	case LAN_STREAM_FLOAT:
		float_json(o, v->real);
		return;
	case LAN_STREAM_OBJECT:
		out_json_number(o, "size", v->len, false);
		if (v->json)
			out_json_value(o, "value", v->json, false);
		else
			out_json_base64(o, "opaque", v->data, v->len, false);
		return;
	default:
		break;
	}
	out_json_number(o, "size", v->len, false);
	out_json_base64(o, "base64", v->data, v->len, false);
	if (lan_stream_is_text(v))
		out_json_bytes(o, "text", v->data, v->len, false);
}
