/*
 * session_input.c - lines to values: of stdin, and of the commands of --exec. One
 * line is one value of the type --type names.
 *
 * A server's stdin goes to every connection; with --numbered each line names the
 * one it is for. A line that cannot be sent is an error with its number, what is
 * wrong with it and what to do; the others go on, and the program ends with 7
 * (partial).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "cli/say.h"
#include "cli/stream.h"
#include "cli/wait.h"

/* Where a line came from. */
struct origin {
	struct session *s;
	const char *name;
	uint64_t number;
};

static void wrong(const struct origin *from, enum exit_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void wrong(const struct origin *from, enum exit_code code, const char *hint, const char *fmt, ...)
{
	struct session *s = from->s;
	va_list ap;
	va_start(ap, fmt);
	say_line_error(&s->m.out, s->m.cli->mode, from->name, from->number, code, hint, fmt, ap);
	va_end(ap);
	s->bad++;
}

/* Room for n bytes and a NUL; NULL after having ended the program. */
static char *scratch(struct session *s, size_t n)
{
	if (n >= s->scratch_cap) {
		char *new = realloc(s->scratch, n + 1);
		if (!new) {
			session_no_memory(s);
			return NULL;
		}
		s->scratch = new;
		s->scratch_cap = n + 1;
	}
	return s->scratch;
}

static bool integer(const struct origin *from, const char *text, size_t n, struct lan_stream_value *v)
{
	char *end;
	errno = 0;
	long long i = strtoll(text, &end, 10);
	if (end == text || end != text + n) {
		wrong(from, EXIT_USAGE, "--type str sends the line as it is", "not a whole number");
		return false;
	}
	if (errno) {
		wrong(from, EXIT_USAGE, "the wire has 64 bits for one; send it as text (--type str)",
			"a whole number that is too large");
		return false;
	}
	*v = lan_stream_int(i);
	return true;
}

static bool real(const struct origin *from, const char *text, size_t n, struct lan_stream_value *v)
{
	char *end;
	*v = lan_stream_float(strtod(text, &end));
	if (end != text && end == text + n)
		return true;
	wrong(from, EXIT_USAGE, "--type str sends the line as it is", "not a number");
	return false;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const struct origin *from, const char *line, size_t n, char *out)
{
	for (size_t i = 0; i < n; i += 2) {
		int high = digit(line[i]), low = i + 1 < n ? digit(line[i + 1]) : -1;
		if (high < 0 || low < 0) {
			wrong(from, EXIT_USAGE, "two digits for each byte, without blanks: 00ff1e",
				"not hexadecimal at character %zu", i + (high >= 0) + 1);
			return false;
		}
		out[i / 2] = (char)(high << 4 | low);
	}
	return true;
}

static bool bytes(const struct origin *from, const char *line, size_t n, struct lan_stream_value *v)
{
	struct session *s = from->s;
	size_t len = n / 2;
	if (s->bytes == BYTES_TEXT) {
		*v = lan_stream_bytes(line, n);
		return true;
	}
	char *out = scratch(s, n);
	if (!out)
		return false;
	if (s->bytes == BYTES_HEX && !hex(from, line, n, out))
		return false;
	if (s->bytes == BYTES_BASE64 && lan_base64_decode(line, n, out, &len)) {
		wrong(from, EXIT_USAGE, "RFC 4648 with padding, as base64 -w0 writes it", "not base64");
		return false;
	}
	*v = lan_stream_bytes(out, len);
	return true;
}

/* False: there is no value in it; said already. */
static bool value_of(const struct origin *from, const char *line, size_t n, struct lan_stream_value *v)
{
	struct session *s = from->s;
	char *text;
	if (s->type == LAN_STREAM_STR) {
		*v = lan_stream_str(line, n);
		return true;
	}
	if (s->type == LAN_STREAM_BYTES)
		return bytes(from, line, n, v);
	text = scratch(s, n);
	if (!text)
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	if (s->type == LAN_STREAM_INT)
		return integer(from, text, n, v);
	if (s->type == LAN_STREAM_FLOAT)
		return real(from, text, n, v);
	*v = (struct lan_stream_value){.type = LAN_STREAM_OBJECT, .json = text};
	if (strlen(text) == n)
		return true;
	wrong(from, EXIT_USAGE, NULL, "a NUL byte in JSON");
	return false;
}

static void refused(const struct origin *from, uint64_t conn, enum lan_err err)
{
	const struct session *s = from->s;
	const char *why = lan_stream_why();
	if (err == LAN_ERR_NOTFOUND)
		wrong(from, EXIT_NOT_FOUND, "-J, or stderr, tells the numbers of those that are up",
			"no connection %llu", (unsigned long long)conn);
	else if (err == LAN_ERR_TOOBIG)
		wrong(from, EXIT_USAGE, "raise it with --max-message if the other end takes such messages",
			"longer than %u bytes", s->max_message);
	else
		wrong(from, err == LAN_ERR_NOMEM ? EXIT_FAILED : EXIT_USAGE, NULL, "%s",
			*why ? why : lan_err_text(err));
}

static enum offer deliver(const struct origin *from, uint64_t conn, const struct lan_stream_value *v)
{
	struct session *s = from->s;
	enum lan_err err = lan_stream_send(s->m.stream, conn, v, &s->how, NULL);
	if (err == LAN_ERR_FULL)
		return OFFER_FULL;
	if (err)
		refused(from, conn, err);
	return OFFER_TAKEN;
}

/* To every connection; one whose queue is full is waited for, and is the first when the line is offered
 * again. */
static enum offer broadcast(const struct origin *from, const struct lan_stream_value *v)
{
	struct session *s = from->s;
	const struct conn *c;
	for (uint64_t id = s->cursor; (c = conns_from(&s->conns, id)); id = c->id + 1) {
		enum lan_err err = lan_stream_send(s->m.stream, c->id, v, &s->how, NULL);
		if (err == LAN_ERR_FULL) {
			s->cursor = c->id;
			return OFFER_FULL;
		}
		/* Whoever left meanwhile did not hear it. What is wrong with it is wrong for all. */
		if (err && err != LAN_ERR_NOTFOUND) {
			refused(from, c->id, err);
			break;
		}
	}
	s->cursor = 0;
	return OFFER_TAKEN;
}

/* Takes "CONN<TAB>" away; false after having said why not. */
static bool split(const struct origin *from, uint64_t *conn, const char **line, size_t *n)
{
	const char *at = *line, *end = at + *n;
	*conn = 0;
	while (at < end && *at >= '0' && *at <= '9' && *conn < UINT64_MAX / 10 - 1)
		*conn = *conn * 10 + (uint64_t)(*at++ - '0');
	if (at == *line || at == end || *at != '\t') {
		wrong(from, EXIT_USAGE, "give CONN, TAB, value: printf '1\\thello\\n'",
			"no number of a connection and TAB in front of the value");
		return false;
	}
	*n -= (size_t)(at + 1 - *line);
	*line = at + 1;
	return true;
}

enum offer session_offer(
	struct session *s, const char *source, uint64_t number, uint64_t conn, const char *line, size_t n)
{
	struct origin from = {s, source, number};
	struct lan_stream_value v;
	return value_of(&from, line, n, &v) ? deliver(&from, conn, &v) : OFFER_TAKEN;
}

static enum offer pass_on(const struct origin *from, const char *line, size_t n)
{
	struct session *s = from->s;
	struct lan_stream_value v;
	uint64_t conn = 0;
	if (s->numbered && !split(from, &conn, &line, &n))
		return OFFER_TAKEN;
	if (!value_of(from, line, n, &v))
		return OFFER_TAKEN;
	return s->m.server && !s->numbered ? broadcast(from, &v) : deliver(from, conn, &v);
}

/* What is said to nobody waits for somebody. */
static bool nobody(const struct session *s)
{
	return s->m.server && !s->numbered && !s->conns.n;
}

bool session_wants_input(const struct session *s, lan_time *until)
{
	if (s->blocked || out_full(&s->m.out) || nobody(s))
		return false;
	if (s->rate && cli_now() < s->next_line) {
		if (s->in.start != s->in.end && s->next_line < *until)
			*until = s->next_line;
		return s->in.start == s->in.end && !s->in.eof;
	}
	return !s->in.eof;
}

/* With a rate: the moment of the next line. Late by a little is made up for, late by much is not. */
static void pace(struct session *s)
{
	lan_time now = cli_now();
	if (s->rate)
		s->next_line = (s->next_line + LAN_MS(100) < now ? now : s->next_line) + LAN_SEC(1) / s->rate;
}

void session_input(struct session *s)
{
	struct origin from = {s, "stdin", 0};
	const char *line;
	size_t n;
	while (!s->blocked && !out_full(&s->m.out) && !s->end) {
		if (nobody(s) || (s->rate && cli_now() < s->next_line))
			return;
		enum lines_kind kind = lines_peek(&s->in, &line, &n);
		from.number = s->in.number;
		if (kind == LINES_NONE)
			return;
		if (kind == LINES_LONG) {
			wrong(&from, EXIT_USAGE,
				"raise it with --max-message if the other end takes such messages",
				"longer than %u bytes", s->max_message);
		} else if (pass_on(&from, line, n) == OFFER_FULL) {
			s->blocked = true;
			return;
		}
		lines_take(&s->in);
		pace(s);
	}
}
