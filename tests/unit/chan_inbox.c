/*
 * Unit tests of the queue of events (event.h): order, views, both bounds, and
 * memory that fails. The allocator counts and can be told to fail. Message
 * number i has a length and bytes that follow from i, so that whatever comes
 * out can be checked by its number alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "oom_alloc.h"
#include "proto/channel/event.h"

static struct chan_inbox box;

static uint8_t byte_at(uint64_t seq, size_t i)
{
	return (uint8_t)(seq * 131 + i * 7 + (i >> 8));
}

static bool put_message(uint64_t seq, size_t n)
{
	struct chan_event ev = {.kind = CHAN_MESSAGE,
		.sender = ~seq,
		.seq = seq,
		.len = n,
		.at = seq * 3,
		.name = "",
		.text = seq % 2,
		.verified = seq % 3 == 0};
	memset(ev.from.addr, (int)seq, 16);
	ev.from.port = (uint16_t)seq;
	ev.from.ifindex = (uint32_t)seq + 9;
	if (n) {
		uint8_t *to = chan_inbox_room(&box, n);
		if (!to)
			return false;
		for (size_t i = 0; i < n; i++)
			to[i] = byte_at(seq, i);
	}
	return chan_inbox_put(&box, &ev);
}

static void check_message(const struct chan_event *ev, uint64_t seq, size_t n)
{
	assert_int_equal(ev->kind, CHAN_MESSAGE);
	assert_true(ev->seq == seq && ev->sender == ~seq && ev->at == seq * 3);
	assert_int_equal(ev->len, n);
	assert_int_equal(ev->text, seq % 2);
	assert_int_equal(ev->verified, seq % 3 == 0);
	assert_int_equal(ev->from.addr[15], (uint8_t)seq);
	assert_int_equal(ev->from.port, (uint16_t)seq);
	assert_int_equal(ev->from.ifindex, (uint32_t)seq + 9);
	assert_string_equal(ev->name, "");
	assert_null(ev->reason);
	for (size_t i = 0; i < n; i++)
		if (ev->data[i] != byte_at(seq, i))
			fail_msg("byte %zu of message %llu", i, (unsigned long long)seq);
	assert_int_equal(ev->data[n], 0);
}

static size_t length_of(uint64_t seq)
{
	static const uint32_t lengths[] = {0, 1, 7, 8, 1400, 63, 40000, 1452, 9, 200000, 131008, 32768};
	return lengths[seq * 7 % 12] + seq % 5;
}

static void what_is_put_comes_out_once_and_in_order(void **state)
{
	uint64_t rng = 88172645463325252u, in = 0, out = 0;
	struct chan_event ev;
	chan_inbox_init(&box, 1 << 20);
	while (out < 30000) {
		rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
		for (uint64_t k = rng % 40; k; k--) {
			bool fits = chan_inbox_fits(&box, length_of(in));
			assert_int_equal(put_message(in, length_of(in)), fits);
			in += fits;
		}
		for (uint64_t k = (rng >> 32) % 40; k; k--) {
			assert_int_equal(chan_inbox_empty(&box), in == out);
			bool got = chan_inbox_pull(&box, &ev);
			assert_int_equal(got, in != out);
			if (got)
				check_message(&ev, out, length_of(out)), out++;
		}
	}
	chan_inbox_fini(&box);
	assert_int_equal(oom_live(), 0);
}

static void every_field_and_the_name_of_an_event_survive_the_wait(void **state)
{
	char name[CHAN_NAME_MAX + 10];
	struct chan_event ev;
	static const char why[] = "history";
	chan_inbox_init(&box, 1000);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	for (size_t n = 0; n <= sizeof name - 1; n += 9) {
		struct chan_event in = {.kind = CHAN_LOST,
			.sender = 5,
			.name = name + sizeof name - 1 - n,
			.first = UINT64_MAX,
			.last = 2,
			.count = 3,
			.epoch = 0xfffffffe,
			.reason = why,
			.verified = true,
			.at = 77};
		assert_true(chan_inbox_put(&box, &in));
		in.name = NULL;
		in.kind = CHAN_KEY;
		in.first = in.last = in.count = 0;
		in.reason = NULL;
		assert_true(chan_inbox_put(&box, &in));
	}
	memset(name, 'x', sizeof name - 1); /* the queue has its own copy */
	for (size_t n = 0; n <= sizeof name - 1; n += 9) {
		assert_true(chan_inbox_pull(&box, &ev));
		assert_int_equal(ev.kind, CHAN_LOST);
		assert_int_equal(strlen(ev.name), n < CHAN_NAME_MAX ? n : CHAN_NAME_MAX - 1);
		assert_int_equal(strspn(ev.name, "n"), strlen(ev.name));
		assert_true(
			ev.first == UINT64_MAX && ev.last == 2 && ev.count == 3 && ev.epoch == 0xfffffffe);
		assert_true(ev.reason == why && ev.verified && !ev.text && ev.at == 77 && ev.sender == 5);
		assert_true(ev.len == 0 && ev.data[0] == 0);
		assert_true(chan_inbox_pull(&box, &ev));
		assert_int_equal(ev.kind, CHAN_KEY);
		assert_true(!ev.first && !ev.last && !ev.count && ev.epoch == 0xfffffffe && !ev.reason);
		assert_string_equal(ev.name, "");
	}
	assert_false(chan_inbox_pull(&box, &ev));
	chan_inbox_fini(&box);
}

static void a_message_keeps_its_name_behind_its_data(void **state)
{
	struct chan_event ev = {.kind = CHAN_MESSAGE, .len = 3, .name = "pump"};
	chan_inbox_init(&box, 1000);
	memcpy(chan_inbox_room(&box, 5), "abcde", 5);
	assert_true(chan_inbox_put(&box, &ev)); /* fewer than asked for */
	assert_true(put_message(4, 10));
	assert_true(chan_inbox_pull(&box, &ev));
	assert_string_equal(ev.name, "pump");
	assert_string_equal((const char *)ev.data, "abc");
	assert_true(chan_inbox_pull(&box, &ev));
	check_message(&ev, 4, 10);
	chan_inbox_fini(&box);
}

/* The queue's memory ends anywhere between two entries: the longest ends must fit before it. */
static void the_longest_name_and_all_fields_fit_behind_any_data(void **state)
{
	char name[CHAN_NAME_MAX];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	for (size_t n = 1; n < 1400; n += 13) {
		struct chan_event ev = {
			.kind = CHAN_MESSAGE, .len = n, .name = name, .epoch = 5, .reason = name};
		chan_inbox_init(&box, 4 << 20);
		for (size_t k = 0; k < 300000 / (n + 150); k++) {
			memset(chan_inbox_room(&box, n), 'd', n);
			assert_true(chan_inbox_put(&box, &ev));
		}
		while (chan_inbox_pull(&box, &ev)) {
			assert_int_equal(strlen((const char *)ev.data), n);
			assert_string_equal(ev.name, name);
			assert_true(ev.epoch == 5 && ev.reason == name);
		}
		chan_inbox_fini(&box);
	}
}

static void the_bound_holds_memory_and_a_message_of_its_size_fits_alone(void **state)
{
	struct chan_event ev;
	for (uint32_t max = 1; max < 3000000; max = max * 5 + 3) {
		chan_inbox_init(&box, max);
		assert_false(chan_inbox_fits(&box, (size_t)max + 1));
		assert_false(chan_inbox_fits(&box, SIZE_MAX));
		assert_null(chan_inbox_room(&box, (size_t)max + 1));
		assert_true(put_message(1, max));
		assert_false(chan_inbox_fits(&box, 0));
		assert_false(put_message(2, 0));
		assert_null(chan_inbox_room(&box, 0));
		assert_true(chan_inbox_pull(&box, &ev));
		check_message(&ev, 1, max);
		assert_true(put_message(2, max));
		chan_inbox_fini(&box);
	}
}

static void empty_messages_are_bounded_too(void **state)
{
	uint64_t n = 0;
	struct chan_event ev;
	chan_inbox_init(&box, 65536);
	while (put_message(n, 0))
		n++;
	assert_in_range(n, 65536 / 80, 65536 / 56);
	for (uint64_t i = 0; i < n; i++) {
		assert_true(chan_inbox_pull(&box, &ev));
		check_message(&ev, i, 0);
	}
	assert_false(chan_inbox_pull(&box, &ev));
	chan_inbox_fini(&box);
}

static void other_events_have_64_kib_beyond_a_full_queue_and_no_more(void **state)
{
	struct chan_event joined = {.kind = CHAN_JOINED, .name = "somebody"}, ev;
	unsigned n = 0;
	chan_inbox_init(&box, 1400);
	assert_true(put_message(1, 1400));
	while (chan_inbox_put(&box, &joined))
		n++;
	assert_in_range(n, 65536 / 112, 65536 / 64);
	assert_false(put_message(2, 0));
	assert_true(chan_inbox_pull(&box, &ev));
	check_message(&ev, 1, 1400);
	assert_true(chan_inbox_put(&box, &joined));
	assert_false(chan_inbox_fits(&box, 0)); /* what others hold beyond the bound counts */
	for (unsigned i = 0; i < n + 1; i++) {
		assert_true(chan_inbox_pull(&box, &ev));
		assert_int_equal(ev.kind, CHAN_JOINED);
		assert_string_equal(ev.name, "somebody");
	}
	assert_true(chan_inbox_empty(&box));
	assert_true(put_message(3, 1400));
	chan_inbox_fini(&box);
}

static void room_that_is_not_used_is_forgotten(void **state)
{
	struct chan_event ev, joined = {.kind = CHAN_JOINED, .name = ""},
			      message = {.kind = CHAN_MESSAGE, .len = 4};
	chan_inbox_init(&box, 1 << 20);
	assert_false(chan_inbox_put(&box, &message));
	for (size_t n = 10; n < 400000; n *= 5) {
		assert_non_null(chan_inbox_room(&box, n));
		assert_true(chan_inbox_empty(&box));
		assert_false(chan_inbox_pull(&box, &ev));
		assert_false(chan_inbox_put(&box, &message)); /* the pull forgot it */
		assert_non_null(chan_inbox_room(&box, n));
		assert_true(chan_inbox_put(&box, &joined));
		assert_false(chan_inbox_put(&box, &message)); /* and the other event */
		assert_non_null(chan_inbox_room(&box, 3));
		assert_false(chan_inbox_put(&box, &message)); /* longer than asked for */
		assert_non_null(chan_inbox_room(&box, n));
		assert_non_null(chan_inbox_room(&box, n * 3));
		assert_true(put_message(n, n));
		assert_true(chan_inbox_pull(&box, &ev));
		assert_int_equal(ev.kind, CHAN_JOINED);
		assert_true(chan_inbox_pull(&box, &ev));
		check_message(&ev, n, n);
	}
	chan_inbox_fini(&box);
}

static void a_reader_that_keeps_up_needs_no_new_memory(void **state)
{
	struct chan_event ev;
	chan_inbox_init(&box, 4 << 20);
	oom_arm(0);
	for (uint64_t seq = 0; seq < 20000; seq++) {
		assert_true(put_message(seq, 1400));
		if (seq % 64 == 63)
			while (chan_inbox_pull(&box, &ev))
				;
	}
	assert_int_equal(oom_count(), 1);
	for (uint64_t seq = 0; seq < 2000; seq++)
		assert_true(put_message(seq, 1400));
	while (chan_inbox_pull(&box, &ev))
		;
	assert_true(put_message(1, 1));
	assert_true(oom_live() <= 2);
	chan_inbox_fini(&box);
	assert_int_equal(oom_live(), 0);
}

static void a_reader_that_lags_needs_no_new_memory_either(void **state)
{
	struct chan_event ev;
	chan_inbox_init(&box, 4 << 20);
	oom_arm(0);
	for (uint64_t seq = 0; seq < 20000; seq++) {
		assert_true(put_message(seq, 1400));
		if (seq >= 100) {
			assert_true(chan_inbox_pull(&box, &ev));
			check_message(&ev, seq - 100, 1400);
		}
	}
	assert_in_range(oom_count(), 2, 4);
	chan_inbox_fini(&box);
}

static void memory_of_a_large_message_is_given_back_when_it_was_read(void **state)
{
	struct chan_event ev;
	chan_inbox_init(&box, 4 << 20);
	assert_true(put_message(1, 1 << 20));
	assert_true(chan_inbox_pull(&box, &ev));
	check_message(&ev, 1, 1 << 20);
	assert_false(chan_inbox_pull(&box, &ev));
	assert_int_equal(oom_live(), 0);
	chan_inbox_fini(&box);
}

static void without_memory_an_event_is_refused_and_the_others_stay(void **state)
{
	struct chan_event ev, joined = {.kind = CHAN_JOINED, .name = "x"};
	chan_inbox_init(&box, 4 << 20);
	oom_arm(1);
	assert_null(chan_inbox_room(&box, 100));
	assert_true(put_message(1, 100));
	oom_arm(1);
	assert_null(chan_inbox_room(&box, 200000));
	assert_true(put_message(2, 200000));
	oom_arm(1);
	assert_false(chan_inbox_put(&box, &joined));
	oom_disarm();
	assert_true(chan_inbox_put(&box, &joined));
	assert_true(chan_inbox_pull(&box, &ev));
	check_message(&ev, 1, 100);
	assert_true(chan_inbox_pull(&box, &ev));
	check_message(&ev, 2, 200000);
	assert_true(chan_inbox_pull(&box, &ev));
	assert_int_equal(ev.kind, CHAN_JOINED);
	assert_false(chan_inbox_pull(&box, &ev));
	chan_inbox_fini(&box);
	assert_int_equal(oom_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_out_once_and_in_order),
		cmocka_unit_test(every_field_and_the_name_of_an_event_survive_the_wait),
		cmocka_unit_test(a_message_keeps_its_name_behind_its_data),
		cmocka_unit_test(the_longest_name_and_all_fields_fit_behind_any_data),
		cmocka_unit_test(the_bound_holds_memory_and_a_message_of_its_size_fits_alone),
		cmocka_unit_test(empty_messages_are_bounded_too),
		cmocka_unit_test(other_events_have_64_kib_beyond_a_full_queue_and_no_more),
		cmocka_unit_test(room_that_is_not_used_is_forgotten),
		cmocka_unit_test(a_reader_that_keeps_up_needs_no_new_memory),
		cmocka_unit_test(a_reader_that_lags_needs_no_new_memory_either),
		cmocka_unit_test(memory_of_a_large_message_is_given_back_when_it_was_read),
		cmocka_unit_test(without_memory_an_event_is_refused_and_the_others_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
