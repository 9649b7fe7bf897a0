/*
 * out_text.c - text for people: see text.h. Widths are counted in characters,
 * not bytes; the last column is not padded; control characters in names and
 * lines of others are shown, not obeyed.
 */
#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/wait.h"

void table_init(struct table *t, int columns, unsigned right)
{
	*t = (struct table){.columns = columns, .right = right};
}

void table_cell(struct table *t, enum cell_color color, const char *fmt, ...)
{
	va_list ap;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		char **cells = realloc(t->cells, cap * sizeof *cells);
		t->cells = cells ? cells : t->cells;
		enum cell_color *colors = realloc(t->colors, cap * sizeof *colors);
		t->colors = colors ? colors : t->colors;
		if (!cells || !colors) {
			t->no_memory = true;
			return;
		}
		t->cap = cap;
	}
	va_start(ap, fmt);
	if (vasprintf(&t->cells[t->n], fmt, ap) < 0)
		t->no_memory = true;
	else
		t->colors[t->n++] = color;
	va_end(ap);
}

static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void text_colored(struct out *o, bool color, enum cell_color c, const char *s)
{
	static const char *const codes[] = {"", "\033[1m", "\033[32m", "\033[33m", "\033[31m", "\033[2m"};
	color = color && c != PLAIN && *s;
	if (color)
		out_text(o, codes[c]);
	out_foreign(o, s, strlen(s));
	if (color)
		out_text(o, "\033[0m");
}

void table_print(struct table *t, struct out *o, bool color)
{
	size_t widths[TABLE_COLUMNS] = {0}, columns = (size_t)t->columns;
	for (size_t i = 0; i < t->n; i++)
		if (width(t->cells[i]) > widths[i % columns])
			widths[i % columns] = width(t->cells[i]);
	for (size_t i = 0; i < t->n; i++) {
		size_t col = i % columns, last = columns - 1;
		int pad = (int)(widths[col] - width(t->cells[i]));
		/* Blanks at the end of a line help nobody. */
		while (last > col && !*t->cells[i - col + last])
			last--;
		if (t->right >> col & 1)
			out_printf(o, "%*s", pad, "");
		text_colored(o, color, t->colors[i], t->cells[i]);
		if (col < last)
			out_printf(o, "%*s", t->right >> col & 1 ? 2 : pad + 2, "");
		if (col == columns - 1)
			out_char(o, '\n');
	}
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->colors);
	*t = (struct table){0};
}

char *text_age(uint64_t ms, char *buf)
{
	uint64_t s = ms / 1000;
	if (ms < 1000)
		snprintf(buf, 32, "%ums", (unsigned)ms);
	else if (s < 60)
		snprintf(buf, 32, "%u.%us", (unsigned)s, (unsigned)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(buf, 32, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(buf, 32, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else
		snprintf(buf, 32, "%llud%02uh", (unsigned long long)(s / 86400), (unsigned)(s / 3600 % 24));
	return buf;
}

char *text_clock(const char *rfc3339, char *buf)
{
	struct tm tm = {0};
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t at = rest ? timegm(&tm) : 0;
	if (!rest || !localtime_r(&at, &tm)) {
		snprintf(buf, 32, "%.31s", rfc3339);
		return buf;
	}
	snprintf(buf, 32, "%02d:%02d:%02d%.*s", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)strcspn(rest, "Z"),
		rest);
	return buf;
}

char *text_now(char *buf)
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 48 - n, ".%03ldZ", now.tv_nsec / 1000000);
	return buf;
}

char *text_since(const char *rfc3339, char *buf)
{
	struct tm tm = {0};
	struct timespec now;
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = rest && *rest == '.' ? strtod(rest, NULL) : 0;
	clock_gettime(CLOCK_REALTIME, &now);
	double s = rest ? (double)(now.tv_sec - timegm(&tm)) + (double)now.tv_nsec / 1e9 - fraction : 0;
	return text_age(s > 0 ? (uint64_t)(s * 1000) : 0, buf);
}

static void element(struct out *o, const json_t *e)
{
	json_t *doc = json_pack("{s:i}", "schema", 1);
	json_object_update_missing(doc, (json_t *)(uintptr_t)e);
	char *text = json_dumps(doc, JSON_COMPACT);
	if (text)
		out_text(o, text);
	out_char(o, '\n');
	free(text);
	json_decref(doc);
}

bool text_document(const struct cli *cli, const json_t *result, const char *list)
{
	const json_t *elements = list ? json_object_get(result, list) : NULL, *e;
	struct out o;
	size_t i;
	if (cli->mode == MODE_TEXT)
		return false;
	out_init(&o, STDOUT_FILENO);
	if (cli->mode == MODE_JSONL && json_is_array(elements)) {
		json_array_foreach(elements, i, e) element(&o, e);
	} else {
		char *text = json_dumps(result,
			JSON_REAL_PRECISION(9) | (cli->mode == MODE_JSON ? JSON_INDENT(2) : JSON_COMPACT));
		if (text)
			out_text(&o, text);
		out_char(&o, '\n');
		free(text);
	}
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
	return true;
}
