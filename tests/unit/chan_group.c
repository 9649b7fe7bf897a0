/*
 * chan_group.c - what is said on a sealed channel is heard: delivery in each mode, repair,
 * parity, flow, sizes, back-pressure.
 */
#include "chan_few.h"

static void what_one_says_the_others_hear(void **state)
{
	struct world *w = *state;
	struct member *a = join(w), *b = join(w), *c = join(w);
	say(w, a, 10);
	pass(w, LAN_SEC(1));
	heard_all(b, 10);
	heard_all(c, 10);
	assert_int_equal(b->joined, 2);
	assert_int_equal(a->n, 0);
}

static void reliable_members_get_everything_once_and_in_order_through_loss(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *a = join(w), *b = join(w), *c = join(w), *d = join(w);
	pass(w, LAN_SEC(1));
	b->loss = 3;
	c->loss = 5;
	d->loss = 4;
	a->loss = 4;
	say(w, a, 3000);
	pass(w, LAN_SEC(5));
	heard_all(b, 3000);
	heard_all(c, 3000);
	heard_all(d, 3000);
	assert_int_equal(b->lost + c->lost + d->lost, 0);
}

static void a_gap_in_order_is_waited_for_then_reported_with_its_exact_numbers(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_ORDERED;
	struct member *a = join(w), *b = join(w);
	pass(w, LAN_MS(100));
	say(w, a, 3);
	pass(w, LAN_MS(1));
	b->deaf = true;
	say(w, a, 4);
	pass(w, LAN_MS(1));
	b->deaf = false;
	say(w, a, 2);
	pass(w, LAN_MS(10));
	assert_int_equal(b->n, 3);
	assert_int_equal(b->lost, 0);
	pass(w, LAN_MS(20));
	assert_int_equal(b->n, 5);
	assert_int_equal(b->seq[3], 8);
	assert_int_equal(b->lost, 4);
	assert_string_equal(b->why, "gap");
	assert_int_equal(b->lost_events, 1);
}

static void what_is_lost_at_the_end_is_noticed_by_the_next_announcement(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *a = join(w), *b = join(w);
	pass(w, LAN_MS(100));
	b->deaf = true;
	say(w, a, 5);
	pass(w, LAN_MS(1));
	b->deaf = false;
	pass(w, LAN_MS(100));
	heard_all(b, 5);
}

static void what_left_the_history_is_reported_and_nothing_else(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.history = 64;
	struct member *a = join(w), *b = join(w);
	pass(w, LAN_MS(100));
	say(w, a, 1);
	pass(w, LAN_MS(100));
	b->deaf = true;
	say(w, a, 200);
	pass(w, LAN_MS(1));
	b->deaf = false;
	pass(w, LAN_SEC(3));
	assert_int_equal(b->n, 1 + 64);
	assert_int_equal(b->lost, 200 - 64);
	assert_string_equal(b->why, "history");
	assert_int_equal(b->lost_events, 1);
	for (size_t i = 1; i < b->n; i++)
		assert_int_equal(b->seq[i], 201 - 64 + i);
}

static void with_flow_nothing_leaves_the_history_that_a_receiver_lacks(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.history = 64;
	w->cfg.flow = true;
	struct member *a = join(w), *b = join(w), *c = join(w);
	pass(w, LAN_SEC(1));
	b->loss = 3;
	c->loss = 4;
	say(w, a, 2000);
	pass(w, LAN_SEC(20));
	heard_all(b, 2000);
	heard_all(c, 2000);
	assert_int_equal(chan_pending(a->c), 0);
}

static void a_new_sender_with_flow_learns_who_is_there_before_frames_leave_its_history(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.history = 64;
	w->cfg.flow = true;
	struct member *b = join(w), *c = join(w);
	pass(w, LAN_SEC(1));
	b->loss = 3;
	c->loss = 4;
	struct member *a = join(w);
	say(w, a, 2000);
	pass(w, LAN_SEC(20));
	heard_all(b, 2000);
	heard_all(c, 2000);
}

static void nobody_there_holds_a_new_sender_up_for_a_third_of_a_second_at_most(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.history = 64;
	w->cfg.flow = true;
	struct member *a = join(w);
	say(w, a, 200);
	pass(w, LAN_MS(250));
	assert_true(chan_pending(a->c) > 0);
	pass(w, LAN_MS(250));
	assert_int_equal(chan_pending(a->c), 0);
}

static void parity_mends_losses_without_a_request(void **state)
{
	struct world *w = *state;
	w->cfg.parity = 6;
	w->cfg.block = 8;
	struct member *a = join(w), *b = join(w);
	pass(w, LAN_MS(100));
	say(w, a, 8); /* the first parity opens the store */
	pass(w, LAN_MS(100));
	size_t had = b->n;
	b->loss = 5;
	say(w, a, 1000);
	pass(w, LAN_SEC(1));
	struct chan_status st;
	chan_status(b->c, &st);
	assert_int_equal(st.tx_feedback, 0);
	assert_true(b->n - had > 990);
	for (size_t i = had; i < b->n; i++)
		for (size_t k = i + 1; k < b->n && k < i + 20; k++)
			assert_true(b->seq[i] != b->seq[k]);
}

static void messages_of_any_size_arrive_whole(void **state)
{
	struct world *w = *state;
	static const size_t sizes[] = {0, 1, 1404, 1405, 1406, 5000, 100000, 1u << 20};
	uint8_t *big = malloc(1u << 20);
	for (int mode = CHAN_BEST_EFFORT; mode <= CHAN_RELIABLE; mode++) {
		w->cfg.mode = (enum chan_mode)mode;
		w->n = 0;
		struct member *a = join(w), *b = join(w);
		pass(w, LAN_MS(100));
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			struct chan_event ev;
			struct lan_from from = {.port = 1};
			uint8_t buf[2048];
			bool got = false;
			for (size_t k = 0; k < sizes[i]; k++)
				big[k] = (uint8_t)next_random(w);
			assert_int_equal(chan_send(a->c, w->now, big, sizes[i], NULL), LAN_OK);
			for (unsigned turn = 0; turn < 100 && !got; turn++) {
				for (size_t n; (n = chan_ops.output(a->c, w->now, buf, sizeof buf)) > 0;)
					assert_int_equal(chan_ops.input(b->c, w->now, &from, buf, n), LAN_OK);
				while (chan_event(b->c, &ev)) {
					if (ev.kind != CHAN_MESSAGE)
						continue;
					assert_int_equal(ev.len, sizes[i]);
					assert_memory_equal(ev.data, big, ev.len);
					got = true;
				}
				w->now += LAN_MS(20);
				chan_ops.tick(a->c, w->now);
			}
			assert_true(got);
		}
		assert_int_equal(chan_send(a->c, w->now, big, (1u << 20) + 1, NULL), LAN_ERR_TOOBIG);
		chan_free(a->c);
		chan_free(b->c);
		w->n = 0;
	}
	free(big);
}

static void an_application_that_does_not_pull_loses_nothing_in_the_reliable_mode(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.max_message = 4096;
	w->cfg.max_events = 1; /* the least there is */
	struct member *a = join(w), *b = join(w);
	pass(w, LAN_MS(100));
	static uint8_t data[4096];
	struct lan_from from = {.port = 1};
	struct chan_event ev;
	unsigned got = 0;
	for (unsigned i = 0; i < 100; i++) {
		data[0] = (uint8_t)i;
		assert_int_equal(chan_send(a->c, w->now, data, sizeof data, NULL), LAN_OK);
	}
	for (unsigned turn = 0; turn < 3000 && got < 100; turn++) {
		uint8_t buf[2048];
		for (size_t n; (n = chan_ops.output(a->c, w->now, buf, sizeof buf)) > 0;)
			if (chan_ops.open(b->c))
				(void)chan_ops.input(b->c, w->now, &from, buf, n);
		for (size_t n; (n = chan_ops.output(b->c, w->now, buf, sizeof buf)) > 0;)
			(void)chan_ops.input(a->c, w->now, &from, buf, n);
		if (turn % 10 == 0 && chan_event(b->c, &ev) && ev.kind == CHAN_MESSAGE) {
			assert_int_equal(ev.data[0], (uint8_t)got);
			got++;
		}
		w->now += LAN_MS(5);
		chan_ops.tick(a->c, w->now);
		chan_ops.tick(b->c, w->now);
	}
	assert_int_equal(got, 100);
	assert_int_equal(b->lost, 0);
}

static void a_full_queue_says_so_and_says_when_it_is_not(void **state)
{
	struct world *w = *state;
	w->cfg.max_queue = 4096;
	struct member *a = join(w);
	char data[1000] = {0};
	enum lan_err e = LAN_OK;
	unsigned n = 0;
	while (!(e = chan_send(a->c, w->now, data, sizeof data, NULL)))
		n++;
	assert_int_equal(e, LAN_ERR_FULL);
	assert_int_equal(n, 4);
	pass(w, LAN_MS(10));
	assert_int_equal(a->writable, 1);
	assert_int_equal(chan_pending(a->c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_one_says_the_others_hear, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reliable_members_get_everything_once_and_in_order_through_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_gap_in_order_is_waited_for_then_reported_with_its_exact_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_lost_at_the_end_is_noticed_by_the_next_announcement, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_left_the_history_is_reported_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(
			with_flow_nothing_leaves_the_history_that_a_receiver_lacks, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_new_sender_with_flow_learns_who_is_there_before_frames_leave_its_history, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			nobody_there_holds_a_new_sender_up_for_a_third_of_a_second_at_most, setup, teardown),
		cmocka_unit_test_setup_teardown(parity_mends_losses_without_a_request, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_of_any_size_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_application_that_does_not_pull_loses_nothing_in_the_reliable_mode, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_full_queue_says_so_and_says_when_it_is_not, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
