/*
 * iot_cores.c - both cores stepped by hand where the simulator's world has no
 * words for it: an application that does not pull, neighbours that compete for
 * room, links that die as soon as they are up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "proto/iot/iot.h"
#include "proto/iot/line.h"

static const struct lan_stream_ops *so = &iot_server_ops, *co = &iot_client_ops;

static void entropy(void *ctx, void *buf, size_t n)
{
	memset(buf, 7, n);
}

static const struct lan_env env = {.entropy = entropy};
static lan_time now;

static struct iot_server *server(struct iot_config cfg)
{
	struct iot_server *s;
	now = LAN_SEC(10);
	assert_int_equal(iot_server_new(&env, &cfg, &s), LAN_OK);
	return s;
}

static uint32_t stream(struct iot_server *s)
{
	uint32_t conn;
	assert_int_equal(so->open(s, now, LAN_OK, "192.0.2.1:1", &conn), LAN_OK);
	return conn;
}

/* False: no room. */
static bool put(struct iot_server *s, uint32_t conn, const char *text)
{
	size_t room;
	uint8_t *to = so->room(s, conn, &room);
	if (room < strlen(text))
		return false;
	memcpy(to, text, strlen(text));
	(void)!so->commit(s, now, conn, strlen(text));
	return true;
}

/* Everything the driver would do; true if READ is wanted for conn. */
static bool serve(struct iot_server *s, uint32_t conn, bool *closed)
{
	struct lan_want w;
	bool read = false;
	while (so->want(s, &w)) {
		size_t n;
		if (w.kind == LAN_WANT_SEND)
			while (so->pending(s, w.conn, &n), n > 0)
				so->sent(s, now, w.conn, n);
		read |= w.kind == LAN_WANT_READ && w.conn == conn;
		if (closed)
			*closed |= w.kind == LAN_WANT_CLOSE && w.conn == conn;
	}
	return read;
}

static const char *message(unsigned n)
{
	static char text[32];
	snprintf(text, sizeof text, "%02xline %u\n", iot_mid_of(n), n);
	return text;
}

static void a_neighbour_that_keeps_the_inbox_busy_starves_nobody(void **state)
{
	struct iot_server *s = server((struct iot_config){.max_events = 4000});
	struct iot_event ev;
	uint32_t a = stream(s), b = stream(s);
	unsigned n = 0;
	size_t room;
	bool read = false;
	assert_true(put(s, a, "a\n") && put(s, b, "b\n"));
	do
		assert_true(put(s, a, message(n++)));
	while (so->room(s, b, &room), room > 0);
	assert_true(iot_server_event(s, now, &ev)); /* a little room, and it goes to a again and again */
	for (int i = 0; i < 2000 && !read; i++) {
		now += LAN_MS(1);
		assert_true(iot_server_event(s, now, &ev));
		put(s, a, message(n++));
		read = serve(s, b, NULL);
	}
	assert_true(read);
	iot_server_free(s);
}

static void a_stream_without_an_id_ends_in_time_though_the_application_sleeps(void **state)
{
	struct iot_server *s = server((struct iot_config){.max_events = 500});
	uint32_t a = stream(s), late;
	size_t room;
	bool closed = false;
	unsigned n = 0;
	assert_true(put(s, a, "a\n"));
	while (put(s, a, message(n++)))
		;
	late = stream(s);
	so->room(s, late, &room);
	assert_int_equal(room, 0);
	for (int i = 0; i < 50 && !closed; i++) {
		now += LAN_MS(100);
		so->tick(s, now);
		serve(s, late, &closed);
	}
	assert_true(closed);
	iot_server_free(s);
}

static void that_all_are_up_is_told_though_the_inbox_is_full(void **state)
{
	const char *expect[] = {"a", "b"};
	struct iot_server *s =
		server((struct iot_config){.max_events = 600, .expect = expect, .n_expect = 2});
	struct iot_event ev;
	uint32_t a = stream(s), b = stream(s);
	unsigned n = 0, all_up = 0;
	size_t room;
	assert_true(put(s, a, "a\n"));
	/* Fill it until exactly one more note closes it, which is b's UP. */
	while (so->room(s, b, &room), room > 0 && n < 8)
		assert_true(put(s, a, message(n++)));
	if (room == 0)
		assert_true(iot_server_event(s, now, &ev));
	assert_true(put(s, b, "b\n"));
	while (iot_server_event(s, now, &ev))
		all_up += ev.kind == IOT_ALL_UP;
	assert_int_equal(all_up, 1);
	assert_int_equal(iot_server_missing(s), 0);
	iot_server_free(s);
}

static void a_refusal_names_the_id(void **state)
{
	const char *expect[] = {"a"};
	struct iot_server *s =
		server((struct iot_config){.expect = expect, .n_expect = 1, .only_expected = true});
	struct iot_event ev;
	assert_true(put(s, stream(s), "stranger\n"));
	assert_true(iot_server_event(s, now, &ev));
	assert_int_equal(ev.kind, IOT_REFUSED);
	assert_string_equal(ev.id, "stranger");
	assert_string_equal(ev.peer, "192.0.2.1:1");
	assert_string_equal(ev.reason, "id_unexpected_refused");
	iot_server_free(s);
}

static void a_link_that_dies_as_soon_as_it_is_up_is_dialled_more_and_more_rarely(void **state)
{
	struct iot_config cfg = {.id = "1", .max_line = 10};
	struct iot_client *c;
	struct lan_want w;
	unsigned dials = 0;
	now = LAN_SEC(10);
	assert_int_equal(iot_client_new(&env, &cfg, &c), LAN_OK);
	for (lan_time end = now + LAN_SEC(10); now < end; now += LAN_MS(1)) {
		co->tick(c, now);
		while (co->want(c, &w)) {
			uint32_t conn;
			size_t room;
			if (w.kind != LAN_WANT_DIAL)
				continue;
			dials++;
			assert_int_equal(co->open(c, now, LAN_OK, "192.0.2.9:8123", &conn), LAN_OK);
			uint8_t *to = co->room(c, conn, &room);
			memcpy(to, "\n00far too long a line\n", 23);
			assert_int_not_equal(co->commit(c, now, conn, 23), LAN_OK);
		}
	}
	assert_in_range(dials, 5, 20);
	iot_client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_that_keeps_the_inbox_busy_starves_nobody),
		cmocka_unit_test(a_stream_without_an_id_ends_in_time_though_the_application_sleeps),
		cmocka_unit_test(that_all_are_up_is_told_though_the_inbox_is_full),
		cmocka_unit_test(a_refusal_names_the_id),
		cmocka_unit_test(a_link_that_dies_as_soon_as_it_is_up_is_dialled_more_and_more_rarely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
