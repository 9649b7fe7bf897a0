/*
 * rsa.c - RSA keys as they lie in files (PEM) and on the wire (RFC 3110: length
 * of the exponent, exponent, modulus, both without leading zeros).
 *
 * Refused: what is not RSA for signatures of PKCS #1 v1.5, fewer than 2048 or
 * more than 4096 bits, an even exponent, or one of more than 64 bits (OpenSSL
 * would not check such a signature, and it would only cost time); PEM with a
 * passphrase, which nobody is asked for.
 */
#include "crypto/rsa.h"

#include <limits.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include "crypto/crypto.h"

#define BITS_MIN     2048
#define BITS_MAX     4096
#define EXPONENT_MAX 8 /* octets */

/* Without it OpenSSL would ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	return -1;
}

static bool fits(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	int bits = EVP_PKEY_get_bits(key);
	bool fine = EVP_PKEY_is_a(key, "RSA") && bits >= BITS_MIN && bits <= BITS_MAX &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) &&
		    !BN_is_one(e) && BN_num_bytes(e) <= EXPONENT_MAX;
	BN_free(e);
	return fine;
}

enum lan_err lan_rsa_from_pem(const char *pem, size_t n, EVP_PKEY **out)
{
	if (n > INT_MAX)
		return LAN_ERR_CONFIG;
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	if (!bio)
		return LAN_ERR_NOMEM;
	ERR_set_mark(); /* what goes wrong here is no concern of an application that uses OpenSSL, too */
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_pop_to_mark();
	if (!key)
		return LAN_ERR_CONFIG;
	if (!fits(key)) {
		EVP_PKEY_free(key);
		return LAN_ERR_NOTSUP;
	}
	*out = key;
	return LAN_OK;
}

size_t lan_rsa_public(const EVP_PKEY *key, uint8_t *out)
{
	BIGNUM *e = NULL, *m = NULL;
	size_t n = 0;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &m) == 1) {
		out[n++] = (uint8_t)BN_num_bytes(e);
		n += (size_t)BN_bn2bin(e, out + n);
		n += (size_t)BN_bn2bin(m, out + n);
	}
	BN_free(e);
	BN_free(m);
	return n;
}

static EVP_PKEY *assemble(const BIGNUM *e, const BIGNUM *m)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	if (build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, m) == 1 &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Lengths first: nothing is computed with numbers of another size. */
EVP_PKEY *lan_rsa_from_public(const uint8_t *p, size_t n)
{
	EVP_PKEY *key = NULL;
	/* A length of 0 announces an exponent of more than 255 octets. */
	if (n < 1 || p[0] == 0 || p[0] > EXPONENT_MAX || n < 1u + p[0] + BITS_MIN / 8 ||
		n > 1u + p[0] + BITS_MAX / 8 || p[1] == 0 || p[1 + p[0]] == 0)
		return NULL;
	ERR_set_mark();
	BIGNUM *e = BN_bin2bn(p + 1, p[0], NULL);
	BIGNUM *m = BN_bin2bn(p + 1 + p[0], (int)(n - 1 - p[0]), NULL);
	if (e && m && BN_is_odd(m))
		key = assemble(e, m);
	BN_free(e);
	BN_free(m);
	if (key && !fits(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_pop_to_mark();
	return key;
}

enum lan_err lan_rsa_generate(unsigned bits, char *pem, size_t cap, size_t *len)
{
	enum lan_err err = lan_crypto_init();
	if (err)
		return err;
	if (bits < BITS_MIN || bits > BITS_MAX || bits % 8)
		return LAN_ERR_INVAL;
	ERR_set_mark();
	EVP_PKEY *key = EVP_RSA_gen(bits);
	BIO *bio = BIO_new(BIO_s_secmem());
	BUF_MEM *mem = NULL;
	err = LAN_ERR_NOMEM;
	if (key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		BIO_get_mem_ptr(bio, &mem) == 1 && mem->length < cap) {
		memcpy(pem, mem->data, mem->length);
		pem[mem->length] = '\0';
		*len = mem->length;
		err = LAN_OK;
	}
	BIO_free(bio); /* wipes */
	EVP_PKEY_free(key);
	ERR_pop_to_mark();
	return err;
}
