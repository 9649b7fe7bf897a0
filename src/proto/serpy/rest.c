/*
 * rest.c - memory that nobody needs goes back: buffers when nothing came or went
 * for a while, and the queue of each connection that is silent, of which only a
 * few numbers are kept. Ten thousand connections that said something once cost
 * little more than ten thousand that never did.
 */
#include "proto/serpy/out.h"

#define REST_AFTER LAN_SEC(2) /* not used for so long */
#define MANY       1000       /* queues given up at once: their memory is worth being given to the system */

void serpy_used(struct serpy *s, lan_time now)
{
	s->used_at = now;
	if (!lan_timer_armed(&s->rest_timer.t))
		lan_timers_set(&s->timers, &s->rest_timer.t, now + REST_AFTER);
}

static bool out_is_empty(const struct serpy_out *o)
{
	return o->next > o->last && !o->off && !o->blob && !o->asking && !o->mode_wait && !o->full &&
	       o->confirm_at == LAN_NEVER && !lan_ring_len(&o->data) && !lan_ring_len(&o->ctl) &&
	       !lan_ring_len(&o->waits) && !lan_ring_len(&o->times);
}

static void keep(struct serpy *s, struct serpy_conn *c)
{
	struct serpy_out *o = c->out;
	c->kept = (struct serpy_kept){
		o->last, o->tx_messages, o->lost, o->doubled, o->sent, o->confirmed, o->mode, true};
	out_free(s, o);
	c->out = NULL;
	s->n_rested++;
}

void out_restore(struct serpy_conn *c)
{
	const struct serpy_kept *k = &c->kept;
	struct serpy_out *o = c->out;
	if (!k->any)
		return;
	o->last = k->last;
	o->first = o->next = k->last + 1;
	o->tx_messages = k->tx_messages;
	o->lost = k->lost;
	o->doubled = k->doubled;
	o->sent = k->sent;
	o->confirmed = k->confirmed;
	o->mode = o->asked = k->mode;
	o->runs_cut = true; /* how long those messages were is forgotten */
}

void kept_status(const struct serpy_conn *c, struct serpy_status *st)
{
	st->out_mode = c->kept.mode == MODE_UNSURE ? 0 : c->kept.mode;
	st->tx_messages = c->kept.tx_messages;
	st->lost = c->kept.lost;
	st->doubled = c->kept.doubled;
}

void kept_broken(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev)
{
	if (c->quiet)
		return;
	ev->lost = c->kept.sent - c->kept.confirmed;
	ev->unreached = c->unreached_bytes ? ev->lost : 0;
	s->count.v[SERPY_C_tx_lost] += ev->lost;
}

/* True: it was used a moment ago, look again later. */
static bool rest_conn(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	if (!c->out)
		return false;
	if (now < c->out->used_at + REST_AFTER)
		return true;
	if (out_is_empty(c->out))
		keep(s, c);
	else
		out_trim(c->out);
	return false;
}

bool serpy_rested(struct serpy *s)
{
	bool many = s->n_rested >= MANY;
	s->n_rested = 0;
	return many;
}

void serpy_rest(struct serpy *s, lan_time now)
{
	bool again = now < s->used_at + REST_AFTER;
	if (!again) {
		in_rest(s);
		lan_ring_trim(&s->notes);
		if (s->out)
			out_trim(s->out);
	}
	for (uint32_t i = 0; s->cfg.server && i < s->n_conns; i++)
		if (s->conns[i].c)
			again |= rest_conn(s, now, s->conns[i].c);
	if (s->n_rested < MANY)
		s->n_rested = 0;
	if (again)
		lan_timers_set(&s->timers, &s->rest_timer.t, now + REST_AFTER);
}
