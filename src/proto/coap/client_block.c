/*
 * client_block.c - bodies of own requests and of the answers to them, block by block (RFC 7959), unseen by
 * the owner. Uploads honour a smaller size the server asks for and begin anew once if it wants smaller blocks
 * or has forgotten the beginning; downloads begin anew, at most three times, when the ETag changes on the
 * way.
 */
#include "proto/coap/coap_int.h"

#define RESTARTS 3
/* Marker, Observe, Block1, Block2, Size1 and Request-Tag at their longest. */
#define OUR_OPTIONS 32
#define TAG_OPTION  7

/* Transfers of one endpoint at the same time are told apart by a Request-Tag (RFC 9175 section 3.3), and what
 * is uploaded from all before it as well: copies of their blocks may be on their way yet (section 3.5.1).
 * Whether the answer will come in blocks is not known yet. */
static bool is_one_of_several(const struct coap *c, const struct coap_x *x)
{
	for (uint32_t i = 0; x->peer->refs > 1 && i < c->n_x; i++) {
		const struct coap_x *y = &c->x[i];
		if (y != x && y->peer == x->peer && (y->up || !coap_is_safe(y->code)) && !y->ping)
			return true;
	}
	return false;
}

/* Another than this endpoint has ever used, in this life and in those before. */
static void set_tag(struct coap *c, struct coap_x *x)
{
	uint32_t tag = (uint32_t)lan_siphash(c->seed, &x->id, sizeof x->id);
	x->request_tag = tag ? tag : 1;
}

enum lan_err coap_x_size(struct coap *c, struct coap_x *x, const struct coap_request *r)
{
	size_t head = COAP_HEADER + (r->token ? r->tkl : 4) + r->options_len, fit = coap_fit(c, &r->to);
	if (r->datagram && r->datagram < fit)
		fit = r->datagram;
	if (!coap_is_safe(x->code) && is_one_of_several(c, x))
		set_tag(c, x);
	size_t small = head + (r->observe ? 3 : 0) + (x->early ? 4 : 0) + (x->request_tag ? TAG_OPTION : 0) +
		       (r->len ? 1 : 0);
	if (small + r->len > fit || r->len > COAP_BLOCK_SIZE(x->szx)) {
		if (r->no_blocks || x->group || r->len > c->cfg.max_body || !r->len)
			return LAN_ERR_TOOBIG;
		while (head + OUR_OPTIONS + COAP_BLOCK_SIZE(x->szx) > fit)
			if (x->szx-- == 0)
				return LAN_ERR_TOOBIG;
		x->up = r->len > COAP_BLOCK_SIZE(x->szx);
	}
	uint8_t *at = x->buf + r->options_len;
	if (r->options_len + r->len > c->cfg.datagram) {
		x->up_body = coap_body_new(c, COAP_B_CLIENT);
		if (!x->up_body)
			return LAN_ERR_FULL;
		at = x->up_body->at;
	}
	if (r->len)
		memcpy(at, r->payload, r->len);
	x->payload = at;
	if (x->up)
		set_tag(c, x);
	return LAN_OK;
}

static void onward(struct coap *c, lan_time now, struct coap_x *x)
{
	x->until = now + x->give_up;
	/* An observation keeps its token: another one would be another observation. */
	if (x->tok[1].linked)
		coap_x_token(c, x, true);
	else if (!x->own_token && !x->registered)
		coap_x_token(c, x, false);
	coap_x_go(c, now, x);
}

static void upload_over(struct coap *c, struct coap_x *x)
{
	x->up = false;
	if (x->up_body) {
		coap_body_free(c, x->up_body);
		x->up_body = NULL;
		x->payload = NULL;
		x->len = 0;
	}
}

/* The size the server would take; the present one if it does not say. */
static uint8_t smaller(const struct coap_x *x, const struct coap_msg *m)
{
	struct coap_block b;
	uint64_t size;
	if (coap_block_of(m, COAP_BLOCK1, &b) && b.szx < x->szx)
		return b.szx;
	if (!coap_find_uint(m, COAP_SIZE1, &size) || size >= x->len)
		return x->szx;
	uint8_t szx = x->szx;
	while (szx && COAP_BLOCK_SIZE(szx) > size)
		szx--;
	return szx;
}

/* 4.13 with a hint, or 4.08: once more from the beginning, once. */
static bool again(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	uint8_t szx = m->code == COAP_REQUEST_TOO_LARGE ? smaller(x, m) : x->szx;
	bool lost = m->code == COAP_REQUEST_INCOMPLETE && x->up;
	if (x->up_retried || (!lost && szx == x->szx) || x->len <= COAP_BLOCK_SIZE(szx))
		return false;
	x->up = x->up_retried = true;
	x->up_off = 0;
	set_tag(c, x);
	x->szx = szx;
	onward(c, now, x);
	return true;
}

bool coap_x_uploading(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	struct coap_block b = {0};
	bool has = coap_block_of(m, COAP_BLOCK1, &b);
	if ((m->code == COAP_REQUEST_TOO_LARGE || m->code == COAP_REQUEST_INCOMPLETE) && again(c, now, x, m))
		return true;
	if (!x->up)
		return false;
	uint32_t end = x->up_off + (uint32_t)COAP_BLOCK_SIZE(x->szx);
	bool last = end >= x->len;
	if (last ? m->code != COAP_CONTINUE : COAP_CLASS(m->code) != 2 || !has) {
		upload_over(c, x);
		return false;
	}
	if (last || (has && b.num != x->up_off >> (x->szx + 4))) {
		coap_x_fail(c, now, x, LAN_ERR_PROTO, "the server acknowledged another block");
		return true;
	}
	x->up_off = end;
	if (has && b.szx < x->szx)
		x->szx = b.szx;
	onward(c, now, x);
	return true;
}

bool coap_x_stray_block(const struct coap_x *x, const struct coap_msg *m)
{
	struct coap_block b;
	return x->down && coap_block_of(m, COAP_BLOCK2, &b) &&
	       (size_t)b.num << (b.szx + 4) != x->down_body->len;
}

void coap_x_drop_download(struct coap *c, struct coap_x *x)
{
	coap_tok_unlink(c, x, &x->tok[1]);
	if (x->down_body)
		coap_body_free(c, x->down_body);
	x->down_body = NULL;
	x->down = false;
}

static bool other_etag(const struct coap_x *x, const struct coap_msg *m)
{
	const uint8_t *value;
	size_t len = 0;
	if (!coap_find(m, COAP_ETAG, 0, &value, &len))
		return x->etag_len != 0;
	return len != x->etag_len || memcmp(value, x->etag, len) != 0;
}

static void restart(struct coap *c, lan_time now, struct coap_x *x)
{
	if (++x->restarts > RESTARTS || !coap_is_safe(x->code)) {
		coap_x_fail(c, now, x, LAN_ERR_PROTO, "the answer changed while it was fetched");
		return;
	}
	if (x->observe)
		coap_x_drop_download(c, x);
	else
		x->down_body->len = x->etag_len = 0;
	x->fresh = true;
	onward(c, now, x);
}

static bool begin(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	uint64_t size;
	bool hint = coap_find_uint(m, COAP_SIZE2, &size) && size > c->cfg.max_body;
	struct coap_body *body = hint ? NULL : coap_body_new(c, COAP_B_CLIENT);
	if (!body) {
		coap_x_fail(c, now, x, hint ? LAN_ERR_TOOBIG : LAN_ERR_FULL,
			hint ? "the answer is too long" : "no room for another long answer");
		return false;
	}
	x->down = true;
	x->down_body = body;
	return true;
}

static void append(
	struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m, const struct coap_block *b)
{
	struct coap_body *body = x->down_body;
	const uint8_t *value;
	size_t len;
	if (!body->len) {
		bool etag = coap_find(m, COAP_ETAG, 0, &value, &len);
		x->etag_len = etag ? (uint8_t)len : 0;
		if (etag)
			memcpy(x->etag, value, len);
	}
	if (b->more ? m->len != COAP_BLOCK_SIZE(b->szx) : m->len > COAP_BLOCK_SIZE(b->szx)) {
		coap_x_fail(c, now, x, LAN_ERR_PROTO, "a block of another size than it says");
		return;
	}
	if (m->len > c->cfg.max_body - body->len) {
		coap_x_fail(c, now, x, LAN_ERR_TOOBIG, "the answer is too long");
		return;
	}
	if (m->len)
		memcpy(body->at + body->len, m->payload, m->len);
	body->len += (uint32_t)m->len;
	x->down_szx = b->szx;
	x->fresh = false;
	if (b->more) {
		if (x->observe && !x->tok[1].linked)
			coap_x_token(c, x, true);
		onward(c, now, x);
		return;
	}
	x->down_body = NULL;
	coap_x_deliver(c, now, x, m, body);
}

bool coap_x_downloading(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m)
{
	struct coap_block b;
	bool has = coap_block_of(m, COAP_BLOCK2, &b) && COAP_CLASS(m->code) == 2;
	if (x->down && !has) {
		/* An observation goes on, and what became shorter is fetched anew. */
		bool shorter = m->code == COAP_BAD_REQUEST || m->code == COAP_REQUEST_INCOMPLETE;
		bool anew = x->registered || (shorter && coap_is_safe(x->code));
		if (anew)
			restart(c, now, x);
		else
			coap_x_drop_download(c, x);
		return anew;
	}
	if (!has || (!x->down && !b.more && !b.num))
		return false;
	if (x->down && x->down_body->len && other_etag(x, m)) {
		restart(c, now, x);
		return true;
	}
	if (!x->down && b.num) {
		coap_x_fail(c, now, x, LAN_ERR_PROTO, "the answer does not begin with its first block");
		return true;
	}
	if (x->down || begin(c, now, x, m))
		append(c, now, x, m, &b);
	return true;
}
