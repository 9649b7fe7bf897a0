/*
 * pblink_board_i2c.c - a board on I2C wires, written as the sequence of waits
 * that the original's initiator is, and the bus between it and the core.
 * Time advances in steps of 100 us; the board looks at ack once a step.
 */
#include "pblink_board.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define STEP LAN_US(100)

/* The board's program as one function that returns wherever it waits. */
#define WAIT(cond)                            \
	do {                                  \
		b->pc = __LINE__;             \
		__attribute__((fallthrough)); \
	case __LINE__:                        \
		if (!(cond))                  \
			return;               \
	} while (0)
#define SLEEP(d)                      \
	do {                          \
		b->t = b->now + (d);  \
		WAIT(b->now >= b->t); \
	} while (0)
/* Wait for a level of ack, 1 s at most; then the original starts over. */
#define WAIT_ACK(level)                                   \
	do {                                              \
		b->t = b->now + LAN_SEC(1);               \
		WAIT(b->ack == (level) || b->now > b->t); \
		if (b->ack != (level))                    \
			goto crash;                       \
	} while (0)
#define WAIT_BUS()                                        \
	do {                                              \
		b->t = b->now + LAN_SEC(5);               \
		WAIT(b->bus == BUS_OFF || b->now > b->t); \
		if (b->bus != BUS_OFF) {                  \
			b->bus = BUS_OFF;                 \
			goto crash;                       \
		}                                         \
	} while (0)

static void set_syn(struct i2c_board *b, bool level)
{
	if (b->syn == level)
		return;
	b->syn = level;
	pblink_i2c_syn(b->core, b->now, level);
}

static void set_rst(struct i2c_board *b, bool level)
{
	b->rst = level;
	if (b->has_rst_wire)
		pblink_i2c_rst(b->core, b->now, level);
}

static void offer(struct i2c_board *b, const uint8_t *buf, size_t n)
{
	b->bus = BUS_OFFER;
	b->offer = buf;
	b->bus_n = n;
	set_syn(b, true);
}

static void listen_for(struct i2c_board *b, uint8_t *buf, size_t n)
{
	b->bus = BUS_LISTEN;
	b->listen = buf;
	b->bus_n = n;
	set_syn(b, true);
}

static void app_takes(struct i2c_board *b)
{
	struct board_app *a = &b->app;
	if (!b->rx_n || a->deaf)
		return;
	assert(b->rx[b->rx_n - 1] == '\n');
	if (b->rx[0] == 'n') {
		assert(a->rx_n < BOARD_LINES);
		memcpy(a->rx[a->rx_n], b->rx + 1, b->rx_n - 2);
		a->rx[a->rx_n++][b->rx_n - 2] = '\0';
	} else {
		a->control[a->control_n++ % BOARD_LINES] = (char)b->rx[0];
	}
	b->rx_n = 0;
}

/* The application fills the one buffer when it is free. */
static void app_gives(struct i2c_board *b)
{
	const char *line = NULL;
	if (b->tx_n)
		return;
	if (!b->configured) {
		line = b->app.config;
		b->configured = true;
	} else if (b->app.tx_next < b->app.tx_n) {
		line = b->app.tx[b->app.tx_next++];
	}
	if (!line)
		return;
	b->tx_n = strlen(line);
	memcpy(b->tx, line, b->tx_n);
	b->txsiz[0] = (uint8_t)b->tx_n;
	b->txsiz[1] = (uint8_t)(b->tx_n >> 8);
}

static void prepare_word(struct i2c_board *b)
{
	b->word[0] = b->cantx ? b->txsiz[0] : 0;
	b->word[1] = b->cantx ? b->txsiz[1] : 0;
	if (b->announce) {
		b->word[0] = (uint8_t)b->announce;
		b->word[1] = (uint8_t)(b->announce >> 8);
	}
	b->word[1] |= b->rx_n ? 0x80 : 0;
}

static void program(struct i2c_board *b)
{
	switch (b->pc) {
	case 0:
		for (;;) {
			set_syn(b, true);
			set_rst(b, false);
			SLEEP(LAN_MS(200));
			set_rst(b, true);
			b->tx_n = b->rx_n = 0; /* and not txsiz: the original's mistake */
			set_syn(b, false);
			WAIT(!b->ack);
			SLEEP(LAN_SEC(1));
			b->configured = false;
			for (;;) {
				prepare_word(b);
				offer(b, b->word, 2);
				WAIT_BUS();
				WAIT_ACK(true);
				set_syn(b, false);
				WAIT_ACK(false);
				if (b->tx_n && b->cantx && !b->announce) {
					offer(b, b->tx, b->tx_n);
					WAIT_BUS();
					WAIT_ACK(true);
					set_syn(b, false);
					WAIT_ACK(false);
					b->tx_n = 0;
					b->txsiz[0] = b->txsiz[1] = 0;
				}
				b->announce = 0;
				WAIT_ACK(true);
				listen_for(b, b->word, 2);
				WAIT_BUS();
				WAIT_ACK(false);
				set_syn(b, false);
				b->cantx = !(b->word[1] & 0x80);
				b->word[1] &= 0x7f;
				assert(b->word[1] == 0 && b->word[0] <= PBLINK_BUF);
				if (b->word[0]) {
					WAIT_ACK(true);
					listen_for(b, b->rx, b->word[0]);
					WAIT_BUS();
					WAIT_ACK(false);
					set_syn(b, false);
					b->rx_n = b->word[0];
				}
				b->exchanges++;
				app_takes(b);
				SLEEP(LAN_MS(100));
				app_takes(b);
				app_gives(b);
			}
		crash:
			b->boots++;
		}
	}
}

/* The bus: a transfer works when the slave is doing its half. */
static void bus(struct i2c_board *b)
{
	struct pblink_act act;
	while (pblink_i2c_act(b->core, &act)) {
		if (act.kind == PBLINK_ACT_ACK) {
			b->ack = act.level;
			continue;
		}
		bool ok = b->bus == (act.kind == PBLINK_ACT_READ ? BUS_OFFER : BUS_LISTEN);
		if (b->fail_transfers > 0 && b->fail_transfers--)
			ok = false;
		uint8_t got[PBLINK_BUF];
		size_t n = act.n < b->bus_n ? act.n : b->bus_n;
		memset(got, 0xff, sizeof got); /* what a bus with nobody on it reads as */
		if (ok && act.kind == PBLINK_ACT_READ)
			memcpy(got, b->offer, n);
		if (ok && act.kind == PBLINK_ACT_WRITE)
			memcpy(b->listen, act.buf, n);
		if (ok)
			b->bus = BUS_OFF;
		pblink_i2c_done(b->core, b->now, ok ? LAN_OK : LAN_ERR_IO, got, act.n);
	}
}

void i2c_board_init(struct i2c_board *b, struct pblink *core)
{
	*b = (struct i2c_board){.core = core, .syn = true, .ack = true, .cantx = true, .has_rst_wire = true};
	b->app.config = BOARD_CFG;
	b->now = LAN_SEC(1);
}

void i2c_board_restart(struct i2c_board *b)
{
	b->pc = 0;
	b->bus = BUS_OFF;
	b->cantx = true;
	b->tx_n = b->txsiz[0] = b->txsiz[1] = 0;
}

void i2c_board_run(struct i2c_board *b, lan_time how_long)
{
	for (lan_time end = b->now + how_long; b->now < end; b->now += STEP) {
		if (!b->dead)
			program(b);
		bus(b);
		if (pblink_deadline(b->core) <= b->now)
			pblink_tick(b->core, b->now);
		bus(b);
	}
}
