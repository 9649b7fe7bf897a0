/*
 * neighbor_keys.h - the keys a node of the neighbour family signs and judges
 * with, from their files. lanyard-key(1); docs/protocols/lsoe.md, section 2.7.
 */
#ifndef LAN_API_NEIGHBOR_KEYS_H
#define LAN_API_NEIGHBOR_KEYS_H

#include "proto/lsoe/sign.h"

struct neighbor_keys {
	struct lan_signer *signer; /* NULL: none */
	uint8_t *cert;             /* NULL: none */
	uint16_t cert_len;
	struct lsoe_key anchor; /* alg 0: none */
};

/* Each path may be NULL. `why` gets a thread-local sentence. LAN_ERR_INVAL (a certificate without a key),
 * LAN_ERR_NOTFOUND, LAN_ERR_PERM (readable by others), LAN_ERR_CONFIG (not understood; a certificate that is
 * not of this key by that anchor), LAN_ERR_IO, LAN_ERR_NOTSUP, LAN_ERR_NOMEM. `out` is untouched then. */
LAN_WUR enum lan_err neighbor_keys_load(const char *key_file, const char *cert_file, const char *anchor_file,
	struct neighbor_keys *out, const char **why);
/* Set `signer` to NULL before, if it was given away. */
void neighbor_keys_fini(struct neighbor_keys *k);

#endif
