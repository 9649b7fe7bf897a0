/*
 * progress.h - how far something long has come, on stderr: a bar with rate and
 * time left on a terminal, else a line each 10 %; nothing with -q.
 */
#ifndef LAN_CLI_PROGRESS_H
#define LAN_CLI_PROGRESS_H

#include "cli/verb.h"

struct progress {
	const struct cli *cli;
	bool tty, shown;
	uint64_t total;
	unsigned tenth; /* the last one told */
	lan_time began, drawn;
};

enum { HUMAN_SIZE = 24 };

void progress_begin(struct progress *p, const struct cli *cli, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
/* Takes the bar away, so that other lines can be said. */
void progress_end(struct progress *p);

/* "17 B", "1.5 KiB", "64.0 MiB"; buf of HUMAN_SIZE bytes; returns buf. */
char *human_size(double bytes, char *buf);

#endif
