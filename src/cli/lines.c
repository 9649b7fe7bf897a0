/*
 * lines.c - lines from a descriptor: see lines.h. The buffer has room for the
 * longest line and one read; `scanned` remembers how far no LF was found, so
 * that a long line arriving in small pieces is not searched again and again.
 */
#include "cli/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10 };

bool lines_init(struct lines *l, int fd, size_t max)
{
	*l = (struct lines){.fd = fd, .max = max, .number = 1, .cap = READ_SIZE};
	l->buf = malloc(l->cap);
	return l->buf != NULL;
}

void lines_fini(struct lines *l)
{
	free(l->buf);
	*l = (struct lines){.fd = -1, .eof = true};
}

static bool grow(struct lines *l)
{
	size_t most = l->max + 2 + READ_SIZE, cap = l->cap * 2 < most ? l->cap * 2 : most;
	char *buf = cap > l->cap ? realloc(l->buf, cap) : NULL;
	if (!buf)
		return false;
	l->buf = buf;
	l->cap = cap;
	return true;
}

bool lines_read(struct lines *l)
{
	if (l->eof)
		return false;
	if (l->start) {
		memmove(l->buf, l->buf + l->start, l->end - l->start);
		l->end -= l->start;
		l->scanned -= l->start;
		l->start = 0;
	}
	if (l->end == l->cap && !grow(l))
		return false;
	size_t room = l->cap - l->end < READ_SIZE ? l->cap - l->end : READ_SIZE;
	ssize_t n = read(l->fd, l->buf + l->end, room);
	if (n > 0)
		l->end += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		l->eof = true;
	if (n < 0 && l->eof)
		l->error = errno;
	return n > 0;
}

/* Inside a line that is too long: forget bytes up to its LF. */
static enum lines_kind skip(struct lines *l, size_t lf)
{
	bool found = lf < l->end;
	l->start = l->scanned = found ? lf : l->end;
	l->take = found;
	return found || l->eof ? LINES_LONG : LINES_NONE;
}

enum lines_kind lines_peek(struct lines *l, const char **line, size_t *n)
{
	const char *at = l->scanned < l->end ? memchr(l->buf + l->scanned, '\n', l->end - l->scanned) : NULL;
	size_t lf = at ? (size_t)(at - l->buf) : l->end;
	l->scanned = lf;
	if (l->skipping)
		return skip(l, lf);
	if (!at && !(l->eof && l->end > l->start)) {
		if (l->end - l->start <= l->max + 1)
			return LINES_NONE;
		l->skipping = true;
		return skip(l, lf);
	}
	*line = l->buf + l->start;
	*n = lf - l->start;
	l->take = *n + (at != NULL);
	if (*n && !l->keep_cr && (*line)[*n - 1] == '\r')
		--*n;
	if (*n <= l->max)
		return LINES_LINE;
	l->skipping = true;
	return skip(l, lf);
}

void lines_take(struct lines *l)
{
	l->start += l->take;
	l->scanned = l->start;
	l->take = 0;
	l->skipping = false;
	l->number++;
}

bool lines_done(struct lines *l)
{
	return l->eof && !l->skipping && l->start == l->end;
}
