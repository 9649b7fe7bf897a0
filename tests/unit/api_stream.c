/*
 * Unit tests of <lanyard/stream.h> with real sockets: what the layer above the
 * core adds. The core itself is stepped by hand in serpy_core.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <lanyard/stream.h>

static struct lan_loop *loop;
static struct lan_stream *server, *client;
static struct lan_stream_event last[LAN_STREAM_ASKED + 1]
				   [2]; /* the newest of each kind: [0] server, [1] client */
static unsigned seen[LAN_STREAM_ASKED + 1][2], released;
static char data[2][1 << 16];
static char json[256], reason[2][128];

static void take(struct lan_stream *s, int who)
{
	struct lan_stream_event ev;
	while (lan_stream_event(s, &ev)) {
		last[ev.kind][who] = ev;
		seen[ev.kind][who]++;
		if (ev.value.len && ev.value.len < sizeof data[0])
			memcpy(data[who], ev.value.data, ev.value.len + 1);
		if (ev.value.json)
			strncpy(json, ev.value.json, sizeof json - 1);
		if (ev.kind == LAN_STREAM_DOWN)
			strncpy(reason[who], ev.reason, sizeof reason[0] - 1);
	}
}

/* Turn the loop until so many events of a kind were seen at one end, at most 5 s. */
static void until(enum lan_stream_event_kind kind, int who, unsigned n)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (seen[kind][who] < n && lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(20));
		take(server, 0);
		if (client)
			take(client, 1);
	}
	assert_int_equal(seen[kind][who], n);
}

static void open_both(struct lan_stream_config cfg)
{
	cfg.address = "127.0.0.1:0";
	assert_int_equal(lan_stream_serve(loop, &cfg, &server), LAN_OK);
	cfg.address = lan_stream_address(server);
	assert_int_equal(lan_stream_connect(loop, &cfg, &client), LAN_OK);
	until(LAN_STREAM_UP, 0, 1);
	until(LAN_STREAM_UP, 1, 1);
}

static struct lan_stream_config config(enum lan_stream_dialect dialect)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	cfg.dialect = dialect;
	return cfg;
}

static int set_up(void **state)
{
	memset(seen, 0, sizeof seen);
	released = 0;
	server = client = NULL;
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	lan_stream_close(client);
	lan_stream_close(server);
	lan_loop_free(loop);
	return 0;
}

static void send_ok(struct lan_stream_value v, int mode)
{
	struct lan_stream_how how = LAN_STREAM_HOW_INIT;
	how.mode = mode;
	assert_int_equal(lan_stream_send(client, 0, &v, &how, NULL), LAN_OK);
}

static void values_keep_their_type(void **state)
{
	open_both(config(LAN_STREAM_SERPY2));
	send_ok(lan_stream_int(INT64_MIN), 0);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].value.type, LAN_STREAM_INT);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].value.integer, INT64_MIN);
	send_ok(lan_stream_float(-0.1), 0);
	until(LAN_STREAM_MESSAGE, 0, 2);
	assert_true(last[LAN_STREAM_MESSAGE][0].value.real == -0.1);
	send_ok(lan_stream_str("d\xc3\xa9j\xc3\xa0", 6), 0);
	until(LAN_STREAM_MESSAGE, 0, 3);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].value.type, LAN_STREAM_STR);
	assert_string_equal(data[0], "d\xc3\xa9j\xc3\xa0"); /* a NUL follows */
	send_ok(lan_stream_bytes("\0\1\2", 3), 0);
	until(LAN_STREAM_MESSAGE, 0, 4);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].value.len, 3);
	assert_memory_equal(data[0], "\0\1\2", 3);
}

static void text_and_numbers_in_modes_4_and_5_are_pickled_bytes(void **state)
{
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY1);
	cfg.objects = true;
	open_both(cfg);
	send_ok(lan_stream_str("hello", 5), 4);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].value.type, LAN_STREAM_OBJECT);
	assert_string_equal(json, "{\"base64\":\"aGVsbG8=\"}");
	send_ok(lan_stream_int(42), 5);
	until(LAN_STREAM_ACKED, 1, 1);
	assert_string_equal(json, "{\"base64\":\"NDI=\"}");
}

static void objects_are_json_at_both_ends(void **state)
{
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY1);
	struct lan_stream_value v = {.type = LAN_STREAM_OBJECT, .json = "{\"a\": [1, 2.5, null]}"};
	cfg.objects = true;
	open_both(cfg);
	send_ok(v, 0);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].mode, 4);
	assert_string_equal(json, "{\"a\":[1,2.5,null]}");
	v.json = "{broken";
	assert_int_equal(lan_stream_send(client, 0, &v, NULL, NULL), LAN_ERR_INVAL);
	assert_true(strlen(lan_stream_why()) > 10);
}

static void a_pickle_with_a_class_is_shown_and_not_executed(void **state)
{
	/* os.system('echo') as a reduction */
	static const char evil[] = "cposix\nsystem\n(S'echo'\ntR.";
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY1);
	struct lan_stream_value v = {.type = LAN_STREAM_OBJECT, .data = evil, .len = sizeof evil - 1};
	cfg.objects = true;
	open_both(cfg);
	send_ok(v, 4);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_non_null(strstr(json, "{\"opaque\":"));
	assert_non_null(strstr(json, "system"));
}

static void arrays_are_checked_sent_as_bytes_and_read_back(void **state)
{
	float in[6] = {0, 1, 2, 3, 4, 5}, out[6] = {0};
	uint64_t shape[2] = {2, 3}, wrong[2] = {2, 4}, huge[2] = {UINT64_MAX / 2, 8};
	struct lan_stream_value v = {.type = LAN_STREAM_ARRAY,
		.data = in,
		.len = sizeof in,
		.dtype = "float32",
		.shape = shape,
		.ndim = 2};
	open_both(config(LAN_STREAM_SERPY2));
	send_ok(v, 0);
	v.shape = wrong;
	assert_int_equal(lan_stream_send(client, 0, &v, NULL, NULL), LAN_ERR_INVAL);
	assert_string_equal(lan_stream_why(), "24 bytes are not the 32 of an array of this type and shape");
	v.shape = huge;
	assert_int_equal(lan_stream_send(client, 0, &v, NULL, NULL), LAN_ERR_INVAL);
	v.dtype = "float33";
	assert_int_equal(lan_stream_send(client, 0, &v, NULL, NULL), LAN_ERR_INVAL);
	until(LAN_STREAM_MESSAGE, 0, 1);
	struct lan_stream_value got = lan_stream_bytes(data[0], last[LAN_STREAM_MESSAGE][0].value.len);
	assert_int_equal(lan_stream_as_array(&got, "<f4", shape, 2, out, sizeof out), LAN_OK);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(lan_stream_as_array(&got, "<f4", wrong, 2, out, sizeof out), LAN_ERR_INVAL);
	assert_int_equal(lan_stream_as_array(&got, "<f4", shape, 2, out, 8), LAN_ERR_TOOBIG);
}

static void the_byte_order_of_an_array_is_turned(void **state)
{
	uint16_t out[2];
	uint64_t shape[1] = {2};
	bool swap;
	struct lan_stream_value v = lan_stream_bytes("\x01\x02\x03\x04", 4);
	assert_int_equal(lan_stream_dtype(">u2", &swap), 2);
	assert_true(swap);
	assert_int_equal(lan_stream_as_array(&v, ">u2", shape, 1, out, sizeof out), LAN_OK);
	assert_int_equal(out[0], 0x0102);
	assert_int_equal(out[1], 0x0304);
	assert_int_equal(lan_stream_dtype(">u1", &swap), 1);
	assert_false(swap);
	assert_int_equal(lan_stream_dtype("complex128", NULL), 16);
	assert_int_equal(lan_stream_dtype("O", NULL), 0);
}

static void release(void *ctx)
{
	released++;
}

static void lent_data_come_back_once_however_it_ends(void **state)
{
	static char big[1 << 20];
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY2);
	uint64_t token = 0;
	cfg.max_queue = 64u << 20;
	open_both(cfg);
	assert_int_equal(lan_stream_send_ref(client, 0, big, sizeof big, release, NULL, &token), LAN_OK);
	until(LAN_STREAM_SENT, 1, 1);
	assert_int_equal(last[LAN_STREAM_SENT][1].token, token);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_int_equal(released, 1);
	assert_int_equal(
		lan_stream_send_ref(client, 0, big, (16u << 20) + 1, release, NULL, NULL), LAN_ERR_TOOBIG);
	assert_int_equal(released, 1);
	/* More than the kernel takes: what is left comes back at the close. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			lan_stream_send_ref(client, 0, big, sizeof big, release, NULL, NULL), LAN_OK);
	assert_true(released < 21);
	lan_stream_close(client);
	client = NULL;
	assert_int_equal(released, 21);
}

static void a_reader_that_does_not_pull_stops_its_sender(void **state)
{
	static char block[60000];
	struct lan_stream_value v = lan_stream_bytes(block, sizeof block);
	struct lan_stream_event ev;
	unsigned sent = 0, got = 0;
	open_both(config(LAN_STREAM_SERPY2));
	for (int idle = 0; idle < 20; lan_loop_run(loop, LAN_MS(5)), idle++) {
		while (lan_stream_send(client, 0, &v, NULL, NULL) == LAN_OK) {
			sent++;
			idle = 0;
		}
		take(client, 1); /* the server pulls nothing */
		assert_true(sent < 2000);
	}
	lan_time end = lan_loop_now(loop) + LAN_SEC(10);
	while (got < sent && lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(20));
		take(client, 1);
		while (lan_stream_event(server, &ev))
			got += ev.kind == LAN_STREAM_MESSAGE && ev.value.len == sizeof block;
	}
	assert_int_equal(got, sent);
	assert_true(seen[LAN_STREAM_WRITABLE][1] > 0);
}

static void a_held_connection_waits_and_others_go_on(void **state)
{
	struct lan_stream *other;
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY2);
	struct lan_stream_status st;
	struct lan_stream_event ev;
	open_both(cfg);
	cfg.address = lan_stream_address(server);
	assert_int_equal(lan_stream_connect(loop, &cfg, &other), LAN_OK);
	until(LAN_STREAM_UP, 0, 2);
	assert_int_equal(lan_stream_hold(server, 1, true), LAN_OK);
	send_ok(lan_stream_str("held", 4), 0);
	struct lan_stream_value v = lan_stream_str("free", 4);
	assert_int_equal(lan_stream_send(other, 0, &v, NULL, NULL), LAN_OK);
	until(LAN_STREAM_MESSAGE, 0, 1);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].conn, 2);
	for (int i = 0; i < 10; i++)
		lan_loop_run(loop, LAN_MS(5));
	assert_int_equal(lan_stream_status(server, 1, &st), LAN_OK);
	assert_true(st.readable && st.held);
	assert_true(lan_stream_next(server, 1, &ev));
	assert_int_equal(ev.kind, LAN_STREAM_MESSAGE);
	assert_int_equal(ev.conn, 1);
	send_ok(lan_stream_str("more", 4), 0);
	assert_int_equal(lan_stream_hold(server, 1, false), LAN_OK);
	until(LAN_STREAM_MESSAGE, 0, 2);
	assert_string_equal(data[0], "more");
	lan_stream_close(other);
	until(LAN_STREAM_DOWN, 0, 1);
	assert_int_equal(lan_stream_status(server, 2, &st), LAN_ERR_NOTFOUND);
}

static void nobody_waits_for_room_on_a_broken_connection_although_it_is_held(void **state)
{
	static char block[60000];
	struct lan_stream_value v = lan_stream_bytes(block, sizeof block);
	enum lan_err e;
	open_both(config(LAN_STREAM_SERPY2));
	assert_int_equal(lan_stream_hold(server, 1, true), LAN_OK);
	for (int idle = 0; idle < 10; lan_loop_run(loop, LAN_MS(5)), idle++) { /* nobody pulls anything */
		while (lan_stream_send(client, 0, &v, NULL, NULL) == LAN_OK)
			idle = 0;
		while ((e = lan_stream_send(server, 1, &v, NULL, NULL)) == LAN_OK)
			idle = 0;
	}
	assert_int_equal(e, LAN_ERR_FULL);
	lan_stream_close(client);
	client = NULL;
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (e != LAN_ERR_NOTFOUND && lan_loop_now(loop) < end) {
		unsigned told = seen[LAN_STREAM_WRITABLE][0];
		lan_loop_run(loop, LAN_MS(20));
		take(server, 0);
		if (seen[LAN_STREAM_WRITABLE][0] > told) /* asking again on its own would find out, too */
			e = lan_stream_send(server, 1, &v, NULL, NULL);
	}
	assert_int_equal(e, LAN_ERR_NOTFOUND);
	assert_int_equal(seen[LAN_STREAM_DOWN][0], 0);
	assert_int_equal(lan_stream_hold(server, 1, false), LAN_OK);
	until(LAN_STREAM_DOWN, 0, 1);
	assert_true(seen[LAN_STREAM_MESSAGE][0] > 4); /* what had come is handed out before */
}

static void finishing_sends_all_then_ends_both_ends(void **state)
{
	open_both(config(LAN_STREAM_SERPY2));
	for (int i = 0; i < 100; i++)
		send_ok(lan_stream_int(i), 0);
	assert_int_equal(lan_stream_finish(client, 0), LAN_OK);
	struct lan_stream_value v = lan_stream_int(1);
	assert_int_not_equal(lan_stream_send(client, 0, &v, NULL, NULL), LAN_OK);
	until(LAN_STREAM_DOWN, 0, 1);
	until(LAN_STREAM_DOWN, 1, 1);
	assert_int_equal(seen[LAN_STREAM_MESSAGE][0], 100);
	assert_string_equal(reason[0], "closed by the peer");
	assert_string_equal(reason[1], "closed");
	assert_int_equal(seen[LAN_STREAM_LOST][1], 0);
	assert_int_equal(lan_stream_conns(server), 0);
}

static void a_client_comes_back_and_says_what_may_be_lost(void **state)
{
	open_both(config(LAN_STREAM_SERPY2));
	for (int i = 0; i < 3; i++)
		send_ok(lan_stream_int(i), 0);
	until(LAN_STREAM_MESSAGE, 0, 3);
	assert_int_equal(lan_stream_drop(server, 0), LAN_OK);
	until(LAN_STREAM_LOST, 1, 1);
	assert_int_equal(last[LAN_STREAM_LOST][1].lost, 3); /* the wire confirms nothing */
	assert_int_equal(last[LAN_STREAM_LOST][1].unreached, 0);
	until(LAN_STREAM_UP, 1, 2);
	assert_int_equal(last[LAN_STREAM_UP][1].connects, 2);
	send_ok(lan_stream_int(7), 0);
	until(LAN_STREAM_MESSAGE, 0, 4);
	assert_int_equal(last[LAN_STREAM_MESSAGE][0].conn, 2);
}

static void configurations_that_cannot_work_are_refused(void **state)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	cfg.address = "127.0.0.1:0";
	assert_int_equal(lan_stream_serve(loop, &cfg, &server), LAN_ERR_NOTSUP); /* no dialect */
	cfg.dialect = LAN_STREAM_SERPY1;
	cfg.encoding = "klingon";
	assert_int_equal(lan_stream_serve(loop, &cfg, &server), LAN_ERR_INVAL);
	cfg.encoding = NULL;
	cfg.dead_after = LAN_MS(10);
	assert_int_equal(lan_stream_serve(loop, &cfg, &server), LAN_ERR_INVAL);
	cfg.dead_after = 0;
	cfg.max_events = 1000;
	assert_int_equal(lan_stream_serve(loop, &cfg, &server), LAN_ERR_INVAL);
	cfg.max_events = 0;
	cfg.address = NULL;
	assert_int_equal(lan_stream_connect(loop, &cfg, &client), LAN_ERR_ADDR);
	assert_null(server);
	assert_null(client);
}

static void a_stopped_server_keeps_its_connections(void **state)
{
	struct lan_stream_config cfg = config(LAN_STREAM_SERPY2);
	struct lan_stream *late;
	struct lan_stream_event ev;
	char address[64];
	open_both(cfg);
	strcpy(address, lan_stream_address(server));
	lan_stream_stop(server);
	assert_string_equal(lan_stream_address(server), address);
	cfg.address = address;
	cfg.once = true;
	assert_int_equal(lan_stream_connect(loop, &cfg, &late), LAN_OK);
	while (!lan_stream_event(late, &ev))
		lan_loop_run(loop, LAN_SEC(5));
	assert_int_equal(ev.kind, LAN_STREAM_GAVE_UP);
	assert_int_equal(ev.err, LAN_ERR_REFUSED);
	lan_stream_close(late);
	send_ok(lan_stream_int(1), 0);
	until(LAN_STREAM_MESSAGE, 0, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(values_keep_their_type),
		T(text_and_numbers_in_modes_4_and_5_are_pickled_bytes),
		T(objects_are_json_at_both_ends),
		T(a_pickle_with_a_class_is_shown_and_not_executed),
		T(arrays_are_checked_sent_as_bytes_and_read_back),
		T(the_byte_order_of_an_array_is_turned),
		T(lent_data_come_back_once_however_it_ends),
		T(a_reader_that_does_not_pull_stops_its_sender),
		T(a_held_connection_waits_and_others_go_on),
		T(nobody_waits_for_room_on_a_broken_connection_although_it_is_held),
		T(finishing_sends_all_then_ends_both_ends),
		T(a_client_comes_back_and_says_what_may_be_lost),
		T(configurations_that_cannot_work_are_refused),
		T(a_stopped_server_keeps_its_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
