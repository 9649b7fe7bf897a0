/*
 * links_pump.c - the events of a link: pulled (which acknowledges lines),
 * published, logged, echoed.
 *
 * Views of an event die at the next call on its link, so an echo works on
 * copies. Refusals and losses can be caused by strangers at any rate: their log
 * records are limited per link and reason; the events and counters are not.
 */
#include "daemon/links_pump.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_PER_TURN 256

static const char *kind_name(enum lan_link_event_kind k)
{
	switch (k) {
	case LAN_LINK_UP:
		return "up";
	case LAN_LINK_DOWN:
		return "down";
	case LAN_LINK_MESSAGE:
		return "message";
	case LAN_LINK_ACKED:
		return "acked";
	case LAN_LINK_LOST:
		return "lost";
	case LAN_LINK_REFUSED:
		return "refused";
	case LAN_LINK_ALL_UP:
		return "all-up";
	case LAN_LINK_FIRST_FAILED:
		return "first-failed";
	case LAN_LINK_RETRY:
		return "retry";
	case LAN_LINK_HEARTBEAT:
		return "heartbeat";
	case LAN_LINK_WRITABLE:
		return "writable";
	}
	return "other";
}

/* NULL, which leaves the field out, for what an event does not say. */
static const char *said(const char *s)
{
	return s && *s ? s : NULL;
}

static void publish(struct link *k, const struct lan_link_event *ev)
{
	bool up = ev->kind == LAN_LINK_UP, change = up || ev->kind == LAN_LINK_DOWN;
	bool message = ev->kind == LAN_LINK_MESSAGE;
	struct event_fields f = EVENT_FIELDS(.id = said(ev->id));
	f.has_token = ev->kind == LAN_LINK_ACKED || ev->kind == LAN_LINK_LOST;
	f.token = ev->token;
	if (message) {
		f.line = ev->line;
		f.line_len = ev->len;
	} else if (!f.has_token) {
		f.peer = said(ev->peer);
		f.reason = said(ev->reason);
	}
	if (change)
		f.connects = ev->connects;
	if (up)
		f.expected = ev->expected;
	events_publish(k->all->events, kind_name(ev->kind), "link", link_name(k), &f);
}

/* May a record of this kind be written, or is it only counted? */
static bool limited(struct link *k, const char *event, const char *reason)
{
	char key[96];
	snprintf(key, sizeof key, "%s link=%s%s%s", event, link_name(k), said(reason) ? " reason=" : "",
		said(reason) ? reason : "");
	return !log_limit_take(&k->all->limit, key, lan_loop_now(k->all->loop));
}

static void log_peer_state(struct link *k, const struct lan_link_event *ev)
{
	bool up = ev->kind == LAN_LINK_UP;
	const char *cause = up ? (ev->connects > 1 ? "reconnected" : "connected") : said(ev->reason);
	if (limited(k, up ? "peer-up" : "peer-down", cause))
		return;
	log_event(LOG_L_INFO, "peer-state", LOG_S("link", link_name(k)), LOG_S("id", said(ev->id)),
		LOG_S("from", up ? "down" : "up"), LOG_S("to", up ? "up" : "down"), LOG_S("cause", cause),
		LOG_S("peer", said(ev->peer)), LOG_U("connects", ev->connects));
}

/* What happens all the time. */
static void log_quiet_event(const struct link *k, const struct lan_link_event *ev)
{
	const char *kind = kind_name(ev->kind);
	if (ev->kind == LAN_LINK_MESSAGE)
		log_event(LOG_L_DEBUG, kind, LOG_S("link", link_name(k)), LOG_S("id", said(ev->id)),
			LOG_U("bytes", ev->len));
	else if (ev->kind == LAN_LINK_ACKED)
		log_event(LOG_L_DEBUG, kind, LOG_S("link", link_name(k)), LOG_S("id", said(ev->id)),
			LOG_U("token", ev->token));
	else
		log_event(LOG_L_DEBUG, kind, LOG_S("link", link_name(k)), LOG_S("id", said(ev->id)));
}

static void log_link_event(struct link *k, const struct lan_link_event *ev)
{
	enum log_level level = LOG_L_DEBUG;
	switch (ev->kind) {
	case LAN_LINK_UP:
	case LAN_LINK_DOWN:
		log_peer_state(k, ev);
		return;
	case LAN_LINK_MESSAGE:
	case LAN_LINK_ACKED:
	case LAN_LINK_HEARTBEAT:
	case LAN_LINK_WRITABLE:
		if (log_enabled(LOG_L_DEBUG))
			log_quiet_event(k, ev);
		return;
	case LAN_LINK_ALL_UP:
		level = LOG_L_INFO;
		break;
	case LAN_LINK_RETRY:
		level = LOG_L_INFO;
		break;
	case LAN_LINK_LOST:
	case LAN_LINK_REFUSED:
	case LAN_LINK_FIRST_FAILED:
		level = LOG_L_WARN;
		break;
	}
	if (limited(k, kind_name(ev->kind), ev->reason))
		return;
	log_event(level, kind_name(ev->kind), LOG_S("link", link_name(k)), LOG_S("id", said(ev->id)),
		LOG_S("peer", said(ev->peer)), LOG_S("reason", said(ev->reason)));
}

/* The queue towards a peer that does not read is bounded; what does not fit is counted and said. */
static void echo(struct link *k, const struct lan_link_event *ev)
{
	struct text *line = &k->all->scratch;
	char id[256];
	enum lan_err e = LAN_ERR_NOMEM;
	snprintf(id, sizeof id, "%s", ev->id);
	text_clear(line);
	text_add(line, ev->line, ev->len);
	if (!line->bad)
		e = lan_link_write(
			k->l, link_is_server(k) ? id : NULL, line->p, line->len, LAN_LINK_QOS, NULL);
	if (e == LAN_OK) {
		k->tx_lines++;
		return;
	}
	k->echo_lost++;
	if (!limited(k, "echo-lost", lan_err_text(e)))
		log_event(LOG_L_WARN, "echo-lost", LOG_S("link", link_name(k)), LOG_S("id", id),
			LOG_S("reason", lan_err_text(e)));
}

static void handle(struct link *k, const struct lan_link_event *ev)
{
	publish(k, ev);
	log_link_event(k, ev);
	if (ev->kind == LAN_LINK_ACKED) {
		k->acked++;
		link_sends_acked(k, ev->token);
	} else if (ev->kind == LAN_LINK_MESSAGE) {
		k->rx_lines++;
		if (*k->cfg->echo)
			echo(k, ev);
	}
}

void link_ready(void *ctx)
{
	struct link *k = ctx;
	lan_task_queue(k->all->loop, &k->pump);
}

void link_pump(void *ctx)
{
	struct link *k = ctx;
	struct lan_link_event ev;
	size_t n = 0;
	while (k->l && n < EVENTS_PER_TURN && lan_link_event(k->l, &ev)) {
		handle(k, &ev);
		n++;
	}
	if (n == EVENTS_PER_TURN)
		lan_task_queue(k->all->loop, &k->pump);
}
