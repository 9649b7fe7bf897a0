/*
 * mcast_join.c - the group on one interface: joined by index, since an
 * interface may have no address, and two may have the same one.
 *
 * With sources each is joined on its own (MCAST_JOIN_SOURCE_GROUP), and the
 * kernel refuses the others. It takes no more than net.ipv4.igmp_max_msf of
 * them; beyond that the group is joined for any source and others are refused
 * in mcast_recv.c. RFC 3678 (the protocol-independent interface).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/mcast_int.h"

static int level(const struct lan_mcast *m)
{
	return mcast_v6(m) ? IPPROTO_IPV6 : IPPROTO_IP;
}

static int group_option(const struct lan_mcast *m, int option, uint32_t index)
{
	struct group_req req;
	memset(&req, 0, sizeof req);
	req.gr_interface = index;
	memcpy(&req.gr_group, &m->group, lan_sockaddr_len(&m->group));
	return setsockopt(m->fd, level(m), option, &req, sizeof req) < 0 ? errno : 0;
}

static int source_option(const struct lan_mcast *m, int option, uint32_t index, const union lan_sockaddr *src)
{
	struct group_source_req req;
	memset(&req, 0, sizeof req);
	req.gsr_interface = index;
	memcpy(&req.gsr_group, &m->group, lan_sockaddr_len(&m->group));
	memcpy(&req.gsr_source, src, lan_sockaddr_len(src));
	return setsockopt(m->fd, level(m), option, &req, sizeof req) < 0 ? errno : 0;
}

static int join_sources(struct lan_mcast *m, uint32_t index)
{
	int err = 0;
	for (size_t i = 0; i < m->n_sources && !err; i++) {
		err = source_option(m, MCAST_JOIN_SOURCE_GROUP, index, &m->sources[i]);
		if (err == EADDRNOTAVAIL) /* how Linux says that it is there already */
			err = 0;
	}
	if (err)
		group_option(m, MCAST_LEAVE_GROUP, index);
	return err;
}

enum lan_err mcast_join(struct lan_mcast *m, struct mcast_row *r)
{
	int err = ENOBUFS;
	if (m->n_sources)
		err = join_sources(m, r->index);
	if (err == ENOBUFS)
		err = group_option(m, MCAST_JOIN_GROUP, r->index);
	if (err == ENOBUFS) /* net.ipv4.igmp_max_memberships */
		return LAN_ERR_LIMIT;
	return lan_err_from_errno(err);
}

void mcast_leave(struct lan_mcast *m, struct mcast_row *r)
{
	/* Drops the memberships of all sources at once; works without the interface, too. */
	group_option(m, MCAST_LEAVE_GROUP, r->index);
}

static bool set_default(const struct lan_mcast *m, int fd, const struct mcast_row *r)
{
	if (mcast_v6(m)) {
		int index = (int)r->index;
		return setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) == 0;
	}
	struct ip_mreqn req = {.imr_ifindex = (int)r->index};
	if (r->src.any.sa_family == AF_INET)
		req.imr_address = r->src.v4.sin_addr;
	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof req) == 0;
}

/* Our address as the group sees it: what the kernel gives a socket that is connected to it. */
static void find_own(struct lan_mcast *m, const struct mcast_row *r)
{
	union lan_sockaddr own, to = m->group;
	socklen_t len = sizeof own;
	m->own[0] = '\0';
	int fd = socket(m->group.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (mcast_v6(m))
		to.v6.sin6_scope_id = r->index;
	if (set_default(m, fd, r) && connect(fd, &to.any, lan_sockaddr_len(&to)) == 0 &&
		getsockname(fd, &own.any, &len) == 0) {
		if (mcast_v6(m))
			own.v6.sin6_port = m->group.v6.sin6_port;
		else
			own.v4.sin_port = m->group.v4.sin_port;
		lan_sockaddr_text(&own, m->own);
	}
	close(fd);
}

void mcast_default(struct lan_mcast *m)
{
	const struct mcast_row *first = NULL;
	for (size_t i = 0; i < m->n_rows && !first; i++)
		if (m->rows[i].joined)
			first = &m->rows[i];
	if (!first) {
		m->default_if = 0;
		return;
	}
	bool other =
		m->default_if != first->index || memcmp(&m->default_src, &first->src, sizeof first->src) != 0;
	if (other) {
		/* When this fails each send names its interface. */
		m->default_if = set_default(m, m->fd, first) ? first->index : 0;
		m->default_src = first->src;
	}
	if (other || mcast_v6(m)) /* IPv6 chooses among addresses that come and go */
		find_own(m, first);
	if (mcast_v6(m))
		m->group.v6.sin6_scope_id = m->default_if;
}
