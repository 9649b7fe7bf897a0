/*
 * event.c - what the owner is told: a queue through the slots themselves, so that an outcome is never lost
 * for want of room. What a slot has to say may change while it waits: an observation then tells its newest
 * state.
 */
#include "proto/coap/coap_int.h"

void coap_ev_push(struct coap *c, struct coap_tx *tx)
{
	if (tx->queued)
		return;
	tx->queued = true;
	tx->ev_next = NULL;
	if (c->ev_tail)
		c->ev_tail->ev_next = tx;
	else
		c->ev_head = tx;
	c->ev_tail = tx;
}

void coap_ev_remove(struct coap *c, struct coap_tx *tx)
{
	if (!tx->queued)
		return;
	struct coap_tx *before = NULL, **at = &c->ev_head;
	while (*at != tx) {
		before = *at;
		at = &before->ev_next;
	}
	*at = tx->ev_next;
	if (c->ev_tail == tx)
		c->ev_tail = before;
	tx->queued = false;
}

static struct coap_tx *pop(struct coap *c)
{
	struct coap_tx *tx = c->ev_head;
	if (!tx)
		return NULL;
	c->ev_head = tx->ev_next;
	if (!c->ev_head)
		c->ev_tail = NULL;
	tx->queued = false;
	return tx;
}

static void of_incoming(struct coap_in *in, struct coap_event *ev)
{
	ev->kind = COAP_EV_REQUEST;
	ev->id = in->id;
	ev->from = in->tx.ep;
	ev->group = in->group;
	ev->con = in->con;
	ev->observing = in->observe;
	ev->deregister = in->deregister;
	ev->code = in->code;
	ev->msg = (struct coap_msg){.type = in->con ? COAP_CON : COAP_NON,
		.code = in->code,
		.tkl = in->tkl,
		.mid = in->mid,
		.options = in->buf,
		.options_len = in->options_len,
		.payload = in->body  ? in->body->at
			   : in->len ? in->buf + in->options_len
				     : NULL,
		.len = in->body ? in->body->len : in->len};
	memcpy(ev->msg.token, in->token, in->tkl);
}

static void of_observer(struct coap *c, struct coap_obs *o, struct coap_event *ev)
{
	ev->from = o->tx.ep;
	ev->resource = o->resource;
	ev->code = o->code;
	if (o->gone) {
		ev->kind = COAP_EV_UNOBSERVED;
		ev->text = o->text;
		coap_obs_free(c, o);
		return;
	}
	ev->kind = COAP_EV_REQUEST;
	ev->id = o->id;
	ev->notifying = true;
	ev->msg = (struct coap_msg){.type = COAP_NON,
		.code = o->code,
		.tkl = o->tkl,
		.options = o->options,
		.options_len = o->options_len,
		.payload = o->len ? o->options + o->options_len : NULL,
		.len = o->len};
	memcpy(ev->msg.token, o->token, o->tkl);
	o->pulled = true;
}

bool coap_event(struct coap *c, lan_time now, struct coap_event *ev)
{
	struct coap_tx *tx = pop(c);
	if (!tx)
		return false;
	*ev = (struct coap_event){.at = now};
	if (tx->kind == COAP_K_IN)
		of_incoming((struct coap_in *)tx, ev);
	else if (tx->kind == COAP_K_X)
		c->client->told(c, now, (struct coap_x *)tx, ev);
	else
		of_observer(c, (struct coap_obs *)tx, ev);
	return true;
}
