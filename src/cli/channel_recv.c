/*
 * channel_recv.c - `lanyard channel recv GROUP:PORT`: prints what is said on a
 * channel. stdout: one message a line; stderr: what else happens. It ends after
 * -n messages, after --timeout, or when it is told to. A reader of stdout that is
 * slow makes it stop reading its socket, never lose a line it has taken.
 * lanyard-channel(7).
 */
#include <string.h>
#include "cli/channel.h"
#include "cli/wait.h"

#define PRINT_PATIENCE LAN_SEC(5)
/* Enough for the confirmation of what was printed last; docs/protocols/channel.md section 7. */
#define CONFIRM LAN_MS(100)

static bool enough(const struct channel *c, uint64_t want)
{
	return want && c->received >= want;
}

static void pull(struct channel *c, uint64_t want)
{
	struct lan_channel_event ev;
	while (!out_full(&c->out) && !c->out.gone && !enough(c, want) && lan_channel_event(c->handle, &ev))
		channel_event(c, &ev);
}

/* A sender in the reliable mode waits to hear that the last message came through. */
static void confirm(struct channel *c)
{
	lan_time until = cli_now() + CONFIRM;
	int signals = cli_signals();
	while (cli_now() < until && cli_signals() == signals)
		channel_wait(c, -1, until);
}

static int verdict(struct channel *c, uint64_t want, bool interrupted)
{
	if (c->out.no_memory)
		return cli_error(c->cli, EXIT_FAILED, NULL, "out of memory");
	if (c->out.error)
		return cli_error(c->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(c->out.error));
	if (c->out.gone || enough(c, want))
		return EXIT_OK;
	if (interrupted)
		return EXIT_INTERRUPTED;
	if (!want && c->received)
		return EXIT_OK;
	if (!want)
		return cli_error(c->cli, EXIT_TIMEOUT, NULL, "no message within --timeout %s",
			cli_opt(c->cli, "timeout"));
	return cli_error(c->cli, EXIT_TIMEOUT, NULL, "%llu of %llu messages within --timeout %s",
		(unsigned long long)c->received, (unsigned long long)want, cli_opt(c->cli, "timeout"));
}

int channel_recv_main(struct cli *cli, int argc, char **argv)
{
	struct channel c;
	uint64_t want = cli_number(cli, "count", 0);
	bool interrupted = false;
	cli->mode = cli->mode == MODE_TEXT ? MODE_TEXT : MODE_JSONL; /* a stream has no end to wait for */
	if (channel_is_name(argv[0]))
		return channel_recv_daemon_main(cli, argc, argv);
	int rc = channel_begin(&c, cli, argv[0], false);
	if (rc == EXIT_OK) {
		lan_loop_process(c.loop);
		for (;;) {
			pull(&c, want);
			out_flush(&c.out);
			interrupted = cli_signals() > 0;
			if (interrupted || enough(&c, want) || c.out.gone || cli_now() >= c.ends)
				break;
			channel_wait(&c, -1, c.ends);
		}
		int signals = cli_signals();
		if (!c.out.gone &&
			!out_drain(&c.out, interrupted ? cli_now() + PRINT_PATIENCE : LAN_NEVER, signals) &&
			out_waiting(&c.out))
			cli_say(cli, "%zu bytes received were not printed: nobody reads stdout",
				out_waiting(&c.out));
		if (c.reliable && c.received && !interrupted && !cli_flag(cli, "silent"))
			confirm(&c);
		channel_account(&c);
		rc = verdict(&c, want, interrupted);
	}
	channel_end(&c);
	return rc;
}
