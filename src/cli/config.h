/*
 * config.h - between the verbs of `lanyard config`.
 */
#ifndef LAN_CLI_CONFIG_H
#define LAN_CLI_CONFIG_H

#include "cli/verb.h"

/* A configuration is not valid: `text`, a problem a line, is said, as a document with the first as the error
 * and the rest as its details with -j. Returns EXIT_FAILED. */
int config_invalid(const struct cli *cli, const char *text);

/* A configuration of one of the originals as YAML of lanyardd, and warnings, one a line; free both. Else the
 * exit code, after having said why. */
int config_imported(const struct cli *cli, const char *path, char **yaml, char **warnings);
/* Is this file one of the originals' masters of sensors (casand.conf, sosd.conf)? */
bool config_is_original(const char *path);

#endif
