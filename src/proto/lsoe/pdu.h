/*
 * pdu.h - the application messages of both dialects (docs/protocols/lsoe.md, sections 1.6 and 2.2 to 2.8),
 * and the entries of encapsulations.
 *
 * A decoder fills one struct of views and says what is wrong with one word. It
 * refuses everything whose lengths do not come out exactly, with one exception:
 * octets behind an Auth Length of 0 in an LSOE-01 OPEN, which the original accepts too. Entries with an
 * impossible prefix length do not spoil their PDU: they are counted, and the sender is to be warned.
 */
#ifndef LAN_LSOE_PDU_H
#define LAN_LSOE_PDU_H

#include "base/bytes.h"
#include "proto/lsoe/dialect.h"

#define LSOE_ID_01        10  /* octets of My ID */
#define LSOE_ID_MAX       255 /* octets of an LLEI */
#define LSOE_KEY_MAX      1040
#define LSOE_SIG_MAX      1024
#define LSOE_ACK_WARNING  1u /* EType */
#define LSOE_ACK_RESTART  2u
#define LSOE_ACK_HOPELESS 3u

/* Every way in which a PDU can be wrong: word for counters and logs. */
#define LSOE_PDU_FAULTS(X)                                                            \
	X(none, "")                                                                   \
	X(length, "PDU length does not match")                                        \
	X(type, "unknown PDU type")                                                   \
	X(truncated, "PDU ends before its fields")                                    \
	X(trailing, "octets after the last field")                                    \
	X(payload, "HELLO or KEEPALIVE with a payload")                               \
	X(auth, "authentication data that is not understood")                         \
	X(ack, "ACK of a type that is not acknowledged, or with an impossible error") \
	X(signature, "signature on a type without one, or null type with a length")   \
	X(ulpc, "upper-layer configuration not understood")

enum lsoe_pdu_fault {
#define X(name, help) LSOE_PDU_##name,
	LSOE_PDU_FAULTS(X)
#undef X
		LSOE_PDU_FAULTS_N
};
const char *lsoe_pdu_fault_text(enum lsoe_pdu_fault f);

struct lsoe_open {
	uint8_t nonce[4];
	const uint8_t *id; /* My ID or LLEI */
	uint8_t id_len;
	const uint8_t *attrs;
	uint8_t n_attrs;
	const uint8_t *auth; /* LSOE-01: authentication data; n 0: none */
	uint16_t auth_len;
	uint8_t auth_type; /* L3DL: algorithm of the key, 0: none */
	const uint8_t *key;
	uint16_t key_len;
	const uint8_t *cert;
	uint16_t cert_len;
	uint32_t serial;
};

struct lsoe_ack {
	uint8_t type; /* acknowledged */
	uint8_t etype;
	uint16_t code, hint;
};

/* The entries of one encapsulation PDU, walked with lsoe_entry_next; checked when the PDU was decoded. */
struct lsoe_entries {
	enum lsoe_dialect dialect;
	uint8_t type; /* 4..7 */
	uint32_t count, serial;
	uint32_t bad;     /* of them with an impossible prefix length: passed over by lsoe_entry_next */
	const uint8_t *p; /* view */
	size_t len;
};

struct lsoe_entry {
	unsigned flags;        /* LSOE_F_.. */
	const uint8_t *addr;   /* 4 or 16 octets, view */
	uint8_t prefix;        /* length, bits */
	const uint8_t *labels; /* 3 octets each, view; NULL if the type has none */
	uint8_t n_labels;
};

struct lsoe_vendor {
	uint32_t serial; /* L3DL */
	uint32_t enterprise;
	uint8_t type;
	const uint8_t *data;
	size_t len;
};

struct lsoe_newkey {
	uint8_t type;
	const uint8_t *key, *cert;
	uint16_t key_len, cert_len;
};

/* BGP parameters (section 2.8). */
struct lsoe_ulpc {
	uint32_t asn;
	bool have4, have6, gtsm;
	uint8_t addr4[4], addr6[16], prefix4, prefix6;
	const uint8_t *auth;
	uint8_t auth_len;
};

struct lsoe_pdu {
	uint8_t type;
	union {
		struct lsoe_open open;
		struct lsoe_ack ack;
		struct lsoe_entries entries;
		struct lsoe_vendor vendor;
		struct lsoe_newkey newkey;
		struct lsoe_ulpc ulpc;
	} u;
	/* L3DL: the trailer. The signature covers the first `signed_len` octets of the PDU. */
	uint8_t sig_type; /* 0: null */
	const uint8_t *sig;
	uint16_t sig_len;
	size_t signed_len;
};

enum lsoe_pdu_fault lsoe_pdu_decode(enum lsoe_dialect d, const uint8_t *p, size_t n, struct lsoe_pdu *out);

/* Write one. With L3DL a trailer of sig_type and sig_len follows: what the signature covers is in the buffer,
 * and room for sig_len octets of it, zeros, at the end. Sticky failure of `w`: too small. */
void lsoe_pdu_encode(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_pdu *pdu, uint8_t sig_type,
	uint16_t sig_len);

/* False: no more. `at`: an offset, 0 at first, moved on. */
bool lsoe_entry_next(const struct lsoe_entries *e, size_t *at, struct lsoe_entry *out);
/* Append one entry as it stands in a PDU of the dialect and type. */
void lsoe_entry_encode(struct lan_wr *w, enum lsoe_dialect d, uint8_t type, const struct lsoe_entry *e);
size_t lsoe_entry_size(uint8_t type, uint8_t n_labels); /* octets on the wire */
uint32_t lsoe_label(const uint8_t *three);              /* 20 bits */

#endif
