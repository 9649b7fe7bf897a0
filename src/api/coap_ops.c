/*
 * coap_ops.c - what the driver sees of a handle of <lanyard/coap.h>: its core, but for one thing. An address
 * on Ethernet or radio is that of the whole host: there are no ports, so each program gets what is meant for
 * the others, too. RST, which means "I did not ask for that" (RFC 7252 section 4.3), would end the
 * observations and answers of others; the standard lets us be silent instead, and there we are.
 */
#include "api/coap_int.h"

static enum lan_err input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	return coap_ops.input(((struct lan_coap *)core)->core, now, from, group, buf, n);
}

static bool is_silent(const struct lan_coap *c, const struct lan_ep *to, const uint8_t *buf, size_t n)
{
	bool reset = n == COAP_HEADER && (buf[0] >> 4 & 3) == COAP_RST;
	return reset && to->link >= 1 && to->link <= c->n_nets &&
	       c->net[to->link - 1].spec.kind != LAN_NET_UDP;
}

static size_t output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct lan_coap *c = core;
	size_t n;
	do
		n = coap_ops.output(c->core, now, to, buf, cap);
	while (n && is_silent(c, to, buf, n));
	return n;
}

static void unsent(void *core, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	if (coap_ops.unsent)
		coap_ops.unsent(((struct lan_coap *)core)->core, now, to, why);
}

static void tick(void *core, lan_time now)
{
	coap_ops.tick(((struct lan_coap *)core)->core, now);
}

static lan_time deadline(const void *core)
{
	return coap_ops.deadline(((const struct lan_coap *)core)->core);
}

static bool ready(const void *core)
{
	return coap_ops.ready(((const struct lan_coap *)core)->core);
}

static bool is_open(const void *core)
{
	return !coap_ops.open || coap_ops.open(((const struct lan_coap *)core)->core);
}

const struct lan_ep_ops talk_ops = {.name = "coap",
	.input = input,
	.output = output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.open = is_open};
