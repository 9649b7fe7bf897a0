/*
 * text.h - text that grows, text that is safe to show, and times as text.
 *
 * A `struct text` fails sticky: after the first failed allocation everything
 * appended is lost and `bad` stays set; ask once at the end. What peers or
 * files say goes through text_escaped or text_quoted before a person sees it:
 * ids and lines are chosen by strangers.
 */
#ifndef LAN_API_TEXT_H
#define LAN_API_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <lanyard/base.h>

struct text {
	char *p; /* NUL-terminated once something was added */
	size_t len, cap;
	bool bad;
};

void text_fini(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const void *p, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Control characters, DEL, C1 controls, the bidi and line separators, `"`, `\` and bytes that
 * are not UTF-8 become escapes (\n \t \xNN); the rest stays. */
void text_escaped(struct text *t, const char *s, size_t n);
/* A JSON string with its quotes: the same characters as \uXXXX; what is not UTF-8 becomes U+FFFD. */
void text_json(struct text *t, const char *s, size_t n);
/* "s", escaped, cut at `max` bytes with "..." after the quote. */
void text_quoted(struct text *t, const char *s, size_t n, size_t max);
/* The text so far; "" if nothing was added or it failed. A view. */
const char *text_str(const struct text *t);
/* The text, handed over (free it); NULL if it failed. `t` is empty then. */
char *text_take(struct text *t);

/* "2026-03-01T12:00:00.123Z"; buf of at least 25 bytes; returns buf. */
char *text_time(struct timespec ts, char *buf, size_t cap);
/* Nanoseconds since 1970 of "2026-03-01T12:00:00[.123]Z"; false if it is not that. */
bool text_parse_time(const char *s, uint64_t *ns);
/* Now, by the wall clock, in nanoseconds since 1970. */
uint64_t text_wall_ns(void);

#endif
