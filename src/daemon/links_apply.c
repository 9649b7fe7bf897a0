/*
 * links_apply.c - a reload: from the links of one configuration to those of the
 * next, all or nothing.
 *
 * First everything new that stands in nobody's place is opened: if that fails,
 * nothing has been touched. Then links that are gone or changed are shut and
 * the rest is opened; if that fails, what was shut is opened again as it was
 * (its connections are lost, its peers come back by themselves). What was queued
 * on a link that is shut is dropped, and said. Links whose entry is the same, or
 * differs only in what this daemon does itself, are never touched.
 */
#include "daemon/links.h"

#include <stdlib.h>
#include <string.h>

struct plan {
	struct links *s;
	const struct config *new;
	const char *cause;
	struct link **list; /* the links of `new`, in its order; NULL: not there yet */
	bool *keep;         /* of each link there is: it stays open */
	bool *fresh;        /* of each place in list: opened now */
};

static const struct config_link *entry(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->link_count; i++)
		if (strcmp(c->link[i].name, name) == 0)
			return &c->link[i];
	return NULL;
}

/* A link that is to be shut has this entry's name, or listens on its port
 * (0.0.0.0 and 127.0.0.1 collide too). */
static bool must_wait(const struct plan *p, const struct config_link *e)
{
	const char *port = e->listen ? strrchr(e->listen, ':') : NULL;
	for (size_t i = 0; i < p->s->n; i++) {
		const struct config_link *old = p->s->link[i]->cfg;
		if (p->keep[i])
			continue;
		if (strcmp(old->name, e->name) == 0 ||
			(port && old->listen && strcmp(strrchr(old->listen, ':'), port) == 0))
			return true;
	}
	return false;
}

static bool open_entries(struct plan *p, bool waiting, struct text *what)
{
	for (uint32_t i = 0; i < p->new->link_count; i++) {
		if (p->list[i] || must_wait(p, &p->new->link[i]) != waiting)
			continue;
		p->list[i] = link_open(p->s, &p->new->link[i], p->cause, what);
		if (!p->list[i])
			return false;
		p->fresh[i] = true;
	}
	return true;
}

static void close_fresh(struct plan *p)
{
	for (uint32_t i = 0; i < p->new->link_count; i++)
		if (p->fresh[i])
			link_close(p->list[i], "reload failed");
}

static bool make_plan(struct plan *p)
{
	p->list = calloc(p->new->link_count + 1, sizeof *p->list);
	p->fresh = calloc(p->new->link_count + 1, sizeof *p->fresh);
	p->keep = calloc(p->s->n + 1, sizeof *p->keep);
	if (!p->list || !p->fresh || !p->keep)
		return false;
	for (size_t i = 0; i < p->s->n; i++) {
		const struct config_link *e = entry(p->new, link_name(p->s->link[i]));
		p->keep[i] = e && config_link_keeps(e, p->s->link[i]->cfg);
		if (p->keep[i])
			p->list[e - p->new->link] = p->s->link[i];
	}
	return true;
}

static void fini_plan(struct plan *p)
{
	free(p->list);
	free(p->fresh);
	free(p->keep);
}

static void shut_for_good(struct link *k, const char *cause, struct text *unsent)
{
	size_t n = link_shut(k, cause);
	if (n)
		text_printf(unsent, "link \"%s\": %zu line%s not acknowledged yet %s dropped (%s)\n",
			link_name(k), n, n == 1 ? " that was" : "s that were", n == 1 ? "was" : "were",
			cause);
}

static bool open_all(struct plan *p, struct links_change *change, struct text *what)
{
	if (!open_entries(p, false, what)) {
		close_fresh(p);
		return false;
	}
	for (size_t i = 0; i < p->s->n; i++)
		if (!p->keep[i])
			shut_for_good(p->s->link[i],
				entry(p->new, link_name(p->s->link[i])) ? "changed" : "removed",
				&change->unsent);
	if (open_entries(p, true, what))
		return true;
	close_fresh(p);
	for (size_t i = 0; i < p->s->n; i++)
		if (!p->keep[i])
			link_reopen(p->s->link[i], "reload failed");
	return false;
}

static void add_name(struct text *t, const char *name)
{
	text_printf(t, "%s\n", name);
}

/* Nothing can fail any more. */
static void commit(struct plan *p, struct links_change *change)
{
	struct links *s = p->s;
	for (uint32_t i = 0; i < p->new->link_count; i++) {
		const struct config_link *e = &p->new->link[i];
		if (!p->fresh[i])
			add_name(config_link_same(e, p->list[i]->cfg) ? &change->unchanged : &change->changed,
				e->name);
		else
			add_name(links_by_name(s, e->name) ? &change->changed : &change->added, e->name);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (p->keep[i])
			continue;
		if (!entry(p->new, link_name(s->link[i])))
			add_name(&change->removed, link_name(s->link[i]));
		free(s->link[i]);
	}
	for (uint32_t i = 0; i < p->new->link_count; i++)
		p->list[i]->cfg = &p->new->link[i];
	free(s->link);
	s->link = p->list;
	s->n = p->new->link_count;
	p->list = NULL;
}

bool links_apply(struct links *s, const struct config *new, const char *cause, struct links_change *change,
	struct text *what)
{
	struct plan p = {.s = s, .new = new, .cause = cause};
	bool ok = false;
	if (!make_plan(&p))
		text_puts(what, "out of memory");
	else
		ok = open_all(&p, change, what);
	if (ok)
		commit(&p, change);
	fini_plan(&p);
	return ok;
}

void links_change_fini(struct links_change *c)
{
	text_fini(&c->added);
	text_fini(&c->removed);
	text_fini(&c->changed);
	text_fini(&c->unchanged);
	text_fini(&c->unsent);
}
