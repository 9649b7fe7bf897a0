/*
 * client.c - the life of an own request: its turn at the endpoint (NSTART, RFC 7252 section 4.7), repetition
 * with doubling pauses (section 4.2), giving up, cancelling. Exactly one outcome is told of each, unless it
 * was cancelled.
 *
 * The datagram is not kept: a repetition is encoded again from the slot and comes out the same to the octet.
 */
#include "proto/coap/coap_int.h"

static struct coap_x *take_slot(struct coap *c)
{
	struct coap_x *x = c->x_free;
	uint32_t max = c->cfg.max_requests, id;
	if (x) {
		c->x_free = x->peer_next;
		id = x->id > UINT32_MAX - max ? (uint32_t)(x - c->x) + max : x->id + max;
	} else {
		if (c->n_x == max)
			return NULL;
		x = &c->x[c->n_x++];
		id = (uint32_t)(x - c->x) + max;
	}
	memset(x, 0, offsetof(struct coap_x, small));
	x->id = x->event_id = id;
	x->tx.kind = COAP_K_X;
	x->tok[1].second = true;
	return x;
}

static struct coap_x *by_id(struct coap *c, uint32_t id)
{
	uint32_t i = id % c->cfg.max_requests;
	return i < c->n_x && c->x[i].state && c->x[i].id == id ? &c->x[i] : NULL;
}

static void leave_queue(struct coap_x *x)
{
	struct coap_peer *p = x->peer;
	struct coap_x *before = NULL, **at = &p->wait;
	while (*at != x) {
		before = *at;
		at = &before->peer_next;
	}
	*at = x->peer_next;
	if (p->wait_last == x)
		p->wait_last = before;
	x->peer_next = NULL;
}

void coap_x_arm(struct coap *c, struct coap_x *x)
{
	lan_time at = x->until;
	if (x->state == COAP_X_SENT && x->next_tx < at)
		at = x->next_tx;
	if (x->state == COAP_X_STANDS)
		at = x->expires;
	lan_timers_set(&c->timers, &x->tx.timer, at);
}

static void transmit(struct coap *c, lan_time now, struct coap_x *x)
{
	uint32_t cap;
	uint8_t *to = coap_out_room(c, &x->tx.ep, &cap);
	if (!to) {
		x->next_tx = now + COAP_RETRY;
		coap_x_arm(c, x);
		return;
	}
	coap_out_done(c, &x->tx.ep, coap_x_encode(c, x, to, cap));
	coap_count(c, x->tx.tries ? COAP_C_tx_retransmit : COAP_C_tx_requests);
	x->tx.pause = x->tx.tries ? 2 * x->tx.pause : coap_first_pause(c);
	if (!x->tx.tries)
		x->sent = now;
	x->tx.tries++;
	x->unsent = LAN_OK;
	x->next_tx = now + x->tx.pause;
	if (x->non)
		x->state = COAP_X_ACKED;
	coap_x_arm(c, x);
}

/* A new message of the request: a new MID, and its own count of repetitions. */
static void start(struct coap *c, lan_time now, struct coap_x *x)
{
	struct coap_peer *p = x->peer;
	if (!x->non && !x->urgent) {
		x->counted = true;
		p->open++;
	}
	coap_tx_begin(c, &x->tx, coap_next_mid(c, &x->tx.ep));
	x->tx.tries = 0;
	x->state = COAP_X_SENT;
	transmit(c, now, x);
}

static void next_of(struct coap *c, lan_time now, struct coap_peer *p)
{
	while (p->wait && p->open < c->cfg.nstart) {
		struct coap_x *x = p->wait;
		leave_queue(x);
		start(c, now, x);
	}
}

void coap_x_go(struct coap *c, lan_time now, struct coap_x *x)
{
	struct coap_peer *p = x->peer;
	if (x->non || x->urgent || p->open < c->cfg.nstart) {
		start(c, now, x);
		return;
	}
	x->state = COAP_X_WAIT;
	if (p->wait)
		p->wait_last->peer_next = x;
	else
		p->wait = x;
	p->wait_last = x;
	coap_x_arm(c, x);
}

static void uncount(struct coap *c, lan_time now, struct coap_x *x)
{
	if (!x->counted)
		return;
	x->counted = false;
	x->peer->open--;
	next_of(c, now, x->peer);
}

void coap_x_settle(struct coap *c, lan_time now, struct coap_x *x)
{
	if (x->state == COAP_X_WAIT)
		leave_queue(x);
	coap_tx_end(c, &x->tx);
	if (x->state == COAP_X_SENT || x->state == COAP_X_WAIT)
		x->state = COAP_X_ACKED;
	uncount(c, now, x);
}

static void free_body(struct coap *c, struct coap_body **b)
{
	if (*b)
		coap_body_free(c, *b);
	*b = NULL;
}

void coap_x_end(struct coap *c, lan_time now, struct coap_x *x)
{
	struct coap_peer *p = x->peer;
	coap_tok_unlink(c, x, &x->tok[0]);
	coap_tok_unlink(c, x, &x->tok[1]);
	coap_x_settle(c, now, x);
	free_body(c, &x->up_body);
	free_body(c, &x->down_body);
	if (x->buf != x->small)
		coap_buf_give(c, x->buf);
	x->buf = NULL;
	x->state = COAP_X_OVER;
	if (p)
		p->refs--;
	x->peer = NULL;
}

/* Its event, if any waits, is gone too. */
void coap_x_free(struct coap *c, struct coap_x *x)
{
	coap_ev_remove(c, &x->tx);
	coap_buf_give(c, x->ev_buf);
	x->ev_buf = NULL;
	free_body(c, &x->ev_body);
	x->state = COAP_X_FREE;
	x->peer_next = c->x_free;
	c->x_free = x;
}

void coap_x_fail(struct coap *c, lan_time now, struct coap_x *x, enum lan_err err, const char *text)
{
	coap_x_end(c, now, x);
	if (x->telling) {
		coap_x_free(c, x);
		return;
	}
	x->ev_fail = true;
	x->err = err;
	x->text = text;
	coap_ev_push(c, &x->tx);
}

static void give_up(struct coap *c, lan_time now, struct coap_x *x)
{
	coap_count(c, COAP_C_timeouts);
	if (x->unsent)
		coap_x_fail(
			c, now, x, LAN_ERR_UNREACH, "no answer, and the network did not take the message");
	else
		coap_x_fail(c, now, x, LAN_ERR_TIMEOUT, "no answer");
}

static void due(struct coap *c, lan_time now, struct coap_x *x)
{
	if (x->state == COAP_X_STANDS) {
		coap_x_renew(c, now, x);
	} else if (now >= x->until) {
		give_up(c, now, x);
	} else if (x->state == COAP_X_SENT && now >= x->next_tx) {
		if (x->tx.tries > c->cfg.max_retransmit)
			give_up(c, now, x);
		else
			transmit(c, now, x);
	} else {
		coap_x_arm(c, x);
	}
}

static enum lan_err at_peer(struct coap *c, struct coap_x *x, const struct lan_ep *to)
{
	struct coap_peer *p = coap_peer(c, to, true);
	if (!p)
		return LAN_ERR_FULL;
	x->tx.ep = *to;
	x->peer = p;
	p->refs++;
	return LAN_OK;
}

static void unmake(struct coap *c, struct coap_x *x)
{
	if (x->peer)
		x->peer->refs--;
	x->peer = NULL; /* or coap_forget would think it is still there */
	if (x->buf && x->buf != x->small)
		coap_buf_give(c, x->buf);
	free_body(c, &x->up_body);
	coap_x_free(c, x);
}

/* The owner's request into the slot: options and payload into its own octets, a buffer, or a body. */
static enum lan_err fill(struct coap *c, struct coap_x *x, const struct coap_request *r)
{
	x->code = r->code;
	x->tag = r->tag;
	x->observe = r->observe;
	x->urgent = r->urgent;
	x->group = r->to.len == 0;
	x->non = r->non || x->group;
	x->szx = r->szx ? r->szx : c->cfg.szx;
	x->early = r->szx || c->cfg.szx < 6;
	x->give_up = r->give_up ? r->give_up : c->cfg.give_up;
	x->own_token = r->token != NULL;
	if (r->token) {
		x->tok[0].tkl = r->tkl;
		memcpy(x->tok[0].token, r->token, r->tkl);
	}
	if (r->options_len > c->cfg.datagram)
		return LAN_ERR_TOOBIG;
	x->buf = x->small;
	size_t inline_len = r->options_len + r->len;
	if (inline_len > COAP_SMALL)
		x->buf = coap_buf_take(c);
	if (r->options_len)
		memcpy(x->buf, r->options, r->options_len);
	x->options_len = (uint16_t)r->options_len;
	x->len = (uint32_t)r->len;
	return coap_x_size(c, x, r);
}

static bool sensible(const struct coap *c, const struct coap_request *r)
{
	bool code = r->code && COAP_CLASS(r->code) == 0;
	return code && r->tkl <= COAP_TOKEN_MAX && r->szx <= c->cfg.szx && r->to.len <= sizeof r->to.addr &&
	       (!r->observe || ((r->code == COAP_GET || r->code == COAP_FETCH) && r->to.len)) &&
	       r->len <= UINT32_MAX;
}

enum lan_err coap_request(struct coap *c, lan_time now, const struct coap_request *r, uint32_t *id)
{
	if (!sensible(c, r))
		return LAN_ERR_INVAL;
	struct coap_x *x = coap_x_new(c);
	if (!x)
		return LAN_ERR_FULL;
	enum lan_err e = at_peer(c, x, &r->to);
	if (!e)
		e = fill(c, x, r);
	if (e) {
		unmake(c, x);
		return e;
	}
	if (x->own_token)
		coap_tok_link(c, &x->tx.ep, &x->tok[0]);
	else
		coap_x_token(c, x, false);
	x->until = now + x->give_up;
	coap_x_go(c, now, x);
	*id = x->id;
	return LAN_OK;
}

enum lan_err coap_ping(struct coap *c, lan_time now, const struct lan_ep *to, uint64_t tag, uint32_t *id)
{
	if (!to->len || to->len > sizeof to->addr)
		return LAN_ERR_INVAL;
	struct coap_x *x = coap_x_new(c);
	if (!x)
		return LAN_ERR_FULL;
	x->ping = true;
	x->tag = tag;
	x->buf = x->small;
	if (at_peer(c, x, to)) {
		unmake(c, x);
		return LAN_ERR_FULL;
	}
	x->until = now + c->cfg.give_up;
	coap_x_go(c, now, x);
	*id = x->id;
	return LAN_OK;
}

void coap_cancel(struct coap *c, lan_time now, uint32_t id, bool tell)
{
	struct coap_x *x = by_id(c, id);
	if (!x || x->telling)
		return;
	if (tell && x->observe && x->registered && x->state != COAP_X_OVER) {
		coap_x_tell(c, now, x);
		return;
	}
	if (x->state != COAP_X_OVER)
		coap_x_end(c, now, x);
	coap_x_free(c, x);
}

uint32_t coap_outstanding(const struct coap *c, const struct lan_ep *to)
{
	/* Looking changes nothing: the table is not kept in order by it. */
	const struct coap_peer *p = coap_peer((struct coap *)c, to, false);
	uint32_t n = p ? p->refs : 0;
	for (uint32_t i = 0; n && i < c->n_x; i++)
		if (c->x[i].peer == p && c->x[i].state == COAP_X_STANDS)
			n--;
	return n;
}

static void gone(struct coap *c, lan_time now, struct coap_peer *p)
{
	for (uint32_t i = 0; p->refs && i < c->n_x; i++)
		if (c->x[i].peer == p)
			coap_x_fail(c, now, &c->x[i], LAN_ERR_CLOSED, "the endpoint is gone");
}

/* A hint: what is repeated may get through yet; what is not has failed. */
static void unsent(struct coap *c, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	for (uint32_t i = 0; i < c->n_x; i++) {
		struct coap_x *x = &c->x[i];
		if ((x->state != COAP_X_SENT && x->state != COAP_X_ACKED) || !coap_same_ep(&x->tx.ep, to))
			continue;
		if (x->non && !x->group && x->state == COAP_X_ACKED && !x->registered)
			coap_x_fail(c, now, x, LAN_ERR_UNREACH, "the network did not take the request");
		else
			x->unsent = why;
	}
}

static const struct coap_client client = {
	.due = due,
	.acked = coap_x_acked,
	.reset = coap_x_reset,
	.response = coap_take_response,
	.told = coap_x_told,
	.unsent = unsent,
	.gone = gone,
};

struct coap_x *coap_x_new(struct coap *c)
{
	c->client = &client;
	return take_slot(c);
}
