/*
 * text.h - text for people: aligned tables, colour, times and durations.
 */
#ifndef LAN_CLI_TEXT_H
#define LAN_CLI_TEXT_H

#include <jansson.h>
#include "cli/out.h"
#include "cli/verb.h"

enum { TABLE_COLUMNS = 10 };
enum cell_color { PLAIN = 0, BOLD, GREEN, YELLOW, RED, DIM };

/* Rows of cells; widths are found when it is printed. Cells are copied. */
struct table {
	char **cells;
	enum cell_color *colors;
	size_t n, cap;
	int columns;
	unsigned right; /* a bit per column that is aligned to the right */
	bool no_memory;
};

void table_init(struct table *t, int columns, unsigned right);
/* The next cell, row by row. */
void table_cell(struct table *t, enum cell_color color, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints and frees. */
void table_print(struct table *t, struct out *o, bool color);

void text_colored(struct out *o, bool color, enum cell_color c, const char *s);

/* "120ms", "3.4s", "5m12s", "2h05m", "3d04h"; buf of 32 bytes; returns buf. */
char *text_age(uint64_t ms, char *buf);
/* The local time of day of an RFC 3339 time, "12:00:00.123"; buf of 32 bytes; returns buf. */
char *text_clock(const char *rfc3339, char *buf);
/* Now, as RFC 3339 in UTC; buf of 48 bytes; returns buf. */
char *text_now(char *buf);
/* How long ago an RFC 3339 time is, as text_age writes it. */
char *text_since(const char *rfc3339, char *buf);

/* A result as -j (one document) or -J (one line per element of `list`, or all of it) wants it.
 * Prints to stdout and waits for it. False in text mode. */
bool text_document(const struct cli *cli, const json_t *result, const char *list);

#endif
