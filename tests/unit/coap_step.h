/*
 * coap_step.h - engines of CoAP stepped by hand: what one puts out lies in a tray until the test hands it on,
 * drops it, doubles it or changes it; time moves when the test says so.
 */
#ifndef COAP_STEP_H
#define COAP_STEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/coap/coap.h"

#define STEP_TRAY 512

struct step_dgram {
	struct lan_ep from, to;
	size_t len;
	uint8_t data[COAP_DATAGRAM];
};

struct step_end {
	struct coap *c;
	struct lan_ep ep;
	uint64_t rng;
};

static struct step_end step_ends[8];
static unsigned step_n;
static lan_time step_now;
static struct step_dgram step_tray[STEP_TRAY];
static unsigned step_laid;

static inline void step_entropy(void *ctx, void *buf, size_t n)
{
	struct step_end *e = ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((e->rng = e->rng * 6364136223846793005u + 1) >> 56);
}

static inline void step_reset(void)
{
	for (unsigned i = 0; i < step_n; i++)
		coap_free(step_ends[i].c);
	memset(step_ends, 0, sizeof step_ends);
	step_n = step_laid = 0;
	step_now = LAN_SEC(1000);
}

static inline struct coap *step_add(const struct coap_config *cfg)
{
	static const struct coap_config none;
	struct step_end *e = &step_ends[step_n];
	struct lan_env env = {.ctx = e, .entropy = step_entropy};

	e->rng = step_n + 1;
	e->ep = (struct lan_ep){.link = 1, .len = 6, .addr = {2, 0, 0, 0, 0, (uint8_t)step_n}};
	assert_int_equal(coap_new(&env, cfg ? cfg : &none, &e->c), LAN_OK);
	step_n++;
	return e->c;
}

static inline unsigned step_index(const struct coap *c)
{
	unsigned i = 0;
	while (step_ends[i].c != c)
		i++;
	return i;
}

static inline const struct lan_ep *step_ep(const struct coap *c)
{
	return &step_ends[step_index(c)].ep;
}

/* What everybody has to say goes into the tray. How many lie there. */
static inline unsigned step_collect(void)
{
	for (unsigned i = 0; i < step_n; i++)
		for (;;) {
			struct step_dgram *d = &step_tray[step_laid];
			assert_true(step_laid < STEP_TRAY);
			d->from = step_ends[i].ep;
			d->len = coap_ops.output(step_ends[i].c, step_now, &d->to, d->data, sizeof d->data);
			if (!d->len)
				break;
			step_laid++;
		}
	return step_laid;
}

/* A datagram to whom it is for, from a copy of its length exactly. */
static inline enum lan_err step_give(const struct step_dgram *d)
{
	enum lan_err e = LAN_OK;
	for (unsigned i = 0; i < step_n; i++) {
		bool group = d->to.len == 0;
		if (memcmp(&step_ends[i].ep, &d->from, sizeof d->from) == 0)
			continue;
		if (!group && memcmp(&step_ends[i].ep, &d->to, sizeof d->to) != 0)
			continue;
		uint8_t *own = malloc(d->len + 1);
		memcpy(own, d->data, d->len);
		e = coap_ops.input(step_ends[i].c, step_now, &d->from, group, own, d->len);
		free(own);
	}
	return e;
}

static inline void step_drop(void)
{
	(void)step_collect();
	step_laid = 0;
}

/* One round: all that lies there is handed on, in order. */
static inline unsigned step_deliver(void)
{
	unsigned n = step_collect();
	static struct step_dgram now[STEP_TRAY];

	memcpy(now, step_tray, n * sizeof *now);
	step_laid = 0;
	for (unsigned i = 0; i < n; i++)
		(void)step_give(&now[i]);
	return n;
}

static inline void step_tick(void)
{
	for (unsigned i = 0; i < step_n; i++)
		coap_ops.tick(step_ends[i].c, step_now);
}

static inline void step_to(lan_time t)
{
	step_now = t;
	step_tick();
}

static inline void step_by(lan_time d)
{
	step_to(step_now + d);
}

static inline lan_time step_deadline(void)
{
	lan_time t = LAN_NEVER;
	for (unsigned i = 0; i < step_n; i++) {
		lan_time d = coap_ops.deadline(step_ends[i].c);
		if (d < t)
			t = d;
	}
	return t;
}

static inline struct coap_msg step_decode(const struct step_dgram *d)
{
	struct coap_msg m;
	assert_int_equal(coap_decode(d->data, d->len, &m), COAP_FAULT_OK);
	return m;
}

/* The only datagram in the tray, taken out. */
static inline struct step_dgram step_one(void)
{
	assert_int_equal(step_collect(), 1);
	step_laid = 0;
	return step_tray[0];
}

static inline void step_silence(void)
{
	assert_int_equal(step_collect(), 0);
}

static inline struct coap_event step_event(struct coap *c, enum coap_event_kind kind)
{
	struct coap_event ev;
	assert_true(coap_event(c, step_now, &ev));
	assert_int_equal(ev.kind, kind);
	return ev;
}

static inline void step_no_event(struct coap *c)
{
	struct coap_event ev;
	assert_false(coap_event(c, step_now, &ev));
}

/* A GET (or another) of /`path`. */
static inline struct coap_request step_request(const struct coap *to, uint8_t code, const char *path)
{
	static uint8_t options[4][300];
	static unsigned turn;
	uint8_t *o = options[turn++ % 4];
	struct coap_wr w = coap_begin_options(o, sizeof options[0]);
	assert_int_equal(coap_put_path(&w, COAP_URI_PATH, path, strlen(path)), LAN_OK);
	return (struct coap_request){
		.to = *step_ep(to), .code = code, .options = o, .options_len = coap_end(&w)};
}

static inline uint32_t step_send(struct coap *c, const struct coap_request *r)
{
	uint32_t id = 0;
	assert_int_equal(coap_request(c, step_now, r, &id), LAN_OK);
	return id;
}

static inline uint32_t step_get(struct coap *c, const struct coap *to, const char *path)
{
	struct coap_request r = step_request(to, COAP_GET, path);
	return step_send(c, &r);
}

static inline void step_respond(struct coap *c, uint32_t id, uint8_t code, const char *text)
{
	struct coap_response r = {.code = code, .payload = text, .len = strlen(text)};
	assert_int_equal(coap_respond(c, step_now, id, &r), LAN_OK);
}

static inline void step_is(const struct coap_event *ev, const char *text)
{
	assert_int_equal(ev->msg.len, strlen(text));
	assert_memory_equal(ev->msg.payload, text, strlen(text));
}

#define step_counter(c, name) ((unsigned)coap_counter(c, COAP_C_##name))

#endif
