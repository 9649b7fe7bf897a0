/*
 * evp.h - what this folder shares: OpenSSL's algorithms, fetched once for the
 * process by lan_crypto_init. Fetching reads the configuration and takes locks,
 * so it is done there and never for a message.
 */
#ifndef LAN_EVP_H
#define LAN_EVP_H

#include <openssl/evp.h>

struct lan_evp {
	EVP_CIPHER *chacha20_poly1305, *aes_256_gcm, *aes_256_cbc;
	EVP_MD *sha256;
};

/* Valid after lan_crypto_init returned LAN_OK. */
extern struct lan_evp lan_evp;

#endif
