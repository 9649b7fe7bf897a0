/*
 * sensor_serve.c - requests of the core: the handler that is meant, what it may write into, and its answer as
 * CoAP has it.
 */
#include <string.h>
#include "api/sensor_int.h"

/* ---- answers --------------------------------------------------------------------------------------------
 */

/* An error's text is a diagnostic, which has no format (RFC 7252 section 5.5.2); the original gives it one.
 */
static bool has_format(const struct lan_sensor *s, const struct lan_sensor_reply *r)
{
	if (r->content_format < 0)
		return false;
	return s->compat || (r->len && (COAP_CLASS(r->code) == 2 || r->content_format > 0));
}

static enum lan_err answer(
	struct lan_sensor *s, uint32_t id, const struct lan_sensor_reply *r, bool observe, lan_time now)
{
	uint8_t options[OPTIONS];
	struct coap_wr w = coap_begin_options(options, sizeof options);
	enum lan_err e = LAN_OK;
	if (r->etag_len && r->etag_len <= 8)
		coap_put(&w, COAP_ETAG, r->etag, r->etag_len);
	if (r->location)
		e = coap_put_path(&w, COAP_LOCATION_PATH, r->location, strlen(r->location));
	if (has_format(s, r))
		coap_put_uint(&w, COAP_CONTENT_FORMAT, (uint64_t)r->content_format);
	if (r->max_age >= 0)
		coap_put_uint(&w, COAP_MAX_AGE, r->max_age > UINT32_MAX ? UINT32_MAX : (uint64_t)r->max_age);
	struct coap_response resp = {.code = r->code,
		.options = options,
		.options_len = coap_end(&w),
		.payload = r->payload ? r->payload : r->buf,
		.len = r->len,
		.observe = observe};
	if (!e && w.w.bad)
		e = LAN_ERR_TOOBIG;
	if (e) { /* what the application asked for cannot be said */
		resp = (struct coap_response){.code = COAP_INTERNAL_ERROR};
		enum lan_err gone = sos_slave_respond(s->core, now, id, &resp);
		return gone ? gone : e;
	}
	return sos_slave_respond(s->core, now, id, &resp);
}

/* ---- requests -------------------------------------------------------------------------------------------
 */

static lan_sensor_handler *handler_of(const struct lan_sensor_resource *r, uint8_t code)
{
	switch (code) {
	case COAP_GET:
		return r->get;
	case COAP_POST:
		return r->post;
	case COAP_PUT:
		return r->put;
	case COAP_DELETE:
		return r->del;
	default:
		return NULL;
	}
}

static int32_t number_of(const struct coap_msg *m, uint32_t option)
{
	uint64_t v;
	return coap_find_uint(m, option, &v) && v <= UINT16_MAX ? (int32_t)v : -1;
}

static void tell_request(
	struct lan_sensor *s, const struct lan_sensor_request *q, const struct lan_sensor_reply *r)
{
	if (!s->trace || q->offset)
		return;
	struct sensor_note *n = sensor_note(s, LAN_SENSOR_REQUESTED);
	n->ev.code = q->code;
	n->ev.reply = r->later ? 0 : r->code;
	n->ev.err = LAN_OK;
	strncpy(n->path, s->resources[q->resource].path, sizeof n->path - 1);
	strncpy(n->from, q->from, sizeof n->from - 1);
}

static size_t offset_of(const struct coap_event *c)
{
	struct coap_block b;
	return !c->notifying && coap_block_of(&c->msg, COAP_BLOCK2, &b) ? b.num * COAP_BLOCK_SIZE(b.szx) : 0;
}

/* Empty reply with what is preset; the method's own default code. */
static struct lan_sensor_reply preset(struct lan_sensor *s, uint8_t code)
{
	return (struct lan_sensor_reply){.code = code == COAP_GET ? COAP_CONTENT : COAP_CHANGED,
		.max_age = -1,
		.buf = s->reply,
		.cap = s->reply_cap};
}

/* The ETag that the resource has now, of its GET; false: there is none, or no resource. *exists: says which.
 */
static bool etag_now(struct lan_sensor *s, const struct lan_sensor_resource *res,
	const struct lan_sensor_request *q, uint8_t etag[8], size_t *len, bool *exists)
{
	struct lan_sensor_request get = {.code = COAP_GET,
		.resource = q->resource,
		.query = q->query,
		.content_format = -1,
		.accept = -1,
		.from = q->from,
		.notifying = true};
	struct lan_sensor_reply r = preset(s, COAP_GET);
	*exists = false;
	if (!res->get)
		return false;
	res->get(res->ctx, &get, &r);
	*exists = r.later || COAP_CLASS(r.code) == 2;
	if (r.later || !*exists || !r.etag_len || r.etag_len > 8)
		return false;
	memcpy(etag, r.etag, r.etag_len);
	*len = r.etag_len;
	return true;
}

/* If-Match and If-None-Match of a request that changes something, RFC 7252 section 5.10.8. */
static bool condition_holds(struct lan_sensor *s, const struct lan_sensor_resource *res,
	const struct lan_sensor_request *q, const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);
	uint8_t etag[8];
	size_t len = 0;
	bool asked = false, match = false, exists = false, have = false, looked = false;
	while (coap_options_next(&o)) {
		if (o.number != COAP_IF_MATCH && o.number != COAP_IF_NONE_MATCH)
			continue;
		if (!looked)
			have = etag_now(s, res, q, etag, &len, &exists);
		looked = true;
		if (o.number == COAP_IF_NONE_MATCH && exists)
			return false;
		if (o.number == COAP_IF_MATCH) {
			asked = true;
			match |= o.len ? have && o.len == len && !memcmp(o.value, etag, len) : exists;
		}
	}
	return !asked || match;
}

/* What the one who asks has already (section 5.10.6.2), or cannot read (section 5.10.4), is not sent. */
static void look_at_answer(struct lan_sensor *s, const struct lan_sensor_request *q, const struct coap_msg *m,
	struct lan_sensor_reply *r)
{
	struct coap_options o = coap_options_of(m);
	if (q->accept >= 0 && r->content_format >= 0 && r->content_format != q->accept) {
		*r = preset(s, q->code);
		r->code = COAP_NOT_ACCEPTABLE;
		return;
	}
	while (!q->notifying && r->etag_len && coap_options_next(&o))
		if (o.number == COAP_ETAG && o.len == r->etag_len && !memcmp(o.value, r->etag, o.len)) {
			r->code = COAP_VALID;
			r->len = 0;
			r->content_format = -1;
			return;
		}
}

static void request(struct lan_sensor *s, const struct sos_slave_event *ev, lan_time now)
{
	const struct lan_sensor_resource *res = &s->resources[ev->resource];
	const struct coap_event *c = &ev->req;
	struct lan_sensor_request q = {.code = c->notifying ? COAP_GET : c->code,
		.resource = ev->resource,
		.query = s->query,
		.payload = c->msg.payload,
		.len = c->msg.len,
		.content_format = number_of(&c->msg, COAP_CONTENT_FORMAT),
		.accept = number_of(&c->msg, COAP_ACCEPT),
		.from = s->from,
		.id = c->id,
		.offset = offset_of(c),
		.notifying = c->notifying};
	struct lan_sensor_reply r = preset(s, q.code);
	lan_sensor_handler *h = handler_of(res, q.code);
	lan_nets_text(s->drv, &c->from, s->from, sizeof s->from);
	bool query_ok = !coap_query(&c->msg, COAP_URI_QUERY, s->query, QUERY_MAX);
	s->serving = true;
	if (!query_ok)
		r.code = COAP_BAD_REQUEST;
	else if (h && q.code != COAP_GET && !s->compat && !condition_holds(s, res, &q, &c->msg))
		r.code = COAP_PRECONDITION_FAILED;
	else if (h)
		h(res->ctx, &q, &r);
	else
		r.code = s->compat ? COAP_BAD_REQUEST : COAP_METHOD_NOT_ALLOWED, r.content_format = -1;
	s->serving = false;
	if (!s->compat && q.code == COAP_GET && r.code == COAP_CONTENT && !r.later)
		look_at_answer(s, &q, &c->msg, &r);
	if (!r.later && answer(s, c->id, &r, c->observing || c->notifying, now))
		r.code = COAP_INTERNAL_ERROR; /* the one who asked has been told, or is gone */
	tell_request(s, &q, &r);
}

/* What handlers said has changed while they ran, when the views of their request may die. */
static void changed(struct lan_sensor *s, lan_time now)
{
	for (size_t i = 0; i < s->n_resources; i++) {
		if (!s->changed[i])
			continue;
		s->changed[i] = false;
		sos_slave_changed(s->core, now, i);
	}
}

void sensor_serve(struct lan_sensor *s)
{
	struct sos_slave_event ev;
	lan_time now = lan_loop_stamp(s->loop);
	while (sos_slave_event(s->core, now, &ev)) {
		if (ev.kind == SOS_SLAVE_EV_STATE) {
			sensor_tell_state(s, &ev);
		} else if (ev.kind == SOS_SLAVE_EV_REQUEST) {
			request(s, &ev, now);
			changed(s, now);
		}
	}
}

void lan_sensor_changed(struct lan_sensor *s, size_t resource)
{
	if (resource >= s->n_resources)
		return;
	if (s->serving) {
		s->changed[resource] = true;
		return;
	}
	sos_slave_changed(s->core, lan_loop_stamp(s->loop), resource);
	lan_nets_kick(s->drv);
}

enum lan_err lan_sensor_answer(struct lan_sensor *s, uint32_t id, const struct lan_sensor_reply *r)
{
	enum lan_err e = answer(s, id, r, true, lan_loop_stamp(s->loop));
	lan_nets_kick(s->drv);
	return e;
}
