/*
 * Unit tests of reasm.h: fragments in any order make the PDU, holes are filled by
 * a repetition, what is late is not taken for part of something newer, and what
 * does not fit begins anew; all within a budget that comes out at zero. The
 * allocator counts and can be told to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "oom_alloc.h"
#include "proto/lsoe/reasm.h"

#define WAIT LAN_SEC(1)
#define LOTS 4000000

static struct lsoe_reasm r;
static struct lsoe_reasm_budget budget;
static lan_time now;
static enum lsoe_dialect dialect;
static uint16_t tsn;
static uint64_t rng = 88172645463325252u;

static uint64_t next_random(void)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return rng;
}

static int begin(void **state)
{
	oom_arm(0);
	lsoe_reasm_init(&r);
	budget = (struct lsoe_reasm_budget){.max = LOTS};
	now = LAN_SEC(5);
	dialect = LSOE_01;
	tsn = 0;
	return 0;
}

static int end(void **state)
{
	lsoe_reasm_fini(&r, &budget);
	assert_int_equal(budget.used, 0);
	assert_int_equal(oom_live(), 0);
	return 0;
}

static const uint8_t *pdu;
static size_t pdu_len;

static enum lsoe_reasm_result add(uint32_t number, bool last, const void *text, size_t n)
{
	struct lsoe_frame f = {.tsn = tsn, .number = number, .last = last, .payload = text, .len = n};

	pdu = NULL;
	enum lsoe_reasm_result res = lsoe_reasm_add(&r, &budget, dialect, now, WAIT, &f, &pdu, &pdu_len);
	assert_true(budget.used <= budget.max);
	assert_int_equal(pdu != NULL, res == LSOE_REASM_PDU);
	return res;
}

/* Fragments by letters: "A0 B1 C2." one after the other, the dot is the last one's; all but the final one are
 * kept. */
static enum lsoe_reasm_result script(const char *s)
{
	enum lsoe_reasm_result res = LSOE_REASM_MORE;

	for (; *s; s += *s == ' ') {
		const char *text = s;
		s += strcspn(s, "0123456789");
		size_t n = (size_t)(s - text);
		uint32_t number = (uint32_t)(*s++ - '0');
		bool last = *s == '.';
		s += last;
		res = add(number, last, text, n);
	}
	return res;
}

static void expect_pdu(const char *text)
{
	assert_non_null(pdu);
	assert_int_equal(pdu_len, strlen(text));
	assert_memory_equal(pdu, text, pdu_len);
}

static void deliver(const char *s, const char *text)
{
	assert_int_equal(script(s), LSOE_REASM_PDU);
	expect_pdu(text);
}

static void one_datagram_is_handed_on_and_leaves_an_assembly_alone(void **state)
{
	static const uint8_t text[] = "whole";

	assert_int_equal(add(0, true, text, 5), LSOE_REASM_PDU);
	assert_ptr_equal(pdu, text);
	assert_int_equal(oom_count(), 0);
	assert_int_equal(r.until, LAN_NEVER);
	script("A0");
	assert_int_equal(add(0, true, text, 5), LSOE_REASM_PDU);
	assert_int_equal(add(0, true, text, 0), LSOE_REASM_PDU);
	deliver("B1.", "AB");
}

static void fragments_in_any_order_make_the_pdu(void **state)
{
	static uint8_t body[60000];

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)next_random();
	for (int d = LSOE_01; d <= LSOE_L3DL; d++)
		for (uint32_t n = 2; n <= 44; n++)
			for (unsigned way = 0; way < 8; way++) {
				uint32_t order[44];
				size_t size = 1300 + way, len = (n - 1) * size + 1 + n;
				dialect = d;
				tsn++;
				now += 2 * WAIT; /* or it would be known */
				lsoe_reasm_expire(&r, &budget, now);
				for (uint32_t i = 0; i < n; i++)
					order[i] = way == 1 ? n - 1 - i : i;
				for (uint32_t i = n; way > 1 && i > 1; i--) {
					uint32_t j = (uint32_t)(next_random() % i), t = order[i - 1];
					order[i - 1] = order[j], order[j] = t;
				}
				for (uint32_t i = 0; i < n; i++) {
					uint32_t k = order[i];
					bool last = k == n - 1;
					enum lsoe_reasm_result res =
						add(k, last, body + k * size, last ? len - k * size : size);
					assert_int_equal(res, i < n - 1 ? LSOE_REASM_MORE : LSOE_REASM_PDU);
				}
				assert_int_equal(pdu_len, len);
				assert_memory_equal(pdu, body, len);
			}
}

static void a_repetition_fills_the_holes(void **state)
{
	script("A0 C2.");
	assert_int_equal(script("A0"), LSOE_REASM_REPEATED);
	deliver("B1", "ABC");
	assert_int_equal(script("C2."), LSOE_REASM_REPEATED);
	assert_null(r.parts);
}

static void duplicates_are_ignored_at_any_time(void **state)
{
	assert_int_equal(script("A0 A0"), LSOE_REASM_REPEATED);
	assert_int_equal(script("B1 B1"), LSOE_REASM_REPEATED);
	deliver("C2.", "ABC");
	assert_int_equal(script("C2."), LSOE_REASM_REPEATED);
	assert_int_equal(script("B1"), LSOE_REASM_REPEATED);
	/* the next PDU is not hurt by any of them */
	script("D0");
	assert_int_equal(script("C2."), LSOE_REASM_REPEATED);
	script("E1");
	deliver("F2.", "DEF");
}

/* It came where it could belong to the new PDU. When the new one's own comes it is known that it did not. */
static void a_late_fragment_in_the_midst_of_a_new_pdu_gives_way(void **state)
{
	deliver("A0 B1 C2.", "ABC");
	script("D0");
	assert_int_equal(script("B1"), LSOE_REASM_MORE);
	assert_int_equal(script("E1"), LSOE_REASM_MORE);
	deliver("F2.", "DEF");
	/* what is in front of it may belong to both */
	script("D0 E1");
	assert_int_equal(script("X1"), LSOE_REASM_MORE);
	deliver("Y2.", "DXY");
}

static void the_time_of_a_pdu_begins_with_its_first_new_fragment(void **state)
{
	deliver("A0 B1 C2.", "ABC");
	script("A0");
	now += WAIT - 1;
	script("D0");
	now += 1;
	assert_false(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(r.until, now + WAIT - 1);
	deliver("E1 F2.", "DEF");
}

static void a_late_first_fragment_gives_way_to_a_new_one(void **state)
{
	deliver("A0 B1 C2.", "ABC");
	assert_int_equal(script("A0"), LSOE_REASM_MORE);
	assert_int_equal(script("B1"), LSOE_REASM_MORE);
	assert_int_equal(script("D0"), LSOE_REASM_MORE); /* not lost: it was never part of anything new */
	script("E1");
	deliver("F2.", "DEF");
	/* and when nothing follows it is forgotten, not lost */
	assert_int_equal(script("D0"), LSOE_REASM_MORE);
	now += WAIT;
	assert_false(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(budget.used, 0);
}

static void a_pdu_sent_again_as_a_whole_is_delivered_again(void **state)
{
	for (int d = LSOE_01; d <= LSOE_L3DL; d++) {
		dialect = d;
		for (int i = 0; i < 3; i++)
			deliver("A0 B1 C2.", "ABC");
	}
	deliver("C2. A0 B1", "ABC"); /* L3DL: in any order, the TSN is the same */
}

static void what_is_the_same_in_two_pdus_belongs_to_both(void **state)
{
	deliver("A0 B1 C2.", "ABC");
	deliver("D0 B1 C2.", "DBC"); /* changed at its front */
	deliver("D0 B1 E2.", "DBE"); /* at its end */
	deliver("D0 F1 E2.", "DFE"); /* in the middle */
	deliver("D0 F1.", "DF");     /* shorter */
	deliver("D0 F1 E2.", "DFE"); /* and longer again */
}

static void what_does_not_fit_begins_anew(void **state)
{
	static const char *const first[] = {"A0 B1", "A0 B1.", "A0 C2.", "B1", "D3"};
	static const char *const then[] = {"X1", "X0", "X1.", "X2", "X2."};

	assert_int_equal(script("A0 B1 X1"), LSOE_REASM_RESTART); /* another one of this number */
	deliver("W0 Y2.", "WXY");
	now += 2 * WAIT;
	script("A0 C2.");
	assert_int_equal(script("X3"), LSOE_REASM_RESTART); /* behind the last one */
	script("U0 V1 W2");
	deliver("Y4.", "UVWXY");
	now += 2 * WAIT;
	script("A0 C2.");
	assert_int_equal(script("X1."), LSOE_REASM_RESTART); /* a second last one */
	deliver("W0", "WX");
	now += 2 * WAIT;
	script("A0 D3");
	assert_int_equal(script("X1."), LSOE_REASM_RESTART); /* the last one, but there was more */
	deliver("W0", "WX");
	now += 2 * WAIT;
	script("A0 B1");
	assert_int_equal(script("B1."), LSOE_REASM_RESTART); /* the same octets, but now the last */
	deliver("A0", "AB");
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++) { /* whatever it was, the budget comes out */
			lsoe_reasm_fini(&r, &budget);
			script(first[i]);
			script(then[k]);
		}
}

static void strays_are_given_up_in_time(void **state)
{
	assert_int_equal(script("A0"), LSOE_REASM_MORE);
	assert_int_equal(r.until, now + WAIT);
	assert_false(lsoe_reasm_expire(&r, &budget, now + WAIT - 1));
	now += WAIT / 2;
	script("B1"); /* the time counts from the first */
	now += WAIT / 2;
	assert_true(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(budget.used, 0);
	assert_int_equal(r.until, LAN_NEVER);
	assert_false(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(script("X5."), LSOE_REASM_MORE);
	now += WAIT;
	assert_true(lsoe_reasm_expire(&r, &budget, now));
	deliver("A0 B1.", "AB");
	/* memory of what was delivered goes at the next occasion, what is known of it in time */
	assert_int_equal(r.until, now);
	assert_false(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(r.until, now + WAIT);
	now += WAIT;
	assert_false(lsoe_reasm_expire(&r, &budget, now));
	assert_int_equal(budget.used, 0);
	assert_int_equal(r.until, LAN_NEVER);
}

static void numbers_and_lengths_have_bounds(void **state)
{
	static uint8_t big[65523];

	for (uint32_t i = 0; i < 127; i++)
		assert_int_equal(add(i, false, big, 500), LSOE_REASM_MORE);
	assert_int_equal(add(127, true, big, 500), LSOE_REASM_PDU);
	assert_int_equal(pdu_len, 64000);
	assert_int_equal(add(0, false, big, 65500), LSOE_REASM_MORE);
	assert_int_equal(add(1, true, big, 35), LSOE_REASM_PDU);
	assert_int_equal(add(0, false, big + 1, 65500), LSOE_REASM_MORE);
	assert_int_equal(add(1, true, big, 36), LSOE_REASM_TOO_LONG);
	assert_null(r.parts);
	dialect = LSOE_L3DL;
	tsn = 77;
	assert_int_equal(add(4096, false, big, 10), LSOE_REASM_NUMBER);
	assert_int_equal(add(4095, true, big, 10), LSOE_REASM_MORE);
	tsn++;
	for (uint32_t i = 0; i < 16; i++) /* 1 MiB and no more */
		assert_int_equal(add(i, false, big, 65523), i ? LSOE_REASM_MORE : LSOE_REASM_RESTART);
	assert_int_equal(add(16, true, big, 16 * 13 + 1), LSOE_REASM_TOO_LONG);
}

static void tsns_tell_pdus_apart_and_wrap(void **state)
{
	dialect = LSOE_L3DL;
	tsn = 0xffff;
	script("A0 B1");
	tsn = 0xfffe;
	assert_int_equal(script("X0"), LSOE_REASM_OLD);
	tsn = 0x8000;
	assert_int_equal(script("X2."), LSOE_REASM_OLD);
	tsn = 0xffff;
	deliver("C2.", "ABC");
	tsn = 0;
	script("D0");
	tsn = 1; /* the sender has given up on that one */
	assert_int_equal(script("G0"), LSOE_REASM_RESTART);
	tsn = 0xffff; /* late, and older than what is there */
	assert_int_equal(script("C2."), LSOE_REASM_OLD);
	tsn = 1;
	deliver("H1.", "GH");
	tsn = 0xffff; /* the sender began anew: nothing is unfinished, so any number will do */
	deliver("A0 B1.", "AB");
	script("A0"); /* known, and then something else: nothing is lost */
	tsn = 0x7000;
	assert_int_equal(script("I0"), LSOE_REASM_MORE);
	deliver("J1.", "IJ");
}

static void an_l3dl_fragment_that_changed_begins_anew(void **state)
{
	dialect = LSOE_L3DL;
	script("A0 B1");
	assert_int_equal(script("X1"), LSOE_REASM_RESTART);
	deliver("A0 C2.", "AXC");
	script("A0");
	assert_int_equal(script("Y0"), LSOE_REASM_MORE); /* a sender that began anew with the same TSN */
	deliver("Z1.", "YZ");
}

static void the_budget_of_the_link_is_kept(void **state)
{
	static uint8_t big[1492];
	struct lsoe_reasm other[40];
	struct lsoe_frame f = {.number = 1, .payload = big, .len = sizeof big};
	unsigned kept = 0;

	budget.max = 16000;
	for (size_t i = 0; i < 40; i++) {
		lsoe_reasm_init(&other[i]);
		enum lsoe_reasm_result res =
			lsoe_reasm_add(&other[i], &budget, LSOE_01, now, WAIT, &f, &pdu, &pdu_len);
		assert_true(res == LSOE_REASM_MORE || res == LSOE_REASM_FULL);
		kept += res == LSOE_REASM_MORE;
		assert_int_equal(other[i].parts != NULL, res == LSOE_REASM_MORE);
		assert_true(budget.used <= budget.max);
	}
	assert_true(kept >= 8 && kept <= 10);
	assert_true(oom_bytes() <= budget.used + 32 * kept);    /* the allocator rounds up */
	assert_int_equal(add(0, true, big, 5), LSOE_REASM_PDU); /* whole ones need none */
	assert_int_equal(add(1, true, big, sizeof big), LSOE_REASM_FULL);
	for (size_t i = 0; i < 40; i++)
		lsoe_reasm_expire(&other[i], &budget, now + WAIT);
	assert_int_equal(budget.used, 0);
	assert_int_equal(add(1, true, big, sizeof big), LSOE_REASM_MORE);
	/* a number far out needs a table as long */
	dialect = LSOE_L3DL;
	tsn = 1;
	assert_int_equal(add(4000, false, big, 1), LSOE_REASM_FULL);
}

static void without_memory_nothing_is_lost_but_the_pdu(void **state)
{
	for (uint64_t k = 1; k < 20; k++) {
		enum lsoe_reasm_result res = LSOE_REASM_MORE;
		oom_arm(k);
		for (uint32_t i = 0; i < 12; i++) {
			res = add(i, i == 11, "text", 4);
			assert_true(
				res == LSOE_REASM_MORE || res == LSOE_REASM_FULL || res == LSOE_REASM_PDU);
		}
		oom_disarm();
		for (uint32_t i = 0; i < 12 && res != LSOE_REASM_PDU; i++)
			res = add(i, i == 11, "text", 4);
		assert_int_equal(res, LSOE_REASM_PDU);
		assert_int_equal(pdu_len, 48);
		lsoe_reasm_fini(&r, &budget);
		assert_int_equal(budget.used, 0);
	}
}

/* A sender whose PDUs arrive in order but with any fragment lost or doubled must never be misunderstood. */
static void losses_and_doubles_never_make_a_pdu_that_was_not_sent(void **state)
{
	unsigned whole = 0;

	for (int d = LSOE_01; d <= LSOE_L3DL; d++)
		for (unsigned round = 0; round < 20000; round++) {
			char text[4][2] = {{(char)('a' + next_random() % 3), (char)('a' + round % 26)},
				{(char)('a' + next_random() % 3), 'x'},
				{(char)('a' + next_random() % 3), 'x'},
				{(char)('a' + next_random() % 3), 'x'}};
			uint32_t n = 2 + (uint32_t)(next_random() % 3);
			bool done = false;
			dialect = d;
			tsn++;
			now += LAN_MS(next_random() % 300);
			for (unsigned attempt = 0; attempt < 3 && !done; attempt++, now += WAIT)
				for (uint32_t i = 0; i < n; i++) {
					unsigned copies = next_random() % 10 < 2 ? 0 : 1 + next_random() % 2;
					lsoe_reasm_expire(&r, &budget, now);
					while (copies--)
						if (add(i, i == n - 1, text[i], 2) == LSOE_REASM_PDU) {
							assert_int_equal(pdu_len, 2 * n);
							assert_memory_equal(pdu, text, pdu_len);
							done = true;
						}
				}
			whole += done;
		}
	assert_true(whole > 30000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(one_datagram_is_handed_on_and_leaves_an_assembly_alone),
		T(fragments_in_any_order_make_the_pdu),
		T(a_repetition_fills_the_holes),
		T(duplicates_are_ignored_at_any_time),
		T(a_late_fragment_in_the_midst_of_a_new_pdu_gives_way),
		T(the_time_of_a_pdu_begins_with_its_first_new_fragment),
		T(a_late_first_fragment_gives_way_to_a_new_one),
		T(a_pdu_sent_again_as_a_whole_is_delivered_again),
		T(what_is_the_same_in_two_pdus_belongs_to_both),
		T(what_does_not_fit_begins_anew),
		T(strays_are_given_up_in_time),
		T(numbers_and_lengths_have_bounds),
		T(tsns_tell_pdus_apart_and_wrap),
		T(an_l3dl_fragment_that_changed_begins_anew),
		T(the_budget_of_the_link_is_kept),
		T(without_memory_nothing_is_lost_but_the_pdu),
		T(losses_and_doubles_never_make_a_pdu_that_was_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
