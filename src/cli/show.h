/*
 * show.h - pieces of the daemon's answers as text, used by more than one verb.
 */
#ifndef LAN_CLI_SHOW_H
#define LAN_CLI_SHOW_H

#include <jansson.h>
#include "cli/out.h"
#include "cli/verb.h"

/* The table of links and peers (link_list.c). */
void show_links(struct out *o, bool color, const json_t *links);
/* The table of channels (channel_list.c). */
void show_channels(struct out *o, bool color, const json_t *channels);
/* The table of streams (stream_list.c). */
void show_streams(struct out *o, bool color, const json_t *streams);
/* The table of neighbours (neighbor_list.c). */
void show_neighbors(struct out *o, bool color, const json_t *neighbors);
/* An announced prefix, "10.0.0.1/30 primary", and what stands behind the time of an event of neighbours
 * (neighbor_text.c). */
void show_prefix(struct out *o, const json_t *prefix);
void show_neighbor_news(struct out *o, bool color, const json_t *event);
/* The table of masters and their slaves, and what stands behind the time of an event of theirs
 * (sensor_list.c, sensor_text.c). */
void show_sensors(struct out *o, bool color, const json_t *sensors);
void show_sensor_news(struct out *o, bool color, const json_t *event);
/* Counters with their reasons under a title, those at zero only with `all` (link_list.c). */
void show_counters(struct out *o, bool color, const char *title, const json_t *counters, bool all);
/* One event, one line (watch.c). */
void show_event(struct out *o, bool color, const json_t *event);

#endif
