/*
 * evlog.h - the event log of a sensor master: lines with an id, a date and a source, the newest of them kept.
 * In memory, or durable in a file of SQLite (docs/decisions/0013): then a thread writes what was added, all
 * that has come together in one transaction, so that the caller never waits for a disk. What was added can be
 * read at once, and survives the process, and the machine, from COMMIT_EVERY and a sync later on.
 *
 * A disk that is full loses nothing that fits into memory (EVLOG_PENDING octets): the thread tries again
 * until there is room. Belongs to one thread.
 */
#ifndef LAN_STORE_EVLOG_H
#define LAN_STORE_EVLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

#define EVLOG_SRC_MAX 64
#define EVLOG_MSG_MAX 1024
#define EVLOG_PENDING (4u << 20)

struct evlog;

struct evlog_entry {
	uint64_t id;           /* 1.., grows by one */
	int64_t date_ms;       /* since 1970 */
	const char *src, *msg; /* views: until the next call on the log */
};

/* `path` NULL: in memory. `size`: entries kept, the oldest go; 0: 1000 in memory, 100000 in a file.
 * LAN_ERR_EXISTS (in use by another process, or another handle), LAN_ERR_PERM, LAN_ERR_NOTFOUND (no such
 * folder), LAN_ERR_IO (damaged, not an event log, disk full), LAN_ERR_VERSION (of a later version),
 * LAN_ERR_NOMEM; *why is a thread-local sentence. */
LAN_WUR enum lan_err evlog_open(const char *path, uint32_t size, struct evlog **out, const char **why);
/* Writes what is pending, if the disk takes it. NULL is fine. */
void evlog_close(struct evlog *e);

/* LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_NOMEM; LAN_ERR_IO: the disk takes nothing, and memory for what waits
 * is used up. */
LAN_WUR enum lan_err evlog_add(struct evlog *e, const char *src, const char *msg, int64_t date_ms);
/* The first entry with id > after and date >= since_ms; false: none. */
bool evlog_next(struct evlog *e, int64_t since_ms, uint64_t after, struct evlog_entry *out);
/* The id before the newest n entries. */
uint64_t evlog_tail(struct evlog *e, size_t n);

/* Why nothing has been written lately; NULL: all is well. View. */
const char *evlog_trouble(struct evlog *e);
/* Entries that are not on the disk yet. */
size_t evlog_pending(struct evlog *e);
/* Blocks until what was added is on the disk. LAN_ERR_IO: it is not taken. */
LAN_WUR enum lan_err evlog_sync(struct evlog *e);

#endif
