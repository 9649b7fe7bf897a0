/*
 * group.c - the sealed group core: datagrams in, datagrams out, time.
 *
 * In: the checks of section 3 in their order, nothing kept and nothing answered
 * until a datagram has proved to come from a holder of the key; then the frame goes to
 * its mechanism. Out, in this order: announcements, requests, repairs, new
 * frames; each sealed under the next counter, straight into the driver's buffer.
 * docs/protocols/channel.md.
 */
#include "proto/channel/group_int.h"

#include <string.h>

uint64_t chan_random(struct chan *c)
{
	uint64_t r;
	c->env.entropy(c->env.ctx, &r, sizeof r);
	return r;
}

uint64_t chan_below(struct chan *c, uint64_t n)
{
	return n ? chan_random(c) % n : 0;
}

void chan_arm(struct chan *c, enum chan_timer_id id, lan_time at)
{
	lan_timers_set(&c->timers, &c->timer[id], at);
}

void chan_tell(struct chan *c, struct chan_peer *p, struct chan_event *ev)
{
	ev->sender = p->id;
	ev->from = p->from;
	ev->name = p->name;
	ev->epoch = p->epoch;
	if (!chan_inbox_put(&c->inbox, ev))
		chan_count(c, CHAN_C_EVENTS);
}

void chan_peer_arm(struct chan *c, struct chan_peer *p)
{
	lan_time at = chan_rx_deadline(c, p), gone = chan_peer_gone_at(p);
	lan_time armed = lan_timers_at(&c->timers, &p->timer);
	if (gone < at)
		at = gone;
	/* Later is noticed when it fires: most datagrams only move it on. */
	if (at < armed)
		lan_timers_set(&c->timers, &p->timer, at);
}

/* --- in ------------------------------------------------------------------------ */

static const struct chan_key *key_of(const struct chan *c, lan_time now, uint32_t epoch)
{
	for (size_t i = 0; i < c->keys.n; i++)
		if (c->keys.key[i].epoch == epoch)
			return now < c->keys.key[i].accept_until ? &c->keys.key[i] : NULL;
	return NULL;
}

/* The key of the peer for this epoch and boot, if it was used before. */
static struct lan_aead *known_key(struct chan_peer *p, const struct chan_header *h)
{
	for (int i = 0; p && i < 2; i++)
		if (p->key[i].set && p->key[i].epoch == h->epoch && p->key[i].boot == h->boot)
			return p->key[i].aead;
	return NULL;
}

static bool scratch_key(struct chan *c, const struct chan_key *key, const struct chan_header *h)
{
	uint8_t k[LAN_AEAD_KEY], prefix[16];
	chan_instance_key(c->keys.cipher, key->key, h->epoch, c->id, h->sender, h->boot, k, prefix);
	bool ok = true;
	if (c->scratch)
		lan_aead_rekey(c->scratch, k, prefix);
	else
		ok = lan_aead_new(c->keys.cipher, k, prefix, &c->scratch) == LAN_OK;
	lan_wipe(k, sizeof k);
	return ok;
}

/* The key just proved good: keep it, the older of two gives way and becomes the scratch one. */
static void keep_key(struct chan *c, struct chan_peer *p, const struct chan_header *h)
{
	struct lan_aead *old = p->key[1].aead;
	p->key[1] = p->key[0];
	p->key[0] =
		(struct chan_peer_key){.aead = c->scratch, .boot = h->boot, .epoch = h->epoch, .set = true};
	c->scratch = old;
}

static bool member(const struct chan *c, const uint8_t *public_key)
{
	for (size_t i = 0; i < c->n_members; i++)
		if (public_key && memcmp(c->members[i], public_key, LAN_SIGN_PUBLIC) == 0)
			return true;
	return c->n_members == 0;
}

/* A datagram of the present instance: has its number been seen? */
static bool replayed(const struct chan_peer *p, const struct chan_header *h)
{
	if (!p)
		return false;
	if (h->boot != p->boot)
		return h->counter <= p->win.highest || h->counter <= p->win.floor;
	return lan_seqwin_check(&p->win, h->counter) != LAN_SEQWIN_NEW;
}

/* The sender was authentic: its entry, new or of a new instance if need be. NULL: refused or put off. */
static struct chan_peer *admit(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_header *h,
	const struct lan_from *from)
{
	const struct chan_mark *was = p ? NULL : chan_mark_find(c, h->sender);
	struct chan_mark mark = was ? *was : (struct chan_mark){.counter = 0};
	if (!p && h->counter <= mark.counter) {
		chan_refuse(c, now, CHAN_C_REPLAY, from);
		return NULL;
	}
	bool fresh = !p;
	if (!p)
		p = chan_peer_add(c, now, h->sender, mark.counter);
	if (!p) {
		chan_refuse(c, now, CHAN_C_FULL, from);
		return NULL;
	}
	if (!fresh && p->boot != h->boot) {
		if (!chan_rx_restart(c, p,
			    now)) { /* what the old instance sent comes first: the application is to pull */
			chan_count(c, CHAN_C_EVENTS);
			return NULL;
		}
		p->opened = LAN_NEVER;
		p->confirmed = 0;
		p->listens = p->overruns_known = false;
		c->flow_dirty = true;
		p->lost_before += p->win.highest - p->count_from - p->distinct;
	}
	if (fresh || p->boot != h->boot) {
		p->boot = h->boot;
		p->distinct = 0;
		p->count_from = h->counter - 1;
		lan_seqwin_init(&p->win, p->win.highest > p->win.floor ? p->win.highest : p->win.floor);
	}
	if (fresh && mark.next && mark.boot == h->boot)
		chan_rx_go_on(c, p, now, mark.next, mark.next_msg);
	return p;
}

static void note_counter(struct chan_peer *p, uint64_t counter)
{
	lan_seqwin_mark(&p->win, counter);
	p->rx_datagrams++;
	if (counter > p->count_from)
		p->distinct++;
}

static void take_frame(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n)
{
	switch (f->type) {
	case CHAN_F_DATA:
		chan_rx_data(c, p, now, f, raw, n);
		break;
	case CHAN_F_PARITY:
		chan_rx_parity(c, p, now, f);
		break;
	case CHAN_F_PRESENCE:
		chan_presence_input(c, p, now, f);
		chan_rx_presence(c, p, now, f);
		chan_arm(c, CHAN_T_PRESENCE, chan_presence_deadline(c));
		if (!(f->flags & CHAN_PRES_LEAVING))
			break;
		chan_rx_leave(c, p, now);
		chan_peer_gone(c, p, now, "said goodbye");
		c->flow_dirty = true;
		break;
	case CHAN_F_FEEDBACK:
		if (f->u.feedback.sender == c->me && f->u.feedback.boot == c->boot) {
			chan_repair_feedback(c, p, now, f);
			chan_arm(c, CHAN_T_REPAIR, chan_repair_deadline(c));
		} else {
			struct chan_peer *to = f->u.feedback.sender == p->id
						       ? NULL
						       : chan_peer_find(c, f->u.feedback.sender);
			if (to)
				chan_nack_overheard(c, to, now, f);
		}
		break;
	case CHAN_F_LATE:
		if (f->u.late.sender == c->me && f->u.late.boot == c->boot && c->log.keep) {
			c->start_due = true;
			c->start_n = f->u.late.n;
			if (p->listens) {
				uint64_t seq, msg;
				chan_log_last(&c->log, f->u.late.n, &seq, &msg);
				p->confirmed = seq - 1 < p->confirmed ? seq - 1 : p->confirmed;
				c->flow_dirty = true;
			}
		}
		break;
	case CHAN_F_START:
		chan_rx_start(c, p, now, f);
		break;
	}
}

/* Open it and check who it is from. NULL: refused. *key_new: the scratch key opened it. */
static enum lan_err open_datagram(struct chan *c, struct chan_peer *p, lan_time now,
	const struct chan_header *h, const struct lan_from *from, uint8_t *buf, size_t n, uint8_t **frame,
	size_t *len, bool *key_new)
{
	const struct chan_key *key = key_of(c, now, h->epoch);
	const uint8_t *public_key;
	if (!key) {
		c->wants_keys = true;
		return chan_refuse(c, now, CHAN_C_EPOCH, from);
	}
	if (replayed(p, h)) {
		if (p)
			p->duplicates++;
		return chan_refuse(c, now, CHAN_C_REPLAY, from);
	}
	struct lan_aead *a = known_key(p, h);
	*key_new = !a;
	if (!a && !scratch_key(c, key, h)) {
		chan_count(c, CHAN_C_NOMEM);
		return LAN_ERR_NOMEM;
	}
	enum lan_err e = chan_unseal(a ? a : c->scratch, h, c->id, buf, n, frame, len, &public_key);
	if (e)
		return chan_refuse(c, now, e == LAN_ERR_PERM ? CHAN_C_SIGNATURE : CHAN_C_FORGED, from);
	if (h->sender == c->me)
		return chan_refuse(c, now, CHAN_C_SELF, from);
	if (!member(c, public_key))
		return chan_refuse(c, now, CHAN_C_MEMBER, from);
	return LAN_OK;
}

static enum lan_err input(void *core, lan_time now, const struct lan_from *from, uint8_t *buf, size_t n)
{
	struct chan *c = core;
	struct chan_header h;
	struct chan_frame f;
	uint8_t *frame;
	size_t len;
	bool key_new = false;
	c->now = now;
	enum lan_err e = n < CHAN_OVERHEAD + 1 ? LAN_ERR_PROTO : chan_header_decode(buf, n, &h);
	if (e)
		return chan_refuse(c, now, e == LAN_ERR_VERSION ? CHAN_C_VERSION : CHAN_C_MALFORMED, from);
	if (h.sender == c->me && h.boot == c->boot)
		return LAN_OK; /* our own, by loopback; what is forged under it is of no use either */
	struct chan_peer *p = chan_peer_find(c, h.sender);
	e = open_datagram(c, p, now, &h, from, buf, n, &frame, &len, &key_new);
	if (e)
		return e;
	e = chan_frame_decode(frame, len, &f);
	if (e == LAN_ERR_PROTO)
		return chan_refuse(c, now, CHAN_C_FRAME, from);
	p = admit(c, p, now, &h, from);
	if (!p)
		return LAN_ERR_REFUSED;
	if (key_new)
		keep_key(c, p, &h);
	p->verified = (h.flags & CHAN_SIGNED) != 0;
	p->epoch = h.epoch;
	note_counter(p, h.counter);
	c->stats.rx_datagrams++;
	if (e == LAN_OK && f.type == CHAN_F_PRESENCE && (f.flags & CHAN_PRES_LEAVING) && !p->present)
		return LAN_OK; /* said before */
	if (e == LAN_OK && f.type == CHAN_F_PRESENCE)
		chan_presence_name(p, &f);
	chan_peer_heard(c, p, now, from);
	if (e)
		chan_count(c, CHAN_C_UNKNOWN);
	else
		take_frame(c, p, now, &f, frame, len);
	chan_peer_arm(c, p);
	return LAN_OK;
}

/* --- out ------------------------------------------------------------------------- */

/* The newest epoch whose time has come; arms the next change. */
static const struct chan_key *tx_key(struct chan *c, lan_time now)
{
	const struct chan_key *best = NULL;
	lan_time next = LAN_NEVER;
	for (size_t i = 0; i < c->keys.n; i++) {
		const struct chan_key *k = &c->keys.key[i];
		if (k->send_after > now)
			next = k->send_after < next ? k->send_after : next;
		else if (k->accept_until > now && (!best || k->epoch > best->epoch))
			best = k;
		if (best == k && k->accept_until < next)
			next = k->accept_until;
	}
	chan_arm(c, CHAN_T_KEY, next);
	return best;
}

void chan_choose_key(struct chan *c, lan_time now)
{
	const struct chan_key *key = tx_key(c, now);
	uint8_t k[LAN_AEAD_KEY], prefix[16];
	if (!key) {
		c->tx_set = false;
		return;
	}
	bool other = !c->tx_set || c->tx_epoch != key->epoch;
	chan_instance_key(c->keys.cipher, key->key, key->epoch, c->id, c->me, c->boot, k, prefix);
	c->tx_set = true;
	if (c->tx)
		lan_aead_rekey(c->tx, k, prefix);
	else
		c->tx_set = lan_aead_new(c->keys.cipher, k, prefix, &c->tx) == LAN_OK;
	lan_wipe(k, sizeof k);
	if (!c->tx_set)
		chan_arm(c, CHAN_T_KEY, now + LAN_MS(10)); /* no memory: try again */
	if (c->tx_epoch && other && c->tx_set) {
		struct chan_event ev = {
			.kind = CHAN_KEY, .at = now, .name = "", .epoch = key->epoch, .reason = "in use"};
		if (!chan_inbox_put(&c->inbox, &ev))
			chan_count(c, CHAN_C_EVENTS);
	}
	c->tx_epoch = key->epoch;
}

static size_t seal(struct chan *c, const uint8_t *frame, size_t n, uint8_t *buf, size_t cap)
{
	struct chan_header h = {.flags = c->has_identity ? CHAN_SIGNED : 0,
		.epoch = c->tx_epoch,
		.sender = c->me,
		.boot = c->boot,
		.counter = c->counter};
	size_t len = chan_seal(c->tx, &h, c->id, c->has_identity ? c->identity : NULL, frame, n, buf, cap);
	if (len) {
		c->counter++;
		c->stats.tx_datagrams++;
		chan_pace_spend(&c->pace, len);
	}
	return len;
}

static bool asking(struct chan *c, lan_time now, struct chan_frame *f)
{
	for (uint32_t i = 0; i < c->peers.n && c->n_asking; i++) {
		struct chan_peer *p = &c->peers.peer[i];
		if (!p->asking)
			continue;
		bool some = chan_nack_output(c, p, now, f);
		if (!some) {
			p->asking = false;
			c->n_asking--;
		}
		chan_peer_arm(c, p);
		if (some)
			return true;
	}
	return false;
}

/* Announcement, answer or request that is due, encoded at `to`. */
static size_t control(struct chan *c, lan_time now, uint8_t *to, size_t cap)
{
	struct chan_frame f;
	if (chan_presence_output(c, now, &f)) {
		chan_arm(c, CHAN_T_PRESENCE, chan_presence_deadline(c));
	} else if (c->start_due) {
		c->start_due = false;
		f.type = CHAN_F_START;
		f.flags = 0;
		f.u.start.n = c->start_n;
		chan_log_last(&c->log, c->start_n, &f.u.start.seq, &f.u.start.msg);
	} else if (asking(c, now, &f)) {
		c->stats.tx_feedback++;
	} else {
		return 0;
	}
	return chan_frame_encode(&f, to, cap);
}

static void wake_writer(struct chan *c, lan_time now)
{
	struct chan_sendlog *g = &c->log;
	if (!g->was_full || g->queued_bytes > g->max_queue / 2)
		return;
	/* If there is no room for it, the next frame or tick tries again: somebody waits. */
	g->was_full = !chan_inbox_put(
		&c->inbox, &(struct chan_event){.kind = CHAN_WRITABLE, .at = now, .name = ""});
}

/* The next new frame, if pace and flow let it go. */
static size_t fresh(struct chan *c, lan_time now, uint8_t *buf, size_t cap)
{
	struct chan_sendlog *g = &c->log;
	size_t n;
	if (g->next_tx == g->next)
		return 0;
	if (!chan_flow_ready(c, now)) {
		chan_arm(c, CHAN_T_PACE, now + LAN_MS(100)); /* a receiver may have stalled */
		return 0;
	}
	uint64_t seq = g->next_tx;
	const uint8_t *frame = chan_log_frame(g, seq, &n);
	size_t len = seal(c, frame, n, buf, cap);
	if (!len)
		return 0;
	chan_log_sent(g);
	chan_presence_sent(c, now);
	chan_repair_sent(c, now, seq, len);
	wake_writer(c, now);
	return len;
}

static size_t output(void *core, lan_time now, uint8_t *buf, size_t cap)
{
	struct chan *c = core;
	size_t room = CHAN_OVERHEAD + (c->has_identity ? CHAN_SIGNATURE : 0u), n = 0;
	if (!c->tx_set || (c->counter_limit && c->counter >= c->counter_limit) || cap < c->max_datagram)
		return 0;
	cap = c->max_datagram;
	if (c->start_due || c->n_asking || c->presence_at <= now || c->fast_at <= now)
		n = control(c, now, buf + CHAN_HEADER, cap - room);
	if (n)
		return seal(c, buf + CHAN_HEADER, n, buf, cap);
	if (!chan_pace_ready(&c->pace, now)) {
		if (c->log.next_tx < c->log.next || c->repair.q_len)
			chan_arm(c, CHAN_T_PACE, chan_pace_when(&c->pace));
		return 0;
	}
	if (c->repair.q_len)
		n = chan_repair_output(c, now, buf + CHAN_HEADER, cap - room);
	n = n ? seal(c, buf + CHAN_HEADER, n, buf, cap) : fresh(c, now, buf, cap);
	if (!n) {
		chan_arm(c, CHAN_T_REPAIR, chan_repair_deadline(c));
		chan_arm(c, CHAN_T_PRESENCE, chan_presence_deadline(c));
	}
	return n;
}

/* --- time ---------------------------------------------------------------------------- */

static void reasm_due(struct chan *c, lan_time now)
{
	uint64_t owner, msg;
	while (chan_reasm_gone(c->reasm, now, &owner, &msg)) {
		struct chan_peer *p = chan_peer_find(c, owner);
		chan_count(c, CHAN_C_INCOMPLETE);
		if (!p || c->mode != CHAN_BEST_EFFORT)
			continue;
		chan_rx_lost_one(c, p, now, msg, "incomplete");
	}
}

static void peer_due(struct chan *c, struct chan_peer *p, lan_time now)
{
	if (now >= chan_peer_gone_at(p)) {
		chan_peer_gone(c, p, now, "silent");
		c->flow_dirty = true;
	}
	chan_rx_tick(c, p, now);
	if (!p->asking && (p->rx.nack_at <= now || p->rx.report_at <= now || p->rx.late_at <= now)) {
		p->asking = true;
		c->n_asking++;
	}
	lan_time at = chan_rx_deadline(c, p), gone = chan_peer_gone_at(p);
	if (gone < at)
		at = gone;
	if (at <= now)
		at = now + LAN_MS(1); /* output has it, or the application is to pull first */
	lan_timers_set(&c->timers, &p->timer, at);
}

static void timer_due(struct chan *c, enum chan_timer_id id, lan_time now)
{
	switch (id) {
	case CHAN_T_PRESENCE: /* output looks at the time itself */
	case CHAN_T_PACE:
	case CHAN_T_N:
		break;
	case CHAN_T_REPAIR:
		chan_repair_tick(c, now);
		break;
	case CHAN_T_KEY:
		chan_choose_key(c, now);
		break;
	case CHAN_T_REFUSED:
		chan_refused_due(c, now);
		break;
	}
}

static void tick(void *core, lan_time now)
{
	struct chan *c = core;
	struct lan_timer *t;
	c->now = now;
	while ((t = lan_timers_due(&c->timers, now)) != NULL) {
		if (t >= c->timer && t < c->timer + CHAN_T_N)
			timer_due(c, (enum chan_timer_id)(t - c->timer), now);
		else
			peer_due(c, (struct chan_peer *)((char *)t - offsetof(struct chan_peer, timer)), now);
	}
	reasm_due(c, now);
	chan_rx_resume(c, now);
	wake_writer(c, now);
}

static lan_time deadline(const void *core)
{
	const struct chan *c = core;
	lan_time at = lan_timers_next(&c->timers), reasm = chan_reasm_deadline(c->reasm);
	return reasm < at ? reasm : at;
}

static bool ready(const void *core)
{
	const struct chan *c = core;
	return !chan_inbox_empty(&c->inbox) || c->n_stuck; /* what is stuck comes when there is room */
}

static bool is_open(const void *core)
{
	const struct chan *c = core;
	return chan_inbox_fits(&c->inbox, c->max_message) && !c->n_stuck;
}

static void overrun(void *core, uint64_t total)
{
	((struct chan *)core)->overruns = (uint32_t)total;
}

const struct lan_dgram_ops chan_ops = {.name = "channel-sealed",
	.input = input,
	.output = output,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.open = is_open,
	.overrun = overrun};
