/*
 * Unit tests of seqwin.h against a naive model: an array with a bool for each
 * number, and the sentence "the 1,024 below the highest are remembered, all
 * below that and up to the floor are old". Every number around the window is
 * asked after every step, for every position in the ring of words, and at both
 * ends of the 64 bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/seqwin.h"

#define RANGE 16384

/* Numbers base..base + RANGE - 1; anything else is never used. */
struct model {
	uint64_t base, highest, floor;
	bool seen[RANGE];
};

static struct lan_seqwin win;
static struct model model;

static void start(uint64_t base, uint64_t floor)
{
	lan_seqwin_init(&win, floor);
	memset(&model, 0, sizeof model);
	model.base = base;
	model.floor = floor;
}

static enum lan_seqwin_verdict expected(uint64_t n)
{
	if (n == 0 || n <= model.floor)
		return LAN_SEQWIN_OLD;
	if (n < model.highest && model.highest - n > 1024)
		return LAN_SEQWIN_OLD;
	return model.seen[n - model.base] ? LAN_SEQWIN_SEEN : LAN_SEQWIN_NEW;
}

static void mark(uint64_t n)
{
	assert_int_equal(lan_seqwin_check(&win, n), LAN_SEQWIN_NEW);
	lan_seqwin_mark(&win, n);
	model.seen[n - model.base] = true;
	if (n > model.highest)
		model.highest = n;
	assert_true(win.highest == model.highest);
}

static void check_all(uint64_t from, uint64_t to)
{
	for (uint64_t n = from;; n++) {
		enum lan_seqwin_verdict got = lan_seqwin_check(&win, n);
		if (got != expected(n)) /* the assertion alone is too slow for 30 million */
			fail_msg("number %llu: %d", (unsigned long long)n, got);
		if (n == to)
			return;
	}
}

static void a_jump_of_any_length_from_any_position_forgets_exactly_what_fell_out(void **state)
{
	static const uint64_t jumps[] = {1, 2, 63, 64, 65, 1023, 1024, 1025, 1087, 1088, 1089, 1152, 5000};
	for (uint64_t at = 1100; at < 1100 + 1088; at++)
		for (size_t j = 0; j < sizeof jumps / sizeof *jumps; j++) {
			start(0, 0);
			for (uint64_t n = at - 1024; n <= at; n += n % 3 + 1)
				mark(n);
			if (expected(at) == LAN_SEQWIN_NEW)
				mark(at);
			mark(at + jumps[j]);
			check_all(at + jumps[j] - 1100, at + jumps[j] + 3);
		}
}

static void any_walk_agrees_with_the_model(void **state)
{
	uint64_t rng = 88172645463325252u;
	for (int round = 0; round < 20; round++) {
		start(0, (uint64_t)round * 37);
		uint64_t at = 1 + (uint64_t)round * 64;
		for (int step = 0; step < 400; step++) {
			rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
			uint64_t n = at + rng % (rng & 1 << 20 ? 40 : 1400);
			n = n > 1000 && rng >> 60 < 9 ? n - 1000 : n;
			if (n < RANGE && expected(n) == LAN_SEQWIN_NEW)
				mark(n);
			at = model.highest > 200 && model.highest < RANGE - 2000 ? model.highest : at;
			check_all(0, model.highest + 10 < RANGE ? model.highest + 10 : RANGE - 1);
		}
	}
}

static void the_largest_numbers_are_numbers_like_others(void **state)
{
	uint64_t base = UINT64_MAX - RANGE + 1;
	start(base, 0);
	for (uint64_t n = UINT64_MAX - 3000; n < UINT64_MAX - 40; n += 3)
		mark(n);
	check_all(UINT64_MAX - 5000, UINT64_MAX);
	mark(UINT64_MAX);
	check_all(UINT64_MAX - 5000, UINT64_MAX);
	mark(UINT64_MAX - 1024);
	assert_int_equal(lan_seqwin_check(&win, UINT64_MAX - 1025), LAN_SEQWIN_OLD);
	check_all(UINT64_MAX - 5000, UINT64_MAX);
}

static void zero_and_all_up_to_the_floor_are_old_before_and_after(void **state)
{
	start(0, 100);
	check_all(0, 300);
	mark(101);
	check_all(0, 300);
	assert_int_equal(lan_seqwin_check(&win, 100), LAN_SEQWIN_OLD);
	start(0, 0);
	assert_int_equal(lan_seqwin_check(&win, 0), LAN_SEQWIN_OLD);
	assert_int_equal(lan_seqwin_check(&win, 1), LAN_SEQWIN_NEW);
	lan_seqwin_init(&win, UINT64_MAX);
	assert_int_equal(lan_seqwin_check(&win, UINT64_MAX), LAN_SEQWIN_OLD);
}

static void asking_changes_nothing(void **state)
{
	start(0, 7);
	for (uint64_t n = 8; n < 4000; n += 5)
		mark(n);
	struct lan_seqwin before = win;
	check_all(0, 6000);
	assert_memory_equal(&before, &win, sizeof win);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jump_of_any_length_from_any_position_forgets_exactly_what_fell_out),
		cmocka_unit_test(any_walk_agrees_with_the_model),
		cmocka_unit_test(the_largest_numbers_are_numbers_like_others),
		cmocka_unit_test(zero_and_all_up_to_the_floor_are_old_before_and_after),
		cmocka_unit_test(asking_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
