/*
 * neighbors_members.c - what an event of neighbors says, as members of its JSON.
 * The names are those `lanyard neighbor run -J` has.
 *
 * Views of an event die with the next call on its handle, and prefixes are asked
 * of the handle: everything else is written first.
 */
#include <stdio.h>
#include <string.h>
#include "api/neighbor_names.h"
#include "daemon/members.h"
#include "daemon/neighbors.h"

static void add_bool(struct text *t, const char *key, bool value)
{
	text_printf(t, ",\"%s\":%s", key, value ? "true" : "false");
}

static void add_attributes(struct text *t, const struct lan_neighbor_event *ev)
{
	text_puts(t, ",\"attributes\":[");
	for (size_t i = 0; i < ev->n_attributes; i++)
		text_printf(t, "%s%u", i ? "," : "", ev->attributes[i]);
	text_puts(t, "]");
}

static void add_prefix(struct text *t, const struct lan_neighbor_prefix *p, bool labels)
{
	text_printf(t, "{\"address\":");
	text_json(t, p->address, strlen(p->address));
	text_printf(t, ",\"length\":%u", p->length);
	add_bool(t, "primary", p->primary);
	add_bool(t, "loopback", p->loopback);
	add_bool(t, "overlay", p->overlay);
	if (labels) {
		text_puts(t, ",\"labels\":[");
		for (size_t i = 0; i < p->n_labels; i++)
			text_printf(t, "%s%u", i ? "," : "", p->labels[i]);
		text_puts(t, "]");
	}
	text_puts(t, "}");
}

static void add_prefixes(struct text *t, struct lan_neighbor *n, const char *ifname, const char *mac,
	enum lan_neighbor_type type)
{
	bool labels = type == LAN_NEIGHBOR_MPLS4 || type == LAN_NEIGHBOR_MPLS6;
	struct lan_neighbor_prefix p;
	text_puts(t, ",\"prefixes\":[");
	for (size_t i = 0; lan_neighbor_prefix(n, ifname, mac, type, i, &p); i++) {
		text_puts(t, i ? "," : "");
		add_prefix(t, &p, labels);
	}
	text_puts(t, "]");
}

static void add_error(struct text *t, const struct lan_neighbor_event *ev)
{
	member_text(t, "type", neighbor_type_name(ev->type));
	member_number(t, "etype", ev->etype);
	member_number(t, "code", ev->code);
	member_number(t, "hint", ev->hint);
}

static void add_bgp(struct text *t, const struct lan_neighbor_bgp *bgp)
{
	member_number(t, "asn", bgp->asn);
	member_text(t, "address4", bgp->address4);
	member_text(t, "address6", bgp->address6);
	add_bool(t, "auth", bgp->auth_len > 0);
	add_bool(t, "gtsm", bgp->gtsm);
}

static void add_rest(struct text *t, const struct lan_neighbor_event *ev)
{
	switch (ev->kind) {
	case LAN_NEIGHBOR_UP:
	case LAN_NEIGHBOR_DOWN:
		member_text(t, "state", ev->kind == LAN_NEIGHBOR_UP ? "up" : "down");
		add_attributes(t, ev);
		return;
	case LAN_NEIGHBOR_LINK:
	case LAN_NEIGHBOR_REPORT:
		member_text(t, "state", ev->up ? "up" : "down");
		return;
	case LAN_NEIGHBOR_CONFLICT:
		member_text(t, "address", ev->address);
		return;
	case LAN_NEIGHBOR_ERROR:
		add_error(t, ev);
		return;
	case LAN_NEIGHBOR_KEY:
		member_text(t, "fingerprint", ev->fingerprint);
		return;
	case LAN_NEIGHBOR_ULPC:
		add_bgp(t, &ev->bgp);
		return;
	case LAN_NEIGHBOR_ENCAPS:
		member_text(t, "type", neighbor_type_name(ev->type));
		return;
	case LAN_NEIGHBOR_SELF:
	case LAN_NEIGHBOR_REFUSED:
		return;
	}
}

void neighbors_members(struct text *t, struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	char ifname[32], mac[32];
	enum lan_neighbor_type type = ev->type;
	bool encaps = ev->kind == LAN_NEIGHBOR_ENCAPS;
	snprintf(ifname, sizeof ifname, "%s", ev->ifname ? ev->ifname : "");
	snprintf(mac, sizeof mac, "%s", ev->mac ? ev->mac : "");
	member_text(t, "ifname", ifname);
	member_text(t, "mac", mac);
	member_text(t, "id", ev->id);
	add_rest(t, ev);
	if (encaps)
		add_prefixes(t, n, ifname, mac, type);
}
