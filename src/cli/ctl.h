/*
 * ctl.h - the client side of the daemon's control protocol (docs/control.md):
 * one JSON object per line over a unix socket.
 *
 * Every function that returns an exit code has said what went wrong when it is
 * not EXIT_OK. JSON values given in `args` are taken, results are the caller's.
 */
#ifndef LAN_CLI_CTL_H
#define LAN_CLI_CTL_H

#include <jansson.h>
#include "cli/verb.h"

struct ctl {
	struct cli *cli;
	int fd;
	bool silent; /* report nothing: completion must not talk */
	char path[256];
	char *buf;
	size_t start, end, cap;
	lan_time deadline; /* of everything, from --timeout; LAN_NEVER: none */
	lan_time patience; /* for one reply without --timeout */
	bool eof;
};

/* Connects and checks the greeting. */
int ctl_open(struct ctl *c, struct cli *cli);
void ctl_close(struct ctl *c);

/* Sends one request. */
int ctl_send(struct ctl *c, uint64_t id, const char *verb, json_t *args);
/* The next message, waiting for it; *msg stays NULL if not EXIT_OK. */
int ctl_next(struct ctl *c, json_t **msg);
/* A message that is there already, or NULL; c->eof when no more will come. Reads once. */
json_t *ctl_ready(struct ctl *c);
/* A message that was read already, or NULL. Does not read. */
json_t *ctl_buffered(struct ctl *c);
/* Request and reply. */
int ctl_call(struct ctl *c, const char *verb, json_t *args, json_t **result);
/* Reports the error of a reply: {"code","what","hint","details"}; its exit code. */
int ctl_error(struct ctl *c, const json_t *error);

/* Open, call, close: what most verbs are. */
int ctl_once(struct cli *cli, const char *verb, json_t *args, json_t **result);

/* Fields of results, with a value for what is missing or null. */
const char *ctl_str(const json_t *o, const char *name);
uint64_t ctl_num(const json_t *o, const char *name);
bool ctl_is(const json_t *o, const char *name);

#endif
