/*
 * entries.h - what the channels, streams and neighbors of the daemon are alike in: each is
 * one entry of a list in the configuration, opened from it, tried again while
 * that fails, kept through a reload unless it changed.
 *
 * Unlike a link, such an entry never keeps the daemon from starting or
 * reloading: what is missing (a key file, an interface, a port) mostly comes
 * later. It stays in the list as failed, with the reason, and is tried again
 * every 5 s. What differs between the families is a struct entry_kind.
 */
#ifndef LANYARDD_ENTRIES_H
#define LANYARDD_ENTRIES_H

#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/log.h"
#include "daemon/privileges.h"
#include "io/loop.h"

/* The struct of a family begins with this one. */
struct entry {
	struct entries *all;
	const void *cfg; /* view into the configuration in force; begins with its name */
	bool open;       /* else failed */
	enum lan_err error;
	char *reason; /* why it failed, a sentence */
	lan_time retry_at;
	struct lan_task pump;
};

struct entry_kind {
	const char *family; /* the key of its list in the configuration, too */
	size_t size;        /* of its struct */
	size_t but;         /* offset of the key that may change while it stays open; SIZE_MAX: none */
	/* On failure *why may be a sentence (static text). */
	enum lan_err (*open)(struct entry *e, const char **why);
	/* It was just opened: what there is to say about it. */
	void (*opened)(const struct entry *e);
	/* It is to be closed: sentences about what is lost with it go into `notes`, each with a newline. */
	void (*close)(struct entry *e, const char *cause, struct text *notes);
	/* It stays open through a reload; may be NULL. */
	void (*kept)(struct entry *e, struct text *notes);
	void (*pump)(void *e); /* the task: pull events */
	/* For the log. */
	const char *(*address)(const struct entry *e), *(*dialect)(const struct entry *e);
	const char *detail; /* "mode": what else is worth telling apart, and */
	const char *(*detail_of)(const struct entry *e);
};

struct entries {
	const struct entry_kind *kind;
	struct lan_loop *loop;
	struct events *events;
	struct entry **entry;
	size_t n;
	struct lan_deadline tick; /* retries of failed ones, suppressed log counts */
	struct log_limit limit;
	struct text scratch;
	const struct privileges *privileges; /* for reasons that something may not be opened; may be NULL */
};

/* LAN_ERR_NOMEM. */
LAN_WUR enum lan_err entries_init(
	struct entries *s, const struct entry_kind *kind, struct lan_loop *loop, struct events *events);
/* Closes all of them. */
void entries_fini(struct entries *s);

struct entry *entries_by_name(const struct entries *s, const char *name);
size_t entries_failed(const struct entries *s);
const char *entry_name(const struct entry *e);
/* Why it failed. */
const char *entry_reason(const struct entry *e);
/* May a record about `what` of this entry be written, or is it only counted? */
bool entry_may_log(struct entry *e, const char *what, const char *reason);
/* Publish `members`, which begins with a comma, as an event of it. */
void entry_publish(struct entry *e, const char *kind, const char *reason, struct text *members);
/* What stands above the folder where an entry keeps its state; the last one is its own to make. What cannot
 * be made here is said when it is opened. */
void entry_make_parents(const char *path);
/* For the callbacks on_ready; ctx is the struct entry. */
void entry_ready(void *ctx);

/* --- entries_apply.c: from one configuration to the next ------------------- */

struct entries_change {
	struct text added, removed, changed, unchanged; /* names, each followed by a newline */
	struct text notes;                              /* sentences, each followed by a newline */
};
void entries_change_fini(struct entries_change *c);

/* A reload in two steps, so that nothing has happened yet when memory runs out. NULL: out of memory. */
struct entries_plan *entries_plan(struct entries *s, const struct config *next);
/* Close what is gone or changed, open what is new. All refer to the configuration of the plan from now
 * on. Frees the plan. */
void entries_commit(struct entries_plan *p, const char *cause, struct entries_change *change);
void entries_plan_free(struct entries_plan *p);

/* --- for entries_apply.c ---------------------------------------------------- */

struct entry *entry_new(struct entries *s, const void *cfg);
/* Open, or fail for now. */
void entry_open(struct entry *e, const char *cause);
/* A failed one, once more. */
void entry_retry(struct entry *e);
/* Close and free. `notes` may be NULL. */
void entry_close(struct entry *e, const char *cause, struct text *notes);

#endif
