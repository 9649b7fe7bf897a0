/*
 * fuzz_sos_cache.c - the cache of slaves' answers against a plain one: a list of all that was ever stored,
 * searched from its end. The first octet chooses the bounds. With room for everything the two agree on each
 * question; with little the cache may have forgotten, but what it gives is what the plain one has, and never
 * more octets or entries than it may.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/sos/cache.h"

#define SLAVES 3
#define ALL    512

/* A request of few: who, how, which path, which of the other options. */
struct asked {
	uint8_t slave, code, path, extra;
};

struct plain {
	struct asked asked;
	bool there;
	uint8_t payload, etag; /* etag 0: none */
	uint32_t max_age;
	lan_time at;
};

static struct plain all[ALL];
static size_t n_all;

static const uint8_t methods[] = {
	COAP_GET, COAP_GET, COAP_FETCH, COAP_POST, COAP_PUT, COAP_DELETE, COAP_PATCH, COAP_IPATCH};

static struct asked asked_of(uint8_t a, uint8_t b)
{
	return (struct asked){.slave = (uint8_t)(1 + a % SLAVES),
		.code = methods[a >> 2 & 7],
		.path = b & 3,
		.extra = b >> 2 & 15};
}

/* Options that are in the key (Accept, Uri-Query) and such that are not (ETag, Observe, Block2, Size1). */
static size_t options_of(const struct asked *q, uint8_t *buf, size_t cap)
{
	static const char *const paths[][2] = {{"a", NULL}, {"a", "b"}, {"ab", NULL}, {"b", "a"}};
	struct coap_wr w = coap_begin_options(buf, cap);

	if (q->extra & 4) {
		coap_put(&w, COAP_ETAG, "x", 1);
		coap_put_uint(&w, COAP_OBSERVE, 0);
	}
	coap_put_text(&w, COAP_URI_PATH, paths[q->path][0]);
	if (paths[q->path][1])
		coap_put_text(&w, COAP_URI_PATH, paths[q->path][1]);
	if (q->extra & 1)
		coap_put_text(&w, COAP_URI_QUERY, "q");
	if (q->extra & 2)
		coap_put_uint(&w, COAP_ACCEPT, 50);
	if (q->extra & 8) {
		coap_put_uint(&w, COAP_BLOCK2, 6);
		coap_put_uint(&w, COAP_SIZE1, 7);
	}
	return coap_end(&w);
}

static bool same_key(const struct asked *a, const struct asked *b)
{
	return a->slave == b->slave && a->code == b->code && a->path == b->path &&
	       (a->extra & 3) == (b->extra & 3);
}

static bool cacheable(const struct asked *q)
{
	return q->code == COAP_GET || q->code == COAP_FETCH;
}

static struct plain *known(const struct asked *q)
{
	for (size_t i = n_all; i-- > 0;)
		if (all[i].there && same_key(&all[i].asked, q))
			return all + i;
	return NULL;
}

/* --- the same done to both --------------------------------------------------------------- */

static void check_answer(const struct plain *p, lan_time now, const struct sos_cache_answer *a)
{
	FUZZ_CHECK(p, "an answer that was never stored");
	FUZZ_CHECK(a->code == COAP_CONTENT && a->len == 1u + p->payload % 7, "another answer");
	for (size_t i = 0; i < a->len; i++)
		FUZZ_CHECK(a->payload[i] == p->payload, "another payload");
	FUZZ_CHECK(a->max_age == p->max_age && a->age == (now - p->at) / LAN_SEC(1), "another age");
	FUZZ_CHECK(p->etag ? a->etag && a->etag_len == 1 && *a->etag == p->etag : !a->etag, "another ETag");
}

static void find(struct sos_cache *c, lan_time now, const struct asked *q, bool room)
{
	uint8_t options[64];
	struct sos_cache_key k = {.slave = q->slave,
		.code = q->code,
		.options = options,
		.options_len = options_of(q, options, sizeof options)};
	struct sos_cache_answer a;
	struct plain *p = cacheable(q) ? known(q) : NULL;
	enum sos_cache_found found = sos_cache_find(c, now, &k, &a),
			     want = !p                                    ? SOS_CACHE_MISS
				    : (now - p->at) < LAN_SEC(p->max_age) ? SOS_CACHE_FRESH
				    : p->etag                             ? SOS_CACHE_STALE
									  : SOS_CACHE_MISS;

	FUZZ_CHECK(found == want || (!room && found == SOS_CACHE_MISS), "found %d, not %d", found, want);
	if (found != SOS_CACHE_MISS)
		check_answer(p, now, &a);
	else if (p)
		p->there = false; /* forgotten, or of no use any more */
}

static void forget_path(uint8_t slave, uint8_t path)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].asked.slave == slave && all[i].asked.path == path)
			all[i].there = false;
}

static void forget_key(const struct asked *q)
{
	for (size_t i = 0; i < n_all; i++)
		if (same_key(&all[i].asked, q))
			all[i].there = false;
}

static void learn(
	lan_time now, const struct asked *q, uint8_t code, uint8_t etag, uint32_t max_age, uint8_t payload)
{
	if (!cacheable(q)) {
		if (COAP_CLASS(code) == 2)
			forget_path(q->slave, q->path);
		return;
	}
	if (COAP_CLASS(code) == 2 || COAP_CLASS(code) == 4)
		forget_key(q);
	if (code == COAP_CONTENT && max_age && n_all < ALL)
		all[n_all++] = (struct plain){.asked = *q,
			.there = true,
			.payload = payload,
			.etag = etag,
			.max_age = max_age,
			.at = now};
}

static void store(struct sos_cache *c, lan_time now, const struct asked *q, uint8_t x, uint8_t y, bool room)
{
	static const uint8_t codes[] = {COAP_CONTENT, COAP_CONTENT, COAP_CONTENT, COAP_VALID, COAP_VALID,
		COAP_NOT_FOUND, COAP_CHANGED, COAP_UNAVAILABLE};
	static const uint32_t ages[] = {60, 0, 1, 5, 100, 60, 60, 7};
	uint8_t options[64], response[64], payload[8];
	struct sos_cache_key k = {.slave = q->slave,
		.code = q->code,
		.options = options,
		.options_len = options_of(q, options, sizeof options)};
	struct coap_wr w = coap_begin_options(response, sizeof response);
	uint8_t etag = x & 0x40 ? (uint8_t)('a' + (x >> 7)) : 0;
	uint32_t max_age = ages[x >> 3 & 7];
	struct coap_msg m = {
		.code = codes[x & 7], .options = response, .payload = payload, .len = 1u + y % 7};
	struct sos_cache_answer a;

	memset(payload, y, sizeof payload);
	if (etag)
		coap_put(&w, COAP_ETAG, &etag, 1);
	coap_put_uint(&w, COAP_OBSERVE, y);
	if (max_age != 60)
		coap_put_uint(&w, COAP_MAX_AGE, max_age);
	if (y & 1)
		coap_put_text(&w, 64, "longer");
	m.options_len = coap_end(&w);
	struct plain *p = cacheable(q) && m.code == COAP_VALID ? known(q) : NULL;
	bool given = sos_cache_store(c, now, &k, &m, &a), want = p && etag && p->etag == etag;
	FUZZ_CHECK(given == want || (!room && !given), "validated %d, not %d", given, want);
	if (given) {
		p->at = now, p->max_age = max_age;
		check_answer(p, now, &a);
	} else if (m.code != COAP_VALID || !cacheable(q)) {
		learn(now, q, m.code, etag, max_age, y);
	} else if (want) {
		p->there = false; /* the cache had no room for it */
	}
}

static void check_bounds(const struct sos_cache *c, lan_time now, uint32_t entries, size_t octets)
{
	struct sos_cache_stats s;
	struct sos_cache_answer a;
	uint32_t slave, n = 0;
	char path[16];

	sos_cache_stats(c, &s);
	FUZZ_CHECK(s.entries <= entries && s.octets <= octets, "%u entries, %zu octets", s.entries, s.octets);
	for (; sos_cache_entry(c, now, n, &slave, path, sizeof path, &a); n++)
		FUZZ_CHECK(slave >= 1 && slave <= SLAVES && *path, "an entry of nobody");
	FUZZ_CHECK(n == s.entries, "%u entries, and %u counted", n, s.entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {3, 4};
	struct sos_cache *c = NULL;

	if (!size || size > 2000)
		return 0;
	bool room = data[0] & 1;
	uint32_t entries = room ? ALL : data[0] >> 1 & 7;
	size_t octets = room ? 1 << 20 : 4u * (data[0] >> 4);
	if (sos_cache_new(seed, entries, octets, &c))
		abort();
	n_all = 0;
	lan_time now = LAN_SEC(1000);
	for (const uint8_t *p = data + 1, *end = data + size; end - p >= 4; p += 4) {
		struct asked q = asked_of(p[0], p[1]);
		if (p[0] < 0xc0)
			(p[1] & 0x40 ? store(c, now, &q, p[2], p[3], room) : find(c, now, &q, room));
		else if (p[0] < 0xf0)
			now += LAN_MS(100) * p[2];
		else
			sos_cache_forget(c, p[2] % (SLAVES + 1));
		for (size_t i = 0; p[0] >= 0xf0 && i < n_all; i++)
			all[i].there &= p[2] % (SLAVES + 1) && all[i].asked.slave != p[2] % (SLAVES + 1);
		check_bounds(c, now, entries, octets);
	}
	sos_cache_free(c);
	return 0;
}
