/*
 * coap.h - the exchange engine of CoAP as one pure core, client and server at once, over endpoints it does
 * not look into (struct lan_ep): UDP, Ethernet and radio carry the same engine.
 *
 * RFC 7252: confirmable and non-confirmable messages, retransmission, deduplication, piggybacked and separate
 * responses, NSTART, ping and RST; RFC 7641: observation, both roles; RFC 7959: bodies by blocks, both ways
 * and both roles, invisible to the owner; RFC 9175: Echo and Request-Tag; RFC 8768: Hop-Limit.
 *
 * All memory is taken by coap_new, as its configuration says: no request allocates. What does not fit is
 * refused and counted. Requests that are safe (GET, FETCH) are not remembered for deduplication (RFC 7252
 * section 4.5 allows to answer them again); all others are.
 *
 * Implements struct lan_ep_ops (proto.h) by coap_ops, so it can be driven alone; a core that stands on it
 * (sos) calls the same functions with the same arguments.
 */
#ifndef LAN_PROTO_COAP_COAP_H
#define LAN_PROTO_COAP_COAP_H

#include "proto/coap/option.h"
#include "proto/proto.h"

#define COAP_COUNTERS(X)                                                                     \
	X(rx_messages, "messages received")                                                  \
	X(rx_requests, "requests received")                                                  \
	X(rx_responses, "responses received")                                                \
	X(rx_empty, "empty messages received (ACK, RST, ping)")                              \
	X(rx_duplicate, "messages received again")                                           \
	X(rx_notifications, "notifications received")                                        \
	X(drop_format, "messages dropped: not CoAP, or not well formed")                     \
	X(drop_code, "messages dropped: code of no request or response, or of a wrong type") \
	X(drop_group, "messages to everybody dropped: confirmable, or nothing for us")       \
	X(drop_unmatched, "responses dropped: nothing was asked")                            \
	X(drop_endpoint, "responses dropped: from another endpoint than the one asked")      \
	X(drop_option, "messages dropped: critical option not understood")                   \
	X(drop_stale, "notifications dropped: older than one seen")                          \
	X(drop_block, "blocks dropped: out of order, or of another body")                    \
	X(drop_full, "requests dropped: too many wait for the application")                  \
	X(refused_option, "requests refused with 4.02")                                      \
	X(refused_big, "requests refused with 4.13")                                         \
	X(refused_incomplete, "requests refused with 4.08")                                  \
	X(refused_echo, "requests answered with a challenge (4.01 with Echo)")               \
	X(refused_busy, "requests refused with 5.03: no room")                               \
	X(refused_observer, "observers not taken: too many")                                 \
	X(tx_messages, "messages sent")                                                      \
	X(tx_requests, "requests sent, repetitions not counted")                             \
	X(tx_responses, "responses sent, repetitions not counted")                           \
	X(tx_notifications, "notifications sent")                                            \
	X(tx_retransmit, "messages sent again")                                              \
	X(tx_reset, "RSTs sent")                                                             \
	X(tx_failed, "messages the network did not take")                                    \
	X(timeouts, "requests given up: no answer")                                          \
	X(resets, "requests given up: RST")                                                  \
	X(observers_lost, "observers given up: RST, or no acknowledgement")                  \
	X(dedup_evicted, "remembered requests forgotten early: table full")                  \
	X(bodies_evicted, "unfinished bodies of others forgotten early: no room")            \
	X(events_dropped, "events dropped: the application did not pull")

enum coap_counter {
#define X(name, help) COAP_C_##name,
	COAP_COUNTERS(X)
#undef X
		COAP_C_N
};
const char *coap_counter_name(enum coap_counter c);
const char *coap_counter_help(enum coap_counter c);

/* Zero means the default. Sizes are of tables: memory is taken for all of it at once. */
struct coap_config {
	lan_time ack_timeout;    /* default 2 s */
	uint32_t ack_random_pct; /* first pause is up to this much longer; default 50 (ACK_RANDOM_FACTOR 1.5)
				  */
	uint32_t max_retransmit; /* default 4 */
	uint32_t nstart;         /* requests open at one endpoint at a time, others wait; default 1 */
	lan_time give_up;      /* a request is given up this long after coap_request, or after its last block;
				  default as RFC 7252 gives (93 s for CON), less for callers who wait */
	lan_time separate;     /* a CON request not answered within this gets an empty ACK; default 200 ms */
	lan_time leisure;      /* answers to what went to everybody leave after up to this; default 500 ms */
	uint32_t datagram;     /* longest message, at most and by default COAP_DATAGRAM */
	uint8_t szx;           /* largest block, 1..6 (0 means 6: 1024) */
	uint32_t max_requests; /* own requests open or waiting, observations included; default 64 */
	uint32_t max_peers;    /* endpoints remembered; default 256 */
	uint32_t max_incoming; /* requests that wait for the owner's answer; default 64 */
	uint32_t max_dedup;    /* remembered unsafe requests with their answers; default 64 */
	uint32_t max_observers; /* default 64 */
	uint32_t max_bodies;    /* bodies in the making by blocks, both roles; default 8 */
	uint32_t max_body;      /* octets of the longest; default 64 KiB */
	uint32_t confirm_every; /* every so many notifications one is CON (and one in 24 h); default 16 */
	bool no_server;         /* requests are answered with RST (CON) or dropped */
	bool echo;              /* an answer of more than three times the request only to who has proved its
				   address (RFC 9175 section 2.3) */
	/* What the original slaves do (sos.md sections 4, 9, 14): as a client, take ACKs with MIDs of their
	 * own and a matching token and Observe for notifications, and ACKs to NON requests; read S1 options;
	 * as a server, notify in ACKs with MIDs of our own. */
	bool sos_client, sos_server;
	/* Bit `link` of it: other programs of this host may speak from the same endpoint (a MAC address has
	 * no ports). What answers nobody here is theirs perhaps, and not reset. */
	uint64_t shared;
	/* The same request to observe from the same endpoint takes the place of the earlier one although its
	 * token is another: for clients that begin anew and never refuse what they have forgotten. */
	bool one_observation;
};

/* A request to be sent. All borrowed during the call. */
struct coap_request {
	struct lan_ep to;
	uint8_t code;
	bool non;               /* NON instead of CON; to everybody always */
	bool observe;           /* register (GET): every notification is an event until coap_cancel */
	bool urgent;            /* neither waits for nstart nor counts for it */
	uint32_t datagram;      /* this endpoint takes no longer messages; 0: as its link */
	bool no_blocks;         /* fail with LAN_ERR_TOOBIG rather than use blocks */
	const uint8_t *options; /* made with coap_begin_options; none of Observe, Block, Size, Echo,
				   Request-Tag: those are the engine's */
	size_t options_len;
	const uint8_t *token; /* NULL: made by the engine (4 octets, unpredictable) */
	uint8_t tkl;
	const void *payload;
	size_t len;
	uint8_t szx;      /* 0: the configuration's */
	lan_time give_up; /* 0: the configuration's */
	uint64_t tag;     /* the owner's; comes back in events */
};

enum coap_event_kind {
	COAP_EV_RESPONSE = 1, /* to request `id`, whole body; the request is over unless `observing`. To one
				 that went to everybody: each answer is one, `observing`, until it is
				 given up (FAILED, TIMEOUT); answers by blocks are passed over */
	COAP_EV_NOTIFY,       /* of observation `id`; not `observing` any more: it ended with this */
	COAP_EV_FAILED,       /* request or observation `id` is over without (further) answer: err, text */
	COAP_EV_REQUEST,      /* answer it with coap_respond(id): code, options, body */
	COAP_EV_UNOBSERVED    /* an observer of `resource` is gone: text */
};

/* Pointers are views that die at the next call on the core. */
struct coap_event {
	enum coap_event_kind kind;
	uint32_t id;
	uint64_t tag;
	struct lan_ep from;
	bool group;      /* REQUEST: it went to everybody; not answering is fine (coap_ignore) */
	bool con;        /* REQUEST: confirmable */
	bool observing;  /* RESPONSE, NOTIFY: see there. REQUEST: it asks to be an observer (Observe 0) */
	bool notifying;  /* REQUEST: not asked anew: an observer is to be told the resource's present state */
	bool deregister; /* REQUEST: Observe 1; the observer is gone already */
	uint8_t code;
	struct coap_msg msg;    /* options by coap_find etc.; payload/len: the whole body */
	uint32_t resource;      /* as given to coap_respond */
	uint32_t observe_value; /* NOTIFY */
	enum lan_err err;       /* FAILED: TIMEOUT, RESET (RST), UNREACH, TOOBIG, PROTO, CLOSED (cancelled) */
	const char *text;
	lan_time sent, at; /* RESPONSE: when the (last) request left, and when this came */
};

/* An answer. Borrowed during the call. */
struct coap_response {
	uint8_t code;
	const uint8_t *options; /* made with coap_begin_options; not Observe, Block, Size, Echo; ETag is added
				   when blocks are used and there is none */
	size_t options_len;
	const void *payload; /* whole body: cut into blocks if need be */
	size_t len;
	bool observe;      /* take the one who asked as an observer of `resource` */
	bool no_con;       /* a notification that is never asked to be acknowledged */
	uint32_t resource; /* a number of the owner's, not 0 */
};

struct coap;

/* LAN_ERR_NOMEM, LAN_ERR_INVAL. `env` must outlive the core. */
/* The link is there again: what waits on it for its next transmission is sent now. */
void coap_hurry(struct coap *c, lan_time now, uint32_t link);
/* The link's endpoint is shared from here on, see coap_config.shared. */
void coap_share(struct coap *c, uint32_t link);
LAN_WUR enum lan_err coap_new(const struct lan_env *env, const struct coap_config *cfg, struct coap **out);
void coap_free(struct coap *c);
extern const struct lan_ep_ops coap_ops;

/* The longest message a link carries (COAP_DATAGRAM if never said), and whether answers to it are challenged
 * (config.echo). LAN_ERR_LIMIT: more than 64 links. */
LAN_WUR enum lan_err coap_link(struct coap *c, uint32_t link, uint32_t datagram, bool trusted);

/* ---- client. *id is unique while the request lives. LAN_ERR_FULL (max_requests), LAN_ERR_INVAL,
 * LAN_ERR_TOOBIG. */
LAN_WUR enum lan_err coap_request(struct coap *c, lan_time now, const struct coap_request *r, uint32_t *id);
/* Forget a request; an observation is ended at the server too (a GET with Observe 1) when `tell`. No event
 * follows. An id that is over: nothing happens. */
void coap_cancel(struct coap *c, lan_time now, uint32_t id, bool tell);
/* Requests open or waiting at an endpoint. */
uint32_t coap_outstanding(const struct coap *c, const struct lan_ep *to);
/* An endpoint is gone or restarted: forget what is known of it; its requests fail with LAN_ERR_CLOSED. */
void coap_forget(struct coap *c, lan_time now, const struct lan_ep *ep);
/* An empty CON; answered (by RST, or as slaves of SOS do by an ACK) it is a RESPONSE event with code 0, else
 * FAILED. */
LAN_WUR enum lan_err coap_ping(
	struct coap *c, lan_time now, const struct lan_ep *to, uint64_t tag, uint32_t *id);

/* ---- server. Errors: LAN_ERR_NOTFOUND (answered or given up already), LAN_ERR_TOOBIG (max_body; the one who
 * asked gets 5.00), LAN_ERR_INVAL. */
LAN_WUR enum lan_err coap_respond(struct coap *c, lan_time now, uint32_t id, const struct coap_response *r);
/* Do not answer (RFC 7252 section 8.2; No-Response). A CON is acknowledged empty. */
void coap_ignore(struct coap *c, lan_time now, uint32_t id);
/* The state of a resource has changed: each of its observers becomes a REQUEST event with `notifying`. */
void coap_changed(struct coap *c, lan_time now, uint32_t resource);
/* All observers of a resource, or of an endpoint, are over; told with `code` (4.04 ..) unless 0. */
void coap_unobserve(struct coap *c, lan_time now, uint32_t resource, uint8_t code);
void coap_unobserve_peer(struct coap *c, lan_time now, const struct lan_ep *ep);
uint32_t coap_observers(const struct coap *c, uint32_t resource);

bool coap_event(struct coap *c, lan_time now, struct coap_event *ev);
uint64_t coap_counter(const struct coap *c, enum coap_counter n);
/* Octets of memory taken at coap_new. */
size_t coap_memory(const struct coap *c);

/* ---- for a core that stands on the engine: it looks at a message itself first (coap_decode), and hands on
 * what is none of its own business. */
LAN_WUR enum lan_err coap_input_msg(struct coap *c, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n);
/* Queue a datagram as it is (Hello, Discover), not repeated. LAN_ERR_FULL. */
LAN_WUR enum lan_err coap_send_raw(
	struct coap *c, lan_time now, const struct lan_ep *to, const uint8_t *buf, size_t n);
uint16_t coap_next_mid(struct coap *c, const struct lan_ep *to); /* never 0 */

#endif
