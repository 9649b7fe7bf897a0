/*
 * control_sensor.c - the verbs sensor.list, sensor.show, sensor.watch, sensor.log and sensor.poke; requests
 * to slaves are in control_sensor_ask.c.
 */
#include <string.h>
#include "api/sensor_json.h"
#include "base/units.h"
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/control_sensor.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard sensor list";

bool sensor_slave(struct request *r, uint32_t *id)
{
	const json_t *v = json_object_get(r->args, "slave");
	*id = 0;
	if (!v)
		return true;
	if (json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX) {
		reply_error(r, "usage", NULL, NULL, "\"slave\" is a number 1 to 2147483647");
		return false;
	}
	*id = (uint32_t)json_integer_value(v);
	return true;
}

static struct sensors *opened(struct request *r, struct sensors *k)
{
	if (!k || k->m)
		return k;
	reply_error(r, "failed", NULL, NULL, "sensor \"%s\" is not open: %s", sensors_name(k),
		entry_reason(&k->e));
	return NULL;
}

/* Does this master know it; 0: is it one at all? */
static bool knows(const struct sensors *k, uint32_t slave)
{
	struct lan_slave_status st;
	return !slave || (k->m && lan_sensor_master_find(k->m, slave, &st) == LAN_OK);
}

struct sensors *sensor_of(struct request *r, uint32_t slave)
{
	const struct entries *s = &r->c->d->sensors;
	struct sensors *found = NULL;
	size_t n = 0;
	if (json_object_get(r->args, "name"))
		return opened(r, (struct sensors *)request_entry(r, s, listing));
	for (size_t i = 0; i < s->n; i++)
		if (knows(sensors_at(s, i), slave)) {
			found = sensors_at(s, i);
			n++;
		}
	if (n == 1)
		return opened(r, found);
	if (n)
		reply_error(r, "usage", "say which with \"name\"", NULL,
			slave ? "%zu masters have a slave of this number" : "there are %zu masters", n);
	else if (slave)
		reply_error(r, "not-found", listing, NULL, "no slave %u", (unsigned)slave);
	else
		reply_error(r, "not-found", "see lanyard.yaml(5)", NULL, "no master is configured");
	return NULL;
}

void verb_sensor_list(struct request *r)
{
	const struct entries *s = &r->c->d->sensors;
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_of_sensors(sensors_at(s, i)));
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "sensors", list));
}

static void show_slave(struct request *r, const struct sensors *k, uint32_t id)
{
	struct lan_slave_status st;
	json_t *j;
	if (lan_sensor_master_find(k->m, id, &st) != LAN_OK) {
		reply_error(r, "not-found", listing, NULL, "sensor \"%s\" has no slave %u", sensors_name(k),
			(unsigned)id);
		return;
	}
	j = sensor_json_slave(&st, lan_loop_now(k->e.all->loop));
	json_object_set_new(j, "why", json_of_text(lan_sensor_master_why(k->m, id)));
	reply_result(r, json_pack("{s:i, s:s, s:o}", "schema", 1, "sensor", sensors_name(k), "slave", j));
}

void verb_sensor_show(struct request *r)
{
	struct sensors *k;
	uint32_t id;
	if (!sensor_slave(r, &id))
		return;
	/* A whole one may be failed: that is what one wants to see. */
	if (!id && json_object_get(r->args, "name"))
		k = (struct sensors *)request_entry(r, &r->c->d->sensors, listing);
	else
		k = sensor_of(r, id);
	if (!k)
		return;
	if (id)
		show_slave(r, k, id);
	else
		reply_with_recent(r,
			json_pack("{s:i, s:o, s:o}", "schema", 1, "sensor", json_of_sensors(k), "counters",
				json_of_sensor_counters(k)),
			"sensor", sensors_name(k), NULL);
}

void verb_sensor_watch(struct request *r)
{
	struct entry *e = NULL;
	if (json_object_get(r->args, "name") && !(e = request_entry(r, &r->c->d->sensors, listing)))
		return;
	watch_open(r, "sensor", e ? entry_name(e) : NULL, NULL);
}

void verb_sensor_poke(struct request *r)
{
	struct sensors *k;
	uint32_t id;
	if (!sensor_slave(r, &id) || !(k = sensor_of(r, id)))
		return;
	if (lan_sensor_master_poke(k->m, id) == LAN_OK)
		reply_result(r, json_pack("{s:i, s:b}", "schema", 1, "poked", 1));
	else
		reply_error(r, "not-found", listing, NULL, "sensor \"%s\" has no slave %u", sensors_name(k),
			(unsigned)id);
}

/* ---- the event log ---------------------------------------------------------------------------------------
 */

/* args.since: a time, a duration, or milliseconds since 1970. False: answered. */
static bool log_since(struct request *r, int64_t *ms)
{
	const json_t *since = json_object_get(r->args, "since");
	const char *text = json_string_value(since);
	uint64_t ns = 0, now = text_wall_ns();
	lan_time back;
	*ms = json_is_integer(since) ? json_integer_value(since) : 0;
	if (!text)
		return true;
	if (lan_parse_duration(text, &back) == LAN_OK) {
		ns = back < now ? now - back : 0;
	} else if (!text_parse_time(text, &ns)) {
		reply_error(r, "usage", "a time (2026-03-01T12:00:00Z), a duration (5m), or ms since 1970",
			NULL, "argument \"since\" is not understood");
		return false;
	}
	*ms = (int64_t)(ns / 1000000);
	return true;
}

static json_t *log_json(struct sensors *k, int64_t since, uint64_t after)
{
	struct lan_sensor_log_entry e;
	json_t *list = json_array();
	for (; lan_sensor_log_next(k->m, since, after, &e); after = e.id)
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:I, s:o, s:o}", "id", (json_int_t)e.id, "time",
				json_of_wall((uint64_t)e.date_ms * 1000000), "date_ms", (json_int_t)e.date_ms,
				"src", json_of_text(e.src), "msg", json_of_text(e.msg)));
	return list;
}

void verb_sensor_log(struct request *r)
{
	const json_t *arg = json_object_get(r->args, "n");
	json_int_t n = arg ? json_integer_value(arg) : 1000;
	struct sensors *k;
	int64_t since;
	if (n < 1 || n > 100000) {
		reply_error(r, "usage", NULL, NULL, "argument \"n\" is 1 to 100000");
		return;
	}
	if (log_since(r, &since) && (k = sensor_of(r, 0)))
		reply_result(r, json_pack("{s:i, s:s, s:o}", "schema", 1, "sensor", sensors_name(k), "events",
					log_json(k, since, lan_sensor_log_tail(k->m, (size_t)n))));
}
