/*
 * fuzz_lsoe_session.c - one core of neighbours, on two links, against everything
 * the input says: frames of bytes, PDUs as they should be and not, fragments,
 * time, links that go and come, announcements, keys, what an application may call.
 *
 * Held against it at each step: what lsoe_hear.h says of frames; a tick and what
 * is sent after it leave a deadline in the future; UP and DOWN alternate and lists
 * come between them; nobody exceeds max_peers, max_half_open, max_prefixes; to
 * those without a session no more is sent than was received, and a little. In the
 * end nobody speaks any more: everybody is forgotten, and there is nothing but
 * HELLO.
 */
#include <stdlib.h>
#include "crypto/crypto.h"
#include "insider.h"
#include "lsoe_hear.h"

#define LINKS      2
#define MACS       6
#define MAX_PEERS  8
#define HALF_OPEN  5
#define PREFIXES   300
#define ENTERPRISE 32473
#define FREE       64 /* frames to those without a session beyond those received */

static const uint8_t all[6] = {1, 0x80, 0xc2, 0, 0, 0xe};

struct told {
	bool up;
	uint64_t session;
};

struct world {
	struct fuzz_in in;
	struct lsoe *n;
	enum lsoe_dialect d;
	lan_time now;
	uint64_t seed;
	bool up[LINKS + 1];
	uint64_t received, answered;
	struct told told[LINKS + 1][MACS + 1];
	struct hear hear[LINKS + 1];
	uint8_t *saved;
	size_t saved_len;
	uint8_t saved_mac;
};

static void mac_of(uint8_t i, uint8_t mac[6])
{
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(10 + i % (MACS + 1))}, 6);
}

static bool status(const struct world *w, uint32_t link, const uint8_t mac[6], struct lsoe_status *st)
{
	for (size_t i = 0; lsoe_peer(w->n, i, st); i++)
		if (st->link == link && memcmp(st->mac, mac, 6) == 0)
			return true;
	return false;
}

static void check_bounds(const struct world *w)
{
	/* Those that were established and are not any more may be more than may begin. */
	uint64_t ups = lsoe_counters(w->n)->v[LSOE_C_session_up];
	struct lsoe_status st;
	uint32_t peers[LINKS + 1] = {0}, half[LINKS + 1] = {0};

	for (size_t i = 0; lsoe_peer(w->n, i, &st); i++) {
		FUZZ_CHECK(st.link >= 1 && st.link <= LINKS, "a neighbour on link %u", st.link);
		peers[st.link]++;
		half[st.link] += st.state == LSOE_HEARD || st.state == LSOE_OPENING;
		for (int t = 0; t < 4; t++)
			FUZZ_CHECK(st.n_prefixes[t] <= PREFIXES, "%u prefixes", st.n_prefixes[t]);
		FUZZ_CHECK(st.state == LSOE_ESTABLISHED || !(st.n_prefixes[0] | st.n_prefixes[1]),
			"lists without a session");
	}
	for (int l = 1; l <= LINKS; l++)
		FUZZ_CHECK(peers[l] <= MAX_PEERS && half[l] <= HALF_OPEN + ups,
			"%u neighbours, %u of them half open", peers[l], half[l]);
}

/* --- what the core sends ------------------------------------------------------------ */

static void sent(struct world *w, uint32_t link, const uint8_t to[6], const uint8_t *buf, size_t n)
{
	struct lsoe_status st = {0};
	struct lsoe_pdu pdu;
	bool known = !(to[0] & 1) && status(w, link, to, &st);

	FUZZ_CHECK(w->up[link], "sends by a link that is down");
	if (hear_frame(&w->hear[link], to, buf, n, known && st.lanyard, &pdu))
		FUZZ_CHECK((to[0] & 1) == (pdu.type == LSOE_HELLO), "type %u to %02x:..", pdu.type, to[0]);
	if (!(to[0] & 1) && !(known && st.state == LSOE_ESTABLISHED)) {
		w->answered++;
		FUZZ_CHECK(w->answered <= w->received + FREE + w->now / LAN_MS(100),
			"answers more than it was asked");
	}
}

static void send_some(struct world *w, unsigned most)
{
	uint8_t buf[1600], to[6];
	uint32_t link;
	size_t n;

	while (lsoe_ops.want(w->n, &link)) {
		FUZZ_CHECK(link >= 1 && link <= LINKS, "wants to send by link %u", link);
		while ((n = lsoe_ops.output(w->n, w->now, link, to, buf, 1500)) != 0) {
			sent(w, link, to, buf, n);
			FUZZ_CHECK(most--, "sends without an end");
		}
	}
}

static void serve(struct world *w)
{
	send_some(w, 20000);
	check_bounds(w);
}

static void tick(struct world *w)
{
	lsoe_ops.tick(w->n, w->now);
	serve(w);
	FUZZ_CHECK(lsoe_ops.deadline(w->n) > w->now, "a tick leaves its deadline in the past");
}

static void pass(struct world *w, lan_time d)
{
	w->now += d;
	if (lsoe_ops.deadline(w->n) <= w->now)
		tick(w);
}

/* --- events --------------------------------------------------------------------------- */

static struct told *told_of(struct world *w, uint32_t link, const uint8_t mac[6])
{
	uint8_t i = (uint8_t)(mac[5] - 10);

	FUZZ_CHECK(link <= LINKS && i <= MACS, "an event of somebody unknown");
	return &w->told[link][i];
}

static void check_event(struct world *w, const struct lsoe_event *ev)
{
	struct told *t;

	if (ev->kind != LSOE_EV_UP && ev->kind != LSOE_EV_DOWN && ev->kind != LSOE_EV_ENCAPS)
		return;
	t = told_of(w, ev->link, ev->mac);
	FUZZ_CHECK(
		t->up == (ev->kind != LSOE_EV_UP), "event %d while %s", (int)ev->kind, t->up ? "up" : "down");
	FUZZ_CHECK(ev->kind == LSOE_EV_UP ? t->session != ev->session : t->session == ev->session,
		"an event of another session");
	t->session = ev->session;
	t->up = ev->kind != LSOE_EV_DOWN;
	FUZZ_CHECK(ev->kind != LSOE_EV_ENCAPS || (ev->type >= LSOE_IPV4 && ev->type <= LSOE_MPLS6),
		"a list of type %u", ev->type);
}

static void pull(struct world *w, unsigned n)
{
	struct lsoe_event ev;

	while (n-- && lsoe_event(w->n, w->now, &ev)) {
		FUZZ_CHECK(
			ev.kind >= LSOE_EV_UP && ev.kind <= LSOE_EV_SAVE, "event of kind %d", (int)ev.kind);
		check_event(w, &ev);
	}
}

/* --- what comes in --------------------------------------------------------------------- */

static size_t header(const struct world *w)
{
	return w->d == LSOE_01 ? 8 : 12;
}

static void input(struct world *w, uint32_t link, uint8_t who, const uint8_t *buf, size_t n)
{
	uint8_t mac[6];

	mac_of(who, mac);
	w->received++;
	(void)!lsoe_ops.input(w->n, w->now, link, mac, buf, n);
}

/* n octets at buf + header, with or without the mark of Lanyard behind them. */
static void seal(struct world *w, uint32_t link, uint8_t who, uint8_t *buf, size_t n, bool lanyard)
{
	size_t len = lsoe_frame_finish(w->d, (uint16_t)(w->received), 0, true, buf, n);

	if (lanyard) {
		memcpy(buf + len, (uint8_t[8]){'L', 'A', 'N', 'Y', 1, 1, 0, 0}, 8);
		len += 8;
	}
	input(w, link, who, buf, len);
}

static void raw(struct world *w, uint32_t link, uint8_t who)
{
	size_t n = fuzz_u8(&w->in);
	uint8_t buf[256];

	for (size_t i = 0; i < n; i++)
		buf[i] = fuzz_u8(&w->in);
	input(w, link, who, buf, n);
}

/* Type and value as the input has them, the rest in order. */
static void any_pdu(struct world *w, uint32_t link, uint8_t who)
{
	uint8_t buf[400], *p = buf + header(w), type = fuzz_u8(&w->in);
	size_t n = fuzz_u8(&w->in) & 127, at = 0;

	p[at++] = type;
	if (w->d == LSOE_01) {
		p[at++] = 0;
		p[at++] = (uint8_t)(n + 3);
	} else {
		memcpy(p + at, (uint8_t[4]){0, 0, 0, (uint8_t)n}, 4);
		at += 4;
	}
	for (size_t i = 0; i < n; i++)
		p[at++] = fuzz_u8(&w->in);
	if (w->d == LSOE_L3DL) {
		memset(p + at, 0, 3);
		at += 3;
	}
	seal(w, link, who, buf, at, false);
}

static void good_pdu(struct world *w, uint32_t link, uint8_t who, const struct lsoe_pdu *pdu, bool lanyard)
{
	uint8_t buf[1600];
	struct lan_wr wr = lan_wr_of(buf + header(w), 1400);

	lsoe_pdu_encode(&wr, w->d, pdu, 0, 0);
	if (!wr.bad)
		seal(w, link, who, buf, wr.off, lanyard);
}

static void open_pdu(struct world *w, uint32_t link, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in), id[12] = {9, 9, (uint8_t)(a & 8 ? 0xff : who)};
	struct lsoe_pdu pdu = {.type = LSOE_OPEN};

	pdu.u.open.nonce[3] = a & 7;
	pdu.u.open.id = id;
	pdu.u.open.id_len = w->d == LSOE_01 ? LSOE_ID_01 : 12;
	pdu.u.open.serial = w->d == LSOE_L3DL && (a & 16) ? fuzz_u8(&w->in) : 0;
	good_pdu(w, link, who, &pdu, a & 32);
}

static void ack_pdu(struct world *w, uint32_t link, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in);
	struct lsoe_pdu pdu = {.type = LSOE_ACK};

	pdu.u.ack.type = (a & 15) == 15 ? LSOE_VENDOR : (a & 15);
	pdu.u.ack.etype = a & 128 ? a >> 5 & 3 : 0;
	pdu.u.ack.code = pdu.u.ack.etype ? 1 + (a >> 4 & 1) : 0;
	good_pdu(w, link, who, &pdu, false);
}

static void short_pdu(struct world *w, uint32_t link, uint8_t who)
{
	struct lsoe_pdu pdu = {.type = fuzz_u8(&w->in) & 1 ? LSOE_KEEPALIVE : LSOE_HELLO};

	good_pdu(w, link, who, &pdu, false);
}

/* Few addresses, so that they are announced twice and withdrawn. */
static size_t entries(struct world *w, uint8_t type, uint8_t *to, size_t cap, uint32_t count)
{
	struct lan_wr wr = lan_wr_of(to, cap);
	uint8_t addr[16] = {10}, labels[6] = {0, 1, 0, 0, 2, 1}, a;

	for (; count; count--) {
		a = fuzz_u8(&w->in);
		addr[3] = a & 15;
		addr[2] = count > 16 ? (uint8_t)count : 0;
		struct lsoe_entry e = {
			.flags = (a >> 4 & 7u) | (w->d == LSOE_L3DL && (a & 128) ? LSOE_F_WITHDRAW : 0),
			.addr = addr,
			.prefix = (uint8_t)(a % 33),
			.labels = type >= LSOE_MPLS4 ? labels : NULL,
			.n_labels = type >= LSOE_MPLS4 ? a % 3 : 0};
		lsoe_entry_encode(&wr, w->d, type, &e);
	}
	return wr.off;
}

static void encaps_pdu(struct world *w, uint32_t link, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in), body[1300], type = (uint8_t)(LSOE_IPV4 + (a & 3));
	uint32_t count = a >> 2 & 15;
	struct lsoe_pdu pdu = {.type = type};

	pdu.u.entries = (struct lsoe_entries){.dialect = w->d,
		.type = type,
		.count = count,
		.serial = w->d == LSOE_L3DL ? fuzz_u8(&w->in) : 0,
		.p = body,
		.len = entries(w, type, body, sizeof body, count)};
	good_pdu(w, link, who, &pdu, false);
}

/* Datagrams of a PDU of 20 to 4000 octets, some of them, in any order. */
static void fragments(struct world *w, uint32_t link, uint8_t who)
{
	static uint8_t pdu[5000];
	uint8_t a = fuzz_u8(&w->in), tsn = fuzz_u8(&w->in), buf[1600];
	size_t n = 20 + (a & 31u) * 128, chunk = a & 64 ? 200 : 1400, k = (n + chunk - 1) / chunk;

	memset(pdu, a & 128 ? 7 : 0, sizeof pdu);
	pdu[0] = LSOE_IPV4;
	if (w->d == LSOE_01)
		pdu[1] = (uint8_t)(n >> 8), pdu[2] = (uint8_t)n, pdu[3] = (uint8_t)((n - 5) / 6 >> 8),
		pdu[4] = (uint8_t)((n - 5) / 6);
	for (unsigned left = fuzz_u8(&w->in) % 40; left; left--) {
		size_t i = fuzz_u8(&w->in) % k, len = i + 1 == k ? n - i * chunk : chunk;

		memcpy(buf + header(w), pdu + i * chunk, len);
		len = lsoe_frame_finish(w->d, tsn, (uint32_t)i, i + 1 == k, buf, len);
		input(w, link, who, buf, len);
	}
}

/* --- what the program does ------------------------------------------------------------------ */

static void link_up(struct world *w, uint32_t link)
{
	struct lsoe_link_config c = {
		.link = link, .mac = {2, 0, 0, 0, 1, (uint8_t)link}, .mtu = link == 1 ? 1500 : 600};

	memcpy(c.hello_to, all, 6);
	FUZZ_CHECK(lsoe_link_up(w->n, w->now, &c) == LAN_OK, "a link does not come up");
	w->up[link] = true;
}

static void link_change(struct world *w, uint32_t link, uint8_t a)
{
	if (!w->up[link] || (a & 64)) {
		link_up(w, link);
		return;
	}
	lsoe_link_down(w->n, w->now, link, a & 128);
	w->up[link] = false;
	hear_forget(&w->hear[link]);
}

static void announce(struct world *w, uint32_t link)
{
	uint8_t a = fuzz_u8(&w->in), type = (uint8_t)(LSOE_IPV4 + (a & 3)), addr[16] = {10, 1},
		labels[3] = {0, 1, 1};
	struct lsoe_list l = {0};

	for (unsigned i = a & 128 ? 400 : a >> 2 & 15; i; i--) {
		struct lsoe_entry e = {.addr = addr, .prefix = 24};
		addr[2] = (uint8_t)(i >> 8);
		addr[3] = (uint8_t)(i * (a & 64 ? 3 : 1));
		e.labels = type >= LSOE_MPLS4 ? labels : NULL;
		e.n_labels = type >= LSOE_MPLS4;
		FUZZ_CHECK(lsoe_list_add(&l, type, &e) == LAN_OK, "no list");
	}
	(void)!lsoe_announce(w->n, w->now, link, type, &l);
}

static void roll(struct world *w, uint8_t a)
{
	uint8_t seed[32] = {a};
	struct lan_signer *s;

	if (lan_signer_ed25519(seed, &s) == LAN_OK && lsoe_roll(w->n, w->now, s, NULL, 0) != LAN_OK)
		lan_signer_free(s);
}

static void command(struct world *w, uint32_t link, uint8_t who)
{
	struct lsoe_ulpc u = {.asn = who, .have4 = true, .prefix4 = 24};
	uint8_t mac[6], a = fuzz_u8(&w->in);

	mac_of(who, mac);
	switch (a & 7) {
	case 0:
		(void)!lsoe_reset(w->n, w->now, link, a & 8 ? NULL : mac);
		break;
	case 1:
		(void)!lsoe_vendor(w->n, w->now, link, mac, ENTERPRISE, 1, &w->now, sizeof w->now);
		break;
	case 2:
		(void)!lsoe_accept_vendor(w->n, ENTERPRISE, a & 8);
		break;
	case 3:
		lsoe_want_acks(w->n, a & 8);
		break;
	case 4:
		(void)!lsoe_ulpc_set(w->n, w->now, &u);
		break;
	case 5:
		roll(w, a);
		break;
	case 6:
		lsoe_list_fini(&(struct lsoe_list){.p = w->saved});
		w->saved = NULL;
		if (lsoe_save(w->n, link, mac, &w->saved, &w->saved_len) != LAN_OK)
			w->saved = NULL;
		w->saved_mac = who;
		break;
	case 7:
		mac_of(w->saved_mac, mac);
		if (w->saved && w->saved_len && (a & 8)) /* of a file somebody wrote in */
			w->saved[a % w->saved_len] ^= fuzz_u8(&w->in);
		if (w->saved)
			(void)!lsoe_load(w->n, w->now, link, mac, w->saved, w->saved_len);
		break;
	}
}

static void step(struct world *w, uint8_t b)
{
	uint32_t link = 1 + (b >> 7);
	uint8_t who = (b >> 4 & 7) % MACS;

	switch (b & 15) {
	case 0:
		raw(w, link, who);
		break;
	case 1:
		any_pdu(w, link, who);
		break;
	case 2:
	case 3:
		open_pdu(w, link, who);
		break;
	case 4:
	case 5:
		ack_pdu(w, link, who);
		break;
	case 6:
		short_pdu(w, link, who);
		break;
	case 7:
	case 8:
		encaps_pdu(w, link, who);
		break;
	case 9:
		fragments(w, link, who);
		break;
	case 10:
		pass(w, (who + 1) * LAN_MS(60));
		break;
	case 11:
		if (lsoe_ops.deadline(w->n) < w->now + LAN_SEC(100)) {
			w->now = lsoe_ops.deadline(w->n) > w->now ? lsoe_ops.deadline(w->n) : w->now;
			tick(w);
		}
		break;
	case 12:
		pull(w, who == 5 ? 1000 : who);
		break;
	case 13:
		announce(w, link);
		break;
	case 14:
		if (w->up[link] && who == 0)
			lsoe_ops.unsent(w->n, w->now, link, LAN_ERR_IO);
		else
			link_change(w, link, fuzz_u8(&w->in));
		break;
	case 15:
		command(w, link, who);
		break;
	}
	serve(w);
}

/* Silence: they are all forgotten, but those who were refused may be remembered for as long as that lasts. */
static void end(struct world *w)
{
	struct lsoe_status st;

	for (int i = 0; i < 700 && lsoe_peer(w->n, 0, &st); i++) {
		pull(w, 100000);
		pass(w, LAN_SEC(1));
	}
	FUZZ_CHECK(!lsoe_peer(w->n, 0, &st), "somebody is known for ever: state %d", (int)st.state);
	pull(w, 100000);
	for (int l = 1; l <= LINKS; l++)
		for (int i = 0; i <= MACS; i++)
			FUZZ_CHECK(!w->told[l][i].up, "nobody is there, but one is up");
}

static void make(struct world *w)
{
	uint8_t a = fuzz_u8(&w->in), id[10] = {9, 9, 0xff}, seed[32] = {1};
	struct lan_env env = fuzz_env(&w->seed);
	struct lsoe_config cfg = {.hello = LAN_SEC(2),
		.keepalive = LAN_MS(200),
		.dead = LAN_SEC(1),
		.retransmit = LAN_MS(100),
		.reassembly = LAN_MS(300),
		.tries = 3,
		.measure = a & 2 ? LAN_MS(500) : LAN_NEVER,
		.max_peers = MAX_PEERS,
		.max_half_open = HALF_OPEN,
		.max_prefixes = PREFIXES,
		.no_backoff = a & 4,
		.multi_link = a & 8,
		.open_jitter = a & 16 ? LAN_MS(50) : 0,
		.resume = LAN_SEC(2),
		.want_saved = a & 32};

	cfg.dialect = w->d = a & 1 ? LSOE_L3DL : LSOE_01;
	cfg.id = id;
	cfg.id_len = LSOE_ID_01;
	if (w->d == LSOE_L3DL && (a & 64))
		FUZZ_CHECK(lan_signer_ed25519(seed, &cfg.signer) == LAN_OK, "no key");
	FUZZ_CHECK(lsoe_new(&env, &cfg, &w->n) == LAN_OK, "no core");
	for (uint32_t l = 1; l <= LINKS; l++) {
		w->hear[l].d = w->d;
		link_up(w, l);
	}
	serve(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	FUZZ_CHECK(lan_crypto_init() == LAN_OK, "no cryptography");
	memset(&w, 0, sizeof w);
	w.in = (struct fuzz_in){.p = data, .end = data + size};
	w.now = LAN_SEC(10);
	w.seed = 1;
	make(&w);
	while (w.in.p < w.in.end)
		step(&w, fuzz_u8(&w.in));
	end(&w);
	lsoe_list_fini(&(struct lsoe_list){.p = w.saved});
	lsoe_free(w.n);
	return 0;
}
