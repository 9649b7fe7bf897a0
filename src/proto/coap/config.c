/*
 * config.c - an engine with its defaults and bounds, and its memory: one piece, cut into tables. It comes
 * zeroed from calloc, and tables are used from their beginning, so what is configured and never used costs an
 * address and no memory.
 */
#include "proto/coap/coap_int.h"

#include <stdlib.h>

static uint32_t pow2(uint32_t n)
{
	uint32_t p = 16;
	while (p < n)
		p *= 2;
	return p;
}

static bool number(uint32_t *v, uint32_t dflt, uint32_t max)
{
	if (!*v)
		*v = dflt;
	return *v <= max;
}

static bool span(lan_time *v, lan_time dflt)
{
	if (!*v)
		*v = dflt;
	return *v <= LAN_SEC(86400);
}

static bool defaults(struct coap_config *c)
{
	bool ok = span(&c->ack_timeout, LAN_SEC(2)) && span(&c->separate, LAN_MS(200)) &&
		  span(&c->leisure, LAN_MS(500)) && number(&c->ack_random_pct, 50, 1000) &&
		  number(&c->max_retransmit, 4, 16) && number(&c->nstart, 1, 1000) &&
		  number(&c->datagram, COAP_DATAGRAM, COAP_DATAGRAM) && c->datagram >= 64 &&
		  number(&c->max_requests, 64, 1u << 20) && number(&c->max_peers, 256, 1u << 20) &&
		  number(&c->max_incoming, 64, 1u << 16) && number(&c->max_dedup, 64, 1u << 16) &&
		  number(&c->max_observers, 64, 1u << 16) && number(&c->max_bodies, 8, 1u << 12) &&
		  number(&c->max_body, 65536, 1u << 28) && number(&c->confirm_every, 16, 1u << 20);
	if (c->szx == 0)
		c->szx = 6;
	/* RFC 7252 section 4.8.2: MAX_TRANSMIT_WAIT */
	lan_time longest = c->ack_timeout / 100 * (100 + c->ack_random_pct);
	return ok && c->szx <= 6 && span(&c->give_up, longest * ((UINT64_C(2) << c->max_retransmit) - 1));
}

/* Cuts the arena: first to learn its size, then for good. */
struct cut {
	uint8_t *base;
	size_t off;
};

static void *piece(struct cut *a, size_t n, size_t size)
{
	void *p = a->base ? a->base + a->off : NULL;
	a->off += (n * size + 15) & ~(size_t)15;
	return p;
}

static void cut(struct coap *c, struct cut *a)
{
	const struct coap_config *g = &c->cfg;
	size_t d = g->datagram;
	c->peers = piece(a, g->max_peers, sizeof *c->peers);
	c->peer_hash = piece(a, c->peer_mask + 1, sizeof *c->peer_hash);
	c->x = piece(a, g->max_requests, sizeof *c->x);
	c->toks = piece(a, c->tok_mask + 1, sizeof *c->toks);
	c->buf_free = piece(a, 2 * (size_t)g->max_requests, sizeof *c->buf_free);
	c->in = piece(a, g->max_incoming, sizeof *c->in);
	c->dedup = piece(a, g->max_dedup, sizeof *c->dedup);
	c->dedup_hash = piece(a, c->dedup_mask + 1, sizeof *c->dedup_hash);
	c->obs = piece(a, g->max_observers, sizeof *c->obs);
	c->bodies = piece(a, g->max_bodies, sizeof *c->bodies);
	c->scratch = piece(a, 2, d);
	c->ring.size =
		(uint32_t)(4 * (d + 64) + 128 * (size_t)g->max_incoming + 64 * (size_t)g->max_requests) & ~7u;
	c->ring.mem = piece(a, c->ring.size, 1);
	c->in_bufs = piece(a, g->max_incoming, d);
	c->bufs = piece(a, 2 * (size_t)g->max_requests, d);
	c->dedup_bufs = piece(a, g->max_dedup, d);
	c->obs_bufs = piece(a, g->max_observers, d);
	c->body_mem = piece(a, g->max_bodies, g->max_body + COAP_ANSWER_OPTIONS);
}

static void seeds(struct coap *c)
{
	c->env.entropy(c->env.ctx, c->seed, sizeof c->seed);
	c->env.entropy(c->env.ctx, c->seed_echo, sizeof c->seed_echo);
	c->mid = (uint16_t)coap_draw(c);
	for (uint32_t i = 0; i < c->cfg.max_bodies; i++) {
		c->bodies[i].tx.kind = COAP_K_BODY;
		c->bodies[i].at = c->body_mem + (size_t)i * (c->cfg.max_body + COAP_ANSWER_OPTIONS);
	}
}

enum lan_err coap_new(const struct lan_env *env, const struct coap_config *cfg, struct coap **out)
{
	struct coap_config g = *cfg;
	if (!defaults(&g))
		return LAN_ERR_INVAL;
	struct coap *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->env = *env;
	c->cfg = g;
	c->peer_mask = pow2(g.max_peers) - 1;
	c->tok_mask = pow2(g.max_requests) - 1;
	c->dedup_mask = pow2(g.max_dedup) - 1;
	struct cut a = {0};
	cut(c, &a);
	lan_timers_init(&c->timers);
	uint32_t timers = g.max_requests + g.max_incoming + g.max_observers + g.max_bodies;
	c->arena = calloc(1, a.off);
	if (!c->arena || lan_timers_reserve(&c->timers, timers)) {
		coap_free(c);
		return LAN_ERR_NOMEM;
	}
	c->memory = sizeof *c + a.off + c->timers.cap * sizeof *c->timers.heap;
	a = (struct cut){.base = c->arena};
	cut(c, &a);
	seeds(c);
	*out = c;
	return LAN_OK;
}

void coap_free(struct coap *c)
{
	if (!c)
		return;
	lan_timers_fini(&c->timers);
	free(c->arena);
	free(c);
}

size_t coap_memory(const struct coap *c)
{
	return c->memory;
}

static int link_at(const struct coap *c, uint32_t link)
{
	for (uint32_t i = 0; i < c->n_links; i++)
		if (c->link_of[i] == link)
			return (int)i;
	return -1;
}

enum lan_err coap_link(struct coap *c, uint32_t link, uint32_t datagram, bool trusted)
{
	int i = link_at(c, link);
	if (i < 0) {
		if (c->n_links == COAP_LINKS)
			return LAN_ERR_LIMIT;
		i = (int)c->n_links++;
		c->link_of[i] = link;
	}
	if (!datagram || datagram > c->cfg.datagram)
		datagram = c->cfg.datagram;
	c->link_datagram[i] = (uint16_t)(datagram < 32 ? 32 : datagram);
	c->link_trusted[i] = trusted;
	return LAN_OK;
}

uint32_t coap_fit(const struct coap *c, const struct lan_ep *ep)
{
	int i = link_at(c, ep->link);
	return i < 0 ? c->cfg.datagram : c->link_datagram[i];
}

bool coap_trusted(const struct coap *c, const struct lan_ep *ep)
{
	int i = link_at(c, ep->link);
	return i >= 0 && c->link_trusted[i];
}
