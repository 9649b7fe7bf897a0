/*
 * answer.c - answers on their way: piggybacked while the request is not acknowledged yet, else as a message
 * of ours that is repeated (RFC 7252 section 5.2); not confirmable to what was not; to everybody late and
 * never with an error (section 8.2). Long bodies leave as the block that was asked for (RFC 7959
 * section 2.4).
 */
#include "proto/coap/coap_int.h"

static size_t write(uint8_t *buf, size_t cap, const struct coap_in *in, enum coap_type type, uint16_t mid,
	const struct coap_reply *r)
{
	struct coap_wr w = coap_begin(buf, cap, type, r->code, mid, in->token, in->tkl);
	coap_put_merged(&w, r->options, r->options_len, r->extra, r->n_extra);
	coap_put_payload(&w, r->payload, r->len);
	return coap_end(&w);
}

/* Encoded where it leaves from, or aside if it cannot leave now. */
static size_t encode(
	struct coap *c, struct coap_in *in, bool now_out, const struct coap_reply *r, uint8_t **at)
{
	uint32_t cap = coap_fit(c, &in->tx.ep);
	bool own = in->con && in->acked;
	enum coap_type type = own ? COAP_CON : in->con ? COAP_ACK : COAP_NON;
	uint16_t mid = type == COAP_ACK ? in->mid : coap_next_mid(c, &in->tx.ep);
	*at = now_out ? coap_out_room(c, &in->tx.ep, &cap) : NULL;
	bool aside = !*at;
	if (aside)
		*at = c->scratch + c->cfg.datagram;
	size_t n = write(*at, cap, in, type, mid, r);
	if (!n) {
		struct coap_reply too_long = {.code = COAP_INTERNAL_ERROR};
		n = write(*at, cap, in, type, mid, &too_long);
	}
	if (!aside)
		coap_out_done(c, &in->tx.ep, n);
	else if (now_out)
		coap_count(c, COAP_C_tx_failed);
	if (own)
		coap_tx_begin(c, &in->tx, mid);
	return n;
}

static bool unwanted(const struct coap_in *in, uint8_t code)
{
	return (in->group && COAP_CLASS(code) > 2) || in->quiet >> (COAP_CLASS(code) - 1) & 1;
}

void coap_answer(struct coap *c, lan_time now, struct coap_in *in, const struct coap_reply *r)
{
	uint8_t *at;
	if (unwanted(in, r->code)) {
		if (in->con && !in->acked)
			coap_out_empty(c, &in->tx.ep, COAP_ACK, in->mid);
		coap_in_free(c, in);
		return;
	}
	size_t n = encode(c, in, !in->group, r, &at);
	coap_count(c, COAP_C_tx_responses);
	if (!in->group && !(in->con && in->acked)) {
		if (in->dup) {
			memcpy(in->dup->buf, at, n);
			in->dup->len = (uint16_t)n;
		}
		coap_in_free(c, in);
		return;
	}
	memcpy(in->buf, at, n);
	in->out_len = (uint16_t)n;
	coap_ev_remove(c, &in->tx);
	if (in->body)
		coap_body_free(c, in->body);
	in->body = NULL;
	in->state = in->group ? COAP_IN_LATER : COAP_IN_SENT;
	in->tx.tries = 1;
	in->tx.pause = in->group ? coap_draw_time(c, c->cfg.leisure) : coap_first_pause(c);
	lan_timers_set(&c->timers, &in->tx.timer, now + in->tx.pause);
}

void coap_later(struct coap *c, lan_time now, struct coap_in *in)
{
	if (in->state == COAP_IN_LATER) {
		(void)coap_out(c, &in->tx.ep, in->buf, in->out_len);
		coap_in_free(c, in);
		return;
	}
	if (in->tx.tries > c->cfg.max_retransmit) {
		coap_in_free(c, in);
		return;
	}
	in->tx.tries++;
	in->tx.pause *= 2;
	if (coap_out(c, &in->tx.ep, in->buf, in->out_len))
		coap_count(c, COAP_C_tx_retransmit);
	lan_timers_set(&c->timers, &in->tx.timer, now + in->tx.pause);
}

void coap_refuse(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, uint8_t code)
{
	uint8_t buf[COAP_HEADER + COAP_TOKEN_MAX];
	if (group)
		return;
	bool con = m->type == COAP_CON;
	struct coap_wr w = coap_begin(buf, sizeof buf, con ? COAP_ACK : COAP_NON, code,
		con ? m->mid : coap_next_mid(c, from), m->token, m->tkl);
	if (coap_out(c, from, buf, coap_end(&w)))
		coap_count(c, COAP_C_tx_responses);
}

bool coap_has_option(const struct coap_response *r, uint32_t number)
{
	struct coap_options o = {
		.p = r->options, .end = r->options_len ? r->options + r->options_len : r->options};
	while (coap_options_next(&o) && o.number <= number)
		if (o.number == number)
			return true;
	return false;
}

static size_t extras(struct coap *c, const struct coap_in *in, const struct coap_response *r,
	const struct coap_slice *s, bool observe, uint32_t value, struct coap_extra *e)
{
	size_t n = 0;
	if (s->cut && !coap_has_option(r, COAP_ETAG))
		coap_etag(c, r, &e[n++]);
	if (observe)
		coap_extra_uint(&e[n++], COAP_OBSERVE, value);
	if (s->cut || (in->has_block2 && COAP_CLASS(r->code) == 2 && r->len))
		coap_extra_block(&e[n++], COAP_BLOCK2, s->num, s->more, s->szx);
	if (in->has_block1)
		coap_extra_block(&e[n++], COAP_BLOCK1, in->block1.num, in->block1.more, in->block1.szx);
	if (in->size2 || (s->cut && !s->num))
		coap_extra_uint(&e[n++], COAP_SIZE2, r->len);
	return n;
}

bool coap_answer_whole(struct coap *c, lan_time now, struct coap_in *in, const struct coap_response *r,
	bool observe, uint32_t value)
{
	struct coap_extra e[5];
	bool good = COAP_CLASS(r->code) == 2;
	size_t head = COAP_HEADER + in->tkl + r->options_len;
	struct coap_slice s = coap_slice_of(c, &in->tx.ep, in->has_block2 && good ? &in->block2 : NULL, head,
		r->len, !observe && !in->has_block1 && !in->size2 && !in->stored);
	if (s.wrong) {
		coap_answer(c, now, in, &(struct coap_reply){.code = COAP_BAD_REQUEST});
		return true;
	}
	size_t whole = head + 1 + (s.cut ? s.len : r->len);
	bool prove = whole > 3 * (size_t)in->size && !coap_proved(c, now, in);
	if ((prove || s.cut) && !coap_is_safe(in->code) && !in->stored &&
		!coap_store_answer(c, now, in, r, prove)) {
		coap_count(c, COAP_C_refused_busy);
		coap_answer(c, now, in, &(struct coap_reply){.code = COAP_UNAVAILABLE});
		return true;
	}
	if (prove) {
		coap_challenge(c, now, in);
		return false;
	}
	coap_answer(c, now, in,
		&(struct coap_reply){.code = r->code,
			.options = r->options,
			.options_len = r->options_len,
			.extra = e,
			.n_extra = extras(c, in, r, &s, observe, value, e),
			.payload = s.len ? (const uint8_t *)r->payload + s.off : NULL,
			.len = s.len});
	return true;
}
