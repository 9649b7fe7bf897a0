/*
 * coap.c - the handle of <lanyard/coap.h>: the exchange engine (proto/coap) over the driver of networks, and
 * requests made of URIs. Events are in coap_event.c.
 *
 * A core takes its options in ascending order; those of the URI and of the request's fields are written in
 * that order, further ones are sorted in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/coap_int.h"
#include "api/entropy.h"
#include "api/take.h"

enum lan_err talk_why(const char **why, enum lan_err e, const char *fmt, ...)
{
	static _Thread_local char text[TALK_WHY_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*why = text;
	return e;
}

static void on_ready(void *ctx)
{
	struct lan_coap *c = ctx;
	if (c->on_ready)
		c->on_ready(c->on_ready_ctx);
}

/* The driver tells of the core's events alone. */
static void on_wake(void *ctx)
{
	struct lan_coap *c = ctx;
	lan_loop_note(c->loop);
	on_ready(c);
}

/* ---- open and close ---------------------------------------------------------------------------------- */

/* 1024 is 6; 0: no such size. */
static uint8_t szx_of(uint32_t block)
{
	for (uint8_t szx = 1; szx <= 6; szx++)
		if (COAP_BLOCK_SIZE(szx) == block)
			return szx;
	return 0;
}

static enum lan_err open_core(struct lan_coap *c, const struct lan_coap_config *cfg, const char **why)
{
	uint32_t block = cfg->block ? cfg->block : 1024;
	struct coap_config k = {.ack_timeout = cfg->ack_timeout,
		.give_up = cfg->give_up,
		.max_requests = cfg->max_requests ? cfg->max_requests : 64,
		.max_body = c->max_body,
		.szx = szx_of(block),
		.no_server = true};
	if (!k.szx)
		return talk_why(why, LAN_ERR_INVAL, "a block has 32, 64, 128, 256, 512 or 1024 octets");
	enum lan_err e = coap_new(&c->env, &k, &c->core);
	if (e == LAN_ERR_INVAL)
		return talk_why(why, e, "a time or a limit is out of its range");
	return e;
}

static enum lan_err open_nets(struct lan_coap *c, const struct lan_coap_config *cfg, const char **why)
{
	struct lan_nets_config d = {.loop = c->loop,
		.ops = &talk_ops,
		.core = c,
		.ready = on_ready,
		.state = talk_net_state,
		.ctx = c};
	enum lan_err e = lan_nets_open(&d, &c->nets);
	for (size_t i = 0; !e && i < cfg->n_nets; i++) {
		struct lan_net_spec spec;
		uint32_t link;
		e = lan_net_parse(cfg->nets[i], &spec, why);
		if (!e)
			e = talk_net_add(c, &spec, cfg->nets[i], &link, why);
	}
	return e;
}

enum lan_err lan_coap_open(
	struct lan_loop *loop, const struct lan_coap_config *config, struct lan_coap **out, const char **why)
{
	struct lan_coap_config cfg;
	const char *unheard;
	why = why ? why : &unheard;
	*why = NULL;
	enum lan_err e = lan_take_config(config, &cfg, sizeof cfg);
	if (e)
		return talk_why(why, e, "the configuration is of another version of the library");
	struct lan_coap *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->loop = loop;
	c->env = (struct lan_env){.entropy = lan_entropy};
	c->wake = (struct lan_task){.fn = on_wake, .ctx = c};
	c->max_body = cfg.max_body ? cfg.max_body : 1u << 20;
	e = open_core(c, &cfg, why);
	if (!e)
		e = open_nets(c, &cfg, why);
	if (e) {
		if (!*why)
			*why = lan_err_text(e);
		lan_coap_close(c);
		return e;
	}
	*out = c;
	return LAN_OK;
}

void lan_coap_close(struct lan_coap *c)
{
	if (!c)
		return;
	lan_task_cancel(c->loop, &c->wake);
	lan_nets_close(c->nets);
	coap_free(c->core);
	free(c);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

/* Those of URI and fields, in order. `host`: a name to be sent along, or NULL. */
static enum lan_err own_options(struct coap_wr *w, const struct talk_uri *u, const char *host,
	const struct lan_coap_request *r, const char **why)
{
	if (host)
		coap_put_text(w, COAP_URI_HOST, host);
	if (coap_put_path(w, COAP_URI_PATH, u->path, u->path_len))
		return talk_why(why, LAN_ERR_ADDR,
			"the path is wrongly written: %%XX, segments of at most 255 octets");
	if (r->content_format >= 0)
		coap_put_uint(w, COAP_CONTENT_FORMAT, (uint64_t)r->content_format);
	if (coap_put_query(w, COAP_URI_QUERY, u->query, u->query_len))
		return talk_why(why, LAN_ERR_ADDR,
			"the query is wrongly written: %%XX, parts of at most 255 octets between &");
	if (r->accept >= 0)
		coap_put_uint(w, COAP_ACCEPT, (uint64_t)r->accept);
	return LAN_OK;
}

/* What the engine says itself. */
static bool is_engines(uint16_t number)
{
	return number == COAP_OBSERVE || number == COAP_BLOCK1 || number == COAP_BLOCK2 ||
	       number == COAP_SIZE1 || number == COAP_SIZE2 || number == COAP_ECHO ||
	       number == COAP_REQUEST_TAG;
}

/* The further ones, by number, in the order they were given. */
static size_t sort_extra(const struct lan_coap_request *r, const struct lan_coap_option *out[TALK_EXTRA])
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_options; i++) {
		size_t at = n++;
		for (; at && out[at - 1]->number > r->options[i].number; at--)
			out[at] = out[at - 1];
		out[at] = &r->options[i];
	}
	return n;
}

static size_t merge(const struct coap_wr *own, const uint8_t *buf, const struct lan_coap_request *r,
	uint8_t *out, size_t cap)
{
	const struct lan_coap_option *extra[TALK_EXTRA];
	size_t n = sort_extra(r, extra), i = 0;
	struct coap_options o = {.p = buf, .end = buf + coap_end(own)};
	struct coap_wr w = coap_begin_options(out, cap);
	while (coap_options_next(&o)) {
		for (; i < n && extra[i]->number < o.number; i++)
			coap_put(&w, extra[i]->number, extra[i]->value, extra[i]->len);
		coap_put(&w, o.number, o.value, o.len);
	}
	for (; i < n; i++)
		coap_put(&w, extra[i]->number, extra[i]->value, extra[i]->len);
	return w.w.bad ? SIZE_MAX : coap_end(&w);
}

static enum lan_err options_of(const struct talk_uri *u, bool name, const struct lan_coap_request *r,
	uint8_t out[TALK_OPTIONS], size_t *len, const char **why)
{
	uint8_t buf[TALK_OPTIONS];
	struct coap_wr w = coap_begin_options(buf, sizeof buf);
	enum lan_err e = own_options(&w, u, name ? u->host : NULL, r, why);
	if (e)
		return e;
	if (r->n_options > TALK_EXTRA)
		return talk_why(why, LAN_ERR_INVAL, "more than %d options", TALK_EXTRA);
	for (size_t i = 0; i < r->n_options; i++)
		if (is_engines(r->options[i].number))
			return talk_why(why, LAN_ERR_INVAL, "option %u is written by the library",
				r->options[i].number);
	*len = w.w.bad ? SIZE_MAX : merge(&w, buf, r, out, TALK_OPTIONS);
	return *len == SIZE_MAX ? talk_why(why, LAN_ERR_TOOBIG, "path, query and options are too long")
				: LAN_OK;
}

static enum lan_err ask(struct lan_coap *c, const struct lan_coap_request *r, const struct talk_uri *u,
	uint32_t *id, const char **why)
{
	struct lan_ep to;
	uint8_t options[TALK_OPTIONS];
	size_t len = 0;
	bool name;
	enum lan_err e = talk_where(c, u, &to, &name, why);
	if (!e)
		e = options_of(u, name, r, options, &len, why);
	if (e)
		return e;
	struct coap_request q = {.to = to,
		.code = r->code ? r->code : COAP_GET,
		.non = r->non,
		.observe = r->observe,
		.options = options,
		.options_len = len,
		.payload = r->payload,
		.len = r->len,
		.give_up = r->give_up,
		.tag = r->tag};
	e = coap_request(c->core, lan_loop_stamp(c->loop), &q, id);
	lan_nets_kick(c->nets);
	if (e == LAN_ERR_FULL)
		return talk_why(why, e, "too many requests are open");
	return e;
}

enum lan_err lan_coap_request(
	struct lan_coap *c, const struct lan_coap_request *request, uint32_t *id, const char **why)
{
	struct lan_coap_request r;
	struct talk_uri u;
	const char *unheard;
	why = why ? why : &unheard;
	*why = NULL;
	enum lan_err e = lan_take_config(request, &r, sizeof r);
	if (e)
		return talk_why(why, e, "the request is of another version of the library");
	if (r.observe && r.code && r.code != LAN_COAP_GET && r.code != LAN_COAP_FETCH)
		return talk_why(why, LAN_ERR_INVAL, "only GET and FETCH observe");
	if (r.len > c->max_body)
		return talk_why(why, LAN_ERR_TOOBIG, "a body of %zu octets; at most %u", r.len, c->max_body);
	e = talk_uri(r.uri, &u, why);
	if (!e)
		e = ask(c, &r, &u, id, why);
	if (e && !*why)
		*why = lan_err_text(e);
	return e;
}

void lan_coap_cancel(struct lan_coap *c, uint32_t id)
{
	coap_cancel(c->core, lan_loop_stamp(c->loop), id, true);
	lan_nets_kick(c->nets);
}

void lan_coap_on_ready(struct lan_coap *c, void (*fn)(void *ctx), void *ctx)
{
	c->on_ready = fn;
	c->on_ready_ctx = ctx;
}
