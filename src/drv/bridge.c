/*
 * bridge.c - see bridge.h. Whatever happened, the end is the same: what the
 * core wants is done, the caller is told, and the deadline is armed anew.
 */
#include "drv/bridge.h"

#include <stdlib.h>
#include "io/gpio.h"
#include "io/i2c.h"
#include "io/serial.h"

struct lan_bdrv {
	struct lan_loop *loop;
	struct pblink *core;
	struct lan_serial *serial;
	struct lan_i2c *i2c;
	struct lan_gpio *syn, *ack, *rst;
	struct lan_deadline due;
	void (*ready)(void *ctx);
	void (*device)(void *ctx, bool there, enum lan_err e, const char *why);
	void *ctx;
};

static void write_serial(struct lan_bdrv *d)
{
	size_t n, took;
	const uint8_t *buf;
	while (buf = pblink_serial_pending(d->core, &n), n > 0) {
		if (lan_serial_write(d->serial, buf, n, &took) != LAN_OK)
			return;
		pblink_serial_sent(d->core, took);
	}
}

static void act(struct lan_bdrv *d)
{
	struct pblink_act a;
	while (pblink_i2c_act(d->core, &a)) {
		switch (a.kind) {
		case PBLINK_ACT_ACK:
			/* A line that cannot be driven shows as an exchange given up. */
			(void)!lan_gpio_set(d->ack, a.level);
			break;
		case PBLINK_ACT_READ:
			lan_i2c_read(d->i2c, a.n);
			break;
		case PBLINK_ACT_WRITE:
			lan_i2c_write(d->i2c, a.buf, a.n);
			break;
		}
	}
}

void lan_bdrv_kick(struct lan_bdrv *d)
{
	if (d->serial)
		write_serial(d);
	else
		act(d);
	lan_deadline_arm(d->loop, &d->due, pblink_deadline(d->core));
}

/* The board waits for our half: it goes out before the caller looks. */
static void moved(struct lan_bdrv *d)
{
	lan_bdrv_kick(d);
	d->ready(d->ctx);
	lan_bdrv_kick(d);
}

static void on_due(void *ctx)
{
	struct lan_bdrv *d = ctx;
	pblink_tick(d->core, lan_loop_now(d->loop));
	moved(d);
}

/* ---- serial ----------------------------------------------------------- */

static void on_data(void *ctx, const uint8_t *buf, size_t n)
{
	struct lan_bdrv *d = ctx;
	pblink_serial_input(d->core, lan_loop_now(d->loop), buf, n);
	moved(d);
}

static void on_state(void *ctx, bool there, enum lan_err e, const char *why)
{
	struct lan_bdrv *d = ctx;
	if (!there)
		pblink_serial_lost(d->core);
	d->device(d->ctx, there, e, why);
	moved(d);
}

static void on_writable(void *ctx)
{
	lan_bdrv_kick(ctx);
}

static const struct lan_serial_ops serial_ops = {.data = on_data, .state = on_state, .writable = on_writable};

/* ---- I2C and its lines ------------------------------------------------- */

static void on_syn(void *ctx, bool level)
{
	struct lan_bdrv *d = ctx;
	pblink_i2c_syn(d->core, lan_loop_now(d->loop), level);
	moved(d);
}

static void on_rst(void *ctx, bool level)
{
	struct lan_bdrv *d = ctx;
	pblink_i2c_rst(d->core, lan_loop_now(d->loop), level);
	moved(d);
}

static void on_transfer(void *ctx, enum lan_err result, const uint8_t *buf, size_t n)
{
	struct lan_bdrv *d = ctx;
	pblink_i2c_done(d->core, lan_loop_now(d->loop), result, buf, n);
	moved(d);
}

static enum lan_err open_wires(
	struct lan_bdrv *d, const struct lan_bdrv_config *cfg, const char **what, const char **why)
{
	*what = cfg->i2c;
	enum lan_err e = lan_i2c_open(d->loop, cfg->i2c, cfg->address, on_transfer, d, &d->i2c, why);
	if (e)
		return e;
	*what = cfg->ack;
	e = lan_gpio_output(d->loop, cfg->ack, true, &d->ack, why);
	if (e)
		return e;
	if (cfg->rst) {
		*what = cfg->rst;
		e = lan_gpio_input(d->loop, cfg->rst, on_rst, d, &d->rst, why);
		if (e)
			return e;
	}
	*what = cfg->syn;
	e = lan_gpio_input(d->loop, cfg->syn, on_syn, d, &d->syn, why);
	if (e)
		return e;
	/* A change between the request and this is reported as an event again. */
	bool level;
	*why = "the level of the line cannot be read";
	e = lan_gpio_get(d->syn, &level);
	if (!e)
		pblink_i2c_syn(d->core, lan_loop_now(d->loop), level);
	return e;
}

enum lan_err lan_bdrv_open(
	const struct lan_bdrv_config *cfg, struct lan_bdrv **out, const char **what, const char **why)
{
	*what = cfg->serial ? cfg->serial : cfg->i2c;
	*why = lan_err_text(LAN_ERR_NOMEM);
	struct lan_bdrv *d = calloc(1, sizeof *d);
	if (!d)
		return LAN_ERR_NOMEM;
	*d = (struct lan_bdrv){.loop = cfg->loop,
		.core = cfg->core,
		.ready = cfg->ready,
		.device = cfg->device,
		.ctx = cfg->ctx};
	enum lan_err e = lan_deadline_init(d->loop, &d->due, on_due, d);
	if (e) {
		free(d);
		return e;
	}
	if (cfg->serial)
		e = lan_serial_open(
			d->loop, cfg->serial, cfg->baud, cfg->wait, &serial_ops, d, &d->serial, why);
	else
		e = open_wires(d, cfg, what, why);
	if (e) {
		lan_bdrv_close(d);
		return e;
	}
	lan_bdrv_kick(d);
	*out = d;
	return LAN_OK;
}

void lan_bdrv_close(struct lan_bdrv *d)
{
	if (!d)
		return;
	lan_serial_close(d->serial);
	lan_i2c_close(d->i2c);
	lan_gpio_close(d->syn);
	lan_gpio_close(d->rst);
	lan_gpio_close(d->ack);
	lan_deadline_fini(d->loop, &d->due);
	free(d);
}

bool lan_bdrv_there(const struct lan_bdrv *d)
{
	return !d->serial || lan_serial_there(d->serial);
}
