/*
 * chan_debts.c - when it is over: is anything still owed? Every member knows
 * every other, and nobody else; all was sent; each message that a receiver had
 * to get was delivered or reported lost; in the best-effort mode of a faultless
 * network all arrived.
 */
#include "chan_world.h"

#define ULL(x) ((unsigned long long)(x))

/* Says false, and why if that is asked for. */
#define OWED(w, say, ...)                                \
	do {                                             \
		if (say)                                 \
			sim_fail((w)->sim, __VA_ARGS__); \
		return false;                            \
	} while (0)

static bool knows(const struct cmember *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_here; i++)
		if (m->here[i] == id)
			return true;
	return false;
}

static bool company(struct cworld *w, struct cmember *m, bool say)
{
	size_t alive = 0;

	for (int i = 0; i < w->n_m; i++) {
		struct cmember *o = &w->m[i];

		if (o == m || !o->core || o->cfg.silent)
			continue;
		alive++;
		if (!knows(m, o->id))
			OWED(w, say, "%s does not know %s", m->name, o->name);
	}
	if (m->n_here != alive)
		OWED(w, say, "%s thinks that %zu others are there, but there are %zu", m->name, m->n_here,
			alive);
	struct chan_status st;
	chan_status(m->core, &st);
	if (st.members != alive + 1)
		OWED(w, say, "%s counts %u members instead of %zu", m->name, st.members, alive + 1);
	return true;
}

/* The last message this life of m has to settle; 0: none. */
static uint64_t owed_to(struct cworld *w, struct cmember *m, int inst)
{
	struct cinst *i = &w->inst[inst];
	struct cview *v = cledger_view(m, inst);

	if (inst == m->inst)
		return m->cfg.hear_self ? i->n_msg : 0;
	return i->ended == LAN_NEVER ? i->n_msg : v->told;
}

static bool in_order_done(struct cworld *w, struct cmember *m, int inst, bool say)
{
	struct cinst *i = &w->inst[inst];
	struct cview *v = cledger_view(m, inst);
	const char *who = w->m[i->member].name;
	uint64_t last = owed_to(w, m, inst), begin;

	if (!last || (m->cfg.silent && w->mode == CHAN_RELIABLE))
		return true;
	if (inst != m->inst && i->ended == LAN_NEVER && v->told != last)
		OWED(w, say, "%s was not told of message %llu of %s", m->name, ULL(last), who);
	if (v->next)
		return v->next > last ||
		       (say ? (sim_fail(w->sim, "%s: message %llu of %s neither came nor is lost", m->name,
				       ULL(v->next), who),
				      false)
			    : false);
	begin = cledger_begin(w, m, inst);
	if (begin <= last)
		OWED(w, say, "%s: nothing of %s came, not even message %llu", m->name, who, ULL(begin));
	return true;
}

/* Nothing was lost on the way, so nothing may be missing. */
static bool unordered_done(struct cworld *w, struct cmember *m, int inst, bool say)
{
	struct cinst *i = &w->inst[inst];
	struct cview *v = cledger_view(m, inst);

	for (uint64_t n = 1; w->calm && i->ended == LAN_NEVER && inst != m->inst && n <= i->n_msg; n++)
		if (i->msg[n - 1].at > v->known && (n > v->n_state || v->state[n - 1] != CM_DELIVERED))
			OWED(w, say, "%s did not get message %llu of %s", m->name, ULL(n),
				w->m[i->member].name);
	return true;
}

static bool views_done(struct cworld *w, struct cmember *m, bool say)
{
	for (int i = 0; i < w->n_inst; i++) {
		struct cview *v = cledger_view(m, i);

		if (i != m->inst && v->known == LAN_NEVER)
			continue;
		if (!(w->mode == CHAN_BEST_EFFORT ? unordered_done(w, m, i, say)
						  : in_order_done(w, m, i, say)))
			return false;
	}
	return true;
}

static bool writer_done(struct cworld *w, struct cmember *m, bool say)
{
	if (m->full || m->to_send)
		OWED(w, say, "%s has %u messages to send%s", m->name, m->to_send,
			m->full ? " and waits for WRITABLE" : "");
	if (chan_pending(m->core) && !w->small_table)
		OWED(w, say, "%s has %zu bytes pending", m->name, chan_pending(m->core));
	if (w->inst[m->inst].begun != w->inst[m->inst].n_msg)
		OWED(w, say, "%s has put only %llu of %llu messages on the wire", m->name,
			ULL(w->inst[m->inst].begun), ULL(w->inst[m->inst].n_msg));
	return true;
}

bool cledger_done(struct cworld *w, bool say)
{
	for (int i = 0; i < w->n_m; i++) {
		struct cmember *m = &w->m[i];

		if (!m->core)
			OWED(w, say, "%s is not up", m->name);
		if (!writer_done(w, m, say))
			return false;
		if (w->small_table)
			continue;
		if (!(w->memory_fails || company(w, m, say)) || !views_done(w, m, say))
			return false;
	}
	return true;
}
