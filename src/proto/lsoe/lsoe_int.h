/*
 * lsoe_int.h - what the files of the neighbour core share: node.c (node, links, tables, time), input.c (frame
 * to PDU), session.c (the state machine), session_open.c (the neighbour's OPEN),
 * session_time.c (what is due), send.c (what is under way, and cutting it into frames), announce.c
 * (own lists to PDUs), heard.c (the neighbours' lists), auth.c (keys), measure.c (loss and round trip),
 * resume.c (what survives a session), event.c, status.c, list.c.
 */
#ifndef LAN_LSOE_INT_H
#define LAN_LSOE_INT_H

#include "base/timers.h"
#include "crypto/crypto.h"
#include "proto/lsoe/lsoe.h"
#include "proto/lsoe/peer.h"
#include "proto/lsoe/reasm.h"

#define LSOE_ENTERPRISE 0x4c414e59u /* ours, section 3 */
#define LSOE_MEASURE    1           /* its Ent Type of measurements */
#define LSOE_HOLD_DOWN  LAN_SEC(1)  /* between two nonces of ours for one neighbour (section 1.9) */
#define LSOE_DOUBT      LAN_SEC(3)  /* within this an OPEN that is not believed comes again (section 1.9) */
#define LSOE_MISC       256         /* events that are not states */
/* Frames that may go to neighbours without a session: one for each that came, up to MAX saved, and one each
 * STEP up to MIN. */
#define LSOE_CREDIT_MAX     256
#define LSOE_CREDIT_MIN     64
#define LSOE_CREDIT_STEP    LAN_MS(50)
#define LSOE_PINS           4096
#define LSOE_CODE_NO_RESUME 2                    /* L3DL, section 2.3: the session could not be continued */
enum { LSOE_IS_LANYARD = 1, LSOE_MEASURES = 2 }; /* the mark behind an OPEN */

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
	struct lsoe_ulpc ulpc;
	uint64_t seed[2];
	struct lan_timers timers;
	lan_time now;              /* of the call under way */
	lan_time last_now, paused; /* paused: what was credited in all */
	struct lsoe_link **link_hash;
	struct lsoe_peer **peer_hash;
	uint32_t link_cap, peer_cap, n_links, n_peers;
	struct lsoe_peer **peers;
	struct lsoe_link *want_first, *want_last;
	struct lsoe_peer *news_first, *news_last;
	struct lsoe_misc misc[LSOE_MISC];
	uint32_t misc_first, misc_n;
	struct lsoe_misc told; /* the event handed out last: what its views point to */
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
/* At the beginning of everything that time or a frame brings about. */
void lsoe_credit_pause(struct lsoe *n, lan_time now);
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
void lsoe_ack_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ack *a);
void lsoe_keepalive_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p);
/* End the session, if there is one, and all that belongs to it. */
void lsoe_close(struct lsoe *n, lan_time now, struct lsoe_peer *p, enum lsoe_counter why, const char *reason);
void lsoe_hold(struct lsoe *n, lan_time now, struct lsoe_peer *p, const char *reason);
void lsoe_want_open(
	struct lsoe *n, lan_time now, struct lsoe_peer *p); /* unless it is acknowledged or under way */
void lsoe_establish(struct lsoe *n, lan_time now, struct lsoe_peer *p); /* if both OPENs are through */
void lsoe_not_established(struct lsoe *n, lan_time now, struct lsoe_peer *p);
void lsoe_keep_data(struct lsoe_peer *p); /* of what is under way, only what a resumed session sends again */
lan_time lsoe_patience_for_theirs(const struct lsoe *n);
/* session_open.c */
void lsoe_open_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, unsigned mark);
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
/* A PDU of an earlier session with the key of now. False: it does not fit. */
bool lsoe_sign_again(struct lsoe *n, struct lsoe_out *o);
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

/* status.c */
size_t lsoe_known_macs(const void *core, uint32_t link, uint8_t (*macs)[6], size_t most);

/* input.c */
enum lan_err lsoe_input(
	void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *buf, size_t n);

#endif
