/*
 * channels_pump.c - the events of a channel: pulled, published, logged.
 *
 * Pulling happens in a task at the end of a turn, a bounded number of events and
 * bytes each time, so that one busy channel cannot keep the others, the control
 * socket and the watchdog waiting. Messages are events only (and records at
 * debug); everything else is one record, limited per channel, kind and reason,
 * because whoever reaches the group can cause most of it at any rate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "daemon/channels.h"

#define EVENTS_PER_TURN 256
#define BYTES_PER_TURN  (1u << 20)

/* NULL, which leaves the field out, for what an event does not say. */
static const char *said(const char *s)
{
	return s && *s ? s : NULL;
}

static void add_text(struct text *t, const char *key, const char *value)
{
	if (!said(value))
		return;
	text_printf(t, ",\"%s\":", key);
	text_json(t, value, strlen(value));
}

static void add_number(struct text *t, const char *key, uint64_t value)
{
	text_printf(t, ",\"%s\":%llu", key, (unsigned long long)value);
}

static void add_base64(struct text *t, const void *data, size_t n)
{
	char *buf = malloc(lan_base64_len(n) + 1);
	t->bad |= !buf;
	if (!buf)
		return;
	lan_base64_encode(data, n, buf);
	text_puts(t, ",\"base64\":\"");
	text_add(t, buf, lan_base64_len(n));
	text_puts(t, "\"");
	free(buf);
}

static void add_message(struct text *t, const struct lan_channel_event *ev)
{
	if (ev->seq)
		add_number(t, "number", ev->seq);
	if (ev->verified)
		text_puts(t, ",\"verified\":true");
	add_number(t, "size", ev->len);
	if (ev->json)
		text_printf(t, ",\"json\":%s", ev->json);
	if (ev->text) {
		text_puts(t, ",\"text\":");
		text_json(t, ev->data, ev->len);
	} else {
		add_base64(t, ev->data, ev->len);
	}
}

static void add_members(struct text *t, const struct lan_channel_event *ev)
{
	add_text(t, "from", ev->from);
	add_text(t, "sender", ev->sender);
	add_text(t, "name", ev->name);
	add_text(t, "ifname", ev->ifname);
	switch (ev->kind) {
	case LAN_CHANNEL_MESSAGE:
		add_message(t, ev);
		break;
	case LAN_CHANNEL_LOST:
		add_number(t, "first", ev->first);
		add_number(t, "last", ev->last);
		add_number(t, "count", ev->count);
		break;
	case LAN_CHANNEL_REFUSED:
		add_number(t, "count", ev->count);
		break;
	case LAN_CHANNEL_IFACE:
		text_printf(t, ",\"joined\":%s", ev->err == LAN_OK ? "true" : "false");
		break;
	case LAN_CHANNEL_KEY:
		add_number(t, "epoch", ev->epoch);
		break;
	case LAN_CHANNEL_JOINED:
	case LAN_CHANNEL_LEFT:
	case LAN_CHANNEL_WRITABLE:
		break;
	}
}

static void publish(struct channel *k, const struct lan_channel_event *ev)
{
	struct text *t = &k->e.all->scratch;
	text_clear(t);
	add_members(t, ev);
	entry_publish(&k->e, lan_channel_event_name(ev->kind), said(ev->reason), t);
}

static void log_member(const struct channel *k, const struct lan_channel_event *ev)
{
	bool here = ev->kind == LAN_CHANNEL_JOINED;
	log_event(LOG_L_INFO, "member-state", LOG_S("channel", channel_name(k)),
		LOG_S("sender", said(ev->sender)), LOG_S("name", said(ev->name)),
		LOG_S("from", here ? "absent" : "present"), LOG_S("to", here ? "present" : "absent"),
		LOG_S("cause", said(ev->reason) ? ev->reason : "heard"), LOG_S("peer", said(ev->from)));
}

static void log_iface(const struct channel *k, const struct lan_channel_event *ev)
{
	bool in = ev->err == LAN_OK;
	log_event(in ? LOG_L_INFO : LOG_L_WARN, "iface-state", LOG_S("channel", channel_name(k)),
		LOG_S("ifname", said(ev->ifname)), LOG_S("from", in ? "not-joined" : "joined"),
		LOG_S("to", in ? "joined" : "not-joined"),
		LOG_S("cause", said(ev->reason) ? ev->reason
			       : in             ? NULL
						: lan_err_text(ev->err)));
}

static enum log_level level_of(const struct lan_channel_event *ev)
{
	switch (ev->kind) {
	case LAN_CHANNEL_MESSAGE:
	case LAN_CHANNEL_WRITABLE:
		return LOG_L_DEBUG;
	case LAN_CHANNEL_LOST:
	case LAN_CHANNEL_REFUSED:
		return LOG_L_WARN;
	case LAN_CHANNEL_KEY:
		return ev->err ? LOG_L_ERROR : LOG_L_INFO;
	case LAN_CHANNEL_IFACE:
		return ev->err ? LOG_L_WARN : LOG_L_INFO;
	case LAN_CHANNEL_JOINED:
	case LAN_CHANNEL_LEFT:
		break;
	}
	return LOG_L_INFO;
}

static void log_channel_event(struct channel *k, const struct lan_channel_event *ev)
{
	const char *kind = lan_channel_event_name(ev->kind);
	enum log_level level = level_of(ev);
	if (!log_enabled(level) || (level != LOG_L_DEBUG && !entry_may_log(&k->e, kind, ev->reason)))
		return;
	switch (ev->kind) {
	case LAN_CHANNEL_MESSAGE:
	case LAN_CHANNEL_WRITABLE:
		log_event(level, kind, LOG_S("channel", channel_name(k)), LOG_S("sender", said(ev->sender)),
			LOG_U("bytes", ev->len));
		break;
	case LAN_CHANNEL_JOINED:
	case LAN_CHANNEL_LEFT:
		log_member(k, ev);
		break;
	case LAN_CHANNEL_LOST:
		log_event(level, kind, LOG_S("channel", channel_name(k)), LOG_S("sender", said(ev->sender)),
			LOG_U("first", ev->first), LOG_U("last", ev->last), LOG_U("count", ev->count),
			LOG_S("reason", said(ev->reason)));
		break;
	case LAN_CHANNEL_IFACE:
		log_iface(k, ev);
		break;
	case LAN_CHANNEL_REFUSED:
		log_event(level, kind, LOG_S("channel", channel_name(k)), LOG_S("peer", said(ev->from)),
			LOG_U("count", ev->count), LOG_S("reason", said(ev->reason)));
		break;
	case LAN_CHANNEL_KEY:
		log_event(level, kind, LOG_S("channel", channel_name(k)), LOG_U("epoch", ev->epoch),
			LOG_S("reason", said(ev->reason)));
		break;
	}
}

void channel_pump(void *ctx)
{
	struct channel *k = ctx;
	struct lan_channel_event ev;
	size_t n = 0, bytes = 0;
	while (k->c && n < EVENTS_PER_TURN && bytes < BYTES_PER_TURN && lan_channel_event(k->c, &ev)) {
		publish(k, &ev);
		log_channel_event(k, &ev);
		bytes += ev.kind == LAN_CHANNEL_MESSAGE ? ev.len : 0;
		n++;
	}
	if (n == EVENTS_PER_TURN || bytes >= BYTES_PER_TURN)
		entry_ready(&k->e);
}
