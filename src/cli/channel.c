/*
 * channel.c - the options of `lanyard channel send` and `recv`, and the channel
 * they open: lanyard-channel(7). Key and passphrase of the old dialect are taken
 * out of the command line as soon as they were read, so that ps does not show
 * them for longer than it must.
 */
#include "cli/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/wait.h"

void channel_say(const struct channel *c, enum lan_logger_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (c->log)
		lan_logger_write(c->log, level, "%s", text);
	else if (level == LAN_LOGGER_DEBUG)
		cli_detail(c->cli, "%s", text);
	else
		cli_say(c->cli, "%s", text);
}

bool channel_is_name(const char *word)
{
	return !strchr(word, ':') && strspn(word, "0123456789.") != strlen(word);
}

/* A copy of the last value of an option, every value of which is overwritten in argv. */
static char *take_secret(struct cli *cli, const char *name)
{
	const char *v = cli_opt(cli, name);
	char *copy = v ? strdup(v) : NULL;
	for (size_t i = 0; cli_opt_at(cli, name, i); i++) {
		char *shown = (char *)(uintptr_t)cli_opt_at(cli, name, i);
		memset(shown, '*', strlen(shown));
	}
	return copy;
}

static int lists(struct channel *c, struct lan_channel_config *cfg)
{
	int rc = words_init(&c->ifaces, c->cli, "iface");
	if (rc == EXIT_OK)
		rc = words_init(&c->sources, c->cli, "source");
	if (c->ifaces.n > CHANNEL_LIST_MAX || c->sources.n > CHANNEL_LIST_MAX)
		return cli_error(c->cli, EXIT_USAGE, "--iface all takes every interface",
			"more than %d interfaces or sources", CHANNEL_LIST_MAX);
	cfg->ifaces = c->ifaces.list;
	cfg->n_ifaces = c->ifaces.n;
	cfg->sources = c->sources.list;
	cfg->n_sources = c->sources.n;
	return rc;
}

/* What does not fit into the field it is for. */
static int out_of_range(const struct cli *cli, const char *name, const char *range)
{
	return cli_error(cli, EXIT_USAGE, NULL, "--%s %s: %s", name, cli_opt(cli, name), range);
}

static int numbers(const struct cli *cli, struct lan_channel_config *cfg)
{
	uint64_t ttl = cli_number(cli, "ttl", 1), parity = cli_number(cli, "parity", 0),
		 late = cli_number(cli, "late", 0), max = cli_size(cli, "max-message", 0);
	if (ttl > 255)
		return out_of_range(cli, "ttl", "0 (not beyond this host) to 255");
	if (parity > 16)
		return out_of_range(cli, "parity", "at most 16 datagrams for each block of 32");
	if (late > UINT32_MAX)
		return out_of_range(cli, "late", "no history is that long");
	if (max > 1u << 20)
		return out_of_range(cli, "max-message", "at most 1M");
	if (cli_opt(cli, "ttl"))
		cfg->ttl = ttl ? (int)ttl : LAN_CHANNEL_TTL_HOST;
	cfg->parity = (uint32_t)parity;
	cfg->late = (uint32_t)late;
	cfg->max_message = (uint32_t)max;
	cfg->rate = cli_size(cli, "rate", 0);
	cfg->reorder = cli_duration(cli, "reorder", 0);
	return EXIT_OK;
}

static int read_options(struct channel *c, struct lan_channel_config *cfg, bool sending)
{
	static const unsigned form_flags[] = {0, LAN_CHANNEL_TEXT, LAN_CHANNEL_BYTES, LAN_CHANNEL_BYTEARRAY};
	struct cli *cli = c->cli;
	c->key = take_secret(cli, "key");
	c->iv = take_secret(cli, "iv");
	c->json = cli->mode != MODE_TEXT;
	c->raw = cli_flag(cli, "raw");
	c->presence = cli_flag(cli, "presence");
	c->object = cli_flag(cli, "object");
	c->form = form_flags[cli_choice(cli, "form", -1) + 1];
	cfg->key = c->key;
	cfg->iv = c->iv;
	cfg->dialect = (enum lan_channel_dialect)(cli_choice(cli, "dialect", -1) + 1);
	cfg->mode = (enum lan_channel_mode)cli_choice(cli, "mode", 0);
	cfg->key_file = cli_opt(cli, "key-file");
	cfg->channel = cli_opt(cli, "channel");
	cfg->name = cli_opt(cli, "name");
	cfg->identity_file = cli_opt(cli, "identity");
	cfg->members_file = cli_opt(cli, "members");
	cfg->state_dir = cli_opt(cli, "state");
	cfg->silent = cli_flag(cli, "silent");
	cfg->no_loopback = cli_flag(cli, "no-loopback");
	cfg->objects = c->object && !sending;
	c->reliable = cfg->mode == LAN_CHANNEL_RELIABLE;
	cfg->flow = sending && c->reliable && !cli_flag(cli, "no-flow");
	if (c->raw && c->json)
		return cli_error(cli, EXIT_USAGE, "leave one of them out",
			"--raw prints the bytes of messages, -J prints JSON");
	if (c->object && c->form)
		return cli_error(cli, EXIT_USAGE, NULL, "--object has a form of its own; leave --form out");
	if (c->object && (cfg->key_file || cfg->dialect == LAN_CHANNEL_SEALED))
		return cli_error(cli, EXIT_USAGE, "send JSON as text there",
			"--object is for Python's objects on multisock; a sealed channel has none");
	int rc = numbers(cli, cfg);
	return rc == EXIT_OK ? lists(c, cfg) : rc;
}

static int cannot_open(const struct channel *c, const char *address, enum lan_err e, const char *why)
{
	static const struct {
		enum lan_err err;
		enum exit_code code;
	} codes[] = {{LAN_ERR_ADDR, EXIT_USAGE}, {LAN_ERR_INVAL, EXIT_USAGE}, {LAN_ERR_PERM, EXIT_PERMISSION},
		{LAN_ERR_NOTFOUND, EXIT_NOT_FOUND}};
	enum exit_code code = EXIT_FAILED;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].err == e)
			code = codes[i].code;
	return cli_error(c->cli, code, NULL, "cannot open the channel %s: %s", address, why);
}

static int open_logger(struct channel *c)
{
	const char *component = cli_opt(c->cli, "component"), *prefix = cli_opt(c->cli, "log-file");
	if (!component && !prefix)
		return EXIT_OK;
	enum lan_err e = lan_logger_open(component, prefix, &c->log);
	if (!e)
		return EXIT_OK;
	return cli_error(c->cli, e == LAN_ERR_PERM ? EXIT_PERMISSION : EXIT_FAILED,
		"--log-file takes the beginning of a path; _<date>.log is put behind it",
		"cannot log to %s_<date>.log: %s", prefix ? prefix : "", lan_err_text(e));
}

/* Once, at the start: what everybody on the LAN can do with this channel. */
static void announce(struct channel *c)
{
	struct lan_channel_status st;
	lan_channel_status(c->handle, &st);
	snprintf(c->address, sizeof c->address, "%s", st.address);
	c->sealed = st.dialect == LAN_CHANNEL_SEALED;
	if (!c->sealed)
		channel_say(c, LAN_LOGGER_WARNING, "multisock is %s; see lanyard-channel(7), SECURITY",
			st.security);
	if (c->log)
		lan_logger_write(c->log, LAN_LOGGER_INFO, "Creating UDP Channel on %s", st.address);
	channel_say(c, LAN_LOGGER_DEBUG, "channel %s open, %s, as %s", st.address, st.security, st.sender);
}

int channel_begin(struct channel *c, struct cli *cli, const char *address, bool sending)
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	const char *why = "";
	*c = (struct channel){.cli = cli, .ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts};
	out_init(&c->out, STDOUT_FILENO);
	int rc = read_options(c, &cfg, sending);
	if (rc == EXIT_OK)
		rc = open_logger(c);
	if (rc != EXIT_OK)
		return rc;
	cfg.address = address;
	cli_signals_init();
	if (lan_loop_new(&c->loop) != LAN_OK)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	enum lan_err e = lan_channel_open(c->loop, &cfg, &c->handle, &why);
	if (e)
		return cannot_open(c, address, e, why);
	announce(c);
	c->max_message = cfg.max_message ? cfg.max_message : 1u << 20;
	return EXIT_OK;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void channel_end(struct channel *c)
{
	lan_channel_close(c->handle);
	lan_loop_free(c->loop);
	lan_logger_close(c->log);
	out_fini(&c->out);
	wipe(c->key);
	wipe(c->iv);
	words_fini(&c->ifaces);
	words_fini(&c->sources);
}

bool channel_wait(struct channel *c, int fd, lan_time until)
{
	int ms = lan_loop_timeout(c->loop), limit = cli_ms_until(until);
	struct pollfd p[3] = {{.fd = lan_loop_fd(c->loop), .events = POLLIN}, {.fd = fd, .events = POLLIN},
		{.fd = c->out.file ? -1 : c->out.fd, .events = out_waiting(&c->out) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	int n = cli_poll(p, 3, ms);
	if (n > 0 && p[2].revents & (POLLERR | POLLNVAL))
		c->out.gone = true;
	lan_loop_process(c->loop);
	return n > 0 && p[1].revents;
}
