/*
 * chan_hostile.c - what a holder of the group key can do to the others, and what tables that
 * are too small do: frames made by hand, sealed with the true key under ids of this file's choice.
 */
#include "chan_few.h"
#include "proto/channel/seal.h"

struct villain {
	uint64_t sender, boot, counter;
};

/* Seal a frame as `v` and hand it to m. */
static enum lan_err strike(struct world *w, struct member *m, struct villain *v, const struct chan_frame *f)
{
	uint8_t id[CHAN_ID_SIZE], key[LAN_AEAD_KEY], prefix[16], frame[1500], buf[2048];
	struct chan_header h = {.epoch = 1, .sender = v->sender, .boot = v->boot, .counter = ++v->counter};
	struct lan_from from = {.port = 666};
	struct lan_aead *a;
	chan_id_of(w->cfg.channel, id);
	chan_instance_key(w->cfg.keys.cipher, w->cfg.keys.key[0].key, 1, id, v->sender, v->boot, key, prefix);
	assert_int_equal(lan_aead_new(w->cfg.keys.cipher, key, prefix, &a), LAN_OK);
	size_t n = chan_frame_encode(f, frame, sizeof frame);
	assert_true(n > 0);
	n = chan_seal(a, &h, id, NULL, frame, n, buf, sizeof buf);
	lan_aead_free(a);
	return chan_ops.input(m->c, w->now, &from, buf, n);
}

static struct chan_frame data(uint64_t seq, uint64_t msg, uint8_t block)
{
	struct chan_frame f = {.type = CHAN_F_DATA};
	f.u.data.block = block;
	f.u.data.seq = seq;
	f.u.data.msg = msg;
	f.u.data.total = 4;
	f.u.data.data = (const uint8_t *)"data";
	f.u.data.len = 4;
	return f;
}

static struct chan_frame presence(uint64_t highest, uint64_t next_msg, uint8_t block, uint32_t age)
{
	struct chan_frame f = {.type = CHAN_F_PRESENCE, .flags = CHAN_PRES_HISTORY};
	f.u.presence.mode = CHAN_RELIABLE;
	f.u.presence.block = block;
	f.u.presence.interval_ms = 1000;
	f.u.presence.age_ms = age;
	f.u.presence.members = 2;
	f.u.presence.highest = highest;
	f.u.presence.oldest = 1;
	f.u.presence.oldest_msg = 1;
	f.u.presence.next_msg = next_msg;
	f.u.presence.name = (const uint8_t *)"";
	return f;
}

static uint64_t counter_of(const struct chan *c, const char *which)
{
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; chan_counter(c, i, &name, &help, &value); i++)
		if (strcmp(name, which) == 0)
			return value;
	fail();
	return 0;
}

static void who_gave_way_to_others_and_comes_back_is_not_heard_twice(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.max_senders = 1;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0}, other = {6, 60, 0};
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	for (uint64_t i = 1; i <= 3; i++) {
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	pull(b);
	assert_int_equal(b->n, 3);
	pass(w, LAN_SEC(10)); /* silent: gone */
	f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &other, &f), LAN_OK); /* takes the only place */
	pass(w, LAN_SEC(10));
	f = presence(4, 5, 32, 20000); /* the same instance again; message 4 was said meanwhile */
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	for (uint64_t i = 1; i <= 5; i++) {
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	pull(b);
	assert_int_equal(b->n, 5);
	assert_int_equal(b->seq[3], 4);
	assert_int_equal(b->seq[4], 5);
	assert_int_equal(b->lost, 0);
}

static void what_waits_for_the_application_outlives_its_sender_in_the_table(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.max_senders = 1;
	w->cfg.max_message = 1000;
	w->cfg.max_events = 1;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0}, other = {6, 60, 0};
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	for (uint64_t i = 1; i <= 2000; i++) {
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	f = presence(2000, 2001, 32, 0);
	f.flags |= CHAN_PRES_LEAVING;
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	w->now += LAN_SEC(1);
	f = presence(0, 1, 32, 0);
	(void)strike(w, b, &other, &f);
	pull(b);
	assert_int_equal(b->n + b->lost, 2000);
}

static void an_eviction_reports_what_was_still_missing(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.max_senders = 1;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0}, other = {6, 60, 0};
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	f = data(3, 3, 32); /* 1 and 2 are missing */
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	pass(w, LAN_SEC(10)); /* gone, but not for so long that its gaps are given up */
	f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &other, &f), LAN_OK);
	pull(b);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->seq[0], 3);
	assert_int_equal(b->lost, 2);
}

static void messages_of_an_instance_that_never_announced_itself_are_not_dropped_in_silence(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0};
	for (uint64_t i = 1; i <= 3; i++) {
		struct chan_frame f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	pull(b);
	assert_int_equal(b->n, 0);
	a.boot++; /* it crashed before it was heard to announce itself */
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	pull(b);
	assert_int_equal(b->n, 3);
}

/* All marks of a long life must fit into the next one, those of the present before those long gone. */
static void marks_of_who_is_present_survive_a_restart_with_a_full_table_of_marks(void **state)
{
	struct world *w = *state;
	w->cfg.max_senders = 1;
	w->cfg.max_events = 1;
	struct member *b = join(w);
	uint64_t sender, counter;
	for (uint64_t i = 1; i <= 4097; i++) /* 4,096 long gone */
		assert_int_equal(chan_mark_set(b->c, 1000 + i, i), LAN_OK);
	struct villain a = {5, 50, 0};
	struct chan_frame f = data(1, 1, 32);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	struct chan *next;
	assert_int_equal(chan_new(&w->env, w->now, &w->cfg, &next), LAN_OK);
	for (size_t i = 0; chan_mark(b->c, i, &sender, &counter); i++)
		assert_int_equal(chan_mark_set(next, sender, counter), LAN_OK);
	chan_free(b->c);
	b->c = next;
	a.counter = 0; /* again the same datagram */
	assert_int_equal(strike(w, b, &a, &f), LAN_ERR_REFUSED);
	assert_int_equal(counter_of(b->c, "replay"), 1);
}

static void many_senders_with_a_long_history_are_all_heard(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.history = 65536;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	for (uint64_t i = 1; i <= 40; i++) {
		struct villain a = {i, 50, 0};
		struct chan_frame f = presence(0, 1, 32, 0);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
		f = data(1, 1, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	pull(b);
	assert_int_equal(b->n, 40);
	struct villain a = {41, 50, 0};
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	f = data(2, 2, 32); /* the first is missing, and will be asked for */
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	pass(w, LAN_MS(50));
	assert_true(counter_of(b->c, "asked") > 0);
	f = data(1, 1, 32);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	pull(b);
	assert_int_equal(b->n, 42);
}

static void who_fills_the_memory_with_a_gap_does_not_silence_the_others(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	w->cfg.max_partial = 200000;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0}, honest = {6, 60, 0};
	struct chan_frame f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	for (uint64_t i = 2; !counter_of(b->c, "memory"); i++) { /* the first never comes */
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	f = presence(0, 1, 32, 0);
	assert_int_equal(strike(w, b, &honest, &f), LAN_OK);
	for (uint64_t i = 1; i <= 100; i++) {
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &honest, &f), LAN_OK);
	}
	pull(b);
	assert_int_equal(b->n, 100);
}

/* A request the sender cannot follow, for it names no frame of the block, is nobody's request. */
static void a_request_for_nothing_hushes_nobody(void **state)
{
	struct world *w = *state;
	w->cfg.mode = CHAN_RELIABLE;
	struct member *b = join(w);
	w->now += LAN_SEC(1);
	struct villain a = {5, 50, 0}, liar = {6, 60, 0};
	struct chan_frame f = presence(0, 1, 32, 0), lie = {.type = CHAN_F_FEEDBACK};
	assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	lie.u.feedback.sender = a.sender;
	lie.u.feedback.boot = a.boot;
	lie.u.feedback.next = 1;
	lie.u.feedback.highest = 64;
	lie.u.feedback.n = 1;
	lie.u.feedback.entry[0] = (struct chan_entry){.first = 1, .missing = UINT64_MAX << 32, .need = 32};
	assert_int_equal(strike(w, b, &liar, &lie), LAN_OK);
	pass(w, LAN_SEC(1));
	for (uint64_t i = 2; i <= 40; i++) {
		f = data(i, i, 32);
		assert_int_equal(strike(w, b, &a, &f), LAN_OK);
	}
	assert_int_equal(strike(w, b, &liar, &lie), LAN_OK);
	assert_int_equal(counter_of(b->c, "hushed"), 0);
	lie.u.feedback.entry[0].missing = UINT32_MAX; /* this one will be followed */
	assert_int_equal(strike(w, b, &liar, &lie), LAN_OK);
	assert_int_equal(counter_of(b->c, "hushed"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_gave_way_to_others_and_comes_back_is_not_heard_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_waits_for_the_application_outlives_its_sender_in_the_table, setup, teardown),
		cmocka_unit_test_setup_teardown(an_eviction_reports_what_was_still_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			messages_of_an_instance_that_never_announced_itself_are_not_dropped_in_silence, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			marks_of_who_is_present_survive_a_restart_with_a_full_table_of_marks, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			many_senders_with_a_long_history_are_all_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_fills_the_memory_with_a_gap_does_not_silence_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_for_nothing_hushes_nobody, setup, teardown),
	};
	return cmocka_run_group_tests_name("what members can do to members", tests, NULL, NULL);
}
