/*
 * stream_int.h - what the files of <lanyard/stream.h> share: stream.c (the handle,
 * events, connections), stream_send.c (messages and blobs), stream_value.c (values: objects,
 * arrays).
 */
#ifndef LAN_API_STREAM_INT_H
#define LAN_API_STREAM_INT_H

#include <lanyard/stream.h>
#include "api/objects.h"
#include "drv/stream.h"
#include "io/loop.h"
#include "proto/serpy/encoding.h"
#include "proto/serpy/serpy.h"

/* Events handled between two sends in the middle of work. */
#define STREAM_SHARE 32

struct lan_stream {
	struct lan_loop *loop;
	struct lan_sdrv *drv;
	struct lan_env env;
	struct serpy *core;
	enum lan_stream_dialect dialect;
	enum serpy_encoding encoding;
	bool objects;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
	unsigned since_flush; /* events pulled */
	uint64_t queued;      /* bytes since the last flush */
	bool releasing;
	struct lan_object_text json;
};

void stream_release(struct lan_stream *s);
void stream_why(const char *why); /* stream_send.c: for lan_stream_why */

/* stream_value.c */
LAN_WUR enum lan_err stream_encoding(struct lan_stream *s, const char *name);
void stream_value_fini(struct lan_stream *s);
/* The JSON of a received object. */
void stream_object(struct lan_stream *s, struct lan_stream_event *ev);
/* What the core is to send for a value. *pickle is malloc'ed, or NULL. */
LAN_WUR enum lan_err stream_core_value(struct lan_stream *s, const struct lan_stream_value *v, int mode,
	struct serpy_value *out, uint8_t **pickle, const char **why);

#endif
