/*
 * client_event.c - what becomes of an own request, as the event that tells it.
 */
#include "proto/coap/coap_int.h"

static void message(struct coap *c, struct coap_x *x, struct coap_event *ev)
{
	ev->kind = x->answered ? COAP_EV_NOTIFY : COAP_EV_RESPONSE;
	ev->msg = x->msg;
	ev->code = x->msg.code;
	ev->observing = x->ev_observing;
	ev->observe_value = x->ev_value;
	ev->sent = x->ev_sent;
	ev->at = x->ev_at;
	x->answered = true;
	x->ev_msg = false;
	/* What they hold stays as it is until the next call. */
	coap_buf_give(c, x->ev_buf);
	x->ev_buf = NULL;
	if (x->ev_body) {
		coap_body_free(c, x->ev_body);
		x->ev_body = NULL;
	}
}

void coap_x_told(struct coap *c, lan_time now, struct coap_x *x, struct coap_event *ev)
{
	ev->id = x->event_id;
	ev->tag = x->tag;
	ev->from = x->ev_msg ? x->ev_from : x->tx.ep;
	ev->at = now;
	if (x->ev_msg) {
		message(c, x, ev);
	} else {
		ev->kind = COAP_EV_FAILED;
		ev->err = x->err;
		ev->text = x->text;
		x->ev_fail = false;
	}
	if (x->ev_fail)
		coap_ev_push(c, &x->tx);
	else if (x->state == COAP_X_OVER)
		coap_x_free(c, x);
}
