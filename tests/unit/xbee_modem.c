/*
 * Unit tests of the modem of xbee.h, against a module played by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/xbee/xbee.h"

static size_t packet(uint8_t *wire, int mode, const void *data, size_t n)
{
	struct xbee_frame f = {
		.api = XBEE_RX16, .addr = {0x45, 0x67}, .rssi = 40, .options = 2, .data = data, .len = n};
	return xbee_encode(wire, XBEE_WIRE_MAX, mode, &f);
}

static struct xbee_modem *m;
static lan_time now;
static char said[1024]; /* by the modem, in AT mode */

static void make(const struct xbee_config *given)
{
	struct xbee_config cfg = given ? *given : (struct xbee_config){.mode = 0};
	memcpy(cfg.addr, "\x12\x34", 2);
	memcpy(cfg.panid, "\xca\xfe", 2);
	now = LAN_SEC(100);
	said[0] = '\0';
	assert_int_equal(xbee_modem_new(&cfg, &m), LAN_OK);
	xbee_modem_plugged(m, now, true);
}

static int unmake(void **state)
{
	(void)state;
	xbee_modem_free(m);
	m = NULL;
	return 0;
}

/* What is to be written, which is then written. */
static size_t take(uint8_t *buf)
{
	size_t n;
	const uint8_t *p = xbee_modem_pending(m, &n);
	memcpy(buf, p, n);
	xbee_modem_sent(m, now, n);
	return n;
}

static void hear(const void *p, size_t n)
{
	xbee_modem_input(m, now, p, n);
}

static void hear_frame(const struct xbee_frame *f)
{
	uint8_t wire[XBEE_WIRE_MAX];
	hear(wire, xbee_encode(wire, sizeof wire, 1, f));
}

static void wait_due(void)
{
	lan_time at = xbee_modem_deadline(m);
	assert_true(at != LAN_NEVER && at >= now);
	now = at;
	xbee_modem_tick(m, now);
}

/* Play a module that says `answer` to all but what is `odd`, which is answered with `other`. */
static void talk(const char *answer, const char *odd, const char *other)
{
	for (int i = 0; i < 40 && xbee_modem_state(m) == XBEE_STARTING; i++) {
		uint8_t buf[1024];
		size_t n = take(buf);
		if (!n) {
			wait_due();
			continue;
		}
		buf[n] = '\0';
		strcat(said, (char *)buf);
		bool is_odd = odd && !strncmp((char *)buf, odd, strlen(odd));
		hear(is_odd ? other : answer, strlen(is_odd ? other : answer));
		if (is_odd && strstr(other, "ERROR"))
			return;
	}
}

static struct xbee_event next_event(void)
{
	struct xbee_event ev = {.kind = 0};
	(void)xbee_modem_event(m, &ev);
	return ev;
}

static void make_ready(const struct xbee_config *cfg)
{
	make(cfg);
	talk("OK\r", NULL, NULL);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
	assert_int_equal(next_event().kind, XBEE_EV_READY);
}

static void it_begins_with_silence_and_leaves_command_mode_in_the_end(void **state)
{
	make(NULL);
	size_t n;
	(void)xbee_modem_pending(m, &n);
	assert_int_equal(n, 0);
	assert_int_equal(xbee_modem_deadline(m), now + LAN_MS(1100));
	talk("OK\r", NULL, NULL);
	assert_string_equal(said, "+++ATRE\rATMY3412\rATIDfeca\rATCH0c\rATMM2\rATAP1\rATCN\r");
	assert_int_equal(xbee_modem_counter(m, XBEE_C_init_ok), 1);
}

static void settings_are_said_as_they_are(void **state)
{
	struct xbee_config cfg = {.mode = 2, .channel = 26, .save = true, .baud = 57600};
	make(&cfg);
	talk("OK\r", NULL, NULL);
	assert_string_equal(said, "+++ATRE\rATBD6\rATMY3412\rATIDfeca\rATCH1a\rATMM2\rATAP2\rATWR\rATCN\r");
	unmake(NULL);
	cfg = (struct xbee_config){.no_reset = true, .baud = 250000, .guard = LAN_MS(10)};
	make(&cfg);
	assert_int_equal(xbee_modem_deadline(m), now + LAN_MS(10));
	talk("OK\r", NULL, NULL);
	assert_string_equal(said, "+++ATBD3d090\rATMY3412\rATIDfeca\rATCH0c\rATMM2\rATAP1\rATCN\r");
	cfg.channel = 27;
	assert_int_equal(xbee_modem_new(&cfg, &(struct xbee_modem *){NULL}), LAN_ERR_INVAL);
}

/* Frames of the time before, noise, an answer in pieces, LF behind CR. */
static void answers_are_read_by_content(void **state)
{
	uint8_t buf[64], wire[XBEE_WIRE_MAX];
	make(NULL);
	wait_due();
	assert_int_equal(take(buf), 3);
	size_t n = packet(wire, 1, "something\rERRO", 14);
	hear(wire, n);
	hear("\xff\x7e\0O", 4);
	size_t left;
	(void)xbee_modem_pending(m, &left);
	assert_int_equal(left, 0);
	hear("K", 1);
	(void)xbee_modem_pending(m, &left);
	assert_int_equal(left, 0);
	hear("\r", 1);
	assert_int_equal(take(buf), 5);
	assert_memory_equal(buf, "ATRE\r", 5);
	hear("\nOK\r\n", 5);
	assert_int_equal(take(buf), 9);
	/* A line that is neither, as a value, is passed over. */
	hear("12\r", 3);
	assert_int_equal(take(buf), 0);
	hear("OK\r", 3);
	assert_int_equal(take(buf), 9);
}

static void a_refused_command_is_named_and_all_begins_again(void **state)
{
	make(NULL);
	talk("OK\r", "ATMM2", "ERROR\r");
	struct xbee_event ev = next_event();
	assert_int_equal(ev.kind, XBEE_EV_FAILED);
	assert_int_equal(ev.err, LAN_ERR_REFUSED);
	assert_string_equal(ev.text, "ATMM2 was answered ERROR");
	assert_int_equal(xbee_modem_state(m), XBEE_STARTING);
	lan_time before = now;
	said[0] = '\0';
	talk("OK\r", NULL, NULL);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
	assert_true(now - before >= LAN_MS(500 + 1100));
	assert_int_equal(strncmp(said, "+++ATRE\r", 8), 0);
	assert_int_equal(xbee_modem_counter(m, XBEE_C_init_failed), 1);
}

static void a_dead_line_is_tried_less_and_less_often(void **state)
{
	uint8_t buf[64];
	lan_time last = 0, pause = 0;
	make(NULL);
	for (int i = 0; i < 12; i++) {
		struct xbee_event ev;
		while (!xbee_modem_event(m, &ev)) {
			wait_due();
			(void)take(buf);
		}
		assert_int_equal(ev.err, LAN_ERR_TIMEOUT);
		assert_non_null(strstr(ev.text, "+++ was not answered"));
		if (i > 1)
			assert_true(now - last >= pause);
		pause = now - last;
		last = now;
	}
	assert_in_range(pause, LAN_SEC(30), LAN_SEC(36));
}

/* ---- asked first ------------------------------------------------------------------------ */

static void answer_probe(const char *my, uint8_t channel)
{
	const struct {
		const char *at, *value;
		size_t n;
	} have[] = {{"MY", my, 2}, {"ID", "\xfe\xca", 2}, {"CH", (const char *)&channel, 1}, {"MM", "\2", 1},
		{"AP", "\0\1", 2}};
	for (uint8_t i = 0; i < 5; i++) {
		struct xbee_frame f = {.api = XBEE_AT_RESPONSE,
			.frame_id = i + 1,
			.data = (const uint8_t *)have[i].value,
			.len = have[i].n};
		memcpy(f.at, have[i].at, 2);
		hear_frame(&f);
	}
}

static void a_module_that_is_as_it_should_be_is_ready_at_once(void **state)
{
	struct xbee_config cfg = {.probe = true};
	uint8_t buf[256];
	make(&cfg);
	assert_int_equal(take(buf), 5 * 8);
	assert_memory_equal(buf, "\x7e\0\4\x08\1MY\x50", 8);
	answer_probe("\x34\x12", 12);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
	assert_int_equal(xbee_modem_deadline(m), LAN_NEVER);
	assert_int_equal(take(buf), 0);
}

static void one_that_differs_or_is_mute_is_initialised(void **state)
{
	struct xbee_config cfg = {.probe = true};
	uint8_t buf[256];
	make(&cfg);
	(void)take(buf);
	answer_probe("\x34\x13", 12);
	assert_int_equal(xbee_modem_state(m), XBEE_STARTING);
	talk("OK\r", NULL, NULL);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
	unmake(NULL);
	make(&cfg);
	(void)take(buf);
	answer_probe("\x34\x12", 13);
	assert_int_equal(xbee_modem_state(m), XBEE_STARTING);
	unmake(NULL);
	make(&cfg);
	now += LAN_MS(100); /* the line is slow: it is silent from here on */
	(void)take(buf);
	lan_time wrote = now;
	wait_due();
	assert_true(now < wrote + LAN_SEC(1));
	wait_due();
	assert_true(now >= wrote + LAN_MS(1100));
	assert_int_equal(take(buf), 3);
	unmake(NULL);
	make(&cfg);
	wait_due(); /* the line has taken nothing yet: it is silent when it has */
	now += LAN_MS(500);
	assert_int_equal(take(buf), 5 * 8);
	assert_int_equal(xbee_modem_deadline(m), now + LAN_MS(1100));
}

/* ---- packets ------------------------------------------------------------------------------ */

static const uint8_t peer[2] = {0x45, 0x67}, everybody[2] = {0xff, 0xff};

static void status(uint8_t id, uint8_t s)
{
	hear_frame(&(struct xbee_frame){.api = XBEE_TX_STATUS, .frame_id = id, .status = s});
}

/* The frames that are to be written; their ids. */
static unsigned taken(uint8_t *ids, struct xbee_frame *last)
{
	static struct xbee_parser p;
	static uint8_t buf[1024];
	struct xbee_frame f;
	size_t n = take(buf), took, at = 0;
	unsigned count = 0;
	xbee_parser_init(&p, 1);
	while (xbee_parse(&p, buf + at, n - at, &took, &f)) {
		at += took;
		ids[count++] = f.frame_id;
		*last = f;
	}
	return count;
}

static void a_packet_waits_for_its_status(void **state)
{
	uint8_t ids[8];
	struct xbee_frame f;
	make_ready(NULL);
	assert_int_equal(xbee_modem_send(m, now, peer, "hello", 5), LAN_OK);
	assert_int_equal(taken(ids, &f), 1);
	assert_int_equal(f.api, XBEE_TX16);
	assert_memory_equal(f.addr, peer, 2);
	assert_memory_equal(f.data, "hello", 5);
	status(ids[0], 0);
	assert_int_equal(next_event().kind, 0);
	assert_int_equal(xbee_modem_counter(m, XBEE_C_tx_acked), 1);
	static const struct {
		uint8_t status;
		enum lan_err err;
		enum xbee_counter c;
	} bad[] = {{1, LAN_ERR_UNREACH, XBEE_C_tx_unacked}, {2, LAN_ERR_AGAIN, XBEE_C_tx_busy},
		{3, LAN_ERR_AGAIN, XBEE_C_tx_busy}};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_OK);
		assert_int_equal(taken(ids, &f), 1);
		status((uint8_t)(ids[0] + 1), 0); /* of another */
		assert_int_equal(next_event().kind, 0);
		status(ids[0], bad[i].status);
		struct xbee_event ev = next_event();
		assert_int_equal(ev.kind, XBEE_EV_UNSENT);
		assert_int_equal(ev.err, bad[i].err);
		assert_memory_equal(ev.addr, peer, 2);
		assert_int_equal(xbee_modem_counter(m, bad[i].c), i == 2 ? 2 : 1);
	}
	assert_int_equal(xbee_modem_send(m, now, everybody, "x", 1), LAN_OK);
	assert_int_equal(taken(ids, &f), 1);
	lan_time sent = now;
	wait_due();
	assert_int_equal(now, sent + LAN_SEC(1));
	struct xbee_event ev = next_event();
	assert_int_equal(ev.err, LAN_ERR_TIMEOUT);
	assert_true(ev.group);
	assert_int_equal(xbee_modem_deadline(m), LAN_NEVER);
}

static void as_many_are_on_their_way_as_the_module_holds(void **state)
{
	uint8_t ids[8], big[100] = {0};
	struct xbee_frame f;
	make_ready(&(struct xbee_config){.max_queue = 4});
	assert_int_equal(xbee_modem_send(m, now, peer, big, 101), LAN_ERR_TOOBIG);
	for (int i = 0; i < 2; i++) /* two of the longest do not fit its 202 octets */
		assert_int_equal(xbee_modem_send(m, now, peer, big, 100), LAN_OK);
	assert_int_equal(taken(ids, &f), 1);
	status(ids[0], 0);
	assert_int_equal(taken(ids, &f), 1);
	status(ids[0], 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_OK);
	assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_ERR_FULL);
	assert_int_equal(xbee_modem_counter(m, XBEE_C_drop_queue), 1);
	assert_int_equal(taken(ids, &f), 3);
	assert_true(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
	uint8_t had[3];
	memcpy(had, ids, 3);
	status(had[1], 0);
	assert_int_equal(taken(ids, &f), 1);
	/* Numbers go round without 0, and past those that are in use. */
	status(had[2], 0);
	for (int i = 0; i < 600; i++) {
		unsigned n = taken(ids, &f);
		for (unsigned k = 0; k < n; k++) {
			assert_true(ids[k] != 0 && ids[k] != had[0]);
			status(ids[k], 0);
		}
		while (xbee_modem_send(m, now, peer, "x", 1) == LAN_OK)
			;
	}
}

static void what_was_on_its_way_is_told_when_it_is_unplugged(void **state)
{
	uint8_t ids[8];
	struct xbee_frame f;
	make_ready(NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_OK);
	assert_int_equal(taken(ids, &f), 3);
	xbee_modem_plugged(m, now, false);
	for (int i = 0; i < 10; i++) {
		struct xbee_event ev = next_event();
		assert_int_equal(ev.kind, XBEE_EV_UNSENT);
		assert_int_equal(ev.err, LAN_ERR_CLOSED);
	}
	assert_int_equal(next_event().kind, 0);
	assert_int_equal(xbee_modem_state(m), XBEE_ABSENT);
	assert_int_equal(xbee_modem_deadline(m), LAN_NEVER);
	assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_ERR_CLOSED);
	hear("OK\r", 3);
	xbee_modem_plugged(m, now, true);
	talk("OK\r", NULL, NULL);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
}

static void a_module_that_restarts_by_itself_is_set_up_again(void **state)
{
	make_ready(NULL);
	assert_int_equal(xbee_modem_send(m, now, peer, "x", 1), LAN_OK);
	hear_frame(&(struct xbee_frame){.api = XBEE_MODEM_STATUS, .status = 2});
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
	hear_frame(&(struct xbee_frame){.api = XBEE_MODEM_STATUS, .status = 1});
	assert_int_equal(xbee_modem_state(m), XBEE_STARTING);
	struct xbee_event ev = next_event();
	assert_int_equal(ev.kind, XBEE_EV_FAILED);
	assert_int_equal(ev.err, LAN_ERR_RESET);
	assert_int_equal(next_event().kind, XBEE_EV_UNSENT);
	said[0] = '\0';
	talk("OK\r", NULL, NULL);
	assert_int_equal(strncmp(said, "+++ATRE", 7), 0);
	assert_int_equal(xbee_modem_state(m), XBEE_READY);
}

static void packets_come_in_and_their_number_is_bounded(void **state)
{
	uint8_t wire[XBEE_WIRE_MAX], noise[300];
	make_ready(NULL);
	size_t n = packet(wire, 1, "hello", 5);
	hear(wire, n - 1);
	assert_int_equal(next_event().kind, 0);
	hear(wire + n - 1, 1);
	struct xbee_event ev = next_event();
	assert_int_equal(ev.kind, XBEE_EV_PACKET);
	assert_memory_equal(ev.data, "hello", 5);
	assert_memory_equal(ev.addr, peer, 2);
	assert_int_equal(ev.rssi, 40);
	assert_true(ev.group);
	for (int i = 0; i < 200; i++)
		hear(wire, n);
	unsigned got = 0;
	while (xbee_modem_event(m, &ev))
		got += ev.kind == XBEE_EV_PACKET && ev.len == 5;
	assert_int_equal(got, 64);
	assert_int_equal(xbee_modem_counter(m, XBEE_C_drop_queue), 200 - 64);
	memset(noise, 0x55, sizeof noise);
	hear(noise, sizeof noise);
	assert_int_equal(xbee_modem_counter(m, XBEE_C_drop_noise), 300);
	/* The beginning of a frame that does not go on holds nobody up for long. */
	hear("\x7e\0\x70", 3);
	hear(wire, n);
	assert_int_equal(next_event().kind, 0);
	wait_due();
	assert_int_equal(next_event().kind, XBEE_EV_PACKET);
}

#define T(f) cmocka_unit_test_teardown(f, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_begins_with_silence_and_leaves_command_mode_in_the_end),
		T(settings_are_said_as_they_are),
		T(answers_are_read_by_content),
		T(a_refused_command_is_named_and_all_begins_again),
		T(a_dead_line_is_tried_less_and_less_often),
		T(a_module_that_is_as_it_should_be_is_ready_at_once),
		T(one_that_differs_or_is_mute_is_initialised),
		T(a_packet_waits_for_its_status),
		T(as_many_are_on_their_way_as_the_module_holds),
		T(what_was_on_its_way_is_told_when_it_is_unplugged),
		T(a_module_that_restarts_by_itself_is_set_up_again),
		T(packets_come_in_and_their_number_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
