/*
 * netlink.h - the kernel's links and addresses, as they are and as they change:
 * one rtnetlink socket (libmnl), a dump and then a monitor. Overrun (ENOBUFS) is
 * answered with a new dump: the table is right again, and differences are
 * reported as changes. The loss of a carrier is known within 100 ms, also when the
 * kernel keeps it to itself for longer. Source: rtnetlink(7).
 */
#ifndef LAN_IO_NETLINK_H
#define LAN_IO_NETLINK_H

#include <net/if.h>
#include "io/addr.h"
#include "io/loop.h"

struct lan_link_info {
	uint32_t index;
	char name[IFNAMSIZ];
	unsigned flags; /* IFF_UP, IFF_RUNNING, IFF_MULTICAST, IFF_LOOPBACK .. */
	uint32_t mtu;
	uint8_t mac[6];
	bool have_mac;
	bool carrier; /* there is one, and the operational state is not dormant or testing */
};

enum lan_netlink_what { LAN_LINK_NEW = 1, LAN_LINK_CHANGED, LAN_LINK_GONE, LAN_ADDR_NEW, LAN_ADDR_GONE };

struct lan_netlink;

/* fn is called in the loop for each change after open. `addr` is NULL for links. LAN_ERR_LIMIT,
 * LAN_ERR_NOMEM, LAN_ERR_PERM. */
LAN_WUR enum lan_err lan_netlink_open(struct lan_loop *l,
	void (*fn)(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
		const union lan_sockaddr *addr),
	void *ctx, struct lan_netlink **out);
void lan_netlink_close(struct lan_netlink *n);

/* Link number i by rising index, false past the end; by index or name, NULL if there is none. Views until the
 * next turn. */
bool lan_netlink_link(const struct lan_netlink *n, size_t i, const struct lan_link_info **out);
const struct lan_link_info *lan_netlink_by_index(const struct lan_netlink *n, uint32_t index);
const struct lan_link_info *lan_netlink_by_name(const struct lan_netlink *n, const char *name);
/* Address number i of all links, those of a link one after the other as they came; prefix length in *prefix.
 */
bool lan_netlink_addr(
	const struct lan_netlink *n, size_t i, uint32_t *index, union lan_sockaddr *addr, uint8_t *prefix);

/* The number of the first address of a link, or of where it would be. */
size_t lan_netlink_first_addr(const struct lan_netlink *n, uint32_t index);

/* The interface by which a datagram to `dst` leaves and its source address (all zero: not told), by the
 * routing table. LAN_ERR_UNREACH: no route. LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_netlink_route(
	const union lan_sockaddr *dst, uint32_t *index, union lan_sockaddr *src);

#endif
