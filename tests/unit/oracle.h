/*
 * oracle.h - a program, usually Python, as the judge of ours: it prints one
 * case a line, what goes in and what must come out, and each line is asked of
 * our code. Fields are separated by tabs and are hex where bytes are meant.
 */
#ifndef LAN_TEST_ORACLE_H
#define LAN_TEST_ORACLE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned oracle_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes, in a block of exactly their size: a sanitizer sees what reads beyond them. */
static inline size_t oracle_unhex(const char *hex, uint8_t **out)
{
	size_t n = strlen(hex) / 2;

	*out = malloc(n);
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (uint8_t)(oracle_digit(hex[2 * i]) << 4 | oracle_digit(hex[2 * i + 1]));
	return n;
}

/* Field of a line, cut off in place; "" may be one, NULL is the end. */
static inline char *oracle_field(char **line)
{
	return strsep(line, "\t");
}

/* Run a command and hand over each line it prints, without its end. How many there were; the test fails if
 * the command does. */
static inline int oracle_ask(const char *command, void (*one)(void *ctx, char *line), void *ctx)
{
	FILE *f = popen(command, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int lines = 0;

	assert_non_null(f);
	for (; (n = getline(&line, &cap, f)) > 0; lines++) {
		line[n - (line[n - 1] == '\n')] = 0;
		one(ctx, line);
	}
	free(line);
	assert_int_equal(pclose(f), 0);
	return lines;
}

#endif
