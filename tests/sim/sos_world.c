/*
 * sos_world.c - see sos_world.h. What a program around the cores would do: it lists slaves, tells networks
 * that come and go, and starts again what has died. A slave's node lives on one segment, a master's on all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sos_world.h"

#define ETHERNET_OVERHEAD 20
#define RADIO_OVERHEAD    11

void sworld_init(struct sworld *w, const struct sim_config *sc, const struct ep_config *ec, uint64_t seed)
{
	struct ep_config e = *ec;

	memset(w, 0, sizeof *w);
	rng_init(&w->rng, seed ^ 0x636173616e);
	w->sim = sim_new(sc);
	w->verbose = sc->verbose;
	e.sim = w->sim;
	e.sent = sledger_sent;
	e.ctx = w;
	w->net = ep_new(&e);
}

void sworld_fini(struct sworld *w)
{
	sim_free(w->sim);
	ep_free(w->net);
	for (int i = 0; i < w->n_slave; i++) {
		free(w->slave[i].v.until);
		free(w->slave[i].c.until);
		free(w->slave[i].b.until);
	}
	free(w->req);
}

int sworld_segment(struct sworld *w, bool radio, uint32_t mtu, lan_time latency, lan_time jitter)
{
	uint32_t overhead = radio ? RADIO_OVERHEAD : ETHERNET_OVERHEAD;

	w->seg[w->n_seg] = (struct sw_segment){.mtu = mtu, .overhead = overhead, .radio = radio};
	ep_segment(w->net, latency, jitter, (radio ? 127 : 1518) - overhead, radio);
	return w->n_seg++;
}

/* The number-th address a node has there. */
struct ep_addr sworld_address(const struct sworld *w, int segment, int node, uint32_t number)
{
	struct ep_addr a = {.len = 6,
		.a = {2, (uint8_t)segment, 0, (uint8_t)number, (uint8_t)(node >> 8), (uint8_t)node}};

	if (w->seg[segment].radio)
		a = (struct ep_addr){.len = 2, .a = {(uint8_t)(node + 1), (uint8_t)number}};
	return a;
}

struct sw_slave *sworld_by_id(struct sworld *w, uint32_t id)
{
	for (int i = 0; i < w->n_slave; i++)
		if (w->slave[i].id == id)
			return &w->slave[i];
	return NULL;
}

bool sworld_is_ours(const struct sw_slave *s)
{
	return s->kind <= SW_COMPAT;
}

void sworld_poke_slave(struct sw_slave *s)
{
	ep_poke(s->w->net, s->node);
}

void sworld_poke_master(struct sw_master *m)
{
	ep_poke(m->w->net, m->node);
}

static void must(struct sworld *w, const char *who, const char *what, enum lan_err e)
{
	if (e != LAN_OK && !(e == LAN_ERR_NOMEM && w->memory_fails))
		sim_fail(w->sim, "%s: %s says %s", who, what, lan_err_name(e));
}

/* --- masters -------------------------------------------------------------------------- */

static bool fill(struct sw_master *m)
{
	struct sworld *w = m->w;
	enum lan_err e = LAN_OK;

	for (int i = 0; i < w->n_seg && !e; i++)
		e = sos_master_link(
			m->core, sim_now(w->sim), (uint32_t)i + 1, w->seg[i].mtu, w->seg[i].overhead, true);
	for (int i = 0; i < w->n_slave && !e; i++) {
		const struct sw_slave *s = &w->slave[i];
		struct sos_member_config c = {
			.id = s->id, .ttl = s->ttl, .key = s->kind == SW_KEYED ? s->key : NULL};

		e = sos_master_add(m->core, sim_now(w->sim), &c);
	}
	must(w, m->name, "sos_master_link or _add", e);
	return !e;
}

static void bury_master(void *ctx, void *core)
{
	struct sw_master *m = ctx;

	sos_master_free(m->core);
	sos_cache_free(m->cache);
	m->core = NULL;
	m->cache = NULL;
}

static void *boot_master(void *ctx, const struct lan_env *env)
{
	struct sw_master *m = ctx;
	uint64_t seed[2] = {rng_next(&m->w->rng), rng_next(&m->w->rng)};
	enum lan_err e = sos_master_new(env, &m->cfg, &m->core);

	must(m->w, m->name, "sos_master_new", e);
	if (e)
		return NULL;
	e = sos_cache_new(seed, 32, 8192, &m->cache);
	must(m->w, m->name, "sos_cache_new", e);
	m->boot++;
	sask_void(m);
	if (!e && fill(m)) {
		m->hello_id = sos_master_hello_id(m->core);
		sim_note(m->w->sim, "%s starts, hello %u", m->name, m->hello_id);
		return m->core;
	}
	bury_master(m, m->core);
	return NULL;
}

struct sw_master *sworld_master(struct sworld *w, const struct sos_master_config *cfg)
{
	struct sw_master *m = &w->master[w->n_master];

	*m = (struct sw_master){.w = w, .index = w->n_master, .cfg = *cfg};
	snprintf(m->name, sizeof m->name, "master%d", w->n_master++);
	m->node = ep_add(w->net, &(struct ep_node){.name = m->name,
					 .ops = &sos_master_ops,
					 .ctx = m,
					 .boot = boot_master,
					 .bury = bury_master,
					 .pull = sask_pull});
	for (int i = 0; i < w->n_seg; i++) {
		struct ep_addr a = sworld_address(w, i, m->node, 0);

		m->port[i] = ep_port(w->net, m->node, i, &a);
	}
	return m;
}

void sworld_start_master(struct sworld *w, int i)
{
	/* without memory once: it would be started again */
	for (int tries = 0; tries < 2 && !w->master[i].core; tries++)
		ep_start(w->net, w->master[i].node);
}

void sworld_crash_master(struct sworld *w, int i)
{
	if (!w->master[i].core)
		return;
	sim_note(w->sim, "%s dies", w->master[i].name);
	ep_crash(w->net, w->master[i].node);
	for (size_t k = 0; k < w->n_req; k++)
		if (w->req[k].master == i && !w->req[k].done)
			w->req[k].done = sim_now(w->sim);
}

/* --- slaves ---------------------------------------------------------------------------- */

static const struct sos_resource resources[SW_RESOURCES] = {
	{.path = "v", .title = "value", .observable = true}, {.path = "u", .title = "echo"},
	{.path = "c", .rt = "number"}, {.path = "p"}, {.path = "b", .title = "big"}};

static struct sos_slave *ours_new(struct sw_slave *s, const struct lan_env *env)
{
	const struct sw_segment *seg = &s->w->seg[s->segment];
	struct sos_slave_config c = {.id = s->id,
		.epochs = {true, s->index % 3 == 0},
		.link = 1,
		.mtu = seg->mtu,
		.overhead = seg->overhead,
		.resources = resources,
		.n_resources = SW_RESOURCES,
		.key = s->kind == SW_KEYED ? s->key : NULL,
		.compat = s->kind == SW_COMPAT,
		.coap = {.max_requests = 4,
			.max_peers = 8,
			.max_incoming = 8,
			.max_dedup = 32,
			.max_observers = 4,
			.max_bodies = 2,
			.max_body = 4096}};
	struct sos_slave *core = NULL;

	must(s->w, s->name, "sos_slave_new", sos_slave_new(env, &c, &core));
	return core;
}

static struct casan *model_new(struct sw_slave *s)
{
	const struct sw_segment *seg = &s->w->seg[s->segment];
	struct casan_config c = {.id = s->id,
		.link = 1,
		.defmtu = seg->radio ? 127 : 1518,
		.overhead = seg->overhead,
		.sos = s->kind == SW_MODEL_SOS,
		.n = SW_B,
		.handle = sapp_model_handle,
		.ctx = s};

	for (int i = 0; i < c.n; i++) {
		c.name[i] = sw_names[i];
		c.title[i] = s->index % 2 ? "" : "A title, with a comma";
		c.observable[i] = i == SW_V;
	}
	return casan_new(&c);
}

static void *boot_slave(void *ctx, const struct lan_env *env)
{
	struct sw_slave *s = ctx;

	if (sworld_is_ours(s))
		s->core = ours_new(s, env);
	else
		s->model = model_new(s);
	if (s->core || s->model)
		sapp_boot(s);
	return s->core ? (void *)s->core : s->model;
}

static void bury_slave(void *ctx, void *core)
{
	struct sw_slave *s = ctx;

	sos_slave_free(s->core);
	casan_free(s->model);
	s->core = NULL;
	s->model = NULL;
}

struct sw_slave *sworld_slave(struct sworld *w, enum sw_kind kind, uint32_t id, int segment)
{
	struct sw_slave *s = &w->slave[w->n_slave];
	struct ep_addr a;

	*s = (struct sw_slave){
		.w = w, .index = w->n_slave, .kind = kind, .id = id, .segment = segment, .max_age = 5};
	snprintf(s->name, sizeof s->name, "slave%d", w->n_slave++);
	for (size_t i = 0; i < sizeof s->key; i++)
		s->key[i] = (uint8_t)rng_next(&w->rng);
	s->node = ep_add(w->net, &(struct ep_node){.name = s->name,
					 .ops = sworld_is_ours(s) ? &sos_slave_ops : &casan_ops,
					 .ctx = s,
					 .boot = boot_slave,
					 .bury = bury_slave,
					 .pull = sapp_pull});
	a = sworld_address(w, segment, s->node, s->moves);
	s->port = ep_port(w->net, s->node, segment, &a);
	return s;
}

void sworld_start_slave(struct sworld *w, int i)
{
	struct sw_slave *s = &w->slave[i];

	if (s->core || s->model)
		return;
	sim_note(w->sim, "%s (id %u) starts", s->name, s->id);
	for (int tries = 0; tries < 2 && !s->core && !s->model; tries++)
		ep_start(w->net, s->node);
}

void sworld_crash_slave(struct sworld *w, int i)
{
	if (!w->slave[i].core && !w->slave[i].model)
		return;
	sim_note(w->sim, "%s dies", w->slave[i].name);
	ep_crash(w->net, w->slave[i].node);
}

void sworld_move(struct sworld *w, int slave)
{
	struct sw_slave *s = &w->slave[slave];
	struct ep_addr a = sworld_address(w, s->segment, s->node, ++s->moves);

	sim_note(w->sim, "%s moves", s->name);
	ep_address(w->net, s->port, &a);
	if (s->core && !ep_paused(w->net, s->node) && rng_below(&w->rng, 2)) { /* its program noticed */
		sos_slave_network(s->core, sim_now(w->sim), 1, false);
		sos_slave_network(s->core, sim_now(w->sim), 1, true);
	}
	sworld_poke_slave(s);
}

bool sworld_runs(const struct sw_slave *s, int *master)
{
	struct sworld *w = s->w;
	struct lan_ep at = {0};
	struct sos_slave_status st;

	*master = -1;
	if (s->core) {
		sos_slave_status(s->core, &st);
		if (st.state < SOS_RUNNING || !st.have_master)
			return false;
		at = st.master;
	} else if (s->model) {
		if (casan_state(s->model) < CASAN_RUNNING)
			return false;
		at = *casan_master(s->model);
	} else {
		return false;
	}
	for (int i = 0; i < w->n_master; i++) {
		struct ep_addr a = sworld_address(w, s->segment, w->master[i].node, 0);

		if (a.len == at.len && !memcmp(a.a, at.addr, a.len))
			*master = i;
	}
	return true;
}
