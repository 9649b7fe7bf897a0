/*
 * sensor_http.c - see <lanyard/sensor_http.h>: opening, closing, and which URL is whose. The server is
 * io/httpd.h; requests that wait, streams and what the master tells find each other by a tag, which is a
 * pointer to one of ours (enum http_kind).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/entropy.h"
#include "api/sensor_http_int.h"
#include "crypto/crypto.h"
#include "io/errno_map.h"

#define FILE_MAX  (1u << 20)
#define TOKEN_MIN 8
#define QUEUE_MAX (64u << 10) /* octets that wait for a viewer */

static enum lan_err say(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum lan_err say(const char **why, enum lan_err e, const char *fmt, ...)
{
	static _Thread_local char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*why = text;
	return e;
}

/* ---- routes ---------------------------------------------------------------------------- */

/* Behind a prefix stands nothing, or a '/'. */
static bool under(const char *prefix, const char *path, const char **rest)
{
	size_t n = prefix ? strlen(prefix) : 0;
	if (!prefix || strncmp(path, prefix, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*rest = path + n;
	return true;
}

static void api(struct http_call *c)
{
	static const struct {
		const char *path;
		void (*page)(const struct http_call *c);
	} pages[] = {{"", http_list}, {"/", http_list}, {"/events", http_watch}, {"/log", http_log},
		{"/stats", http_stats}};
	uint32_t slave;
	const char *path;
	if (http_map_id(c->path, &slave, &path)) {
		if (path && *path)
			http_slave(c, HTTP_STYLE_API, slave, path);
		else
			http_list_one(c, slave);
		return;
	}
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (strcmp(c->path, pages[i].path) == 0) {
			pages[i].page(c);
			return;
		}
	http_not_found(c);
}

static void casan(struct http_call *c)
{
	uint32_t slave;
	const char *path;
	struct lan_slave_status s;
	if (!http_map_id(c->path, &slave, &path) || !path || !*path) {
		http_not_found(c);
		return;
	}
	/* The original looked at the slave's list; what is not in it was an error. */
	if (c->h->compat && lan_sensor_master_find(c->h->master, slave, &s) == LAN_OK &&
		s.state == LAN_SLAVE_RUNNING && !sensor_master_has(c->h->master, slave, path)) {
		c->h->counters[HTTP_refused_path]++;
		http_problem(c->r, 404, "the slave has no such resource", "");
		return;
	}
	http_slave(c, c->h->compat ? HTTP_STYLE_COMPAT : HTTP_STYLE_CASAN, slave, path);
}

static void route(struct http_call *c, const char *path)
{
	struct lan_sensor_http *h = c->h;
	if (under(HTTP_API, path, &c->path))
		api(c);
	else if (under(h->casan, path, &c->path))
		casan(c);
	else if (under(h->observe, path, &c->path))
		http_token(c);
	else if (under(h->evlog, path, &c->path))
		http_evlog(c);
	else if (under(h->well_known, path, &c->path))
		http_well_known(c);
	else if (strcmp(path, "/.well-known/core") == 0)
		http_links(c, HTTP_API);
	else if (under(h->admin, path, &c->path))
		http_admin(c);
	else
		http_not_found(c);
}

static void on_request(void *ctx, struct lan_httpd_req *r)
{
	struct http_call c = {.h = ctx,
		.r = r,
		.method = http_method_of(lan_httpd_method(r)),
		.path = "",
		.query = lan_httpd_query(r)};
	if (lan_httpd_too_big(r))
		http_problem(r, 413, "the body is too long", "max_body bounds it");
	else
		route(&c, lan_httpd_path(r));
}

static void on_gone(void *ctx, struct lan_httpd_req *r)
{
	enum http_kind *of = lan_httpd_user(r);
	if (of && *of == HTTP_ASK)
		http_slave_gone((struct http_ask *)of);
	else if (of && *of == HTTP_VIEWER)
		http_viewer_gone((struct http_viewer *)of);
}

static bool on_event(void *ctx, const struct lan_sensor_master_event *ev)
{
	enum http_kind *of = (enum http_kind *)(uintptr_t)ev->tag;
	if (ev->kind != LAN_MASTER_RESPONSE && ev->kind != LAN_MASTER_NOTIFY &&
		ev->kind != LAN_MASTER_FAILED) {
		http_watch_event(ctx, ev);
		return false;
	}
	if (*of == HTTP_ASK)
		http_slave_event((struct http_ask *)of, ev);
	else
		http_observe_event((struct http_observation *)of, ev);
	return true;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* A file as text, NUL-terminated. */
static enum lan_err read_file(const char *path, char **out, const char **why)
{
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), no = errno;
	if (fd < 0)
		return say(why, lan_err_from_errno(no), "%s cannot be read: %s", path, strerror(no));
	char *text = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX
			     ? malloc((size_t)st.st_size + 1)
			     : NULL;
	while (text && n < (size_t)st.st_size && (got = read(fd, text + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (!text || got < 0) {
		free(text);
		return say(why, LAN_ERR_CONFIG, "%s cannot be read: it is no file, or too long", path);
	}
	text[n] = '\0';
	*out = text;
	return LAN_OK;
}

static enum lan_err read_token(struct lan_sensor_http *h, const char *path, const char **why)
{
	enum lan_err e = path ? read_file(path, &h->token, why) : LAN_OK;
	if (e || !path)
		return e;
	size_t blank = strspn(h->token, " \t\r\n");
	memmove(h->token, h->token + blank, strlen(h->token + blank) + 1);
	h->token_len = strcspn(h->token, " \t\r\n");
	if (h->token_len < TOKEN_MIN)
		return say(why, LAN_ERR_CONFIG, "the token in %s is shorter than %d characters", path,
			TOKEN_MIN);
	h->token[h->token_len] = '\0';
	return LAN_OK;
}

static enum lan_err take_prefix(const char *name, const char *at, char **out, const char **why)
{
	size_t n = at ? strlen(at) : 0;
	if (!at)
		return LAN_OK;
	while (n > 1 && at[n - 1] == '/')
		n--;
	if (*at != '/' || n < 2 || strpbrk(at, "?# \"<>"))
		return say(why, LAN_ERR_INVAL, "the path of %s is \"/NAME\"", name);
	*out = strndup(at, n);
	return *out ? LAN_OK : say(why, LAN_ERR_NOMEM, "out of memory");
}

static enum lan_err take_config(
	struct lan_sensor_http *h, const struct lan_sensor_http_config *cfg, const char **why)
{
	enum lan_err e = take_prefix("admin", cfg->admin, &h->admin, why);
	e = e ? e : take_prefix("casan", cfg->casan, &h->casan, why);
	e = e ? e : take_prefix("observe", cfg->observe, &h->observe, why);
	e = e ? e : take_prefix("evlog", cfg->evlog, &h->evlog, why);
	e = e ? e : take_prefix("well_known", cfg->well_known, &h->well_known, why);
	h->compat = cfg->compat;
	h->evlog_add = cfg->evlog_add;
	h->max_viewers = cfg->max_viewers ? cfg->max_viewers : 256;
	return e ? e : read_token(h, cfg->token_file, why);
}

static enum lan_err open_server(
	struct lan_sensor_http *h, const struct lan_sensor_http_config *cfg, const char **why)
{
	struct lan_httpd_config s = {.request = on_request,
		.gone = on_gone,
		.ctx = h,
		.max_connections = cfg->max_connections ? cfg->max_connections : 1024,
		.max_per_address = cfg->max_per_address ? cfg->max_per_address : 256,
		.max_body = cfg->max_body ? cfg->max_body : 64u << 10,
		.max_queued = QUEUE_MAX,
		.idle = cfg->idle ? cfg->idle : LAN_SEC(30),
		.header = cfg->header ? cfg->header : LAN_SEC(10)};
	enum lan_err e = lan_httpd_open(h->loop, &s, &h->httpd);
	return e == LAN_ERR_NOTSUP ? say(why, e, "libmicrohttpd is not installed (package libmicrohttpd12)")
	       : e                 ? say(why, e, "%s", lan_err_text(e))
				   : LAN_OK;
}

static enum lan_err listen_on(
	struct lan_sensor_http *h, const struct lan_sensor_http_listen *l, uint16_t *port, const char **why)
{
	struct lan_hostport at;
	char **cert = &h->pems[h->n_pems];
	if (!l->address || lan_hostport_parse(l->address, 0, &at))
		return say(why, LAN_ERR_ADDR, "\"%s\" is no ADDR:PORT", l->address ? l->address : "");
	if (!l->cert_file != !l->key_file)
		return say(why, LAN_ERR_INVAL, "%s: HTTPS needs a certificate and its key", l->address);
	h->n_pems += 2;
	enum lan_err e = l->cert_file ? read_file(l->cert_file, &cert[0], why) : LAN_OK;
	e = e || !l->cert_file ? e : read_file(l->key_file, &cert[1], why);
	if (e)
		return e;
	e = lan_httpd_listen(h->httpd, &at, cert[0], cert[1], port);
	if (e == LAN_ERR_CONFIG)
		return say(
			why, e, "%s and %s are no certificate and its key (PEM)", l->cert_file, l->key_file);
	return e ? say(why, e, "%s: %s", l->address, lan_err_text(e)) : LAN_OK;
}

static enum lan_err set_up(
	struct lan_sensor_http *h, const struct lan_sensor_http_config *cfg, const char **why)
{
	uint32_t boot;
	enum lan_err e = take_config(h, cfg, why);
	if (e)
		return e;
	lan_entropy(NULL, &boot, sizeof boot);
	snprintf(h->boot, sizeof h->boot, "%08x", boot);
	h->pems = calloc(cfg->n_listen, 2 * sizeof *h->pems);
	if (!h->pems)
		return say(why, LAN_ERR_NOMEM, "out of memory");
	e = open_server(h, cfg, why);
	for (size_t i = 0; i < cfg->n_listen && !e; i++) {
		uint16_t port = 0;
		e = listen_on(h, &cfg->listen[i], &port, why);
		if (i == 0)
			h->port = port;
	}
	return e;
}

enum lan_err lan_sensor_http_open(struct lan_sensor_master *m, const struct lan_sensor_http_config *cfg,
	struct lan_sensor_http **out, const char **why)
{
	const char *unused;
	why = why ? why : &unused;
	*why = "";
	if (cfg->size != sizeof *cfg || !cfg->n_listen)
		return say(why, LAN_ERR_INVAL, "no address to listen on");
	struct lan_sensor_http *h = calloc(1, sizeof *h);
	if (!h)
		return say(why, LAN_ERR_NOMEM, "out of memory");
	h->master = m;
	h->loop = sensor_master_loop(m);
	if (lan_deadline_init(h->loop, &h->heartbeat, http_heartbeat, h)) {
		free(h);
		return say(why, LAN_ERR_NOMEM, "out of memory");
	}
	h->tap = (struct sensor_tap){.event = on_event, .ctx = h};
	sensor_master_tap(m, &h->tap);
	enum lan_err e = set_up(h, cfg, why);
	if (e) {
		lan_sensor_http_close(h);
		return e;
	}
	*out = h;
	return LAN_OK;
}

void lan_sensor_http_close(struct lan_sensor_http *h)
{
	if (!h)
		return;
	lan_httpd_close(h->httpd); /* what waits is told that it is gone */
	http_token_fini(h);
	http_observe_fini(h);
	http_slave_fini(h);
	sensor_master_untap(h->master, &h->tap);
	lan_deadline_fini(h->loop, &h->heartbeat);
	if (h->token)
		lan_wipe(h->token, h->token_len);
	for (size_t i = 0; i < h->n_pems; i++) {
		if (h->pems[i])
			lan_wipe(h->pems[i], strlen(h->pems[i]));
		free(h->pems[i]);
	}
	free(h->pems);
	free(h->token);
	free(h->admin), free(h->casan), free(h->observe), free(h->evlog), free(h->well_known);
	free(h);
}

/* ---- status --------------------------------------------------------------------------------- */

static uint64_t of_server(const struct lan_sensor_http *h, enum lan_httpd_counter n)
{
	return lan_httpd_counter(h->httpd, n);
}

void lan_sensor_http_status(const struct lan_sensor_http *h, struct lan_sensor_http_status *out)
{
	*out = (struct lan_sensor_http_status){.connections = lan_httpd_connections(h->httpd),
		.viewers = h->n_viewers,
		.requests = of_server(h, LAN_HTTPD_requests),
		.timeouts = of_server(h, LAN_HTTPD_timeout_request) + of_server(h, LAN_HTTPD_timeout_answer) +
			    of_server(h, LAN_HTTPD_timeout_idle),
		.refused = of_server(h, LAN_HTTPD_refused_connections) +
			   of_server(h, LAN_HTTPD_refused_address) + of_server(h, LAN_HTTPD_displaced) +
			   of_server(h, LAN_HTTPD_refused_format) + of_server(h, LAN_HTTPD_refused_body),
		.port = h->port};
	for (unsigned i = HTTP_refused_token; i <= HTTP_refused_request; i++)
		out->refused += h->counters[i];
	out->refused += h->counters[HTTP_refused_viewers];
}

bool lan_sensor_http_counter(
	const struct lan_sensor_http *h, size_t i, const char **name, const char **help, uint64_t *value)
{
	static const char *const texts[][2] = {
#define X(name, help) {#name, help},
		HTTP_COUNTERS(X)
#undef X
	};
	if (i < LAN_HTTPD_N) {
		*name = lan_httpd_counter_name((enum lan_httpd_counter)i);
		*help = lan_httpd_counter_help((enum lan_httpd_counter)i);
		*value = of_server(h, (enum lan_httpd_counter)i);
		return true;
	}
	i -= LAN_HTTPD_N;
	if (i >= HTTP_COUNTERS_N)
		return false;
	*name = texts[i][0], *help = texts[i][1], *value = h->counters[i];
	return true;
}
