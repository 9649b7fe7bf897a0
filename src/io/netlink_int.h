/*
 * netlink_int.h - what the files of io/netlink share: the table, and who changes it.
 */
#ifndef LAN_IO_NETLINK_INT_H
#define LAN_IO_NETLINK_INT_H

#include <libmnl/libmnl.h>
#include "io/netlink.h"
#include "io/watch.h"

/* The kernel sends parts of a dump as large as the buffer of the last read, up to this. */
#define NETLINK_BUF 32768

struct netlink_link {
	struct lan_link_info info;
	bool stale;
	bool stacked; /* on another one: the kernel tells of its carrier at once */
};

struct netlink_addr {
	union lan_sockaddr addr;
	uint32_t index;
	uint8_t prefix;
	bool stale;
};

struct lan_netlink {
	struct lan_watch watch; /* the first member: it outlives the rest */
	struct lan_loop *loop;
	struct lan_deadline retry;
	struct lan_deadline glance; /* at the carriers */
	void (*fn)(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
		const union lan_sockaddr *addr);
	void *ctx;
	struct mnl_socket *sock;
	struct netlink_link *links; /* by rising index */
	struct netlink_addr *addrs; /* by rising index of the link, those of a link as they came */
	size_t n_links, cap_links, n_addrs, cap_addrs;
	size_t glanced;        /* where the last glance ended */
	lan_time glance_until; /* it was news of a link that long ago */
	uint32_t seq;
	bool quiet; /* the first dump is no news */
	_Alignas(struct nlmsghdr) uint8_t buf[NETLINK_BUF];
};

/* netlink_table.c: a message about a link or an address is compared with the table, and what differs told.
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err netlink_on_link(struct lan_netlink *n, const struct nlmsghdr *h);
LAN_WUR enum lan_err netlink_on_addr(struct lan_netlink *n, const struct nlmsghdr *h);
void netlink_mark_stale(struct lan_netlink *n);
void netlink_sweep(struct lan_netlink *n); /* what is stale still is gone */

/* netlink_glance.c */
void netlink_glance_on(struct lan_netlink *n); /* there was news */
void netlink_glance(void *netlink);            /* the deadline */

#endif
