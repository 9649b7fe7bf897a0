/*
 * bridge.h - bring a board without a network onto the line link: the board
 * talks to this host over a serial line or I2C, the host talks to the server
 * for it. It is the part of the ESP8266 in micropython-iot's Pyboard chain; the
 * server sees an ordinary client. Wire: docs/protocols/pblink.md. Man pages:
 * liblanyard(3), lanyard-link(7).
 *
 * A bridge works by itself as long as its loop runs. It connects to the server
 * when the board has sent its configuration. Events only tell what happened;
 * while nobody pulls them, the newest are dropped and counted.
 *
 * Lines of the server are acknowledged when they enter the bridge's queue for
 * the board; while that is full the server is held back. Lines of the board are
 * taken into the link's queue; while that is full the board is held back.
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_BRIDGE_H
#define LANYARD_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/link.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_bridge;

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_bridge_config {
	size_t size;               /* sizeof(struct lan_bridge_config): set by the INIT macro */
	const char *serial;        /* a serial device; or NULL, and */
	uint32_t baud;             /* default 115200 */
	bool wait_device;          /* wait for a device that is not there yet */
	const char *i2c;           /* an I2C bus: "/dev/i2c-1" or "1" */
	uint16_t address;          /* of the board on the bus, default 0x12 */
	const char *syn;           /* GPIO line driven by the board, "CHIP:LINE", needed with i2c */
	const char *ack;           /* GPIO line driven by us, needed with i2c */
	const char *rst;           /* GPIO line by which the board asks for a reset, optional */
	const char *server;        /* HOST:PORT to use whatever the board configures */
	const char *id;            /* the same for the id */
	enum lan_link_first first; /* GIVE_UP: a first attempt that fails is told to the board (b, s)
				      and no more are made until it configures again */
	uint32_t to_server;        /* bytes of lines towards the server before the board is held off;
				      default 64 KiB */
	uint32_t to_board;         /* bytes of lines towards the board before the server is held back;
				      404 .. 1 MiB; default 12928, 64 of the longest */
	lan_time silent;           /* nothing heard from the board for this long is reported; default 5 s */
	char *why; /* where open writes a sentence when it fails, why_size bytes; NULL: nowhere */
	size_t why_size;
};
#define LAN_BRIDGE_CONFIG_INIT                           \
	{                                                \
		.size = sizeof(struct lan_bridge_config) \
	}

enum lan_bridge_event_kind {
	LAN_BRIDGE_PLUGGED = 1, /* the serial device is there again */
	LAN_BRIDGE_UNPLUGGED,   /* it went away: err, reason. What was queued stays queued */
	LAN_BRIDGE_SYNCED,      /* the board started a session */
	LAN_BRIDGE_CONFIGURED,  /* its configuration was taken: id, server */
	LAN_BRIDGE_RESET,       /* the session ended: reason */
	LAN_BRIDGE_UP,          /* the server can be talked to: server, connects */
	LAN_BRIDGE_DOWN,        /* the connection ended: server, err, reason */
	LAN_BRIDGE_RETRY,       /* an attempt to connect failed: server, err, reason */
	LAN_BRIDGE_GAVE_UP,     /* the first one failed, and that was it: server, err, reason */
	LAN_BRIDGE_FROM_BOARD,  /* a line was passed on to the server: line, len, qos, wait */
	LAN_BRIDGE_TO_BOARD,    /* a line of the server was queued for the board: line, len */
	LAN_BRIDGE_ERROR,       /* something was refused or dropped: err, reason; line if it was one */
	LAN_BRIDGE_SILENT,      /* nothing was heard from the board for config.silent */
	LAN_BRIDGE_HEARD        /* it was heard again */
};

/* id, server, line and reason are views: they die at the next call on the bridge. */
struct lan_bridge_event {
	enum lan_bridge_event_kind kind;
	const char *id, *server;
	const char *line; /* NUL-terminated, len bytes before the NUL */
	size_t len;
	bool qos, wait;
	enum lan_err err;
	const char *reason;
	uint32_t connects;
	lan_time at;
};

/* A snapshot. id and server are views, "" before a configuration. */
struct lan_bridge_status {
	bool device;     /* the serial device is there */
	bool synced;     /* the board has a session */
	bool configured; /* and its configuration was taken */
	bool silent;
	bool up; /* the server can be talked to */
	bool gave_up;
	const char *id, *server;
	uint32_t connects, queued, unacked; /* of the link, see lan_link_status */
	uint64_t from_board, to_board;      /* lines passed on, lines delivered */
	uint32_t board_waiting;             /* bytes of the board not taken by the link yet */
	uint32_t server_waiting;            /* bytes of the server not taken by the board yet */
};

/* Open a bridge. LAN_ERR_INVAL (neither or both of serial and i2c, i2c without
 * its lines, a value outside its range), LAN_ERR_ADDR (server), LAN_ERR_NOTFOUND,
 * LAN_ERR_PERM, LAN_ERR_EXISTS (the device is in use), LAN_ERR_NOTSUP,
 * LAN_ERR_NOMEM, LAN_ERR_LIMIT, LAN_ERR_IO. */
LAN_API LAN_WUR enum lan_err lan_bridge_open(
	struct lan_loop *loop, const struct lan_bridge_config *cfg, struct lan_bridge **out);

/* Close and free; lines that are queued are gone. NULL is fine. */
LAN_API void lan_bridge_close(struct lan_bridge *b);

/* Pull the next event. False: none left. */
LAN_API bool lan_bridge_event(struct lan_bridge *b, struct lan_bridge_event *ev);

LAN_API void lan_bridge_status(const struct lan_bridge *b, struct lan_bridge_status *out);

/* Counters with reasons, number i (0..): its name, what it means, its value; false past the end. */
LAN_API bool lan_bridge_counter(
	const struct lan_bridge *b, size_t i, const char **name, const char **help, uint64_t *value);

/* Have `fn(ctx)` called, from inside the loop, whenever events became
 * available. It may call anything but lan_bridge_close and the loop. */
LAN_API void lan_bridge_on_ready(struct lan_bridge *b, void (*fn)(void *ctx), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
