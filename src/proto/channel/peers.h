/*
 * peers.h - the other members: a table of fixed size, their keys and windows,
 * and the marks that are left of those who had to give way (peers.c).
 */
#ifndef CHAN_PEERS_H
#define CHAN_PEERS_H

#include "base/timers.h"
#include "proto/channel/rx.h"
#include "proto/channel/seal.h"

#define CHAN_MARKS 4096

struct chan_peer {
	uint64_t id, boot;
	bool present, verified;
	uint8_t mode;
	char name[CHAN_NAME_MAX];
	struct lan_from from;
	lan_time since, last;
	lan_time opened; /* when it opened the channel, by this clock; LAN_NEVER: not told */
	uint32_t interval_ms;
	uint32_t epoch;
	struct chan_peer_key {
		struct lan_aead *aead;
		uint64_t boot;
		uint32_t epoch;
		bool set;
	} key[2]; /* the one in use, the one before */
	struct lan_seqwin win;
	uint64_t count_from; /* lost = highest - count_from - distinct */
	uint64_t distinct, lost_before;
	uint64_t rx_messages, rx_bytes, rx_datagrams, repaired, duplicates, reordered, lost_messages;
	struct chan_rx rx;
	/* As a receiver of what this member sends. */
	bool listens, stalled;
	uint64_t confirmed;
	bool asking;    /* feedback may be due: counted in chan.n_asking */
	lan_time moved; /* confirmed went on */
	uint32_t overruns;
	bool overruns_known;
	struct lan_timer timer;
};

/* What is remembered of a sender that is not in the table: nothing up to the counter is accepted, and if
 * its instance comes back, it goes on where it was (next 0: nothing was received in order). */
struct chan_mark {
	uint64_t sender, counter;
	uint64_t boot, next, next_msg;
};

struct chan_peers {
	struct chan_peer *peer; /* n of max in use, no holes */
	uint32_t n, max;
	uint16_t *slot; /* hash of id -> index + 1 */
	uint32_t slots;
	struct chan_mark *mark; /* of senders that are not in the table; the oldest first, and first to go */
	uint32_t n_marks;
	uint64_t seed[2];
	uint32_t recent; /* index of the one heard last */
};

/* peers.c */
LAN_WUR enum lan_err chan_peers_init(struct chan *c, uint32_t max);
void chan_peers_fini(struct chan *c);
struct chan_peer *chan_peer_find(struct chan *c, uint64_t id);
/* A place for a new sender, of whom nothing up to the counter `floor` is accepted; NULL: the table is full of
 * present ones, or no memory (counted). */
struct chan_peer *chan_peer_add(struct chan *c, lan_time now, uint64_t id, uint64_t floor);
/* What is remembered of a sender that is not in the table; NULL: nothing. View, until the next chan_peer_add.
 */
const struct chan_mark *chan_mark_find(const struct chan *c, uint64_t id);
LAN_WUR enum lan_err chan_mark_put(struct chan *c, const struct chan_mark *m);
/* The sender was heard: present again if it was not. */
void chan_peer_heard(struct chan *c, struct chan_peer *p, lan_time now, const struct lan_from *from);
void chan_peer_gone(struct chan *c, struct chan_peer *p, lan_time now, const char *why);
lan_time chan_peer_gone_at(const struct chan_peer *p);
void chan_peers_forget_keys(struct chan *c);

#endif
