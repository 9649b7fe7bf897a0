/*
 * parse.h - from argv to a verb and its options. See parse.c.
 */
#ifndef LAN_CLI_PARSE_H
#define LAN_CLI_PARSE_H

#include "cli/verb.h"

/* Fills `cli` and the positional words. Returns EXIT_OK, or EXIT_USAGE after
 * having said why. cli->verb may stay NULL: `lanyard` alone, or --version. With
 * cli->want_help, *object is set if only an object was named. argv is permuted. */
int cli_parse(struct cli *cli, int argc, char **argv, const struct object **object, int *pos_n, char ***pos);

/* Finds by name or unique beginning; NULL after having said why not. */
const struct object *cli_find_object(const struct cli *cli, const char *word);
const struct verb *cli_find_verb(const struct cli *cli, const struct object *object, const char *word);
/* What `lanyard OBJECT` alone means, or NULL. */
const struct verb *cli_default_verb(const struct object *object);

/* How many edits lie between two words; small is similar. */
unsigned cli_distance(const char *a, const char *b);

#endif
