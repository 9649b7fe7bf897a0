/*
 * neighbor_int.h - what the files of <lanyard/neighbor.h> share: neighbor.c (the handle), neighbor_config.c
 * (its configuration, checked and kept), neighbor_links.c (interfaces as the kernel tells them),
 * neighbor_announce.c (what is announced on them), neighbor_event.c, neighbor_status.c, neighbor_why.c.
 */
#ifndef LAN_API_NEIGHBOR_INT_H
#define LAN_API_NEIGHBOR_INT_H

#include <net/if.h>
#include <lanyard/neighbor.h>
#include "api/neighbor_keys.h"
#include "api/neighbor_state.h"
#include "drv/frames.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "proto/lsoe/lsoe.h"

#define NEIGHBOR_WHY_MAX 400

/* An interface that matches. */
struct neighbor_link {
	uint32_t index;
	char name[IFNAMSIZ];
	struct lan_link_info info;
	bool used;   /* the core has it */
	bool socket; /* it is received from */
	bool told;   /* the application knows it as used */
	bool gone;
	bool dirty; /* what is announced on it may have changed */
	bool loaded;
	enum lan_err err;   /* why it is not received from */
	const char *reason; /* of the last change, static text */
	uint8_t llei[12];
};

struct neighbor_label {
	uint8_t type; /* LSOE_MPLS4, LSOE_MPLS6 */
	uint8_t addr[16], prefix;
	uint8_t n;
	uint8_t *octets; /* 3 each, owned */
};

struct neighbor_vendor {
	uint32_t enterprise;
	void (*fn)(void *ctx, const struct lan_neighbor_vendor_pdu *pdu);
	void *ctx;
};

/* The configuration as it is used: parsed, owned. */
struct neighbor_settings {
	char **ifaces, **loopbacks;
	size_t n_ifaces, n_loopbacks;
	uint16_t ethertype;
	uint8_t hello_to[6];
	char hello_text[18];
	enum lan_neighbor_announce announce;
	bool link_local, have_primary;
	uint8_t primary[16]; /* IPv4 in the first four */
	int primary_family;
	struct neighbor_label *labels;
	size_t n_labels;
	uint8_t id[LSOE_ID_MAX];           /* LSOE-01: 10 octets, always there */
	uint8_t id_len;                    /* 0: each link has its own */
	char id_text[3 * LSOE_ID_MAX + 1]; /* as configured, for reports */
};

struct lan_neighbor {
	struct lan_loop *loop;
	struct lan_fdrv *drv;
	struct lan_netlink *netlink;
	struct lan_env env;
	struct lsoe *core;
	enum lsoe_dialect dialect;
	struct neighbor_settings set;
	struct neighbor_state *state; /* NULL: nothing is kept */
	struct neighbor_report *report;
	uint32_t receive_buffer;
	struct lan_packet_stats gone; /* of sockets that were closed */
	lan_time keepalive, dead;
	struct neighbor_link *links; /* in order of their indexes */
	size_t n_links, cap_links;
	struct lan_task task;       /* addresses changed */
	struct lan_task wake;       /* tell the application that there is news */
	struct lsoe_list common[2]; /* addresses announced on every link: IPv4, IPv6 */
	bool common_valid;
	bool news;         /* a link may have something to tell */
	bool state_failed; /* something could not be kept: reason */
	struct neighbor_vendor *vendors;
	size_t n_vendors;
	void (*on_ack)(void *ctx, const struct lan_neighbor_ack *ack);
	void *on_ack_ctx;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;

	/* what views point to */
	char mac[18], id[3 * LSOE_ID_MAX + 1], address[64], fingerprint[17], bgp4[24], bgp6[64];
	char why[NEIGHBOR_WHY_MAX], reason[NEIGHBOR_WHY_MAX];
	uint32_t labels[255];
	struct neighbor_cursor {
		const uint8_t *p;
		size_t len, i, at;
	} cursor;
};

/* A sentence into thread-local memory; returns e. */
LAN_WUR enum lan_err neighbor_why(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* neighbor.c: something of ours, not of the core, waits to be told. */
void neighbor_news(struct lan_neighbor *n);

/* neighbor_north.c: the northbound report; url NULL: none. */
LAN_WUR enum lan_err neighbor_north_open(struct lan_neighbor *n, const char *url, const char **why);
void neighbor_north_close(struct lan_neighbor *n);
void neighbor_north(struct lan_neighbor *n, const struct lsoe_event *e);
bool neighbor_north_event(struct lan_neighbor *n, struct lan_neighbor_event *ev);

/* neighbor_config.c */
LAN_WUR enum lan_err neighbor_settings(
	const struct lan_neighbor_config *cfg, struct neighbor_settings *out, const char **why);
void neighbor_settings_fini(struct neighbor_settings *s);
bool neighbor_matches(char *const *globs, size_t n, const char *name);
bool neighbor_mac(const char *text, uint8_t out[6]);
char *neighbor_mac_text(const uint8_t mac[6], char out[18]);
char *neighbor_id_text(const uint8_t *id, size_t n, char out[3 * LSOE_ID_MAX + 1]);

/* neighbor_links.c */
void neighbor_link_event(void *ctx, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr);
void neighbor_links_all(struct lan_neighbor *n); /* as they are when it is opened */
void neighbor_link_broken(void *ctx, uint32_t link, enum lan_err why);
struct neighbor_link *neighbor_link_of(const struct lan_neighbor *n, uint32_t index);
struct neighbor_link *neighbor_link_named(const struct lan_neighbor *n, const char *name);
void neighbor_links_purge(struct lan_neighbor *n);                 /* those that are gone and told */
const char *neighbor_link_unusable(const struct lan_link_info *i); /* NULL: it can be used */

/* neighbor_announce.c */
void neighbor_announce(struct lan_neighbor *n, struct neighbor_link *l);
void neighbor_announce_changed(void *ctx); /* the task: all links that are dirty */

/* neighbor_why.c */
void neighbor_why_peer(const struct lan_neighbor *n, const struct lsoe_status *s, char out[NEIGHBOR_WHY_MAX]);
void neighbor_why_link(const struct lan_neighbor *n, const struct neighbor_link *l,
	const struct lsoe_link_status *s, char out[NEIGHBOR_WHY_MAX]);

#endif
