/*
 * channels.h - the channels of the daemon: opened from the configuration, their
 * events pulled, published and logged.
 *
 * Unlike a link, a channel never keeps the daemon from starting or reloading:
 * what is missing is mostly a key file or an interface that comes later. It
 * stays in the list as failed, with the reason, and is tried again every 5 s.
 */
#ifndef LANYARDD_CHANNELS_H
#define LANYARDD_CHANNELS_H

#include <lanyard/channel.h>
#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/log.h"
#include "io/loop.h"

struct channels;

struct channel {
	struct channels *all;
	const struct config_channel *cfg; /* view into the configuration in force */
	struct lan_channel *c;            /* NULL: failed */
	enum lan_err error;
	char *reason; /* why it failed, a sentence */
	lan_time retry_at;
	struct lan_task pump;
};

struct channels {
	struct lan_loop *loop;
	struct events *events;
	struct channel **channel;
	size_t n;
	struct lan_deadline tick; /* retries of failed channels, suppressed log counts */
	struct log_limit limit;
	struct text scratch;
};

/* LAN_ERR_NOMEM. */
LAN_WUR enum lan_err channels_init(struct channels *s, struct lan_loop *loop, struct events *events);
/* Says goodbye on all of them. */
void channels_fini(struct channels *s);

struct channel *channels_by_name(const struct channels *s, const char *name);
const char *channel_name(const struct channel *k);
/* "sealed" or "multisock"; "reliable", "ordered", "best-effort". */
const char *channel_dialect(const struct channel *k);
const char *channel_mode(const struct channel *k);
/* Bytes not sent, or with flow not confirmed yet. */
size_t channels_pending(const struct channels *s);
/* May a record about `what` on this channel be written, or is it only counted? */
bool channel_may_log(struct channel *k, const char *what, const char *reason);

/* --- channels_apply.c: from one configuration to the next ---------------- */

struct channels_change {
	struct text added, removed, changed, unchanged; /* names, each followed by a newline */
	struct text notes;                              /* sentences, each followed by a newline */
};
void channels_change_fini(struct channels_change *c);

/* A reload in two steps, so that nothing has happened yet when memory runs out. NULL: out of memory. */
struct channels_plan *channels_plan(struct channels *s, const struct config *next);
/* Close what is gone or changed, open what is new, read the keys of the others anew. The channels
 * refer to the configuration of the plan from now on. Frees the plan. */
void channels_commit(struct channels_plan *p, const char *cause, struct channels_change *change);
void channels_plan_free(struct channels_plan *p);

/* --- for channels_apply.c ------------------------------------------------- */

struct channel *channel_new(struct channels *s, const struct config_channel *cfg);
/* Open, or fail for now. */
void channel_open(struct channel *k, const char *cause);
/* A failed one, once more. */
void channel_retry(struct channel *k);
/* Close and free. */
void channel_close(struct channel *k, const char *cause);

/* --- channels_pump.c ------------------------------------------------------- */

/* The callback of lan_channel_on_ready, and the task; ctx is the struct channel. */
void channel_ready(void *ctx);
void channel_pump(void *ctx);

#endif
