/*
 * iot_replay.h - a captured session of the original replayed against one of our
 * cores, and what came of it in comparable form.
 */
#ifndef IOT_REPLAY_H
#define IOT_REPLAY_H

#include <jansson.h>
#include "proto/iot/iot.h"

/* Each a text: "#0 00 01 #1 02" - conn, then what it carried in order. */
struct outcome {
	char *acks;      /* acknowledgements sent */
	char *messages;  /* message lines sent, repeats included */
	char *delivered; /* to the application */
	char *closed;    /* conns this end closed */
	double max_gap;  /* longest silence of an open connection, in quarters of the timeout */
	char *opening;   /* the first bytes sent on each conn */
};

void outcome_fini(struct outcome *o);
/* What the original did, on that side of the wire. */
void outcome_captured(const json_t *scenario, bool server, struct outcome *o);
/* What ours does when fed with the other side's bytes at the captured times. */
void outcome_ours(const json_t *scenario, bool server, struct outcome *o);

#endif
