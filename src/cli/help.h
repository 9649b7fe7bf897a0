/*
 * help.h - help texts out of the table. All return an exit code.
 */
#ifndef LAN_CLI_HELP_H
#define LAN_CLI_HELP_H

#include "cli/verb.h"

struct out;

int help_overview(struct cli *cli);
int help_object(struct cli *cli, const struct object *object);
int help_verb(struct cli *cli, const struct verb *verb);

/* "lanyard link connect HOST:PORT --id ID [options]", without a line end. */
void help_synopsis(struct out *o, const struct verb *verb);

#endif
