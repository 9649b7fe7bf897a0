/*
 * config_lint_entry.c - what only the keys of one entry together show, for the
 * entries of every list: keys of another role, missing keys, one key greater
 * than another, one without its companion, two entries of one name or address.
 * The rules are in the table (struct config_entry); here are the sentences.
 */
#include <string.h>
#include "base/units.h"
#include "daemon/config_lint.h"

struct entry {
	struct lint *l;
	yaml_node_t *node;
	const struct config_key *maps;
	const char *called; /* its name in quotes, or "without a name" */
};

/* The word in force for a choice, given or default, and its roles; NULL: none that is known. */
static const char *word_of(const struct entry *e, const struct config_choice *c, int *roles)
{
	const struct config_key *k = config_key_named(e->maps->sub, c->key);
	const yaml_node_t *given = lint_value(e->l, e->node, c->key);
	const char *word = given ? lint_scalar(given) : k->def;
	for (size_t i = 0; word && k->words[i]; i++)
		if (strcmp(k->words[i], word) == 0) {
			*roles = c->roles[i];
			return word;
		}
	return NULL;
}

/* The words of a choice that a key with these roles is for: "ordered or reliable". */
static const char *words_for(const struct entry *e, const struct config_choice *c, int roles, struct text *t)
{
	const struct config_key *k = config_key_named(e->maps->sub, c->key);
	text_clear(t);
	for (size_t i = 0; k->words[i]; i++)
		if (c->roles[i] & roles)
			text_printf(t, "%s%s", t->len ? " or " : "", k->words[i]);
	return text_str(t);
}

/* The one given of the keys that exclude each other; NULL: none, or more than one. */
static const struct config_either *given_of(const struct entry *e)
{
	const struct config_either *given = NULL;
	for (const struct config_either *x = e->maps->entry->either; x->key; x++) {
		if (!lint_value(e->l, e->node, x->key))
			continue;
		if (given)
			return NULL;
		given = x;
	}
	return given;
}

/* A key of another role: complained about with the first choice that rules it out. */
static void check_role_of_key(const struct entry *e, const yaml_node_t *kn, const struct config_key *k)
{
	struct text t = {0};
	const struct config_either *given = given_of(e);
	for (const struct config_choice *c = e->maps->entry->choice; c->key; c++) {
		int roles = 0;
		const char *word = word_of(e, c, &roles);
		if (!word || (k->roles & roles))
			continue;
		lint_complain(e->l, &kn->start_mark, "\"%s\" is for %ss of %s %s, this one is %s%s", k->name,
			e->maps->entry->name, c->key, words_for(e, c, k->roles, &t), c->article, word);
		text_fini(&t);
		return;
	}
	text_fini(&t);
	for (const struct config_either *x = given ? e->maps->entry->either : NULL; x && x->key; x++)
		if (!(k->roles & given->roles) && (k->roles & x->roles)) {
			lint_complain(e->l, &kn->start_mark,
				"\"%s\" is for %ss with \"%s\", this one has \"%s\"", k->name,
				e->maps->entry->name, x->key, given->key);
			return;
		}
}

/* The amount a key stands for here, given or default; false if it is not one. */
static bool amount(const struct entry *e, const char *key, int role, uint64_t *out)
{
	const struct config_key *k = config_key_named(e->maps->sub, key);
	const yaml_node_t *n = lint_value(e->l, e->node, key);
	const char *v = n ? lint_scalar(n) : config_default(k, role);
	char buf[160];
	if (!v || config_check(k, v, buf, sizeof buf))
		return false;
	/* A count reads as a size without a unit. */
	return (k->kind == CONFIG_DURATION ? lan_parse_duration(v, out) : lan_parse_size(v, out)) == LAN_OK;
}

static bool applies(const struct entry *e, const char *key, int role)
{
	return config_key_named(e->maps->sub, key)->roles & role;
}

/* a may not exceed b; complained about at the one that was given. */
static void check_order(const struct entry *e, const struct config_pair *p, int role)
{
	uint64_t a, b;
	const yaml_node_t *at = lint_value(e->l, e->node, p->a);
	at = at ? at : lint_value(e->l, e->node, p->b);
	if (at && applies(e, p->a, role) && applies(e, p->b, role) && amount(e, p->a, role, &a) &&
		amount(e, p->b, role, &b) && a > b)
		lint_complain(e->l, &at->start_mark, "%s is greater than %s", p->a, p->b);
}

static void check_together(const struct entry *e, const char *there, const char *missing)
{
	const yaml_node_t *at = lint_value(e->l, e->node, there);
	if (at && !lint_value(e->l, e->node, missing))
		lint_complain(e->l, &at->start_mark, "\"%s\" without \"%s\": both or none", there, missing);
}

/* What is switched off needs nothing. */
static void check_with(const struct entry *e, const struct config_pair *p)
{
	const yaml_node_t *at = lint_value(e->l, e->node, p->a);
	const char *value = at ? lint_scalar(at) : NULL;
	if (value && (strcmp(value, "false") == 0 || strcmp(value, "no") == 0))
		return;
	if (at && !lint_value(e->l, e->node, p->b))
		lint_complain(e->l, &at->start_mark, "\"%s\" without \"%s\"", p->a, p->b);
}

static void check_need(const struct entry *e, const struct config_need *need)
{
	const char *what = e->maps->entry->name;
	if (lint_value(e->l, e->node, need->key))
		return;
	if (need->hint)
		lint_complain(e->l, &e->node->start_mark, "%s %s has no \"%s\" (%s)", what, e->called,
			need->key, need->hint);
	else
		lint_complain(e->l, &e->node->start_mark, "a %s has no \"%s\"", what, need->key);
}

/* The role of the entry; 0 while its words are missing, wrong or contradict each other. */
static int role_of(const struct entry *e)
{
	const struct config_either *given = given_of(e);
	int role = given ? given->roles : e->maps->entry->either[0].key ? 0 : CONFIG_ANY;
	for (const struct config_choice *c = e->maps->entry->choice; c->key; c++) {
		int roles = 0;
		if (!word_of(e, c, &roles))
			return 0;
		role &= roles;
	}
	return role;
}

/* None of them, or two. */
static void check_either(const struct entry *e)
{
	const struct config_entry *rules = e->maps->entry;
	const struct config_either *a = &rules->either[0], *b = &rules->either[1];
	const yaml_node_t *at = a->key ? lint_value(e->l, e->node, b->key) : NULL;
	if (!a->key || given_of(e))
		return;
	if (at)
		lint_complain(e->l, &at->start_mark, "a %s has \"%s\" or \"%s\", not both", rules->name,
			a->key, b->key);
	else
		lint_complain(e->l, &e->node->start_mark, "%s %s has neither \"%s\" (%s) nor \"%s\" (%s)",
			rules->name, e->called, a->key, a->hint, b->key, b->hint);
}

static void check_together_all(const struct entry *e)
{
	const struct config_entry *rules = e->maps->entry;
	int role = role_of(e);
	check_either(e);
	for (size_t i = 0; i < sizeof rules->need / sizeof rules->need[0] && rules->need[i].key; i++)
		if (rules->need[i].roles == CONFIG_ANY || (rules->need[i].roles & role))
			check_need(e, &rules->need[i]);
	for (yaml_node_pair_t *p = e->node->data.mapping.pairs.start; p < e->node->data.mapping.pairs.top;
		p++) {
		const yaml_node_t *kn = lint_node(e->l, p->key);
		const char *key = lint_scalar(kn);
		const struct config_key *k = key ? config_key_named(e->maps->sub, key) : NULL;
		if (k)
			check_role_of_key(e, kn, k);
	}
	for (const struct config_pair *p = rules->order; p->a; p++)
		check_order(e, p, role);
	for (const struct config_pair *p = rules->together; p->a; p++) {
		check_together(e, p->a, p->b);
		check_together(e, p->b, p->a);
	}
	for (const struct config_pair *p = rules->with; p->a; p++)
		check_with(e, p);
	if (rules->lint)
		rules->lint(e->l, e->node);
}

void lint_entry(struct lint *l, yaml_node_t *n, const struct config_key *maps)
{
	struct entry e = {.l = l, .node = n, .maps = maps, .called = "without a name"};
	struct text what = {0}, q = {0};
	const yaml_node_t *name;
	text_printf(&what, "a %s", maps->entry->name);
	lint_map(l, n, maps->sub, text_str(&what));
	if (n->type == YAML_MAPPING_NODE) {
		name = lint_value(l, n, "name");
		if (name && lint_scalar(name))
			e.called = lint_quoted(&q, lint_scalar(name));
		check_together_all(&e);
	}
	text_fini(&what);
	text_fini(&q);
}

static const yaml_node_t *value_in(struct lint *l, const yaml_node_t *list, size_t i, const char *key)
{
	const yaml_node_t *n = lint_node(l, list->data.sequence.items.start[i]);
	return n->type == YAML_MAPPING_NODE ? lint_value(l, n, key) : NULL;
}

/* Two entries with the same value of `key`. */
static void check_distinct(struct lint *l, yaml_node_t *list, const struct config_key *maps, const char *key)
{
	struct text q = {0};
	const struct config_key *k = config_key_named(maps->sub, key);
	size_t n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	for (size_t i = 0; n <= maps->max && i < n; i++) {
		const yaml_node_t *va = value_in(l, list, i, key);
		const char *sa = va ? lint_scalar(va) : NULL;
		if (!sa || config_may_repeat(k, sa))
			continue;
		for (size_t j = 0; j < i; j++) {
			const yaml_node_t *vb = value_in(l, list, j, key);
			if (!vb || !lint_scalar(vb) || strcmp(lint_scalar(vb), sa) != 0)
				continue;
			lint_complain(l, &va->start_mark, "two %ss have the %s %s (first in line %zu)",
				maps->entry->name, key, lint_quoted(&q, sa), vb->start_mark.line + 1);
			break;
		}
	}
	text_fini(&q);
}

void lint_entries(struct lint *l, yaml_node_t *list, const struct config_key *maps)
{
	for (const struct config_distinct *d = maps->entry->distinct; d->key; d++)
		check_distinct(l, list, maps, d->key);
	if (maps->entry->lint_all)
		maps->entry->lint_all(l, list);
}
