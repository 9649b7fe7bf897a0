/*
 * netlink_table.c - the table of links and addresses, see netlink_int.h: messages are understood, compared
 * with it, and reported if they change it. Notices that carry nothing we keep (statistics, wireless events,
 * bridge ports) are no change.
 */
#include "io/netlink_int.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static void report(struct lan_netlink *n, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr)
{
	if (!n->quiet)
		n->fn(n->ctx, what, link, addr);
}

static bool grow(void **table, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return true;
	size_t more = *cap ? *cap * 2 : 8;
	void *t = realloc(*table, more * size);
	if (!t)
		return false;
	*table = t;
	*cap = more;
	return true;
}

/* Where the link is, or would be. */
static size_t link_place(const struct lan_netlink *n, uint32_t index)
{
	size_t low = 0, high = n->n_links;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (n->links[mid].info.index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The first address of a link, or where it would be. */
static size_t addr_place(const struct lan_netlink *n, uint32_t index)
{
	size_t low = 0, high = n->n_addrs;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (n->addrs[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- addresses ---------------------------------------------------------- */

static bool same_addr(const union lan_sockaddr *a, const union lan_sockaddr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

static void remove_addr(struct lan_netlink *n, size_t i)
{
	struct netlink_addr gone = n->addrs[i];
	n->n_addrs--;
	memmove(&n->addrs[i], &n->addrs[i + 1], (n->n_addrs - i) * sizeof *n->addrs);
	const struct lan_link_info *link = lan_netlink_by_index(n, gone.index);
	if (link) {
		struct lan_link_info copy = *link;
		report(n, LAN_ADDR_GONE, &copy, &gone.addr);
	}
}

static bool parse_addr(const struct nlmsghdr *h, struct netlink_addr *out)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *best = NULL;
	if (mnl_nlmsg_get_payload_len(h) < sizeof *m)
		return false;
	mnl_attr_for_each(a, h, sizeof *m)
	{
		int type = mnl_attr_get_type(a);
		/* On a point-to-point link IFA_ADDRESS is the other end's. */
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !best))
			best = a;
	}
	memset(out, 0, sizeof *out);
	out->index = m->ifa_index;
	out->prefix = m->ifa_prefixlen;
	out->addr.any.sa_family = m->ifa_family;
	if (!best)
		return false;
	if (m->ifa_family == AF_INET && mnl_attr_get_payload_len(best) == 4) {
		memcpy(&out->addr.v4.sin_addr, mnl_attr_get_payload(best), 4);
		return true;
	}
	if (m->ifa_family != AF_INET6 || mnl_attr_get_payload_len(best) != 16)
		return false;
	memcpy(&out->addr.v6.sin6_addr, mnl_attr_get_payload(best), 16);
	if (IN6_IS_ADDR_LINKLOCAL(&out->addr.v6.sin6_addr))
		out->addr.v6.sin6_scope_id = m->ifa_index;
	return true;
}

enum lan_err netlink_on_addr(struct lan_netlink *n, const struct nlmsghdr *h)
{
	struct netlink_addr a;
	bool known = false;
	if (!parse_addr(h, &a))
		return LAN_OK;
	size_t i = addr_place(n, a.index);
	for (; i < n->n_addrs && n->addrs[i].index == a.index && !known; i++)
		known = n->addrs[i].prefix == a.prefix && same_addr(&n->addrs[i].addr, &a.addr);
	if (h->nlmsg_type == RTM_DELADDR) {
		if (known)
			remove_addr(n, i - 1);
		return LAN_OK;
	}
	if (known) {
		n->addrs[i - 1].stale = false;
		return LAN_OK;
	}
	if (!grow((void **)&n->addrs, &n->cap_addrs, n->n_addrs, sizeof *n->addrs))
		return LAN_ERR_NOMEM;
	memmove(&n->addrs[i + 1], &n->addrs[i], (n->n_addrs++ - i) * sizeof *n->addrs);
	n->addrs[i] = a;
	const struct lan_link_info *link = lan_netlink_by_index(n, a.index);
	if (link) {
		struct lan_link_info copy = *link;
		report(n, LAN_ADDR_NEW, &copy, &a.addr);
	}
	return LAN_OK;
}

/* ---- links -------------------------------------------------------------- */

static void remove_link(struct lan_netlink *n, size_t i)
{
	struct lan_link_info gone = n->links[i].info;
	size_t k = addr_place(n, gone.index);
	while (k < n->n_addrs && n->addrs[k].index == gone.index)
		remove_addr(n, k);
	n->n_links--;
	memmove(&n->links[i], &n->links[i + 1], (n->n_links - i) * sizeof *n->links);
	report(n, LAN_LINK_GONE, &gone, NULL);
}

/* The state is told up to a second late: with a carrier (the flag is of this moment) a state of down is the
 * one before. Who has to authenticate first, or is being tested, is another matter. */
static bool may_carry(uint8_t operstate)
{
	return operstate != IF_OPER_NOTPRESENT && operstate != IF_OPER_TESTING &&
	       operstate != IF_OPER_DORMANT;
}

static bool parse_link(const struct nlmsghdr *h, struct netlink_link *link)
{
	struct lan_link_info *out = &link->info;
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	/* AF_BRIDGE: about a port of a bridge, not about the link. */
	if (mnl_nlmsg_get_payload_len(h) < sizeof *m || m->ifi_family != AF_UNSPEC)
		return false;
	out->index = (uint32_t)m->ifi_index;
	out->flags = m->ifi_flags;
	/* The flags are of this moment, the operational state is of the last notice. */
	out->carrier = m->ifi_flags & IFF_LOWER_UP;
	mnl_attr_for_each(a, h, sizeof *m)
	{
		size_t len = mnl_attr_get_payload_len(a);
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0 || len > sizeof out->name)
				return false;
			memcpy(out->name, mnl_attr_get_payload(a), len);
			break;
		case IFLA_MTU:
			if (len == 4)
				out->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_OPERSTATE:
			if (len == 1)
				out->carrier &= may_carry(mnl_attr_get_u8(a));
			break;
		case IFLA_LINK:
			link->stacked = true;
			break;
		case IFLA_ADDRESS:
			out->have_mac = len == sizeof out->mac;
			if (out->have_mac)
				memcpy(out->mac, mnl_attr_get_payload(a), len);
			break;
		}
	}
	return out->name[0] != '\0';
}

/* By fields: there is padding between them. */
static bool same_link(const struct lan_link_info *a, const struct lan_link_info *b)
{
	return strcmp(a->name, b->name) == 0 && a->flags == b->flags && a->mtu == b->mtu &&
	       a->have_mac == b->have_mac && memcmp(a->mac, b->mac, sizeof a->mac) == 0 &&
	       a->carrier == b->carrier;
}

enum lan_err netlink_on_link(struct lan_netlink *n, const struct nlmsghdr *h)
{
	struct netlink_link link = {.stale = false};
	if (!parse_link(h, &link))
		return LAN_OK;
	size_t i = link_place(n, link.info.index);
	bool known = i < n->n_links && n->links[i].info.index == link.info.index;
	if (h->nlmsg_type == RTM_DELLINK) {
		if (known)
			remove_link(n, i);
		return LAN_OK;
	}
	if (known) {
		bool same = same_link(&n->links[i].info, &link.info);
		n->links[i] = link;
		if (!same)
			report(n, LAN_LINK_CHANGED, &link.info, NULL);
		return LAN_OK;
	}
	if (!grow((void **)&n->links, &n->cap_links, n->n_links, sizeof *n->links))
		return LAN_ERR_NOMEM;
	memmove(&n->links[i + 1], &n->links[i], (n->n_links++ - i) * sizeof *n->links);
	n->links[i] = link;
	report(n, LAN_LINK_NEW, &link.info, NULL);
	return LAN_OK;
}

void netlink_mark_stale(struct lan_netlink *n)
{
	for (size_t i = 0; i < n->n_links; i++)
		n->links[i].stale = true;
	for (size_t i = 0; i < n->n_addrs; i++)
		n->addrs[i].stale = true;
}

void netlink_sweep(struct lan_netlink *n)
{
	for (size_t i = n->n_addrs; i-- > 0;)
		if (n->addrs[i].stale)
			remove_addr(n, i);
	for (size_t i = n->n_links; i-- > 0;)
		if (n->links[i].stale)
			remove_link(n, i);
}

/* ---- face ---------------------------------------------------------------- */

bool lan_netlink_link(const struct lan_netlink *n, size_t i, const struct lan_link_info **out)
{
	if (i >= n->n_links)
		return false;
	*out = &n->links[i].info;
	return true;
}

const struct lan_link_info *lan_netlink_by_index(const struct lan_netlink *n, uint32_t index)
{
	size_t i = link_place(n, index);
	return i < n->n_links && n->links[i].info.index == index ? &n->links[i].info : NULL;
}

const struct lan_link_info *lan_netlink_by_name(const struct lan_netlink *n, const char *name)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (strcmp(n->links[i].info.name, name) == 0)
			return &n->links[i].info;
	return NULL;
}

size_t lan_netlink_first_addr(const struct lan_netlink *n, uint32_t index)
{
	return addr_place(n, index);
}

bool lan_netlink_addr(
	const struct lan_netlink *n, size_t i, uint32_t *index, union lan_sockaddr *addr, uint8_t *prefix)
{
	if (i >= n->n_addrs)
		return false;
	*index = n->addrs[i].index;
	*addr = n->addrs[i].addr;
	*prefix = n->addrs[i].prefix;
	return true;
}
