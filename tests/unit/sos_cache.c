/*
 * Unit tests of sos/cache.h: what is in the key and what is not, freshness, validation, what makes an answer
 * unfit, what an unsafe method ends, bounds in entries and octets, order of use, and allocations that fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "oom_alloc.h"
#include "proto/sos/cache.h"

static const uint64_t seed[2] = {1, 2};
static const lan_time T = LAN_SEC(1000);

/* Options as "11=t1 4=abc 14=#60": '#' is a number, '-' a value that is empty. */
struct options {
	uint8_t buf[512];
	size_t len;
};

static struct options options(const char *text)
{
	struct options o;
	struct coap_wr w = coap_begin_options(o.buf, sizeof o.buf);

	while (*text) {
		char *value;
		uint32_t number = (uint32_t)strtoul(text, &value, 10);
		size_t n = strcspn(++value, " ");
		if (*value == '#')
			coap_put_uint(&w, number, strtoull(value + 1, NULL, 10));
		else
			coap_put(&w, number, value, *value == '-' ? 0 : n);
		text = value + n + strspn(value + n, " ");
	}
	assert_false(w.w.bad);
	o.len = w.w.off;
	return o;
}

static enum sos_cache_found find(struct sos_cache *c, lan_time now, uint32_t slave, uint8_t code,
	const char *request, const char *body, struct sos_cache_answer *out)
{
	struct options o = options(request);
	struct sos_cache_key k = {.slave = slave,
		.code = code,
		.options = o.buf,
		.options_len = o.len,
		.payload = body,
		.len = strlen(body)};

	memset(out, 0, sizeof *out);
	return sos_cache_find(c, now, &k, out);
}

static bool store(struct sos_cache *c, lan_time now, uint32_t slave, uint8_t code, const char *request,
	const char *body, uint8_t answer, const char *response, const char *payload,
	struct sos_cache_answer *out)
{
	struct options o = options(request), r = options(response);
	struct sos_cache_key k = {.slave = slave,
		.code = code,
		.options = o.buf,
		.options_len = o.len,
		.payload = body,
		.len = strlen(body)};
	struct coap_msg m = {.code = answer,
		.options = r.buf,
		.options_len = r.len,
		.payload = *payload ? (const uint8_t *)payload : NULL,
		.len = strlen(payload)};

	memset(out, 0, sizeof *out);
	return sos_cache_store(c, now, &k, &m, out);
}

static struct sos_cache *cache(uint32_t entries, size_t octets)
{
	struct sos_cache *c = NULL;

	assert_int_equal(sos_cache_new(seed, entries, octets, &c), LAN_OK);
	return c;
}

static struct sos_cache_stats stats(const struct sos_cache *c)
{
	struct sos_cache_stats s;

	sos_cache_stats(c, &s);
	return s;
}

/* GET of slave 1: the usual case. */
static void keep(
	struct sos_cache *c, lan_time now, const char *request, const char *response, const char *payload)
{
	struct sos_cache_answer a;

	assert_false(store(c, now, 1, COAP_GET, request, "", COAP_CONTENT, response, payload, &a));
}

static enum sos_cache_found get(struct sos_cache *c, lan_time now, const char *request)
{
	struct sos_cache_answer a;

	return find(c, now, 1, COAP_GET, request, "", &a);
}

static void an_answer_is_fresh_for_its_max_age(void **state)
{
	static const struct {
		const char *response;
		uint32_t max_age;
	} ages[] = {{"", 60}, {"14=#1", 1}, {"14=#300", 300}, {"14=#86400", 86400},
		{"14=#4294967295", UINT32_MAX}, {"14=12345", 60}}; /* five octets are no Max-Age */

	for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
		struct sos_cache *c = cache(4, 1000);
		struct sos_cache_answer a;
		lan_time end = T + LAN_SEC(ages[i].max_age);
		keep(c, T, "11=t1", ages[i].response, "21.5");
		assert_int_equal(find(c, T, 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_FRESH);
		assert_int_equal(a.code, COAP_CONTENT);
		assert_int_equal(a.max_age, ages[i].max_age);
		assert_int_equal(a.age, 0);
		assert_int_equal(a.len, 4);
		assert_memory_equal(a.payload, "21.5", 4);
		assert_null(a.etag);
		assert_int_equal(find(c, T - LAN_SEC(5), 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_FRESH);
		assert_int_equal(a.age, 0);
		assert_int_equal(find(c, end - 1, 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_FRESH);
		assert_int_equal(a.age, ages[i].max_age - 1);
		assert_int_equal(find(c, end, 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_MISS);
		assert_int_equal(stats(c).entries, 0); /* no ETag: nothing more to be done with it */
		assert_int_equal(stats(c).hits, 3);
		assert_int_equal(stats(c).misses, 1);
		sos_cache_free(c);
	}
}

/* RFC 7252 section 5.4.2 and 5.6: every option tells requests apart, but for these. */
static void all_options_of_the_key_are_in_the_key(void **state)
{
	for (uint32_t number = 0; number < 400; number++) {
		char request[60];
		bool passed_over = (number & 0x1e) == 0x1c || number == COAP_ETAG || number == COAP_OBSERVE ||
				   number == COAP_BLOCK1 || number == COAP_BLOCK2;
		for (int before = 0; before < 2; before++) {
			struct sos_cache *c = cache(4, 1000);
			/* an option more */
			if (before)
				snprintf(request, sizeof request, "0=x %u=a 400=y", number);
			else
				snprintf(request, sizeof request, "%u=a 401=y", number);
			keep(c, T, before ? "0=x 400=y" : "401=y", "", "v");
			assert_int_equal(get(c, T, before ? "0=x 400=y" : "401=y"), SOS_CACHE_FRESH);
			assert_int_equal(get(c, T, request), passed_over ? SOS_CACHE_FRESH : SOS_CACHE_MISS);
			/* another value, and one more of the same */
			sos_cache_forget(c, 0);
			keep(c, T, request, "", "v");
			assert_int_equal(get(c, T, request), SOS_CACHE_FRESH);
			snprintf(request, sizeof request, before ? "0=x %u=b 400=y" : "%u=b 401=y", number);
			assert_int_equal(get(c, T, request), passed_over ? SOS_CACHE_FRESH : SOS_CACHE_MISS);
			snprintf(request, sizeof request, before ? "0=x %u=a %u=a 400=y" : "%u=a %u=a 401=y",
				number, number);
			assert_int_equal(get(c, T, request), passed_over ? SOS_CACHE_FRESH : SOS_CACHE_MISS);
			sos_cache_free(c);
		}
	}
}

static void slave_method_and_body_are_in_the_key(void **state)
{
	struct sos_cache *c = cache(10, 1000);
	struct sos_cache_answer a;

	keep(c, T, "11=t1", "", "get");
	store(c, T, 1, COAP_FETCH, "11=t1", "body", COAP_CONTENT, "", "fetch", &a);
	assert_int_equal(find(c, T, 2, COAP_GET, "11=t1", "", &a), SOS_CACHE_MISS);
	assert_int_equal(find(c, T, 0, COAP_GET, "11=t1", "", &a), SOS_CACHE_MISS);
	assert_int_equal(find(c, T, 1, COAP_FETCH, "11=t1", "bodz", &a), SOS_CACHE_MISS);
	assert_int_equal(find(c, T, 1, COAP_FETCH, "11=t1", "", &a), SOS_CACHE_MISS);
	assert_int_equal(find(c, T, 1, COAP_FETCH, "11=t1", "body", &a), SOS_CACHE_FRESH);
	assert_memory_equal(a.payload, "fetch", 5);
	assert_int_equal(find(c, T, 1, COAP_GET, "11=t1", "no meaning", &a), SOS_CACHE_FRESH);
	assert_memory_equal(a.payload, "get", 3);
	for (uint8_t code = COAP_POST; code <= COAP_IPATCH; code++)
		if (code != COAP_FETCH)
			assert_int_equal(find(c, T, 1, code, "11=t1", "", &a), SOS_CACHE_MISS);
	/* what the original masters took for the same (sos.md section 8) */
	assert_int_equal(get(c, T, "11=t2"), SOS_CACHE_MISS);
	assert_int_equal(get(c, T, "11=t1 11=x"), SOS_CACHE_MISS);
	assert_int_equal(get(c, T, ""), SOS_CACHE_MISS);
	sos_cache_free(c);
}

static void only_good_answers_are_stored(void **state)
{
	struct sos_cache *c = cache(10, 1000);
	struct sos_cache_answer a;

	for (unsigned code = 1; code < 256; code++) {
		assert_false(store(c, T, 1, COAP_GET, "11=t1", "", (uint8_t)code, "14=#100", "v", &a));
		assert_int_equal(get(c, T, "11=t1"), code == COAP_CONTENT ? SOS_CACHE_FRESH : SOS_CACHE_MISS);
		sos_cache_forget(c, 0);
	}
	for (uint8_t method = COAP_POST; method <= COAP_IPATCH; method++) {
		store(c, T, 1, method, "11=t1", "", COAP_CONTENT, "", "v", &a);
		assert_int_equal(stats(c).entries, method == COAP_FETCH);
		sos_cache_forget(c, 0);
	}
	keep(c, T, "11=t1", "14=-", "v"); /* Max-Age 0 */
	assert_int_equal(stats(c).entries, 0);
	keep(c, T, "11=t1", "66=unsafe", "v");
	assert_int_equal(stats(c).entries, 0);
	keep(c, T, "11=t1", "64=safe", "v");
	assert_int_equal(stats(c).entries, 1);
	sos_cache_free(c);
}

static void a_later_answer_takes_the_place_of_the_one_before(void **state)
{
	static const struct {
		uint8_t code;
		const char *options;
		enum sos_cache_found found;
		char value;
	} later[] = {
		{COAP_CONTENT, "", SOS_CACHE_FRESH, '2'},
		{COAP_CONTENT, "14=-", SOS_CACHE_MISS, 0},
		{COAP_CONTENT, "66=x", SOS_CACHE_MISS, 0},
		{COAP_NOT_FOUND, "", SOS_CACHE_MISS, 0},
		{COAP_CHANGED, "", SOS_CACHE_MISS, 0},
		{COAP_VALID, "4=b", SOS_CACHE_FRESH, '1'}, /* of something else */
		{COAP_VALID, "", SOS_CACHE_FRESH, '1'},
		{COAP_UNAVAILABLE, "", SOS_CACHE_FRESH, '1'},
	};

	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		struct sos_cache *c = cache(10, 1000);
		struct sos_cache_answer a;
		keep(c, T, "11=t1", "4=a", "1");
		assert_false(store(c, T, 1, COAP_GET, "11=t1", "", later[i].code, later[i].options, "2", &a));
		assert_int_equal(find(c, T, 1, COAP_GET, "11=t1", "", &a), later[i].found);
		if (later[i].value)
			assert_int_equal(*a.payload, later[i].value);
		sos_cache_free(c);
	}
}

static void check_options(const struct sos_cache_answer *a, const char *want)
{
	struct options o = options(want);

	assert_int_equal(a->options_len, o.len);
	assert_memory_equal(a->options, o.buf, o.len);
}

static void options_of_the_exchange_are_not_stored(void **state)
{
	struct sos_cache *c = cache(10, 1000);
	struct sos_cache_answer a;

	keep(c, T, "11=t1", "4=tag 6=#5 12=#50 14=#9 23=#22 27=#6 28=#100 60=#7 64=more 252=echo", "v");
	assert_int_equal(find(c, T, 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_FRESH);
	check_options(&a, "4=tag 12=#50 14=#9 64=more");
	assert_int_equal(a.etag_len, 3);
	assert_memory_equal(a.etag, "tag", 3);
	sos_cache_free(c);
}

static void a_stale_answer_is_made_fresh_by_2_03(void **state)
{
	struct sos_cache *c = cache(10, 1000);
	struct sos_cache_answer a;

	keep(c, T, "11=t1", "4=tag 12=#50 14=#10 64=x 64=y 68=keep", "value");
	lan_time later = T + LAN_SEC(100);
	assert_int_equal(find(c, later, 1, COAP_GET, "11=t1", "", &a), SOS_CACHE_STALE);
	assert_int_equal(a.age, 100);
	assert_memory_equal(a.etag, "tag", 3);
	assert_false(store(c, later, 1, COAP_GET, "11=t1", "", COAP_VALID, "4=tah", "", &a));
	assert_false(store(c, later, 1, COAP_GET, "11=t1", "", COAP_VALID, "4=ta", "", &a));
	assert_false(store(c, later, 1, COAP_GET, "11=t1", "", COAP_VALID, "", "", &a));
	assert_false(store(c, later, 1, COAP_GET, "11=t2", "", COAP_VALID, "4=tag", "", &a));
	assert_int_equal(get(c, later, "11=t1"), SOS_CACHE_STALE);
	/* the request that asked has the ETag in it, which is not of the key */
	assert_true(store(
		c, later, 1, COAP_GET, "4=tag 11=t1", "", COAP_VALID, "4=tag 6=#1 14=#20 64=z", "", &a));
	assert_int_equal(a.code, COAP_CONTENT);
	assert_memory_equal(a.payload, "value", 5);
	assert_int_equal(a.age, 0);
	assert_int_equal(a.max_age, 20);
	check_options(&a, "4=tag 12=#50 14=#20 64=z 68=keep");
	assert_int_equal(get(c, later + LAN_SEC(20) - 1, "11=t1"), SOS_CACHE_FRESH);
	assert_int_equal(get(c, later + LAN_SEC(20), "11=t1"), SOS_CACHE_STALE);
	/* without Max-Age it is the default's, not the old one's */
	later += LAN_SEC(30);
	assert_true(store(c, later, 1, COAP_GET, "11=t1", "", COAP_VALID, "4=tag", "", &a));
	assert_int_equal(a.max_age, 60);
	check_options(&a, "4=tag 12=#50 64=z 68=keep");
	assert_int_equal(stats(c).revalidated, 2);
	assert_int_equal(stats(c).stored, 1);
	/* good once, and to be asked again at once */
	assert_true(store(c, later, 1, COAP_GET, "11=t1", "", COAP_VALID, "4=tag 14=-", "", &a));
	assert_int_equal(get(c, later, "11=t1"), SOS_CACHE_STALE);
	sos_cache_free(c);
}

static void success_of_an_unsafe_method_ends_the_answers_of_its_path(void **state)
{
	static const uint8_t methods[] = {COAP_POST, COAP_PUT, COAP_DELETE, COAP_PATCH, COAP_IPATCH};

	for (size_t i = 0; i < sizeof methods; i++)
		for (int good = 0; good < 2; good++) {
			struct sos_cache *c = cache(10, 1000);
			struct sos_cache_answer a;
			keep(c, T, "11=a 11=b", "", "1");
			keep(c, T, "11=a 11=b 15=q", "", "2");
			keep(c, T, "11=a 11=b 17=#50", "", "3");
			store(c, T, 1, COAP_FETCH, "11=a 11=b", "x", COAP_CONTENT, "", "4", &a);
			keep(c, T, "11=a", "", "5");
			keep(c, T, "11=ab", "", "6");
			keep(c, T, "11=b 11=a", "", "7");
			keep(c, T, "11=new 11=c", "", "8");
			store(c, T, 2, COAP_GET, "11=a 11=b", "", COAP_CONTENT, "", "9", &a);
			assert_false(store(c, T, 1, methods[i], "11=a 11=b 15=other", "body",
				good ? COAP_CHANGED : COAP_BAD_REQUEST, "8=new 8=c", "", &a));
			assert_int_equal(stats(c).invalidated, good ? 5 : 0);
			assert_int_equal(stats(c).entries, good ? 4 : 9);
			assert_int_equal(get(c, T, "11=a"), SOS_CACHE_FRESH);
			assert_int_equal(get(c, T, "11=ab"), SOS_CACHE_FRESH);
			assert_int_equal(get(c, T, "11=b 11=a"), SOS_CACHE_FRESH);
			assert_int_equal(find(c, T, 2, COAP_GET, "11=a 11=b", "", &a), SOS_CACHE_FRESH);
			assert_int_equal(get(c, T, "11=new 11=c"), good ? SOS_CACHE_MISS : SOS_CACHE_FRESH);
			sos_cache_free(c);
		}
}

static void what_a_slave_said_is_forgotten_with_it(void **state)
{
	struct sos_cache *c = cache(10, 1000);
	struct sos_cache_answer a;

	for (uint32_t slave = 1; slave <= 3; slave++)
		for (int i = 0; i < 3; i++)
			store(c, T, slave, COAP_GET,
				i == 0   ? "11=a"
				: i == 1 ? "11=b"
					 : "11=c",
				"", COAP_CONTENT, "", "v", &a);
	sos_cache_forget(c, 2);
	assert_int_equal(stats(c).entries, 6);
	assert_int_equal(stats(c).invalidated, 3);
	assert_int_equal(find(c, T, 2, COAP_GET, "11=b", "", &a), SOS_CACHE_MISS);
	assert_int_equal(find(c, T, 3, COAP_GET, "11=b", "", &a), SOS_CACHE_FRESH);
	sos_cache_forget(c, 0);
	assert_int_equal(stats(c).entries, 0);
	assert_int_equal(stats(c).octets, 0);
	sos_cache_free(c);
}

static void the_least_recently_used_goes_first(void **state)
{
	struct sos_cache *c = cache(3, 1000);
	struct sos_cache_answer a;
	char path[20];
	uint32_t slave;

	keep(c, T, "11=a", "", "1");
	keep(c, T, "11=b 11=x", "", "2");
	keep(c, T, "11=c", "4=t", "3");
	assert_int_equal(get(c, T, "11=a"), SOS_CACHE_FRESH);
	keep(c, T, "11=d", "", "4"); /* b goes */
	assert_int_equal(stats(c).evicted, 1);
	assert_int_equal(get(c, T, "11=b 11=x"), SOS_CACHE_MISS);
	assert_true(store(c, T, 1, COAP_GET, "11=c", "", COAP_VALID, "4=t", "", &a));
	static const char *const order[] = {"c", "d", "a"};
	for (size_t i = 0; i < 3; i++) {
		assert_true(sos_cache_entry(c, T + LAN_SEC(3), i, &slave, path, sizeof path, &a));
		assert_string_equal(path, order[i]);
		assert_int_equal(slave, 1);
		assert_int_equal(a.age, 3);
	}
	assert_false(sos_cache_entry(c, T, 3, &slave, path, sizeof path, &a));
	keep(c, T, "11=e 11=f", "", "5"); /* a goes */
	assert_int_equal(get(c, T, "11=a"), SOS_CACHE_MISS);
	assert_true(sos_cache_entry(c, T, 0, &slave, path, sizeof path, &a));
	assert_string_equal(path, "e/f");
	assert_true(sos_cache_entry(c, T, 0, &slave, path, 2, &a)); /* no room for its name */
	assert_string_equal(path, "");
	sos_cache_free(c);
}

static void it_never_holds_more_octets_than_it_may(void **state)
{
	enum { MOST = 300 };
	struct sos_cache *c = cache(100, MOST);
	struct sos_cache_answer a;
	uint32_t rng = 1;
	char payload[MOST + 100], request[30];

	for (int i = 0; i < 20000; i++) {
		rng = rng * 1664525 + 1013904223;
		memset(payload, 'x', sizeof payload);
		payload[(rng >> 8) % (i % 50 ? 90 : sizeof payload)] = 0;
		snprintf(request, sizeof request, "11=r%u", (rng >> 20) % 40);
		switch (rng >> 28) {
		case 0:
			store(c, T, 1, COAP_GET, request, "", COAP_VALID, "4=t 64=longer-and-longer", "", &a);
			break;
		case 1:
			store(c, T, 1, COAP_PUT, request, "", COAP_CHANGED, "", "", &a);
			break;
		case 2:
		case 3:
			find(c, T, 1, COAP_GET, request, "", &a);
			break;
		default:
			store(c, T, 1, COAP_GET, request, "", COAP_CONTENT, "4=t", payload, &a);
		}
		struct sos_cache_stats s = stats(c);
		size_t octets = 0;
		uint32_t n = 0, slave;
		char path[20];
		while (sos_cache_entry(c, T, n, &slave, path, sizeof path, &a)) {
			octets += a.options_len + a.len + strlen(path) + 1;
			n++;
		}
		assert_true(s.octets <= MOST);
		assert_int_equal(s.octets, octets);
		assert_int_equal(s.entries, n);
	}
	assert_true(stats(c).evicted > 100 && stats(c).revalidated > 100 && stats(c).invalidated > 100);
	sos_cache_free(c);
	c = cache(0, MOST); /* none at all */
	keep(c, T, "11=a", "", "1");
	assert_int_equal(get(c, T, "11=a"), SOS_CACHE_MISS);
	sos_cache_free(c);
}

static void requests_on_their_way_are_one_if_one_answer_serves_both(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{"", "", true},
		{"11=t1", "11=t1", true},
		{"11=t1", "6=- 11=t1 23=#6 60=#7", true},
		{"11=t1", "11=t2", false},
		{"11=t1", "11=t1 15=q", false},
		{"11=t1 15=q", "11=t1", false},
		{"4=a 11=t1", "4=a 11=t1", true},
		{"4=a 11=t1", "4=b 11=t1", false},
		{"11=t1", "4=a 11=t1", false},
		{"11=t1 17=#50", "11=t1 17=#0", false},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct options a = options(pairs[i].a), b = options(pairs[i].b);
		struct sos_cache_key
			x = {.slave = 1, .code = COAP_GET, .options = a.buf, .options_len = a.len},
			y = {.slave = 1, .code = COAP_GET, .options = b.buf, .options_len = b.len};
		assert_int_equal(sos_cache_same(&x, &y), pairs[i].same);
		y.slave = 2;
		assert_false(sos_cache_same(&x, &y));
		y.slave = 1, y.code = COAP_FETCH;
		assert_false(sos_cache_same(&x, &y));
		x.code = y.code = COAP_POST;
		assert_false(sos_cache_same(&x, &y));
		x.code = y.code = COAP_FETCH, x.payload = "abc", y.payload = "abd", x.len = y.len = 2;
		assert_int_equal(sos_cache_same(&x, &y), pairs[i].same);
		x.len = y.len = 3;
		assert_false(sos_cache_same(&x, &y));
	}
}

static void what_is_no_run_of_options_is_never_found(void **state)
{
	static const uint8_t broken[] = {0xb2, 't'};
	static uint8_t large[2000], zeros[1600];
	struct sos_cache *c = cache(10, 10000);
	struct coap_wr w = coap_begin_options(large, sizeof large);
	struct sos_cache_answer a;
	struct coap_msg m = {.code = COAP_CONTENT};
	struct sos_cache_key k = {
		.slave = 1, .code = COAP_GET, .options = broken, .options_len = sizeof broken};

	assert_false(sos_cache_store(c, T, &k, &m, &a));
	assert_int_equal(sos_cache_find(c, T, &k, &a), SOS_CACHE_MISS);
	coap_put(&w, 11, zeros, sizeof zeros);
	k.options = large, k.options_len = coap_end(&w);
	assert_false(sos_cache_store(c, T, &k, &m, &a));
	assert_int_equal(sos_cache_find(c, T, &k, &a), SOS_CACHE_MISS);
	assert_int_equal(stats(c).entries, 0);
	sos_cache_free(c);
}

static void allocations_that_fail_cost_an_answer_at_most(void **state)
{
	int64_t live = oom_live();

	for (uint64_t k = 1; k < 12; k++) {
		struct sos_cache *c = NULL;
		struct sos_cache_answer a;
		oom_arm(k);
		if (sos_cache_new(seed, 3, 100, &c)) {
			oom_disarm();
			assert_null(c);
			assert_int_equal(oom_live(), live);
			continue;
		}
		keep(c, T, "11=a", "4=t", "1");
		store(c, T, 1, COAP_GET, "11=a", "", COAP_VALID, "4=t 64=more", "", &a);
		keep(c, T, "11=b", "", "2");
		oom_disarm();
		keep(c, T, "11=c", "", "3");
		assert_true(stats(c).entries >= 2);
		assert_int_equal(get(c, T, "11=c"), SOS_CACHE_FRESH);
		sos_cache_free(c);
		assert_int_equal(oom_live(), live);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_fresh_for_its_max_age),
		cmocka_unit_test(all_options_of_the_key_are_in_the_key),
		cmocka_unit_test(slave_method_and_body_are_in_the_key),
		cmocka_unit_test(only_good_answers_are_stored),
		cmocka_unit_test(a_later_answer_takes_the_place_of_the_one_before),
		cmocka_unit_test(options_of_the_exchange_are_not_stored),
		cmocka_unit_test(a_stale_answer_is_made_fresh_by_2_03),
		cmocka_unit_test(success_of_an_unsafe_method_ends_the_answers_of_its_path),
		cmocka_unit_test(what_a_slave_said_is_forgotten_with_it),
		cmocka_unit_test(the_least_recently_used_goes_first),
		cmocka_unit_test(it_never_holds_more_octets_than_it_may),
		cmocka_unit_test(requests_on_their_way_are_one_if_one_answer_serves_both),
		cmocka_unit_test(what_is_no_run_of_options_is_never_found),
		cmocka_unit_test(allocations_that_fail_cost_an_answer_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
