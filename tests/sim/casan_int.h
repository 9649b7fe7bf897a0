/*
 * casan_int.h - what the two files of the original slave's model share: casan_model.c has its automaton,
 * casan_serve.c its codec and how it answers requests.
 */
#ifndef CASAN_INT_H
#define CASAN_INT_H

#include "casan_model.h"

#define CASAN_OUT 16
#define CASAN_MAX 1600

struct casan_out {
	struct lan_ep to;
	uint8_t buf[CASAN_MAX];
	size_t n;
};

/* A message as the original reads it: what it cannot read is as if it were not there. */
struct casan_in {
	uint8_t type, code, tkl, token[8];
	uint16_t mid;
	bool control, discover, observe;
	long hello, ttl, mtu; /* -1: not there */
	const uint8_t *path, *query, *payload;
	size_t path_len, query_len, len; /* the first of each */
	int n_path;
};

struct casan {
	struct casan_config cfg;
	enum casan_state state;
	bool known; /* master is */
	struct lan_ep master;
	long hlid;
	uint32_t curmtu;
	uint16_t mid;
	lan_time next, step, end;
	struct {
		bool on;
		uint8_t tkl, token[8];
		uint32_t serial;
	} obs[CASAN_RESOURCES];
	struct casan_out out[CASAN_OUT];
	size_t first_out, n_out;
};

/* Octets of the longest message its present mtu allows. */
size_t casan_fits(const struct casan *m);
/* To an endpoint, NULL: to all. NULL: its buffers are full. */
struct casan_out *casan_queue(struct casan *m, const struct lan_ep *to);
void casan_put(struct casan_out *o, const void *p, size_t n);
/* ACK with the MID and token of q, to the master. */
struct casan_out *casan_reply(struct casan *m, const struct casan_in *q, uint8_t code);
bool casan_read(const struct casan *m, const uint8_t *buf, size_t n, struct casan_in *q);
void casan_serve(struct casan *m, const struct casan_in *q);
void casan_too_big(struct casan *m, const struct casan_in *q);

#endif
