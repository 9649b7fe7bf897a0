/*
 * serpy_send.c - what the application hands to the core on its way out: modes and
 * the waits they bring, acknowledgements and their timeouts, full queues, and the
 * ways to end.
 */
#include "serpy_few.h"

static const struct serpy_config serpy1 = {.dialect = SERPY1, .server = true},
				 serpy2 = {.dialect = SERPY2, .server = true};

static enum lan_err send_value(int mode, struct serpy_value v)
{
	struct serpy_how how = {.mode = mode};
	const char *why = NULL;
	enum lan_err err = serpy_send(st.s, st.now, 1, &v, &how, NULL, &why);

	step_wants(&st);
	assert_true(!err || why);
	return err;
}

static void a_change_of_mode_is_waited_for(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	say(1, 0, "a");
	say(1, 2, "hello");
	say(1, 2, "hello");
	say(1, 0, "b");
	EXPECT_SENT(conn, "a\x1f" SETMODE("2"));
	step_wait(&st, LAN_SEC(50));
	EXPECT_SENT(conn, "");
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "Xk~0{Zv\x1fXk~0{Zv\x1f" SETMODE("0"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "b\x1f");
	assert_int_equal(status_of(1).out_mode, 0);
	assert_int_equal(step_count(&st, SERPY_C_tx_mode_changes), 2);
	assert_int_equal(step_count(&st, SERPY_C_tx_messages), 4);
	end();
}

static void a_server_that_used_modes_announces_even_mode_0_on_the_next_connections(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	say(1, 0, "no need yet");
	say(1, 2, "hello");
	EXPECT_SENT(conn, "no need yet\x1f" SETMODE("2"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	conn = step_open_as(&st, "192.0.2.7:49153"); /* perhaps the same client, which came back in mode 2 */
	expect(SERPY_UP);
	say(2, 0, "a");
	assert_int_equal(status_of(2).out_mode, 0);
	EXPECT_SENT(conn, SETMODE("0"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	say(2, 0, "b");
	EXPECT_SENT(conn, "a\x1f"
			  "b\x1f");
	end();
}

static void answers_are_not_held_up_by_a_mode_that_is_waited_for(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	say(1, 2, "x");
	EXPECT_SENT(conn, SETMODE("2"));
	FEED(conn, SETMODE("1") "m\x04\x1f");
	expect_message("m");
	expect_nothing();
	EXPECT_SENT(conn, ACKMODCG ACKEOT);
	end();
}

static void no_more_acknowledged_messages_are_under_way_than_the_window(void **state)
{
	struct serpy_config cfg = serpy1;

	cfg.window = 2;
	begin(cfg);
	uint32_t conn = up();
	for (int i = 0; i < 4; i++)
		assert_int_equal(say(1, 1, "m"), i + 1);
	EXPECT_SENT(conn, SETMODE("1"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "m\x04\x1fm\x04\x1f");
	assert_int_equal(status_of(1).unacked, 2);
	assert_int_equal(serpy_pending(st.s), 4);
	FEED(conn, ACKEOT);
	expect(SERPY_ACKED);
	assert_int_equal(ev.token, 1);
	EXPECT_SENT(conn, "m\x04\x1f");
	FEED(conn, ACKEOT ACKEOT);
	expect(SERPY_ACKED);
	assert_int_equal(ev.token, 2);
	expect(SERPY_ACKED);
	assert_int_equal(ev.token, 3);
	EXPECT_SENT(conn, "m\x04\x1f");
	FEED(conn, ACKEOT ACKEOT);
	expect(SERPY_ACKED);
	assert_int_equal(ev.token, 4);
	expect_nothing();
	assert_int_equal(serpy_pending(st.s), 0);
	assert_int_equal(step_count(&st, SERPY_C_rx_acks), 4);
	assert_int_equal(step_count(&st, SERPY_C_rx_stray_acks), 1);
	end();
}

static void a_late_acknowledgement_is_not_credited_to_the_next_message(void **state)
{
	uint64_t token;

	begin(serpy1);
	uint32_t conn = up();
	assert_int_equal(try_to_say(1, 1, "first", LAN_SEC(1), &token), LAN_OK);
	EXPECT_SENT(conn, SETMODE("1"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "first\x04\x1f");
	step_wait(&st, LAN_MS(900));
	expect_nothing();
	step_wait(&st, LAN_MS(1200));
	expect(SERPY_EXPIRED);
	assert_int_equal(ev.token, token);
	assert_int_equal(step_count(&st, SERPY_C_tx_expired), 1);
	assert_int_equal(say(1, 1, "second"), 2);
	EXPECT_SENT(conn, "second\x04\x1f");
	FEED(conn, ACKEOT); /* of the first */
	expect_nothing();
	FEED(conn, ACKEOT);
	expect(SERPY_ACKED);
	assert_int_equal(ev.token, 2);
	expect_nothing();
	end();
}

static void a_timeout_runs_while_the_mode_is_waited_for(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	assert_int_equal(try_to_say(1, 3, "m", LAN_MS(300), NULL), LAN_OK);
	EXPECT_SENT(conn, SETMODE("3"));
	step_wait(&st, LAN_MS(700));
	expect(SERPY_EXPIRED);
	expect_nothing();
	end();
}

static void a_full_queue_refuses_and_says_when_it_has_room(void **state)
{
	static char text[300];
	struct serpy_config cfg = serpy2;
	unsigned queued = 0;
	enum lan_err err;

	memset(text, 'x', sizeof text - 1);
	cfg.max_queue = 4000;
	begin(cfg);
	uint32_t conn = up();
	while ((err = try_to_say(1, 0, text, 0, NULL)) == LAN_OK)
		assert_true(++queued < 30);
	assert_int_equal(err, LAN_ERR_FULL);
	assert_true(queued >= 10);
	assert_int_equal(status_of(1).queued, queued);
	expect_nothing();
	size_t all = queued * (14 + strlen(text));
	assert_int_equal(step_take(&st, conn, NULL, all / 3), all / 3);
	expect_nothing();
	assert_int_equal(step_take(&st, conn, NULL, all / 3), all / 3);
	expect(SERPY_WRITABLE);
	assert_int_equal(ev.conn, 1);
	expect_nothing();
	assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_OK);
	end();
}

static void a_message_always_fits_into_an_empty_queue(void **state)
{
	static char text[20000];
	struct serpy_config cfg = serpy2;

	memset(text, 'x', sizeof text - 1);
	cfg.max_queue = 1000;
	begin(cfg);
	uint32_t conn = up();
	assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_OK);
	assert_int_equal(try_to_say(1, 0, "x", 0, NULL), LAN_ERR_FULL);
	assert_int_equal(step_take(&st, conn, NULL, 50000), 14 + sizeof text - 1);
	assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_OK);
	end();
}

static void policies_drop_the_oldest_or_the_newest_and_count_it(void **state)
{
	for (int policy = SERPY_FULL_DROP_OLD; policy <= SERPY_FULL_DROP_NEW; policy++) {
		struct serpy_config cfg = serpy1;
		char text[300];
		uint64_t lost = 0;
		memset(text, 'x', sizeof text);
		cfg.max_queue = 2000;
		cfg.full = (enum serpy_full)policy;
		begin(cfg);
		uint32_t conn = up();
		for (int i = 0; i < 20; i++) {
			sprintf(text + 200, "%02d", i);
			assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_OK);
		}
		while (step_pull(&st, &ev)) {
			assert_int_equal(ev.kind, SERPY_LOST);
			assert_true(ev.reason && *ev.reason);
			lost += ev.lost;
		}
		size_t n = step_take(&st, conn, taken, sizeof taken);
		assert_int_equal(n % 203, 0);
		assert_true(n <= 2300 && n >= 1500);
		assert_int_equal(lost, 20 - n / 203);
		assert_int_equal(step_count(&st, SERPY_C_tx_dropped), lost);
		for (size_t i = 0; i < n / 203; i++) {
			sprintf(text, "%02zu", policy == SERPY_FULL_DROP_NEW ? i : i + lost);
			assert_memory_equal(taken + 203 * i + 200, text, 2);
		}
		end();
	}
}

static void what_is_refused_drops_nothing_from_a_full_queue(void **state)
{
	for (int policy = SERPY_FULL_DROP_OLD; policy <= SERPY_FULL_DROP_NEW; policy++) {
		struct serpy_config cfg = serpy1;
		char text[300];
		memset(text, 'x', sizeof text - 1);
		text[sizeof text - 1] = 0;
		cfg.max_queue = 400;
		cfg.full = (enum serpy_full)policy;
		begin(cfg);
		uint32_t conn = up();
		say(1, 0, text);
		text[100] = 0x1f;
		assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_ERR_INVAL);
		assert_int_equal(step_count(&st, SERPY_C_tx_dropped), 0);
		assert_int_equal(step_take(&st, conn, taken, sizeof taken), 300);
		end();
	}
}

static void a_timeout_means_nothing_to_messages_that_nobody_acknowledges(void **state)
{
	begin(serpy1);
	up();
	assert_int_equal(try_to_say(1, 0, "never taken by the system", LAN_SEC(1), NULL), LAN_OK);
	step_wait(&st, LAN_SEC(5));
	expect_nothing();
	end();
}

static void the_message_that_is_being_sent_is_not_dropped(void **state)
{
	struct serpy_config cfg = serpy1;
	char text[500] = "";

	memset(text, 'y', sizeof text - 1);
	cfg.max_queue = 1000;
	cfg.full = SERPY_FULL_DROP_OLD;
	begin(cfg);
	uint32_t conn = up();
	say(1, 0, text);
	assert_int_equal(step_take(&st, conn, taken, 100), 100);
	for (int i = 0; i < 10; i++) {
		text[0] = (char)('0' + i);
		assert_int_equal(try_to_say(1, 0, text, 0, NULL), LAN_OK);
	}
	size_t n = step_take(&st, conn, taken, sizeof taken);
	assert_int_equal(taken[399], 0x1f); /* the rest of the first */
	assert_int_equal((n - 400) % 500, 0);
	assert_int_equal(taken[n - 500], '9');
	end();
}

static void what_the_wire_cannot_carry_is_refused(void **state)
{
	struct serpy_value v = {.type = SERPY_STR};
	static const struct {
		int mode;
		const char *text;
		size_t n;
		enum lan_err err;
	} cases[] = {{0, "", 0, LAN_ERR_INVAL}, {1, "", 0, LAN_OK}, {2, "", 0, LAN_ERR_INVAL},
		{3, "", 0, LAN_OK}, {0, "a\x1f", 2, LAN_ERR_INVAL}, {1, "a\x1f", 2, LAN_ERR_INVAL},
		{2, "a\x1f", 2, LAN_OK}, {0, "\x01z", 2, LAN_ERR_INVAL}, {1, "\x01z", 2, LAN_ERR_INVAL},
		{3, "\x01z", 2, LAN_OK}, {0, "z\x01", 2, LAN_OK}, {1, "z\x01", 2, LAN_OK},
		{0, "a\x04", 2, LAN_ERR_INVAL}, {0, "a\x04z", 3, LAN_OK}, {1, "a\x04", 2, LAN_ERR_INVAL},
		{3, "a\x04", 2, LAN_OK}, {0, "a\0b", 3, LAN_OK}, {0, "\xff", 1, LAN_ERR_UTF8},
		{-1, "a", 1, LAN_ERR_INVAL}, {6, "a", 1, LAN_ERR_INVAL},
		{0, "\xed\xa0\x80", 3, LAN_ERR_UTF8}};

	begin(serpy1);
	up();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		v.data = cases[i].text;
		v.len = cases[i].n;
		enum lan_err err = send_value(cases[i].mode, v);
		if (err != cases[i].err)
			fail_msg("case %zu: %s, not %s", i, lan_err_name(err), lan_err_name(cases[i].err));
	}
	v = (struct serpy_value){.type = (enum serpy_type)5, .data = "x", .len = 1};
	assert_int_equal(send_value(0, v), LAN_ERR_INVAL);
	v.type = (enum serpy_type)0;
	assert_int_equal(send_value(0, v), LAN_ERR_INVAL);
	assert_int_equal(try_to_say(9, 0, "x", 0, NULL), LAN_ERR_NOTFOUND);
	end();
	begin(serpy2);
	up();
	assert_int_equal(send_value(0, (struct serpy_value){.type = SERPY_OBJECT, .data = "N.", .len = 2}),
		LAN_ERR_NOTSUP);
	assert_int_equal(send_value(1, (struct serpy_value){.type = SERPY_INT}), LAN_ERR_INVAL);
	assert_int_equal(send_value(0, (struct serpy_value){.type = SERPY_STR, .data = "\xff", .len = 1}),
		LAN_ERR_UTF8);
	end();
}

static void a_message_over_the_limit_is_refused_and_one_at_it_is_not(void **state)
{
	static char text[3000];

	for (int d = 1; d <= 2; d++) {
		struct serpy_config cfg = d == 1 ? serpy1 : serpy2;
		cfg.max_message = 2000;
		memset(text, 'x', sizeof text);
		begin(cfg);
		up();
		struct serpy_value v = {.type = SERPY_BYTES, .data = text, .len = 2001};
		assert_int_equal(send_value(0, v), LAN_ERR_TOOBIG);
		v.len = 2000;
		assert_int_equal(send_value(0, v), LAN_OK);
		end();
	}
}

static void finish_sends_what_is_queued_and_then_ends_in_good_order(void **state)
{
	begin(serpy1);
	uint32_t conn = up();
	say(1, 0, "a");
	say(1, 1, "b");
	EXPECT_SENT(conn, "a\x1f" SETMODE("1"));
	assert_int_equal(serpy_finish(st.s, st.now, 1), LAN_OK);
	step_wants(&st);
	assert_true(status_of(1).closing);
	assert_false(closed(conn));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "b\x04\x1f");
	assert_false(closed(conn)); /* its acknowledgement is to come */
	FEED(conn, ACKEOT);
	expect(SERPY_ACKED);
	assert_true(closed(conn));
	assert_true(st.at[conn].finish);
	expect(SERPY_DOWN);
	expect_nothing();
	assert_int_equal(try_to_say(1, 0, "x", 0, NULL), LAN_ERR_NOTFOUND);
	end();
}

static void drop_ends_at_once(void **state)
{
	begin(serpy1);
	uint32_t a = up(), b = up();
	say(1, 0, "a");
	assert_int_equal(serpy_drop(st.s, st.now, 1), LAN_OK);
	assert_true(closed(a) && !closed(b));
	expect(SERPY_DOWN);
	assert_int_equal(ev.conn, 1);
	assert_int_equal(step_count(&st, SERPY_C_end_closed), 1);
	assert_int_equal(serpy_drop(st.s, st.now, 1), LAN_ERR_NOTFOUND);
	assert_int_equal(serpy_drop(st.s, st.now, 0), LAN_OK); /* all of them */
	assert_true(closed(b));
	end();
}

static void finish_of_all_ends_each_when_it_is_done(void **state)
{
	begin(serpy2);
	uint32_t a = up(), b = up();
	say(2, 0, "x");
	assert_int_equal(serpy_finish(st.s, st.now, 0), LAN_OK);
	assert_true(closed(a) && !closed(b));
	assert_int_equal(step_take(&st, b, NULL, 1000), 15);
	assert_true(closed(b) && st.at[b].finish);
	end();
}

static void an_end_may_ask_whether_the_other_is_lanyard(void **state)
{
	begin(serpy2);
	uint32_t conn = up();
	say(1, 0, "first");
	assert_int_equal(serpy_ask(st.s, st.now, 1), LAN_OK);
	assert_int_equal(serpy_ask(st.s, st.now, 1), LAN_ERR_AGAIN);
	assert_int_equal(try_to_say(1, 0, "x", 0, NULL), LAN_ERR_AGAIN);
	size_t n = step_take(&st, conn, taken, sizeof taken);
	assert_int_equal(n, 19 + 13);
	uint8_t question[13];
	memcpy(question, taken + 19, 13);
	end();

	begin(serpy2); /* the other end */
	conn = up();
	feed_frame(conn, 0x21, "first", 5);
	feed(conn, question, 13);
	expect_message("first");
	expect(SERPY_ASKED);
	assert_int_equal(ev.conn, 1);
	expect_nothing();
	feed_frame(conn, 0x21, "next", 4); /* the stream is in step */
	expect_message("next");
	assert_int_equal(step_count(&st, SERPY_C_rx_asked), 1);
	end();

	begin(serpy2);
	conn = up();
	assert_int_equal(serpy_ask(st.s, st.now, 1), LAN_OK);
	step_take(&st, conn, NULL, 100);
	feed_frame(conn, 0x21, "answer", 6);
	expect_message("answer");
	assert_int_equal(try_to_say(1, 0, "x", 0, NULL), LAN_OK);
	assert_int_equal(serpy_ask(st.s, st.now, 4), LAN_ERR_NOTFOUND);
	end();
	begin(serpy1);
	up();
	assert_int_equal(serpy_ask(st.s, st.now, 1), LAN_ERR_NOTSUP);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_of_mode_is_waited_for),
		cmocka_unit_test(a_server_that_used_modes_announces_even_mode_0_on_the_next_connections),
		cmocka_unit_test(answers_are_not_held_up_by_a_mode_that_is_waited_for),
		cmocka_unit_test(no_more_acknowledged_messages_are_under_way_than_the_window),
		cmocka_unit_test(a_late_acknowledgement_is_not_credited_to_the_next_message),
		cmocka_unit_test(a_timeout_runs_while_the_mode_is_waited_for),
		cmocka_unit_test(a_full_queue_refuses_and_says_when_it_has_room),
		cmocka_unit_test(a_message_always_fits_into_an_empty_queue),
		cmocka_unit_test(policies_drop_the_oldest_or_the_newest_and_count_it),
		cmocka_unit_test(what_is_refused_drops_nothing_from_a_full_queue),
		cmocka_unit_test(a_timeout_means_nothing_to_messages_that_nobody_acknowledges),
		cmocka_unit_test(the_message_that_is_being_sent_is_not_dropped),
		cmocka_unit_test(what_the_wire_cannot_carry_is_refused),
		cmocka_unit_test(a_message_over_the_limit_is_refused_and_one_at_it_is_not),
		cmocka_unit_test(finish_sends_what_is_queued_and_then_ends_in_good_order),
		cmocka_unit_test(drop_ends_at_once),
		cmocka_unit_test(finish_of_all_ends_each_when_it_is_done),
		cmocka_unit_test(an_end_may_ask_whether_the_other_is_lanyard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
