/*
 * fuzz_lsoe_frame.c - datagrams of the neighbour family. The first byte chooses
 * the dialect and one of two things:
 *
 * The content of a frame is decoded as it is, and again with a right length and
 * checksum. The checksum must be the plain one's; what is accepted must come out
 * the same when it is written.
 *
 * A script is run against the reassembly: fragments of a sender's last PDUs, in any order and number, wild
 * ones, time. What is delivered must be what the sender sent (L3DL: nothing else is possible; LSOE-01: in its
 * fragments), bounds must hold, and memory must come out at zero.
 */
#include <stdlib.h>
#include <string.h>
#include "../unit/lsoe_slow.h"
#include "base/bytes.h"
#include "fuzz_script.h"
#include "proto/lsoe/checksum.h"
#include "proto/lsoe/reasm.h"

#define WAIT  LAN_MS(1000)
#define STEPS 200 /* of a script */

static void check_decode(enum lsoe_dialect d, const uint8_t *p, size_t n)
{
	size_t header = lsoe_rules[d].header;
	struct lsoe_frame f, same;

	memset(&f, 0x5a, sizeof f);
	memcpy(&same, &f, sizeof f);
	enum lsoe_frame_fault fault = lsoe_frame_decode(d, p, n, &f);
	if (fault) {
		FUZZ_CHECK(fault < LSOE_FRAME_FAULTS, "no such fault %d", fault);
		FUZZ_CHECK(memcmp(&f, &same, sizeof f) == 0, "a refused frame left a trace");
		return;
	}
	FUZZ_CHECK(f.payload == p + header && f.padding == f.payload + f.len, "views elsewhere");
	FUZZ_CHECK(header + f.len + f.padding_len == n, "octets came from nowhere");
	FUZZ_CHECK(f.number < lsoe_rules[d].numbers, "a number that is none");
	uint8_t *back = malloc(header + f.len);
	if (f.len)
		memcpy(back + header, f.payload, f.len);
	FUZZ_CHECK(lsoe_frame_finish(d, f.tsn, f.number, f.last, back, f.len) == header + f.len &&
			   memcmp(back, p, header + f.len) == 0,
		"the frame comes out differently");
	free(back);
}

static void check_frame(enum lsoe_dialect d, const uint8_t *data, size_t n)
{
	size_t header = lsoe_rules[d].header;
	uint8_t *p = calloc(1, n ? n : 1);

	if (n)
		memcpy(p, data, n);
	check_decode(d, p, n);
	if (n >= header) {
		uint32_t sum = slow_checksum(p, n, header - 4);
		FUZZ_CHECK(lsoe_checksum(p, n, header - 4) == sum, "another checksum");
		FUZZ_CHECK(lsoe_checksum_octets(p, n, header - 4) == sum, "another checksum of octets");
		size_t len = n > header + 5 ? n - p[0] % 6u : n;
		p[0] = 0;
		lan_put_be16(p + header - 6, (uint16_t)len);
		lan_put_be32(p + header - 4, slow_checksum(p, len, header - 4));
		struct lsoe_frame f;
		FUZZ_CHECK(lsoe_frame_decode(d, p, n, &f) == LSOE_FRAME_OK, "a right frame is refused");
		check_decode(d, p, n);
	}
	free(p);
}

/* Fragment `number` of the sender's PDU k: its octets follow from both. */
#define SENT 8 /* PDUs it may still be sending fragments of */

static uint32_t count_of(uint32_t k)
{
	return 2 + k % 5;
}

static size_t piece(uint32_t k, uint32_t number, uint8_t out[16])
{
	size_t n = 1 + (k + number * 3) % 15;

	memset(out, (int)(number + 1), n);
	out[0] = (uint8_t)k;
	return n;
}

static bool is_pdu(uint32_t k, const uint8_t *pdu, size_t n)
{
	uint8_t part[16];
	size_t at = 0;

	for (uint32_t i = 0; i < count_of(k); i++) {
		size_t len = piece(k, i, part);
		if (len > n - at || memcmp(pdu + at, part, len) != 0)
			return false;
		at += len;
	}
	return at == n;
}

struct run {
	enum lsoe_dialect d;
	struct lsoe_reasm r;
	struct lsoe_reasm_budget b;
	lan_time now;
	uint32_t k; /* the sender's newest */
	bool wild;  /* not only its own fragments came in */
};

static void add(struct run *run, const struct lsoe_frame *f, uint32_t k)
{
	const uint8_t none = 0, *pdu = &none;
	size_t n = 0;

	enum lsoe_reasm_result res = lsoe_reasm_add(&run->r, &run->b, run->d, run->now, WAIT, f, &pdu, &n);
	FUZZ_CHECK((res == LSOE_REASM_PDU) == (pdu != &none), "a PDU and none");
	FUZZ_CHECK(res <= LSOE_REASM_FULL, "no such result");
	FUZZ_CHECK(res != LSOE_REASM_OLD || run->d == LSOE_L3DL, "old without a number");
	FUZZ_CHECK(n <= lsoe_rules[run->d].pdu_max, "a PDU that is too long");
	FUZZ_CHECK(run->b.used <= run->b.max, "beyond the budget");
	FUZZ_CHECK(run->r.until != LAN_NEVER || (!run->r.parts && !run->r.told), "memory without end");
	FUZZ_CHECK(run->r.until == LAN_NEVER || run->r.until <= run->now + WAIT, "memory for too long");
	if (n)
		FUZZ_CHECK(pdu[0] + pdu[n - 1] < 512, "not readable");
	if (pdu != &none && !run->wild && run->d == LSOE_L3DL && !(f->last && !f->number))
		FUZZ_CHECK(is_pdu(k, pdu, n), "a PDU nobody sent");
}

static void fragment(struct run *run, uint32_t k, uint32_t number)
{
	uint8_t bytes[16];
	size_t n = piece(k, number, bytes);
	struct lsoe_frame f = {.tsn = run->d == LSOE_L3DL ? (uint16_t)(0xfff0 + k) : 0,
		.number = number,
		.last = number == count_of(k) - 1};
	uint8_t *exact = malloc(n);

	memcpy(exact, bytes, n);
	f.payload = exact, f.len = n;
	add(run, &f, k);
	free(exact);
}

/* Any fragment, some of them large enough to come to the bounds. */
static void wild(struct run *run, struct lan_rd *r)
{
	static uint8_t large[30000];
	struct lsoe_frame f = {.number = lan_rd_be16(r), .last = lan_rd_u8(r) & 1, .tsn = lan_rd_u8(r)};

	f.number %= run->d == LSOE_01 ? 128 : 5000;
	f.len = lan_rd_u8(r);
	f.len = f.len > 250 ? sizeof large : f.len < lan_rd_left(r) ? f.len : lan_rd_left(r);
	f.payload = f.len == sizeof large ? large : lan_rd_take(r, f.len);
	run->wild |= f.number || !f.last;
	if (run->d == LSOE_01)
		f.tsn = 0;
	add(run, &f, 0);
}

static void check_script(enum lsoe_dialect d, const uint8_t *data, size_t n)
{
	struct run run = {.d = d, .b.max = 1u << 21, .now = LAN_SEC(1), .k = SENT};
	struct lan_rd r = lan_rd_of(data, n);

	if (lan_rd_u8(&r) & 1)
		run.b.max = 4000;
	lsoe_reasm_init(&run.r);
	for (int steps = 0; lan_rd_left(&r) && steps < STEPS; steps++) {
		uint8_t op = lan_rd_u8(&r), a = op >> 4;
		switch (op & 7) {
		case 0: /* a new PDU, whole and in order */
			run.k++;
			for (uint32_t i = 0; i < count_of(run.k); i++)
				fragment(&run, run.k, i);
			break;
		case 1:
			run.k++;
			break;
		case 2: /* of the newest */
			fragment(&run, run.k, a % count_of(run.k));
			break;
		case 3: /* of one of the last */
			fragment(&run, run.k - a % SENT, lan_rd_u8(&r) % count_of(run.k - a % SENT));
			break;
		case 4:
			wild(&run, &r);
			break;
		case 5:
			run.now += LAN_MS(a * 50);
			break;
		case 6:
			lsoe_reasm_expire(&run.r, &run.b, run.now);
			FUZZ_CHECK(run.r.until > run.now, "it comes at once again");
			break;
		default: /* the newest again, but for one fragment */
			for (uint32_t i = 0; i < count_of(run.k); i++)
				if (i != a)
					fragment(&run, run.k, i);
		}
	}
	lsoe_reasm_fini(&run.r, &run.b);
	FUZZ_CHECK(run.b.used == 0, "%zu octets are lost", run.b.used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	enum lsoe_dialect d = data[0] & 1 ? LSOE_L3DL : LSOE_01;
	(data[0] & 2 ? check_script : check_frame)(d, data + 1, size - 1);
	return 0;
}
