/*
 * chan_app.c - the applications of the channel's world. A writer sends at
 * random moments until it has sent what it has to, and waits for WRITABLE when
 * it is told FULL. A reader pulls everything, or little by little, or naps.
 */
#include <stdlib.h>
#include <string.h>
#include "chan_world.h"

void capp_fill(const struct cworld *w, int inst, uint64_t number, uint32_t len, uint8_t *out)
{
	uint64_t x = ((uint64_t)inst << 40) ^ number ^ (uint64_t)len << 20;

	for (uint32_t at = 0; at < len; at += 8) {
		uint64_t word = rng_splitmix(&x);

		memcpy(out + at, &word, len - at < 8 ? len - at : 8);
	}
}

static void wake(void *ctx, uint64_t member)
{
	struct cworld *w = ctx;

	dgram_poke(w->net, (int)member);
}

void capp_nap(struct cmember *m, lan_time until)
{
	m->nap_until = until;
	sim_at(m->w->sim, until, wake, m->w, (uint64_t)m->node);
}

void capp_write_from(struct cmember *m, lan_time at)
{
	at = at < m->write_at ? m->write_at : at;
	m->send_at = m->to_send ? at : LAN_NEVER;
	if (m->to_send)
		sim_at(m->w->sim, at, wake, m->w, (uint64_t)m->node);
}

static uint32_t length(struct cmember *m)
{
	struct rng *g = &m->w->rng;
	uint64_t x = rng_below(g, 100);
	uint32_t n = (uint32_t)(x < 5    ? 0
				: x < 60 ? rng_below(g, 64)
				: x < 88 ? rng_below(g, 1400)
				: x < 98 ? rng_below(g, 6000)
					 : rng_below(g, m->max_len + 1u));

	if (m->large)
		n = (uint32_t)rng_below(g, m->max_len + 1u);
	return n < m->max_len ? n : m->max_len;
}

static void remember(struct cinst *i, uint32_t len, lan_time now)
{
	if (i->n_msg == i->cap_msg) {
		i->cap_msg = i->cap_msg ? 2 * i->cap_msg : 32;
		i->msg = realloc(i->msg, i->cap_msg * sizeof *i->msg);
		if (!i->msg)
			abort();
	}
	i->msg[i->n_msg++] = (struct cmsg){.len = len, .at = now};
}

/* False: not now. */
static bool write_one(struct cmember *m, lan_time now)
{
	struct cworld *w = m->w;
	struct cinst *i = &w->inst[m->inst];
	uint64_t seq = 0, expect = i->n_msg + 1;
	uint32_t len = length(m);
	enum lan_err e;

	capp_fill(w, m->inst, expect, len, w->scratch);
	e = chan_send(m->core, now, w->scratch, len, &seq);
	if (e == LAN_ERR_FULL) {
		m->full = true;
		m->send_at = LAN_NEVER;
		return false;
	}
	if (e == LAN_ERR_NOMEM && w->memory_fails)
		return true;
	if (e != LAN_OK || seq != expect) {
		sim_fail(w->sim, "%s: chan_send says %s, message %llu instead of %llu", m->name,
			lan_err_name(e), (unsigned long long)seq, (unsigned long long)expect);
		return false;
	}
	remember(i, len, now);
	sim_note(w->sim, "%s sends message %llu of %u bytes", m->name, (unsigned long long)seq, len);
	w->sent++;
	m->to_send--;
	return true;
}

static void write_due(struct cmember *m, lan_time now)
{
	struct rng *g = &m->w->rng;

	while (m->core && m->send_at <= now && m->to_send && !sim_failure(m->w->sim)) {
		if (!write_one(m, now))
			return;
		if (rng_below(g, 3)) /* else a burst: the next one at once */
			capp_write_from(m, now + rng_below(g, 2 * m->gap + 1));
	}
	if (!m->to_send)
		m->send_at = LAN_NEVER;
}

static void pull_events(struct cmember *m, lan_time now)
{
	struct chan_event ev;
	unsigned n = 0;

	if (now < m->nap_until)
		return;
	while (!sim_failure(m->w->sim)) {
		bool ready = chan_ops.ready(m->core);

		if (m->sips && n++ == m->sips) {
			if (ready)
				capp_nap(m, now + 1 + rng_below(&m->w->rng, m->sip_pause));
			return;
		}
		bool got = chan_event(m->core, &ev);

		if (got != ready && !m->w->memory_fails)
			sim_fail(m->w->sim, "%s: ready() says %d, chan_event gives %d", m->name, ready, got);
		if (!got)
			return;
		cledger_event(m, &ev);
	}
}

void capp_pull(void *member, lan_time now)
{
	struct cmember *m = member;

	pull_events(m, now);
	write_due(m, now);
}
