/*
 * neighbor_status.c - what can be asked of a handle: neighbours, prefixes, interfaces, counters.
 */
#include <arpa/inet.h>
#include <string.h>
#include "api/neighbor_int.h"
#include "api/neighbor_report.h"

static const char *type_text(lan_time at, uint8_t type)
{
	return at ? lsoe_type_name(type) : "";
}

static const char *key_state(const struct lsoe_status *s)
{
	if (!s->key->alg)
		return "";
	return s->anchored ? "anchored" : s->pinned ? "pinned" : "new";
}

static double share(uint32_t lost, uint32_t of)
{
	return of ? (double)lost / of : 0;
}

bool lan_neighbor_peer(const struct lan_neighbor *cn, size_t i, struct lan_neighbor_peer *out)
{
	struct lan_neighbor *n = (struct lan_neighbor *)cn; /* the texts are its scratch */
	struct lsoe_status s;
	if (!lsoe_peer(n->core, i, &s))
		return false;
	const struct neighbor_link *l = neighbor_link_of(n, s.link);
	*out = (struct lan_neighbor_peer){.ifname = l ? l->name : "",
		.mac = neighbor_mac_text(s.mac, n->mac),
		.id = neighbor_id_text(s.id, s.id ? s.id_len : 0, n->id),
		.attributes = s.attrs,
		.n_attributes = s.attrs ? s.n_attrs : 0,
		.state = (enum lan_neighbor_state)s.state,
		.lanyard = s.lanyard,
		.since = s.since,
		.last_rx = s.last_rx,
		.last_tx = s.last_tx,
		.last_keepalive = s.last_keepalive,
		.last_rx_what = type_text(s.last_rx, s.last_rx_type),
		.last_tx_what = type_text(s.last_tx, s.last_tx_type),
		.why = n->why,
		.reason = s.reason,
		.restarts = s.restarts,
		.tx_unacked = s.unacked,
		.rx_frames = s.rx_frames,
		.tx_frames = s.tx_frames,
		.tx_retransmits = s.tx_retransmits,
		.measured = s.measured,
		.rtt = s.rtt,
		.jitter = s.jitter,
		.loss_rx = share(s.lost_rx, s.of_rx),
		.loss_tx = share(s.lost_tx, s.of_tx),
		.key = "",
		.key_state = key_state(&s),
		.serial_rx = s.serial_rx,
		.serial_tx = s.serial_tx};
	if (s.key->alg) {
		lsoe_key_fingerprint(s.key, n->fingerprint);
		out->key = n->fingerprint;
	}
	for (unsigned k = 0; k < 4; k++)
		out->n_prefixes[k] = s.n_prefixes[k];
	neighbor_why_peer(n, &s, n->why);
	return true;
}

/* ---- prefixes ---------------------------------------------------------------------------------------------
 */

static void prefix_of(
	struct lan_neighbor *n, uint8_t type, const struct lsoe_entry *e, struct lan_neighbor_prefix *out)
{
	int family = type == LSOE_IPV4 || type == LSOE_MPLS4 ? AF_INET : AF_INET6;
	*out = (struct lan_neighbor_prefix){
		.address = inet_ntop(family, e->addr, n->address, sizeof n->address),
		.length = e->prefix,
		.primary = e->flags & LSOE_F_PRIMARY,
		.loopback = e->flags & LSOE_F_LOOPBACK,
		.overlay = e->flags & LSOE_F_OVERLAY,
		.labels = n->labels,
		.n_labels = e->n_labels};
	for (unsigned i = 0; i < e->n_labels; i++)
		n->labels[i] = lsoe_label(e->labels + 3 * i);
}

/* Entry i; one after the other costs nothing, as the place of the last one is kept. */
static bool entry(struct lan_neighbor *n, const struct lsoe_list *l, uint8_t type, size_t i,
	struct lan_neighbor_prefix *out)
{
	struct neighbor_cursor *c = &n->cursor;
	struct lsoe_entry e;
	if (!l || i >= l->count)
		return false;
	if (c->p != l->p || c->len != l->len || c->i > i)
		*c = (struct neighbor_cursor){.p = l->p, .len = l->len};
	bool there = true;
	while (there && c->i <= i) {
		there = lsoe_list_next(l, type, &c->at, &e);
		c->i++;
	}
	if (there)
		prefix_of(n, type, &e, out);
	return there;
}

bool lan_neighbor_prefix(const struct lan_neighbor *n, const char *ifname, const char *mac,
	enum lan_neighbor_type type, size_t i, struct lan_neighbor_prefix *out)
{
	uint8_t octets[6];
	const struct neighbor_link *l = neighbor_link_named(n, ifname);
	if (!l || !neighbor_mac(mac, octets))
		return false;
	return entry((struct lan_neighbor *)n, lsoe_heard(n->core, l->index, octets, (uint8_t)type),
		(uint8_t)type, i, out);
}

bool lan_neighbor_announced(const struct lan_neighbor *n, const char *ifname, enum lan_neighbor_type type,
	size_t i, struct lan_neighbor_prefix *out)
{
	const struct neighbor_link *l = neighbor_link_named(n, ifname);
	return l && entry((struct lan_neighbor *)n, lsoe_announced(n->core, l->index, (uint8_t)type),
			    (uint8_t)type, i, out);
}

/* ---- interfaces
 * ----------------------------------------------------------------------------------------------- */

static uint64_t dropped(const struct lsoe_counters *c)
{
	uint64_t sum = 0;
	for (unsigned i = LSOE_C_drop_short; i <= LSOE_C_drop_memory; i++)
		sum += c->v[i];
	return sum;
}

static const struct neighbor_link *nth(const struct lan_neighbor *n, size_t *i)
{
	for (size_t k = 0; k < n->n_links; k++)
		if (!n->links[k].gone && (*i)-- == 0)
			return &n->links[k];
	return NULL;
}

/* One that was named and is not there; a glob asks for none in particular. */
static bool missing(const struct lan_neighbor *n, size_t i, struct lan_neighbor_iface *out)
{
	for (size_t k = 0; k < n->set.n_ifaces; k++) {
		const char *name = n->set.ifaces[k];
		if (*name == '!' || strpbrk(name, "*?[\\") || neighbor_link_named(n, name) || i-- > 0)
			continue;
		*out = (struct lan_neighbor_iface){.name = name,
			.mac = "",
			.why = "there is no such interface",
			.hello_to = n->set.hello_text};
		return true;
	}
	return false;
}

bool lan_neighbor_iface(const struct lan_neighbor *cn, size_t i, struct lan_neighbor_iface *out)
{
	struct lan_neighbor *n = (struct lan_neighbor *)cn;
	const struct neighbor_link *l = nth(n, &i);
	struct lsoe_link_status s = {0};
	struct lan_packet_stats p = {0};
	if (!l)
		return missing(n, i, out);
	bool known = lsoe_link_status(n->core, l->index, &s) == LAN_OK;
	(void)lan_fdrv_link_stats(n->drv, l->index, &p);
	*out = (struct lan_neighbor_iface){.name = l->name,
		.mac = l->info.have_mac ? neighbor_mac_text(l->info.mac, n->mac) : "",
		.index = l->index,
		.mtu = l->info.mtu,
		.up = l->used,
		.why = n->why,
		.hello_to = n->set.hello_text,
		.last_hello = s.last_hello,
		.peers = s.peers,
		.established = s.established,
		.kernel_drops = p.kernel_drops,
		.rx_dropped = p.drop_other_host + p.drop_vlan + p.drop_iface + p.drop_truncated};
	if (known) {
		out->rx_frames = s.counters->v[LSOE_C_rx_frames];
		out->tx_frames = s.counters->v[LSOE_C_tx_frames];
		out->rx_dropped += dropped(s.counters);
	}
	for (unsigned t = 0; t < 4; t++) {
		const struct lsoe_list *list = lsoe_announced(n->core, l->index, (uint8_t)(LSOE_IPV4 + t));
		out->n_prefixes[t] = list ? list->count : 0;
	}
	neighbor_why_link(n, l, known ? &s : NULL, n->why);
	return true;
}

/* ---- counters
 * -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *help;
	size_t at;
} socket_counters[] = {
	{"drop_other_host", "frames dropped: for another host",
		offsetof(struct lan_packet_stats, drop_other_host)},
	{"drop_vlan", "frames dropped: with a VLAN tag, which is another link",
		offsetof(struct lan_packet_stats, drop_vlan)},
	{"drop_iface", "frames dropped: of another interface", offsetof(struct lan_packet_stats, drop_iface)},
	{"drop_truncated", "frames dropped: longer than 1500 octets",
		offsetof(struct lan_packet_stats, drop_truncated)},
	{"drop_kernel", "frames the kernel had no room for", offsetof(struct lan_packet_stats, kernel_drops)},
};
#define SOCKET_COUNTERS (sizeof socket_counters / sizeof *socket_counters)

static uint64_t socket_counter(struct lan_neighbor *n, uint32_t index, size_t i)
{
	struct lan_packet_stats p = {0};
	uint64_t v;
	if (!lan_fdrv_link_stats(n->drv, index, &p))
		return 0;
	memcpy(&v, (const char *)&p + socket_counters[i].at, sizeof v);
	return v;
}

bool lan_neighbor_counter(const struct lan_neighbor *cn, const char *ifname, size_t i, const char **name,
	const char **help, uint64_t *value)
{
	struct lan_neighbor *n = (struct lan_neighbor *)cn;
	const struct neighbor_link *l = ifname ? neighbor_link_named(n, ifname) : NULL;
	if (ifname && !l)
		return false;
	if (i >= LSOE_C_N + SOCKET_COUNTERS) /* the report is the node's alone */
		return !l && n->report &&
		       neighbor_report_counter(n->report, i - LSOE_C_N - SOCKET_COUNTERS, name, help, value);
	if (i < LSOE_C_N) {
		struct lsoe_link_status s;
		*name = lsoe_counter_name((enum lsoe_counter)i);
		*help = lsoe_counter_help((enum lsoe_counter)i);
		if (!l)
			*value = lsoe_counters(n->core)->v[i];
		else
			*value = lsoe_link_status(n->core, l->index, &s) ? 0 : s.counters->v[i];
		return true;
	}
	i -= LSOE_C_N;
	*name = socket_counters[i].name;
	*help = socket_counters[i].help;
	*value = 0;
	if (!l)
		memcpy(value, (const char *)&n->gone + socket_counters[i].at, sizeof *value);
	for (size_t k = 0; k < n->n_links; k++)
		if (!l || l == &n->links[k])
			*value += socket_counter(n, n->links[k].index, i);
	return true;
}
