/*
 * control_conn.h - one connection to the control socket, as the files of the
 * control server see it.
 *
 * Output is one buffer. Replies may grow it past its bound (then no further
 * request is taken until it is drained); events may not: what does not fit is
 * counted per stream and reported there.
 */
#ifndef LANYARDD_CONTROL_CONN_H
#define LANYARDD_CONTROL_CONN_H

#include "daemon/control.h"

struct stream {
	json_int_t id;
	/* Filters; NULL: all; link "", channel "": whatever concerns any link, any channel. */
	char *link, *peer, *channel;
	uint64_t dropped;
	bool used;
};

struct conn {
	struct conn *prev, *next;
	struct control *c;
	struct lan_watch watch;
	struct lan_task more;      /* lines wait in `in`, or the connection is to be closed */
	struct lan_deadline stall; /* output waits and nobody takes it */
	struct text in, out;
	size_t out_off; /* sent already */
	uid_t uid;
	bool admin;
	bool eof;     /* the other end will not ask any more */
	bool closing; /* close as soon as the output is gone */
	bool dead;    /* closed; the storage waits for the loop */
	lan_time last_active;
	struct stream stream[CONTROL_STREAMS_MAX];
	size_t streams;
	struct pending *sends; /* link.send waiting for acknowledgement */
	size_t n_sends;
};

/* control.c */
size_t conn_waiting(const struct conn *conn); /* bytes of output */
/* `json` and a newline go out; flushed at the end of the turn. */
void conn_put(struct conn *conn, const char *json, size_t len);
void conn_flush(struct conn *conn);
/* Close now; the storage is freed by the loop. */
void conn_close(struct conn *conn, const char *reason);

/* control_stream.c. False: too many. Copies the names. */
bool stream_add(struct conn *conn, json_int_t id, const char *link, const char *peer, const char *channel);
bool stream_has(const struct conn *conn, json_int_t id);
/* What is kept from number `first` on, past the bound: it was asked for. */
void stream_backlog(struct conn *conn, json_int_t id, const struct events *e, size_t first);
void stream_feed(struct conn *conn, struct stream *s, const struct event *ev);
void streams_report_dropped(struct conn *conn);
void stream_end(struct conn *conn, struct stream *s, const char *reason);
void streams_end(struct conn *conn, const char *reason);
void streams_fini(struct conn *conn);

/* control_send.c: forget the sends of a connection that is going. */
void sends_cancel(struct conn *conn);
bool sends_has(const struct conn *conn, json_int_t id);

#endif
