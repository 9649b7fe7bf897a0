/*
 * nets.h - the one driver for every core that speaks struct lan_ep_ops: it carries the core's messages over
 * any number of networks of three kinds, and keeps one deadline armed. It holds no knowledge of the core's
 * protocol; what it knows is how a message is put on each wire (sos.md section 3):
 *
 * - ethernet: raw frames of one EtherType, in front of the message two octets with the length of it and
 *   themselves
 * - xbee: a serial radio in API mode (proto/xbee). A module that has the settings it should have, as it does
 * when a stick was pulled and plugged in again, is ready at once, one that has not is set up, which takes two
 *   guard times; it saves its settings.
 * - udp: datagrams. An answer leaves from the address that was asked: by which one, is in an octet of the
 *   endpoint behind its `len`, so endpoints are to be copied as a whole. Everybody (len 0) is "All CoAP
 * Nodes"; that is heard only on the interface `iface` of a wildcard address, and port 5683.
 *
 * Networks come and go (cable, stick) without the core losing what it knows; the owner is told.
 */
#ifndef LAN_DRV_NETS_H
#define LAN_DRV_NETS_H

#include "io/loop.h"
#include "proto/proto.h"

enum lan_net_kind { LAN_NET_ETHERNET = 1, LAN_NET_XBEE, LAN_NET_UDP };

/* One network, from its text:
 *   ethernet:IFACE[,mtu=N][,ethertype=0xN]                                      mtu 1518, 0x88b5
 *   xbee:DEVICE[,addr=12:34][,panid=ca:fe][,channel=N][,mtu=N][,api=1|2][,baud=N][,guard=TIME]  mtu 111, 9600
 *   udp:ADDR:PORT[,iface=NAME]                                                  [::]:5683
 * DEVICE without '/' at its start means /dev/DEVICE. The mtu counts the whole MAC frame, header and FCS
 * included (section 2.3); `datagram` is what is left of it for a message. */
struct lan_net_spec {
	enum lan_net_kind kind;
	char name[108]; /* interface, device, or ADDR:PORT */
	uint32_t mtu;   /* 0: the kind's own */
	uint16_t ethertype;
	uint8_t addr[2], panid[2];
	uint8_t channel;
	int api_mode;
	uint32_t baud;
	lan_time guard;
	char iface[16];
};
/* LAN_ERR_INVAL; *why: a static or thread-local sentence. */
LAN_WUR enum lan_err lan_net_parse(const char *text, struct lan_net_spec *out, const char **why);
/* Of these: mtu with its default, and the longest message. */
uint32_t lan_net_mtu(const struct lan_net_spec *s);
uint32_t lan_net_datagram(const struct lan_net_spec *s);

struct lan_nets;

struct lan_nets_config {
	struct lan_loop *loop;
	const struct lan_ep_ops *ops;
	void *core; /* borrowed until lan_nets_close */
	/* Events may be waiting. May call anything but lan_nets_close. */
	void (*ready)(void *ctx);
	/* A network can be used, or not (any more). */
	void (*state)(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why);
	void *ctx;
	uint32_t receive_buffer; /* of each socket; 0: 1 MiB */
};

LAN_WUR enum lan_err lan_nets_open(const struct lan_nets_config *cfg, struct lan_nets **out);
/* One attempt to send what the core still has; then close. NULL is fine. */
void lan_nets_close(struct lan_nets *n);

/* Add a network as `link` (1..; the number its endpoints carry; for UDP one socket bound to a wildcard
 * address has one link number, its driver keeps by which address it was asked in the endpoint). An interface
 * or device that is not there is waited for when `wait`. LAN_ERR_NOTFOUND, LAN_ERR_PERM, LAN_ERR_ADDR,
 * LAN_ERR_ADDRINUSE, LAN_ERR_EXISTS, LAN_ERR_LIMIT, LAN_ERR_NOMEM, LAN_ERR_IO. */
LAN_WUR enum lan_err lan_nets_add(
	struct lan_nets *n, uint32_t link, const struct lan_net_spec *spec, bool wait, const char **why);
void lan_nets_remove(struct lan_nets *n, uint32_t link);
/* The application did something to the core: look after it in this turn, or at the start of the next. */
void lan_nets_kick(struct lan_nets *n);

struct lan_net_stats {
	bool up;
	uint64_t rx_messages, tx_messages, tx_failed;
	uint64_t drop_length; /* ethernet: the length field does not fit the frame */
	uint64_t drop_other;  /* not for us, VLAN, truncated */
	uint64_t kernel_drops;
	uint16_t port; /* udp: the one bound */
};
bool lan_nets_stats(struct lan_nets *n, uint32_t link, struct lan_net_stats *out);
/* xbee: RSSI of the last packet of an endpoint in -dBm, 0 not known; its counters. */
uint8_t lan_nets_rssi(struct lan_nets *n, const struct lan_ep *ep);
bool lan_nets_counter(
	struct lan_nets *n, uint32_t link, size_t i, const char **name, const char **help, uint64_t *value);

/* "02:00:00:00:00:01", "45:67", "192.0.2.1:5683": for people. */
void lan_nets_text(struct lan_nets *n, const struct lan_ep *ep, char *out, size_t cap);
/* An endpoint of a network from such a text; udp: names are not resolved. LAN_ERR_ADDR, LAN_ERR_NOTFOUND
 * (link). */
LAN_WUR enum lan_err lan_nets_ep(struct lan_nets *n, uint32_t link, const char *text, struct lan_ep *out);

#endif
