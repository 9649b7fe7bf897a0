/*
 * Unit tests of the frames of xbee.h: found in any noise. The captured octets are in
 * tests/vectors/test_xbee_vectors.c.
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

/* All at once; how many frames. */
static unsigned parse(struct xbee_parser *p, const uint8_t *in, size_t n, struct xbee_frame *last)
{
	unsigned frames = 0;
	struct xbee_frame f;
	size_t took;
	for (;; in += took, n -= took) {
		if (!xbee_parse(p, in, n, &took, &f)) {
			assert_int_equal(took, n);
			return frames;
		}
		frames++;
		if (last)
			*last = f;
	}
}

static void every_kind_of_frame_comes_back(void **state)
{
	static const struct xbee_frame all[] = {
		{.api = XBEE_TX16,
			.frame_id = 255,
			.addr = {1, 2},
			.options = 4,
			.data = (const uint8_t *)"ab",
			.len = 2},
		{.api = XBEE_RX16,
			.addr = {0x7e, 0x7d},
			.rssi = 0x11,
			.options = 2,
			.data = (const uint8_t *)"\x13",
			.len = 1},
		{.api = XBEE_TX_STATUS, .frame_id = 7, .status = 1},
		{.api = XBEE_MODEM_STATUS, .status = 6},
		{.api = XBEE_AT, .frame_id = 3, .at = {'M', 'Y'}},
		{.api = XBEE_AT_RESPONSE,
			.frame_id = 3,
			.at = {'C', 'H'},
			.status = 0,
			.data = (const uint8_t *)"\x0c",
			.len = 1},
	};
	for (int mode = 1; mode <= 2; mode++)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			struct xbee_parser p;
			struct xbee_frame f;
			uint8_t wire[XBEE_WIRE_MAX];
			const struct xbee_frame *w = &all[i];
			size_t n = xbee_encode(wire, sizeof wire, mode, w);
			assert_in_range(n, 5, 20);
			for (size_t cap = 0; cap < n; cap++)
				assert_int_equal(xbee_encode(wire, cap, mode, w), 0);
			assert_int_equal(xbee_encode(wire, sizeof wire, mode, w), n);
			xbee_parser_init(&p, mode);
			assert_int_equal(parse(&p, wire, n, &f), 1);
			assert_int_equal(f.api, w->api);
			assert_int_equal(f.frame_id, w->frame_id);
			assert_int_equal(f.status, w->status);
			assert_int_equal(f.rssi, w->rssi);
			assert_int_equal(f.options, w->options);
			assert_memory_equal(f.addr, w->addr, 2);
			assert_memory_equal(f.at, w->at, 2);
			assert_int_equal(f.len, w->len);
			if (f.len)
				assert_memory_equal(f.data, w->data, f.len);
			assert_int_equal(p.noise + p.bad_checksum + p.bad_length + p.unknown, 0);
		}
}

static void a_false_start_costs_one_octet(void **state)
{
	uint8_t wire[XBEE_WIRE_MAX + 16], data[100];
	struct xbee_parser p;
	struct xbee_frame f;
	memset(data, 0x7e, sizeof data); /* each of them may begin something */
	size_t n = packet(wire + 3, 1, data, sizeof data);
	/* The false one claims all of the real one and some of the next. */
	memcpy(wire, "\x7e\0\x73", 3);
	xbee_parser_init(&p, 1);
	assert_int_equal(parse(&p, wire, 3 + n, NULL), 0);
	assert_int_equal(parse(&p, wire + 3, n, &f), 2);
	assert_int_equal(f.len, 100);
	assert_int_equal(p.bad_checksum, 1);
	assert_int_equal(p.noise, 3);
}

static void what_has_begun_and_does_not_go_on_is_given_up(void **state)
{
	uint8_t wire[XBEE_WIRE_MAX + 16];
	struct xbee_parser p;
	struct xbee_frame f;
	size_t n = packet(wire + 3, 1, "hello", 5);
	memcpy(wire, "\x7e\0\x60", 3);
	xbee_parser_init(&p, 1);
	assert_int_equal(parse(&p, wire, 3 + n, NULL), 0);
	assert_true(xbee_parser_inside(&p));
	xbee_parser_silence(&p);
	assert_int_equal(parse(&p, NULL, 0, &f), 1);
	assert_int_equal(f.len, 5);
	assert_false(xbee_parser_inside(&p));
}

static void in_mode_2_a_start_begins_anew_always(void **state)
{
	uint8_t wire[3 * XBEE_WIRE_MAX];
	struct xbee_parser p;
	struct xbee_frame f;
	size_t n = packet(wire, 2, "~}\x11\x13 first", 10);
	size_t m = packet(wire + n - 3, 2, "second~", 7);
	xbee_parser_init(&p, 2);
	assert_int_equal(parse(&p, wire, n - 3 + m, &f), 1);
	assert_memory_equal(f.data, "second~", 7);
	/* Cut behind an escape. */
	wire[0] = 0x7e, wire[1] = 0x7d;
	m = packet(wire + 2, 2, "third", 5);
	assert_int_equal(parse(&p, wire, 2 + m, &f), 1);
	assert_memory_equal(f.data, "third", 5);
}

static uint32_t seed = 1;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % sides;
}

/* Between and inside of noise without a start, no frame is lost; with starts in it, one that is whole is
 * found as soon as enough follows. */
static void frames_are_found_in_noise_in_any_pieces(void **state)
{
	for (int round = 0; round < 2000; round++) {
		int mode = 1 + (int)dice(2);
		uint8_t stream[4096], data[100];
		size_t n = 0, took, at = 0;
		unsigned want = 1 + dice(5), got = 0;
		struct xbee_parser p;
		struct xbee_frame f;
		for (unsigned i = 0; i < want; i++) {
			for (uint32_t k = dice(30); k; k--)
				stream[n++] = (uint8_t)(dice(0x7d)); /* no start, no escape */
			for (size_t k = 0; k < sizeof data; k++)
				data[k] = (uint8_t)dice(256);
			n += packet(stream + n, mode, data, dice(101));
		}
		xbee_parser_init(&p, mode);
		while (at < n) {
			size_t piece = 1 + dice(40), end = at + piece < n ? at + piece : n;
			while (xbee_parse(&p, stream + at, end - at, &took, &f)) {
				at += took;
				got++;
				assert_int_equal(f.api, XBEE_RX16);
			}
			at = end;
		}
		assert_int_equal(got, want);
		assert_int_equal(p.bad_checksum + p.bad_length + p.unknown, 0);
	}
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_kind_of_frame_comes_back),
		T(a_false_start_costs_one_octet),
		T(what_has_begun_and_does_not_go_on_is_given_up),
		T(in_mode_2_a_start_begins_anew_always),
		T(frames_are_found_in_noise_in_any_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
