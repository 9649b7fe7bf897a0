/*
 * presence.c - announcements: who is here, how far its frames go and what of
 * them it can send again. Once a second in a small group, less often in a large
 * one, soon when somebody has just arrived, and quickly after the last new frame so
 * that a receiver learns that the tail is missing.
 * docs/protocols/channel.md section 8.
 */
#include "proto/channel/group_int.h"

#include <string.h>

#define SMALL_GROUP 16
#define ANSWER      LAN_MS(50)
#define FAST_FIRST  LAN_MS(5)
#define YOUNG       LAN_SEC(3)
#define YOUNG_PAUSE LAN_MS(50)

static lan_time pause_now(const struct chan *c)
{
	uint32_t members = c->n_present + 1;
	return members <= SMALL_GROUP ? c->presence : c->presence / SMALL_GROUP * members;
}

static void next_time(struct chan *c, lan_time now)
{
	lan_time p = pause_now(c);
	c->presence_at = c->silent ? LAN_NEVER : now + p - p / 4 + chan_below(c, p / 2);
}

void chan_presence_init(struct chan *c, lan_time now)
{
	c->opened = now;
	c->fast_at = LAN_NEVER;
	c->arrived = true;
	c->presence_at = c->silent ? LAN_NEVER : now;
}

static void listen_to(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	if (f->u.presence.mode != CHAN_RELIABLE || p->listens)
		return;
	/* Who was there before us begins with our first frame, others with what comes next. */
	p->confirmed = p->opened < c->opened ? 0 : c->log.next_tx - 1;
	p->listens = true;
	p->moved = now;
	c->flow_dirty = true;
}

void chan_presence_name(struct chan_peer *p, const struct chan_frame *f)
{
	if (f->u.presence.name_len >= sizeof p->name)
		return;
	memcpy(p->name, f->u.presence.name, f->u.presence.name_len);
	p->name[f->u.presence.name_len] = 0;
}

void chan_presence_input(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	lan_time age = LAN_MS(1) * f->u.presence.age_ms;
	p->mode = f->u.presence.mode;
	p->interval_ms = f->u.presence.interval_ms;
	p->opened = now > age ? now - age : 0;
	listen_to(c, p, now, f);
	if ((f->flags & CHAN_PRES_ARRIVED) && !c->silent) {
		lan_time soon = now + chan_below(c, ANSWER * (1 + c->n_present / SMALL_GROUP));
		c->presence_at = soon < c->presence_at ? soon : c->presence_at;
	}
}

static bool reliable(const struct chan *c)
{
	return c->mode == CHAN_RELIABLE;
}

static void write(struct chan *c, lan_time now, struct chan_frame *f)
{
	lan_time p = pause_now(c) / LAN_MS(1) * 5 / 4, age = (now - c->opened) / LAN_MS(1);
	f->type = CHAN_F_PRESENCE;
	f->flags = (uint8_t)((c->leaving ? CHAN_PRES_LEAVING : 0) | (c->arrived ? CHAN_PRES_ARRIVED : 0) |
			     (reliable(c) ? CHAN_PRES_HISTORY : 0) |
			     (c->flow && chan_flow_min(c) < c->log.next_tx - 1 ? CHAN_PRES_UNCONFIRMED : 0));
	f->u.presence.mode = (uint8_t)c->mode;
	f->u.presence.block = c->block;
	f->u.presence.interval_ms = (uint32_t)(p < 1 ? 1 : p);
	f->u.presence.age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX;
	f->u.presence.members = (uint16_t)(c->n_present + 1);
	f->u.presence.highest = c->log.next_tx - 1;
	f->u.presence.oldest = reliable(c) ? c->log.oldest : c->log.next_tx;
	f->u.presence.oldest_msg = chan_log_msg(&c->log, f->u.presence.oldest);
	f->u.presence.next_msg = chan_log_msg(&c->log, c->log.next_tx);
	f->u.presence.name = (const uint8_t *)c->name;
	f->u.presence.name_len = (uint8_t)strlen(c->name);
}

bool chan_presence_output(struct chan *c, lan_time now, struct chan_frame *f)
{
	if (c->presence_at > now && c->fast_at > now)
		return false;
	if (c->fast_at <= now) {
		c->fast_step *= 2;
		c->fast_at = c->announced == c->log.next_tx - 1 && c->fast_step >= c->presence
				     ? LAN_NEVER
				     : now + c->fast_step;
	}
	write(c, now, f);
	c->announced = c->log.next_tx - 1;
	c->arrived = false;
	next_time(c, now);
	if (c->leaving)
		c->presence_at = c->fast_at = LAN_NEVER;
	return true;
}

void chan_presence_sent(struct chan *c, lan_time now)
{
	if (c->silent || !reliable(c))
		return;
	c->fast_step = FAST_FIRST;
	c->fast_at = now + FAST_FIRST;
	if (now < c->opened + YOUNG && c->presence_at > now + YOUNG_PAUSE)
		c->presence_at = now + YOUNG_PAUSE;
}

lan_time chan_presence_deadline(const struct chan *c)
{
	return c->presence_at < c->fast_at ? c->presence_at : c->fast_at;
}
