/*
 * event.h - what both channel cores (multisock, sealed) tell the application,
 * and the bounded queue it waits in. Values are those of <lanyard/channel.h>.
 *
 * A message's bytes are written straight into the queue's memory (chan_inbox_room,
 * then chan_inbox_put): decrypting is the only copy on the way from the
 * driver's buffer to the application.
 */
#ifndef CHAN_EVENT_H
#define CHAN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/proto.h"

enum chan_event_kind {
	CHAN_MESSAGE = 1,
	CHAN_JOINED,
	CHAN_LEFT,
	CHAN_LOST,
	CHAN_WRITABLE,
	CHAN_IFACE, /* made by the driver, never by a core */
	CHAN_REFUSED,
	CHAN_KEY
};

#define CHAN_NAME_MAX 64 /* a member's name with its NUL */

/* data and name are views: valid until the next call on the core. */
struct chan_event {
	enum chan_event_kind kind;
	uint64_t sender; /* sealed: the id. 0 with multisock, where `from` is the sender */
	struct lan_from from;
	const char *name;    /* static text or view; "" if none */
	const uint8_t *data; /* a NUL follows */
	size_t len;
	bool text;
	uint64_t seq, first, last, count;
	uint32_t epoch;
	bool verified; /* apart from `text`: two bytes stored one by one and loaded as one stall behind the
			  data */
	const char *reason; /* static text or NULL */
	lan_time at;
};

struct chan_chunk;

struct chan_inbox {
	struct chan_chunk *first, *last, *spare;
	size_t read;  /* where the next entry begins in `first` */
	size_t used;  /* bytes of entries, `given` included */
	size_t given; /* bytes of the entry handed out last, dropped by the next call */
	size_t lent;  /* bytes asked for by chan_inbox_room last, plus one; 0: nothing is lent */
	uint32_t max;
};

/* max: bytes of messages held, what it takes to hold them included; a message of `max` bytes fits when
 * nothing else is there. Other events have 64 KiB beyond that: they must not be lost easily. */
void chan_inbox_init(struct chan_inbox *b, uint32_t max);
void chan_inbox_fini(struct chan_inbox *b);
/* Is there room for a message of n bytes? */
bool chan_inbox_fits(const struct chan_inbox *b, size_t n);
/* Memory for the data of a message of up to n bytes, NULL: none (does not fit, or no memory). Until
 * chan_inbox_put, nothing is queued; any other call (another event put, a pull) forgets it. */
uint8_t *chan_inbox_room(struct chan_inbox *b, size_t n);
/* Queue the event; if ev->len, its data was written to what chan_inbox_room gave last (ev->data is not read).
 * ev->name is copied, up to CHAN_NAME_MAX - 1 bytes. False: no room, no memory, or data without a room. */
bool chan_inbox_put(struct chan_inbox *b, const struct chan_event *ev);
/* The next event, its views valid until the next call; false: none. */
bool chan_inbox_pull(struct chan_inbox *b, struct chan_event *ev);
bool chan_inbox_empty(const struct chan_inbox *b);

#endif
