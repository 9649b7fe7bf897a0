/*
 * sos_hostile.c - somebody on every segment of sos_world.h who hears all and sends anything from any address:
 * Hellos of masters that are not there and in the names of those that are, Discovers of nobody, of somebody
 * from elsewhere, AssocRequests, AssocAnswers, requests in a master's name, answers, noise, what was said
 * before.
 *
 * Against some of that the originals' wire has no means: who hears a request can answer it, and who says a
 * slave's Discover first is it. So what he forges in the name of slaves without a key are no values: answers
 * he makes for keyed slaves alone, and the times in his AssocRequests are short, for a slave that follows
 * them is lost that long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sos_world.h"

#define KEPT 64

struct shostile {
	struct sworld *w;
	struct ep_packet *kept[KEPT];
	uint64_t heard;
	uint8_t mid[2]; /* of the last AssocRequest to a slave with a key */
	lan_time pause;
	bool stopped;
};

static void noise(struct sworld *w, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)rng_next(&w->rng);
}

static const struct sw_slave *any_slave(struct sworld *w)
{
	return &w->slave[rng_below(&w->rng, (uint64_t)w->n_slave)];
}

static struct ep_addr stranger(struct sworld *w, int segment)
{
	struct ep_addr a = {.len = w->seg[segment].radio ? 2 : 6};

	noise(w, a.a, a.len);
	a.a[0] |= 0x80; /* none of ours */
	return a;
}

static struct ep_addr master_at(struct sworld *w, int segment)
{
	return sworld_address(w, segment, w->master[rng_below(&w->rng, (uint64_t)w->n_master)].node, 0);
}

static struct ep_addr slave_at(const struct sw_slave *s)
{
	return sworld_address(s->w, s->segment, s->node, s->moves);
}

static void say(
	struct sworld *w, int segment, struct ep_addr from, struct ep_addr to, const struct sos_control *c)
{
	uint8_t buf[200];
	size_t n = sos_control_write(buf, sizeof buf, (uint16_t)rng_next(&w->rng), c);

	if (n)
		ep_inject(w->net, segment, &from, &to, buf, n);
}

static enum sos_epoch any_epoch(struct sworld *w)
{
	return rng_below(&w->rng, 3) ? SOS_EPOCH_CASAN : SOS_EPOCH_SOS;
}

static void forged_hello(struct sworld *w)
{
	int seg = (int)rng_below(&w->rng, (uint64_t)w->n_seg);
	struct sos_control c = {
		.kind = SOS_HELLO, .epoch = any_epoch(w), .hello = (uint32_t)rng_below(&w->rng, 1000)};

	say(w, seg, rng_below(&w->rng, 2) ? master_at(w, seg) : stranger(w, seg), (struct ep_addr){0}, &c);
}

/* Of somebody nobody knows, many at once; or of a slave, from an address that is not its. */
static void forged_discover(struct sworld *w, bool known)
{
	const struct sw_slave *s = any_slave(w);
	uint64_t n = known ? 1 : 1 + rng_below(&w->rng, 40);

	for (; n; n--) {
		struct sos_control c = {.kind = SOS_DISCOVER,
			.epoch = any_epoch(w),
			.slave = known ? s->id : 100000 + (uint32_t)rng_below(&w->rng, 1u << 30),
			.mtu = (uint32_t)rng_below(&w->rng, 2000)};

		if (rng_below(&w->rng, 4) == 0) {
			c.keyed = true;
			noise(w, c.nonce, sizeof c.nonce);
			noise(w, c.proof, sizeof c.proof);
		}
		say(w, s->segment, stranger(w, s->segment), (struct ep_addr){0}, &c);
	}
}

static void forged_assoc(struct sworld *w)
{
	const struct sw_slave *s = any_slave(w);
	struct sos_control c = {.kind = SOS_ASSOC_REQUEST,
		.epoch = any_epoch(w),
		.ttl = 1 + (uint32_t)rng_below(&w->rng, s->ttl),
		.mtu = (uint32_t)rng_below(&w->rng, 2000)};

	if (rng_below(&w->rng, 4) == 0) {
		c.keyed = true;
		noise(w, c.nonce, sizeof c.nonce);
		noise(w, c.proof, sizeof c.proof);
	}
	say(w, s->segment, rng_below(&w->rng, 2) ? master_at(w, s->segment) : stranger(w, s->segment),
		slave_at(s), &c);
}

/* An AssocAnswer, or an answer to a request that is on its way: he has heard its MID and token. */
static void forged_answer(struct shostile *h)
{
	struct sworld *w = h->w;
	const struct sw_slave *s = any_slave(w);
	const struct ep_packet *q = h->kept[rng_below(&w->rng, KEPT)];
	struct ep_addr from = slave_at(s), to = master_at(w, s->segment);
	uint8_t buf[64];
	size_t at = 4;

	if (!q || q->len < 4 || q->port < 0)
		return;
	memcpy(buf, q->data, 4);
	buf[0] = 0x60;
	buf[1] = rng_below(&w->rng, 4) ? COAP_CONTENT : (uint8_t)rng_next(&w->rng);
	if (s->kind == SW_KEYED && rng_below(&w->rng, 2) && q->len >= 8) {
		memcpy(buf + 4, q->data + 4, 4);
		buf[0] = 0x64;
		at = 8;
	}
	at += (size_t)snprintf((char *)buf + at, sizeof buf - at, "\xff<forged>");
	ep_inject(w->net, s->segment, &from, &to, buf, at);
}

/* In a master's name, what nobody asked. */
static void forged_request(struct sworld *w)
{
	const struct sw_slave *s = any_slave(w);
	struct ep_addr from = rng_below(&w->rng, 2) ? master_at(w, s->segment) : stranger(w, s->segment),
		       to = slave_at(s);
	uint8_t buf[64] = {0x42, COAP_POST};
	size_t n;

	noise(w, buf + 2, 4);
	n = 6 + (size_t)snprintf((char *)buf + 6, sizeof buf - 6, "\xb1p\xff%u", 900000000u);
	ep_inject(w->net, s->segment, &from, &to, buf, n);
}

static void garbage(struct sworld *w)
{
	const struct sw_slave *s = any_slave(w);
	struct ep_addr mine = slave_at(s), master = master_at(w, s->segment), other = stranger(w, s->segment);
	bool up = rng_below(&w->rng, 2);
	uint8_t buf[100];
	size_t n = rng_below(&w->rng, sizeof buf);

	noise(w, buf, sizeof buf);
	if (rng_below(&w->rng, 2))
		buf[0] = (uint8_t)(0x40 | (buf[0] & 0x37));
	else if (rng_below(&w->rng, 2))
		buf[0] = 0xe1;
	/* in somebody's name nothing that could be read as an answer */
	if (up && (buf[0] & 0xf0) == 0x60)
		buf[0] ^= 0x20;
	ep_inject(w->net, s->segment,
		rng_below(&w->rng, 2) ? &other
		: up                  ? &mine
				      : &master,
		up ? &master : &mine, buf, n);
}

static void again(struct shostile *h)
{
	struct ep_packet *p = h->kept[rng_below(&h->w->rng, KEPT)];

	if (p && !p->single)
		ep_replay(h->w->net, p, rng_below(&h->w->rng, 3) ? 0 : rng_below(&h->w->rng, LAN_SEC(5)));
}

static void act(void *ctx, uint64_t arg)
{
	struct shostile *h = ctx;
	struct sworld *w = h->w;

	if (h->stopped)
		return;
	switch (rng_below(&w->rng, 12)) {
	case 0:
	case 1:
		forged_hello(w);
		break;
	case 2:
	case 3:
		forged_discover(w, true);
		break;
	case 4:
		forged_discover(w, false);
		break;
	case 5:
	case 6:
		forged_assoc(w);
		break;
	case 7:
		forged_answer(h);
		break;
	case 8:
		forged_request(w);
		break;
	case 9:
		garbage(w);
		break;
	default:
		again(h);
	}
	sim_at(w->sim, sim_now(w->sim) + rng_below(&w->rng, 2 * h->pause), act, h, 0);
}

/* Faster than the slave: the answer to an AssocRequest with a key, without the seal. */
static void outrun(void *ctx, uint64_t slave)
{
	struct shostile *h = ctx;
	struct sworld *w = h->w;
	const struct sw_slave *s = &w->slave[slave];
	struct ep_addr from = slave_at(s), to = master_at(w, s->segment);
	uint8_t buf[32] = {0x60, COAP_CONTENT, h->mid[0], h->mid[1]};

	memcpy(buf + 4, "\xff<forged>", 9);
	if (!h->stopped)
		ep_inject(w->net, s->segment, &from, &to, buf, 13);
}

void shostile_heard(struct shostile *h, struct ep_packet *p)
{
	for (int i = 0; i < h->w->n_slave && !h->stopped && p->port >= 0 && p->data[0] == 0x40; i++) {
		struct ep_addr a = slave_at(&h->w->slave[i]);

		if (h->w->slave[i].kind != SW_KEYED || a.len != p->to.len || memcmp(a.a, p->to.a, a.len) != 0)
			continue;
		memcpy(h->mid, p->data + 2, 2);
		sim_at(h->w->sim, sim_now(h->w->sim), outrun, h, (uint64_t)i);
	}
	uint64_t at = h->heard < KEPT ? h->heard : rng_below(&h->w->rng, 4 * KEPT);

	if (h->stopped || p->port < 0 || at >= KEPT)
		return;
	if (h->heard < KEPT)
		h->heard++;
	else
		ep_release(h->kept[at]);
	h->kept[at] = ep_hold(p);
}

struct shostile *shostile_new(struct sworld *w, uint32_t rate_per_s)
{
	struct shostile *h = calloc(1, sizeof *h);

	if (!h)
		abort();
	h->w = w;
	h->pause = LAN_SEC(1) / rate_per_s;
	sim_at(w->sim, sim_now(w->sim) + h->pause, act, h, 0);
	return h;
}

void shostile_stop(struct shostile *h)
{
	h->stopped = true;
}

void shostile_free(struct shostile *h)
{
	for (size_t i = 0; h && i < KEPT; i++)
		ep_release(h->kept[i]);
	free(h);
}
