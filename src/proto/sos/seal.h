/*
 * seal.h - the optional key of a slave and a master that are both ours (docs/protocols/sos.md, section 17):
 * the proofs in Discover and AssocRequest, and the seal around every message after them. The originals know
 * nothing of it.
 *
 * A session's two keys come from the shared key and one nonce of each side, so nothing of an earlier session
 * can be sent again in a later one; within one, a counter with a window does that. A sealed message is
 *
 *   E1 | counter 4 | CoAP message, encrypted | tag 16        (E1: never the first octet of CoAP version 1)
 */
#ifndef LAN_PROTO_SOS_SEAL_H
#define LAN_PROTO_SOS_SEAL_H

#include "crypto/crypto.h"
#include "proto/sos/control.h"

#define SOS_KEY           32
#define SOS_SEALED        0xe1
#define SOS_SEAL_OVERHEAD (1 + 4 + LAN_AEAD_TAG)

/* Of a Discover (nonce_m NULL: ttl not looked at) or an AssocRequest. */
void sos_proof(uint8_t out[SOS_PROOF], const uint8_t key[SOS_KEY], const struct sos_control *c,
	const uint8_t nonce_s[SOS_NONCE], const uint8_t *nonce_m, uint32_t slave);

struct sos_seal;
/* Memory for one session. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err sos_seal_new(struct sos_seal **out);
void sos_seal_free(struct sos_seal *s); /* wipes; NULL is fine */
/* Begin a session. No allocation. */
void sos_seal_begin(struct sos_seal *s, const uint8_t key[SOS_KEY], uint32_t slave,
	const uint8_t nonce_s[SOS_NONCE], const uint8_t nonce_m[SOS_NONCE], bool master);
/* Octets written (n + SOS_SEAL_OVERHEAD), 0: does not fit, or the counter is used up (associate anew). */
size_t sos_seal_close(struct sos_seal *s, const uint8_t *msg, size_t n, uint8_t *buf, size_t cap);
/* Octets of the message in `out` (cap at least n), 0: not ours, broken, or received before. */
size_t sos_seal_open(struct sos_seal *s, const uint8_t *buf, size_t n, uint8_t *out, size_t cap);

#endif
