/*
 * serpy_few.h - words for the tests that step a core of serpy or serpy2 by hand:
 * one core at a time, what it is fed, what it tells, what it sends.
 */
#ifndef SERPY_FEW_H
#define SERPY_FEW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "serpy_step.h"

#define ACKEOT         "\001ACKEOT!!\x1f"
#define ACKMODCG       "\001ACKMODCG\x1f"
#define SETMODE(digit) "\001SETMODE" digit "\x1f"

static struct step st;
static struct serpy_event ev;

static inline void begin(struct serpy_config cfg)
{
	assert_int_equal(step_init(&st, &cfg), LAN_OK);
}

static inline void end(void)
{
	serpy_free(st.s);
}

#define FEED(conn, literal) feed(conn, literal, sizeof(literal) - 1)
static inline void feed(uint32_t conn, const void *p, size_t n)
{
	assert_int_equal(step_feed(&st, conn, p, n), n);
}

static inline void expect(enum serpy_event_kind kind)
{
	assert_true(step_pull(&st, &ev));
	assert_int_equal(ev.kind, kind);
}

static inline void expect_nothing(void)
{
	if (step_pull(&st, &ev))
		fail_msg("unexpected event %d", (int)ev.kind);
}

/* The next event is a message with this text, as BYTES or STR. */
static inline void expect_message(const char *text)
{
	expect(SERPY_MESSAGE);
	assert_int_equal(ev.value.len, strlen(text));
	assert_memory_equal(ev.value.data, text, strlen(text));
}

static inline void expect_down(enum serpy_counter why)
{
	expect(SERPY_DOWN);
	assert_true(ev.reason && *ev.reason);
	assert_int_equal(step_count(&st, why), 1);
}

/* A stream comes up and its UP is pulled. */
static inline uint32_t up(void)
{
	uint32_t conn = step_open(&st);

	assert_int_not_equal(conn, LAN_NO_CONN);
	expect(SERPY_UP);
	return conn;
}

static uint8_t taken[1 << 20];

/* All that the core writes now is this text. */
#define EXPECT_SENT(conn, literal) expect_sent(conn, literal, sizeof(literal) - 1)
static inline void expect_sent(uint32_t conn, const void *p, size_t n)
{
	size_t got = step_take(&st, conn, taken, sizeof taken);

	if (got != n || memcmp(taken, p, n) != 0) {
		print_error("sent %zu bytes: %.*s\n", got, (int)(got < 200 ? got : 200), taken);
		print_error("not %zu: %.*s\n", n, (int)(n < 200 ? n : 200), (const char *)p);
		fail();
	}
}

static inline enum lan_err try_to_say(
	uint64_t id, int mode, const char *text, lan_time timeout, uint64_t *token)
{
	struct serpy_value v = {.type = SERPY_STR, .data = text, .len = strlen(text)};
	struct serpy_how how = {.mode = mode, .timeout = timeout};
	const char *why = NULL;
	enum lan_err err = serpy_send(st.s, st.now, id, &v, &how, token, &why);

	assert_true(!err || why);
	step_wants(&st);
	return err;
}

static inline uint64_t say(uint64_t id, int mode, const char *text)
{
	uint64_t token = 0;

	assert_int_equal(try_to_say(id, mode, text, 0, &token), LAN_OK);
	return token;
}

/* A frame of serpy2, written by other hands than the core's. Its length. */
static inline size_t frame(uint8_t *to, unsigned type, const void *payload, size_t n)
{
	const uint8_t *p = payload;
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i];
	memcpy(to, "\xde\xca\xfe\xca\xfe", 5);
	to[5] = (uint8_t)type;
	for (int i = 0; i < 4; i++) {
		to[6 + i] = (uint8_t)(sum >> 8 * i);
		to[10 + i] = (uint8_t)(n >> 8 * i);
	}
	if (n)
		memcpy(to + 14, p, n);
	return 14 + n;
}

static inline void feed_frame(uint32_t conn, unsigned type, const void *p, size_t n)
{
	uint8_t *f = malloc(14 + n);

	feed(conn, f, frame(f, type, p, n));
	free(f);
}

static inline struct serpy_status status_of(uint64_t id)
{
	struct serpy_status x;

	assert_int_equal(serpy_status(st.s, id, &x), LAN_OK);
	return x;
}

/* The connection of stream `conn` was closed by the core. */
static inline bool closed(uint32_t conn)
{
	step_wants(&st);
	return !st.at[conn].open;
}

#endif
