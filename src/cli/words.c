/*
 * words.c - the words of a repeated option: counted, then copied, so that there
 * is no limit but that of the command line. Empty words between commas are none.
 */
#include "cli/words.h"

#include <stdlib.h>
#include <string.h>

int words_init(struct words *w, const struct cli *cli, const char *name)
{
	size_t bytes = 0, most = 0;
	const char *v;
	*w = (struct words){0};
	for (size_t i = 0; (v = cli_opt_at(cli, name, i)); i++) {
		bytes += strlen(v) + 1;
		for (most++; *v; v++)
			most += *v == ',';
	}
	if (most == 0)
		return EXIT_OK;
	w->list = calloc(most, sizeof *w->list);
	w->text = malloc(bytes);
	if (!w->list || !w->text)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	char *at = w->text;
	for (size_t i = 0; (v = cli_opt_at(cli, name, i)); i++) {
		char *save, *copy = memcpy(at, v, strlen(v) + 1);
		at += strlen(v) + 1;
		for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
			w->list[w->n++] = word;
	}
	return EXIT_OK;
}

void words_fini(struct words *w)
{
	free(w->list);
	free(w->text);
	*w = (struct words){0};
}
