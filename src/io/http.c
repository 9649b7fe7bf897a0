/*
 * http.c - see http.h. libcurl says which descriptors and which moment it waits
 * for; both are given to our loop, and what happens to them back to libcurl.
 * The connection stays open between requests, if the server lets it; meanwhile
 * it is watched, because a server that restarts closes it.
 *
 * Nothing of the environment counts (no proxies), redirections are not
 * followed, the answer's body is not kept. Refused: URLs that are not http or
 * https.
 */
#include "io/http.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "io/curl.h"
#include "io/errno_map.h"
#include "io/watch.h"

/* A descriptor of libcurl's. */
struct sock {
	struct lan_watch watch; /* first: `closed` gets it */
	struct lan_http *http;
	struct sock *prev, *next;
	int fd;
};

struct lan_http {
	struct lan_loop *loop;
	const struct lan_curl *curl;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	void (*done)(void *ctx, enum lan_err err, int status, const char *why);
	void *ctx;
	struct sock *socks;
	struct sock *idle; /* the connection that was kept; NULL: none */
	void (*lost)(void *ctx);
	struct lan_deadline due;
	lan_time at; /* when libcurl wants to be called; LAN_NEVER: not */
	bool busy;
	bool kept; /* the last request's connection stayed, and nobody has seen it end */
	char *body;
	char error[CURL_ERROR_SIZE];
};

/* --- errors ----------------------------------------------------------------------------- */

static enum lan_err error_of(struct lan_http *h, CURLcode code)
{
	long os = 0;
	switch (code) {
	case CURLE_OK:
		return LAN_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return LAN_ERR_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return LAN_ERR_ADDR;
	case CURLE_COULDNT_CONNECT:
		h->curl->_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os);
		return os ? lan_err_from_errno((int)os) : LAN_ERR_UNREACH;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return LAN_ERR_RESET;
	case CURLE_PEER_FAILED_VERIFICATION:
		return LAN_ERR_PERM;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return LAN_ERR_PROTO;
	case CURLE_OUT_OF_MEMORY:
		return LAN_ERR_NOMEM;
	default:
		return LAN_ERR_IO;
	}
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

/* --- the connection between requests -------------------------------------------------------- */

static void idle_stop(struct lan_http *h)
{
	if (h->idle)
		lan_watch_close(&h->idle->watch, on_closed);
	h->idle = NULL;
}

/* Nothing is to come now: if something does, it is the end. libcurl sees that for itself when it needs the
 * connection again. */
static void on_idle(void *ctx, int events)
{
	struct lan_http *h = ctx;
	idle_stop(h);
	h->kept = false;
	if (h->lost)
		h->lost(h->ctx);
}

static void idle_start(struct lan_http *h, curl_socket_t fd)
{
	struct sock *s = fd == CURL_SOCKET_BAD ? NULL : calloc(1, sizeof *s);
	if (!s || lan_watch_init(&s->watch, h->loop, fd, on_idle, h)) {
		free(s);
		return; /* then a restart of the server is noticed later */
	}
	lan_watch_set(&s->watch, LAN_READABLE);
	h->idle = s;
}

/* --- what libcurl waits for --------------------------------------------------------------- */

/* What has come to its end, if something has. */
static void collect(struct lan_http *h)
{
	int left;
	long status = 0;
	CURLMsg *m;
	CURLcode code = CURLE_OK;
	bool ended = false;
	while ((m = h->curl->_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			code = m->data.result;
			ended = true;
		}
	if (!ended || !h->busy)
		return;
	enum lan_err e = error_of(h, code);
	if (!e)
		h->curl->_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	long connects = 0;
	curl_socket_t fd = CURL_SOCKET_BAD;
	h->curl->_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &fd);
	h->curl->_easy_getinfo(h->easy, CURLINFO_NUM_CONNECTS, &connects);
	h->curl->_multi_remove_handle(h->multi, h->easy);
	h->busy = false;
	bool was_kept = h->kept;
	idle_start(h, fd);
	h->kept = h->idle != NULL;
	if (was_kept && connects > 0 && h->lost)
		h->lost(h->ctx);
	h->done(h->ctx, e, (int)status, !e ? "" : *h->error ? h->error : h->curl->_easy_strerror(code));
}

static void act(struct lan_http *h, int fd, int events)
{
	int running;
	h->curl->_multi_socket_action(h->multi, fd, events, &running);
	collect(h);
}

static void on_watch(void *ctx, int events)
{
	struct sock *s = ctx;
	act(s->http, s->fd,
		((events & LAN_READABLE) ? CURL_CSELECT_IN : 0) |
			((events & LAN_WRITABLE) ? CURL_CSELECT_OUT : 0) |
			((events & LAN_BROKEN) ? CURL_CSELECT_ERR : 0));
}

static void on_due(void *ctx)
{
	struct lan_http *h = ctx;
	h->at = LAN_NEVER;
	act(h, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
	struct lan_http *h = ctx;
	h->at = ms < 0 ? LAN_NEVER : lan_loop_now(h->loop) + LAN_MS((uint64_t)ms);
	lan_deadline_arm(h->loop, &h->due, h->at);
	return 0;
}

static void drop(struct lan_http *h, struct sock *s)
{
	*(s->prev ? &s->prev->next : &h->socks) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	lan_watch_close(&s->watch, on_closed);
}

static struct sock *adopt(struct lan_http *h, int fd)
{
	struct sock *s = calloc(1, sizeof *s);
	if (!s || lan_watch_init(&s->watch, h->loop, fd, on_watch, s)) {
		free(s);
		return NULL;
	}
	s->http = h;
	s->fd = fd;
	s->next = h->socks;
	if (s->next)
		s->next->prev = s;
	h->socks = s;
	return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct lan_http *h = ctx;
	struct sock *s = h->socks;
	while (s && s->fd != fd)
		s = s->next;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			drop(h, s);
		return 0;
	}
	if (!s)
		s = adopt(h, fd);
	if (!s)
		return -1; /* fails all that is under way: out of memory */
	lan_watch_set(&s->watch,
		((what & CURL_POLL_IN) ? LAN_READABLE : 0) | ((what & CURL_POLL_OUT) ? LAN_WRITABLE : 0));
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	return size * n;
}

/* --- open, post, wait, close ---------------------------------------------------------------- */

static bool is_http(const struct lan_curl *c, const char *url)
{
	CURLU *u = c->_url();
	char *scheme = NULL, *host = NULL;
	bool fine = u && c->_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		    c->_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    c->_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host &&
		    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	c->_free(scheme);
	c->_free(host);
	c->_url_cleanup(u);
	return fine;
}

static bool set_up(struct lan_http *h, const char *url)
{
	const struct lan_curl *c = h->curl;
	h->easy = c->_easy_init();
	h->multi = c->_multi_init();
	return h->easy && h->multi &&
	       c->_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       c->_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
	       c->_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	       c->_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
	       c->_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_URL, url) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_USERAGENT, "lanyard/" LAN_VERSION) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       c->_easy_setopt(h->easy, CURLOPT_POST, 1L) == CURLE_OK;
}

enum lan_err lan_http_open(struct lan_loop *l, const char *url,
	void (*done)(void *ctx, enum lan_err err, int status, const char *why), void *ctx,
	struct lan_http **out)
{
	const struct lan_curl *c = lan_curl();
	if (!c)
		return LAN_ERR_NOTSUP;
	if (!is_http(c, url))
		return LAN_ERR_ADDR;
	struct lan_http *h = calloc(1, sizeof *h);
	if (!h)
		return LAN_ERR_NOMEM;
	*h = (struct lan_http){.loop = l, .curl = c, .done = done, .ctx = ctx, .at = LAN_NEVER};
	if (lan_deadline_init(l, &h->due, on_due, h)) {
		free(h);
		return LAN_ERR_NOMEM;
	}
	if (!set_up(h, url)) {
		lan_http_close(h);
		return LAN_ERR_NOMEM;
	}
	*out = h;
	return LAN_OK;
}

void lan_http_close(struct lan_http *h)
{
	if (!h)
		return;
	idle_stop(h);
	if (h->busy)
		h->curl->_multi_remove_handle(h->multi, h->easy);
	if (h->multi)
		h->curl->_multi_cleanup(h->multi); /* lets go of its descriptors, through on_socket */
	if (h->easy)
		h->curl->_easy_cleanup(h->easy);
	while (h->socks)
		drop(h, h->socks);
	h->curl->_slist_free_all(h->headers);
	lan_deadline_fini(h->loop, &h->due);
	free(h->body);
	free(h);
}

/* "Expect:" turned off: it would cost a round trip for bodies of more than 1 MiB. */
static bool set_headers(struct lan_http *h, const char *content_type)
{
	char line[200] = "Content-Type: ";
	if (h->headers)
		return true; /* always the same: see the header */
	strncat(line, content_type, sizeof line - strlen(line) - 1);
	struct curl_slist *list = h->curl->_slist_append(NULL, line), *more = NULL;
	if (list)
		more = h->curl->_slist_append(list, "Expect:");
	if (!more) {
		h->curl->_slist_free_all(list);
		return false;
	}
	h->headers = more;
	return h->curl->_easy_setopt(h->easy, CURLOPT_HTTPHEADER, more) == CURLE_OK;
}

enum lan_err lan_http_post(
	struct lan_http *h, const char *content_type, const void *body, size_t n, lan_time timeout)
{
	const struct lan_curl *c = h->curl;
	if (h->busy)
		return LAN_ERR_AGAIN;
	idle_stop(h);
	char *copy = malloc(n ? n : 1);
	if (!copy || !set_headers(h, content_type)) {
		free(copy);
		return LAN_ERR_NOMEM;
	}
	memcpy(copy, body, n);
	free(h->body);
	h->body = copy;
	h->error[0] = '\0';
	lan_time ms = (timeout + LAN_MS(1) - 1) / LAN_MS(1);
	if (c->_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n) != CURLE_OK ||
		c->_easy_setopt(h->easy, CURLOPT_POSTFIELDS, copy) != CURLE_OK ||
		c->_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, ms < INT32_MAX ? (long)ms : 0L) != CURLE_OK ||
		c->_multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return LAN_ERR_NOMEM;
	h->busy = true;
	return LAN_OK;
}

void lan_http_on_lost(struct lan_http *h, void (*lost)(void *ctx))
{
	h->lost = lost;
}

/* One look at all of its descriptors, at most until `until`. */
static void look(struct lan_http *h, lan_time until)
{
	struct pollfd p[8];
	nfds_t n = 0;
	lan_time now = lan_loop_now(h->loop), at = h->at < until ? h->at : until;
	for (struct sock *s = h->socks; s && n < 8; s = s->next)
		p[n++] = (struct pollfd){.fd = s->fd,
			.events = (short)(((s->watch.events & LAN_READABLE) ? POLLIN : 0) |
					  ((s->watch.events & LAN_WRITABLE) ? POLLOUT : 0))};
	int ms = at > now ? (int)((at - now + LAN_MS(1) - 1) / LAN_MS(1)) : 0;
	if (poll(p, n, ms < 50 ? ms : 50) <= 0) {
		if (h->at <= lan_loop_now(h->loop))
			on_due(h);
		return;
	}
	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents)
			act(h, p[i].fd,
				((p[i].revents & POLLIN) ? CURL_CSELECT_IN : 0) |
					((p[i].revents & POLLOUT) ? CURL_CSELECT_OUT : 0) |
					((p[i].revents & (POLLERR | POLLHUP)) ? CURL_CSELECT_ERR : 0));
}

void lan_http_wait(struct lan_http *h, lan_time until)
{
	while (h->busy && lan_loop_now(h->loop) < until)
		look(h, until);
}
