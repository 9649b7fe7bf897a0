/*
 * lsoe_world.h - neighbours on simulated Ethernet: nodes with some links each,
 * cables and shared segments, carriers that come and go, addresses that change,
 * processes that stop, crash and come back with or without what they had written
 * down, keys that roll; and the books kept about all of it.
 *
 * lsoe_world.c    nodes, their lives, links and announcements
 * lsoe_ledger.c   what the applications are told, and what both ends must agree on in the end
 * lsoe_tap.c      what is on the wire: amplification, rates, silence
 * lsoe_hostile.c  somebody who hears everything and sends anything from any address
 * lsoed_model.c   the original, as one kind of node (LSOE-01)
 */
#ifndef LSOE_WORLD_H
#define LSOE_WORLD_H

#include "crypto/crypto.h"
#include "lsoed_model.h"
#include "proto/lsoe/lsoe.h"
#include "sim_frame.h"

#define LW_NODES      6
#define LW_PORTS      24
#define LW_ENTERPRISE 32473 /* reserved for documentation (RFC 5612) */

struct lw_entry {
	uint8_t flags, prefix, n_labels, addr[16], labels[12];
};

struct lw_list {
	struct lw_entry *e;
	size_t n;
};

struct lw_port {
	int node, segment;
	uint32_t link;
	uint8_t mac[6];
	uint8_t id[12]; /* L3DL without an id of the node */
	bool carrier;   /* there is */
	bool told;      /* the core was told that there is */
	bool known;     /* the core knows the link */
	bool dumb, deaf;
	uint16_t made; /* addresses */
	struct lw_list list[4];
	/* What it may send to who is not established: one for each frame received, and a little. */
	double credit;
	/* A PDU of which not all datagrams are sent: to whom, and the number of the next. 0: none. */
	uint8_t open_to[6];
	uint32_t open_next;
	lan_time credit_at;
};

/* What a node's application was told of one neighbour. */
struct lw_seen {
	uint32_t link;
	uint8_t mac[6];
	bool up;
	uint64_t session;
	uint64_t told[4]; /* sums of the lists; changed by an ENCAPS event only */
	uint32_t ulpc;    /* last four octets of what it said, 0: nothing */
	uint64_t ups;
};

struct lw_saved {
	uint32_t link;
	uint8_t mac[6];
	uint8_t *p;
	size_t len;
};

struct lw_pin {
	uint8_t id[12], id_len;
	struct lsoe_key key;
};

struct lw_node {
	struct lworld *w;
	int node, port[FRAME_PORTS], n_port;
	char name[8];
	bool model; /* the original */
	struct lsoe *core;
	struct lsoed *lsoed;
	struct lsoe_config cfg;
	struct lsoed_config model_cfg;
	uint8_t id[12], id_len; /* 0: each link has its own */
	bool keeps;             /* state outlives it */
	bool signs, certified;
	uint8_t secret[32]; /* seed of its key */
	uint8_t public_key[LAN_SIGN_PUBLIC], cert[LAN_SIGN_SIZE];
	uint32_t asn; /* 0: no ULPC */
	struct lw_saved *saved;
	size_t n_saved;
	struct lw_pin *pin;
	size_t n_pin;
	struct lw_seen *seen;
	size_t n_seen;
	uint64_t lives;
	/* PDUs begun in the present second. */
	lan_time second;
	unsigned pdus;
};

struct lhostile;

struct lworld {
	struct sim *sim;
	struct frame_net *net;
	struct rng rng;
	enum lsoe_dialect dialect;
	struct lw_node node[LW_NODES];
	struct lw_port port[LW_PORTS];
	int n_node, n_port, n_seg;
	/* No frame that makes a receiver acknowledge, and no acknowledgement, comes twice or late: an ACK
	 * names a type only, and is believed for the next PDU of it, and an old list for a new one
	 * (section 1.6). Elsewhere all announce anew when the faults are over. */
	bool pure;
	bool memory_fails, verbose, models, small;
	bool over;      /* the faults are */
	bool quiet;     /* nothing but HELLO, KEEPALIVE and measurements from now on */
	unsigned limit; /* PDUs of a node in a second, once the faults are over; 0: not judged */
	uint8_t anchor_secret[LAN_SIGN_SECRET];
	struct lsoe_key anchor;
	struct lhostile *hostile;
	/* Sums for the report. */
	uint64_t ups, downs, lists, wire[16], excused, refused;
};

/* ---- lsoe_world.c */
void lworld_init(struct lworld *w, const struct sim_config *sc, const struct frame_config *fc, uint64_t seed,
	enum lsoe_dialect d);
void lworld_fini(struct lworld *w);
struct lw_node *lworld_node(struct lworld *w, const struct lsoe_config *cfg);
/* `mac` NULL: one of its own. */
struct lw_port *lworld_port(struct lworld *w, int node, int segment, const uint8_t *mac);
void lworld_start(struct lworld *w, int node);
void lworld_crash(struct lworld *w, int node);
void lworld_forget(struct lw_node *d); /* what it had written down */
void lworld_carrier(struct lworld *w, int port, bool up);
/* Some of what a port announces changes. */
void lworld_change(struct lworld *w, int port, bool all);
void lworld_key(struct lw_node *d); /* draws a key and has it certified */
void lworld_roll(struct lworld *w, int node);
void lworld_ulpc(struct lw_node *d);
/* Say e, unless it is what a call may say without memory. */
void lworld_must(struct lw_node *d, const char *what, enum lan_err e);
const uint8_t *lworld_id(const struct lworld *w, const struct lw_port *p, uint8_t *len);
struct lw_port *lworld_at(struct lworld *w, int segment, const uint8_t mac[6]); /* NULL: nobody */
struct lw_port *lworld_link(struct lw_node *d, uint32_t link);
const char *lworld_mac(const uint8_t mac[6]);

/* ---- lsoe_ledger.c */
void lledger_boot(struct lw_node *d);
void lledger_pull(void *node, lan_time now);
struct lw_seen *lledger_seen(struct lw_node *d, uint32_t link, const uint8_t mac[6]);
/* Do all who can agree? With `say`: fail the run over the first who do not. */
bool lledger_agreed(struct lworld *w, bool say);
/* NULL: a and b have to be neighbours; else why not. */
const char *lledger_excuse(struct lworld *w, const struct lw_port *a, const struct lw_port *b);

/* ---- lsoe_tap.c */
void ltap_sent(void *world, struct frame_packet *p);
void ltap_judged(void *world, int port, const struct frame_packet *p, enum lan_err e);
/* Type of the PDU a frame begins, -1: it continues one, or is none; *acks: type acknowledged, -1. */
int ltap_type(enum lsoe_dialect d, const uint8_t *f, size_t n, int *acks, size_t *len);

/* ---- lsoe_hostile.c */
struct lhostile *lhostile_new(struct lworld *w, uint32_t rate_per_s);
void lhostile_heard(struct lhostile *h, const struct frame_packet *p);
void lhostile_stop(struct lhostile *h);
void lhostile_free(struct lhostile *h);

#endif
