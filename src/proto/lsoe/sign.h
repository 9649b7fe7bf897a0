/*
 * sign.h - who signed an L3DL PDU (docs/protocols/lsoe.md, section 2.7): algorithm numbers, keys and
 * certificates over the face of cryptography. Algorithms: 8 RSASHA256 (key as in RFC 3110), 15 Ed25519 (key
 * as in RFC 8080).
 */
#ifndef LAN_LSOE_SIGN_H
#define LAN_LSOE_SIGN_H

#include <stddef.h>
#include "proto/lsoe/dialect.h"
#include "proto/lsoe/pdu.h"

enum { LSOE_ALG_NONE = 0, LSOE_ALG_RSASHA256 = 8, LSOE_ALG_ED25519 = 15 };

/* A public key as it is known of a peer. */
struct lsoe_key {
	uint8_t alg; /* 0: none */
	uint16_t len;
	uint8_t *key; /* owned, malloc'ed */
};
void lsoe_key_fini(struct lsoe_key *k);
LAN_WUR enum lan_err lsoe_key_set(struct lsoe_key *k, uint8_t alg, const uint8_t *key, uint16_t len);
bool lsoe_key_same(const struct lsoe_key *k, uint8_t alg, const uint8_t *key, uint16_t len);
/* First 8 octets of BLAKE2b-256 of algorithm and key, hex, NUL. */
void lsoe_key_fingerprint(const struct lsoe_key *k, char out[17]);

bool lsoe_alg_supported(uint8_t alg);
/* False: not signed by this key. */
bool lsoe_verify(const struct lsoe_key *k, const uint8_t *msg, size_t n, const uint8_t *sig, size_t sig_len);

#endif
