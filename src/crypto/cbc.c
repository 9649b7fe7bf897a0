/*
 * cbc.c - AES-256-CBC without padding, by OpenSSL, for the encrypted datagrams
 * of multisock (docs/protocols/multisock.md). The initialization vector is the
 * same for each call: that is how its wire is, and why it is called insecure.
 *
 * Refused: data that is not whole blocks.
 */
#include "crypto/crypto.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/evp.h"

#define BLOCK 16

struct lan_cbc {
	EVP_CIPHER_CTX *encrypt, *decrypt; /* the key schedules differ */
	uint8_t iv[BLOCK];
};

static EVP_CIPHER_CTX *context(const uint8_t key[32], const uint8_t iv[BLOCK], int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex2(ctx, lan_evp.aes_256_cbc, key, iv, encrypt, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

enum lan_err lan_cbc_new(const uint8_t key[32], const uint8_t iv[16], struct lan_cbc **out)
{
	enum lan_err e = lan_crypto_init();
	if (e != LAN_OK)
		return e;
	struct lan_cbc *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	memcpy(c->iv, iv, BLOCK);
	c->encrypt = context(key, iv, 1);
	c->decrypt = context(key, iv, 0);
	if (!c->encrypt || !c->decrypt) {
		lan_cbc_free(c);
		return LAN_ERR_NOMEM;
	}
	*out = c;
	return LAN_OK;
}

void lan_cbc_free(struct lan_cbc *c)
{
	if (c) {
		EVP_CIPHER_CTX_free(c->encrypt);
		EVP_CIPHER_CTX_free(c->decrypt);
		lan_wipe(c, sizeof *c);
		free(c);
	}
}

static enum lan_err whole_blocks(
	struct lan_cbc *c, EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	int done = 0;
	if (n % BLOCK || n > INT_MAX)
		return LAN_ERR_INVAL;
	if (EVP_CipherInit_ex2(ctx, NULL, NULL, c->iv, -1, NULL) != 1)
		return LAN_ERR_NOMEM;
	if (n && (EVP_CipherUpdate(ctx, out, &done, in, (int)n) != 1 || (size_t)done != n))
		return LAN_ERR_NOMEM;
	return LAN_OK;
}

enum lan_err lan_cbc_encrypt(struct lan_cbc *c, const uint8_t *in, size_t n, uint8_t *out)
{
	return whole_blocks(c, c->encrypt, in, n, out);
}

enum lan_err lan_cbc_decrypt(struct lan_cbc *c, const uint8_t *in, size_t n, uint8_t *out)
{
	return whole_blocks(c, c->decrypt, in, n, out);
}
