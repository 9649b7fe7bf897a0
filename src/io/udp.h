/*
 * udp.h - one UDP socket for messages with many peers: batches in both directions, and an answer leaves from
 * the address that was asked.
 *
 * Bound to [::] it speaks IPv6 and IPv4; IPv4 peers are IPv4 addresses here whatever the socket is. What
 * ICMP says about a datagram of ours (port closed, no route, too big) is told to `failed`.
 */
#ifndef LAN_IO_UDP_H
#define LAN_IO_UDP_H

#include "io/addr.h"
#include "io/loop.h"

#define LAN_UDP_MAX 2048 /* octets of a datagram, either way; longer ones are dropped and counted */

struct lan_udp;

/* By which address of ours a datagram came, and how an answer goes back. All zero: not told. */
struct lan_udp_path {
	uint8_t local[16]; /* IPv6, or IPv4 mapped into it; zero: the kernel's choice */
	uint32_t ifindex;  /* of link-local addresses and of groups; else 0 */
};

struct lan_udp_config {
	const char *address; /* ADDR:PORT, numeric; "" or [::] as ADDR: all of IPv6 and IPv4 */
	const char *iface;   /* NULL: none. What goes to groups leaves here, and `groups` are joined here */
	const char *const *groups; /* numeric addresses without port; those of a family it does not speak and
				      of a host without it are passed over. Borrowed during open */
	size_t n_groups;
	bool deaf;               /* what it sends to groups is not heard on this host */
	uint32_t receive_buffer; /* 0: the system's */
	/* A datagram: `buf` is lent for the call, writable. `group`: it was sent to a group or to all. */
	void (*datagram)(void *ctx, const union lan_sockaddr *from, const struct lan_udp_path *path,
		bool group, uint8_t *buf, size_t n);
	/* May be read now? Asked before each batch; false: not until lan_udp_resume. NULL: always. */
	bool (*open)(void *ctx);
	void (*batch_done)(void *ctx);
	/* A datagram did not leave, or did not arrive (LAN_ERR_REFUSED: nobody has the port). */
	void (*failed)(void *ctx, const union lan_sockaddr *to, enum lan_err why);
	/* After LAN_ERR_AGAIN: flush again. */
	void (*writable)(void *ctx);
	void *ctx;
	/* None of the functions may close the socket. */
};

/* *why: static text. LAN_ERR_ADDR (not understood, or not of this host), LAN_ERR_NOTFOUND (no such
 * interface), LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_udp_open(
	struct lan_loop *l, const struct lan_udp_config *cfg, struct lan_udp **out, const char **why);
/* What is in the batch is tried once more. NULL is fine. */
void lan_udp_close(struct lan_udp *u);
void lan_udp_resume(struct lan_udp *u);

/* Room for the next datagram, LAN_UDP_MAX octets; NULL: the batch is full, flush first. */
uint8_t *lan_udp_room(struct lan_udp *u);
/* What was written there, n octets, goes to `to` with the next flush. LAN_ERR_ADDR: not a family of the
 * socket. `path` may be NULL. */
LAN_WUR enum lan_err lan_udp_add(
	struct lan_udp *u, const union lan_sockaddr *to, const struct lan_udp_path *path, size_t n);
/* LAN_ERR_AGAIN: the socket is full; the rest stays, and `writable` is called when it is worth trying: when
 * there is room, or when what waited too long was given up (each told to `failed`). */
LAN_WUR enum lan_err lan_udp_flush(struct lan_udp *u);

struct lan_udp_stats {
	uint64_t rx_datagrams, tx_datagrams, tx_errors;
	uint64_t truncated, kernel_drops;
	uint64_t wrong_iface; /* to a group, but not by `iface` */
};
void lan_udp_stats(const struct lan_udp *u, struct lan_udp_stats *out);
uint16_t lan_udp_port(const struct lan_udp *u);
bool lan_udp_is_v6(const struct lan_udp *u); /* speaks IPv6 */
bool lan_udp_is_v4(const struct lan_udp *u); /* speaks IPv4 */

#endif
