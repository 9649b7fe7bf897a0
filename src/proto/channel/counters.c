/*
 * counters.c - what was refused and why, as counters with names, and as events
 * that tell of each reason at most once a second: a flood of forgeries fills
 * neither memory nor logs.
 */
#include "proto/channel/group_int.h"

#define TELL_PAUSE LAN_SEC(1)

static const struct {
	const char *name, *help;
} texts[CHAN_C_N] = {
#define X(id, name, help) {name, help},
	CHAN_COUNTER_LIST(X)
#undef X
};

bool chan_counter(const struct chan *c, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i >= CHAN_C_N)
		return false;
	*name = texts[i].name;
	*help = texts[i].help;
	*value = c->counters[i];
	return true;
}

static void tell(struct chan *c, lan_time now, enum chan_counter_id id)
{
	struct chan_event ev = {.kind = CHAN_REFUSED,
		.at = now,
		.name = "",
		.from = c->refused_from[id],
		.count = c->counters[id] - c->refused_told[id],
		.reason = texts[id].name};
	c->refused_at[id] = now;
	if (chan_inbox_put(&c->inbox, &ev))
		c->refused_told[id] = c->counters[id];
	else
		chan_count(c, CHAN_C_EVENTS);
}

enum lan_err chan_refuse(struct chan *c, lan_time now, enum chan_counter_id id, const struct lan_from *from)
{
	bool first = c->refused_told[id] == c->counters[id];
	chan_count(c, id);
	c->stats.rx_refused++;
	c->refused_from[id] = *from;
	if (!first)
		return LAN_ERR_PROTO;
	lan_time at = c->refused_at[id] ? c->refused_at[id] + TELL_PAUSE : 0;
	if (now >= at)
		tell(c, now, id);
	else if (at < lan_timers_at(&c->timers, &c->timer[CHAN_T_REFUSED]))
		chan_arm(c, CHAN_T_REFUSED, at);
	return LAN_ERR_PROTO;
}

void chan_refused_due(struct chan *c, lan_time now)
{
	lan_time next = LAN_NEVER;
	for (int id = 0; id < CHAN_REFUSALS; id++) {
		if (c->refused_told[id] == c->counters[id])
			continue;
		lan_time at = c->refused_at[id] + TELL_PAUSE;
		if (now >= at) {
			tell(c, now, id);
			at = now + TELL_PAUSE;
		}
		if (c->refused_told[id] != c->counters[id] && at < next)
			next = at;
	}
	chan_arm(c, CHAN_T_REFUSED, next);
}
