/*
 * channels_pump.c - the events of a channel: pulled, published, logged.
 *
 * Pulling happens in a task at the end of a turn, a bounded number of events and
 * bytes each time, so that one busy channel cannot keep the others, the control
 * socket and the watchdog waiting. Messages are events only (and records at
 * debug); everything else is one record, limited per channel, kind and reason,
 * because whoever reaches the group can cause most of it at any rate.
 */
#include "daemon/channels.h"
#include "daemon/members.h"

#define EVENTS_PER_TURN 256
#define BYTES_PER_TURN  (1u << 20)

static void add_message(struct text *t, const struct lan_channel_event *ev)
{
	if (ev->seq)
		member_number(t, "number", ev->seq);
	if (ev->verified)
		text_puts(t, ",\"verified\":true");
	member_number(t, "size", ev->len);
	if (ev->json)
		member_json(t, "json", ev->json);
	if (ev->text)
		member_bytes(t, "text", ev->data, ev->len);
	else
		member_base64(t, "base64", ev->data, ev->len);
}

static void add_members(struct text *t, const struct lan_channel_event *ev)
{
	member_text(t, "from", ev->from);
	member_text(t, "sender", ev->sender);
	member_text(t, "name", ev->name);
	member_text(t, "ifname", ev->ifname);
	switch (ev->kind) {
	case LAN_CHANNEL_MESSAGE:
		add_message(t, ev);
		break;
	case LAN_CHANNEL_LOST:
		member_number(t, "first", ev->first);
		member_number(t, "last", ev->last);
		member_number(t, "count", ev->count);
		break;
	case LAN_CHANNEL_REFUSED:
		member_number(t, "count", ev->count);
		break;
	case LAN_CHANNEL_IFACE:
		text_printf(t, ",\"joined\":%s", ev->err == LAN_OK ? "true" : "false");
		break;
	case LAN_CHANNEL_KEY:
		member_number(t, "epoch", ev->epoch);
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
