/*
 * casan_model.h - how the original slave behaves, as a pure core behind `struct lan_ep_ops`: sos.md sections
 * 2.1, 4, 5, 9 and 14, with its faults. It remembers no request, answers whatever is no control message to
 * its master whoever sent it, answers RST and ping with ACK 4.04, notifies in ACKs with MIDs of its own, has
 * one observer for a resource and loses it at any plain request, cuts its list behind a comma, goes back to
 * its default mtu at a Hello, and its first Discover is the same after every boot. It keeps its own simple
 * codec: what ours has wrong is not wrong here in the same way.
 *
 * Not modelled: reading outside of its buffers (S2, S3, S6, S7).
 */
#ifndef CASAN_MODEL_H
#define CASAN_MODEL_H

#include "proto/proto.h"

#define CASAN_RESOURCES 8
#define CASAN_VALUE     64 /* octets a handler writes at most */

struct casan_request {
	int resource;
	uint8_t code;
	const uint8_t *query, *payload; /* query: the first one */
	size_t query_len, len;
};

struct casan_reply {
	uint8_t value[CASAN_VALUE];
	size_t len;
	uint32_t max_age; /* UINT32_MAX: not said */
};

struct casan_config {
	uint32_t id, link, defmtu, overhead;
	bool sos; /* the epoch before the renaming; no Observe */
	const char *name[CASAN_RESOURCES], *title[CASAN_RESOURCES];
	bool observable[CASAN_RESOURCES];
	int n;
	/* Code of the answer. */
	uint8_t (*handle)(void *ctx, const struct casan_request *q, struct casan_reply *r);
	void *ctx;
};

enum casan_state { CASAN_COLDSTART, CASAN_WAITING_UNKNOWN, CASAN_WAITING_KNOWN, CASAN_RUNNING, CASAN_RENEW };

struct casan;
extern const struct lan_ep_ops casan_ops;
struct casan *casan_new(const struct casan_config *cfg); /* NULL: memory */
void casan_free(struct casan *m);

/* A trigger has become true. */
void casan_changed(struct casan *m, lan_time now, int resource);

enum casan_state casan_state(const struct casan *m);
bool casan_observed(const struct casan *m, int resource);
/* Its master; NULL: none. */
const struct lan_ep *casan_master(const struct casan *m);

#endif
