/*
 * config_stream.c - what one entry of `stream:` means to the stream itself: the
 * text of a checked entry turned into the arguments of lan_stream_serve and
 * lan_stream_connect, and the defaults that depend on other keys.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"

#define PARTIAL_DEFAULT (64u << 20)

/* What lan_stream_config says of max_partial, so that it is seen. */
bool config_stream_fill(struct config_stream *s)
{
	uint64_t twice = 2 * config_size(s->max_message);
	struct text t = {0};
	if (!s->max_partial) {
		if (twice > PARTIAL_DEFAULT)
			text_printf(&t, "%llu", (unsigned long long)twice);
		else
			text_puts(&t, "64M");
		s->max_partial = text_take(&t);
	}
	if (!s->piece)
		s->piece = strdup(s->max_message);
	return s->max_partial && s->piece;
}

static bool yes(const bool *b)
{
	return b && *b;
}

static uint32_t count(const uint32_t *n)
{
	return n ? *n : 0;
}

/* 0 in the struct means the default; none has its own value. */
static lan_time or_never(const char *duration)
{
	lan_time t = config_duration(duration);
	return t ? t : LAN_NEVER;
}

static enum lan_stream_full full(const char *word)
{
	if (strcmp(word, "drop-old") == 0)
		return LAN_STREAM_FULL_DROP_OLD;
	return strcmp(word, "drop-new") == 0 ? LAN_STREAM_FULL_DROP_NEW : LAN_STREAM_FULL_REFUSE;
}

struct lan_stream_config config_stream_open_args(const struct config_stream *s)
{
	struct lan_stream_config a = LAN_STREAM_CONFIG_INIT;
	a.address = s->serve ? s->serve : s->connect;
	a.dialect = strcmp(s->dialect, "serpy1") == 0 ? LAN_STREAM_SERPY1 : LAN_STREAM_SERPY2;
	a.max_message = (uint32_t)config_size(s->max_message);
	a.pieces = *s->pieces;
	a.piece = (uint32_t)config_size(s->piece);
	a.max_queue = (uint32_t)config_size(s->max_queue);
	a.full = full(s->full);
	a.max_events = (uint32_t)config_size(s->max_events);
	a.max_partial = config_size(s->max_partial);
	a.frame_timeout = or_never(s->frame_timeout);
	a.dead_after = or_never(s->dead_after);
	a.max_conns = count(s->max_conns);
	a.once = yes(s->once);
	a.retries = count(s->retries);
	a.retry_min = config_duration(s->retry_min);
	a.retry_max = config_duration(s->retry_max);
	a.encoding = s->encoding;
	a.objects = yes(s->objects);
	a.resend = yes(s->resend);
	a.window = count(s->window);
	a.confirm = config_duration(s->confirm);
	a.resync = yes(s->resync);
	return a;
}
