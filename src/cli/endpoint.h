/*
 * endpoint.h - what `lanyard link serve` and `lanyard link connect` share: one
 * loop over the link, stdin, stdout and signals.
 */
#ifndef LAN_CLI_ENDPOINT_H
#define LAN_CLI_ENDPOINT_H

#include <lanyard/link.h>
#include "cli/lines.h"
#include "cli/out.h"
#include "cli/verb.h"

/* Why the loop ended. */
enum endpoint_end {
	END_NOT = 0,
	END_INPUT,  /* connect: end of stdin, everything acknowledged */
	END_COUNT,  /* -n lines were received */
	END_SIGNAL, /* SIGINT or SIGTERM */
	END_TIME,   /* --for is over */
	END_GONE,   /* nobody reads stdout any more */
	END_REFUSED /* connect --give-up: the first attempt failed */
};

struct endpoint {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_link *link;
	struct out out;
	struct lines in;
	bool server, json, echo, stay;
	bool has_expected;
	bool give_up, was_up; /* --give-up: an end of stdin alone does not end it before the first outcome */
	bool blocked;         /* the next stdin line found its queue full */
	bool said_failed;     /* a failing connection was reported, say no more until it is up */
	unsigned flags;       /* of lines written */
	uint32_t max_line;    /* bytes */
	uint64_t received, want;
	uint64_t bad, good, lost;  /* stdin lines refused, stdin lines queued, lines lost */
	lan_time ends;             /* --for */
	char *echo_id, *echo_line; /* an echo that found its queue full */
	size_t echo_len;
	enum endpoint_end end;
};

/* Reads the options both verbs share. Returns EXIT_OK, or another code after having said why. */
int endpoint_init(struct endpoint *e, struct cli *cli, bool server);
/* Runs until it ends by itself. e->link is open. Returns the exit code. */
int endpoint_run(struct endpoint *e);
void endpoint_fini(struct endpoint *e);

/* What came in (endpoint_events.c): prints one event. */
void endpoint_event(struct endpoint *e, const struct lan_link_event *ev);
/* What is to go out (endpoint_input.c): passes on the lines that stdin holds. */
void endpoint_input(struct endpoint *e);
/* False: an echo still waits for room. */
bool endpoint_echo(struct endpoint *e);

#endif
