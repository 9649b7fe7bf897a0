/*
 * fuzz_chan_pair.c - two or three members of a sealed channel with a network
 * between them that does what the input says to each datagram on its way to each
 * member: deliver, drop, double, delay, damage. The applications write, and pull
 * or do not.
 *
 * What is delivered was sent by that member under that number with those bytes,
 * once, and in the modes with order in order; what was reported lost does not
 * come any more. When the input is over the network heals; then, in the reliable
 * mode, nothing may be missing or lost: all that is written stays within the
 * history. (Who opened the channel after the sender did may have missed the
 * beginning, but nothing after the first message it heard.)
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "insider.h"

#define MEMBERS  3
#define MESSAGES 120
#define MESSAGE  4096 /* bytes */
#define FRAMES   200  /* a member sends at most; the history keeps them all */
#define FLIGHTS  4096
#define LATENCY  LAN_MS(1)

enum fate { OPEN = 0, DELIVERED, LOST };

struct member {
	struct chan *c;
	uint64_t seed, id;
	uint32_t len[MESSAGES + 1]; /* by number */
	uint64_t n, frames;
	uint8_t fate[MEMBERS][MESSAGES + 2]; /* of a sender's messages */
	uint64_t next[MEMBERS], first[MEMBERS];
	bool asleep;
};

struct flight {
	lan_time at;
	int to, from;
	bool damaged;
	size_t n;
	uint8_t bytes[FUZZ_DATAGRAM];
};

struct world {
	struct fuzz_in in;
	struct chan_config cfg;
	struct member m[MEMBERS];
	int n;
	lan_time now;
	struct flight *flight; /* FLIGHTS */
	unsigned flights;
};

/* --- books ------------------------------------------------------------------------ */

static void fill(int member, uint64_t number, uint8_t *out, size_t n)
{
	uint8_t x = (uint8_t)((uint64_t)member * 101 + number * 7 + 1);

	for (size_t i = 0; i < n; i++, x += 13)
		out[i] = x;
}

static int member_of(const struct world *w, uint64_t id)
{
	for (int i = 0; i < w->n; i++)
		if (w->m[i].id == id)
			return i;
	fuzz_die(__FILE__, __LINE__, "an event of nobody");
}

static void check_message(struct world *w, struct member *m, const struct chan_event *ev)
{
	int from = member_of(w, ev->sender);
	const struct member *s = &w->m[from];

	FUZZ_CHECK(s != m, "it hears itself");
	FUZZ_CHECK(ev->seq >= 1 && ev->seq <= s->n, "message %llu was not sent", (unsigned long long)ev->seq);
	FUZZ_CHECK(ev->len == s->len[ev->seq], "message %llu has %zu bytes, not %u",
		(unsigned long long)ev->seq, ev->len, s->len[ev->seq]);
	uint8_t want[MESSAGE];
	fill(from, ev->seq, want, ev->len);
	FUZZ_CHECK(!ev->len || memcmp(ev->data, want, ev->len) == 0, "other bytes");
	FUZZ_CHECK(m->fate[from][ev->seq] != DELIVERED, "message %llu twice", (unsigned long long)ev->seq);
	if (w->cfg.mode != CHAN_BEST_EFFORT) {
		FUZZ_CHECK(m->fate[from][ev->seq] == OPEN, "a lost message came");
		FUZZ_CHECK(ev->seq >= m->next[from], "message %llu after %llu", (unsigned long long)ev->seq,
			(unsigned long long)m->next[from] - 1);
		FUZZ_CHECK(!m->next[from] || ev->seq == m->next[from] || w->cfg.mode == CHAN_ORDERED,
			"message %llu, %llu is neither here nor lost", (unsigned long long)ev->seq,
			(unsigned long long)m->next[from]);
	}
	m->fate[from][ev->seq] = DELIVERED;
	m->first[from] = m->first[from] ? m->first[from] : ev->seq;
	m->next[from] = ev->seq + 1;
}

static void check_lost(struct world *w, struct member *m, const struct chan_event *ev)
{
	int from = member_of(w, ev->sender);

	FUZZ_CHECK(ev->first >= 1 && ev->first <= ev->last && ev->last <= w->m[from].n &&
			   ev->count == ev->last - ev->first + 1,
		"lost %llu to %llu of %llu", (unsigned long long)ev->first, (unsigned long long)ev->last,
		(unsigned long long)w->m[from].n);
	FUZZ_CHECK(w->cfg.mode != CHAN_RELIABLE, "lost %llu to %llu within the history: %s",
		(unsigned long long)ev->first, (unsigned long long)ev->last, ev->reason ? ev->reason : "");
	for (uint64_t i = ev->first; i <= ev->last; i++) {
		FUZZ_CHECK(m->fate[from][i] == OPEN, "message %llu is lost, too", (unsigned long long)i);
		m->fate[from][i] = LOST;
	}
	if (w->cfg.mode == CHAN_ORDERED) {
		FUZZ_CHECK(ev->first >= m->next[from], "lost and past");
		m->next[from] = ev->last + 1;
	}
}

static void pull(struct world *w, struct member *m)
{
	struct chan_event ev;

	while (chan_event(m->c, &ev)) {
		if (ev.kind == CHAN_MESSAGE)
			check_message(w, m, &ev);
		else if (ev.kind == CHAN_LOST)
			check_lost(w, m, &ev);
	}
}

/* --- the network ---------------------------------------------------------------------- */

static void fly(struct world *w, int from, int to, const uint8_t *p, size_t n, lan_time delay, bool damaged)
{
	if (w->flights == FLIGHTS)
		return; /* a loss like any other */
	struct flight *f = &w->flight[w->flights++];
	f->at = w->now + LATENCY + delay;
	f->from = from;
	f->to = to;
	f->n = n;
	f->damaged = damaged;
	memcpy(f->bytes, p, n);
}

static void carry(struct world *w, int from, int to, const uint8_t *p, size_t n)
{
	uint8_t b = fuzz_u8(&w->in), hurt[FUZZ_DATAGRAM];

	switch (b & 7) {
	case 4:
		return;
	case 5:
		fly(w, from, to, p, n, (b >> 3) * LAN_MS(1), false);
		break;
	case 6:
		fly(w, from, to, p, n, (b >> 3) * LAN_MS(3), false);
		return;
	case 7:
		memcpy(hurt, p, n);
		hurt[(b >> 3) * 17u % n] ^= (uint8_t)(1 << (b >> 3 & 7));
		fly(w, from, to, hurt, n, 0, true);
		return;
	}
	fly(w, from, to, p, n, 0, false);
}

static void drain(struct world *w, int i)
{
	uint8_t buf[FUZZ_DATAGRAM];
	size_t n;
	unsigned left = 5000;

	while ((n = chan_ops.output(w->m[i].c, w->now, buf, sizeof buf)) != 0) {
		FUZZ_CHECK(left--, "output without an end");
		for (int to = 0; to < w->n; to++)
			if (to != i)
				carry(w, i, to, buf, n);
	}
}

static void land(struct world *w)
{
	for (unsigned i = 0; i < w->flights;) {
		struct flight *f = &w->flight[i];
		struct lan_from from = {.addr = {[15] = (uint8_t)(f->from + 1)}, .port = 5000, .ifindex = 1};
		if (f->at > w->now) {
			i++;
			continue;
		}
		if (!chan_ops.open(w->m[f->to].c)) { /* the kernel keeps it */
			f->at = w->now + LAN_MS(1);
			i++;
			continue;
		}
		enum lan_err e = chan_ops.input(w->m[f->to].c, w->now, &from, f->bytes, f->n);
		FUZZ_CHECK(!f->damaged || e, "a damaged datagram was accepted");
		*f = w->flight[--w->flights];
	}
}

static void serve(struct world *w)
{
	for (int i = 0; i < w->n; i++) {
		struct member *m = &w->m[i];
		if (chan_ops.deadline(m->c) <= w->now)
			chan_ops.tick(m->c, w->now);
		drain(w, i);
		if (!m->asleep)
			pull(w, m);
		drain(w, i);
	}
}

static lan_time next_moment(const struct world *w, lan_time until)
{
	for (unsigned i = 0; i < w->flights; i++)
		until = w->flight[i].at < until ? w->flight[i].at : until;
	for (int i = 0; i < w->n; i++) {
		lan_time at = chan_ops.deadline(w->m[i].c);
		until = at < until ? at : until;
	}
	return until;
}

static void run(struct world *w, lan_time until)
{
	unsigned left = 200000;

	serve(w);
	while (w->now < until) {
		lan_time at = next_moment(w, until);
		FUZZ_CHECK(left--, "time stands still");
		w->now = at > w->now ? at : w->now + LAN_US(50);
		land(w);
		serve(w);
	}
}

/* --- what the applications do ------------------------------------------------------------ */

static void write_some(struct world *w, int i, uint8_t b)
{
	struct member *m = &w->m[i];
	uint8_t data[MESSAGE];
	uint64_t number;

	for (unsigned k = 0; k <= (b >> 4) && m->n < MESSAGES; k++) {
		size_t n = fuzz_u8(&w->in) * (b & 8 ? 12u : 1u), frames = 1 + n / 380;
		if (m->frames + frames > FRAMES)
			return;
		fill(i, m->n + 1, data, n);
		m->len[m->n + 1] = (uint32_t)n;
		enum lan_err e = chan_send(m->c, w->now, data, n, &number);
		if (e == LAN_ERR_FULL)
			return;
		FUZZ_CHECK(e == LAN_OK && number == m->n + 1, "sending: error %d, number %llu", e,
			(unsigned long long)number);
		m->n++;
		m->frames += frames;
	}
}

static void act(struct world *w)
{
	uint8_t b = fuzz_u8(&w->in);
	int i = (b >> 2 & 3) % w->n;

	switch (b & 3) {
	case 0:
		write_some(w, i, fuzz_u8(&w->in));
		break;
	case 1:
		write_some(w, 0, b);
		break;
	case 2:
		run(w, w->now + LAN_MS(1) + (b >> 2) * LAN_MS(3));
		break;
	case 3:
		w->m[i].asleep = b & 16;
		serve(w);
		break;
	}
}

static void check_all_there(const struct world *w)
{
	for (int to = 0; to < w->n; to++)
		for (int from = 0; from < w->n; from++) {
			uint64_t first = to < from ? 1 : w->m[to].first[from];
			if (to == from)
				continue;
			for (uint64_t i = first; first && i <= w->m[from].n; i++)
				FUZZ_CHECK(w->m[to].fate[from][i] == DELIVERED,
					"message %llu of member %d never came to member %d",
					(unsigned long long)i, from, to);
		}
}

/* Until all is sent, and then as long as it takes to ask for what is missing. */
static void settle(struct world *w)
{
	bool busy = true;

	for (int i = 0; busy && i < 60; i++) {
		run(w, w->now + LAN_SEC(1));
		busy = false;
		for (int k = 0; k < w->n; k++)
			busy |= chan_pending(w->m[k].c) != 0;
	}
	FUZZ_CHECK(!busy, "it does not get rid of what it has to send");
	run(w, w->now + LAN_SEC(3));
}

static void open_all(struct world *w)
{
	static const uint32_t blocks[] = {32, 1, 4, 64}, parities[] = {0, 0, 2, 16};
	uint8_t a = fuzz_u8(&w->in), b = fuzz_u8(&w->in);

	w->n = a & 128 ? 3 : 2;
	w->cfg = (struct chan_config){.mode = (enum chan_mode)(2 - (a & 3) % 3),
		.channel = FUZZ_CHANNEL,
		.keys = fuzz_keys(LAN_AEAD_AES256GCM),
		.max_message = MESSAGE,
		.max_queue = 65536,
		.max_datagram = 512,
		.history = 1024,
		.block = blocks[b & 3],
		.parity = parities[b >> 2 & 3],
		.max_senders = 4,
		.presence = LAN_MS(200),
		.rate = b & 16 ? 2000000 : 0,
		.flow = (a & 4) != 0};
	for (int i = 0; i < w->n; i++) {
		struct member *m = &w->m[i];
		struct lan_env env = fuzz_env(&m->seed);
		m->seed = (uint64_t)i + 1;
		w->cfg.sender = m->id = 0x100 + (uint64_t)i;
		w->cfg.silent = i == 0 && (a & 8) && w->cfg.mode != CHAN_RELIABLE;
		FUZZ_CHECK(chan_new(&env, w->now, &w->cfg, &m->c) == LAN_OK, "no core");
		w->now += LAN_MS(5);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flight flights[FLIGHTS];
	static struct world w;

	FUZZ_CHECK(lan_crypto_init() == LAN_OK, "no cryptography");
	memset(&w, 0, sizeof w);
	w.in = (struct fuzz_in){.p = data, .end = data + size};
	w.flight = flights;
	w.now = LAN_SEC(1000);
	open_all(&w);
	while (w.in.p < w.in.end)
		act(&w);
	for (int i = 0; i < w.n; i++)
		w.m[i].asleep = false;
	settle(&w);
	if (w.cfg.mode == CHAN_RELIABLE)
		check_all_there(&w);
	for (int i = 0; i < w.n; i++)
		chan_free(w.m[i].c);
	return 0;
}
