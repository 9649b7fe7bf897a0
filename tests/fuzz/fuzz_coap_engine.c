/*
 * fuzz_coap_engine.c - two engines of CoAP with small tables, and between them whatever the input says:
 * requests, answers at once or later, messages lost, doubled, out of order, damaged and made up, time,
 * changes, cancelled requests, endpoints forgotten.
 *
 * Held against them at each step: what leaves is well formed and fits its link; a tick leaves a deadline in
 * the future; a request has one outcome, and nothing is told of it afterwards. In the end everything is
 * cancelled that stands, nothing is damaged any more, and both come to rest with nothing open.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/coap/coap.h"

#define TRAY     32
#define REQUESTS 64
#define LATER    8
#define BODY     600

struct dgram {
	int from;
	size_t len;
	uint8_t data[COAP_DATAGRAM];
};

struct asked {
	bool open, lasting;
	uint32_t id;
};

struct side {
	struct coap *c;
	uint64_t rng;
	uint32_t fit;
	struct asked asked[REQUESTS];
	unsigned n_asked;
	uint32_t later[LATER];
	unsigned n_later;
};

struct world {
	const uint8_t *p, *end;
	struct side s[2];
	struct dgram tray[TRAY];
	unsigned laid;
	lan_time now;
	bool last; /* the end: nothing new */
};

static struct world w;

static uint8_t next(void)
{
	return w.p < w.end ? *w.p++ : 0;
}

static void entropy(void *ctx, void *buf, size_t n)
{
	struct side *s = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((s->rng = s->rng * 6364136223846793005u + 1) >> 56);
}

static struct lan_ep ep_of(int i)
{
	return (struct lan_ep){.link = 1, .len = 2, .addr = {9, (uint8_t)i}};
}

static void make(int i)
{
	struct side *s = &w.s[i];
	uint8_t a = next(), b = next();
	struct lan_env env = {.ctx = s, .entropy = entropy};
	struct coap_config cfg = {.max_requests = 6,
		.max_peers = 3,
		.max_incoming = 4,
		.max_dedup = 4,
		.max_observers = 3,
		.max_bodies = 1 + (a & 3),
		.max_body = BODY,
		.datagram = 256,
		.szx = (uint8_t)(1 + (b & 3)),
		.nstart = 1 + (a >> 2 & 1),
		.confirm_every = 1 + (a >> 3 & 3),
		.echo = a >> 5 & 1,
		.sos_client = a >> 6 & 1,
		.sos_server = a >> 7 & 1,
		.ack_timeout = b & 0x80 ? LAN_MS(100) : 0,
		.one_observation = b >> 6 & 1,
		.no_server = (b & 0x38) == 0x38};

	*s = (struct side){.rng = (uint64_t)i + 1, .fit = b & 4 ? 256 : 100};
	FUZZ_CHECK(coap_new(&env, &cfg, &s->c) == LAN_OK, "coap_new");
	FUZZ_CHECK(coap_link(s->c, 1, s->fit, b & 8) == LAN_OK, "coap_link");
}

/* --- what leaves and what comes ------------------------------------------------------- */

static void collect(void)
{
	for (int i = 0; i < 2; i++)
		for (;;) {
			struct dgram *d = &w.tray[w.laid < TRAY ? w.laid : TRAY - 1];
			struct lan_ep to;
			struct coap_msg m;

			d->from = i;
			d->len = coap_ops.output(w.s[i].c, w.now, &to, d->data, sizeof d->data);
			if (!d->len)
				break;
			FUZZ_CHECK(d->len <= w.s[i].fit, "%zu octets where %u fit", d->len, w.s[i].fit);
			FUZZ_CHECK(
				coap_decode(d->data, d->len, &m) == COAP_FAULT_OK, "a message that is none");
			if (w.laid < TRAY)
				w.laid++;
		}
}

static void input(int to, const uint8_t *data, size_t n, bool group)
{
	struct lan_ep from = ep_of(1 - to);
	uint8_t *own = malloc(n ? n : 1); /* of its own: what reads behind it is found */

	if (n)
		memcpy(own, data, n);
	(void)!coap_ops.input(w.s[to].c, w.now, &from, group, own, n);
	free(own);
}

static void give(unsigned i, bool keep, bool hurt)
{
	struct dgram d = w.tray[i];

	if (!keep) {
		memmove(&w.tray[i], &w.tray[i + 1], (w.laid - i - 1) * sizeof d);
		w.laid--;
	}
	if (hurt && d.len) {
		d.data[next() % d.len] ^= next();
		d.len -= d.len > 1 && next() % 8 == 0;
	}
	input(1 - d.from, d.data, d.len, false);
}

/* --- the owners ------------------------------------------------------------------------- */

static const uint8_t *body(uint8_t kind, size_t *n)
{
	static uint8_t bytes[BODY + 50];

	*n = (size_t)(kind & 0x7f) * (kind & 0x80 ? 5 : 1);
	memset(bytes, kind, sizeof bytes);
	return bytes;
}

static void respond(struct side *s, uint32_t id, uint8_t how)
{
	static const uint8_t codes[8] = {COAP_CONTENT, COAP_CONTENT, COAP_CONTENT, COAP_CHANGED, COAP_VALID,
		COAP_NOT_FOUND, COAP_CONTENT, COAP_INTERNAL_ERROR};
	uint8_t options[16];
	struct coap_wr o = coap_begin_options(options, sizeof options);
	struct coap_response r = {.code = codes[how & 7], .observe = how & 8, .resource = 1 + (how >> 4 & 1)};

	if (how & 0x20)
		coap_put(&o, COAP_ETAG, "tag", 3);
	if (how & 0x40)
		coap_put_uint(&o, COAP_MAX_AGE, how);
	r.options = options;
	r.options_len = coap_end(&o);
	r.payload = body(next(), &r.len);
	(void)!coap_respond(s->c, w.now, id, &r);
}

static void told(struct side *s, const struct coap_event *ev)
{
	struct asked *a = ev->tag < s->n_asked ? &s->asked[ev->tag] : NULL;

	FUZZ_CHECK(a && a->id == ev->id, "event %d, tag %u, id %u: of nobody's request", ev->kind,
		(unsigned)ev->tag, ev->id);
	FUZZ_CHECK(a->open, "a request that is over is told of again");
	FUZZ_CHECK(!ev->observing || a->lasting, "a plain request stays open");
	FUZZ_CHECK(ev->msg.len <= BODY || ev->msg.len <= COAP_DATAGRAM, "%zu octets", ev->msg.len);
	if (ev->kind == COAP_EV_FAILED || !ev->observing)
		a->open = false;
}

static void pull(struct side *s, unsigned n)
{
	struct coap_event ev;

	while (n-- && coap_event(s->c, w.now, &ev)) {
		if (ev.kind == COAP_EV_UNOBSERVED)
			continue;
		if (ev.kind != COAP_EV_REQUEST) {
			told(s, &ev);
			continue;
		}
		uint8_t how = next();
		if (how == 0xff)
			coap_ignore(s->c, w.now, ev.id);
		else if (how >= 0xe0 && !w.last && s->n_later < LATER)
			s->later[s->n_later++] = ev.id;
		else
			respond(s, ev.id, how);
	}
}

static void ask(int i, uint8_t how)
{
	struct side *s = &w.s[i];
	struct asked *a = &s->asked[s->n_asked];
	uint8_t options[32], token[] = "token";
	struct coap_wr o = coap_begin_options(options, sizeof options);
	struct coap_request r = {.to = ep_of(1 - i),
		.code = (uint8_t)(1 + (how & 3)),
		.options = options,
		.tag = s->n_asked,
		.non = how & 4,
		.observe = (how & 0x13) == 0x10,
		.szx = how & 0x20 ? 1 : 0};

	if (s->n_asked == REQUESTS)
		return;
	coap_put_text(&o, COAP_URI_PATH, how & 8 ? "a" : "b");
	r.options_len = coap_end(&o);
	if (how & 3)
		r.payload = body(next(), &r.len);
	if (how & 0x40)
		r.token = token, r.tkl = how & 7;
	if (r.token && r.tkl > sizeof token)
		r.tkl = sizeof token;
	if (how == 0x80)
		r.to.len = 0, r.observe = false, r.give_up = LAN_SEC(3);
	enum lan_err e = how == 0x81 ? coap_ping(s->c, w.now, &r.to, r.tag, &a->id)
				     : coap_request(s->c, w.now, &r, &a->id);
	if (e != LAN_OK)
		return;
	a->open = true;
	a->lasting = r.observe || how == 0x80;
	s->n_asked++;
}

static void cancel(struct side *s, unsigned which, bool tell)
{
	if (which >= s->n_asked)
		return;
	coap_cancel(s->c, w.now, s->asked[which].id, tell);
	s->asked[which].open = false;
}

static void tick(void)
{
	for (int i = 0; i < 2; i++) {
		coap_ops.tick(w.s[i].c, w.now);
		FUZZ_CHECK(coap_ops.deadline(w.s[i].c) > w.now, "a deadline that has passed");
	}
}

static lan_time deadline(void)
{
	lan_time a = coap_ops.deadline(w.s[0].c), b = coap_ops.deadline(w.s[1].c);

	return a < b ? a : b;
}

/* --- the script ----------------------------------------------------------------------------- */

static void raw(int to)
{
	uint8_t bytes[64];
	size_t n = next() % sizeof bytes;

	for (size_t i = 0; i < n; i++)
		bytes[i] = next();
	input(to, bytes, n, next() & 1);
}

static void odd(struct side *s, struct lan_ep other, uint8_t arg)
{
	switch (arg & 3) {
	case 0:
		coap_forget(s->c, w.now, &other);
		break;
	case 1:
		coap_unobserve(s->c, w.now, 1 + (arg >> 2 & 1), arg & 8 ? COAP_NOT_FOUND : 0);
		break;
	case 2:
		coap_ops.unsent(s->c, w.now, &other, LAN_ERR_UNREACH);
		break;
	default:
		coap_unobserve_peer(s->c, w.now, &other);
	}
}

static void carry(unsigned how, uint8_t arg)
{
	if (how == 5)
		w.laid = 0;
	else if (w.laid)
		give(how == 4 ? w.laid - 1 : 0, how == 3 || how == 15, how == 15 || (how == 2 && arg == 7));
}

static void pass_time(lan_time at)
{
	if (at != LAN_NEVER)
		w.now = at;
	tick();
}

static void step(uint8_t op)
{
	int i = op >> 4 & 1;
	struct side *s = &w.s[i];
	uint8_t arg = op >> 5;

	switch (op & 15) {
	case 0:
		ask(i, next());
		break;
	case 6:
		raw(i);
		break;
	case 7:
		pass_time(w.now + LAN_MS(next()) * (1u << 2 * arg));
		break;
	case 8:
		pass_time(deadline());
		break;
	case 9:
	case 10:
		pull(s, arg + 1u);
		break;
	case 11:
		coap_changed(s->c, w.now, 1 + (arg & 1));
		break;
	case 12:
		cancel(s, next() % REQUESTS, arg & 1);
		break;
	case 13:
		if (s->n_later)
			respond(s, s->later[--s->n_later], next());
		break;
	case 14:
		odd(s, ep_of(1 - i), next());
		break;
	default:
		carry(op & 15, arg);
	}
	collect();
}

/* Whatever happened, it comes to an end. */
static void rest(void)
{
	w.last = true;
	for (int i = 0; i < 2; i++)
		for (unsigned k = 0; k < w.s[i].n_asked; k++)
			if (w.s[i].asked[k].lasting && w.s[i].asked[k].open)
				cancel(&w.s[i], k, true);
	for (unsigned n = 0; deadline() != LAN_NEVER || w.laid; n++) {
		FUZZ_CHECK(n < 20000, "it does not come to rest");
		collect();
		while (w.laid) {
			give(0, false, false);
			for (int i = 0; i < 2; i++)
				pull(&w.s[i], 1000);
			collect();
		}
		if (deadline() == LAN_NEVER)
			break;
		w.now = deadline();
		tick();
		for (int i = 0; i < 2; i++)
			pull(&w.s[i], 1000);
	}
	for (int i = 0; i < 2; i++) {
		struct lan_ep ep = ep_of(1 - i);

		pull(&w.s[i], 1000);
		FUZZ_CHECK(!coap_outstanding(w.s[i].c, &ep), "requests that nobody waits for");
		for (unsigned k = 0; k < w.s[i].n_asked; k++)
			FUZZ_CHECK(!w.s[i].asked[k].open, "request %u without an outcome", k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(w.s, 0, sizeof w.s);
	w.p = data;
	w.end = data + size;
	w.laid = 0;
	w.now = LAN_SEC(100);
	w.last = false;
	make(0);
	make(1);
	while (w.p < w.end)
		step(next());
	rest();
	coap_free(w.s[0].c);
	coap_free(w.s[1].c);
	return 0;
}
