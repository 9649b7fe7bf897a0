/*
 * streams_pump.c - the events of a stream: pulled (which acknowledges, and lets
 * the stream read on), published, logged, sent back.
 *
 * Pulling happens in a task at the end of a turn, a bounded number of events and
 * bytes each time, so that one busy stream cannot keep the others, the control
 * socket and the watchdog waiting. What strangers can cause at any rate is limited in the log, per stream,
 * kind and reason; the events and counters are not.
 */
#include "daemon/members.h"
#include "daemon/streams.h"

#include <string.h>

#define EVENTS_PER_TURN 256
#define BYTES_PER_TURN  (1u << 20)

static const char *reason_of(const struct lan_stream_event *ev)
{
	return said(ev->reason) ? ev->reason : ev->err ? lan_err_text(ev->err) : NULL;
}

static enum log_level level_of(const struct lan_stream_event *ev)
{
	switch (ev->kind) {
	case LAN_STREAM_UP:
	case LAN_STREAM_DOWN:
	case LAN_STREAM_RETRY:
		return LOG_L_INFO;
	case LAN_STREAM_LOST:
		return ev->err ? LOG_L_WARN : LOG_L_DEBUG; /* an orderly goodbye is no news */
	case LAN_STREAM_DAMAGED:
	case LAN_STREAM_REFUSED:
	case LAN_STREAM_EXPIRED:
		return LOG_L_WARN;
	case LAN_STREAM_GAVE_UP:
		return LOG_L_ERROR;
	case LAN_STREAM_PIECE:
		return ev->err ? LOG_L_WARN : LOG_L_DEBUG;
	case LAN_STREAM_MESSAGE:
	case LAN_STREAM_ACKED:
	case LAN_STREAM_WRITABLE:
	case LAN_STREAM_SENT:
	case LAN_STREAM_ASKED:
		break;
	}
	return LOG_L_DEBUG;
}

static void log_conn(const struct stream *k, const struct lan_stream_event *ev, const char *reason)
{
	bool up = ev->kind == LAN_STREAM_UP;
	const char *cause = !up ? reason : ev->connects > 1 ? "reconnected" : "connected";
	log_event(LOG_L_INFO, "conn-state", LOG_S("stream", stream_name(k)), LOG_U("conn", ev->conn),
		LOG_S("from", up ? "down" : "up"), LOG_S("to", up ? "up" : "down"), LOG_S("cause", cause),
		LOG_S("peer", said(ev->peer)));
}

static void log_loss(
	const struct stream *k, enum log_level level, const struct lan_stream_event *ev, const char *reason)
{
	log_event(level, "lost", LOG_S("stream", stream_name(k)), LOG_U("conn", ev->conn),
		LOG_U("lost", ev->lost), LOG_U("doubled", ev->doubled), LOG_U("unreached", ev->unreached),
		LOG_S("reason", reason));
}

static void log_stream_event(struct stream *k, const struct lan_stream_event *ev)
{
	const char *kind = lan_stream_event_name(ev->kind), *reason = reason_of(ev);
	enum log_level level = level_of(ev);
	if (!log_enabled(level) || (level != LOG_L_DEBUG && !entry_may_log(&k->e, kind, reason)))
		return;
	if (ev->kind == LAN_STREAM_UP || ev->kind == LAN_STREAM_DOWN)
		log_conn(k, ev, reason);
	else if (ev->kind == LAN_STREAM_LOST)
		log_loss(k, level, ev, reason);
	else if (ev->kind == LAN_STREAM_REFUSED)
		log_event(level, kind, LOG_S("stream", stream_name(k)), LOG_S("peer", said(ev->peer)),
			LOG_S("reason", reason));
	else if (ev->kind == LAN_STREAM_RETRY || ev->kind == LAN_STREAM_GAVE_UP)
		log_event(level, kind, LOG_S("stream", stream_name(k)), LOG_U("attempts", ev->attempts),
			LOG_S("reason", reason));
	else if (ev->kind == LAN_STREAM_DAMAGED)
		log_event(level, kind, LOG_S("stream", stream_name(k)), LOG_U("conn", ev->conn),
			LOG_U("bytes", ev->bytes), LOG_S("reason", reason));
	else
		log_event(level, kind, LOG_S("stream", stream_name(k)), LOG_U("conn", ev->conn),
			LOG_U("bytes", ev->value.len), LOG_S("reason", reason));
}

/* As it came: text goes back as text in the modes that carry it bare, where bytes would become base85; a
 * pickle goes back untouched. */
static struct lan_stream_value answer(const struct stream *k, const struct lan_stream_event *ev)
{
	struct lan_stream_value v = ev->value;
	const char *encoding = stream_cfg(k)->encoding;
	bool bare = encoding && ev->mode <= 1 &&
		    (strcmp(encoding, "utf-8") == 0 || strcmp(encoding, "ascii") == 0);
	if (v.type == LAN_STREAM_BYTES && bare && lan_stream_is_text(&v))
		v.type = LAN_STREAM_STR;
	v.json = NULL;
	return v;
}

/* The queue towards a peer that does not read is bounded; what does not fit is counted and said. */
static void echo(struct stream *k, const struct lan_stream_event *ev)
{
	struct lan_stream_value v = answer(k, ev);
	struct lan_stream_how how = LAN_STREAM_HOW_INIT;
	uint64_t conn = ev->conn;
	enum lan_err e;
	how.mode = ev->mode;
	e = lan_stream_send(k->s, conn, &v, &how, NULL);
	if (e == LAN_OK)
		return;
	k->echo_lost++;
	if (entry_may_log(&k->e, "echo-lost", lan_err_text(e)))
		log_event(LOG_L_WARN, "echo-lost", LOG_S("stream", stream_name(k)), LOG_U("conn", conn),
			LOG_S("reason", lan_err_text(e)));
}

/* Of a message: who sent it. */
static void add_peer(struct text *t, const struct stream *k, uint64_t conn)
{
	struct lan_stream_status st;
	if (lan_stream_status(k->s, conn, &st) == LAN_OK)
		member_text(t, "peer", st.peer);
}

static void handle(struct stream *k, const struct lan_stream_event *ev)
{
	const struct config_stream *cfg = stream_cfg(k);
	struct text *t = &k->e.all->scratch;
	bool message = ev->kind == LAN_STREAM_MESSAGE;
	text_clear(t);
	stream_members(t, ev, strcmp(cfg->dialect, "serpy1") == 0);
	if (message && !said(ev->peer))
		add_peer(t, k, ev->conn);
	entry_publish(&k->e, lan_stream_event_name(ev->kind), message ? NULL : reason_of(ev), t);
	log_stream_event(k, ev);
	if (message && *cfg->echo)
		echo(k, ev);
	if (ev->kind == LAN_STREAM_GAVE_UP || (ev->kind == LAN_STREAM_DOWN && cfg->once && *cfg->once))
		k->ended = true;
}

void stream_pump(void *ctx)
{
	struct stream *k = ctx;
	struct lan_stream_event ev;
	size_t n = 0, bytes = 0;
	while (k->s && n < EVENTS_PER_TURN && bytes < BYTES_PER_TURN && lan_stream_event(k->s, &ev)) {
		bool data = ev.kind == LAN_STREAM_MESSAGE || ev.kind == LAN_STREAM_PIECE;
		bytes += data ? ev.value.len : 0;
		handle(k, &ev);
		n++;
	}
	if (n == EVENTS_PER_TURN || bytes >= BYTES_PER_TURN)
		entry_ready(&k->e);
}
