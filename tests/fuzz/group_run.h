/*
 * group_run.h - one run of fuzz_chan_group.c: the core, the senders the script plays, what was sent; and the
 * checks of what the core says (group_checks.c).
 */
#ifndef FUZZ_GROUP_RUN_H
#define FUZZ_GROUP_RUN_H

#include "insider.h"

#define SENDERS    6 /* more than the core has room for */
#define KEPT       16
#define MAGIC      UINT64_C(0x6e6f6f7461726973)
#define FIRST_BOOT 0x7000

struct tag {
	uint64_t magic, boot;
};

struct kept {
	uint8_t bytes[FUZZ_DATAGRAM];
	size_t n;
	bool accepted;
};

struct sender {
	struct fuzz_sender as;
	uint64_t seq, msg; /* of its next frame */
	uint8_t block;
	bool begun; /* something of instance `out` was handed out */
	uint64_t out;
	uint64_t next_out; /* in order: messages below were handed out or reported */
};

struct run {
	struct fuzz_in in;
	struct chan *c;
	struct chan_config cfg;
	int cipher;
	lan_time now;
	uint64_t seed, me, boot, counter;
	unsigned verified; /* signatures of the core */
	struct sender s[SENDERS];
	struct kept kept[KEPT];
	unsigned n_kept;
	size_t memory;
};

/* Counters, tables, memory: whether they are as they must be. */
void group_check(const struct run *r);
/* Pull up to n events and look at each. */
void group_pull(struct run *r, unsigned n);
/* Bytes on the heap, 0 without a sanitizer. */
size_t group_allocated(void);

#endif
