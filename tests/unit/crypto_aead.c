/*
 * Unit tests of authenticated encryption: the published answers, both
 * implementations against each other over lengths and positions, and what must
 * not open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "crypto/aead_int.h"

static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
				"for the future, sunscreen would be it.";

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
	return n;
}

/* The implementations of this build and processor that do this kind. */
static size_t implementations(int kind, const struct lan_aead_ops **out)
{
	size_t n = 0;
	assert_int_equal(lan_crypto_init(), LAN_OK);
	out[n++] = &lan_aead_evp;
	if (lan_aead_mb(kind))
		out[n++] = lan_aead_mb(kind);
	return n;
}

/* Without lan_aead's way of making nonces and keys: as the standard has it. */
static void known_answer(int kind, const char *key_hex, const char *nonce_hex, const char *aad_hex,
	const void *plain, size_t n, const char *sealed_hex)
{
	const struct lan_aead_ops *ops[2];
	uint8_t key[32], nonce[12], aad[32], want[256], got[256], opened[256], no_prefix[16] = {0};
	size_t aad_len = unhex(aad_hex, aad);
	unhex(key_hex, key);
	unhex(nonce_hex, nonce);
	assert_int_equal(unhex(sealed_hex, want), n + LAN_AEAD_TAG);
	for (size_t i = 0; i < implementations(kind, ops); i++) {
		struct lan_aead *a = NULL;
		assert_int_equal(lan_aead_new_by(ops[i], kind, key, no_prefix, &a), LAN_OK);
		ops[i]->key(a, key); /* past HChaCha20 */
		ops[i]->seal(a, nonce, aad, aad_len, plain, n, got);
		assert_memory_equal(got, want, n + LAN_AEAD_TAG);
		assert_true(ops[i]->open(a, nonce, aad, aad_len, want, n, opened));
		assert_memory_equal(opened, plain, n);
		lan_aead_free(a);
	}
}

static void chacha20_poly1305_gives_the_answer_of_rfc_8439(void **state)
{
	known_answer(LAN_AEAD_XCHACHA20, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", sunscreen, strlen(sunscreen),
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
}

static void aes_256_gcm_gives_the_answer_of_its_specification(void **state)
{
	uint8_t plain[60];
	unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b5"
	      "2"
	      "5b16aedf5aa0de657ba637b39",
		plain);
	known_answer(LAN_AEAD_AES256GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", plain, sizeof plain,
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
		"8838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
}

static void xchacha20_poly1305_gives_the_answer_of_its_draft(void **state)
{
	uint8_t key[32], prefix[16], aad[12], want[160], got[160];
	struct lan_aead *a = NULL;
	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < 16; i++)
		prefix[i] = (uint8_t)(0x40 + i);
	unhex("50515253c0c1c2c3c4c5c6c7", aad);
	size_t n = unhex(
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4"
		"eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2"
		"383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
		want);
	assert_int_equal(lan_aead_new(LAN_AEAD_XCHACHA20, key, prefix, &a), LAN_OK);
	lan_aead_seal(a, 0x5051525354555657, aad, sizeof aad, sunscreen, strlen(sunscreen), got);
	assert_memory_equal(got, want, n);
	lan_aead_free(a);
}

/* Test case 14 of the GCM specification: nonce 0, which our own making of nonces reaches. */
static void aes_256_gcm_counts_its_nonces_from_zero(void **state)
{
	uint8_t zero[32] = {0}, want[32], got[32];
	struct lan_aead *a = NULL;
	unhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919", want);
	assert_int_equal(lan_aead_new(LAN_AEAD_AES256GCM, zero, zero, &a), LAN_OK);
	lan_aead_seal(a, 0, NULL, 0, zero, 16, got);
	assert_memory_equal(got, want, 32);
	lan_aead_seal(a, UINT64_C(1) << 63, NULL, 0, zero, 16, got);
	assert_memory_not_equal(got, want, 32);
	lan_aead_free(a);
}

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

/* What one seals, all open; the bytes are the same; in place is the same as apart. */
static void compare_at(int kind, struct lan_aead **a, size_t count, size_t n, size_t aad_len)
{
	static uint8_t plain[70000], first[70016], buf[70032];
	uint8_t aad[64], *at = buf + n % 16; /* wherever it lies */
	fill(plain, n, (uint32_t)n);
	fill(aad, sizeof aad, (uint32_t)aad_len);
	for (size_t i = 0; i < count; i++) {
		memcpy(at, plain, n);
		lan_aead_seal(a[i], n, aad, aad_len, at, n, at);
		if (i == 0)
			memcpy(first, at, n + LAN_AEAD_TAG);
		assert_memory_equal(at, first, n + LAN_AEAD_TAG);
		assert_true(lan_aead_open(a[i], n, aad, aad_len, first, n + LAN_AEAD_TAG, buf));
		assert_memory_equal(buf, plain, n);
		memcpy(at, first, n + LAN_AEAD_TAG);
		assert_true(lan_aead_open(a[i], n, aad, aad_len, at, n + LAN_AEAD_TAG, at));
		assert_memory_equal(at, plain, n);
	}
}

static void all_implementations_give_the_same_bytes_for_every_length(void **state)
{
	static const size_t large[] = {1000, 1400, 1472, 4096, 8952, 65507, 70000};
	for (int kind = LAN_AEAD_XCHACHA20; kind <= LAN_AEAD_AES256GCM; kind++) {
		const struct lan_aead_ops *ops[2];
		struct lan_aead *a[2];
		uint8_t key[32], prefix[16];
		size_t count = implementations(kind, ops);
		for (size_t i = 0; i < count; i++) {
			fill(key, sizeof key, 1);
			assert_int_equal(lan_aead_new_by(ops[i], kind, key, prefix, &a[i]), LAN_OK);
			fill(key, sizeof key, 2); /* the object takes another key */
			fill(prefix, sizeof prefix, 3);
			lan_aead_rekey(a[i], key, prefix);
		}
		for (size_t n = 0; n < 700; n++)
			compare_at(kind, a, count, n, n % 48);
		for (size_t i = 0; i < sizeof large / sizeof *large; i++)
			compare_at(kind, a, count, large[i], 32);
		for (size_t i = 0; i < count; i++)
			lan_aead_free(a[i]);
	}
}

/* Each bit of what was sealed, of the associated data, the counter, key and prefix. */
static void refuses_all_but(struct lan_aead *a, int kind, uint8_t *key, uint8_t *prefix)
{
	uint8_t sealed[50 + LAN_AEAD_TAG], out[sizeof sealed], aad[9] = "header..";
	fill(out, 50, 5);
	lan_aead_seal(a, 77, aad, sizeof aad, out, 50, sealed);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(lan_aead_open(a, 77, aad, sizeof aad, sealed, sizeof sealed, out));
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof aad; bit++) {
		aad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(lan_aead_open(a, 77, aad, sizeof aad, sealed, sizeof sealed, out));
		aad[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (unsigned bit = 0; bit < 64; bit++)
		assert_false(lan_aead_open(
			a, 77 ^ (UINT64_C(1) << bit), aad, sizeof aad, sealed, sizeof sealed, out));
	for (size_t n = 0; n < sizeof sealed; n++)
		assert_false(lan_aead_open(a, 77, aad, sizeof aad, sealed, n, out));
	assert_false(lan_aead_open(a, 77, aad, sizeof aad - 1, sealed, sizeof sealed, out));
	key[31] ^= 1;
	lan_aead_rekey(a, key, prefix);
	assert_false(lan_aead_open(a, 77, aad, sizeof aad, sealed, sizeof sealed, out));
	key[31] ^= 1;
	prefix[0] ^= 1;
	lan_aead_rekey(a, key, prefix);
	assert_int_equal(lan_aead_open(a, 77, aad, sizeof aad, sealed, sizeof sealed, out),
		kind == LAN_AEAD_AES256GCM);
	prefix[0] ^= 1;
	lan_aead_rekey(a, key, prefix);
	assert_true(lan_aead_open(a, 77, aad, sizeof aad, sealed, sizeof sealed, out));
}

static void nothing_opens_that_was_not_sealed_so(void **state)
{
	for (int kind = LAN_AEAD_XCHACHA20; kind <= LAN_AEAD_AES256GCM; kind++) {
		const struct lan_aead_ops *ops[2];
		uint8_t key[32] = "the key", prefix[16] = "the sender";
		for (size_t i = 0; i < implementations(kind, ops); i++) {
			struct lan_aead *a = NULL;
			assert_int_equal(lan_aead_new_by(ops[i], kind, key, prefix, &a), LAN_OK);
			refuses_all_but(a, kind, key, prefix);
			lan_aead_free(a);
		}
	}
}

static void another_cipher_is_refused(void **state)
{
	uint8_t key[32] = {0};
	struct lan_aead *a = (struct lan_aead *)key;
	assert_int_equal(lan_aead_new(0, key, key, &a), LAN_ERR_INVAL);
	assert_int_equal(lan_aead_new(3, key, key, &a), LAN_ERR_INVAL);
	assert_ptr_equal(a, key);
	lan_aead_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chacha20_poly1305_gives_the_answer_of_rfc_8439),
		cmocka_unit_test(aes_256_gcm_gives_the_answer_of_its_specification),
		cmocka_unit_test(xchacha20_poly1305_gives_the_answer_of_its_draft),
		cmocka_unit_test(aes_256_gcm_counts_its_nonces_from_zero),
		cmocka_unit_test(all_implementations_give_the_same_bytes_for_every_length),
		cmocka_unit_test(nothing_opens_that_was_not_sealed_so),
		cmocka_unit_test(another_cipher_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
