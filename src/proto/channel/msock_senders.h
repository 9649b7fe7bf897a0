/*
 * msock_senders.h - who was heard on a multisock channel: a fixed table by
 * address and port. The wire names nobody, so an address is all there is, and
 * silence all that tells that it went. When the table is full, who was silent
 * longest makes room: a stranger who forges addresses costs a constant amount
 * of work and memory, and old entries.
 */
#ifndef CHAN_MSOCK_SENDERS_H
#define CHAN_MSOCK_SENDERS_H

#include "proto/channel/channel.h"

#define MSOCK_SILENCE LAN_SEC(60)
#define MSOCK_NOBODY  UINT32_MAX

struct msock_sender_entry {
	struct lan_from from;
	lan_time since, last;
	uint64_t messages, bytes;
	uint32_t chain;        /* next of the same hash, or of the free ones */
	uint32_t older, newer; /* by `last` */
	bool used;
};

struct msock_senders {
	struct msock_sender_entry *entry;
	uint32_t *bucket;
	uint32_t max, n, mask, unused, oldest, newest;
	uint64_t seed[2];
};

/* LAN_ERR_NOMEM. */
LAN_WUR enum lan_err msock_senders_init(struct msock_senders *s, uint32_t max, const uint64_t seed[2]);
void msock_senders_fini(struct msock_senders *s);

/* The entry of an address, NULL: not there. */
struct msock_sender_entry *msock_senders_find(struct msock_senders *s, const struct lan_from *from);
/* A new one; there must be room (n < max), and it must not be there. */
struct msock_sender_entry *msock_senders_add(
	struct msock_senders *s, const struct lan_from *from, lan_time now);
/* It was heard. */
void msock_senders_touch(struct msock_senders *s, struct msock_sender_entry *e, lan_time now);
/* Who was silent longest, NULL: the table is empty. */
struct msock_sender_entry *msock_senders_oldest(struct msock_senders *s);
void msock_senders_remove(struct msock_senders *s, struct msock_sender_entry *e);
/* Number i (0..), NULL: past the end. */
const struct msock_sender_entry *msock_senders_at(const struct msock_senders *s, size_t i);

#endif
