/*
 * events.h - what happened, in order, kept for a while: the memory behind
 * event.list and of all verbs `watch`. An event becomes its JSON text
 * (docs/control.md) once and is shared by all who read it.
 */
#ifndef LANYARDD_EVENTS_H
#define LANYARDD_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/base.h>

#define EVENTS_BYTES_MAX (16u << 20)

struct event {
	uint64_t seq, wall_ns;
	char *json; /* the object, without newline */
	size_t json_len;
	/* What it concerns: "link" and its name, with `id` of a peer; "channel"; "stream". "" where there is
	 * none; inside `json`'s allocation, but the family is static text. */
	const char *family, *name, *id;
};

/* The fields that depend on the kind; NULL, 0, -1 leave a field out. */
struct event_fields {
	const char *members; /* more members of the object, as JSON text that begins with a comma */
	const char *id, *line, *peer, *reason;
	size_t line_len;
	uint64_t token, count;
	uint32_t connects;
	int expected;
	bool has_token;
};

#define EVENT_FIELDS(...)                   \
	{                                   \
		.expected = -1, __VA_ARGS__ \
	}

struct events;

/* `sink` is called with each new event (a view) as it is published. NULL: out of memory. */
struct events *events_new(size_t limit, void (*sink)(void *ctx, const struct event *ev), void *ctx);
void events_free(struct events *e);
void events_limit(struct events *e, size_t limit);
/* Something happened on the `name` of a `family` (both NULL: to the daemon itself); `f` may be NULL. Out of
 * memory: the event is counted as lost, nothing else happens. */
void events_publish(struct events *e, const char *kind, const char *family, const char *name,
	const struct event_fields *f);
/* Does it concern this one? */
bool events_is(const struct event *ev, const char *family, const char *name);

size_t events_kept(const struct events *e);
size_t events_limit_of(const struct events *e);
uint64_t events_next(const struct events *e); /* seq of the next one */
uint64_t events_lost(const struct events *e);
/* One that could not even be written down: counted. */
void events_lose(struct events *e);
/* Number i of the kept ones, oldest first; a view until the next events_publish. */
const struct event *events_at(const struct events *e, size_t i);

/* The object of `dropped`, which is in no memory: free it. NULL: out of memory. */
char *event_dropped_json(uint64_t count);

#endif
