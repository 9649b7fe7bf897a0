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
	double ms; /* the slowest acknowledgement */
};

static void failed(struct sending *s, int rc)
{
	s->failed++;
	if (!s->rc)
		s->rc = rc;
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

static void send_line(struct sending *s, const char *line, size_t n)
{
	json_t *text = json_stringn(line, n);
	uint64_t id = ++s->next_id;
	lan_time limit = s->ctl.deadline == LAN_NEVER ? LAN_NEVER : s->ctl.deadline - cli_now();
	if (!text) {
		failed(s, cli_error(s->ctl.cli, EXIT_USAGE, "convert it first, e.g. with iconv -t utf-8",
				  "line %llu is not UTF-8", (unsigned long long)id));
		return;
	}
	json_t *args =
		json_pack("{s:s,s:o,s:b,s:b}", "name", s->name, "line", text, "qos", s->qos, "wait", s->wait);
	if (limit != LAN_NEVER && cli_now() < s->ctl.deadline)
		json_object_set_new(args, "timeout_ms", json_integer((json_int_t)(limit / LAN_MS(1)) + 1));
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
		} else if (cli_poll(&p, 1, cli_ms_until(s->ctl.deadline)) > 0) {
			lines_read(&in);
		} else if (cli_now() >= s->ctl.deadline) {
			s->broken = true;
			failed(s, cli_error(s->ctl.cli, EXIT_TIMEOUT, NULL, "--timeout %s is over",
					  cli_opt(s->ctl.cli, "timeout")));
		}
	}
	lines_fini(&in);
}

static void summary(struct sending *s)
{
	const struct cli *cli = s->ctl.cli;
	char text[160];
	struct out o;
	if (cli->mode == MODE_TEXT) {
		if (s->qos)
			cli_detail(cli, "%llu acknowledged, the slowest in %.1f ms",
				(unsigned long long)s->done, s->ms);
		return;
	}
	if (s->done == 0)
		return; /* the error document says it all */
	out_init(&o, STDOUT_FILENO);
	snprintf(text, sizeof text, "{\"schema\":1,\"%s\":%llu,\"failed\":%llu,\"ms\":%.1f}\n",
		s->qos ? "acked" : "sent", (unsigned long long)s->done, (unsigned long long)s->failed, s->ms);
	out_text(&o, text);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int link_send_main(struct cli *cli, int argc, char **argv)
{
	struct sending s = {.name = argv[0], .qos = !cli_flag(cli, "no-qos")};
	int rc = ctl_open(&s.ctl, cli);
	if (rc != EXIT_OK) {
		ctl_close(&s.ctl);
		return rc;
	}
	s.wait = s.qos && !cli_flag(cli, "no-wait");
	/* The daemon answers in time by itself; this is for a daemon that hangs. */
	s.ctl.patience = LAN_SEC(3700);
	if (argc > 1)
		for (int i = 1; i < argc && !s.broken; i++)
			send_line(&s, argv[i], strlen(argv[i]));
	else
		send_stdin(&s);
	settle(&s, 1);
	if (!s.broken || s.done)
		summary(&s);
	rc = s.rc == EXIT_INTERRUPTED ? s.rc : s.failed && s.done ? EXIT_PARTIAL : s.rc;
	ctl_close(&s.ctl);
	return rc;
}
