/*
 * peer.h - all that a node of neighbours keeps of one neighbour on one link: its session, what is under way
 * to it, what it announces, what was told of it.
 */
#ifndef LAN_LSOE_PEER_H
#define LAN_LSOE_PEER_H

#include "base/timers.h"
#include "proto/lsoe/lsoe.h"
#include "proto/lsoe/reasm.h"

#define LSOE_NONCES 8 /* earlier nonces of a neighbour that are known again */
#define LSOE_ACKS   8 /* acknowledgements that wait for output */

/* Armed in the node's heap, for a link or a peer. */
struct lsoe_timed {
	struct lan_timer t;
	bool is_link;
};

/* An acknowledged PDU: waits to be sent, is being sent, or waits for its ACK. */
struct lsoe_out {
	struct lsoe_out *next;
	uint8_t type;
	bool due;     /* to be sent (again) */
	bool acked;   /* while it was being sent */
	bool once;    /* not repeated, and nothing is wrong if it is not acknowledged */
	uint8_t held; /* times it was not sent for want of credit */
	uint16_t tsn;
	uint32_t serial, tries;
	lan_time again; /* when it is due again; LAN_NEVER: not before the session goes on */
	uint32_t len;
	uint8_t bytes[];
};

struct lsoe_measure_state {
	uint32_t seq, peer_seq;
	bool due, answer, have_echo;
	lan_time at;                         /* the next one */
	uint64_t echo;                       /* the peer's time of its last one */
	lan_time echo_at;                    /* when that came */
	uint32_t ka_sent, ka_heard;          /* in this session */
	uint32_t base_peer_sent, base_heard; /* at the last but one report: loss is counted between reports */
	uint32_t base_sent, base_peer_heard;
	bool based, measured;
	uint32_t lost_rx, of_rx, lost_tx, of_tx;
	lan_time rtt, jitter;
};

struct lsoe_peer {
	struct lsoe_timed timed;
	struct lsoe_peer *hash_next;
	struct lsoe_link *link;
	struct lsoe_peer *link_prev, *link_next; /* all of the link */
	struct lsoe_peer *half_prev, *half_next; /* those not established, oldest first */
	struct lsoe_peer *out_next;              /* of link->out */
	struct lsoe_peer *news_next;             /* of node->news */
	bool in_half, in_out, in_news;
	uint32_t index; /* in node->peers */
	uint8_t mac[6];
	bool lanyard, measures; /* said so behind its OPEN */
	bool kin; /* it did once, or sent all four lists, and has not failed to do so since: it is held to
		     that */

	/* the session (section 1.7) */
	uint64_t session;
	bool have_own, open_acked, have_nonce, established;
	bool answer_due; /* our nonce is new, and theirs may change because of that (section 1.9) */
	bool evidence;   /* it behaves as if established since our OPEN went out */
	bool held, ourself;
	uint8_t nonce[4], peer_nonce[4], held_nonce[4];
	uint8_t past[LSOE_NONCES][4];
	uint8_t n_past;
	uint8_t *id; /* of its OPEN: id_len octets, then n_attrs attributes */
	uint8_t id_len, n_attrs;
	lan_time acked_at;   /* when our OPEN was acknowledged */
	lan_time nonce_at;   /* when our nonce was made; LAN_NEVER: never */
	lan_time open_at;    /* a delayed OPEN; LAN_NEVER: none */
	lan_time fill_after; /* until then ACKs of what was sent before may come: no new PDU that they would
				fit */
	lan_time retry_at;   /* memory was short: what was left undone */
	lan_time stall_at;   /* our OPEN is acknowledged and theirs is missing */
	lan_time prove_at;   /* theirs was taken for an answer, and its lists have to follow */
	uint8_t unproved;    /* bit type - 4: of these */
	uint8_t listed;      /* bit type - 4: came in this session */
	bool doubted;        /* `doubt` is the nonce of an OPEN that has to come again to be believed */
	uint8_t doubt[4];
	lan_time doubt_at;
	lan_time heard; /* on the node's own clock, which does not run in pauses */
	lan_time keepalive_at;
	lan_time since, last_rx, last_tx, last_keepalive, dormant_until;
	uint8_t last_rx_type, last_tx_type;
	const char *reason;
	uint32_t restarts, auth_failures;
	uint64_t rx_frames, tx_frames, tx_retransmits;

	/* out */
	struct lsoe_out *flight; /* in the order of sending */
	struct lsoe_out *cur;    /* the one that is being cut */
	uint32_t cur_off, cur_number;
	struct lsoe_ack acks[LSOE_ACKS];
	uint8_t n_acks;
	bool keepalive_due;
	uint8_t stale; /* bit type - 4: our list has changed since the PDU */
	bool ulpc_due, newkey_due, old_signer;
	uint32_t serial_tx, serial_acked;
	struct lsoe_list *told; /* L3DL: four lists, what it knows when all is acknowledged; NULL: nothing */
	bool resuming;          /* our OPEN asks to go on */

	/* in */
	struct lsoe_reasm reasm;
	struct lsoe_list list[4];
	uint32_t serial_rx;
	uint64_t sum_rx; /* of the list with that number; 0: not known */
	bool may_skip;   /* the session goes on: what was under way and is no list does not come any more */
	uint8_t conflict[16];
	uint8_t conflict_type; /* 0: none */
	uint8_t ulpc_now[16], ulpc_past[4][16];
	uint8_t n_ulpc; /* digests in ulpc_past; ulpc_now is valid if have_ulpc */
	bool have_ulpc;
	struct lsoe_key key, old_key;
	lan_time verified_at; /* the signature of an OPEN, last */
	lan_time old_key_until;
	bool anchored;

	/* news */
	bool told_up, news_key_learned, news_save;
	uint64_t told_session;
	uint8_t news_lists; /* bit type - 4 */

	struct lsoe_measure_state *measure;
};

#endif
