/*
 * httpd_int.h - what the files of the HTTP server share. A request lives in its connection: there is one at a
 * time on each.
 */
#ifndef LAN_IO_HTTPD_INT_H
#define LAN_IO_HTTPD_INT_H

#include "base/ring.h"
#include "io/httpd.h"
#include "io/mhd.h"
#include "io/tcp.h"

#define ORIGINS 256 /* a power of two */

/* Where connections come from; there while there are any. */
struct httpd_origin {
	struct httpd_origin *next;
	uint64_t key[2];
	uint32_t n;
};

/* An answer that was made, for when the same one is to be made again. */
#define MEMOS     256 /* a power of two */
#define MEMO_TEXT 480 /* octets of the longest that are kept, headers and body */
struct httpd_memo {
	struct MHD_Response *response; /* NULL: free */
	uint64_t hash;
	size_t len;
	uint8_t text[MEMO_TEXT];
};

/* Connections above the limit, while those they displaced are being closed. */
#define HTTPD_SLACK 128u

enum httpd_state {
	HTTPD_IDLE,     /* between requests */
	HTTPD_READING,  /* the first line was read; what follows not all */
	HTTPD_ASKED,    /* the owner has it */
	HTTPD_ANSWERED, /* the answer is on its way */
	HTTPD_STREAM
};

struct lan_httpd_req {
	struct lan_httpd *server;
	struct httpd_port *port;
	struct lan_httpd_req *prev, *next;
	struct httpd_origin *origin;
	int fd;
	struct MHD_Connection *mhd; /* NULL: libmicrohttpd has not begun with it */
	enum httpd_state state;
	lan_time deadline; /* LAN_NEVER: waits for the owner */
	bool in_handler, suspended, owned, too_big, ending;
	bool displaced; /* closed to make place for another */
	bool lent;      /* `response` is that of a memo */

	char *uri; /* path, NUL, query */
	size_t uri_cap;
	const char *query, *method;
	uint8_t *body;
	size_t body_len, body_cap, body_seen;

	struct MHD_Response *response;
	unsigned status;
	struct lan_ring out; /* of a stream */
	void *user;
};

/* An address that is listened on. */
struct httpd_port {
	struct lan_watch watch; /* of libmicrohttpd's epoll descriptor; first: `closed` gets it */
	struct lan_httpd *server;
	struct httpd_port *next;
	struct lan_listener *listener;
	struct MHD_Daemon *mhd;
	bool tls;
};

struct lan_httpd {
	struct lan_loop *loop;
	struct lan_httpd_config cfg;
	const struct lan_mhd *mhd;
	struct httpd_port *ports;
	struct lan_httpd_req *conns;
	uint32_t n_conns, n_displaced; /* of them, those being closed for others */
	struct httpd_origin *origins[ORIGINS];
	uint64_t seed[2];
	struct lan_deadline sweep;
	struct lan_task run;
	struct httpd_memo *memos;
	uint64_t counters[LAN_HTTPD_N];
};

/* httpd.c: have libmicrohttpd look again at the end of the turn. */
void httpd_kick(struct lan_httpd *h);

/* httpd_conn.c */
void httpd_accept(void *port, int fd, const char *peer);
void httpd_sweep(void *h);
void httpd_drop(struct lan_httpd_req *r); /* forget a connection */
/* Of libmicrohttpd: a connection has begun or ended. */
void httpd_notify(
	void *port, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what);

/* httpd_req.c: likewise. */
void *httpd_begin(void *port, const char *uri, struct MHD_Connection *c);
enum MHD_Result httpd_handle(void *port, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *data, size_t *n, void **request);
void httpd_completed(
	void *port, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why);
/* httpd_memo.c: the answer of a memo, or a new one (and perhaps a memo of it); NULL: no memory. */
struct MHD_Response *httpd_response(struct lan_httpd_req *r, const struct lan_httpd_header *headers,
	size_t n_headers, const void *body, size_t len);
bool httpd_add_headers(const struct lan_mhd *mhd, struct MHD_Response *response,
	const struct lan_httpd_header *headers, size_t n);
void httpd_memo_fini(struct lan_httpd *h);

/* httpd_req.c */
/* Wake one that waits. */
void httpd_resume(struct lan_httpd_req *r);

#endif
