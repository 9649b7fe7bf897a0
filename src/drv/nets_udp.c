/*
 * nets_udp.c - messages as UDP datagrams, see nets.h.
 *
 * An endpoint is port (2 octets) and address: 4 octets of IPv4 (also through a socket of both families), or
 * 16 of IPv6, followed by 4 of the interface where the address is link-local. Behind what tells one peer from
 * another the last octet carries by which address of ours the peer asked (nets_path.c): it travels along as
 * long as the core copies endpoints as a whole, and is no part of a peer's identity. Everybody: "All CoAP
 * Nodes" of the link, RFC 7252 section 12.8, joined only where `iface` says so.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "drv/nets_int.h"

#define PATH 22 /* the octet */

static const char all4[] = "224.0.1.187", all6[] = "ff02::fd";

/* ---- endpoints ------------------------------------------------------------------- */

static void to_ep(const struct net *t, const union lan_sockaddr *a, struct lan_ep *ep)
{
	memset(ep, 0, sizeof *ep);
	ep->link = t->link;
	if (a->any.sa_family == AF_INET) {
		ep->len = 6;
		memcpy(ep->addr, &a->v4.sin_port, 2);
		memcpy(ep->addr + 2, &a->v4.sin_addr, 4);
		return;
	}
	ep->len = 18;
	memcpy(ep->addr, &a->v6.sin6_port, 2);
	memcpy(ep->addr + 2, &a->v6.sin6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr)) {
		ep->len = 22;
		lan_put_be32(ep->addr + 18, a->v6.sin6_scope_id);
	}
}

/* False: not an endpoint of ours. */
static bool from_ep(const struct lan_ep *ep, union lan_sockaddr *a)
{
	if (ep->len == 6) {
		memset(&a->v4, 0, sizeof a->v4);
		a->v4.sin_family = AF_INET;
		memcpy(&a->v4.sin_port, ep->addr, 2);
		memcpy(&a->v4.sin_addr, ep->addr + 2, 4);
		return true;
	}
	memset(&a->v6, 0, sizeof a->v6);
	a->v6.sin6_family = AF_INET6;
	memcpy(&a->v6.sin6_port, ep->addr, 2);
	memcpy(&a->v6.sin6_addr, ep->addr + 2, 16);
	if (ep->len == 22)
		a->v6.sin6_scope_id = lan_get_be32(ep->addr + 18);
	return ep->len == 18 || ep->len == 22;
}

/* ---- out --------------------------------------------------------------------------- */

static enum lan_err put(struct net *t, const union lan_sockaddr *to, const struct lan_udp_path *path,
	const uint8_t *p, size_t n)
{
	uint8_t *room = lan_udp_room(t->u.udp);
	if (!room)
		return LAN_ERR_AGAIN;
	memcpy(room, p, n);
	return lan_udp_add(t->u.udp, to, path, n);
}

static enum lan_err put_all(struct net *t, const uint8_t *p, size_t n)
{
	union lan_sockaddr a4 = {.v4 = {.sin_family = AF_INET, .sin_port = htons(NETS_UDP)}},
			   a6 = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(NETS_UDP)}};
	enum lan_err e = LAN_OK;
	inet_pton(AF_INET, all4, &a4.v4.sin_addr);
	inet_pton(AF_INET6, all6, &a6.v6.sin6_addr);
	if (lan_udp_is_v4(t->u.udp))
		e = put(t, &a4, NULL, p, n);
	if (!e && lan_udp_is_v6(t->u.udp))
		e = put(t, &a6, NULL, p, n);
	return e;
}

static enum lan_err udp_put(struct net *t, const struct lan_ep *to, const uint8_t *p, size_t n)
{
	union lan_sockaddr a;
	if (to->len == 0)
		return put_all(t, p, n);
	if (!from_ep(to, &a))
		return LAN_ERR_ADDR;
	return put(t, &a, nets_path(t->n, to->addr[PATH]), p, n);
}

static bool udp_flush(struct net *t)
{
	return lan_udp_flush(t->u.udp) == LAN_OK;
}

static void on_failed(void *ctx, const union lan_sockaddr *to, enum lan_err why)
{
	struct net *t = ctx;
	struct lan_ep ep;
	bool group = to->any.sa_family == AF_INET ? IN_MULTICAST(ntohl(to->v4.sin_addr.s_addr))
						  : IN6_IS_ADDR_MULTICAST(&to->v6.sin6_addr);
	to_ep(t, to, &ep);
	if (group)
		ep = (struct lan_ep){.link = t->link};
	nets_unsent(t, &ep, why);
}

static void on_writable(void *ctx)
{
	struct net *t = ctx;
	t->dirty = true;
	nets_touched(t->n);
}

/* ---- in ------------------------------------------------------------------------------- */

static void on_datagram(void *ctx, const union lan_sockaddr *from, const struct lan_udp_path *path,
	bool group, uint8_t *buf, size_t n)
{
	struct net *t = ctx;
	struct lan_ep ep;
	to_ep(t, from, &ep);
	ep.addr[PATH] = nets_path_number(t->n, path);
	nets_deliver(t, &ep, group, buf, n);
}

static bool on_open(void *ctx)
{
	const struct net *t = ctx;
	return !t->dead && nets_open_core(t->n);
}

static void on_batch(void *ctx)
{
	struct net *t = ctx;
	nets_touched(t->n);
}

static void udp_resume(struct net *t)
{
	lan_udp_resume(t->u.udp);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static enum lan_err udp_open(struct net *t, bool wait, const char **why)
{
	const char *groups[] = {all4, all6};
	struct lan_udp_config cfg = {.address = t->spec.name,
		.iface = t->spec.iface,
		.groups = groups,
		.n_groups = 2,
		.receive_buffer = t->n->cfg.receive_buffer,
		.datagram = on_datagram,
		.open = on_open,
		.batch_done = on_batch,
		.failed = on_failed,
		.writable = on_writable,
		.ctx = t};
	struct lan_hostport hp;
	(void)wait;
	/* It hears the port of everybody, and would hear itself. */
	cfg.deaf = lan_hostport_parse(t->spec.name, 0, &hp) == LAN_OK && hp.port == NETS_UDP;
	enum lan_err e = lan_udp_open(t->n->cfg.loop, &cfg, &t->u.udp, why);
	if (e)
		return e;
	t->stats.port = lan_udp_port(t->u.udp);
	nets_state(t, true, LAN_OK, "");
	return LAN_OK;
}

static void udp_close(struct net *t)
{
	lan_udp_close(t->u.udp);
}

static void udp_stats(struct net *t, struct lan_net_stats *out)
{
	struct lan_udp_stats s;
	lan_udp_stats(t->u.udp, &s);
	out->drop_other += s.truncated + s.wrong_iface;
	out->kernel_drops = s.kernel_drops;
}

/* "192.0.2.1:5683" */
static void text4(const uint8_t addr[6], char *out, size_t cap)
{
	char text[24], *p = text;
	for (size_t i = 2; i < 6; i++) {
		p = nets_put_number(p, addr[i]);
		*p++ = i < 5 ? '.' : ':';
	}
	p = nets_put_number(p, lan_get_be16(addr));
	nets_say(out, cap, text, (size_t)(p - text));
}

static void udp_text(struct net *t, const struct lan_ep *ep, char *out, size_t cap)
{
	union lan_sockaddr a;
	char text[LAN_ADDR_TEXT_MAX], iface[IF_NAMESIZE];
	(void)t;
	if (ep->len == 6) {
		text4(ep->addr, out, cap);
		return;
	}
	if (!from_ep(ep, &a)) {
		snprintf(out, cap, "?");
		return;
	}
	lan_sockaddr_text(&a, text);
	char *end = strchr(text, ']');
	if (ep->len == 22 && end && if_indextoname(a.v6.sin6_scope_id, iface))
		snprintf(out, cap, "%.*s%%%s%s", (int)(end - text), text, iface, end);
	else
		snprintf(out, cap, "%s", text);
}

static enum lan_err udp_ep(const struct net *t, const char *text, struct lan_ep *out)
{
	struct lan_hostport hp;
	union lan_sockaddr a;
	if (lan_hostport_parse(text, NETS_UDP, &hp) || !*hp.host || lan_sockaddr_numeric(&hp, &a))
		return LAN_ERR_ADDR;
	if (a.any.sa_family == AF_INET6 ? !lan_udp_is_v6(t->u.udp) : !lan_udp_is_v4(t->u.udp))
		return LAN_ERR_ADDR;
	to_ep(t, &a, out);
	return LAN_OK;
}

const struct net_kind nets_udp = {
	.burst = 8, /* answers are on their way while the rest of a batch is served */
	.open = udp_open,
	.close = udp_close,
	.put = udp_put,
	.flush = udp_flush,
	.resume = udp_resume,
	.stats = udp_stats,
	.text = udp_text,
	.ep = udp_ep};
