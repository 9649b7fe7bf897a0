/*
 * crypto.h - the narrow face of all cryptography: authenticated encryption, key
 * derivation, signatures (Ed25519, RSA), wiping, and AES-CBC for the one old wire that needs
 * it. Only this folder includes libsodium, OpenSSL or another crypto library.
 *
 * Everything here is deterministic and without system calls once
 * lan_crypto_init was called: keys, nonces and randomness come from the caller,
 * so the pure cores may use it. Randomness: lan_env.entropy, or io/.
 *
 * Sources: RFC 8439 and draft-irtf-cfrg-xchacha-03 (XChaCha20-Poly1305), NIST SP
 * 800-38D (GCM), RFC 7693 (BLAKE2b), RFC 8032 (Ed25519), RFC 8017 (RSA).
 */
#ifndef LAN_CRYPTO_H
#define LAN_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

/* Once before anything else; harmless again, from any thread. LAN_ERR_NOTSUP: the libraries do not work here.
 */
LAN_WUR enum lan_err lan_crypto_init(void);

enum { LAN_AEAD_XCHACHA20 = 1, LAN_AEAD_AES256GCM = 2 }; /* the values of enum lan_cipher */
#define LAN_AEAD_KEY 32
#define LAN_AEAD_TAG 16

/* A key ready for use. For one sender instance the first 16 bytes of the XChaCha
 * nonce never change, so they are given once (`prefix`; not used by AES-GCM). The
 * nonce of a message is prefix || counter (big endian, 8 bytes) for XChaCha20 and
 * 00000000 || counter for AES-256-GCM. */
struct lan_aead; /* opaque: one allocation */

/* LAN_ERR_NOMEM, LAN_ERR_INVAL (kind). */
LAN_WUR enum lan_err lan_aead_new(
	int kind, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16], struct lan_aead **out);
/* The same object with another key: no allocation, cannot fail. */
void lan_aead_rekey(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16]);
void lan_aead_free(struct lan_aead *a); /* wipes; NULL is fine */

/* out: n + LAN_AEAD_TAG bytes; may be the same memory as `in` (exactly), else disjoint. */
void lan_aead_seal(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out);
/* `in` is n bytes, tag included; out: n - LAN_AEAD_TAG bytes, may be the same memory as `in`. False: not
 * authentic (or n too short), and nothing of `out` may be used. */
LAN_WUR bool lan_aead_open(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len,
	const void *in, size_t n, uint8_t *out);

/* BLAKE2b. key may be NULL (key_len 0..64); out_len 16..64. */
void lan_blake2b(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *in, size_t n);

#define LAN_SIGN_PUBLIC 32
#define LAN_SIGN_SECRET 64 /* seed || public key */
#define LAN_SIGN_SIZE   64
void lan_sign_keypair(
	const uint8_t seed[32], uint8_t public_key[LAN_SIGN_PUBLIC], uint8_t secret[LAN_SIGN_SECRET]);
void lan_sign(uint8_t sig[LAN_SIGN_SIZE], const uint8_t secret[LAN_SIGN_SECRET], const void *p, size_t n);
LAN_WUR bool lan_sign_verify(
	const uint8_t sig[LAN_SIGN_SIZE], const uint8_t public_key[LAN_SIGN_PUBLIC], const void *p, size_t n);

/* Signatures by DNSSEC algorithm number: 8 RSASHA256 (RFC 5702; public key as in RFC 3110), 15 Ed25519 (RFC
 * 8080). Both deterministic. A signer holds a secret key. */
struct lan_signer;
#define LAN_SIGNER_MAX 512 /* octets of the longest signature */
/* Ed25519 from its seed. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_signer_ed25519(const uint8_t seed[32], struct lan_signer **out);
/* RSA from a PKCS#8 or PKCS#1 PEM text of n bytes, 2048..4096 bits. LAN_ERR_CONFIG, LAN_ERR_NOTSUP (another
 * kind of key, or another size), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_signer_rsa(const char *pem, size_t n, struct lan_signer **out);
void lan_signer_free(struct lan_signer *s); /* wipes; NULL is fine */
uint8_t lan_signer_alg(const struct lan_signer *s);
/* The public key in the form of the algorithm; view. */
const uint8_t *lan_signer_public(const struct lan_signer *s, size_t *n);
size_t lan_signer_size(const struct lan_signer *s); /* octets of a signature */
/* LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_signer_sign(struct lan_signer *s, const void *p, size_t n, uint8_t *sig);
/* Is this a public key that lan_signature_ok would look at? */
LAN_WUR bool lan_public_ok(uint8_t alg, const uint8_t *key, size_t key_len);
/* False also for an algorithm that is none of these, and for a key that is not well formed. */
LAN_WUR bool lan_signature_ok(uint8_t alg, const uint8_t *key, size_t key_len, const void *p, size_t n,
	const uint8_t *sig, size_t sig_len);

/* A new RSA key as PKCS #8 PEM text, NUL-terminated: the one thing here that takes randomness itself (from
 * OpenSSL, which reads the kernel's), and seconds of time. bits: 2048..4096, a multiple of 8; cap of
 * LAN_RSA_PEM_MAX is always enough. LAN_ERR_INVAL, LAN_ERR_NOMEM. */
#define LAN_RSA_PEM_MAX 4096
LAN_WUR enum lan_err lan_rsa_generate(unsigned bits, char *pem, size_t cap, size_t *len);

/* AES-256-CBC without padding: n is a multiple of 16; out may be `in`. For multisock only.
 * LAN_ERR_NOMEM, LAN_ERR_INVAL (n). */
struct lan_cbc;
LAN_WUR enum lan_err lan_cbc_new(const uint8_t key[32], const uint8_t iv[16], struct lan_cbc **out);
void lan_cbc_free(struct lan_cbc *c);
LAN_WUR enum lan_err lan_cbc_encrypt(struct lan_cbc *c, const uint8_t *in, size_t n, uint8_t *out);
LAN_WUR enum lan_err lan_cbc_decrypt(struct lan_cbc *c, const uint8_t *in, size_t n, uint8_t *out);

/* Base64 for secrets: constant time, strict. out: LAN_BASE64(n) characters and a NUL. */
#define LAN_BASE64(n) (((n) + 2) / 3 * 4)
void lan_secret_encode(const uint8_t *p, size_t n, char *out);
/* Exactly n bytes, and nothing but these; else false, and nothing of `out` may be used. */
LAN_WUR bool lan_secret_decode(const char *text, size_t len, uint8_t *out, size_t n);

void lan_wipe(void *p, size_t n);
/* Constant time. */
LAN_WUR bool lan_equal(const void *a, const void *b, size_t n);

#endif
