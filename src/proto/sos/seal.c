/*
 * seal.c - see seal.h and docs/protocols/sos.md, section 17.
 *
 * Keys are BLAKE2b of the shared key over a label and what the session is made of, one for each direction;
 * they are good for one session, so a counter is nonce enough. Its window is of 64: radio does not reorder by
 * more.
 *
 * Refused: what does not begin with SOS_SEALED, a counter that is 0, seen, or more than 63 below the highest,
 * a tag that is not right. A counter is marked only when the message was authentic.
 */
#include "proto/sos/seal.h"

#include <stdlib.h>

#define HEAD   5 /* SOS_SEALED and the counter */
#define WINDOW 64

struct sos_seal {
	struct lan_aead *tx, *rx;
	uint32_t sent;    /* counter of the last message sealed */
	uint32_t highest; /* of those opened; 0: none */
	uint64_t seen;    /* bit i: highest - i */
	bool begun;       /* there are keys: without, nothing is sealed and nothing opened */
};

/* --- keys -------------------------------------------------------------------------- */

#define LABEL 16

/* What a hash is for. All of one length, so that no two inputs can be taken for each other. */
static void label(struct lan_wr *w, const char *text)
{
	uint8_t *to = lan_wr_room(w, LABEL);

	memset(to, 0, LABEL);
	memcpy(to, text, strlen(text));
}

void sos_proof(uint8_t out[SOS_PROOF], const uint8_t key[SOS_KEY], const struct sos_control *c,
	const uint8_t nonce_s[SOS_NONCE], const uint8_t *nonce_m, uint32_t slave)
{
	uint8_t in[LABEL + 16 + 2 * SOS_NONCE], hash[32];
	struct lan_wr w = lan_wr_of(in, sizeof in);

	label(&w, nonce_m ? "sos assoc" : "sos discover");
	lan_wr_be32(&w, (uint32_t)c->epoch);
	lan_wr_be32(&w, slave);
	lan_wr_be32(&w, c->mtu);
	lan_wr_be32(&w, nonce_m ? c->ttl : 0);
	lan_wr_bytes(&w, nonce_s, SOS_NONCE);
	if (nonce_m)
		lan_wr_bytes(&w, nonce_m, SOS_NONCE);
	lan_blake2b(hash, sizeof hash, key, SOS_KEY, in, w.off);
	memcpy(out, hash, SOS_PROOF);
	lan_wipe(hash, sizeof hash);
}

/* Key and nonce prefix of one direction: 48 octets of hash. */
static void direction(struct lan_aead *a, const uint8_t key[SOS_KEY], const char *text, uint32_t slave,
	const uint8_t nonce_s[SOS_NONCE], const uint8_t nonce_m[SOS_NONCE])
{
	uint8_t in[LABEL + 4 + 2 * SOS_NONCE], out[LAN_AEAD_KEY + 16];
	struct lan_wr w = lan_wr_of(in, sizeof in);

	label(&w, text);
	lan_wr_be32(&w, slave);
	lan_wr_bytes(&w, nonce_s, SOS_NONCE);
	lan_wr_bytes(&w, nonce_m, SOS_NONCE);
	lan_blake2b(out, sizeof out, key, SOS_KEY, in, w.off);
	lan_aead_rekey(a, out, out + LAN_AEAD_KEY);
	lan_wipe(out, sizeof out);
}

/* --- a session ----------------------------------------------------------------------- */

enum lan_err sos_seal_new(struct sos_seal **out)
{
	static const uint8_t zeros[LAN_AEAD_KEY];
	struct sos_seal *s = calloc(1, sizeof *s);

	if (!s)
		return LAN_ERR_NOMEM;
	enum lan_err e = lan_crypto_init();
	if (!e)
		e = lan_aead_new(LAN_AEAD_XCHACHA20, zeros, zeros, &s->tx);
	if (!e)
		e = lan_aead_new(LAN_AEAD_XCHACHA20, zeros, zeros, &s->rx);
	if (e) {
		sos_seal_free(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void sos_seal_free(struct sos_seal *s)
{
	if (!s)
		return;
	lan_aead_free(s->tx);
	lan_aead_free(s->rx);
	lan_wipe(s, sizeof *s);
	free(s);
}

void sos_seal_begin(struct sos_seal *s, const uint8_t key[SOS_KEY], uint32_t slave,
	const uint8_t nonce_s[SOS_NONCE], const uint8_t nonce_m[SOS_NONCE], bool master)
{
	direction(master ? s->tx : s->rx, key, "sos from master", slave, nonce_s, nonce_m);
	direction(master ? s->rx : s->tx, key, "sos from slave", slave, nonce_s, nonce_m);
	s->sent = s->highest = 0;
	s->seen = 0;
	s->begun = true;
}

size_t sos_seal_close(struct sos_seal *s, const uint8_t *msg, size_t n, uint8_t *buf, size_t cap)
{
	if (!s->begun || s->sent == UINT32_MAX || cap < SOS_SEAL_OVERHEAD || n > cap - SOS_SEAL_OVERHEAD)
		return 0;
	buf[0] = SOS_SEALED;
	lan_put_be32(buf + 1, ++s->sent);
	lan_aead_seal(s->tx, s->sent, buf, HEAD, msg, n, buf + HEAD);
	return n + SOS_SEAL_OVERHEAD;
}

static bool acceptable(const struct sos_seal *s, uint32_t counter)
{
	if (counter == 0)
		return false;
	if (counter > s->highest)
		return true;
	return s->highest - counter < WINDOW && !(s->seen >> (s->highest - counter) & 1);
}

static void mark(struct sos_seal *s, uint32_t counter)
{
	if (counter > s->highest) {
		uint32_t step = counter - s->highest;
		s->seen = step < WINDOW ? s->seen << step : 0;
		s->highest = counter;
	}
	s->seen |= (uint64_t)1 << (s->highest - counter);
}

size_t sos_seal_open(struct sos_seal *s, const uint8_t *buf, size_t n, uint8_t *out, size_t cap)
{
	if (!s->begun || n <= SOS_SEAL_OVERHEAD || buf[0] != SOS_SEALED || n - SOS_SEAL_OVERHEAD > cap)
		return 0;
	uint32_t counter = lan_get_be32(buf + 1);
	if (!acceptable(s, counter) || !lan_aead_open(s->rx, counter, buf, HEAD, buf + HEAD, n - HEAD, out))
		return 0;
	mark(s, counter);
	return n - SOS_SEAL_OVERHEAD;
}
