/*
 * streams.h - the streams of the daemon: entries (entries.h) whose events are
 * pulled, published, logged and, if that is wanted, sent back.
 */
#ifndef LANYARDD_STREAMS_H
#define LANYARDD_STREAMS_H

#include <lanyard/stream.h>
#include "daemon/entries.h"

struct stream {
	struct entry e;
	struct lan_stream *s; /* NULL: failed */
	bool ended;           /* a client that does not connect any more */
	uint64_t echo_lost;
};

extern const struct entry_kind stream_kind;

static inline struct stream *stream_at(const struct entries *s, size_t i)
{
	return (struct stream *)s->entry[i];
}
static inline const struct config_stream *stream_cfg(const struct stream *k)
{
	return k->e.cfg;
}
static inline const char *stream_name(const struct stream *k)
{
	return entry_name(&k->e);
}
bool stream_is_server(const struct stream *k);
/* The address in use, or the configured one while failed. */
const char *stream_address(const struct stream *k);
/* "listening"; "connected", "connecting", "ended"; "failed". */
const char *stream_state(const struct stream *k);
/* The value of a counter by its name; 0: none. */
uint64_t stream_count(const struct stream *k, const char *name);

/* Messages not sent, or sent in an acknowledged mode and not acknowledged yet. */
uint64_t streams_pending(const struct entries *s);
size_t streams_conns(const struct entries *s);
/* Accept no more, and close each connection once all that is queued was sent. */
void streams_finish(const struct entries *s);

/* streams_pump.c: the task. */
void stream_pump(void *ctx);
/* streams_members.c: what an event says, but for the stream, the reason and the peer of a message. */
void stream_members(struct text *t, const struct lan_stream_event *ev, bool modes);

#endif
