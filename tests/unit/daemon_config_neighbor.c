/*
 * Unit tests of the configuration of neighbors: every mistake where it is, the
 * defaults of each dialect, that each key reaches lan_neighbor_open, that what is
 * printed reads back, and which entries claim the same frames.
 */
#include <stddef.h>
#include "config_files.h"

#define LSOE "neighbor:\n  - name: fabric\n    ifaces: [eth0]\n    "
#define L3DL "neighbor:\n  - name: fabric\n    ifaces: [eth0]\n    dialect: l3dl\n    "

static const struct golden goldens[] = {
	{"neighbour: []\n", "x.yaml:1:1: unknown key \"neighbour\" (did you mean \"neighbor\"?)"},
	{"neighbor:\n- {ifaces: [a]}\n", "x.yaml:2:3: a neighbor has no \"name\""},
	{"neighbor:\n- {name: a}\n",
		"x.yaml:2:3: neighbor \"a\" has no \"ifaces\" (names of interfaces, e.g. [eth0, 'swp*'])"},
	{"neighbor:\n- {name: a, ifaces: eth0}\n",
		"x.yaml:2:21: \"ifaces\" takes a list of interfaces: [eth0, 'swp*', '!swp7']"},
	{"neighbor:\n- {name: a, ifaces: ['!eth0']}\n",
		"x.yaml:2:21: \"ifaces\" names no interface: [eth0, 'swp*']"},
	{"neighbor:\n- {name: a, ifaces: []}\n",
		"x.yaml:2:21: \"ifaces\" names no interface: [eth0, 'swp*']"},
	{"neighbor:\n- {name: a, ifaces: ['e[0]']}\n",
		"x.yaml:2:22: bad ifaces \"e[0]\": only * and ? stand for other characters"},
	{"neighbor:\n- {name: a, ifaces: [sixteencharacter]}\n",
		"x.yaml:2:22: bad ifaces \"sixteencharacter\": expected the name of an interface (at most 15 "
		"characters), with * and ? for others, or ! and what to take out again"},
	{LSOE "keep_alive: 1s\n", "x.yaml:4:5: unknown key \"keep_alive\" (did you mean \"keepalive\"?)"},
	{LSOE "dialect: l3ld\n", "x.yaml:4:14: bad dialect \"l3ld\": did you mean \"l3dl\"?"},
	{LSOE "ethertype: 0x500\n",
		"x.yaml:4:16: bad ethertype \"0x500\": expected an EtherType: 0x0600 to 0xffff"},
	{LSOE "ethertype: 88b5\n",
		"x.yaml:4:16: bad ethertype \"88b5\": expected an EtherType: 0x0600 to 0xffff"},
	{LSOE "id: 0a0\n", "x.yaml:4:9: bad id \"0a0\": expected octets as pairs of hexadecimal digits: "
			   "00:00:5e:00:53:0a"},
	{LSOE "id: '0a:'\n", "x.yaml:4:9: bad id \"0a:\": expected octets as pairs of hexadecimal digits: "
			     "00:00:5e:00:53:0a"},
	{LSOE "id: 00112233445566778899aa\n",
		"x.yaml:4:9: bad id: with dialect lsoe it has at most 10 octets, not 11"},
	{LSOE "attributes: [1, 256]\n",
		"x.yaml:4:21: bad attributes \"256\": expected a number 0 to 255, or 0x00 to 0xff"},
	{LSOE "hello_to: everybody\n", "x.yaml:4:15: bad hello_to \"everybody\": expected nearest-bridge, "
				       "non-tpmr, broadcast or a MAC address"},
	{LSOE "hello_to: 00:00:00:00:00:00\n",
		"x.yaml:4:15: bad hello_to \"00:00:00:00:00:00\": this MAC address is nobody's"},
	{LSOE "keepalive: 1ms\n", "x.yaml:4:16: bad keepalive \"1ms\": allowed is 10ms to 1h"},
	{LSOE "keepalive: 2m\n", "x.yaml:4:16: keepalive is greater than dead"},
	{L3DL "keepalive: 40s\n", "x.yaml:5:16: keepalive is greater than dead"},
	{LSOE "tries: 17\n", "x.yaml:4:12: bad tries \"17\": allowed is 1 to 16"},
	{LSOE "open_jitter: 61s\n", "x.yaml:4:18: bad open_jitter \"61s\": allowed is 0, or 1ms to 1m"},
	{LSOE "announce: every\n", "x.yaml:4:15: bad announce \"every\": expected own, all or none"},
	{LSOE "primary: 10.0.0.1/8\n",
		"x.yaml:4:14: bad primary \"10.0.0.1/8\": expected a numeric address, e.g. 192.0.2.7"},
	{LSOE "labels: [16000]\n", "x.yaml:4:14: a label takes keys and values: \"prefix: ...\""},
	{LSOE "labels: [{prefix: 10.0.0.0, labels: [1]}]\n", "x.yaml:4:23: bad prefix \"10.0.0.0\": expected "
							     "an address with its length, e.g. 192.0.2.0/24"},
	{LSOE "labels: [{prefix: 10.0.0.0/33, labels: [1048576]}]\n",
		"x.yaml:4:23: bad prefix \"10.0.0.0/33\": expected an address with its length, e.g. "
		"192.0.2.0/24\nx.yaml:4:45: bad labels \"1048576\": expected a label: 0 to 1048575"},
	{LSOE "labels: [{prefix: '::/0', labels: [1]}, {prefix: '::/0', labels: [2]}]\n",
		"x.yaml:4:54: two labels have the prefix \"::/0\" (first in line 4)"},
	{LSOE "labels: [{prefix: '::/0', labels: []}]\n", "x.yaml:4:39: \"labels\" is empty"},
	{LSOE "key_file: /k\n",
		"x.yaml:4:5: \"key_file\" is for neighbors of dialect l3dl, this one is lsoe"},
	{LSOE "trust: tofu\n", "x.yaml:4:5: \"trust\" is for neighbors of dialect l3dl, this one is lsoe"},
	{LSOE "bgp: {asn: 1, address4: 10.0.0.1/30}\n",
		"x.yaml:4:5: \"bgp\" is for neighbors of dialect l3dl, this one is lsoe"},
	{L3DL "bgp: {gtsm: true}\n", "x.yaml:5:10: bgp has no \"asn\"\nx.yaml:5:10: bgp has neither "
				     "\"address4\" nor \"address6\""},
	{L3DL "bgp: {asn: 1, address4: '2001:db8::1/64'}\n", "x.yaml:5:29: bad address4 \"2001:db8::1/64\": "
							     "expected an IPv4 address with its length, e.g. "
							     "192.0.2.1/30"},
	{L3DL "bgp: {ans: 1, address4: 10.0.0.1/30}\n",
		"x.yaml:5:10: bgp has no \"asn\"\nx.yaml:5:11: unknown key \"ans\" (did you mean \"asn\"?)"},
	{L3DL "trust: anchor\n",
		"x.yaml:2:5: neighbor \"fabric\" has no \"anchor_file\" (the anchor's public key)"},
	{L3DL "cert_file: /c\n", "x.yaml:5:16: \"cert_file\" without \"key_file\""},
	{L3DL "sign_keepalive: true\n", "x.yaml:5:21: \"sign_keepalive\" without \"key_file\""},
	{L3DL "key_file: k\n", "x.yaml:5:15: bad key_file \"k\": a path begins with /"},
	{LSOE "report_url: collector\n",
		"x.yaml:4:17: bad report_url \"collector\": expected http://HOST[:PORT]/PATH or https://.."},
	{LSOE "max_half_open: 2000\n", "x.yaml:4:20: max_half_open is greater than max_peers"},
	{LSOE "tries: 3\n  - {name: fabric, ifaces: [eth1]}\n",
		"x.yaml:5:12: two neighbors have the name \"fabric\" (first in line 2)"},
};

static void every_mistake_in_a_neighbor_is_named_where_it_is(void **state)
{
	check_goldens(goldens, sizeof goldens / sizeof *goldens);
}

/* ifaces and other keys of the two entries; what they meet on, or NULL. */
static const struct {
	const char *a, *b, *meet;
} claims[] = {
	{"ifaces: [eth0]", "ifaces: [eth0]", "interface \"eth0\" with EtherType 0x8885"},
	{"ifaces: [eth0]", "ifaces: [eth1]", NULL},
	{"ifaces: ['eth*']", "ifaces: [lo, eth7]", "interface \"eth7\" with EtherType 0x8885"},
	{"ifaces: ['eth*', '!eth7']", "ifaces: [eth7]", NULL},
	{"ifaces: [eth7]", "ifaces: ['*', '!eth?']", NULL},
	{"ifaces: ['eth*']", "ifaces: ['*0']", "interface \"eth*\" with EtherType 0x8885"},
	{"ifaces: ['eth?']", "ifaces: ['et?h?']", NULL},
	{"ifaces: ['a*c']", "ifaces: ['a*b']", NULL},
	{"ifaces: ['a*c']", "ifaces: ['*b*c']", "interface \"a*c\" with EtherType 0x8885"},
	{"ifaces: ['*', '!sw*']", "ifaces: ['swp*', '!swp1']", NULL},
	{"ifaces: ['*', '!swp1*']", "ifaces: ['swp1?', 'swp2']", "interface \"swp2\" with EtherType 0x8885"},
	{"ifaces: ['*', '!swp?']", "ifaces: ['swp*']", "interface \"swp*\" with EtherType 0x8885"},
	{"ifaces: [eth0], ethertype: 0x88b5", "ifaces: [eth0]", NULL},
	{"ifaces: [eth0]", "ifaces: [eth0], dialect: l3dl", NULL},
	{"ifaces: [eth0], ethertype: 34997", "ifaces: [eth0], dialect: l3dl",
		"interface \"eth0\" with EtherType 0x88b5"},
};

static void entries_that_claim_the_same_frames_are_refused(void **state)
{
	char text[512], says[512];
	for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
		snprintf(text, sizeof text, "neighbor:\n- {name: a, %s}\n- {name: b, %s}\n", claims[i].a,
			claims[i].b);
		if (!claims[i].meet) {
			config_set_free(load(write_file("x.yaml", text)));
			continue;
		}
		snprintf(says, sizeof says,
			"x.yaml:3:21: neighbor \"b\" claims %s as neighbor \"a\" does (line 2): a frame "
			"belongs "
			"to one of them",
			claims[i].meet);
		assert_string_equal(complaints("x.yaml", text, strlen(text)), says);
	}
}

static void two_files_cannot_claim_the_same_frames(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	write_file("x.yaml", LSOE "tries: 3\n");
	write_file("conf.d/10.yaml",
		"neighbor: [{name: b, ifaces: ['e*'], dialect: l3dl, ethertype: 0x8885}]\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.note[0], "10.yaml: neighbor \"b\" claims interface \"eth0\" with EtherType "
					  "0x8885 as neighbor \"fabric\" does"));
	config_notes_fini(&e);
	unlink(path_of("conf.d/10.yaml"));
	rmdir(path_of("conf.d"));
}

static void defaults_are_those_of_the_dialect(void **state)
{
	struct config_set *set =
		load(write_file("x.yaml", "neighbor:\n- {name: a, ifaces: [eth0]}\n- {name: b, ifaces: "
					  "[eth0], dialect: l3dl, state: none}\n"));
	struct config_neighbor_args *a = config_neighbor_open_args(&set->config->neighbor[0]),
				    *b = config_neighbor_open_args(&set->config->neighbor[1]);
	const struct lan_neighbor_config *x = &a->cfg, *y = &b->cfg;
	assert_int_equal(set->warnings.n, 0);
	assert_true(x->dialect == LAN_NEIGHBOR_LSOE && y->dialect == LAN_NEIGHBOR_L3DL);
	assert_true(x->ethertype == 0x8885 && y->ethertype == 0x88b5);
	assert_true(x->dead == LAN_SEC(60) && y->dead == LAN_SEC(30));
	assert_true(x->hello == LAN_SEC(60) && x->keepalive == LAN_SEC(1) && x->retransmit == LAN_SEC(1));
	assert_true(!x->no_backoff && x->tries == 3 && x->reassembly == LAN_SEC(1) && x->open_jitter == 0);
	assert_true(!x->id && !x->n_attributes && !x->primary && !x->n_labels && !x->report_url);
	assert_string_equal(x->hello_to, "nearest-bridge");
	assert_true(x->announce == LAN_NEIGHBOR_ANNOUNCE_OWN && !x->n_loopbacks && !x->link_local);
	assert_true(!x->no_measure && x->measure == LAN_SEC(10) && x->receive_buffer == 256 << 10);
	assert_true(x->max_peers == 1024 && x->max_half_open == 64 && x->max_prefixes == 65536);
	assert_true(!x->trust && !x->key_file && !x->state_dir && !x->bgp.asn && !x->vendor_to_all);
	assert_true(y->trust == LAN_NEIGHBOR_TRUST_ANY && y->auth_failures == 8 && !y->state_dir);
	assert_true(y->resume == LAN_SEC(60) && y->key_overlap == LAN_SEC(30) && !y->multi_link);
	assert_true(!y->bgp.asn && !y->bgp.address4);
	assert_null(set->config->neighbor[0].state);
	assert_null(set->config->neighbor[0].trust);
	config_neighbor_args_free(a);
	config_neighbor_args_free(b);
	config_set_free(set);
}

static void each_key_reaches_the_library(void **state)
{
	struct config_set *set = load(write_file("x.yaml",
		"neighbor:\n- {name: a, ifaces: ['e*', '!e1'], ethertype: 0x9999, id: 01-02 03, attributes: "
		"[7, "
		"0xff], hello_to: 01-80-c2-00-00-03, hello: 2s, keepalive: 50ms, dead: 150ms, retransmit: "
		"300ms, "
		"backoff: false, tries: 5, reassembly: 400ms, open_jitter: 500ms, announce: none, loopbacks: "
		"[lo, 'lo*'], link_local: true, primary: 10.0.0.1, labels_to_all: true, labels: [{prefix: "
		"10.0.0.0/8, labels: "
		"[16, "
		"17]}, {prefix: '2001:db8::/32', labels: [18]}], measure: 0, report_url: 'http://h/x', "
		"max_peers: 9, max_half_open: 8, max_prefixes: 7, receive_buffer: 5K}\n"
		"- {name: b, ifaces: [e0], dialect: l3dl, multi_link: true, bgp: {asn: 4200000000, address4: "
		"10.0.0.1/30, address6: '::1/64', gtsm: true}, key_file: /k, cert_file: /c, anchor_file: /a, "
		"trust: anchor, sign_keepalive: true, key_overlap: 6s, auth_failures: 4, state: /s, resume: "
		"5s, "
		"announce: all}\n"));
	struct config_neighbor_args *a = config_neighbor_open_args(&set->config->neighbor[0]),
				    *b = config_neighbor_open_args(&set->config->neighbor[1]);
	const struct lan_neighbor_config *x = &a->cfg, *y = &b->cfg;
	assert_true(x->n_ifaces == 2 && strcmp(x->ifaces[1], "!e1") == 0 && x->ethertype == 0x9999);
	assert_string_equal(x->id, "01-02 03");
	assert_true(x->n_attributes == 2 && x->attributes[0] == 7 && x->attributes[1] == 255);
	assert_string_equal(x->hello_to, "01-80-c2-00-00-03");
	assert_true(x->hello == LAN_SEC(2) && x->keepalive == LAN_MS(50) && x->dead == LAN_MS(150));
	assert_true(x->retransmit == LAN_MS(300) && x->no_backoff && x->tries == 5);
	assert_true(x->reassembly == LAN_MS(400) && x->open_jitter == LAN_MS(500));
	assert_true(x->announce == LAN_NEIGHBOR_ANNOUNCE_NONE && x->n_loopbacks == 2 && x->link_local);
	assert_string_equal(x->primary, "10.0.0.1");
	assert_true(x->n_labels == 2 && x->labels[0].n == 2 && x->labels[0].labels[1] == 17);
	assert_true(x->labels[1].n == 1 && x->labels[1].labels[0] == 18);
	assert_string_equal(x->labels[1].prefix, "2001:db8::/32");
	assert_true(x->vendor_to_all && !y->vendor_to_all && x->no_measure && x->receive_buffer == 5 << 10);
	assert_string_equal(x->report_url, "http://h/x");
	assert_true(x->max_peers == 9 && x->max_half_open == 8 && x->max_prefixes == 7);
	assert_true(y->multi_link && y->bgp.asn == 4200000000u && y->bgp.gtsm);
	assert_string_equal(y->bgp.address4, "10.0.0.1/30");
	assert_string_equal(y->bgp.address6, "::1/64");
	assert_true(strcmp(y->key_file, "/k") == 0 && strcmp(y->cert_file, "/c") == 0);
	assert_true(strcmp(y->anchor_file, "/a") == 0 && y->trust == LAN_NEIGHBOR_TRUST_ANCHOR);
	assert_true(y->sign_keepalive && y->key_overlap == LAN_SEC(6) && y->auth_failures == 4);
	assert_true(strcmp(y->state_dir, "/s") == 0 && y->resume == LAN_SEC(5));
	assert_true(y->announce == LAN_NEIGHBOR_ANNOUNCE_ALL);
	config_neighbor_args_free(a);
	config_neighbor_args_free(b);
	config_set_free(set);
}

static const char *const others[] = {"ethertype: 0x9000", "id: '01'", "attributes: ['1']",
	"hello_to: 'broadcast'", "hello: 2s", "keepalive: 2s", "dead: 2s", "retransmit: 2s", "backoff: false",
	"tries: 2", "reassembly: 2s", "open_jitter: 2s", "multi_link: true", "announce: all",
	"loopbacks: ['lo']", "link_local: true", "primary: '::1'",
	"labels:\n    - prefix: '::/0'\n      labels: ['1']",
	"bgp:\n      asn: 1\n      address4: '1.1.1.1/8'", "measure: 2s", "key_file: /k", "anchor_file: /a",
	"trust: tofu", "key_overlap: 2s", "auth_failures: 2", "state: /s", "resume: 2s",
	"report_url: http://h/", "max_peers: 99", "max_half_open: 2", "max_prefixes: 2",
	"receive_buffer: 8K"};

/* The first line of a key, as it is printed. */
static const char *head_of(const char *other)
{
	static char head[64];
	snprintf(head, sizeof head, "%.*s", (int)strcspn(other, "\n"), other);
	return head;
}

static void printed_neighbors_read_back_as_the_same_and_each_key_counts(void **state)
{
	struct config_set *a = load(write_file("x.yaml", L3DL "tries: 3\n")), *b;
	char text[512];
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char *one, *two;
		snprintf(text, sizeof text, "%s%s\n", L3DL, others[i]);
		b = load(write_file("y.yaml", text));
		if (config_entry_same(
			    config_neighbor_keys, &a->config->neighbor[0], &b->config->neighbor[0], SIZE_MAX))
			fail_msg("%s does not count", others[i]);
		one = config_yaml(b->config);
		config_set_free(b);
		b = load(write_file("y.yaml", one));
		two = config_yaml(b->config);
		assert_string_equal(one, two);
		if (!strstr(one, head_of(others[i])))
			fail_msg("%s is not in %s", others[i], one);
		free(one);
		free(two);
		config_set_free(b);
	}
	config_set_free(a);
}

/* Labels, attributes and BGP are compared to their last one. */
static void entries_that_differ_deep_inside_are_not_the_same(void **state)
{
	static const char *const pairs[][2] = {
		{"labels: [{prefix: '::/0', labels: [1, 2]}]", "labels: [{prefix: '::/0', labels: [1, 3]}]"},
		{"labels: [{prefix: '::/0', labels: [1]}]", "labels: [{prefix: '::/1', labels: [1]}]"},
		{"bgp: {asn: 1, address4: 1.1.1.1/8}", "bgp: {asn: 2, address4: 1.1.1.1/8}"},
		{"bgp: {asn: 1, address4: 1.1.1.1/8}", "bgp: {asn: 1, address4: 1.1.1.1/8, gtsm: true}"},
		{"attributes: [1, 2]", "attributes: [1, 2, 3]"}};
	char text[256];
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct config_set *set[3];
		for (size_t k = 0; k < 3; k++) {
			snprintf(text, sizeof text, "%s%s\n", L3DL, pairs[i][k / 2]);
			set[k] = load(write_file("x.yaml", text));
		}
		assert_true(config_entry_same(
			config_neighbor_keys, set[0]->config->neighbor, set[1]->config->neighbor, SIZE_MAX));
		assert_false(config_entry_same(
			config_neighbor_keys, set[0]->config->neighbor, set[2]->config->neighbor, SIZE_MAX));
		for (size_t k = 0; k < 3; k++)
			config_set_free(set[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_in_a_neighbor_is_named_where_it_is),
		cmocka_unit_test(entries_that_claim_the_same_frames_are_refused),
		cmocka_unit_test(two_files_cannot_claim_the_same_frames),
		cmocka_unit_test(defaults_are_those_of_the_dialect),
		cmocka_unit_test(each_key_reaches_the_library),
		cmocka_unit_test(printed_neighbors_read_back_as_the_same_and_each_key_counts),
		cmocka_unit_test(entries_that_differ_deep_inside_are_not_the_same),
	};
	return cmocka_run_group_tests_name("the configuration of neighbors", tests, make_dir, remove_dir);
}
