/*
 * daemon_send.c - see daemon_send.h.
 *
 * A message for many connections may be taken by some while the queues of others
 * are full: the answer lists these, and they alone are tried again, so that
 * nobody gets it twice.
 */
#include "cli/daemon_send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base64.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "cli/wait.h"

#define FULL_PAUSE LAN_MS(10)

enum outcome { TAKEN, FULL, REFUSED };

int daemon_send_options(const struct cli *cli, const char *what, const char *const *mine, const char *hint)
{
	for (size_t i = 0; i < cli->n_given; i++) {
		const struct opt *o = cli->given[i].opt;
		bool ok = false;
		for (const struct opt *g = cli_globals; g->name; g++)
			ok |= strcmp(g->name, o->name) == 0;
		for (const char *const *m = mine; *m; m++)
			ok |= strcmp(*m, o->name) == 0;
		if (!ok)
			return cli_error(cli, EXIT_USAGE, hint, "--%s is not for %s", o->name, what);
	}
	return EXIT_OK;
}

static void failed(struct daemon_send *s, int rc)
{
	s->failed++;
	if (!s->rc)
		s->rc = rc;
}

static void note(struct daemon_send *s, const json_t *error)
{
	if (!s->error)
		s->error = json_deep_copy(error);
}

void daemon_send_refused(struct daemon_send *s, const char *hint, const char *why)
{
	failed(s, cli_error(s->ctl.cli, EXIT_USAGE, hint, "message %llu %s", (unsigned long long)s->number,
			  why));
}

void daemon_send_base64(json_t *args, const char *data, size_t n)
{
	char *base64 = malloc(lan_base64_len(n) + 1);
	if (base64) {
		lan_base64_encode(data, n, base64);
		json_object_set_new(args, "base64", json_stringn(base64, lan_base64_len(n)));
	}
	free(base64);
}

static bool may_wait(const struct daemon_send *s)
{
	return cli_now() < s->ctl.deadline && !cli_signals();
}

/* Asked for: the queue was full, and there is still time. */
static bool is_full(const struct daemon_send *s, const json_t *error)
{
	const json_t *full = json_object_get(error, "full");
	return (json_is_true(full) || json_array_size(full)) && may_wait(s);
}

/* One request and its answer. *rest: connections whose queues were full while others took it. */
static enum outcome ask(struct daemon_send *s, json_t *args, json_t **rest)
{
	json_t *msg = NULL;
	const json_t *error;
	enum outcome outcome = TAKEN;
	int rc = ctl_send(&s->ctl, s->number, s->verb, json_incref(args));
	if (rc == EXIT_OK)
		rc = ctl_next(&s->ctl, &msg);
	if (rc != EXIT_OK) {
		s->broken = true;
		failed(s, rc);
		return REFUSED;
	}
	error = json_object_get(msg, "error");
	if (!error) {
		*rest = json_incref(json_object_get(json_object_get(msg, "result"), "full"));
	} else if (is_full(s, error)) {
		outcome = FULL;
	} else {
		outcome = REFUSED;
		if (s->number > 1)
			cli_detail(s->ctl.cli, "message %llu:", (unsigned long long)s->number);
		failed(s, ctl_error(&s->ctl, error));
		note(s, error);
	}
	json_decref(msg);
	return outcome;
}

static enum outcome insist(struct daemon_send *s, json_t *args, json_t **rest)
{
	enum outcome outcome;
	while ((outcome = ask(s, args, rest)) == FULL)
		cli_poll(NULL, 0, (int)(FULL_PAUSE / LAN_MS(1)));
	return outcome;
}

static void offer(struct daemon_send *s, const char *data, size_t n)
{
	json_t *args = json_pack("{s:s}", "name", s->name), *rest = NULL, *none = NULL, *conn;
	enum outcome outcome = REFUSED;
	size_t i;
	s->number++;
	if (s->add(s, args, data, n))
		outcome = insist(s, args, &rest);
	json_array_foreach(rest, i, conn)
	{
		json_object_set(args, "conn", conn);
		if (outcome == TAKEN)
			outcome = insist(s, args, &none);
		json_decref(none);
		none = NULL;
	}
	s->sent += outcome == TAKEN;
	json_decref(rest);
	json_decref(args);
	if (cli_signals()) {
		s->broken = true;
		s->rc = EXIT_INTERRUPTED;
	}
}

/* Waits for stdin; false: it is over. */
static bool stdin_ready(struct daemon_send *s)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	while (may_wait(s))
		if (cli_poll(&p, 1, cli_ms_until(s->ctl.deadline)) > 0)
			return true;
	s->broken = true;
	if (cli_signals())
		s->rc = EXIT_INTERRUPTED;
	else
		failed(s, cli_error(s->ctl.cli, EXIT_TIMEOUT, NULL, "--timeout %s is over",
				  cli_opt(s->ctl.cli, "timeout")));
	return false;
}

static void send_lines(struct daemon_send *s)
{
	struct lines in;
	const char *line;
	size_t n;
	if (!lines_init(&in, STDIN_FILENO, DAEMON_MESSAGE_MAX)) {
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "out of memory"));
		return;
	}
	while (!s->broken && !lines_done(&in)) {
		enum lines_kind kind = lines_peek(&in, &line, &n);
		if (kind == LINES_LINE) {
			offer(s, line, n);
			lines_take(&in);
		} else if (kind == LINES_LONG) {
			failed(s, cli_error(s->ctl.cli, EXIT_USAGE, NULL, "line %llu is longer than %d bytes",
					  (unsigned long long)++s->number, DAEMON_MESSAGE_MAX));
			lines_take(&in);
		} else if (stdin_ready(s)) {
			lines_read(&in);
		}
	}
	if (in.error)
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "cannot read standard input: %s",
				  strerror(in.error)));
	lines_fini(&in);
}

static void send_raw(struct daemon_send *s)
{
	size_t cap = DAEMON_MESSAGE_MAX + 1, n = 0;
	char *data = malloc(cap);
	ssize_t r = 1;
	if (!data) {
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "out of memory"));
		return;
	}
	while (r > 0 && n < cap && stdin_ready(s)) {
		r = read(STDIN_FILENO, data + n, cap - n);
		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			r = 1;
		else
			n += r > 0 ? (size_t)r : 0;
	}
	if (r < 0)
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "cannot read standard input: %s",
				  strerror(errno)));
	else if (n == cap)
		failed(s, cli_error(s->ctl.cli, EXIT_USAGE, "split it: a message has its bound",
				  "stdin has more than %d bytes", DAEMON_MESSAGE_MAX));
	else if (!s->broken)
		offer(s, data, n);
	free(data);
}

static void summary(struct daemon_send *s)
{
	struct cli *cli = s->ctl.cli;
	cli->mode = s->mode;
	if (s->mode == MODE_TEXT)
		return;
	json_t *doc = json_pack("{s:i,s:s,s:I,s:I}", "schema", 1, s->family, s->name, "sent",
		(json_int_t)s->sent, "failed", (json_int_t)s->failed);
	if (s->failed && s->error)
		json_object_set(doc, "error", s->error);
	else if (s->failed)
		json_object_set_new(doc, "error",
			json_pack("{s:s,s:s}", "code", cli_code_name((enum exit_code)s->rc), "what",
				"not all messages were sent; stderr tells why"));
	text_document(cli, doc, NULL);
	json_decref(doc);
}

int daemon_send(struct daemon_send *s, struct cli *cli, int n, char **messages, bool raw)
{
	int rc = ctl_open(&s->ctl, cli);
	if (rc != EXIT_OK) {
		ctl_close(&s->ctl);
		return rc;
	}
	s->mode = cli->mode;
	cli->mode = MODE_TEXT; /* errors about one message are not the answer */
	if (raw)
		send_raw(s);
	else if (n)
		for (int i = 0; i < n && !s->broken; i++)
			offer(s, messages[i], strlen(messages[i]));
	else
		send_lines(s);
	summary(s);
	rc = s->rc == EXIT_INTERRUPTED ? s->rc : s->failed && s->sent ? EXIT_PARTIAL : s->rc;
	json_decref(s->error);
	ctl_close(&s->ctl);
	return rc;
}
