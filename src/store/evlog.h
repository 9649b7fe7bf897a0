/*
 * evlog.h - the event log of a sensor master: lines with an id, a date and a source; the newest so many are
 * kept. In memory, or durable in a file of SQLite (docs/decisions/0013): then a thread writes what was added,
 * all that has come together in one transaction, so that the caller never waits for a disk. What was added
 * can be read at once, and is on the disk at the latest 50 ms and a sync later.
 *
 * A disk that is full loses nothing that fits into memory (4 MiB): the thread tries again until there is
 * room. What a file holds is not trusted: text that is none is passed over. Belongs to one thread.
 */
#ifndef LAN_STORE_EVLOG_H
#define LAN_STORE_EVLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

#define EVLOG_SRC_MAX 64   /* octets of a source */
#define EVLOG_MSG_MAX 1024 /* ..and of a message */

struct evlog_entry {
	uint64_t id;           /* 1.., grows by one */
	int64_t date_ms;       /* since 1970 */
	const char *src, *msg; /* views until the next call */
};

struct evlog;
/* `path` NULL: in memory. max: entries kept, 0: 1000 in memory, 100000 on disk. LAN_ERR_EXISTS (another
 * process has it, or another handle), LAN_ERR_PERM, LAN_ERR_NOTFOUND (no such directory), LAN_ERR_CONFIG (no
 * database of ours, or damaged: *why says what to do), LAN_ERR_IO, LAN_ERR_LIMIT, LAN_ERR_NOMEM. *why is
 * thread-local. */
LAN_WUR enum lan_err evlog_open(const char *path, uint32_t max, struct evlog **out, const char **why);
/* What was added is on disk then, if the disk takes it. NULL is fine. */
void evlog_close(struct evlog *l);
/* LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_NOMEM; LAN_ERR_FULL: the disk takes nothing (evlog_unwritten), and
 * the memory for what waits is used up. */
LAN_WUR enum lan_err evlog_add(struct evlog *l, int64_t date_ms, const char *src, const char *msg);
/* The first entry with date >= since_ms and id > after; false: none. */
bool evlog_next(struct evlog *l, int64_t since_ms, uint64_t after, struct evlog_entry *out);
/* The id before the newest n entries. */
uint64_t evlog_tail(struct evlog *l, size_t n);
/* Entries that are not on the disk yet, and why the last attempt failed: LAN_OK (it did not), LAN_ERR_FULL
 * (the disk), LAN_ERR_CONFIG (damaged), LAN_ERR_IO. */
uint64_t evlog_unwritten(const struct evlog *l, enum lan_err *why);
/* Blocks until what was added is on the disk; else why not, as above. */
LAN_WUR enum lan_err evlog_sync(struct evlog *l);

#endif
