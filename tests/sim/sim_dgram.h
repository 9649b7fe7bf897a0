/*
 * sim_dgram.h - a multicast group on the simulator's clock, for any core behind
 * `struct lan_dgram_ops`.
 *
 * What one member's core puts out goes to every other member, each with its own
 * luck: lost, doubled, late (and so out of order), damaged, or cut off by a
 * partition. Each member has a kernel queue of so many datagrams; while its
 * core is not open they wait there, and what finds it full is dropped and
 * counted. An attacker may repeat any datagram that was ever sent, damaged or
 * whole, and inject bytes of his own.
 *
 * The network knows no protocol. It checks the one thing it can: no core takes
 * the same datagram twice, or one that was damaged. Everything else is the
 * owner's, who sees each datagram when it is sent and each verdict of a core.
 */
#ifndef SIM_DGRAM_H
#define SIM_DGRAM_H

#include "sim.h"

#define DGRAM_MAX 65536 /* members' numbers and ports are made of this */

struct dgram_net;

/* One datagram as it was sent; copies on the way share it. */
struct dgram_packet {
	uint8_t *data;
	size_t len;
	uint64_t id; /* 1, 2, 3 .. in order of sending */
	int from;    /* member, -1: injected */
	unsigned refs;
};

struct dgram_faults {
	uint32_t dup, delay, flip; /* ppm of the deliveries */
	lan_time delay_max;        /* of a delayed or second copy */
};

struct dgram_config {
	struct sim *sim;
	uint64_t seed;
	lan_time latency, jitter; /* each delivery on its own: jitter alone puts things out of order */
	uint32_t queue;           /* datagrams a kernel queue holds */
	bool loopback;            /* a member hears what it sends */
	bool verbose;
	size_t cap; /* room given to output() */
	/* A core put p out, or somebody injected it (p->from -1). */
	void (*sent)(void *ctx, const struct dgram_packet *p);
	/* The core of `member` was given p (`damaged`: with other bytes) and said e. */
	void (*judged)(void *ctx, int member, const struct dgram_packet *p, bool damaged, enum lan_err e);
	void *ctx;
};

struct dgram_member {
	const char *name;
	const struct lan_dgram_ops *ops;
	void *ctx;
	void *(*boot)(void *ctx, const struct lan_env *env); /* NULL: failed */
	void (*bury)(void *ctx, void *core);
	void (*pull)(void *ctx, lan_time now); /* the application's turn: events, new messages */
};

struct dgram_net *dgram_new(const struct dgram_config *cfg);
void dgram_free(struct dgram_net *n);
/* Members are numbered 0.. and start down. */
int dgram_add(struct dgram_net *n, const struct dgram_member *m);
void dgram_start(struct dgram_net *n, int member);
/* Without a goodbye. */
void dgram_crash(struct dgram_net *n, int member);
/* The core was called from outside: serve it soon. */
void dgram_poke(struct dgram_net *n, int member);
/* Let out what the core has now (before it is buried in good order). */
void dgram_flush(struct dgram_net *n, int member);
bool dgram_up(const struct dgram_net *n, int member);

void dgram_set_faults(struct dgram_net *n, const struct dgram_faults *f);
void dgram_set_loss(struct dgram_net *n, int member, uint32_t ppm); /* of what it receives */
void dgram_set_group(struct dgram_net *n, int member, int group);   /* a side of a partition */

/* p once more, to one member (-1: all), `flips` of its bits turned over. Any p seen by `sent`
 * may be held on to with dgram_hold. */
void dgram_replay(struct dgram_net *n, struct dgram_packet *p, int member, lan_time delay, unsigned flips);
void dgram_inject(struct dgram_net *n, const void *bytes, size_t len, int member);
struct dgram_packet *dgram_hold(const struct dgram_packet *p);
void dgram_release(struct dgram_packet *p);

uint64_t dgram_hash(const struct dgram_net *n);  /* over all bytes and moments: equal runs, equal hashes */
uint64_t dgram_taken(const struct dgram_net *n); /* datagrams given to cores */

#endif
