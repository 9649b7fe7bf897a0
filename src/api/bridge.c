/*
 * bridge.c - <lanyard/bridge.h>: the bridge core with its driver on one side and
 * a link client on the other. Here: opening, closing, questions. What is passed
 * on between the two is in bridge_work.c.
 */
#include "api/take.h"
#include "api/bridge_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/addr.h"

static const struct {
	const char *name, *help;
} counters[BRIDGE_C_N] = {
#define X(n, h) {#n, h},
	BRIDGE_COUNTERS(X)
#undef X
};

static enum lan_err complain(
	const struct lan_bridge_config *cfg, enum lan_err e, const char *what, const char *why)
{
	if (cfg->why && cfg->why_size)
		snprintf(cfg->why, cfg->why_size, "%s%s%s", what, *what ? ": " : "", why);
	return e;
}

static enum lan_err check(const struct lan_bridge_config *cfg)
{
	struct lan_hostport hp;
	if (!cfg->serial == !cfg->i2c)
		return complain(cfg, LAN_ERR_INVAL, "", "give either a serial device or an I2C bus");
	if (cfg->i2c && (!cfg->syn || !cfg->ack))
		return complain(cfg, LAN_ERR_INVAL, cfg->i2c, "I2C needs the GPIO lines syn and ack");
	if (cfg->i2c && cfg->address > 0x7f)
		return complain(cfg, LAN_ERR_INVAL, cfg->i2c, "an I2C address is at most 0x7f");
	if (cfg->to_board && cfg->to_board < 404)
		return complain(cfg, LAN_ERR_INVAL, "", "the queue for the board holds at least 404 bytes");
	if (cfg->to_server && cfg->to_server < 1024)
		return complain(cfg, LAN_ERR_INVAL, "", "the queue for the server holds at least 1024 bytes");
	if (cfg->server && lan_hostport_parse(cfg->server, BRIDGE_PORT, &hp))
		return complain(cfg, LAN_ERR_ADDR, cfg->server, "this is not HOST:PORT");
	if (cfg->id && (!*cfg->id || strlen(cfg->id) > 255))
		return complain(cfg, LAN_ERR_INVAL, "", "an id has 1 to 255 bytes");
	return LAN_OK;
}

static enum lan_err open_parts(struct lan_bridge *b, const struct lan_bridge_config *cfg)
{
	const char *what = "", *why = lan_err_text(LAN_ERR_NOMEM);
	struct pblink_config core = {.transport = cfg->serial ? PBLINK_SERIAL : PBLINK_I2C,
		.tx_bytes = cfg->to_board,
		.silent = cfg->silent};
	struct lan_bdrv_config drv = {.loop = b->loop,
		.serial = cfg->serial,
		.baud = cfg->baud ? cfg->baud : 115200,
		.wait = cfg->wait_device,
		.i2c = cfg->i2c,
		.address = cfg->address ? cfg->address : 0x12,
		.syn = cfg->syn,
		.ack = cfg->ack,
		.rst = cfg->rst,
		.ready = bridge_on_core,
		.device = bridge_on_device,
		.ctx = b};
	enum lan_err e = pblink_new(&b->env, &core, lan_loop_now(b->loop), &b->core);
	if (e == LAN_ERR_INVAL)
		why = "the queue for the board holds at most 1 MiB";
	if (!e) {
		drv.core = b->core;
		e = lan_bdrv_open(&drv, &b->drv, &what, &why);
	}
	return e ? complain(cfg, e, what, why) : LAN_OK;
}

enum lan_err lan_bridge_open(
	struct lan_loop *loop, const struct lan_bridge_config *user, struct lan_bridge **out)
{
	struct lan_bridge_config cfg;
	enum lan_err e = lan_take_config(user, &cfg, sizeof cfg);
	if (!e)
		e = check(&cfg);
	if (e)
		return e;
	struct lan_bridge *b = calloc(1, sizeof *b);
	if (!b)
		return LAN_ERR_NOMEM;
	b->loop = loop;
	b->task = (struct lan_task){.fn = bridge_on_task, .ctx = b};
	b->first = cfg.first;
	b->to_server = cfg.to_server ? cfg.to_server : 64u << 10;
	b->no_network = LAN_NEVER;
	bridge_events_init(&b->events);
	b->force_server = cfg.server ? strdup(cfg.server) : NULL;
	b->force_id = cfg.id ? strdup(cfg.id) : NULL;
	if ((cfg.server && !b->force_server) || (cfg.id && !b->force_id))
		e = complain(&cfg, LAN_ERR_NOMEM, "", lan_err_text(LAN_ERR_NOMEM));
	if (!e)
		e = open_parts(b, &cfg);
	if (e) {
		lan_bridge_close(b);
		return e;
	}
	*out = b;
	return LAN_OK;
}

void lan_bridge_close(struct lan_bridge *b)
{
	if (!b)
		return;
	lan_link_close(b->link);
	lan_bdrv_close(b->drv);
	lan_task_cancel(b->loop, &b->task);
	pblink_free(b->core);
	bridge_events_fini(&b->events);
	free(b->force_server);
	free(b->force_id);
	free(b);
}

bool lan_bridge_event(struct lan_bridge *b, struct lan_bridge_event *ev)
{
	return bridge_events_pull(&b->events, ev);
}

void lan_bridge_status(const struct lan_bridge *b, struct lan_bridge_status *out)
{
	struct lan_link_status st = {0};
	const struct pblink_counters *c = pblink_counters(b->core);
	if (b->link && lan_link_status(b->link, NULL, &st))
		st = (struct lan_link_status){0};
	*out = (struct lan_bridge_status){.device = lan_bdrv_there(b->drv),
		.synced = pblink_synced(b->core),
		.configured = pblink_configured(b->core),
		.silent = pblink_silent(b->core),
		.up = b->up,
		.gave_up = b->gave_up,
		.id = b->id,
		.server = b->server,
		.connects = st.connects,
		.queued = st.queued,
		.unacked = st.unacked,
		.from_board = c->v[PBLINK_C_rx_lines],
		.to_board = c->v[PBLINK_C_tx_lines],
		.board_waiting = (uint32_t)pblink_rx_waiting(b->core),
		.server_waiting = (uint32_t)pblink_tx_waiting(b->core)};
}

bool lan_bridge_counter(
	const struct lan_bridge *b, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i < PBLINK_C_N) {
		*name = pblink_counter_name((enum pblink_counter)i);
		*help = pblink_counter_help((enum pblink_counter)i);
		*value = pblink_counters(b->core)->v[i];
		return true;
	}
	i -= PBLINK_C_N;
	if (i >= BRIDGE_C_N)
		return false;
	*name = counters[i].name;
	*help = counters[i].help;
	*value = i == BRIDGE_C_events_dropped ? b->events.dropped : b->count[i];
	return true;
}

void lan_bridge_on_ready(struct lan_bridge *b, void (*fn)(void *ctx), void *ctx)
{
	b->on_ready = fn;
	b->on_ready_ctx = ctx;
}
