/*
 * session.c - the loop of `lanyard stream serve` and `lanyard stream connect`.
 *
 * One poll(2) over the stream's loop, stdin and stdout. Pressure goes through in
 * both directions: while stdout is full no events are pulled, so the stream stops
 * reading and its peers stop sending; while a queue of the stream is full stdin is
 * not read. poll is used rather than a watch of the loop because stdin may be a
 * regular file.
 *
 * A client ends after stdin did, when all is sent (and acknowledged, in the modes
 * that are) and some time passed in which the other end can read it: the original
 * libraries throw away what they have not read when a connection ends.
 * lanyard-stream(7).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/say.h"
#include "cli/stream.h"
#include "cli/wait.h"

#define LINGER        LAN_MS(500)
#define DRAIN_SERVE   LAN_SEC(5)
#define DRAIN_CONNECT LAN_SEC(1)
#define LANDING       LAN_MS(20) /* nothing tells when the other system has got the last bytes */
#define PIECE         (64u << 10)
enum { MESSAGE_DEFAULT = 16 << 20, COMMANDS_DEFAULT = 64 };

static int check(struct session *s)
{
	const struct cli *cli = s->m.cli;
	uint64_t mode = cli_number(cli, "mode", 0);
	if (mode > 5)
		return cli_error(cli, EXIT_USAGE, "--mode: 0 to 5; lanyard-stream(7) tells what they are",
			"--mode %s is outside its range", cli_opt(cli, "mode"));
	if (s->type == LAN_STREAM_OBJECT && s->dialect == LAN_STREAM_SERPY2)
		return cli_error(
			cli, EXIT_USAGE, "send JSON as str there", "--type object: serpy2 has no objects");
	if (s->bytes && s->type != LAN_STREAM_BYTES)
		return cli_error(
			cli, EXIT_USAGE, "add --type bytes", "--bytes is about values of the type bytes");
	if (s->exec && (s->echo || s->numbered))
		return cli_error(cli, EXIT_USAGE, "leave one of them out",
			"--exec answers each connection; --echo and --numbered do, too");
	s->how.mode = (int)mode;
	return EXIT_OK;
}

static void read_options(struct session *s, struct lan_stream_config *cfg)
{
	static const enum lan_stream_type values[] = {
		LAN_STREAM_STR, LAN_STREAM_INT, LAN_STREAM_FLOAT, LAN_STREAM_BYTES, LAN_STREAM_OBJECT};
	const struct cli *cli = s->m.cli;
	s->how = (struct lan_stream_how)LAN_STREAM_HOW_INIT;
	s->how.timeout = cli_duration(cli, "ack-timeout", 0);
	s->dialect = cfg->dialect;
	s->type = values[cli_choice(cli, "type", 0)];
	s->bytes = (enum bytes_form)cli_choice(cli, "bytes", 0);
	s->utf8 = !cfg->encoding || strcmp(cfg->encoding, "utf-8") == 0;
	s->echo = cli_flag(cli, "echo");
	s->numbered = cli_flag(cli, "numbered");
	s->reconnect = cli_flag(cli, "reconnect");
	s->dir = cli_opt(cli, "dir");
	s->exec = cli_opt(cli, "exec");
	s->want = cli_number(cli, "count", 0);
	s->rate = cli_rate(cli, "rate", 0);
	s->linger = cli_duration(cli, "linger", LINGER);
	s->max_message = cfg->max_message ? cfg->max_message : MESSAGE_DEFAULT;
	s->max_children = cfg->max_conns ? cfg->max_conns : COMMANDS_DEFAULT;
	cfg->once = !s->reconnect;
	s->m.goes_on = s->reconnect;
	if (s->exec)
		cfg->max_conns = (uint32_t)s->max_children;
	if (s->dir) {
		cfg->pieces = true;
		cfg->piece = PIECE;
	}
}

int session_init(struct session *s, struct cli *cli, struct lan_stream_config *cfg, bool server)
{
	*s = (struct session){.store.dir = -1, .in = {.fd = -1, .eof = true}};
	if (!cli_opt(cli, "dialect")) {
		s->m.out.fd = -1;
		return cli_error(cli, EXIT_USAGE, "serpy1 or serpy2: the library at the other end",
			"--dialect is missing");
	}
	int rc = strm_init(&s->m, cli, cfg, server);
	if (rc != EXIT_OK)
		return rc;
	read_options(s, cfg);
	rc = check(s);
	if (rc != EXIT_OK)
		return rc;
	int error = s->dir ? store_open(&s->store, s->dir) : 0;
	if (error)
		return cli_error(cli, error == EACCES ? EXIT_PERMISSION : EXIT_FAILED, NULL,
			"cannot use the folder %s: %s", s->dir, strerror(error));
	/* In front of a value there may be the number of its connection, and behind it hex digits. */
	if (!s->exec && !lines_init(&s->in, STDIN_FILENO, (size_t)s->max_message * (s->bytes ? 2 : 1) + 32))
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	s->in.keep_cr = s->type == LAN_STREAM_BYTES && !s->bytes;
	return s->exec ? exec_init(s) : EXIT_OK;
}

void session_fini(struct session *s)
{
	if (s->m.loop && s->exec)
		exec_end(s);
	while (s->conns.n)
		session_forget(s, (struct peer *)s->conns.list[0]);
	conns_fini(&s->conns);
	strm_fini(&s->m);
	store_close(&s->store);
	lines_fini(&s->in);
	free(s->scratch);
}

struct peer *session_peer(const struct session *s, uint64_t id)
{
	return (struct peer *)conns_find(&s->conns, id);
}

void session_forget(struct session *s, struct peer *p)
{
	if (p->file)
		store_drop(&s->store, p->file);
	free(p->file);
	s->waiting -= p->echo != NULL;
	free(p->echo);
	conns_remove(&s->conns, p->at.id);
}

void session_no_memory(struct session *s)
{
	s->m.out.no_memory = true;
	s->end = SESSION_GONE;
}

static bool counted(const struct session *s)
{
	return s->want && s->received >= s->want;
}

/* Nothing wakes the loop for events that are there already: pull until there is none, or no room for it. */
static void pull(struct session *s)
{
	struct lan_stream_event ev;
	do {
		while (strm_ready(&s->m) && !counted(s) && !s->end) {
			if (!lan_stream_event(s->m.stream, &ev))
				return;
			session_event(s, &ev);
		}
		out_flush(&s->m.out);
	} while (strm_ready(&s->m) && !counted(s) && !s->end);
}

/* What will never be acknowledged is not waited for. */
static bool all_sent(const struct session *s)
{
	return !s->waiting && lan_stream_pending(s->m.stream) <= (s->m.server ? 0 : s->expired);
}

/* The other end gets a moment to read what its system has. */
static bool lingered(struct session *s)
{
	s->landing = lines_done(&s->in) && all_sent(s) && lan_stream_under_way(s->m.stream);
	if (!s->was_up || !lines_done(&s->in) || !all_sent(s) || s->landing) {
		s->linger_until = 0;
		return false;
	}
	if (!s->linger_until)
		s->linger_until = cli_now() + s->linger;
	return cli_now() >= s->linger_until;
}

/* Without --reconnect the end of the connection is the end, and fine if nothing was left to do. */
static enum session_end lost(struct session *s)
{
	static const char hint[] = "--reconnect connects again by itself";
	struct pollfd p = {.fd = s->in.fd, .events = POLLIN};
	char what[512];
	if (!s->in.eof && cli_poll(&p, 1, 0) > 0)
		lines_read(&s->in);
	if (!s->want && lines_done(&s->in) && (s->linger_until || !s->lost))
		return SESSION_INPUT;
	snprintf(what, sizeof what, "the connection to %s ended before all was done",
		lan_stream_address(s->m.stream));
	say_error_text(what, hint);
	say_error_document(&s->m.out, s->m.cli->mode, EXIT_FAILED, what, hint);
	return SESSION_FAILED;
}

static enum session_end ended(struct session *s)
{
	if (s->end)
		return s->end;
	if (s->m.out.gone || s->m.out.no_memory)
		return SESSION_GONE;
	if (cli_signals())
		return SESSION_SIGNAL;
	if (counted(s))
		return SESSION_COUNT;
	if (!s->m.server && !s->reconnect && s->down && strm_ready(&s->m))
		return lost(s);
	if (!s->m.server && !s->want && lingered(s) && !out_full(&s->m.out))
		return SESSION_INPUT;
	if (cli_now() >= s->m.ends)
		return SESSION_TIME;
	return SESSION_GOES_ON;
}

static void turn(struct session *s, bool input)
{
	lan_loop_process(s->m.loop);
	session_echo(s); /* before pulling: it lets connections go that were held */
	pull(s);
	if (input)
		session_input(s);
	out_flush(&s->m.out);
}

static void wait(struct session *s)
{
	lan_time until = s->m.ends;
	bool input = session_wants_input(s, &until);
	if (s->landing && cli_now() + LANDING < until)
		until = cli_now() + LANDING;
	if (s->waiting && cli_now() + LAN_SEC(1) < until)
		until = cli_now() + LAN_SEC(1);
	if (s->linger_until && s->linger_until < until)
		until = s->linger_until;
	if (strm_wait(&s->m, input ? s->in.fd : -1, until))
		lines_read(&s->in);
}

/* What was queued is sent, what was received is printed; then the connections end in good order. */
static void drain(struct session *s)
{
	int signals = cli_signals();
	lan_time until = cli_now() + (s->m.server ? DRAIN_SERVE : DRAIN_CONNECT);
	enum session_end why = s->end;
	if (why == SESSION_TIME)
		until = 0;
	if (s->exec)
		exec_end(s);
	if (s->m.server)
		lan_stream_stop(s->m.stream);
	while (!all_sent(s) && !s->down && cli_now() < until && cli_signals() == signals) {
		strm_wait(&s->m, -1, until);
		turn(s, false);
	}
	s->m.leaving = true;
	if (lan_stream_finish(s->m.stream, 0) == LAN_OK && why == SESSION_INPUT) {
		s->end = SESSION_GOES_ON; /* what still comes is printed */
		while (!s->down && cli_now() < until && cli_signals() == signals) {
			strm_wait(&s->m, -1, until);
			turn(s, false);
		}
		s->end = s->end ? s->end : why;
	} else {
		lan_loop_process(s->m.loop);
	}
	if (s->m.out.gone)
		return;
	until = why == SESSION_SIGNAL ? cli_now() + DRAIN_SERVE : LAN_NEVER;
	if (!out_drain(&s->m.out, until, signals) && out_waiting(&s->m.out))
		cli_say(s->m.cli, "%zu bytes received were not printed: nobody reads stdout",
			out_waiting(&s->m.out));
}

static int too_late(struct session *s, uint64_t left, int partial)
{
	struct lines *in = &s->in;
	const char *limit = cli_opt(s->m.cli, "timeout");
	if (s->want)
		return cli_error(s->m.cli, EXIT_TIMEOUT, "give it more time with --timeout",
			"%llu of %llu values within --timeout %s", (unsigned long long)s->received,
			(unsigned long long)s->want, limit);
	if (!s->m.server && (left || in->start != in->end || !s->was_up))
		return cli_error(s->m.cli, EXIT_TIMEOUT, "give it more time with --timeout",
			"--timeout %s was not enough", limit);
	return partial;
}

/* What the end means as an exit code; says what was left undone. */
static int verdict(struct session *s, uint64_t left)
{
	const struct cli *cli = s->m.cli;
	bool short_of = s->bad || s->failed || (!s->m.server && (s->lost || s->expired));
	int partial = short_of ? EXIT_PARTIAL : EXIT_OK;
	if (left && s->end != SESSION_GONE && s->end != SESSION_FAILED && !s->m.server)
		cli_say(cli, "%llu message%s not sent, or not acknowledged, given up",
			(unsigned long long)left, left == 1 ? " was" : "s were");
	if (s->m.out.no_memory)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	if (s->m.out.error)
		return cli_error(cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(s->m.out.error));
	switch (s->end) {
	case SESSION_SIGNAL:
		return s->m.server ? partial : EXIT_INTERRUPTED;
	case SESSION_TIME:
		return too_late(s, left, partial);
	case SESSION_FAILED:
		return EXIT_FAILED;
	case SESSION_GONE:
	case SESSION_COUNT:
		return left && !s->m.server ? EXIT_PARTIAL : partial;
	case SESSION_INPUT:
		if (s->in.error)
			return cli_error(cli, EXIT_FAILED, NULL, "cannot read standard input: %s",
				strerror(s->in.error));
		break;
	case SESSION_GOES_ON:
		break;
	}
	return partial;
}

int session_run(struct session *s)
{
	for (;;) {
		turn(s, true);
		s->end = ended(s);
		if (s->end)
			break;
		wait(s);
	}
	drain(s);
	return verdict(s, lan_stream_pending(s->m.stream) + s->waiting);
}
