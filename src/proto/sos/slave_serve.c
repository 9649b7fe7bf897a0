/*
 * slave_serve.c - requests: whose resource they are for, the lists answered here, everything else handed to
 * the owner and its answers to the engine; and the events the owner pulls.
 *
 * Observation: an original master chooses the token of a registration out of an URL, so it is text; it takes
 * notifications of any type that carry the token, and acknowledges none (sos.md section 9). So who registers
 * with a token that is text is notified by NON alone; all others as RFC 7641 has it, with a CON in between.
 * In `compat` notifications are ACKs, as the original's.
 */
#include "base/utf8.h"
#include "proto/sos/slave_int.h"

#define LIST_NAME "resources"
#define CORE_NAME ".well-known/core"

enum { NOBODY = SIZE_MAX, LIST = SIZE_MAX - 1, CORE = SIZE_MAX - 2 };

/* ---- which resource -------------------------------------------------------------------------------------
 */

/* Is the path of the request this one, segment by segment? In `first`: the first segment alone counts. */
static bool path_is(const struct coap_msg *m, const char *path, bool first)
{
	const uint8_t *v;
	size_t n, i = 0;
	for (; coap_find(m, COAP_URI_PATH, i, &v, &n); i++) {
		size_t want = strcspn(path, "/");
		if (!*path || n != want || memcmp(v, path, n))
			return false;
		path += want;
		if (first)
			break;
		path += *path == '/';
	}
	return coap_find(m, COAP_URI_PATH, 0, &v, &n) && !*path;
}

static size_t find(const struct sos_slave *s, const struct coap_msg *m)
{
	for (size_t i = 0; i < s->cfg.n_resources; i++)
		if (path_is(m, s->cfg.resources[i].path, s->cfg.compat))
			return i;
	if (s->cfg.id && path_is(m, LIST_NAME, s->cfg.compat))
		return LIST;
	return !s->cfg.compat && path_is(m, CORE_NAME, false) ? CORE : NOBODY;
}

/* ---- what the engine gets -------------------------------------------------------------------------------
 */

static bool is_request(const struct coap_msg *m)
{
	return m->code && COAP_CLASS(m->code) == 0;
}

/* One observer of a resource; whoever asks without Observe ends its observation. */
static void one_observer(struct sos_slave *s, lan_time now, const struct coap_msg *m)
{
	size_t r = find(s, m);
	if (r < s->cfg.n_resources)
		coap_unobserve(s->coap, now, (uint32_t)r + 1, 0);
}

enum lan_err slave_request(struct sos_slave *s, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n)
{
	struct coap_msg as_con = *m;
	if (s->cfg.compat && is_request(m)) {
		one_observer(s, now, m);
		if (m->type == COAP_NON && !group)
			as_con.type = COAP_CON; /* the original answers it by ACK */
	}
	return coap_input_msg(s->coap, now, from, group, &as_con, n);
}

/* ---- lists ----------------------------------------------------------------------------------------------
 */

static void answer_list(struct sos_slave *s, lan_time now, const struct coap_event *q, size_t which)
{
	uint8_t options[4];
	struct coap_wr w = coap_begin_options(options, sizeof options);
	struct coap_response r = {.code = COAP_CONTENT, .options = options};
	const struct slave_list *l = which == CORE ? &s->core : &s->list;
	r.payload = l->text, r.len = l->len;
	if (s->cfg.compat)
		r.len = slave_list_cut(s, slave_room(s) - COAP_HEADER - 2 - q->msg.tkl);
	coap_put_uint(&w, COAP_CONTENT_FORMAT, which == CORE ? 40 : 0);
	r.options_len = coap_end(&w);
	if (q->code != COAP_GET && !s->cfg.compat)
		r = (struct coap_response){.code = COAP_METHOD_NOT_ALLOWED};
	if (coap_respond(s->coap, now, q->id, &r))
		return; /* given up already */
}

static void answer_nobody(struct sos_slave *s, lan_time now, const struct coap_event *q)
{
	struct coap_response r = {.code = COAP_NOT_FOUND};
	if (q->group)
		coap_ignore(s->coap, now, q->id);
	else if (coap_respond(s->coap, now, q->id, &r))
		return;
}

/* ---- events ---------------------------------------------------------------------------------------------
 */

static void remember(struct sos_slave *s, const struct coap_event *q, size_t resource)
{
	if (s->n_open == s->max_open) /* the engine has as many: the oldest was given up */
		memmove(&s->open[0], &s->open[1], --s->n_open * sizeof *s->open);
	s->open[s->n_open++] = (struct slave_open){.id = q->id,
		.resource = resource,
		.text_token = s->cfg.id && q->msg.tkl && lan_utf8_valid(q->msg.token, q->msg.tkl)};
}

/* A request of the engine's. False: it is answered. */
static bool request(struct sos_slave *s, lan_time now, struct sos_slave_event *ev)
{
	const struct coap_event *q = &ev->req;
	if (s->cfg.id && (!slave_associated(s) || !slave_same(&q->from, &s->master))) {
		coap_ignore(s->coap, now, q->id); /* its master has gone while it waited */
		return false;
	}
	size_t r = q->notifying ? (size_t)q->resource - 1 : find(s, &q->msg);
	if (r >= s->cfg.n_resources) {
		if (r == LIST || r == CORE)
			answer_list(s, now, q, r);
		else
			answer_nobody(s, now, q);
		return false;
	}
	ev->kind = SOS_SLAVE_EV_REQUEST;
	ev->resource = r;
	remember(s, q, r);
	return true;
}

static void tell_state(struct sos_slave *s, struct sos_slave_event *ev)
{
	*ev = (struct sos_slave_event){.kind = SOS_SLAVE_EV_STATE,
		.state = s->state,
		.was = s->told,
		.master = s->master,
		.have_master = s->have_master,
		.ttl = slave_associated(s) ? s->ttl : 0,
		.mtu = s->mtu,
		.hello = s->hello < 0 ? 0 : (uint32_t)s->hello,
		.epoch = s->epoch,
		.text = s->why};
	s->told = s->state;
	s->news = false;
}

bool sos_slave_event(struct sos_slave *s, lan_time now, struct sos_slave_event *ev)
{
	if (s->news) {
		tell_state(s, ev);
		return true;
	}
	*ev = (struct sos_slave_event){.state = s->state, .was = s->told, .text = ""};
	while (coap_event(s->coap, now, &ev->req)) {
		if (ev->req.kind == COAP_EV_REQUEST && request(s, now, ev))
			return true;
		if (ev->req.kind == COAP_EV_UNOBSERVED) {
			ev->kind = SOS_SLAVE_EV_UNOBSERVED;
			ev->resource = (size_t)ev->req.resource - 1;
			ev->text = ev->req.text;
			return true;
		}
	}
	return false;
}

/* ---- the owner's answers --------------------------------------------------------------------------------
 */

static struct slave_open take(struct sos_slave *s, uint32_t id)
{
	struct slave_open o = {.resource = NOBODY};
	for (size_t i = 0; i < s->n_open; i++) {
		if (s->open[i].id != id)
			continue;
		o = s->open[i];
		memmove(&s->open[i], &s->open[i + 1], (--s->n_open - i) * sizeof *s->open);
		break;
	}
	return o;
}

enum lan_err sos_slave_respond(struct sos_slave *s, lan_time now, uint32_t id, const struct coap_response *r)
{
	struct coap_response with = *r;
	struct slave_open o = take(s, id);
	if (o.resource == NOBODY)
		return LAN_ERR_NOTFOUND;
	with.resource = (uint32_t)o.resource + 1;
	with.no_con = o.text_token;
	with.observe = r->observe && s->cfg.resources[o.resource].observable;
	return coap_respond(s->coap, now, id, &with);
}

void sos_slave_ignore(struct sos_slave *s, lan_time now, uint32_t id)
{
	take(s, id);
	coap_ignore(s->coap, now, id);
}

void sos_slave_changed(struct sos_slave *s, lan_time now, size_t resource)
{
	if (resource < s->cfg.n_resources)
		coap_changed(s->coap, now, (uint32_t)resource + 1);
}
