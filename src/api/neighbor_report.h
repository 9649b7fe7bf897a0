/*
 * neighbor_report.h - the northbound report of a node of the neighbour family: one
 * POST for each list that changed, in the form of the original
 * (docs/protocols/lsoe.md, section 1.12).
 *
 * What waits is only which list of which session has changed; a body is made when
 * it is sent, from what is heard then. So memory is bounded by the sessions, a
 * collector that was away gets what is and not what was, and the requests of one
 * session never overtake each other.
 */
#ifndef LAN_API_NEIGHBOR_REPORT_H
#define LAN_API_NEIGHBOR_REPORT_H

#include "io/loop.h"
#include "proto/lsoe/lsoe.h"

struct neighbor_report;

struct neighbor_report_config {
	struct lan_loop *loop;
	const char *url;
	/* What a peer announces of a type; NULL: nothing. */
	const struct lsoe_list *(*heard)(void *ctx, uint32_t link, const uint8_t mac[6], uint8_t type);
	void (*ready)(void *ctx); /* neighbor_report_event has something */
	void *ctx;
};

/* A session as the report names it; ids as text. Borrowed. */
struct neighbor_report_session {
	uint32_t link;
	uint8_t mac[6];
	const char *ifname, *my_id, *peer_id;
	const uint8_t *attrs;
	size_t n_attrs;
	uint64_t session;
};

/* LAN_ERR_NOTSUP (no libcurl), LAN_ERR_INVAL (no http or https URL), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err neighbor_report_open(
	const struct neighbor_report_config *cfg, struct neighbor_report **out, const char **why);
/* Withdraw what was reported, until this moment of the loop's clock at most and without the loop; give up at
 * the first failure. */
void neighbor_report_flush(struct neighbor_report *r, lan_time until);
void neighbor_report_close(struct neighbor_report *r); /* NULL is fine */

/* A session was established: its lists are reported as they become known, those that stay empty after a
 * moment. */
LAN_WUR enum lan_err neighbor_report_up(struct neighbor_report *r, const struct neighbor_report_session *s);
void neighbor_report_changed(struct neighbor_report *r, uint32_t link, const uint8_t mac[6], uint8_t type);
/* It ended: four empty lists, unless it is established again before. */
void neighbor_report_down(struct neighbor_report *r, uint32_t link, const uint8_t mac[6]);

/* The collector is reached, or is not any more. False: nothing new. */
struct neighbor_report_event {
	bool up;
	enum lan_err err;
	const char *reason; /* view */
};
bool neighbor_report_event(struct neighbor_report *r, struct neighbor_report_event *out);

/* Counter number i; false past the end. */
bool neighbor_report_counter(
	const struct neighbor_report *r, size_t i, const char **name, const char **help, uint64_t *value);

/* neighbor_report_body.c: the JSON text, malloc'ed; NULL: no memory. list NULL: empty. */
char *neighbor_report_body(
	const struct neighbor_report_session *s, uint8_t type, const struct lsoe_list *list, size_t *n);

#endif
