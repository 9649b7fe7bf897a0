/*
 * stream_main.c - `lanyard stream serve` and `lanyard stream connect`: both ends
 * of a stream in one command each, fit for pipes.
 *
 * stdout: received values, one a line. stdin: lines are values, to every
 * connection or to the server. stderr: who comes and goes, and what was lost.
 * lanyard-stream(7).
 */
#include "cli/stream.h"

static int run(struct cli *cli, const char *address, bool server)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct session s;
	cfg.address = address;
	int rc = session_init(&s, cli, &cfg, server);
	if (rc == EXIT_OK)
		rc = strm_open(&s.m, &cfg);
	if (rc == EXIT_OK)
		rc = session_run(&s);
	session_fini(&s);
	return rc;
}

int stream_serve_main(struct cli *cli, int argc, char **argv)
{
	return run(cli, argv[0], true);
}

int stream_connect_main(struct cli *cli, int argc, char **argv)
{
	return run(cli, argv[0], false);
}
