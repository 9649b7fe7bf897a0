/*
 * reasm.c - see reasm.h.
 *
 * A partial message is its memory and one bit for each byte that is there, so
 * what is kept of it is bounded by its length however small the pieces are and
 * in whatever order they come. Partials hang in a hash table by (owner, msg)
 * and in a list by their last new fragment, the oldest first: patience ends, and
 * room is made, at its head. A partial that is given up loses its memory at
 * once and waits in a second list until its number is asked for.
 *
 * Refused: fragments beyond their message, of another total, overlapping what
 * came before without being contained in it; messages larger than all memory.
 * The caller drains chan_reasm_gone after each chan_reasm_add; of what it leaves
 * there, the oldest numbers are forgotten beyond max_count.
 */
#include "proto/channel/reasm.h"

#include <stdlib.h>
#include <string.h>

struct partial {
	struct partial *prev, *next; /* in one of the lists */
	struct partial *chain;       /* in its bucket */
	uint64_t owner, msg;
	lan_time last;
	uint32_t total, left; /* bytes: of the message, still missing */
	uint8_t *data;        /* total bytes */
	uint64_t *have;       /* bits; one piece of memory with data */
};

struct list {
	struct partial *first, *last;
	uint32_t n;
};

struct chan_reasm {
	uint32_t max_bytes, max_count, mask;
	lan_time patience;
	size_t bytes;
	struct list live, gone;
	uint64_t *whole; /* memory of the message handed out last */
	struct partial *bucket[];
};

static void append(struct list *l, struct partial *p)
{
	p->next = NULL;
	p->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = p;
	l->last = p;
	l->n++;
}

static void take_out(struct list *l, struct partial *p)
{
	*(p->prev ? &p->prev->next : &l->first) = p->next;
	*(p->next ? &p->next->prev : &l->last) = p->prev;
	l->n--;
}

/* Who may choose numbers holds the group key and can do no more than make max_count steps of a search. */
static struct partial **bucket_of(struct chan_reasm *r, uint64_t owner, uint64_t msg)
{
	uint64_t h = (owner * UINT64_C(0x9e3779b97f4a7c15)) ^ msg;
	h *= UINT64_C(0xff51afd7ed558ccd);
	return &r->bucket[(h >> 32) & r->mask];
}

static struct partial *find(struct chan_reasm *r, uint64_t owner, uint64_t msg)
{
	struct partial *p = *bucket_of(r, owner, msg);
	while (p && (p->msg != msg || p->owner != owner))
		p = p->chain;
	return p;
}

enum lan_err chan_reasm_new(
	uint32_t max_bytes, uint32_t max_count, lan_time patience, struct chan_reasm **out)
{
	size_t buckets = 16;
	while (buckets < max_count && buckets < 65536)
		buckets *= 2;
	struct chan_reasm *r = calloc(1, sizeof *r + buckets * sizeof *r->bucket);
	if (!r)
		return LAN_ERR_NOMEM;
	r->max_bytes = max_bytes;
	r->max_count = max_count;
	r->mask = (uint32_t)(buckets - 1);
	r->patience = patience;
	*out = r;
	return LAN_OK;
}

/* Out of the table and the list of the living; its memory is the caller's now. */
static uint64_t *unlink_partial(struct chan_reasm *r, struct partial *p)
{
	struct partial **at = bucket_of(r, p->owner, p->msg);
	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	take_out(&r->live, p);
	r->bytes -= p->total;
	return p->have;
}

static void forget(struct chan_reasm *r, struct partial *p)
{
	free(unlink_partial(r, p));
	free(p);
}

static void forget_gone(struct chan_reasm *r, struct partial *p)
{
	take_out(&r->gone, p);
	free(p);
}

static void give_up(struct chan_reasm *r, struct partial *p)
{
	free(unlink_partial(r, p));
	append(&r->gone, p);
	if (r->gone.n > r->max_count)
		forget_gone(r, r->gone.first);
}

static void release(struct chan_reasm *r)
{
	free(r->whole);
	r->whole = NULL;
}

void chan_reasm_free(struct chan_reasm *r)
{
	if (!r)
		return;
	while (r->live.first)
		forget(r, r->live.first);
	while (r->gone.first)
		forget_gone(r, r->gone.first);
	release(r);
	free(r);
}

/* The memory of a message: first the bits, then the bytes. */
static bool get_memory(struct partial *p, uint32_t total)
{
	size_t bits = ((size_t)total + 63) / 64 * sizeof *p->have;
	p->have = malloc(bits + total);
	if (!p->have)
		return false;
	memset(p->have, 0, bits);
	p->data = (uint8_t *)p->have + bits;
	p->total = p->left = total;
	return true;
}

static enum lan_err begin(struct chan_reasm *r, const struct chan_fragment *f, struct partial **out)
{
	if (f->total > r->max_bytes || !r->max_count)
		return LAN_ERR_TOOBIG;
	while (r->live.n >= r->max_count || r->bytes + f->total > r->max_bytes)
		give_up(r, r->live.first);
	struct partial *p = malloc(sizeof *p);
	if (!p || !get_memory(p, f->total)) {
		free(p);
		return LAN_ERR_NOMEM;
	}
	p->owner = f->owner;
	p->msg = f->msg;
	struct partial **at = bucket_of(r, f->owner, f->msg);
	p->chain = *at;
	*at = p;
	append(&r->live, p);
	r->bytes += f->total;
	*out = p;
	return LAN_OK;
}

/* The bits of word number i that stand for bytes from..to-1. */
static uint64_t mask_of(size_t i, size_t from, size_t to)
{
	uint64_t m = ~UINT64_C(0);
	if (i == from / 64)
		m <<= from % 64;
	if (i == (to - 1) / 64)
		m &= ~UINT64_C(0) >> (63 - (to - 1) % 64);
	return m;
}

/* How many of the bytes from..to-1 are there: 0 none, 1 some, 2 all. */
static int there(const struct partial *p, size_t from, size_t to)
{
	bool some = false, all = true;
	for (size_t i = from / 64; i <= (to - 1) / 64; i++) {
		uint64_t m = mask_of(i, from, to), have = p->have[i] & m;
		some |= have != 0;
		all &= have == m;
	}
	return all ? 2 : some;
}

static void fill(struct partial *p, const struct chan_fragment *f)
{
	size_t from = f->offset, to = from + f->len;
	memcpy(p->data + from, f->data, f->len);
	for (size_t i = from / 64; i <= (to - 1) / 64; i++)
		p->have[i] |= mask_of(i, from, to);
	p->left -= (uint32_t)f->len;
}

static bool in_bounds(const struct chan_fragment *f)
{
	return f->len && f->len <= f->total && f->offset <= f->total - f->len;
}

enum lan_err chan_reasm_add(
	struct chan_reasm *r, lan_time now, const struct chan_fragment *f, const uint8_t **whole)
{
	release(r);
	struct partial *p = find(r, f->owner, f->msg);
	int had = 0;
	if (in_bounds(f) && (!p || p->total == f->total))
		had = p ? there(p, f->offset, f->offset + f->len) : 0;
	else
		had = 1;
	if (had == 2)
		return LAN_ERR_EXISTS;
	if (had == 1) {
		if (p)
			forget(r, p);
		return LAN_ERR_PROTO;
	}
	if (!p) {
		enum lan_err e = begin(r, f, &p);
		if (e)
			return e;
	}
	fill(p, f);
	p->last = now;
	take_out(&r->live, p);
	append(&r->live, p);
	*whole = NULL;
	if (p->left)
		return LAN_OK;
	*whole = p->data;
	r->whole = unlink_partial(r, p);
	free(p);
	return LAN_OK;
}

void chan_reasm_drop(struct chan_reasm *r, uint64_t owner, uint64_t msg)
{
	struct partial *p, *next;
	release(r);
	for (p = r->live.first; p; p = next) {
		next = p->next;
		if (p->owner == owner && (!msg || p->msg == msg))
			forget(r, p);
	}
	for (p = r->gone.first; p; p = next) {
		next = p->next;
		if (p->owner == owner && (!msg || p->msg == msg))
			forget_gone(r, p);
	}
}

static lan_time end_of(const struct chan_reasm *r, const struct partial *p)
{
	return p->last < LAN_NEVER - r->patience ? p->last + r->patience : LAN_NEVER;
}

bool chan_reasm_gone(struct chan_reasm *r, lan_time now, uint64_t *owner, uint64_t *msg)
{
	release(r);
	if (!r->gone.first && r->live.first && end_of(r, r->live.first) <= now)
		give_up(r, r->live.first);
	struct partial *p = r->gone.first;
	if (!p)
		return false;
	*owner = p->owner;
	*msg = p->msg;
	forget_gone(r, p);
	return true;
}

lan_time chan_reasm_deadline(const struct chan_reasm *r)
{
	if (r->gone.first)
		return 0;
	return r->live.first ? end_of(r, r->live.first) : LAN_NEVER;
}

size_t chan_reasm_bytes(const struct chan_reasm *r)
{
	return r->bytes;
}
