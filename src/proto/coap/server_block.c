/*
 * server_block.c - bodies by blocks as a server (RFC 7959). Answers to what is safe are cut without any
 * state: each block asked for is a request to the owner again, and the ETag tells when they do not belong
 * together. Answers to the rest are kept until they are fetched, for the request must not be done twice.
 * Uploads are put together per endpoint, request and Request-Tag, and handed over whole.
 *
 * Refused: gaps (4.08), bodies above max_body (4.13 with Size1), blocks that are not as long as they say
 * (4.00).
 */
#include "proto/coap/coap_int.h"

/* ETag, Observe, Block2, Block1, Size2 and the marker at their longest. */
#define OUR_OPTIONS 34

struct coap_slice coap_slice_of(const struct coap *c, const struct lan_ep *to, const struct coap_block *asked,
	size_t head, size_t len, bool plain)
{
	size_t fit = coap_fit(c, to);
	struct coap_slice s = {.szx = c->cfg.szx, .len = (uint32_t)len};
	if (asked && asked->szx < s.szx)
		s.szx = asked->szx;
	bool fits = head + (plain && !asked ? 1 : OUR_OPTIONS) + len <= fit;
	if (fits && len <= COAP_BLOCK_SIZE(s.szx) && (!asked || !asked->num))
		return s;
	while (s.szx && head + OUR_OPTIONS + COAP_BLOCK_SIZE(s.szx) > fit)
		s.szx--;
	size_t off = asked ? (size_t)asked->num << (asked->szx + 4) : 0, size = COAP_BLOCK_SIZE(s.szx);
	s.cut = true;
	s.wrong = off >= len;
	if (s.wrong)
		return s;
	s.off = (uint32_t)off;
	s.num = (uint32_t)(off / size);
	s.more = len - off > size;
	s.len = (uint32_t)(s.more ? size : len - off);
	return s;
}

void coap_etag(struct coap *c, const struct coap_response *r, struct coap_extra *e)
{
	e->number = COAP_ETAG;
	e->len = 8;
	lan_put_be64(e->value, lan_siphash(c->seed, r->payload, r->len));
}

/* Over what makes a request the same request (RFC 7252 section 5.4.2, RFC 9175 section 3.3). */
uint64_t coap_request_key(struct coap *c, const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);
	uint64_t key[2] = {c->seed[0] ^ m->code, c->seed[1]};
	while (coap_options_next(&o)) {
		switch (o.number) {
		case COAP_OBSERVE:
		case COAP_BLOCK1:
		case COAP_BLOCK2:
		case COAP_SIZE1:
		case COAP_SIZE2:
		case COAP_ECHO:
		case COAP_NO_RESPONSE:
			break;
		default:
			key[1] ^= o.number;
			key[0] = lan_siphash(key, o.value, o.len);
		}
	}
	return key[0];
}

static bool error(struct coap *c, lan_time now, struct coap_in *in, struct coap_body *b, uint8_t code)
{
	struct coap_extra e;
	struct coap_reply r = {.code = code};
	if (b)
		coap_body_free(c, b);
	if (code == COAP_REQUEST_TOO_LARGE) {
		coap_extra_uint(&e, COAP_SIZE1, c->cfg.max_body);
		r.extra = &e;
		r.n_extra = 1;
		coap_count(c, COAP_C_refused_big);
	} else if (code == COAP_REQUEST_INCOMPLETE) {
		coap_count(c, COAP_C_refused_incomplete);
	} else if (code == COAP_UNAVAILABLE) {
		coap_count(c, COAP_C_refused_busy);
	}
	coap_answer(c, now, in, &r);
	return true;
}

static bool go_on(struct coap *c, lan_time now, struct coap_in *in, struct coap_body *b)
{
	struct coap_extra e;
	struct coap_slice s =
		coap_slice_of(c, &in->tx.ep, &in->block1, COAP_HEADER + in->tkl, SIZE_MAX / 2, false);
	coap_body_progress(c, now, b);
	coap_extra_block(&e, COAP_BLOCK1, in->block1.num, true, s.szx);
	coap_answer(c, now, in, &(struct coap_reply){.code = COAP_CONTINUE, .extra = &e, .n_extra = 1});
	return true;
}

static struct coap_body *first_block(struct coap *c, struct coap_in *in, struct coap_body *b)
{
	if (!b)
		b = coap_body_new(c, COAP_B_UPLOAD);
	if (b) {
		b->tx.ep = in->tx.ep;
		b->key = in->key;
		b->len = 0;
	}
	return b;
}

bool coap_upload(struct coap *c, lan_time now, struct coap_in *in, const struct coap_msg *m)
{
	const struct coap_block *k = &in->block1;
	size_t off = (size_t)k->num << (k->szx + 4);
	uint64_t size = 0;
	struct coap_body *b = coap_body_find(c, COAP_B_UPLOAD, &in->tx.ep, in->key);
	if ((coap_find_uint(m, COAP_SIZE1, &size) && size > c->cfg.max_body) ||
		off + m->len > c->cfg.max_body)
		return error(c, now, in, b, COAP_REQUEST_TOO_LARGE);
	if (k->more ? m->len != COAP_BLOCK_SIZE(k->szx) : m->len > COAP_BLOCK_SIZE(k->szx))
		return error(c, now, in, b, COAP_BAD_REQUEST);
	if (!k->num && !k->more) {
		if (b)
			coap_body_free(c, b);
		return false;
	}
	if (!k->num)
		b = first_block(c, in, b);
	if (!b)
		return error(c, now, in, NULL, k->num ? COAP_REQUEST_INCOMPLETE : COAP_UNAVAILABLE);
	if (k->more && off + m->len <= b->len && k->num)
		return go_on(c, now, in, b); /* the same again */
	if (off != b->len) {
		coap_count(c, COAP_C_drop_block);
		return error(c, now, in, b, COAP_REQUEST_INCOMPLETE);
	}
	if (m->len)
		memcpy(b->at + off, m->payload, m->len);
	b->len += (uint32_t)m->len;
	if (k->more)
		return go_on(c, now, in, b);
	lan_timers_unset(&c->timers, &b->tx.timer);
	b->use = COAP_B_CLIENT;
	in->body = b;
	return false;
}

struct coap_body *coap_store_answer(
	struct coap *c, lan_time now, struct coap_in *in, const struct coap_response *r, bool challenged)
{
	struct coap_body *b = NULL;
	if (r->options_len <= COAP_ANSWER_OPTIONS && r->len <= c->cfg.max_body)
		b = coap_body_new(c, COAP_B_ANSWER);
	if (!b)
		return NULL;
	b->tx.ep = in->tx.ep;
	b->key = in->key;
	b->payload_key = in->payload_key;
	b->challenged = challenged;
	b->code = r->code;
	b->options_len = (uint16_t)r->options_len;
	b->len = (uint32_t)r->len;
	if (r->len)
		memcpy(b->at, r->payload, r->len);
	if (r->options_len)
		memcpy(b->at + c->cfg.max_body, r->options, r->options_len);
	coap_body_progress(c, now, b);
	return b;
}

/* The answer that waits for the proof of this very request, or the one whose blocks are being fetched. */
static struct coap_body *kept(struct coap *c, const struct coap_in *in, bool challenged)
{
	for (uint32_t i = 0; i < c->cfg.max_bodies; i++) {
		struct coap_body *b = &c->bodies[i];
		if (b->use == COAP_B_ANSWER && b->key == in->key && b->challenged == challenged &&
			(!challenged || b->payload_key == in->payload_key) &&
			coap_same_ep(&b->tx.ep, &in->tx.ep))
			return b;
	}
	return NULL;
}

static void hand_out(struct coap *c, lan_time now, struct coap_in *in, struct coap_body *b)
{
	struct coap_response r = {.code = b->code,
		.options = b->at + c->cfg.max_body,
		.options_len = b->options_len,
		.payload = b->at,
		.len = b->len};
	struct coap_slice s = coap_slice_of(c, &in->tx.ep, in->has_block2 ? &in->block2 : NULL,
		COAP_HEADER + in->tkl + r.options_len, r.len, false);
	b->challenged = false;
	in->stored = true;
	coap_body_progress(c, now, b);
	if (coap_answer_whole(c, now, in, &r, false, 0) && !s.more)
		coap_body_free(c, b);
}

/* A later block of an answer that is kept, or the answer that waited for a proof. A request that begins anew
 * ends the fetching of what the one before it was answered. */
bool coap_stored_answer(struct coap *c, lan_time now, struct coap_in *in)
{
	if (coap_is_safe(in->code))
		return false;
	struct coap_body *b = kept(c, in, false);
	if (in->has_block2 && in->block2.num) {
		if (!b)
			return error(c, now, in, NULL, COAP_REQUEST_INCOMPLETE);
		hand_out(c, now, in, b);
		return true;
	}
	if (b)
		coap_body_free(c, b);
	b = in->proved ? kept(c, in, true) : NULL;
	if (b)
		hand_out(c, now, in, b);
	return b != NULL;
}
