/*
 * neighbor_announce.c - what is announced on a link: its own addresses and those of the interfaces configured
 * as loopbacks, or all of the node as the original does (docs/protocols/lsoe.md, sections 1.11 and 2.5);
 * labels from the configuration. Made anew from the kernel's table when that changes; the core sends what
 * differs.
 */
#include <string.h>
#include "api/neighbor_int.h"

struct lists {
	struct lsoe_list of[4];
	bool failed;
};

static bool loopback_range(const union lan_sockaddr *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static bool link_local(const union lan_sockaddr *a)
{
	return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr);
}

/* Whether an address is announced on every link, and as what. */
static bool common(const struct lan_neighbor *n, const struct lan_link_info *i, const union lan_sockaddr *a,
	unsigned *flags)
{
	if (n->set.announce == LAN_NEIGHBOR_ANNOUNCE_ALL) {
		*flags = i->flags & IFF_LOOPBACK ? LSOE_F_LOOPBACK : 0;
		return true;
	}
	*flags = LSOE_F_LOOPBACK;
	return neighbor_matches(n->set.loopbacks, n->set.n_loopbacks, i->name) && !loopback_range(a) &&
	       !link_local(a);
}

static const uint8_t *octets(const union lan_sockaddr *a)
{
	return a->any.sa_family == AF_INET ? (const uint8_t *)&a->v4.sin_addr
					   : (const uint8_t *)&a->v6.sin6_addr;
}

static bool is_in(const struct lsoe_list *l, uint8_t type, const struct lsoe_entry *e)
{
	size_t len = type == LSOE_IPV4 || type == LSOE_MPLS4 ? 4 : 16;
	struct lsoe_entry o;
	for (size_t at = 0; lsoe_list_next(l, type, &at, &o);)
		if (o.prefix == e->prefix && !memcmp(o.addr, e->addr, len))
			return true;
	return false;
}

/* The configured one; else the only address that is no loopback, of its type. */
static void mark_primary(const struct lan_neighbor *n, struct lsoe_list *l, uint8_t type)
{
	size_t addr_len = type == LSOE_IPV4 ? 4 : 16;
	int family = type == LSOE_IPV4 ? AF_INET : AF_INET6;
	struct lsoe_entry e;
	uint8_t *only = NULL;
	unsigned candidates = 0;
	for (size_t at = 0, was = 0; lsoe_list_next(l, type, &at, &e); was = at) {
		bool named = n->set.have_primary && n->set.primary_family == family &&
			     !memcmp(e.addr, n->set.primary, addr_len);
		if (named)
			l->p[was] |= LSOE_F_PRIMARY;
		if (e.flags & LSOE_F_LOOPBACK)
			continue;
		candidates++;
		only = l->p + was;
	}
	if (candidates == 1 && !n->set.have_primary && n->set.announce == LAN_NEIGHBOR_ANNOUNCE_OWN)
		*only |= LSOE_F_PRIMARY;
}

static void labels(const struct lan_neighbor *n, struct lists *x)
{
	for (size_t i = 0; i < n->set.n_labels; i++) {
		const struct neighbor_label *k = &n->set.labels[i];
		struct lsoe_list *l = &x->of[k->type - LSOE_IPV4];
		struct lsoe_entry e = {
			.addr = k->addr, .prefix = k->prefix, .labels = k->octets, .n_labels = k->n};
		if (!is_in(l, k->type, &e))
			x->failed |= lsoe_list_add(l, k->type, &e) != LAN_OK;
	}
}

/* Found once for all links, and again when addresses or names of interfaces have changed. */
static void find_common(struct lan_neighbor *n, struct lists *x)
{
	union lan_sockaddr a;
	uint32_t index;
	uint8_t prefix;
	unsigned flags;
	if (n->set.announce != LAN_NEIGHBOR_ANNOUNCE_ALL && !n->set.n_loopbacks)
		return;
	for (unsigned t = 0; t < 2 && !n->common_valid; t++)
		lsoe_list_fini(&n->common[t]);
	for (size_t i = 0; !n->common_valid && lan_netlink_addr(n->netlink, i, &index, &a, &prefix); i++) {
		const struct lan_link_info *info = lan_netlink_by_index(n->netlink, index);
		if (!info || !common(n, info, &a, &flags))
			continue;
		bool v4 = a.any.sa_family == AF_INET;
		x->failed |= lsoe_list_add(&n->common[!v4], v4 ? LSOE_IPV4 : LSOE_IPV6,
				     &(struct lsoe_entry){
					     .flags = flags, .addr = octets(&a), .prefix = prefix}) != LAN_OK;
	}
	n->common_valid = !x->failed;
}

static void add_common(const struct lan_neighbor *n, struct lists *x)
{
	struct lsoe_entry e;
	for (uint8_t type = LSOE_IPV4; type <= LSOE_IPV6; type++)
		for (size_t at = 0; lsoe_list_next(&n->common[type - LSOE_IPV4], type, &at, &e);)
			x->failed |= lsoe_list_add(&x->of[type - LSOE_IPV4], type, &e) != LAN_OK;
}

static void collect_own(const struct lan_neighbor *n, const struct neighbor_link *l, struct lists *x)
{
	union lan_sockaddr a;
	uint32_t index;
	uint8_t prefix;
	if (n->set.announce != LAN_NEIGHBOR_ANNOUNCE_OWN)
		return;
	for (size_t i = lan_netlink_first_addr(n->netlink, l->index);
		lan_netlink_addr(n->netlink, i, &index, &a, &prefix) && index == l->index; i++) {
		uint8_t type = a.any.sa_family == AF_INET ? LSOE_IPV4 : LSOE_IPV6;
		struct lsoe_entry e = {.addr = octets(&a), .prefix = prefix};
		if ((n->set.link_local || !link_local(&a)) && !is_in(&n->common[type - LSOE_IPV4], type, &e))
			x->failed |= lsoe_list_add(&x->of[type - LSOE_IPV4], type, &e) != LAN_OK;
	}
}

void neighbor_announce(struct lan_neighbor *n, struct neighbor_link *l)
{
	struct lists x = {0};
	find_common(n, &x);
	collect_own(n, l, &x);
	add_common(n, &x);
	labels(n, &x);
	mark_primary(n, &x.of[0], LSOE_IPV4);
	mark_primary(n, &x.of[1], LSOE_IPV6);
	lan_time now = lan_loop_stamp(n->loop);
	for (unsigned t = 0; t < 4; t++)
		if (!x.failed) /* LAN_ERR_TOOBIG: as much as fits is announced; `show` tells how many */
			(void)!lsoe_announce(n->core, now, l->index, (uint8_t)(LSOE_IPV4 + t), &x.of[t]);
		else
			lsoe_list_fini(&x.of[t]);
	l->dirty = x.failed;
}

void neighbor_announce_changed(void *ctx)
{
	struct lan_neighbor *n = ctx;
	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].dirty && n->links[i].used)
			neighbor_announce(n, &n->links[i]);
	lan_fdrv_kick(n->drv);
}
