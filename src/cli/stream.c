/*
 * stream.c - the open stream of `lanyard stream` and `lanyard blob`: options
 * that all four verbs have, opening, waiting. What only one of the two dialects
 * knows is refused for the other, so that nobody believes in an option that does
 * nothing. lanyard-stream(7).
 */
#include "cli/stream.h"

#include <string.h>
#include <unistd.h>
#include "cli/out_json.h"
#include "cli/wait.h"

static bool is(const struct cli *cli, const char *name, const char *word)
{
	const char *v = cli_opt(cli, name);
	return v && strcmp(v, word) == 0;
}

/* Options that only one dialect has. */
static int check_dialect(const struct cli *cli, enum lan_stream_dialect dialect)
{
	static const char *const serpy1[] = {"mode", "encoding", "ack-timeout", "resend", "confirm", NULL},
				 *const serpy2[] = {"resync", NULL};
	const char *const *foreign = dialect == LAN_STREAM_SERPY2 ? serpy1 : serpy2;
	for (; *foreign; foreign++)
		if (cli_flag(cli, *foreign))
			return cli_error(cli, EXIT_USAGE, "leave it out, or choose the other dialect",
				"--%s: %s has nothing of that kind", *foreign,
				lan_stream_dialect_name(dialect));
	return EXIT_OK;
}

static int sizes(const struct cli *cli, struct lan_stream_config *cfg)
{
	uint64_t max = cli_size(cli, "max-message", 0), conns = cli_number(cli, "max-conns", 0);
	if (max > 1u << 30)
		return cli_error(cli, EXIT_USAGE, "at most 1G", "--max-message %s is too large",
			cli_opt(cli, "max-message"));
	if (conns > UINT32_MAX)
		return cli_error(
			cli, EXIT_USAGE, NULL, "--max-conns %s is too large", cli_opt(cli, "max-conns"));
	cfg->max_message = (uint32_t)max;
	cfg->max_conns = (uint32_t)conns;
	return EXIT_OK;
}

int strm_init(struct strm *m, struct cli *cli, struct lan_stream_config *cfg, bool server)
{
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	*m = (struct strm){.cli = cli, .server = server, .json = cli->mode != MODE_TEXT};
	m->ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts;
	out_init(&m->out, STDOUT_FILENO);
	cli->mode = m->json ? MODE_JSONL : MODE_TEXT; /* a stream has no end to wait for: always lines */
	cfg->dialect = is(cli, "dialect", "serpy1") ? LAN_STREAM_SERPY1 : LAN_STREAM_SERPY2;
	cfg->encoding = cli_opt(cli, "encoding");
	cfg->resend = cli_flag(cli, "resend");
	cfg->resync = cli_flag(cli, "resync");
	cfg->confirm = cli_duration(cli, "confirm", 0);
	cfg->objects = cfg->dialect == LAN_STREAM_SERPY1;
	cfg->full = is(cli, "full", "drop-old")   ? LAN_STREAM_FULL_DROP_OLD
		    : is(cli, "full", "drop-new") ? LAN_STREAM_FULL_DROP_NEW
						  : LAN_STREAM_FULL_REFUSE;
	int rc = check_dialect(cli, cfg->dialect);
	if (rc == EXIT_OK)
		rc = sizes(cli, cfg);
	if (rc != EXIT_OK)
		return rc;
	cli_signals_init();
	if (lan_loop_new(&m->loop) != LAN_OK)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	return EXIT_OK;
}

void strm_fini(struct strm *m)
{
	lan_stream_close(m->stream);
	lan_loop_free(m->loop);
	out_fini(&m->out);
}

static int cannot_open(const struct strm *m, const char *address, enum lan_err err)
{
	const char *doing = m->server ? "listen on" : "connect to";
	switch (err) {
	case LAN_ERR_ADDRINUSE:
		return cli_error(m->cli, EXIT_FAILED,
			"another server runs there; stop it or choose another port",
			"cannot listen on %s: address in use", address);
	case LAN_ERR_PERM:
		return cli_error(m->cli, EXIT_PERMISSION, "ports below 1024 belong to root; take one above",
			"cannot listen on %s: permission denied", address);
	case LAN_ERR_ADDR:
		return cli_error(m->cli, EXIT_USAGE,
			m->server ? "give ADDR:PORT with an address of this machine, e.g. 0.0.0.0:8000, "
				    "127.0.0.1:0 or "
				    "[::]:8000"
				  : "give HOST:PORT, e.g. 192.0.2.7:8000, instrument.local:8000 or "
				    "[2001:db8::1]:8000",
			"cannot %s %s: %s", doing, address, lan_err_text(err));
	case LAN_ERR_INVAL:
		return cli_error(m->cli, EXIT_USAGE, "see --help for what each option takes",
			"cannot %s %s: a value is outside its range", doing, address);
	default:
		return cli_error(
			m->cli, EXIT_FAILED, NULL, "cannot %s %s: %s", doing, address, lan_err_text(err));
	}
}

int strm_open(struct strm *m, const struct lan_stream_config *cfg)
{
	enum lan_err err = m->server ? lan_stream_serve(m->loop, cfg, &m->stream)
				     : lan_stream_connect(m->loop, cfg, &m->stream);
	if (err)
		return cannot_open(m, cfg->address, err);
	if (m->server && m->json) {
		strm_json(m, "stream-opened", NULL);
		out_json_text(&m->out, "peer", lan_stream_address(m->stream), false);
		out_text(&m->out, "}\n");
	} else if (m->server) {
		cli_say(m->cli, "listening on %s (%s: not encrypted, anybody may connect)",
			lan_stream_address(m->stream), lan_stream_dialect_name(cfg->dialect));
	}
	return EXIT_OK;
}

bool strm_wait(struct strm *m, int fd, lan_time until)
{
	int ms = lan_loop_timeout(m->loop), limit = cli_ms_until(until);
	struct pollfd p[3] = {{.fd = lan_loop_fd(m->loop), .events = POLLIN}, {.fd = fd, .events = POLLIN},
		/* A reader that goes away shows itself even when nothing waits for it. */
		{.fd = m->out.file ? -1 : m->out.fd, .events = out_waiting(&m->out) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 3, ms) <= 0)
		return false;
	if (p[2].revents & (POLLERR | POLLNVAL))
		m->out.gone = true;
	return p[1].revents;
}

bool strm_ready(const struct strm *m)
{
	return !out_full(&m->out) && !m->out.gone;
}
