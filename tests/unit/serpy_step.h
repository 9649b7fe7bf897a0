/*
 * serpy_step.h - a core of serpy or serpy2 stepped by hand: what a driver does,
 * without sockets. Bytes are only read while the core lends room, and after that
 * ran out only when it says LAN_WANT_READ; only what it said LAN_WANT_SEND for is
 * written. So a want that is missing is bytes that are missing.
 */
#ifndef SERPY_STEP_H
#define SERPY_STEP_H

#include <stdlib.h>
#include <string.h>
#include "proto/serpy/serpy.h"

#define STEP_STREAMS 64

struct step_stream {
	bool open, send, paused;
	bool finish; /* it was closed in good order */
	unsigned closes;
};

struct step {
	struct serpy *s;
	lan_time now;
	struct lan_env env;
	uint64_t rng;
	bool dial; /* wanted */
	unsigned dials;
	struct step_stream at[STEP_STREAMS];
};

static void step_entropy(void *ctx, void *buf, size_t n)
{
	struct step *st = ctx;

	for (size_t i = 0; i < n; i++) {
		st->rng = st->rng * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)buf)[i] = (uint8_t)(st->rng >> 56);
	}
}

static inline enum lan_err step_init(struct step *st, const struct serpy_config *cfg)
{
	memset(st, 0, sizeof *st);
	st->now = LAN_SEC(10);
	st->env = (struct lan_env){.ctx = st, .entropy = step_entropy};
	return serpy_new(&st->env, cfg, &st->s);
}

/* Take the wants; what they allow is remembered. */
static inline void step_wants(struct step *st)
{
	struct lan_want w;

	while (serpy_ops.want(st->s, &w)) {
		if (w.kind == LAN_WANT_DIAL) {
			st->dial = true;
			st->dials++;
			continue;
		}
		struct step_stream *x = &st->at[w.conn % STEP_STREAMS];
		if (!x->open)
			abort(); /* a want of a stream that is not open */
		x->send |= w.kind == LAN_WANT_SEND;
		if (w.kind == LAN_WANT_READ)
			x->paused = false;
		if (w.kind == LAN_WANT_CLOSE || w.kind == LAN_WANT_FINISH) {
			x->open = false;
			x->finish = w.kind == LAN_WANT_FINISH;
			x->closes++;
		}
	}
}

/* A stream comes up; its number, LAN_NO_CONN if it is not wanted. */
static inline uint32_t step_open_as(struct step *st, const char *peer)
{
	uint32_t conn = LAN_NO_CONN;

	step_wants(st);
	if (serpy_ops.open(st->s, st->now, LAN_OK, peer, &conn) || conn >= STEP_STREAMS)
		return LAN_NO_CONN;
	st->dial = false;
	st->at[conn] = (struct step_stream){.open = true};
	step_wants(st);
	return conn;
}

static inline uint32_t step_open(struct step *st)
{
	return step_open_as(st, "192.0.2.7:49152");
}

/* A dial fails. */
static inline void step_refuse(struct step *st, enum lan_err why)
{
	uint32_t conn;

	st->dial = false;
	(void)!serpy_ops.open(st->s, st->now, why, "192.0.2.1:8000", &conn);
	step_wants(st);
}

/* As many of n bytes as the core takes now. */
static inline size_t step_feed(struct step *st, uint32_t conn, const void *bytes, size_t n)
{
	struct step_stream *x = &st->at[conn];
	size_t fed = 0;

	step_wants(st);
	while (fed < n && x->open && !x->paused) {
		size_t room = 0;
		uint8_t *to = serpy_ops.room(st->s, conn, &room);
		if (!room) {
			x->paused = true;
			break;
		}
		room = room < n - fed ? room : n - fed;
		memcpy(to, (const uint8_t *)bytes + fed, room);
		fed += room;
		if (serpy_ops.commit(st->s, st->now, conn, room))
			x->paused = true; /* LAN_WANT_CLOSE follows */
		step_wants(st);
	}
	return fed;
}

/* At most `most` of what the core wants to write, into out (may be NULL). */
static inline size_t step_take(struct step *st, uint32_t conn, uint8_t *out, size_t most)
{
	struct step_stream *x = &st->at[conn];
	size_t got = 0;

	step_wants(st);
	while (got < most && x->open && x->send) {
		size_t n = 0;
		const uint8_t *p = serpy_ops.pending(st->s, conn, &n);
		if (!n) {
			x->send = false;
			break;
		}
		n = n < most - got ? n : most - got;
		if (out)
			memcpy(out + got, p, n);
		got += n;
		serpy_ops.sent(st->s, st->now, conn, n);
		step_wants(st);
	}
	return got;
}

/* The stream ends on its own. */
static inline void step_lose(struct step *st, uint32_t conn, enum lan_err why)
{
	if (!st->at[conn].open)
		return;
	st->at[conn].open = false;
	serpy_ops.lost(st->s, st->now, conn, why);
	step_wants(st);
}

static inline void step_wait(struct step *st, lan_time d)
{
	lan_time end = st->now + d, at;

	while ((at = serpy_ops.deadline(st->s)) <= end) {
		st->now = at > st->now ? at : st->now;
		serpy_ops.tick(st->s, st->now);
		step_wants(st);
	}
	st->now = end;
}

static inline bool step_pull(struct step *st, struct serpy_event *ev)
{
	bool yes = serpy_event(st->s, st->now, ev);

	step_wants(st);
	return yes;
}

static inline uint64_t step_count(const struct step *st, enum serpy_counter c)
{
	return serpy_counters(st->s)->v[c];
}

#endif
