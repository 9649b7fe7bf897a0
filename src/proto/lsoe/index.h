/*
 * index.h - the entries of a list found by their prefix, so that long lists are changed in the time their
 * length takes. The list may grow behind the index's back (offsets stay); what is added is told with
 * lsoe_index_put.
 */
#ifndef LAN_LSOE_INDEX_H
#define LAN_LSOE_INDEX_H

#include "proto/lsoe/lsoe.h"

struct lsoe_index {
	const uint64_t *seed; /* secret: neighbours choose the prefixes */
	const struct lsoe_list *list;
	uint8_t type;
	uint32_t cap;   /* a power of two, never full */
	uint32_t *slot; /* offset + 1; 0: empty */
};

/* With room for `more` entries than the list has. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lsoe_index_init(
	struct lsoe_index *x, const uint64_t seed[2], const struct lsoe_list *l, uint8_t type, uint32_t more);
void lsoe_index_fini(struct lsoe_index *x);
/* The entry with the prefix of `e`; false: none. */
bool lsoe_index_find(const struct lsoe_index *x, const struct lsoe_entry *e, size_t *at);
/* The entry at offset `at`: new, or instead of another with its prefix. */
void lsoe_index_put(struct lsoe_index *x, size_t at);

#endif
