/*
 * out.c - datagrams on their way to the driver, the options that the engine adds to the owner's, and the
 * table of MIDs of ours that an ACK or RST may name (RFC 7252 sections 4.2 to 4.4).
 *
 * The queue is one ring of records. It begins anew whenever it is empty, so that a quiet engine stays within
 * the same few lines of memory.
 */
#include "proto/coap/coap_int.h"

struct record {
	struct lan_ep ep;
	uint32_t len;
};

static uint32_t padded(size_t n)
{
	return (uint32_t)((sizeof(struct record) + n + 7) & ~(size_t)7);
}

/* Where a record of `need` octets would go; SIZE_MAX: nowhere. */
static size_t place(const struct coap_ring *r, uint32_t need)
{
	if (r->wrap) /* the tail has turned: it stays behind the head */
		return r->head - r->tail > need ? r->tail : SIZE_MAX;
	if (r->size - r->tail >= need)
		return r->tail;
	return r->head > need ? 0 : SIZE_MAX;
}

bool coap_out_is_open(const struct coap *c)
{
	return place(&c->ring, padded(c->cfg.datagram)) != SIZE_MAX;
}

uint8_t *coap_out_room(struct coap *c, const struct lan_ep *ep, uint32_t *cap)
{
	struct coap_ring *r = &c->ring;
	*cap = coap_fit(c, ep);
	size_t at = place(r, padded(*cap));
	if (at == SIZE_MAX)
		return NULL;
	if (!r->wrap && at < r->tail) {
		r->wrap = r->tail;
		r->tail = 0;
	}
	return r->mem + r->tail + sizeof(struct record);
}

void coap_out_done(struct coap *c, const struct lan_ep *ep, size_t n)
{
	struct coap_ring *r = &c->ring;
	struct record rec = {.ep = *ep, .len = (uint32_t)n};
	if (!n)
		return;
	memcpy(r->mem + r->tail, &rec, sizeof rec);
	r->tail += padded(n);
	coap_count(c, COAP_C_tx_messages);
}

bool coap_out(struct coap *c, const struct lan_ep *ep, const void *p, size_t n)
{
	uint32_t cap;
	uint8_t *to = coap_out_room(c, ep, &cap);
	if (!to || n > cap) {
		coap_count(c, COAP_C_tx_failed);
		return false;
	}
	memcpy(to, p, n);
	coap_out_done(c, ep, n);
	return true;
}

void coap_out_empty(struct coap *c, const struct lan_ep *ep, enum coap_type type, uint16_t mid)
{
	uint8_t m[COAP_HEADER];
	coap_empty(m, type, mid);
	if (coap_out(c, ep, m, sizeof m) && type == COAP_RST)
		coap_count(c, COAP_C_tx_reset);
}

size_t coap_out_take(struct coap *c, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct coap_ring *r = &c->ring;
	struct record rec;
	for (;;) {
		if (r->wrap && r->head == r->wrap)
			r->head = r->wrap = 0;
		if (!r->wrap && r->head == r->tail) {
			r->head = r->tail = 0;
			return 0;
		}
		const uint8_t *at = r->mem + r->head;
		memcpy(&rec, at, sizeof rec);
		r->head += padded(rec.len);
		if (rec.len <= cap) {
			*to = rec.ep;
			memcpy(buf, at + sizeof rec, rec.len);
			return rec.len;
		}
		coap_count(c, COAP_C_tx_failed);
	}
}

enum lan_err coap_send_raw(
	struct coap *c, lan_time now, const struct lan_ep *to, const uint8_t *buf, size_t n)
{
	(void)now;
	return coap_out(c, to, buf, n) ? LAN_OK : LAN_ERR_FULL;
}

void coap_extra_uint(struct coap_extra *e, uint16_t number, uint64_t value)
{
	uint8_t be[8];
	lan_put_be64(be, value);
	unsigned skip = 0;
	while (skip < 8 && !be[skip])
		skip++;
	e->number = number;
	e->len = (uint16_t)(8 - skip);
	memcpy(e->value, be + skip, 8 - skip);
}

void coap_extra_block(struct coap_extra *e, uint16_t number, uint32_t num, bool more, uint8_t szx)
{
	coap_extra_uint(e, number, (uint64_t)num << 4 | (more ? 8u : 0) | szx);
}

void coap_put_merged(
	struct coap_wr *w, const uint8_t *options, size_t len, const struct coap_extra *e, size_t n)
{
	if (!n) {
		lan_wr_bytes(&w->w, options, len);
		return;
	}
	struct coap_options o = {.p = options, .end = len ? options + len : options};
	while (coap_options_next(&o)) {
		for (; n && e->number < o.number; e++, n--)
			coap_put(w, e->number, e->value, e->len);
		coap_put(w, o.number, o.value, o.len);
	}
	for (; n; e++, n--)
		coap_put(w, e->number, e->value, e->len);
}

void coap_tx_begin(struct coap *c, struct coap_tx *tx, uint16_t mid)
{
	coap_tx_end(c, tx);
	tx->mid = mid;
	tx->linked = true;
	tx->next = c->mids[mid % COAP_MIDS];
	c->mids[mid % COAP_MIDS] = tx;
}

void coap_tx_end(struct coap *c, struct coap_tx *tx)
{
	lan_timers_unset(&c->timers, &tx->timer);
	if (!tx->linked)
		return;
	struct coap_tx **at = &c->mids[tx->mid % COAP_MIDS];
	while (*at != tx)
		at = &(*at)->next;
	*at = tx->next;
	tx->linked = false;
}

struct coap_tx *coap_tx_find(struct coap *c, const struct lan_ep *ep, uint16_t mid)
{
	for (struct coap_tx *tx = c->mids[mid % COAP_MIDS]; tx; tx = tx->next)
		if (tx->mid == mid && coap_same_ep(&tx->ep, ep))
			return tx;
	return NULL;
}

/* RFC 7252 section 4.2: between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR. */
lan_time coap_first_pause(struct coap *c)
{
	return c->cfg.ack_timeout + coap_draw_time(c, c->cfg.ack_timeout / 100 * c->cfg.ack_random_pct);
}
