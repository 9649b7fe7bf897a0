/*
 * fuzz_pcap.c - the reader of captures under any file, in any cut. The first octet
 * chooses how many octets come at a time.
 *
 * Checked: it ends; what it hands out lies in what it was given; the same file
 * in one piece says the same; what it read can be written and is read back.
 */
#include <stdlib.h>
#include <string.h>
#include "base/pcap.h"
#include "fuzz_script.h"

struct sum {
	uint64_t hash;
	enum lan_pcap_result end;
	uint64_t bad_at;
	unsigned items;
};

static void mix(struct sum *s, uint64_t v)
{
	s->hash = (s->hash ^ v) * 0x100000001b3u;
}

/* The frame written by our writer is the frame our reader gives. */
static void there_and_back(const struct lan_pcap_item *it)
{
	size_t cap = it->len + 512, used;
	uint8_t *buf = malloc(cap);
	struct lan_wr w = lan_wr_of(buf, cap);
	struct lan_pcap r;
	struct lan_pcap_item back;
	lan_pcap_put_section(&w, "fuzz");
	lan_pcap_put_iface(&w, it->ifname, (uint16_t)it->linktype);
	lan_pcap_put_frame(&w, 0, it->at, it->way, it->data, it->len, it->length);
	FUZZ_CHECK(!w.bad, "%u octets do not fit", it->len);
	lan_pcap_init(&r);
	FUZZ_CHECK(lan_pcap_next(&r, buf, w.off, true, &used, &back) == LAN_PCAP_FRAME_READ, "%s", r.why);
	FUZZ_CHECK(back.at == it->at && back.len == it->len && back.length == it->length &&
			   back.way == it->way && strcmp(back.ifname, it->ifname) == 0 &&
			   (!it->len || memcmp(back.data, it->data, it->len) == 0),
		"another frame");
	lan_pcap_fini(&r);
	free(buf);
}

static void take(struct sum *s, enum lan_pcap_result res, const struct lan_pcap_item *it, const uint8_t *p,
	size_t used, bool again)
{
	s->items++;
	mix(s, res);
	mix(s, it->at);
	mix(s, it->iface);
	mix(s, it->way);
	mix(s, strlen(it->ifname));
	mix(s, it->received);
	mix(s, it->dropped);
	FUZZ_CHECK(strlen(it->ifname) < LAN_PCAP_NAME, "a long name");
	if (res != LAN_PCAP_FRAME_READ)
		return;
	FUZZ_CHECK(it->len <= LAN_PCAP_FRAME, "a frame of %u", it->len);
	FUZZ_CHECK(it->data >= p && it->data + it->len <= p + used, "a frame outside of the file");
	for (uint32_t i = 0; i < it->len; i++)
		mix(s, it->data[i]);
	if (again)
		there_and_back(it);
}

static struct sum read_file(const uint8_t *p, size_t n, size_t piece)
{
	struct sum s = {.hash = 0xcbf29ce484222325u};
	struct lan_pcap r;
	struct lan_pcap_item it;
	size_t off = 0, have = 0, used, turns = 0;
	lan_pcap_init(&r);
	for (;;) {
		uint8_t *copy = malloc(have + 1); /* exactly what it may look at */
		if (have)
			memcpy(copy, p + off, have);
		s.end = lan_pcap_next(&r, copy, have, off + have == n, &used, &it);
		FUZZ_CHECK(used <= have, "%zu of %zu used", used, have);
		FUZZ_CHECK(turns++ < 4 * n + 10, "it does not end");
		if (s.end == LAN_PCAP_FRAME_READ || s.end == LAN_PCAP_STATS_READ)
			take(&s, s.end, &it, copy, used, piece == n);
		free(copy);
		off += used, have -= used;
		if (s.end == LAN_PCAP_END || s.end == LAN_PCAP_CUT || s.end == LAN_PCAP_BAD)
			break;
		if (s.end == LAN_PCAP_MORE) {
			FUZZ_CHECK(r.need > have && off + have < n, "it waits for nothing");
			have = n - off - have < piece ? n - off : have + piece;
		}
	}
	FUZZ_CHECK(r.why && (s.end == LAN_PCAP_END || *r.why), "no reason");
	FUZZ_CHECK(s.end == LAN_PCAP_END || r.bad_at <= n, "wrong at %llu", (unsigned long long)r.bad_at);
	s.bad_at = r.bad_at;
	lan_pcap_fini(&r);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t n = size - 1, piece = data[0] ? data[0] : 1;
	struct sum a = read_file(data + 1, n, n), b = read_file(data + 1, n, piece);
	FUZZ_CHECK(a.hash == b.hash && a.end == b.end && a.items == b.items && a.bad_at == b.bad_at,
		"in pieces it says something else: %d, %d", a.end, b.end);
	return 0;
}
