/*
 * mcast.c - opening and closing, see mcast.h and mcast_int.h. Refuses what is
 * no multicast group, no port, or a source of the other address family, with a
 * sentence for the user.
 *
 * The socket's port is shared with whoever else sets SO_REUSEADDR, so several
 * processes hear one group. IP_MULTICAST_ALL off: only what this socket joined,
 * on the interfaces where it did. The receive buffer may exceed the system's
 * limit where we are allowed to (SO_RCVBUFFORCE). The send buffer stays the
 * system's: a larger one holds more small datagrams than a device's queue
 * (1000), and what that queue drops nobody is told. RFC 3678, ip(7), ipv6(7).
 */
#include "io/mcast.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/mcast_int.h"
#include "io/udp_msg.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

#define DEFAULT_RCVBUF (4u << 20)

bool mcast_same_addr(const union lan_sockaddr *a, const union lan_sockaddr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

/* ---- what was asked for ------------------------------------------------------ */

static enum lan_err parse_group(struct lan_mcast *m, const char *text, const char **why)
{
	struct lan_hostport hp;
	*why = "a channel's address is GROUP:PORT, as 239.1.2.3:5000 or [ff02::1:5]:5000";
	if (!text || lan_hostport_parse(text, 0, &hp) || lan_sockaddr_numeric(&hp, &m->group))
		return LAN_ERR_ADDR;
	*why = "the port of a group is 1..65535";
	if (hp.port == 0)
		return LAN_ERR_ADDR;
	*why = "not a multicast group: those are 224.0.0.0 to 239.255.255.255, and ff00::/8";
	if (mcast_v6(m) ? !IN6_IS_ADDR_MULTICAST(&m->group.v6.sin6_addr)
			: !IN_MULTICAST(ntohl(m->group.v4.sin_addr.s_addr)))
		return LAN_ERR_ADDR;
	lan_sockaddr_text(&m->group, m->address);
	return LAN_OK;
}

static enum lan_err parse_sources(struct lan_mcast *m, const struct lan_mcast_config *cfg, const char **why)
{
	if (cfg->n_sources == 0)
		return LAN_OK;
	m->sources = calloc(cfg->n_sources, sizeof *m->sources);
	if (!m->sources)
		return LAN_ERR_NOMEM;
	*why = "a source is an address of the group's family, without a port";
	for (size_t i = 0; i < cfg->n_sources; i++) {
		struct lan_hostport hp = {.port = 0};
		if (strlen(cfg->sources[i]) >= sizeof hp.host || !*cfg->sources[i])
			return LAN_ERR_ADDR;
		strcpy(hp.host, cfg->sources[i]);
		if (lan_sockaddr_numeric(&hp, &m->sources[i]) ||
			m->sources[i].any.sa_family != m->group.any.sa_family)
			return LAN_ERR_ADDR;
	}
	m->n_sources = cfg->n_sources;
	return LAN_OK;
}

/* ---- the socket ---------------------------------------------------------------- */

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

static bool set_options(const struct lan_mcast *m)
{
	int fd = m->fd, size = (int)(m->cfg.receive_buffer ? m->cfg.receive_buffer : DEFAULT_RCVBUF);
	bool ok = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (mcast_v6(m))
		ok = ok && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
		     set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) &&
		     set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
		     set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, m->cfg.ttl) &&
		     set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, m->cfg.loopback);
	else
		ok = ok && set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) && set(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
		     set(fd, IPPROTO_IP, IP_MULTICAST_TTL, m->cfg.ttl) &&
		     set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, m->cfg.loopback);
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, size))
		set(fd, SOL_SOCKET, SO_RCVBUF, size);
	set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (m->cfg.offload)
		set(fd, SOL_UDP, UDP_GRO, 1); /* a kernel without it hands over single datagrams */
	return ok;
}

/* IPv6 ties a socket that is bound to a link-local address to one interface. */
static bool is_link_local(const struct lan_mcast *m)
{
	return mcast_v6(m) && (IN6_IS_ADDR_MC_LINKLOCAL(&m->group.v6.sin6_addr) ||
				      IN6_IS_ADDR_MC_NODELOCAL(&m->group.v6.sin6_addr));
}

static enum lan_err open_socket(struct lan_mcast *m, const char **why)
{
	union lan_sockaddr a = m->group;
	m->fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || !set_options(m)) {
		*why = "the socket cannot be set up";
		return lan_err_from_errno(errno);
	}
	if (is_link_local(m))
		a.v6.sin6_addr = in6addr_any;
	if (mcast_v6(m))
		a.v6.sin6_scope_id = 0;
	if (bind(m->fd, &a.any, lan_sockaddr_len(&a)) < 0) {
		*why = errno == EADDRINUSE
			       ? "another program holds the port for itself (it does not share it)"
		       : errno == EACCES ? "not permitted: ports below 1024 need root or "
					   "CAP_NET_BIND_SERVICE; take a higher one"
					 : "the socket cannot be bound to the port";
		return lan_err_from_errno(errno);
	}
	return LAN_OK;
}

/* ---- events ------------------------------------------------------------------------ */

void mcast_interest(struct lan_mcast *m)
{
	lan_watch_set(&m->watch, (m->paused ? 0 : LAN_READABLE) | (m->want_out ? LAN_WRITABLE : 0));
}

static void tell_writable(struct lan_mcast *m)
{
	m->want_out = false;
	if (m->writable)
		m->writable(m->cfg.ctx);
	mcast_interest(m);
}

static void on_socket(void *ctx, int events)
{
	struct lan_mcast *m = ctx;
	if (events & LAN_WRITABLE)
		tell_writable(m);
	if (events & (LAN_READABLE | LAN_BROKEN) && !m->paused)
		mcast_rx_read(m);
	mcast_interest(m);
}

static void on_breath(void *ctx)
{
	tell_writable(ctx);
}

static void on_retry(void *ctx)
{
	mcast_rows_match(ctx);
}

static void on_change(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr)
{
	(void)what;
	(void)link;
	(void)addr;
	mcast_rows_match(ctx);
}

static void on_task(void *ctx)
{
	struct lan_mcast *m = ctx;
	mcast_rows_tell(m);
	if (!m->paused && mcast_rx_parked(m))
		mcast_rx_read(m);
}

/* ---- open and close -------------------------------------------------------------------- */

static enum lan_err open_rows(struct lan_mcast *m, const struct lan_mcast_config *cfg, const char **why)
{
	enum lan_err e = mcast_rows_open(m, cfg, why);
	if (e)
		return e;
	mcast_rows_match(m);
	/* What the kernel will never do is better said at once. */
	for (size_t i = 0; i < m->n_rows; i++)
		if (m->rows[i].err == LAN_ERR_PERM || m->rows[i].err == LAN_ERR_NOMEM) {
			*why = "the group cannot be joined";
			return m->rows[i].err;
		}
	return LAN_OK;
}

static enum lan_err set_up(struct lan_mcast *m, const struct lan_mcast_config *cfg, const char **why)
{
	enum lan_err e = parse_group(m, cfg->address, why);
	if (!e)
		e = parse_sources(m, cfg, why);
	if (e)
		return e;
	*why = NULL;
	e = open_socket(m, why);
	if (!e)
		e = mcast_rx_new(m);
	if (!e)
		e = lan_netlink_open(m->loop, on_change, m, &m->netlink);
	if (!e)
		e = lan_watch_init(&m->watch, m->loop, m->fd, on_socket, m);
	return e;
}

static void free_all(struct lan_mcast *m)
{
	mcast_rx_free(m);
	free(m->rows);
	free(m->sources);
	free(m);
}

static void on_closed(struct lan_watch *w)
{
	free_all((struct lan_mcast *)w); /* the watch is the first member */
}

static enum lan_err open_deadlines(struct lan_mcast *m)
{
	enum lan_err e = lan_deadline_init(m->loop, &m->retry, on_retry, m);
	if (e)
		return e;
	e = lan_deadline_init(m->loop, &m->breath, on_breath, m);
	if (e)
		lan_deadline_fini(m->loop, &m->retry);
	return e;
}

/* Everything but the watch and the memory. */
static void let_go(struct lan_mcast *m)
{
	lan_task_cancel(m->loop, &m->task);
	lan_deadline_fini(m->loop, &m->retry);
	lan_deadline_fini(m->loop, &m->breath);
	lan_netlink_close(m->netlink);
	if (m->fd >= 0)
		close(m->fd);
}

enum lan_err lan_mcast_open(
	struct lan_loop *l, const struct lan_mcast_config *cfg, struct lan_mcast **out, const char **why)
{
	const char *said = NULL;
	struct lan_mcast *m = calloc(1, sizeof *m);
	enum lan_err e = m ? LAN_OK : LAN_ERR_NOMEM;
	if (m) {
		m->loop = l;
		m->cfg = *cfg;
		m->fd = -1;
		m->task = (struct lan_task){.fn = on_task, .ctx = m};
		e = open_deadlines(m);
		if (e)
			free(m);
	}
	if (!e) {
		e = set_up(m, cfg, &said);
		if (e) {
			let_go(m);
			free_all(m);
		}
	}
	if (!e) {
		e = open_rows(m, cfg, &said);
		if (e)
			lan_mcast_close(m);
	}
	if (e) {
		if (why)
			*why = said ? said : lan_err_text(e);
		return e;
	}
	mcast_interest(m);
	*out = m;
	return LAN_OK;
}

void lan_mcast_close(struct lan_mcast *m)
{
	if (!m)
		return;
	lan_watch_close(&m->watch, on_closed);
	let_go(m);
}

/* ---- face ------------------------------------------------------------------------------ */

void lan_mcast_resume(struct lan_mcast *m)
{
	if (!m->paused)
		return;
	m->paused = false;
	if (mcast_rx_parked(m))
		lan_task_queue(m->loop, &m->task);
	mcast_interest(m);
}

void lan_mcast_on_writable(struct lan_mcast *m, void (*fn)(void *ctx))
{
	m->writable = fn;
}

uint64_t lan_mcast_drops(const struct lan_mcast *m)
{
	return m->stats.kernel_drops;
}

void lan_mcast_stats(const struct lan_mcast *m, struct lan_mcast_stats *out)
{
	uint32_t mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof mem;
	*out = m->stats;
	/* Datagrams bring the counter along; what was dropped after the last one only this tells. */
	if (getsockopt(m->fd, SOL_SOCKET, SO_MEMINFO, mem, &len) == 0 &&
		len > SK_MEMINFO_DROPS * sizeof mem[0])
		out->kernel_drops += (uint32_t)(mem[SK_MEMINFO_DROPS] - m->drops);
}

bool lan_mcast_iface(const struct lan_mcast *m, size_t i, struct lan_mcast_iface *out)
{
	if (i >= m->n_rows)
		return false;
	const struct mcast_row *r = &m->rows[i];
	*out = (struct lan_mcast_iface){.name = r->name,
		.index = r->index,
		.joined = r->joined,
		.err = r->err,
		.rx_datagrams = r->rx_datagrams,
		.tx_datagrams = r->tx_datagrams,
		.tx_errors = r->tx_errors};
	return true;
}

const char *lan_mcast_address(const struct lan_mcast *m)
{
	return m->address;
}

const char *lan_mcast_own(const struct lan_mcast *m)
{
	return m->own;
}

bool lan_mcast_is_v6(const struct lan_mcast *m)
{
	return mcast_v6(m);
}
