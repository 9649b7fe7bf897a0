/*
 * pblink.h - the bridge between a board without a network and the line link:
 * the part the ESP8266 plays in micropython-iot's Pyboard chain, as a pure core.
 *
 * The board starts an exchange every 100 ms; in each, both sides send one
 * length word and at most one buffer of 200 bytes. The core is one machine for
 * exchanges, sessions and lines (pblink.c) under one of two transports: levels
 * and transfers of the original's I2C wiring (pblink_i2c.c), or the framing for
 * a serial line that is Lanyard's own (pblink_serial.c). docs/protocols/pblink.md
 * describes both.
 *
 * What the core is given is bounded by its configuration: lines from the board
 * wait in `rx_bytes`, then bit 7 holds the board off; lines for the board wait
 * in `tx_bytes`, then pblink_send says LAN_ERR_FULL. Everything malformed is
 * refused with a counter and an event, and the next exchange starts clean.
 */
#ifndef LAN_PROTO_PBLINK_H
#define LAN_PROTO_PBLINK_H

#include "proto/proto.h"

#define PBLINK_BUF      200 /* the receive buffer of either side */
#define PBLINK_LINE_MAX 198 /* payload of a line: header and LF fill the buffer */

#define PBLINK_COUNTERS(X)                                                        \
	X(syncs, "sessions started by the board")                                 \
	X(exchanges, "exchanges completed")                                       \
	X(repeats, "exchanges asked for again by the board (serial)")             \
	X(rx_lines, "lines received from the board")                              \
	X(tx_lines, "lines of the server delivered to the board")                 \
	X(tx_control, "control lines (k u d r b s) delivered to the board")       \
	X(rx_held_off, "exchanges in which the board was told to wait (bit 7)")   \
	X(tx_held_off, "exchanges in which the board could not take data")        \
	X(configs, "configurations accepted")                                     \
	X(config_refused, "configurations refused")                               \
	X(line_unconfigured, "lines refused: no configuration yet")               \
	X(line_header, "lines refused: header is not 0, 1, 2 or 3")               \
	X(line_empty, "lines refused: nothing after the header")                  \
	X(line_long, "lines refused: more than 200 bytes")                        \
	X(rx_overrun, "payloads refused: sent although told to wait")             \
	X(tx_too_long, "lines of the server dropped: more than 198 bytes")        \
	X(tx_again, "lines sent to the board again after a broken exchange")      \
	X(bad_length, "exchanges refused: length over 200")                       \
	X(no_payload, "exchanges in which an announced payload never came (I2C)") \
	X(level_timeout, "exchanges given up: a level did not change in time")    \
	X(bus_error, "exchanges given up: a transfer failed")                     \
	X(bad_check, "frames refused: checksum")                                  \
	X(broken_frame, "frames cut short by silence or by another frame")        \
	X(noise_bytes, "bytes outside of any frame")                              \
	X(unsynced_frames, "frames refused: no session")                          \
	X(tx_overrun, "answers dropped: the line does not take them")

enum pblink_counter {
#define X(name, help) PBLINK_C_##name,
	PBLINK_COUNTERS(X)
#undef X
		PBLINK_C_N
};
struct pblink_counters {
	uint64_t v[PBLINK_C_N];
};
const char *pblink_counter_name(enum pblink_counter c);
const char *pblink_counter_help(enum pblink_counter c);

/* The board's first line in a session, checked. WLAN name and password are
 * read and dropped: the network is the host's business. */
struct pblink_settings {
	char id[PBLINK_BUF];     /* without the trailing LF the original allows */
	char server[PBLINK_BUF]; /* address or name */
	uint16_t port;
	lan_time timeout;
	lan_time report; /* period of `r` lines, 0: none */
};

/* Parse the list in line[0..len) (without LF). On LAN_ERR_CONFIG *reason is a
 * short sentence (static) and *out is undefined. */
LAN_WUR enum lan_err pblink_settings_parse(
	const char *line, size_t len, struct pblink_settings *out, const char **reason);

enum pblink_event_kind {
	PBLINK_SYNCED = 1, /* the board started a session; its configuration comes next */
	PBLINK_CONFIG,     /* accepted: pblink_settings() */
	PBLINK_RESET,      /* the session ended: reason */
	PBLINK_ERROR,      /* something was refused: err, reason */
	PBLINK_SILENT,     /* nothing heard for config.silent */
	PBLINK_HEARD,      /* heard again after that */
	PBLINK_REPORT_DUE  /* call pblink_report */
};
struct pblink_event {
	enum pblink_event_kind kind;
	enum lan_err err;
	const char *reason; /* static text, "" where there is none */
};

enum pblink_transport { PBLINK_I2C, PBLINK_SERIAL };

/* Zero in a field means its default. */
struct pblink_config {
	enum pblink_transport transport;
	uint32_t rx_bytes;  /* lines from the board; 200 .. 1 MiB; default 4096. 200 = one buffer, as the
			       original */
	uint32_t tx_bytes;  /* lines for the board; 202 .. 1 MiB; default 12928 (64 of the longest) */
	lan_time keepalive; /* period of `k`; default 2 s (the board waits 4 s) */
	lan_time silent;    /* default 5 s */
	lan_time level;   /* longest wait for a level of syn; default 1.5 s (the board's own limit is 1 s) */
	lan_time payload; /* longest wait for an announced payload (I2C), or inside a frame (serial);
			     default 500 ms */
};

struct pblink;

/* LAN_ERR_NOMEM, LAN_ERR_INVAL. `env` must outlive the core. */
LAN_WUR enum lan_err pblink_new(
	const struct lan_env *env, const struct pblink_config *cfg, lan_time now, struct pblink **out);
void pblink_free(struct pblink *p);

/* Time passed; the earliest moment that matters. */
void pblink_tick(struct pblink *p, lan_time now);
lan_time pblink_deadline(const struct pblink *p);

/* Pull the next event; false: none. More than fit (16) are counted only. */
bool pblink_event(struct pblink *p, struct pblink_event *ev);

/* The oldest line from the board, a view until pblink_line_done or the next
 * input; false: none. Not NUL-terminated, without header and LF. */
struct pblink_line {
	const char *text;
	size_t len;
	bool qos, wait;
};
bool pblink_line(const struct pblink *p, struct pblink_line *out);
void pblink_line_done(struct pblink *p);

/* Queue a line of the server for the board. LAN_ERR_TOOBIG (counted, gone),
 * LAN_ERR_FULL (ask pblink_tx_room first). */
LAN_WUR enum lan_err pblink_send(struct pblink *p, const char *line, size_t len);
bool pblink_tx_room(const struct pblink *p); /* the longest line would fit */

/* Forget all lines both ways: they belong to another id or server. Returns how many bytes. */
size_t pblink_purge(struct pblink *p);

/* What the board is told of the server: `u`, `d`; the first `u` starts `k`. */
void pblink_server(struct pblink *p, lan_time now, bool up);
enum pblink_bad { PBLINK_BAD_NETWORK, PBLINK_BAD_SERVER };
void pblink_bad(struct pblink *p, enum pblink_bad what); /* `b`, `s` */
void pblink_report(struct pblink *p, uint32_t connects, uint64_t mem_free);

bool pblink_synced(const struct pblink *p);
bool pblink_configured(const struct pblink *p); /* in this session */
bool pblink_silent(const struct pblink *p);
const struct pblink_settings *pblink_settings(const struct pblink *p); /* NULL: none yet */
size_t pblink_rx_waiting(const struct pblink *p);                      /* bytes */
size_t pblink_tx_waiting(const struct pblink *p);
const struct pblink_counters *pblink_counters(const struct pblink *p);

/* Serial: bytes that arrived; bytes to write (view until the next call) and how
 * many were taken; the device went away (what is half received is gone, the
 * session stays). */
void pblink_serial_input(struct pblink *p, lan_time now, const uint8_t *buf, size_t n);
const uint8_t *pblink_serial_pending(const struct pblink *p, size_t *n);
void pblink_serial_sent(struct pblink *p, size_t n);
void pblink_serial_lost(struct pblink *p);

/* I2C: what the driver shall do next, in order; then what happened. A READ or
 * WRITE is answered by exactly one pblink_i2c_done, and no further one is asked
 * for before that. */
enum pblink_act_kind { PBLINK_ACT_ACK = 1, PBLINK_ACT_READ, PBLINK_ACT_WRITE };
struct pblink_act {
	enum pblink_act_kind kind;
	bool level;         /* ACK */
	size_t n;           /* READ, WRITE */
	const uint8_t *buf; /* WRITE: view until pblink_i2c_done */
};
bool pblink_i2c_act(struct pblink *p, struct pblink_act *out);
void pblink_i2c_syn(struct pblink *p, lan_time now, bool level);
void pblink_i2c_rst(struct pblink *p, lan_time now, bool level);
void pblink_i2c_done(struct pblink *p, lan_time now, enum lan_err result, const uint8_t *buf, size_t n);

#endif
