/*
 * repair.h - what a sender sends again, and how far it may go on: the answer to
 * requests, parity, confirmations (repair.c).
 */
#ifndef CHAN_REPAIR_H
#define CHAN_REPAIR_H

#include "proto/channel/peers.h"

#define CHAN_ROWS_AT_ONCE 32

struct chan_txblock {
	uint64_t first;   /* 0: not in use */
	uint64_t missing; /* asked for by anybody in this round */
	uint8_t need;     /* the neediest */
	uint8_t next_row;
	uint8_t extra; /* parity to send without being asked */
	bool queued;
	lan_time due;  /* of the round; LAN_NEVER: none */
	lan_time last; /* last frame of the last round; 0: none */
};

struct chan_repair {
	struct chan_txblock *ring; /* by block, as long as the history */
	uint32_t n_ring;
	uint32_t *queue; /* indices of blocks with work, first come first served */
	uint32_t q_head, q_len;
	/* The round being sent: */
	uint64_t first;
	uint64_t exact; /* bits still to send again */
	uint8_t rows, row_at, row0, k;
	bool asked; /* counts against the budget */
	size_t symbol;
	uint8_t *symbols, *parity; /* scratch */
	size_t scratch;
	uint64_t budget; /* bytes */
	lan_time budget_at;
	uint32_t loss;     /* neediness of recent blocks, in 1/256 of a frame */
	lan_time flush_at; /* parity for an unfinished block */
};

/* repair.c */
LAN_WUR enum lan_err chan_repair_init(struct chan *c);
void chan_repair_fini(struct chan *c);
void chan_repair_feedback(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
/* The frame of seq was sent for the first time. */
void chan_repair_sent(struct chan *c, lan_time now, uint64_t seq, size_t bytes);
/* Parity of an unfinished block is due, perhaps. */
void chan_repair_tick(struct chan *c, lan_time now);
/* A frame to send again, or parity, into buf; 0: none now. */
size_t chan_repair_output(struct chan *c, lan_time now, uint8_t *buf, size_t cap);
lan_time chan_repair_deadline(const struct chan *c);
/* Flow: may the next frame be sent? */
bool chan_flow_ready(struct chan *c, lan_time now);
/* What all listeners have confirmed; UINT64_MAX without any. */
uint64_t chan_flow_min(struct chan *c);

#endif
