/*
 * fuzz_lsoe_pair.c - two cores of neighbours on one cable that does to each frame
 * what the input says: deliver, drop, double, delay, damage. Their programs change
 * what is announced, stop, restart with or without what they kept, reset, roll
 * their keys; carriers go and come at either end.
 *
 * When the input is over the faults end, and both announce anew (an ACK that came
 * twice may have been believed for another PDU: section 1.6). Then, within
 * SETTLE, both have to be established, to hear what the other announces, and to
 * have nothing that waits for an acknowledgement.
 */
#include <stdlib.h>
#include "crypto/crypto.h"
#include "insider.h"
#include "lsoe_hear.h"

#define FLIGHTS 2048
#define LATENCY LAN_US(100)
#define SETTLE  LAN_SEC(12)

static const uint8_t all[6] = {1, 0x80, 0xc2, 0, 0, 0xe};
static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

struct flight {
	lan_time at;
	int to;
	size_t n;
	uint8_t bytes[1520];
};

struct node {
	struct lsoe *n;
	uint64_t seed, session;
	bool up, asleep, link;
	uint8_t key;
	struct hear hear;
	uint8_t count[4], first[4]; /* what it announces of each type: so many addresses from a number on */
	bool long_list;
	uint8_t *saved;
	size_t saved_len;
	struct lsoe_key pin; /* of the other */
};

struct world {
	struct fuzz_in in;
	struct flight *flight;
	unsigned flights;
	lan_time now;
	enum lsoe_dialect d;
	uint8_t options;
	bool calm;
	struct node m[2];
};

/* --- what is announced ------------------------------------------------------------ */

static uint32_t count_of(const struct node *m, int t)
{
	return m->long_list && t == 0 ? 100u + 2u * m->count[0] : m->count[t] % 20;
}

static void address(const struct world *w, int i, int t, uint32_t k, uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 10;
	addr[1] = (uint8_t)(1 + i);
	addr[2] = (uint8_t)((w->m[i].first[t] + k) >> 8);
	addr[3] = (uint8_t)(w->m[i].first[t] + k);
}

static void announce(struct world *w, int i, int t)
{
	struct lsoe_list l = {0};
	uint8_t addr[16], labels[3] = {0, 0x11, 1};

	if (!w->m[i].link)
		return;
	for (uint32_t k = 0; k < count_of(&w->m[i], t); k++) {
		struct lsoe_entry e = {
			.addr = addr, .prefix = 24, .labels = t >= 2 ? labels : NULL, .n_labels = t >= 2};
		address(w, i, t, k, addr);
		FUZZ_CHECK(lsoe_list_add(&l, (uint8_t)(LSOE_IPV4 + t), &e) == LAN_OK, "no list");
	}
	enum lan_err e = lsoe_announce(w->m[i].n, w->now, 1, (uint8_t)(LSOE_IPV4 + t), &l);
	FUZZ_CHECK(e == LAN_OK, "announcing: error %d", (int)e);
}

static bool heard_as_announced(struct world *w, int i, int t)
{
	const struct lsoe_list *l = lsoe_heard(w->m[i].n, 1, macs[1 - i], (uint8_t)(LSOE_IPV4 + t));
	uint32_t n = count_of(&w->m[1 - i], t), found = 0;
	struct lsoe_entry e;
	uint8_t addr[16];
	size_t at = 0;

	if ((l ? l->count : 0) != n)
		return false;
	while (l && lsoe_list_next(l, (uint8_t)(LSOE_IPV4 + t), &at, &e))
		for (uint32_t k = 0; k < n; k++) {
			address(w, 1 - i, t, k, addr);
			found += memcmp(e.addr, addr, t & 1 ? 16 : 4) == 0 && e.prefix == 24;
		}
	return found == n;
}

/* --- lives --------------------------------------------------------------------------- */

static void link_up(struct world *w, int i)
{
	struct lsoe_link_config c = {.link = 1, .mtu = 1500};

	memcpy(c.mac, macs[i], 6);
	memcpy(c.hello_to, all, 6);
	FUZZ_CHECK(lsoe_link_up(w->m[i].n, w->now, &c) == LAN_OK, "no link");
	w->m[i].link = true;
	for (int t = 0; t < 4; t++)
		announce(w, i, t);
}

static struct lan_signer *signer(int i, uint8_t number)
{
	uint8_t seed[32] = {(uint8_t)(i + 1), number};
	struct lan_signer *s = NULL;

	FUZZ_CHECK(lan_signer_ed25519(seed, &s) == LAN_OK, "no key");
	return s;
}

static void start(struct world *w, int i)
{
	struct node *m = &w->m[i];
	struct lan_env env = fuzz_env(&m->seed);
	uint8_t id[10] = {1, 2, (uint8_t)i}, a = w->options;
	struct lsoe_config cfg = {.dialect = w->d,
		.id_len = LSOE_ID_01,
		.hello = LAN_SEC(1),
		.keepalive = LAN_MS(150),
		.dead = LAN_SEC(1),
		.retransmit = LAN_MS(100),
		.reassembly = LAN_MS(200),
		.tries = 4,
		.no_backoff = a & 2,
		.measure = a & 4 ? LAN_MS(400) : LAN_NEVER,
		.open_jitter = a & 8 ? LAN_MS(30) : 0,
		.resume = LAN_SEC(5),
		.want_saved = a & 16};

	cfg.id = id;
	if (w->d == LSOE_L3DL && (a & (i ? 32 : 64)))
		cfg.signer = signer(i, m->key);
	FUZZ_CHECK(lsoe_new(&env, &cfg, &m->n) == LAN_OK, "no core");
	m->session = 0;
	m->hear.d = w->d;
	m->up = false;
	id[2] = (uint8_t)(1 - i);
	if (m->pin.alg)
		FUZZ_CHECK(lsoe_pin(m->n, id, LSOE_ID_01, &m->pin) == LAN_OK, "no pin");
	link_up(w, i);
	if (m->saved && (a & 16))
		(void)!lsoe_load(m->n, w->now, 1, macs[1 - i], m->saved, m->saved_len);
}

static void forget(struct node *m)
{
	lsoe_list_fini(&(struct lsoe_list){.p = m->saved});
	m->saved = NULL;
}

static void restart(struct world *w, int i, bool keeps)
{
	struct node *m = &w->m[i];

	lsoe_free(m->n);
	if (!keeps)
		forget(m);
	hear_forget(&m->hear);
	start(w, i);
}

/* --- events ---------------------------------------------------------------------------- */

static void take(struct world *w, int i, const struct lsoe_event *ev)
{
	struct node *m = &w->m[i];

	switch (ev->kind) {
	case LSOE_EV_UP:
		FUZZ_CHECK(!m->up && ev->session != m->session, "up twice");
		m->up = true;
		m->session = ev->session;
		break;
	case LSOE_EV_DOWN:
		FUZZ_CHECK(m->up && ev->session == m->session, "down twice");
		m->up = false;
		break;
	case LSOE_EV_ENCAPS:
		FUZZ_CHECK(m->up && ev->session == m->session, "a list without a session");
		break;
	case LSOE_EV_KEY:
		if (ev->key)
			FUZZ_CHECK(lsoe_key_set(&m->pin, ev->key->alg, ev->key->key, ev->key->len) == LAN_OK,
				"no key");
		break;
	case LSOE_EV_SAVE:
		forget(m);
		if (lsoe_save(m->n, 1, macs[1 - i], &m->saved, &m->saved_len) != LAN_OK)
			m->saved = NULL;
		break;
	default:
		break;
	}
}

static void pull(struct world *w, int i)
{
	struct lsoe_event ev;

	while (lsoe_event(w->m[i].n, w->now, &ev)) {
		FUZZ_CHECK(
			memcmp(ev.mac, macs[1 - i], 6) == 0 && ev.link == 1, "an event of somebody unknown");
		take(w, i, &ev);
	}
}

/* --- the cable --------------------------------------------------------------------------- */

static void fly(struct world *w, int to, const uint8_t *p, size_t n, lan_time delay)
{
	if (w->flights == FLIGHTS)
		return; /* a loss like any other */
	struct flight *f = &w->flight[w->flights++];
	f->at = w->now + LATENCY + delay;
	f->to = to;
	f->n = n;
	memcpy(f->bytes, p, n);
}

static void carry(struct world *w, int to, uint8_t *p, size_t n)
{
	uint8_t b = w->calm ? 0 : fuzz_u8(&w->in);

	if (!w->m[to].link)
		return;
	switch (b & 7) {
	case 4:
		return;
	case 5:
		fly(w, to, p, n, (b >> 3) * LAN_MS(4));
		break;
	case 6:
		fly(w, to, p, n, (b >> 3) * LAN_MS(12));
		return;
	case 7: /* within the datagram: who is Lanyard is not protected */
		p[(b >> 3) % 8] ^= 0x10;
		break;
	}
	fly(w, to, p, n, 0);
}

static void drain(struct world *w, int i)
{
	uint8_t buf[1600], to[6];
	struct lsoe_status st;
	struct lsoe_pdu pdu;
	unsigned left = 5000;
	uint32_t link;
	size_t n;

	while (lsoe_ops.want(w->m[i].n, &link)) {
		FUZZ_CHECK(link == 1, "wants to send by link %u", link);
		while ((n = lsoe_ops.output(w->m[i].n, w->now, link, to, buf, 1500)) != 0) {
			bool known = lsoe_peer(w->m[i].n, 0, &st);

			FUZZ_CHECK(left--, "sends without an end");
			FUZZ_CHECK(w->m[i].link, "sends by a link that is down");
			FUZZ_CHECK(memcmp(to, all, 6) == 0 || memcmp(to, macs[1 - i], 6) == 0, "to nobody");
			(void)hear_frame(&w->m[i].hear, to, buf, n, known && st.lanyard, &pdu);
			carry(w, 1 - i, buf, n);
		}
	}
}

static void land(struct world *w)
{
	for (unsigned k = 0; k < w->flights;) {
		struct flight *f = &w->flight[k];
		struct node *m = &w->m[f->to];

		if (f->at > w->now || m->asleep) { /* the kernel keeps it */
			k++;
			continue;
		}
		if (m->link)
			(void)!lsoe_ops.input(m->n, w->now, 1, macs[1 - f->to], f->bytes, f->n);
		*f = w->flight[--w->flights];
	}
}

static void serve(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		if (w->m[i].asleep)
			continue;
		if (lsoe_ops.deadline(w->m[i].n) <= w->now) {
			lsoe_ops.tick(w->m[i].n, w->now);
			drain(w, i);
			FUZZ_CHECK(lsoe_ops.deadline(w->m[i].n) > w->now, "a deadline in the past");
		}
		drain(w, i);
		pull(w, i);
		drain(w, i);
	}
}

static void run(struct world *w, lan_time until)
{
	unsigned left = 200000;

	serve(w);
	while (w->now < until) {
		lan_time next = until;

		for (unsigned k = 0; k < w->flights; k++)
			if (!w->m[w->flight[k].to].asleep && w->flight[k].at < next)
				next = w->flight[k].at;
		for (int i = 0; i < 2; i++)
			if (!w->m[i].asleep && lsoe_ops.deadline(w->m[i].n) < next)
				next = lsoe_ops.deadline(w->m[i].n);
		FUZZ_CHECK(left--, "time stands still");
		w->now = next > w->now ? next : w->now + LAN_US(50);
		land(w);
		serve(w);
	}
}

/* --- what the input does ------------------------------------------------------------------- */

static void flap(struct world *w, int i, bool forgets)
{
	if (w->m[i].link) {
		lsoe_link_down(w->m[i].n, w->now, 1, forgets);
		w->m[i].link = false;
		hear_forget(&w->m[i].hear);
	} else {
		link_up(w, i);
	}
}

static void change(struct world *w, int i, int t)
{
	w->m[i].count[t] = fuzz_u8(&w->in);
	w->m[i].first[t] = fuzz_u8(&w->in);
	w->m[i].long_list = w->m[i].first[0] & 1;
	announce(w, i, t);
	if (t)
		announce(w, i, 0);
}

static void roll(struct world *w, int i)
{
	struct node *m = &w->m[i];
	struct lan_signer *s;

	/* who is away when a key rolls does not believe the new one: that is what pinning is for */
	if (w->d == LSOE_01 || !(w->options & (i ? 32 : 64)) || !(w->options & 128))
		return;
	s = signer(i, (uint8_t)(m->key + 1));
	if (lsoe_roll(m->n, w->now, s, NULL, 0) == LAN_OK)
		m->key++;
	else
		lan_signer_free(s);
}

static void act(struct world *w)
{
	uint8_t b = fuzz_u8(&w->in);
	int i = b >> 3 & 1;

	switch (b & 7) {
	case 0:
	case 1:
		change(w, i, b >> 4 & 3);
		break;
	case 2:
	case 3:
	case 4:
		run(w, w->now + LAN_MS(1) + (b >> 4) * LAN_MS(40));
		break;
	case 5:
		flap(w, i, b & 16);
		break;
	case 6:
		if (b & 16)
			w->m[i].asleep = b & 32;
		else if (!w->m[i].asleep)
			restart(w, i, b & 32);
		break;
	case 7:
		if (w->m[i].asleep)
			break;
		if (b & 16)
			roll(w, i);
		else if (w->m[i].link)
			FUZZ_CHECK(lsoe_reset(w->m[i].n, w->now, 1, NULL) == LAN_OK, "no reset");
		break;
	}
	serve(w);
}

/* NULL: they agree. */
static const char *differs(struct world *w)
{
	struct lsoe_status st;

	for (int i = 0; i < 2; i++) {
		if (!lsoe_peer(w->m[i].n, 0, &st) || lsoe_peer(w->m[i].n, 1, &st))
			return "not one neighbour";
		(void)lsoe_peer(w->m[i].n, 0, &st);
		if (st.state != LSOE_ESTABLISHED || !w->m[i].up)
			return "not established";
		if (st.unacked)
			return "something is not acknowledged";
		for (int t = 0; t < 4; t++)
			if (!heard_as_announced(w, i, t))
				return "another list";
	}
	return NULL;
}

static bool locked_out(const struct world *w)
{
	for (int i = 0; i < 2; i++) {
		const struct node *other = &w->m[1 - i];
		struct lan_signer *s = signer(1 - i, other->key);
		size_t n;
		const uint8_t *key = lan_signer_public(s, &n);
		bool same =
			!w->m[i].pin.alg || lsoe_key_same(&w->m[i].pin, LSOE_ALG_ED25519, key, (uint16_t)n);

		lan_signer_free(s);
		if (!same)
			return true;
	}
	return false;
}

static void end(struct world *w)
{
	lan_time until;

	w->calm = true;
	for (int i = 0; i < 2; i++) {
		w->m[i].asleep = false;
		if (!w->m[i].link)
			link_up(w, i);
	}
	run(w, w->now + LAN_MS(500)); /* the last that was held up comes */
	for (int i = 0; i < 2; i++)
		for (int t = 0; t < 4; t++) {
			w->m[i].first[t] += 100;
			w->m[i].count[t] += 3;
			announce(w, i, t);
		}
	until = w->now + SETTLE;
	while (w->now < until && differs(w))
		run(w, w->now + LAN_MS(100));
	FUZZ_CHECK(!differs(w) || locked_out(w), "in the end: %s", differs(w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flight flights[FLIGHTS];
	static struct world w;

	FUZZ_CHECK(lan_crypto_init() == LAN_OK, "no cryptography");
	memset(&w, 0, sizeof w);
	w.in = (struct fuzz_in){.p = data, .end = data + size};
	w.flight = flights;
	w.now = LAN_SEC(10);
	w.options = fuzz_u8(&w.in);
	w.d = w.options & 1 ? LSOE_L3DL : LSOE_01;
	for (int i = 0; i < 2; i++) {
		w.m[i].seed = (uint64_t)i + 1;
		start(&w, i);
	}
	while (w.in.p < w.in.end)
		act(&w);
	end(&w);
	for (int i = 0; i < 2; i++) {
		lsoe_free(w.m[i].n);
		forget(&w.m[i]);
		lsoe_key_fini(&w.m[i].pin);
	}
	return 0;
}
