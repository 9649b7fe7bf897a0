/*
 * book.h - what the tests of captured bytes share: values of the files as text,
 * and the book in which ours is compared with what was captured. Where ours does
 * something else a table says what and why; a reason for a difference that does
 * not show is a failure.
 */
#ifndef VECTORS_BOOK_H
#define VECTORS_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOK_LARGE 5500 /* longer values are compared as digests */
#define BOOK_WHATS 16

struct difference {
	const char *name;
	int what;
	const char *instead, *why;
};

struct book {
	const char *const *words; /* of each what */
	const struct difference *differences;
	size_t n_differences;
	int number, failed, compared[BOOK_WHATS], explained;
	int before; /* compared when the entry began */
	bool entry_ok;
};

/* `ours` is freed. */
void book_compare(struct book *b, const char *name, int what, const char *captured, char *ours);
/* Begin an entry; end it with its line of TAP: it fails if nothing was compared. */
void book_begin(struct book *b);
void book_end(struct book *b, const char *name);
/* The plan; the exit status. */
int book_close(struct book *b);

struct buf {
	uint8_t *p;
	size_t n;
};

const char *str_of(const json_t *o, const char *key);
struct buf unhex(const char *hex);
/* Bytes as text: hex, or the digest of what is long. */
char *shown(const char *kind, const uint8_t *p, size_t n);
char *text_of(const char *a, const char *b);
/* The value of a pickle as the files have it: hex of text and bytes alone, None bare, else Python's repr. */
char *pickle_value(const uint8_t *p, size_t n);
/* The same of a described value. */
char *object_value(const json_t *o);

#endif
