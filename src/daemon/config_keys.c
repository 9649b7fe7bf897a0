/*
 * config_keys.c - the table of keys. One row says everything about a key: its
 * kind, where it lives in its struct, whom it is for, its default and its range;
 * one struct config_entry says what the keys of an entry must be together. The
 * linter, the schema, the defaults, `config show` and the comparison of two
 * configurations are all read from here, so they cannot disagree.
 *
 * Every member is a pointer: NULL means "not given", which merging and the
 * defaults need to know. Man page: lanyard.yaml(5).
 */
#include <stddef.h>
#include "base/units.h"
#include "daemon/config.h"

#define AT(type, member)   .offset = offsetof(type, member)
#define MANY(type, member) .count_offset = offsetof(type, member)

/* Those of a neighbor are in config_keys_neighbor.c, of a sensor in config_keys_sensor.c. */
const struct config_key config_log_keys[] = {
	{"level", CONFIG_WORD, CONFIG_ANY, AT(struct config_log, level), .def = "info",
		.words = {"error", "warn", "info", "debug"}},
	{"format", CONFIG_WORD, CONFIG_ANY, AT(struct config_log, format), .def = "auto",
		.words = {"auto", "text", "json"}},
	{NULL},
};

const struct config_key config_daemon_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, AT(struct config_daemon, name)},
	{"socket", CONFIG_PATH, CONFIG_ANY, AT(struct config_daemon, socket)},
	{"privileges", CONFIG_WORD, CONFIG_ANY, AT(struct config_daemon, privileges), .def = "drop",
		.words = {"drop", "keep"}},
	{"log", CONFIG_MAP, CONFIG_ANY, AT(struct config_daemon, log), .size = sizeof(struct config_log),
		.sub = config_log_keys},
	{"events", CONFIG_COUNT, CONFIG_ANY, AT(struct config_daemon, events), .def = "4096", .min = 16,
		.max = 1000000},
	{NULL},
};

#define LINK(member) AT(struct config_link, member)
const struct config_key config_link_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, LINK(name)},
	{"role", CONFIG_WORD, CONFIG_ANY, LINK(role), .words = {"server", "client"}},
	{"listen", CONFIG_LISTEN, CONFIG_SERVER, LINK(listen)},
	{"connect", CONFIG_CONNECT, CONFIG_CLIENT, LINK(connect)},
	{"id", CONFIG_ID, CONFIG_CLIENT, LINK(id)},
	{"timeout", CONFIG_DURATION, CONFIG_ANY, LINK(timeout), .def = "2s", .min = LAN_MS(100),
		.max = LAN_SEC(3600)},
	{"expect", CONFIG_LIST, CONFIG_SERVER, LINK(expect), MANY(struct config_link, expect_count),
		.of = CONFIG_ID, .max = CONFIG_EXPECT_MAX},
	{"only_expected", CONFIG_BOOL, CONFIG_SERVER, LINK(only_expected), .def = "false"},
	{"duplicate", CONFIG_WORD, CONFIG_SERVER, LINK(duplicate), .def = "refuse-unless-silent",
		.words = {"refuse-unless-silent", "refuse", "replace"}},
	{"window", CONFIG_COUNT, CONFIG_ANY, LINK(window), .min = 1, .max = 100},
	{"max_line", CONFIG_SIZE, CONFIG_ANY, LINK(max_line), .def = "1M", .min = 1, .max = 16u << 20},
	{"max_queue", CONFIG_SIZE, CONFIG_ANY, LINK(max_queue), .def = "1M", .min = 1024, .max = 1u << 30},
	{"max_clients", CONFIG_COUNT, CONFIG_SERVER, LINK(max_clients), .def = "16384", .min = 1,
		.max = 1000000},
	{"max_handshakes", CONFIG_COUNT, CONFIG_SERVER, LINK(max_handshakes), .def = "16384", .min = 1,
		.max = 1000000},
	{"hold_off", CONFIG_DURATION, CONFIG_SERVER, LINK(hold_off), .def = "200ms", .min = 0,
		.max = LAN_SEC(10)},
	{"retry_min", CONFIG_DURATION, CONFIG_CLIENT, LINK(retry_min), .def = "20ms", .min = LAN_MS(1),
		.max = LAN_SEC(3600)},
	{"retry_max", CONFIG_DURATION, CONFIG_CLIENT, LINK(retry_max), .def = "5s", .min = LAN_MS(1),
		.max = LAN_SEC(86400)},
	{"echo", CONFIG_BOOL, CONFIG_ANY, LINK(echo), .def = "false"},
	{"heartbeat", CONFIG_BOOL, CONFIG_ANY, LINK(heartbeat), .def = "false"},
	{NULL},
};

static const struct config_entry link_entry = {
	.name = "link",
	.choice = {{"role", "a ", {CONFIG_SERVER, CONFIG_CLIENT}}},
	.need = {{"name", CONFIG_ANY, NULL}, {"role", CONFIG_ANY, "server or client"},
		{"listen", CONFIG_SERVER, "ADDRESS:PORT, e.g. 127.0.0.1:8123"},
		{"connect", CONFIG_CLIENT, "HOST:PORT of its server"},
		{"id", CONFIG_CLIENT, "the name it gives itself"}},
	.order = {{"retry_min", "retry_max"}, {"max_line", "max_queue"}},
	.distinct = {{"name", "is named"}, {"listen", "listens on"}},
};

#define CHANNEL(member) AT(struct config_channel, member)
const struct config_key config_channel_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, CHANNEL(name)},
	{"address", CONFIG_GROUP, CONFIG_ANY, CHANNEL(address)},
	{"dialect", CONFIG_WORD, CONFIG_ANY, CHANNEL(dialect), .def = "sealed",
		.words = {"multisock", "sealed"}},
	{"mode", CONFIG_WORD, CONFIG_SEALED, CHANNEL(mode), .def = "best-effort",
		.words = {"best-effort", "ordered", "reliable"}},
	{"ifaces", CONFIG_LIST, CONFIG_ANY, CHANNEL(ifaces), MANY(struct config_channel, ifaces_count),
		.of = CONFIG_IFACE, .max = CONFIG_IFACES_MAX},
	{"sources", CONFIG_LIST, CONFIG_ANY, CHANNEL(sources), MANY(struct config_channel, sources_count),
		.of = CONFIG_ADDRESS, .max = CONFIG_IFACES_MAX},
	{"ttl", CONFIG_COUNT, CONFIG_ANY, CHANNEL(ttl), .min = 0, .max = 255},
	{"loopback", CONFIG_BOOL, CONFIG_ANY, CHANNEL(loopback), .def = "true"},
	{"max_message", CONFIG_SIZE, CONFIG_ANY, CHANNEL(max_message), .min = 1, .max = 1u << 20},
	{"max_queue", CONFIG_SIZE, CONFIG_ANY, CHANNEL(max_queue), .def = "4M", .min = 4096, .max = 1u << 30},
	{"max_events", CONFIG_SIZE, CONFIG_ANY, CHANNEL(max_events), .def = "4M", .min = 4096,
		.max = 1u << 30},
	{"receive_buffer", CONFIG_SIZE, CONFIG_ANY, CHANNEL(receive_buffer), .def = "4M", .min = 4096,
		.max = 1u << 30},
	{"key", CONFIG_SECRET, CONFIG_MULTISOCK, CHANNEL(key), .min = 1, .max = 32},
	{"iv", CONFIG_SECRET, CONFIG_MULTISOCK, CHANNEL(iv), .min = 1, .max = 15},
	{"objects", CONFIG_BOOL, CONFIG_MULTISOCK, CHANNEL(objects), .def = "false"},
	{"key_file", CONFIG_FILE, CONFIG_SEALED, CHANNEL(key_file)},
	{"identity_file", CONFIG_FILE, CONFIG_SEALED, CHANNEL(identity_file)},
	{"members_file", CONFIG_FILE, CONFIG_SEALED, CHANNEL(members_file)},
	{"channel", CONFIG_TEXT, CONFIG_SEALED, CHANNEL(channel), .min = 1, .max = 255},
	{"display_name", CONFIG_TEXT, CONFIG_SEALED, CHANNEL(display_name), .min = 0, .max = 63},
	{"state", CONFIG_STATE, CONFIG_SEALED, CHANNEL(state)},
	{"hear_self", CONFIG_BOOL, CONFIG_SEALED, CHANNEL(hear_self), .def = "false"},
	{"silent", CONFIG_BOOL, CONFIG_SEALED, CHANNEL(silent), .def = "false"},
	{"parity", CONFIG_COUNT, CONFIG_SEALED, CHANNEL(parity), .def = "0", .min = 0, .max = 16},
	{"block", CONFIG_COUNT, CONFIG_SEALED, CHANNEL(block), .def = "32", .min = 1, .max = 64},
	{"rate", CONFIG_SIZE, CONFIG_SEALED, CHANNEL(rate), .def = "0", .min = 0, .max = UINT64_C(1) << 40},
	{"presence", CONFIG_DURATION, CONFIG_SEALED, CHANNEL(presence), .def = "1s", .min = LAN_MS(100),
		.max = LAN_SEC(3600)},
	{"max_senders", CONFIG_COUNT, CONFIG_SEALED, CHANNEL(max_senders), .def = "256", .min = 1,
		.max = 4096},
	{"reorder", CONFIG_DURATION, CONFIG_ORDERED, CHANNEL(reorder), .def = "20ms", .min = LAN_MS(1),
		.max = LAN_SEC(10)},
	{"history", CONFIG_COUNT, CONFIG_RELIABLE, CHANNEL(history), .def = "4096", .min = 64, .max = 65536},
	{"late", CONFIG_COUNT, CONFIG_RELIABLE, CHANNEL(late), .def = "0", .min = 0, .max = 65536},
	{"flow", CONFIG_BOOL, CONFIG_RELIABLE, CHANNEL(flow), .def = "false"},
	{NULL},
};

static const struct config_entry channel_entry = {
	.name = "channel",
	.choice = {{"dialect", "", {CONFIG_MULTISOCK, CONFIG_SEALED}},
		{"mode", "", {CONFIG_MULTISOCK | CONFIG_BEST_EFFORT, CONFIG_ORDERED, CONFIG_RELIABLE}}},
	.need = {{"name", CONFIG_ANY, NULL}, {"address", CONFIG_ANY, "GROUP:PORT, e.g. 239.1.2.3:5000"},
		{"key_file", CONFIG_SEALED,
			"the group's key; \"dialect: multisock\" is the wire without one"}},
	.order = {{"max_message", "max_queue"}, {"late", "history"}},
	.together = {{"key", "iv"}},
	.distinct = {{"name", "is named"}},
};

#define STREAM(member) AT(struct config_stream, member)
const struct config_key config_stream_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, STREAM(name)},
	{"serve", CONFIG_LISTEN, CONFIG_ANY, STREAM(serve)},
	{"connect", CONFIG_CONNECT, CONFIG_ANY, STREAM(connect)},
	{"dialect", CONFIG_WORD, CONFIG_ANY, STREAM(dialect), .words = {"serpy1", "serpy2"}},
	{"encoding", CONFIG_WORD, CONFIG_SERPY1, STREAM(encoding), .def = "utf-8",
		.words = {"ascii", "utf-8", "latin-1", "utf-16"}},
	{"max_message", CONFIG_SIZE, CONFIG_ANY, STREAM(max_message), .def = "16M", .min = 1,
		.max = 1u << 30},
	{"pieces", CONFIG_BOOL, CONFIG_ANY, STREAM(pieces), .def = "false"},
	{"piece", CONFIG_SIZE, CONFIG_ANY, STREAM(piece), .min = 1, .max = 1u << 30},
	{"max_queue", CONFIG_SIZE, CONFIG_ANY, STREAM(max_queue), .def = "1M", .min = 1024, .max = 1u << 30},
	{"full", CONFIG_WORD, CONFIG_ANY, STREAM(full), .def = "refuse",
		.words = {"refuse", "drop-old", "drop-new"}},
	{"max_events", CONFIG_SIZE, CONFIG_ANY, STREAM(max_events), .def = "4M", .min = 256u << 10,
		.max = 1u << 30},
	{"max_partial", CONFIG_SIZE, CONFIG_ANY, STREAM(max_partial), .min = 64u << 10,
		.max = UINT64_C(1) << 40},
	{"frame_timeout", CONFIG_DURATION, CONFIG_ANY, STREAM(frame_timeout), .def = "1m", .min = LAN_MS(10),
		.max = LAN_SEC(86400), .zero = true},
	{"dead_after", CONFIG_DURATION, CONFIG_ANY, STREAM(dead_after), .def = "20s", .min = LAN_SEC(1),
		.max = LAN_SEC(3600), .zero = true},
	{"max_conns", CONFIG_COUNT, CONFIG_SERVE, STREAM(max_conns), .def = "16384", .min = 1,
		.max = 1000000},
	{"once", CONFIG_BOOL, CONFIG_CONNECTS, STREAM(once), .def = "false"},
	{"retries", CONFIG_COUNT, CONFIG_CONNECTS, STREAM(retries), .def = "0", .min = 0, .max = 1000000},
	{"retry_min", CONFIG_DURATION, CONFIG_CONNECTS, STREAM(retry_min), .def = "20ms", .min = LAN_MS(1),
		.max = LAN_SEC(3600)},
	{"retry_max", CONFIG_DURATION, CONFIG_CONNECTS, STREAM(retry_max), .def = "5s", .min = LAN_MS(1),
		.max = LAN_SEC(86400)},
	{"resend", CONFIG_BOOL, CONFIG_SERPY1_CONNECT, STREAM(resend), .def = "false"},
	{"window", CONFIG_COUNT, CONFIG_SERPY1, STREAM(window), .def = "16", .min = 1, .max = 1024},
	{"confirm", CONFIG_DURATION, CONFIG_SERPY1, STREAM(confirm), .def = "0", .min = LAN_MS(10),
		.max = LAN_SEC(3600), .zero = true},
	{"objects", CONFIG_BOOL, CONFIG_SERPY1, STREAM(objects), .def = "false"},
	{"resync", CONFIG_BOOL, CONFIG_SERPY2, STREAM(resync), .def = "false"},
	{"echo", CONFIG_BOOL, CONFIG_ANY, STREAM(echo), .def = "false"},
	{NULL},
};

static const struct config_entry stream_entry = {
	.name = "stream",
	.choice = {{"dialect", "", {CONFIG_SERPY1, CONFIG_SERPY2}}},
	.either = {{"serve", CONFIG_SERVE, "ADDRESS:PORT to listen on"},
		{"connect", CONFIG_CONNECTS, "HOST:PORT of its server"}},
	.need = {{"name", CONFIG_ANY, NULL}, {"dialect", CONFIG_ANY, "serpy1 or serpy2"}},
	.order = {{"retry_min", "retry_max"}, {"piece", "max_message"}},
	.distinct = {{"name", "is named"}, {"serve", "listens on"}},
};

const struct config_key config_top_keys[] = {
	{"daemon", CONFIG_MAP, CONFIG_ANY, AT(struct config, daemon), .size = sizeof(struct config_daemon),
		.sub = config_daemon_keys},
	{"link", CONFIG_MAPS, CONFIG_ANY, AT(struct config, link), MANY(struct config, link_count),
		.size = sizeof(struct config_link), .sub = config_link_keys, .entry = &link_entry,
		.max = CONFIG_LINKS_MAX},
	{"channel", CONFIG_MAPS, CONFIG_ANY, AT(struct config, channel), MANY(struct config, channel_count),
		.size = sizeof(struct config_channel), .sub = config_channel_keys, .entry = &channel_entry,
		.max = CONFIG_CHANNELS_MAX},
	{"stream", CONFIG_MAPS, CONFIG_ANY, AT(struct config, stream), MANY(struct config, stream_count),
		.size = sizeof(struct config_stream), .sub = config_stream_keys, .entry = &stream_entry,
		.max = CONFIG_STREAMS_MAX},
	{"neighbor", CONFIG_MAPS, CONFIG_ANY, AT(struct config, neighbor),
		MANY(struct config, neighbor_count), .size = sizeof(struct config_neighbor),
		.sub = config_neighbor_keys, .entry = &config_neighbor_entry, .max = CONFIG_NEIGHBORS_MAX},
	{"sensor", CONFIG_MAPS, CONFIG_ANY, AT(struct config, sensor), MANY(struct config, sensor_count),
		.size = sizeof(struct config_sensor), .sub = config_sensor_keys,
		.entry = &config_sensor_entry, .max = CONFIG_SENSORS_MAX},
	{NULL},
};
