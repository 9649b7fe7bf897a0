/*
 * lsoed_int.h - what the two files of lsoed_model.h share: its neighbours and
 * sessions. lsoed_model.c is datagrams, time and the face; lsoed_session.c is what
 * a session says and does.
 */
#ifndef LSOED_INT_H
#define LSOED_INT_H

#include <stdlib.h>
#include <string.h>
#include "lsoed_model.h"
#include "proto/lsoe/checksum.h"

#define CHUNK 1492

enum { HELLO, OPEN, KEEPALIVE, ACK, IPV4, IPV6, MPLS4, MPLS6 };

struct bytes {
	uint8_t *p;
	size_t n;
};

struct piece { /* a datagram that waits for the others */
	struct bytes b;
	uint8_t number;
	bool last;
};

struct waiting { /* not acknowledged */
	struct bytes pdu, deferred;
	bool out;
	lan_time interval, timeout;
	uint32_t left;
};

struct neighbour {
	uint8_t mac[6];
	uint32_t link; /* where it was heard first; for ever */
	struct piece *piece;
	size_t n_piece;
	/* The session. */
	bool session, acked, have_nonce;
	uint8_t nonce[4];
	struct waiting w[8];
	struct bytes heard[8];
	lan_time saw, send_next; /* send_next 0: at once */
};

struct out {
	struct bytes b;
	uint8_t to[6];
	uint32_t link;
};

struct lsoed {
	struct lan_env env;
	struct lsoed_config cfg;
	bool link[LSOED_LINKS + 1];
	lan_time hello_at;
	struct neighbour *nb;
	size_t n_nb;
	struct out *out;
	size_t n_out, next_out;
	struct bytes list[2]; /* value of types 4 and 5 */
	const char *died;
};

static inline void *grow(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		abort();
	return q;
}

static inline void set(struct bytes *b, const void *p, size_t n)
{
	b->p = grow(b->p, n);
	if (n)
		memcpy(b->p, p, n);
	b->n = n;
}

static inline void clear(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}

static inline bool established(const struct neighbour *b)
{
	return b->session && b->acked && b->have_nonce;
}

void lsoed_write(struct lsoed *m, uint32_t link, const uint8_t to[6], const uint8_t *p, size_t n);
void lsoed_send(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n);
void lsoed_send_list(struct lsoed *m, lan_time now, struct neighbour *b, uint8_t type);
void lsoed_deliver(struct lsoed *m, lan_time now, struct neighbour *b, const uint8_t *p, size_t n);
void lsoed_close(struct neighbour *b);

#endif
