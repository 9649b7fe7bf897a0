/*
 * bridge.h - the driver of the bridge core: bytes between a serial line and the
 * core, or levels and transfers between I2C with its GPIO lines and the core.
 * It keeps one deadline armed and holds no knowledge of the protocol; the core
 * belongs to the caller.
 */
#ifndef LAN_DRV_BRIDGE_H
#define LAN_DRV_BRIDGE_H

#include "io/loop.h"
#include "proto/iot/pblink.h"

struct lan_bdrv;

struct lan_bdrv_config {
	struct lan_loop *loop;
	struct pblink *core; /* borrowed until lan_bdrv_close */
	const char *serial;  /* a device; or NULL, and */
	uint32_t baud;
	bool wait;       /* for a device that is not there yet */
	const char *i2c; /* a bus */
	uint16_t address;
	const char *syn, *ack, *rst; /* CHIP:LINE; rst may be NULL */

	/* Events or lines may be waiting; may call anything but lan_bdrv_close. */
	void (*ready)(void *ctx);
	/* The serial device came or went. The same limits. */
	void (*device)(void *ctx, bool there, enum lan_err e, const char *why);
	void *ctx;
};

/* On failure *what names the part that failed (one of the texts above) and *why
 * is a static sentence. Errors of lan_serial_open, lan_i2c_open, lan_gpio_*. */
LAN_WUR enum lan_err lan_bdrv_open(
	const struct lan_bdrv_config *cfg, struct lan_bdrv **out, const char **what, const char **why);
void lan_bdrv_close(struct lan_bdrv *d); /* NULL is fine */

/* The caller did something to the core. */
void lan_bdrv_kick(struct lan_bdrv *d);

bool lan_bdrv_there(const struct lan_bdrv *d);

#endif
