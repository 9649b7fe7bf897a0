/*
 * peers.c - who is on the channel: a table of fixed size, found by id through a
 * keyed hash. Only who proved to hold the group key gets a place. When the
 * table is full, the one that is gone longest gives way and leaves a mark, the
 * highest counter accepted of it, so that nothing of it can be replayed later;
 * while all are present, newcomers are refused and counted.
 * docs/protocols/channel.md sections 3 and 8.
 */
#include "proto/channel/group_int.h"

#include <stdlib.h>
#include <string.h>
#include "base/map.h"

#define NONE          UINT32_MAX
#define GONE_PAUSES   4
#define GONE_AT_LEAST LAN_SEC(1)

enum lan_err chan_peers_init(struct chan *c, uint32_t max)
{
	struct chan_peers *t = &c->peers;
	uint32_t slots = 16;
	while (slots < 2 * max)
		slots *= 2;
	c->env.entropy(c->env.ctx, t->seed, sizeof t->seed);
	t->max = max;
	t->slots = slots;
	t->recent = NONE;
	t->peer = calloc(max, sizeof *t->peer);
	t->slot = calloc(slots, sizeof *t->slot);
	return t->peer && t->slot ? LAN_OK : LAN_ERR_NOMEM;
}

static void peer_fini(struct chan *c, struct chan_peer *p)
{
	chan_rx_reset(c, p);
	for (int i = 0; i < 2; i++)
		lan_aead_free(p->key[i].aead);
}

void chan_peers_fini(struct chan *c)
{
	struct chan_peers *t = &c->peers;
	for (uint32_t i = 0; i < t->n; i++)
		peer_fini(c, &t->peer[i]);
	free(t->peer);
	free(t->slot);
	free(t->mark);
}

static uint32_t slot_of(const struct chan_peers *t, uint64_t id)
{
	return (uint32_t)lan_siphash(t->seed, &id, sizeof id) & (t->slots - 1);
}

struct chan_peer *chan_peer_find(struct chan *c, uint64_t id)
{
	struct chan_peers *t = &c->peers;
	if (t->recent < t->n && t->peer[t->recent].id == id)
		return &t->peer[t->recent];
	for (uint32_t s = slot_of(t, id); t->slot[s]; s = (s + 1) & (t->slots - 1))
		if (t->peer[t->slot[s] - 1].id == id) {
			t->recent = t->slot[s] - 1u;
			return &t->peer[t->recent];
		}
	return NULL;
}

static void insert(struct chan_peers *t, uint32_t i)
{
	uint32_t s = slot_of(t, t->peer[i].id);
	while (t->slot[s])
		s = (s + 1) & (t->slots - 1);
	t->slot[s] = (uint16_t)(i + 1);
}

const struct chan_mark *chan_mark_find(const struct chan *c, uint64_t id)
{
	for (uint32_t i = 0; i < c->peers.n_marks; i++)
		if (c->peers.mark[i].sender == id)
			return &c->peers.mark[i];
	return NULL;
}

enum lan_err chan_mark_put(struct chan *c, const struct chan_mark *m)
{
	struct chan_peers *t = &c->peers;
	if (!t->mark)
		t->mark = calloc(CHAN_MARKS, sizeof *t->mark);
	if (!t->mark)
		return LAN_ERR_NOMEM;
	struct chan_mark *gap = (struct chan_mark *)chan_mark_find(c, m->sender);
	uint64_t least = gap ? gap->counter : 0;
	if (!gap && t->n_marks == CHAN_MARKS)
		gap = t->mark;
	if (gap)
		memmove(gap, gap + 1, (size_t)(t->mark + --t->n_marks - gap) * sizeof *gap);
	struct chan_mark *newest = &t->mark[t->n_marks++];
	*newest = *m;
	if (newest->counter < least)
		newest->counter = least;
	return LAN_OK;
}

/* The one that is gone longest; NONE if all are present. What waits for the application keeps its place. */
static uint32_t gone_longest(const struct chan_peers *t)
{
	uint32_t best = NONE;
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->peer[i].present && !t->peer[i].rx.stuck &&
			(best == NONE || t->peer[i].last < t->peer[best].last))
			best = i;
	return best;
}

/* Its place goes to another: what it still owes is lost, what was had of it is remembered. False: not now. */
static bool give_way(struct chan *c, struct chan_peer *p)
{
	struct chan_mark m = {.sender = p->id, .boot = p->boot};
	m.counter = p->win.highest > p->win.floor ? p->win.highest : p->win.floor;
	if (!chan_rx_finish(c, p, c->now, "forgotten"))
		return false;
	chan_rx_remember(c, p, &m.next, &m.next_msg);
	if (chan_mark_put(c, &m) != LAN_OK)
		return false;
	c->n_asking -= p->asking;
	return true;
}

/* The table has a place at *i, with its old holder gone for good. */
static bool make_place(struct chan *c, uint32_t *i)
{
	struct chan_peers *t = &c->peers;
	if (t->n < t->max) {
		*i = t->n++;
		return true;
	}
	*i = gone_longest(t);
	if (*i == NONE || !give_way(c, &t->peer[*i]))
		return false;
	lan_timers_unset(&c->timers, &t->peer[*i].timer);
	peer_fini(c, &t->peer[*i]);
	memset(&t->peer[*i], 0, sizeof t->peer[*i]);
	memset(t->slot, 0, t->slots * sizeof *t->slot);
	for (uint32_t k = 0; k < t->n; k++)
		if (k != *i)
			insert(t, k);
	return true;
}

struct chan_peer *chan_peer_add(struct chan *c, lan_time now, uint64_t id, uint64_t floor)
{
	uint32_t i;
	if (!make_place(c, &i))
		return NULL;
	struct chan_peer *p = &c->peers.peer[i];
	p->id = id;
	p->since = p->last = now;
	p->opened = LAN_NEVER;
	p->interval_ms = (uint32_t)(c->presence / LAN_MS(1)) * 4;
	lan_seqwin_init(&p->win, floor);
	chan_rx_reset(c, p);
	insert(&c->peers, i);
	c->peers.recent = i;
	return p;
}

void chan_peer_heard(struct chan *c, struct chan_peer *p, lan_time now, const struct lan_from *from)
{
	p->last = now;
	p->from = *from;
	if (p->present)
		return;
	p->present = true;
	p->since = now;
	p->moved = now;
	c->n_present++;
	chan_tell(c, p, &(struct chan_event){.kind = CHAN_JOINED, .at = now, .verified = p->verified});
}

void chan_peer_gone(struct chan *c, struct chan_peer *p, lan_time now, const char *why)
{
	if (!p->present)
		return;
	p->present = p->listens = false;
	p->since = now;
	c->n_present--;
	chan_tell(c, p,
		&(struct chan_event){.kind = CHAN_LEFT, .at = now, .verified = p->verified, .reason = why});
}

lan_time chan_peer_gone_at(const struct chan_peer *p)
{
	lan_time patience = LAN_MS(1) * p->interval_ms * GONE_PAUSES;
	return p->present ? p->last + (patience < GONE_AT_LEAST ? GONE_AT_LEAST : patience) : LAN_NEVER;
}

void chan_peers_forget_keys(struct chan *c)
{
	for (uint32_t i = 0; i < c->peers.n; i++)
		for (int k = 0; k < 2; k++) {
			struct chan_peer_key *key = &c->peers.peer[i].key[k];
			lan_aead_free(key->aead);
			*key = (struct chan_peer_key){0};
		}
}
