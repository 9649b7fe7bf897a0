/*
 * cache.c - see cache.h. What may be given again and when (RFC 7252 sections 5.6, 5.8 and 5.9.1, RFC 7641
 * section 3.2, RFC 8132 section 2.1).
 *
 * In the key: the slave, the method, every option that is part of the cache key, and the payload of FETCH.
 * Not in it: options whose number says so, and those the cache or the engine deals with itself: ETag
 * (validation), Observe (RFC 7641: an answer is good with and without), Block1 and Block2 (bodies are whole
 * here).
 *
 * Not stored: answers with an option that is unsafe and not known, those with Max-Age 0, and those that alone
 * are larger than the cache. An answer in class 4 to a request whose answer is here ends that one: it is
 * gone.
 */
#include "base/map.h"
#include "proto/sos/cache_table.h"

#define DEFAULT_MAX_AGE 60

/* --- keys ---------------------------------------------------------------------------- */

static bool in_key(uint32_t number)
{
	return coap_is_cache_key(number) && number != COAP_ETAG && number != COAP_OBSERVE &&
	       number != COAP_BLOCK1 && number != COAP_BLOCK2;
}

static bool cacheable(uint8_t method)
{
	return method == COAP_GET || method == COAP_FETCH;
}

static struct coap_options run_of(const uint8_t *options, size_t len)
{
	return (struct coap_options){.p = options, .end = len ? options + len : options};
}

/* A request's key. False: its options are none, or too many. */
static bool key_of(struct sos_cache *c, const struct sos_cache_key *k, struct cache_key *out)
{
	struct coap_options o = run_of(k->options, k->options_len);
	struct coap_wr w = coap_begin_options(c->key, sizeof c->key);

	while (coap_options_next(&o))
		if (in_key(o.number))
			coap_put(&w, o.number, o.value, o.len);
	if (w.w.bad || o.p != o.end)
		return false;
	*out = (struct cache_key){
		.slave = k->slave, .code = k->code, .options = c->key, .options_len = w.w.off};
	if (k->code == COAP_FETCH)
		out->payload = k->payload, out->len = k->len;
	out->hash =
		cache_hash(c, out->slave, out->code, out->options, out->options_len, out->payload, out->len);
	return true;
}

/* The next option that tells one request from another. */
static bool next_that_counts(struct coap_options *o)
{
	while (coap_options_next(o))
		if (in_key(o->number) || o->number == COAP_ETAG)
			return true;
	return false;
}

static bool equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

bool sos_cache_same(const struct sos_cache_key *a, const struct sos_cache_key *b)
{
	struct coap_options x = run_of(a->options, a->options_len), y = run_of(b->options, b->options_len);

	if (a->slave != b->slave || a->code != b->code || !cacheable(a->code))
		return false;
	if (a->code == COAP_FETCH && !equal(a->payload, a->len, b->payload, b->len))
		return false;
	for (;;) {
		bool more = next_that_counts(&x);
		if (more != next_that_counts(&y))
			return false;
		if (!more)
			return x.p == x.end && y.p == y.end;
		if (x.number != y.number || !equal(x.value, x.len, y.value, y.len))
			return false;
	}
}

/* Of a slave and a path, given as the values of an option. */
static uint64_t path_hash(
	const struct sos_cache *c, uint32_t slave, const uint8_t *options, size_t len, uint32_t number)
{
	struct coap_options o = run_of(options, len);
	uint64_t hash = slave;
	uint8_t both[16];

	while (coap_options_next(&o)) {
		if (o.number != number)
			continue;
		lan_put_be64(both, hash);
		lan_put_be64(both + 8, lan_siphash(c->seed, o.value, o.len));
		hash = lan_siphash(c->seed, both, sizeof both);
	}
	return hash;
}

/* --- answers --------------------------------------------------------------------------- */

static uint32_t age_of(const struct cache_entry *e, lan_time now)
{
	lan_time age = now > e->at ? (now - e->at) / LAN_SEC(1) : 0;

	return age < UINT32_MAX ? (uint32_t)age : UINT32_MAX;
}

static struct coap_msg as_message(const uint8_t *options, size_t len)
{
	return (struct coap_msg){.options = options, .options_len = len};
}

static void answer(const struct cache_entry *e, lan_time now, struct sos_cache_answer *out)
{
	*out = (struct sos_cache_answer){.code = e->answer,
		.options = cache_answer_options(e),
		.options_len = e->options,
		.payload = cache_answer_payload(e),
		.len = e->payload,
		.age = age_of(e, now),
		.max_age = e->max_age};
	struct coap_msg m = as_message(out->options, out->options_len);
	if (!coap_find(&m, COAP_ETAG, 0, &out->etag, &out->etag_len))
		out->etag = NULL;
}

enum sos_cache_found sos_cache_find(
	struct sos_cache *c, lan_time now, const struct sos_cache_key *k, struct sos_cache_answer *out)
{
	struct sos_cache_answer found;
	struct cache_key key;

	if (!cacheable(k->code))
		return SOS_CACHE_MISS;
	uint32_t i = key_of(c, k, &key) ? cache_lookup(c, &key) : NO_ENTRY;
	if (i == NO_ENTRY) {
		c->stats.misses++;
		return SOS_CACHE_MISS;
	}
	answer(c->entries + i, now, &found);
	bool fresh = found.age < found.max_age;
	*(fresh ? &c->stats.hits : &c->stats.misses) += 1;
	if (!fresh && !found.etag) { /* no way to make it fresh again */
		cache_drop(c, i);
		return SOS_CACHE_MISS;
	}
	cache_touch(c, i);
	*out = found;
	return fresh ? SOS_CACHE_FRESH : SOS_CACHE_STALE;
}

/* --- storing ----------------------------------------------------------------------------- */

static uint32_t max_age_of(const struct coap_msg *m)
{
	uint64_t v;

	return coap_find_uint(m, COAP_MAX_AGE, &v) ? (uint32_t)v : DEFAULT_MAX_AGE;
}

/* What belongs to the exchange and not to the answer. */
static bool of_exchange(uint32_t number)
{
	return number == COAP_OBSERVE || number == COAP_BLOCK1 || number == COAP_BLOCK2 ||
	       number == COAP_SIZE1 || number == COAP_SIZE2 || number == COAP_ECHO;
}

static bool stores(const struct coap_msg *resp)
{
	struct coap_options o = coap_options_of(resp);

	while (coap_options_next(&o))
		if (coap_is_unsafe(o.number) && !coap_option_info(o.number))
			return false;
	return resp->code == COAP_CONTENT && max_age_of(resp) > 0;
}

static bool has(const struct coap_msg *m, uint32_t number)
{
	struct coap_options o = coap_options_of(m);

	while (coap_options_next(&o))
		if (o.number == number)
			return true;
	return false;
}

/* Options of an answer into the cache's `answer`: those of `first`, and of `second` those of which `first`
 * has none (RFC 7252 section 5.9.1.3). Max-Age is that of `first` or none. */
static size_t merge(struct sos_cache *c, const struct coap_msg *first, const struct coap_msg *second)
{
	struct coap_wr w = coap_begin_options(c->answer, sizeof c->answer);
	struct coap_options a = coap_options_of(first), b = coap_options_of(second);
	bool more_a = coap_options_next(&a), more_b = coap_options_next(&b);

	while (more_a || more_b) {
		bool take_a = more_a && (!more_b || a.number <= b.number);
		const struct coap_options *o = take_a ? &a : &b;
		if (!of_exchange(o->number) &&
			(take_a || (o->number != COAP_MAX_AGE && !has(first, o->number))))
			coap_put(&w, o->number, o->value, o->len);
		if (take_a)
			more_a = coap_options_next(&a);
		else
			more_b = coap_options_next(&b);
	}
	return coap_end(&w);
}

static void put(struct sos_cache *c, lan_time now, const struct sos_cache_key *k, const struct cache_key *key,
	const struct coap_msg *resp)
{
	size_t n = merge(c, resp, &(struct coap_msg){0});
	uint32_t i = cache_add(
		c, key, path_hash(c, k->slave, k->options, k->options_len, COAP_URI_PATH), n, resp->len);

	if (i == NO_ENTRY)
		return;
	struct cache_entry *e = c->entries + i;
	if (n)
		memcpy(cache_answer_options(e), c->answer, n);
	if (resp->len)
		memcpy(cache_answer_payload(e), resp->payload, resp->len);
	e->answer = resp->code;
	e->at = now, e->max_age = max_age_of(resp);
	c->stats.stored++;
}

/* 2.03 for entry i: is it about the answer that is here? Then that is fresh again. */
static bool validated(struct sos_cache *c, lan_time now, uint32_t i, const struct coap_msg *resp)
{
	struct cache_entry *e = c->entries + i;
	struct coap_msg old = as_message(cache_answer_options(e), e->options);
	const uint8_t *ours, *theirs;
	size_t our_len, their_len;

	if (!coap_find(&old, COAP_ETAG, 0, &ours, &our_len) ||
		!coap_find(resp, COAP_ETAG, 0, &theirs, &their_len) ||
		!equal(ours, our_len, theirs, their_len))
		return false;
	e->at = now, e->max_age = max_age_of(resp);
	size_t n = merge(c, resp, &old);
	if (n) /* it holds the ETag at least; 0: they are too many together. Whatever fails, the old ones
		  stay. */
		(void)cache_set_options(c, i, c->answer, n);
	c->stats.revalidated++;
	return true;
}

/* Every answer of a slave's path, whatever its other options. */
static void forget_path(
	struct sos_cache *c, uint32_t slave, const uint8_t *options, size_t len, uint32_t number)
{
	uint64_t hash = path_hash(c, slave, options, len, number);

	for (uint32_t i = c->heads[BY_PATH][hash & c->mask], next; i != NO_ENTRY; i = next) {
		next = c->entries[i].chain[BY_PATH];
		if (c->entries[i].hash[BY_PATH] != hash || c->entries[i].slave != slave)
			continue;
		c->stats.invalidated++;
		cache_drop(c, i);
	}
}

/* What an unsafe method changed: the resource asked, and the one it says it has made (section 5.9.1.1). */
static void changed(struct sos_cache *c, const struct sos_cache_key *k, const struct coap_msg *resp)
{
	if (COAP_CLASS(resp->code) != 2)
		return;
	forget_path(c, k->slave, k->options, k->options_len, COAP_URI_PATH);
	if (has(resp, COAP_LOCATION_PATH))
		forget_path(c, k->slave, resp->options, resp->options_len, COAP_LOCATION_PATH);
}

bool sos_cache_store(struct sos_cache *c, lan_time now, const struct sos_cache_key *k,
	const struct coap_msg *resp, struct sos_cache_answer *out)
{
	struct cache_key key;

	if (!cacheable(k->code)) {
		changed(c, k, resp);
		return false;
	}
	if (!key_of(c, k, &key))
		return false;
	uint32_t i = cache_lookup(c, &key);
	if (resp->code == COAP_VALID) {
		if (i == NO_ENTRY || !validated(c, now, i, resp))
			return false;
		answer(c->entries + i, now, out);
		return true;
	}
	if (i != NO_ENTRY && (COAP_CLASS(resp->code) == 2 || COAP_CLASS(resp->code) == 4))
		cache_drop(c, i);
	if (stores(resp))
		put(c, now, k, &key, resp);
	return false;
}

/* --- the rest ------------------------------------------------------------------------------ */

void sos_cache_forget(struct sos_cache *c, uint32_t slave)
{
	for (uint32_t i = c->newest, older; i != NO_ENTRY; i = older) {
		older = c->entries[i].older;
		if (slave && c->entries[i].slave != slave)
			continue;
		c->stats.invalidated++;
		cache_drop(c, i);
	}
}

void sos_cache_stats(const struct sos_cache *c, struct sos_cache_stats *out)
{
	*out = c->stats;
}

bool sos_cache_entry(const struct sos_cache *c, lan_time now, size_t i, uint32_t *slave, char *path,
	size_t cap, struct sos_cache_answer *out)
{
	uint32_t at = c->newest;

	while (at != NO_ENTRY && i-- > 0)
		at = c->entries[at].older;
	if (at == NO_ENTRY)
		return false;
	const struct cache_entry *e = c->entries + at;
	struct coap_msg m = as_message(e->block, e->key_options);
	if (cap && coap_path(&m, COAP_URI_PATH, path, cap))
		*path = 0;
	*slave = e->slave;
	answer(e, now, out);
	return true;
}
