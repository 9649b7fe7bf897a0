/*
 * msock_senders.c - see msock_senders.h: entries that never move, chains of
 * equal hash, and one list from the silent longest to the heard last. Hashing is
 * SipHash under a secret seed, so that nobody can choose addresses that collide.
 */
#include "proto/channel/msock_senders.h"

#include <stdlib.h>
#include <string.h>
#include "base/map.h"

enum lan_err msock_senders_init(struct msock_senders *s, uint32_t max, const uint64_t seed[2])
{
	uint32_t buckets = 16;

	while (buckets < max)
		buckets *= 2;
	*s = (struct msock_senders){.max = max,
		.mask = buckets - 1,
		.oldest = MSOCK_NOBODY,
		.newest = MSOCK_NOBODY,
		.seed = {seed[0], seed[1]}};
	s->entry = calloc(max, sizeof *s->entry);
	s->bucket = malloc(buckets * sizeof *s->bucket);
	if (!s->entry || !s->bucket) {
		msock_senders_fini(s);
		return LAN_ERR_NOMEM;
	}
	memset(s->bucket, 0xff, buckets * sizeof *s->bucket);
	for (uint32_t i = 0; i < max; i++)
		s->entry[i].chain = i + 1 < max ? i + 1 : MSOCK_NOBODY;
	return LAN_OK;
}

void msock_senders_fini(struct msock_senders *s)
{
	free(s->entry);
	free(s->bucket);
	*s = (struct msock_senders){0};
}

static uint32_t *bucket_of(struct msock_senders *s, const struct lan_from *from)
{
	uint8_t key[18];

	memcpy(key, from->addr, 16);
	memcpy(key + 16, &from->port, 2);
	return &s->bucket[lan_siphash(s->seed, key, sizeof key) & s->mask];
}

static bool same(const struct lan_from *a, const struct lan_from *b)
{
	return a->port == b->port && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

struct msock_sender_entry *msock_senders_find(struct msock_senders *s, const struct lan_from *from)
{
	if (s->newest != MSOCK_NOBODY && same(&s->entry[s->newest].from, from))
		return &s->entry[s->newest]; /* one sender in a row is the rule */
	for (uint32_t i = *bucket_of(s, from); i != MSOCK_NOBODY; i = s->entry[i].chain)
		if (same(&s->entry[i].from, from))
			return &s->entry[i];
	return NULL;
}

static void unlist(struct msock_senders *s, struct msock_sender_entry *e)
{
	*(e->older == MSOCK_NOBODY ? &s->oldest : &s->entry[e->older].newer) = e->newer;
	*(e->newer == MSOCK_NOBODY ? &s->newest : &s->entry[e->newer].older) = e->older;
}

static void list_last(struct msock_senders *s, struct msock_sender_entry *e)
{
	uint32_t i = (uint32_t)(e - s->entry);

	e->older = s->newest;
	e->newer = MSOCK_NOBODY;
	*(s->newest == MSOCK_NOBODY ? &s->oldest : &s->entry[s->newest].newer) = i;
	s->newest = i;
}

struct msock_sender_entry *msock_senders_add(
	struct msock_senders *s, const struct lan_from *from, lan_time now)
{
	uint32_t *bucket = bucket_of(s, from), i = s->unused;
	struct msock_sender_entry *e = &s->entry[i];

	s->unused = e->chain;
	*e = (struct msock_sender_entry){
		.from = *from, .since = now, .last = now, .chain = *bucket, .used = true};
	*bucket = i;
	list_last(s, e);
	s->n++;
	return e;
}

void msock_senders_touch(struct msock_senders *s, struct msock_sender_entry *e, lan_time now)
{
	e->last = now;
	if (e->newer == MSOCK_NOBODY)
		return;
	unlist(s, e);
	list_last(s, e);
}

struct msock_sender_entry *msock_senders_oldest(struct msock_senders *s)
{
	return s->oldest == MSOCK_NOBODY ? NULL : &s->entry[s->oldest];
}

void msock_senders_remove(struct msock_senders *s, struct msock_sender_entry *e)
{
	uint32_t i = (uint32_t)(e - s->entry), *at = bucket_of(s, &e->from);

	while (*at != i)
		at = &s->entry[*at].chain;
	*at = e->chain;
	unlist(s, e);
	e->used = false;
	e->chain = s->unused;
	s->unused = i;
	s->n--;
}

const struct msock_sender_entry *msock_senders_at(const struct msock_senders *s, size_t i)
{
	for (uint32_t k = 0; k < s->max && i < s->n; k++)
		if (s->entry[k].used && i-- == 0)
			return &s->entry[k];
	return NULL;
}
