/*
 * httpd.c - see httpd.h: the server, its ports, and when libmicrohttpd runs. Each port is a daemon of
 * libmicrohttpd's without threads and without a listening socket of its own (ours survives running out of
 * descriptors); its epoll descriptor is one more watch of the loop.
 */
#include "io/httpd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "io/httpd_int.h"

/* Octets for the headers of one connection, both ways. libmicrohttpd clears all of it for each request. */
#define POOL (8u << 10)
/* MHD_ALLOW_SUSPEND_RESUME without the pipe that comes with it: requests are resumed by the loop's own
 * thread, which runs libmicrohttpd afterwards, so that a write and a read for each would be for nothing. */
#define SUSPENDING (MHD_ALLOW_SUSPEND_RESUME & ~MHD_USE_ITC)

static void run_port(struct httpd_port *p)
{
	MHD_UNSIGNED_LONG_LONG ms;
	const struct lan_mhd *mhd = p->server->mhd;
	mhd->run(p->mhd);
	if (mhd->get_timeout(p->mhd, &ms) == MHD_YES && ms == 0)
		httpd_kick(p->server); /* it has read more than it has looked at */
}

static void on_watch(void *ctx, int events)
{
	(void)events;
	run_port(ctx);
}

static void on_run(void *ctx)
{
	struct lan_httpd *h = ctx;
	for (struct httpd_port *p = h->ports; p; p = p->next)
		run_port(p);
}

void httpd_kick(struct lan_httpd *h)
{
	lan_task_queue(h->loop, &h->run);
}

enum lan_err lan_httpd_open(struct lan_loop *l, const struct lan_httpd_config *cfg, struct lan_httpd **out)
{
	const struct lan_mhd *mhd = lan_mhd();
	if (!mhd)
		return LAN_ERR_NOTSUP;
	struct lan_httpd *h = calloc(1, sizeof *h);
	if (!h)
		return LAN_ERR_NOMEM;
	*h = (struct lan_httpd){.loop = l, .cfg = *cfg, .mhd = mhd, .run = {.fn = on_run, .ctx = h}};
	if (getrandom(h->seed, sizeof h->seed, 0) != sizeof h->seed ||
		lan_deadline_init(l, &h->sweep, httpd_sweep, h)) {
		free(h);
		return LAN_ERR_NOMEM;
	}
	*out = h;
	return LAN_OK;
}

static uint16_t port_of(const char *address)
{
	const char *colon = strrchr(address, ':');
	return colon ? (uint16_t)atoi(colon + 1) : 0;
}

static size_t unescape_nothing(void *ctx, struct MHD_Connection *c, char *text)
{
	return strlen(text); /* it is taken apart later, "%2F" by "%2F" */
}

/* What libmicrohttpd refuses by itself it tells nobody, but its log: by this line. */
static void on_log(void *ctx, const char *fmt, va_list args)
{
	struct httpd_port *p = ctx;
	(void)args;
	if (strncmp(fmt, "Error processing request", 24) == 0)
		p->server->counters[LAN_HTTPD_refused_format]++;
}

static enum lan_err start(struct httpd_port *p, const char *cert, const char *key)
{
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, p}, /* first, or it is not used for the rest */
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)httpd_notify, p},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)httpd_completed, p},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)httpd_begin, p},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)unescape_nothing, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, p->server->cfg.max_connections + HTTPD_SLACK + 1, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
		{MHD_OPTION_END, 0, NULL},
	};
	p->tls = cert != NULL;
	p->mhd = p->server->mhd->start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET |
						      SUSPENDING | (cert ? MHD_USE_TLS : 0),
		0, NULL, NULL, httpd_handle, p, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (!p->mhd)
		return cert ? LAN_ERR_CONFIG : LAN_ERR_NOMEM;
	const union MHD_DaemonInfo *info = p->server->mhd->get_daemon_info(p->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	return info ? lan_watch_init(&p->watch, p->server->loop, info->epoll_fd, on_watch, p)
		    : LAN_ERR_NOTSUP;
}

enum lan_err lan_httpd_listen(
	struct lan_httpd *h, const struct lan_hostport *at, const char *cert, const char *key, uint16_t *port)
{
	struct httpd_port *p = calloc(1, sizeof *p);
	if (!p)
		return LAN_ERR_NOMEM;
	p->server = h;
	enum lan_err e = start(p, cert, key);
	if (e) {
		if (p->mhd)
			h->mhd->stop_daemon(p->mhd);
		free(p);
		return e;
	}
	lan_watch_set(&p->watch, LAN_READABLE);
	p->next = h->ports;
	h->ports = p;
	e = lan_listener_open(h->loop, at, httpd_accept, p, &p->listener);
	if (!e)
		*port = port_of(lan_listener_address(p->listener));
	return e;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

/* Suspended requests have to be resumed, or libmicrohttpd would not stop. */
void lan_httpd_close(struct lan_httpd *h)
{
	if (!h)
		return;
	for (struct httpd_port *p = h->ports; p; p = p->next)
		lan_listener_close(p->listener);
	for (struct lan_httpd_req *r = h->conns; r; r = r->next)
		httpd_resume(r);
	while (h->ports) {
		struct httpd_port *p = h->ports;
		h->ports = p->next;
		h->mhd->stop_daemon(p->mhd);
		lan_watch_close(&p->watch, on_closed);
	}
	while (h->conns) /* that libmicrohttpd had not begun with */
		httpd_drop(h->conns);
	httpd_memo_fini(h);
	lan_task_cancel(h->loop, &h->run);
	lan_deadline_fini(h->loop, &h->sweep);
	free(h);
}

uint32_t lan_httpd_connections(const struct lan_httpd *h)
{
	return h->n_conns;
}

uint64_t lan_httpd_counter(const struct lan_httpd *h, enum lan_httpd_counter n)
{
	uint64_t v = n < LAN_HTTPD_N ? h->counters[n] : 0;
	for (struct httpd_port *p = h->ports; n == LAN_HTTPD_refused_connections && p; p = p->next)
		v += lan_listener_refused(p->listener);
	return v;
}

static const struct {
	const char *name, *help;
} counters[] = {
#define X(name, help) {#name, help},
	LAN_HTTPD_COUNTERS(X)
#undef X
};

const char *lan_httpd_counter_name(enum lan_httpd_counter n)
{
	return counters[n].name;
}

const char *lan_httpd_counter_help(enum lan_httpd_counter n)
{
	return counters[n].help;
}
