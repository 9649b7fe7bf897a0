/*
 * chan_ledger.c - what each life of a receiver was told of each instance of a
 * sender, and whether it may be so.
 *
 * In every mode: nothing that was not sent, nothing twice, nothing both
 * delivered and reported lost. In order: deliveries and losses of an instance
 * follow one another without a hole. Reliable: from the first message for who
 * was there before the sender, else from the first one sent after the receiver
 * knew it (or the last N, if it asked for them); and nothing is lost that the
 * sender's history still had.
 */
#include <stdlib.h>
#include <string.h>
#include "chan_world.h"

#define ULL(x) ((unsigned long long)(x))

struct cview *cledger_view(struct cmember *m, int inst)
{
	if ((size_t)inst >= m->n_view) {
		size_t n = (size_t)inst + 8;

		m->view = realloc(m->view, n * sizeof *m->view);
		if (!m->view)
			abort();
		for (size_t i = m->n_view; i < n; i++)
			m->view[i] = (struct cview){
				.known = LAN_NEVER, .first_at = LAN_NEVER, .over_at = LAN_NEVER};
		m->n_view = n;
	}
	return &m->view[inst];
}

void cledger_boot(struct cmember *m)
{
	for (size_t i = 0; i < m->n_view; i++)
		free(m->view[i].state);
	m->n_view = 0;
}

static uint8_t *state_of(struct cview *v, uint64_t msg)
{
	if (msg > v->n_state) {
		size_t n = (size_t)msg + 64;

		v->state = realloc(v->state, n);
		if (!v->state)
			abort();
		memset(v->state + v->n_state, CM_OPEN, n - v->n_state);
		v->n_state = n;
	}
	return &v->state[msg - 1];
}

static bool in_order(const struct cworld *w)
{
	return w->mode != CHAN_BEST_EFFORT;
}

/* --- what a core accepts ------------------------------------------------------------ */

static void check_accept(struct cworld *w, struct cmember *m, const struct ctap *t)
{
	lan_time now = sim_now(w->sim);
	const struct cepoch *k = cworld_key(w, t->epoch);

	if (t->inst < 0) {
		sim_fail(w->sim, "%s accepts a datagram that nobody sent", m->name);
		return;
	}
	/* who does not hold the next epoch does not know that this one ends */
	if (!k || k > &w->epoch[m->n_keys - 1])
		sim_fail(w->sim, "%s accepts epoch %u, which it has no key for", m->name, t->epoch);
	else if (k != &w->epoch[m->n_keys - 1] && now > k->accept_until)
		sim_fail(w->sim, "%s accepts epoch %u after its end", m->name, t->epoch);
	for (size_t i = 0; i < m->n_refused; i++)
		if (m->refused[i].sender == t->sender && t->counter <= m->refused[i].counter)
			sim_fail(w->sim, "%s accepts counter %llu that its predecessor had seen", m->name,
				ULL(t->counter));
}

/* An instance was heard: older ones of the same sender are over. */
static void supersede(struct cworld *w, struct cmember *m, int inst)
{
	lan_time now = sim_now(w->sim);

	for (int i = 0; i < w->n_inst; i++) {
		struct cview *v = cledger_view(m, i);

		if (i == inst || w->inst[i].id != w->inst[inst].id || v->first_at == LAN_NEVER)
			continue;
		if (i > inst)
			sim_fail(w->sim, "%s accepts an older boot of %016llx", m->name, ULL(w->inst[i].id));
		else if (v->over_at == LAN_NEVER)
			v->over_at = now;
	}
}

void cledger_judged(
	struct cworld *w, struct cmember *m, const struct ctap *t, bool damaged, bool own, enum lan_err e)
{
	lan_time now = sim_now(w->sim);

	if (own)
		return;
	if (e != LAN_OK) {
		if (w->calm && !damaged)
			sim_fail(w->sim, "%s refuses a good datagram: %s", m->name, lan_err_name(e));
		return;
	}
	check_accept(w, m, t);
	if (t->inst < 0)
		return;
	struct cview *v = cledger_view(m, t->inst);
	if (v->first_at == LAN_NEVER) {
		v->first_at = now;
		supersede(w, m, t->inst);
		v = cledger_view(m, t->inst); /* there may be more of them now */
	}
	if (t->type == CHAN_F_PRESENCE) {
		v->announced = true;
		v->fooled |= w->inst[t->inst].opened + (now - t->at) + LAN_MS(1) > w->inst[m->inst].opened;
	}
	/* a goodbye that was said before counts as nothing */
	if (t->type == CHAN_F_DATA || (t->type == CHAN_F_PRESENCE && !t->goodbye)) {
		if (v->known == LAN_NEVER)
			v->known = now;
		if (t->msg > v->told)
			v->told = t->msg;
	} else if (t->type == CHAN_F_START && v->asked && t->n == m->cfg.late) {
		v->starts = v->starts < CLEDGER_STARTS ? v->starts + 1 : v->starts;
		v->start_msg[v->starts - 1] = t->msg;
	}
}

/* --- what an application is told ------------------------------------------------------ */

/* Could this event be about that instance, as far as moments tell? */
static bool eligible(const struct cview *v, const struct chan_event *ev)
{
	if (v->first_at == LAN_NEVER || v->first_at > ev->at)
		return false;
	return v->over_at == LAN_NEVER || ev->at <= v->over_at;
}

static bool is_message(struct cworld *w, int inst, const struct chan_event *ev)
{
	const struct cinst *i = &w->inst[inst];

	if (!ev->seq || ev->seq > i->n_msg || i->msg[ev->seq - 1].len != ev->len)
		return false;
	capp_fill(w, inst, ev->seq, (uint32_t)ev->len, w->scratch);
	return memcmp(w->scratch, ev->data, ev->len) == 0;
}

/* A loss that is told at the moment a new instance is heard is the old one's, as far as that one's numbers
 * were known; of two messages that fit (of no bytes) it is the one that waits for this number. */
static bool better(const struct cinst *i, const struct cview *v, const struct chan_event *ev)
{
	if (ev->kind == CHAN_LOST)
		return !(v->over_at == ev->at && ev->last <= i->begun && v->next <= ev->first);
	return v->next != ev->seq;
}

static int inst_of(struct cworld *w, struct cmember *m, const struct chan_event *ev)
{
	int best = -1;

	for (int i = 0; i < w->n_inst; i++) {
		bool self = i == m->inst;

		if (w->inst[i].id != ev->sender || (!self && !eligible(cledger_view(m, i), ev)))
			continue;
		if (ev->kind == CHAN_MESSAGE && !is_message(w, i, ev))
			continue;
		if (best < 0 || better(&w->inst[best], &m->view[best], ev))
			best = i;
	}
	return best;
}

static uint64_t first_after(const struct cinst *i, lan_time t)
{
	uint64_t n = 1;

	while (n <= i->n_msg && i->msg[n - 1].at <= t)
		n++;
	return n;
}

uint64_t cledger_begin(struct cworld *w, struct cmember *m, int inst)
{
	const struct cinst *i = &w->inst[inst];
	const struct cview *v = cledger_view(m, inst);
	bool was_there = w->inst[m->inst].opened < i->opened;

	if (inst == m->inst || (w->mode == CHAN_RELIABLE && was_there && v->announced))
		return 1;
	if (v->known == LAN_NEVER)
		return UINT64_MAX;
	/* asking for the last messages without an answer takes time */
	return first_after(i, v->known + (m->cfg.late ? LAN_SEC(3) : 0));
}

static void check_begin(struct cworld *w, struct cmember *m, int inst, uint64_t msg)
{
	const struct cview *v = cledger_view(m, inst);
	uint64_t latest = cledger_begin(w, m, inst);

	if (w->small_table || (v->fooled && msg == 1))
		return;
	for (unsigned i = 0; i < v->starts && latest != 1; i++)
		if (v->start_msg[i] == msg)
			return;
	if (v->starts && latest != 1 && v->asked < 3)
		sim_fail(w->sim, "%s begins with message %llu of %s instead of %llu, where the last %u begin",
			m->name, ULL(msg), w->m[w->inst[inst].member].name, ULL(v->start_msg[0]),
			m->cfg.late);
	else if (msg > latest)
		sim_fail(w->sim, "%s begins with message %llu of %s; it should have begun with %llu", m->name,
			ULL(msg), w->m[w->inst[inst].member].name, ULL(latest));
}

/* Messages first..last of an instance are settled: in order, and for the first time. */
static void settle(
	struct cworld *w, struct cmember *m, int inst, uint64_t first, uint64_t last, enum cstate to)
{
	struct cview *v = cledger_view(m, inst);
	const char *who = w->m[w->inst[inst].member].name;

	if (in_order(w) && !v->next)
		check_begin(w, m, inst, first);
	else if (in_order(w) && first != v->next)
		sim_fail(w->sim, "%s: message %llu of %s comes after %llu", m->name, ULL(first), who,
			ULL(v->next - 1));
	v->next = last + 1;
	for (uint64_t n = first; n <= last && !sim_failure(w->sim); n++) {
		uint8_t *s = state_of(v, n);

		if (*s != CM_OPEN)
			sim_fail(w->sim, "%s: message %llu of %s was %s, now it is %s", m->name, ULL(n), who,
				*s == CM_LOST ? "lost" : "delivered", to == CM_LOST ? "lost" : "delivered");
		*s = (uint8_t)to;
	}
}

static void on_message(struct cworld *w, struct cmember *m, const struct chan_event *ev)
{
	int inst = inst_of(w, m, ev);

	if (inst < 0) {
		sim_fail(w->sim, "%s is given message %llu (%zu bytes) of %016llx, which was not sent",
			m->name, ULL(ev->seq), ev->len, ULL(ev->sender));
		return;
	}
	sim_note(w->sim, "%s is given message %llu of %s", m->name, ULL(ev->seq),
		w->m[w->inst[inst].member].name);
	if (inst == m->inst && !m->cfg.hear_self)
		sim_fail(w->sim, "%s hears itself", m->name);
	if (inst != m->inst && ev->verified != w->m[w->inst[inst].member].signs)
		sim_fail(w->sim, "%s: message %llu is%s verified", m->name, ULL(ev->seq),
			ev->verified ? "" : " not");
	if (ev->data[ev->len] != 0)
		sim_fail(w->sim, "%s: no NUL behind the message", m->name);
	settle(w, m, inst, ev->seq, ev->seq, CM_DELIVERED);
	w->delivered++;
}

/* May this message be lost to m at all? */
static bool may_be_lost(struct cworld *w, struct cmember *m, int inst, uint64_t msg)
{
	const struct cinst *i = &w->inst[inst];
	uint32_t mine = m->cfg.history, its = w->m[i->member].cfg.history, kept = mine < its ? mine : its;

	if (inst == m->inst) /* its own: if it does not pull */
		return true;
	if (w->calm || (w->flow_strict && i->ended == LAN_NEVER))
		return false;
	if (w->mode != CHAN_RELIABLE || i->ended != LAN_NEVER || w->small_table || w->memory_fails)
		return true;
	uint64_t first = i->msg[msg - 1].first_seq;
	return first && first + kept <= i->highest;
}

static void on_lost(struct cworld *w, struct cmember *m, const struct chan_event *ev)
{
	int inst = inst_of(w, m, ev);

	if (inst < 0 || !ev->first || ev->last < ev->first || ev->last > w->inst[inst].n_msg ||
		ev->count != ev->last - ev->first + 1) {
		sim_fail(w->sim,
			"%s is told that %llu..%llu (%llu) of %016llx are lost (%s), which were not sent",
			m->name, ULL(ev->first), ULL(ev->last), ULL(ev->count), ULL(ev->sender),
			ev->reason ? ev->reason : "");
		return;
	}
	sim_note(w->sim, "%s loses messages %llu..%llu of %s: %s", m->name, ULL(ev->first), ULL(ev->last),
		w->m[w->inst[inst].member].name, ev->reason ? ev->reason : "");
	for (uint64_t n = ev->first; n <= ev->last; n++)
		if (!may_be_lost(w, m, inst, n)) {
			sim_fail(w->sim, "%s is told that %llu of %s is lost, which need not be", m->name,
				ULL(n), w->m[w->inst[inst].member].name);
			return;
		}
	settle(w, m, inst, ev->first, ev->last, CM_LOST);
	w->lost += ev->count;
}

static void on_presence(struct cworld *w, struct cmember *m, const struct chan_event *ev)
{
	size_t i = 0;

	sim_note(w->sim, "%s: %016llx %s", m->name, ULL(ev->sender),
		ev->kind == CHAN_JOINED ? "joined" : "left");
	while (i < m->n_here && m->here[i] != ev->sender)
		i++;
	if (w->memory_fails && (ev->kind == CHAN_JOINED) != (i == m->n_here))
		return; /* the word before was lost for lack of memory */
	if ((ev->kind == CHAN_JOINED) != (i == m->n_here)) {
		sim_fail(w->sim, "%s is told twice that %016llx came or went", m->name, ULL(ev->sender));
		return;
	}
	if (ev->kind == CHAN_LEFT)
		m->here[i] = m->here[--m->n_here];
	else if (m->n_here < CHAN_MEMBERS_MAX)
		m->here[m->n_here++] = ev->sender;
}

void cledger_event(struct cmember *m, const struct chan_event *ev)
{
	struct cworld *w = m->w;

	switch (ev->kind) {
	case CHAN_MESSAGE:
		on_message(w, m, ev);
		break;
	case CHAN_LOST:
		on_lost(w, m, ev);
		break;
	case CHAN_JOINED:
	case CHAN_LEFT:
		on_presence(w, m, ev);
		break;
	case CHAN_WRITABLE:
		if (!m->full)
			sim_fail(w->sim, "%s is told WRITABLE without having been told FULL", m->name);
		m->full = false;
		capp_write_from(m, sim_now(w->sim));
		break;
	case CHAN_REFUSED:
		if (!ev->count || !ev->reason)
			sim_fail(w->sim, "%s is told of a refusal without count or reason", m->name);
		break;
	case CHAN_KEY:
		sim_note(w->sim, "%s sends with epoch %u", m->name, ev->epoch);
		break;
	case CHAN_IFACE:
		sim_fail(w->sim, "%s: a core speaks of interfaces", m->name);
		break;
	}
}
