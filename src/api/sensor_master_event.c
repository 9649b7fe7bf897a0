/*
 * sensor_master_event.c - events of the core as the application and the taps see them. Taps get them as they
 * are; for the application they are copied into a queue that is bounded: while it is full, the core's events
 * stay in the core. What only tells (states, candidates) is then dropped, and counted; answers never are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_master_int.h"

#define QUEUE_MAX (4u << 20) /* octets of events that wait for the application */

static bool have_room(const struct lan_sensor_master *m)
{
	return m->told_octets < QUEUE_MAX;
}

/* ---- filling an event --------------------------------------------------------------- */

void master_place(struct lan_sensor_master *m, const struct lan_ep *ep, struct lan_sensor_master_event *out)
{
	m->net_text[0] = m->address_text[0] = 0;
	if (ep->link && ep->link <= m->n_nets)
		snprintf(m->net_text, sizeof m->net_text, "%s", m->nets[ep->link - 1].name);
	if (ep->len && m->drv)
		lan_nets_text(m->drv, ep, m->address_text, sizeof m->address_text);
	out->net = m->net_text;
	out->address = m->address_text;
}

static const char *code_text(uint8_t code)
{
	static _Thread_local char text[48];
	static _Thread_local uint8_t made;
	if (made == code && code) /* as good as always */
		return text;
	made = code;
	snprintf(text, sizeof text, "%u.%02u %s", COAP_CLASS(code), code & 31u, coap_code_name(code));
	return text;
}

static void location(struct lan_sensor_master *m, const struct coap_msg *msg)
{
	char path[TEXT_MAX], query[TEXT_MAX];
	m->location_text[0] = 0;
	if (coap_path(msg, COAP_LOCATION_PATH, path, sizeof path) ||
		coap_query(msg, COAP_LOCATION_QUERY, query, sizeof query) || (!*path && !*query))
		return;
	snprintf(m->location_text, sizeof m->location_text, "/%s%s%s", path, *query ? "?" : "", query);
}

void master_fill(struct lan_sensor_master *m, struct lan_sensor_master_event *out, const struct coap_msg *msg)
{
	uint64_t v;
	out->code = msg->code;
	out->code_text = code_text(msg->code);
	out->payload = msg->payload, out->len = msg->len;
	out->options = msg->options, out->options_len = msg->options_len;
	out->content_format = coap_find_uint(msg, COAP_CONTENT_FORMAT, &v) && v <= 65535 ? (int32_t)v : -1;
	const char *media = out->content_format >= 0 ? coap_media_type((uint32_t)out->content_format) : NULL;
	out->media_type = media ? media : "";
	out->max_age = coap_find_uint(msg, COAP_MAX_AGE, &v) ? (int64_t)v : -1;
	if (!coap_find(msg, COAP_ETAG, 0, &out->etag, &out->etag_len))
		out->etag = NULL, out->etag_len = 0;
	location(m, msg);
	out->location = m->location_text;
}

/* ---- the application's queue -------------------------------------------------------- */

static const void *copy(uint8_t **to, const void *from, size_t n)
{
	if (!n)
		return NULL;
	uint8_t *at = *to;
	memcpy(at, from, n);
	*to += n;
	return at;
}

static void queue(struct lan_sensor_master *m, const struct lan_sensor_master_event *ev)
{
	bool answer = ev->kind == LAN_MASTER_RESPONSE || ev->kind == LAN_MASTER_FAILED;
	size_t size = sizeof(struct told) + ev->len + 1 + ev->options_len + ev->etag_len;
	struct told *t = answer || have_room(m) ? malloc(size) : NULL;
	if (!t) {
		m->told_dropped++;
		return;
	}
	uint8_t *to = t->data;
	t->next = NULL, t->size = size;
	t->ev = *ev;
	t->ev.payload = copy(&to, ev->payload, ev->len);
	*to++ = 0;
	t->ev.options = copy(&to, ev->options, ev->options_len);
	t->ev.etag = copy(&to, ev->etag, ev->etag_len);
	snprintf(t->net, sizeof t->net, "%s", ev->net ? ev->net : "");
	snprintf(t->address, sizeof t->address, "%s", ev->address ? ev->address : "");
	snprintf(t->location, sizeof t->location, "%s", ev->location ? ev->location : "");
	t->ev.net = t->net, t->ev.address = t->address, t->ev.location = t->location;
	if (m->last)
		m->last->next = t;
	else
		m->first = t;
	m->last = t;
	m->told_octets += size;
	if (!m->noted) {
		m->noted = true;
		lan_task_queue(m->loop, &m->wake);
	}
}

bool lan_sensor_master_event(struct lan_sensor_master *m, struct lan_sensor_master_event *ev)
{
	free(m->pulled);
	m->pulled = NULL;
	if (!m->first)
		master_pump(m);
	struct told *t = m->first;
	if (!t)
		return false;
	bool was_full = !have_room(m);
	m->first = t->next;
	if (!m->first)
		m->last = NULL;
	m->told_octets -= t->size;
	m->pulled = t;
	*ev = t->ev;
	if (ev->code)
		ev->code_text = code_text(ev->code);
	if (was_full && have_room(m))
		master_pump(m);
	return true;
}

void master_deliver(
	struct lan_sensor_master *m, struct sensor_tap *t, const struct lan_sensor_master_event *ev)
{
	if (t)
		t->event(t->ctx, ev);
	else
		queue(m, ev);
}

/* Everybody is told; a tap may keep it for itself. */
static void announce(struct lan_sensor_master *m, const struct lan_sensor_master_event *ev)
{
	master_log_event(m, ev);
	for (struct sensor_tap *t = m->taps, *next; t; t = next) {
		next = t->next;
		if (t->event(t->ctx, ev))
			return;
	}
	queue(m, ev);
}

/* ---- the core's --------------------------------------------------------------------- */

static enum lan_sensor_master_event_kind kind_of(enum sos_master_event_kind k)
{
	switch (k) {
	case SOS_MASTER_EV_STATE:
		return LAN_MASTER_SLAVE;
	case SOS_MASTER_EV_CANDIDATE:
		return LAN_MASTER_CANDIDATE;
	case SOS_MASTER_EV_MASTER:
		return LAN_MASTER_OTHER;
	case SOS_MASTER_EV_REFUSED:
		return LAN_MASTER_REFUSED;
	case SOS_MASTER_EV_RESPONSE:
		return LAN_MASTER_RESPONSE;
	case SOS_MASTER_EV_FAILED:
		return LAN_MASTER_FAILED;
	}
	return LAN_MASTER_FAILED;
}

static void tell(struct lan_sensor_master *m, const struct sos_master_event *ev)
{
	struct lan_sensor_master_event out = {.kind = kind_of(ev->kind),
		.slave = ev->slave,
		.state = (enum lan_slave_state)ev->state,
		.was = (enum lan_slave_state)ev->was,
		.reason = ev->reason ? ev->reason : "",
		.content_format = -1,
		.max_age = -1,
		.code_text = "",
		.media_type = "",
		.location = "",
		.at = ev->at};
	m->old_text[0] = 0;
	if (ev->old.len)
		lan_nets_text(m->drv, &ev->old, m->old_text, sizeof m->old_text);
	master_place(m, &ev->ep, &out);
	/* What another boot said, or another slave at this address, is no answer any more; and a slave that
	 * renews may have booted. */
	if (m->cache && ev->kind == SOS_MASTER_EV_STATE)
		sos_cache_forget(m->cache, ev->slave);
	announce(m, &out);
}

void master_pump(struct lan_sensor_master *m)
{
	struct sos_master_event ev;
	bool any = false;
	if (m->pumping)
		return;
	m->pumping = true;
	/* An application that does not pull holds itself up, not the web: with a tap what only tells is
	 * dropped. */
	while ((m->taps || have_room(m)) && sos_master_event(m->core, lan_loop_stamp(m->loop), &ev)) {
		any = true;
		if (ev.kind == SOS_MASTER_EV_RESPONSE || ev.kind == SOS_MASTER_EV_FAILED)
			master_answer(m, &ev);
		else
			tell(m, &ev);
	}
	m->pumping = false;
	if (any)
		lan_nets_kick(m->drv);
}

/* ---- networks ----------------------------------------------------------------------- */

void master_net_event(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why)
{
	struct lan_sensor_master *m = ctx;
	struct master_net *n = &m->nets[link - 1];
	uint32_t mtu = lan_net_mtu(&n->spec);
	n->up = up, n->err = err;
	snprintf(n->reason, sizeof n->reason, "%s", why ? why : "");
	enum lan_err e = sos_master_link(
		m->core, lan_loop_stamp(m->loop), link, mtu, mtu - lan_net_datagram(&n->spec), up);
	if (e && !err)
		n->err = err = e;
	struct lan_sensor_master_event out = {.kind = LAN_MASTER_NET,
		.net = n->name,
		.address = "",
		.err = up    ? LAN_OK
		       : err ? err
			     : LAN_ERR_CLOSED,
		.reason = n->reason,
		.content_format = -1,
		.max_age = -1,
		.code_text = "",
		.media_type = "",
		.location = "",
		.at = lan_loop_recent(m->loop)};
	announce(m, &out);
	lan_nets_kick(m->drv);
}

const char *lan_sensor_master_event_name(enum lan_sensor_master_event_kind kind)
{
	switch (kind) {
	case LAN_MASTER_SLAVE:
		return "slave";
	case LAN_MASTER_CANDIDATE:
		return "candidate";
	case LAN_MASTER_OTHER:
		return "other";
	case LAN_MASTER_REFUSED:
		return "refused";
	case LAN_MASTER_RESPONSE:
		return "response";
	case LAN_MASTER_NOTIFY:
		return "notify";
	case LAN_MASTER_FAILED:
		return "failed";
	case LAN_MASTER_NET:
		return "net";
	}
	return "?";
}
