/*
 * say.c - errors and messages on stderr, exit codes and their names, colour.
 *
 * An error has four parts: what failed, where, why (one sentence, by the
 * caller) and what to do (the hint). With -j or -J the same is a document on
 * stdout, so that a program reading stdout finds the error where it expects the
 * answer; stderr keeps the text for people in every mode.
 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/out_json.h"
#include "cli/out.h"
#include "cli/wait.h"

static const struct {
	enum exit_code code;
	const char *name;
} codes[] = {{EXIT_OK, "ok"}, {EXIT_FAILED, "failed"}, {EXIT_USAGE, "usage"}, {EXIT_NOT_FOUND, "not-found"},
	{EXIT_UNREACHABLE, "unreachable"}, {EXIT_PERMISSION, "permission"}, {EXIT_TIMEOUT, "timeout"},
	{EXIT_PARTIAL, "partial"}, {EXIT_INTERRUPTED, "interrupted"}};

const char *cli_code_name(enum exit_code code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "failed";
}

enum exit_code cli_code_of(const char *name)
{
	for (size_t i = 1; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].name, name) == 0)
			return codes[i].code;
	return EXIT_FAILED;
}

void say_error_document(
	struct out *o, enum out_mode mode, enum exit_code code, const char *what, const char *hint)
{
	if (mode == MODE_TEXT)
		return;
	out_text(o, "{\"schema\":1,\"error\":{");
	out_json_text(o, "code", cli_code_name(code), true);
	out_json_text(o, "what", what, false);
	if (hint)
		out_json_text(o, "hint", hint, false);
	out_text(o, "}}\n");
}

/* One write, so that lines of several processes do not mix. Control characters
 * of foreign text (an id, a file name) must not reach the terminal. A stderr
 * that nobody reads costs messages, never the link: it is waited for once. */
static void to_stderr(const char *text, int patience_ms)
{
	static bool stuck;
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct out o;
	bool line = false;
	if (cli_poll(&p, 1, stuck ? 0 : patience_ms) == 0) {
		stuck |= patience_ms > 0;
		return;
	}
	stuck = false;
	out_init(&o, STDERR_FILENO);
	o.tty = true;
	for (const char *at = text; *at; at += line) {
		size_t n = strcspn(at, "\n");
		out_foreign(&o, at, n);
		at += n;
		line = *at == '\n';
		out_char(&o, '\n');
	}
	for (size_t off = 0; off < o.len;) {
		ssize_t w = write(o.fd, o.buf + off, o.len - off);
		if (w <= 0)
			break;
		off += (size_t)w;
	}
	out_fini(&o);
}

void say_error_text(const char *what, const char *hint)
{
	char *text;
	if (asprintf(&text, "lanyard: %s%s%s%s", what, hint ? " (" : "", hint ? hint : "", hint ? ")" : "") <
		0)
		return;
	to_stderr(text, 1000);
	free(text);
}

void say_line_error(struct out *o, enum out_mode mode, const char *source, uint64_t number,
	enum exit_code code, const char *hint, const char *fmt, va_list ap)
{
	char what[512];
	int n = snprintf(what, sizeof what, "%.200s line %llu: ", source, (unsigned long long)number);
	vsnprintf(what + n, sizeof what - (size_t)n, fmt, ap);
	say_error_text(what, hint);
	say_error_document(o, mode, code, what, hint);
}

int cli_verror(const struct cli *cli, enum exit_code code, const char *hint, const char *fmt, va_list ap)
{
	char *what;
	struct out o;
	if (vasprintf(&what, fmt, ap) < 0)
		return EXIT_FAILED;
	say_error_text(what, hint);
	if (cli->mode != MODE_TEXT) {
		out_init(&o, STDOUT_FILENO);
		say_error_document(&o, cli->mode, code, what, hint);
		out_drain(&o, cli_now() + LAN_SEC(5), cli_signals());
		out_fini(&o);
	}
	free(what);
	return (int)code;
}

int cli_error(const struct cli *cli, enum exit_code code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = cli_verror(cli, code, hint, fmt, ap);
	va_end(ap);
	return rc;
}

static void say(const char *fmt, va_list ap)
{
	char *what, *text;
	if (vasprintf(&what, fmt, ap) < 0)
		return;
	if (asprintf(&text, "lanyard: %s", what) >= 0) {
		to_stderr(text, 0);
		free(text);
	}
	free(what);
}

void cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;
	if (cli->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void cli_detail(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;
	if (!cli->verbose || cli->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

bool cli_color(const struct cli *cli, int fd)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");
	if (cli->color != COLOR_AUTO)
		return cli->color == COLOR_ALWAYS;
	if (no && *no)
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}
