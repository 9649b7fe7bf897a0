/*
 * server.c - requests of others: told apart from repetitions, checked for what we do not understand (RFC 7252
 * section 5.4.1), kept in a slot until the owner answers; a confirmable one that waits is acknowledged first
 * (section 5.2.2).
 *
 * Refused: unknown critical options (4.02; not confirmable: dropped), proxying (5.05), unknown methods
 * (4.05), more requests than slots (5.03).
 */
#include "proto/coap/coap_int.h"

struct coap_in *coap_in_find(struct coap *c, const struct lan_ep *ep, uint16_t mid)
{
	for (struct coap_in *in = c->in_mids[mid % COAP_MIDS]; in; in = in->next)
		if (in->mid == mid && coap_same_ep(&in->tx.ep, ep))
			return in;
	return NULL;
}

static struct coap_in *take_slot(struct coap *c)
{
	struct coap_in *in = c->in_free;
	uint32_t max = c->cfg.max_incoming, id;
	if (in) {
		c->in_free = in->next;
		id = in->id > INT32_MAX - max ? (uint32_t)(in - c->in) + max : in->id + max;
	} else {
		if (c->n_in == max)
			return NULL;
		in = &c->in[c->n_in++];
		id = (uint32_t)(in - c->in) + max;
	}
	memset(in, 0, sizeof *in);
	in->id = id;
	in->tx.kind = COAP_K_IN;
	in->buf = c->in_bufs + (size_t)(in - c->in) * c->cfg.datagram;
	return in;
}

struct coap_in *coap_in_new(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, size_t n)
{
	struct coap_in *in = take_slot(c);
	if (!in)
		return NULL;
	in->state = COAP_IN_OWNER;
	in->tx.ep = *from;
	in->con = m->type == COAP_CON;
	in->group = group;
	in->code = m->code;
	in->mid = m->mid;
	in->tkl = m->tkl;
	memcpy(in->token, m->token, sizeof in->token);
	in->size = (uint32_t)n;
	in->options_len = (uint16_t)m->options_len;
	in->len = (uint32_t)m->len;
	if (m->options_len)
		memcpy(in->buf, m->options, m->options_len);
	if (m->len)
		memcpy(in->buf + m->options_len, m->payload, m->len);
	in->next = c->in_mids[in->mid % COAP_MIDS];
	c->in_mids[in->mid % COAP_MIDS] = in;
	return in;
}

void coap_in_free(struct coap *c, struct coap_in *in)
{
	struct coap_in **at = &c->in_mids[in->mid % COAP_MIDS];
	coap_tx_end(c, &in->tx);
	coap_ev_remove(c, &in->tx);
	if (in->dup)
		in->dup->in = NULL;
	if (in->body)
		coap_body_free(c, in->body);
	while (*at != in)
		at = &(*at)->next;
	*at = in->next;
	in->state = COAP_IN_FREE;
	in->next = c->in_free;
	c->in_free = in;
}

void coap_in_ask(struct coap *c, lan_time now, struct coap_in *in)
{
	coap_ev_push(c, &in->tx);
	if (in->con)
		lan_timers_set(&c->timers, &in->tx.timer, now + c->cfg.separate);
}

void coap_in_due(struct coap *c, lan_time now, struct coap_in *in)
{
	if (in->state == COAP_IN_OWNER) {
		in->acked = true;
		coap_out_empty(c, &in->tx.ep, COAP_ACK, in->mid);
	} else {
		coap_later(c, now, in);
	}
}

static enum lan_err repeated(struct coap *c, const struct lan_ep *from, const struct coap_msg *m, bool ack,
	const struct coap_dedup *d)
{
	coap_count(c, COAP_C_rx_duplicate);
	if (d && d->len)
		(void)coap_out(c, from, d->buf, d->len);
	else if (ack && m->type == COAP_CON)
		coap_out_empty(c, from, COAP_ACK, m->mid);
	return LAN_OK;
}

/* The code to refuse it with; 0: it is fine. */
static uint8_t objection(const struct coap_msg *m)
{
	const uint8_t *value;
	size_t len;
	if (coap_find(m, COAP_PROXY_URI, 0, &value, &len) || coap_find(m, COAP_PROXY_SCHEME, 0, &value, &len))
		return COAP_PROXYING_NOT_SUPPORTED;
	if (coap_bad_option(m))
		return COAP_BAD_OPTION;
	return m->code > COAP_IPATCH ? COAP_METHOD_NOT_ALLOWED : 0;
}

static enum lan_err refuse(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, uint8_t code)
{
	if (code == COAP_BAD_OPTION) {
		bool con = m->type == COAP_CON;
		coap_count(c, con ? COAP_C_refused_option : COAP_C_drop_option);
		if (!con)
			return LAN_ERR_PROTO;
	}
	coap_refuse(c, from, group, m, code);
	return LAN_ERR_PROTO;
}

/* What the options say to the engine itself, in one walk. False: one of them cannot be. */
static bool understand(struct coap_in *in, const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);
	uint64_t v;
	while (coap_options_next(&o)) {
		switch (o.number) {
		case COAP_OBSERVE:
			if (in->code != COAP_GET && in->code != COAP_FETCH)
				break;
			in->observe = o.len == 0 || (o.len == 1 && o.value[0] == 0);
			in->deregister = o.len == 1 && o.value[0] == 1;
			break;
		case COAP_BLOCK2:
			in->has_block2 = coap_block_of(m, COAP_BLOCK2, &in->block2);
			if (!in->has_block2)
				return false;
			break;
		case COAP_BLOCK1:
			in->has_block1 = coap_block_of(m, COAP_BLOCK1, &in->block1);
			if (!in->has_block1)
				return false;
			break;
		case COAP_SIZE2:
			in->size2 = true;
			break;
		case COAP_NO_RESPONSE:
			in->quiet = coap_find_uint(m, COAP_NO_RESPONSE, &v) ? (uint8_t)v : 0;
			break;
		default:
			break;
		}
	}
	in->observe &= !in->group && !(in->has_block2 && in->block2.num);
	return true;
}

static void deregister(struct coap *c, struct coap_in *in)
{
	struct coap_obs *o = coap_obs_find(c, &in->tx.ep, in->token, in->tkl);
	if (o)
		coap_obs_gone(c, o, "deregistered");
}

static enum lan_err admit(struct coap *c, lan_time now, struct coap_in *in, const struct coap_msg *m)
{
	if (!understand(in, m)) {
		coap_answer(c, now, in, &(struct coap_reply){.code = COAP_BAD_REQUEST});
		return LAN_ERR_PROTO;
	}
	if (c->cfg.echo)
		coap_echo_heard(c, now, in, m);
	if (in->deregister)
		deregister(c, in);
	if (!coap_is_safe(in->code) || in->has_block1) {
		in->key = coap_request_key(c, m);
		in->dup = coap_dedup_new(c, now, in);
		if (c->cfg.echo)
			in->payload_key = lan_siphash(c->seed, m->payload, m->len);
	}
	if (coap_stored_answer(c, now, in) || (in->has_block1 && coap_upload(c, now, in, m)))
		return LAN_OK;
	coap_in_ask(c, now, in);
	return LAN_OK;
}

enum lan_err coap_take_request(struct coap *c, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n)
{
	coap_count(c, COAP_C_rx_requests);
	if (c->cfg.no_server) {
		if (m->type == COAP_CON)
			coap_out_empty(c, from, COAP_RST, m->mid);
		coap_count(c, COAP_C_drop_code);
		return LAN_ERR_PROTO;
	}
	struct coap_in *in = coap_in_find(c, from, m->mid);
	if (in && coap_same_token(in->token, in->tkl, m->token, m->tkl))
		return repeated(c, from, m, in->acked, NULL);
	struct coap_dedup *d = coap_dedup_find(c, now, from, m);
	if (d)
		return repeated(c, from, m, true, d);
	uint8_t code = objection(m);
	if (code)
		return refuse(c, from, group, m, code);
	in = coap_in_new(c, from, group, m, n);
	if (!in) {
		coap_count(c, m->type == COAP_CON ? COAP_C_refused_busy : COAP_C_drop_full);
		if (m->type == COAP_CON)
			coap_refuse(c, from, group, m, COAP_UNAVAILABLE);
		return LAN_ERR_FULL;
	}
	return admit(c, now, in, m);
}

static struct coap_in *waiting(struct coap *c, uint32_t id)
{
	uint32_t i = id % c->cfg.max_incoming;
	struct coap_in *in = i < c->n_in ? &c->in[i] : NULL;
	return in && in->id == id && in->state == COAP_IN_OWNER ? in : NULL;
}

enum lan_err coap_respond(struct coap *c, lan_time now, uint32_t id, const struct coap_response *r)
{
	bool good = COAP_CLASS(r->code) >= 2 && COAP_CLASS(r->code) <= 5 && r->options_len <= c->cfg.datagram;
	struct coap_obs *o = coap_obs_of(c, id);
	struct coap_in *in = o ? NULL : waiting(c, id);
	if (!o && !in)
		return LAN_ERR_NOTFOUND;
	if (!good)
		return LAN_ERR_INVAL;
	if (o)
		return coap_notify(c, now, o, r);
	if (r->len > c->cfg.max_body) {
		coap_answer(c, now, in, &(struct coap_reply){.code = COAP_INTERNAL_ERROR});
		return LAN_ERR_TOOBIG;
	}
	uint32_t value = 0;
	bool observe = in->observe && r->observe && COAP_CLASS(r->code) == 2;
	if (in->observe && !observe) {
		struct coap_obs *old = coap_obs_find(c, &in->tx.ep, in->token, in->tkl);
		if (old)
			coap_obs_gone(c, old, "not observable any more");
	}
	if (observe && !coap_proved(c, now, in)) {
		coap_challenge(c, now, in);
		return LAN_OK;
	}
	observe = observe && coap_obs_add(c, now, in, r->resource, &value);
	(void)coap_answer_whole(c, now, in, r, observe, value);
	return LAN_OK;
}

void coap_ignore(struct coap *c, lan_time now, uint32_t id)
{
	struct coap_obs *o = coap_obs_of(c, id);
	struct coap_in *in = o ? NULL : waiting(c, id);
	if (o)
		coap_obs_ignored(c, now, o);
	if (!in)
		return;
	if (in->con && !in->acked)
		coap_out_empty(c, &in->tx.ep, COAP_ACK, in->mid);
	coap_in_free(c, in);
}
