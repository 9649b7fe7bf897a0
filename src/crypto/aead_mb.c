/*
 * aead_mb.c - authenticated encryption by Intel's libipsec-mb, where the build
 * has it and the processor can: it knows the vector instructions that OpenSSL 3.0
 * does not use for these ciphers (decision 0007 has the numbers).
 *
 * Of that library we take six functions that work on memory we give them; the
 * manager they come from is a queue of jobs, which we do not need and give back.
 *
 * Refused: a processor without AES and carry-less multiplication, a library that
 * fails its own test. Then lan_aead_mb says NULL and OpenSSL does the work.
 */
#include "crypto/aead_int.h"

#ifdef LAN_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool gcm, chacha;
	aes_gcm_pre_t gcm_key;
	aes_gcm_enc_dec_t gcm_seal, gcm_open;
	chacha_poly_init_t cc_init;
	chacha_poly_enc_dec_update_t cc_seal, cc_open;
	chacha_poly_finalize_t cc_end;
} mb;

struct gcm {
	struct lan_aead base;
	_Alignas(64) struct gcm_context_data ctx;
	_Alignas(64) struct gcm_key_data key; /* its code needs this; its header forgets to say so */
};

struct chacha {
	struct lan_aead base;
	_Alignas(64) struct chacha20_poly1305_context_data ctx;
	uint8_t key[LAN_AEAD_KEY];
};

void lan_aead_mb_init(void)
{
	IMB_MGR *m = alloc_mb_mgr(0);
	if (!m)
		return;
	const uint64_t needs =
		IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SSE4_2 | IMB_FEATURE_SELF_TEST_PASS;
	IMB_ARCH arch = IMB_ARCH_NONE;
	init_mb_mgr_auto(m, &arch);
	if (arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI && imb_get_errno(m) == 0 &&
		(m->features & needs) == needs) {
		mb.gcm_key = m->gcm256_pre;
		mb.gcm_seal = m->gcm256_enc;
		mb.gcm_open = m->gcm256_dec;
		mb.cc_init = m->chacha20_poly1305_init;
		mb.cc_seal = m->chacha20_poly1305_enc_update;
		mb.cc_open = m->chacha20_poly1305_dec_update;
		mb.cc_end = m->chacha20_poly1305_finalize;
		mb.gcm = true;
		mb.chacha = arch >= IMB_ARCH_AVX2; /* below, OpenSSL is the faster one */
	}
	free_mb_mgr(m);
}

/* As lan_equal, without a call: no branch depends on where they differ. */
static bool same_tag(const uint8_t a[LAN_AEAD_TAG], const uint8_t b[LAN_AEAD_TAG])
{
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static struct lan_aead *gcm_make(int kind)
{
	struct gcm *g = aligned_alloc(_Alignof(struct gcm), sizeof *g);
	return g ? memset(g, 0, sizeof *g) : NULL;
}

static void gcm_free(struct lan_aead *a)
{
	lan_wipe(a, sizeof(struct gcm));
	free(a);
}

static void gcm_key(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY])
{
	mb.gcm_key(key, &((struct gcm *)a)->key);
}

static void gcm_seal(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
	const void *in, size_t n, uint8_t *out)
{
	struct gcm *g = (struct gcm *)a;
	mb.gcm_seal(&g->key, &g->ctx, out, in, n, nonce, aad, aad_len, out + n, LAN_AEAD_TAG);
}

static bool gcm_open(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad, size_t aad_len,
	const void *in, size_t n, uint8_t *out)
{
	struct gcm *g = (struct gcm *)a;
	uint8_t theirs[LAN_AEAD_TAG], ours[LAN_AEAD_TAG];
	memcpy(theirs, (const uint8_t *)in + n, sizeof theirs);
	mb.gcm_open(&g->key, &g->ctx, out, in, n, nonce, aad, aad_len, ours, sizeof ours);
	return same_tag(theirs, ours);
}

static struct lan_aead *chacha_make(int kind)
{
	struct chacha *c = aligned_alloc(_Alignof(struct chacha), sizeof *c);
	return c ? memset(c, 0, sizeof *c) : NULL;
}

static void chacha_free(struct lan_aead *a)
{
	lan_wipe(a, sizeof(struct chacha));
	free(a);
}

static void chacha_key(struct lan_aead *a, const uint8_t key[LAN_AEAD_KEY])
{
	memcpy(((struct chacha *)a)->key, key, LAN_AEAD_KEY);
}

static void chacha_seal(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad,
	size_t aad_len, const void *in, size_t n, uint8_t *out)
{
	struct chacha *c = (struct chacha *)a;
	mb.cc_init(c->key, &c->ctx, nonce, aad, aad_len);
	mb.cc_seal(c->key, &c->ctx, out, in, n);
	mb.cc_end(&c->ctx, out + n, LAN_AEAD_TAG);
}

static bool chacha_open(struct lan_aead *a, const uint8_t nonce[LAN_AEAD_NONCE], const void *aad,
	size_t aad_len, const void *in, size_t n, uint8_t *out)
{
	struct chacha *c = (struct chacha *)a;
	uint8_t theirs[LAN_AEAD_TAG], ours[LAN_AEAD_TAG];
	memcpy(theirs, (const uint8_t *)in + n, sizeof theirs);
	mb.cc_init(c->key, &c->ctx, nonce, aad, aad_len);
	mb.cc_open(c->key, &c->ctx, out, in, n);
	mb.cc_end(&c->ctx, ours, sizeof ours);
	return same_tag(theirs, ours);
}

static const struct lan_aead_ops gcm_ops = {
	.name = "ipsec-mb",
	.make = gcm_make,
	.free = gcm_free,
	.key = gcm_key,
	.seal = gcm_seal,
	.open = gcm_open,
};
static const struct lan_aead_ops chacha_ops = {
	.name = "ipsec-mb",
	.make = chacha_make,
	.free = chacha_free,
	.key = chacha_key,
	.seal = chacha_seal,
	.open = chacha_open,
};

const struct lan_aead_ops *lan_aead_mb(int kind)
{
	return kind == LAN_AEAD_AES256GCM ? (mb.gcm ? &gcm_ops : NULL) : (mb.chacha ? &chacha_ops : NULL);
}

#else

void lan_aead_mb_init(void)
{
}

const struct lan_aead_ops *lan_aead_mb(int kind)
{
	return NULL;
}

#endif
