/*
 * entries_apply.c - a reload: from the entries of one configuration to those of
 * the next.
 *
 * An entry that is the same, or differs only in what the daemon does by itself,
 * stays open: connections, counters, replay windows and history live on; its
 * family may look again at what lies outside the configuration. The others are
 * closed before the new ones are opened, because two of one port or one state
 * directory exclude each other. Opening may fail without harm to the reload
 * (entries.h); memory is taken before anything is touched.
 */
#include "daemon/entries.h"

#include <stdlib.h>
#include <string.h>

struct entries_plan {
	struct entries *s;
	const struct config *next;
	const struct config_key *maps; /* the list in the configuration */
	struct entry **list;           /* the entries of `next`, in its order */
	bool *fresh;                   /* of each place in list: made for this plan */
	uint32_t n;
};

static struct entry *kept(const struct entries_plan *p, const void *cfg)
{
	struct entry *e = entries_by_name(p->s, *(char *const *)cfg);
	return e && config_entry_same(p->maps->sub, e->cfg, cfg, p->s->kind->but) ? e : NULL;
}

void entries_plan_free(struct entries_plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->list && p->fresh && i < p->n; i++)
		if (p->fresh[i])
			free(p->list[i]);
	free(p->list);
	free(p->fresh);
	free(p);
}

struct entries_plan *entries_plan(struct entries *s, const struct config *next)
{
	struct entries_plan *p = calloc(1, sizeof *p);
	bool ok = p != NULL;
	if (ok) {
		*p = (struct entries_plan){.s = s, .next = next};
		p->maps = config_key_named(config_top_keys, s->kind->family);
		p->n = config_entries(next, p->maps);
		p->list = calloc(p->n + 1, sizeof(struct entry *));
		p->fresh = calloc(p->n + 1, sizeof *p->fresh);
		ok = p->list && p->fresh;
	}
	for (uint32_t i = 0; ok && i < p->n; i++) {
		const void *cfg = config_entry_at(next, p->maps, i);
		p->list[i] = kept(p, cfg);
		if (p->list[i])
			continue;
		p->list[i] = entry_new(s, cfg);
		p->fresh[i] = ok = p->list[i] != NULL;
	}
	if (ok)
		return p;
	entries_plan_free(p);
	return NULL;
}

static void add_name(struct text *t, const char *name)
{
	text_printf(t, "%s\n", name);
}

static bool stays(const struct entries_plan *p, const struct entry *e)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->list[i] == e)
			return true;
	return false;
}

static bool in_next(const struct entries_plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (strcmp(entry_name(p->list[i]), name) == 0)
			return true;
	return false;
}

static void close_old(struct entries_plan *p, struct entries_change *change)
{
	struct entries *s = p->s;
	for (size_t i = 0; i < s->n; i++) {
		struct entry *e = s->entry[i];
		bool changed = in_next(p, entry_name(e));
		if (stays(p, e))
			continue;
		add_name(changed ? &change->changed : &change->removed, entry_name(e));
		entry_close(e, changed ? "changed" : "removed", &change->notes);
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

static void keep(struct entries_plan *p, struct entry *e, const void *cfg, struct entries_change *change)
{
	bool same = config_entry_same(p->maps->sub, e->cfg, cfg, SIZE_MAX);
	add_name(same ? &change->unchanged : &change->changed, entry_name(e));
	e->cfg = cfg;
	if (!e->open)
		entry_retry(e);
	else if (p->s->kind->kept)
		p->s->kind->kept(e, &change->notes);
}

void entries_commit(struct entries_plan *p, const char *cause, struct entries_change *change)
{
	struct entries *s = p->s;
	close_old(p, change);
	free(s->entry);
	s->entry = p->list;
	s->n = p->n;
	for (uint32_t i = 0; i < p->n; i++) {
		struct entry *e = s->entry[i];
		if (!p->fresh[i]) {
			keep(p, e, config_entry_at(p->next, p->maps, i), change);
			continue;
		}
		if (!has_line(&change->changed, entry_name(e)))
			add_name(&change->added, entry_name(e));
		entry_open(e, cause);
	}
	p->list = NULL;
	entries_plan_free(p);
}

void entries_change_fini(struct entries_change *c)
{
	text_fini(&c->added);
	text_fini(&c->removed);
	text_fini(&c->changed);
	text_fini(&c->unchanged);
	text_fini(&c->notes);
}
