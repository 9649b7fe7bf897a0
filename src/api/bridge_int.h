/*
 * bridge_int.h - the inside of struct lan_bridge: bridge.c opens, closes and
 * answers questions, bridge_work.c passes lines on.
 */
#ifndef LAN_API_BRIDGE_INT_H
#define LAN_API_BRIDGE_INT_H

#include <lanyard/bridge.h>
#include "api/bridge_events.h"
#include "drv/bridge.h"

#define BRIDGE_PORT 8123

#define BRIDGE_COUNTERS(X)                                                                 \
	X(line_not_text, "lines of the board refused: not UTF-8 or with CR or NUL")        \
	X(purged, "times lines were dropped: the board configured another link meanwhile") \
	X(links, "links opened for configurations of the board")                           \
	X(unplugged, "times the serial device went away")                                  \
	X(events_dropped, "events dropped because nobody pulled them")

enum bridge_counter {
#define X(name, help) BRIDGE_C_##name,
	BRIDGE_COUNTERS(X)
#undef X
		BRIDGE_C_N
};

struct lan_bridge {
	struct lan_loop *loop;
	struct lan_env env;
	struct pblink *core;
	struct lan_bdrv *drv;
	struct lan_link *link; /* NULL: not configured yet */
	struct lan_task task;
	struct bridge_events events;
	char *force_server, *force_id;
	char id[256], server[300];
	lan_time timeout;
	enum lan_link_first first;
	uint32_t to_server;
	bool up, gave_up, ever_up, said_network;
	lan_time no_network; /* since when; LAN_NEVER: it is there */
	uint64_t count[BRIDGE_C_N];
	bool working;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
};

/* What the driver of the board's side calls. */
void bridge_on_core(void *ctx);
void bridge_on_device(void *ctx, bool there, enum lan_err e, const char *why);
/* The task: events of the link are waiting. */
void bridge_on_task(void *ctx);

#endif
