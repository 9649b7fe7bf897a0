/*
 * udp_int.h - what the files of io/udp share.
 */
#ifndef LAN_IO_UDP_INT_H
#define LAN_IO_UDP_INT_H

#include <sys/socket.h>
#include <sys/types.h>
#include "io/udp.h"
#include "io/udp_msg.h"
#include "io/watch.h"

#define UDP_SLOTS      64
#define UDP_SEGMENTS   64   /* as many as every kernel takes in one message */
#define UDP_MERGED     1232 /* octets of a datagram that fit each link with IPv6, so that none is too long */
#define UDP_SEND_BUF   (96u << 10)
#define UDP_TX_CONTROL (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

struct udp_rx {
	struct mmsghdr msgs[UDP_SLOTS];
	struct iovec iov[UDP_SLOTS];
	union lan_sockaddr from[UDP_SLOTS];
	_Alignas(struct cmsghdr) uint8_t control[UDP_SLOTS][UDP_MSG_CONTROL];
	unsigned dirty; /* slots whose headers the kernel has written to */
	uint8_t buf[UDP_SLOTS][LAN_UDP_MAX];
};

/* Message 0 is for a datagram that was cut off the next one. */
struct udp_tx {
	struct mmsghdr msgs[1 + UDP_SLOTS];
	struct iovec iov[1 + UDP_SLOTS];
	union lan_sockaddr to[1 + UDP_SLOTS];
	uint16_t segment[1 + UDP_SLOTS]; /* octets of its datagrams; the last may have fewer */
	uint16_t parts[1 + UDP_SLOTS];   /* how many datagrams it is */
	uint16_t about[1 + UDP_SLOTS];   /* octets of its control data without the segment's */
	_Alignas(struct cmsghdr) uint8_t control[1 + UDP_SLOTS][UDP_TX_CONTROL];
	unsigned head, end; /* the first that has not left, and behind the last; from 1 */
	unsigned tries;     /* of the first one */
	bool single;        /* not more than one datagram in a message: the network cannot cut */
	size_t used;        /* of buf */
	uint8_t buf[UDP_SEND_BUF];
};

struct lan_udp {
	struct lan_watch watch; /* the first member: it outlives the rest */
	struct lan_loop *loop;
	struct lan_udp_config cfg; /* only scalars and functions */
	struct lan_deadline breath;
	struct lan_udp_stats stats;
	lan_time stuck; /* since when the batch waits; 0: it does not */
	int fd;
	uint16_t port;
	uint32_t iface; /* the only one by which groups are heard; 0: any */
	bool v6, v4;    /* what it speaks */
	bool any;       /* bound to no address: each datagram says which it came to */
	bool paused, want_out;
	struct udp_rx rx;
	struct udp_tx tx;
};

/* udp.c */
void udp_interest(struct lan_udp *u);
void udp_canonical(union lan_sockaddr *a); /* IPv4 in IPv6 becomes IPv4 */

/* udp_recv.c */
void udp_rx_init(struct lan_udp *u);
void udp_rx_read(struct lan_udp *u);
/* Tell what ICMP said. True: there was something. */
bool udp_errors(struct lan_udp *u);

/* udp_send.c */
void udp_tx_init(struct lan_udp *u);
void udp_tx_wake(struct lan_udp *u); /* there may be room */

#endif
