/*
 * ring.c - the byte queue of ring.h.
 */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

void lan_ring_init(struct lan_ring *r, uint32_t max)
{
	*r = (struct lan_ring){.max = max};
}

void lan_ring_fini(struct lan_ring *r)
{
	free(r->buf);
	*r = (struct lan_ring){.max = r->max};
}

static void compact(struct lan_ring *r)
{
	size_t len = lan_ring_len(r);
	if (len)
		memmove(r->buf, lan_ring_at(r, r->head), len);
	r->base = r->head;
}

/* Memory for n more bytes behind len, without letting compaction become frequent. */
static uint32_t capacity(const struct lan_ring *r, size_t need)
{
	uint64_t limit = 2 * (uint64_t)r->max, cap = r->cap ? r->cap : 256;
	limit = limit > UINT32_MAX ? UINT32_MAX : limit;
	while (cap < need + need / 2 && cap < limit)
		cap *= 2;
	return (uint32_t)(cap > limit ? limit : cap);
}

enum lan_err lan_ring_make_room(struct lan_ring *r, size_t n, uint8_t **out)
{
	size_t len = lan_ring_len(r);
	if (n > r->max - len)
		return LAN_ERR_FULL;
	uint32_t cap = r->cap;
	if (len + n > r->cap)
		cap = capacity(r, len + n);
	else if (r->head - r->base < r->cap / 2)
		cap = capacity(r, r->cap);
	if (cap > r->cap) {
		uint8_t *buf = malloc(cap);
		if (!buf)
			return LAN_ERR_NOMEM;
		if (len)
			memcpy(buf, lan_ring_at(r, r->head), len);
		free(r->buf);
		r->buf = buf;
		r->cap = cap;
		r->base = r->head;
	}
	if (n > r->cap - (r->tail - r->base))
		compact(r);
	*out = r->buf + (r->tail - r->base);
	return LAN_OK;
}

enum lan_err lan_ring_put(struct lan_ring *r, const void *p, size_t n)
{
	uint8_t *to;
	enum lan_err e = lan_ring_room(r, n, &to);
	if (e)
		return e;
	memcpy(to, p, n);
	lan_ring_commit(r, n);
	return LAN_OK;
}

void lan_ring_drop(struct lan_ring *r, size_t n)
{
	r->head += n;
	if (r->head == r->tail)
		r->base = r->head;
}

void lan_ring_trim(struct lan_ring *r)
{
	if (r->buf && r->head == r->tail) {
		free(r->buf);
		r->buf = NULL;
		r->cap = 0;
		r->base = r->head;
	}
}
