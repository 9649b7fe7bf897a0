/*
 * sensor_http_int.h - what the files of the HTTP gateway share: sensor_http.c opens, closes and routes;
 * _answer.c says yes and no; _slave.c carries one request to a slave and back; _observe.c observations and
 * who views them; _list.c listings; _log.c the event log; _legacy.c and _token.c the URLs of the originals.
 */
#ifndef LAN_API_SENSOR_HTTP_INT_H
#define LAN_API_SENSOR_HTTP_INT_H

#include <jansson.h>
#include <lanyard/sensor_http.h>
#include "api/http_map.h"
#include "api/sensor_tap.h"
#include "api/text.h"
#include "io/httpd.h"

#define HTTP_API       "/api/v1/sensor"
#define HTTP_HEARTBEAT LAN_SEC(15)

#define HTTP_COUNTERS(X)                                                                   \
	X(asked, "requests handed on to a slave or its cache")                             \
	X(answered, "answers of slaves handed back")                                       \
	X(failed, "requests that a slave did not answer, or that it could not be asked")   \
	X(refused_token, "requests refused: no token, or not ours")                        \
	X(refused_origin, "requests refused: made by a page of another site")              \
	X(refused_method, "requests refused: method")                                      \
	X(refused_path, "requests refused: there is no such page, slave or resource here") \
	X(refused_request, "requests refused: not understood, or too long")                \
	X(viewers, "streams begun")                                                        \
	X(refused_viewers, "streams refused: too many")
enum http_counter {
#define X(name, help) HTTP_##name,
	HTTP_COUNTERS(X)
#undef X
		HTTP_COUNTERS_N
};

/* What a waiting request, or a request of ours to the master, belongs to. First in each of these. */
enum http_kind { HTTP_ASK = 1, HTTP_VIEWER, HTTP_OBSERVATION };

/* How a slave's answer is told. */
enum http_style {
	HTTP_STYLE_API,
	HTTP_STYLE_CASAN, /* the original's URLs, with the codes of RFC 8075 */
	HTTP_STYLE_COMPAT /* ..and with the original's */
};

struct http_ask {
	enum http_kind kind;
	struct lan_sensor_http *h;
	struct http_ask *next; /* of the free ones */
	struct lan_httpd_req *r;
	uint32_t slave, id;
	enum http_style style;
	enum http_method method;
	bool wish; /* its Accept is a wish: ask again without after 4.06 */
};

struct http_observation;
struct http_viewer {
	enum http_kind kind;
	struct lan_sensor_http *h;
	struct http_viewer *next;    /* of the same observation, or of the events */
	struct http_observation *of; /* NULL: of what happens to slaves */
	struct lan_httpd_req *r;
	bool begun; /* the stream has; until then an error can still be said by its status */
};

struct http_observation {
	enum http_kind kind;
	struct lan_sensor_http *h;
	struct http_observation *next;
	uint32_t slave, id;
	bool live; /* the master has it */
	char *path, *query;
	int32_t accept;
	struct http_viewer *viewers;
	uint32_t tokens; /* of the originals' /obs */
	/* the last value */
	bool have;
	uint8_t *payload;
	size_t len;
	int32_t format;
	int64_t max_age;
	lan_time at;
	struct text event; /* as it was sent to viewers */
	char event_id[32];
};

struct http_token; /* sensor_http_token.c */

struct lan_sensor_http {
	struct lan_sensor_master *master;
	struct lan_loop *loop;
	struct lan_httpd *httpd;
	struct sensor_tap tap;
	char *admin, *casan, *observe, *evlog, *well_known; /* NULL: not served */
	bool compat, evlog_add;
	char *token; /* NULL: none needed */
	size_t token_len;
	char **pems; /* certificates and keys */
	size_t n_pems;
	uint16_t port;
	struct http_ask *free_asks;
	struct http_observation *observations;
	struct http_viewer *watchers; /* of what happens to slaves */
	uint32_t n_viewers, max_viewers;
	struct http_token *tokens;
	uint32_t n_tokens;
	struct lan_deadline heartbeat;
	uint64_t seq; /* of events in streams */
	char boot[9]; /* tells those of this process from those of another */
	uint64_t counters[HTTP_COUNTERS_N];
};

/* A request while it is looked at. */
struct http_call {
	struct lan_sensor_http *h;
	struct lan_httpd_req *r;
	enum http_method method;
	const char *path;  /* behind the prefix: "" or "/..." */
	const char *query; /* NULL: none */
};

/* sensor_http_answer.c. After each of these the request is answered. */
void http_send(struct lan_httpd_req *r, unsigned status, const char *type, const void *body, size_t len,
	const struct lan_httpd_header *more, size_t n_more);
/* `what` went wrong and what to do about it, as JSON. */
void http_problem(struct lan_httpd_req *r, unsigned status, const char *what, const char *hint);
void http_problem_with(struct lan_httpd_req *r, unsigned status, const char *what, const char *hint,
	const struct lan_httpd_header *more, size_t n_more);
void http_json(struct lan_httpd_req *r, unsigned status, json_t *j);       /* takes j; NULL: 500 */
void http_text(struct lan_httpd_req *r, const char *type, struct text *t); /* takes t */
void http_not_found(const struct http_call *c);
/* True: the method is among those of `allow` ("GET, HEAD"); else it is answered (OPTIONS, 405). */
bool http_allowed(const struct http_call *c, const char *allow);
/* True: it may change something; else it is answered. */
bool http_may_change(const struct http_call *c);
/* JSON strings of what nodes sent: never invalid. */
json_t *http_json_text(const char *s, size_t n);

/* sensor_http_slave.c */
void http_slave(const struct http_call *c, enum http_style style, uint32_t slave, const char *path);
void http_slave_event(struct http_ask *a, const struct lan_sensor_master_event *ev);
void http_slave_gone(struct http_ask *a);
/* The status, and its answer, of an error; style as above. */
void http_slave_failed(struct lan_sensor_http *h, struct lan_httpd_req *r, enum http_style style,
	uint32_t slave, enum lan_err e, const char *reason);
/* An error code of a slave, with the diagnostic it sent. */
void http_slave_answer(struct lan_sensor_http *h, struct lan_httpd_req *r, enum http_style style,
	enum http_method method, const struct lan_sensor_master_event *ev);
void http_slave_fini(struct lan_sensor_http *h);

/* sensor_http_observe.c */
void http_view(const struct http_call *c, uint32_t slave, const char *path, int32_t accept);
void http_watch(const struct http_call *c); /* what happens to slaves */
void http_observe_event(struct http_observation *o, const struct lan_sensor_master_event *ev);
void http_viewer_gone(struct http_viewer *v);
void http_watch_event(struct lan_sensor_http *h, const struct lan_sensor_master_event *ev);
void http_heartbeat(void *h);
/* The observation of a resource, made if need be. LAN_ERR_NOTFOUND (slave), LAN_ERR_FULL, LAN_ERR_NOMEM, ..
 */
LAN_WUR enum lan_err http_observation(struct lan_sensor_http *h, uint32_t slave, const char *path,
	const char *query, int32_t accept, struct http_observation **out);
void http_observation_release(struct http_observation *o); /* freed if nobody wants it any more */
void http_observe_fini(struct lan_sensor_http *h);

/* sensor_http_list.c */
void http_list(const struct http_call *c);
void http_list_one(const struct http_call *c, uint32_t slave);
void http_links(const struct http_call *c, const char *prefix);
void http_stats(const struct http_call *c);

/* sensor_http_log.c */
void http_log(const struct http_call *c);
void http_evlog(const struct http_call *c);

/* sensor_http_legacy.c */
void http_admin(const struct http_call *c);
void http_well_known(const struct http_call *c);

/* sensor_http_token.c */
void http_token(const struct http_call *c);
void http_token_fini(struct lan_sensor_http *h);

#endif
