/*
 * server_observe.c - those who observe resources of ours (RFC 7641 section 4). A change makes each of them a
 * request to the owner again, with the options it registered with; what the owner answers is the
 * notification.
 *
 * Not confirmable but for every so many and one a day; of confirmable ones at most one is on its way, and a
 * newer state takes its place with what is left of its repetitions (section 4.5.2). RST, no acknowledgement,
 * an error or an answer without `observe` end it. To masters of SOS (sos_server) notifications are ACKs with
 * a MID of ours.
 */
#include "proto/coap/coap_int.h"

#define OBS_ID 0x80000000u

struct coap_obs *coap_obs_find(struct coap *c, const struct lan_ep *ep, const uint8_t *token, uint8_t tkl)
{
	for (uint32_t i = 0; i < c->n_obs; i++) {
		struct coap_obs *o = &c->obs[i];
		if (o->used && !o->gone && coap_same_token(o->token, o->tkl, token, tkl) &&
			coap_same_ep(&o->tx.ep, ep))
			return o;
	}
	return NULL;
}

struct coap_obs *coap_obs_of(struct coap *c, uint32_t id)
{
	uint32_t i = (id & ~OBS_ID) % c->cfg.max_observers;
	struct coap_obs *o = &c->obs[i];
	return id & OBS_ID && i < c->n_obs && o->used && !o->gone && o->asked && o->pulled && o->id == id
		       ? o
		       : NULL;
}

static struct coap_obs *take_slot(struct coap *c)
{
	uint32_t i = 0, max = c->cfg.max_observers;
	while (i < c->n_obs && c->obs[i].used)
		i++;
	if (i == max)
		return NULL;
	struct coap_obs *o = &c->obs[i];
	uint32_t id = i == c->n_obs ? i + max : (o->id & ~OBS_ID) + max;
	if (i == c->n_obs)
		c->n_obs++;
	if (id > INT32_MAX - max)
		id = i + max;
	memset(o, 0, offsetof(struct coap_obs, options));
	o->id = id | OBS_ID;
	o->tx.kind = COAP_K_OBS;
	o->out = c->obs_bufs + (size_t)i * c->cfg.datagram;
	o->used = true;
	return o;
}

void coap_obs_free(struct coap *c, struct coap_obs *o)
{
	coap_tx_end(c, &o->tx);
	coap_ev_remove(c, &o->tx);
	o->used = false;
}

void coap_obs_gone(struct coap *c, struct coap_obs *o, const char *text)
{
	coap_tx_end(c, &o->tx);
	coap_ev_remove(c, &o->tx);
	o->gone = true;
	o->text = text;
	coap_ev_push(c, &o->tx);
}

static void fresh_start(struct coap *c, lan_time now, struct coap_obs *o, const struct coap_in *in)
{
	coap_tx_end(c, &o->tx);
	coap_ev_remove(c, &o->tx);
	o->asked = o->again = o->open = o->fresh = false;
	o->tx.ep = in->tx.ep;
	o->code = in->code;
	o->tkl = in->tkl;
	memcpy(o->token, in->token, sizeof o->token);
	o->has_block2 = in->has_block2;
	o->block2 = in->block2;
	o->options_len = in->options_len;
	o->len = (uint16_t)in->len;
	memcpy(o->options, in->buf, (size_t)in->options_len + in->len);
	o->since = 0;
	o->last_con = now;
}

/* Numbers go on where an earlier registration of the same ended, even if it is forgotten: they begin with the
 * clock, at about 119 a second (RFC 7641 section 4.4). The originals begin with 2. */
static void number(const struct coap *c, lan_time now, struct coap_obs *o, bool known)
{
	if (c->cfg.sos_server)
		o->value = 2;
	else
		o->value = (known ? o->value + 1 : (uint32_t)(now >> 23)) & 0xffffff;
}

/* The same request again under another token: who began anew has forgotten the first, which would stand here
 * for ever. */
static struct coap_obs *same_request(struct coap *c, const struct coap_in *in)
{
	for (uint32_t i = 0; i < c->n_obs; i++) {
		struct coap_obs *o = &c->obs[i];
		if (o->used && !o->gone && o->code == in->code && o->options_len == in->options_len &&
			o->len == in->len && coap_same_ep(&o->tx.ep, &in->tx.ep) &&
			!memcmp(o->options, in->buf, (size_t)in->options_len + in->len))
			return o;
	}
	return NULL;
}

bool coap_obs_add(struct coap *c, lan_time now, const struct coap_in *in, uint32_t resource, uint32_t *value)
{
	struct coap_obs *o = coap_obs_find(c, &in->tx.ep, in->token, in->tkl);
	bool fits = in->options_len + in->len <= sizeof o->options && !in->body && resource;
	if (!o && fits && c->cfg.one_observation)
		o = same_request(c, in);
	bool known = o != NULL;
	if (!known && fits)
		o = take_slot(c);
	if (!o || !fits) {
		coap_count(c, COAP_C_refused_observer);
		if (o)
			coap_obs_gone(c, o, "registered anew, with more than is kept");
		return false;
	}
	fresh_start(c, now, o, in);
	number(c, now, o, known);
	o->resource = resource;
	*value = o->value;
	return true;
}

static void ask(struct coap *c, struct coap_obs *o)
{
	o->asked = true;
	o->pulled = o->again = false;
	coap_ev_push(c, &o->tx);
}

void coap_changed(struct coap *c, lan_time now, uint32_t resource)
{
	(void)now;
	for (uint32_t i = 0; i < c->n_obs; i++) {
		struct coap_obs *o = &c->obs[i];
		if (!o->used || o->gone || o->resource != resource)
			continue;
		if (!o->asked)
			ask(c, o);
		else if (o->pulled)
			o->again = true;
	}
}

void coap_obs_ignored(struct coap *c, lan_time now, struct coap_obs *o)
{
	(void)now;
	o->asked = false;
	if (o->again)
		ask(c, o);
}

static size_t write(struct coap *c, struct coap_obs *o, enum coap_type type, const struct coap_response *r,
	bool observe, uint8_t *buf, uint32_t cap)
{
	struct coap_extra e[4];
	size_t n = 0, head = COAP_HEADER + o->tkl + r->options_len;
	struct coap_slice s =
		coap_slice_of(c, &o->tx.ep, o->has_block2 ? &o->block2 : NULL, head, r->len, false);
	const uint8_t *payload = r->payload;
	if (s.cut && !coap_has_option(r, COAP_ETAG))
		coap_etag(c, r, &e[n++]);
	if (observe)
		coap_extra_uint(&e[n++], COAP_OBSERVE, o->value);
	if (s.cut)
		coap_extra_block(&e[n++], COAP_BLOCK2, 0, s.more, s.szx);
	if (s.cut)
		coap_extra_uint(&e[n++], COAP_SIZE2, r->len);
	struct coap_wr w = coap_begin(buf, cap, type, r->code, 0, o->token, o->tkl);
	coap_put_merged(&w, r->options, r->options_len, e, n);
	coap_put_payload(&w, payload, s.len);
	return coap_end(&w);
}

/* What lies in `out` leaves under a new MID. */
static void send(struct coap *c, struct coap_obs *o)
{
	coap_tx_begin(c, &o->tx, coap_next_mid(c, &o->tx.ep));
	lan_put_be16(o->out + 2, o->tx.mid);
	(void)coap_out(c, &o->tx.ep, o->out, o->out_len);
	o->fresh = false;
}

static void confirm(struct coap *c, lan_time now, struct coap_obs *o)
{
	o->open = true;
	o->since = 0;
	o->last_con = now;
	o->tx.tries = 1;
	o->tx.pause = coap_first_pause(c);
	send(c, o);
	lan_timers_set(&c->timers, &o->tx.timer, now + o->tx.pause);
}

enum lan_err coap_notify(struct coap *c, lan_time now, struct coap_obs *o, const struct coap_response *r)
{
	bool goes_on = r->observe && COAP_CLASS(r->code) == 2;
	bool con = !c->cfg.sos_server && !r->no_con && goes_on &&
		   (o->open || ++o->since >= c->cfg.confirm_every || now - o->last_con >= COAP_CONFIRM_DAY);
	enum coap_type type = c->cfg.sos_server ? COAP_ACK : con ? COAP_CON : COAP_NON;
	struct coap_response big = {.code = COAP_INTERNAL_ERROR};
	bool fits = r->len <= c->cfg.max_body;
	o->value = (o->value + 1) & 0xffffff;
	size_t n = fits ? write(c, o, type, r, goes_on, o->out, coap_fit(c, &o->tx.ep)) : 0;
	if (!n) {
		goes_on = con = false;
		n = write(c, o, c->cfg.sos_server ? COAP_ACK : COAP_NON, &big, false, o->out,
			coap_fit(c, &o->tx.ep));
	}
	o->out_len = (uint16_t)n;
	coap_count(c, COAP_C_tx_notifications);
	if (con && o->open)
		o->fresh = true;
	else if (con)
		confirm(c, now, o);
	else
		send(c, o);
	if (!goes_on)
		coap_obs_gone(c, o, "the resource answered with an error");
	else
		coap_obs_ignored(c, now, o);
	return fits ? LAN_OK : LAN_ERR_TOOBIG;
}

void coap_obs_due(struct coap *c, lan_time now, struct coap_obs *o)
{
	if (!o->open)
		return;
	if (o->tx.tries > c->cfg.max_retransmit) {
		coap_count(c, COAP_C_observers_lost);
		coap_obs_gone(c, o, "no acknowledgement");
		return;
	}
	o->tx.tries++;
	o->tx.pause *= 2;
	coap_count(c, COAP_C_tx_retransmit);
	if (o->fresh)
		send(c, o);
	else
		(void)coap_out(c, &o->tx.ep, o->out, o->out_len);
	lan_timers_set(&c->timers, &o->tx.timer, now + o->tx.pause);
}

void coap_obs_acked(struct coap *c, lan_time now, struct coap_obs *o)
{
	if (!o->open)
		return;
	bool fresh = o->fresh;
	o->open = o->fresh = false;
	coap_tx_end(c, &o->tx);
	if (fresh)
		confirm(c, now, o);
}

static void tell_end(struct coap *c, struct coap_obs *o, uint8_t code)
{
	struct coap_response r = {.code = code};
	o->out_len = (uint16_t)write(
		c, o, c->cfg.sos_server ? COAP_ACK : COAP_NON, &r, false, o->out, coap_fit(c, &o->tx.ep));
	send(c, o);
}

void coap_unobserve(struct coap *c, lan_time now, uint32_t resource, uint8_t code)
{
	(void)now;
	for (uint32_t i = 0; i < c->n_obs; i++) {
		struct coap_obs *o = &c->obs[i];
		if (!o->used || o->resource != resource)
			continue;
		if (code && !o->gone)
			tell_end(c, o, code);
		coap_obs_free(c, o);
	}
}

void coap_unobserve_peer(struct coap *c, lan_time now, const struct lan_ep *ep)
{
	(void)now;
	for (uint32_t i = 0; i < c->n_obs; i++)
		if (c->obs[i].used && coap_same_ep(&c->obs[i].tx.ep, ep))
			coap_obs_free(c, &c->obs[i]);
}

uint32_t coap_observers(const struct coap *c, uint32_t resource)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n_obs; i++)
		n += c->obs[i].used && !c->obs[i].gone && c->obs[i].resource == resource;
	return n;
}
