/*
 * bridge_work.c - the passing on of <lanyard/bridge.h>.
 *
 * Pressure goes through both ways. A line of the board stays in the core until
 * the link took it; the core then holds the board off by itself. Events of the
 * link are pulled only while the longest line would fit into the core; a link
 * that is not pulled stops acknowledging and reading by itself.
 *
 * The link outlives the board's sessions: when the board starts again with the
 * configuration it had, the server notices nothing and no line is lost. With
 * another id or server the old link is closed and what was queued for it goes,
 * counted, because it belongs to somebody else.
 */
#include "api/bridge_int.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include "io/addr.h"

/* How long no network is reported to the board as such: the original's patience. */
#define NO_NETWORK LAN_SEC(20)

static void tell(struct lan_bridge *b, struct lan_bridge_event ev)
{
	ev.at = lan_loop_now(b->loop);
	bridge_events_put(&b->events, &ev);
}

static void tell_error(struct lan_bridge *b, enum lan_err e, const char *reason, const char *line, size_t len)
{
	tell(b, (struct lan_bridge_event){
			.kind = LAN_BRIDGE_ERROR, .err = e, .reason = reason, .line = line, .len = len});
}

static void on_link_ready(void *ctx)
{
	struct lan_bridge *b = ctx;
	lan_task_queue(b->loop, &b->task); /* a link may not be closed from here */
}

/* ---- the board's side -------------------------------------------------- */

/* `other`: what is queued in the core belongs to another id or server now. */
static void close_link(struct lan_bridge *b, bool other)
{
	size_t left = b->link ? lan_link_pending(b->link) : 0;
	if (b->link && b->up)
		tell(b, (struct lan_bridge_event){.kind = LAN_BRIDGE_DOWN,
				.server = b->server,
				.reason = "closed by the bridge"});
	lan_link_close(b->link);
	b->link = NULL;
	b->up = b->gave_up = false;
	pblink_server(b->core, lan_loop_now(b->loop), false);
	size_t purged = other ? pblink_purge(b->core) : 0;
	if (left || purged) {
		b->count[BRIDGE_C_purged]++;
		tell_error(b, LAN_ERR_CLOSED,
			"lines were dropped: the board configured another link meanwhile", NULL, 0);
	}
}

static enum lan_err open_link(struct lan_bridge *b)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	cfg.address = b->server;
	cfg.id = b->id;
	cfg.timeout = b->timeout;
	cfg.first = b->first;
	cfg.max_queue = b->to_server;
	b->ever_up = b->said_network = false;
	b->no_network = LAN_NEVER;
	b->count[BRIDGE_C_links]++;
	enum lan_err e = lan_link_connect(b->loop, &cfg, &b->link);
	if (!e)
		lan_link_on_ready(b->link, on_link_ready, b);
	return e;
}

static void configured(struct lan_bridge *b)
{
	const struct pblink_settings *s = pblink_settings(b->core);
	struct lan_hostport hp = {.port = s->port};
	char server[sizeof b->server];
	snprintf(hp.host, sizeof hp.host, "%s", s->server);
	if (b->force_server)
		snprintf(server, sizeof server, "%s", b->force_server);
	else
		lan_hostport_text(&hp, server, sizeof server);
	const char *id = b->force_id ? b->force_id : s->id;
	tell(b, (struct lan_bridge_event){.kind = LAN_BRIDGE_CONFIGURED, .id = id, .server = server});
	bool other = strcmp(server, b->server) != 0 || strcmp(id, b->id) != 0;
	if (b->link && !b->gave_up && !other && s->timeout == b->timeout)
		return;
	if (b->link)
		close_link(b, other);
	snprintf(b->id, sizeof b->id, "%s", id);
	snprintf(b->server, sizeof b->server, "%s", server);
	b->timeout = s->timeout;
	enum lan_err e = open_link(b);
	if (e)
		tell_error(b, e, "the board's server or id cannot be used", NULL, 0);
}

static void report(struct lan_bridge *b)
{
	struct lan_link_status st = {0};
	struct sysinfo si;
	uint64_t mem = sysinfo(&si) == 0 ? (uint64_t)si.freeram * si.mem_unit : 0;
	if (b->link && lan_link_status(b->link, NULL, &st))
		st.connects = 0;
	/* A small integer of a 32-bit MicroPython holds 30 bits. */
	pblink_report(b->core, st.connects, mem < (1u << 30) - 1 ? mem : (1u << 30) - 1);
}

static void board_event(struct lan_bridge *b, const struct pblink_event *ev)
{
	static const enum lan_bridge_event_kind kinds[] = {
		[PBLINK_SYNCED] = LAN_BRIDGE_SYNCED,
		[PBLINK_RESET] = LAN_BRIDGE_RESET,
		[PBLINK_ERROR] = LAN_BRIDGE_ERROR,
		[PBLINK_SILENT] = LAN_BRIDGE_SILENT,
		[PBLINK_HEARD] = LAN_BRIDGE_HEARD,
	};
	switch (ev->kind) {
	case PBLINK_CONFIG:
		configured(b);
		break;
	case PBLINK_REPORT_DUE:
		report(b);
		break;
	case PBLINK_SYNCED:
	case PBLINK_RESET:
	case PBLINK_ERROR:
	case PBLINK_SILENT:
	case PBLINK_HEARD:
		tell(b, (struct lan_bridge_event){
				.kind = kinds[ev->kind], .err = ev->err, .reason = ev->reason});
		break;
	}
}

/* Hand lines of the board to the link. False: it takes no more now. */
static bool pass_on(struct lan_bridge *b, const struct pblink_line *l)
{
	unsigned flags = l->qos ? LAN_LINK_QOS | (l->wait ? LAN_LINK_WAIT : 0) : 0;
	enum lan_err e = lan_link_write(b->link, NULL, l->text, l->len, flags, NULL);
	if (e == LAN_ERR_FULL || e == LAN_ERR_NOMEM)
		return false;
	if (e) {
		b->count[BRIDGE_C_line_not_text]++;
		tell_error(b, e, "a line of the board cannot be sent", NULL, 0);
		return true;
	}
	tell(b, (struct lan_bridge_event){.kind = LAN_BRIDGE_FROM_BOARD,
			.line = l->text,
			.len = l->len,
			.qos = l->qos,
			.wait = l->wait});
	return true;
}

/* ---- the server's side ------------------------------------------------- */

/* The original tells the board of no network after 20 s of trying; it tells it
 * of a server that is not there at once, and stops. */
static void failed(struct lan_bridge *b, const struct lan_link_event *ev)
{
	bool network = ev->err == LAN_ERR_UNREACH || ev->err == LAN_ERR_ADDR;
	lan_time now = lan_loop_now(b->loop);
	b->gave_up = b->first == LAN_LINK_FIRST_GIVE_UP && ev->kind == LAN_LINK_FIRST_FAILED;
	b->no_network = !network ? LAN_NEVER : b->no_network == LAN_NEVER ? now : b->no_network;
	tell(b, (struct lan_bridge_event){.kind = b->gave_up ? LAN_BRIDGE_GAVE_UP : LAN_BRIDGE_RETRY,
			.server = b->server,
			.err = ev->err,
			.reason = ev->reason});
	bool long_gone = !b->ever_up && !b->said_network && b->no_network != LAN_NEVER &&
			 now - b->no_network >= NO_NETWORK;
	if (b->gave_up && !network)
		pblink_bad(b->core, PBLINK_BAD_SERVER);
	if ((b->gave_up && network) || long_gone) {
		b->said_network = true;
		pblink_bad(b->core, PBLINK_BAD_NETWORK);
	}
}

static void message(struct lan_bridge *b, const struct lan_link_event *ev)
{
	if (pblink_send(b->core, ev->line, ev->len) == LAN_OK)
		tell(b, (struct lan_bridge_event){
				.kind = LAN_BRIDGE_TO_BOARD, .line = ev->line, .len = ev->len});
	else
		tell_error(b, LAN_ERR_TOOBIG, "a line of the server is too long for the board (198 bytes)",
			ev->line, ev->len);
}

static void link_event(struct lan_bridge *b, const struct lan_link_event *ev)
{
	switch (ev->kind) {
	case LAN_LINK_MESSAGE:
		message(b, ev);
		break;
	case LAN_LINK_UP:
	case LAN_LINK_DOWN:
		b->up = ev->kind == LAN_LINK_UP;
		b->ever_up = true;
		pblink_server(b->core, lan_loop_now(b->loop), b->up);
		tell(b, (struct lan_bridge_event){.kind = b->up ? LAN_BRIDGE_UP : LAN_BRIDGE_DOWN,
				.server = b->server,
				.connects = ev->connects,
				.err = ev->err,
				.reason = ev->reason});
		break;
	case LAN_LINK_FIRST_FAILED:
	case LAN_LINK_RETRY:
		failed(b, ev);
		break;
	case LAN_LINK_REFUSED:
		tell_error(
			b, LAN_ERR_REFUSED, "the server closed without a word: is the id in use?", NULL, 0);
		break;
	case LAN_LINK_LOST:
		tell_error(
			b, LAN_ERR_CLOSED, "a line of the board without qos may not have arrived", NULL, 0);
		break;
	case LAN_LINK_ACKED:
	case LAN_LINK_ALL_UP:
	case LAN_LINK_HEARTBEAT:
	case LAN_LINK_WRITABLE: /* lines are tried again below in any case */
		break;
	}
}

/* ---- all of it --------------------------------------------------------- */

static void work(struct lan_bridge *b)
{
	struct pblink_event pe;
	struct pblink_line line;
	struct lan_link_event le;
	if (b->working)
		return;
	b->working = true;
	while (pblink_event(b->core, &pe))
		board_event(b, &pe);
	while (b->link && pblink_tx_room(b->core) && lan_link_event(b->link, &le))
		link_event(b, &le);
	while (b->link && !b->gave_up && pblink_line(b->core, &line) && pass_on(b, &line))
		pblink_line_done(b->core);
	while (pblink_event(b->core, &pe))
		board_event(b, &pe);
	b->working = false;
	if (lan_ring_len(&b->events.ring) > b->events.pulled) {
		lan_loop_note(b->loop);
		if (b->on_ready)
			b->on_ready(b->on_ready_ctx);
	}
}

void bridge_on_task(void *ctx)
{
	struct lan_bridge *b = ctx;
	work(b);
	lan_bdrv_kick(b->drv);
}

void bridge_on_core(void *ctx)
{
	work(ctx);
}

void bridge_on_device(void *ctx, bool there, enum lan_err e, const char *why)
{
	struct lan_bridge *b = ctx;
	b->count[BRIDGE_C_unplugged] += !there;
	tell(b, (struct lan_bridge_event){
			.kind = there ? LAN_BRIDGE_PLUGGED : LAN_BRIDGE_UNPLUGGED, .err = e, .reason = why});
}
