/*
 * sim_frame.c - see sim_frame.h. Each node is a node of the engine whose stream
 * operations are empty (as in sim_dgram.c): the engine brings clock, random early
 * and late ticks, the watch over cores that spin; drain() does the driver's work.
 *
 * The driver's order is that of the real one: all that waits is read before a due
 * deadline is run, so that a node that was stopped hears its neighbours before it
 * judges them; then the application, then frames out.
 */
#include <stdlib.h>
#include <string.h>
#include "sim_frame.h"

#define SPATE 50000 /* frames at one moment: a core that never stops */

struct copy { /* on its way to one port */
	struct frame_packet *p;
	int to;
	uint32_t hurt_at, cut_to; /* octet + 1; length. 0: not */
	uint8_t hurt;
	uint32_t next; /* of the free ones */
};

struct port {
	int node, segment;
	uint32_t link, waiting, loss;
	uint8_t mac[6];
	bool carrier, dumb, deaf;
};

struct member {
	struct frame_node spec;
	struct frame_net *net;
	int node, ports[FRAME_PORTS], n_ports;
	void *core;
	lan_time paused;
	uint32_t *queue; /* copies that wait on its sockets */
	size_t len, cap;
};

struct segment {
	lan_time latency, jitter;
	bool pad;
};

struct frame_net {
	struct frame_config cfg;
	struct frame_faults faults;
	struct rng rng;
	struct member **m;
	struct port *port;
	struct segment *seg;
	int n_m, n_port, n_seg;
	struct copy *copies;
	uint32_t n_copies, free_copy; /* index + 1 */
	uint64_t ids, hash, given;
};

static void *grow(void *p, size_t n)
{
	void *q = realloc(p, n);

	if (!q)
		abort();
	return q;
}

struct frame_net *frame_new(const struct frame_config *cfg)
{
	struct frame_net *n = grow(NULL, sizeof *n);

	memset(n, 0, sizeof *n);
	n->cfg = *cfg;
	n->hash = 0xcbf29ce484222325u;
	rng_init(&n->rng, cfg->seed);
	return n;
}

void frame_free(struct frame_net *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->n_copies; i++)
		frame_release(n->copies[i].p);
	for (int i = 0; i < n->n_m; i++) {
		free(n->m[i]->queue);
		free(n->m[i]);
	}
	free(n->m);
	free(n->port);
	free(n->seg);
	free(n->copies);
	free(n);
}

struct frame_packet *frame_hold(const struct frame_packet *p)
{
	struct frame_packet *q = (struct frame_packet *)p;

	q->refs++;
	return q;
}

void frame_release(struct frame_packet *p)
{
	if (p && !--p->refs) {
		free(p->data);
		free(p);
	}
}

static uint32_t copy_new(struct frame_net *n, struct frame_packet *p, int to)
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
	n->copies[i] = (struct copy){.p = frame_hold(p), .to = to};
	return i;
}

static void copy_free(struct frame_net *n, uint32_t i)
{
	frame_release(n->copies[i].p);
	n->copies[i].p = NULL;
	n->copies[i].next = n->free_copy;
	n->free_copy = i + 1;
}

/* --- towards a core ---------------------------------------------------------- */

static void give(struct frame_net *n, struct member *m, uint32_t i)
{
	struct copy c = n->copies[i];
	struct port *to = &n->port[c.to];
	uint8_t buf[FRAME_MAX];
	size_t len = c.cut_to ? c.cut_to : c.p->len;
	enum lan_err e;

	memcpy(buf, c.p->data, len);
	if (c.hurt_at && c.hurt_at <= len)
		buf[c.hurt_at - 1] ^= c.hurt;
	e = m->spec.ops->input(m->core, sim_now(n->cfg.sim), to->link, c.p->src, buf, len);
	n->given++;
	if (n->cfg.verbose)
		sim_note(n->cfg.sim, "%s <- #%llu%s%s by %u: %s", m->spec.name, (unsigned long long)c.p->id,
			c.hurt_at ? " damaged" : "", c.cut_to ? " cut" : "", to->link, lan_err_name(e));
	n->cfg.judged(n->cfg.ctx, c.to, c.p, e);
	copy_free(n, i);
}

static void take_in(struct member *m)
{
	struct frame_net *n = m->net;

	for (size_t i = 0; i < m->len && m->core; i++) {
		n->port[n->copies[m->queue[i]].to].waiting--;
		give(n, m, m->queue[i]);
	}
	m->len = 0;
}

static void arrive(void *ctx, uint64_t arg)
{
	struct frame_net *n = ctx;
	uint32_t i = (uint32_t)arg;
	struct port *to = &n->port[n->copies[i].to];
	struct member *m = n->m[to->node];

	if (!m->core || !to->carrier || to->deaf || to->waiting >= n->cfg.queue) {
		copy_free(n, i);
		return;
	}
	if (m->len == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 16;
		m->queue = grow(m->queue, m->cap * sizeof *m->queue);
	}
	to->waiting++;
	m->queue[m->len++] = i;
	frame_poke(n, to->node);
}

/* --- from a core --------------------------------------------------------------- */

static void send_copy(struct frame_net *n, struct frame_packet *p, int to, lan_time extra)
{
	const struct segment *s = &n->seg[p->segment];
	const struct frame_faults *f = &n->faults;
	lan_time d = s->latency + rng_below(&n->rng, s->jitter + 1) + extra;
	uint32_t i = copy_new(n, p, to);
	size_t most = p->solid < p->len ? p->solid : p->len;

	if (rng_ppm(&n->rng, f->flip) && most) {
		n->copies[i].hurt_at = 1 + (uint32_t)rng_below(&n->rng, most);
		n->copies[i].hurt = (uint8_t)(1 + rng_below(&n->rng, 255));
	}
	if (rng_ppm(&n->rng, f->cut) && most > 1)
		n->copies[i].cut_to = 1 + (uint32_t)rng_below(&n->rng, most - 1);
	sim_at(n->cfg.sim, sim_now(n->cfg.sim) + d, arrive, n, i);
}

static void deliver(struct frame_net *n, struct frame_packet *p, int to)
{
	const struct frame_faults *f = &n->faults;
	lan_time extra = 0;

	if (!n->port[to].carrier || n->port[to].deaf)
		return;
	if (rng_ppm(&n->rng, f->loss) || rng_ppm(&n->rng, n->port[to].loss))
		return;
	if (!p->single && rng_ppm(&n->rng, f->dup))
		send_copy(n, p, to, rng_below(&n->rng, f->delay_max + 1));
	if (!p->single && rng_ppm(&n->rng, f->delay))
		extra = rng_below(&n->rng, f->delay_max + 1);
	send_copy(n, p, to, extra);
}

static void to_all(struct frame_net *n, struct frame_packet *p, lan_time delay, bool lucky)
{
	for (int i = 0; i < n->n_port; i++) {
		const struct port *to = &n->port[i];

		if (to->segment != p->segment || i == p->port)
			continue;
		if (!(p->to[0] & 1) && memcmp(p->to, to->mac, 6) != 0)
			continue;
		if (lucky)
			send_copy(n, p, i, delay);
		else
			deliver(n, p, i);
	}
}

static void hash_in(struct frame_net *n, const struct frame_packet *p)
{
	uint64_t h = n->hash ^ sim_now(n->cfg.sim) ^ (uint64_t)(p->port + 1) << 40 ^ p->len ^
		     (uint64_t)p->to[5] << 32;

	for (size_t i = 0; i < p->len; i++)
		h = (h ^ p->data[i]) * 0x100000001b3u;
	n->hash = h;
}

static struct frame_packet *packet_new(struct frame_net *n, int segment, int port, const uint8_t src[6],
	const uint8_t to[6], const void *bytes, size_t len)
{
	struct frame_packet *p = grow(NULL, sizeof *p);
	size_t padded = n->seg[segment].pad && len < 46 ? 46 : len;

	*p = (struct frame_packet){.data = grow(NULL, padded + 1),
		.len = padded,
		.id = ++n->ids,
		.port = port,
		.segment = segment,
		.solid = UINT32_MAX,
		.refs = 1};
	memset(p->data, 0, padded);
	memcpy(p->data, bytes, len);
	memcpy(p->src, src, 6);
	memcpy(p->to, to, 6);
	hash_in(n, p);
	n->cfg.sent(n->cfg.ctx, p);
	return p;
}

static void put_out(struct member *m, int port, const uint8_t to[6], const uint8_t *buf, size_t len)
{
	struct frame_net *n = m->net;
	struct port *from = &n->port[port];
	struct frame_packet *p;

	p = packet_new(n, from->segment, port, from->mac, to, buf, len);
	if (!from->carrier || rng_ppm(&n->rng, n->faults.refuse))
		m->spec.ops->unsent(m->core, sim_now(n->cfg.sim), from->link, LAN_ERR_IO);
	else if (!from->dumb)
		to_all(n, p, 0, false);
	frame_release(p);
}

static void flush(struct member *m)
{
	struct frame_net *n = m->net;
	uint8_t buf[FRAME_MAX], to[6];
	unsigned left = SPATE;
	uint32_t link;
	size_t len;

	while (m->core && !sim_failure(n->cfg.sim) && m->spec.ops->want(m->core, &link)) {
		if (!link || link > (uint32_t)m->n_ports) {
			sim_fail(n->cfg.sim, "%s wants to send by link %u", m->spec.name, link);
			return;
		}
		while ((len = m->spec.ops->output(m->core, sim_now(n->cfg.sim), link, to, buf, sizeof buf))) {
			put_out(m, m->ports[link - 1], to, buf, len);
			if (!--left) {
				sim_fail(n->cfg.sim, "%s sends without an end", m->spec.name);
				return;
			}
		}
	}
}

static void drain(void *ctx, lan_time now)
{
	struct member *m = ctx;
	struct frame_net *n = m->net;

	if (m->paused > now)
		return;
	do {
		take_in(m);
		m->spec.pull(m->spec.ctx, now);
		flush(m);
	} while (m->core && m->len && !sim_failure(n->cfg.sim));
}

/* --- a node of the engine -------------------------------------------------------- */

static void node_tick(void *core, lan_time now)
{
	struct member *m = core;

	if (m->paused > now)
		return;
	take_in(m);
	m->spec.ops->tick(m->core, now);
}

static lan_time node_deadline(const void *core)
{
	const struct member *m = core;
	lan_time at = m->spec.ops->deadline(m->core);

	return at < m->paused ? m->paused : at;
}

static bool node_want(void *core, struct lan_want *w)
{
	return false;
}

static const struct lan_stream_ops node_ops = {
	.name = "frames", .tick = node_tick, .deadline = node_deadline, .want = node_want};

static void *node_boot(void *ctx, const struct lan_env *env)
{
	struct member *m = ctx;

	m->paused = 0;
	m->core = m->spec.boot(m->spec.ctx, env);
	return m->core ? m : NULL;
}

static void node_bury(void *ctx, void *core)
{
	struct member *m = ctx;

	m->spec.bury(m->spec.ctx, m->core);
	m->core = NULL;
	for (size_t i = 0; i < m->len; i++) {
		m->net->port[m->net->copies[m->queue[i]].to].waiting--;
		copy_free(m->net, m->queue[i]);
	}
	m->len = 0;
}

int frame_add(struct frame_net *n, const struct frame_node *spec)
{
	struct member *m = grow(NULL, sizeof *m);

	*m = (struct member){.spec = *spec, .net = n};
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

int frame_segment(struct frame_net *n, lan_time latency, lan_time jitter, bool pad)
{
	n->seg = grow(n->seg, (size_t)(n->n_seg + 1) * sizeof *n->seg);
	n->seg[n->n_seg] = (struct segment){.latency = latency, .jitter = jitter, .pad = pad};
	return n->n_seg++;
}

int frame_port(struct frame_net *n, int node, int segment, const uint8_t mac[6])
{
	struct member *m = n->m[node];
	struct port *p;

	n->port = grow(n->port, (size_t)(n->n_port + 1) * sizeof *n->port);
	p = &n->port[n->n_port];
	*p = (struct port){.node = node, .segment = segment, .carrier = true};
	memcpy(p->mac, mac, 6);
	m->ports[m->n_ports++] = n->n_port;
	p->link = (uint32_t)m->n_ports;
	return n->n_port++;
}

void frame_start(struct frame_net *n, int node)
{
	sim_start(n->cfg.sim, node);
}

void frame_crash(struct frame_net *n, int node)
{
	sim_crash(n->cfg.sim, node, SIM_SILENT);
}

void frame_poke(struct frame_net *n, int node)
{
	sim_poke(n->cfg.sim, node);
}

bool frame_up(const struct frame_net *n, int node)
{
	return n->m[node]->core != NULL;
}

int frame_nodes(const struct frame_net *n)
{
	return n->n_m;
}

static void wake(void *ctx, uint64_t node)
{
	frame_poke(ctx, (int)node);
}

void frame_pause(struct frame_net *n, int node, lan_time until)
{
	n->m[node]->paused = until;
	sim_at(n->cfg.sim, until, wake, n, (uint64_t)node);
}

bool frame_paused(const struct frame_net *n, int node)
{
	return n->m[node]->paused > sim_now(n->cfg.sim);
}

/* --- faults and others ------------------------------------------------------------- */

void frame_carrier(struct frame_net *n, int port, bool up)
{
	n->port[port].carrier = up;
}

void frame_block(struct frame_net *n, int port, bool out, bool in)
{
	n->port[port].dumb = out;
	n->port[port].deaf = in;
}

void frame_set_faults(struct frame_net *n, const struct frame_faults *f)
{
	n->faults = *f;
}

void frame_in_order(struct frame_net *n)
{
	for (int i = 0; i < n->n_seg; i++)
		n->seg[i].jitter = 0;
}

void frame_set_loss(struct frame_net *n, int port, uint32_t ppm)
{
	n->port[port].loss = ppm;
}

void frame_inject(struct frame_net *n, int segment, const uint8_t src[6], const uint8_t to[6],
	const void *bytes, size_t len)
{
	struct frame_packet *p = packet_new(n, segment, -1, src, to, bytes, len);

	to_all(n, p, 0, true);
	frame_release(p);
}

/* As if it came from the same port again. */
void frame_replay(struct frame_net *n, struct frame_packet *p, lan_time delay)
{
	to_all(n, p, delay, true);
}

uint64_t frame_hash(const struct frame_net *n)
{
	return n->hash;
}

uint64_t frame_given(const struct frame_net *n)
{
	return n->given;
}
