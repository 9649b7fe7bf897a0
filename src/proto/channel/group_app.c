/*
 * group_app.c - the sealed group core as the application sees it: made from a
 * configuration, fed messages, asked for events, keys, counters and senders.
 */
#include "proto/channel/group_int.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

#define DATAGRAM    1472
#define QUEUE       (4u << 20)
#define EVENTS      (4u << 20)
#define PARTIAL     (16u << 20)
#define HISTORY     4096
#define BLOCK       32
#define SENDERS     256
#define PATIENCE    LAN_SEC(1)
#define REORDER     LAN_MS(20)
#define PRESENCE    LAN_SEC(1)
#define PARITY_MAX  16
#define PARITY_ROOM 4 /* a parity frame is so much longer than what it covers */

static uint32_t or (uint32_t v, uint32_t dflt)
{
	return v ? v : dflt;
}

static bool valid_keys(const struct chan_keys *k)
{
	if (k->n < 1 || k->n > CHAN_EPOCHS_MAX ||
		(k->cipher != LAN_AEAD_XCHACHA20 && k->cipher != LAN_AEAD_AES256GCM))
		return false;
	for (size_t i = 1; i < k->n; i++)
		if (k->key[i].epoch <= k->key[i - 1].epoch)
			return false;
	return true;
}

static bool valid(const struct chan_config *cfg)
{
	uint32_t datagram = or (cfg->max_datagram, DATAGRAM), history = or (cfg->history, HISTORY);
	return (unsigned)cfg->mode <= CHAN_RELIABLE && cfg->channel &&
	       strlen(cfg->channel) <= CHAN_CHANNEL_MAX && valid_keys(&cfg->keys) &&
	       cfg->max_message <= CHAN_MESSAGE_MAX && datagram >= CHAN_DATAGRAM_MIN &&
	       datagram <= CHAN_DATAGRAM_MAX && history >= 64 && history <= 65536 &&
	       cfg->parity <= PARITY_MAX && cfg->block <= CHAN_BLOCK_MAX && cfg->max_senders <= CHAN_MARKS &&
	       (!cfg->name ||
		       (strlen(cfg->name) < CHAN_NAME_MAX && lan_utf8_valid(cfg->name, strlen(cfg->name))));
}

static enum lan_err take_members(struct chan *c, const struct chan_members *m)
{
	uint8_t(*keys)[32] = NULL;
	if (m->n) {
		keys = malloc(m->n * sizeof *keys);
		if (!keys)
			return LAN_ERR_NOMEM;
		for (size_t i = 0; i < m->n; i++)
			memcpy(keys[i], m->member[i].public_key, 32);
	}
	free(c->members);
	c->members = keys;
	c->n_members = m->n;
	return LAN_OK;
}

static void take_identity(struct chan *c, const struct chan_config *cfg)
{
	if (cfg->identity) {
		memcpy(c->identity, cfg->identity, LAN_SIGN_SECRET);
		c->has_identity = true;
		c->me = chan_sender_of(c->identity + 32);
	} else {
		c->me = (cfg->sender ? cfg->sender : chan_random(c)) & ~CHAN_SIGNED_BIT;
		c->me |= !c->me;
	}
	c->boot = chan_random(c);
	c->counter = cfg->counter ? cfg->counter : 1;
	c->counter_limit = cfg->counter_limit;
}

static void take_numbers(struct chan *c, const struct chan_config *cfg)
{
	c->mode = cfg->mode;
	c->silent = cfg->silent;
	c->hear_self = cfg->hear_self;
	c->flow = cfg->flow && cfg->mode == CHAN_RELIABLE;
	c->block = (uint8_t) or (cfg->block, BLOCK);
	c->parity = (uint8_t)cfg->parity;
	c->history = or (cfg->history, HISTORY);
	c->late = cfg->late;
	c->max_message = or (cfg->max_message, CHAN_MESSAGE_MAX);
	c->max_partial = or (cfg->max_partial, PARTIAL);
	c->max_datagram = or (cfg->max_datagram, DATAGRAM);
	c->reorder = cfg->reorder ? cfg->reorder : REORDER;
	c->presence = cfg->presence ? cfg->presence : PRESENCE;
	if (c->presence < LAN_MS(10))
		c->presence = LAN_MS(10);
	if (cfg->name)
		memcpy(c->name, cfg->name, strlen(cfg->name));
}

static enum lan_err make_parts(struct chan *c, lan_time now, const struct chan_config *cfg)
{
	bool any_parity = c->parity || c->mode == CHAN_RELIABLE;
	uint32_t room = c->max_datagram - CHAN_OVERHEAD - (c->has_identity ? CHAN_SIGNATURE : 0) -
			(any_parity ? PARITY_ROOM : 0);
	uint32_t keep = c->mode == CHAN_RELIABLE ? c->history : c->parity ? 2u * c->block : 0;
	uint32_t events = or (cfg->max_events, EVENTS), least = 2 * c->max_message + 65536;
	chan_inbox_init(&c->inbox, events < least ? least : events);
	chan_log_init(&c->log, or (cfg->max_queue, QUEUE), keep, (uint16_t)room, c->block);
	chan_pace_init(&c->pace, cfg->rate, c->mode == CHAN_RELIABLE, now);
	/* In order, what is unfinished waits for the order, not for a time. */
	lan_time patience = c->mode == CHAN_BEST_EFFORT ? PATIENCE : LAN_NEVER;
	uint32_t senders = or (cfg->max_senders, SENDERS);
	enum lan_err e = lan_timers_reserve(&c->timers, senders + CHAN_T_N);
	if (!e)
		e = chan_reasm_new(c->max_partial, 4 * senders, patience, &c->reasm);
	if (!e)
		e = chan_peers_init(c, senders);
	if (!e)
		e = chan_repair_init(c);
	return e ? e : take_members(c, &cfg->members);
}

enum lan_err chan_new(
	const struct lan_env *env, lan_time now, const struct chan_config *cfg, struct chan **out)
{
	if (!valid(cfg))
		return LAN_ERR_INVAL;
	struct chan *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->env = *env;
	c->flow_dirty = true;
	c->keys = cfg->keys;
	lan_timers_init(&c->timers);
	chan_id_of(cfg->channel, c->id);
	take_numbers(c, cfg);
	take_identity(c, cfg);
	enum lan_err e = make_parts(c, now, cfg);
	if (e) {
		chan_free(c);
		return e;
	}
	chan_presence_init(c, now);
	chan_choose_key(c, now);
	chan_arm(c, CHAN_T_PRESENCE, chan_presence_deadline(c));
	*out = c;
	return LAN_OK;
}

void chan_free(struct chan *c)
{
	if (!c)
		return;
	chan_peers_fini(c);
	chan_repair_fini(c);
	chan_log_fini(&c->log);
	chan_reasm_free(c->reasm);
	chan_inbox_fini(&c->inbox);
	lan_timers_fini(&c->timers);
	lan_aead_free(c->tx);
	lan_aead_free(c->scratch);
	free(c->members);
	lan_wipe(c, sizeof *c);
	free(c);
}

/* What this member says is an event to itself too. */
static void hear(struct chan *c, lan_time now, uint64_t msg, const void *data, size_t n)
{
	struct chan_event ev = {.kind = CHAN_MESSAGE,
		.sender = c->me,
		.name = c->name,
		.verified = c->has_identity,
		.seq = msg,
		.epoch = c->tx_epoch,
		.at = now};
	if (chan_put_message(c, &ev, data, n))
		return;
	chan_count(c, CHAN_C_EVENTS);
	ev = (struct chan_event){.kind = CHAN_LOST,
		.sender = c->me,
		.name = c->name,
		.first = msg,
		.last = msg,
		.count = 1,
		.reason = "not pulled",
		.at = now};
	c->stats.lost_messages += chan_inbox_put(&c->inbox, &ev);
}

enum lan_err chan_send(struct chan *c, lan_time now, const void *data, size_t n, uint64_t *seq)
{
	uint64_t msg;
	if (c->leaving)
		return LAN_ERR_CLOSED;
	if (n > c->max_message)
		return LAN_ERR_TOOBIG;
	enum lan_err e = chan_log_put(&c->log, c->flow ? CHAN_DATA_CONFIRM : 0, data, n, &msg);
	if (e)
		return e;
	c->stats.tx_messages++;
	c->stats.tx_bytes += n;
	if (c->hear_self)
		hear(c, now, msg, data, n);
	if (seq)
		*seq = msg;
	return LAN_OK;
}

bool chan_event(struct chan *c, struct chan_event *ev)
{
	if (chan_inbox_pull(&c->inbox, ev))
		return true;
	if (!c->n_stuck)
		return false;
	chan_rx_resume(c, c->now);
	return chan_inbox_pull(&c->inbox, ev);
}

void chan_leave(struct chan *c, lan_time now)
{
	c->leaving = true;
	c->presence_at = c->silent ? LAN_NEVER : now;
}

size_t chan_pending(const struct chan *c)
{
	uint64_t sent = c->log.next_tx - 1, min = c->flow ? chan_flow_min((struct chan *)c) : UINT64_MAX;
	size_t waiting = c->log.queued_bytes;
	return waiting + (min < sent ? (size_t)(sent - min) : 0);
}

enum lan_err chan_rekey(
	struct chan *c, lan_time now, const struct chan_keys *keys, const struct chan_members *members)
{
	if (!valid_keys(keys))
		return LAN_ERR_INVAL;
	enum lan_err e = take_members(c, members);
	if (e)
		return e;
	if (keys->cipher != c->keys.cipher) {
		lan_aead_free(c->tx);
		c->tx = NULL;
	}
	/* Every key is derived anew: an epoch's bytes may be others now. */
	chan_peers_forget_keys(c);
	lan_aead_free(c->scratch);
	c->scratch = NULL;
	c->keys = *keys;
	chan_choose_key(c, now);
	return LAN_OK;
}

bool chan_wants_keys(struct chan *c)
{
	bool wants = c->wants_keys;
	c->wants_keys = false;
	return wants;
}

uint64_t chan_counter_wanted(const struct chan *c)
{
	if (!c->counter_limit || c->counter + CHAN_STEP / 2 < c->counter_limit)
		return 0;
	return (c->counter > c->counter_limit ? c->counter : c->counter_limit) + CHAN_STEP;
}

void chan_counter_reserved(struct chan *c, uint64_t limit)
{
	if (limit > c->counter_limit)
		c->counter_limit = limit;
}

bool chan_mark(const struct chan *c, size_t i, uint64_t *sender, uint64_t *counter)
{
	const struct chan_peers *t = &c->peers;
	if (i < t->n_marks) { /* these first: where not all fit, the oldest are the ones to go */
		*sender = t->mark[i].sender;
		*counter = t->mark[i].counter;
		return true;
	}
	i -= t->n_marks;
	if (i >= t->n)
		return false;
	const struct lan_seqwin *w = &t->peer[i].win;
	*sender = t->peer[i].id;
	*counter = w->highest > w->floor ? w->highest : w->floor;
	return true;
}

enum lan_err chan_mark_set(struct chan *c, uint64_t sender, uint64_t counter)
{
	return chan_mark_put(c, &(struct chan_mark){.sender = sender, .counter = counter});
}

void chan_status(const struct chan *c, struct chan_status *out)
{
	uint64_t sent = c->log.next_tx - 1, min = chan_flow_min((struct chan *)c);
	*out = c->stats;
	out->sender = c->me;
	out->epoch = c->tx_epoch;
	out->members = c->n_present + 1;
	out->queued_bytes = c->log.queued_bytes;
	out->unconfirmed = c->flow && min < sent ? (uint32_t)(sent - min) : 0;
}

bool chan_sender(const struct chan *c, size_t i, struct chan_sender *out)
{
	if (i >= c->peers.n)
		return false;
	const struct chan_peer *p = &c->peers.peer[i];
	*out = (struct chan_sender){.id = p->id,
		.name = p->name,
		.from = p->from,
		.present = p->present,
		.verified = p->verified,
		.since = p->since,
		.last = p->last,
		.epoch = p->epoch,
		.rx_messages = p->rx_messages,
		.rx_bytes = p->rx_bytes,
		.rx_datagrams = p->rx_datagrams,
		.lost_datagrams = p->lost_before + p->win.highest - p->count_from - p->distinct,
		.repaired = p->repaired,
		.duplicates = p->duplicates,
		.reordered = p->reordered,
		.lost_messages = p->lost_messages};
	return true;
}
