/*
 * link_connect.c - `lanyard link connect HOST:PORT --id ID`: a client of the
 * line link as a pipe. stdin: one line is one message; stdout: each line
 * received. It keeps the link through outages by itself and ends at the end of
 * stdin, after the last acknowledgement. lanyard-link(7).
 */
#include "cli/endpoint.h"

static int cannot_open(const struct cli *cli, const char *to, enum lan_err err)
{
	switch (err) {
	case LAN_ERR_ADDR:
		return cli_error(cli, EXIT_USAGE, "give HOST:PORT, e.g. hub.local:8123 or [2001:db8::7]:8123",
			"'%s' is not an address", to);
	case LAN_ERR_INVAL:
		return cli_error(cli, EXIT_USAGE,
			"an id has 1 to 255 bytes without control characters; timeout 100ms to 1h, window 1 "
			"to 100",
			"the id or another value is outside its range");
	default:
		return cli_error(cli, EXIT_FAILED, NULL, "cannot connect to %s: %s", to, lan_err_text(err));
	}
}

int link_connect_main(struct cli *cli, int argc, char **argv)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	struct endpoint e;
	int rc;
	cfg.address = argv[0];
	cfg.id = cli_opt(cli, "id");
	if (!cfg.id)
		return cli_error(cli, EXIT_USAGE, "every client of a server has a name of its own: --id ID",
			"--id is missing");
	rc = endpoint_init(&e, cli, false);
	if (rc == EXIT_OK) {
		cfg.timeout = cli_duration(cli, "timeout", 0);
		cfg.window = (uint32_t)cli_number(cli, "window", 0);
		cfg.max_line = e.max_line;
		cfg.first = cli_flag(cli, "give-up") ? LAN_LINK_FIRST_GIVE_UP : LAN_LINK_FIRST_RETRY;
		enum lan_err err = lan_link_connect(e.loop, &cfg, &e.link);
		rc = err ? cannot_open(cli, argv[0], err) : endpoint_run(&e);
	}
	endpoint_fini(&e);
	return rc;
}
