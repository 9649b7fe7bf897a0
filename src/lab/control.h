/*
 * control.h - the live commands `lab impair` reads on stdin, one a line.
 */
#ifndef LAN_LAB_CONTROL_H
#define LAN_LAB_CONTROL_H

#include "io/watch.h"
#include "lab/out.h"

/* What is left to do by the form that is running; settings are applied already. */
enum lab_command_kind {
	LAB_CMD_NONE, /* an empty line */
	LAB_CMD_BAD,
	LAB_CMD_SET, /* a setting has changed */
	LAB_CMD_CUT,
	LAB_CMD_HALF_OPEN,
	LAB_CMD_HOLE,
	LAB_CMD_PAUSE,
	LAB_CMD_RESUME,
	LAB_CMD_STATS,
	LAB_CMD_QUIT
};

struct lab_command {
	enum lab_command_kind kind;
	bool rst;           /* CUT */
	enum lab_side side; /* HALF_OPEN: the one that is closed */
	lan_time time;      /* HOLE */
	char text[256];     /* as given; BAD: why not */
};

/* Understand one line (without LF); a setting goes into f. A view of nothing. */
void lab_command_parse(const char *line, struct lab_faults *f, struct lab_command *out);

/* stdin as a source of commands. `fn` is called with each line, from inside the
 * loop; the end of stdin ends the commands and nothing else. */
struct lab_control {
	struct lan_watch watch;
	bool watching;
	int flags; /* of the descriptor, as found */
	void (*fn)(void *ctx, const char *line);
	void *ctx;
	size_t len;
	char buf[1024];
};

/* Where stdin cannot be watched (a file, /dev/null), it is read to its end now. */
void lab_control_open(
	struct lab_control *c, struct lan_loop *l, void (*fn)(void *ctx, const char *line), void *ctx);
void lab_control_close(struct lab_control *c);

#endif
