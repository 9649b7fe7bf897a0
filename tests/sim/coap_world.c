/*
 * coap_world.c - see coap_world.h: the nodes, and the application on each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coap_world.h"

static void *boot(void *ctx, const struct lan_env *env)
{
	struct cw_node *d = ctx;

	d->life++;
	if (coap_new(env, &d->cfg, &d->core) != LAN_OK)
		return NULL;
	if (coap_link(d->core, 1, d->datagram, d->trusted) != LAN_OK)
		sim_fail(d->w->sim, "%s: coap_link", d->name);
	return d->core;
}

static void bury(void *ctx, void *core)
{
	struct cw_node *d = ctx;

	d->lost += coap_counter(core, COAP_C_dedup_evicted) + coap_counter(core, COAP_C_bodies_evicted) + 1;
	coap_free(core);
	d->core = NULL;
	memset(d->later, 0, sizeof d->later);
	for (uint32_t i = 0; i < d->w->n_req; i++)
		if (d->w->req[i].from == d->i)
			d->w->req[i].over = true; /* nobody is there to be told */
}

struct lan_ep cworld_ep(int node)
{
	return (struct lan_ep){.link = 1, .len = 6, .addr = {2, 0, 0, 0, 0, (uint8_t)(node + 1)}};
}

/* --- the server's owner -------------------------------------------------------- */

static void respond(struct cw_node *d, uint32_t id, const struct coap_response *r)
{
	enum lan_err e = coap_respond(d->core, sim_now(d->w->sim), id, r);

	if (e != LAN_OK && e != LAN_ERR_NOTFOUND)
		sim_fail(d->w->sim, "%s: coap_respond: %s", d->name, lan_err_name(e));
}

static void give_state(struct cw_node *d, uint32_t id, int resource)
{
	static uint8_t body[CW_BODY];
	size_t n = cbody_state(body, d->i, resource, d->state[resource], d->len[resource]);
	uint8_t options[8];
	struct coap_wr o = coap_begin_options(options, sizeof options);

	coap_put_uint(&o, COAP_CONTENT_FORMAT, 42);
	respond(d, id,
		&(struct coap_response){.code = COAP_CONTENT,
			.options = options,
			.options_len = coap_end(&o),
			.payload = body,
			.len = n,
			.observe = true,
			.resource = (uint32_t)resource + 1});
}

static void give_number(struct cw_node *d, uint32_t id, uint32_t number)
{
	static uint8_t body[CW_BODY];
	const struct cw_request *q = &d->w->req[number];
	size_t n = cbody_number(body, q->from, number, q->down, false);

	respond(d, id, &(struct coap_response){.code = COAP_CHANGED, .payload = body, .len = n});
}

static void give(struct cw_node *d, const struct cw_later *l)
{
	if (l->post)
		give_number(d, l->id, l->number);
	else
		give_state(d, l->id, l->resource);
}

/* The application's clock: who waits for an answer gets it. */
static void due(void *ctx, uint64_t arg)
{
	struct cworld *w = ctx;
	struct cw_node *d = &w->node[arg / CW_PENDING];
	struct cw_later *l = &d->later[arg % CW_PENDING];

	if (!l->used || !d->core || l->at != sim_now(w->sim))
		return;
	l->used = false;
	give(d, l);
	ep_poke(w->net, d->i);
}

static void soon(struct cw_node *d, const struct cw_later *l)
{
	struct cworld *w = d->w;

	if (w->slow && rng_below(&w->rng, 3) == 0)
		for (uint32_t i = 0; i < CW_PENDING; i++)
			if (!d->later[i].used) {
				d->later[i] = *l;
				d->later[i].used = true;
				d->later[i].at = sim_now(w->sim) + 1 + rng_below(&w->rng, w->slow);
				sim_at(w->sim, d->later[i].at, due, w, (uint64_t)d->i * CW_PENDING + i);
				return;
			}
	give(d, l);
}

static void serve(struct cw_node *d, const struct coap_event *ev)
{
	char path[32];
	struct cw_later l = {.id = ev->id};
	int client;

	if (coap_path(&ev->msg, COAP_URI_PATH, path, sizeof path) != LAN_OK)
		path[0] = 0;
	if (ev->code == COAP_POST && strcmp(path, "do") == 0) {
		if (!cbody_is_number(ev->msg.payload, ev->msg.len, &client, &l.number, true)) {
			sim_fail(d->w->sim, "%s is given a body of %zu octets that nobody sent", d->name,
				ev->msg.len);
			return;
		}
		l.post = true;
		cledger_executed(d, client, l.number, ev->msg.len);
		soon(d, &l);
	} else if (path[0] == 'v' && path[1] >= '0' && path[1] < '0' + CW_RESOURCES && !path[2]) {
		l.resource = path[1] - '0';
		if (rng_ppm(&d->w->rng, d->w->never) && !ev->notifying)
			coap_ignore(d->core, sim_now(d->w->sim), ev->id);
		else
			soon(d, &l);
	} else {
		sim_fail(d->w->sim, "%s is asked for %s", d->name, path);
	}
}

static void pull(void *ctx, lan_time now)
{
	struct cw_node *d = ctx;
	struct coap_event ev;

	while (d->core && !sim_failure(d->w->sim) && coap_event(d->core, now, &ev)) {
		if (ev.kind == COAP_EV_REQUEST)
			serve(d, &ev);
		else if (ev.kind != COAP_EV_UNOBSERVED)
			cledger_event(d, &ev);
	}
}

/* --- the client's owner ---------------------------------------------------------- */

static struct cw_request *request_new(struct cworld *w)
{
	if (w->n_req == w->cap_req) {
		w->cap_req = w->cap_req ? 2 * w->cap_req : 64;
		w->req = realloc(w->req, w->cap_req * sizeof *w->req);
		if (!w->req)
			abort();
	}
	w->req[w->n_req] = (struct cw_request){0};
	return &w->req[w->n_req];
}

static size_t length(struct rng *g)
{
	switch (rng_below(g, 6)) {
	case 0:
		return rng_below(g, CW_BODY);
	case 1:
		return 1024 * rng_below(g, 3) + rng_below(g, 3);
	default:
		return rng_below(g, 60);
	}
}

static void fill(
	struct cworld *w, struct cw_request *q, struct coap_request *r, struct coap_wr *o, uint8_t *body)
{
	char path[3] = {'v', (char)('0' + q->resource), 0};

	r->to = cworld_ep(q->to);
	r->code = COAP_GET;
	r->observe = q->kind == CW_OBSERVE;
	r->non = rng_below(&w->rng, 4) == 0;
	if (q->kind == CW_GROUP)
		r->to.len = 0;
	if (q->kind == CW_GROUP || (!w->calm && rng_below(&w->rng, 3) == 0))
		r->give_up = LAN_SEC(1 + rng_below(&w->rng, 40));
	if (rng_below(&w->rng, 6) == 0)
		r->szx = (uint8_t)(1 + rng_below(&w->rng,
					       w->node[q->from].cfg.szx ? w->node[q->from].cfg.szx : 6));
	if (q->kind == CW_POST) {
		r->code = COAP_POST;
		q->up = (uint32_t)length(&w->rng);
		q->down = (uint32_t)length(&w->rng);
		r->len = cbody_number(body, q->from, (uint32_t)r->tag, q->up, true);
		r->payload = body;
		q->up = (uint32_t)r->len;
	}
	coap_put_text(o, COAP_URI_PATH, q->kind == CW_POST ? "do" : path);
	r->options_len = coap_end(o);
}

void cworld_ask(struct cworld *w, int from, enum cw_kind kind)
{
	static uint8_t body[CW_BODY];
	uint8_t options[32];
	struct cw_node *d = &w->node[from];
	struct coap_request r = {.options = options, .tag = w->n_req};
	struct coap_wr o = coap_begin_options(options, sizeof options);
	struct cw_request *q = request_new(w);
	lan_time now = sim_now(w->sim);
	enum lan_err e;

	if (!d->core || ep_paused(w->net, from))
		return;
	q->kind = kind;
	q->from = from;
	q->to = (from + 1 + (int)rng_below(&w->rng, (uint64_t)w->n_node - 1)) % w->n_node;
	q->resource = (int)rng_below(&w->rng, CW_RESOURCES);
	q->since = w->node[q->to].state[q->resource];
	q->life = d->life;
	fill(w, q, &r, &o, body);
	if (kind == CW_PING)
		e = coap_ping(d->core, now, &r.to, r.tag, &q->id);
	else
		e = coap_request(d->core, now, &r, &q->id);
	if (e == LAN_OK)
		w->n_req++;
	else if (e != LAN_ERR_FULL && e != LAN_ERR_TOOBIG)
		sim_fail(w->sim, "%s: coap_request: %s", d->name, lan_err_name(e));
	ep_poke(w->net, from);
}

void cworld_cancel(struct cworld *w, int from, bool all)
{
	for (uint32_t i = 0; i < w->n_req; i++) {
		struct cw_request *q = &w->req[i];

		if (q->from != from || q->over || q->life != w->node[from].life)
			continue;
		if (!all && rng_below(&w->rng, 3))
			continue;
		q->over = q->cancelled = true;
		coap_cancel(w->node[from].core, sim_now(w->sim), q->id, rng_below(&w->rng, 2));
	}
	ep_poke(w->net, from);
}

void cworld_change(struct cworld *w, int node, int resource)
{
	struct cw_node *d = &w->node[node];

	if (!d->core || ep_paused(w->net, node))
		return;
	d->state[resource]++;
	d->len[resource] = (uint32_t)length(&w->rng);
	coap_changed(d->core, sim_now(w->sim), (uint32_t)resource + 1);
	ep_poke(w->net, node);
}

/* --- the world -------------------------------------------------------------------- */

/* --- what is on the wire, for people ------------------------------------------------- */

static void sent(void *ctx, struct ep_packet *p)
{
	static const char *const types[] = {"CON", "NON", "ACK", "RST"};
	struct cworld *w = ctx;
	struct coap_msg m;
	struct coap_options o;
	char line[220];
	int n;

	if (!w->verbose || coap_decode(p->data, p->len, &m) != COAP_FAULT_OK)
		return;
	n = snprintf(line, sizeof line, "#%llu n%d -> n%d %s %u.%02u mid %u token %02x%02x",
		(unsigned long long)p->id, p->src.a[5] - 1, p->to.len ? p->to.a[5] - 1 : -1, types[m.type],
		m.code >> 5, m.code & 31, m.mid, m.token[0], m.token[1]);
	o = coap_options_of(&m);
	while (coap_options_next(&o) && n < 100) {
		const struct coap_option_info *info = coap_option_info(o.number);
		uint64_t v = 0;

		for (size_t i = 0; i < o.len; i++)
			v = v << 8 | o.value[i];
		if (o.number == COAP_URI_PATH)
			n += snprintf(line + n, 20, " /%.*s", (int)o.len, (const char *)o.value);
		else
			n += snprintf(
				line + n, 50, " %s:%llx", info ? info->name : "?", (unsigned long long)v);
	}
	sim_note(w->sim, "%s (%zu)", line, m.len);
}

void cworld_init(struct cworld *w, uint64_t seed, bool verbose)
{
	struct sim_config sc = {.seed = seed, .verbose = verbose, .boot_may_fail = true, .ctx = w};

	memset(w, 0, sizeof *w);
	rng_init(&w->rng, seed ^ 0xc0a9);
	w->verbose = verbose;
	w->sim = sim_new(&sc);
	w->net = ep_new(&(struct ep_config){
		.sim = w->sim, .seed = seed, .queue = 64, .verbose = verbose, .sent = sent, .ctx = w});
}

void cworld_fini(struct cworld *w)
{
	sim_free(w->sim);
	ep_free(w->net);
	free(w->req);
}

int cworld_add(struct cworld *w, const struct coap_config *cfg, uint32_t datagram, bool trusted)
{
	struct cw_node *d = &w->node[w->n_node];
	int i = w->n_node++;

	*d = (struct cw_node){.w = w, .i = i, .cfg = *cfg, .datagram = datagram, .trusted = trusted};
	snprintf(d->name, sizeof d->name, "n%d", i);
	for (int r = 0; r < CW_RESOURCES; r++)
		d->len[r] = (uint32_t)length(&w->rng);
	return ep_add(w->net, &(struct ep_node){.name = d->name,
				      .ops = &coap_ops,
				      .ctx = d,
				      .boot = boot,
				      .bury = bury,
				      .pull = pull});
}

void cworld_join(struct cworld *w, int node, int segment)
{
	struct lan_ep ep = cworld_ep(node);
	struct ep_addr a = {.len = ep.len};

	memcpy(a.a, ep.addr, ep.len);
	(void)ep_port(w->net, node, segment, &a);
}

void cworld_crash(struct cworld *w, int node)
{
	if (ep_up(w->net, node))
		ep_crash(w->net, node);
}
