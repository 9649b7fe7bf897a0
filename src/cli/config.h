/*
 * config.h - between the verbs of `lanyard config`.
 */
#ifndef LAN_CLI_CONFIG_H
#define LAN_CLI_CONFIG_H

#include "cli/verb.h"

/* A configuration is not valid: `text`, a problem a line, is said, as a document with the first as the error
 * and the rest as its details with -j. Returns EXIT_FAILED. */
int config_invalid(const struct cli *cli, const char *text);

#endif
