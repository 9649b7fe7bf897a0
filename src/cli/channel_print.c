/*
 * channel_print.c - what a channel reports, printed: messages on stdout, one a
 * line, the rest on stderr; with -J all of it as JSON lines on stdout.
 *
 * A message of text is printed as it is, but for what would break the line or
 * move a cursor: a line feed is \n, other control characters \xNN. Binary data
 * is shown with \xNN for every byte that is not a printable ASCII character.
 * --raw prints the bytes and nothing else.
 */
#include "cli/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/out_json.h"

static void message_json(struct channel *c, const struct lan_channel_event *ev)
{
	struct out *o = &c->out;
	out_json_number(o, "size", ev->len, false);
	if (ev->text)
		out_json_bytes(o, "text", ev->data, ev->len, false);
	else
		out_json_base64(o, "base64", ev->data, ev->len, false);
	if (ev->seq)
		out_json_number(o, "number", ev->seq, false);
	if (ev->json)
		out_json_value(o, "json", ev->json, false);
	if (c->object && ev->reason && *ev->reason)
		out_json_text(o, "reason", ev->reason, false);
	if (ev->verified)
		out_json_bool(o, "verified", true, false);
}

static void rest_json(struct channel *c, const struct lan_channel_event *ev)
{
	struct out *o = &c->out;
	switch (ev->kind) {
	case LAN_CHANNEL_LOST:
		out_json_number(o, "first", ev->first, false);
		out_json_number(o, "last", ev->last, false);
		out_json_number(o, "count", ev->count, false);
		break;
	case LAN_CHANNEL_REFUSED:
		out_json_number(o, "count", ev->count, false);
		break;
	case LAN_CHANNEL_IFACE:
		out_json_text(o, "ifname", ev->ifname, false);
		out_json_bool(o, "joined", ev->err == LAN_OK, false);
		break;
	case LAN_CHANNEL_KEY:
		out_json_number(o, "epoch", ev->epoch, false);
		break;
	case LAN_CHANNEL_MESSAGE:
	case LAN_CHANNEL_JOINED:
	case LAN_CHANNEL_LEFT:
	case LAN_CHANNEL_WRITABLE:
		break;
	}
	if (ev->reason && *ev->reason)
		out_json_text(o, "reason", ev->reason, false);
}

static void print_json(struct channel *c, const struct lan_channel_event *ev)
{
	struct out *o = &c->out;
	bool somebody = ev->kind == LAN_CHANNEL_MESSAGE || ev->kind == LAN_CHANNEL_JOINED ||
			ev->kind == LAN_CHANNEL_LEFT || ev->kind == LAN_CHANNEL_LOST;
	out_text(o, "{\"schema\":1");
	out_json_now(o, "time", false);
	out_json_text(o, "event", lan_channel_event_name(ev->kind), false);
	out_json_text(o, "channel", c->address, false);
	if (somebody || ev->kind == LAN_CHANNEL_REFUSED)
		out_json_text(o, "from", ev->from, false);
	if (somebody) {
		out_json_text(o, "sender", ev->sender, false);
		if (c->sealed)
			out_json_text(o, "name", ev->name, false);
	}
	if (ev->kind == LAN_CHANNEL_MESSAGE)
		message_json(c, ev);
	else
		rest_json(c, ev);
	out_text(o, "}\n");
}

/* One line, whatever is in it. */
void channel_print_line(struct out *o, const char *p, size_t n, bool text)
{
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)p[i];
		if (text ? (b >= 0x20 && b != 0x7f) || b == '\t' : b >= 0x20 && b < 0x7f && b != '\\')
			continue;
		out_foreign(o, p + from, i - from);
		if (b == '\n')
			out_text(o, "\\n");
		else
			out_printf(o, "\\x%02x", b);
		from = i + 1;
	}
	out_foreign(o, p + from, n - from);
	out_char(o, '\n');
}

static void message(struct channel *c, const struct lan_channel_event *ev)
{
	if (c->object && !ev->json) {
		channel_say(c, LAN_LOGGER_WARNING, "a message of %zu bytes from %s is no object: %s", ev->len,
			ev->from, ev->reason);
		if (c->json)
			print_json(c, ev);
		return;
	}
	c->received++;
	if (c->log)
		lan_logger_write(c->log, LAN_LOGGER_DEBUG, "%zu bytes from %s", ev->len, ev->from);
	if (c->object && *ev->reason)
		channel_say(c, LAN_LOGGER_WARNING, "an object from %s is shown as opaque: %s", ev->from,
			ev->reason);
	if (c->json)
		print_json(c, ev);
	else if (c->raw)
		out_bytes(&c->out, ev->data, ev->len);
	else if (c->object)
		channel_print_line(&c->out, ev->json, strlen(ev->json), true);
	else
		channel_print_line(&c->out, ev->data, ev->len, ev->text);
}

/* "0123456789abcdef (NAME) at ADDR": who, in one expression. */
static const char *who(const struct lan_channel_event *ev, char *buf, size_t cap)
{
	if (strcmp(ev->sender, ev->from) == 0)
		snprintf(buf, cap, "%s", ev->from);
	else
		snprintf(buf, cap, "%s%s%s%s at %s", ev->sender, *ev->name ? " (" : "", ev->name,
			*ev->name ? ")" : "", ev->from);
	return buf;
}

/* A word is often the name of a counter, whose help ends in the sentence. */
static const char *because(const struct channel *c, const char *word)
{
	const char *name, *help, *colon;
	uint64_t value;
	for (size_t i = 0; lan_channel_counter(c->handle, i, &name, &help, &value); i++)
		if (strcmp(name, word) == 0)
			return (colon = strstr(help, ": ")) ? colon + 2 : help;
	return word;
}

static void tell(struct channel *c, const struct lan_channel_event *ev)
{
	char someone[200], text[400];
	enum lan_logger_level level = LAN_LOGGER_INFO;
	const char *reason = ev->reason && *ev->reason ? because(c, ev->reason) : "";
	bool presence = false;
	switch (ev->kind) {
	case LAN_CHANNEL_JOINED:
		presence = true;
		snprintf(text, sizeof text, "joined: %s", who(ev, someone, sizeof someone));
		break;
	case LAN_CHANNEL_LEFT:
		presence = true;
		snprintf(text, sizeof text, "left: %s%s%s", who(ev, someone, sizeof someone),
			*reason ? ": " : "", reason);
		break;
	case LAN_CHANNEL_LOST:
		presence = true;
		level = LAN_LOGGER_WARNING;
		snprintf(text, sizeof text, "lost: %llu message%s (%llu to %llu) of %s: %s",
			(unsigned long long)ev->count, ev->count == 1 ? "" : "s",
			(unsigned long long)ev->first, (unsigned long long)ev->last,
			who(ev, someone, sizeof someone), reason);
		break;
	case LAN_CHANNEL_REFUSED:
		level = LAN_LOGGER_WARNING;
		snprintf(text, sizeof text, "refused: %llu datagram%s, the last from %s: %s",
			(unsigned long long)ev->count, ev->count == 1 ? "" : "s", ev->from, reason);
		break;
	case LAN_CHANNEL_IFACE:
		level = ev->err ? LAN_LOGGER_WARNING : LAN_LOGGER_DEBUG;
		snprintf(text, sizeof text, "%s on %s%s%s",
			ev->err ? "the group is not joined" : "joined the group", ev->ifname,
			*reason ? ": " : "", reason);
		break;
	case LAN_CHANNEL_KEY:
		level = ev->err ? LAN_LOGGER_ERROR : LAN_LOGGER_INFO;
		snprintf(text, sizeof text, "key: epoch %u%s%s", ev->epoch, *reason ? ": " : "", reason);
		break;
	case LAN_CHANNEL_MESSAGE:
	case LAN_CHANNEL_WRITABLE:
		return;
	}
	if (presence && c->presence && !c->json)
		channel_print_line(&c->out, text, strlen(text), true);
	else if (presence && level == LAN_LOGGER_INFO && !c->log)
		channel_say(c, LAN_LOGGER_DEBUG, "%s", text);
	else
		channel_say(c, level, "%s", text);
}

void channel_event(struct channel *c, const struct lan_channel_event *ev)
{
	if (ev->kind == LAN_CHANNEL_MESSAGE) {
		message(c, ev);
		return;
	}
	if (c->json && ev->kind != LAN_CHANNEL_WRITABLE)
		print_json(c, ev);
	if (!c->json || c->cli->verbose || c->log)
		tell(c, ev);
}

void channel_account(const struct channel *c)
{
	struct lan_channel_status st;
	const char *name, *help;
	uint64_t value;
	lan_channel_status(c->handle, &st);
	if (st.rx_kernel_drops)
		channel_say(c, LAN_LOGGER_WARNING,
			"%llu datagrams were dropped by the kernel: too slow a reader",
			(unsigned long long)st.rx_kernel_drops);
	for (size_t i = 0; lan_channel_counter(c->handle, i, &name, &help, &value); i++)
		if (value && c->cli->verbose)
			channel_say(
				c, LAN_LOGGER_DEBUG, "%s: %llu (%s)", name, (unsigned long long)value, help);
}
