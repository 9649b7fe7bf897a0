/*
 * main.c - lanyard, the command line.
 *
 * It parses (parse.c, from the table in table.c) and calls the verb. `lanyard`
 * alone is `lanyard status`: one screen from the daemon. What is promised to
 * scripts, words, options, exit codes and JSON, stands in lanyard(1).
 */
#include <signal.h>
#include <string.h>
#include "cli/help.h"
#include "cli/out.h"
#include "cli/parse.h"
#include "cli/verb.h"
#include "io/process.h"

/* An error may be found before the -j behind it: look for it first. */
static enum out_mode mode_of(int argc, char **argv)
{
	enum out_mode mode = MODE_TEXT;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			mode = MODE_JSON;
		else if (strcmp(argv[i], "-J") == 0 || strcmp(argv[i], "--jsonl") == 0)
			mode = MODE_JSONL;
	return mode;
}

static int run(struct cli *cli, const struct object *object, int n, char **words)
{
	if (cli->want_version)
		return version_main(cli, 0, NULL);
	if (cli->want_help && cli->verb)
		return help_verb(cli, cli->verb);
	if (cli->want_help)
		return object ? help_object(cli, object) : help_overview(cli);
	return cli->verb ? cli->verb->fn(cli, n, words) : status_main(cli, 0, NULL);
}

int main(int argc, char **argv)
{
	struct cli cli = {.program = argv[0]};
	const struct object *object;
	char **words = NULL;
	int n = 0, rc;
	if (!lan_process_init())
		return EXIT_FAILED;
	signal(SIGPIPE, SIG_IGN);
	/* Words to complete are half-typed: they must not be parsed. */
	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return complete_main(&cli, argc - 2, argv + 2);
	cli.mode = mode_of(argc, argv);
	rc = cli_parse(&cli, argc, argv, &object, &n, &words);
	if (rc != EXIT_OK)
		return rc;
	rc = run(&cli, object, n, words);
	/* Whatever the verb thought: an answer that was not written is no success. */
	if (rc == EXIT_OK && out_stdout_error())
		return cli_error(&cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(out_stdout_error()));
	return rc;
}
