/*
 * Unit tests of ring.h: the queue gives back what went in, in order, holds
 * exactly its bound, and remembers positions across growth and compaction.
 * The random test writes byte number p as a function of its position p, so any
 * view can be checked from its position alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/ring.h"

static uint8_t byte_at(uint64_t pos)
{
	return (uint8_t)(pos * 131 + (pos >> 8) * 7);
}

static enum lan_err put(struct lan_ring *r, size_t n)
{
	uint8_t *to;
	enum lan_err e = lan_ring_room(r, n, &to);
	if (e)
		return e;
	for (size_t i = 0; i < n; i++)
		to[i] = byte_at(r->tail + i);
	lan_ring_commit(r, n);
	return LAN_OK;
}

static void check_content(const struct lan_ring *r)
{
	for (uint64_t pos = r->head; pos < r->tail; pos++)
		assert_int_equal(*lan_ring_at(r, pos), byte_at(pos));
}

static void bytes_come_out_in_order_whatever_is_put_and_dropped(void **state)
{
	uint64_t rng = 88172645463325252u;
	for (uint32_t max = 1; max <= 5000; max = max * 3 + 1) {
		struct lan_ring r;
		lan_ring_init(&r, max);
		for (int step = 0; step < 3000; step++) {
			rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
			size_t n = (rng >> 20) % (max / 2 + 2), len = lan_ring_len(&r);
			if (rng % 2) {
				enum lan_err e = put(&r, n);
				assert_int_equal(e, n > max - len ? LAN_ERR_FULL : LAN_OK);
			} else
				lan_ring_drop(&r, n > len ? len : n);
			if (rng % 61 == 0)
				lan_ring_trim(&r);
			check_content(&r);
			assert_true(r.cap <= 2 * max || r.cap <= 256);
		}
		lan_ring_fini(&r);
	}
}

static void the_bound_is_exact_and_a_refusal_changes_nothing(void **state)
{
	struct lan_ring r;
	uint8_t *to = NULL;
	lan_ring_init(&r, 100);
	assert_int_equal(put(&r, 60), LAN_OK);
	assert_int_equal(lan_ring_room(&r, 41, &to), LAN_ERR_FULL);
	assert_int_equal(lan_ring_room(&r, SIZE_MAX, &to), LAN_ERR_FULL);
	assert_null(to);
	assert_int_equal(lan_ring_len(&r), 60);
	assert_int_equal(put(&r, 40), LAN_OK);
	assert_int_equal(put(&r, 1), LAN_ERR_FULL);
	lan_ring_drop(&r, 1);
	assert_int_equal(put(&r, 1), LAN_OK);
	check_content(&r);
	lan_ring_fini(&r);
}

static void a_position_names_its_byte_across_growth_and_compaction(void **state)
{
	struct lan_ring r;
	lan_ring_init(&r, 4096);
	assert_int_equal(put(&r, 200), LAN_OK);
	lan_ring_drop(&r, 150);
	uint64_t mark = r.head + 20;
	for (int i = 0; i < 40; i++)
		assert_int_equal(put(&r, 100), LAN_OK);
	assert_int_equal(*lan_ring_at(&r, mark), byte_at(mark));
	check_content(&r);
	lan_ring_fini(&r);
}

static void what_stands_in_the_queue_is_one_piece(void **state)
{
	struct lan_ring r;
	lan_ring_init(&r, 256);
	for (int round = 0; round < 50; round++) {
		assert_int_equal(put(&r, 100), LAN_OK);
		assert_ptr_equal(lan_ring_at(&r, r.tail), lan_ring_at(&r, r.head) + lan_ring_len(&r));
		lan_ring_drop(&r, round ? 100 : 50);
		check_content(&r);
	}
	lan_ring_fini(&r);
}

static void memory_is_taken_when_needed_and_given_back_when_empty(void **state)
{
	struct lan_ring r;
	lan_ring_init(&r, 1000);
	assert_null(r.buf);
	assert_int_equal(lan_ring_put(&r, "abc", 3), LAN_OK);
	lan_ring_trim(&r);
	assert_non_null(r.buf);
	assert_memory_equal(lan_ring_at(&r, r.head), "abc", 3);
	lan_ring_drop(&r, 3);
	lan_ring_trim(&r);
	assert_null(r.buf);
	assert_int_equal(r.cap, 0);
	assert_int_equal(lan_ring_put(&r, "de", 2), LAN_OK);
	assert_int_equal(r.head, 3);
	assert_memory_equal(lan_ring_at(&r, 3), "de", 2);
	lan_ring_fini(&r);
	lan_ring_fini(&r);
}

static void a_queue_of_a_megabyte_takes_little_memory_for_little_content(void **state)
{
	struct lan_ring r;
	lan_ring_init(&r, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(put(&r, 64), LAN_OK);
		if (i >= 4)
			lan_ring_drop(&r, 64);
	}
	assert_true(r.cap <= 4096);
	check_content(&r);
	lan_ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order_whatever_is_put_and_dropped),
		cmocka_unit_test(the_bound_is_exact_and_a_refusal_changes_nothing),
		cmocka_unit_test(a_position_names_its_byte_across_growth_and_compaction),
		cmocka_unit_test(what_stands_in_the_queue_is_one_piece),
		cmocka_unit_test(memory_is_taken_when_needed_and_given_back_when_empty),
		cmocka_unit_test(a_queue_of_a_megabyte_takes_little_memory_for_little_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
