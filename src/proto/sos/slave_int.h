/*
 * slave_int.h - what the files of the slave share: slave.c (life, operations of the contract), slave_auto.c
 * (the automaton of sos.md section 2.1), slave_key.c (its optional key), slave_send.c (what leaves: control
 * messages, the seal), slave_list.c (lists of resources), slave_serve.c (requests and events).
 */
#ifndef LAN_PROTO_SOS_SLAVE_INT_H
#define LAN_PROTO_SOS_SLAVE_INT_H

#include "proto/coap/linkformat.h"
#include "proto/sos/seal.h"
#include "proto/sos/slave.h"

/* Discovers whose nonce an AssocRequest may still answer: the last and those it may have crossed. */
#define SLAVE_NONCES 8
/* AssocRequests taken for one Discover: a master that hears it twice asks twice. */
#define SLAVE_TAKEN 4
/* AssocAnswers not yet taken by the driver: one, or one of each epoch. */
#define SLAVE_ANSWERS 2
/* A message has at least this much room, whatever a master gives as mtu. */
#define SLAVE_ROOM 64

struct slave_list {
	char *text;
	size_t len;
	size_t *ends;   /* where each entry ends, the comma behind it not included */
	uint8_t tag[4]; /* of the text: another list has another */
};

struct sos_slave {
	const struct lan_env *env;
	struct sos_slave_config cfg;
	struct coap *coap;
	uint64_t counters[SOS_SLAVE_C_N];

	enum sos_slave_state state;
	bool up; /* the network */
	bool have_master, epoch_known;
	struct lan_ep master;
	enum sos_epoch epoch;
	int64_t hello; /* -1: not known */
	uint32_t ttl, mtu;
	lan_time since, next, limit, step; /* twait or trenew */
	uint16_t mid;

	bool discover; /* due: to discover_to */
	struct lan_ep discover_to;
	uint8_t discover_epochs; /* bits: still to be sent of it */
	struct {
		struct lan_ep to;
		uint16_t mid;
	} answers[SLAVE_ANSWERS];
	size_t n_answers;

	uint8_t key[SOS_KEY];
	struct sos_seal *seal, *old; /* of the session and of the one before; NULL: no key */
	bool session, old_session;
	bool confirmed;                          /* the master has used the session */
	bool use_old;                            /* ..it still uses the one before, or has gone back to it */
	uint8_t nonces[SLAVE_NONCES][SOS_NONCE]; /* not answered yet, oldest first */
	size_t n_nonces;
	uint8_t nonce_s[SOS_NONCE];            /* of the session */
	uint8_t taken[SLAVE_TAKEN][SOS_NONCE]; /* the master's for it; the last is the session's */
	size_t n_taken;
	lan_time poked; /* the last Discover that a Hello was the reason of */
	uint8_t scratch[COAP_DATAGRAM + SOS_SEAL_OVERHEAD];

	struct slave_list list, core; /* as in AssocAnswer; as in /.well-known/core */

	struct slave_open {
		uint32_t id;
		size_t resource;
		bool text_token;
	} * open;                /* requests the owner has */
	size_t n_open, max_open; /* oldest first */

	bool news; /* a STATE event waits */
	enum sos_slave_state told;
	const char *why;
};

static inline void slave_count(struct sos_slave *s, enum sos_slave_counter c)
{
	s->counters[c]++;
}
static inline bool slave_associated(const struct sos_slave *s)
{
	return s->state == SOS_RUNNING || s->state == SOS_RENEW;
}
static inline bool slave_same(const struct lan_ep *a, const struct lan_ep *b)
{
	return a->link == b->link && a->len == b->len && !memcmp(a->addr, b->addr, a->len);
}

/* slave.c: the mtu in force, told to the engine. */
void slave_set_mtu(struct sos_slave *s, uint32_t mtu);
/* Octets a message may have now, the seal's not counted. */
size_t slave_room(const struct sos_slave *s);

/* slave_auto.c */
void slave_begin(struct sos_slave *s, lan_time now, const char *why); /* from COLDSTART on */
void slave_end(struct sos_slave *s, lan_time now, const char *why);   /* to COLDSTART */
void slave_lost(struct sos_slave *s, lan_time now, const char *why);  /* no master any more: look for one */
void slave_control(struct sos_slave *s, lan_time now, const struct lan_ep *from, uint16_t mid,
	const struct sos_control *c);
void slave_timers(struct sos_slave *s, lan_time now);

/* slave_key.c: with a key. Does the request answer a Discover of ours? Then the session has begun. *again: it
 * is the session's own request, repeated because the answer was lost. */
LAN_WUR enum lan_err slave_key_init(struct sos_slave *s, const uint8_t *key);
void slave_key_fini(struct sos_slave *s);
bool slave_key_ok(struct sos_slave *s, const struct lan_ep *from, const struct sos_control *c, bool *again);
/* The message inside a sealed one, in s->scratch; 0: refused. */
size_t slave_unseal(struct sos_slave *s, const struct lan_ep *from, const uint8_t *buf, size_t n);

/* slave_send.c */
void slave_discover(struct sos_slave *s, const struct lan_ep *to); /* NULL: the master, or everybody */
void slave_answer(struct sos_slave *s, const struct lan_ep *to, uint16_t mid);
size_t slave_output(struct sos_slave *s, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap);

/* slave_list.c. LAN_ERR_NOMEM, LAN_ERR_INVAL. */
LAN_WUR enum lan_err slave_lists_init(struct sos_slave *s);
void slave_lists_fini(struct sos_slave *s);
/* Octets of the list that go into a message with `room` for payload. */
size_t slave_list_cut(const struct sos_slave *s, size_t room);

/* slave_serve.c */
enum lan_err slave_request(struct sos_slave *s, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n);

#endif
