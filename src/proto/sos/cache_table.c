/*
 * cache_table.c - see cache_table.h.
 */
#include "proto/sos/cache_table.h"

#include <stdlib.h>
#include "base/map.h"

enum lan_err sos_cache_new(
	const uint64_t seed[2], uint32_t max_entries, size_t max_octets, struct sos_cache **out)
{
	uint32_t heads = 1;

	while (heads < max_entries && heads < 1u << 31)
		heads *= 2;
	struct sos_cache *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->entries = calloc(max_entries ? max_entries : 1u, sizeof *c->entries);
	for (int x = 0; x < INDEXES; x++)
		c->heads[x] = malloc(heads * sizeof *c->heads[x]);
	if (!c->entries || !c->heads[BY_KEY] || !c->heads[BY_PATH]) {
		sos_cache_free(c);
		return LAN_ERR_NOMEM;
	}
	memcpy(c->seed, seed, sizeof c->seed);
	c->max_entries = max_entries, c->max_octets = max_octets, c->mask = heads - 1;
	memset(c->heads[BY_KEY], 0xff, heads * sizeof *c->heads[BY_KEY]);
	memset(c->heads[BY_PATH], 0xff, heads * sizeof *c->heads[BY_PATH]);
	c->newest = c->oldest = c->free = NO_ENTRY;
	for (uint32_t i = max_entries; i-- > 0; c->free = i)
		c->entries[i].older = c->free;
	*out = c;
	return LAN_OK;
}

void sos_cache_free(struct sos_cache *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; c->entries && i < c->max_entries; i++)
		free(c->entries[i].block);
	for (int x = 0; x < INDEXES; x++)
		free(c->heads[x]);
	free(c->entries);
	free(c);
}

uint64_t cache_hash(const struct sos_cache *c, uint32_t slave, uint8_t code, const void *options,
	size_t options_len, const void *payload, size_t len)
{
	uint8_t all[4 + 1 + 8 + 8];

	lan_put_be32(all, slave);
	all[4] = code;
	lan_put_be64(all + 5, lan_siphash(c->seed, options, options_len));
	lan_put_be64(all + 13, lan_siphash(c->seed, payload, len));
	return lan_siphash(c->seed, all, sizeof all);
}

static bool equal(const uint8_t *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

uint32_t cache_lookup(const struct sos_cache *c, const struct cache_key *k)
{
	uint32_t i = c->heads[BY_KEY][k->hash & c->mask];

	for (; i != NO_ENTRY; i = c->entries[i].chain[BY_KEY]) {
		const struct cache_entry *e = c->entries + i;
		if (e->hash[BY_KEY] == k->hash && e->slave == k->slave && e->code == k->code &&
			equal(e->block, e->key_options, k->options, k->options_len) &&
			equal(e->block + e->key_options, e->key_payload, k->payload, k->len))
			break;
	}
	return i;
}

/* --- chains and the order of use ------------------------------------------------------------ */

static void chain_in(struct sos_cache *c, int x, uint32_t i)
{
	uint32_t *head = c->heads[x] + (c->entries[i].hash[x] & c->mask);

	c->entries[i].chain[x] = *head;
	*head = i;
}

static void chain_out(struct sos_cache *c, int x, uint32_t i)
{
	uint32_t *link = c->heads[x] + (c->entries[i].hash[x] & c->mask);

	while (*link != i)
		link = &c->entries[*link].chain[x];
	*link = c->entries[i].chain[x];
}

static void order_out(struct sos_cache *c, uint32_t i)
{
	const struct cache_entry *e = c->entries + i;

	*(e->newer == NO_ENTRY ? &c->newest : &c->entries[e->newer].older) = e->older;
	*(e->older == NO_ENTRY ? &c->oldest : &c->entries[e->older].newer) = e->newer;
}

static void order_in(struct sos_cache *c, uint32_t i)
{
	c->entries[i].newer = NO_ENTRY;
	c->entries[i].older = c->newest;
	*(c->newest == NO_ENTRY ? &c->oldest : &c->entries[c->newest].newer) = i;
	c->newest = i;
}

void cache_touch(struct sos_cache *c, uint32_t i)
{
	if (c->newest == i)
		return;
	order_out(c, i);
	order_in(c, i);
}

static size_t octets(const struct cache_entry *e)
{
	return e->key_options + e->key_payload + e->options + e->payload;
}

void cache_drop(struct sos_cache *c, uint32_t i)
{
	struct cache_entry *e = c->entries + i;

	for (int x = 0; x < INDEXES; x++)
		chain_out(c, x, i);
	order_out(c, i);
	c->stats.entries--;
	c->stats.octets -= octets(e);
	free(e->block);
	*e = (struct cache_entry){.older = c->free};
	c->free = i;
}

static void evict(struct sos_cache *c)
{
	c->stats.evicted++;
	cache_drop(c, c->oldest);
}

uint32_t cache_add(
	struct sos_cache *c, const struct cache_key *k, uint64_t path, size_t options_len, size_t len)
{
	size_t n = k->options_len + k->len + options_len + len;

	if (!c->max_entries || n > c->max_octets)
		return NO_ENTRY;
	uint8_t *block = malloc(n ? n : 1u);
	if (!block)
		return NO_ENTRY;
	while (c->free == NO_ENTRY || c->stats.octets + n > c->max_octets)
		evict(c);
	uint32_t i = c->free;
	struct cache_entry *e = c->entries + i;
	c->free = e->older;
	*e = (struct cache_entry){.hash = {k->hash, path},
		.slave = k->slave,
		.code = k->code,
		.block = block,
		.key_options = k->options_len,
		.key_payload = k->len,
		.options = options_len,
		.payload = len};
	if (k->options_len)
		memcpy(block, k->options, k->options_len);
	if (k->len)
		memcpy(block + k->options_len, k->payload, k->len);
	for (int x = 0; x < INDEXES; x++)
		chain_in(c, x, i);
	order_in(c, i);
	c->stats.entries++;
	c->stats.octets += n;
	return i;
}

bool cache_set_options(struct sos_cache *c, uint32_t i, const uint8_t *options, size_t len)
{
	struct cache_entry *e = c->entries + i;
	size_t key = e->key_options + e->key_payload;

	if (key + len + e->payload > c->max_octets)
		return false;
	if (len != e->options) {
		uint8_t *block = malloc(key + len + e->payload + 1);
		if (!block)
			return false;
		memcpy(block, e->block, key);
		memcpy(block + key + len, cache_answer_payload(e), e->payload);
		free(e->block);
		c->stats.octets = c->stats.octets - e->options + len;
		e->block = block, e->options = len;
	}
	if (len)
		memcpy(e->block + key, options, len);
	cache_touch(c, i);
	while (c->stats.octets > c->max_octets && c->oldest != i)
		evict(c);
	return true;
}
