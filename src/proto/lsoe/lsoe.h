/*
 * lsoe.h - a node of the neighbour family as one pure core: links, sessions with the neighbours on them, what
 * is announced and what was heard. Both dialects of docs/protocols/lsoe.md; one core speaks one of them.
 *
 * A session belongs to (link, MAC address). It is established when our OPEN was acknowledged and the
 * neighbour's was received (section 1.7). What it announces is replaced as a whole (LSOE-01) or changed step
 * by step (L3DL); either way the application sees whole lists. Decisions where the specification is silent:
 * section 4 of the document.
 *
 * Implements struct lan_frame_ops (proto.h). A link is named by its interface index.
 */
#ifndef LAN_PROTO_LSOE_H
#define LAN_PROTO_LSOE_H

#include "proto/lsoe/pdu.h"
#include "proto/lsoe/sign.h"
#include "proto/proto.h"

/* Every counter: name, help. Kept for each link; the node's are their sums and those of links that are gone.
 */
#define LSOE_COUNTERS(X)                                                                     \
	X(rx_frames, "frames received")                                                      \
	X(rx_pdus, "PDUs received whole")                                                    \
	X(rx_hello, "HELLOs received")                                                       \
	X(rx_open, "OPENs received")                                                         \
	X(rx_keepalive, "KEEPALIVEs received")                                               \
	X(rx_ack, "ACKs received")                                                           \
	X(rx_encaps, "encapsulation PDUs received")                                          \
	X(rx_vendor, "VENDOR PDUs received")                                                 \
	X(rx_duplicate_open, "OPENs received again and acknowledged again")                  \
	X(drop_short, "frames dropped: shorter than a header")                               \
	X(drop_version, "frames dropped: version is not 0")                                  \
	X(drop_length, "frames dropped: datagram length does not match the frame")           \
	X(drop_checksum, "frames dropped: wrong checksum")                                   \
	X(drop_source, "frames dropped: source address is a group or zero")                  \
	X(drop_fragment, "fragments dropped: they fit no PDU")                               \
	X(drop_repeated, "fragments received again")                                         \
	X(drop_reassembly_full, "fragments dropped: too much is unfinished on the link")     \
	X(drop_reassembly_time, "unfinished PDUs given up after the reassembly timeout")     \
	X(drop_pdu_length, "PDUs dropped: length does not match")                            \
	X(drop_pdu_type, "PDUs dropped: unknown type")                                       \
	X(drop_pdu_malformed, "PDUs dropped: fields that do not come out")                   \
	X(drop_pdu_auth, "PDUs dropped: authentication data that is not understood")         \
	X(drop_not_open, "PDUs dropped: no session is established")                          \
	X(drop_unexpected_ack, "ACKs dropped: nothing of that type is outstanding")          \
	X(drop_half_open, "frames dropped: too many sessions begin at once")                 \
	X(drop_peers, "frames dropped: the link has max_peers sessions")                     \
	X(drop_held, "PDUs dropped: the neighbour is left alone after an error")             \
	X(drop_prefixes, "encapsulation PDUs refused: more than max_prefixes")               \
	X(drop_entries, "entries passed over: impossible prefix length")                     \
	X(drop_announce, "encapsulation PDUs refused: they do not fit what was announced")   \
	X(drop_serial, "PDUs dropped: serial number received before")                        \
	X(drop_signature, "PDUs refused: signature missing or wrong")                        \
	X(drop_key, "OPENs refused: key not trusted")                                        \
	X(drop_replay, "OPENs refused: nonce of an earlier session")                         \
	X(drop_vendor, "VENDOR PDUs of enterprises nobody asked for")                        \
	X(drop_memory, "PDUs dropped: out of memory")                                        \
	X(tx_frames, "frames sent")                                                          \
	X(tx_hello, "HELLOs sent")                                                           \
	X(tx_open, "OPENs sent, repetitions included")                                       \
	X(tx_keepalive, "KEEPALIVEs sent")                                                   \
	X(tx_ack, "ACKs sent")                                                               \
	X(tx_error_ack, "ACKs with an error sent")                                           \
	X(tx_encaps, "encapsulation PDUs sent, repetitions included")                        \
	X(tx_retransmit, "PDUs sent again")                                                  \
	X(tx_failed, "frames the interface did not take")                                    \
	X(tx_held, "answers not sent: nothing was received to answer (amplification)")       \
	X(session_up, "sessions established")                                                \
	X(down_dead, "sessions ended: silence")                                              \
	X(down_unacked, "sessions ended: no acknowledgement")                                \
	X(down_restart, "sessions ended: the neighbour began anew")                          \
	X(down_link, "sessions ended: link down")                                            \
	X(down_error, "sessions ended: error acknowledgement")                               \
	X(down_asked, "sessions ended: by the operator")                                     \
	X(resumed, "sessions resumed without sending all again")                             \
	X(damped, "new nonces of neighbours answered without one of ours (restart damping)") \
	X(self_heard, "OPENs of our own node received")                                      \
	X(conflicts, "addresses of ours announced by a neighbour")                           \
	X(error_acks, "error acknowledgements received")                                     \
	X(pauses, "pauses of this process credited to the neighbours")                       \
	X(events_dropped, "events dropped because the application did not pull")

enum lsoe_counter {
#define X(name, help) LSOE_C_##name,
	LSOE_COUNTERS(X)
#undef X
		LSOE_C_N
};
struct lsoe_counters {
	uint64_t v[LSOE_C_N];
};
const char *lsoe_counter_name(enum lsoe_counter c);
const char *lsoe_counter_help(enum lsoe_counter c);

enum lsoe_trust { LSOE_TRUST_ANY, LSOE_TRUST_TOFU, LSOE_TRUST_ANCHOR };

/* Zero in a field means its default, as documented in <lanyard/neighbor.h>. Borrowed during the call, but for
 * `signer`, which is *taken* by a successful call. */
struct lsoe_config {
	enum lsoe_dialect dialect;
	const uint8_t *id; /* LSOE-01: exactly 10 octets. L3DL: may be empty, then each link has its own */
	uint8_t id_len;
	const uint8_t *attrs;
	uint8_t n_attrs;
	lan_time hello, keepalive, dead, retransmit;
	bool no_backoff;
	uint32_t tries;
	lan_time reassembly, open_jitter;
	bool multi_link;
	lan_time measure; /* LAN_NEVER: not */
	struct lan_signer *signer;
	const uint8_t *cert;
	uint16_t cert_len;
	const struct lsoe_key *anchor;
	enum lsoe_trust trust;
	bool sign_keepalive;
	lan_time key_overlap, resume;
	uint32_t auth_failures;
	uint32_t max_peers, max_half_open, max_prefixes;
	bool vendor_to_all, want_acks;
	bool want_saved; /* tell LSOE_EV_SAVE */
};

/* Everything an event can say; pointers are views that die at the next call on the core. */
enum lsoe_event_kind {
	LSOE_EV_UP = 1,
	LSOE_EV_DOWN,
	LSOE_EV_ENCAPS, /* type: the list has changed */
	LSOE_EV_SELF,
	LSOE_EV_CONFLICT, /* entry */
	LSOE_EV_ERROR,    /* ack */
	LSOE_EV_REFUSED,  /* reason */
	LSOE_EV_KEY,      /* key; reason: "learned", "rolled". To be kept by the owner (lsoe_pin) */
	LSOE_EV_ULPC,     /* ulpc */
	LSOE_EV_VENDOR,   /* vendor */
	LSOE_EV_ACK,      /* ack; with want_acks only */
	LSOE_EV_SAVE      /* what lsoe_save would write of this peer has changed */
};

struct lsoe_event {
	enum lsoe_event_kind kind;
	uint32_t link;
	uint8_t mac[6];
	const uint8_t *id, *attrs;
	uint8_t id_len, n_attrs;
	uint64_t session; /* a number that changes with each session (northbound session_pyid) */
	uint8_t type;
	struct lsoe_ack ack;
	const char *reason; /* static text, "" none */
	uint8_t family;     /* CONFLICT: 4 or 6 */
	uint8_t addr[16];
	const struct lsoe_key *key;
	struct lsoe_ulpc ulpc;
	struct lsoe_vendor vendor;
	lan_time at;
};

/* A list of entries of one type in neutral form: flags (LSOE_F_..), label count and labels (MPLS types),
 * address, prefix length. Walked with lsoe_list_next. */
struct lsoe_list {
	uint8_t *p;
	size_t len, cap;
	uint32_t count;
};
void lsoe_list_fini(struct lsoe_list *l);
LAN_WUR enum lan_err lsoe_list_add(struct lsoe_list *l, uint8_t type, const struct lsoe_entry *e);
bool lsoe_list_next(const struct lsoe_list *l, uint8_t type, size_t *at, struct lsoe_entry *out);

enum lsoe_peer_state { LSOE_HEARD = 1, LSOE_OPENING, LSOE_ESTABLISHED, LSOE_HELD, LSOE_OURSELF };

struct lsoe_status {
	uint32_t link;
	uint8_t mac[6];
	const uint8_t *id, *attrs;
	uint8_t id_len, n_attrs;
	enum lsoe_peer_state state;
	bool lanyard, have_nonce, open_acked;
	uint64_t session;
	lan_time since, last_rx, last_tx, last_keepalive;
	uint8_t last_rx_type, last_tx_type; /* valid with their times */
	const char *reason;
	uint32_t restarts, open_tries, auth_failures;
	uint32_t n_prefixes[4];
	uint32_t unacked;
	uint64_t rx_frames, tx_frames, tx_retransmits;
	bool measured;
	lan_time rtt, jitter;
	uint32_t lost_rx, of_rx, lost_tx, of_tx; /* KEEPALIVEs, over the last measurements */
	const struct lsoe_key *key;              /* alg 0: none */
	bool pinned, anchored;
	uint32_t serial_rx, serial_tx;
};

struct lsoe_link_config {
	uint32_t link;  /* interface index, not 0 */
	uint8_t mac[6]; /* its own */
	uint8_t hello_to[6];
	uint32_t mtu;      /* datagrams are no longer than this, nor than LSOE_MTU */
	const uint8_t *id; /* L3DL without id in lsoe_config: the LLEI of this link */
	uint8_t id_len;
};

struct lsoe_link_status {
	bool up;
	lan_time last_hello; /* sent; 0: never */
	uint32_t peers, established;
	const struct lsoe_counters *counters;
};

struct lsoe;

/* LAN_ERR_NOMEM, LAN_ERR_INVAL (a value outside its range). `env` must outlive the core. */
LAN_WUR enum lan_err lsoe_new(const struct lan_env *env, const struct lsoe_config *cfg, struct lsoe **out);
void lsoe_free(struct lsoe *n);
extern const struct lan_frame_ops lsoe_ops;

/* A link came up (carrier), or its parameters changed: HELLO is due at once. LAN_ERR_NOMEM, LAN_ERR_INVAL. */
LAN_WUR enum lan_err lsoe_link_up(struct lsoe *n, lan_time now, const struct lsoe_link_config *cfg);
/* It went down: its sessions end, nothing is sent. `forget`: the link is gone, its counters are added to the
 * node's. */
void lsoe_link_down(struct lsoe *n, lan_time now, uint32_t link, bool forget);
/* What is announced on a link of a type (4..7) from now on; *takes* the list, even on error.
 * LAN_ERR_NOTFOUND, LAN_ERR_NOMEM, LAN_ERR_TOOBIG (fits no PDU: as much as fits is announced). */
LAN_WUR enum lan_err lsoe_announce(
	struct lsoe *n, lan_time now, uint32_t link, uint8_t type, struct lsoe_list *list);
const struct lsoe_list *lsoe_announced(const struct lsoe *n, uint32_t link, uint8_t type);

bool lsoe_event(struct lsoe *n, lan_time now, struct lsoe_event *ev);
bool lsoe_peer(const struct lsoe *n, size_t i, struct lsoe_status *out);
const struct lsoe_list *lsoe_heard(const struct lsoe *n, uint32_t link, const uint8_t mac[6], uint8_t type);
LAN_WUR enum lan_err lsoe_link_status(const struct lsoe *n, uint32_t link, struct lsoe_link_status *out);
const struct lsoe_counters *lsoe_counters(struct lsoe *n); /* the node's sums; view */

/* mac NULL: all of the link. LAN_ERR_NOTFOUND. */
LAN_WUR enum lan_err lsoe_reset(struct lsoe *n, lan_time now, uint32_t link, const uint8_t *mac);
/* Errors as lan_neighbor_vendor. */
LAN_WUR enum lan_err lsoe_vendor(struct lsoe *n, lan_time now, uint32_t link, const uint8_t mac[6],
	uint32_t enterprise, uint8_t type, const void *data, size_t len);
/* Enterprises whose VENDOR PDUs become events; others are acknowledged and counted. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lsoe_accept_vendor(struct lsoe *n, uint32_t enterprise, bool yes);
void lsoe_want_acks(struct lsoe *n, bool yes);
/* Sent to every neighbour (L3DL); asn 0: no more. `u` is copied, auth included. LAN_ERR_NOTSUP (LSOE-01),
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lsoe_ulpc_set(struct lsoe *n, lan_time now, const struct lsoe_ulpc *u);
/* Sign with another key; *takes* signer unless it fails. NEWKEY goes to all. LAN_ERR_NOTSUP, LAN_ERR_NOMEM.
 */
LAN_WUR enum lan_err lsoe_roll(
	struct lsoe *n, lan_time now, struct lan_signer *signer, const uint8_t *cert, uint16_t cert_len);

/* A key known from before: of the node with this id. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lsoe_pin(struct lsoe *n, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key);
/* What is needed to resume a peer's session after a restart (L3DL), and back. *out: malloc'ed. lsoe_load:
 * after lsoe_link_up. LAN_ERR_NOTFOUND, LAN_ERR_NOMEM; lsoe_load: LAN_ERR_CONFIG (not understood). */
LAN_WUR enum lan_err lsoe_save(
	const struct lsoe *n, uint32_t link, const uint8_t mac[6], uint8_t **out, size_t *len);
LAN_WUR enum lan_err lsoe_load(
	struct lsoe *n, lan_time now, uint32_t link, const uint8_t mac[6], const uint8_t *p, size_t len);

#endif
