/*
 * neighbor.h - what the files of `lanyard neighbor run` share: the options made
 * into a configuration, the open handle, what was counted.
 */
#ifndef LAN_CLI_NEIGHBOR_H
#define LAN_CLI_NEIGHBOR_H

#include <lanyard/neighbor.h>
#include "cli/out.h"
#include "cli/verb.h"
#include "cli/words.h"

/* The configuration and the memory it borrows. */
struct neighbor_options {
	struct lan_neighbor_config cfg;
	struct words loopbacks, attributes, addresses;
	uint8_t attribute[255];
	struct lan_neighbor_labels *labels;
	uint32_t *label; /* of all prefixes */
	char *label_text;
	char auth[256]; /* a secret */
};

struct neighbor {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_neighbor *handle;
	struct out out;
	bool json, color;
	uint64_t ups, lists, want; /* -n */
	lan_time ends;             /* --timeout */
	lan_time enough; /* -n neighbours are up: when the first words of the last one have been waited for */
};

extern const struct opt neighbor_run_opts[];
extern const char *const neighbor_run_examples[];
extern const char neighbor_run_more[];

/* Reads the options. EXIT_OK, or another code after having said why; neighbor_options_fini either way. */
int neighbor_options(struct neighbor_options *o, const struct cli *cli, int argc, char **argv);
void neighbor_options_fini(struct neighbor_options *o);

/* An event as a line on stdout. Neighbours that come up are counted (neighbor_print.c). */
void neighbor_print(struct neighbor *n, const struct lan_neighbor_event *ev);

#endif
