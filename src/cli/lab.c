/*
 * lab.c - `lanyard lab impair` and `lanyard lab xbee`: hand the words over to
 * src/lab, which gives them meaning (the same words are commands on its stdin).
 */
#include "lab/impair.h"

#include <stdio.h>
#include "cli/verb.h"
#include "lab/xbee.h"

enum { WORDS_MAX = 2 * CLI_GIVEN_MAX + 8 };

static int error(void *ctx, int code, const char *hint, const char *what)
{
	return cli_error(ctx, (enum exit_code)code, hint, "%s", what);
}

int lab_impair_main(struct cli *cli, int argc, char **argv)
{
	static char name[] = "impair", json[] = "-J", verbose[] = "-v", quiet[] = "-q", end[] = "--";
	char *words[WORDS_MAX] = {name}, names[CLI_GIVEN_MAX][32], err[256];
	struct lab_impair opt;
	int n = 1, rc;
	for (size_t i = 0; i < cli->n_given; i++)
		for (const struct opt *o = cli->verb->opts; o->name; o++) {
			const struct given *g = &cli->given[i];
			if (g->opt != o)
				continue;
			snprintf(names[i], sizeof names[i], "--%s", o->name);
			words[n++] = names[i];
			if (g->value)
				words[n++] = (char *)(uintptr_t)g->value;
		}
	if (cli->mode != MODE_TEXT)
		words[n++] = json;
	if (cli->verbose)
		words[n++] = verbose;
	if (cli->quiet)
		words[n++] = quiet;
	words[n++] = end;
	for (int i = 0; i < argc && n < WORDS_MAX - 1; i++)
		words[n++] = argv[i];
	words[n] = NULL;
	if (lab_impair_parse(n, words, &opt, err, sizeof err) != LAB_EXIT_OK)
		return cli_error(cli, EXIT_USAGE, "see lanyard lab impair --help", "%s", err);
	opt.limit = cli_duration(cli, "timeout", LAN_NEVER);
	opt.error = error;
	opt.ctx = cli;
	rc = lab_impair_run(&opt);
	if (rc == LAB_EXIT_TIMEOUT)
		cli_error(cli, EXIT_TIMEOUT, NULL, "--timeout %s is over", cli_opt(cli, "timeout"));
	return rc;
}

int lab_xbee_main(struct cli *cli, int argc, char **argv)
{
	struct lab_xbee x = {.air = {.baud = 9600}, .error = error, .ctx = cli};
	char err[256];
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < cli->n_given; i++)
		for (const struct opt *o = cli->verb->opts; o->name; o++)
			if (cli->given[i].opt == o &&
				lab_xbee_set(&x, o->name, cli->given[i].value, err, sizeof err))
				return cli_error(cli, EXIT_USAGE, "see lanyard lab xbee --help", "%s", err);
	if (x.air.modules == 0)
		x.air.modules = 1;
	x.json = cli->mode != MODE_TEXT;
	x.quiet = cli->quiet;
	x.limit = cli_duration(cli, "timeout", LAN_NEVER);
	int rc = lab_xbee_run(&x);
	if (rc == LAB_EXIT_TIMEOUT)
		cli_error(cli, EXIT_TIMEOUT, NULL, "--timeout %s is over", cli_opt(cli, "timeout"));
	return rc;
}
