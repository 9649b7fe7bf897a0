/*
 * master.h - the master of SOS/CASAN as one pure core: slaves listed and unlisted, their association on any
 * of several networks in both epochs at once (sos.md section 2.2), and requests to them, over the client of
 * CoAP (coap.h). Requests to a slave wait in a bounded queue of its own; one is on its way at a time (section
 * 15, rule 3). Replies are matched by endpoint, MID and token.
 *
 * Implements struct lan_ep_ops.
 */
#ifndef LAN_PROTO_SOS_MASTER_H
#define LAN_PROTO_SOS_MASTER_H

#include "proto/coap/coap.h"
#include "proto/coap/linkformat.h"
#include "proto/sos/control.h"

#define SOS_MASTER_COUNTERS(X)                                                 \
	X(rx_discover, "Discovers received")                                   \
	X(rx_assoc_answer, "AssocAnswers received that were believed")         \
	X(tx_hello, "Hellos sent")                                             \
	X(tx_assoc_request, "AssocRequests sent, repetitions not counted")     \
	X(associated, "associations made")                                     \
	X(renewed, "associations renewed")                                     \
	X(expired, "associations that ended without renewal")                  \
	X(moved, "slaves that came back from another address")                 \
	X(drop_control, "control messages dropped: malformed")                 \
	X(drop_unlisted, "Discovers dropped: slave not listed")                \
	X(drop_candidates, "Discovers dropped: table of candidates full")      \
	X(drop_rate, "Discovers dropped: too many of one slave")               \
	X(drop_key, "control messages dropped: key not proved")                \
	X(drop_sealed, "messages dropped: seal missing, broken or repeated")   \
	X(drop_list, "AssocAnswers dropped: list of resources not understood") \
	X(drop_unknown, "messages dropped: from nobody who is associated")     \
	X(other_master, "control messages of another master heard")            \
	X(refused_full, "requests refused: the slave's queue is full")         \
	X(assoc_failed, "AssocRequests without answer")                        \
	X(events_dropped, "events dropped: the application did not pull")
enum sos_master_counter {
#define X(name, help) SOS_MASTER_C_##name,
	SOS_MASTER_COUNTERS(X)
#undef X
		SOS_MASTER_C_N
};
const char *sos_master_counter_name(enum sos_master_counter c);
const char *sos_master_counter_help(enum sos_master_counter c);

enum sos_policy { SOS_UNLISTED_IGNORE = 0, SOS_UNLISTED_LIST, SOS_UNLISTED_ADMIT };

struct sos_master_config {
	lan_time first_hello;    /* default 3 s; the first Hello is sent at a moment in [0, first_hello] */
	lan_time hello;          /* default 10 s */
	uint32_t ttl;            /* seconds, of slaves that are given none; default 3600 */
	bool epochs[SOS_EPOCHS]; /* which Hellos are sent and which Discovers answered; none: both */
	uint32_t hello_id;       /* 0: made of entropy, 1..999 */
	enum sos_policy unlisted;
	uint32_t max_candidates; /* unlisted slaves remembered or admitted; default 256 */
	uint32_t queue;          /* requests that wait at one slave; default 16 */
	lan_time give_up;        /* a request is given up after; default 23 s (as the originals, nearly) */
	struct coap_config coap; /* tables; sos_client is set */
};

enum sos_member_state { SOS_INACTIVE = 0, SOS_ASSOCIATING, SOS_ASSOCIATED };

struct sos_member_config {
	uint32_t id;
	uint32_t ttl, mtu;  /* 0: default */
	const uint8_t *key; /* 32 octets, copied; NULL: none */
};

enum sos_master_event_kind {
	SOS_MASTER_EV_STATE =
		1, /* slave: state, was, reason: "associated", "renewed", "moved", "expired", .. */
	SOS_MASTER_EV_CANDIDATE, /* an unlisted slave was heard (once, and when its address changes): slave,
				    ep */
	SOS_MASTER_EV_MASTER,  /* another master speaks: ep, reason "Hello", "AssocRequest"; one a minute each
				*/
	SOS_MASTER_EV_REFUSED, /* slave (0: not known), ep, reason; one a second for each reason */
	SOS_MASTER_EV_RESPONSE, /* slave, coap: COAP_EV_RESPONSE or COAP_EV_NOTIFY; tag */
	SOS_MASTER_EV_FAILED /* slave, coap: COAP_EV_FAILED; tag. Err NOTFOUND: it is not associated any more
			      */
};
struct sos_master_event {
	enum sos_master_event_kind kind;
	uint32_t slave, id; /* id: of the request */
	uint64_t tag;
	struct lan_ep ep, old; /* moved: from old */
	enum sos_member_state state, was;
	enum sos_epoch epoch;
	const char *reason;
	struct coap_event coap; /* views die at the next call */
	lan_time at;
};

struct sos_member_status {
	uint32_t id;
	bool listed, keyed;
	enum sos_member_state state;
	struct lan_ep ep; /* len 0: not known */
	enum sos_epoch epoch;
	uint32_t ttl, mtu, conf_ttl, conf_mtu;           /* ttl, mtu: in force */
	lan_time since, expires, last_rx, last_discover; /* 0: never; expires LAN_NEVER: not associated */
	uint64_t associations, renewals, losses, moves, requests, failures;
	lan_time rtt;               /* of the last answered request; 0: none */
	uint32_t waiting, observed; /* requests in the queue and on their way; observations */
	const char *resources;      /* the list as received, NUL-terminated; "" none */
	size_t resources_len;
};

struct sos_master;
/* LAN_ERR_NOMEM, LAN_ERR_INVAL. `env` must outlive the core. */
LAN_WUR enum lan_err sos_master_new(
	const struct lan_env *env, const struct sos_master_config *cfg, struct sos_master **out);
void sos_master_free(struct sos_master *m);
extern const struct lan_ep_ops sos_master_ops;

/* A network: its mtu (section 2.3), the octets of that which are no message, and whether it is up. Hello is
 * due on it at first_hello, or at once when it comes back. LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err sos_master_link(
	struct sos_master *m, lan_time now, uint32_t link, uint32_t mtu, uint32_t overhead, bool up);

/* List a slave, or change what is configured of it. LAN_ERR_INVAL (id), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err sos_master_add(struct sos_master *m, lan_time now, const struct sos_member_config *cfg);
/* Not listed any more: its requests fail, it is forgotten. LAN_ERR_NOTFOUND. */
LAN_WUR enum lan_err sos_master_remove(struct sos_master *m, lan_time now, uint32_t id);
/* Ask a slave to associate now (as if it had sent Discover), or all by Hello (id 0). LAN_ERR_NOTFOUND. */
LAN_WUR enum lan_err sos_master_poke(struct sos_master *m, lan_time now, uint32_t id);

/* A request to a slave; `r->to` is not looked at. An observation is made again by itself whenever the slave
 * associates anew (another boot, another address), and ends only by sos_master_cancel or when the slave is
 * removed. LAN_ERR_NOTFOUND (no such slave), LAN_ERR_CLOSED (not associated; not for observations),
 * LAN_ERR_FULL, and those of coap_request. */
LAN_WUR enum lan_err sos_master_request(
	struct sos_master *m, lan_time now, uint32_t slave, const struct coap_request *r, uint32_t *id);
void sos_master_cancel(struct sos_master *m, lan_time now, uint32_t id);

bool sos_master_event(struct sos_master *m, lan_time now, struct sos_master_event *ev);

/* Number i (0..) in order of listing, candidates last; false past the end. Pointers are views. */
bool sos_master_member(const struct sos_master *m, size_t i, struct sos_member_status *out);
LAN_WUR enum lan_err sos_master_find(const struct sos_master *m, uint32_t id, struct sos_member_status *out);
/* Has the slave this resource ("t1", "a/b")? */
bool sos_master_has(const struct sos_master *m, uint32_t id, const char *path, size_t len);
uint32_t sos_master_hello_id(const struct sos_master *m);
lan_time sos_master_next_hello(const struct sos_master *m); /* LAN_NEVER: no network is up */
uint64_t sos_master_counter(const struct sos_master *m, enum sos_master_counter c);
const struct coap *sos_master_coap(const struct sos_master *m);

#endif
