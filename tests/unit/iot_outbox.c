/*
 * iot_outbox.c - the sender's half of the exchange stepped by hand: order,
 * window, waiting, retransmission, what is lost and when it is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "proto/iot/iot.h"
#include "proto/iot/line.h"
#include "proto/iot/outbox.h"

#define T    LAN_SEC(2)
#define HIGH 65536
#define LF16 "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
#define MARK LF16 LF16 LF16 LF16 /* a 00 repeated on a new stream */

struct rig {
	struct iot_outbox o;
	struct lan_ring out;
	lan_time now;
};

static void rig_open(struct rig *r, uint32_t window, uint32_t max_queue)
{
	memset(r, 0, sizeof *r);
	r->now = LAN_SEC(10);
	assert_int_equal(iot_outbox_init(&r->o, window, max_queue), LAN_OK);
	lan_ring_init(&r->out, 1u << 20);
}

static void rig_close(struct rig *r)
{
	iot_outbox_fini(&r->o);
	lan_ring_fini(&r->out);
}

static uint64_t put(struct rig *r, unsigned flags)
{
	char text[32];
	uint64_t seq;
	int n = snprintf(text, sizeof text, "p%llu", (unsigned long long)r->o.next);
	assert_int_equal(iot_outbox_write(&r->o, text, (size_t)n, flags, &seq), LAN_OK);
	return seq;
}

static void pump(struct rig *r)
{
	assert_true(iot_outbox_pump(&r->o, r->now, T, &r->out, HIGH));
}

static void ack(struct rig *r, uint64_t seq)
{
	uint64_t found;
	assert_true(iot_outbox_find(&r->o, iot_mid_of(seq), &found));
	assert_int_equal(found, seq);
	iot_outbox_ack(&r->o, r->now, seq);
}

/* What was sent since the last look is exactly these lines. */
static void assert_sent(struct rig *r, const char *expected)
{
	char got[65536];
	size_t n = lan_ring_len(&r->out);
	assert_true(n < sizeof got);
	if (n)
		memcpy(got, lan_ring_at(&r->out, r->out.head), n);
	got[n] = 0;
	lan_ring_drop(&r->out, n);
	assert_string_equal(got, expected);
}

static void the_first_line_of_a_life_travels_alone(void **state)
{
	struct rig r;
	rig_open(&r, 16, 65536);
	for (int i = 0; i < 3; i++)
		put(&r, IOT_QOS);
	pump(&r);
	assert_sent(&r, "00p0\n");
	ack(&r, 0);
	pump(&r);
	assert_sent(&r, "01p1\n02p2\n");
	rig_close(&r);
}

static void no_more_than_a_window_is_on_its_way_counted_from_the_oldest(void **state)
{
	struct rig r;
	rig_open(&r, 4, 65536);
	for (int i = 0; i < 10; i++)
		put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 0);
	lan_ring_drop(&r.out, lan_ring_len(&r.out));
	pump(&r);
	assert_sent(&r, "01p1\n02p2\n03p3\n04p4\n");
	ack(&r, 3); /* out of order: the window still starts at 1 */
	pump(&r);
	assert_sent(&r, "");
	ack(&r, 1);
	pump(&r);
	assert_sent(&r, "05p5\n");
	rig_close(&r);
}

static void a_waiting_line_is_alone_on_its_way(void **state)
{
	struct rig r;
	rig_open(&r, 16, 65536);
	put(&r, IOT_QOS);
	put(&r, IOT_QOS);
	put(&r, IOT_QOS | IOT_WAIT);
	put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 0);
	pump(&r);
	assert_sent(&r, "00p0\n01p1\n");
	ack(&r, 1);
	pump(&r);
	assert_sent(&r, "02p2\n");
	pump(&r);
	assert_sent(&r, "");
	ack(&r, 2);
	pump(&r);
	assert_sent(&r, "03p3\n");
	rig_close(&r);
}

static void an_unacknowledged_line_is_sent_again_after_a_timeout_with_its_id_and_bytes(void **state)
{
	struct rig r;
	rig_open(&r, 16, 65536);
	put(&r, IOT_QOS);
	pump(&r);
	assert_sent(&r, "00p0\n");
	assert_int_equal(iot_outbox_deadline(&r.o), r.now + T);
	r.now += T - 1;
	pump(&r);
	assert_sent(&r, "");
	r.now += 1;
	pump(&r);
	assert_sent(&r, "00p0\n");
	assert_int_equal(r.o.tx_again, 1);
	ack(&r, 0);
	assert_int_equal(iot_outbox_deadline(&r.o), LAN_NEVER);
	assert_int_equal(iot_outbox_pending(&r.o), 0);
	rig_close(&r);
}

static void after_a_new_stream_the_unacknowledged_lines_go_first_and_in_order(void **state)
{
	struct rig r;
	rig_open(&r, 16, 65536);
	put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 0);
	for (int i = 0; i < 4; i++)
		put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 2);
	lan_ring_drop(&r.out, lan_ring_len(&r.out));
	put(&r, IOT_QOS);
	iot_outbox_stream(&r.o);
	pump(&r);
	assert_sent(&r, "01p1\n03p3\n04p4\n05p5\n");
	rig_close(&r);
}

static void a_line_without_qos_is_not_sent_again_and_its_loss_is_told_once(void **state)
{
	struct rig r;
	uint64_t seq;
	rig_open(&r, 16, 65536);
	put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 0);
	put(&r, 0);
	put(&r, 0);
	put(&r, 0);
	pump(&r);
	assert_sent(&r, "00p0\n01p1\n02p2\n03p3\n");
	ack(&r, 2);
	assert_false(iot_outbox_lost(&r.o, r.now, T, false, &seq));
	r.now += T;
	assert_true(iot_outbox_lost(&r.o, r.now, T, false, &seq));
	assert_int_equal(seq, 1);
	assert_true(iot_outbox_lost(&r.o, r.now, T, false, &seq));
	assert_int_equal(seq, 3);
	assert_false(iot_outbox_lost(&r.o, r.now, T, false, &seq));
	pump(&r);
	assert_sent(&r, "");
	assert_int_equal(iot_outbox_pending(&r.o), 0);
	rig_close(&r);
}

static void the_first_line_is_sent_with_qos_even_if_written_without(void **state)
{
	struct rig r;
	uint64_t seq;
	rig_open(&r, 16, 65536);
	put(&r, 0);
	pump(&r);
	assert_sent(&r, "00p0\n");
	assert_false(iot_outbox_lost(&r.o, r.now, T, true, &seq));
	iot_outbox_stream(&r.o);
	pump(&r);
	assert_sent(&r, MARK "00p0\n");
	r.now += T;
	pump(&r);
	assert_sent(&r, "00p0\n"); /* marked once a stream */
	rig_close(&r);
}

/* The receiver tells a new line from an old one by the ids it has seen lately,
 * so of any 254 ids in a row at least 150 must be known to have arrived. */
static void so_many_lines_without_qos_may_be_lost_that_the_receiver_still_knows_the_ids(void **state)
{
	struct rig r;
	bool arrived[3000] = {false};
	rig_open(&r, 100, 1 << 20);
	put(&r, IOT_QOS);
	pump(&r);
	ack(&r, 0);
	arrived[0] = true;
	uint64_t told;
	while (r.o.next_tx < 2500) {
		while (r.o.next < r.o.next_tx + 120)
			put(&r, 0);
		pump(&r);
		lan_ring_drop(&r.out, lan_ring_len(&r.out));
		/* the stream dies with all of it: nothing arrives but what is repeated */
		while (iot_outbox_lost(&r.o, r.now, T, true, &told))
			;
		iot_outbox_stream(&r.o);
		pump(&r);
		lan_ring_drop(&r.out, lan_ring_len(&r.out));
		for (uint64_t seq = r.o.first, end = r.o.next_tx; seq < end; seq++) {
			uint64_t found;
			if (iot_outbox_find(&r.o, iot_mid_of(seq), &found) && found == seq && r.o.inflight) {
				arrived[seq] = true;
				iot_outbox_ack(&r.o, r.now, seq);
			}
		}
		r.now += T;
	}
	for (unsigned at = 255; at < 2500; at++) {
		unsigned n = 0;
		for (unsigned back = 1; back <= 254; back++)
			n += arrived[at - back];
		assert_true(n >= 150);
	}
	rig_close(&r);
}

static void the_queue_refuses_at_its_bound_and_says_once_when_there_is_room(void **state)
{
	struct rig r;
	uint64_t seq;
	char text[100];
	memset(text, 'x', sizeof text);
	rig_open(&r, 16, 1000);
	assert_int_equal(iot_outbox_write(&r.o, text, 997, IOT_QOS, &seq), LAN_ERR_TOOBIG);
	while (iot_outbox_write(&r.o, text, sizeof text, IOT_QOS, &seq) == LAN_OK)
		;
	assert_int_equal(seq, 8);
	assert_false(iot_outbox_has_room(&r.o));
	pump(&r);
	ack(&r, 0);
	pump(&r);
	for (uint64_t i = 1; i < 4; i++)
		ack(&r, i);
	assert_false(iot_outbox_has_room(&r.o));
	ack(&r, 4);
	assert_true(iot_outbox_has_room(&r.o));
	assert_false(iot_outbox_has_room(&r.o));
	rig_close(&r);
}

static void acknowledgements_of_nothing_outstanding_are_told_apart(void **state)
{
	struct rig r;
	uint64_t seq;
	rig_open(&r, 100, 1 << 20);
	for (int i = 0; i < 700; i++) {
		put(&r, IOT_QOS);
		pump(&r);
		unsigned hits = 0;
		for (unsigned mid = 0; mid < 256; mid++)
			hits += iot_outbox_find(&r.o, (uint8_t)mid, &seq);
		assert_int_equal(hits, 1);
		ack(&r, (uint64_t)i);
		lan_ring_drop(&r.out, lan_ring_len(&r.out));
	}
	rig_close(&r);
}

static void a_repeat_is_not_queued_behind_bytes_the_stream_has_not_taken(void **state)
{
	struct rig r;
	rig_open(&r, 16, 65536);
	put(&r, IOT_QOS);
	pump(&r);
	r.now += T;
	pump(&r);
	assert_sent(&r, "00p0\n");
	r.now += T;
	pump(&r);
	assert_sent(&r, "00p0\n");
	rig_close(&r);
}

/* What was sent since the last look; returns how many messages, their ids in `mids`. */
static unsigned take_sent(struct rig *r, uint8_t mids[256])
{
	unsigned n = 0;
	while (lan_ring_len(&r->out)) {
		struct iot_line line;
		const char *p = (const char *)lan_ring_at(&r->out, r->out.head);
		size_t len = strcspn(p, "\n");
		assert_int_equal(iot_line_decode((const uint8_t *)p, len, &line), LAN_OK);
		mids[n++] = line.mid;
		lan_ring_drop(&r->out, len + 1);
	}
	return n;
}

/* A stream that lives for `most` lines. What is on its way when it ends is lost, and so are the
 * acknowledgements of it. True: something was acknowledged. */
static bool short_stream(struct rig *r, unsigned most)
{
	uint8_t mids[256];
	uint64_t seq, first = r->o.first;
	iot_outbox_stream(&r->o);
	for (unsigned n; pump(r), (n = take_sent(r, mids)) > 0 && n <= most; most -= n)
		for (unsigned i = 0; i < n; i++) {
			assert_true(iot_outbox_find(&r->o, mids[i], &seq));
			ack(r, seq);
		}
	lan_ring_drop(&r->out, lan_ring_len(&r->out));
	return r->o.first > first;
}

static void rig_open_past_00(struct rig *r, uint32_t window, unsigned lines)
{
	rig_open(r, window, 1 << 20);
	put(r, IOT_QOS);
	pump(r);
	assert_sent(r, "00p0\n");
	ack(r, 0);
	for (unsigned i = 0; i < lines; i++)
		put(r, IOT_QOS);
	iot_outbox_stream(&r->o);
}

static void all_arrives_though_each_stream_ends_before_a_window_is_through(void **state)
{
	static const unsigned lives[] = {60, 30, 7, 1};
	for (unsigned i = 0; i < sizeof lives / sizeof *lives; i++) {
		struct rig r;
		unsigned idle = 0;
		rig_open_past_00(&r, 100, 300);
		while (iot_outbox_pending(&r.o) && idle < 5)
			idle = short_stream(&r, lives[i]) ? 0 : idle + 1;
		assert_in_range(idle, 0, 4);
		rig_close(&r);
	}
}

static void streams_of_which_nothing_came_back_make_the_next_careful_and_answers_bold(void **state)
{
	struct rig r;
	uint8_t mids[256];
	rig_open_past_00(&r, 100, 300);
	const unsigned carried[] = {100, 25, 6, 1, 1};
	for (unsigned i = 0; i < sizeof carried / sizeof *carried; i++) {
		pump(&r);
		assert_int_equal(take_sent(&r, mids), carried[i]);
		iot_outbox_stream(&r.o);
	}
	/* one is on its way again after each stream; each answer lets two more leave */
	for (unsigned want = 1; want < 100; want *= 2) {
		uint64_t first = r.o.first;
		pump(&r);
		assert_int_equal(take_sent(&r, mids), want);
		for (uint64_t seq = first; seq < first + want; seq++)
			ack(&r, seq);
	}
	pump(&r);
	assert_int_equal(take_sent(&r, mids), 100);
	ack(&r, r.o.first);
	iot_outbox_stream(&r.o); /* something came back: as before */
	pump(&r);
	assert_int_equal(take_sent(&r, mids), 100);
	rig_close(&r);
}

static void a_careful_stream_repeats_in_time_what_it_carries_and_nothing_else(void **state)
{
	struct rig r;
	rig_open_past_00(&r, 4, 4);
	pump(&r);
	assert_sent(&r, "01p1\n02p2\n03p3\n04p4\n");
	r.now += T / 2;
	iot_outbox_stream(&r.o);
	pump(&r);
	assert_sent(&r, "01p1\n");
	assert_int_equal(iot_outbox_deadline(&r.o), r.now + T);
	r.now += T / 2; /* the time of the other three on their old stream is up */
	pump(&r);
	assert_sent(&r, "");
	r.now += T / 2;
	pump(&r);
	assert_sent(&r, "01p1\n");
	ack(&r, 1);
	pump(&r);
	assert_sent(&r, "02p2\n03p3\n");
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_of_a_life_travels_alone),
		cmocka_unit_test(no_more_than_a_window_is_on_its_way_counted_from_the_oldest),
		cmocka_unit_test(a_waiting_line_is_alone_on_its_way),
		cmocka_unit_test(an_unacknowledged_line_is_sent_again_after_a_timeout_with_its_id_and_bytes),
		cmocka_unit_test(after_a_new_stream_the_unacknowledged_lines_go_first_and_in_order),
		cmocka_unit_test(a_line_without_qos_is_not_sent_again_and_its_loss_is_told_once),
		cmocka_unit_test(the_first_line_is_sent_with_qos_even_if_written_without),
		cmocka_unit_test(so_many_lines_without_qos_may_be_lost_that_the_receiver_still_knows_the_ids),
		cmocka_unit_test(the_queue_refuses_at_its_bound_and_says_once_when_there_is_room),
		cmocka_unit_test(acknowledgements_of_nothing_outstanding_are_told_apart),
		cmocka_unit_test(a_repeat_is_not_queued_behind_bytes_the_stream_has_not_taken),
		cmocka_unit_test(all_arrives_though_each_stream_ends_before_a_window_is_through),
		cmocka_unit_test(streams_of_which_nothing_came_back_make_the_next_careful_and_answers_bold),
		cmocka_unit_test(a_careful_stream_repeats_in_time_what_it_carries_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
