/*
 * coap_int.h - what the files of <lanyard/coap.h> share: coap.c (the handle, and requests), coap_uri.c (a URI
 * taken apart), coap_nets.c (networks, opened when a request needs one), coap_event.c.
 *
 * The core behind it is proto/coap; what belongs to the handle alone is called talk_.
 */
#ifndef LAN_API_COAP_INT_H
#define LAN_API_COAP_INT_H

#include <lanyard/coap.h>
#include "drv/nets.h"
#include "io/addr.h"
#include "io/loop.h"
#include "proto/coap/coap.h"

#define TALK_WHY_MAX  256
#define TALK_NETS_MAX 64 /* as the core knows */
#define TALK_OPTIONS  1152
#define TALK_EXTRA    64 /* further options of a request */

/* A network; its link is its place in the list, from 1. */
struct talk_net {
	struct lan_net_spec spec;
	char text[128]; /* "ethernet:eth0": for events */
	bool used, up, news;
	enum lan_err err; /* why it is not up */
	char why[TALK_WHY_MAX];
};

struct lan_coap {
	struct lan_loop *loop;
	struct lan_env env;
	struct coap *core;
	struct lan_nets *nets;
	struct lan_task wake; /* tell the application of networks */
	struct talk_net net[TALK_NETS_MAX];
	size_t n_nets;
	uint32_t max_body;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;

	/* what views point to */
	char from[LAN_ADDR_TEXT_MAX], location[1024], text[TALK_WHY_MAX];
	uint8_t etag[8];
};

/* A URI taken apart; views of it. */
enum talk_scheme { TALK_UDP, TALK_ETHERNET, TALK_XBEE };
struct talk_uri {
	enum talk_scheme scheme;
	char host[254]; /* host, interface or device, percent-decoded */
	char peer[32];  /* Ethernet, XBee: the address there */
	uint16_t port;  /* UDP */
	const char *path, *query;
	size_t path_len, query_len;
};

/* A sentence into thread-local memory; returns e. */
LAN_WUR enum lan_err talk_why(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* coap_uri.c. LAN_ERR_ADDR. */
LAN_WUR enum lan_err talk_uri(const char *text, struct talk_uri *out, const char **why);

/* coap_ops.c: the core as the driver sees it; its `core` is the handle. */
extern const struct lan_ep_ops talk_ops;

/* coap_nets.c */
void talk_net_state(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why);
LAN_WUR enum lan_err talk_net_add(struct lan_coap *c, const struct lan_net_spec *spec, const char *text,
	uint32_t *link, const char **why);
/* Where a URI leads: its network is opened if need be. *name: the host is a name, not an address.
 * LAN_ERR_ADDR, LAN_ERR_NOTFOUND and those of networks. */
LAN_WUR enum lan_err talk_where(
	struct lan_coap *c, const struct talk_uri *u, struct lan_ep *to, bool *name, const char **why);

#endif
