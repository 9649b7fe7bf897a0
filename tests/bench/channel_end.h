/*
 * channel_end.h - a channel through the public API, as the measuring programs
 * open it. With a key file it is sealed, without one it is the plain multisock.
 */
#ifndef BENCH_CHANNEL_END_H
#define BENCH_CHANNEL_END_H

#include <lanyard/channel.h>
#include "mcast.h"

struct channel_end {
	struct lan_loop *loop;
	struct lan_channel *ch;
};

/* `more` (may be NULL) changes the configuration before it is opened. */
void channel_open(
	struct channel_end *e, const struct mcast_opt *o, void (*more)(struct lan_channel_config *cfg));
void channel_must(enum lan_err e, const char *what);

/* Run the loop and take all messages; the first one taken has to be number mine->done. Messages of other
 * sizes and numbers are counted as bad, LAN_CHANNEL_LOST too. */
void channel_take(struct channel_end *e, const struct mcast_opt *o, struct bench_shared *mine);

#endif
