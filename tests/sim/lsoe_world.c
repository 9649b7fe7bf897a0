/*
 * lsoe_world.c - see lsoe_world.h. The part of the program around a core that is
 * not moving frames: it tells links, addresses and keys, keeps what is to outlive
 * the process, and gives it back at the next start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lsoe_world.h"

/* An allocation fails once: a program would try again. */
#define TWICE(d, call)                     \
	do {                               \
		enum lan_err e_ = (call);  \
		if (e_ == LAN_ERR_NOMEM)   \
			e_ = (call);       \
		lworld_must(d, #call, e_); \
	} while (0)

static void *grow(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		abort();
	return q;
}

void lworld_init(struct lworld *w, const struct sim_config *sc, const struct frame_config *fc, uint64_t seed,
	enum lsoe_dialect d)
{
	struct frame_config f = *fc;
	uint8_t secret[32], public_key[LAN_SIGN_PUBLIC];

	memset(w, 0, sizeof *w);
	rng_init(&w->rng, seed ^ 0x6c736f65);
	w->sim = sim_new(sc);
	w->dialect = d;
	w->verbose = sc->verbose;
	f.sim = w->sim;
	f.sent = ltap_sent;
	f.judged = ltap_judged;
	f.ctx = w;
	w->net = frame_new(&f);
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)rng_next(&w->rng);
	lan_sign_keypair(secret, public_key, w->anchor_secret);
	w->anchor = (struct lsoe_key){
		.alg = LSOE_ALG_ED25519, .len = LAN_SIGN_PUBLIC, .key = grow(NULL, LAN_SIGN_PUBLIC)};
	memcpy(w->anchor.key, public_key, LAN_SIGN_PUBLIC);
}

void lworld_fini(struct lworld *w)
{
	sim_free(w->sim);
	frame_free(w->net);
	for (int i = 0; i < w->n_node; i++) {
		lworld_forget(&w->node[i]);
		free(w->node[i].seen);
	}
	for (int i = 0; i < w->n_port; i++)
		for (int t = 0; t < 4; t++)
			free(w->port[i].list[t].e);
	free(w->anchor.key);
}

void lworld_must(struct lw_node *d, const char *what, enum lan_err e)
{
	if (e != LAN_OK && !(e == LAN_ERR_NOMEM && d->w->memory_fails))
		sim_fail(d->w->sim, "%s: %s says %s", d->name, what, lan_err_name(e));
}

const char *lworld_mac(const uint8_t mac[6])
{
	static char text[4][18];
	static unsigned at;
	char *t = text[at++ % 4];

	snprintf(t, sizeof text[0], "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	return t;
}

const uint8_t *lworld_id(const struct lworld *w, const struct lw_port *p, uint8_t *len)
{
	const struct lw_node *d = &w->node[p->node];

	*len = d->id_len ? d->id_len : 12;
	return d->id_len ? d->id : p->id;
}

struct lw_port *lworld_at(struct lworld *w, int segment, const uint8_t mac[6])
{
	for (int i = 0; i < w->n_port; i++)
		if (w->port[i].segment == segment && memcmp(w->port[i].mac, mac, 6) == 0)
			return &w->port[i];
	return NULL;
}

struct lw_port *lworld_link(struct lw_node *d, uint32_t link)
{
	return link && link <= (uint32_t)d->n_port ? &d->w->port[d->port[link - 1]] : NULL;
}

/* --- keys ------------------------------------------------------------------------ */

void lworld_key(struct lw_node *d)
{
	uint8_t secret[LAN_SIGN_SECRET];

	for (size_t i = 0; i < sizeof d->secret; i++)
		d->secret[i] = (uint8_t)rng_next(&d->w->rng);
	lan_sign_keypair(d->secret, d->public_key, secret);
	lan_sign(d->cert, d->w->anchor_secret, d->public_key, sizeof d->public_key);
}

void lworld_roll(struct lworld *w, int node)
{
	struct lw_node *d = &w->node[node], was = *d;
	struct lan_signer *s = NULL;
	enum lan_err e;

	if (!d->core || !d->signs || frame_paused(w->net, node))
		return;
	lworld_key(d);
	e = lan_signer_ed25519(d->secret, &s);
	if (e == LAN_OK)
		e = lsoe_roll(d->core, sim_now(w->sim), s, d->cert, d->certified ? sizeof d->cert : 0);
	sim_note(w->sim, "%s rolls its key: %s", d->name, lan_err_name(e));
	if (e != LAN_OK) {
		lan_signer_free(s);
		memcpy(d->secret, was.secret, sizeof d->secret);
		memcpy(d->public_key, was.public_key, sizeof d->public_key);
		memcpy(d->cert, was.cert, sizeof d->cert);
	}
	lworld_must(d, "lsoe_roll", e);
	frame_poke(w->net, node);
}

void lworld_ulpc(struct lw_node *d)
{
	struct lsoe_ulpc u = {.asn = d->asn, .have4 = true, .addr4 = {10, 0, 0, 1}, .prefix4 = 31};

	TWICE(d, lsoe_ulpc_set(d->core, sim_now(d->w->sim), &u));
	frame_poke(d->w->net, d->node);
}

/* --- links and what is announced ---------------------------------------------------- */

static struct lsoe_list list_of(const struct lw_list *from, uint8_t type)
{
	struct lsoe_list l = {0};

	for (size_t i = 0; i < from->n; i++) {
		struct lsoe_entry e = {.flags = from->e[i].flags,
			.addr = from->e[i].addr,
			.prefix = from->e[i].prefix,
			.labels = type >= LSOE_MPLS4 ? from->e[i].labels : NULL,
			.n_labels = from->e[i].n_labels};

		while (lsoe_list_add(&l, type, &e) != LAN_OK)
			; /* without memory once: the program would try again */
	}
	return l;
}

static void announce_model(struct lw_node *d, const struct lw_list *l, uint8_t type)
{
	uint8_t *b = grow(NULL, l->n * 18), *p = b;
	size_t addr = type == LSOE_IPV4 ? 4 : 16;

	for (size_t i = 0; i < l->n; i++) {
		*p++ = (uint8_t)((l->e[i].flags & LSOE_F_PRIMARY ? 0x80 : 0) |
				 (l->e[i].flags & LSOE_F_LOOPBACK ? 0x40 : 0));
		memcpy(p, l->e[i].addr, addr);
		p += addr;
		*p++ = l->e[i].prefix;
	}
	lsoed_announce(d->lsoed, sim_now(d->w->sim), type, (uint16_t)l->n, b, (size_t)(p - b));
	free(b);
}

static void announce(struct lw_node *d, struct lw_port *p, uint8_t type)
{
	enum lan_err e = LAN_ERR_NOMEM;

	if (d->model && type <= LSOE_IPV6)
		announce_model(d, &d->w->port[d->port[0]].list[type - LSOE_IPV4], type);
	if (d->model || !p->known)
		return;
	for (int i = 0; i < 2 && e == LAN_ERR_NOMEM; i++) {
		struct lsoe_list l = list_of(&p->list[type - LSOE_IPV4], type);

		e = lsoe_announce(d->core, sim_now(d->w->sim), p->link, type, &l);
	}
	lworld_must(d, "lsoe_announce", e);
}

static void link_up(struct lw_node *d, struct lw_port *p)
{
	struct lsoe_link_config l = {.link = p->link, .mtu = 1500};
	bool fresh = !p->known;

	memcpy(l.mac, p->mac, 6);
	memcpy(l.hello_to, (uint8_t[6]){1, 0x80, 0xc2, 0, 0, 0xe}, 6);
	if (d->w->dialect == LSOE_L3DL && !d->id_len) {
		l.id = p->id;
		l.id_len = 12;
	}
	TWICE(d, lsoe_link_up(d->core, sim_now(d->w->sim), &l));
	p->told = p->known = true;
	p->open_next = 0;
	if (fresh) {
		p->credit = 0;
		p->credit_at = sim_now(d->w->sim);
	}
	for (uint8_t t = LSOE_IPV4; fresh && t <= LSOE_MPLS6; t++)
		announce(d, p, t);
}

/* What netlink tells: late, and nothing to a process that is stopped. */
static void tell_carrier(void *ctx, uint64_t port)
{
	struct lworld *w = ctx;
	struct lw_port *p = &w->port[port];
	struct lw_node *d = &w->node[p->node];

	if (!d->core || p->told == p->carrier)
		return;
	if (frame_paused(w->net, p->node)) {
		sim_at(w->sim, sim_now(w->sim) + LAN_MS(20), tell_carrier, w, port);
		return;
	}
	if (p->carrier) {
		link_up(d, p);
	} else {
		bool forget = rng_below(&w->rng, 4) == 0;

		lsoe_link_down(d->core, sim_now(w->sim), p->link, forget);
		p->told = false;
		p->known = !forget;
	}
	sim_note(w->sim, "%s link %u is told to be %s", d->name, p->link, p->carrier ? "up" : "down");
	frame_poke(w->net, p->node);
}

void lworld_carrier(struct lworld *w, int port, bool up)
{
	struct lw_port *p = &w->port[port];

	if (p->carrier == up)
		return;
	sim_note(w->sim, "%s link %u: carrier %s", w->node[p->node].name, p->link, up ? "comes" : "goes");
	p->carrier = up;
	frame_carrier(w->net, port, up);
	sim_at(w->sim, sim_now(w->sim) + rng_below(&w->rng, LAN_MS(3)), tell_carrier, w, (uint64_t)port);
}

/* An address nobody else has. */
static void new_entry(struct lworld *w, struct lw_port *p, uint8_t type, struct lw_entry *e)
{
	size_t addr = type == LSOE_IPV4 || type == LSOE_MPLS4 ? 4 : 16;

	memset(e, 0, sizeof *e);
	e->flags = (rng_below(&w->rng, 4) == 0 ? LSOE_F_LOOPBACK : 0) |
		   (w->dialect == LSOE_L3DL && rng_below(&w->rng, 6) == 0 ? LSOE_F_OVERLAY : 0);
	e->prefix = (uint8_t)rng_below(&w->rng, addr * 8 + 1);
	if (addr == 16)
		e->addr[0] = 0xfd;
	else
		e->addr[0] = 10;
	e->addr[addr - 3] = (uint8_t)(p - w->port);
	e->addr[addr - 2] = (uint8_t)(p->made >> 8);
	e->addr[addr - 1] = (uint8_t)p->made++;
	if (type >= LSOE_MPLS4)
		e->n_labels = (uint8_t)(1 + rng_below(&w->rng, 4));
	for (int i = 0; i < 3 * e->n_labels; i++)
		e->labels[i] = (uint8_t)rng_next(&w->rng);
}

static void mutate(struct lworld *w, struct lw_port *p, uint8_t type, bool all)
{
	struct lw_list *l = &p->list[type - LSOE_IPV4];
	uint64_t how = rng_below(&w->rng, 20), add = 1 + rng_below(&w->rng, 4);

	if (how == 0)
		l->n = 0;
	else if (how < 5 && l->n > 1) /* one goes */
		l->e[rng_below(&w->rng, l->n)] = l->e[l->n - 1], l->n--;
	if (how >= 1 && how < 5 && !all)
		return;
	if (how == 7 && !w->small)
		l->n = 0, add = 1 + rng_below(&w->rng, 600);
	if (l->n > 700)
		l->n = 1;
	for (; add; add--) {
		l->e = grow(l->e, (l->n + 1) * sizeof *l->e);
		new_entry(w, p, type, &l->e[l->n++]);
	}
	for (size_t i = 0; i < l->n; i++)
		l->e[i].flags &= (uint8_t)~LSOE_F_PRIMARY;
	if (rng_below(&w->rng, 2))
		l->e[rng_below(&w->rng, l->n)].flags |= LSOE_F_PRIMARY;
}

void lworld_change(struct lworld *w, int port, bool all)
{
	struct lw_port *p = &w->port[port];
	struct lw_node *d = &w->node[p->node];
	uint64_t which = 1u << (rng_below(&w->rng, 3) ? rng_below(&w->rng, 2) : rng_below(&w->rng, 4));

	if (frame_paused(w->net, p->node))
		return;
	if (d->model)
		p = &w->port[d->port[0]];
	for (uint8_t t = LSOE_IPV4; t <= LSOE_MPLS6; t++) {
		if (!all && !(which >> (t - LSOE_IPV4) & 1))
			continue;
		mutate(w, p, t, all);
		if (frame_up(w->net, p->node))
			announce(d, p, t);
	}
	frame_poke(w->net, p->node);
}

/* --- one life of a node ---------------------------------------------------------------- */

void lworld_forget(struct lw_node *d)
{
	for (size_t i = 0; i < d->n_saved; i++)
		free(d->saved[i].p);
	for (size_t i = 0; i < d->n_pin; i++)
		free(d->pin[i].key.key);
	free(d->saved);
	free(d->pin);
	d->saved = NULL;
	d->pin = NULL;
	d->n_saved = d->n_pin = 0;
}

static void give_back(struct lw_node *d)
{
	for (size_t i = 0; i < d->n_pin; i++)
		lworld_must(d, "lsoe_pin", lsoe_pin(d->core, d->pin[i].id, d->pin[i].id_len, &d->pin[i].key));
	for (size_t i = 0; i < d->n_saved; i++) {
		const struct lw_saved *s = &d->saved[i];
		const struct lw_port *p = lworld_link(d, s->link);

		if (!p->told)
			continue;
		enum lan_err e = lsoe_load(d->core, sim_now(d->w->sim), s->link, s->mac, s->p, s->len);
		sim_note(d->w->sim, "%s loads what it kept of %s: %s", d->name, lworld_mac(s->mac),
			lan_err_name(e));
		lworld_must(d, "lsoe_load", e);
	}
}

static enum lan_err new_core(struct lw_node *d, const struct lan_env *env)
{
	struct lsoe_config cfg = d->cfg;
	enum lan_err e;

	cfg.id = d->id_len ? d->id : NULL;
	cfg.id_len = d->id_len;
	cfg.anchor = d->w->dialect == LSOE_L3DL ? &d->w->anchor : NULL;
	cfg.want_saved = d->keeps;
	if (d->signs) {
		e = lan_signer_ed25519(d->secret, &cfg.signer);
		if (e != LAN_OK)
			return e;
		cfg.cert = d->cert;
		cfg.cert_len = d->certified ? sizeof d->cert : 0;
	}
	e = lsoe_new(env, &cfg, &d->core);
	if (e != LAN_OK)
		lan_signer_free(cfg.signer);
	return e;
}

static void *boot_model(struct lw_node *d, const struct lan_env *env)
{
	lan_time now = sim_now(d->w->sim);

	d->lsoed = lsoed_new(env, now, &d->model_cfg);
	for (int i = 0; i < d->n_port; i++)
		lsoed_link(d->lsoed, (uint32_t)i + 1, true);
	for (uint8_t t = LSOE_IPV4; t <= LSOE_IPV6; t++)
		announce(d, &d->w->port[d->port[0]], t);
	return d->lsoed;
}

static void *boot(void *ctx, const struct lan_env *env)
{
	struct lw_node *d = ctx;
	enum lan_err e;

	d->lives++;
	if (d->model)
		return boot_model(d, env);
	e = new_core(d, env);
	if (e != LAN_OK) {
		lworld_must(d, "lsoe_new", e);
		d->core = NULL;
		return NULL;
	}
	lledger_boot(d);
	if (d->w->dialect == LSOE_L3DL && d->asn)
		lworld_ulpc(d);
	TWICE(d, lsoe_accept_vendor(d->core, LW_ENTERPRISE, true));
	for (int i = 0; i < d->n_port; i++) {
		struct lw_port *p = &d->w->port[d->port[i]];

		p->told = p->known = false;
		if (p->carrier)
			link_up(d, p);
	}
	if (d->keeps)
		give_back(d);
	else
		lworld_forget(d);
	return d->core;
}

static void bury(void *ctx, void *core)
{
	struct lw_node *d = ctx;

	if (d->model)
		lsoed_free(d->lsoed);
	else
		lsoe_free(d->core);
	d->lsoed = NULL;
	d->core = NULL;
}

struct lw_node *lworld_node(struct lworld *w, const struct lsoe_config *cfg)
{
	struct lw_node *d = &w->node[w->n_node];

	*d = (struct lw_node){.w = w, .cfg = *cfg};
	snprintf(d->name, sizeof d->name, "n%d", w->n_node);
	for (size_t i = 0; i < sizeof d->id; i++)
		d->id[i] = (uint8_t)rng_next(&w->rng);
	d->id_len = w->dialect == LSOE_01 ? LSOE_ID_01 : 12;
	w->n_node++;
	return d;
}

/* Before the first start, once it is decided which kind it is. */
static void enlist(struct lworld *w, struct lw_node *d)
{
	d->node = frame_add(w->net, &(struct frame_node){.name = d->name,
					    .ops = d->model ? &lsoed_ops : &lsoe_ops,
					    .ctx = d,
					    .boot = boot,
					    .bury = bury,
					    .pull = lledger_pull});
}

struct lw_port *lworld_port(struct lworld *w, int node, int segment, const uint8_t *mac)
{
	struct lw_node *d = &w->node[node];
	struct lw_port *p = &w->port[w->n_port];

	*p = (struct lw_port){.node = node, .segment = segment, .carrier = true};
	memcpy(p->mac, (uint8_t[6]){2, 0, 0, 0, (uint8_t)node, (uint8_t)w->n_port}, 6);
	if (mac)
		memcpy(p->mac, mac, 6);
	if (!d->n_port)
		for (int i = frame_nodes(w->net); i <= node; i++)
			enlist(w, &w->node[i]);
	frame_port(w->net, node, segment, p->mac);
	d->port[d->n_port++] = w->n_port++;
	p->link = (uint32_t)d->n_port;
	memcpy(p->id, d->id, 8);
	p->id[11] = (uint8_t)p->link;
	return p;
}

void lworld_start(struct lworld *w, int node)
{
	frame_start(w->net, node);
}

void lworld_crash(struct lworld *w, int node)
{
	frame_crash(w->net, node);
}
