/*
 * control.h - the control socket: docs/control.md, the server side.
 *
 * Files: control_socket.c makes the socket, control.c moves bytes,
 * control_request.c takes a line apart and answers, control_watch.c feeds the
 * watchers, control_link.c,
 * control_channel.c and control_daemon.c hold the verbs.
 */
#ifndef LANYARDD_CONTROL_H
#define LANYARDD_CONTROL_H

#include <jansson.h>
#include <sys/types.h>
#include "daemon/channels.h"
#include "daemon/events.h"
#include "daemon/links.h"
#include "daemon/neighbors.h"
#include "daemon/sensors.h"
#include "daemon/streams.h"
#include "io/watch.h"

#define CONTROL_VERSION      1
#define CONTROL_LINE_MAX     (2u << 20)
#define CONTROL_CLIENTS_MAX  64
#define CONTROL_WATCHERS_MAX 16
#define CONTROL_SENDS_MAX    256
#define CONTROL_OUTPUT_MAX   (1u << 20)
#define CONTROL_IDLE_MIN     LAN_SEC(10)
#define CONTROL_STALL_MAX    LAN_SEC(60)

struct daemon;
struct conn;

struct control {
	struct daemon *d;
	struct lan_loop *loop;
	struct lan_watch accept;
	struct lan_deadline again; /* accepting resumes after a lack of descriptors */
	char *path;
	int fd, lock;
	bool open, draining;
	unsigned closing; /* handles the loop has not let go of yet */
	struct conn *first;
	size_t n; /* connections */
	uint64_t requests, errors, refused, accepted, dropped;
};

/* One line that was asked. */
struct request {
	struct control *c;
	struct conn *conn;
	json_int_t id;
	bool has_id;
	json_t *args;
};

/* Make the socket and serve; c->d is set already. False: `what` says why. `path` is copied. */
bool control_open(struct control *c, struct lan_loop *loop, const char *path, struct text *what);
/* No new requests from now on; watchers end with "shutdown"; open sends go on. */
void control_drain(struct control *c);
/* Remove the socket, hand over what output can be, close everything. Runs the loop a little. */
void control_close(struct control *c);
/* For events_new: feeds the watchers. ctx is the struct control. */
void control_on_event(void *ctx, const struct event *ev);
/* The watchers of this one of a family ("link") end. */
void control_removed(struct control *c, const char *family, const char *name);

/* --- control_request.c ---------------------------------------------------- */

void control_line(struct control *c, struct conn *conn, const char *line, size_t len);
/* Answers. `result` is taken (NULL: out of memory is answered). */
void reply_result(struct request *r, json_t *result);
/* The same from JSON text. */
void reply_text(struct request *r, const struct text *json);
/* `code` as in docs/control.md; hint and extra (taken; its members join the error) may be NULL. */
void reply_error(struct request *r, const char *code, const char *hint, json_t *extra, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* --- verbs: table in control_request.c -------------------------------------- */

void verb_link_list(struct request *r);
void verb_link_show(struct request *r);
void verb_link_watch(struct request *r);
void verb_link_send(struct request *r);
void verb_channel_list(struct request *r);
void verb_channel_show(struct request *r);
void verb_channel_watch(struct request *r);
void verb_channel_send(struct request *r);
void verb_stream_list(struct request *r);
void verb_stream_show(struct request *r);
void verb_stream_watch(struct request *r);
void verb_stream_send(struct request *r);
void verb_neighbor_list(struct request *r);
void verb_neighbor_show(struct request *r);
void verb_neighbor_watch(struct request *r);
void verb_neighbor_reset(struct request *r);
void verb_neighbor_roll(struct request *r);
void verb_sensor_list(struct request *r);
void verb_sensor_show(struct request *r);
void verb_sensor_watch(struct request *r);
void verb_sensor_get(struct request *r);
void verb_sensor_observe(struct request *r);
void verb_sensor_put(struct request *r);
void verb_sensor_post(struct request *r);
void verb_sensor_delete(struct request *r);
void verb_sensor_log(struct request *r);
void verb_sensor_poke(struct request *r);
void verb_status(struct request *r);
void verb_stats_list(struct request *r);
void verb_event_list(struct request *r);
void verb_event_watch(struct request *r);
void verb_config_show(struct request *r);
void verb_config_reload(struct request *r);

/* The link and (NULL: the whole link) the peer that args.name names; else answered, false. */
bool request_find(struct request *r, struct link **k, char **id);

#endif
