/*
 * control_neighbor.h - between control_neighbor.c, which answers, and
 * control_neighbor_json.c, where neighbors become JSON and nowhere else.
 */
#ifndef LANYARDD_CONTROL_NEIGHBOR_H
#define LANYARDD_CONTROL_NEIGHBOR_H

#include <jansson.h>
#include "daemon/neighbors.h"

/* Which interface and peers; NULL and "": all. */
struct neighbor_filter {
	const char *ifname;
	char mac[18];
};

/* NEIGHBOR of docs/control.md; `all`: with what is announced and counted on each interface. */
json_t *json_of_neighbors(const struct neighbors *k, const struct neighbor_filter *f, bool all);
/* The counters of the entry as a whole. */
json_t *json_of_neighbor_counters(const struct neighbors *k);

#endif
