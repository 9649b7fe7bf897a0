/*
 * chan_group.c - the sealed group core, a few members on a wire of this file: no
 * network to speak of, only loss by a fixed pattern. What needs many seeds is in
 * the simulator; here stand the rules one can step by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "crypto/crypto.h"
#include "proto/channel/channel.h"

#define MAX 4

struct member {
	struct chan *c;
	bool deaf;
	unsigned loss; /* drops one in so many */
	size_t n;
	char said[4096][32];
	uint64_t seq[4096], lost;
	unsigned joined, left, lost_events, keys, writable;
};

struct world {
	lan_time now;
	uint64_t rng;
	struct lan_env env;
	struct chan_config cfg;
	struct member m[MAX];
	size_t n, wire_bytes, datagrams;
};

static uint64_t next_random(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	return w->rng ^= w->rng << 17;
}

static void entropy(void *ctx, void *buf, size_t n)
{
	uint8_t *to = buf;
	while (n--)
		*to++ = (uint8_t)(next_random(ctx) >> 24);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	assert_int_equal(lan_crypto_init(), LAN_OK);
	w->now = LAN_SEC(100);
	w->rng = 88172645463325252u;
	w->env = (struct lan_env){.ctx = w, .entropy = entropy};
	w->cfg = (struct chan_config){.channel = "239.1.2.3:5000",
		.keys = {.cipher = LAN_AEAD_AES256GCM,
			.n = 1,
			.key = {{.epoch = 1, .key = {1, 2, 3}, .accept_until = LAN_NEVER}}}};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->n; i++)
		chan_free(w->m[i].c);
	free(w);
	return 0;
}

static struct member *join(struct world *w)
{
	struct member *m = &w->m[w->n++];
	assert_int_equal(chan_new(&w->env, w->now, &w->cfg, &m->c), LAN_OK);
	return m;
}

static void note(struct member *m, const struct chan_event *ev)
{
	switch (ev->kind) {
	case CHAN_MESSAGE:
		assert_true(m->n < 4096);
		memcpy(m->said[m->n], ev->data, ev->len < 31 ? ev->len : 31);
		m->seq[m->n++] = ev->seq;
		break;
	case CHAN_JOINED:
		m->joined++;
		break;
	case CHAN_LEFT:
		m->left++;
		break;
	case CHAN_LOST:
		m->lost += ev->count;
		m->lost_events++;
		break;
	case CHAN_KEY:
		m->keys++;
		break;
	case CHAN_WRITABLE:
		m->writable++;
		break;
	case CHAN_IFACE:
	case CHAN_REFUSED:
		break;
	}
}

static void pull(struct member *m)
{
	struct chan_event ev;
	while (chan_event(m->c, &ev))
		note(m, &ev);
}

static bool carry(struct world *w, size_t from)
{
	uint8_t buf[2048], copy[2048];
	struct lan_from at = {.port = (uint16_t)(1000 + from)};
	size_t n = chan_ops.output(w->m[from].c, w->now, buf, sizeof buf);
	if (!n)
		return false;
	w->wire_bytes += n;
	w->datagrams++;
	for (size_t i = 0; i < w->n; i++) {
		if (i == from || w->m[i].deaf || (w->m[i].loss && next_random(w) % w->m[i].loss == 0))
			continue;
		memcpy(copy, buf, n);
		(void)chan_ops.input(w->m[i].c, w->now, &at, copy, n);
		pull(&w->m[i]);
	}
	return true;
}

static void settle(struct world *w)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < w->n; i++)
			while (carry(w, i))
				more = true;
	}
	for (size_t i = 0; i < w->n; i++)
		pull(&w->m[i]);
}

static void pass(struct world *w, lan_time t)
{
	lan_time end = w->now + t;
	settle(w);
	while (w->now < end) {
		lan_time next = end;
		for (size_t i = 0; i < w->n; i++) {
			lan_time d = chan_ops.deadline(w->m[i].c);
			next = d < next ? d : next;
		}
		w->now = next > w->now ? next : w->now + LAN_US(50);
		for (size_t i = 0; i < w->n; i++)
			chan_ops.tick(w->m[i].c, w->now);
		settle(w);
	}
}

static void say(struct world *w, struct member *m, unsigned n)
{
	char text[32];
	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(text, sizeof text, "message %u", i);
		assert_int_equal(chan_send(m->c, w->now, text, (size_t)len, NULL), LAN_OK);
	}
}

static void heard_all(const struct member *m, unsigned n)
{
	char text[32];
	assert_int_equal(m->n, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof text, "message %u", i);
		assert_string_equal(m->said[i], text);
	}
}

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
	assert_int_equal(b->lost_events, 1);
	for (size_t i = 1; i < b->n; i++)
		assert_int_equal(b->seq[i], 201 - 64 + i);
}

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
		cmocka_unit_test_setup_teardown(a_silent_member_never_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(
			with_flow_nothing_leaves_the_history_that_a_receiver_lacks, setup, teardown),
		cmocka_unit_test_setup_teardown(parity_mends_losses_without_a_request, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_of_any_size_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_application_that_does_not_pull_loses_nothing_in_the_reliable_mode, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			only_members_on_the_list_are_heard_and_nobody_speaks_for_another, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_full_queue_says_so_and_says_when_it_is_not, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
