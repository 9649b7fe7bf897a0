/*
 * link_send.c - `lanyard link send NAME [LINE..]`: lines to a peer of the
 * daemon. Without LINE each line of stdin is one message.
 *
 * The exit code tells what happened to all of them: 0 every line was
 * acknowledged, 7 some were, else the code of the failure. With --no-wait up to
 * WINDOW requests are under way at once; otherwise one after the other.
 * A line that fails is reported and the next one tried.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "cli/wait.h"

enum { WINDOW = 64, LINE_MAX_BYTES = 1 << 20 };

struct sending {
	struct ctl ctl;
	const char *name;
	bool qos, wait;
	uint64_t next_id; /* number of the line, from 1 */
	uint64_t open, done, failed;
	int rc; /* of the first failure */
	bool broken;
	lan_time ends;      /* --timeout; the daemon is told, and answers in time by itself */
	enum out_mode mode; /* what was asked for */
	json_t *error;      /* the first one */
	double ms;          /* the slowest acknowledgement */
};

static void failed(struct sending *s, int rc)
{
	s->failed++;
	if (!s->rc)
		s->rc = rc;
}

static bool over(const struct sending *s)
{
	return cli_now() >= s->ends;
}

/* The reply to one line. */
static void reply(struct sending *s, const json_t *msg)
{
	const json_t *error = json_object_get(msg, "error"), *result = json_object_get(msg, "result");
	s->open--;
	if (error) {
		if (s->next_id > 1)
			cli_detail(s->ctl.cli, "line %llu:", (unsigned long long)ctl_num(msg, "id"));
		failed(s, ctl_error(&s->ctl, error));
		if (!s->error)
			s->error = json_deep_copy(error);
		return;
	}
	double ms = json_number_value(json_object_get(result, "ms"));
	s->ms = ms > s->ms ? ms : s->ms;
	s->done++;
}

/* Waits until fewer than `most` requests are open. */
static void settle(struct sending *s, uint64_t most)
{
	while (s->open && s->open >= most && !s->broken) {
		json_t *msg;
		int rc = ctl_next(&s->ctl, &msg);
		if (rc != EXIT_OK) {
			s->broken = true;
			failed(s, rc);
			return;
		}
		reply(s, msg);
		json_decref(msg);
	}
}

/* A line the wire cannot carry (lanyard-link(7)); the others go on. */
static void refuse(struct sending *s, const char *hint, const char *why)
{
	struct cli *cli = s->ctl.cli;
	char what[64];
	snprintf(what, sizeof what, "line %llu %s", (unsigned long long)s->next_id, why);
	failed(s, cli_error(cli, EXIT_USAGE, hint, "%s", what));
	if (!s->error)
		s->error = json_pack(
			"{s:s,s:s,s:s}", "code", cli_code_name(EXIT_USAGE), "what", what, "hint", hint);
}

static void send_line(struct sending *s, const char *line, size_t n)
{
	uint64_t id = ++s->next_id;
	if (n == 0) {
		refuse(s, "the wire has no empty messages", "is empty");
		return;
	}
	if (memchr(line, '\n', n)) {
		refuse(s, "a message is one line: give each as a word of its own", "has a LF inside");
		return;
	}
	if (memchr(line, '\r', n)) {
		refuse(s, "take it out, e.g. with tr -d '\\r'", "has a CR inside");
		return;
	}
	if (memchr(line, '\0', n)) {
		refuse(s, "take it out, e.g. with tr -d '\\000'", "has a NUL byte inside");
		return;
	}
	json_t *text = json_stringn(line, n);
	if (!text) {
		refuse(s, "convert it first, e.g. with iconv -t utf-8", "is not UTF-8");
		return;
	}
	json_t *args =
		json_pack("{s:s,s:o,s:b,s:b}", "name", s->name, "line", text, "qos", s->qos, "wait", s->wait);
	if (s->ends != LAN_NEVER)
		json_object_set_new(args, "timeout_ms", json_integer(over(s) ? 1 : cli_ms_until(s->ends)));
	int rc = ctl_send(&s->ctl, id, "link.send", args);
	if (rc != EXIT_OK) {
		s->broken = true;
		failed(s, rc);
		return;
	}
	s->open++;
	settle(s, s->wait ? 1 : WINDOW);
}

static void send_stdin(struct sending *s)
{
	struct lines in;
	const char *line;
	size_t n;
	if (!lines_init(&in, STDIN_FILENO, LINE_MAX_BYTES)) {
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "out of memory"));
		return;
	}
	while (!s->broken && !lines_done(&in)) {
		struct pollfd p = {.fd = in.fd, .events = POLLIN};
		enum lines_kind kind = lines_peek(&in, &line, &n);
		if (kind == LINES_LINE) {
			send_line(s, line, n);
			lines_take(&in);
		} else if (kind == LINES_LONG) {
			failed(s, cli_error(s->ctl.cli, EXIT_USAGE, NULL, "line %llu is longer than %d bytes",
					  (unsigned long long)++s->next_id, LINE_MAX_BYTES));
			lines_take(&in);
		} else if (cli_signals()) {
			s->broken = true;
			s->rc = EXIT_INTERRUPTED;
		} else if (cli_poll(&p, 1, cli_ms_until(s->ends)) > 0) {
			lines_read(&in);
		} else if (over(s)) {
			s->broken = true;
			failed(s, cli_error(s->ctl.cli, EXIT_TIMEOUT, NULL, "--timeout %s is over",
					  cli_opt(s->ctl.cli, "timeout")));
		}
	}
	if (in.error)
		failed(s, cli_error(s->ctl.cli, EXIT_FAILED, NULL, "cannot read standard input: %s",
				  strerror(in.error)));
	lines_fini(&in);
}

/* -j is one document whatever happened: how many went, and the first error if one did not. */
static void summary(struct sending *s)
{
	struct cli *cli = s->ctl.cli;
	cli->mode = s->mode;
	if (s->mode == MODE_TEXT) {
		if (s->qos)
			cli_detail(cli, "%llu acknowledged, the slowest in %.1f ms",
				(unsigned long long)s->done, s->ms);
		return;
	}
	json_t *doc = json_pack("{s:i}", "schema", 1);
	if (s->done || !s->failed) {
		json_object_set_new(doc, s->qos ? "acked" : "sent", json_integer((json_int_t)s->done));
		json_object_set_new(doc, "failed", json_integer((json_int_t)s->failed));
		json_object_set_new(doc, "ms", json_real(s->ms));
	}
	if (s->failed && s->error)
		json_object_set(doc, "error", s->error);
	else if (s->failed)
		json_object_set_new(doc, "error",
			json_pack("{s:s,s:s}", "code", cli_code_name((enum exit_code)s->rc), "what",
				"not all lines were sent; stderr tells why"));
	text_document(cli, doc, NULL);
	json_decref(doc);
}

int link_send_main(struct cli *cli, int argc, char **argv)
{
	struct sending s = {.name = argv[0], .qos = !cli_flag(cli, "no-qos"), .mode = cli->mode};
	int rc = ctl_open(&s.ctl, cli);
	if (rc != EXIT_OK) {
		ctl_close(&s.ctl);
		return rc;
	}
	s.wait = s.qos && !cli_flag(cli, "no-wait");
	s.ends = s.ctl.deadline;
	/* The limit is the daemon's to keep, whose answer says what became of the
	 * line; these are for a daemon that hangs. */
	s.ctl.deadline = s.ends == LAN_NEVER ? LAN_NEVER : s.ends + LAN_SEC(2);
	s.ctl.patience = LAN_SEC(3700);
	cli->mode = MODE_TEXT;
	if (argc > 1)
		for (int i = 1; i < argc && !s.broken; i++)
			send_line(&s, argv[i], strlen(argv[i]));
	else
		send_stdin(&s);
	settle(&s, 1);
	summary(&s);
	rc = s.rc == EXIT_INTERRUPTED ? s.rc : s.failed && s.done ? EXIT_PARTIAL : s.rc;
	json_decref(s.error);
	ctl_close(&s.ctl);
	return rc;
}
