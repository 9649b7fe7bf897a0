/*
 * evlog.h - a durable log of events: date, source, message; the newest so many are kept. In one SQLite
 * database (WAL, synchronous FULL; what is added is on disk at the latest 50 ms later), or, without a path,
 * in memory. What a database holds is not trusted: an entry that is none is passed over.
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
	uint64_t id;           /* grows by one */
	int64_t date_ms;       /* since 1970 */
	const char *src, *msg; /* views until the next call */
};

struct evlog;
/* max: entries kept, 0: 1000 in memory, 100000 on disk. LAN_ERR_EXISTS (another process has it),
 * LAN_ERR_PERM, LAN_ERR_NOTFOUND (no such directory), LAN_ERR_CONFIG (no database of ours, or damaged: *why
 * says how to repair), LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err evlog_open(const char *path, uint32_t max, struct evlog **out, const char **why);
void evlog_close(struct evlog *l); /* what was added is on disk then. NULL is fine */
/* LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_FULL (the disk), LAN_ERR_IO: kept in memory until it can be written.
 */
LAN_WUR enum lan_err evlog_add(struct evlog *l, int64_t date_ms, const char *src, const char *msg);
/* The first entry with date >= since_ms and id > after; false: none. */
bool evlog_next(struct evlog *l, int64_t since_ms, uint64_t after, struct evlog_entry *out);
/* The id before the newest n entries. */
uint64_t evlog_tail(struct evlog *l, size_t n);
/* What could not be written, and why; 0: all is on disk. */
uint64_t evlog_unwritten(const struct evlog *l, enum lan_err *why);

#endif
