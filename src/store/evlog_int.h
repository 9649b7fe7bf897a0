/*
 * evlog_int.h - what the two halves of the event log share: evlog.c, entries in memory and their reader;
 * evlog_db.c, the file and the thread that writes it.
 */
#ifndef LAN_STORE_EVLOG_INT_H
#define LAN_STORE_EVLOG_INT_H

#include "store/evlog.h"

struct evlog_item {
	struct evlog_item *next;
	uint64_t id;
	int64_t date_ms;
	const char *src, *msg; /* behind it */
	size_t octets;
};

/* The file. The reader's calls (newest, next) are for the thread of the log; the writer thread works on what
 * it is given by evlog_db_write until evlog_db_written says how far it is. */
struct evlog_db;
LAN_WUR enum lan_err evlog_db_open(const char *path, uint32_t size, struct evlog_db **out, const char **why);
/* Waits for the writer, which tries once more. */
void evlog_db_close(struct evlog_db *d);
/* Ids in the file; 0, 0: none. */
void evlog_db_range(struct evlog_db *d, uint64_t *oldest, uint64_t *newest);
bool evlog_db_next(struct evlog_db *d, int64_t since_ms, uint64_t after, struct evlog_entry *out);
/* One more to be written: it is linked behind `before` (NULL: none is left), and stays where it is until it
 * is written. */
void evlog_db_write(struct evlog_db *d, struct evlog_item *before, struct evlog_item *item);
/* The id up to which all is on the disk, and why it is not more. */
uint64_t evlog_db_written(struct evlog_db *d, enum lan_err *trouble);
LAN_WUR enum lan_err evlog_db_sync(struct evlog_db *d, uint64_t id);

#endif
