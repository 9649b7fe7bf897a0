/*
 * heard.c - what neighbours announce. LSOE-01: a PDU replaces the list of its type (section 1.6); one that
 * says what is known already is no news (the original sends its lists again at every hiccup, section 1.11).
 * L3DL: a PDU changes the list, as a whole or not at all (section 2.5).
 */
#include "proto/lsoe/index.h"
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>
#include "base/map.h"

void lsoe_lists_clear(struct lsoe_peer *p)
{
	for (unsigned i = 0; i < 4; i++)
		lsoe_list_fini(&p->list[i]);
}

/* RFC 1982. 0 is no serial number. */
bool lsoe_serial_new(const struct lsoe_peer *p, uint32_t serial)
{
	return serial && (!p->serial_rx || (int32_t)(serial - p->serial_rx) > 0);
}

/* An address of ours on this link, which is no loopback, announced by somebody else. */
static bool conflicts(const struct lsoe_link *l, uint8_t type, const struct lsoe_entry *e)
{
	if (e->flags & (LSOE_F_LOOPBACK | LSOE_F_WITHDRAW))
		return false;
	bool v4 = lsoe_addr_len(type) == 4;
	struct lsoe_entry own;
	uint8_t mine = v4 ? LSOE_IPV4 : LSOE_IPV6;
	const struct lsoe_list *list = &l->list[mine - LSOE_IPV4];
	for (size_t at = 0; lsoe_list_next(list, mine, &at, &own);)
		if (!(own.flags & LSOE_F_LOOPBACK) && !memcmp(own.addr, e->addr, lsoe_addr_len(type)))
			return true;
	return false;
}

/* Told once for an address, answered each time. */
static bool look_for_conflict(
	struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_entries *es)
{
	struct lsoe_entry e;
	for (size_t at = 0; lsoe_entry_next(es, &at, &e);) {
		if (!conflicts(p->link, es->type, &e))
			continue;
		lsoe_count(p->link, LSOE_C_conflicts);
		uint8_t family = lsoe_addr_len(es->type) == 4 ? 4 : 6;
		if (p->conflict_type == family && !memcmp(p->conflict, e.addr, lsoe_addr_len(es->type)))
			return true;
		p->conflict_type = family;
		memset(p->conflict, 0, sizeof p->conflict);
		memcpy(p->conflict, e.addr, lsoe_addr_len(es->type));
		struct lsoe_misc *m = lsoe_tell(
			n, now, p->link, p, LSOE_EV_CONFLICT, "the neighbour announces an address of ours");
		if (m) {
			m->ev.family = family;
			memcpy(m->ev.addr, p->conflict, 16);
		}
		return true;
	}
	return false;
}

/* The new list instead of the old one; the same: no news. */
static void replace(struct lsoe *n, struct lsoe_peer *p, uint8_t type, struct lsoe_list *with)
{
	struct lsoe_list *is = &p->list[type - LSOE_IPV4];
	bool same = is->len == with->len && (!is->len || !memcmp(is->p, with->p, is->len));
	lsoe_list_fini(is);
	*is = *with;
	if (same)
		return;
	p->news_lists |= (uint8_t)(1u << (type - LSOE_IPV4));
	p->news_save = true;
	lsoe_news(n, p);
}

static void too_many(struct lsoe *n, lan_time now, struct lsoe_peer *p)
{
	lsoe_count(p->link, LSOE_C_drop_prefixes);
	lsoe_refused(n, now, p->link, p, "more prefixes than max_prefixes allows");
}

/* A warning says what is wrong with what was taken nevertheless. LSOE-01 has one code for all of it; the hint
 * is the number of entries that were passed over (section 4). */
static void acknowledge(
	struct lsoe *n, struct lsoe_peer *p, const struct lsoe_entries *es, bool conflict, bool two)
{
	const struct lsoe_rules *r = n->rules;
	uint16_t code = conflict || !r->code_announce ? r->code_conflict : r->code_announce;
	p->link->c.v[LSOE_C_drop_entries] += es->bad;
	if (conflict || two || es->bad)
		lsoe_ack(n, p, es->type, LSOE_ACK_WARNING, code,
			(uint16_t)(es->bad < UINT16_MAX ? es->bad : UINT16_MAX));
	else
		lsoe_ack(n, p, es->type, 0, 0, 0);
}

static enum lan_err whole(const struct lsoe_entries *es, struct lsoe_list *out)
{
	struct lsoe_entry e;
	for (size_t at = 0; lsoe_entry_next(es, &at, &e);) {
		enum lan_err err = lsoe_list_add(out, es->type, &e);
		if (err)
			return err;
	}
	return LAN_OK;
}

static void replaced(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_entries *es)
{
	if (es->count > n->cfg.max_prefixes) {
		lsoe_ack(n, p, es->type, 0, 0, 0);
		too_many(n, now, p);
		return;
	}
	struct lsoe_list l = {0};
	if (whole(es, &l)) { /* not acknowledged: it comes again */
		lsoe_list_fini(&l);
		lsoe_count(p->link, LSOE_C_drop_memory);
		return;
	}
	acknowledge(n, p, es, look_for_conflict(n, now, p, es), false);
	replace(n, p, es->type, &l);
}

/* ---- L3DL ------------------------------------------------------------------------------------------ */

#define DEAD 0x80 /* in the flags of a list that is being changed */

/* One entry's change. LAN_ERR_PROTO: announced although it is there, or withdrawn although it is not. */
static enum lan_err change(struct lsoe_list *l, struct lsoe_index *x, const struct lsoe_entry *e)
{
	size_t at;
	bool there = lsoe_index_find(x, e, &at) && !(l->p[at] & DEAD);
	bool withdraw = e->flags & LSOE_F_WITHDRAW || (x->type >= LSOE_MPLS4 && e->n_labels == 0);
	if (there != withdraw)
		return LAN_ERR_PROTO;
	if (withdraw) {
		l->p[at] |= DEAD;
		return LAN_OK;
	}
	at = l->len;
	enum lan_err err = lsoe_list_add(l, x->type, e);
	if (!err)
		lsoe_index_put(x, at);
	return err;
}

static enum lan_err copy(const struct lsoe_list *from, struct lsoe_list *to)
{
	uint8_t *p = malloc(from->len + 1);
	if (!p)
		return LAN_ERR_NOMEM;
	if (from->len)
		memcpy(p, from->p, from->len);
	*to = (struct lsoe_list){.p = p, .len = from->len, .cap = from->len + 1, .count = from->count};
	return LAN_OK;
}

static void bury(struct lsoe_list *l, uint8_t type)
{
	size_t to = 0;
	struct lsoe_entry e;
	for (size_t at = 0, was = 0; lsoe_list_next(l, type, &at, &e); was = at) {
		if (e.flags & DEAD) {
			l->count--;
			continue;
		}
		memmove(l->p + to, l->p + was, at - was);
		to += at - was;
	}
	l->len = to;
}

static enum lan_err changes(const struct lsoe *n, const struct lsoe_list *is, const struct lsoe_entries *es,
	struct lsoe_list *out)
{
	struct lsoe_entry e;
	struct lsoe_index x;
	enum lan_err err = copy(is, out);
	if (err)
		return err;
	err = lsoe_index_init(&x, n->seed, out, es->type, es->count);
	for (size_t at = 0; !err && lsoe_entry_next(es, &at, &e);)
		err = change(out, &x, &e);
	lsoe_index_fini(&x);
	bury(out, es->type);
	return err;
}

static unsigned primaries(const struct lsoe_list *l, uint8_t type)
{
	unsigned n = 0;
	struct lsoe_entry e;
	for (size_t at = 0; lsoe_list_next(l, type, &at, &e);)
		n += (e.flags & LSOE_F_PRIMARY) != 0;
	return n;
}

/* The number that was heard last, with something else: one of the two is of an earlier session. And Lanyard
 * counts one by one, from 1 in a session that is new to it: what is between was acknowledged by an ACK that
 * came late, or twice, and was meant for the PDU before (section 2.4). */
static bool missed(const struct lsoe_peer *p, uint32_t serial)
{
	if (serial == p->serial_rx)
		return true;
	return p->kin && !p->may_skip && serial != lsoe_next_serial(p->serial_rx);
}

static void changed(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_entries *es)
{
	const struct lsoe_rules *r = n->rules;
	uint64_t sum = lan_siphash(n->seed, es->p, es->len) ^ es->type ^ (uint64_t)es->count << 8;
	if (es->serial && es->serial == p->serial_rx && (!p->sum_rx || sum == p->sum_rx)) {
		lsoe_count(p->link, LSOE_C_drop_serial); /* known already: the ACK was lost */
		lsoe_ack(n, p, es->type, 0, 0, 0);
		return;
	}
	if (!lsoe_serial_new(p, es->serial) && es->serial != p->serial_rx) {
		/* An old one that came late, or a replay. Its sender does not wait for an ACK any more, and
		 * would take it for that of another. */
		lsoe_count(p->link, LSOE_C_drop_serial);
		return;
	}
	if (missed(p, es->serial)) {
		p->kin = p->lanyard;
		lsoe_count(p->link, LSOE_C_drop_announce);
		lsoe_ack(n, p, es->type, LSOE_ACK_RESTART, r->code_announce, 0);
		return;
	}
	struct lsoe_list l = {0};
	enum lan_err e = changes(n, &p->list[es->type - LSOE_IPV4], es, &l);
	if (e == LAN_ERR_PROTO || l.count > n->cfg.max_prefixes) {
		if (e == LAN_ERR_PROTO)
			lsoe_count(p->link, LSOE_C_drop_announce);
		else
			too_many(n, now, p);
		/* What it thinks we know and what we know differ: begin anew. */
		lsoe_ack(n, p, es->type, LSOE_ACK_RESTART, r->code_announce, 0);
		lsoe_list_fini(&l);
		return;
	}
	if (e) {
		lsoe_list_fini(&l);
		lsoe_count(p->link, LSOE_C_drop_memory);
		return;
	}
	p->serial_rx = es->serial;
	p->sum_rx = sum;
	p->may_skip = false;
	bool conflict = look_for_conflict(n, now, p, es), two = primaries(&l, es->type) > 1;
	acknowledge(n, p, es, conflict, two);
	replace(n, p, es->type, &l);
	p->news_save = true;
	if (n->cfg.want_saved)
		lsoe_news(n, p);
}

void lsoe_entries_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_entries *es)
{
	p->answer_due = false; /* it knows our nonce: what comes now is no answer to it any more */
	p->unproved &= (uint8_t) ~(1u << (es->type - LSOE_IPV4));
	p->listed |= (uint8_t)(1u << (es->type - LSOE_IPV4));
	if (!n->rules->incremental && p->listed == 0xf)
		p->kin = true; /* as the original does */
	if (!p->doubted && (n->rules->incremental || !p->unproved))
		p->prove_at = LAN_NEVER;
	if (n->rules->incremental)
		changed(n, now, p, es);
	else
		replaced(n, now, p, es);
}

const struct lsoe_list *lsoe_heard(const struct lsoe *n, uint32_t link, const uint8_t mac[6], uint8_t type)
{
	const struct lsoe_link *l = lsoe_find_link(n, link);
	const struct lsoe_peer *p = l ? lsoe_find_peer(n, l, mac) : NULL;
	if (!p || !p->established || type < LSOE_IPV4 || type > LSOE_MPLS6)
		return NULL;
	return &p->list[type - LSOE_IPV4];
}
