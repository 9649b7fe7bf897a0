/*
 * words.h - lines of a scenario as words, with errors that name file and line.
 *
 * A line is words separated by blanks; "quoted text" is one word and knows
 * \n \r \t \" \\ and \xHH; # outside quotes starts a comment. Reading is a walk
 * from left to right: ask for what may come, complain about what is left.
 */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/base.h>

#define WORDS_MAX 32

struct words {
	const char *file;
	unsigned line;
	int n, at;
	bool bad; /* an error was printed */
	struct word {
		char *text;
		size_t len;
		bool quoted;
	} w[WORDS_MAX];
};

/* Split one line; `line` is changed and borrowed. */
void words_split(struct words *w, const char *file, unsigned line_no, char *line);

/* Print "file:line: ..." once per line, and remember it. */
__attribute__((format(printf, 2, 3))) void words_error(struct words *w, const char *fmt, ...);

/* Is the next word this one? Then step over it. */
bool words_eat(struct words *w, const char *word);
/* The next unquoted word; NULL and an error if there is none. `what` names it in the error. */
const char *words_name(struct words *w, const char *what);
/* The next word, quoted or not; NULL and an error if there is none. */
const struct word *words_text(struct words *w, const char *what);
/* A quoted word, if that is what comes next. */
const struct word *words_quoted(struct words *w);
lan_time words_duration(struct words *w);
uint64_t words_number(struct words *w);
/* A number, if that is what comes next. */
bool words_maybe_number(struct words *w, uint64_t *n);
/* An error if anything is left. */
void words_end(struct words *w);

#endif
