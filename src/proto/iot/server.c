/*
 * server.c - the server core as a stream core: accept, read the id line, admit or
 * refuse, move bytes. docs/protocols/iot.md, "Opening".
 *
 * Ids are read from all streams at once, so a silent connection delays nobody;
 * streams without an id are bounded in number, time and bytes, and when there
 * are too many the oldest gives way if it had its chance.
 */
#include "proto/iot/server.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iot/config.h"
#include "proto/iot/line.h"

#define PATIENCE 256         /* events pulled before nobody is read until those who wait for room can be */
#define CHANCE   LAN_MS(250) /* a stream without id older than this may be given up for a new one */

static void count(struct iot_server *s, enum iot_counter c)
{
	s->count.v[c]++;
}

static enum lan_err grow_conns(struct iot_server *s)
{
	if (s->n_free || s->n_conns < s->cap_conns)
		return LAN_OK;
	uint32_t cap = s->cap_conns ? s->cap_conns * 2 : 16;
	struct iot_conn **conns = realloc(s->conns, cap * sizeof *conns);
	if (!conns)
		return LAN_ERR_NOMEM;
	s->conns = conns;
	uint32_t *free_conns = realloc(s->free_conns, cap * sizeof *free_conns);
	if (!free_conns)
		return LAN_ERR_NOMEM;
	s->free_conns = free_conns;
	s->cap_conns = cap;
	return LAN_OK;
}

/* Too many without an id: the oldest gives way if it had its chance. */
static enum lan_err make_way(struct iot_server *s, lan_time now)
{
	if (s->n_handshakes < s->cfg.max_handshakes)
		return LAN_OK;
	count(s, IOT_C_handshakes_full);
	struct iot_conn *c = s->conns[s->oldest];
	if (now < c->stream.rx_at + CHANCE)
		return LAN_ERR_LIMIT;
	iot_conn_end(s, now, c, IOT_C_id_timeout, LAN_ERR_LIMIT);
	return LAN_OK;
}

static enum lan_err open_conn(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct iot_server *s = core;
	if (result)
		return result;
	count(s, IOT_C_accepted);
	enum lan_err e = make_way(s, now);
	if (e)
		return e;
	e = grow_conns(s);
	if (!e)
		e = lan_timers_reserve(&s->timers, s->n_conns + 1);
	if (!e && !s->scratch && !(s->scratch = malloc(IOT_SCRATCH)))
		e = LAN_ERR_NOMEM;
	size_t n = strlen(peer) + 1;
	struct iot_conn *c = e ? NULL : malloc(sizeof *c + n);
	if (!c)
		return LAN_ERR_NOMEM;
	*c = (struct iot_conn){.state = CONN_HANDSHAKE, .peer = IOT_NOBODY};
	memcpy(c->name, peer, n);
	iot_stream_init(&c->stream, now, s->cfg.max_line);
	c->index = s->n_free ? s->free_conns[--s->n_free] : s->n_conns++;
	s->conns[c->index] = c;
	iot_conn_await_id(s, c);
	lan_timers_set(&s->timers, &c->timer, iot_conn_deadline(s, c));
	*conn = c->index;
	return LAN_OK;
}

static void lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct iot_server *s = core;
	struct iot_conn *c = s->conns[conn];
	if (c->state == CONN_ATTACHED || c->state == CONN_HANDSHAKE) {
		count(s, IOT_C_closed_by_peer);
		iot_conn_leave(s, now, c, why == LAN_ERR_CLOSED ? "closed" : lan_err_text(why), why);
	}
	c->state = CONN_GONE;
	if (!c->listed)
		iot_conn_free(s, c);
}

/* --- bytes in ----------------------------------------------------------------------- */

static uint8_t *room(void *core, uint32_t conn, size_t *n)
{
	struct iot_server *s = core;
	struct iot_conn *c = s->conns[conn];
	bool waits = s->partial + IOT_SCRATCH > s->cfg.max_partial && lan_ring_len(&s->inbox.ring) > 0;
	bool ok = c->state <= CONN_ATTACHED && !c->stream.stalled && iot_inbox_open(&s->inbox) && !waits &&
		  s->since_resume < PATIENCE;
	if (!ok && c->state <= CONN_ATTACHED && !c->paused) {
		c->paused = true;
		s->n_paused++;
	}
	*n = ok ? IOT_SCRATCH : 0;
	return ok ? s->scratch : NULL;
}

/* May a stream take over from the one its id is up on? */
static bool replaces(const struct iot_server *s, lan_time now, const struct iot_conn *old)
{
	switch (s->cfg.dup) {
	case IOT_DUP_REFUSE:
		return false;
	case IOT_DUP_REPLACE:
		return true;
	case IOT_DUP_SILENT:
		return now > old->stream.rx_at + s->cfg.timeout / 2;
	}
	return false;
}

static enum iot_take refuse(
	struct iot_server *s, lan_time now, struct iot_conn *c, enum iot_counter why, enum lan_err err)
{
	iot_conn_end(s, now, c, why, err);
	return IOT_TAKE_END;
}

static enum iot_take take_id(
	struct iot_server *s, lan_time now, struct iot_conn *c, const uint8_t *p, size_t n)
{
	char *id = s->claimed;
	uint32_t who;
	if (n > IOT_ID_MAX)
		return refuse(s, now, c, IOT_C_id_long, LAN_ERR_TOOBIG);
	if (!iot_id_valid(p, n))
		return refuse(s, now, c, IOT_C_id_bad, LAN_ERR_PROTO);
	memcpy(id, p, n);
	id[n] = 0;
	if (lan_map_get(&s->ids, id, &who))
		;
	else if (s->cfg.only_expected)
		return refuse(s, now, c, IOT_C_id_unexpected_refused, LAN_ERR_REFUSED);
	else if (s->n_peers >= s->cfg.max_clients)
		return refuse(s, now, c, IOT_C_clients_full, LAN_ERR_LIMIT);
	else if (iot_peer_add(s, id, n, &who))
		return refuse(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	struct iot_conn *old = iot_peer_conn(s, s->peers[who]);
	if (old && !replaces(s, now, old))
		return refuse(s, now, c, IOT_C_id_duplicate, LAN_ERR_EXISTS);
	if (old)
		iot_conn_end(s, now, old, IOT_C_id_replaced, LAN_ERR_CLOSED);
	if (iot_peer_up(s, now, who, c))
		return refuse(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
	iot_conn_have_id(s, c);
	c->peer = who;
	c->state = CONN_ATTACHED;
	c->hold = s->cfg.hold_off == LAN_NEVER ? HOLD_OPEN : HOLD_UNTIL_BYTES;
	c->hold_at = LAN_NEVER;
	c->stream.rx_at = now;
	c->stream.keepalive = true; /* the first one at once: it tells the client that it is in */
	iot_conn_want(s, c, WANT_SEND_BIT);
	iot_conn_pump(s, now, c);
	return c->state == CONN_ATTACHED ? IOT_TAKE_OK : IOT_TAKE_END;
}

struct taking {
	struct iot_server *s;
	struct iot_conn *c;
	lan_time now;
};

static enum iot_take take(void *ctx, const uint8_t *p, size_t n)
{
	const struct taking *t = ctx;
	if (t->c->state == CONN_HANDSHAKE) {
		enum iot_take v = take_id(t->s, t->now, t->c, p, n);
		t->s->claimed[0] = 0;
		return v;
	}
	return iot_peer_line(t->s, t->now, t->c, p, n);
}

/* Who holds most of what is unfinished; a stream that waits for the application
 * holds it through no fault of its own. */
static struct iot_conn *hog(const struct iot_server *s)
{
	struct iot_conn *most = NULL;
	for (uint32_t i = 0; i < s->n_conns; i++) {
		struct iot_conn *c = s->conns[i];
		if (!c || !c->charged || c->state > CONN_ATTACHED)
			continue;
		bool better = !most || (most->stream.stalled && !c->stream.stalled);
		if (better || (most->stream.stalled == c->stream.stalled && most->charged < c->charged))
			most = c;
	}
	return most;
}

/* After bytes were fed: account, and end the stream if it cannot go on. */
static enum lan_err fed(struct iot_server *s, lan_time now, struct iot_conn *c, enum lan_err e)
{
	if (e == LAN_ERR_CLOSED)
		return e;
	s->partial += c->stream.part_cap;
	s->partial -= c->charged;
	c->charged = c->stream.part_cap;
	bool handshake = c->state == CONN_HANDSHAKE;
	if (e == LAN_ERR_TOOBIG || (handshake && c->stream.part_len > IOT_ID_MAX)) {
		iot_conn_end(s, now, c, handshake ? IOT_C_id_long : IOT_C_end_long_line, LAN_ERR_TOOBIG);
		return LAN_ERR_TOOBIG;
	}
	if (e) {
		iot_conn_end(s, now, c, IOT_C_end_memory, e);
		return e;
	}
	if (s->partial > s->cfg.max_partial)
		iot_conn_end(s, now, hog(s), IOT_C_end_partial_budget, LAN_ERR_LIMIT);
	if (c->state == CONN_ATTACHED)
		iot_conn_pump(s, now, c);
	return c->state > CONN_ATTACHED ? LAN_ERR_LIMIT : LAN_OK;
}

static enum lan_err commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct iot_server *s = core;
	struct iot_conn *c = s->conns[conn];
	if (c->state > CONN_ATTACHED)
		return LAN_ERR_CLOSED;
	s->count.v[IOT_C_rx_bytes] += n;
	if (c->state == CONN_ATTACHED) {
		c->stream.rx_at = now;
		s->peers[c->peer]->rx_bytes += n;
		if (c->hold == HOLD_UNTIL_BYTES) {
			c->hold = HOLD_UNTIL_TIME;
			c->hold_at = now + s->cfg.hold_off;
			iot_conn_arm(s, c);
		}
	}
	enum lan_err e = iot_stream_feed(
		&c->stream, s->scratch, n, s->cfg.max_line, take, &(struct taking){s, c, now});
	return fed(s, now, c, e);
}

/* Feed what a stall left over, and let the stream be read on. False: no room any more. */
static bool resume(struct iot_server *s, lan_time now, struct iot_conn *c)
{
	if (c->stream.stalled) {
		enum lan_err e =
			iot_stream_resume(&c->stream, s->cfg.max_line, take, &(struct taking){s, c, now});
		(void)fed(s, now, c, e);
		if (!c->paused)
			return true; /* it ended */
	}
	if (c->stream.stalled || !iot_inbox_open(&s->inbox))
		return false;
	c->paused = false;
	s->n_paused--;
	if (c->state == CONN_ATTACHED)
		c->stream.rx_at = now;
	iot_conn_want(s, c, WANT_READ_BIT);
	return true;
}

/* Who is known goes first, and nobody is always the first of them. */
void iot_server_resume(struct iot_server *s, lan_time now)
{
	uint32_t n = s->n_conns, from = s->resume_at;
	for (uint32_t i = 0; i < 2 * n && s->n_paused; i++) {
		struct iot_conn *c = s->conns[(from + i) % n];
		if (!c || !c->paused || (c->state == CONN_HANDSHAKE) != (i >= n))
			continue;
		if (!resume(s, now, c)) {
			s->resume_at = c->index;
			return;
		}
	}
}

/* --- bytes out ---------------------------------------------------------------------- */

void iot_conn_pump(struct iot_server *s, lan_time now, struct iot_conn *c)
{
	struct iot_outbox *o = s->peers[c->peer]->outbox;
	if (o && c->hold == HOLD_OPEN) {
		uint64_t again = o->tx_again, lines = o->tx_lines;
		if (!iot_outbox_pump(o, now, s->cfg.timeout, &c->stream.out, IOT_OUT_HIGH)) {
			iot_conn_end(s, now, c, IOT_C_end_memory, LAN_ERR_NOMEM);
			return;
		}
		s->count.v[IOT_C_tx_again] += o->tx_again - again;
		s->count.v[IOT_C_tx_lines] += o->tx_lines - lines;
	}
	iot_peer_room(s, c->peer);
	if (lan_ring_len(&c->stream.out))
		iot_conn_want(s, c, WANT_SEND_BIT);
	iot_conn_arm(s, c);
}

static const uint8_t *pending(void *core, uint32_t conn, size_t *n)
{
	const struct iot_server *s = core;
	return iot_stream_pending(&s->conns[conn]->stream, n);
}

static void sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct iot_server *s = core;
	struct iot_conn *c = s->conns[conn];
	if (c->state != CONN_ATTACHED)
		return;
	s->count.v[IOT_C_tx_bytes] += n;
	s->peers[c->peer]->tx_bytes += n;
	if (iot_stream_sent(&c->stream, now, n))
		count(s, IOT_C_tx_keepalives);
	iot_conn_pump(s, now, c);
}

static bool ready(const void *core)
{
	const struct iot_server *s = core;
	return lan_ring_len(&s->inbox.ring) > 0 || s->n_owed > 0;
}

const struct lan_stream_ops iot_server_ops = {
	.name = "iot-server",
	.open = open_conn,
	.room = room,
	.commit = commit,
	.pending = pending,
	.sent = sent,
	.lost = lost,
	.tick = iot_server_tick,
	.deadline = iot_server_deadline,
	.want = iot_server_want,
	.ready = ready,
};

/* --- life --------------------------------------------------------------------------- */

static enum lan_err add_expected(struct iot_server *s, const struct iot_config *cfg)
{
	for (size_t i = 0; i < cfg->n_expect; i++) {
		uint32_t who;
		const char *id = cfg->expect[i];
		if (!iot_id_valid((const uint8_t *)id, strlen(id)))
			return LAN_ERR_INVAL;
		if (lan_map_get(&s->ids, id, &who))
			continue;
		enum lan_err e = iot_peer_add(s, id, strlen(id), &who);
		if (e)
			return e;
		s->peers[who]->expected = true;
		s->missing++;
	}
	return LAN_OK;
}

enum lan_err iot_server_new(const struct lan_env *env, const struct iot_config *cfg, struct iot_server **out)
{
	struct iot_config full;
	enum lan_err e = iot_config_fill(cfg, 16, &full);
	if (e)
		return e;
	struct iot_server *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->env = *env;
	s->cfg = full;
	s->want_head = s->want_tail = s->oldest = s->newest = LAN_NO_CONN;
	env->entropy(env->ctx, s->seed, sizeof s->seed);
	iot_inbox_init(&s->inbox, full.max_events, full.max_line, &s->count.v[IOT_C_events_dropped]);
	lan_timers_init(&s->timers);
	lan_map_init(&s->ids, s->seed);
	e = add_expected(s, cfg);
	s->cfg.expect = NULL;
	if (e) {
		iot_server_free(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void iot_server_free(struct iot_server *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_conns; i++)
		if (s->conns[i]) {
			iot_stream_fini(&s->conns[i]->stream);
			free(s->conns[i]);
		}
	for (uint32_t i = 0; i < s->n_peers; i++) {
		if (s->peers[i]->outbox)
			iot_outbox_fini(s->peers[i]->outbox);
		free(s->peers[i]->outbox);
		free(s->peers[i]->seen);
		free(s->peers[i]);
	}
	free(s->conns);
	free(s->free_conns);
	free(s->peers);
	free(s->scratch);
	lan_map_fini(&s->ids);
	lan_timers_fini(&s->timers);
	iot_inbox_fini(&s->inbox);
	free(s);
}
