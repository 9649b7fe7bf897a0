/*
 * sensor_master_status.c - how a sensor master, its slaves and its networks are, and why a slave is not what
 * one would like it to be.
 */
#include <stdio.h>
#include <string.h>
#include "api/sensor_master_int.h"

void lan_sensor_master_status(const struct lan_sensor_master *m, struct lan_sensor_master_status *out)
{
	struct sos_member_status s;
	*out = (struct lan_sensor_master_status){.hello_id = sos_master_hello_id(m->core),
		.since = m->since,
		.next_hello = sos_master_next_hello(m->core)};
	for (size_t i = 0; sos_master_member(m->core, i, &s); i++) {
		if (s.listed)
			out->slaves++;
		else
			out->candidates++;
		out->running += s.state == SOS_ASSOCIATED;
		out->requests += s.waiting;
	}
	if (m->cache) {
		struct sos_cache_stats c;
		sos_cache_stats(m->cache, &c);
		out->cache_hits = c.hits, out->cache_misses = c.misses, out->cache_entries = c.entries;
	}
}

static const char *net_name(const struct lan_sensor_master *m, uint32_t link)
{
	return link && link <= m->n_nets ? m->nets[link - 1].name : "";
}

static void slave_of(const struct lan_sensor_master *handle, const struct sos_member_status *s,
	struct lan_slave_status *out)
{
	struct lan_sensor_master *m = (struct lan_sensor_master *)handle; /* its texts */
	m->status_address[0] = 0;
	if (s->ep.len)
		lan_nets_text(m->drv, &s->ep, m->status_address, sizeof m->status_address);
	*out = (struct lan_slave_status){.id = s->id,
		.listed = s->listed,
		.keyed = s->keyed,
		.state = (enum lan_slave_state)s->state,
		.net = net_name(m, s->ep.link),
		.address = m->status_address,
		.epoch = s->ep.len ? sos_epoch_name(s->epoch) : "",
		.ttl = s->ttl,
		.mtu = s->mtu,
		.rssi = s->ep.len ? lan_nets_rssi(m->drv, &s->ep) : 0,
		.since = s->since,
		.expires = s->expires,
		.last_seen = s->last_rx > s->last_discover ? s->last_rx : s->last_discover,
		.last_discover = s->last_discover,
		.associations = s->associations,
		.renewals = s->renewals,
		.losses = s->losses,
		.moves = s->moves,
		.requests = s->requests,
		.failures = s->failures,
		.rtt = s->rtt,
		.waiting = s->waiting,
		.observed = s->observed,
		.resources = s->resources};
}

bool lan_sensor_master_slave(const struct lan_sensor_master *m, size_t i, struct lan_slave_status *out)
{
	struct sos_member_status s;
	if (!sos_master_member(m->core, i, &s))
		return false;
	slave_of(m, &s, out);
	return true;
}

enum lan_err lan_sensor_master_find(
	const struct lan_sensor_master *m, uint32_t id, struct lan_slave_status *out)
{
	struct sos_member_status s;
	enum lan_err e = sos_master_find(m->core, id, &s);
	if (!e)
		slave_of(m, &s, out);
	return e;
}

bool lan_sensor_master_net(const struct lan_sensor_master *m, size_t i, struct lan_sensor_net_status *out)
{
	static const char *const kinds[] = {
		[LAN_NET_ETHERNET] = "ethernet", [LAN_NET_XBEE] = "xbee", [LAN_NET_UDP] = "udp"};
	if (i >= m->n_nets)
		return false;
	const struct master_net *n = &m->nets[i];
	struct lan_net_stats s = {0};
	(void)lan_nets_stats(m->drv, (uint32_t)i + 1, &s);
	*out = (struct lan_sensor_net_status){.name = n->name,
		.kind = kinds[n->spec.kind],
		.up = n->up,
		.err = n->err,
		.reason = n->reason,
		.mtu = lan_net_mtu(&n->spec),
		.rx_messages = s.rx_messages,
		.tx_messages = s.tx_messages,
		.tx_failed = s.tx_failed,
		.rx_dropped = s.drop_length + s.drop_other + s.kernel_drops};
	return true;
}

/* Of all networks together, and of the radios among them. */
static bool net_counter(
	const struct lan_sensor_master *m, size_t i, const char **name, const char **help, uint64_t *value)
{
	static _Thread_local char text[64];
	struct lan_net_stats all = {0}, s;
	for (uint32_t link = 1; link <= m->n_nets; link++) {
		if (!lan_nets_stats(m->drv, link, &s))
			continue;
		all.rx_messages += s.rx_messages, all.tx_messages += s.tx_messages;
		all.tx_failed += s.tx_failed, all.drop_length += s.drop_length;
		all.drop_other += s.drop_other, all.kernel_drops += s.kernel_drops;
	}
	const struct {
		const char *name, *help;
		uint64_t value;
	} nets[] = {
		{"net_rx_messages", "messages that came from the networks", all.rx_messages},
		{"net_tx_messages", "messages given to the networks", all.tx_messages},
		{"net_tx_failed", "messages that a network did not take", all.tx_failed},
		{"net_drop_length", "frames dropped: their length field does not fit", all.drop_length},
		{"net_drop_other", "frames dropped: not for us, cut, or broken", all.drop_other},
		{"net_kernel_drops", "frames dropped by the kernel: more came than could be read",
			all.kernel_drops},
	};
	if (i < sizeof nets / sizeof *nets) {
		*name = nets[i].name, *help = nets[i].help, *value = nets[i].value;
		return true;
	}
	i -= sizeof nets / sizeof *nets;
	const char *radio = NULL;
	uint64_t one;
	*value = 0;
	for (uint32_t link = 1; link <= m->n_nets; link++)
		if (lan_nets_counter(m->drv, link, i, &radio, help, &one))
			*value += one;
	snprintf(text, sizeof text, "xbee_%s", radio ? radio : "");
	*name = text;
	return radio != NULL;
}

/* The master's counters, then the engine's, the cache's, our own and those of the networks. */
bool lan_sensor_master_counter(
	const struct lan_sensor_master *m, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i < SOS_MASTER_C_N) {
		*name = sos_master_counter_name((enum sos_master_counter)i);
		*help = sos_master_counter_help((enum sos_master_counter)i);
		*value = sos_master_counter(m->core, (enum sos_master_counter)i);
		return true;
	}
	i -= SOS_MASTER_C_N;
	if (i < COAP_C_N) {
		static _Thread_local char text[64];
		snprintf(text, sizeof text, "coap_%s", coap_counter_name((enum coap_counter)i));
		*name = text;
		*help = coap_counter_help((enum coap_counter)i);
		*value = coap_counter(sos_master_coap(m->core), (enum coap_counter)i);
		return true;
	}
	i -= COAP_C_N;
	struct sos_cache_stats c = {0};
	if (m->cache)
		sos_cache_stats(m->cache, &c);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rest[] = {
		{"cache_hits", "requests answered from the cache", c.hits},
		{"cache_misses", "requests for which the cache had no fresh answer", c.misses},
		{"cache_revalidated", "stored answers that a slave said are still right", c.revalidated},
		{"cache_stored", "answers stored", c.stored},
		{"cache_evicted", "answers forgotten because the cache was full", c.evicted},
		{"events_untold", "events dropped: the application did not pull", m->told_dropped},
		{"log_failed", "events that could not be added to the log", m->log_failed},
	};
	if (i >= sizeof rest / sizeof *rest)
		return net_counter(m, i - sizeof rest / sizeof *rest, name, help, value);
	*name = rest[i].name, *help = rest[i].help, *value = rest[i].value;
	return true;
}

const char *lan_slave_state_name(enum lan_slave_state state)
{
	switch (state) {
	case LAN_SLAVE_INACTIVE:
		return "inactive";
	case LAN_SLAVE_ASSOCIATING:
		return "associating";
	case LAN_SLAVE_RUNNING:
		return "running";
	}
	return "?";
}

bool sensor_master_has(const struct lan_sensor_master *m, uint32_t slave, const char *path)
{
	while (*path == '/')
		path++;
	return sos_master_has(m->core, slave, path, strlen(path));
}

/* ---- why ---------------------------------------------------------------------------- */

static unsigned ago(const struct lan_sensor_master *m, lan_time t)
{
	lan_time now = lan_loop_now(m->loop);
	return now > t ? (unsigned)((now - t) / LAN_SEC(1)) : 0;
}

static bool any_up(const struct lan_sensor_master *m)
{
	for (size_t i = 0; i < m->n_nets; i++)
		if (m->nets[i].up)
			return true;
	return false;
}

const char *lan_sensor_master_why(const struct lan_sensor_master *m, uint32_t id)
{
	static _Thread_local char text[512];
	struct lan_slave_status s;
	if (lan_sensor_master_find(m, id, &s))
		snprintf(text, sizeof text,
			"slave %u is not listed and was not heard: list it in the configuration; to see who "
			"asks, set unlisted to list",
			id);
	else if (!any_up(m))
		snprintf(text, sizeof text, "no network is up: %s: %s", m->nets[0].name,
			*m->nets[0].reason ? m->nets[0].reason : lan_err_text(m->nets[0].err));
	else if (s.state == LAN_SLAVE_RUNNING)
		snprintf(text, sizeof text,
			"slave %u is associated at %s (%s); heard %u s ago, renewed %llu times", id,
			s.address, s.net, ago(m, s.last_seen), (unsigned long long)s.renewals);
	else if (!s.listed)
		snprintf(text, sizeof text,
			"slave %u asks at %s but is not listed: add it to the configuration", id, s.address);
	else if (s.state == LAN_SLAVE_ASSOCIATING)
		snprintf(text, sizeof text,
			"slave %u was heard %u s ago at %s; its AssocAnswer is missing: if this lasts, its "
			"way to "
			"us works and ours to it does not, or another master has it",
			id, ago(m, s.last_discover), s.address);
	else if (!s.last_discover)
		snprintf(text, sizeof text,
			"slave %u was never heard: is it powered, on %s, on the same channel and PAN, and is "
			"this "
			"the id it was given? Hellos go out every few seconds",
			id, m->nets[0].name);
	else
		snprintf(text, sizeof text, "slave %u was heard last %u s ago%s%s", id, ago(m, s.last_seen),
			s.keyed ? "; it has to prove its key: do both have the same key file?" : "",
			s.losses ? "; its association ended without renewal: is it switched off or out of "
				   "reach?"
				 : "");
	return text;
}
