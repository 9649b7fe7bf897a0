/*
 * cache.h - answers of slaves that may be given again (RFC 7252 section 5.6): keyed by slave, method and all
 * options that are part of the cache key, payload of FETCH included; fresh for Max-Age (60 s if absent);
 * revalidated by ETag (2.03); requests that are identical and on their way are one. Pure; bounded by entries
 * and octets, the least recently used goes first. Not for what the key leaves out: Observe, Block, Size.
 */
#ifndef LAN_PROTO_SOS_CACHE_H
#define LAN_PROTO_SOS_CACHE_H

#include "proto/coap/option.h"

struct sos_cache;
struct sos_cache_answer {
	uint8_t code;
	const uint8_t *options; /* of the stored response; views until the next call on the cache */
	size_t options_len;
	const uint8_t *payload;
	size_t len;
	uint32_t age, max_age; /* seconds; fresh while age < max_age */
	const uint8_t *etag;   /* NULL: none */
	size_t etag_len;
};
/* STALE: *out has an ETag to ask with; a 2.03 then makes it fresh again. Not MISS: *out is filled. */
enum sos_cache_found { SOS_CACHE_MISS, SOS_CACHE_FRESH, SOS_CACHE_STALE };

struct sos_cache_stats {
	uint64_t hits, misses, revalidated, stored, evicted, invalidated;
	uint32_t entries;
	size_t octets;
};

LAN_WUR enum lan_err sos_cache_new(
	const uint64_t seed[2], uint32_t max_entries, size_t max_octets, struct sos_cache **out);
void sos_cache_free(struct sos_cache *c);

/* Request given as code, its options (any, in order; those not part of the key are passed over) and payload.
 * All borrowed during the call. */
struct sos_cache_key {
	uint32_t slave;
	uint8_t code;
	const uint8_t *options;
	size_t options_len;
	const void *payload;
	size_t len;
};
enum sos_cache_found sos_cache_find(
	struct sos_cache *c, lan_time now, const struct sos_cache_key *k, struct sos_cache_answer *out);
/* A response came: stores 2.05 to GET and FETCH; 2.03 freshens the entry it validates; any success of another
 * method forgets the slave's entries of that path, and of Location-Path. Max-Age 0 is not stored. True: *out
 * is the answer to give from the cache (2.03). */
bool sos_cache_store(struct sos_cache *c, lan_time now, const struct sos_cache_key *k,
	const struct coap_msg *resp, struct sos_cache_answer *out);
/* May one answer serve both requests, which are on their way at the same time? GET and FETCH with the same
 * key and the same ETags. */
bool sos_cache_same(const struct sos_cache_key *a, const struct sos_cache_key *b);
/* The slave associated anew, moved, or is gone. 0: all. */
void sos_cache_forget(struct sos_cache *c, uint32_t slave);
void sos_cache_stats(const struct sos_cache *c, struct sos_cache_stats *out);
/* Entry number i (0..), most recently used first, for listings: slave, and the text of its path. */
bool sos_cache_entry(const struct sos_cache *c, lan_time now, size_t i, uint32_t *slave, char *path,
	size_t cap, struct sos_cache_answer *out);

#endif
