/*
 * pblink_i2c.c - the bridge core on I2C wires: replayed against a captured
 * session of the original chain, then driven by an emulated board that crashes,
 * lies and falls silent. What is checked throughout: the board needs at most
 * one reset to get going again, and lines arrive once and in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pblink_board.h"

static const struct lan_env quiet;
static const char *vector_path;

static struct pblink *core(struct pblink_config cfg)
{
	struct pblink *p;
	cfg.transport = PBLINK_I2C;
	assert_int_equal(pblink_new(&quiet, &cfg, LAN_SEC(1), &p), LAN_OK);
	return p;
}

static uint64_t count(const struct pblink *p, enum pblink_counter c)
{
	return pblink_counters(p)->v[c];
}

/* Pull and drop all events; true if one of this kind was among them. */
static bool saw(struct pblink *p, enum pblink_event_kind kind)
{
	struct pblink_event ev;
	bool found = false;
	while (pblink_event(p, &ev))
		found = found || ev.kind == kind;
	return found;
}

static void expect_line(struct pblink *p, const char *text, bool qos, bool wait)
{
	struct pblink_line l;
	assert_true(pblink_line(p, &l));
	assert_int_equal(l.len, strlen(text));
	assert_memory_equal(l.text, text, l.len);
	assert_int_equal(l.qos, qos);
	assert_int_equal(l.wait, wait);
	pblink_line_done(p);
}

/* ---- the captured session -------------------------------------------- */

struct event {
	lan_time at;
	char what[4];
	uint8_t bytes[PBLINK_BUF];
	size_t n;
	bool level;
};

/* The next line of the file; false at its end, or where only payloads follow. */
static bool next_event(FILE *f, struct event *e)
{
	char line[512], hex[450];
	double ms;
	do {
		if (!fgets(line, sizeof line, f))
			return false;
		if (strstr(line, "from here on"))
			return false;
	} while (line[0] == '#');
	assert_int_equal(sscanf(line, "%lf %3s %449s", &ms, e->what, hex), 3);
	e->at = (lan_time)(ms * 1e6);
	e->level = hex[0] == '1';
	e->n = strlen(hex) / 2;
	for (size_t i = 0; i < e->n; i++) {
		unsigned v = 0;
		sscanf(hex + 2 * i, "%2x", &v);
		e->bytes[i] = (uint8_t)v;
	}
	return true;
}

/* What the core wants done must come before `at`, ticking it on the way. */
static struct pblink_act next_act(struct pblink *p, lan_time at)
{
	struct pblink_act act = {0};
	while (!pblink_i2c_act(p, &act)) {
		assert_true(pblink_deadline(p) <= at);
		pblink_tick(p, pblink_deadline(p));
	}
	return act;
}

/* The one thing that may differ: the core acts on the configuration at once, so
 * it need not hold the board off after it. Everything else is byte for byte. */
static void expect_word(const struct event *e, const struct pblink_act *act, bool after_config)
{
	assert_int_equal(act->kind, PBLINK_ACT_WRITE);
	assert_int_equal(act->n, e->n);
	if (after_config)
		assert_memory_equal(act->buf, ((uint8_t[]){0, 0}), 2);
	else
		assert_memory_equal(act->buf, e->bytes, e->n);
}

static void replay(struct pblink *p, const struct event *e, bool *after_config)
{
	struct pblink_act act;
	if (!strcmp(e->what, "rst")) {
		pblink_i2c_rst(p, e->at, e->level);
	} else if (!strcmp(e->what, "syn")) {
		pblink_i2c_syn(p, e->at, e->level);
	} else if (!strcmp(e->what, "ack")) {
		act = next_act(p, e->at);
		assert_int_equal(act.kind, PBLINK_ACT_ACK);
		assert_int_equal(act.level, e->level);
	} else if (!strcmp(e->what, "pyb")) {
		act = next_act(p, e->at);
		assert_int_equal(act.kind, PBLINK_ACT_READ);
		assert_int_equal(act.n, e->n);
		pblink_i2c_done(p, e->at, LAN_OK, e->bytes, e->n);
		*after_config = e->bytes[0] == '[';
	} else {
		act = next_act(p, e->at);
		expect_word(e, &act, *after_config);
		*after_config = false;
		pblink_i2c_done(p, e->at, LAN_OK, NULL, 0);
	}
}

static void the_captured_session_gets_the_answers_the_original_gave(void **state)
{
	/* 200: the one buffer of the original, so that bit 7 falls as it did there. */
	struct pblink *p = core((struct pblink_config){.rx_bytes = 200});
	FILE *f = fopen(vector_path, "r");
	struct event e;
	bool after_config = false;
	int n = 0;
	assert_non_null(f);
	struct pblink_act act;
	assert_true(pblink_i2c_act(p, &act)); /* ack is high before anything happens */
	assert_true(act.kind == PBLINK_ACT_ACK && act.level);
	for (; next_event(f, &e); n++)
		replay(p, &e, &after_config);
	assert_int_equal(n, 150);
	fclose(f);
	assert_int_equal(count(p, PBLINK_C_configs), 1);
	assert_string_equal(pblink_settings(p)->id, "1");
	assert_int_equal(pblink_settings(p)->port, 25656);
	assert_int_equal(count(p, PBLINK_C_exchanges), 13);
	assert_false(saw(p, PBLINK_ERROR));
	expect_line(p, "p0", true, true);
	pblink_free(p);
}

/* One exchange of a board that has nothing to say but can listen. */
static size_t exchange(struct pblink *p, lan_time now, const char *line, uint8_t *out)
{
	struct pblink_act act;
	const uint8_t word[2] = {(uint8_t)strlen(line), 0};
	size_t n = 0;
	for (int half = 0; half < 4; half++) {
		bool ours = half >= 2;
		if ((half == 1 && !word[0]) || (half == 3 && !n))
			continue;
		if (ours)
			while (act = next_act(p, now + LAN_MS(50)),
				!(act.kind == PBLINK_ACT_ACK && act.level))
				;
		pblink_i2c_syn(p, now, true);
		while (act = next_act(p, now), act.kind == PBLINK_ACT_ACK)
			;
		if (half == 2)
			n = act.buf[0];
		else if (half == 3)
			memcpy(out, act.buf, act.n);
		pblink_i2c_done(p, now, LAN_OK, half ? (const uint8_t *)line : word, act.n);
		if (!ours)
			while (act = next_act(p, now), !(act.kind == PBLINK_ACT_ACK && act.level))
				;
		pblink_i2c_syn(p, now, false);
	}
	return n;
}

static void payloads_after_the_captured_part_are_the_originals_too(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	FILE *f = fopen(vector_path, "r");
	struct event e;
	char wanted[2000] = "", got[2000] = "", line[512];
	assert_non_null(f);
	while (fgets(line, sizeof line, f) && !strstr(line, "from here on"))
		;
	lan_time now = LAN_MS(1000), step = LAN_MS(110);
	pblink_i2c_syn(p, now, false);
	uint8_t out[PBLINK_BUF];
	exchange(p, now += step, "[\"1\\n\", 25656, \"127.0.0.1\", 2000, 3, \"ssid\", \"pw\", \"cfg\"]\n",
		out);
	saw(p, PBLINK_CONFIG);
	pblink_server(p, now = LAN_MS(3700), true);
	bool fed = false;
	while (next_event(f, &e)) {
		if (strcmp(e.what, "esp"))
			continue;
		strncat(wanted, (char *)e.bytes, e.n);
	}
	fclose(f);
	for (; now < LAN_MS(11900); now += step) {
		if (now > LAN_MS(6000) && !fed) {
			fed = true;
			for (int i = 0; i < 3; i++)
				assert_int_equal(pblink_send(p, (char[]){'s', (char)('0' + i)}, 2), LAN_OK);
		}
		pblink_tick(p, now);
		if (saw(p, PBLINK_REPORT_DUE))
			pblink_report(p, 1, now < LAN_SEC(8) ? 8245280 : 8245216);
		strncat(got, (char *)out, exchange(p, now, "", out));
	}
	assert_string_equal(got, wanted);
	pblink_free(p);
}

/* ---- the emulated board ---------------------------------------------- */

static struct i2c_board board; /* large: not for the stack */

static struct pblink *running(struct pblink_config cfg)
{
	struct pblink *p = core(cfg);
	i2c_board_init(&board, p);
	i2c_board_run(&board, LAN_SEC(2));
	assert_true(pblink_synced(p));
	assert_int_equal(count(p, PBLINK_C_configs), 1);
	saw(p, PBLINK_CONFIG);
	pblink_server(p, board.now, true);
	return p;
}

/* Let time pass with somebody there who pulls the events. */
static void pass(struct pblink *p, lan_time how_long)
{
	for (lan_time end = board.now + how_long; board.now < end;) {
		i2c_board_run(&board, LAN_MS(10));
		saw(p, PBLINK_CONFIG);
	}
}

static void board_says(const char *hdr, int from, int n)
{
	for (int i = from; i < from + n; i++)
		snprintf(board.app.tx[board.app.tx_n++], sizeof *board.app.tx, "%sline %d\n", hdr, i);
}

static void a_thousand_lines_each_way_arrive_once_and_in_order(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	char text[32];
	int sent = 0, got = 0;
	board_says("3", 0, 1000);
	while (got < 1000 || board.app.rx_n < 1000) {
		struct pblink_line l;
		while (sent < 1000 && pblink_tx_room(p)) {
			int n = snprintf(text, sizeof text, "answer %d", sent++);
			assert_int_equal(pblink_send(p, text, (size_t)n), LAN_OK);
		}
		i2c_board_run(&board, LAN_MS(100));
		saw(p, PBLINK_ERROR);
		while (pblink_line(p, &l)) {
			snprintf(text, sizeof text, "line %d", got++);
			expect_line(p, text, true, true);
		}
		assert_true(board.now < LAN_SEC(300));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "answer %d", i);
		assert_string_equal(board.app.rx[i], text);
	}
	assert_int_equal(board.boots, 0);
	assert_int_equal(count(p, PBLINK_C_tx_again), 0);
	pblink_free(p);
}

static void a_length_word_without_its_payload_is_an_exchange_without_payload(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	board.announce = 0x3a;
	i2c_board_run(&board, LAN_SEC(2));
	assert_int_equal(count(p, PBLINK_C_no_payload), 1);
	assert_int_equal(board.boots, 0);
	board_says("3", 0, 1);
	i2c_board_run(&board, LAN_SEC(1));
	expect_line(p, "line 0", true, true);
	pblink_free(p);
}

static void a_board_that_resets_with_a_line_pending_needs_one_reset_only(void **state)
{
	/* The original's endless loop: the length word of the lost line stays behind. */
	struct pblink *p = running((struct pblink_config){0});
	board_says("3", 0, 5);
	while (board.tx_n == 0)
		i2c_board_run(&board, LAN_US(100));
	board.fail_transfers = 3;
	i2c_board_run(&board, LAN_SEC(10));
	assert_int_equal(board.boots, 1);
	assert_int_equal(count(p, PBLINK_C_configs), 2);
	assert_int_equal(count(p, PBLINK_C_no_payload), 1);
	saw(p, PBLINK_CONFIG);
	for (int i = 1; i < 5; i++) {
		char text[32];
		snprintf(text, sizeof text, "line %d", i);
		expect_line(p, text, true, true);
	}
	pblink_free(p);
}

static void a_reset_in_any_phase_of_an_exchange_is_recovered_from_at_once(void **state)
{
	for (int wire = 0; wire < 2; wire++) {
		for (int phase = 0; phase < 600; phase++) {
			struct pblink *p = running((struct pblink_config){0});
			board.has_rst_wire = wire;
			board_says("3", 0, 3);
			assert_int_equal(pblink_send(p, "hello", 5), LAN_OK);
			i2c_board_run(&board, LAN_US(500) * (lan_time)phase);
			i2c_board_restart(&board);
			pass(p, LAN_SEC(8));
			if (count(p, PBLINK_C_configs) != 2 || board.boots > 1 || board.app.rx_n < 1 ||
				board.app.tx_next != 3)
				fail_msg("wire %d phase %d: %d configs, %d boots, %d lines", wire, phase,
					(int)count(p, PBLINK_C_configs), board.boots, board.app.rx_n);
			pblink_free(p);
		}
	}
}

static void twenty_resets_in_a_row_leave_a_working_link(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	for (int i = 0; i < 20; i++) {
		i2c_board_restart(&board);
		i2c_board_run(&board, LAN_MS(173) * (lan_time)(i + 1));
		saw(p, PBLINK_CONFIG);
	}
	i2c_board_run(&board, LAN_SEC(10));
	saw(p, PBLINK_CONFIG);
	board_says("2", 0, 1);
	i2c_board_run(&board, LAN_SEC(1));
	expect_line(p, "line 0", true, false);
	assert_true(board.boots <= 1);
	pblink_free(p);
}

static void a_length_over_200_is_refused_and_the_board_starts_over(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	board.announce = 201;
	i2c_board_run(&board, LAN_SEC(6));
	assert_int_equal(count(p, PBLINK_C_bad_length), 1);
	assert_int_equal(board.boots, 1);
	assert_int_equal(count(p, PBLINK_C_configs), 2);
	pblink_free(p);
}

static void a_transfer_that_fails_twice_is_tried_again(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	board.fail_transfers = 2;
	i2c_board_run(&board, LAN_SEC(1));
	assert_int_equal(board.boots, 0);
	assert_int_equal(count(p, PBLINK_C_bus_error), 0);
	assert_int_equal(count(p, PBLINK_C_syncs), 1);
	pblink_free(p);
}

static void a_board_that_stops_is_reported_and_found_again(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	saw(p, PBLINK_ERROR);
	board.dead = true;
	i2c_board_run(&board, LAN_SEC(6));
	assert_true(saw(p, PBLINK_SILENT));
	i2c_board_run(&board, LAN_SEC(60));
	assert_false(saw(p, PBLINK_SILENT)); /* said once */
	board.dead = false;
	i2c_board_restart(&board);
	i2c_board_run(&board, LAN_SEC(5));
	assert_true(saw(p, PBLINK_HEARD));
	assert_int_equal(count(p, PBLINK_C_configs), 2);
	pblink_free(p);
}

static void a_full_queue_holds_the_board_off_and_nothing_is_lost(void **state)
{
	struct pblink *p = running((struct pblink_config){.rx_bytes = 400});
	char text[32];
	board_says("0", 0, 100);
	i2c_board_run(&board, LAN_SEC(30));
	assert_true(board.app.tx_next < 40); /* it was stopped */
	assert_true(count(p, PBLINK_C_rx_held_off) > 50);
	assert_true(pblink_rx_waiting(p) <= 400);
	for (int i = 0; i < 100; i++) {
		struct pblink_line l;
		for (int tries = 0; !pblink_line(p, &l) && tries < 100; tries++)
			i2c_board_run(&board, LAN_MS(100));
		snprintf(text, sizeof text, "line %d", i);
		expect_line(p, text, false, false);
	}
	assert_int_equal(count(p, PBLINK_C_rx_overrun), 0);
	pblink_free(p);
}

static void a_board_that_does_not_read_is_sent_nothing_and_loses_nothing(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	char text[32];
	board.app.deaf = true;
	for (int i = 0; i < 20; i++) {
		int n = snprintf(text, sizeof text, "answer %d", i);
		assert_int_equal(pblink_send(p, text, (size_t)n), LAN_OK);
	}
	i2c_board_run(&board, LAN_SEC(20));
	assert_int_equal(board.app.rx_n, 0);
	board.app.deaf = false;
	i2c_board_run(&board, LAN_SEC(20));
	assert_int_equal(board.app.rx_n, 20);
	assert_string_equal(board.app.rx[19], "answer 19");
	assert_int_equal(board.boots, 0);
	pblink_free(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_captured_session_gets_the_answers_the_original_gave),
		cmocka_unit_test(payloads_after_the_captured_part_are_the_originals_too),
		cmocka_unit_test(a_thousand_lines_each_way_arrive_once_and_in_order),
		cmocka_unit_test(a_length_word_without_its_payload_is_an_exchange_without_payload),
		cmocka_unit_test(a_board_that_resets_with_a_line_pending_needs_one_reset_only),
		cmocka_unit_test(a_reset_in_any_phase_of_an_exchange_is_recovered_from_at_once),
		cmocka_unit_test(twenty_resets_in_a_row_leave_a_working_link),
		cmocka_unit_test(a_length_over_200_is_refused_and_the_board_starts_over),
		cmocka_unit_test(a_transfer_that_fails_twice_is_tried_again),
		cmocka_unit_test(a_board_that_stops_is_reported_and_found_again),
		cmocka_unit_test(a_full_queue_holds_the_board_off_and_nothing_is_lost),
		cmocka_unit_test(a_board_that_does_not_read_is_sent_nothing_and_loses_nothing),
	};
	vector_path = argc > 1 ? argv[1] : "tests/vectors/pblink_i2c.txt";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
