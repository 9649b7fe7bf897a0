/*
 * coap_int.h - what the files of the exchange engine share: its tables and the functions between them.
 *
 * Whatever the other end may acknowledge, refuse or make us repeat begins with a struct coap_tx: own requests
 * (coap_x), requests of others (coap_in, when answered by a message of their own), observers (coap_obs). One
 * heap of timers, one table of MIDs and one queue of events serve all of them. Nothing here allocates.
 */
#ifndef LAN_PROTO_COAP_INT_H
#define LAN_PROTO_COAP_INT_H

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
	bool up, up_retried, tagged;
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

static inline void coap_count(struct coap *c, enum coap_counter n)
{
	c->counters[n]++;
}
static inline bool coap_same_ep(const struct lan_ep *a, const struct lan_ep *b)
{
	return a->link == b->link && a->len == b->len && memcmp(a->addr, b->addr, a->len) == 0;
}
static inline bool coap_same_token(const uint8_t *a, uint8_t a_len, const uint8_t *b, uint8_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}
static inline bool coap_is_safe(uint8_t code)
{
	return code == COAP_GET || code == COAP_FETCH;
}

/* ---- coap.c */
uint64_t coap_draw(struct coap *c);                    /* unpredictable */
lan_time coap_draw_time(struct coap *c, lan_time max); /* 0 .. max */
uint64_t coap_hash_ep(const struct coap *c, const struct lan_ep *ep);
uint32_t coap_fit(const struct coap *c, const struct lan_ep *ep); /* the longest message to it */
/* A response that nobody waits for. */
enum lan_err coap_stranger(struct coap *c, const struct lan_ep *from, const struct coap_msg *m, bool other);
bool coap_trusted(const struct coap *c, const struct lan_ep *ep);

/* ---- peers.c */
/* NULL: not known, or (make) the table is full of endpoints with open requests. */
struct coap_peer *coap_peer(struct coap *c, const struct lan_ep *ep, bool make);

/* ---- out.c */
/* Room for one datagram to `ep`, coap_fit octets; NULL: none now. Then say how many were written; 0: none. */
uint8_t *coap_out_room(struct coap *c, const struct lan_ep *ep, uint32_t *cap);
void coap_out_done(struct coap *c, const struct lan_ep *ep, size_t n);
bool coap_out(struct coap *c, const struct lan_ep *ep, const void *p, size_t n);
void coap_out_empty(struct coap *c, const struct lan_ep *ep, enum coap_type type, uint16_t mid);
bool coap_out_is_open(const struct coap *c);
size_t coap_out_take(struct coap *c, struct lan_ep *to, uint8_t *buf, size_t cap);
/* Options that the engine adds to the owner's, in ascending order of number. */
struct coap_extra {
	uint16_t number;
	uint16_t len;
	uint8_t value[COAP_ECHO_MAX];
};
void coap_extra_uint(struct coap_extra *e, uint16_t number, uint64_t value);
void coap_extra_block(struct coap_extra *e, uint16_t number, uint32_t num, bool more, uint8_t szx);
void coap_put_merged(
	struct coap_wr *w, const uint8_t *options, size_t len, const struct coap_extra *e, size_t n);
/* A message of ours: its MID from here on stands for it. */
void coap_tx_begin(struct coap *c, struct coap_tx *tx, uint16_t mid);
void coap_tx_end(struct coap *c, struct coap_tx *tx); /* also stops its timer */
struct coap_tx *coap_tx_find(struct coap *c, const struct lan_ep *ep, uint16_t mid);
lan_time coap_first_pause(struct coap *c);

/* ---- event.c */
void coap_ev_push(struct coap *c, struct coap_tx *tx);
void coap_ev_remove(struct coap *c, struct coap_tx *tx);

/* ---- client.c. The client's half is reached through these alone, set by the first request: a program that
 * only serves does not link it. */
struct coap_client {
	void (*due)(struct coap *c, lan_time now, struct coap_x *x);
	void (*acked)(struct coap *c, lan_time now, struct coap_x *x);
	void (*reset)(struct coap *c, lan_time now, struct coap_x *x);
	enum lan_err (*response)(
		struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m);
	void (*told)(struct coap *c, lan_time now, struct coap_x *x, struct coap_event *ev);
	void (*unsent)(struct coap *c, lan_time now, const struct lan_ep *to, enum lan_err why);
	void (*gone)(struct coap *c, lan_time now, struct coap_peer *p);
};
void coap_x_fail(struct coap *c, lan_time now, struct coap_x *x, enum lan_err err, const char *text);
void coap_x_settle(struct coap *c, lan_time now, struct coap_x *x); /* nothing of it is on its way any more */
void coap_x_end(struct coap *c, lan_time now, struct coap_x *x);    /* over but for its event */
void coap_x_free(struct coap *c, struct coap_x *x);
void coap_x_go(struct coap *c, lan_time now, struct coap_x *x); /* send, or wait for its turn */
void coap_x_arm(struct coap *c, struct coap_x *x);
struct coap_x *coap_x_new(struct coap *c);
/* ---- client_event.c */
void coap_x_told(struct coap *c, lan_time now, struct coap_x *x, struct coap_event *ev);
/* ---- client_send.c */
size_t coap_x_encode(struct coap *c, const struct coap_x *x, uint8_t *buf, size_t cap);
void coap_x_token(struct coap *c, struct coap_x *x, bool second); /* a new one */
void coap_tok_link(struct coap *c, const struct lan_ep *ep, struct coap_tok *t);
void coap_tok_unlink(struct coap *c, struct coap_x *x, struct coap_tok *t);
struct coap_x *coap_x_of(struct coap_tok *t);
/* *other: one with this token, asked elsewhere. */
struct coap_tok *coap_tok_find(
	struct coap *c, const struct lan_ep *from, const struct coap_msg *m, bool *other);
uint8_t *coap_buf_take(struct coap *c);
void coap_buf_give(struct coap *c, const uint8_t *buf);
/* ---- client_recv.c */
enum lan_err coap_take_response(
	struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m);
void coap_x_acked(struct coap *c, lan_time now, struct coap_x *x);
void coap_x_reset(struct coap *c, lan_time now, struct coap_x *x);
void coap_x_deliver(
	struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m, struct coap_body *body);
/* ---- client_block.c: true: the response was one of a transfer, and more is to come (or it has failed) */
bool coap_x_stray_block(const struct coap_x *x, const struct coap_msg *m);
void coap_x_drop_download(struct coap *c, struct coap_x *x);
bool coap_x_uploading(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m);
bool coap_x_downloading(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m);
enum lan_err coap_x_size(struct coap *c, struct coap_x *x, const struct coap_request *r);
/* ---- client_observe.c */
void coap_x_notified(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m);
void coap_x_registered(struct coap *c, lan_time now, struct coap_x *x, const struct coap_msg *m);
void coap_x_stand(struct coap *c, lan_time now, struct coap_x *x);
void coap_x_renew(struct coap *c, lan_time now, struct coap_x *x);
void coap_x_tell(struct coap *c, lan_time now, struct coap_x *x);

/* ---- server.c */
enum lan_err coap_take_request(struct coap *c, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n);
void coap_in_due(struct coap *c, lan_time now, struct coap_in *in);
void coap_in_free(struct coap *c, struct coap_in *in);
struct coap_in *coap_in_find(struct coap *c, const struct lan_ep *ep, uint16_t mid);
struct coap_in *coap_in_new(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, size_t n);
void coap_in_ask(struct coap *c, lan_time now, struct coap_in *in); /* hand it to the owner */
/* ---- answer.c */
struct coap_reply {
	uint8_t code;
	const uint8_t *options;
	size_t options_len;
	const struct coap_extra *extra;
	size_t n_extra;
	const void *payload;
	size_t len;
};
bool coap_has_option(const struct coap_response *r, uint32_t number);
void coap_answer(
	struct coap *c, lan_time now, struct coap_in *in, const struct coap_reply *r); /* in is over */
/* A code and nothing else to a request that has no slot. */
void coap_later(struct coap *c, lan_time now, struct coap_in *in); /* repeat, or send for the first time */
void coap_refuse(
	struct coap *c, const struct lan_ep *from, bool group, const struct coap_msg *m, uint8_t code);
/* False: the endpoint has to prove itself first. */
bool coap_answer_whole(struct coap *c, lan_time now, struct coap_in *in, const struct coap_response *r,
	bool observe, uint32_t value);
/* ---- dedup.c */
struct coap_dedup *coap_dedup_find(
	struct coap *c, lan_time now, const struct lan_ep *ep, const struct coap_msg *m);
struct coap_dedup *coap_dedup_new(struct coap *c, lan_time now, struct coap_in *in);
/* Those without a token. */
void coap_dedup_forget(struct coap *c, const struct lan_ep *ep);
/* ---- server_block.c */
struct coap_slice {
	bool cut, wrong; /* wrong: beyond the end */
	uint32_t num, off, len;
	bool more;
	uint8_t szx;
};
/* `head`: header, token and the owner's options; `plain`: the engine adds none of its own unless it cuts. */
struct coap_slice coap_slice_of(const struct coap *c, const struct lan_ep *to, const struct coap_block *asked,
	size_t head, size_t len, bool plain);
void coap_etag(struct coap *c, const struct coap_response *r, struct coap_extra *e);
bool coap_upload(
	struct coap *c, lan_time now, struct coap_in *in, const struct coap_msg *m); /* true: answered */
bool coap_stored_answer(struct coap *c, lan_time now, struct coap_in *in);
struct coap_body *coap_store_answer(
	struct coap *c, lan_time now, struct coap_in *in, const struct coap_response *r, bool challenged);
uint64_t coap_request_key(struct coap *c, const struct coap_msg *m);
/* ---- bodies.c */
struct coap_body *coap_body_new(struct coap *c, enum coap_use use);
void coap_body_free(struct coap *c, struct coap_body *b);
struct coap_body *coap_body_find(struct coap *c, enum coap_use use, const struct lan_ep *ep, uint64_t key);
void coap_body_progress(struct coap *c, lan_time now, struct coap_body *b);
void coap_body_due(struct coap *c, struct coap_body *b);
/* ---- server_observe.c */
struct coap_obs *coap_obs_find(struct coap *c, const struct lan_ep *ep, const uint8_t *token, uint8_t tkl);
bool coap_obs_add(struct coap *c, lan_time now, const struct coap_in *in, uint32_t resource, uint32_t *value);
void coap_obs_due(struct coap *c, lan_time now, struct coap_obs *o);
void coap_obs_acked(struct coap *c, lan_time now, struct coap_obs *o);
void coap_obs_gone(struct coap *c, struct coap_obs *o, const char *text);
void coap_obs_free(struct coap *c, struct coap_obs *o);
struct coap_obs *coap_obs_of(struct coap *c, uint32_t id);
void coap_obs_ignored(struct coap *c, lan_time now, struct coap_obs *o);
enum lan_err coap_notify(struct coap *c, lan_time now, struct coap_obs *o, const struct coap_response *r);
/* ---- echo.c */
bool coap_proved(struct coap *c, lan_time now, const struct coap_in *in);
void coap_challenge(struct coap *c, lan_time now, struct coap_in *in);
void coap_echo_heard(struct coap *c, lan_time now, struct coap_in *in, const struct coap_msg *m);

#endif
