/*
 * client_recv.c - responses find their request: by endpoint and token, a piggybacked one by its MID too (RFC
 * 7252 section 5.3.2), and what nobody asked for is refused. A confirmable response is acknowledged as often
 * as it comes, also when its request is over (section 4.2).
 *
 * For slaves of SOS (sos_client): an ACK with a MID of the slave's own that carries Observe and the token of
 * an observation is a notification; an ACK may answer a NON request.
 */
#include "proto/coap/coap_int.h"

static uint64_t recent_key(const struct coap *c, const struct lan_ep *from, uint16_t mid)
{
	return coap_hash_ep(c, from) * 65599 + mid;
}

static void remember(struct coap *c, lan_time now, const struct lan_ep *from, uint16_t mid)
{
	c->recent[c->recent_at++ % COAP_RECENT] =
		(struct coap_recent){.key = recent_key(c, from, mid), .until = now + COAP_EXCHANGE_LIFETIME};
}

static bool is_recent(const struct coap *c, lan_time now, const struct lan_ep *from, uint16_t mid)
{
	uint64_t key = recent_key(c, from, mid);
	for (uint32_t i = 0; i < COAP_RECENT; i++)
		if (c->recent[i].key == key && c->recent[i].until > now)
			return true;
	return false;
}

/* Nobody waits for it: acknowledged if it was wanted once, else reset, so that an observer that forgot is
 * forgotten (RFC 7641 section 3.6). */
static enum lan_err stranger(
	struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m, bool other)
{
	if (m->type != COAP_ACK && is_recent(c, now, from, m->mid)) {
		coap_count(c, COAP_C_rx_duplicate);
		if (m->type == COAP_CON)
			coap_out_empty(c, from, COAP_ACK, m->mid);
		return LAN_OK;
	}
	return coap_stranger(c, from, m, other);
}

static void keep(struct coap *c, struct coap_x *x, const struct coap_msg *m, struct coap_body *body)
{
	if (!x->ev_buf)
		x->ev_buf = coap_buf_take(c);
	if (x->ev_body)
		coap_body_free(c, x->ev_body);
	x->ev_body = body;
	x->msg = *m;
	if (m->options_len)
		memcpy(x->ev_buf, m->options, m->options_len);
	x->msg.options = x->ev_buf;
	if (body) {
		x->msg.payload = body->at;
		x->msg.len = body->len;
	} else if (m->len) {
		memcpy(x->ev_buf + m->options_len, m->payload, m->len);
		x->msg.payload = x->ev_buf + m->options_len;
	}
	x->ev_msg = true;
}

void coap_x_deliver(
	struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m, struct coap_body *body)
{
	coap_x_drop_download(c, x);
	keep(c, x, m, body);
	x->ev_from = x->tx.ep;
	x->ev_sent = x->sent;
	x->ev_at = now;
	x->ev_value = x->value;
	x->ev_observing = x->registered;
	if (x->registered)
		coap_x_stand(c, now, x);
	else
		coap_x_end(c, now, x);
	coap_ev_push(c, &x->tx);
}

/* One of many answers to a request to everybody: it has a slot of its own until it is pulled. */
static void one_of_many(struct coap *c, lan_time now, const struct coap_x *x, const struct lan_ep *from,
	const struct coap_msg *m)
{
	struct coap_block b;
	if (coap_block_of(m, COAP_BLOCK2, &b) && (b.more || b.num)) {
		coap_count(c, COAP_C_drop_block);
		return;
	}
	struct coap_x *y = coap_x_new(c);
	if (!y) {
		coap_count(c, COAP_C_events_dropped);
		return;
	}
	y->event_id = x->id;
	y->tag = x->tag;
	y->state = COAP_X_OVER;
	keep(c, y, m, NULL);
	y->ev_from = *from;
	y->ev_sent = x->sent;
	y->ev_at = now;
	y->ev_observing = true;
	coap_ev_push(c, &y->tx);
}

/* RFC 9175 section 2.3: the value comes back once. */
static bool challenged(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	const uint8_t *value;
	size_t len;
	if (m->code != COAP_UNAUTHORIZED || x->echoed || !coap_find(m, COAP_ECHO, 0, &value, &len) ||
		len > COAP_ECHO_MAX)
		return false;
	memcpy(x->echo, value, len);
	x->echo_len = (uint8_t)len;
	x->echoed = true;
	if (!x->own_token && !x->tok[1].linked)
		coap_x_token(c, x, false);
	coap_x_go(c, now, x);
	return true;
}

static enum lan_err answered(struct coap *c, lan_time now, struct coap_x *x, struct coap_tok *t,
	const struct lan_ep *from, const struct coap_msg *m)
{
	if (x->group) {
		one_of_many(c, now, x, from, m);
		return LAN_OK;
	}
	if (x->registered && !t->second) {
		coap_x_notified(c, now, x, m);
		return LAN_OK;
	}
	if (coap_x_stray_block(x, m)) {
		coap_count(c, COAP_C_drop_block);
		return LAN_ERR_PROTO;
	}
	coap_x_settle(c, now, x);
	if (x->telling) {
		coap_x_end(c, now, x);
		coap_x_free(c, x);
		return LAN_OK;
	}
	coap_x_arm(c, x);
	if (challenged(c, now, x, m) || coap_x_uploading(c, now, x, m))
		return LAN_OK;
	coap_x_registered(c, now, x, m);
	if (!coap_x_downloading(c, now, x, m))
		coap_x_deliver(c, now, x, m, NULL);
	return LAN_OK;
}

/* Is the piggybacked response `m` the one to what `x` has sent last? */
static bool piggybacked(
	struct coap *c, const struct coap_x *x, const struct lan_ep *from, const struct coap_msg *m)
{
	bool non = x->non && !c->cfg.sos_client;
	return !non && coap_tx_find(c, from, m->mid) == &x->tx;
}

static enum lan_err take(struct coap *c, lan_time now, struct coap_x *x, struct coap_tok *t,
	const struct lan_ep *from, const struct coap_msg *m)
{
	if (coap_bad_option(m)) {
		coap_count(c, COAP_C_drop_option);
		if (m->type != COAP_ACK)
			coap_out_empty(c, from, COAP_RST, m->mid);
		if (!x->group)
			coap_x_fail(c, now, x, LAN_ERR_PROTO, "critical option in the answer not understood");
		return LAN_ERR_PROTO;
	}
	if (m->type == COAP_CON)
		coap_out_empty(c, from, COAP_ACK, m->mid);
	if (m->type != COAP_ACK)
		remember(c, now, from, m->mid);
	return answered(c, now, x, t, from, m);
}

enum lan_err coap_take_response(
	struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m)
{
	bool other = false;
	uint64_t observe;
	struct coap_tok *t = coap_tok_find(c, from, m, &other);
	struct coap_x *x = t ? coap_x_of(t) : NULL;
	if (m->type == COAP_ACK) {
		struct coap_tx *tx = coap_tx_find(c, from, m->mid);
		if (tx && tx->kind == COAP_K_X && ((struct coap_x *)tx)->ping) {
			coap_x_reset(c, now, (struct coap_x *)tx); /* it lives: what slaves of SOS say */
			return LAN_OK;
		}
		/* It may overtake the answer to the registration. */
		bool notice = x && c->cfg.sos_client && x->observe && !x->telling && !t->second &&
			      coap_find_uint(m, COAP_OBSERVE, &observe);
		if (!x || (!notice && !piggybacked(c, x, from, m)))
			return stranger(c, now, from, m, other);
	} else if (!x || x->state == COAP_X_WAIT) {
		return stranger(c, now, from, m, other);
	}
	return take(c, now, x, t, from, m);
}

static void alive(struct coap *c, lan_time now, struct coap_x *x)
{
	struct coap_msg m = {.type = COAP_RST, .mid = x->tx.mid};
	coap_x_deliver(c, now, x, &m, NULL);
}

void coap_x_acked(struct coap *c, lan_time now, struct coap_x *x)
{
	if (x->ping) {
		alive(c, now, x);
	} else if (x->state == COAP_X_SENT) {
		coap_x_settle(c, now, x);
		coap_x_arm(c, x);
	}
}

void coap_x_reset(struct coap *c, lan_time now, struct coap_x *x)
{
	if (x->ping) {
		alive(c, now, x);
		return;
	}
	coap_count(c, COAP_C_resets);
	coap_x_fail(c, now, x, LAN_ERR_RESET, "the endpoint refused the message");
}
