/*
 * raw_peer.c - see raw_peer.h. One stream at a time, its number is 0; a second
 * one is turned away. Bytes written before the stream is up go out with it.
 */
#include "raw_peer.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *append(uint8_t *to, size_t *len, const void *p, size_t n)
{
	to = realloc(to, *len + n + 1);
	if (!to)
		abort();
	memcpy(to + *len, p, n);
	*len += n;
	return to;
}

void raw_peer_fini(struct raw_peer *r)
{
	free(r->out);
	free(r->in);
	memset(r, 0, sizeof *r);
}

void raw_peer_write(struct raw_peer *r, const void *p, size_t n)
{
	r->out = append(r->out, &r->n_out, p, n);
	r->want_send = r->open;
}

static enum lan_err raw_open(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct raw_peer *r = core;

	if (result != LAN_OK) {
		r->failed++;
		return LAN_OK;
	}
	if (r->open)
		return LAN_ERR_LIMIT;
	r->open = true;
	r->opened++;
	r->want_send = r->n_out > 0;
	*conn = 0;
	return LAN_OK;
}

static uint8_t *raw_room(void *core, uint32_t conn, size_t *n)
{
	struct raw_peer *r = core;

	*n = r->deaf ? 0 : sizeof r->part;
	return r->part;
}

static enum lan_err raw_commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct raw_peer *r = core;

	r->in = append(r->in, &r->n_in, r->part, n);
	return LAN_OK;
}

static const uint8_t *raw_pending(void *core, uint32_t conn, size_t *n)
{
	struct raw_peer *r = core;

	*n = r->n_out;
	return r->out;
}

static void raw_sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct raw_peer *r = core;

	memmove(r->out, r->out + n, r->n_out - n);
	r->n_out -= n;
}

static void raw_lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct raw_peer *r = core;

	r->open = false;
	r->ended++;
	r->why = why;
	r->n_out = 0;
}

static void raw_tick(void *core, lan_time now)
{
}

static lan_time raw_deadline(const void *core)
{
	return LAN_NEVER;
}

static bool raw_want(void *core, struct lan_want *w)
{
	struct raw_peer *r = core;

	*w = (struct lan_want){.conn = 0};
	if (r->want_dial) {
		r->want_dial = false;
		*w = (struct lan_want){LAN_WANT_DIAL, LAN_NO_CONN};
	} else if (r->open && r->want_send) {
		r->want_send = false;
		w->kind = LAN_WANT_SEND;
	} else if (r->open && r->want_close) {
		r->want_close = r->open = false;
		w->kind = LAN_WANT_CLOSE;
	} else {
		return false;
	}
	return true;
}

const struct lan_stream_ops raw_peer_ops = {.name = "raw",
	.open = raw_open,
	.room = raw_room,
	.commit = raw_commit,
	.pending = raw_pending,
	.sent = raw_sent,
	.lost = raw_lost,
	.tick = raw_tick,
	.deadline = raw_deadline,
	.want = raw_want};
