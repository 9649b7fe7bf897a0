/*
 * casan_serve.c - the other half of casan_model.h: reading messages, answering requests, notifying.
 */
#include <stdlib.h>
#include <string.h>
#include "casan_int.h"

size_t casan_fits(const struct casan *m)
{
	return m->curmtu > m->cfg.overhead ? m->curmtu - m->cfg.overhead : 0;
}

struct casan_out *casan_queue(struct casan *m, const struct lan_ep *to)
{
	struct casan_out *o = &m->out[(m->first_out + m->n_out) % CASAN_OUT];

	if (m->n_out == CASAN_OUT)
		return NULL;
	m->n_out++;
	o->n = 0;
	o->to = (struct lan_ep){.link = m->cfg.link};
	if (to)
		o->to = *to;
	return o;
}

void casan_put(struct casan_out *o, const void *p, size_t n)
{
	if (o->n + n > sizeof o->buf)
		abort();
	memcpy(o->buf + o->n, p, n);
	o->n += n;
}

struct casan_out *casan_reply(struct casan *m, const struct casan_in *q, uint8_t code)
{
	struct casan_out *o = casan_queue(m, &m->master);
	uint8_t head[4] = {(uint8_t)(0x60 | q->tkl), code, (uint8_t)(q->mid >> 8), (uint8_t)q->mid};

	if (!o)
		return NULL;
	casan_put(o, head, 4);
	casan_put(o, q->token, q->tkl);
	return o;
}

/* --- reading ------------------------------------------------------------------------- */

static bool is(const uint8_t *p, size_t n, const char *text)
{
	return n == strlen(text) && !memcmp(p, text, n);
}

/* The number behind a prefix; -1: another query. */
static long number(const uint8_t *p, size_t n, const char *prefix)
{
	char text[24];
	size_t k = strlen(prefix);

	if (n <= k || n - k >= sizeof text || memcmp(p, prefix, k) != 0)
		return -1;
	memcpy(text, p + k, n - k);
	text[n - k] = 0;
	return strtol(text, NULL, 10);
}

static void take_query(struct casan_in *q, const uint8_t *p, size_t n)
{
	long x;

	if (!q->query)
		q->query = p, q->query_len = n;
	if ((x = number(p, n, "hello=")) >= 0)
		q->hello = x;
	else if ((x = number(p, n, "ttl=")) >= 0)
		q->ttl = x;
	else if ((x = number(p, n, "mtu=")) >= 0)
		q->mtu = x;
	else if (number(p, n, "slave=") >= 0)
		q->discover = true;
}

static void take_path(const struct casan *m, struct casan_in *q, const uint8_t *p, size_t n)
{
	if (!q->n_path)
		q->path = p, q->path_len = n;
	if (q->n_path == 1 && is(q->path, q->path_len, ".well-known") &&
		is(p, n, m->cfg.sos ? "sos" : "casan"))
		q->control = true;
	if (q->n_path++ > 1)
		q->control = false;
}

static bool extended(const uint8_t **p, const uint8_t *end, uint32_t *x)
{
	size_t more = *x == 13 ? 1 : *x == 14 ? 2 : 0;

	if (*x == 15 || (size_t)(end - *p) < more)
		return false;
	if (more == 1)
		*x = 13u + (*p)[0];
	else if (more == 2)
		*x = 269u + ((uint32_t)(*p)[0] << 8 | (*p)[1]);
	*p += more;
	return true;
}

static bool options(const struct casan *m, const uint8_t *p, const uint8_t *end, struct casan_in *q)
{
	uint32_t at = 0;

	while (p < end && *p != 0xff) {
		uint32_t delta = *p >> 4, len = *p & 15;

		p++;
		if (!extended(&p, end, &delta) || !extended(&p, end, &len) || (size_t)(end - p) < len)
			return false;
		at += delta;
		if (at == 11)
			take_path(m, q, p, len);
		else if (at == 15)
			take_query(q, p, len);
		else if (at == 6 && !m->cfg.sos)
			q->observe = true; /* S4: any value is 0 */
		p += len;
	}
	if (p < end) {
		q->payload = p + 1;
		q->len = (size_t)(end - p) - 1;
	}
	return true;
}

bool casan_read(const struct casan *m, const uint8_t *buf, size_t n, struct casan_in *q)
{
	*q = (struct casan_in){.hello = -1, .ttl = -1, .mtu = -1};
	if (n < 4 || buf[0] >> 6 != 1)
		return false;
	q->type = (buf[0] >> 4) & 3;
	q->tkl = buf[0] & 7; /* S2 */
	q->code = buf[1];
	q->mid = (uint16_t)(buf[2] << 8 | buf[3]);
	if (n < 4u + q->tkl)
		return false;
	memcpy(q->token, buf + 4, q->tkl);
	if (!options(m, buf + 4 + q->tkl, buf + n, q) && n < casan_fits(m))
		return false;
	if (!q->control || q->code != 2 || q->type > 1)
		q->hello = q->ttl = -1, q->discover = false;
	if (q->type != 1)
		q->hello = -1, q->discover = false;
	if (q->type != 0)
		q->ttl = -1;
	return true;
}

/* --- answering ----------------------------------------------------------------------- */

static int resource_of(const struct casan *m, const struct casan_in *q)
{
	for (int i = 0; i < m->cfg.n && q->path; i++)
		if (is(q->path, q->path_len, m->cfg.name[i]))
			return i;
	return -1;
}

static void put_uint(struct casan_out *o, uint8_t delta, uint32_t x)
{
	uint8_t b[5] = {0, (uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x};
	size_t skip = 1;

	while (skip < 5 && !b[skip])
		skip++;
	b[skip - 1] = (uint8_t)(delta << 4 | (5 - skip));
	casan_put(o, b + skip - 1, 6 - skip);
}

static void put_rest(struct casan_out *o, uint8_t last, const struct casan_reply *r)
{
	put_uint(o, (uint8_t)(12 - last), 0);
	if (r->max_age != UINT32_MAX)
		put_uint(o, 2, r->max_age);
	if (r->len) {
		casan_put(o, "\xff", 1);
		casan_put(o, r->value, r->len);
	}
}

static void observed_by(struct casan *m, int i, const struct casan_in *q)
{
	m->obs[i].on = q->observe;
	m->obs[i].tkl = q->tkl;
	m->obs[i].serial = 2;
	memcpy(m->obs[i].token, q->token, sizeof q->token);
}

void casan_serve(struct casan *m, const struct casan_in *q)
{
	struct casan_reply r = {.max_age = UINT32_MAX};
	int i = resource_of(m, q);
	struct casan_out *o;
	struct casan_request ask = {.resource = i,
		.code = q->code,
		.query = q->query,
		.query_len = q->query_len,
		.payload = q->payload,
		.len = q->len};
	uint8_t code = 0x84;

	if (q->type > 1 || !q->code)
		i = -1; /* S8: a ping, an RST, an ACK are for a resource that is not there */
	if (i >= 0)
		code = m->cfg.handle(m->cfg.ctx, &ask, &r);
	o = casan_reply(m, q, code);
	if (!o || i < 0 || code == 0x80)
		return;
	if (m->cfg.observable[i])
		observed_by(m, i, q);
	if (q->observe)
		put_uint(o, 6, 2);
	put_rest(o, q->observe ? 6 : 0, &r);
}

/* The frame was cut: header and token were all it read. */
void casan_too_big(struct casan *m, const struct casan_in *q)
{
	struct casan_out *o = casan_reply(m, q, 0x8d);

	if (!o)
		return;
	casan_put(o, (uint8_t[]){0xd0 | (m->curmtu > 255 ? 2 : 1), 60 - 13}, 2);
	if (m->curmtu > 255)
		casan_put(o, (uint8_t[]){(uint8_t)(m->curmtu >> 8)}, 1);
	casan_put(o, (uint8_t[]){(uint8_t)m->curmtu}, 1);
}

void casan_changed(struct casan *m, lan_time now, int i)
{
	struct casan_request ask = {.resource = i, .code = 1};
	struct casan_reply r = {.max_age = UINT32_MAX};
	uint8_t code, head[4];
	struct casan_out *o;

	if (!m->obs[i].on || (m->state != CASAN_RUNNING && m->state != CASAN_RENEW))
		return;
	code = m->cfg.handle(m->cfg.ctx, &ask, &r);
	o = casan_queue(m, &m->master);
	if (!o)
		return;
	m->mid++;
	head[0] = (uint8_t)(0x60 | m->obs[i].tkl);
	head[1] = code;
	head[2] = (uint8_t)(m->mid >> 8);
	head[3] = (uint8_t)m->mid;
	casan_put(o, head, 4);
	casan_put(o, m->obs[i].token, m->obs[i].tkl);
	put_uint(o, 6, ++m->obs[i].serial);
	put_rest(o, 6, &r);
}
