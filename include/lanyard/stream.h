/*
 * stream.h - typed messages and big blobs over TCP, for programs at lab
 * instruments: a server with many connections, or a client that connects again
 * by itself. The wires are those of the Python libraries serpy (`serpy1`: text
 * and objects in six modes, some acknowledged) and serpy2 (typed blocks with a
 * checksum), in both roles (docs/protocols/serpy.md). Man pages: liblanyard(3),
 * lanyard-stream(7).
 *
 * Nothing here blocks and nothing calls back into the application with data:
 * run the loop, then pull events with lan_stream_event until it returns false.
 * What is not pulled is not read: the peer's TCP stops, nobody's memory grows.
 *
 *      struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
 *      cfg.address = "0.0.0.0:8000";
 *      cfg.dialect = LAN_STREAM_SERPY2;
 *      if (lan_stream_serve(loop, &cfg, &s) == LAN_OK)
 *              for (;;) {
 *                      lan_loop_run(loop, LAN_NEVER);
 *                      while (lan_stream_event(s, &ev))
 *                              if (ev.kind == LAN_STREAM_MESSAGE)
 *                                      e = lan_stream_send(s, ev.conn, &ev.value, NULL, NULL);
 *              }
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_STREAM_H
#define LANYARD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>
#include <lanyard/stream_value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_stream;

enum lan_stream_dialect { LAN_STREAM_SERPY1 = 1, LAN_STREAM_SERPY2 = 2 }; /* both insecure */

/* How to send; zero in any field means its default, NULL all of them. */
struct lan_stream_how {
	size_t size;      /* sizeof(struct lan_stream_how): set by the INIT macro */
	int mode;         /* serpy1: 0..5, changed as the original changes it: BYTES go in mode 2 or 3, OBJECT
			     in 4 or 5. 1, 3 and 5 are acknowledged. serpy2: 0 */
	bool force;       /* serpy1: encode as above, but announce `mode` (the original's force_mode) */
	lan_time timeout; /* modes 1, 3, 5: LAN_STREAM_EXPIRED if not acknowledged after this; 0: never */
};
#define LAN_STREAM_HOW_INIT                           \
	{                                             \
		.size = sizeof(struct lan_stream_how) \
	}

/* What happens to a message that finds the queue of its connection full. */
enum lan_stream_full {
	LAN_STREAM_FULL_REFUSE = 0,   /* LAN_ERR_FULL; LAN_STREAM_WRITABLE follows */
	LAN_STREAM_FULL_DROP_OLD = 1, /* the oldest not yet being sent make room, LAN_STREAM_LOST says so */
	LAN_STREAM_FULL_DROP_NEW = 2  /* LAN_OK, but it is not queued: LAN_STREAM_LOST says so */
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_stream_config {
	size_t size;                     /* sizeof(struct lan_stream_config): set by the INIT macro */
	const char *address;             /* serve: ADDR:PORT to listen on, default "0.0.0.0:8000"
					    connect: HOST:PORT of the server, default port 8000 */
	enum lan_stream_dialect dialect; /* has no default */
	uint32_t max_message; /* longest message in one event, or sent, bytes; default 16 MiB, most 1 GiB */
	bool pieces;    /* longer bytes are handed out as LAN_STREAM_PIECE, in constant memory. Otherwise a
			   longer message ends its connection */
	uint32_t piece; /* with `pieces`: bytes longer than this come in pieces; default max_message */
	uint32_t max_queue; /* bytes queued towards one connection before it is full; default 1 MiB. A
			       message always fits into an empty queue */
	enum lan_stream_full full;
	uint32_t max_events;    /* received bytes held until pulled, over all connections; default 4 MiB,
				   at least 256 KiB */
	uint64_t max_partial;   /* bytes of unfinished messages over all connections; default 64 MiB, or
				   twice max_message if that is more: beyond, who holds most is ended */
	lan_time frame_timeout; /* a message that began and of which nothing came for so long ends the
				   connection; default 60 s; LAN_NEVER: none */
	lan_time dead_after;    /* a peer whose system does not answer for so long is gone (pulled cable);
				   default 20 s, at least 1 s; LAN_NEVER: left to the system */

	/* serve */
	uint32_t max_conns; /* connections at a time; default 16384; lowered to what descriptors allow */

	/* connect */
	bool once;          /* do not connect again after the connection ends or the first attempt fails */
	uint32_t retries;   /* attempts that may fail in a row before LAN_STREAM_GAVE_UP; 0: no limit */
	lan_time retry_min; /* first pause between attempts, default 20 ms (doubled each time, jittered) */
	lan_time retry_max; /* longest pause between attempts, default 5 s */

	/* serpy1 */
	const char *encoding; /* of text: "ascii", "utf-8" (default), "latin-1", "utf-16" */
	bool objects;         /* OBJECT events have `json` */
	bool resend;          /* connect: messages of modes 1, 3, 5 not acknowledged when the connection ended
				 are sent again (and may be doubled). Otherwise they are reported as lost */
	uint32_t window;      /* acknowledged messages under way at a time, 1..1024; default 16 */
	lan_time confirm;     /* ask the peer so often whether messages of modes 0, 2, 4 have arrived, by
				 setting the mode it has: at most what was sent since is then reported as
				 lost. 0: do not */

	/* serpy2 */
	bool resync; /* after bytes that are no message: skip to the next one, report LAN_STREAM_DAMAGED and
			go on. Otherwise they end the connection */
};
#define LAN_STREAM_CONFIG_INIT                           \
	{                                                \
		.size = sizeof(struct lan_stream_config) \
	}

enum lan_stream_event_kind {
	LAN_STREAM_UP = 1, /* a connection is up: conn, peer, connects */
	LAN_STREAM_DOWN, /* it ended, and all that came before is pulled: conn, peer, err, reason; cut: bytes
			    of an unfinished message that were thrown away */
	LAN_STREAM_MESSAGE, /* conn, value, mode */
	LAN_STREAM_PIECE,   /* part of long bytes: conn, value (BYTES), mode, offset, total, last. With err
			       (PROTO: checksum; CLOSED, RESET, ..: the connection ended) it is the last, has
			       no data, and what came before is worthless */
	LAN_STREAM_ACKED,   /* the peer acknowledged a message of mode 1, 3, 5: conn, token */
	LAN_STREAM_EXPIRED, /* its timeout passed before; no second event follows: conn, token */
	LAN_STREAM_LOST, /* conn, err, reason, lost, doubled, unreached. After the DOWN of a connection with
			    any, and from a full queue. err OK: the peer's system has all, and closed in good
			    order: most likely all arrived, but the wire does not say so */
	LAN_STREAM_DAMAGED,  /* input was thrown away and the connection goes on: conn, bytes, reason
				("checksum": one message; "garbage": with resync) */
	LAN_STREAM_REFUSED,  /* serve: a connection was turned away: peer, reason */
	LAN_STREAM_RETRY,    /* connect: an attempt failed, the next follows: err, reason, attempts, pause */
	LAN_STREAM_GAVE_UP,  /* connect: that was the last attempt: err, reason, attempts */
	LAN_STREAM_WRITABLE, /* after LAN_ERR_FULL: half of the queue is free again: conn */
	LAN_STREAM_SENT,     /* a blob, or what was lent, was handed to the kernel whole: conn, token */
	LAN_STREAM_ASKED     /* serpy2: the peer asks whether this end is Lanyard (lan_stream_ask): conn.
				Whoever has something to say to that sends a STR */
};

#define LAN_STREAM_UNKNOWN UINT64_MAX

/* value, peer and reason are views: they die when the next event is pulled, or the loop runs. */
struct lan_stream_event {
	enum lan_stream_event_kind kind;
	uint64_t conn; /* serve: 1.. in order of arrival, never used again. connect: 0 */
	struct lan_stream_value value;
	int mode;        /* serpy1: the mode it came in, 0..5 */
	bool stale;      /* serpy1: an original that connected again believes in a mode it did not announce:
			    acknowledged, but it may be base85 that nobody decoded */
	bool last;       /* PIECE */
	uint64_t offset; /* PIECE: of its first byte */
	uint64_t total;  /* PIECE: bytes of the whole, LAN_STREAM_UNKNOWN on serpy1 */
	uint64_t token;
	uint64_t lost;      /* messages sent of which nobody knows whether they arrived, and that are not
			       sent again; or that will never be sent */
	uint64_t doubled;   /* messages sent again although they may have arrived */
	uint64_t unreached; /* of these: those that the peer's system did not acknowledge */
	uint64_t bytes, cut;
	enum lan_err err;
	const char *reason; /* a word or short sentence, e.g. "closed by the peer" */
	const char *peer;   /* "192.0.2.7:49152" */
	uint32_t connects;  /* connect: connections so far, this one included */
	uint32_t attempts;  /* connect: failed in a row */
	lan_time pause;     /* connect: until the next attempt */
	lan_time at;
};

/* A snapshot of one connection. Counts are since it came up, on a client since it was opened. */
struct lan_stream_status {
	uint64_t conn;
	const char *peer; /* view */
	bool up;
	bool readable;         /* received bytes wait to be pulled */
	bool held;             /* see lan_stream_hold */
	bool closing;          /* see lan_stream_finish */
	int in_mode, out_mode; /* serpy1 */
	uint32_t connects;
	lan_time since, last_rx;                               /* loop clock; last_rx 0: nothing yet */
	uint64_t rx_messages, tx_messages, rx_bytes, tx_bytes; /* messages sent: handed to the kernel whole */
	uint64_t queued, queued_bytes;                         /* not yet handed to the kernel */
	uint64_t unacked;       /* serpy1: sent in an acknowledged mode, not acknowledged */
	uint64_t lost, doubled; /* sums of LAN_STREAM_LOST */
};

/* Open a server. *takes nothing*; `out` is untouched on failure.
 * LAN_ERR_ADDR, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_INVAL (a value out of range, an unknown encoding),
 * LAN_ERR_NOTSUP (dialect), LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_API LAN_WUR enum lan_err lan_stream_serve(
	struct lan_loop *loop, const struct lan_stream_config *cfg, struct lan_stream **out);

/* Open a client; it connects, and connects again, by itself. What is queued outlives its connections.
 * LAN_ERR_ADDR (not HOST:PORT), LAN_ERR_INVAL, LAN_ERR_NOTSUP, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_stream_connect(
	struct lan_loop *loop, const struct lan_stream_config *cfg, struct lan_stream **out);

/* Close all at once and free: see lan_stream_pending and lan_stream_finish first. NULL is fine. */
LAN_API void lan_stream_close(struct lan_stream *s);
/* Queue a message for a connection (client: 0). The value is borrowed and copied. `token` (may be NULL)
 * names it in later events: 1, 2, 3 .. on each connection.
 * LAN_ERR_FULL: wait for LAN_STREAM_WRITABLE. LAN_ERR_NOTFOUND: no such connection (any more).
 * LAN_ERR_CLOSED: it is being finished, or a client is done.
 * LAN_ERR_INVAL: a value the wire or mode cannot carry: an unknown type or mode; on serpy1 empty text in
 * modes 0, 2, 4, text with 0x1F or a leading 0x01 in modes 0 and 1, with 0x04 in mode 1 or at its end in mode
 * 0 (send it in mode 2 or 3); an array whose size does not fit its dtype and shape; JSON that is no object.
 * LAN_ERR_UTF8: STR is not UTF-8, or has characters that are not in the encoding. LAN_ERR_TOOBIG: over
 * max_message. LAN_ERR_AGAIN: a blob is being sent. LAN_ERR_NOTSUP: OBJECT on serpy2. LAN_ERR_NOMEM.
 * lan_stream_why says it in a sentence. */
LAN_API LAN_WUR enum lan_err lan_stream_send(struct lan_stream *s, uint64_t conn,
	const struct lan_stream_value *value, const struct lan_stream_how *how, uint64_t *token);

/* The same for large BYTES on serpy2 (elsewhere LAN_ERR_NOTSUP), without a copy: `data` must stay as it is
 * until release(ctx) is called, from inside the loop or a call of this header, once, when it is sent or given
 * up. *takes*: on failure, release is not called and the data are the caller's again. Errors of
 * lan_stream_send. */
LAN_API LAN_WUR enum lan_err lan_stream_send_ref(struct lan_stream *s, uint64_t conn, const void *data,
	size_t len, void (*release)(void *ctx), void *ctx, uint64_t *token);

/* A blob: bytes of any size, sent in constant memory, one blob at a time on a connection. serpy2 puts length
 * and checksum first: `size` is at most 4 GiB - 1 (LAN_ERR_TOOBIG) and `sum` is lan_stream_sum over all of
 * it. serpy1 (mode 2, or 3) needs neither: `size` may be LAN_STREAM_UNKNOWN, then lan_stream_blob_end ends
 * it. A connection that ends under a blob ends the blob: LAN_STREAM_LOST, and lan_stream_blob_write says
 * LAN_ERR_CLOSED. Errors of lan_stream_send. */
LAN_API LAN_WUR enum lan_err lan_stream_blob_begin(struct lan_stream *s, uint64_t conn, uint64_t size,
	uint32_t sum, const struct lan_stream_how *how, uint64_t *token);

/* The next bytes; *took of n were taken (the rest: when LAN_STREAM_WRITABLE says so).
 * LAN_ERR_FULL: none. LAN_ERR_CLOSED, LAN_ERR_TOOBIG (more than `size`), LAN_ERR_NOTFOUND, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_stream_blob_write(
	struct lan_stream *s, uint64_t conn, const void *data, size_t n, size_t *took);

/* Only needed where the size is unknown. LAN_ERR_INVAL: bytes are missing. LAN_ERR_CLOSED, LAN_ERR_NOTFOUND.
 */
LAN_API LAN_WUR enum lan_err lan_stream_blob_end(struct lan_stream *s, uint64_t conn);

/* serpy2: ask whether the peer is Lanyard, behind all that is queued: 13 bytes that an original keeps waiting
 * for more and never tells its program. Until the peer sends a message nothing more may be sent on this
 * connection (LAN_ERR_AGAIN): an original would throw it away. LAN_ERR_NOTSUP (serpy1), LAN_ERR_NOTFOUND,
 * LAN_ERR_AGAIN, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_stream_ask(struct lan_stream *s, uint64_t conn);

/* Pull the next event of any connection that is not held. False: none left. Pulling also acknowledges, and
 * lets the stream read on. */
LAN_API bool lan_stream_event(struct lan_stream *s, struct lan_stream_event *ev);

/* Pull the next event of one connection, held or not. False: none left, or no such connection. */
LAN_API bool lan_stream_next(struct lan_stream *s, uint64_t conn, struct lan_stream_event *ev);

/* Hold a connection: lan_stream_event hands out nothing that came over it, nor its end, and no more than a
 * buffer of it is read, until it is let go; its peer's TCP stops. LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_stream_hold(struct lan_stream *s, uint64_t conn, bool hold);

/* Close a connection once all that is queued has been sent (conn 0 on a server: all of them). A client does
 * not connect again. LAN_STREAM_DOWN follows. LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_stream_finish(struct lan_stream *s, uint64_t conn);

/* Close a connection at once (conn 0 on a server: all of them); a client connects again. LAN_STREAM_DOWN
 * follows. LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_stream_drop(struct lan_stream *s, uint64_t conn);

/* serve: accept no more. */
LAN_API void lan_stream_stop(struct lan_stream *s);

/* Messages not yet handed to the kernel, or not yet acknowledged, over all connections. 0: all done. */
LAN_API uint64_t lan_stream_pending(const struct lan_stream *s);
/* Bytes handed to the kernel that the peers' systems have not acknowledged. Nothing tells when it is 0. */
LAN_API uint64_t lan_stream_under_way(const struct lan_stream *s);

/* Status of one connection (client: 0). LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_stream_status(
	const struct lan_stream *s, uint64_t conn, struct lan_stream_status *out);

/* Status of connection number i (0..), oldest first; a client has one. False past the end. */
LAN_API bool lan_stream_conn(const struct lan_stream *s, size_t i, struct lan_stream_status *out);

/* How many connections there are. */
LAN_API size_t lan_stream_conns(const struct lan_stream *s);

/* Counters with reasons, number i (0..): its name, what it means, its value; false past the end. */
LAN_API bool lan_stream_counter(
	const struct lan_stream *s, size_t i, const char **name, const char **help, uint64_t *value);

/* A server's own address, with the real port where 0 was asked for; a client's server. View until close. */
LAN_API const char *lan_stream_address(const struct lan_stream *s);

/* Why the last lan_stream_send, _send_ref, _blob_begin or lan_stream_as_array in this thread failed, as a
 * sentence; "" if there is nothing to add to the error. Static or thread-local text. */
LAN_API const char *lan_stream_why(void);

/* "message", "up", ..: the kind as a word, for logs and JSON. Static text. */
LAN_API const char *lan_stream_event_name(enum lan_stream_event_kind kind);
/* "serpy1", "serpy2"; static text. */
LAN_API const char *lan_stream_dialect_name(enum lan_stream_dialect dialect);

/* Have `fn(ctx)` called in the loop when events came. It may call all but lan_stream_close and the loop. */
LAN_API void lan_stream_on_ready(struct lan_stream *s, void (*fn)(void *ctx), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
