/*
 * way.c - the waiting list of one direction; see way.h.
 */
#include "lab/way.h"

#include <stdlib.h>
#include <string.h>

void lab_way_clear(struct lab_way *w)
{
	while (w->head) {
		struct lab_unit *u = w->head;
		w->head = u->next;
		free(u);
	}
	free(w->parked);
	w->parked = NULL;
	w->queued = 0;
	lan_ring_drop(&w->in, lan_ring_len(&w->in));
	w->scanned = 0;
}

void lab_way_sink(struct lab_way *w)
{
	lab_way_clear(w);
	w->sink = w->done = true;
}

void lab_way_insert(struct lab_way *w, struct lab_unit *u)
{
	struct lab_unit **at = &w->head;
	while (*at && (*at)->due <= u->due)
		at = &(*at)->next;
	u->next = *at;
	*at = u;
}

void lab_way_unpark(struct lab_way *w, lan_time due)
{
	struct lab_unit *u = w->parked;
	if (!u)
		return;
	w->parked = NULL;
	u->due = due > u->due ? due : u->due;
	w->last_due = u->due > w->last_due ? u->due : w->last_due;
	lab_way_insert(w, u);
}

struct lab_unit *lab_unit_new(struct lab_way *w, lan_time due, const uint8_t *p, size_t len, enum lab_end end)
{
	struct lab_unit *u = malloc(sizeof *u + len);
	if (!u)
		return NULL; /* a lost line: what this relay is for */
	u->due = due;
	u->len = (uint32_t)len;
	u->off = 0;
	u->end = end;
	if (len)
		memcpy(u->bytes, p, len);
	w->queued += (uint32_t)(sizeof *u + len);
	return u;
}

void lab_way_append(struct lab_way *w, lan_time due, const uint8_t *p, size_t len, enum lab_end end)
{
	due = due > w->last_due ? due : w->last_due;
	struct lab_unit *u = lab_unit_new(w, due, p, len, end);
	if (!u)
		return;
	w->last_due = due;
	lab_way_insert(w, u);
	lab_way_unpark(w, due);
}
