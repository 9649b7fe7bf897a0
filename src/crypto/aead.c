/*
 * aead.c - authenticated encryption, one object for one sender instance's key.
 *
 * XChaCha20-Poly1305 is HChaCha20 of the nonce's first 16 bytes, done once for
 * the key, then ChaCha20-Poly1305 of RFC 8439 under the nonce 00000000 ||
 * counter. What is left for a message has the shape of AES-256-GCM, so both
 * go the same way to an implementation (aead_int.h) that holds the prepared key.
 *
 * Refused: a cipher that is not one of ours; at opening, what is shorter than
 * a tag.
 */
#include "crypto/crypto.h"

#include <sodium.h>
#include "base/bytes.h"
#include "crypto/aead_int.h"

static void nonce_of(uint64_t counter, uint8_t nonce[LAN_AEAD_NONCE])
{
	lan_put_be32(nonce, 0);
	lan_put_be64(nonce + 4, counter);
}

void lan_aead_rekey(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16])
{
	uint8_t subkey[LAN_AEAD_KEY];
	if (a->kind == LAN_AEAD_XCHACHA20) {
		(void)crypto_core_hchacha20(subkey, prefix, key, NULL);
		key = subkey;
	}
	a->ops->key(a, key);
	lan_wipe(subkey, sizeof subkey);
}

enum lan_err lan_aead_new_by(const struct lan_aead_ops *ops, int kind, const uint8_t key[LAN_AEAD_KEY],
	const uint8_t prefix[16], struct lan_aead **out)
{
	struct lan_aead *a = ops->make(kind);
	if (!a)
		return LAN_ERR_NOMEM;
	a->ops = ops;
	a->kind = kind;
	lan_aead_rekey(a, key, prefix);
	*out = a;
	return LAN_OK;
}

enum lan_err lan_aead_new(
	int kind, const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16], struct lan_aead **out)
{
	enum lan_err e = lan_crypto_init();
	if (e != LAN_OK)
		return e;
	if (kind != LAN_AEAD_XCHACHA20 && kind != LAN_AEAD_AES256GCM)
		return LAN_ERR_INVAL;
	const struct lan_aead_ops *mb = lan_aead_mb(kind);
	return lan_aead_new_by(mb ? mb : &lan_aead_evp, kind, key, prefix, out);
}

void lan_aead_free(struct lan_aead *a)
{
	if (a)
		a->ops->free(a);
}

void lan_aead_seal(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out)
{
	uint8_t nonce[LAN_AEAD_NONCE];
	nonce_of(counter, nonce);
	a->ops->seal(a, nonce, aad, aad_len, in, n, out);
}

bool lan_aead_open(struct lan_aead *a, uint64_t counter, const void *aad, size_t aad_len, const void *in,
	size_t n, uint8_t *out)
{
	uint8_t nonce[LAN_AEAD_NONCE];
	nonce_of(counter, nonce);
	return n >= LAN_AEAD_TAG && a->ops->open(a, nonce, aad, aad_len, in, n - LAN_AEAD_TAG, out);
}
