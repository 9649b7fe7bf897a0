/*
 * sim_ep.h - networks that carry whole messages, on the simulator's clock, for any core behind
 * `struct lan_ep_ops`.
 *
 * A segment is an Ethernet, a radio or anything else; a port is a node's place on it: an address of some
 * octets, which may change, and the number the core knows the network by. What a core puts out goes to the
 * ports its destination means, each with its own luck: lost, doubled, late (and so out of order), or stopped
 * because an end has no carrier, one direction is dead, or the two are in different groups. On a segment that
 * acknowledges (a radio) the sender is told of a message to one that nobody took. A node that does not run (a
 * stopped process) takes nothing and ticks not; its messages wait in bounded queues, as do those for which
 * its core has no room (`open`).
 *
 * The network knows no protocol. The owner sees each message when it is sent, may say what must not be done
 * to it, and sees each verdict of a core. Somebody else may inject messages from any address and repeat any
 * that was ever sent. Nothing is damaged: what carries these messages has checksums.
 */
#ifndef SIM_EP_H
#define SIM_EP_H

#include "sim.h"

#define EP_MAX   1500 /* octets of a message */
#define EP_PORTS 4    /* of one node */
#define EP_ADDR  8

struct ep_net;

struct ep_addr {
	uint8_t len; /* 0: all */
	uint8_t a[EP_ADDR];
};

/* One message as it was sent; copies on the way share it. */
struct ep_packet {
	uint8_t *data;
	size_t len;
	uint64_t id; /* 1, 2, 3 .. in order of sending */
	struct ep_addr src, to;
	int port, segment; /* port -1: injected */
	bool single;       /* is not doubled, nor late by itself; set by `sent` */
	unsigned refs;
};

struct ep_faults {
	uint32_t loss, dup, delay; /* ppm of the deliveries */
	uint32_t refuse;           /* ppm of what a core sends: the system does not take it */
	lan_time delay_max;        /* of a delayed or second copy */
};

struct ep_config {
	struct sim *sim;
	uint64_t seed;
	uint32_t queue; /* messages that wait at one port */
	bool verbose;
	/* p is on its way; before any fate is drawn. NULL: no matter. */
	void (*sent)(void *ctx, struct ep_packet *p);
	/* The core behind `port` was given p and said e. NULL: no matter. */
	void (*judged)(void *ctx, int port, const struct ep_packet *p, enum lan_err e);
	void *ctx;
};

struct ep_node {
	const char *name;
	const struct lan_ep_ops *ops;
	void *ctx;
	void *(*boot)(void *ctx, const struct lan_env *env); /* NULL: failed */
	void (*bury)(void *ctx, void *core);
	void (*pull)(void *ctx, lan_time now); /* the application's turn */
};

struct ep_net *ep_new(const struct ep_config *cfg);
void ep_free(struct ep_net *n); /* after the simulation */
/* Numbered 0.. `acks`: a radio's, see above. */
int ep_segment(struct ep_net *n, lan_time latency, lan_time jitter, uint32_t mtu, bool acks);
/* Numbered 0.. and down. */
int ep_add(struct ep_net *n, const struct ep_node *spec);
/* Numbered 0.. over all nodes. The core knows a node's ports as links 1, 2, .. in order of addition. */
int ep_port(struct ep_net *n, int node, int segment, const struct ep_addr *addr);
void ep_address(struct ep_net *n, int port, const struct ep_addr *addr);

void ep_start(struct ep_net *n, int node);
void ep_crash(struct ep_net *n, int node);
void ep_poke(struct ep_net *n, int node); /* the core was called from outside: serve it soon */
bool ep_up(const struct ep_net *n, int node);
/* The process does not run before. */
void ep_pause(struct ep_net *n, int node, lan_time until);
bool ep_paused(const struct ep_net *n, int node);

/* Both ends of a delivery need it. Telling the core is the owner's. */
void ep_carrier(struct ep_net *n, int port, bool up);
/* A direction of a port that carries nothing although nobody knows. */
void ep_block(struct ep_net *n, int port, bool out, bool in);
/* Only ports of one group reach each other; all start in 0. */
void ep_group(struct ep_net *n, int port, int group);
void ep_set_faults(struct ep_net *n, const struct ep_faults *f);
/* From now on messages arrive in the order in which they were sent. */
void ep_in_order(struct ep_net *n);

void ep_inject(struct ep_net *n, int segment, const struct ep_addr *src, const struct ep_addr *to,
	const void *bytes, size_t len);
void ep_replay(struct ep_net *n, struct ep_packet *p, lan_time delay);
struct ep_packet *ep_hold(const struct ep_packet *p);
void ep_release(struct ep_packet *p);

uint64_t ep_hash(const struct ep_net *n);  /* over all bytes and moments */
uint64_t ep_given(const struct ep_net *n); /* messages given to cores */

#endif
