/*
 * aead_int.h - what an implementation of authenticated encryption provides, and
 * the implementations there are. Both speak IETF ChaCha20-Poly1305 and
 * AES-256-GCM under a nonce of 12 bytes; aead.c makes XChaCha20 of the first and
 * chooses. Measured, decision 0007: libipsec-mb where this processor and the
 * build have it, else OpenSSL. Tests name one; nobody else does.
 */
#ifndef LAN_AEAD_INT_H
#define LAN_AEAD_INT_H

#include "crypto/crypto.h"

#define LAN_AEAD_NONCE 12

struct lan_aead {
	const struct lan_aead_ops *ops;
	int kind;
};

/* Lengths of data are without the tag, which lies behind it. */
struct lan_aead_ops {
	const char *name;
	struct lan_aead *(*make)(int kind); /* NULL: no memory */
	void (*free)(struct lan_aead *a);   /* wipes */
	void (*key)(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY]);
	void (*seal)(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
		const void *in, size_t n, uint8_t *out);
	bool (*open)(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
		const void *in, size_t n, uint8_t *out);
};

extern const struct lan_aead_ops lan_aead_evp;

/* Look whether libipsec-mb works on this processor. Called by lan_crypto_init. */
void lan_aead_mb_init(void);
/* NULL: not in this build, not on this processor, or not the faster one for this kind. */
const struct lan_aead_ops *lan_aead_mb(int kind);

LAN_WUR enum lan_err lan_aead_new_by(const struct lan_aead_ops *ops, int kind,
	const uint8_t key[LAN_AEAD_KEY], const uint8_t prefix[16], struct lan_aead **out);

#endif
