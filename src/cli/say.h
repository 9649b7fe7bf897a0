/*
 * say.h - the parts of say.c that verbs with a stdout buffer of their own need:
 * an error about one line of a stream must stand between the lines around it.
 */
#ifndef LAN_CLI_SAY_H
#define LAN_CLI_SAY_H

#include "cli/verb.h"

struct out;

/* The error as a JSON document into `o`, with -j and -J only. */
void say_error_document(
	struct out *o, enum out_mode mode, enum exit_code code, const char *what, const char *hint);
/* The error as text on stderr. */
void say_error_text(const char *what, const char *hint);

/* Both, for an error about one line of input: "stdin line 3: ...". */
void say_line_error(struct out *o, enum out_mode mode, const char *source, uint64_t number,
	enum exit_code code, const char *hint, const char *fmt, va_list ap)
	__attribute__((format(printf, 7, 0)));

#endif
