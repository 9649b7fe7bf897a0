/*
 * iot.h - the micropython-iot line link: two pure cores, server and client.
 *
 * The wire is described in docs/protocols/iot.md. Both cores share the codec
 * (line.c) and the exchange of numbered lines with acknowledgements (peer.c);
 * the server adds ids, admission and many streams, the client adds dialling.
 *
 * Both implement struct lan_stream_ops (proto.h). Lines are acknowledged when
 * their event is pulled, so an acknowledgement means "the application has it".
 * Refused: anything that is not the grammar of section 2.2, with a counter and
 * the end of that one connection.
 */
#ifndef LAN_PROTO_IOT_H
#define LAN_PROTO_IOT_H

#include "proto/proto.h"

#define IOT_ID_MAX 255 /* bytes of an id, without LF */
#define IOT_WINDOW_MAX                                                                          \
	100 /* with what a path may delay, within the 150 ids a receiver of ours remembers; the \
	       original forgets after 120..127 */

/* Flags of a written line; the values of LAN_LINK_QOS and LAN_LINK_WAIT. */
enum { IOT_QOS = 1, IOT_WAIT = 2 };

enum iot_dup { IOT_DUP_SILENT, IOT_DUP_REFUSE, IOT_DUP_REPLACE };

/* Every counter: name, help. Refusals and losses each have their own. */
#define IOT_COUNTERS(X)                                                                \
	X(rx_lines, "message lines received and delivered")                            \
	X(rx_acks, "acknowledgements received")                                        \
	X(rx_keepalives, "keepalives received")                                        \
	X(rx_bytes, "bytes received")                                                  \
	X(tx_lines, "message lines sent for the first time")                           \
	X(tx_again, "message lines sent again")                                        \
	X(tx_acks, "acknowledgements sent")                                            \
	X(tx_keepalives, "keepalives sent")                                            \
	X(tx_bytes, "bytes sent")                                                      \
	X(tx_lost, "lines without qos that may not have arrived")                      \
	X(rx_dups, "duplicate lines acknowledged and dropped")                         \
	X(rx_restarts, "restarts of a peer noticed by its line 00")                    \
	X(rx_stray_acks, "acknowledgements of nothing outstanding")                    \
	X(accepted, "connections accepted")                                            \
	X(admitted, "connections whose id was accepted")                               \
	X(closed_by_peer, "connections ended by the peer")                             \
	X(dial_failed, "attempts to connect that failed")                              \
	X(refused_by_server, "connections the server closed before its first line")    \
	X(end_timeout, "connections ended: no byte for a timeout")                     \
	X(end_stalled, "connections ended: no progress in sending for a timeout")      \
	X(end_bad_line, "connections ended: line does not start with two hex digits")  \
	X(end_utf8, "connections ended: line is not UTF-8")                            \
	X(end_long_line, "connections ended: line longer than max_line")               \
	X(end_partial_budget, "connections ended: unfinished lines over max_partial")  \
	X(end_memory, "connections ended: out of memory")                              \
	X(end_dropped, "connections ended by the application")                         \
	X(id_timeout, "connections ended: no id line in time")                         \
	X(id_long, "connections ended: id line too long")                              \
	X(id_bad, "connections ended: id empty, with control characters or not UTF-8") \
	X(id_duplicate, "connections refused: id is up already")                       \
	X(id_replaced, "old connections replaced by a new one of the same id")         \
	X(id_unexpected, "connections of ids that are not expected")                   \
	X(id_unexpected_refused, "connections refused: id is not expected")            \
	X(handshakes_full, "connections refused: too many without an id")              \
	X(clients_full, "connections refused: too many ids")                           \
	X(events_dropped, "events dropped because the application did not pull: heartbeats, refusals, ...")

enum iot_counter {
#define X(name, help) IOT_C_##name,
	IOT_COUNTERS(X)
#undef X
		IOT_C_N
};
struct iot_counters {
	uint64_t v[IOT_C_N];
};
const char *iot_counter_name(enum iot_counter c);
const char *iot_counter_help(enum iot_counter c);

enum iot_event_kind {
	IOT_UP = 1,
	IOT_DOWN,
	IOT_MESSAGE,
	IOT_ACKED,
	IOT_LOST,
	IOT_REFUSED,
	IOT_ALL_UP,
	IOT_FIRST_FAILED,
	IOT_RETRY,
	IOT_HEARTBEAT,
	IOT_WRITABLE
}; /* the values of enum lan_link_event_kind, see there */

/* All pointers are views: they die at the next call on the core. */
struct iot_event {
	enum iot_event_kind kind;
	const char *id;   /* NUL-terminated; "" where there is none */
	const char *peer; /* text given to open() */
	const char *line; /* NUL-terminated, len bytes before the NUL */
	size_t len;
	uint64_t token;
	enum lan_err err;
	const char *reason; /* a counter's name or "closed", "reset", ... */
	uint32_t connects;
	bool expected;
	uint8_t mid;
};

struct iot_status {
	const char *id, *peer;
	bool up, expected;
	uint32_t connects;
	lan_time since, last_rx, rtt;
	uint32_t queued, unacked;
	uint64_t queued_bytes;
	uint64_t rx_lines, tx_lines, rx_dups, tx_again, tx_lost, rx_bytes, tx_bytes;
};

/* Zero in a field means its default, as documented in <lanyard/link.h>. */
struct iot_config {
	lan_time timeout;
	uint32_t window, max_line, max_queue, max_events;
	bool heartbeat;
	/* server */
	const char *const *expect;
	size_t n_expect;
	bool only_expected;
	enum iot_dup dup;
	uint64_t max_partial;
	uint32_t max_clients, max_handshakes;
	lan_time hold_off; /* LAN_NEVER: none */
	/* client */
	const char *id;
	bool give_up_first;
	lan_time retry_min, retry_max;
};

struct iot_server;
struct iot_client;

/* LAN_ERR_NOMEM, LAN_ERR_INVAL (a value outside its range, a bad id). `env` and
 * what it points to must outlive the core; `cfg` is borrowed during the call. */
LAN_WUR enum lan_err iot_server_new(
	const struct lan_env *env, const struct iot_config *cfg, struct iot_server **out);
void iot_server_free(struct iot_server *s);
extern const struct lan_stream_ops iot_server_ops;
bool iot_server_event(struct iot_server *s, lan_time now, struct iot_event *ev);
LAN_WUR enum lan_err iot_server_write(struct iot_server *s, lan_time now, const char *id, const char *line,
	size_t len, unsigned flags, uint64_t *token);
LAN_WUR enum lan_err iot_server_drop(struct iot_server *s, lan_time now, const char *id);
size_t iot_server_pending(const struct iot_server *s); /* lines not done, over all clients */
LAN_WUR enum lan_err iot_server_status(const struct iot_server *s, const char *id, struct iot_status *out);
bool iot_server_peer(const struct iot_server *s, size_t i, struct iot_status *out);
size_t iot_server_missing(const struct iot_server *s);
const struct iot_counters *iot_server_counters(const struct iot_server *s);

LAN_WUR enum lan_err iot_client_new(
	const struct lan_env *env, const struct iot_config *cfg, struct iot_client **out);
void iot_client_free(struct iot_client *c);
extern const struct lan_stream_ops iot_client_ops;
bool iot_client_event(struct iot_client *c, lan_time now, struct iot_event *ev);
LAN_WUR enum lan_err iot_client_write(
	struct iot_client *c, lan_time now, const char *line, size_t len, unsigned flags, uint64_t *token);
LAN_WUR enum lan_err iot_client_drop(struct iot_client *c, lan_time now);
size_t iot_client_pending(const struct iot_client *c);
void iot_client_status(const struct iot_client *c, struct iot_status *out);
const struct iot_counters *iot_client_counters(const struct iot_client *c);

#endif
