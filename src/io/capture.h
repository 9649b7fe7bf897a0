/*
 * capture.h - frames of some EtherTypes on one interface, in both directions, as they pass: to look at, not
 * to take part.
 *
 * Beside io/packet.h, which is for taking part: here the socket hears all protocols (the only kind that
 * hears what this host sends) and the kernel's filter keeps the EtherTypes asked for; the interface is
 * promiscuous; each frame comes with the kernel's time and whether it was sent here. A VLAN tag, which the
 * kernel takes out of a frame, is put back.
 */
#ifndef LAN_IO_CAPTURE_H
#define LAN_IO_CAPTURE_H

#include <stdint.h>
#include "io/loop.h"

#define LAN_CAPTURE_TYPES 16
#define LAN_CAPTURE_MAX   9216 /* octets kept of a frame */

struct lan_captured {
	uint64_t at; /* nanoseconds since 1970 */
	bool outgoing;
	const uint8_t *frame; /* from its Ethernet header on; view */
	size_t n;
	uint32_t length; /* octets it had; more than n: cut off */
};

struct lan_capture_config {
	uint32_t ifindex;
	uint16_t ethertypes[LAN_CAPTURE_TYPES];
	size_t n_ethertypes;
	uint32_t receive_buffer; /* 0: the system's */
	void (*frame)(void *ctx, const struct lan_captured *c);
	void (*batch_done)(void *ctx);
	/* The interface is gone: close it. */
	void (*broken)(void *ctx);
	void *ctx;
};

struct lan_capture;
/* LAN_ERR_PERM (CAP_NET_RAW), LAN_ERR_NOTFOUND (no such interface), LAN_ERR_NOTSUP (no Ethernet),
 * LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_capture_open(
	struct lan_loop *l, const struct lan_capture_config *cfg, struct lan_capture **out);
void lan_capture_close(struct lan_capture *c); /* NULL is fine. Not from inside `frame` or `batch_done` */
/* Leave frames in the kernel for now. */
void lan_capture_hold(struct lan_capture *c, bool hold);
/* Frames handed over; lost because nobody took them in time; and those that wait in the kernel. */
struct lan_capture_counts {
	uint64_t frames, drops, waiting;
};
void lan_capture_counts(struct lan_capture *c, struct lan_capture_counts *out);

#endif
