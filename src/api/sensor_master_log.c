/*
 * sensor_master_log.c - the master's event log (sos.md section 10): what happens to slaves and networks, in
 * the originals' words where they have some, and what applications add.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "api/sensor_master_int.h"

static int64_t wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void master_log(struct lan_sensor_master *m, const char *fmt, ...)
{
	char text[EVLOG_MSG_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (m->log && evlog_add(m->log, wall_ms(), "master", text))
		m->log_failed++;
}

void master_log_event(struct lan_sensor_master *m, const struct lan_sensor_master_event *ev)
{
	switch (ev->kind) {
	case LAN_MASTER_SLAVE:
		if (m->old_text[0] && ev->state == LAN_SLAVE_RUNNING)
			master_log(m, "discover from slave %u: address move from %s to %s", ev->slave,
				m->old_text, ev->address);
		else if (ev->state == ev->was)
			master_log(m, "slave %u %s at %s", ev->slave, ev->reason, ev->address);
		else if (ev->state != LAN_SLAVE_ASSOCIATING)
			master_log(m, "slave %u status set to %s (%s)", ev->slave,
				ev->state == LAN_SLAVE_RUNNING ? "RUNNING" : "INACTIVE", ev->reason);
		return;
	case LAN_MASTER_CANDIDATE:
		master_log(m, "discover from slave %u at %s: not listed", ev->slave, ev->address);
		return;
	case LAN_MASTER_OTHER:
		master_log(
			m, "received a %s message from another master (address %s)", ev->reason, ev->address);
		return;
	case LAN_MASTER_REFUSED:
		if (ev->slave)
			master_log(m, "message from slave %u at %s ignored: %s", ev->slave, ev->address,
				ev->reason);
		else
			master_log(m, "message from %s ignored: %s", ev->address, ev->reason);
		return;
	case LAN_MASTER_NET:
		master_log(m, "network %s is %s%s%s", ev->net, ev->err ? "down" : "up", ev->err ? ": " : "",
			ev->err ? (*ev->reason ? ev->reason : lan_err_text(ev->err)) : "");
		return;
	case LAN_MASTER_RESPONSE:
	case LAN_MASTER_NOTIFY:
	case LAN_MASTER_FAILED:
		return;
	}
}

enum lan_err lan_sensor_log_add(
	struct lan_sensor_master *m, const char *src, const char *msg, int64_t date_ms)
{
	enum lan_err e = evlog_add(m->log, date_ms ? date_ms : wall_ms(), src, msg);
	if (!e)
		e = evlog_sync(m->log);
	m->log_failed += e != LAN_OK;
	return e;
}

bool lan_sensor_log_next(
	struct lan_sensor_master *m, int64_t since_ms, uint64_t after, struct lan_sensor_log_entry *out)
{
	struct evlog_entry e;
	if (!evlog_next(m->log, since_ms, after, &e))
		return false;
	*out = (struct lan_sensor_log_entry){.id = e.id, .date_ms = e.date_ms, .src = e.src, .msg = e.msg};
	return true;
}

uint64_t lan_sensor_log_tail(struct lan_sensor_master *m, size_t n)
{
	return evlog_tail(m->log, n);
}
