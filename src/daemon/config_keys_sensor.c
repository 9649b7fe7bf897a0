/*
 * config_keys_sensor.c - the table of keys of one entry of `sensor:`, a master of the SOS/CASAN family; see
 * config_keys.c. The names are those of struct lan_sensor_master_config and struct lan_sensor_http_config, as
 * far as these have them.
 */
#include <stddef.h>
#include "base/units.h"
#include "daemon/config.h"

#define AT(type, member)   .offset = offsetof(type, member)
#define MANY(type, member) .count_offset = offsetof(type, member)

#define SLAVE(member) AT(struct config_slave, member)
static const struct config_key slave_keys[] = {
	{"id", CONFIG_COUNT, CONFIG_ANY, SLAVE(id), .min = 1, .max = INT32_MAX},
	{"ttl", CONFIG_DURATION, CONFIG_ANY, SLAVE(ttl), .min = LAN_SEC(1), .max = LAN_SEC(INT32_MAX)},
	{"mtu", CONFIG_COUNT, CONFIG_ANY, SLAVE(mtu), .min = 64, .max = 1518},
	{"key_file", CONFIG_FILE, CONFIG_ANY, SLAVE(key_file)},
	{NULL},
};

static const struct config_entry slave_entry = {
	.name = "slave",
	.need = {{"id", CONFIG_ANY, NULL}},
};

#define TIMERS(key, least, most, standard)                                                                  \
	{                                                                                                   \
#key, CONFIG_DURATION, CONFIG_ANY, AT(struct config_timers, key), .def = standard,          \
										  .min = least, .max = most \
	}
static const struct config_key timers_keys[] = {
	TIMERS(first_hello, LAN_MS(1), LAN_SEC(3600), "3s"),
	TIMERS(hello, LAN_MS(100), LAN_SEC(3600), "10s"),
	TIMERS(ttl, LAN_SEC(1), LAN_SEC(INT32_MAX), "1h"),
	TIMERS(give_up, LAN_MS(100), LAN_SEC(3600), "23s"),
	{NULL},
};

#define TLS(member) AT(struct config_tls, member)
static const struct config_key tls_keys[] = {
	{"listen", CONFIG_LIST, CONFIG_ANY, TLS(listen), MANY(struct config_tls, listen_count),
		.of = CONFIG_LISTEN, .max = CONFIG_LISTENERS_MAX},
	{"cert_file", CONFIG_FILE, CONFIG_ANY, TLS(cert_file)},
	{"key_file", CONFIG_FILE, CONFIG_ANY, TLS(key_file)},
	{NULL},
};

#define NAMESPACE(key, standard)                                                                 \
	{                                                                                        \
#key, CONFIG_URI, CONFIG_ANY, AT(struct config_namespaces, key), .def = standard \
	}
static const struct config_key namespaces_keys[] = {
	NAMESPACE(admin, "/admin"),
	NAMESPACE(casan, "/casan"),
	NAMESPACE(observe, "/obs"),
	NAMESPACE(evlog, "/evlog"),
	NAMESPACE(well_known, "/.well-known/casan"),
	{NULL},
};

#define LIMITS(member) AT(struct config_http_limits, member)
static const struct config_key limits_keys[] = {
	{"connections", CONFIG_COUNT, CONFIG_ANY, LIMITS(connections), .def = "1024", .min = 1, .max = 65536},
	{"per_address", CONFIG_COUNT, CONFIG_ANY, LIMITS(per_address), .def = "256", .min = 1, .max = 65536},
	{"body", CONFIG_SIZE, CONFIG_ANY, LIMITS(body), .def = "64K", .min = 1, .max = 16u << 20},
	{"viewers", CONFIG_COUNT, CONFIG_ANY, LIMITS(viewers), .def = "256", .min = 1, .max = 65536},
	{"idle", CONFIG_DURATION, CONFIG_ANY, LIMITS(idle), .def = "30s", .min = LAN_SEC(1),
		.max = LAN_SEC(86400)},
	{"header", CONFIG_DURATION, CONFIG_ANY, LIMITS(header), .def = "10s", .min = LAN_MS(100),
		.max = LAN_SEC(3600)},
	{NULL},
};

#define HTTP(member) AT(struct config_http, member)
static const struct config_key http_keys[] = {
	{"listen", CONFIG_LIST, CONFIG_ANY, HTTP(listen), MANY(struct config_http, listen_count),
		.of = CONFIG_LISTEN, .max = CONFIG_LISTENERS_MAX},
	{"tls", CONFIG_MAP, CONFIG_ANY, HTTP(tls), .size = sizeof(struct config_tls), .sub = tls_keys,
		.optional = true},
	{"namespaces", CONFIG_MAP, CONFIG_ANY, HTTP(namespaces), .size = sizeof(struct config_namespaces),
		.sub = namespaces_keys},
	{"compat", CONFIG_BOOL, CONFIG_ANY, HTTP(compat), .def = "false"},
	{"evlog_add", CONFIG_BOOL, CONFIG_ANY, HTTP(evlog_add), .def = "false"},
	{"token_file", CONFIG_FILE, CONFIG_ANY, HTTP(token_file)},
	{"limits", CONFIG_MAP, CONFIG_ANY, HTTP(limits), .size = sizeof(struct config_http_limits),
		.sub = limits_keys},
	{NULL},
};

#define SENSOR(member) AT(struct config_sensor, member)
#define COUNT(key, standard, most)                                                                  \
	{                                                                                           \
#key, CONFIG_COUNT, CONFIG_ANY, SENSOR(key), .def = standard, .min = 1, .max = most \
	}
const struct config_key config_sensor_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, SENSOR(name)},
	{"networks", CONFIG_LIST, CONFIG_ANY, SENSOR(networks), MANY(struct config_sensor, networks_count),
		.of = CONFIG_NETWORK, .max = CONFIG_NETWORKS_MAX},
	{"slaves", CONFIG_MAPS, CONFIG_ANY, SENSOR(slaves), MANY(struct config_sensor, slaves_count),
		.size = sizeof(struct config_slave), .sub = slave_keys, .entry = &slave_entry,
		.max = CONFIG_SLAVES_MAX},
	{"unlisted", CONFIG_WORD, CONFIG_ANY, SENSOR(unlisted), .def = "ignore",
		.words = {"ignore", "list", "admit"}},
	{"epochs", CONFIG_LIST, CONFIG_ANY, SENSOR(epochs), MANY(struct config_sensor, epochs_count),
		.of = CONFIG_WORD, .max = 2, .words = {"casan", "sos"}},
	{"timers", CONFIG_MAP, CONFIG_ANY, SENSOR(timers), .size = sizeof(struct config_timers),
		.sub = timers_keys},
	COUNT(queue, "16", 4096),
	COUNT(max_requests, "1024", 65536),
	{"max_body", CONFIG_SIZE, CONFIG_ANY, SENSOR(max_body), .def = "64K", .min = 1024, .max = 16u << 20},
	COUNT(max_candidates, "256", 65536),
	{"event_log", CONFIG_STATE, CONFIG_ANY, SENSOR(event_log), .def = "none"},
	COUNT(event_log_size, NULL, 100000000),
	{"cache", CONFIG_BOOL, CONFIG_ANY, SENSOR(cache), .def = "true"},
	COUNT(cache_entries, "1024", 1000000),
	{"cache_bytes", CONFIG_SIZE, CONFIG_ANY, SENSOR(cache_bytes), .def = "4M", .min = 4096,
		.max = 1u << 30},
	{"http", CONFIG_MAP, CONFIG_ANY, SENSOR(http), .size = sizeof(struct config_http), .sub = http_keys,
		.optional = true},
	{NULL},
};

const struct config_entry config_sensor_entry = {
	.name = "sensor",
	.need = {{"name", CONFIG_ANY, NULL},
		{"networks", CONFIG_ANY, "e.g. [ethernet:eth0, 'xbee:ttyUSB0,panid=ca:fe']"}},
	.distinct = {{"name", "is named"}},
	.lint = lint_sensor,
	.lint_all = lint_sensors,
	.clash = config_sensor_clash,
};
