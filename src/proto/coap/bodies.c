/*
 * bodies.c - the pool of bodies in the making. Those of strangers (uploads to us, stored answers) give way,
 * the one that stood still longest first, to whoever needs room.
 */
#include "proto/coap/coap_int.h"

struct coap_body *coap_body_new(struct coap *c, enum coap_use use)
{
	struct coap_body *b = NULL;
	for (uint32_t i = 0; i < c->cfg.max_bodies; i++) {
		struct coap_body *k = &c->bodies[i];
		if (k->use == COAP_B_FREE) {
			b = k;
			break;
		}
		if (k->use != COAP_B_CLIENT && (!b || k->progress < b->progress))
			b = k;
	}
	if (!b)
		return NULL;
	if (b->use != COAP_B_FREE) {
		coap_count(c, COAP_C_bodies_evicted);
		coap_body_free(c, b);
	}
	b->use = (uint8_t)use;
	b->challenged = false;
	b->len = 0;
	return b;
}

void coap_body_free(struct coap *c, struct coap_body *b)
{
	lan_timers_unset(&c->timers, &b->tx.timer);
	b->use = COAP_B_FREE;
}

struct coap_body *coap_body_find(struct coap *c, enum coap_use use, const struct lan_ep *ep, uint64_t key)
{
	for (uint32_t i = 0; i < c->cfg.max_bodies; i++) {
		struct coap_body *b = &c->bodies[i];
		if (b->use == (uint8_t)use && b->key == key && coap_same_ep(&b->tx.ep, ep))
			return b;
	}
	return NULL;
}

void coap_body_progress(struct coap *c, lan_time now, struct coap_body *b)
{
	/* An answer is kept as long as its request may be repeated: it must not be done again. */
	lan_time patience = b->use == COAP_B_ANSWER ? COAP_EXCHANGE_LIFETIME : COAP_BODY_PATIENCE;
	b->progress = now;
	lan_timers_set(&c->timers, &b->tx.timer, now + patience);
}

void coap_body_due(struct coap *c, struct coap_body *b)
{
	coap_body_free(c, b);
}
