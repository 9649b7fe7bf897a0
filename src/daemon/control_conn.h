/*
 * control_conn.h - one connection to the control socket, as the files of the
 * control server see it.
 *
 * Output is one buffer. Replies may grow it past its bound (then no further
 * request is taken until it is drained); events may not: what does not fit is
 * counted per watcher and reported there.
 */
#ifndef LANYARDD_CONTROL_CONN_H
#define LANYARDD_CONTROL_CONN_H

#include "daemon/control.h"

/* One open stream of events. */
struct watcher {
	json_int_t request;
	/* Filters; NULL: all. */
	const char *family; /* static text, as in struct event */
	char *name, *id;
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
	struct watcher watcher[CONTROL_WATCHERS_MAX];
	size_t watchers;
	struct pending *sends; /* link.send waiting for acknowledgement */
	size_t n_sends;
	struct asking *asks; /* requests to slaves of sensors */
	size_t n_asks;
};

/* control.c */
size_t conn_waiting(const struct conn *conn); /* bytes of output */
/* `json` and a newline go out; flushed at the end of the turn. */
void conn_put(struct conn *conn, const char *json, size_t len);
void conn_flush(struct conn *conn);
/* Close now; the storage is freed by the loop. */
void conn_close(struct conn *conn, const char *reason);

/* control_watch.c: events to this request from now on, of a family (NULL: all), of one of it, of one id
 * there. False: answered with an error. */
bool watch_open(struct request *r, const char *family, const char *name, const char *id);
bool watcher_has(const struct conn *conn, json_int_t id);
/* What is kept from number `first` on, past the bound: it was asked for. */
void watcher_backlog(struct conn *conn, json_int_t id, const struct events *e, size_t first);
void watcher_feed(struct conn *conn, struct watcher *w, const struct event *ev);
void watchers_report_dropped(struct conn *conn);
/* Would another n bytes fit into the bound of the output? And a line {"id":id,"WHAT":JSON}. */
bool watch_fits(const struct conn *conn, size_t n);
void watch_put(struct conn *conn, json_int_t id, const char *what, const char *json, size_t len);
void watcher_end(struct conn *conn, struct watcher *w, const char *reason);
void watchers_end(struct conn *conn, const char *reason);
void watchers_fini(struct conn *conn);
/* Streams of events that are open on all connections. */
size_t watchers_open(const struct control *c);

/* control_send.c: forget the sends of a connection that is going. */
void sends_cancel(struct conn *conn);
bool sends_has(const struct conn *conn, json_int_t id);

/* control_sensor_ask.c: the same for requests to slaves. */
void asks_cancel(struct conn *conn);
bool asks_has(const struct conn *conn, json_int_t id);

#endif
