/*
 * neighbors_pump.c - the events of neighbors: pulled, published, logged.
 *
 * Pulling happens in a task at the end of a turn, a bounded number of events each
 * time, so that a flood on one wire cannot keep the control socket and the
 * watchdog waiting. Each change of state is one record with from, to and cause;
 * what strangers can cause at any rate is limited, per entry, kind and reason.
 * Events and counters are not.
 */
#include <stdio.h>
#include <string.h>
#include "api/neighbor_names.h"
#include "daemon/members.h"
#include "daemon/neighbors.h"

#define EVENTS_PER_TURN 256
#define BYTES_PER_TURN  (1u << 20)

static void log_state(const struct neighbors *k, const struct lan_neighbor_event *ev, const char *record,
	bool up, const char *cause)
{
	log_event(LOG_L_INFO, record, LOG_S("neighbor", neighbors_name(k)), LOG_S("ifname", said(ev->ifname)),
		LOG_S("mac", said(ev->mac)), LOG_S("id", said(ev->id)), LOG_S("from", up ? "down" : "up"),
		LOG_S("to", up ? "up" : "down"), LOG_S("cause", cause));
}

static enum log_level level_of(const struct lan_neighbor_event *ev)
{
	switch (ev->kind) {
	case LAN_NEIGHBOR_SELF:
	case LAN_NEIGHBOR_CONFLICT:
	case LAN_NEIGHBOR_ERROR:
	case LAN_NEIGHBOR_REFUSED:
		return LOG_L_WARN;
	case LAN_NEIGHBOR_REPORT:
		return ev->up ? LOG_L_INFO : LOG_L_WARN;
	case LAN_NEIGHBOR_KEY:
		return ev->err ? LOG_L_ERROR : LOG_L_INFO;
	default:
		return LOG_L_INFO;
	}
}

static void log_detail(struct neighbors *k, const struct lan_neighbor_event *ev, const char *reason)
{
	const char *kind = lan_neighbor_event_name(ev->kind);
	enum log_level level = level_of(ev);
	if (!log_enabled(level) || !entry_may_log(&k->e, kind, reason))
		return;
	if (ev->kind == LAN_NEIGHBOR_ENCAPS)
		log_event(level, kind, LOG_S("neighbor", neighbors_name(k)),
			LOG_S("ifname", said(ev->ifname)), LOG_S("mac", said(ev->mac)),
			LOG_S("type", neighbor_type_name(ev->type)), LOG_U("prefixes", ev->n_prefixes));
	else if (ev->kind == LAN_NEIGHBOR_ERROR)
		log_event(level, kind, LOG_S("neighbor", neighbors_name(k)),
			LOG_S("ifname", said(ev->ifname)), LOG_S("mac", said(ev->mac)),
			LOG_S("type", neighbor_type_name(ev->type)), LOG_U("etype", ev->etype),
			LOG_U("code", ev->code), LOG_U("hint", ev->hint), LOG_S("reason", reason));
	else
		log_event(level, kind, LOG_S("neighbor", neighbors_name(k)),
			LOG_S("ifname", said(ev->ifname)), LOG_S("mac", said(ev->mac)),
			LOG_S("id", said(ev->id)), LOG_S("address", said(ev->address)),
			LOG_S("fingerprint", said(ev->fingerprint)), LOG_S("reason", reason));
}

static void log_neighbor_event(struct neighbors *k, const struct lan_neighbor_event *ev)
{
	const char *reason = said(ev->reason) ? ev->reason : ev->err ? lan_err_text(ev->err) : NULL;
	switch (ev->kind) {
	case LAN_NEIGHBOR_UP:
	case LAN_NEIGHBOR_DOWN:
		log_state(k, ev, "session-state", ev->kind == LAN_NEIGHBOR_UP,
			reason                        ? reason
			: ev->kind == LAN_NEIGHBOR_UP ? "both OPENs acknowledged"
						      : NULL);
		return;
	case LAN_NEIGHBOR_LINK:
		log_state(k, ev, "iface-state", ev->up, reason);
		return;
	case LAN_NEIGHBOR_REPORT:
		log_state(k, ev, "report-state", ev->up, reason);
		return;
	default:
		log_detail(k, ev, reason);
		return;
	}
}

/* How much text it became. */
static size_t handle(struct neighbors *k, const struct lan_neighbor_event *ev)
{
	struct text *t = &k->e.all->scratch;
	char reason[256];
	const char *kind = lan_neighbor_event_name(ev->kind);
	size_t n;
	snprintf(reason, sizeof reason, "%s",
		said(ev->reason) ? ev->reason
		: ev->err        ? lan_err_text(ev->err)
				 : "");
	log_neighbor_event(k, ev);
	text_clear(t);
	neighbors_members(t, k->n, ev);
	n = t->len;
	entry_publish(&k->e, kind, said(reason), t);
	return n;
}

void neighbors_pump(void *ctx)
{
	struct neighbors *k = ctx;
	struct lan_neighbor_event ev;
	size_t n = 0, bytes = 0;
	while (k->n && n < EVENTS_PER_TURN && bytes < BYTES_PER_TURN && lan_neighbor_event(k->n, &ev)) {
		bytes += handle(k, &ev);
		n++;
	}
	if (n == EVENTS_PER_TURN || bytes >= BYTES_PER_TURN)
		entry_ready(&k->e);
}
