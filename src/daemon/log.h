/*
 * log.h - what the daemon says about itself: records of key=value, one line
 * each, on stderr or straight to the journal.
 *
 *      log_event(LOG_L_INFO, "peer-up", LOG_S("link", l->name), LOG_S("id", id), LOG_U("connects", n));
 *
 * Values may come from strangers: they are escaped, never trusted. Every state
 * change is one record with from=, to= and cause=.
 */
#ifndef LANYARDD_LOG_H
#define LANYARDD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "api/text.h"

/* The numbers are syslog's priorities. */
enum log_level { LOG_L_ERROR = 3, LOG_L_WARN = 4, LOG_L_INFO = 6, LOG_L_DEBUG = 7 };
enum log_format { LOG_F_AUTO, LOG_F_TEXT, LOG_F_JSON };

struct log_field {
	const char *key;
	const char *text; /* NULL: the field does not apply and is left out */
	uint64_t num;
	bool is_num;
};
#define LOG_S(k, v)            \
	{                      \
		k, v, 0, false \
	}
#define LOG_U(k, v)              \
	{                        \
		k, NULL, v, true \
	}

/* Records of the default level and more important ones; call once before logging. */
void log_open(void);
/* Where and how much from now on; callable again after a reload. */
void log_setup(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);
#define log_event(level, event, ...)                                              \
	log_write(level, event, (const struct log_field[]){{0}, __VA_ARGS__} + 1, \
		sizeof((const struct log_field[]){{0}, __VA_ARGS__}) / sizeof(struct log_field) - 1)

enum log_level log_level_of(const char *word);
enum log_format log_format_of(const char *word);

/* --- log_format.c: pure, for log.c and its tests ------------------------ */

struct log_record {
	enum log_level level;
	const char *event;
	const struct log_field *fields;
	size_t n;
};
/* "event=peer-up link=boards id=\"a b\"", no newline. */
void log_as_text(struct text *t, const struct log_record *r);
/* One JSON object, no newline; `time` first. */
void log_as_json(struct text *t, const struct log_record *r, const char *time);
/* The journal's native datagram (systemd.journal-fields(7)). */
void log_as_journal(struct text *t, const struct log_record *r);

/* --- log_limit.c: at most so many of one kind per minute ---------------- */

#define LIMIT_KINDS  64
#define LIMIT_BURST  5
#define LIMIT_WINDOW LAN_SEC(60)

struct log_limit {
	struct log_limit_kind {
		char key[96]; /* "" is free */
		lan_time since;
		uint64_t seen;
	} kind[LIMIT_KINDS];
};
/* May one more record of `key` be written? Otherwise it is counted. */
bool log_limit_take(struct log_limit *l, const char *key, lan_time now);
/* A window that ended: its key (valid until the next call) and how many were kept back
 * (0 is not reported); false if there is none. Call until false, now and then. */
bool log_limit_ended(struct log_limit *l, lan_time now, char *key, size_t cap, uint64_t *suppressed);

#endif
