/*
 * sensor_device.c - `lanyard sensor device`: a slave of the SOS/CASAN family, or a plain CoAP server over
 * UDP, in one command, for real use and for tests: lanyard-sensor(7). It works until it is told to end, and
 * finishes the commands that run then.
 */
#include "cli/sensor_device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/wait.h"

#define DRAIN          LAN_SEC(2) /* for commands that still run when we are told to end */
#define PRINT_PATIENCE LAN_SEC(5)

static int cannot_open(const struct device *d, enum lan_err e, const char *why)
{
	const char *hint = e == LAN_ERR_PERM
				   ? "run it as root, or give the program the right: setcap cap_net_raw+ep"
				   : NULL;
	enum exit_code code = e == LAN_ERR_PERM                         ? EXIT_PERMISSION
			      : e == LAN_ERR_INVAL || e == LAN_ERR_ADDR ? EXIT_USAGE
			      : e == LAN_ERR_NOTFOUND                   ? EXIT_NOT_FOUND
									: EXIT_FAILED;
	return cli_error(d->cli, code, hint, "cannot be a device on %s: %s", d->cfg.net,
		why && *why ? why : lan_err_text(e));
}

static void pull(struct device *d)
{
	struct lan_sensor_event ev;
	while (!out_full(&d->out) && !d->out.gone && lan_sensor_event(d->handle, &ev))
		device_print(d, &ev);
}

static void wait_for(struct device *d, lan_time until)
{
	struct pollfd p[2 + 2 * DEVICE_JOBS];
	p[0] = (struct pollfd){.fd = lan_loop_fd(d->loop), .events = POLLIN};
	p[1] = (struct pollfd){
		.fd = d->out.file ? -1 : d->out.fd, .events = out_waiting(&d->out) ? POLLOUT : 0};
	size_t n = 2 + device_job_polls(d, p + 2, 2 * DEVICE_JOBS);
	lan_time jobs = device_jobs_until(d);
	int ms = lan_loop_timeout(d->loop), limit = cli_ms_until(jobs < until ? jobs : until);
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, n, ms) > 0 && d->json && p[1].revents & (POLLERR | POLLNVAL))
		d->out.gone = true;
	device_jobs_run(d);
	lan_loop_process(d->loop);
}

static int verdict(const struct device *d)
{
	if (d->out.no_memory)
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory");
	if (d->out.error)
		return cli_error(d->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(d->out.error));
	return EXIT_OK;
}

static int serve(struct device *d)
{
	lan_time drain = LAN_NEVER;
	lan_loop_process(d->loop);
	for (;;) {
		pull(d);
		out_flush(&d->out);
		lan_time now = cli_now();
		bool told = cli_signals() > 0 || d->out.gone || now >= d->ends ||
			    (d->want && d->answered >= d->want);
		if (told && drain == LAN_NEVER)
			drain = now + DRAIN;
		if (told && (!device_jobs_any(d) || now >= drain || cli_signals() > 1))
			break;
		wait_for(d, told ? drain : d->ends);
	}
	pull(d);
	out_drain(&d->out, cli_now() + PRINT_PATIENCE, cli_signals());
	return verdict(d);
}

static int begin(struct device *d)
{
	const char *why = NULL;
	cli_signals_init();
	cli_signals_hangup();
	if (lan_loop_new(&d->loop))
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	enum lan_err e = lan_sensor_open(d->loop, &d->cfg, &d->handle, &why);
	if (e)
		return cannot_open(d, e, why);
	lan_sensor_trace(d->handle, true);
	return EXIT_OK;
}

int sensor_device_main(struct cli *cli, int argc, char **argv)
{
	lan_time lasts = cli_duration(cli, "for", LAN_NEVER);
	struct device d = {.cli = cli,
		.json = cli->mode != MODE_TEXT,
		.want = cli_number(cli, "count", 0),
		.ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts};
	(void)argc, (void)argv;
	cli->mode = d.json ? MODE_JSONL : MODE_TEXT; /* there is no end to wait for: always lines */
	out_init(&d.out, STDOUT_FILENO);
	int rc = device_options(&d);
	if (rc == EXIT_OK)
		rc = begin(&d);
	if (rc == EXIT_OK)
		rc = serve(&d);
	device_jobs_end(&d);
	lan_sensor_close(d.handle);
	lan_loop_free(d.loop);
	out_fini(&d.out);
	device_fini(&d);
	return rc;
}
