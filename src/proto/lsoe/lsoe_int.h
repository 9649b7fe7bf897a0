/*
 * lsoe_int.h - what the files of the neighbour core share: node.c (node, links, tables, time), input.c (frame
 * to PDU), session.c (the state machine), send.c (what is under way, and cutting it into frames), announce.c
 * (own lists to PDUs), heard.c (the neighbours' lists), auth.c (keys), measure.c (loss and round trip),
 * resume.c (what survives a session), event.c, status.c, list.c.
 */
#ifndef LAN_LSOE_INT_H
#define LAN_LSOE_INT_H

#include "base/timers.h"
#include "crypto/crypto.h"
#include "proto/lsoe/lsoe.h"
#include "proto/lsoe/reasm.h"

#define LSOE_ENTERPRISE     0x4c414e59u /* ours, section 3 */
#define LSOE_MEASURE        1           /* its Ent Type of measurements */
#define LSOE_HOLD_DOWN      LAN_SEC(1)  /* between two nonces of ours for one neighbour (section 1.9) */
#define LSOE_DOUBT          LAN_SEC(3) /* within this an OPEN that is not believed comes again (section 1.9) */
#define LSOE_NONCES         8          /* earlier nonces of a neighbour that are known again */
#define LSOE_ACKS           8          /* acknowledgements that wait for output */
#define LSOE_MISC           256        /* events that are not states */
#define LSOE_PINS           4096
#define LSOE_CODE_NO_RESUME 2                    /* L3DL, section 2.3: the session could not be continued */
enum { LSOE_IS_LANYARD = 1, LSOE_MEASURES = 2 }; /* the mark behind an OPEN */

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

struct lsoe_link {
	struct lsoe_timed timed;
	struct lsoe_link *hash_next;
	struct lsoe_link *want_next;
	bool in_want, up, hello_due;
	bool forgotten; /* gone, but not all of its neighbours were told to be down */
	uint32_t link, mtu;
	uint8_t mac[6], hello_to[6];
	uint8_t *id;
	uint8_t id_len;
	uint8_t hello_tries; /* HELLOs since the link came up, to repeat the first ones sooner */
	uint16_t tsn;
	uint32_t credit; /* frames that may go to neighbours without a session */
	lan_time credit_at;
	lan_time hello_at, last_hello, self_told, refused_told;
	uint32_t peers, half, established;
	struct lsoe_peer *first; /* all of the link */
	struct lsoe_peer *half_first, *half_last;
	struct lsoe_peer *out_first, *out_last;
	struct lsoe_reasm_budget budget;
	struct lsoe_list list[4];
	struct lsoe_counters c;
};

struct lsoe_pin {
	struct lsoe_pin *next;
	struct lsoe_key key;
	uint8_t id_len;
	uint8_t id[];
};

struct lsoe_misc {
	struct lsoe_event ev;
	uint8_t *bytes; /* owned: id and attributes, and data of a VENDOR or ULPC */
	struct lsoe_key key;
};

struct lsoe {
	struct lan_env env;
	const struct lsoe_rules *rules;
	struct lsoe_config cfg; /* with defaults put in; its pointers are owned by the node */
	enum lsoe_dialect d;
	struct lan_signer *signer, *old_signer;
	struct lsoe_key anchor;
	uint8_t *old_cert;
	uint16_t old_cert_len;
	struct lsoe_ulpc ulpc;
	uint64_t seed[2];
	struct lan_timers timers;
	lan_time now;              /* of the call under way */
	lan_time last_now, paused; /* paused: what was credited in all */
	struct lsoe_link **link_hash;
	struct lsoe_peer **peer_hash;
	uint32_t link_cap, peer_cap, n_links, n_peers, peers_cap, at_event;
	struct lsoe_peer **peers;
	struct lsoe_link *want_first, *want_last;
	struct lsoe_peer *news_first, *news_last;
	struct lsoe_misc misc[LSOE_MISC];
	uint32_t misc_first, misc_n;
	struct lsoe_misc told; /* the event handed out last: what its views point to */
	struct lsoe_key told_key;
	struct lsoe_pin *pins;
	uint32_t n_pins;
	uint32_t *vendors;
	uint32_t n_vendors;
	uint64_t sessions;
	struct lsoe_counters gone, sum; /* of links that are gone; the node's */
};

static inline void lsoe_count(struct lsoe_link *l, enum lsoe_counter c)
{
	l->c.v[c]++;
}

/* node.c */
struct lsoe_link *lsoe_find_link(const struct lsoe *n, uint32_t link);
struct lsoe_peer *lsoe_find_peer(const struct lsoe *n, const struct lsoe_link *l, const uint8_t mac[6]);
/* NULL: no room, counted. */
struct lsoe_peer *lsoe_make_peer(struct lsoe *n, lan_time now, struct lsoe_link *l, const uint8_t mac[6]);
void lsoe_drop_peer(struct lsoe *n, struct lsoe_peer *p); /* free it; no event */
void lsoe_half(struct lsoe_peer *p, bool yes);            /* whether it counts as not established */
void lsoe_links_free(struct lsoe *n);
void lsoe_link_told(
	struct lsoe *n, struct lsoe_peer *p); /* nothing is left to tell of p, whose link is gone */
void lsoe_arm_link(struct lsoe *n, struct lsoe_link *l);
void lsoe_arm_peer(struct lsoe *n, struct lsoe_peer *p);
uint32_t lsoe_random(struct lsoe *n);
lan_time lsoe_jitter(struct lsoe *n, lan_time max); /* 0 .. max */
void lsoe_hello_soon(struct lsoe *n, lan_time now, struct lsoe_link *l);
/* A link of ours with this address, another than `than`; NULL: there is none. */
struct lsoe_link *lsoe_own_mac(const struct lsoe *n, const uint8_t mac[6], const struct lsoe_link *than);
const uint8_t *lsoe_own_id(const struct lsoe *n, const struct lsoe_link *l, uint8_t *len);

/* session.c */
/* Our OPEN, delayed or at once; with another nonce, so that the peer begins anew too. */
void lsoe_send_open(struct lsoe *n, lan_time now, struct lsoe_peer *p);
void lsoe_renew(struct lsoe *n, lan_time now, struct lsoe_peer *p);
lan_time lsoe_next_keepalive(struct lsoe *n, lan_time now);
void lsoe_forget_data(struct lsoe_peer *p); /* what both sides know of each other */
void lsoe_hello_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p);
void lsoe_open_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, unsigned mark);
void lsoe_ack_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ack *a);
void lsoe_keepalive_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p);
/* End the session, if there is one, and all that belongs to it. */
void lsoe_close(struct lsoe *n, lan_time now, struct lsoe_peer *p, enum lsoe_counter why, const char *reason);
void lsoe_hold(struct lsoe *n, lan_time now, struct lsoe_peer *p, const char *reason);
/* session_time.c */
void lsoe_peer_due(struct lsoe *n, lan_time now, struct lsoe_peer *p); /* may free it */
void lsoe_reap(struct lsoe *n, struct lsoe_peer *p);                   /* free it if nothing keeps it */
void lsoe_alive(struct lsoe *n, lan_time now, struct lsoe_peer *p);

/* send.c */
void lsoe_want(struct lsoe *n, struct lsoe_link *l);
void lsoe_want_peer(struct lsoe *n, struct lsoe_peer *p);
void lsoe_ack(
	struct lsoe *n, struct lsoe_peer *p, uint8_t type, unsigned etype, unsigned code, unsigned hint);
struct lsoe_out *lsoe_outstanding(const struct lsoe_peer *p, uint8_t type);
LAN_WUR enum lan_err lsoe_put(
	struct lsoe *n, struct lsoe_peer *p, const struct lsoe_pdu *pdu, uint32_t serial);
void lsoe_out_drop(struct lsoe_peer *p, struct lsoe_out *o);
void lsoe_out_drop_all(const struct lsoe *n, struct lsoe_peer *p);
void lsoe_acks_may_come(const struct lsoe *n, struct lsoe_peer *p);
void lsoe_out_drop_data(const struct lsoe *n,
	struct lsoe_peer *p); /* all but our OPEN; one that is being cut is cut to its end */
size_t lsoe_output(void *core, lan_time now, uint32_t link, uint8_t to[6], uint8_t *buf, size_t cap);
lan_time lsoe_pause_before(const struct lsoe *n, uint32_t tries); /* the next transmission */
struct lan_signer *lsoe_signer(const struct lsoe *n, const struct lsoe_peer *p);

/* announce.c */
void lsoe_fill(struct lsoe *n, struct lsoe_peer *p); /* make the PDUs that may be sent now */
/* Memory is short: try again a little later. */
void lsoe_fill_later(struct lsoe *n, struct lsoe_peer *p);
void lsoe_told_free(struct lsoe_peer *p);
uint32_t lsoe_next_serial(uint32_t s);

/* heard.c */
void lsoe_entries_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_entries *e);
void lsoe_lists_clear(struct lsoe_peer *p);
bool lsoe_serial_new(const struct lsoe_peer *p, uint32_t serial);

/* auth.c */
/* Whether an OPEN may be believed; *key is its key then, if it is signed (owned). Not: counted, answered,
 * told. */
bool lsoe_open_allowed(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, struct lsoe_key *key);
/* The OPEN begins a session: its key, *taken*, is the session's. */
void lsoe_key_taken(struct lsoe *n, struct lsoe_peer *p, const struct lsoe_open *o, struct lsoe_key *key);
/* The same for any other PDU. */
bool lsoe_pdu_allowed(
	struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu, const uint8_t *raw);
void lsoe_newkey_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_newkey *k);
void lsoe_ulpc_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ulpc *u,
	const uint8_t *raw, size_t len);
void lsoe_key_established(struct lsoe *n, struct lsoe_peer *p);
void lsoe_pins_free(struct lsoe *n);
bool lsoe_is_pinned(const struct lsoe *n, const struct lsoe_peer *p);

/* measure.c */
void lsoe_measure_begin(struct lsoe *n, lan_time now, struct lsoe_peer *p);
void lsoe_measure_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_vendor *v);
size_t lsoe_measure_write(struct lsoe *n, lan_time now, struct lsoe_peer *p, uint8_t data[40]);

/* event.c */
void lsoe_news(struct lsoe *n, struct lsoe_peer *p);
/* A place for an event that is no state; p may be NULL. NULL: none, counted. */
struct lsoe_misc *lsoe_tell(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p,
	enum lsoe_event_kind kind, const char *reason);
void lsoe_refused(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p, const char *reason);
void lsoe_misc_fini(struct lsoe_misc *m);

/* input.c */
enum lan_err lsoe_input(
	void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *buf, size_t n);

#endif
