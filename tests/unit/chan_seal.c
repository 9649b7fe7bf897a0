/*
 * Unit tests of seal.h: what is sealed opens again, in both ciphers, in place or
 * not, signed or not; a datagram with any one bit changed, cut short, or under any
 * other key, channel or number is refused. Fixed answers come from
 * tests/vectors; here ids and keys are checked against BLAKE2b by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/channel/seal.h"

#define FRAME_MAX 300

struct party {
	struct lan_aead *aead;
	uint8_t id[CHAN_ID_SIZE], public_key[32], secret[64];
	struct chan_header h;
	bool sign;
};

static const uint8_t epoch_key[32] = {1, 2, 3};

static void rekey(struct party *p, int cipher, const char *channel)
{
	uint8_t key[LAN_AEAD_KEY], prefix[16];
	chan_id_of(channel, p->id);
	chan_instance_key(cipher, epoch_key, p->h.epoch, p->id, p->h.sender, p->h.boot, key, prefix);
	if (p->aead)
		lan_aead_free(p->aead);
	assert_int_equal(lan_aead_new(cipher, key, prefix, &p->aead), LAN_OK);
}

static struct party party(int cipher, bool sign)
{
	static const uint8_t seed[32] = {9, 9};
	struct party p = {.h = {.epoch = 3, .sender = 77, .boot = 88, .counter = 99}, .sign = sign};
	lan_sign_keypair(seed, p.public_key, p.secret);
	if (sign) {
		p.h.sender = chan_sender_of(p.public_key);
		p.h.flags = CHAN_SIGNED;
	}
	rekey(&p, cipher, "plant");
	return p;
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 37 + 1);
}

/* A datagram of a frame of n bytes. */
static size_t seal(struct party *p, size_t n, uint8_t *out, size_t cap)
{
	uint8_t frame[FRAME_MAX];
	for (size_t i = 0; i < n; i++)
		frame[i] = byte_at(i);
	return chan_seal(p->aead, &p->h, p->id, p->sign ? p->secret : NULL, frame, n, out, cap);
}

/* On memory of its own, so that the sanitizer sees every look beyond. */
static enum lan_err unseal(struct party *p, const uint8_t *datagram, size_t n, size_t *len)
{
	uint8_t *copy = malloc(n ? n : 1), *frame = NULL;
	const uint8_t *public_key = (const uint8_t *)"untouched";
	struct chan_header h = p->h;
	memcpy(copy, datagram, n);
	enum lan_err e = chan_unseal(p->aead, &h, p->id, copy, n, &frame, len, &public_key);
	if (!e) {
		for (size_t i = 0; i < *len; i++)
			assert_int_equal(frame[i], byte_at(i));
		assert_true(frame >= copy && frame + *len <= copy + n);
		assert_int_equal(public_key != NULL, p->sign);
		if (public_key)
			assert_memory_equal(public_key, p->public_key, 32);
	}
	free(copy);
	return e;
}

#define EACH(cipher, sign)                                                            \
	for (int cipher = LAN_AEAD_XCHACHA20; cipher <= LAN_AEAD_AES256GCM; cipher++) \
		for (int sign = 0; sign <= 1; sign++)

static void what_is_sealed_opens_again_at_every_length(void **state)
{
	uint8_t out[FRAME_MAX + 200];
	EACH(cipher, sign)
	{
		struct party p = party(cipher, sign);
		for (size_t n = 1, len; n <= FRAME_MAX; n += n / 20 + 1) {
			size_t size = n + 48 + (sign ? 96 : 0);
			assert_int_equal(seal(&p, n, out, size - 1), 0);
			assert_int_equal(seal(&p, n, out, 0), 0);
			assert_int_equal(seal(&p, n, out, size), size);
			assert_int_equal(unseal(&p, out, size, &len), LAN_OK);
			assert_int_equal(len, n);
		}
		lan_aead_free(p.aead);
	}
}

static void a_frame_already_at_its_place_gives_the_same_datagram(void **state)
{
	uint8_t a[FRAME_MAX + 200], b[FRAME_MAX + 200];
	EACH(cipher, sign)
	{
		struct party p = party(cipher, sign);
		size_t n = 200, size = seal(&p, n, a, sizeof a);
		for (size_t i = 0; i < n; i++)
			b[CHAN_HEADER + i] = byte_at(i);
		assert_int_equal(
			chan_seal(p.aead, &p.h, p.id, sign ? p.secret : NULL, b + CHAN_HEADER, n, b, size),
			size);
		assert_memory_equal(a, b, size);
		lan_aead_free(p.aead);
	}
}

static void the_datagram_is_the_header_in_clear_and_nothing_else_of_it(void **state)
{
	uint8_t out[FRAME_MAX + 200], header[CHAN_HEADER], frame[FRAME_MAX];
	for (size_t i = 0; i < sizeof frame; i++)
		frame[i] = byte_at(i);
	EACH(cipher, sign)
	{
		struct party p = party(cipher, sign);
		size_t n = seal(&p, 100, out, sizeof out);
		chan_header_encode(&p.h, header);
		assert_memory_equal(out, header, sizeof header);
		assert_null(memmem(out, n, frame, 8));
		assert_null(memmem(out, n, p.public_key, 8));
		lan_aead_free(p.aead);
	}
}

static void a_datagram_with_any_bit_changed_is_refused(void **state)
{
	uint8_t out[FRAME_MAX + 200];
	EACH(cipher, sign)
	{
		struct party p = party(cipher, sign);
		size_t n = seal(&p, 40, out, sizeof out), len;
		for (size_t bit = 0; bit < n * 8; bit++) {
			out[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(unseal(&p, out, n, &len), LAN_ERR_PROTO);
			out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(unseal(&p, out, n, &len), LAN_OK);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(unseal(&p, out, cut, &len), LAN_ERR_PROTO);
		lan_aead_free(p.aead);
	}
}

static void another_counter_channel_epoch_sender_boot_or_cipher_does_not_open_it(void **state)
{
	uint8_t out[FRAME_MAX + 200];
	EACH(cipher, sign)
	{
		struct party p = party(cipher, sign), q;
		size_t n = seal(&p, 40, out, sizeof out), len;
		for (int what = 0; what < 6; what++) {
			q = party(cipher, sign);
			q.h.counter += what == 0;
			q.h.epoch += what == 2;
			q.h.sender ^= what == 3;
			q.h.boot += what == 4;
			rekey(&q, what == 5 ? 3 - cipher : cipher, what == 1 ? "planT" : "plant");
			assert_int_equal(unseal(&q, out, n, &len), LAN_ERR_PROTO);
			lan_aead_free(q.aead);
		}
		lan_aead_free(p.aead);
	}
}

/* The inner part as a member with the group key, but without that identity, could seal it. */
static enum lan_err forged(struct party *p, const uint8_t *inner, size_t n)
{
	uint8_t out[FRAME_MAX + 300];
	size_t len;
	chan_header_encode(&p->h, out);
	lan_aead_seal(p->aead, p->h.counter, out, CHAN_HEADER, inner, n, out + CHAN_HEADER);
	return unseal(p, out, n + CHAN_OVERHEAD, &len);
}

static void a_signature_is_of_this_sender_this_channel_this_header_and_this_frame(void **state)
{
	EACH(cipher, sign)
	{
		struct party p = party(cipher, true);
		uint8_t out[FRAME_MAX + 200], inner[FRAME_MAX];
		size_t n = seal(&p, 40, out, sizeof out), m = 40 + CHAN_SIGNATURE;
		assert_true(lan_aead_open(
			p.aead, p.h.counter, out, CHAN_HEADER, out + CHAN_HEADER, n - CHAN_HEADER, inner));
		assert_int_equal(forged(&p, inner, m), LAN_OK);
		for (size_t bit = 0; bit < m * 8; bit++) { /* frame, public key and signature */
			inner[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(forged(&p, inner, m), LAN_ERR_PERM);
			inner[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		p.h.counter++;
		assert_int_equal(forged(&p, inner, m), LAN_ERR_PERM);
		p.h.counter--;
		rekey(&p, cipher, "elsewhere");
		assert_int_equal(forged(&p, inner, m), LAN_ERR_PERM);
		rekey(&p, cipher, "plant");
		for (size_t cut = 0; cut < m; cut++)
			assert_int_equal(forged(&p, inner, cut), LAN_ERR_PERM);
		assert_int_equal(forged(&p, inner, m), LAN_OK);
		lan_aead_free(p.aead);
	}
}

static void another_identity_cannot_sign_for_a_sender(void **state)
{
	struct party p = party(LAN_AEAD_XCHACHA20, true);
	static const uint8_t seed[32] = {4};
	uint8_t out[FRAME_MAX + 200], mine[32];
	size_t len;
	lan_sign_keypair(seed, mine, p.secret);
	size_t n = seal(&p, 40, out, sizeof out);
	assert_int_equal(unseal(&p, out, n, &len), LAN_ERR_PERM);
	lan_aead_free(p.aead);
}

static void ids_and_keys_are_the_hashes_of_the_specification(void **state)
{
	uint8_t want[32], got[32], prefix[16], id[CHAN_ID_SIZE];
	static const uint8_t pk[32] = {1, 2};
	lan_blake2b(want, 16, NULL, 0, "lanyard channel id v1\0plant", 27);
	chan_id_of("plant", id);
	assert_memory_equal(id, want, 16);
	lan_blake2b(want, 32, NULL, 0, pk, 32);
	uint64_t sender = 0;
	for (int i = 0; i < 8; i++)
		sender = sender << 8 | want[i];
	assert_true(chan_sender_of(pk) == (sender | CHAN_SIGNED_BIT));
	uint8_t text[55] = "lanyard channel v1";
	static const uint8_t rest[] = {2, 0, 0, 1, 0};
	static const uint8_t ends[] = {0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 1};
	memcpy(text + 18, rest, 5);
	memcpy(text + 23, id, 16);
	memcpy(text + 39, ends, 16);
	lan_blake2b(want, 32, epoch_key, 32, text, 55);
	chan_instance_key(LAN_AEAD_AES256GCM, epoch_key, 256, id, 513, 769, got, prefix);
	assert_memory_equal(got, want, 32);
	assert_memory_equal(prefix, ends, 16);
}

static void channels_have_different_ids_up_to_the_longest_name(void **state)
{
	char name[CHAN_CHANNEL_MAX + 1];
	uint8_t a[CHAN_ID_SIZE], b[CHAN_ID_SIZE];
	memset(name, 'c', CHAN_CHANNEL_MAX);
	name[CHAN_CHANNEL_MAX] = 0;
	chan_id_of(name, a);
	name[CHAN_CHANNEL_MAX - 1] = 'd';
	chan_id_of(name, b);
	assert_memory_not_equal(a, b, CHAN_ID_SIZE);
	name[CHAN_CHANNEL_MAX - 1] = 0;
	chan_id_of(name, a);
	assert_memory_not_equal(a, b, CHAN_ID_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens_again_at_every_length),
		cmocka_unit_test(a_frame_already_at_its_place_gives_the_same_datagram),
		cmocka_unit_test(the_datagram_is_the_header_in_clear_and_nothing_else_of_it),
		cmocka_unit_test(a_datagram_with_any_bit_changed_is_refused),
		cmocka_unit_test(another_counter_channel_epoch_sender_boot_or_cipher_does_not_open_it),
		cmocka_unit_test(a_signature_is_of_this_sender_this_channel_this_header_and_this_frame),
		cmocka_unit_test(another_identity_cannot_sign_for_a_sender),
		cmocka_unit_test(ids_and_keys_are_the_hashes_of_the_specification),
		cmocka_unit_test(channels_have_different_ids_up_to_the_longest_name),
	};
	return lan_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
