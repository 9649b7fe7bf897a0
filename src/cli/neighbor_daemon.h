/*
 * neighbor_daemon.h - what the verbs about the daemon's neighbours share.
 */
#ifndef LAN_CLI_NEIGHBOR_DAEMON_H
#define LAN_CLI_NEIGHBOR_DAEMON_H

#include <jansson.h>
#include "cli/out.h"
#include "cli/verb.h"

/* An answer of neighbor.show as text (neighbor_show.c). */
void neighbor_show_text(struct out *o, const struct cli *cli, const json_t *result);

#endif
