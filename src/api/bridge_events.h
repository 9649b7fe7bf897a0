/*
 * bridge_events.h - the events of a bridge on their way to the application: a
 * bounded queue of records with their texts. What does not fit is counted.
 */
#ifndef LAN_API_BRIDGE_EVENTS_H
#define LAN_API_BRIDGE_EVENTS_H

#include <lanyard/bridge.h>
#include "base/ring.h"

struct bridge_events {
	struct lan_ring ring;
	uint64_t dropped;
	size_t pulled; /* bytes of the record whose views are out */
};

void bridge_events_init(struct bridge_events *q);
void bridge_events_fini(struct bridge_events *q);
/* Texts are copied; NULL is "". */
void bridge_events_put(struct bridge_events *q, const struct lan_bridge_event *ev);
bool bridge_events_pull(struct bridge_events *q, struct lan_bridge_event *out);

#endif
