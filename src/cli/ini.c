/*
 * ini.c - see ini.h. Written after what Python's configparser does with its
 * defaults, which is a little surprising: a value goes on in every line that is
 * indented deeper than its key, blank lines in between included; a comment is a
 * comment only if nothing stands before it; a section and a key may not come
 * twice (DEFAULT may); what is no comment, no section and has neither = nor : is
 * an error.
 */
#include "cli/ini.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 10 /* of references in references */

struct reader {
	struct ini *ini;
	const char *section;    /* in force; NULL: none yet */
	struct ini_entry *last; /* a value that may go on */
	size_t indent, line;
	bool enough; /* memory */
};

void ini_error(struct ini *ini, size_t line, const char *fmt, ...)
{
	va_list ap;
	fprintf(ini->errors, "%s:%zu: ", ini->file, line);
	va_start(ap, fmt);
	vfprintf(ini->errors, fmt, ap);
	va_end(ap);
	fputc('\n', ini->errors);
	ini->n_errors++;
}

/* What Python strips, as far as it is ASCII. */
static bool is_blank(char c)
{
	return isspace((unsigned char)c) || (c >= 0x1c && c <= 0x1f);
}

static char *strip(char *s)
{
	size_t n;
	while (is_blank(*s))
		s++;
	n = strlen(s);
	while (n && is_blank(s[n - 1]))
		n--;
	s[n] = 0;
	return s;
}

static bool append(char **to, const char *more)
{
	size_t had = strlen(*to), n = strlen(more);
	char *p = realloc(*to, had + n + 2);
	if (!p)
		return false;
	p[had] = '\n';
	memcpy(p + had + 1, more, n + 1);
	*to = p;
	return true;
}

static void open_section(struct reader *r, char *line)
{
	char *end = strrchr(line, ']');
	struct ini *ini = r->ini;
	struct ini_section *list;
	char *name = strndup(line + 1, (size_t)(end - line - 1));
	r->last = NULL;
	list = realloc(ini->section, (ini->n_sections + 1) * sizeof *list);
	if (list)
		ini->section = list;
	if (!name || !list) {
		free(name);
		r->enough = false;
		return;
	}
	for (size_t i = 0; strcmp(name, "DEFAULT") != 0 && i < ini->n_sections; i++)
		if (strcmp(list[i].name, name) == 0)
			ini_error(ini, r->line, "a second section [%s]", name);
	list[ini->n_sections++] = (struct ini_section){name, r->line};
	r->section = name;
}

static void add(struct reader *r, const char *key, const char *value)
{
	struct ini *ini = r->ini;
	const struct ini_entry *before = ini_find(ini, r->section, key);
	struct ini_entry *list;
	if (before)
		ini_error(ini, r->line, "\"%s\" a second time (first in line %zu)", key, before->line);
	list = realloc(ini->entry, (ini->n + 1) * sizeof *list);
	if (!list) {
		r->enough = false;
		return;
	}
	ini->entry = list;
	r->last = &list[ini->n];
	*r->last = (struct ini_entry){strdup(r->section), strdup(key), strdup(value), r->line};
	ini->n++;
	r->enough &= r->last->section && r->last->key && r->last->value;
}

static void open_option(struct reader *r, char *line)
{
	size_t at = strcspn(line, "=:");
	char *key, *value;
	/* A line that is neither leaves what went before as it was: its value may go on. */
	if (!line[at]) {
		ini_error(r->ini, r->line, "neither \"key = value\" nor [section]");
		return;
	}
	line[at] = 0;
	key = strip(line);
	value = strip(line + at + 1);
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!*key)
		ini_error(r->ini, r->line, "there is no key in front of the value");
	add(r, key, value);
}

static void take_line(struct reader *r, char *line)
{
	size_t indent = 0;
	char *text;
	while (is_blank(line[indent]))
		indent++;
	text = strip(line);
	if (*text == '#' || *text == ';')
		return;
	if (!*text) {
		if (r->last)
			r->enough &= append(&r->last->value, "");
		return;
	}
	if (r->last && indent > r->indent) {
		r->enough &= append(&r->last->value, text);
		return;
	}
	r->indent = indent;
	if (text[0] == '[' && strrchr(text, ']') && strrchr(text, ']') > text + 1)
		open_section(r, text);
	else if (!r->section)
		ini_error(r->ini, r->line, "this stands before the first [section]");
	else
		open_option(r, text);
}

/* Lines end with LF, CR LF or CR. */
static size_t line_length(const char *p, const char *end, size_t *step)
{
	size_t n = 0;
	while (p + n < end && p[n] != '\n' && p[n] != '\r')
		n++;
	*step = n + (p + n < end) + (p + n + 1 < end && p[n] == '\r' && p[n + 1] == '\n');
	return n;
}

static void finish(struct ini *ini)
{
	for (size_t i = 0; i < ini->n; i++) {
		char *v = ini->entry[i].value;
		size_t n = v ? strlen(v) : 0;
		while (n && is_blank(v[n - 1]))
			v[--n] = 0;
	}
}

bool ini_parse(struct ini *ini, char *text, size_t len)
{
	struct reader r = {.ini = ini, .enough = true};
	char *p = text, *end = text + len;
	while (p < end && r.enough && ini->n_errors < 50) {
		size_t step, n = line_length(p, end, &step);
		r.line++;
		p[n] = 0;
		if (strlen(p) != n)
			ini_error(ini, r.line, "a NUL");
		else
			take_line(&r, p);
		p += step;
	}
	finish(ini);
	if (!r.enough)
		ini_error(ini, r.line, "out of memory");
	return ini->n_errors == 0;
}

void ini_fini(struct ini *ini)
{
	for (size_t i = 0; i < ini->n; i++) {
		free(ini->entry[i].section);
		free(ini->entry[i].key);
		free(ini->entry[i].value);
	}
	free(ini->entry);
	for (size_t i = 0; i < ini->n_sections; i++)
		free(ini->section[i].name);
	free(ini->section);
	ini->entry = NULL;
	ini->section = NULL;
	ini->n = ini->n_sections = 0;
}

struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key)
{
	for (size_t i = 0; i < ini->n; i++)
		if (strcmp(ini->entry[i].section, section) == 0 && strcmp(ini->entry[i].key, key) == 0)
			return &ini->entry[i];
	return NULL;
}

/* --- references --------------------------------------------------------------- */

struct resolve {
	struct ini *ini;
	const struct ini_entry *e;
	const char *(*look)(struct ini *ini, const char *key);
	FILE *out;
	size_t steps;
};

static bool resolve(struct resolve *r, const char *raw, int depth);

/* "%(name)s" at `p`; where it ends, or NULL. */
static const char *reference(struct resolve *r, const char *p, int depth)
{
	const char *close = strchr(p + 2, ')'), *raw;
	char *name;
	if (!close || close == p + 2 || close[1] != 's') {
		ini_error(r->ini, r->e->line, "%%( without a name and )s: \"%.40s\"", p);
		return NULL;
	}
	name = strndup(p + 2, (size_t)(close - p - 2));
	for (char *c = name; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	raw = name ? r->look(r->ini, name) : NULL;
	if (!raw)
		ini_error(r->ini, r->e->line, "%%(%s)s: there is no such key", name ? name : "");
	free(name);
	return raw && resolve(r, raw, depth + 1) ? close + 2 : NULL;
}

/* Bounded in depth, as the original is, and in work: a value of references to references doubles. */
static bool resolve(struct resolve *r, const char *raw, int depth)
{
	if (depth > DEPTH_MAX || r->steps > 10000) {
		ini_error(r->ini, r->e->line, "references are nested too deeply");
		return false;
	}
	for (const char *p = raw; p && *p;) {
		size_t n = strcspn(p, "%");
		r->steps++;
		fwrite(p, 1, n, r->out);
		p += n;
		if (!*p)
			break;
		if (p[1] == '%') {
			fputc('%', r->out);
			p += 2;
		} else if (p[1] == '(') {
			p = reference(r, p, depth);
			if (!p)
				return false;
		} else {
			ini_error(r->ini, r->e->line, "a %% is written %%%%");
			return false;
		}
	}
	return true;
}

char *ini_value(
	struct ini *ini, const struct ini_entry *e, const char *(*look)(struct ini *ini, const char *key))
{
	char *text = NULL;
	size_t len = 0;
	struct resolve r = {.ini = ini, .e = e, .look = look, .out = open_memstream(&text, &len)};
	bool ok = r.out && resolve(&r, e->value, 1);
	if (r.out && fclose(r.out) != 0)
		ok = false;
	if (ok)
		return text;
	free(text);
	return NULL;
}
