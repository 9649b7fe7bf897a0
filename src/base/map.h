/*
 * map.h - from a short byte string to a 32-bit index. Open addressing, linear
 * probing, no removal (what is known stays known). Keys are not copied: the
 * owner lends them through a callback-free view kept in the slot. Hashing is
 * SipHash-1-3 under a secret seed, so that a peer who chooses the keys cannot
 * choose the collisions.
 */
#ifndef LAN_BASE_MAP_H
#define LAN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

struct lan_map {
	struct lan_map_slot {
		const char *key; /* borrowed from the owner for the life of the map */
		uint32_t hash, value;
	} * slots;
	uint32_t len, cap; /* cap is a power of two or 0 */
	uint64_t seed[2];
};

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
uint64_t lan_siphash(const uint64_t seed[2], const void *p, size_t n);

void lan_map_init(struct lan_map *m, const uint64_t seed[2]);
void lan_map_fini(struct lan_map *m);
/* True and *value if the NUL-terminated key is there. */
bool lan_map_get(const struct lan_map *m, const char *key, uint32_t *value);
/* Add a key that is not there. `key` must outlive the map. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_map_add(struct lan_map *m, const char *key, uint32_t value);

#endif
