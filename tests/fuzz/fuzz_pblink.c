/*
 * fuzz_pblink.c - the bridge core under a board that does anything: bytes, levels,
 * transfers that fail, time, lines both ways. The first byte chooses the wires.
 *
 * Checked: what waits stays within its bounds, lines come out whole and clean,
 * time never stands still, and afterwards - whatever happened - a board that
 * starts properly gets its session with one start and one exchange.
 */
#include <stdio.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/iot/pblink.h"

#define CFG      "[\"7\",1,\"h\",100,0,\"\",\"\",\"cfg\"]\n"
#define RX_BYTES 600
#define TX_BYTES 600

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

static void look(struct pblink *p, lan_time now)
{
	struct pblink_line l;
	FUZZ_CHECK(pblink_rx_waiting(p) <= RX_BYTES + 200, "%zu bytes wait", pblink_rx_waiting(p));
	FUZZ_CHECK(pblink_tx_waiting(p) <= TX_BYTES, "%zu bytes wait", pblink_tx_waiting(p));
	if (pblink_line(p, &l))
		FUZZ_CHECK(
			l.len >= 1 && l.len <= 198 && !memchr(l.text, '\n', l.len), "a line of %zu", l.len);
	for (int i = 0; pblink_deadline(p) <= now; i++) {
		FUZZ_CHECK(i < 20, "the deadline does not move");
		pblink_tick(p, now);
	}
}

static void pull(struct pblink *p)
{
	struct pblink_event ev;
	while (pblink_event(p, &ev)) {
		FUZZ_CHECK(ev.reason != NULL, "an event without text");
		if (ev.kind == PBLINK_REPORT_DUE)
			pblink_report(p, UINT32_MAX, UINT64_MAX);
	}
}

/* What both wires have in common. */
static void common(struct pblink *p, struct script *s, lan_time *now, uint8_t op)
{
	static const char text[300] = "some text";
	switch (op & 7) {
	case 0:
		pull(p);
		break;
	case 1:
		pblink_line_done(p);
		break;
	case 2:
		(void)!pblink_send(p, text, next(s));
		break;
	case 3:
		pblink_server(p, *now, next(s) & 1);
		break;
	case 4:
		pblink_bad(p, next(s) & 1 ? PBLINK_BAD_NETWORK : PBLINK_BAD_SERVER);
		break;
	case 5:
		pblink_purge(p);
		break;
	case 6:
		*now += LAN_MS(1) * next(s) * next(s);
		break;
	case 7:
		if (pblink_deadline(p) != LAN_NEVER && pblink_deadline(p) > *now)
			*now = pblink_deadline(p);
		break;
	}
}

static size_t frame(uint8_t *out, uint8_t seq, const char *text)
{
	size_t n = strlen(text);
	unsigned a = 1, b = 0;
	out[0] = 0xfd;
	out[1] = seq;
	out[2] = (uint8_t)n;
	out[3] = 0;
	memcpy(out + 4, text, n);
	for (size_t i = 1; i < 4 + n; i++) {
		a = (a + out[i]) % 248;
		b = (b + a) % 248;
	}
	out[4 + n] = (uint8_t)a;
	out[5 + n] = (uint8_t)b;
	return 6 + n;
}

static void serial_op(struct pblink *p, struct script *s, lan_time now, uint8_t op)
{
	uint8_t buf[300];
	size_t n = op & 0x1f, pending;
	if (op & 0x40) { /* whole frames, so that more than their check is reached */
		char text[256];
		memset(text, 'x', sizeof text);
		for (size_t i = 0; i < 8; i++)
			text[i] = (char)next(s);
		text[n * 8] = '\0';
		pblink_serial_input(p, now, buf, frame(buf, next(s) & 3, op & 0x20 ? CFG : text));
		return;
	}
	if (op & 0x20) {
		pblink_serial_pending(p, &pending);
		pblink_serial_sent(p, n < pending ? n : pending);
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf[i] = next(s);
	if (n)
		pblink_serial_input(p, now, buf, n);
	else
		pblink_serial_lost(p);
}

static void serial_ends_well(struct pblink *p, lan_time now)
{
	uint8_t buf[256];
	size_t n;
	uint64_t configs = pblink_counters(p)->v[PBLINK_C_configs];
	pull(p);
	pblink_serial_lost(p); /* what was not written yet */
	for (uint8_t nonce = 1; nonce <= 2; nonce++)
		pblink_serial_input(p, now, (uint8_t[]){0xff, nonce, nonce ^ 0x7f}, 3);
	pblink_serial_pending(p, &n);
	FUZZ_CHECK(n == 6 && pblink_synced(p), "no answer to a start");
	pblink_serial_input(p, now, buf, frame(buf, 9, CFG));
	FUZZ_CHECK(pblink_counters(p)->v[PBLINK_C_configs] == configs + 1 && pblink_configured(p),
		"not configured");
	const uint8_t *out = pblink_serial_pending(p, &n);
	FUZZ_CHECK(n > 10 && out[6] == 0xfd && out[7] == 9, "no answer to an exchange");
}

struct bus {
	bool busy;
	struct pblink_act act;
};

/* Take what the core asks for, until it waits for a transfer. */
static void acts(struct pblink *p, struct bus *b)
{
	struct pblink_act a;
	for (int i = 0; pblink_i2c_act(p, &a); i++) {
		FUZZ_CHECK(i < 20, "levels without end");
		if (a.kind == PBLINK_ACT_ACK)
			continue;
		FUZZ_CHECK(!b->busy, "two transfers at a time");
		FUZZ_CHECK(a.n >= 1 && a.n <= PBLINK_BUF, "a transfer of %zu", a.n);
		b->busy = true;
		b->act = a;
	}
}

static void i2c_op(struct pblink *p, struct script *s, struct bus *b, lan_time now, uint8_t op)
{
	uint8_t buf[PBLINK_BUF];
	if (op & 0x40) {
		if (!b->busy)
			return;
		b->busy = false;
		memset(buf, 'x', sizeof buf);
		for (size_t i = 0; i < b->act.n && i < 8; i++)
			buf[i] = next(s);
		if (b->act.n == strlen(CFG))
			memcpy(buf, CFG, b->act.n);
		buf[b->act.n - 1] = b->act.n > 2 ? '\n' : buf[b->act.n - 1] & 0x80;
		pblink_i2c_done(p, now, op & 0x30 ? LAN_OK : LAN_ERR_IO, buf,
			b->act.kind == PBLINK_ACT_READ ? b->act.n : 0);
	} else if (op & 0x20) {
		pblink_i2c_rst(p, now, op & 1);
	} else {
		pblink_i2c_syn(p, now, op & 1);
	}
	acts(p, b);
}

static void transfer(struct pblink *p, struct bus *b, lan_time now, const void *bytes, size_t n)
{
	pblink_i2c_syn(p, now, true);
	acts(p, b);
	FUZZ_CHECK(b->busy && b->act.kind == PBLINK_ACT_READ && b->act.n == n, "no reading of %zu", n);
	b->busy = false;
	pblink_i2c_done(p, now, LAN_OK, bytes, n);
	acts(p, b);
	pblink_i2c_syn(p, now, false);
	acts(p, b);
}

static void i2c_ends_well(struct pblink *p, struct bus *b, lan_time now)
{
	uint64_t configs = pblink_counters(p)->v[PBLINK_C_configs];
	pull(p);
	pblink_i2c_syn(p, now, true);
	pblink_i2c_rst(p, now, false);
	if (b->busy)
		pblink_i2c_done(p, now, LAN_ERR_IO, NULL, 0);
	b->busy = false;
	pblink_i2c_rst(p, now, true);
	acts(p, b);
	pblink_i2c_syn(p, now, false);
	acts(p, b);
	FUZZ_CHECK(pblink_synced(p), "no session");
	transfer(p, b, now, (uint8_t[]){strlen(CFG), 0}, 2);
	transfer(p, b, now, CFG, strlen(CFG));
	FUZZ_CHECK(pblink_counters(p)->v[PBLINK_C_configs] == configs + 1 && pblink_configured(p),
		"not configured");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lan_env env;
	struct script s = {.at = data, .left = size};
	bool serial = next(&s) & 1;
	struct pblink_config cfg = {
		.transport = serial ? PBLINK_SERIAL : PBLINK_I2C, .rx_bytes = RX_BYTES, .tx_bytes = TX_BYTES};
	lan_time now = LAN_SEC(1);
	struct bus bus = {0};
	struct pblink *p;
	if (pblink_new(&env, &cfg, now, &p))
		return 0;
	while (s.left) {
		uint8_t op = next(&s);
		if (op & 0x80)
			common(p, &s, &now, op);
		else if (serial)
			serial_op(p, &s, now, op);
		else
			i2c_op(p, &s, &bus, now, op);
		look(p, now);
		if (!serial)
			acts(p, &bus);
	}
	if (serial)
		serial_ends_well(p, now);
	else
		i2c_ends_well(p, &bus, now);
	pblink_free(p);
	return 0;
}
