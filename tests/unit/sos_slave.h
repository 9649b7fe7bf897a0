/*
 * sos_slave.h - a slave stepped by hand: what the tests of it share.
 */
#ifndef UNIT_SOS_SLAVE_H
#define UNIT_SOS_SLAVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "proto/sos/seal.h"
#include "proto/sos/slave.h"

#define OVERHEAD 11
#define MTU      127

static uint64_t rng;

static void entropy(void *ctx, void *buf, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((rng = rng * 6364136223846793005u + 1) >> 56);
}

static const struct sos_resource few[] = {
	{.path = "t1", .title = "Desk temp", .rt = "celsius", .observable = true}, {.path = "led"},
	{.path = "a/b", .rt = "x"}};

struct bench {
	struct sos_slave *s;
	lan_time now, began;
	struct lan_ep to; /* of the last message out */
	uint8_t out[1600];
	size_t n;
	struct coap_msg msg; /* the last message out, decoded unless it is sealed */
	struct sos_control ctl;
	struct sos_slave_event ev;
};

static const struct lan_env env = {.entropy = entropy};

static inline struct lan_ep at(uint8_t last)
{
	return (struct lan_ep){.link = 1, .len = 2, .addr = {0x12, last}};
}

static inline struct sos_slave_config usual(void)
{
	return (struct sos_slave_config){
		.id = 169, .link = 1, .mtu = MTU, .overhead = OVERHEAD, .resources = few, .n_resources = 3};
}

static inline void make(struct bench *b, const struct sos_slave_config *cfg)
{
	*b = (struct bench){.now = LAN_SEC(100), .began = LAN_SEC(100)};
	rng = 7;
	assert_int_equal(sos_slave_new(&env, cfg, &b->s), LAN_OK);
}

/* The next message out; false: none. */
static inline bool sent(struct bench *b)
{
	b->n = sos_slave_ops.output(b->s, b->now, &b->to, b->out, sizeof b->out);
	b->ctl = (struct sos_control){0};
	if (b->n && b->out[0] != SOS_SEALED) {
		assert_int_equal(coap_decode(b->out, b->n, &b->msg), COAP_FAULT_OK);
		if (COAP_CLASS(b->msg.code) == 0 && b->msg.code)
			assert_int_equal(sos_control_read(&b->msg, &b->ctl), LAN_OK);
	}
	return b->n > 0;
}

static inline bool sent_discover(struct bench *b, int to) /* -1: everybody */
{
	if (!sent(b) || b->ctl.kind != SOS_DISCOVER)
		return false;
	return to < 0 ? b->to.len == 0 : b->to.len == 2 && b->to.addr[1] == to;
}

static inline void quiet(struct bench *b)
{
	while (sent(b))
		;
}

/* To the next deadline of the core's, at most until `ms` after it began. False: that came first. */
static inline bool step(struct bench *b, uint64_t ms)
{
	lan_time end = b->began + LAN_MS(ms), due = sos_slave_ops.deadline(b->s);
	if (due > end) {
		b->now = end;
		return false;
	}
	b->now = due > b->now ? due : b->now;
	sos_slave_ops.tick(b->s, b->now);
	return true;
}

static inline uint64_t ms_of(const struct bench *b)
{
	return (b->now - b->began) / LAN_MS(1);
}

/* Discovers until `ms`, as "0 1000 3000": when they left; `to` as in sent_discover for all of them. */
static inline const char *discovers(struct bench *b, uint64_t ms, int to)
{
	static char text[512];
	size_t n = 0;
	text[0] = 0;
	do {
		while (sent(b)) {
			if (b->ctl.kind != SOS_DISCOVER)
				continue;
			assert_true(to < 0 ? b->to.len == 0 : b->to.len == 2 && b->to.addr[1] == to);
			assert_int_equal((b->now - b->began) % LAN_MS(1), 0);
			uint64_t t = ms_of(b);
			char digits[24];
			size_t k = 0;
			do
				digits[k++] = (char)('0' + t % 10);
			while (t /= 10);
			if (n)
				text[n++] = ' ';
			while (k)
				text[n++] = digits[--k];
			text[n] = 0;
		}
	} while (step(b, ms));
	return text;
}

static inline void hear_bytes(struct bench *b, uint8_t from, const uint8_t *p, size_t n)
{
	struct lan_ep ep = at(from);
	(void)sos_slave_ops.input(b->s, b->now, &ep, false, p, n);
}

static inline void hear(struct bench *b, uint8_t from, const struct sos_control *c, uint16_t mid)
{
	uint8_t buf[128];
	size_t n = sos_control_write(buf, sizeof buf, mid, c);
	assert_true(n > 0);
	hear_bytes(b, from, buf, n);
}

static inline void hello(struct bench *b, uint8_t from, uint32_t hid)
{
	hear(b, from, &(struct sos_control){.kind = SOS_HELLO, .hello = hid}, 9);
}

static inline void assoc(struct bench *b, uint8_t from, uint32_t ttl, uint32_t mtu)
{
	hear(b, from, &(struct sos_control){.kind = SOS_ASSOC_REQUEST, .ttl = ttl, .mtu = mtu}, 77);
}

/* CON GET without or with Observe (-1: none). */
static inline void get(struct bench *b, uint8_t from, const char *path, int observe, uint16_t mid)
{
	uint8_t buf[128];
	struct coap_wr w =
		coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, mid, (const uint8_t *)"\xff\x01", 2);
	if (observe >= 0)
		coap_put_uint(&w, COAP_OBSERVE, (uint64_t)observe);
	assert_int_equal(coap_put_path(&w, COAP_URI_PATH, path, strlen(path)), LAN_OK);
	hear_bytes(b, from, buf, coap_end(&w));
}

static inline bool event(struct bench *b, enum sos_slave_event_kind kind)
{
	while (sos_slave_event(b->s, b->now, &b->ev))
		if (b->ev.kind == kind)
			return true;
	return false;
}

static inline void say(struct bench *b, uint8_t code, const char *text, bool observe)
{
	struct coap_response r = {.code = code, .payload = text, .len = strlen(text), .observe = observe};
	assert_int_equal(sos_slave_respond(b->s, b->now, b->ev.req.id, &r), LAN_OK);
}

static inline enum sos_slave_state state(const struct bench *b)
{
	struct sos_slave_status st;
	sos_slave_status(b->s, &st);
	return st.state;
}

static inline uint64_t counter(const struct bench *b, enum sos_slave_counter c)
{
	return sos_slave_counter(b->s, c);
}

static inline struct sos_slave_status status(const struct bench *b)
{
	struct sos_slave_status st;
	sos_slave_status(b->s, &st);
	return st;
}

static inline bool payload_is(const struct bench *b, const char *text)
{
	return b->msg.len == strlen(text) && (!b->msg.len || !memcmp(b->msg.payload, text, b->msg.len));
}

#endif
