/*
 * chan_attack.c - an attacker on the group's network. He keeps some of what he
 * hears and sends it again, whole or with bits turned over, soon or long after;
 * he makes datagrams of noise, of true headers with false bodies, of the same
 * name under another key and of another name under the same key. As a member
 * gone bad, he holds the group key and speaks in the name of those who sign.
 *
 * What he does is chance; that none of it is accepted is the ledger's to see.
 */
#include <stdlib.h>
#include <string.h>
#include "chan_world.h"

#define KEPT 128

struct cattack {
	struct cworld *w;
	struct dgram_packet *kept[KEPT];
	uint64_t heard;
	lan_time pause;
	bool stopped;
	uint8_t secret[LAN_SIGN_SECRET];
};

static struct dgram_packet *any(struct cattack *a)
{
	uint64_t n = a->heard < KEPT ? a->heard : KEPT;

	return n ? a->kept[rng_below(&a->w->rng, n)] : NULL;
}

static int somebody(struct cworld *w)
{
	return rng_below(&w->rng, 2) ? -1 : (int)rng_below(&w->rng, (uint64_t)w->n_m);
}

static void noise(struct cworld *w, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)rng_next(&w->rng);
}

/* Another counter, in a header that was true. */
static void body_of_noise(struct cattack *a, const struct dgram_packet *p)
{
	struct cworld *w = a->w;
	uint8_t b[256];
	size_t n = CHAN_OVERHEAD + 1 + rng_below(&w->rng, 150);

	noise(w, b, n);
	memcpy(b, p->data, CHAN_HEADER);
	b[31 - rng_below(&w->rng, 4)]++;
	dgram_inject(w->net, b, n, somebody(w));
}

/* A presence that says goodbye, sealed with the key and the name given. */
static void forge(
	struct cattack *a, const struct dgram_packet *p, const uint8_t *key, const char *channel, bool sign)
{
	struct cworld *w = a->w;
	uint8_t id[CHAN_ID_SIZE], k[LAN_AEAD_KEY], prefix[16], frame[128], out[512];
	struct chan_frame f = {.type = CHAN_F_PRESENCE, .flags = CHAN_PRES_LEAVING};
	struct chan_header h;
	struct lan_aead *aead;

	if (chan_header_decode(p->data, p->len, &h) != LAN_OK)
		return;
	h.counter += 1 + rng_below(&w->rng, 5000);
	f.u.presence.block = 32;
	f.u.presence.oldest = f.u.presence.oldest_msg = f.u.presence.next_msg = 1;
	f.u.presence.name = (const uint8_t *)"";
	chan_id_of(channel, id);
	chan_instance_key(w->cipher, key, h.epoch, id, h.sender, h.boot, k, prefix);
	while (lan_aead_new(w->cipher, k, prefix, &aead) != LAN_OK)
		;
	size_t n = chan_frame_encode(&f, frame, sizeof frame);
	n = chan_seal(aead, &h, id, sign ? a->secret : NULL, frame, n, out, sizeof out);
	lan_aead_free(aead);
	if (n)
		dgram_inject(w->net, out, n, somebody(w));
}

static void strike(struct cattack *a, struct dgram_packet *p)
{
	struct cworld *w = a->w;
	struct rng *g = &w->rng;
	const struct cepoch *k = cworld_key(w, w->tap[p->id - 1].epoch);
	uint8_t b[1500];

	switch (rng_below(g, 8)) {
	case 0:
		noise(w, b, sizeof b);
		dgram_inject(w->net, b, rng_below(g, sizeof b), somebody(w));
		break;
	case 1:
		body_of_noise(a, p);
		break;
	case 2:
		dgram_replay(w->net, p, somebody(w), rng_below(g, LAN_SEC(1)), 1 + (unsigned)rng_below(g, 8));
		break;
	case 3:
		noise(w, b, 32);
		forge(a, p, b, w->channel, p->data[3] & CHAN_SIGNED);
		break;
	case 4:
		forge(a, p, k->key, "another plant", p->data[3] & CHAN_SIGNED);
		break;
	case 5:
		if (p->data[3] & CHAN_SIGNED)
			forge(a, p, k->key, w->channel, true);
		break;
	default:
		dgram_replay(w->net, p, somebody(w),
			rng_below(g, 8) ? rng_below(g, LAN_MS(50)) : rng_below(g, LAN_SEC(4)), 0);
		break;
	}
}

static void act(void *ctx, uint64_t arg)
{
	struct cattack *a = ctx;
	struct dgram_packet *p = any(a);

	if (a->stopped)
		return;
	if (p)
		strike(a, p);
	sim_at(a->w->sim, sim_now(a->w->sim) + rng_below(&a->w->rng, 2 * a->pause), act, a, 0);
}

struct cattack *cattack_new(struct cworld *w, uint32_t rate_per_s)
{
	struct cattack *a = calloc(1, sizeof *a);
	uint8_t seed[32], public_key[LAN_SIGN_PUBLIC];

	if (!a)
		abort();
	a->w = w;
	a->pause = LAN_SEC(1) / rate_per_s;
	noise(w, seed, sizeof seed);
	lan_sign_keypair(seed, public_key, a->secret);
	sim_at(w->sim, sim_now(w->sim) + a->pause, act, a, 0);
	return a;
}

/* Keep it or not, so that old and new ones are there. */
void cattack_heard(struct cattack *a, const struct dgram_packet *p)
{
	uint64_t at = a->heard < KEPT ? a->heard : rng_below(&a->w->rng, KEPT);

	if (a->stopped || (a->heard >= KEPT && rng_below(&a->w->rng, 4)))
		return;
	a->heard++;
	dgram_release(a->kept[at]);
	a->kept[at] = dgram_hold(p);
}

void cattack_stop(struct cattack *a)
{
	a->stopped = true;
}

void cattack_free(struct cattack *a)
{
	for (int i = 0; a && i < KEPT; i++)
		dgram_release(a->kept[i]);
	free(a);
}
