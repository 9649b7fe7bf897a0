/*
 * api_sensor.c - a device through <lanyard/sensor.h>, over UDP on loopback: handlers, answers now and later,
 * observers, polls; and that nothing allocates once it is open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <lanyard/sensor.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proto/coap/option.h"

/* ---- the allocator, counted (by the linker: --wrap)
 * --------------------------------------------------------- */

static unsigned allocated, fail_at; /* fail_at: this one fails; 0: none */
static int live;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __real_free(void *p);
void __wrap_free(void *p);

static bool fails(void)
{
	return ++allocated == fail_at;
}

void *__wrap_malloc(size_t n)
{
	void *p = fails() ? NULL : __real_malloc(n);
	live += p != NULL;
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);
	live += p != NULL;
	return p;
}

void *__wrap_realloc(void *was, size_t n)
{
	void *p = fails() ? NULL : __real_realloc(was, n);
	live += !was && p;
	return p;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

/* ---- a device and a client of it
 * ---------------------------------------------------------------------------- */

static char value[600] = "21.5";
static size_t value_len = 4;
static bool has_changed;
static struct lan_sensor_request last;
static char last_query[64], last_from[64];

struct bench {
	struct lan_loop *loop;
	struct lan_sensor *s;
	int fd;
	uint16_t mid;
	uint8_t buf[2000];
	struct coap_msg msg; /* the last answer */
};
static struct bench *now;

static void note(const struct lan_sensor_request *q)
{
	last = *q;
	snprintf(last_query, sizeof last_query, "%s", q->query);
	snprintf(last_from, sizeof last_from, "%s", q->from);
}

static void get(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	assert_ptr_equal(ctx, value);
	note(q);
	memcpy(r->buf, value, value_len);
	r->len = value_len;
	r->max_age = 5;
	r->etag = (const uint8_t *)"tag", r->etag_len = 3;
}

static void put(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	(void)ctx, (void)r;
	note(q);
	lan_sensor_changed(now->s, q->resource);
	assert_true(q->len <= sizeof value);
	memcpy(value, q->payload, q->len); /* the request's views live on */
	value_len = q->len;
}

static void make(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	(void)ctx;
	note(q);
	r->code = COAP_CREATED;
	r->location = "/t1/new one";
}

static void later(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	(void)ctx;
	note(q);
	r->later = true;
}

static void broken(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	(void)ctx, (void)q;
	r->code = COAP_UNAVAILABLE;
	r->len = (size_t)snprintf(r->buf, r->cap, "warming up");
}

static bool changed(void *ctx)
{
	(void)ctx;
	bool was = has_changed;
	has_changed = false;
	return was;
}

static const struct lan_sensor_resource resources[] = {
	{.path = "t1",
		.observable = true,
		.get = get,
		.put = put,
		.post = make,
		.changed = changed,
		.poll = LAN_MS(5),
		.ctx = value},
	{.path = "later", .get = later},
	{.path = "broken", .get = broken},
};

static struct lan_sensor_config usual(void)
{
	struct lan_sensor_config cfg = LAN_SENSOR_CONFIG_INIT;
	cfg.net = "udp:127.0.0.1:0";
	cfg.resources = resources;
	cfg.n_resources = 3;
	return cfg;
}

static int setup(void **state)
{
	static struct bench b;
	struct lan_sensor_config cfg = usual();
	struct lan_sensor_status st;
	const char *why = "";
	b = (struct bench){.mid = 100, .fd = socket(AF_INET, SOCK_DGRAM, 0)};
	now = &b;
	if (lan_loop_new(&b.loop) || lan_sensor_open(b.loop, &cfg, &b.s, &why))
		return fprintf(stderr, "%s\n", why), -1;
	lan_sensor_status(b.s, &st);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(st.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*state = &b;
	return connect(b.fd, (struct sockaddr *)&to, sizeof to);
}

static int teardown(void **state)
{
	struct bench *b = *state;
	close(b->fd);
	lan_sensor_close(b->s);
	lan_loop_free(b->loop);
	return 0;
}

/* The next datagram of the device's; false: none within a while. */
static bool heard(struct bench *b, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		lan_loop_run(b->loop, LAN_MS(1));
		ssize_t n = recv(b->fd, b->buf, sizeof b->buf, MSG_DONTWAIT);
		if (n >= 0)
			return !coap_decode(b->buf, (size_t)n, &b->msg);
	}
	return false;
}

static void tell(
	struct bench *b, uint8_t code, const char *path, int observe, const void *payload, size_t len)
{
	uint8_t buf[1500];
	struct coap_wr w = coap_begin(buf, sizeof buf, COAP_CON, code, ++b->mid, (const uint8_t *)"\x80", 1);
	const char *query = strchr(path, '?');
	if (observe >= 0)
		coap_put_uint(&w, COAP_OBSERVE, (uint64_t)observe);
	assert_false(coap_put_path(&w, COAP_URI_PATH, path, query ? (size_t)(query - path) : strlen(path)));
	if (payload)
		coap_put_uint(&w, COAP_CONTENT_FORMAT, 50);
	if (query)
		assert_false(coap_put_query(&w, COAP_URI_QUERY, query + 1, strlen(query + 1)));
	coap_put_payload(&w, payload, len);
	assert_int_equal(send(b->fd, buf, coap_end(&w), 0), coap_end(&w));
}

/* The answer; notifications that come before it are passed over. */
static void ask(struct bench *b, uint8_t code, const char *path, const char *payload)
{
	tell(b, code, path, -1, payload, payload ? strlen(payload) : 0);
	do
		assert_true(heard(b, 2000));
	while (b->msg.mid != b->mid || b->msg.type != COAP_ACK);
}

static bool payload_is(const struct bench *b, const char *text)
{
	return b->msg.len == strlen(text) && (!b->msg.len || !memcmp(b->msg.payload, text, b->msg.len));
}

/* ---- tests
 * ------------------------------------------------------------------------------------------------- */

static void a_handler_sees_the_request_and_its_answer_arrives(void **state)
{
	struct bench *b = *state;
	uint64_t v;
	const uint8_t *p;
	size_t n;
	ask(b, COAP_PUT, "t1?a=1&b", "17");
	assert_int_equal(b->msg.code, COAP_CHANGED);
	assert_int_equal(last.code, 3);
	assert_int_equal(last.content_format, 50);
	assert_int_equal(last.accept, -1);
	assert_string_equal(last_query, "a=1&b");
	assert_memory_equal(last_from, "127.0.0.1:", 10);
	ask(b, COAP_GET, "t1", NULL);
	assert_true(payload_is(b, "17"));
	assert_true(coap_find_uint(&b->msg, COAP_CONTENT_FORMAT, &v) && v == 0);
	assert_true(coap_find_uint(&b->msg, COAP_MAX_AGE, &v) && v == 5);
	assert_true(coap_find(&b->msg, COAP_ETAG, 0, &p, &n) && n == 3);
	ask(b, COAP_POST, "t1", "x");
	assert_int_equal(b->msg.code, COAP_CREATED);
	assert_true(coap_find(&b->msg, COAP_LOCATION_PATH, 1, &p, &n) && n == 7 && !memcmp(p, "new one", 7));
	assert_false(coap_find_uint(&b->msg, COAP_CONTENT_FORMAT, &v));
	ask(b, COAP_DELETE, "t1", NULL);
	assert_int_equal(b->msg.code, COAP_METHOD_NOT_ALLOWED);
	ask(b, COAP_FETCH, "t1", "x");
	assert_int_equal(b->msg.code, COAP_METHOD_NOT_ALLOWED);
	ask(b, COAP_GET, "broken", NULL);
	assert_int_equal(b->msg.code, COAP_UNAVAILABLE);
	assert_true(payload_is(b, "warming up"));
	assert_false(coap_find_uint(&b->msg, COAP_CONTENT_FORMAT, &v)); /* a diagnostic */
}

static void an_observer_is_told_when_the_value_is_said_or_seen_to_have_changed(void **state)
{
	struct bench *b = *state;
	struct lan_sensor_status st;
	value_len = (size_t)snprintf(value, sizeof value, "1");
	tell(b, COAP_GET, "t1", 0, NULL, 0);
	assert_true(heard(b, 2000) && payload_is(b, "1"));
	lan_sensor_status(b->s, &st);
	assert_int_equal(st.observers, 1);
	value[0] = '2';
	lan_sensor_changed(b->s, 0);
	assert_true(heard(b, 2000) && payload_is(b, "2"));
	assert_true(last.notifying);
	value[0] = '3';
	assert_false(heard(b, 30));
	has_changed = true;
	assert_true(heard(b, 2000) && payload_is(b, "3"));
	tell(b, COAP_GET, "t1", 1, NULL, 0);
	assert_true(heard(b, 2000));
	has_changed = true;
	assert_false(heard(b, 30));
	assert_true(has_changed); /* nobody observes: it is not even asked */
	has_changed = false;
}

static void an_answer_may_come_later_once(void **state)
{
	struct bench *b = *state;
	struct lan_sensor_reply r = {.code = COAP_CONTENT, .max_age = -1, .payload = "done", .len = 4};
	tell(b, COAP_GET, "later", -1, NULL, 0);
	assert_true(heard(b, 2000));
	assert_int_equal(b->msg.code, COAP_EMPTY); /* acknowledged */
	assert_int_equal(lan_sensor_answer(b->s, last.id, &r), LAN_OK);
	assert_true(heard(b, 2000) && payload_is(b, "done"));
	assert_int_equal(b->msg.type, COAP_CON);
	assert_int_equal(lan_sensor_answer(b->s, last.id, &r), LAN_ERR_NOTFOUND);
}

static void requests_are_events_when_they_are_asked_for(void **state)
{
	struct bench *b = *state;
	struct lan_sensor_event ev;
	while (lan_sensor_event(b->s, &ev))
		assert_int_equal(ev.kind, LAN_SENSOR_NET);
	ask(b, COAP_GET, "t1", NULL);
	assert_false(lan_sensor_event(b->s, &ev));
	lan_sensor_trace(b->s, true);
	ask(b, COAP_GET, "t1", NULL);
	assert_true(lan_sensor_event(b->s, &ev));
	assert_int_equal(ev.kind, LAN_SENSOR_REQUESTED);
	assert_int_equal(ev.code, COAP_GET);
	assert_int_equal(ev.reply, COAP_CONTENT);
	assert_string_equal(ev.path, "t1");
	for (int i = 0; i < 100; i++) /* nobody pulls */
		ask(b, COAP_GET, "t1", NULL);
	int n = 0;
	while (lan_sensor_event(b->s, &ev))
		n++;
	assert_true(n > 8 && n < 100);
	lan_sensor_trace(b->s, false);
}

static void counters_have_names_and_count(void **state)
{
	struct bench *b = *state;
	const char *name, *help;
	uint64_t n, requests = 0;
	ask(b, COAP_GET, "t1", NULL);
	for (size_t i = 0; lan_sensor_counter(b->s, i, &name, &help, &n); i++) {
		assert_true(*name && *help);
		requests = !strcmp(name, "rx_requests") ? n : requests;
	}
	assert_true(requests > 0);
}

static void nothing_allocates_once_it_is_open(void **state)
{
	struct bench *b = *state;
	uint8_t junk[40];
	struct lan_sensor_reply r = {.code = COAP_CONTENT, .max_age = -1, .payload = "done", .len = 4};
	memset(value, 'x', sizeof value);
	value_len = sizeof value;
	ask(b, COAP_GET, "t1", NULL);
	unsigned before = allocated;
	for (unsigned i = 0; i < 200; i++) {
		tell(b, COAP_GET, "t1", i % 2 ? 0 : -1, NULL, 0);
		assert_true(heard(b, 2000));
		ask(b, COAP_PUT, "t1", "17");
		while (heard(b, i % 20 ? 0 : 3)) /* observers */
			;
		ask(b, COAP_GET, ".well-known/core", NULL);
		ask(b, COAP_GET, "none", NULL);
		memset(junk, (int)i, sizeof junk);
		assert_true(send(b->fd, junk, i % sizeof junk, 0) >= 0);
	}
	while (heard(b, 5)) /* RSTs, notifications */
		;
	tell(b, COAP_GET, "later", -1, NULL, 0);
	assert_true(heard(b, 2000));
	assert_int_equal(lan_sensor_answer(b->s, last.id, &r), LAN_OK);
	assert_true(heard(b, 2000));
	assert_int_equal(allocated, before);
}

static void without_memory_it_does_not_open_and_leaves_nothing(void **state)
{
	struct bench *b = *state;
	enum lan_err e = LAN_ERR_NOMEM;
	unsigned k;
	for (k = 1; e && k < 200; k++) {
		struct lan_sensor *s = NULL;
		struct lan_sensor_config cfg = usual();
		const char *why = NULL;
		int before = live;
		allocated = 0, fail_at = k;
		e = lan_sensor_open(b->loop, &cfg, &s, &why);
		fail_at = 0;
		assert_true(e == LAN_OK || e == LAN_ERR_NOMEM);
		if (e && !(why && *why))
			fail_msg("allocation %u: no sentence (%s)", k, why ? "empty" : "NULL");
		if (!e)
			lan_sensor_close(s);
		lan_loop_run(b->loop, LAN_MS(1)); /* descriptors are closed in the loop */
		lan_loop_run(b->loop, LAN_MS(1));
		assert_int_equal(live, before);
	}
	assert_true(k > 10 && k < 200);
}

static void what_cannot_be_is_refused_with_a_sentence(void **state)
{
	struct bench *b = *state;
	struct lan_sensor *s;
	struct lan_sensor_resource bad = {.path = "a b"};
	const char *why;
	struct lan_sensor_config cfg = usual();
	const struct {
		const char *net, *has;
		uint32_t id, mtu, max_body;
		const struct lan_sensor_resource *resources;
		const char *key;
	} table[] = {
		{.net = NULL, .has = "no network"},
		{.net = "udp:nowhere", .has = "ADDR:PORT"},
		{.net = "ethernet:lo", .has = "id 0"},
		{.net = "ethernet:lo", .id = 1, .mtu = 50, .has = "mtu 50"},
		{.net = "udp:127.0.0.1:0", .mtu = 500, .has = "no master over UDP"},
		{.net = "udp:127.0.0.1:0", .max_body = 1u << 30, .has = "max_body"},
		{.net = "udp:127.0.0.1:0", .resources = &bad, .has = "path"},
		{.net = "ethernet:lo", .id = 1, .key = "/nonexistent", .has = "/nonexistent"},
	};
	cfg.size = 4;
	assert_int_equal(lan_sensor_open(b->loop, &cfg, &s, &why), LAN_ERR_INVAL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cfg = usual();
		cfg.net = table[i].net, cfg.id = table[i].id, cfg.mtu = table[i].mtu;
		cfg.max_body = table[i].max_body, cfg.key_file = table[i].key;
		if (table[i].resources)
			cfg.resources = table[i].resources, cfg.n_resources = 1;
		assert_int_not_equal(lan_sensor_open(b->loop, &cfg, &s, &why), LAN_OK);
		if (!strstr(why, table[i].has))
			fail_msg("%zu: %s", i, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handler_sees_the_request_and_its_answer_arrives),
		cmocka_unit_test(an_observer_is_told_when_the_value_is_said_or_seen_to_have_changed),
		cmocka_unit_test(an_answer_may_come_later_once),
		cmocka_unit_test(requests_are_events_when_they_are_asked_for),
		cmocka_unit_test(counters_have_names_and_count),
		cmocka_unit_test(nothing_allocates_once_it_is_open),
		cmocka_unit_test(without_memory_it_does_not_open_and_leaves_nothing),
		cmocka_unit_test(what_cannot_be_is_refused_with_a_sentence),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
