/*
 * chan_life.c - members of a sealed channel come, restart and go: counters and marks,
 * epochs, signatures, newcomers, goodbyes.
 */
#include "chan_few.h"

static void a_newcomer_gets_the_last_messages_it_asks_for(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *a = join(w);
	pass(w, LAN_SEC(1));
	say(w, a, 100);
	pass(w, LAN_SEC(5));
	w->cfg.late = 7;
	struct member *b = join(w);
	w->cfg.late = 0;
	struct member *c = join(w);
	pass(w, LAN_SEC(2));
	assert_int_equal(b->n, 7);
	assert_int_equal(b->seq[0], 94);
	assert_int_equal(c->n, 0);
	say(w, a, 1);
	pass(w, LAN_SEC(1));
	assert_int_equal(b->n, 8);
	assert_int_equal(c->n, 1);
	assert_int_equal(b->lost + c->lost, 0);
}

static void a_restarted_sender_begins_anew_and_old_datagrams_stay_dead(void **state)
{
	struct world *w = *state;
	struct lan_from from = {.port = 1};
	uint8_t old[2048], copy[2048];
	w->cfg.sender = 77;
	w->cfg.counter = 1000;
	struct member *a = join(w);
	w->cfg.sender = 0;
	struct member *b = join(w);
	pass(w, LAN_MS(100));
	say(w, a, 1);
	size_t n = chan_ops.output(a->c, w->now, old, sizeof old);
	assert_true(n > 0);
	memcpy(copy, old, n);
	assert_int_equal(chan_ops.input(b->c, w->now, &from, copy, n), LAN_OK);
	memcpy(copy, old, n);
	assert_int_equal(chan_ops.input(b->c, w->now, &from, copy, n), LAN_ERR_PROTO);
	chan_free(a->c);
	w->cfg.sender = 77;
	w->cfg.counter = 2000;
	assert_int_equal(chan_new(&w->env, w->now, &w->cfg, &a->c), LAN_OK);
	say(w, a, 2);
	pass(w, LAN_MS(100));
	memcpy(copy, old, n);
	assert_int_equal(chan_ops.input(b->c, w->now, &from, copy, n), LAN_ERR_PROTO);
	assert_int_equal(b->n, 3);
	assert_int_equal(b->joined, 1);
}

static void marks_of_an_earlier_life_refuse_what_it_had_seen(void **state)
{
	struct world *w = *state;
	struct lan_from from = {.port = 1};
	uint8_t old[2048], copy[2048];
	struct member *a = join(w), *b = join(w);
	uint64_t sender, counter;
	say(w, a, 1);
	chan_ops.tick(a->c, w->now);
	(void)chan_ops.output(a->c, w->now, old, sizeof old);
	size_t n = chan_ops.output(a->c, w->now, old, sizeof old);
	memcpy(copy, old, n);
	assert_int_equal(chan_ops.input(b->c, w->now, &from, copy, n), LAN_OK);
	assert_true(chan_mark(b->c, 0, &sender, &counter));
	assert_false(chan_mark(b->c, 1, &sender, &counter));
	chan_free(b->c);
	assert_int_equal(chan_new(&w->env, w->now, &w->cfg, &b->c), LAN_OK);
	assert_int_equal(chan_mark_set(b->c, sender, counter), LAN_OK);
	memcpy(copy, old, n);
	assert_int_not_equal(chan_ops.input(b->c, w->now, &from, copy, n), LAN_OK);
	say(w, a, 1);
	pass(w, LAN_MS(100));
	assert_int_equal(b->n, 1);
}

static void no_counter_is_used_beyond_what_was_written_down(void **state)
{
	struct world *w = *state;
	uint8_t buf[2048];
	w->cfg.counter = 10;
	w->cfg.counter_limit = 13;
	struct member *a = join(w);
	say(w, a, 10);
	unsigned sent = 0;
	while (chan_ops.output(a->c, w->now, buf, sizeof buf))
		sent++;
	assert_int_equal(sent, 3);
	uint64_t limit = chan_counter_wanted(a->c);
	assert_true(limit > 13);
	chan_counter_reserved(a->c, limit);
	while (chan_ops.output(a->c, w->now, buf, sizeof buf))
		sent++;
	assert_int_equal(sent, 11);
}

static void epochs_change_without_a_loss_and_an_old_one_ends(void **state)
{
	struct world *w = *state;
	struct member *a = join(w), *b = join(w);
	struct chan_keys keys = w->cfg.keys;
	say(w, a, 1);
	pass(w, LAN_MS(100));
	keys.n = 2;
	keys.key[0].accept_until = w->now + LAN_SEC(5);
	keys.key[1] = (struct chan_key){
		.epoch = 2, .key = {9}, .send_after = w->now + LAN_SEC(2), .accept_until = LAN_NEVER};
	assert_int_equal(chan_rekey(a->c, w->now, &keys, &(struct chan_members){0}), LAN_OK);
	say(w, a, 1);
	pass(w, LAN_SEC(1));
	assert_int_equal(b->n, 2);
	assert_int_equal(chan_rekey(b->c, w->now, &keys, &(struct chan_members){0}), LAN_OK);
	pass(w, LAN_SEC(2));
	say(w, a, 1);
	pass(w, LAN_MS(100));
	assert_int_equal(b->n, 3);
	assert_int_equal(a->keys, 1);
	/* One who missed the rotation says something under the old key, which ended. */
	pass(w, LAN_SEC(5));
	struct member *c = join(w);
	say(w, c, 1);
	pass(w, LAN_SEC(2));
	assert_int_equal(b->n, 3);
	assert_true(chan_wants_keys(c->c));
	assert_false(chan_wants_keys(c->c));
}

static void goodbyes_and_silence_are_told(void **state)
{
	struct world *w = *state;
	struct member *a = join(w), *b = join(w), *c = join(w);
	pass(w, LAN_SEC(1));
	assert_int_equal(b->joined, 2);
	chan_leave(a->c, w->now);
	pass(w, LAN_MS(10));
	assert_int_equal(b->left, 1);
	assert_int_equal(chan_send(a->c, w->now, "x", 1, NULL), LAN_ERR_CLOSED);
	b->deaf = true;
	pass(w, LAN_SEC(10));
	assert_int_equal(b->left, 2);
	assert_int_equal(c->left, 1);
	b->deaf = false;
	pass(w, LAN_SEC(2));
	assert_int_equal(b->joined, 3);
}

static void a_sender_that_had_to_give_way_goes_on_where_it_was(void **state)
{
	struct world *w = *state;
	for (int mode = CHAN_BEST_EFFORT; mode <= CHAN_RELIABLE; mode++) {
		w->n = 0;
		memset(w->m, 0, sizeof w->m);
		w->cfg.mode = (enum chan_mode)mode;
		w->cfg.max_senders = 1;
		struct member *b = join(w);
		w->cfg.max_senders = 0;
		pass(w, LAN_MS(10));
		struct member *a = join(w);
		say(w, a, 5);
		pass(w, LAN_SEC(1));
		assert_int_equal(b->n, 5);
		b->deaf = true;
		pass(w, LAN_SEC(20));
		assert_int_equal(b->left, 1);
		b->deaf = false;
		a->mute = true;
		struct member *c = join(w);
		say(w, c, 1);
		pass(w, LAN_SEC(1));
		assert_int_equal(b->n, 6);
		c->mute = true;
		pass(w, LAN_SEC(20));
		a->mute = false;
		say(w, a, 2);
		pass(w, LAN_SEC(2));
		assert_int_equal(b->n, 8);
		assert_int_equal(b->seq[6], 6);
		assert_int_equal(b->lost, 0);
		for (size_t i = 0; i < w->n; i++)
			chan_free(w->m[i].c);
		w->n = 0;
	}
}

static void who_joins_is_told_by_name(void **state)
{
	struct world *w = *state;
	w->cfg.name = "pump 7";
	join(w);
	w->cfg.name = NULL;
	struct member *b = join(w);
	pass(w, LAN_MS(100));
	assert_int_equal(b->joined, 1);
	assert_string_equal(b->name, "pump 7");
}

static void a_silent_member_never_sends(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *a = join(w);
	w->cfg.silent = true;
	struct member *b = join(w);
	b->loss = 2;
	say(w, a, 50);
	pass(w, LAN_SEC(2));
	struct chan_status st;
	chan_status(b->c, &st);
	assert_int_equal(st.tx_datagrams, 0);
	assert_int_equal(a->joined, 0);
}

static void only_members_on_the_list_are_heard_and_nobody_speaks_for_another(void **state)
{
	struct world *w = *state;
	uint8_t pub[2][32], secret[2][64];
	for (int i = 0; i < 2; i++) {
		uint8_t seed[32] = {(uint8_t)(i + 1)};
		lan_sign_keypair(seed, pub[i], secret[i]);
	}
	w->cfg.identity = secret[0];
	struct member *a = join(w);
	w->cfg.identity = secret[1];
	struct member *b = join(w);
	w->cfg.identity = NULL;
	struct member *c = join(w);
	struct chan_member listed = {.name = "a"};
	memcpy(listed.public_key, pub[0], 32);
	w->cfg.members = (struct chan_members){.n = 1, .member = &listed};
	struct member *d = join(w);
	say(w, a, 1);
	say(w, b, 1);
	say(w, c, 1);
	pass(w, LAN_MS(200));
	assert_int_equal(c->n, 2);
	assert_int_equal(d->n, 1);
	assert_int_equal(d->joined, 1);
	assert_true(a->n == 2 && b->n == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_newcomer_gets_the_last_messages_it_asks_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_restarted_sender_begins_anew_and_old_datagrams_stay_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(
			marks_of_an_earlier_life_refuse_what_it_had_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_counter_is_used_beyond_what_was_written_down, setup, teardown),
		cmocka_unit_test_setup_teardown(
			epochs_change_without_a_loss_and_an_old_one_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(goodbyes_and_silence_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_sender_that_had_to_give_way_goes_on_where_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(who_joins_is_told_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silent_member_never_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(
			only_members_on_the_list_are_heard_and_nobody_speaks_for_another, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
