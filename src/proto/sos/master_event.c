/*
 * master_event.c - what the owner is told. Changes of state wait in a ring; while it is nearly full no
 * message is taken in and nothing expires (open and tick, master.c). Answers are pulled out of the engine one
 * by one.
 */
#include "proto/sos/master_int.h"

static struct sos_master_event *put(struct sos_master *m)
{
	if (m->state_len == MAX_STATES) {
		count(m, SOS_MASTER_C_events_dropped);
		return NULL;
	}
	return &m->states[(m->state_head + m->state_len++) % MAX_STATES];
}

void sos_tell_state(struct sos_master *m, lan_time now, const struct member *s, enum sos_member_state was,
	const char *reason, const struct lan_ep *old)
{
	struct sos_master_event *e = put(m);
	if (!e)
		return;
	*e = (struct sos_master_event){.kind = SOS_MASTER_EV_STATE,
		.slave = s->id,
		.ep = s->ep.len ? s->ep : s->try,
		.state = s->state,
		.was = was,
		.epoch = s->epoch,
		.reason = reason,
		.at = now};
	if (old)
		e->old = *old;
	if (!e->ep.len && old)
		e->ep = *old;
}

void sos_tell_candidate(struct sos_master *m, lan_time now, const struct member *s, const struct lan_ep *ep,
	enum sos_epoch epoch)
{
	struct sos_master_event *e = put(m);
	if (e)
		*e = (struct sos_master_event){.kind = SOS_MASTER_EV_CANDIDATE,
			.slave = s->id,
			.ep = *ep,
			.epoch = epoch,
			.reason = "not listed",
			.at = now};
}

static const char *refusal_text(enum refusal r)
{
	switch (r) {
	case REFUSED_UNLISTED:
		return "slave is not listed";
	case REFUSED_CANDIDATES:
		return "too many candidates";
	case REFUSED_KEY:
		return "key missing, wrong, or not expected";
	case REFUSED_LIST:
		return "list of resources not understood";
	case REFUSED_CONTROL:
		return "control message not understood";
	}
	return "";
}

void sos_tell_refused(
	struct sos_master *m, lan_time now, uint32_t slave, const struct lan_ep *ep, enum refusal r)
{
	if (m->refused[r] && now - m->refused[r] < LAN_SEC(1))
		return;
	m->refused[r] = now;
	struct sos_master_event *e = put(m);
	if (e)
		*e = (struct sos_master_event){.kind = SOS_MASTER_EV_REFUSED,
			.slave = slave,
			.ep = *ep,
			.reason = refusal_text(r),
			.at = now};
}

void sos_tell_other(struct sos_master *m, lan_time now, const struct lan_ep *ep, const char *what)
{
	count(m, SOS_MASTER_C_other_master);
	bool same = sos_same(&m->other, ep);
	if (m->other_told && now - m->other_told < (same ? LAN_SEC(60) : LAN_SEC(1)))
		return;
	m->other = *ep, m->other_told = now;
	struct sos_master_event *e = put(m);
	if (e)
		*e = (struct sos_master_event){
			.kind = SOS_MASTER_EV_MASTER, .ep = *ep, .reason = what, .at = now};
}

/* True: it was the master's own, and is dealt with. */
static bool own(struct sos_master *m, lan_time now, const struct coap_event *ev)
{
	if (!(ev->tag & (TAG_ASSOC | TAG_LIST | TAG_END)))
		return false;
	struct member *s = sos_member(m, (uint32_t)ev->tag);
	if (s && ev->tag & TAG_ASSOC && ev->id == s->assoc)
		sos_on_assoc(m, now, s, ev);
	if (s && ev->tag & TAG_LIST && ev->id == s->listing)
		sos_on_list(m, now, s, ev);
	return true;
}

bool sos_master_event(struct sos_master *m, lan_time now, struct sos_master_event *out)
{
	struct coap_event ev;
	for (;;) {
		if (m->state_len) {
			*out = m->states[m->state_head];
			m->state_head = (m->state_head + 1) % MAX_STATES;
			m->state_len--;
			return true;
		}
		if (sos_failed(m, now, out))
			return true;
		if (!coap_event(m->coap, now, &ev))
			return false;
		if (!own(m, now, &ev) && sos_on_answer(m, now, &ev, out))
			return true;
	}
}

uint64_t sos_master_counter(const struct sos_master *m, enum sos_master_counter c)
{
	return m->counters[c];
}

static const struct {
	const char *name, *help;
} counters[] = {
#define X(name, help) {#name, help},
	SOS_MASTER_COUNTERS(X)
#undef X
};

const char *sos_master_counter_name(enum sos_master_counter c)
{
	return counters[c].name;
}

const char *sos_master_counter_help(enum sos_master_counter c)
{
	return counters[c].help;
}
