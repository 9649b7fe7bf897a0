/*
 * Unit tests of big.h: arithmetic against itself and numbers known by heart,
 * and the nearest double against one made slowly and, of decimals, strtod.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/big.h"

static uint64_t next(void) /* xorshift: the same numbers everywhere */
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	return bits;
}

static bool same(const struct lan_big *a, const struct lan_big *b)
{
	return a->n == b->n && memcmp(a->w, b->w, a->n * sizeof *a->w) == 0 && lan_big_compare(a, b) == 0;
}

static void a_shift_is_so_many_doublings(void **state)
{
	for (unsigned shift = 0; shift <= 32 * (LAN_BIG_WORDS - 3); shift++) {
		struct lan_big a = lan_big_of(0xfedcba9876543210, shift),
			       b = lan_big_of(0xfedcba9876543210, 0);
		for (unsigned i = 0; i < shift; i++)
			lan_big_add(&b, &b);
		assert_true(same(&a, &b));
		assert_int_equal(a.n, (64 + shift + 31) / 32);
	}
	assert_int_equal(lan_big_of(0, 100).n, 0);
	assert_int_equal(lan_big_of(1, 32).n, 2);
}

static void tens_go_in_and_out(void **state)
{
	for (unsigned n = 0; n < 330; n++) {
		struct lan_big a = lan_big_of(UINT64_MAX, 0), b = lan_big_of(UINT64_MAX, 0);
		lan_big_times_ten(&a, n);
		for (unsigned i = 0; i < n; i++)
			lan_big_times(&b, 10);
		assert_true(same(&a, &b));
		assert_false(lan_big_divide_ten(&a, n));
		b = lan_big_of(UINT64_MAX, 0);
		assert_true(same(&a, &b));
		assert_true(lan_big_divide_ten(&a, 1)); /* it ends in 5 */
	}
	struct lan_big a =
		lan_big_of(UINT64_C(30000000001), 0); /* the one is left over by the first of two steps */
	assert_true(lan_big_divide_ten(&a, 10));
	assert_int_equal(a.w[0], 3);
}

static void what_is_subtracted_can_be_added_again(void **state)
{
	for (int i = 0; i < 20000; i++) {
		struct lan_big a = lan_big_of(next(), next() % 300), b = lan_big_of(next(), next() % 300), c;
		int order = lan_big_compare(&a, &b);

		assert_int_equal(lan_big_compare(&b, &a), -order);
		if (order < 0)
			c = a, a = b, b = c;
		c = a;
		lan_big_subtract(&c, &b);
		lan_big_add(&c, &b);
		assert_true(same(&c, &a));
		lan_big_subtract(&c, &a);
		assert_int_equal(c.n, 0);
	}
	struct lan_big a = lan_big_of(1, 200), one = lan_big_of(1, 0), b = a;
	lan_big_subtract(&a, &one);
	assert_int_equal(a.n, 7); /* 2^200 - 1: the borrow went all the way, the word above is gone */
	assert_int_equal(lan_big_compare(&a, &b), -1);
	lan_big_add(&a, &one);
	assert_true(same(&a, &b));
}

/* One bit at a time. (The C library's strtod of glibc 2.36 rounds some subnormals written in hex wrongly.) */
static double slowly(uint64_t v, bool rest, int exponent)
{
	unsigned __int128 m = (unsigned __int128)v << 2 | rest;
	bool half = false, more = false;

	for (exponent -= 2; m >> 53 || (m && exponent < -1074); exponent++) {
		more |= half;
		half = m & 1;
		m >>= 1;
	}
	m += half && (more || m & 1);
	return ldexp((double)m, exponent);
}

static void the_nearest_is_found(void **state)
{
	for (int i = 0; i < 100000; i++) {
		/* any number of digits; some with a tie, or just beside one, at what a double can hold */
		uint64_t v = next() >> next() % 64;
		int exponent = (int)(next() % 2300) - 1200;
		if (i % 2)
			v = (v | UINT64_C(1) << 63) & ~(UINT64_C(0x7ff) >> next() % 2);
		if (i % 4 == 3)
			v |= UINT64_C(1) << 10;
		bool rest = i % 8 > 5 && v >> 53;
		double got = lan_real_nearest(v, rest, exponent);
		if (bits_of(got) != bits_of(slowly(v, rest, exponent)))
			fail_msg("%#llx %d p%d: %a", (unsigned long long)v, rest, exponent, got);
	}
	assert_true(lan_real_nearest(1, false, 1024) == __builtin_inf());
	assert_true(lan_real_nearest(3, false, 1023) == __builtin_inf());
	assert_true(lan_real_nearest(3, false, INT64_MAX / 2) == __builtin_inf());
	assert_true(lan_real_nearest(3, false, INT64_MIN / 2) == 0);
	assert_true(lan_real_nearest(0, false, INT64_MAX / 2) == 0);
}

static void the_nearest_of_a_big_one_looks_at_all_of_it(void **state)
{
	char text[100];

	for (int i = 0; i < 30000; i++) {
		uint64_t digits = next() >> next() % 64;
		unsigned tens = (unsigned)(next() % 310), by = (unsigned)(next() % 340);
		struct lan_big b = lan_big_of(digits, 0);
		lan_big_times_ten(&b, tens);
		snprintf(text, sizeof text, "%llue%u", (unsigned long long)digits, tens);
		assert_int_equal(bits_of(lan_big_nearest(&b, false, 0)), bits_of(strtod(text, NULL)));

		b = lan_big_of(digits, 32 * 37);
		bool rest = lan_big_divide_ten(&b, by);
		snprintf(text, sizeof text, "%llue-%u", (unsigned long long)digits, by);
		assert_int_equal(bits_of(lan_big_nearest(&b, rest, -32 * 37)), bits_of(strtod(text, NULL)));
	}
	/* a tie of 53 bits, and one bit more anywhere below */
	for (unsigned shift = 1; shift < 300; shift++)
		for (unsigned at = 0; at < shift; at++) {
			struct lan_big tie = lan_big_of((UINT64_C(1) << 53) + 1, shift),
				       bit = lan_big_of(1, at);
			assert_true(lan_big_nearest(&tie, false, -(int)shift) == 0x1p53);
			lan_big_add(&tie, &bit);
			assert_true(lan_big_nearest(&tie, false, -(int)shift) == 0x1p53 + 2);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shift_is_so_many_doublings),
		cmocka_unit_test(tens_go_in_and_out),
		cmocka_unit_test(what_is_subtracted_can_be_added_again),
		cmocka_unit_test(the_nearest_is_found),
		cmocka_unit_test(the_nearest_of_a_big_one_looks_at_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
