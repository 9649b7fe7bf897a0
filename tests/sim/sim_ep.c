/*
 * sim_ep.c - see sim_ep.h. Each node is a node of the engine whose stream operations are empty (as in
 * sim_frame.c): the engine brings clock, random early and late ticks, the watch over cores that spin; drain()
 * does the driver's work.
 *
 * The driver's order is that of the real one: all that waits is read before a due deadline is run; then the
 * application, then messages out.
 */
#include "sim_ep.h"

#include <stdlib.h>
#include <string.h>

#define SPATE 50000 /* messages at one moment: a core that never stops */

struct copy { /* on its way to one port */
	struct ep_packet *p;
	int to;
	uint32_t next; /* of the free ones */
};

struct port {
	int node, segment, group;
	uint32_t link, waiting;
	struct ep_addr addr;
	bool carrier, dumb, deaf;
};

struct member {
	struct ep_node spec;
	struct ep_net *net;
	int node, ports[EP_PORTS], n_ports;
	void *core;
	lan_time paused;
	uint32_t *queue; /* copies that wait at its ports */
	size_t len, cap;
};

struct segment {
	lan_time latency, jitter;
	uint32_t mtu;
	bool acks;
};

struct ep_net {
	struct ep_config cfg;
	struct ep_faults faults;
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

struct ep_net *ep_new(const struct ep_config *cfg)
{
	struct ep_net *n = grow(NULL, sizeof *n);

	memset(n, 0, sizeof *n);
	n->cfg = *cfg;
	n->hash = 0xcbf29ce484222325u;
	rng_init(&n->rng, cfg->seed);
	return n;
}

void ep_free(struct ep_net *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->n_copies; i++)
		ep_release(n->copies[i].p);
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

struct ep_packet *ep_hold(const struct ep_packet *p)
{
	struct ep_packet *q = (struct ep_packet *)p;

	q->refs++;
	return q;
}

void ep_release(struct ep_packet *p)
{
	if (p && !--p->refs) {
		free(p->data);
		free(p);
	}
}

static uint32_t copy_new(struct ep_net *n, struct ep_packet *p, int to)
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
	n->copies[i] = (struct copy){.p = ep_hold(p), .to = to};
	return i;
}

static void copy_free(struct ep_net *n, uint32_t i)
{
	ep_release(n->copies[i].p);
	n->copies[i].p = NULL;
	n->copies[i].next = n->free_copy;
	n->free_copy = i + 1;
}

static bool same_addr(const struct ep_addr *a, const struct ep_addr *b)
{
	return a->len == b->len && memcmp(a->a, b->a, a->len) == 0;
}

static struct lan_ep outside(const struct ep_addr *a, uint32_t link)
{
	struct lan_ep e = {.link = link, .len = a->len};

	memcpy(e.addr, a->a, a->len);
	return e;
}

/* --- towards a core ---------------------------------------------------------- */

static void give(struct ep_net *n, struct member *m, uint32_t i)
{
	struct copy c = n->copies[i];
	struct lan_ep from = outside(&c.p->src, n->port[c.to].link);
	uint8_t *buf = grow(NULL, c.p->len + 1); /* of its own: what reads behind it is found */
	enum lan_err e;

	memcpy(buf, c.p->data, c.p->len);
	e = m->spec.ops->input(m->core, sim_now(n->cfg.sim), &from, c.p->to.len == 0, buf, c.p->len);
	free(buf);
	n->given++;
	if (n->cfg.verbose)
		sim_note(n->cfg.sim, "%s <- #%llu: %s", m->spec.name, (unsigned long long)c.p->id,
			lan_err_name(e));
	if (n->cfg.judged)
		n->cfg.judged(n->cfg.ctx, c.to, c.p, e);
	copy_free(n, i);
}

static bool has_room(const struct member *m)
{
	return !m->spec.ops->open || m->spec.ops->open(m->core);
}

/* False: something is left for which there is no room. */
static bool take_in(struct member *m)
{
	struct ep_net *n = m->net;
	size_t i = 0;

	for (; i < m->len && m->core && has_room(m); i++) {
		n->port[n->copies[m->queue[i]].to].waiting--;
		give(n, m, m->queue[i]);
	}
	m->len -= i;
	if (i && m->len)
		memmove(m->queue, m->queue + i, m->len * sizeof *m->queue);
	return m->len == 0;
}

static void arrive(void *ctx, uint64_t arg)
{
	struct ep_net *n = ctx;
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
	ep_poke(n, to->node);
}

/* --- from a core --------------------------------------------------------------- */

static void send_copy(struct ep_net *n, struct ep_packet *p, int to, lan_time extra)
{
	const struct segment *s = &n->seg[p->segment];
	lan_time d = s->latency + rng_below(&n->rng, s->jitter + 1) + extra;

	sim_at(n->cfg.sim, sim_now(n->cfg.sim) + d, arrive, n, copy_new(n, p, to));
}

/* Whether it is on its way. */
static bool deliver(struct ep_net *n, struct ep_packet *p, int to)
{
	const struct ep_faults *f = &n->faults;
	lan_time extra = 0;

	if (!n->port[to].carrier || n->port[to].deaf || !n->m[n->port[to].node]->core)
		return false;
	if (rng_ppm(&n->rng, f->loss))
		return false;
	if (!p->single && rng_ppm(&n->rng, f->dup))
		send_copy(n, p, to, rng_below(&n->rng, f->delay_max + 1));
	if (!p->single && rng_ppm(&n->rng, f->delay))
		extra = rng_below(&n->rng, f->delay_max + 1);
	send_copy(n, p, to, extra);
	return true;
}

static bool to_all(struct ep_net *n, struct ep_packet *p, lan_time delay, bool lucky)
{
	bool taken = false;

	for (int i = 0; i < n->n_port; i++) {
		const struct port *to = &n->port[i];

		if (to->segment != p->segment || i == p->port)
			continue;
		if (p->port >= 0 && n->port[p->port].group != to->group)
			continue;
		if (p->to.len && !same_addr(&p->to, &to->addr))
			continue;
		if (lucky)
			send_copy(n, p, i, delay);
		else
			taken |= deliver(n, p, i);
	}
	return taken;
}

static void hash_in(struct ep_net *n, const struct ep_packet *p)
{
	uint64_t h = n->hash ^ sim_now(n->cfg.sim) ^ (uint64_t)(p->port + 1) << 40 ^ p->len ^
		     (uint64_t)p->to.a[5] << 32;

	for (size_t i = 0; i < p->len; i++)
		h = (h ^ p->data[i]) * 0x100000001b3u;
	n->hash = h;
}

static struct ep_packet *packet_new(struct ep_net *n, int segment, int port, const struct ep_addr *src,
	const struct ep_addr *to, const void *bytes, size_t len)
{
	struct ep_packet *p = grow(NULL, sizeof *p);

	*p = (struct ep_packet){.data = grow(NULL, len + 1),
		.len = len,
		.id = ++n->ids,
		.src = *src,
		.to = *to,
		.port = port,
		.segment = segment,
		.refs = 1};
	memcpy(p->data, bytes, len);
	hash_in(n, p);
	if (n->cfg.sent)
		n->cfg.sent(n->cfg.ctx, p);
	return p;
}

/* A message of which the sender is told that nobody took it. */
static void tell_untaken(void *ctx, uint64_t arg)
{
	struct ep_net *n = ctx;
	struct copy c = n->copies[arg];
	struct port *from = &n->port[c.p->port];
	struct member *m = n->m[from->node];
	struct lan_ep to = outside(&c.p->to, from->link);

	if (m->core && m->paused <= sim_now(n->cfg.sim) && m->spec.ops->unsent) {
		m->spec.ops->unsent(m->core, sim_now(n->cfg.sim), &to, LAN_ERR_UNREACH);
		ep_poke(n, from->node);
	}
	copy_free(n, (uint32_t)arg);
}

static void put_out(
	struct member *m, struct port *from, const struct lan_ep *to, const uint8_t *buf, size_t len)
{
	struct ep_net *n = m->net;
	const struct segment *s = &n->seg[from->segment];
	struct ep_addr addr = {.len = to->len};
	struct ep_packet *p;

	memcpy(addr.a, to->addr, to->len < EP_ADDR ? to->len : EP_ADDR);
	p = packet_new(n, from->segment, m->ports[to->link - 1], &from->addr, &addr, buf, len);
	if (len > s->mtu)
		sim_fail(n->cfg.sim, "%s sends %zu octets where %u fit", m->spec.name, len, s->mtu);
	if (!from->carrier || rng_ppm(&n->rng, n->faults.refuse)) {
		if (m->spec.ops->unsent)
			m->spec.ops->unsent(m->core, sim_now(n->cfg.sim), to, LAN_ERR_IO);
	} else if ((from->dumb || !to_all(n, p, 0, false)) && s->acks && addr.len) {
		sim_at(n->cfg.sim, sim_now(n->cfg.sim) + 3 * s->latency, tell_untaken, n,
			copy_new(n, p, m->ports[to->link - 1]));
	}
	ep_release(p);
}

static void flush(struct member *m)
{
	struct ep_net *n = m->net;
	uint8_t buf[EP_MAX];
	unsigned left = SPATE;
	struct lan_ep to;
	size_t len;

	while (m->core && !sim_failure(n->cfg.sim) &&
		(len = m->spec.ops->output(m->core, sim_now(n->cfg.sim), &to, buf, sizeof buf))) {
		if (!to.link || to.link > (uint32_t)m->n_ports || !--left) {
			sim_fail(n->cfg.sim, "%s sends %s", m->spec.name,
				left ? "by a link that is not there" : "without an end");
			return;
		}
		put_out(m, &n->port[m->ports[to.link - 1]], &to, buf, len);
	}
}

static void drain(void *ctx, lan_time now)
{
	struct member *m = ctx;
	bool all;

	if (m->paused > now)
		return;
	do {
		size_t before = m->len;

		all = take_in(m) || m->len == before;
		m->spec.pull(m->spec.ctx, now);
		flush(m);
	} while (m->core && m->len && !all && !sim_failure(m->net->cfg.sim));
}

static void wake(void *ctx, uint64_t node)
{
	ep_poke(ctx, (int)node);
}

/* --- a node of the engine -------------------------------------------------------- */

static void node_tick(void *core, lan_time now)
{
	struct member *m = core;

	if (m->paused > now)
		return;
	(void)take_in(m);
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
	.name = "messages", .tick = node_tick, .deadline = node_deadline, .want = node_want};

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

int ep_add(struct ep_net *n, const struct ep_node *spec)
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

int ep_segment(struct ep_net *n, lan_time latency, lan_time jitter, uint32_t mtu, bool acks)
{
	n->seg = grow(n->seg, (size_t)(n->n_seg + 1) * sizeof *n->seg);
	n->seg[n->n_seg] = (struct segment){.latency = latency, .jitter = jitter, .mtu = mtu, .acks = acks};
	return n->n_seg++;
}

int ep_port(struct ep_net *n, int node, int segment, const struct ep_addr *addr)
{
	struct member *m = n->m[node];
	struct port *p;

	n->port = grow(n->port, (size_t)(n->n_port + 1) * sizeof *n->port);
	p = &n->port[n->n_port];
	*p = (struct port){.node = node, .segment = segment, .addr = *addr, .carrier = true};
	m->ports[m->n_ports++] = n->n_port;
	p->link = (uint32_t)m->n_ports;
	return n->n_port++;
}

void ep_address(struct ep_net *n, int port, const struct ep_addr *addr)
{
	n->port[port].addr = *addr;
}

void ep_start(struct ep_net *n, int node)
{
	sim_start(n->cfg.sim, node);
}

void ep_crash(struct ep_net *n, int node)
{
	sim_crash(n->cfg.sim, node, SIM_SILENT);
}

void ep_poke(struct ep_net *n, int node)
{
	sim_poke(n->cfg.sim, node);
}

bool ep_up(const struct ep_net *n, int node)
{
	return n->m[node]->core != NULL;
}

void ep_pause(struct ep_net *n, int node, lan_time until)
{
	n->m[node]->paused = until;
	sim_at(n->cfg.sim, until, wake, n, (uint64_t)node);
}

bool ep_paused(const struct ep_net *n, int node)
{
	return n->m[node]->paused > sim_now(n->cfg.sim);
}

/* --- faults and others ------------------------------------------------------------- */

void ep_carrier(struct ep_net *n, int port, bool up)
{
	n->port[port].carrier = up;
}

void ep_block(struct ep_net *n, int port, bool out, bool in)
{
	n->port[port].dumb = out;
	n->port[port].deaf = in;
}

void ep_group(struct ep_net *n, int port, int group)
{
	n->port[port].group = group;
}

void ep_set_faults(struct ep_net *n, const struct ep_faults *f)
{
	n->faults = *f;
}

void ep_in_order(struct ep_net *n)
{
	for (int i = 0; i < n->n_seg; i++)
		n->seg[i].jitter = 0;
}

void ep_inject(struct ep_net *n, int segment, const struct ep_addr *src, const struct ep_addr *to,
	const void *bytes, size_t len)
{
	struct ep_packet *p = packet_new(n, segment, -1, src, to, bytes, len);

	to_all(n, p, 0, true);
	ep_release(p);
}

/* As if it came from the same address again. */
void ep_replay(struct ep_net *n, struct ep_packet *p, lan_time delay)
{
	to_all(n, p, delay, true);
}

uint64_t ep_hash(const struct ep_net *n)
{
	return n->hash;
}

uint64_t ep_given(const struct ep_net *n)
{
	return n->given;
}
