/*
 * ring.h - a bounded queue of bytes in one linear piece of memory.
 *
 * Bytes are addressed by a position that only grows (head..tail), so that a
 * record can be remembered across growth and compaction. Linear rather than
 * wrapped: a record is always one contiguous view. Compaction is amortised:
 * it happens when at least half of the memory is free at the front, which is why
 * a full queue has twice the memory. Memory is
 * taken when first needed and given back by lan_ring_fini or lan_ring_trim.
 */
#ifndef LAN_BASE_RING_H
#define LAN_BASE_RING_H

#include <stddef.h>
#include <lanyard/err.h>

struct lan_ring {
	uint8_t *buf;
	uint64_t base;       /* position of buf[0] */
	uint64_t head, tail; /* base <= head <= tail <= base + cap */
	uint32_t cap, max;   /* bytes of memory, at most twice `max`; bytes allowed in the queue */
};

void lan_ring_init(struct lan_ring *r, uint32_t max);
void lan_ring_fini(struct lan_ring *r);

static inline size_t lan_ring_len(const struct lan_ring *r)
{
	return (size_t)(r->tail - r->head);
}

/* View of the byte at a position in head..tail, valid until the next lan_ring_room. */
static inline uint8_t *lan_ring_at(const struct lan_ring *r, uint64_t pos)
{
	return r->buf + (pos - r->base);
}

/* Make room at the tail by moving or growing: the slow half of lan_ring_room. */
LAN_WUR enum lan_err lan_ring_make_room(struct lan_ring *r, size_t n, uint8_t **out);

/* Room for n more bytes at the tail. LAN_ERR_FULL: over max; LAN_ERR_NOMEM. */
LAN_WUR static inline enum lan_err lan_ring_room(struct lan_ring *r, size_t n, uint8_t **out)
{
	size_t used = (size_t)(r->tail - r->base);
	if (n > r->cap - used || n > r->max - lan_ring_len(r))
		return lan_ring_make_room(r, n, out);
	*out = r->buf + used;
	return LAN_OK;
}

/* The first n bytes of the room now belong to the queue. */
static inline void lan_ring_commit(struct lan_ring *r, size_t n)
{
	r->tail += n;
}

/* Append a copy. Errors of lan_ring_room. */
LAN_WUR enum lan_err lan_ring_put(struct lan_ring *r, const void *p, size_t n);

/* Forget the first n bytes. */
void lan_ring_drop(struct lan_ring *r, size_t n);

/* Give the memory back if the queue is empty. */
void lan_ring_trim(struct lan_ring *r);

#endif
