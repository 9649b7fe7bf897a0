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

#define T LAN_SEC(2)

static lan_time now;

static enum iot_verdict line(struct iot_seen *s, uint8_t mid, uint32_t hash)
{
	return iot_seen_line(s, now += LAN_MS(1), T, mid, hash);
}

static void fresh(struct iot_seen *s)
{
	memset(s, 0, sizeof *s);
	now = LAN_SEC(100);
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

static void zero_repeated_first_on_the_next_stream_is_a_duplicate_if_its_ack_may_be_lost(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	iot_seen_heard(&s, now, now + 2 * T);
	now += 3 * T;
	iot_seen_stream(&s);
	iot_seen_heard(&s, now, now + 2 * T); /* an hour of silence would not count, only listening does */
	now += 100 * T;
	iot_seen_stream(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_DUP);
}

static void zero_after_deafness_is_a_duplicate_however_long_the_stream_lived(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	iot_seen_heard(&s, now, now + 4 * T);
	iot_seen_deaf(&s, now += 50 * T); /* nothing was read until now */
	iot_seen_heard(&s, now - 20 * T, now + 4 * T);
	now += 5 * T;
	iot_seen_stream(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_DUP);
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

static void zero_whose_sender_lived_on_without_repeating_it_is_a_restart(void **state)
{
	struct iot_seen s;
	fresh(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_NEW);
	iot_seen_heard(
		&s, now, now + 5 * T); /* had it missed the ack, it would have come again after each T */
	now += 6 * T;
	iot_seen_stream(&s);
	assert_int_equal(line(&s, 0, 5), IOT_SEEN_RESTART);
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
		cmocka_unit_test(
			zero_repeated_first_on_the_next_stream_is_a_duplicate_if_its_ack_may_be_lost),
		cmocka_unit_test(zero_after_deafness_is_a_duplicate_however_long_the_stream_lived),
		cmocka_unit_test(zero_with_other_bytes_on_a_new_stream_is_a_restart),
		cmocka_unit_test(
			zero_on_a_new_stream_after_other_lines_is_a_restart_even_with_the_same_bytes),
		cmocka_unit_test(zero_whose_sender_lived_on_without_repeating_it_is_a_restart),
		cmocka_unit_test(lines_of_a_restarted_peer_whose_zero_got_lost_are_not_swallowed),
		cmocka_unit_test(a_line_lost_while_up_to_a_window_of_later_ones_arrived_is_new_when_it_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
