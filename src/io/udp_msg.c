/*
 * udp_msg.c - control data of datagrams, see udp_msg.h.
 */
#include "io/udp_msg.h"

#include <netinet/udp.h>
#include <string.h>

void udp_msg_read(struct msghdr *h, struct udp_about *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		const void *data = CMSG_DATA(c);
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			const struct in_pktinfo *p = data;
			out->ifindex = (uint32_t)p->ipi_ifindex;
			out->to.any.sa_family = AF_INET;
			out->to.v4.sin_addr = p->ipi_addr;
			out->local = p->ipi_spec_dst;
			out->have_to = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			const struct in6_pktinfo *p = data;
			out->ifindex = p->ipi6_ifindex;
			out->to.any.sa_family = AF_INET6;
			out->to.v6.sin6_addr = p->ipi6_addr;
			out->have_to = true;
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, data, sizeof size);
			out->segment = size > 0 ? (size_t)size : 0;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&out->drops, data, sizeof out->drops);
			out->have_drops = true;
		}
	}
}

void udp_msg_put(struct msghdr *h, void *control, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)((char *)control + h->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	h->msg_control = control;
	h->msg_controllen += CMSG_SPACE(n);
}
