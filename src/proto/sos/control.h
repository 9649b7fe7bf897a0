/*
 * control.h - the four control messages of SOS and CASAN as bytes (sos.md sections 2, 5 and 12): Hello,
 * Discover, AssocRequest, AssocAnswer, in both epochs, which differ in the second Uri-Path alone. Pure.
 *
 * Between two of ours that share a key, Discover and AssocRequest carry a nonce and a proof more, each in one
 * query (docs/protocols/sos.md, section 17; what follows them is sealed, seal.h); the originals never see
 * one.
 */
#ifndef LAN_PROTO_SOS_CONTROL_H
#define LAN_PROTO_SOS_CONTROL_H

#include "proto/coap/option.h"

enum sos_epoch { SOS_EPOCH_CASAN = 0, SOS_EPOCH_SOS, SOS_EPOCHS };
const char *sos_epoch_name(enum sos_epoch e); /* "casan", "sos": also the Uri-Path */

enum sos_kind { SOS_OTHER = 0, SOS_HELLO, SOS_DISCOVER, SOS_ASSOC_REQUEST, SOS_ASSOC_ANSWER };

#define SOS_NONCE 8
#define SOS_PROOF 8

/* The longest slave id: what the original reads with %ld and prints; 1..2^31-1. */
#define SOS_ID_MAX 0x7fffffffu

struct sos_control {
	enum sos_kind kind;
	enum sos_epoch epoch;
	uint32_t hello;      /* Hello: hid */
	uint32_t slave, mtu; /* Discover: mtu 0: not said. AssocRequest: mtu */
	uint32_t ttl;        /* AssocRequest, seconds */
	bool keyed;          /* nonce and proof are there */
	uint8_t nonce[SOS_NONCE];
	uint8_t proof[SOS_PROOF];
};

/* What a message is. SOS_OTHER: no control message. A control path with queries that are none of the four is
 * refused with LAN_ERR_PROTO. An AssocAnswer cannot be told from another answer by its bytes alone and is
 * never the result. Accepts what sos.md section 5 says all three originals accept: order of queries free,
 * options around the path, blanks and junk behind numbers not. */
LAN_WUR enum lan_err sos_control_read(const struct coap_msg *m, struct sos_control *out);

/* Octets written, 0: does not fit. Hello and Discover are NON, AssocRequest CON, all POST, token empty. */
size_t sos_control_write(uint8_t *buf, size_t cap, uint16_t mid, const struct sos_control *c);
/* The options of an AssocRequest alone, for coap_request. */
size_t sos_assoc_options(uint8_t *buf, size_t cap, const struct sos_control *c);

/* Section 2.3. What the master gives: l2: the network's, conf: the slave's configuration (0: none),
 * announced: by Discover (0: not). */
uint32_t sos_mtu_master(uint32_t l2, uint32_t conf, uint32_t announced);
/* What the slave takes: its own default, and the AssocRequest's. */
uint32_t sos_mtu_slave(uint32_t defmtu, uint32_t given);

#endif
