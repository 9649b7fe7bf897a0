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
 * Source: rtnetlink(7), libmnl.
 */
#include "io/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/netlink_int.h"

/* Dumps in a row that were interrupted by changes before the table is taken as it is. */
#define DUMP_TRIES 16

/* Reads in one turn of the loop; the rest is reported again. */
#define READ_BURST 64

/* Pause after a dump that failed for want of memory. */
#define RETRY LAN_MS(200)

/* The kernel answers a dump in the call; this long is only waited for if it lies. */
#define DUMP_WAIT_MS 1000

/* A thousand links that come up at once are some thousand notices, of 2 KiB and more each. */
#define RECEIVE_BUF (2 << 20)

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
		e = netlink_on_link(n, h);
		if (h->nlmsg_pid != mnl_socket_get_portid(n->sock))
			netlink_glance_on(n);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		e = netlink_on_addr(n, h);
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

/* The table becomes what the kernel has. Links first: a report of an address names its link. */
static enum lan_err dump(struct lan_netlink *n)
{
	bool again = true;
	for (int i = 0; i < DUMP_TRIES && again; i++) {
		again = false;
		netlink_mark_stale(n);
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
		netlink_sweep(n);
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
	int size = RECEIVE_BUF;
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s)
		return lan_err_from_errno(errno);
	if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
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
	e = lan_deadline_init(l, &n->glance, netlink_glance, n);
	if (e)
		goto no_glance;
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
	lan_deadline_fini(l, &n->glance);
no_glance:
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
	lan_deadline_fini(n->loop, &n->glance);
	lan_watch_close(&n->watch, on_closed);
	mnl_socket_close(n->sock);
}
