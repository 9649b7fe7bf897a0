/*
 * serpy_int.h - the inside of the core, shared by its files:
 *
 *   core.c    life, configuration, counters, status
 *   conn.c    one TCP connection: coming up, wants, clocks, ending
 *   client.c  dialling, and dialling again
 *   in.c      the memory received bytes are in
 *   recv.c    pulling events; recv1.c, recv2.c decode the two wires
 *   out.c     messages on their way out, and the account of their fate
 *   send.c    the application's messages; send1.c, send2.c encode them
 *   blob.c    bytes of any size, sent piece by piece
 *
 * A connection is one TCP stream and has one object. When its stream ends the
 * object lives on, without a number of the driver, until the application has
 * pulled all that came before. A client's messages outlive its connections:
 * they are in one `out` that is handed from one connection to the next, after
 * the fate of what the old one had sent is settled.
 */
#ifndef LAN_PROTO_SERPY_INT_H
#define LAN_PROTO_SERPY_INT_H

#include "base/ring.h"
#include "base/timers.h"
#include "proto/serpy/encoding.h"
#include "proto/serpy/serpy.h"

#define SERPY_SCRATCH (256u << 10) /* bytes read at once */
#define SERPY_TRUST   (1u << 20)   /* memory for an announced length before as much has come */
#define SERPY_ANSWERS \
	(64u << 10)      /* bytes of control words that wait for a peer, before it is read no further */
#define SERPY_HEAD    14 /* section 2.1 */
#define SERPY_ASK     "lanyard-blob?"
#define SERPY_ASK_LEN 13 /* one less than a header: an original waits for more */

#define SERPY_MODES         6
#define SERPY_MODE_ACKED(m) ((m)&1)

/* --- in.c ------------------------------------------------------------------------------ */

/* Bytes received and not consumed: buf[head, tail). One more byte of memory follows cap, for a NUL. */
struct serpy_in {
	uint8_t *buf;
	uint32_t cap, head, tail;
	uint32_t need;   /* bytes from head on without which nothing can be decoded; 0: not known */
	uint32_t scan;   /* serpy1: so many bytes from head on hold no end of block */
	uint32_t marked; /* place + 1 of a byte that a NUL stands for */
	uint8_t was;
	bool shared; /* buf is the scratch of the core */
};

/* --- recv1.c, recv2.c -------------------------------------------------------------------- */

struct serpy_acc { /* serpy1: blocks of an acknowledged message whose end has not come */
	uint8_t *buf;
	uint32_t len, cap;
	uint32_t handed; /* so many bytes at the front were handed out */
};

struct serpy_rx {
	uint64_t offset, total; /* of the next piece; of the whole, or SERPY_UNKNOWN */
	uint64_t left;          /* serpy2: bytes of the long message that are to come */
	uint64_t skipped;
	uint32_t sum, want_sum;
	struct serpy_acc *acc; /* serpy1 */
	uint8_t mode;          /* serpy1 */
	bool announced;        /* serpy1: the mode was set on this connection */
	bool piecing;          /* in the middle of a long message */
	bool open_piece;       /* ... of which the application has seen some */
};

enum timer_of { TIMER_CONN, TIMER_OUT, TIMER_DIAL, TIMER_REST };
struct serpy_timer {
	struct lan_timer t; /* first: a node of the heap is one of these */
	uint32_t what;
};

/* --- connections ------------------------------------------------------------------------------ */

enum conn_state {
	CONN_OPEN,
	CONN_CLOSING, /* the driver is yet to be told */
	CONN_ENDED    /* it has no stream; input may still wait to be pulled */
};
enum { WANT_SEND_BIT = 1, WANT_READ_BIT = 2, WANT_CLOSE_BIT = 4, WANT_FINISH_BIT = 8 };
enum serpy_bucket { BUCKET_NONE, BUCKET_HELD, BUCKET_PARTIAL, BUCKETS };

struct serpy_kept { /* rest.c: what is left of `out` while it is silent */
	uint64_t last, tx_messages, lost, doubled, sent, confirmed;
	uint8_t mode;
	bool any;
};

struct serpy_conn {
	uint64_t id;
	struct serpy_conn *prev, *next; /* in the list of those with something to pull */
	struct serpy_conn *want_next;   /* in the list of wants */
	struct serpy_conn *paused_prev, *paused_next;
	struct serpy_out *out;
	struct serpy_kept kept;
	struct serpy_in in;
	struct serpy_rx rx;
	struct serpy_timer timer; /* of an unfinished message */
	uint32_t slot;            /* the driver's number */
	uint32_t counted;
	lan_time since, rx_at;
	uint64_t rx_messages, rx_bytes, tx_bytes;
	uint64_t unreached_bytes, cut;
	const char *reason;
	uint32_t connects;
	uint8_t state, wants, bucket, err;
	bool listed, wanted, paused, held, unparsed, finishing;
	bool owe_up, told_down, settled, dead;
	bool large;  /* what comes is a message of more than a scratch */
	bool broken; /* nothing can be sent on it any more */
	bool quiet;  /* closed by the application: what was sent is not called lost */
	char name[];
};

struct serpy_note { /* what is told beside the connections */
	const char *reason;
	uint64_t conn, token, lost;
	lan_time pause;
	uint32_t after; /* client: connections there were before */
	uint32_t attempts;
	uint16_t kind, err;
	uint32_t len; /* of the peer's name behind the note */
};

enum client_state { CLIENT_RESTING, CLIENT_DIALLING, CLIENT_UP, CLIENT_DONE };

struct serpy {
	struct lan_env env;
	struct serpy_config cfg;
	enum serpy_encoding encoding;
	struct serpy_counters count;
	struct lan_timers timers;
	struct lan_ring notes;
	struct lan_ring done;      /* struct out_done */
	uint32_t n_refs;           /* data lent and not done */
	struct serpy_conn **slots; /* by the driver's numbers */
	uint32_t *free_slots;
	uint32_t n_slots, cap_slots, n_free;
	struct serpy_entry {
		uint64_t id;
		struct serpy_conn *c; /* NULL: gone */
	} * conns;                    /* by age */
	uint32_t n_conns, cap_conns, n_gaps, n_outs;
	uint32_t n_rested; /* queues given up of late */
	uint32_t turn;     /* events in a row of one connection */
	struct serpy_conn *pull_head, *pull_tail, *want_head, *want_tail, *paused_head, *paused_tail;
	struct serpy_conn *corpse; /* its last event was handed out: views into it live until the next */
	uint8_t *scratch;
	struct serpy_conn *scratch_of; /* whose bytes are in the scratch */
	uint8_t *spare;                /* a larger buffer for the next large message */
	uint32_t spare_cap;
	uint64_t in_bucket[BUCKETS];
	uint64_t next_id;
	bool moded;                    /* serpy1, server: some client was told another mode than 0 */
	struct serpy_timer rest_timer; /* gives memory back that nobody needs */
	lan_time used_at;
	/* client */
	struct serpy_out *out; /* while no connection has it */
	struct serpy_conn *up; /* the newest connection */
	struct serpy_timer dial_timer;
	enum client_state state;
	uint32_t attempts, connects;
	bool want_dial, finishing, held;
	uint64_t rx_messages, rx_bytes, tx_bytes; /* of earlier connections */
	lan_time since;
};

static inline void serpy_count(struct serpy *s, enum serpy_counter c)
{
	s->count.v[c]++;
}

/* core.c */
struct serpy_conn *serpy_find(const struct serpy *s, uint64_t id); /* server; NULL: none */
struct serpy_conn *serpy_oldest(const struct serpy *s);            /* that is not buried yet */
LAN_WUR enum lan_err serpy_enroll(struct serpy *s, struct serpy_conn *c);
void serpy_expel(struct serpy *s, struct serpy_conn *c);
/* The queue that messages for `id` go to, made if there is none. LAN_ERR_NOTFOUND, LAN_ERR_CLOSED (a client
 * that is done), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err serpy_out_of(struct serpy *s, uint64_t id, struct serpy_out **o);
/* Tell. False: there is no memory; hints are also dropped when nobody pulls. */
bool serpy_tell(struct serpy *s, struct serpy_note note, const char *peer);
bool serpy_note(struct serpy *s, struct serpy_event *ev); /* the oldest, if its time has come */
const char *serpy_reason(enum serpy_counter c);

/* rest.c */
void serpy_used(struct serpy *s, lan_time now); /* memory is in use */
void serpy_rest(struct serpy *s, lan_time now);
void out_restore(struct serpy_conn *c); /* its new `out` goes on where the old one was */
void kept_status(const struct serpy_conn *c, struct serpy_status *st);
void kept_broken(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev);

/* conn.c */
LAN_WUR enum lan_err conn_new(struct serpy *s, lan_time now, const char *peer, struct serpy_conn **out);
void conn_free(struct serpy *s, struct serpy_conn *c);
void conn_detach(struct serpy *s, struct serpy_conn *c); /* the driver's number is free again */
void conn_want(struct serpy *s, struct serpy_conn *c, uint8_t bits);
void conn_pullable(struct serpy *s, struct serpy_conn *c); /* there is something to pull */
void conn_unlist(struct serpy *s, struct serpy_conn *c);
void conn_idle(struct serpy *s, lan_time now, struct serpy_conn *c); /* all is pulled */
void conn_pause(struct serpy *s, struct serpy_conn *c, bool on);
void conn_watch_frame(struct serpy *s, struct serpy_conn *c); /* a message has begun */
/* End it: the driver is told, the application learns after what came before. */
void conn_end(struct serpy *s, lan_time now, struct serpy_conn *c, enum serpy_counter why, enum lan_err err);
void conn_check_finished(struct serpy *s, lan_time now, struct serpy_conn *c);
void serpy_lost(void *core, lan_time now, uint32_t conn, enum lan_err why);
void serpy_broke(void *core, lan_time now, uint32_t conn);
void serpy_unreached(void *core, uint32_t conn, uint64_t bytes);
bool serpy_want(void *core, struct lan_want *w);
void serpy_tick(void *core, lan_time now);
void serpy_arm(
	struct serpy *s, struct serpy_timer *t, lan_time at); /* if that is nearer than what is armed */

/* client.c */
void client_connected(struct serpy *s, lan_time now, struct serpy_conn *c);
void client_failed(struct serpy *s, lan_time now, enum lan_err err, const char *peer);
void client_lost(struct serpy *s, lan_time now, struct serpy_conn *c);
void client_settled(struct serpy *s, lan_time now, struct serpy_conn *c);
void client_attach(
	struct serpy *s, lan_time now); /* hand the queue to the newest connection, if it is free */
void client_stop(struct serpy *s);      /* nothing is queued, and the application wants no more */
void client_tick(struct serpy *s, lan_time now);

/* in.c */
uint8_t *in_room(struct serpy *s, lan_time now, struct serpy_conn *c, size_t *n);
void in_commit(struct serpy *s, struct serpy_conn *c, size_t n);
static inline uint32_t in_have(const struct serpy_in *in)
{
	return in->tail - in->head;
}
void in_unmark(struct serpy_in *in);                    /* take back a NUL */
void in_mark(struct serpy_in *in, uint32_t place);      /* put a NUL there, once */
void in_drop(struct serpy *s, struct serpy_conn *c);    /* forget all bytes, give the memory back */
void in_account(struct serpy *s, struct serpy_conn *c); /* bytes were consumed, or are unparsed no more */
void in_rest(struct serpy *s);                          /* memory that nobody needs */

/* recv1.c, recv2.c: the next event of the bytes there are. What they say: */
enum recv_step {
	RECV_EVENT, /* *ev is filled in */
	RECV_MORE,  /* not enough bytes: in.need of them */
	RECV_END    /* conn_end was called */
};
enum recv_step recv_end(
	struct serpy *s, lan_time now, struct serpy_conn *c, enum serpy_counter why, enum lan_err err);
enum recv_step recv1_next(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev);
enum recv_step recv2_next(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev);
bool recv1_looks_stale(const struct serpy *s, const uint8_t *p, size_t n);
void recv1_fini(struct serpy_conn *c);
enum recv_step recv1_ack(
	struct serpy *s, lan_time now, struct serpy_conn *c); /* the message whose end came */
void recv1_begin_pieces(struct serpy_conn *c);                /* piece1.c */
enum recv_step recv1_piece(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev);
bool recv_midway(const struct serpy_conn *c); /* a message has begun and not ended */

#endif
