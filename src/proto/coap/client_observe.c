/*
 * client_observe.c - observations of ours (RFC 7641 section 3): what is newer is told, what is old is passed
 * over; when nothing came for as long as the last state was fresh, and a little more, we register again.
 */
#include "proto/coap/coap_int.h"

static bool is_state(const struct coap_msg *m, uint32_t *value)
{
	uint64_t v;
	if (COAP_CLASS(m->code) != 2 || !coap_find_uint(m, COAP_OBSERVE, &v))
		return false;
	*value = (uint32_t)v & 0xffffff;
	return true;
}

static void fresh_until(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	uint64_t age;
	if (!coap_find_uint(m, COAP_MAX_AGE, &age))
		age = 60;
	x->expires = now + LAN_SEC(age) + LAN_SEC(5) + coap_draw_time(c, LAN_SEC(10));
}

static void note(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m, uint32_t value)
{
	x->registered = true;
	x->value = value;
	x->value_at = now;
	fresh_until(c, now, x, m);
}

void coap_x_registered(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	uint32_t value;
	if (x->observe && !x->telling && !x->tok[1].linked && is_state(m, &value))
		note(c, now, x, m, value);
}

void coap_x_stand(struct coap *c, lan_time now, struct coap_x *x)
{
	coap_x_settle(c, now, x);
	x->restarts = 0;
	x->echoed = false;
	x->state = COAP_X_STANDS;
	coap_x_arm(c, x);
}

void coap_x_renew(struct coap *c, lan_time now, struct coap_x *x)
{
	x->until = now + x->give_up;
	coap_x_go(c, now, x);
}

/* Something came with the observation's own token: a state, or its end. */
void coap_x_notified(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	uint32_t value;
	coap_count(c, COAP_C_rx_notifications);
	if (x->telling) {
		if (m->type == COAP_ACK || !is_state(m, &value)) {
			coap_x_end(c, now, x);
			coap_x_free(c, x);
		}
		return;
	}
	bool state = is_state(m, &value);
	bool ours = m->type == COAP_ACK && x->tx.linked && x->tx.mid == m->mid && !x->tok[1].linked;
	if (state && !ours && !x->fresh && !coap_observe_newer(x->value, x->value_at, value, now)) {
		coap_count(c, COAP_C_drop_stale);
		return;
	}
	coap_x_settle(c, now, x);
	coap_x_drop_download(c, x);
	x->registered = false;
	if (!x->fresh)
		x->restarts = 0;
	if (state)
		note(c, now, x, m, value);
	x->fresh = false;
	coap_x_arm(c, x);
	if (!coap_x_downloading(c, now, x, m))
		coap_x_deliver(c, now, x, m, NULL);
}

/* GET with Observe 1 and the same token (section 3.6); nobody is told of the answer. */
void coap_x_tell(struct coap *c, lan_time now, struct coap_x *x)
{
	coap_ev_remove(c, &x->tx);
	x->ev_msg = false;
	coap_buf_give(c, x->ev_buf);
	x->ev_buf = NULL;
	if (x->ev_body)
		coap_body_free(c, x->ev_body);
	x->ev_body = NULL;
	coap_x_settle(c, now, x);
	coap_x_drop_download(c, x);
	x->telling = true;
	x->until = now + x->give_up;
	coap_x_go(c, now, x);
}
