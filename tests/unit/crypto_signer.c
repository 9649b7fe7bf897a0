/*
 * Unit tests of signers: RFC 8032's answers, and Python's for keys it made. Both
 * algorithms are deterministic, so a signature is compared octet by octet.
 *
 *      unit-crypto_signer PYTHON signer_oracle.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "crypto/crypto.h"
#include "oracle.h"
#include "proto/lsoe/sign.h"

static const char *python, *oracle;

static struct lan_signer *ed25519(const char *seed_hex)
{
	struct lan_signer *s = NULL;
	uint8_t *seed;
	assert_int_equal(oracle_unhex(seed_hex, &seed), 32);
	assert_int_equal(lan_signer_ed25519(seed, &s), LAN_OK);
	free(seed);
	return s;
}

static void an_ed25519_signer_gives_the_answers_of_rfc_8032(void **state)
{
	static const char *const row[][4] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
			"39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
			"3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67"
			"f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	};
	for (size_t i = 0; i < 3; i++) {
		struct lan_signer *s = ed25519(row[i][0]);
		uint8_t *key, *message, *want, sig[LAN_SIGNER_MAX];
		size_t n, key_len = oracle_unhex(row[i][1], &key), len = oracle_unhex(row[i][2], &message);
		assert_memory_equal(lan_signer_public(s, &n), key, 32);
		assert_int_equal(n, key_len);
		assert_int_equal(lan_signer_alg(s), LSOE_ALG_ED25519);
		assert_int_equal(lan_signer_size(s), oracle_unhex(row[i][3], &want));
		assert_int_equal(lan_signer_sign(s, message, len, sig), LAN_OK);
		assert_memory_equal(sig, want, 64);
		assert_true(lan_signature_ok(15, key, 32, message, len, sig, 64));
		free(key);
		free(message);
		free(want);
		lan_signer_free(s);
	}
}

/* Everything that is not exactly this signature of this message by this key. */
static void holds_for_nothing_else(uint8_t alg, const uint8_t *key, size_t key_len, const uint8_t *message,
	size_t n, const uint8_t *sig, size_t sig_len)
{
	uint8_t *other = malloc(key_len + sig_len + n + 1);
	assert_true(lan_signature_ok(alg, key, key_len, message, n, sig, sig_len));
	for (size_t i = 0; i < sig_len; i += 1 + sig_len / 16) {
		memcpy(other, sig, sig_len);
		other[i] ^= 1;
		assert_false(lan_signature_ok(alg, key, key_len, message, n, other, sig_len));
	}
	for (size_t i = 0; i < key_len; i += 1 + key_len / 16) {
		memcpy(other, key, key_len);
		other[i] ^= 1;
		assert_false(lan_signature_ok(alg, other, key_len, message, n, sig, sig_len));
	}
	memcpy(other, sig, sig_len);
	memset(other + sig_len, 0, 1);
	assert_false(lan_signature_ok(alg, key, key_len, message, n, other, sig_len + 1));
	assert_false(lan_signature_ok(alg, key, key_len, message, n, other, sig_len - 1));
	assert_false(lan_signature_ok(alg, key, key_len, message, n, other, 0));
	memcpy(other, key, key_len);
	other[key_len] = 0;
	for (size_t k = 0; k < key_len; k += 1 + key_len / 50)
		assert_false(lan_signature_ok(alg, other, k, message, n, sig, sig_len));
	assert_false(lan_signature_ok(alg, other, key_len + 1, message, n, sig, sig_len));
	memcpy(other, message, n);
	other[n] = 'x';
	assert_false(lan_signature_ok(alg, key, key_len, other, n + 1, sig, sig_len));
	for (unsigned a = 0; a < 256; a++)
		if (a != alg)
			assert_false(lan_signature_ok((uint8_t)a, key, key_len, message, n, sig, sig_len));
	free(other);
}

static void judge_signer(struct lan_signer *s, uint8_t alg, const char *public_hex, const char *message_hex,
	const char *sig_hex)
{
	uint8_t *key, *message, *want, sig[LAN_SIGNER_MAX];
	size_t n, key_len = oracle_unhex(public_hex, &key), len = oracle_unhex(message_hex, &message);
	size_t sig_len = oracle_unhex(sig_hex, &want);
	const uint8_t *ours = lan_signer_public(s, &n);
	assert_int_equal(lan_signer_alg(s), alg);
	assert_int_equal(n, key_len);
	assert_memory_equal(ours, key, n);
	assert_int_equal(lan_signer_size(s), sig_len);
	assert_true(key_len <= LSOE_KEY_MAX && sig_len <= LSOE_SIG_MAX);
	assert_int_equal(lan_signer_sign(s, message, len, sig), LAN_OK);
	assert_memory_equal(sig, want, sig_len);
	holds_for_nothing_else(alg, key, key_len, message, len, want, sig_len);
	free(key);
	free(message);
	free(want);
}

static void one_answer(void *ctx, char *line)
{
	char *kind = oracle_field(&line), *word = oracle_field(&line), *pem_hex;
	struct lan_signer *s = NULL;
	uint8_t *pem;
	if (strcmp(kind, "ed25519") == 0) {
		char *key = oracle_field(&line), *message = oracle_field(&line);
		s = ed25519(word);
		judge_signer(s, 15, key, message, line);
		lan_signer_free(s);
		return;
	}
	pem_hex = oracle_field(&line);
	size_t n = oracle_unhex(pem_hex, &pem);
	enum lan_err e = lan_signer_rsa((const char *)pem, n, &s);
	if (strcmp(kind, "refused") == 0) {
		assert_int_equal(e, strcmp(word, "config") == 0 ? LAN_ERR_CONFIG : LAN_ERR_NOTSUP);
		assert_null(s);
	} else {
		char *key = oracle_field(&line), *message = oracle_field(&line);
		assert_int_equal(e, LAN_OK);
		assert_int_equal(lan_signer_size(s), (atoi(word) + 7) / 8);
		judge_signer(s, 8, key, message, line);
		lan_signer_free(s);
	}
	free(pem);
}

static void python_and_we_sign_alike_and_what_is_altered_is_refused(void **state)
{
	char command[1024];
	snprintf(command, sizeof command, "%s %s", python, oracle);
	assert_int_equal(oracle_ask(command, one_answer, NULL), 15 + 20 + 9);
}

static struct lan_signer *generated(unsigned bits, char pem[LAN_RSA_PEM_MAX], size_t *n)
{
	struct lan_signer *s = NULL;
	assert_int_equal(lan_rsa_generate(bits, pem, LAN_RSA_PEM_MAX, n), LAN_OK);
	assert_int_equal(strlen(pem), *n);
	assert_int_equal(lan_signer_rsa(pem, *n, &s), LAN_OK);
	return s;
}

static void a_generated_rsa_key_is_of_the_size_asked_for(void **state)
{
	char pem[LAN_RSA_PEM_MAX];
	size_t n, key_len;
	struct lan_signer *s = generated(3072, pem, &n);
	const uint8_t *key = lan_signer_public(s, &key_len);
	assert_int_equal(lan_signer_size(s), 384);
	assert_int_equal(key_len, 1 + 3 + 384);
	assert_memory_equal(key, "\3\1\0\1", 4);
	lan_signer_free(s);
	assert_int_equal(lan_rsa_generate(1024, pem, sizeof pem, &n), LAN_ERR_INVAL);
	assert_int_equal(lan_rsa_generate(8192, pem, sizeof pem, &n), LAN_ERR_INVAL);
	assert_int_equal(lan_rsa_generate(2048, pem, 100, &n), LAN_ERR_NOMEM);
}

/* Keys only, each with a signature that would hold if the key were taken. */
static void rsa_keys_in_another_form_than_rfc_3110_are_refused(void **state)
{
	char pem[LAN_RSA_PEM_MAX];
	size_t n, key_len;
	struct lan_signer *s = generated(2048, pem, &n);
	const uint8_t *key = lan_signer_public(s, &key_len), *modulus = key + 4;
	uint8_t sig[LAN_SIGNER_MAX], other[600] = {0};
	assert_int_equal(lan_signer_sign(s, "x", 1, sig), LAN_OK);
	assert_true(lan_signature_ok(8, key, key_len, "x", 1, sig, 256));

	memcpy(other, "\0\0\3\1\0\1", 6); /* the long form of the length, where the short one would do */
	memcpy(other + 6, modulus, 256);
	assert_false(lan_signature_ok(8, other, 262, "x", 1, sig, 256));
	memcpy(other, "\4\0\1\0\1", 5); /* leading zero of the exponent */
	memcpy(other + 5, modulus, 256);
	assert_false(lan_signature_ok(8, other, 261, "x", 1, sig, 256));
	memcpy(other, "\3\1\0\1\0", 5); /* and of the modulus */
	memcpy(other + 5, modulus, 256);
	assert_false(lan_signature_ok(8, other, 261, "x", 1, sig, 256));
	memcpy(other, "\1\1", 2); /* exponent 1: the padded hash is its own signature */
	memcpy(other + 2, modulus, 256);
	uint8_t padded[256], *info;
	size_t info_len = oracle_unhex("3031300d0609608648016503040201050004202d711642b726b04401627ca9fbac32f"
				       "5c8530fb1903cc4db02258717921a4881",
		&info);
	memset(padded, 0xff, sizeof padded);
	padded[0] = 0;
	padded[1] = 1;
	memcpy(padded + 256 - info_len, info, info_len);
	padded[255 - info_len] = 0;
	free(info);
	assert_false(lan_signature_ok(8, other, 258, "x", 1, padded, 256));
	memcpy(other, "\3\1\0\1", 4); /* an even modulus */
	memcpy(other + 4, modulus, 256);
	other[4 + 255] &= 0xfe;
	assert_false(lan_signature_ok(8, other, 260, "x", 1, sig, 256));
	memset(other, 0xff, sizeof other); /* an exponent as long as the modulus */
	assert_false(lan_signature_ok(8, other, sizeof other, "x", 1, sig, 256));
	lan_signer_free(s);
}

static void keys_of_neighbours_are_kept_compared_and_named(void **state)
{
	struct lsoe_key k = {0};
	struct lan_signer *s = ed25519("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
	char print[17], same[17];
	uint8_t sig[LAN_SIGNER_MAX];
	size_t n;
	const uint8_t *key = lan_signer_public(s, &n);
	assert_false(lsoe_key_same(&k, 15, key, 32));
	assert_true(lsoe_key_same(&k, 0, NULL, 0));
	assert_int_equal(lsoe_key_set(&k, 15, key, (uint16_t)n), LAN_OK);
	assert_true(lsoe_key_same(&k, 15, key, 32));
	assert_false(lsoe_key_same(&k, 8, key, 32));
	assert_false(lsoe_key_same(&k, 15, key, 31));
	lsoe_key_fingerprint(&k, print);
	assert_string_equal(print, "4a63dcc64513c53c");
	assert_int_equal(lan_signer_sign(s, "m", 1, sig), LAN_OK);
	assert_true(lsoe_verify(&k, (const uint8_t *)"m", 1, sig, 64));
	assert_false(lsoe_verify(&k, (const uint8_t *)"n", 1, sig, 64));
	assert_int_equal(lsoe_key_set(&k, 15, k.key, 31), LAN_OK); /* from itself */
	lsoe_key_fingerprint(&k, same);
	assert_string_not_equal(print, same);
	assert_int_equal(lsoe_key_set(&k, 0, NULL, 0), LAN_OK);
	assert_false(lsoe_verify(&k, (const uint8_t *)"m", 1, sig, 64));
	assert_true(lsoe_alg_supported(8) && lsoe_alg_supported(15));
	assert_false(lsoe_alg_supported(0) || lsoe_alg_supported(5) || lsoe_alg_supported(13));
	lsoe_key_fini(&k);
	lan_signer_free(s);
	lan_signer_free(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ed25519_signer_gives_the_answers_of_rfc_8032),
		cmocka_unit_test(python_and_we_sign_alike_and_what_is_altered_is_refused),
		cmocka_unit_test(a_generated_rsa_key_is_of_the_size_asked_for),
		cmocka_unit_test(rsa_keys_in_another_form_than_rfc_3110_are_refused),
		cmocka_unit_test(keys_of_neighbours_are_kept_compared_and_named),
	};

	if (argc != 3)
		return 2;
	python = argv[1];
	oracle = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
