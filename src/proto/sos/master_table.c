/*
 * master_table.c - the members of a master: made, found by id and by endpoint, dropped; what is configured of
 * them, and how they are. A member stands under up to two endpoints: where it is associated, and where an
 * AssocRequest went.
 */
#include "proto/sos/master_int.h"

#include <stdlib.h>
#include "base/map.h"

bool sos_same(const struct lan_ep *a, const struct lan_ep *b)
{
	return a->link == b->link && a->len == b->len && !memcmp(a->addr, b->addr, a->len);
}

static uint32_t slot_of_id(const struct sos_master *m, uint32_t id)
{
	return (uint32_t)lan_siphash(m->seed, &id, sizeof id) & (m->hash_cap - 1);
}

static uint32_t slot_of_ep(const struct sos_master *m, const struct lan_ep *ep)
{
	uint8_t key[4 + sizeof ep->addr];
	lan_put_be32(key, ep->link);
	memcpy(key + 4, ep->addr, ep->len);
	return (uint32_t)lan_siphash(m->seed, key, 4u + ep->len) & (2 * m->hash_cap - 1);
}

struct member *sos_member(const struct sos_master *m, uint32_t id)
{
	struct member *s = m->hash_cap ? m->by_id[slot_of_id(m, id)] : NULL;
	while (s && s->id != id)
		s = s->id_next;
	return s;
}

static const struct lan_ep *ep_of(const struct place_node *p)
{
	return p->which == AT_EP ? &p->m->ep : &p->m->try;
}

struct member *sos_member_at(const struct sos_master *m, const struct lan_ep *ep, enum place *which)
{
	struct place_node *p = m->hash_cap && ep->len ? m->by_ep[slot_of_ep(m, ep)] : NULL;
	struct member *trying = NULL;
	for (; p; p = p->next) {
		if (!sos_same(ep_of(p), ep))
			continue;
		*which = p->which;
		if (p->which == AT_EP)
			return p->m;
		trying = p->m;
	}
	return trying;
}

void sos_place(struct sos_master *m, struct member *s, enum place which, const struct lan_ep *ep)
{
	struct place_node *p = &s->place[which];
	struct lan_ep *mine = which == AT_EP ? &s->ep : &s->try;
	if (p->linked) {
		struct place_node **at = &m->by_ep[slot_of_ep(m, mine)];
		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		p->linked = false;
	}
	*mine = ep ? *ep : (struct lan_ep){0};
	if (!mine->len)
		return;
	struct place_node **head = &m->by_ep[slot_of_ep(m, mine)];
	*p = (struct place_node){.m = s, .next = *head, .which = which, .linked = true};
	*head = p;
}

/* ---- making and dropping ------------------------------------------------------------ */

static void hash_all(struct sos_master *m, struct member **of, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct member *s = of[i];
		uint32_t at = slot_of_id(m, s->id);
		s->id_next = m->by_id[at], m->by_id[at] = s;
		for (int w = 0; w < PLACES; w++)
			if (s->place[w].linked) {
				struct place_node **head = &m->by_ep[slot_of_ep(m, ep_of(&s->place[w]))];
				s->place[w].next = *head, *head = &s->place[w];
			}
	}
}

static bool grow(struct sos_master *m)
{
	if (m->n_members < m->hash_cap)
		return true;
	uint32_t cap = m->hash_cap ? m->hash_cap * 2 : 16;
	struct member **ids = calloc(cap, sizeof *ids);
	struct place_node **eps = calloc(2 * (size_t)cap, sizeof *eps);
	if (!ids || !eps || lan_timers_reserve(&m->timers, m->n_asks + cap)) {
		free(ids);
		free(eps);
		return false;
	}
	free(m->by_id);
	free(m->by_ep);
	m->by_id = ids, m->by_ep = eps, m->hash_cap = cap;
	hash_all(m, m->listed, m->n_listed);
	hash_all(m, m->unlisted, m->n_unlisted);
	return true;
}

static bool append(struct member ***table, uint32_t *n, uint32_t *cap, struct member *s)
{
	if (*n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 16;
		struct member **t = realloc(*table, more * sizeof *t);
		if (!t)
			return false;
		*table = t, *cap = more;
	}
	s->slot = *n;
	(*table)[(*n)++] = s;
	return true;
}

struct member *sos_member_new(struct sos_master *m, uint32_t id, bool listed)
{
	struct member *s = calloc(1, sizeof *s);
	if (!s || !grow(m) ||
		!(listed ? append(&m->listed, &m->n_listed, &m->cap_listed, s)
			 : append(&m->unlisted, &m->n_unlisted, &m->cap_unlisted, s))) {
		free(s);
		return NULL;
	}
	s->id = id, s->listed = listed, s->expires = LAN_NEVER;
	uint32_t at = slot_of_id(m, id);
	s->id_next = m->by_id[at], m->by_id[at] = s;
	m->n_members++;
	return s;
}

/* Out of its table; the order of the listed ones stays. */
static void take_out(struct sos_master *m, struct member *s)
{
	struct member **t = s->listed ? m->listed : m->unlisted;
	uint32_t *n = s->listed ? &m->n_listed : &m->n_unlisted;
	for (uint32_t i = s->slot; i + 1 < *n; i++)
		t[i] = t[i + 1], t[i]->slot = i;
	--*n;
}

static void free_secret(struct secret *k)
{
	if (!k)
		return;
	sos_seal_free(k->seal);
	sos_seal_free(k->try_seal);
	lan_wipe(k->key, sizeof k->key);
	free(k);
}

void sos_member_drop(struct sos_master *m, struct member *s)
{
	sos_place(m, s, AT_EP, NULL);
	sos_place(m, s, AT_TRY, NULL);
	lan_timers_unset(&m->timers, &s->timer);
	struct member **at = &m->by_id[slot_of_id(m, s->id)];
	while (*at != s)
		at = &(*at)->id_next;
	*at = s->id_next;
	take_out(m, s);
	m->n_members--;
	free_secret(s->secret);
	free(s->list);
	free(s);
}

/* ---- configuration ------------------------------------------------------------------ */

static bool same_key(const struct member *s, const uint8_t *key)
{
	return s->secret ? key && lan_equal(s->secret->key, key, SOS_KEY) : !key;
}

static enum lan_err set_key(struct member *s, const uint8_t *key)
{
	struct secret *k = NULL;
	if (key) {
		k = calloc(1, sizeof *k);
		enum lan_err e = k ? sos_seal_new(&k->seal) : LAN_ERR_NOMEM;
		if (!e)
			e = sos_seal_new(&k->try_seal);
		if (e) {
			free_secret(k);
			return e;
		}
		memcpy(k->key, key, SOS_KEY);
	}
	free_secret(s->secret);
	s->secret = k;
	return LAN_OK;
}

enum lan_err sos_master_add(struct sos_master *m, lan_time now, const struct sos_member_config *cfg)
{
	if (!cfg->id || cfg->id > SOS_ID_MAX)
		return LAN_ERR_INVAL;
	struct member *s = sos_member(m, cfg->id);
	if (s && !s->listed) { /* a candidate that is listed now: heard again soon */
		sos_expire(m, now, s, "listed now");
		sos_asks_fail(m, now, s, "the slave was listed anew", true);
		sos_member_drop(m, s);
		s = NULL;
	}
	bool is_new = !s;
	if (is_new && !(s = sos_member_new(m, cfg->id, true)))
		return LAN_ERR_NOMEM;
	s->conf_ttl = cfg->ttl, s->conf_mtu = cfg->mtu;
	if (same_key(s, cfg->key))
		return LAN_OK;
	if (!is_new)
		sos_expire(m, now, s, "key changed");
	enum lan_err e = set_key(s, cfg->key);
	if (e && is_new)
		sos_member_drop(m, s);
	return e;
}

enum lan_err sos_master_remove(struct sos_master *m, lan_time now, uint32_t id)
{
	struct member *s = sos_member(m, id);
	if (!s || !s->listed)
		return LAN_ERR_NOTFOUND;
	sos_expire(m, now, s, "removed");
	sos_asks_fail(m, now, s, "the slave is not listed any more", true);
	sos_member_drop(m, s);
	return LAN_OK;
}

/* ---- status ------------------------------------------------------------------------- */

static void status_of(const struct member *s, struct sos_member_status *out)
{
	*out = (struct sos_member_status){.id = s->id,
		.listed = s->listed,
		.keyed = s->secret != NULL,
		.state = s->state,
		.ep = s->ep.len ? s->ep : s->try,
		.epoch = s->epoch,
		.ttl = s->ttl,
		.mtu = s->mtu,
		.conf_ttl = s->conf_ttl,
		.conf_mtu = s->conf_mtu,
		.since = s->since,
		.expires = s->expires,
		.last_rx = s->last_rx,
		.last_discover = s->last_discover,
		.associations = s->associations,
		.renewals = s->renewals,
		.losses = s->losses,
		.moves = s->moves,
		.requests = s->requests,
		.failures = s->failures,
		.rtt = s->rtt,
		.waiting = s->waiting,
		.observed = s->observed,
		.resources = s->list ? s->list : "",
		.resources_len = s->list_len};
}

bool sos_master_member(const struct sos_master *m, size_t i, struct sos_member_status *out)
{
	if (i >= (size_t)m->n_listed + m->n_unlisted)
		return false;
	status_of(i < m->n_listed ? m->listed[i] : m->unlisted[i - m->n_listed], out);
	return true;
}

enum lan_err sos_master_find(const struct sos_master *m, uint32_t id, struct sos_member_status *out)
{
	const struct member *s = sos_member(m, id);
	if (!s)
		return LAN_ERR_NOTFOUND;
	status_of(s, out);
	return LAN_OK;
}

bool sos_master_has(const struct sos_master *m, uint32_t id, const char *path, size_t len)
{
	const struct member *s = sos_member(m, id);
	if (!s || !s->list)
		return false;
	struct coap_links l = coap_links_of(s->list, s->list_len);
	struct coap_link link;
	while (coap_links_next(&l, &link))
		if (coap_link_is(&link, path, len))
			return true;
	return false;
}
