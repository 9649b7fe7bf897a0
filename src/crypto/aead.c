/*
 * aead.c - authenticated encryption, one object for one sender instance's key.
 *
 * XChaCha20-Poly1305 is HChaCha20 of the nonce's first 16 bytes, done once for
 * the key, then ChaCha20-Poly1305 of RFC 8439 under the nonce 00000000 ||
 * counter: what is left for a message is what AES-256-GCM needs too. So both
 * ciphers are one EVP context whose nonce changes and whose key stays.
 *
 * Should the library ever fail, nothing readable and nothing authentic comes
 * out: seal leaves zeros, open says no.
 */
#include "crypto/crypto.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "crypto/evp.h"

#define NONCE 12

struct lan_aead {
	int kind;
	EVP_CIPHER_CTX *ctx;
};

void lan_aead_rekey(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16])
{
	uint8_t subkey[LAN_AEAD_KEY];
	if (a->kind == LAN_AEAD_XCHACHA20) {
		(void)crypto_core_hchacha20(subkey, prefix, key, NULL);
		key = subkey;
	}
	(void)EVP_CipherInit_ex2(a->ctx, NULL, key, NULL, -1, NULL);
	lan_wipe(subkey, sizeof subkey);
}

enum lan_err lan_aead_new(
	int kind, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16], struct lan_aead **out)
{
	enum lan_err e = lan_crypto_init();
	if (e != LAN_OK) {
		return e;
	}
	if (kind != LAN_AEAD_XCHACHA20 && kind != LAN_AEAD_AES256GCM) {
		return LAN_ERR_INVAL;
	}
	struct lan_aead *a = calloc(1, sizeof *a);
	if (!a) {
		return LAN_ERR_NOMEM;
	}
	a->kind = kind;
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx || EVP_CipherInit_ex2(a->ctx,
			       kind == LAN_AEAD_XCHACHA20 ? lan_evp.chacha20_poly1305 : lan_evp.aes_256_gcm,
			       NULL, NULL, 1, NULL) != 1) {
		lan_aead_free(a);
		return LAN_ERR_NOMEM;
	}
	lan_aead_rekey(a, key, prefix);
	*out = a;
	return LAN_OK;
}

void lan_aead_free(struct lan_aead *a)
{
	if (a) {
		EVP_CIPHER_CTX_free(a->ctx); /* wipes its key schedule */
		free(a);
	}
}

/* Up to the tag: nonce, associated data, data. */
static bool cipher(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out, int encrypt)
{
	uint8_t nonce[NONCE] = {0};
	struct lan_wr w = lan_wr_of(nonce + 4, sizeof nonce - 4);
	int done = 0;
	lan_wr_be64(&w, counter);
	return aad_len <= INT_MAX && n <= INT_MAX &&
	       EVP_CipherInit_ex2(a->ctx, NULL, NULL, nonce, encrypt, NULL) == 1 &&
	       (!aad_len || EVP_CipherUpdate(a->ctx, NULL, &done, aad, (int)aad_len) == 1) &&
	       (!n || EVP_CipherUpdate(a->ctx, out, &done, in, (int)n) == 1);
}

void lan_aead_seal(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out)
{
	int done = 0;
	if (!cipher(a, counter, aad, aad_len, in, n, out, 1) ||
		EVP_CipherFinal_ex(a->ctx, out + n, &done) != 1 ||
		EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, LAN_AEAD_TAG, out + n) != 1) {
		lan_wipe(out, n + LAN_AEAD_TAG);
	}
}

bool lan_aead_open(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out)
{
	uint8_t tag[LAN_AEAD_TAG], none[1];
	int done = 0;
	if (n < LAN_AEAD_TAG) {
		return false;
	}
	n -= LAN_AEAD_TAG;
	memcpy(tag, (const uint8_t *)in + n, sizeof tag);
	return cipher(a, counter, aad, aad_len, in, n, out, 0) &&
	       EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, LAN_AEAD_TAG, tag) == 1 &&
	       EVP_CipherFinal_ex(a->ctx, none, &done) == 1;
}
