/*
 * evlog_db.c - the file of the event log: one table in SQLite, WAL, synchronous FULL, so that what a
 * transaction says is there survives a kill and a power cut. Two connections: the owner reads by one, a
 * thread writes by the other, everything that has come together since its last transaction, at most every
 * COMMIT_EVERY. A lock file keeps other processes out (docs/decisions/0013).
 *
 * Refused when opening: a file of somebody else, of a later version, or damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "base/utf8.h"
#include "store/evlog_int.h"

#define COMMIT_EVERY 50000000   /* ns */
#define RETRY_EVERY  500000000  /* ns, when the disk does not take it */
#define OURS         0x4c616e45 /* application_id */
#define VERSION      1

struct evlog_db {
	sqlite3 *reader, *writer;
	sqlite3_stmt *next, *insert, *trim;
	int lock;
	uint32_t size;
	char text[EVLOG_SRC_MAX + EVLOG_MSG_MAX + 2]; /* of the entry read last */

	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* guards what follows, and `next` of items */
	pthread_cond_t wake, done;
	struct evlog_item *todo; /* the first that is not written */
	uint64_t newest;         /* the last one handed over */
	uint64_t written;
	uint64_t tried; /* the last one of an attempt that has ended */
	bool stop, hurry;
	enum lan_err trouble; /* of the last attempt */
};

static _Thread_local char why_text[400];

__attribute__((format(printf, 3, 4))) static enum lan_err say(
	const char **why, enum lan_err e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why_text, sizeof why_text, fmt, ap);
	va_end(ap);
	*why = why_text;
	return e;
}

static enum lan_err of_errno(int no)
{
	return no == ENOENT || no == ENOTDIR                               ? LAN_ERR_NOTFOUND
	       : no == EACCES || no == EPERM || no == EROFS || no == ELOOP ? LAN_ERR_PERM
	       : no == EMFILE || no == ENFILE                              ? LAN_ERR_LIMIT
	       : no == ENOMEM                                              ? LAN_ERR_NOMEM
									   : LAN_ERR_IO;
}

static enum lan_err of_sqlite(sqlite3 *c, int rc, const char *path, const char **why)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return say(why, LAN_ERR_NOMEM, "out of memory");
	case SQLITE_CORRUPT:
		return say(why, LAN_ERR_CONFIG,
			"the event log %s is damaged: move it away, and a new one begins", path);
	case SQLITE_NOTADB:
		return say(why, LAN_ERR_CONFIG, "%s is no event log: name another file", path);
	case SQLITE_FULL:
		return say(why, LAN_ERR_IO, "the event log %s cannot be written: the disk is full", path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return say(why, LAN_ERR_EXISTS, "the event log %s is in use by another process", path);
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return say(why, LAN_ERR_PERM, "the event log %s cannot be opened for writing: %s", path,
			c ? sqlite3_errmsg(c) : sqlite3_errstr(rc));
	default:
		return say(why, LAN_ERR_IO, "the event log %s: %s", path,
			c ? sqlite3_errmsg(c) : sqlite3_errstr(rc));
	}
}

static enum lan_err trouble_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return LAN_ERR_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return LAN_ERR_CONFIG;
	default:
		return LAN_ERR_IO;
	}
}

/* --- the writer ---------------------------------------------------------------------------- */

static int insert(struct evlog_db *d, const struct evlog_item *i)
{
	sqlite3_bind_int64(d->insert, 1, (sqlite3_int64)i->id);
	sqlite3_bind_int64(d->insert, 2, i->date_ms);
	sqlite3_bind_text(d->insert, 3, i->src, -1, SQLITE_STATIC);
	sqlite3_bind_text(d->insert, 4, i->msg, -1, SQLITE_STATIC);
	int rc = sqlite3_step(d->insert);
	sqlite3_reset(d->insert);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int trim(struct evlog_db *d, uint64_t newest)
{
	if (newest <= d->size)
		return SQLITE_OK;
	sqlite3_bind_int64(d->trim, 1, (sqlite3_int64)(newest - d->size));
	int rc = sqlite3_step(d->trim);
	sqlite3_reset(d->trim);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* From `i` to the one with id `last`, in one transaction. */
static int write_all(struct evlog_db *d, const struct evlog_item *i, uint64_t last)
{
	int rc = sqlite3_exec(d->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc)
		return rc;
	for (;; i = i->next) {
		rc = insert(d, i);
		if (rc || i->id == last)
			break;
	}
	rc = rc ? rc : trim(d, last);
	rc = rc ? rc : sqlite3_exec(d->writer, "COMMIT", NULL, NULL, NULL);
	if (rc)
		sqlite3_exec(d->writer, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Up to a time from now, or until somebody is in a hurry. */
static void pause_for(struct evlog_db *d, long ns)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += ns;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	while (!d->stop && !d->hurry && pthread_cond_timedwait(&d->wake, &d->mutex, &at) == 0)
		;
}

/* What there is, written without the lock; the lock is held on entry and on return. */
static bool write_some(struct evlog_db *d)
{
	struct evlog_item *first = d->todo;
	uint64_t last = d->newest;
	d->hurry = false;
	pthread_mutex_unlock(&d->mutex);
	int rc = write_all(d, first, last);
	pthread_mutex_lock(&d->mutex);
	d->tried = last;
	if (rc == SQLITE_OK) {
		while (d->todo && d->todo->id <= last)
			d->todo = d->todo->next;
		d->written = last; /* from here on they are the owner's to free */
		d->trouble = LAN_OK;
	} else
		d->trouble = trouble_of(rc);
	pthread_cond_broadcast(&d->done);
	return rc == SQLITE_OK;
}

static void *writer(void *arg)
{
	struct evlog_db *d = arg;
	pthread_mutex_lock(&d->mutex);
	for (;;) {
		while (!d->todo && !d->stop)
			pthread_cond_wait(&d->wake, &d->mutex);
		if (!d->todo)
			break;
		bool last = d->stop, good = write_some(d);
		if (last)
			break; /* that was the last attempt */
		pause_for(d, good ? COMMIT_EVERY : RETRY_EVERY);
	}
	pthread_mutex_unlock(&d->mutex);
	return NULL;
}

static int start(struct evlog_db *d)
{
	sigset_t all, before;
	/* Signals are the application's; none may end up in this thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&d->thread, NULL, writer, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	d->started = rc == 0;
	return rc;
}

/* --- opening ----------------------------------------------------------------------------------- */

static enum lan_err take_lock(struct evlog_db *d, const char *path, const char **why)
{
	char name[4096];
	int n = snprintf(name, sizeof name, "%s.lock", path);
	if (n < 0 || (size_t)n >= sizeof name)
		return say(why, LAN_ERR_NOTFOUND, "the name of the event log is too long");
	d->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock < 0) {
		int no = errno;
		return say(why, of_errno(no), "the lock %s of the event log cannot be made: %s", name,
			strerror(no));
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return LAN_OK;
	return say(why, errno == EWOULDBLOCK ? LAN_ERR_EXISTS : LAN_ERR_IO,
		"the event log %s is in use by another process; give each its own file", path);
}

/* Made by us, so that nobody but the owner can read it, whatever the umask. */
static enum lan_err make_file(const char *path, const char **why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), no = errno;
	if (fd < 0)
		return say(why, of_errno(no), "the event log %s cannot be opened: %s", path, strerror(no));
	close(fd);
	return LAN_OK;
}

/* One number out of a statement; -1: it failed (*rc) or gave none. */
static int64_t number(sqlite3 *c, const char *sql, int *rc)
{
	sqlite3_stmt *s = NULL;
	int64_t v = -1;
	*rc = sqlite3_prepare_v2(c, sql, -1, &s, NULL);
	if (!*rc) {
		*rc = sqlite3_step(s);
		if (*rc == SQLITE_ROW)
			v = sqlite3_column_int64(s, 0);
		*rc = *rc == SQLITE_ROW || *rc == SQLITE_DONE ? SQLITE_OK : *rc;
	}
	sqlite3_finalize(s);
	return v;
}

static enum lan_err check(struct evlog_db *d, const char *path, const char **why)
{
	int rc;
	int64_t tables = number(d->writer, "SELECT count(*) FROM sqlite_master", &rc);
	if (rc)
		return of_sqlite(d->writer, rc, path, why);
	if (tables == 0)
		return LAN_OK;
	int64_t app = number(d->writer, "PRAGMA application_id", &rc);
	if (rc || app != OURS)
		return of_sqlite(d->writer, SQLITE_NOTADB, path, why);
	if (number(d->writer, "PRAGMA user_version", &rc) != VERSION)
		return say(why, LAN_ERR_CONFIG, "the event log %s was written by a later version", path);
	if (number(d->writer, "SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check = 'ok'", &rc) !=
		1)
		return of_sqlite(d->writer, SQLITE_CORRUPT, path, why);
	return LAN_OK;
}

/* Makes what is missing, and the statements. */
static int prepare(struct evlog_db *d)
{
	char sql[600];
	snprintf(sql, sizeof sql,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;"
		"BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d;"
		"CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, date INTEGER NOT NULL, src TEXT NOT "
		"NULL,"
		" msg TEXT NOT NULL) STRICT; COMMIT;",
		OURS, VERSION);
	int rc = sqlite3_exec(d->writer, sql, NULL, NULL, NULL);
	rc = rc ? rc : sqlite3_busy_timeout(d->writer, 1000);
	rc = rc ? rc
		: sqlite3_prepare_v2(d->writer, "INSERT INTO log VALUES (?, ?, ?, ?)", -1, &d->insert, NULL);
	rc = rc ? rc : sqlite3_prepare_v2(d->writer, "DELETE FROM log WHERE id <= ?", -1, &d->trim, NULL);
	rc = rc ? rc
		: sqlite3_prepare_v2(d->reader,
			  "SELECT id, date, src, msg FROM log WHERE id > ? AND date >= ? ORDER BY id", -1,
			  &d->next, NULL);
	return rc;
}

static enum lan_err open_file(struct evlog_db *d, const char *path, const char **why)
{
	enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX };
	enum lan_err e = take_lock(d, path, why);
	e = e ? e : make_file(path, why);
	if (e)
		return e;
	int rc = sqlite3_open_v2(path, &d->writer, FLAGS, NULL);
	if (rc)
		return of_sqlite(d->writer, rc, path, why);
	e = check(d, path, why);
	if (e)
		return e;
	rc = sqlite3_open_v2(path, &d->reader, FLAGS, NULL);
	if (rc)
		return of_sqlite(d->reader, rc, path, why);
	rc = prepare(d);
	if (rc)
		return of_sqlite(d->writer, rc, path, why);
	uint64_t oldest;
	evlog_db_range(d, &oldest, &d->written);
	rc = trim(d, d->written);
	if (rc)
		return of_sqlite(d->writer, rc, path, why);
	rc = start(d);
	return rc ? say(why, LAN_ERR_NOMEM, "no thread for the event log: %s", strerror(rc)) : LAN_OK;
}

enum lan_err evlog_db_open(const char *path, uint32_t size, struct evlog_db **out, const char **why)
{
	pthread_condattr_t attr;
	struct evlog_db *d = calloc(1, sizeof *d);
	if (!d)
		return say(why, LAN_ERR_NOMEM, "out of memory");
	d->size = size;
	d->lock = -1;
	pthread_mutex_init(&d->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &attr);
	pthread_cond_init(&d->done, &attr);
	pthread_condattr_destroy(&attr);
	enum lan_err e = open_file(d, path, why);
	if (e) {
		evlog_db_close(d);
		return e;
	}
	*out = d;
	return LAN_OK;
}

void evlog_db_close(struct evlog_db *d)
{
	if (d->started) {
		pthread_mutex_lock(&d->mutex);
		d->stop = true;
		pthread_cond_signal(&d->wake);
		pthread_mutex_unlock(&d->mutex);
		pthread_join(d->thread, NULL);
	}
	sqlite3_finalize(d->next);
	sqlite3_finalize(d->insert);
	sqlite3_finalize(d->trim);
	sqlite3_close(d->reader);
	sqlite3_close(d->writer);
	if (d->lock >= 0)
		close(d->lock);
	pthread_cond_destroy(&d->wake);
	pthread_cond_destroy(&d->done);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

/* --- the owner's side ------------------------------------------------------------------------ */

void evlog_db_range(struct evlog_db *d, uint64_t *oldest, uint64_t *newest)
{
	int rc;
	int64_t from = number(d->reader, "SELECT min(id) FROM log", &rc);
	int64_t to = number(d->reader, "SELECT max(id) FROM log", &rc);
	*oldest = from > 0 ? (uint64_t)from : 0;
	*newest = to > 0 ? (uint64_t)to : 0;
}

/* False: it is none of the texts that are added here. */
static bool take_text(sqlite3_stmt *s, int column, char *to, size_t max)
{
	const unsigned char *p = sqlite3_column_text(s, column);
	size_t n = p ? (size_t)sqlite3_column_bytes(s, column) : 0;
	if (!p || n > max || memchr(p, 0, n) || !lan_utf8_valid(p, n))
		return false;
	memcpy(to, p, n);
	to[n] = '\0';
	return true;
}

bool evlog_db_next(struct evlog_db *d, int64_t since_ms, uint64_t after, struct evlog_entry *out)
{
	if (after > INT64_MAX)
		return false;
	sqlite3_bind_int64(d->next, 1, (sqlite3_int64)after);
	sqlite3_bind_int64(d->next, 2, since_ms);
	bool have = false;
	while (!have && sqlite3_step(d->next) == SQLITE_ROW) {
		char *msg = d->text + EVLOG_SRC_MAX + 1;
		out->id = (uint64_t)sqlite3_column_int64(d->next, 0);
		out->date_ms = sqlite3_column_int64(d->next, 1);
		out->src = d->text, out->msg = msg;
		have = take_text(d->next, 2, d->text, EVLOG_SRC_MAX) &&
		       take_text(d->next, 3, msg, EVLOG_MSG_MAX);
	}
	sqlite3_reset(d->next);
	return have;
}

void evlog_db_write(struct evlog_db *d, struct evlog_item *before, struct evlog_item *item)
{
	pthread_mutex_lock(&d->mutex);
	if (before)
		before->next = item;
	d->newest = item->id;
	if (!d->todo) {
		d->todo = item;
		pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->mutex);
}

uint64_t evlog_db_written(struct evlog_db *d, enum lan_err *trouble)
{
	pthread_mutex_lock(&d->mutex);
	uint64_t id = d->written;
	*trouble = d->trouble;
	pthread_mutex_unlock(&d->mutex);
	return id;
}

/* An attempt that begins now is waited for, not one that is under way: it may have begun too early. */
enum lan_err evlog_db_sync(struct evlog_db *d, uint64_t id)
{
	pthread_mutex_lock(&d->mutex);
	d->tried = d->written;
	while (d->written < id && d->tried < id) {
		d->hurry = true;
		pthread_cond_signal(&d->wake);
		pthread_cond_wait(&d->done, &d->mutex);
	}
	enum lan_err e = d->written >= id ? LAN_OK : d->trouble;
	pthread_mutex_unlock(&d->mutex);
	return e;
}
