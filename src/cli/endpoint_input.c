/*
 * endpoint_input.c - stdin to the link: one line is one message; on a server's
 * stdin the client's id and a TAB stand in front of it.
 *
 * A line that cannot be sent is an error with its number, what is wrong with it
 * and what to do; the others go on, and the program ends with 7 (partial). What
 * the wire cannot carry is refused here and never altered: empty lines, CR and
 * NUL inside a line, bytes that are not UTF-8 (lanyard-link(7)).
 */
#include "cli/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "cli/say.h"

static void line_error(struct endpoint *e, enum exit_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void line_error(struct endpoint *e, enum exit_code code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_line_error(&e->out, e->cli->mode, "stdin", e->in.number, code, hint, fmt, ap);
	va_end(ap);
	e->bad++;
}

static size_t valid_bytes(const char *line, size_t n)
{
	size_t lo = 0;
	for (size_t i = 0; i < n;) {
		size_t len = 1;
		while (len <= 4 && i + len <= n && !lan_utf8_valid(line + i, len))
			len++;
		if (len > 4 || i + len > n)
			return i;
		i += len;
		lo = i;
	}
	return lo;
}

static void refused(struct endpoint *e, const char *id, const char *line, size_t n, enum lan_err err)
{
	char hint[400];
	switch (err) {
	case LAN_ERR_NOTFOUND:
		snprintf(hint, sizeof hint, "with --expect %s lines for it wait until it comes", id);
		line_error(e, EXIT_NOT_FOUND, hint, "no client '%s' has connected yet", id);
		return;
	case LAN_ERR_UTF8:
		line_error(e, EXIT_USAGE, "convert it first, e.g. with iconv -t utf-8",
			"not UTF-8 at byte %zu of the message", valid_bytes(line, n) + 1);
		return;
	case LAN_ERR_TOOBIG:
		line_error(e, EXIT_USAGE, "raise it with --max-line if the peer takes such lines",
			"the message has %zu bytes, the limit is %u", n, e->max_line);
		return;
	default:
		break;
	}
	if (n == 0)
		line_error(e, EXIT_USAGE, "send a blank if a line is all that is needed",
			"empty, and the wire has no empty messages");
	else if (memchr(line, '\r', n))
		line_error(e, EXIT_USAGE, "remove it; only CR LF at the end of a line is understood",
			"a CR inside the message");
	else if (memchr(line, '\0', n))
		line_error(e, EXIT_USAGE, "encode binary data as text, e.g. with base64 -w0",
			"a NUL byte inside the message");
	else
		line_error(e, EXIT_FAILED, NULL, "cannot be sent: %s", lan_err_text(err));
}

/* Splits "ID<TAB>LINE"; false after having said why not. */
static bool split(struct endpoint *e, char id[256], const char **line, size_t *n)
{
	const char *tab = memchr(*line, '\t', *n);
	size_t len = tab ? (size_t)(tab - *line) : 0;
	if (!tab || !len || len > 255 || memchr(*line, '\0', len)) {
		line_error(e, EXIT_USAGE, "give ID, TAB, message: printf '1\\thello\\n'",
			!tab  ? "no TAB after the client's id"
			: len ? "no client has such an id"
			      : "no id in front of the TAB");
		return false;
	}
	memcpy(id, *line, len);
	id[len] = '\0';
	*line = tab + 1;
	*n -= len + 1;
	return true;
}

/* False: stop for now, the queue is full. */
static bool pass_on(struct endpoint *e, const char *line, size_t n)
{
	char id[256];
	if (e->server && !split(e, id, &line, &n))
		return true;
	enum lan_err err = n > e->max_line
				   ? LAN_ERR_TOOBIG
				   : lan_link_write(e->link, e->server ? id : NULL, line, n, e->flags, NULL);
	if (err == LAN_ERR_FULL)
		return false;
	if (err)
		refused(e, e->server ? id : "", line, n, err);
	else
		e->good++;
	return true;
}

void endpoint_input(struct endpoint *e)
{
	const char *line;
	size_t n;
	while (!e->blocked && !out_full(&e->out)) {
		enum lines_kind kind = lines_peek(&e->in, &line, &n);
		if (kind == LINES_NONE)
			return;
		if (kind == LINES_LONG)
			line_error(e, EXIT_USAGE, "raise it with --max-line if the peer takes such lines",
				"longer than %u bytes", e->max_line);
		else if (!pass_on(e, line, n)) {
			e->blocked = true;
			return;
		}
		lines_take(&e->in);
	}
}
