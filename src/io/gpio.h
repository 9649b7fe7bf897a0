/*
 * gpio.h - single GPIO lines through the kernel's character device, version 2
 * of its interface: one that is driven, one whose changes are heard of.
 */
#ifndef LAN_IO_GPIO_H
#define LAN_IO_GPIO_H

#include <stdbool.h>
#include "io/loop.h"

struct lan_gpio;

/* `name` is CHIP:LINE, where CHIP is a number, a name below /dev or a path:
 * "0:17", "gpiochip0:17", "/dev/gpiochip0:17". On failure *why is a static
 * sentence. LAN_ERR_INVAL (not CHIP:LINE), LAN_ERR_NOTFOUND (no such chip or
 * line), LAN_ERR_PERM, LAN_ERR_EXISTS (in use), LAN_ERR_NOTSUP (no GPIO chip, or
 * a kernel before 5.10), LAN_ERR_NOMEM, LAN_ERR_IO. */
LAN_WUR enum lan_err lan_gpio_output(
	struct lan_loop *l, const char *name, bool level, struct lan_gpio **out, const char **why);

/* Pulled up where the chip can. fn is called from the loop with each change, in
 * order; a change that the kernel had no room for shows as the level now. */
LAN_WUR enum lan_err lan_gpio_input(struct lan_loop *l, const char *name, void (*fn)(void *ctx, bool level),
	void *ctx, struct lan_gpio **out, const char **why);

void lan_gpio_close(struct lan_gpio *g); /* NULL is fine */

/* The level now. */
LAN_WUR enum lan_err lan_gpio_get(const struct lan_gpio *g, bool *level);
LAN_WUR enum lan_err lan_gpio_set(struct lan_gpio *g, bool level);

#endif
