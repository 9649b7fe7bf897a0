/*
 * sim_frame.h - Ethernet on the simulator's clock, for any core behind
 * `struct lan_frame_ops`.
 *
 * A segment is a cable or a switch; a port is one end on it: an interface of a
 * node, with a MAC address and a number the core knows it by. What a core puts
 * out goes to the ports its destination means, each with its own luck: lost,
 * doubled, late (and so out of order), damaged, cut short, or stopped because an
 * end has no carrier or one direction is dead. A node that does not run (a
 * stopped process) takes nothing and ticks not; its frames wait in the bounded
 * queues of its sockets.
 *
 * The network knows no protocol. The owner sees each frame when it is sent, may
 * say what must not be done to it, and sees each verdict of a core. Somebody
 * else may inject frames from any address and repeat any that was ever sent.
 */
#ifndef SIM_FRAME_H
#define SIM_FRAME_H

#include "sim.h"

#define FRAME_MAX   1500 /* octets of content */
#define FRAME_PORTS 16   /* of one node */

struct frame_net;

/* One frame as it was sent; copies on the way share it. */
struct frame_packet {
	uint8_t *data;
	size_t len;
	uint64_t id; /* 1, 2, 3 .. in order of sending */
	uint8_t src[6], to[6];
	int port, segment; /* port -1: injected */
	uint32_t solid;    /* octets from here on are not damaged, nor alone cut off; set by `sent` */
	bool single;       /* is not doubled, nor late by itself; set by `sent` */
	unsigned refs;
};

struct frame_faults {
	uint32_t loss, dup, delay, flip, cut; /* ppm of the deliveries */
	uint32_t refuse;                      /* ppm of what a core sends: the kernel does not take it */
	uint32_t full;                        /* .. the sockets are full behind it, for a while */
	lan_time delay_max;                   /* of a delayed or second copy */
};

struct frame_config {
	struct sim *sim;
	uint64_t seed;
	uint32_t queue; /* frames that wait on a socket */
	bool verbose;
	/* p is on its way; before any fate is drawn. */
	void (*sent)(void *ctx, struct frame_packet *p);
	/* The core behind `port` was given p and said e. */
	void (*judged)(void *ctx, int port, const struct frame_packet *p, enum lan_err e);
	void *ctx;
};

struct frame_node {
	const char *name;
	const struct lan_frame_ops *ops;
	void *ctx;
	void *(*boot)(void *ctx, const struct lan_env *env); /* NULL: failed */
	void (*bury)(void *ctx, void *core);
	void (*pull)(void *ctx, lan_time now); /* the application's turn */
};

struct frame_net *frame_new(const struct frame_config *cfg);
void frame_free(struct frame_net *n); /* after the simulation */
/* Numbered 0.. `pad`: content is padded to 46 octets, as cards do. */
int frame_segment(struct frame_net *n, lan_time latency, lan_time jitter, bool pad);
/* Numbered 0.. and down. */
int frame_add(struct frame_net *n, const struct frame_node *spec);
/* Numbered 0.. over all nodes. The core knows a node's ports as links 1, 2, .. in order of addition. */
int frame_port(struct frame_net *n, int node, int segment, const uint8_t mac[6]);

void frame_start(struct frame_net *n, int node);
void frame_crash(struct frame_net *n, int node);
void frame_poke(struct frame_net *n, int node); /* the core was called from outside: serve it soon */
bool frame_up(const struct frame_net *n, int node);
int frame_nodes(const struct frame_net *n);
/* The process does not run before. */
void frame_pause(struct frame_net *n, int node, lan_time until);
bool frame_paused(const struct frame_net *n, int node);

/* Both ends of a delivery need it. Telling the core is the owner's. */
void frame_carrier(struct frame_net *n, int port, bool up);
/* A direction of a port that carries nothing although nobody knows. */
void frame_block(struct frame_net *n, int port, bool out, bool in);
void frame_set_faults(struct frame_net *n, const struct frame_faults *f);
/* From now on frames arrive in the order in which they were sent, as on a real cable. */
void frame_in_order(struct frame_net *n);
void frame_set_loss(
	struct frame_net *n, int port, uint32_t ppm); /* of what it receives, beyond the faults' */

void frame_inject(struct frame_net *n, int segment, const uint8_t src[6], const uint8_t to[6],
	const void *bytes, size_t len);
void frame_replay(struct frame_net *n, struct frame_packet *p, lan_time delay);
struct frame_packet *frame_hold(const struct frame_packet *p);
void frame_release(struct frame_packet *p);

uint64_t frame_hash(const struct frame_net *n);  /* over all bytes and moments */
uint64_t frame_given(const struct frame_net *n); /* frames given to cores */

#endif
