/*
 * neighbor_links.c - interfaces, as the kernel tells them, become links of the core: those that match, are
 * up, have a carrier and a MAC address. A link that loses its carrier goes down at once, one that gets it
 * says HELLO at once.
 */
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_int.h"

struct neighbor_link *neighbor_link_of(const struct lan_neighbor *n, uint32_t index)
{
	size_t lo = 0, hi = n->n_links;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (n->links[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n->n_links && n->links[lo].index == index ? &n->links[lo] : NULL;
}

struct neighbor_link *neighbor_link_named(const struct lan_neighbor *n, const char *name)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (!n->links[i].gone && !strcmp(n->links[i].name, name))
			return &n->links[i];
	return NULL;
}

static struct neighbor_link *make_link(struct lan_neighbor *n, const struct lan_link_info *i)
{
	if (n->n_links == n->cap_links) {
		size_t cap = n->cap_links ? n->cap_links * 2 : 8;
		struct neighbor_link *p = realloc(n->links, cap * sizeof *p);
		if (!p)
			return NULL;
		n->links = p, n->cap_links = cap;
	}
	size_t at = n->n_links++;
	for (; at && n->links[at - 1].index > i->index; at--)
		n->links[at] = n->links[at - 1];
	n->links[at] = (struct neighbor_link){.index = i->index};
	return &n->links[at];
}

void neighbor_links_purge(struct lan_neighbor *n)
{
	size_t to = 0;
	for (size_t i = 0; i < n->n_links; i++)
		if (!n->links[i].gone || n->links[i].told)
			n->links[to++] = n->links[i];
	n->n_links = to;
}

const char *neighbor_link_unusable(const struct lan_link_info *i)
{
	if (i->flags & IFF_LOOPBACK)
		return "a loopback interface has no neighbours";
	if (!i->have_mac)
		return "no MAC address: not Ethernet";
	if (!(i->flags & IFF_UP))
		return "down";
	if (!i->carrier)
		return "no carrier";
	return i->mtu < 64 ? "MTU below 64" : NULL;
}

static void tell(struct lan_neighbor *n, struct neighbor_link *l, const char *reason)
{
	l->reason = reason;
	neighbor_news(n);
	lan_fdrv_kick(n->drv);
}

static bool listen_on(struct lan_neighbor *n, struct neighbor_link *l)
{
	if (l->socket)
		return true;
	uint8_t groups[3][6] = {{0x01, 0x80, 0xc2, 0, 0, 0x0e}, {0x01, 0x80, 0xc2, 0, 0, 0x03}};
	memcpy(groups[2], n->set.hello_to, 6);
	bool more = n->set.hello_to[0] & 1 && memcmp(groups[2], "\xff\xff\xff\xff\xff\xff", 6);
	l->err = lan_fdrv_link_open(n->drv, l->index, (const uint8_t(*)[6])groups, more ? 3 : 2);
	l->socket = l->err == LAN_OK;
	return l->socket;
}

static void load(void *ctx, const uint8_t mac[6], const uint8_t *p, size_t len)
{
	struct lan_neighbor *n = ((void **)ctx)[0];
	const struct neighbor_link *l = ((void **)ctx)[1];
	(void)!lsoe_load(n->core, lan_loop_stamp(n->loop), l->index, mac, p, len);
}

static void take(struct lan_neighbor *n, struct neighbor_link *l)
{
	const struct lan_link_info *i = &l->info;
	if (!listen_on(n, l)) {
		tell(n, l, lan_err_text(l->err));
		return;
	}
	struct lsoe_link_config c = {.link = l->index, .mtu = i->mtu};
	memcpy(c.mac, i->mac, 6);
	memcpy(c.hello_to, n->set.hello_to, 6);
	/* Section 2.3, the suggested form: 8 octets of system identifier, 4 of interface index. */
	memset(l->llei, 0, 2);
	memcpy(l->llei + 2, i->mac, 6);
	lan_put_be32(l->llei + 8, l->index);
	c.id = l->llei, c.id_len = sizeof l->llei;
	l->err = lsoe_link_up(n->core, lan_loop_stamp(n->loop), &c);
	if (l->err) {
		tell(n, l, lan_err_text(l->err));
		return;
	}
	if (n->state && !l->loaded)
		neighbor_state_each(n->state, l->name, load, (void *[]){n, l});
	l->loaded = true;
	if (!l->used || l->dirty)
		neighbor_announce(n, l);
	if (!l->used)
		tell(n, l, "");
	l->used = true;
	lan_fdrv_kick(n->drv);
}

/* The node's counters do not fall when an interface goes. */
static void keep_stats(struct lan_neighbor *n, const struct neighbor_link *l)
{
	struct lan_packet_stats p;
	if (!lan_fdrv_link_stats(n->drv, l->index, &p))
		return;
	n->gone.drop_other_host += p.drop_other_host;
	n->gone.drop_vlan += p.drop_vlan;
	n->gone.drop_iface += p.drop_iface;
	n->gone.drop_truncated += p.drop_truncated;
	n->gone.kernel_drops += p.kernel_drops;
}

static void leave(struct lan_neighbor *n, struct neighbor_link *l, const char *reason, bool forget)
{
	if (l->used || forget)
		lsoe_link_down(n->core, lan_loop_stamp(n->loop), l->index, forget);
	if (l->used)
		tell(n, l, reason);
	l->used = false;
	l->reason = reason;
	if (forget && l->socket) {
		keep_stats(n, l);
		lan_fdrv_link_close(n->drv, l->index);
		l->socket = false;
	}
	l->gone = forget;
	lan_fdrv_kick(n->drv);
}

static void link_is(struct lan_neighbor *n, const struct lan_link_info *i)
{
	bool matches = neighbor_matches(n->set.ifaces, n->set.n_ifaces, i->name);
	struct neighbor_link *l = neighbor_link_of(n, i->index);
	if (l && !l->gone && (!matches || strcmp(l->name, i->name))) {
		leave(n, l, matches ? "renamed" : "renamed: matches no more", true);
		neighbor_links_purge(n);
		l = neighbor_link_of(n, i->index);
	}
	if (!matches)
		return;
	if (!l && !(l = make_link(n, i)))
		return; /* the next change of the interface tries again */
	l->gone = false;
	l->info = *i;
	memcpy(l->name, i->name, sizeof l->name);
	const char *no = neighbor_link_unusable(i);
	if (no)
		leave(n, l, no, false);
	else
		take(n, l);
}

static void addresses_changed(struct lan_neighbor *n, uint32_t index)
{
	bool all = n->set.announce == LAN_NEIGHBOR_ANNOUNCE_ALL || n->set.n_loopbacks;
	n->common_valid = false;
	for (size_t i = 0; i < n->n_links && all; i++)
		n->links[i].dirty = true;
	struct neighbor_link *l = neighbor_link_of(n, index);
	if (l)
		l->dirty = true;
	if (l || all)
		lan_task_queue(n->loop, &n->task);
}

void neighbor_link_event(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr)
{
	struct lan_neighbor *n = ctx;
	struct neighbor_link *l;
	(void)addr;
	switch (what) {
	case LAN_LINK_NEW:
	case LAN_LINK_CHANGED:
		n->common_valid = false; /* by another name it may be a loopback, or none */
		link_is(n, link);
		break;
	case LAN_LINK_GONE:
		l = neighbor_link_of(n, link->index);
		if (l && !l->gone)
			leave(n, l, "the interface is gone", true);
		break;
	case LAN_ADDR_NEW:
	case LAN_ADDR_GONE:
		addresses_changed(n, link->index);
		break;
	}
}

void neighbor_links_all(struct lan_neighbor *n)
{
	const struct lan_link_info *i;
	for (size_t k = 0; lan_netlink_link(n->netlink, k, &i); k++)
		link_is(n, i);
}

/* The socket is closed already. If the interface is still there, what netlink says next opens it again. */
void neighbor_link_broken(void *ctx, uint32_t link, enum lan_err why)
{
	struct lan_neighbor *n = ctx;
	struct neighbor_link *l = neighbor_link_of(n, link);
	if (!l)
		return;
	l->socket = false;
	l->err = why;
	if (l->used)
		leave(n, l, "its socket does not work any more", false);
}
