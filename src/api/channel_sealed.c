/*
 * channel_sealed.c - what only a sealed channel has: keys that are read again
 * when an unknown epoch is met, a counter that is written down before it is
 * used, marks of the others that are written down at most once a second.
 *
 * Counters are handed to the core in steps of 2^20, each on the disk first. If
 * it cannot be written the core stops sending at the limit it has; that is told
 * as LAN_CHANNEL_KEY with an error. docs/protocols/channel.md section 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/channel_int.h"
#include "api/channel_keys.h"
#include "api/entropy.h"
#include "crypto/crypto.h"

#define STEP        (UINT64_C(1) << 20)
#define SAVE_PAUSE  LAN_SEC(1)
#define REKEY_PAUSE LAN_SEC(1)
/* Key files are looked at this often: one that was rotated brings an epoch that nobody sends with yet, and
 * somebody may have set the clock their times go by. */
#define LOOK_PAUSE LAN_SEC(5)
#define CLOCK_STEP LAN_SEC(1)

/* The reason is copied: sentences live in one place per thread. */
static void tell(struct lan_channel *c, enum lan_err e, const char *what)
{
	c->key_err = e;
	snprintf(c->key_why, sizeof c->key_why, "%s", what);
	c->tell_key = true;
}

static void note_error(struct lan_channel *c, enum lan_err e, const char *what)
{
	c->state_failures++;
	if (c->state_err != e) {
		c->state_err = e;
		tell(c, e, what);
	}
}

/* --- counter and marks --------------------------------------------------------- */

static void reserve(struct lan_channel *c, uint64_t limit)
{
	uint64_t before = c->state->reserved;
	c->state->reserved = limit;
	enum lan_err e = channel_state_write(c->state);
	if (e) {
		c->state->reserved = before;
		note_error(c, e,
			"the state directory cannot be written; sending stops at the last counter written "
			"down");
		return;
	}
	c->state_err = LAN_OK;
	chan_counter_reserved(c->chan, limit);
}

static void take_marks(struct lan_channel *c)
{
	uint64_t sender, counter;
	channel_state_clear_marks(c->state);
	for (size_t i = 0; chan_mark(c->chan, i, &sender, &counter); i++)
		if (channel_state_mark(c->state, sender, counter))
			break;
}

/* Marks are written by a thread (a sync takes its time), but for the last ones, which must be there. */
static void save_marks(struct lan_channel *c, bool now)
{
	static const char trouble[] = "the state directory cannot be written; a restart would accept replays";
	struct chan_status st;
	enum lan_err e;
	if (state_writer_done(c->state->writer, &e)) {
		if (e)
			note_error(c, e, trouble);
		else
			c->marked_at = c->marking_at;
	}
	chan_status(c->chan, &st);
	if (st.rx_datagrams == c->marked_at)
		return;
	take_marks(c);
	e = now ? channel_state_write(c->state) : channel_state_write_later(c->state);
	if (!e && !now)
		c->marking_at = st.rx_datagrams;
	else if (e && e != LAN_ERR_AGAIN)
		note_error(c, e, trouble);
}

static uint64_t unix_microseconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec > 0 ? (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000 : 1;
}

static enum lan_err open_state(struct lan_channel *c, const struct lan_channel_config *cfg, const char *name,
	struct chan_config *core, const char **why)
{
	core->counter = unix_microseconds();
	if (!cfg->state_dir)
		return LAN_OK;
	enum lan_err e = channel_state_open(cfg->state_dir, name, &c->state, why);
	if (e)
		return e;
	struct channel_state *s = c->state;
	while (!s->sender) {
		lan_entropy(NULL, &s->sender, sizeof s->sender);
		s->sender &= ~(UINT64_C(1) << 63); /* the top bit is for signed ids */
	}
	/* A state that was brought back from a copy is behind; the clock is not. */
	if (!s->fresh && s->counter > core->counter)
		core->counter = s->counter;
	s->reserved = core->counter + STEP;
	core->counter_limit = s->reserved;
	core->sender = s->sender;
	e = channel_state_write(s);
	return e ? channel_why(why, e, "the state of this channel cannot be written to %s: %s%s",
			   cfg->state_dir, lan_err_text(e), e == LAN_ERR_IO ? "; is the disk full?" : "")
		 : LAN_OK;
}

/* The core's own functions, with an eye on the counter before each batch. */
static enum lan_err kept_input(void *core, lan_time now, const struct lan_from *from, uint8_t *buf, size_t n)
{
	return chan_ops.input(((struct lan_channel *)core)->chan, now, from, buf, n);
}

static size_t kept_output(void *core, lan_time now, uint8_t *buf, size_t cap)
{
	struct lan_channel *c = core;
	uint64_t limit = chan_counter_wanted(c->chan);
	if (limit)
		reserve(c, limit);
	return chan_ops.output(c->chan, now, buf, cap);
}

static void kept_tick(void *core, lan_time now)
{
	chan_ops.tick(((struct lan_channel *)core)->chan, now);
}

static lan_time kept_deadline(const void *core)
{
	return chan_ops.deadline(((const struct lan_channel *)core)->chan);
}

static bool kept_ready(const void *core)
{
	return chan_ops.ready(((const struct lan_channel *)core)->chan);
}

static bool kept_open(const void *core)
{
	return chan_ops.open(((const struct lan_channel *)core)->chan);
}

static void kept_overrun(void *core, uint64_t total)
{
	if (chan_ops.overrun)
		chan_ops.overrun(((struct lan_channel *)core)->chan, total);
}

const struct lan_dgram_ops channel_kept_ops = {.name = "channel-sealed",
	.input = kept_input,
	.output = kept_output,
	.tick = kept_tick,
	.deadline = kept_deadline,
	.ready = kept_ready,
	.overrun = kept_overrun,
	.open = kept_open};

/* --- keys -------------------------------------------------------------------------- */

/* Read the files and give the core what they say, if it is anything new or `anyway`. */
static enum lan_err read_keys(struct lan_channel *c, bool anyway, const char **why)
{
	struct channel_keys k;
	c->keys_read = lan_loop_now(c->loop);
	c->keys_wanted = false;
	enum lan_err e = channel_keys_read(c->files.key, c->files.members, c->keys_read, &k, why);
	if (e)
		return e;
	bool moved = k.clock > c->clock + (int64_t)CLOCK_STEP || k.clock < c->clock - (int64_t)CLOCK_STEP;
	if (anyway || moved || memcmp(k.digest, c->digest, sizeof k.digest) != 0) {
		e = chan_rekey(c->chan, c->keys_read, &k.keys, &k.members);
		if (e)
			channel_why(why, e, "the keys read again cannot be used: %s", lan_err_text(e));
	}
	if (!e) {
		if (anyway || memcmp(k.digest, c->digest, sizeof k.digest) != 0)
			tell(c, LAN_OK, "keys were read again");
		memcpy(c->digest, k.digest, sizeof k.digest);
		c->clock = k.clock;
		c->cipher = k.keys.cipher;
	}
	channel_keys_wipe(&k);
	return e;
}

enum lan_err lan_channel_rekey(struct lan_channel *c, const char **why)
{
	if (!c->chan)
		return channel_why(why, LAN_ERR_NOTSUP, "a multisock channel has no key file");
	enum lan_err e = read_keys(c, true, why);
	lan_gdrv_kick(c->drv);
	return e;
}

void channel_look_after(struct lan_channel *c)
{
	if (!c->chan || c->closing)
		return;
	lan_time now = lan_loop_recent(c->loop);
	c->keys_wanted |= chan_wants_keys(c->chan);
	if (c->keys_wanted && now >= c->keys_read + REKEY_PAUSE) {
		const char *why = NULL;
		/* The old keys stay in use; the refusals themselves are told by the core. */
		enum lan_err e = read_keys(c, false, &why);
		if (e && e != c->rekey_err)
			tell(c, e, why);
		c->rekey_err = e;
	}
	lan_time next = c->keys_read + (c->keys_wanted ? REKEY_PAUSE : LOOK_PAUSE);
	if (c->state && c->save_at < next)
		next = c->save_at;
	lan_deadline_arm(c->loop, &c->chores, next);
}

static void on_chores(void *ctx)
{
	struct lan_channel *c = ctx;
	lan_time now = lan_loop_recent(c->loop);
	if (c->state && now >= c->save_at) {
		save_marks(c, false);
		c->save_at = now + SAVE_PAUSE;
	}
	if (now >= c->keys_read + LOOK_PAUSE)
		c->keys_wanted = true;
	channel_look_after(c);
	if (c->tell_key)
		lan_loop_note(c->loop);
	if (c->tell_key && c->on_ready)
		c->on_ready(c->on_ready_ctx);
}

/* --- open and close ------------------------------------------------------------------ */

static enum lan_err copy_paths(struct lan_channel *c, const struct lan_channel_config *cfg, const char **why)
{
	c->files.key = strdup(cfg->key_file);
	c->files.members = cfg->members_file ? strdup(cfg->members_file) : NULL;
	if (!c->files.key || (cfg->members_file && !c->files.members))
		return channel_why(why, LAN_ERR_NOMEM, "out of memory");
	return LAN_OK;
}

static void fill(const struct lan_channel_config *cfg, const char *name, struct chan_config *core)
{
	core->mode = (enum chan_mode)cfg->mode;
	core->channel = name;
	core->name = cfg->name;
	core->max_message = cfg->max_message;
	core->max_queue = cfg->max_queue;
	core->max_events = cfg->max_events;
	core->history = cfg->history;
	core->late = cfg->late;
	core->parity = cfg->parity;
	core->block = cfg->block;
	core->max_senders = cfg->max_senders;
	core->rate = cfg->rate;
	core->reorder = cfg->reorder;
	core->presence = cfg->presence;
	core->silent = cfg->silent;
	core->hear_self = cfg->hear_self;
	core->flow = cfg->flow;
}

static enum lan_err new_core(
	struct lan_channel *c, struct chan_config *core, struct channel_keys *k, const char **why)
{
	core->keys = k->keys;
	core->members = k->members;
	enum lan_err e = chan_new(&c->env, c->keys_read, core, &c->chan);
	for (size_t i = 0; !e && c->state && i < c->state->n; i++)
		e = chan_mark_set(c->chan, c->state->mark[i].sender, c->state->mark[i].counter);
	memcpy(c->digest, k->digest, sizeof c->digest);
	c->clock = k->clock;
	c->cipher = k->keys.cipher;
	c->members_only = k->members.n > 0;
	return e ? channel_why(why, e, "the channel cannot be made: %s", lan_err_text(e)) : LAN_OK;
}

enum lan_err channel_sealed_open(
	struct lan_channel *c, const struct lan_channel_config *cfg, const char *name, const char **why)
{
	struct chan_config core = {0};
	struct channel_keys k = {0};
	struct chan_status st;
	uint8_t identity[LAN_SIGN_SECRET];
	fill(cfg, name, &core);
	c->encrypted = true;
	c->keys_read = lan_loop_now(c->loop);
	enum lan_err e = lan_crypto_init();
	if (e)
		return channel_why(why, e, "the cryptographic libraries do not work here");
	e = lan_deadline_init(c->loop, &c->chores, on_chores, c);
	if (e)
		return channel_why(why, e, "out of memory");
	c->has_chores = true;
	e = copy_paths(c, cfg, why);
	if (!e)
		e = channel_keys_read(c->files.key, c->files.members, c->keys_read, &k, why);
	if (!e && cfg->identity_file) {
		e = channel_identity_read(cfg->identity_file, identity, why);
		core.identity = identity;
		c->is_signed = true;
	}
	if (!e)
		e = open_state(c, cfg, name, &core, why);
	if (!e)
		e = new_core(c, &core, &k, why);
	lan_wipe(identity, sizeof identity);
	channel_keys_wipe(&k);
	if (e)
		return e;
	chan_status(c->chan, &st);
	snprintf(c->own, sizeof c->own, "%016llx", (unsigned long long)st.sender);
	c->save_at = c->keys_read + SAVE_PAUSE;
	channel_look_after(c);
	return LAN_OK;
}

void channel_sealed_close(struct lan_channel *c)
{
	if (c->has_chores)
		lan_deadline_fini(c->loop, &c->chores);
	if (c->state && c->chan)
		save_marks(c, true);
	chan_free(c->chan);
	channel_state_close(c->state);
	free(c->files.key);
	free(c->files.members);
}
