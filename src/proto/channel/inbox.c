/*
 * inbox.c - the queue of events of event.h.
 *
 * Entries lie one behind the other in chunks: a head of one cache line, the
 * data and its NUL, the name, and for the few events that have them a tail
 * with ranges and a reason. A chunk is filled once, read once and then used
 * again; nothing is ever moved, so a view lives until the next call and the
 * cost of an event does not depend on how many wait. While the application
 * keeps up, everything happens in one chunk that stays in the cache. An entry
 * too large for sharing gets a chunk of its own.
 *
 * Refused: a message beyond `max` bytes held, heads counted (empty messages
 * take memory too); another event beyond EXTRA more. A message of `max` bytes
 * always fits into an empty queue.
 */
#include "proto/channel/event.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 131008u /* just below where glibc would map pages for each */
#define LARGE (CHUNK / 4)
#define EXTRA (64u << 10)

struct chan_chunk {
	struct chan_chunk *next;
	size_t cap, used;
	uint8_t mem[];
};

struct head {
	uint64_t sender, seq;
	lan_time at;
	struct lan_from from;
	uint32_t len, size; /* of the data; of the entry */
	uint8_t kind, name_len;
	bool text, verified, more;
};

struct more {
	uint64_t first, last, count;
	const char *reason;
	uint32_t epoch;
};

_Static_assert(sizeof(struct head) <= 64, "one cache line");

static size_t up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static size_t size_of(size_t n)
{
	return up8(sizeof(struct head) + n + 1);
}

void chan_inbox_init(struct chan_inbox *b, uint32_t max)
{
	*b = (struct chan_inbox){.max = max};
}

static void free_all(struct chan_chunk *c)
{
	while (c) {
		struct chan_chunk *next = c->next;
		free(c);
		c = next;
	}
}

void chan_inbox_fini(struct chan_inbox *b)
{
	free_all(b->first);
	free(b->spare);
	chan_inbox_init(b, b->max);
}

static size_t held(const struct chan_inbox *b)
{
	return b->used - b->given;
}

bool chan_inbox_empty(const struct chan_inbox *b)
{
	return !held(b);
}

bool chan_inbox_fits(const struct chan_inbox *b, size_t n)
{
	return n <= b->max && held(b) + size_of(n) <= size_of(b->max);
}

/* Keep one chunk of the common size for the next need. */
static void retire(struct chan_inbox *b, struct chan_chunk *c)
{
	if (b->spare || c->cap != CHUNK)
		free(c);
	else
		b->spare = c;
}

/* Drop the entry handed out last, and the chunks that are empty now. */
static void settle(struct chan_inbox *b)
{
	b->lent = 0;
	b->read += b->given;
	b->used -= b->given;
	b->given = 0;
	while (b->first && b->read == b->first->used) {
		struct chan_chunk *c = b->first;
		b->read = 0;
		if (c == b->last && c->cap == CHUNK) {
			c->used = 0;
			return;
		}
		b->first = c->next;
		if (!b->first)
			b->last = NULL;
		retire(b, c);
	}
}

/* `need` bytes in a row behind the last entry. */
static uint8_t *reserve(struct chan_inbox *b, size_t need)
{
	struct chan_chunk *c = b->last;
	if (c && need <= c->cap - c->used)
		return c->mem + c->used;
	size_t cap = need > LARGE ? need : CHUNK;
	c = cap == CHUNK ? b->spare : NULL;
	if (c)
		b->spare = NULL;
	else if (!(c = malloc(sizeof *c + cap)))
		return NULL;
	c->next = NULL;
	c->cap = cap;
	c->used = 0;
	if (b->last)
		b->last->next = c;
	else
		b->first = c;
	b->last = c;
	return c->mem;
}

/* The most an entry of n bytes can take, whatever its event is. */
static size_t most(size_t n)
{
	return up8(size_of(n) + CHAN_NAME_MAX) + up8(sizeof(struct more));
}

uint8_t *chan_inbox_room(struct chan_inbox *b, size_t n)
{
	settle(b);
	if (!chan_inbox_fits(b, n))
		return NULL;
	uint8_t *to = reserve(b, most(n));
	if (!to)
		return NULL;
	b->lent = n + 1;
	return to + sizeof(struct head);
}

/* The variable parts behind the data; the entry's size. */
static size_t put_tail(struct head *h, const struct chan_event *ev)
{
	uint8_t *at = (uint8_t *)h;
	size_t n = sizeof *h + h->len;
	at[n++] = 0;
	if (h->name_len) {
		memcpy(at + n, ev->name, h->name_len);
		n += h->name_len;
		at[n++] = 0;
	}
	n = up8(n);
	if (!h->more)
		return n;
	struct more m = {ev->first, ev->last, ev->count, ev->reason, ev->epoch};
	memcpy(at + n, &m, sizeof m);
	return n + up8(sizeof m);
}

bool chan_inbox_put(struct chan_inbox *b, const struct chan_event *ev)
{
	size_t lent = ev->len ? b->lent : 0;
	if (ev->len >= (lent ? lent : 1))
		return false;
	if (lent) /* and so nothing to settle: room did, and what it lent must stay */
		b->lent = 0;
	else
		settle(b);
	size_t limit = size_of(b->max) + (ev->kind == CHAN_MESSAGE ? 0 : EXTRA);
	if (held(b) + size_of(ev->len) > limit)
		return false;
	/* What was lent is found again: it is more than this, and where this would be. */
	struct head *h = (struct head *)reserve(b, most(0));
	if (!h)
		return false;
	const char *name = ev->name ? ev->name : "";
	*h = (struct head){.sender = ev->sender,
		.seq = ev->seq,
		.at = ev->at,
		.from = ev->from,
		.len = (uint32_t)ev->len,
		.kind = (uint8_t)ev->kind,
		.name_len = *name ? (uint8_t)strnlen(name, CHAN_NAME_MAX - 1) : 0,
		.text = ev->text,
		.verified = ev->verified,
		.more = ev->first || ev->last || ev->count || ev->epoch || ev->reason};
	h->size = (uint32_t)put_tail(h, ev);
	b->last->used += h->size;
	b->used += h->size;
	return true;
}

static void get(const struct head *h, struct chan_event *ev)
{
	const uint8_t *at = (const uint8_t *)(h + 1);
	struct more m = {0};
	if (h->more)
		memcpy(&m, (const uint8_t *)h + h->size - up8(sizeof m), sizeof m);
	*ev = (struct chan_event){.kind = (enum chan_event_kind)h->kind,
		.sender = h->sender,
		.from = h->from,
		.name = h->name_len ? (const char *)at + h->len + 1 : "",
		.data = at,
		.len = h->len,
		.text = h->text,
		.verified = h->verified,
		.seq = h->seq,
		.first = m.first,
		.last = m.last,
		.count = m.count,
		.epoch = m.epoch,
		.reason = m.reason,
		.at = h->at};
}

bool chan_inbox_pull(struct chan_inbox *b, struct chan_event *ev)
{
	settle(b);
	if (!b->used)
		return false;
	const struct head *h = (const struct head *)(b->first->mem + b->read);
	get(h, ev);
	b->given = h->size;
	return true;
}
