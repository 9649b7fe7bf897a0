/*
 * test_engine.c - the simulator tested with a core of its own: before anybody
 * trusts it about real cores, it must show that it carries bytes whole, that a
 * seed means one run, and that each verdict does what it says.
 *
 * The toy core dials once (or accepts one stream), sends numbered lines, keeps
 * what it receives, and gives few and odd bytes of room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sim.h"

struct toy {
	bool dials, dialled, up, want_send, full;
	unsigned room_calls;
	int lines; /* to send */
	char out[4096], in[4096], part[8];
	size_t n_out, n_in;
	enum lan_err ended; /* LAN_OK: not */
	lan_time ended_at;
	uint64_t unreached;
	enum lan_want_kind leaves; /* 0: not */
};

static enum lan_err toy_open(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct toy *t = core;

	if (result != LAN_OK) {
		t->ended = result;
		t->ended_at = now;
		return LAN_OK;
	}
	t->up = true;
	*conn = 5;
	for (int i = 0; i < t->lines; i++)
		t->n_out += (size_t)snprintf(t->out + t->n_out, sizeof t->out - t->n_out, "line %d\n", i);
	t->want_send = true;
	return LAN_OK;
}

static uint8_t *toy_room(void *core, uint32_t conn, size_t *n)
{
	struct toy *t = core;

	assert_int_equal(conn, 5);
	*n = t->full ? 0 : 1 + t->room_calls++ % 7;
	return (uint8_t *)t->part;
}

static enum lan_err toy_commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct toy *t = core;

	memcpy(t->in + t->n_in, t->part, n);
	t->n_in += n;
	t->in[t->n_in] = 0;
	return LAN_OK;
}

static const uint8_t *toy_pending(void *core, uint32_t conn, size_t *n)
{
	struct toy *t = core;

	*n = t->n_out;
	return (const uint8_t *)t->out;
}

static void toy_sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct toy *t = core;

	memmove(t->out, t->out + n, t->n_out - n);
	t->n_out -= n;
}

static void toy_unreached(void *core, uint32_t conn, uint64_t bytes)
{
	struct toy *t = core;

	t->unreached = bytes;
}

static void toy_lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct toy *t = core;

	t->up = false;
	t->ended = why;
	t->ended_at = now;
}

static void toy_tick(void *core, lan_time now)
{
}

static lan_time toy_deadline(const void *core)
{
	return LAN_NEVER;
}

static bool toy_want(void *core, struct lan_want *w)
{
	struct toy *t = core;

	if (t->dials && !t->dialled) {
		t->dialled = true;
		*w = (struct lan_want){LAN_WANT_DIAL, LAN_NO_CONN};
		return true;
	}
	if (t->want_send) {
		t->want_send = false;
		*w = (struct lan_want){LAN_WANT_SEND, 5};
		return true;
	}
	if (t->leaves) {
		*w = (struct lan_want){t->leaves, 5};
		t->leaves = 0;
		return true;
	}
	return false;
}

static const struct lan_stream_ops toy_ops = {.name = "toy",
	.open = toy_open,
	.room = toy_room,
	.commit = toy_commit,
	.pending = toy_pending,
	.sent = toy_sent,
	.unreached = toy_unreached,
	.lost = toy_lost,
	.tick = toy_tick,
	.deadline = toy_deadline,
	.want = toy_want};

static void *toy_boot(void *ctx, const struct lan_env *env)
{
	return ctx;
}

static void toy_bury(void *ctx, void *core)
{
}

static void toy_drain(void *ctx, lan_time now)
{
}

struct pair {
	struct sim *sim;
	struct toy a, b; /* a dials b and sends */
	struct sim_verdict on_line_3;
	int seen;
	bool bytes; /* no lines; on_line_3 is the verdict on byte `at` */
	size_t at, passed;
	lan_time dead_after;
};

static struct sim_verdict pair_relay(void *ctx, uint32_t stream, int from, const uint8_t *line, size_t len)
{
	struct pair *p = ctx;
	struct sim_verdict v = p->on_line_3;
	size_t before = p->passed;

	if (p->bytes) {
		p->passed += from == 0 ? len : 0;
		v.cut_at = (uint32_t)(p->at - before);
		return from == 0 && before <= p->at && p->at < p->passed ? v : (struct sim_verdict){0};
	}
	return from == 0 && p->seen++ == 3 ? p->on_line_3 : (struct sim_verdict){0};
}

static void pair_run(struct pair *p, uint64_t seed, bool plain)
{
	struct sim_config cfg = {.seed = seed,
		.latency = LAN_MS(5),
		.jitter = plain ? 0 : LAN_MS(3),
		.dial_timeout = LAN_SEC(1),
		.window = 40,
		.split_ppm = plain ? 0 : 500000,
		.plain = plain,
		.bytes = p->bytes,
		.dead_after = p->dead_after,
		.relay = pair_relay,
		.ctx = p};
	struct sim_node_spec spec = {.name = "b",
		.ops = &toy_ops,
		.boot = toy_boot,
		.bury = toy_bury,
		.drain = toy_drain,
		.dials = -1};

	p->sim = sim_new(&cfg);
	p->a.dials = true;
	p->a.lines = 8;
	spec.ctx = &p->b;
	sim_add(p->sim, &spec);
	spec.name = "a";
	spec.ctx = &p->a;
	spec.dials = 0;
	sim_add(p->sim, &spec);
	sim_start(p->sim, 0);
	sim_start(p->sim, 1);
	sim_run(p->sim, LAN_SEC(60));
	assert_null(sim_failure(p->sim));
}

#define ALL "line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\n"

static void bytes_arrive_whole_and_in_order_however_they_are_split(void **state)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct pair p = {0};

		pair_run(&p, seed, false);
		assert_string_equal(p.b.in, ALL);
		assert_int_equal(p.a.n_out, 0);
		sim_free(p.sim);
	}
}

static void a_seed_is_one_run_and_another_seed_another(void **state)
{
	struct pair p = {0}, q = {0}, r = {0};

	pair_run(&p, 7, false);
	pair_run(&q, 7, false);
	pair_run(&r, 8, false);
	assert_int_equal(sim_hash(p.sim), sim_hash(q.sim));
	assert_int_equal(sim_events(p.sim), sim_events(q.sim));
	assert_int_not_equal(sim_hash(p.sim), sim_hash(r.sim));
	sim_free(p.sim);
	sim_free(q.sim);
	sim_free(r.sim);
}

static void with(struct sim_verdict v, const char *expected, enum lan_err a, enum lan_err b)
{
	struct pair p = {.on_line_3 = v};

	pair_run(&p, 1, true);
	assert_string_equal(p.b.in, expected);
	assert_int_equal(p.a.ended, a);
	assert_int_equal(p.b.ended, b);
	sim_free(p.sim);
}

static void each_verdict_does_what_it_says(void **state)
{
	with((struct sim_verdict){.drop = true}, "line 0\nline 1\nline 2\nline 4\nline 5\nline 6\nline 7\n",
		LAN_OK, LAN_OK);
	with((struct sim_verdict){.swap = true},
		"line 0\nline 1\nline 2\nline 4\nline 3\nline 5\nline 6\nline 7\n", LAN_OK, LAN_OK);
	with((struct sim_verdict){.delay = LAN_SEC(1)},
		"line 0\nline 1\nline 2\nline 4\nline 5\nline 6\nline 7\nline 3\n", LAN_OK, LAN_OK);
	with((struct sim_verdict){.delay = LAN_SEC(1), .hold_lines = 3},
		"line 0\nline 1\nline 2\nline 4\nline 5\nline 3\nline 6\nline 7\n", LAN_OK, LAN_OK);
	with((struct sim_verdict){.copies = 1, .copy_delay = LAN_SEC(1)}, ALL "line 3\n", LAN_OK, LAN_OK);
	with((struct sim_verdict){.stall = LAN_NEVER}, "", LAN_OK, LAN_OK);
	with((struct sim_verdict){.stall = LAN_SEC(5)}, ALL, LAN_OK, LAN_OK);
}

static void a_cut_ends_both_sides_behind_the_bytes_it_let_through(void **state)
{
	with((struct sim_verdict){.cut = true, .cut_at = 4}, "line 0\nline 1\nline 2\nline", LAN_ERR_CLOSED,
		LAN_ERR_CLOSED);
	with((struct sim_verdict){.cut = true, .cut_at = 4, .tell_sender = SIM_SILENT},
		"line 0\nline 1\nline 2\nline", LAN_OK, LAN_ERR_CLOSED);
	with(
		(struct sim_verdict){
			.cut = true, .cut_at = 4, .tell_sender = SIM_RST, .tell_receiver = SIM_SILENT},
		"line 0\nline 1\nline 2\nline", LAN_ERR_RESET, LAN_OK);
}

static void a_full_reader_stops_the_sender_and_a_crash_is_heard(void **state)
{
	struct pair p = {.b.full = true};

	pair_run(&p, 1, true);
	assert_int_equal(p.b.n_in, 0);
	assert_int_equal(p.a.n_out, 8 * 7 - 40 - 5); /* the window is 40; the relay holds a part of a line */
	sim_crash(p.sim, 0, SIM_RST);
	sim_run(p.sim, LAN_SEC(61));
	assert_int_equal(p.a.ended, LAN_ERR_RESET);
	sim_free(p.sim);
}

static void a_dial_to_nobody_is_refused_and_into_a_partition_times_out(void **state)
{
	struct sim_config cfg = {.seed = 1, .latency = LAN_MS(5), .dial_timeout = LAN_SEC(3), .window = 100};
	struct sim_node_spec spec = {.name = "b",
		.ops = &toy_ops,
		.boot = toy_boot,
		.bury = toy_bury,
		.drain = toy_drain,
		.dials = -1};

	for (int partition = 0; partition < 2; partition++) {
		struct toy a = {.dials = true}, b = {0};
		struct sim *sim = sim_new(&cfg);

		spec.ctx = &b;
		spec.dials = -1;
		sim_add(sim, &spec);
		spec.ctx = &a;
		spec.dials = 0;
		sim_add(sim, &spec);
		sim_start(sim, 1);
		if (partition) {
			sim_start(sim, 0);
			sim_group(sim, 1, 1);
		}
		sim_run(sim, LAN_SEC(60));
		assert_int_equal(a.ended, partition ? LAN_ERR_TIMEOUT : LAN_ERR_REFUSED);
		assert_true(partition ? a.ended_at > LAN_SEC(3) : a.ended_at < LAN_MS(1020));
		sim_free(sim);
	}
}

static void a_stream_of_bytes_is_cut_behind_any_byte(void **state)
{
	for (size_t at = 0; at < strlen(ALL); at++) {
		struct pair p = {.bytes = true,
			.at = at,
			.on_line_3 = {.cut = true, .tell_sender = SIM_RST, .tell_receiver = SIM_FIN}};

		pair_run(&p, at, false);
		assert_int_equal(p.b.n_in, at);
		assert_memory_equal(p.b.in, ALL, at);
		assert_int_equal(p.a.ended, LAN_ERR_RESET);
		assert_int_equal(p.b.ended, LAN_ERR_CLOSED);
		sim_free(p.sim);
	}
}

static void bytes_that_are_late_stay_in_order(void **state)
{
	struct pair p = {.bytes = true, .at = 20, .on_line_3 = {.delay = LAN_SEC(1)}};

	pair_run(&p, 1, false);
	assert_string_equal(p.b.in, ALL);
	sim_free(p.sim);
}

static void who_is_out_of_reach_is_given_up_by_both_and_not_before(void **state)
{
	for (int half = 0; half < 2; half++) {
		struct pair p = {.bytes = true, .at = 10, .dead_after = LAN_SEC(7)};

		p.on_line_3 = half ? (struct sim_verdict){.cut = true,
					     .tell_sender = SIM_SILENT,
					     .tell_receiver = SIM_SILENT}
				   : (struct sim_verdict){.stall = LAN_NEVER};
		pair_run(&p, 1, true);
		assert_int_equal(p.a.ended, LAN_ERR_TIMEOUT);
		assert_int_equal(p.b.ended, LAN_ERR_TIMEOUT);
		assert_in_range(p.a.ended_at, LAN_SEC(8), LAN_SEC(9));
		sim_free(p.sim);
	}
}

static void a_stall_shorter_than_dead_after_ends_nothing(void **state)
{
	struct pair p = {
		.bytes = true, .at = 10, .dead_after = LAN_SEC(7), .on_line_3 = {.stall = LAN_SEC(6)}};

	pair_run(&p, 1, true);
	assert_string_equal(p.b.in, ALL);
	assert_int_equal(p.a.ended, LAN_OK);
	assert_int_equal(p.b.ended, LAN_OK);
	sim_free(p.sim);
}

static void the_core_is_told_what_did_not_reach_the_other_system(void **state)
{
	struct pair p = {.bytes = true,
		.at = 30,
		.on_line_3 = {.cut = true, .tell_sender = SIM_RST, .tell_receiver = SIM_FIN}};

	pair_run(&p, 1,
		true); /* the window is 40: it is filled; 30 bytes of it arrive, after the reset or before */
	assert_in_range(p.a.unreached, 10, 40);
	assert_int_equal(p.b.n_in, 30);
	sim_free(p.sim);
}

static void leave(enum lan_want_kind how, size_t arrives)
{
	struct pair p = {.bytes = true, .a.full = true, .b.lines = 1};

	pair_run(&p, 1, true); /* b's line waits at a, which does not read */
	memcpy(p.a.out, "bye", 3);
	p.a.n_out = 3;
	p.a.want_send = true;
	p.a.leaves = how;
	sim_poke(p.sim, 1);
	sim_run(p.sim, LAN_SEC(70));
	assert_int_equal(p.b.ended, how == LAN_WANT_FINISH ? LAN_ERR_CLOSED : LAN_ERR_RESET);
	assert_in_range(p.b.n_in, arrives, sizeof ALL + 3);
	sim_free(p.sim);
}

static void who_finishes_gets_all_through_who_closes_over_unread_bytes_does_not(void **state)
{
	leave(LAN_WANT_FINISH, strlen(ALL) + 3);
	leave(LAN_WANT_CLOSE, strlen(ALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_whole_and_in_order_however_they_are_split),
		cmocka_unit_test(a_seed_is_one_run_and_another_seed_another),
		cmocka_unit_test(each_verdict_does_what_it_says),
		cmocka_unit_test(a_cut_ends_both_sides_behind_the_bytes_it_let_through),
		cmocka_unit_test(a_full_reader_stops_the_sender_and_a_crash_is_heard),
		cmocka_unit_test(a_dial_to_nobody_is_refused_and_into_a_partition_times_out),
		cmocka_unit_test(a_stream_of_bytes_is_cut_behind_any_byte),
		cmocka_unit_test(bytes_that_are_late_stay_in_order),
		cmocka_unit_test(who_is_out_of_reach_is_given_up_by_both_and_not_before),
		cmocka_unit_test(a_stall_shorter_than_dead_after_ends_nothing),
		cmocka_unit_test(the_core_is_told_what_did_not_reach_the_other_system),
		cmocka_unit_test(who_finishes_gets_all_through_who_closes_over_unread_bytes_does_not),
	};
	return cmocka_run_group_tests_name("simulator", tests, NULL, NULL);
}
