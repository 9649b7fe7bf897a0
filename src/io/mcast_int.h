/*
 * mcast_int.h - what the files of io/mcast share. One socket serves both
 * directions: bound to group:port it never takes anybody's unicast, its source
 * port is the channel's, and Linux picks the source address as for an unbound
 * one, since a multicast address is none to send from. (A link-local IPv6 group
 * cannot be bound without tying the socket to one interface: there it is bound
 * to the port alone, and what was sent elsewhere is counted as wrong_group.)
 *
 * A row is an interface that was asked for: by name, by address, by the routing
 * table, or, of "all", one that is there.
 */
#ifndef LAN_IO_MCAST_INT_H
#define LAN_IO_MCAST_INT_H

#include <sys/socket.h>
#include "io/mcast.h"
#include "io/netlink.h"
#include "io/watch.h"

#define MCAST_SLOTS    32
#define MCAST_SLOT     65536 /* above any UDP datagram and any GRO batch */
#define MCAST_SEGMENTS 64
#define MCAST_CONTROL  128

enum mcast_by { MCAST_BY_NAME, MCAST_BY_ADDR, MCAST_BY_ROUTE, MCAST_BY_ALL };

struct mcast_row {
	enum mcast_by by;
	union lan_sockaddr want; /* MCAST_BY_ADDR */
	union lan_sockaddr src;  /* the address to send from; family 0: the kernel's choice */
	char want_name[IFNAMSIZ];
	char name[LAN_ADDR_TEXT_MAX];
	uint32_t index; /* of the link it is bound to; 0: none */
	uint32_t mtu;
	bool carrier;
	bool joined;
	bool told;   /* `err` is what the owner was told */
	bool gone;   /* to be removed when that was told */
	bool no_gso; /* the interface refused segmentation offload */
	enum lan_err err;
	lan_time failing; /* since when each send failed; 0: it works */
	size_t sent;      /* bytes of a send that was cut short */
	bool done;        /* this row has all of it */
	uint64_t rx_datagrams, tx_datagrams, tx_errors;
};

struct mcast_rx;

struct lan_mcast {
	struct lan_watch watch;
	struct lan_loop *loop;
	struct lan_mcast_config cfg; /* only scalars and functions: the rest is borrowed during open */
	struct lan_netlink *netlink;
	struct lan_task task;       /* owners are told at the end of a turn; parked datagrams go on */
	struct lan_deadline retry;  /* joins that failed */
	struct lan_deadline breath; /* sends that found no memory */
	int fd;
	union lan_sockaddr group;
	union lan_sockaddr *sources;
	size_t n_sources;
	struct mcast_row *rows;
	size_t n_rows, cap_rows;
	bool all;
	uint32_t default_if; /* what IP_MULTICAST_IF is set to */
	union lan_sockaddr default_src;

	struct mcast_rx *rx;
	uint32_t drops; /* the socket's counter as last seen; it wraps */
	bool paused;

	bool blocked;  /* a send was cut short: rows know how far they are */
	bool want_out; /* waiting for room in the socket */
	void (*writable)(void *ctx);

	struct lan_mcast_stats stats;
	char address[LAN_ADDR_TEXT_MAX], own[LAN_ADDR_TEXT_MAX];
};

static inline bool mcast_v6(const struct lan_mcast *m)
{
	return m->group.any.sa_family == AF_INET6;
}

bool mcast_same_addr(const union lan_sockaddr *a, const union lan_sockaddr *b);
void mcast_interest(struct lan_mcast *m);

/* mcast_row.c */
LAN_WUR enum lan_err mcast_rows_open(
	struct lan_mcast *m, const struct lan_mcast_config *cfg, const char **why);
void mcast_rows_match(struct lan_mcast *m); /* join what can be, leave what cannot be any more */
void mcast_rows_tell(struct lan_mcast *m);
void mcast_row_state(struct lan_mcast *m, struct mcast_row *r, enum lan_err err);

/* mcast_join.c */
LAN_WUR enum lan_err mcast_join(struct lan_mcast *m, struct mcast_row *r);
void mcast_leave(struct lan_mcast *m, struct mcast_row *r);
void mcast_default(struct lan_mcast *m); /* the socket's default interface: the first one joined */

/* mcast_recv.c */
LAN_WUR enum lan_err mcast_rx_new(struct lan_mcast *m);
void mcast_rx_free(struct lan_mcast *m);
void mcast_rx_read(struct lan_mcast *m);
bool mcast_rx_parked(const struct lan_mcast *m);

#endif
