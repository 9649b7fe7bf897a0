/*
 * Unit tests of frame.h. Every type makes the round trip and has the bytes of
 * docs/protocols/channel.md; every truncation, every appended byte and every
 * value of every byte is tried, and what is taken must encode to the same bytes
 * again. Then each rule of section 4 on its own, both sides of its bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/channel/frame.h"

/* The wire of one frame of each kind, field by field. */
#define U64(x) 0, 0, 0, 0, 0, 0, (x) >> 8, (x)&255

static const uint8_t data[] = {1, 6, 32, U64(300), U64(7), 'h', 'i'};
static const uint8_t fragment[] = {1, 1, 64, U64(300), U64(7), 0, 0, 4, 0, 0, 16, 0, 0, 'a', 'b', 'c'};
static const uint8_t parity[] = {2, 32, 31, 127, U64(65), 0, 19, 'x'};
static const uint8_t presence[] = {3, 7, 2, 32, 0, 0, 3, 0xe8, 0, 0, 0, 9, 1, 2, U64(300), U64(290), U64(5),
	U64(8), 5, 'p', 'u', 0xc3, 0xa4, 'p'};
static const uint8_t feedback[] = {4, 0, 0x80, 1, 2, 3, 4, 5, 6, 7, U64(9), U64(65), U64(300), 0, 0, 0, 3, 2,
	U64(65), U64(0x105), 3, U64(97), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 64};
static const uint8_t late[] = {5, 0, U64(11), U64(12), 0, 0, 0, 10};
static const uint8_t start[] = {6, 0, 0, 0, 0, 10, U64(290), U64(5)};

static const struct {
	const uint8_t *bytes;
	size_t n;
} samples[] = {
	{data, sizeof data},
	{data, CHAN_DATA_HEAD},
	{fragment, sizeof fragment},
	{parity, sizeof parity},
	{presence, sizeof presence},
	{feedback, sizeof feedback},
	{late, sizeof late},
	{start, sizeof start},
};
#define SAMPLES (sizeof samples / sizeof *samples)

/* The bytes alone on the heap, so that the sanitizer sees every look behind them. */
static enum lan_err decode(const uint8_t *bytes, size_t n, struct chan_frame *f)
{
	uint8_t *copy = malloc(n ? n : 1), again[4096], *to = malloc(n ? n : 1);
	memcpy(copy, bytes, n);
	enum lan_err e = chan_frame_decode(copy, n, f);
	if (!e) {
		assert_int_equal(chan_frame_encode(f, again, sizeof again), n);
		assert_memory_equal(again, bytes, n);
		assert_int_equal(chan_frame_encode(f, to, n), n);
		for (size_t cap = 0; cap < n; cap++)
			assert_int_equal(chan_frame_encode(f, to, cap), 0);
	}
	free(copy);
	free(to);
	return e;
}

static void every_type_is_read_and_written_as_the_specification_has_it(void **state)
{
	struct chan_frame f;
	for (size_t i = 0; i < SAMPLES; i++)
		assert_int_equal(decode(samples[i].bytes, samples[i].n, &f), LAN_OK);
	assert_int_equal(chan_frame_decode(data, sizeof data, &f), LAN_OK);
	assert_int_equal(f.type, CHAN_F_DATA);
	assert_int_equal(f.flags, CHAN_DATA_AGAIN | CHAN_DATA_CONFIRM);
	assert_true(f.u.data.block == 32 && f.u.data.seq == 300 && f.u.data.msg == 7);
	assert_true(f.u.data.offset == 0 && f.u.data.total == 2 && f.u.data.len == 2 &&
		    f.u.data.data == data + 19);
	assert_int_equal(chan_frame_decode(fragment, sizeof fragment, &f), LAN_OK);
	assert_true(f.flags == CHAN_DATA_FRAG && f.u.data.offset == 1024 && f.u.data.total == 1 << 20);
	assert_true(f.u.data.len == 3 && f.u.data.data == fragment + 27);
	assert_int_equal(chan_frame_decode(parity, sizeof parity, &f), LAN_OK);
	assert_true(f.type == CHAN_F_PARITY && f.flags == 0 && f.u.parity.block == 32 && f.u.parity.k == 31);
	assert_true(f.u.parity.row == 127 && f.u.parity.first == 65 && f.u.parity.len == 3);
	assert_ptr_equal(f.u.parity.symbol, parity + 12);
	assert_int_equal(chan_frame_decode(presence, sizeof presence, &f), LAN_OK);
	assert_true(f.type == CHAN_F_PRESENCE && f.flags == 7 && f.u.presence.mode == 2 &&
		    f.u.presence.block == 32);
	assert_true(
		f.u.presence.interval_ms == 1000 && f.u.presence.age_ms == 9 && f.u.presence.members == 258);
	assert_true(f.u.presence.highest == 300 && f.u.presence.oldest == 290);
	assert_true(f.u.presence.oldest_msg == 5 && f.u.presence.next_msg == 8 && f.u.presence.name_len == 5);
	assert_ptr_equal(f.u.presence.name, presence + 47);
}

static void the_frames_of_repair_are_read_as_the_specification_has_them(void **state)
{
	struct chan_frame f;
	assert_int_equal(chan_frame_decode(feedback, sizeof feedback, &f), LAN_OK);
	assert_true(f.type == CHAN_F_FEEDBACK && f.flags == 0 && f.u.feedback.sender == 0x8001020304050607);
	assert_true(f.u.feedback.boot == 9 && f.u.feedback.next == 65 && f.u.feedback.highest == 300);
	assert_true(f.u.feedback.overruns == 3 && f.u.feedback.n == 2);
	assert_true(f.u.feedback.entry[0].first == 65 && f.u.feedback.entry[0].missing == 0x105);
	assert_true(f.u.feedback.entry[0].need == 3 && f.u.feedback.entry[1].first == 97);
	assert_true(f.u.feedback.entry[1].missing == UINT64_MAX && f.u.feedback.entry[1].need == 64);
	assert_int_equal(chan_frame_decode(late, sizeof late, &f), LAN_OK);
	assert_true(
		f.type == CHAN_F_LATE && f.u.late.sender == 11 && f.u.late.boot == 12 && f.u.late.n == 10);
	assert_int_equal(chan_frame_decode(start, sizeof start, &f), LAN_OK);
	assert_true(
		f.type == CHAN_F_START && f.u.start.n == 10 && f.u.start.seq == 290 && f.u.start.msg == 5);
}

static void no_truncation_and_no_appended_byte_is_taken_for_what_it_was(void **state)
{
	struct chan_frame f;
	uint8_t longer[256];
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t type = samples[i].bytes[0];
		size_t head = type == 1 ? CHAN_DATA_HEAD : CHAN_PARITY_HEAD + 2;
		if (samples[i].bytes == fragment)
			head = CHAN_FRAG_HEAD + 1;
		bool open = type <= 2; /* these end with their datagram */
		for (size_t n = 0; n < samples[i].n; n++)
			assert_int_equal(
				decode(samples[i].bytes, n, &f), open && n >= head ? LAN_OK : LAN_ERR_PROTO);
		memcpy(longer, samples[i].bytes, samples[i].n);
		longer[samples[i].n] = 'y';
		assert_int_equal(decode(longer, samples[i].n + 1, &f), open ? LAN_OK : LAN_ERR_PROTO);
	}
}

static void whatever_a_byte_is_changed_to_is_refused_or_encodes_again(void **state)
{
	struct chan_frame f;
	uint8_t bytes[256];
	unsigned taken = 0, refused = 0;
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t at = 0; at < samples[i].n; at++)
			for (unsigned v = 0; v < 256; v++) {
				memcpy(bytes, samples[i].bytes, samples[i].n);
				bytes[at] = (uint8_t)v;
				*(decode(bytes, samples[i].n, &f) ? &refused : &taken) += 1;
			}
	assert_in_range(taken, 10000, 60000);
	assert_in_range(refused, 3000, 60000);
}

static void what_is_refused_leaves_the_result_alone(void **state)
{
	struct chan_frame f, before;
	uint8_t bytes[256];
	memset(&before, 0xa5, sizeof before);
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t at = 0; at < samples[i].n; at++)
			for (unsigned v = 0; v < 256; v += 15) {
				memcpy(bytes, samples[i].bytes, samples[i].n);
				bytes[at] = (uint8_t)v;
				f = before;
				if (chan_frame_decode(bytes, samples[i].n, &f))
					assert_memory_equal(&f, &before, sizeof f);
			}
}

/* The sample with one byte set. */
static enum lan_err with(const uint8_t *sample, size_t n, size_t at, uint8_t v)
{
	uint8_t bytes[256];
	struct chan_frame f;
	memcpy(bytes, sample, n);
	bytes[at] = v;
	return decode(bytes, n, &f);
}
#define WITH(sample, at, v) with(sample, sizeof sample, at, v)

static void types_that_are_not_known_are_told_from_what_is_wrong(void **state)
{
	struct chan_frame f;
	for (unsigned type = 0; type < 256; type++)
		if (type < 1 || type > 6)
			assert_int_equal(WITH(data, 0, (uint8_t)type), LAN_ERR_NOTSUP);
	assert_int_equal(chan_frame_decode(data, 0, &f), LAN_ERR_PROTO);
}

static void data_keeps_to_its_rules(void **state)
{
	for (unsigned k = 0; k < 256; k++)
		assert_int_equal(WITH(data, 2, (uint8_t)k), k >= 1 && k <= 64 ? LAN_OK : LAN_ERR_PROTO);
	for (unsigned bit = 3; bit < 8; bit++)
		assert_int_equal(WITH(data, 1, (uint8_t)(1 << bit)), LAN_ERR_PROTO);
	static const uint8_t no_seq[] = {1, 0, 32, U64(0), U64(7), 'h', 'i'};
	static const uint8_t no_msg[] = {1, 0, 32, U64(300), U64(0), 'h', 'i'};
	assert_int_equal(WITH(no_seq, 0, 1), LAN_ERR_PROTO);
	assert_int_equal(WITH(no_msg, 0, 1), LAN_ERR_PROTO);
	assert_int_equal(WITH(no_seq, 3, 1), LAN_OK);
	assert_int_equal(WITH(no_msg, 18, 1), LAN_OK);
}

/* offset and total of a fragment of 3 bytes. */
static enum lan_err frag(uint32_t offset, uint32_t total)
{
	uint8_t bytes[sizeof fragment];
	struct chan_frame f;
	memcpy(bytes, fragment, sizeof fragment);
	for (int i = 0; i < 4; i++) {
		bytes[19 + i] = (uint8_t)(offset >> (24 - 8 * i));
		bytes[23 + i] = (uint8_t)(total >> (24 - 8 * i));
	}
	return decode(bytes, sizeof bytes, &f);
}

static void a_fragment_lies_inside_of_its_message_and_is_not_all_of_it(void **state)
{
	assert_int_equal(frag(0, 4), LAN_OK);
	assert_int_equal(frag(1, 4), LAN_OK);
	assert_int_equal(frag(2, 4), LAN_ERR_PROTO);
	assert_int_equal(frag(0, 3), LAN_ERR_PROTO);
	assert_int_equal(frag(0, 2), LAN_ERR_PROTO);
	assert_int_equal(frag(0, 0), LAN_ERR_PROTO);
	assert_int_equal(frag(1048573, 1048576), LAN_OK);
	assert_int_equal(frag(1048574, 1048576), LAN_ERR_PROTO);
	assert_int_equal(frag(0, 1048577), LAN_ERR_PROTO);
	assert_int_equal(frag(UINT32_MAX, 100), LAN_ERR_PROTO);
	assert_int_equal(frag(UINT32_MAX - 2, 100), LAN_ERR_PROTO);
	assert_int_equal(frag(0, UINT32_MAX), LAN_ERR_PROTO);
}

static void parity_keeps_to_its_rules(void **state)
{
	for (unsigned k = 0; k < 256; k++)
		assert_int_equal(WITH(parity, 2, (uint8_t)k), k >= 1 && k <= 32 ? LAN_OK : LAN_ERR_PROTO);
	for (unsigned row = 0; row < 256; row++)
		assert_int_equal(WITH(parity, 3, (uint8_t)row), row < 128 ? LAN_OK : LAN_ERR_PROTO);
	for (unsigned first = 0; first < 256; first++)
		assert_int_equal(WITH(parity, 11, (uint8_t)first), first % 32 == 1 ? LAN_OK : LAN_ERR_PROTO);
	assert_int_equal(WITH(parity, 1, 64), LAN_OK); /* K */
	assert_int_equal(WITH(parity, 1, 65), LAN_ERR_PROTO);
	assert_int_equal(WITH(parity, 1, 0), LAN_ERR_PROTO);
	assert_int_equal(WITH(parity, 1, 128), LAN_ERR_PROTO);
	static const uint8_t zero[] = {2, 1, 1, 0, U64(0), 0, 19, 'x'};
	assert_int_equal(WITH(zero, 11, 0), LAN_ERR_PROTO);
	assert_int_equal(WITH(zero, 11, 200), LAN_OK);
	assert_int_equal(WITH(zero, 4, 0x41), LAN_ERR_PROTO);
}

static void presence_keeps_to_its_rules(void **state)
{
	for (unsigned v = 0; v < 256; v++) {
		assert_int_equal(WITH(presence, 1, (uint8_t)v), v < 16 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(presence, 2, (uint8_t)v), v < 3 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(presence, 3, (uint8_t)v), v >= 1 && v <= 64 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(presence, 46, (uint8_t)v), v == 5 ? LAN_OK : LAN_ERR_PROTO);
		/* oldest 256 + v of 300, oldest message v of 8 */
		assert_int_equal(WITH(presence, 29, (uint8_t)v), v <= 45 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(presence, 37, (uint8_t)v), v >= 1 && v <= 8 ? LAN_OK : LAN_ERR_PROTO);
	}
	uint8_t fresh[] = {3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, U64(0), U64(1), U64(1), U64(1), 0};
	struct chan_frame f;
	assert_int_equal(decode(fresh, sizeof fresh, &f), LAN_OK);
	assert_int_equal(WITH(fresh, 29, 0), LAN_ERR_PROTO);
	assert_int_equal(WITH(fresh, 29, 2), LAN_ERR_PROTO);
	memset(fresh + 14, 0x3f, 8); /* highest: the top of what a number may be */
	assert_int_equal(WITH(fresh, 29, 2), LAN_OK);
	assert_int_equal(WITH(fresh, 14, 0x40), LAN_ERR_PROTO);
	assert_int_equal(WITH(fresh, 29, 0), LAN_ERR_PROTO);
}

/* A presence with that name. */
static enum lan_err named(const char *name)
{
	uint8_t bytes[256];
	struct chan_frame f;
	size_t n = strlen(name);
	memcpy(bytes, presence, 47);
	bytes[46] = (uint8_t)n;
	memcpy(bytes + 47, name, n);
	return decode(bytes, 47 + n, &f);
}

static void a_name_is_text_of_at_most_63_bytes_that_can_be_shown(void **state)
{
	char name[65];
	memset(name, 'n', sizeof name);
	name[64] = 0;
	assert_int_equal(named(name), LAN_ERR_PROTO);
	assert_int_equal(named(name + 1), LAN_OK);
	assert_int_equal(named(""), LAN_OK);
	for (unsigned c = 1; c < 256; c++) {
		char text[4] = {'a', (char)c, 'b'};
		assert_int_equal(named(text), c >= 0x20 && c < 0x7f ? LAN_OK : LAN_ERR_PROTO);
		char two[4] = {(char)0xc2, (char)c};
		assert_int_equal(named(two), c >= 0xa0 && c < 0xc0 ? LAN_OK : LAN_ERR_PROTO);
	}
	assert_int_equal(WITH(presence, 48, 0), LAN_ERR_PROTO);
	assert_int_equal(named("\xc2"), LAN_ERR_PROTO);
	assert_int_equal(named("\xed\xa0\x80"), LAN_ERR_PROTO);
	assert_int_equal(named("\xf0\x9f\x9a\x80 \xe2\x82\xac"), LAN_OK);
}

static void feedback_keeps_to_its_rules(void **state)
{
	for (unsigned v = 0; v < 256; v++) {
		assert_int_equal(WITH(feedback, 1, (uint8_t)v), v == 0 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(feedback, 38, (uint8_t)v), v == 2 ? LAN_OK : LAN_ERR_PROTO);
		/* 0x105 and 64 ones are missing */
		assert_int_equal(WITH(feedback, 55, (uint8_t)v), v >= 1 && v <= 3 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(feedback, 72, (uint8_t)v), v >= 1 && v <= 64 ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(feedback, 46, (uint8_t)v), v ? LAN_OK : LAN_ERR_PROTO);
		assert_int_equal(WITH(feedback, 25, (uint8_t)v), v ? LAN_OK : LAN_ERR_PROTO); /* next */
	}
	uint8_t most[39 + 17 * 81] = {4};
	struct chan_frame f;
	most[25] = 1;
	for (size_t i = 0; i < 81; i++)
		most[39 + 17 * i + 7] = most[39 + 17 * i + 15] = most[39 + 17 * i + 16] = 1;
	for (unsigned n = 0; n <= 81; n++) {
		most[38] = (uint8_t)n;
		assert_int_equal(decode(most, 39 + 17 * n, &f), n <= 80 ? LAN_OK : LAN_ERR_PROTO);
	}
	memset(most + 39 + 17 * 79 + 8, 0, 8); /* the last one misses nothing */
	most[38] = 80;
	assert_int_equal(decode(most, 39 + 17 * 80, &f), LAN_ERR_PROTO);
}

static void late_and_start_keep_to_their_rules(void **state)
{
	for (unsigned v = 1; v < 256; v++) {
		assert_int_equal(WITH(late, 1, (uint8_t)v), LAN_ERR_PROTO);
		assert_int_equal(WITH(start, 1, (uint8_t)v), LAN_ERR_PROTO);
	}
	static const uint8_t no_seq[] = {6, 0, 0, 0, 0, 10, U64(0), U64(5)};
	static const uint8_t no_msg[] = {6, 0, 0, 0, 0, 10, U64(290), U64(0)};
	assert_int_equal(WITH(no_seq, 0, 6), LAN_ERR_PROTO);
	assert_int_equal(WITH(no_msg, 0, 6), LAN_ERR_PROTO);
}

static void data_and_symbols_that_lie_at_their_place_stay_there(void **state)
{
	uint8_t out[64];
	struct chan_frame f;
	static const struct {
		const uint8_t *bytes;
		size_t n, head;
	} in[] = {{data, sizeof data, 19}, {fragment, sizeof fragment, 27}, {parity, sizeof parity, 12}};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chan_frame_decode(in[i].bytes, in[i].n, &f), LAN_OK);
		memset(out, 0, sizeof out);
		memcpy(out + in[i].head, in[i].bytes + in[i].head, in[i].n - in[i].head);
		*(i < 2 ? &f.u.data.data : &f.u.parity.symbol) = out + in[i].head;
		assert_int_equal(chan_frame_encode(&f, out, sizeof out), in[i].n);
		assert_memory_equal(out, in[i].bytes, in[i].n);
	}
	f.type = 77;
	assert_int_equal(chan_frame_encode(&f, out, sizeof out), 0);
}

static void a_header_makes_the_round_trip_and_keeps_to_its_rules(void **state)
{
	uint8_t bytes[49] = {'L', 'C', 1, 1, 1, 2, 3, 4, 0x80, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28};
	uint8_t again[CHAN_HEADER];
	struct chan_header h, before;
	assert_int_equal(chan_header_decode(bytes, sizeof bytes, &h), LAN_OK);
	assert_true(h.flags == CHAN_SIGNED && h.epoch == 0x01020304 && h.sender == 0x80060708090a0b0c);
	assert_true(h.boot == 0x0d0e0f1011121314 && h.counter == 0x15161718191a1b1c);
	chan_header_encode(&h, again);
	assert_memory_equal(again, bytes, CHAN_HEADER);
	before = h;
	for (size_t n = 0; n < sizeof bytes; n++)
		assert_int_equal(chan_header_decode(bytes, n, &h), LAN_ERR_PROTO);
	for (size_t at = 0; at < 4; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[at] ^= (uint8_t)(1 << bit);
			assert_int_equal(chan_header_decode(bytes, sizeof bytes, &h),
				at == 2 ? LAN_ERR_VERSION : LAN_ERR_PROTO);
			bytes[at] ^= (uint8_t)(1 << bit);
		}
	bytes[8] = 0x7f;
	assert_int_equal(chan_header_decode(bytes, sizeof bytes, &h), LAN_ERR_PROTO);
	assert_memory_equal(&h, &before, sizeof h);
	bytes[3] = 0;
	assert_int_equal(chan_header_decode(bytes, sizeof bytes, &h), LAN_OK);
	assert_int_equal(h.flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read_and_written_as_the_specification_has_it),
		cmocka_unit_test(the_frames_of_repair_are_read_as_the_specification_has_them),
		cmocka_unit_test(no_truncation_and_no_appended_byte_is_taken_for_what_it_was),
		cmocka_unit_test(whatever_a_byte_is_changed_to_is_refused_or_encodes_again),
		cmocka_unit_test(what_is_refused_leaves_the_result_alone),
		cmocka_unit_test(types_that_are_not_known_are_told_from_what_is_wrong),
		cmocka_unit_test(data_keeps_to_its_rules),
		cmocka_unit_test(a_fragment_lies_inside_of_its_message_and_is_not_all_of_it),
		cmocka_unit_test(parity_keeps_to_its_rules),
		cmocka_unit_test(presence_keeps_to_its_rules),
		cmocka_unit_test(a_name_is_text_of_at_most_63_bytes_that_can_be_shown),
		cmocka_unit_test(feedback_keeps_to_its_rules),
		cmocka_unit_test(late_and_start_keep_to_their_rules),
		cmocka_unit_test(data_and_symbols_that_lie_at_their_place_stay_there),
		cmocka_unit_test(a_header_makes_the_round_trip_and_keeps_to_its_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
