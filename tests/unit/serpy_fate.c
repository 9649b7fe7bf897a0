/*
 * serpy_fate.c - a client's connections come and go: what becomes of its
 * messages, what it says about them, and how it tries again.
 */
#include "serpy_few.h"

static const struct serpy_config client1 = {.dialect = SERPY1}, client2 = {.dialect = SERPY2};

/* The stream ends; what is told of it. The next one is up. */
static uint32_t again(uint32_t conn, struct serpy_event *lost)
{
	*lost = (struct serpy_event){0};
	step_lose(&st, conn, LAN_ERR_RESET);
	expect(SERPY_DOWN);
	while (step_pull(&st, &ev)) {
		assert_int_equal(ev.kind, SERPY_LOST);
		assert_int_equal(lost->kind, 0); /* once */
		*lost = ev;
	}
	if (!st.dial)
		step_wait(&st, LAN_SEC(6));
	assert_true(st.dial);
	conn = step_open(&st);
	expect(SERPY_UP);
	return conn;
}

static void what_was_cut_is_sent_again_and_what_was_sent_whole_is_counted(void **state)
{
	static const char *const texts[] = {"first", "2", "the third"};
	uint8_t all[200];
	size_t ends[3], n = 0;

	for (int i = 0; i < 3; i++)
		ends[i] = n += frame(all + n, 0x21, texts[i], strlen(texts[i]));
	for (size_t cut = 0; cut <= n; cut++) {
		struct serpy_event lost;
		unsigned whole = 0;
		while (whole < 3 && ends[whole] <= cut)
			whole++;
		begin(client2);
		uint32_t conn = up();
		for (int i = 0; i < 3; i++)
			say(0, 0, texts[i]);
		assert_int_equal(step_take(&st, conn, taken, cut), cut);
		assert_memory_equal(taken, all, cut);
		conn = again(conn, &lost);
		assert_int_equal(lost.lost, whole);
		assert_int_equal(lost.doubled, 0);
		assert_int_equal(step_count(&st, SERPY_C_tx_lost), whole);
		size_t from = whole ? ends[whole - 1] : 0;
		expect_sent(conn, all + from, n - from);
		assert_int_equal(status_of(0).lost, whole);
		end();
	}
}

static void modes_are_set_again_on_the_next_connection(void **state)
{
	struct serpy_event lost;

	begin(client1);
	uint32_t conn = up();
	say(0, 2, "hello");
	EXPECT_SENT(conn, SETMODE("2"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "Xk~0{Zv\x1f");
	say(0, 2, "hello");
	assert_int_equal(step_take(&st, conn, taken, 3), 3);
	conn = again(conn, &lost);
	assert_int_equal(lost.lost, 1);
	EXPECT_SENT(conn, SETMODE("2"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "Xk~0{Zv\x1f");
	end();
}

static void acknowledged_messages_are_lost_or_sent_again_as_configured(void **state)
{
	for (int resend = 0; resend < 2; resend++) {
		struct serpy_config cfg = client1;
		struct serpy_event lost;
		cfg.resend = resend;
		begin(cfg);
		uint32_t conn = up();
		for (int i = 0; i < 3; i++)
			say(0, 1, (const char *[]){"a", "b", "c"}[i]);
		EXPECT_SENT(conn, SETMODE("1"));
		FEED(conn, ACKMODCG);
		expect_nothing();
		EXPECT_SENT(conn, "a\x04\x1f"
				  "b\x04\x1f"
				  "c\x04\x1f");
		FEED(conn, ACKEOT);
		expect(SERPY_ACKED);
		conn = again(conn, &lost);
		assert_int_equal(lost.lost, resend ? 0 : 2);
		assert_int_equal(lost.doubled, resend ? 2 : 0);
		if (resend) {
			EXPECT_SENT(conn, SETMODE("1"));
			FEED(conn, ACKMODCG);
			expect_nothing();
			EXPECT_SENT(conn, "b\x04\x1f"
					  "c\x04\x1f");
			FEED(conn, ACKEOT ACKEOT);
			expect(SERPY_ACKED);
			assert_int_equal(ev.token, 2);
			expect(SERPY_ACKED);
			assert_int_equal(ev.token, 3);
			assert_int_equal(status_of(0).doubled, 2);
		} else {
			EXPECT_SENT(conn, "");
			assert_int_equal(serpy_pending(st.s), 0);
		}
		end();
	}
}

static void a_peer_that_answers_out_of_order_does_not_confuse_the_account(void **state)
{
	struct serpy_config cfg = client1;
	struct serpy_event lost;

	cfg.resend = true;
	begin(cfg);
	uint32_t conn = up();
	say(0, 1, "a");
	say(0, 0, "b");
	EXPECT_SENT(conn, SETMODE("1"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "a\x04\x1f" SETMODE("0"));
	FEED(conn, ACKMODCG); /* and where is the acknowledgement of a? */
	expect_nothing();
	again(conn, &lost);
	assert_int_equal(lost.lost, 0);
	assert_int_equal(lost.doubled, 1);
	end();
}

static void an_acknowledgement_that_came_but_was_not_pulled_counts(void **state)
{
	struct serpy_config cfg = client1;

	cfg.resend = true;
	begin(cfg);
	uint32_t conn = up();
	say(0, 1, "a");
	EXPECT_SENT(conn, SETMODE("1"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "a\x04\x1f");
	FEED(conn, "something\x1f" ACKEOT);
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect_message("something");
	expect(SERPY_ACKED);
	expect(SERPY_DOWN);
	expect_nothing();
	step_wait(&st, LAN_SEC(6));
	conn = up();
	EXPECT_SENT(conn, "");
	end();
}

static void what_was_confirmed_is_not_called_lost(void **state)
{
	struct serpy_config cfg = client1;
	struct serpy_event lost;

	cfg.confirm = LAN_SEC(1);
	begin(cfg);
	uint32_t conn = up();
	say(0, 0, "a");
	say(0, 0, "b");
	EXPECT_SENT(conn, "a\x1f"
			  "b\x1f");
	step_wait(&st, LAN_MS(1500));
	EXPECT_SENT(conn, SETMODE("0"));
	say(0, 0, "c");
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "c\x1f");
	assert_int_equal(step_count(&st, SERPY_C_tx_confirms), 1);
	conn = again(conn, &lost);
	assert_int_equal(lost.lost, 1); /* c alone */
	EXPECT_SENT(conn, "");
	step_wait(&st, LAN_SEC(10)); /* nothing was sent: nothing to ask about */
	EXPECT_SENT(conn, "");
	end();
}

static void a_mode_that_changes_confirms_what_came_before(void **state)
{
	struct serpy_event lost;

	begin(client1);
	uint32_t conn = up();
	say(0, 0, "a");
	say(0, 1, "b");
	EXPECT_SENT(conn, "a\x1f" SETMODE("1"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	EXPECT_SENT(conn, "b\x04\x1f");
	again(conn, &lost);
	assert_int_equal(lost.lost, 1); /* b; the answer came after a */
	end();
}

static void what_did_not_reach_the_peers_system_is_told(void **state)
{
	begin(client2);
	uint32_t conn = up();
	for (int i = 0; i < 3; i++)
		say(0, 0, "0123456789"); /* 24 bytes each */
	assert_int_equal(step_take(&st, conn, NULL, 1000), 72);
	serpy_ops.unreached(st.s, conn, 30); /* the last, and part of the second */
	step_lose(&st, conn, LAN_ERR_TIMEOUT);
	expect(SERPY_DOWN);
	assert_int_equal(ev.err, LAN_ERR_TIMEOUT);
	expect(SERPY_LOST);
	assert_int_equal(ev.lost, 3);
	assert_int_equal(ev.unreached, 2);
	end();
}

static void a_server_counts_what_was_never_sent_too(void **state)
{
	begin((struct serpy_config){.dialect = SERPY2, .server = true});
	uint32_t conn = up();
	for (int i = 0; i < 5; i++)
		say(1, 0, "x"); /* 15 bytes each */
	step_take(&st, conn, NULL, 32);
	feed_frame(conn, 0x21, "bye", 3);
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect_message("bye");
	expect(SERPY_DOWN);
	expect(SERPY_LOST);
	assert_int_equal(ev.conn, 1);
	assert_int_equal(ev.lost, 5);
	assert_int_equal(ev.doubled, 0);
	expect_nothing();
	assert_int_equal(step_count(&st, SERPY_C_tx_lost), 5);
	end();
}

static void a_connection_that_lost_nothing_says_nothing_of_it(void **state)
{
	struct serpy_event lost;

	begin(client1);
	uint32_t conn = up();
	FEED(conn, "hello\x1f");
	expect_message("hello");
	again(conn, &lost);
	assert_int_equal(lost.kind, 0);
	assert_int_equal(status_of(0).connects, 2);
	end();
}

static void messages_wait_for_the_first_connection(void **state)
{
	begin(client2);
	step_wants(&st);
	assert_true(st.dial);
	assert_int_equal(say(0, 0, "early"), 1);
	assert_int_equal(serpy_conns(st.s), 0);
	assert_int_equal(serpy_pending(st.s), 1);
	uint32_t conn = up();
	assert_int_equal(serpy_conns(st.s), 1);
	uint8_t want[19];
	expect_sent(conn, want, frame(want, 0x21, "early", 5));
	end();
}

static void a_client_that_is_held_stays_so_over_its_connections(void **state)
{
	begin(client1);
	uint32_t conn = up();
	assert_int_equal(serpy_hold(st.s, st.now, 0, true), LAN_OK);
	FEED(conn, "a\x1f");
	step_lose(&st, conn, LAN_ERR_RESET);
	expect_nothing();
	step_wait(&st, LAN_SEC(6));
	conn = step_open(&st);
	FEED(conn, "b\x1f");
	say(0, 0, "c");
	expect_nothing();
	assert_int_equal(serpy_hold(st.s, st.now, 0, false), LAN_OK);
	expect_message("a");
	expect(SERPY_DOWN);
	expect(SERPY_UP);
	expect_message("b");
	expect_nothing();
	EXPECT_SENT(conn, "c\x1f");
	end();
}

static void a_client_may_be_held_before_it_is_up(void **state)
{
	begin(client1);
	assert_int_equal(serpy_hold(st.s, st.now, 0, true), LAN_OK);
	step_open(&st);
	expect_nothing();
	assert_int_equal(serpy_hold(st.s, st.now, 0, false), LAN_OK);
	expect(SERPY_UP);
	end();
}

/* --- dialling ---------------------------------------------------------------------------- */

static void pauses_grow_to_their_limit_and_are_jittered(void **state)
{
	struct serpy_config cfg = client2;
	lan_time most = 0, longest = 0;
	bool differ = false;
	lan_time first[2] = {0};

	cfg.retry_min = LAN_MS(100);
	cfg.retry_max = LAN_SEC(2);
	for (int seed = 0; seed < 50; seed++) {
		begin(cfg);
		st.rng = (uint64_t)seed * 7919;
		step_wants(&st);
		for (uint32_t i = 1; i <= 12; i++) {
			lan_time bound =
				LAN_MS(100) << (i - 1) < LAN_SEC(2) ? LAN_MS(100) << (i - 1) : LAN_SEC(2);
			assert_true(st.dial);
			step_refuse(&st, LAN_ERR_REFUSED);
			assert_false(st.dial);
			expect(SERPY_RETRY);
			assert_int_equal(ev.attempts, i);
			assert_int_equal(ev.err, LAN_ERR_REFUSED);
			assert_true(ev.pause <= bound + bound / 2 && ev.pause <= LAN_SEC(3));
			assert_true(ev.pause >= bound / 4);
			lan_time at = serpy_ops.deadline(st.s);
			assert_int_equal(at, st.now + ev.pause);
			most = ev.pause > most ? ev.pause : most;
			longest += ev.pause;
			if (i == 1)
				first[seed & 1] = ev.pause;
			step_wait(&st, ev.pause);
		}
		differ |= seed && first[0] != first[1];
		end();
	}
	assert_true(differ);
	assert_true(most > LAN_SEC(1));
	assert_true(longest / 50 > LAN_SEC(5));
}

static void a_connection_that_held_begins_the_pauses_anew(void **state)
{
	begin(client2);
	step_wants(&st);
	for (int i = 0; i < 8; i++) {
		step_refuse(&st, LAN_ERR_REFUSED);
		expect(SERPY_RETRY);
		step_wait(&st, ev.pause);
	}
	uint32_t conn = up();
	step_wait(&st, LAN_SEC(60));
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect(SERPY_DOWN);
	step_wait(&st, LAN_MS(100));
	assert_true(st.dial);
	step_refuse(&st, LAN_ERR_REFUSED);
	expect(SERPY_RETRY);
	assert_int_equal(ev.attempts, 1);
	end();
}

static void a_server_that_closes_at_once_is_not_dialled_in_a_rush(void **state)
{
	begin(client2);
	lan_time start = st.now;
	for (int i = 0; i < 40; i++) {
		while (!st.dial) {
			step_wants(&st);
			if (!st.dial)
				step_wait(&st, LAN_MS(1));
		}
		step_lose(&st, step_open(&st), LAN_ERR_CLOSED);
		while (step_pull(&st, &ev))
			;
	}
	assert_true(st.now - start > LAN_SEC(10)); /* the original: 32 or 174 a second */
	end();
}

static void it_gives_up_after_so_many_attempts(void **state)
{
	struct serpy_config cfg = client2;

	cfg.retries = 3;
	begin(cfg);
	say(0, 0, "never");
	step_wants(&st);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_true(st.dial);
		step_refuse(&st, LAN_ERR_UNREACH);
		expect(i < 3 ? SERPY_RETRY : SERPY_GAVE_UP);
		assert_int_equal(ev.attempts, i);
		assert_int_equal(ev.err, LAN_ERR_UNREACH);
		step_wait(&st, LAN_SEC(10));
	}
	assert_false(st.dial);
	while (step_pull(&st, &ev)) {
		assert_int_equal(ev.kind, SERPY_LOST);
		assert_int_equal(ev.lost, 1);
	}
	step_wait(&st, LAN_SEC(100));
	assert_false(st.dial);
	end();
}

static void once_means_once(void **state)
{
	struct serpy_config cfg = client2;

	cfg.once = true;
	begin(cfg);
	step_wants(&st);
	step_refuse(&st, LAN_ERR_REFUSED);
	expect(SERPY_GAVE_UP);
	step_wait(&st, LAN_SEC(60));
	assert_false(st.dial);
	end();
	begin(cfg);
	uint32_t conn = up();
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect(SERPY_DOWN);
	step_wait(&st, LAN_SEC(60));
	assert_false(st.dial);
	end();
}

static void finish_ends_a_client_for_good_and_drop_does_not(void **state)
{
	begin(client2);
	uint32_t conn = up();
	assert_int_equal(serpy_drop(st.s, st.now, 0), LAN_OK);
	assert_true(closed(conn));
	expect(SERPY_DOWN);
	step_wait(&st, LAN_SEC(6));
	assert_true(st.dial);
	conn = up();
	say(0, 0, "last");
	assert_int_equal(serpy_finish(st.s, st.now, 0), LAN_OK);
	assert_false(closed(conn));
	assert_int_equal(step_take(&st, conn, NULL, 100), 18);
	assert_true(closed(conn) && st.at[conn].finish);
	expect(SERPY_DOWN);
	while (step_pull(&st, &ev))
		assert_int_not_equal(ev.kind, SERPY_LOST); /* the application wanted it so */
	step_wait(&st, LAN_SEC(60));
	assert_false(st.dial);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_cut_is_sent_again_and_what_was_sent_whole_is_counted),
		cmocka_unit_test(modes_are_set_again_on_the_next_connection),
		cmocka_unit_test(acknowledged_messages_are_lost_or_sent_again_as_configured),
		cmocka_unit_test(a_peer_that_answers_out_of_order_does_not_confuse_the_account),
		cmocka_unit_test(an_acknowledgement_that_came_but_was_not_pulled_counts),
		cmocka_unit_test(what_was_confirmed_is_not_called_lost),
		cmocka_unit_test(a_mode_that_changes_confirms_what_came_before),
		cmocka_unit_test(what_did_not_reach_the_peers_system_is_told),
		cmocka_unit_test(a_server_counts_what_was_never_sent_too),
		cmocka_unit_test(a_connection_that_lost_nothing_says_nothing_of_it),
		cmocka_unit_test(messages_wait_for_the_first_connection),
		cmocka_unit_test(a_client_that_is_held_stays_so_over_its_connections),
		cmocka_unit_test(a_client_may_be_held_before_it_is_up),
		cmocka_unit_test(pauses_grow_to_their_limit_and_are_jittered),
		cmocka_unit_test(a_connection_that_held_begins_the_pauses_anew),
		cmocka_unit_test(a_server_that_closes_at_once_is_not_dialled_in_a_rush),
		cmocka_unit_test(it_gives_up_after_so_many_attempts),
		cmocka_unit_test(once_means_once),
		cmocka_unit_test(finish_ends_a_client_for_good_and_drop_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
