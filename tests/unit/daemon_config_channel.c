/*
 * Unit tests of the configuration of channels: which keys go together, the
 * defaults of each dialect, that each key reaches the channel, and that a secret
 * leaves the file in no way.
 */
#include "config_files.h"

#define SEALED    "channel:\n  - name: plant\n    address: 239.1.2.3:5000\n    key_file: /k\n    "
#define MULTISOCK "channel:\n  - name: old\n    address: 239.1.2.3:5000\n    dialect: multisock\n    "

static const struct golden goldens[] = {
	{"channel:\n- {name: a, address: '239.1.2.3:5000'}\n",
		"x.yaml:2:3: channel \"a\" has no \"key_file\" (the group's key; \"dialect: multisock\" is "
		"the "
		"wire "
		"without one)"},
	{"channel:\n- {name: a, key_file: /k}\n",
		"x.yaml:2:3: channel \"a\" has no \"address\" (GROUP:PORT, e.g. 239.1.2.3:5000)"},
	{"channel:\n- {address: '239.1.2.3:5000', key_file: /k}\n", "x.yaml:2:3: a channel has no \"name\""},
	{"chanel: []\n", "x.yaml:1:1: unknown key \"chanel\" (did you mean \"channel\"?)"},
	{SEALED "iface: [eth0]\n", "x.yaml:5:5: unknown key \"iface\" (did you mean \"ifaces\"?)"},
	{SEALED "dialect: seald\n", "x.yaml:5:14: bad dialect \"seald\": did you mean \"sealed\"?"},
	{SEALED "mode: best\n", "x.yaml:5:11: bad mode \"best\": expected best-effort, ordered or reliable"},
	{SEALED "key: a\n    iv: b\n",
		"x.yaml:5:5: \"key\" is for channels of dialect multisock, this one is sealed\n"
		"x.yaml:6:5: \"iv\" is for channels of dialect multisock, this one is sealed"},
	{MULTISOCK "key_file: /k\n",
		"x.yaml:5:5: \"key_file\" is for channels of dialect sealed, this one is multisock"},
	{MULTISOCK "mode: reliable\n",
		"x.yaml:5:5: \"mode\" is for channels of dialect sealed, this one is multisock"},
	{SEALED "history: 100\n",
		"x.yaml:5:5: \"history\" is for channels of mode reliable, this one is best-effort"},
	{SEALED "mode: ordered\n    late: 1\n",
		"x.yaml:6:5: \"late\" is for channels of mode reliable, this one is ordered"},
	{SEALED "mode: reliable\n    reorder: 1ms\n",
		"x.yaml:6:5: \"reorder\" is for channels of mode ordered, this one is reliable"},
	{SEALED "mode: reliable\n    history: 64\n    late: 65\n",
		"x.yaml:7:11: late is greater than history"},
	{SEALED "max_queue: 64K\n    max_message: 65K\n",
		"x.yaml:6:18: max_message is greater than max_queue"},
	{MULTISOCK "key: abc\n", "x.yaml:5:10: \"key\" without \"iv\": both or none"},
	{MULTISOCK "iv: abc\n", "x.yaml:5:9: \"iv\" without \"key\": both or none"},
	{MULTISOCK "key: abc\n    iv: 0123456789abcdef\n", "x.yaml:6:9: bad iv: expected 1 to 15 characters"},
	{MULTISOCK "key: '***'\n    iv: abc\n",
		"x.yaml:5:10: bad key: \"***\" is what is shown in the place of "
		"a secret: write the secret"},
	{MULTISOCK "key: geh\xc3\xa4im\n    iv: abc\n",
		"x.yaml:5:10: bad key: only printable ASCII characters work on this wire"},
	{MULTISOCK "key: '  '\n    iv: abc\n", "x.yaml:5:10: bad key: it is blank"},
	{SEALED "ttl: 256\n", "x.yaml:5:10: bad ttl \"256\": allowed is 0 to 255"},
	{SEALED "ifaces: eth0\n", "x.yaml:5:13: \"ifaces\" takes a list of interfaces: [eth0, 192.0.2.1]"},
	{SEALED "ifaces: [eth0, an/iface]\n", "x.yaml:5:20: bad ifaces \"an/iface\": expected the name of an "
					      "interface (at most 15 characters), "
					      "one of its addresses, or all"},
	{SEALED "sources: [hub]\n",
		"x.yaml:5:15: bad sources \"hub\": expected a numeric address, e.g. 192.0.2.7"},
	{SEALED "identity_file: id.key\n", "x.yaml:5:20: bad identity_file \"id.key\": a path begins with /"},
	{SEALED "state: nowhere\n",
		"x.yaml:5:12: bad state \"nowhere\": expected a path that begins with /, or none"},
	{SEALED "channel: ''\n", "x.yaml:5:14: bad channel \"\": expected 1 to 255 bytes of UTF-8"},
	{SEALED "display_name: \"a\\eb\"\n",
		"x.yaml:5:19: bad display_name \"a\\x1bb\": it has no control characters"},
	{"channel:\n- name: a\n  key_file: /k\n  address: 192.0.2.1:5000\n",
		"x.yaml:4:12: bad address \"192.0.2.1:5000\": not a multicast group: 224.0.0.0 to "
		"239.255.255.255, or ff00::/8"},
	{"channel:\n- name: a\n  key_file: /k\n  address: 239.1.2.3\n",
		"x.yaml:4:12: bad address \"239.1.2.3\": expected GROUP:PORT, e.g. 239.1.2.3:5000"},
	{"channel:\n- name: a\n  key_file: /k\n  address: 239.1.2.3:0\n",
		"x.yaml:4:12: bad address \"239.1.2.3:0\": the port is a number 1 to 65535"},
	{"channel:\n- name: a\n  key_file: /k\n  address: ff02::1:5000\n",
		"x.yaml:4:12: bad address \"ff02::1:5000\": an IPv6 group is written in brackets: "
		"[ff02::1:5]:5000"},
	{SEALED "state: /s\n  - {name: plant, address: '239.1.2.3:5000', key_file: /k, state: /s}\n",
		"x.yaml:6:12: two channels have the name \"plant\" (first in line 2)"},
};

static void every_mistake_in_a_channel_is_named_where_it_is(void **state)
{
	check_goldens(goldens, sizeof goldens / sizeof *goldens);
}

static void defaults_of_channels_depend_on_dialect_and_mode(void **state)
{
	struct config_set *set = load(write_file("x.yaml",
		"daemon: {name: plant-7}\nchannel:\n"
		"- {name: s, address: '[ff02::5]:5000', key_file: /k}\n"
		"- {name: r, address: '239.1.2.3:5000', key_file: /k, mode: reliable, state: none, ttl: 0}\n"
		"- {name: m, address: '239.1.2.3:5000', dialect: multisock}\n"));
	const struct config_channel *c = set->config->channel;
	struct lan_channel_config s = config_channel_open_args(&c[0]), r = config_channel_open_args(&c[1]),
				  m = config_channel_open_args(&c[2]);
	assert_int_equal(set->config->channel_count, 3);
	assert_int_equal(set->warnings.n, 0);
	assert_true(s.dialect == LAN_CHANNEL_SEALED && s.mode == LAN_CHANNEL_BEST_EFFORT && s.ttl == 1);
	assert_string_equal(s.channel, "[ff02::5]:5000");
	assert_string_equal(s.name, "plant-7");
	assert_non_null(strstr(s.state_dir, "/channel/s"));
	assert_true(s.max_message == 1 << 20 && s.block == 32 && s.presence == LAN_SEC(1));
	assert_null(c[0].history);
	assert_true(r.mode == LAN_CHANNEL_RELIABLE && r.history == 4096 && r.ttl == LAN_CHANNEL_TTL_HOST);
	assert_null(r.state_dir);
	assert_true(m.dialect == LAN_CHANNEL_MULTISOCK && m.ttl == 32 && m.max_message == 4096);
	assert_true(!m.key && !m.key_file && !m.name && !m.no_loopback);
	config_set_free(set);
}

static void each_key_reaches_the_channel(void **state)
{
	struct config_set *set = load(write_file("x.yaml",
		"channel:\n"
		"- {name: s, address: '239.1.2.3:5000', dialect: sealed, mode: reliable, ifaces: [eth0, "
		"192.0.2.1], sources: ['192.0.2.7'], ttl: 3, loopback: false, hear_self: true, max_message: "
		"2K, "
		"max_queue: 8K, max_events: 9K, receive_buffer: 10K, key_file: /k, identity_file: /i, "
		"members_file: /m, channel: c, display_name: d, state: /s, silent: true, flow: true, "
		"presence: "
		"2s, rate: 5M, history: 100, late: 4, parity: 3, block: 7, max_senders: 6}\n"
		"- {name: o, address: '239.1.2.3:5000', mode: ordered, key_file: /k, reorder: 5ms}\n"
		"- {name: m, address: '239.1.2.3:5000', dialect: multisock, key: k y, iv: v, objects: "
		"yes}\n"));
	const struct config_channel *c = set->config->channel;
	struct lan_channel_config s = config_channel_open_args(&c[0]), o = config_channel_open_args(&c[1]),
				  m = config_channel_open_args(&c[2]);
	assert_string_equal(s.address, "239.1.2.3:5000");
	assert_int_equal(s.n_ifaces, 2);
	assert_string_equal(s.ifaces[1], "192.0.2.1");
	assert_int_equal(s.n_sources, 1);
	assert_string_equal(s.sources[0], "192.0.2.7");
	assert_true(s.ttl == 3 && s.no_loopback && s.hear_self && s.silent && s.flow);
	assert_true(s.max_message == 2048 && s.max_queue == 8192 && s.max_events == 9216 &&
		    s.receive_buffer == 10240);
	assert_string_equal(s.key_file, "/k");
	assert_string_equal(s.identity_file, "/i");
	assert_string_equal(s.members_file, "/m");
	assert_string_equal(s.channel, "c");
	assert_string_equal(s.name, "d");
	assert_string_equal(s.state_dir, "/s");
	assert_true(s.presence == LAN_SEC(2) && s.rate == 5 << 20 && s.history == 100 && s.late == 4);
	assert_true(s.parity == 3 && s.block == 7 && s.max_senders == 6);
	assert_true(o.mode == LAN_CHANNEL_ORDERED && o.reorder == LAN_MS(5));
	assert_string_equal(m.key, "k y");
	assert_string_equal(m.iv, "v");
	assert_true(m.objects);
	config_set_free(set);
}

static void a_secret_is_never_shown_and_its_replacement_not_taken(void **state)
{
	struct config_set *set;
	char *yaml;
	write_file("x.yaml", MULTISOCK "key: open sesame\n    iv: abracadabra\n");
	assert_int_equal(chmod(path_of("x.yaml"), 0644), 0);
	set = load(path_of("x.yaml"));
	assert_int_equal(set->warnings.n, 1);
	assert_non_null(strstr(set->warnings.note[0], "x.yaml: anybody may read the key in this file"));
	yaml = config_yaml(set->config);
	assert_non_null(yaml);
	assert_null(strstr(yaml, "sesame"));
	assert_null(strstr(yaml, "abra"));
	assert_non_null(strstr(yaml, "key: '***'\n"));
	assert_string_equal(set->config->channel[0].key, "open sesame");
	assert_non_null(strstr(complaints("y.yaml", yaml, strlen(yaml)), "write the secret"));
	config_set_free(set);
	assert_int_equal(chmod(path_of("x.yaml"), 0640), 0);
	set = load(path_of("x.yaml"));
	assert_int_equal(set->warnings.n, 0);
	config_set_free(set);
	free(yaml);
}

static void printed_channels_read_back_as_the_same_and_each_key_counts(void **state)
{
	static const char *const others[] = {"mode: reliable", "ifaces: [eth1]", "ifaces: [eth0, eth1]",
		"sources: [192.0.2.1]", "ttl: 2", "loopback: false", "hear_self: true", "max_message: 1K",
		"max_queue: 2M", "max_events: 2M", "receive_buffer: 2M", "identity_file: /i",
		"members_file: /m", "channel: c", "display_name: '7'", "state: none", "silent: true",
		"presence: 3s", "rate: 1M", "parity: 1", "block: 8", "max_senders: 9"};
	struct config_set *a = load(write_file("x.yaml", SEALED "\n")), *b;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char text[256], *one, *two;
		snprintf(text, sizeof text, SEALED "%s\n", others[i]);
		b = load(write_file("y.yaml", text));
		assert_false(config_channel_same(&a->config->channel[0], &b->config->channel[0]));
		one = config_yaml(b->config);
		config_set_free(b);
		b = load(write_file("y.yaml", one));
		two = config_yaml(b->config);
		assert_string_equal(one, two);
		free(one);
		free(two);
		config_set_free(b);
	}
	config_set_free(a);
}

static void two_files_cannot_have_a_channel_of_one_name(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	write_file("x.yaml", SEALED "state: /s\n  - {name: b, address: '239.1.2.3:5000', key_file: /k}\n");
	write_file("conf.d/10.yaml",
		SEALED "state: /t\n  - {name: c, address: '239.1.2.3:5000', key_file: /k, "
		       "state: /s}\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.note[0], "10.yaml: channel \"plant\" is in "));
	config_notes_fini(&e);
	unlink(path_of("conf.d/10.yaml"));
	rmdir(path_of("conf.d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_in_a_channel_is_named_where_it_is),
		cmocka_unit_test(defaults_of_channels_depend_on_dialect_and_mode),
		cmocka_unit_test(each_key_reaches_the_channel),
		cmocka_unit_test(a_secret_is_never_shown_and_its_replacement_not_taken),
		cmocka_unit_test(printed_channels_read_back_as_the_same_and_each_key_counts),
		cmocka_unit_test(two_files_cannot_have_a_channel_of_one_name),
	};
	return cmocka_run_group_tests_name("the configuration of channels", tests, make_dir, remove_dir);
}
