/*
 * dedup.c - requests that must not be done twice, remembered with the datagram that answered them (RFC 7252
 * section 4.5): a ring, so that the oldest gives way first when there are more than it holds.
 */
#include "proto/coap/coap_int.h"

static struct coap_dedup **bucket(struct coap *c, const struct lan_ep *ep, uint16_t mid)
{
	return &c->dedup_hash[(coap_hash_ep(c, ep) + mid) & c->dedup_mask];
}

struct coap_dedup *coap_dedup_find(struct coap *c, lan_time now, const struct lan_ep *ep, uint16_t mid)
{
	if (!c->n_dedup)
		return NULL;
	for (struct coap_dedup *d = *bucket(c, ep, mid); d; d = d->next)
		if (d->mid == mid && d->until > now && coap_same_ep(&d->ep, ep))
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

struct coap_dedup *coap_dedup_new(
	struct coap *c, lan_time now, const struct lan_ep *ep, uint16_t mid, bool con)
{
	uint32_t i = c->dedup_at++ % c->cfg.max_dedup;
	struct coap_dedup *d = &c->dedup[i];
	if (d->used) {
		if (d->until > now)
			coap_count(c, COAP_C_dedup_evicted);
		forget(c, d);
	}
	struct coap_dedup **at = bucket(c, ep, mid);
	*d = (struct coap_dedup){.next = *at,
		.used = true,
		.mid = mid,
		.until = now + (con ? COAP_EXCHANGE_LIFETIME : COAP_NON_LIFETIME),
		.ep = *ep,
		.buf = c->dedup_bufs + (size_t)i * c->cfg.datagram};
	*at = d;
	c->n_dedup++;
	return d;
}

void coap_dedup_forget(struct coap *c, const struct lan_ep *ep)
{
	for (uint32_t i = 0; c->n_dedup && i < c->cfg.max_dedup; i++)
		if (c->dedup[i].used && coap_same_ep(&c->dedup[i].ep, ep))
			forget(c, &c->dedup[i]);
}
