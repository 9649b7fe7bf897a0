/*
 * daemon.h - the one struct that holds the daemon together, for main.c and the
 * verbs that report on it.
 */
#ifndef LANYARDD_DAEMON_H
#define LANYARDD_DAEMON_H

#include "daemon/control.h"
#include "daemon/privileges.h"

struct daemon {
	struct lan_loop *loop;
	struct config_set *set; /* in force */
	struct links links;
	struct entries channels, streams, neighbors, sensors;
	struct events *events;
	struct control control;
	struct privileges privileges;
	const char *config_path;        /* -c, or NULL */
	const char *socket_path;        /* -s, or NULL */
	char *socket;                   /* in use */
	int verbosity;                  /* -v and -q move the configured level */
	uint64_t started_ns, loaded_ns; /* wall clock */
	lan_time started;
	uint64_t reloads;
	char *reload_error; /* of the last reload; NULL: it worked */
	struct lan_deadline watchdog, drain;
	lan_time drain_until;
	bool stopping, stopped;
};

/* What a reload changed. */
struct daemon_change {
	struct links_change links;
	struct entries_change channels, streams, neighbors, sensors;
};
void daemon_change_fini(struct daemon_change *c);

/* What SIGHUP and config.reload do. False: the old configuration stays, `errors` says why. */
bool daemon_reload(struct daemon *d, struct daemon_change *change, struct config_notes *errors);
/* The first one: opens the links, channels, streams, neighbors and sensors. `set` is taken on success. False:
 * `what` says why. */
bool daemon_start(struct daemon *d, struct config_set *set, struct text *what);
/* What the configuration in force does not go on needing. False: `what` says why not. */
bool daemon_drop_privileges(struct daemon *d, struct text *what);
/* Read the configuration with the command line's changes applied. */
bool daemon_config(struct daemon *d, struct config_set **out, struct config_notes *errors);
/* Level and format of the log: the configuration's, moved by -v and -q. */
void daemon_log_setup(const struct daemon *d, const struct config_set *set);
/* One line for the service manager and for people. */
void daemon_status_text(const struct daemon *d, struct text *t);

#endif
