/*
 * chan_world.c - see chan_world.h. The part of the driver that is not moving
 * datagrams: the counter's limit and the marks that are written down before
 * they are needed and found again at the next start, keys that are read anew
 * when a core asks for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chan_world.h"

#define CAP_MIN 512

static void *grow(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		abort();
	return q;
}

const struct cepoch *cworld_key(const struct cworld *w, uint32_t epoch)
{
	for (int i = 0; i < w->n_epochs; i++)
		if (w->epoch[i].epoch == epoch)
			return &w->epoch[i];
	return NULL;
}

static void new_epoch(struct cworld *w, lan_time send_after)
{
	struct cepoch *e = &w->epoch[w->n_epochs++];

	e->epoch = w->n_epochs == 1 ? 1 + (uint32_t)rng_below(&w->rng, 1000) : e[-1].epoch + 1;
	e->send_after = send_after;
	e->accept_until = LAN_NEVER;
	for (int i = 0; i < 32; i++)
		e->key[i] = (uint8_t)rng_next(&w->rng);
}

void cworld_init(struct cworld *w, const struct sim_config *sc, const struct dgram_config *dc, uint64_t seed)
{
	struct dgram_config d = *dc;

	memset(w, 0, sizeof *w);
	rng_init(&w->rng, seed ^ 0x63616c6d);
	w->sim = sim_new(sc);
	d.sim = w->sim;
	d.sent = ctap_sent;
	d.judged = ctap_judged;
	d.ctx = w;
	w->net = dgram_new(&d);
	w->m = grow(NULL, CHAN_MEMBERS_MAX * sizeof *w->m);
	w->scratch = grow(NULL, DGRAM_MAX + CHAN_MESSAGE_MAX);
	w->cipher = LAN_AEAD_XCHACHA20;
	w->channel = "plant";
	w->verbose = sc->verbose;
	chan_id_of(w->channel, w->channel_id);
	new_epoch(w, 0);
}

void cworld_fini(struct cworld *w)
{
	sim_free(w->sim);
	dgram_free(w->net);
	for (int i = 0; i < w->n_m; i++) {
		for (size_t k = 0; k < w->m[i].n_view; k++)
			free(w->m[i].view[k].state);
		free(w->m[i].view);
		free(w->m[i].mark);
		free(w->m[i].refused);
	}
	for (int i = 0; i < w->n_inst; i++) {
		free(w->inst[i].msg);
		lan_aead_free(w->inst[i].aead);
	}
	free(w->m);
	free(w->inst);
	free(w->list);
	free(w->tap);
	free(w->scratch);
}

/* --- keys ------------------------------------------------------------------------ */

static void keys_of(const struct cworld *w, const struct cmember *m, struct chan_keys *k)
{
	int first = m->n_keys > 3 ? m->n_keys - 3 : 0;

	k->cipher = w->cipher;
	k->n = 0;
	for (int i = first; i < m->n_keys; i++) {
		const struct cepoch *e = &w->epoch[i];
		struct chan_key *to = &k->key[k->n++];

		*to = (struct chan_key){
			.epoch = e->epoch, .send_after = e->send_after, .accept_until = e->accept_until};
		/* who has an older file does not know when its last epoch ends */
		if (i + 1 == m->n_keys)
			to->accept_until = LAN_NEVER;
		memcpy(to->key, e->key, sizeof to->key);
	}
}

uint32_t cworld_epoch(const struct cworld *w, const struct cmember *m, lan_time now)
{
	int i = m->n_keys - 1;

	while (i > 0 && w->epoch[i].send_after > now)
		i--;
	return w->epoch[i].epoch;
}

static void rekey(void *ctx, uint64_t arg)
{
	struct cworld *w = ctx;
	struct cmember *m = &w->m[arg & 0xff];
	struct chan_members list = {.n = w->n_list, .member = w->list};
	struct chan_keys keys;
	int had = m->n_keys;

	m->rekey_at = LAN_NEVER;
	if (!m->core)
		return;
	m->n_keys = w->n_epochs;
	keys_of(w, m, &keys);
	enum lan_err e = chan_rekey(m->core, sim_now(w->sim), &keys, &list);
	sim_note(w->sim, "%s reads keys up to epoch %u: %s", m->name, w->epoch[m->n_keys - 1].epoch,
		lan_err_name(e));
	if (e == LAN_ERR_NOMEM && w->memory_fails) {
		m->n_keys = had;
		sim_at(w->sim, sim_now(w->sim) + LAN_MS(100), rekey, w, arg);
	} else if (e != LAN_OK) {
		sim_fail(w->sim, "%s: chan_rekey says %s", m->name, lan_err_name(e));
	}
	dgram_poke(w->net, m->node);
}

void cworld_rotate(struct cworld *w, lan_time lead, lan_time overlap)
{
	lan_time now = sim_now(w->sim);

	if (w->n_epochs == CHAN_WORLD_EPOCHS)
		return;
	new_epoch(w, now + lead);
	w->epoch[w->n_epochs - 2].accept_until = now + lead + overlap;
	for (int i = 0; i < w->n_m; i++)
		sim_at(w->sim, now + rng_below(&w->rng, lead + 1), rekey, w, (uint64_t)i);
}

/* --- one life of a member ----------------------------------------------------------- */

static void snapshot(struct cmember *m)
{
	uint64_t sender, counter;

	m->n_mark = 0;
	for (size_t i = 0; m->core && chan_mark(m->core, i, &sender, &counter); i++) {
		m->mark = grow(m->mark, (m->n_mark + 1) * sizeof *m->mark);
		m->mark[m->n_mark++] = (struct cmark){sender, counter};
	}
	m->marks_at = sim_now(m->w->sim);
}

static bool restore(struct cmember *m, struct chan *core)
{
	m->n_refused = m->n_mark;
	m->refused = grow(m->refused, m->n_mark * sizeof *m->refused);
	if (m->n_mark)
		memcpy(m->refused, m->mark, m->n_mark * sizeof *m->mark);
	for (size_t i = 0; i < m->n_mark; i++)
		if (chan_mark_set(core, m->mark[i].sender, m->mark[i].counter) != LAN_OK)
			return false;
	return true;
}

static int inst_new(struct cworld *w, struct cmember *m, uint64_t id)
{
	struct cinst *i;

	w->inst = grow(w->inst, (size_t)(w->n_inst + 1) * sizeof *w->inst);
	i = &w->inst[w->n_inst];
	*i = (struct cinst){
		.member = (int)(m - w->m), .id = id, .opened = sim_now(w->sim), .ended = LAN_NEVER};
	return w->n_inst++;
}

static enum lan_err open_core(struct cmember *m, const struct lan_env *env, struct chan **out)
{
	struct cworld *w = m->w;
	struct chan_config cfg = m->cfg;
	enum lan_err e;

	m->n_keys = w->n_epochs;
	keys_of(w, m, &cfg.keys);
	cfg.members = (struct chan_members){.n = w->n_list, .member = w->list};
	cfg.identity = m->signs ? m->secret : NULL;
	cfg.channel = w->channel;
	cfg.name = m->name;
	if (m->keeps) {
		cfg.sender = m->id;
		cfg.counter = m->limit;
		m->limit = (m->limit ? m->limit : 1) + m->step;
		cfg.counter_limit = m->limit;
	}
	e = chan_new(env, sim_now(w->sim), &cfg, out);
	if (e == LAN_OK && m->keeps && !restore(m, *out)) {
		chan_free(*out);
		e = LAN_ERR_NOMEM;
	}
	return e;
}

static void *boot(void *ctx, const struct lan_env *env)
{
	struct cmember *m = ctx;
	struct cworld *w = m->w;
	struct chan *core = NULL;
	struct chan_status st;
	enum lan_err e;

	e = open_core(m, env, &core);
	if (e != LAN_OK) {
		if (e != LAN_ERR_NOMEM || !w->memory_fails)
			sim_fail(w->sim, "%s: chan_new says %s", m->name, lan_err_name(e));
		return NULL;
	}
	chan_status(core, &st);
	if (m->keeps && m->id && st.sender != m->id)
		sim_fail(w->sim, "%s came back as another sender", m->name);
	if ((st.sender >> 63) != m->signs)
		sim_fail(w->sim, "%s: the top bit of its id does not tell whether it signs", m->name);
	m->id = st.sender;
	sim_note(w->sim, "%s is %016llx", m->name, (unsigned long long)m->id);
	m->core = core;
	m->inst = inst_new(w, m, st.sender);
	m->lives++;
	m->full = false;
	m->reserving = 0;
	m->n_here = 0;
	cledger_boot(m);
	capp_write_from(m, sim_now(w->sim));
	return core;
}

static void bury(void *ctx, void *core)
{
	struct cmember *m = ctx;

	m->core = NULL;
	m->w->inst[m->inst].ended = sim_now(m->w->sim);
	chan_free(core);
}

static void reserved(void *ctx, uint64_t arg)
{
	struct cworld *w = ctx;
	struct cmember *m = &w->m[arg & 0xff];

	if (!m->core || m->lives != arg >> 8 || !m->reserving)
		return;
	m->limit = m->reserving;
	chan_counter_reserved(m->core, m->limit);
	m->reserving = 0;
	dgram_poke(w->net, m->node);
}

/* What a driver looks after each time it has served the core. */
static void look_after(struct cmember *m, lan_time now)
{
	struct cworld *w = m->w;
	uint64_t limit = m->keeps && !m->reserving ? chan_counter_wanted(m->core) : 0;

	if (limit) {
		if (limit <= m->limit)
			sim_fail(w->sim, "%s wants a limit (%llu) that does not go up", m->name,
				(unsigned long long)limit);
		m->reserving = limit;
		sim_at(w->sim, now + rng_below(&w->rng, rng_below(&w->rng, 4) ? LAN_MS(5) : LAN_MS(300)),
			reserved, w, (uint64_t)m->node | (uint64_t)m->lives << 8);
	}
	if (m->keeps && now >= m->marks_at + LAN_SEC(1))
		snapshot(m);
	if (chan_wants_keys(m->core) && m->rekey_at == LAN_NEVER && m->n_keys < w->n_epochs) {
		m->rekey_at = now + rng_below(&w->rng, LAN_SEC(1));
		sim_at(w->sim, m->rekey_at, rekey, w, (uint64_t)m->node);
	}
}

static void pull(void *ctx, lan_time now)
{
	struct cmember *m = ctx;

	capp_pull(m, now);
	look_after(m, now);
}

struct cmember *cworld_member(struct cworld *w, const struct chan_config *cfg)
{
	struct cmember *m = &w->m[w->n_m++];
	struct dgram_member spec = {
		.name = m->name, .ops = &chan_ops, .ctx = m, .boot = boot, .bury = bury, .pull = pull};

	*m = (struct cmember){.w = w, .cfg = *cfg, .inst = -1, .send_at = LAN_NEVER, .rekey_at = LAN_NEVER};
	snprintf(m->name, sizeof m->name, "m%d", w->n_m - 1);
	m->node = dgram_add(w->net, &spec);
	return m;
}

void cworld_ready(struct cworld *w, bool members_only)
{
	uint8_t seed[32];

	for (int i = 0; i < w->n_m; i++) {
		struct cmember *m = &w->m[i];

		m->signs |= members_only;
		m->keeps |= m->signs; /* an id that is kept needs a counter that is kept */
		for (int k = 0; k < 32; k++)
			seed[k] = (uint8_t)rng_next(&w->rng);
		if (m->signs)
			lan_sign_keypair(seed, m->public_key, m->secret);
	}
	if (!members_only)
		return;
	w->list = grow(NULL, (size_t)w->n_m * sizeof *w->list);
	w->n_list = (size_t)w->n_m;
	for (int i = 0; i < w->n_m; i++) {
		memcpy(w->list[i].public_key, w->m[i].public_key, LAN_SIGN_PUBLIC);
		w->list[i].name = w->m[i].name;
	}
}

static void start_again(void *ctx, uint64_t arg)
{
	cworld_start(ctx, (int)arg);
}

void cworld_start(struct cworld *w, int member)
{
	dgram_start(w->net, member);
	if (!dgram_up(w->net, member) && w->memory_fails)
		sim_at(w->sim, sim_now(w->sim) + LAN_MS(10), start_again, w, (uint64_t)member);
}

void cworld_crash(struct cworld *w, int member)
{
	dgram_crash(w->net, member);
}

void cworld_leave(struct cworld *w, int member)
{
	struct cmember *m = &w->m[member];

	if (!m->core)
		return;
	sim_note(w->sim, "%s leaves", m->name);
	chan_leave(m->core, sim_now(w->sim));
	dgram_flush(w->net, member);
	snapshot(m);
	dgram_crash(w->net, member);
}

bool cworld_alive(const struct cworld *w, int member)
{
	return w->m[member].core != NULL;
}
