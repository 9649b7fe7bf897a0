/*
 * frames.h - the one driver for every core that speaks struct lan_frame_ops: a receiving socket for each
 * link, one for sending, frames of all links collected into one system call, one deadline kept armed. It
 * holds no knowledge of any protocol; the core belongs to the caller.
 */
#ifndef LAN_DRV_FRAMES_H
#define LAN_DRV_FRAMES_H

#include "io/packet.h"
#include "proto/proto.h"

struct lan_fdrv;

struct lan_fdrv_config {
	struct lan_loop *loop;
	const struct lan_frame_ops *ops;
	void *core; /* borrowed until lan_fdrv_close */
	uint16_t ethertype;
	uint32_t receive_buffer;
	/* Events may be waiting. May call anything but lan_fdrv_close. */
	void (*ready)(void *ctx);
	/* The socket of a link broke: it is closed; lan_fdrv_link_open may be tried again. */
	void (*broken)(void *ctx, uint32_t link, enum lan_err why);
	void *ctx;
};

/* LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_fdrv_open(const struct lan_fdrv_config *cfg, struct lan_fdrv **out);
/* One attempt to send what the core still has; then close. NULL is fine. */
void lan_fdrv_close(struct lan_fdrv *d);
/* Receive on a link, in these groups. Errors of lan_packet_open; LAN_ERR_EXISTS. */
LAN_WUR enum lan_err lan_fdrv_link_open(
	struct lan_fdrv *d, uint32_t link, const uint8_t (*groups)[6], size_t n_groups);
void lan_fdrv_link_close(struct lan_fdrv *d, uint32_t link); /* none: nothing happens */
/* False: no such link. */
bool lan_fdrv_link_stats(struct lan_fdrv *d, uint32_t link, struct lan_packet_stats *out);
/* The application did something to the core: look after it in this turn, or at the start of the next. */
void lan_fdrv_kick(struct lan_fdrv *d);

#endif
