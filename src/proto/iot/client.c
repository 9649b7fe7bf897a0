/*
 * client.c - the client core: dial, say the id, wait for the server's first
 * line, exchange lines, notice outages, dial again. docs/protocols/iot.md,
 * "Opening" and "Times".
 *
 * Nothing but the id line is sent before the server's first line: an original
 * server discards what comes with the id. After that line the client greets
 * with two keepalives, by which our own server knows that it need not hold its
 * lines back as it does for an ESP8266.
 */
#include "proto/iot/client.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iot/line.h"

static const char turned_away[] = "refused_by_server";
static const char *const state_name[] = {"resting", "dialling", "calling", "up", "closed"};

static void count(struct iot_client *c, enum iot_counter k)
{
	c->count.v[k]++;
}

static void enter(struct iot_client *c, lan_time now, enum iot_client_state to, const char *cause)
{
	if (c->env.trace)
		c->env.trace(c->env.ctx, &(struct lan_trace){.now = now,
						 .kind = LAN_TRACE_STATE,
						 .proto = "iot-client",
						 .what = "link",
						 .from = state_name[c->state],
						 .to = state_name[to],
						 .a = cause,
						 .a_len = strlen(cause),
						 .peer = c->id});
	if ((c->state == UP) != (to == UP))
		c->since = now;
	c->state = to;
}

static uint64_t draw(struct iot_client *c, uint64_t below) /* splitmix64, for jitter only */
{
	uint64_t z = (c->rng += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return below ? (z ^ z >> 31) % below : 0;
}

/* Pause before the next attempt: up to retry_min after a link that was up, then
 * doubling to retry_max, each between half of itself and itself. */
static void rest(struct iot_client *c, lan_time now, const char *cause)
{
	lan_time pause = c->cfg.retry_min;
	for (uint32_t i = 1; i < c->failures && pause < c->cfg.retry_max; i++)
		pause *= 2;
	pause = pause < c->cfg.retry_max ? pause : c->cfg.retry_max;
	c->dial_at = now + (c->failures ? pause / 2 : 0) + draw(c, pause / 2 + 1);
	enter(c, now, RESTING, cause);
}

/* An attempt ended before the server said anything. */
static void failed(struct iot_client *c, lan_time now, enum lan_err err, const char *reason)
{
	bool first = !c->first_done;
	struct iot_note note = {.kind = first ? IOT_FIRST_FAILED : IOT_RETRY,
		.who = 0,
		.reason = reason,
		.err = (uint8_t)err};
	c->first_done = true;
	c->failures += c->failures < 64;
	if (reason == turned_away)
		iot_inbox_hint(&c->inbox,
			(struct iot_note){.kind = IOT_REFUSED, .reason = reason, .err = (uint8_t)err},
			c->peer, strlen(c->peer));
	size_t n = c->peer ? strlen(c->peer) : 0;
	if (first) /* said once, and waited for */
		iot_inbox_tell(&c->inbox, note, c->peer, n);
	else
		iot_inbox_hint(&c->inbox, note, c->peer, n);
	if (first && c->cfg.give_up_first)
		enter(c, now, CLOSED, reason);
	else
		rest(c, now, reason);
}

/* Who got FULL waits for this: where there is no memory to say it, it is said later. */
static void tell_room(struct iot_client *c)
{
	if (iot_outbox_has_room(&c->outbox) &&
		iot_inbox_put(&c->inbox, (struct iot_note){.kind = IOT_WRITABLE}, NULL, 0))
		c->outbox.want_room = true;
}

static void tell_lost(struct iot_client *c, lan_time now, bool all)
{
	uint64_t seq;
	while (iot_outbox_lost(&c->outbox, now, c->cfg.timeout, all, &seq)) {
		count(c, IOT_C_tx_lost);
		iot_inbox_tell(&c->inbox, (struct iot_note){.kind = IOT_LOST, .token = seq}, NULL, 0);
	}
	tell_room(c);
}

/* The stream is over, from either side. */
static void down(struct iot_client *c, lan_time now, enum lan_err err, const char *reason)
{
	enum iot_client_state was = c->state;
	c->rx_at = c->stream.rx_at;
	c->stream.keepalive = c->stream.stalled = c->want_send = c->paused = c->want_read = false;
	iot_stream_fini(&c->stream);
	if (was == CALLING) {
		failed(c, now, err, reason);
		return;
	}
	tell_lost(c, now, true);
	struct iot_note note = {
		.kind = IOT_DOWN, .reason = reason, .err = (uint8_t)err, .connects = c->connects};
	if (iot_inbox_put(&c->inbox, note, c->peer, strlen(c->peer)))
		c->owe_down = true;
	/* A link that dies as soon as it is up (a line the other end will not have,
	 * an id two clients fight for) is no success. */
	bool lived = c->progress || now - c->since >= c->cfg.timeout / 4;
	c->failures = lived ? 0 : c->failures + (c->failures < 64);
	rest(c, now, reason);
}

/* We end the stream. */
void iot_client_end(struct iot_client *c, lan_time now, enum iot_counter why, enum lan_err err)
{
	count(c, why);
	c->want_close = true;
	down(c, now, err, iot_counter_name(why));
}

void iot_client_pump(struct iot_client *c, lan_time now)
{
	if (c->state != UP)
		return;
	uint64_t again = c->outbox.tx_again, lines = c->outbox.tx_lines;
	if (!iot_outbox_pump(&c->outbox, now, c->cfg.timeout, &c->stream.out, IOT_OUT_HIGH)) {
		iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
		return;
	}
	c->count.v[IOT_C_tx_again] += c->outbox.tx_again - again;
	c->count.v[IOT_C_tx_lines] += c->outbox.tx_lines - lines;
	c->want_send |= iot_stream_unsent(&c->stream);
	tell_room(c);
}

/* --- streams ------------------------------------------------------------------------ */

static enum lan_err open_conn(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct iot_client *c = core;
	if (c->state != DIALLING)
		return LAN_ERR_CLOSED;
	if (result) {
		count(c, IOT_C_dial_failed);
		failed(c, now, result, lan_err_text(result));
		return result;
	}
	size_t n = strlen(peer) + 1, id_len = strlen(c->id);
	char *name = realloc(c->peer, n);
	if (name)
		c->peer = memcpy(name, peer, n);
	if (!c->scratch)
		c->scratch = malloc(IOT_SCRATCH);
	iot_stream_init(&c->stream, now, c->cfg.max_line);
	if (!name || !c->scratch || lan_ring_put(&c->stream.out, c->id, id_len) ||
		lan_ring_put(&c->stream.out, "\n", 1)) {
		iot_stream_fini(&c->stream);
		failed(c, now, LAN_ERR_NOMEM, lan_err_text(LAN_ERR_NOMEM));
		return LAN_ERR_NOMEM;
	}
	count(c, IOT_C_accepted);
	enter(c, now, CALLING, "connected");
	c->gen++;
	c->want_send = true;
	*conn = 0;
	return LAN_OK;
}

static void lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct iot_client *c = core;
	c->want_close = false;
	if (!iot_client_streaming(c))
		return;
	count(c, IOT_C_closed_by_peer);
	if (c->state == CALLING && (why == LAN_ERR_CLOSED || why == LAN_ERR_RESET)) {
		count(c, IOT_C_refused_by_server);
		down(c, now, LAN_ERR_REFUSED, turned_away);
		return;
	}
	down(c, now, why, why == LAN_ERR_CLOSED ? "closed" : lan_err_text(why));
}

/* --- bytes in ----------------------------------------------------------------------- */

static uint8_t *room(void *core, uint32_t conn, size_t *n)
{
	struct iot_client *c = core;
	bool ok = iot_client_streaming(c) && !c->stream.stalled && iot_inbox_open(&c->inbox);
	c->paused |= iot_client_streaming(c) && !ok;
	*n = ok ? IOT_SCRATCH : 0;
	return ok ? c->scratch : NULL;
}

/* The server spoke: we are in. */
static enum lan_err go_up(struct iot_client *c, lan_time now)
{
	struct iot_note note = {.kind = IOT_UP, .connects = c->connects + 1};
	if (iot_inbox_put(&c->inbox, note, c->peer, strlen(c->peer)) ||
		lan_ring_put(&c->stream.out, "\n\n", 2)) {
		iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
		return LAN_ERR_NOMEM;
	}
	c->count.v[IOT_C_tx_keepalives] += 2;
	count(c, IOT_C_admitted);
	c->connects++;
	c->first_done = true;
	c->progress = false;
	c->owe_down = false;
	iot_outbox_stream(&c->outbox);
	iot_seen_stream(&c->seen);
	enter(c, now, UP, "first line");
	return LAN_OK;
}

static enum iot_take take_ack(struct iot_client *c, lan_time now, uint8_t mid)
{
	uint64_t seq;
	count(c, IOT_C_rx_acks);
	if (!iot_outbox_find(&c->outbox, mid, &seq)) {
		count(c, IOT_C_rx_stray_acks);
		return IOT_TAKE_OK;
	}
	if (iot_inbox_put(&c->inbox, (struct iot_note){.kind = IOT_ACKED, .token = seq}, NULL, 0)) {
		iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
		return IOT_TAKE_END;
	}
	iot_outbox_ack(&c->outbox, now, seq);
	c->progress = true;
	return IOT_TAKE_OK;
}

static enum iot_take take_message(struct iot_client *c, lan_time now, const struct iot_line *line)
{
	if (!iot_inbox_open(&c->inbox)) {
		c->paused = true;
		return IOT_TAKE_STALL;
	}
	if (iot_inbox_reserve(&c->inbox, line->len)) { /* so that what is remembered is also delivered */
		iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
		return IOT_TAKE_END;
	}
	uint32_t hash = (uint32_t)lan_siphash(c->seed, line->payload, line->len);
	bool marked = iot_stream_marked(&c->stream, now - c->since, c->cfg.timeout);
	enum iot_verdict v = iot_seen_line(&c->seen, line->mid, hash, marked);
	bool dup = v == IOT_SEEN_DUP;
	struct iot_note note = {.kind = dup ? IOT_ACK_AGAIN : IOT_MESSAGE, .gen = c->gen, .mid = line->mid};
	count(c, dup ? IOT_C_rx_dups : IOT_C_rx_lines);
	c->progress |= !dup;
	c->count.v[IOT_C_rx_restarts] += v == IOT_SEEN_RESTART;
	if (!iot_inbox_put(&c->inbox, note, line->payload, dup ? 0 : line->len))
		return IOT_TAKE_OK;
	iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
	return IOT_TAKE_END;
}

struct taking {
	struct iot_client *c;
	lan_time now;
};

static enum iot_take take(void *ctx, const uint8_t *p, size_t n)
{
	struct iot_client *c = ((const struct taking *)ctx)->c;
	lan_time now = ((const struct taking *)ctx)->now;
	struct iot_line line;
	enum lan_err e = iot_line_decode(p, n, &line);
	if (e) {
		iot_client_end(c, now, e == LAN_ERR_UTF8 ? IOT_C_end_utf8 : IOT_C_end_bad_line, e);
		return IOT_TAKE_END;
	}
	if (c->state == CALLING && go_up(c, now))
		return IOT_TAKE_END;
	switch (line.kind) {
	case IOT_LINE_KEEPALIVE:
		count(c, IOT_C_rx_keepalives);
		c->stream.keepalives += c->stream.keepalives < UINT16_MAX;
		if (c->cfg.heartbeat)
			iot_inbox_hint(&c->inbox, (struct iot_note){.kind = IOT_HEARTBEAT}, c->peer,
				strlen(c->peer));
		return IOT_TAKE_OK;
	case IOT_LINE_ACK:
		return take_ack(c, now, line.mid);
	case IOT_LINE_MESSAGE:
		return take_message(c, now, &line);
	}
	return IOT_TAKE_OK;
}

static enum lan_err fed(struct iot_client *c, lan_time now, enum lan_err e)
{
	if (e == LAN_ERR_CLOSED)
		return e;
	if (e)
		iot_client_end(c, now, e == LAN_ERR_TOOBIG ? IOT_C_end_long_line : IOT_C_end_memory, e);
	else
		iot_client_pump(c, now);
	return e;
}

static enum lan_err commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct iot_client *c = core;
	if (!iot_client_streaming(c))
		return LAN_ERR_CLOSED;
	c->count.v[IOT_C_rx_bytes] += n;
	c->rx_bytes += n;
	c->stream.rx_at = now;
	return fed(c, now,
		iot_stream_feed(&c->stream, c->scratch, n, c->cfg.max_line, take, &(struct taking){c, now}));
}

void iot_client_resume(struct iot_client *c, lan_time now)
{
	if (c->stream.stalled &&
		fed(c, now, iot_stream_resume(&c->stream, c->cfg.max_line, take, &(struct taking){c, now})))
		return;
	if (!iot_client_streaming(c) || c->stream.stalled || !iot_inbox_open(&c->inbox))
		return;
	c->paused = false;
	c->stream.rx_at = now;
	c->want_read = true;
}

/* --- bytes out ---------------------------------------------------------------------- */

static const uint8_t *pending(void *core, uint32_t conn, size_t *n)
{
	const struct iot_client *c = core;
	return iot_stream_pending(&c->stream, n);
}

static void sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct iot_client *c = core;
	if (!iot_client_streaming(c))
		return;
	c->count.v[IOT_C_tx_bytes] += n;
	c->tx_bytes += n;
	if (iot_stream_sent(&c->stream, now, n))
		count(c, IOT_C_tx_keepalives);
	else
		iot_client_pump(c, now);
}

/* --- clocks ----------------------------------------------------------------------- */

/* Until the server's first line its patience may be tried twice as long: it may
 * be slow to accept. */
static lan_time silence_at(const struct iot_client *c)
{
	return c->stream.rx_at + c->cfg.timeout * (c->state == CALLING ? 2 : 1) + 1;
}

static lan_time deadline(const void *core)
{
	const struct iot_client *c = core;
	if (c->state == RESTING)
		return c->dial_at;
	if (!iot_client_streaming(c))
		return LAN_NEVER;
	lan_time t = c->cfg.timeout, at = silence_at(c);
	lan_time more[] = {iot_stream_keepalive_at(&c->stream, t), iot_stream_stall_at(&c->stream, t),
		c->state == UP ? iot_outbox_deadline(&c->outbox) : LAN_NEVER};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		at = more[i] < at ? more[i] : at;
	return at > c->clock ? at : c->clock + 1;
}

static void tick(void *core, lan_time now)
{
	struct iot_client *c = core;
	c->clock = now;
	if (c->state == RESTING && now >= c->dial_at) {
		enter(c, now, DIALLING, "time");
		c->want_dial = true;
	}
	if (!iot_client_streaming(c))
		return;
	if (c->paused) /* we do not read, so silence proves nothing */
		c->stream.rx_at = now;
	if (now >= silence_at(c)) {
		iot_client_end(c, now, IOT_C_end_timeout, LAN_ERR_TIMEOUT);
		return;
	}
	if (now >= iot_stream_stall_at(&c->stream, c->cfg.timeout)) {
		iot_client_end(c, now, IOT_C_end_stalled, LAN_ERR_TIMEOUT);
		return;
	}
	if (c->state == UP)
		tell_lost(c, now, false);
	iot_client_pump(c, now);
	if (iot_client_streaming(c) && now >= iot_stream_keepalive_at(&c->stream, c->cfg.timeout)) {
		lan_ring_trim(&c->stream.out);
		c->stream.keepalive = c->want_send = true;
	}
}

static bool want(void *core, struct lan_want *w)
{
	struct iot_client *c = core;
	w->conn = 0;
	if (c->want_close) {
		c->want_close = false;
		w->kind = LAN_WANT_CLOSE;
	} else if (c->want_dial) {
		c->want_dial = false;
		w->kind = LAN_WANT_DIAL;
		w->conn = LAN_NO_CONN;
	} else if (c->want_send) {
		c->want_send = false;
		w->kind = LAN_WANT_SEND;
	} else if (c->want_read) {
		c->want_read = false;
		w->kind = LAN_WANT_READ;
	} else
		return false;
	return true;
}

static bool ready(const void *core)
{
	const struct iot_client *c = core;
	return lan_ring_len(&c->inbox.ring) > 0 || c->owe_down;
}

const struct lan_stream_ops iot_client_ops = {
	.name = "iot-client",
	.open = open_conn,
	.room = room,
	.commit = commit,
	.pending = pending,
	.sent = sent,
	.lost = lost,
	.tick = tick,
	.deadline = deadline,
	.want = want,
	.ready = ready,
};
