/*
 * basic.c - hashing, signatures, and leaving no traces: libsodium, as it is.
 *
 * BLAKE2b is RFC 7693, keyed or not; Ed25519 is RFC 8032, with libsodium's
 * strict checks (no small-order keys, no second form of a signature). Secrets
 * leave memory when they are done with, and are compared without telling by
 * time where they differ.
 */
#include "crypto/crypto.h"

#include <sodium.h>

void lan_blake2b(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *in, size_t n)
{
	/* Fails for lengths out of bounds only, and these are our callers' constants. */
	(void)crypto_generichash(out, out_len, in, n, key, key ? key_len : 0);
}

void lan_sign_keypair(
	const uint8_t seed[32], uint8_t public_key[LAN_SIGN_PUBLIC], uint8_t secret[LAN_SIGN_SECRET])
{
	(void)crypto_sign_seed_keypair(public_key, secret, seed);
}

void lan_sign(uint8_t sig[LAN_SIGN_SIZE], const uint8_t secret[LAN_SIGN_SECRET], const void *p, size_t n)
{
	(void)crypto_sign_detached(sig, NULL, p, n, secret);
}

bool lan_sign_verify(
	const uint8_t sig[LAN_SIGN_SIZE], const uint8_t public_key[LAN_SIGN_PUBLIC], const void *p, size_t n)
{
	return crypto_sign_verify_detached(sig, p, n, public_key) == 0;
}

void lan_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

bool lan_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}
