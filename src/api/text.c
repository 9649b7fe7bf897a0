/*
 * text.c - growing text, escaping for people and logs, RFC 3339 times.
 *
 * Escaping is one function for logs, error messages and listings, so that there
 * is one place to get it right: no byte that moves a cursor, starts a terminal
 * sequence, ends a log line or closes a quote leaves it unescaped. Characters
 * that reorder or break a line without being controls (U+2028, U+2029, the bidi
 * marks) are escaped too.
 */
#include "api/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

void text_fini(struct text *t)
{
	free(t->p);
	*t = (struct text){0};
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->bad = false;
	if (t->p)
		t->p[0] = 0;
}

static char *room(struct text *t, size_t n)
{
	if (t->bad)
		return NULL;
	if (n >= t->cap - t->len || !t->p) {
		size_t cap = t->cap ? t->cap : 128;
		while (cap - t->len <= n) {
			if (cap > SIZE_MAX / 2) {
				t->bad = true;
				return NULL;
			}
			cap *= 2;
		}
		char *p = realloc(t->p, cap);
		if (!p) {
			t->bad = true;
			return NULL;
		}
		t->p = p;
		t->cap = cap;
	}
	return t->p + t->len;
}

void text_add(struct text *t, const void *p, size_t n)
{
	char *to = room(t, n);
	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	t->len += n;
	t->p[t->len] = 0;
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *to = n < 0 ? NULL : room(t, (size_t)n);
	if (to) {
		vsnprintf(to, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	} else {
		t->bad = true;
	}
	va_end(again);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

/* Length of the UTF-8 character at s, 0 if it is not one. */
static size_t char_len(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	return len <= n && lan_utf8_valid(s, len) ? len : 0;
}

/* Characters that are no ASCII controls and yet change how the rest of a line reads. */
static bool is_tricky(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	if (len == 2)
		return u[0] == 0xc2 && u[1] < 0xa0; /* C1 controls */
	if (len != 3)
		return false;
	if (u[0] == 0xe2 && u[1] == 0x80) /* U+200B..U+200F, U+2028..U+202E */
		return (u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xa8 && u[2] <= 0xae);
	if (u[0] == 0xe2 && u[1] == 0x81) /* U+2060..U+206F */
		return u[2] >= 0xa0 && u[2] <= 0xaf;
	return u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf;
}

void text_escaped(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t len = char_len(s + i, n - i);
		if (c == '"' || c == '\\') {
			text_printf(t, "\\%c", c);
		} else if (c == '\n') {
			text_puts(t, "\\n");
		} else if (c == '\t') {
			text_puts(t, "\\t");
		} else if (c == '\r') {
			text_puts(t, "\\r");
		} else if (!len || c < 0x20 || c == 0x7f || is_tricky(s + i, len)) {
			for (size_t k = 0; k < (len ? len : 1); k++)
				text_printf(t, "\\x%02x", (unsigned char)s[i + k]);
		} else {
			text_add(t, s + i, len);
		}
		i += len ? len : 1;
	}
}

/* The code point of a tricky character (two or three bytes). */
static unsigned tricky_point(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	if (len == 2)
		return (unsigned)(u[0] & 0x1f) << 6 | (u[1] & 0x3f);
	return (unsigned)(u[0] & 0x0f) << 12 | (unsigned)(u[1] & 0x3f) << 6 | (u[2] & 0x3f);
}

void text_json(struct text *t, const char *s, size_t n)
{
	size_t plain = 0;
	text_puts(t, "\"");
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t len = char_len(s + i, n - i);
		bool tricky = len > 1 && is_tricky(s + i, len);
		if (len && c >= 0x20 && c != 0x7f && c != '"' && c != '\\' && !tricky) {
			i += len;
			continue;
		}
		text_add(t, s + plain, i - plain);
		if (!len)
			text_puts(t, "\\ufffd");
		else if (c == '"' || c == '\\')
			text_printf(t, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			text_puts(t, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else
			text_printf(t, "\\u%04x", tricky ? tricky_point(s + i, len) : c);
		i += len ? len : 1;
		plain = i;
	}
	text_add(t, s + plain, n - plain);
	text_puts(t, "\"");
}

void text_quoted(struct text *t, const char *s, size_t n, size_t max)
{
	size_t cut = n > max ? max : n;
	while (cut < n && cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--;
	text_puts(t, "\"");
	text_escaped(t, s, cut);
	text_puts(t, cut < n ? "\"..." : "\"");
}

const char *text_str(const struct text *t)
{
	return t->p && !t->bad ? t->p : "";
}

char *text_take(struct text *t)
{
	if (!t->p)
		text_add(t, "", 0);
	char *p = t->bad ? NULL : t->p;
	if (t->bad)
		free(t->p);
	*t = (struct text){0};
	return p;
}

char *text_time(struct timespec ts, char *buf, size_t cap)
{
	struct tm tm;
	char date[24];
	gmtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, cap, "%s.%03ldZ", date, ts.tv_nsec / 1000000);
	return buf;
}

bool text_parse_time(const char *s, uint64_t *ns)
{
	struct tm tm = {0};
	uint64_t frac = 0, scale = 1000000000u;
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return false;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			if (scale > 1) {
				scale /= 10;
				frac += (uint64_t)(*p - '0') * scale;
			}
	time_t secs = timegm(&tm);
	if (strcmp(p, "Z") != 0 || secs < 0)
		return false;
	*ns = (uint64_t)secs * 1000000000u + frac;
	return true;
}

uint64_t text_wall_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
