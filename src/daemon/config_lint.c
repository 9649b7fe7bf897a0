/*
 * config_lint.c - every problem of a configuration file, each where it is.
 *
 * libcyaml stops at the first problem and places an unknown key at its mapping;
 * this pass reads the same text into a libyaml document, whose nodes remember
 * their line and column, and walks it against the table of keys. It refuses:
 * unknown and repeated keys, values of the wrong shape or outside their range,
 * keys of the other role, missing keys, two links of one name or on one
 * address, a second document. It descends only where the table does, so
 * aliases cannot make it run for ever.
 */
#include "daemon/config.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/units.h"

#define DEPTH_MAX   16
#define ANCHORS_MAX 1000

struct lint {
	yaml_document_t doc;
	const char *file;
	struct config_notes *errors;
	bool bad;
	size_t base;                        /* of the errors, this file's begin here */
	yaml_mark_t mark[CONFIG_NOTES_MAX]; /* where each of the errors is */
};

/* The newest error goes to its place: a file's errors are read from top to bottom. */
static void sort_in(struct lint *l, const yaml_mark_t *m)
{
	char **note = l->errors->note;
	size_t i = l->errors->n - 1;
	char *newest = note[i];
	for (; i > l->base; i--) {
		const yaml_mark_t *before = &l->mark[i - 1];
		if (before->line < m->line || (before->line == m->line && before->column <= m->column))
			break;
		note[i] = note[i - 1];
		l->mark[i] = l->mark[i - 1];
	}
	note[i] = newest;
	l->mark[i] = *m;
}

static void complain(struct lint *l, const yaml_mark_t *m, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct lint *l, const yaml_mark_t *m, const char *fmt, ...)
{
	struct text t = {0};
	size_t had = l->errors->n;
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	config_note(l->errors, "%s:%zu:%zu: %s", l->file, m->line + 1, m->column + 1, text_str(&t));
	if (l->errors->n > had)
		sort_in(l, m);
	text_fini(&t);
	l->bad = true;
}

static yaml_node_t *node_at(struct lint *l, int index)
{
	return yaml_document_get_node(&l->doc, index);
}

/* The text of a scalar without NUL in it, or NULL. */
static const char *scalar(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE || strlen((char *)n->data.scalar.value) != n->data.scalar.length)
		return NULL;
	return (const char *)n->data.scalar.value;
}

/* "key:" with nothing behind it, or "key: ~". */
static bool is_null(const yaml_node_t *n)
{
	const char *v = scalar(n);
	return v && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*v || strcmp(v, "~") == 0 || strcmp(v, "null") == 0);
}

static const char *quoted(struct text *t, const char *s)
{
	text_clear(t);
	text_quoted(t, s, strlen(s), 60);
	return text_str(t);
}

static yaml_node_t *value_of(struct lint *l, const yaml_node_t *map, const char *key)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const char *k = scalar(node_at(l, p->key));
		if (k && strcmp(k, key) == 0)
			return node_at(l, p->value);
	}
	return NULL;
}

static void lint_map(struct lint *l, yaml_node_t *node, const struct config_key *keys, const char *what);
static void lint_link(struct lint *l, yaml_node_t *node);

static void lint_scalar(struct lint *l, yaml_node_t *n, const struct config_key *k)
{
	char buf[160];
	struct text q = {0};
	const char *v = scalar(n), *wrong;
	if (is_null(n))
		complain(l, &n->start_mark, "\"%s\" has no value", k->name);
	else if (!v)
		complain(l, &n->start_mark, "\"%s\" takes a single value", k->name);
	else if ((wrong = config_check(k, v, buf, sizeof buf)))
		complain(l, &n->start_mark, "bad %s %s: %s", k->name, quoted(&q, v), wrong);
	text_fini(&q);
}

static void lint_list(struct lint *l, yaml_node_t *n, const struct config_key *k)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		complain(l, &n->start_mark, "\"%s\" %s", k->name,
			k->kind == CONFIG_MAPS ? "takes a list: each entry begins with \"- name: ...\""
					       : "takes a list of ids: [a, b, c]");
		return;
	}
	if ((size_t)(n->data.sequence.items.top - n->data.sequence.items.start) > k->max) {
		complain(l, &n->start_mark, "\"%s\" has more than %llu entries", k->name,
			(unsigned long long)k->max);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
		if (k->kind == CONFIG_MAPS)
			lint_link(l, node_at(l, *i));
		else
			lint_scalar(l, node_at(l, *i), k);
}

static void unknown_key(struct lint *l, const yaml_node_t *n, const struct config_key *keys, const char *key)
{
	struct text q = {0}, all = {0};
	const char *guess = config_suggest(keys, key);
	for (const struct config_key *k = keys; k->name; k++)
		text_printf(&all, "%s%s", k == keys ? "" : ", ", k->name);
	if (guess)
		complain(l, &n->start_mark, "unknown key %s (did you mean \"%s\"?)", quoted(&q, key), guess);
	else
		complain(l, &n->start_mark, "unknown key %s (known here: %s)", quoted(&q, key),
			text_str(&all));
	text_fini(&all);
	text_fini(&q);
}

static void lint_pair(struct lint *l, yaml_node_t *map, yaml_node_pair_t *p, const struct config_key *keys)
{
	yaml_node_t *kn = node_at(l, p->key), *vn = node_at(l, p->value);
	const char *key = scalar(kn);
	const struct config_key *k = keys;
	if (!key) {
		complain(l, &kn->start_mark, "a key is a single word");
		return;
	}
	while (k->name && strcmp(k->name, key) != 0)
		k++;
	if (!k->name) {
		unknown_key(l, kn, keys, key);
		return;
	}
	for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++) {
		yaml_node_t *other = node_at(l, q->key);
		const char *name = scalar(other);
		if (name && strcmp(name, key) == 0) {
			complain(l, &kn->start_mark, "\"%s\" is given twice (first in line %zu)", key,
				other->start_mark.line + 1);
			return;
		}
	}
	if (k->kind == CONFIG_MAP)
		lint_map(l, vn, k->sub, k->name);
	else if (k->kind == CONFIG_MAPS || k->kind == CONFIG_IDS)
		lint_list(l, vn, k);
	else
		lint_scalar(l, vn, k);
}

static void lint_map(struct lint *l, yaml_node_t *n, const struct config_key *keys, const char *what)
{
	size_t pairs;
	if (n->type != YAML_MAPPING_NODE) {
		complain(l, &n->start_mark, "%s takes keys and values: \"%s: ...\"", what, keys->name);
		return;
	}
	/* Repeated keys are looked for pairwise; nothing valid has this many. */
	pairs = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	if (pairs > 100) {
		complain(l, &n->start_mark, "%s has %zu keys, more than there are", what, pairs);
		return;
	}
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
		lint_pair(l, n, p, keys);
}

/* The amount a key stands for in this link, given or default; false if it is not one. */
static bool amount(struct lint *l, yaml_node_t *map, const char *key, uint64_t *out)
{
	const struct config_key *k = config_link_keys;
	yaml_node_t *n = value_of(l, map, key);
	while (strcmp(k->name, key) != 0)
		k++;
	const char *v = n ? scalar(n) : k->def;
	char buf[160];
	return v && !config_check(k, v, buf, sizeof buf) &&
	       (k->kind == CONFIG_SIZE ? lan_parse_size(v, out) : lan_parse_duration(v, out)) == LAN_OK;
}

/* `small` may not exceed `big`; complained about at the one that was given. */
static void lint_order(struct lint *l, yaml_node_t *map, const char *small, const char *big)
{
	uint64_t a, b;
	yaml_node_t *at = value_of(l, map, small);
	at = at ? at : value_of(l, map, big);
	if (at && amount(l, map, small, &a) && amount(l, map, big, &b) && a > b)
		complain(l, &at->start_mark, "%s is greater than %s", small, big);
}

/* What only the keys of one link together show. */
static void lint_role(struct lint *l, yaml_node_t *n, const char *link, const char *role)
{
	bool server = strcmp(role, "server") == 0;
	if (!server && strcmp(role, "client") != 0)
		return;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *kn = node_at(l, p->key);
		const char *key = scalar(kn);
		for (const struct config_key *k = config_link_keys; key && k->name; k++)
			if (strcmp(k->name, key) == 0 &&
				!(k->roles & (server ? CONFIG_SERVER : CONFIG_CLIENT)))
				complain(l, &kn->start_mark,
					"\"%s\" is for links of role %s, this one is a %s", key,
					server ? "client" : "server", role);
	}
	if (!server)
		lint_order(l, n, "retry_min", "retry_max");
	lint_order(l, n, "max_line", "max_queue");
	if (server && !value_of(l, n, "listen"))
		complain(l, &n->start_mark, "link %s has no \"listen\" (ADDRESS:PORT, e.g. 127.0.0.1:8123)",
			link);
	if (!server && !value_of(l, n, "connect"))
		complain(l, &n->start_mark, "link %s has no \"connect\" (HOST:PORT of its server)", link);
	if (!server && !value_of(l, n, "id"))
		complain(l, &n->start_mark, "link %s has no \"id\" (the name it gives itself)", link);
}

static void lint_link(struct lint *l, yaml_node_t *n)
{
	struct text q = {0};
	yaml_node_t *name, *role;
	const char *called, *is;
	lint_map(l, n, config_link_keys, "a link");
	if (n->type != YAML_MAPPING_NODE)
		return;
	name = value_of(l, n, "name");
	role = value_of(l, n, "role");
	called = name && scalar(name) ? quoted(&q, scalar(name)) : "without a name";
	is = role ? scalar(role) : NULL;
	if (!name)
		complain(l, &n->start_mark, "a link has no \"name\"");
	if (!role)
		complain(l, &n->start_mark, "link %s has no \"role\" (server or client)", called);
	else if (is)
		lint_role(l, n, called, is);
	text_fini(&q);
}

/* Two links with the same value of `key`. */
static void lint_distinct(struct lint *l, yaml_node_t *links, const char *key)
{
	struct text q = {0};
	size_t n = (size_t)(links->data.sequence.items.top - links->data.sequence.items.start);
	for (size_t i = 0; n <= CONFIG_LINKS_MAX && i < n; i++) {
		yaml_node_t *a = node_at(l, links->data.sequence.items.start[i]);
		yaml_node_t *va = a->type == YAML_MAPPING_NODE ? value_of(l, a, key) : NULL;
		const char *sa = va ? scalar(va) : NULL;
		size_t digits = sa ? strlen(sa) : 0;
		/* Port 0 is "any": two such never collide. */
		if (!sa || (digits > 2 && strcmp(sa + digits - 2, ":0") == 0))
			continue;
		for (size_t k = 0; k < i; k++) {
			yaml_node_t *b = node_at(l, links->data.sequence.items.start[k]);
			yaml_node_t *vb = b->type == YAML_MAPPING_NODE ? value_of(l, b, key) : NULL;
			if (!vb || !scalar(vb) || strcmp(scalar(vb), sa) != 0)
				continue;
			complain(l, &va->start_mark, "two links have the %s %s (first in line %zu)", key,
				quoted(&q, sa), vb->start_mark.line + 1);
			break;
		}
	}
	text_fini(&q);
}

/* libyaml gives a mark for errors of grammar, only an offset for errors of encoding. */
static void complain_parser(struct lint *l, const yaml_parser_t *p, const char *yaml, size_t len)
{
	yaml_mark_t m = p->problem_mark;
	if (p->error == YAML_READER_ERROR) {
		m.line = m.column = 0;
		for (size_t i = 0; i < p->problem_offset && i < len; i++) {
			m.column = yaml[i] == '\n' ? 0 : m.column + 1;
			m.line += yaml[i] == '\n';
		}
	}
	complain(l, &m, "not valid YAML: %s%s%s", p->problem ? p->problem : "out of memory",
		p->context ? " " : "", p->context ? p->context : "");
}

/* libyaml takes quadratic time over nesting and over anchors: look first, event
 * by event, and stop at what no configuration has. Errors of grammar are left
 * to the pass that loads the document. */
static bool lint_bounds(struct lint *l, const char *yaml, size_t len)
{
	yaml_parser_t p;
	yaml_event_t ev;
	bool more = true;
	size_t depth = 0, anchors = 0;
	if (!yaml_parser_initialize(&p))
		return true;
	yaml_parser_set_input_string(&p, (const unsigned char *)yaml, len);
	while (more && !l->bad && yaml_parser_parse(&p, &ev)) {
		bool opens = ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT;
		depth += opens;
		depth -= ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
		anchors += (ev.type == YAML_SCALAR_EVENT && ev.data.scalar.anchor) ||
			   (ev.type == YAML_SEQUENCE_START_EVENT && ev.data.sequence_start.anchor) ||
			   (ev.type == YAML_MAPPING_START_EVENT && ev.data.mapping_start.anchor);
		if (depth > DEPTH_MAX)
			complain(l, &ev.start_mark, "nested too deeply");
		else if (anchors > ANCHORS_MAX)
			complain(l, &ev.start_mark, "more than %d anchors", ANCHORS_MAX);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	return !l->bad;
}

static void lint_document(struct lint *l)
{
	yaml_node_t *root = yaml_document_get_root_node(&l->doc), *links;
	lint_map(l, root, config_top_keys, "a configuration");
	if (root->type != YAML_MAPPING_NODE)
		return;
	links = value_of(l, root, "link");
	if (links && links->type == YAML_SEQUENCE_NODE) {
		lint_distinct(l, links, "name");
		lint_distinct(l, links, "listen");
	}
}

bool config_lint(const char *file, const char *yaml, size_t len, struct config_notes *errors, bool *empty)
{
	struct lint l = {.file = file, .errors = errors, .base = errors->n};
	yaml_parser_t p;
	yaml_document_t next;
	*empty = false;
	if (!lint_bounds(&l, yaml, len))
		return false;
	if (!yaml_parser_initialize(&p)) {
		config_note(errors, "%s: out of memory", file);
		return false;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)yaml, len);
	if (!yaml_parser_load(&p, &l.doc)) {
		complain_parser(&l, &p, yaml, len);
		yaml_parser_delete(&p);
		return false;
	}
	*empty = !yaml_document_get_root_node(&l.doc);
	if (!*empty && yaml_parser_load(&p, &next)) {
		yaml_node_t *second = yaml_document_get_root_node(&next);
		if (second)
			complain(&l, &second->start_mark, "a second document: only one per file");
		yaml_document_delete(&next);
	} else if (!*empty) {
		complain_parser(&l, &p, yaml, len);
	}
	if (!*empty && !l.bad)
		lint_document(&l);
	yaml_document_delete(&l.doc);
	yaml_parser_delete(&p);
	return !l.bad;
}
