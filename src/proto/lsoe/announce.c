/*
 * announce.c - what is announced on a link becomes PDUs for each neighbour. LSOE-01: the whole list of a
 * type, one PDU outstanding of each type, the newest list when that is acknowledged (sections 1.6 and 1.8).
 * L3DL: the difference to what the neighbour knows, in PDUs of one datagram, one outstanding in all
 * (sections 2.1 and 2.5).
 *
 * The original dies of a label. To an LSOE-01 neighbour that is not Lanyard the MPLS lists are empty.
 */
#include "proto/lsoe/index.h"
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

uint32_t lsoe_next_serial(uint32_t s)
{
	return s + 1 ? s + 1 : 1; /* 0 is skipped (section 2.3) */
}

void lsoe_fill_later(struct lsoe *n, struct lsoe_peer *p)
{
	lsoe_count(p->link, LSOE_C_drop_memory);
	p->retry_at = n->last_now + n->cfg.retransmit;
	lsoe_arm_peer(n, p);
}

void lsoe_told_free(struct lsoe_peer *p)
{
	for (unsigned i = 0; p->told && i < 4; i++)
		lsoe_list_fini(&p->told[i]);
	free(p->told);
	p->told = NULL;
}

static const struct lsoe_list *list_for(const struct lsoe *n, const struct lsoe_peer *p, uint8_t type)
{
	static const struct lsoe_list none;
	if (n->d == LSOE_01 && lsoe_has_labels(type) && !p->lanyard && !n->cfg.vendor_to_all)
		return &none;
	return &p->link->list[type - LSOE_IPV4];
}

/* ---- LSOE-01 --------------------------------------------------------------------------------------- */

static enum lan_err put_whole(struct lsoe *n, struct lsoe_peer *p, uint8_t type)
{
	const struct lsoe_list *l = list_for(n, p, type);
	size_t cap = l->len + 16;
	uint8_t *buf = malloc(cap);
	if (!buf)
		return LAN_ERR_NOMEM;
	struct lan_wr w = lan_wr_of(buf, cap);
	struct lsoe_entries e = {.dialect = n->d, .type = type};
	struct lsoe_entry one;
	/* What does not fit one PDU is left out: a PDU replaces the list, so it cannot be split
	 * (section 1.5). */
	for (size_t at = 0; lsoe_list_next(l, type, &at, &one); e.count++) {
		if (w.off + lsoe_entry_size(type, one.n_labels) + 5 > LSOE_PDU_MAX_01)
			break;
		lsoe_entry_encode(&w, n->d, type, &one);
	}
	e.p = buf, e.len = w.off;
	struct lsoe_pdu pdu = {.type = type, .u.entries = e};
	enum lan_err err = w.bad ? LAN_ERR_NOMEM : lsoe_put(n, p, &pdu, 0);
	free(buf);
	return err;
}

/* Whether a PDU of several datagrams is under way. They carry no number of their PDU (section 1.3): two such
 * at a time could be taken for one. */
static bool in_pieces(const struct lsoe *n, const struct lsoe_peer *p)
{
	for (const struct lsoe_out *o = p->flight; o; o = o->next)
		if (o->len > p->link->mtu - n->rules->header)
			return true;
	return false;
}

static void fill_whole(struct lsoe *n, struct lsoe_peer *p)
{
	for (uint8_t type = LSOE_IPV4; type <= LSOE_MPLS6; type++) {
		uint8_t bit = (uint8_t)(1u << (type - LSOE_IPV4));
		if (!(p->stale & bit) || lsoe_outstanding(p, type))
			continue;
		if (p->link->list[type - LSOE_IPV4].len > p->link->mtu / 2 && in_pieces(n, p))
			continue;
		if (put_whole(n, p, type)) {
			lsoe_fill_later(n, p);
			return;
		}
		p->stale &= (uint8_t)~bit;
	}
}

/* ---- L3DL ------------------------------------------------------------------------------------------- */

static bool same_entry(const struct lsoe_entry *a, const struct lsoe_entry *b)
{
	return a->flags == b->flags && a->n_labels == b->n_labels &&
	       (!a->n_labels || !memcmp(a->labels, b->labels, 3 * (size_t)a->n_labels));
}

struct diff {
	struct lan_wr w;
	size_t room;
	uint32_t count;
	uint8_t type;
	enum lsoe_dialect d;
	struct lsoe_list after; /* what the peer knows then */
	bool nomem;
};

static bool diff_add(struct diff *x, const struct lsoe_entry *e, unsigned flags)
{
	struct lsoe_entry out = *e;
	out.flags = flags;
	if (flags & LSOE_F_WITHDRAW)
		out.n_labels = 0; /* withdraws all labels of the prefix */
	size_t size = lsoe_entry_size(x->type, out.n_labels);
	if (size > x->room)
		return false;
	lsoe_entry_encode(&x->w, x->d, x->type, &out);
	x->room -= size;
	x->count++;
	return true;
}

static void keep(struct diff *x, const struct lsoe_entry *e)
{
	x->nomem |= lsoe_list_add(&x->after, x->type, e) != LAN_OK;
}

static bool stays(const struct lsoe_index *is, const struct lsoe_entry *e)
{
	size_t at;
	struct lsoe_entry o;
	return lsoe_index_find(is, e, &at) && lsoe_list_next(is->list, is->type, &at, &o) &&
	       same_entry(e, &o);
}

/* Withdrawals first: something announced anew with other flags or labels must not be there any more. */
static void diff_lists(
	struct diff *x, const uint64_t *seed, const struct lsoe_list *was, const struct lsoe_list *is)
{
	struct lsoe_entry e;
	struct lsoe_index in_is, in_after = {0};
	size_t at, found;
	x->nomem |= lsoe_index_init(&in_is, seed, is, x->type, 0) != LAN_OK;
	for (at = 0; !x->nomem && lsoe_list_next(was, x->type, &at, &e);)
		if (stays(&in_is, &e) || !diff_add(x, &e, (e.flags & LSOE_F_OVERLAY) | LSOE_F_WITHDRAW))
			keep(x, &e);
	x->nomem |= lsoe_index_init(&in_after, seed, &x->after, x->type, is->count) != LAN_OK;
	for (at = 0; !x->nomem && lsoe_list_next(is, x->type, &at, &e);) {
		size_t here = x->after.len;
		if (lsoe_index_find(&in_after, &e, &found) || !diff_add(x, &e, e.flags))
			continue;
		keep(x, &e);
		if (!x->nomem)
			lsoe_index_put(&in_after, here);
	}
	lsoe_index_fini(&in_is);
	lsoe_index_fini(&in_after);
}

/* True: a PDU was made, or nothing can be made now. */
static bool put_diff(struct lsoe *n, struct lsoe_peer *p, uint8_t type, bool even_empty)
{
	uint8_t buf[LSOE_MTU];
	size_t sig = lsoe_signer(n, p) ? lan_signer_size(lsoe_signer(n, p)) : 0;
	size_t fixed = (size_t)n->rules->header + 5 + 3 + 4 + 3 + sig; /* section 2.2, 2.5 */
	size_t room = p->link->mtu > fixed + 64 ? p->link->mtu - fixed : 64;
	/* An entry may be longer than what is left of a small datagram. */
	struct diff x = {.w = lan_wr_of(buf, sizeof buf),
		.room = room < 1024 && lsoe_has_labels(type) ? 1024 : room,
		.type = type,
		.d = n->d};
	struct lsoe_list *was = &p->told[type - LSOE_IPV4];
	diff_lists(&x, n->seed, was, list_for(n, p, type));
	if (x.nomem || (!x.count && !even_empty)) {
		lsoe_list_fini(&x.after);
		if (x.nomem)
			lsoe_fill_later(n, p);
		return x.nomem;
	}
	struct lsoe_pdu pdu = {.type = type,
		.u.entries = {.dialect = n->d, .type = type, .count = x.count, .p = buf, .len = x.w.off}};
	uint32_t serial = pdu.u.entries.serial = lsoe_next_serial(p->serial_tx);
	if (x.w.bad || lsoe_put(n, p, &pdu, serial)) {
		lsoe_list_fini(&x.after);
		lsoe_fill_later(n, p);
		return true;
	}
	p->serial_tx = serial;
	lsoe_list_fini(was);
	*was = x.after;
	return true;
}

static bool put_newkey(struct lsoe *n, struct lsoe_peer *p)
{
	size_t key_len;
	const uint8_t *key = lan_signer_public(n->signer, &key_len);
	struct lsoe_pdu pdu = {.type = LSOE_NEWKEY,
		.u.newkey = {.type = lan_signer_alg(n->signer),
			.key = key,
			.key_len = (uint16_t)key_len,
			.cert = n->cfg.cert,
			.cert_len = n->cfg.cert_len}};
	p->old_signer = true; /* it is the old one that vouches for the new */
	p->newkey_due = lsoe_put(n, p, &pdu, 0) != LAN_OK;
	if (p->newkey_due)
		lsoe_fill_later(n, p);
	return true;
}

static bool put_ulpc(struct lsoe *n, struct lsoe_peer *p)
{
	p->ulpc_due = lsoe_put(n, p, &(struct lsoe_pdu){.type = LSOE_ULPC, .u.ulpc = n->ulpc}, 0) != LAN_OK;
	if (p->ulpc_due)
		lsoe_fill_later(n, p);
	return true;
}

static void fill_diff(struct lsoe *n, struct lsoe_peer *p)
{
	if (p->flight) /* one in flight, whatever its type (section 2.1) */
		return;
	if (p->newkey_due && n->signer && put_newkey(n, p))
		return;
	bool first = !p->told;
	if (first && !(p->told = calloc(4, sizeof *p->told))) {
		lsoe_fill_later(n, p);
		return;
	}
	for (uint8_t type = LSOE_IPV4; type <= LSOE_MPLS6; type++) {
		uint8_t bit = (uint8_t)(1u << (type - LSOE_IPV4));
		/* The first PDU is sent even if it is empty, so that there is a serial number to resume from.
		 */
		if (p->stale & bit && put_diff(n, p, type, first && type == LSOE_IPV4))
			return;
		p->stale &= (uint8_t)~bit;
	}
	if (p->ulpc_due && n->ulpc.asn)
		(void)put_ulpc(n, p);
}

void lsoe_fill(struct lsoe *n, struct lsoe_peer *p)
{
	if (!p->established)
		return;
	if (p->fill_after > n->now) {
		if (p->retry_at > p->fill_after)
			p->retry_at = p->fill_after;
		lsoe_arm_peer(n, p);
		return;
	}
	if (n->rules->incremental)
		fill_diff(n, p);
	else
		fill_whole(n, p);
}

/* ---- the application's side ---------------------------------------------------------------------------- */

enum lan_err lsoe_announce(struct lsoe *n, lan_time now, uint32_t link, uint8_t type, struct lsoe_list *list)
{
	struct lsoe_link *l = lsoe_find_link(n, link);
	struct lsoe_list taken = *list;
	*list = (struct lsoe_list){0};
	n->now = now;
	if (!l || type < LSOE_IPV4 || type > LSOE_MPLS6) {
		lsoe_list_fini(&taken);
		return l ? LAN_ERR_INVAL : LAN_ERR_NOTFOUND;
	}
	struct lsoe_list *is = &l->list[type - LSOE_IPV4];
	bool same = is->len == taken.len && (!is->len || !memcmp(is->p, taken.p, is->len));
	lsoe_list_fini(is);
	*is = taken;
	for (struct lsoe_peer *p = l->first; p && !same; p = p->link_next) {
		p->stale |= (uint8_t)(1u << (type - LSOE_IPV4));
		lsoe_fill(n, p);
	}
	return n->d == LSOE_01 && is->len + 5 > LSOE_PDU_MAX_01 ? LAN_ERR_TOOBIG : LAN_OK;
}

const struct lsoe_list *lsoe_announced(const struct lsoe *n, uint32_t link, uint8_t type)
{
	const struct lsoe_link *l = lsoe_find_link(n, link);
	return l && type >= LSOE_IPV4 && type <= LSOE_MPLS6 ? &l->list[type - LSOE_IPV4] : NULL;
}

enum lan_err lsoe_vendor(struct lsoe *n, lan_time now, uint32_t link, const uint8_t mac[6],
	uint32_t enterprise, uint8_t type, const void *data, size_t len)
{
	(void)now;
	struct lsoe_link *l = lsoe_find_link(n, link);
	struct lsoe_peer *p = l ? lsoe_find_peer(n, l, mac) : NULL;
	if (!p)
		return LAN_ERR_NOTFOUND;
	if (len > 1024)
		return LAN_ERR_TOOBIG;
	if (!p->established)
		return LAN_ERR_AGAIN;
	if (n->d == LSOE_01 && !p->lanyard && !n->cfg.vendor_to_all)
		return LAN_ERR_NOTSUP;
	if (n->rules->one_in_flight ? p->flight != NULL : lsoe_outstanding(p, LSOE_VENDOR) != NULL)
		return LAN_ERR_FULL;
	struct lsoe_pdu pdu = {.type = LSOE_VENDOR,
		.u.vendor = {.enterprise = enterprise, .type = type, .data = data, .len = len}};
	if (n->rules->incremental)
		pdu.u.vendor.serial = lsoe_next_serial(p->serial_tx);
	enum lan_err e = lsoe_put(n, p, &pdu, pdu.u.vendor.serial);
	if (!e && n->rules->incremental)
		p->serial_tx = pdu.u.vendor.serial;
	return e;
}

enum lan_err lsoe_ulpc_set(struct lsoe *n, lan_time now, const struct lsoe_ulpc *u)
{
	n->now = now;
	if (!n->rules->incremental)
		return LAN_ERR_NOTSUP;
	uint8_t *auth = malloc((size_t)u->auth_len + 1);
	if (!auth)
		return LAN_ERR_NOMEM;
	if (u->auth_len)
		memcpy(auth, u->auth, u->auth_len);
	free((void *)n->ulpc.auth);
	n->ulpc = *u;
	n->ulpc.auth = auth;
	for (uint32_t i = 0; i < n->n_peers; i++) {
		n->peers[i]->ulpc_due = u->asn != 0;
		lsoe_fill(n, n->peers[i]);
	}
	return LAN_OK;
}
