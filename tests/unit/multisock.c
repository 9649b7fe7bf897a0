/*
 * Unit tests of multisock's base64 against what CPython does, at the places
 * where decoders differ: foreign characters, padding in odd places, what is left
 * over, line breaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/channel/multisock.h"

/* Answers of CPython 3.11's binascii.a2b_base64. */
static void base64_is_as_lenient_as_the_original_and_no_more(void **state)
{
	static const struct {
		const char *in, *out, *why;
	} samples[] = {{"", "", NULL}, {"\n", "", NULL}, {"%%%%", "", NULL}, {"====", "", NULL},
		{"=YWJj", "abc", NULL}, {"YWJj", "abc", NULL}, {"YWJ j\r\nZA==", "abcd", NULL},
		{"YW==JjYW", "a", NULL}, {"YWI=YWJj", "ab", NULL}, {"YW=\n=zzz", "a", NULL},
		{"YW=Jj", "abc", NULL}, {"Y=WJj", "abc", NULL}, {"YW=J=", "ab", NULL},
		{"Y===WJj", "abc", NULL}, {"Y", NULL, "base64_length"}, {"YWJjZ", NULL, "base64_length"},
		{"Y=", NULL, "base64_length"}, {"Y===", NULL, "base64_length"},
		{"YW", NULL, "base64_padding"}, {"YW=", NULL, "base64_padding"},
		{"YWJ", NULL, "base64_padding"}, {"YW=%=", "a", NULL}, {"-_YWJj", "abc", NULL},
		{"\xff\xfeYWJj", "abc", NULL}, {"YWJjYWJjYWJjYWJjYWJj", "abcabcabcabcabc", NULL},
		{"YWJjYW!JjYWJj", "abcabcabc", NULL}, {"YWJjYWJj=", "abcabc", NULL}, {"YX==", "a", NULL},
		{"YWK=", "ab", NULL}};

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		uint8_t buf[100];
		size_t n = strlen(samples[i].in), len = 77;
		const char *why = NULL;
		memcpy(buf, samples[i].in, n);
		enum lan_err e = msock_base64_decode(buf, n, &len, &why);
		assert_int_equal(e, samples[i].why ? LAN_ERR_PROTO : LAN_OK);
		if (e) {
			assert_string_equal(why, samples[i].why);
			assert_int_equal(len, 77);
		} else {
			assert_int_equal(len, strlen(samples[i].out));
			assert_memory_equal(buf, samples[i].out, len);
		}
	}
}

static void lines_have_76_characters_and_end_each_with_a_break(void **state)
{
	uint8_t in[300], out[500], back[500];
	const char *why;
	size_t len;

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t n = 0; n <= sizeof in; n++) {
		size_t total = (n + 2) / 3 * 4 + (n + 56) / 57, k = msock_base64_encode(in, n, true, out);
		assert_int_equal(k, total);
		for (size_t i = 0; i < k; i++)
			assert_int_equal(out[i] == '\n', i % 77 == 76 || i + 1 == k);
		/* the input may lie at the end of the output */
		memcpy(back + total - n, in, n);
		assert_int_equal(msock_base64_encode(back + total - n, n, true, back), total);
		assert_memory_equal(back, out, total);
		assert_int_equal(msock_base64_decode(back, total, &len, &why), LAN_OK);
		assert_int_equal(len, n);
		assert_memory_equal(back, in, n);
		assert_int_equal(msock_base64_encode(in, n, false, out), (n + 2) / 3 * 4);
		assert_null(memchr(out, '\n', (n + 2) / 3 * 4));
	}
}

static void the_length_of_a_datagram_is_known_before(void **state)
{
	static const struct {
		size_t payload, datagram;
	} known[] = {{0, 25}, {12, 25}, {15, 25}, {16, 45}, {31, 45}, {1024, 1407}, {1087, 1472},
		{1400, 1905}, {1503, 2035}, {3023, 4086}, {48463, 65471}, {48464, 65491}, {48479, 65491}};
	struct msock_crypto *c;
	uint8_t *in = calloc(1, MSOCK_PLAIN_MAX), *out = malloc(MSOCK_DATAGRAM_MAX);
	size_t n;

	assert_int_equal(msock_crypto_new("pwd", "passphrase", &c, NULL), LAN_OK);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_int_equal(msock_sealed_len(known[i].payload), known[i].datagram);
		n = 0;
		assert_int_equal(msock_encrypt(c, MSOCK_BYTES, NULL, in, known[i].payload, out,
					 known[i].datagram - 1, &n),
			LAN_ERR_TOOBIG);
		assert_int_equal(n, 0);
		assert_int_equal(
			msock_encrypt(c, MSOCK_BYTES, NULL, in, known[i].payload, out, known[i].datagram, &n),
			LAN_OK);
		assert_int_equal(n, known[i].datagram);
	}
	msock_crypto_free(c);
	msock_crypto_free(NULL);
	free(in);
	free(out);
}

static void every_padding_but_1_to_16_equal_bytes_is_refused(void **state)
{
	static const uint8_t key[32] = "k\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f"
				       "\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f";
	static const uint8_t iv[16] = "p\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf\xf";
	struct lan_cbc *cbc;
	struct msock_crypto *c;
	uint8_t block[32], sealed[32], text[100], *out;
	const char *why;
	size_t n;
	bool is_text;
	unsigned good = 0;

	assert_int_equal(lan_cbc_new(key, iv, &cbc), LAN_OK);
	assert_int_equal(msock_crypto_new("k", "p", &c, NULL), LAN_OK);
	for (unsigned last = 0; last < 256; last++) {
		for (unsigned wrong = 0; wrong < 18;
			wrong++) { /* which byte of the padding is off; 0: none */
			memset(block, 'x', sizeof block);
			memset(block + 32 - (last < 32 ? last : 32), (int)last, last < 32 ? last : 32);
			block[31] = (uint8_t)last;
			if (wrong > 1 && wrong <= last)
				block[32 - wrong] ^= 0x40;
			bool ok = last >= 1 && last <= 16 && (wrong <= 1 || wrong > last);
			assert_int_equal(lan_cbc_encrypt(cbc, block, 32, sealed), LAN_OK);
			size_t k = msock_base64_encode(sealed, 32, true, text);
			enum lan_err e = msock_decrypt(c, text, k, &out, &n, &is_text, &why);
			assert_int_equal(e, ok ? LAN_OK : LAN_ERR_PROTO);
			if (ok)
				assert_true(is_text && n == 32 - last && memcmp(out, block, n) == 0);
			else
				assert_string_equal(why, "padding");
			good += ok;
		}
	}
	assert_int_equal(good, 16 * 18 - 15 * 16 / 2);
	lan_cbc_free(cbc);
	msock_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_as_lenient_as_the_original_and_no_more),
		cmocka_unit_test(lines_have_76_characters_and_end_each_with_a_break),
		cmocka_unit_test(the_length_of_a_datagram_is_known_before),
		cmocka_unit_test(every_padding_but_1_to_16_equal_bytes_is_refused),
	};

	if (lan_crypto_init())
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
