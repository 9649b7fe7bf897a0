/*
 * serpy.h - the wires of serpy and serpy2 as one pure core: typed messages and
 * blobs over TCP, as server (many connections) or client (one, made again).
 *
 * The wires are described in docs/protocols/serpy.md: section 1 serpy1, section 2
 * serpy2. Both dialects share connections, buffers, queues, dialling and the
 * account of what may be lost; they differ in two pairs of files, recv1/recv2
 * and send1/send2.
 *
 * Received bytes stay in the buffer they were read into and are decoded when
 * the application pulls: a value is a view into them, so nothing is copied, and
 * what is not pulled is neither acknowledged nor read any further. Bytes that
 * are no message end their connection with a reason, and never change another.
 *
 * Implements struct lan_stream_ops (proto.h). What each field and event means
 * is written down in <lanyard/stream.h>, whose values these are.
 */
#ifndef LAN_PROTO_SERPY_H
#define LAN_PROTO_SERPY_H

#include "proto/proto.h"

enum serpy_dialect { SERPY1 = 1, SERPY2 = 2 };
enum serpy_type { SERPY_STR = 1, SERPY_INT, SERPY_FLOAT, SERPY_BYTES, SERPY_OBJECT = 6 };
enum serpy_full { SERPY_FULL_REFUSE, SERPY_FULL_DROP_OLD, SERPY_FULL_DROP_NEW };

#define SERPY_MESSAGE_MAX (1u << 30) /* max_message at most */
#define SERPY_UNKNOWN     UINT64_MAX /* a blob whose size is told by its end */
#define SERPY_FAR         UINT32_MAX /* the largest serpy2 payload */

/* Every counter: name, help. Refusals and losses each have their own. */
#define SERPY_COUNTERS(X)                                                                     \
	X(rx_messages, "messages received and delivered")                                     \
	X(rx_pieces, "pieces of long messages delivered")                                     \
	X(rx_bytes, "bytes received")                                                         \
	X(rx_acks, "acknowledgements received")                                               \
	X(rx_stray_acks, "acknowledgements of nothing outstanding")                           \
	X(rx_stale, "messages in a mode that was not announced (an original that came back)") \
	X(rx_checksum, "messages dropped: wrong checksum")                                    \
	X(rx_garbage_bytes, "bytes skipped to the next message (resync)")                     \
	X(rx_asked, "questions of Lanyard whether this end is Lanyard")                       \
	X(rx_cut, "unfinished messages thrown away when their connection ended")              \
	X(tx_messages, "messages handed to the system whole")                                 \
	X(tx_acks, "acknowledgements sent")                                                   \
	X(tx_mode_changes, "mode changes sent")                                               \
	X(tx_confirms, "questions whether all has arrived (confirm)")                         \
	X(tx_bytes, "bytes sent")                                                             \
	X(tx_lost, "messages that may not have arrived and are not sent again")               \
	X(tx_doubled, "messages sent again that may have arrived")                            \
	X(tx_dropped, "messages dropped because their queue was full")                        \
	X(tx_expired, "messages not acknowledged within their timeout")                       \
	X(accepted, "connections accepted")                                                   \
	X(connected, "connections made")                                                      \
	X(dial_failed, "attempts to connect that failed")                                     \
	X(conns_full, "connections refused: max_conns reached")                               \
	X(closed_by_peer, "connections ended by the peer in good order")                      \
	X(end_broken, "connections ended: reset, unreachable, timed out")                     \
	X(end_closed, "connections ended by the application")                                 \
	X(end_garbage, "connections ended: bytes that are no message")                        \
	X(end_type, "connections ended: message of an unknown type")                          \
	X(end_too_long, "connections ended: message longer than max_message")                 \
	X(end_utf8, "connections ended: text that is not UTF-8")                              \
	X(end_number, "connections ended: number not understood or too long")                 \
	X(end_base85, "connections ended: not base85")                                        \
	X(end_two_ends, "connections ended: two ends of message in one block")                \
	X(end_setmode, "connections ended: a mode that does not exist")                       \
	X(end_control, "connections ended: control word not understood")                      \
	X(end_frame_timeout, "connections ended: nothing came of a message that had begun")   \
	X(end_partial_budget, "connections ended: unfinished messages over max_partial")      \
	X(end_memory, "connections ended: out of memory")                                     \
	X(events_dropped, "events dropped because the application did not pull: refusals, ..")

enum serpy_counter {
#define X(name, help) SERPY_C_##name,
	SERPY_COUNTERS(X)
#undef X
		SERPY_C_N
};
struct serpy_counters {
	uint64_t v[SERPY_C_N];
};
const char *serpy_counter_name(enum serpy_counter c);
const char *serpy_counter_help(enum serpy_counter c);

/* data: borrowed when sending, a view when received. */
struct serpy_value {
	enum serpy_type type;
	bool wide;
	int64_t integer;
	double real;
	const void *data;
	size_t len;
};

struct serpy_how {
	int mode;
	bool force;
	lan_time timeout; /* 0: none */
};

enum serpy_event_kind {
	SERPY_UP = 1,
	SERPY_DOWN,
	SERPY_MESSAGE,
	SERPY_PIECE,
	SERPY_ACKED,
	SERPY_EXPIRED,
	SERPY_LOST,
	SERPY_DAMAGED,
	SERPY_REFUSED,
	SERPY_RETRY,
	SERPY_GAVE_UP,
	SERPY_WRITABLE,
	SERPY_SENT,
	SERPY_ASKED
}; /* the values of enum lan_stream_event_kind */

/* Pointers are views: they die when the next event is pulled, and when bytes come in. */
struct serpy_event {
	enum serpy_event_kind kind;
	uint64_t conn;
	struct serpy_value value;
	int mode;
	bool stale, last;
	uint64_t offset, total;
	uint64_t token;
	uint64_t lost, doubled, unreached;
	uint64_t bytes, cut;
	enum lan_err err;
	const char *reason; /* static text */
	const char *peer;   /* text given to open() */
	uint32_t connects, attempts;
	lan_time pause;
};

struct serpy_status {
	uint64_t conn;
	const char *peer;
	bool up, readable, held, closing;
	int in_mode, out_mode;
	uint32_t connects;
	lan_time since, last_rx;
	uint64_t rx_messages, tx_messages, rx_bytes, tx_bytes;
	uint64_t queued, queued_bytes, unacked, lost, doubled;
};

/* Zero in a field means its default, as documented in <lanyard/stream.h>. */
struct serpy_config {
	enum serpy_dialect dialect;
	bool server;
	uint32_t max_message, piece;
	bool pieces;
	uint32_t max_queue;
	enum serpy_full full;
	uint32_t max_events;
	uint64_t max_partial;
	lan_time frame_timeout;
	uint32_t max_conns;
	bool once;
	uint32_t retries;
	lan_time retry_min, retry_max;
	const char *encoding;
	bool resend;
	uint32_t window;
	lan_time confirm;
	bool resync;
};

struct serpy;

/* LAN_ERR_NOMEM, LAN_ERR_INVAL (a value outside its range, an unknown encoding), LAN_ERR_NOTSUP (dialect).
 * `env` and what it points to must outlive the core; `cfg` is borrowed during the call. */
LAN_WUR enum lan_err serpy_new(const struct lan_env *env, const struct serpy_config *cfg, struct serpy **out);
void serpy_free(struct serpy *s);             /* data lent to it are released by serpy_give_up first */
void serpy_give_up(struct serpy *s);          /* all messages: then serpy_released has all data */
extern const struct lan_stream_ops serpy_ops; /* of both roles */

/* The application's side: as the functions of <lanyard/stream.h> of these names. *why (never NULL after an
 * error): a sentence, static text, "" if the error says it all. */
bool serpy_event(struct serpy *s, lan_time now, struct serpy_event *ev);
bool serpy_next(struct serpy *s, lan_time now, uint64_t conn, struct serpy_event *ev);
LAN_WUR enum lan_err serpy_send(struct serpy *s, lan_time now, uint64_t conn, const struct serpy_value *value,
	const struct serpy_how *how, uint64_t *token, const char **why);
LAN_WUR enum lan_err serpy_send_ref(struct serpy *s, lan_time now, uint64_t conn, const void *data,
	size_t len, void (*release)(void *ctx), void *ctx, uint64_t *token, const char **why);
/* Data that were given up or sent: call release(ctx). False: none (left). To be asked after every call that
 * may end a message, and before serpy_free. */
bool serpy_released(struct serpy *s, void (**release)(void *ctx), void **ctx);
/* Was so much memory given back that the allocator may well give it to the system? True once. */
bool serpy_rested(struct serpy *s);
LAN_WUR enum lan_err serpy_blob_begin(struct serpy *s, lan_time now, uint64_t conn, uint64_t size,
	uint32_t sum, const struct serpy_how *how, uint64_t *token, const char **why);
LAN_WUR enum lan_err serpy_blob_write(
	struct serpy *s, lan_time now, uint64_t conn, const void *data, size_t n, size_t *took);
LAN_WUR enum lan_err serpy_blob_end(struct serpy *s, lan_time now, uint64_t conn);
LAN_WUR enum lan_err serpy_ask(struct serpy *s, lan_time now, uint64_t conn);
LAN_WUR enum lan_err serpy_hold(struct serpy *s, lan_time now, uint64_t conn, bool hold);
LAN_WUR enum lan_err serpy_finish(struct serpy *s, lan_time now, uint64_t conn);
LAN_WUR enum lan_err serpy_drop(struct serpy *s, lan_time now, uint64_t conn);
uint64_t serpy_pending(const struct serpy *s);
LAN_WUR enum lan_err serpy_status(const struct serpy *s, uint64_t conn, struct serpy_status *out);
bool serpy_conn(const struct serpy *s, size_t i, struct serpy_status *out);
size_t serpy_conns(const struct serpy *s);
const struct serpy_counters *serpy_counters(const struct serpy *s);

#endif
