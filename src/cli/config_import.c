/*
 * config_import.c - `lanyard config import FILE`: a configuration of one of the originals as one of lanyardd
 * (import.h). What has no counterpart stands there as a comment and is a warning.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/config.h"
#include "cli/import.h"
#include "cli/out_json.h"
#include "cli/say.h"
#include "cli/text.h"
#include "cli/wait.h"

#define FILE_MAX (1u << 20)

/* The whole file, with a place for a NUL behind it. */
static char *slurp(const char *path, size_t *len, const char **what)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 2) : NULL;
	*what = f ? "out of memory" : strerror(errno);
	*len = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	if (text && ferror(f))
		*what = strerror(errno);
	else if (*len > FILE_MAX)
		*what = "larger than 1 MiB";
	else if (text)
		*what = NULL;
	if (f && f != stdin)
		fclose(f);
	if (!*what)
		return text;
	free(text);
	return NULL;
}

static void say_warnings(const struct cli *cli, const char *text)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		cli_say(cli, "warning: %.*s", (int)n, text);
	}
}

static int print(const struct cli *cli, const char *yaml, const char *warnings)
{
	json_t *result, *list;
	struct out o;
	if (cli->mode == MODE_TEXT) {
		out_init(&o, STDOUT_FILENO);
		out_text(&o, yaml);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
		say_warnings(cli, warnings);
		return EXIT_OK;
	}
	list = json_array();
	for (size_t n; *warnings; warnings += n + (warnings[n] == '\n')) {
		n = strcspn(warnings, "\n");
		json_array_append_new(list, json_stringn(warnings, n));
	}
	result = json_pack("{s:i, s:s, s:o}", "schema", 1, "yaml", yaml, "warnings", list);
	text_document(cli, result, NULL);
	json_decref(result);
	return EXIT_OK;
}

int config_imported(const struct cli *cli, const char *path, char **yaml, char **warnings)
{
	struct import im = {.ini = {.file = strcmp(path, "-") == 0 ? "stdin" : path}};
	const char *what;
	char *errors = NULL, *text;
	size_t len, n[3];
	bool ok;
	int rc = EXIT_OK;
	*yaml = *warnings = NULL;
	text = slurp(path, &len, &what);
	if (!text)
		return cli_error(cli, EXIT_FAILED, NULL, "%s: %s", im.ini.file, what);
	im.ini.errors = open_memstream(&errors, &n[0]);
	im.yaml = open_memstream(yaml, &n[1]);
	im.warnings = open_memstream(warnings, &n[2]);
	ok = im.ini.errors && im.yaml && im.warnings;
	if (ok)
		import_text(&im, text, len);
	ok &= !im.ini.errors || fclose(im.ini.errors) == 0;
	ok &= !im.yaml || fclose(im.yaml) == 0;
	ok &= !im.warnings || fclose(im.warnings) == 0;
	if (!ok)
		rc = cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	else if (im.ini.n_errors)
		rc = config_invalid(cli, errors);
	import_fini(&im);
	free(errors);
	free(text);
	return rc;
}

int config_import_main(struct cli *cli, int argc, char **argv)
{
	char *yaml, *warnings;
	int rc = config_imported(cli, argv[0], &yaml, &warnings);
	(void)argc;
	if (rc == EXIT_OK)
		rc = print(cli, yaml, warnings);
	free(yaml);
	free(warnings);
	return rc;
}

bool config_is_original(const char *path)
{
	const char *what;
	size_t len;
	char *text = slurp(path, &len, &what);
	bool is = text && import_kind_of(text, len) != IMPORT_LSOED;
	free(text);
	return is;
}
