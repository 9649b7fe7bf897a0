/*
 * daemon_run.h - run lanyardd for a look at a configuration: the one beside this program, where an
 * installation puts it, or in PATH. A second opinion on what is valid would be wrong sooner or later.
 */
#ifndef LAN_CLI_DAEMON_RUN_H
#define LAN_CLI_DAEMON_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct daemon_run {
	const char *const *args; /* behind the program's name; NULL ends */
	const char *input;       /* its stdin; NULL: this program's */
	/* What it prints is collected here, with a NUL; NULL: it goes where this program's goes. */
	char *out;
	size_t cap;
	bool both; /* what it says on stderr, too */
};

/* Its exit status; 127 or below 0: it cannot be run. */
int daemon_run(const struct daemon_run *r);

#endif
