/*
 * server.h - the inside of the server core, shared by server.c (admission and
 * bytes), server_conn.c (wants, clocks, endings) and server_peers.c (ids: lines,
 * events, status).
 *
 * A peer is an id and lives for ever; a conn is one TCP stream and belongs to
 * nobody (handshake) or to one peer (attached). What an idle client costs is a
 * conn, a peer, a timer and two table entries; buffers, dedup record and outbox
 * come with the first line.
 */
#ifndef LAN_PROTO_IOT_SERVER_H
#define LAN_PROTO_IOT_SERVER_H

#include "base/map.h"
#include "base/timers.h"
#include "proto/iot/inbox.h"
#include "proto/iot/iot.h"
#include "proto/iot/outbox.h"
#include "proto/iot/seen.h"
#include "proto/iot/stream.h"

enum conn_state { CONN_HANDSHAKE, CONN_ATTACHED, CONN_CLOSING /* the driver is yet to be told */, CONN_GONE };
enum conn_hold { HOLD_UNTIL_BYTES, HOLD_UNTIL_TIME, HOLD_OPEN };
enum { WANT_SEND_BIT = 1, WANT_READ_BIT = 2, WANT_CLOSE_BIT = 4 };

struct iot_conn {
	struct iot_stream stream;
	union {
		lan_time hold_at; /* attached */
		struct {
			uint32_t older, newer; /* handshake: the list by age */
		};
	};
	struct lan_timer timer;
	uint32_t index, next; /* own number; next in the list of wants */
	uint32_t peer;
	uint32_t charged; /* bytes of stream.part counted in iot_server.partial */
	uint8_t state, hold, wants, greeting;
	bool listed, paused; /* in the list of wants; room() said 0 */
	char name[];
};

struct iot_peer {
	struct iot_outbox *outbox;
	struct iot_seen *seen;
	lan_time since, rx_at;
	uint64_t rx_bytes, tx_bytes;
	uint32_t conn, gen, connects;
	bool expected, owe_down;
	char id[];
};

struct iot_server {
	struct lan_env env;
	struct iot_config cfg;
	struct iot_counters count;
	struct iot_inbox inbox;
	struct lan_timers timers;
	struct lan_map ids;
	uint64_t seed[2];
	struct iot_conn **conns;
	uint32_t *free_conns;
	struct iot_peer **peers;
	uint32_t n_conns, cap_conns, n_free, n_peers, cap_peers;
	uint32_t want_head, want_tail;
	uint32_t oldest, newest, n_handshakes;
	uint32_t gen, n_paused, resume_at, since_resume, missing, n_owed;
	uint64_t partial;
	uint8_t *scratch;
	char claimed[IOT_ID_MAX + 1]; /* the id of the stream whose id line is being looked at, else "" */
};

/* server.c */
void iot_conn_pump(struct iot_server *s, lan_time now, struct iot_conn *c);
void iot_server_resume(struct iot_server *s, lan_time now); /* reading, after the inbox was drained */

/* server_conn.c */
void iot_conn_want(struct iot_server *s, struct iot_conn *c, uint8_t bits);
void iot_conn_await_id(struct iot_server *s, struct iot_conn *c); /* into the list of those without an id */
void iot_conn_have_id(struct iot_server *s, struct iot_conn *c);  /* out of it */
lan_time iot_conn_deadline(const struct iot_server *s, const struct iot_conn *c);
void iot_conn_arm(struct iot_server *s, struct iot_conn *c); /* if the deadline came nearer */
void iot_conn_leave(
	struct iot_server *s, lan_time now, struct iot_conn *c, const char *reason, enum lan_err err);
void iot_conn_end(
	struct iot_server *s, lan_time now, struct iot_conn *c, enum iot_counter why, enum lan_err err);
void iot_conn_free(struct iot_server *s, struct iot_conn *c);
bool iot_server_want(void *core, struct lan_want *w);
void iot_server_tick(void *core, lan_time now);
lan_time iot_server_deadline(const void *core);

/* server_peers.c */
struct iot_conn *iot_peer_conn(const struct iot_server *s, const struct iot_peer *p); /* NULL: down */
LAN_WUR enum lan_err iot_peer_add(struct iot_server *s, const char *id, size_t n, uint32_t *index);
LAN_WUR enum lan_err iot_peer_up(struct iot_server *s, lan_time now, uint32_t index, struct iot_conn *c);
void iot_peer_down(struct iot_server *s, lan_time now, uint32_t index, const char *reason, enum lan_err err);
void iot_peer_room(struct iot_server *s, uint32_t index); /* tell who waits for room */
void iot_peer_lost(
	struct iot_server *s, lan_time now, uint32_t index, bool all); /* tell of lines without qos */
enum iot_take iot_peer_line(
	struct iot_server *s, lan_time now, struct iot_conn *c, const uint8_t *p, size_t n);

#endif
