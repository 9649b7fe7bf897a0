/*
 * Unit tests of sos/seal.h: proofs and sealed messages are those of an independent implementation, everything
 * that is altered, repeated, too old or of another session is refused, and the window is as wide as it says.
 *
 *      unit-sos_seal PYTHON seal_oracle.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "oracle.h"
#include "proto/sos/seal.h"

static const char *python, *oracle;

static const uint8_t key[SOS_KEY] = {1, 2, 3}, other_key[SOS_KEY] = {1, 2, 4};
static const uint8_t nonce_s[SOS_NONCE] = {5}, nonce_m[SOS_NONCE] = {6}, other_nonce[SOS_NONCE] = {7};

static struct sos_seal *begin(bool master)
{
	struct sos_seal *s = NULL;

	assert_int_equal(sos_seal_new(&s), LAN_OK);
	sos_seal_begin(s, key, 169, nonce_s, nonce_m, master);
	return s;
}

/* --- the oracle ------------------------------------------------------------------------ */

static void one_proof(char *line)
{
	uint8_t *k, *s, *m, *want, got[SOS_PROOF];
	struct sos_control c = {.keyed = true};

	oracle_unhex(oracle_field(&line), &k);
	c.epoch = (enum sos_epoch)atoi(oracle_field(&line));
	uint32_t slave = (uint32_t)strtoul(oracle_field(&line), NULL, 10);
	c.mtu = (uint32_t)strtoul(oracle_field(&line), NULL, 10);
	c.ttl = (uint32_t)strtoul(oracle_field(&line), NULL, 10);
	oracle_unhex(oracle_field(&line), &s);
	size_t n = oracle_unhex(oracle_field(&line), &m);
	assert_int_equal(oracle_unhex(oracle_field(&line), &want), SOS_PROOF);
	sos_proof(got, k, &c, s, n ? m : NULL, slave);
	assert_memory_equal(got, want, SOS_PROOF);
	free(k), free(s), free(m), free(want);
}

static void one_sealed(char *line)
{
	uint8_t *k, *s, *m, *message, *want, got[300];
	struct sos_seal *ours = NULL, *theirs = NULL;

	oracle_unhex(oracle_field(&line), &k);
	uint32_t slave = (uint32_t)strtoul(oracle_field(&line), NULL, 10);
	oracle_unhex(oracle_field(&line), &s);
	oracle_unhex(oracle_field(&line), &m);
	bool master = strcmp(oracle_field(&line), "master") == 0;
	int counter = atoi(oracle_field(&line));
	size_t n = oracle_unhex(oracle_field(&line), &message),
	       len = oracle_unhex(oracle_field(&line), &want);
	assert_int_equal(sos_seal_new(&ours), LAN_OK);
	assert_int_equal(sos_seal_new(&theirs), LAN_OK);
	sos_seal_begin(ours, k, slave, s, m, master);
	sos_seal_begin(theirs, k, slave, s, m, !master);
	while (counter--)
		assert_int_equal(sos_seal_close(ours, message, n, got, sizeof got), len);
	assert_memory_equal(got, want, len);
	assert_int_equal(sos_seal_open(theirs, want, len, got, n), n);
	assert_memory_equal(got, message, n);
	sos_seal_free(ours), sos_seal_free(theirs);
	free(k), free(s), free(m), free(message), free(want);
}

static void one(void *ctx, char *line)
{
	const char *kind = oracle_field(&line);

	(strcmp(kind, "proof") == 0 ? one_proof : one_sealed)(line);
}

static void proofs_and_sealed_messages_are_the_oracles(void **state)
{
	char command[300];

	snprintf(command, sizeof command, "'%s' '%s'", python, oracle);
	assert_int_equal(oracle_ask(command, one, NULL), 160);
}

/* --- proofs -------------------------------------------------------------------------------- */

static void a_proof_depends_on_all_that_is_said(void **state)
{
	struct sos_control c = {.mtu = 127, .ttl = 60, .epoch = SOS_EPOCH_CASAN};
	uint8_t discover[SOS_PROOF], assoc[SOS_PROOF], x[SOS_PROOF];

	sos_proof(discover, key, &c, nonce_s, NULL, 169);
	sos_proof(assoc, key, &c, nonce_s, nonce_m, 169);
	assert_memory_not_equal(discover, assoc, SOS_PROOF);
	sos_proof(x, other_key, &c, nonce_s, nonce_m, 169);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	sos_proof(x, key, &c, other_nonce, nonce_m, 169);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	sos_proof(x, key, &c, nonce_s, other_nonce, 169);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	sos_proof(x, key, &c, nonce_m, nonce_s, 169);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	sos_proof(x, key, &c, nonce_s, nonce_m, 170);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	c.ttl = 61;
	sos_proof(x, key, &c, nonce_s, nonce_m, 169);
	assert_memory_not_equal(assoc, x, SOS_PROOF);
	sos_proof(x, key, &c, nonce_s, NULL, 169); /* a Discover has none */
	assert_memory_equal(discover, x, SOS_PROOF);
	c.mtu = 126;
	sos_proof(x, key, &c, nonce_s, NULL, 169);
	assert_memory_not_equal(discover, x, SOS_PROOF);
	c.mtu = 127, c.epoch = SOS_EPOCH_SOS;
	sos_proof(x, key, &c, nonce_s, NULL, 169);
	assert_memory_not_equal(discover, x, SOS_PROOF);
}

/* --- sessions ------------------------------------------------------------------------------ */

#define LEN 9
static const uint8_t message[LEN] = "message";

static void nothing_altered_opens(void **state)
{
	struct sos_seal *m = begin(true), *s = begin(false);
	uint8_t sealed[LEN + SOS_SEAL_OVERHEAD], out[LEN + 1];

	assert_int_equal(sos_seal_close(m, message, LEN, sealed, sizeof sealed), sizeof sealed);
	assert_int_equal(sealed[0], SOS_SEALED);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, sizeof out), 0);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < sizeof sealed; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, sealed, n);
		assert_int_equal(sos_seal_open(s, copy, n, out, sizeof out), 0);
		free(copy);
	}
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN - 1), 0);    /* no room */
	assert_int_equal(sos_seal_open(m, sealed, sizeof sealed, out, sizeof out), 0); /* its own */
	/* none of these took the counter's place */
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), LEN);
	assert_memory_equal(out, message, LEN);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0); /* again */
	sos_seal_free(m), sos_seal_free(s);
}

static void another_session_opens_nothing(void **state)
{
	struct sos_seal *m = begin(true), *s = begin(false);
	uint8_t sealed[LEN + SOS_SEAL_OVERHEAD], out[LEN];

	assert_int_equal(sos_seal_close(m, message, LEN, sealed, sizeof sealed), sizeof sealed);
	sos_seal_begin(s, other_key, 169, nonce_s, nonce_m, false);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	sos_seal_begin(s, key, 170, nonce_s, nonce_m, false);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	sos_seal_begin(s, key, 169, other_nonce, nonce_m, false);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	sos_seal_begin(s, key, 169, nonce_s, other_nonce, false);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	sos_seal_begin(s, key, 169, nonce_s, nonce_m, true);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	sos_seal_begin(s, key, 169, nonce_s, nonce_m, false);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), LEN);
	sos_seal_free(m), sos_seal_free(s);
}

static void before_it_begins_a_session_does_nothing(void **state)
{
	static const uint8_t zeros[LAN_AEAD_KEY];
	uint8_t sealed[LEN + SOS_SEAL_OVERHEAD] = {SOS_SEALED, 0, 0, 0, 1}, out[LEN];
	struct lan_aead *a = NULL; /* what one that knows how it is made would try */
	struct sos_seal *s = NULL;

	assert_int_equal(sos_seal_new(&s), LAN_OK);
	assert_int_equal(sos_seal_close(s, message, LEN, sealed, sizeof sealed), 0);
	assert_int_equal(lan_aead_new(LAN_AEAD_XCHACHA20, zeros, zeros, &a), LAN_OK);
	lan_aead_seal(a, 1, sealed, 5, message, LEN, sealed + 5);
	assert_int_equal(sos_seal_open(s, sealed, sizeof sealed, out, LEN), 0);
	lan_aead_free(a);
	sos_seal_free(s);
	sos_seal_free(NULL);
}

static void what_does_not_fit_is_not_sealed(void **state)
{
	struct sos_seal *m = begin(true);
	uint8_t sealed[LEN + SOS_SEAL_OVERHEAD];

	for (size_t cap = 0; cap < sizeof sealed; cap++)
		assert_int_equal(sos_seal_close(m, message, LEN, sealed, cap), 0);
	assert_int_equal(sos_seal_close(m, message, LEN, sealed, sizeof sealed), sizeof sealed);
	assert_int_equal(lan_get_be32(sealed + 1), 1); /* no counter was used up */
	sos_seal_free(m);
}

/* 200 messages in a scrambled order: each opens once, unless 64 or more behind the newest. */
static void the_window_is_of_64(void **state)
{
	enum { N = 200 };
	static uint8_t sealed[N + 1][LEN + SOS_SEAL_OVERHEAD];
	struct sos_seal *m = begin(true), *s = begin(false);
	uint8_t out[LEN], seen[N + 1] = {0};
	uint32_t highest = 0, rng = 7;

	for (int i = 1; i <= N; i++)
		assert_int_equal(sos_seal_close(m, message, LEN, sealed[i], sizeof *sealed), sizeof *sealed);
	for (int i = 0; i < 5000; i++) {
		rng = rng * 1664525 + 1013904223;
		uint32_t n = 1 + (rng >> 8) % (i < 4900 ? (uint32_t)i / 25 + 1 : N);
		bool ok = !seen[n] && n + 64 > highest;
		assert_int_equal(sos_seal_open(s, sealed[n], sizeof *sealed, out, LEN), ok ? LEN : 0);
		seen[n] |= ok;
		highest = ok && n > highest ? n : highest;
	}
	sos_seal_begin(s, key, 169, nonce_s, nonce_m, false);
	static const struct {
		uint32_t n;
		bool ok;
	} edges[] = {{64, true}, {1, true}, {1, false}, {65, true}, {2, true}, {66, true}, {3, true},
		{2, false}, {130, true}, {66, false}, {67, true}, {194, true}, {130, false}, {131, true},
		{194, false}, {193, true}, {200, true}, {136, false}, {137, true}};
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		assert_int_equal(sos_seal_open(s, sealed[edges[i].n], sizeof *sealed, out, LEN),
			edges[i].ok ? LEN : 0);
	sos_seal_free(m), sos_seal_free(s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs_and_sealed_messages_are_the_oracles),
		cmocka_unit_test(a_proof_depends_on_all_that_is_said),
		cmocka_unit_test(nothing_altered_opens),
		cmocka_unit_test(another_session_opens_nothing),
		cmocka_unit_test(before_it_begins_a_session_does_nothing),
		cmocka_unit_test(what_does_not_fit_is_not_sealed),
		cmocka_unit_test(the_window_is_of_64),
	};

	if (argc != 3)
		return 2;
	python = argv[1], oracle = argv[2];
	return lan_crypto_init() != LAN_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
