/*
 * ini.h - configuration files as Python's configparser reads them: sections, `key
 * = value` or `key: value`, keys in any case, whole lines of comment (# or ;),
 * values that go on in deeper lines, %% and %(other)s in values, [DEFAULT].
 */
#ifndef LAN_CLI_INI_H
#define LAN_CLI_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct ini_entry {
	char *section, *key, *value; /* the key in small letters, the value as it stands */
	size_t line;
	bool used; /* another value refers to it */
};

struct ini_section {
	char *name;
	size_t line;
};

struct ini {
	const char *file; /* for messages */
	struct ini_entry *entry;
	size_t n;
	struct ini_section *section; /* in order, DEFAULT included */
	size_t n_sections;
	FILE *errors; /* "FILE:LINE: what", one a line */
	size_t n_errors;
	const char *looked; /* the owner's, for `look`: in which section */
};

/* Read all of a file. False: errors were written, or memory ran out. `text` is changed and must live on no
 * longer. */
bool ini_parse(struct ini *ini, char *text, size_t len);
void ini_fini(struct ini *ini);

/* NULL: it is not there. */
struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key);
/* The value with its references resolved; `look` gives the raw value of another key, or NULL. Free it. NULL:
 * an error was written, or memory ran out. */
char *ini_value(
	struct ini *ini, const struct ini_entry *e, const char *(*look)(struct ini *ini, const char *key));
/* One more error of the line. */
void ini_error(struct ini *ini, size_t line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
