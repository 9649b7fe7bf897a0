/*
 * channel.h - the two channel cores, as their driver, API, simulator and fuzzers
 * see them. `chan_*` is the sealed group core (docs/protocols/channel.md);
 * `msock_*` the multisock one. Both are moved through struct lan_dgram_ops; both
 * hand out struct chan_event.
 */
#ifndef CHAN_CHANNEL_H
#define CHAN_CHANNEL_H

#include "proto/channel/event.h"
#include "proto/proto.h"

#define CHAN_MESSAGE_MAX  (1u << 20)
#define CHAN_EPOCHS_MAX   8
#define CHAN_DATAGRAM_MIN 512
#define CHAN_DATAGRAM_MAX 65507

enum chan_mode { CHAN_BEST_EFFORT = 0, CHAN_ORDERED, CHAN_RELIABLE };

/* One epoch of the group key. Times by the core's clock. */
struct chan_key {
	uint32_t epoch;
	uint8_t key[32];
	lan_time send_after;   /* 0: at once */
	lan_time accept_until; /* LAN_NEVER: for good */
};

/* Borrowed during the call that takes it. `n` epochs, ascending. */
struct chan_keys {
	int cipher; /* LAN_AEAD_* */
	size_t n;
	struct chan_key key[CHAN_EPOCHS_MAX];
};

/* Public keys that may speak; with n 0 everybody who holds the group key may, under ids that are not signed.
 */
struct chan_members {
	size_t n;
	const struct chan_member {
		uint8_t public_key[32];
		const char *name;
	} * member;
};

/* 0 means the default of <lanyard/channel.h> unless said otherwise. Borrowed during chan_new. */
struct chan_config {
	enum chan_mode mode;
	const char *channel; /* the name that is bound in */
	const char *name;    /* of this member, or NULL */
	struct chan_keys keys;
	struct chan_members members;
	const uint8_t *identity; /* Ed25519 secret (64 bytes) to sign with, or NULL */
	uint64_t sender;  /* id to send as; 0: random. Ignored with an identity. The top bit is for signed ids
			   */
	uint64_t counter; /* first counter that was never used; 0: 1 */
	uint64_t counter_limit; /* first counter that must not be used yet; 0: none such (no state kept) */
	uint32_t max_message, max_queue, max_events;
	uint32_t max_datagram; /* UDP payload, CHAN_DATAGRAM_MIN..MAX; default 1472 */
	uint32_t history, late, parity, block, max_senders;
	uint32_t max_partial; /* bytes of unfinished messages and of datagrams waiting for a gap, over all
				 senders; default 16 MiB */
	uint64_t rate;
	lan_time reorder, presence;
	bool silent, hear_self, flow;
};

struct chan;

/* LAN_ERR_INVAL (config), LAN_ERR_NOMEM. lan_crypto_init must have been called. */
LAN_WUR enum lan_err chan_new(
	const struct lan_env *env, lan_time now, const struct chan_config *cfg, struct chan **out);
void chan_free(struct chan *c);
extern const struct lan_dgram_ops chan_ops;

/* LAN_ERR_FULL, LAN_ERR_TOOBIG, LAN_ERR_NOMEM. seq may be NULL. */
LAN_WUR enum lan_err chan_send(struct chan *c, lan_time now, const void *data, size_t n, uint64_t *seq);
bool chan_event(struct chan *c, struct chan_event *ev);
/* Queue the goodbye; then drain output() once more. */
void chan_leave(struct chan *c, lan_time now);
size_t chan_pending(const struct chan *c);

/* Other keys and members from now on. LAN_ERR_INVAL: another cipher is fine, no epoch is not. LAN_ERR_NOMEM.
 */
LAN_WUR enum lan_err chan_rekey(
	struct chan *c, lan_time now, const struct chan_keys *keys, const struct chan_members *members);
/* An epoch was met that no key is there for, since the last call. */
bool chan_wants_keys(struct chan *c);

/* The counter survives restarts: the driver writes down a limit and tells the core; the core sends
 * nothing at or beyond it. chan_counter_wanted: the limit to write down next, 0: no need. */
uint64_t chan_counter_wanted(const struct chan *c);
void chan_counter_reserved(struct chan *c, uint64_t limit);

/* What is remembered of senders against replays: number i (0..), those gone first; false past the end. */
bool chan_mark(const struct chan *c, size_t i, uint64_t *sender, uint64_t *counter);
/* Before the first input: nothing of that sender up to and with that counter is accepted. */
LAN_WUR enum lan_err chan_mark_set(struct chan *c, uint64_t sender, uint64_t counter);

struct chan_status {
	uint64_t sender;
	uint32_t epoch, members;
	uint64_t tx_messages, tx_bytes, tx_datagrams, rx_messages, rx_bytes, rx_datagrams;
	uint64_t tx_repairs, tx_parity, tx_feedback, rx_refused, lost_messages, queued_bytes;
	uint32_t unconfirmed;
};
void chan_status(const struct chan *c, struct chan_status *out);

struct chan_sender {
	uint64_t id;
	const char *name; /* view */
	struct lan_from from;
	bool present, verified;
	lan_time since, last;
	uint32_t epoch;
	uint64_t rx_messages, rx_bytes, rx_datagrams, lost_datagrams, repaired, duplicates, reordered,
		lost_messages;
};
bool chan_sender(const struct chan *c, size_t i, struct chan_sender *out);
bool chan_counter(const struct chan *c, size_t i, const char **name, const char **help, uint64_t *value);

/* --- multisock ------------------------------------------------------------ */

enum { MSOCK_TEXT = 1, MSOCK_BYTES = 2, MSOCK_BYTEARRAY = 4 };

struct msock_config {
	const char *key, *iv; /* both or none */
	uint32_t bufsize;     /* longest datagram accepted; default 4096, most 65507 */
	uint32_t max_queue, max_events, max_senders;
};
struct msock;

/* LAN_ERR_INVAL (key or iv not usable: 3.1, 3.2), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err msock_new(const struct lan_env *env, const struct msock_config *cfg, struct msock **out);
void msock_free(struct msock *m);
extern const struct lan_dgram_ops msock_ops;
/* form: one of MSOCK_*, 0: what suits. LAN_ERR_FULL, LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_INVAL,
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err msock_send(struct msock *m, lan_time now, const void *data, size_t n, unsigned form);
bool msock_event(
	struct msock *m, struct chan_event *ev); /* CHAN_MESSAGE, _JOINED, _LEFT, _WRITABLE, _REFUSED */
size_t msock_pending(const struct msock *m);
void msock_status(const struct msock *m, struct chan_status *out);
bool msock_sender(const struct msock *m, size_t i, struct chan_sender *out);
bool msock_counter(const struct msock *m, size_t i, const char **name, const char **help, uint64_t *value);

#endif
