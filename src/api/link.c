/*
 * link.c - <lanyard/link.h>: a core of proto/iot behind an opaque handle, moved
 * by the stream driver. Nothing is decided here; fields are carried over one by
 * one and every change of the core is followed by a kick of the driver.
 *
 * The order of things at a pull: lan_link_event hands out what the core has;
 * when there is nothing left, the driver sends at once what the pulling caused
 * (acknowledgements, and lines written in answer, in one packet). If the
 * application stops pulling earlier, the same happens in the next turn.
 */
#include <lanyard/link.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "api/entropy.h"
#include "api/take.h"
#include "drv/stream.h"
#include "io/loop.h"
#include "proto/iot/iot.h"

#define DEFAULT_PORT    8123
#define DEFAULT_ADDRESS "0.0.0.0:8123"

/* The two enums are one list, written down on both sides of the API. */
#define SAME(a, b) static_assert((int)(a) == (int)(b), "the core's values are the API's")
SAME(LAN_LINK_UP, IOT_UP);
SAME(LAN_LINK_DOWN, IOT_DOWN);
SAME(LAN_LINK_MESSAGE, IOT_MESSAGE);
SAME(LAN_LINK_ACKED, IOT_ACKED);
SAME(LAN_LINK_LOST, IOT_LOST);
SAME(LAN_LINK_REFUSED, IOT_REFUSED);
SAME(LAN_LINK_ALL_UP, IOT_ALL_UP);
SAME(LAN_LINK_FIRST_FAILED, IOT_FIRST_FAILED);
SAME(LAN_LINK_RETRY, IOT_RETRY);
SAME(LAN_LINK_HEARTBEAT, IOT_HEARTBEAT);
SAME(LAN_LINK_WRITABLE, IOT_WRITABLE);
SAME(LAN_LINK_QOS, IOT_QOS);
SAME(LAN_LINK_WAIT, IOT_WAIT);
SAME(LAN_LINK_DUP_SILENT, IOT_DUP_SILENT);
SAME(LAN_LINK_DUP_REFUSE, IOT_DUP_REFUSE);
SAME(LAN_LINK_DUP_REPLACE, IOT_DUP_REPLACE);

/* Lines handled between two sends in the middle of work. */
#define SHARE 32

#define MAX_HANDSHAKES 16384

struct lan_link {
	struct lan_loop *loop;
	struct lan_sdrv *drv;
	struct lan_env env;
	struct iot_server *server; /* one of the two */
	struct iot_client *client;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
	unsigned since_flush; /* events pulled and lines written */
};

static void on_ready(void *ctx)
{
	struct lan_link *l = ctx;
	if (l->on_ready)
		l->on_ready(l->on_ready_ctx);
}

static enum lan_err core_config(const struct lan_link_config *cfg, struct iot_config *out)
{
	if ((unsigned)cfg->dup > LAN_LINK_DUP_REPLACE || (unsigned)cfg->first > LAN_LINK_FIRST_GIVE_UP ||
		(cfg->n_expect && !cfg->expect))
		return LAN_ERR_INVAL;
	*out = (struct iot_config){
		.timeout = cfg->timeout,
		.window = cfg->window,
		.max_line = cfg->max_line,
		.max_queue = cfg->max_queue,
		.max_events = cfg->max_events,
		.heartbeat = cfg->heartbeat,
		.expect = cfg->expect,
		.n_expect = cfg->n_expect,
		.only_expected = cfg->only_expected,
		.dup = (enum iot_dup)cfg->dup,
		.max_partial = cfg->max_partial,
		.max_clients = cfg->max_clients,
		.max_handshakes = cfg->max_handshakes,
		.hold_off = cfg->hold_off,
		.id = cfg->id,
		.give_up_first = cfg->first == LAN_LINK_FIRST_GIVE_UP,
		.retry_min = cfg->retry_min,
		.retry_max = cfg->retry_max,
	};
	return LAN_OK;
}

/* How long one address may take to answer: the wire's own patience, but enough
 * for a lost SYN and not so long that a second address is never reached. */
static lan_time dial_timeout(lan_time timeout)
{
	lan_time t = 2 * (timeout ? timeout : LAN_SEC(2));
	return t < LAN_MS(1500) ? LAN_MS(1500) : t > LAN_SEC(10) ? LAN_SEC(10) : t;
}

/* Strangers may hold half of the descriptors at most: the oldest of them gives
 * way only once there are as many as allowed. */
static uint32_t handshakes(uint32_t wanted)
{
	struct rlimit lim;
	rlim_t half = getrlimit(RLIMIT_NOFILE, &lim) == 0 ? lim.rlim_cur / 2 : wanted;
	return half >= wanted ? wanted : half ? (uint32_t)half : 1;
}

static enum lan_err open_link(
	struct lan_loop *loop, const struct lan_link_config *user, bool serve, struct lan_link **out)
{
	struct lan_link_config cfg;
	struct iot_config core;
	enum lan_err e = lan_take_config(user, &cfg, sizeof cfg);
	if (!e && serve)
		cfg.max_handshakes = handshakes(cfg.max_handshakes ? cfg.max_handshakes : MAX_HANDSHAKES);
	if (!e)
		e = core_config(&cfg, &core);
	if (e)
		return e;
	if (!serve && !cfg.address)
		return LAN_ERR_ADDR;
	struct lan_link *l = calloc(1, sizeof *l);
	if (!l)
		return LAN_ERR_NOMEM;
	l->loop = loop;
	l->env = (struct lan_env){.entropy = lan_entropy};
	e = serve ? iot_server_new(&l->env, &core, &l->server) : iot_client_new(&l->env, &core, &l->client);
	struct lan_sdrv_config drv = {.loop = loop,
		.ops = serve ? &iot_server_ops : &iot_client_ops,
		.core = serve ? (void *)l->server : (void *)l->client,
		.address = cfg.address ? cfg.address : DEFAULT_ADDRESS,
		.default_port = DEFAULT_PORT,
		.dial_timeout = dial_timeout(cfg.timeout),
		.ready = on_ready,
		.ctx = l};
	if (!e)
		e = serve ? lan_sdrv_listen(&drv, &l->drv) : lan_sdrv_dial(&drv, &l->drv);
	if (e) {
		lan_link_close(l);
		return e;
	}
	*out = l;
	return LAN_OK;
}

enum lan_err lan_link_serve(struct lan_loop *loop, const struct lan_link_config *cfg, struct lan_link **out)
{
	return open_link(loop, cfg, true, out);
}

enum lan_err lan_link_connect(struct lan_loop *loop, const struct lan_link_config *cfg, struct lan_link **out)
{
	return open_link(loop, cfg, false, out);
}

void lan_link_close(struct lan_link *l)
{
	if (!l)
		return;
	lan_sdrv_close(l->drv);
	iot_server_free(l->server);
	iot_client_free(l->client);
	free(l);
}

/* A client knows only itself; NULL is the usual way to say so. */
static bool is_me(const struct lan_link *l, const char *id)
{
	struct iot_status s;
	if (!id)
		return true;
	iot_client_status(l->client, &s);
	return strcmp(id, s.id) == 0;
}

enum lan_err lan_link_write(
	struct lan_link *l, const char *id, const char *line, size_t len, unsigned flags, uint64_t *token)
{
	if (!line || (flags & ~(unsigned)(LAN_LINK_QOS | LAN_LINK_WAIT)))
		return LAN_ERR_INVAL;
	if (l->server ? !id : !is_me(l, id))
		return LAN_ERR_NOTFOUND;
	if (len > 0 && line[len - 1] == '\n')
		len--;
	lan_time now = lan_loop_stamp(l->loop);
	enum lan_err e = l->server ? iot_server_write(l->server, now, id, line, len, flags, token)
				   : iot_client_write(l->client, now, line, len, flags, token);
	lan_sdrv_kick(l->drv);
	return e;
}

/* While the application works through many lines, what it has done so far is
 * sent now and then: the other end works on it meanwhile instead of sleeping. */
static void share(struct lan_link *l)
{
	if (++l->since_flush >= SHARE) {
		l->since_flush = 0;
		lan_sdrv_flush(l->drv);
	}
}

bool lan_link_event(struct lan_link *l, struct lan_link_event *ev)
{
	struct iot_event from;
	share(l);
	lan_time now = lan_loop_recent(l->loop);
	if (l->server ? !iot_server_event(l->server, now, &from) : !iot_client_event(l->client, now, &from)) {
		l->since_flush = 0;
		lan_sdrv_pump(l->drv);
		return false;
	}
	*ev = (struct lan_link_event){
		.kind = (enum lan_link_event_kind)from.kind,
		.id = from.id,
		.line = from.line,
		.len = from.len,
		.token = from.token,
		.err = from.err,
		.reason = from.reason,
		.connects = from.connects,
		.expected = from.expected,
		.peer = from.peer,
		.at = now,
	};
	lan_sdrv_kick(l->drv);
	return true;
}

size_t lan_link_pending(const struct lan_link *l)
{
	return l->server ? iot_server_pending(l->server) : iot_client_pending(l->client);
}

static void copy_status(const struct iot_status *from, struct lan_link_status *to)
{
	*to = (struct lan_link_status){
		.id = from->id,
		.peer = from->peer,
		.up = from->up,
		.expected = from->expected,
		.connects = from->connects,
		.since = from->since,
		.last_rx = from->last_rx,
		.queued = from->queued,
		.unacked = from->unacked,
		.queued_bytes = from->queued_bytes,
		.rx_lines = from->rx_lines,
		.tx_lines = from->tx_lines,
		.rx_dups = from->rx_dups,
		.tx_again = from->tx_again,
		.tx_lost = from->tx_lost,
		.rx_bytes = from->rx_bytes,
		.tx_bytes = from->tx_bytes,
		.rtt = from->rtt,
	};
}

enum lan_err lan_link_status(const struct lan_link *l, const char *id, struct lan_link_status *out)
{
	struct iot_status s;
	if (l->server) {
		enum lan_err e = id ? iot_server_status(l->server, id, &s) : LAN_ERR_NOTFOUND;
		if (e)
			return e;
	} else {
		if (!is_me(l, id))
			return LAN_ERR_NOTFOUND;
		iot_client_status(l->client, &s);
	}
	copy_status(&s, out);
	return LAN_OK;
}

bool lan_link_peer(const struct lan_link *l, size_t i, struct lan_link_status *out)
{
	struct iot_status s;
	if (l->server ? !iot_server_peer(l->server, i, &s) : i > 0)
		return false;
	if (l->client)
		iot_client_status(l->client, &s);
	copy_status(&s, out);
	return true;
}

size_t lan_link_missing(const struct lan_link *l)
{
	return l->server ? iot_server_missing(l->server) : 0;
}

bool lan_link_counter(
	const struct lan_link *l, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i < IOT_C_N) {
		const struct iot_counters *c =
			l->server ? iot_server_counters(l->server) : iot_client_counters(l->client);
		*name = iot_counter_name((enum iot_counter)i);
		*help = iot_counter_help((enum iot_counter)i);
		*value = c->v[i];
		return true;
	}
	if (i > IOT_C_N)
		return false;
	*name = "no_descriptor";
	*help = "connections refused: out of file descriptors or memory";
	*value = lan_sdrv_refused(l->drv);
	return true;
}

enum lan_err lan_link_drop(struct lan_link *l, const char *id)
{
	lan_time now = lan_loop_now(l->loop);
	if (l->server ? !id : !is_me(l, id))
		return LAN_ERR_NOTFOUND;
	enum lan_err e = l->server ? iot_server_drop(l->server, now, id) : iot_client_drop(l->client, now);
	lan_sdrv_kick(l->drv);
	return e;
}

const char *lan_link_address(const struct lan_link *l)
{
	return lan_sdrv_address(l->drv);
}

void lan_link_on_ready(struct lan_link *l, void (*fn)(void *ctx), void *ctx)
{
	l->on_ready = fn;
	l->on_ready_ctx = ctx;
}
