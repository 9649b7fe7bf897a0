/*
 * i2c.h - transfers with one device of an I2C bus, as its master, through
 * /dev/i2c-N. A transfer blocks in the kernel for as long as its bytes take on
 * the bus (20 ms for 200 bytes at 100 kHz), or until a stuck bus times out, so
 * each runs in a thread of its own and the loop goes on.
 */
#ifndef LAN_IO_I2C_H
#define LAN_IO_I2C_H

#include <stddef.h>
#include "io/loop.h"

#define LAN_I2C_MAX 256 /* bytes of one transfer */

struct lan_i2c;

/* fn is called from the loop with the result of each transfer; buf and n are
 * what was read. `path` is /dev/i2c-N or N alone. On failure *why is a static
 * sentence. LAN_ERR_NOTFOUND, LAN_ERR_PERM, LAN_ERR_NOTSUP (not an I2C bus, or
 * one for SMBus only), LAN_ERR_INVAL, LAN_ERR_LIMIT, LAN_ERR_NOMEM, LAN_ERR_IO. */
LAN_WUR enum lan_err lan_i2c_open(struct lan_loop *l, const char *path, uint16_t address,
	void (*fn)(void *ctx, enum lan_err result, const uint8_t *buf, size_t n), void *ctx,
	struct lan_i2c **out, const char **why);
/* A transfer under way goes on by itself; fn is not called. NULL is fine. */
void lan_i2c_close(struct lan_i2c *b);

/* Start a transfer: one at a time, at most LAN_I2C_MAX bytes (asserted). The
 * device gets 20 us to make itself ready. */
void lan_i2c_read(struct lan_i2c *b, size_t n);
void lan_i2c_write(struct lan_i2c *b, const uint8_t *buf, size_t n);

#endif
