/*
 * httpd.h - an HTTP/1.1 server in our loop: keep-alive, bodies, answers at once or later, streams that go on,
 * TLS. libmicrohttpd reads and writes (docs/decisions/0012); this file bounds it.
 *
 * What is refused: connections above a number, altogether and from one address (of IPv6: one /64), where of
 * those altogether one whose request is not complete gives way to a new one; bodies
 * above a size; what is no HTTP, headers that are too long, a body of two
 * lengths (RFC 9112 section 6.3); requests that are not complete in time, answers that are not taken in time,
 * connections on which nothing happens. What is refused is counted.
 */
#ifndef LAN_IO_HTTPD_H
#define LAN_IO_HTTPD_H

#include "io/addr.h"
#include "io/loop.h"

struct lan_httpd;
struct lan_httpd_req;

struct lan_httpd_config {
	/* A request is complete, but for a body that is too long (`too_big`): answer it, now or later. */
	void (*request)(void *ctx, struct lan_httpd_req *r);
	/* A request that is not answered, or a stream that is not ended, is over: its connection is. */
	void (*gone)(void *ctx, struct lan_httpd_req *r);
	void *ctx;
	uint32_t max_connections, max_per_address;
	uint32_t max_body;   /* octets of a request's body */
	uint32_t max_queued; /* octets that wait in a stream */
	lan_time idle;       /* between requests; and for an answer of 64 KiB to be taken */
	lan_time header;     /* from a connection's beginning to its first line, and from there to the end of
				the request */
};

#define LAN_HTTPD_COUNTERS(X)                                                                   \
	X(requests, "requests received")                                                        \
	X(connections, "connections accepted")                                                  \
	X(refused_connections, "connections refused: too many")                                 \
	X(refused_address, "connections refused: too many from one address")                    \
	X(displaced, "connections closed for others: too many, and their request not complete") \
	X(refused_format, "requests refused: not HTTP, of two lengths, or headers too long")    \
	X(refused_body, "requests refused: body too long")                                      \
	X(timeout_request, "connections closed: request not complete in time")                  \
	X(timeout_answer, "connections closed: answer not taken in time")                       \
	X(timeout_idle, "connections closed: nothing happened")                                 \
	X(gone, "requests whose client was gone before the answer, or left its stream")         \
	X(stream_full, "streams ended: the client did not take them")
enum lan_httpd_counter {
#define X(name, help) LAN_HTTPD_##name,
	LAN_HTTPD_COUNTERS(X)
#undef X
		LAN_HTTPD_N
};

/* LAN_ERR_NOTSUP (no libmicrohttpd here), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_httpd_open(
	struct lan_loop *l, const struct lan_httpd_config *cfg, struct lan_httpd **out);
/* Requests that wait are told `gone`. NULL is fine; not from inside a callback. */
void lan_httpd_close(struct lan_httpd *h);

/* Listen, by TLS if there is a certificate and its key (PEM texts, borrowed for the life of the server);
 * *port: the real one. LAN_ERR_ADDR, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_CONFIG (certificate or key),
 * LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_httpd_listen(struct lan_httpd *h, const struct lan_hostport *at, const char *cert,
	const char *key, uint16_t *port);

uint32_t lan_httpd_connections(const struct lan_httpd *h);
uint64_t lan_httpd_counter(const struct lan_httpd *h, enum lan_httpd_counter n);
const char *lan_httpd_counter_name(enum lan_httpd_counter n);
const char *lan_httpd_counter_help(enum lan_httpd_counter n);

/* ---- a request: views until it is answered or gone. */
const char *lan_httpd_method(const struct lan_httpd_req *r);
const char *lan_httpd_path(const struct lan_httpd_req *r);  /* as received, percent-encoded */
const char *lan_httpd_query(const struct lan_httpd_req *r); /* behind the '?'; NULL: there was none */
const char *lan_httpd_header(const struct lan_httpd_req *r, const char *name); /* NULL: not there */
const void *lan_httpd_body(const struct lan_httpd_req *r, size_t *n);
bool lan_httpd_too_big(const struct lan_httpd_req *r);
bool lan_httpd_tls(const struct lan_httpd_req *r);
/* The owner's, NULL at first. */
void lan_httpd_set_user(struct lan_httpd_req *r, void *user);
void *lan_httpd_user(const struct lan_httpd_req *r);

struct lan_httpd_header {
	const char *name, *value;
};
/* The answer; all is copied. The request is not to be used any more. Without memory the connection is closed.
 */
void lan_httpd_answer(struct lan_httpd_req *r, unsigned status, const struct lan_httpd_header *headers,
	size_t n_headers, const void *body, size_t len);
/* Status 200 and a body that comes by and by, until lan_httpd_end or `gone`. LAN_ERR_NOMEM: the connection is
 * closed, and the request not to be used any more. */
LAN_WUR enum lan_err lan_httpd_stream(
	struct lan_httpd_req *r, const struct lan_httpd_header *headers, size_t n_headers);
/* LAN_ERR_FULL (more than max_queued wait: end it), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_httpd_push(struct lan_httpd_req *r, const void *p, size_t n);
/* No more comes; what is queued still goes out. The request is not to be used any more. */
void lan_httpd_end(struct lan_httpd_req *r);

#endif
