/*
 * config.c - `lanyard config check|show|reload`; import is in config_import.c.
 *
 * check asks lanyardd itself (`lanyardd --check -c FILE`, daemon_run.h). show and reload ask the running
 * daemon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/config.h"
#include "cli/ctl.h"
#include "cli/daemon_run.h"
#include "cli/out_json.h"
#include "cli/say.h"
#include "cli/text.h"
#include "cli/wait.h"

enum { OUTPUT_MAX = 64 << 10 };

/* Runs lanyardd --check. With JSON its words are collected in `text`. */
static int run_check(const struct cli *cli, const char *file, char *text, size_t cap)
{
	bool json = cli->mode != MODE_TEXT;
	const char *args[] = {"--check", file ? "-c" : NULL, file, NULL};
	text[0] = '\0';
	return daemon_run(
		&(struct daemon_run){.args = args, .out = json ? text : NULL, .cap = cap, .both = true});
}

/* `name`: an array of the lines that begin with `head`, without it. */
static void lines_array(struct out *o, const char *name, const char *text, const char *head)
{
	size_t n, skip = strlen(head);
	int count = 0;
	out_printf(o, ",\"%s\":[", name);
	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n <= skip || strncmp(text, head, skip) != 0)
			continue;
		if (count++)
			out_char(o, ',');
		out_json_string(o, text + skip, n - skip);
	}
	out_char(o, ']');
}

/* What is wrong, as a document: the first of it is the error, the rest its details. */
static void invalid_document(struct out *o, const char *text)
{
	const char *all = *text ? text : "the configuration is not valid";
	size_t first = strcspn(all, "\n"), rest = first + (all[first] == '\n');
	out_text(o, "{\"schema\":1,\"error\":{");
	out_json_text(o, "code", cli_code_name(EXIT_FAILED), true);
	out_json_bytes(o, "what", all, first, false);
	if (all[rest])
		lines_array(o, "details", all + rest, "");
	out_text(o, "}}\n");
}

int config_invalid(const struct cli *cli, const char *text)
{
	struct out o;
	say_error_text(*text ? text : "the configuration is not valid", NULL);
	if (cli->mode != MODE_TEXT) {
		out_init(&o, STDOUT_FILENO);
		invalid_document(&o, text);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	return EXIT_FAILED;
}

static void valid_document(struct out *o, const char *file, const char *text)
{
	out_text(o, "{\"schema\":1");
	out_json_bool(o, "valid", true, false);
	if (file)
		out_json_text(o, "file", file, false);
	lines_array(o, "warnings", text, "warning: ");
	out_text(o, "}\n");
}

int config_check_main(struct cli *cli, int argc, char **argv)
{
	const char *file = argc ? argv[0] : cli->config ? cli->config : getenv("LANYARD_CONFIG");
	char *text = malloc(OUTPUT_MAX);
	struct out o;
	if (!text)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	int rc = run_check(cli, file, text, OUTPUT_MAX);
	if (rc == 127 || rc < 0) {
		rc = cli_error(
			cli, EXIT_FAILED, "install lanyardd, or put it into PATH", "cannot run lanyardd");
	} else if (cli->mode != MODE_TEXT && rc != 0) {
		rc = config_invalid(cli, text);
	} else if (cli->mode != MODE_TEXT) {
		out_init(&o, STDOUT_FILENO);
		valid_document(&o, file, text);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	free(text);
	return rc;
}

int config_show_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "config.show", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, NULL)) {
		out_init(&o, STDOUT_FILENO);
		out_text(&o, ctl_str(result, "yaml"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}

static void names(struct out *o, const char *what, const json_t *list)
{
	const json_t *name;
	size_t i;
	if (json_array_size(list) == 0)
		return;
	out_text(o, what);
	json_array_foreach(list, i, name)
		out_printf(o, "%s %s", i ? "," : "", json_is_string(name) ? json_string_value(name) : "?");
	out_char(o, '\n');
}

/* What a reload did with one family; "" for the links. */
static void changes(struct out *o, const char *family, const json_t *lists)
{
	static const char *const what[] = {"added", "removed", "changed", "unchanged"};
	char head[40];
	for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
		snprintf(head, sizeof head, "%s%s%s:", family, *family ? " " : "", what[i]);
		names(o, head, json_object_get(lists, what[i]));
	}
}

int config_reload_main(struct cli *cli, int argc, char **argv)
{
	static const char *const families[] = {"channels", "streams", "neighbors", "sensors"};
	const json_t *warning;
	json_t *result;
	struct out o;
	size_t i;
	int rc = ctl_once(cli, "config.reload", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, NULL)) {
		out_init(&o, STDOUT_FILENO);
		out_text(&o, "the new configuration is in force\n");
		changes(&o, "", result);
		for (i = 0; i < sizeof families / sizeof *families; i++)
			changes(&o, families[i], json_object_get(result, families[i]));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
		json_array_foreach(
			json_object_get(result, "warnings"), i, warning) if (json_is_string(warning))
			cli_say(cli, "warning: %s", json_string_value(warning));
	}
	json_decref(result);
	return EXIT_OK;
}
