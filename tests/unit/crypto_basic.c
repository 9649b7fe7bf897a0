/*
 * Unit tests of hashing, signatures and AES-CBC: the published answers, and what
 * is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "crypto/crypto.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
	return n;
}

static void blake2b_gives_the_answers_of_rfc_7693_and_its_reference(void **state)
{
	uint8_t want[64], got[64], key[64];
	for (size_t i = 0; i < 64; i++)
		key[i] = (uint8_t)i;
	unhex("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc"
	      "9"
	      "518d38aa8dbf1925ab92386edd4009923",
		want);
	lan_blake2b(got, 64, NULL, 0, "abc", 3);
	assert_memory_equal(got, want, 64);
	unhex("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", want);
	lan_blake2b(got, 32, NULL, 0, "abc", 3);
	assert_memory_equal(got, want, 32);
	unhex("10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d"
	      "2"
	      "ff4233499391653df7aefcbc13fc51568",
		want);
	lan_blake2b(got, 64, key, 64, NULL, 0);
	assert_memory_equal(got, want, 64);
}

static void ed25519_gives_the_answers_of_rfc_8032(void **state)
{
	static const struct {
		const char *seed, *public_key, *message, *signature;
	} row[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
			"39701cf9"
			"b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
			"3613d0f1"
			"1d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67"
			"f760984d"
			"c6594a7c15e9716ed28dc027beceea1ec40a"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint8_t seed[32], want[64], public_key[32], secret[64], sig[64], m[4];
		size_t n = unhex(row[i].message, m);
		unhex(row[i].seed, seed);
		lan_sign_keypair(seed, public_key, secret);
		unhex(row[i].public_key, want);
		assert_memory_equal(public_key, want, 32);
		lan_sign(sig, secret, m, n);
		unhex(row[i].signature, want);
		assert_memory_equal(sig, want, 64);
		assert_true(lan_sign_verify(sig, public_key, m, n));
	}
}

static void a_signature_holds_for_its_message_and_key_alone(void **state)
{
	uint8_t seed[32] = "seed", public_key[32], secret[64], sig[64], m[20] = "message";
	lan_sign_keypair(seed, public_key, secret);
	lan_sign(sig, secret, m, sizeof m);
	for (size_t bit = 0; bit < 8 * sizeof sig; bit++) {
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(lan_sign_verify(sig, public_key, m, sizeof m));
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof m; bit++) {
		m[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(lan_sign_verify(sig, public_key, m, sizeof m));
		m[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	public_key[0] ^= 1;
	assert_false(lan_sign_verify(sig, public_key, m, sizeof m));
	memset(public_key, 0, sizeof public_key); /* a point of small order */
	memset(sig, 0, sizeof sig);
	assert_false(lan_sign_verify(sig, public_key, m, sizeof m));
}

static void aes_256_cbc_gives_the_answers_of_sp_800_38a(void **state)
{
	uint8_t key[32], iv[16], plain[64], want[64], got[64];
	struct lan_cbc *c = NULL;
	for (size_t i = 0; i < 16; i++)
		iv[i] = (uint8_t)i;
	unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", key);
	unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52"
	      "e"
	      "ff69f2445df4f9b17ad2b417be66c3710",
		plain);
	unhex("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e263042314"
	      "6"
	      "1b2eb05e2c39be9fcda6c19078c6a9d1b",
		want);
	assert_int_equal(lan_cbc_new(key, iv, &c), LAN_OK);
	for (int again = 0; again < 2; again++) { /* the second time begins anew */
		assert_int_equal(lan_cbc_encrypt(c, plain, 64, got), LAN_OK);
		assert_memory_equal(got, want, 64);
		assert_int_equal(lan_cbc_decrypt(c, got, 64, got), LAN_OK);
		assert_memory_equal(got, plain, 64);
	}
	assert_int_equal(lan_cbc_encrypt(c, got, 64, got), LAN_OK);
	assert_memory_equal(got, want, 64);
	lan_cbc_free(c);
}

static void aes_cbc_takes_whole_blocks_only(void **state)
{
	uint8_t zero[64] = {0}, out[64];
	struct lan_cbc *c = NULL;
	assert_int_equal(lan_cbc_new(zero, zero, &c), LAN_OK);
	for (size_t n = 0; n < 64; n++) {
		memset(out, '#', sizeof out);
		assert_int_equal(lan_cbc_encrypt(c, zero, n, out), n % 16 ? LAN_ERR_INVAL : LAN_OK);
		assert_int_equal(out[0], n == 0 || n % 16 ? '#' : out[0]);
		assert_int_equal(lan_cbc_decrypt(c, zero, n, out), n % 16 ? LAN_ERR_INVAL : LAN_OK);
		assert_int_equal(out[n], '#');
	}
	lan_cbc_free(c);
	lan_cbc_free(NULL);
}

static void wiping_and_comparing_take_all_bytes(void **state)
{
	uint8_t a[40], b[40] = {0};
	memset(a, 0xff, sizeof a);
	assert_false(lan_equal(a, b, sizeof a));
	lan_wipe(a + 1, sizeof a - 2);
	assert_true(lan_equal(a + 1, b + 1, sizeof a - 2));
	assert_int_equal(a[0], 0xff);
	assert_int_equal(a[39], 0xff);
	assert_false(lan_equal(a, b, 2));
	assert_false(lan_equal(a + 1, b + 1, sizeof a - 1));
	assert_true(lan_equal(a, b, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blake2b_gives_the_answers_of_rfc_7693_and_its_reference),
		cmocka_unit_test(ed25519_gives_the_answers_of_rfc_8032),
		cmocka_unit_test(a_signature_holds_for_its_message_and_key_alone),
		cmocka_unit_test(aes_256_cbc_gives_the_answers_of_sp_800_38a),
		cmocka_unit_test(aes_cbc_takes_whole_blocks_only),
		cmocka_unit_test(wiping_and_comparing_take_all_bytes),
	};
	return lan_crypto_init() != LAN_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
