/*
 * serpy_draw.c - see serpy_draw.h. Runs are kept small, so that ten thousand of
 * them fit into a few minutes; what is rare in one is common in all.
 */
#include "serpy_draw.h"

#include <string.h>
#include "serpy_hostile.h"

static uint64_t pick(struct rng *g, const uint64_t *from, size_t n)
{
	return from[rng_below(g, n)];
}
#define PICK(g, ...) \
	pick(g, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static enum serpy_story story_of(const struct serpy_campaign *c, struct rng *g)
{
	uint64_t x = rng_below(g, 100);

	if (c->story != SS_BY_SEED)
		return c->story;
	return x < 10 ? SS_CALM : x < 40 ? SS_EDGE : x < 50 ? SS_HOSTILE : x < 53 ? SS_FLOOD : SS_WILD;
}

static void draw_network(struct srun *r, struct sim_config *net, struct rng *g)
{
	memset(net, 0, sizeof *net);
	net->verbose = r->c->verbose;
	net->boot_may_fail = r->c->memory_fails;
	net->latency = LAN_US(20) + rng_below(g, LAN_MS(3));
	net->jitter = 1 + rng_below(g, LAN_MS(3));
	net->dial_timeout = LAN_MS(50) + rng_below(g, LAN_SEC(1));
	net->window = (uint32_t)PICK(g, 65536, 65536, 16384, 2000, 300);
	net->split_ppm = (uint32_t)PICK(g, 10000, 100000, 500000);
	net->dead_after = LAN_SEC(1) + rng_below(g, LAN_SEC(3));
	if (r->story == SS_FLOOD)
		net->window = 65536;
}

static void draw_faults(struct srun *r, struct rng *g)
{
	struct sworld *w = &r->w;
	uint32_t mean = (uint32_t)PICK(g, 1, 1, 2, 4);

	w->faults = r->story != SS_CALM && r->story != SS_HOSTILE;
	w->calm = !w->faults && !w->memory_fails;
	w->im = (struct sfaults){.cut = 4000 * mean,
		.half = 1000 * mean,
		.hole = 500 * mean,
		.stall = 2000 * mean,
		.delay = 10000 * mean,
		.delay_max = LAN_MS(100),
		.stall_max = LAN_SEC(5)};
	w->doom_ppm = (uint32_t)PICK(g, 0, 200000, 600000);
	w->doom_max = (uint32_t)PICK(g, 40, 300, 3000);
	if (r->story == SS_EDGE) {
		w->im = (struct sfaults){0};
		w->doom_ppm = 900000;
		w->doom_max = (uint32_t)PICK(g, 200, 600, 1500);
	}
}

/* What both sides have in common: what may be sent has to fit the receiver. */
static void draw_common(struct srun *r, struct serpy_config *cfg, uint32_t max_len, struct rng *g)
{
	*cfg = (struct serpy_config){.frame_timeout = PICK(g, 0, LAN_NEVER, LAN_SEC(2), LAN_SEC(10))};
	if (r->story == SS_CALM) /* who sends a blob may nap in the middle of it */
		cfg->frame_timeout = PICK(g, 0, LAN_NEVER, LAN_SEC(20));
	cfg->pieces = r->story == SS_FLOOD || rng_below(g, 2);
	cfg->max_message = 2 * max_len + 1000;
	if (cfg->pieces)
		cfg->piece = (uint32_t)PICK(g, 100, 333, 1000, 4096);
	if (cfg->pieces && cfg->piece < 32)
		cfg->piece = 32;
	cfg->retry_min = LAN_MS(1) + rng_below(g, LAN_MS(50));
	cfg->retry_max = cfg->retry_min * (1 + rng_below(g, 20));
	cfg->resync = rng_below(g, 2);
}

static void draw_own(struct srun *r, struct serpy_config *cfg, bool server, struct rng *g)
{
	cfg->window = (uint32_t)PICK(g, 0, 1, 2, 5, 100);
	cfg->confirm = rng_below(g, 2) ? LAN_MS(1) + rng_below(g, PICK(g, LAN_MS(10), LAN_MS(400))) : 0;
	if (rng_below(g, 3) == 0)
		cfg->max_queue = 200 + (uint32_t)rng_below(g, 4000);
	cfg->full = (enum serpy_full)PICK(g, 0, 0, 0, 1, 2);
	if (r->story == SS_CALM || r->story == SS_HOSTILE)
		cfg->full = SERPY_FULL_REFUSE;
	if (rng_below(g, 2))
		cfg->max_events = 256u << 10;
	if (r->story == SS_HOSTILE)
		cfg->frame_timeout = server ? LAN_SEC(1) : LAN_NEVER;
	if (server)
		return;
	cfg->resend = rng_below(g, 2);
	if (r->story == SS_WILD && rng_below(g, 12) == 0)
		cfg->retries = 1 + (uint32_t)rng_below(g, 5);
	if (r->story == SS_WILD && rng_below(g, 20) == 0)
		cfg->once = true;
}

static void draw_application(struct srun *r, struct sparty *p, uint32_t max_len, struct rng *g)
{
	uint32_t n = (20 + (uint32_t)rng_below(g, 60)) * r->c->size / 100;

	p->max_len = max_len;
	p->max_blob = r->story == SS_FLOOD ? 250u << 10 : p->cfg.pieces ? 4 * max_len : max_len - 16;
	p->blobs = r->story == SS_FLOOD || rng_below(g, 3) == 0;
	p->asks = !p->server && r->w.dialect == SERPY2 && r->w.p[0].cfg.full == SERPY_FULL_REFUSE &&
		  rng_below(g, 4) == 0;
	if (r->story == SS_EDGE)
		n = n / 4 + 1;
	if (p->server) {
		p->to_send = rng_below(g, 3) ? n / 4 : 0;
		p->reply_ppm = (uint32_t)PICK(g, 0, 200000, 800000);
	} else {
		p->to_send = 1 + n / (uint32_t)(r->w.n_p > 4 ? r->w.n_p / 2 : 1);
	}
	p->gap = 1 + r->length / (p->to_send + 1) / 3;
	if (p->gap > LAN_MS(100))
		p->gap = LAN_MS(100);
	if (r->story == SS_FLOOD)
		p->to_send = p->to_send / 8 + 1;
	if (r->story != SS_EDGE && rng_below(g, 6) == 0 && !(r->story == SS_HOSTILE && !p->server)) {
		p->sips = 1 + (unsigned)rng_below(g, 3);
		p->sip_pause = 1 + rng_below(g, LAN_MS(20));
	}
}

static void draw_parties(struct srun *r, struct rng *g)
{
	uint32_t max_len = (uint32_t)PICK(g, 300, 1500, 1500, 20000);
	int n = r->c->clients         ? r->c->clients
		: r->story == SS_EDGE ? 1
				      : 1 + (int)(rng_below(g, 3) ? rng_below(g, 2) : rng_below(g, 6));
	struct serpy_config common;

	draw_common(r, &common, max_len, g);
	for (int i = 0; i <= n; i++) {
		struct serpy_config cfg = common;

		draw_own(r, &cfg, i == 0, g);
		draw_application(r, sworld_party(&r->w, i == 0, &cfg), max_len, g);
	}
	r->up_time = common.retry_max + LAN_SEC(3);
	if (r->story == SS_HOSTILE)
		hostile_init(&r->w, 1 + (int)rng_below(g, 3));
}

void sdraw(struct srun *r, uint64_t seed)
{
	struct sim_config net;
	struct rng g;
	struct sworld *w = &r->w;

	rng_init(&g, seed);
	r->story = story_of(r->c, &g);
	r->length = LAN_MS(500) + rng_below(&g, LAN_SEC(8));
	r->nap_max = (lan_time)PICK(&g, LAN_MS(50), LAN_SEC(1), LAN_SEC(4));
	draw_network(r, &net, &g);
	sworld_init(w, &net, rng_next(&g));
	w->dialect = rng_below(&g, 5) < 3 ? SERPY1 : SERPY2;
	if (w->dialect == SERPY1)
		w->encoding = (const char *const[]){"utf-8", "ascii", "latin-1", "utf-16"}[rng_below(&g, 4)];
	if (rng_below(&g, 3) == 0)
		w->only_mode = (int)rng_below(&g, 6);
	w->mixed_types = rng_below(&g, 6) > 0;
	w->memory_fails = r->c->memory_fails;
	draw_faults(r, &g);
	r->restarts = r->story == SS_WILD && rng_below(&g, 2);
	r->rude = (r->story == SS_WILD || r->story == SS_CALM) && rng_below(&g, 2);
	w->polite = r->rude;
	draw_parties(r, &g);
	r->up_time += net.dial_timeout + net.dead_after;
	sim_note(w->sim, "story %d, serpy%d, %s, %d parties, window %u, latency %u us", (int)r->story,
		(int)w->dialect, w->encoding, w->n_p, net.window, (unsigned)(net.latency / LAN_US(1)));
}
