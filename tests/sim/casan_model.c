/*
 * casan_model.c - see casan_model.h. Times are those of sos.md section 2.1: in WAITING the steps between
 * Discovers grow by a second up to ten; in RENEW they halve down to half a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "casan_int.h"

static void put_control(struct casan *m)
{
	static const char *const epochs[2] = {"\x05"
					      "casan",
		"\x03"
		"sos"};
	struct casan_out *o = casan_queue(m, m->known ? &m->master : NULL);
	uint8_t head[4] = {0x50, 2};
	char text[40];
	int n;

	if (!o)
		return;
	m->mid++;
	head[2] = (uint8_t)(m->mid >> 8);
	head[3] = (uint8_t)m->mid;
	casan_put(o, head, 4);
	casan_put(o, "\xbb.well-known", 12);
	casan_put(o, epochs[m->cfg.sos], strlen(epochs[m->cfg.sos]));
	n = snprintf(text, sizeof text, "slave=%u", m->cfg.id);
	/* S1: the extended length is not reduced by 13. */
	if (n < 13)
		casan_put(o, (uint8_t[]){(uint8_t)(0x40 | n)}, 1);
	else
		casan_put(o, (uint8_t[]){0x4d, (uint8_t)n}, 2);
	casan_put(o, text, (size_t)n);
	n = snprintf(text, sizeof text, "mtu=%u", m->cfg.defmtu);
	casan_put(o, (uint8_t[]){(uint8_t)n}, 1);
	casan_put(o, text, (size_t)n);
}

static void wait_again(struct casan *m, lan_time now)
{
	m->step = LAN_SEC(1);
	m->next = now + m->step;
	m->end = now + LAN_SEC(30);
}

static void unknown(struct casan *m, lan_time now)
{
	m->known = false;
	m->curmtu = m->cfg.defmtu;
	m->hlid = -1;
	put_control(m);
	wait_again(m, now);
	m->state = CASAN_WAITING_UNKNOWN;
}

static void adopt(struct casan *m, const struct lan_ep *from, long hid)
{
	m->known = true;
	m->master = *from;
	m->hlid = hid;
}

static bool is_master(const struct casan *m, const struct lan_ep *e)
{
	return m->known && m->master.link == e->link && m->master.len == e->len &&
	       !memcmp(m->master.addr, e->addr, e->len);
}

static void hello(struct casan *m, lan_time now, const struct lan_ep *from, long hid)
{
	long was = m->hlid;

	if (m->state == CASAN_WAITING_UNKNOWN) {
		adopt(m, from, hid);
		wait_again(m, now);
		m->state = CASAN_WAITING_KNOWN;
	} else if (m->state == CASAN_WAITING_KNOWN) {
		adopt(m, from, hid);
	} else if (!is_master(m, from) || was != hid) {
		adopt(m, from, hid);
		m->curmtu = m->cfg.defmtu; /* S5 */
		if (was != -1) {
			wait_again(m, now);
			m->state = CASAN_WAITING_KNOWN;
		}
	}
}

static void put_list(struct casan *m, struct casan_out *o)
{
	size_t most = casan_fits(m), left = most > 6 ? most - 6 : 0, used = 0;

	for (int i = 0; i < m->cfg.n; i++) {
		char text[160];
		int n = snprintf(text, sizeof text, "<%s>;title=\"%s\";rt=\"number\"%s", m->cfg.name[i],
			m->cfg.title[i], m->cfg.observable[i] && !m->cfg.sos ? ";obs" : "");

		if (used + (size_t)n + (i + 1 < m->cfg.n) > left)
			return; /* S9: behind the comma */
		casan_put(o, text, (size_t)n);
		used += (size_t)n;
		if (i + 1 < m->cfg.n) {
			casan_put(o, ",", 1);
			used++;
		}
	}
}

static void assoc(struct casan *m, lan_time now, const struct lan_ep *from, const struct casan_in *q)
{
	struct casan_out *o;
	bool waiting = m->state == CASAN_WAITING_UNKNOWN || m->state == CASAN_WAITING_KNOWN;

	if (!waiting && !is_master(m, from))
		return;
	if (waiting)
		adopt(m, from, -1);
	m->curmtu = q->mtu > 0 && (uint32_t)q->mtu <= m->cfg.defmtu ? (uint32_t)q->mtu : m->cfg.defmtu;
	m->state = CASAN_RUNNING;
	m->step = LAN_SEC((lan_time)q->ttl) / 2;
	m->next = now + m->step;
	m->end = now + LAN_SEC((lan_time)q->ttl);
	o = casan_reply(m, q, 0x45);
	if (!o)
		return;
	casan_put(o, "\xc0\xff", 2);
	put_list(m, o);
}

static enum lan_err input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	struct casan *m = core;
	struct casan_in q;
	size_t most = casan_fits(m);

	if (m->state == CASAN_COLDSTART || !casan_read(m, buf, n < most ? n : most, &q))
		return LAN_ERR_PROTO;
	if (n > most) {
		if (m->state == CASAN_RUNNING || m->state == CASAN_RENEW)
			casan_too_big(m, &q);
	} else if (q.hello >= 0) {
		hello(m, now, from, q.hello);
	} else if (q.ttl > 0 && q.mtu >= 0) {
		assoc(m, now, from, &q);
	} else if (q.discover) {
		return LAN_OK;
	} else if (m->state == CASAN_RUNNING || m->state == CASAN_RENEW) {
		casan_serve(m, &q);
	}
	return LAN_OK;
}

static void tick_waiting(struct casan *m, lan_time now)
{
	if (m->state == CASAN_WAITING_KNOWN && now >= m->end) {
		unknown(m, now);
		return;
	}
	put_control(m);
	m->step += m->step < LAN_SEC(10) ? LAN_SEC(1) : 0;
	m->next += m->step;
	if (m->next <= now)
		m->next = now + 1;
}

static void tick_running(struct casan *m, lan_time now)
{
	if (now >= m->end) {
		unknown(m, now);
		return;
	}
	m->state = CASAN_RENEW;
	put_control(m);
	m->step = m->step / 2 > LAN_MS(500) ? m->step / 2 : LAN_MS(500);
	m->next += m->step;
	if (m->next <= now)
		m->next = now + 1;
}

static lan_time deadline(const void *core)
{
	const struct casan *m = core;

	if (m->state == CASAN_COLDSTART || m->n_out)
		return 0;
	if (m->state == CASAN_WAITING_UNKNOWN)
		return m->next;
	return m->next < m->end ? m->next : m->end;
}

static void tick(void *core, lan_time now)
{
	struct casan *m = core;

	if (m->state == CASAN_COLDSTART)
		unknown(m, now);
	else if (now < deadline(m) || m->n_out)
		return;
	else if (m->state <= CASAN_WAITING_KNOWN)
		tick_waiting(m, now);
	else
		tick_running(m, now);
}

static size_t output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct casan *m = core;
	struct casan_out *o = &m->out[m->first_out];
	size_t n = o->n;

	if (!m->n_out)
		return 0;
	*to = o->to;
	memcpy(buf, o->buf, n);
	m->first_out = (m->first_out + 1) % CASAN_OUT;
	m->n_out--;
	return n;
}

static bool ready(const void *core)
{
	return false;
}

const struct lan_ep_ops casan_ops = {.name = "casan-model",
	.input = input,
	.output = output,
	.tick = tick,
	.deadline = deadline,
	.ready = ready};

struct casan *casan_new(const struct casan_config *cfg)
{
	struct casan *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->cfg = *cfg;
	m->curmtu = cfg->defmtu;
	m->hlid = -1;
	return m;
}

void casan_free(struct casan *m)
{
	free(m);
}

enum casan_state casan_state(const struct casan *m)
{
	return m->state;
}

bool casan_observed(const struct casan *m, int resource)
{
	return m->obs[resource].on;
}

const struct lan_ep *casan_master(const struct casan *m)
{
	return m->known ? &m->master : NULL;
}
