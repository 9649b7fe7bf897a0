/*
 * client.c - a client's connection: made, lost and made again. The pause between
 * attempts doubles, is jittered and bounded; a connection that ends as soon as it
 * is up is no success (the original then hammers its server).
 */
#include "proto/serpy/out.h"

#define LIVED LAN_SEC(1) /* up for so long, or with a byte received: it was good */

/* Between half of t and t: many clients of one server shall not come at once. */
static lan_time jitter(struct serpy *s, lan_time t)
{
	uint64_t r;
	s->env.entropy(s->env.ctx, &r, sizeof r);
	return t / 2 + r % (t / 2 + 1);
}

static lan_time pause_after(struct serpy *s, uint32_t failures)
{
	lan_time t = s->cfg.retry_min;
	while (failures-- > 1 && t < s->cfg.retry_max)
		t *= 2;
	return jitter(s, t < s->cfg.retry_max ? t : s->cfg.retry_max);
}

/* Nothing will be sent any more. */
static void done(struct serpy *s)
{
	s->state = CLIENT_DONE;
	lan_timers_unset(&s->timers, &s->dial_timer.t);
	uint64_t lost = out_give_up(s, s->out);
	if (!lost)
		return;
	s->out->lost += lost;
	s->count.v[SERPY_C_tx_lost] += lost;
	serpy_tell(s,
		(struct serpy_note){.kind = SERPY_LOST,
			.lost = lost,
			.after = s->connects,
			.err = LAN_ERR_CLOSED,
			.reason = "not sent: no connection"},
		NULL);
}

static void rest(struct serpy *s, lan_time now, lan_time pause)
{
	s->state = CLIENT_RESTING;
	s->since = now;
	lan_timers_set(&s->timers, &s->dial_timer.t, now + pause);
}

void client_failed(struct serpy *s, lan_time now, enum lan_err err, const char *peer)
{
	serpy_count(s, SERPY_C_dial_failed);
	s->attempts += s->attempts < UINT32_MAX;
	struct serpy_note note = {.kind = SERPY_RETRY,
		.err = (uint16_t)err,
		.reason = lan_err_text(err),
		.attempts = s->attempts,
		.after = s->connects};
	if (s->cfg.once || (s->finishing && !out_queued(s->out)) ||
		(s->cfg.retries && s->attempts >= s->cfg.retries)) {
		note.kind = SERPY_GAVE_UP;
		if (serpy_tell(s, note, peer))
			done(s);
		else /* nobody gives up without a word: once more */
			rest(s, now, pause_after(s, s->attempts));
		return;
	}
	note.pause = pause_after(s, s->attempts);
	serpy_tell(s, note, peer);
	rest(s, now, note.pause);
}

void client_connected(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	serpy_count(s, SERPY_C_connected);
	s->state = CLIENT_UP;
	s->since = now;
	c->connects = ++s->connects;
	s->up = c;
	client_attach(s, now);
}

void client_attach(struct serpy *s, lan_time now)
{
	struct serpy_conn *c = s->up;
	if (!c || c->state != CONN_OPEN || s->out->conn)
		return;
	s->out->conn = c;
	c->out = s->out;
	c->finishing = s->finishing;
	out_pump(s, now, c);
}

/* The stream of the newest connection is over. */
void client_lost(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	bool lived = c->rx_bytes || now >= c->since + LIVED;
	if (s->cfg.once || (s->finishing && !out_queued(s->out))) {
		s->state = CLIENT_DONE; /* the rest when all is pulled: client_settled */
		return;
	}
	s->attempts = lived ? 0 : s->attempts + (s->attempts < UINT32_MAX);
	rest(s, now, lived ? jitter(s, s->cfg.retry_min) : pause_after(s, s->attempts));
}

/* All that came over a connection was pulled, and the fate of what was sent is told. */
void client_settled(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	s->rx_messages += c->rx_messages;
	s->rx_bytes += c->rx_bytes;
	s->tx_bytes += c->tx_bytes;
	if (s->up == c)
		s->up = NULL;
	if (c->out) {
		c->out = NULL;
		s->out->conn = NULL;
	}
	if (s->state == CLIENT_DONE)
		done(s);
	else
		client_attach(s, now);
}

void client_stop(struct serpy *s)
{
	serpy_tell(s,
		(struct serpy_note){.kind = SERPY_GAVE_UP,
			.reason = "closed",
			.attempts = s->attempts,
			.after = s->connects},
		"");
	done(s);
}

void client_tick(struct serpy *s, lan_time now)
{
	(void)now;
	if (s->state != CLIENT_RESTING)
		return;
	s->state = CLIENT_DIALLING;
	s->want_dial = true;
}
