/*
 * words.c - see words.h. Escapes are decoded in place: a decoded word is never
 * longer than its text.
 */
#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

void words_error(struct words *w, const char *fmt, ...)
{
	va_list ap;

	if (w->bad)
		return;
	w->bad = true;
	fprintf(stderr, "%s:%u: ", w->file, w->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static char escape(struct words *w, char **in)
{
	char c = *(*in)++, hex[3] = {0};

	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '"':
	case '\\':
		return c;
	case 'x':
		if (!(*in)[0] || !(*in)[1])
			break;
		memcpy(hex, *in, 2);
		if (strspn(hex, "0123456789abcdefABCDEF") != 2)
			break;
		*in += 2;
		return (char)strtol(hex, NULL, 16);
	}
	words_error(w, "unknown escape \\%c (known: \\n \\r \\t \\\" \\\\ \\xHH)", c);
	return c;
}

static char *quoted(struct words *w, char *in, struct word *word)
{
	char *out = in;

	*word = (struct word){.text = in, .quoted = true};
	while (*in && *in != '"') {
		char c = *in++;

		*out++ = c == '\\' && *in ? escape(w, &in) : c;
	}
	if (!*in)
		words_error(w, "text without a closing quote");
	else
		in++;
	word->len = (size_t)(out - word->text);
	*out = 0;
	return in;
}

void words_split(struct words *w, const char *file, unsigned line_no, char *line)
{
	*w = (struct words){.file = file, .line = line_no};
	for (char *p = line; *(p += strspn(p, " \t\r\n")) && *p != '#';) {
		if (w->n == WORDS_MAX) {
			words_error(w, "more than %d words", WORDS_MAX);
			return;
		}
		struct word *word = &w->w[w->n++];

		if (*p == '"') {
			p = quoted(w, p + 1, word);
			continue;
		}
		word->text = p;
		p += strcspn(p, " \t\r\n");
		word->len = (size_t)(p - word->text);
		if (*p)
			*p++ = 0;
	}
}

bool words_eat(struct words *w, const char *word)
{
	if (w->at >= w->n || w->w[w->at].quoted || strcmp(w->w[w->at].text, word) != 0)
		return false;
	w->at++;
	return true;
}

const struct word *words_text(struct words *w, const char *what)
{
	if (w->at < w->n)
		return &w->w[w->at++];
	words_error(w, "%s is missing at the end of the line", what);
	return NULL;
}

const char *words_name(struct words *w, const char *what)
{
	if (w->at < w->n && w->w[w->at].quoted) {
		words_error(w, "%s is missing before \"%s\"", what, w->w[w->at].text);
		return NULL;
	}
	const struct word *word = words_text(w, what);

	return word ? word->text : NULL;
}

const struct word *words_quoted(struct words *w)
{
	return w->at < w->n && w->w[w->at].quoted ? &w->w[w->at++] : NULL;
}

lan_time words_duration(struct words *w)
{
	const char *text = words_name(w, "a duration (250ms, 2s)");
	lan_time t = 0;

	if (text && lan_parse_duration(text, &t) != LAN_OK)
		words_error(w, "%s is no duration (250ms, 2s)", text);
	return t;
}

bool words_maybe_number(struct words *w, uint64_t *n)
{
	char *end;

	if (w->at >= w->n || w->w[w->at].quoted || !w->w[w->at].len)
		return false;
	uint64_t v = strtoull(w->w[w->at].text, &end, 10);

	if (*end)
		return false;
	w->at++;
	*n = v;
	return true;
}

uint64_t words_number(struct words *w)
{
	uint64_t n = 0;

	if (!words_maybe_number(w, &n))
		words_error(w, "a number is missing%s%s", w->at < w->n ? " before " : "",
			w->at < w->n ? w->w[w->at].text : "");
	return n;
}

void words_end(struct words *w)
{
	if (w->at < w->n)
		words_error(w, "\"%s\" is not understood here", w->w[w->at].text);
}
