/*
 * httpd_req.c - one request after the other: read whole, given to the owner, suspended until it is answered.
 * Answers are made when the owner gives them and leave when libmicrohttpd asks again; streams are a queue
 * that it empties, suspended while there is nothing in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "io/httpd_int.h"

#define KEEP        (4u << 10)  /* octets of memory that stay with a connection between requests */
#define BLOCK       (4u << 10)  /* of a stream at a time */
#define ANSWER_UNIT (64u << 10) /* octets of an answer for which `idle` is time enough */

static lan_time now_of(const struct lan_httpd_req *r)
{
	return lan_loop_recent(r->server->loop);
}

void httpd_resume(struct lan_httpd_req *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	r->server->mhd->resume_connection(r->mhd);
	httpd_kick(r->server);
}

static void suspend(struct lan_httpd_req *r)
{
	r->suspended = true;
	r->server->mhd->suspend_connection(r->mhd);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* The first line was read. Called with the URI as it came; what libmicrohttpd keeps is cut up by it. */
void *httpd_begin(void *ctx, const char *uri, struct MHD_Connection *c)
{
	struct httpd_port *p = ctx;
	const union MHD_ConnectionInfo *i =
		p->server->mhd->get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct lan_httpd_req *r = i ? i->socket_context : NULL;
	size_t n = strlen(uri) + 1;
	if (!r)
		return NULL;
	if (n > r->uri_cap) {
		char *more = realloc(r->uri, n);
		if (!more)
			return NULL;
		r->uri = more;
		r->uri_cap = n;
	}
	memcpy(r->uri, uri, n);
	char *query = strchr(r->uri, '?');
	r->query = query ? query + 1 : NULL;
	if (query)
		*query = '\0';
	r->state = HTTPD_READING;
	r->deadline = now_of(r) + p->server->cfg.header;
	r->method = NULL;
	r->user = NULL;
	r->body_len = r->body_seen = 0;
	r->too_big = r->ending = r->owned = r->lent = false;
	p->server->counters[LAN_HTTPD_requests]++;
	return r;
}

static bool announced_too_big(const struct lan_httpd_req *r)
{
	const char *length = lan_httpd_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	char *end;
	unsigned long long n = length ? strtoull(length, &end, 10) : 0;
	return n > r->server->cfg.max_body;
}

struct lengths {
	unsigned length, chunked;
	bool differ;
	const char *first;
};

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct lengths *l = ctx;
	(void)kind;
	l->chunked += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0)
		return MHD_YES;
	l->differ |= l->length++ && (!value || !l->first || strcmp(value, l->first) != 0);
	l->first = value;
	return MHD_YES;
}

/* Its end is not where another reader of it, a proxy, may see it: libmicrohttpd does not mind. */
static bool of_two_lengths(const struct lan_httpd_req *r)
{
	struct lengths l = {0};
	if (!lan_httpd_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH))
		return false;
	r->server->mhd->get_connection_values(r->mhd, MHD_HEADER_KIND, on_header, &l);
	return l.differ || l.chunked;
}

static enum MHD_Result refuse_format(struct lan_httpd_req *r)
{
	static char text[] = "the body has two lengths\n";
	const struct lan_mhd *mhd = r->server->mhd;
	struct MHD_Response *response =
		mhd->create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result done = MHD_NO;
	r->server->counters[LAN_HTTPD_refused_format]++;
	if (!response)
		return MHD_NO;
	if (mhd->add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
		done = mhd->queue_response(r->mhd, MHD_HTTP_BAD_REQUEST, response);
	mhd->destroy_response(response);
	r->state = HTTPD_ANSWERED;
	r->deadline = now_of(r) + r->server->cfg.idle;
	return done;
}

/* False: it is so much too long that it is not worth an answer. */
static bool take_body(struct lan_httpd_req *r, const char *data, size_t n)
{
	size_t max = r->server->cfg.max_body;
	r->body_seen += n;
	if (r->body_seen > max) {
		r->too_big = true;
		return r->body_seen / 16 <= max;
	}
	if (r->body_seen > r->body_cap) {
		size_t cap = r->body_cap ? r->body_cap : 512;
		while (cap < r->body_seen)
			cap *= 2;
		uint8_t *more = realloc(r->body, cap);
		if (!more)
			return false;
		r->body = more;
		r->body_cap = cap;
	}
	memcpy(r->body + r->body_len, data, n);
	r->body_len += n;
	return true;
}

static enum MHD_Result send_answer(struct lan_httpd_req *r)
{
	struct MHD_Response *response = r->response;
	r->response = NULL;
	enum MHD_Result done = r->server->mhd->queue_response(r->mhd, r->status, response);
	if (!r->lent)
		r->server->mhd->destroy_response(response);
	return done;
}

/* The owner's turn. */
static enum MHD_Result ask(struct lan_httpd_req *r)
{
	struct lan_httpd *h = r->server;
	if (r->too_big)
		h->counters[LAN_HTTPD_refused_body]++;
	r->state = HTTPD_ASKED;
	r->deadline = LAN_NEVER;
	r->owned = true;
	r->in_handler = true;
	h->cfg.request(h->cfg.ctx, r);
	r->in_handler = false;
	if (r->response)
		return send_answer(r);
	if (!r->owned) /* no memory for an answer */
		return MHD_NO;
	suspend(r);
	return MHD_YES;
}

enum MHD_Result httpd_handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *data, size_t *n, void **request)
{
	struct lan_httpd_req *r = *request;
	if (!r)
		return MHD_NO;
	if (r->state == HTTPD_ASKED || r->state == HTTPD_ANSWERED || r->state == HTTPD_STREAM)
		return r->response ? send_answer(r) : MHD_NO; /* resumed */
	if (!r->method) {
		r->method = method;
		if (of_two_lengths(r))
			return refuse_format(r);
		r->too_big = announced_too_big(r);
		return r->too_big ? ask(r) : MHD_YES;
	}
	if (*n) {
		bool more = take_body(r, data, *n);
		*n = 0;
		return more ? MHD_YES : MHD_NO;
	}
	return ask(r);
}

void httpd_completed(void *ctx, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why)
{
	struct httpd_port *p = ctx;
	struct lan_httpd_req *r = *request;
	if (!r)
		return;
	*request = NULL;
	if (r->owned) {
		r->owned = false;
		p->server->counters[LAN_HTTPD_gone]++;
		p->server->cfg.gone(p->server->cfg.ctx, r);
	}
	if (r->response && !r->lent)
		p->server->mhd->destroy_response(r->response);
	r->response = NULL;
	r->user = NULL;
	r->state = HTTPD_IDLE;
	r->deadline = r->ending ? LAN_NEVER : now_of(r) + p->server->cfg.idle;
	lan_ring_fini(&r->out);
	lan_ring_init(&r->out, p->server->cfg.max_queued);
	if (r->body_cap > KEEP) {
		free(r->body);
		r->body = NULL;
		r->body_cap = 0;
	}
}

/* --- answering ------------------------------------------------------------------------------------ */

/* The request is the owner's no more. */
static void settle(struct lan_httpd_req *r, struct MHD_Response *response, unsigned status)
{
	r->response = response;
	r->status = status;
	if (!r->in_handler)
		httpd_resume(r);
}

void lan_httpd_answer(struct lan_httpd_req *r, unsigned status, const struct lan_httpd_header *headers,
	size_t n_headers, const void *body, size_t len)
{
	struct MHD_Response *response = httpd_response(r, headers, n_headers, body, len);
	r->owned = false;
	r->state = HTTPD_ANSWERED;
	r->deadline = now_of(r) + r->server->cfg.idle * (1 + len / ANSWER_UNIT);
	settle(r, response, status);
}

/* libmicrohttpd wants more of a stream. */
static ssize_t on_read(void *ctx, uint64_t at, char *to, size_t max)
{
	struct lan_httpd_req *r = ctx;
	size_t n = lan_ring_len(&r->out);
	if (n == 0 && r->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		suspend(r);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(to, lan_ring_at(&r->out, r->out.head), n);
	lan_ring_drop(&r->out, n);
	lan_ring_trim(&r->out);
	return (ssize_t)n;
}

enum lan_err lan_httpd_stream(
	struct lan_httpd_req *r, const struct lan_httpd_header *headers, size_t n_headers)
{
	const struct lan_mhd *mhd = r->server->mhd;
	struct MHD_Response *response =
		mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, r, NULL);
	if (response && !httpd_add_headers(mhd, response, headers, n_headers)) {
		mhd->destroy_response(response);
		response = NULL;
	}
	r->state = HTTPD_STREAM;
	r->owned = response != NULL;
	settle(r, response, MHD_HTTP_OK);
	return response ? LAN_OK : LAN_ERR_NOMEM;
}

enum lan_err lan_httpd_push(struct lan_httpd_req *r, const void *p, size_t n)
{
	enum lan_err e = lan_ring_put(&r->out, p, n);
	if (e) {
		r->server->counters[LAN_HTTPD_stream_full]++;
		return e;
	}
	httpd_resume(r);
	return LAN_OK;
}

void lan_httpd_end(struct lan_httpd_req *r)
{
	r->owned = false;
	r->ending = true;
	r->deadline = now_of(r) + r->server->cfg.idle;
	httpd_resume(r);
}

/* --- what a request says --------------------------------------------------------------------------- */

const char *lan_httpd_method(const struct lan_httpd_req *r)
{
	return r->method;
}

const char *lan_httpd_path(const struct lan_httpd_req *r)
{
	return r->uri;
}

const char *lan_httpd_query(const struct lan_httpd_req *r)
{
	return r->query;
}

const char *lan_httpd_header(const struct lan_httpd_req *r, const char *name)
{
	return r->server->mhd->lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

const void *lan_httpd_body(const struct lan_httpd_req *r, size_t *n)
{
	*n = r->body_len;
	return r->body;
}

bool lan_httpd_too_big(const struct lan_httpd_req *r)
{
	return r->too_big;
}

bool lan_httpd_tls(const struct lan_httpd_req *r)
{
	return r->port->tls;
}

void lan_httpd_set_user(struct lan_httpd_req *r, void *user)
{
	r->user = user;
}

void *lan_httpd_user(const struct lan_httpd_req *r)
{
	return r->user;
}
