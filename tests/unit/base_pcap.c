/*
 * Unit tests of pcap.h: what is written is read back whichever way it is cut, the
 * other formats and byte orders, and what is said about files that are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/pcap.h"

static uint8_t file[4096];

static const char frame_a[] = "first frame of an odd length.";
static const char frame_b[] = "second";

/* Two interfaces, two frames, statistics; its length. */
static size_t sample(void)
{
	struct lan_wr w = lan_wr_of(file, sizeof file);
	lan_pcap_put_section(&w, "test");
	lan_pcap_put_iface(&w, "eth0", LAN_PCAP_ETHERNET);
	lan_pcap_put_iface(&w, "lan1", LAN_PCAP_ETHERNET);
	lan_pcap_put_frame(&w, 1, 1700000000123456789u, LAN_PCAP_OUT, frame_a, sizeof frame_a, 99);
	lan_pcap_put_frame(&w, 0, 5, LAN_PCAP_UNKNOWN, frame_b, sizeof frame_b, sizeof frame_b);
	lan_pcap_put_stats(&w, 1, 7, 1700000000000000009u, 12, 3);
	assert_false(w.bad);
	return w.off;
}

/* All of a buffer at once: how it ended; frames and statistics read. */
static enum lan_pcap_result read_all(
	struct lan_pcap *r, const uint8_t *p, size_t n, struct lan_pcap_item *last, int *frames)
{
	enum lan_pcap_result res;
	size_t used;
	lan_pcap_init(r);
	*frames = 0;
	for (;;) {
		struct lan_pcap_item item;
		res = lan_pcap_next(r, p, n, true, &used, &item);
		assert_true(used <= n);
		p += used, n -= used;
		if (res == LAN_PCAP_FRAME_READ)
			++*frames;
		if (res != LAN_PCAP_FRAME_READ && res != LAN_PCAP_STATS_READ)
			return res;
		*last = item;
	}
}

static void check_sample(int i, enum lan_pcap_result res, const struct lan_pcap_item *it)
{
	static const struct lan_pcap_item expected[] = {{.iface = 1,
								.at = 1700000000123456789u,
								.way = LAN_PCAP_OUT,
								.len = sizeof frame_a,
								.length = 99},
		{.iface = 0, .at = 5, .len = sizeof frame_b, .length = sizeof frame_b},
		{.iface = 1, .at = 1700000000000000009u, .received = 12, .dropped = 3}};
	const struct lan_pcap_item *e = &expected[i];
	assert_int_equal(res, i == 2 ? LAN_PCAP_STATS_READ : LAN_PCAP_FRAME_READ);
	assert_int_equal(it->iface, e->iface);
	assert_string_equal(it->ifname, e->iface ? "lan1" : "eth0");
	assert_int_equal(it->linktype, LAN_PCAP_ETHERNET);
	assert_true(it->at == e->at);
	assert_int_equal(it->way, e->way);
	assert_int_equal(it->len, e->len);
	assert_int_equal(it->length, e->length);
	if (e->len)
		assert_memory_equal(it->data, i ? frame_b : frame_a, e->len);
	if (i == 2)
		assert_true(it->received == 12 && it->dropped == 3);
	else
		assert_true(it->received == UINT64_MAX && it->dropped == UINT64_MAX);
}

static void what_is_written_is_read_back_however_it_comes(void **state)
{
	size_t n = sample();
	for (size_t piece = 1; piece <= n; piece++) {
		struct lan_pcap r;
		struct lan_pcap_item it;
		size_t off = 0, have = 0, used;
		int i = 0;
		lan_pcap_init(&r);
		for (;;) {
			enum lan_pcap_result res =
				lan_pcap_next(&r, file + off, have, off + have == n, &used, &it);
			off += used, have -= used;
			assert_true(r.off == off);
			if (res == LAN_PCAP_END)
				break;
			if (res == LAN_PCAP_MORE) {
				assert_true(r.need > have);
				have = have + piece < n - off ? have + piece : n - off;
			} else {
				assert_true(i < 3);
				check_sample(i++, res, &it);
			}
		}
		assert_int_equal(i, 3);
		assert_int_equal(off, n);
		lan_pcap_fini(&r);
	}
}

static void every_cut_inside_a_block_is_told_and_what_came_before_is_shown(void **state)
{
	size_t n = sample(), whole = 0, begins = 0;
	int before = 0;
	for (size_t cut = 1; cut <= n; cut++) {
		struct lan_pcap r;
		struct lan_pcap_item it;
		int frames;
		enum lan_pcap_result res = read_all(&r, file, cut, &it, &frames);
		assert_true(frames >= before && frames <= 2);
		before = frames;
		if (res == LAN_PCAP_END) {
			whole++;
			begins = cut;
		} else {
			assert_int_equal(res, LAN_PCAP_CUT);
			assert_int_equal(r.bad_at, begins);
		}
		lan_pcap_fini(&r);
	}
	assert_int_equal(whole, 6); /* blocks */
}

static void a_buffer_that_is_too_small_fails_the_writer_and_is_not_overrun(void **state)
{
	size_t n = sample();
	for (size_t cap = 0; cap < n; cap++) {
		uint8_t *tight = malloc(cap + 1);
		struct lan_wr w = lan_wr_of(tight, cap);
		lan_pcap_put_section(&w, "test");
		lan_pcap_put_iface(&w, "eth0", LAN_PCAP_ETHERNET);
		lan_pcap_put_iface(&w, "lan1", LAN_PCAP_ETHERNET);
		lan_pcap_put_frame(&w, 1, 1, LAN_PCAP_OUT, frame_a, sizeof frame_a, 99);
		lan_pcap_put_frame(&w, 0, 5, LAN_PCAP_UNKNOWN, frame_b, sizeof frame_b, 7);
		lan_pcap_put_stats(&w, 1, 7, 8, 12, 3);
		assert_true(w.bad);
		free(tight);
	}
	struct lan_wr w = lan_wr_of(file, LAN_PCAP_OVERHEAD + sizeof frame_a);
	lan_pcap_put_frame(&w, 1, 1, LAN_PCAP_OUT, frame_a, sizeof frame_a, 99);
	assert_false(w.bad); /* the promise of LAN_PCAP_OVERHEAD */
}

/* ---- files made by hand */

struct made {
	uint8_t b[1024];
	size_t n;
	bool big;
};

static void u16(struct made *m, unsigned v)
{
	m->b[m->n] = (uint8_t)(m->big ? v >> 8 : v);
	m->b[m->n + 1] = (uint8_t)(m->big ? v : v >> 8);
	m->n += 2;
}

static void u32(struct made *m, uint32_t v)
{
	u16(m, m->big ? v >> 16 : v & 0xffff);
	u16(m, m->big ? v & 0xffff : v >> 16);
}

static void words(struct made *m, size_t n, const uint32_t *w)
{
	for (size_t i = 0; i < n; i++)
		u32(m, w[i]);
}
#define WORDS(m, ...) words(m, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

static void section(struct made *m)
{
	WORDS(m, 0x0a0d0d0a, 28, 0x1a2b3c4d);
	u16(m, 1), u16(m, 0);
	WORDS(m, 0xffffffff, 0xffffffff, 28);
}

/* With a resolution and an offset in seconds. */
static void iface(struct made *m, uint8_t resolution, uint32_t offset_high, uint32_t offset_low)
{
	WORDS(m, 1, 44);
	u16(m, 1), u16(m, 0);
	u32(m, 0);
	u16(m, 9), u16(m, 1);
	memcpy(m->b + m->n, (uint8_t[]){resolution, 0, 0, 0}, 4);
	m->n += 4;
	u16(m, 14), u16(m, 8);
	u32(m, m->big ? offset_high : offset_low);
	u32(m, m->big ? offset_low : offset_high);
	u32(m, 0);
	u32(m, 44);
}

static void frame(struct made *m, uint64_t at)
{
	WORDS(m, 6, 36, 0, (uint32_t)(at >> 32), (uint32_t)at, 4, 4, 0x64636261, 36);
}

static void classic(struct made *m, uint32_t magic)
{
	u32(m, magic);
	u16(m, 2), u16(m, 4);
	WORDS(m, 0, 0, 65535, 1);
	WORDS(m, 1000, 123456, 4, 60, 0x64636261);
}

static char only_name[LAN_PCAP_NAME];

static struct lan_pcap_item only(const struct made *m)
{
	struct lan_pcap r;
	struct lan_pcap_item it;
	int frames;
	assert_int_equal(read_all(&r, m->b, m->n, &it, &frames), LAN_PCAP_END);
	assert_int_equal(frames, 1);
	strcpy(only_name, it.ifname); /* a view */
	it.ifname = only_name;
	lan_pcap_fini(&r);
	return it;
}

static void classic_files_are_read_in_both_orders_and_resolutions(void **state)
{
	for (int big = 0; big < 2; big++) {
		struct made micro = {.big = big}, nano = {.big = big};
		classic(&micro, 0xa1b2c3d4);
		classic(&nano, 0xa1b23c4d);
		struct lan_pcap_item a = only(&micro), b = only(&nano);
		assert_true(a.at == 1000123456000u && b.at == 1000000123456u);
		assert_int_equal(a.len, 4);
		assert_int_equal(b.length, 60);
		assert_int_equal(a.linktype, 1);
		assert_string_equal(b.ifname, "");
	}
}

static void times_of_any_resolution_become_nanoseconds(void **state)
{
	static const struct {
		uint8_t resolution;
		uint32_t high, low;
		uint64_t at, ns;
	} cases[] = {{6, 0, 0, 1700000000000001u, 1700000000000001000u}, {9, 0, 0, 17, 17},
		{0, 0, 0, 3, 3000000000u}, {3, 0, 2, 5, 2005000000u}, {12, 0, 0, 5999, 5},
		{0x80, 0, 0, 3, 3000000000u}, {0x80 | 10, 0, 0, 1536, 1500000000u},
		{0x80 | 63, 0, 0, UINT64_C(1) << 62, 500000000u}, {0x80 | 127, 0, 1, 9, 1000000000u},
		{127, 0, 0, UINT64_MAX, 0}, {9, UINT32_MAX, UINT32_MAX, 1000000001, 1},
		{9, UINT32_MAX, UINT32_MAX, 1, 0}, {0, 0, 0, UINT64_MAX, UINT64_MAX}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int big = 0; big < 2; big++) {
			struct made m = {.big = big};
			section(&m);
			iface(&m, cases[i].resolution, cases[i].high, cases[i].low);
			frame(&m, cases[i].at);
			struct lan_pcap_item it = only(&m);
			if (it.at != cases[i].ns)
				fail_msg("case %zu: %llu", i, (unsigned long long)it.at);
		}
}

static void packet_blocks_without_options_and_old_ones_are_read(void **state)
{
	struct made m = {0};
	section(&m);
	iface(&m, 6, 0, 0);
	WORDS(&m, 3, 20, 3, 0x636261, 20);
	struct lan_pcap_item it = only(&m);
	assert_true(it.len == 3 && it.length == 3 && it.at == 0 && memcmp(it.data, "abc", 3) == 0);
	struct made old = {.big = true};
	section(&old);
	iface(&old, 6, 0, 0);
	WORDS(&old, 2, 48);
	u16(&old, 0), u16(&old, 7);
	WORDS(&old, 0, 8, 4, 4, 0x61626364);
	u16(&old, 2), u16(&old, 4);
	WORDS(&old, 1, 0, 48);
	it = only(&old);
	assert_true(it.len == 4 && it.at == 8000 && it.way == LAN_PCAP_IN && memcmp(it.data, "abcd", 4) == 0);
}

static void unknown_blocks_are_stepped_over_without_being_held(void **state)
{
	struct made m = {0};
	section(&m);
	WORDS(&m, 0x0bad, 0xfffffff0, 0);
	struct lan_pcap r;
	struct lan_pcap_item it;
	size_t used, n = m.n;
	static const uint8_t much[1 << 16];
	lan_pcap_init(&r);
	assert_int_equal(lan_pcap_next(&r, m.b, n, false, &used, &it), LAN_PCAP_MORE);
	assert_int_equal(used, n);
	for (uint64_t left = 0xfffffff0u - 16; left;) {
		size_t some = left < sizeof much ? (size_t)left : sizeof much;
		assert_int_equal(lan_pcap_next(&r, much, some, false, &used, &it), LAN_PCAP_MORE);
		assert_int_equal(used, some);
		left -= some;
	}
	assert_int_equal(r.need, 4);
	assert_int_equal(
		lan_pcap_next(&r, (uint8_t[]){0xf0, 0xff, 0xff, 0xff}, 4, true, &used, &it), LAN_PCAP_END);
	lan_pcap_fini(&r);
}

static void a_new_section_may_have_the_other_order_and_forgets_interfaces(void **state)
{
	struct made m = {0};
	struct lan_pcap r;
	struct lan_pcap_item it;
	int frames;
	section(&m);
	iface(&m, 6, 0, 0);
	frame(&m, 1);
	m.big = true;
	section(&m);
	size_t second = m.n;
	iface(&m, 9, 0, 0);
	frame(&m, 2);
	assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_END);
	assert_int_equal(frames, 2);
	assert_true(it.at == 2);
	lan_pcap_fini(&r);
	m.n = second;
	frame(&m, 2);
	assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_BAD);
	assert_int_equal(frames, 1);
	assert_int_equal(r.bad_at, second);
	lan_pcap_fini(&r);
}

static void more_interfaces_than_allowed_are_refused(void **state)
{
	struct made m = {0}, one = {0};
	struct lan_pcap r;
	struct lan_pcap_item it;
	size_t used;
	section(&m);
	WORDS(&one, 1, 20, 1, 0, 20);
	lan_pcap_init(&r);
	assert_int_equal(lan_pcap_next(&r, m.b, m.n, false, &used, &it), LAN_PCAP_MORE);
	for (unsigned i = 0; i < LAN_PCAP_IFACES; i++)
		assert_int_equal(lan_pcap_next(&r, one.b, one.n, false, &used, &it), LAN_PCAP_MORE);
	assert_int_equal(lan_pcap_next(&r, one.b, one.n, false, &used, &it), LAN_PCAP_BAD);
	assert_string_equal(r.why, "more than 4096 interfaces");
	assert_int_equal(lan_pcap_next(&r, one.b, one.n, false, &used, &it), LAN_PCAP_BAD); /* for good */
	lan_pcap_fini(&r);
}

static void a_long_name_is_cut_off(void **state)
{
	char name[200];
	struct lan_wr w = lan_wr_of(file, sizeof file);
	struct made m = {0};
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	section(&m);
	memcpy(file, m.b, m.n);
	w.off = m.n;
	lan_pcap_put_iface(&w, name, 1);
	lan_pcap_put_frame(&w, 0, 1, LAN_PCAP_IN, "a", 1, 1);
	m.n = w.off;
	memcpy(m.b, file, m.n);
	assert_int_equal(strlen(only(&m).ifname), LAN_PCAP_NAME - 1);
}

/* A sentence is wrong in one place: where, and what is said. */
static void whatever_is_wrong_is_said_with_its_place(void **state)
{
	static const struct {
		size_t at;      /* octet changed in section, interface, frame, statistics */
		uint8_t octet;  /* becomes this */
		size_t told_at; /* place reported */
		const char *why;
	} cases[] = {{0, 0, 0, "neither pcapng nor pcap"}, {4, 29, 4, "an impossible length of a block"},
		{4, 8, 4, "an impossible length of a block"}, {6, 0x20, 4, "a block that is too long"},
		{8, 0, 8, "a section without its byte-order magic"},
		{12, 2, 12, "a version of pcapng that is not 1"},
		{24, 27, 24, "the two lengths of a block differ"},
		{28 + 16 + 2, 2, 28 + 16, "a resolution of time that is not one octet"},
		{28 + 16 + 2, 64, 28 + 16, "an option is longer than its block"},
		{28 + 24 + 2, 7, 28 + 24, "an offset of time that is not eight octets"},
		{72 + 8, 1, 72, "it names an interface that was not described"},
		{72 + 20, 5, 72, "a frame that is longer than its block"},
		{72 + 22, 5, 72, "a frame that is too long"},
		{72 + 32, 37, 72 + 32, "the two lengths of a block differ"},
		{108 + 20 + 2, 4, 108 + 20, "a count that is not eight octets"},
		{108 + 8, 9, 108, "it names an interface that was not described"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct made m = {0};
		struct lan_pcap r;
		struct lan_pcap_item it;
		int frames;
		section(&m);
		iface(&m, 6, 0, 0);
		frame(&m, 1);
		WORDS(&m, 5, 36, 0, 0, 0, 5 | 8 << 16, 0, 0, 36);
		assert_int_equal(m.n, 144);
		assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_END);
		lan_pcap_fini(&r);
		m.b[cases[i].at] = cases[i].octet;
		assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_BAD);
		if (strcmp(r.why, cases[i].why) || r.bad_at != cases[i].told_at)
			fail_msg("case %zu: \"%s\" at %llu", i, r.why, (unsigned long long)r.bad_at);
		assert_int_equal(frames, cases[i].at >= 108);
		lan_pcap_fini(&r);
	}
}

/* Blocks that end before their fields, and files that are no capture. */
static void blocks_that_are_too_short_are_refused(void **state)
{
	static const struct {
		uint32_t type;
		const char *why;
	} cases[] = {{0x0a0d0d0a, "a section header that is too short"},
		{1, "an interface description that is too short"}, {2, "a packet block that is too short"},
		{3, "a packet block that is too short"}, {5, "interface statistics that are too short"},
		{6, "a packet block that is too short"}};
	struct lan_pcap r;
	struct lan_pcap_item it;
	int frames;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct made m = {0};
		section(&m);
		WORDS(&m, cases[i].type);
		if (i == 0)
			WORDS(&m, 16, 0x1a2b3c4d, 16);
		else
			WORDS(&m, 12, 12);
		assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_BAD);
		assert_string_equal(r.why, cases[i].why);
		assert_int_equal(r.bad_at, 28);
		lan_pcap_fini(&r);
	}
	assert_int_equal(read_all(&r, NULL, 0, &it, &frames), LAN_PCAP_BAD);
	assert_string_equal(r.why, "it is empty");
	assert_int_equal(read_all(&r, (const uint8_t *)"text", 4, &it, &frames), LAN_PCAP_BAD);
	struct made m = {0};
	classic(&m, 0xa1b2c3d4);
	m.b[4] = 3;
	assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_BAD);
	assert_string_equal(r.why, "a version of pcap that is not 2");
	m.b[4] = 2;
	m.b[24 + 11] = 1;
	assert_int_equal(read_all(&r, m.b, m.n, &it, &frames), LAN_PCAP_BAD);
	assert_string_equal(r.why, "a frame that is too long");
	assert_int_equal(r.bad_at, 32);
	lan_pcap_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_however_it_comes),
		cmocka_unit_test(every_cut_inside_a_block_is_told_and_what_came_before_is_shown),
		cmocka_unit_test(a_buffer_that_is_too_small_fails_the_writer_and_is_not_overrun),
		cmocka_unit_test(classic_files_are_read_in_both_orders_and_resolutions),
		cmocka_unit_test(times_of_any_resolution_become_nanoseconds),
		cmocka_unit_test(packet_blocks_without_options_and_old_ones_are_read),
		cmocka_unit_test(unknown_blocks_are_stepped_over_without_being_held),
		cmocka_unit_test(a_new_section_may_have_the_other_order_and_forgets_interfaces),
		cmocka_unit_test(more_interfaces_than_allowed_are_refused),
		cmocka_unit_test(a_long_name_is_cut_off),
		cmocka_unit_test(whatever_is_wrong_is_said_with_its_place),
		cmocka_unit_test(blocks_that_are_too_short_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
