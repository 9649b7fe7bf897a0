/*
 * udp.c - opening and closing, see udp.h and udp_int.h.
 *
 * Only a socket that is bound to no address needs to be told by which one a datagram came (IP_PKTINFO,
 * IPV6_PKTINFO); one that is bound to an address has no choice. Of groups it hears only those it joined
 * itself (IP_MULTICAST_ALL off). Errors of ICMP are asked for (IP_RECVERR), because a datagram socket without
 * a peer is not told otherwise. RFC 3542, ip(7), ipv6(7), udp(7).
 */
#include "io/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/udp_int.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

#define SEND_BUF (4 << 20)

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

void udp_canonical(union lan_sockaddr *a)
{
	if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = a->v6.sin6_port};
	memcpy(&v4.sin_addr, &a->v6.sin6_addr.s6_addr[12], 4);
	a->v4 = v4;
}

/* ---- the address ------------------------------------------------------------------ */

static bool host_has_v6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Where to bind; u->v4, u->v6, u->any. */
static enum lan_err understand(
	struct lan_udp *u, const struct lan_udp_config *cfg, union lan_sockaddr *at, const char **why)
{
	struct lan_hostport hp;
	*why = "an address is ADDR:PORT, as 192.0.2.1:5683, [2001:db8::1]:5683 or [::]:5683";
	if (lan_hostport_parse(cfg->address, 0, &hp))
		return LAN_ERR_ADDR;
	bool both = !*hp.host || !strcmp(hp.host, "::");
	if (both)
		strcpy(hp.host, host_has_v6() ? "::" : "0.0.0.0");
	if (lan_sockaddr_numeric(&hp, at))
		return LAN_ERR_ADDR;
	u->v6 = at->any.sa_family == AF_INET6;
	u->v4 = both || !u->v6;
	u->any = u->v6 ? IN6_IS_ADDR_UNSPECIFIED(&at->v6.sin6_addr) : at->v4.sin_addr.s_addr == INADDR_ANY;
	*why = "a link-local address needs its interface: [fe80::1%eth0]:5683";
	if (u->v6 && IN6_IS_ADDR_LINKLOCAL(&at->v6.sin6_addr) && !at->v6.sin6_scope_id)
		return LAN_ERR_ADDR;
	return LAN_OK;
}

/* ---- the socket ---------------------------------------------------------------------- */

static bool set_options(struct lan_udp *u)
{
	int fd = u->fd, size = (int)u->cfg.receive_buffer;
	bool ok = true;
	if (u->v6)
		ok = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !u->v4) &&
		     (!u->any || set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	else if (u->any)
		ok = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	/* The rest is wished for: without it things are a little worse. */
	if (u->v6) {
		set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	}
	if (u->cfg.deaf && u->v4)
		set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	if (u->cfg.deaf && u->v6)
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	if (u->v4) {
		set(fd, IPPROTO_IP, IP_RECVERR, 1);
		set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	}
	if (size && !set(fd, SOL_SOCKET, SO_RCVBUFFORCE, size))
		set(fd, SOL_SOCKET, SO_RCVBUF, size);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUF))
		set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUF);
	return ok;
}

static enum lan_err join_one(struct lan_udp *u, const char *group, unsigned index)
{
	struct lan_hostport hp = {.port = 0};
	union lan_sockaddr a;
	strncpy(hp.host, group, sizeof hp.host - 1);
	if (lan_sockaddr_numeric(&hp, &a))
		return LAN_ERR_ADDR;
	int r = 0;
	if (a.any.sa_family == AF_INET6 && u->v6) {
		struct ipv6_mreq m = {.ipv6mr_multiaddr = a.v6.sin6_addr, .ipv6mr_interface = index};
		r = setsockopt(u->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof m);
	} else if (a.any.sa_family == AF_INET && u->v4) {
		struct ip_mreqn m = {.imr_multiaddr = a.v4.sin_addr, .imr_ifindex = (int)index};
		r = setsockopt(u->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m);
	}
	/* Not on an interface without addresses of the family: somebody may live well with the other one. */
	return r == 0 || errno == ENODEV || errno == EADDRNOTAVAIL ? LAN_OK : lan_err_from_errno(errno);
}

static enum lan_err join(struct lan_udp *u, const struct lan_udp_config *cfg, const char **why)
{
	if (!cfg->iface || !*cfg->iface)
		return LAN_OK;
	unsigned index = if_nametoindex(cfg->iface);
	*why = "there is no such interface";
	if (!index)
		return LAN_ERR_NOTFOUND;
	u->iface = index;
	struct ip_mreqn by = {.imr_ifindex = (int)index};
	if (u->v4)
		setsockopt(u->fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
	if (u->v6)
		set(u->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index);
	*why = "a group cannot be joined";
	for (size_t i = 0; i < cfg->n_groups; i++) {
		enum lan_err e = join_one(u, cfg->groups[i], index);
		if (e)
			return e;
	}
	return LAN_OK;
}

static enum lan_err open_socket(struct lan_udp *u, const union lan_sockaddr *at, const char **why)
{
	union lan_sockaddr got;
	socklen_t len = sizeof got;
	*why = "the socket cannot be set up";
	u->fd = socket(at->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0 || !set_options(u))
		return lan_err_from_errno(errno);
	if (bind(u->fd, &at->any, lan_sockaddr_len(at)) < 0) {
		*why = errno == EADDRINUSE      ? "another program has this port"
		       : errno == EACCES        ? "not permitted: ports below 1024 need root or "
						  "CAP_NET_BIND_SERVICE; take a higher one"
		       : errno == EADDRNOTAVAIL ? "this is not an address of this host"
						: "the socket cannot be bound";
		return lan_err_from_errno(errno);
	}
	if (getsockname(u->fd, &got.any, &len) != 0)
		return lan_err_from_errno(errno);
	u->port = ntohs(u->v6 ? got.v6.sin6_port : got.v4.sin_port);
	return LAN_OK;
}

/* ---- events ------------------------------------------------------------------------------- */

void udp_interest(struct lan_udp *u)
{
	lan_watch_set(&u->watch, (u->paused ? 0 : LAN_READABLE) | (u->want_out ? LAN_WRITABLE : 0));
}

static void on_socket(void *ctx, int events)
{
	struct lan_udp *u = ctx;
	if (events & LAN_BROKEN)
		(void)udp_errors(u);
	if (events & LAN_WRITABLE)
		udp_tx_wake(u);
	if (events & (LAN_READABLE | LAN_BROKEN) && !u->paused)
		udp_rx_read(u);
	udp_interest(u);
}

static void on_breath(void *ctx)
{
	udp_tx_wake(ctx);
}

void lan_udp_resume(struct lan_udp *u)
{
	if (!u->paused)
		return;
	u->paused = false;
	udp_interest(u);
}

/* ---- open and close --------------------------------------------------------------------------- */

static enum lan_err attach(struct lan_udp *u)
{
	enum lan_err e = lan_deadline_init(u->loop, &u->breath, on_breath, u);
	if (e)
		return e;
	e = lan_watch_init(&u->watch, u->loop, u->fd, on_socket, u);
	if (e)
		lan_deadline_fini(u->loop, &u->breath);
	return e;
}

enum lan_err lan_udp_open(
	struct lan_loop *l, const struct lan_udp_config *cfg, struct lan_udp **out, const char **why)
{
	union lan_sockaddr at;
	*why = lan_err_text(LAN_ERR_NOMEM);
	struct lan_udp *u = malloc(sizeof *u);
	if (!u)
		return LAN_ERR_NOMEM;
	memset(u, 0, offsetof(struct lan_udp, rx.buf));
	memset(&u->tx, 0, offsetof(struct udp_tx, buf));
	u->loop = l;
	u->cfg = *cfg;
	u->fd = -1;
	enum lan_err e = understand(u, cfg, &at, why);
	if (!e)
		e = open_socket(u, &at, why);
	if (!e)
		e = join(u, cfg, why);
	if (!e) {
		*why = "the socket cannot be watched";
		e = attach(u);
	}
	if (e) {
		if (u->fd >= 0)
			close(u->fd);
		free(u);
		return e;
	}
	u->cfg.address = u->cfg.iface = NULL;
	u->cfg.groups = NULL;
	udp_rx_init(u);
	udp_tx_init(u);
	udp_interest(u);
	*out = u;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_udp_close(struct lan_udp *u)
{
	if (!u)
		return;
	u->cfg.failed = NULL;
	(void)!lan_udp_flush(u);
	lan_deadline_fini(u->loop, &u->breath);
	lan_watch_close(&u->watch, on_closed);
	close(u->fd);
}

/* ---- face ------------------------------------------------------------------------------------- */

void lan_udp_stats(const struct lan_udp *u, struct lan_udp_stats *out)
{
	uint32_t mem[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof mem;
	*out = u->stats;
	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, mem, &len) == 0 &&
		len > SK_MEMINFO_DROPS * sizeof mem[0])
		out->kernel_drops = mem[SK_MEMINFO_DROPS];
}

uint16_t lan_udp_port(const struct lan_udp *u)
{
	return u->port;
}

bool lan_udp_is_v6(const struct lan_udp *u)
{
	return u->v6;
}

bool lan_udp_is_v4(const struct lan_udp *u)
{
	return u->v4;
}
