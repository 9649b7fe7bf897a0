/*
 * watch.h - a stream of the daemon's events, followed to its end (watch.c).
 */
#ifndef LAN_CLI_WATCH_H
#define LAN_CLI_WATCH_H

#include "cli/ctl.h"
#include "cli/out.h"

struct watching {
	struct ctl ctl;
	struct out out;
	bool color;
	const char *what; /* what is counted: "events" */
	/* Prints an event; does it count for -n? NULL: all are printed, all count. */
	bool (*print)(struct watching *w, const json_t *event);
	uint64_t seen, want;
	int rc;
	bool over;
};

/* Opens the stream `verb`, prints until it is over; the exit code. `args` are taken. */
int watch_follow(struct watching *w, struct cli *cli, const char *verb, json_t *args);
/* An event as the mode of output wants it. */
void watch_print(struct watching *w, const json_t *event);

#endif
