/*
 * pblink_serial.c - the bridge core on a serial line: what each byte does, and
 * then a board at the other end of a line that loses, changes and adds bytes,
 * is unplugged, restarts and falls silent. What is checked throughout: every
 * line arrives once and in order, and nothing needs a second start.
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
static struct serial_board board; /* large: not for the stack */

static struct pblink *core(struct pblink_config cfg)
{
	struct pblink *p;
	cfg.transport = PBLINK_SERIAL;
	assert_int_equal(pblink_new(&quiet, &cfg, LAN_SEC(1), &p), LAN_OK);
	return p;
}

static uint64_t count(const struct pblink *p, enum pblink_counter c)
{
	return pblink_counters(p)->v[c];
}

static bool saw(struct pblink *p, enum pblink_event_kind kind)
{
	struct pblink_event ev;
	bool found = false;
	while (pblink_event(p, &ev))
		found = found || ev.kind == kind;
	return found;
}

static void give(struct pblink *p, const void *buf, size_t n)
{
	pblink_serial_input(p, LAN_SEC(1), buf, n);
}

/* All that the core wants to write, taken. */
static size_t answer(struct pblink *p, uint8_t *out)
{
	size_t n;
	const uint8_t *buf = pblink_serial_pending(p, &n);
	memcpy(out, buf, n);
	pblink_serial_sent(p, n);
	return n;
}

static void expect_answer(struct pblink *p, const void *bytes, size_t n)
{
	uint8_t out[1024];
	assert_int_equal(answer(p, out), n);
	assert_memory_equal(out, bytes, n);
}

static void start(struct pblink *p, uint8_t nonce)
{
	give(p, (uint8_t[]){0xff, nonce, nonce ^ 0x7f}, 3);
	expect_answer(p, (uint8_t[]){0xfe, nonce, nonce ^ 0x7f}, 3);
}

/* The board's half with this text; our half is compared with `wanted`. */
static void exchange(struct pblink *p, uint8_t s, const char *text, const char *wanted, bool full)
{
	uint8_t req[256], resp[256];
	give(p, req, serial_frame(req, s, text, strlen(text), false));
	expect_answer(p, resp, serial_frame(resp, s, wanted, strlen(wanted), full));
	saw(p, PBLINK_CONFIG);
}

/* ---- byte by byte ----------------------------------------------------- */

static void a_start_is_answered_and_the_configuration_taken(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 0x11);
	assert_true(saw(p, PBLINK_SYNCED));
	exchange(p, 1, BOARD_CFG, "", false);
	assert_string_equal(pblink_settings(p)->id, "7");
	exchange(p, 2, "", "", false);
	pblink_server(p, LAN_SEC(1), true);
	exchange(p, 3, "", "u\n", false);
	assert_int_equal(pblink_send(p, "hi", 2), LAN_OK);
	exchange(p, 4, "3up", "nhi\n", false);
	exchange(p, 5, "\n", "", false);
	struct pblink_line l;
	assert_true(pblink_line(p, &l));
	assert_memory_equal(l.text, "up", l.len);
	pblink_free(p);
}

static void the_frames_of_the_documentation_are_understood(void **state)
{
	static const uint8_t line[] = {0xfd, 5, 4, 0, '3', 'h', 'i', '\n', 0x20, 0x3a};
	static const uint8_t nothing[] = {0xfd, 5, 0, 0, 6, 0x12};
	struct pblink *p = core((struct pblink_config){0});
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	give(p, line, sizeof line);
	expect_answer(p, nothing, sizeof nothing);
	assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
	pblink_free(p);
}

static void the_same_start_again_changes_nothing_and_another_one_does(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 5);
	start(p, 5);
	assert_int_equal(count(p, PBLINK_C_syncs), 1);
	start(p, 6);
	assert_int_equal(count(p, PBLINK_C_syncs), 2);
	exchange(p, 1, BOARD_CFG, "", false);
	start(p, 6); /* after an exchange it is a restart whatever its number */
	assert_int_equal(count(p, PBLINK_C_syncs), 3);
	pblink_free(p);
}

static void a_repeated_request_is_answered_alike_and_taken_once(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	assert_int_equal(pblink_send(p, "one", 3), LAN_OK);
	assert_int_equal(pblink_send(p, "two", 3), LAN_OK);
	for (int i = 0; i < 5; i++)
		exchange(p, 2, "3x\n", "none\n", false);
	exchange(p, 3, "", "ntwo\n", false);
	assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
	assert_int_equal(count(p, PBLINK_C_repeats), 4);
	pblink_free(p);
}

static void an_exchange_without_a_session_is_told_so(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	uint8_t req[256];
	give(p, req, serial_frame(req, 1, "3x\n", 3, false));
	expect_answer(p, (uint8_t[]){0xfc, 1, 1 ^ 0x7f}, 3);
	assert_true(saw(p, PBLINK_ERROR));
	assert_int_equal(count(p, PBLINK_C_rx_lines), 0);
	pblink_free(p);
}

static void a_length_over_200_is_refused_and_the_next_frame_works(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	give(p, (uint8_t[]){0xfd, 2, 201, 0}, 4);
	expect_answer(p, (uint8_t[]){0xfc, 2, 2 ^ 0x7f}, 3);
	give(p, (uint8_t[]){0xfd, 2, 0, 0x7f}, 4);
	expect_answer(p, (uint8_t[]){0xfc, 2, 2 ^ 0x7f}, 3);
	assert_int_equal(count(p, PBLINK_C_bad_length), 2);
	exchange(p, 2, "3x\n", "", false);
	assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
	pblink_free(p);
}

static void a_wrong_check_byte_is_refused_and_takes_nothing(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	uint8_t req[256];
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	size_t n = serial_frame(req, 2, "3abc\n", 5, false);
	for (size_t i = 1; i < n; i++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			uint8_t hurt[256], out[1024];
			memcpy(hurt, req, n);
			hurt[i] ^= (uint8_t)flip;
			give(p, hurt, n);
			pblink_tick(p, LAN_SEC(1) + LAN_MS(600)); /* what is still open is cut */
			answer(p, out);
			saw(p, PBLINK_ERROR);
			if (count(p, PBLINK_C_rx_lines))
				fail_msg("byte %zu ^ %02x went through", i, flip);
		}
	}
	exchange(p, 2, "3abc\n", "", false);
	assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
	pblink_free(p);
}

static void every_part_of_a_frame_is_dropped_after_a_pause(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	uint8_t req[256], out[1024];
	lan_time now = LAN_SEC(1);
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	size_t n = serial_frame(req, 2, "3abc\n", 5, false);
	for (size_t part = 1; part < n; part++) {
		pblink_serial_input(p, now, req, part);
		assert_true(pblink_deadline(p) <= now + LAN_MS(500));
		pblink_tick(p, now += LAN_MS(501));
		assert_int_equal(answer(p, out), 3);
		assert_int_equal(out[1], 4);
		saw(p, PBLINK_ERROR);
	}
	assert_int_equal(count(p, PBLINK_C_broken_frame), n - 1);
	exchange(p, 2, "3abc\n", "", false);
	pblink_free(p);
}

static void a_frame_is_found_behind_any_garbage(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	uint8_t junk[64], req[256], out[1024], resp[256];
	unsigned seed = 7;
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	for (int round = 0; round < 2000; round++) {
		size_t n = serial_frame(req, (uint8_t)(round & 1 ? 3 : 2), "3y\n", 3, false);
		for (size_t i = 0; i < sizeof junk; i++) {
			seed = seed * 1103515245 + 12345;
			junk[i] = (uint8_t)(seed >> 16);
			if (junk[i] == 0xff) /* three bytes of a start would be one */
				junk[i] = 0xfd;
		}
		give(p, junk, sizeof junk);
		give(p, req, n);
		size_t got = answer(p, out), m = serial_frame(resp, req[1], "", 0, false);
		assert_true(got >= m);
		assert_memory_equal(out + got - m, resp, m);
		saw(p, PBLINK_ERROR);
		pblink_line_done(p);
	}
	assert_int_equal(count(p, PBLINK_C_rx_lines), 2000);
	pblink_free(p);
}

static void lines_that_are_none_are_refused_and_counted(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 1);
	exchange(p, 1, "3too early\n", "", false);
	exchange(p, 2, "[\"7\", 0]\n", "", false);
	exchange(p, 3, "3still too early\n", "", false);
	assert_int_equal(count(p, PBLINK_C_line_unconfigured), 2);
	assert_int_equal(count(p, PBLINK_C_config_refused), 1);
	exchange(p, 4, BOARD_CFG, "", false);
	exchange(p, 5, "4x\n\n3\n/y\nx\n", "", false);
	assert_int_equal(count(p, PBLINK_C_line_header), 4);
	assert_int_equal(count(p, PBLINK_C_line_empty), 1);
	char half[150];
	memset(half, '3', 149);
	half[149] = '\0';
	exchange(p, 6, half, "", false);
	exchange(p, 7, half, "", false);
	exchange(p, 8, "the end\n3good\n", "", false);
	assert_int_equal(count(p, PBLINK_C_line_long), 1);
	assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
	pblink_free(p);
}

static void several_lines_in_one_payload_are_several_lines(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	struct pblink_line l;
	start(p, 1);
	exchange(p, 1, BOARD_CFG "3a\n2b\n1", "", false);
	exchange(p, 2, "c\n0d\n", "", false);
	for (const char *want = "abcd"; *want; want++) {
		assert_true(pblink_line(p, &l));
		assert_int_equal(l.len, 1);
		assert_int_equal(l.text[0], *want);
		assert_int_equal(l.qos, *want <= 'b');
		assert_int_equal(l.wait, *want == 'a' || *want == 'c');
		pblink_line_done(p);
	}
	assert_false(pblink_line(p, &l));
	pblink_free(p);
}

static void a_new_start_drops_the_unfinished_line_and_keeps_the_finished_ones(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	struct pblink_line l;
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	assert_int_equal(pblink_send(p, "kept", 4), LAN_OK);
	uint8_t req[256], out[256];
	give(p, req, serial_frame(req, 2, "3whole\n3ha", 10, false));
	answer(p, out); /* the board dies before it reads this */
	start(p, 2);
	exchange(p, 1, BOARD_CFG, "", false);
	exchange(p, 2, "3next\n", "nkept\n", false);
	assert_int_equal(count(p, PBLINK_C_tx_again), 1);
	for (int i = 0; i < 2; i++) {
		assert_true(pblink_line(p, &l));
		assert_memory_equal(l.text, i ? "next" : "whole", l.len);
		pblink_line_done(p);
	}
	assert_false(pblink_line(p, &l));
	pblink_free(p);
}

static void a_line_for_the_board_is_at_most_198_bytes(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	char text[300], wanted[300] = "n";
	memset(text, 'x', sizeof text);
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	assert_int_equal(pblink_send(p, text, 199), LAN_ERR_TOOBIG);
	assert_int_equal(count(p, PBLINK_C_tx_too_long), 1);
	assert_int_equal(pblink_send(p, text, 198), LAN_OK);
	assert_int_equal(pblink_send(p, text, 0), LAN_OK);
	memset(wanted + 1, 'x', 198);
	strcpy(wanted + 199, "\n");
	exchange(p, 2, "", wanted, false);
	exchange(p, 3, "", "n\n", false);
	pblink_free(p);
}

static void the_queue_for_the_board_is_bounded(void **state)
{
	struct pblink *p = core((struct pblink_config){.tx_bytes = 300});
	char text[198];
	memset(text, 'x', sizeof text);
	assert_true(pblink_tx_room(p));
	assert_int_equal(pblink_send(p, text, sizeof text), LAN_OK);
	assert_false(pblink_tx_room(p));
	assert_int_equal(pblink_send(p, text, sizeof text), LAN_ERR_FULL);
	pblink_free(p);
}

static void ups_and_downs_are_told_even_when_the_board_was_not_looking(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	pblink_server(p, LAN_SEC(1), true);
	exchange(p, 2, "", "u\n", false);
	pblink_server(p, LAN_SEC(1), false);
	pblink_server(p, LAN_SEC(1), true);
	exchange(p, 3, "", "d\n", false);
	exchange(p, 4, "", "u\n", false);
	pblink_server(p, LAN_SEC(1), false);
	exchange(p, 5, "", "d\n", false);
	pblink_bad(p, PBLINK_BAD_SERVER);
	exchange(p, 6, "", "s\n", false);
	exchange(p, 7, "", "", false);
	pblink_free(p);
}

static void a_new_configuration_holds_lines_until_it_was_looked_at(void **state)
{
	struct pblink *p = core((struct pblink_config){0});
	struct pblink_line l;
	uint8_t req[256], resp[256];
	start(p, 1);
	exchange(p, 1, BOARD_CFG, "", false);
	assert_int_equal(pblink_send(p, "for 7", 5), LAN_OK);
	static const char other[] = "[\"8\", 8123, \"h\", 2000, 0, \"\", \"\", \"cfg\"]\n3of 8\n";
	give(p, req, serial_frame(req, 2, other, sizeof other - 1, false));
	expect_answer(p, resp, serial_frame(resp, 2, "", 0, false));
	assert_false(pblink_line(p, &l));
	assert_true(saw(p, PBLINK_CONFIG));
	assert_true(pblink_line(p, &l));
	assert_true(pblink_purge(p) > 0);
	exchange(p, 3, "", "", false);
	pblink_free(p);
}

/* ---- the board at the other end --------------------------------------- */

static struct pblink *running(struct pblink_config cfg)
{
	struct pblink *p = core(cfg);
	serial_board_init(&board, p);
	serial_board_run(&board, LAN_MS(500));
	assert_int_equal(count(p, PBLINK_C_configs), 1);
	saw(p, PBLINK_CONFIG);
	pblink_server(p, board.now, true);
	return p;
}

static int lines_sent, lines_got;

static void keep_busy(struct pblink *p, int each_way)
{
	char text[32];
	struct pblink_line l;
	for (; lines_sent < each_way && pblink_tx_room(p); lines_sent++) {
		int n = snprintf(text, sizeof text, "answer %d", lines_sent);
		assert_int_equal(pblink_send(p, text, (size_t)n), LAN_OK);
	}
	saw(p, PBLINK_CONFIG);
	for (; pblink_line(p, &l); pblink_line_done(p)) {
		int n = snprintf(text, sizeof text, "line %d", lines_got++);
		assert_int_equal(l.len, n);
		assert_memory_equal(l.text, text, l.len);
	}
}

/* Run until all is there, with `trouble` every tenth of a second. */
static void both_ways(struct pblink *p, int each_way, lan_time limit, void (*trouble)(int tenth))
{
	lines_sent = lines_got = 0;
	for (int i = 0; i < each_way; i++)
		snprintf(board.app.tx[board.app.tx_n++], sizeof *board.app.tx, "3line %d\n", i);
	for (int tenth = 0; lines_got < each_way || board.app.rx_n < each_way; tenth++) {
		keep_busy(p, each_way);
		if (trouble)
			trouble(tenth);
		serial_board_run(&board, LAN_MS(100));
		if (board.now > limit)
			fail_msg("after %d s: %d and %d lines", (int)(board.now / LAN_SEC(1)), lines_got,
				board.app.rx_n);
	}
	for (int i = 0; i < each_way; i++) {
		char text[32];
		snprintf(text, sizeof text, "answer %d", i);
		assert_string_equal(board.app.rx[i], text);
	}
	assert_int_equal(lines_got, each_way);
	assert_int_equal(board.app.rx_n, each_way);
}

static void a_thousand_lines_each_way_arrive_once_and_in_order(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	both_ways(p, 1000, LAN_SEC(150), NULL);
	assert_int_equal(board.starts, 1);
	assert_int_equal(count(p, PBLINK_C_repeats), 0);
	pblink_free(p);
}

static void noise_on_the_line_delays_lines_but_neither_loses_nor_doubles_them(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct pblink *p = running((struct pblink_config){0});
		board.seed = seed;
		board.hurt = seed % 2 ? 300 : 60;
		both_ways(p, 300, LAN_SEC(3000), NULL);
		assert_true(count(p, PBLINK_C_bad_check) + count(p, PBLINK_C_broken_frame) > 0);
		assert_int_equal(board.starts, 1);
		pblink_free(p);
	}
}

static void pull_the_plug_now_and_then(int tenth)
{
	board.unplugged = tenth % 40 >= 25;
	if (tenth % 40 == 25)
		pblink_serial_lost(board.core);
}

static void unplugging_and_replugging_loses_nothing(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	both_ways(p, 600, LAN_SEC(600), pull_the_plug_now_and_then);
	assert_int_equal(board.starts, 1);
	pblink_free(p);
}

static void a_restart_in_any_phase_works_with_one_start(void **state)
{
	for (int phase = 0; phase < 250; phase++) {
		struct pblink *p = running((struct pblink_config){0});
		snprintf(board.app.tx[board.app.tx_n++], sizeof *board.app.tx, "3line\n");
		assert_int_equal(pblink_send(p, "hello", 5), LAN_OK);
		/* In the middle of a frame: so many bytes of one came out. */
		uint8_t req[256], out[1024];
		size_t n = serial_frame(req, 77, "3cut\n", 5, false);
		serial_board_run(&board, LAN_MS(1) * (lan_time)phase);
		give(p, req, (size_t)phase % n);
		answer(p, out);
		serial_board_restart(&board);
		for (int i = 0; i < 10; i++) {
			serial_board_run(&board, LAN_MS(100));
			saw(p, PBLINK_CONFIG);
		}
		assert_int_equal(board.starts, 2);
		assert_int_equal(count(p, PBLINK_C_configs), 2);
		assert_int_equal(count(p, PBLINK_C_rx_lines), 1);
		assert_true(board.app.rx_n >= 1);
		pblink_free(p);
	}
}

static void twenty_restarts_in_a_row_leave_a_working_link(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	for (int i = 0; i < 20; i++) {
		serial_board_restart(&board);
		serial_board_run(&board, LAN_MS(17) * (lan_time)i);
	}
	saw(p, PBLINK_CONFIG);
	both_ways(p, 20, board.now + LAN_SEC(10), NULL);
	pblink_free(p);
}

static void a_board_that_finds_a_new_bridge_starts_once_and_loses_nothing_it_holds(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	pblink_free(p);
	board.core = p = core((struct pblink_config){0});
	both_ways(p, 50, LAN_SEC(20), NULL);
	assert_int_equal(board.starts, 2);
	assert_int_equal(board.refusals[1], 1);
	pblink_free(p);
}

static void a_silent_board_is_reported_once_and_found_again(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	board.dead = true;
	serial_board_run(&board, LAN_SEC(6));
	assert_true(saw(p, PBLINK_SILENT));
	serial_board_run(&board, LAN_SEC(20));
	assert_false(saw(p, PBLINK_SILENT));
	board.dead = false;
	serial_board_run(&board, LAN_SEC(1));
	assert_true(saw(p, PBLINK_HEARD));
	both_ways(p, 20, board.now + LAN_SEC(10), NULL);
	assert_int_equal(board.starts, 1);
	pblink_free(p);
}

static void both_ends_can_hold_the_other_off(void **state)
{
	struct pblink *p = running((struct pblink_config){.rx_bytes = 400});
	for (int i = 0; i < 100; i++)
		snprintf(board.app.tx[board.app.tx_n++], sizeof *board.app.tx, "3line %d\n", i);
	board.app.deaf = true;
	assert_int_equal(pblink_send(p, "answer", 6), LAN_OK);
	serial_board_run(&board, LAN_SEC(30));
	assert_true(board.app.tx_next < 40);
	assert_int_equal(board.app.rx_n, 0);
	assert_true(pblink_rx_waiting(p) <= 400);
	board.app.deaf = false;
	lines_got = 0;
	for (int i = 0; i < 300; i++) {
		lines_sent = 100;
		keep_busy(p, 100);
		serial_board_run(&board, LAN_MS(100));
	}
	assert_int_equal(lines_got, 100);
	assert_int_equal(board.app.rx_n, 1);
	assert_int_equal(count(p, PBLINK_C_rx_overrun), 0);
	pblink_free(p);
}

static void the_board_is_told_every_two_seconds_that_all_is_well(void **state)
{
	struct pblink *p = running((struct pblink_config){0});
	serial_board_run(&board, LAN_SEC(20));
	int k = 0;
	for (int i = 0; i < board.app.control_n; i++)
		k += board.app.control[i] == 'k';
	assert_in_range(k, 9, 10);
	assert_int_equal(board.app.control[0], 'u');
	pblink_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_is_answered_and_the_configuration_taken),
		cmocka_unit_test(the_frames_of_the_documentation_are_understood),
		cmocka_unit_test(the_same_start_again_changes_nothing_and_another_one_does),
		cmocka_unit_test(a_repeated_request_is_answered_alike_and_taken_once),
		cmocka_unit_test(an_exchange_without_a_session_is_told_so),
		cmocka_unit_test(a_length_over_200_is_refused_and_the_next_frame_works),
		cmocka_unit_test(a_wrong_check_byte_is_refused_and_takes_nothing),
		cmocka_unit_test(every_part_of_a_frame_is_dropped_after_a_pause),
		cmocka_unit_test(a_frame_is_found_behind_any_garbage),
		cmocka_unit_test(lines_that_are_none_are_refused_and_counted),
		cmocka_unit_test(several_lines_in_one_payload_are_several_lines),
		cmocka_unit_test(a_new_start_drops_the_unfinished_line_and_keeps_the_finished_ones),
		cmocka_unit_test(a_line_for_the_board_is_at_most_198_bytes),
		cmocka_unit_test(the_queue_for_the_board_is_bounded),
		cmocka_unit_test(ups_and_downs_are_told_even_when_the_board_was_not_looking),
		cmocka_unit_test(a_new_configuration_holds_lines_until_it_was_looked_at),
		cmocka_unit_test(a_thousand_lines_each_way_arrive_once_and_in_order),
		cmocka_unit_test(noise_on_the_line_delays_lines_but_neither_loses_nor_doubles_them),
		cmocka_unit_test(unplugging_and_replugging_loses_nothing),
		cmocka_unit_test(a_restart_in_any_phase_works_with_one_start),
		cmocka_unit_test(twenty_restarts_in_a_row_leave_a_working_link),
		cmocka_unit_test(a_board_that_finds_a_new_bridge_starts_once_and_loses_nothing_it_holds),
		cmocka_unit_test(a_silent_board_is_reported_once_and_found_again),
		cmocka_unit_test(both_ends_can_hold_the_other_off),
		cmocka_unit_test(the_board_is_told_every_two_seconds_that_all_is_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
