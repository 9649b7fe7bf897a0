/*
 * sensor_master.c - `lanyard sensor master`: a master of the SOS/CASAN family in one command, with its HTTP
 * server, until it is told to end: lanyard-sensor(7). Events are lines on stdout; who did not come to run,
 * and why not, is told on stderr in the end.
 */
#include "cli/sensor_master.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/wait.h"

#define PRINT_PATIENCE LAN_SEC(5)

static int cannot_open(const struct master *m, enum lan_err e, const char *what, const char *why)
{
	enum exit_code code = e == LAN_ERR_PERM                         ? EXIT_PERMISSION
			      : e == LAN_ERR_INVAL || e == LAN_ERR_ADDR ? EXIT_USAGE
			      : e == LAN_ERR_NOTFOUND                   ? EXIT_NOT_FOUND
									: EXIT_FAILED;
	return cli_error(m->cli, code,
		e == LAN_ERR_PERM ? "run it as root, or give the program the right: setcap cap_net_raw+ep"
				  : NULL,
		"%s: %s", what, why && *why ? why : lan_err_text(e));
}

static int begin(struct master *m, const struct master_options *o)
{
	const char *why = NULL;
	struct lan_sensor_http_status st;
	cli_signals_init();
	cli_signals_hangup();
	if (lan_loop_new(&m->loop))
		return cli_error(m->cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	enum lan_err e = lan_sensor_master_open(m->loop, &o->cfg, &m->handle, &why);
	if (e)
		return cannot_open(m, e, "cannot serve sensors", why);
	e = o->has_http ? lan_sensor_http_open(m->handle, &o->http, &m->http, &why) : LAN_OK;
	if (e)
		return cannot_open(m, e, "cannot show them to the web", why);
	if (m->http) {
		lan_sensor_http_status(m->http, &st);
		master_print_http(m, o->listen[0].address, o->listen[0].cert_file != NULL, st.port);
	}
	return EXIT_OK;
}

static void pull(struct master *m)
{
	struct lan_sensor_master_event ev;
	while (!out_full(&m->out) && !m->out.gone && lan_sensor_master_event(m->handle, &ev))
		if (ev.kind != LAN_MASTER_RESPONSE && ev.kind != LAN_MASTER_NOTIFY &&
			ev.kind != LAN_MASTER_FAILED)
			master_print(m, &ev);
}

static void wait_for(struct master *m)
{
	int ms = lan_loop_timeout(m->loop), limit = cli_ms_until(m->ends);
	struct pollfd p[2] = {{.fd = lan_loop_fd(m->loop), .events = POLLIN},
		{.fd = m->out.file ? -1 : m->out.fd, .events = out_waiting(&m->out) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 2, ms) > 0 && p[1].revents & (POLLERR | POLLNVAL))
		m->out.gone = true;
	lan_loop_process(m->loop);
}

/* Of each slave that does not run, why not: at most some. */
static void why_not(const struct master *m)
{
	struct lan_slave_status st;
	size_t told = 0;
	for (size_t i = 0; told < 20 && lan_sensor_master_slave(m->handle, i, &st); i++) {
		if (st.state == LAN_SLAVE_RUNNING || !st.listed)
			continue;
		cli_say(m->cli, "slave %u: %s", (unsigned)st.id, lan_sensor_master_why(m->handle, st.id));
		told++;
	}
}

static int verdict(const struct master *m, bool interrupted)
{
	if (m->out.no_memory)
		return cli_error(m->cli, EXIT_FAILED, NULL, "out of memory");
	if (m->out.error)
		return cli_error(m->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(m->out.error));
	if (m->out.gone || interrupted || !m->want || m->running >= m->want)
		return EXIT_OK;
	why_not(m);
	return cli_error(m->cli, EXIT_TIMEOUT, NULL, "%llu of %llu slaves within --timeout %s",
		(unsigned long long)m->running, (unsigned long long)m->want, cli_opt(m->cli, "timeout"));
}

static int follow(struct master *m)
{
	bool interrupted;
	lan_loop_process(m->loop);
	for (;;) {
		pull(m);
		out_flush(&m->out);
		interrupted = cli_signals() > 0;
		if (interrupted || m->out.gone || cli_now() >= m->ends || (m->want && m->running >= m->want))
			break;
		wait_for(m);
	}
	out_drain(&m->out, cli_now() + PRINT_PATIENCE, cli_signals());
	return verdict(m, interrupted);
}

int sensor_master_main(struct cli *cli, int argc, char **argv)
{
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	struct master m = {.cli = cli,
		.json = cli->mode != MODE_TEXT,
		.color = cli_color(cli, STDOUT_FILENO),
		.want = cli_number(cli, "count", 0),
		.ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts};
	struct master_options o;
	(void)argc;
	(void)argv;
	cli->mode = m.json ? MODE_JSONL : MODE_TEXT; /* there is no end to wait for: always lines */
	out_init(&m.out, STDOUT_FILENO);
	int rc = master_options(&o, cli);
	if (rc == EXIT_OK)
		rc = begin(&m, &o);
	if (rc == EXIT_OK)
		rc = follow(&m);
	lan_sensor_http_close(m.http);
	lan_sensor_master_close(m.handle);
	lan_loop_free(m.loop);
	out_fini(&m.out);
	master_options_fini(&o);
	return rc;
}
