/*
 * serial.h - a serial line that may come and go: raw 8N1 bytes without flow
 * control, opened again with backoff after it was unplugged. The path is looked
 * up anew each time, so a udev symlink finds the device under its new number.
 */
#ifndef LAN_IO_SERIAL_H
#define LAN_IO_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include "io/loop.h"

struct lan_serial;

/* Called from the loop, never from within open or write; none may close. */
struct lan_serial_ops {
	void (*data)(void *ctx, const uint8_t *buf, size_t n);                 /* bytes came; borrowed */
	void (*state)(void *ctx, bool there, enum lan_err e, const char *why); /* plugged, unplugged */
	void (*writable)(void *ctx); /* a write that got LAN_ERR_AGAIN is worth trying */
};

/* `wait`: a device that is not there yet is waited for; otherwise the first
 * open must succeed. On failure *why is a static sentence. LAN_ERR_NOTFOUND,
 * LAN_ERR_PERM, LAN_ERR_EXISTS (in use), LAN_ERR_NOTSUP (not a serial line, or
 * a speed it cannot do), LAN_ERR_INVAL (no such speed), LAN_ERR_NOMEM, LAN_ERR_IO. */
LAN_WUR enum lan_err lan_serial_open(struct lan_loop *l, const char *path, uint32_t baud, bool wait,
	const struct lan_serial_ops *ops, void *ctx, struct lan_serial **out, const char **why);
void lan_serial_close(struct lan_serial *s); /* NULL is fine */

bool lan_serial_there(const struct lan_serial *s);

/* LAN_OK: *took bytes, at least 1. LAN_ERR_AGAIN: none right now. LAN_ERR_CLOSED:
 * unplugged; `state` says or said so. */
LAN_WUR enum lan_err lan_serial_write(struct lan_serial *s, const void *buf, size_t n, size_t *took);

#endif
