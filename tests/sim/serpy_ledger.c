/*
 * serpy_ledger.c - the promises about messages, checked as events are pulled:
 *
 *   - what is delivered was sent, byte for byte, in its type and mode;
 *   - on one connection in the order of sending and nothing twice; over all
 *     connections of one sender the first deliveries are in order, too, and what
 *     comes twice was sent again (resend) and is covered by `doubled`;
 *   - acknowledged means that the other application has it;
 *   - a message that is never delivered was called lost: the sum of `lost` covers
 *     what is missing, connection by connection where the books allow it, and
 *     never more than was handed over and not acknowledged.
 *
 * A sender that died tells nothing, so nothing is asked about what it had sent
 * last but that it comes in order, once, and unharmed.
 */
#include <stdlib.h>
#include <string.h>
#include "serpy_world.h"

#define ULL(x) ((unsigned long long)(x))

static void *grow(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p)
		abort();
	return p;
}

int sledger_flow(struct sworld *w, int from, int to, uint64_t conn)
{
	if (w->n_flows == w->cap_flows) {
		w->cap_flows = w->cap_flows ? 2 * w->cap_flows : 16;
		w->flow = grow(w->flow, (size_t)w->cap_flows, sizeof *w->flow);
	}
	w->flow[w->n_flows] = (struct sflow){
		.from = from, .to = to, .life = w->p[from].life, .conn = conn, .last_acked = -1};
	return w->n_flows++;
}

int sledger_recv(struct sworld *w, int flow)
{
	if (w->n_recvs == w->cap_recvs) {
		w->cap_recvs = w->cap_recvs ? 2 * w->cap_recvs : 16;
		w->recv = grow(w->recv, (size_t)w->cap_recvs, sizeof *w->recv);
	}
	w->recv[w->n_recvs] = (struct srecv){.flow = flow, .last = -1, .piece = -1};
	return w->n_recvs++;
}

struct smsg *sledger_sent(struct sworld *w, int flow, const struct smsg *m)
{
	struct sflow *f = &w->flow[flow];

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->msg = grow(f->msg, f->cap, sizeof *f->msg);
	}
	f->blobs |= m->how == SH_BLOB;
	f->anon += m->anon;
	f->msg[f->n++] = *m;
	w->sent++;
	return &f->msg[f->n - 1];
}

static const char *who(const struct sworld *w, const struct sflow *f)
{
	return w->p[f->from].name;
}

/* --- deliveries ------------------------------------------------------------------- */

static void record(struct sworld *w, struct srecv *r, uint32_t i)
{
	struct sflow *f = &w->flow[r->flow];
	struct smsg *m = &f->msg[i];

	if ((int64_t)i <= r->last)
		sim_fail(w->sim, "%s: message %u of %s (connection %llu) comes after its message %lld",
			i == (uint32_t)r->last ? "twice" : "order", i, who(w, f), ULL(f->conn),
			(long long)r->last);
	if (m->got && !(w->p[f->from].cfg.resend && (m->mode & 1)))
		sim_fail(w->sim, "twice: message %u of %s came again and is not one that is sent again", i,
			who(w, f));
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->got = grow(r->got, r->cap, sizeof *r->got);
	}
	r->got[r->n++] = i;
	r->last = i;
	m->got++;
	w->delivered++;
}

/* A value that does not say which it is: some message behind the last one looks like it, and no more of its
 * kind come than were sent. */
static void record_anon(struct sparty *p, struct srecv *r, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct sflow *f = &w->flow[r->flow];
	uint32_t i = (uint32_t)(r->last + 1);

	while (i < f->n && !(f->msg[i].anon && svalue_is(w, r->flow, i, &ev->value, ev->mode)))
		i++;
	if (i == f->n || f->got_anon == f->anon) {
		sim_fail(w->sim, "corrupt: %s received what %s did not send (type %d, mode %d, %zu bytes)",
			p->name, who(w, f), (int)ev->value.type, ev->mode, ev->value.len);
		return;
	}
	r->last = i;
	f->got_anon++;
	w->delivered++;
}

/* The flow that a connection carries to this end; checks that it can be flow f. */
static bool settle_flow(struct sparty *p, struct slink *l, struct srecv *r, int f)
{
	struct sworld *w = p->w;

	if (r->flow < 0 && f < w->n_flows && w->flow[f].to == p->self && strcmp(w->flow[f].key, l->key) == 0)
		r->flow = f;
	if (f < w->n_flows && r->flow == f)
		return true;
	sim_fail(w->sim,
		"corrupt: %s received something that says it is of flow %d, on a connection of flow %d",
		p->name, f, r->flow);
	return false;
}

/* A connection whose first messages do not say whose they are: by its name. */
static void flow_by_key(struct sparty *p, const struct slink *l, struct srecv *r)
{
	for (int f = 0; r->flow < 0 && f < p->w->n_flows; f++)
		if (p->w->flow[f].to == p->self && strcmp(p->w->flow[f].key, l->key) == 0)
			r->flow = f;
}

void sledger_value(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct srecv *r = &w->recv[l->recv];
	int f = 0;
	uint32_t i = 0;

	if (ev->stale)
		sim_fail(w->sim, "%s takes a message of ours for one of an original", p->name);
	if (svalue_origin(w, &ev->value, ev->mode, &f, &i)) {
		if (!settle_flow(p, l, r, f))
			return;
		if (i < w->flow[f].n && svalue_is(w, f, i, &ev->value, ev->mode))
			record(w, r, i);
		else
			sim_fail(w->sim,
				"corrupt: %s received what is not message %u of %s (type %d, mode %d, %zu "
				"bytes)",
				p->name, i, who(w, &w->flow[f]), (int)ev->value.type, ev->mode,
				ev->value.len);
		return;
	}
	flow_by_key(p, l, r);
	if (r->flow < 0)
		sim_fail(w->sim, "corrupt: %s received something on a connection that nobody knows", p->name);
	else
		record_anon(p, r, ev);
}

/* The first pieces may be too short to say which message they are of: they are kept until they are not. */
static bool begin_pieces(struct sparty *p, struct slink *l, struct srecv *r, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct serpy_value v = ev->value;
	size_t n =
		ev->value.len < sizeof r->early - r->n_early ? ev->value.len : sizeof r->early - r->n_early;
	uint32_t i = 0;
	int f = 0;

	if (n)
		memcpy(r->early + r->n_early, ev->value.data, n);
	r->n_early += (uint32_t)n;
	v.data = r->early;
	v.len = r->n_early;
	if (r->n_early < sizeof r->early && !ev->last)
		return false;
	if (!svalue_origin(w, &v, ev->mode, &f, &i)) {
		sim_fail(w->sim, "corrupt: %s received %zu bytes in pieces that say not what they are",
			p->name, v.len);
		return false;
	}
	if (!settle_flow(p, l, r, f))
		return false;
	if (i >= w->flow[f].n || w->flow[f].msg[i].mode != ev->mode || svalue_expect(w, f, i) < r->n_early ||
		memcmp(w->expect, r->early, r->n_early) != 0) {
		sim_fail(w->sim, "corrupt: %s received a piece of what %s never sent", p->name,
			who(w, &w->flow[f]));
		return false;
	}
	r->piece = i;
	return true;
}

/* It breaks off: said once, at the end. */
static void no_more_pieces(struct sparty *p, struct srecv *r, const struct serpy_event *ev)
{
	if (!ev->last || ev->value.len || !r->piecing)
		sim_fail(p->w->sim, "%s: a long message ends before it is whole, in a wrong way", p->name);
	if (p->w->calm && !p->w->polite)
		sim_fail(p->w->sim, "%s: a long message breaks off (%s)", p->name, lan_err_name(ev->err));
	r->piecing = false;
	r->piece = -1;
}

void sledger_piece(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct srecv *r = &w->recv[l->recv];
	size_t whole;

	w->pieces++;
	if (ev->err != LAN_OK) {
		no_more_pieces(p, r, ev);
		return;
	}
	if (!r->piecing) {
		r->piecing = true;
		r->piece = -1;
		r->piece_at = r->n_early = 0;
	}
	if (ev->offset != r->piece_at || ev->value.type != SERPY_BYTES)
		sim_fail(w->sim, "%s: piece at %llu instead of %llu", p->name, ULL(ev->offset),
			ULL(r->piece_at));
	r->piece_at += ev->value.len;
	if (r->piece < 0 && !begin_pieces(p, l, r, ev))
		return;
	whole = svalue_expect(w, r->flow, (uint32_t)r->piece);
	if (ev->total != (w->dialect == SERPY2 ? whole : SERPY_UNKNOWN))
		sim_fail(w->sim, "%s: a piece of %llu bytes, which are %zu", p->name, ULL(ev->total), whole);
	if (r->piece_at > whole ||
		(ev->value.len && memcmp(w->expect + ev->offset, ev->value.data, ev->value.len) != 0) ||
		(ev->last && r->piece_at != whole))
		sim_fail(w->sim,
			"corrupt: %s received a piece [%llu, +%zu) that is not of message %lld (%zu bytes)",
			p->name, ULL(ev->offset), ev->value.len, (long long)r->piece, whole);
	if (!ev->last || sim_failure(w->sim))
		return;
	record(w, r, (uint32_t)r->piece);
	r->piecing = false;
}

/* --- what the sender is told -------------------------------------------------------- */

static void on_acked(struct sworld *w, struct slink *l, struct sflow *f, uint32_t i)
{
	struct smsg *m = &f->msg[i];

	if (!(m->mode & 1) || m->acked || m->expired)
		sim_fail(w->sim, "%s: message %u (mode %d) acknowledged%s", who(w, f), i, m->mode,
			m->acked     ? " twice"
			: m->expired ? " after it expired"
				     : "");
	if ((int64_t)i <= f->last_acked)
		sim_fail(w->sim, "%s: message %u is acknowledged after message %lld", who(w, f), i,
			(long long)f->last_acked);
	f->acked_anon += m->anon;
	if (m->anon ? f->got_anon < f->acked_anon : !m->got)
		sim_fail(w->sim, "acked early: message %u of %s was acknowledged and never delivered", i,
			who(w, f));
	m->acked = true;
	f->last_acked = i;
	f->acked++;
	l->acked_here++;
	w->acked++;
}

void sledger_token(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct sflow *f = &w->flow[l->flow];
	struct smsg *m;
	uint32_t i = f->n;

	while (i && f->msg[i - 1].token > ev->token)
		i--;
	if (!i || f->msg[i - 1].token != ev->token) {
		sim_fail(w->sim, "%s is told of token %llu, which is none of a message", p->name,
			ULL(ev->token));
		return;
	}
	m = &f->msg[--i];
	if (ev->kind == SERPY_ACKED) {
		on_acked(w, l, f, i);
	} else if (ev->kind == SERPY_EXPIRED) {
		if (!m->timed || m->acked || m->expired)
			sim_fail(w->sim, "%s: message %llu expired and should not", p->name, ULL(ev->token));
		m->expired = true;
	} else {
		if (m->how == SH_SEND || m->told_sent)
			sim_fail(w->sim, "%s is told SENT of message %llu%s", p->name, ULL(ev->token),
				m->told_sent ? " twice" : "");
		m->told_sent = true;
	}
}

/* Is it told in so many words which messages a connection answers for? */
static bool exact(const struct sparty *p, const struct sflow *f)
{
	return !p->cfg.resend && p->cfg.full == SERPY_FULL_REFUSE && !f->blobs && !f->blurred &&
	       !p->w->memory_fails;
}

void sledger_down(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct sflow *f = &w->flow[l->flow];
	struct srecv *r = &w->recv[l->recv];
	uint64_t tx = serpy_counters(p->core)->v[SERPY_C_tx_messages];
	bool own = ev->err == LAN_OK; /* the application closed it */

	w->downs++;
	p->downs++;
	if (!ev->reason || (own && !l->dropped && !l->finishing))
		sim_fail(w->sim, "%s: connection %llu ended without a reason", p->name, ULL(ev->conn));
	if (r->piecing)
		sim_fail(w->sim, "%s: connection %llu ended within a long message, which was not told",
			p->name, ULL(ev->conn));
	r->ended = true;
	if (own && r->flow >= 0) /* should the other one have closed it, too, it is told of nothing */
		w->flow[r->flow].cut_off = true;
	if (p->server) {
		f->ended = true;
		f->open_books = p->open_books = true;
		f->closed = own;
		if (own && !w->calm)
			f->excused = f->n;
		return;
	}
	if (!own)
		return;
	f->ended |= p->leaving;
	f->open_books = p->open_books = true;
	f->blurred = true; /* what was handed to it is not told apart from what the next one gets */
	if (!w->calm)
		f->excused += tx - f->handed;
}

/* A client's account of a connection: not more than was handed over and is not known to have arrived. */
static void check_span(struct sparty *p, struct slink *l, struct sflow *f, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct sspan s = {.from = f->handed,
		.to = (uint32_t)serpy_counters(p->core)->v[SERPY_C_tx_messages],
		.lost = ev->lost,
		.exact = exact(p, f)};
	uint64_t handed = s.to - s.from, known = l->acked_here;

	if (s.exact && f->last_acked >= (int64_t)s.from)
		known = (uint64_t)f->last_acked + 1 - s.from;
	if (ev->lost + ev->doubled > handed - known + f->blobs)
		sim_fail(w->sim,
			"%s: %llu lost and %llu doubled, of %llu handed over and %llu known to have arrived",
			who(w, f), ULL(ev->lost), ULL(ev->doubled), ULL(handed), ULL(known));
	if (s.exact && w->dialect == SERPY2 && ev->lost != handed)
		sim_fail(w->sim, "%s: %llu lost, of %llu handed over without any acknowledgement", who(w, f),
			ULL(ev->lost), ULL(handed));
	if (f->n_spans == f->cap_spans) {
		f->cap_spans = f->cap_spans ? 2 * f->cap_spans : 8;
		f->span = grow(f->span, f->cap_spans, sizeof *f->span);
	}
	f->span[f->n_spans++] = s;
	f->handed = s.to;
	l->acked_here = 0;
}

/* All had arrived long ago when this connection ended. */
static void check_settled(struct sparty *p, const struct sflow *f, const struct serpy_event *ev)
{
	bool known = p->w->dialect == SERPY1 && p->cfg.confirm;

	if (ev->unreached || ev->doubled || (known && ev->lost))
		sim_fail(p->w->sim, "%s: %llu lost, %llu doubled, %llu unreached, and all had arrived",
			who(p->w, f), ULL(ev->lost), ULL(ev->doubled), ULL(ev->unreached));
}

/* A server's account of a connection: what was never sent, and what was and is not known to have arrived. */
static void check_server(struct sparty *p, const struct sflow *f, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	uint64_t most = f->n - (uint64_t)(f->last_acked + 1);

	if (p->cfg.full != SERPY_FULL_REFUSE || w->memory_fails)
		return;
	if (ev->lost > most || (w->dialect == SERPY2 && !f->closed && ev->lost != f->n))
		sim_fail(w->sim, "%s: %llu lost on connection %llu, of %u and %llu acknowledged", p->name,
			ULL(ev->lost), ULL(f->conn), f->n, ULL(f->last_acked + 1));
}

void sledger_lost(struct sparty *p, struct slink *l, const struct serpy_event *ev)
{
	struct sworld *w = p->w;
	struct sflow *f = &w->flow[l->flow];
	bool dropped = ev->reason && strstr(ev->reason, "queue");

	if (!ev->reason || !(ev->lost + ev->doubled))
		sim_fail(w->sim, "%s is told of a loss without number or reason", p->name);
	if (ev->unreached > ev->lost + ev->doubled)
		sim_fail(w->sim, "%s: %llu did not reach the peer, of %llu", p->name, ULL(ev->unreached),
			ULL(ev->lost + ev->doubled));
	if (ev->doubled && (!p->cfg.resend || p->server))
		sim_fail(w->sim, "%s: %llu are sent again, against its configuration", p->name,
			ULL(ev->doubled));
	if (dropped ? p->cfg.full == SERPY_FULL_REFUSE : l->recv >= 0 && !w->recv[l->recv].ended && !l->held)
		sim_fail(w->sim, "%s: lost %llu on a connection that is up (%s)", p->name, ULL(ev->lost),
			ev->reason);
	if (w->settled && !dropped && !w->memory_fails)
		check_settled(p, f, ev);
	if (!dropped && !p->server && !strstr(ev->reason, "not sent"))
		check_span(p, l, f, ev);
	if (!dropped && p->server)
		check_server(p, f, ev);
	f->told_not_queued += dropped ? ev->lost : 0;
	f->open_books &= dropped;
	f->lost += ev->lost;
	f->doubled += ev->doubled;
	f->unreached += ev->unreached;
	w->lost += ev->lost;
	w->doubled += ev->doubled;
	if (f->lost + f->acked > f->n + f->not_queued && !w->memory_fails)
		sim_fail(w->sim, "%s: %llu lost and %llu acknowledged of %u", p->name, ULL(f->lost),
			ULL(f->acked), f->n);
}

void sledger_told(struct sparty *p)
{
	for (int i = 0; p->open_books && i < p->w->n_flows; i++)
		if (p->w->flow[i].from == p->self)
			p->w->flow[i].open_books = false;
	p->open_books = false;
}

void sledger_died(struct sparty *p)
{
	for (int i = 0; i < p->w->n_flows; i++) {
		struct sflow *f = &p->w->flow[i];

		if (f->from == p->self && f->life == p->life)
			f->dead = !f->ended || f->open_books || (!p->server && serpy_pending(p->core));
	}
	for (uint32_t i = 0; i < p->n_links; i++)
		if (p->link[i].recv >= 0)
			p->w->recv[p->link[i].recv].ended = true;
}

/* --- the whole run ----------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct srecv *x = a, *y = b;

	return x->flow != y->flow        ? (x->flow < y->flow ? -1 : 1)
	       : x->ordinal < y->ordinal ? -1
					 : x->ordinal > y->ordinal;
}

/* The first deliveries of all messages of a flow, connection by connection, are in order. */
static void check_order(struct sworld *w, const struct srecv *r, int n)
{
	const struct sflow *f = &w->flow[r->flow];
	bool *seen = calloc(f->n + 1u, 1);
	int64_t max = -1;
	int last = 0;

	if (!seen)
		abort();
	for (int c = 0; c < n; c++)
		for (uint32_t k = 0; k < r[c].n; k++) {
			uint32_t i = r[c].got[k];

			if (!seen[i] && (int64_t)i < max)
				sim_fail(w->sim,
					"order: message %u of %s first came on connection %d, after message "
					"%lld on %d",
					i, who(w, f), c, (long long)max, last);
			if ((int64_t)i > max) {
				max = i;
				last = c;
			}
			seen[i] = true;
		}
	free(seen);
}

static void check_flow(struct sworld *w, const struct sflow *f)
{
	uint64_t missing = f->anon - f->got_anon, again = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		missing += !f->msg[i].got && !f->msg[i].anon;
		again += f->msg[i].got > 1 ? f->msg[i].got - 1u : 0;
	}
	if (f->dead)
		return;
	if (w->p[f->from].cfg.full == SERPY_FULL_DROP_NEW && f->not_queued != f->told_not_queued &&
		!w->memory_fails)
		sim_fail(w->sim, "%s: %llu messages were not queued, told were %llu", who(w, f),
			ULL(f->not_queued), ULL(f->told_not_queued));
	if (again > f->doubled)
		sim_fail(w->sim, "twice: %llu messages of %s came again, %llu were called doubled",
			ULL(again), who(w, f), ULL(f->doubled));
	if (w->memory_fails && w->p[f->from].cfg.full != SERPY_FULL_REFUSE)
		return; /* that the queue dropped some may have been told to nobody: it is counted all the
			   same */
	if (f->cut_off && (f->closed || f->blurred))
		return;
	if (missing + f->not_queued > f->lost + f->excused)
		sim_fail(w->sim,
			"lost: %llu of %u messages of %s (life %u, connection %llu) never came, %llu were "
			"called lost",
			ULL(missing), f->n, who(w, f), f->life, ULL(f->conn), ULL(f->lost));
	for (uint32_t s = 0; s < f->n_spans; s++) {
		missing = 0;
		for (uint32_t i = f->span[s].from; i < f->span[s].to && i < f->n; i++)
			missing += !f->msg[i].got && !f->msg[i].anon;
		if (f->span[s].exact && missing > f->span[s].lost)
			sim_fail(w->sim,
				"lost: %llu of messages %u..%u of %s never came, %llu were called lost",
				ULL(missing), f->span[s].from, f->span[s].to, who(w, f),
				ULL(f->span[s].lost));
	}
}

void sledger_final(struct sworld *w)
{
	qsort(w->recv, (size_t)w->n_recvs, sizeof *w->recv, by_age);
	for (int i = 0, n; i < w->n_recvs; i += n) {
		for (n = 1; i + n < w->n_recvs && w->recv[i + n].flow == w->recv[i].flow;)
			n++;
		if (w->recv[i].flow >= 0)
			check_order(w, &w->recv[i], n);
	}
	for (int i = 0; i < w->n_flows; i++)
		check_flow(w, &w->flow[i]);
}
