/*
 * fuzz_sos_master.c - a master on two networks against everything the input says: messages of bytes,
 * Discovers, answers to what it sent (piggybacked, separate, as notifications of the original's kind, RST),
 * sealed ones of a slave with a key, time, networks that go and come, slaves listed and not, requests and
 * observations.
 *
 * Held against it at each step: what it sends is a message that fits its network, to everybody only if it is
 * a Hello; a tick leaves a deadline in the future; no more slaves are remembered, and no more requests wait,
 * than the configuration says; states are told without a gap, and each request has one outcome, under its
 * slave. In the end nobody speaks any more: nobody is associated, nothing is owed, and there is nothing but
 * Hello.
 */
#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"
#include "fuzz_script.h"
#include "insider.h"
#include "proto/sos/master.h"
#include "proto/sos/seal.h"

#define LINKS      2
#define PLACES     8 /* addresses, half of them on each network */
#define SLAVES     4 /* listed: 1..4; 4 has a key. 5.. are not */
#define CANDIDATES 3
#define QUEUE      3
#define ASKS       24
#define LAST       256

static const uint8_t key[SOS_KEY] = {7};
static const uint32_t overheads[LINKS + 1] = {0, 20, 11}, mtus[LINKS + 1] = {0, 1518, 111};

struct asked {
	bool open, observe;
	uint32_t id, slave;
};

struct world {
	struct fuzz_in in;
	struct sos_master *m;
	lan_time now;
	uint64_t seed, serial;
	bool up[LINKS + 1], removed, silent;
	uint8_t last[PLACES][LAST]; /* the last message to each place, as it was before it was sealed */
	size_t last_len[PLACES];
	uint8_t observed[PLACES][8], observed_tkl[PLACES]; /* token of the last observation */
	struct sos_seal *seal;
	bool sealed;
	uint8_t nonce[SOS_NONCE];
	enum sos_member_state state[256];
	struct asked asked[256];
};

static struct lan_ep place(uint8_t i)
{
	return (struct lan_ep){.link = 1 + (i & 1), .len = i & 1 ? 2 : 6, .addr = {2, (uint8_t)(i % PLACES)}};
}

/* --- what the core sends ------------------------------------------------------------ */

static void sent(struct world *w, const struct lan_ep *to, const uint8_t *buf, size_t n)
{
	uint8_t plain[1600], i = to->addr[1] % PLACES;
	struct coap_msg msg;
	struct sos_control c = {0};

	FUZZ_CHECK(to->link >= 1 && to->link <= LINKS, "sends by link %u", to->link);
	FUZZ_CHECK(n + overheads[to->link] <= mtus[to->link], "%zu octets on link %u", n, to->link);
	if (buf[0] == SOS_SEALED) {
		n = w->sealed ? sos_seal_open(w->seal, buf, n, plain, sizeof plain) : 0;
		buf = plain;
		if (!n)
			return; /* of a session the harness does not hold any more */
	}
	FUZZ_CHECK(coap_decode(buf, n, &msg) == COAP_FAULT_OK, "sends what is no message");
	if (COAP_CLASS(msg.code) == 0 && msg.code)
		FUZZ_CHECK(sos_control_read(&msg, &c) == LAN_OK, "sends a control message it would not read");
	FUZZ_CHECK((to->len == 0) == (c.kind == SOS_HELLO), "kind %d to %u octets of address", (int)c.kind,
		to->len);
	FUZZ_CHECK(!w->silent || c.kind == SOS_HELLO, "sends code %u in the silence", msg.code);
	if (!to->len)
		return;
	w->last_len[i] = n < LAST ? n : LAST;
	memcpy(w->last[i], buf, w->last_len[i]);
	if (coap_find(&msg, COAP_OBSERVE, 0, &(const uint8_t *){NULL}, &(size_t){0})) {
		memcpy(w->observed[i], msg.token, 8);
		w->observed_tkl[i] = msg.tkl;
	}
}

static void check_tables(const struct world *w)
{
	struct sos_member_status st;
	size_t n = 0;

	for (; sos_master_member(w->m, n, &st); n++) {
		FUZZ_CHECK(
			st.waiting <= QUEUE + 1 + st.observed, "%u requests wait at one slave", st.waiting);
		FUZZ_CHECK(st.state != SOS_ASSOCIATED || st.expires != LAN_NEVER, "associated for ever");
	}
	FUZZ_CHECK(n <= SLAVES + CANDIDATES, "%zu slaves are remembered", n);
}

static void serve(struct world *w)
{
	uint8_t buf[1600];
	struct lan_ep to;
	unsigned most = 2000;
	size_t n;

	while ((n = sos_master_ops.output(w->m, w->now, &to, buf, 1500)) != 0) {
		sent(w, &to, buf, n);
		FUZZ_CHECK(most--, "sends without an end");
	}
	check_tables(w);
}

static void tick(struct world *w)
{
	sos_master_ops.tick(w->m, w->now);
	serve(w);
}

static void pass(struct world *w, lan_time d)
{
	w->now += d;
	if (sos_master_ops.deadline(w->m) <= w->now)
		tick(w);
}

/* --- events --------------------------------------------------------------------------- */

static void outcome(struct world *w, const struct sos_master_event *ev)
{
	struct asked *a = &w->asked[ev->tag & 255];

	FUZZ_CHECK(ev->tag < 256 && a->open, "an outcome of tag %llu, which is not open",
		(unsigned long long)ev->tag);
	FUZZ_CHECK(a->slave == ev->slave && a->id == ev->id, "tag %llu is of slave %u, and answered under %u",
		(unsigned long long)ev->tag, a->slave, ev->slave);
	FUZZ_CHECK(ev->kind == SOS_MASTER_EV_FAILED || !ev->coap.observing || a->observe,
		"a request becomes an observation");
	a->open = ev->kind == SOS_MASTER_EV_RESPONSE && ev->coap.observing;
}

static void pull(struct world *w, unsigned n)
{
	struct sos_master_event ev;

	while (n-- && sos_master_event(w->m, w->now, &ev)) {
		if (ev.kind == SOS_MASTER_EV_STATE && ev.slave < 256) {
			FUZZ_CHECK(ev.was == w->state[ev.slave], "slave %u was %d, and was told to be %d",
				ev.slave, (int)ev.was, (int)w->state[ev.slave]);
			w->state[ev.slave] = ev.state;
		} else if (ev.kind == SOS_MASTER_EV_RESPONSE || ev.kind == SOS_MASTER_EV_FAILED) {
			outcome(w, &ev);
		}
	}
}

/* --- what comes in --------------------------------------------------------------------- */

static void input(struct world *w, uint8_t who, bool sealed, const uint8_t *buf, size_t n)
{
	uint8_t out[700], *copy = malloc(n + SOS_SEAL_OVERHEAD + 1);
	struct lan_ep from = place(who);

	FUZZ_CHECK(copy, "no memory");
	memcpy(copy, buf, n);
	if (sealed && w->sealed && (n = sos_seal_close(w->seal, buf, n, out, sizeof out)) != 0)
		memcpy(copy, out, n);
	if (!sos_master_ops.open || sos_master_ops.open(w->m))
		(void)!sos_master_ops.input(w->m, w->now, &from, false, copy, n);
	free(copy);
}

static void raw(struct world *w, uint8_t who)
{
	size_t n = fuzz_u8(&w->in);
	uint8_t buf[256];

	for (size_t i = 0; i < n; i++)
		buf[i] = fuzz_u8(&w->in);
	input(w, who, buf[0] & 1, buf, n);
}

static void control(struct world *w, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in), buf[200];
	struct sos_control c = {.kind = a & 0x80 ? SOS_HELLO + (a & 0x70) % 3 : SOS_DISCOVER,
		.epoch = a & 8 ? SOS_EPOCH_SOS : SOS_EPOCH_CASAN,
		.slave = 1 + (a & 7),
		.hello = a,
		.ttl = 1 + a,
		.mtu = fuzz_u8(&w->in) * 8u};
	size_t n;

	if (c.slave == SLAVES && !(a & 0x40)) {
		c.keyed = true;
		memset(w->nonce, (int)++w->serial, sizeof w->nonce);
		memcpy(c.nonce, w->nonce, sizeof c.nonce);
		sos_proof(c.proof, key, &c, c.nonce, NULL, c.slave);
	}
	n = sos_control_write(buf, sizeof buf, (uint16_t)(1 + w->serial), &c);
	input(w, who, false, buf, n);
}

/* A slave with a key reads its AssocRequest: the session begins. */
static void begin_session(struct world *w, const uint8_t *buf, size_t n)
{
	struct coap_msg msg;
	struct sos_control c;

	if (coap_decode(buf, n, &msg) || sos_control_read(&msg, &c) || c.kind != SOS_ASSOC_REQUEST ||
		!c.keyed)
		return;
	sos_seal_begin(w->seal, key, SLAVES, w->nonce, c.nonce, false);
	w->sealed = true;
}

/* To the last message sent there: type, MID and token as the input says. */
static void answer(struct world *w, uint8_t who)
{
	static const char *const bodies[] = {"", "<t>;title=\"a\"", "<t>;obs,<u>,", "<t", "21.5", "\xff"};
	static const uint8_t codes[] = {0x45, 0x45, 0x45, 0x44, 0x84, 0x43, 0xa3, 0x5f};
	uint8_t a = fuzz_u8(&w->in), b = fuzz_u8(&w->in), i = who % PLACES, buf[400];
	const char *body = bodies[(a & 7) % 6];
	struct coap_msg msg;

	if (!w->last_len[i] || coap_decode(w->last[i], w->last_len[i], &msg))
		return;
	begin_session(w, w->last[i], w->last_len[i]);
	if (a & 8)
		memcpy(msg.token, w->observed[i], 8), msg.tkl = w->observed_tkl[i];
	if (b & 0x80) /* by itself, with a MID of its own */
		msg.mid = (uint16_t)++w->serial;
	struct coap_wr o = coap_begin(buf, sizeof buf,
		b & 0x40   ? COAP_CON
		: b & 0x20 ? COAP_NON
			   : COAP_ACK,
		codes[b & 7], msg.mid, msg.token, msg.tkl);
	if (a & 16)
		coap_put_uint(&o, COAP_OBSERVE, b & 0x10 ? 0 : ++w->serial);
	if (a & 32)
		coap_put_uint(&o, COAP_CONTENT_FORMAT, b & 0x10 ? 40 : 0);
	if (a & 64)
		coap_put_block(&o, b & 8 ? COAP_BLOCK1 : COAP_BLOCK2,
			&(struct coap_block){.num = fuzz_u8(&w->in) & 15, .more = b & 0x10, .szx = b & 3});
	coap_put_payload(&o, body, strlen(body));
	input(w, who, a & 128 ? who & 1 : who == 3, buf, coap_end(&o));
}

static void empty(struct world *w, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in), i = who % PLACES, buf[COAP_HEADER];

	coap_empty(buf, (enum coap_type)(a & 3), (uint16_t)(w->last[i][2] << 8 | w->last[i][3]));
	input(w, who, a & 4, buf, sizeof buf);
}

/* What it sent comes back, with an octet of the input's choice. */
static void mirror(struct world *w, uint8_t who)
{
	uint8_t i = who % PLACES, at = fuzz_u8(&w->in), x = fuzz_u8(&w->in), buf[LAST];

	memcpy(buf, w->last[i], w->last_len[i]);
	if (w->last_len[i])
		buf[at % w->last_len[i]] = x;
	input(w, (uint8_t)(who + (x & 1)), false, buf, w->last_len[i]);
}

/* --- what the program does --------------------------------------------------------------- */

static void ask(struct world *w)
{
	uint8_t a = fuzz_u8(&w->in), options[64], payload[300] = {0}, tag = fuzz_u8(&w->in);
	struct coap_wr o = coap_begin_options(options, sizeof options);
	struct asked *k = &w->asked[tag];

	if (k->open)
		return;
	coap_put_text(&o, COAP_URI_PATH, "t");
	if (a & 8)
		coap_put_text(&o, COAP_URI_QUERY, "a=1");
	*k = (struct asked){.observe = a & 16, .slave = 1 + (a & 7)};
	struct coap_request r = {.code = k->observe ? COAP_GET : (uint8_t)(1 + (a >> 5)),
		.observe = k->observe,
		.options = options,
		.options_len = coap_end(&o),
		.payload = payload,
		.len = a & 0x80 ? tag : 0,
		.tag = tag};

	k->open = sos_master_request(w->m, w->now, k->slave, &r, &k->id) == LAN_OK;
}

static void cancel(struct world *w)
{
	struct asked *k = &w->asked[fuzz_u8(&w->in)];

	sos_master_cancel(w->m, w->now, k->id);
	k->open = false;
}

static void link_is(struct world *w, uint32_t link, bool up)
{
	FUZZ_CHECK(
		sos_master_link(w->m, w->now, link, mtus[link], overheads[link], up) == LAN_OK, "no network");
	w->up[link] = up;
}

static void command(struct world *w, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in);
	uint32_t id = 1 + who % SLAVES;
	struct sos_member_config c = {.id = id, .ttl = 1 + (a >> 4), .key = id == SLAVES ? key : NULL};
	struct lan_ep to = place(who);

	switch (a & 7) {
	case 0:
		(void)!sos_master_remove(w->m, w->now, id);
		break;
	case 1:
	case 2:
		FUZZ_CHECK(sos_master_add(w->m, w->now, &c) == LAN_OK, "slave %u cannot be listed", id);
		break;
	case 3:
		(void)!sos_master_poke(w->m, w->now, a & 8 ? 0 : id);
		break;
	case 4:
		sos_master_ops.unsent(w->m, w->now, &to, a & 8 ? LAN_ERR_UNREACH : LAN_ERR_IO);
		break;
	default:
		link_is(w, 1 + (a >> 3 & 1), a & 16);
	}
}

static void step(struct world *w, uint8_t b)
{
	uint8_t who = b >> 4;

	switch (b & 15) {
	case 0:
		raw(w, who);
		break;
	case 1:
	case 2:
		control(w, who);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		answer(w, who);
		break;
	case 7:
		empty(w, who);
		break;
	case 8:
		mirror(w, who);
		break;
	case 9:
		pass(w, (who + 1u) * LAN_MS(150));
		break;
	case 10:
		if (sos_master_ops.deadline(w->m) > w->now + LAN_SEC(100))
			break;
		w->now = sos_master_ops.deadline(w->m) > w->now ? sos_master_ops.deadline(w->m) : w->now;
		tick(w);
		FUZZ_CHECK(sos_master_ops.deadline(w->m) > w->now, "a tick leaves its deadline in the past");
		break;
	case 11:
		pull(w, who == 15 ? 1000 : who);
		break;
	case 12:
	case 13:
		ask(w);
		break;
	case 14:
		cancel(w);
		break;
	case 15:
		command(w, who);
		break;
	}
	serve(w);
}

/* --- the run ---------------------------------------------------------------------------- */

/* Silence: everybody is forgotten, and every request has its outcome. */
static void end(struct world *w)
{
	struct sos_member_status st;

	for (int i = 0; i < 120; i++) {
		pull(w, 100000);
		pass(w, LAN_SEC(1));
	}
	pull(w, 100000);
	for (size_t i = 0; sos_master_member(w->m, i, &st); i++)
		FUZZ_CHECK(st.state == SOS_INACTIVE && !st.waiting, "slave %u: state %d, %u wait", st.id,
			(int)st.state, st.waiting);
	for (int i = 0; i < 256; i++)
		FUZZ_CHECK(!w->asked[i].open || w->asked[i].observe, "request %d has no outcome", i);
	w->silent = true;
	for (int i = 0; i < 60; i++)
		pass(w, LAN_SEC(1));
}

static void make(struct world *w)
{
	uint8_t a = fuzz_u8(&w->in);
	struct lan_env env = fuzz_env(&w->seed);
	struct sos_master_config cfg = {.first_hello = LAN_MS(100),
		.hello = LAN_SEC(2),
		.epochs = {true, a & 1},
		.unlisted = (enum sos_policy)((a >> 1) % 3),
		.max_candidates = CANDIDATES,
		.queue = QUEUE,
		.ttl = 20,
		.give_up = LAN_SEC(4),
		.coap = {.ack_timeout = LAN_MS(300),
			.max_requests = ASKS,
			.max_peers = a & 8 ? 4 : 16,
			.max_incoming = 2,
			.max_dedup = 2,
			.max_observers = 1,
			.max_bodies = 2,
			.max_body = 2048}};

	FUZZ_CHECK(sos_master_new(&env, &cfg, &w->m) == LAN_OK, "no master");
	FUZZ_CHECK(sos_seal_new(&w->seal) == LAN_OK, "no seal");
	for (uint32_t l = 1; l <= LINKS; l++)
		link_is(w, l, true);
	for (uint32_t id = 1; id <= SLAVES; id++) {
		struct sos_member_config c = {.id = id, .ttl = 4 * id, .key = id == SLAVES ? key : NULL};

		FUZZ_CHECK(sos_master_add(w->m, w->now, &c) == LAN_OK, "slave %u cannot be listed", id);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	memset(&w, 0, sizeof w);
	w.in = (struct fuzz_in){data, data + size};
	w.now = LAN_SEC(1);
	w.seed = 1;
	if (lan_crypto_init() != LAN_OK)
		return 0;
	make(&w);
	while (w.in.p < w.in.end)
		step(&w, fuzz_u8(&w.in));
	end(&w);
	sos_master_free(w.m);
	sos_seal_free(w.seal);
	return 0;
}
