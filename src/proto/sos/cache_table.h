/*
 * cache_table.h - the entries of the cache (cache.h): one block of memory each, found by the hash of the
 * whole key and by that of slave and path, in order of their use. Knows sizes and bounds, no rules.
 */
#ifndef LAN_PROTO_SOS_CACHE_TABLE_H
#define LAN_PROTO_SOS_CACHE_TABLE_H

#include "proto/sos/cache.h"

#define NO_ENTRY UINT32_MAX

/* Indexes into the table; a chain for each of the two hashes. */
enum { BY_KEY, BY_PATH, INDEXES };

struct cache_entry {
	uint64_t hash[INDEXES];
	uint32_t chain[INDEXES];
	uint32_t newer,
		older; /* used after and before this one; of a free place: older is the next free one */
	uint32_t slave, max_age;
	uint8_t code, answer;
	lan_time at; /* when it was fresh */
	/* One block: options and payload of the request that are in the key, then those of the answer. */
	uint8_t *block;
	size_t key_options, key_payload, options, payload;
};

/* A request's key without what is not part of it; its options are in the cache's `key`. */
struct cache_key {
	uint32_t slave;
	uint8_t code;
	const uint8_t *options;
	size_t options_len;
	const void *payload;
	size_t len;
	uint64_t hash;
};

struct sos_cache {
	uint64_t seed[2];
	size_t max_octets;
	uint32_t max_entries, mask; /* of the chains' heads */
	uint32_t newest, oldest, free;
	struct cache_entry *entries;
	uint32_t *heads[INDEXES];
	struct sos_cache_stats stats;
	uint8_t key[COAP_DATAGRAM], answer[COAP_DATAGRAM]; /* options in the making */
};

uint64_t cache_hash(const struct sos_cache *c, uint32_t slave, uint8_t code, const void *options,
	size_t options_len, const void *payload, size_t len);
uint32_t cache_lookup(const struct sos_cache *c, const struct cache_key *k);
/* It was used: the last to go. */
void cache_touch(struct sos_cache *c, uint32_t i);
void cache_drop(struct sos_cache *c, uint32_t i);
/* A new entry with room for an answer; others go if need be. NO_ENTRY: it is too large, or no memory. */
uint32_t cache_add(
	struct sos_cache *c, const struct cache_key *k, uint64_t path, size_t options_len, size_t len);

/* Other options for an answer; others go if need be. False: too large, or no memory; nothing changed. */
bool cache_set_options(struct sos_cache *c, uint32_t i, const uint8_t *options, size_t len);

static inline uint8_t *cache_answer_options(const struct cache_entry *e)
{
	return e->block + e->key_options + e->key_payload;
}
static inline uint8_t *cache_answer_payload(const struct cache_entry *e)
{
	return cache_answer_options(e) + e->options;
}

#endif
