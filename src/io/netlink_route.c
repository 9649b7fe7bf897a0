/*
 * netlink_route.c - one question to the routing table, as `ip route get` asks
 * it: by which interface, and from which of our addresses, would a datagram to
 * this destination leave. Asked on a socket of its own, which is gone when the
 * answer is there. Source: rtnetlink(7).
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include "io/errno_map.h"
#include "io/netlink.h"

static void take_address(const struct nlattr *a, union lan_sockaddr *src)
{
	if (src->any.sa_family == AF_INET && mnl_attr_get_payload_len(a) == 4)
		memcpy(&src->v4.sin_addr, mnl_attr_get_payload(a), 4);
	else if (src->any.sa_family == AF_INET6 && mnl_attr_get_payload_len(a) == 16)
		memcpy(&src->v6.sin6_addr, mnl_attr_get_payload(a), 16);
}

static enum lan_err understand(
	const struct nlmsghdr *h, const union lan_sockaddr *dst, uint32_t *index, union lan_sockaddr *src)
{
	const struct nlattr *a;
	if (h->nlmsg_type == NLMSG_ERROR)
		return lan_err_from_errno(((struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error);
	if (h->nlmsg_type != RTM_NEWROUTE)
		return LAN_ERR_UNREACH;
	memset(src, 0, sizeof *src);
	src->any.sa_family = dst->any.sa_family;
	*index = 0;
	mnl_attr_for_each(a, h, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_get_payload_len(a) == 4)
			*index = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_PREFSRC)
			take_address(a, src);
	}
	return *index ? LAN_OK : LAN_ERR_UNREACH;
}

static enum lan_err ask(
	struct mnl_socket *s, const union lan_sockaddr *dst, uint32_t *index, union lan_sockaddr *src)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = 1;
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->rtm_family = (unsigned char)dst->any.sa_family;
	if (dst->any.sa_family == AF_INET) {
		m->rtm_dst_len = 32;
		mnl_attr_put(h, RTA_DST, 4, &dst->v4.sin_addr);
	} else {
		m->rtm_dst_len = 128;
		mnl_attr_put(h, RTA_DST, 16, &dst->v6.sin6_addr);
	}
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return lan_err_from_errno(errno);
	/* The kernel answers within the call above: nothing to wait for. */
	ssize_t r = mnl_socket_recvfrom(s, buf, sizeof buf);
	if (r < 0)
		return lan_err_from_errno(errno);
	return mnl_nlmsg_ok(h, (int)r) ? understand(h, dst, index, src) : LAN_ERR_IO;
}

enum lan_err lan_netlink_route(const union lan_sockaddr *dst, uint32_t *index, union lan_sockaddr *src)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	enum lan_err e;
	union lan_sockaddr from;
	uint32_t by;
	if (!s)
		return lan_err_from_errno(errno);
	e = mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ? lan_err_from_errno(errno)
							  : ask(s, dst, &by, &from);
	mnl_socket_close(s);
	if (e)
		return e == LAN_ERR_NOTFOUND ? LAN_ERR_UNREACH : e;
	*index = by;
	*src = from;
	return LAN_OK;
}
