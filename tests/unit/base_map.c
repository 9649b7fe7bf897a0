/*
 * Unit tests of map.h: SipHash-1-3 gives the answers of an implementation
 * written from the paper in another language (siphash.py beside this file),
 * and the map finds what was put into it, through growth, collisions and seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/map.h"
#include "siphash_answers.inc"

static const uint64_t seed[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void siphash_gives_the_answers_of_the_paper(void **state)
{
	for (size_t n = 0; n < 64; n++) {
		uint8_t *message = malloc(n ? n : 1); /* exact: a read too far is seen */
		assert_non_null(message);
		for (size_t i = 0; i < n; i++)
			message[i] = (uint8_t)i;
		assert_true(lan_siphash(seed, message, n) == siphash_answers[n]);
		free(message);
	}
}

static void siphash_does_not_mind_where_its_input_stands(void **state)
{
	uint8_t room[64 + 8];
	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t i = 0; i < 63; i++)
			room[shift + i] = (uint8_t)i;
		assert_true(lan_siphash(seed, room + shift, 63) == siphash_answers[63]);
	}
}

enum { KEYS = 20000 };
static char keys[KEYS][12];

static void the_map_finds_all_it_was_given_and_nothing_else(void **state)
{
	struct lan_map m;
	uint32_t v;
	lan_map_init(&m, seed);
	assert_false(lan_map_get(&m, "k0", &v));
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof keys[i], "k%u", i);
		assert_false(lan_map_get(&m, keys[i], &v));
		assert_int_equal(lan_map_add(&m, keys[i], i * 3), LAN_OK);
		assert_true(lan_map_get(&m, keys[i], &v) && v == i * 3);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		assert_true(lan_map_get(&m, keys[i], &v) && v == i * 3);
	v = 77;
	assert_false(lan_map_get(&m, "k", &v));
	assert_false(lan_map_get(&m, "", &v));
	assert_false(lan_map_get(&m, "k20000", &v));
	assert_int_equal(v, 77);
	lan_map_fini(&m);
}

/* Searching must end: some slot is always free, and a chain stays short under a secret seed. */
static void a_growing_map_keeps_free_slots_and_short_chains(void **state)
{
	struct lan_map m;
	lan_map_init(&m, seed);
	for (uint32_t i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof keys[i], "k%u", i);
		assert_int_equal(lan_map_add(&m, keys[i], i), LAN_OK);
		assert_int_equal(m.len, i + 1);
		assert_true(m.len < m.cap);
		assert_int_equal(m.cap & (m.cap - 1), 0);
	}
	uint32_t chain = 0, longest = 0;
	for (uint32_t i = 0; i < m.cap; i++) {
		chain = m.slots[i].key ? chain + 1 : 0;
		longest = chain > longest ? chain : longest;
	}
	assert_true(longest < 200);
	lan_map_fini(&m);
}

/* Keys that all start at the last slots of the table: found around its end. */
static void colliding_keys_are_told_apart_around_the_end_of_the_table(void **state)
{
	static char picked[12][12];
	struct lan_map m;
	size_t n = 0;
	uint32_t v;
	lan_map_init(&m, seed);
	for (uint32_t i = 0; n < 12; i++) {
		char key[12];
		snprintf(key, sizeof key, "c%u", i);
		if ((lan_siphash(seed, key, strlen(key)) & 15) == 14)
			memcpy(picked[n++], key, sizeof key);
	}
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(lan_map_add(&m, picked[i], i), LAN_OK);
	assert_int_equal(m.cap, 16);
	assert_non_null(m.slots[0].key);
	for (uint32_t i = 0; i < 12; i++)
		assert_true(lan_map_get(&m, picked[i], &v) && v == i);
	lan_map_fini(&m);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The map keeps 32 bits of the hash; among 200,000 keys some share all of them. */
static void keys_of_the_very_same_hash_are_told_apart(void **state)
{
	enum { MANY = 200000 };
	uint64_t *all = malloc(MANY * sizeof *all);
	char one[16], two[16];
	unsigned pairs = 0;
	assert_non_null(all);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(one, sizeof one, "h%u", i);
		all[i] = (lan_siphash(seed, one, strlen(one)) & UINT32_MAX) << 32 | i;
	}
	qsort(all, MANY, sizeof *all, by_value);
	for (uint32_t i = 1; i < MANY; i++) {
		struct lan_map m;
		uint32_t v;
		if (all[i - 1] >> 32 != all[i] >> 32)
			continue;
		pairs++;
		snprintf(one, sizeof one, "h%u", (uint32_t)all[i - 1]);
		snprintf(two, sizeof two, "h%u", (uint32_t)all[i]);
		lan_map_init(&m, seed);
		assert_int_equal(lan_map_add(&m, one, 1), LAN_OK);
		assert_false(lan_map_get(&m, two, &v));
		assert_int_equal(lan_map_add(&m, two, 2), LAN_OK);
		assert_true(lan_map_get(&m, one, &v) && v == 1);
		assert_true(lan_map_get(&m, two, &v) && v == 2);
		lan_map_fini(&m);
	}
	assert_true(pairs > 0);
	free(all);
}

static void another_seed_puts_the_keys_elsewhere(void **state)
{
	const uint64_t other[2] = {seed[0], seed[1] + 1};
	unsigned same = 0;
	for (unsigned i = 0; i < 1000; i++) {
		char key[12];
		snprintf(key, sizeof key, "s%u", i);
		same += (lan_siphash(seed, key, strlen(key)) & 1023) ==
			(lan_siphash(other, key, strlen(key)) & 1023);
	}
	assert_true(same < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_answers_of_the_paper),
		cmocka_unit_test(siphash_does_not_mind_where_its_input_stands),
		cmocka_unit_test(the_map_finds_all_it_was_given_and_nothing_else),
		cmocka_unit_test(a_growing_map_keeps_free_slots_and_short_chains),
		cmocka_unit_test(colliding_keys_are_told_apart_around_the_end_of_the_table),
		cmocka_unit_test(keys_of_the_very_same_hash_are_told_apart),
		cmocka_unit_test(another_seed_puts_the_keys_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
