/*
 * serpy_write.c - the applications of the world as far as they send: values of
 * all types in all modes, blobs in portions, lent memory. A writer that is told
 * FULL waits for WRITABLE and does not poll, so that a forgotten event shows as
 * a run that never ends.
 */
#include <stdlib.h>
#include <string.h>
#include "serpy_world.h"

#define ULL(x) ((unsigned long long)(x))

struct lent {
	struct sparty *p;
	uint32_t life;
	uint8_t data[];
};

void swrite_blob_over(struct slink *l)
{
	free(l->blob_data);
	l->blob_data = NULL;
	l->blob = false;
}

void swrite_from(struct sparty *p, struct slink *l, lan_time at)
{
	if (!l->to_send && !l->blob)
		return;
	l->send_at = at;
	sim_at(p->w->sim, at, sapp_poke, p->w, (uint64_t)p->self);
}

/* --- what to send -------------------------------------------------------------------------- */

static enum serpy_type draw_type(struct sworld *w)
{
	uint64_t x = rng_below(&w->rng, 100);

	if (!w->mixed_types)
		return SERPY_BYTES;
	if (x < 8 && w->dialect == SERPY1)
		return SERPY_OBJECT;
	return x < 45 ? SERPY_STR : x < 60 ? SERPY_INT : x < 72 ? SERPY_FLOAT : SERPY_BYTES;
}

static uint32_t draw_len(struct sparty *p)
{
	struct rng *g = &p->w->rng;
	uint64_t x = rng_below(g, 100);
	uint64_t n = x < 60 ? rng_below(g, 60) : x < 90 ? rng_below(g, 600) : rng_below(g, p->max_len + 1u);

	n += 12;
	return (uint32_t)(n < p->max_len ? n : p->max_len);
}

/* Too short to say which message it is; what the wire cannot carry (section 1.4) is left out. */
static void draw_anon(struct sparty *p, struct smsg *m)
{
	struct sworld *w = p->w;

	if (m->type == SERPY_OBJECT || m->type == SERPY_INT || rng_below(&w->rng, 12) ||
		(p->cfg.resend && m->mode & 1))
		return;
	m->anon = true;
	m->len = (uint32_t)rng_below(&w->rng, 3);
	if (!m->len && w->dialect == SERPY1 && !(m->mode & 1) && m->type != SERPY_FLOAT)
		m->len = 1;
}

static int draw_mode(struct sparty *p, struct slink *l)
{
	struct sworld *w = p->w;

	if (w->dialect == SERPY2)
		return 0;
	if (w->only_mode >= 0)
		return w->only_mode;
	if (l->last_mode < 0 || rng_below(&w->rng, 4) == 0)
		l->last_mode = (int)rng_below(&w->rng, 6);
	return l->last_mode;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Until WRITABLE is told. That word itself takes memory. */
static void wait_for_room(struct sparty *p, struct slink *l)
{
	l->full = !p->w->memory_fails;
	l->send_at = LAN_NEVER;
	if (p->w->memory_fails)
		swrite_from(p, l, sim_now(p->w->sim) + LAN_MS(20));
}

static bool refused(struct sparty *p, struct slink *l, enum lan_err e, enum smsg_how how, const char *why)
{
	struct sworld *w = p->w;

	if (e == LAN_ERR_FULL) {
		if (p->cfg.full != SERPY_FULL_REFUSE && how == SH_SEND)
			sim_fail(w->sim, "%s: FULL, against its configuration", p->name);
		wait_for_room(p, l);
	} else if (e == LAN_ERR_NOTFOUND && p->server) {
		l->to_send = 0;
	} else if (e == LAN_ERR_CLOSED && (p->leaving || p->cfg.once || p->cfg.retries)) {
		l->send_at = LAN_NEVER;             /* it will not connect again, and says so */
	} else if (e == LAN_ERR_AGAIN && p->asks) { /* until its connection is settled */
		swrite_from(p, l, sim_now(w->sim) + LAN_MS(1));
	} else if (e == LAN_ERR_NOMEM && w->memory_fails) {
		swrite_from(p, l, sim_now(w->sim) + LAN_MS(1));
	} else {
		sim_fail(w->sim, "%s: sending (%d) says %s (%s)", p->name, (int)how, lan_err_name(e),
			why ? why : "no word why");
	}
	return false;
}

static void give_back(void *ctx)
{
	struct lent *t = ctx;

	t->p->refs--;
	free(t);
}

static enum lan_err send_ref(struct sparty *p, struct slink *l, lan_time now, const struct serpy_value *v,
	uint64_t *token, const char **why)
{
	struct lent *t = malloc(sizeof *t + v->len);
	enum lan_err e;

	if (!t)
		abort();
	t->p = p;
	memcpy(t->data, v->data, v->len);
	p->refs++;
	e = serpy_send_ref(p->core, now, l->conn, t->data, v->len, give_back, t, token, why);
	if (e != LAN_OK)
		give_back(t);
	return e;
}

static uint32_t byte_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	while (n--)
		sum += *p++;
	return sum;
}

static enum lan_err begin_blob(struct sparty *p, struct slink *l, lan_time now, const struct serpy_value *v,
	const struct serpy_how *how, uint64_t *token, const char **why)
{
	struct sworld *w = p->w;
	bool open_ended = w->dialect == SERPY1 && rng_below(&w->rng, 2);
	enum lan_err e = serpy_blob_begin(p->core, now, l->conn, open_ended ? SERPY_UNKNOWN : v->len,
		byte_sum(v->data, v->len), how, token, why);

	if (e != LAN_OK)
		return e;
	l->blob = true;
	l->blob_open_ended = open_ended;
	l->blob_at = 0;
	l->blob_len = v->len;
	l->blob_data = malloc(v->len + 1);
	if (!l->blob_data)
		abort();
	memcpy(l->blob_data, v->data, v->len);
	return e;
}

static enum smsg_how draw_how(struct sparty *p, struct smsg *m)
{
	struct rng *g = &p->w->rng;

	if (m->type != SERPY_BYTES || m->anon)
		return SH_SEND;
	if (p->w->dialect == SERPY2 && rng_below(g, 5) == 0)
		return SH_REF;
	if (!p->blobs || rng_below(g, 6))
		return SH_SEND;
	m->len = 12 + (uint32_t)rng_below(g, p->max_blob);
	return SH_BLOB;
}

/* False: not now. */
static bool write_one(struct sparty *p, struct slink *l, lan_time now)
{
	struct sworld *w = p->w;
	struct sflow *f = &w->flow[l->flow];
	struct smsg m = {.type = (uint8_t)draw_type(w), .len = draw_len(p)};
	struct serpy_how how = {.mode = draw_mode(p, l)};
	struct serpy_value v;
	uint64_t token = 0;
	const char *why = NULL;
	enum lan_err e;

	if (w->dialect == SERPY1 && how.mode >= 4 && m.type != SERPY_BYTES)
		m.type = SERPY_OBJECT;
	m.mode = (uint8_t)svalue_mode(w->dialect, (enum serpy_type)m.type, how.mode);
	draw_anon(p, &m);
	m.how = (uint8_t)draw_how(p, &m);
	m.timed = (m.mode & 1) && m.how == SH_SEND && rng_below(&w->rng, 8) == 0;
	how.timeout = m.timed ? LAN_MS(5) + rng_below(&w->rng, LAN_SEC(2)) : 0;
	v = svalue_make(w, l->flow, f->n, &m);
	if (m.how == SH_REF)
		e = send_ref(p, l, now, &v, &token, &why);
	else if (m.how == SH_BLOB)
		e = begin_blob(p, l, now, &v, &how, &token, &why);
	else
		e = serpy_send(p->core, now, l->conn, &v, &how, &token, &why);
	if (e != LAN_OK)
		return refused(p, l, e, (enum smsg_how)m.how, why);
	l->to_send--;
	if (!p->server && p->to_send)
		p->to_send--;
	if (!token && p->cfg.full != SERPY_FULL_REFUSE) {
		f->not_queued++;
		return true;
	}
	m.token = f->n + 1u + f->asked;
	if (token != m.token)
		sim_fail(w->sim, "%s: message %u has token %llu", p->name, f->n, ULL(token));
	sim_note(w->sim, "%s sends message %u on %llu: type %d, mode %d, %u long%s", p->name, f->n,
		ULL(l->conn), m.type, m.mode, m.len,
		m.how == SH_REF    ? ", lent"
		: m.how == SH_BLOB ? ", a blob"
				   : "");
	sledger_sent(w, l->flow, &m);
	return true;
}

/* The next bytes of an open blob. False: not now. */
static bool write_blob(struct sparty *p, struct slink *l, lan_time now)
{
	struct sworld *w = p->w;
	size_t took = 0, n = 1 + (size_t)rng_below(&w->rng, 5000);
	enum lan_err e = LAN_OK;

	if (n > l->blob_len - l->blob_at)
		n = l->blob_len - l->blob_at;
	if (n)
		e = serpy_blob_write(p->core, now, l->conn, l->blob_data + l->blob_at, n, &took);
	l->blob_at += took;
	if (e == LAN_OK && l->blob_at < l->blob_len) {
		if (took == n)
			return true;
		wait_for_room(p, l);
		return false;
	}
	if (e == LAN_OK && l->blob_open_ended)
		e = serpy_blob_end(p->core, now, l->conn);
	if (e == LAN_OK || e == LAN_ERR_CLOSED || e == LAN_ERR_NOTFOUND) {
		if (e != LAN_OK && w->calm && !w->polite)
			sim_fail(w->sim, "%s: a blob ended under it", p->name);
		swrite_blob_over(l);
		return true;
	}
	return refused(p, l, e, SH_BLOB, "");
}

static void check_queue(struct sparty *p, struct slink *l)
{
	struct serpy_status st;
	uint64_t longest = 5ull * p->max_len / 2 + 1000; /* UTF-16, base85 */

	if (serpy_status(p->core, l->conn, &st) != LAN_OK)
		return;
	if (st.queued_bytes > (p->cfg.max_queue ? p->cfg.max_queue : 1u << 20) + longest)
		sim_fail(p->w->sim, "%s holds %llu bytes for connection %llu, its limit is %u", p->name,
			ULL(st.queued_bytes), ULL(l->conn), p->cfg.max_queue);
	if (st.unacked > (p->cfg.window ? p->cfg.window : 16))
		sim_fail(p->w->sim,
			"%s has %llu messages under way that wait to be acknowledged, its window is %u",
			p->name, ULL(st.unacked), p->cfg.window);
}

static bool may_write(const struct sparty *p, const struct slink *l, lan_time now)
{
	return p->core && l->send_at <= now && (l->to_send || l->blob) && !l->full && !l->asking &&
	       !l->finishing && !l->raw && (!p->server || l->up) && !sim_failure(p->w->sim);
}

/* Ask what the other end is. Until it says something, nothing can be sent. */
static void ask(struct sparty *p, struct slink *l, lan_time now)
{
	enum lan_err e = serpy_ask(p->core, now, l->conn);

	if (e == LAN_OK) {
		l->asking = true;
		p->w->flow[l->flow].asked++;
	} else if (e != LAN_ERR_AGAIN && e != LAN_ERR_CLOSED && !(e == LAN_ERR_NOMEM && p->w->memory_fails)) {
		sim_fail(p->w->sim, "%s: asking says %s", p->name, lan_err_name(e));
	}
}

void swrite_due(struct sparty *p, lan_time now)
{
	struct rng *g = &p->w->rng;

	for (uint32_t i = 0; i < p->n_links; i++) {
		struct slink *l = &p->link[i];

		while (may_write(p, l, now)) {
			if (!(l->blob ? write_blob(p, l, now) : write_one(p, l, now)))
				break;
			check_queue(p, l);
			if (p->asks && !l->blob && rng_below(g, 20) == 0)
				ask(p, l, now);
			if (rng_below(g, 3)) /* else a burst: the next one at once */
				swrite_from(p, l, now + rng_below(g, 2 * p->gap / (l->blob ? 20 : 1) + 1));
		}
		if (!l->to_send && !l->blob)
			l->send_at = LAN_NEVER;
	}
}
