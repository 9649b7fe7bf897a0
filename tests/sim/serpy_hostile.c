/*
 * serpy_hostile.c - see serpy_hostile.h. Each stranger connects, says something
 * that no program of ours would say, and comes back when it is thrown out. What
 * it says is drawn from the wire's own words, so that it gets past the first byte.
 */
#include "serpy_hostile.h"

#include <stdlib.h>
#include <string.h>

#define STRANGERS 4
#define SAY       8192

struct stranger {
	struct hostile *h;
	struct raw_peer raw;
	struct sparty *p;
	uint8_t *drip; /* sent byte by byte */
	size_t drip_len, drip_at;
	lan_time pause;
	bool dialled;
	unsigned ends; /* of its connections, as far as noticed */
};

struct hostile {
	struct sworld *w;
	struct stranger s[STRANGERS];
	int n;
	bool over;
	uint64_t attacks;
};

static size_t put(uint8_t *to, size_t at, const void *p, size_t n)
{
	memcpy(to + at, p, n);
	return at + n;
}

static void random_bytes(struct rng *g, uint8_t *to, size_t n)
{
	while (n--)
		*to++ = (uint8_t)rng_next(g);
}

/* --- what they say --------------------------------------------------------------------------- */

static uint32_t lie(struct rng *g, uint32_t truth)
{
	static const uint32_t lies[] = {0, 1, 13, 255, 65536, 1u << 20, 0x7fffffff, 0xffffffff};
	uint64_t x = rng_below(g, 16);

	return x < 8 ? lies[x] : x < 10 ? truth + 1 : x < 12 ? truth - 1 : truth;
}

/* Section 2.1, now and then with a length, a type or a sum that is not true. */
static size_t frame2(struct rng *g, uint8_t *to, bool honest)
{
	static const uint8_t types[] = {0x01, 0x11, 0x21, 0x81, 0x81, 0x00, 0xff};
	uint32_t n = (uint32_t)rng_below(g, 300), sum = 0, len;
	size_t at = put(to, 0, "\xde\xca\xfe\xca\xfe", 5);

	to[at++] = honest ? 0x81 : types[rng_below(g, sizeof types)];
	random_bytes(g, to + 14, n);
	for (uint32_t i = 0; i < n; i++)
		sum += to[14 + i];
	len = honest ? n : lie(g, n);
	sum += !honest && rng_below(g, 8) == 0;
	for (int i = 0; i < 4; i++, at++) {
		to[at] = (uint8_t)(sum >> 8 * i);
		to[at + 4] = (uint8_t)(len >> 8 * i);
	}
	return 14 + n;
}

/* Section 1.1: words and blocks, in an order that makes no sense. */
static size_t blocks1(struct rng *g, uint8_t *to, bool honest)
{
	static const char *const words[] = {"\1SETMODE0\x1f", "\1SETMODE1\x1f", "\1SETMODE2\x1f",
		"\1SETMODE3\x1f", "\1SETMODE4\x1f", "\1SETMODE5\x1f", "\1SETMODE9\x1f", "\1SETMODEx\x1f",
		"\1ACKEOT!!\x1f", "\1ACKMODCG\x1f", "\1LALA\x1f", "\1\x1f", "\x1f\x1f\x1f", "\4\x1f",
		"a\4\x1f", "a\4b\4\x1f", "Xk~0{Zv\x1f", "VPaz\4\x1f", "|NsC1\x1f", "~\x1f", "b c\x1f",
		"\1SETMODE", "\xff\xfe\x1f"};
	size_t at = 0;

	if (honest)
		return put(to, 0, "good evening\x1f", 13);
	for (uint64_t k = 1 + rng_below(g, 12); k; k--) {
		const char *word = words[rng_below(g, sizeof words / sizeof *words)];

		at = put(to, at, word, strlen(word));
	}
	return at;
}

static size_t endless(struct rng *g, enum serpy_dialect d, uint8_t *to)
{
	size_t at = 0;

	if (d == SERPY2 && rng_below(g, 4) == 0)
		at = put(to, 0, "\xde\xca\xfe\xca\xfe\x81\0\0\0\0\0\0\0\x40", 14);
	memset(to + at, 'a', SAY - at);
	return SAY;
}

static size_t words(struct rng *g, enum serpy_dialect d, uint8_t *to)
{
	uint64_t x = rng_below(g, 100);
	size_t n;

	if (x < 15) {
		n = 1 + (size_t)rng_below(g, 400);
		random_bytes(g, to, n);
		return n;
	}
	if (x < 30)
		return endless(g, d, to);
	n = d == SERPY2 ? frame2(g, to, x < 45) : blocks1(g, to, x < 45);
	for (uint64_t k = x < 80 ? 0 : 1 + rng_below(g, 3); k; k--)
		to[rng_below(g, n)] ^= (uint8_t)(1u << rng_below(g, 8));
	return n;
}

/* --- when they say it -------------------------------------------------------------------------- */

static void say(struct stranger *s)
{
	struct sworld *w = s->h->w;
	uint8_t *text = malloc(2 * SAY);
	size_t n;

	if (!text)
		abort();
	n = words(&w->rng, w->dialect, text);
	s->h->attacks++;
	if (rng_below(&w->rng, 5) == 0) {
		free(s->drip);
		s->drip = text;
		s->drip_len = n < 40 ? n : 40;
		s->drip_at = 0;
		return;
	}
	raw_peer_write(&s->raw, text, n);
	free(text);
}

static void drip(struct stranger *s)
{
	raw_peer_write(&s->raw, s->drip + s->drip_at, 1);
	if (++s->drip_at < s->drip_len)
		return;
	free(s->drip);
	s->drip = NULL;
}

static void turn(void *ctx, uint64_t arg)
{
	struct stranger *s = ctx;
	struct sworld *w = s->h->w;

	(void)arg;
	if (s->h->over)
		return;
	if (s->raw.ended + s->raw.failed != s->ends) {
		s->ends = s->raw.ended + s->raw.failed;
		s->dialled = false;
	}
	if (!s->raw.open && !s->dialled) {
		s->raw.want_dial = s->dialled = true;
	} else if (s->raw.open && rng_below(&w->rng, 40) == 0) {
		s->raw.want_close = true;
		s->dialled = false;
	} else if (s->raw.open) {
		if (s->drip)
			drip(s);
		else
			say(s);
	}
	sim_poke(w->sim, s->p->node);
	sim_at(w->sim, sim_now(w->sim) + 1 + rng_below(&w->rng, 2 * s->pause), turn, s, 0);
}

void hostile_init(struct sworld *w, int n)
{
	struct hostile *h = calloc(1, sizeof *h);

	if (!h)
		abort();
	h->w = w;
	h->n = n < STRANGERS ? n : STRANGERS;
	w->hostile = h;
	for (int i = 0; i < h->n; i++) {
		struct stranger *s = &h->s[i];

		s->h = h;
		s->p = sworld_stranger(w, &s->raw);
		s->raw.deaf = rng_below(&w->rng, 3) == 0;
		s->pause = LAN_MS(1) + rng_below(&w->rng, LAN_MS(50));
		sim_at(w->sim, sim_now(w->sim) + rng_below(&w->rng, LAN_MS(100)), turn, s, 0);
	}
}

void hostile_stop(struct sworld *w)
{
	struct hostile *h = w->hostile;

	if (!h || h->over)
		return;
	h->over = true;
	for (int i = 0; i < h->n; i++)
		sim_crash(w->sim, h->s[i].p->node, SIM_RST);
}

void hostile_free(struct sworld *w)
{
	struct hostile *h = w->hostile;

	for (int i = 0; h && i < h->n; i++) {
		free(h->s[i].drip);
		raw_peer_fini(&h->s[i].raw);
	}
	free(h);
	w->hostile = NULL;
}

uint64_t hostile_attacks(const struct sworld *w)
{
	return w->hostile ? w->hostile->attacks : 0;
}
