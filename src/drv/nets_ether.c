/*
 * nets_ether.c - messages as raw Ethernet frames, see nets.h and sos.md section 3.1.
 *
 * The content of a frame begins with two octets: how long the content is, themselves included. What follows
 * it is padding, which a virtual link may leave out: frames shorter than Ethernet's smallest are fine. An
 * interface is known by its name; what it is now, and that it is gone or back, is told by netlink.
 */
#include <string.h>
#include "drv/nets_int.h"
#include "proto/sos/frame.h"

#define PREFIX SOS_FRAME_PREFIX

static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* ---- in -------------------------------------------------------------------------- */

static void on_frame(
	void *ctx, uint32_t ifindex, const uint8_t src[6], const uint8_t dst[6], const uint8_t *p, size_t n)
{
	struct net *t = ctx;
	struct lan_ep from = {.link = t->link, .len = 6};
	(void)ifindex;
	size_t len = sos_frame_get(p, n);
	if (!len) {
		t->stats.drop_length++;
		return;
	}
	memcpy(from.addr, src, 6);
	nets_deliver(t, &from, dst[0] & 1, p + PREFIX, len);
}

static void on_batch(void *ctx, uint32_t ifindex)
{
	struct net *t = ctx;
	(void)ifindex;
	nets_touched(t->n);
}

/* ---- out ---------------------------------------------------------------------------- */

static enum lan_err ether_put(struct net *t, const struct lan_ep *to, const uint8_t *p, size_t n)
{
	struct net_ether *e = &t->u.ether;
	if (to->len != 0 && to->len != 6)
		return LAN_ERR_ADDR;
	if (n + PREFIX > LAN_PACKET_MAX)
		return LAN_ERR_TOOBIG;
	uint8_t *room = lan_packet_tx_room(e->tx);
	if (!room)
		return LAN_ERR_AGAIN;
	sos_frame_put(room, n);
	memcpy(room + PREFIX, p, n);
	lan_packet_tx_add(e->tx, e->ifindex, to->len ? to->addr : all, n + PREFIX);
	return LAN_OK;
}

static bool ether_flush(struct net *t)
{
	return lan_packet_tx_flush(t->u.ether.tx) == LAN_OK;
}

static void on_failed(void *ctx, uint32_t ifindex, const uint8_t to[6], enum lan_err why)
{
	struct net *t = ctx;
	struct lan_ep ep = {.link = t->link};
	(void)ifindex;
	if (memcmp(to, all, 6)) {
		ep.len = 6;
		memcpy(ep.addr, to, 6);
	}
	nets_unsent(t, &ep, why);
}

static void on_writable(void *ctx)
{
	struct net *t = ctx;
	t->dirty = true;
	nets_touched(t->n);
}

/* ---- the interface --------------------------------------------------------------------- */

static void let_go(struct net *t)
{
	struct net_ether *e = &t->u.ether;
	struct lan_packet_stats s;
	if (!e->packet)
		return;
	lan_packet_stats(e->packet, &s);
	e->other += s.drop_other_host + s.drop_vlan + s.drop_iface + s.drop_truncated;
	e->kernel += s.kernel_drops;
	lan_packet_close(e->packet);
	e->packet = NULL;
}

/* What netlink says next opens it again. */
static void on_broken(void *ctx, uint32_t ifindex, enum lan_err why)
{
	struct net *t = ctx;
	(void)ifindex;
	let_go(t);
	nets_state(t, false, why,
		why == LAN_ERR_NOTFOUND ? "the interface is gone" : "its socket does not work any more");
}

static enum lan_err listen_on(struct net *t, uint32_t ifindex)
{
	struct net_ether *e = &t->u.ether;
	struct lan_packet_config cfg = {.ifindex = ifindex,
		.ethertype = t->spec.ethertype,
		.receive_buffer = t->n->cfg.receive_buffer,
		.prompt = true,
		.frame = on_frame,
		.batch_done = on_batch,
		.broken = on_broken,
		.ctx = t};
	if (e->packet && e->ifindex == ifindex)
		return LAN_OK;
	let_go(t);
	e->ifindex = ifindex;
	return lan_packet_open(t->n->cfg.loop, &cfg, &e->packet);
}

static enum lan_err look(struct net *t, const char **why)
{
	const struct lan_link_info *i = lan_netlink_by_name(t->n->netlink, t->spec.name);
	*why = "there is no such interface";
	if (!i) {
		let_go(t);
		return LAN_ERR_NOTFOUND;
	}
	*why = "this interface carries no Ethernet";
	if (i->flags & IFF_LOOPBACK || !i->have_mac)
		return LAN_ERR_NOTSUP;
	enum lan_err e = listen_on(t, i->index);
	*why = e == LAN_ERR_PERM ? "raw Ethernet needs root or CAP_NET_RAW" : lan_err_text(e);
	if (e)
		return e;
	*why = i->flags & IFF_UP ? "no carrier" : "the interface is down";
	if (!(i->flags & IFF_UP) || !i->carrier)
		return LAN_ERR_UNREACH;
	*why = "";
	return LAN_OK;
}

void nets_ether_link(void *nets, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr)
{
	struct lan_nets *n = nets;
	(void)addr;
	if (what == LAN_ADDR_NEW || what == LAN_ADDR_GONE)
		return;
	for (size_t i = 0; i < n->count; i++) {
		struct net *t = n->nets[i];
		if (t->dead || t->spec.kind != LAN_NET_ETHERNET ||
			(strcmp(t->spec.name, link->name) && t->u.ether.ifindex != link->index))
			continue;
		const char *why;
		enum lan_err e = look(t, &why);
		nets_state(t, e == LAN_OK, e, why);
	}
}

/* ---- the rest ----------------------------------------------------------------------------- */

static enum lan_err ether_open(struct net *t, bool wait, const char **why)
{
	struct lan_nets *n = t->n;
	*why = "the kernel does not tell of its interfaces";
	enum lan_err e = n->netlink ? LAN_OK : lan_netlink_open(n->cfg.loop, nets_ether_link, n, &n->netlink);
	if (e)
		return e;
	e = lan_packet_tx_open(n->cfg.loop, t->spec.ethertype, &t->u.ether.tx);
	*why = e == LAN_ERR_PERM ? "raw Ethernet needs root or CAP_NET_RAW" : lan_err_text(e);
	if (e)
		return e;
	lan_packet_tx_on(t->u.ether.tx, on_failed, on_writable, t);
	e = look(t, why);
	if (e && e != LAN_ERR_UNREACH && !(wait && e == LAN_ERR_NOTFOUND))
		return e;
	nets_state(t, e == LAN_OK, e, *why);
	return LAN_OK;
}

static void ether_close(struct net *t)
{
	if (t->u.ether.tx)
		lan_packet_tx_on(t->u.ether.tx, NULL, NULL, NULL);
	lan_packet_tx_close(t->u.ether.tx);
	let_go(t);
}

static void ether_stats(struct net *t, struct lan_net_stats *out)
{
	const struct net_ether *e = &t->u.ether;
	struct lan_packet_stats s = {0};
	if (e->packet)
		lan_packet_stats(e->packet, &s);
	out->drop_other += e->other + s.drop_other_host + s.drop_vlan + s.drop_iface + s.drop_truncated;
	out->kernel_drops = e->kernel + s.kernel_drops;
}

static void ether_text(struct net *t, const struct lan_ep *ep, char *out, size_t cap)
{
	char text[18];
	(void)t;
	nets_say(out, cap, text, (size_t)(nets_put_hex(text, ep->addr, 6) - text));
}

static enum lan_err ether_ep(const struct net *t, const char *text, struct lan_ep *out)
{
	(void)t;
	out->len = 6;
	enum lan_err e = nets_hex(text, out->addr, 6);
	if (!e && !memcmp(out->addr, all, 6))
		*out = (struct lan_ep){.link = out->link};
	return e;
}

const struct net_kind nets_ether = {.burst = 16,
	.open = ether_open,
	.close = ether_close,
	.put = ether_put,
	.flush = ether_flush,
	.stats = ether_stats,
	.text = ether_text,
	.ep = ether_ep};
