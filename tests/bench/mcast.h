/*
 * mcast.h - what the measuring programs of channels and streams share: options,
 * network namespaces, the receivers' processes, and the paced race.
 *
 * In the race one sender goes as fast as its receiver: both count in shared
 * memory, and the sender is never more than a window of messages ahead, so that
 * nothing is lost to a full buffer and what is sent is what is delivered (over
 * TCP, which holds back by itself, the window is beyond reach). All contenders
 * are paced in this one way, by the same code. Every message carries its number;
 * a receiver that misses one fails the run.
 */
#ifndef BENCH_MCAST_H
#define BENCH_MCAST_H

#include <netinet/in.h>
#include "bench.h"

#define MCAST_RECEIVERS 16
#define MCAST_BUFFERS   8 /* that blobs are sent from in turn: they come from memory, not from a cache */
#define MCAST_GROUP     "239.77.0.1"
#define MCAST_SEGMENTS  64    /* the kernel's limit for one call */
#define MCAST_BATCH     65507 /* bytes, likewise */

struct mcast_opt {
	double seconds;
	size_t size;       /* bytes of payload */
	unsigned window;   /* messages under way at most */
	const char *iface; /* of the group, in all namespaces */
	uint16_t port;
	const char *sender; /* namespace, NULL: this one */
	const char *receiver[MCAST_RECEIVERS];
	unsigned receivers;
	bool split;      /* one end on each of two cores */
	bool offload;    /* segmentation offload both ways */
	const char *key; /* group key file of a sealed channel */
	uint64_t total;  /* bytes to bring over */
	double limit;    /* seconds they may take */
	double rate;     /* bits a second */
	unsigned block, parity, extra;
	const char *flags; /* of one contender, letters */
};

void mcast_options(int argc, char **argv, struct mcast_opt *o);
bool mcast_flag(const struct mcast_opt *o, char c);
void mcast_enter(const char *ns);

/* Fork the receivers, each in its namespace; until all of them have said mcast_ready. */
typedef void mcast_receive(const struct mcast_opt *o, struct bench_shared *mine);
void mcast_receivers(
	const struct mcast_opt *o, struct bench_shared *sh, pid_t *child, mcast_receive *receive);
void mcast_ready(struct bench_shared *mine);

/* Payload: its number in 8 bytes, then filler. */
void mcast_number(void *p, uint64_t number);
bool mcast_is(const void *p, size_t len, size_t size, uint64_t number);

/* Send up to `room` messages, beginning with number `next`; how many. Called with room 0, too. */
typedef unsigned mcast_burst(void *ctx, uint64_t next, unsigned room);
/* The race against receiver 0; prints its rate. */
void mcast_race(const struct mcast_opt *o, struct bench_shared *sh, pid_t child, const char *what,
	mcast_burst *burst, void *ctx);

/* All receivers have all of `n` messages, or the limit is over: then die. `turn` is called meanwhile. Returns
 * when the last one had them. */
uint64_t mcast_finish(const struct mcast_opt *o, const struct bench_shared *sh, uint64_t n, uint64_t start,
	void (*turn)(void *ctx), void *ctx);

#endif
