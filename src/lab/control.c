/*
 * control.c - live commands: the words of the command line without their
 * dashes, and a few that happen once. A line that is not understood changes
 * nothing and is answered with the reason. Lines over a kilobyte are refused.
 */
#include "lab/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/units.h"

static const struct {
	const char *word;
	enum lab_command_kind kind;
} plain[] = {{"pause", LAB_CMD_PAUSE}, {"resume", LAB_CMD_RESUME}, {"stats", LAB_CMD_STATS},
	{"quit", LAB_CMD_QUIT}};

/* "3s" is a moment's order, "0.5%", "0" and "0.5%:3s" are settings. */
static bool is_rate(const char *s)
{
	return strchr(s, '%') || strspn(s, "0123456789.") == strlen(s);
}

static bool at_once(char *const *word, int n, struct lab_command *out)
{
	const char *how = n > 2 ? word[2] : "";
	if (n == 2 && !strcmp(word[0], "blackhole") && !is_rate(word[1])) {
		out->kind = LAB_CMD_HOLE;
		return lan_parse_duration(word[1], &out->time) == LAN_OK;
	}
	if (n < 2 || strcmp(word[1], "now"))
		return false;
	if (!strcmp(word[0], "cut")) {
		out->kind = LAB_CMD_CUT;
		out->rst = !strcmp(how, "rst");
		return n == 2 || out->rst || !strcmp(how, "fin");
	}
	if (!strcmp(word[0], "half-open")) {
		out->kind = LAB_CMD_HALF_OPEN;
		out->side = !strcmp(how, "server") ? LAB_SERVER : LAB_CLIENT;
		return n == 2 || !strcmp(how, "server") || !strcmp(how, "client");
	}
	return false;
}

static void clear(struct lab_faults *f)
{
	memset(f->rate, 0, sizeof f->rate);
	f->delay = f->jitter = 0;
	f->n_rules = 0;
}

void lab_command_parse(const char *line, struct lab_faults *f, struct lab_command *out)
{
	char copy[256], err[512] = "", *word[4], *rest = copy, *w;
	int n = 0;
	*out = (struct lab_command){.kind = LAB_CMD_BAD};
	snprintf(copy, sizeof copy, "%s", line);
	snprintf(out->text, sizeof out->text, "%s", line);
	while (n < 4 && (w = strsep(&rest, " \t\r")))
		if (*w)
			word[n++] = w;
	if (n == 0) {
		out->kind = LAB_CMD_NONE;
		return;
	}
	for (size_t i = 0; n == 1 && i < sizeof plain / sizeof *plain; i++)
		if (!strcmp(word[0], plain[i].word))
			out->kind = plain[i].kind;
	if (out->kind != LAB_CMD_BAD || at_once(word, n, out))
		return;
	out->kind = LAB_CMD_SET;
	if (n == 1 && !strcmp(word[0], "clear")) {
		clear(f);
		return;
	}
	if (n == 2 && lab_setting(f, word[0], word[1], err, sizeof err) == LAN_OK)
		return;
	out->kind = LAB_CMD_BAD;
	snprintf(out->text, sizeof out->text, "'%.60s': %.150s", line,
		*err ? err : "not a command (see --help)");
}

/* Hand out the lines that are complete; what is left moves to the front. */
static void lines(struct lab_control *c)
{
	char *start = c->buf, *lf;
	while ((lf = memchr(start, '\n', c->len - (size_t)(start - c->buf)))) {
		*lf = '\0';
		c->fn(c->ctx, start);
		start = lf + 1;
	}
	c->len -= (size_t)(start - c->buf);
	memmove(c->buf, start, c->len);
	if (c->len == sizeof c->buf) {
		c->len = 0;
		c->fn(c->ctx, "(a line too long)");
	}
}

/* False: stdin has ended. */
static bool take(struct lab_control *c)
{
	ssize_t n = read(STDIN_FILENO, c->buf + c->len, sizeof c->buf - c->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	lines(c);
	return true;
}

static void on_readable(void *ctx, int events)
{
	struct lab_control *c = ctx;
	(void)events;
	if (!take(c))
		lab_control_close(c);
}

void lab_control_open(
	struct lab_control *c, struct lan_loop *l, void (*fn)(void *ctx, const char *line), void *ctx)
{
	*c = (struct lab_control){.fn = fn, .ctx = ctx, .flags = fcntl(STDIN_FILENO, F_GETFL)};
	/* In the background of a terminal, reading must fail rather than stop the process. */
	signal(SIGTTIN, SIG_IGN);
	enum lan_err e = lan_watch_init(&c->watch, l, STDIN_FILENO, on_readable, c);
	c->watching = e == LAN_OK;
	if (c->watching)
		lan_watch_set(&c->watch, LAN_READABLE);
	while (e == LAN_ERR_PERM && take(c))
		;
}

void lab_control_close(struct lab_control *c)
{
	if (!c->watching)
		return;
	c->watching = false;
	lan_watch_close(&c->watch, NULL);
	/* A terminal is shared with the shell, which expects it to block. */
	if (c->flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, c->flags);
}
