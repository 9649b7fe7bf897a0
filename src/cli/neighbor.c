/*
 * neighbor.c - `lanyard neighbor run IFACE..`: a node of the neighbour family in
 * one command, until it is told to end: lanyard-neighbor(7). Events are lines on
 * stdout; who cannot be heard, and why not, is told on stderr in the end.
 *
 * With -n the last neighbour that was wanted is given a moment to say what it
 * announces: who asks for a neighbour wants to know its addresses.
 */
#include "cli/neighbor.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli/wait.h"

#define PRINT_PATIENCE LAN_SEC(5)
/* Silence after which a neighbour that came up and said something has said what it has; and the most that is
 * waited for it: what it said too early it says again after a second. */
#define QUIET      LAN_MS(100)
#define QUIET_MOST LAN_MS(1500)

/* What to do about a missing right; NULL: it is not that. */
static const char *raw_hint(char *buf, size_t cap)
{
	char self[256];
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	if (fd >= 0) {
		close(fd);
		return NULL;
	}
	snprintf(buf, cap, "run it as root, or give the program the right: setcap cap_net_raw+ep %.*s",
		len > 0 ? (int)len : 7, len > 0 ? self : "lanyard");
	return buf;
}

static int cannot_open(const struct neighbor *n, enum lan_err e, const char *why)
{
	char buf[400];
	const char *hint = e == LAN_ERR_PERM ? raw_hint(buf, sizeof buf) : NULL;
	enum exit_code code = e == LAN_ERR_PERM                         ? EXIT_PERMISSION
			      : e == LAN_ERR_INVAL || e == LAN_ERR_ADDR ? EXIT_USAGE
			      : e == LAN_ERR_NOTFOUND                   ? EXIT_NOT_FOUND
									: EXIT_FAILED;
	return cli_error(
		n->cli, code, hint, "cannot look for neighbours: %s", why && *why ? why : lan_err_text(e));
}

static bool is_glob(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

/* Interfaces asked for that are not there, or not usable: said once, and waited for. */
static void tell_missing(const struct neighbor *n, int argc, char **argv)
{
	struct lan_neighbor_iface f;
	for (int i = 0; i < argc; i++) {
		bool found = *argv[i] == '!';
		for (size_t k = 0; !found && lan_neighbor_iface(n->handle, k, &f); k++)
			found = fnmatch(argv[i], f.name, 0) == 0 && f.index;
		if (!found)
			cli_say(n->cli,
				is_glob(argv[i]) ? "no interface matches '%s': waiting for one"
						 : "there is no interface '%s': waiting for it",
				argv[i]);
	}
	for (size_t k = 0; lan_neighbor_iface(n->handle, k, &f); k++)
		if (f.index && !f.up)
			cli_say(n->cli, "%s is not used yet: %s", f.name, f.why);
}

/* Once, at the start: what everybody on the link can do. */
static void announce(const struct neighbor *n, const struct lan_neighbor_config *cfg)
{
	bool lsoe = cfg->dialect == LAN_NEIGHBOR_LSOE;
	if (lsoe || cfg->trust == LAN_NEIGHBOR_TRUST_ANY)
		cli_say(n->cli, "%s is not authenticated: whoever is on a link is believed%s",
			lsoe ? "lsoe" : "l3dl", lsoe ? "" : " until it has signed once");
}

static void pull(struct neighbor *n)
{
	struct lan_neighbor_event ev;
	lan_time now = cli_now();
	while (!out_full(&n->out) && !n->out.gone && lan_neighbor_event(n->handle, &ev)) {
		neighbor_print(n, &ev);
		if (n->want && n->ups >= n->want && n->enough == LAN_NEVER)
			n->ends = n->ends < now + QUIET_MOST ? n->ends : now + QUIET_MOST;
		if (n->want && n->ups >= n->want && n->lists >= n->want)
			n->enough = now + QUIET;
	}
}

static void wait_for(struct neighbor *n)
{
	lan_time until = n->enough < n->ends ? n->enough : n->ends;
	int ms = lan_loop_timeout(n->loop), limit = cli_ms_until(until);
	struct pollfd p[2] = {{.fd = lan_loop_fd(n->loop), .events = POLLIN},
		{.fd = n->out.file ? -1 : n->out.fd, .events = out_waiting(&n->out) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 2, ms) > 0 && p[1].revents & (POLLERR | POLLNVAL))
		n->out.gone = true;
	lan_loop_process(n->loop);
}

/* Why there is nobody: for each interface, and each neighbour that is not established. */
static void why_not(const struct neighbor *n)
{
	struct lan_neighbor_iface f;
	struct lan_neighbor_peer p;
	for (size_t i = 0; lan_neighbor_iface(n->handle, i, &f); i++)
		if (*f.why)
			cli_say(n->cli, "%s: %s", f.name, f.why);
	for (size_t i = 0; lan_neighbor_peer(n->handle, i, &p); i++)
		if (p.state != LAN_NEIGHBOR_ESTABLISHED)
			cli_say(n->cli, "%s %s: %s: %s", p.ifname, p.mac, lan_neighbor_state_name(p.state),
				p.why);
}

static int verdict(struct neighbor *n, bool interrupted)
{
	bool enough = n->want ? n->ups >= n->want : n->ups > 0;
	if (n->out.no_memory)
		return cli_error(n->cli, EXIT_FAILED, NULL, "out of memory");
	if (n->out.error)
		return cli_error(n->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(n->out.error));
	if (n->out.gone || enough || (interrupted && !n->want))
		return EXIT_OK;
	if (interrupted)
		return EXIT_INTERRUPTED;
	why_not(n);
	if (!n->want)
		return cli_error(n->cli, EXIT_TIMEOUT, NULL, "no neighbour within --timeout %s",
			cli_opt(n->cli, "timeout"));
	return cli_error(n->cli, EXIT_TIMEOUT, NULL, "%llu of %llu neighbours within --timeout %s",
		(unsigned long long)n->ups, (unsigned long long)n->want, cli_opt(n->cli, "timeout"));
}

static int follow(struct neighbor *n)
{
	bool interrupted;
	lan_loop_process(n->loop);
	for (;;) {
		pull(n);
		out_flush(&n->out);
		lan_time now = cli_now();
		interrupted = cli_signals() > 0;
		if (interrupted || n->out.gone || now >= n->ends || now >= n->enough)
			break;
		wait_for(n);
	}
	out_drain(&n->out, cli_now() + PRINT_PATIENCE, cli_signals());
	if (!n->out.gone && out_waiting(&n->out))
		cli_say(n->cli, "%zu bytes were not printed: nobody reads stdout", out_waiting(&n->out));
	return verdict(n, interrupted);
}

static int begin(struct neighbor *n, const struct neighbor_options *o)
{
	const char *why = NULL;
	cli_signals_init();
	cli_signals_hangup();
	if (lan_loop_new(&n->loop))
		return cli_error(n->cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	enum lan_err e = lan_neighbor_open(n->loop, &o->cfg, &n->handle, &why);
	if (e)
		return cannot_open(n, e, why);
	announce(n, &o->cfg);
	return EXIT_OK;
}

int neighbor_run_main(struct cli *cli, int argc, char **argv)
{
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	struct neighbor n = {.cli = cli,
		.json = cli->mode != MODE_TEXT,
		.color = cli_color(cli, STDOUT_FILENO),
		.want = cli_number(cli, "count", 0),
		.ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts,
		.enough = LAN_NEVER};
	struct neighbor_options o;
	cli->mode = n.json ? MODE_JSONL : MODE_TEXT; /* there is no end to wait for: always lines */
	out_init(&n.out, STDOUT_FILENO);
	int rc = neighbor_options(&o, cli, argc, argv);
	if (rc == EXIT_OK)
		rc = begin(&n, &o);
	if (rc == EXIT_OK) {
		tell_missing(&n, argc, argv);
		rc = follow(&n);
	}
	lan_neighbor_close(n.handle);
	lan_loop_free(n.loop);
	out_fini(&n.out);
	neighbor_options_fini(&o);
	return rc;
}
