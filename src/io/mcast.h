/*
 * mcast.h - the sockets of one multicast group and port: joins per interface,
 * batches in both directions, and only what was asked for is let through.
 *
 * One socket, bound to group:port with SO_REUSEADDR, IP_MULTICAST_ALL off:
 * datagrams of other groups and unicast never arrive. IP_PKTINFO tells the
 * interface: what comes in by one that was not joined (or to another address)
 * is dropped and counted. It sends, too, so the source port is the group's.
 * recvmmsg with UDP_GRO, sendmmsg with UDP_SEGMENT where the kernel can; a
 * kernel or interface that refuses offload gets single datagrams from then on.
 * Interfaces that vanish and come back are joined again (io/netlink.h).
 *
 * IPv4 and IPv6; any-source and source-specific (MCAST_JOIN_SOURCE_GROUP).
 */
#ifndef LAN_IO_MCAST_H
#define LAN_IO_MCAST_H

#include "io/addr.h"
#include "io/loop.h"

struct lan_mcast;

struct lan_mcast_config {
	const char *address;       /* GROUP:PORT */
	const char *const *ifaces; /* names, addresses, or "all"; n 0: by the route to the group */
	size_t n_ifaces;
	const char *const *sources;
	size_t n_sources;
	int ttl; /* 0..255 */
	bool loopback;
	bool offload;
	uint32_t receive_buffer;
	/* A datagram (a segment of a batch): from, to be used during the call; buf is writable memory. */
	void (*datagram)(void *ctx, const union lan_sockaddr *from, uint32_t ifindex, uint8_t *buf, size_t n);
	/* May a datagram be handed over now? Asked before each; false: what was read already is kept, and
	 * the socket left alone, until lan_mcast_resume. */
	bool (*open)(void *ctx);
	/* After a batch: something may have happened. */
	void (*batch_done)(void *ctx);
	/* An interface was joined (err LAN_OK) or not (any more), or has refused to send for a second.
	 * Called at the end of a turn, for those that were asked for at open, too. */
	void (*iface)(void *ctx, const char *name, enum lan_err err);
	void *ctx;
	/* None of the functions may be NULL, and none may close the group. */
};

/* *why (may be NULL): static or thread-local text.
 * LAN_ERR_ADDR, LAN_ERR_UNREACH, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. With
 * named interfaces that are down or not there yet but well-formed names: LAN_OK, joined when they come. */
LAN_WUR enum lan_err lan_mcast_open(
	struct lan_loop *l, const struct lan_mcast_config *cfg, struct lan_mcast **out, const char **why);
void lan_mcast_close(struct lan_mcast *m); /* NULL is fine */

void lan_mcast_resume(struct lan_mcast *m);

/* Send `total` bytes as datagrams of `segment` bytes each (the last may be shorter), at most 64 of them and
 * 65507 bytes, on every joined interface. LAN_OK: handed to the kernel (or counted as an error of an
 * interface). LAN_ERR_AGAIN: the socket's queue is full and took only a part: call again with the very same
 * arguments, which goes on where it stopped, after `writable` was called. */
LAN_WUR enum lan_err lan_mcast_send(struct lan_mcast *m, const uint8_t *buf, size_t total, size_t segment);
void lan_mcast_on_writable(struct lan_mcast *m, void (*fn)(void *ctx));

/* Datagrams the kernel had no room for, as far as those that came tell; costs nothing. */
uint64_t lan_mcast_drops(const struct lan_mcast *m);

struct lan_mcast_stats {
	uint64_t kernel_drops; /* SO_RXQ_OVFL, SO_MEMINFO */
	uint64_t wrong_iface;  /* came in by an interface that was not asked for */
	uint64_t wrong_group;  /* to another destination address */
	uint64_t wrong_source; /* not one of `sources` */
	uint64_t truncated;
	uint64_t rx_datagrams, tx_datagrams, tx_errors;
};
void lan_mcast_stats(const struct lan_mcast *m, struct lan_mcast_stats *out);

struct lan_mcast_iface {
	const char *name; /* view */
	uint32_t index;
	bool joined;
	enum lan_err err;
	uint64_t rx_datagrams, tx_datagrams, tx_errors;
};
bool lan_mcast_iface(const struct lan_mcast *m, size_t i, struct lan_mcast_iface *out);

/* Canonical "239.1.2.3:5000"; own address as the group sees it, "192.0.2.7:5000" (route's choice; ""
 * unknown). */
const char *lan_mcast_address(const struct lan_mcast *m);
const char *lan_mcast_own(const struct lan_mcast *m);
bool lan_mcast_is_v6(const struct lan_mcast *m);

#endif
