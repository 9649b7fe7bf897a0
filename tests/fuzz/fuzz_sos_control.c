/*
 * fuzz_sos_control.c - control messages and the seal. The first octet chooses:
 *
 *  - a datagram as it is, or the control path with queries of the input's: what is recognised is within its
 * bounds, comes out of our encoder and is recognised as the same, and the order of its queries does not
 * matter;
 *  - two ends of a keyed session and a network that loses, repeats, delays and alters: what opens is what was
 * sealed, once, and nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/sos/seal.h"

#define QUERIES 6

static bool same(const struct sos_control *a, const struct sos_control *b)
{
	return a->kind == b->kind && a->epoch == b->epoch && a->hello == b->hello && a->slave == b->slave &&
	       a->mtu == b->mtu && a->ttl == b->ttl && a->keyed == b->keyed &&
	       memcmp(a->nonce, b->nonce, SOS_NONCE) == 0 && memcmp(a->proof, b->proof, SOS_PROOF) == 0;
}

static enum sos_kind read_it(const uint8_t *p, size_t n, struct sos_control *c)
{
	struct coap_msg m;
	enum sos_kind kind = SOS_OTHER;

	memset(c, 0x5a, sizeof *c);
	if (!coap_decode(p, n, &m) && !sos_control_read(&m, c))
		kind = c->kind;
	return kind;
}

static void check_message(const uint8_t *data, size_t n)
{
	uint8_t *p = malloc(n ? n : 1), out[256];
	struct sos_control c, again;

	if (n)
		memcpy(p, data, n);
	if (read_it(p, n, &c)) {
		FUZZ_CHECK(c.kind < SOS_ASSOC_ANSWER && c.epoch < SOS_EPOCHS, "a kind that is none");
		FUZZ_CHECK(c.hello <= SOS_ID_MAX && c.slave <= SOS_ID_MAX && c.mtu <= SOS_ID_MAX,
			"out of bounds");
		FUZZ_CHECK((c.slave > 0) == (c.kind == SOS_DISCOVER), "a slave's id where there is none");
		FUZZ_CHECK((c.ttl > 0) == (c.kind == SOS_ASSOC_REQUEST), "a time where there is none");
		size_t len = sos_control_write(out, sizeof out, 1, &c);
		FUZZ_CHECK(len && read_it(out, len, &again) == c.kind && same(&c, &again),
			"another one comes out");
		FUZZ_CHECK(!sos_control_write(out, len - 1, 1, &c), "written where it has no room");
	}
	free(p);
}

/* The control path and the queries in this order. */
static size_t make(
	uint8_t *out, size_t cap, uint8_t how, const uint8_t *const *q, const size_t *len, size_t n)
{
	struct coap_wr w = coap_begin(out, cap, how & 1 ? COAP_CON : COAP_NON, COAP_POST, 7, NULL, 0);

	coap_put_text(&w, COAP_URI_PATH, ".well-known");
	coap_put_text(&w, COAP_URI_PATH, sos_epoch_name(how & 2 ? SOS_EPOCH_SOS : SOS_EPOCH_CASAN));
	for (size_t i = 0; i < n; i++)
		coap_put(&w, COAP_URI_QUERY, q[i], len[i]);
	return coap_end(&w);
}

/* Queries are separated by '&'. */
static void check_queries(uint8_t how, const uint8_t *data, size_t size)
{
	const uint8_t *q[QUERIES], *r[QUERIES];
	size_t len[QUERIES], rlen[QUERIES], n = 0;
	uint8_t out[2048], back[2048];
	struct sos_control a, b;

	for (const uint8_t *end = data + size; data < end && n < QUERIES; n++) {
		const uint8_t *stop = memchr(data, '&', (size_t)(end - data));
		q[n] = data, len[n] = (size_t)((stop ? stop : end) - data);
		data += len[n] + (stop != NULL);
	}
	for (size_t i = 0; i < n; i++)
		r[i] = q[n - 1 - i], rlen[i] = len[n - 1 - i];
	size_t m = make(out, sizeof out, how, q, len, n), k = make(back, sizeof back, how, r, rlen, n);
	if (!m)
		return;
	enum sos_kind kind = read_it(out, m, &a);
	FUZZ_CHECK(kind == read_it(back, k, &b) && (!kind || same(&a, &b)), "the order of queries matters");
	check_message(out, m);
}

/* --- the seal -------------------------------------------------------------------------- */

#define KEPT   96
#define LENGTH 12

struct sealed {
	uint8_t octets[LENGTH + SOS_SEAL_OVERHEAD];
	uint32_t counter;
	bool opened, side;
};

static struct sos_seal *ends[2];
static uint32_t sent[2], highest[2]; /* by who sealed */

static void begin(uint8_t nonce)
{
	uint8_t key[SOS_KEY] = {1}, s[SOS_NONCE] = {nonce}, m[SOS_NONCE] = {2};

	for (int side = 0; side < 2; side++) {
		if (!ends[side] && sos_seal_new(&ends[side]))
			abort();
		sos_seal_begin(ends[side], key, 169, s, m, side);
		sent[side] = highest[side] = 0;
	}
}

static void receive(struct sealed *s, uint8_t a, uint8_t b)
{
	uint8_t wire[sizeof s->octets], out[LENGTH], want[LENGTH], none[LENGTH];
	size_t n = sizeof wire;
	bool altered = a & 1;

	memcpy(wire, s->octets, n);
	if (altered && (a & 2))
		n -= 1u + b % n;
	else if (altered)
		wire[b % n] ^= (uint8_t)(1 + a);
	size_t got = sos_seal_open(ends[!s->side], wire, n, out, sizeof out);
	bool ok = !altered && !s->opened && s->counter + 64 > highest[s->side];
	FUZZ_CHECK(got == (ok ? LENGTH : 0), "counter %u of %u: opened %zu octets", s->counter,
		highest[s->side], got);
	FUZZ_CHECK(sos_seal_open(ends[s->side], wire, n, none, sizeof none) == 0, "one's own opens");
	if (!ok)
		return;
	memset(want, (int)s->counter, sizeof want);
	FUZZ_CHECK(memcmp(want, out, LENGTH) == 0, "another message");
	s->opened = true;
	highest[s->side] = s->counter > highest[s->side] ? s->counter : highest[s->side];
}

static void check_seal(const uint8_t *p, size_t n)
{
	static struct sealed kept[KEPT];
	uint8_t message[LENGTH];
	size_t count = 0;

	begin(n ? p[0] : 0);
	for (size_t i = 1; i + 2 < n; i += 3) {
		if (p[i] & 0x80) { /* seal one, and some that are lost */
			struct sealed *s = kept + count++ % KEPT;
			*s = (struct sealed){.side = p[i] & 1};
			for (int lost = p[i] & 0x40 ? p[i + 1] % 80 : 0; lost >= 0; lost--) {
				s->counter = ++sent[s->side];
				memset(message, (int)s->counter, sizeof message);
				FUZZ_CHECK(sos_seal_close(ends[s->side], message, LENGTH, s->octets,
						   sizeof s->octets) == sizeof s->octets,
					"not sealed");
			}
		} else if (count) {
			receive(kept + p[i + 1] % (count < KEPT ? count : KEPT), p[i], p[i + 2]);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 1500)
		return 0;
	switch (data[0] & 0x30) {
	case 0x10:
		check_message(data + 1, size - 1);
		break;
	case 0x20:
		check_seal(data + 1, size - 1);
		break;
	default:
		check_queries(data[0], data + 1, size - 1);
	}
	return 0;
}
