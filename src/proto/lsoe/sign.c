/*
 * sign.c - see sign.h. What is done here is to keep keys and to ask
 * crypto/; who is believed is the session's business.
 *
 * Refused: a signature by another algorithm than the key's has no way in here,
 * because the algorithm is taken from the key that is known, never from the
 * message (section 2.7, "beware algorithm downgrade").
 */
#include "proto/lsoe/sign.h"

#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"

void lsoe_key_fini(struct lsoe_key *k)
{
	free(k->key);
	*k = (struct lsoe_key){0};
}

enum lan_err lsoe_key_set(struct lsoe_key *k, uint8_t alg, const uint8_t *key, uint16_t len)
{
	uint8_t *copy = NULL;
	if (alg != LSOE_ALG_NONE) {
		copy = malloc(len ? len : 1u);
		if (!copy)
			return LAN_ERR_NOMEM;
		if (len)
			memcpy(copy, key, len);
	}
	lsoe_key_fini(k);
	*k = (struct lsoe_key){.alg = alg, .len = copy ? len : 0, .key = copy};
	return LAN_OK;
}

bool lsoe_key_same(const struct lsoe_key *k, uint8_t alg, const uint8_t *key, uint16_t len)
{
	if (k->alg != alg || alg == LSOE_ALG_NONE)
		return k->alg == alg;
	return k->len == len && (len == 0 || memcmp(k->key, key, len) == 0);
}

void lsoe_key_fingerprint(const struct lsoe_key *k, char out[17])
{
	static const char digit[] = "0123456789abcdef";
	uint8_t text[1 + LSOE_KEY_MAX], hash[32];
	size_t n = k->len < LSOE_KEY_MAX ? k->len : LSOE_KEY_MAX;
	text[0] = k->alg;
	if (n)
		memcpy(text + 1, k->key, n);
	lan_blake2b(hash, sizeof hash, NULL, 0, text, 1 + n);
	for (size_t i = 0; i < 8; i++) {
		out[2 * i] = digit[hash[i] >> 4];
		out[2 * i + 1] = digit[hash[i] & 15];
	}
	out[16] = '\0';
}

bool lsoe_alg_supported(uint8_t alg)
{
	return alg == LSOE_ALG_RSASHA256 || alg == LSOE_ALG_ED25519;
}

bool lsoe_verify(const struct lsoe_key *k, const uint8_t *msg, size_t n, const uint8_t *sig, size_t sig_len)
{
	return lan_signature_ok(k->alg, k->key, k->len, msg, n, sig, sig_len);
}
