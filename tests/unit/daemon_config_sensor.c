/*
 * Unit tests of the configuration of masters of sensors: every mistake where it is, the defaults, that each
 * key reaches the library, that what is printed reads back, which two masters would share a network, and who
 * would share frames with a neighbor.
 */
#include <stddef.h>
#include "config_files.h"

#define LAB  "sensor:\n  - name: lab\n    networks: [ethernet:eth0]\n    "
#define HTTP LAB "http: {listen: ['127.0.0.1:8004'], "

static const struct golden goldens[] = {
	{"sensors: []\n", "x.yaml:1:1: unknown key \"sensors\" (did you mean \"sensor\"?)"},
	{"sensor:\n- {networks: [ethernet:a]}\n", "x.yaml:2:3: a sensor has no \"name\""},
	{"sensor:\n- {name: a}\n", "x.yaml:2:3: sensor \"a\" has no \"networks\" (e.g. [ethernet:eth0, "
				   "'xbee:ttyUSB0,panid=ca:fe'])"},
	{"sensor:\n- {name: a, networks: ethernet:eth0}\n",
		"x.yaml:2:23: \"networks\" takes a list of networks: [ethernet:eth0, 'xbee:ttyUSB0']"},
	{"sensor:\n- {name: a, networks: []}\n", "x.yaml:2:23: \"networks\" is empty"},
	{"sensor:\n- {name: a, networks: [ethernet:eth0, 'ethernet:eth0,mtu=1000']}\n",
		"x.yaml:2:39: network \"ethernet:eth0,mtu=1000\" is in this list twice"},
	{LAB "network: [a]\n", "x.yaml:4:5: unknown key \"network\" (did you mean \"networks\"?)"},
	{LAB "unlisted: admitt\n", "x.yaml:4:15: bad unlisted \"admitt\": did you mean \"admit\"?"},
	{LAB "epochs: casan\n", "x.yaml:4:13: \"epochs\" takes a list of words: [casan, sos]"},
	{LAB "epochs: [cassan]\n", "x.yaml:4:14: bad epochs \"cassan\": did you mean \"casan\"?"},
	{LAB "slaves: [169]\n", "x.yaml:4:14: a slave takes keys and values: \"id: ...\""},
	{LAB "slaves: 169\n", "x.yaml:4:13: \"slaves\" takes a list: each entry is {id: .., ttl: ..}"},
	{LAB "slaves: [{ttl: 1m}]\n", "x.yaml:4:14: a slave has no \"id\""},
	{LAB "slaves: [{id: 0}]\n", "x.yaml:4:19: bad id \"0\": allowed is 1 to 2147483647"},
	{LAB "slaves: [{id: -1}]\n", "x.yaml:4:19: bad id \"-1\": expected a whole number"},
	{LAB "slaves: [{id: 1, ttl: 10ms}]\n", "x.yaml:4:27: bad ttl \"10ms\": allowed is 1s to 2147483647s"},
	{LAB "slaves: [{id: 1, mtu: 10}]\n", "x.yaml:4:27: bad mtu \"10\": allowed is 64 to 1518"},
	{LAB "slaves: [{id: 1, key: /k}]\n",
		"x.yaml:4:22: unknown key \"key\" (known here: id, ttl, mtu, key_file)"},
	{LAB "slaves:\n    - {id: 7}\n    - {id: 8}\n    - {id: 7, ttl: 1m}\n",
		"x.yaml:7:12: two slaves have the id 7 (first in line 5)"},
	{LAB "timers: {helo: 1s}\n", "x.yaml:4:14: unknown key \"helo\" (did you mean \"hello\"?)"},
	{LAB "timers: {hello: 0}\n", "x.yaml:4:21: bad hello \"0\": allowed is 100ms to 1h"},
	{LAB "event_log: events\n",
		"x.yaml:4:16: bad event_log \"events\": expected a path that begins with /, or none"},
	{LAB "http: {compat: true}\n", "x.yaml:4:11: http has neither \"listen\" ([ADDRESS:PORT], e.g. "
				       "['127.0.0.1:8004']) nor \"tls\""},
	{LAB "http: {listen: []}\n", "x.yaml:4:20: \"listen\" is empty"},
	{LAB "http: {listen: '127.0.0.1:1'}\n", "x.yaml:4:20: \"listen\" takes a list of addresses: "
						"['127.0.0.1:8004', '[::1]:8004']"},
	{LAB "http: {listen: ['localhost:1']}\n", "x.yaml:4:21: bad listen \"localhost:1\": listen on a "
						  "numeric address (0.0.0.0 is all of this host)"},
	{LAB "http: {tls: {listen: ['0.0.0.0:443'], cert_file: /c}}\n",
		"x.yaml:4:17: tls has no \"key_file\""},
	{HTTP "namespaces: {casan: casan}}\n",
		"x.yaml:4:60: bad casan \"casan\": expected a path such as /casan, or none"},
	{HTTP "namespaces: {casan: '/a?b'}}\n",
		"x.yaml:4:60: bad casan \"/a?b\": a path of a URL has neither blanks nor ? # %"},
	{HTTP "namespace: {casan: /sos}}\n",
		"x.yaml:4:40: unknown key \"namespace\" (did you mean \"namespaces\"?)"},
	{HTTP "token_file: token}\n", "x.yaml:4:52: bad token_file \"token\": a path begins with /"},
	{HTTP "limits: {idle: 1ms}}\n", "x.yaml:4:55: bad idle \"1ms\": allowed is 1s to 24h"},
	{LAB "queue: 8\n  - {name: lab, networks: [ethernet:eth1]}\n",
		"x.yaml:5:12: two sensors have the name \"lab\" (first in line 2)"},
	{LAB "queue: 8\n  - {name: b, networks: [xbee:ttyUSB0, ethernet:eth0]}\n",
		"x.yaml:5:40: network \"ethernet:eth0\" has a master already (line 2): two confuse the "
		"slaves"},
};

static void every_mistake_in_a_sensor_is_named_where_it_is(void **state)
{
	check_goldens(goldens, sizeof goldens / sizeof *goldens);
}

/* The words are those of who opens it. */
static void a_network_is_judged_as_when_it_is_opened(void **state)
{
	static const char *const bad[] = {"eth0", "ethernet:", "ethernet:eth0,mtu=70000",
		"ethernet:eth0,speed=1", "xbee:ttyUSB0,channel=27", "xbee:ttyUSB0,addr=1234", "token:ring",
		"udp:127.0.0.1:5683"};
	char text[128];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "sensor: [{name: a, networks: ['%s']}]\n", bad[i]);
		const char *says = complaints("x.yaml", text, strlen(text));
		if (strncmp(says, "x.yaml:1:31: bad networks \"", 27) != 0)
			fail_msg("%s: %s", bad[i], says);
	}
}

static void two_files_cannot_share_a_network(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	write_file("x.yaml", LAB "queue: 8\n");
	write_file("conf.d/10.yaml", "sensor: [{name: b, networks: ['ethernet:eth0,mtu=100']}]\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.note[0], "10.yaml: sensor \"b\" claims network \"ethernet:eth0,mtu=100\" as "
					  "sensor \"lab\" does"));
	config_notes_fini(&e);
	/* Another EtherType is another network. */
	write_file("conf.d/10.yaml", "sensor: [{name: b, networks: ['ethernet:eth0,ethertype=0x9999']}]\n");
	config_set_free(load(path_of("x.yaml")));
	unlink(path_of("conf.d/10.yaml"));
	rmdir(path_of("conf.d"));
}

/* L3DL and CASAN have one EtherType by default. */
static void a_sensor_and_a_neighbor_cannot_share_frames(void **state)
{
	static const struct {
		const char *neighbor, *network, *where; /* where NULL: they may stand together */
	} both[] = {
		{"dialect: l3dl, ifaces: [eth0]", "ethernet:eth0", "\"eth0\" with EtherType 0x88b5"},
		{"dialect: l3dl, ifaces: ['eth*']", "ethernet:eth1,mtu=100",
			"\"eth1\" with EtherType 0x88b5"},
		{"dialect: l3dl, ifaces: ['eth*', '!eth1']", "ethernet:eth1", NULL},
		{"dialect: l3dl, ifaces: [eth0], ethertype: 0x88b6", "ethernet:eth0", NULL},
		{"dialect: l3dl, ifaces: [eth0]", "ethernet:eth0,ethertype=0x88b6", NULL},
		{"dialect: l3dl, ifaces: ['*']", "xbee:eth0", NULL},
		{"ifaces: [eth0]", "ethernet:eth0", NULL},
		{"ifaces: [eth0]", "ethernet:eth0,ethertype=0x8885", "\"eth0\" with EtherType 0x8885"},
	};
	struct config_set *set = NULL;
	struct config_notes e = {0};
	char text[256], want[256];
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	for (size_t i = 0; i < 2 * sizeof both / sizeof *both; i++) { /* in one file, and in two */
		size_t k = i / 2;
		int at = snprintf(text, sizeof text, "neighbor: [{name: fabric, %s}]\n", both[k].neighbor);
		if (i % 2)
			write_file("x.yaml", text), at = 0;
		snprintf(text + at, sizeof text - (size_t)at, "sensor: [{name: lab, networks: ['%s']}]\n",
			both[k].network);
		write_file(i % 2 ? "conf.d/10.yaml" : "x.yaml", text);
		if (!both[k].where) {
			config_set_free(load(path_of("x.yaml")));
		} else {
			assert_false(config_load(path_of("x.yaml"), &set, &e));
			assert_int_equal(e.n, 1);
			snprintf(want, sizeof want,
				"%s: sensor \"lab\" claims interface %s as neighbor \"fabric\" does (",
				i % 2 ? "10.yaml" : "x.yaml", both[k].where);
			assert_non_null(strstr(e.note[0], want));
			config_notes_fini(&e);
		}
		unlink(path_of("conf.d/10.yaml"));
	}
	rmdir(path_of("conf.d"));
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct config_set *set = load(write_file("x.yaml", LAB "slaves: [{id: 1}]\n"));
	struct config_sensor_args *a = config_sensor_open_args(&set->config->sensor[0]);
	const struct lan_sensor_master_config *c = &a->cfg;
	assert_int_equal(set->warnings.n, 0);
	assert_true(c->n_nets == 1 && c->n_slaves == 1 && c->slaves[0].id == 1);
	assert_true(!c->slaves[0].ttl && !c->slaves[0].mtu && !c->slaves[0].key_file);
	assert_true(c->unlisted == LAN_SENSOR_IGNORE && !c->sos && !c->casan && c->max_candidates == 256);
	assert_true(c->first_hello == LAN_SEC(3) && c->hello == LAN_SEC(10) && c->ttl == 3600);
	assert_true(c->give_up == LAN_SEC(23) && c->queue == 16 && c->max_requests == 1024);
	assert_true(c->max_body == 64 << 10 && !c->event_log && !c->event_log_size && !c->no_cache);
	assert_true(c->cache_entries == 1024 && c->cache_bytes == 4 << 20 && !a->has_http);
	config_sensor_args_free(a);
	config_set_free(set);
}

static void nobody_to_be_served_is_a_warning(void **state)
{
	struct config_set *set = load(write_file("x.yaml", LAB "queue: 8\n"));
	assert_int_equal(set->warnings.n, 1);
	assert_non_null(strstr(set->warnings.note[0], "nobody is served"));
	config_set_free(set);
	set = load(write_file("x.yaml", LAB "unlisted: list\n"));
	assert_int_equal(set->warnings.n, 0);
	config_set_free(set);
}

static const char everything[] =
	LAB "slaves: [{id: 7, ttl: 1500ms, mtu: 200, key_file: /k}, {id: 9}]\n"
	    "    unlisted: admit\n    epochs: [sos]\n"
	    "    timers: {first_hello: 1s, hello: 2s, ttl: 5m, give_up: 7s}\n"
	    "    queue: 3\n    max_requests: 33\n    max_body: 2K\n    max_candidates: 5\n"
	    "    event_log: /e\n    event_log_size: 77\n    cache: false\n    cache_entries: 9\n"
	    "    cache_bytes: 8K\n    http:\n      listen: ['127.0.0.1:1', '[::1]:2']\n"
	    "      tls: {listen: ['0.0.0.0:3'], cert_file: /c, key_file: /y}\n"
	    "      namespaces: {casan: /sos, evlog: none}\n      compat: true\n      evlog_add: true\n"
	    "      token_file: /t\n      limits: {connections: 4, per_address: 3, body: 5K, viewers: 6, "
	    "idle: 8s, header: 9s}\n";

static void each_key_of_a_master_reaches_the_library(void **state)
{
	struct config_set *set = load(write_file("x.yaml", everything));
	struct config_sensor_args *a = config_sensor_open_args(&set->config->sensor[0]);
	const struct lan_sensor_master_config *c = &a->cfg;
	assert_true(c->n_slaves == 2 && c->slaves[0].id == 7 && c->slaves[0].ttl == 2);
	assert_true(c->slaves[0].mtu == 200 && strcmp(c->slaves[0].key_file, "/k") == 0);
	assert_true(c->unlisted == LAN_SENSOR_ADMIT && c->sos && !c->casan && c->max_candidates == 5);
	assert_true(c->first_hello == LAN_SEC(1) && c->hello == LAN_SEC(2) && c->ttl == 300);
	assert_true(c->give_up == LAN_SEC(7) && c->queue == 3 && c->max_requests == 33);
	assert_true(c->max_body == 2048 && c->no_cache && c->cache_entries == 9 && c->cache_bytes == 8192);
	assert_string_equal(c->event_log, "/e");
	assert_int_equal(c->event_log_size, 77);
	config_sensor_args_free(a);
	config_set_free(set);
}

static void each_key_of_http_reaches_the_library(void **state)
{
	struct config_set *set = load(write_file("x.yaml", everything));
	struct config_sensor_args *a = config_sensor_open_args(&set->config->sensor[0]);
	const struct lan_sensor_http_config *h = &a->http;
	assert_true(a->has_http && h->n_listen == 3);
	assert_string_equal(h->listen[1].address, "[::1]:2");
	assert_null(h->listen[1].cert_file);
	assert_string_equal(h->listen[2].address, "0.0.0.0:3");
	assert_true(strcmp(h->listen[2].cert_file, "/c") == 0 && strcmp(h->listen[2].key_file, "/y") == 0);
	assert_string_equal(h->casan, "/sos");
	assert_string_equal(h->admin, "/admin");
	assert_string_equal(h->observe, "/obs");
	assert_string_equal(h->well_known, "/.well-known/casan");
	assert_null(h->evlog);
	assert_true(h->compat && h->evlog_add && strcmp(h->token_file, "/t") == 0);
	assert_true(h->max_connections == 4 && h->max_per_address == 3 && h->max_body == 5120);
	assert_true(h->max_viewers == 6 && h->idle == LAN_SEC(8) && h->header == LAN_SEC(9));
	config_sensor_args_free(a);
	config_set_free(set);
}

static const char *const others[] = {"slaves:\n    - {id: 1}", "unlisted: admit", "epochs: [sos]",
	"timers: {hello: 2s}", "queue: 3", "max_requests: 3", "max_body: 2K", "max_candidates: 3",
	"event_log: /e", "event_log_size: 3", "cache: false", "cache_entries: 3", "cache_bytes: 8K",
	"http: {listen: ['127.0.0.1:1']}", "http: {listen: ['127.0.0.1:1'], compat: true}",
	"http: {tls: {listen: ['127.0.0.1:1'], cert_file: /c, key_file: /k}}",
	"http: {listen: ['127.0.0.1:1'], limits: {idle: 3s}}",
	"http: {listen: ['127.0.0.1:1'], namespaces: {casan: none}}"};

static void printed_sensors_read_back_as_the_same_and_each_key_counts(void **state)
{
	struct config_set *before = load(write_file("x.yaml", LAB "queue: 16\n")), *b;
	char text[512];
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char *one, *two;
		struct config_set *a = before;
		snprintf(text, sizeof text, "%s%s\n", LAB, others[i]);
		b = load(write_file("y.yaml", text));
		if (config_entry_same(config_sensor_keys, a->config->sensor, b->config->sensor, SIZE_MAX))
			fail_msg("%s does not count", others[i]);
		before = b;
		config_set_free(a);
		one = config_yaml(b->config);
		b = load(write_file("z.yaml", one));
		two = config_yaml(b->config);
		assert_string_equal(one, two);
		free(one);
		free(two);
		config_set_free(b);
	}
	config_set_free(before);
}

/* A reload compares all but these. */
static void masters_that_differ_in_slaves_alone_are_the_same_but_for_them(void **state)
{
	struct config_set *a = load(write_file("x.yaml", LAB "slaves: [{id: 1}]\n")),
			  *b = load(write_file("y.yaml", LAB "slaves: [{id: 1, ttl: 2m}, {id: 3}]\n"));
	size_t slaves = offsetof(struct config_sensor, slaves);
	assert_false(config_entry_same(config_sensor_keys, a->config->sensor, b->config->sensor, SIZE_MAX));
	assert_true(config_entry_same(config_sensor_keys, a->config->sensor, b->config->sensor, slaves));
	config_set_free(a);
	config_set_free(b);
}

static void thousands_of_slaves_are_looked_at_in_time(void **state)
{
	size_t n = CONFIG_SLAVES_MAX, cap = 32 * n, at;
	char *text = malloc(cap);
	at = (size_t)snprintf(text, cap, "%sslaves:\n", LAB);
	for (size_t i = 1; i <= n; i++)
		at += (size_t)snprintf(text + at, cap - at, "    - {id: %zu}\n", i);
	struct config_set *set = load(write_bytes("x.yaml", text, at));
	assert_int_equal(set->config->sensor[0].slaves_count, n);
	config_set_free(set);
	snprintf(text + at, cap - at, "    - {id: 1}\n");
	assert_non_null(strstr(complaints("x.yaml", text, strlen(text)), "more than 16384 entries"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_in_a_sensor_is_named_where_it_is),
		cmocka_unit_test(a_network_is_judged_as_when_it_is_opened),
		cmocka_unit_test(two_files_cannot_share_a_network),
		cmocka_unit_test(a_sensor_and_a_neighbor_cannot_share_frames),
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(nobody_to_be_served_is_a_warning),
		cmocka_unit_test(each_key_of_a_master_reaches_the_library),
		cmocka_unit_test(each_key_of_http_reaches_the_library),
		cmocka_unit_test(printed_sensors_read_back_as_the_same_and_each_key_counts),
		cmocka_unit_test(masters_that_differ_in_slaves_alone_are_the_same_but_for_them),
		cmocka_unit_test(thousands_of_slaves_are_looked_at_in_time),
	};
	return cmocka_run_group_tests_name("the configuration of sensors", tests, make_dir, remove_dir);
}
