/*
 * netlink.c - links and addresses, see netlink.h.
 *
 * One way in for everything: the answers to a dump and the notices of changes
 * take the same path, which compares with the table and reports what differs.
 * So a new dump after an overrun reports exactly what was missed: before it all
 * entries are marked stale, what is not seen again by its end is gone.
 *
 * A dump is read to its end at once. The kernel produces its next part while
 * the last one is being read, so this never waits for anybody but the kernel.
 * Notices that carry nothing we keep (statistics, wireless events, bridge
 * ports) are no change. Source: rtnetlink(7), libmnl.
 */
#include "io/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"

/* The kernel sends parts of a dump as large as the buffer of the last read, up to this. */
#define BUF_SIZE 32768

/* Dumps in a row that were interrupted by changes before the table is taken as it is. */
#define DUMP_TRIES 16

/* Reads in one turn of the loop; the rest is reported again. */
#define READ_BURST 64

/* Pause after a dump that failed for want of memory. */
#define RETRY LAN_MS(200)

/* The kernel answers a dump in the call; this long is only waited for if it lies. */
#define DUMP_WAIT_MS 1000

struct link {
	struct lan_link_info info;
	bool stale;
};

struct addr {
	union lan_sockaddr addr;
	uint32_t index;
	uint8_t prefix;
	bool stale;
};

struct lan_netlink {
	struct lan_watch watch;
	struct lan_loop *loop;
	struct lan_deadline retry;
	void (*fn)(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
		const union lan_sockaddr *addr);
	void *ctx;
	struct mnl_socket *sock;
	struct link *links;
	struct addr *addrs;
	size_t n_links, cap_links, n_addrs, cap_addrs;
	uint32_t seq;
	bool quiet; /* the first dump is no news */
	_Alignas(struct nlmsghdr) uint8_t buf[BUF_SIZE];
};

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
	struct addr gone = n->addrs[i];
	n->n_addrs--;
	memmove(&n->addrs[i], &n->addrs[i + 1], (n->n_addrs - i) * sizeof *n->addrs);
	const struct lan_link_info *link = lan_netlink_by_index(n, gone.index);
	if (link) {
		struct lan_link_info copy = *link;
		report(n, LAN_ADDR_GONE, &copy, &gone.addr);
	}
}

static bool parse_addr(const struct nlmsghdr *h, struct addr *out)
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

static enum lan_err on_addr(struct lan_netlink *n, const struct nlmsghdr *h)
{
	struct addr a;
	size_t i = 0;
	if (!parse_addr(h, &a))
		return LAN_OK;
	while (i < n->n_addrs && !(n->addrs[i].index == a.index && n->addrs[i].prefix == a.prefix &&
					 same_addr(&n->addrs[i].addr, &a.addr)))
		i++;
	if (h->nlmsg_type == RTM_DELADDR) {
		if (i < n->n_addrs)
			remove_addr(n, i);
		return LAN_OK;
	}
	if (i < n->n_addrs) {
		n->addrs[i].stale = false;
		return LAN_OK;
	}
	if (!grow((void **)&n->addrs, &n->cap_addrs, n->n_addrs, sizeof *n->addrs))
		return LAN_ERR_NOMEM;
	n->addrs[n->n_addrs++] = a;
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
	for (size_t k = n->n_addrs; k-- > 0;)
		if (n->addrs[k].index == gone.index)
			remove_addr(n, k);
	n->n_links--;
	memmove(&n->links[i], &n->links[i + 1], (n->n_links - i) * sizeof *n->links);
	report(n, LAN_LINK_GONE, &gone, NULL);
}

static bool parse_link(const struct nlmsghdr *h, struct lan_link_info *out)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	/* AF_BRIDGE: about a port of a bridge, not about the link. */
	if (mnl_nlmsg_get_payload_len(h) < sizeof *m || m->ifi_family != AF_UNSPEC)
		return false;
	memset(out, 0, sizeof *out);
	out->index = (uint32_t)m->ifi_index;
	out->flags = m->ifi_flags;
	out->carrier = true;
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
				out->carrier = mnl_attr_get_u8(a) == IF_OPER_UP ||
					       mnl_attr_get_u8(a) == IF_OPER_UNKNOWN;
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

static enum lan_err on_link(struct lan_netlink *n, const struct nlmsghdr *h)
{
	struct lan_link_info info;
	size_t i = 0;
	if (!parse_link(h, &info))
		return LAN_OK;
	while (i < n->n_links && n->links[i].info.index != info.index)
		i++;
	if (h->nlmsg_type == RTM_DELLINK) {
		if (i < n->n_links)
			remove_link(n, i);
		return LAN_OK;
	}
	if (i < n->n_links) {
		n->links[i].stale = false;
		if (same_link(&n->links[i].info, &info))
			return LAN_OK;
		n->links[i].info = info;
		report(n, LAN_LINK_CHANGED, &info, NULL);
		return LAN_OK;
	}
	if (!grow((void **)&n->links, &n->cap_links, n->n_links, sizeof *n->links))
		return LAN_ERR_NOMEM;
	n->links[n->n_links++] = (struct link){.info = info};
	report(n, LAN_LINK_NEW, &info, NULL);
	return LAN_OK;
}

/* ---- messages ----------------------------------------------------------- */

/* What a read brought beyond the table: the end of the dump asked for, an error. */
struct heard {
	bool done, interrupted;
	enum lan_err err;
};

static void on_message(struct lan_netlink *n, const struct nlmsghdr *h, struct heard *out)
{
	bool answer = n->seq && h->nlmsg_seq == n->seq;
	enum lan_err e = LAN_OK;
	if (answer && h->nlmsg_flags & NLM_F_DUMP_INTR)
		out->interrupted = true;
	switch (h->nlmsg_type) {
	case NLMSG_DONE:
		out->done |= answer;
		return;
	case NLMSG_ERROR:
		if (answer && mnl_nlmsg_get_payload_len(h) >= sizeof(struct nlmsgerr))
			e = lan_err_from_errno(((struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		e = on_link(n, h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		e = on_addr(n, h);
		break;
	}
	if (e && !out->err)
		out->err = e;
}

/* One read and all that was in it. LAN_ERR_AGAIN: nothing there. LAN_ERR_FULL: notices were lost. */
static enum lan_err read_once(struct lan_netlink *n, struct heard *out)
{
	ssize_t r;
	do
		r = mnl_socket_recvfrom(n->sock, n->buf, sizeof n->buf);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ENOBUFS || errno == ENOSPC ? LAN_ERR_FULL : lan_err_from_errno(errno);
	int left = (int)r;
	for (const struct nlmsghdr *h = (const void *)n->buf; mnl_nlmsg_ok(h, left);
		h = mnl_nlmsg_next(h, &left))
		on_message(n, h, out);
	return LAN_OK;
}

/* ---- dump --------------------------------------------------------------- */

static enum lan_err request(struct lan_netlink *n, uint16_t type)
{
	char buf[64];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = n->seq = n->seq == UINT32_MAX ? 1 : n->seq + 1;
	/* ifinfomsg and ifaddrmsg both begin with the family: all of them. */
	mnl_nlmsg_put_extra_header(
		h, type == RTM_GETLINK ? sizeof(struct ifinfomsg) : sizeof(struct ifaddrmsg));
	return mnl_socket_sendto(n->sock, h, h->nlmsg_len) < 0 ? lan_err_from_errno(errno) : LAN_OK;
}

static enum lan_err dump_one(struct lan_netlink *n, uint16_t type, bool *again)
{
	struct heard heard = {0};
	enum lan_err e = request(n, type);
	while (!e && !heard.done && !heard.err) {
		e = read_once(n, &heard);
		if (e == LAN_ERR_FULL) {
			*again = true;
			e = LAN_OK;
		} else if (e == LAN_ERR_AGAIN) {
			struct pollfd p = {.fd = mnl_socket_get_fd(n->sock), .events = POLLIN};
			e = poll(&p, 1, DUMP_WAIT_MS) > 0 ? LAN_OK : LAN_ERR_TIMEOUT;
		}
	}
	*again |= heard.interrupted;
	return e ? e : heard.err;
}

static void mark_stale(struct lan_netlink *n)
{
	for (size_t i = 0; i < n->n_links; i++)
		n->links[i].stale = true;
	for (size_t i = 0; i < n->n_addrs; i++)
		n->addrs[i].stale = true;
}

static void sweep(struct lan_netlink *n)
{
	for (size_t i = n->n_addrs; i-- > 0;)
		if (n->addrs[i].stale)
			remove_addr(n, i);
	for (size_t i = n->n_links; i-- > 0;)
		if (n->links[i].stale)
			remove_link(n, i);
}

/* The table becomes what the kernel has. Links first: a report of an address names its link. */
static enum lan_err dump(struct lan_netlink *n)
{
	bool again = true;
	for (int i = 0; i < DUMP_TRIES && again; i++) {
		again = false;
		mark_stale(n);
		enum lan_err e = dump_one(n, RTM_GETLINK, &again);
		if (!e)
			e = dump_one(n, RTM_GETADDR, &again);
		if (e)
			return e;
	}
	/* Interrupted as often as this: what it did not show is asked for again later. */
	if (again)
		lan_deadline_arm(n->loop, &n->retry, lan_loop_now(n->loop) + RETRY);
	else
		sweep(n);
	return LAN_OK;
}

static void renew(struct lan_netlink *n)
{
	if (dump(n))
		lan_deadline_arm(n->loop, &n->retry, lan_loop_now(n->loop) + RETRY);
}

static void on_retry(void *ctx)
{
	renew(ctx);
}

static void on_readable(void *ctx, int events)
{
	struct lan_netlink *n = ctx;
	struct heard heard = {0};
	enum lan_err e = LAN_OK;
	for (int i = 0; i < READ_BURST && !e; i++)
		e = read_once(n, &heard);
	if ((e && e != LAN_ERR_AGAIN) || heard.err)
		renew(n);
	if (events & LAN_BROKEN)
		lan_watch_set(&n->watch, LAN_READABLE);
}

/* ---- face --------------------------------------------------------------- */

static enum lan_err open_socket(struct mnl_socket **out)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s)
		return lan_err_from_errno(errno);
	if (mnl_socket_bind(s, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) <
		0) {
		int err = errno;
		mnl_socket_close(s);
		return lan_err_from_errno(err);
	}
	*out = s;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	struct lan_netlink *n = (struct lan_netlink *)w; /* the watch is the first member */
	free(n->links);
	free(n->addrs);
	free(n);
}

enum lan_err lan_netlink_open(struct lan_loop *l,
	void (*fn)(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
		const union lan_sockaddr *addr),
	void *ctx, struct lan_netlink **out)
{
	struct lan_netlink *n = calloc(1, sizeof *n);
	if (!n)
		return LAN_ERR_NOMEM;
	enum lan_err e = open_socket(&n->sock);
	if (e)
		goto no_socket;
	e = lan_deadline_init(l, &n->retry, on_retry, n);
	if (e)
		goto no_deadline;
	e = lan_watch_init(&n->watch, l, mnl_socket_get_fd(n->sock), on_readable, n);
	if (e)
		goto no_watch;
	n->loop = l;
	n->fn = fn;
	n->ctx = ctx;
	n->quiet = true;
	e = dump(n);
	if (e) {
		lan_netlink_close(n);
		return e;
	}
	n->quiet = false;
	lan_watch_set(&n->watch, LAN_READABLE);
	*out = n;
	return LAN_OK;
no_watch:
	lan_deadline_fini(l, &n->retry);
no_deadline:
	mnl_socket_close(n->sock);
no_socket:
	free(n);
	return e;
}

void lan_netlink_close(struct lan_netlink *n)
{
	if (!n)
		return;
	lan_deadline_fini(n->loop, &n->retry);
	lan_watch_close(&n->watch, on_closed);
	mnl_socket_close(n->sock);
}

bool lan_netlink_link(const struct lan_netlink *n, size_t i, const struct lan_link_info **out)
{
	if (i >= n->n_links)
		return false;
	*out = &n->links[i].info;
	return true;
}

const struct lan_link_info *lan_netlink_by_index(const struct lan_netlink *n, uint32_t index)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].info.index == index)
			return &n->links[i].info;
	return NULL;
}

const struct lan_link_info *lan_netlink_by_name(const struct lan_netlink *n, const char *name)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (strcmp(n->links[i].info.name, name) == 0)
			return &n->links[i].info;
	return NULL;
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
