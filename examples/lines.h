/*
 * lines.h - standard input as lines, for programs that poll it beside a loop
 * and must not wait for the rest of a line.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct lines {
	char buf[1024];
	size_t from, have; /* not yet handed out: buf[from .. have) */
};

/* Read what is there. False: the input has ended. */
static inline bool lines_read(struct lines *l)
{
	l->have -= l->from;
	memmove(l->buf, l->buf + l->from, l->have);
	l->from = 0;
	if (l->have == sizeof l->buf)
		l->have = 0; /* a line too long for the demos: dropped */
	ssize_t n = read(STDIN_FILENO, l->buf + l->have, sizeof l->buf - l->have);
	l->have += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The next complete line, without its line feed; NULL if there is none yet. */
static inline const char *lines_next(struct lines *l)
{
	char *line = l->buf + l->from, *lf = memchr(line, '\n', l->have - l->from);
	if (!lf)
		return NULL;
	*lf = '\0';
	l->from = (size_t)(lf + 1 - l->buf);
	return line;
}

#endif
