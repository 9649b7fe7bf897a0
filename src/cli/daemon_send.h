/*
 * daemon_send.h - messages handed to the daemon one by one, from the words of the
 * command line, the lines of stdin, or all of stdin: what `channel send NAME` and
 * `stream send NAME` share.
 *
 * Each message is one request, answered when the daemon has it. A full queue is
 * waited for; a message that fails is reported and the next one tried: 0 all
 * were sent, 7 some.
 */
#ifndef LAN_CLI_DAEMON_SEND_H
#define LAN_CLI_DAEMON_SEND_H

#include "cli/ctl.h"

enum { DAEMON_MESSAGE_MAX = 1 << 20 };

struct daemon_send {
	struct ctl ctl;
	const char *family, *name; /* "channel" and the name of one */
	const char *verb;          /* "channel.send" */
	/* Adds the message to the arguments; false: it cannot be, and daemon_send_refused said why. */
	bool (*add)(struct daemon_send *s, json_t *args, const char *data, size_t n);
	uint64_t number; /* of the message, from 1 */
	uint64_t sent, failed;
	bool broken;
	int rc;        /* of the first failure */
	json_t *error; /* the first one */
	enum out_mode mode;
};

/* Sends `n` messages, or if there are none what stdin holds: its lines, or with `raw` all of it as one
 * message. The exit code. */
int daemon_send(struct daemon_send *s, struct cli *cli, int n, char **messages, bool raw);
/* The message cannot be sent: says why, with its number. `hint` may be NULL. */
void daemon_send_refused(struct daemon_send *s, const char *hint, const char *why);

/* The options given must be among `mine` (NULL ends) or for all verbs; else an error with `hint`. */
int daemon_send_options(const struct cli *cli, const char *what, const char *const *mine, const char *hint);

/* Bytes as "base64". */
void daemon_send_base64(json_t *args, const char *data, size_t n);

#endif
