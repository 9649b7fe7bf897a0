/*
 * master_int.h - what the files of the master share. A member is a slave the master knows of, listed or
 * candidate; an ask is a request of the owner on its way, or an observation. Members are found by id and by
 * endpoint (SipHash under a secret seed: who chooses addresses cannot choose collisions).
 */
#ifndef LAN_PROTO_SOS_MASTER_INT_H
#define LAN_PROTO_SOS_MASTER_INT_H

#include "base/timers.h"
#include "proto/sos/master.h"
#include "proto/sos/seal.h"

#define MAX_LINKS     64
#define MAX_STATES    1024 /* events of states that wait to be pulled */
#define RESERVE       64   /* of these, kept free: below it no message is taken in */
#define ASSOC_TIME    LAN_SEC(8)
#define OBSERVE_AGAIN LAN_SEC(10) /* an observation that failed is asked for again after */
#define LIST_MAX      65536       /* octets of the longest list of resources */

/* The engine's tag of requests that are the master's own; the owner's are the number of their ask. */
#define TAG_ASSOC (UINT64_C(1) << 63)
#define TAG_LIST  (UINT64_C(1) << 62)
#define TAG_END   (UINT64_C(1) << 61) /* nobody waits for the answer */

enum place { AT_EP = 0, AT_TRY, PLACES };

struct member;
struct place_node {
	struct member *m;
	struct place_node *next;
	enum place which;
	bool linked;
};

struct ask {
	struct ask *prev, *next; /* of its member, or of the free or failed ones */
	struct member *m;        /* NULL: free */
	uint32_t index, generation;
	uint32_t coap;                           /* the engine's id; 0: none at present */
	bool observe, answered, pending, failed; /* pending: counted in waiting */
	enum lan_err err;
	const char *text;
	uint64_t tag;
	struct lan_timer timer; /* observe: asked for again */
	uint8_t code;
	uint32_t path; /* hash of it */
	lan_time give_up;
	uint8_t *options; /* observe: a copy */
	uint32_t options_len;
};

/* What a member with a key has, and no other. */
struct secret {
	uint8_t key[SOS_KEY], nonce_s[SOS_NONCE];
	struct sos_seal *seal, *try_seal; /* of the session, and of the one that begins .. */
	bool old_session;                 /* ..or of the one before: none begins yet */
};

/* Kept small: there may be tens of thousands. */
struct member {
	uint32_t id;
	uint32_t slot; /* in its table */
	bool listed, modern;
	enum sos_member_state state : 8;
	enum sos_epoch epoch : 8, try_epoch : 8, later_epoch : 8;
	uint32_t conf_ttl, conf_mtu, ttl, mtu;
	struct lan_ep ep;    /* where it is associated; len 0: nowhere */
	struct lan_ep try;   /* where an AssocRequest went */
	struct lan_ep later; /* another place from which it was heard meanwhile */
	uint32_t later_seen, later_mtu;
	uint32_t assoc;   /* the engine's id of the AssocRequest on its way; 0: none */
	uint32_t listing; /* ..and of the request for the whole list */
	uint32_t try_ttl, try_mtu;
	struct secret *secret; /* NULL: it has no key */
	struct place_node place[PLACES];
	struct member *id_next;
	struct lan_timer timer;                                          /* expiry */
	lan_time since, expires, last_rx, last_discover, last_here, rtt; /* last_here: a Discover from ep */
	uint32_t associations, renewals, losses, moves, requests, failures;
	struct ask *asks;
	uint32_t waiting, observed;
	uint32_t list_len;
	uint32_t list_tag; /* ETag of the list that is here or on its way; 0: the slave says none */
	char *list;
};

struct net {
	uint32_t link, mtu, overhead;
	bool up, greeted;
	lan_time hello; /* next; LAN_NEVER: down */
};

struct sos_master {
	struct lan_env env;
	struct sos_master_config cfg;
	struct coap *coap;
	uint64_t seed[2];
	uint32_t hello_id;
	struct net nets[MAX_LINKS];
	uint32_t n_nets;
	struct member **listed, **unlisted;
	uint32_t n_listed, cap_listed, n_unlisted, cap_unlisted;
	struct member **by_id;
	struct place_node **by_ep;
	uint32_t n_members, hash_cap;
	struct lan_timers timers;
	struct ask *asks, *free_asks, *failed, *failed_last;
	uint32_t n_asks;
	struct sos_master_event *states; /* ring */
	uint32_t state_head, state_len;
	lan_time refused[8]; /* when each reason was told last */
	lan_time other_told;
	struct lan_ep other;
	uint8_t scratch[COAP_DATAGRAM + 64]; /* repaired or opened messages */
	uint8_t plain[COAP_DATAGRAM + 64];
	uint64_t counters[SOS_MASTER_C_N];
};

static inline void count(struct sos_master *m, enum sos_master_counter c)
{
	m->counters[c]++;
}

uint32_t sos_random(struct sos_master *m);

/* master_table.c */
struct member *sos_member(const struct sos_master *m, uint32_t id);
struct member *sos_member_at(const struct sos_master *m, const struct lan_ep *ep, enum place *which);
/* ep NULL: nowhere. */
void sos_place(struct sos_master *m, struct member *s, enum place which, const struct lan_ep *ep);
/* A new member in its table; NULL: no memory. */
struct member *sos_member_new(struct sos_master *m, uint32_t id, bool listed);
void sos_member_drop(struct sos_master *m, struct member *s);
bool sos_same(const struct lan_ep *a, const struct lan_ep *b);

/* master_assoc.c */
void sos_on_discover(
	struct sos_master *m, lan_time now, const struct lan_ep *from, const struct sos_control *c);
void sos_on_assoc(struct sos_master *m, lan_time now, struct member *s, const struct coap_event *ev);
void sos_on_list(struct sos_master *m, lan_time now, struct member *s, const struct coap_event *ev);
void sos_expire(struct sos_master *m, lan_time now, struct member *s, const char *why);
void sos_try(struct sos_master *m, lan_time now, struct member *s, const struct lan_ep *ep,
	enum sos_epoch epoch, uint32_t mtu);

/* master_ask.c */
void sos_asks_again(struct sos_master *m, lan_time now, struct member *s); /* it associated: observe anew */
/* They fail, with this text; `all`: observations too. */
void sos_asks_fail(struct sos_master *m, lan_time now, struct member *s, const char *why, bool all);
void sos_ask_due(struct sos_master *m, lan_time now, struct ask *a);
/* What the engine says of an ask; true: `out` is for the owner. */
bool sos_on_answer(
	struct sos_master *m, lan_time now, const struct coap_event *ev, struct sos_master_event *out);
bool sos_failed(struct sos_master *m, lan_time now, struct sos_master_event *out);
void sos_asks_init(struct sos_master *m);
/* Octets a message to this member may have. */
uint32_t sos_datagram(const struct sos_master *m, const struct member *s);

/* master_event.c */
void sos_tell_state(struct sos_master *m, lan_time now, const struct member *s, enum sos_member_state was,
	const char *reason, const struct lan_ep *old);
void sos_tell_candidate(struct sos_master *m, lan_time now, const struct member *s, const struct lan_ep *ep,
	enum sos_epoch epoch);
enum refusal { REFUSED_UNLISTED = 0, REFUSED_CANDIDATES, REFUSED_KEY, REFUSED_LIST, REFUSED_CONTROL };
void sos_tell_refused(
	struct sos_master *m, lan_time now, uint32_t slave, const struct lan_ep *ep, enum refusal r);
void sos_tell_other(struct sos_master *m, lan_time now, const struct lan_ep *ep, const char *what);

#endif
