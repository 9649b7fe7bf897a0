/*
 * drv_nets_end.h - for tests of the driver of messages (drv/nets.h): the smallest core there is. It keeps
 * what came, answers it if told to, and sends what it was given.
 */
#ifndef LAN_TEST_NETS_END_H
#define LAN_TEST_NETS_END_H

#include <arpa/inet.h>
#include <unistd.h>
#include "drv/nets.h"
#include "io_packet_end.h"

#define TOYS  4096
#define LINKS 8

struct toy_msg {
	struct lan_ep ep;
	size_t n;
	uint8_t data[1500];
};

struct toy {
	struct lan_nets *nets;
	bool echo, news, closed; /* closed: no room for input */
	unsigned room;           /* with `closed` off: as many answers may wait; 0: TOYS */
	unsigned heard, groups, ready_calls, ticks, unsent, lost;
	struct toy_msg last;
	lan_time heard_at, deadline;
	enum lan_err why;
	struct lan_ep unsent_to;
	unsigned head, count, most; /* messages to send */
	struct toy_msg out[TOYS];
	struct {
		unsigned told;
		bool up;
		enum lan_err err;
		char why[128];
	} link[LINKS];
};

static enum lan_err toy_input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	struct toy *t = core;
	assert_true(n <= sizeof t->last.data);
	t->heard++;
	t->groups += group;
	t->heard_at = now;
	t->news = true;
	t->last.ep = *from;
	t->last.n = n;
	memcpy(t->last.data, buf, n);
	if (!t->echo)
		return LAN_OK;
	assert_true(t->count < TOYS);
	struct toy_msg *m = &t->out[(t->head + t->count++) % TOYS];
	m->ep = *from;
	m->n = n;
	memcpy(m->data, buf, n);
	t->most = t->count > t->most ? t->count : t->most;
	return LAN_OK;
}

static size_t toy_output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct toy *t = core;
	if (!t->count)
		return 0;
	const struct toy_msg *m = &t->out[t->head];
	assert_true(m->n <= cap);
	t->head = (t->head + 1) % TOYS;
	t->count--;
	*to = m->ep;
	memcpy(buf, m->data, m->n);
	return m->n;
}

static void toy_unsent(void *core, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	struct toy *t = core;
	t->unsent++;
	t->unsent_to = *to;
	t->why = why;
	t->news = true;
}

static void toy_tick(void *core, lan_time now)
{
	struct toy *t = core;
	t->ticks++;
	if (now >= t->deadline)
		t->deadline = LAN_NEVER;
}

static lan_time toy_deadline(const void *core)
{
	return ((const struct toy *)core)->deadline;
}

static bool toy_ready(const void *core)
{
	return ((const struct toy *)core)->news;
}

static bool toy_open(const void *core)
{
	const struct toy *t = core;
	return !t->closed && (!t->room || t->count < t->room);
}

static const struct lan_ep_ops toy_ops = {.name = "toy",
	.input = toy_input,
	.output = toy_output,
	.unsent = toy_unsent,
	.tick = toy_tick,
	.deadline = toy_deadline,
	.ready = toy_ready,
	.open = toy_open};

static void toy_on_ready(void *ctx)
{
	struct toy *t = ctx;
	t->ready_calls++;
	t->news = false;
}

static void toy_on_state(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why)
{
	struct toy *t = ctx;
	assert_true(link < LINKS);
	t->link[link].told++;
	t->link[link].up = up;
	t->link[link].err = err;
	snprintf(t->link[link].why, sizeof t->link[link].why, "%s", why);
}

static struct toy *toy_new(void)
{
	struct toy *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->deadline = LAN_NEVER;
	struct lan_nets_config cfg = {.loop = loop,
		.ops = &toy_ops,
		.core = t,
		.ready = toy_on_ready,
		.state = toy_on_state,
		.ctx = t};
	assert_int_equal(lan_nets_open(&cfg, &t->nets), LAN_OK);
	return t;
}

static void toy_free(struct toy *t)
{
	lan_nets_close(t->nets);
	free(t);
}

static enum lan_err toy_try(struct toy *t, uint32_t link, const char *text, bool wait)
{
	struct lan_net_spec s;
	const char *why;
	assert_int_equal(lan_net_parse(text, &s, &why), LAN_OK);
	return lan_nets_add(t->nets, link, &s, wait, &why);
}

static void toy_add(struct toy *t, uint32_t link, const char *text)
{
	assert_int_equal(toy_try(t, link, text, false), LAN_OK);
}

static inline uint16_t toy_port(struct toy *t, uint32_t link)
{
	struct lan_net_stats s;
	assert_true(lan_nets_stats(t->nets, link, &s));
	return s.port;
}

static inline struct lan_net_stats toy_stats(struct toy *t, uint32_t link)
{
	struct lan_net_stats s;
	assert_true(lan_nets_stats(t->nets, link, &s));
	return s;
}

static void toy_say_ep(struct toy *t, const struct lan_ep *to, const void *p, size_t n)
{
	assert_true(t->count < TOYS);
	struct toy_msg *m = &t->out[(t->head + t->count++) % TOYS];
	m->ep = *to;
	m->n = n;
	memcpy(m->data, p, n);
	lan_nets_kick(t->nets);
}

static void toy_say(struct toy *t, uint32_t link, const char *to, const void *p, size_t n)
{
	struct lan_ep ep = {.link = link};
	if (*to)
		assert_int_equal(lan_nets_ep(t->nets, link, to, &ep), LAN_OK);
	toy_say_ep(t, &ep, p, n);
}

static const char *toy_from(struct toy *t)
{
	static char text[64];
	lan_nets_text(t->nets, &t->last.ep, text, sizeof text);
	return text;
}

#endif
