/*
 * map.c - the string map of map.h.
 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline __attribute__((always_inline)) void sipround(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t lan_siphash(const uint64_t seed[2], const void *p, size_t n)
{
	const uint8_t *in = p;
	uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
	uint64_t last = (uint64_t)n << 56;
	for (; n >= 8; n -= 8, in += 8) {
		uint64_t m;
		memcpy(&m, in, 8);
		v[3] ^= m;
		sipround(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)in[i] << (8 * i);
	v[3] ^= last;
	sipround(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sipround(v);
	sipround(v);
	sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void lan_map_init(struct lan_map *m, const uint64_t seed[2])
{
	*m = (struct lan_map){.seed = {seed[0], seed[1]}};
}

void lan_map_fini(struct lan_map *m)
{
	free(m->slots);
	m->slots = NULL;
	m->len = m->cap = 0;
}

static uint32_t hash(const struct lan_map *m, const char *key)
{
	return (uint32_t)lan_siphash(m->seed, key, strlen(key));
}

/* The slot that holds the key, or the free one where it would go. */
static struct lan_map_slot *find(const struct lan_map *m, const char *key, uint32_t h)
{
	uint32_t i = h & (m->cap - 1);
	while (m->slots[i].key && (m->slots[i].hash != h || strcmp(m->slots[i].key, key) != 0))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

bool lan_map_get(const struct lan_map *m, const char *key, uint32_t *value)
{
	if (!m->len)
		return false;
	const struct lan_map_slot *s = find(m, key, hash(m, key));
	if (!s->key)
		return false;
	*value = s->value;
	return true;
}

static enum lan_err grow(struct lan_map *m)
{
	struct lan_map bigger = *m;
	bigger.cap = m->cap ? m->cap * 2 : 16;
	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return LAN_ERR_NOMEM;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return LAN_OK;
}

enum lan_err lan_map_add(struct lan_map *m, const char *key, uint32_t value)
{
	if (m->len + m->len / 4 + 1 > m->cap) {
		enum lan_err e = grow(m);
		if (e)
			return e;
	}
	uint32_t h = hash(m, key);
	*find(m, key, h) = (struct lan_map_slot){key, h, value};
	m->len++;
	return LAN_OK;
}
