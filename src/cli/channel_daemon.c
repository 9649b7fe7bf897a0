/*
 * channel_daemon.c - `lanyard channel send NAME` and `recv NAME` where NAME is a
 * channel of the daemon (a word without ':'; GROUP:PORT opens a channel of one's
 * own). The daemon has the keys and the options, so those of the command line
 * that would open a channel are refused instead of ignored.
 *
 * A full queue is waited for; a message that fails is reported and the next one
 * tried: 0 all were sent, 7 some.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base64.h"
#include "cli/channel.h"
#include "cli/ctl.h"
#include "cli/lines.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"
#include "cli/watch.h"

enum { MESSAGE_BYTES_MAX = 1 << 20 };
#define FULL_PAUSE LAN_MS(10)

struct sending {
	struct ctl ctl;
	const char *name;
	bool object, broken;
	uint64_t number, sent, failed;
	int rc;        /* of the first failure */
	json_t *error; /* the first one */
	enum out_mode mode;
};

/* The first option given that is neither for all verbs nor in the list. */
static int refuse_options(const struct cli *cli, const char *name, const char *const *mine)
{
	for (size_t i = 0; i < cli->n_given; i++) {
		const struct opt *o = cli->given[i].opt;
		bool ok = false;
		for (const struct opt *g = cli_globals; g->name; g++)
			ok |= strcmp(g->name, o->name) == 0;
		for (const char *const *m = mine; *m; m++)
			ok |= strcmp(*m, o->name) == 0;
		if (!ok)
			return cli_error(cli, EXIT_USAGE,
				"a channel of one's own is named GROUP:PORT; a daemon's is set up in "
				"lanyard.yaml(5)",
				"--%s is not for '%s', a channel of the daemon", o->name, name);
	}
	return EXIT_OK;
}

static void failed(struct sending *s, int rc)
{
	s->failed++;
	if (!s->rc)
		s->rc = rc;
}

static void note(struct sending *s, const json_t *error)
{
	if (!s->error)
		s->error = json_deep_copy(error);
}

/* The message as an argument; NULL: said why not. */
static json_t *message_args(struct sending *s, const char *data, size_t n)
{
	json_t *args = json_pack("{s:s}", "name", s->name), *text;
	if (s->object) {
		json_t *object = json_loadb(data, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (object) {
			json_object_set_new(args, "object", object);
			return args;
		}
		json_decref(args);
		failed(s, cli_error(s->ctl.cli, EXIT_USAGE, NULL, "message %llu is not JSON",
				  (unsigned long long)s->number));
		return NULL;
	}
	text = memchr(data, '\0', n) ? NULL : json_stringn(data, n);
	if (!text) {
		char *base64 = malloc(lan_base64_len(n) + 1);
		if (base64) {
			lan_base64_encode(data, n, base64);
			json_object_set_new(args, "base64", json_stringn(base64, lan_base64_len(n)));
		}
		free(base64);
		return args;
	}
	json_object_set_new(args, "text", text);
	return args;
}

/* One request and its answer; true: the queue was full, try again. */
static bool ask(struct sending *s, json_t *args)
{
	json_t *msg = NULL;
	const json_t *error;
	bool again = false;
	int rc = ctl_send(&s->ctl, s->number, "channel.send", args);
	if (rc == EXIT_OK)
		rc = ctl_next(&s->ctl, &msg);
	if (rc != EXIT_OK) {
		s->broken = true;
		failed(s, rc);
		return false;
	}
	error = json_object_get(msg, "error");
	if (!error) {
		s->sent++;
	} else if (ctl_is(error, "full") && cli_now() < s->ctl.deadline && !cli_signals()) {
		again = true;
	} else {
		if (s->number > 1)
			cli_detail(s->ctl.cli, "message %llu:", (unsigned long long)s->number);
		failed(s, ctl_error(&s->ctl, error));
		note(s, error);
	}
	json_decref(msg);
	return again;
}

static void offer(struct sending *s, const char *data, size_t n)
{
	json_t *args;
	s->number++;
	args = message_args(s, data, n);
	while (args && ask(s, json_incref(args)))
		cli_poll(NULL, 0, (int)(FULL_PAUSE / LAN_MS(1)));
	json_decref(args);
	if (cli_signals()) {
		s->broken = true;
		s->rc = EXIT_INTERRUPTED;
	}
}

/* Waits for stdin; false: it is over. */
static bool stdin_ready(struct sending *s)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	while (!cli_signals() && cli_now() < s->ctl.deadline)
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

static void send_lines(struct sending *s)
{
	struct lines in;
	const char *line;
	size_t n;
	if (!lines_init(&in, STDIN_FILENO, MESSAGE_BYTES_MAX)) {
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
					  (unsigned long long)++s->number, MESSAGE_BYTES_MAX));
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

static void send_raw(struct sending *s)
{
	size_t cap = MESSAGE_BYTES_MAX + 1, n = 0;
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
				  "stdin has more than %d bytes", MESSAGE_BYTES_MAX));
	else if (!s->broken)
		offer(s, data, n);
	free(data);
}

static void summary(struct sending *s)
{
	struct cli *cli = s->ctl.cli;
	cli->mode = s->mode;
	if (s->mode == MODE_TEXT)
		return;
	json_t *doc = json_pack("{s:i,s:s,s:I,s:I}", "schema", 1, "channel", s->name, "sent",
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

int channel_send_daemon_main(struct cli *cli, int argc, char **argv)
{
	static const char *const mine[] = {"object", "stdin-raw", NULL};
	struct sending s = {.name = argv[0], .object = cli_flag(cli, "object"), .mode = cli->mode};
	int rc = refuse_options(cli, argv[0], mine);
	if (rc == EXIT_OK)
		rc = ctl_open(&s.ctl, cli);
	else
		return rc;
	if (rc != EXIT_OK) {
		ctl_close(&s.ctl);
		return rc;
	}
	cli->mode = MODE_TEXT; /* errors about one message are not the answer */
	if (cli_flag(cli, "stdin-raw"))
		send_raw(&s);
	else if (argc > 1)
		for (int i = 1; i < argc && !s.broken; i++)
			offer(&s, argv[i], strlen(argv[i]));
	else
		send_lines(&s);
	summary(&s);
	rc = s.rc == EXIT_INTERRUPTED ? s.rc : s.failed && s.sent ? EXIT_PARTIAL : s.rc;
	json_decref(s.error);
	ctl_close(&s.ctl);
	return rc;
}

/* The bytes of a message as `recv GROUP:PORT` prints them. */
static void print_message(struct watching *w, const json_t *e)
{
	const json_t *text = json_object_get(e, "text"), *json = json_object_get(e, "json");
	const char *base64 = ctl_str(e, "base64");
	bool raw = cli_flag(w->ctl.cli, "raw");
	char *data = NULL;
	size_t n = 0;
	if (json && !raw) {
		data = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
		channel_print_line(&w->out, data ? data : "?", data ? strlen(data) : 1, true);
	} else if (text) {
		if (raw)
			out_bytes(&w->out, json_string_value(text), json_string_length(text));
		else
			channel_print_line(&w->out, json_string_value(text), json_string_length(text), true);
	} else if ((data = malloc(strlen(base64) + 1)) &&
		   lan_base64_decode(base64, strlen(base64), data, &n) == LAN_OK) {
		if (raw)
			out_bytes(&w->out, data, n);
		else
			channel_print_line(&w->out, data, n, false);
	}
	free(data);
}

static bool print_event(struct watching *w, const json_t *e)
{
	const char *kind = ctl_str(e, "event");
	bool message = strcmp(kind, "message") == 0;
	bool presence = strcmp(kind, "joined") == 0 || strcmp(kind, "left") == 0 || strcmp(kind, "lost") == 0;
	if (w->ctl.cli->mode != MODE_TEXT)
		watch_print(w, e);
	else if (message)
		print_message(w, e);
	else if (strcmp(kind, "dropped") == 0)
		cli_say(w->ctl.cli, "%llu messages were dropped: this reader is too slow",
			(unsigned long long)ctl_num(e, "count"));
	else if (presence && cli_flag(w->ctl.cli, "presence"))
		show_event(&w->out, w->color, e);
	return message;
}

int channel_recv_daemon_main(struct cli *cli, int argc, char **argv)
{
	static const char *const mine[] = {"raw", "object", "presence", NULL};
	struct watching w = {.print = print_event, .what = "messages"};
	int rc = refuse_options(cli, argv[0], mine);
	if (rc != EXIT_OK)
		return rc;
	rc = watch_follow(&w, cli, "channel.watch", json_pack("{s:s}", "name", argv[0]));
	return rc == EXIT_TIMEOUT && !w.want && w.seen ? EXIT_OK : rc;
}
