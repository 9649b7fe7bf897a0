/*
 * config_keys_neighbor.c - the table of keys of one entry of `neighbor:`; see
 * config_keys.c. The names are those of struct lan_neighbor_config, as far as
 * that has them.
 */
#include <stddef.h>
#include "base/units.h"
#include "daemon/config.h"

#define AT(type, member)   .offset = offsetof(type, member)
#define MANY(type, member) .count_offset = offsetof(type, member)

#define LABELS(member) AT(struct config_labels, member)
static const struct config_key labels_keys[] = {
	{"prefix", CONFIG_PREFIX, CONFIG_ANY, LABELS(prefix)},
	{"labels", CONFIG_LIST, CONFIG_ANY, LABELS(labels), MANY(struct config_labels, labels_count),
		.of = CONFIG_LABEL, .max = 255},
	{NULL},
};

static const struct config_entry labels_entry = {
	.name = "label",
	.need = {{"prefix", CONFIG_ANY, NULL}, {"labels", CONFIG_ANY, NULL}},
	.distinct = {{"prefix", "is for"}},
	.lint = lint_labels,
};

#define BGP(member) AT(struct config_bgp, member)
static const struct config_key bgp_keys[] = {
	{"asn", CONFIG_COUNT, CONFIG_ANY, BGP(asn), .min = 1, .max = UINT32_MAX},
	{"address4", CONFIG_PREFIX, CONFIG_ANY, BGP(address4), .min = 4},
	{"address6", CONFIG_PREFIX, CONFIG_ANY, BGP(address6), .min = 6},
	{"auth_file", CONFIG_FILE, CONFIG_ANY, BGP(auth_file)},
	{"gtsm", CONFIG_BOOL, CONFIG_ANY, BGP(gtsm), .def = "false"},
	{NULL},
};

#define NEIGHBOR(member)               AT(struct config_neighbor, member)
#define NEIGHBORS_MANY(count)          MANY(struct config_neighbor, count)
#define DURATION(key, roles, from, to) #key, CONFIG_DURATION, roles, NEIGHBOR(key), .min = from, .max = to
#define LIST_OF(key, kind, most) \
#key, CONFIG_LIST, CONFIG_ANY, NEIGHBOR(key), NEIGHBORS_MANY(key##_count), .of = kind, .max = most
const struct config_key config_neighbor_keys[] = {
	{"name", CONFIG_NAME, CONFIG_ANY, NEIGHBOR(name)},
	{LIST_OF(ifaces, CONFIG_GLOB, CONFIG_IFACES_MAX)},
	{"dialect", CONFIG_WORD, CONFIG_ANY, NEIGHBOR(dialect), .def = "lsoe", .words = {"lsoe", "l3dl"}},
	{"ethertype", CONFIG_ETHERTYPE, CONFIG_ANY, NEIGHBOR(ethertype),
		.def_for = {{CONFIG_LSOE, "0x8885"}, {CONFIG_L3DL, "0x88b5"}}},
	{"id", CONFIG_HEX, CONFIG_ANY, NEIGHBOR(id), .min = 1, .max = 255},
	{LIST_OF(attributes, CONFIG_OCTET, 255)},
	{"hello_to", CONFIG_HELLO, CONFIG_ANY, NEIGHBOR(hello_to), .def = "nearest-bridge"},
	{DURATION(hello, CONFIG_ANY, LAN_MS(100), LAN_SEC(86400)), .def = "1m"},
	{DURATION(keepalive, CONFIG_ANY, LAN_MS(10), LAN_SEC(3600)), .def = "1s"},
	{DURATION(dead, CONFIG_ANY, LAN_MS(20), LAN_SEC(86400)),
		.def_for = {{CONFIG_LSOE, "1m"}, {CONFIG_L3DL, "30s"}}},
	{DURATION(retransmit, CONFIG_ANY, LAN_MS(10), LAN_SEC(3600)), .def = "1s"},
	{"backoff", CONFIG_BOOL, CONFIG_ANY, NEIGHBOR(backoff), .def = "true"},
	{"tries", CONFIG_COUNT, CONFIG_ANY, NEIGHBOR(tries), .def = "3", .min = 1, .max = 16},
	{DURATION(reassembly, CONFIG_ANY, LAN_MS(10), LAN_SEC(60)), .def = "1s"},
	{DURATION(open_jitter, CONFIG_ANY, LAN_MS(1), LAN_SEC(60)), .def = "0", .zero = true},
	{"multi_link", CONFIG_BOOL, CONFIG_L3DL, NEIGHBOR(multi_link), .def = "false"},
	{"announce", CONFIG_WORD, CONFIG_ANY, NEIGHBOR(announce), .def = "own",
		.words = {"own", "all", "none"}},
	{LIST_OF(loopbacks, CONFIG_GLOB, CONFIG_IFACES_MAX)},
	{"link_local", CONFIG_BOOL, CONFIG_ANY, NEIGHBOR(link_local), .def = "false"},
	{"primary", CONFIG_ADDRESS, CONFIG_ANY, NEIGHBOR(primary)},
	{"labels", CONFIG_MAPS, CONFIG_ANY, NEIGHBOR(labels), NEIGHBORS_MANY(labels_count),
		.size = sizeof(struct config_labels), .sub = labels_keys, .entry = &labels_entry,
		.max = CONFIG_LABELS_MAX},
	{"labels_to_all", CONFIG_BOOL, CONFIG_LSOE, NEIGHBOR(labels_to_all), .def = "false"},
	{"bgp", CONFIG_MAP, CONFIG_L3DL, NEIGHBOR(bgp), .size = sizeof(struct config_bgp), .sub = bgp_keys,
		.optional = true},
	{DURATION(measure, CONFIG_ANY, LAN_MS(100), LAN_SEC(3600)), .def = "10s", .zero = true},
	{"key_file", CONFIG_FILE, CONFIG_L3DL, NEIGHBOR(key_file)},
	{"cert_file", CONFIG_FILE, CONFIG_L3DL, NEIGHBOR(cert_file)},
	{"anchor_file", CONFIG_FILE, CONFIG_L3DL, NEIGHBOR(anchor_file)},
	{"trust", CONFIG_WORD, CONFIG_L3DL, NEIGHBOR(trust), .def = "any",
		.words = {"any", "tofu", "anchor"}},
	{"sign_keepalive", CONFIG_BOOL, CONFIG_L3DL, NEIGHBOR(sign_keepalive), .def = "false"},
	{DURATION(key_overlap, CONFIG_L3DL, LAN_MS(100), LAN_SEC(86400)), .def = "30s"},
	{"auth_failures", CONFIG_COUNT, CONFIG_L3DL, NEIGHBOR(auth_failures), .def = "8", .min = 1,
		.max = 1000000},
	{"state", CONFIG_STATE, CONFIG_L3DL, NEIGHBOR(state)},
	{DURATION(resume, CONFIG_L3DL, LAN_MS(100), LAN_SEC(86400)), .def = "1m"},
	{"report_url", CONFIG_URL, CONFIG_ANY, NEIGHBOR(report_url)},
	{"max_peers", CONFIG_COUNT, CONFIG_ANY, NEIGHBOR(max_peers), .def = "1024", .min = 1, .max = 65536},
	{"max_half_open", CONFIG_COUNT, CONFIG_ANY, NEIGHBOR(max_half_open), .def = "64", .min = 1,
		.max = 65536},
	{"max_prefixes", CONFIG_COUNT, CONFIG_ANY, NEIGHBOR(max_prefixes), .def = "65536", .min = 1,
		.max = 1000000},
	{"receive_buffer", CONFIG_SIZE, CONFIG_ANY, NEIGHBOR(receive_buffer), .def = "256K", .min = 4096,
		.max = 1u << 30},
	{NULL},
};

const struct config_entry config_neighbor_entry = {
	.name = "neighbor",
	.choice = {{"dialect", "", {CONFIG_LSOE, CONFIG_L3DL}},
		{"trust", "", {CONFIG_LSOE | CONFIG_TRUST_ANY, CONFIG_TRUST_TOFU, CONFIG_TRUST_ANCHOR}}},
	.need = {{"name", CONFIG_ANY, NULL},
		{"ifaces", CONFIG_ANY, "names of interfaces, e.g. [eth0, 'swp*']"},
		{"anchor_file", CONFIG_TRUST_ANCHOR, "the anchor's public key"}},
	.order = {{"keepalive", "dead"}, {"max_half_open", "max_peers"}},
	.with = {{"cert_file", "key_file"}, {"sign_keepalive", "key_file"}},
	.distinct = {{"name", "is named"}},
	.lint = lint_neighbor,
	.lint_all = lint_neighbors,
	.clash = config_neighbor_clash,
};
