/*
 * channels_apply.c - a reload: from the channels of one configuration to those
 * of the next.
 *
 * A channel whose entry is the same stays open: its sender counter, replay
 * windows and history live on, and only its key and member files are read anew,
 * which is how a rotated key comes into force without an outage. The others are
 * closed (they say goodbye) before the new ones are opened, because two of one
 * state directory exclude each other. Opening may fail without harm to the
 * reload (channels.h); memory is taken before anything is touched.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/channels.h"

struct channels_plan {
	struct channels *s;
	const struct config *next;
	struct channel **list; /* the channels of `next`, in its order */
	bool *fresh;           /* of each place in list: made for this plan */
};

static struct channel *kept(const struct channels *s, const struct config_channel *e)
{
	struct channel *k = channels_by_name(s, e->name);
	return k && config_channel_same(k->cfg, e) ? k : NULL;
}

void channels_plan_free(struct channels_plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->list && p->fresh && i < p->next->channel_count; i++)
		if (p->fresh[i])
			free(p->list[i]);
	free(p->list);
	free(p->fresh);
	free(p);
}

struct channels_plan *channels_plan(struct channels *s, const struct config *next)
{
	struct channels_plan *p = calloc(1, sizeof *p);
	bool ok = p != NULL;
	if (ok) {
		*p = (struct channels_plan){.s = s, .next = next};
		p->list = calloc(next->channel_count + 1, sizeof *p->list);
		p->fresh = calloc(next->channel_count + 1, sizeof *p->fresh);
		ok = p->list && p->fresh;
	}
	for (uint32_t i = 0; ok && i < next->channel_count; i++) {
		p->list[i] = kept(s, &next->channel[i]);
		if (p->list[i])
			continue;
		p->list[i] = channel_new(s, &next->channel[i]);
		p->fresh[i] = ok = p->list[i] != NULL;
	}
	if (ok)
		return p;
	channels_plan_free(p);
	return NULL;
}

static void add_name(struct text *t, const char *name)
{
	text_printf(t, "%s\n", name);
}

static void keys_stay(const struct channel *k, const char *why, struct channels_change *change)
{
	log_event(LOG_L_ERROR, "channel-keys", LOG_S("channel", channel_name(k)), LOG_S("reason", why),
		LOG_S("kept", "the old keys stay in use"));
	text_printf(&change->notes, "channel \"%s\": the old keys stay in use: %s\n", channel_name(k), why);
}

/* The same files may hold other keys now, or be there at last. */
static void rekey(struct channel *k, struct channels_change *change)
{
	const char *why = NULL;
	enum lan_err e;
	if (!k->c)
		channel_retry(k);
	else if (k->cfg->key_file && (e = lan_channel_rekey(k->c, &why)) != LAN_OK)
		keys_stay(k, why && *why ? why : lan_err_text(e), change);
	else
		channel_ready(k); /* whether something changed is told by an event */
}

static bool stays(const struct channels_plan *p, const struct channel *k)
{
	for (uint32_t i = 0; i < p->next->channel_count; i++)
		if (p->list[i] == k)
			return true;
	return false;
}

static bool in_next(const struct channels_plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->next->channel_count; i++)
		if (strcmp(p->next->channel[i].name, name) == 0)
			return true;
	return false;
}

static void close_old(struct channels_plan *p, struct channels_change *change)
{
	struct channels *s = p->s;
	for (size_t i = 0; i < s->n; i++) {
		struct channel *k = s->channel[i];
		bool changed = in_next(p, channel_name(k));
		if (stays(p, k))
			continue;
		add_name(changed ? &change->changed : &change->removed, channel_name(k));
		channel_close(k, changed ? "changed" : "removed");
	}
}

static bool has_line(const struct text *t, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text_str(t), *end; (end = strchr(p, '\n')); p = end + 1)
		if ((size_t)(end - p) == n && memcmp(p, name, n) == 0)
			return true;
	return false;
}

void channels_commit(struct channels_plan *p, const char *cause, struct channels_change *change)
{
	struct channels *s = p->s;
	close_old(p, change);
	free(s->channel);
	s->channel = p->list;
	s->n = p->next->channel_count;
	for (size_t i = 0; i < s->n; i++) {
		struct channel *k = s->channel[i];
		k->cfg = &p->next->channel[i];
		if (!p->fresh[i]) {
			add_name(&change->unchanged, channel_name(k));
			rekey(k, change);
			continue;
		}
		if (!has_line(&change->changed, channel_name(k)))
			add_name(&change->added, channel_name(k));
		channel_open(k, cause);
	}
	p->list = NULL;
	channels_plan_free(p);
}

void channels_change_fini(struct channels_change *c)
{
	text_fini(&c->added);
	text_fini(&c->removed);
	text_fini(&c->changed);
	text_fini(&c->unchanged);
	text_fini(&c->notes);
}
