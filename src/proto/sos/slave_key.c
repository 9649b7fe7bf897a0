/*
 * slave_key.c - the optional key of a slave (docs/protocols/sos.md, section 17): which AssocRequest is
 * believed, and the seals of the session it begins and of the one before, whose last messages may still come.
 *
 * Each Discover has a nonce of its own, and no pair of nonces begins a session twice: what was heard of an
 * earlier one is of no use to anybody. Refuses what proves nothing, and what was taken before.
 */
#include "proto/sos/slave_int.h"

enum lan_err slave_key_init(struct sos_slave *s, const uint8_t *key)
{
	memcpy(s->key, key, sizeof s->key);
	enum lan_err e = sos_seal_new(&s->seal);
	return e ? e : sos_seal_new(&s->old);
}

void slave_key_fini(struct sos_slave *s)
{
	sos_seal_free(s->seal);
	sos_seal_free(s->old);
	lan_wipe(s->key, sizeof s->key);
}

static bool proved(const struct sos_slave *s, const struct sos_control *c, const uint8_t nonce_s[SOS_NONCE])
{
	uint8_t proof[SOS_PROOF];
	sos_proof(proof, s->key, c, nonce_s, c->nonce, s->cfg.id);
	return lan_equal(proof, c->proof, sizeof proof);
}

static bool begin(struct sos_slave *s, const struct sos_control *c)
{
	if (!s->use_old) { /* else the one before stays: the master knows no later one */
		struct sos_seal *was = s->seal;
		s->seal = s->old, s->old = was;
		s->old_session = s->session;
	}
	s->session = true;
	s->confirmed = false;
	memcpy(s->taken[s->n_taken++], c->nonce, SOS_NONCE);
	sos_seal_begin(s->seal, s->key, s->cfg.id, s->nonce_s, c->nonce, false);
	return true;
}

/* For the Discover that the session began with: its own request again, or another one of a master that heard
 * the Discover twice and has not used the session yet. */
static bool same_discover(
	struct sos_slave *s, const struct lan_ep *from, const struct sos_control *c, bool *again)
{
	if (!slave_same(from, &s->master) || !proved(s, c, s->nonce_s))
		return false;
	for (size_t i = 0; i < s->n_taken; i++)
		if (!memcmp(s->taken[i], c->nonce, SOS_NONCE)) {
			*again = i == s->n_taken - 1;
			return *again;
		}
	return !s->confirmed && s->n_taken < SLAVE_TAKEN && begin(s, c);
}

bool slave_key_ok(struct sos_slave *s, const struct lan_ep *from, const struct sos_control *c, bool *again)
{
	*again = false;
	if (!c->keyed)
		return false;
	if (s->session && same_discover(s, from, c, again))
		return true;
	for (size_t i = s->n_nonces; i-- > 0;) {
		if (!proved(s, c, s->nonces[i]))
			continue;
		memcpy(s->nonce_s, s->nonces[i], SOS_NONCE);
		s->n_nonces -= i + 1;
		memmove(s->nonces[0], s->nonces[i + 1], s->n_nonces * SOS_NONCE);
		s->n_taken = 0;
		return begin(s, c);
	}
	return false;
}

size_t slave_unseal(struct sos_slave *s, const struct lan_ep *from, const uint8_t *buf, size_t n)
{
	size_t len = 0;
	if (n > sizeof s->scratch || !s->session || !slave_same(from, &s->master))
		return 0;
	len = sos_seal_open(s->seal, buf, n, s->scratch, sizeof s->scratch);
	if (len) {
		s->confirmed = true;
		s->old_session = s->use_old = false;
	} else if (s->old_session) {
		len = sos_seal_open(s->old, buf, n, s->scratch, sizeof s->scratch);
		s->use_old |= len > 0;
	}
	return len;
}
