/*
 * sensors_pump.c - the events of masters of sensors: pulled, handed to who asked, published, logged.
 *
 * Pulling happens in a task at the end of a turn, a bounded number of events each time, so that a flood on a
 * network cannot keep the control socket and the watchdog waiting. Each change of a slave's state is one
 * record with from, to and cause; renewals are for debugging; what strangers can cause at any rate is
 * limited.
 */
#include <stdio.h>
#include "daemon/members.h"
#include "daemon/sensors.h"

#define EVENTS_PER_TURN 256

static const char *reason_of(const struct lan_sensor_master_event *ev)
{
	return said(ev->reason) ? ev->reason : ev->err ? lan_err_text(ev->err) : NULL;
}

static void log_slave(const struct sensors *k, const struct lan_sensor_master_event *ev)
{
	bool renewed = ev->state == ev->was;
	log_event(renewed ? LOG_L_DEBUG : LOG_L_INFO, renewed ? "slave" : "slave-state",
		LOG_S("sensor", sensors_name(k)), LOG_U("slave", ev->slave),
		LOG_S("from", lan_slave_state_name(ev->was)), LOG_S("to", lan_slave_state_name(ev->state)),
		LOG_S("cause", reason_of(ev)), LOG_S("net", said(ev->net)),
		LOG_S("address", said(ev->address)));
}

static const char *text_of(uint32_t n, char *buf, size_t cap)
{
	snprintf(buf, cap, "%u", n);
	return buf;
}

static void log_other(struct sensors *k, const struct lan_sensor_master_event *ev)
{
	const char *kind = lan_sensor_master_event_name(ev->kind), *reason = reason_of(ev);
	bool net = ev->kind == LAN_MASTER_NET;
	char slave[16];
	enum log_level level = net                                ? (ev->err ? LOG_L_WARN : LOG_L_INFO)
			       : ev->kind == LAN_MASTER_CANDIDATE ? LOG_L_INFO
								  : LOG_L_WARN;
	if (!log_enabled(level) || !entry_may_log(&k->e, kind, reason))
		return;
	if (net)
		log_event(level, "net-state", LOG_S("sensor", sensors_name(k)), LOG_S("net", said(ev->net)),
			LOG_S("to", ev->err ? "down" : "up"), LOG_S("cause", reason));
	else
		log_event(level, kind, LOG_S("sensor", sensors_name(k)),
			LOG_S("slave", ev->slave ? text_of(ev->slave, slave, sizeof slave) : NULL),
			LOG_S("net", said(ev->net)), LOG_S("address", said(ev->address)),
			LOG_S("reason", reason));
}

static void publish(struct sensors *k, const struct lan_sensor_master_event *ev)
{
	struct text *t = &k->e.all->scratch;
	char reason[256];
	snprintf(reason, sizeof reason, "%s", reason_of(ev) ? reason_of(ev) : "");
	text_clear(t);
	sensors_members(t, ev);
	entry_publish(&k->e, lan_sensor_master_event_name(ev->kind), said(reason), t);
}

static void answer(const struct lan_sensor_master_event *ev)
{
	struct sensors_ask *a = (struct sensors_ask *)(uintptr_t)ev->tag; /* ours as long as it lives */
	if (a)
		a->fn(a, ev);
}

static void handle(struct sensors *k, const struct lan_sensor_master_event *ev)
{
	switch (ev->kind) {
	case LAN_MASTER_RESPONSE:
	case LAN_MASTER_NOTIFY:
	case LAN_MASTER_FAILED:
		answer(ev);
		return;
	case LAN_MASTER_SLAVE:
		log_slave(k, ev);
		break;
	case LAN_MASTER_CANDIDATE:
	case LAN_MASTER_OTHER:
	case LAN_MASTER_REFUSED:
	case LAN_MASTER_NET:
		log_other(k, ev);
		break;
	}
	publish(k, ev);
}

void sensors_pump(void *ctx)
{
	struct sensors *k = ctx;
	struct lan_sensor_master_event ev;
	size_t n = 0;
	while (k->m && n < EVENTS_PER_TURN && lan_sensor_master_event(k->m, &ev)) {
		handle(k, &ev);
		n++;
	}
	if (n == EVENTS_PER_TURN)
		entry_ready(&k->e);
}
