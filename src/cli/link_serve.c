/*
 * link_serve.c - `lanyard link serve`: a server of the line link in one command.
 *
 * stdout: ID<TAB>LINE for each line received. stdin: ID<TAB>LINE is sent to that
 * client, exactly once. stderr: who comes and goes. It needs no daemon and no
 * configuration, and it is the shortest complete use of <lanyard/link.h>.
 * lanyard-link(7).
 */
#include <stdlib.h>
#include <string.h>
#include "cli/endpoint.h"
#include "cli/out_json.h"

/* Every ID of every --expect; *n of them. The caller frees the list and [0]. */
static const char **expected_ids(const struct cli *cli, size_t *n)
{
	size_t bytes = 1, words = 1, at = 0;
	const char *v;
	for (size_t i = 0; (v = cli_opt_at(cli, "expect", i)); i++) {
		bytes += strlen(v) + 1;
		for (words++; *v; v++)
			words += *v == ',';
	}
	char *text = malloc(bytes);
	const char **ids = calloc(words + 1, sizeof *ids);
	*n = 0;
	if (!text || !ids) {
		free(text);
		free(ids);
		return NULL;
	}
	ids[0] = text;
	for (size_t i = 0; (v = cli_opt_at(cli, "expect", i)); i++)
		while (*v) {
			size_t len = strcspn(v, ",");
			if (len) {
				ids[(*n)++] = memcpy(text + at, v, len);
				text[at + len] = '\0';
				at += len + 1;
			}
			v += len + (v[len] == ',');
		}
	return ids;
}

static enum lan_link_dup duplicate_policy(const struct cli *cli)
{
	const char *v = cli_opt(cli, "duplicate");
	if (v && strcmp(v, "refuse") == 0)
		return LAN_LINK_DUP_REFUSE;
	if (v && strcmp(v, "replace") == 0)
		return LAN_LINK_DUP_REPLACE;
	return LAN_LINK_DUP_SILENT;
}

static int cannot_listen(const struct cli *cli, const char *address, enum lan_err err)
{
	switch (err) {
	case LAN_ERR_ADDRINUSE:
		return cli_error(cli, EXIT_FAILED,
			"another server runs there; stop it or choose another port with --listen ADDR:PORT",
			"cannot listen on %s: address in use", address);
	case LAN_ERR_PERM:
		return cli_error(cli, EXIT_PERMISSION, "ports below 1024 belong to root; take one above",
			"cannot listen on %s: permission denied", address);
	case LAN_ERR_ADDR:
		return cli_error(cli, EXIT_USAGE,
			"give ADDR:PORT with an address of this machine, e.g. 0.0.0.0:8123, 127.0.0.1:0 or "
			"[::]:8123",
			"cannot listen on %s: %s", address, lan_err_text(err));
	case LAN_ERR_INVAL:
		return cli_error(cli, EXIT_USAGE,
			"timeout 100ms to 1h, window 1 to 100, ids 1 to 255 bytes without control characters",
			"cannot listen on %s: a value is outside its range", address);
	default:
		return cli_error(
			cli, EXIT_FAILED, NULL, "cannot listen on %s: %s", address, lan_err_text(err));
	}
}

static void announce(struct endpoint *e)
{
	const char *address = lan_link_address(e->link);
	if (e->json) {
		out_text(&e->out, "{\"schema\":1");
		out_json_now(&e->out, "time", false);
		out_json_text(&e->out, "event", "link-opened", false);
		out_json_text(&e->out, "peer", address, false);
		out_text(&e->out, "}\n");
	} else {
		cli_say(e->cli, "listening on %s (micropython-iot: not encrypted, ids are believed)",
			address);
	}
}

int link_serve_main(struct cli *cli, int argc, char **argv)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	struct endpoint e;
	size_t n = 0;
	int rc = endpoint_init(&e, cli, true);
	const char **ids = expected_ids(cli, &n);
	const char *listen = cli_opt(cli, "listen");
	if (rc == EXIT_OK && !ids)
		rc = cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	if (rc == EXIT_OK && e.has_expected && n == 0)
		rc = cli_error(cli, EXIT_USAGE, "give ids with commas between them, e.g. --expect=1,2",
			"no id in --expect");
	if (rc == EXIT_OK) {
		cfg.address = listen ? listen : "0.0.0.0:8123";
		cfg.timeout = cli_duration(cli, "timeout", 0);
		cfg.window = (uint32_t)cli_number(cli, "window", 0);
		cfg.max_line = e.max_line;
		cfg.dup = duplicate_policy(cli);
		cfg.only_expected = cli_flag(cli, "only-expected");
		cfg.expect = ids;
		cfg.n_expect = n;
		enum lan_err err = lan_link_serve(e.loop, &cfg, &e.link);
		if (err) {
			rc = cannot_listen(cli, cfg.address, err);
		} else {
			announce(&e);
			rc = endpoint_run(&e);
		}
	}
	endpoint_fini(&e);
	if (ids)
		free((void *)(uintptr_t)ids[0]);
	free(ids);
	return rc;
}
