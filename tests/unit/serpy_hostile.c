/*
 * serpy_hostile.c - neighbours that lie, flood, stall and hog: each costs itself
 * its connection, with a reason, and nobody else anything. The core is on an
 * allocator that counts bytes.
 */
#include "oom_alloc.h"
#include "serpy_few.h"

static const struct serpy_config serpy1 = {.dialect = SERPY1, .server = true},
				 serpy2 = {.dialect = SERPY2, .server = true};

static uint8_t block[65536];

static void lying_lengths_cost_next_to_nothing(void **state)
{
	uint8_t f[14];

	for (int i = 0; i < 3; i++) {
		uint32_t len = (const uint32_t[]){0xffffffff, (16u << 20) + 1, 16u << 20}[i];
		begin(serpy2);
		uint32_t conn = up();
		frame(f, 0x81, NULL, 0);
		for (int k = 0; k < 4; k++)
			f[10 + k] = (uint8_t)(len >> 8 * k);
		oom_arm(0);
		uint64_t before = oom_bytes();
		step_feed(&st, conn, f, 14);
		while (step_pull(&st, &ev))
			assert_int_equal(ev.kind, SERPY_DOWN);
		assert_int_equal(step_count(&st, SERPY_C_end_too_long), i < 2);
		assert_int_equal(closed(conn), i < 2);
		if (i == 2)
			step_feed(&st, conn, block, 1000);
		assert_true(oom_peak() - before < 2 << 20);
		end();
	}
}

static void many_lying_lengths_together_cost_little(void **state)
{
	uint8_t f[14];
	uint32_t conn[STEP_STREAMS];
	uint32_t len = 16u << 20;

	begin(serpy2);
	frame(f, 0x81, NULL, 0);
	for (int k = 0; k < 4; k++)
		f[10 + k] = (uint8_t)(len >> 8 * k);
	oom_arm(0);
	uint64_t before = oom_bytes();
	for (int i = 0; i < STEP_STREAMS; i++) {
		conn[i] = up();
		feed(conn[i], f, 14);
		while (step_pull(&st, &ev))
			;
		feed(conn[i], block, 100);
		while (step_pull(&st, &ev))
			;
	}
	assert_int_equal(serpy_conns(st.s), STEP_STREAMS);
	assert_true(oom_peak() - before < 18 << 20); /* believed: sixteen of them, 1 MiB each */
	end();
}

static void who_holds_most_of_what_is_unfinished_is_ended(void **state)
{
	struct serpy_config cfg = serpy1;
	uint32_t conn[4];

	cfg.max_message = 1 << 20;
	cfg.max_partial = 3 << 20;
	memset(block, 'x', sizeof block);
	begin(cfg);
	for (int i = 0; i < 4; i++)
		conn[i] = up();
	for (size_t fed = 0; fed < 800 << 10; fed += sizeof block)
		for (int i = 0; i < 4; i++) { /* the last one is the hog: 3 times 700 K and all it can get */
			if (i < 3 && fed >= 700 << 10)
				continue;
			step_feed(&st, conn[i], block, sizeof block);
			while (step_pull(&st, &ev))
				assert_int_equal(ev.kind, SERPY_DOWN);
		}
	for (int i = 0; i < 16 && !closed(conn[3]); i++) {
		step_feed(&st, conn[3], block, sizeof block);
		while (step_pull(&st, &ev))
			;
	}
	assert_true(closed(conn[3]));
	assert_int_equal(
		step_count(&st, SERPY_C_end_partial_budget) + step_count(&st, SERPY_C_end_too_long), 1);
	for (int i = 0; i < 3; i++) {
		FEED(conn[i], "\x1f");
		expect(SERPY_MESSAGE);
		assert_int_equal(ev.conn, i + 1);
		assert_true(ev.value.len >= 700 << 10);
	}
	end();
}

static void the_budget_of_what_is_unfinished_holds(void **state)
{
	struct serpy_config cfg = serpy1;
	uint32_t conn[32];
	unsigned ended = 0;

	cfg.max_message = 1 << 20;
	cfg.max_partial = 3 << 20;
	memset(block, 'x', sizeof block);
	begin(cfg);
	uint64_t before = oom_bytes();
	for (int i = 0; i < 32; i++)
		conn[i] = up();
	oom_arm(0);
	for (int round = 0; round < 12; round++)
		for (int i = 0; i < 32; i++) {
			step_feed(&st, conn[i], block, sizeof block);
			while (step_pull(&st, &ev))
				ended += ev.kind == SERPY_DOWN;
		}
	assert_true(ended > 20);
	assert_int_equal(step_count(&st, SERPY_C_end_partial_budget), ended);
	assert_true(oom_peak() - before < 9 << 20);
	end();
}

static void blocks_and_messages_without_an_end_end_at_the_limit(void **state)
{
	static const char *const openings[] = {"", SETMODE("1"), SETMODE("2"), SETMODE("5")};

	memset(block, '0', sizeof block);
	for (int blocks = 0; blocks < 2; blocks++) /* of an acknowledged message: many blocks, no end */
		for (int i = 0; i < 4; i++) {
			struct serpy_config cfg = serpy1;
			if (blocks && i != 1 && i != 3)
				continue;
			cfg.max_message = 200000;
			begin(cfg);
			uint32_t conn = up();
			oom_arm(0);
			uint64_t before = oom_bytes();
			feed(conn, openings[i], strlen(openings[i]));
			size_t fed = 0;
			for (size_t n = 1; n && fed < 10 << 20 && !closed(conn); fed += n) {
				block[1000] = blocks ? 0x1f : '0';
				n = step_feed(&st, conn, block, sizeof block);
				while (step_pull(&st, &ev))
					assert_int_equal(ev.kind, SERPY_DOWN);
			}
			assert_true(closed(conn));
			assert_int_equal(step_count(&st, SERPY_C_end_too_long), 1);
			assert_true(fed <= 2 << 20);
			assert_true(oom_peak() - before < 3 << 20);
			end();
		}
}

static void silence_in_the_middle_of_a_message_ends_it_and_silence_between_does_not(void **state)
{
	for (int d = 1; d <= 2; d++) {
		begin(d == 1 ? serpy1 : serpy2);
		uint32_t a = up(), b = up(), c = up();
		feed(a, d == 1 ? "x" : "\xde", 1);
		expect_nothing();
		step_wait(&st, LAN_SEC(40));
		feed(c, d == 1 ? "x" : "\xde", 1);
		expect_nothing();
		step_wait(&st, LAN_SEC(40)); /* a: 80 s, c: 40 s, b: never anything */
		expect_down(SERPY_C_end_frame_timeout);
		assert_int_equal(ev.conn, 1);
		assert_int_equal(ev.cut, 1);
		assert_true(closed(a) && !closed(b) && !closed(c));
		feed(c, d == 1 ? "y" : "\xca", 1); /* slow, but alive */
		expect_nothing();
		step_wait(&st, LAN_SEC(40));
		assert_false(closed(c));
		step_wait(&st, LAN_SEC(1000));
		assert_true(closed(c) && !closed(b));
		end();
	}
}

static void nothing_is_heard_behind_garbage_whoever_closed_first(void **state)
{
	begin(serpy1);
	uint32_t a = up();
	FEED(a, "good\x1f" SETMODE("9") "bad\x1f");
	step_lose(&st, a, LAN_ERR_CLOSED);
	expect_message("good");
	expect(SERPY_DOWN);
	assert_int_equal(ev.cut, 4); /* behind the word that makes no sense */
	expect_nothing();
	end();
}

static void what_waits_to_be_pulled_is_not_a_stalled_message(void **state)
{
	begin(serpy1);
	uint32_t a = up();
	FEED(a, "whole\x1fpart");
	step_wait(&st, LAN_SEC(1000)); /* the application sleeps; it may well be read late */
	FEED(a, "ly\x1f");
	expect_message("whole");
	expect_message("partly");
	end();
}

static void questions_of_a_peer_that_does_not_read_answers_are_bounded(void **state)
{
	static char flood[60000];

	for (int acks = 0; acks < 2; acks++) {
		size_t n = 0, fed = 0;
		begin(serpy1);
		uint32_t conn = up();
		if (acks)
			FEED(conn, SETMODE("1"));
		while (n + 12 < sizeof flood)
			n += (size_t)sprintf(flood + n, "%s", acks ? "\x04\x1f" : SETMODE("1"));
		oom_arm(0);
		uint64_t before = oom_bytes();
		for (int i = 0; i < 400; i++) { /* 24 MB, and never is anything taken */
			fed += step_feed(&st, conn, flood, n);
			while (step_pull(&st, &ev))
				;
		}
		assert_true(oom_peak() - before < 2 << 20);
		assert_true(fed < 400 * n); /* it was not listened to any longer */
		end();
	}
}

static void unpulled_events_of_many_are_bounded(void **state)
{
	struct serpy_config cfg = serpy1;
	size_t fed = 0;

	cfg.max_events = 256 << 10;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = i % 50 ? 'x' : 0x1f;
	begin(cfg);
	oom_arm(0);
	uint64_t before = oom_bytes();
	for (int i = 0; i < STEP_STREAMS; i++) {
		uint32_t conn = step_open(&st);
		for (int k = 0; k < 40; k++)
			fed += step_feed(&st, conn, block, sizeof block);
	}
	assert_true(oom_peak() - before < 2 << 20);
	assert_true(fed < 2 << 20);
	unsigned pulls = 0;
	while (step_pull(&st, &ev))
		pulls++;
	assert_true(pulls > fed / 50 - STEP_STREAMS);
	end();
}

static void turned_away_connections_are_counted_and_told_within_bounds(void **state)
{
	struct serpy_config cfg = serpy1;
	uint32_t conn;
	unsigned told = 0;

	cfg.max_conns = 2;
	begin(cfg);
	up();
	uint32_t b = up();
	oom_arm(0);
	uint64_t before = oom_bytes();
	for (int i = 0; i < 100000; i++)
		assert_int_not_equal(serpy_ops.open(st.s, st.now, LAN_OK, "203.0.113.9:1", &conn), LAN_OK);
	assert_true(oom_peak() - before < 1 << 20);
	assert_int_equal(step_count(&st, SERPY_C_conns_full), 100000);
	while (step_pull(&st, &ev)) {
		assert_int_equal(ev.kind, SERPY_REFUSED);
		assert_string_equal(ev.peer, "203.0.113.9:1");
		assert_true(ev.reason && *ev.reason);
		told++;
	}
	assert_true(told > 0);
	assert_int_equal(told + step_count(&st, SERPY_C_events_dropped), 100000);
	step_lose(&st, b, LAN_ERR_CLOSED);
	expect(SERPY_DOWN);
	expect_nothing();
	up();
	end();
}

static void garbage_is_skipped_in_bounded_memory_and_told(void **state)
{
	struct serpy_config cfg = serpy2;
	uint64_t told = 0, fed = 0;

	cfg.resync = true;
	begin(cfg);
	uint32_t conn = up();
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = "\xde\xca\xfe\xca\xff"[i * i % 5];
	oom_arm(0);
	uint64_t before = oom_bytes();
	for (int i = 0; i < 20; i++) {
		feed(conn, block, sizeof block);
		fed += sizeof block;
		while (step_pull(&st, &ev)) {
			assert_int_equal(ev.kind, SERPY_DAMAGED);
			told += ev.bytes;
		}
	}
	assert_true(oom_peak() - before < 2 << 20);
	feed_frame(conn, 0x21, "found", 5);
	bool found = false;
	while (step_pull(&st, &ev)) {
		told += ev.kind == SERPY_DAMAGED ? ev.bytes : 0;
		found |= ev.kind == SERPY_MESSAGE;
	}
	assert_true(found);
	assert_int_equal(told, fed);
	assert_int_equal(step_count(&st, SERPY_C_rx_garbage_bytes), fed);
	end();
}

static void garbage_at_the_end_is_told_before_the_end(void **state)
{
	struct serpy_config cfg = serpy2;

	cfg.resync = true;
	begin(cfg);
	uint32_t conn = up();
	FEED(conn, "0123456789");
	expect_nothing();
	step_lose(&st, conn, LAN_ERR_CLOSED);
	expect(SERPY_DAMAGED);
	assert_string_equal(ev.reason, "garbage");
	assert_int_equal(ev.bytes, 10);
	expect(SERPY_DOWN);
	assert_int_equal(ev.cut, 0);
	end();
}

static void connections_that_come_and_go_leave_nothing_behind(void **state)
{
	for (int d = 1; d <= 2; d++) {
		int64_t blocks = 0;
		begin(d == 1 ? serpy1 : serpy2);
		uint64_t live = 0;
		for (int round = 0; round < 3000; round++) {
			uint32_t conn = up();
			if (d == 1)
				FEED(conn, SETMODE("1") "a\x1f"
							"b\x04\x1f"
							"half");
			else
				feed_frame(conn, 0x21, "text", 4);
			expect(SERPY_MESSAGE);
			uint64_t id = ev.conn;
			say(id, d == 1 ? 3 : 0, "answer");
			step_take(&st, conn, NULL, 20);
			if (round % 3 == 0)
				assert_int_equal(serpy_drop(st.s, st.now, id), LAN_OK);
			else
				step_lose(&st, conn, round % 3 == 1 ? LAN_ERR_CLOSED : LAN_ERR_RESET);
			step_wants(&st);
			while (step_pull(&st, &ev))
				;
			assert_int_equal(serpy_conns(st.s), 0);
			if (round == 100) {
				live = oom_bytes();
				blocks = oom_live();
			}
		}
		assert_true(oom_live() <= blocks + 4);
		assert_true(oom_bytes() <= live + 4096);
		end();
		assert_int_equal(oom_live(), 0);
	}
}

static void an_idle_connection_costs_less_than_700_bytes(void **state)
{
	struct serpy_config cfg = serpy1;
	uint32_t conn;

	for (int d = 1; d <= 2; d++) {
		cfg.dialect = (enum serpy_dialect)d;
		begin(cfg);
		uint64_t before = oom_bytes();
		for (int i = 0; i < 10000; i++) {
			assert_int_equal(
				serpy_ops.open(st.s, st.now, LAN_OK, "192.0.2.1:49152", &conn), LAN_OK);
			assert_true(serpy_event(st.s, st.now, &ev));
		}
		print_message(
			"# %llu bytes a connection\n", (unsigned long long)(oom_bytes() - before) / 10000);
		assert_true((oom_bytes() - before) / 10000 < 700);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lying_lengths_cost_next_to_nothing),
		cmocka_unit_test(many_lying_lengths_together_cost_little),
		cmocka_unit_test(who_holds_most_of_what_is_unfinished_is_ended),
		cmocka_unit_test(the_budget_of_what_is_unfinished_holds),
		cmocka_unit_test(blocks_and_messages_without_an_end_end_at_the_limit),
		cmocka_unit_test(silence_in_the_middle_of_a_message_ends_it_and_silence_between_does_not),
		cmocka_unit_test(nothing_is_heard_behind_garbage_whoever_closed_first),
		cmocka_unit_test(what_waits_to_be_pulled_is_not_a_stalled_message),
		cmocka_unit_test(questions_of_a_peer_that_does_not_read_answers_are_bounded),
		cmocka_unit_test(unpulled_events_of_many_are_bounded),
		cmocka_unit_test(turned_away_connections_are_counted_and_told_within_bounds),
		cmocka_unit_test(garbage_is_skipped_in_bounded_memory_and_told),
		cmocka_unit_test(garbage_at_the_end_is_told_before_the_end),
		cmocka_unit_test(connections_that_come_and_go_leave_nothing_behind),
		cmocka_unit_test(an_idle_connection_costs_less_than_700_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
