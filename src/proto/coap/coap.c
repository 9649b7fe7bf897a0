/*
 * coap.c - the engine's face towards its driver: messages in and sorted (RFC 7252 sections 4.2 and 4.3), out,
 * and time.
 *
 * Refused: what is not CoAP version 1 (silently), messages with a format error (RST if confirmable), codes of
 * reserved classes, types that do not go with their code, confirmable messages to everybody.
 */
#include "proto/coap/coap_int.h"

static const char *const names[] = {
#define X(name, help) #name,
	COAP_COUNTERS(X)
#undef X
};
static const char *const helps[] = {
#define X(name, help) help,
	COAP_COUNTERS(X)
#undef X
};

const char *coap_counter_name(enum coap_counter c)
{
	return names[c];
}

const char *coap_counter_help(enum coap_counter c)
{
	return helps[c];
}

uint64_t coap_counter(const struct coap *c, enum coap_counter n)
{
	return c->counters[n];
}

uint64_t coap_draw(struct coap *c)
{
	c->draws++;
	return lan_siphash(c->seed, &c->draws, sizeof c->draws);
}

lan_time coap_draw_time(struct coap *c, lan_time max)
{
	return max ? coap_draw(c) % (max + 1) : 0;
}

uint64_t coap_hash_ep(const struct coap *c, const struct lan_ep *ep)
{
	uint8_t key[5 + sizeof ep->addr];
	lan_put_be32(key, ep->link);
	key[4] = ep->len;
	memcpy(key + 5, ep->addr, ep->len);
	return lan_siphash(c->seed, key, 5u + ep->len);
}

static enum lan_err drop(struct coap *c, enum coap_counter n)
{
	coap_count(c, n);
	return LAN_ERR_PROTO;
}

/* Who sent a confirmable message that cannot be read learns of it (section 4.2). */
static enum lan_err reject(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, enum coap_counter n)
{
	if (m->type == COAP_CON && !group)
		coap_out_empty(c, from, COAP_RST, m->mid);
	return drop(c, n);
}

static void ended(struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m)
{
	struct coap_tx *tx = coap_tx_find(c, from, m->mid);
	bool ack = m->type == COAP_ACK;
	if (!tx)
		return;
	switch (tx->kind) {
	case COAP_K_X:
		if (ack)
			c->client->acked(c, now, (struct coap_x *)tx);
		else
			c->client->reset(c, now, (struct coap_x *)tx);
		break;
	case COAP_K_IN:
		coap_in_free(c, (struct coap_in *)tx);
		break;
	default:
		if (ack)
			coap_obs_acked(c, now, (struct coap_obs *)tx);
		else
			coap_obs_gone(c, (struct coap_obs *)tx, "RST");
	}
}

static enum lan_err take_empty(
	struct coap *c, lan_time now, const struct lan_ep *from, bool group, const struct coap_msg *m)
{
	coap_count(c, COAP_C_rx_empty);
	if (m->type == COAP_NON)
		return drop(c, COAP_C_drop_code);
	if (group)
		return drop(c, COAP_C_drop_group);
	if (m->type == COAP_CON)
		coap_out_empty(c, from, COAP_RST, m->mid);
	else
		ended(c, now, from, m);
	return LAN_OK;
}

void coap_share(struct coap *c, uint32_t link)
{
	c->cfg.shared |= UINT64_C(1) << (link & 63);
}

enum lan_err coap_stranger(struct coap *c, const struct lan_ep *from, const struct coap_msg *m, bool other)
{
	coap_count(c, other ? COAP_C_drop_endpoint : COAP_C_drop_unmatched);
	if (m->type != COAP_ACK && !(c->cfg.shared >> (from->link & 63) & 1))
		coap_out_empty(c, from, COAP_RST, m->mid);
	return LAN_ERR_PROTO;
}

enum lan_err coap_input_msg(struct coap *c, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n)
{
	coap_count(c, COAP_C_rx_messages);
	if (n > c->cfg.datagram || from->len > sizeof from->addr)
		return drop(c, COAP_C_drop_format);
	if (m->code == COAP_EMPTY)
		return take_empty(c, now, from, group, m);
	if (COAP_CLASS(m->code) == 0) {
		if (m->type == COAP_CON && group)
			return drop(c, COAP_C_drop_group);
		if (m->type != COAP_CON && m->type != COAP_NON)
			return drop(c, COAP_C_drop_code);
		return coap_take_request(c, now, from, group, m, n);
	}
	if (group)
		return drop(c, COAP_C_drop_group);
	if (m->type == COAP_RST)
		return drop(c, COAP_C_drop_code);
	coap_count(c, COAP_C_rx_responses);
	return c->client ? c->client->response(c, now, from, m) : coap_stranger(c, from, m, false);
}

static enum lan_err input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	struct coap *c = core;
	struct coap_msg m;
	enum coap_fault f = coap_decode(buf, n, &m);
	if (f == COAP_FAULT_OK)
		return coap_input_msg(c, now, from, group, &m, n);
	if (c->cfg.sos_client && f >= COAP_FAULT_OPTION_RESERVED && n <= c->cfg.datagram) {
		struct coap_msg old;
		if (coap_decode_s1(buf, n, c->scratch, &old) == COAP_FAULT_OK)
			return coap_input_msg(c, now, from, group, &old, n);
	}
	coap_count(c, COAP_C_rx_messages);
	if (f <= COAP_FAULT_VERSION)
		return drop(c, COAP_C_drop_format);
	if (f < COAP_FAULT_OPTION_RESERVED) {
		m.type = (enum coap_type)(buf[0] >> 4 & 3);
		m.mid = lan_get_be16(buf + 2);
	}
	return reject(c, from, group, &m, COAP_C_drop_format);
}

static size_t output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	(void)now;
	return coap_out_take(core, to, buf, cap);
}

static void tick(void *core, lan_time now)
{
	struct coap *c = core;
	struct lan_timer *t;
	while ((t = lan_timers_due(&c->timers, now))) {
		struct coap_tx *tx = (struct coap_tx *)t; /* its first member */
		switch (tx->kind) {
		case COAP_K_X:
			c->client->due(c, now, (struct coap_x *)tx);
			break;
		case COAP_K_IN:
			coap_in_due(c, now, (struct coap_in *)tx);
			break;
		case COAP_K_OBS:
			coap_obs_due(c, now, (struct coap_obs *)tx);
			break;
		default:
			coap_body_due(c, (struct coap_body *)tx);
		}
	}
}

static lan_time deadline(const void *core)
{
	return lan_timers_next(&((const struct coap *)core)->timers);
}

static bool ready(const void *core)
{
	return ((const struct coap *)core)->ev_head != NULL;
}

static bool is_open(const void *core)
{
	return coap_out_is_open(core);
}

static void unsent(void *core, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	struct coap *c = core;
	coap_count(c, COAP_C_tx_failed);
	if (c->client)
		c->client->unsent(c, now, to, why);
}

void coap_forget(struct coap *c, lan_time now, const struct lan_ep *ep)
{
	struct coap_peer *p = coap_peer(c, ep, false);
	if (p && p->refs)
		c->client->gone(c, now, p);
	if (p)
		p->proved = 0; /* its numbers of messages go on */
	coap_unobserve_peer(c, now, ep);
	coap_dedup_forget(c, ep);
}

const struct lan_ep_ops coap_ops = {
	.name = "coap",
	.input = input,
	.output = output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.open = is_open,
};
