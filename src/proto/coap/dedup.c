/*
 * dedup.c - requests that must not be done twice, remembered with the datagram that answered them (RFC 7252
 * section 4.5): a ring, so that the oldest gives way first when there are more than it holds.
 *
 * Told apart by token, too: a client that began anew may use a MID again, and must not get the answer to what
 * it asked in an earlier life. One that uses no tokens has to be forgotten then (coap_dedup_forget).
 */
#include "proto/coap/coap_int.h"

static struct coap_dedup **bucket(struct coap *c, const struct lan_ep *ep, uint16_t mid)
{
	return &c->dedup_hash[(coap_hash_ep(c, ep) + mid) & c->dedup_mask];
}

struct coap_dedup *coap_dedup_find(
	struct coap *c, lan_time now, const struct lan_ep *ep, const struct coap_msg *m)
{
	if (!c->n_dedup)
		return NULL;
	for (struct coap_dedup *d = *bucket(c, ep, m->mid); d; d = d->next)
		if (d->mid == m->mid && d->until > now && coap_same_ep(&d->ep, ep) &&
			coap_same_token(d->token, d->tkl, m->token, m->tkl))
			return d;
	return NULL;
}

static void forget(struct coap *c, struct coap_dedup *d)
{
	struct coap_dedup **at = bucket(c, &d->ep, d->mid);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (d->in)
		d->in->dup = NULL;
	d->in = NULL;
	d->used = false;
	c->n_dedup--;
}

struct coap_dedup *coap_dedup_new(struct coap *c, lan_time now, struct coap_in *in)
{
	const struct lan_ep *ep = &in->tx.ep;
	uint32_t i = c->dedup_at++ % c->cfg.max_dedup;
	struct coap_dedup *d = &c->dedup[i];
	if (d->used) {
		if (d->until > now)
			coap_count(c, COAP_C_dedup_evicted);
		forget(c, d);
	}
	struct coap_dedup **at = bucket(c, ep, in->mid);
	*d = (struct coap_dedup){.next = *at,
		.in = in,
		.used = true,
		.mid = in->mid,
		.tkl = in->tkl,
		.until = now + (in->con ? COAP_EXCHANGE_LIFETIME : COAP_NON_LIFETIME),
		.ep = *ep,
		.buf = c->dedup_bufs + (size_t)i * c->cfg.datagram};
	memcpy(d->token, in->token, sizeof d->token);
	*at = d;
	c->n_dedup++;
	return d;
}

void coap_dedup_forget(struct coap *c, const struct lan_ep *ep)
{
	for (uint32_t i = 0; c->n_dedup && i < c->cfg.max_dedup; i++)
		if (c->dedup[i].used && !c->dedup[i].tkl && coap_same_ep(&c->dedup[i].ep, ep))
			forget(c, &c->dedup[i]);
}
