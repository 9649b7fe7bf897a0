/*
 * channels.h - the channels of the daemon: entries (entries.h) whose events are
 * pulled, published and logged.
 */
#ifndef LANYARDD_CHANNELS_H
#define LANYARDD_CHANNELS_H

#include <lanyard/channel.h>
#include "daemon/entries.h"

struct channel {
	struct entry e;
	struct lan_channel *c; /* NULL: failed */
};

extern const struct entry_kind channel_kind;

static inline struct channel *channel_at(const struct entries *s, size_t i)
{
	return (struct channel *)s->entry[i];
}
static inline const struct config_channel *channel_cfg(const struct channel *k)
{
	return k->e.cfg;
}
static inline const char *channel_name(const struct channel *k)
{
	return entry_name(&k->e);
}
/* "sealed" or "multisock"; "reliable", "ordered", "best-effort". */
const char *channel_dialect(const struct channel *k);
const char *channel_mode(const struct channel *k);
/* Bytes not sent, or with flow not confirmed yet. */
size_t channels_pending(const struct entries *s);

/* channels_pump.c: the task. */
void channel_pump(void *ctx);

#endif
