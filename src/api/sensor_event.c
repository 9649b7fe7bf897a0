/*
 * sensor_event.c - what a device tells its application: states, the network, requests handled; status and
 * counters. Events need not be pulled: of more than EVENTS that wait the oldest go.
 */
#include <string.h>
#include "api/sensor_int.h"

/* ---- events ---------------------------------------------------------------------------------------------
 */

void sensor_wake(void *ctx)
{
	struct lan_sensor *s = ctx;
	s->noted = false;
	lan_loop_note(s->loop);
	if (s->on_ready)
		s->on_ready(s->on_ready_ctx);
}

struct sensor_note *sensor_note(struct lan_sensor *s, enum lan_sensor_event_kind kind)
{
	if (s->n_notes == EVENTS)
		s->first_note = (s->first_note + 1) % EVENTS, s->n_notes--;
	struct sensor_note *n = &s->notes[(s->first_note + s->n_notes++) % EVENTS];
	*n = (struct sensor_note){.ev = {.kind = kind, .at = lan_loop_stamp(s->loop)}};
	if (!s->noted) {
		s->noted = true;
		lan_task_queue(s->loop, &s->wake);
	}
	return n;
}

static enum lan_sensor_state state_of(enum sos_slave_state s)
{
	static const enum lan_sensor_state states[] = {[SOS_COLDSTART] = LAN_SENSOR_START,
		[SOS_WAITING_UNKNOWN] = LAN_SENSOR_WAITING,
		[SOS_WAITING_KNOWN] = LAN_SENSOR_KNOWN,
		[SOS_RUNNING] = LAN_SENSOR_RUNNING,
		[SOS_RENEW] = LAN_SENSOR_RENEWING};
	return states[s];
}

void sensor_tell_state(struct lan_sensor *s, const struct sos_slave_event *ev)
{
	struct sensor_note *n = sensor_note(s, LAN_SENSOR_STATE);
	n->ev.state = state_of(ev->state);
	n->ev.was = state_of(ev->was);
	n->ev.ttl = ev->ttl;
	n->ev.mtu = ev->mtu;
	if (ev->have_master)
		lan_nets_text(s->drv, &ev->master, n->master, sizeof n->master);
	strncpy(n->reason, ev->text, sizeof n->reason - 1);
}

void sensor_net_event(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why)
{
	struct lan_sensor *s = ctx;
	if (up && s->up)
		return;
	struct sensor_note *n = sensor_note(s, LAN_SENSOR_NET);
	n->ev.err = up ? LAN_OK : err ? err : LAN_ERR_CLOSED;
	strncpy(n->reason, why ? why : "", sizeof n->reason - 1);
	s->up = up;
	sos_slave_network(s->core, lan_loop_stamp(s->loop), link, up);
	if (s->drv)
		lan_nets_kick(s->drv);
}

bool lan_sensor_event(struct lan_sensor *s, struct lan_sensor_event *ev)
{
	if (!s->n_notes)
		return false;
	struct sensor_note *n = &s->notes[s->first_note];
	s->first_note = (s->first_note + 1) % EVENTS;
	s->n_notes--;
	*ev = n->ev;
	ev->master = n->master;
	ev->from = n->from;
	ev->path = n->path;
	ev->reason = n->reason;
	return true;
}

void lan_sensor_trace(struct lan_sensor *s, bool yes)
{
	s->trace = yes;
}

void lan_sensor_on_ready(struct lan_sensor *s, void (*fn)(void *ctx), void *ctx)
{
	s->on_ready = fn;
	s->on_ready_ctx = ctx;
}

/* ---- status ---------------------------------------------------------------------------------------------
 */

void lan_sensor_status(const struct lan_sensor *s, struct lan_sensor_status *out)
{
	struct lan_sensor *mine = (struct lan_sensor *)s; /* for the text alone */
	struct sos_slave_status st;
	struct lan_net_stats net = {0};
	bool slave = s->spec.kind != LAN_NET_UDP;
	sos_slave_status(s->core, &st);
	mine->master[0] = '\0';
	if (st.have_master)
		lan_nets_text(s->drv, &st.master, mine->master, sizeof mine->master);
	(void)lan_nets_stats(s->drv, LINK, &net);
	*out = (struct lan_sensor_status){.id = s->id,
		.state = slave   ? state_of(st.state)
			 : s->up ? LAN_SENSOR_RUNNING
				 : LAN_SENSOR_START,
		.master = s->master,
		.epoch = slave && st.have_master ? sos_epoch_name(st.epoch) : "",
		.keyed = st.keyed,
		.ttl = st.ttl,
		.mtu = slave ? st.mtu : 0,
		.hello = st.hello,
		.since = st.since,
		.expires = slave ? st.expires : LAN_NEVER,
		.port = net.port};
	for (size_t i = 0; i < s->n_resources; i++)
		out->observers += coap_observers(sos_slave_coap(s->core), (uint32_t)i + 1);
}

bool lan_sensor_counter(
	const struct lan_sensor *s, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (s->spec.kind != LAN_NET_UDP) {
		if (i < SOS_SLAVE_C_N) {
			*name = sos_slave_counter_name((enum sos_slave_counter)i);
			*help = sos_slave_counter_help((enum sos_slave_counter)i);
			*value = sos_slave_counter(s->core, (enum sos_slave_counter)i);
			return true;
		}
		i -= SOS_SLAVE_C_N;
	}
	if (i >= COAP_C_N)
		return lan_nets_counter(s->drv, LINK, i - COAP_C_N, name, help, value);
	*name = coap_counter_name((enum coap_counter)i);
	*help = coap_counter_help((enum coap_counter)i);
	*value = coap_counter(sos_slave_coap(s->core), (enum coap_counter)i);
	return true;
}

const char *lan_sensor_state_name(enum lan_sensor_state state)
{
	static const char *const names[] = {[LAN_SENSOR_START] = "start",
		[LAN_SENSOR_WAITING] = "waiting",
		[LAN_SENSOR_KNOWN] = "known",
		[LAN_SENSOR_RUNNING] = "running",
		[LAN_SENSOR_RENEWING] = "renewing"};
	return (size_t)state < sizeof names / sizeof *names ? names[state] : "?";
}

const char *lan_sensor_event_name(enum lan_sensor_event_kind kind)
{
	static const char *const names[] = {
		[LAN_SENSOR_STATE] = "state", [LAN_SENSOR_NET] = "net", [LAN_SENSOR_REQUESTED] = "requested"};
	return kind && (size_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}
