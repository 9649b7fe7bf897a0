/*
 * client_send.c - an own request as octets, and its tokens: made of entropy, found again by token and
 * endpoint (RFC 7252 section 5.3).
 */
#include "proto/coap/coap_int.h"

uint8_t *coap_buf_take(struct coap *c)
{
	/* Two for each slot: there is always one. */
	uint32_t i = c->n_buf_free ? c->buf_free[--c->n_buf_free] : c->n_bufs++;
	return c->bufs + (size_t)i * c->cfg.datagram;
}

/* What it holds stays until it is taken again. */
void coap_buf_give(struct coap *c, const uint8_t *buf)
{
	if (buf)
		c->buf_free[c->n_buf_free++] = (uint32_t)((size_t)(buf - c->bufs) / c->cfg.datagram);
}

static struct coap_tok **bucket(struct coap *c, const struct lan_ep *ep, const uint8_t *token, uint8_t tkl)
{
	uint64_t h = tkl ? lan_siphash(c->seed, token, tkl) : coap_hash_ep(c, ep);
	return &c->toks[h & c->tok_mask];
}

struct coap_x *coap_x_of(struct coap_tok *t)
{
	return (struct coap_x *)((char *)(t - t->second) - offsetof(struct coap_x, tok));
}

void coap_tok_link(struct coap *c, const struct lan_ep *ep, struct coap_tok *t)
{
	struct coap_tok **at = bucket(c, ep, t->token, t->tkl);
	t->next = *at;
	t->linked = true;
	*at = t;
}

void coap_tok_unlink(struct coap *c, struct coap_x *x, struct coap_tok *t)
{
	if (!t->linked)
		return;
	struct coap_tok **at = bucket(c, &x->tx.ep, t->token, t->tkl);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->linked = false;
}

struct coap_tok *coap_tok_find(
	struct coap *c, const struct lan_ep *from, const struct coap_msg *m, bool *other)
{
	for (struct coap_tok *t = *bucket(c, from, m->token, m->tkl); t; t = t->next) {
		if (!coap_same_token(t->token, t->tkl, m->token, m->tkl))
			continue;
		const struct coap_x *x = coap_x_of(t);
		if (coap_same_ep(&x->tx.ep, from) || (x->group && x->tx.ep.link == from->link))
			return t;
		*other = true;
	}
	return NULL;
}

void coap_x_token(struct coap *c, struct coap_x *x, bool second)
{
	struct coap_tok *t = &x->tok[second];
	struct coap_msg m = {.tkl = 4};
	bool other = false;
	coap_tok_unlink(c, x, t);
	do {
		uint64_t r = coap_draw(c);
		memcpy(m.token, &r, 4);
	} while (coap_tok_find(c, &x->tx.ep, &m, &other));
	t->tkl = 4;
	memcpy(t->token, m.token, 4);
	coap_tok_link(c, &x->tx.ep, t);
}

void coap_hurry(struct coap *c, lan_time now, uint32_t link)
{
	for (uint32_t i = 0; i < c->n_x; i++) {
		struct coap_x *x = &c->x[i];
		if (x->state != COAP_X_SENT || x->tx.ep.link != link || x->next_tx <= now)
			continue;
		x->next_tx = now;
		x->tx.pause /= 2; /* sending doubles it */
		coap_x_arm(c, x);
	}
}

/* What the engine adds to the owner's options, in order of number. */
static size_t extras(const struct coap_x *x, struct coap_extra *e)
{
	size_t n = 0;
	if (x->observe && !x->down)
		coap_extra_uint(&e[n++], COAP_OBSERVE, x->telling);
	if (x->down)
		coap_extra_block(
			&e[n++], COAP_BLOCK2, x->down_body->len >> (x->down_szx + 4), false, x->down_szx);
	else if (x->early && !x->telling)
		coap_extra_block(&e[n++], COAP_BLOCK2, 0, false, x->szx);
	if (x->up && !x->down) {
		uint32_t size = (uint32_t)COAP_BLOCK_SIZE(x->szx);
		coap_extra_block(
			&e[n++], COAP_BLOCK1, x->up_off >> (x->szx + 4), x->len - x->up_off > size, x->szx);
		if (!x->up_off)
			coap_extra_uint(&e[n++], COAP_SIZE1, x->len);
	}
	if (x->echo_len) {
		e[n] = (struct coap_extra){.number = COAP_ECHO, .len = x->echo_len};
		memcpy(e[n++].value, x->echo, x->echo_len);
	}
	if (x->request_tag)
		coap_extra_uint(&e[n++], COAP_REQUEST_TAG, x->request_tag);
	return n;
}

size_t coap_x_encode(struct coap *c, const struct coap_x *x, uint8_t *buf, size_t cap)
{
	struct coap_extra e[6];
	const struct coap_tok *t = &x->tok[x->tok[1].linked];
	(void)c;
	if (x->ping) {
		coap_empty(buf, COAP_CON, x->tx.mid);
		return COAP_HEADER;
	}
	struct coap_wr w =
		coap_begin(buf, cap, x->non ? COAP_NON : COAP_CON, x->code, x->tx.mid, t->token, t->tkl);
	coap_put_merged(&w, x->buf, x->options_len, e, extras(x, e));
	if (x->up && !x->down) {
		uint32_t size = (uint32_t)COAP_BLOCK_SIZE(x->szx), left = x->len - x->up_off;
		coap_put_payload(&w, x->payload + x->up_off, left < size ? left : size);
	} else if (!x->down || x->code == COAP_FETCH) {
		coap_put_payload(&w, x->payload, x->len);
	}
	return coap_end(&w);
}
