/*
 * fuzz_sos_slave.c - a slave on a radio against everything the input says: messages of bytes, Hellos and
 * AssocRequests of several masters in both epochs, requests of all kinds, sealed ones of a master with the
 * key, acknowledgements and RSTs of what it sent, time, a network that goes and comes, values that change,
 * answers at once, later and never.
 *
 * Held against it at each step: what it sends is a message that fits its mtu; who is not its master gets at
 * most Discover; with a key everything but Discover is sealed, and only a master that has proved the key is
 * served; a tick leaves a deadline in the future; states are told without a gap, and who is associated has a
 * master and an end. In the end nobody speaks any more: it looks for a master, and for nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"
#include "fuzz_script.h"
#include "insider.h"
#include "proto/sos/seal.h"
#include "proto/sos/slave.h"

#define PLACES   4 /* masters, and who is none */
#define ID       169
#define MTU      127
#define OVERHEAD 11
#define LAST     160
#define OWED     8

static const uint8_t key[SOS_KEY] = {7};
static const struct sos_resource resources[] = {
	{.path = "t", .title = "T", .rt = "c", .observable = true},
	{.path = "u"},
	{.path = "long", .observable = true},
};

struct world {
	struct fuzz_in in;
	struct sos_slave *s;
	lan_time now;
	uint64_t seed;
	bool keyed, compat, silent;
	enum sos_slave_state told;
	uint8_t last[LAST]; /* the last message out, unsealed */
	size_t last_len;
	uint8_t nonce_s[SOS_NONCE]; /* of the last Discover */
	struct sos_seal *seal;
	bool sealed; /* the harness has proved the key, as `prover` */
	uint8_t prover, serial;
	uint32_t owed[OWED]; /* requests not answered yet */
	uint64_t discovers;
};

static struct lan_ep place(uint8_t i)
{
	return (struct lan_ep){.link = 1, .len = 2, .addr = {0x12, (uint8_t)(i % PLACES)}};
}

/* --- what the core sends ------------------------------------------------------------ */

static void discover(struct world *w, const struct sos_control *c)
{
	w->discovers++;
	FUZZ_CHECK(c->slave == ID && c->mtu == MTU && c->keyed == w->keyed, "a Discover of another");
	if (c->keyed)
		memcpy(w->nonce_s, c->nonce, SOS_NONCE);
}

static void sent(struct world *w, const struct lan_ep *to, const uint8_t *buf, size_t n)
{
	uint8_t plain[400];
	struct coap_msg msg;
	struct sos_control c = {0};
	struct sos_slave_status st;

	sos_slave_status(w->s, &st);
	FUZZ_CHECK(to->link == 1 && n + OVERHEAD <= MTU, "%zu octets on link %u", n, to->link);
	bool sealed = buf[0] == SOS_SEALED;
	if (sealed) {
		FUZZ_CHECK(w->keyed && w->sealed, "something is sealed for whom?");
		n = sos_seal_open(w->seal, buf, n, plain, sizeof plain);
		buf = plain;
		if (!n)
			return; /* of a session the harness does not hold any more */
	}
	FUZZ_CHECK(coap_decode(buf, n, &msg) == COAP_FAULT_OK, "sends what is no message");
	FUZZ_CHECK(sos_control_read(&msg, &c) == LAN_OK, "sends a control message it would not read");
	FUZZ_CHECK(!c.kind || c.kind == SOS_DISCOVER, "a slave sends control message %d", (int)c.kind);
	if (c.kind == SOS_DISCOVER) {
		discover(w, &c);
	} else {
		FUZZ_CHECK(to->len, "code %u to everybody", msg.code);
		FUZZ_CHECK(!w->keyed || sealed, "code %u is not sealed", msg.code);
		FUZZ_CHECK(!w->silent, "sends code %u in the silence", msg.code);
	}
	w->last_len = n < LAST ? n : LAST;
	memcpy(w->last, buf, w->last_len);
}

static void serve(struct world *w)
{
	uint8_t buf[1600];
	struct lan_ep to;
	unsigned most = 500;
	size_t n;
	struct sos_slave_status st;

	while ((n = sos_slave_ops.output(w->s, w->now, &to, buf, 1500)) != 0) {
		sent(w, &to, buf, n);
		FUZZ_CHECK(most--, "sends without an end");
	}
	sos_slave_status(w->s, &st);
	bool associated = st.state == SOS_RUNNING || st.state == SOS_RENEW;
	FUZZ_CHECK(associated == (st.expires != LAN_NEVER), "state %d ends", (int)st.state);
	FUZZ_CHECK(!associated || st.have_master, "associated with nobody");
	FUZZ_CHECK(!associated || !w->keyed || w->sealed, "associated without a proof");
}

static void pass(struct world *w, lan_time d)
{
	w->now += d;
	if (sos_slave_ops.deadline(w->s) > w->now)
		return;
	sos_slave_ops.tick(w->s, w->now);
	serve(w);
	FUZZ_CHECK(sos_slave_ops.deadline(w->s) > w->now, "a deadline that has passed");
}

/* --- events --------------------------------------------------------------------------- */

static void respond(struct world *w, uint32_t id, uint8_t how)
{
	static const char text[400] = "a value that is longer than what one message on a radio may hold";
	uint8_t options[8];
	struct coap_wr o = coap_begin_options(options, sizeof options);

	coap_put_uint(&o, COAP_CONTENT_FORMAT, 0);
	struct coap_response r = {.code = how & 1 ? COAP_CONTENT : (uint8_t)(how & 2 ? 0x84 : 0x44),
		.options = options,
		.options_len = coap_end(&o),
		.payload = text,
		.len = how & 4 ? sizeof text : how,
		.observe = how & 8};
	(void)!sos_slave_respond(w->s, w->now, id, &r);
}

static void pull(struct world *w, unsigned n)
{
	struct sos_slave_event ev;

	while (n-- && sos_slave_event(w->s, w->now, &ev)) {
		if (ev.kind == SOS_SLAVE_EV_STATE) {
			FUZZ_CHECK(ev.was == w->told, "was %d, and was told to be %d", (int)ev.was,
				(int)w->told);
			w->told = ev.state;
		}
		if (ev.kind != SOS_SLAVE_EV_REQUEST)
			continue;
		FUZZ_CHECK(ev.resource < 3, "a request for resource %zu", ev.resource);
		FUZZ_CHECK(!w->keyed || w->sealed, "a request without a proof");
		uint8_t how = fuzz_u8(&w->in);
		if (how & 0x80)
			w->owed[how % OWED] = ev.req.id;
		else if (how & 0x40)
			sos_slave_ignore(w->s, w->now, ev.req.id);
		else
			respond(w, ev.req.id, how);
	}
	serve(w);
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
	if (!sos_slave_ops.open || sos_slave_ops.open(w->s))
		(void)!sos_slave_ops.input(w->s, w->now, &from, who & 0x80, copy, n);
	free(copy);
	serve(w);
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
	struct sos_control c = {.kind = a & 0x80   ? SOS_HELLO
					: a & 0x40 ? SOS_DISCOVER
						   : SOS_ASSOC_REQUEST,
		.epoch = a & 8 ? SOS_EPOCH_SOS : SOS_EPOCH_CASAN,
		.slave = 1 + (a & 7),
		.hello = a & 3,
		.ttl = 1 + (a & 7) * 20u,
		.mtu = fuzz_u8(&w->in)};
	bool proves = c.kind == SOS_ASSOC_REQUEST && w->keyed && !(a & 0x20);

	if (proves) {
		c.keyed = true;
		memset(c.nonce, ++w->serial, SOS_NONCE);
		sos_proof(c.proof, key, &c, w->nonce_s, c.nonce, ID);
		if (a & 0x10)
			c.proof[0] ^= 1;
		else
			sos_seal_begin(w->seal, key, ID, w->nonce_s, c.nonce, true), w->sealed = true;
	}
	size_t n = sos_control_write(buf, sizeof buf, fuzz_u8(&w->in), &c);
	input(w, who, false, buf, n);
}

static void request(struct world *w, uint8_t who)
{
	static const char *const paths[] = {
		"t", "u", "long", "none", "resources", ".well-known/core", "", "t/x"};
	uint8_t a = fuzz_u8(&w->in), b = fuzz_u8(&w->in), token[8] = {(uint8_t)(b & 0x83)}, buf[300];
	struct coap_wr o = coap_begin(buf, sizeof buf, a & 128 ? COAP_NON : COAP_CON,
		(uint8_t)(1 + (a >> 3 & 7)), fuzz_u8(&w->in), token, b & 7);

	if (b & 16)
		coap_put_uint(&o, COAP_OBSERVE, b & 32 ? 1 : 0);
	(void)!coap_put_path(&o, COAP_URI_PATH, paths[a & 7], strlen(paths[a & 7]));
	if (b & 64)
		coap_put_block(&o, b & 8 ? COAP_BLOCK1 : COAP_BLOCK2,
			&(struct coap_block){.num = fuzz_u8(&w->in) & 15, .more = a & 32, .szx = b & 3});
	coap_put_payload(&o, "payload", a & 64 ? 7 : 0);
	input(w, who, w->keyed && !(b & 128), buf, coap_end(&o));
}

/* An answer to what it sent last: ACK, RST, or what a slave should not be sent. */
static void empty(struct world *w, uint8_t who)
{
	uint8_t a = fuzz_u8(&w->in), buf[COAP_HEADER];

	coap_empty(buf, (enum coap_type)(a & 3), (uint16_t)(w->last[2] << 8 | w->last[3]));
	input(w, who, w->keyed && !(a & 4), buf, sizeof buf);
}

static void mirror(struct world *w, uint8_t who)
{
	uint8_t at = fuzz_u8(&w->in), x = fuzz_u8(&w->in), buf[LAST];

	memcpy(buf, w->last, w->last_len);
	if (w->last_len)
		buf[at % w->last_len] = x;
	input(w, who, x & 1, buf, w->last_len);
}

/* --- the script ------------------------------------------------------------------------- */

static void step(struct world *w, uint8_t op)
{
	uint8_t a = op >> 4;

	switch (op & 15) {
	case 0:
		raw(w, a);
		break;
	case 1:
	case 2:
		control(w, a);
		break;
	case 3:
	case 4:
	case 5:
		request(w, a & 8 ? 0 : a);
		break;
	case 6:
		empty(w, a & 8 ? 0 : a);
		break;
	case 7:
		mirror(w, a);
		break;
	case 8:
		pass(w, LAN_MS(100) << (a & 7));
		break;
	case 9: {
		lan_time due = sos_slave_ops.deadline(w->s);
		pass(w, due == LAN_NEVER || due <= w->now ? 0 : due - w->now);
		break;
	}
	case 10:
		sos_slave_network(w->s, w->now, 1, a & 1);
		serve(w);
		break;
	case 11:
		sos_slave_changed(w->s, w->now, a & 3);
		serve(w);
		break;
	case 12:
		respond(w, w->owed[a % OWED], (uint8_t)(a * 17));
		serve(w);
		break;
	case 13: {
		struct lan_ep to = place(a);
		sos_slave_ops.unsent(w->s, w->now, &to, LAN_ERR_UNREACH);
		break;
	}
	default:
		pull(w, 1u + a);
		break;
	}
}

/* Nobody speaks any more. */
static void end(struct world *w)
{
	struct sos_slave_status st;

	sos_slave_network(w->s, w->now, 1, true);
	lan_time patience = w->now + LAN_SEC(400); /* the longest ttl, the longest repetition */
	while (w->now < patience) {
		pull(w, 1000);
		lan_time due = sos_slave_ops.deadline(w->s);
		pass(w, due <= w->now ? 0 : due - w->now);
	}
	w->silent = true;
	uint64_t before = w->discovers;
	for (int i = 0; i < 10; i++) {
		lan_time due = sos_slave_ops.deadline(w->s);
		pass(w, due <= w->now ? 0 : due - w->now);
		pull(w, 1000);
	}
	sos_slave_status(w->s, &st);
	FUZZ_CHECK(
		st.state == SOS_WAITING_UNKNOWN && !st.have_master, "state %d in the silence", (int)st.state);
	FUZZ_CHECK(w->discovers > before, "it looks for nobody");
	for (uint32_t r = 1; r <= 3; r++)
		FUZZ_CHECK(!coap_observers(sos_slave_coap(w->s), r), "somebody observes for ever");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.in = {data, data + size}, .now = LAN_SEC(1000), .seed = 1};
	uint8_t how = fuzz_u8(&w.in);
	struct lan_env env = fuzz_env(&w.seed);

	w.keyed = how & 1, w.compat = how & 2;
	struct sos_slave_config cfg = {.id = ID,
		.epochs = {[SOS_EPOCH_CASAN] = !(how & 4), [SOS_EPOCH_SOS] = how & 8},
		.link = 1,
		.mtu = MTU,
		.overhead = OVERHEAD,
		.resources = resources,
		.n_resources = 3,
		.key = w.keyed ? key : NULL,
		.compat = w.compat,
		.coap = {.datagram = MTU - OVERHEAD,
			.max_requests = 1,
			.max_peers = 4,
			.max_incoming = 4,
			.max_dedup = 4,
			.max_observers = 4,
			.max_bodies = 2,
			.max_body = 512}};
	if (lan_crypto_init() || sos_seal_new(&w.seal) || sos_slave_new(&env, &cfg, &w.s))
		fuzz_die(__FILE__, __LINE__, "no slave");
	while (w.in.p < w.in.end)
		step(&w, fuzz_u8(&w.in));
	end(&w);
	sos_slave_free(w.s);
	sos_seal_free(w.seal);
	return 0;
}
