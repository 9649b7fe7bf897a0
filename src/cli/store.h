/*
 * store.h - received bytes as files in a folder.
 *
 * A file is written under a temporary name and gets its own when it is whole; a
 * file that is there already is never overwritten, and what is cut off leaves
 * nothing behind. Memory does not grow with the file. Names from the network are
 * data: store_name takes one apart and refuses what is no name.
 */
#ifndef LAN_CLI_STORE_H
#define LAN_CLI_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_NAME 256 /* bytes of a name, with its NUL */

struct store {
	int dir; /* descriptor; -1: not open */
	const char *path;
	uint64_t next; /* of blob-000001, .. */
	uint64_t serial;
};

struct store_file {
	bool open;     /* begun, not yet kept or dropped */
	int fd;        /* -1 after an error */
	int error;     /* errno of what went wrong; the rest is thrown away */
	uint64_t size; /* bytes handed in */
	char temporary[64];
};

/* Opens the folder, made if it is not there. An errno, 0: fine. */
int store_open(struct store *s, const char *path);
void store_close(struct store *s);

/* All but store_begin need a file that is open. Errors stay in f->error. */
void store_begin(struct store *s, struct store_file *f);
void store_write(struct store *s, struct store_file *f, const void *data, size_t n);
/* As if writing had failed with `error`: the rest is thrown away. */
void store_refuse(struct store *s, struct store_file *f, int error);
/* Closes a file that is whole; it still has its temporary name. An errno, 0: fine. */
int store_done(struct store *s, struct store_file *f);
/* ... and gives it its name, or blob-000001, .. for NULL; if that is taken a number is put behind it.
 * `final` gets it. An errno, 0: fine; the file is gone after an error. */
int store_keep(struct store *s, struct store_file *f, const char *name, char final[STORE_NAME]);
void store_drop(struct store *s, struct store_file *f);

/* The last component of a path somebody sent. NULL, or why it is no name for a file. */
const char *store_name(const char *given, char name[STORE_NAME]);

#endif
