/*
 * number.h - numbers of streams as text: floats as Python prints them (the
 * shortest decimal that reads back as the same number), integers of any width.
 */
#ifndef LAN_CLI_NUMBER_H
#define LAN_CLI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_FLOAT = 64 };

/* "1.5", "1e+16", "-0.0", "nan", "inf"; buf of NUMBER_FLOAT bytes; returns buf. */
char *number_float(double v, char *buf);
/* Little-endian two's complement of n bytes as decimal text; the caller frees it. NULL: out of memory. */
char *number_wide(const void *le, size_t n);

#endif
