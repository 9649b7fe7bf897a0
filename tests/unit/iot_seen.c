/*
 * iot_seen.c - the dedup record stepped by hand: what is a retransmission, what
 * is new, what is a restart. Each sentence names the defect of the original it
 * answers where there is one (docs/protocols/iot.md, "Defects").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "proto/iot/line.h"
#include "proto/iot/seen.h"

static enum iot_verdict line(struct iot_seen *s, uint8_t mid, uint32_t hash)
{
	return iot_seen_line(s, mid, hash, false);
}

static void fresh(struct iot_seen *s)
{
	memset(s, 0, sizeof *s);
}

/* Lines seq from..to-1, each with a payload of its own. */
static void run(struct iot_seen *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq < to; seq++)
		assert_int_not_equal(line(s, iot_mid_of(seq), (uint32_t)seq), IOT_SEEN_DUP);
}

static void a_line_that_comes_again_is_a_duplicate_for_149_further_lines(void **state)
{
	for (unsigned later = 0; later <= 149; later++) {
		struct iot_seen s;
		fresh(&s);
		run(&s, 0, 10 + later + 1);
		assert_int_equal(line(&s, iot_mid_of(10), 10), IOT_SEEN_DUP);
		assert_int_equal(s.rx_dups, 1);
	}
}

static void no_line_of_an_unbroken_sequence_is_ever_taken_for_a_duplicate(void **state)
{
	struct iot_seen s;
	fresh(&s);
	for (uint64_t seq = 0; seq < 5000; seq++) /* constant payload: ids alone decide */
		assert_int_equal(line(&s, iot_mid_of(seq), 7), IOT_SEEN_NEW);
	assert_int_equal(s.rx_lines, 5000);
}

static void lost_lines_leave_no_hole_that_swallows_later_ones(void **state) /* Q11 */
{
	struct iot_seen s;
	fresh(&s);
	for (uint64_t seq = 0; seq < 4000; seq++)
		if (seq % 200 < 80 || seq % 200 >= 120)
			assert_int_not_equal(line(&s, iot_mid_of(seq), 7), IOT_SEEN_DUP);
}

static void zero_repeated_on_its_stream_is_a_duplicate(void **state) /* Q8 */
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_DUP);
	run(&s, 1, 20);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_DUP);
	assert_int_equal(line(&s, iot_mid_of(7), 7), IOT_SEEN_DUP); /* the record is still there */
}

static void zero_repeated_first_on_a_marked_stream_is_a_duplicate(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	for (int i = 0; i < 3; i++) {
		iot_seen_stream(&s);
		assert_int_equal(iot_seen_line(&s, 0, 5, true), IOT_SEEN_DUP);
	}
	assert_int_equal(line(&s, 1, 6), IOT_SEEN_NEW);
}

static void a_sensor_that_wakes_and_says_the_same_line_each_time_is_heard_each_time(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	for (int wake = 0; wake < 5; wake++) {
		iot_seen_stream(&s);
		assert_int_equal(line(&s, 0, 5), IOT_SEEN_RESTART);
	}
	assert_int_equal(s.rx_lines, 6);
}

static void a_mark_means_nothing_once_other_lines_were_received(void **state)
{
	struct iot_seen s;
	fresh(&s);
	run(&s, 0, 2); /* its sender got 00 acknowledged, else it would not have gone on */
	iot_seen_stream(&s);
	assert_int_equal(iot_seen_line(&s, 0, 0, true), IOT_SEEN_RESTART);
}

static void zero_with_other_bytes_on_a_new_stream_is_a_restart(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	iot_seen_stream(&s);
	assert_int_equal(line(&s, 0, 6), IOT_SEEN_RESTART);
	run(&s, 1, 50);
}

static void zero_on_a_new_stream_after_other_lines_is_a_restart_even_with_the_same_bytes(void **state)
{
	struct iot_seen s;
	fresh(&s);
	run(&s, 0, 5);
	iot_seen_stream(&s);
	assert_int_equal(line(&s, 0, 0), IOT_SEEN_RESTART);
	for (uint8_t mid = 1; mid < 5; mid++) /* the new process may say the same */
		assert_int_equal(line(&s, mid, mid), IOT_SEEN_NEW);
}

static void lines_of_a_restarted_peer_whose_zero_got_lost_are_not_swallowed(void **state) /* Q9 */
{
	struct iot_seen s;
	fresh(&s);
	run(&s, 0, 60);
	iot_seen_stream(&s);
	for (uint8_t mid = 1; mid < 60; mid++)
		assert_int_equal(line(&s, mid, 1000u + mid), IOT_SEEN_NEW);
	assert_int_equal(
		line(&s, 0, 1000), IOT_SEEN_RESTART); /* late 00: restart, but what came before it stays */
	assert_int_equal(line(&s, 59, 1059), IOT_SEEN_DUP);
	assert_int_equal(line(&s, 1, 1001), IOT_SEEN_DUP);
}

static void a_line_lost_while_up_to_a_window_of_later_ones_arrived_is_new_when_it_comes(void **state)
{
	for (uint64_t lost = 1; lost < 700; lost++) {
		struct iot_seen s;
		fresh(&s);
		run(&s, 0, lost);
		run(&s, lost + 1, lost + 100);
		assert_int_equal(line(&s, iot_mid_of(lost), (uint32_t)lost), IOT_SEEN_NEW);
		assert_int_equal(line(&s, iot_mid_of(lost), (uint32_t)lost), IOT_SEEN_DUP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_comes_again_is_a_duplicate_for_149_further_lines),
		cmocka_unit_test(no_line_of_an_unbroken_sequence_is_ever_taken_for_a_duplicate),
		cmocka_unit_test(lost_lines_leave_no_hole_that_swallows_later_ones),
		cmocka_unit_test(zero_repeated_on_its_stream_is_a_duplicate),
		cmocka_unit_test(zero_repeated_first_on_a_marked_stream_is_a_duplicate),
		cmocka_unit_test(a_sensor_that_wakes_and_says_the_same_line_each_time_is_heard_each_time),
		cmocka_unit_test(a_mark_means_nothing_once_other_lines_were_received),
		cmocka_unit_test(zero_with_other_bytes_on_a_new_stream_is_a_restart),
		cmocka_unit_test(
			zero_on_a_new_stream_after_other_lines_is_a_restart_even_with_the_same_bytes),
		cmocka_unit_test(lines_of_a_restarted_peer_whose_zero_got_lost_are_not_swallowed),
		cmocka_unit_test(a_line_lost_while_up_to_a_window_of_later_ones_arrived_is_new_when_it_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
