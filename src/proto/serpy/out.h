/*
 * out.h - the queue of one connection: what is in it (out.c), what becomes of what
 * cannot be sent (out_fate.c), how it gets there (send*.c, blob.c).
 */
#ifndef LAN_PROTO_SERPY_OUT_H
#define LAN_PROTO_SERPY_OUT_H

#include "proto/serpy/serpy_int.h"

#define MODE_UNSURE \
	SERPY_MODES /* of the wire: nothing was announced, and the peer may believe in another than 0 */

enum out_kind { OUT_PLAIN, OUT_REF, OUT_BLOB };
enum {
	OUT_VOID = 1,  /* will not be sent: passed over */
	OUT_WAITS = 2, /* sent whole in an acknowledged mode, not acknowledged */
	OUT_NOTE = 4,  /* no message of the application */
	OUT_TOLD = 8   /* its timeout has passed and was told */
};

struct out_mark {
	uint32_t len; /* its bytes in `data` (REF: of the header alone) */
	uint8_t kind, mode, flags, pad;
};

struct out_long {     /* beside each mark of kind REF and BLOB, in order */
	uint64_t len; /* bytes on the wire; a BLOB's: SERPY_UNKNOWN until it ends */
	const uint8_t *data;
	void (*release)(void *ctx);
	void *ctx;
};

struct out_run { /* `count` messages of `len` bytes, sent whole; or control words */
	uint32_t len, count;
	bool control;
};

struct out_wait { /* a message that waits for its acknowledgement */
	uint64_t token;
	uint64_t sent; /* messages sent on this connection, this one included */
	bool told;     /* its timeout has passed */
};

struct out_done { /* data that the application may have back */
	void (*release)(void *ctx);
	void *ctx;
};

struct out_timeout {
	uint64_t token;
	lan_time at;
};

struct serpy_out {
	struct serpy_timer timer; /* of timeouts and of the question for confirmation */
	struct serpy_conn *conn;  /* which sends it now, or NULL */
	uint64_t id;
	struct lan_ring data;       /* bytes of the wire, message after message */
	struct lan_ring marks;      /* struct out_mark of tokens first .. last */
	struct lan_ring longs;      /* struct out_long */
	struct lan_ring ctl;        /* control words: they go out between two messages */
	struct lan_ring runs;       /* struct out_run of this connection, the newest last */
	struct lan_ring waits;      /* struct out_wait */
	struct lan_ring times;      /* struct out_timeout */
	uint64_t first, next, last; /* tokens: of the oldest mark; being sent or to be sent next; newest */
	uint64_t next_pos; /* in data, where `next` begins; a blob's: where the bytes begin that are not sent
			    */
	uint64_t off;      /* bytes of `next` that are sent */
	uint64_t n_void;   /* marks from `next` on that will be passed over */
	uint64_t long_bytes; /* of REFs in the queue, which are not in `data` */
	uint64_t sent,
		confirmed; /* messages sent whole on this connection; so many of them arrived for sure */
	uint64_t barrier;  /* `sent` when the outstanding SETMODE went out */
	uint64_t tx_messages, lost, doubled; /* since it was made */
	uint64_t blob_pos;                   /* in data, where the open blob began */
	uint64_t blob_left;                  /* bytes of the open blob that are to come, or SERPY_UNKNOWN */
	lan_time confirm_at;                 /* LAN_NEVER: nothing to ask about */
	uint8_t mode, asked;                 /* serpy1: of the wire; what the outstanding SETMODE asks for */
	bool mode_wait;                      /* a SETMODE is not answered */
	bool blob;        /* a blob is open: bytes of it are to come from the application */
	bool blob_failed; /* its connection ended */
	bool full;        /* somebody was told LAN_ERR_FULL */
	bool runs_cut;    /* `runs` does not go back to the first message of the connection */
	lan_time used_at;
	bool asking;               /* lan_stream_ask: nothing more goes out until the peer speaks */
	uint8_t carry[4], n_carry; /* serpy1 blob: bytes that do not make a group yet */
};

/* out.c */
LAN_WUR enum lan_err out_new(struct serpy *s, uint64_t id, struct serpy_out **out);
void out_arm(struct serpy *s, struct serpy_out *o);
void out_tick(struct serpy *s, lan_time now, struct serpy_out *o);
void out_free(struct serpy *s, struct serpy_out *o);
void out_release(struct serpy *s, const struct out_long *l);
struct out_mark *out_at(const struct serpy_out *o, uint64_t token);
/* Room for one more mark, and for its long. LAN_ERR_NOMEM. Then adding cannot fail. */
LAN_WUR enum lan_err out_reserve(struct serpy_out *o, bool is_long);
void out_add(struct serpy_out *o, struct out_mark m, const struct out_long *l);
uint64_t out_used(const struct serpy_out *o); /* bytes in the queue, and kept to be sent again */
static inline uint64_t out_waiting(const struct serpy_out *o) /* for their acknowledgement */
{
	return lan_ring_len(&o->waits) / sizeof(struct out_wait);
}
static inline uint64_t out_queued(const struct serpy_out *o)
{
	return o->last + 1 - o->next - o->n_void;
}
const uint8_t *out_pending(const struct serpy *s, const struct serpy_out *o, size_t *n);
bool out_is_head(const struct serpy_out *o); /* what is pending is the header of data lent */
void out_sent(struct serpy *s, lan_time now, struct serpy_conn *c, size_t n);
LAN_WUR enum lan_err out_control(struct serpy_conn *c, const char *word, size_t n);
/* False: of nothing. *token 0: of a message whose timeout was told. */
bool out_ack(struct serpy *s, struct serpy_conn *c, uint64_t *token);
void out_mode_acked(struct serpy *s, lan_time now, struct serpy_conn *c);
/* Ask for another mode, or for confirmation, if it is time; have the driver send what can be sent. */
void out_pump(struct serpy *s, lan_time now, struct serpy_conn *c);
lan_time out_deadline(const struct serpy_out *o);

/* out_fate.c */
/* Make room for a message of n bytes. LAN_ERR_FULL; *forget: the policy drops it. */
LAN_WUR enum lan_err out_room(struct serpy *s, struct serpy_out *o, uint64_t n, bool *forget);
void out_writable(struct serpy *s, struct serpy_out *o); /* tell who was told LAN_ERR_FULL */
/* Pass over what will not be sent; the room it took may make the queue writable. */
void out_pass(struct serpy *s, struct serpy_out *o);
/* The connection is over: make ready for the next. Fills in the counts of LAN_STREAM_LOST. */
void out_broken(struct serpy *s, struct serpy_conn *c, struct serpy_event *ev);
uint64_t out_give_up(
	struct serpy *s, struct serpy_out *o); /* nothing will be sent any more: how many messages */
void out_trim(struct serpy_out *o);

/* send.c */
/* May anything be sent to `conn` now? LAN_ERR_AGAIN, LAN_ERR_CLOSED, and those of serpy_out_of. */
LAN_WUR enum lan_err serpy_open_out(struct serpy *s, uint64_t conn, struct serpy_out **o, const char **why);
void serpy_queued(
	struct serpy *s, lan_time now, struct serpy_out *o); /* the application put something into it */
/* Room for a message of n bytes on the wire; *to NULL: the policy drops it. LAN_ERR_FULL, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err send_room(struct serpy *s, struct serpy_out *o, size_t n, uint8_t **to);
void send_commit(struct serpy_out *o, size_t n, uint8_t mode, uint8_t flags); /* its n bytes are written */

/* send1.c, send2.c: encode into the queue. */
LAN_WUR enum lan_err send1(struct serpy *s, struct serpy_out *o, const struct serpy_value *v,
	const struct serpy_how *how, const char **why);
LAN_WUR enum lan_err send2(
	struct serpy *s, struct serpy_out *o, const struct serpy_value *v, const char **why);

#endif
