/*
 * udp_recv.c - datagrams in, see udp.h: one batch in a turn of the loop (it is level-triggered), so that what
 * a batch makes necessary is done before the next is read. And what ICMP says about datagrams of ours, from
 * the error queue of the socket: the kernel keeps the destination of the datagram with it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <linux/errqueue.h>
#include "io/errno_map.h"
#include "io/udp_int.h"

#define TURN_ERRORS 64

void udp_rx_init(struct lan_udp *u)
{
	struct udp_rx *rx = &u->rx;
	rx->dirty = UDP_SLOTS;
	for (unsigned i = 0; i < UDP_SLOTS; i++) {
		rx->iov[i] = (struct iovec){.iov_base = rx->buf[i], .iov_len = LAN_UDP_MAX};
		rx->msgs[i].msg_hdr =
			(struct msghdr){.msg_name = &rx->from[i], .msg_iov = &rx->iov[i], .msg_iovlen = 1};
	}
}

/* True: to a group, or to all. */
static bool read_path(struct lan_udp *u, const struct udp_about *a, struct lan_udp_path *path)
{
	if (a->to.any.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&a->to.v6.sin6_addr)) {
		const struct in6_addr *to = &a->to.v6.sin6_addr;
		bool group = IN6_IS_ADDR_MULTICAST(to);
		if (group || IN6_IS_ADDR_LINKLOCAL(to))
			path->ifindex = a->ifindex;
		if (!group)
			memcpy(path->local, to, 16);
		return group;
	}
	struct in_addr to = a->to.v4.sin_addr, local = a->local;
	if (a->to.any.sa_family == AF_INET6)
		memcpy(&to, &a->to.v6.sin6_addr.s6_addr[12], 4);
	bool group = IN_MULTICAST(ntohl(to.s_addr)) || to.s_addr == INADDR_BROADCAST;
	if (a->to.any.sa_family == AF_INET) /* the broadcast address of a network is not `local` either */
		group |= local.s_addr != to.s_addr;
	else if (!group)
		local = to;
	if (local.s_addr) {
		path->local[10] = path->local[11] = 0xff;
		memcpy(path->local + 12, &local, 4);
	}
	return group;
}

static void hand_over(struct lan_udp *u, unsigned i)
{
	struct udp_rx *rx = &u->rx;
	struct msghdr *h = &rx->msgs[i].msg_hdr;
	struct lan_udp_path path = {.ifindex = 0};
	struct udp_about a = {.segment = 0};
	if (h->msg_controllen)
		udp_msg_read(h, &a);
	bool group = a.have_to && read_path(u, &a, &path);
	/* A socket that joined an IPv6 group on one interface hears it on all. */
	if (h->msg_flags & MSG_TRUNC || (group && u->iface && a.ifindex != u->iface)) {
		*(h->msg_flags & MSG_TRUNC ? &u->stats.truncated : &u->stats.wrong_iface) += 1;
		return;
	}
	u->stats.rx_datagrams++;
	if (u->v6)
		udp_canonical(&rx->from[i]);
	u->cfg.datagram(u->cfg.ctx, &rx->from[i], &path, group, rx->buf[i], rx->msgs[i].msg_len);
}

static int receive(struct lan_udp *u)
{
	struct udp_rx *rx = &u->rx;
	int n;
	for (unsigned i = 0; i < rx->dirty; i++) {
		rx->msgs[i].msg_hdr.msg_namelen = sizeof rx->from[i];
		rx->msgs[i].msg_hdr.msg_control = u->any ? rx->control[i] : NULL;
		rx->msgs[i].msg_hdr.msg_controllen = u->any ? UDP_MSG_CONTROL : 0;
	}
	rx->dirty = 0;
	do
		n = recvmmsg(u->fd, rx->msgs, UDP_SLOTS, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		rx->dirty = (unsigned)n;
	return n;
}

void udp_rx_read(struct lan_udp *u)
{
	if (u->cfg.open && !u->cfg.open(u->cfg.ctx)) {
		u->paused = true;
		return;
	}
	int n = receive(u);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && udp_errors(u))
		n = receive(u);
	for (int i = 0; i < n; i++)
		hand_over(u, (unsigned)i);
	if (n > 0)
		u->cfg.batch_done(u->cfg.ctx);
}

/* ---- errors ------------------------------------------------------------------------------------ */

static const struct sock_extended_err *error_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return (const void *)CMSG_DATA(c);
	return NULL;
}

static void tell(struct lan_udp *u, struct msghdr *h, union lan_sockaddr *to)
{
	const struct sock_extended_err *e = error_of(h);
	if (!e || !h->msg_namelen)
		return;
	udp_canonical(to);
	if (u->cfg.failed)
		u->cfg.failed(u->cfg.ctx, to, lan_err_from_errno((int)e->ee_errno));
}

bool udp_errors(struct lan_udp *u)
{
	_Alignas(struct cmsghdr) uint8_t control[512];
	uint8_t byte;
	int err = 0;
	socklen_t len = sizeof err;
	bool any = false;
	for (int i = 0; i < TURN_ERRORS; i++) {
		union lan_sockaddr to;
		struct iovec iov = {.iov_base = &byte, .iov_len = 1};
		struct msghdr h = {.msg_name = &to,
			.msg_namelen = sizeof to,
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof control};
		if (recvmsg(u->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		any = true;
		tell(u, &h, &to);
	}
	/* One that found no place in the queue still waits to be said. */
	return (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err) || any;
}
