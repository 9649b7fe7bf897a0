/*
 * fuzz_xbee.c - a radio module that says anything, and a host that does. The first octet chooses: the parser
 * alone, fed in pieces, or the modem under a script of octets, frames, answers, time and packets to send.
 *
 * Checked: the parser gives the same frames in any pieces, views within what it holds, and takes all it is
 * given; a frame that it gave is written again to octets that give it again. The modem holds no more than it
 * was told to, its deadline moves, each packet it took is sent or told exactly once, and afterwards -
 * whatever happened - a module that answers properly is ready after one initialisation, and a packet passes.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/xbee/xbee.h"

#define QUEUE 5

struct script {
	const uint8_t *at;
	size_t left;
};

static uint8_t next(struct script *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->at++;
}

/* ---- the parser ---------------------------------------------------------------------- */

static bool is_same(const struct xbee_frame *a, const struct xbee_frame *b)
{
	return a->api == b->api && a->frame_id == b->frame_id && a->status == b->status &&
	       !memcmp(a->at, b->at, 2) && !memcmp(a->addr, b->addr, 2) && a->rssi == b->rssi &&
	       a->options == b->options && a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void write_again(const struct xbee_frame *f, int mode)
{
	uint8_t wire[XBEE_WIRE_MAX];
	struct xbee_parser p;
	struct xbee_frame back;
	size_t took, n = xbee_encode(wire, sizeof wire, mode, f);
	FUZZ_CHECK(n > 0, "a frame of kind %02x cannot be written", f->api);
	xbee_parser_init(&p, mode);
	FUZZ_CHECK(xbee_parse(&p, wire, n, &took, &back) && took == n && is_same(f, &back),
		"a frame of kind %02x comes back as another", f->api);
}

/* All frames in pieces of up to `most` octets, one behind the other. */
struct found {
	unsigned n;
	struct xbee_frame f[256];
	uint8_t data[256][XBEE_FRAME_MAX];
	uint64_t counts[4];
};

static void find(struct script s, int mode, size_t most, struct found *out)
{
	struct xbee_parser p;
	size_t took;
	out->n = 0;
	xbee_parser_init(&p, mode);
	while (s.left) {
		size_t n = most > 1 ? 1 + s.left % most : 1;
		for (n = n < s.left ? n : s.left;; n -= took) {
			struct xbee_frame *f = &out->f[out->n];
			bool any = xbee_parse(&p, s.at, n, &took, f);
			FUZZ_CHECK(took <= n && (any || took == n), "%zu of %zu taken", took, n);
			s.at += took;
			s.left -= took;
			if (!any)
				break;
			FUZZ_CHECK(!f->len || (f->data >= p.buf && f->data + f->len <= p.buf + sizeof p.buf),
				"a view of what is not there");
			memcpy(out->data[out->n], f->data, f->len);
			f->data = out->data[out->n];
			out->n += out->n < 255;
		}
	}
	memcpy(out->counts, (uint64_t[]){p.noise, p.bad_checksum, p.bad_length, p.unknown},
		sizeof out->counts);
}

static void parse(struct script *s, int mode)
{
	static struct found one, pieces;
	find(*s, mode, 1, &one);
	find(*s, mode, 41, &pieces);
	FUZZ_CHECK(one.n == pieces.n && !memcmp(one.counts, pieces.counts, sizeof one.counts),
		"pieces make a difference");
	for (unsigned i = 0; i < one.n; i++) {
		FUZZ_CHECK(is_same(&one.f[i], &pieces.f[i]), "pieces make another frame");
		write_again(&one.f[i], 1);
		write_again(&one.f[i], 2);
	}
}

/* ---- the modem --------------------------------------------------------------------------- */

struct run {
	struct xbee_modem *m;
	lan_time now;
	unsigned long taken, told; /* packets */
	bool ready;
};

static void pull(struct run *r)
{
	struct xbee_event ev;
	while (xbee_modem_event(r->m, &ev)) {
		FUZZ_CHECK(ev.text != NULL, "an event without text");
		FUZZ_CHECK(ev.kind != XBEE_EV_PACKET || ev.len <= XBEE_FRAME_MAX, "%zu octets", ev.len);
		FUZZ_CHECK(ev.kind == XBEE_EV_READY || ev.kind == XBEE_EV_PACKET || ev.err, "no error");
		r->told += ev.kind == XBEE_EV_UNSENT;
		r->ready |= ev.kind == XBEE_EV_READY;
	}
}

static void look(struct run *r)
{
	size_t n;
	(void)xbee_modem_pending(r->m, &n);
	FUZZ_CHECK(n <= 4 * XBEE_WIRE_MAX, "%zu octets wait", n);
	for (int i = 0; xbee_modem_deadline(r->m) <= r->now; i++) {
		FUZZ_CHECK(i < 20, "the deadline does not move");
		xbee_modem_tick(r->m, r->now);
	}
	pull(r);
	unsigned long acked = (unsigned long)xbee_modem_counter(r->m, XBEE_C_tx_acked);
	FUZZ_CHECK(acked + r->told <= r->taken && r->taken - acked - r->told <= QUEUE + 3,
		"%lu taken, %lu acknowledged, %lu told", r->taken, acked, r->told);
}

static void hear_frame(struct run *r, struct script *s, int mode)
{
	static const uint8_t kinds[] = {
		XBEE_RX16, XBEE_TX_STATUS, XBEE_MODEM_STATUS, XBEE_AT_RESPONSE, XBEE_TX16, XBEE_AT};
	uint8_t wire[XBEE_WIRE_MAX], data[110] = {0};
	struct xbee_frame f = {.api = kinds[next(s) % 6], .frame_id = next(s), .data = data};
	f.status = next(s);
	f.options = next(s);
	memcpy(f.at, f.frame_id % 2 ? "MY" : "CH", 2);
	f.len = next(s) % 110;
	for (size_t i = 0; i < 2; i++)
		data[i] = next(s);
	xbee_modem_input(r->m, r->now, wire, xbee_encode(wire, sizeof wire, mode, &f));
}

static void step(struct run *r, struct script *s, int mode)
{
	static const char *const answers[] = {"OK\r", "ERROR\r", "\r", "O", "K\r", "1234\r"};
	uint8_t op = next(s), buf[100] = {0};
	size_t n;
	switch (op & 7) {
	case 0:
		for (n = 0; n < (op >> 3) + 1u; n++)
			buf[n] = next(s);
		xbee_modem_input(r->m, r->now, buf, n);
		break;
	case 1:
		hear_frame(r, s, mode);
		break;
	case 2:
		xbee_modem_input(r->m, r->now, (const uint8_t *)answers[(op >> 3) % 6],
			strlen(answers[(op >> 3) % 6]));
		break;
	case 3:
		(void)xbee_modem_pending(r->m, &n);
		xbee_modem_sent(r->m, r->now, op & 8 ? n : n ? 1 + (op >> 4) % n : 0);
		break;
	case 4:
		r->now += LAN_MS(1) * next(s) * (op >> 3);
		break;
	case 5:
		if (xbee_modem_deadline(r->m) != LAN_NEVER && xbee_modem_deadline(r->m) > r->now)
			r->now = xbee_modem_deadline(r->m);
		break;
	case 6:
		n = op & 0x80 ? next(s) : op >> 3;
		memset(buf, 1, sizeof buf);
		if (n <= 100 && xbee_modem_send(r->m, r->now, op & 0x40 ? (const uint8_t *)"\xff\xff" : buf,
					buf, n) == LAN_OK)
			r->taken++;
		break;
	case 7:
		if (!(op >> 6))
			xbee_modem_plugged(r->m, r->now, op & 8);
		break;
	}
	look(r);
}

/* A module that does what it should. */
static void in_order(struct run *r, int mode)
{
	size_t n;
	xbee_modem_plugged(r->m, r->now, false);
	xbee_modem_plugged(r->m, r->now, true);
	pull(r);
	r->ready = false;
	for (int i = 0; i < 60 && !r->ready; i++) {
		const uint8_t *p = xbee_modem_pending(r->m, &n);
		bool frame = n && p[0] == 0x7e;
		xbee_modem_sent(r->m, r->now, n);
		if (n && !frame)
			xbee_modem_input(r->m, r->now, (const uint8_t *)"OK\r", 3);
		else if (xbee_modem_deadline(r->m) != LAN_NEVER)
			r->now = xbee_modem_deadline(r->m);
		look(r);
	}
	FUZZ_CHECK(r->ready && xbee_modem_state(r->m) == XBEE_READY, "not ready");
	FUZZ_CHECK(xbee_modem_send(r->m, r->now, (const uint8_t *)"ab", "x", 1) == LAN_OK, "not taken");
	const uint8_t *p = xbee_modem_pending(r->m, &n);
	struct xbee_parser parser;
	struct xbee_frame f;
	size_t took;
	xbee_parser_init(&parser, mode);
	FUZZ_CHECK(xbee_parse(&parser, p, n, &took, &f) && f.api == XBEE_TX16 && took == n, "not sent");
}

static void modem(struct script *s, uint8_t how)
{
	struct xbee_config cfg = {.mode = 1 + (how >> 2 & 1),
		.probe = how >> 3 & 1,
		.save = how >> 4 & 1,
		.baud = how >> 5 & 1 ? 57600 : 0,
		.no_reset = how >> 6 & 1,
		.max_queue = QUEUE};
	struct run r = {.now = LAN_SEC(1)};
	if (xbee_modem_new(&cfg, &r.m))
		return;
	while (s->left)
		step(&r, s, cfg.mode);
	in_order(&r, cfg.mode);
	xbee_modem_free(r.m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	uint8_t how = next(&s);
	if (how & 2)
		modem(&s, how);
	else
		parse(&s, 1 + (how & 1));
	return 0;
}
