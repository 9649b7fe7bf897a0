/*
 * link_bridge.c - `lanyard link bridge`: brings a board without a network onto
 * the line link, over a serial line or I2C (docs/protocols/pblink.md). It works
 * until it is stopped. stdout: the lines that pass, as board or server, TAB,
 * line; stderr: what else happens; -J: all of it as JSON lines. A stdout nobody
 * reads does not hold the bridge up: lines go on, their printing does not.
 * lanyard-link(7).
 */
#include <lanyard/bridge.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/out.h"
#include "cli/out_json.h"
#include "cli/verb.h"
#include "cli/wait.h"

#define DRAIN LAN_SEC(2)

struct bridge {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_bridge *handle;
	struct out out;
	bool json, said_failed;
	uint64_t seen, want;
};

static const char *kind_name(enum lan_bridge_event_kind k)
{
	switch (k) {
	case LAN_BRIDGE_PLUGGED:
		return "plugged";
	case LAN_BRIDGE_UNPLUGGED:
		return "unplugged";
	case LAN_BRIDGE_SYNCED:
		return "synced";
	case LAN_BRIDGE_CONFIGURED:
		return "configured";
	case LAN_BRIDGE_RESET:
		return "reset";
	case LAN_BRIDGE_UP:
		return "up";
	case LAN_BRIDGE_DOWN:
		return "down";
	case LAN_BRIDGE_RETRY:
		return "retry";
	case LAN_BRIDGE_GAVE_UP:
		return "gave-up";
	case LAN_BRIDGE_FROM_BOARD:
		return "from-board";
	case LAN_BRIDGE_TO_BOARD:
		return "to-board";
	case LAN_BRIDGE_ERROR:
		return "error";
	case LAN_BRIDGE_SILENT:
		return "silent";
	case LAN_BRIDGE_HEARD:
		return "heard";
	}
	return "?";
}

static const char *reason_of(const struct lan_bridge_event *ev)
{
	return *ev->reason ? ev->reason : lan_err_text(ev->err);
}

static void print_json(struct bridge *b, const struct lan_bridge_event *ev)
{
	struct out *o = &b->out;
	out_text(o, "{\"schema\":1");
	out_json_now(o, "time", false);
	out_json_text(o, "event", kind_name(ev->kind), false);
	if (*ev->id)
		out_json_text(o, "id", ev->id, false);
	if (*ev->server)
		out_json_text(o, "server", ev->server, false);
	if (ev->line)
		out_json_bytes(o, "line", ev->line, ev->len, false);
	if (ev->kind == LAN_BRIDGE_FROM_BOARD) {
		out_json_bool(o, "qos", ev->qos, false);
		out_json_bool(o, "wait", ev->wait, false);
	}
	if (ev->kind == LAN_BRIDGE_UP)
		out_json_number(o, "connects", ev->connects, false);
	else if (*ev->reason || ev->err)
		out_json_text(o, "reason", reason_of(ev), false);
	out_text(o, "}\n");
}

/* What is said of the server; an outage has one attempt after the other: once. */
static void say_link(struct bridge *b, const struct lan_bridge_event *ev)
{
	if (ev->kind == LAN_BRIDGE_UP)
		cli_say(b->cli, "connected to %s (connection %u)", ev->server, ev->connects);
	else if (ev->kind == LAN_BRIDGE_DOWN)
		cli_say(b->cli, "lost %s: %s", ev->server, reason_of(ev));
	else if (ev->kind == LAN_BRIDGE_GAVE_UP)
		cli_say(b->cli,
			"cannot connect to %s: %s; the board was told, its next configuration is tried",
			ev->server, reason_of(ev));
	else if (!b->said_failed)
		cli_say(b->cli, "cannot connect to %s: %s; trying again", ev->server, reason_of(ev));
	b->said_failed = ev->kind == LAN_BRIDGE_RETRY;
}

static void say(struct bridge *b, const struct lan_bridge_event *ev)
{
	switch (ev->kind) {
	case LAN_BRIDGE_PLUGGED:
		cli_say(b->cli, "the device is there");
		break;
	case LAN_BRIDGE_UNPLUGGED:
		cli_say(b->cli, "the device is gone: %s; waiting for it", reason_of(ev));
		break;
	case LAN_BRIDGE_SYNCED:
		cli_say(b->cli, "the board started a session");
		break;
	case LAN_BRIDGE_CONFIGURED:
		cli_say(b->cli, "the board is client %s of %s", ev->id, ev->server);
		break;
	case LAN_BRIDGE_RESET:
		cli_detail(b->cli, "the session ended: %s", reason_of(ev));
		break;
	case LAN_BRIDGE_SILENT:
		cli_say(b->cli, "the board is silent");
		break;
	case LAN_BRIDGE_HEARD:
		cli_say(b->cli, "the board is heard again");
		break;
	case LAN_BRIDGE_ERROR:
		cli_say(b->cli, "error: %s", reason_of(ev));
		break;
	case LAN_BRIDGE_UP:
	case LAN_BRIDGE_DOWN:
	case LAN_BRIDGE_RETRY:
	case LAN_BRIDGE_GAVE_UP:
		say_link(b, ev);
		break;
	case LAN_BRIDGE_FROM_BOARD:
	case LAN_BRIDGE_TO_BOARD:
		break;
	}
}

static void print_line(struct bridge *b, const struct lan_bridge_event *ev)
{
	out_text(&b->out, ev->kind == LAN_BRIDGE_FROM_BOARD ? "board\t" : "server\t");
	out_foreign(&b->out, ev->line, ev->len);
	out_char(&b->out, '\n');
}

static bool done(const struct bridge *b)
{
	return b->want && b->seen >= b->want;
}

static void pull(struct bridge *b)
{
	struct lan_bridge_event ev;
	while (!out_full(&b->out) && !done(b) && lan_bridge_event(b->handle, &ev)) {
		bool line = ev.kind == LAN_BRIDGE_FROM_BOARD || ev.kind == LAN_BRIDGE_TO_BOARD;
		b->seen += line;
		if (b->json)
			print_json(b, &ev);
		else if (line)
			print_line(b, &ev);
		if (!b->json || b->cli->verbose)
			say(b, &ev);
	}
}

static void turn(struct bridge *b, lan_time until)
{
	struct pollfd p[2] = {{.fd = lan_loop_fd(b->loop), .events = POLLIN},
		{.fd = b->out.file ? -1 : b->out.fd, .events = out_waiting(&b->out) ? POLLOUT : 0}};
	int ms = lan_loop_timeout(b->loop), limit = cli_ms_until(until);
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 2, ms) > 0 && (p[1].revents & (POLLERR | POLLNVAL)))
		b->out.gone = true;
	lan_loop_process(b->loop);
	pull(b);
	out_flush(&b->out);
}

static void say_counters(struct bridge *b)
{
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; lan_bridge_counter(b->handle, i, &name, &help, &value); i++)
		if (value)
			cli_detail(b->cli, "%s %llu (%s)", name, (unsigned long long)value, help);
}

/* What the board has said gets a moment to be acknowledged. */
static void drain(struct bridge *b)
{
	struct lan_bridge_status st;
	lan_time until = cli_now() + DRAIN;
	int signals = cli_signals();
	while (lan_bridge_status(b->handle, &st),
		st.queued + st.board_waiting > 0 && st.up && cli_now() < until && cli_signals() == signals)
		turn(b, until);
	if (!b->out.gone)
		out_drain(&b->out, cli_now() + DRAIN, signals);
	if (st.queued)
		cli_say(b->cli, "%u line%s of the board not acknowledged by the server", st.queued,
			st.queued == 1 ? " was" : "s were");
	if (st.server_waiting)
		cli_say(b->cli, "%u bytes of lines of the server did not reach the board", st.server_waiting);
	say_counters(b);
}

static int cannot_open(const struct cli *cli, enum lan_err e, const char *why)
{
	switch (e) {
	case LAN_ERR_INVAL:
	case LAN_ERR_ADDR:
		return cli_error(cli, EXIT_USAGE,
			"lanyard link bridge --serial DEV [--baud N], or "
			"--i2c BUS --syn CHIP:LINE --ack CHIP:LINE",
			"%s", why);
	case LAN_ERR_NOTFOUND:
		return cli_error(cli, EXIT_NOT_FOUND,
			cli_opt(cli, "serial") ? "is it plugged in? --wait-device waits for it" : NULL, "%s",
			why);
	case LAN_ERR_PERM:
		return cli_error(cli, EXIT_PERMISSION, NULL, "%s", why);
	default:
		return cli_error(cli, EXIT_FAILED, NULL, "%s", *why ? why : lan_err_text(e));
	}
}

static int run(struct bridge *b, lan_time ends)
{
	while (!cli_signals() && !done(b) && !b->out.gone && cli_now() < ends)
		turn(b, ends);
	drain(b);
	if (b->out.no_memory)
		return cli_error(b->cli, EXIT_FAILED, NULL, "out of memory");
	if (b->out.error)
		return cli_error(
			b->cli, EXIT_FAILED, NULL, "cannot write to stdout: %s", strerror(b->out.error));
	return b->want && !done(b) && cli_now() >= ends
		       ? cli_error(b->cli, EXIT_TIMEOUT, NULL, "--for %s was not enough",
				 cli_opt(b->cli, "for"))
		       : EXIT_OK;
}

int bridge_main(struct cli *cli, int argc, char **argv)
{
	struct bridge b = {.cli = cli, .json = cli->mode != MODE_TEXT, .want = cli_number(cli, "count", 0)};
	struct lan_bridge_config cfg = LAN_BRIDGE_CONFIG_INIT;
	char why[400] = "";
	lan_time lasts = cli_duration(cli, "for", LAN_NEVER);
	(void)argc, (void)argv;
	cli->mode = b.json ? MODE_JSONL : MODE_TEXT; /* a stream has no end to wait for: always lines */
	cfg.serial = cli_opt(cli, "serial");
	cfg.baud = (uint32_t)cli_number(cli, "baud", 0);
	cfg.wait_device = cli_flag(cli, "wait-device");
	cfg.i2c = cli_opt(cli, "i2c");
	cfg.syn = cli_opt(cli, "syn");
	cfg.ack = cli_opt(cli, "ack");
	cfg.rst = cli_opt(cli, "rst");
	cfg.server = cli_opt(cli, "server");
	cfg.id = cli_opt(cli, "id");
	cfg.first = cli_flag(cli, "give-up") ? LAN_LINK_FIRST_GIVE_UP : LAN_LINK_FIRST_RETRY;
	cfg.why = why;
	cfg.why_size = sizeof why;
	cli_signals_init();
	out_init(&b.out, STDOUT_FILENO);
	int rc;
	if (lan_loop_new(&b.loop) != LAN_OK) {
		rc = cli_error(cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	} else {
		enum lan_err e = lan_bridge_open(b.loop, &cfg, &b.handle);
		rc = e ? cannot_open(cli, e, why)
		       : run(&b, lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts);
	}
	lan_bridge_close(b.handle);
	lan_loop_free(b.loop);
	out_fini(&b.out);
	return rc;
}
