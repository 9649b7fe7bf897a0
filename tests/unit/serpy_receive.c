/*
 * serpy_receive.c - what the core makes of bytes that come in as they should:
 * however they are cut, in order, no faster than they are pulled.
 */
#include "serpy_few.h"

static const struct serpy_config serpy1 = {.dialect = SERPY1, .server = true},
				 serpy2 = {.dialect = SERPY2, .server = true};

static void a_message_may_be_cut_anywhere(void **state)
{
	static const char words[] =
		SETMODE("2") "Xk~0{Zv\x1f" SETMODE("1") "he\x1fllo\x04\x1f" SETMODE("0") "hello\x1f";
	uint8_t frames[200];
	size_t n = frame(frames, 0x21, "hello", 5);

	n += frame(frames + n, 0x81, "hello", 5);
	for (int dialect = 1; dialect <= 2; dialect++) {
		const uint8_t *p = dialect == 1 ? (const uint8_t *)words : frames;
		size_t all = dialect == 1 ? sizeof words - 1 : n;
		for (size_t cut = 0; cut <= all; cut++) {
			begin(dialect == 1 ? serpy1 : serpy2);
			uint32_t conn = up();
			unsigned got = 0;
			for (int half = 0; half < 2; half++) {
				feed(conn, half ? p + cut : p, half ? all - cut : cut);
				while (step_pull(&st, &ev)) {
					assert_int_equal(ev.kind, SERPY_MESSAGE);
					assert_int_equal(ev.value.len, 5);
					assert_memory_equal(ev.value.data, "hello", 5);
					got++;
				}
			}
			assert_int_equal(got, dialect == 1 ? 3 : 2);
			end();
		}
	}
}

static void many_messages_in_one_read_come_out_in_order(void **state)
{
	char text[4000];
	size_t n = 0;

	begin(serpy1);
	uint32_t conn = up();
	for (int i = 0; i < 500; i++)
		n += (size_t)sprintf(text + n, "m%d\x1f", i);
	feed(conn, text, n);
	for (int i = 0; i < 500; i++) {
		sprintf(text, "m%d", i);
		expect_message(text);
		assert_int_equal(ev.mode, 0);
		assert_int_equal(ev.conn, 1);
	}
	expect_nothing();
	assert_int_equal(step_count(&st, SERPY_C_rx_messages), 500);
	assert_int_equal(status_of(1).rx_messages, 500);
	assert_int_equal(status_of(1).rx_bytes, n);
	end();
}

static void texts_end_in_a_nul_and_leave_what_follows_alone(void **state)
{
	uint8_t f[40];
	size_t n = frame(f, 0x21, "one", 3);

	begin(serpy2);
	uint32_t conn = up();
	n += frame(f + n, 0x21, "two", 3);
	feed(conn, f, n);
	expect_message("one");
	assert_string_equal(ev.value.data, "one");
	assert_int_equal(ev.value.type, SERPY_STR);
	expect_message("two");
	assert_string_equal(ev.value.data, "two");
	end();
	begin(serpy1);
	conn = up();
	FEED(conn, "one\x1ftwo\x1f");
	expect_message("one");
	assert_string_equal(ev.value.data, "one");
	expect_message("two");
	assert_string_equal(ev.value.data, "two");
	end();
}

static void pulling_is_what_acknowledges(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	FEED(conn, SETMODE("1") "a\x04\x1f"
				"b\x04\x1f");
	size_t before = step_take(&st, conn, taken, sizeof taken);
	assert_true(before == 0 || (before == 10 && memcmp(taken, ACKMODCG, 10) == 0));
	expect_message("a");
	assert_int_equal(ev.mode, 1);
	if (before)
		EXPECT_SENT(conn, ACKEOT);
	else
		EXPECT_SENT(conn, ACKMODCG ACKEOT);
	expect_message("b");
	EXPECT_SENT(conn, ACKEOT);
	expect_nothing();
	EXPECT_SENT(conn, "");
	assert_int_equal(step_count(&st, SERPY_C_tx_acks), 2);
	assert_int_equal(status_of(1).in_mode, 1);
	end();
}

static void what_is_not_pulled_is_not_read(void **state)
{
	struct serpy_config cfg = serpy1;
	char text[64];
	unsigned said = 0, heard = 0;

	cfg.max_events = 256 << 10;
	begin(cfg);
	uint32_t conn = up();
	for (;; said++) { /* until a message is not taken whole */
		size_t n = (size_t)sprintf(text, "message number %u\x1f", said),
		       fed = step_feed(&st, conn, text, n);
		if (fed == n)
			continue;
		assert_true(st.at[conn].paused);
		assert_true(said * 16 < 2 * cfg.max_events);
		while (fed < n) { /* reading goes on after some pulls, and not without */
			assert_int_equal(step_feed(&st, conn, text + fed, n - fed), 0);
			bool paused = true;
			while (paused && heard <= said) {
				if (heard < said) {
					sprintf(text + 32, "message number %u", heard++);
					expect_message(text + 32);
				} else {
					expect_nothing();
					heard++;
				}
				paused = st.at[conn].paused;
			}
			heard -= heard > said;
			assert_false(paused);
			fed += step_feed(&st, conn, text + fed, n - fed);
		}
		said++;
		break;
	}
	while (heard < said) {
		sprintf(text, "message number %u", heard++);
		expect_message(text);
	}
	expect_nothing();
	end();
}

static void up_comes_first_and_down_after_all_that_was_said(void **state)
{
	begin(serpy1);
	uint32_t conn = step_open_as(&st, "198.51.100.1:5");
	FEED(conn, "a\x1f"
		   "b\x1f"
		   "c\x1fpart");
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect(SERPY_UP);
	assert_string_equal(ev.peer, "198.51.100.1:5");
	assert_int_equal(ev.conn, 1);
	expect_message("a");
	expect_message("b");
	expect_message("c");
	expect_down(SERPY_C_closed_by_peer);
	assert_int_equal(ev.err, LAN_ERR_CLOSED);
	assert_int_equal(ev.cut, 4);
	assert_string_equal(ev.peer, "198.51.100.1:5");
	assert_int_equal(step_count(&st, SERPY_C_rx_cut), 1);
	expect_nothing();
	assert_int_equal(serpy_conns(st.s), 0);
	end();
}

static void a_reset_delivers_what_had_come(void **state)
{
	begin(serpy2);
	uint32_t conn = up();
	feed_frame(conn, 0x21, "last words", 10);
	step_lose(&st, conn, LAN_ERR_RESET);
	expect_message("last words");
	expect(SERPY_DOWN);
	assert_int_equal(ev.err, LAN_ERR_RESET);
	assert_int_equal(ev.cut, 0);
	assert_int_equal(step_count(&st, SERPY_C_end_broken), 1);
	end();
}

static void a_number_of_the_driver_is_free_again_while_old_input_waits(void **state)
{
	begin(serpy1);
	uint32_t a = up(), b;
	FEED(a, "old\x1f");
	step_lose(&st, a, LAN_ERR_CLOSED);
	b = step_open(&st);
	FEED(b, "new\x1f");
	assert_true(serpy_next(st.s, st.now, 1, &ev));
	assert_int_equal(ev.kind, SERPY_MESSAGE);
	assert_memory_equal(ev.value.data, "old", 3);
	assert_true(serpy_next(st.s, st.now, 1, &ev));
	assert_int_equal(ev.kind, SERPY_DOWN);
	assert_false(serpy_next(st.s, st.now, 1, &ev));
	expect(SERPY_UP);
	assert_int_equal(ev.conn, 2);
	expect_message("new");
	assert_int_equal(ev.conn, 2);
	end();
}

static void a_held_connection_is_read_no_further_than_a_buffer_and_others_go_on(void **state)
{
	static char flood[400];
	size_t fed = 0, n;

	begin(serpy1);
	uint32_t a = up(), b = up();
	memset(flood, 'x', sizeof flood - 1);
	flood[sizeof flood - 1] = 0x1f;
	assert_int_equal(serpy_hold(st.s, st.now, 1, true), LAN_OK);
	assert_true(status_of(1).held);
	while ((n = step_feed(&st, a, flood, sizeof flood)) == sizeof flood)
		fed += n;
	assert_true(fed >= sizeof flood && fed < 1 << 20);
	FEED(b, "still here\x1f");
	expect_message("still here");
	expect_nothing();
	assert_true(serpy_next(st.s, st.now, 1, &ev)); /* one by one, if asked for */
	assert_int_equal(ev.kind, SERPY_MESSAGE);
	assert_int_equal(ev.value.len, sizeof flood - 1);
	expect_nothing();
	assert_int_equal(serpy_hold(st.s, st.now, 1, false), LAN_OK);
	step_wants(&st);
	for (size_t i = 1; i < fed / sizeof flood; i++)
		expect(SERPY_MESSAGE);
	expect_nothing();
	assert_int_equal(step_feed(&st, a, flood + n, sizeof flood - n), sizeof flood - n); /* read on */
	expect(SERPY_MESSAGE);
	assert_int_equal(serpy_hold(st.s, st.now, 3, true), LAN_ERR_NOTFOUND);
	end();
}

static void a_held_connection_tells_its_end_when_it_is_let_go(void **state)
{
	begin(serpy1);
	uint32_t a = up();
	assert_int_equal(serpy_hold(st.s, st.now, 1, true), LAN_OK);
	FEED(a, "x\x1f");
	step_lose(&st, a, LAN_ERR_CLOSED);
	expect_nothing();
	assert_int_equal(serpy_hold(st.s, st.now, 1, false), LAN_OK);
	expect_message("x");
	expect(SERPY_DOWN);
	end();
}

static void who_talks_much_does_not_silence_the_others(void **state)
{
	static char flood[60000];
	bool heard[3] = {false};

	begin(serpy1);
	uint32_t a = up(), b = up();
	for (size_t i = 0; i < sizeof flood; i += 2)
		memcpy(flood + i, "x\x1f", 2);
	feed(a, flood, sizeof flood);
	FEED(b, "y\x1f");
	for (int i = 0; i < 2000; i++) {
		expect(SERPY_MESSAGE);
		heard[ev.conn] = true;
	}
	assert_true(heard[1] && heard[2]);
	end();
}

static void modes_are_of_a_direction_and_begin_with_zero(void **state)
{
	begin(serpy1);
	uint32_t a = up();
	FEED(a, SETMODE("3") "VPaz\x04\x1f");
	expect_message("abc");
	assert_int_equal(ev.mode, 3);
	assert_int_equal(ev.value.type, SERPY_BYTES);
	assert_int_equal(status_of(1).out_mode, 0);
	say(1, 0, "plain");
	EXPECT_SENT(a, ACKMODCG ACKEOT "plain\x1f");
	uint32_t b = up();
	FEED(b, "VPaz\x1f");
	expect_message("VPaz");
	assert_int_equal(ev.mode, 0);
	end();
}

static void a_stale_client_is_freed_and_told_apart(void **state)
{
	begin(serpy1);
	uint32_t a = up();
	FEED(a, "half of a talk\x04\x1f"); /* it believes in mode 1 */
	expect_message("half of a talk");
	assert_true(ev.stale);
	EXPECT_SENT(a, ACKEOT);
	assert_int_equal(step_count(&st, SERPY_C_rx_stale), 1);
	FEED(a, SETMODE("0") "x\x04\x1f"); /* announced: text is text */
	expect_message("x\x04");
	assert_false(ev.stale);
	EXPECT_SENT(a, ACKMODCG);
	end();
}

static void what_the_core_sends_unannounced_is_never_taken_for_stale(void **state)
{
	static const char *const texts[] = {"x\x04", "\xd1\x8f" /* ends in 0x04 as UTF-16 */};

	for (int encoding = 0; encoding < 2; encoding++)
		for (int i = 0; i < 2; i++) {
			struct serpy_config cfg = {
				.dialect = SERPY1, .server = true, .encoding = encoding ? "utf-16" : "utf-8"};
			begin(cfg);
			uint32_t conn = up();
			enum lan_err err = try_to_say(1, 0, texts[i], 0, NULL);
			size_t n = step_take(&st, conn, taken, sizeof taken);
			end();
			assert_int_equal(err, !encoding && i == 0 ? LAN_ERR_INVAL : LAN_OK);
			if (err)
				continue;
			begin(cfg);
			conn = up();
			feed(conn, taken, n);
			expect(SERPY_MESSAGE);
			assert_int_equal(ev.value.len, n - 1);
			assert_false(ev.stale);
			end();
		}
}

static void the_newest_connections_status_is_what_is_there(void **state)
{
	struct serpy_status x;

	begin(serpy2);
	up();
	uint32_t b = up();
	feed_frame(b, 0x01, "\x05", 1);
	assert_int_equal(serpy_conns(st.s), 2);
	assert_true(serpy_conn(st.s, 1, &x));
	assert_int_equal(x.conn, 2);
	assert_true(x.up && x.readable);
	assert_false(serpy_conn(st.s, 2, &x));
	expect(SERPY_MESSAGE);
	assert_int_equal(ev.value.integer, 5);
	assert_false(status_of(2).readable);
	assert_int_equal(status_of(2).rx_messages, 1);
	assert_int_equal(status_of(1).rx_messages, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_may_be_cut_anywhere),
		cmocka_unit_test(many_messages_in_one_read_come_out_in_order),
		cmocka_unit_test(texts_end_in_a_nul_and_leave_what_follows_alone),
		cmocka_unit_test(pulling_is_what_acknowledges),
		cmocka_unit_test(what_is_not_pulled_is_not_read),
		cmocka_unit_test(up_comes_first_and_down_after_all_that_was_said),
		cmocka_unit_test(a_reset_delivers_what_had_come),
		cmocka_unit_test(a_number_of_the_driver_is_free_again_while_old_input_waits),
		cmocka_unit_test(a_held_connection_is_read_no_further_than_a_buffer_and_others_go_on),
		cmocka_unit_test(a_held_connection_tells_its_end_when_it_is_let_go),
		cmocka_unit_test(who_talks_much_does_not_silence_the_others),
		cmocka_unit_test(modes_are_of_a_direction_and_begin_with_zero),
		cmocka_unit_test(a_stale_client_is_freed_and_told_apart),
		cmocka_unit_test(what_the_core_sends_unannounced_is_never_taken_for_stale),
		cmocka_unit_test(the_newest_connections_status_is_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
