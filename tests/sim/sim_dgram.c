/*
 * sim_dgram.c - see sim_dgram.h. Each member is a node of the engine whose
 * stream operations are empty: the engine brings clock, random early and late
 * ticks, the watch over cores that spin; drain() does the driver's work.
 *
 * The driver's order is that of a real one: datagrams in while the core is
 * open, then the application, then datagrams out.
 */
#include <stdlib.h>
#include <string.h>
#include "sim_dgram.h"

struct copy { /* on its way to one member */
	struct dgram_packet *p;
	int to;
	uint32_t flips, flip_seed;
	uint32_t next; /* of the free ones */
};

struct member {
	struct dgram_member spec;
	struct dgram_net *net;
	int node, group;
	uint32_t loss;
	void *core;
	uint32_t *queue; /* copies in the kernel, circular */
	uint32_t head, len, overruns;
	uint64_t *taken; /* bit per packet id: this core took it */
	size_t taken_words;
};

struct dgram_net {
	struct dgram_config cfg;
	struct dgram_faults faults;
	struct rng rng;
	struct member **m;
	int n_m;
	struct copy *copies;
	uint32_t n_copies, free_copy; /* index + 1 */
	uint64_t ids, hash, given;
	uint8_t *out;
};

static void *grow(void *p, size_t n)
{
	void *q = realloc(p, n);

	if (!q)
		abort();
	return q;
}

struct dgram_net *dgram_new(const struct dgram_config *cfg)
{
	struct dgram_net *n = grow(NULL, sizeof *n);

	memset(n, 0, sizeof *n);
	n->cfg = *cfg;
	n->hash = 0xcbf29ce484222325u;
	n->out = grow(NULL, cfg->cap);
	rng_init(&n->rng, cfg->seed);
	return n;
}

struct dgram_packet *dgram_hold(const struct dgram_packet *p)
{
	struct dgram_packet *q = (struct dgram_packet *)p;

	q->refs++;
	return q;
}

void dgram_release(struct dgram_packet *p)
{
	if (p && !--p->refs) {
		free(p->data);
		free(p);
	}
}

/* After the simulation itself, which buries the cores. */
void dgram_free(struct dgram_net *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->n_copies; i++)
		dgram_release(n->copies[i].p);
	for (int i = 0; i < n->n_m; i++) {
		free(n->m[i]->queue);
		free(n->m[i]->taken);
		free(n->m[i]);
	}
	free(n->m);
	free(n->copies);
	free(n->out);
	free(n);
}

static uint32_t copy_new(struct dgram_net *n, struct dgram_packet *p, int to, unsigned flips)
{
	uint32_t i;

	if (!n->free_copy) {
		uint32_t from = n->n_copies;

		n->n_copies = from ? 2 * from : 64;
		n->copies = grow(n->copies, n->n_copies * sizeof *n->copies);
		memset(n->copies + from, 0, (n->n_copies - from) * sizeof *n->copies);
		for (i = from; i < n->n_copies; i++) {
			n->copies[i].next = n->free_copy;
			n->free_copy = i + 1;
		}
	}
	i = n->free_copy - 1;
	n->free_copy = n->copies[i].next;
	n->copies[i] = (struct copy){.p = dgram_hold(p),
		.to = to,
		.flips = flips,
		.flip_seed = flips ? (uint32_t)rng_next(&n->rng) : 0};
	return i;
}

static void copy_free(struct dgram_net *n, uint32_t i)
{
	dgram_release(n->copies[i].p);
	n->copies[i].p = NULL;
	n->copies[i].next = n->free_copy;
	n->free_copy = i + 1;
}

/* --- towards a core ---------------------------------------------------------- */

static bool took_before(struct member *m, uint64_t id)
{
	size_t w = (size_t)(id / 64);
	uint64_t bit = UINT64_C(1) << id % 64;

	if (w >= m->taken_words) {
		m->taken = grow(m->taken, (2 * w + 8) * sizeof *m->taken);
		memset(m->taken + m->taken_words, 0, (2 * w + 8 - m->taken_words) * sizeof *m->taken);
		m->taken_words = 2 * w + 8;
	}
	bool before = m->taken[w] & bit;
	m->taken[w] |= bit;
	return before;
}

/* Turn bits over, each at another place: an even number of turns undoes nothing. */
static void damage(const struct copy *c, uint8_t *bytes, size_t len)
{
	uint64_t x = c->flip_seed;
	size_t bit = len ? rng_splitmix(&x) % (len * 8) : 0;

	for (uint32_t i = 0; i < c->flips && i < len * 8; i++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		bit = (bit + 1 + rng_splitmix(&x) % 5) % (len * 8);
		if (len < 8)
			break;
	}
}

static struct lan_from address_of(int member)
{
	struct lan_from f = {.port = 5000, .ifindex = 1};

	f.addr[10] = f.addr[11] = 0xff;
	f.addr[12] = 10;
	f.addr[14] = (uint8_t)((member + 1) >> 8);
	f.addr[15] = (uint8_t)(member + 1);
	return f;
}

static void give(struct dgram_net *n, struct member *m, uint32_t i)
{
	struct copy *c = &n->copies[i];
	struct dgram_packet *p = c->p;
	lan_time now = sim_now(n->cfg.sim);
	struct lan_from from = address_of(p->from);
	uint8_t *bytes = grow(NULL, p->len + 1); /* its own, so that the sanitizer sees every step beyond */
	bool damaged = c->flips != 0;
	enum lan_err e;

	memcpy(bytes, p->data, p->len);
	if (damaged)
		damage(c, bytes, p->len);
	e = m->spec.ops->input(m->core, now, &from, bytes, p->len);
	free(bytes);
	n->given++;
	if (n->cfg.verbose)
		sim_note(n->cfg.sim, "%s <- #%llu%s: %s", m->spec.name, (unsigned long long)p->id,
			damaged ? " damaged" : "", lan_err_name(e));
	if (e == LAN_OK && damaged && p->from != m->node)
		sim_fail(n->cfg.sim, "%s takes datagram %llu with %u bits turned over", m->spec.name,
			(unsigned long long)p->id, c->flips);
	else if (e == LAN_OK && p->from != m->node && took_before(m, p->id))
		sim_fail(n->cfg.sim, "%s takes datagram %llu a second time", m->spec.name,
			(unsigned long long)p->id);
	n->cfg.judged(n->cfg.ctx, m->node, p, damaged, e);
	copy_free(n, i);
}

static void arrive(void *ctx, uint64_t arg)
{
	struct dgram_net *n = ctx;
	uint32_t i = (uint32_t)arg;
	struct member *m = n->m[n->copies[i].to];

	if (!m->core) {
		copy_free(n, i);
	} else if (m->len == n->cfg.queue) {
		copy_free(n, i);
		m->overruns++;
		if (m->spec.ops->overrun)
			m->spec.ops->overrun(m->core, m->overruns);
	} else {
		m->queue[(m->head + m->len++) % n->cfg.queue] = i;
	}
	dgram_poke(n, m->node);
}

/* --- from a core --------------------------------------------------------------- */

static void send_copy(struct dgram_net *n, struct dgram_packet *p, int to, lan_time extra, unsigned flips)
{
	lan_time d = n->cfg.latency + rng_below(&n->rng, n->cfg.jitter + 1) + extra;

	sim_at(n->cfg.sim, sim_now(n->cfg.sim) + d, arrive, n, copy_new(n, p, to, flips));
}

static void deliver(struct dgram_net *n, struct dgram_packet *p, int to)
{
	const struct dgram_faults *f = &n->faults;
	unsigned flips = 0;
	lan_time extra = 0;

	if (p->from >= 0 && n->m[p->from]->group != n->m[to]->group)
		return;
	if (p->from != to && rng_ppm(&n->rng, n->m[to]->loss))
		return;
	if (rng_ppm(&n->rng, f->dup))
		send_copy(n, p, to, rng_below(&n->rng, f->delay_max + 1), 0);
	if (rng_ppm(&n->rng, f->delay))
		extra = rng_below(&n->rng, f->delay_max + 1);
	if (p->from != to && rng_ppm(&n->rng, f->flip))
		flips = 1 + (unsigned)rng_below(&n->rng, 8);
	send_copy(n, p, to, extra, flips);
}

static void hash_in(struct dgram_net *n, const struct dgram_packet *p)
{
	uint64_t h = n->hash ^ sim_now(n->cfg.sim) ^ (uint64_t)(p->from + 1) << 40 ^ p->len;

	for (size_t i = 0; i < p->len; i++)
		h = (h ^ p->data[i]) * 0x100000001b3u;
	n->hash = h;
}

static struct dgram_packet *packet_new(struct dgram_net *n, int from, const void *bytes, size_t len)
{
	struct dgram_packet *p = grow(NULL, sizeof *p);

	*p = (struct dgram_packet){
		.data = grow(NULL, len + 1), .len = len, .id = ++n->ids, .from = from, .refs = 1};
	memcpy(p->data, bytes, len);
	hash_in(n, p);
	n->cfg.sent(n->cfg.ctx, p);
	return p;
}

void dgram_flush(struct dgram_net *n, int member)
{
	struct member *m = n->m[member];
	size_t len;

	while (m->core && !sim_failure(n->cfg.sim) &&
		(len = m->spec.ops->output(m->core, sim_now(n->cfg.sim), n->out, n->cfg.cap))) {
		struct dgram_packet *p = packet_new(n, member, n->out, len);

		for (int i = 0; i < n->n_m; i++)
			if (i != member || n->cfg.loopback)
				deliver(n, p, i);
		dgram_release(p);
	}
}

static void drain(void *ctx, lan_time now)
{
	struct member *m = ctx;
	struct dgram_net *n = m->net;
	bool more;

	do {
		while (m->len && m->spec.ops->open(m->core) && !sim_failure(n->cfg.sim)) {
			uint32_t i = m->queue[m->head];

			m->head = (m->head + 1) % n->cfg.queue;
			m->len--;
			give(n, m, i);
		}
		m->spec.pull(m->spec.ctx, now);
		dgram_flush(n, m->node);
		more = m->len && m->spec.ops->open(m->core);
	} while (more && !sim_failure(n->cfg.sim));
}

/* --- a node of the engine -------------------------------------------------------- */

static void node_tick(void *core, lan_time now)
{
	struct member *m = core;

	m->spec.ops->tick(m->core, now);
}

static lan_time node_deadline(const void *core)
{
	const struct member *m = core;

	return m->spec.ops->deadline(m->core);
}

static bool node_want(void *core, struct lan_want *w)
{
	return false;
}

static const struct lan_stream_ops node_ops = {
	.name = "datagrams", .tick = node_tick, .deadline = node_deadline, .want = node_want};

static void *node_boot(void *ctx, const struct lan_env *env)
{
	struct member *m = ctx;

	m->core = m->spec.boot(m->spec.ctx, env);
	return m->core ? m : NULL;
}

static void node_bury(void *ctx, void *core)
{
	struct member *m = ctx;

	m->spec.bury(m->spec.ctx, m->core);
	m->core = NULL;
	while (m->len) {
		copy_free(m->net, m->queue[m->head]);
		m->head = (m->head + 1) % m->net->cfg.queue;
		m->len--;
	}
	m->overruns = 0;
	if (m->taken)
		memset(m->taken, 0, m->taken_words * sizeof *m->taken);
}

int dgram_add(struct dgram_net *n, const struct dgram_member *spec)
{
	struct member *m = grow(NULL, sizeof *m);

	*m = (struct member){.spec = *spec, .net = n, .queue = grow(NULL, n->cfg.queue * sizeof *m->queue)};
	n->m = grow(n->m, (size_t)(n->n_m + 1) * sizeof(struct member *));
	n->m[n->n_m++] = m;
	m->node = sim_add(n->cfg.sim, &(struct sim_node_spec){.name = spec->name,
					      .ops = &node_ops,
					      .ctx = m,
					      .boot = node_boot,
					      .bury = node_bury,
					      .drain = drain,
					      .dials = -1});
	return m->node;
}

void dgram_start(struct dgram_net *n, int member)
{
	sim_start(n->cfg.sim, member);
}

void dgram_crash(struct dgram_net *n, int member)
{
	sim_crash(n->cfg.sim, member, SIM_SILENT);
}

void dgram_poke(struct dgram_net *n, int member)
{
	sim_poke(n->cfg.sim, member);
}

bool dgram_up(const struct dgram_net *n, int member)
{
	return n->m[member]->core != NULL;
}

/* --- faults and the attacker ------------------------------------------------------ */

void dgram_set_faults(struct dgram_net *n, const struct dgram_faults *f)
{
	n->faults = *f;
}

void dgram_set_loss(struct dgram_net *n, int member, uint32_t ppm)
{
	n->m[member]->loss = ppm;
}

void dgram_set_group(struct dgram_net *n, int member, int group)
{
	n->m[member]->group = group;
}

void dgram_replay(struct dgram_net *n, struct dgram_packet *p, int member, lan_time delay, unsigned flips)
{
	for (int i = 0; i < n->n_m; i++)
		if (member < 0 || member == i)
			send_copy(n, p, i, delay, flips);
}

void dgram_inject(struct dgram_net *n, const void *bytes, size_t len, int member)
{
	struct dgram_packet *p = packet_new(n, -1, bytes, len);

	dgram_replay(n, p, member, 0, 0);
	dgram_release(p);
}

uint64_t dgram_hash(const struct dgram_net *n)
{
	return n->hash;
}

uint64_t dgram_taken(const struct dgram_net *n)
{
	return n->given;
}
