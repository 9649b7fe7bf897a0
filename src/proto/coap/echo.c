/*
 * echo.c - who asks is who it says it is (RFC 9175 section 2): an endpoint that has not shown that it
 * receives what is sent to its address gets a small challenge in place of a large answer. The value is the
 * time and a MAC over time and endpoint: nothing is kept until it comes back.
 */
#include "proto/coap/coap_int.h"

static void value_at(struct coap *c, uint32_t second, const struct lan_ep *ep, uint8_t out[COAP_ECHO_OUR])
{
	uint8_t in[9 + sizeof ep->addr];
	lan_put_be32(in, second);
	lan_put_be32(in + 4, ep->link);
	in[8] = ep->len;
	memcpy(in + 9, ep->addr, ep->len);
	lan_put_be32(out, second);
	lan_put_be64(out + 4, lan_siphash(c->seed_echo, in, 9u + ep->len));
}

void coap_challenge(struct coap *c, lan_time now, struct coap_in *in)
{
	struct coap_extra e = {.number = COAP_ECHO, .len = COAP_ECHO_OUR};
	value_at(c, (uint32_t)(now / LAN_SEC(1)), &in->tx.ep, e.value);
	coap_count(c, COAP_C_refused_echo);
	coap_answer(c, now, in, &(struct coap_reply){.code = COAP_UNAUTHORIZED, .extra = &e, .n_extra = 1});
}

bool coap_proved(struct coap *c, lan_time now, const struct coap_in *in)
{
	if (!c->cfg.echo || in->proved || coap_trusted(c, &in->tx.ep))
		return true;
	const struct coap_peer *p = coap_peer(c, &in->tx.ep, false);
	return p && p->proved > now;
}

void coap_echo_heard(struct coap *c, lan_time now, struct coap_in *in, const struct coap_msg *m)
{
	const uint8_t *value;
	size_t len;
	uint8_t ours[COAP_ECHO_OUR];
	if (!coap_find(m, COAP_ECHO, 0, &value, &len) || len != COAP_ECHO_OUR)
		return;
	uint32_t then = lan_get_be32(value), second = (uint32_t)(now / LAN_SEC(1));
	value_at(c, then, &in->tx.ep, ours);
	if (second - then > COAP_ECHO_FRESH || memcmp(value, ours, sizeof ours) != 0)
		return;
	struct coap_peer *p = coap_peer(c, &in->tx.ep, true);
	in->proved = true; /* even if there is no room to remember it */
	if (p)
		p->proved = now + COAP_PROVED;
}
