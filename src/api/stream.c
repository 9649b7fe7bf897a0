/*
 * stream.c - <lanyard/stream.h>: the core of proto/serpy behind an opaque handle,
 * moved by the stream driver. Values of the application are checked and turned
 * into what the core sends in stream_value.c; here fields are carried over, and
 * every change of the core is followed by a kick of the driver.
 */
#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "api/entropy.h"
#include "api/stream_int.h"
#include "api/take.h"
#include "proto/serpy/sum.h"

#define DEFAULT_PORT    8000
#define DEFAULT_ADDRESS "0.0.0.0:8000"
#define DEAD_AFTER      LAN_SEC(20)
#define DIAL_TIMEOUT    LAN_SEC(5) /* per address */
#define MAX_CONNS       16384
#define SPARE_FILES     64 /* descriptors a server leaves to the rest of its process */

/* The two enums are one list, written down on both sides of the API. */
#define SAME(a, b) static_assert((int)(a) == (int)(b), "the core's values are the API's")
SAME(LAN_STREAM_UP, SERPY_UP);
SAME(LAN_STREAM_DOWN, SERPY_DOWN);
SAME(LAN_STREAM_MESSAGE, SERPY_MESSAGE);
SAME(LAN_STREAM_PIECE, SERPY_PIECE);
SAME(LAN_STREAM_ACKED, SERPY_ACKED);
SAME(LAN_STREAM_EXPIRED, SERPY_EXPIRED);
SAME(LAN_STREAM_LOST, SERPY_LOST);
SAME(LAN_STREAM_DAMAGED, SERPY_DAMAGED);
SAME(LAN_STREAM_REFUSED, SERPY_REFUSED);
SAME(LAN_STREAM_RETRY, SERPY_RETRY);
SAME(LAN_STREAM_GAVE_UP, SERPY_GAVE_UP);
SAME(LAN_STREAM_WRITABLE, SERPY_WRITABLE);
SAME(LAN_STREAM_SENT, SERPY_SENT);
SAME(LAN_STREAM_ASKED, SERPY_ASKED);
SAME(LAN_STREAM_STR, SERPY_STR);
SAME(LAN_STREAM_INT, SERPY_INT);
SAME(LAN_STREAM_FLOAT, SERPY_FLOAT);
SAME(LAN_STREAM_BYTES, SERPY_BYTES);
SAME(LAN_STREAM_OBJECT, SERPY_OBJECT);
SAME(LAN_STREAM_SERPY1, SERPY1);
SAME(LAN_STREAM_SERPY2, SERPY2);
SAME(LAN_STREAM_FULL_REFUSE, SERPY_FULL_REFUSE);
SAME(LAN_STREAM_FULL_DROP_OLD, SERPY_FULL_DROP_OLD);
SAME(LAN_STREAM_FULL_DROP_NEW, SERPY_FULL_DROP_NEW);

static void on_ready(void *ctx)
{
	struct lan_stream *s = ctx;
	stream_release(s);
	if (serpy_rested(s->core)) /* thousands of small pieces, which the allocator would keep for ever */
		malloc_trim(0);
	if (s->on_ready)
		s->on_ready(s->on_ready_ctx);
}

/* Data lent by the application that are done with. */
void stream_release(struct lan_stream *s)
{
	void (*release)(void *ctx), *ctx;
	if (s->releasing) /* from inside of one: the loop outside goes on */
		return;
	s->releasing = true;
	while (serpy_released(s->core, &release, &ctx))
		release(ctx);
	s->releasing = false;
}

/* Connections are descriptors: no more of them than there are. */
static uint32_t conns(uint32_t wanted)
{
	struct rlimit lim;
	rlim_t most = getrlimit(RLIMIT_NOFILE, &lim) == 0 ? lim.rlim_cur : wanted;
	most = most > 2 * SPARE_FILES ? most - SPARE_FILES : most / 2;
	return most >= wanted ? wanted : most ? (uint32_t)most : 1;
}

static struct serpy_config core_config(const struct lan_stream_config *cfg, bool serve)
{
	return (struct serpy_config){
		.dialect = (enum serpy_dialect)cfg->dialect,
		.server = serve,
		.max_message = cfg->max_message,
		.piece = cfg->piece,
		.pieces = cfg->pieces,
		.max_queue = cfg->max_queue,
		.full = (enum serpy_full)cfg->full,
		.max_events = cfg->max_events,
		.max_partial = cfg->max_partial,
		.frame_timeout = cfg->frame_timeout,
		.max_conns = serve ? conns(cfg->max_conns ? cfg->max_conns : MAX_CONNS) : 0,
		.once = cfg->once,
		.retries = cfg->retries,
		.retry_min = cfg->retry_min,
		.retry_max = cfg->retry_max,
		.encoding = cfg->encoding,
		.resend = cfg->resend,
		.window = cfg->window,
		.confirm = cfg->confirm,
		.resync = cfg->resync,
	};
}

static enum lan_err open_stream(
	struct lan_loop *loop, const struct lan_stream_config *user, bool serve, struct lan_stream **out)
{
	struct lan_stream_config cfg;
	enum lan_err e = lan_take_config(user, &cfg, sizeof cfg);
	if (e)
		return e;
	if (!serve && !cfg.address)
		return LAN_ERR_ADDR;
	if (cfg.dead_after && cfg.dead_after < LAN_SEC(1))
		return LAN_ERR_INVAL;
	struct lan_stream *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->loop = loop;
	s->dialect = cfg.dialect;
	s->objects = cfg.objects;
	s->env = (struct lan_env){.entropy = lan_entropy};
	struct serpy_config core = core_config(&cfg, serve);
	e = stream_encoding(s, cfg.encoding);
	if (!e)
		e = serpy_new(&s->env, &core, &s->core);
	struct lan_sdrv_config drv = {.loop = loop,
		.ops = &serpy_ops,
		.core = s->core,
		.address = cfg.address ? cfg.address : DEFAULT_ADDRESS,
		.default_port = DEFAULT_PORT,
		.dial_timeout = DIAL_TIMEOUT,
		.dead_after = cfg.dead_after ? cfg.dead_after : DEAD_AFTER,
		.ready = on_ready,
		.ctx = s};
	if (!e)
		e = serve ? lan_sdrv_listen(&drv, &s->drv) : lan_sdrv_dial(&drv, &s->drv);
	if (e) {
		lan_stream_close(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

enum lan_err lan_stream_serve(
	struct lan_loop *loop, const struct lan_stream_config *cfg, struct lan_stream **out)
{
	return open_stream(loop, cfg, true, out);
}

enum lan_err lan_stream_connect(
	struct lan_loop *loop, const struct lan_stream_config *cfg, struct lan_stream **out)
{
	return open_stream(loop, cfg, false, out);
}

void lan_stream_close(struct lan_stream *s)
{
	if (!s)
		return;
	lan_sdrv_close(s->drv);
	if (s->core) {
		serpy_give_up(s->core);
		stream_release(s);
	}
	serpy_free(s->core);
	stream_value_fini(s);
	free(s);
}

/* --- events ----------------------------------------------------------------------------------- */

static void hand_out(struct lan_stream *s, const struct serpy_event *from, struct lan_stream_event *ev)
{
	*ev = (struct lan_stream_event){
		.kind = (enum lan_stream_event_kind)from->kind,
		.conn = from->conn,
		.value = {.type = (enum lan_stream_type)from->value.type,
			.wide = from->value.wide,
			.integer = from->value.integer,
			.real = from->value.real,
			.data = from->value.data,
			.len = from->value.len},
		.mode = from->mode,
		.stale = from->stale,
		.last = from->last,
		.offset = from->offset,
		.total = from->total,
		.token = from->token,
		.lost = from->lost,
		.doubled = from->doubled,
		.unreached = from->unreached,
		.bytes = from->bytes,
		.cut = from->cut,
		.err = from->err,
		.reason = from->reason ? from->reason : "",
		.peer = from->peer ? from->peer : "",
		.connects = from->connects,
		.attempts = from->attempts,
		.pause = from->pause,
		.at = lan_loop_recent(s->loop),
	};
	if (from->value.type == SERPY_OBJECT && s->objects)
		stream_object(s, ev);
}

/* While the application works through many messages, what it has done so far is sent now and then: the other
 * end works on it meanwhile instead of sleeping. */
static void share(struct lan_stream *s)
{
	if (++s->since_flush >= STREAM_SHARE) {
		s->since_flush = 0;
		lan_sdrv_flush(s->drv);
	}
}

bool lan_stream_event(struct lan_stream *s, struct lan_stream_event *ev)
{
	struct serpy_event from;
	share(s);
	if (!serpy_event(s->core, lan_loop_recent(s->loop), &from)) {
		s->since_flush = 0;
		lan_sdrv_pump(s->drv);
		stream_release(s);
		return false;
	}
	hand_out(s, &from, ev);
	lan_sdrv_kick(s->drv);
	return true;
}

bool lan_stream_next(struct lan_stream *s, uint64_t conn, struct lan_stream_event *ev)
{
	struct serpy_event from;
	bool any = serpy_next(s->core, lan_loop_recent(s->loop), conn, &from);
	lan_sdrv_kick(s->drv);
	if (any)
		hand_out(s, &from, ev);
	return any;
}

/* --- the connections --------------------------------------------------------------------------- */

enum lan_err lan_stream_hold(struct lan_stream *s, uint64_t conn, bool hold)
{
	enum lan_err e = serpy_hold(s->core, lan_loop_now(s->loop), conn, hold);
	lan_sdrv_kick(s->drv);
	return e;
}

enum lan_err lan_stream_finish(struct lan_stream *s, uint64_t conn)
{
	enum lan_err e = serpy_finish(s->core, lan_loop_now(s->loop), conn);
	lan_sdrv_kick(s->drv);
	return e;
}

enum lan_err lan_stream_drop(struct lan_stream *s, uint64_t conn)
{
	enum lan_err e = serpy_drop(s->core, lan_loop_now(s->loop), conn);
	lan_sdrv_kick(s->drv);
	return e;
}

void lan_stream_stop(struct lan_stream *s)
{
	lan_sdrv_stop(s->drv);
}

uint64_t lan_stream_pending(const struct lan_stream *s)
{
	return serpy_pending(s->core);
}

uint64_t lan_stream_under_way(const struct lan_stream *s)
{
	return lan_sdrv_under_way(s->drv);
}

static void copy_status(const struct serpy_status *from, struct lan_stream_status *to)
{
	*to = (struct lan_stream_status){
		.conn = from->conn,
		.peer = from->peer,
		.up = from->up,
		.readable = from->readable,
		.held = from->held,
		.closing = from->closing,
		.in_mode = from->in_mode,
		.out_mode = from->out_mode,
		.connects = from->connects,
		.since = from->since,
		.last_rx = from->last_rx,
		.rx_messages = from->rx_messages,
		.tx_messages = from->tx_messages,
		.rx_bytes = from->rx_bytes,
		.tx_bytes = from->tx_bytes,
		.queued = from->queued,
		.queued_bytes = from->queued_bytes,
		.unacked = from->unacked,
		.lost = from->lost,
		.doubled = from->doubled,
	};
}

enum lan_err lan_stream_status(const struct lan_stream *s, uint64_t conn, struct lan_stream_status *out)
{
	struct serpy_status st;
	enum lan_err e = serpy_status(s->core, conn, &st);
	if (!e)
		copy_status(&st, out);
	return e;
}

bool lan_stream_conn(const struct lan_stream *s, size_t i, struct lan_stream_status *out)
{
	struct serpy_status st;
	if (!serpy_conn(s->core, i, &st))
		return false;
	copy_status(&st, out);
	return true;
}

size_t lan_stream_conns(const struct lan_stream *s)
{
	return serpy_conns(s->core);
}

bool lan_stream_counter(
	const struct lan_stream *s, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i < SERPY_C_N) {
		*name = serpy_counter_name((enum serpy_counter)i);
		*help = serpy_counter_help((enum serpy_counter)i);
		*value = serpy_counters(s->core)->v[i];
		return true;
	}
	if (i > SERPY_C_N)
		return false;
	*name = "no_descriptor";
	*help = "connections refused: out of file descriptors or memory";
	*value = lan_sdrv_refused(s->drv);
	return true;
}

const char *lan_stream_address(const struct lan_stream *s)
{
	return lan_sdrv_address(s->drv);
}

void lan_stream_on_ready(struct lan_stream *s, void (*fn)(void *ctx), void *ctx)
{
	s->on_ready = fn;
	s->on_ready_ctx = ctx;
}

/* --- words ------------------------------------------------------------------------------------- */

const char *lan_stream_event_name(enum lan_stream_event_kind kind)
{
	static const char *const names[] = {"", "up", "down", "message", "piece", "acked", "expired", "lost",
		"damaged", "refused", "retry", "gave-up", "writable", "sent", "asked"};
	return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}

const char *lan_stream_type_name(enum lan_stream_type type)
{
	static const char *const names[] = {"", "str", "int", "float", "bytes", "array", "object"};
	return (size_t)type < sizeof names / sizeof *names ? names[type] : "";
}

const char *lan_stream_dialect_name(enum lan_stream_dialect dialect)
{
	return dialect == LAN_STREAM_SERPY1 ? "serpy1" : dialect == LAN_STREAM_SERPY2 ? "serpy2" : "";
}

uint32_t lan_stream_sum(uint32_t sum, const void *data, size_t n)
{
	return serpy_sum(sum, data, n);
}
