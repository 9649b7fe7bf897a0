/*
 * control_neighbor_json.c - see control_neighbor.h. Views of the library die with
 * the next call on the handle: each is a JSON object before anything else is asked.
 */
#include <string.h>
#include "api/neighbor_names.h"
#include "daemon/control_answer.h"
#include "daemon/control_neighbor.h"

static const enum lan_neighbor_type types[] = {
	LAN_NEIGHBOR_IPV4, LAN_NEIGHBOR_IPV6, LAN_NEIGHBOR_MPLS4, LAN_NEIGHBOR_MPLS6};
#define N_TYPES (sizeof types / sizeof types[0])

static void set_number(json_t *j, const char *key, uint64_t n)
{
	json_object_set_new(j, key, json_of_number(n));
}

static void set_text(json_t *j, const char *key, const char *s)
{
	json_object_set_new(j, key, json_of_text(s));
}

static json_t *counts_json(const size_t n[N_TYPES])
{
	json_t *j = json_object();
	for (size_t i = 0; i < N_TYPES; i++)
		set_number(j, neighbor_type_name(types[i]), n[i]);
	return j;
}

static json_t *prefix_json(const struct lan_neighbor_prefix *p, enum lan_neighbor_type type)
{
	json_t *labels,
		*j = json_pack("{s:o, s:i, s:b, s:b, s:b}", "address", json_of_text(p->address), "length",
			p->length, "primary", p->primary, "loopback", p->loopback, "overlay", p->overlay);
	if (type != LAN_NEIGHBOR_MPLS4 && type != LAN_NEIGHBOR_MPLS6)
		return j;
	labels = json_array();
	for (size_t i = 0; i < p->n_labels; i++)
		json_array_append_new(labels, json_integer(p->labels[i]));
	json_object_set_new(j, "labels", labels);
	return j;
}

/* Of a peer, or (mac NULL) our own on the interface. Types without any are left out. */
static json_t *announces_json(const struct lan_neighbor *n, const char *ifname, const char *mac)
{
	json_t *list = json_array();
	struct lan_neighbor_prefix p;
	for (size_t t = 0; t < N_TYPES; t++) {
		json_t *prefixes = json_array();
		for (size_t i = 0; mac ? lan_neighbor_prefix(n, ifname, mac, types[t], i, &p)
				       : lan_neighbor_announced(n, ifname, types[t], i, &p);
			i++)
			json_array_append_new(prefixes, prefix_json(&p, types[t]));
		if (json_array_size(prefixes))
			json_array_append_new(
				list, json_pack("{s:s, s:O}", "type", neighbor_type_name(types[t]),
					      "prefixes", prefixes));
		json_decref(prefixes);
	}
	return list;
}

/* Those that are not zero: of a thousand interfaces most are. */
static json_t *iface_counters_json(const struct lan_neighbor *n, const char *ifname)
{
	json_t *j = json_object();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; lan_neighbor_counter(n, ifname, i, &name, &help, &value); i++)
		if (value)
			set_number(j, name, value);
	return j;
}

static json_t *iface_json(const struct lan_neighbor_iface *f, lan_time now)
{
	json_t *j = json_pack("{s:o, s:o, s:I, s:b, s:o, s:I, s:I, s:o}", "name", json_of_text(f->name),
		"mac", json_of_text(f->mac), "index", (json_int_t)f->index, "up", f->up, "why",
		json_of_text(f->why), "peers", (json_int_t)f->peers, "established",
		(json_int_t)f->established, "prefixes", counts_json(f->n_prefixes));
	json_object_set_new(j, "last_hello", json_of_moment(now, f->last_hello));
	if (!f->up)
		return j;
	set_number(j, "mtu", f->mtu);
	set_text(j, "hello_to", f->hello_to);
	set_number(j, "rx_frames", f->rx_frames);
	set_number(j, "tx_frames", f->tx_frames);
	set_number(j, "rx_dropped", f->rx_dropped);
	set_number(j, "kernel_drops", f->kernel_drops);
	return j;
}

static json_t *ifaces_json(const struct neighbors *k, const struct neighbor_filter *filter, bool all)
{
	lan_time now = lan_loop_now(k->e.all->loop);
	json_t *list = json_array(), *j;
	struct lan_neighbor_iface f;
	for (size_t i = 0; lan_neighbor_iface(k->n, i, &f); i++)
		if (!filter->ifname || strcmp(filter->ifname, f.name) == 0)
			json_array_append_new(list, iface_json(&f, now));
	for (size_t i = 0; all && (j = json_array_get(list, i)); i++) {
		const char *name = json_string_value(json_object_get(j, "name"));
		json_object_set_new(j, "announces", announces_json(k->n, name, NULL));
		json_object_set_new(j, "counters", iface_counters_json(k->n, name));
	}
	return list;
}

static void add_times(json_t *j, const struct lan_neighbor_peer *p, lan_time now)
{
	json_object_set_new(j, "since", json_of_moment(now, p->since));
	json_object_set_new(j, "idle_ms", json_of_idle(now, p->last_rx));
	json_object_set_new(j, "last_rx", json_of_moment(now, p->last_rx));
	set_text(j, "last_rx_what", p->last_rx_what);
	json_object_set_new(j, "last_tx", json_of_moment(now, p->last_tx));
	set_text(j, "last_tx_what", p->last_tx_what);
	json_object_set_new(j, "last_keepalive", json_of_moment(now, p->last_keepalive));
}

static void add_measured(json_t *j, const struct lan_neighbor_peer *p)
{
	if (!p->measured)
		return;
	set_number(j, "rtt_us", p->rtt / LAN_US(1));
	set_number(j, "jitter_us", p->jitter / LAN_US(1));
	json_object_set_new(j, "loss_rx", json_real(p->loss_rx));
	json_object_set_new(j, "loss_tx", json_real(p->loss_tx));
}

static json_t *attributes_json(const struct lan_neighbor_peer *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_attributes; i++)
		json_array_append_new(list, json_integer(p->attributes[i]));
	return list;
}

static json_t *peer_json(const struct neighbors *k, const struct lan_neighbor_peer *p)
{
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:s, s:b}", "ifname", json_of_text(p->ifname), "mac",
		json_of_text(p->mac), "id", json_of_text(p->id), "attributes", attributes_json(p), "state",
		lan_neighbor_state_name(p->state), "lanyard", p->lanyard);
	add_times(j, p, lan_loop_now(k->e.all->loop));
	set_text(j, "why", p->why);
	set_text(j, "reason", p->reason);
	set_number(j, "restarts", p->restarts);
	json_object_set_new(j, "prefixes", counts_json(p->n_prefixes));
	set_number(j, "tx_unacked", p->tx_unacked);
	set_number(j, "rx_frames", p->rx_frames);
	set_number(j, "tx_frames", p->tx_frames);
	set_number(j, "tx_retransmits", p->tx_retransmits);
	add_measured(j, p);
	if (strcmp(neighbors_cfg(k)->dialect, "l3dl") == 0) {
		set_text(j, "key", p->key);
		set_text(j, "key_state", p->key_state);
		set_number(j, "serial_rx", p->serial_rx);
		set_number(j, "serial_tx", p->serial_tx);
	}
	return j;
}

static json_t *peers_json(const struct neighbors *k, const struct neighbor_filter *filter, bool all)
{
	json_t *list = json_array(), *j;
	struct lan_neighbor_peer p;
	for (size_t i = 0; lan_neighbor_peer(k->n, i, &p); i++)
		if ((!filter->ifname || strcmp(filter->ifname, p.ifname) == 0) &&
			(!filter->mac[0] || strcmp(filter->mac, p.mac) == 0))
			json_array_append_new(list, peer_json(k, &p));
	for (size_t i = 0; all && (j = json_array_get(list, i)); i++)
		json_object_set_new(j, "announces",
			announces_json(k->n, json_string_value(json_object_get(j, "ifname")),
				json_string_value(json_object_get(j, "mac"))));
	return list;
}

json_t *json_of_neighbors(const struct neighbors *k, const struct neighbor_filter *f, bool all)
{
	const struct config_neighbor *c = neighbors_cfg(k);
	struct neighbors_sums sums = {0};
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", neighbors_name(k), "dialect",
		c->dialect, "security", neighbors_security(k), "state", k->n ? "up" : "failed", "ethertype",
		c->ethertype, "announce", c->announce);
	if (!k->n) {
		set_text(j, "reason", entry_reason(&k->e));
		return j;
	}
	neighbors_add_sums(k, &sums);
	set_number(j, "links", sums.links);
	set_number(j, "established", sums.established);
	json_object_set_new(j, "ifaces", ifaces_json(k, f, all));
	json_object_set_new(j, "peers", peers_json(k, f, all));
	return j;
}

json_t *json_of_neighbor_counters(const struct neighbors *k)
{
	json_t *list = json_array();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; k->n && lan_neighbor_counter(k->n, NULL, i, &name, &help, &value); i++)
		json_array_append_new(list, json_of_counter(name, help, value));
	return list;
}
