/*
 * Unit tests of timers.h: the heap against a plain array that is searched from
 * end to end. A seeded generator arms, moves, disarms and fires; after each
 * step heap and array must tell the same next moment, and a fired node must be
 * one the array holds for that moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/timers.h"

enum { NODES = 200 };

struct model {
	struct lan_timers timers;
	struct lan_timer node[NODES];
	lan_time at[NODES]; /* LAN_NEVER: not armed */
	uint64_t rng;
};

static uint64_t draw(struct model *m)
{
	m->rng ^= m->rng << 13; /* xorshift64 */
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return m->rng;
}

static lan_time earliest(const struct model *m)
{
	lan_time best = LAN_NEVER;
	for (size_t i = 0; i < NODES; i++)
		best = m->at[i] < best ? m->at[i] : best;
	return best;
}

static void model_init(struct model *m, uint64_t seed)
{
	*m = (struct model){.rng = seed};
	lan_timers_init(&m->timers);
	assert_int_equal(lan_timers_reserve(&m->timers, NODES), LAN_OK);
	for (size_t i = 0; i < NODES; i++)
		m->at[i] = LAN_NEVER;
}

static void model_check(const struct model *m)
{
	assert_true(lan_timers_next(&m->timers) == earliest(m));
	for (size_t i = 0; i < NODES; i++) {
		assert_true(lan_timers_at(&m->timers, &m->node[i]) == m->at[i]);
		assert_int_equal(lan_timer_armed(&m->node[i]), m->at[i] != LAN_NEVER);
	}
}

/* Fires all that is due at `now`; each must be due in the array too, and none earlier left. */
static void model_fire(struct model *m, lan_time now)
{
	struct lan_timer *due;
	while ((due = lan_timers_due(&m->timers, now))) {
		size_t i = (size_t)(due - m->node);
		assert_true(m->at[i] == earliest(m));
		assert_true(m->at[i] <= now);
		m->at[i] = LAN_NEVER;
	}
	assert_true(earliest(m) > now);
}

static void model_step(struct model *m)
{
	size_t i = draw(m) % NODES;
	switch (draw(m) % 8) {
	case 0:
		lan_timers_unset(&m->timers, &m->node[i]);
		m->at[i] = LAN_NEVER;
		break;
	case 1:
		model_fire(m, draw(m) % 300);
		break;
	case 2:
		lan_timers_set(&m->timers, &m->node[i], LAN_NEVER);
		m->at[i] = LAN_NEVER;
		break;
	default: /* few moments and many nodes: equal keys are common */
		m->at[i] = draw(m) % 1000;
		lan_timers_set(&m->timers, &m->node[i], m->at[i]);
		break;
	}
}

static void the_heap_agrees_with_a_searched_array_whatever_is_done(void **state)
{
	static struct model m;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		model_init(&m, seed * 0x9e3779b97f4a7c15u);
		for (int step = 0; step < 2000; step++) {
			model_step(&m);
			model_check(&m);
		}
		lan_timers_fini(&m.timers);
	}
}

static void timers_fire_in_order_and_never_early(void **state)
{
	static struct model m;
	model_init(&m, 42);
	for (size_t i = 0; i < NODES; i++) {
		m.at[i] = draw(&m) % 500;
		lan_timers_set(&m.timers, &m.node[i], m.at[i]);
	}
	lan_time last = 0;
	for (size_t i = 0; i < NODES; i++) {
		lan_time next = lan_timers_next(&m.timers);
		if (next > 0)
			assert_null(lan_timers_due(&m.timers, next - 1));
		struct lan_timer *due = lan_timers_due(&m.timers, next);
		assert_non_null(due);
		assert_true(m.at[due - m.node] == next && next >= last);
		last = next;
	}
	assert_true(lan_timers_next(&m.timers) == LAN_NEVER);
	assert_null(lan_timers_due(&m.timers, LAN_NEVER));
	lan_timers_fini(&m.timers);
}

static void reserving_more_keeps_what_is_armed(void **state)
{
	struct lan_timers t;
	struct lan_timer node[500] = {0};
	lan_timers_init(&t);
	for (uint32_t n = 1; n <= 500; n++) {
		assert_int_equal(lan_timers_reserve(&t, n), LAN_OK);
		lan_timers_set(&t, &node[n - 1], 1000 - n);
		assert_true(lan_timers_next(&t) == 1000 - n);
	}
	for (uint32_t n = 500; n >= 1; n--)
		assert_ptr_equal(lan_timers_due(&t, LAN_NEVER - 1), &node[n - 1]);
	lan_timers_fini(&t);
}

static void disarming_what_is_not_armed_is_harmless(void **state)
{
	struct lan_timers t;
	struct lan_timer node = {0};
	lan_timers_init(&t);
	lan_timers_unset(&t, &node);
	lan_timers_set(&t, &node, LAN_NEVER);
	assert_true(lan_timers_at(&t, &node) == LAN_NEVER);
	assert_null(lan_timers_due(&t, LAN_NEVER));
	lan_timers_fini(&t);
	lan_timers_fini(&t);
}

static void the_last_moment_before_never_is_a_moment(void **state)
{
	struct lan_timers t;
	struct lan_timer node = {0};
	lan_timers_init(&t);
	assert_int_equal(lan_timers_reserve(&t, 1), LAN_OK);
	lan_timers_set(&t, &node, LAN_NEVER - 1);
	assert_null(lan_timers_due(&t, LAN_NEVER - 2));
	assert_ptr_equal(lan_timers_due(&t, LAN_NEVER - 1), &node);
	lan_timers_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_agrees_with_a_searched_array_whatever_is_done),
		cmocka_unit_test(timers_fire_in_order_and_never_early),
		cmocka_unit_test(reserving_more_keeps_what_is_armed),
		cmocka_unit_test(disarming_what_is_not_armed_is_harmless),
		cmocka_unit_test(the_last_moment_before_never_is_a_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
