/*
 * rsa.h - RSA keys for signer.c: from PEM, from and to the form of RFC 3110.
 */
#ifndef LAN_RSA_H
#define LAN_RSA_H

#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include <openssl/evp.h>

/* Exponent and modulus behind the length of the former; a key of ours has an exponent of at most 8 octets. */
#define LAN_RSA_PUBLIC_MAX (1 + 8 + 512)

/* LAN_ERR_CONFIG, LAN_ERR_NOTSUP, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_rsa_from_pem(const char *pem, size_t n, EVP_PKEY **out);
/* Octets written to `out`, of LAN_RSA_PUBLIC_MAX; 0: out of memory. */
size_t lan_rsa_public(const EVP_PKEY *key, uint8_t *out);
/* NULL: not well formed, of another size than 2048..4096 bits, or out of memory. */
EVP_PKEY *lan_rsa_from_public(const uint8_t *p, size_t n);

#endif
