/*
 * Unit tests of the northbound report: its form against bodies the original
 * sent, and what a collector gets that fails, goes away and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>
#include "api/neighbor_report.h"
#include "http_server.h"

#define BODY_HEAD                                                                                   \
	"{\"my_switch_id\": \"00:00:00:00:00:00:00:00:00:0a\", \"session_pyid\": 139631254813776, " \
	"\"ifname\": "                                                                              \
	"\"vA\", \"peer_macaddr\": \"02:00:00:00:00:0b\", \"peer_switch_id\": "                     \
	"\"00:00:00:00:00:00:00:00:00:0b\", \"peer_attributes\": "
#define UNIQUE                                                                            \
	"\"unique\": [\"00:00:00:00:00:00:00:00:00:0a\", \"vA\", \"02:00:00:00:00:0b\", " \
	"\"00:00:00:00:00:00:00:"                                                         \
	"00:00:0b\", "

static const uint8_t MAC[6] = {2, 0, 0, 0, 0, 0x0b};
static const struct neighbor_report_session PEER = {.link = 3,
	.mac = {2, 0, 0, 0, 0, 0x0b},
	.ifname = "vA",
	.my_id = "00:00:00:00:00:00:00:00:00:0a",
	.peer_id = "00:00:00:00:00:00:00:00:00:0b",
	.session = 139631254813776};

static struct lan_loop *loop;
static struct http_server server;
static struct neighbor_report *report;
static struct lsoe_list heard[4]; /* of every peer */
static char path[32];
static int ready;

static const struct lsoe_list *on_heard(void *ctx, uint32_t link, const uint8_t mac[6], uint8_t type)
{
	return &heard[type - LSOE_IPV4];
}

static void on_ready(void *ctx)
{
	ready++;
}

static void open_report(const char *to)
{
	char url[100];
	const char *why = "";
	snprintf(path, sizeof path, "%s", to);
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, to);
	struct neighbor_report_config cfg = {.loop = loop, .url = url, .heard = on_heard, .ready = on_ready};
	assert_int_equal(neighbor_report_open(&cfg, &report, &why), LAN_OK);
}

static void add(
	uint8_t type, unsigned flags, const uint8_t *addr, uint8_t prefix, const uint8_t *labels, uint8_t n)
{
	struct lsoe_entry e = {
		.flags = flags, .addr = addr, .prefix = prefix, .labels = labels, .n_labels = n};
	assert_int_equal(lsoe_list_add(&heard[type - LSOE_IPV4], type, &e), LAN_OK);
}

static void close_report(void)
{
	neighbor_report_close(report);
	report = NULL;
}

static int set_up(void **state)
{
	http_start(&server, 0);
	ready = 0;
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	close_report();
	for (int i = 0; i < 4; i++)
		lsoe_list_fini(&heard[i]);
	lan_loop_free(loop);
	http_stop(&server);
	return 0;
}

static uint64_t counter(const char *want)
{
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; neighbor_report_counter(report, i, &name, &help, &value); i++)
		if (strcmp(name, want) == 0)
			return value;
	fail_msg("no counter %s", want);
	return 0;
}

static void run(lan_time time)
{
	lan_time end = lan_loop_now(loop) + time;
	while (lan_loop_now(loop) < end)
		lan_loop_run(loop, end - lan_loop_now(loop));
}

/* Run until the server has had n requests, and see that it gets no more. */
static void requests(int n)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(8);
	while (server.seen->requests < n && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(20));
	run(LAN_MS(120));
	assert_int_equal(server.seen->requests, n);
}

/* Request i was of this type, with or without entries, of this peer. */
static void request_is(int i, int type, bool empty, const char *peer)
{
	char want[32];
	snprintf(want, sizeof want, "\"pdu_type\": %d,", type);
	const char *body = server.seen->kept[i].body;
	if (!strstr(body, want) || !strstr(body, empty ? "\"encaps\": []" : "\"encaps\": [{") ||
		!strstr(body, peer))
		fail_msg("request %d is %s", i, body);
}

static bool event(bool *up)
{
	struct neighbor_report_event ev;
	if (!neighbor_report_event(report, &ev))
		return false;
	*up = ev.up;
	assert_true(ev.up ? ev.err == LAN_OK && !*ev.reason : ev.err != LAN_OK && *ev.reason);
	return true;
}

/* --- form --------------------------------------------------------------------------------------- */

static void bodies_are_the_originals_byte_for_byte(void **state)
{
	static const uint8_t lo6[16] = {[15] = 1}, global[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2},
			     local[16] = {0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 0x0b};
	char *text;
	size_t n;
	add(LSOE_IPV4, LSOE_F_LOOPBACK, (uint8_t[]){127, 0, 0, 1}, 8, NULL, 0);
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	text = neighbor_report_body(&PEER, LSOE_IPV4, &heard[0], &n);
	assert_string_equal(text, BODY_HEAD
		"[], \"pdu_type\": 4, \"pdu_name\": \"IPV4ENCAPSULATION\", \"encaps\": [{\"primary\": "
		"false, \"loopback\": true, \"ipaddr\": \"127.0.0.1\", \"prefixlen\": 8, \"labels\": "
		"null}, {\"primary\": false, \"loopback\": false, \"ipaddr\": \"10.0.0.2\", "
		"\"prefixlen\": 30, \"labels\": null}], " UNIQUE "\"IPV4ENCAPSULATION\"]}");
	assert_int_equal(n, 582); /* the Content-Length of the original's request */
	free(text);
	add(LSOE_IPV6, LSOE_F_LOOPBACK, lo6, 128, NULL, 0);
	add(LSOE_IPV6, 0, global, 64, NULL, 0);
	add(LSOE_IPV6, 0, local, 64, NULL, 0);
	text = neighbor_report_body(&PEER, LSOE_IPV6, &heard[1], &n);
	assert_int_equal(n, 682);
	assert_non_null(strstr(text, "\"ipaddr\": \"fe80::ff:fe00:b\", \"prefixlen\": 64"));
	free(text);
	text = neighbor_report_body(&PEER, LSOE_MPLS6, NULL, &n);
	assert_string_equal(text, BODY_HEAD "[], \"pdu_type\": 7, \"pdu_name\": \"MPLSIPV6ENCAPSULATION\", "
					    "\"encaps\": [], " UNIQUE "\"MPLSIPV6ENCAPSULATION\"]}");
	free(text);
}

static void labels_attributes_and_odd_names_are_json_too(void **state)
{
	struct neighbor_report_session s = PEER;
	size_t n;
	s.ifname = "e\"t\\h\t\xe9";
	s.attrs = (const uint8_t *)"\1\377";
	s.n_attrs = 2;
	add(LSOE_MPLS4, LSOE_F_PRIMARY, (uint8_t[]){192, 0, 2, 0}, 24,
		(uint8_t[]){0, 0x06, 0x40, 0xab, 0xcd, 0xe1}, 2);
	add(LSOE_MPLS4, 0, (uint8_t[]){192, 0, 3, 0}, 24, NULL, 0);
	char *text = neighbor_report_body(&s, LSOE_MPLS4, &heard[2], &n);
	assert_non_null(strstr(text, "\"ifname\": \"e\\\"t\\\\h\\u0009\\u00e9\", "));
	assert_non_null(strstr(text, "\"peer_attributes\": [1, 255], "));
	assert_non_null(strstr(text, "{\"primary\": true, \"loopback\": false, \"ipaddr\": \"192.0.2.0\", "
				     "\"prefixlen\": 24, \"labels\": [\"000640\", \"abcde1\"]}, "));
	assert_non_null(strstr(text, "\"prefixlen\": 24, \"labels\": []}], "));
	free(text);
}

/* --- what is reported -------------------------------------------------------------------------------- */

static void up_one(void)
{
	assert_int_equal(neighbor_report_up(report, &PEER), LAN_OK);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
}

static void a_session_is_reported_as_it_becomes_known_changes_and_ends(void **state)
{
	bool up;
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/ok");
	up_one();
	requests(1);
	request_is(0, 4, false, "02:00:00:00:00:0b");
	assert_true(event(&up) && up && !event(&up) && ready == 1);
	requests(
		4); /* a second later: those that stayed empty, for a collector that knows them from before */
	for (int i = 1; i < 4; i++)
		request_is(i, 4 + i, true, "0b");
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	requests(5);                                        /* once for both */
	neighbor_report_changed(report, 4, MAC, LSOE_IPV4); /* nobody */
	neighbor_report_down(report, 3, MAC);
	requests(5 + 4);
	for (int i = 0; i < 4; i++)
		request_is(5 + i, 4 + i, true, "0b");
	neighbor_report_down(report, 3, MAC);
	requests(9);
	assert_int_equal(counter("report_sent"), 9);
	assert_int_equal(server.seen->connections, 1);
}

static void a_change_while_one_is_under_way_is_said_after_it_once(void **state)
{
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/slow");
	up_one();
	run(LAN_MS(50));
	for (int i = 0; i < 100; i++)
		neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 9}, 30, NULL, 0);
	run(LAN_MS(700));
	assert_int_equal(server.seen->requests, 2);
	assert_null(strstr(server.seen->kept[0].body, "10.0.0.9"));
	assert_non_null(strstr(server.seen->kept[1].body, "10.0.0.9"));
}

static void a_session_that_restarts_at_once_is_not_withdrawn_after_it_is_announced(void **state)
{
	struct neighbor_report_session again = PEER;
	again.session++;
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/slow");
	up_one();
	run(LAN_MS(50));
	neighbor_report_down(report, 3, MAC);
	assert_int_equal(neighbor_report_up(report, &again), LAN_OK);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	requests(1 + 4);
	request_is(1, 4, false, "0b");
	for (int i = 2; i < 5; i++)
		request_is(i, 3 + i, true, "0b");
	unsigned long long first, second;
	const char *key = "\"session_pyid\": ";
	sscanf(strstr(server.seen->kept[0].body, key) + strlen(key), "%llu", &first);
	sscanf(strstr(server.seen->kept[1].body, key) + strlen(key), "%llu", &second);
	assert_int_equal(second, first + 1);
}

static void a_session_that_ends_and_is_resumed_in_one_turn_is_not_withdrawn(void **state)
{
	struct neighbor_report_session again = PEER;
	again.session++;
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/ok");
	up_one();
	requests(4);
	neighbor_report_down(report, 3, MAC);
	assert_int_equal(neighbor_report_up(report, &again), LAN_OK);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	requests(5);
	request_is(4, 4, false, "0b");
	requests(8); /* a second later, those that stayed empty */
}

static void another_id_behind_the_same_address_is_another_session_to_be_withdrawn(void **state)
{
	struct neighbor_report_session other = PEER;
	other.peer_id = "01";
	open_report("/ok");
	up_one();
	requests(1);
	neighbor_report_down(report, 3, MAC);
	assert_int_equal(neighbor_report_up(report, &other), LAN_OK);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	requests(1 + 4 + 1);
	for (int i = 1; i < 5; i++)
		request_is(i, 3 + i, true, "\"peer_switch_id\": \"00:");
	request_is(5, 4, true, "\"peer_switch_id\": \"01\"");
	other.ifname = "renamed"; /* the same link: both names are of one key here */
	neighbor_report_down(report, 3, MAC);
	assert_int_equal(neighbor_report_up(report, &other), LAN_OK);
	neighbor_report_changed(report, 3, MAC, LSOE_IPV4);
	requests(6 + 4 + 1);
	for (int i = 6; i < 10; i++)
		request_is(i, i - 2, true, "\"ifname\": \"vA\"");
	request_is(10, 4, true, "\"ifname\": \"renamed\"");
}

/* --- a collector that fails ---------------------------------------------------------------------------- */

static void a_hundred(void)
{
	for (int i = 0; i < 100; i++) {
		struct neighbor_report_session s = PEER;
		s.mac[4] = (uint8_t)(i >> 8), s.mac[5] = (uint8_t)i;
		assert_int_equal(neighbor_report_up(report, &s), LAN_OK);
		for (uint8_t type = LSOE_IPV4; type <= LSOE_MPLS6; type++)
			neighbor_report_changed(report, 3, s.mac, type);
	}
}

static void a_collector_that_was_away_gets_what_is_and_not_what_was(void **state)
{
	bool up;
	int port = server.port;
	open_report("/ok");
	http_stop(&server);
	a_hundred();
	run(LAN_MS(600));
	assert_true(event(&up) && !up && !event(&up));
	assert_true(counter("report_failed") >= 2 && counter("report_failed") <= 3); /* 0, 0.25, 0.75 s */
	for (int i = 1; i < 100; i++) /* gone before anybody heard of them */
		neighbor_report_down(report, 3, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)i});
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	http_start(&server, port);
	/* The one that was tried first may have been heard, so it is withdrawn if it is down. */
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (server.seen->requests < 4 && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(20));
	run(LAN_MS(200));
	assert_true(server.seen->requests >= 4 && server.seen->requests <= 4 + 3 * 4);
	int full = 0;
	for (int i = 0; i < server.seen->requests; i++)
		full += strstr(server.seen->kept[i].body, "\"encaps\": [{") != NULL;
	assert_int_equal(full, 1);
	assert_true(event(&up) && up && !event(&up));
	assert_int_equal(counter("report_resyncs"), 1);
}

static void a_collector_that_restarts_is_told_everything_again_at_once(void **state)
{
	int port = server.port;
	bool up;
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/ok");
	a_hundred();
	requests(400);
	neighbor_report_down(report, 3, (uint8_t[]){2, 0, 0, 0, 0, 7});
	requests(404);
	run(LAN_SEC(1));
	http_stop(&server); /* nothing changes at our side: the connection that ends is all there is to notice
			     */
	run(LAN_MS(100));
	assert_true(event(&up) && !up); /* the newest alone */
	assert_int_equal(counter("report_failed"), 1);
	neighbor_report_down(report, 3, (uint8_t[]){2, 0, 0, 0, 0, 9}); /* while it is away */
	http_start(&server, port);
	requests(99 * 4);
	int full = 0;
	for (int i = 0; i < server.seen->requests; i++) {
		const char *body = server.seen->kept[i].body;
		full += strstr(body, "\"encaps\": [{") != NULL;
		assert_null(strstr(body, "\"peer_macaddr\": \"02:00:00:00:00:07\""));
		if (strstr(body, "\"peer_macaddr\": \"02:00:00:00:00:09\""))
			assert_non_null(strstr(body, "\"encaps\": []"));
	}
	assert_int_equal(full, 98);
	assert_int_equal(counter("report_resyncs"), 1);
	assert_true(event(&up) && up);
}

static void a_server_that_closes_each_connection_is_no_collector_that_restarts(void **state)
{
	open_report("/close");
	up_one();
	requests(1);
	run(LAN_MS(700));
	assert_int_equal(server.seen->requests, 1);
	close_report();
	server.seen->requests = 0;
	open_report("/silent-close");
	up_one();
	run(LAN_MS(900)); /* asked by and by: after 0.25, 0.5 s */
	assert_true(server.seen->requests >= 2 && server.seen->requests <= 3);
	assert_int_equal(counter("report_resyncs"), 0);
	assert_int_equal(counter("report_failed"), 0);
}

static void a_list_the_collector_refuses_holds_up_no_other_and_is_not_sent_for_ever(void **state)
{
	bool up;
	open_report("/500");
	up_one();
	lan_time begin = lan_loop_now(loop);
	while (counter("report_dropped") == 0 && lan_loop_now(loop) - begin < LAN_SEC(5))
		lan_loop_run(loop, LAN_MS(20));
	assert_int_equal(counter("report_dropped"), 1);
	assert_true(lan_loop_now(loop) - begin >= LAN_MS(750)); /* 0, 0.25, 0.75 s */
	assert_true(event(&up) && !up && !event(&up));
	assert_int_equal(counter("report_resyncs"), 0);
	close_report();
	server.seen->requests = 0;
	open_report("/redirect"); /* not its fault: once is enough */
	up_one();
	requests(1);
	assert_int_equal(counter("report_refused"), 1);
	assert_int_equal(counter("report_dropped"), 1);
}

static void the_end_withdraws_all_within_its_time(void **state)
{
	add(LSOE_IPV4, 0, (uint8_t[]){10, 0, 0, 2}, 30, NULL, 0);
	open_report("/ok");
	a_hundred();
	run(LAN_MS(5));
	assert_int_equal(neighbor_report_up(report,
				 &(struct neighbor_report_session){
					 .link = 9, .ifname = "never", .my_id = "", .peer_id = ""}),
		LAN_OK);
	neighbor_report_flush(report, lan_loop_now(loop) + LAN_SEC(3));
	close_report();
	bool full[100][4] = {0}, known[100][4] = {0};
	for (int i = 0; i < server.seen->requests; i++) {
		const char *body = server.seen->kept[i].body,
			   *mac = strstr(body, "_macaddr\": \"02:00:00:00:00:");
		assert_non_null(mac);
		unsigned long m = strtoul(mac + 27, NULL, 16),
			      type = strtoul(strstr(body, "pdu_type\": ") + 11, NULL, 10);
		assert_true(m < 100 && type >= 4 && type <= 7);
		full[m][type - 4] = strstr(body, "\"encaps\": [{") != NULL;
		known[m][type - 4] = true;
	}
	assert_true(server.seen->requests >= 5 && server.seen->requests < 400);
	for (int m = 0; m < 100; m++)
		for (int type = 0; type < 4; type++)
			assert_true(!full[m][type] && known[m][type] == known[m][0]);
	assert_true(known[0][0]);
	open_report("/never");
	up_one();
	run(LAN_MS(20));
	lan_time begin = lan_loop_now(loop);
	neighbor_report_flush(report, begin + LAN_MS(300));
	assert_true(lan_loop_now(loop) - begin < LAN_MS(600));
	close_report();
	http_stop(&server);
	open_report("/ok"); /* refused: at once */
	up_one();
	run(LAN_MS(20));
	begin = lan_loop_now(loop);
	neighbor_report_flush(report, begin + LAN_SEC(3));
	assert_true(lan_loop_now(loop) - begin < LAN_MS(300));
	http_start(&server, 0);
}

static void only_urls_one_can_report_to_are_taken(void **state)
{
	struct neighbor_report_config cfg = {.loop = loop, .url = "kriek:8080", .heard = on_heard};
	struct neighbor_report *r = NULL;
	const char *why = "";
	assert_int_equal(neighbor_report_open(&cfg, &r, &why), LAN_ERR_INVAL);
	assert_non_null(strstr(why, "kriek:8080: not a URL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(bodies_are_the_originals_byte_for_byte),
		T(labels_attributes_and_odd_names_are_json_too),
		T(a_session_is_reported_as_it_becomes_known_changes_and_ends),
		T(a_change_while_one_is_under_way_is_said_after_it_once),
		T(a_session_that_restarts_at_once_is_not_withdrawn_after_it_is_announced),
		T(a_session_that_ends_and_is_resumed_in_one_turn_is_not_withdrawn),
		T(another_id_behind_the_same_address_is_another_session_to_be_withdrawn),
		T(a_collector_that_was_away_gets_what_is_and_not_what_was),
		T(a_collector_that_restarts_is_told_everything_again_at_once),
		T(a_server_that_closes_each_connection_is_no_collector_that_restarts),
		T(a_list_the_collector_refuses_holds_up_no_other_and_is_not_sent_for_ever),
		T(the_end_withdraws_all_within_its_time),
		T(only_urls_one_can_report_to_are_taken),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
