/*
 * ledger.c - what was written, seen, acknowledged; and every promise of the
 * link checked at the moment it could be broken.
 *
 *  - a line seen was written, byte for byte, and not corrupted on the way;
 *  - one life of a receiver sees a line at most once, whatever its flags;
 *  - ACKED comes after the application at the other end saw the line, and
 *    after it the line is never seen again, by no life;
 *  - a waiting line is seen after every earlier qos line and before every
 *    later line;
 *  - LOST is said only of lines without qos, never twice.
 * What must have happened in the end is checked by the campaign: `open` is 0.
 */
#include <stdlib.h>
#include <string.h>
#include "iot_world.h"

static void *grow(void *p, uint32_t *cap, uint32_t need, size_t size)
{
	if (need <= *cap)
		return p;
	*cap = need + *cap + 16;
	p = realloc(p, *cap * size);
	if (!p)
		abort();
	return p;
}

static const char *who(const struct flow *f)
{
	return f->w->p[f->from].name;
}

void ledger_wrote(struct flow *f, const char *text, size_t len, unsigned flags, uint64_t token)
{
	f->lines = grow(f->lines, &f->cap, f->n + 1, sizeof *f->lines);
	f->text = grow(f->text, &f->text_cap, f->text_len + (uint32_t)len, 1);
	memcpy(f->text + f->text_len, text, len);
	f->lines[f->n++] = (struct line){.text = f->text_len,
		.len = (uint32_t)len,
		.inc = f->w->p[f->from].inc,
		.flags = (uint8_t)flags,
		.token = token};
	f->text_len += (uint32_t)len;
	f->open++;
}

static bool is(const struct flow *f, uint32_t i, const char *text, size_t len)
{
	return f->lines[i].len == len && memcmp(f->text + f->lines[i].text, text, len) == 0;
}

/* Generated lines carry their number behind the tag; others are searched, and
 * among equal ones the first that this life of the receiver has not seen. */
static int64_t find(const struct flow *f, const char *text, size_t len)
{
	uint32_t life = f->w->p[f->to].inc;
	int64_t any = -1;

	if (f->tag) {
		uint64_t i = len && text[0] == f->tag ? strtoull(text + 1, NULL, 10) : UINT64_MAX;

		return i < f->n && is(f, (uint32_t)i, text, len) ? (int64_t)i : -1;
	}
	for (uint32_t i = 0; i < f->n; i++)
		if (is(f, i, text, len)) {
			if (f->lines[i].seen_by != life && !f->lines[i].acked)
				return i;
			if (any < 0)
				any = i;
		}
	return any;
}

static void check_order(struct flow *f, uint32_t i)
{
	const struct line *l = &f->lines[i];
	struct sim *sim = f->w->sim;

	if ((l->flags & IOT_QOS) && (l->flags & IOT_WAIT)) {
		if (f->last_seen > (int64_t)i)
			sim_fail(sim, "order: %s's waiting line %u seen after line %lld", who(f), i,
				(long long)f->last_seen);
		if (i >= f->base && f->low_qos < i)
			sim_fail(sim, "order: %s's waiting line %u seen before qos line %u", who(f), i,
				f->low_qos);
	} else if (i >= f->base && f->low_wait < i) {
		sim_fail(sim, "order: %s's line %u seen before waiting line %u", who(f), i, f->low_wait);
	}
}

static void advance(struct flow *f)
{
	while (f->low_qos < f->n && (!(f->lines[f->low_qos].flags & IOT_QOS) || f->lines[f->low_qos].seen))
		f->low_qos++;
	while (f->low_wait < f->n &&
		((f->lines[f->low_wait].flags & 3) != (IOT_QOS | IOT_WAIT) || f->lines[f->low_wait].seen))
		f->low_wait++;
}

/* What a raw peer wrote is known only when it is seen. */
static void seen_of_raw(struct flow *f, const char *text, size_t len)
{
	uint32_t i = 0;

	while (i < f->n && !is(f, i, text, len))
		i++;
	if (i == f->n) {
		ledger_wrote(f, text, len, 0, 0);
		f->open--;
	}
	f->lines[i].seen++;
}

void ledger_seen(struct flow *f, const char *text, size_t len)
{
	struct sim *sim = f->w->sim;
	uint32_t life = f->w->p[f->to].inc;
	int64_t i = 0;
	struct line *l;

	if (f->w->p[f->from].raw) {
		seen_of_raw(f, text, len);
		return;
	}
	i = find(f, text, len);
	if (i < 0) {
		sim_fail(sim, "corrupt: %s's peer saw a line that was never written: \"%.*s\"", who(f),
			len < 60 ? (int)len : 60, text);
		return;
	}
	l = &f->lines[i];
	if (l->seen_by == life)
		sim_fail(sim, "twice: %s's line %lld (\"%.40s\") was seen twice by one life of the receiver",
			who(f), (long long)i, text);
	if (l->acked)
		sim_fail(sim, "again: %s's line %lld (\"%.40s\") was seen after it was acknowledged", who(f),
			(long long)i, text);
	advance(f);
	if (!f->w->no_order)
		check_order(f, (uint32_t)i);
	if (!l->seen && !l->lost && !(l->flags & IOT_QOS) && i >= f->base)
		f->open--;
	l->seen++;
	l->seen_by = life;
	if (i > f->last_seen)
		f->last_seen = i;
}

static struct line *by_token(struct flow *f, uint64_t token)
{
	while (f->low_unacked < f->n && (f->lines[f->low_unacked].acked || f->lines[f->low_unacked].lost))
		f->low_unacked++;
	for (uint32_t i = f->low_unacked < f->base ? f->base : f->low_unacked; i < f->n; i++)
		if (f->lines[i].token == token)
			return &f->lines[i];
	sim_fail(f->w->sim, "token %llu of %s is unknown or finished", (unsigned long long)token, who(f));
	return NULL;
}

void ledger_acked(struct flow *f, uint64_t token)
{
	struct line *l = by_token(f, token);

	if (!l)
		return;
	if (l->acked)
		sim_fail(f->w->sim, "acked twice: %s's line %u", who(f), (unsigned)(l - f->lines));
	if (!l->seen && !f->w->p[f->to].raw)
		sim_fail(f->w->sim, "acked early: %s's line %u (\"%.*s\") was acknowledged and never seen",
			who(f), (unsigned)(l - f->lines), l->len < 40 ? (int)l->len : 40, f->text + l->text);
	l->acked = true;
	if (l->flags & IOT_QOS)
		f->open--;
}

void ledger_lost(struct flow *f, uint64_t token)
{
	struct line *l = by_token(f, token);

	if (!l)
		return;
	if (l->flags & IOT_QOS)
		sim_fail(f->w->sim, "lost: %s's qos line %u was given up", who(f), (unsigned)(l - f->lines));
	if (l->lost || l->acked)
		sim_fail(f->w->sim, "lost twice: %s's line %u", who(f), (unsigned)(l - f->lines));
	l->lost = true;
	if (!l->seen)
		f->open--;
}

void ledger_sender_died(struct flow *f)
{
	f->base = f->low_qos = f->low_wait = f->low_unacked = f->n;
	f->open = 0;
}

void ledger_receiver_died(struct flow *f)
{
	f->last_seen = -1;
}

unsigned ledger_count(
	const struct flow *f, const char *text, unsigned *written, unsigned *acked, unsigned *lost)
{
	unsigned seen = 0;

	*written = *acked = *lost = 0;
	for (uint32_t i = 0; i < f->n; i++)
		if (!text || is(f, i, text, strlen(text))) {
			seen += f->lines[i].seen;
			*acked += f->lines[i].acked;
			*lost += f->lines[i].lost;
			(*written)++;
		}
	return seen;
}

void ledger_fini(struct flow *f)
{
	free(f->lines);
	free(f->text);
}
