/*
 * packet.h - raw Ethernet frames of one EtherType on one interface each (packet(7)).
 *
 * A socket per interface for receiving, bound to its index, with a kernel filter on the EtherType and
 * membership in the groups asked for; frames of ours, for other hosts, of other interfaces (a bond's, a
 * VLAN's) and with a VLAN tag that is not 0 are dropped and counted. A quiet socket is read with recvmmsg;
 * one on which many frames come gets a TPACKET_V3 ring until it is quiet again (docs/decisions/: a ring costs
 * memory and a kernel timer for each link, and delays what is rare). One socket for sending on all
 * interfaces, a batch in one system call.
 */
#ifndef LAN_IO_PACKET_H
#define LAN_IO_PACKET_H

#include <stdint.h>
#include "io/loop.h"

/* ---- sending: one for all interfaces */

struct lan_packet_tx;
/* LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_packet_tx_open(struct lan_loop *l, uint16_t ethertype, struct lan_packet_tx **out);
void lan_packet_tx_close(struct lan_packet_tx *t); /* NULL is fine; what is queued is tried once more */
/* Room for the content of the next frame: LAN_PACKET_MAX octets; NULL: the batch is full, flush first. */
#define LAN_PACKET_MAX 1500
uint8_t *lan_packet_tx_room(struct lan_packet_tx *t);
/* What was written there, n octets, goes to `to` by interface `ifindex`, with the next flush. */
void lan_packet_tx_add(struct lan_packet_tx *t, uint32_t ifindex, const uint8_t to[6], size_t n);
/* Send the batch. LAN_ERR_AGAIN: the socket is full; the rest stays, and `writable` is called when there is
 * room. Frames that an interface refuses (down, gone, too long) are dropped, each told to `failed`. */
LAN_WUR enum lan_err lan_packet_tx_flush(struct lan_packet_tx *t);
void lan_packet_tx_on(struct lan_packet_tx *t,
	void (*failed)(void *ctx, uint32_t ifindex, const uint8_t to[6], enum lan_err why),
	void (*writable)(void *ctx), void *ctx);

/* ---- receiving: one for each interface */

struct lan_packet_config {
	uint32_t ifindex;
	uint16_t ethertype;
	const uint8_t (*groups)[6]; /* multicast addresses to join; borrowed during open */
	size_t n_groups;
	uint32_t receive_buffer; /* 0: the system's */
	bool prompt; /* never a ring: whose next frame waits for what this one says would wait for a block */
	/* A frame: content of n octets, lent for the call. */
	void (*frame)(void *ctx, uint32_t ifindex, const uint8_t src[6], const uint8_t dst[6],
		const uint8_t *p, size_t n);
	/* Senders whose frames shall neither wait behind a flood of others nor be lost with it: up to `most`
	 * into `macs`; how many. Asked now and then while the link is busy. NULL: none. */
	size_t (*known)(void *ctx, uint32_t ifindex, uint8_t (*macs)[6], size_t most);
	/* After a batch. */
	void (*batch_done)(void *ctx, uint32_t ifindex);
	/* The interface is gone, or the socket does not work any more: close it. */
	void (*broken)(void *ctx, uint32_t ifindex, enum lan_err why);
	void *ctx;
};

struct lan_packet_stats {
	uint64_t rx_frames;
	uint64_t drop_other_host, drop_vlan, drop_iface, drop_truncated;
	uint64_t kernel_drops;
	uint32_t groups_failed; /* memberships the interface did not give */
	bool ring;              /* reads from a ring at present */
};

struct lan_packet;
/* LAN_ERR_PERM (CAP_NET_RAW), LAN_ERR_NOTFOUND (no such interface, or it is down for good), LAN_ERR_LIMIT,
 * LAN_ERR_NOMEM, LAN_ERR_NOTSUP (no Ethernet). */
LAN_WUR enum lan_err lan_packet_open(
	struct lan_loop *l, const struct lan_packet_config *cfg, struct lan_packet **out);
void lan_packet_close(struct lan_packet *p); /* NULL is fine. Not from inside `frame` or `batch_done` */
void lan_packet_stats(struct lan_packet *p, struct lan_packet_stats *out);
/* Sockets are closed by threads (packet_close.c): wait until those closed so far are. */
void lan_packet_settle(void);

#endif
