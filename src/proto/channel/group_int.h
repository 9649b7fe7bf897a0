/*
 * group_int.h - the inside of the sealed group core, cut by mechanism. Each file
 * knows the ones above it in this list, and group.c all of them:
 *
 *   sendlog.c   own frames: the queue, and behind it the history
 *   pace.c      how fast: a token bucket; down when a receiver was overrun
 *   peers.c     the table of senders: keys, windows, marks, presence
 *   blocks.c    frames that are kept, and parity
 *   deliver.c   messages to the application; the way without order
 *   intake.c    from frames to messages in order: gaps and their end
 *   feedback.c  what a receiver asks for, and when it keeps quiet
 *   repair.c    what a sender sends again
 *   presence.c  announcements
 *   group.c     the core: datagrams in and out
 *   group_app.c the core: what the application calls
 *
 * docs/protocols/channel.md is the specification.
 */
#ifndef CHAN_GROUP_INT_H
#define CHAN_GROUP_INT_H

#include "base/ring.h"
#include "base/seqwin.h"
#include "base/timers.h"
#include "proto/channel/channel.h"
#include "proto/channel/frame.h"
#include "proto/channel/reasm.h"
#include "proto/channel/seal.h"

#define CHAN_MARKS     4096
#define CHAN_STEP      (UINT64_C(1) << 20) /* of the counter's limit */
#define CHAN_FRAME_CAP (CHAN_DATAGRAM_MAX)

/* --- reasons --------------------------------------------------------------- */

/* name, help: what was refused, or otherwise noteworthy. The first CHAN_REFUSALS of them are refusals. */
#define CHAN_COUNTER_LIST(X)                                                                            \
	X(MALFORMED, "malformed", "datagrams that are not of a sealed channel")                         \
	X(VERSION, "version", "datagrams of another version of the protocol")                           \
	X(SELF, "self", "datagrams under this member's own id from elsewhere: a clone")                 \
	X(EPOCH, "epoch", "datagrams of an epoch there is no key for, or no longer")                    \
	X(REPLAY, "replay", "datagrams seen before, or too old to tell")                                \
	X(FORGED, "forged", "datagrams that are not authentic")                                         \
	X(SIGNATURE, "signature", "signed datagrams whose signature or key is wrong")                   \
	X(MEMBER, "member", "datagrams of senders that are not in the list of members")                 \
	X(FRAME, "frame", "authentic datagrams with a frame that breaks the rules")                     \
	X(FULL, "full", "datagrams of new senders while the table of senders was full of present ones") \
	X(UNKNOWN, "unknown", "frames of a type that is not known")                                     \
	X(DUPLICATE, "duplicate", "frames that had arrived already, by repair or parity")               \
	X(BEYOND, "beyond", "frames too far ahead to be kept")                                          \
	X(NOMEM, "memory", "frames dropped for lack of memory")                                         \
	X(INCOMPLETE, "incomplete", "messages of which fragments were missing for too long")            \
	X(TOOBIG, "toobig", "messages longer than max_message")                                         \
	X(DECODED, "decoded", "frames recovered by parity")                                             \
	X(ASKED, "asked", "requests for repair that were sent")                                         \
	X(HUSHED, "hushed", "requests for repair left out, for another member had asked")               \
	X(STALLED, "stalled", "times a receiver did not go on and was no longer waited for")            \
	X(EVENTS, "events", "events dropped, for the application did not pull them")
enum chan_counter_id {
#define X(id, name, help) CHAN_C_##id,
	CHAN_COUNTER_LIST(X)
#undef X
		CHAN_C_N
};
#define CHAN_REFUSALS CHAN_C_UNKNOWN

/* --- sendlog.c --------------------------------------------------------------- */

struct chan_sent {
	uint64_t pos; /* of the frame in `bytes` */
	uint64_t msg;
	uint16_t len;
	bool start; /* a message begins here */
};

struct chan_sendlog {
	struct lan_ring bytes;
	struct chan_sent *entry;        /* circular, by seq */
	uint32_t cap;                   /* of entry, a power of two */
	uint64_t oldest, next_tx, next; /* seq: [oldest, next_tx) sent, [next_tx, next) queued */
	uint64_t next_msg;
	uint32_t keep; /* sent frames that are kept */
	uint32_t max_queue;
	size_t queued_bytes; /* of frames in [next_tx, next) */
	uint16_t room;       /* most bytes of a frame */
	uint8_t block;
	bool was_full;
};

/* room: bytes a frame may have. LAN_ERR_NOMEM never: memory comes with the first message. */
void chan_log_init(struct chan_sendlog *g, uint32_t max_queue, uint32_t keep, uint16_t room, uint8_t block);
void chan_log_fini(struct chan_sendlog *g);
/* All of a message or nothing. flags of DATA go into each frame. LAN_ERR_FULL, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err chan_log_put(
	struct chan_sendlog *g, uint8_t flags, const void *data, size_t n, uint64_t *msg);
/* The frame of a seq in [oldest, next): view. */
const uint8_t *chan_log_frame(const struct chan_sendlog *g, uint64_t seq, size_t *n);
const struct chan_sent *chan_log_at(const struct chan_sendlog *g, uint64_t seq);
/* The frame next_tx was sent. */
void chan_log_sent(struct chan_sendlog *g);
/* The first message that begins at or after seq. */
uint64_t chan_log_msg(const struct chan_sendlog *g, uint64_t seq);
/* Where the last n messages that were begun to be sent begin. */
void chan_log_last(const struct chan_sendlog *g, uint32_t n, uint64_t *seq, uint64_t *msg);

/* --- pace.c ------------------------------------------------------------------ */

struct chan_pace {
	uint64_t rate;  /* bytes a second; 0: no limit */
	uint64_t limit; /* the configured one; 0: none */
	bool adapt;
	int64_t tokens;
	lan_time at;      /* tokens are of this moment */
	lan_time down_at; /* last went down */
	uint64_t since_up;
};

void chan_pace_init(struct chan_pace *p, uint64_t limit, bool adapt, lan_time now);
/* May n bytes go now? */
bool chan_pace_ready(struct chan_pace *p, lan_time now);
void chan_pace_spend(struct chan_pace *p, size_t n);
/* When chan_pace_ready will be true. */
lan_time chan_pace_when(const struct chan_pace *p);
void chan_pace_overrun(struct chan_pace *p, lan_time now);

/* --- peers.c ----------------------------------------------------------------- */

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
	bool stuck; /* the inbox was full: go on after a pull */
};

struct chan_peer {
	uint64_t id, boot;
	bool present, verified;
	uint8_t mode;
	char name[CHAN_NAME_MAX];
	struct lan_from from;
	lan_time since, last;
	lan_time opened; /* when it opened the channel, by this clock; LAN_NEVER: not told */
	uint32_t interval_ms;
	uint32_t epoch;
	struct chan_peer_key {
		struct lan_aead *aead;
		uint64_t boot;
		uint32_t epoch;
		bool set;
	} key[2]; /* the one in use, the one before */
	struct lan_seqwin win;
	uint64_t count_from; /* lost = highest - count_from - distinct */
	uint64_t distinct, lost_before;
	uint64_t rx_messages, rx_bytes, rx_datagrams, repaired, duplicates, reordered, lost_messages;
	struct chan_rx rx;
	/* As a receiver of what this member sends. */
	bool listens, stalled;
	uint64_t confirmed;
	bool asking;    /* feedback may be due: counted in chan.n_asking */
	lan_time moved; /* confirmed went on */
	uint32_t overruns;
	bool overruns_known;
	struct lan_timer timer;
	uint32_t next_free;
};

struct chan_mark {
	uint64_t sender, counter;
};

struct chan_peers {
	struct chan_peer *peer; /* n of max in use, no holes */
	uint32_t n, max;
	uint16_t *slot; /* hash of id -> index + 1 */
	uint32_t slots;
	struct chan_mark *mark; /* of senders that are not in the table; the oldest is overwritten */
	uint32_t n_marks, next_mark;
	uint64_t seed[2];
	uint32_t recent; /* index of the one heard last */
};

/* --- repair.c ---------------------------------------------------------------- */

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

/* --- group.c ------------------------------------------------------------------- */

enum chan_timer_id {
	CHAN_T_PRESENCE,
	CHAN_T_REPAIR,
	CHAN_T_KEY,
	CHAN_T_PACE,
	CHAN_T_REFUSED,
	CHAN_T_REASM,
	CHAN_T_N
};

struct chan {
	struct lan_env env;
	enum chan_mode mode;
	bool silent, hear_self, flow, has_identity, leaving;
	uint8_t block, parity;
	uint32_t history, late, max_message, max_partial, max_datagram;
	lan_time reorder, presence;
	char name[CHAN_NAME_MAX];
	uint8_t id[CHAN_ID_SIZE];
	struct chan_keys keys;
	uint8_t (*members)[32];
	size_t n_members;
	uint8_t identity[LAN_SIGN_SECRET];
	uint64_t me, boot, counter, counter_limit;
	lan_time opened, now; /* now: of the last call */

	struct lan_aead *tx;
	uint32_t tx_epoch;
	bool tx_set;
	struct lan_aead *scratch;
	int scratch_cipher;

	struct chan_inbox inbox;
	struct chan_reasm *reasm;
	struct chan_sendlog log;
	struct chan_pace pace;
	struct chan_repair repair;
	struct chan_peers peers;
	uint32_t partial;   /* bytes of held frames */
	uint32_t n_present; /* peers that are present */
	uint32_t n_stuck;
	uint32_t n_asking;
	uint64_t flow_min; /* what all listeners have confirmed; valid while !flow_dirty */
	bool flow_dirty;
	lan_time blocked_at; /* flow holds the queue since; 0: it does not */
	uint32_t overruns;

	struct lan_timers timers;
	struct lan_timer timer[CHAN_T_N];
	lan_time presence_at, fast_at;
	lan_time fast_step;
	bool arrived;       /* the next announcement says so */
	uint64_t announced; /* highest of the last announcement */
	/* Answers to LATE that are due: one at a time is enough, the newest wins. */
	uint32_t start_n;
	bool start_due;
	bool wants_keys;
	uint64_t refused_told[CHAN_REFUSALS];
	lan_time refused_at[CHAN_REFUSALS];
	struct lan_from refused_from[CHAN_REFUSALS];
	uint64_t counters[CHAN_C_N];
	struct chan_status stats; /* the counts of it */
};

static inline void chan_count(struct chan *c, enum chan_counter_id id)
{
	c->counters[id]++;
}

/* counters.c: a refusal, with its event. Always returns LAN_ERR_PROTO. */
enum lan_err chan_refuse(struct chan *c, lan_time now, enum chan_counter_id id, const struct lan_from *from);
void chan_refused_due(struct chan *c, lan_time now);

/* group.c */
/* Seal with the newest epoch whose time has come. */
void chan_choose_key(struct chan *c, lan_time now);
uint64_t chan_random(struct chan *c);
/* An even choice below n (n > 0). */
uint64_t chan_below(struct chan *c, uint64_t n);
void chan_arm(struct chan *c, enum chan_timer_id id, lan_time at);
/* Queue an event about a peer; drops and counts it when the inbox has no room. */
void chan_tell(struct chan *c, struct chan_peer *p, struct chan_event *ev);
/* Recompute when peer p needs a tick. */
void chan_peer_arm(struct chan *c, struct chan_peer *p);

/* peers.c */
LAN_WUR enum lan_err chan_peers_init(struct chan *c, uint32_t max);
void chan_peers_fini(struct chan *c);
struct chan_peer *chan_peer_find(struct chan *c, uint64_t id);
/* A place for a new sender; NULL: the table is full of present ones, or no memory (counted). */
struct chan_peer *chan_peer_add(struct chan *c, lan_time now, uint64_t id);
/* The highest counter refused of a sender that is not in the table. */
uint64_t chan_mark_of(const struct chan *c, uint64_t id);
LAN_WUR enum lan_err chan_mark_put(struct chan *c, uint64_t id, uint64_t counter);
/* The sender was heard: present again if it was not. */
void chan_peer_heard(struct chan *c, struct chan_peer *p, lan_time now, const struct lan_from *from);
void chan_peer_gone(struct chan *c, struct chan_peer *p, lan_time now, const char *why);
lan_time chan_peer_gone_at(const struct chan_peer *p);
void chan_peers_forget_keys(struct chan *c);

/* deliver.c */
/* Messages first..last of p will not be delivered. */
void chan_rx_lost(
	struct chan *c, struct chan_peer *p, lan_time now, uint64_t first, uint64_t last, const char *why);
/* Where there is no order: one message, unless it was told already. */
void chan_rx_lost_one(struct chan *c, struct chan_peer *p, lan_time now, uint64_t msg, const char *why);
/* False: no room in the inbox (or no memory for it). */
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

/* presence.c */
void chan_presence_init(struct chan *c, lan_time now);
void chan_presence_input(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
bool chan_presence_output(struct chan *c, lan_time now, struct chan_frame *f);
void chan_presence_sent(struct chan *c, lan_time now); /* new frames left */
lan_time chan_presence_deadline(const struct chan *c);

#endif
