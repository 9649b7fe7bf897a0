/*
 * config_lint.c - every problem of a configuration file, each where it is.
 *
 * libcyaml stops at the first problem and places an unknown key at its mapping;
 * this pass reads the same text into a libyaml document, whose nodes remember
 * their line and column, and walks it against the table of keys. It refuses:
 * unknown and repeated keys, values of the wrong shape or outside their range, a
 * second document; and what config_lint_entry.c finds in an entry as a whole. It descends only where the
 * table does, so aliases cannot make it run for ever.
 */
#include "daemon/config_lint.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX   16
#define ANCHORS_MAX 1000

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

void lint_complain(struct lint *l, const yaml_mark_t *m, const char *fmt, ...)
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

yaml_node_t *lint_node(struct lint *l, int index)
{
	return yaml_document_get_node(&l->doc, index);
}

const char *lint_scalar(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE || strlen((char *)n->data.scalar.value) != n->data.scalar.length)
		return NULL;
	return (const char *)n->data.scalar.value;
}

/* "key:" with nothing behind it, or "key: ~". */
static bool is_null(const yaml_node_t *n)
{
	const char *v = lint_scalar(n);
	return v && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*v || strcmp(v, "~") == 0 || strcmp(v, "null") == 0);
}

const char *lint_quoted(struct text *t, const char *s)
{
	text_clear(t);
	text_quoted(t, s, strlen(s), 60);
	return text_str(t);
}

yaml_node_t *lint_value(struct lint *l, const yaml_node_t *map, const char *key)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const char *k = lint_scalar(lint_node(l, p->key));
		if (k && strcmp(k, key) == 0)
			return lint_node(l, p->value);
	}
	return NULL;
}

static void check_scalar(struct lint *l, yaml_node_t *n, const struct config_key *k)
{
	char buf[160];
	struct text q = {0};
	const char *v = lint_scalar(n), *wrong;
	if (is_null(n))
		lint_complain(l, &n->start_mark, "\"%s\" has no value", k->name);
	else if (!v)
		lint_complain(l, &n->start_mark, "\"%s\" takes a single value", k->name);
	else if ((wrong = config_check(k, v, buf, sizeof buf)) && k->kind == CONFIG_SECRET)
		lint_complain(l, &n->start_mark, "bad %s: %s", k->name, wrong);
	else if (wrong)
		lint_complain(l, &n->start_mark, "bad %s %s: %s", k->name, lint_quoted(&q, v), wrong);
	text_fini(&q);
}

static const char *list_form(const struct config_key *k)
{
	if (k->kind == CONFIG_MAPS)
		return k->sub->kind == CONFIG_NAME ? "takes a list: each entry begins with \"- name: ...\""
		       : k->sub->kind == CONFIG_PREFIX
			       ? "takes a list: each entry is {prefix: .., labels: ..}"
			       : "takes a list: each entry is {id: .., ttl: ..}";
	return k->of == CONFIG_IFACE     ? "takes a list of interfaces: [eth0, 192.0.2.1]"
	       : k->of == CONFIG_ADDRESS ? "takes a list of addresses: [192.0.2.1, 192.0.2.2]"
	       : k->of == CONFIG_GLOB    ? "takes a list of interfaces: [eth0, 'swp*', '!swp7']"
	       : k->of == CONFIG_OCTET   ? "takes a list of numbers: [1, 2]"
	       : k->of == CONFIG_NETWORK ? "takes a list of networks: [ethernet:eth0, 'xbee:ttyUSB0']"
	       : k->of == CONFIG_LISTEN  ? "takes a list of addresses: ['127.0.0.1:8004', '[::1]:8004']"
	       : k->of == CONFIG_WORD    ? "takes a list of words: [casan, sos]"
	       : k->of == CONFIG_LABEL   ? "takes a list of labels: [16000, 16001]"
					 : "takes a list of ids: [a, b, c]";
}

static void lint_list(struct lint *l, yaml_node_t *n, const struct config_key *k)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		lint_complain(l, &n->start_mark, "\"%s\" %s", k->name, list_form(k));
		return;
	}
	if ((size_t)(n->data.sequence.items.top - n->data.sequence.items.start) > k->max) {
		lint_complain(l, &n->start_mark, "\"%s\" has more than %llu entries", k->name,
			(unsigned long long)k->max);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
		if (k->kind == CONFIG_MAPS)
			lint_entry(l, lint_node(l, *i), k);
		else
			check_scalar(l, lint_node(l, *i), k);
	if (k->kind == CONFIG_MAPS)
		lint_entries(l, n, k);
}

static void unknown_key(struct lint *l, const yaml_node_t *n, const struct config_key *keys, const char *key)
{
	struct text q = {0}, all = {0};
	const char *guess = config_suggest(keys, key);
	for (const struct config_key *k = keys; k->name; k++)
		text_printf(&all, "%s%s", k == keys ? "" : ", ", k->name);
	if (guess)
		lint_complain(l, &n->start_mark, "unknown key %s (did you mean \"%s\"?)",
			lint_quoted(&q, key), guess);
	else
		lint_complain(l, &n->start_mark, "unknown key %s (known here: %s)", lint_quoted(&q, key),
			text_str(&all));
	text_fini(&all);
	text_fini(&q);
}

static void lint_pair(struct lint *l, yaml_node_t *map, yaml_node_pair_t *p, const struct config_key *keys)
{
	yaml_node_t *kn = lint_node(l, p->key), *vn = lint_node(l, p->value);
	const char *key = lint_scalar(kn);
	const struct config_key *k = keys;
	if (!key) {
		lint_complain(l, &kn->start_mark, "a key is a single word");
		return;
	}
	while (k->name && strcmp(k->name, key) != 0)
		k++;
	if (!k->name) {
		unknown_key(l, kn, keys, key);
		return;
	}
	for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++) {
		yaml_node_t *other = lint_node(l, q->key);
		const char *name = lint_scalar(other);
		if (name && strcmp(name, key) == 0) {
			lint_complain(l, &kn->start_mark, "\"%s\" is given twice (first in line %zu)", key,
				other->start_mark.line + 1);
			return;
		}
	}
	if (k->kind == CONFIG_MAP)
		lint_map(l, vn, k->sub, k->name);
	else if (k->kind == CONFIG_MAPS || k->kind == CONFIG_LIST)
		lint_list(l, vn, k);
	else
		check_scalar(l, vn, k);
}

void lint_map(struct lint *l, yaml_node_t *n, const struct config_key *keys, const char *what)
{
	size_t pairs;
	if (n->type != YAML_MAPPING_NODE) {
		lint_complain(l, &n->start_mark, "%s takes keys and values: \"%s: ...\"", what, keys->name);
		return;
	}
	/* Repeated keys are looked for pairwise; nothing valid has this many. */
	pairs = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	if (pairs > 100) {
		lint_complain(l, &n->start_mark, "%s has %zu keys, more than there are", what, pairs);
		return;
	}
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
		lint_pair(l, n, p, keys);
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
	lint_complain(l, &m, "not valid YAML: %s%s%s", p->problem ? p->problem : "out of memory",
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
			lint_complain(l, &ev.start_mark, "nested too deeply");
		else if (anchors > ANCHORS_MAX)
			lint_complain(l, &ev.start_mark, "more than %d anchors", ANCHORS_MAX);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	return !l->bad;
}

static void lint_document(struct lint *l)
{
	yaml_node_t *root = yaml_document_get_root_node(&l->doc);
	lint_map(l, root, config_top_keys, "a configuration");
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
			lint_complain(&l, &second->start_mark, "a second document: only one per file");
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
