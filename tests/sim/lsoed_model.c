/*
 * lsoed_model.c - see lsoed_model.h. Datagrams, time, and the face of the model.
 */
#include "lsoed_int.h"

static struct neighbour *find(const struct lsoed *m, const uint8_t mac[6])
{
	for (size_t i = 0; i < m->n_nb; i++)
		if (memcmp(m->nb[i].mac, mac, 6) == 0)
			return &m->nb[i];
	return NULL;
}

/* --- datagrams ------------------------------------------------------------------------ */

static struct neighbour *of_mac(struct lsoed *m, const uint8_t mac[6], uint32_t link)
{
	struct neighbour *b = find(m, mac);

	if (b)
		return b->link == link ? b : NULL;
	m->nb = grow(m->nb, (m->n_nb + 1) * sizeof *m->nb);
	b = &m->nb[m->n_nb++];
	*b = (struct neighbour){.link = link};
	memcpy(b->mac, mac, 6);
	return b;
}

static void add_piece(struct neighbour *b, const uint8_t *f, size_t n)
{
	uint8_t number = f[1] & 127;
	size_t at = 0;

	/* by number, and of equal ones the newest first */
	while (at < b->n_piece && b->piece[at].number < number)
		at++;
	b->piece = grow(b->piece, (b->n_piece + 1) * sizeof *b->piece);
	memmove(b->piece + at + 1, b->piece + at, (b->n_piece - at) * sizeof *b->piece);
	b->piece[at] = (struct piece){.number = number, .last = f[1] & 128};
	set(&b->piece[at].b, f + 8, n - 8);
	b->n_piece++;
}

/* The original's attempt at removing repetitions: by index before removal. */
static void remove_surplus(struct neighbour *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n_piece; i++) {
		if (b->piece[i].number >= i)
			b->piece[kept++] = b->piece[i];
		else
			clear(&b->piece[i].b);
	}
	b->n_piece = kept;
}

static bool assemble(struct neighbour *b, struct bytes *pdu)
{
	if (!b->n_piece || !b->piece[b->n_piece - 1].last)
		return false;
	remove_surplus(b);
	for (size_t i = 0; i < b->n_piece; i++)
		if (b->piece[i].number != i || b->piece[i].last != (i + 1 == b->n_piece))
			return false;
	for (size_t i = 0; i < b->n_piece; i++) {
		struct bytes *from = &b->piece[i].b;

		pdu->p = grow(pdu->p, pdu->n + from->n);
		if (from->n)
			memcpy(pdu->p + pdu->n, from->p, from->n);
		pdu->n += from->n;
		clear(from);
	}
	b->n_piece = 0;
	return true;
}

static bool verified(const uint8_t *f, size_t *n)
{
	size_t len = (size_t)f[2] << 8 | f[3];

	*n = *n > len ? len : *n;
	if (f[0] || *n != len || len < 8)
		return false;
	return lsoe_checksum(f, *n, 4) ==
	       ((uint32_t)f[4] << 24 | (uint32_t)f[5] << 16 | (uint32_t)f[6] << 8 | f[7]);
}

static enum lan_err input(
	void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *f, size_t n)
{
	struct lsoed *m = core;
	struct neighbour *b;
	struct bytes pdu = {0};

	if (m->died || n < 8)
		return LAN_ERR_PROTO;
	b = of_mac(m, src, link);
	if (!b || !verified(f, &n))
		return LAN_ERR_PROTO;
	add_piece(b, f, n);
	if (assemble(b, &pdu))
		lsoed_deliver(m, now, b, pdu.p, pdu.n);
	free(pdu.p);
	return LAN_OK;
}

/* --- time ------------------------------------------------------------------------------- */

static bool session_timers(struct lsoed *m, lan_time now, struct neighbour *b)
{
	static const uint8_t keepalive[3] = {KEEPALIVE, 0, 3};

	if (established(b) && now > b->saw + m->cfg.dead)
		return false;
	for (int i = 0; i < 8; i++) {
		struct waiting *w = &b->w[i];

		if (!w->out || now < w->timeout)
			continue;
		if (w->left-- <= 1)
			return false;
		if (!m->cfg.no_backoff)
			w->interval *= 2;
		w->timeout = now + w->interval;
		lsoed_write(m, b->link, b->mac, w->pdu.p, w->pdu.n);
	}
	if (established(b) && now >= b->send_next) {
		b->send_next = now + m->cfg.keepalive;
		lsoed_send(m, now, b, keepalive, sizeof keepalive);
	}
	return true;
}

static void tick(void *core, lan_time now)
{
	static const uint8_t hello[3] = {HELLO, 0, 3};
	struct lsoed *m = core;

	if (m->died)
		return;
	if (now >= m->hello_at) {
		for (uint32_t l = 1; l <= LSOED_LINKS; l++)
			if (m->link[l])
				lsoed_write(m, l, m->cfg.hello_to, hello, sizeof hello);
		m->hello_at = now + m->cfg.hello;
	}
	for (size_t i = 0; i < m->n_nb; i++)
		if (m->nb[i].session && !session_timers(m, now, &m->nb[i]))
			lsoed_close(&m->nb[i]);
}

static lan_time deadline(const void *core)
{
	const struct lsoed *m = core;
	lan_time at = m->hello_at;

	if (m->died)
		return LAN_NEVER;
	for (size_t i = 0; i < m->n_nb; i++) {
		const struct neighbour *b = &m->nb[i];

		if (established(b) && b->saw + m->cfg.dead + 1 < at)
			at = b->saw + m->cfg.dead + 1;
		if (established(b) && b->send_next < at)
			at = b->send_next;
		for (int k = 0; k < 8; k++)
			if (b->w[k].out && b->w[k].timeout < at)
				at = b->w[k].timeout;
	}
	return at;
}

static bool want(void *core, uint32_t *link)
{
	struct lsoed *m = core;

	if (m->next_out == m->n_out)
		return false;
	*link = m->out[m->next_out].link;
	return true;
}

static size_t output(void *core, lan_time now, uint32_t link, uint8_t to[6], uint8_t *buf, size_t cap)
{
	struct lsoed *m = core;
	struct out *o = &m->out[m->next_out];
	size_t n;

	if (m->next_out == m->n_out || o->link != link)
		return 0;
	n = o->b.n;
	memcpy(to, o->to, 6);
	memcpy(buf, o->b.p, n);
	clear(&o->b);
	if (++m->next_out == m->n_out)
		m->next_out = m->n_out = 0;
	return n;
}

static void unsent(void *core, lan_time now, uint32_t link, enum lan_err why)
{
}

static bool ready(const void *core)
{
	return false;
}

const struct lan_frame_ops lsoed_ops = {.name = "lsoed",
	.input = input,
	.want = want,
	.output = output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready};

/* --- the face ----------------------------------------------------------------------------- */

struct lsoed *lsoed_new(const struct lan_env *env, lan_time now, const struct lsoed_config *cfg)
{
	struct lsoed *m = grow(NULL, sizeof *m);

	*m = (struct lsoed){.env = *env, .cfg = *cfg, .hello_at = now};
	return m;
}

void lsoed_free(struct lsoed *m)
{
	for (size_t i = 0; i < m->n_nb; i++) {
		lsoed_close(&m->nb[i]);
		for (size_t k = 0; k < m->nb[i].n_piece; k++)
			clear(&m->nb[i].piece[k].b);
		free(m->nb[i].piece);
	}
	for (size_t i = m->next_out; i < m->n_out; i++)
		clear(&m->out[i].b);
	clear(&m->list[0]);
	clear(&m->list[1]);
	free(m->nb);
	free(m->out);
	free(m);
}

void lsoed_link(struct lsoed *m, uint32_t link, bool up)
{
	m->link[link] = up;
}

void lsoed_announce(
	struct lsoed *m, lan_time now, uint8_t type, uint16_t count, const uint8_t *entries, size_t n)
{
	struct bytes *l = &m->list[type - IPV4];

	l->p = grow(l->p, n + 2);
	l->n = n + 2;
	l->p[0] = (uint8_t)(count >> 8);
	l->p[1] = (uint8_t)count;
	if (n)
		memcpy(l->p + 2, entries, n);
	for (size_t i = 0; i < m->n_nb && !m->died; i++)
		if (established(&m->nb[i]))
			lsoed_send_list(m, now, &m->nb[i], type);
}

const char *lsoed_died(const struct lsoed *m)
{
	return m->died;
}

bool lsoed_open(const struct lsoed *m, const uint8_t mac[6])
{
	const struct neighbour *b = find(m, mac);

	return b && established(b);
}

const char *lsoed_deaf(const struct lsoed *m, uint32_t link, const uint8_t mac[6])
{
	const struct neighbour *b = find(m, mac);

	if (b && b->link != link)
		return "it knows the address from another link";
	return b && b->n_piece ? "a fragment is left over" : NULL;
}

const uint8_t *lsoed_heard(const struct lsoed *m, const uint8_t mac[6], uint8_t type, size_t *n)
{
	const struct neighbour *b = find(m, mac);

	if (!b || !b->heard[type].p)
		return NULL;
	*n = b->heard[type].n;
	return b->heard[type].p;
}

size_t lsoed_waiting(const struct lsoed *m, const uint8_t mac[6])
{
	const struct neighbour *b = find(m, mac);
	size_t n = 0;

	for (int i = 0; b && i < 8; i++)
		n += b->w[i].out;
	return n;
}
