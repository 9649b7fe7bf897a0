/*
 * group.h - the one driver for every core that speaks struct lan_dgram_ops to a
 * multicast group: it hands datagrams in, collects datagrams of one size in a
 * row into one system call, keeps one deadline armed, and stops reading while
 * the core is not open. It holds no knowledge of any protocol; the core belongs
 * to the caller.
 */
#ifndef LAN_DRV_GROUP_H
#define LAN_DRV_GROUP_H

#include "io/mcast.h"
#include "proto/proto.h"

struct lan_gdrv;

struct lan_gdrv_config {
	struct lan_loop *loop;
	const struct lan_dgram_ops *ops;
	void *core;                    /* borrowed until lan_gdrv_close */
	struct lan_mcast_config mcast; /* datagram, open, batch_done, ctx are the driver's own */
	/* Events may be waiting. May call anything but lan_gdrv_close. */
	void (*ready)(void *ctx);
	/* An interface was joined, or not (any more). */
	void (*iface)(void *ctx, const char *name, enum lan_err err);
	void *ctx;
};

/* Errors and *why of lan_mcast_open. */
LAN_WUR enum lan_err lan_gdrv_open(
	const struct lan_gdrv_config *cfg, struct lan_gdrv **out, const char **why);
/* One attempt to send what the core still has; then close. The core is not called any more. NULL is fine. */
void lan_gdrv_close(struct lan_gdrv *d);
/* The application did something to the core: look after it in this turn, or at the start of the next. */
void lan_gdrv_kick(struct lan_gdrv *d);
/* Send now what the core has. */
void lan_gdrv_pump(struct lan_gdrv *d);
const struct lan_mcast *lan_gdrv_mcast(const struct lan_gdrv *d);

#endif
