/*
 * neighbor_print.c - events of neighbours as JSON, the same as the daemon's
 * (docs/control.md), printed as a line of JSON or of text.
 *
 * What a neighbour announces is asked for while its event is printed, and the
 * event's words die with the first question: they are copied before.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_names.h"
#include "cli/neighbor.h"
#include "cli/show.h"
#include "cli/text.h"

static void put(json_t *o, const char *name, const char *text)
{
	if (text && *text)
		json_object_set_new(o, name, json_string(text));
}

static void put_number(json_t *o, const char *name, unsigned value)
{
	json_object_set_new(o, name, json_integer(value));
}

static json_t *prefix_json(const struct lan_neighbor_prefix *p, bool labelled)
{
	json_t *o = json_pack("{s:s,s:i,s:b,s:b,s:b}", "address", p->address, "length", (int)p->length,
		"primary", (int)p->primary, "loopback", (int)p->loopback, "overlay", (int)p->overlay);
	json_t *labels = labelled ? json_array() : NULL;
	for (size_t i = 0; labels && i < p->n_labels; i++)
		json_array_append_new(labels, json_integer(p->labels[i]));
	if (labels)
		json_object_set_new(o, "labels", labels);
	return o;
}

static void add_prefixes(json_t *o, const struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	enum lan_neighbor_type type = ev->type;
	bool labelled = type == LAN_NEIGHBOR_MPLS4 || type == LAN_NEIGHBOR_MPLS6;
	json_t *list = json_array();
	struct lan_neighbor_prefix p;
	char ifname[64], mac[32];
	snprintf(ifname, sizeof ifname, "%s", ev->ifname);
	snprintf(mac, sizeof mac, "%s", ev->mac);
	put(o, "type", neighbor_type_name(type));
	for (size_t i = 0; lan_neighbor_prefix(n, ifname, mac, type, i, &p); i++)
		json_array_append_new(list, prefix_json(&p, labelled));
	json_object_set_new(o, "prefixes", list);
}

static void add_attributes(json_t *o, const struct lan_neighbor_event *ev)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ev->n_attributes; i++)
		json_array_append_new(list, json_integer(ev->attributes[i]));
	json_object_set_new(o, "attributes", list);
}

static void add_bgp(json_t *o, const struct lan_neighbor_bgp *b)
{
	json_object_set_new(o, "asn", json_integer(b->asn));
	put(o, "address4", b->address4);
	put(o, "address6", b->address6);
	json_object_set_new(o, "auth", json_boolean(b->auth_len > 0)); /* that there is some; never what */
	json_object_set_new(o, "gtsm", json_boolean(b->gtsm));
}

static void add_state(json_t *o, const struct lan_neighbor_event *ev)
{
	bool up = ev->kind == LAN_NEIGHBOR_UP || ev->up;
	if (ev->kind == LAN_NEIGHBOR_UP || ev->kind == LAN_NEIGHBOR_DOWN || ev->kind == LAN_NEIGHBOR_LINK ||
		ev->kind == LAN_NEIGHBOR_REPORT)
		put(o, "state", up ? "up" : "down");
}

static void add_fields(json_t *o, const struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	switch (ev->kind) {
	case LAN_NEIGHBOR_UP:
	case LAN_NEIGHBOR_DOWN:
		add_attributes(o, ev);
		break;
	case LAN_NEIGHBOR_ENCAPS:
		add_prefixes(o, n, ev);
		return;
	case LAN_NEIGHBOR_CONFLICT:
		put(o, "address", ev->address);
		break;
	case LAN_NEIGHBOR_ERROR:
		put(o, "type", neighbor_type_name(ev->type));
		put_number(o, "etype", ev->etype);
		put_number(o, "code", ev->code);
		put_number(o, "hint", ev->hint);
		break;
	case LAN_NEIGHBOR_KEY:
		put(o, "fingerprint", ev->fingerprint);
		break;
	case LAN_NEIGHBOR_ULPC:
		add_bgp(o, &ev->bgp);
		break;
	case LAN_NEIGHBOR_LINK:
	case LAN_NEIGHBOR_SELF:
	case LAN_NEIGHBOR_REFUSED:
	case LAN_NEIGHBOR_REPORT:
		break;
	}
	put(o, "reason", ev->reason);
}

static json_t *event_json(const struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	char text[48];
	json_t *o = json_pack("{s:i,s:s,s:s}", "schema", 1, "time", text_now(text), "event",
		lan_neighbor_event_name(ev->kind));
	add_state(o, ev);
	put(o, "ifname", ev->ifname);
	put(o, "mac", ev->mac);
	put(o, "id", ev->id);
	add_fields(o, n, ev);
	return o;
}

static void print_text(struct neighbor *n, const json_t *o)
{
	char clock[32];
	out_printf(&n->out, "%s  ", text_clock(json_string_value(json_object_get(o, "time")), clock));
	show_neighbor_news(&n->out, n->color, o);
}

void neighbor_print(struct neighbor *n, const struct lan_neighbor_event *ev)
{
	n->ups += ev->kind == LAN_NEIGHBOR_UP;
	n->lists += ev->kind == LAN_NEIGHBOR_ENCAPS;
	json_t *o = event_json(n->handle, ev);
	char *text = n->json ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		out_printf(&n->out, "%s\n", text);
	else if (o && !n->json)
		print_text(n, o);
	else
		n->out.no_memory = true;
	free(text);
	json_decref(o);
}
