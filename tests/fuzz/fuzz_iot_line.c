/*
 * fuzz_iot_line.c - bytes of a server into a client core: once in one piece,
 * once split at places the bytes themselves choose. Both must come to the same:
 * the same lines delivered, the same answers sent, the same end. And nothing is
 * delivered that does not stand, whole, between two LFs of the input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"

#define OUT_MAX (64u << 10)

struct outcome {
	uint8_t *log;
	size_t n;
	bool ended;
};

static void entropy(void *ctx, void *buf, size_t n)
{
	memset(buf, 7, n);
}

static void note(struct outcome *o, const void *p, size_t n)
{
	n = n < OUT_MAX - o->n ? n : OUT_MAX - o->n;
	memcpy(o->log + o->n, p, n);
	o->n += n;
}

/* "\n", two hex digits, the line, "\n": the input must contain it. */
static void check_delivered(const uint8_t *in, size_t n, const struct iot_event *ev)
{
	for (const uint8_t *p = in; (p = memmem(p, n - (size_t)(p - in), ev->line, ev->len)); p++) {
		size_t at = (size_t)(p - in);

		if (at >= 2 && (at == 2 || in[at - 3] == '\n') && at + ev->len < n &&
			in[at + ev->len] == '\n')
			return;
	}
	fuzz_die(__FILE__, __LINE__, "delivered what was not sent: %.*s", (int)ev->len, ev->line);
}

static void pull(struct iot_client *c, lan_time now, struct outcome *o, const uint8_t *in, size_t n)
{
	struct iot_event ev;

	while (iot_client_event(c, now, &ev)) {
		if (ev.kind == IOT_MESSAGE) {
			check_delivered(in, n, &ev);
			note(o, ev.line, ev.len + 1);
		}
	}
}

static void send_all(struct iot_client *c, lan_time now, struct outcome *o)
{
	const uint8_t *p;
	size_t n;

	while ((p = iot_client_ops.pending(c, 0, &n)), n) {
		note(o, p, n);
		iot_client_ops.sent(c, now, 0, n);
	}
}

static void serve(struct iot_client *c, struct outcome *o)
{
	struct lan_want w;

	while (iot_client_ops.want(c, &w))
		o->ended |= w.kind == LAN_WANT_CLOSE;
}

static void run(struct outcome *o, const uint8_t *in, size_t n, bool split)
{
	struct lan_env env = {.entropy = entropy};
	struct iot_config cfg = {.timeout = LAN_SEC(2), .max_line = 200, .id = "1"};
	struct iot_client *c = NULL;
	lan_time now = LAN_SEC(1);
	uint32_t conn = 0, x = 1;

	FUZZ_CHECK(iot_client_new(&env, &cfg, &c) == LAN_OK, "no client");
	iot_client_ops.tick(c, now += LAN_SEC(10));
	serve(c, o);
	FUZZ_CHECK(iot_client_ops.open(c, now, LAN_OK, "fuzz", &conn) == LAN_OK, "cannot open");
	for (size_t at = 0; at < n && !o->ended;) {
		size_t room = 0, k = n - at;
		uint8_t *to = iot_client_ops.room(c, conn, &room);

		FUZZ_CHECK(room, "no room although all was pulled");
		x = x * 1664525 + 1013904223 + in[at];
		if (split && k > 1 + (x >> 24) % 9)
			k = 1 + (x >> 24) % 9;
		k = k < room ? k : room;
		memcpy(to, in + at, k);
		at += k;
		(void)!iot_client_ops.commit(c, now, conn, k);
		pull(c, now, o, in, n);
		serve(c, o);
	}
	if (!o->ended)
		send_all(c, now, o);
	iot_client_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole_log[OUT_MAX], split_log[OUT_MAX];
	struct outcome whole = {.log = whole_log}, split = {.log = split_log};

	run(&whole, data, size, false);
	run(&split, data, size, true);
	FUZZ_CHECK(whole.ended == split.ended, "the end depends on how the bytes are split");
	FUZZ_CHECK(whole.n == split.n && memcmp(whole.log, split.log, whole.n) == 0,
		"what is delivered depends on how the bytes are split");
	return 0;
}
