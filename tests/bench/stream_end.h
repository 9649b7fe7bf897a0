/*
 * stream_end.h - a stream through the public API, dialect serpy2, as the
 * measuring programs open it: the defaults, but for what a program changes.
 */
#ifndef BENCH_STREAM_END_H
#define BENCH_STREAM_END_H

#include <lanyard/stream.h>
#include "bench.h"

#define STREAM_HEADER 14 /* bytes of a frame beside the payload */

struct stream_end {
	struct lan_loop *loop;
	struct lan_stream *s;
};

void stream_must(enum lan_err e, const char *what);
/* `more` (may be NULL) changes the configuration before it is opened. The server listens on a free port. */
typedef void stream_more(struct lan_stream_config *cfg);
uint16_t stream_serve(struct stream_end *e, stream_more *more);
/* Returns when the connection is up. */
void stream_dial(struct stream_end *e, uint16_t port, stream_more *more);
/* Pull events that are no news; die on those that are bad ones. */
void stream_nothing(struct stream_end *e);
void stream_close(struct stream_end *e);

#endif
