/*
 * fuzz_chan_group.c - one member of a sealed channel against insiders and outsiders.
 *
 * The input is a script: datagrams that others seal with the right key around
 * frames of the fuzzer's choice, raw bytes, replays, flipped bits, restarts of
 * senders, time, messages to send, pulls. Whatever a holder of the key sends,
 * the core must not crash, must stay within its memory, count every datagram
 * as accepted or refused, never accept one twice nor one that is not authentic,
 * send only what is well-formed under fresh counters, and hand out events that
 * make sense. A core whose deadline never moves on would spin: that is a find.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "group_run.h"

#define MAX_MESSAGE 4096
#define SIGNED      2 /* how many signatures are looked at in a run: they take most of the time */

enum {
	DO_DATA,
	DO_RUN,
	DO_PARITY,
	DO_PRESENCE,
	DO_FEEDBACK,
	DO_LATE,
	DO_START,
	DO_FRAME,
	DO_RAW,
	DO_AGAIN,
	DO_TIME,
	DO_NEXT,
	DO_SEND,
	DO_PULL,
	DO_SENDER,
	DO_KEYS
};

/* --- datagrams ------------------------------------------------------------------------ */

/* Feed a datagram; was it accepted? `authentic`: it may be. */
static bool input(struct run *r, const uint8_t *p, size_t n, bool authentic)
{
	static const struct lan_from from = {.addr = {[15] = 1}, .port = 5000, .ifindex = 1};
	struct chan_status before, after;
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	chan_status(r->c, &before);
	enum lan_err e = chan_ops.input(r->c, r->now, &from, copy, n);
	chan_status(r->c, &after);
	free(copy);
	bool accepted = after.rx_datagrams != before.rx_datagrams;
	uint64_t refusals = after.rx_refused - before.rx_refused;
	FUZZ_CHECK(after.rx_datagrams - before.rx_datagrams <= 1 && refusals <= 1 && !(accepted && refusals),
		"counted twice");
	FUZZ_CHECK(accepted ? e == LAN_OK : e != LAN_ERR_PROTO || refusals == 1, "result %d, refused %d", e,
		(int)refusals);
	FUZZ_CHECK(!accepted || authentic, "accepted what is not authentic");
	return accepted;
}

static void send_frame(struct run *r, struct sender *s, const uint8_t *frame, size_t n)
{
	struct kept *k = &r->kept[r->n_kept++ % KEPT];

	s->as.counter++;
	k->n = fuzz_seal(&s->as, r->cipher, frame, n, k->bytes, sizeof k->bytes);
	k->accepted = k->n && input(r, k->bytes, k->n, true);
}

static void send_as(struct run *r, struct sender *s, const struct chan_frame *f)
{
	uint8_t buf[FUZZ_DATAGRAM];
	size_t n = chan_frame_encode(f, buf, FUZZ_DATAGRAM - CHAN_OVERHEAD - CHAN_SIGNATURE);

	if (n)
		send_frame(r, s, buf, n);
}

static struct sender *who(struct run *r, uint8_t b)
{
	return &r->s[(b >> 4) % SENDERS];
}

/* A number near one that matters. */
static uint64_t near(struct run *r, uint64_t base)
{
	uint8_t b = fuzz_u8(&r->in);

	return b == 255 ? fuzz_number(&r->in) : base + b - 100;
}

static void tag(const struct sender *s, uint8_t text[FUZZ_DATAGRAM])
{
	struct tag t = {MAGIC, s->as.boot};

	memset(text, 'x', FUZZ_DATAGRAM);
	memcpy(text, &t, sizeof t);
}

static void frame_data(struct run *r, struct sender *s, uint64_t seq, uint64_t msg, uint8_t how)
{
	uint8_t text[FUZZ_DATAGRAM];
	struct chan_frame f = {.type = CHAN_F_DATA, .flags = how & 7};

	tag(s, text);
	f.u.data.block = s->block;
	f.u.data.seq = seq;
	f.u.data.msg = msg;
	f.u.data.data = text;
	f.u.data.len = how & 8 ? (how >> 4) * 24u : how >> 4;
	f.u.data.total = (uint32_t)f.u.data.len;
	if (f.flags & CHAN_DATA_FRAG) {
		f.u.data.offset = (uint32_t)fuzz_number(&r->in);
		f.u.data.total = (uint32_t)fuzz_number(&r->in);
	}
	send_as(r, s, &f);
}

/* Frames as a correct sender sends them, messages of one to four fragments; `lost` of them by a mask. */
static void run_of_data(struct run *r, struct sender *s, uint8_t b)
{
	uint8_t text[FUZZ_DATAGRAM];
	unsigned messages = fuzz_u8(&r->in) % 24, parts = 1 + (b & 3), part = 100;
	uint8_t mask = fuzz_u8(&r->in);

	tag(s, text);
	for (unsigned i = 0; i < messages; i++, s->msg++)
		for (unsigned k = 0; k < parts; k++, s->seq++) {
			struct chan_frame f = {.type = CHAN_F_DATA, .flags = parts > 1 ? CHAN_DATA_FRAG : 0};
			f.u.data.block = s->block;
			f.u.data.seq = s->seq;
			f.u.data.msg = s->msg;
			f.u.data.offset = k * part;
			f.u.data.total = parts * part;
			f.u.data.data = text;
			f.u.data.len = part;
			if (!(mask >> (s->seq & 7) & 1))
				send_as(r, s, &f);
		}
}

static void frame_parity(struct run *r, struct sender *s)
{
	uint8_t symbol[FUZZ_DATAGRAM / 2];
	struct chan_frame f = {.type = CHAN_F_PARITY};
	uint64_t block = (near(r, s->seq) - 1) / s->block;

	memset(symbol, fuzz_u8(&r->in), sizeof symbol);
	f.u.parity.block = s->block;
	f.u.parity.k = (uint8_t)(1 + fuzz_u8(&r->in) % s->block);
	f.u.parity.row = fuzz_u8(&r->in) & 127;
	f.u.parity.first = block * s->block + 1;
	f.u.parity.symbol = symbol;
	f.u.parity.len = 2 + fuzz_u8(&r->in);
	send_as(r, s, &f);
}

static void frame_presence(struct run *r, struct sender *s)
{
	struct chan_frame f = {.type = CHAN_F_PRESENCE, .flags = fuzz_u8(&r->in)};

	f.u.presence.mode = f.flags >> 4 & 3;
	f.flags &= 7;
	f.u.presence.block = s->block;
	f.u.presence.interval_ms = (uint32_t)fuzz_number(&r->in);
	f.u.presence.age_ms = (uint32_t)fuzz_number(&r->in);
	f.u.presence.members = fuzz_u8(&r->in);
	f.u.presence.highest = near(r, s->seq - 1);
	f.u.presence.oldest = near(r, s->seq > 64 ? s->seq - 64 : 1);
	f.u.presence.oldest_msg = near(r, s->msg > 32 ? s->msg - 32 : 1);
	f.u.presence.next_msg = near(r, s->msg);
	f.u.presence.name = (const uint8_t *)"Iris";
	f.u.presence.name_len = fuzz_u8(&r->in) % 5;
	send_as(r, s, &f);
}

/* To the core, or about another sender: overheard. */
static void frame_feedback(struct run *r, struct sender *s)
{
	struct chan_frame f = {.type = CHAN_F_FEEDBACK};
	uint8_t to = fuzz_u8(&r->in);
	const struct sender *other = &r->s[(to >> 1) % SENDERS];

	f.u.feedback.sender = to & 1 ? other->as.id : r->me;
	f.u.feedback.boot = to & 1 ? other->as.boot : r->boot;
	f.u.feedback.next = near(r, 100);
	f.u.feedback.highest = near(r, 100);
	f.u.feedback.overruns = fuzz_u8(&r->in);
	f.u.feedback.n = fuzz_u8(&r->in) % 5;
	for (int i = 0; i < f.u.feedback.n; i++) {
		uint8_t k = r->cfg.block ? (uint8_t)r->cfg.block : 32;
		f.u.feedback.entry[i].first = fuzz_number(&r->in) * k + 1;
		f.u.feedback.entry[i].missing = fuzz_number(&r->in) | 1;
		f.u.feedback.entry[i].need = 1;
	}
	send_as(r, s, &f);
}

static void frame_late(struct run *r, struct sender *s)
{
	struct chan_frame f = {.type = CHAN_F_LATE};

	f.u.late.sender = r->me;
	f.u.late.boot = r->boot;
	f.u.late.n = (uint32_t)fuzz_number(&r->in);
	send_as(r, s, &f);
}

static void frame_start(struct run *r, struct sender *s)
{
	struct chan_frame f = {.type = CHAN_F_START};

	f.u.start.n = (uint32_t)fuzz_number(&r->in);
	f.u.start.seq = near(r, s->seq);
	f.u.start.msg = near(r, s->msg);
	send_as(r, s, &f);
}

static void raw(struct run *r, struct sender *s, bool sealed)
{
	uint8_t buf[256];
	size_t n = fuzz_u8(&r->in);

	for (size_t i = 0; i < n; i++)
		buf[i] = fuzz_u8(&r->in);
	if (sealed)
		send_frame(r, s, buf, n);
	else
		input(r, buf, n, false);
}

/* A datagram seen before, whole or with a bit changed. */
static void again(struct run *r, uint8_t b)
{
	struct kept *k = &r->kept[(b >> 4) % KEPT], hurt;

	if (!k->n)
		return;
	if (b & 1) {
		hurt = *k;
		hurt.bytes[(fuzz_u8(&r->in) * 4u + (b >> 6)) % k->n] ^= (uint8_t)(1 << (b >> 1 & 7));
		FUZZ_CHECK(!input(r, hurt.bytes, hurt.n, false), "accepted a changed datagram");
	} else if (input(r, k->bytes, k->n, true)) {
		FUZZ_CHECK(!k->accepted, "accepted a replay");
		k->accepted = true;
	}
}

/* --- the core's own side --------------------------------------------------------------- */

static void drain(struct run *r)
{
	uint8_t buf[FUZZ_DATAGRAM], *frame;
	struct chan_header h;
	struct chan_frame f;
	size_t n, len;
	unsigned left = 20000;

	while ((n = chan_ops.output(r->c, r->now, buf, sizeof buf)) != 0) {
		FUZZ_CHECK(left--, "output without an end");
		FUZZ_CHECK(n <= r->cfg.max_datagram, "a datagram of %zu bytes", n);
		FUZZ_CHECK(
			fuzz_unseal(r->cipher, buf, n, &h, &frame, &len), "it sends what is not authentic");
		FUZZ_CHECK(h.sender == r->me && h.counter > r->counter, "sender or counter");
		r->counter = h.counter;
		r->boot = h.boot;
		FUZZ_CHECK(chan_frame_decode(frame, len, &f) == LAN_OK, "it sends what it would refuse");
	}
}

static void pass(struct run *r, lan_time until)
{
	r->now = until > r->now ? until : r->now;
	for (int i = 0; i < 4; i++) {
		chan_ops.tick(r->c, r->now);
		drain(r);
		if (chan_ops.deadline(r->c) > r->now)
			return;
		group_pull(r, UINT32_MAX);
	}
	fuzz_die(__FILE__, __LINE__, "its deadline stands still");
}

static void next(struct run *r)
{
	lan_time at = chan_ops.deadline(r->c);

	if (at != LAN_NEVER && at < r->now + LAN_SEC(100))
		pass(r, at);
}

static void send_own(struct run *r, uint8_t b)
{
	static const uint8_t data[MAX_MESSAGE + 1];
	size_t n = fuzz_u8(&r->in) * (size_t)(1 + (b >> 4));
	uint64_t msg;
	enum lan_err e = chan_send(r->c, r->now, data, n, &msg);

	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_FULL || e == LAN_ERR_CLOSED || e == LAN_ERR_TOOBIG,
		"sending: error %d", e);
}

/* The instance begins anew, or its numbers jump. */
static void change_sender(struct run *r, struct sender *s, uint8_t b)
{
	switch (fuzz_u8(&r->in) % 5) {
	case 0:
		s->as.boot++;
		s->seq = s->msg = 1;
		break;
	case 1:
		s->as.epoch = 1 + (b & 1);
		break;
	case 2:
		s->as.counter += fuzz_number(&r->in);
		break;
	case 3:
		s->seq += fuzz_number(&r->in);
		s->msg += fuzz_number(&r->in);
		break;
	case 4:
		s->as.counter -= fuzz_u8(&r->in);
		break;
	}
}

static void change_keys(struct run *r, uint8_t b)
{
	struct chan_keys k = fuzz_keys(r->cipher);

	switch (b >> 4) {
	case 0:
		chan_leave(r->c, r->now);
		break;
	case 1:
		k.n = 1;
		/* fall through */
	default:
		FUZZ_CHECK(chan_rekey(r->c, r->now, &k, &r->cfg.members) == LAN_OK, "no new keys");
	}
}

/* What others send; false: not one of these. */
static bool step_frames(struct run *r, struct sender *s, uint8_t b)
{
	uint64_t seq, msg;

	switch (b & 15) {
	case DO_DATA:
		seq = near(r, s->seq);
		msg = near(r, s->msg);
		frame_data(r, s, seq, msg, fuzz_u8(&r->in));
		return true;
	case DO_RUN:
		run_of_data(r, s, fuzz_u8(&r->in));
		return true;
	case DO_PARITY:
		frame_parity(r, s);
		return true;
	case DO_PRESENCE:
		frame_presence(r, s);
		return true;
	case DO_FEEDBACK:
		frame_feedback(r, s);
		return true;
	case DO_LATE:
		frame_late(r, s);
		return true;
	case DO_START:
		frame_start(r, s);
		return true;
	}
	return false;
}

static void step(struct run *r)
{
	uint8_t b = fuzz_u8(&r->in);
	struct sender *s = who(r, b);

	if (step_frames(r, s, b))
		return;
	switch (b & 15) {
	case DO_FRAME:
	case DO_RAW:
		raw(r, s, (b & 15) == DO_FRAME);
		break;
	case DO_AGAIN:
		again(r, b);
		break;
	case DO_TIME:
		pass(r, r->now + LAN_MS(1) * fuzz_number(&r->in) % LAN_SEC(200));
		break;
	case DO_NEXT:
		next(r);
		break;
	case DO_SEND:
		send_own(r, b);
		break;
	case DO_PULL:
		group_pull(r, (b >> 4) * 8 + 1);
		break;
	case DO_SENDER:
		change_sender(r, s, b);
		break;
	case DO_KEYS:
		change_keys(r, b);
		break;
	}
}

/* --- set-up ---------------------------------------------------------------------------- */

static uint8_t secrets[SENDERS][LAN_SIGN_SECRET], publics[SENDERS][LAN_SIGN_PUBLIC];
static struct chan_member members[1];

static void make_identities(void)
{
	for (uint8_t i = 0; i < SENDERS; i++) {
		uint8_t seed[32];
		memset(seed, 100 + i, sizeof seed);
		lan_sign_keypair(seed, publics[i], secrets[i]);
	}
	memcpy(members[0].public_key, publics[SENDERS - 1], LAN_SIGN_PUBLIC);
	members[0].name = "member";
}

static void make_senders(struct run *r)
{
	for (unsigned i = 0; i < SENDERS; i++) {
		struct sender *s = &r->s[i];
		bool sign = i == SENDERS - 1;
		s->as = (struct fuzz_sender){.id = sign ? chan_sender_of(publics[i]) : 0x1000 + i,
			.boot = FIRST_BOOT + i,
			.counter = i * 10,
			.epoch = 1,
			.secret = sign ? secrets[i] : NULL};
		s->seq = s->msg = 1;
		s->block = r->cfg.block ? (uint8_t)r->cfg.block : 32;
	}
}

static void configure(struct run *r)
{
	static const uint32_t blocks[] = {0, 1, 4, 64}, parities[] = {0, 1, 3, 16};
	uint8_t a = fuzz_u8(&r->in), b = fuzz_u8(&r->in);

	r->cipher = a & 32 ? LAN_AEAD_XCHACHA20 : LAN_AEAD_AES256GCM;
	r->cfg = (struct chan_config){.mode = (enum chan_mode)((a & 3) % 3),
		.channel = FUZZ_CHANNEL,
		.name = "core",
		.keys = fuzz_keys(r->cipher),
		.sender = 0x2000,
		.max_message = MAX_MESSAGE,
		.max_queue = 65536,
		.max_events = 65536,
		.max_datagram = 512,
		.max_partial = 65536,
		.history = 64,
		.late = b & 64 ? 3 : 0,
		.block = blocks[b & 3],
		.parity = parities[b >> 2 & 3],
		.max_senders = 4,
		.rate = b & 128 ? 100000 : 0,
		.flow = (a & 4) != 0,
		.silent = (a & 8) != 0,
		.hear_self = (a & 16) != 0};
	if (a & 64)
		r->cfg.members = (struct chan_members){.n = 1, .member = members};
	if (a & 128 && (b & 48) == 48)
		r->cfg.identity = secrets[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct chan_status st;

	FUZZ_CHECK(lan_crypto_init() == LAN_OK, "no cryptography");
	if (!members[0].name)
		make_identities();
	memset(&r, 0, sizeof r);
	r.in = (struct fuzz_in){.p = data, .end = data + size};
	r.now = LAN_SEC(1000);
	r.seed = 1;
	configure(&r);
	make_senders(&r);
	struct lan_env env = fuzz_env(&r.seed);
	FUZZ_CHECK(chan_new(&env, r.now, &r.cfg, &r.c) == LAN_OK, "no core");
	chan_status(r.c, &st);
	r.me = st.sender;
	r.memory = group_allocated();
	pass(&r, r.now + LAN_MS(60)); /* it announces itself: its boot is known from that */
	while (r.in.p < r.in.end) {
		step(&r);
		group_check(&r);
	}
	pass(&r, r.now + LAN_SEC(1));
	group_pull(&r, UINT32_MAX);
	group_check(&r);
	chan_free(r.c);
	return 0;
}
