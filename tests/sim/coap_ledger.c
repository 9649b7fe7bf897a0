/*
 * coap_ledger.c - what the engines promise, checked at every event: one outcome a request and no more,
 * answers of the one that was asked, whole, of a state that was once true and not older than what was told
 * before; what is not safe is done once; in the end observers know the last state and everything is still.
 */
#include "coap_world.h"

static struct cw_request *request_of(struct cw_node *d, const struct coap_event *ev)
{
	struct cworld *w = d->w;
	struct cw_request *q = ev->tag < w->n_req ? &w->req[ev->tag] : NULL;

	if (!q || q->from != d->i || q->life != d->life || q->id != ev->id) {
		sim_fail(w->sim, "%s is told of request %llu, which is none of its own", d->name,
			(unsigned long long)ev->tag);
		return NULL;
	}
	if (q->over) {
		sim_fail(w->sim, "%s is told of request %llu, which is %s", d->name,
			(unsigned long long)ev->tag, q->cancelled ? "cancelled" : "over");
		return NULL;
	}
	return q;
}

static bool excused(enum lan_err e)
{
	return e == LAN_ERR_TIMEOUT || e == LAN_ERR_UNREACH || e == LAN_ERR_FULL || e == LAN_ERR_PROTO ||
	       e == LAN_ERR_RESET;
}

static void fails(struct cw_node *d, struct cw_request *q, const struct coap_event *ev)
{
	d->w->failed++;
	q->over = q->failed = true;
	if (!excused(ev->err) || !ev->text || (d->w->calm && q->kind != CW_GROUP && ev->err != LAN_ERR_PROTO))
		sim_fail(d->w->sim, "request %llu of %s fails with %s: %s", (unsigned long long)ev->tag,
			d->name, lan_err_name(ev->err), ev->text ? ev->text : "no reason");
}

static bool from_elsewhere(const struct cw_request *q, const struct coap_event *ev, int *server)
{
	*server = ev->from.addr[5] - 1;
	return q->kind == CW_GROUP ? *server < 0 || *server >= CW_NODES : *server != q->to;
}

/* Errors that the engines themselves give, when something is full or lost on the way. */
static bool engines_own(uint8_t code)
{
	return code == COAP_REQUEST_INCOMPLETE || code == COAP_UNAVAILABLE || code == COAP_UNAUTHORIZED ||
	       code == COAP_BAD_REQUEST || code == COAP_REQUEST_TOO_LARGE;
}

static void judge_state(struct cw_node *d, struct cw_request *q, const struct coap_event *ev, int server)
{
	struct cworld *w = d->w;
	uint32_t state;

	if (!cbody_is_state(ev->msg.payload, ev->msg.len, server, q->resource, &state))
		sim_fail(w->sim, "request %llu of %s: the answer of %zu octets is not resource %d of n%d",
			(unsigned long long)ev->tag, d->name, ev->msg.len, q->resource, server);
	else if (state > w->node[server].state[q->resource] || (q->kind != CW_GROUP && state < q->since))
		sim_fail(w->sim, "request %llu of %s: state %u, after %u and before %u",
			(unsigned long long)ev->tag, d->name, state, q->since,
			w->node[server].state[q->resource]);
	else if (q->kind == CW_OBSERVE)
		q->since = state;
}

static void judge_number(struct cw_node *d, struct cw_request *q, const struct coap_event *ev)
{
	uint32_t number;
	int client;

	if (!cbody_is_number(ev->msg.payload, ev->msg.len, &client, &number, false) || client != d->i ||
		number != ev->tag)
		sim_fail(d->w->sim, "request %llu of %s is given another's answer, or half of one",
			(unsigned long long)ev->tag, d->name);
	else if (!q->done)
		sim_fail(d->w->sim, "request %llu of %s is answered and was never done",
			(unsigned long long)ev->tag, d->name);
}

static void told(struct cw_node *d, struct cw_request *q, const struct coap_event *ev)
{
	int server;

	d->w->told++;
	if (from_elsewhere(q, ev, &server)) {
		sim_fail(d->w->sim, "request %llu of %s is answered by another", (unsigned long long)ev->tag,
			d->name);
		return;
	}
	if ((ev->kind == COAP_EV_RESPONSE) == q->first && q->kind != CW_GROUP)
		sim_fail(d->w->sim, "request %llu of %s: RESPONSE and NOTIFY out of turn",
			(unsigned long long)ev->tag, d->name);
	q->first = true;
	if (q->kind == CW_PING ? ev->code != 0
			       : COAP_CLASS(ev->code) != 2 && (d->w->calm || !engines_own(ev->code)))
		sim_fail(d->w->sim, "request %llu of %s: code %02x", (unsigned long long)ev->tag, d->name,
			ev->code);
	else if (COAP_CLASS(ev->code) == 2 && q->kind == CW_POST)
		judge_number(d, q, ev);
	else if (COAP_CLASS(ev->code) == 2)
		judge_state(d, q, ev, server);
	if (ev->observing && q->kind != CW_OBSERVE && q->kind != CW_GROUP)
		sim_fail(d->w->sim, "request %llu of %s observes", (unsigned long long)ev->tag, d->name);
	if (!ev->observing) {
		q->over = true;
		d->w->answered++;
	}
}

void cledger_event(struct cw_node *d, const struct coap_event *ev)
{
	struct cw_request *q = request_of(d, ev);

	if (!q)
		return;
	if (ev->kind == COAP_EV_FAILED)
		fails(d, q, ev);
	else
		told(d, q, ev);
}

void cledger_executed(struct cw_node *d, int client, uint32_t number, size_t n)
{
	struct cworld *w = d->w;
	struct cw_request *q = number < w->n_req ? &w->req[number] : NULL;
	uint64_t excuse = d->lost + coap_counter(d->core, COAP_C_dedup_evicted) +
			  coap_counter(d->core, COAP_C_bodies_evicted);

	w->executed++;
	if (!q || q->from != client || q->kind != CW_POST || q->to != d->i || q->up != n)
		sim_fail(w->sim, "%s does request %u, which is nobody's", d->name, number);
	else if (q->done++ && !excuse)
		sim_fail(w->sim, "%s does request %u a second time", d->name, number);
}

bool cledger_settled(struct cworld *w, bool must)
{
	for (uint32_t i = 0; i < w->n_req; i++) {
		const struct cw_request *q = &w->req[i];

		if (q->over)
			continue;
		if (q->kind != CW_OBSERVE || !q->first) {
			if (must)
				sim_fail(
					w->sim, "request %u of n%d to n%d has no outcome", i, q->from, q->to);
			return false;
		}
		if (q->since != w->node[q->to].state[q->resource]) {
			if (must)
				sim_fail(w->sim, "observer %u of n%d knows state %u of n%d/v%d, which is %u",
					i, q->from, q->since, q->to, q->resource,
					w->node[q->to].state[q->resource]);
			return false;
		}
	}
	return true;
}

void cledger_quiet(struct cworld *w)
{
	for (int i = 0; i < w->n_node; i++) {
		struct coap *c = w->node[i].core;

		if (!c)
			continue;
		if (coap_ops.deadline(c) != LAN_NEVER)
			sim_fail(w->sim, "n%d still waits for something", i);
		if (coap_ops.ready(c))
			sim_fail(w->sim, "n%d still has something to tell", i);
		for (int k = 0; k < w->n_node; k++) {
			struct lan_ep ep = cworld_ep(k);

			if (coap_outstanding(c, &ep))
				sim_fail(w->sim, "n%d still has requests at n%d", i, k);
		}
	}
}
