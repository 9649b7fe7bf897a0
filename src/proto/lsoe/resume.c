/*
 * resume.c - what lets an L3DL session go on after this process was started again (docs/protocols/lsoe.md,
 * section 2.3): the serial numbers, what the neighbour knows of us and what we know of it, as one string of
 * octets.
 *
 *      "LSR1", id length 1, id, serial received 4, serial acknowledged 4, serial used 4,
 *      4 x (octets 4, count 4, list) heard, 4 x the same told, then what is in flight: type 1 (0: nothing),
 * serial 4, octets 4, PDU
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

static void put_lists(struct lan_wr *w, const struct lsoe_list *l)
{
	for (unsigned i = 0; i < 4; i++) {
		lan_wr_be32(w, l ? (uint32_t)l[i].len : 0);
		lan_wr_be32(w, l ? l[i].count : 0);
		if (l)
			lan_wr_bytes(w, l[i].p, l[i].len);
	}
}

static const struct lsoe_out *data_in_flight(const struct lsoe_peer *p)
{
	const struct lsoe_out *o = p->flight;
	while (o && (o->type < LSOE_IPV4 || o->type > LSOE_MPLS6 || o->acked))
		o = o->next;
	return o;
}

enum lan_err lsoe_save(const struct lsoe *n, uint32_t link, const uint8_t mac[6], uint8_t **out, size_t *len)
{
	const struct lsoe_link *l = lsoe_find_link(n, link);
	const struct lsoe_peer *p = l ? lsoe_find_peer(n, l, mac) : NULL;
	if (!p || !n->rules->incremental || !p->told || !p->serial_acked)
		return LAN_ERR_NOTFOUND;
	const struct lsoe_out *o = data_in_flight(p);
	size_t cap = 64 + 64 + LSOE_ID_MAX + (o ? o->len : 0);
	for (unsigned i = 0; i < 4; i++)
		cap += p->list[i].len + p->told[i].len;
	uint8_t *buf = malloc(cap);
	if (!buf)
		return LAN_ERR_NOMEM;
	struct lan_wr w = lan_wr_of(buf, cap);
	lan_wr_bytes(&w, "LSR1", 4);
	lan_wr_u8(&w, p->id_len);
	lan_wr_bytes(&w, p->id, p->id_len);
	lan_wr_be32(&w, p->serial_rx);
	lan_wr_be32(&w, p->serial_acked);
	lan_wr_be32(&w, p->serial_tx);
	put_lists(&w, p->list);
	put_lists(&w, p->told);
	lan_wr_u8(&w, o ? o->type : 0);
	lan_wr_be32(&w, o ? o->serial : 0);
	lan_wr_be32(&w, o ? o->len : 0);
	if (o)
		lan_wr_bytes(&w, o->bytes, o->len);
	*out = buf;
	*len = w.off;
	return LAN_OK;
}

/* A list as it was written; its entries must come out. */
static enum lan_err get_list(struct lan_rd *r, uint8_t type, struct lsoe_list *out)
{
	uint32_t len = lan_rd_be32(r), count = lan_rd_be32(r);
	struct lsoe_list raw = {.p = (uint8_t *)lan_rd_take(r, len), .len = len};
	struct lsoe_entry e;
	if (r->bad)
		return LAN_ERR_CONFIG;
	size_t at = 0;
	while (lsoe_list_next(&raw, type, &at, &e)) {
		enum lan_err err = lsoe_list_add(out, type, &e);
		if (err)
			return err;
	}
	return at == len && out->len == len && out->count == count ? LAN_OK : LAN_ERR_CONFIG;
}

static enum lan_err get_flight(struct lan_rd *r, struct lsoe_peer *p)
{
	uint8_t type = lan_rd_u8(r);
	uint32_t serial = lan_rd_be32(r), len = lan_rd_be32(r);
	const uint8_t *bytes = lan_rd_take(r, len);
	if (r->bad || r->off != r->len)
		return LAN_ERR_CONFIG;
	if (!type)
		return len == 0 ? LAN_OK : LAN_ERR_CONFIG;
	if (type < LSOE_IPV4 || type > LSOE_MPLS6 || !len || !serial)
		return LAN_ERR_CONFIG;
	struct lsoe_out *o = calloc(1, sizeof *o + len);
	if (!o)
		return LAN_ERR_NOMEM;
	o->type = type, o->serial = serial, o->len = len;
	o->again = LAN_NEVER;
	memcpy(o->bytes, bytes, len);
	p->flight = o;
	return LAN_OK;
}

static enum lan_err load(struct lsoe_peer *p, struct lan_rd *r)
{
	const uint8_t *magic = lan_rd_take(r, 4);
	if (!magic || memcmp(magic, "LSR1", 4))
		return LAN_ERR_CONFIG;
	p->id_len = lan_rd_u8(r);
	const uint8_t *id = lan_rd_take(r, p->id_len);
	p->serial_rx = lan_rd_be32(r);
	p->serial_acked = lan_rd_be32(r);
	p->serial_tx = lan_rd_be32(r);
	if (r->bad || !p->serial_acked)
		return LAN_ERR_CONFIG;
	p->id = malloc((size_t)p->id_len + 1);
	p->told = calloc(4, sizeof *p->told);
	if (!p->id || !p->told)
		return LAN_ERR_NOMEM;
	memcpy(p->id, id, p->id_len);
	enum lan_err e = LAN_OK;
	for (unsigned i = 0; i < 4 && !e; i++)
		e = get_list(r, (uint8_t)(LSOE_IPV4 + i), &p->list[i]);
	for (unsigned i = 0; i < 4 && !e; i++)
		e = get_list(r, (uint8_t)(LSOE_IPV4 + i), &p->told[i]);
	return e ? e : get_flight(r, p);
}

enum lan_err lsoe_load(
	struct lsoe *n, lan_time now, uint32_t link, const uint8_t mac[6], const uint8_t *octets, size_t len)
{
	struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l || !n->rules->incremental || lsoe_find_peer(n, l, mac))
		return LAN_ERR_NOTFOUND;
	struct lsoe_peer *p = lsoe_make_peer(n, now, l, mac);
	if (!p)
		return LAN_ERR_NOMEM;
	struct lan_rd r = lan_rd_of(octets, len);
	enum lan_err e = load(p, &r);
	if (e) {
		lsoe_drop_peer(n, p);
		return e;
	}
	p->dormant_until = now + n->cfg.resume;
	lsoe_arm_peer(n, p);
	return LAN_OK;
}
