/*
 * control_sensor_json.c - see control_sensor.h. Views of the library die with the next call on the handle:
 * each is a JSON object before anything else is asked.
 */
#include <string.h>
#include "api/coap_json.h"
#include "api/sensor_json.h"
#include "daemon/control_answer.h"
#include "daemon/control_sensor.h"

static void set_number(json_t *j, const char *key, uint64_t n)
{
	json_object_set_new(j, key, json_of_number(n));
}

static void set_text(json_t *j, const char *key, const char *s)
{
	json_object_set_new(j, key, json_of_text(s));
}

static json_t *nets_json(const struct sensors *k)
{
	struct lan_sensor_net_status st;
	json_t *list = json_array();
	for (size_t i = 0; lan_sensor_master_net(k->m, i, &st); i++) {
		json_t *j = json_pack("{s:o, s:o, s:b, s:I}", "name", json_of_text(st.name), "kind",
			json_of_text(st.kind), "up", st.up, "mtu", (json_int_t)st.mtu);
		if (!st.up)
			set_text(j, "reason", st.reason && *st.reason ? st.reason : lan_err_text(st.err));
		set_number(j, "rx_messages", st.rx_messages);
		set_number(j, "tx_messages", st.tx_messages);
		set_number(j, "tx_failed", st.tx_failed);
		set_number(j, "rx_dropped", st.rx_dropped);
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *slaves_json(const struct sensors *k)
{
	struct lan_slave_status st;
	json_t *list = json_array();
	for (size_t i = 0; lan_sensor_master_slave(k->m, i, &st); i++)
		json_array_append_new(list, sensor_json_slave(&st, lan_loop_now(k->e.all->loop)));
	return list;
}

static void set_http(json_t *j, const struct sensors *k)
{
	struct lan_sensor_http_status st;
	if (!k->http)
		return;
	lan_sensor_http_status(k->http, &st);
	json_object_set_new(j, "http",
		json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "port", (json_int_t)st.port, "connections",
			(json_int_t)st.connections, "viewers", (json_int_t)st.viewers, "requests",
			json_of_number(st.requests), "refused", json_of_number(st.refused), "timeouts",
			json_of_number(st.timeouts)));
}

json_t *json_of_sensors(const struct sensors *k)
{
	struct lan_sensor_master_status st;
	json_t *j = json_pack("{s:s, s:s, s:s}", "name", sensors_name(k), "state", k->m ? "up" : "failed",
		"unlisted", sensors_cfg(k)->unlisted);
	if (!k->m) {
		set_text(j, "reason", entry_reason(&k->e));
		return j;
	}
	lan_sensor_master_status(k->m, &st);
	set_number(j, "hello_id", st.hello_id);
	set_number(j, "running", st.running);
	set_number(j, "candidates", st.candidates);
	set_number(j, "requests", st.requests);
	set_number(j, "cache_hits", st.cache_hits);
	set_number(j, "cache_misses", st.cache_misses);
	set_number(j, "cache_entries", st.cache_entries);
	set_http(j, k);
	json_object_set_new(j, "networks", nets_json(k));
	json_object_set_new(j, "slaves", slaves_json(k));
	return j;
}

json_t *json_of_sensor_counters(const struct sensors *k)
{
	json_t *list = json_array();
	char name[64];
	const char *help;
	uint64_t value;
	for (size_t i = 0; sensors_counter(k, i, name, &help, &value); i++)
		json_array_append_new(list, json_of_counter(name, help, value));
	return list;
}

json_t *json_of_answer(const struct lan_sensor_master_event *ev, const char *path)
{
	const struct coap_answer a = COAP_ANSWER(ev);
	json_t *j = coap_json_answer(&a);
	json_object_set_new(j, "slave", json_integer(ev->slave));
	set_text(j, "path", path);
	if (ev->cached) {
		json_object_set_new(j, "cached", json_true());
		set_number(j, "age", ev->age);
	}
	if (ev->kind == LAN_MASTER_NOTIFY)
		set_number(j, "observe", ev->observe);
	return j;
}
