/*
 * endpoint.c - the loop of `lanyard link serve` and `lanyard link connect`.
 *
 * One poll(2) over the link's loop (embedded by its descriptor and timeout),
 * stdin and stdout. Pressure goes through in both directions: while stdout is
 * full no events are pulled, so the link stops acknowledging and the peer
 * stops sending; while a queue of the link is full stdin is not read. poll is
 * used rather than a watch of the loop because stdin may be a regular file.
 *
 * It ends by one of enum endpoint_end and then drains: what was queued gets a
 * moment to be acknowledged, what was received is printed. lanyard-link(7).
 */
#include "cli/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/wait.h"

#define DRAIN_SERVE      LAN_SEC(5)
#define DRAIN_CONNECT    LAN_SEC(1)
#define LINE_MAX_DEFAULT (1u << 20)

int endpoint_init(struct endpoint *e, struct cli *cli, bool server)
{
	lan_time lasts = cli_duration(cli, "for", LAN_NEVER), timeout = cli_duration(cli, "timeout", 0);
	uint64_t max = cli_size(cli, "max-line", LINE_MAX_DEFAULT);
	*e = (struct endpoint){.cli = cli, .server = server};
	if (timeout && (timeout < LAN_MS(100) || timeout > LAN_SEC(3600)))
		return cli_error(cli, EXIT_USAGE, "--timeout: 100ms to 1h",
			"--timeout %s is outside its range", cli_opt(cli, "timeout"));
	if (cli_number(cli, "window", 1) > 100)
		return cli_error(cli, EXIT_USAGE, "--window: 1 to 100", "--window %s is outside its range",
			cli_opt(cli, "window"));
	if (max > UINT32_MAX / 2)
		return cli_error(cli, EXIT_USAGE, "at most 2G", "--max-line %s is too large",
			cli_opt(cli, "max-line"));
	e->json = cli->mode != MODE_TEXT;
	cli->mode = e->json ? MODE_JSONL : MODE_TEXT; /* a stream has no end to wait for: always lines */
	e->echo = cli_flag(cli, "echo");
	e->stay = cli_flag(cli, "stay");
	e->give_up = cli_flag(cli, "give-up");
	e->has_expected = cli_flag(cli, "expect");
	e->flags = cli_flag(cli, "no-qos")    ? 0
		   : cli_flag(cli, "no-wait") ? LAN_LINK_QOS
					      : LAN_LINK_QOS | LAN_LINK_WAIT;
	e->max_line = (uint32_t)max;
	e->want = cli_number(cli, "count", 0);
	e->ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts;
	cli_signals_init();
	out_init(&e->out, STDOUT_FILENO);
	/* On a server's stdin ID and TAB stand in front of the line. */
	if (!lines_init(&e->in, STDIN_FILENO, e->max_line + (server ? 256 : 0)) ||
		lan_loop_new(&e->loop) != LAN_OK)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	return EXIT_OK;
}

void endpoint_fini(struct endpoint *e)
{
	lan_link_close(e->link);
	lan_loop_free(e->loop);
	lines_fini(&e->in);
	out_fini(&e->out);
	free(e->echo_id);
	free(e->echo_line);
}

static bool counted(const struct endpoint *e)
{
	return e->want && e->received >= e->want;
}

/* Pull while there is room for what comes; stop exactly at -n, because a line
 * that was pulled is acknowledged and must be printed. */
static void pull(struct endpoint *e)
{
	struct lan_link_event ev;
	while (!out_full(&e->out) && !e->out.gone && !counted(e) && endpoint_echo(e) &&
		lan_link_event(e->link, &ev))
		endpoint_event(e, &ev);
}

static bool all_sent(struct endpoint *e)
{
	struct lan_link_status st;
	if (e->echo_line)
		return false;
	if (!e->server)
		return lan_link_pending(e->link) == 0;
	if (lan_link_pending(e->link) == 0)
		return true;
	for (size_t i = 0; lan_link_peer(e->link, i, &st); i++)
		if (st.up && st.queued)
			return false;
	return true; /* what is left waits for clients that are not there */
}

static enum endpoint_end ended(struct endpoint *e)
{
	if (e->end)
		return e->end;
	if (e->out.gone)
		return END_GONE;
	if (cli_signals())
		return END_SIGNAL;
	if (counted(e))
		return END_COUNT;
	if (!e->server && !e->want && !e->stay && lines_done(&e->in) && all_sent(e) && !out_full(&e->out) &&
		(!e->give_up || e->was_up))
		return END_INPUT;
	if (cli_now() >= e->ends)
		return END_TIME;
	return END_NOT;
}

/* Wait for the link, for stdin if it is wanted, for stdout if it is owed. */
static void wait(struct endpoint *e, lan_time until, bool input)
{
	int ms = lan_loop_timeout(e->loop), limit = cli_ms_until(until);
	struct pollfd p[3] = {{.fd = lan_loop_fd(e->loop), .events = POLLIN},
		{.fd = input && !e->blocked && !e->in.eof ? e->in.fd : -1, .events = POLLIN},
		/* A reader that goes away shows itself even when nothing waits for it. */
		{.fd = e->out.file ? -1 : e->out.fd, .events = out_waiting(&e->out) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 3, ms) <= 0)
		return;
	if (p[1].revents)
		lines_read(&e->in);
	if (p[2].revents & (POLLERR | POLLNVAL))
		e->out.gone = true;
}

static void turn(struct endpoint *e, bool input)
{
	lan_loop_process(e->loop);
	pull(e);
	if (input)
		endpoint_input(e);
	out_flush(&e->out);
}

static void drain(struct endpoint *e)
{
	int signals = cli_signals();
	lan_time until = e->server ? DRAIN_SERVE : DRAIN_CONNECT;
	until = e->end == END_TIME ? 0 : cli_now() + until;
	while (!all_sent(e) && cli_now() < until && cli_signals() == signals) {
		wait(e, until, false);
		turn(e, false);
	}
	lan_loop_process(e->loop); /* the acknowledgements of what was pulled last */
	if (e->out.gone)
		return;
	if (e->end == END_SIGNAL)
		until = cli_now() + DRAIN_SERVE;
	else
		until = LAN_NEVER;
	if (!out_drain(&e->out, until, signals) && out_waiting(&e->out))
		cli_say(e->cli, "%zu bytes received were not printed: nobody reads stdout",
			out_waiting(&e->out));
}

/* What the end means as an exit code; says what was left undone. */
static int verdict(struct endpoint *e)
{
	size_t left = lan_link_pending(e->link) + (e->echo_line != NULL);
	bool stdin_left = e->in.start != e->in.end;
	int partial = e->bad ? EXIT_PARTIAL : EXIT_OK;
	if (e->lost)
		cli_say(e->cli, "%llu line%s sent without qos may not have arrived",
			(unsigned long long)e->lost, e->lost == 1 ? "" : "s");
	if (left && e->end != END_GONE)
		cli_say(e->cli, "%zu line%s not acknowledged, given up", left, left == 1 ? " was" : "s were");
	if (e->out.no_memory)
		return cli_error(e->cli, EXIT_FAILED, NULL, "out of memory");
	if (e->out.error)
		return cli_error(e->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(e->out.error));
	switch (e->end) {
	case END_SIGNAL:
		return e->server ? partial : EXIT_INTERRUPTED;
	case END_TIME:
		if (e->want || (!e->server && (left || stdin_left)))
			return cli_error(e->cli, EXIT_TIMEOUT, "give it more time with --for",
				"--for %s was not enough", cli_opt(e->cli, "for"));
		return partial;
	case END_GONE:
		return left && !e->server ? EXIT_PARTIAL : partial;
	case END_COUNT:
		return left && !e->server ? EXIT_PARTIAL : partial;
	case END_REFUSED:
		return EXIT_FAILED;
	case END_INPUT:
		if (e->in.error)
			return cli_error(e->cli, EXIT_FAILED, NULL, "cannot read standard input: %s",
				strerror(e->in.error));
		break;
	case END_NOT:
		break;
	}
	return partial;
}

int endpoint_run(struct endpoint *e)
{
	for (;;) {
		turn(e, true);
		e->end = ended(e);
		if (e->end)
			break;
		wait(e, e->ends, true);
	}
	drain(e);
	return verdict(e);
}
