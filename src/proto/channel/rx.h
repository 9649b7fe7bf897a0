/*
 * rx.h - what is received of one sender: frames kept by block (blocks.c),
 * messages delivered (deliver.c) and put in order (intake.c), what is asked for
 * (feedback.c).
 */
#ifndef CHAN_RX_H
#define CHAN_RX_H

#include "base/seqwin.h"
#include "proto/channel/frame.h"
#include "proto/channel/reasm.h"

struct chan;
struct chan_peer;
struct chan_held; /* a frame kept: intake.c */

struct chan_rxblock {
	uint64_t first;            /* 0: not in use */
	uint64_t have;             /* bit i: frame first + i was received or recovered */
	struct chan_held **frame;  /* K of them, behind the ring */
	struct chan_held **parity; /* CHAN_BLOCK_MAX of them, or NULL: none came */
	uint8_t n_parity;
	uint8_t tries;  /* how often it was asked for */
	lan_time quiet; /* do not ask before */
};

/* How often a newcomer asks where the last messages begin. */
#define CHAN_LATE_PAUSE LAN_MS(50)
#define CHAN_LATE_TRIES 3

enum chan_rx_state {
	CHAN_RX_NEW = 0, /* nothing heard of its frames */
	CHAN_RX_HOLD,    /* frames are kept until it is known where to begin */
	CHAN_RX_RUN
};

/* What is received of one sender instance. */
struct chan_rx {
	enum chan_rx_state state;
	uint8_t block; /* K; 0: not known yet */
	bool confirm, history;
	struct chan_rxblock *ring; /* n_ring blocks, or NULL: not needed so far */
	uint32_t n_ring;
	uint64_t base;          /* seq of the first frame of the oldest block in the ring */
	uint64_t next;          /* in order: seq to deliver next */
	uint64_t next_msg;      /* smallest message neither delivered nor reported lost; 0: not known */
	uint64_t skip_msg;      /* its first part was passed over: pass over the rest */
	uint64_t highest;       /* seq known to have been sent */
	uint64_t sent_msg;      /* all messages below it begin at or before `highest` */
	struct lan_seqwin seen; /* of seq, where there is no order */
	struct lan_seqwin told; /* of messages delivered or reported lost, likewise */
	lan_time hold_until;
	uint8_t late_tries;
	lan_time late_at; /* LATE is due */
	uint64_t asm_msg; /* message being put together in order, 0: none */
	uint32_t asm_at;  /* its next offset */
	lan_time last_data;
	lan_time gap_at;  /* ordered: the gap is given up */
	lan_time nack_at; /* feedback is due; LAN_NEVER: none */
	lan_time report_at;
	uint64_t reported;    /* `next` of the last feedback */
	uint8_t report_tries; /* with the same `next` */
	uint64_t budget;      /* of feedback, in 1/1024 of one */
	lan_time budget_at;
	uint64_t budget_seq;
	const char *why; /* what was passed over last was given up for this reason; static text */
	bool stuck;      /* the inbox was full: go on after a pull */
};

/* deliver.c */
/* Messages first..last of p will not be delivered. */
void chan_rx_lost(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t first, uint64_t last, const char *why);
/* Where there is no order: one message, unless it was told already. */
void chan_rx_lost_one(struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const char *why);
/* Queue a message with these bytes; len and text of *ev are filled in. False: no room in the inbox (or no
 * memory for it). */
bool chan_put_message(struct chan *c, struct chan_event *ev, const void *data, size_t n);
/* The same for a message of p, counted. */
bool chan_rx_deliver(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const uint8_t *data, size_t n);
struct chan_fragment chan_rx_fragment(const struct chan_peer *p, const struct chan_frame *f);
/* Parity gave back these frames of a block. */
void chan_rx_recovered(struct chan *c, struct chan_peer *p, uint64_t got);
/* Best effort: a frame; the block of seq, if frames are kept; frames that parity gave back. */
void chan_rx_unordered(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n);
struct chan_rxblock *chan_rx_kept_block(struct chan *c, struct chan_rx *rx, uint64_t seq);
void chan_rx_take_recovered(
	struct chan *c, struct chan_peer *p, lan_time now, struct chan_rxblock *b, uint64_t got);

/* intake.c */
void chan_rx_reset(struct chan *c, struct chan_peer *p);
/* Nothing more is to come of it: what is missing is lost. False: the inbox is full; try again later. */
bool chan_rx_finish(struct chan *c, struct chan_peer *p, lan_time now, const char *why);
/* How far an instance got, and going on from there; *next 0: nowhere yet. */
void chan_rx_remember(const struct chan *c, const struct chan_peer *p, uint64_t *next, uint64_t *next_msg);
void chan_rx_go_on(struct chan *c, struct chan_peer *p, lan_time now, uint64_t next, uint64_t next_msg);
/* A new instance of a sender that was known: what is still open of the old one is lost. False: the
 * inbox is full; the old one is to be delivered first. */
bool chan_rx_restart(struct chan *c, struct chan_peer *p, lan_time now);
/* It said goodbye: what is missing will not come. */
void chan_rx_leave(struct chan *c, struct chan_peer *p, lan_time now);
void chan_rx_data(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f,
	const uint8_t *raw, size_t n);
void chan_rx_parity(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
void chan_rx_presence(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
void chan_rx_start(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
void chan_rx_tick(struct chan *c, struct chan_peer *p, lan_time now);
lan_time chan_rx_deadline(const struct chan *c, const struct chan_peer *p);
/* Deliver on, after the inbox was full. */
void chan_rx_resume(struct chan *c, lan_time now);

/* blocks.c: the frames of a sender that are kept, by block. */
struct chan_held {
	uint16_t len;
	uint8_t k, row;  /* of parity */
	uint8_t bytes[]; /* a DATA frame, or a parity symbol */
};
struct chan_rxblock *chan_block_of(struct chan_rx *rx, uint64_t seq); /* NULL: outside of the ring */
LAN_WUR enum lan_err chan_blocks_make(struct chan *c, struct chan_rx *rx, uint64_t base);
/* The same, for a gap: if there is no memory, rings of senders that miss nothing give way. */
LAN_WUR enum lan_err chan_blocks_want(struct chan *c, struct chan_rx *rx, uint64_t base);
void chan_blocks_free(struct chan *c, struct chan_rx *rx);
/* What parity is computed of: a DATA frame of n bytes as a symbol, at `to`. Returns its length. */
static inline size_t chan_symbol_len(size_t n)
{
	return n - 8;
}
size_t chan_symbol_put(const uint8_t *frame, size_t n, uint8_t *to);
/* Keep a copy of a frame. LAN_ERR_EXISTS, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err chan_block_keep(
	struct chan *c, struct chan_rxblock *b, uint64_t seq, const uint8_t *frame, size_t n);
LAN_WUR enum lan_err chan_block_parity(
	struct chan *c, struct chan_rxblock *b, uint8_t k, uint8_t row, const uint8_t *symbol, size_t n);
/* Recover what parity can; the frames recovered as bits. */
uint64_t chan_block_decode(struct chan *c, struct chan_rx *rx, struct chan_rxblock *b);
void chan_block_clear(struct chan *c, struct chan_rxblock *b);
/* The ring begins at `base` from now on. */
void chan_blocks_slide(struct chan *c, struct chan_rx *rx, uint64_t base);

/* feedback.c */
/* Something may be missing: see that it is asked for in time. */
void chan_nack_plan(struct chan *c, struct chan_peer *p, lan_time now);
/* Another receiver's feedback to the same sender. */
void chan_nack_overheard(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
/* Write a FEEDBACK or LATE that is due into *f; false: none. */
bool chan_nack_output(struct chan *c, struct chan_peer *p, lan_time now, struct chan_frame *f);

#endif
