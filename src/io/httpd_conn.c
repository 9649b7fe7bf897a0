/*
 * httpd_conn.c - connections of the HTTP server: who may have how many, and how long each may take. Limits of
 * time are absolute, so that an octet now and then buys nothing; a connection that is out of time has its
 * socket shut down, and libmicrohttpd does the rest.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/map.h"
#include "io/httpd_int.h"

/* An IPv4 address, or the first half of an IPv6 one: who has one of those has all of its /64. */
static void origin_key(const union lan_sockaddr *a, uint64_t key[2])
{
	const uint8_t *v6 = a->v6.sin6_addr.s6_addr;
	key[0] = a->any.sa_family, key[1] = 0;
	if (a->any.sa_family == AF_INET)
		key[1] = a->v4.sin_addr.s_addr;
	else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		key[0] = AF_INET;
		memcpy(&key[1], v6 + 12, 4);
	} else
		memcpy(&key[1], v6, 8);
}

static struct httpd_origin **origin_slot(struct lan_httpd *h, const uint64_t key[2])
{
	struct httpd_origin **o = &h->origins[lan_siphash(h->seed, key, 16) & (ORIGINS - 1)];
	while (*o && ((*o)->key[0] != key[0] || (*o)->key[1] != key[1]))
		o = &(*o)->next;
	return o;
}

static struct httpd_origin *origin_join(struct lan_httpd *h, int fd)
{
	union lan_sockaddr a;
	socklen_t len = sizeof a;
	uint64_t key[2];
	if (getpeername(fd, &a.any, &len) != 0)
		return NULL; /* gone already */
	origin_key(&a, key);
	struct httpd_origin **o = origin_slot(h, key);
	if (!*o) {
		*o = calloc(1, sizeof **o);
		if (!*o)
			return NULL;
		memcpy((*o)->key, key, sizeof key);
	}
	if ((*o)->n >= h->cfg.max_per_address) {
		h->counters[LAN_HTTPD_refused_address]++;
		return NULL;
	}
	(*o)->n++;
	return *o;
}

static void origin_leave(struct lan_httpd *h, struct httpd_origin *o)
{
	if (--o->n)
		return;
	struct httpd_origin **slot = origin_slot(h, o->key);
	*slot = o->next;
	free(o);
}

void httpd_drop(struct lan_httpd_req *r)
{
	struct lan_httpd *h = r->server;
	*(r->prev ? &r->prev->next : &h->conns) = r->next;
	if (r->next)
		r->next->prev = r->prev;
	h->n_conns--;
	h->n_displaced -= r->displaced;
	origin_leave(h, r->origin);
	lan_ring_fini(&r->out);
	free(r->uri);
	free(r->body);
	free(r);
}

static lan_time sweep_every(const struct lan_httpd *h)
{
	lan_time t = (h->cfg.header < h->cfg.idle ? h->cfg.header : h->cfg.idle) / 4;
	return t > LAN_SEC(1) ? LAN_SEC(1) : t < LAN_MS(20) ? LAN_MS(20) : t;
}

/* libmicrohttpd closes the connection in its next turn. */
static void end(struct lan_httpd_req *r)
{
	r->deadline = LAN_NEVER;
	r->ending = true;
	shutdown(r->fd, SHUT_RDWR);
	httpd_resume(r);
}

static bool waits_for_client(const struct lan_httpd_req *r)
{
	return r->mhd && !r->ending && (r->state == HTTPD_IDLE || r->state == HTTPD_READING);
}

/* Too many: one whose request is not complete goes, so that who holds all places with requests half sent does
 * not keep others out. Of those the one from the address that has most, and of these the one whose time is
 * over first. What goes is closed at the end of the turn: until then there are some more than may be. */
static bool make_place(struct lan_httpd *h)
{
	struct lan_httpd_req *out = NULL;
	if (h->n_conns - h->n_displaced < h->cfg.max_connections)
		return true;
	if (h->n_displaced >= HTTPD_SLACK)
		return false;
	for (struct lan_httpd_req *r = h->conns; r; r = r->next)
		if (waits_for_client(r) &&
			(!out || r->origin->n > out->origin->n ||
				(r->origin->n == out->origin->n && r->deadline < out->deadline)))
			out = r;
	if (!out)
		return false;
	h->counters[LAN_HTTPD_displaced]++;
	h->n_displaced++;
	out->displaced = true;
	end(out);
	return true;
}

/* A place in the list, before libmicrohttpd knows of it: it makes the connection in its own next turn. */
void httpd_accept(void *ctx, int fd, const char *peer)
{
	struct httpd_port *p = ctx;
	struct lan_httpd *h = p->server;
	union lan_sockaddr a;
	socklen_t len = sizeof a;
	struct httpd_origin *o = origin_join(h, fd);
	if (o && !make_place(h)) {
		h->counters[LAN_HTTPD_refused_connections]++;
		origin_leave(h, o);
		o = NULL;
	}
	struct lan_httpd_req *r = o ? calloc(1, sizeof *r) : NULL;
	if (!r) {
		if (o)
			origin_leave(h, o);
		close(fd);
		return;
	}
	lan_time now = lan_loop_recent(h->loop);
	*r = (struct lan_httpd_req){.server = h,
		.port = p,
		.origin = o,
		.fd = fd,
		.next = h->conns,
		.deadline = now + h->cfg.header};
	lan_ring_init(&r->out, h->cfg.max_queued);
	if (r->next)
		r->next->prev = r;
	h->conns = r;
	if (h->n_conns++ == 0)
		lan_deadline_arm(h->loop, &h->sweep, now + sweep_every(h));
	if (getpeername(fd, &a.any, &len) != 0 ||
		h->mhd->add_connection(p->mhd, fd, &a.any, len) != MHD_YES) {
		httpd_drop(r); /* libmicrohttpd has closed it */
		return;
	}
	h->counters[LAN_HTTPD_connections]++;
	httpd_kick(h);
}

/* As in <linux/tcp.h>, which has more than the C library's and cannot be included beside it. */
struct tcp_counts {
	struct tcp_info info;
	uint64_t pacing, max_pacing, acked, received;
	uint32_t segments_out, segments_in, not_sent, min_rtt, data_in, data_out;
};

/* Of a first line that is one word libmicrohttpd says nothing, not even to its log: it closes the connection,
 * on which nothing was sent then, and whose client is still there. */
static bool turned_away(const struct lan_httpd_req *r)
{
	char octet;
	struct tcp_counts i = {0};
	socklen_t len = sizeof i;
	if (r->uri || r->ending || r->port->tls || recv(r->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return false;
	return getsockopt(r->fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0 && i.data_in && !i.data_out;
}

void httpd_notify(
	void *ctx, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct httpd_port *p = ctx;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct lan_httpd_req *r = *context;
		if (r) {
			p->server->counters[LAN_HTTPD_refused_format] += turned_away(r);
			httpd_drop(r);
		}
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *i =
		p->server->mhd->get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (struct lan_httpd_req *r = p->server->conns; r && i; r = r->next)
		if (!r->mhd && r->fd == i->connect_fd) {
			r->mhd = c;
			*context = r;
			return;
		}
}

/* --- time ------------------------------------------------------------------------------------- */

static enum lan_httpd_counter timeout_of(const struct lan_httpd_req *r)
{
	return r->state == HTTPD_ANSWERED         ? LAN_HTTPD_timeout_answer
	       : r->state == HTTPD_IDLE && r->uri ? LAN_HTTPD_timeout_idle
						  : LAN_HTTPD_timeout_request;
}

/* Has the client of one that is suspended gone? libmicrohttpd does not look. Who has only ended its own
 * direction may still wait for an answer, but hardly for a stream. */
static bool left(const struct lan_httpd_req *r)
{
	char octet;
	ssize_t n = recv(r->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 ? errno != EAGAIN && errno != EINTR : n == 0 && r->state == HTTPD_STREAM;
}

void httpd_sweep(void *ctx)
{
	struct lan_httpd *h = ctx;
	lan_time now = lan_loop_recent(h->loop);
	for (struct lan_httpd_req *r = h->conns, *next; r; r = next) {
		bool late = r->deadline <= now;
		next = r->next;
		if (!late && !(r->suspended && left(r)))
			continue;
		if (!r->mhd) { /* libmicrohttpd never began with it: the descriptor may be somebody else's by
				  now */
			httpd_drop(r);
			continue;
		}
		if (late)
			h->counters[timeout_of(r)]++;
		end(r);
	}
	if (h->n_conns)
		lan_deadline_arm(h->loop, &h->sweep, now + sweep_every(h));
}
