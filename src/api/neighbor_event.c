/*
 * neighbor_event.c - events of the core and of the links as the application sees them; hooks for VENDOR PDUs
 * and ACKs; what is to be kept (keys, sessions) is kept on the way.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_int.h"

/* ---- links ------------------------------------------------------------------------------------------- */

static bool link_event(struct lan_neighbor *n, bool up, struct lan_neighbor_event *ev)
{
	for (size_t i = 0; i < n->n_links; i++) {
		struct neighbor_link *l = &n->links[i];
		if (l->used == l->told || l->used != up)
			continue;
		l->told = l->used;
		*ev = (struct lan_neighbor_event){.kind = LAN_NEIGHBOR_LINK,
			.ifname = l->name,
			.mac = "",
			.id = "",
			.up = up,
			.err = l->err,
			.reason = l->reason ? l->reason : "",
			.at = lan_loop_recent(n->loop)};
		return true;
	}
	return false;
}

/* ---- the core's -----------------------------------------------------------------------------------------
 */

static void set_bgp(struct lan_neighbor *n, const struct lsoe_ulpc *u, struct lan_neighbor_bgp *out)
{
	char text[INET6_ADDRSTRLEN];
	*out = (struct lan_neighbor_bgp){.asn = u->asn,
		.auth = u->auth_len ? u->auth : NULL,
		.auth_len = u->auth_len,
		.gtsm = u->gtsm};
	if (u->have4) {
		snprintf(n->bgp4, sizeof n->bgp4, "%s/%u", inet_ntop(AF_INET, u->addr4, text, sizeof text),
			u->prefix4);
		out->address4 = n->bgp4;
	}
	if (u->have6) {
		snprintf(n->bgp6, sizeof n->bgp6, "%s/%u", inet_ntop(AF_INET6, u->addr6, text, sizeof text),
			u->prefix6);
		out->address6 = n->bgp6;
	}
}

static const char *error_text(const struct lan_neighbor *n, const struct lsoe_ack *a)
{
	const struct lsoe_rules *r = &lsoe_rules[n->dialect];
	if (a->code == r->code_auth)
		return "authorisation failure";
	if (a->code == r->code_announce)
		return "an announcement does not fit what was announced before";
	if (a->code == r->code_conflict)
		return a->type == LSOE_OPEN && n->dialect == LSOE_L3DL ? "the session could not be continued"
								       : "link addressing conflict";
	return a->code == 1 && n->dialect == LSOE_L3DL ? "checksum error" : "unknown error code";
}

static void translate(struct lan_neighbor *n, const struct lsoe_event *e, struct lan_neighbor_event *ev)
{
	static const uint8_t no_mac[6];
	const struct neighbor_link *l = neighbor_link_of(n, e->link);
	const struct lsoe_list *list = lsoe_heard(n->core, e->link, e->mac, e->type);
	*ev = (struct lan_neighbor_event){.ifname = l ? l->name : "",
		.mac = memcmp(e->mac, no_mac, 6) ? neighbor_mac_text(e->mac, n->mac) : "",
		.id = neighbor_id_text(e->id, e->id ? e->id_len : 0, n->id),
		.attributes = e->attrs,
		.n_attributes = e->attrs ? e->n_attrs : 0,
		.type = (enum lan_neighbor_type)e->type,
		.n_prefixes = list ? list->count : 0,
		.etype = e->ack.etype,
		.code = e->ack.code,
		.hint = e->ack.hint,
		.reason = e->reason ? e->reason : "",
		.address = "",
		.fingerprint = "",
		.at = e->at};
	if (e->kind == LSOE_EV_CONFLICT)
		ev->address = inet_ntop(
			e->family == 4 ? AF_INET : AF_INET6, e->addr, n->address, sizeof n->address);
	if (e->kind == LSOE_EV_ERROR)
		ev->reason = error_text(n, &e->ack);
	if (e->key) {
		lsoe_key_fingerprint(e->key, n->fingerprint);
		ev->fingerprint = n->fingerprint;
	}
	if (e->kind == LSOE_EV_ULPC)
		set_bgp(n, &e->ulpc, &ev->bgp);
}

static const enum lan_neighbor_event_kind kinds[] = {[LSOE_EV_UP] = LAN_NEIGHBOR_UP,
	[LSOE_EV_DOWN] = LAN_NEIGHBOR_DOWN,
	[LSOE_EV_ENCAPS] = LAN_NEIGHBOR_ENCAPS,
	[LSOE_EV_SELF] = LAN_NEIGHBOR_SELF,
	[LSOE_EV_CONFLICT] = LAN_NEIGHBOR_CONFLICT,
	[LSOE_EV_ERROR] = LAN_NEIGHBOR_ERROR,
	[LSOE_EV_REFUSED] = LAN_NEIGHBOR_REFUSED,
	[LSOE_EV_KEY] = LAN_NEIGHBOR_KEY,
	[LSOE_EV_ULPC] = LAN_NEIGHBOR_ULPC};

/* ---- what is not an event for the application -------------------------------------------------------------
 */

static void vendor(struct lan_neighbor *n, const struct lsoe_event *e)
{
	const struct neighbor_link *l = neighbor_link_of(n, e->link);
	for (size_t i = 0; i < n->n_vendors; i++)
		if (n->vendors[i].enterprise == e->vendor.enterprise)
			n->vendors[i].fn(n->vendors[i].ctx,
				&(struct lan_neighbor_vendor_pdu){.ifname = l ? l->name : "",
					.mac = neighbor_mac_text(e->mac, n->mac),
					.enterprise = e->vendor.enterprise,
					.serial = e->vendor.serial,
					.type = e->vendor.type,
					.data = e->vendor.data,
					.len = e->vendor.len});
}

static void ack(struct lan_neighbor *n, const struct lsoe_event *e)
{
	const struct neighbor_link *l = neighbor_link_of(n, e->link);
	if (n->on_ack)
		n->on_ack(n->on_ack_ctx, &(struct lan_neighbor_ack){.ifname = l ? l->name : "",
						 .mac = neighbor_mac_text(e->mac, n->mac),
						 .type = e->ack.type,
						 .etype = e->ack.etype,
						 .code = e->ack.code,
						 .hint = e->ack.hint});
}

/* True: nothing of it goes to the application. */
static bool internal(struct lan_neighbor *n, const struct lsoe_event *e)
{
	const struct neighbor_link *l = neighbor_link_of(n, e->link);
	switch (e->kind) {
	case LSOE_EV_VENDOR:
		vendor(n, e);
		return true;
	case LSOE_EV_ACK:
		ack(n, e);
		return true;
	case LSOE_EV_SAVE:
		if (n->state && l)
			(void)!neighbor_state_changed(
				n->state, l->name, e->mac); /* the next change tries again */
		return true;
	case LSOE_EV_KEY:
		if (n->state && e->id)
			(void)!neighbor_state_keep(n->state, e->id, e->id_len, e->key); /* told by `failed` */
		return false;
	case LSOE_EV_UP:
	case LSOE_EV_DOWN:
	case LSOE_EV_ENCAPS:
	case LSOE_EV_SELF:
	case LSOE_EV_CONFLICT:
	case LSOE_EV_ERROR:
	case LSOE_EV_REFUSED:
	case LSOE_EV_ULPC:
		break;
	}
	return false;
}

static bool core_event(struct lan_neighbor *n, struct lan_neighbor_event *ev)
{
	struct lsoe_event e;
	while (lsoe_event(n->core, lan_loop_stamp(n->loop), &e)) {
		neighbor_north(n, &e);
		if (internal(n, &e))
			continue;
		translate(n, &e, ev);
		ev->kind = kinds[e.kind];
		return true;
	}
	return false;
}

/* A link is told before the neighbours on it, and its end after theirs. */
bool lan_neighbor_event(struct lan_neighbor *n, struct lan_neighbor_event *ev)
{
	if (n->state_failed) {
		n->state_failed = false;
		*ev = (struct lan_neighbor_event){.kind = LAN_NEIGHBOR_REFUSED,
			.ifname = "",
			.mac = "",
			.id = "",
			.err = LAN_ERR_IO,
			.reason = n->reason,
			.at = lan_loop_recent(n->loop)};
		return true;
	}
	if (n->news && link_event(n, true, ev))
		return true;
	if (core_event(n, ev))
		return true;
	if (n->news && link_event(n, false, ev))
		return true;
	if (neighbor_north_event(n, ev))
		return true;
	if (n->news)
		neighbor_links_purge(n);
	n->news = false;
	return false;
}

enum lan_err lan_neighbor_on_vendor(struct lan_neighbor *n, uint32_t enterprise,
	void (*fn)(void *ctx, const struct lan_neighbor_vendor_pdu *pdu), void *ctx)
{
	size_t i = 0;
	while (i < n->n_vendors && n->vendors[i].enterprise != enterprise)
		i++;
	if (!fn) {
		if (i < n->n_vendors)
			n->vendors[i] = n->vendors[--n->n_vendors];
		return lsoe_accept_vendor(n->core, enterprise, false);
	}
	if (i == n->n_vendors) {
		struct neighbor_vendor *p = realloc(n->vendors, (i + 1) * sizeof *p);
		if (!p)
			return LAN_ERR_NOMEM;
		n->vendors = p;
		enum lan_err e = lsoe_accept_vendor(n->core, enterprise, true);
		if (e)
			return e;
		n->n_vendors++;
	}
	n->vendors[i] = (struct neighbor_vendor){.enterprise = enterprise, .fn = fn, .ctx = ctx};
	return LAN_OK;
}

void lan_neighbor_on_ack(
	struct lan_neighbor *n, void (*fn)(void *ctx, const struct lan_neighbor_ack *ack), void *ctx)
{
	n->on_ack = fn;
	n->on_ack_ctx = ctx;
	lsoe_want_acks(n->core, fn != NULL);
}

void lan_neighbor_on_ready(struct lan_neighbor *n, void (*fn)(void *ctx), void *ctx)
{
	n->on_ready = fn;
	n->on_ready_ctx = ctx;
}

const char *lan_neighbor_event_name(enum lan_neighbor_event_kind kind)
{
	switch (kind) {
	case LAN_NEIGHBOR_UP:
	case LAN_NEIGHBOR_DOWN:
		return "neighbor";
	case LAN_NEIGHBOR_ENCAPS:
		return "encapsulations";
	case LAN_NEIGHBOR_LINK:
		return "link";
	case LAN_NEIGHBOR_SELF:
		return "self";
	case LAN_NEIGHBOR_CONFLICT:
		return "conflict";
	case LAN_NEIGHBOR_ERROR:
		return "error";
	case LAN_NEIGHBOR_REFUSED:
		return "refused";
	case LAN_NEIGHBOR_KEY:
		return "key";
	case LAN_NEIGHBOR_ULPC:
		return "ulpc";
	case LAN_NEIGHBOR_REPORT:
		return "report";
	}
	return "unknown";
}

const char *lan_neighbor_state_name(enum lan_neighbor_state state)
{
	switch (state) {
	case LAN_NEIGHBOR_HEARD:
		return "heard";
	case LAN_NEIGHBOR_OPENING:
		return "opening";
	case LAN_NEIGHBOR_ESTABLISHED:
		return "established";
	case LAN_NEIGHBOR_HELD:
		return "held";
	case LAN_NEIGHBOR_OURSELF:
		return "ourself";
	}
	return "unknown";
}
