/*
 * chan_few.h - a few members of a sealed channel on a wire of this file's own: no
 * network to speak of, only deafness and loss by a fixed pattern. For what can be
 * stepped by hand; what needs many seeds is in the simulator.
 */
#ifndef CHAN_FEW_H
#define CHAN_FEW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "crypto/crypto.h"
#include "proto/channel/channel.h"

#define MAX 4

struct member {
	struct chan *c;
	bool deaf, mute;
	unsigned loss; /* drops one in so many */
	size_t n;
	char said[4096][32];
	uint64_t seq[4096], lost;
	char name[CHAN_NAME_MAX]; /* of who joined last */
	const char *why;          /* of the last loss */
	unsigned joined, left, lost_events, keys, writable;
};

struct world {
	lan_time now;
	uint64_t rng;
	struct lan_env env;
	struct chan_config cfg;
	struct member m[MAX];
	size_t n, wire_bytes, datagrams;
};

static inline uint64_t next_random(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	return w->rng ^= w->rng << 17;
}

static inline void entropy(void *ctx, void *buf, size_t n)
{
	uint8_t *to = buf;
	while (n--)
		*to++ = (uint8_t)(next_random(ctx) >> 24);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	assert_int_equal(lan_crypto_init(), LAN_OK);
	w->now = LAN_SEC(100);
	w->rng = 88172645463325252u;
	w->env = (struct lan_env){.ctx = w, .entropy = entropy};
	w->cfg = (struct chan_config){.channel = "239.1.2.3:5000",
		.keys = {.cipher = LAN_AEAD_AES256GCM,
			.n = 1,
			.key = {{.epoch = 1, .key = {1, 2, 3}, .accept_until = LAN_NEVER}}}};
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->n; i++)
		chan_free(w->m[i].c);
	free(w);
	return 0;
}

static inline struct member *join(struct world *w)
{
	struct member *m = &w->m[w->n++];
	assert_int_equal(chan_new(&w->env, w->now, &w->cfg, &m->c), LAN_OK);
	return m;
}

static inline void note(struct member *m, const struct chan_event *ev)
{
	switch (ev->kind) {
	case CHAN_MESSAGE:
		assert_true(m->n < 4096);
		memcpy(m->said[m->n], ev->data, ev->len < 31 ? ev->len : 31);
		m->seq[m->n++] = ev->seq;
		break;
	case CHAN_JOINED:
		memcpy(m->name, ev->name, strlen(ev->name) + 1);
		m->joined++;
		break;
	case CHAN_LEFT:
		m->left++;
		break;
	case CHAN_LOST:
		m->lost += ev->count;
		m->why = ev->reason;
		m->lost_events++;
		break;
	case CHAN_KEY:
		m->keys++;
		break;
	case CHAN_WRITABLE:
		m->writable++;
		break;
	case CHAN_IFACE:
	case CHAN_REFUSED:
		break;
	}
}

static inline void pull(struct member *m)
{
	struct chan_event ev;
	while (chan_event(m->c, &ev))
		note(m, &ev);
}

static inline bool carry(struct world *w, size_t from)
{
	uint8_t buf[2048], copy[2048];
	struct lan_from at = {.port = (uint16_t)(1000 + from)};
	size_t n = chan_ops.output(w->m[from].c, w->now, buf, sizeof buf);
	if (!n)
		return false;
	w->wire_bytes += n;
	w->datagrams++;
	for (size_t i = 0; i < w->n; i++) {
		if (i == from || w->m[i].deaf || w->m[from].mute ||
			(w->m[i].loss && next_random(w) % w->m[i].loss == 0))
			continue;
		memcpy(copy, buf, n);
		(void)chan_ops.input(w->m[i].c, w->now, &at, copy, n);
		pull(&w->m[i]);
	}
	return true;
}

static inline void settle(struct world *w)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < w->n; i++)
			while (carry(w, i))
				more = true;
	}
	for (size_t i = 0; i < w->n; i++)
		pull(&w->m[i]);
}

static inline void pass(struct world *w, lan_time t)
{
	lan_time end = w->now + t;
	settle(w);
	while (w->now < end) {
		lan_time next = end;
		for (size_t i = 0; i < w->n; i++) {
			lan_time d = chan_ops.deadline(w->m[i].c);
			next = d < next ? d : next;
		}
		w->now = next > w->now ? next : w->now + LAN_US(50);
		for (size_t i = 0; i < w->n; i++)
			chan_ops.tick(w->m[i].c, w->now);
		settle(w);
	}
}

static inline void say(struct world *w, struct member *m, unsigned n)
{
	char text[32];
	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(text, sizeof text, "message %u", i);
		assert_int_equal(chan_send(m->c, w->now, text, (size_t)len, NULL), LAN_OK);
	}
}

static inline void heard_all(const struct member *m, unsigned n)
{
	char text[32];
	assert_int_equal(m->n, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof text, "message %u", i);
		assert_string_equal(m->said[i], text);
	}
}

#endif
