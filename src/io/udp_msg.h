/*
 * udp_msg.h - what the kernel says beside a datagram, and what it is told: the control data of recvmsg and
 * sendmsg (ip(7), ipv6(7), socket(7), udp(7)), for all who speak UDP here.
 */
#ifndef LAN_IO_UDP_MSG_H
#define LAN_IO_UDP_MSG_H

#include <stddef.h>
#include <sys/socket.h>
#include "io/addr.h"

#define UDP_MSG_CONTROL 128 /* octets that hold all of it */

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct udp_about {
	bool have_to;
	bool have_drops;
	union lan_sockaddr to; /* the destination: family and address */
	struct in_addr local;  /* IPv4: our address, even if the destination is a group's */
	uint32_t ifindex;
	uint32_t drops; /* SO_RXQ_OVFL: so many so far; it wraps */
	size_t segment; /* UDP_GRO: size of the datagrams in it; 0: one */
};

/* `out` was zeroed. */
void udp_msg_read(struct msghdr *h, struct udp_about *out);

/* Append control data to a message; `control` has room and is aligned for struct cmsghdr. */
void udp_msg_put(struct msghdr *h, void *control, int level, int type, const void *data, size_t n);

#endif
