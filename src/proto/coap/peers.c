/*
 * peers.c - what is remembered of endpoints: the next MID (RFC 7252 section 4.4), how many requests are open
 * (section 4.7), whether its address is proved. Found by a keyed hash; the least recently used one without
 * requests gives way.
 */
#include "proto/coap/coap_int.h"

static struct coap_peer *at(struct coap *c, uint32_t number)
{
	return number ? &c->peers[number - 1] : NULL;
}

static uint32_t number_of(const struct coap *c, const struct coap_peer *p)
{
	return (uint32_t)(p - c->peers) + 1;
}

static void unlist(struct coap *c, struct coap_peer *p)
{
	if (p->newer)
		at(c, p->newer)->older = p->older;
	else
		c->newest = p->older;
	if (p->older)
		at(c, p->older)->newer = p->newer;
	else
		c->oldest = p->newer;
	p->newer = p->older = 0;
}

static void list(struct coap *c, struct coap_peer *p)
{
	uint32_t n = number_of(c, p);
	p->older = c->newest;
	p->newer = 0;
	if (c->newest)
		at(c, c->newest)->newer = n;
	else
		c->oldest = n;
	c->newest = n;
}

static void unhash(struct coap *c, const struct coap_peer *p)
{
	uint32_t *from = &c->peer_hash[coap_hash_ep(c, &p->ep) & c->peer_mask];
	while (at(c, *from) != p)
		from = &at(c, *from)->next;
	*from = p->next;
}

static struct coap_peer *vacant(struct coap *c)
{
	if (c->n_peers < c->cfg.max_peers)
		return &c->peers[c->n_peers++];
	struct coap_peer *p = at(c, c->oldest);
	while (p && p->refs)
		p = at(c, p->newer);
	if (!p)
		return NULL;
	unhash(c, p);
	unlist(c, p);
	return p;
}

struct coap_peer *coap_peer(struct coap *c, const struct lan_ep *ep, bool make)
{
	uint32_t *bucket = &c->peer_hash[coap_hash_ep(c, ep) & c->peer_mask];
	for (struct coap_peer *p = at(c, *bucket); p; p = at(c, p->next))
		if (coap_same_ep(&p->ep, ep)) {
			if (make && p->newer) {
				unlist(c, p);
				list(c, p);
			}
			return p;
		}
	struct coap_peer *p = make ? vacant(c) : NULL;
	if (!p)
		return NULL;
	*p = (struct coap_peer){.ep = *ep, .mid = (uint16_t)coap_draw(c), .next = *bucket};
	*bucket = number_of(c, p);
	list(c, p);
	return p;
}

uint16_t coap_next_mid(struct coap *c, const struct lan_ep *to)
{
	struct coap_peer *p = coap_peer(c, to, true);
	uint16_t *mid = p ? &p->mid : &c->mid;
	if (++*mid == 0)
		*mid = 1;
	return *mid;
}
