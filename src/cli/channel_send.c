/*
 * channel_send.c - `lanyard channel send GROUP:PORT [MESSAGE..]`: says something
 * on a channel. Messages are the words of the command line, or the lines of
 * stdin, or with --stdin-raw all of stdin as one.
 *
 * Best effort ends when the kernel has the datagrams. Reliable ends when every
 * receiver that is present has confirmed, or --linger passed without progress:
 * then it says what is unconfirmed and ends with 7. lanyard-channel(7).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api/objects.h"
#include "cli/channel.h"
#include "cli/lines.h"
#include "cli/text.h"
#include "cli/wait.h"

#define IFACE_WAIT LAN_SEC(2)

struct sending {
	struct channel c;
	lan_time began;
	lan_time linger;
	uint64_t number, sent, failed;
	int rc;       /* of the first failure */
	bool stopped; /* a signal, or the time is over */
	bool heard;   /* a member has been there */
	enum out_mode mode;
};

static void failed(struct sending *s, int rc)
{
	s->failed++;
	if (!s->rc)
		s->rc = rc;
}

/* Events of others are not what this verb is about; trouble is. */
static void pull(struct sending *s)
{
	struct lan_channel_event ev;
	while (lan_channel_event(s->c.handle, &ev)) {
		s->heard |= ev.kind == LAN_CHANNEL_JOINED;
		if (ev.kind == LAN_CHANNEL_IFACE || ev.kind == LAN_CHANNEL_KEY || s->c.cli->verbose)
			if (ev.kind != LAN_CHANNEL_MESSAGE)
				channel_event(&s->c, &ev);
	}
}

static bool over(struct sending *s)
{
	if (!s->stopped && cli_signals()) {
		s->stopped = true;
		s->rc = EXIT_INTERRUPTED;
	} else if (!s->stopped && cli_now() >= s->c.ends) {
		int rc = cli_error(
			s->c.cli, EXIT_TIMEOUT, NULL, "--timeout %s is over", cli_opt(s->c.cli, "timeout"));
		s->stopped = true;
		s->rc = s->rc ? s->rc : rc;
	}
	return s->stopped;
}

/* Wait for the channel, or for stdin if `fd` is not -1; true: fd is readable. */
static bool turn(struct sending *s, int fd, lan_time until)
{
	bool readable = channel_wait(&s->c, fd, until < s->c.ends ? until : s->c.ends);
	pull(s);
	return readable;
}

/* Is there an interface that takes datagrams? One that could only not join sends all the same. */
static bool can_send(const struct sending *s)
{
	struct lan_channel_iface i;
	for (size_t n = 0; lan_channel_iface(s->c.handle, n, &i); n++)
		if (i.joined || (i.err != LAN_ERR_NOTFOUND && i.err != LAN_ERR_UNREACH))
			return true;
	return false;
}

/* What is said before an interface is there is heard by nobody, and best effort has no second chance. */
static void await_iface(struct sending *s)
{
	lan_time until = s->c.ends == LAN_NEVER ? cli_now() + IFACE_WAIT : s->c.ends;
	pull(s);
	while (!can_send(s) && !over(s) && cli_now() < until)
		turn(s, -1, until);
	if (can_send(s) || s->stopped)
		return;
	s->stopped = true;
	s->rc = cli_error(s->c.cli, EXIT_FAILED,
		"name one that is up with --iface; --timeout waits longer for it",
		"no interface of the channel %s is there: nothing was sent", s->c.address);
}

static void unread(struct sending *s, int error)
{
	failed(s, cli_error(s->c.cli, EXIT_FAILED, NULL, "cannot read standard input: %s", strerror(error)));
}

static void refused(struct sending *s, enum lan_err e, size_t n)
{
	const struct cli *cli = s->c.cli;
	unsigned long long number = s->number;
	if (e == LAN_ERR_TOOBIG)
		failed(s, cli_error(cli, EXIT_USAGE,
				  s->c.sealed ? "the limit is 1 MiB"
					      : "a datagram of multisock has at most 65507 bytes, encrypted "
						"48479",
				  "message %llu has %zu bytes: too big", number, n));
	else if (e == LAN_ERR_UTF8)
		failed(s, cli_error(cli, EXIT_USAGE, "send it with --form bytearray",
				  "message %llu is not UTF-8, which --form text needs", number));
	else if (e == LAN_ERR_INVAL && n == 0)
		failed(s,
			cli_error(cli, EXIT_USAGE, "an empty datagram stops a receiver of the original",
				"message %llu is empty, and plain multisock has no empty messages", number));
	else if (e == LAN_ERR_INVAL)
		failed(s, cli_error(cli, EXIT_USAGE, "forms are multisock's; leave --form out",
				  "message %llu: a sealed channel has no forms", number));
	else
		failed(s, cli_error(cli, EXIT_FAILED, NULL, "message %llu cannot be sent: %s", number,
				  lan_err_text(e)));
}

static enum lan_err offer_object(struct sending *s, const char *text, size_t n)
{
	char *json = strndup(text, n);
	uint8_t *pickle = NULL;
	size_t len;
	const char *why = lan_err_text(LAN_ERR_NOMEM);
	enum lan_err e = json ? lan_object_from_json(json, &pickle, &len, &why) : LAN_ERR_NOMEM;
	free(pickle);
	if (e)
		failed(s,
			cli_error(s->c.cli, EXIT_USAGE, "lanyard-channel(7), OBJECTS, tells what can be sent",
				"message %llu: %s", (unsigned long long)s->number, why));
	else
		e = lan_channel_send_object(s->c.handle, json);
	free(json);
	return e;
}

/* One message; waits while the queue is full. */
static void offer(struct sending *s, const char *data, size_t n)
{
	s->number++;
	for (;;) {
		enum lan_err e = s->c.object ? offer_object(s, data, n)
					     : lan_channel_send(s->c.handle, data, n, s->c.form, NULL);
		if (!e) {
			s->sent++;
			if (s->c.log)
				lan_logger_write(s->c.log, LAN_LOGGER_DEBUG, "%zu bytes sent", n);
			return;
		}
		if (e != LAN_ERR_FULL) {
			if (!s->c.object || e != LAN_ERR_INVAL)
				refused(s, e, n);
			return;
		}
		if (over(s))
			return;
		turn(s, -1, LAN_NEVER);
	}
}

static void send_lines(struct sending *s)
{
	struct lines in;
	const char *line;
	size_t n;
	if (!lines_init(&in, STDIN_FILENO, s->c.max_message)) {
		failed(s, cli_error(s->c.cli, EXIT_FAILED, NULL, "out of memory"));
		return;
	}
	while (!lines_done(&in) && !over(s)) {
		enum lines_kind kind = lines_peek(&in, &line, &n);
		if (kind == LINES_LINE) {
			offer(s, line, n);
			lines_take(&in);
		} else if (kind == LINES_LONG) {
			s->number++;
			failed(s, cli_error(s->c.cli, EXIT_USAGE, NULL, "line %llu is longer than %u bytes",
					  (unsigned long long)s->number, s->c.max_message));
			lines_take(&in);
		} else if (turn(s, in.fd, LAN_NEVER)) {
			lines_read(&in);
		}
	}
	if (in.error)
		unread(s, in.error);
	lines_fini(&in);
}

static void send_raw(struct sending *s)
{
	size_t cap = (size_t)s->c.max_message + 1, n = 0;
	char *data = malloc(cap);
	bool end = false;
	int error = 0;
	if (!data) {
		failed(s, cli_error(s->c.cli, EXIT_FAILED, NULL, "out of memory"));
		return;
	}
	while (!end && !error && n < cap && !over(s)) {
		if (!turn(s, STDIN_FILENO, LAN_NEVER))
			continue;
		ssize_t r = read(STDIN_FILENO, data + n, cap - n);
		if (r > 0)
			n += (size_t)r;
		else if (r == 0)
			end = true;
		else if (errno != EAGAIN && errno != EINTR)
			error = errno;
	}
	if (error)
		unread(s, error);
	else if (n == cap)
		failed(s, cli_error(s->c.cli, EXIT_USAGE, "split it: a message has its bound",
				  "stdin has more than %u bytes", s->c.max_message));
	else if (end)
		offer(s, data, n);
	free(data);
}

/* Has everybody who is there got everything? */
static bool settled(struct sending *s, struct lan_channel_status *st)
{
	lan_channel_status(s->c.handle, st);
	if (lan_channel_pending(s->c.handle))
		return false;
	return !s->c.reliable || cli_flag(s->c.cli, "no-flow") || s->heard;
}

static void settle(struct sending *s)
{
	struct lan_channel_status st;
	size_t last = SIZE_MAX;
	lan_time until = cli_now() + s->linger;
	while (s->sent && !settled(s, &st) && !over(s)) {
		size_t pending = lan_channel_pending(s->c.handle);
		/* What a limited rate holds back is on its way; what is not confirmed may never be. */
		if (pending < last || st.queued_bytes)
			until = cli_now() + s->linger;
		last = pending;
		if (cli_now() >= until)
			break;
		turn(s, -1, until);
	}
	lan_channel_status(s->c.handle, &st);
	if (!s->sent || !s->c.reliable || settled(s, &st) || s->rc == EXIT_INTERRUPTED)
		return;
	if (!s->heard)
		channel_say(&s->c, LAN_LOGGER_WARNING,
			"nobody else is on the channel: nothing was confirmed (--linger waits longer)");
	else
		channel_say(&s->c, LAN_LOGGER_WARNING,
			"%u datagrams are not confirmed by every receiver (--linger waits longer)",
			st.unconfirmed);
	if (!s->rc)
		s->rc = EXIT_PARTIAL;
}

static void summary(struct sending *s, int rc)
{
	struct lan_channel_status st;
	double ms = (double)(cli_now() - s->began) / 1e6;
	lan_channel_status(s->c.handle, &st);
	if (s->mode == MODE_TEXT) {
		cli_detail(s->c.cli, "%llu messages in %.1f ms", (unsigned long long)s->sent, ms);
		return;
	}
	json_t *doc = json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:f}", "schema", 1, "channel", s->c.address, "sent",
		(json_int_t)s->sent, "failed", (json_int_t)s->failed, "members", (json_int_t)st.members,
		"unconfirmed", (json_int_t)st.unconfirmed, "ms", ms);
	if (rc != EXIT_OK && rc != EXIT_INTERRUPTED)
		json_object_set_new(doc, "error",
			json_pack("{s:s,s:s}", "code", cli_code_name((enum exit_code)rc), "what",
				"not all was sent or confirmed; stderr tells why"));
	s->c.cli->mode = s->mode;
	text_document(s->c.cli, doc, NULL);
	json_decref(doc);
}

int channel_send_main(struct cli *cli, int argc, char **argv)
{
	struct sending s = {
		.linger = cli_duration(cli, "linger", LAN_SEC(2)), .mode = cli->mode, .began = cli_now()};
	bool raw = cli_flag(cli, "stdin-raw");
	if (raw && argc > 1)
		return cli_error(cli, EXIT_USAGE, "leave one of them out",
			"--stdin-raw sends stdin, '%s' is a message of the command line", argv[1]);
	if (channel_is_name(argv[0]))
		return channel_send_daemon_main(cli, argc, argv);
	int rc = channel_begin(&s.c, cli, argv[0], true);
	if (rc == EXIT_OK) {
		cli->mode = MODE_TEXT; /* errors about one message are not the answer */
		s.c.json = false;
		await_iface(&s);
		if (raw)
			send_raw(&s);
		for (int i = 1; i < argc && !s.stopped; i++)
			offer(&s, argv[i], strlen(argv[i]));
		if (argc == 1 && !raw)
			send_lines(&s);
		settle(&s);
		rc = s.rc == EXIT_INTERRUPTED ? s.rc : s.failed && s.sent ? EXIT_PARTIAL : s.rc;
		summary(&s, rc);
	}
	channel_end(&s.c);
	return rc;
}
