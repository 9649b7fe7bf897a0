/*
 * import.h - configurations of the originals as one of lanyardd: lsoed's (import_lsoed.c), and those of the
 * masters of sensors, casand and sosd, in both their syntaxes (import_casand*.c). Which one a file is, is
 * told by its content.
 */
#ifndef LAN_CLI_IMPORT_H
#define LAN_CLI_IMPORT_H

#include <lanyard/base.h>
#include <stdio.h>
#include "cli/ini.h"

struct import {
	struct ini ini; /* file, errors; entries, if it is of that syntax */
	FILE *yaml, *warnings;
	lan_time keepalive; /* lsoed: the silence that ends a session is not shorter */
};

enum import_kind { IMPORT_LSOED = 0, IMPORT_CASAND_INI, IMPORT_CASAND_WORDS };
enum import_kind import_kind_of(const char *text, size_t len);

/* All of it: errors, yaml and warnings are open and stay so; false: there are errors (ini.errors has them),
 * or memory ran out. `text` has a place for a NUL behind it, is changed and must live on no longer. */
bool import_text(struct import *im, char *text, size_t len);
void import_fini(struct import *im);

/* A warning of a line, and a comment at the place where the YAML is. `what` may be NULL. */
void import_note(struct import *im, size_t line, const char *what, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* As a comment may have it: one line, ASCII. */
void import_plain(FILE *f, const char *s);

void import_lsoed(struct import *im);
void import_casand_ini(struct import *im);
void import_casand_words(struct import *im, char *text, size_t len);

#endif
