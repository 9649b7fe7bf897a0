/*
 * Unit tests of the events the daemon keeps: their JSON, both bounds, order and
 * numbering, and that the sink sees each once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/events.h"

static uint64_t sunk, last_seq;

static void sink(void *ctx, const struct event *ev)
{
	sunk++;
	assert_true(ev->seq > last_seq);
	last_seq = ev->seq;
}

static struct events *fresh(size_t limit)
{
	sunk = last_seq = 0;
	struct events *e = events_new(limit, sink, NULL);
	assert_non_null(e);
	return e;
}

/* The text behind the time, which differs each run. */
static const char *behind_time(const struct event *ev)
{
	const char *p = strstr(ev->json, "Z\",");
	assert_non_null(p);
	return p + 3;
}

static void only_the_fields_that_apply_are_there(void **state)
{
	struct events *e = fresh(16);
	struct event_fields message = EVENT_FIELDS(.id = "1", .line = "a\"\n\0b", .line_len = 5);
	struct event_fields up = EVENT_FIELDS(.id = "1", .peer = "h:1", .connects = 2);
	struct event_fields acked = EVENT_FIELDS(.id = "1", .has_token = true);
	up.expected = 0;
	events_publish(e, "message", "link", "boards", &message);
	events_publish(e, "up", "link", "boards", &up);
	events_publish(e, "acked", "link", "boards", &acked);
	events_publish(e, "reloaded", NULL, NULL, NULL);
	events_publish(e, "lost", "channel", "plant",
		&(struct event_fields)EVENT_FIELDS(.reason = "history", .members = ",\"count\":3"));
	assert_memory_equal(events_at(e, 0)->json, "{\"schema\":1,\"seq\":1,\"time\":\"20", 30);
	assert_string_equal(behind_time(events_at(e, 0)),
		"\"event\":\"message\",\"link\":\"boards\",\"id\":\"1\",\"line\":\"a\\\"\\n\\u0000b\"}");
	assert_string_equal(behind_time(events_at(e, 1)),
		"\"event\":\"up\",\"link\":\"boards\",\"id\":\"1\",\"peer\":\"h:1\",\"connects\":2,"
		"\"expected\":false}");
	assert_string_equal(behind_time(events_at(e, 2)),
		"\"event\":\"acked\",\"link\":\"boards\",\"id\":\"1\",\"token\":0}");
	assert_string_equal(behind_time(events_at(e, 3)), "\"event\":\"reloaded\"}");
	assert_true(events_is(events_at(e, 0), "link", "boards"));
	assert_string_equal(events_at(e, 0)->id, "1");
	assert_true(events_is(events_at(e, 3), "", ""));
	assert_string_equal(behind_time(events_at(e, 4)),
		"\"event\":\"lost\",\"channel\":\"plant\",\"reason\":\"history\",\"count\":3}");
	assert_true(events_is(events_at(e, 4), "channel", "plant"));
	assert_false(events_is(events_at(e, 4), "link", "plant"));
	assert_int_equal(sunk, 5);
	events_free(e);
}

static void the_newest_are_kept_in_order(void **state)
{
	struct events *e = fresh(100);
	for (int i = 0; i < 1000; i++) {
		events_publish(e, "up", "link", "boards", NULL);
		assert_int_equal(events_kept(e), i < 100 ? i + 1 : 100);
	}
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(events_at(e, i)->seq, 901 + i);
	assert_int_equal(events_next(e), 1001);
	assert_int_equal(sunk, 1000);
	events_limit(e, 20);
	assert_int_equal(events_kept(e), 20);
	assert_int_equal(events_at(e, 0)->seq, 981);
	events_limit(e, 50);
	for (int i = 0; i < 60; i++)
		events_publish(e, "up", "link", "boards", NULL);
	assert_int_equal(events_kept(e), 50);
	assert_int_equal(events_at(e, 49)->seq, 1060);
	events_free(e);
}

static void long_lines_are_bounded_in_bytes(void **state)
{
	struct events *e = fresh(4096);
	size_t n = 1 << 20, bytes = 0;
	char *line = malloc(n);
	struct event_fields f = EVENT_FIELDS(.id = "1", .line = line, .line_len = n);
	memset(line, 'x', n);
	for (int i = 0; i < 40; i++)
		events_publish(e, "message", "link", "boards", &f);
	for (size_t i = 0; i < events_kept(e); i++)
		bytes += events_at(e, i)->json_len;
	assert_true(bytes <= EVENTS_BYTES_MAX && bytes > EVENTS_BYTES_MAX / 2);
	assert_int_equal(events_at(e, events_kept(e) - 1)->seq, 40);
	free(line);
	events_free(e);
}

static void the_count_of_dropped_events_is_an_event(void **state)
{
	char *json = event_dropped_json(118);
	assert_memory_equal(json, "{\"schema\":1,\"time\":\"20", 22);
	assert_non_null(strstr(json, "Z\",\"event\":\"dropped\",\"count\":118}"));
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_fields_that_apply_are_there),
		cmocka_unit_test(the_newest_are_kept_in_order),
		cmocka_unit_test(long_lines_are_bounded_in_bytes),
		cmocka_unit_test(the_count_of_dropped_events_is_an_event),
	};
	return cmocka_run_group_tests_name("the events the daemon keeps", tests, NULL, NULL);
}
