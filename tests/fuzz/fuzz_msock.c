/*
 * fuzz_msock.c - the multisock core with an application, a network and a
 * stranger who do anything in any order: send, lose, deliver, forge, wait,
 * sleep. One byte is an operation, its high half a small number.
 *
 * Held at all times: messages come out as they went in and in the order in which
 * their datagrams came; nothing that was refused comes out; every datagram is
 * delivered or counted; senders are bounded, and each is told of once until it
 * left; what waits is what pending says.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/channel/channel.h"
#include "proto/channel/multisock.h"

enum { SEND, SEND_LONG, MOVE, LOSE, FORGE, EMPTY, PULL, WAIT, OPS };

#define SENDERS 4
#define MANY    4096

struct world {
	struct msock *m;
	bool encrypted;
	lan_time now;
	uint16_t sent[MANY]; /* numbers of messages: queued, */
	size_t first, last;
	uint16_t come[MANY]; /* and delivered */
	size_t come_first, come_last;
	uint64_t given, refused, got;
	bool present[16];
	uint8_t wire[MSOCK_DATAGRAM_MAX];
};

static void entropy(void *ctx, void *buf, size_t n)
{
	memset(buf, 0x3c, n);
}

/* Message number i: its number, then as many bytes as the number says; some are longer than is accepted. */
static size_t message(uint16_t i, uint8_t *out)
{
	size_t n = i >> 12 == 15 ? 5000u + i % 4096 : 20 + (size_t)(i >> 12) * 16;

	memset(out, (uint8_t)(i | 0x80), n); /* binary, so that its form loses nothing */
	memcpy(out, &i, sizeof i);
	return n;
}

static void send_one(struct world *w, uint16_t i)
{
	uint8_t data[12000];
	size_t n = message(i, data), before = msock_pending(w->m);
	enum lan_err e = msock_send(w->m, w->now, data, n, MSOCK_BYTEARRAY);

	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_FULL, "send: %d", e);
	FUZZ_CHECK(!e == (msock_pending(w->m) > before), "pending");
	if (!e)
		w->sent[w->last++ % MANY] = i;
	FUZZ_CHECK(w->last - w->first < MANY, "the queue has no bound");
}

static struct lan_from from_of(unsigned i)
{
	return (struct lan_from){.addr = {[15] = (uint8_t)i}, .port = 5};
}

static bool give(struct world *w, unsigned who, size_t n)
{
	struct lan_from from = from_of(who);

	if (!msock_ops.open(w->m))
		return false;
	enum lan_err e = msock_ops.input(w->m, w->now, &from, w->wire, n);
	w->given++;
	w->refused += e != LAN_OK;
	return !e;
}

static void move(struct world *w, unsigned who, bool lose)
{
	if (!lose && !msock_ops.open(w->m))
		return;
	size_t n = msock_ops.output(w->m, w->now, w->wire, sizeof w->wire);
	FUZZ_CHECK((n > 0) == (w->last > w->first), "output gives what is not there, or not what is");
	if (!n)
		return;
	uint16_t i = w->sent[w->first++ % MANY];
	if (lose)
		return;
	bool fits = n <= 4096;
	FUZZ_CHECK(give(w, who, n) == fits, "our own datagram");
	if (fits)
		w->come[w->come_last++ % MANY] = i;
}

static void forge(struct world *w, unsigned who, const uint8_t *p, size_t n)
{
	memcpy(w->wire, p, n);
	if (give(w, who, n)) /* one that tells no number: it is looked for as 0xffff */
		w->come[w->come_last++ % MANY] = 0xffff;
}

static void pull(struct world *w, unsigned times)
{
	struct chan_event ev;
	uint8_t data[12000];

	for (unsigned k = 0; k < times && msock_event(w->m, &ev); k++) {
		unsigned who = ev.from.addr[15];
		if (ev.kind == CHAN_JOINED || ev.kind == CHAN_LEFT) {
			FUZZ_CHECK(who < 16 && w->present[who] == (ev.kind == CHAN_LEFT),
				"%u came or went twice", who);
			w->present[who] = ev.kind == CHAN_JOINED;
		}
		if (ev.kind == CHAN_REFUSED)
			FUZZ_CHECK(ev.count && ev.reason && *ev.reason, "refused without a reason");
		if (ev.kind != CHAN_MESSAGE)
			continue;
		FUZZ_CHECK(w->come_first < w->come_last, "a message nobody sent");
		uint16_t i = w->come[w->come_first++ % MANY];
		w->got++;
		FUZZ_CHECK(w->present[who], "a message of somebody who never came");
		FUZZ_CHECK(ev.len == 0 || ev.data[ev.len] == 0, "no NUL behind the data");
		if (i != 0xffff) {
			size_t n = message(i, data);
			FUZZ_CHECK(ev.len == n && memcmp(ev.data, data, n) == 0, "message %u changed", i);
		}
	}
}

static void wait(struct world *w, unsigned a)
{
	lan_time at = msock_ops.deadline(w->m);

	w->now = a < 8 && at != LAN_NEVER && at > w->now ? at : w->now + LAN_MS(1 << a);
	msock_ops.tick(w->m, w->now);
	at = msock_ops.deadline(w->m);
	FUZZ_CHECK(at > w->now, "a deadline that does not pass");
}

static void check(struct world *w)
{
	struct chan_sender s;
	struct chan_status st;

	msock_status(w->m, &st);
	FUZZ_CHECK(st.members <= SENDERS && !msock_sender(w->m, st.members, &s), "too many senders");
	FUZZ_CHECK(st.rx_datagrams == w->given && st.rx_refused == w->refused, "counts");
	FUZZ_CHECK(st.rx_messages == w->given - w->refused && st.rx_messages == w->come_last, "messages");
	FUZZ_CHECK((msock_pending(w->m) > 0) == (w->last > w->first), "pending");
}

static void run(struct world *w, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned a = p[i] >> 4;
		switch (p[i] % OPS) {
		case SEND:
			send_one(w, (uint16_t)(i & 0xff));
			break;
		case SEND_LONG:
			send_one(w, (uint16_t)(a << 12 | (i & 0xfff)));
			break;
		case MOVE:
		case LOSE:
			move(w, a, p[i] % OPS == LOSE);
			break;
		case FORGE: {
			size_t k = i + 1 < n ? p[i + 1] : 0;
			k = k < n - i - 1 ? k : n - i - 1;
			forge(w, a, p + i + 1, k);
			i += k;
			break;
		}
		case EMPTY:
			forge(w, a, p, 0);
			break;
		case PULL:
			pull(w, a + 1);
			break;
		case WAIT:
			wait(w, a);
		}
		check(w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static const struct lan_env env = {.entropy = entropy};
	struct msock_config cfg = {.max_queue = 100000, .max_events = 20000, .max_senders = SENDERS};

	FUZZ_CHECK(!lan_crypto_init(), "no cipher");
	if (size == 0 || size > 1000)
		return 0;
	memset(&w, 0, offsetof(struct world, wire));
	w.now = LAN_SEC(10);
	if ((w.encrypted = data[0] & 1)) {
		cfg.key = "pwd";
		cfg.iv = "passphrase";
	}
	FUZZ_CHECK(!msock_new(&env, &cfg, &w.m), "no core");
	run(&w, data + 1, size - 1);
	pull(&w, 1000000);
	FUZZ_CHECK(w.come_first == w.come_last, "%zu messages never came", w.come_last - w.come_first);
	msock_free(w.m);
	return 0;
}
