/*
 * aead_evp.c - authenticated encryption by OpenSSL, on every machine: one EVP
 * context whose key stays and whose nonce changes with each message.
 *
 * Should the library ever fail, nothing readable and nothing authentic comes
 * out: seal leaves zeros, open says no. What OpenSSL queues about a message that
 * is not authentic is thrown away: it is a stranger's doing, not an error.
 */
#include "crypto/aead_int.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/evp.h"

struct evp {
	struct lan_aead base;
	EVP_CIPHER_CTX *ctx;
};

static void evp_free(struct lan_aead *a)
{
	struct evp *e = (struct evp *)a;
	EVP_CIPHER_CTX_free(e->ctx); /* wipes its key schedule */
	free(e);
}

static struct lan_aead *evp_make(int kind)
{
	struct evp *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	EVP_CIPHER *cipher = kind == LAN_AEAD_XCHACHA20 ? lan_evp.chacha20_poly1305 : lan_evp.aes_256_gcm;
	e->ctx = EVP_CIPHER_CTX_new();
	if (!e->ctx || EVP_CipherInit_ex2(e->ctx, cipher, NULL, NULL, 1, NULL) != 1) {
		evp_free(&e->base);
		return NULL;
	}
	return &e->base;
}

static void evp_key(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY])
{
	(void)EVP_CipherInit_ex2(((struct evp *)a)->ctx, NULL, key, NULL, -1, NULL);
}

/* All but the tag. */
static bool evp_run(struct lan_aead *a, const uint8_t *nonce, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out, int encrypt)
{
	EVP_CIPHER_CTX *ctx = ((struct evp *)a)->ctx;
	int done = 0;
	return aad_len <= INT_MAX && n <= INT_MAX &&
	       EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, encrypt, NULL) == 1 &&
	       (!aad_len || EVP_CipherUpdate(ctx, NULL, &done, aad, (int)aad_len) == 1) &&
	       (!n || EVP_CipherUpdate(ctx, out, &done, in, (int)n) == 1);
}

static void evp_seal(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
	const void *in, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = ((struct evp *)a)->ctx;
	int done = 0;
	if (!evp_run(a, nonce, aad, aad_len, in, n, out, 1) || EVP_CipherFinal_ex(ctx, out + n, &done) != 1 ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, LAN_AEAD_TAG, out + n) != 1) {
		lan_wipe(out, n + LAN_AEAD_TAG);
		ERR_clear_error();
	}
}

static bool evp_open(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
	const void *in, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = ((struct evp *)a)->ctx;
	uint8_t tag[LAN_AEAD_TAG], none[LAN_AEAD_TAG];
	int done = 0;
	memcpy(tag, (const uint8_t *)in + n, sizeof tag); /* OpenSSL wants it writable */
	if (evp_run(a, nonce, aad, aad_len, in, n, out, 0) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, LAN_AEAD_TAG, tag) == 1 &&
		EVP_CipherFinal_ex(ctx, none, &done) == 1)
		return true;
	ERR_clear_error();
	return false;
}

const struct lan_aead_ops lan_aead_evp = {
	.name = "openssl",
	.make = evp_make,
	.free = evp_free,
	.key = evp_key,
	.seal = evp_seal,
	.open = evp_open,
};
