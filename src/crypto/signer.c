/*
 * signer.c - signatures by DNSSEC algorithm number (docs/protocols/lsoe.md,
 * section 2.7): Ed25519 by libsodium, RSASHA256 (PKCS #1 v1.5 with SHA-256) by
 * OpenSSL. Both give one signature for one message and key.
 *
 * An RSA key is tried once when it is loaded: a file of which a digit was lost
 * would else sign what nobody accepts, and a wrong signature of RSA can give the
 * key away. OpenSSL blinds each computation with random numbers of its own; no
 * output depends on them.
 *
 * Refused: every other algorithm, keys and signatures of another length.
 */
#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include "crypto/evp.h"
#include "crypto/rsa.h"

enum { RSASHA256 = 8, ED25519 = 15 };

struct lan_signer {
	uint8_t alg;
	EVP_PKEY *rsa;
	uint8_t secret[LAN_SIGN_SECRET];
	size_t size, public_len;
	uint8_t public_key[LAN_RSA_PUBLIC_MAX];
};

enum lan_err lan_signer_ed25519(const uint8_t seed[32], struct lan_signer **out)
{
	enum lan_err e = lan_crypto_init();
	if (e)
		return e;
	struct lan_signer *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->alg = ED25519;
	s->size = LAN_SIGN_SIZE;
	s->public_len = LAN_SIGN_PUBLIC;
	lan_sign_keypair(seed, s->public_key, s->secret);
	*out = s;
	return LAN_OK;
}

/* Signs, and accepts its own signature. */
static enum lan_err try_out(struct lan_signer *s)
{
	static const char text[] = "Lanyard";
	uint8_t sig[LAN_SIGNER_MAX];
	enum lan_err e = lan_signer_sign(s, text, sizeof text, sig);
	if (!e && !lan_signature_ok(s->alg, s->public_key, s->public_len, text, sizeof text, sig, s->size))
		e = LAN_ERR_CONFIG;
	return e;
}

enum lan_err lan_signer_rsa(const char *pem, size_t n, struct lan_signer **out)
{
	enum lan_err e = lan_crypto_init();
	if (e)
		return e;
	struct lan_signer *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->alg = RSASHA256;
	e = lan_rsa_from_pem(pem, n, &s->rsa);
	if (!e) {
		s->size = (size_t)EVP_PKEY_get_size(s->rsa);
		s->public_len = lan_rsa_public(s->rsa, s->public_key);
		e = s->public_len ? try_out(s) : LAN_ERR_NOMEM;
	}
	if (e) {
		lan_signer_free(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void lan_signer_free(struct lan_signer *s)
{
	if (s) {
		EVP_PKEY_free(s->rsa); /* wipes its numbers */
		lan_wipe(s, sizeof *s);
		free(s);
	}
}

uint8_t lan_signer_alg(const struct lan_signer *s)
{
	return s->alg;
}

const uint8_t *lan_signer_public(const struct lan_signer *s, size_t *n)
{
	*n = s->public_len;
	return s->public_key;
}

size_t lan_signer_size(const struct lan_signer *s)
{
	return s->size;
}

enum lan_err lan_signer_sign(struct lan_signer *s, const void *p, size_t n, uint8_t *sig)
{
	if (s->alg == ED25519) {
		lan_sign(sig, s->secret, p, n);
		return LAN_OK;
	}
	size_t len = s->size;
	ERR_set_mark();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool fine = ctx && EVP_DigestSignInit(ctx, NULL, lan_evp.sha256, NULL, s->rsa) == 1 &&
		    EVP_DigestSign(ctx, sig, &len, p, n) == 1 && len == s->size;
	EVP_MD_CTX_free(ctx);
	ERR_pop_to_mark();
	return fine ? LAN_OK : LAN_ERR_NOMEM;
}

bool lan_public_ok(uint8_t alg, const uint8_t *key, size_t key_len)
{
	if (lan_crypto_init())
		return false;
	if (alg != RSASHA256)
		return alg == ED25519 && key_len == LAN_SIGN_PUBLIC;
	EVP_PKEY *rsa = lan_rsa_from_public(key, key_len);
	EVP_PKEY_free(rsa);
	return rsa != NULL;
}

static bool rsa_ok(
	const uint8_t *key, size_t key_len, const void *p, size_t n, const uint8_t *sig, size_t sig_len)
{
	ERR_set_mark();
	EVP_PKEY *rsa = lan_rsa_from_public(key, key_len);
	EVP_MD_CTX *ctx = rsa && sig_len == (size_t)EVP_PKEY_get_size(rsa) ? EVP_MD_CTX_new() : NULL;
	bool fine = ctx && EVP_DigestVerifyInit(ctx, NULL, lan_evp.sha256, NULL, rsa) == 1 &&
		    EVP_DigestVerify(ctx, sig, sig_len, p, n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(rsa);
	ERR_pop_to_mark();
	return fine;
}

bool lan_signature_ok(uint8_t alg, const uint8_t *key, size_t key_len, const void *p, size_t n,
	const uint8_t *sig, size_t sig_len)
{
	if (lan_crypto_init())
		return false;
	if (alg == ED25519)
		return key_len == LAN_SIGN_PUBLIC && sig_len == LAN_SIGN_SIZE &&
		       lan_sign_verify(sig, key, p, n);
	return alg == RSASHA256 && rsa_ok(key, key_len, p, n, sig, sig_len);
}
