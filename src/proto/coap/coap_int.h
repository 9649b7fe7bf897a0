/*
 * coap_int.h - what the files of the exchange engine call of each other. Nothing here allocates.
 */
#ifndef LAN_PROTO_COAP_INT_H
#define LAN_PROTO_COAP_INT_H

#include "proto/coap/tables.h"

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
