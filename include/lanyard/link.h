/*
 * link.h - the resilient line link: a server and its clients exchange lines of
 * text over TCP and keep them through outages. The wire is micropython-iot's
 * (docs/protocols/iot.md), in both roles. Man pages: liblanyard(3),
 * lanyard-link(7).
 *
 * Nothing here blocks and nothing calls back into the application with data:
 * run the loop, then pull events with lan_link_event until it returns false.
 * While events are left unpulled, the link stops acknowledging and reading
 * (back-pressure); lines are acknowledged to the peer when they are pulled.
 *
 *      struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
 *      cfg.address = "0.0.0.0:8123";
 *      if (lan_link_serve(loop, &cfg, &link) == LAN_OK)
 *              for (;;) {
 *                      lan_loop_run(loop, LAN_NEVER);
 *                      while (lan_link_event(link, &ev))
 *                              handle(&ev);
 *              }
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_LINK_H
#define LANYARD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_link;

/* Flags of lan_link_write. LAN_LINK_QOS: kept and sent again until the peer
 * acknowledges it. LAN_LINK_WAIT (with QOS): sent only when every earlier line
 * is acknowledged, and no later line is sent before this one is: order holds
 * whatever the network does. Neither: sent once, when the peer is up. */
enum { LAN_LINK_QOS = 1, LAN_LINK_WAIT = 2 };

/* What a server does when a client connects with the id of one that is up. */
enum lan_link_dup {
	LAN_LINK_DUP_SILENT = 0, /* replace the old one when it was silent for timeout/2, else refuse */
	LAN_LINK_DUP_REFUSE = 1, /* the old connection wins (what the original does) */
	LAN_LINK_DUP_REPLACE = 2 /* the new connection wins */
};

/* What a client does when its very first attempt fails. */
enum lan_link_first {
	LAN_LINK_FIRST_RETRY = 0,  /* report LAN_LINK_FIRST_FAILED and keep trying */
	LAN_LINK_FIRST_GIVE_UP = 1 /* report it and stay closed (what the original's defaults do) */
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_link_config {
	size_t size;         /* sizeof(struct lan_link_config): set by the INIT macro */
	const char *address; /* serve: ADDR:PORT to listen on, default "0.0.0.0:8123";
				connect: HOST:PORT of the server, default port 8123 */
	const char *id;      /* connect: this client's id, 1..255 bytes of UTF-8 without control characters */
	lan_time timeout;    /* T of the wire, both ends alike; default 2 s; 100 ms .. 1 h */
	const char *const
		*expect; /* serve: ids expected (n_expect of them); others are served and reported */
	size_t n_expect;
	enum lan_link_dup dup;     /* serve */
	enum lan_link_first first; /* connect */
	uint32_t window;           /* unacknowledged lines towards one peer, 1..100;
				      default 16 as a server (an original client queues 20), 100 as a client */
	uint32_t max_line;         /* longest payload accepted or sent, bytes; default 1 MiB */
	uint32_t max_queue;        /* bytes queued towards one peer before LAN_ERR_FULL; default 1 MiB */
	uint32_t max_events;       /* bytes of received lines held until pulled; default 1 MiB */
	uint64_t max_partial;      /* serve: bytes of unfinished lines over all clients; default 64 MiB, or
				    twice max_line if that is more */
	uint32_t max_clients;      /* serve: ids remembered; default 16384 */
	uint32_t max_handshakes;   /* serve: connections that have not sent their id yet; default 16384;
				    lowered to half of the descriptors this process may open */
	lan_time hold_off;         /* serve: from a foreign client's first bytes to the first line sent to it;
				      default 200 ms (ESP8266 needs it); LAN_NEVER means none */
	lan_time retry_min;        /* connect: first pause between attempts, default 20 ms (jittered) */
	lan_time retry_max;        /* connect: longest pause between attempts, default 5 s */
	bool heartbeat;            /* report each keepalive as LAN_LINK_HEARTBEAT */
	bool only_expected;        /* serve: refuse ids that are not in expect */
};
#define LAN_LINK_CONFIG_INIT                           \
	{                                              \
		.size = sizeof(struct lan_link_config) \
	}

enum lan_link_event_kind {
	LAN_LINK_UP = 1,       /* peer can be talked to: id, connects, expected, peer */
	LAN_LINK_DOWN,         /* connection ended: id, err, reason. Queued qos lines stay queued */
	LAN_LINK_MESSAGE,      /* a line: id, line/len (without LF; NUL-terminated) */
	LAN_LINK_ACKED,        /* the peer acknowledged the line of `token`: id, token */
	LAN_LINK_LOST,         /* a line written without QOS may not have arrived: id, token */
	LAN_LINK_REFUSED,      /* serve: a connection was turned away: reason, peer, id if it gave one;
				  connect: the server closed without a word (id in use?): reason */
	LAN_LINK_ALL_UP,       /* serve: every expected id has connected at least once */
	LAN_LINK_FIRST_FAILED, /* connect: the first attempt failed: err, reason */
	LAN_LINK_RETRY,        /* connect: an attempt failed, the next is on its way: err, reason */
	LAN_LINK_HEARTBEAT,    /* a keepalive arrived: id (only with config.heartbeat) */
	LAN_LINK_WRITABLE      /* after LAN_ERR_FULL: half of the queue is free again: id */
};

/* id, line, reason and peer are views: they die at the next call on the link. */
struct lan_link_event {
	enum lan_link_event_kind kind;
	const char *id;
	const char *line;
	size_t len;
	uint64_t token;
	enum lan_err err;
	const char *reason; /* a word or short sentence, e.g. "timeout" */
	uint32_t connects;  /* TCP connections of this id so far, the first included */
	bool expected;
	const char *peer; /* "192.0.2.7:49152" */
	lan_time at;
};

/* A snapshot. Counts are since the link was opened. id and peer are views. */
struct lan_link_status {
	const char *id;
	const char *peer; /* "" while down */
	bool up;
	bool expected;
	uint32_t connects;
	lan_time since;   /* moment of the last change of `up` (loop clock) */
	lan_time last_rx; /* moment of the last byte received, 0 if none */
	uint32_t queued;  /* lines written and not yet acknowledged or sent for good */
	uint32_t unacked; /* of these, sent and waiting for the acknowledgement */
	uint64_t queued_bytes;
	uint64_t rx_lines, tx_lines, rx_dups, tx_again, tx_lost, rx_bytes, tx_bytes;
	lan_time rtt; /* last time from first sending a line to its acknowledgement; 0 unknown */
};

/* Open a server. *takes nothing*; `out` is untouched on failure.
 * LAN_ERR_ADDR, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_INVAL, LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_API LAN_WUR enum lan_err lan_link_serve(
	struct lan_loop *loop, const struct lan_link_config *cfg, struct lan_link **out);

/* Open a client; it connects, and reconnects for ever, by itself.
 * LAN_ERR_ADDR (not HOST:PORT), LAN_ERR_INVAL (id), LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_link_connect(
	struct lan_loop *loop, const struct lan_link_config *cfg, struct lan_link **out);

/* Close at a line boundary where possible and free. Queued lines are gone:
 * see lan_link_pending first. NULL is fine. */
LAN_API void lan_link_close(struct lan_link *l);

/* Queue a line for a peer (id: NULL on a client). `line` is borrowed, `len`
 * bytes of UTF-8, 1..max_line, no LF, CR or NUL in it; a trailing LF is not
 * counted as part of it. `token` (may be NULL) names it in LAN_LINK_ACKED.
 * LAN_ERR_FULL: queue at its bound, wait for LAN_LINK_WRITABLE.
 * LAN_ERR_NOTFOUND: a server has never seen that id (and does not expect it).
 * LAN_ERR_INVAL (empty; LF, CR or NUL inside), LAN_ERR_UTF8, LAN_ERR_TOOBIG, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_link_write(
	struct lan_link *l, const char *id, const char *line, size_t len, unsigned flags, uint64_t *token);

/* Pull the next event. False: none left. Pulling also lets the link read on. */
LAN_API bool lan_link_event(struct lan_link *l, struct lan_link_event *ev);

/* Lines not yet acknowledged (qos) or sent (others), over all peers. 0: all done. */
LAN_API size_t lan_link_pending(const struct lan_link *l);

/* Status of one peer (id: NULL on a client). LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_link_status(
	const struct lan_link *l, const char *id, struct lan_link_status *out);

/* Status of peer number i (0..), in order of first appearance; false past the end. */
LAN_API bool lan_link_peer(const struct lan_link *l, size_t i, struct lan_link_status *out);

/* How many of the expected ids have never connected. */
LAN_API size_t lan_link_missing(const struct lan_link *l);

/* Counters with reasons, number i (0..): its name, what it means, its value; false past the end. */
LAN_API bool lan_link_counter(
	const struct lan_link *l, size_t i, const char **name, const char **help, uint64_t *value);

/* Drop the connection of a peer (it may come back). LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_link_drop(struct lan_link *l, const char *id);

/* The address in use: a server's own ("0.0.0.0:8123", the real port where 0
 * was asked for), a client's server. View, valid until close. */
LAN_API const char *lan_link_address(const struct lan_link *l);

/* Have `fn(ctx)` called, from inside the loop, whenever events became
 * available. It may call anything but lan_link_close and the loop. */
LAN_API void lan_link_on_ready(struct lan_link *l, void (*fn)(void *ctx), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
