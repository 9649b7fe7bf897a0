/*
 * tables.h - what the exchange engine is made of: its tables and what stands in them.
 *
 * Whatever the other end may acknowledge, refuse or make us repeat begins with a struct coap_tx: own requests
 * (coap_x), requests of others (coap_in, when answered by a message of their own), observers (coap_obs). One
 * heap of timers, one table of MIDs and one queue of events serve all of them.
 */
#ifndef LAN_PROTO_COAP_TABLES_H
#define LAN_PROTO_COAP_TABLES_H

#include <string.h>
#include "base/map.h"
#include "base/timers.h"
#include "proto/coap/coap.h"

#define COAP_EXCHANGE_LIFETIME LAN_SEC(247) /* RFC 7252 section 4.8.2 */
#define COAP_NON_LIFETIME      LAN_SEC(145)
#define COAP_BODY_PATIENCE                                                                                  \
	LAN_SEC(93)                     /* MAX_TRANSMIT_WAIT: an upload without progress is forgotten after \
					 */
#define COAP_CONFIRM_DAY LAN_SEC(86400) /* RFC 7641 section 4.5 */
#define COAP_ECHO_FRESH  60             /* seconds an Echo value is taken */
#define COAP_PROVED      LAN_SEC(3600)  /* an endpoint that returned an Echo value is believed for */
#define COAP_RETRY       LAN_MS(1)      /* when the queue of datagrams is full */

#define COAP_LINKS          64
#define COAP_SMALL          128 /* octets of a request that stay with its slot; longer ones take a buffer */
#define COAP_MIDS           256 /* buckets; powers of two */
#define COAP_RECENT         64  /* confirmable responses remembered: they are acknowledged again, not reset */
#define COAP_ANSWER_OPTIONS 256 /* octets of a stored answer */
#define COAP_ECHO_MAX       40
#define COAP_ECHO_OUR       12

enum coap_kind { COAP_K_X, COAP_K_IN, COAP_K_OBS, COAP_K_BODY };

struct coap_tx {
	struct lan_timer timer;
	uint8_t kind;
	uint8_t tries; /* transmissions made */
	bool linked;   /* in the table of MIDs */
	bool queued;   /* an event waits */
	uint16_t mid;
	struct coap_tx *next, *ev_next;
	lan_time pause; /* until the next repetition */
	struct lan_ep ep;
};

/* ---- bodies in the making */
enum coap_use { COAP_B_FREE, COAP_B_CLIENT, COAP_B_UPLOAD, COAP_B_ANSWER };
struct coap_body {
	struct coap_tx tx; /* timer, and the endpoint of UPLOAD and ANSWER */
	uint8_t use;
	bool challenged; /* ANSWER: held back until the endpoint has proved itself */
	uint8_t code;    /* ANSWER */
	uint16_t options_len;
	uint32_t len;
	uint64_t key, payload_key; /* UPLOAD, ANSWER: of the request */
	lan_time progress;         /* UPLOAD, ANSWER: the last */
	uint8_t *at;
};

/* ---- own requests */
enum coap_x_state {
	COAP_X_FREE,
	COAP_X_WAIT,   /* for others at the same endpoint (NSTART) */
	COAP_X_SENT,   /* repeated until something comes */
	COAP_X_ACKED,  /* acknowledged, or NON: an answer is awaited */
	COAP_X_STANDS, /* an observation between two notifications */
	COAP_X_OVER    /* its event waits */
};

struct coap_tok {
	struct coap_tok *next;
	bool linked, second;
	uint8_t tkl, token[COAP_TOKEN_MAX];
};

struct coap_x {
	struct coap_tx tx;
	struct coap_tok tok[2]; /* [1]: of the blocks behind a notification's first (RFC 7959 section 2.6) */
	struct coap_x *peer_next;
	struct coap_peer *peer;
	uint32_t id, event_id;
	uint64_t tag;
	uint8_t state, code, szx;
	bool non, observe, group, ping, own_token, early; /* early: Block2 in the first request already */
	bool urgent, counted;                             /* counted: among the peer's open ones */
	bool registered, telling;                         /* an observation stands; GET with Observe 1 */
	bool answered;                                    /* the RESPONSE of an observation was handed out */
	lan_time give_up, until, next_tx, sent, came;
	enum lan_err unsent;
	uint8_t *buf; /* options, then the payload if it is no body */
	uint16_t options_len;
	const uint8_t *payload;
	uint32_t len;
	/* upload */
	bool up, up_retried;
	uint32_t request_tag; /* 0: none */
	uint32_t up_off;
	struct coap_body *up_body;
	/* download */
	bool down;
	bool fresh; /* what comes next counts, whatever its number */
	uint8_t down_szx, restarts, etag_len, etag[8];
	struct coap_body *down_body;
	/* echo */
	bool echoed;
	uint8_t echo_len, echo[COAP_ECHO_MAX];
	/* observation */
	uint32_t value;
	lan_time value_at, expires;
	/* the event that waits */
	bool ev_msg, ev_fail, ev_observing;
	uint8_t *ev_buf;
	struct coap_body *ev_body;
	struct lan_ep ev_from;
	struct coap_msg msg;
	lan_time ev_sent, ev_at;
	uint32_t ev_value;
	enum lan_err err;
	const char *text;
	uint8_t small[COAP_SMALL];
};

/* ---- endpoints */
struct coap_peer {
	struct lan_ep ep;
	uint16_t mid, open; /* open: requests that count for NSTART */
	uint32_t refs;      /* requests that point here */
	uint32_t next;      /* in its bucket; number + 1, as the following two */
	uint32_t newer, older;
	lan_time proved; /* until then it has proved its address; 0: not */
	struct coap_x *wait, *wait_last;
};

/* ---- requests of others */
enum coap_in_state {
	COAP_IN_FREE,
	COAP_IN_OWNER, /* the owner is to answer */
	COAP_IN_LATER, /* answered; it leaves after a random pause (group) */
	COAP_IN_SENT   /* the separate response is repeated until it is acknowledged */
};
struct coap_dedup;
struct coap_in {
	struct coap_tx tx;
	struct coap_in *next; /* in the bucket of the request's MID */
	uint32_t id;
	uint8_t state, code, tkl, token[COAP_TOKEN_MAX];
	bool stored; /* answered from a stored answer */
	bool proved; /* it carries an Echo value of ours */
	bool con, group, acked, observe, deregister, size2, has_block1, has_block2;
	uint8_t quiet; /* No-Response: classes not answered, bit class - 1 */
	uint16_t mid, options_len, out_len;
	uint32_t len, size; /* of the payload in buf; of the datagram */
	struct coap_block block1, block2;
	struct coap_body *body;
	struct coap_dedup *dup;
	uint64_t key, payload_key; /* of what is not safe */
	uint8_t *buf;              /* options and payload; once answered, the response if it is repeated */
};

struct coap_dedup {
	struct coap_dedup *next;
	struct coap_in *in; /* the owner has not answered */
	bool used;
	uint16_t mid, len; /* of the response; 0: none, or a separate one */
	uint8_t tkl, token[COAP_TOKEN_MAX];
	lan_time until;
	struct lan_ep ep;
	uint8_t *buf;
};

/* ---- observers */
struct coap_obs {
	struct coap_tx tx;
	bool used, gone, asked, pulled,
		again;    /* asked: its REQUEST event is made; again: changed since pulled */
	bool open, fresh; /* a CON is not acknowledged yet; `out` is newer than it */
	uint8_t code, tkl, token[COAP_TOKEN_MAX];
	bool has_block2;
	struct coap_block block2;
	uint32_t id, resource, value, since; /* since the last CON */
	lan_time last_con;
	uint16_t options_len, len, out_len;
	const char *text;
	uint8_t *out;
	uint8_t options[COAP_SMALL]; /* and the payload of a FETCH */
};

struct coap_recent {
	uint64_t key;
	lan_time until;
};

/* Datagrams on their way out: records one behind the other, wrapping as wholes. */
struct coap_ring {
	uint8_t *mem;
	uint32_t size, head, tail, wrap; /* wrap: end of the records before the tail's turn; 0: none */
};

struct coap {
	struct lan_env env;
	struct coap_config cfg;
	uint64_t seed[2], seed_echo[2], draws;
	uint64_t counters[COAP_C_N];
	struct lan_timers timers;
	void *arena;
	size_t memory;
	const struct coap_client *client; /* NULL: nothing was ever asked */
	struct coap_tx *ev_head, *ev_tail;
	struct coap_tx *mids[COAP_MIDS];
	struct coap_ring ring;
	uint16_t link_datagram[COAP_LINKS]; /* 0: never said */
	uint32_t link_of[COAP_LINKS];
	bool link_trusted[COAP_LINKS];
	uint32_t n_links;

	struct coap_peer *peers;
	uint32_t *peer_hash, peer_mask, n_peers, newest, oldest;
	uint16_t mid; /* for endpoints that found no place in the table */

	struct coap_x *x;
	uint32_t n_x; /* ever used: those above have never been touched */
	struct coap_x *x_free;
	struct coap_tok **toks;
	uint32_t tok_mask;
	uint8_t *bufs; /* of requests and of answers that wait, 2 * max_requests of cfg.datagram */
	uint32_t *buf_free, n_buf_free, n_bufs;

	struct coap_in *in;
	uint32_t n_in;
	struct coap_in *in_free;
	struct coap_in *in_mids[COAP_MIDS];
	uint8_t *in_bufs;

	struct coap_dedup *dedup, **dedup_hash;
	uint32_t dedup_at, dedup_mask, n_dedup;
	uint8_t *dedup_bufs;

	struct coap_obs *obs;
	uint32_t n_obs; /* ever used */
	uint8_t *obs_bufs;

	struct coap_body *bodies;
	uint8_t *body_mem;

	struct coap_recent recent[COAP_RECENT];
	uint32_t recent_at;
	uint8_t *scratch; /* two datagrams */
};

#endif
