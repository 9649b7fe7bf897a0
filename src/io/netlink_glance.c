/*
 * netlink_glance.c - is the carrier still there? The kernel tells of a carrier that is lost at most once a
 * second, for all its links together: a loss within a second of other news comes late, and one that is over
 * by then not at all (net/core/link_watch.c of Linux). What came back, and links upon others (VLAN, veth),
 * are told at once. So for a while after each notice we ask for the flags, which are of the moment, of each
 * link that stands on its own and has a carrier. The answers take the way of all messages.
 */
#include "io/netlink_int.h"

#include <linux/rtnetlink.h>

#define EACH  LAN_MS(50)
#define WHILE LAN_MS(1200)

/* Links asked for at once; with more of them the rest is next. */
#define MOST 32

static bool worth_it(const struct netlink_link *l)
{
	return l->info.carrier && !l->stacked && !(l->info.flags & IFF_LOOPBACK);
}

static void ask(struct mnl_nlmsg_batch *b, uint32_t index)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b));
	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST; /* and no number: that it is gone by now is no error */
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->ifi_index = (int)index;
	mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	mnl_nlmsg_batch_next(b);
}

void netlink_glance(void *netlink)
{
	struct lan_netlink *n = netlink;
	char buf[64 * (MOST + 1)];
	struct mnl_nlmsg_batch *b = mnl_nlmsg_batch_start(buf, sizeof buf);
	unsigned asked = 0;
	if (!b)
		return; /* out of memory: the notice comes, if late */
	for (size_t k = 0; k < n->n_links && asked < MOST; k++) {
		n->glanced = (n->glanced + 1) % n->n_links;
		if (!worth_it(&n->links[n->glanced]))
			continue;
		ask(b, n->links[n->glanced].info.index);
		asked++;
	}
	if (asked)
		(void)!mnl_socket_sendto(n->sock, mnl_nlmsg_batch_head(b), mnl_nlmsg_batch_size(b));
	mnl_nlmsg_batch_stop(b);
	lan_time now = lan_loop_now(n->loop);
	if (now < n->glance_until)
		lan_deadline_arm(n->loop, &n->glance, now + EACH);
}

void netlink_glance_on(struct lan_netlink *n)
{
	lan_time now = lan_loop_stamp(n->loop);
	if (now >= n->glance_until)
		lan_deadline_arm(n->loop, &n->glance, now + EACH);
	n->glance_until = now + WHILE;
}
