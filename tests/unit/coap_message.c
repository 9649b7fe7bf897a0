/*
 * Unit tests of coap/message.h (RFC 7252 section 3): each way to be refused on both sides of its bound, every
 * truncation, every form of delta and length, the reading of what old slaves encode wrongly (sos.md section
 * 14, S1), and that nothing is written which does not fit or is out of order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/coap/message.h"

#define HUGE (70000 + 16)

/* The octets alone on the heap, so that the sanitizer sees every look behind them. `m` views it: freed by the
 * next call. */
static enum coap_fault decode(const void *p, size_t n, struct coap_msg *m)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(n ? n : 1);
	if (n)
		memcpy(copy, p, n);
	return coap_decode(copy, n, m);
}

/* What was read, written again. */
static size_t again(const struct coap_msg *m, uint8_t *buf, size_t cap)
{
	struct coap_wr w = coap_begin(buf, cap, m->type, m->code, m->mid, m->token, m->tkl);

	coap_put_all(&w, m->options, m->options_len, NULL, 0);
	coap_put_payload(&w, m->payload, m->len);
	return coap_end(&w);
}

static void a_message_is_views_into_its_datagram(void **state)
{
	static const uint8_t get[] = {
		0x42, 0x01, 0x12, 0x34, 0xaa, 0xbb, 0xb2, 't', '1', 0x41, 'q', 0xff, 'h', 'i'};
	struct coap_msg m;

	assert_int_equal(coap_decode(get, sizeof get, &m), COAP_FAULT_OK);
	assert_int_equal(m.type, COAP_CON);
	assert_int_equal(m.code, COAP_GET);
	assert_int_equal(m.mid, 0x1234);
	assert_int_equal(m.tkl, 2);
	assert_memory_equal(m.token, "\xaa\xbb", 2);
	assert_ptr_equal(m.options, get + 6);
	assert_int_equal(m.options_len, 5);
	assert_ptr_equal(m.payload, get + 12);
	assert_int_equal(m.len, 2);
	struct coap_options o = coap_options_of(&m);
	assert_true(coap_options_next(&o));
	assert_int_equal(o.number, 11);
	assert_ptr_equal(o.value, get + 7);
	assert_int_equal(o.len, 2);
	assert_true(coap_options_next(&o));
	assert_int_equal(o.number, 15);
	assert_int_equal(o.len, 1);
	assert_false(coap_options_next(&o));
	assert_false(coap_options_next(&o));
}

/* What is refused, why, and how much of it is known all the same. */
static const struct {
	const char *octets;
	size_t n;
	enum coap_fault fault;
} refused[] = {
	{"", 0, COAP_FAULT_SHORT},
	{"\x40", 1, COAP_FAULT_SHORT},
	{"\x40\x01\x00", 3, COAP_FAULT_SHORT},
	{"\x00\x01\x00\x01", 4, COAP_FAULT_VERSION},
	{"\x80\x01\x00\x01", 4, COAP_FAULT_VERSION},
	{"\xc0\x01\x00\x01", 4, COAP_FAULT_VERSION},
	{"\x49\x01\x00\x01"
	 "123456789",
		13, COAP_FAULT_TOKEN},
	{"\x4f\x01\x00\x01"
	 "123456789012345",
		19, COAP_FAULT_TOKEN},
	{"\x48\x01\x00\x01"
	 "1234567",
		11, COAP_FAULT_TOKEN},
	{"\x41\x01\x00\x01", 4, COAP_FAULT_TOKEN},
	{"\x41\x00\x00\x01"
	 "1",
		5, COAP_FAULT_EMPTY},
	{"\x40\x00\x00\x01\xb1t", 6, COAP_FAULT_EMPTY},
	{"\x60\x00\x00\x01\xff"
	 "1",
		6, COAP_FAULT_EMPTY},
	{"\x70\x00\x00\x01\x00", 5, COAP_FAULT_EMPTY},
	{"\x40\x20\x00\x01", 4, COAP_FAULT_CLASS},
	{"\x40\x3f\x00\x01", 4, COAP_FAULT_CLASS},
	{"\x60\xc0\x00\x01", 4, COAP_FAULT_CLASS},
	{"\x60\xff\x00\x01", 4, COAP_FAULT_CLASS},
	{"\x40\x01\x00\x01\xf0", 5, COAP_FAULT_OPTION_RESERVED},
	{"\x40\x01\x00\x01\x0f", 5, COAP_FAULT_OPTION_RESERVED},
	{"\x40\x01\x00\x01\xdf\x00", 6, COAP_FAULT_OPTION_RESERVED},
	{"\x40\x01\x00\x01\xb1t\x1f"
	 "012345678901234",
		22, COAP_FAULT_OPTION_RESERVED},
	{"\x40\x01\x00\x01\xb2t", 6, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\x01", 5, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xd0", 5, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xe0\x00", 6, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xbd", 5, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xbe\x00", 6, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xbd\x00"
	 "012345678901",
		18, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xbe\xff\xff"
	 "a",
		8, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xee\x00\x00\x00", 8, COAP_FAULT_OPTION_SHORT},
	{"\x40\x01\x00\x01\xe0\xfe\xf3", 7, COAP_FAULT_OPTION_NUMBER},
	{"\x40\x01\x00\x01\xe0\xfe\xf2\x10", 8, COAP_FAULT_OPTION_NUMBER},
	{"\x40\x01\x00\x01\xff", 5, COAP_FAULT_PAYLOAD_EMPTY},
	{"\x40\x01\x00\x01\xb1t\xff", 7, COAP_FAULT_PAYLOAD_EMPTY},
};

static void each_fault_is_told(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const uint8_t *p = (const uint8_t *)refused[i].octets;
		struct coap_msg m = {.mid = 7};
		enum coap_fault f = decode(p, refused[i].n, &m);
		if (f != refused[i].fault)
			print_message("number %zu: %s\n", i, coap_fault_text(f));
		assert_int_equal(f, refused[i].fault);
		assert_true(*coap_fault_text(f) != 0);
		if (f <= COAP_FAULT_VERSION)
			continue;
		/* enough to answer or to reject it */
		assert_int_equal(m.type, p[0] >> 4 & 3);
		assert_int_equal(m.code, p[1]);
		assert_int_equal(m.mid, p[2] << 8 | p[3]);
		if (f >= COAP_FAULT_CLASS)
			assert_int_equal(m.tkl, p[0] & 15);
		assert_int_equal(m.options_len, 0);
		assert_null(m.payload);
	}
	assert_string_equal(coap_fault_text((enum coap_fault)99), "");
}

static void what_is_next_to_a_fault_is_read(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} good[] = {
		{"\x40\x00\x00\x01", 4}, {"\x70\x00\xff\xff", 4},
		{"\x48\x01\x00\x01"
		 "12345678",
			12},
		{"\x40\x1f\x00\x01", 4}, {"\x60\x5f\x00\x01", 4}, {"\x60\xbf\x00\x01", 4},
		{"\x40\x01\x00\x01\xe0\xfe\xf2", 7},     /* number 65535 */
		{"\x40\x01\x00\x01\xe0\xfe\xf1\x10", 8}, /* the same in two steps */
		{"\x40\x01\x00\x01\xbd\x00"
		 "0123456789012",
			19},
		{"\x40\x01\x00\x01\xdd\x00\x00"
		 "0123456789012",
			20},
		{"\x40\x45\x00\x01\xff\xff", 6}, {"\x40\x45\x00\x01\xff\x00", 6},
		{"\x40\x01\x00\x01\x00", 5}, /* option 0, empty */
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint8_t out[64];
		struct coap_msg m;
		assert_int_equal(decode(good[i].octets, good[i].n, &m), COAP_FAULT_OK);
		assert_int_equal(again(&m, out, sizeof out), good[i].n);
		assert_memory_equal(out, good[i].octets, good[i].n);
	}
}

/* Messages with every form of head, several options, with and without token and payload. */
static size_t make(unsigned which, uint8_t *buf, size_t cap)
{
	static const uint8_t filler[400];
	struct coap_wr w = coap_begin(
		buf, cap, which & 3, COAP_GET, (uint16_t)which, (const uint8_t *)"abcdefgh", which % 9);

	coap_put(&w, 1, filler, which % 3);
	coap_put_text(&w, 11, "path");
	coap_put(&w, 11, filler, 12 + which % 3);
	if (which & 4)
		coap_put(&w, 11 + 13, filler, 268 + which % 2);
	if (which & 8)
		coap_put(&w, 11 + 269, filler, 14);
	coap_put_uint(&w, 60000, which * 77u);
	if (which & 16)
		coap_put_payload(&w, "payload", 7);
	return coap_end(&w);
}

static void every_truncation_is_refused_or_a_shorter_message(void **state)
{
	uint8_t buf[1024], out[1024];
	unsigned shorter = 0;

	for (unsigned which = 0; which < 64; which++) {
		size_t n = make(which, buf, sizeof buf);
		assert_true(n > 0);
		for (size_t cut = 0; cut <= n; cut++) {
			struct coap_msg m;
			enum coap_fault f = decode(buf, cut, &m);
			assert_true(cut < n || f == COAP_FAULT_OK);
			if (f)
				continue;
			shorter += cut < n;
			assert_int_equal(again(&m, out, sizeof out), cut);
			assert_memory_equal(out, buf, cut);
		}
	}
	assert_true(shorter > 64);
}

static const size_t lengths[] = {0, 1, 2, 11, 12, 13, 14, 15, 16, 254, 255, 256, 257, 267, 268, 269, 270, 271,
	524, 525, 65535, 65536, 65803, 65804};

static void every_length_of_an_option_is_written_and_read(void **state)
{
	static uint8_t buf[HUGE], value[65805];

	for (size_t i = 0; i < sizeof value; i++)
		value[i] = (uint8_t)(i * 31);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		size_t len = lengths[i], head = len < 13 ? 1 : len < 269 ? 2 : 3;
		struct coap_wr w = coap_begin(buf, sizeof buf, COAP_NON, COAP_PUT, 1, NULL, 0);
		struct coap_msg m;
		coap_put(&w, 8, value, len);
		coap_put_text(&w, 8, "x");
		size_t n = coap_end(&w);
		assert_int_equal(n, COAP_HEADER + head + len + 2);
		assert_int_equal(buf[4], 0x80 | (len < 13 ? len : 12 + head - 1));
		assert_int_equal(decode(buf, n, &m), COAP_FAULT_OK);
		struct coap_options o = coap_options_of(&m);
		assert_true(coap_options_next(&o));
		assert_int_equal(o.number, 8);
		assert_int_equal(o.len, len);
		if (len)
			assert_memory_equal(o.value, value, len);
		assert_true(coap_options_next(&o));
		assert_int_equal(o.len, 1);
		assert_false(coap_options_next(&o));
		assert_int_equal(decode(buf, n - 1, &m), COAP_FAULT_OPTION_SHORT);
	}
	struct coap_wr w = coap_begin_options(buf, sizeof buf);
	coap_put(&w, 8, value, sizeof value);
	assert_int_equal(coap_end(&w), 0);
}

static void every_delta_of_an_option_is_written_and_read(void **state)
{
	static const uint32_t deltas[] = {
		0, 1, 12, 13, 14, 255, 256, 267, 268, 269, 270, 524, 525, 4096, 65535 - 7};
	uint8_t buf[64];

	for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++) {
		uint32_t d = deltas[i], head = d < 13 ? 1 : d < 269 ? 2 : 3;
		struct coap_wr w = coap_begin(buf, sizeof buf, COAP_NON, COAP_PUT, 1, NULL, 0);
		struct coap_msg m;
		coap_put(&w, 7, "a", 1);
		coap_put(&w, 7 + d, "bc", 2);
		size_t n = coap_end(&w);
		assert_int_equal(n, COAP_HEADER + 2 + head + 2);
		assert_int_equal(buf[6], (d < 13 ? d : 12 + head - 1) << 4 | 2);
		assert_int_equal(decode(buf, n, &m), COAP_FAULT_OK);
		struct coap_options o = coap_options_of(&m);
		assert_true(coap_options_next(&o) && coap_options_next(&o));
		assert_int_equal(o.number, 7 + d);
		assert_memory_equal(o.value, "bc", 2);
	}
}

static void what_is_out_of_order_or_does_not_fit_is_not_written(void **state)
{
	uint8_t buf[1024], whole[1024];

	for (unsigned which = 0; which < 64; which++) {
		size_t n = make(which, whole, sizeof whole);
		for (size_t cap = 0; cap < n; cap++) {
			memset(buf, 0x5a, sizeof buf);
			assert_int_equal(make(which, buf, cap), 0);
			for (size_t i = cap; i < n; i++)
				assert_int_equal(buf[i], 0x5a);
		}
		assert_int_equal(make(which, buf, n), n);
	}
	struct coap_wr w =
		coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, 1, (const uint8_t *)"123456789", 9);
	assert_int_equal(coap_end(&w), 0);
	w = coap_begin_options(buf, sizeof buf);
	coap_put_text(&w, 11, "a");
	coap_put_text(&w, 8, "b");
	coap_put_text(&w, 12, "c"); /* sticky */
	assert_int_equal(coap_end(&w), 0);
	w = coap_begin_options(buf, sizeof buf);
	coap_put(&w, 65536, NULL, 0);
	assert_int_equal(coap_end(&w), 0);
	w = coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, 1, NULL, 0);
	coap_put_payload(&w, "x", 1);
	assert_int_equal(coap_end(&w), 6);
	coap_put(&w, 65535, NULL, 0);
	assert_int_equal(coap_end(&w), 0);
	w = coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, 1, NULL, 0);
	coap_put_payload(&w, "x", 1);
	coap_put_payload(&w, "x", 1);
	assert_int_equal(coap_end(&w), 0);
	w = coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, 1, NULL, 0);
	coap_put_payload(&w, "x", 0); /* no payload, no marker */
	assert_int_equal(coap_end(&w), 4);
}

static void numbers_are_written_in_their_shortest_form(void **state)
{
	static const struct {
		uint64_t value;
		size_t len;
		const char *octets;
	} numbers[] = {
		{0, 0, ""},
		{1, 1, "\x01"},
		{255, 1, "\xff"},
		{256, 2, "\x01\x00"},
		{0xffffff, 3, "\xff\xff\xff"},
		{0x1000000, 4, "\x01\x00\x00\x00"},
		{UINT32_MAX, 4, "\xff\xff\xff\xff"},
		{UINT64_MAX, 8, "\xff\xff\xff\xff\xff\xff\xff\xff"},
	};
	uint8_t buf[16];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct coap_wr w = coap_begin_options(buf, sizeof buf);
		coap_put_uint(&w, 12, numbers[i].value);
		assert_int_equal(coap_end(&w), 1 + numbers[i].len);
		assert_int_equal(buf[0], 0xc0 | numbers[i].len);
		assert_memory_equal(buf + 1, numbers[i].octets, numbers[i].len);
	}
}

static void a_run_of_options_is_copied_but_for_some(void **state)
{
	static const uint8_t run[] = {0xb1, 'a', 0x01, 'b', 0x11, 0x32, 0x21, 60, 0xd1, 0x00, 0x16};
	static const uint16_t without[] = {14, 11};
	uint8_t buf[32];
	struct coap_wr w = coap_begin_options(buf, sizeof buf);

	coap_put_all(&w, run, sizeof run, NULL, 0);
	assert_int_equal(coap_end(&w), sizeof run);
	assert_memory_equal(buf, run, sizeof run);
	w = coap_begin_options(buf, sizeof buf);
	coap_put_all(&w, run, sizeof run, without, 2);
	assert_int_equal(coap_end(&w), 5);
	assert_memory_equal(buf, "\xc1\x32\xd1\x02\x16", 5);
	w = coap_begin_options(buf, sizeof buf);
	coap_put_text(&w, 12, "");
	coap_put_all(&w, run, sizeof run, NULL, 0); /* begins before what is there */
	assert_int_equal(coap_end(&w), 0);
	for (size_t cut = 1; cut < sizeof run; cut++) {
		w = coap_begin_options(buf, sizeof buf);
		coap_put_all(&w, run, cut, NULL, 0);
		bool whole = cut == 2 || cut == 4 || cut == 6 || cut == 8;
		assert_int_equal(coap_end(&w), whole ? cut : 0);
	}
	w = coap_begin_options(buf, sizeof buf);
	coap_put_all(&w, NULL, 0, NULL, 0);
	assert_false(w.w.bad);
}

static void an_empty_message_is_its_header(void **state)
{
	uint8_t out[COAP_HEADER];
	struct coap_msg m;

	for (int type = COAP_CON; type <= COAP_RST; type++) {
		coap_empty(out, (enum coap_type)type, 0xabcd);
		assert_int_equal(coap_decode(out, sizeof out, &m), COAP_FAULT_OK);
		assert_int_equal(m.type, type);
		assert_int_equal(m.code, COAP_EMPTY);
		assert_int_equal(m.mid, 0xabcd);
	}
}

/* --- S1 ---------------------------------------------------------------------------------- */

/* As the old slaves write an option of any length: 13..268 with the low octet of the length itself. */
static size_t put_s1(uint8_t *p, unsigned delta, size_t len)
{
	size_t n = 1;

	p[0] = (uint8_t)(delta << 4 | (len < 13 ? len : len < 269 ? 13 : 14));
	if (len >= 269)
		lan_put_be16(p + n, (uint16_t)(len - 269)), n += 2;
	else if (len >= 13)
		p[n++] = (uint8_t)len;
	memset(p + n, 'x', len);
	return n + len;
}

static void what_old_slaves_encode_wrongly_is_read(void **state)
{
	uint8_t buf[1024], scratch[1024];

	for (size_t len = 0; len < 300; len++)
		for (int payload = 0; payload < 2; payload++) {
			struct coap_msg m;
			size_t n = 4;
			memcpy(buf, "\x50\x02\x00\x01", 4);
			n += put_s1(buf + n, 11, 5);
			n += put_s1(buf + n, 4, len);
			n += put_s1(buf + n, 0, 7);
			memcpy(buf + n, "\xff\xff", 2);
			n += payload ? 2 : 0;
			memset(scratch, 0x5a, sizeof scratch);
			assert_int_equal(coap_decode_s1(buf, n, scratch, &m), COAP_FAULT_OK);
			assert_int_equal(scratch[n], 0x5a);
			struct coap_options o = coap_options_of(&m);
			assert_true(coap_options_next(&o) && coap_options_next(&o));
			assert_int_equal(o.number, 15);
			assert_int_equal(o.len, len);
			assert_true(coap_options_next(&o));
			assert_int_equal(o.len, 7);
			assert_false(coap_options_next(&o));
			assert_int_equal(m.len, payload);
			if (len >= 13 && len < 256)
				assert_int_equal(decode(buf, n, &m), COAP_FAULT_OPTION_SHORT);
		}
}

static void a_discover_of_a_long_id_is_read_only_the_wrong_way(void **state)
{
	static const char discover[] = "\x50\x02\x00\x03\xbb.well-known\x05"
				       "casan\x4d\x10slave=9999999999\x07mtu=127";
	size_t n = sizeof discover - 1;
	uint8_t scratch[80];
	struct coap_msg m;

	assert_int_equal(decode(discover, n, &m), COAP_FAULT_OPTION_SHORT);
	assert_int_equal(coap_decode_s1((const uint8_t *)discover, n, scratch, &m), COAP_FAULT_OK);
	struct coap_options o = coap_options_of(&m);
	for (int i = 0; i < 3; i++)
		assert_true(coap_options_next(&o));
	assert_memory_equal(o.value, "slave=9999999999", o.len);
	for (size_t cut = 0; cut < n; cut++) { /* no step outside, whatever is missing */
		uint8_t *copy = malloc(cut ? cut : 1), *room = malloc(cut ? cut : 1);
		if (cut)
			memcpy(copy, discover, cut);
		enum coap_fault f = coap_decode_s1(copy, cut, room, &m);
		bool between = cut == 4 || cut == 16 || cut == 22 || cut == 40;
		assert_int_equal(f == COAP_FAULT_OK, between);
		free(copy);
		free(room);
	}
}

static void faults_that_are_not_s1_stay_faults(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		uint8_t scratch[64];
		struct coap_msg m = {.mid = 7};
		const uint8_t *p = (const uint8_t *)refused[i].octets;
		bool extended = refused[i].fault == COAP_FAULT_OPTION_SHORT && (p[4] & 15) == 13;
		enum coap_fault f = coap_decode_s1(p, refused[i].n, scratch, &m);
		if (!extended)
			assert_int_equal(f, refused[i].fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_views_into_its_datagram),
		cmocka_unit_test(each_fault_is_told),
		cmocka_unit_test(what_is_next_to_a_fault_is_read),
		cmocka_unit_test(every_truncation_is_refused_or_a_shorter_message),
		cmocka_unit_test(every_length_of_an_option_is_written_and_read),
		cmocka_unit_test(every_delta_of_an_option_is_written_and_read),
		cmocka_unit_test(what_is_out_of_order_or_does_not_fit_is_not_written),
		cmocka_unit_test(numbers_are_written_in_their_shortest_form),
		cmocka_unit_test(a_run_of_options_is_copied_but_for_some),
		cmocka_unit_test(an_empty_message_is_its_header),
		cmocka_unit_test(what_old_slaves_encode_wrongly_is_read),
		cmocka_unit_test(a_discover_of_a_long_id_is_read_only_the_wrong_way),
		cmocka_unit_test(faults_that_are_not_s1_stay_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
