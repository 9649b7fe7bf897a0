/*
 * pblink_board.h - boards to test the bridge core against, on a virtual clock:
 * one on I2C wires that does what the original's initiator does, its habit of
 * keeping a stale length word included, and one on a serial line that does what
 * docs/protocols/pblink.md asks of a board.
 */
#ifndef TEST_PBLINK_BOARD_H
#define TEST_PBLINK_BOARD_H

#include "proto/iot/pblink.h"

#define BOARD_LINES 1200
#define BOARD_CFG   "[\"7\\n\", 8123, \"127.0.0.1\", 2000, 0, \"ssid\", \"pw\", \"cfg\"]\n"

/* What both kinds of board write and have read. */
struct board_app {
	char tx[BOARD_LINES][PBLINK_BUF + 16];
	int tx_n, tx_next;
	char rx[BOARD_LINES][PBLINK_BUF + 1]; /* lines `n`, without header and LF */
	int rx_n;
	char control[BOARD_LINES]; /* headers of the other lines, in order */
	int control_n;
	bool deaf; /* the application does not read: bit 7 */
	const char *config;
};

struct i2c_board {
	struct pblink *core;
	struct board_app app;
	lan_time now;
	bool syn, ack, rst, has_rst_wire;
	int pc;
	lan_time t, until;
	/* the buffers of the original's channel, with its lengths kept apart */
	uint8_t tx[PBLINK_BUF + 16], txsiz[2], word[2], rx[PBLINK_BUF];
	size_t tx_n, rx_n;
	bool cantx, configured, dead; /* dead: the processor is held in reset */
	/* what the slave is doing on the bus */
	enum { BUS_OFF, BUS_OFFER, BUS_LISTEN } bus;
	const uint8_t *offer;
	uint8_t *listen;
	size_t bus_n;
	int boots, exchanges;
	int fail_transfers; /* so many transfers to come go wrong */
	size_t announce;    /* announce so much and send nothing, once */
};

void i2c_board_init(struct i2c_board *b, struct pblink *core);
void i2c_board_restart(struct i2c_board *b); /* as a power cycle: lines being sent are gone */
void i2c_board_run(struct i2c_board *b, lan_time how_long);

struct serial_board {
	struct pblink *core;
	struct board_app app;
	lan_time now, next, answer_by;
	bool synced, waiting, configured, dead, unplugged;
	uint8_t nonce, seq;
	uint8_t req[256];
	size_t req_n;
	bool carried; /* req holds a line of app.tx or the configuration */
	uint8_t in[512];
	size_t in_n;
	bool peer_full, rx_full;
	int starts, refusals[8];
	/* the line */
	uint64_t seed;
	unsigned hurt; /* one byte in so many is lost, changed or joined by another; 0 none */
};

void serial_board_init(struct serial_board *b, struct pblink *core);
void serial_board_restart(struct serial_board *b);
void serial_board_run(struct serial_board *b, lan_time how_long);
/* A whole request as a board would send it; returns its length. */
size_t serial_frame(uint8_t *out, uint8_t s, const void *payload, size_t n, bool full);

#endif
