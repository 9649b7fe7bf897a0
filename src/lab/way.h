/*
 * way.h - one direction of an impaired connection: what waits in it, and until when.
 *
 * Bytes come into a ring; whole units leave it for a list sorted by the moment
 * they are due. What ends a direction (a FIN that passes, a cut, a reset) is a
 * unit too, so that it keeps its place behind the bytes before it, waits out a
 * delay and does not cross a black hole. Used by fault.c alone.
 */
#ifndef LAN_LAB_WAY_H
#define LAN_LAB_WAY_H

#include "base/ring.h"
#include "lab/fault.h"

/* What happens when the last byte of a unit has left. */
enum lab_end { END_NONE, END_EOF, END_BREAK, END_CUT_FIN, END_CUT_RST, END_HALF_CLIENT, END_HALF_SERVER };

struct lab_unit {
	struct lab_unit *next;
	lan_time due;
	uint32_t len, off;
	enum lab_end end;
	uint8_t bytes[];
};

/* One direction, named by the side it comes from. */
struct lab_way {
	struct lan_ring in;
	size_t scanned; /* bytes of `in` known to hold no LF */
	struct lab_unit *head;
	struct lab_unit *parked; /* waits for the unit behind it */
	lan_time park_end;
	lan_time last_due; /* of the units that keep their order */
	uint32_t queued;   /* bytes of units, with their bookkeeping */
	uint64_t nth[LAB_KINDS], units;
	bool in_piece, drop_piece; /* inside a line longer than the buffer; and its fate */
	enum lab_end ending;       /* the sender is gone: what to tell the other side */
	bool sink;                 /* what comes is read and forgotten */
	bool done;                 /* nothing will leave any more */
};

/* A unit that is counted in w and not in its list yet. NULL: no memory, and the
 * line is lost, which is what a network does. */
struct lab_unit *lab_unit_new(
	struct lab_way *w, lan_time due, const uint8_t *p, size_t len, enum lab_end end);

/* Where its moment puts it; behind those of the same moment. Takes u. */
void lab_way_insert(struct lab_way *w, struct lab_unit *u);

/* Add behind all that keep their order, and the parked unit, if any, behind that. */
void lab_way_append(struct lab_way *w, lan_time due, const uint8_t *p, size_t len, enum lab_end end);

/* The parked unit waits no longer. */
void lab_way_unpark(struct lab_way *w, lan_time due);

/* Forget what is in it. */
void lab_way_clear(struct lab_way *w);

/* ... and whatever will come: nothing passes in this direction any more. */
void lab_way_sink(struct lab_way *w);

#endif
