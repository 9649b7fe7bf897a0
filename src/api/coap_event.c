/*
 * coap_event.c - events and counters of a handle of <lanyard/coap.h>, the names of codes and content formats,
 * lists of resources.
 */
#include <stdio.h>
#include <string.h>
#include "api/coap_int.h"
#include "proto/coap/linkformat.h"

static bool net_event(struct lan_coap *c, struct lan_coap_event *ev)
{
	for (size_t i = 0; i < c->n_nets; i++) {
		struct talk_net *n = &c->net[i];
		if (!n->news)
			continue;
		n->news = false;
		snprintf(c->text, sizeof c->text, "%.100s%s%.140s", n->text, *n->why ? ": " : "", n->why);
		*ev = (struct lan_coap_event){.kind = LAN_COAP_NET,
			.code_text = "",
			.from = "",
			.content_format = -1,
			.media_type = "",
			.max_age = -1,
			.location = "",
			.err = n->up    ? LAN_OK
			       : n->err ? n->err
					: LAN_ERR_UNREACH,
			.text = c->text,
			.at = lan_loop_recent(c->loop)};
		return true;
	}
	return false;
}

/* "/a/b?c" of Location-Path and Location-Query. */
static const char *location_of(struct lan_coap *c, const struct coap_msg *m)
{
	char *to = c->location;
	size_t cap = sizeof c->location, n;
	const uint8_t *v;
	size_t len;
	bool query = coap_find(m, COAP_LOCATION_QUERY, 0, &v, &len);
	*to = '\0';
	if (!query && !coap_find(m, COAP_LOCATION_PATH, 0, &v, &len))
		return to;
	*to = '/';
	if (coap_path(m, COAP_LOCATION_PATH, to + 1, cap - 1))
		to[1] = '\0';
	n = strlen(to);
	if (query && n + 2 < cap) {
		to[n] = '?';
		if (coap_query(m, COAP_LOCATION_QUERY, to + n + 1, cap - n - 1))
			to[n] = '\0';
	}
	return to;
}

static void take_message(struct lan_coap *c, const struct coap_event *from, struct lan_coap_event *ev)
{
	const struct coap_msg *m = &from->msg;
	const uint8_t *v;
	uint64_t n;
	ev->payload = m->payload;
	ev->len = m->len;
	ev->options = m->options;
	ev->options_len = m->options_len;
	if (coap_find_uint(m, COAP_CONTENT_FORMAT, &n)) {
		const char *type = coap_media_type((uint32_t)n);
		ev->content_format = (int32_t)n;
		ev->media_type = type ? type : "";
	}
	if (coap_find_uint(m, COAP_MAX_AGE, &n))
		ev->max_age = (int64_t)n;
	if (coap_find(m, COAP_ETAG, 0, &v, &ev->etag_len)) {
		ev->etag_len = ev->etag_len < sizeof c->etag ? ev->etag_len : sizeof c->etag;
		ev->etag = memcpy(c->etag, v, ev->etag_len);
	}
	ev->location = location_of(c, m);
}

bool lan_coap_event(struct lan_coap *c, struct lan_coap_event *ev)
{
	struct coap_event from;
	if (net_event(c, ev))
		return true;
	do
		if (!coap_event(c->core, lan_loop_stamp(c->loop), &from))
			return false;
	while (from.kind != COAP_EV_RESPONSE && from.kind != COAP_EV_NOTIFY && from.kind != COAP_EV_FAILED);
	lan_nets_text(c->nets, &from.from, c->from, sizeof c->from);
	*ev = (struct lan_coap_event){.kind = from.kind == COAP_EV_RESPONSE ? LAN_COAP_RESPONSE
					      : from.kind == COAP_EV_NOTIFY ? LAN_COAP_NOTIFY
									    : LAN_COAP_FAILED,
		.id = from.id,
		.tag = from.tag,
		.code_text = "",
		.from = c->from,
		.content_format = -1,
		.media_type = "",
		.max_age = -1,
		.location = "",
		.observing = from.observing,
		.observe = from.observe_value,
		.err = from.err,
		.text = from.text ? from.text : "",
		.at = from.at};
	if (from.kind == COAP_EV_FAILED)
		return true;
	ev->code = from.code;
	ev->code_text = lan_coap_code_text(from.code);
	ev->rtt = from.kind == COAP_EV_RESPONSE && from.at > from.sent ? from.at - from.sent : 0;
	take_message(c, &from, ev);
	return true;
}

bool lan_coap_counter(
	const struct lan_coap *c, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i >= COAP_C_N)
		return false;
	*name = coap_counter_name((enum coap_counter)i);
	*help = coap_counter_help((enum coap_counter)i);
	*value = coap_counter(c->core, (enum coap_counter)i);
	return true;
}

const char *lan_coap_code_text(uint8_t code)
{
	static _Thread_local char text[48];
	const char *name = coap_code_name(code);
	snprintf(text, sizeof text, "%u.%02u%s%s", code >> 5, code & 31u, *name ? " " : "", name);
	return text;
}

const char *lan_coap_media_type(uint32_t content_format)
{
	return coap_media_type(content_format);
}

int32_t lan_coap_content_format(const char *media_type)
{
	uint32_t format;
	return coap_content_format(media_type, strlen(media_type), &format) ? (int32_t)format : -1;
}

bool lan_coap_link(struct lan_coap_links *l, struct lan_coap_link *out)
{
	struct coap_links in = coap_links_of(l->text, l->len);
	struct coap_link one;
	in.p = l->text + l->at;
	bool more = !l->bad && coap_links_next(&in, &one);
	l->bad |= in.bad;
	l->at = in.bad ? in.at : (size_t)(in.p - l->text);
	if (more)
		*out = (struct lan_coap_link){one.target, one.params, one.target_len, one.params_len};
	return more;
}

bool lan_coap_link_attribute(const struct lan_coap_link *l, size_t *at, struct lan_coap_attribute *out)
{
	const struct coap_link one = {l->target, l->target_len, l->attributes, l->attributes_len};
	struct coap_link_param p;
	if (!coap_link_param(&one, at, &p))
		return false;
	*out = (struct lan_coap_attribute){p.name, p.value, p.name_len, p.value_len};
	return true;
}
