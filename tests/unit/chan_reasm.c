/*
 * Unit tests of reasm.h: fragments in any order and repeatedly make the message,
 * what does not fit drops it, and whatever is thrown at it stays within bytes
 * and count, with every message that was given up reported once. The
 * allocator counts and can be told to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "oom_alloc.h"
#include "proto/channel/reasm.h"

#define PATIENCE LAN_MS(500)

static uint8_t body[1 << 20];
static uint64_t rng = 88172645463325252u;

static uint64_t next_random(void)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return rng;
}

static struct chan_reasm *new_reasm(uint32_t bytes, uint32_t count)
{
	struct chan_reasm *r = NULL;
	assert_int_equal(chan_reasm_new(bytes, count, PATIENCE, &r), LAN_OK);
	return r;
}

static struct chan_fragment piece(uint64_t owner, uint64_t msg, uint32_t offset, size_t len, uint32_t total)
{
	return (struct chan_fragment){owner, msg, offset, total, body + offset % sizeof body, len};
}

static enum lan_err add(struct chan_reasm *r, lan_time now, struct chan_fragment f, bool *whole)
{
	const uint8_t *at = NULL;
	enum lan_err e = chan_reasm_add(r, now, &f, &at);
	*whole = at;
	if (at)
		assert_memory_equal(at, body, f.total);
	return e;
}

/* Add what is expected to leave the message unfinished. */
static void part(struct chan_reasm *r, lan_time now, struct chan_fragment f)
{
	bool whole;
	assert_int_equal(add(r, now, f, &whole), LAN_OK);
	assert_false(whole);
}

static void expect(struct chan_reasm *r, struct chan_fragment f, enum lan_err e, bool done)
{
	bool whole;
	assert_int_equal(add(r, 0, f, &whole), e);
	assert_int_equal(whole, done);
}

static void shuffle(uint32_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = next_random() % i;
		uint32_t t = v[i - 1];
		v[i - 1] = v[j], v[j] = t;
	}
}

static void fragments_in_any_order_and_repeatedly_make_the_message(void **state)
{
	static const uint32_t sizes[] = {1, 2, 7, 63, 64, 65, 100, 1000, 1433};
	uint32_t order[2000];
	for (uint32_t total = 2; total < 2000; total += total / 3 + 1)
		for (size_t s = 0; s < 9; s++) {
			struct chan_reasm *r = new_reasm(4096, 2);
			uint32_t size = sizes[s], n = (total + size - 1) / size;
			for (uint32_t i = 0; i < n; i++)
				order[i] = i;
			shuffle(order, n);
			for (uint32_t i = 0; i < n; i++) {
				uint32_t at = order[i] * size, len = total - at < size ? total - at : size;
				expect(r, piece(1, 1, at, len, total), LAN_OK, i + 1 == n);
				if (i + 1 < n)
					expect(r, piece(1, 1, at, len, total), LAN_ERR_EXISTS, false);
			}
			assert_int_equal(chan_reasm_bytes(r), 0);
			assert_true(chan_reasm_deadline(r) == LAN_NEVER);
			chan_reasm_free(r);
		}
	assert_int_equal(oom_live(), 0);
}

static void messages_of_many_senders_do_not_mix(void **state)
{
	struct chan_reasm *r = new_reasm(1 << 20, 1000);
	uint8_t pattern[100];
	for (uint32_t at = 0; at < 100; at += 10)
		for (uint64_t k = 0; k < 900; k++) {
			memset(pattern, (int)(k + at), sizeof pattern);
			struct chan_fragment f = {k % 30, k / 30 + 1, at, 100, pattern, 10};
			const uint8_t *whole = NULL;
			assert_int_equal(chan_reasm_add(r, 0, &f, &whole), LAN_OK);
			assert_int_equal(whole != NULL, at == 90);
			for (uint32_t i = 0; whole && i < 100; i++)
				assert_int_equal(whole[i], (uint8_t)(k + i / 10 * 10));
		}
	assert_int_equal(chan_reasm_bytes(r), 0);
	chan_reasm_free(r);
}

static void what_does_not_fit_drops_the_message(void **state)
{
	struct chan_reasm *r = new_reasm(4096, 4);
	const struct chan_fragment bad[] = {
		piece(1, 1, 100, 100, 1001), /* another total */
		piece(1, 1, 99, 2, 1000),    /* overlaps at its end */
		piece(1, 1, 199, 2, 1000),   /* and at its begin */
		piece(1, 1, 50, 500, 1000),  /* and all around */
		piece(1, 1, 900, 101, 1000), /* beyond the end */
		piece(1, 1, UINT32_MAX, 100, 1000),
		piece(1, 1, 0, 1001, 1000),
		piece(1, 1, 0, 0, 1000),
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		part(r, 0, piece(1, 1, 100, 100, 1000));
		expect(r, bad[i], LAN_ERR_PROTO, false);
		assert_int_equal(chan_reasm_bytes(r), 0);
		expect(r, piece(1, 1, 120, 50, 1000), LAN_OK, false); /* it begins anew */
		expect(r, piece(1, 1, 130, 40, 1000), LAN_ERR_EXISTS, false);
		chan_reasm_drop(r, 1, 1);
	}
	expect(r, piece(1, 2, 0, 0, 0), LAN_ERR_PROTO, false);
	expect(r, piece(1, 2, 5, 6, 10), LAN_ERR_PROTO, false);
	expect(r, piece(1, 2, 5, 11, 10), LAN_ERR_PROTO, false);
	assert_int_equal(chan_reasm_bytes(r), 0);
	uint64_t owner, msg;
	assert_false(chan_reasm_gone(r, 0, &owner, &msg));
	chan_reasm_free(r);
}

static void a_message_larger_than_all_memory_is_refused_and_one_as_large_is_not(void **state)
{
	struct chan_reasm *r = new_reasm(1000, 4);
	part(r, 0, piece(1, 1, 0, 1, 10));
	expect(r, piece(1, 2, 0, 1, 1001), LAN_ERR_TOOBIG, false);
	assert_int_equal(chan_reasm_bytes(r), 10);
	expect(r, piece(1, 3, 0, 999, 1000), LAN_OK, false);
	assert_int_equal(chan_reasm_bytes(r), 1000);
	expect(r, piece(1, 3, 999, 1, 1000), LAN_OK, true);
	chan_reasm_free(r);
}

static void bombs_stay_within_bytes_and_count_and_each_message_is_reported_once(void **state)
{
	static uint8_t state_of[200001]; /* 1 unfinished, 2 reported */
	struct chan_reasm *r = new_reasm(100000, 50);
	uint64_t owner, msg, open = 0;
	memset(state_of, 0, sizeof state_of);
	for (uint64_t m = 1; m <= 200000; m++) {
		uint32_t total = (uint32_t)(2 + next_random() % (next_random() % 2 ? 30000 : 100));
		part(r, m, piece(m % 7, m, (uint32_t)(next_random() % total), 1, total));
		state_of[m] = 1;
		open++;
		while (chan_reasm_gone(r, m, &owner, &msg)) {
			assert_int_equal(owner, msg % 7);
			assert_int_equal(state_of[msg], 1);
			state_of[msg] = 2;
			open--;
		}
		assert_true(chan_reasm_bytes(r) <= 100000);
		assert_true(open <= 50);
		assert_true(oom_live() <= 2 * 50 + 1);
	}
	while (chan_reasm_gone(r, LAN_SEC(10), &owner, &msg)) {
		assert_int_equal(state_of[msg], 1);
		state_of[msg] = 2;
	}
	for (uint64_t m = 1; m <= 200000; m++)
		assert_int_equal(state_of[m], 2);
	assert_int_equal(chan_reasm_bytes(r), 0);
	chan_reasm_free(r);
}

static void reports_nobody_asks_for_are_bounded_too(void **state)
{
	struct chan_reasm *r = new_reasm(100000, 50);
	uint64_t owner, msg, n = 0;
	for (uint64_t m = 1; m <= 5000; m++)
		part(r, m, piece(1, m, 0, 1, 10));
	assert_true(oom_live() <= 3 * 50 + 1);
	while (chan_reasm_gone(r, 5000, &owner, &msg))
		assert_int_equal(msg, 4901 + n), n++;
	assert_int_equal(n, 50);
	chan_reasm_free(r);
	assert_int_equal(oom_live(), 0);
}

static void the_smallest_pieces_take_no_more_memory_than_large_ones(void **state)
{
	struct chan_reasm *r = new_reasm(1 << 20, 4);
	oom_arm(0);
	for (uint32_t at = 0; at < 1 << 20; at += 2)
		part(r, 0, piece(1, 1, at, 1, 1 << 20));
	assert_int_equal(oom_count(), 2);
	for (uint32_t at = 1; at < (1 << 20) - 1; at += 2)
		part(r, 0, piece(1, 1, at, 1, 1 << 20));
	expect(r, piece(1, 1, (1 << 20) - 1, 1, 1 << 20), LAN_OK, true);
	chan_reasm_free(r);
}

static void the_one_without_news_for_the_longest_makes_room(void **state)
{
	struct chan_reasm *r = new_reasm(1000, 3);
	uint64_t owner, msg;
	part(r, 1, piece(1, 1, 0, 1, 10));
	part(r, 2, piece(1, 2, 0, 1, 10));
	part(r, 3, piece(1, 3, 0, 1, 10));
	part(r, 4, piece(1, 1, 1, 1, 10));
	expect(r, piece(1, 2, 0, 1, 10), LAN_ERR_EXISTS, false); /* no news */
	part(r, 6, piece(1, 4, 0, 1, 10));
	assert_int_equal(chan_reasm_deadline(r), 0);
	assert_true(chan_reasm_gone(r, 6, &owner, &msg));
	assert_int_equal(msg, 2);
	part(r, 7, piece(2, 9, 0, 1, 985));
	assert_true(chan_reasm_gone(r, 7, &owner, &msg));
	assert_int_equal(msg, 3);
	assert_true(chan_reasm_gone(r, 7, &owner, &msg));
	assert_int_equal(msg, 1);
	assert_false(chan_reasm_gone(r, 7, &owner, &msg));
	chan_reasm_free(r);
}

static void patience_counts_from_the_last_new_fragment(void **state)
{
	struct chan_reasm *r = new_reasm(1000, 3);
	uint64_t owner = 0, msg = 0;
	part(r, LAN_MS(10), piece(7, 1, 0, 1, 10));
	part(r, LAN_MS(20), piece(8, 2, 0, 1, 10));
	assert_true(chan_reasm_deadline(r) == LAN_MS(510));
	part(r, LAN_MS(400), piece(7, 1, 1, 1, 10));
	assert_true(chan_reasm_deadline(r) == LAN_MS(520));
	assert_false(chan_reasm_gone(r, LAN_MS(520) - 1, &owner, &msg));
	assert_true(chan_reasm_gone(r, LAN_MS(520), &owner, &msg));
	assert_true(owner == 8 && msg == 2);
	assert_int_equal(chan_reasm_bytes(r), 10);
	assert_true(chan_reasm_deadline(r) == LAN_MS(900));
	assert_false(chan_reasm_gone(r, LAN_MS(899), &owner, &msg));
	assert_true(chan_reasm_gone(r, LAN_MS(900), &owner, &msg));
	assert_true(chan_reasm_deadline(r) == LAN_NEVER);
	chan_reasm_free(r);
	assert_int_equal(chan_reasm_new(1000, 3, LAN_NEVER, &r), LAN_OK);
	part(r, LAN_MS(10), piece(7, 1, 0, 1, 10));
	assert_true(chan_reasm_deadline(r) == LAN_NEVER);
	assert_false(chan_reasm_gone(r, LAN_SEC(1000000), &owner, &msg));
	chan_reasm_free(r);
}

static void dropping_forgets_one_message_or_all_of_an_owner_and_reports_none(void **state)
{
	struct chan_reasm *r = new_reasm(100, 10);
	uint64_t owner, msg;
	for (uint64_t m = 1; m <= 4; m++) {
		part(r, 0, piece(1, m, 0, 1, 10));
		part(r, 0, piece(2, m, 0, 1, 10));
	}
	chan_reasm_drop(r, 1, 2);
	assert_int_equal(chan_reasm_bytes(r), 70);
	part(r, 0, piece(3, 1, 0, 1, 50)); /* pushes out 1/1 and 2/1 */
	assert_int_equal(chan_reasm_bytes(r), 100);
	chan_reasm_drop(r, 1, 0);
	assert_int_equal(chan_reasm_bytes(r), 80);
	assert_true(chan_reasm_gone(r, 0, &owner, &msg));
	assert_true(owner == 2 && msg == 1);
	assert_false(chan_reasm_gone(r, 0, &owner, &msg));
	chan_reasm_drop(r, 2, 0);
	chan_reasm_drop(r, 3, 1);
	assert_int_equal(chan_reasm_bytes(r), 0);
	chan_reasm_free(r);
	assert_int_equal(oom_live(), 0);
}

static void without_memory_a_fragment_is_refused_and_the_others_stay(void **state)
{
	struct chan_reasm *r = NULL;
	oom_arm(1);
	assert_int_equal(chan_reasm_new(1000, 4, PATIENCE, &r), LAN_ERR_NOMEM);
	assert_null(r);
	oom_disarm();
	r = new_reasm(1000, 4);
	part(r, 0, piece(1, 1, 0, 5, 10));
	for (uint64_t k = 1; k <= 2; k++) {
		oom_arm(k);
		expect(r, piece(1, 2, 0, 5, 10), LAN_ERR_NOMEM, false);
	}
	oom_disarm();
	assert_int_equal(chan_reasm_bytes(r), 10);
	expect(r, piece(1, 2, 0, 5, 10), LAN_OK, false);
	expect(r, piece(1, 1, 5, 5, 10), LAN_OK, true);
	expect(r, piece(1, 2, 5, 5, 10), LAN_OK, true);
	chan_reasm_free(r);
	chan_reasm_free(NULL);
	assert_int_equal(oom_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_in_any_order_and_repeatedly_make_the_message),
		cmocka_unit_test(messages_of_many_senders_do_not_mix),
		cmocka_unit_test(what_does_not_fit_drops_the_message),
		cmocka_unit_test(a_message_larger_than_all_memory_is_refused_and_one_as_large_is_not),
		cmocka_unit_test(bombs_stay_within_bytes_and_count_and_each_message_is_reported_once),
		cmocka_unit_test(reports_nobody_asks_for_are_bounded_too),
		cmocka_unit_test(the_smallest_pieces_take_no_more_memory_than_large_ones),
		cmocka_unit_test(the_one_without_news_for_the_longest_makes_room),
		cmocka_unit_test(patience_counts_from_the_last_new_fragment),
		cmocka_unit_test(dropping_forgets_one_message_or_all_of_an_owner_and_reports_none),
		cmocka_unit_test(without_memory_a_fragment_is_refused_and_the_others_stay),
	};
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 131 + (i >> 8));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
