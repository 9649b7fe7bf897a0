/*
 * lines.h - lines from a descriptor, for loops that poll it themselves.
 *
 * lines_read reads once; lines_peek looks at the next whole line and keeps it
 * until lines_take, so that a line which cannot be passed on yet just stays.
 * Memory is bounded by the longest line allowed: a longer one is skipped to its
 * end and reported as such. The last line may lack its LF; a CR in front of the
 * LF is not part of the line, unless keep_cr is set.
 */
#ifndef LAN_CLI_LINES_H
#define LAN_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lines_kind { LINES_NONE = 0, LINES_LINE, LINES_LONG };

struct lines {
	int fd;
	bool eof;
	int error;     /* errno of the read that ended it; 0: it ended by itself */
	bool keep_cr;  /* lines are bytes rather than text */
	bool skipping; /* inside a line that is too long */
	char *buf;
	size_t start, end, cap, scanned;
	size_t max;
	uint64_t number; /* of the line lines_peek shows, from 1 */
	size_t take;     /* bytes lines_take will remove */
};

/* False: out of memory. */
bool lines_init(struct lines *l, int fd, size_t max);
void lines_fini(struct lines *l);
/* One read(2); call it when poll says readable. Returns false if there was no
 * room (a line waits to be taken) or nothing to read. */
bool lines_read(struct lines *l);
/* The next line as a view that lives until lines_read or lines_take. */
enum lines_kind lines_peek(struct lines *l, const char **line, size_t *n);
void lines_take(struct lines *l);
/* Nothing left and nothing to come. */
bool lines_done(struct lines *l);

#endif
